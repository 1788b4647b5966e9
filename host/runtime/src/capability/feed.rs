//! `feed`: what a channel's clients see live. What is published is kept aside until the call has ended well, like a write
//! into `state`; what flashes goes to whoever looks now. A replayed call shows nothing to anybody.
use crate::bindings::tributary::plugin::feed::{FeedError, Host};
use crate::call::{FeedItem, Outside};
use crate::state::CallState;

/// Bytes of an item's text at most.
pub(crate) const DATA: usize = 64 << 10;
/// Bytes of a topic, a key or a name at most.
const NAME: usize = 256;

impl CallState {
    fn shown(&mut self, names: &[&str], data: &str) -> wasmtime::Result<Result<(), FeedError>> {
        self.hand_over(names.iter().map(|name| name.len()).sum::<usize>() + data.len())?;
        Ok(if self.preparing {
            Err(FeedError::Unavailable("nothing is shown during prepare".into()))
        } else if names.iter().any(|name| name.len() > NAME) {
            Err(FeedError::TooLarge(NAME as u64))
        } else if data.len() > DATA {
            Err(FeedError::TooLarge(DATA as u64))
        } else {
            Ok(())
        })
    }
}

impl Host for CallState {
    fn publish(
        &mut self,
        topic: String,
        key: String,
        name: String,
        data: String,
    ) -> wasmtime::Result<Result<(), FeedError>> {
        let kept = self.shown(&[&topic, &key, &name], &data)?;
        if kept.is_ok() {
            self.effects.feed.push(FeedItem { topic, key, name, data });
        }
        Ok(kept)
    }

    fn flash(&mut self, topic: String, name: String, data: String) -> wasmtime::Result<Result<(), FeedError>> {
        let shown = self.shown(&[&topic, &name], &data)?;
        if shown.is_ok() && matches!(self.context.outside, Outside::Real) {
            let Self { shared, .. } = self;
            shared.services.feed.flash(&shared.channel, &topic, &name, &data);
        }
        Ok(shown)
    }
}
