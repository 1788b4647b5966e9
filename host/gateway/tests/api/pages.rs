//! Walking lists while they change.
use crate::fixture::{Client, House};
use serde_json::json;
use std::collections::HashMap;

/// Every id of a list and how often it was seen; `between` runs after each page.
fn walk(client: &Client, path: &str, mut between: impl FnMut(usize)) -> HashMap<i64, usize> {
    let mut seen = HashMap::new();
    let (mut cursor, mut pages) = (None::<String>, 0);
    loop {
        let from = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let page = client.get(&format!("{path}{from}")).ok();
        for item in page["items"].as_array().unwrap() {
            *seen.entry(item["id"].as_i64().unwrap()).or_default() += 1;
        }
        pages += 1;
        between(pages);
        match page["next"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => return seen,
        }
        assert!(pages < 200, "the walk does not end");
    }
}

#[test]
fn a_walk_over_conversations_sees_each_exactly_once_while_new_ones_come() {
    let house = House::new();
    house.seed(1, 60);
    let seen = walk(&house.client("reader"), "conversations?limit=7", |page| house.seed(1_000 + page * 5, 5));
    for id in 1..=60 {
        assert_eq!(seen.get(&id), Some(&1), "T{id}");
    }
    assert!(seen.values().all(|count| *count == 1));
}

#[test]
fn a_walk_over_the_queue_sees_each_that_stays_exactly_once_while_others_leave() {
    let house = House::new();
    house.seed(1, 60);
    let boss = house.client("boss");
    let mut gone = Vec::new();
    let seen = walk(&house.client("reader"), "queue?limit=7", |page| {
        for id in [page as i64 * 3, 61 - page as i64] {
            if boss.post(&format!("conversations/{id}/close"), json!({})).status == 204 {
                gone.push(id);
            }
        }
    });
    assert!(gone.len() > 10);
    for id in (1..=60).filter(|id| !gone.contains(id)) {
        assert_eq!(seen.get(&id), Some(&1), "T{id}");
    }
    assert!(seen.values().all(|count| *count == 1), "{seen:?}");
}

#[test]
fn a_cursor_belongs_to_its_own_list() {
    let house = House::new();
    house.seed(1, 3);
    let reader = house.client("reader");
    let next = reader.get("queue?limit=1").ok()["next"].as_str().unwrap().to_owned();
    assert_eq!(reader.get(&format!("queue?limit=1&cursor={next}")).status, 200);
    assert_eq!(reader.get(&format!("conversations?limit=1&cursor={next}")).problem(), "bad-request");
}

#[test]
fn the_last_page_says_that_it_is_the_last() {
    let house = House::new();
    house.seed(1, 4);
    let reader = house.client("reader");
    for (limit, more) in [(3, true), (4, false), (5, false)] {
        assert_eq!(reader.get(&format!("queue?limit={limit}")).ok()["next"].is_string(), more, "{limit}");
    }
    assert_eq!(reader.get("parked").ok(), json!({"items": [], "next": null}));
}
