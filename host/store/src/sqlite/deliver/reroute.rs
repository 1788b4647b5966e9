//! An answer that its channel has no window for goes out by another one: the same message under the same id, because the
//! channel said that it did not send.
use super::super::codec::{At, time, words};
use super::super::row;
use super::super::tx::{Line, Tx, one};
use super::Row;
use super::compose::{address, channels};
use crate::StoreError;
use std::time::Duration;
use tributary_model::Timestamp;
use tributary_model::delivery::State;

/// Gives the message to the next channel that the customer wrote by and that was not tried. `false`: there is none.
pub(super) fn reroute(tx: &mut Tx<'_>, row: &Row, next: State, why: &str, now: Timestamp) -> Result<bool, StoreError> {
    let rules = &tx.rules.continuity;
    if !rules.fallback {
        return Ok(false);
    }
    let text =
        one(tx.conn, "SELECT tried FROM outgoing WHERE id = ?", [row.id.0], |row| row.get::<_, Option<String>>(0))?;
    let mut tried: Vec<String> = At("outgoing", row.id.0).list(text.flatten().as_deref())?;
    tried.push(row.channel.clone());
    let conversation = row::expect(tx.conn, row.conversation)?;
    let since = Timestamp(now.0.saturating_sub(millis(rules.reach)));
    let candidates = channels(tx.conn, &conversation, since)?;
    let Some(to) = candidates.iter().find(|channel| !tried.contains(channel)) else { return Ok(false) };
    let there = address(tx.conn, &conversation, to)?;
    tx.run("UPDATE message SET channel = ? WHERE id = ?", (to, row.id.0))?;
    tx.run(
        "UPDATE outgoing SET state = ?, node = NULL, attempts = 0, next_at = ?, detail = ?, tried = ?, channel = ?, \
         recipients = ?, answers = ?, in_reply_to = ?, refs = ? WHERE id = ?",
        (
            next.as_str(),
            time(now),
            why,
            words(&tried),
            to,
            there.recipients,
            there.answers,
            there.in_reply_to,
            there.references,
            row.id.0,
        ),
    )?;
    let (actor, detail) =
        (format!("channel:{}", row.channel), format!("outgoing {}: from {} to {to}", row.id, row.channel));
    let line = Line { actor: &actor, act: "rerouted", why: Some(why), detail: Some(&detail), ..Line::default() };
    tx.event(Some(row.conversation), now, line)?;
    Ok(true)
}

fn millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}
