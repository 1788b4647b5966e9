//! The bot's sample knowledge base (`plugins/policy-faq-bot/tests/knowledge`) in a store.
use anyhow::Result;
use serde::Deserialize;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use tributary_model::Timestamp;
use tributary_model::knowledge::Article;
use tributary_store::sqlite::{SqliteConfig, SqliteStore};
use tributary_store::{Knowledge, NewArticle};

#[derive(Deserialize)]
struct Base {
    article: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Entry {
    key: String,
    title: String,
    text: String,
    #[serde(default)]
    questions: Vec<String>,
    valid_to: Option<toml::value::Datetime>,
}

/// Where its files are.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/policy-faq-bot/tests/knowledge")
}

/// A store in a folder that holds it, without the campaigns that were over when its questions were written; and the keys of
/// its articles.
pub async fn sample(dir: &Path) -> Result<(SqliteStore, HashSet<String>)> {
    let base: Base = toml::from_str(&std::fs::read_to_string(folder().join("articles.toml"))?)?;
    let store = SqliteStore::open(&SqliteConfig::new(dir.join("knowledge")))?;
    let mut keys = HashSet::new();
    let held = |it: &Entry| it.valid_to.is_none_or(|to| to.to_string().as_str() > "2026-11-29");
    for Entry { key, title, text, questions, .. } in base.article.into_iter().filter(held) {
        keys.insert(key.clone());
        let article = Article { title, questions, text, ..Article::default() };
        store.write_article(NewArticle { key, article, by: "editor".into(), now: Timestamp(1) }).await?;
    }
    Ok((store, keys))
}
