//! An agent's day: claiming, reading, answering, handing over.
use crate::fixture::{BLOB, House, until};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::io::Write;
use std::sync::atomic::Ordering;

#[test]
fn one_conversation_has_one_holder_and_the_other_is_told_who_until_when() {
    let house = House::new();
    house.seed(1, 1);
    let (lin, mei) = (house.client("lin"), house.client("mei"));
    let held = lin.claim(1);
    assert_eq!((&held["id"], &held["tag"], &held["holder"]["agent"]), (&json!(1), &json!("T1"), &json!("lin")));

    for refused in [
        mei.post("conversations/T1/claim", json!({})),
        mei.post("conversations/1/heartbeat", json!({})),
        mei.post("conversations/1/reply", json!({"text": "I was here first"})),
        mei.post("conversations/1/close", json!({})),
        mei.post("queue/claim", json!({"conversation": 1})),
    ] {
        assert_eq!((refused.status, &*refused.problem()), (409, "held"), "{refused:?}");
        let problem = refused.json();
        assert_eq!(problem["holder"], held["holder"], "{problem}");
        let until: jiff::Timestamp = problem["holder"]["until"].as_str().unwrap().parse().unwrap();
        assert!(until > jiff::Timestamp::now());
    }
    assert_eq!(mei.post("queue/claim", json!({})).status, 204, "nothing else waits");

    let longer = lin.post("conversations/1/heartbeat", json!({"lease_seconds": 28800})).ok();
    assert!(longer["holder"]["until"].as_str() > held["holder"]["until"].as_str());
    assert_eq!(lin.post("conversations/1/release", json!({})).status, 204);
    let next = mei.post("queue/claim", json!({"lease_seconds": 60})).ok();
    assert_eq!((&next["id"], &next["holder"]["agent"]), (&json!(1), &json!("mei")));
    assert_eq!(next["contact"]["handles"][0]["value"], "m1@example.org");
}

#[test]
fn many_agents_at_once_never_get_the_same_one() {
    let house = House::new();
    house.seed(1, 20);
    let taken: Vec<i64> = std::thread::scope(|scope| {
        let agents = ["lin", "mei", "boss", "lin", "mei", "boss"].map(|name| {
            let client = house.client(name);
            scope.spawn(move || {
                let claims = std::iter::from_fn(|| client.post("queue/claim", json!({})).ok()["id"].as_i64());
                claims.collect::<Vec<_>>()
            })
        });
        agents.into_iter().flat_map(|agent| agent.join().unwrap()).collect()
    });
    assert_eq!(taken.len(), 20);
    assert_eq!(taken.into_iter().collect::<HashSet<_>>().len(), 20);
}

#[test]
fn a_conversation_shows_everything_about_itself() {
    let house = House::new();
    let id = house.accept("m1", 1_777_885_200_020);
    let lin = house.client("lin");
    lin.claim(id);
    assert_eq!(lin.post(&format!("conversations/{id}/note"), json!({"text": "asked the carrier"})).status, 204);
    let reply = lin.post(&format!("conversations/{id}/reply"), json!({"text": "hmm, it is on its way", "keep": true}));
    assert_eq!(reply.status, 201);
    let reply = reply.json();
    assert_eq!(
        reply["warnings"][0],
        json!({"policy": "policy-phrases", "rule": "G2", "why": "sounds unsure", "span": [0, 7]})
    );

    let detail = lin.get("conversations/T1").ok();
    let of = |pointer: &str| detail.pointer(pointer).cloned().unwrap_or_else(|| panic!("no {pointer} in {detail:#}"));
    assert_eq!(of("/state"), "answered");
    assert_eq!(of("/opened_at"), "2026-05-04T09:00:00.020Z");
    assert_eq!(of("/holder/agent"), "lin");
    assert_eq!(of("/messages/0/author"), "customer");
    assert_eq!(of("/messages/0/automatic"), false);
    assert!(of("/messages/0/text").as_str().unwrap().contains("我的包裹"));
    assert_eq!(of("/messages/0/has_html"), true);
    assert_eq!(of("/messages/0/attachments/0/url"), format!("/api/v1/conversations/1/attachments/{BLOB}"));
    let messages = of("/messages");
    let answer = messages.as_array().unwrap().iter().find(|message| message["delivery"].is_object()).unwrap();
    assert_eq!((&answer["author"], &answer["name"]), (&json!("agent"), &json!("lin")));
    assert_eq!((&answer["delivery"]["state"], &answer["delivery"]["id"]), (&json!("queued"), &reply["outgoing"]));
    for act in ["claimed", "noted", "replied"] {
        assert_eq!(lin.count(id, act), 1, "{act}: {detail:#}");
    }
    // The warning of the review is a line with its rule, so it stands among the decisions.
    let decisions = of("/decisions");
    let warned = decisions.as_array().unwrap().iter().find(|decision| decision["rule"] == "G2");
    assert!(
        warned.is_some_and(|warned| warned["why"].as_str().is_some_and(|why| why.contains("unsure"))),
        "{decisions:#}"
    );
    assert!(!detail.to_string().contains("reply_token"), "the secret of the plus-address is shown");
}

#[test]
fn a_review_that_blocks_is_told_with_its_rule_and_nothing_is_kept() {
    let house = House::new();
    house.seed(1, 1);
    let lin = house.client("lin");
    let refused = lin.post("conversations/1/reply", json!({"text": "I promise"}));
    assert_eq!((refused.status, &*refused.problem()), (422, "blocked"));
    assert_eq!(refused.json()["objections"][0]["rule"], "G2");
    assert_eq!(lin.count(1, "replied"), 0);
}

#[test]
fn acts_change_where_it_stands() {
    let house = House::new();
    house.seed(1, 1);
    let lin = house.client("lin");
    let act = |path: &str, body: Value| lin.post(&format!("conversations/1/{path}"), body).status;
    let state = || lin.get("conversations/1").ok()["state"].as_str().unwrap().to_owned();
    assert_eq!(act("snooze", json!({"until": "2999-01-01T00:00:00Z"})), 422);
    let soon = jiff::Timestamp::now().as_second() + 3_600;
    let soon = jiff::Timestamp::from_second(soon).unwrap().to_string();
    assert_eq!((act("snooze", json!({ "until": soon })), &*state()), (204, "snoozed"));
    assert_eq!((act("close", json!({"resolution": "refunded"})), &*state()), (204, "closed"));
    assert_eq!(lin.post("conversations/1/claim", json!({})).problem(), "closed");
    assert_eq!((act("reopen", json!({})), &*state()), (204, "open"));
    lin.claim(1);
    assert_eq!(act("transfer", json!({"to_agent": "mei", "to_team": "refunds"})), 204);
    let detail = lin.get("conversations/1").ok();
    assert_eq!((&detail["holder"]["agent"], &detail["route"]["team"]), (&json!("mei"), &json!("refunds")));
    assert_eq!(lin.get("queue?team=refunds&held=true").ok()["items"][0]["id"], 1);
    assert_eq!(lin.get("queue?team=refunds").ok()["items"], json!([]));
    assert_eq!(lin.get("conversations?agent=mei&state=open").ok()["items"][0]["id"], 1);
    assert_eq!(lin.get("conversations?handle=m1@example.org").ok()["items"][0]["id"], 1);
    assert_eq!(lin.get("conversations?handle=m2@example.org").ok()["items"], json!([]));
}

#[test]
fn files_are_downloads_that_no_browser_runs() {
    let house = House::new();
    house.seed(1, 2);
    let reader = house.client("reader");
    let file = reader.get(&format!("conversations/1/attachments/{BLOB}"));
    assert_eq!((file.status, &*file.bytes), (200, &b"<script>alert(1)</script>"[..]));
    assert!(file.headers["content-disposition"].starts_with("attachment; filename=\"..____.html\""), "{file:?}");
    assert_eq!(file.headers["content-security-policy"], "sandbox; default-src 'none'");
    assert_eq!(file.headers["x-content-type-options"], "nosniff");
    // A digest alone opens nothing: the conversation must have it.
    assert_eq!(reader.get(&format!("conversations/3/attachments/{BLOB}")).status, 404);
}

#[test]
fn what_was_begun_ends_even_when_the_client_is_gone_and_the_daemon_stops() {
    let mut house = House::new();
    house.seed(1, 1);
    let lin = house.client("lin");
    house.runtime.block_on(house.desk.gate.acquire_many(1_000)).unwrap().forget();
    let body = json!({"text": "on its way"}).to_string();
    let mut gone = std::net::TcpStream::connect(house.address).unwrap();
    write!(
        gone,
        "POST /api/v1/conversations/1/reply HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nIdempotency-Key: k\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        lin.token.as_deref().unwrap(),
        body.len(),
    )
    .unwrap();
    until("at the gate", || (house.desk.replies.load(Ordering::SeqCst) == 1, ()));
    let again = lin.post_once("conversations/1/reply", json!({"text": "on its way"}), "k");
    assert_eq!(again.problem(), "request-under-way");
    drop(gone);
    let (desk, address) = (house.desk.clone(), house.address);
    let opens = std::thread::spawn(move || {
        // After the stop has begun; the answer is waited for all the same.
        until("stopping", || (std::net::TcpStream::connect(address).is_err(), ()));
        desk.gate.add_permits(1_000);
    });
    let drained = house.stopped();
    opens.join().unwrap();
    assert_eq!(drained.cut_off, 0);
    let detail = house
        .runtime
        .block_on(tributary_gateway::desk::Desk::store(&*house.desk).conversation(tributary_model::ConversationId(1)));
    let messages = detail.unwrap().unwrap().messages;
    assert_eq!(
        messages.iter().filter(|message| message.delivery.is_some()).count(),
        1,
        "the answer was lost with its client"
    );
}

#[test]
fn a_fault_of_the_house_is_500_with_an_id_and_the_next_request_goes_well() {
    let house = House::new();
    house.seed(1, 1);
    let lin = house.client("lin");
    let failed = lin.post_once("conversations/1/reply", json!({"text": "panic"}), "k");
    assert_eq!((failed.status, &*failed.problem()), (500, "internal"));
    assert!(!String::from_utf8_lossy(&failed.bytes).contains("fault of the house"), "{failed:?}");
    assert!(!failed.headers["x-request-id"].is_empty());
    let again = lin.post_once("conversations/1/reply", json!({"text": "panic"}), "k");
    assert_eq!(again.status, 500, "the key was given back: {again:?}");
    assert_eq!(lin.post("conversations/1/reply", json!({"text": "calm"})).status, 201);
}
