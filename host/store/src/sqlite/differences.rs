//! Where a tried generation answered otherwise.
use super::codec::{moment, time};
use super::tx::{Tx, many};
use crate::{Cursor, Difference, Listing, NewDifference, Page, StoreError};
use rusqlite::Connection;
use std::collections::BTreeSet;
use tributary_model::{ConversationId, GenerationId};

/// How many of a tried generation stay: enough for a person to see what kind they are.
const KEPT: i64 = 1_000;

/// See [`crate::Lives::add_differences`].
pub(super) fn add(tx: &Tx<'_>, differences: &[NewDifference]) -> Result<(), StoreError> {
    for it in differences {
        tx.insert(
            "INSERT INTO difference (tried, against, conversation, about, before, after, at) \
             VALUES (?, ?, ?, ?, ?, ?, ?)",
            (it.tried.0, it.against.0, it.conversation.map(|id| id.0), &it.about, &it.before, &it.after, time(it.at)),
        )?;
    }
    for tried in differences.iter().map(|it| it.tried.0).collect::<BTreeSet<_>>() {
        tx.run(
            "DELETE FROM difference WHERE tried = ?1 AND id <= \
             (SELECT id FROM difference WHERE tried = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
            (tried, KEPT),
        )?;
    }
    Ok(())
}

/// See [`crate::Lives::differences`].
pub(super) fn page(conn: &Connection, tried: GenerationId, page: &Page) -> Result<Listing<Difference>, StoreError> {
    let before = page.after.as_ref().and_then(|cursor| cursor.0.first().copied()).unwrap_or(i64::MAX);
    let items = many(
        conn,
        "SELECT id, tried, against, conversation, about, before, after, at FROM difference INDEXED BY difference_tried \
         WHERE tried = ? AND id < ? ORDER BY id DESC LIMIT ?",
        (tried.0, before, super::listing::rows(page)),
        |row| {
            Ok(Difference {
                id: row.get(0)?,
                it: NewDifference {
                    tried: GenerationId(row.get(1)?),
                    against: GenerationId(row.get(2)?),
                    conversation: row.get::<_, Option<i64>>(3)?.map(ConversationId),
                    about: row.get(4)?,
                    before: row.get(5)?,
                    after: row.get(6)?,
                    at: moment(row.get(7)?),
                },
            })
        },
    )?;
    Ok(super::listing::listing(items, page, |it| Cursor(vec![it.id])))
}

/// Forgets the differences of a generation.
pub(super) fn forget(tx: &Tx<'_>, tried: GenerationId) -> Result<(), StoreError> {
    tx.run("DELETE FROM difference WHERE tried = ?", [tried.0]).map(drop)
}
