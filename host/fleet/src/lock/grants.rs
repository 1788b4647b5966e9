//! What a plugin may touch, in the lock: sets of words, so that the order in which a plugin asks says nothing.
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use tributary_runtime::Origin;
use tributary_runtime::package::Asks;

/// What kind of thing is granted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GrantKind {
    /// A service of the host.
    Service,
    /// A secret, by name.
    Secret,
    /// An origin for HTTP.
    Egress,
    /// An action that a policy may decide.
    Action,
}

impl GrantKind {
    /// Every kind, in the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::Service, Self::Secret, Self::Egress, Self::Action];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Secret => "secret",
            Self::Egress => "egress",
            Self::Action => "action",
        }
    }
}

/// A grant that one has and the other has not. Its text is a line such as `+ egress https://api.example`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct GrantChange {
    /// What kind of thing.
    pub kind: GrantKind,
    /// Which.
    pub what: String,
    /// New; otherwise no longer asked for.
    pub new: bool,
}

impl fmt::Display for GrantChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.new { '+' } else { '-' };
        // The words are the plugin's own; a line break in one would write a line of its own.
        let what: String =
            self.what.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect();
        write!(f, "{sign} {} {what}", self.kind.as_str())
    }
}

/// What a plugin may touch.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LockedGrants {
    /// Services.
    pub services: BTreeSet<String>,
    /// Names of secrets.
    pub secrets: BTreeSet<String>,
    /// Origins for HTTP, in the form in which they are compared.
    #[serde(deserialize_with = "origins")]
    pub egress: BTreeSet<String>,
    /// Words of actions.
    pub actions: BTreeSet<String>,
}

impl LockedGrants {
    /// All that a package asks for.
    pub fn asked(asks: &Asks) -> Self {
        let set = |words: &[String]| words.iter().cloned().collect();
        Self {
            services: set(&asks.services),
            secrets: set(&asks.secrets),
            egress: asks.egress.iter().map(|text| origin(text)).collect(),
            actions: set(&asks.actions),
        }
    }

    /// The words of one kind.
    pub fn of(&self, kind: GrantKind) -> &BTreeSet<String> {
        match kind {
            GrantKind::Service => &self.services,
            GrantKind::Secret => &self.secrets,
            GrantKind::Egress => &self.egress,
            GrantKind::Action => &self.actions,
        }
    }

    /// What is here and not in the other.
    pub fn beyond(&self, other: &Self) -> Vec<GrantChange> {
        let kinds = GrantKind::ALL.into_iter();
        let beyond = kinds.flat_map(|kind| {
            let new = self.of(kind).difference(other.of(kind));
            new.map(move |what| GrantChange { kind, what: what.clone(), new: true })
        });
        beyond.collect()
    }

    /// How it differs from the other: what is new, then what is gone.
    pub fn against(&self, other: &Self) -> Vec<GrantChange> {
        let mut changes = self.beyond(other);
        changes.extend(other.beyond(self).into_iter().map(|change| GrantChange { new: false, ..change }));
        changes
    }

    /// Whether nothing is granted.
    pub fn is_empty(&self) -> bool {
        GrantKind::ALL.iter().all(|kind| self.of(*kind).is_empty())
    }
}

/// Two spellings of one origin are one grant; a text that is no origin grants nothing, and is kept as it stands.
fn origin(text: &str) -> String {
    text.parse::<Origin>().map_or_else(|_| text.to_owned(), |origin| origin.to_string())
}

fn origins<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<BTreeSet<String>, D::Error> {
    Ok(Vec::<String>::deserialize(deserializer)?.iter().map(|text| origin(text)).collect())
}
