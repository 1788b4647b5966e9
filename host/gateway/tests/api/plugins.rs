//! Plugins over the API: taken, tried, promoted, taken back; what is refused says why and changes nothing.
use crate::fixture::{Answer, Client, House, component};
use serde_json::{Value, json};
use std::io::{Read, Write};

const WASM: (&str, &str) = ("content-type", "application/wasm");
const TRIAGE: &str = "plugins/policy/policy-triage";

/// The triage policy as a version of its own: its `plugin.toml` says so, nothing else differs.
fn triage(version: &str) -> Vec<u8> {
    let mut bytes = component("policy-triage");
    let (said, says) = (b"version = \"0.1.0\"", format!("version = \"{version}\""));
    let places: Vec<usize> = (0..bytes.len() - said.len()).filter(|at| bytes[*at..].starts_with(said)).collect();
    assert!(!places.is_empty(), "its plugin.toml names a version");
    for at in places {
        bytes[at..at + said.len()].copy_from_slice(says.as_bytes());
    }
    bytes
}

fn place(boss: &Client) -> Value {
    boss.get("plugins").ok()["items"][0].clone()
}

fn install(boss: &Client, query: &str, version: &str) -> Answer {
    boss.post_bytes(&format!("plugins{query}"), &[WASM], triage(version))
}

#[test]
fn a_version_is_taken_stood_by_for_taken_back_tried_and_promoted() {
    let house = House::with_policies(&["policy-triage"]);
    let boss = house.client("boss");
    let first = place(&boss);
    assert_eq!((&first["place"], &first["live"]["version"]), (&json!("policy/policy-triage"), &json!("0.1.0")));
    assert_eq!((&first["breaker"]["state"], &first["trial"]), (&json!("closed"), &json!(null)));
    assert!(first["live"]["since"].as_str().is_some_and(|at| at.ends_with('Z')), "{first}");
    let one = first["live"]["generation"].clone();

    let installed = install(&boss, "", "0.2.0");
    assert_eq!(installed.status, 201, "{installed:?}");
    let installed = installed.json();
    assert_eq!((&installed["plugin"], &installed["version"]), (&json!("policy-triage"), &json!("0.2.0")));
    let outcome = &installed["places"][0];
    assert_eq!((&outcome["state"], &outcome["was"]), (&json!("live"), &one), "{outcome}");
    let now = place(&boss);
    assert_eq!((&now["trial"]["mode"], &now["standing_by"][0]["version"]), (&json!("guard"), &json!("0.1.0")));

    let metrics = String::from_utf8(boss.get("/metrics").bytes).unwrap();
    for version in ["0.1.0", "0.2.0"] {
        let start = format!(
            r#"tributary_generation_calls_total{{place="policy/policy-triage",plugin="policy-triage",version="{version}""#
        );
        assert!(metrics.lines().any(|line| line.starts_with(&start)), "{version}\n{metrics}");
    }
    assert!(metrics.contains("# TYPE tributary_place_breaker gauge"), "{metrics}");

    let back = boss.post(&format!("{TRIAGE}/rollback"), json!({"why": "it was too eager"})).ok();
    assert_eq!((&back["version"], &back["generation"], &back["state"]), (&json!("0.1.0"), &one, &json!("live")));
    let shown = boss.get(TRIAGE).ok();
    assert_eq!((&shown["live"]["version"], &shown["trial"]), (&json!("0.1.0"), &json!(null)));
    let past: Vec<_> = shown["generations"].as_array().unwrap().iter().map(|row| row["version"].clone()).collect();
    assert_eq!(past, ["0.2.0", "0.1.0"]);
    assert!(shown["grants"]["actions"].is_array() && shown["config"].is_object(), "{shown}");

    let tried = install(&boss, "?rollout=canary&share=25&places=policy/policy-triage", "0.3.0");
    assert_eq!(tried.json()["places"][0]["state"], "canary");
    let trial = place(&boss)["trial"].clone();
    assert_eq!((&trial["mode"], &trial["share"], &trial["calls"]), (&json!("canary"), &json!(25), &json!(0)));
    assert_eq!(boss.get(&format!("{TRIAGE}/differences")).ok(), json!({"items": [], "next": null}));
    let promoted = boss.post(&format!("{TRIAGE}/promote"), json!({})).ok();
    assert_eq!((&promoted["version"], &promoted["state"]), (&json!("0.3.0"), &json!("live")));
    assert_eq!(place(&boss)["live"]["version"], "0.3.0");
}

#[test]
fn a_place_out_of_use_is_told_and_comes_back() {
    let house = House::with_policies(&["policy-receipt"]);
    let (boss, reader) = (house.client("boss"), house.client("reader"));
    let at = "plugins/policy/policy-receipt";
    assert_eq!(reader.get("stats").ok()["unwell"], json!([]));
    assert_eq!(boss.post(&format!("{at}/disable"), json!({})).ok()["enabled"], false);
    let unwell = reader.get("stats").ok()["unwell"].clone();
    assert_eq!(
        (&unwell[0]["place"], &unwell[0]["state"], &unwell[0]["version"]),
        (&json!("policy/policy-receipt"), &json!("disabled"), &json!("0.1.0"))
    );
    let back = boss.post(&format!("{at}/enable"), json!({})).ok();
    assert_eq!(back["enabled"], true);
    assert_ne!(back["breaker"]["state"], "disabled");
}

#[test]
fn what_is_refused_says_why_and_changes_nothing() {
    let house = House::with_policies(&["policy-triage"]);
    let boss = house.client("boss");
    let before = place(&boss);
    let json_type = ("content-type", "application/json");
    let signature = |value: &'static str| [WASM, ("tributary-signature", value)];
    let text = b"no component".to_vec();
    for (path, headers, body, status, kind, detail) in [
        ("plugins", &[WASM][..], text.clone(), 422, "not-a-plugin", "not a WebAssembly file"),
        ("plugins", &[WASM], triage("0.0.9"), 422, "plugin-not-trusted", "0.0.9"),
        ("plugins?places=channel/fax", &[WASM], triage("0.2.0"), 404, "not-found", "channel/fax"),
        ("plugins?places=fax", &[WASM], triage("0.2.0"), 404, "not-found", "fax"),
        ("plugins?rollout=slowly", &[WASM], text.clone(), 422, "invalid", "at-once, shadow or canary"),
        ("plugins?rollout=shadow&share=5", &[WASM], text.clone(), 422, "invalid", "canary"),
        ("plugins?colour=red", &[WASM], text.clone(), 400, "bad-request", "colour"),
        ("plugins", &signature("a b"), text.clone(), 400, "bad-request", "base64"),
        ("plugins", &[("content-type", "text/plain")], text.clone(), 415, "unsupported-media-type", "application/wasm"),
        ("plugins", &[json_type], br#"{"source":"http://x/y"}"#.to_vec(), 422, "invalid", "oci://"),
        ("plugins", &[json_type], b"{}".to_vec(), 400, "bad-request", "missing field `source`"),
        ("plugins/channel/fax/enable", &[json_type], b"{}".to_vec(), 404, "not-found", "channel/fax"),
        ("plugins/fax/email/enable", &[json_type], b"{}".to_vec(), 404, "not-found", "fax/email"),
        ("plugins/policy/policy-triage/rollback", &[json_type], b"{}".to_vec(), 409, "nothing-to-do", "0.1.0"),
        ("plugins/policy/policy-triage/rollback", &[json_type], br#"{"to":99}"#.to_vec(), 409, "nothing-to-do", "99"),
        ("plugins/policy/policy-triage/rollback", &[json_type], br#"{"why":" "}"#.to_vec(), 422, "invalid", "why"),
        ("plugins/policy/policy-triage/promote", &[json_type], b"{}".to_vec(), 409, "nothing-to-do", "tried"),
    ] {
        let answer = boss.post_bytes(path, headers, body);
        let what = format!("{path}: {answer:?}");
        assert_eq!((answer.status, &*answer.problem()), (status, kind), "{what}");
        assert!(answer.json()["detail"].as_str().unwrap().contains(detail), "{detail} is not in {what}");
    }
    assert_eq!(boss.send("DELETE", "plugins/policy-triage", &[], None).problem(), "plugin-in-use");
    assert_eq!(boss.send("DELETE", "plugins/fax", &[], None).problem(), "nothing-to-do");
    assert_eq!(boss.get(&format!("{TRIAGE}/differences?cursor=AAAA")).problem(), "bad-request");
    assert_eq!(place(&boss)["live"]["generation"], before["live"]["generation"]);
}

#[test]
fn an_install_under_a_key_happens_once() {
    let house = House::with_policies(&["policy-triage"]);
    let boss = house.client("boss");
    let once = || boss.post_bytes("plugins", &[WASM, ("idempotency-key", "k")], triage("0.2.0"));
    let (first, second) = (once(), once());
    assert_eq!((first.status, second.status), (201, 201), "{second:?}");
    assert_eq!(second.headers.get("idempotent-replayed").map(String::as_str), Some("true"));
    assert_eq!(first.json(), second.json());
    assert_eq!(boss.get(TRIAGE).ok()["generations"].as_array().map(Vec::len), Some(2));
}

#[test]
fn only_a_package_may_be_larger_than_other_bodies_and_its_announced_size_is_believed() {
    let house = House::new();
    let boss = house.client("boss");
    let large = vec![b' '; 2 << 20];
    assert_eq!(boss.post_bytes("plugins", &[WASM], large.clone()).problem(), "not-a-plugin");
    assert_eq!(boss.post_bytes("tokens", &[("content-type", "application/json")], large).problem(), "too-large");
    // Announced, and never sent: nobody waits for it.
    let mut stream = std::net::TcpStream::connect(house.address).unwrap();
    let (token, size) = (boss.token.as_deref().unwrap(), 1 << 30);
    write!(
        stream,
        "POST /api/v1/plugins HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/wasm\r\nContent-Length: {size}\r\n\r\n"
    )
    .unwrap();
    let mut head = [0; 12];
    stream.read_exact(&mut head).unwrap();
    assert_eq!(&head, b"HTTP/1.1 413");
}
