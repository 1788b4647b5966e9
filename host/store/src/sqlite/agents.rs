//! Agents, and what the queue has for them.
use super::codec::{self, At, moment, time};
use super::tx::{Line, Tx, many, one};
use super::writer::Full;
use super::{SqliteStore, clocks, row};
use crate::{AgentView, Agents, StoreError, Why};
use async_trait::async_trait;
use rusqlite::{Connection, Row};
use tributary_model::agent::{Presence, Profile, Skill};
use tributary_model::conversation::Conversation;
use tributary_model::queue::{Key, Lane, Rules};
use tributary_model::{AgentName, ChannelName, ConversationId, Timestamp};

/// The columns [`profile`] reads, in its order.
macro_rules! columns {
    () => {
        "name, teams, skills, senior, capacity, presence, since"
    };
}

/// How many leases and keeps that ran out one claim clears away; the ring clears the rest.
const CLEARED: i64 = 64;

#[async_trait]
impl Agents for SqliteStore {
    async fn set_agent(&self, profile: Profile) -> Result<(), StoreError> {
        self.writer.run(Full::Wait, move |tx| set(tx, &profile)).await
    }

    async fn set_presence(&self, agent: &AgentName, presence: Presence, now: Timestamp) -> Result<bool, StoreError> {
        let agent = agent.clone();
        self.writer.run(Full::Wait, move |tx| set_presence(tx, &agent, presence, now)).await
    }

    async fn remove_agent(&self, agent: &AgentName) -> Result<bool, StoreError> {
        let agent = agent.clone();
        self.writer.run(Full::Wait, move |tx| remove(tx, &agent)).await
    }

    async fn agent(&self, agent: &AgentName) -> Result<Option<Profile>, StoreError> {
        self.readers.read(|conn| find(conn, agent))
    }

    async fn agents(&self, now: Timestamp) -> Result<Vec<AgentView>, StoreError> {
        self.readers.read(|conn| all(conn, &self.rules.queue, now))
    }

    async fn why(&self, id: ConversationId, now: Timestamp) -> Result<Option<Why>, StoreError> {
        self.readers.read(|conn| why(conn, id, &self.rules.queue, now))
    }
}

fn profile(row: &Row<'_>) -> Result<Profile, StoreError> {
    let at = At("agent", 0);
    let skills: Vec<String> = at.list(row.get::<_, Option<String>>(2)?.as_deref())?;
    Ok(Profile {
        name: row.get::<_, String>(0)?.into(),
        teams: at.list(row.get::<_, Option<String>>(1)?.as_deref())?,
        skills: skills.iter().filter_map(|text| Skill::parse(text)).collect(),
        senior: row.get(3)?,
        capacity: row.get(4)?,
        presence: at.word(&row.get::<_, String>(5)?, Presence::parse)?,
        since: moment(row.get(6)?),
    })
}

/// What is known of an agent.
pub(super) fn find(conn: &Connection, name: &AgentName) -> Result<Option<Profile>, StoreError> {
    let sql = concat!("SELECT ", columns!(), " FROM agent WHERE name = ?");
    Ok(many(conn, sql, [name.as_str()], profile)?.pop())
}

/// Keeps a profile.
fn set(tx: &mut Tx<'_>, it: &Profile) -> Result<(), StoreError> {
    let skills: Vec<_> = it.skills.iter().map(ToString::to_string).collect();
    tx.run(
        concat!("INSERT OR REPLACE INTO agent (", columns!(), ") VALUES (?, ?, ?, ?, ?, ?, ?)"),
        (
            it.name.as_str(),
            codec::words(&it.teams),
            codec::words(&skills),
            it.senior,
            it.capacity,
            it.presence.as_str(),
            time(it.since),
        ),
    )?;
    if it.presence == Presence::Away { give_up(tx, &it.name) } else { Ok(()) }
}

/// Keeps the presence of a profile.
fn set_presence(tx: &mut Tx<'_>, name: &AgentName, presence: Presence, now: Timestamp) -> Result<bool, StoreError> {
    match find(tx.conn, name)? {
        None => Ok(false),
        Some(before) if before.presence == presence => Ok(true),
        Some(before) => set(tx, &Profile { presence, since: now, ..before }).map(|()| true),
    }
}

/// Forgets a profile.
fn remove(tx: &Tx<'_>, name: &AgentName) -> Result<bool, StoreError> {
    Ok(tx.run("DELETE FROM agent WHERE name = ?", [name.as_str()])? > 0)
}

/// What was kept for an agent is anybody's.
fn give_up(tx: &mut Tx<'_>, name: &AgentName) -> Result<(), StoreError> {
    let kept = many(
        tx.conn,
        "SELECT id FROM conversation INDEXED BY conversation_kept WHERE kept_until IS NOT NULL AND own = ?",
        [name.as_str()],
        |row| Ok(ConversationId(row.get(0)?)),
    )?;
    kept.into_iter().try_for_each(|id| unkeep(tx, id))
}

fn unkeep(tx: &mut Tx<'_>, id: ConversationId) -> Result<(), StoreError> {
    let before = row::expect(tx.conn, id)?;
    row::save(tx, &before, &Conversation { kept_until: None, ..before.clone() })
}

/// Keeps a waiting conversation for its own agent, where that agent takes work.
pub(super) fn keep(tx: &Tx<'_>, it: &mut Conversation, now: Timestamp) -> Result<(), StoreError> {
    let Some(own) = &it.own else { return Ok(()) };
    if find(tx.conn, own)?.is_none_or(|profile| profile.presence == Presence::Available) {
        it.keep(&tx.rules.queue, now);
    }
    Ok(())
}

/// Lets go of what is held or kept beyond its time, so that it stands in its lane again. How many there were.
pub(super) fn let_go(tx: &mut Tx<'_>, now: Timestamp) -> Result<usize, StoreError> {
    let ids = |sql| many(tx.conn, sql, (time(now), CLEARED), |row| Ok(ConversationId(row.get(0)?)));
    let held = ids(
        "SELECT id FROM conversation INDEXED BY conversation_lease WHERE holder IS NOT NULL AND lease_until <= ? LIMIT ?",
    )?;
    let kept = ids("SELECT id FROM conversation INDEXED BY conversation_kept \
                    WHERE kept_until IS NOT NULL AND kept_until <= ? LIMIT ?")?;
    for id in &held {
        let before = row::expect(tx.conn, *id)?;
        let holder = before.holder.as_ref().map(|holder| holder.agent.to_string()).unwrap_or_default();
        row::save(tx, &before, &Conversation { holder: None, ..before.clone() })?;
        let line = Line { actor: "host", act: "lease-ended", detail: Some(&holder), ..Line::default() };
        tx.event(Some(*id), now, line)?;
    }
    for id in &kept {
        unkeep(tx, *id)?;
    }
    Ok(held.len() + kept.len())
}

/// How much room what an agent holds takes, and how many that are.
pub(super) fn load(
    conn: &Connection,
    name: &AgentName,
    rules: &Rules,
    now: Timestamp,
) -> Result<(u32, u32), StoreError> {
    let held = many(
        conn,
        "SELECT last_channel, count(*) FROM conversation INDEXED BY conversation_holder \
         WHERE holder = ? AND lease_until > ? GROUP BY last_channel",
        (name.as_str(), time(now)),
        |row| Ok((ChannelName::from(row.get::<_, String>(0)?), row.get::<_, u32>(1)?)),
    )?;
    let load =
        held.iter().map(|(channel, times)| rules.weight(channel).saturating_mul(*times)).fold(0, u32::saturating_add);
    Ok((load, held.iter().map(|(_, times)| times).sum()))
}

/// The lanes in which something waits: those of a team, or all.
pub(super) fn lanes(conn: &Connection, team: Option<&str>) -> Result<Vec<String>, StoreError> {
    let prefix = team.map(|team| Lane::of_team(Some(team)));
    let mut after = prefix.clone().unwrap_or_default();
    let mut lanes = Vec::new();
    loop {
        let next = one(
            conn,
            "SELECT lane FROM conversation INDEXED BY conversation_lane \
             WHERE state = 'open' AND holder IS NULL AND lane > ? ORDER BY lane LIMIT 1",
            [&after],
            |row| row.get::<_, String>(0),
        )?;
        match next {
            Some(lane) if prefix.as_ref().is_none_or(|prefix| lane.starts_with(prefix.as_str())) => {
                lanes.push(lane.clone());
                after = lane;
            }
            _ => return Ok(lanes),
        }
    }
}

/// A place in the queue, as the index has it.
pub(super) type Place = [i64; 5];

/// The place of a key.
pub(super) fn place(key: &Key) -> Place {
    let minute = i64::try_from(key.minute).unwrap_or(i64::MAX);
    [key.rank.into(), minute, -i64::from(key.tier.0), time(key.since), key.id.0]
}

/// The first of a lane: of those that wait since then or longer, and of the emergencies; of this team alone, if named; on
/// none of these channels.
pub(super) fn first(
    conn: &Connection,
    lane: &str,
    since: Timestamp,
    team: Option<&str>,
    except: Option<&str>,
) -> Result<Option<Place>, StoreError> {
    one(
        conn,
        "SELECT rank, minute, tier, since, id FROM conversation INDEXED BY conversation_lane \
         WHERE state = 'open' AND holder IS NULL AND lane = ?1 AND (rank = 0 OR since <= ?2) \
         AND (?3 IS NULL OR team = ?3) AND (?4 IS NULL OR last_channel NOT IN (SELECT value FROM json_each(?4))) \
         ORDER BY rank, minute, tier, since, id LIMIT 1",
        (lane, time(since), team, except),
        |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?]),
    )
}

/// Every agent with a profile.
fn all(conn: &Connection, rules: &Rules, now: Timestamp) -> Result<Vec<AgentView>, StoreError> {
    let profiles = many(conn, concat!("SELECT ", columns!(), " FROM agent ORDER BY name"), [], profile)?;
    let view = |profile: Profile| {
        let (load, holds) = load(conn, &profile.name, rules, now)?;
        Ok(AgentView { profile, holds, load })
    };
    profiles.into_iter().map(view).collect()
}

/// What explains a conversation's place.
fn why(conn: &Connection, id: ConversationId, rules: &Rules, now: Timestamp) -> Result<Option<Why>, StoreError> {
    let Some(conversation) = row::load(conn, id)? else { return Ok(None) };
    let waits = conversation.queued() && conversation.held_by(now).is_none();
    let before = if waits { Some(ahead(conn, &conversation.key())?) } else { None };
    let agents = all(conn, rules, now)?.into_iter().map(|it| {
        let unfit = it.profile.unfit(it.load, &conversation, rules, now);
        (it, unfit)
    });
    Ok(Some(Why {
        before,
        clock: clocks::nearest(conn, id)?,
        yields_at: rules.yields_at(&conversation),
        agents: agents.collect(),
        conversation,
    }))
}

/// How many that nobody holds come before a place.
fn ahead(conn: &Connection, key: &Key) -> Result<u64, StoreError> {
    let [rank, minute, tier, since, id] = place(key);
    let mut ahead = 0;
    for lane in lanes(conn, None)? {
        let found = one(
            conn,
            "SELECT count(*) FROM conversation INDEXED BY conversation_lane WHERE state = 'open' AND holder IS NULL \
             AND lane = ?1 AND (rank, minute, tier, since, id) < (?2, ?3, ?4, ?5, ?6)",
            (&lane, rank, minute, tier, since, id),
            |row| row.get::<_, u32>(0),
        )?;
        ahead += u64::from(found.unwrap_or(0));
    }
    Ok(ahead)
}
