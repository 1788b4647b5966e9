//! Any text as a customer's message: decisions keep the policy's promises. The input's first line is the subject.
#![no_main]
use libfuzzer_sys::fuzz_target;
use policy_triage::Triage;
use std::sync::LazyLock;
use tributary_sdk::Policy;
use tributary_sdk::desk::{Action, Grade, Happening, Snapshot};
use tributary_sdk::testing::{Case, prepare};
use tributary_sdk::types::{Content, Inbound};

static TRIAGE: LazyLock<Triage> = LazyLock::new(|| prepare(serde_json::json!({})).expect("the bundled words"));
static BLANK: LazyLock<(Snapshot, Inbound)> = LazyLock::new(|| {
    let case: Case = toml::from_str("[message]\ntext = ''").expect("a case");
    let Ok(Happening::Message(message)) = case.happening() else { panic!("a message") };
    (case.snapshot().expect("a conversation"), message)
});
const GRADES: [Option<Grade>; 5] =
    [None, Some(Grade::Inquiry), Some(Grade::SimpleComplaint), Some(Grade::Dispute), Some(Grade::Emergency)];

fuzz_target!(|input: (u8, &str)| {
    let (choice, text) = input;
    let (mut conversation, mut message) = BLANK.clone();
    let (subject, text) = text.split_once('\n').map_or((None, text), |(subject, text)| (Some(subject), text));
    let present = GRADES[usize::from(choice) % GRADES.len()];
    conversation.grade = present;
    message.subject = subject.map(str::to_owned);
    message.content = Content::plain(text);
    message.automatic = choice & 0x80 != 0;
    let automatic = message.automatic;
    let happening = Happening::Message(message);
    let decisions = TRIAGE.decide(&conversation, &happening).expect("any text is decided");
    assert_eq!(TRIAGE.decide(&conversation, &happening).expect("any text is decided"), decisions);

    let mut grades = 0;
    for decision in &decisions {
        assert!(!decision.rule.is_empty() && !decision.why.is_empty(), "{decision:?}");
        match &decision.action {
            Action::SetGrade(grade) => {
                grades += 1;
                assert!(present.is_none_or(|present| (present as u8) < *grade as u8), "{present:?} to {grade:?}");
                assert!(!automatic || *grade == Grade::Inquiry);
            }
            Action::StartClock(_) => assert!(!automatic),
            _ => {}
        }
    }
    assert!(grades == 1 || grades == 0 && present.is_some());
});
