//! The picture of a plugin's memory after `prepare`, from which every call starts.

/// Why a plugin runs without a picture: for people.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("it cannot be pictured: {0}")]
pub struct NoPicture(pub String);
