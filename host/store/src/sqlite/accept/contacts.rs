//! Who wrote: the contact of a list of handles.
//!
//! The first handle that is known names the contact; two contacts are never joined here. A handle that comes along with a
//! known one is added only where the channel proves it: otherwise a forged header could add an address of its own to
//! somebody else, and the next answer would go there too.
use super::super::codec::{self, At, time};
use super::super::tx::{Tx, one};
use crate::StoreError;
use tributary_model::message::Handle;
use tributary_model::{ContactId, Timestamp};

/// The contact these handles name, or a new one. Without any handle it is always a new one.
pub(super) fn find_or_insert(
    tx: &Tx<'_>,
    from: &[Handle],
    name: Option<&str>,
    now: Timestamp,
) -> Result<ContactId, StoreError> {
    let mut known = None;
    for handle in from {
        known = find(tx, handle)?;
        if known.is_some() {
            break;
        }
    }
    let Some(contact) = known else {
        let id = tx.insert(
            "INSERT INTO contact (name, handles, at) VALUES (?, ?, ?)",
            (name, codec::handles(from), time(now)),
        )?;
        for handle in from {
            own(tx, handle, id)?;
        }
        return Ok(ContactId(id));
    };
    if from.len() > 1 || from.iter().any(|handle| handle.verified) {
        learn(tx, contact, from)?;
    }
    if let Some(name) = name {
        tx.run("UPDATE contact SET name = ? WHERE id = ? AND name IS NULL", (name, contact.0))?;
    }
    Ok(contact)
}

/// The contact a handle belongs to.
pub(super) fn find(tx: &Tx<'_>, handle: &Handle) -> Result<Option<ContactId>, StoreError> {
    one(
        tx.conn,
        "SELECT contact FROM handle WHERE value = ? AND kind = ?",
        (&handle.value, handle.kind.as_str()),
        |row| row.get(0).map(ContactId),
    )
}

/// Makes a handle the contact's; whether it was nobody's before.
fn own(tx: &Tx<'_>, handle: &Handle, contact: i64) -> Result<bool, StoreError> {
    let sql = "INSERT INTO handle (value, kind, contact) VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
    Ok(tx.run(sql, (&handle.value, handle.kind.as_str(), contact))? > 0)
}

/// Adds what the channel proves to what is known of the contact.
fn learn(tx: &Tx<'_>, contact: ContactId, from: &[Handle]) -> Result<(), StoreError> {
    let text =
        one(tx.conn, "SELECT handles FROM contact WHERE id = ?", [contact.0], |row| row.get::<_, Option<String>>(0))?;
    let mut handles = At("contact", contact.0).handles(text.flatten().as_deref())?;
    let mut changed = false;
    for new in from.iter().filter(|handle| handle.verified) {
        match handles.iter_mut().find(|old| old.kind == new.kind && old.value == new.value) {
            Some(old) if old.verified => {}
            Some(old) => {
                old.verified = true;
                changed = true;
            }
            None if own(tx, new, contact.0)? => {
                handles.push(new.clone());
                changed = true;
            }
            None => {}
        }
    }
    if changed {
        tx.run("UPDATE contact SET handles = ? WHERE id = ?", (codec::handles(&handles), contact.0))?;
    }
    Ok(())
}
