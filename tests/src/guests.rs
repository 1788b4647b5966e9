//! The guests of `tests/guests` that misbehave on purpose: their files, a runtime to call them in, and a desk with one of
//! them beside a channel that behaves.
//!
//! [`each_guest!`](crate::each_guest) hands the list to a macro: whoever has a function for each guest does not compile
//! once one is missing.
mod room;

#[path = "../guests/list.rs"]
mod list;

pub use room::{BUDGETS, Room, WALL};

use std::path::PathBuf;

use crate::desk::Setup;
use crate::{Desk, program};

/// The version that every guest says it has.
pub const VERSION: &str = "6.6.6";

/// The address of the channel that a guest is bound to.
pub const BAD: &str = "bad@shop.example";

macro_rules! all {
    (
        adapters { $($adapter:ident $a:literal;)* } policies { $($policy:ident $p:literal;)* }
        texts { $($text:ident $t:literal;)* } files { $($file:ident $f:literal;)* }
    ) => {
        /// The guests that serve a channel and are called before they misbehave.
        pub const ADAPTERS: &[&str] = &[$(stringify!($adapter),)* $(stringify!($text),)*];
        /// The guests that stand in the chain of policies.
        pub const POLICIES: &[&str] = &[$(stringify!($policy),)*];
        /// The guests that are refused before anything of them runs.
        pub const REFUSED: &[&str] = &[$(stringify!($file),)*];
        /// Every guest: its name in the list, and what it does.
        pub const ALL: &[(&str, &str)] = &[
            $((stringify!($adapter), $a),)* $((stringify!($policy), $p),)*
            $((stringify!($text), $t),)* $((stringify!($file), $f),)*
        ];
    };
}
crate::each_guest!(all);

/// A guest's name as a plugin.
pub fn plugin_name(guest: &str) -> String {
    guest.replace('_', "-")
}

/// A guest's file; panics with what to type where it was not built.
pub fn file(guest: &str) -> PathBuf {
    let path = program::root().join("target/guests").join(format!("{}.wasm", plugin_name(guest)));
    assert!(path.exists(), "the guest {guest} is not built: `cargo xtask plugins` makes {}", path.display());
    path
}

/// What a daemon with guests is configured with: budgets that are used up soon.
const SMALL: &str = "[plugins]\ndevelopment = true\nguest-time = \"200 ms\"\nwall-time = \"1 s\"\nmemory = \"32 MiB\"\nbytes-out = \"4 MiB\"\n\
                     [log]\nfilter = \"warn\"\n";

/// A desk with two channels: email, and `bad`, which a guest serves. Nothing is started.
pub fn beside_email(setup: Setup, guest: &str) -> Desk {
    let plugin = plugin_name(guest);
    let channel = format!("[[channel]]\nname = \"bad\"\nplugin = \"{plugin}\"\naddresses = [\"{BAD}\"]\n");
    with_guest(setup.with(&channel), guest)
}

/// A desk with two channels that both behave, `bad` in name only: what a guest's desk is compared with.
pub fn beside_another(setup: Setup) -> Desk {
    let plugin = "plugin = \"channel-email\"\nconfig = { from = \"bad@shop.example\" }";
    setup.with(&format!("[[channel]]\nname = \"bad\"\n{plugin}\naddresses = [\"{BAD}\"]\n")).with(SMALL).init()
}

/// A desk whose chain of policies ends with a guest. Nothing is started.
pub fn in_the_chain(setup: Setup, guest: &str) -> Desk {
    let policy = format!("[[policy]]\nplugin = \"{}\"\n", plugin_name(guest));
    with_guest(setup.with(&policy), guest)
}

/// Nobody signs a guest: its file is put where the daemon looks for plugins, which is in development mode.
fn with_guest(setup: Setup, guest: &str) -> Desk {
    let desk = setup.with(SMALL).init();
    let path = desk.dir.join("plugins").join(format!("{}.wasm", plugin_name(guest)));
    std::fs::copy(file(guest), &path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    desk
}
