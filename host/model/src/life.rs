//! The life of a generation: one package with one configuration, for one place.
//!
//! ```text
//! package → verified → compiled → checked → live → draining → retired
//!    │          │          │         │  ╲     ↑       │  ↑       │
//!    └──────────┴──────────┴─────────┤   shadow, canary  └──────┘ (taken back)
//!                                 refused
//! ```
//! At most one generation of a place is live; the store holds that with a unique index.

words! {
    /// Where a generation stands. The store's CHECK lists the same words.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
    pub enum State {
        /// The file is there, and was read.
        Package = "package",
        /// Size, validity, signature, contract and grants are in order.
        Verified = "verified",
        /// Prepared with its configuration, pictured, compiled.
        Compiled = "compiled",
        /// An instance of it was made and looked at; it could act now.
        Checked = "checked",
        /// Sees what the live one sees; nothing it says is done.
        Shadow = "shadow",
        /// Acts for a share of the conversations.
        Canary = "canary",
        /// Acts.
        Live = "live",
        /// Another one acts; what began with this one ends with it.
        Draining = "draining",
        /// Nothing runs with it. The newest few stay compiled, so that one of them can act again at once.
        Retired = "retired",
        /// It never acted: its reason says why.
        Refused = "refused",
    }
}

/// What can befall a generation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Event {
    /// Size, validity, signature, contract and grants were found in order.
    Verify,
    /// It was prepared and compiled.
    Compile,
    /// An instance of it was looked at.
    Check,
    /// It begins to be tried beside the live one.
    Shadow,
    /// It begins to be tried on a share.
    Canary,
    /// It acts from now on.
    GoLive,
    /// Another one acts from now on, or its trial ended badly.
    Replace,
    /// Nothing runs with it any more.
    Drain,
    /// Something about it is wrong, and it never acted.
    Refuse,
}

illegal!("a generation");

impl State {
    /// Whether it is being tried.
    pub fn is_tried(self) -> bool {
        matches!(self, Self::Shadow | Self::Canary)
    }
}

/// Where an event leads. Total: every pair is answered.
pub fn next(state: State, event: Event) -> Result<State, Illegal> {
    use State::*;
    match (state, event) {
        (Package, Event::Verify) => Ok(Verified),
        (Verified, Event::Compile) => Ok(Compiled),
        (Compiled, Event::Check) => Ok(Checked),
        (Checked | Canary, Event::Shadow) => Ok(Shadow),
        (Checked | Shadow, Event::Canary) => Ok(Canary),
        // Back to life from draining and from retired: that is what going back is.
        (Checked | Shadow | Canary | Draining | Retired, Event::GoLive) => Ok(Live),
        (Shadow | Canary | Live, Event::Replace) => Ok(Draining),
        (Draining, Event::Drain) => Ok(Retired),
        (Package | Verified | Compiled | Checked, Event::Refuse) => Ok(Refused),
        _ => Err(Illegal { state, event }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words;

    #[test]
    fn every_pair_is_answered_as_the_table_says() {
        use Event::*;
        use State as S;
        let legal = [
            (S::Package, Verify, S::Verified),
            (S::Package, Refuse, S::Refused),
            (S::Verified, Compile, S::Compiled),
            (S::Verified, Refuse, S::Refused),
            (S::Compiled, Check, S::Checked),
            (S::Compiled, Refuse, S::Refused),
            (S::Checked, Shadow, S::Shadow),
            (S::Checked, Canary, S::Canary),
            (S::Checked, GoLive, S::Live),
            (S::Checked, Refuse, S::Refused),
            (S::Shadow, Canary, S::Canary),
            (S::Shadow, GoLive, S::Live),
            (S::Shadow, Replace, S::Draining),
            (S::Canary, Shadow, S::Shadow),
            (S::Canary, GoLive, S::Live),
            (S::Canary, Replace, S::Draining),
            (S::Live, Replace, S::Draining),
            (S::Draining, GoLive, S::Live),
            (S::Draining, Drain, S::Retired),
            (S::Retired, GoLive, S::Live),
        ];
        let events = [Verify, Compile, Check, Shadow, Canary, GoLive, Replace, Drain, Refuse];
        words::every_pair_is_answered_as(&legal, &State::ALL, &events, next);
    }
}
