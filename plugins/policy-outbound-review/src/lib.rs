//! Looks at outgoing texts.
