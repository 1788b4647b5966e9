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
use tributary_model::ChannelName;
use tributary_model::approval::Approver;
use tributary_model::order::{Money, Operation, OrderLine};
use tributary_store::{
    Approval, AskedOperation, KeptAnswer, KeyedOperation, KnownOrder, NewOperation, NotTaken,
    OperationView as StoredOperation, RequestKey,
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

/// What is to be done to an order. Which members it has depends on its kind; it has no others.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Operation, example = json!({
    "kind": "refund", "order": "1001", "amount": {"currency": "EUR", "minor": 1250}, "reason": "arrived broken"
}))]
pub(crate) struct OperationBody {
    /// `refund` (pay back), `create-return` (approve a return; the buyer gets the address), `exchange` (send another piece for
    /// the one that comes back), `intercept-parcel` (stop it on its way), `change-address`, `coupon` or `extend-warranty`.
    #[schema(example = "refund")]
    kind: String,
    /// The order's id.
    #[schema(example = "1001")]
    order: String,
    /// For `refund` and `coupon`: how much; more than nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    amount: Option<MoneyView>,
    /// For `refund`: why, for the books; at most 1000 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// For `change-address`: the new address; at most 1000 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// For `extend-warranty`: by how many days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 3650)]
    days: Option<u32>,
}

/// Each kind with what it has, in words.
const KINDS: [(&str, &str); 7] = [
    ("refund", "order, amount and reason"),
    ("create-return", "order"),
    ("exchange", "order"),
    ("intercept-parcel", "order"),
    ("change-address", "order and address"),
    ("coupon", "order and amount"),
    ("extend-warranty", "order and days"),
];

impl TryFrom<OperationBody> for Operation {
    type Error = Problem;

    fn try_from(from: OperationBody) -> Result<Self, Problem> {
        let OperationBody { kind, order, amount, reason, address, days } = from;
        match (kind.as_str(), amount.map(Money::from), reason, address, days) {
            ("refund", Some(amount), Some(reason), None, None) => Ok(Self::Refund(order, amount, reason)),
            ("create-return", None, None, None, None) => Ok(Self::CreateReturn(order)),
            ("exchange", None, None, None, None) => Ok(Self::Exchange(order)),
            ("intercept-parcel", None, None, None, None) => Ok(Self::InterceptParcel(order)),
            ("change-address", None, None, Some(address), None) => Ok(Self::ChangeAddress(order, address)),
            ("coupon", Some(amount), None, None, None) => Ok(Self::Coupon(order, amount)),
            ("extend-warranty", None, None, None, Some(days)) => Ok(Self::ExtendWarranty(order, days)),
            (other, ..) => Err(Problem::invalid(match KINDS.iter().find(|(kind, _)| *kind == other) {
                Some((kind, has)) => format!("{kind} has {has}, and nothing else"),
                None => format!("kind is one of {}, not {other:?}", KINDS.map(|(kind, _)| kind).join(", ")),
            })),
        }
    }
}

impl From<&Operation> for OperationBody {
    fn from(from: &Operation) -> Self {
        let (kind, order) = (from.word().to_owned(), from.order().to_owned());
        let bare = Self { kind, order, amount: None, reason: None, address: None, days: None };
        match from {
            Operation::Refund(_, amount, reason) => {
                Self { amount: Some(amount.into()), reason: Some(reason.clone()), ..bare }
            }
            Operation::CreateReturn(_) | Operation::Exchange(_) | Operation::InterceptParcel(_) => bare,
            Operation::ChangeAddress(_, address) => Self { address: Some(address.clone()), ..bare },
            Operation::Coupon(_, amount) => Self { amount: Some(amount.into()), ..bare },
            Operation::ExtendWarranty(_, days) => Self { days: Some(*days), ..bare },
        }
    }
}

/// An operation that is taken.
#[derive(Serialize, ToSchema)]
#[schema(as = OperationTaken, example = json!({"operation": 7, "approver": null}))]
pub(crate) struct Taken {
    /// The operation's number.
    operation: i64,
    /// Who has to approve it first: `senior` (a senior agent) or a team's name. None: it is on its way.
    approver: Option<String>,
}

impl From<&AskedOperation> for Taken {
    fn from(AskedOperation { id, approver }: &AskedOperation) -> Self {
        Self { operation: id.0, approver: approver.as_ref().map(word) }
    }
}

fn word(approver: &Approver) -> String {
    approver.as_str().to_owned()
}

fn kept(asked: &AskedOperation) -> KeptAnswer {
    KeptAnswer { status: StatusCode::CREATED.as_u16(), body: json!(Taken::from(asked)).to_string().into() }
}

/// Do something to an order
///
/// On disk when this answers; the marketplace is asked after that, again and again until it has answered for good. How it
/// ended is shown in the conversation under `operations`. Only who holds the conversation may ask, and anybody while nobody
/// does. What `[approval]` in tributary.toml is about waits for somebody else's word first. With an `Idempotency-Key`, a
/// request that is sent again does nothing twice.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/operations", operation_id = "perform", tag = "orders",
    params(("id" = String, Path, description = "Number or tag")), request_body = OperationBody,
    responses((status = 201, description = "On disk, and on its way or awaiting approval", body = Taken)))]
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
        operation: body.try_into()?,
        now: now(),
        request: key.map(|Extension(key)| KeyedOperation { key, answer: kept }),
    };
    let taken = state.desk().perform(new).await??;
    Ok((StatusCode::CREATED, axum::Json(Taken::from(&taken))))
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
        Ok((channel, order)) => Ok(axum::Json(OrderView::from(&KnownOrder { channel, order }))),
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

impl From<&KnownOrder> for OrderView {
    fn from(KnownOrder { channel, order }: &KnownOrder) -> Self {
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

/// Somebody else's word about an operation.
#[derive(Serialize, ToSchema)]
#[schema(as = Approval)]
pub(crate) struct ApprovalView {
    /// Who may give it: `senior` (a senior agent) or a team's name; and whoever has a token of scope admin. Never who asked.
    #[schema(example = "senior")]
    approver: String,
    /// `approved` or `declined`; none while it is awaited.
    #[schema(example = "approved")]
    verdict: Option<&'static str>,
    /// Who decided: `agent:NAME`.
    by: Option<String>,
    /// Why.
    why: Option<String>,
    /// When.
    #[schema(format = DateTime)]
    at: Option<String>,
}

impl From<&Approval> for ApprovalView {
    fn from(from: &Approval) -> Self {
        let said = from.word.as_ref();
        Self {
            approver: word(&from.by),
            verdict: said.map(|said| said.verdict.as_str()),
            by: said.map(|said| said.by.clone()),
            why: said.and_then(|said| said.why.clone()),
            at: said.map(|said| rfc3339(said.at)),
        }
    }
}

/// Something that was to be done to an order, and how it stands.
#[derive(Serialize, ToSchema)]
#[schema(as = OperationStatus)]
pub(crate) struct OperationView {
    /// Its number.
    id: i64,
    /// Its conversation.
    conversation: i64,
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
    /// Somebody else's word about it, where it needs one.
    approval: Option<ApprovalView>,
    /// `awaiting-approval`, `queued`, `leased` (a node asks the marketplace now), `done`, `failed` or `declined`.
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
            conversation: from.conversation.0,
            channel: from.channel.to_string(),
            operation: (&from.operation).into(),
            by: from.by.clone(),
            rule: from.rule.clone(),
            why: from.why.clone(),
            approval: from.approval.as_ref().map(ApprovalView::from),
            state: from.state.as_str(),
            attempts: from.attempts,
            next_at: from.next_at.map(rfc3339),
            result: from.result.clone(),
            detail: from.detail.clone(),
            asked_at: rfc3339(from.at),
        }
    }
}
