//! A person on one screen, and lists of what may be one.
use super::super::codec::{At, moment};
use super::super::listing::{self, rows};
use super::super::row::{self, columns};
use super::super::tx::{many, one};
use super::{nodes, person, root};
use crate::{ContactDetail, Cursor, Join, KnownHandle, KnownOrder, Listing, Page, StoreError, Suggestion};
use rusqlite::{Connection, Row};
use tributary_model::decision::Contact;
use tributary_model::identity::{Advice, Reason};
use tributary_model::message::{Handle, HandleKind};
use tributary_model::{ContactId, JoinId, SuggestionId, Timestamp};

/// How many conversations and orders of a person are shown: the newest.
const SHOWN: usize = 100;

/// How many persons are found by a value of any kind: one for each kind.
const FOUND: usize = HandleKind::ALL.len();

macro_rules! suggestion_columns {
    () => {
        "id, one, other, reason, kind, value, why, channel, at, state, decided, decided_by"
    };
}

/// See [`crate::Contacts::contact`].
pub(in super::super) fn detail(conn: &Connection, id: ContactId) -> Result<Option<ContactDetail>, StoreError> {
    let Some(contact) = person(conn, id)? else { return Ok(None) };
    let ids = nodes(conn, contact.id)?;
    let (mut handles, mut claims, mut orders, mut conversations) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for handle in &contact.handles {
        handles.extend(known(conn, handle)?);
    }
    for node in &ids {
        claims.extend(claimed(conn, *node)?);
        orders.extend(many(
            conn,
            "SELECT channel, body FROM orders INDEXED BY orders_contact WHERE contact = ? ORDER BY at DESC LIMIT ?",
            (node.0, SHOWN as i64),
            |row| {
                let order = At("contact", node.0).order(&row.get::<_, String>(1)?)?;
                Ok(KnownOrder { channel: row.get::<_, String>(0)?.into(), order })
            },
        )?);
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM conversation INDEXED BY conversation_contact WHERE contact = ? ORDER BY id DESC LIMIT ?"
        );
        conversations.extend(many(conn, sql, (node.0, SHOWN as i64), row::read)?);
    }
    orders.sort_by_key(|it| std::cmp::Reverse(it.order.at));
    orders.truncate(SHOWN);
    conversations.sort_by_key(|it| std::cmp::Reverse(it.id));
    conversations.truncate(SHOWN);
    Ok(Some(ContactDetail {
        joins: joins(conn, &ids)?,
        suggestions: open_suggestions(conn, &ids)?,
        events: listing::contact_events(conn, &ids)?,
        contact,
        ids,
        handles,
        claims,
        orders,
        conversations,
    }))
}

fn channel(name: String) -> Option<tributary_model::ChannelName> {
    (!name.is_empty()).then(|| name.into())
}

fn known(conn: &Connection, handle: &Handle) -> Result<Option<KnownHandle>, StoreError> {
    one(
        conn,
        "SELECT contact, channel, since, proved_by FROM handle WHERE value = ? AND kind = ?",
        (&handle.value, handle.kind.as_str()),
        |row| {
            Ok(KnownHandle {
                handle: handle.clone(),
                contact: ContactId(row.get(0)?),
                channel: channel(row.get(1)?),
                since: moment(row.get(2)?),
                proved_by: row.get::<_, Option<String>>(3)?.and_then(channel),
            })
        },
    )
}

fn claimed(conn: &Connection, contact: ContactId) -> Result<Vec<KnownHandle>, StoreError> {
    let sql = "SELECT kind, value, channel, at FROM claim WHERE contact = ? ORDER BY at, value LIMIT ?";
    many(conn, sql, (contact.0, SHOWN as i64), |row| {
        let kind = At("contact", contact.0).word(&row.get::<_, String>(0)?, HandleKind::parse)?;
        Ok(KnownHandle {
            handle: Handle { kind, value: row.get(1)?, verified: false },
            contact,
            channel: channel(row.get(2)?),
            since: moment(row.get(3)?),
            proved_by: None,
        })
    })
}

/// Every join of these nodes, oldest first.
pub(in super::super) fn joins(conn: &Connection, nodes: &[ContactId]) -> Result<Vec<Join>, StoreError> {
    let mut joins: Vec<Join> = Vec::new();
    for node in nodes {
        for sql in [
            "SELECT id, one, other, kind, value, why, by, at, undone, undone_by FROM contact_join \
             INDEXED BY contact_join_one WHERE one = ?",
            "SELECT id, one, other, kind, value, why, by, at, undone, undone_by FROM contact_join \
             INDEXED BY contact_join_other WHERE other = ?",
        ] {
            joins.extend(many(conn, sql, [node.0], join)?);
        }
    }
    joins.sort_by_key(|join| join.id);
    joins.dedup_by_key(|join| join.id);
    Ok(joins)
}

fn join(row: &Row<'_>) -> Result<Join, StoreError> {
    let id: i64 = row.get(0)?;
    let at = At("contact_join", id);
    let kind = row.get::<_, Option<String>>(3)?.map(|word| at.word(&word, HandleKind::parse)).transpose()?;
    let undone: Option<Timestamp> = row.get::<_, Option<i64>>(8)?.map(moment);
    Ok(Join {
        id: JoinId(id),
        one: ContactId(row.get(1)?),
        other: ContactId(row.get(2)?),
        by_handle: kind.zip(row.get(4)?),
        why: row.get(5)?,
        by: row.get(6)?,
        at: moment(row.get(7)?),
        undone: undone.zip(row.get(9)?),
    })
}

fn read_suggestion(row: &Row<'_>) -> Result<Suggestion, StoreError> {
    let id: i64 = row.get(0)?;
    let at = At("suggestion", id);
    let decided: Option<Timestamp> = row.get::<_, Option<i64>>(10)?.map(moment);
    Ok(Suggestion {
        id: SuggestionId(id),
        one: ContactId(row.get(1)?),
        other: ContactId(row.get(2)?),
        reason: at.word(&row.get::<_, String>(3)?, Reason::parse)?,
        by_handle: (at.word(&row.get::<_, String>(4)?, HandleKind::parse)?, row.get(5)?),
        why: row.get(6)?,
        channel: row.get::<_, String>(7)?.into(),
        at: moment(row.get(8)?),
        state: at.word(&row.get::<_, String>(9)?, Advice::parse)?,
        decided: decided.zip(row.get(11)?),
    })
}

/// The suggestion of this id.
pub(super) fn suggestion(conn: &Connection, id: SuggestionId) -> Result<Option<Suggestion>, StoreError> {
    let sql = concat!("SELECT ", suggestion_columns!(), " FROM suggestion WHERE id = ?");
    Ok(many(conn, sql, [id.0], read_suggestion)?.pop())
}

/// See [`crate::Contacts::suggestions`]. Two that were joined in another way need no decision any more.
pub(super) fn suggestions(conn: &Connection, page: &Page) -> Result<Listing<Suggestion>, StoreError> {
    let sql = concat!(
        "SELECT ",
        suggestion_columns!(),
        " FROM suggestion INDEXED BY suggestion_open WHERE state = 'open' AND id < ?1 \
         AND (SELECT coalesce(root, id) FROM contact WHERE id = one) \
         <> (SELECT coalesce(root, id) FROM contact WHERE id = other) ORDER BY id DESC LIMIT ?2"
    );
    let before = page.after.as_ref().and_then(|cursor| cursor.0.first().copied()).unwrap_or(i64::MAX);
    let items = many(conn, sql, (before, rows(page)), read_suggestion)?;
    Ok(listing::listing(items, page, |it| Cursor(vec![it.id.0])))
}

/// The undecided ones between these nodes and others, the latest first.
fn open_suggestions(conn: &Connection, nodes: &[ContactId]) -> Result<Vec<Suggestion>, StoreError> {
    let mut found: Vec<Suggestion> = Vec::new();
    for node in nodes {
        for sql in [
            concat!("SELECT ", suggestion_columns!(), " FROM suggestion WHERE one = ? AND state = 'open' LIMIT ?"),
            concat!(
                "SELECT ",
                suggestion_columns!(),
                " FROM suggestion INDEXED BY suggestion_other WHERE other = ? AND state = 'open' LIMIT ?"
            ),
        ] {
            found.extend(many(conn, sql, (node.0, SHOWN as i64), read_suggestion)?);
        }
    }
    found.retain(|it| !(nodes.contains(&it.one) && nodes.contains(&it.other)));
    found.sort_by_key(|it| std::cmp::Reverse(it.id));
    found.truncate(SHOWN);
    Ok(found)
}

/// See [`crate::Contacts::find_contacts`].
pub(in super::super) fn find(
    conn: &Connection,
    value: &str,
    kind: Option<HandleKind>,
) -> Result<Vec<Contact>, StoreError> {
    let owners = many(
        conn,
        "SELECT contact FROM handle WHERE value = ?1 AND (?2 IS NULL OR kind = ?2) LIMIT ?3",
        (value, kind.map(HandleKind::as_str), FOUND as i64),
        |row| Ok(ContactId(row.get(0)?)),
    )?;
    let mut roots = Vec::new();
    for owner in owners {
        roots.extend(root(conn, owner)?);
    }
    roots.sort_unstable();
    roots.dedup();
    roots.into_iter().filter_map(|id| person(conn, id).transpose()).collect()
}
