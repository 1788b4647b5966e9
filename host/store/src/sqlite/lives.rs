//! Generations: rows that go through [`life::next`], each change with an event.
use super::codec::{At, moment, time, to_json};
use super::tx::{Line, Tx, many};
use super::writer::Full;
use super::{SqliteStore, differences, migration, parked};
use crate::{
    Difference, Listing, Lives, NewDifference, NewGeneration, Page, StateCopy, StateScope, StoreError,
    StoredGeneration, Switch, Switched,
};
use async_trait::async_trait;
use rusqlite::{Connection, Row};
use serde::Serialize;
use tributary_model::{GenerationId, ParkedId, Place, Timestamp, life};

/// How many generations of a place are kept, whatever became of them.
const KEPT: i64 = 50;

/// The columns [`read`] reads, in its order.
macro_rules! columns {
    () => {
        "id, place, plugin, version, digest, contract, signer, config, grants, at, state, why, changed, lived"
    };
}

#[async_trait]
impl Lives for SqliteStore {
    async fn add_generation(&self, new: NewGeneration) -> Result<GenerationId, StoreError> {
        self.writer.run(Full::Wait, move |tx| add(tx, &new)).await
    }

    async fn advance(
        &self,
        id: GenerationId,
        event: life::Event,
        why: Option<String>,
        now: Timestamp,
    ) -> Result<Option<Result<life::State, life::Illegal>>, StoreError> {
        self.writer.run(Full::Wait, move |tx| advance(tx, id, event, why.as_deref(), now)).await
    }

    async fn switch(&self, it: Switch) -> Result<Switched, StoreError> {
        self.writer.run(Full::Wait, move |tx| switch(tx, &it)).await
    }

    async fn generations(&self, place: Option<&Place>, most: usize) -> Result<Vec<StoredGeneration>, StoreError> {
        self.readers.read(|conn| list(conn, place, most))
    }

    async fn generation(&self, id: GenerationId) -> Result<Option<StoredGeneration>, StoreError> {
        self.readers.read(|conn| find(conn, id))
    }

    async fn set_enabled(&self, place: &Place, enabled: bool, by: &str, now: Timestamp) -> Result<(), StoreError> {
        let (place, by) = (place.clone(), by.to_owned());
        self.writer.run(Full::Wait, move |tx| set_enabled(tx, &place, enabled, &by, now)).await
    }

    async fn disabled(&self) -> Result<Vec<Place>, StoreError> {
        self.readers.read(|conn| {
            many(conn, "SELECT place FROM disabled_place ORDER BY place", [], |row| {
                At("disabled_place", 0).word(&row.get::<_, String>(0)?, Place::parse)
            })
        })
    }

    async fn state_copy(&self, scope: &StateScope, now: Timestamp) -> Result<StateCopy, StoreError> {
        self.readers.read(|conn| migration::copy(conn, scope, now))
    }

    async fn add_differences(&self, differences: Vec<NewDifference>) -> Result<(), StoreError> {
        if differences.is_empty() {
            return Ok(());
        }
        self.writer.run(Full::Wait, move |tx| differences::add(tx, &differences)).await
    }

    async fn differences(&self, tried: GenerationId, page: Page) -> Result<Listing<Difference>, StoreError> {
        self.readers.read(|conn| differences::page(conn, tried, &page))
    }

    async fn parked_for(
        &self,
        place: &Place,
        generation: GenerationId,
        most: usize,
    ) -> Result<Vec<ParkedId>, StoreError> {
        self.readers.read(|conn| parked::waiting_for(conn, place, generation, most))
    }

    async fn parked_by_place(&self) -> Result<Vec<(Place, u64)>, StoreError> {
        self.readers.read(parked::by_place)
    }
}

fn read(row: &Row<'_>) -> Result<StoredGeneration, StoreError> {
    let id: i64 = row.get(0)?;
    let at = At("generation", id);
    Ok(StoredGeneration {
        id: GenerationId(id),
        made: NewGeneration {
            place: at.word(&row.get::<_, String>(1)?, Place::parse)?,
            plugin: row.get::<_, String>(2)?.into(),
            version: row.get(3)?,
            digest: row.get(4)?,
            contract: row.get(5)?,
            signer: row.get(6)?,
            config: row.get(7)?,
            grants: row.get(8)?,
            at: moment(row.get(9)?),
        },
        state: at.word(&row.get::<_, String>(10)?, life::State::parse)?,
        why: row.get(11)?,
        changed: moment(row.get(12)?),
        lived: row.get(13)?,
    })
}

fn find(conn: &Connection, id: GenerationId) -> Result<Option<StoredGeneration>, StoreError> {
    let sql = concat!("SELECT ", columns!(), " FROM generation WHERE id = ?");
    Ok(many(conn, sql, [id.0], read)?.pop())
}

fn live(conn: &Connection, place: &Place) -> Result<Option<StoredGeneration>, StoreError> {
    let sql = concat!(
        "SELECT ",
        columns!(),
        " FROM generation INDEXED BY generation_live WHERE place = ? AND state = 'live'"
    );
    Ok(many(conn, sql, [place.to_string()], read)?.pop())
}

fn list(conn: &Connection, place: Option<&Place>, most: usize) -> Result<Vec<StoredGeneration>, StoreError> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    match place {
        Some(place) => {
            let sql = concat!(
                "SELECT ",
                columns!(),
                " FROM generation INDEXED BY generation_place WHERE place = ? ORDER BY id DESC LIMIT ?"
            );
            many(conn, sql, (place.to_string(), most), read)
        }
        None => {
            let sql = concat!(
                "SELECT ",
                columns!(),
                " FROM (SELECT *, row_number() OVER (PARTITION BY place ORDER BY id DESC) AS turn FROM generation) \
                 WHERE turn <= ? ORDER BY id DESC"
            );
            many(conn, sql, [most], read)
        }
    }
}

fn add(tx: &mut Tx<'_>, new: &NewGeneration) -> Result<GenerationId, StoreError> {
    let state = life::State::Package;
    let id = GenerationId(tx.insert(
        "INSERT INTO generation (place, plugin, version, digest, contract, signer, config, grants, at, state, changed) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?9)",
        (
            new.place.to_string(),
            new.plugin.as_str(),
            &new.version,
            &new.digest,
            &new.contract,
            &new.signer,
            &new.config,
            &new.grants,
            time(new.at),
            state.as_str(),
        ),
    )?);
    let told = Told { id, made: new, was: None, state, by: "host", why: None };
    told.tell(tx, new.at)?;
    Ok(id)
}

fn advance(
    tx: &mut Tx<'_>,
    id: GenerationId,
    event: life::Event,
    why: Option<&str>,
    now: Timestamp,
) -> Result<Option<Result<life::State, life::Illegal>>, StoreError> {
    let Some(it) = find(tx.conn, id)? else { return Ok(None) };
    if event == life::Event::GoLive {
        return Ok(Some(Err(life::Illegal { state: it.state, event })));
    }
    match life::next(it.state, event) {
        Ok(state) => {
            set(tx, &it, state, "host", why, now)?;
            Ok(Some(Ok(state)))
        }
        Err(illegal) => Ok(Some(Err(illegal))),
    }
}

/// See [`crate::Lives::switch`]. Everything that can say no is asked before anything is written.
fn switch(tx: &mut Tx<'_>, it: &Switch) -> Result<Switched, StoreError> {
    let Some(to) = find(tx.conn, it.to)? else { return Ok(Switched::Unknown) };
    let coming = match life::next(to.state, life::Event::GoLive) {
        Ok(state) => state,
        Err(illegal) => return Ok(Switched::Illegal(illegal)),
    };
    let was = live(tx.conn, &to.made.place)?;
    let going = match was.as_ref().map(|was| life::next(was.state, life::Event::Replace)).transpose() {
        Ok(state) => state,
        Err(illegal) => return Ok(Switched::Illegal(illegal)),
    };
    if migration::moved(tx.conn, &it.state)? {
        return Ok(Switched::StateMoved);
    }
    // The one that goes first: the index allows one at a time.
    if let (Some(was), Some(state)) = (&was, going) {
        let why = format!("generation {} acts instead", to.id);
        set(tx, was, state, &it.by, Some(&why), it.now)?;
    }
    set(tx, &to, coming, &it.by, Some(&it.why), it.now)?;
    let was = was.map(|was| was.id);
    migration::change(tx, it, was, &to.made.version)?;
    Ok(Switched::Done { was })
}

fn set(
    tx: &mut Tx<'_>,
    it: &StoredGeneration,
    state: life::State,
    by: &str,
    why: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "UPDATE generation SET state = ?1, why = coalesce(?2, why), changed = ?3, lived = lived OR ?1 = 'live' \
               WHERE id = ?4";
    tx.run(sql, (state.as_str(), why, time(now), it.id.0))?;
    Told { id: it.id, made: &it.made, was: Some(it.state), state, by, why }.tell(tx, now)
}

/// A step of a life, for the event log.
struct Told<'a> {
    id: GenerationId,
    made: &'a NewGeneration,
    was: Option<life::State>,
    state: life::State,
    by: &'a str,
    why: Option<&'a str>,
}

/// What a program reads of it.
#[derive(Serialize)]
struct Detail<'a> {
    place: String,
    generation: i64,
    plugin: &'a str,
    version: &'a str,
    digest: &'a str,
    was: Option<&'static str>,
    state: &'static str,
}

impl Told<'_> {
    fn tell(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<(), StoreError> {
        let NewGeneration { plugin, version, .. } = self.made;
        let word = self.state.as_str();
        let article = match self.state {
            life::State::Package | life::State::Shadow | life::State::Canary => "a ",
            _ => "",
        };
        let mut what = format!("{plugin} {version} (generation {}) is {article}{word}", self.id);
        if let Some(why) = self.why {
            what += ": ";
            what += why;
        }
        let detail = to_json(&Detail {
            place: self.made.place.to_string(),
            generation: self.id.0,
            plugin: plugin.as_str(),
            version,
            digest: &self.made.digest,
            was: self.was.map(life::State::as_str),
            state: word,
        });
        let (why, detail) = (Some(what.as_str()), Some(detail.as_str()));
        tx.event(None, now, Line { actor: self.by, act: "generation", rule: None, why, detail, ..Line::default() })
    }
}

fn set_enabled(tx: &mut Tx<'_>, place: &Place, enabled: bool, by: &str, now: Timestamp) -> Result<(), StoreError> {
    let name = place.to_string();
    let changed = if enabled {
        tx.run("DELETE FROM disabled_place WHERE place = ?", [&name])?
    } else {
        let sql = "INSERT INTO disabled_place (place, by, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
        tx.run(sql, (&name, by, time(now)))?
    };
    if changed == 0 {
        return Ok(());
    }
    let (act, word) = if enabled { ("enabled", "in use again") } else { ("disabled", "out of use") };
    let (why, detail) = (format!("{name} is {word}"), to_json(&serde_json::json!({ "place": name })));
    tx.event(None, now, Line { actor: by, act, rule: None, why: Some(&why), detail: Some(&detail), ..Line::default() })
}

/// Deletes what ended long ago, with all that is kept for it. How many.
pub(super) fn sweep(tx: &Tx<'_>) -> Result<usize, StoreError> {
    let over = many(
        tx.conn,
        "SELECT id FROM (SELECT id, state, row_number() OVER (PARTITION BY place ORDER BY id DESC) AS turn \
         FROM generation) WHERE turn > ? AND state IN ('retired', 'refused') ORDER BY id LIMIT 1000",
        [KEPT],
        |row| Ok(GenerationId(row.get(0)?)),
    )?;
    if over.is_empty() {
        return Ok(0);
    }
    let sql = "SELECT DISTINCT generation FROM parked INDEXED BY parked_open WHERE replayed IS NULL";
    let named = many(tx.conn, sql, [], |row| Ok(GenerationId(row.get(0)?)))?;
    let mut deleted = 0;
    for id in over.into_iter().filter(|id| !named.contains(id)) {
        migration::forget(tx, id)?;
        differences::forget(tx, id)?;
        deleted += tx.run("DELETE FROM generation WHERE id = ?", [id.0])?;
    }
    Ok(deleted)
}
