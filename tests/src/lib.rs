//! The test host: a real daemon in a folder of its own, other people's mail clients and servers around it, and eyes on the
//! API and on the store's rows. Tests judge by what was kept and what arrived, never by exit codes alone.
//!
//! Nothing sleeps for a guess: [`wait::until`] waits for a condition and says what it saw last. Panics are a test's way to
//! fail, so the functions here panic with what went wrong instead of handing errors around.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test host fails by panicking")]

pub mod api;
pub mod browser;
pub mod build;
pub mod case;
pub mod certificate;
pub mod desk;
pub mod events;
pub mod guests;
pub mod hooks;
pub mod load;
pub mod mail;
pub mod mailbox;
pub mod platform;
pub mod platforms;
pub mod plugins;
pub mod program;
pub mod random;
pub mod registry;
pub mod relay;
pub mod smtp;
pub mod store;
pub mod traffic;
pub mod wait;

pub use api::Api;
pub use desk::{Desk, Setup};
pub use mail::Mail;
pub use registry::Registry;
pub use relay::Relay;
pub use smtp::Client;
pub use wait::until;
