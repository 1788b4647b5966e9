//! The bot before the sample knowledge base: which of its questions it answers once their article is found, and that it
//! answers none of the others. How well articles are found is the search's to show.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]
use std::collections::{BTreeMap, BTreeSet};

use policy_faq_bot::FaqBot;
use policy_outbound_review::OutboundReview;
use serde::Deserialize;
use tributary_sdk::desk::{Action, Decision, Verdict};
use tributary_sdk::host::knowledge::Article;
use tributary_sdk::testing::{Case, FakeHost, prepare, with};
use tributary_sdk::text::is_chinese;
use tributary_sdk::types::Content;
use tributary_sdk::{Policy, Review};

#[derive(Deserialize)]
struct Base {
    article: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    key: String,
    title: String,
    text: String,
    questions: Vec<String>,
    #[serde(default)]
    products: Vec<String>,
    valid_from: Option<toml::value::Datetime>,
    valid_to: Option<toml::value::Datetime>,
}

/// A question, and the article that answers it.
struct Row {
    question: String,
    key: Option<String>,
    held_out: bool,
}

fn articles() -> BTreeMap<String, Entry> {
    let base: Base = toml::from_str(include_str!("knowledge/articles.toml")).unwrap();
    let count = base.article.len();
    let articles: BTreeMap<String, Entry> = base.article.into_iter().map(|it| (it.key.clone(), it)).collect();
    assert_eq!(articles.len(), count, "every key is unique");
    articles
}

fn rows() -> Vec<Row> {
    let row = |line: &str| {
        let [question, key, half] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        assert!(matches!(half, "tuned" | "heldout"), "{line}");
        Row { question: question.into(), key: (key != "-").then(|| key.into()), held_out: half == "heldout" }
    };
    include_str!("knowledge/questions.tsv").lines().map(row).collect()
}

/// A host whose searches find this.
fn host(found: Option<&Entry>) -> FakeHost {
    found.map_or_else(FakeHost::new, |it| {
        let (id, title, text) = (it.key.clone(), it.title.clone(), it.text.clone());
        FakeHost::new().article(Article { id, title, text, score: 0.9 })
    })
}

/// What the bot decides where a search finds this.
fn decide(bot: &FaqBot, text: &str, found: Option<&Entry>) -> Vec<Decision> {
    let message = toml::Table::from_iter([("text".to_owned(), text.into())]);
    let case: Case = toml::Table::from_iter([("message".to_owned(), message.into())]).try_into().unwrap();
    with(&host(found), || bot.decide(&case.snapshot().unwrap(), &case.happening().unwrap())).unwrap()
}

fn reply(decisions: &[Decision]) -> Option<&str> {
    decisions.iter().find_map(|decision| match &decision.action {
        Action::Reply(content) => Some(content.text.as_str()),
        _ => None,
    })
}

#[test]
fn the_sample_is_what_it_says() {
    let (articles, rows) = (articles(), rows());
    let chinese = |text: &str| is_chinese(text, 20) == Some(true);
    let count = |of: &dyn Fn(&Row) -> bool| rows.iter().filter(|row| of(row)).count();
    assert!((60..=80).contains(&articles.len()));
    assert_eq!(rows.iter().map(|row| &row.question).collect::<BTreeSet<_>>().len(), 200, "no question twice");
    assert_eq!((count(&|row| row.key.is_some()), count(&|row| chinese(&row.question))), (150, 130));
    assert_eq!(count(&|row| row.held_out), 100);
    for row in &rows {
        let Some(key) = &row.key else { continue };
        let article = articles.get(key).unwrap_or_else(|| panic!("{}: no article {key}", row.question));
        assert_eq!(chinese(&article.text), chinese(&row.question), "{}", row.question);
        let known = article.questions.iter().chain([&article.title]).any(|it| it.eq_ignore_ascii_case(&row.question));
        assert!(!known, "{}: the article has the very same words", row.question);
    }
    let dated = |it: &Entry| it.valid_to.is_some() && it.valid_from.as_ref() < it.valid_to.as_ref();
    assert!(
        articles.values().filter(|it| dated(it)).count() >= 5 && articles.values().any(|it| !it.products.is_empty())
    );
}

#[test]
fn a_question_whose_article_is_found_is_answered_out_of_it() {
    let (articles, bot) = (articles(), prepare::<FaqBot>(serde_json::json!({})).unwrap());
    let mut missed = Vec::new();
    let mut answered = 0;
    for row in rows() {
        let Some(article) = row.key.as_ref().map(|key| &articles[key]) else { continue };
        let decisions = decide(&bot, &row.question, Some(article));
        match reply(&decisions) {
            Some(text) => {
                answered += 1;
                let first = text.lines().next().unwrap_or_default();
                assert!(article.text.contains(first.trim()), "{}: {first}", row.question);
                assert!(text.contains(&article.title) && text.contains(&article.key), "{}", row.question);
                if article.valid_to.is_some() {
                    let limits = ["限", "截至", "limited", "Valid until"];
                    assert!(limits.iter().any(|word| text.contains(word)), "{}: no limit in {text}", row.question);
                }
            }
            None => missed.push(format!("{}: {}", row.question, decisions[decisions.len() - 1].why)),
        }
    }
    assert!(missed.is_empty(), "{answered} answered, not answered:\n{}", missed.join("\n"));
}

#[test]
fn what_the_bot_writes_may_leave() {
    let (articles, bot) = (articles(), prepare::<FaqBot>(serde_json::json!({ "tell-first": true })).unwrap());
    let review = prepare::<OutboundReview>(serde_json::json!({})).unwrap();
    let conversation = toml::from_str::<Case>("").unwrap().snapshot().unwrap();
    let mut drafts = Vec::new();
    for row in rows() {
        let article = row.key.as_ref().map(|key| &articles[key]);
        drafts.extend(reply(&decide(&bot, &row.question, article)).map(|text| (text.to_owned(), article)));
    }
    for text in ["你好", "Hello"] {
        drafts.extend(reply(&decide(&bot, text, None)).map(|text| (text.to_owned(), None)));
    }
    assert_eq!(drafts.len(), 202, "an answer, a hand-over or a menu");
    let mut blocked = Vec::new();
    for (text, article) in drafts {
        let verdict = with(&host(article), || review.review(&conversation, &Content::plain(&text))).unwrap();
        if let Verdict::Block(objections) = verdict {
            blocked.push(format!("{text}: {objections:?}"));
        }
    }
    assert!(blocked.is_empty(), "{}", blocked.join("\n"));
}

#[test]
fn a_question_that_finds_nothing_is_handed_over_and_collected() {
    let bot = prepare::<FaqBot>(serde_json::json!({})).unwrap();
    for row in rows().iter().filter(|row| row.key.is_none()) {
        let decisions = decide(&bot, &row.question, None);
        let does = |of: &dyn Fn(&Action) -> bool| decisions.iter().any(|decision| of(&decision.action));
        assert_eq!(reply(&decisions), None, "{}", row.question);
        assert!(does(&|it| matches!(it, Action::HandToHuman(_))), "{}", row.question);
        assert!(does(&|it| matches!(it, Action::AddTag(tag) if tag == "bot:unanswered")), "{}", row.question);
    }
}

#[test]
fn any_text_is_read_without_a_panic() {
    let (articles, bot) = (articles(), prepare::<FaqBot>(serde_json::json!({})).unwrap());
    let signs = [
        '退', '货', '人', '工', '你', '好', '的', '不', 'a', 'I', '1', '2', '3', '4', '5', '6', '十', '天', '.', '，',
        '。', '?', '“', '\'', '\n', '#', '{', '}', ' ', '+', '😀', 'İ', 'é', 'ﬁ',
    ];
    let articles: Vec<&Entry> = articles.values().collect();
    let mut state = 1_u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as usize % below
    };
    for length in 0..3_000 {
        let text: String = (0..length % 60).map(|_| signs[next(signs.len())]).collect();
        for decision in decide(&bot, &text, Some(articles[next(articles.len())])) {
            assert!(!decision.rule.is_empty() && !decision.why.is_empty(), "{text:?}");
        }
    }
}
