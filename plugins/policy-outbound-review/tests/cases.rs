//! Every case of `fixtures/`, a file for each row of the requirements.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]
use policy_outbound_review::OutboundReview;
use serde::Deserialize;
use tributary_sdk::Review;
use tributary_sdk::desk::{Objection, Snapshot, Verdict};
use tributary_sdk::host::knowledge::Article;
use tributary_sdk::testing::{Case, FakeHost, prepare, with};
use tributary_sdk::types::{Content, Handle, HandleKind, Money, Order, OrderLine, OrderState};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    about: String,
    cases: Vec<Draft>,
}

/// A text, what is known, and what is expected.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Draft {
    #[serde(default)]
    about: String,
    draft: String,
    html: Option<String>,
    #[serde(default)]
    conversation: toml::Table,
    /// The customer's telephone numbers.
    #[serde(default)]
    handles: Vec<String>,
    /// What the customer ordered.
    product: Option<String>,
    #[serde(default)]
    articles: Vec<Found>,
    #[serde(default)]
    config: toml::Table,
    verdict: String,
    text: Option<String>,
    amended_html: Option<String>,
    #[serde(default)]
    objections: Vec<Expected>,
}

/// An article of the knowledge base.
#[derive(Clone, Deserialize)]
struct Found {
    title: String,
    text: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    rule: String,
    words: Option<String>,
    #[serde(default)]
    why: Vec<String>,
}

fn folder() -> String {
    format!("{}/fixtures", env!("CARGO_MANIFEST_DIR"))
}

impl Draft {
    fn snapshot(&self) -> Snapshot {
        let case: Case = toml::Table::from_iter([("conversation".into(), self.conversation.clone().into())])
            .try_into()
            .unwrap_or_else(|error| panic!("{error}"));
        let mut snapshot = case.snapshot().unwrap();
        snapshot.contact.handles.extend(self.handles.iter().map(|it| Handle::claimed(HandleKind::Phone, it)));
        let money = || Money { minor: 100, currency: "CNY".into() };
        snapshot.orders.extend(self.product.iter().map(|title| Order {
            id: "1".into(),
            state: OrderState::Paid,
            at: snapshot.now,
            buyer: Vec::new(),
            total: money(),
            first_order: false,
            lines: vec![OrderLine { sku: "1".into(), title: title.clone(), quantity: 1, price: money() }],
            parcel: None,
            promised_by: None,
            attributes: Vec::new(),
        }));
        snapshot
    }

    fn host(&self) -> FakeHost {
        let articles = self.articles.iter().cloned().zip(0_u8..);
        articles.fold(FakeHost::new(), |host, (article, number)| {
            let Found { title, text } = article;
            host.article(Article { id: number.to_string(), title, text, score: 1.0 })
        })
    }

    fn check(&self) -> Result<(), String> {
        let config = serde_json::to_value(&self.config).unwrap();
        let plugin: OutboundReview = prepare(config).map_err(|error| error.to_string())?;
        let draft = Content { html: self.html.clone(), ..Content::plain(&self.draft) };
        let verdict = with(&self.host(), || plugin.review(&self.snapshot(), &draft)).map_err(|it| format!("{it:?}"))?;
        let (word, objections) = match &verdict {
            Verdict::Pass => ("pass", [].as_slice()),
            Verdict::Amend(content) => {
                let as_expected = self.text.as_ref() == Some(&content.text) && self.amended_html == content.html;
                (if as_expected { "amend" } else { "another amendment" }, [].as_slice())
            }
            Verdict::Warn(objections) => ("warn", objections.as_slice()),
            Verdict::Block(objections) => ("block", objections.as_slice()),
        };
        let agrees = |expected: &Expected, objection: &Objection| {
            let words = objection.span.map(|(from, to)| &self.draft[from as usize..to as usize]);
            expected.rule == objection.rule
                && expected.words.as_deref() == words
                && expected.why.iter().all(|part| objection.why.contains(part))
        };
        let all = objections.len() == self.objections.len()
            && self.objections.iter().all(|expected| objections.iter().any(|objection| agrees(expected, objection)));
        if word == self.verdict && all {
            return Ok(());
        }
        Err(format!(
            "{} {}\n  expected {} {:?}\n  got {verdict:?}",
            self.about, self.draft, self.verdict, self.objections
        ))
    }
}

fn read(row: &str) -> Row {
    let text = std::fs::read_to_string(format!("{}/{row}.toml", folder())).unwrap();
    toml::from_str(&text).unwrap_or_else(|error| panic!("{row}: {error}"))
}

#[track_caller]
fn check(row: &str) {
    let row = read(row);
    let problems: Vec<String> = row.cases.iter().filter_map(|case| case.check().err()).collect();
    assert!(!row.cases.is_empty() && problems.is_empty(), "{}:\n{}", row.about, problems.join("\n"));
}

/// A test for each row, named by its id.
macro_rules! rows {
    ($($row:ident)*) => {
        $(#[test] fn $row() { check(stringify!($row)); })*

        #[test]
        fn every_file_is_a_row() {
            let mut files: Vec<String> = std::fs::read_dir(folder()).unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            files.sort();
            assert_eq!(files, [$(concat!(stringify!($row), ".toml")),*]);
        }
    };
}

rows!(k1 k2 k3 k4 k5 k6 k7 k8 l4 l5);

#[test]
fn a_configuration_that_cannot_work_is_refused_with_its_key() {
    let rule = |fields: &str| format!(r#"{{ "rules": [{{ "id": "X", "effect": "warn", "means": "m", {fields} }}] }}"#);
    let pattern = |pattern: &str| rule(&format!(r#""patterns": ["{pattern}"]"#));
    for (config, key, problem) in [
        (r#"{ "gap": 0 }"#.to_owned(), "`gap`", "1 to 100"),
        (r#"{ "articles": 21 }"#.to_owned(), "`articles`", "1 to 20"),
        (rule(r#""patterns": []"#), "`rules.0`", "expected `patterns` or `lacks`"),
        (rule(r#""lacks": ["a"], "grades": ["grave"]"#), "`rules.0.grades`", "dispute"),
        (pattern("(a"), "`rules.0.patterns.0`", "without its `)`"),
        (pattern("a)"), "`rules.0.patterns.0`", "without its beginning"),
        (pattern("<nobody>"), "`rules.0.patterns.0`", "no group `nobody`"),
        (pattern("{parsecs}"), "`rules.0.patterns.0`", "no unit"),
        (pattern("(|)"), "`rules.0.patterns.0`", "expected a word"),
        (pattern("*^"), "`rules.0.patterns.0`", "expected a word"),
        (pattern("，"), "`rules.0.patterns.0`", "no letter"),
    ] {
        let error = prepare::<OutboundReview>(config.parse().unwrap()).err().map(|error| error.to_string());
        let error = error.unwrap_or_default();
        assert!(error.contains(key) && error.contains(problem), "{config}: {error}");
    }
}

#[test]
fn any_text_is_read_without_a_panic() {
    let plugin: OutboundReview = prepare(serde_json::json!({})).unwrap();
    let conversation = toml::from_str::<Case>("").unwrap().snapshot().unwrap();
    let signs = [
        '我', '的', '问', '题', '不', '是', 'a', 'N', '1', '3', '8', '0', '万', '十', '天', '.', '，', '。', '?', '“',
        '”', '"', '\'', '\n', '>', '{', '}', ' ', '+', '😀', 'İ',
    ];
    let mut state = 1_u64;
    for length in 0..3000 {
        let mut draft = String::new();
        for _ in 0..length % 60 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            draft.push(signs[(state >> 33) as usize % signs.len()]);
        }
        let verdict = with(&FakeHost::new(), || plugin.review(&conversation, &Content::plain(&draft))).unwrap();
        if let Verdict::Warn(objections) | Verdict::Block(objections) = verdict {
            for (from, to) in objections.into_iter().filter_map(|it| it.span) {
                assert!(draft.get(from as usize..to as usize).is_some(), "{draft:?}");
            }
        }
    }
}
