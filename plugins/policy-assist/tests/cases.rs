//! Every case of `fixtures/`, named by the row of the requirements that it shows, and what passes between policy and server.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]
use std::path::PathBuf;

use policy_assist::Assist;
use serde_json::{Value, json};
use tributary_sdk::desk::{Action, Decision};
use tributary_sdk::host::http::HttpError;
use tributary_sdk::host::log::Level;
use tributary_sdk::testing::{Case, FakeHost, check_folder, check_refusals, prepare, with};
use tributary_sdk::web::Response;
use tributary_sdk::{Exported, Policy};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");

fn decide(case: &Case, host: &FakeHost, config: Value) -> Vec<Decision> {
    let assist: Assist = prepare(config).unwrap();
    with(host, || assist.decide(&case.snapshot().unwrap(), &case.happening().unwrap())).unwrap()
}

/// The cases whose names begin like this.
fn cases(prefixes: &[&str]) -> Vec<(String, Case)> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(FOLDER).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let named = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        prefixes.iter().any(|prefix| name.starts_with(prefix)).then(|| (name, Case::read(&path).unwrap()))
    };
    files.into_iter().filter_map(named).collect()
}

#[test]
fn every_case_agrees() {
    let count = check_folder::<Assist>(FOLDER).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(count > 40);
}

#[test]
fn a_configuration_that_cannot_work_is_refused_with_its_key() {
    let bundled: Value = toml::from_str(Assist::CONFIG_DEFAULT).unwrap();
    let with = |table: &str, key: &str, value: Value| {
        let mut config = json!({ table: bundled[table] });
        config[table][key] = value;
        config
    };
    let wrong = [
        (json!({ "url": "127.0.0.1:11434" }), "`url`"),
        (json!({ "model": "" }), "`model`"),
        (json!({ "temperature": 2.5 }), "temperature"),
        (json!({ "max-tokens": 0 }), "max-tokens"),
        (json!({ "mode": "send" }), "send"),
        (with("when", "grades", json!(["grave"])), "`when.grades`"),
        (with("when", "grade", json!(["inquiry"])), "grade"),
        (with("facts", "articles", json!(21)), "articles"),
        (with("facts", "score-from", json!(1.5)), "score-from"),
        (with("facts", "messages", json!(0)), "messages"),
        (with("answer", "longest", json!(0)), "longest"),
        (with("answer", "chinese-percent", json!(101)), "chinese-percent"),
        (with("answer", "tag", json!("")), "`answer.tag`"),
        (with("answer", "default-language", json!("fr")), "`mark`"),
        (with("mark", "en", json!(" ")), "`mark`"),
        (with("mark", "zh", json!("{model}")), "`mark.zh`"),
        (with("system", "en", json!("")), "`system`"),
        (json!({ "colour": "red" }), "colour"),
    ];
    check_refusals::<Assist>(&json!({}), &wrong).unwrap_or_else(|problems| panic!("{problems}"));
}

#[test]
fn the_question_is_one_request_of_the_known_form() {
    let (_, case) = cases(&["j10-draft-english"]).remove(0);
    let host = case.host().unwrap();
    decide(
        &case,
        &host,
        json!({ "url": "https://models.example/v1/", "model": "m", "temperature": 0.5, "max-tokens": 99 }),
    );
    let [request] = &host.requests()[..] else { panic!("one request") };
    assert_eq!((request.method.as_str(), request.url.as_str()), ("POST", "https://models.example/v1/chat/completions"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("authorization"), Some("Bearer sk-test"));
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let keys: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["max_tokens", "messages", "model", "stream", "temperature"]);
    assert_eq!((&body["model"], &body["temperature"], &body["max_tokens"]), (&json!("m"), &json!(0.5), &json!(99)));
    let [system, user] = &body["messages"].as_array().unwrap()[..] else { panic!("two messages") };
    assert_eq!((&system["role"], &user["role"]), (&json!("system"), &json!("user")));
    assert!(system["content"].as_str().unwrap().starts_with("You assist"));
    let told = user["content"].as_str().unwrap();
    for part in ["[returns-en] Returns\nWithin 30 days", "customer: Can I send it back, and who pays for it?"] {
        assert!(told.contains(part), "{told}");
    }
}

#[test]
fn no_key_is_no_header_and_chinese_is_asked_in_chinese() {
    let (_, case) = cases(&["j10-draft-chinese"]).remove(0);
    for host in [case.host().unwrap(), case.host().unwrap().missing_secret("api-key")] {
        assert_eq!(decide(&case, &host, json!({})).len(), 2);
        let request = &host.requests()[0];
        assert_eq!(request.header("authorization"), None);
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert!(body["messages"][0]["content"].as_str().unwrap().starts_with("你是网店的客服助理"));
    }
}

#[test]
fn a_failure_is_a_line_in_the_log_and_asks_once() {
    let failures = cases(&["failure-"]);
    assert_eq!(failures.len(), 12);
    for (name, case) in failures {
        let host = case.host().unwrap();
        assert_eq!(decide(&case, &host, json!({})), [], "{name}");
        assert_eq!(host.requests().len(), 1, "{name}");
        let [(Level::Warn, line)] = &host.logs()[..] else { panic!("{name}: {:?}", host.logs()) };
        let told = ["退货", "sk-te", "maximum context", "not found", "七天", "html"];
        assert!(line.starts_with("no draft: ") && !told.iter().any(|word| line.contains(word)), "{name}: {line}");
    }
    let (_, case) = cases(&["j10-draft-chinese"]).remove(0);
    let host = FakeHost::new().article(case.articles().remove(0)).http_answer(Err(HttpError::TooLarge(1_024)));
    assert_eq!(decide(&case, &host, json!({})), []);
    assert!(host.logs()[0].1.contains("1024 bytes"));
}

#[test]
fn what_is_not_for_the_model_asks_nothing() {
    let silent = [
        "j10-agent-closed",
        "j10-answered-already",
        "j10-automatic",
        "j10-category",
        "j10-grave",
        "j10-not-classed",
        "j10-nothing-known",
        "l1-reply-somebody-elses-order",
    ];
    let silent = cases(&silent);
    assert_eq!(silent.len(), 8);
    for (name, case) in silent {
        let host = case.host().unwrap();
        let config = if name.starts_with("l1") { json!({ "mode": "reply" }) } else { case.config() };
        assert_eq!((decide(&case, &host, config), host.requests()), (vec![], vec![]), "{name}");
        assert_eq!(host.logs(), [], "{name}");
    }
}

/// What servers answer that TOML cannot say: `null`.
#[test]
fn answers_of_real_servers_are_read() {
    let (_, case) = cases(&["j10-draft-chinese"]).remove(0);
    let decided = |body: &str| {
        let response = Response::body(200, "application/json", body);
        let host = FakeHost::new().article(case.articles().remove(0)).http_answer(Ok(response));
        (decide(&case, &host, json!({})), host.logs())
    };
    let used = [
        // OpenAI.
        r#"{"id":"chatcmpl-9","object":"chat.completion","created":1760000000,"model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,
            "message":{"role":"assistant","content":"七天内可退。","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],
            "usage":{"prompt_tokens":9,"completion_tokens":5,"total_tokens":14,"completion_tokens_details":{"reasoning_tokens":0}},
            "service_tier":"default","system_fingerprint":"fp_1"}"#,
        // vLLM with a reasoning model.
        r#"{"id":"chatcmpl-8","object":"chat.completion","created":1760000000,"model":"qwen3","choices":[{"index":0,"message":{"role":
            "assistant","reasoning_content":"99 days?","content":"\n\n七天内可退。","tool_calls":[]},"logprobs":null,"finish_reason":"stop",
            "stop_reason":null}],"usage":{"prompt_tokens":9,"total_tokens":14,"completion_tokens":5},"prompt_logprobs":null}"#,
        // llama.cpp.
        r#"{"choices":[{"finish_reason":"stop","index":0,"message":{"role":"assistant","content":"七天内可退。"}}],"created":1760000000,
            "model":null,"object":"chat.completion","usage":{"completion_tokens":5,"prompt_tokens":9,"total_tokens":14},
            "timings":{"prompt_n":9,"predicted_per_second":21.5}}"#,
    ];
    for body in used {
        let (decisions, _) = decided(body);
        let Some(Action::Draft(content)) = decisions.first().map(|it| &it.action) else { panic!("{decisions:?}") };
        assert_eq!(content.text, "七天内可退。\n\n（本回复由人工智能生成。如需人工服务，请回复“人工”。）");
    }
    let (decisions, _) = decided(
        r#"{"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function",
        "function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}"#,
    );
    assert!(
        matches!(&decisions[..], [it] if it.action == Action::Note("the draft of m is not used: it is empty".into()))
    );
    for body in
        ["null", "[]", r#"{"choices":null}"#, r#"{"choices":[{"message":{"content":7}}]}"#, r#"{"choices":[{}]}"#]
    {
        let (decisions, logs) = decided(body);
        assert_eq!((decisions.len(), logs.len()), (0, 1), "{body}");
    }
}

#[test]
fn every_text_that_a_machine_wrote_is_marked() {
    let mut marked = 0;
    for (name, case) in cases(&[""]) {
        let host = case.host().unwrap();
        for decision in decide(&case, &host, case.config()) {
            let (Action::Draft(content) | Action::Reply(content)) = decision.action else { continue };
            let last = content.text.lines().last().unwrap_or_default();
            assert!(last.contains("人工智能生成") || last.contains("generated by AI"), "{name}: {last}");
            marked += 1;
        }
    }
    assert!(marked > 8);
}

#[test]
fn so_many_messages_of_so_many_letters_are_told() {
    let history: Vec<Value> =
        (0..40).map(|n| json!({ "text": format!("note {n:02} {}", "长".repeat(2_000)) })).collect();
    let case: Case = serde_json::from_value(json!({
        "conversation": { "grade": "inquiry", "history": history },
        "articles": [{ "id": "a", "title": "A", "text": "长".repeat(5_000), "score": 0.9 }],
        "message": { "text": "所以呢？" },
    }))
    .unwrap();
    let host = case.host().unwrap();
    decide(&case, &host, json!({}));
    let body: Value = serde_json::from_slice(&host.requests()[0].body).unwrap();
    let told = body["messages"][1]["content"].as_str().unwrap();
    assert!(told.contains("note 33 ") && !told.contains("note 32 ") && told.ends_with("customer: 所以呢？"));
    assert!(told.chars().count() < 1_200 + 8 * 700, "{}", told.chars().count());
}
