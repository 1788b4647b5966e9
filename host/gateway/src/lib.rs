//! The doors: SMTP, LMTP and IMAP for mail, HTTP for agents, supervisors and programs.
//!
//! - [`smtp`]: the mail listeners.
//! - [`imap`]: mailboxes that are read elsewhere.
//! - [`http`]: the HTTP listener: connections, limits, draining. What it serves is [`api`].
//! - [`api`]: `/api/v1` with its OpenAPI document, `/healthz`, `/readyz`, `/metrics`.
//! - [`hook`]: the calls of platforms, beside the API on the same listener.
//! - `survey`: the forms that customers are asked to answer.
//! - [`desk`]: what the API asks of the pipeline.
pub mod api;
pub mod desk;
mod events;
pub mod hook;
pub mod http;
pub mod imap;
pub mod smtp;
mod survey;
