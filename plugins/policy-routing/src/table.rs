//! Who works on a conversation: by what it is about, and by whose it is.
use tributary_policy::Condition;
use tributary_sdk::PrepareError;
use tributary_sdk::desk::{Grade, Route, Snapshot};

use crate::config::{Row, Tier};

/// Both tables, checked.
pub struct Table {
    default_team: String,
    rows: Vec<(Condition, Row)>,
    tiers: Vec<(Condition, Tier)>,
}

/// A route, the rule it follows, and why.
pub struct Routed {
    pub route: Route,
    pub rule: String,
    pub why: String,
}

impl Table {
    pub fn prepare(default_team: String, rows: Vec<Row>, tiers: Vec<Tier>) -> Result<Self, PrepareError> {
        let team = |name: &str, key: String| match name {
            "" => Err(PrepareError::value(key, "expected the name of a team")),
            _ => Ok(()),
        };
        team(&default_team, "default-team".into())?;
        let row = |(index, row): (usize, Row)| {
            team(&row.team, format!("routes.{index}.team"))?;
            let skill = row.skills.iter().find(|skill| !is_skill(skill));
            if let Some(skill) = skill {
                let problem =
                    format!("`{skill}`: expected a name, or a name and a level from 1 to 9 such as `refund:2`");
                return Err(PrepareError::value(format!("routes.{index}.skills"), problem));
            }
            Ok((row.when.clone().prepare(&format!("routes.{index}"))?, row))
        };
        let tier = |(index, tier): (usize, Tier)| {
            team(tier.team.as_deref().unwrap_or("none"), format!("tiers.{index}.team"))?;
            if tier.contact_tags.is_empty() {
                return Err(PrepareError::value(format!("tiers.{index}.contact-tags"), "expected one tag at least"));
            }
            if tier.rule.is_empty() {
                return Err(PrepareError::value(
                    format!("tiers.{index}.rule"),
                    "expected the rule that decisions name",
                ));
            }
            Ok((tier.when.clone().prepare(&format!("tiers.{index}"))?, tier))
        };
        Ok(Self {
            default_team,
            rows: rows.into_iter().enumerate().map(row).collect::<Result<_, _>>()?,
            tiers: tiers.into_iter().enumerate().map(tier).collect::<Result<_, _>>()?,
        })
    }

    /// Where a conversation belongs, as it is with this run's decisions. `wide`: to every agent of the team.
    pub fn route(&self, conversation: &Snapshot, wide: bool) -> Routed {
        let mut routed = self.by_matter(conversation);
        let route = &mut routed.route;
        let tiers: Vec<(&Tier, &str)> = self.tiers_of(conversation).collect();
        // An emergency goes to those who can end it (E6), whoever has it.
        let own = tiers.iter().find_map(|(tier, tag)| Some((tier, tag, tier.team.as_ref()?)));
        if let Some((tier, tag, team)) = own.filter(|_| !is_emergency(conversation)) {
            *route = Route { team: team.clone(), skills: Vec::new(), senior: false, ..route.clone() };
            routed.rule.clone_from(&tier.rule);
            routed.why = format!("customers tagged {tag} belong to team {team}");
        }
        for (tier, tag) in tiers {
            route.tier = route.tier.max(tier.tier);
            route.senior |= tier.senior;
            let senior = if tier.senior { ", a senior agent" } else { "" };
            routed.why += &format!("; {}: the customer is tagged {tag}, so tier {}{senior}", tier.rule, tier.tier);
        }
        if wide && !is_emergency(conversation) {
            route.skills.clear();
            route.senior = false;
        }
        routed
    }

    /// The row that fits.
    fn by_matter(&self, conversation: &Snapshot) -> Routed {
        let Some((when, row)) = self.rows.iter().find(|(when, _)| when.fits(conversation)) else {
            let team = self.default_team.clone();
            let why = format!("no row of the routing table fits, so team {team} has it");
            let route = Route { team, skills: Vec::new(), prefer_agent: None, senior: false, tier: 0 };
            return Routed { route, rule: "E1".into(), why };
        };
        let reason = when.reason(conversation).unwrap_or_else(|| "everything".to_owned());
        let why = format!("{reason} belongs to team {}", row.team);
        let (team, skills, senior) = (row.team.clone(), row.skills.clone(), row.senior);
        Routed { route: Route { team, skills, prefer_agent: None, senior, tier: 0 }, rule: "E2".into(), why }
    }

    /// The rows that a customer belongs to, each with the tag by which.
    fn tiers_of(&self, conversation: &Snapshot) -> impl Iterator<Item = (&Tier, &str)> {
        let tags = &conversation.contact.tags;
        let fitting = self.tiers.iter().filter(|(when, _)| when.fits(conversation));
        fitting.filter_map(|(_, tier)| Some((tier, tier.contact_tags.iter().find(|tag| tags.contains(tag))?.as_str())))
    }
}

pub fn is_emergency(conversation: &Snapshot) -> bool {
    conversation.current_grade() == Some(Grade::Emergency)
}

/// `refund`, `refund:2`.
fn is_skill(text: &str) -> bool {
    let (name, level) = text.split_once(':').unwrap_or((text, "1"));
    !name.is_empty() && matches!(level.as_bytes(), [b'1'..=b'9'])
}
