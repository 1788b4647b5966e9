//! The life of an operation on an order: from the commit that asked for it to the marketplace's last word.
//!
//! Who may ask for how much is not looked at here; which of them need somebody else's word first is [`crate::approval`].
use crate::message::SendError;
use crate::order::{Money, Operation};
use crate::time::Timestamp;
use crate::{money, retry};

words! {
    /// Where an operation stands. The store's CHECK lists the same words.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
    pub enum State {
        /// Waits for somebody's word: nothing is asked of the marketplace before that.
        AwaitingApproval = "awaiting-approval",
        /// Waits for its time and a node.
        Queued = "queued",
        /// A node asks the marketplace under a lease.
        Leased = "leased",
        /// The marketplace did it.
        Done = "done",
        /// It is not done and will not be by itself; shown on the conversation.
        Failed = "failed",
        /// Somebody said no. It was never asked of the marketplace and never will be.
        Declined = "declined",
    }
}

/// What can befall an operation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Event {
    /// Somebody who may said yes.
    Approve,
    /// Somebody who may said no.
    Decline,
    /// A node took the lease.
    Lease,
    /// The lease ran out, its node stopped, or another try was ordered.
    Requeue,
    /// The marketplace did it.
    Finish,
    /// The marketplace refused it, or the tries are used up.
    Fail,
    /// A person asked for it to be tried again.
    Replay,
}

illegal!("an operation");

/// Where an event leads. Total: every pair is answered. What is done stays done, whatever is heard later.
pub fn next(state: State, event: Event) -> Result<State, Illegal> {
    match (state, event) {
        (State::AwaitingApproval, Event::Approve) => Ok(State::Queued),
        (State::AwaitingApproval, Event::Decline) => Ok(State::Declined),
        (State::Queued, Event::Lease) => Ok(State::Leased),
        (State::Leased, Event::Requeue) => Ok(State::Queued),
        (State::Leased, Event::Finish) => Ok(State::Done),
        (State::Leased, Event::Fail) => Ok(State::Failed),
        (State::Failed, Event::Replay) => Ok(State::Queued),
        _ => Err(Illegal { state, event }),
    }
}

/// What the outcome of one try means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Settlement {
    /// The marketplace did it, under this id.
    Done {
        /// The marketplace's id of the act; may be empty.
        result: String,
    },
    /// Try again then.
    Again {
        /// Not before this moment.
        at: Timestamp,
        /// Why it did not work, for people.
        why: String,
    },
    /// Give up.
    Failed {
        /// Why, for people.
        why: String,
    },
}

/// Decides what the outcome of try number `attempt` (counted from 1) means.
pub fn settle(outcome: Result<String, SendError>, attempt: u32, now: Timestamp, policy: &retry::Backoff) -> Settlement {
    let (why, after) = match outcome {
        Ok(result) => return Settlement::Done { result },
        Err(SendError::WindowClosed(why)) => return Settlement::Failed { why: format!("too late: {why}") },
        Err(SendError::Permanent(why)) => return Settlement::Failed { why },
        Err(SendError::Unauthorised(why)) => (format!("not authorised: {why}"), None),
        Err(SendError::Temporary { why, after }) => (why, after),
    };
    match policy.delay(attempt) {
        Some(delay) => Settlement::Again { at: now.after(after.map_or(delay, |after| after.max(delay))), why },
        None => Settlement::Failed { why: format!("gave up after {attempt} tries: {why}") },
    }
}

/// An order's id has at most this many bytes.
pub const LONGEST_ORDER_ID: usize = 200;

/// A reason or an address has at most this many bytes.
pub const LONGEST_TEXT: usize = 1_000;

/// A warranty is made longer by at most this many days: ten years.
pub const LONGEST_WARRANTY: u32 = 3_650;

impl Operation {
    /// The contract's words for all of them.
    pub const WORDS: [&str; 7] =
        ["refund", "create-return", "exchange", "intercept-parcel", "change-address", "coupon", "extend-warranty"];

    /// Those of which each has an amount.
    pub const WITH_AMOUNT: [&str; 2] = ["refund", "coupon"];

    /// The contract's word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Refund(..) => "refund",
            Self::CreateReturn(_) => "create-return",
            Self::Exchange(_) => "exchange",
            Self::InterceptParcel(_) => "intercept-parcel",
            Self::ChangeAddress(..) => "change-address",
            Self::Coupon(..) => "coupon",
            Self::ExtendWarranty(..) => "extend-warranty",
        }
    }

    /// The order it is about.
    pub fn order(&self) -> &str {
        match self {
            Self::Refund(order, ..)
            | Self::CreateReturn(order)
            | Self::Exchange(order)
            | Self::InterceptParcel(order)
            | Self::ChangeAddress(order, _)
            | Self::Coupon(order, _)
            | Self::ExtendWarranty(order, _) => order,
        }
    }

    /// How much money it gives.
    pub fn amount(&self) -> Option<&Money> {
        match self {
            Self::Refund(_, amount, _) | Self::Coupon(_, amount) => Some(amount),
            Self::CreateReturn(_)
            | Self::Exchange(_)
            | Self::InterceptParcel(_)
            | Self::ChangeAddress(..)
            | Self::ExtendWarranty(..) => None,
        }
    }

    /// What it says besides the order, for people; without the address, which is personal data.
    pub fn detail(&self) -> String {
        let (word, order) = (self.word(), self.order());
        match self {
            Self::Refund(_, amount, _) | Self::Coupon(_, amount) => format!("{word} {order} {amount}"),
            Self::ExtendWarranty(_, days) => format!("{word} {order} {days} d"),
            Self::CreateReturn(_) | Self::Exchange(_) | Self::InterceptParcel(_) | Self::ChangeAddress(..) => {
                format!("{word} {order}")
            }
        }
    }

    /// Whether it is within what the contract allows: an order, a positive amount of a currency of ISO 4217, a reason, an
    /// address, days. The error is a sentence.
    pub fn check(&self) -> Result<(), OutOfRange> {
        text("the order's id", self.order(), LONGEST_ORDER_ID)?;
        match self {
            Self::Refund(_, amount, reason) => {
                positive(amount)?;
                text("the reason", reason, LONGEST_TEXT)
            }
            Self::Coupon(_, amount) => positive(amount),
            Self::ChangeAddress(_, address) => text("the address", address, LONGEST_TEXT),
            Self::ExtendWarranty(_, 1..=LONGEST_WARRANTY) => Ok(()),
            Self::ExtendWarranty(_, days) => {
                Err(OutOfRange(format!("a warranty is made longer by 1 to {LONGEST_WARRANTY} days, not {days}")))
            }
            Self::CreateReturn(_) | Self::Exchange(_) | Self::InterceptParcel(_) => Ok(()),
        }
    }
}

/// An operation that the contract does not allow: one sentence for whoever asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutOfRange(pub String);

fn text(what: &str, text: &str, most: usize) -> Result<(), OutOfRange> {
    if text.trim().is_empty() {
        return Err(OutOfRange(format!("{what} is empty")));
    }
    if text.len() > most {
        return Err(OutOfRange(format!("{what} has at most {most} bytes, this one {}", text.len())));
    }
    Ok(())
}

fn positive(amount: &Money) -> Result<(), OutOfRange> {
    if money::decimals(&amount.currency).is_none() {
        let shown: String = amount.currency.chars().take(8).collect();
        return Err(OutOfRange(format!("{shown:?} is no currency of ISO 4217")));
    }
    if amount.minor <= 0 {
        return Err(OutOfRange(format!("an amount is more than nothing, this one {amount}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words;
    use std::time::Duration;

    #[test]
    fn every_pair_is_answered_as_the_table_says() {
        use Event::*;
        use State::*;
        let legal = [
            (AwaitingApproval, Approve, Queued),
            (AwaitingApproval, Decline, Declined),
            (Queued, Lease, Leased),
            (Leased, Requeue, Queued),
            (Leased, Finish, Done),
            (Leased, Fail, Failed),
            (Failed, Replay, Queued),
        ];
        let events = [Approve, Decline, Lease, Requeue, Finish, Fail, Replay];
        words::every_pair_is_answered_as(&legal, &State::ALL, &events, next);
    }

    #[test]
    fn what_may_work_later_is_tried_again_until_the_tries_are_used_up_and_the_rest_fails() {
        let policy = retry::Backoff { first: Duration::from_secs(1), most: Duration::from_secs(60), tries: 3 };
        let settle = |outcome, attempt| settle(outcome, attempt, Timestamp(1_000), &policy);
        let busy = |after| Err(SendError::Temporary { why: "busy".into(), after });
        let again = |at, why: &str| Settlement::Again { at: Timestamp(at), why: why.into() };
        assert_eq!(settle(Ok("r-1".into()), 1), Settlement::Done { result: "r-1".into() });
        assert_eq!(settle(busy(None), 2), again(3_000, "busy"));
        assert_eq!(settle(busy(Some(Duration::from_secs(5))), 1), again(6_000, "busy"));
        assert_eq!(settle(Err(SendError::Unauthorised("expired".into())), 1), again(2_000, "not authorised: expired"));
        assert_eq!(settle(busy(None), 3), Settlement::Failed { why: "gave up after 3 tries: busy".into() });
        for error in [SendError::Permanent("shipped".into()), SendError::WindowClosed("shipped".into())] {
            assert!(matches!(settle(Err(error), 1), Settlement::Failed { why } if why.contains("shipped")));
        }
    }

    #[test]
    fn what_is_out_of_range_is_refused() {
        let money = |minor, currency: &str| Money { currency: currency.into(), minor };
        let long = "x".repeat(LONGEST_TEXT + 1);
        for good in [
            Operation::Refund("1".into(), money(1, "CNY"), "broken".into()),
            Operation::Coupon("1".into(), money(1, "JPY")),
            Operation::ExtendWarranty("1".into(), LONGEST_WARRANTY),
            Operation::ChangeAddress("1".into(), "x".repeat(LONGEST_TEXT)),
            Operation::InterceptParcel("x".repeat(LONGEST_ORDER_ID)),
        ] {
            assert_eq!(good.check(), Ok(()), "{good:?}");
        }
        for bad in [
            Operation::Refund("1".into(), money(0, "CNY"), "broken".into()),
            Operation::Refund("1".into(), money(-1, "CNY"), "broken".into()),
            Operation::Refund("1".into(), money(1, "cny"), "broken".into()),
            Operation::Refund("1".into(), money(1, "CNY"), " ".into()),
            Operation::Refund("1".into(), money(1, "CNY"), long.clone()),
            Operation::Coupon("1".into(), money(1, "XXX")),
            Operation::ExtendWarranty("1".into(), 0),
            Operation::ExtendWarranty("1".into(), LONGEST_WARRANTY + 1),
            Operation::ChangeAddress("1".into(), long),
            Operation::CreateReturn(" ".into()),
            Operation::Exchange("x".repeat(LONGEST_ORDER_ID + 1)),
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn every_operation_has_its_word_and_those_with_an_amount_are_named() {
        let (order, worth) = (|| "1".to_owned(), || Money { currency: "EUR".into(), minor: 1 });
        let all = [
            Operation::Refund(order(), worth(), "late".into()),
            Operation::CreateReturn(order()),
            Operation::Exchange(order()),
            Operation::InterceptParcel(order()),
            Operation::ChangeAddress(order(), "Lane 4".into()),
            Operation::Coupon(order(), worth()),
            Operation::ExtendWarranty(order(), 1),
        ];
        assert_eq!(all.each_ref().map(Operation::word), Operation::WORDS);
        for it in all {
            assert_eq!(it.amount().is_some(), Operation::WITH_AMOUNT.contains(&it.word()), "{it:?}");
        }
    }

    #[test]
    fn an_address_is_not_in_what_is_told() {
        let move_it = Operation::ChangeAddress("1001".into(), "Lane 4".into());
        assert_eq!(move_it.detail(), "change-address 1001");
        let refund = Operation::Refund("1001".into(), Money { currency: "EUR".into(), minor: 1_250 }, "late".into());
        assert_eq!(refund.detail(), "refund 1001 12.50 EUR");
    }
}
