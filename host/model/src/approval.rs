//! Which operations on orders need somebody else's word before they are asked of a marketplace, and whose: what the
//! operator says. Where an operation stands meanwhile is [`crate::operation`]'s.
use crate::AgentName;
use crate::agent::Profile;
use crate::operation::Event;
use crate::order::{Money, Operation};
use std::fmt;

/// What the operator says of approvals: `[approval]`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rules {
    /// A rule for each operation, by its word, that may need approval. Any other needs none.
    pub rules: Vec<(String, Rule)>,
}

/// When operations of one kind need approval, and whose.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    /// Only where more than this is asked for, or another currency. None: always.
    pub above: Option<Money>,
    /// Who may approve.
    pub by: Approver,
}

impl Rules {
    /// Who has to approve an operation before it is performed. `None`: nobody.
    pub fn approver(&self, operation: &Operation) -> Option<&Approver> {
        let (_, rule) = self.rules.iter().find(|(word, _)| word == operation.word())?;
        let within = match (&rule.above, operation.amount()) {
            (Some(most), Some(asked)) => asked.currency == most.currency && asked.minor <= most.minor,
            _ => false,
        };
        (!within).then_some(&rule.by)
    }
}

/// Who may approve, besides whoever has a token of scope admin.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Approver {
    /// A senior agent.
    Senior,
    /// An agent of this team.
    Team(String),
}

/// The word for senior agents, which is therefore no team's.
const SENIOR: &str = "senior";

impl Approver {
    /// Who is meant by a word: `senior`, or a team's name.
    pub fn of(word: &str) -> Self {
        if word == SENIOR { Self::Senior } else { Self::Team(word.to_owned()) }
    }

    /// The word for it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Senior => SENIOR,
            Self::Team(team) => team,
        }
    }

    /// Whether an agent is meant. Elsewhere an agent of whom nothing is known, or no team, may have anything; a say in what
    /// others ask for is given by name alone.
    pub fn is(&self, agent: &Profile) -> bool {
        match self {
            Self::Senior => agent.senior,
            Self::Team(team) => agent.teams.contains(team),
        }
    }
}

impl fmt::Display for Approver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Senior => f.write_str("a senior agent"),
            Self::Team(team) => write!(f, "team {team}"),
        }
    }
}

words! {
    /// What somebody said.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum Verdict {
        /// Go on.
        Approved = "approved",
        /// Do not.
        Declined = "declined",
    }
}

impl Verdict {
    /// What befalls the operation by it.
    pub fn event(self) -> Event {
        match self {
            Self::Approved => Event::Approve,
            Self::Declined => Event::Decline,
        }
    }
}

/// Why somebody has no say in an operation that waits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NoSay {
    /// Whoever asks for an operation does not decide about it.
    Own,
    /// Somebody else is to decide.
    Others(Approver),
}

impl fmt::Display for NoSay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => f.write_str("who asked for it does not decide about it"),
            Self::Others(approver) => write!(f, "it waits for {approver}, or a token of scope admin"),
        }
    }
}

impl std::error::Error for NoSay {}

/// An agent who would decide.
#[derive(Clone, Copy, Debug)]
pub struct Decider<'a> {
    /// The name.
    pub name: &'a AgentName,
    /// What is known of the agent.
    pub profile: Option<&'a Profile>,
    /// The agent's token is of scope admin.
    pub admin: bool,
}

impl Decider<'_> {
    /// Whether the agent may decide about what `asker`, where it was an agent, asked for.
    pub fn may(&self, asker: Option<&str>, approver: &Approver) -> Result<(), NoSay> {
        if asker == Some(self.name.as_str()) {
            return Err(NoSay::Own);
        }
        match self.admin || self.profile.is_some_and(|profile| approver.is(profile)) {
            true => Ok(()),
            false => Err(NoSay::Others(approver.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::Presence;
    use crate::time::Timestamp;

    fn money(minor: i64, currency: &str) -> Money {
        Money { currency: currency.into(), minor }
    }

    #[test]
    fn a_rule_holds_above_its_amount_in_another_currency_and_where_it_names_none() {
        let rule = |above, by: &str| Rule { above, by: Approver::of(by) };
        let rules = Rules {
            rules: vec![
                ("refund".into(), rule(Some(money(20_000, "CNY")), "supervisor")),
                ("change-address".into(), rule(None, "senior")),
                ("coupon".into(), rule(None, "senior")),
            ],
        };
        let refund = |minor, currency: &str| Operation::Refund("1".into(), money(minor, currency), "late".into());
        for (operation, approver) in [
            (refund(20_000, "CNY"), None),
            (refund(20_001, "CNY"), Some("supervisor")),
            (refund(1, "EUR"), Some("supervisor")),
            (Operation::Coupon("1".into(), money(1, "CNY")), Some("senior")),
            (Operation::ChangeAddress("1".into(), "Lane 4".into()), Some("senior")),
            (Operation::Exchange("1".into()), None),
        ] {
            assert_eq!(rules.approver(&operation).map(Approver::as_str), approver, "{operation:?}");
            assert_eq!(Rules::default().approver(&operation), None);
        }
    }

    #[test]
    fn a_say_is_given_by_name_and_never_over_what_one_asked_for() {
        let agent = |teams: &[&str], senior| Profile {
            name: "mei".into(),
            teams: teams.iter().map(ToString::to_string).collect(),
            skills: Vec::new(),
            senior,
            capacity: 1,
            presence: Presence::Away,
            since: Timestamp(0),
        };
        let (of_all, of_care, senior) = (agent(&[], false), agent(&["care"], false), agent(&["risk"], true));
        let name = AgentName::from("mei");
        let may =
            |profile, admin, by: &str| Decider { name: &name, profile, admin }.may(Some("lin"), &Approver::of(by));
        for (profile, by) in [(Some(&senior), "senior"), (Some(&of_care), "care"), (Some(&senior), "risk")] {
            assert_eq!(may(profile, false, by), Ok(()), "{by}");
        }
        for (profile, by) in [
            (None, "senior"),
            (None, "care"),
            (Some(&of_all), "care"),
            (Some(&of_care), "senior"),
            (Some(&senior), "care"),
        ] {
            assert_eq!(may(profile, false, by), Err(NoSay::Others(Approver::of(by))), "{by}");
            assert_eq!(may(profile, true, by), Ok(()), "an admin has a say");
        }
        let own = Decider { name: &name, profile: Some(&senior), admin: true };
        assert_eq!(own.may(Some("mei"), &Approver::Senior), Err(NoSay::Own));
        assert_eq!(own.may(None, &Approver::Senior), Ok(()), "a policy's");
    }
}
