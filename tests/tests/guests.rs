//! Guests that misbehave on purpose, each in a runtime and each in a daemon beside a channel that behaves. A guest of
//! `tests/guests/list.rs` without a function of its name in both modules does not compile.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]
/// The guests that are refused before anything of them runs, and what is said of them: each a call of the module's `refused`.
macro_rules! refused_guests {
    () => {
        pub fn random_bytes() {
            refused("random_bytes", &["it is not a WebAssembly file", "name the component"]);
        }

        pub fn core_module() {
            refused("core_module", &["it is a core module, not a component", "cargo xtask plugins"]);
        }

        pub fn other_world() {
            refused("other_world", &["wasi:cli", "not a plugin"]);
        }

        pub fn truncated() {
            refused("truncated", &["it is cut off after", "copy it again"]);
        }

        pub fn deep_bomb() {
            refused("deep_bomb", &["lie in each other more than", "do not trust it"]);
        }

        pub fn wide_bomb() {
            refused("wide_bomb", &["its instances add up to more than", "do not trust it"]);
        }
    };
}

#[path = "guests/beside.rs"]
mod beside;
#[path = "guests/inside.rs"]
mod inside;

macro_rules! both {
    (
        adapters { $($adapter:ident $a:literal;)* } policies { $($policy:ident $p:literal;)* }
        texts { $($text:ident $t:literal;)* } files { $($file:ident $f:literal;)* }
    ) => {
        both!(@ $($adapter)* $($policy)* $($text)* $($file)*);
    };
    (@ $($guest:ident)*) => {
        /// The runtime contains it.
        mod in_a_runtime {
            $(#[test] fn $guest() { crate::inside::$guest() })*
        }
        /// The daemon contains it.
        mod in_a_daemon {
            $(#[test] fn $guest() { crate::beside::$guest() })*
        }
    };
}
tributary_tests::each_guest!(both);
