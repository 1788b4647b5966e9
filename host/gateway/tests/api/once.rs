//! A POST under an idempotency key is carried out at most once.
use crate::fixture::{Answer, House};
use serde_json::json;

fn replayed(answer: &Answer) -> bool {
    answer.headers.get("idempotent-replayed").is_some_and(|value| value == "true")
}

#[test]
fn the_same_request_again_gets_the_same_answer_and_does_nothing() {
    let house = House::new();
    house.seed(1, 2);
    let lin = house.client("lin");
    let path = "conversations/1/reply";
    let first = lin.post_once(path, json!({"text": "one"}), "k1");
    let second = lin.post_once(path, json!({"text": "one"}), "k1");
    assert_eq!((first.status, second.status), (201, 201), "{second:?}");
    assert_eq!(first.json(), second.json());
    assert_eq!((replayed(&first), replayed(&second)), (false, true));
    assert_eq!(lin.count(1, "replied"), 1);

    // Without a body to give again.
    let note = |key| lin.post_once("conversations/1/note", json!({"text": "n"}), key);
    assert_eq!((note("k2").status, replayed(&note("k2")), lin.count(1, "noted")), (204, true, 1));

    for (who, path, body, key, status) in [
        ("lin", path, json!({"text": "two"}), "k1", 422),
        ("lin", "conversations/2/reply", json!({"text": "one"}), "k1", 422),
        ("mei", path, json!({"text": "one"}), "k1", 201),
        ("lin", path, json!({"text": "one"}), "k3", 201),
    ] {
        let answer = house.client(who).post_once(path, body, key);
        assert_eq!(answer.status, status, "{who} {path} {key}: {answer:?}");
        if status == 422 {
            assert_eq!(answer.problem(), "idempotency-key-misused");
        }
        assert!(!replayed(&answer));
    }
    assert_eq!(lin.count(1, "replied"), 3);
}

#[test]
fn at_the_same_time_one_does_it_and_the_others_wait_or_are_told() {
    let house = House::new();
    house.seed(1, 1);
    let statuses: Vec<(u16, bool)> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..12)
            .map(|_| {
                let lin = house.client("lin");
                scope.spawn(move || {
                    let answer = lin.post_once("conversations/1/reply", json!({"text": "once"}), "same");
                    if answer.status == 409 {
                        assert_eq!(answer.problem(), "request-under-way");
                    }
                    (answer.status, replayed(&answer))
                })
            })
            .collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|answer| **answer == (201, false)).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|(status, _)| matches!(status, 201 | 409)), "{statuses:?}");
    assert_eq!(house.client("lin").count(1, "replied"), 1);
}

#[test]
fn a_refused_request_gives_its_key_back() {
    let house = House::new();
    house.seed(1, 1);
    let (lin, mei) = (house.client("lin"), house.client("mei"));
    lin.claim(1);
    assert_eq!(mei.post_once("conversations/1/claim", json!({}), "k").problem(), "held");
    assert_eq!(lin.post("conversations/1/release", json!({})).status, 204);
    assert_eq!(mei.post_once("conversations/1/claim", json!({}), "k").status, 200);
    assert!(replayed(&mei.post_once("conversations/1/claim", json!({}), "k")));
}

#[test]
fn a_secret_is_not_kept_for_a_repetition() {
    let house = House::new();
    let boss = house.client("boss");
    let make = || boss.post_once("tokens", json!({"name": "bot", "scope": "read"}), "k");
    let (first, second) = (make(), make());
    assert_eq!((first.status, second.status), (201, 201));
    let (first, second) = (first.json(), second.json());
    assert!(first["token"].is_string() && second["token"].is_null(), "{second}");
    assert_eq!(first["id"], second["id"]);
}
