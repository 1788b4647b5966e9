//! Who works on conversations: an agent's teams, skills and capacity, and who may have which conversation.
//!
//! An agent without a profile is not bound by any of it: a desk of three people needs no teams.
use crate::conversation::Conversation;
use crate::queue::{Lane, Rules};
use crate::time::Timestamp;
use crate::{AgentName, ChannelName};
use std::fmt;

words! {
    /// Whether an agent takes work.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum Presence {
        /// Takes what is next.
        Available = "available",
        /// Takes nothing.
        Away = "away",
    }
}

/// Something an agent can do, and how well: 1 to 9. As text `refund` (level 1) or `refund:2`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Skill {
    /// Its name.
    pub name: String,
    /// How well an agent can do it, or has to.
    pub level: u8,
}

impl Skill {
    /// The skill of a text. `None`: no name, a name of more than 64 bytes or with a comma, a colon or a control character in
    /// it, or a level that is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, level) = match text.rsplit_once(':') {
            Some((name, level)) => (name, level.parse().ok().filter(|level| (1..=9).contains(level))?),
            None => (text, 1),
        };
        let fits = (1..=64).contains(&name.len()) && !name.contains(|c: char| matches!(c, ',' | ':') || c.is_control());
        fits.then(|| Self { name: name.into(), level })
    }
}

impl fmt::Display for Skill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.level {
            1 => f.write_str(&self.name),
            level => write!(f, "{}:{level}", self.name),
        }
    }
}

/// What is known of an agent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Profile {
    /// The agent.
    pub name: AgentName,
    /// The teams the agent works in. None: in all.
    pub teams: Vec<String>,
    /// What the agent can do.
    pub skills: Vec<Skill>,
    /// Takes what only a senior agent may have.
    pub senior: bool,
    /// How much the agent has at once, in units: what a conversation takes is its channel's weight, see [`Rules::weight`].
    pub capacity: u32,
    /// Whether the agent takes work.
    pub presence: Presence,
    /// Since when.
    pub since: Timestamp,
}

/// Why an agent does not get a conversation now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unfit {
    /// The agent takes nothing now.
    Away,
    /// It does not fit beside what the agent has: units in use, and how many there are.
    Full(u32, u32),
    /// It is for this team.
    OtherTeam(String),
    /// It takes this skill, and nobody of the team who has it has come for too short a while.
    Unskilled(Skill),
    /// It takes a senior agent.
    NotSenior,
    /// It is kept for this agent.
    KeptFor(AgentName),
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Away => f.write_str("away"),
            Self::Full(load, capacity) => write!(f, "has no room: {load} of {capacity} in use"),
            Self::OtherTeam(team) => write!(f, "not in team {team}"),
            Self::Unskilled(skill) => write!(f, "lacks the skill {skill}"),
            Self::NotSenior => f.write_str("not senior"),
            Self::KeptFor(agent) => write!(f, "it is kept for {agent}"),
        }
    }
}

impl std::error::Error for Unfit {}

impl Profile {
    /// Whether the agent works in a team.
    pub fn is_of(&self, team: &str) -> bool {
        self.teams.is_empty() || self.teams.iter().any(|one| one == team)
    }

    /// Why the agent does not get what stands in a lane. What only a skill or seniority is against yields after a while, see
    /// [`Unfit::yields`].
    pub fn against(&self, lane: &Lane) -> Option<Unfit> {
        match lane {
            Lane::Kept(agent) => (*agent != self.name).then(|| Unfit::KeptFor(agent.clone())),
            Lane::Open { team, skills, senior } => {
                if let Some(team) = team.as_ref().filter(|team| !self.is_of(team)) {
                    return Some(Unfit::OtherTeam(team.clone()));
                }
                let has = |needed: &&Skill| {
                    self.skills.iter().any(|one| one.name == needed.name && one.level >= needed.level)
                };
                match skills.iter().find(|skill| !has(skill)) {
                    Some(skill) => Some(Unfit::Unskilled(skill.clone())),
                    None => (*senior && !self.senior).then_some(Unfit::NotSenior),
                }
            }
        }
    }

    /// Why the agent takes nothing at all with so many units in use.
    pub fn unready(&self, load: u32) -> Option<Unfit> {
        match self.presence {
            Presence::Away => Some(Unfit::Away),
            Presence::Available => (load >= self.capacity).then_some(Unfit::Full(load, self.capacity)),
        }
    }

    /// Whether there is room for a conversation of a channel. What takes more than an agent has fits an agent who has
    /// nothing.
    pub fn has_room(&self, load: u32, channel: &ChannelName, rules: &Rules) -> bool {
        load == 0 || load.saturating_add(rules.weight(channel)) <= self.capacity
    }

    /// Why the agent does not get this conversation now, with so many units in use.
    pub fn unfit(&self, load: u32, it: &Conversation, rules: &Rules, now: Timestamp) -> Option<Unfit> {
        let unfit = self.unready(load).or_else(|| {
            let room = self.has_room(load, &it.last_channel, rules);
            (!room).then_some(Unfit::Full(load, self.capacity))
        });
        unfit.or_else(|| self.against(&it.lane()).filter(|unfit| !unfit.yields() || now < rules.yields_at(it)))
    }
}

impl Unfit {
    /// Whether it holds for a while only.
    pub fn yields(&self) -> bool {
        matches!(self, Self::Unskilled(_) | Self::NotSenior)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::{Grade, Route};
    use crate::{ContactId, ConversationId};

    fn ann() -> Profile {
        Profile {
            name: "ann".into(),
            teams: vec!["care".into()],
            skills: vec![Skill { name: "refund".into(), level: 2 }],
            senior: false,
            capacity: 3,
            presence: Presence::Available,
            since: Timestamp(0),
        }
    }

    fn waiting(route: Route) -> Conversation {
        let mut it =
            Conversation::open(ConversationId(1), ContactId(1), "chat".into(), None, "token".into(), Timestamp(0));
        it.route = Some(route);
        it
    }

    fn route(team: &str, skills: &[&str], senior: bool) -> Route {
        let skills = skills.iter().map(ToString::to_string).collect();
        Route { team: team.into(), skills, senior, ..Route::default() }
    }

    #[test]
    fn a_skill_is_a_name_and_a_level() {
        for (text, name, level) in [("refund", "refund", 1), ("refund:3", "refund", 3)] {
            let skill = Skill::parse(text).expect(text);
            assert_eq!((skill.name.as_str(), skill.level), (name, level));
            assert_eq!(Skill::parse(&skill.to_string()), Some(skill));
        }
        for text in ["", ":1", "a:0", "a:10", "a:b", "a:b:9", "a,b", "a\u{1f}"] {
            assert_eq!(Skill::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn each_reason_against_an_agent_is_told() {
        let rules = Rules::default();
        let unfit = |agent: &Profile, load, route, now| agent.unfit(load, &waiting(route), &rules, Timestamp(now));
        let fits = route("care", &["refund"], false);
        assert_eq!(unfit(&ann(), 2, fits.clone(), 1), None);
        assert_eq!(unfit(&ann(), 3, fits.clone(), 1), Some(Unfit::Full(3, 3)));
        let away = Profile { presence: Presence::Away, ..ann() };
        assert_eq!(unfit(&away, 0, fits, 1), Some(Unfit::Away));
        assert_eq!(unfit(&ann(), 0, route("risk", &[], false), u64::MAX), Some(Unfit::OtherTeam("risk".into())));
        let yields = rules.relax.as_millis() as u64;
        for (hard, why) in [
            (route("care", &["refund:3"], false), Unfit::Unskilled(Skill { name: "refund".into(), level: 3 })),
            (route("care", &[], true), Unfit::NotSenior),
        ] {
            assert_eq!(unfit(&ann(), 0, hard.clone(), yields - 1), Some(why));
            assert_eq!(unfit(&ann(), 0, hard, yields), None, "after a while anybody of the team will do");
        }
    }

    #[test]
    fn an_emergency_waits_for_no_skill() {
        let mut it = waiting(route("care", &["law"], true));
        assert!(ann().unfit(0, &it, &Rules::default(), Timestamp(1)).is_some());
        it.grade = Some(Grade::Emergency);
        assert_eq!(ann().unfit(0, &it, &Rules::default(), Timestamp(1)), None);
    }

    #[test]
    fn a_heavy_conversation_takes_more_room() {
        let rules = Rules { weights: vec![("chat".into(), 2)], ..Rules::default() };
        let it = waiting(route("care", &[], false));
        assert_eq!(ann().unfit(1, &it, &rules, Timestamp(1)), None);
        assert_eq!(ann().unfit(2, &it, &rules, Timestamp(1)), Some(Unfit::Full(2, 3)));
        let one = Profile { capacity: 1, ..ann() };
        assert_eq!(one.unfit(0, &it, &rules, Timestamp(1)), None, "one at least");
    }

    #[test]
    fn what_is_kept_for_an_agent_is_for_nobody_else() {
        let mut it = waiting(route("care", &[], false));
        it.own = Some("bo".into());
        it.kept_until = Some(Timestamp(9));
        assert_eq!(ann().unfit(0, &it, &Rules::default(), Timestamp(1)), Some(Unfit::KeptFor("bo".into())));
        assert_eq!(Profile { name: "bo".into(), teams: vec!["risk".into()], ..ann() }.against(&it.lane()), None);
    }
}
