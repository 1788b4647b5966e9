//! What a plugin fills: a channel, or a position in the chain of policies. Exactly one generation acts in a place.
use crate::{ChannelName, PluginName};
use std::fmt;

/// What a plugin fills. Its text form is `channel/NAME` or `policy/NAME`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Place {
    /// A channel, by its configured name.
    Channel(ChannelName),
    /// A position in the chain, by the name of its plugin: a plugin stands in the chain once.
    Policy(PluginName),
}

impl Place {
    /// The name without the kind, as operators write it.
    pub fn name(&self) -> &str {
        match self {
            Self::Channel(name) => name.as_str(),
            Self::Policy(name) => name.as_str(),
        }
    }

    /// The place of a text form. `None`: it is none.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once('/')? {
            (_, "") => None,
            ("channel", name) => Some(Self::Channel(name.into())),
            ("policy", name) => Some(Self::Policy(name.into())),
            _ => None,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Channel(name) => write!(f, "channel/{name}"),
            Self::Policy(name) => write!(f, "policy/{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_form_names_its_place_and_nothing_else_does() {
        for place in [Place::Channel("email".into()), Place::Policy("policy-triage".into())] {
            assert_eq!(Place::parse(&place.to_string()), Some(place));
        }
        for bad in ["", "email", "channel/", "plugin/x"] {
            assert_eq!(Place::parse(bad), None, "{bad}");
        }
    }
}
