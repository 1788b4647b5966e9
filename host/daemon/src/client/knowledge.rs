//! `tributary knowledge`: the articles that the desk answers from.
use super::http::{Api, escaped};
use super::table::Table;
use super::text::{moment, plain};
use super::{Common, Page, Style};
use anyhow::{Context, bail};
use clap::Subcommand;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tributary_model::Timestamp;
use tributary_model::knowledge::Article;

/// Commands of `tributary knowledge`.
#[derive(Subcommand, Debug)]
pub enum KnowledgeCommand {
    /// Write articles from TOML files, each with `[[article]]` tables
    ///
    /// Keys of a table: key, title, text; questions (other ways to ask for it), products, valid-from, valid-to where needed. An
    /// article that says the same already stays as it is, so the same file can be imported again.
    Import {
        /// The files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        #[command(flatten)]
        common: Common,
    },
    /// List the articles in use
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Show every version of an article
    Show {
        /// Its key
        key: String,
        #[command(flatten)]
        common: Common,
    },
    /// Take an article out of use
    Retire {
        /// Its key
        key: String,
        #[command(flatten)]
        common: Common,
    },
    /// Show what fits a question, as a policy sees it
    Search {
        /// The question, as a customer asks it
        question: String,
        /// Articles at most
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=20))]
        limit: u8,
        #[command(flatten)]
        common: Common,
    },
    /// Show what policies asked, what had the worst answer first
    Questions {
        /// Questions at most
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u8).range(1..=200))]
        limit: u8,
        #[command(flatten)]
        common: Common,
    },
}

/// A file of articles.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    article: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    key: String,
    title: String,
    #[serde(default)]
    questions: Vec<String>,
    text: String,
    #[serde(default)]
    products: Vec<String>,
    valid_from: Option<toml::value::Datetime>,
    valid_to: Option<toml::value::Datetime>,
}

/// Runs a command.
///
/// # Errors
/// [`super::http::ClientError`] with its own exit status, a file that cannot be read, or standard output failed.
pub fn run(command: KnowledgeCommand) -> anyhow::Result<ExitCode> {
    match command {
        KnowledgeCommand::Import { files, common } => {
            // All of them are read before any is sent: what is wrong in the last file is said before anything changes.
            let entries = files.iter().map(|file| read(file)).collect::<anyhow::Result<Vec<_>>>()?;
            let written = import(&common.api()?, entries.into_iter().flatten())?;
            let answer = json!({ "items": written });
            common.print(&answer, |page| {
                let new = written.iter().filter(|it| it["new"] == true).count();
                let same = written.len() - new;
                page.line(&format!("{new} written, {same} said the same already."));
            })?;
        }
        KnowledgeCommand::List { common } => {
            let articles = all(&common.api()?)?;
            common.print(&articles, |page| list(page, &articles))?;
        }
        KnowledgeCommand::Show { key, common } => {
            let versions = common.api()?.get(&format!("/knowledge/articles/{}", escaped(&key)))?;
            common.print(&versions, |page| {
                for version in items(&versions) {
                    show(page, version);
                }
            })?;
        }
        KnowledgeCommand::Retire { key, common } => {
            let answer = common.api()?.delete(&format!("/knowledge/articles/{}", escaped(&key)))?;
            common.print(&answer, |page| page.line(&format!("Article {} is out of use.", plain(&key))))?;
        }
        KnowledgeCommand::Search { question, limit, common } => {
            let found = common.api()?.get(&format!("/knowledge/search?limit={limit}&q={}", escaped(&question)))?;
            common.print(&found, |page| {
                if items(&found).next().is_none() {
                    page.line("Nothing fits.");
                }
                let mut table = Table::new(&[("SCORE", 6), ("KEY", 40), ("TITLE", 80)]);
                for it in items(&found) {
                    let score = format!("{:.2}", it["score"].as_f64().unwrap_or_default());
                    table.row([(score, Some(Style::Strong)), (text(it, "key"), None), (text(it, "title"), None)]);
                }
                table.write(page);
            })?;
        }
        KnowledgeCommand::Questions { limit, common } => {
            let questions = common.api()?.get(&format!("/knowledge/questions?limit={limit}"))?;
            common.print(&questions, |page| {
                let columns = [("TIMES", 6), ("QUESTION", 70), ("BEST", 40), ("SCORE", 6), ("LAST", 20), ("IN", 10)];
                let mut table = Table::new(&columns);
                for it in items(&questions) {
                    table.row([
                        (it["times"].to_string(), None),
                        (text(it, "text"), Some(Style::Strong)),
                        (text(it, "best"), None),
                        (format!("{:.2}", it["score"].as_f64().unwrap_or_default()), None),
                        (it["last_at"].as_str().map(moment).unwrap_or_default(), None),
                        (text(it, "conversation"), None),
                    ]);
                }
                table.write(page);
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The articles of a file, each under its key.
///
/// # Errors
/// The file cannot be read or is none; for each article, what is wrong with it.
pub(crate) fn articles(path: &Path) -> anyhow::Result<Vec<anyhow::Result<(String, Article)>>> {
    let moment = |time: Option<toml::value::Datetime>| -> anyhow::Result<Option<Timestamp>> {
        let Some(time) = time else { return Ok(None) };
        let at: jiff::Timestamp =
            time.to_string().parse().with_context(|| format!("{time} is no moment with its offset"))?;
        Ok(Some(Timestamp(u64::try_from(at.as_millisecond()).unwrap_or_default())))
    };
    let article = |entry: Entry| {
        let Entry { key, title, questions, text, products, valid_from, valid_to } = entry;
        let (valid_from, valid_to) = (moment(valid_from)?, moment(valid_to)?);
        let article = Article { title, questions, text, products, valid_from, valid_to };
        match article.fault() {
            Some(fault) => bail!("article {key:?}: {fault}"),
            None => Ok((key, article)),
        }
    };
    Ok(read(path)?.into_iter().map(article).collect())
}

fn read(path: &Path) -> anyhow::Result<Vec<Entry>> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("{shown} cannot be read"))?;
    let file: File = toml::from_str(&text).with_context(|| format!("{shown} is no file of articles"))?;
    let mut seen = BTreeSet::new();
    if let Some(twice) = file.article.iter().find(|entry| !seen.insert(&entry.key)) {
        bail!("{shown} has two articles with the key {:?}; a key is one article", twice.key);
    }
    if file.article.is_empty() {
        bail!("{shown} has no [[article]]");
    }
    Ok(file.article)
}

fn import(api: &Api, entries: impl Iterator<Item = Entry>) -> anyhow::Result<Vec<Value>> {
    let mut written = Vec::new();
    for entry in entries {
        let when = |time: Option<toml::value::Datetime>| time.map(|time| time.to_string());
        let Entry { key, title, questions, text, products, valid_from, valid_to } = entry;
        let body = json!({
            "title": title, "questions": questions, "text": text, "products": products,
            "valid_from": when(valid_from), "valid_to": when(valid_to),
        });
        let sent = api.post(&format!("/knowledge/articles/{}", escaped(&key)), &body);
        written.push(sent.with_context(|| format!("article {key:?}; {} before it were written", written.len()))?);
    }
    Ok(written)
}

/// Every page in one.
fn all(api: &Api) -> anyhow::Result<Value> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = api.get(&format!("/knowledge/articles?limit=200{cursor}"))?;
        all.extend(items(&page).cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={}", escaped(next)),
            None => return Ok(json!({ "items": all, "next": null })),
        }
    }
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list["items"].as_array().into_iter().flatten()
}

fn text(of: &Value, name: &str) -> String {
    plain(of[name].as_str().unwrap_or_default())
}

fn list(page: &mut Page, articles: &Value) {
    let mut table = Table::new(&[("KEY", 40), ("VERSION", 7), ("TITLE", 60), ("FROM", 20), ("UNTIL", 20)]);
    for it in items(articles) {
        let time = |name: &str| it[name].as_str().map(moment).unwrap_or_default();
        table.row([
            (text(it, "key"), Some(Style::Strong)),
            (it["version"].to_string(), None),
            (text(it, "title"), None),
            (time("valid_from"), None),
            (time("valid_to"), None),
        ]);
    }
    table.write(page);
}

fn show(page: &mut Page, version: &Value) {
    let time = |name: &str| version[name].as_str().map(moment);
    let head = format!("{} version {}: {}", text(version, "key"), version["version"], text(version, "title"));
    let head = page.styled(Style::Strong, &head);
    page.line(&head);
    let mut facts = vec![format!("written {} by {}", time("at").unwrap_or_default(), text(version, "by"))];
    facts.extend(time("valid_from").map(|from| format!("holds from {from}")));
    facts.extend(time("valid_to").map(|to| format!("until {to}")));
    facts.extend(time("retired_at").map(|at| format!("out of use since {at}")));
    let facts = page.styled(Style::Faint, &facts.join(", "));
    page.line(&facts);
    for question in version["questions"].as_array().into_iter().flatten() {
        page.line(&format!("  asked as: {}", plain(question.as_str().unwrap_or_default())));
    }
    for line in version["text"].as_str().unwrap_or_default().lines() {
        page.line(&format!("  {}", plain(line)));
    }
    page.line("");
}
