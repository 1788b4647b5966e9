//! The judged wordings: each half of the forbidden ones is blocked in full, and of the good replies none.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]
use policy_outbound_review::OutboundReview;
use tributary_sdk::Review;
use tributary_sdk::desk::{Objection, Verdict};
use tributary_sdk::testing::{Case, FakeHost, prepare, with};
use tributary_sdk::types::Content;

/// One reply a line; lines with `#` say what they are.
fn replies(file: &str) -> Vec<String> {
    let path = format!("{}/tests/judged/{file}.txt", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

/// What the bundled words say of each reply in a conversation that nothing is known of.
fn verdicts(file: &str) -> Vec<(String, Verdict)> {
    let plugin: OutboundReview = prepare(serde_json::json!({})).unwrap();
    let conversation = toml::from_str::<Case>("").unwrap().snapshot().unwrap();
    let review = |reply: String| {
        let verdict = with(&FakeHost::new(), || plugin.review(&conversation, &Content::plain(&reply))).unwrap();
        (reply, verdict)
    };
    replies(file).into_iter().map(review).collect()
}

/// The spans have to be words of the reply.
fn shown(reply: &str, objections: &[Objection]) -> String {
    let words = |objection: &Objection| {
        let span = objection.span.map(|(from, to)| &reply[from as usize..to as usize]);
        format!("\n    {} {:?} {}", objection.rule, span, objection.why)
    };
    objections.iter().map(words).collect()
}

#[track_caller]
fn all_blocked(file: &str, least: usize) {
    let verdicts = verdicts(file);
    assert!(verdicts.len() >= least, "{} replies", verdicts.len());
    let mut missed = Vec::new();
    for (reply, verdict) in &verdicts {
        match verdict {
            Verdict::Block(objections) => {
                assert!(!shown(reply, objections).is_empty());
                let first = &objections[0];
                assert!(first.span.is_some() && first.why.contains("Better: "), "{reply}: {first:?}");
            }
            other => missed.push(format!("\n  {reply}: {other:?}")),
        }
    }
    println!("{file}: {} of {} blocked", verdicts.len() - missed.len(), verdicts.len());
    assert!(missed.is_empty(), "{} of {} are not blocked:{}", missed.len(), verdicts.len(), missed.concat());
}

/// Blocks of good replies are faults; warnings cost an agent a glance, so they have a bound as well.
#[track_caller]
fn none_blocked(file: &str, least: usize, most_warned: usize) {
    let verdicts = verdicts(file);
    assert!(verdicts.len() >= least, "{} replies", verdicts.len());
    let (mut blocked, mut warned) = (Vec::new(), Vec::new());
    for (reply, verdict) in &verdicts {
        match verdict {
            Verdict::Pass => {}
            Verdict::Warn(objections) => warned.push(format!("\n  {reply}{}", shown(reply, objections))),
            Verdict::Block(objections) => blocked.push(format!("\n  {reply}{}", shown(reply, objections))),
            Verdict::Amend(content) => blocked.push(format!("\n  {reply}: amended to {}", content.text)),
        }
    }
    println!("{file}: {} blocked, {} warned of:{}", blocked.len(), warned.len(), warned.concat());
    assert!(blocked.is_empty(), "{} are blocked:{}", blocked.len(), blocked.concat());
    assert!(warned.len() <= most_warned, "{} are warned of", warned.len());
}

#[test]
fn k1_forbidden_wordings_are_blocked() {
    all_blocked("forbidden-tuned", 69);
}

#[test]
fn k1_forbidden_wordings_that_were_set_aside_are_blocked() {
    all_blocked("forbidden-held-out", 69);
}

#[test]
fn k1_forbidden_wordings_that_came_later_are_blocked() {
    all_blocked("forbidden-later", 220);
}

#[test]
fn good_replies_leave() {
    none_blocked("good-tuned", 100, 10);
}

#[test]
fn good_replies_that_were_set_aside_leave() {
    none_blocked("good-held-out", 100, 10);
}

#[test]
fn good_replies_that_came_later_leave() {
    none_blocked("good-later", 190, 10);
}
