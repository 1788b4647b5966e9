//! Contacts as nodes: which of them make a person, and what is known of it.
//!
//! Nothing is moved by a join. Handles, conversations, messages and orders stay with the node they came by, and reading
//! goes over all nodes of a person; so a join is one edge, and taking it out restores what was before.
mod detail;
mod join;

pub(super) use detail::{detail, find, joins};
pub(super) use join::{accept, dismiss, join, suggest, undo, was_undone};

use super::SqliteStore;
use super::codec::At;
use super::tx::{any, many, one};
use super::writer::Full;
use crate::{ContactDetail, Contacts, JoinRefused, Listing, NewJoin, Page, StoreError, Suggestion};
use async_trait::async_trait;
use rusqlite::{Connection, Row};
use tributary_model::decision::Contact;
use tributary_model::message::{Handle, HandleKind};
use tributary_model::{ContactId, JoinId, SuggestionId, Timestamp};

/// The nodes of the person whose root is this parameter, as a list to look in.
macro_rules! nodes_of {
    ($root:literal) => {
        concat!(
            "(SELECT ",
            $root,
            " UNION ALL SELECT id FROM contact INDEXED BY contact_root WHERE root = ",
            $root,
            ")"
        )
    };
}
pub(super) use nodes_of;

#[async_trait]
impl Contacts for SqliteStore {
    async fn contact(&self, id: ContactId) -> Result<Option<ContactDetail>, StoreError> {
        self.readers.read(|conn| detail(conn, id))
    }

    async fn find_contacts(&self, value: &str, kind: Option<HandleKind>) -> Result<Vec<Contact>, StoreError> {
        self.readers.read(|conn| find(conn, value, kind))
    }

    async fn join_contacts(&self, it: NewJoin) -> Result<Result<JoinId, JoinRefused>, StoreError> {
        self.writer
            .run(Full::Wait, move |tx| {
                for id in [it.one, it.other] {
                    if !any(tx.conn, "SELECT 1 FROM contact WHERE id = ?", [id.0])? {
                        return Ok(Err(JoinRefused::NoContact(id)));
                    }
                }
                Ok(join(tx, (it.one, it.other), None, &it.why, &it.by, it.now)?.ok_or(JoinRefused::One))
            })
            .await
    }

    async fn undo_join(&self, id: JoinId, by: &str, now: Timestamp) -> Result<Result<(), JoinRefused>, StoreError> {
        let by = by.to_owned();
        self.writer.run(Full::Wait, move |tx| undo(tx, id, &by, now)).await
    }

    async fn suggestions(&self, page: Page) -> Result<Listing<Suggestion>, StoreError> {
        self.readers.read(|conn| detail::suggestions(conn, &page))
    }

    async fn accept_suggestion(
        &self,
        id: SuggestionId,
        by: &str,
        now: Timestamp,
    ) -> Result<Result<JoinId, JoinRefused>, StoreError> {
        let by = by.to_owned();
        self.writer.run(Full::Wait, move |tx| accept(tx, id, &by, now)).await
    }

    async fn dismiss_suggestion(
        &self,
        id: SuggestionId,
        by: &str,
        now: Timestamp,
    ) -> Result<Result<(), JoinRefused>, StoreError> {
        let by = by.to_owned();
        self.writer.run(Full::Wait, move |tx| dismiss(tx, id, &by, now)).await
    }
}

/// The person that a node is part of.
pub(super) fn root(conn: &Connection, id: ContactId) -> Result<Option<ContactId>, StoreError> {
    one(conn, "SELECT coalesce(root, id) FROM contact WHERE id = ?", [id.0], |row| row.get(0).map(ContactId))
}

/// The nodes of a person, the oldest first.
pub(super) fn nodes(conn: &Connection, root: ContactId) -> Result<Vec<ContactId>, StoreError> {
    let sql = "SELECT id FROM contact INDEXED BY contact_root WHERE root = ? ORDER BY id";
    let mut nodes = vec![root];
    nodes.extend(many(conn, sql, [root.0], |row| Ok(ContactId(row.get(0)?)))?);
    Ok(nodes)
}

/// What is known of the person that a node is part of, over all its nodes: the oldest says the name and comes first, and
/// of two attributes of one name its own counts.
pub(super) fn person(conn: &Connection, id: ContactId) -> Result<Option<Contact>, StoreError> {
    const NODE: &str = "SELECT id, name, handles, tags, attributes, root FROM contact WHERE id = ?";
    let node = |id: ContactId| -> Result<Option<(Contact, Option<ContactId>)>, StoreError> {
        Ok(many(conn, NODE, [id.0], |row| Ok((read(row)?, row.get::<_, Option<i64>>(5)?.map(ContactId))))?.pop())
    };
    let mut person = match node(id)? {
        Some((_, Some(root))) => node(root)?.map(|(person, _)| person),
        found => found.map(|(person, _)| person),
    };
    if let Some(person) = &mut person {
        let sql = "SELECT id, name, handles, tags, attributes FROM contact INDEXED BY contact_root WHERE root = ? ORDER BY id";
        for more in many(conn, sql, [person.id.0], read)? {
            person.display_name = person.display_name.take().or(more.display_name);
            person.handles.extend(more.handles);
            for tag in more.tags {
                if !person.tags.contains(&tag) {
                    person.tags.push(tag);
                }
            }
            for attribute in more.attributes {
                if person.attributes.iter().all(|known| known.name != attribute.name) {
                    person.attributes.push(attribute);
                }
            }
        }
    }
    Ok(person)
}

/// The handles of a person.
pub(super) fn handles(conn: &Connection, id: ContactId) -> Result<Vec<Handle>, StoreError> {
    Ok(person(conn, id)?.map(|person| person.handles).unwrap_or_default())
}

/// One node, of the columns `id, name, handles, tags, attributes`.
pub(super) fn read(row: &Row<'_>) -> Result<Contact, StoreError> {
    let id: i64 = row.get(0)?;
    let at = At("contact", id);
    let text = |column| row.get::<_, Option<String>>(column);
    Ok(Contact {
        id: ContactId(id),
        display_name: text(1)?,
        handles: at.handles(text(2)?.as_deref())?,
        tags: at.list(text(3)?.as_deref())?,
        attributes: at.attributes(text(4)?.as_deref())?,
    })
}
