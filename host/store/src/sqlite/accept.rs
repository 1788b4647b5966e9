//! Commit 1: an arrival and everything it told.
//!
//! What does not need the database, digests and JSON above all, is worked out by [`prepare`] on the caller's thread, so
//! that the one writer spends its time on rows only.
//!
//! An arrival all of whose events are messages that came in before leaves no row: a sender that repeats itself must not
//! fill the disk. It is then answered with the arrival that brought them first.
mod contacts;
mod continuity;
mod news;
mod supplement;
mod threading;

pub(super) use threading::about;

use super::codec::{self, time};
use super::happenings::{self, Cause};
use super::tx::{Counter, Line, Tx, many};
use super::{agents, clocks, feed, plugins, row};
use crate::{Accepted, AcceptedMessage, Fate, Lease, NewArrival, Source, StoreError};
use tributary_model::continuity::Choice;
use tributary_model::conversation::Conversation;
use tributary_model::message::{Arrival, Author, ChannelEvent, Inbound};
use tributary_model::{ArrivalId, ConversationId, MessageId, Timestamp};

/// An arrival with its columns.
pub(super) struct Prepared {
    new: NewArrival,
    actor: String,
    meta: String,
    messages: Vec<PreparedMessage>,
}

/// The columns of a message, in the order of the arrival's messages.
struct PreparedMessage {
    digest: [u8; 32],
    inbound: String,
    attachments: Option<String>,
    attributes: Option<String>,
    /// For the conversation it may open.
    reply_token: String,
}

/// Works out the columns.
pub(super) fn prepare(new: NewArrival) -> Result<Prepared, StoreError> {
    let mut messages = Vec::new();
    for event in &new.events {
        if let ChannelEvent::Message(inbound) = event {
            messages.push(PreparedMessage {
                digest: inbound.digest(),
                inbound: codec::inbound(inbound),
                attachments: codec::attachments(&inbound.content.attachments),
                attributes: codec::attributes(&inbound.attributes),
                reply_token: super::token::reply_token(new.at)?,
            });
        }
    }
    let meta = match &new.source {
        Source::Arrival(arrival) => codec::meta(arrival),
        Source::Poll { .. } | Source::LookUp(_) => String::new(),
    };
    Ok(Prepared { actor: format!("channel:{}", new.channel), meta, new, messages })
}

/// Inserts the row of an arrival.
pub(super) fn insert_arrival(
    tx: &Tx<'_>,
    channel: &str,
    arrival: &Arrival,
    meta: &str,
    at: i64,
) -> Result<i64, StoreError> {
    tx.insert(
        "INSERT INTO arrival (channel, at, kind, meta, raw) VALUES (?, ?, ?, ?, ?)",
        (channel, at, arrival.kind(), meta, &arrival.bytes()[..]),
    )
}

/// The commit itself.
pub(super) fn accept(tx: &mut Tx<'_>, it: &Prepared, claim: Option<&Lease>) -> Result<Accepted, StoreError> {
    let Prepared { new, messages, .. } = it;
    plugins::edit(tx, &new.scope, &new.state)?;
    feed::publish(tx, &new.channel, &new.feed, new.at)?;
    if let Source::Poll { cursor } = &new.source {
        feed::moved(tx, &new.channel, cursor.as_deref(), new.at)?;
    }
    // A replayed arrival has its row already, and it came in when it came in: its customer waits since then.
    let replayed = match new.replays {
        Some(id) => super::parked::retake_arrival(tx, id, new.at)?,
        None => None,
    };
    let came = replayed.map_or(new.at, |(_, at)| at);
    let mut arrival = replayed.map(|(id, _)| id);
    let mut seen_before = None;
    let mut accepted = Accepted { arrival: ArrivalId(0), messages: Vec::new(), claimed: Vec::new(), waiting: 0 };
    let mut columns = messages.iter();
    let mut needs_row = new.events.is_empty();
    for event in &new.events {
        match event {
            ChannelEvent::Message(inbound) => {
                let Some(columns) = columns.next() else { continue };
                let message = Incoming { it, inbound, columns, claim, came };
                message.accept(tx, &mut arrival, &mut seen_before, &mut accepted)?;
            }
            ChannelEvent::Order(order) => {
                needs_row |= news::order(tx, it, order, claim, &mut accepted)?;
            }
            ChannelEvent::Delivery(delivery) => {
                needs_row = true;
                news::delivery(tx, it, delivery)?;
            }
            ChannelEvent::Profile(profile) => needs_row |= supplement::profile(tx, &it.told(), profile)?,
            ChannelEvent::Supplement(more) => {
                needs_row = true;
                accepted.waiting += supplement::supplement(tx, it, more)?;
            }
            ChannelEvent::Typing(_) => {}
        }
    }
    if needs_row {
        it.arrival(tx, &mut arrival)?;
    }
    accepted.arrival = ArrivalId(arrival.or(seen_before).unwrap_or(0));
    Ok(accepted)
}

impl Prepared {
    fn told(&self) -> contacts::Told<'_> {
        let NewArrival { channel, verifies, at, .. } = &self.new;
        contacts::Told { channel, verifies, actor: &self.actor, now: *at }
    }

    /// The arrival's row, inserted when it is first needed; none where the channel was asked.
    fn arrival(&self, tx: &Tx<'_>, row: &mut Option<i64>) -> Result<Option<i64>, StoreError> {
        let Source::Arrival(arrival) = &self.new.source else { return Ok(None) };
        if row.is_none() {
            *row = Some(insert_arrival(tx, self.new.channel.as_str(), arrival, &self.meta, time(self.new.at))?);
        }
        Ok(*row)
    }
}

/// One message on its way in.
struct Incoming<'a> {
    it: &'a Prepared,
    inbound: &'a Inbound,
    columns: &'a PreparedMessage,
    claim: Option<&'a Lease>,
    came: Timestamp,
}

/// A message with the same external id and digest.
struct Copy {
    id: i64,
    conversation: ConversationId,
    channel: String,
    arrival: Option<i64>,
}

impl Incoming<'_> {
    fn accept(
        &self,
        tx: &mut Tx<'_>,
        arrival: &mut Option<i64>,
        seen_before: &mut Option<i64>,
        accepted: &mut Accepted,
    ) -> Result<(), StoreError> {
        let (new, inbound, columns) = (&self.it.new, self.inbound, self.columns);
        let external_id = inbound.external_id.as_deref().unwrap_or_default();
        let copies = many(
            tx.conn,
            "SELECT id, conversation, channel, arrival FROM message WHERE external_id = ? AND digest = ? LIMIT 64",
            (external_id, &columns.digest),
            |row| {
                Ok(Copy {
                    id: row.get(0)?,
                    conversation: ConversationId(row.get(1)?),
                    channel: row.get(2)?,
                    arrival: row.get(3)?,
                })
            },
        )?;
        if let Some(first) = copies.iter().find(|copy| copy.channel == new.channel.as_str()) {
            *seen_before = seen_before.or(first.arrival);
            let (conversation, message) = (first.conversation, MessageId(first.id));
            accepted.messages.push(AcceptedMessage { conversation, message, fate: Fate::Duplicate });
            return Ok(());
        }
        let author = self.it.told().author(tx, &inbound.from, inbound.display_name.as_deref())?;
        let sent = continuity::sent(inbound, self.came);
        let (found, choice) = match threading::conversation(tx.conn, inbound, &new.channel, author)? {
            Some(id) => (Some(id), Choice::Open(None)),
            // The same mail to another channel has a conversation of its own there.
            None if !external_id.is_empty() && !copies.is_empty() => (None, Choice::Open(None)),
            None => match continuity::choose(tx.conn, inbound, &new.channel, author, sent, &tx.rules.continuity)? {
                Choice::Continue(id, why) => (Some(id), Choice::Continue(id, why)),
                open @ Choice::Open(_) => (None, open),
            },
        };
        let (conversation, fate) = match found {
            Some(id) => (self.join(tx, id, sent)?, Fate::Joined),
            None => (self.open(tx, author.node, sent)?, Fate::Opened),
        };
        let id = conversation.id;
        let message = tx.insert(
            "INSERT INTO message (conversation, channel, author, contact, name, external_id, digest, automatic, sent_at, \
             at, arrival, inbound, attachments, attributes, text, quoted, html) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rusqlite::params![
                id.0,
                new.channel.as_str(),
                inbound.author.as_str(),
                author.node.0,
                inbound.display_name,
                external_id,
                &columns.digest[..],
                inbound.automatic,
                time(inbound.sent_at),
                time(self.came),
                self.it.arrival(tx, arrival)?,
                columns.inbound,
                columns.attachments,
                columns.attributes,
                inbound.content.text,
                inbound.content.quoted,
                inbound.content.html,
            ],
        )?;
        tx.count(Counter::Messages, 1);
        threading::remember(tx, inbound, &new.channel, id)?;
        let act = if fate == Fate::Opened { "opened" } else { "received" };
        let line = Line { actor: &self.it.actor, act, detail: Some(&format!("message {message}")), ..Line::default() };
        tx.event(Some(id), new.at, line)?;
        match (&choice, inbound.thread.order_id.as_deref()) {
            (Choice::Continue(_, why), _) => {
                continuity::continued(tx, (id, message), &new.channel, (why, author.proved), new.at)?;
            }
            (Choice::Open(Some(earlier)), Some(order)) => {
                continuity::same_order(tx, (id, *earlier), order, new.at)?;
            }
            (Choice::Open(_), _) => {}
        }
        if !external_id.is_empty() {
            self.link(tx, id, &copies)?;
        }
        // A conversation that was just opened has no earlier happening: nothing to ask.
        let turn = fate == Fate::Opened || !happenings::any_open(tx.conn, id)?;
        let claimed = happenings::add(tx, id, Cause::Message(message), new.at, self.claim.filter(|_| turn))?;
        match claimed {
            Some(claimed) => accepted.claimed.push(claimed),
            None => accepted.waiting += 1,
        }
        accepted.messages.push(AcceptedMessage { conversation: id, message: MessageId(message), fate });
        Ok(())
    }

    fn open(
        &self,
        tx: &mut Tx<'_>,
        contact: tributary_model::ContactId,
        sent: Timestamp,
    ) -> Result<Conversation, StoreError> {
        let (new, token) = (&self.it.new, self.columns.reply_token.clone());
        let subject = self.inbound.subject.clone();
        let mut it = Conversation::open(ConversationId(0), contact, new.channel.clone(), subject, token, self.came);
        it.received(&new.channel, self.inbound.automatic, sent, self.came);
        if self.inbound.author != Author::Customer {
            it.last_sent = Timestamp(0);
        }
        row::insert(tx, &mut it)?;
        Ok(it)
    }

    fn join(&self, tx: &mut Tx<'_>, id: ConversationId, sent: Timestamp) -> Result<Conversation, StoreError> {
        let before = row::expect(tx.conn, id)?;
        // What happened to the conversation while the arrival was aside stays before it: clocks run forward only.
        let now = if self.came < self.it.new.at { self.came.max(before.updated) } else { self.it.new.at };
        let mut it = before.clone();
        if self.inbound.author == Author::Customer {
            if it.received(&self.it.new.channel, self.inbound.automatic, sent, now) {
                agents::keep(tx, &mut it, now)?;
            }
        } else {
            // What the shop's side wrote elsewhere is kept; it is not the customer asking for a word.
            it.updated = now;
        }
        clocks::follow(tx, &before, &mut it, now)?;
        row::save(tx, &before, &it)?;
        Ok(it)
    }

    /// The same mail to two channels is two messages that know of each other.
    fn link(&self, tx: &mut Tx<'_>, id: ConversationId, copies: &[Copy]) -> Result<(), StoreError> {
        for copy in copies.iter().filter(|copy| copy.conversation != id) {
            let other = copy.conversation;
            for (from, to, channel) in [(id, other, copy.channel.as_str()), (other, id, self.it.new.channel.as_str())] {
                let why = format!("the same message came in by {channel}");
                threading::link(tx, (from, to), &why, self.it.new.at)?;
            }
        }
        Ok(())
    }
}
