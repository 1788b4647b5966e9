//! The row of a conversation: read, insert, write back what changed.
use super::codec::{self, At, moment, time};
use super::tx::{Counter, Tx};
use crate::StoreError;
use rusqlite::{Connection, Row, named_params};
use serde::{Deserialize, Serialize};
use tributary_model::conversation::{Conversation, State};
use tributary_model::decision::{Grade, Route};
use tributary_model::queue::{Holder, NEVER};
use tributary_model::{AgentName, ContactId, ConversationId};

/// The columns [`read`] reads, in its order. The contact is the person, whichever node the conversation is with.
macro_rules! columns {
    () => {
        "id, (SELECT coalesce(root, id) FROM contact WHERE id = conversation.contact), channel, last_channel, subject, state, grade, due, since, team, route, category, tags, \
         attributes, opened, updated, holder, lease_until, snoozed_until, reply_token, undecided, last_automatic, last_sent, asked, tier, own, kept_until"
    };
}
pub(super) use columns;

/// What a route says besides its team.
#[derive(Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct RouteRow {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    skills: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prefer_agent: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    senior: bool,
}

/// A conversation from a row of [`columns!`].
pub(super) fn read(row: &Row<'_>) -> Result<Conversation, StoreError> {
    let id: i64 = row.get(0)?;
    let at = At("conversation", id);
    let due = moment(row.get(7)?);
    let team: Option<String> = row.get(9)?;
    let route = match row.get_ref(10)?.as_str_or_null().map_err(|error| at.damaged(error.to_string()))? {
        Some(text) => at.json::<RouteRow>(text)?,
        None => RouteRow::default(),
    };
    let tier = u8::try_from(-row.get::<_, i64>(24)?).unwrap_or_default();
    let holder: Option<String> = row.get(16)?;
    let until: Option<i64> = row.get(17)?;
    let text = |column| row.get_ref(column).map_err(StoreError::from);
    let optional = |column| -> Result<Option<&str>, StoreError> {
        text(column)?.as_str_or_null().map_err(|error| at.damaged(error.to_string()))
    };
    Ok(Conversation {
        id: ConversationId(id),
        contact: ContactId(row.get(1)?),
        channel: row.get::<_, String>(2)?.into(),
        last_channel: row.get::<_, String>(3)?.into(),
        subject: row.get(4)?,
        state: at.word(optional(5)?.unwrap_or_default(), State::parse)?,
        grade: optional(6)?.map(|word| at.word(word, Grade::parse)).transpose()?,
        category: row.get(11)?,
        tags: at.list(optional(12)?)?,
        route: team.map(|team| Route {
            team,
            skills: route.skills,
            prefer_agent: route.prefer_agent.map(AgentName::from),
            senior: route.senior,
            tier,
        }),
        attributes: at.attributes(optional(13)?)?,
        opened: moment(row.get(14)?),
        updated: moment(row.get(15)?),
        waiting_since: moment(row.get(8)?),
        due: (due != NEVER).then_some(due),
        holder: holder.zip(until).map(|(agent, until)| Holder { agent: agent.into(), until: moment(until) }),
        snoozed_until: row.get::<_, Option<i64>>(18)?.map(moment),
        reply_token: row.get(19)?,
        undecided: row.get(20)?,
        last_automatic: row.get(21)?,
        last_sent: moment(row.get(22)?),
        asked: row.get(23)?,
        own: row.get::<_, Option<String>>(25)?.map(AgentName::from),
        kept_until: row.get::<_, Option<i64>>(26)?.map(moment),
    })
}

/// The conversation of this id.
pub(super) fn load(conn: &Connection, id: ConversationId) -> Result<Option<Conversation>, StoreError> {
    let mut statement = conn.prepare_cached(concat!("SELECT ", columns!(), " FROM conversation WHERE id = ?"))?;
    let mut rows = statement.query([id.0])?;
    rows.next()?.map(read).transpose()
}

/// The conversation of an id that another row names.
pub(super) fn expect(conn: &Connection, id: ConversationId) -> Result<Conversation, StoreError> {
    load(conn, id)?.ok_or_else(|| At("conversation", id.0).damaged("another row names it, and it is missing"))
}

/// When its nearest clock is breached, as its column.
fn due(it: &Conversation) -> i64 {
    time(it.due.unwrap_or(NEVER))
}

fn route_json(it: &Conversation) -> Option<String> {
    let route = it.route.as_ref()?;
    let row = RouteRow {
        skills: route.skills.clone(),
        prefer_agent: route.prefer_agent.as_ref().map(ToString::to_string),
        senior: route.senior,
    };
    (row != RouteRow::default()).then(|| codec::to_json(&row))
}

/// Inserts a conversation under a new id, which it gets.
pub(super) fn insert(tx: &mut Tx<'_>, it: &mut Conversation) -> Result<(), StoreError> {
    let key = it.key();
    let lane = it.lane().text();
    it.id = ConversationId(tx.insert(
        "INSERT INTO conversation (contact, channel, last_channel, subject, state, rank, due, since, opened, updated, \
         reply_token, undecided, last_automatic, last_sent, lane) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            it.contact.0,
            it.channel.as_str(),
            it.last_channel.as_str(),
            &it.subject,
            it.state.as_str(),
            key.rank,
            due(it),
            time(key.since),
            time(it.opened),
            time(it.updated),
            &it.reply_token,
            it.undecided,
            it.last_automatic,
            time(it.last_sent),
            lane,
        ),
    )?);
    tx.count(Counter::Conversations, 1);
    tx.count(Counter::Open, i64::from(it.state == State::Open));
    Ok(())
}

/// Writes back a conversation that was loaded as `before`. An UPDATE rewrites the entry of every index whose column it
/// names, whatever the value, so there are three: what only concerns the row, what moves it in the queue, and all.
pub(super) fn save(tx: &mut Tx<'_>, before: &Conversation, it: &Conversation) -> Result<(), StoreError> {
    macro_rules! plain {
        ($($more:literal)?) => {
            concat!(
                "UPDATE conversation SET last_channel = :last_channel, route = :route, grade = :grade, \
                 category = :category, tags = :tags, attributes = :attributes, updated = :updated, \
                 undecided = :undecided, last_automatic = :last_automatic, last_sent = :last_sent, asked = :asked, own = :own",
                $($more,)?
                " WHERE id = :id"
            )
        };
    }
    macro_rules! write {
        ($sql:expr, { $($name:literal: $value:expr,)* }) => {
            tx.run($sql, named_params! {
                ":id": it.id.0,
                ":last_channel": it.last_channel.as_str(),
                ":route": route_json(it),
                ":grade": it.grade.map(Grade::as_str),
                ":category": it.category,
                ":tags": codec::words(&it.tags),
                ":attributes": codec::attributes(&it.attributes),
                ":updated": time(it.updated),
                ":undecided": it.undecided,
                ":last_automatic": it.last_automatic,
                ":last_sent": time(it.last_sent),
                ":asked": it.asked,
                ":own": it.own.as_ref().map(AgentName::as_str),
                $($name: $value,)*
            })
        };
    }
    let (key, team) = (it.key(), it.route.as_ref().map(|route| route.team.as_str()));
    let lane = it.lane();
    let until = it.holder.as_ref().map(|holder| time(holder.until));
    let moved = before.key() != key || before.due != it.due || before.lane() != lane;
    if before.state != it.state
        || before.holder != it.holder
        || before.snoozed_until != it.snoozed_until
        || before.kept_until != it.kept_until
    {
        write!(
            plain!(
                ", rank = :rank, due = :due, tier = :tier, since = :since, team = :team, lane = :lane, \
                 state = :state, holder = :holder, lease_until = :until, snoozed_until = :snoozed, kept_until = :kept"
            ),
            {
                ":rank": key.rank,
                ":due": due(it),
                ":tier": -i64::from(key.tier.0),
                ":since": time(key.since),
                ":team": team,
                ":lane": lane.text(),
                ":state": it.state.as_str(),
                ":holder": it.holder.as_ref().map(|holder| holder.agent.as_str()),
                ":until": until,
                ":snoozed": it.snoozed_until.map(time),
                ":kept": it.kept_until.map(time),
            }
        )?;
        tx.count(Counter::Open, i64::from(it.state == State::Open) - i64::from(before.state == State::Open));
    } else if moved {
        write!(plain!(", rank = :rank, due = :due, tier = :tier, since = :since, team = :team, lane = :lane"), {
            ":rank": key.rank,
            ":due": due(it),
            ":tier": -i64::from(key.tier.0),
            ":since": time(key.since),
            ":team": team,
            ":lane": lane.text(),
        })?;
    } else {
        write!(plain!(), {})?;
    }
    Ok(())
}
