//! What was kept aside: shown with its cause and its bytes, and taken back to work.
use crate::fixture::House;
use serde_json::json;
use std::sync::Arc;
use tributary_gateway::desk::Desk;
use tributary_model::message::Arrival;
use tributary_model::{GenerationId, Timestamp};
use tributary_store::{Cause, NewParked};

fn park(house: &House, data: &[u8]) -> i64 {
    let parked = NewParked {
        channel: "mail".into(),
        plugin: "channel-email".into(),
        version: "1.2.3".into(),
        generation: GenerationId(7),
        arrival: Arrival::Mail {
            mail_from: String::new(),
            rcpt_to: vec!["help@shop.example".into()],
            data: Arc::from(data),
        },
        cause: Cause { blame: "trap", what: "it read beyond its memory".into() },
        at: Timestamp(1_777_885_200_020),
        replays: None,
    };
    house.runtime.block_on(house.desk.store().park(parked)).unwrap().0
}

#[test]
fn what_is_parked_is_shown_with_its_cause_and_every_byte() {
    let house = House::new();
    let long = [b"Subject: \xff\r\n".to_vec(), vec![b'x'; 100_000]].concat();
    let id = park(&house, &long);
    let reader = house.client("reader");
    let list = reader.get("parked").ok();
    let item = &list["items"][0];
    assert_eq!(
        (&item["what"], &item["blame"], &item["plugin"]),
        (&json!("arrival"), &json!("trap"), &json!("channel-email"))
    );
    assert_eq!((&item["version"], &item["generation"]), (&json!("1.2.3"), &json!(7)));
    assert_eq!((&item["why"], &item["at"]), (&json!("it read beyond its memory"), &json!("2026-05-04T09:00:00.020Z")));
    let one = reader.get(&format!("parked/{id}")).ok();
    assert_eq!(
        (&one["raw"]["kind"], &one["raw"]["mail_from"], &one["raw"]["truncated"]),
        (&json!("mail"), &json!(""), &json!(true))
    );
    assert_eq!(one["raw"]["size"], long.len());
    let text = one["raw"]["text"].as_str().unwrap();
    assert!(text.starts_with("Subject: \u{fffd}\r\n") && text.len() < 70_000);
    let raw = reader.get(&format!("parked/{id}/raw"));
    assert_eq!(raw.bytes, long);
    assert_eq!(raw.headers["content-type"], "application/octet-stream");
    assert!(raw.headers["content-disposition"].contains(&format!("parked-{id}.eml")));
}

#[test]
fn a_replay_says_what_became_of_it() {
    let house = House::new();
    let (good, bad) = (park(&house, b"fine"), park(&house, b"broken"));
    let boss = house.client("boss");
    let replay = |id: i64| boss.post(&format!("parked/{id}/replay"), json!({}));
    let done = replay(good);
    assert_eq!((done.status, done.json()), (200, json!({"outcome": "accepted", "conversations": [1]})));
    assert_eq!((replay(good).status, &*replay(good).problem()), (409, "replayed"));
    let failed = replay(bad);
    assert_eq!((failed.status, &*failed.problem()), (422, "replay-failed"));
    assert_eq!(failed.json()["detail"], "it trapped again");
    assert_eq!(replay(99).status, 404);
    let ids = |query: &str| {
        let list = boss.get(&format!("parked{query}")).ok();
        list["items"].as_array().unwrap().iter().map(|item| item["id"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!((ids(""), ids("?all=true").len()), (vec![bad], 2));
}
