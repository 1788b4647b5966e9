//! Orders, and what can be done to them. The twin of `wit/types.wit` (order) and `trade`.
use crate::message::{Attribute, Handle};
use crate::time::Timestamp;

/// An amount in the minor unit of its currency.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Money {
    /// ISO 4217 code, upper case.
    pub currency: String,
    /// Amount in fen, cents.
    pub minor: i64,
}

/// Where an order stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OrderState {
    /// Placed, not yet paid.
    Placed,
    /// Paid.
    Paid,
    /// Handed to the carrier.
    Shipped,
    /// The carrier moves it.
    InTransit,
    /// The carrier reported nothing for too long.
    Stalled,
    /// Signed for.
    Delivered,
    /// The buyer asks for money back.
    RefundRequested,
    /// Money returned.
    Refunded,
    /// Called off.
    Cancelled,
    /// The delivery address is another one now.
    AddressChanged,
}

impl OrderState {
    /// Every state.
    pub const ALL: [Self; 10] = [
        Self::Placed,
        Self::Paid,
        Self::Shipped,
        Self::InTransit,
        Self::Stalled,
        Self::Delivered,
        Self::RefundRequested,
        Self::Refunded,
        Self::Cancelled,
        Self::AddressChanged,
    ];

    /// The contract's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::Paid => "paid",
            Self::Shipped => "shipped",
            Self::InTransit => "in-transit",
            Self::Stalled => "stalled",
            Self::Delivered => "delivered",
            Self::RefundRequested => "refund-requested",
            Self::Refunded => "refunded",
            Self::Cancelled => "cancelled",
            Self::AddressChanged => "address-changed",
        }
    }

    /// The state of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// One line of an order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrderLine {
    /// The shop's number of the article.
    pub sku: String,
    /// The article's title as the buyer saw it.
    pub title: String,
    /// Pieces.
    pub quantity: u32,
    /// Price of one piece.
    pub price: Money,
}

/// An order as the marketplace tells it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Order {
    /// The marketplace's id.
    pub id: String,
    /// Where it stands now.
    pub state: OrderState,
    /// When it came to stand there.
    pub at: Timestamp,
    /// Who ordered.
    pub buyer: Vec<Handle>,
    /// The sum the buyer pays.
    pub total: Money,
    /// The buyer's first order with this shop.
    pub first_order: bool,
    /// What was ordered.
    pub lines: Vec<OrderLine>,
    /// The carrier's number.
    pub parcel: Option<String>,
    /// When delivery was promised for.
    pub promised_by: Option<Timestamp>,
    /// What else the marketplace knows.
    pub attributes: Vec<Attribute>,
}

/// One act on an order. The first field is always the order's id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Operation {
    /// Pay back so much, for this reason.
    Refund(String, Money, String),
    /// Approve a return.
    CreateReturn(String),
    /// Send another piece.
    Exchange(String),
    /// Stop the parcel.
    InterceptParcel(String),
    /// Deliver to this address instead.
    ChangeAddress(String, String),
    /// Give a coupon of this worth.
    Coupon(String, Money),
    /// Longer warranty, by so many days.
    ExtendWarranty(String, u32),
}
