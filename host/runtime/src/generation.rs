//! One loaded version of one plugin with one configuration. Immutable: a change is another generation.
use crate::call::{Adapter, CallContext, CallError, Called, PluginInfo, Policy};
use crate::grant::Granted;
use crate::package::Package;
use crate::picture::NoPicture;
use async_trait::async_trait;
use std::sync::Arc;
use tributary_model::decision::{Decision, Fault, Happening, Snapshot, Verdict};
use tributary_model::message::{Arrival, Content, Delivery, Outgoing, Reading, Rejection, SendError};

/// One loaded version of one plugin. Adapter, policy or both, by what its component exports; a call of what it does not
/// export is [`CallError::Host`].
pub struct Generation {
    info: PluginInfo,
}

impl Generation {
    /// The component it was made from.
    pub fn package(&self) -> &Arc<Package> {
        todo!()
    }

    /// What it may touch.
    pub fn granted(&self) -> &Granted {
        todo!()
    }

    /// Whether its calls start from a picture taken after `prepare`, or why not.
    pub fn pictured(&self) -> Result<(), &NoPicture> {
        todo!()
    }

    /// Whether its code came from the cache on disk.
    pub fn compiled_from_cache(&self) -> bool {
        todo!()
    }

    /// Whether it is an adapter.
    pub fn is_adapter(&self) -> bool {
        todo!()
    }
}

#[async_trait]
impl Adapter for Generation {
    fn info(&self) -> &PluginInfo {
        &self.info
    }

    async fn receive(
        &self,
        _context: CallContext,
        _arrival: &Arrival,
    ) -> Result<Called<Result<Reading, Rejection>>, CallError> {
        todo!()
    }

    async fn send(
        &self,
        _context: CallContext,
        _message: &Outgoing,
    ) -> Result<Called<Result<Delivery, SendError>>, CallError> {
        todo!()
    }
}

#[async_trait]
impl Policy for Generation {
    fn info(&self) -> &PluginInfo {
        &self.info
    }

    fn decides(&self) -> bool {
        todo!()
    }

    fn reviews(&self) -> bool {
        todo!()
    }

    async fn decide(
        &self,
        _context: CallContext,
        _snapshot: &Snapshot,
        _happening: &Happening,
    ) -> Result<Called<Result<Vec<Decision>, Fault>>, CallError> {
        todo!()
    }

    async fn review(
        &self,
        _context: CallContext,
        _snapshot: &Snapshot,
        _draft: &Content,
    ) -> Result<Called<Result<Verdict, Fault>>, CallError> {
        todo!()
    }
}
