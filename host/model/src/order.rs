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

words! {
    /// Where an order stands.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum OrderState {
        /// Placed, not yet paid.
        Placed = "placed",
        /// Paid.
        Paid = "paid",
        /// Handed to the carrier.
        Shipped = "shipped",
        /// The carrier moves it.
        InTransit = "in-transit",
        /// The carrier reported nothing for too long.
        Stalled = "stalled",
        /// Signed for.
        Delivered = "delivered",
        /// The buyer asks for money back.
        RefundRequested = "refund-requested",
        /// Money returned.
        Refunded = "refunded",
        /// Called off.
        Cancelled = "cancelled",
        /// The delivery address is another one now.
        AddressChanged = "address-changed",
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
