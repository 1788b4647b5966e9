//! One call of a seat: whose turn it is, whom to ask where that one faults, and what the breaker and a trial are told.
use crate::gate::Pass;
use crate::seat::{Named, Seat, Seen, Side};
use std::pin::Pin;
use std::sync::Arc;
use tributary_model::GenerationId;
use tributary_runtime::{Blame, CallContext, CallCost, CallError, Called, Tape};
use tributary_store::Cause;

/// A call under way.
pub(crate) type Calling<'a, T> = Pin<Box<dyn Future<Output = Result<Called<T>, CallError>> + Send + 'a>>;

/// What an answer is worth.
pub(crate) enum Worth {
    /// It stands.
    Good,
    /// It is an answer, but one that would cost the event. From the newer side alone it is not believed.
    Doubtful,
    /// It is a fault of the plugin's own.
    Fault(String),
}

/// What a seat said.
pub(crate) struct Asked<T> {
    /// Which side it was.
    pub(crate) side: Side,
    /// What it said, or why there is nothing.
    pub(crate) said: Result<Called<T>, Cause>,
    /// What the other side is to be compared with, where it is to be.
    pub(crate) other: Option<Beside>,
}

/// What the side that does not act is asked with.
pub(crate) struct Beside {
    pub(crate) key: u64,
    /// Of the acting call.
    pub(crate) tape: Option<Arc<Tape>>,
    pub(crate) cost: CallCost,
    pub(crate) context: CallContext,
}

impl<P: Named + ?Sized> Seat<P> {
    /// Name, version and generation that a parked row carries: of the base, under the generation that what is kept aside is
    /// tried with. Otherwise what both sides failed on would be given back to the newer one for ever.
    pub(crate) fn parked_as(&self) -> (tributary_model::PluginName, String, GenerationId) {
        let info = self.base.named();
        (info.name.clone(), info.version.clone(), self.generation())
    }
}

/// Asks the side whose turn it is, and the base after it where the newer one faults; tells the breaker of the base's end
/// and the trial of the newer one's. A number for the event is only made where there is a trial.
pub(crate) async fn ask<'a, P: Named + ?Sized, T>(
    seat: &'a Seat<P>,
    pass: Pass,
    key: impl FnOnce(&Seat<P>) -> u64 + Send,
    mut context: CallContext,
    call: impl Fn(&'a P, CallContext) -> Calling<'a, T> + Send + Sync,
    worth: fn(&T) -> Worth,
) -> Asked<T> {
    let Some(trial) = &seat.trial else {
        let (said, _) = settled(call(&seat.base, context).await, worth, false);
        seat.gate.ended(pass, said.as_ref().err().map(|cause| cause.what.as_str()), true);
        return Asked { side: Side::Base, said, other: None };
    };
    let key = key(seat);
    context.tape = trial.compare;
    let mut doubted = None;
    let turn = if seat.acting(key) == Side::Newer { trial.turn() } else { None };
    if let Some(turn) = turn {
        metrics::counter!("tributary_trial_calls_total", "place" => seat.place.to_string(), "side" => "newer")
            .increment(1);
        match settled(call(&trial.newer, context.clone()).await, worth, true) {
            (Ok(called), _) => {
                turn.well();
                trial.watch.saw(seen(trial.newer.named().generation, key, Ok(called.cost)));
                // It says nothing about the base, but the event got through.
                seat.gate.ended(pass, None, false);
                let other = beside(trial.compare, key, &called, context);
                return Asked { side: Side::Newer, said: Ok(called), other };
            }
            (Err(cause), blame) => doubted = Some((cause, blame)),
        }
    }
    metrics::counter!("tributary_trial_calls_total", "place" => seat.place.to_string(), "side" => "base").increment(1);
    let (said, _) = settled(call(&seat.base, context.clone()).await, worth, false);
    seat.gate.ended(pass, said.as_ref().err().map(|cause| cause.what.as_str()), true);
    let mut compare = trial.compare;
    match doubted {
        None => {}
        // Both were compared in any case, by the one that does not act now being asked again.
        Some((_, None)) if compare => {}
        Some((cause, blame)) => {
            compare = false;
            // Where the base doubts as well, it was right to.
            let same = said.as_ref().is_ok_and(|called| matches!(worth(&called.result), Worth::Doubtful));
            let ended = match blame {
                None if same => Ok(CallCost::default()),
                blame => Err((blame.unwrap_or(Blame::Guest), cause.what)),
            };
            tracing::info!(place = %seat.place, fell_back = said.is_ok(), "the newer generation failed, the base was asked");
            let seen = seen(trial.newer.named().generation, key, ended);
            trial.watch.saw(Seen { base_failed: said.is_err(), ..seen });
        }
    }
    let other = said.as_ref().ok().and_then(|called| beside(compare, key, called, context));
    Asked { side: Side::Base, said, other }
}

fn beside<T>(compare: bool, key: u64, called: &Called<T>, context: CallContext) -> Option<Beside> {
    compare.then(|| Beside { key, tape: called.tape.clone(), cost: called.cost, context })
}

/// What a trial is told of a call of the newer side.
pub(crate) fn seen(generation: GenerationId, key: u64, ended: Result<CallCost, (Blame, String)>) -> Seen {
    let (cost, fault) = match ended {
        Ok(cost) => (Some(cost), None),
        Err(fault) => (None, Some(fault)),
    };
    Seen { generation, key, fault, base_failed: false, cost, proves: true }
}

/// The end of a call as a cause, and who is to blame; nobody for an answer that is only doubted, which `strictly` takes
/// for no answer.
pub(crate) fn settled<T>(
    ended: Result<Called<T>, CallError>,
    worth: fn(&T) -> Worth,
    strictly: bool,
) -> (Result<Called<T>, Cause>, Option<Blame>) {
    let called = match ended {
        Ok(called) => called,
        Err(fault) => {
            let blame = fault.blame();
            return (Err(Cause { blame: blame.as_str(), what: fault.to_string() }), Some(blame));
        }
    };
    match worth(&called.result) {
        Worth::Fault(what) => (Err(Cause { blame: Blame::Guest.as_str(), what }), Some(Blame::Guest)),
        Worth::Doubtful if strictly => {
            (Err(Cause { blame: Blame::Guest.as_str(), what: "rejected what the base took".into() }), None)
        }
        Worth::Good | Worth::Doubtful => (Ok(called), None),
    }
}
