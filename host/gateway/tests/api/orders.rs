//! Orders of a conversation, and what is done to them.
use crate::fixture::House;
use serde_json::{Value, json};
use tributary_gateway::desk::Desk;
use tributary_model::agent::{Presence, Profile};
use tributary_model::message::ChannelEvent;
use tributary_model::operation::Settlement;
use tributary_model::order::{Money, Order, OrderState};
use tributary_model::{OperationId, Timestamp};
use tributary_store::conformance::fixture::{arrival, lease};

/// An order that nobody is known to have bought.
pub fn order(id: &str) -> Order {
    Order {
        id: id.into(),
        state: OrderState::Shipped,
        at: Timestamp(1_777_885_200_020),
        buyer: Vec::new(),
        total: Money { currency: "EUR".into(), minor: 2_500 },
        first_order: true,
        lines: Vec::new(),
        parcel: Some("SF1".into()),
        promised_by: None,
        attributes: Vec::new(),
    }
}

/// A desk with a conversation and an order that its shop told of.
fn house() -> House {
    bought(House::new())
}

fn bought(house: House) -> House {
    house.seed(1, 1);
    told(&house, "shopify", "1001");
    house
}

/// Such a desk in which some operations need approval: refunds above 20.00 EUR that of a senior agent, who is `mei`.
fn careful() -> House {
    let house = bought(House::with_approvals());
    let mei = Profile {
        name: "mei".into(),
        teams: Vec::new(),
        skills: Vec::new(),
        senior: true,
        capacity: 5,
        presence: Presence::Available,
        since: Timestamp(1),
    };
    house.runtime.block_on(house.desk.store().set_agent(mei)).unwrap();
    house
}

fn told(house: &House, channel: &str, id: &str) {
    let events = vec![ChannelEvent::Order(Box::new(order(id)))];
    let store = house.desk.store().clone();
    house.runtime.block_on(store.accept(arrival(channel, events, Timestamp(1)), None)).unwrap();
}

fn refund(order: &str, minor: i64) -> Value {
    json!({"kind": "refund", "order": order, "amount": {"currency": "EUR", "minor": minor}, "reason": "arrived broken"})
}

const OPERATIONS: &str = "conversations/T1/operations";

#[test]
fn what_is_done_to_an_order_is_shown_with_its_end() {
    let house = house();
    let lin = house.client("lin");
    let bodies = [
        refund("1001", 1_250),
        json!({"kind": "create-return", "order": "1001"}),
        json!({"kind": "exchange", "order": "1001"}),
        json!({"kind": "intercept-parcel", "order": "1001"}),
        json!({"kind": "change-address", "order": "1001", "address": "Lane 4, 上海"}),
        json!({"kind": "coupon", "order": "1001", "amount": {"currency": "CNY", "minor": 500}}),
        json!({"kind": "extend-warranty", "order": "1001", "days": 365}),
    ];
    for (n, body) in bodies.iter().enumerate() {
        let taken = lin.post(OPERATIONS, body.clone());
        assert_eq!((taken.status, taken.json()), (201, json!({"operation": n + 1, "approver": null})), "{body}");
    }
    let store = house.desk.store().clone();
    house.runtime.block_on(async {
        let now = tributary_pipeline::now();
        assert_eq!(store.lease_operations(lease(now), 9).await.unwrap().len(), bodies.len());
        let failed = Settlement::Failed { why: "the parcel is delivered".into() };
        for (id, settlement) in [(1, Settlement::Done { result: "r-9".into() }), (4, failed)] {
            store.settle_operation(OperationId(id), settlement, now).await.unwrap();
        }
    });
    let detail = house.client("reader").get("conversations/1").ok();
    let operations = detail["operations"].as_array().unwrap();
    let shown: Vec<&Value> = operations.iter().map(|it| &it["operation"]).collect();
    assert_eq!(shown, bodies.iter().collect::<Vec<_>>());
    let part = |n: usize, names: &[&str]| names.iter().map(|name| operations[n][name].clone()).collect::<Vec<_>>();
    let names = ["id", "channel", "by", "state", "attempts", "result", "detail"];
    assert_eq!(json!(part(0, &names)), json!([1, "shopify", "agent:lin", "done", 1, "r-9", null]));
    let failed = json!([4, "shopify", "agent:lin", "failed", 1, null, "the parcel is delivered"]);
    assert_eq!(json!(part(3, &names)), failed);
    assert_eq!((&detail["orders"][0]["id"], &detail["orders"][0]["state"]), (&json!("1001"), &json!("shipped")));
    let parked = house.client("reader").get("parked").ok();
    assert_eq!((&parked["items"][0]["what"], &parked["items"][0]["conversation"]), (&json!("operation"), &json!(1)));
}

#[test]
fn only_who_holds_the_conversation_acts_on_its_orders() {
    let house = house();
    let (lin, mei) = (house.client("lin"), house.client("mei"));
    lin.claim(1);
    let refused = mei.post(OPERATIONS, refund("1001", 1));
    assert_eq!((refused.status, &*refused.problem()), (409, "held"));
    assert_eq!(refused.json()["holder"]["agent"], "lin");
    assert_eq!(house.client("reader").post(OPERATIONS, refund("1001", 1)).status, 403);
    assert_eq!(lin.post(OPERATIONS, refund("1001", 1)).status, 201);
    assert_eq!(lin.count(1, "asked"), 1);
}

#[test]
fn the_same_request_again_pays_once() {
    let house = house();
    let lin = house.client("lin");
    let once = |minor: i64| lin.post_once(OPERATIONS, refund("1001", minor), "r1");
    let (first, second) = (once(1_250), once(1_250));
    assert_eq!((first.status, second.status), (201, 201));
    assert_eq!(first.json(), second.json());
    assert_eq!(second.headers["idempotent-replayed"], "true");
    assert_eq!(once(1_251).problem(), "idempotency-key-misused");
    assert_eq!(lin.count(1, "asked"), 1);
}

#[test]
fn what_cannot_be_done_is_told_and_leaves_nothing() {
    let house = house();
    told(&house, "doudian", "2002");
    told(&house, "shopify", "2002");
    let lin = house.client("lin");
    let mut more = refund("1001", 1);
    more["currency"] = json!("EUR");
    let mut lower = refund("1001", 1);
    lower["amount"]["currency"] = json!("eur");
    for (body, status, kind, detail) in [
        (refund("7", 1), 422, "order-unclear", "no channel has told of order 7"),
        (refund("2002", 1), 422, "order-unclear", "doudian and shopify"),
        (refund("1001", 0), 422, "invalid", "more than nothing"),
        (refund(" ", 1), 422, "invalid", "the order's id is empty"),
        (lower, 422, "invalid", "no currency of ISO 4217"),
        (json!({"kind": "extend-warranty", "order": "1001", "days": 3_651}), 422, "invalid", "1 to 3650 days"),
        (json!({"kind": "change-address", "order": "1001", "address": ""}), 422, "invalid", "the address is empty"),
        (json!({"kind": "burn", "order": "1001"}), 422, "invalid", "kind is one of refund, create-return, "),
        (json!({"kind": "refund", "order": "1001"}), 422, "invalid", "refund has order, amount and reason"),
        (
            json!({"kind": "exchange", "order": "1001", "days": 1}),
            422,
            "invalid",
            "exchange has order, and nothing else",
        ),
        (json!({"order": "1001"}), 400, "bad-request", "missing field `kind`"),
        (more, 400, "bad-request", "unknown field `currency`"),
    ] {
        let answer = lin.post(OPERATIONS, body.clone());
        assert_eq!((answer.status, &*answer.problem()), (status, kind), "{body}: {answer:?}");
        let told = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
        assert!(told.contains(detail), "{body}: {told}");
    }
    assert_eq!(lin.post("conversations/9/operations", refund("1001", 1)).status, 404);
    assert_eq!(lin.get("conversations/1").ok()["operations"], json!([]));
}

#[test]
fn an_order_is_asked_for_and_what_the_marketplace_says_is_told() {
    let house = house();
    let lin = house.client("lin");
    let found = lin.post("conversations/T1/orders/known/refresh", json!({})).ok();
    let part = |name: &str| found[name].clone();
    assert_eq!((part("id"), part("channel"), part("state")), (json!("known"), json!("shopify"), json!("shipped")));
    assert_eq!((part("total"), part("parcel")), (json!({"currency": "EUR", "minor": 2_500}), json!("SF1")));
    let named = lin.post("conversations/T1/orders/known/refresh", json!({"channel": "doudian"})).ok();
    assert_eq!(named["channel"], "doudian");
    for (order, status, kind, detail) in [
        ("absent", 404, "not-found", "shopify has no order absent"),
        ("down", 502, "channel-failed", "503 from the shop"),
        ("unclear", 422, "order-unclear", "name one of"),
        ("two", 422, "order-unclear", "no channel has told of order two"),
        ("a%2Fb", 404, "not-found", "no order a/b"),
    ] {
        let answer = lin.post(&format!("conversations/T1/orders/{order}/refresh"), json!({}));
        assert_eq!((answer.status, &*answer.problem()), (status, kind), "{order}: {answer:?}");
        assert!(answer.json()["detail"].as_str().unwrap_or_default().contains(detail), "{answer:?}");
    }
    assert_eq!(house.client("reader").post("conversations/T1/orders/known/refresh", json!({})).status, 403);
}

#[test]
fn what_needs_approval_waits_is_listed_and_goes_on_with_a_word() {
    let house = careful();
    let (lin, mei, reader) = (house.client("lin"), house.client("mei"), house.client("reader"));
    let large = |minor| lin.post(OPERATIONS, refund("1001", minor)).ok();
    assert_eq!(large(2_000), json!({"operation": 1, "approver": null}));
    assert_eq!(large(2_001), json!({"operation": 2, "approver": "senior"}));
    assert_eq!(large(2_002)["approver"], "senior");
    assert_eq!(large(2_003)["approver"], "senior");
    assert_eq!(reader.get("stats").ok()["approvals"], 3);

    let first = reader.get("approvals?limit=2").ok();
    let item = &first["items"][0];
    let part = |names: &[&str]| names.iter().map(|name| item[name].clone()).collect::<Vec<_>>();
    let waits = json!({"approver": "senior", "verdict": null, "by": null, "why": null, "at": null});
    assert_eq!(
        json!(part(&["id", "conversation", "by", "state", "approval"])),
        json!([2, 1, "agent:lin", "awaiting-approval", waits])
    );
    assert_eq!(item["operation"], refund("1001", 2_001));
    let rest = reader.get(&format!("approvals?cursor={}", first["next"].as_str().unwrap())).ok();
    assert_eq!((&rest["items"][0]["id"], &rest["next"]), (&json!(4), &Value::Null));

    assert_eq!(mei.post("operations/2/approve", json!({})).status, 204);
    assert_eq!(mei.post("operations/3/decline", json!({"why": "no picture"})).status, 204);
    let detail = reader.get("conversations/1").ok();
    let operations = detail["operations"].as_array().unwrap();
    let stands = |n: usize| {
        let it = &operations[n];
        let approval = ["verdict", "by", "why"].map(|name| it["approval"][name].clone());
        (it["state"].as_str().unwrap(), json!(approval))
    };
    assert_eq!(operations[0]["approval"], Value::Null);
    assert_eq!(stands(1), ("queued", json!(["approved", "agent:mei", null])));
    assert_eq!(stands(2), ("declined", json!(["declined", "agent:mei", "no picture"])));
    assert_eq!(stands(3), ("awaiting-approval", json!([null, null, null])));
    assert_eq!(reader.get("approvals").ok()["items"].as_array().unwrap().len(), 1);
    assert_eq!(reader.get("stats").ok()["approvals"], 1);
    let store = house.desk.store().clone();
    let leased = house.runtime.block_on(store.lease_operations(lease(tributary_pipeline::now()), 9)).unwrap();
    assert_eq!(leased.iter().map(|it| it.id.0).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn only_who_is_named_has_a_say_and_the_first_word_counts() {
    let house = careful();
    let (lin, mei, boss) = (house.client("lin"), house.client("mei"), house.client("boss"));
    for asker in [&lin, &mei, &lin] {
        asker.post(OPERATIONS, refund("1001", 2_001)).ok();
    }
    let no = json!({"why": "no picture"});
    for (who, path, body, status, kind, detail) in [
        (
            &lin,
            "operations/2/approve",
            json!({}),
            403,
            "no-say",
            "it waits for a senior agent, or a token of scope admin",
        ),
        (&lin, "operations/1/decline", no.clone(), 403, "no-say", "who asked for it does not decide about it"),
        (&mei, "operations/2/approve", json!({}), 403, "no-say", "who asked for it does not decide about it"),
        (&mei, "operations/99/approve", json!({}), 404, "not-found", "there is no operation 99"),
        (&mei, "operations/x/approve", json!({}), 404, "not-found", "x"),
        (&mei, "operations/1/decline", json!({}), 400, "bad-request", "missing field `why`"),
        (&mei, "operations/1/decline", json!({"why": " "}), 422, "invalid", "why is empty"),
        (&mei, "operations/1/approve", json!({"why": "x".repeat(1_001)}), 422, "invalid", "why has at most 1000 bytes"),
        (&mei, "operations/1/approve", json!({"because": "x"}), 400, "bad-request", "unknown field `because`"),
    ] {
        let answer = who.post(path, body.clone());
        assert_eq!((answer.status, &*answer.problem()), (status, kind), "{path} {body}: {answer:?}");
        let told = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
        assert!(told.contains(detail), "{path} {body}: {told}");
    }
    assert_eq!(house.client("reader").post("operations/1/approve", json!({})).problem(), "forbidden");

    assert_eq!(boss.post("operations/2/decline", no.clone()).status, 204, "an admin has a say");
    let again = mei.post("operations/2/approve", json!({}));
    assert_eq!((again.status, &*again.problem()), (409, "decided-before"));
    assert_eq!(again.json()["detail"], "operation 2 was declined by agent:boss: no picture");

    // Two at once: one wins, the other is told.
    let answers: Vec<_> = std::thread::scope(|scope| {
        let yes = scope.spawn(|| mei.post("operations/3/approve", json!({})));
        let no = scope.spawn(|| boss.post("operations/3/decline", no.clone()));
        [yes, no].into_iter().map(|sent| sent.join().unwrap()).collect()
    });
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 409], "{answers:?}");
    let lost = answers.iter().find(|answer| answer.status == 409).unwrap();
    let how = if answers[0].status == 204 { "approved by agent:mei" } else { "declined by agent:boss: no picture" };
    assert_eq!(lost.json()["detail"], format!("operation 3 was {how}"));

    // The same request again is told the same.
    let once = || mei.post_once("operations/1/approve", json!({"why": "a regular"}), "a1");
    let (first, second) = (once(), once());
    assert_eq!((first.status, second.status, &*second.headers["idempotent-replayed"]), (204, 204, "true"));
    assert_eq!(lin.count(1, "approved") + lin.count(1, "declined"), 3);
    let asked = lin.post_once(OPERATIONS, refund("1001", 2_005), "r1").json();
    assert_eq!(
        (lin.post_once(OPERATIONS, refund("1001", 2_005), "r1").json(), &asked["approver"]),
        (asked.clone(), &json!("senior"))
    );
}
