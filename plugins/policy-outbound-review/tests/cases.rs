//! Every case of `fixtures/`, a file for each row of the requirements.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]
#[path = "cases/draft.rs"]
mod draft;

use draft::{Draft, Expected, read};
use policy_outbound_review::OutboundReview;
use std::path::Path;
use tributary_sdk::Review;
use tributary_sdk::desk::{Objection, Verdict};
use tributary_sdk::testing::{Case, FakeHost, prepare, with};
use tributary_sdk::types::Content;

fn folder() -> String {
    format!("{}/fixtures", env!("CARGO_MANIFEST_DIR"))
}

/// Whether the review says what is expected.
fn agrees(it: &Draft) -> Result<(), String> {
    let verdict = it.verdict()?;
    let (word, objections) = match &verdict {
        Verdict::Pass => ("pass", [].as_slice()),
        Verdict::Amend(content) => {
            let as_expected = it.text.as_ref() == Some(&content.text) && it.amended_html == content.html;
            (if as_expected { "amend" } else { "another amendment" }, [].as_slice())
        }
        Verdict::Warn(objections) => ("warn", objections.as_slice()),
        Verdict::Block(objections) => ("block", objections.as_slice()),
    };
    let agrees = |expected: &Expected, objection: &Objection| {
        let words = objection.span.map(|(from, to)| &it.draft[from as usize..to as usize]);
        expected.rule == objection.rule
            && expected.words.as_deref() == words
            && expected.why.iter().all(|part| objection.why.contains(part))
    };
    let all = objections.len() == it.objections.len()
        && it.objections.iter().all(|expected| objections.iter().any(|objection| agrees(expected, objection)));
    if word == it.verdict && all {
        return Ok(());
    }
    Err(format!("{} {}\n  expected {} {:?}\n  got {verdict:?}", it.about, it.draft, it.verdict, it.objections))
}

#[track_caller]
fn check(row: &str) {
    let row = read(&Path::new(&folder()).join(format!("{row}.toml")));
    let problems: Vec<String> = row.cases.iter().filter_map(|case| agrees(case).err()).collect();
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
