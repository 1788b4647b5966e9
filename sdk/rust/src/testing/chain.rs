//! Policies one after the other, as the host asks them.
use crate::Policy;
use crate::desk::{Decision, Fault, Happening, Snapshot};

/// [`Policy`] without its associated type, so that several fit into one list.
pub trait Decide {
    /// See [`Policy::decide`].
    ///
    /// # Errors
    /// See there.
    fn decide(&self, conversation: &Snapshot, happening: &Happening) -> Result<Vec<Decision>, Fault>;
}

impl<P: Policy> Decide for P {
    fn decide(&self, conversation: &Snapshot, happening: &Happening) -> Result<Vec<Decision>, Fault> {
        Policy::decide(self, conversation, happening)
    }
}

/// Ask a chain of policies; each sees what those before it decided. The conversation comes back with all decisions.
///
/// # Errors
/// The first fault.
pub fn decide(chain: &[&dyn Decide], mut conversation: Snapshot, happening: &Happening) -> Result<Snapshot, Fault> {
    for policy in chain {
        let decisions = policy.decide(&conversation, happening)?;
        conversation.decided.extend(decisions);
    }
    Ok(conversation)
}
