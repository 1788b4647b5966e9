//! The door between the contract's types and the model's. Nothing behind it knows generated types, and nothing before it
//! is believed: what a guest gives is counted, clamped and checked here.
pub(crate) mod lift;
pub(crate) mod lower;

use crate::bindings::tributary::plugin::{desk, types};
use tributary_model::conversation::State;
use tributary_model::decision::Grade;
use tributary_model::message::{Author, DeliveryState, HandleKind};
use tributary_model::order::OrderState;

/// The same words on both sides.
macro_rules! same_words {
    ($($model:ident = $wit:path { $($word:ident),* })*) => {$(
        impl From<$model> for $wit {
            fn from(word: $model) -> Self {
                match word { $($model::$word => Self::$word),* }
            }
        }
        impl From<$wit> for $model {
            fn from(word: $wit) -> Self {
                match word { $(<$wit>::$word => Self::$word),* }
            }
        }
    )*};
}

same_words! {
    Author = types::Author { Customer, Agent, Bot, System }
    HandleKind = types::HandleKind { Email, Phone, WechatOpenid, WechatUnionid, MarketplaceBuyer, Visitor, Other }
    OrderState = types::OrderState {
        Placed, Paid, Shipped, InTransit, Stalled, Delivered, RefundRequested, Refunded, Cancelled, AddressChanged
    }
    DeliveryState = types::DeliveryState { Accepted, Delivered, Read, Failed, Bounced }
    Grade = desk::Grade { Inquiry, SimpleComplaint, Dispute, Emergency }
    State = desk::Standing { Open, Answered, Snoozed, Closed }
}
