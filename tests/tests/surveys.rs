//! A survey from end to end: a matter is closed, the customer is asked by mail, a browser's form is answered, and nothing that
//! is kept says whose answer it was.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use tributary_tests::api::id;
use tributary_tests::{Desk, Mail, Relay};

/// One request over plain HTTP, as a browser without scripts makes it; the whole answer.
fn http(desk: &Desk, request: &str) -> String {
    let mut stream = TcpStream::connect(&desk.http).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn get(desk: &Desk, path: &str, language: &str) -> String {
    http(
        desk,
        &format!("GET {path} HTTP/1.1\r\nhost: desk\r\naccept-language: {language}\r\nconnection: close\r\n\r\n"),
    )
}

fn post(desk: &Desk, path: &str, form: &str) -> String {
    let length = form.len();
    http(
        desk,
        &format!(
            "POST {path} HTTP/1.1\r\nhost: desk\r\ncontent-type: application/x-www-form-urlencoded\r\n\
             content-length: {length}\r\nconnection: close\r\n\r\n{form}"
        ),
    )
}

const SURVEY: &str = r#"
[http]
public-url = "https://desk.shop.example"
[[policy]]
plugin = "policy-survey"
config-file = "config/policy-survey.toml"
"#;

/// M1, M3, M4, M5, M7, M8.
#[test]
fn a_customer_is_asked_after_the_end_and_the_answer_is_nobodys() {
    let relay = Relay::start();
    let mut desk = Desk::setup().relay(relay.port).init().without_policy("policy-receipt");
    desk.configure(SURVEY);
    let file = desk.dir.join("config/policy-survey.toml");
    let bundled = std::fs::read_to_string(&file).unwrap();
    let soon = bundled.replacen("after = \"10 min\"", "after = \"1 s\"", 1);
    assert_ne!(soon, bundled);
    std::fs::write(&file, soon).unwrap();
    desk.serve();
    desk.deliver(&Mail::new("ann@mail.example", "Where is it", "Where is my parcel, please?"));
    desk.settled();
    let conversation = id(&desk.api.queue()[0]);
    desk.api.claim(conversation);
    desk.api.answer(conversation, "It arrives tomorrow.");
    desk.api.post(&format!("/api/v1/conversations/{conversation}/close"), json!({ "resolution": "told" }));
    let asked = relay.wait_for("ann@mail.example", 2).remove(1);
    assert!(asked.is_automatic());
    let text = asked.text();
    let link = text.split_whitespace().find(|word| word.starts_with("https://desk.shop.example/survey/")).unwrap();
    let path = link.strip_prefix("https://desk.shop.example").unwrap().to_owned();
    assert!(text.contains("anonymous"), "{text}");

    let form = get(&desk, &path, "en");
    for part in ["200 OK", "q-speed", "q-result", "q-attitude", "q-professionalism", "q-patience", "default-src 'none'"]
    {
        assert!(form.contains(part), "{part} is not in\n{form}");
    }
    assert!(get(&desk, &path, "zh-CN,zh;q=0.9").contains("评价是匿名的"), "looking does not use it up");
    let short = post(&desk, &path, "q-speed=5");
    assert!(short.starts_with("HTTP/1.1 422") && short.contains("1 to 5"), "{short}");
    let answer = "q-speed=5&q-result=4&q-attitude=5&q-professionalism=4&q-patience=3&remark=quick+%3Cb%3E";
    let thanks = post(&desk, &path, answer);
    assert!(thanks.starts_with("HTTP/1.1 200") && thanks.contains("Thank you"), "{thanks}");
    assert!(post(&desk, &path, answer).starts_with("HTTP/1.1 410"), "once");
    assert!(get(&desk, &path, "en").starts_with("HTTP/1.1 410"));

    let ratings = desk.json(&["survey", "ratings"]);
    let speed = ratings["items"].as_array().unwrap().iter().find(|it| it["question"] == "speed").unwrap();
    assert_eq!((&speed["answers"], &speed["mean"], &speed["survey"]), (&json!(1), &json!(5.0), &json!("closing")));
    let teams = desk.json(&["survey", "ratings", "--by", "team"]);
    assert!(teams["items"].as_array().unwrap().iter().all(|it| it["value"] != ""), "{teams}");
    // What keeps being rated badly shows by week and by what it was about (M7).
    let matters = desk.json(&["survey", "ratings", "--by", "category"]);
    let about: Vec<_> = matters["items"].as_array().unwrap().iter().map(|it| &it["value"]).collect();
    assert!(about.contains(&&json!("logistics")), "{matters}");
    let remarks = desk.json(&["survey", "remarks"]);
    assert_eq!(remarks["items"][0]["text"], "quick <b>");

    // Nothing of the answer is with the conversation, and nothing of the conversation with the answer.
    let detail = desk.api.conversation(conversation).to_string();
    assert!(!detail.contains("quick") && !detail.contains("rating"), "{detail}");
    let log = desk.log();
    let secret = path.rsplit('/').next().unwrap();
    assert!(!log.contains(secret), "the log does not know the form");
}
