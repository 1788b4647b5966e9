//! A language model drafts an answer, in front of a server whose reader and writer are OpenAI's own types.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use tributary_tests::api::id;
use tributary_tests::{Desk, Mail, program};

/// The server. Dropping it ends it.
struct Model {
    child: Child,
    said: BufReader<ChildStdout>,
    port: u64,
}

impl Model {
    fn start(answer: &str, status: u16) -> Self {
        let mut command = Command::new(program::python());
        command.arg(program::peer("chat_model.py")).arg(answer).args(["--status", &status.to_string()]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        let mut model = Self { child, said, port: 0 };
        model.port = model.next()["port"].as_u64().unwrap();
        model
    }

    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const ARTICLE: &str = r#"
[[article]]
key = "return-days"
title = "How long can I return something"
questions = ["how many days do I have to send it back"]
text = "You can return it within 7 days after delivery, unworn and with its label."
"#;

/// A desk whose assistant asks this model, with the article above.
fn desk(model: &Model) -> Desk {
    let mut desk = Desk::setup().init().without_policy("policy-receipt");
    let origin = format!("http://127.0.0.1:{}", model.port);
    desk.configure(&format!(
        "[[policy]]\nplugin = \"policy-assist\"\n[policy.config]\n\
         url = \"{origin}/v1\"\n[policy.grants]\nsecrets = [\"api-key\"]\negress = [\"{origin}\"]\n"
    ));
    std::fs::write(desk.dir.join("secrets/api-key"), "sk-test-0123456789").unwrap();
    desk.serve();
    let file = desk.dir.join("articles.toml");
    std::fs::write(&file, ARTICLE).unwrap();
    assert!(desk.run(&["knowledge", "import", file.to_str().unwrap()]).status.success());
    desk
}

/// J10, L1: what leaves is masked and well-formed, what comes back is a draft, marked, and nothing is sent.
#[test]
fn a_model_drafts_and_a_person_sends() {
    let mut model = Model::start("You can return it within 7 days after delivery, unworn and with its label.", 200);
    let desk = desk(&model);
    let text = "Hello, how many days do I have to send it back? My number is 13912345678, I am ann@mail.example.";
    desk.deliver(&Mail::new("ann@mail.example", "return", text));
    desk.settled();
    let asked = model.next();
    assert_eq!((&asked["path"], &asked["wrong"]), (&json!("/v1/chat/completions"), &Value::Null), "{asked}");
    assert_eq!(asked["authorization"], "Bearer sk-test-0123456789");
    let body = asked["body"].to_string();
    assert!(body.contains("within 7 days after delivery"), "the article goes along: {body}");
    for private in ["13912345678", "ann@mail.example"] {
        assert!(!body.contains(private), "{private} left: {body}");
    }
    let conversation = id(&desk.api.queue()[0]);
    let detail = desk.api.conversation(conversation);
    let draft = detail["draft"]["text"].as_str().unwrap_or_else(|| panic!("{detail}"));
    assert!(draft.starts_with("You can return it within 7 days"), "{draft}");
    assert!(draft.lines().count() > 1, "it is marked: {draft}");
    let agents = detail["messages"].as_array().unwrap().iter().filter(|it| it["name"] == "policy-assist").count();
    assert_eq!(agents, 0, "nothing was sent: {detail}");
    let shown = String::from_utf8(desk.run(&["queue", "show", &conversation.to_string()]).stdout).unwrap();
    assert!(shown.contains("Draft of policy-assist, not sent:"), "{shown}");
    desk.api.claim(conversation);
    desk.api.answer(conversation, "Within 7 days after delivery.");
    assert_eq!(desk.api.conversation(conversation)["draft"], Value::Null, "an answer ends it");
}

/// A model that is overloaded costs nothing: the matter waits for a person as if there were none.
#[test]
fn a_model_that_fails_costs_nothing() {
    let mut model = Model::start("", 503);
    let desk = desk(&model);
    desk.deliver(&Mail::new("ann@mail.example", "return", "How many days do I have to send it back?"));
    desk.settled();
    assert_eq!(model.next()["wrong"], Value::Null);
    let queue = desk.api.queue();
    assert_eq!((queue.len(), &queue[0]["state"]), (1, &json!("open")));
    assert_eq!(desk.api.conversation(id(&queue[0]))["draft"], Value::Null);
    assert!(desk.api.parked().is_empty());
}
