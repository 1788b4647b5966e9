//! Which generation of which plugin acts where. A package comes in by the watched folder, by a command, or from a registry;
//! it is verified against signers and the lock, loaded, tried, put in use, and taken back, while traffic flows.
//!
//! The store holds the truth about lives, the pipeline holds what acts now; this crate moves both, the store first.
mod act;
mod entry;
mod error;
mod fleet;
mod folder;
mod gently;
mod install;
pub mod lock;
pub mod oci;
mod open;
pub mod packages;
mod seated;
mod see;
mod trial;
pub mod trust;
mod view;

pub use entry::*;
pub use error::FleetError;
pub use fleet::Fleet;
pub use open::check;
pub use view::*;
