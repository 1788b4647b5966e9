//! Orders of a conversation: how they stand, asking the marketplace for one, and what is to be done to them.
use super::auth::Caller;
use super::input::{Json, conversation_id};
use super::problem::{Kind, Problem};
use super::view::{Attribute, HandleView, attributes, rfc3339};
use super::{ApiState, now};
use crate::desk::RefreshError;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tributary_model::order::{Money, Operation, OrderLine};
use tributary_model::{ChannelName, OperationId};
use tributary_store::{
    KeptAnswer, KeyedOperation, NewOperation, NotTaken, OperationView as StoredOperation, OrderView as StoredOrder,
    RequestKey,
};
use utoipa::ToSchema;

/// An amount of money.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Money, example = json!({"currency": "EUR", "minor": 1250}))]
pub(crate) struct MoneyView {
    /// ISO 4217 code, upper case.
    currency: String,
    /// The amount in the currency's minor unit, such as cents or fen.
    minor: i64,
}

impl From<&Money> for MoneyView {
    fn from(from: &Money) -> Self {
        Self { currency: from.currency.clone(), minor: from.minor }
    }
}

impl From<MoneyView> for Money {
    fn from(from: MoneyView) -> Self {
        Self { currency: from.currency, minor: from.minor }
    }
}

/// What is to be done to an order.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[schema(as = Operation, example = json!({
    "kind": "refund", "order": "1001", "amount": {"currency": "EUR", "minor": 1250}, "reason": "arrived broken"
}))]
pub(crate) enum OperationBody {
    /// Pay back.
    Refund {
        /// The order.
        order: String,
        /// How much: more than nothing.
        amount: MoneyView,
        /// Why, for the books; at most 1000 bytes.
        reason: String,
    },
    /// Approve a return; the buyer gets the address.
    CreateReturn {
        /// The order.
        order: String,
    },
    /// Send another piece for the one that comes back.
    Exchange {
        /// The order.
        order: String,
    },
    /// Stop the parcel on its way.
    InterceptParcel {
        /// The order.
        order: String,
    },
    /// Deliver to another address.
    ChangeAddress {
        /// The order.
        order: String,
        /// The new address; at most 1000 bytes.
        address: String,
    },
    /// Give a coupon.
    Coupon {
        /// The order.
        order: String,
        /// Its worth: more than nothing.
        amount: MoneyView,
    },
    /// Make the warranty longer.
    ExtendWarranty {
        /// The order.
        order: String,
        /// By how many days, 1 to 3650.
        days: u32,
    },
}

impl From<OperationBody> for Operation {
    fn from(from: OperationBody) -> Self {
        match from {
            OperationBody::Refund { order, amount, reason } => Self::Refund(order, amount.into(), reason),
            OperationBody::CreateReturn { order } => Self::CreateReturn(order),
            OperationBody::Exchange { order } => Self::Exchange(order),
            OperationBody::InterceptParcel { order } => Self::InterceptParcel(order),
            OperationBody::ChangeAddress { order, address } => Self::ChangeAddress(order, address),
            OperationBody::Coupon { order, amount } => Self::Coupon(order, amount.into()),
            OperationBody::ExtendWarranty { order, days } => Self::ExtendWarranty(order, days),
        }
    }
}

impl From<&Operation> for OperationBody {
    fn from(from: &Operation) -> Self {
        match from.clone() {
            Operation::Refund(order, amount, reason) => Self::Refund { order, amount: (&amount).into(), reason },
            Operation::CreateReturn(order) => Self::CreateReturn { order },
            Operation::Exchange(order) => Self::Exchange { order },
            Operation::InterceptParcel(order) => Self::InterceptParcel { order },
            Operation::ChangeAddress(order, address) => Self::ChangeAddress { order, address },
            Operation::Coupon(order, amount) => Self::Coupon { order, amount: (&amount).into() },
            Operation::ExtendWarranty(order, days) => Self::ExtendWarranty { order, days },
        }
    }
}

/// An operation that is taken.
#[derive(Serialize, ToSchema)]
#[schema(as = OperationTaken, example = json!({"operation": 7}))]
pub(crate) struct Taken {
    /// The operation's number.
    operation: i64,
}

fn kept(id: OperationId) -> KeptAnswer {
    KeptAnswer { status: StatusCode::CREATED.as_u16(), body: json!(Taken { operation: id.0 }).to_string().into() }
}

/// Do something to an order
///
/// On disk when this answers; the marketplace is asked after that, again and again until it has answered for good. How it
/// ended is shown in the conversation under `operations`. Only who holds the conversation may ask, and anybody while nobody
/// does. With an `Idempotency-Key`, a request that is sent again does nothing twice.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/operations", operation_id = "perform", tag = "orders",
    params(("id" = String, Path, description = "Number or tag")), request_body = OperationBody,
    responses((status = 201, description = "On disk, and on its way", body = Taken)))]
pub(crate) async fn perform(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    key: Option<Extension<RequestKey>>,
    Json(body): Json<OperationBody>,
) -> Result<(StatusCode, axum::Json<Taken>), Problem> {
    let new = NewOperation {
        conversation: conversation_id(&id)?,
        agent: caller.agent,
        operation: body.into(),
        now: now(),
        request: key.map(|Extension(key)| KeyedOperation { key, answer: kept }),
    };
    let taken = state.desk().perform(new).await??;
    Ok((StatusCode::CREATED, axum::Json(Taken { operation: taken.0 })))
}

/// Which marketplace.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RefreshOrder, example = json!({"channel": "shopify"}))]
pub(crate) struct Refresh {
    /// The channel to ask; unless given, the one the order is of, or the only one that knows orders.
    channel: Option<String>,
}

/// Ask the marketplace for an order
///
/// As it is now. It is kept as one of this conversation, and the policies are asked about it.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/orders/{order}/refresh", operation_id = "refresh_order", tag = "orders",
    params(("id" = String, Path, description = "Number or tag"), ("order" = String, Path, description = "The order's id")),
    request_body = Refresh, responses((status = 200, description = "The order", body = OrderView)))]
pub(crate) async fn refresh(
    State(state): State<ApiState>,
    Path((id, order)): Path<(String, String)>,
    Json(body): Json<Refresh>,
) -> Result<axum::Json<OrderView>, Problem> {
    let named = body.channel.map(ChannelName::from);
    match state.desk().refresh_order(conversation_id(&id)?, &order, named).await {
        Ok((channel, order)) => Ok(axum::Json(OrderView::from(&StoredOrder { channel, order }))),
        Err(RefreshError::NotTaken(why)) => Err(why.into()),
        Err(RefreshError::Unclear(why)) => Err(Problem::new(Kind::OrderUnclear, why)),
        Err(absent @ RefreshError::Absent(..)) => Err(Problem::new(Kind::NotFound, absent.to_string())),
        Err(RefreshError::Failed(why)) => Err(Problem::new(Kind::ChannelFailed, why)),
        Err(RefreshError::Store(error)) => Err(error.into()),
    }
}

impl From<NotTaken> for Problem {
    fn from(why: NotTaken) -> Self {
        match why {
            NotTaken::Refused(refused) => refused.into(),
            NotTaken::Order(refused) => Self::new(Kind::OrderUnclear, refused.to_string()),
            NotTaken::OutOfRange(what) => Self::invalid(what),
        }
    }
}

/// One line of an order.
#[derive(Serialize, ToSchema)]
#[schema(as = OrderLine)]
pub(crate) struct LineView {
    /// The shop's number of the article.
    sku: String,
    /// The article's title as the buyer saw it.
    title: String,
    /// Pieces.
    quantity: u32,
    /// Price of one piece.
    price: MoneyView,
}

impl From<&OrderLine> for LineView {
    fn from(from: &OrderLine) -> Self {
        Self { sku: from.sku.clone(), title: from.title.clone(), quantity: from.quantity, price: (&from.price).into() }
    }
}

/// An order as its marketplace told it last.
#[derive(Serialize, ToSchema)]
#[schema(as = Order)]
pub(crate) struct OrderView {
    /// The marketplace's id.
    #[schema(example = "1001")]
    id: String,
    /// The channel it is of.
    #[schema(example = "shopify")]
    channel: String,
    /// `placed`, `paid`, `shipped`, `in-transit`, `stalled`, `delivered`, `refund-requested`, `refunded`, `cancelled` or
    /// `address-changed`.
    #[schema(example = "delivered")]
    state: &'static str,
    /// When it came to stand there.
    #[schema(format = DateTime)]
    at: String,
    /// The ways to recognise who ordered; empty where the marketplace hides it.
    buyer: Vec<HandleView>,
    /// The sum the buyer pays.
    total: MoneyView,
    /// The buyer's first order with this shop.
    first_order: bool,
    /// What was ordered.
    lines: Vec<LineView>,
    /// The carrier's number.
    parcel: Option<String>,
    /// When delivery was promised for.
    #[schema(format = DateTime)]
    promised_by: Option<String>,
    /// What else the marketplace knows.
    attributes: Vec<Attribute>,
}

impl From<&StoredOrder> for OrderView {
    fn from(StoredOrder { channel, order }: &StoredOrder) -> Self {
        Self {
            id: order.id.clone(),
            channel: channel.to_string(),
            state: order.state.as_str(),
            at: rfc3339(order.at),
            buyer: order.buyer.iter().map(HandleView::from).collect(),
            total: (&order.total).into(),
            first_order: order.first_order,
            lines: order.lines.iter().map(LineView::from).collect(),
            parcel: order.parcel.clone(),
            promised_by: order.promised_by.map(rfc3339),
            attributes: attributes(&order.attributes),
        }
    }
}

/// Something that was to be done to an order, and how it stands.
#[derive(Serialize, ToSchema)]
#[schema(as = OperationStatus)]
pub(crate) struct OperationView {
    /// Its number.
    id: i64,
    /// The channel whose marketplace is asked.
    channel: String,
    /// What is to be done.
    operation: OperationBody,
    /// Who asked: `agent:NAME` or `policy:NAME`.
    #[schema(example = "agent:lin")]
    by: String,
    /// For a policy: the rule.
    rule: Option<String>,
    /// For a policy: why.
    why: Option<String>,
    /// `queued`, `leased` (a node asks the marketplace now), `done` or `failed`.
    #[schema(example = "done")]
    state: &'static str,
    /// How often it was tried.
    attempts: u32,
    /// When it is tried next.
    #[schema(format = DateTime)]
    next_at: Option<String>,
    /// The marketplace's id of the act.
    result: Option<String>,
    /// Why the last try did not work.
    detail: Option<String>,
    /// When it was asked for.
    #[schema(format = DateTime)]
    asked_at: String,
}

impl From<&StoredOperation> for OperationView {
    fn from(from: &StoredOperation) -> Self {
        Self {
            id: from.id.0,
            channel: from.channel.to_string(),
            operation: (&from.operation).into(),
            by: from.by.clone(),
            rule: from.rule.clone(),
            why: from.why.clone(),
            state: from.state.as_str(),
            attempts: from.attempts,
            next_at: from.next_at.map(rfc3339),
            result: from.result.clone(),
            detail: from.detail.clone(),
            asked_at: rfc3339(from.at),
        }
    }
}
