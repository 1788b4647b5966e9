//! One instance in its store, and how its calls end badly.
use crate::call::{Budget, CallError};
use crate::contract::{Entries, Exports, Guest, Refused};
use crate::state::{CallState, Stop};
use crate::ticker::LongCall;
use std::sync::Arc;
use wasmtime::component::{Instance, InstancePre};
use wasmtime::{Engine, Store, Trap, UpdateDeadline, WasmBacktrace};

/// What a result may take in the host beyond the bytes that are counted: records, list headers.
const SLACK: usize = 64 << 10;

/// Ticks after which a call is looked at first: one would interrupt short calls that happen to run while it ticks.
pub(crate) const FIRST_LOOK: u64 = 2;

/// An instance that can be called.
pub(crate) struct Live {
    pub store: Store<CallState>,
    pub instance: Instance,
    /// Its exports, as its version of the contract has them.
    pub guest: Box<dyn Guest>,
    /// Calls it has served.
    pub served: u32,
}

/// A store with the four budgets of its call in place.
fn store(engine: &Engine, state: CallState) -> Store<CallState> {
    let fuel = state.budgets.bytes_out.saturating_add(SLACK);
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.limits);
    store.set_hostcall_fuel(fuel);
    store.set_epoch_deadline(FIRST_LOOK);
    store.epoch_deadline_callback(|mut store| {
        let state = store.data_mut();
        if state.meter.guest() > state.budgets.guest {
            state.breach = Some(Budget::Guest);
            return Ok(UpdateDeadline::Interrupt);
        }
        if state.long.is_none() {
            state.long = Some(LongCall::new(&state.shared.ticker));
        }
        // Lets other tasks of this worker run, and the timer that keeps the wall clock's budget.
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
    });
    store
}

impl Live {
    /// A fresh instance. The failed store comes back with the error, because it knows which budget was used up.
    pub async fn new(
        pre: &InstancePre<CallState>,
        exports: &Arc<dyn Exports>,
        state: CallState,
    ) -> Result<Self, (wasmtime::Error, Store<CallState>)> {
        let mut store = store(pre.engine(), state);
        match pre.instantiate_async(&mut store).await {
            Ok(instance) => Ok(Self { store, instance, guest: Arc::clone(exports).of(instance), served: 0 }),
            Err(error) => Err((error, store)),
        }
    }

    /// Runs `prepare`, with only `config` and `log` answering. The inner error is the plugin's own.
    pub async fn prepare(&mut self) -> wasmtime::Result<Result<(), Refused>> {
        self.store.data_mut().preparing = true;
        let prepared = self.guest.prepare(&mut self.store).await?;
        self.store.data_mut().preparing = false;
        Ok(prepared)
    }

    /// Runs `migrate`, with only `config` and `log` answering. The inner error is the plugin's own.
    pub async fn migrate(
        &mut self,
        from: &str,
        entries: &[(String, Vec<u8>)],
    ) -> wasmtime::Result<Result<Entries, Refused>> {
        self.store.data_mut().preparing = true;
        let migrated = self.guest.migrate(&mut self.store, from, entries).await?;
        self.store.data_mut().preparing = false;
        Ok(migrated)
    }

    /// Checks that every export has the contract's type.
    pub fn check(&mut self) -> wasmtime::Result<()> {
        self.guest.check(&mut self.store)
    }
}

/// Why a call ended badly, in the words of the contract.
pub(crate) fn failure(error: &wasmtime::Error, state: &CallState) -> CallError {
    let breached = |budget| CallError::Budget { budget, what: state.budgets.words(budget) };
    if let Some(budget) = state.breach {
        return breached(budget);
    }
    if let Some(stop) = error.downcast_ref::<Stop>() {
        return match stop {
            Stop::Contract(what) => CallError::Contract(what.clone()),
            Stop::Budget | Stop::Host(_) => CallError::Host(stop.to_string()),
        };
    }
    if state.limits.refused() {
        return breached(Budget::Memory);
    }
    if let Some(trap) = error.downcast_ref::<Trap>() {
        let function = error
            .downcast_ref::<WasmBacktrace>()
            .and_then(|trace| trace.frames().first().and_then(|frame| frame.func_name()));
        return CallError::Trap(match function {
            Some(function) => format!("{trap}, in `{function}`"),
            None => trap.to_string(),
        });
    }
    let words = format!("{error:#}");
    if words.contains("fuel allocated for hostcalls") {
        return breached(Budget::BytesOut);
    }
    if error.is::<wasmtime::PoolConcurrencyLimitError>() || error.is::<tokio::task::JoinError>() {
        return CallError::Host(words);
    }
    CallError::Contract(words)
}
