//! `config`: the plugin's own configuration, the same for every call of a generation.
use crate::bindings::tributary::plugin::config::Host;
use crate::state::CallState;

impl Host for CallState {
    fn get(&mut self) -> wasmtime::Result<String> {
        Ok(self.shared.config.clone())
    }
}
