//! Visitor tokens against other people's libraries: PyJWT, jose and jsonwebtoken make them and read ours.
use crate::world::{KEY, NOW, World, body, call, post, with};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What a peer's program says to one line of JSON.
fn ask(program: &Path, script: &str, question: &Value) -> Value {
    let peers = root().join("target/peers");
    let mut command = Command::new(program);
    command.arg(root().join("tests/peers").join(script)).env("NODE_PATH", peers.join("node_modules"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let advice = "run `cargo xtask test`, which installs it";
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}; {advice}", program.display()));
    child.stdin.take().unwrap().write_all(question.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{script} failed; {advice}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn peers() -> Vec<(&'static str, PathBuf)> {
    vec![
        ("webchat_tokens.py", root().join("target/peers/venv/bin/python")),
        ("webchat_tokens.cjs", PathBuf::from("node")),
    ]
}

/// Each library makes good tokens and all kinds of bad ones, and says of each what it is.
#[test]
fn tokens_of_other_libraries_are_taken_or_refused() {
    for (script, program) in peers() {
        let world = World::new(json!({}));
        let ours = world.anonymous();
        let said = ask(&program, script, &json!({ "key": KEY, "now": NOW / 1000, "ours": ours.0 }));
        let made = said["tokens"].as_array().unwrap();
        assert!(made.len() >= 10, "{script} made {}", made.len());
        for token in made {
            let (name, text) = (token["name"].as_str().unwrap(), token["token"].as_str().unwrap());
            let message = post("/messages", Some(text), &json!({ "id": "m1", "text": "hello" }));
            let world = World::new(json!({}));
            let (events, answer) = world.call(message);
            assert_eq!(json!(answer.status), token["status"], "{script}: {name}: {}", body(&answer));
            if answer.status == 200 {
                assert!(!events.is_empty(), "{script}: {name}");
            } else {
                assert!(events.is_empty(), "{script}: {name}");
                world.nothing_is_stored();
            }
        }
        for read in said["ours"].as_array().unwrap() {
            assert_eq!(read["sub"], json!(ours.1), "{script} reads ours");
            assert_eq!(read["origin"], json!("https://shop.example"), "{script} reads ours");
        }
        assert!(!said["ours"].as_array().unwrap().is_empty(), "{script}");
    }
}

/// What a header says has to be true, even where the signature is right.
#[test]
fn a_header_that_says_something_else_is_refused() {
    let world = World::new(json!({}));
    let claims = json!({ "sub": "42", "exp": NOW / 1000 + 60 });
    let status =
        |header: Value| world.quiet(call("GET", "/stream", Some(&world.signed_under(&header, &claims)))).status;
    assert_eq!(status(json!({ "alg": "HS256" })), 200);
    for header in [
        json!({ "alg": "none" }),
        json!({ "alg": "hs256" }),
        json!({ "alg": "HS512" }),
        json!({ "alg": ["HS256"] }),
        json!({ "typ": "JWT" }),
        json!({ "alg": "HS256", "crit": ["b64"], "b64": false }),
        json!("HS256"),
    ] {
        assert_eq!(status(header.clone()), 401, "{header}");
    }
}

/// Every bit of a token counts.
#[test]
fn a_flipped_bit_is_refused() {
    let world = World::new(json!({}));
    let token = world.signed(&json!({ "sub": "42", "exp": NOW / 1000 + 60 }));
    assert_eq!(world.quiet(call("GET", "/stream", Some(&token))).status, 200);
    for at in 0..token.len() {
        for bit in 0..7 {
            let mut bytes = token.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            let Ok(other) = String::from_utf8(bytes) else { continue };
            if other == token || other.contains(['\r', '\n']) || other.trim() == token {
                continue;
            }
            let status = world.quiet(call("GET", "/stream", Some(&other))).status;
            assert_eq!(status, 401, "bit {bit} of byte {at}: {other}");
        }
    }
    world.nothing_is_stored();
}

#[test]
fn an_anonymous_visitor_is_the_same_after_renewal_and_only_on_its_own_page() {
    let world = World::new(json!({ "origins": ["https://shop.example", "https://other.example"] }));
    let (token, visitor) = world.anonymous();
    assert!(visitor.starts_with("anon-") && !visitor.contains("5f2c0d8e"), "{visitor}");
    let later = World::new(json!({ "origins": ["https://shop.example"] }));
    assert_eq!(later.anonymous().1, visitor);

    let stream = call("GET", "/stream", Some(&token));
    assert_eq!(world.quiet(stream.clone()).status, 200);
    let elsewhere = world.quiet(with(stream.clone(), "origin", Some("https://other.example")));
    assert_eq!((elsewhere.status, &body(&elsewhere)["error"]), (403, &json!("origin")));
    // The daemon's own page sends no Origin with a GET, but the browser says where the page is from.
    let own = with(with(stream.clone(), "origin", None), "sec-fetch-site", Some("same-origin"));
    assert_eq!(world.quiet(own).status, 200);
    assert_eq!(world.quiet(with(stream, "origin", None)).status, 403);
}

#[test]
fn nobody_signs_in_as_somebody_else_through_the_session() {
    let world = World::new(json!({}));
    for seed in ["", "42", "anon-x", &"x".repeat(129)] {
        let answer = world.quiet(post("/session", None, &json!({ "seed": seed })));
        assert_eq!(answer.status, 400, "{seed}");
    }
    let forged = world.signed(&json!({ "sub": "anon-somebody", "exp": NOW / 1000 + 60 }));
    assert_eq!(world.quiet(call("GET", "/stream", Some(&forged))).status, 401);
}

#[test]
fn without_its_key_the_chat_says_so_to_the_operator_alone() {
    let mut world = World::new(json!({}));
    let token = world.anonymous().0;
    world.host = tributary_sdk::testing::FakeHost::new().now(NOW).missing_secret("webchat-key");
    let answer = world.quiet(call("GET", "/stream", Some(&token)));
    assert_eq!(answer.status, 503);
    assert!(!String::from_utf8_lossy(&answer.body).contains("webchat-key"));
    assert!(world.host.logs()[0].1.contains("webchat-key"), "{:?}", world.host.logs());
}
