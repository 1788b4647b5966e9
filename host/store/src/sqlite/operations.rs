//! Operations on orders: which channel an order is of, asking, leases, and what came of a try.
//!
//! All that an adapter gets is fixed when an operation is written, its idempotency key included, so that every try asks
//! for the same act.
mod approval;

pub(super) use approval::{awaiting, decide};

use super::codec::{self, At, moment, time};
use super::happenings::{self, Cause as Happened};
use super::parked::{self, Ref};
use super::tx::{Line, Tx, many, one};
use super::{accept, clocks, contacts, row, token};
use crate::{
    Approval, AskedOperation, Cause, KeyedOperation, Lease, LeasedOperation, NewOperation, NotTaken, OperationView,
    OrderRefused, StoreError,
};
use rusqlite::{Connection, Row as SqlRow};
use serde::{Deserialize, Serialize};
use tributary_model::approval::Approver;
use tributary_model::conversation::{Conversation, Refused};
use tributary_model::operation::{self, Event, OutOfRange, Settlement, State};
use tributary_model::order::{Money, Operation};
use tributary_model::{ChannelName, ContactId, ConversationId, GenerationId, OperationId, Timestamp};

/// How many channels with an order of the same id are looked at.
const SAME_ID: i64 = 8;

/// How many operations of a conversation are shown at once: the newest.
const SHOWN: i64 = 200;

/// An operation as its column.
#[derive(Serialize, Deserialize)]
struct Body {
    kind: String,
    order: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    amount: Option<(String, i64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    days: Option<u32>,
}

fn body(it: &Operation) -> String {
    let amount = |money: &Money| Some((money.currency.clone(), money.minor));
    let (amount, text, days) = match it {
        Operation::Refund(_, money, reason) => (amount(money), Some(reason.clone()), None),
        Operation::ChangeAddress(_, address) => (None, Some(address.clone()), None),
        Operation::Coupon(_, money) => (amount(money), None, None),
        Operation::ExtendWarranty(_, days) => (None, None, Some(*days)),
        Operation::CreateReturn(_) | Operation::Exchange(_) | Operation::InterceptParcel(_) => (None, None, None),
    };
    codec::to_json(&Body { kind: it.word().to_owned(), order: it.order().to_owned(), amount, text, days })
}

fn read(id: i64, text: &str) -> Result<Operation, StoreError> {
    let at = At("operation", id);
    let Body { kind, order, amount, text, days } = at.json(text)?;
    let amount = amount.map(|(currency, minor)| Money { currency, minor });
    Ok(match (kind.as_str(), amount, text, days) {
        ("refund", Some(amount), Some(reason), None) => Operation::Refund(order, amount, reason),
        ("create-return", None, None, None) => Operation::CreateReturn(order),
        ("exchange", None, None, None) => Operation::Exchange(order),
        ("intercept-parcel", None, None, None) => Operation::InterceptParcel(order),
        ("change-address", None, Some(address), None) => Operation::ChangeAddress(order, address),
        ("coupon", Some(amount), None, None) => Operation::Coupon(order, amount),
        ("extend-warranty", None, None, Some(days)) => Operation::ExtendWarranty(order, days),
        (other, ..) => return Err(at.damaged(format!("the kind {other:?}"))),
    })
}

/// An order of the id that is asked for.
struct Known {
    channel: ChannelName,
    /// The conversation is about it.
    about: bool,
    /// The conversation's customer made it, as the marketplace tells.
    theirs: bool,
    /// The marketplace itself named it in the conversation.
    named: bool,
}

fn known(conn: &Connection, it: &Conversation, order: &str) -> Result<Vec<Known>, StoreError> {
    let found = many(
        conn,
        "SELECT o.channel, o.contact, EXISTS (SELECT 1 FROM conversation_order AS c WHERE c.conversation = ?1 \
         AND c.channel = o.channel AND c.id = o.id), \
         EXISTS (SELECT 1 FROM message AS m INDEXED BY message_timeline WHERE m.conversation = ?1 \
         AND m.channel = o.channel AND m.author = 'customer' AND json_extract(m.inbound, '$.order_id') = o.id) \
         FROM orders AS o INDEXED BY orders_id WHERE o.id = ?2 LIMIT ?3",
        (it.id.0, order, SAME_ID),
        |row| {
            let (about, named) = (row.get::<_, bool>(2)?, row.get::<_, bool>(3)?);
            Ok((row.get::<_, String>(0)?, row.get::<_, Option<i64>>(1)?, about, named))
        },
    )?;
    let person = contacts::root(conn, it.contact)?;
    let mut known = Vec::with_capacity(found.len());
    for (channel, buyer, about, named) in found {
        let buyer = buyer.map_or(Ok(None), |buyer| contacts::root(conn, ContactId(buyer)))?;
        known.push(Known { channel: channel.into(), about, theirs: buyer.is_some() && buyer == person, named });
    }
    Ok(known)
}

/// Which channel an order is of, for a person: the one by which the conversation is about it, else the one whose order of
/// this id the customer made, else the only one that knows it.
pub(super) fn place(
    conn: &Connection,
    it: &Conversation,
    order: &str,
) -> Result<Result<ChannelName, OrderRefused>, StoreError> {
    let known = known(conn, it, order)?;
    let narrow: fn(&Known) -> bool = match () {
        () if known.iter().any(|it| it.about) => |it| it.about,
        () if known.iter().any(|it| it.theirs) => |it| it.theirs,
        () => |_| true,
    };
    Ok(only(order, known.into_iter().filter(narrow).map(|it| it.channel).collect()))
}

fn only(order: &str, mut channels: Vec<ChannelName>) -> Result<ChannelName, OrderRefused> {
    if channels.len() > 1 {
        return Err(OrderRefused::Several(order.to_owned(), channels));
    }
    channels.pop().ok_or_else(|| OrderRefused::Unknown(order.to_owned()))
}

/// Which channel a policy's operation goes to, or why it is not taken.
///
/// A policy reads numbers out of texts that anybody can write, and a conversation is about each of them. So it gets only what
/// the conversation's own customer ordered, and, because marketplaces hide their buyers, what the marketplace itself named in
/// the conversation. What the conversation had word for word is not taken again: a policy that asks each time it is asked
/// would pay again and again.
pub(super) fn for_policy(
    conn: &Connection,
    it: &Conversation,
    asked: &Operation,
) -> Result<Result<ChannelName, OrderRefused>, StoreError> {
    let order = asked.order();
    let same = one(
        conn,
        "SELECT id FROM operation INDEXED BY operation_conversation WHERE conversation = ? AND body = ? LIMIT 1",
        (it.id.0, body(asked)),
        |row| row.get(0).map(OperationId),
    )?;
    if let Some(id) = same {
        return Ok(Err(OrderRefused::Repeated(order.to_owned(), id)));
    }
    let known = known(conn, it, order)?;
    let stranger = !known.is_empty();
    let may = known.into_iter().filter(|order| order.theirs || order.named);
    let may: Vec<ChannelName> = may.map(|order| order.channel).collect();
    if may.is_empty() && stranger {
        return Ok(Err(OrderRefused::NotTheirs(order.to_owned())));
    }
    Ok(only(order, may))
}

/// Who asks for an operation, and why.
#[derive(Clone, Copy)]
pub(super) struct By<'a> {
    pub(super) actor: &'a str,
    pub(super) rule: Option<&'a str>,
    pub(super) why: Option<&'a str>,
}

/// Writes an operation, and that the conversation is about its order. It waits for a node, or for somebody's word first.
pub(super) fn add(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    channel: &ChannelName,
    asked: &Operation,
    by: By<'_>,
    now: Timestamp,
) -> Result<AskedOperation, StoreError> {
    let By { actor, rule, why } = by;
    let approver = tx.rules.approval.approver(asked);
    let state = if approver.is_some() { State::AwaitingApproval } else { State::Queued };
    // The key has the row's number in it, which is known when the row is there.
    let secret = token::secret()?;
    let id = tx.insert(
        "INSERT INTO operation (key, conversation, channel, order_id, body, actor, rule, why, state, attempts, next_at, \
         at, approver) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?)",
        rusqlite::params![
            secret,
            conversation.0,
            channel.as_str(),
            asked.order(),
            body(asked),
            actor,
            rule,
            why,
            state.as_str(),
            time(now),
            time(now),
            approver.map(Approver::as_str)
        ],
    )?;
    tx.run("UPDATE operation SET key = id || '-' || key WHERE id = ?", [id])?;
    accept::about(tx, channel, asked.order(), conversation)?;
    let detail = told(id, asked);
    tx.event(Some(conversation), now, Line { actor, act: "asked", detail: Some(&detail), ..Line::default() })?;
    if let Some(approver) = approver {
        approval::wait(tx, conversation, approver, &detail, now)?;
    }
    Ok(AskedOperation { id: OperationId(id), approver: approver.cloned() })
}

fn told(id: i64, it: &Operation) -> String {
    format!("operation {id}: {}", it.detail())
}

/// See [`crate::Store::ask_operation`].
pub(super) fn ask(tx: &mut Tx<'_>, new: &NewOperation) -> Result<Result<AskedOperation, NotTaken>, StoreError> {
    if let Err(OutOfRange(why)) = new.operation.check() {
        return Ok(Err(NotTaken::OutOfRange(why)));
    }
    let Some(before) = row::load(tx.conn, new.conversation)? else {
        return Ok(Err(NotTaken::Refused(Refused::Unknown)));
    };
    if let Err(refused) = before.may_act(&new.agent, new.now) {
        return Ok(Err(NotTaken::Refused(refused)));
    }
    let channel = match place(tx.conn, &before, new.operation.order())? {
        Ok(channel) => channel,
        Err(refused) => return Ok(Err(NotTaken::Order(refused))),
    };
    let actor = format!("agent:{}", new.agent);
    let by = By { actor: &actor, rule: None, why: None };
    let asked = add(tx, before.id, &channel, &new.operation, by, new.now)?;
    let mut it = before.clone();
    it.updated = new.now;
    row::save(tx, &before, &it)?;
    if let Some(KeyedOperation { key, answer }) = &new.request {
        token::end(tx, key, Some(&answer(&asked)))?;
    }
    Ok(Ok(asked))
}

/// See [`crate::Store::order_channel`].
pub(super) fn channel(
    conn: &Connection,
    id: ConversationId,
    order: &str,
) -> Result<Result<ChannelName, NotTaken>, StoreError> {
    let Some(it) = row::load(conn, id)? else { return Ok(Err(NotTaken::Refused(Refused::Unknown))) };
    Ok(place(conn, &it, order)?.map_err(NotTaken::Order))
}

/// See [`crate::Store::lease_operations`].
pub(super) fn lease(tx: &Tx<'_>, lease: &Lease, most: usize) -> Result<Vec<LeasedOperation>, StoreError> {
    let mut leased = many(
        tx.conn,
        "SELECT id, key, conversation, channel, body, attempts FROM operation INDEXED BY operation_next \
         WHERE state IN ('queued', 'leased') AND next_at <= ? ORDER BY next_at, id LIMIT ?",
        (time(lease.now), i64::try_from(most).unwrap_or(i64::MAX)),
        |row| {
            let id: i64 = row.get(0)?;
            Ok(LeasedOperation {
                id: OperationId(id),
                key: row.get(1)?,
                conversation: ConversationId(row.get(2)?),
                channel: row.get::<_, String>(3)?.into(),
                operation: read(id, &row.get::<_, String>(4)?)?,
                attempt: row.get(5)?,
            })
        },
    )?;
    for it in &mut leased {
        it.attempt += 1;
        tx.run(
            "UPDATE operation SET state = 'leased', node = ?, next_at = ?, attempts = ? WHERE id = ?",
            (&lease.node[..], time(lease.until), it.attempt, it.id.0),
        )?;
    }
    Ok(leased)
}

/// What of an operation its next step needs.
struct Row {
    id: i64,
    key: String,
    conversation: ConversationId,
    channel: String,
    operation: Operation,
    actor: String,
    approval: Option<Approval>,
    state: State,
}

fn row_of(conn: &Connection, id: OperationId) -> Result<Option<Row>, StoreError> {
    let sql = "SELECT key, conversation, channel, body, actor, state, approver, word_by, word_why, word_at FROM operation \
               WHERE id = ?";
    let found = many(conn, sql, [id.0], |row| {
        let state = At("operation", id.0).word(&row.get::<_, String>(5)?, State::parse)?;
        Ok(Row {
            id: id.0,
            key: row.get(0)?,
            conversation: ConversationId(row.get(1)?),
            channel: row.get(2)?,
            operation: read(id.0, &row.get::<_, String>(3)?)?,
            actor: row.get(4)?,
            approval: approval::read(row, 6, state)?,
            state,
        })
    })?;
    Ok(found.into_iter().next())
}

/// See [`crate::Store::settle_operation`].
pub(super) fn settle(
    tx: &mut Tx<'_>,
    id: OperationId,
    settlement: &Settlement,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(it) = row_of(tx.conn, id)? else { return Ok(()) };
    let event = match settlement {
        Settlement::Done { .. } => Event::Finish,
        Settlement::Again { .. } => Event::Requeue,
        Settlement::Failed { .. } => Event::Fail,
    };
    // An illegal event is a try that lost its lease and comes too late.
    let Ok(next) = operation::next(it.state, event) else { return Ok(()) };
    let (actor, detail) = (format!("channel:{}", it.channel), told(it.id, &it.operation));
    let line = Line { actor: &actor, detail: Some(&detail), ..Line::default() };
    match settlement {
        Settlement::Done { result } => {
            let result = Some(result.as_str()).filter(|result| !result.is_empty());
            tx.run(
                "UPDATE operation SET state = ?, node = NULL, result = ?, detail = NULL WHERE id = ?",
                (next.as_str(), result, it.id),
            )?;
            tx.event(Some(it.conversation), now, Line { act: "performed", why: result, ..line })?;
            settled(tx, &it, format!("done: {}", it.operation.detail()), now)
        }
        Settlement::Again { at, why } => {
            tx.run(
                "UPDATE operation SET state = ?, node = NULL, next_at = ?, detail = ? WHERE id = ?",
                (next.as_str(), time(*at), why, it.id),
            )?;
            tx.event(Some(it.conversation), now, Line { act: "retrying", why: Some(why), ..line })
        }
        Settlement::Failed { why } => {
            tx.run(
                "UPDATE operation SET state = ?, node = NULL, detail = ? WHERE id = ?",
                (next.as_str(), why, it.id),
            )?;
            tx.event(Some(it.conversation), now, Line { act: "failed", why: Some(why), ..line })?;
            fail(tx, &it, why, now)?;
            settled(tx, &it, format!("failed: {}: {why}", it.operation.detail()), now)
        }
    }
}

/// Asks the policies about the end of an operation.
fn settled(tx: &mut Tx<'_>, it: &Row, how: String, now: Timestamp) -> Result<(), StoreError> {
    let payload = codec::to_json(&(&it.key, how));
    happenings::add(tx, it.conversation, Happened::Other("operation-settled", Some(payload)), now, None).map(drop)
}

/// It is not done: a person has to look.
fn wake(tx: &mut Tx<'_>, id: ConversationId, now: Timestamp) -> Result<(), StoreError> {
    let before = row::expect(tx.conn, id)?;
    let mut conversation = before.clone();
    conversation.wake(now);
    clocks::follow(tx, &before, &mut conversation, now)?;
    row::save(tx, &before, &conversation)
}

/// It failed: whoever looks may order another try.
fn fail(tx: &mut Tx<'_>, it: &Row, why: &str, now: Timestamp) -> Result<(), StoreError> {
    wake(tx, it.conversation, now)?;
    // The store is not told which plugin acts for a channel: the channel's name stands for it.
    let what = Ref {
        what: "operation",
        id: it.id,
        channel: Some(&it.channel),
        plugin: &it.channel,
        version: "",
        generation: GenerationId(0),
    };
    let cause = Cause { blame: "host", what: why.to_owned() };
    parked::keep(tx, &what, Some(it.conversation), &cause, now).map(drop)
}

/// Puts a failed one back into the queue, its tries counted anew, under the same key. `false`: it did not fail.
pub(super) fn replay(tx: &Tx<'_>, id: OperationId, now: Timestamp) -> Result<bool, StoreError> {
    let Some(it) = row_of(tx.conn, id)? else { return Ok(false) };
    let Ok(next) = operation::next(it.state, Event::Replay) else { return Ok(false) };
    tx.run("UPDATE operation SET state = ?, attempts = 0, next_at = ? WHERE id = ?", (next.as_str(), time(now), id.0))?;
    Ok(true)
}

/// Gives back what a node had leased; how many.
pub(super) fn release_node(tx: &Tx<'_>, node: &str) -> Result<usize, StoreError> {
    tx.run(
        "UPDATE operation INDEXED BY operation_next SET state = 'queued', node = NULL, next_at = at \
         WHERE state IN ('queued', 'leased') AND state = 'leased' AND node = ?",
        [node],
    )
}

/// The columns [`view`] reads, in its order.
macro_rules! columns {
    () => {
        "id, conversation, channel, body, actor, rule, why, state, attempts, next_at, result, detail, at, approver, \
         word_by, word_why, word_at"
    };
}
use columns;

fn view(row: &SqlRow<'_>) -> Result<OperationView, StoreError> {
    let id: i64 = row.get(0)?;
    let state = At("operation", id).word(&row.get::<_, String>(7)?, State::parse)?;
    Ok(OperationView {
        id: OperationId(id),
        conversation: ConversationId(row.get(1)?),
        channel: row.get::<_, String>(2)?.into(),
        operation: read(id, &row.get::<_, String>(3)?)?,
        by: row.get(4)?,
        rule: row.get(5)?,
        why: row.get(6)?,
        approval: approval::read(row, 13, state)?,
        state,
        attempts: row.get(8)?,
        next_at: (state == State::Queued).then(|| row.get(9).map(moment)).transpose()?,
        result: row.get(10)?,
        detail: row.get(11)?,
        at: moment(row.get(12)?),
    })
}

/// The operations of a conversation, oldest first.
pub(super) fn of(conn: &Connection, id: ConversationId) -> Result<Vec<OperationView>, StoreError> {
    let sql = concat!(
        "SELECT ",
        columns!(),
        " FROM operation INDEXED BY operation_conversation WHERE conversation = ? ORDER BY id DESC LIMIT ?"
    );
    let mut found = many(conn, sql, (id.0, SHOWN), view)?;
    found.reverse();
    Ok(found)
}
