//! The services of the contract, one file each, and which of them a component is linked to.
mod blobs;
mod calendar;
mod clock;
mod config;
pub(crate) mod feed;
mod http;
mod knowledge;
pub(crate) mod log;
mod mail;
mod secrets;
pub(crate) mod state;

use crate::bindings::tributary::plugin as wit;
use crate::state::CallState;
use wasmtime::component::{HasSelf, Linker};

/// Puts the services that are granted into a linker, and no others: an import that is not granted does not link.
pub(crate) fn link(linker: &mut Linker<CallState>, services: &[String]) -> wasmtime::Result<()> {
    type Own = HasSelf<CallState>;
    wit::types::add_to_linker::<_, Own>(linker, |state| state)?;
    wit::web::add_to_linker::<_, Own>(linker, |state| state)?;
    wit::trade::add_to_linker::<_, Own>(linker, |state| state)?;
    wit::desk::add_to_linker::<_, Own>(linker, |state| state)?;
    for service in services {
        match service.as_str() {
            "log" => wit::log::add_to_linker::<_, Own>(linker, |state| state)?,
            "config" => wit::config::add_to_linker::<_, Own>(linker, |state| state)?,
            "clock" => wit::clock::add_to_linker::<_, Own>(linker, |state| state)?,
            "secrets" => wit::secrets::add_to_linker::<_, Own>(linker, |state| state)?,
            "state" => wit::state::add_to_linker::<_, Own>(linker, |state| state)?,
            "blobs" => wit::blobs::add_to_linker::<_, Own>(linker, |state| state)?,
            "http" => wit::http::add_to_linker::<_, Own>(linker, |state| state)?,
            "feed" => wit::feed::add_to_linker::<_, Own>(linker, |state| state)?,
            "mail" => wit::mail::add_to_linker::<_, Own>(linker, |state| state)?,
            "knowledge" => wit::knowledge::add_to_linker::<_, Own>(linker, |state| state)?,
            "calendar" => wit::calendar::add_to_linker::<_, Own>(linker, |state| state)?,
            _ => {}
        }
    }
    Ok(())
}

impl wit::types::Host for CallState {}
impl wit::web::Host for CallState {}
impl wit::trade::Host for CallState {}
impl wit::desk::Host for CallState {}
