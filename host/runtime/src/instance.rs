//! One instance in its store, and the exports of it that a call needs.
use crate::bindings::exports::tributary::plugin::{channel, lifecycle, policy, review};
use crate::call::{Budget, CallError};
use crate::package::Package;
use crate::state::{CallState, Stop};
use wasmtime::component::{Instance, InstancePre};
use wasmtime::{Engine, Store, Trap, UpdateDeadline, WasmBacktrace};

/// What a result may take in the host beyond the bytes that are counted: records, list headers.
const SLACK: usize = 64 << 10;

/// Where a component's exports are, found once.
pub(crate) struct Indices {
    lifecycle: lifecycle::GuestIndices,
    channel: Option<channel::GuestIndices>,
    policy: Option<policy::GuestIndices>,
    review: Option<review::GuestIndices>,
}

impl Indices {
    pub fn new(pre: &InstancePre<CallState>, package: &Package) -> wasmtime::Result<Self> {
        Ok(Self {
            lifecycle: lifecycle::GuestIndices::new(pre)?,
            channel: package.is_adapter().then(|| channel::GuestIndices::new(pre)).transpose()?,
            policy: package.decides().then(|| policy::GuestIndices::new(pre)).transpose()?,
            review: package.reviews().then(|| review::GuestIndices::new(pre)).transpose()?,
        })
    }
}

/// Ticks after which a call is looked at first: one would interrupt short calls that happen to run while it ticks.
pub(crate) const FIRST_LOOK: u64 = 2;

/// An instance that can be called. Its exports are looked up when they are needed first.
pub(crate) struct Live {
    pub store: Store<CallState>,
    pub instance: Instance,
    channel: Option<channel::Guest>,
    policy: Option<policy::Guest>,
    review: Option<review::Guest>,
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
        // Lets other tasks of this worker run, and the timer that keeps the wall clock's budget.
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
    });
    store
}

impl Live {
    /// A fresh instance. The failed store comes back with the error, because it knows which budget was used up.
    pub async fn new(
        pre: &InstancePre<CallState>,
        state: CallState,
    ) -> Result<Self, (wasmtime::Error, Store<CallState>)> {
        let mut store = store(pre.engine(), state);
        match pre.instantiate_async(&mut store).await {
            Ok(instance) => Ok(Self { store, instance, channel: None, policy: None, review: None, served: 0 }),
            Err(error) => Err((error, store)),
        }
    }

    /// Runs `prepare`, with only `config` and `log` answering. The inner error is the plugin's own.
    pub async fn prepare(&mut self, indices: &Indices) -> wasmtime::Result<Result<(), String>> {
        let guest = indices.lifecycle.load(&mut self.store, &self.instance)?;
        self.store.data_mut().preparing = true;
        let prepared = guest.call_prepare(&mut self.store).await?;
        self.store.data_mut().preparing = false;
        Ok(prepared)
    }

    /// Checks that every export has the contract's type.
    pub fn check(&mut self, indices: &Indices) -> wasmtime::Result<()> {
        if indices.channel.is_some() {
            self.channel(indices)?;
        }
        if indices.policy.is_some() {
            self.policy(indices)?;
        }
        if indices.review.is_some() {
            self.review(indices)?;
        }
        Ok(())
    }

    pub fn channel(&mut self, indices: &Indices) -> wasmtime::Result<channel::Guest> {
        if self.channel.is_none() {
            let indices = indices.channel.as_ref().ok_or_else(|| absent("channel"))?;
            self.channel = Some(indices.load(&mut self.store, &self.instance)?);
        }
        self.channel.clone().ok_or_else(|| absent("channel").into())
    }

    pub fn policy(&mut self, indices: &Indices) -> wasmtime::Result<policy::Guest> {
        if self.policy.is_none() {
            let indices = indices.policy.as_ref().ok_or_else(|| absent("policy"))?;
            self.policy = Some(indices.load(&mut self.store, &self.instance)?);
        }
        self.policy.clone().ok_or_else(|| absent("policy").into())
    }

    pub fn review(&mut self, indices: &Indices) -> wasmtime::Result<review::Guest> {
        if self.review.is_none() {
            let indices = indices.review.as_ref().ok_or_else(|| absent("review"))?;
            self.review = Some(indices.load(&mut self.store, &self.instance)?);
        }
        self.review.clone().ok_or_else(|| absent("review").into())
    }
}

fn absent(interface: &'static str) -> Stop {
    Stop::Host(format!("the plugin does not export `{interface}`"))
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
