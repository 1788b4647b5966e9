//! Which surveys a conversation had, and which it waits for: one attribute, so that it is seen, kept and erased with it.
use tributary_sdk::desk::{Action, Decision, Snapshot};
use tributary_sdk::types::Attribute;

/// So many surveys are remembered; the host keeps 4,096 bytes for the whole attribute.
const MOST: usize = 20;

/// By its name, how often its bell rang in vain; none where it is over.
#[derive(Debug, Default)]
pub struct Asked(Vec<(String, Option<u32>)>);

impl Asked {
    /// What the conversation's attribute holds; nothing where somebody wrote something else there.
    pub fn of(conversation: &Snapshot, attribute: &str) -> Self {
        let text = conversation.current_attribute(attribute);
        Self(text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default())
    }

    /// How often a survey's bell rang in vain, none where it is over; nothing where it is not known.
    pub fn get(&self, name: &str) -> Option<Option<u32>> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, vain)| *vain)
    }

    /// Whether a survey was made, or given up.
    pub fn is_over(&self, name: &str) -> bool {
        self.get(name) == Some(None)
    }

    /// Keeps that a survey's bell rang so often in vain, or that it is over.
    pub fn keep(mut self, name: &str, vain: Option<u32>, attribute: &str, rule: &str) -> Decision {
        self.0.retain(|(known, _)| known != name);
        self.0.push((name.to_owned(), vain));
        let over = self.0.len().saturating_sub(MOST);
        self.0.drain(..over);
        let text = serde_json::to_string(&self.0).unwrap_or_default();
        let why = if vain.is_some() { "the survey waits for its bell" } else { "nobody is asked twice the same" };
        Decision::new(Action::SetAttribute(Attribute::new(attribute, text)), rule, why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_remembered() {
        let asked = Asked((0..MOST).map(|n| (format!("sign-off:{n}"), Some(0))).collect());
        let Action::SetAttribute(fact) = asked.keep("sign-off:1", None, "survey", "D20").action else {
            panic!("a fact")
        };
        let asked = Asked(serde_json::from_str(&fact.value).unwrap());
        assert_eq!((asked.0.len(), asked.is_over("sign-off:1")), (MOST, true));
        let Action::SetAttribute(fact) = asked.keep("sign-off:x", Some(1), "survey", "D20").action else {
            panic!("a fact")
        };
        let asked = Asked(serde_json::from_str(&fact.value).unwrap());
        assert_eq!((asked.0.len(), asked.get("sign-off:0"), asked.get("sign-off:x")), (MOST, None, Some(Some(1))));
    }
}
