//! Sends a conversation to the team that its class belongs to (E2), by a table in the configuration.
//!
//! A conversation is routed when it has no team yet, and again when this run changed its grade, category or tags. Any
//! other message leaves it where it is, so a transfer by a person stands.
mod config;

use tributary_policy::Condition;
use tributary_sdk::desk::{Action, Decision, Fault, Happening, Route, Snapshot};
use tributary_sdk::{Plugin, Policy, PrepareError};

pub use config::{Config, Row};

/// The prepared policy.
pub struct Routing {
    default_team: String,
    rows: Vec<Prepared>,
}

struct Prepared {
    when: Condition,
    team: String,
    skills: Vec<String>,
    senior: bool,
}

tributary_sdk::export!(Routing: policy);

impl Plugin for Routing {
    type Config = Config;

    fn prepare(config: Config) -> Result<Self, PrepareError> {
        if config.default_team.is_empty() {
            return Err(PrepareError::value("default-team", "expected the name of a team"));
        }
        let rows = config.routes.into_iter().enumerate().map(prepare_row).collect::<Result<_, _>>()?;
        Ok(Self { default_team: config.default_team, rows })
    }
}

fn prepare_row((index, row): (usize, Row)) -> Result<Prepared, PrepareError> {
    if row.team.is_empty() {
        return Err(PrepareError::value(format!("routes.{index}.team"), "expected the name of a team"));
    }
    let when = row.when.prepare(&format!("routes.{index}"))?;
    Ok(Prepared { when, team: row.team, skills: row.skills, senior: row.senior })
}

impl Policy for Routing {
    fn decide(&self, conversation: &Snapshot, happening: &Happening) -> Result<Vec<Decision>, Fault> {
        if !matches!(happening, Happening::Message(_) | Happening::Order(_)) {
            return Ok(Vec::new());
        }
        if conversation.current_team().is_some() && !reclassified(conversation) {
            return Ok(Vec::new());
        }
        let decision = match self.rows.iter().find(|prepared| prepared.when.fits(conversation)) {
            Some(prepared) => prepared.decision(conversation),
            None => {
                let why = format!("no row of the routing table fits, so team {} has it", self.default_team);
                decision(&self.default_team, &[], false, "E1", why)
            }
        };
        // A team that has it already keeps it, and with it whatever an agent of that team arranged.
        let same = matches!(&decision.action, Action::Route(route)
            if conversation.current_team() == Some(route.team.as_str()) && !route.senior);
        Ok(if same { Vec::new() } else { vec![decision] })
    }
}

/// Whether a policy before this one changed what the table looks at.
fn reclassified(conversation: &Snapshot) -> bool {
    conversation.decided.iter().any(|decision| {
        matches!(
            decision.action,
            Action::SetGrade(_) | Action::SetCategory(_) | Action::AddTag(_) | Action::RemoveTag(_)
        )
    })
}

impl Prepared {
    fn decision(&self, conversation: &Snapshot) -> Decision {
        let reason = self.when.reason(conversation).unwrap_or_else(|| "everything".to_owned());
        let why = format!("{reason} belongs to team {}", self.team);
        decision(&self.team, &self.skills, self.senior, "E2", why)
    }
}

fn decision(team: &str, skills: &[String], senior: bool, rule: &str, why: String) -> Decision {
    let route = Route { team: team.into(), skills: skills.to_vec(), prefer_agent: None, senior, tier: 0 };
    Decision::new(Action::Route(route), rule, why)
}
