//! What is done to orders, by the real daemon and a shop's real adapter: on whose word, and how often.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]
use serde_json::{Value, json};
use tributary_tests::api::id;
use tributary_tests::platform::{Asked, Platform, Said};
use tributary_tests::{Api, Desk, until};

/// The shop's API as far as refunds ask it: 19.90 USD were paid.
fn shop_api(asked: &Asked) -> Said {
    let data = if asked.body.contains("refundCreate(") {
        json!({ "refundCreate": { "refund": { "id": "gid://shopify/Refund/9" }, "userErrors": [] } })
    } else {
        let refundable = json!({ "amount": "19.90", "currency_code": "USD" });
        json!({ "order": {
            "id": "gid://shopify/Order/1", "refunds": [], "transactions": [{
                "id": "gid://shopify/OrderTransaction/1", "kind": "SALE", "status": "SUCCESS",
                "gateway": "shopify_payments", "refundable": refundable,
            }],
        } })
    };
    Some((200, "application/json", json!({ "data": data }).to_string()))
}

/// The amounts that the shop was told to pay back, in order.
fn paid_back(shop: &Platform) -> Vec<String> {
    let asked = shop.asked().into_iter().filter(|asked| asked.body.contains("refundCreate("));
    let amount = |asked: Asked| {
        let body: Value = serde_json::from_str(&asked.body).unwrap();
        body["variables"]["input"]["transactions"][0]["amount"].as_str().unwrap().to_owned()
    };
    asked.map(amount).collect()
}

/// A desk with a shop whose API is at this address, in which refunds above 5 USD need a supervisor's word.
fn desk(api: &str) -> Desk {
    let mut desk = Desk::setup().init();
    desk.configure(&format!(
        r#"
        [approval]
        refund = {{ above = "5.00 USD", by = "supervisor" }}
        [[channel]]
        name = "shopify"
        plugin = "channel-shopify"
        grants.secrets = ["shopify-secret", "shopify-token"]
        grants.egress = ["{api}"]
        config.shop = "my-shop.myshopify.com"
        config.api = "{api}"
        config.complete = false
        "#
    ));
    for name in ["shopify-secret", "shopify-token"] {
        std::fs::write(desk.dir.join("secrets").join(name), "a-secret-of-the-shop").unwrap();
    }
    desk.serve();
    desk
}

fn agent(desk: &Desk, name: &str, teams: &[&str]) -> Api {
    desk.api.post(&format!("/api/v1/agents/{name}"), json!({ "teams": teams }));
    let token = desk.api.post("/api/v1/tokens", json!({ "name": name, "scope": "agent" }));
    desk.api.with_token(token["token"].as_str().unwrap())
}

/// Waits until the operations of a conversation stand like this, oldest first.
fn stand(desk: &Desk, conversation: i64, states: &[&str]) -> Value {
    until(&format!("operations to be {states:?}"), || {
        let detail = desk.api.conversation(conversation);
        let found: Vec<&Value> = detail["operations"].as_array().unwrap().iter().map(|it| &it["state"]).collect();
        if found == states { Ok(detail) } else { Err(detail["operations"].to_string()) }
    })
}

#[test]
fn a_large_refund_is_made_once_after_a_supervisor_s_yes_and_never_after_a_no() {
    let shop = Platform::start(shop_api);
    let mut desk = desk(&shop.url);
    let (lin, mei) = (agent(&desk, "lin", &["care"]), agent(&desk, "mei", &["supervisor"]));
    // An order of a test buyer, and the return that the buyer asks for.
    desk.json(&["channel", "test", "shopify"]);
    desk.settled();
    let details = desk.api.details();
    assert_eq!(details.len(), 1, "{details:#?}");
    let (conversation, order) = (id(&details[0]), details[0]["orders"][0]["id"].as_str().unwrap().to_owned());

    let refund = |minor: i64| {
        let amount = json!({ "currency": "USD", "minor": minor });
        let body = json!({ "kind": "refund", "order": order, "amount": amount, "reason": "arrived broken" });
        lin.post(&format!("/api/v1/conversations/{conversation}/operations"), body)
    };
    let small = refund(500);
    assert_eq!(small["approver"], Value::Null);
    let (yes, no) = (refund(501), refund(502));
    assert_eq!([&yes["approver"], &no["approver"]], ["supervisor"; 2]);
    let (yes, no) = (yes["operation"].as_i64().unwrap(), no["operation"].as_i64().unwrap());
    stand(&desk, conversation, &["done", "awaiting-approval", "awaiting-approval"]);

    let own = lin.try_post(&format!("/api/v1/operations/{yes}/approve"), &json!({}), None).unwrap();
    assert_eq!((own.status, own.body["type"].as_str()), (403, Some("/problems/no-say")), "{}", own.text);
    desk.api.post(&format!("/api/v1/conversations/{conversation}/close"), json!({}));

    // What waits outlives the daemon.
    desk.kill();
    desk.serve();
    let waiting = desk.json(&["order", "approvals"]);
    let ids: Vec<i64> = waiting["items"].as_array().unwrap().iter().map(id).collect();
    assert_eq!(ids, [yes, no]);
    assert_eq!(paid_back(&shop), ["5.00"]);

    mei.post(&format!("/api/v1/operations/{yes}/approve"), json!({ "why": "a regular" }));
    desk.json(&["order", "decline", &no.to_string(), "--why", "no picture"]);
    let detail = stand(&desk, conversation, &["done", "done", "declined"]);
    desk.settled();
    assert_eq!(paid_back(&shop), ["5.00", "5.01"]);
    assert_eq!(detail["state"], "open", "somebody has to tell the customer: {detail}");
    let audit = detail["audit"].as_array().unwrap().iter();
    let said = audit.filter(|event| event["act"] == "approved" || event["act"] == "declined");
    let said: Vec<_> = said.map(|event| ["actor", "act", "why"].map(|part| event[part].as_str().unwrap())).collect();
    assert_eq!(said, [["agent:mei", "approved", "a regular"], ["agent:operator", "declined", "no picture"]]);

    let late = mei.try_post(&format!("/api/v1/operations/{no}/approve"), &json!({}), None).unwrap();
    assert_eq!(late.status, 409, "{}", late.text);
    assert!(late.text.contains("was declined by agent:operator: no picture"), "{}", late.text);
    assert_eq!(desk.json(&["order", "approvals"])["items"], json!([]));
}
