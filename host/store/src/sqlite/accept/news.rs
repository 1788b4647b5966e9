//! The other two things an arrival may tell: an order changed, an outgoing message went further or came back.
use super::super::codec::{self, time};
use super::super::contacts::nodes_of;
use super::super::deliver::{self, Row};
use super::super::happenings::{self, Cause};
use super::super::tx::{Line, Tx, one};
use super::contacts::Author;
use super::{Prepared, contacts, threading};
use crate::{Accepted, Lease, Source, StoreError};
use tributary_model::message::{Delivery, DeliveryState};
use tributary_model::order::Order;
use tributary_model::{ChannelName, ConversationId, OutgoingId, delivery};

/// Keeps an order as it is now; it is its buyer's, who may be new. News that were overtaken change nothing, and neither do
/// repeated ones, which need no row: whether these do.
///
/// The happening is had by the conversation that the order was asked for; of one that was told, by the newest of the buyer's
/// conversations that is not closed, else by that of a contact whose handle the marketplace names as the buyer's, else by
/// one that is about the order; without any the order waits.
pub(super) fn order(
    tx: &mut Tx<'_>,
    it: &Prepared,
    order: &Order,
    claim: Option<&Lease>,
    accepted: &mut Accepted,
) -> Result<bool, StoreError> {
    let (channel, now) = (&it.new.channel, it.new.at);
    let body = codec::order(order);
    let known = one(
        tx.conn,
        "SELECT at, body FROM orders WHERE channel = ? AND id = ?",
        (channel.as_str(), &order.id),
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)),
    )?;
    let asked = match it.new.source {
        Source::LookUp(id) => Some(id),
        Source::Arrival(_) | Source::Poll { .. } => None,
    };
    if known.as_ref().is_some_and(|(_, before)| *before == body) {
        if let Some(id) = asked {
            threading::about(tx, channel, &order.id, id)?;
        }
        return Ok(false);
    }
    let buyer = match &order.buyer[..] {
        [] => None,
        buyer => Some(it.told().author(tx, buyer, None)?),
    };
    let overtaken = known.as_ref().is_some_and(|(at, _)| *at > time(order.at));
    if !overtaken {
        tx.run(
            "INSERT INTO orders (channel, id, at, body, contact) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET \
             at = excluded.at, body = excluded.body, contact = coalesce(excluded.contact, orders.contact)",
            (channel.as_str(), &order.id, time(order.at), &body, buyer.map(|buyer| buyer.node.0)),
        )?;
    }
    if known.is_none() {
        named_before(tx, channel, &order.id)?;
    }
    let conversation = match asked {
        Some(id) => {
            threading::about(tx, channel, &order.id, id)?;
            Some(id)
        }
        None => match newest_open(tx, order, buyer)? {
            Some(id) => Some(id),
            None => about(tx, channel, &order.id)?,
        },
    };
    let detail = format!("order {} {}", order.id, order.state.as_str());
    let why = overtaken.then_some("something later is known already");
    let line = Line { actor: &it.actor, act: "order", why, detail: Some(&detail), ..Line::default() };
    tx.event(conversation, now, line)?;
    let Some(id) = conversation.filter(|_| !overtaken) else { return Ok(true) };
    threading::about(tx, channel, &order.id, id)?;
    let turn = !happenings::any_open(tx.conn, id)?;
    match happenings::add(tx, id, Cause::Other("order", Some(body)), now, claim.filter(|_| turn))? {
        Some(claimed) => accepted.claimed.push(claimed),
        None => accepted.waiting += 1,
    }
    Ok(true)
}

/// The newest conversation that is not closed, of the buyer or of who has one of the buyer's handles.
fn newest_open(tx: &Tx<'_>, order: &Order, buyer: Option<Author>) -> Result<Option<ConversationId>, StoreError> {
    let mut persons: Vec<_> = buyer.map(|buyer| buyer.person).into_iter().collect();
    for handle in order.buyer.iter().take(16) {
        persons.extend(contacts::find(tx, handle)?);
    }
    for person in persons {
        let found = one(
            tx.conn,
            concat!(
                "SELECT id FROM conversation INDEXED BY conversation_contact WHERE contact IN ",
                nodes_of!("?1"),
                " AND state <> 'closed' ORDER BY id DESC LIMIT 1"
            ),
            [person.0],
            |row| row.get(0).map(ConversationId),
        )?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// The newest conversation that is not closed and about the order.
fn about(tx: &Tx<'_>, channel: &ChannelName, order: &str) -> Result<Option<ConversationId>, StoreError> {
    one(
        tx.conn,
        "SELECT c.id FROM conversation_order AS o INDEXED BY conversation_order_id \
         JOIN conversation AS c ON c.id = o.conversation \
         WHERE o.id = ? AND o.channel = ? AND c.state <> 'closed' ORDER BY c.id DESC LIMIT 1",
        (order, channel.as_str()),
        |row| row.get(0).map(ConversationId),
    )
}

/// Customers may have named the order by other channels before the marketplace told of it.
fn named_before(tx: &Tx<'_>, channel: &ChannelName, order: &str) -> Result<(), StoreError> {
    tx.run(
        "INSERT INTO conversation_order (conversation, channel, id) \
         SELECT o.conversation, ?2, ?1 FROM conversation_order AS o INDEXED BY conversation_order_id WHERE o.id = ?1 \
         AND NOT EXISTS (SELECT 1 FROM orders WHERE orders.channel = o.channel AND orders.id = o.id) LIMIT 64 \
         ON CONFLICT DO NOTHING",
        (order, channel.as_str()),
    )
    .map(drop)
}

/// Notes what became of an outgoing message of this channel. What cannot be matched is an event only.
pub(super) fn delivery(tx: &mut Tx<'_>, it: &Prepared, news: &Delivery) -> Result<(), StoreError> {
    let now = it.new.at;
    let found = find(tx, it.new.channel.as_str(), news)?;
    let Some(row) = found else {
        let name = news.outgoing_id.as_deref().or(news.external_id.as_deref()).unwrap_or("?");
        let detail = format!("{} {name}", news.state.as_str());
        let line = Line {
            actor: &it.actor,
            act: "unmatched",
            why: news.detail.as_deref(),
            detail: Some(&detail),
            ..Line::default()
        };
        return tx.event(None, now, line);
    };
    let event = match news.state {
        DeliveryState::Accepted | DeliveryState::Delivered | DeliveryState::Read => delivery::Event::Accept,
        // "Refused before it left" of one that the channel had taken over is what came back.
        DeliveryState::Failed if row.state != delivery::State::Sent => delivery::Event::Fail,
        DeliveryState::Failed | DeliveryState::Bounced => delivery::Event::Bounce,
    };
    let words = news.detail.as_deref().unwrap_or(news.state.as_str());
    match (delivery::next(row.state, event), event) {
        (Ok(delivery::State::Failed), _) => deliver::fail(tx, &row, &it.actor, news.state.as_str(), words, now),
        (Ok(_), _) => {
            deliver::sent(tx, &row, news.external_id.as_deref(), news.detail.as_deref())?;
            let line = Line {
                actor: &it.actor,
                act: news.state.as_str(),
                why: news.detail.as_deref(),
                detail: Some(&format!("outgoing {}", row.id)),
                ..Line::default()
            };
            tx.event(Some(row.conversation), now, line)
        }
        (Err(illegal), _) => {
            let detail = format!("outgoing {}: {illegal}", row.id);
            let line =
                Line { actor: &it.actor, act: "unmatched", why: Some(words), detail: Some(&detail), ..Line::default() };
            tx.event(Some(row.conversation), now, line)
        }
    }
}

/// The outgoing message that is meant. Only one of the channel itself: an adapter speaks for no other.
fn find(tx: &Tx<'_>, channel: &str, news: &Delivery) -> Result<Option<Row>, StoreError> {
    if let Some(id) = news.outgoing_id.as_deref().and_then(|id| id.parse::<OutgoingId>().ok())
        && let Some(row) = deliver::row(tx.conn, id)?
        && row.channel == channel
    {
        return Ok(Some(row));
    }
    let Some(external_id) = news.external_id.as_deref().filter(|id| !id.is_empty()) else { return Ok(None) };
    let id = one(
        tx.conn,
        "SELECT id FROM message WHERE external_id = ? AND digest IS NULL AND channel = ? LIMIT 1",
        (external_id, channel),
        |row| row.get(0).map(OutgoingId),
    )?;
    id.map_or(Ok(None), |id| deliver::row(tx.conn, id))
}
