//! What could not be handled: kept with its cause, shown, taken back to work.
//!
//! One row for one thing and one plugin. Failing again after a replay is the same row with the new cause and one try
//! more.
use super::codec::{self, At, moment, time};
use super::happenings;
use super::tx::{Counter, Line, Tx, any, many, one};
use super::{accept, deliver, operations};
use crate::{Cause, Cursor, Listing, NewParked, Page, Parked, ParkedWhat, StoreError, StoredArrival};
use rusqlite::{Connection, Row};
use tributary_model::{
    ArrivalId, ConversationId, GenerationId, HappeningId, OperationId, OutgoingId, ParkedId, Place, Timestamp,
};

/// The columns [`read`] reads, in its order.
macro_rules! columns {
    () => {
        "id, what, ref, channel, plugin, version, generation, blame, why, at, tries, replayed, conversation"
    };
}

/// What is kept aside, and for which plugin: version and generation are empty and 0 where none was asked.
pub(super) struct Ref<'a> {
    pub(super) what: &'static str,
    pub(super) id: i64,
    pub(super) channel: Option<&'a str>,
    pub(super) plugin: &'a str,
    pub(super) version: &'a str,
    pub(super) generation: GenerationId,
}

/// Keeps something aside, with the event that says so.
pub(super) fn keep(
    tx: &mut Tx<'_>,
    it: &Ref<'_>,
    conversation: Option<ConversationId>,
    cause: &Cause,
    now: Timestamp,
) -> Result<ParkedId, StoreError> {
    let known = one(
        tx.conn,
        "SELECT id, replayed IS NULL FROM parked WHERE what = ? AND ref = ? AND plugin = ?",
        (it.what, it.id, it.plugin),
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?)),
    )?;
    let id = match known {
        Some((id, open)) => {
            tx.run(
                "UPDATE parked SET version = ?, generation = ?, blame = ?, why = ?, at = ?, tries = tries + 1, \
                 replayed = NULL, replayed_by = NULL WHERE id = ?",
                (it.version, it.generation.0, cause.blame, &cause.what, time(now), id),
            )?;
            tx.count(Counter::Parked, i64::from(!open));
            id
        }
        None => {
            tx.count(Counter::Parked, 1);
            tx.insert(
                "INSERT INTO parked (what, ref, channel, plugin, version, generation, blame, why, at, tries, \
                 conversation) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?)",
                (
                    it.what,
                    it.id,
                    it.channel,
                    it.plugin,
                    it.version,
                    it.generation.0,
                    cause.blame,
                    &cause.what,
                    time(now),
                    conversation.map(|id| id.0),
                ),
            )?
        }
    };
    let line = Line {
        actor: "host",
        act: "parked",
        why: Some(&cause.what),
        detail: Some(&format!("parked {id}: {} {} ({})", it.what, it.id, it.plugin)),
        ..Line::default()
    };
    tx.event(conversation, now, line)?;
    Ok(ParkedId(id))
}

/// Keeps an arrival aside.
pub(super) fn arrival(tx: &mut Tx<'_>, new: &NewParked, meta: &str) -> Result<ParkedId, StoreError> {
    let (channel, plugin) = (new.channel.as_str(), new.plugin.as_str());
    let replayed = match new.replays {
        Some(id) => one(tx.conn, "SELECT ref FROM parked WHERE id = ? AND what = 'arrival'", [id.0], |row| {
            row.get::<_, i64>(0)
        })?
        .map(|arrival| (id, arrival)),
        None => None,
    };
    let id = match replayed {
        Some((parked, arrival)) => {
            // The channel may have another adapter by now: the row is of the one that failed last.
            tx.run("UPDATE parked SET plugin = ? WHERE id = ?", (plugin, parked.0))?;
            arrival
        }
        None => accept::insert_arrival(tx, channel, &new.arrival, meta, time(new.at))?,
    };
    let (version, generation) = (new.version.as_str(), new.generation);
    let it = Ref { what: "arrival", id, channel: Some(channel), plugin, version, generation };
    keep(tx, &it, None, &new.cause, new.at)
}

/// The arrival that a parked row keeps, which is being accepted now, and when it came in; the row is taken back by the same
/// commit.
pub(super) fn retake_arrival(
    tx: &mut Tx<'_>,
    id: ParkedId,
    now: Timestamp,
) -> Result<Option<(i64, Timestamp)>, StoreError> {
    let found = one(
        tx.conn,
        "SELECT a.id, a.at FROM parked AS p JOIN arrival AS a ON a.id = p.ref WHERE p.id = ? AND p.what = 'arrival'",
        [id.0],
        |row| Ok((row.get(0)?, moment(row.get(1)?))),
    )?;
    if found.is_some() {
        let sql = "UPDATE parked SET replayed = ? WHERE id = ? AND replayed IS NULL";
        if tx.run(sql, (time(now), id.0))? > 0 {
            tx.count(Counter::Parked, -1);
        }
    }
    Ok(found)
}

/// See [`crate::Store::unpark`].
pub(super) fn unpark(tx: &mut Tx<'_>, id: ParkedId, by: &str, now: Timestamp) -> Result<bool, StoreError> {
    let sql = concat!("SELECT ", columns!(), ", replayed_by IS NOT NULL FROM parked WHERE id = ?");
    let found = many(tx.conn, sql, [id.0], |row| Ok((read(row)?, row.get::<_, bool>(13)?)))?;
    let Some((parked, named)) = found.into_iter().next() else { return Ok(false) };
    // Accepting an arrival takes its row back without a name; the name may follow.
    let open = parked.replayed.is_none();
    let accepted = matches!(parked.what, ParkedWhat::Arrival(_)) && !named;
    if !open && !accepted {
        return Ok(false);
    }
    let done = match parked.what {
        ParkedWhat::Arrival(_) => true,
        ParkedWhat::Outgoing(id) => deliver::replay(tx, id, now)?,
        ParkedWhat::Operation(id) => operations::replay(tx, id, now)?,
        ParkedWhat::Happening(id) => happenings::again(tx, id, parked.plugin.as_str())?,
    };
    if !done {
        return Ok(false);
    }
    tx.run("UPDATE parked SET replayed = ?, replayed_by = ? WHERE id = ?", (time(now), by, id.0))?;
    tx.count(Counter::Parked, -i64::from(open));
    let actor = if by == "host" || by.contains(':') { by.to_owned() } else { format!("agent:{by}") };
    let detail = format!("parked {id}");
    tx.event(
        parked.conversation,
        now,
        Line { actor: &actor, act: "replayed", detail: Some(&detail), ..Line::default() },
    )?;
    Ok(true)
}

/// See [`crate::Store::unpark_many`].
pub(super) fn unpark_many(tx: &mut Tx<'_>, ids: &[ParkedId], by: &str, now: Timestamp) -> Result<u64, StoreError> {
    let mut taken = 0;
    for id in ids {
        let sql = "SELECT 1 FROM parked WHERE id = ? AND what <> 'arrival' AND replayed IS NULL";
        if any(tx.conn, sql, [id.0])? && unpark(tx, *id, by, now)? {
            taken += 1;
        }
    }
    Ok(taken)
}

/// See [`crate::Lives::parked_for`].
pub(super) fn waiting_for(
    conn: &Connection,
    place: &Place,
    generation: GenerationId,
    most: usize,
) -> Result<Vec<ParkedId>, StoreError> {
    let sql = match place {
        Place::Channel(_) => {
            "SELECT id FROM parked INDEXED BY parked_arrival WHERE replayed IS NULL AND what = 'arrival' \
             AND channel = ? AND (blame = 'breaker' OR generation <> ?) ORDER BY ref LIMIT ?"
        }
        Place::Policy(_) => {
            "SELECT id FROM parked INDEXED BY parked_happening WHERE replayed IS NULL AND what = 'happening' \
             AND plugin = ? AND (blame = 'breaker' OR generation <> ?) ORDER BY ref LIMIT ?"
        }
    };
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    many(conn, sql, (place.name(), generation.0, most), |row| Ok(ParkedId(row.get(0)?)))
}

/// See [`crate::Lives::parked_by_place`].
pub(super) fn by_place(conn: &Connection) -> Result<Vec<(Place, u64)>, StoreError> {
    let count = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0)));
    let channels = many(
        conn,
        "SELECT channel, count(*) FROM parked INDEXED BY parked_arrival \
         WHERE replayed IS NULL AND what = 'arrival' GROUP BY channel",
        [],
        count,
    )?;
    let policies = many(
        conn,
        "SELECT plugin, count(*) FROM parked INDEXED BY parked_happening \
         WHERE replayed IS NULL AND what = 'happening' GROUP BY plugin",
        [],
        count,
    )?;
    let channels = channels.into_iter().map(|(name, count)| (Place::Channel(name.into()), count));
    Ok(channels.chain(policies.into_iter().map(|(name, count)| (Place::Policy(name.into()), count))).collect())
}

fn read(row: &Row<'_>) -> Result<Parked, StoreError> {
    let id: i64 = row.get(0)?;
    let reference: i64 = row.get(2)?;
    let what = At("parked", id).word(&row.get::<_, String>(1)?, |word| match word {
        "arrival" => Some(ParkedWhat::Arrival(ArrivalId(reference))),
        "happening" => Some(ParkedWhat::Happening(HappeningId(reference))),
        "outgoing" => Some(ParkedWhat::Outgoing(OutgoingId(reference))),
        "operation" => Some(ParkedWhat::Operation(OperationId(reference))),
        _ => None,
    })?;
    Ok(Parked {
        id: ParkedId(id),
        what,
        channel: row.get::<_, Option<String>>(3)?.map(Into::into),
        plugin: row.get::<_, String>(4)?.into(),
        version: row.get(5)?,
        generation: GenerationId(row.get(6)?),
        blame: row.get(7)?,
        why: row.get(8)?,
        at: moment(row.get(9)?),
        tries: row.get(10)?,
        replayed: row.get::<_, Option<i64>>(11)?.map(moment),
        conversation: row.get::<_, Option<i64>>(12)?.map(ConversationId),
    })
}

/// A page, the latest first.
pub(super) fn page(conn: &Connection, all: bool, page: &Page) -> Result<Listing<Parked>, StoreError> {
    let sql = if all {
        concat!("SELECT ", columns!(), " FROM parked WHERE id < ? ORDER BY id DESC LIMIT ?")
    } else {
        concat!(
            "SELECT ",
            columns!(),
            " FROM parked INDEXED BY parked_open WHERE replayed IS NULL AND id < ? ORDER BY id DESC LIMIT ?"
        )
    };
    let before = page.after.as_ref().and_then(|cursor| cursor.0.first().copied()).unwrap_or(i64::MAX);
    let items = many(conn, sql, (before, super::listing::rows(page)), read)?;
    Ok(super::listing::listing(items, page, |parked| Cursor(vec![parked.id.0])))
}

/// One, with its arrival.
pub(super) fn find(conn: &Connection, id: ParkedId) -> Result<Option<(Parked, Option<StoredArrival>)>, StoreError> {
    let sql = concat!("SELECT ", columns!(), " FROM parked WHERE id = ?");
    let Some(parked) = many(conn, sql, [id.0], read)?.into_iter().next() else { return Ok(None) };
    let ParkedWhat::Arrival(arrival) = parked.what else { return Ok(Some((parked, None))) };
    let at = At("arrival", arrival.0);
    let stored = many(conn, "SELECT channel, at, kind, meta, raw FROM arrival WHERE id = ?", [arrival.0], |row| {
        Ok(StoredArrival {
            channel: row.get::<_, String>(0)?.into(),
            at: moment(row.get(1)?),
            arrival: at.arrival(&row.get::<_, String>(2)?, &row.get::<_, String>(3)?, row.get(4)?)?,
        })
    })?;
    Ok(Some((parked, stored.into_iter().next())))
}

/// The JSON that [`arrival`] keeps beside the bytes.
pub(super) fn meta(new: &NewParked) -> String {
    codec::meta(&new.arrival)
}
