//! The knowledge base in SQLite's full-text index. It keeps terms, see [`tributary_model::knowledge`], and finds the articles
//! that share some with a question; which of them fits best is then reckoned with the articles themselves.
use super::codec::{self, At, moment, time};
use super::listing::{listing, rows};
use super::tx::{Line, Tx, many, one};
use super::{SqliteStore, writer::Full};
use crate::{
    ArticleVersion, AskedQuestion, Cursor, FoundArticle, Knowledge, LEAST_SCORE, Listing, NewArticle, Page,
    QuestionView, StoreError, Written,
};
use async_trait::async_trait;
use parking_lot::Mutex;
use rusqlite::{Connection, Row};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tributary_model::knowledge::{Article, LONGEST_LINE, Question, Terms, terms};
use tributary_model::{ArticleId, ConversationId, Timestamp};

/// How many articles that share terms with a question are looked at.
const CANDIDATES: i64 = 16;

/// How many versions of an article are shown.
const VERSIONS: i64 = 100;

/// Of so many versions the terms are kept in memory: a version never changes, and reading its words takes longer than
/// everything else in a search.
const READ: usize = 512;

/// How long a question that nobody asks again is kept.
const ASKED: Duration = Duration::from_secs(180 * 24 * 3_600);

/// The terms of versions that searches came across.
#[derive(Default)]
pub(super) struct ReadBefore(Mutex<HashMap<ArticleId, Arc<Terms>>>);

impl ReadBefore {
    fn terms(&self, version: &ArticleVersion) -> Arc<Terms> {
        if let Some(terms) = self.0.lock().get(&version.id) {
            return Arc::clone(terms);
        }
        let terms = Arc::new(Terms::of(&version.article));
        let mut read = self.0.lock();
        if read.len() >= READ {
            read.clear();
        }
        read.insert(version.id, Arc::clone(&terms));
        terms
    }
}

/// The columns that [`version`] reads, in its order.
macro_rules! article_columns {
    () => {
        "a.id, a.key, a.version, a.body, a.valid_from, a.valid_to, a.author, a.at, a.retired"
    };
}

/// What an article says as its column.
#[derive(Serialize, Deserialize)]
struct Body {
    title: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    questions: Vec<String>,
    text: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    products: Vec<String>,
}

#[async_trait]
impl Knowledge for SqliteStore {
    async fn write_article(&self, new: NewArticle) -> Result<Written, StoreError> {
        self.writer.run(Full::Wait, move |tx| write(tx, &new)).await
    }

    async fn retire_article(&self, key: &str, by: &str, now: Timestamp) -> Result<bool, StoreError> {
        let (key, by) = (key.to_owned(), by.to_owned());
        self.writer.run(Full::Wait, move |tx| retire(tx, &key, &by, now)).await
    }

    async fn articles(&self, page: Page) -> Result<Listing<ArticleVersion>, StoreError> {
        self.readers.read(|conn| {
            let after = page.after.as_ref().and_then(|cursor| cursor.0.first()).copied().unwrap_or(0);
            let sql = concat!(
                "SELECT ",
                article_columns!(),
                " FROM article AS a WHERE a.id > ? AND a.retired IS NULL AND NOT EXISTS (SELECT 1 FROM article AS later \
                 WHERE later.key = a.key AND later.version > a.version) ORDER BY a.id LIMIT ?"
            );
            let found = many(conn, sql, (after, rows(&page)), version)?;
            Ok(listing(found, &page, |last| Cursor(vec![last.id.0])))
        })
    }

    async fn article(&self, key: &str) -> Result<Vec<ArticleVersion>, StoreError> {
        self.readers.read(|conn| {
            let sql = concat!(
                "SELECT ",
                article_columns!(),
                " FROM article AS a WHERE a.key = ? ORDER BY a.version DESC LIMIT ?"
            );
            many(conn, sql, (key, VERSIONS), version)
        })
    }

    async fn search_articles(&self, text: &str, most: usize, now: Timestamp) -> Result<Vec<FoundArticle>, StoreError> {
        self.readers.read(|conn| search(conn, &self.read_before, text, most, now))
    }

    async fn questions(&self, most: usize) -> Result<Vec<QuestionView>, StoreError> {
        self.readers.read(|conn| {
            let sql = "SELECT q.text, q.times, q.first, q.last, q.conversation, a.key, q.score FROM question AS q \
                       INDEXED BY question_worst LEFT JOIN article AS a ON a.id = q.article \
                       ORDER BY q.score, q.times DESC LIMIT ?";
            many(conn, sql, [i64::try_from(most).unwrap_or(i64::MAX)], |row| {
                let key: Option<String> = row.get(5)?;
                let score = row.get::<_, i64>(6)? as f64 / 1e3;
                Ok(QuestionView {
                    text: row.get(0)?,
                    times: u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0),
                    asked: (moment(row.get(2)?), moment(row.get(3)?)),
                    conversation: ConversationId(row.get(4)?),
                    best: key.map(|key| (key, score)),
                })
            })
        })
    }
}

fn version(row: &Row<'_>) -> Result<ArticleVersion, StoreError> {
    let id: i64 = row.get(0)?;
    let Body { title, questions, text, products } = At("article", id).json(&row.get::<_, String>(3)?)?;
    let when = |column| Ok::<_, StoreError>(row.get::<_, Option<i64>>(column)?.map(moment));
    Ok(ArticleVersion {
        id: ArticleId(id),
        key: row.get(1)?,
        version: row.get(2)?,
        article: Article { title, questions, text, products, valid_from: when(4)?, valid_to: when(5)? },
        by: row.get(6)?,
        at: moment(row.get(7)?),
        retired: when(8)?,
    })
}

fn write(tx: &mut Tx<'_>, new: &NewArticle) -> Result<Written, StoreError> {
    let NewArticle { key, article, by, now } = new;
    let sql =
        concat!("SELECT ", article_columns!(), " FROM article AS a WHERE a.key = ? ORDER BY a.version DESC LIMIT 1");
    let newest = many(tx.conn, sql, [key], version)?.pop();
    if let Some(same) = newest.as_ref().filter(|newest| newest.retired.is_none() && newest.article == *article) {
        return Ok(Written { version: same.version, new: false });
    }
    let number = newest.map_or(1, |newest| newest.version.saturating_add(1));
    let Article { title, questions, text, products, valid_from, valid_to } = article.clone();
    let body = codec::to_json(&Body { title, questions, text, products });
    let id = tx.insert(
        "INSERT INTO article (key, version, body, valid_from, valid_to, author, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (key, number, body, valid_from.map(time), valid_to.map(time), by, time(*now)),
    )?;
    if article.replaces_for_good(*now) {
        let sql = "DELETE FROM article_term WHERE rowid IN (SELECT id FROM article WHERE key = ? AND version < ?)";
        tx.run(sql, (key, number))?;
    }
    let lines: Vec<String> =
        std::iter::once(&article.title).chain(&article.questions).flat_map(|it| terms(it)).collect();
    let words = (id, lines.join(" "), terms(&article.text).join(" "));
    tx.run("INSERT INTO article_term (rowid, lines, text) VALUES (?, ?, ?)", words)?;
    let detail = format!("{key} {number}");
    told(tx, by, "article-written", &detail, *now)?;
    Ok(Written { version: number, new: true })
}

fn retire(tx: &mut Tx<'_>, key: &str, by: &str, now: Timestamp) -> Result<bool, StoreError> {
    tx.run("DELETE FROM article_term WHERE rowid IN (SELECT id FROM article WHERE key = ?)", [key])?;
    let retired = tx.run("UPDATE article SET retired = ? WHERE key = ? AND retired IS NULL", (time(now), key))?;
    if retired > 0 {
        told(tx, by, "article-retired", key, now)?;
    }
    Ok(retired > 0)
}

fn told(tx: &mut Tx<'_>, by: &str, act: &str, detail: &str, now: Timestamp) -> Result<(), StoreError> {
    let actor = format!("agent:{by}");
    tx.event(None, now, Line { actor: &actor, act, detail: Some(detail), ..Line::default() })
}

fn search(
    conn: &Connection,
    read: &ReadBefore,
    text: &str,
    most: usize,
    now: Timestamp,
) -> Result<Vec<FoundArticle>, StoreError> {
    let asked = Question::terms(text);
    if asked.is_empty() || most == 0 {
        return Ok(Vec::new());
    }
    // Each term is a word of the index and no operator of its language.
    let matching = asked.iter().map(|term| format!("\"{term}\"")).collect::<Vec<_>>().join(" OR ");
    let all = one(conn, "SELECT seq FROM sqlite_sequence WHERE name = 'article'", [], |row| row.get::<_, i64>(0))?;
    let mut weighed = Vec::with_capacity(asked.len());
    for term in asked {
        let having = one(conn, "SELECT doc FROM article_having WHERE term = ?", [&term], |row| row.get::<_, i64>(0))?;
        weighed.push((term, u64::try_from(having.unwrap_or(0)).unwrap_or(0)));
    }
    let question = Question::weighed(weighed, u64::try_from(all.unwrap_or(0)).unwrap_or(0));
    let sql = concat!(
        "SELECT ",
        article_columns!(),
        " FROM article_term JOIN article AS a ON a.id = article_term.rowid \
         WHERE article_term MATCH ?1 AND (a.valid_from IS NULL OR a.valid_from <= ?2) \
         AND (a.valid_to IS NULL OR ?2 < a.valid_to) AND NOT EXISTS (SELECT 1 FROM article AS later \
         WHERE later.key = a.key AND later.version > a.version AND later.retired IS NULL \
         AND (later.valid_from IS NULL OR later.valid_from <= ?2) AND (later.valid_to IS NULL OR ?2 < later.valid_to)) \
         ORDER BY bm25(article_term, 4.0, 1.0) LIMIT ?3"
    );
    let candidates = many(conn, sql, (matching, time(now), CANDIDATES), version)?;
    let mut found: Vec<FoundArticle> = candidates
        .into_iter()
        .map(|version| FoundArticle { score: question.fit(&read.terms(&version)), version })
        .filter(|found| found.score >= LEAST_SCORE)
        .collect();
    found.sort_by(|one, other| other.score.total_cmp(&one.score).then(one.version.id.cmp(&other.version.id)));
    found.truncate(most);
    Ok(found)
}

/// Keeps what a policy asked about a conversation.
pub(super) fn asked(
    tx: &Tx<'_>,
    conversation: ConversationId,
    asked: &[AskedQuestion],
    now: Timestamp,
) -> Result<(), StoreError> {
    for AskedQuestion { text, best } in asked {
        let text = &text[..text.floor_char_boundary(LONGEST_LINE)];
        let (article, score) = best.map_or((None, 0.0), |(article, score)| (Some(article.0), score));
        tx.run(
            "INSERT INTO question (text, times, first, last, conversation, article, score) VALUES (?1, 1, ?2, ?2, ?3, ?4, ?5) \
             ON CONFLICT DO UPDATE SET times = times + 1, last = excluded.last, conversation = excluded.conversation, \
             article = excluded.article, score = excluded.score",
            (text, time(now), conversation.0, article, (score * 1e3).round() as i64),
        )?;
    }
    Ok(())
}

/// Forgets questions that nobody asks any more.
pub(super) fn sweep(tx: &Tx<'_>, now: Timestamp, most: i64) -> Result<usize, StoreError> {
    let before = time(now).saturating_sub(i64::try_from(ASKED.as_millis()).unwrap_or(i64::MAX));
    let sql = "DELETE FROM question WHERE text IN (SELECT text FROM question INDEXED BY question_last WHERE last <= ? LIMIT ?)";
    tx.run(sql, (before, most))
}
