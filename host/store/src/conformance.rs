//! The suite that every store passes (being filled in).
