//! What holds for any text.
use policy_triage::Triage;
use proptest::prelude::*;
use tributary_sdk::Policy;
use tributary_sdk::desk::{Action, Grade, Happening, Snapshot};
use tributary_sdk::testing::{Case, prepare};
use tributary_sdk::types::Content;

/// A customer's message without words, and a conversation around it.
fn blank() -> Result<(Snapshot, Happening), Box<dyn std::error::Error>> {
    let case: Case = toml::from_str("[message]\ntext = ''")?;
    Ok((case.snapshot()?, case.happening()?))
}

/// Letters, pieces of the bundled words, and what stands between them.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "\\PC{0,8}",
        prop::sample::select(vec![
            "盗刷",
            "签收",
            "没收到",
            "投诉",
            "not ",
            "hacked",
            "charged ",
            "twice",
            "refund",
            "没有",
            "是不是",
            "。",
            ". ",
            "\r\n",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_grade_only_rises_and_every_decision_has_its_reason(
        text in texts(),
        present in prop::option::of(prop::sample::select(vec![
            Grade::Inquiry, Grade::SimpleComplaint, Grade::Dispute, Grade::Emergency,
        ])),
        automatic: bool,
    ) {
        let triage: Triage = prepare(serde_json::json!({})).unwrap();
        let (mut conversation, happening) = blank().unwrap();
        let Happening::Message(mut message) = happening else { unreachable!("a message was asked for") };
        conversation.grade = present;
        message.content = Content::plain(text);
        message.automatic = automatic;
        let decisions = triage.decide(&conversation, &Happening::Message(message)).unwrap();
        for decision in &decisions {
            prop_assert!(!decision.rule.is_empty() && !decision.why.is_empty());
            if let Action::SetGrade(grade) = &decision.action {
                prop_assert!(present.is_none_or(|present| present as u8 <= *grade as u8));
                prop_assert!(!automatic || *grade == Grade::Inquiry);
            }
        }
        let grades = decisions.iter().filter(|decision| matches!(decision.action, Action::SetGrade(_))).count();
        prop_assert!(present.is_some() && grades <= 1 || grades == 1);
    }
}

#[test]
fn a_text_made_of_words_alone_is_read_in_linear_time() {
    let triage: Triage = prepare(serde_json::json!({ "longest-text": 16_000_000 })).unwrap();
    let time = |times: usize| {
        let (conversation, happening) = blank().unwrap();
        let Happening::Message(mut message) = happening else { unreachable!("a message was asked for") };
        message.content = Content::plain("签收 pay card 没有 ".repeat(times));
        let happening = Happening::Message(message);
        // The shortest of three: a machine that is busy elsewhere only ever makes it longer.
        let runs = (0..3).map(|_| {
            let start = std::time::Instant::now();
            triage.decide(&conversation, &happening).unwrap();
            start.elapsed()
        });
        runs.min().unwrap()
    };
    let (short, long) = (time(2_000), time(20_000));
    println!("{} bytes: {long:?}", 20_000 * "签收 pay card 没有 ".len());
    assert!(long < short * 40, "ten times the text took {long:?} after {short:?}");
}
