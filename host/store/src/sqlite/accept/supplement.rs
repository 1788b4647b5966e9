//! What comes beside messages: what is known of a person, and more of a message that is here already.
use super::super::codec::{self, At, time};
use super::super::happenings::{self, Cause};
use super::super::messages;
use super::super::tx::{Line, Tx, any, many, one};
use super::Prepared;
use super::contacts::Told;
use crate::StoreError;
use tributary_model::message::{Attribute, Profile, Supplement};
use tributary_model::{ConversationId, MessageId};

/// Limits on what a channel may keep of a person or add to a message.
const MOST_TAGS: usize = 64;
const MOST_ATTRIBUTES: usize = 64;
const MOST_FILES: usize = 256;
const LONGEST: usize = 4_096;

/// Keeps what a channel knows of a person, who may be new. Whether that changed anything.
pub(super) fn profile(tx: &mut Tx<'_>, told: &Told<'_>, it: &Profile) -> Result<bool, StoreError> {
    if it.handles.is_empty() {
        return Ok(false);
    }
    let events = tx.newest();
    let author = told.author(tx, &it.handles, it.display_name.as_deref())?;
    let sql = "SELECT id, name, handles, tags, attributes FROM contact WHERE id = ?";
    let found = many(tx.conn, sql, [author.node.0], super::super::contacts::read)?.pop();
    let Some(before) = found else { return Ok(false) };
    let mut now = before.clone();
    now.display_name = it.display_name.clone().or(now.display_name);
    for tag in it.tags.iter().filter(|tag| !tag.is_empty() && tag.len() <= LONGEST) {
        if now.tags.len() < MOST_TAGS && !now.tags.contains(tag) {
            now.tags.push(tag.clone());
        }
    }
    for new in it.attributes.iter().filter(|it| it.name.len() + it.value.len() <= LONGEST) {
        match now.attributes.iter().position(|known| known.name == new.name) {
            Some(place) => now.attributes[place].value.clone_from(&new.value),
            None if now.attributes.len() < MOST_ATTRIBUTES => now.attributes.push(new.clone()),
            None => {}
        }
    }
    if now == before {
        return Ok(author.new || tx.newest() != events);
    }
    tx.run(
        "UPDATE contact SET name = ?, tags = ?, attributes = ? WHERE id = ?",
        (&now.display_name, codec::words(&now.tags), codec::attributes(&now.attributes), now.id.0),
    )?;
    let line = Line { actor: told.actor, act: "profile", contact: Some(author.person), ..Line::default() };
    tx.event(None, told.now, line)?;
    Ok(true)
}

/// Adds to a message of this channel. Policies are asked about it again only where its text is another one now: what they
/// judged was not what the customer said. Where they were not asked yet, they will read the new text anyhow. How many
/// happenings wait for it; an unknown message and a repetition change nothing.
pub(super) fn supplement(tx: &mut Tx<'_>, it: &Prepared, more: &Supplement) -> Result<usize, StoreError> {
    if more.external_id.is_empty() {
        return Ok(0);
    }
    let found = one(
        tx.conn,
        "SELECT id, conversation, attributes FROM message \
         WHERE external_id = ? AND channel = ? AND digest IS NOT NULL ORDER BY id DESC LIMIT 1",
        (&more.external_id, it.new.channel.as_str()),
        |row| Ok((row.get::<_, i64>(0)?, ConversationId(row.get(1)?), row.get::<_, Option<String>>(2)?)),
    )?;
    let Some((id, conversation, attributes)) = found else { return Ok(0) };
    let before = messages::text(tx.conn, MessageId(id))?;
    let mut content = before.clone();
    for file in &more.attachments {
        if content.attachments.len() < MOST_FILES && content.attachments.iter().all(|known| known.blob != file.blob) {
            content.attachments.push(file.clone());
        }
    }
    if let Some(text) = &more.text {
        content.text.clone_from(text);
    }
    let known = At("message", id).attributes(attributes.as_deref())?;
    let mut now: Vec<Attribute> = known.clone();
    for new in &more.attributes {
        if now.len() < MOST_ATTRIBUTES && new.name.len() + new.value.len() <= LONGEST && !now.contains(new) {
            now.push(new.clone());
        }
    }
    if content == before && now == known {
        return Ok(0);
    }
    tx.run(
        "UPDATE message SET text = ?, attachments = ?, attributes = ? WHERE id = ?",
        (&content.text, codec::attachments(&content.attachments), codec::attributes(&now), id),
    )?;
    tx.run("UPDATE conversation SET updated = max(updated, ?) WHERE id = ?", (time(it.new.at), conversation.0))?;
    let files = content.attachments.len() - before.attachments.len();
    let spoke = content.text != before.text;
    let detail = format!("message {id}: {files} more files{}", if spoke { ", another text" } else { "" });
    let line = Line { actor: &it.actor, act: "supplemented", detail: Some(&detail), ..Line::default() };
    tx.event(Some(conversation), it.new.at, line)?;
    let waits = "SELECT 1 FROM happening INDEXED BY happening_turn \
                 WHERE conversation = ? AND state IN ('pending', 'claimed') AND state = 'pending' AND message = ? LIMIT 1";
    if !spoke || any(tx.conn, waits, (conversation.0, id))? {
        return Ok(0);
    }
    happenings::add(tx, conversation, Cause::Message(id), it.new.at, None)?;
    Ok(1)
}
