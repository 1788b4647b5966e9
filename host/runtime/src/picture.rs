//! The picture of a plugin's memory after `prepare`, from which every call starts: the component is instrumented so that
//! its memory can be read, prepared, and written again with that memory as its data.
use crate::budget::Meter;
use crate::call::{CallContext, CallError};
use crate::contract::Served;
use crate::engine::LoadError;
use crate::instance::{Live, failure};
use crate::package::Package;
use crate::state::{CallState, Shared};
use std::sync::Arc;
use tributary_model::Timestamp;
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};
use wasmtime_wizer::{WasmtimeWizerComponent, Wizer};

/// Why a plugin runs without a picture: for people.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("it cannot be pictured: {0}")]
pub struct NoPicture(pub String);

/// How much longer than a call `prepare` may take: it is run once, not for every message.
pub(crate) const PATIENCE: u32 = 10;

/// Prepares a plugin and compiles the picture, or, where it cannot be pictured, the component itself.
pub(crate) async fn take(
    engine: &Engine,
    contract: &dyn Served,
    linker: &Linker<CallState>,
    package: &Package,
    shared: &Arc<Shared>,
) -> Result<(Component, Result<(), NoPicture>), LoadError> {
    let bytes = package.bytes();
    let wizer = Wizer::new();
    let why = match wizer.instrument_component(bytes) {
        Ok((context, instrumented)) => {
            let component = Component::new(engine, &instrumented).map_err(component)?;
            let mut live = prepare(contract, linker, &component, package, shared).await?;
            // Reading the memory is the host's work: none of the call's budgets holds for it.
            live.store.set_hostcall_fuel(usize::MAX);
            live.store.set_epoch_deadline(u64::from(u32::MAX));
            let instance = live.instance;
            let mut access = WasmtimeWizerComponent { store: &mut live.store, instance };
            let pictured = wizer.snapshot_component(&context, &mut access).await;
            match pictured.and_then(|picture| Component::new(engine, &picture)) {
                Ok(component) => return Ok((component, Ok(()))),
                Err(error) => error,
            }
        }
        Err(error) => error,
    };
    let component = Component::new(engine, bytes).map_err(component)?;
    prepare(contract, linker, &component, package, shared).await?;
    Ok((component, Err(NoPicture(format!("{why:#}")))))
}

fn component(error: wasmtime::Error) -> LoadError {
    LoadError::Component(format!("{error:#}"))
}

/// An instance on which `prepare` has run.
async fn prepare(
    contract: &dyn Served,
    linker: &Linker<CallState>,
    compiled: &Component,
    package: &Package,
    shared: &Arc<Shared>,
) -> Result<Live, LoadError> {
    let pre = linker.instantiate_pre(compiled).map_err(component)?;
    let exports = contract.exports(&pre, package.roles()).map_err(component)?;
    let budgets = shared.budgets.patient(PATIENCE);
    let context = CallContext::at(Timestamp(0));
    let meter = Meter::new();
    let state = CallState::new(Arc::clone(shared), context, Arc::clone(&meter), budgets);
    let run = async {
        let mut live = Live::new(&pre, &exports, state)
            .await
            .map_err(|(error, store)| LoadError::Prepare(failure(&error, store.data())))?;
        live.check().map_err(component)?;
        match live.prepare().await {
            Ok(Ok(())) => Ok(live),
            Ok(Err(why)) => Err(LoadError::Refused(why.0)),
            Err(error) => Err(LoadError::Prepare(failure(&error, live.store.data()))),
        }
    };
    match tokio::time::timeout(budgets.wall, meter.counted(run)).await {
        Ok(prepared) => prepared,
        Err(_) => {
            let budget = crate::call::Budget::Wall;
            Err(LoadError::Prepare(CallError::Budget { budget, what: budgets.words(budget) }))
        }
    }
}
