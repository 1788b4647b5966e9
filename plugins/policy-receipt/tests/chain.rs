//! The bundled policies one after the other, each seeing what those before it decided. Also shows that several plugins
//! link into one native program.
use policy_receipt::Receipt;
use policy_routing::Routing;
use policy_triage::Triage;
use tributary_sdk::desk::{Action, Grade};
use tributary_sdk::testing::{Case, decide, prepare};

#[test]
fn a_mail_is_graded_routed_and_acknowledged() {
    let triage: Triage = prepare(serde_json::json!({})).unwrap();
    let routing: Routing = prepare(serde_json::json!({})).unwrap();
    let receipt: Receipt = prepare(serde_json::json!({})).unwrap();
    let cases = [
        ("我的信用卡被盗刷了", Grade::Emergency, "payment", "risk", "绿色通道"),
        ("物流显示已签收，但是我没收到", Grade::Dispute, "logistics", "after-sales", "投诉已受理"),
        (
            "I want to complain about the rude courier",
            Grade::SimpleComplaint,
            "complaint",
            "after-sales",
            "has been accepted",
        ),
        ("How long does shipping take?", Grade::Inquiry, "logistics", "logistics", "received your message"),
        ("Bonjour", Grade::Inquiry, "other", "service", "received your message"),
    ];
    for (text, grade, category, team, words) in cases {
        let case: Case = toml::from_str(&format!("[message]\ntext = '{text}'")).unwrap();
        let after =
            decide(&[&triage, &routing, &receipt], case.snapshot().unwrap(), &case.happening().unwrap()).unwrap();
        assert_eq!(after.current_grade(), Some(grade), "{text}");
        assert_eq!(after.current_category(), Some(category), "{text}");
        assert_eq!(after.current_team(), Some(team), "{text}");
        let replied = after.decided.iter().any(
            |decision| matches!(&decision.action, Action::Reply(reply) if reply.text.contains(words) && reply.text.contains("T1042")),
        );
        assert!(replied, "{text}: {:?}", after.decided);
    }
}
