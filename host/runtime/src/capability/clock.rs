//! `clock`: the moment of the call, so that the same call can be replayed.
use crate::bindings::tributary::plugin::clock::Host;
use crate::state::CallState;

impl Host for CallState {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(if self.preparing { 0 } else { self.context.now.0 })
    }
}
