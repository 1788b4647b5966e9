//! The suite that every store passes: behaviour, seen through [`Store`] alone.
//!
//! A case gets a store of its own, empty. It is compiled always, so that the tests of each store and the benches can use
//! it and its [`fixture`]s. Nothing in it panics: a case that does not hold is a [`Failure`] with its name.
mod accepting;
mod alarms;
mod approving;
mod contacts;
mod continuing;
mod deciding;
mod delivering;
mod desk;
mod draining;
mod feedback;
mod feeds;
pub mod fixture;
pub mod interleaving;
mod keeping;
mod knowledge;
pub mod lifetimes;
mod lives;
pub mod load;
mod migrating;
mod operations;
mod parking;
pub mod persons;
mod serving;
mod threading;

use crate::{DeskRules, Store, StoreError};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use tributary_model::approval::{self, Approver, Rule};
use tributary_model::order::Money;

/// A case that does not hold.
#[derive(Debug)]
pub struct Failure {
    /// Which one.
    pub case: &'static str,
    /// What was seen, and what was expected.
    pub what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.case, self.what)
    }
}

impl std::error::Error for Failure {}

/// Why a case does not hold.
#[derive(Debug)]
pub struct Unmet(String);

impl<E: std::error::Error> From<E> for Unmet {
    fn from(error: E) -> Self {
        Self(tributary_model::error::chain(&error))
    }
}

impl Unmet {
    /// With these words.
    pub fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

/// What a case comes to.
pub type Held = Result<(), Unmet>;

/// Holds where both are the same.
pub fn same<T: PartialEq + fmt::Debug>(what: &str, got: T, want: T) -> Held {
    if got == want { Ok(()) } else { Err(Unmet(format!("{what}: {got:?} instead of {want:?}"))) }
}

/// Holds where it is so.
pub fn holds(what: &str, so: bool) -> Held {
    if so { Ok(()) } else { Err(Unmet(format!("it does not hold that {what}"))) }
}

/// What must be there.
pub fn found<T>(what: &str, it: Option<T>) -> Result<T, Unmet> {
    it.ok_or_else(|| Unmet(format!("{what} is missing")))
}

/// What must have been allowed.
pub fn allowed<T, E: fmt::Debug>(what: &str, it: Result<T, E>) -> Result<T, Unmet> {
    it.map_err(|error| Unmet(format!("{what} was refused: {error:?}")))
}

type Case = (&'static str, fn(Arc<dyn Store>) -> Pin<Box<dyn Future<Output = Held> + Send>>);

/// A list of cases, each under the name of its function.
macro_rules! cases {
    ($($case:ident),* $(,)?) => {
        /// The cases of this file.
        pub(super) const CASES: &[super::Case] = &[
            $((concat!(module_path!(), "::", stringify!($case)), |store| Box::pin(async move { $case(&*store).await })),)*
        ];
    };
}
use cases;

/// The desk's address in the suite.
const ADDRESS: &str = "https://desk.example";

/// What a store under the suite is opened with; what is not said here is the default.
pub fn rules() -> DeskRules {
    let rule = |word: &str, above: Option<(&str, i64)>, by: &str| {
        let above = above.map(|(currency, minor)| Money { currency: currency.into(), minor });
        (word.to_owned(), Rule { above, by: Approver::of(by) })
    };
    let approvals = vec![
        rule("refund", Some(("EUR", 2_000)), "senior"),
        rule("coupon", Some(("CNY", 5_000)), "supervisor"),
        rule("change-address", None, "senior"),
    ];
    DeskRules { address: Some(ADDRESS.into()), approval: approval::Rules { rules: approvals }, ..DeskRules::default() }
}

/// Runs every case on a store of its own; how many there were. Goes on after a failure, so that one run shows them all.
pub async fn run<F, Fut>(make: F) -> (usize, Vec<Failure>)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<Arc<dyn Store>, StoreError>>,
{
    let mut failures = Vec::new();
    let mut count = 0;
    let files = [
        accepting::CASES,
        threading::CASES,
        contacts::CASES,
        continuing::CASES,
        deciding::CASES,
        delivering::CASES,
        desk::CASES,
        serving::CASES,
        feedback::CASES,
        alarms::CASES,
        parking::CASES,
        keeping::CASES,
        knowledge::CASES,
        feeds::CASES,
        lives::CASES,
        migrating::CASES,
        draining::CASES,
        operations::CASES,
        approving::CASES,
    ];
    for (case, test) in files.into_iter().flatten().copied() {
        count += 1;
        let held = match make().await {
            Ok(store) => test(store).await,
            Err(error) => Err(error.into()),
        };
        if let Err(Unmet(what)) = held {
            failures.push(Failure { case, what });
        }
    }
    (count, failures)
}
