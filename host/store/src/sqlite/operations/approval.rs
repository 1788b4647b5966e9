//! Operations that wait for somebody's word.
use super::super::codec::{At, moment, time};
use super::super::listing::{listing, rows};
use super::super::tx::{Counter, Line, Tx, many};
use super::super::{agents, token};
use super::{Row, columns, row_of, settled, told, view, wake};
use crate::{Approval, Cursor, Listing, NotDecided, OperationVerdict, OperationView, Page, StoreError, Word};
use rusqlite::{Connection, Row as SqlRow};
use tributary_model::approval::{Approver, Decider, Verdict};
use tributary_model::operation::{self, State};
use tributary_model::{ConversationId, Timestamp};

/// An operation that was just asked for waits.
pub(super) fn wait(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    approver: &Approver,
    detail: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.count(Counter::Approvals, 1);
    let why = format!("it waits for {approver}");
    let line =
        Line { actor: "host", act: "awaiting-approval", why: Some(&why), detail: Some(detail), ..Line::default() };
    tx.event(Some(conversation), now, line)
}

/// The approval that four columns of an operation tell of, from this one on: `approver`, `word_by`, `word_why`, `word_at`.
pub(super) fn read(row: &SqlRow<'_>, from: usize, state: State) -> Result<Option<Approval>, StoreError> {
    let Some(approver) = row.get::<_, Option<String>>(from)? else { return Ok(None) };
    let verdict = if state == State::Declined { Verdict::Declined } else { Verdict::Approved };
    let word = match row.get(from + 1)? {
        Some(by) => Some(Word { verdict, by, why: row.get(from + 2)?, at: moment(row.get(from + 3)?) }),
        None => None,
    };
    Ok(Some(Approval { by: Approver::of(&approver), word }))
}

/// See [`crate::Store::decide_operation`].
pub(in super::super) fn decide(tx: &mut Tx<'_>, new: &OperationVerdict) -> Result<Result<(), NotDecided>, StoreError> {
    let OperationVerdict { id, agent, admin, verdict, why, now, request } = new;
    let Some(it) = row_of(tx.conn, *id)? else { return Ok(Err(NotDecided::Unknown(*id))) };
    let approver = match &it.approval {
        None => return Ok(Err(NotDecided::NeverWaited(*id))),
        Some(Approval { word: Some(word), .. }) => return Ok(Err(NotDecided::Before(*id, word.clone()))),
        Some(Approval { by, word: None }) => by,
    };
    let profile = agents::find(tx.conn, agent)?;
    let decider = Decider { name: agent, profile: profile.as_ref(), admin: *admin };
    if let Err(no) = decider.may(it.actor.strip_prefix("agent:"), approver) {
        return Ok(Err(NotDecided::NoSay(no)));
    }
    let next = operation::next(it.state, verdict.event())
        .map_err(|illegal| At("operation", id.0).damaged(illegal.to_string()))?;
    let (actor, why) = (format!("agent:{agent}"), why.as_deref());
    tx.run(
        "UPDATE operation SET state = ?, next_at = ?, word_by = ?, word_why = ?, word_at = ? WHERE id = ?",
        (next.as_str(), time(*now), &actor, why, time(*now), id.0),
    )?;
    tx.count(Counter::Approvals, -1);
    let detail = told(it.id, &it.operation);
    let line = Line { actor: &actor, act: verdict.as_str(), why, detail: Some(&detail), ..Line::default() };
    tx.event(Some(it.conversation), *now, line)?;
    if *verdict == Verdict::Declined {
        declined(tx, &it, why, *now)?;
    }
    if let Some((key, answer)) = request {
        token::end(tx, key, Some(answer))?;
    }
    Ok(Ok(()))
}

/// It will not be done: whoever asked has to look, and the policies are asked.
fn declined(tx: &mut Tx<'_>, it: &Row, why: Option<&str>, now: Timestamp) -> Result<(), StoreError> {
    wake(tx, it.conversation, now)?;
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    settled(tx, it, format!("declined: {}{why}", it.operation.detail()), now)
}

/// See [`crate::Store::approvals`].
pub(in super::super) fn awaiting(conn: &Connection, page: &Page) -> Result<Listing<OperationView>, StoreError> {
    let sql = concat!(
        "SELECT ",
        columns!(),
        " FROM operation INDEXED BY operation_awaiting WHERE state = 'awaiting-approval' AND id > ? ORDER BY id LIMIT ?"
    );
    let after = page.after.as_ref().and_then(|cursor| cursor.0.first().copied()).unwrap_or(0);
    let items = many(conn, sql, (after, rows(page)), view)?;
    Ok(listing(items, page, |it| Cursor(vec![it.id.0])))
}
