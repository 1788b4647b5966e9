//! Who is who over the API: found by a handle, joined, taken apart, suggested.
use crate::fixture::House;
use serde_json::{Value, json};
use tributary_gateway::desk::Desk;
use tributary_model::Timestamp;
use tributary_model::message::{ChannelEvent, HandleKind};
use tributary_store::conformance::fixture::{arrival, claimed, mail, order, proved};

/// A mail of this address, and a chat of a visitor who names it without proof; the two contacts.
fn two(house: &House, address: &str) -> (i64, i64) {
    let store = house.desk.store();
    let mut ids = Vec::new();
    for (channel, from) in [
        ("mail", vec![claimed(HandleKind::Email, address)]),
        ("webchat", vec![proved(HandleKind::Visitor, &format!("v-{address}")), claimed(HandleKind::Email, address)]),
    ] {
        let mut message = mail(&format!("<{channel}-{address}>"), address, "Where is A-1?");
        message.thread.order_id = (channel == "mail").then(|| "A-1".to_owned());
        message.from = from;
        let events = vec![ChannelEvent::Message(Box::new(message))];
        let accepted = house.runtime.block_on(store.accept(arrival(channel, events, Timestamp(1)), None)).unwrap();
        let conversation = accepted.messages[0].conversation;
        ids.push(house.runtime.block_on(store.conversation(conversation)).unwrap().unwrap().contact.id.0);
    }
    (ids[0], ids[1])
}

fn numbers(list: &Value, key: &str) -> Vec<i64> {
    list.as_array().unwrap().iter().filter_map(|item| item[key].as_i64()).collect()
}

#[test]
fn a_person_is_found_joined_and_taken_apart() {
    let house = House::new();
    let (one, two) = two(&house, "a@x");
    let bought = ChannelEvent::Order(Box::new(order("A-1", &[proved(HandleKind::Visitor, "v-a@x")], 5)));
    house.runtime.block_on(house.desk.store().accept(arrival("shop", vec![bought], Timestamp(5)), None)).unwrap();
    let (reader, agent) = (house.client("reader"), house.client("lin"));
    let found = reader.get("contacts?handle=a%40x&kind=email").ok();
    assert_eq!((numbers(&found["items"], "id"), &found["next"]), (vec![one], &Value::Null));
    assert_eq!(reader.get("contacts?handle=a%40x&kind=mail").problem(), "bad-request");
    assert_eq!(reader.get("contacts").problem(), "bad-request");

    let body = json!({"other": two, "why": "they say so"});
    assert_eq!(reader.post(&format!("contacts/{one}/join"), body.clone()).problem(), "forbidden");
    let joined = agent.post_once(&format!("contacts/{one}/join"), body.clone(), "k1").ok();
    assert_eq!(agent.post_once(&format!("contacts/{one}/join"), body.clone(), "k1").ok(), joined, "the same again");
    assert_eq!(agent.post(&format!("contacts/{one}/join"), body).problem(), "one-contact");
    assert_eq!(agent.post(&format!("contacts/{one}/join"), json!({"other": 99, "why": "?"})).problem(), "not-found");
    assert_eq!(agent.post(&format!("contacts/{one}/join"), json!({"other": 99, "why": " "})).problem(), "invalid");

    let it = reader.get(&format!("contacts/{two}")).ok();
    assert_eq!((&it["id"], &it["ids"]), (&json!(one), &json!([one, two])));
    assert_eq!(it["known"][1]["value"], "v-a@x");
    assert_eq!((&it["known"][1]["proved_by"], &it["known"][0]["proved_by"]), (&json!("webchat"), &Value::Null));
    assert_eq!(it["claims"][0]["value"], "a@x");
    let bought = &it["orders"][0];
    assert_eq!(
        (&bought["channel"], &bought["state"], &bought["parcel"]),
        (&json!("shop"), &json!("shipped"), &json!("SF1"))
    );
    assert_eq!(bought["total"], json!({"currency": "CNY", "minor": 1999}));
    assert_eq!(it["conversations"].as_array().unwrap().len(), 2);
    assert_eq!((&it["joins"][0]["by"], &it["joins"][0]["why"]), (&json!("agent:lin"), &json!("they say so")));
    assert!(it["audit"].as_array().unwrap().iter().any(|event| event["act"] == "joined" && event["contact"] == one));
    let conversation = reader.get(&format!("conversations/{}", numbers(&it["conversations"], "id")[1])).ok();
    assert_eq!((&conversation["contact"]["id"], &conversation["orders"][0]["id"]), (&json!(one), &json!("A-1")));
    assert_eq!(conversation["joins"][0]["id"], joined["join"]);

    let undo = format!("joins/{}/undo", joined["join"]);
    assert_eq!(reader.post(&undo, json!({})).problem(), "forbidden");
    assert_eq!(agent.post(&undo, json!({})).status, 204);
    assert_eq!(agent.post(&undo, json!({})).problem(), "decided-before");
    assert_eq!(agent.post("joins/99/undo", json!({})).problem(), "not-found");
    let it = reader.get(&format!("contacts/{two}")).ok();
    assert_eq!((&it["id"], &it["joins"][0]["undone_by"]), (&json!(two), &json!("agent:lin")));
    assert_eq!(reader.get("contacts/99").problem(), "not-found");
}

#[test]
fn suggestions_are_listed_in_pages_and_decided_once() {
    let house = House::new();
    let pairs = [two(&house, "a@x"), two(&house, "b@x")];
    let (reader, agent) = (house.client("reader"), house.client("lin"));
    let first = reader.get("suggestions?limit=1").ok();
    let next = first["next"].as_str().unwrap();
    let second = reader.get(&format!("suggestions?limit=1&cursor={next}")).ok();
    assert_eq!((&first["items"][0]["reason"], &second["next"]), (&json!("claimed"), &Value::Null));
    assert_eq!(reader.get(&format!("parked?cursor={next}")).problem(), "bad-request", "a cursor of another list");
    let it = &second["items"][0];
    assert_eq!((&it["one"], &it["other"], &it["value"]), (&json!(pairs[0].0), &json!(pairs[0].1), &json!("a@x")));
    let (yes, no) =
        (format!("suggestions/{}/accept", it["id"]), format!("suggestions/{}/dismiss", first["items"][0]["id"]));
    assert_eq!(reader.post(&yes, json!({})).problem(), "forbidden");
    assert!(agent.post(&yes, json!({})).ok()["join"].is_i64());
    assert_eq!(agent.post(&no, json!({})).status, 204);
    assert_eq!(agent.post(&yes, json!({})).problem(), "decided-before");
    assert_eq!(agent.post("suggestions/99/dismiss", json!({})).problem(), "not-found");
    assert_eq!(reader.get("suggestions").ok()["items"], json!([]));
    assert_eq!(reader.get(&format!("contacts/{}", pairs[0].1)).ok()["id"], pairs[0].0);
}
