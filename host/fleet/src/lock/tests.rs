//! The lock's rules.
