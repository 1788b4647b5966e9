//! Drafts for agents, surveys of customers, and what came of them. Where an answer is added up nothing is left that says
//! whose it was: the row of its form goes in the same transaction, and ratings are numbers only.
use super::codec::{self, At, moment, time};
use super::tx::{Tx, many};
use super::writer::Full;
use super::{SqliteStore, token};
use crate::{DraftView, Feedback, NotAnswered, OpenSurvey, RatingCount, Remark, StoreError, SurveyAnswer};
use async_trait::async_trait;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::time::Duration;
use tributary_model::conversation::Conversation;
use tributary_model::decision::Survey;
use tributary_model::message::{Attachment, Content};
use tributary_model::{ConversationId, PluginName, Timestamp};

/// Days of a week, and milliseconds of a day.
const DAY: u64 = 24 * 3_600_000;

/// The longest remark, in characters; what is longer is cut.
const LONGEST_REMARK: usize = 2_000;

/// What is known of an asked customer's matter that answers are added up by.
#[derive(Serialize, Deserialize)]
struct Facts {
    channel: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    team: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    category: Option<String>,
}

impl Facts {
    fn each(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let some = [("team", &self.team), ("category", &self.category)];
        let some = some.into_iter().filter_map(|(fact, value)| Some((fact, value.as_deref()?)));
        [("", ""), ("channel", self.channel.as_str())].into_iter().chain(some)
    }
}

/// A draft as its column.
#[derive(Serialize, Deserialize)]
struct Body {
    text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    html: Option<String>,
}

#[async_trait]
impl Feedback for SqliteStore {
    async fn survey(&self, secret: &str, now: Timestamp) -> Result<Option<OpenSurvey>, StoreError> {
        let digest = digest(secret);
        self.readers.read(|conn| Ok(open(conn, &digest, now)?.map(|(survey, _)| survey)))
    }

    async fn answer_survey(
        &self,
        secret: &str,
        answer: SurveyAnswer,
        now: Timestamp,
    ) -> Result<Result<(), NotAnswered>, StoreError> {
        let (digest, mut id) = (digest(secret), [0; 16]);
        getrandom::fill(&mut id).map_err(token::no_randomness)?;
        self.writer.run(Full::Wait, move |tx| self::answer(tx, &digest, &answer, id, now)).await
    }

    async fn ratings(&self, since: Timestamp, by: &str) -> Result<Vec<RatingCount>, StoreError> {
        self.readers.read(|conn| ratings(conn, since, by))
    }

    async fn remarks(&self, since: Timestamp, most: usize) -> Result<Vec<Remark>, StoreError> {
        self.readers.read(|conn| {
            let sql = "SELECT week, name, text FROM remark WHERE week >= ? ORDER BY week DESC, name, id LIMIT ?";
            let most = i64::try_from(most).unwrap_or(i64::MAX);
            many(conn, sql, (week(since), most), |row| {
                Ok(Remark { week: monday(row.get(0)?), name: row.get(1)?, text: row.get(2)? })
            })
        })
    }
}

/// The week of a moment: the day of its Monday since the epoch, which was a Thursday.
fn week(at: Timestamp) -> i64 {
    let day = at.0 / DAY;
    i64::try_from(day.saturating_sub((day + 3) % 7)).unwrap_or(i64::MAX)
}

fn monday(week: i64) -> Timestamp {
    moment(week.saturating_mul(i64::try_from(DAY).unwrap_or(i64::MAX)))
}

fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret).into()
}

/// Keeps what a policy drafted, in place of an earlier draft.
pub(super) fn draft(
    tx: &Tx<'_>,
    id: ConversationId,
    policy: &PluginName,
    content: &Content,
    now: Timestamp,
) -> Result<(), StoreError> {
    let body = codec::to_json(&Body { text: content.text.clone(), html: content.html.clone() });
    tx.run(
        "INSERT OR REPLACE INTO draft (conversation, policy, body, at) VALUES (?, ?, ?, ?)",
        (id.0, policy.as_str(), body, time(now)),
    )
    .map(drop)
}

/// The draft that waits for an agent.
pub(super) fn drafted(conn: &Connection, id: ConversationId) -> Result<Option<DraftView>, StoreError> {
    let sql = "SELECT policy, body, at FROM draft WHERE conversation = ?";
    let drafts = many(conn, sql, [id.0], |row| {
        let body: Body = At("draft", id.0).json(&row.get::<_, String>(1)?)?;
        let content = Content { text: body.text, quoted: None, html: body.html, attachments: Vec::<Attachment>::new() };
        Ok(DraftView { policy: row.get::<_, String>(0)?.into(), content, at: moment(row.get(2)?) })
    })?;
    Ok(drafts.into_iter().next())
}

/// Opens a form and says what invites to it. `None`: the conversation was asked for it already.
pub(super) fn ask(
    tx: &Tx<'_>,
    it: &Conversation,
    survey: &Survey,
    now: Timestamp,
) -> Result<Option<Content>, StoreError> {
    let sql = "INSERT INTO asked_survey (conversation, name) VALUES (?, ?) ON CONFLICT DO NOTHING";
    if tx.run(sql, (it.id.0, &survey.name))? == 0 {
        return Ok(None);
    }
    let secret = token::secret()?;
    // Answers are counted by the kind of survey, not by the order it was about.
    let name = survey.name.split(':').next().unwrap_or_default();
    let facts = Facts {
        channel: it.last_channel.to_string(),
        team: it.route.as_ref().map(|route| route.team.clone()),
        category: it.category.clone(),
    };
    let until = now.after(Duration::from_secs(survey.open_for.into()));
    tx.run(
        "INSERT INTO survey (digest, name, questions, facts, expires) VALUES (?, ?, ?, ?, ?)",
        (&digest(&secret)[..], name, codec::attributes(&survey.questions), codec::to_json(&facts), time(until)),
    )?;
    let link = format!("{}/survey/{secret}", tx.rules.address.as_deref().unwrap_or_default());
    Ok(Some(Content { text: survey.invitation.replace(Survey::LINK, &link), ..Content::default() }))
}

fn open(conn: &Connection, digest: &[u8; 32], now: Timestamp) -> Result<Option<(OpenSurvey, Facts)>, StoreError> {
    let at = At("survey", 0);
    let sql = "SELECT name, questions, facts FROM survey WHERE digest = ? AND expires > ?";
    let found = many(conn, sql, (&digest[..], time(now)), |row| {
        let questions = at.attributes(Some(&row.get::<_, String>(1)?))?;
        Ok((OpenSurvey { name: row.get(0)?, questions }, at.json(&row.get::<_, String>(2)?)?))
    })?;
    Ok(found.into_iter().next())
}

fn answer(
    tx: &Tx<'_>,
    digest: &[u8; 32],
    answer: &SurveyAnswer,
    id: [u8; 16],
    now: Timestamp,
) -> Result<Result<(), NotAnswered>, StoreError> {
    let Some((survey, facts)) = open(tx.conn, digest, now)? else { return Ok(Err(NotAnswered::Gone)) };
    for (at, (question, rating)) in answer.ratings.iter().enumerate() {
        let asked = survey.questions.iter().any(|it| it.name == *question);
        let twice = answer.ratings[..at].iter().any(|(earlier, _)| earlier == question);
        if !asked || twice || !(1..=5).contains(rating) {
            return Ok(Err(NotAnswered::Rating(format!("{question} {rating}"))));
        }
    }
    let week = week(now);
    for (question, rating) in &answer.ratings {
        for (fact, value) in facts.each() {
            tx.run(
                "INSERT INTO rating (week, name, question, fact, value, rating, times) VALUES (?, ?, ?, ?, ?, ?, 1) \
                 ON CONFLICT DO UPDATE SET times = times + 1",
                (week, &survey.name, question, fact, value, rating),
            )?;
        }
    }
    if let Some(text) = answer.remark.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
        let text: String = text.chars().take(LONGEST_REMARK).collect();
        tx.run("INSERT INTO remark (id, week, name, text) VALUES (?, ?, ?, ?)", (&id[..], week, &survey.name, text))?;
    }
    tx.run("DELETE FROM survey WHERE digest = ?", [&digest[..]])?;
    Ok(Ok(()))
}

fn ratings(conn: &Connection, since: Timestamp, by: &str) -> Result<Vec<RatingCount>, StoreError> {
    let rows = many(
        conn,
        "SELECT week, name, question, value, rating, times FROM rating WHERE week >= ? AND fact = ? \
         ORDER BY week DESC, name, question, value",
        (week(since), by),
        |row| {
            let it = RatingCount {
                week: monday(row.get(0)?),
                name: row.get(1)?,
                question: row.get(2)?,
                value: row.get(3)?,
                times: [0; 5],
            };
            Ok((it, row.get::<_, u8>(4)?, row.get::<_, i64>(5)?))
        },
    )?;
    let mut counts: Vec<RatingCount> = Vec::new();
    for (it, rating, times) in rows {
        let same = |last: &&mut RatingCount| {
            (last.week, &last.name, &last.question, &last.value) == (it.week, &it.name, &it.question, &it.value)
        };
        if counts.last_mut().filter(same).is_none() {
            counts.push(it);
        }
        if let Some(cell) = counts.last_mut().and_then(|last| last.times.get_mut(usize::from(rating.saturating_sub(1))))
        {
            *cell += u64::try_from(times).unwrap_or_default();
        }
    }
    Ok(counts)
}

/// Forgets forms whose time is over.
pub(super) fn sweep(tx: &Tx<'_>, now: Timestamp) -> Result<usize, StoreError> {
    tx.run("DELETE FROM survey WHERE expires <= ?", [time(now)])
}
