//! Items with a date (F6, D19): a bell rings before it, so that somebody contacts the customer again in time.
use tributary_sdk::desk::{Action, Decision, Happening, Snapshot, Timer};
use tributary_sdk::types::Attribute;

use crate::Escalate;

impl Escalate {
    /// Sets the bell where the date is new, and takes it away where the date or the whole matter is gone.
    pub(crate) fn follow_up(&self, conversation: &Snapshot, happening: &Happening) -> Vec<Decision> {
        let keys = &self.follow_up;
        let closing = |decision: &Decision| matches!(decision.action, Action::Close(_));
        let closed = matches!(happening, Happening::AgentClosed) || conversation.decided.iter().any(closing);
        let date = conversation.current_attribute(&keys.attribute).filter(|_| !closed);
        let date = date.and_then(|text| Some((text, text.parse::<u64>().ok()?)));
        let set = conversation.current_attribute(&keys.set_attribute);
        let (bell, noted, why) = match (date, set) {
            (Some((text, _)), Some(set)) if text == set => return Vec::new(),
            (Some((text, at)), _) => {
                let timer =
                    Timer { name: keys.timer.clone(), at: at.saturating_sub(self.before).max(conversation.now) };
                (Action::SetTimer(timer), text, "the customer is to be contacted again before this date")
            }
            (None, Some(_)) => (Action::CancelTimer(keys.timer.clone()), "", "nothing has a date here any more"),
            (None, None) => return Vec::new(),
        };
        let noted = Action::SetAttribute(Attribute::new(&keys.set_attribute, noted));
        vec![Decision::new(bell, "F6", why), Decision::new(noted, "F6", "the bell is set once for a date")]
    }
}
