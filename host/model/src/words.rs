//! Enumerations whose cases have words, and lives made of them.

/// An enumeration with the word of each case: the one that the contract has, the store keeps and the API shows.
macro_rules! words {
    (
        $(#[$about:meta])*
        pub enum $name:ident {
            $($(#[$case_about:meta])* $case:ident = $word:literal,)*
        }
    ) => {
        $(#[$about])*
        pub enum $name {
            $($(#[$case_about])* $case,)*
        }

        impl $name {
            /// Every case, in order.
            pub const ALL: [Self; [$($word),*].len()] = [$(Self::$case),*];

            /// Its word.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$case => $word,)*
                }
            }

            /// The case of that word.
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|case| case.as_str() == word)
            }
        }
    };
}

/// What a module's `next` answers where its `Event` does not fit its `State`: a sentence about what lives.
macro_rules! illegal {
    ($what:literal) => {
        /// The event does not fit the state.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub struct Illegal {
            /// Where it stood.
            pub state: State,
            /// What was asked.
            pub event: Event,
        }

        impl std::fmt::Display for Illegal {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!($what, " that is {} cannot {:?}"), self.state.as_str(), self.event)
            }
        }

        impl std::error::Error for Illegal {}
    };
}

/// Every pair of a state and an event leads where the table says, and is illegal where it says nothing.
#[cfg(test)]
pub(crate) fn every_pair_is_answered_as<S, E, I>(
    legal: &[(S, E, S)],
    states: &[S],
    events: &[E],
    next: impl Fn(S, E) -> Result<S, I>,
) where
    S: Copy + PartialEq + std::fmt::Debug,
    E: Copy + PartialEq + std::fmt::Debug,
{
    for (&state, &event) in states.iter().flat_map(|state| events.iter().map(move |event| (state, event))) {
        let wanted = legal.iter().find(|(from, by, _)| (*from, *by) == (state, event)).map(|(_, _, to)| *to);
        assert_eq!(next(state, event).ok(), wanted, "{state:?} {event:?}");
    }
}

#[cfg(test)]
mod tests {
    words! {
        /// How warm it is.
        #[derive(Clone, Copy, PartialEq, Debug)]
        pub enum Warmth {
            /// Below 0 °C.
            Frost = "below-zero",
            /// Above.
            Mild = "mild",
        }
    }

    #[test]
    fn a_word_and_its_case_are_one() {
        assert_eq!(Warmth::ALL.map(Warmth::as_str), ["below-zero", "mild"]);
        assert_eq!(["mild", "below-zero", "frost"].map(Warmth::parse), [Some(Warmth::Mild), Some(Warmth::Frost), None]);
    }
}
