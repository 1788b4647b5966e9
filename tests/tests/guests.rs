//! Guests that misbehave on purpose, each in a runtime and each in a daemon beside a channel that behaves. A guest of
//! `tests/guests/list.rs` without a function of its name in both modules does not compile.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]
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
