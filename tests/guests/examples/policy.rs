//! The policies: one function for each of `list.rs`.
use std::hint::black_box;

use tributary_guests::config::Config;
use tributary_sdk::prelude::*;

type Said = Result<Vec<Decision>, Fault>;

/// Which one this component is.
pub struct Guest(fn(&Snapshot) -> Said);

tributary_sdk::export!(Guest: policy);

macro_rules! by_name {
    (adapters $adapters:tt policies { $($name:ident $what:literal;)* } $($others:tt)*) => {
        fn by_name(name: &str) -> Option<fn(&Snapshot) -> Said> {
            match name {
                $(stringify!($name) => Some($name),)*
                _ => None,
            }
        }
    };
}
tributary_guests::each_guest!(by_name);

impl Plugin for Guest {
    type Config = Config;

    fn prepare(config: Config) -> Result<Self, PrepareError> {
        by_name(&config.guest).map(Self).ok_or_else(|| PrepareError::value("guest", "expected a policy of list.rs"))
    }
}

impl Policy for Guest {
    fn decide(&self, conversation: &Snapshot, happening: &Happening) -> Said {
        match happening.message() {
            // It is in one chain with policies that decide about everybody's conversations.
            Some(message) if message.from.iter().any(|handle| handle.value.starts_with("bad-")) => {
                (self.0)(conversation)
            }
            _ => Ok(Vec::new()),
        }
    }
}

fn policy_traps(_: &Snapshot) -> Said {
    panic!("as it was written to")
}

fn policy_spins(_: &Snapshot) -> Said {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

/// Asks for `note` in its plugin.toml, and for no other action.
fn policy_oversteps(conversation: &Snapshot) -> Said {
    let why = || format!("because it can, in {}", conversation.id);
    Ok(vec![
        Decision::new(Action::Reply(Content::plain("We owe you a fortune.")), "X1", why()),
        Decision::new(Action::SetGrade(Grade::Emergency), "X2", why()),
        Decision::new(Action::Note("a note".into()), "X3", why()),
    ])
}
