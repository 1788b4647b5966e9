//! Writing an outgoing message, a person's or a machine's.
use super::super::codec::{self, time};
use super::super::tx::{Counter, Tx, many, one};
use crate::StoreError;
use tributary_model::conversation::Conversation;
use tributary_model::message::{Author, Content};
use tributary_model::{OutgoingId, Timestamp};

/// How many earlier messages an outgoing one names.
const REFERENCES: usize = 20;

/// Inserts the message and its outgoing row. It goes to the contact's handles over the channel the customer used last,
/// as an answer to the customer's newest message there.
///
/// Only the contact's own handles, whoever wrote last: an external id is no secret, so somebody who learnt one could
/// write into the conversation, and must not get its answers.
pub(in super::super) fn compose(
    tx: &mut Tx<'_>,
    it: &Conversation,
    author: Author,
    name: &str,
    content: &Content,
    now: Timestamp,
) -> Result<OutgoingId, StoreError> {
    let channel = it.last_channel.as_str();
    let recipients = super::recipients(tx.conn, it)?;
    let mut earlier = many(
        tx.conn,
        "SELECT external_id, author = 'customer' FROM message WHERE conversation = ? AND channel = ? \
         AND external_id <> '' ORDER BY id DESC LIMIT ?",
        (it.id.0, channel, REFERENCES as i64),
        |row| Ok((row.get::<_, String>(0)?, row.get::<_, bool>(1)?)),
    )?;
    let in_reply_to = earlier.iter().find(|(_, customer)| *customer).map(|(id, _)| id.clone());
    earlier.reverse();
    let mut references: Vec<String> = Vec::with_capacity(earlier.len());
    for (id, _) in earlier {
        if !references.contains(&id) {
            references.push(id);
        }
    }
    let id = tx.insert(
        "INSERT INTO message (conversation, channel, author, name, automatic, sent_at, at, attachments, text, quoted, html) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            it.id.0,
            channel,
            author.as_str(),
            name,
            author != Author::Agent,
            time(now),
            time(now),
            codec::attachments(&content.attachments),
            &content.text,
            &content.quoted,
            &content.html,
        ),
    )?;
    // What the channel told with the contact's own newest message goes back to it, such as a mail's Reply-To.
    let answers = one(
        tx.conn,
        "SELECT id FROM message WHERE conversation = ? AND contact = ? AND channel = ? ORDER BY id DESC LIMIT 1",
        (it.id.0, it.contact.0, channel),
        |row| row.get::<_, i64>(0),
    )?;
    tx.run(
        "INSERT INTO outgoing (id, conversation, channel, recipients, answers, in_reply_to, refs, state, attempts, \
         next_at, at) VALUES (?, ?, ?, ?, ?, ?, ?, 'queued', 0, ?, ?)",
        (id, it.id.0, channel, recipients, answers, in_reply_to, codec::words(&references), time(now), time(now)),
    )?;
    tx.count(Counter::Messages, 1);
    tx.count(Counter::Outgoing, 1);
    Ok(OutgoingId(id))
}
