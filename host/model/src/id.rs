//! One type per identity, so that no signature takes a bare number or string for one.
use std::fmt;
use std::sync::Arc;

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(pub i64);
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
        impl std::str::FromStr for $name {
            type Err = std::num::ParseIntError;
            fn from_str(s: &str) -> Result<Self, Self::Err> {
                s.parse().map(Self)
            }
        }
    };
}

macro_rules! name_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(pub Arc<str>);
        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl From<&str> for $name {
            fn from(s: &str) -> Self {
                Self(s.into())
            }
        }
        impl From<String> for $name {
            fn from(s: String) -> Self {
                Self(s.into())
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number_id!(
    /// One customer's matter. Counted up from 1 in one store.
    ConversationId
);
number_id!(
    /// One message of a conversation, in or out.
    MessageId
);
number_id!(
    /// One person.
    ContactId
);
number_id!(
    /// One join of two contacts.
    JoinId
);
number_id!(
    /// One thought that two contacts are one person.
    SuggestionId
);
number_id!(
    /// One thing a policy chain is run for.
    HappeningId
);
number_id!(
    /// One message on its way out. Its text form is the idempotency key that adapters get.
    OutgoingId
);
number_id!(
    /// One operation on an order.
    OperationId
);
number_id!(
    /// One version of an article of the knowledge base.
    ArticleId
);
number_id!(
    /// One thing kept aside with its cause.
    ParkedId
);
number_id!(
    /// One arrival, as it came in.
    ArrivalId
);
number_id!(
    /// One line of the event log. Grows with every event, so it is also the place to resume from.
    EventId
);
number_id!(
    /// One package with one configuration, for one place. Counted up from 1 in one store; 0 outside one.
    GenerationId
);
name_id!(
    /// The configured name of a channel.
    ChannelName
);
name_id!(
    /// The name a plugin gives itself in its `plugin.toml`.
    PluginName
);
name_id!(
    /// The name of an agent, as its token says.
    AgentName
);

impl ConversationId {
    /// The tag that stands in subjects: `T1042`.
    pub fn tag(self) -> String {
        format!("T{}", self.0)
    }

    /// The conversation a tag names, if it is one.
    pub fn from_tag(tag: &str) -> Option<Self> {
        let digits = tag.strip_prefix(['T', 't'])?;
        (!digits.is_empty() && digits.len() <= 18 && digits.bytes().all(|b| b.is_ascii_digit()))
            .then(|| digits.parse().ok().map(Self))
            .flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_names_its_conversation_and_nothing_else_does() {
        assert_eq!(ConversationId::from_tag(&ConversationId(1042).tag()), Some(ConversationId(1042)));
        for bad in ["", "T", "1042", "T-1", "T1 ", "T1042x", "T9999999999999999999"] {
            assert_eq!(ConversationId::from_tag(bad), None, "{bad}");
        }
    }
}
