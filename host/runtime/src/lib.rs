//! WebAssembly and nothing else: reads a package, checks it, prepares it, takes its picture, calls it within its budgets.
//!
//! The pipeline calls plugins through [`Adapter`] and [`Policy`]; [`Generation`] is the component behind them. Both speak
//! the model's words: generated types stay inside this crate, `convert` is the door. Whoever links a plugin natively (a
//! bench does) implements the same two traits.
mod aside;
mod bindings;
pub mod blobs;
mod budget;
mod cache;
pub mod call;
mod capability;
pub mod contract;
mod convert;
pub mod egress;
pub mod engine;
mod export;
pub mod generation;
pub mod grant;
mod instance;
mod metrics;
pub mod package;
pub mod picture;
pub mod record;
pub mod relay;
pub mod services;
pub mod settings;
pub mod sight;
mod state;
mod ticker;

pub use aside::aside;
pub use blobs::{Blobs, BlobsError};
pub use call::*;
pub use contract::Contracts;
pub use egress::{EgressConfig, EgressTlsError, GrantedRequest, HttpEgress, NotAnOrigin, Origin};
pub use engine::{LoadError, Runtime, RuntimeConfig, RuntimeError};
pub use generation::Generation;
pub use grant::{Granted, Grants, NotGranted};
pub use package::{ConfigFault, ConfigFaults, Kind, Manifest, Package, PackageError};
pub use picture::NoPicture;
pub use record::{RecordError, Recorder, RecorderConfig, Recording, Recordings, Tape};
pub use relay::{RelayConfig, RelayError, RelayTls, SmtpRelay};
pub use services::{
    CalendarSource, Calendars, Egress, EgressError, FeedSink, KnowledgeSource, KnownArticle, MailError, MailRelay,
    Nothing, Secret, SecretSource, Services, StateSource, StateUnavailable,
};
pub use settings::Settings;
pub use sight::Sight;
