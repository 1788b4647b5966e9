//! Calendars as the configuration gave them, in every form that each has had.
//!
//! A clock that runs names the form it was reckoned by, so that a changed calendar first takes off what passed by the old
//! one. What a text of a form means is remembered by the writer, see [`Known`]: reading it costs more than asking it.
use super::codec::{self, At, time};
use super::tx::{Line, Tx, many, one};
use crate::StoreError;
use rusqlite::Connection;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use tributary_model::Timestamp;
use tributary_model::calendar::Calendar;

/// Calendars by the text of their form. An id would not do: one that was rolled back is given out again.
#[derive(Default)]
pub(super) struct Known(RefCell<HashMap<String, Arc<Calendar>>>);

impl Known {
    fn read(&self, id: i64, text: String) -> Result<Arc<Calendar>, StoreError> {
        if let Some(known) = self.0.borrow().get(&text) {
            return Ok(known.clone());
        }
        let at = At("calendar", id);
        let faults = |faults: Vec<_>| match faults.first() {
            Some(tributary_model::calendar::Fault { key, what }) => at.damaged(format!("{key} {what}")),
            None => at.damaged("it has faults"),
        };
        let calendar = Arc::new(Calendar::new(at.plan(&text)?).map_err(faults)?);
        self.0.borrow_mut().insert(text, calendar.clone());
        Ok(calendar)
    }
}

/// One form of a calendar.
pub(super) struct Form {
    pub(super) id: i64,
    pub(super) calendar: Arc<Calendar>,
}

/// The form of this id.
pub(super) fn form(tx: &Tx<'_>, id: i64) -> Result<Form, StoreError> {
    let text = one(tx.conn, "SELECT plan FROM calendar WHERE id = ?", [id], |row| row.get(0))?;
    let text = text.ok_or_else(|| At("calendar", id).damaged("a clock names it, and it is missing"))?;
    Ok(Form { id, calendar: tx.calendars.read(id, text)? })
}

/// What a calendar of this name is now, also when it is retired: clocks that run on it go on.
pub(super) fn newest(tx: &Tx<'_>, name: &str) -> Result<Option<Form>, StoreError> {
    let sql = "SELECT id, plan FROM calendar WHERE name = ? ORDER BY id DESC LIMIT 1";
    let found = one(tx.conn, sql, [name], |row| Ok((row.get(0)?, row.get(1)?)))?;
    found.map(|(id, text)| Ok(Form { id, calendar: tx.calendars.read(id, text)? })).transpose()
}

/// The names that clocks may start on, in their order.
pub(super) fn names(conn: &Connection) -> Result<Vec<String>, StoreError> {
    // Only the newest form of a name can be in use.
    many(conn, "SELECT name FROM calendar WHERE retired IS NULL ORDER BY name", [], |row| Ok(row.get(0)?))
}

/// The forms that another one has followed.
pub(super) fn outdated(conn: &Connection) -> Result<Vec<i64>, StoreError> {
    let sql = "SELECT id FROM calendar AS old WHERE EXISTS (SELECT 1 FROM calendar AS new \
               WHERE new.name = old.name AND new.id > old.id)";
    many(conn, sql, [], |row| Ok(row.get(0)?))
}

/// Takes over what the configuration has: pairs of a name and the text of its form.
pub(super) fn set(tx: &mut Tx<'_>, forms: &[(String, String)], now: Timestamp) -> Result<(), StoreError> {
    for (name, text) in forms {
        let sql = "SELECT id, plan = ?2, retired IS NOT NULL FROM calendar WHERE name = ?1 ORDER BY id DESC LIMIT 1";
        let before = one(tx.conn, sql, (name, text), |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?, row.get::<_, bool>(2)?))
        })?;
        match before {
            Some((_, true, false)) => continue,
            Some((id, true, true)) => {
                tx.run("UPDATE calendar SET retired = NULL WHERE id = ?", [id])?;
            }
            Some((_, false, _)) | None => {
                tx.run("UPDATE calendar SET retired = ? WHERE name = ? AND retired IS NULL", (time(now), name))?;
                tx.run("INSERT INTO calendar (name, plan, at) VALUES (?, ?, ?)", (name, text, time(now)))?;
            }
        }
        told(tx, name, "calendar-set", now)?;
    }
    for name in names(tx.conn)? {
        if !forms.iter().any(|(known, _)| *known == name) {
            tx.run("UPDATE calendar SET retired = ? WHERE name = ? AND retired IS NULL", (time(now), &name))?;
            told(tx, &name, "calendar-retired", now)?;
        }
    }
    Ok(())
}

fn told(tx: &mut Tx<'_>, name: &str, act: &str, now: Timestamp) -> Result<(), StoreError> {
    tx.event(None, now, Line { actor: "host", act, detail: Some(name), ..Line::default() })
}

/// The text of a calendar's form.
pub(super) fn text(calendar: &Calendar) -> String {
    codec::plan(calendar.plan())
}
