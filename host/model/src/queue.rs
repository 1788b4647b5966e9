//! The order of the queue (E1–E8): emergencies first, then what is due next, then the customer's tier, then age. And its
//! lanes: what the same agents may have stands in one.
use crate::agent::Skill;
use crate::conversation::Conversation;
use crate::decision::{Grade, Route};
use crate::time::Timestamp;
use crate::{AgentName, ChannelName, ConversationId};
use std::cmp::Reverse;
use std::time::Duration;

/// Where a conversation stands in the queue: the smallest key is next. The store keeps the same columns and the id, in
/// this order, in one index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Key {
    /// 0 for an emergency, else 1.
    pub rank: u8,
    /// In which minute since the epoch the nearest clock is breached: what is due within one minute is due at the same
    /// time. The last there is where none runs.
    pub minute: u64,
    /// The higher tier first.
    pub tier: Reverse<u8>,
    /// Since when the customer waits.
    pub since: Timestamp,
    /// Breaks ties, oldest first.
    pub id: ConversationId,
}

/// What stands for "no clock runs": larger than any real moment, and small enough for a signed column.
pub const NEVER: Timestamp = Timestamp(i64::MAX as u64);

/// What is due within the same so many milliseconds is due at the same time: a member's tier would decide nothing between
/// moments that are a thousandth of a second apart.
const SAME_DUE: u64 = 60_000;

impl Key {
    /// The key of a conversation.
    pub fn of(it: &Conversation) -> Self {
        Self {
            rank: u8::from(it.grade != Some(Grade::Emergency)),
            minute: it.due.unwrap_or(NEVER).0 / SAME_DUE,
            tier: Reverse(it.route.as_ref().map_or(0, |route| route.tier)),
            since: it.waiting_since,
            id: it.id,
        }
    }
}

/// What the operator says of the queue: `[queue]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rules {
    /// How long a conversation is kept for the agent that it is to be asked of first (E3).
    pub keep: Duration,
    /// How long it waits for a skill or a senior agent; after that anybody of the team may have it (E8).
    pub relax: Duration,
    /// How much room a conversation of a channel takes, 1 where nothing is said.
    pub weights: Vec<(ChannelName, u32)>,
}

impl Default for Rules {
    fn default() -> Self {
        Self { keep: Duration::from_secs(60), relax: Duration::from_secs(120), weights: Vec::new() }
    }
}

impl Rules {
    /// How much room a conversation of a channel takes.
    pub fn weight(&self, channel: &ChannelName) -> u32 {
        self.weights.iter().find(|(one, _)| one == channel).map_or(1, |(_, weight)| *weight)
    }

    /// From when on anybody of the team may have it: an emergency at once.
    pub fn yields_at(&self, it: &Conversation) -> Timestamp {
        match it.grade {
            Some(Grade::Emergency) => Timestamp(0),
            _ => it.waiting_since.after(self.relax),
        }
    }
}

/// What the same agents may have stands in one lane.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Lane {
    /// Kept for an agent.
    Kept(AgentName),
    /// For everybody who fits.
    Open {
        /// The team; none: not routed yet, anybody's.
        team: Option<String>,
        /// What the agent has to be able to do, in order.
        skills: Vec<Skill>,
        /// Only a senior agent.
        senior: bool,
    },
}

/// Parts the texts of a lane: in none of them.
const PART: char = '\u{1f}';

impl Lane {
    /// The lane of a route. Skills that are none were refused when it was decided.
    pub fn of(route: Option<&Route>) -> Self {
        let Some(route) = route else { return Self::Open { team: None, skills: Vec::new(), senior: false } };
        let mut skills: Vec<_> = route.skills.iter().filter_map(|text| Skill::parse(text)).collect();
        skills.sort();
        skills.dedup();
        let team = Some(route.team.clone()).filter(|team| !team.is_empty());
        Self::Open { team, skills, senior: route.senior }
    }

    /// As a column: the lanes of a team begin with [`Lane::of_team`].
    pub fn text(&self) -> String {
        match self {
            Self::Kept(agent) => format!("@{agent}"),
            Self::Open { team, skills, senior } => {
                let skills: Vec<_> = skills.iter().map(ToString::to_string).collect();
                let senior = if *senior { "senior" } else { "" };
                format!("{}{}{PART}{senior}", Self::of_team(team.as_deref()), skills.join(","))
            }
        }
    }

    /// What the columns of a team's open lanes begin with, and no others.
    pub fn of_team(team: Option<&str>) -> String {
        format!("#{}{PART}", team.unwrap_or_default())
    }

    /// The lane of a column. `None`: it is none.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(agent) = text.strip_prefix('@') {
            return Some(Self::Kept(agent.into()));
        }
        let mut parts = text.strip_prefix('#')?.split(PART);
        let (team, skills, senior) = (parts.next()?, parts.next()?, parts.next()?);
        let skills = skills.split(',').filter(|text| !text.is_empty()).map(Skill::parse).collect::<Option<_>>()?;
        Some(Self::Open {
            team: Some(team.to_owned()).filter(|team| !team.is_empty()),
            skills,
            senior: !senior.is_empty(),
        })
    }
}

/// Who asked for a conversation that somebody else has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Holder {
    /// The agent.
    pub agent: AgentName,
    /// Until when, unless the agent renews it.
    pub until: Timestamp,
}

impl Holder {
    /// Whether the lease still counts.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.until > now
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ContactId;
    use proptest::prelude::*;

    fn waiting(id: i64, grade: Option<Grade>, due: Option<u64>, tier: u8, since: u64) -> Conversation {
        let since = Timestamp(since);
        let mut it = Conversation::open(ConversationId(id), ContactId(1), "mail".into(), None, "token".into(), since);
        it.grade = grade;
        it.due = due.map(|seconds| Timestamp(seconds * 1_000));
        it.route = Some(Route { tier, ..Route::default() });
        it
    }

    #[test]
    fn emergencies_first_then_the_nearest_due_then_the_tier_then_age() {
        let mut queue = [
            waiting(1, None, None, 0, 1),
            waiting(2, Some(Grade::Dispute), Some(600), 0, 9),
            waiting(3, Some(Grade::Emergency), None, 0, 9),
            waiting(4, Some(Grade::Inquiry), Some(70), 0, 8),
            waiting(5, Some(Grade::Inquiry), Some(110), 2, 9),
            waiting(6, Some(Grade::Inquiry), Some(119), 0, 7),
            waiting(7, None, None, 1, 2),
        ];
        queue.sort_by_key(Key::of);
        assert_eq!(queue.map(|it| it.id.0), [3, 5, 6, 4, 2, 7, 1], "5, 6 and 4 are due in one minute");
    }

    proptest! {
        #[test]
        fn a_lane_is_read_as_it_is_written(
            team in "[a-z \u{4e00}-\u{4eff}-]{0,12}",
            skills in prop::collection::vec("[a-z:]{1,6}(:[1-9])?", 0..4),
            senior: bool,
        ) {
            let lane = Lane::of(Some(&Route { team: team.clone(), skills, senior, ..Route::default() }));
            prop_assert!(lane.text().starts_with(&Lane::of_team(Some(&team))));
            prop_assert_eq!(Lane::parse(&lane.text()), Some(lane));
        }
    }
}
