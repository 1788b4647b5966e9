//! The other two things an arrival may tell: an order changed, an outgoing message went further or came back.
use super::super::codec::{self, time};
use super::super::deliver::{self, Row};
use super::super::happenings::{self, Cause};
use super::super::tx::{Line, Tx, one};
use super::{Prepared, contacts, threading};
use crate::{Accepted, Lease, Source, StoreError};
use tributary_model::message::{Delivery, DeliveryState};
use tributary_model::order::Order;
use tributary_model::{ConversationId, OutgoingId, delivery};

/// Keeps an order as it is now. The conversation that it was asked for has the happening; of one that was told, the newest
/// of its buyer's that is not closed. Without one the order waits for one to be about it.
pub(super) fn order(
    tx: &mut Tx<'_>,
    it: &Prepared,
    order: &Order,
    claim: Option<&Lease>,
    accepted: &mut Accepted,
) -> Result<(), StoreError> {
    let (channel, now) = (&it.new.channel, it.new.at);
    let body = codec::order(order);
    // News may overtake each other: an older state does not replace a newer one.
    tx.run(
        "INSERT INTO orders (channel, id, at, body) VALUES (?, ?, ?, ?) \
         ON CONFLICT DO UPDATE SET at = excluded.at, body = excluded.body WHERE excluded.at >= orders.at",
        (channel.as_str(), &order.id, time(order.at), &body),
    )?;
    let mut conversation = match it.new.source {
        Source::LookUp(id) => Some(id),
        Source::Arrival(_) | Source::Poll { .. } => None,
    };
    for handle in &order.buyer {
        if conversation.is_some() {
            break;
        }
        let Some(contact) = contacts::find(tx, handle)? else { continue };
        conversation = one(
            tx.conn,
            "SELECT id FROM conversation INDEXED BY conversation_contact \
             WHERE contact = ? AND state <> 'closed' ORDER BY id DESC LIMIT 1",
            [contact.0],
            |row| row.get(0).map(ConversationId),
        )?;
    }
    let detail = format!("order {} {}", order.id, order.state.as_str());
    let line = Line { actor: &it.actor, act: "order", detail: Some(&detail), ..Line::default() };
    tx.event(conversation, now, line)?;
    let Some(id) = conversation else { return Ok(()) };
    threading::about(tx, channel, &order.id, id)?;
    let turn = !happenings::any_open(tx.conn, id)?;
    match happenings::add(tx, id, Cause::Other("order", Some(body)), now, claim.filter(|_| turn))? {
        Some(claimed) => accepted.claimed.push(claimed),
        None => accepted.waiting += 1,
    }
    Ok(())
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
