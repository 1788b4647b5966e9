//! A policy that behaves: it notes on each message that it saw it, so that a test sees which it was asked about, how often,
//! and in which order.
use tributary_guests::config::Config;
use tributary_sdk::prelude::*;

/// It needs nothing.
pub struct Notes;

tributary_sdk::export!(Notes: policy);

impl Plugin for Notes {
    type Config = Config;

    fn prepare(_: Config) -> Result<Self, PrepareError> {
        Ok(Self)
    }
}

impl Policy for Notes {
    fn decide(&self, _: &Snapshot, happening: &Happening) -> Result<Vec<Decision>, Fault> {
        let id = happening.message().and_then(|message| message.external_id.clone());
        let note = |id| Decision::new(Action::Note(format!("saw {id}")), "N1", "it is new".to_owned());
        Ok(id.map(note).into_iter().collect())
    }
}
