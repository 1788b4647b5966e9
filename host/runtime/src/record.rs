//! What a call was told by the host, so that the same call can be made again: by another generation beside it, later for a
//! replay, or in a test.

/// What the host answered during one call, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tape {}
