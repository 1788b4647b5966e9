//! The bot in front of the real search: how often the right article comes first, and how often none is told where there is
//! none. The questions and the knowledge base are the bot's own (`plugins/policy-faq-bot/tests/knowledge`).
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]
use crate::knowledge;
use parking_lot::Mutex;
use policy_faq_bot::FaqBot;
use std::sync::Arc;
use tributary_model::Timestamp;
use tributary_model::knowledge::Article;
use tributary_sdk::Policy;
use tributary_sdk::desk::Action;
use tributary_sdk::host::knowledge::Article as Told;
use tributary_sdk::native::{Services, enter};
use tributary_sdk::testing::{Case, prepare};
use tributary_store::sqlite::SqliteStore;
use tributary_store::{FoundArticle, Knowledge};

/// The bot's services: searches go to the store.
struct Host {
    store: SqliteStore,
    runtime: tokio::runtime::Runtime,
    /// The keys that the last search found.
    found: Mutex<Vec<String>>,
}

impl Services for Host {
    fn knowledge(&self, query: &str, limit: u32) -> Vec<Told> {
        let found = self.runtime.block_on(self.store.search_articles(query, limit as usize, Timestamp(2))).unwrap();
        *self.found.lock() = found.iter().map(|it| it.version.key.clone()).collect();
        let told = |FoundArticle { version, score }| {
            let Article { title, text, .. } = version.article;
            Told { id: version.key, title, text, score: score as f32 }
        };
        found.into_iter().map(told).collect()
    }
}

/// What became of the questions of one half.
#[derive(Default, Debug)]
struct Half {
    asked: u32,
    first: u32,
    right: u32,
    wrong: u32,
    without: u32,
    told_all_the_same: u32,
}

#[test]
fn the_right_article_comes_first_and_what_has_none_is_left_to_a_person() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (store, known) = runtime.block_on(knowledge::sample(dir.path())).unwrap();
    let host = Arc::new(Host { store, runtime, found: Mutex::default() });
    let bot = prepare::<FaqBot>(serde_json::json!({})).unwrap();
    let mut halves = [Half::default(), Half::default()];
    for line in std::fs::read_to_string(knowledge::folder().join("questions.tsv")).unwrap().lines() {
        let [question, key, half] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let message = toml::Table::from_iter([("text".to_owned(), question.into())]);
        let case: Case = toml::Table::from_iter([("message".to_owned(), message.into())]).try_into().unwrap();
        let (snapshot, happening) = (case.snapshot().unwrap(), case.happening().unwrap());
        host.found.lock().clear();
        let decisions = enter(host.clone() as Arc<dyn Services>, || bot.decide(&snapshot, &happening)).unwrap();
        let reply = decisions.iter().find_map(|decision| match &decision.action {
            Action::Reply(content) => Some(content.text.as_str()),
            _ => None,
        });
        let half = &mut halves[usize::from(half == "heldout")];
        if key == "-" {
            half.without += 1;
            half.told_all_the_same += u32::from(reply.is_some());
            continue;
        }
        assert!(known.contains(key), "{line}");
        half.asked += 1;
        half.first += u32::from(host.found.lock().first().is_some_and(|first| first == key));
        match reply {
            Some(text) if text.contains(key) => half.right += 1,
            Some(_) => half.wrong += 1,
            None => {}
        }
    }
    for (name, half) in ["tuned to", "set aside"].into_iter().zip(&halves) {
        println!(
            "{name}: of {} questions with an article it comes first for {}, is told for {}, another one for {}; of {} \
             without one {} are answered",
            half.asked, half.first, half.right, half.wrong, half.without, half.told_all_the_same
        );
    }
    let sum = |of: fn(&Half) -> u32| halves.iter().map(of).sum::<u32>();
    assert!(sum(|half| half.first) * 100 >= sum(|half| half.asked) * 85, "first: {halves:?}");
    assert!(sum(|half| half.told_all_the_same) * 10 <= sum(|half| half.without), "answered: {halves:?}");
    assert!(sum(|half| half.wrong) * 20 <= sum(|half| half.asked), "wrong: {halves:?}");
}
