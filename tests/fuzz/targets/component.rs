//! Any bytes as an arrival at a real component, in the runtime and with the budgets of the daemon. No arrival is the
//! plugin's or the host's fault, and the component says what the plugin says as ordinary code.
//!
//! Input: a byte that names the adapter, then arrivals as for the adapters' own targets. The components are those of
//! `target/plugins`: `cargo xtask plugins` makes them.
#![no_main]
use libfuzzer_sys::fuzz_target;
use tributary_fuzz::component;

fuzz_target!(|data: &[u8]| {
    let [which, rest @ ..] = data else { return };
    component::try_all(*which, rest);
});
