//! Who gets what of the queue, seen from outside: agents by the command line and the API, a daemon with its policies.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]
use serde_json::{Value, json};
use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};
use tributary_tests::api::id;
use tributary_tests::{Api, Desk, Mail};

/// The API as this agent.
fn agent(desk: &Desk, name: &str, words: &[&str]) -> Api {
    desk.json(&[&["agent", "set", name], words].concat());
    let token = desk.api.post("/api/v1/tokens", json!({ "name": name, "scope": "agent" }));
    desk.api.with_token(token["token"].as_str().unwrap())
}

fn next(api: &Api, wait: u64) -> Option<i64> {
    let answer = api.try_post("/api/v1/queue/claim", &json!({ "wait_seconds": wait }), None).unwrap();
    match answer.status {
        200 => Some(id(&answer.body)),
        204 => None,
        other => panic!("{other}: {}", answer.text),
    }
}

/// E1–E4, E6: each gets what fits, and is told why not where it does not.
#[test]
fn work_goes_to_whom_it_fits_and_each_place_is_explained() {
    let desk = Desk::start();
    let risk = agent(&desk, "rika", &["--team", "risk", "--skill", "payments", "--senior"]);
    let service = agent(&desk, "sam", &["--team", "service", "--capacity", "1"]);
    desk.deliver(&Mail::new("ann@mail.example", "question", "Which size should I take, please?"));
    desk.deliver(&Mail::new("bob@mail.example", "fraud", "Somebody stole my account and pays with my card right now!"));
    desk.settled();
    let queue = desk.api.queue();
    let grades: Vec<&Value> = queue.iter().map(|it| &it["grade"]).collect();
    assert_eq!(grades[0], "emergency", "{grades:?}");
    let (emergency, question) = (id(&queue[0]), id(&queue[1]));
    let why = desk.json(&["queue", "why", &question.to_string()]);
    assert_eq!((&why["before"], &why["conversation"]["grade"]), (&json!(1), &json!("inquiry")));
    let against: Vec<_> = why["agents"].as_array().unwrap().iter().map(|it| (&it["agent"], &it["against"])).collect();
    assert_eq!(against, [(&json!("rika"), &json!("not in team service")), (&json!("sam"), &Value::Null)]);
    let said = String::from_utf8(desk.run(&["queue", "why", &format!("T{emergency}")]).stdout).unwrap();
    for words in ["is the next of the queue", "an emergency, before everything else", "Team: risk", "rika: may have it"]
    {
        assert!(said.contains(words), "{words} is not in\n{said}");
    }
    assert_eq!(next(&service, 0), Some(question), "the emergency is for another team");
    let full = service.try_post("/api/v1/queue/claim", &json!({}), None).unwrap();
    assert_eq!((full.status, &full.body["type"]), (409, &json!("/problems/unready")), "{}", full.text);
    assert!(full.text.contains("1 of 1 in use"), "{}", full.text);
    assert_eq!(next(&risk, 0), Some(emergency));
    let listed = String::from_utf8(desk.run(&["agent", "list"]).stdout).unwrap();
    assert!(listed.contains("1 of 1") && listed.contains("payments"), "{listed}");
}

/// An agent who waits gets the next one when it comes, and not after a look now and then.
#[test]
fn who_waits_gets_the_next_one_at_once() {
    let desk = Desk::start();
    let sam = agent(&desk, "sam", &["--capacity", "3"]);
    let began = Instant::now();
    assert_eq!(next(&sam, 1), None);
    assert!(began.elapsed() >= Duration::from_secs(1), "it waits as long as it was asked to");
    std::thread::scope(|scope| {
        let waits: Vec<_> = (0..3).map(|_| scope.spawn(|| next(&sam, 30))).collect();
        std::thread::sleep(Duration::from_millis(300));
        for n in 0..3 {
            desk.deliver(&Mail::new(&format!("c{n}@mail.example"), "hello", "Are you there?"));
        }
        let mut got: Vec<_> = waits.into_iter().map(|wait| wait.join().unwrap().unwrap()).collect();
        got.sort_unstable();
        got.dedup();
        assert_eq!(got.len(), 3, "each got another one");
    });
    // Who hangs up is given nothing that nobody would see.
    let mut gone = TcpStream::connect(&desk.http).unwrap();
    let body = r#"{"wait_seconds": 30}"#;
    let head = format!("authorization: Bearer {}\r\ncontent-type: application/json", desk.token);
    write!(
        gone,
        "POST /api/v1/queue/claim HTTP/1.1\r\nhost: desk\r\n{head}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    std::thread::sleep(Duration::from_millis(300));
    drop(gone);
    std::thread::sleep(Duration::from_millis(300));
    desk.deliver(&Mail::new("late@mail.example", "hello", "Is anybody there?"));
    desk.settled();
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!(desk.api.queue().len(), 1, "it waits for somebody who is there");
    // One who is away is told so, and does not wait.
    desk.json(&["agent", "away", "sam"]);
    let away = sam.try_post("/api/v1/queue/claim", &json!({ "wait_seconds": 30 }), None).unwrap();
    assert_eq!(away.status, 409, "{}", away.text);
    let refused = desk.run(&["agent", "away", "nobody"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    for (body, words) in [
        (json!({ "wait_seconds": 61 }), "wait_seconds is 0 to 60"),
        (json!({ "conversation": 1, "team": "x" }), "not both"),
    ] {
        let answer = desk.api.try_post("/api/v1/queue/claim", &body, None).unwrap();
        assert!(answer.status == 422 && answer.text.contains(words), "{}", answer.text);
    }
    let bad = desk.api.try_post("/api/v1/agents/sam", &json!({ "skills": ["refund:x"] }), None).unwrap();
    assert!(bad.status == 422 && bad.text.contains("NAME or NAME:LEVEL"), "{}", bad.text);
}
