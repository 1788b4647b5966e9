//! Who may do what, what every answer carries, and how errors look.
use crate::fixture::{Client, House};
use serde_json::json;
use tributary_gateway::api::routes;
use tributary_gateway::http::HttpConfig;
use tributary_store::Scope;

#[test]
fn every_route_asks_for_its_scope_and_no_more() {
    let house = House::new();
    house.seed(1, 1);
    for route in routes() {
        // No token is revoked on the way: the rows after it need them all.
        let id = if route.path.contains("tokens") { "99" } else { "1" };
        let path = route.path.replace("{id}", id).replace("{blob}", "x").replace("{order}", "x");
        let path = path.replace("{kind}", "channel").replace("{name}", "email").replace("{plugin}", "x");
        let method = route.method.as_str();
        for (who, has) in [
            ("nobody", None),
            ("stranger", None),
            ("gone", None),
            ("reader", Some(Scope::Read)),
            ("lin", Some(Scope::Agent)),
            ("boss", Some(Scope::Admin)),
        ] {
            let client = if who == "nobody" { house.nobody() } else { house.client(who) };
            let headers: &[_] = if method == "POST" { &[("content-type", "application/json")] } else { &[] };
            let answer = client.send(method, &path, headers, (method == "POST").then_some("{}"));
            let expected = match (route.scope, has) {
                (None, _) => None,
                (Some(_), None) => Some(401),
                (Some(needs), Some(has)) if has < needs => Some(403),
                (Some(_), Some(_)) => None,
            };
            let what = format!("{method} {path} by {who}: {answer:?}");
            match expected {
                Some(401) => {
                    assert_eq!((answer.status, &*answer.problem()), (401, "unauthenticated"), "{what}");
                    assert!(answer.headers["www-authenticate"].starts_with("Bearer "), "{what}");
                }
                Some(_) => {
                    assert_eq!((answer.status, &*answer.problem()), (403, "forbidden"), "{what}");
                    assert_eq!(answer.json()["needs"], route.scope.unwrap().as_str(), "{what}");
                    assert!(answer.headers["www-authenticate"].contains("insufficient_scope"), "{what}");
                }
                None => assert!(!matches!(answer.status, 401 | 403 | 405 | 500), "{what}"),
            }
        }
    }
}

#[test]
fn errors_are_problems_that_say_what_where_and_what_was_expected() {
    let house = House::new();
    house.seed(1, 1);
    let lin = house.client("lin");
    let json_type = ("content-type", "application/json");
    let long = "x".repeat(1024 * 1024 + 1);
    let long_note = json!({ "text": "x".repeat(600 * 1024) }).to_string();
    for (method, path, headers, body, status, kind, detail) in [
        ("GET", "nothing", &[][..], None, 404, "not-found", "no such path"),
        ("GET", "conversations/7", &[], None, 404, "not-found", "conversation \"7\""),
        ("GET", "conversations/x", &[], None, 404, "not-found", "conversation \"x\""),
        ("GET", "conversations/1/attachments/00", &[], None, 404, "not-found", "attachment"),
        ("GET", "parked/7", &[], None, 404, "not-found", "parked item"),
        ("PUT", "queue", &[], None, 405, "method-not-allowed", "other methods"),
        ("GET", "queue?limit=0", &[], None, 400, "bad-request", "1 to 200"),
        ("GET", "queue?limit=many", &[], None, 400, "bad-request", "limit"),
        ("GET", "queue?colour=red", &[], None, 400, "bad-request", "colour"),
        ("GET", "queue?cursor=AAAA", &[], None, 400, "bad-request", "cursor"),
        ("GET", "conversations?state=lost", &[], None, 400, "bad-request", "open, answered, snoozed, closed"),
        ("GET", "events?after=x", &[], None, 400, "bad-request", "number"),
        ("POST", "queue/claim", &[json_type], Some("{"), 400, "bad-request", "EOF"),
        ("POST", "queue/claim", &[json_type], Some("{} {}"), 400, "bad-request", "trailing"),
        ("POST", "queue/claim", &[json_type], Some(r#"{"lease":1}"#), 400, "bad-request", "unknown field `lease`"),
        ("POST", "queue/claim", &[json_type], Some(r#"{"lease_seconds":"x"}"#), 400, "bad-request", "expected u64"),
        ("POST", "queue/claim", &[], Some("{}"), 415, "unsupported-media-type", "application/json"),
        ("POST", "queue/claim", &[json_type], Some(&long), 413, "too-large", "1048576"),
        ("POST", "queue/claim", &[json_type], Some(r#"{"lease_seconds":9}"#), 422, "invalid", "10 to 28800"),
        ("POST", "queue/claim", &[json_type], Some(r#"{"team":"a","conversation":1}"#), 422, "invalid", "not both"),
        ("POST", "conversations/1/reply", &[json_type], None, 422, "invalid", "text is empty"),
        (
            "POST",
            "conversations/1/reply",
            &[json_type],
            Some(r#"{"files":[{"name":"a/b","data":"YQ=="}]}"#),
            422,
            "invalid",
            "files[0].name is a path",
        ),
        (
            "POST",
            "conversations/1/reply",
            &[json_type],
            Some(r#"{"files":[{"name":"a","data":"%"}]}"#),
            422,
            "invalid",
            "files[0].data is not base64",
        ),
        (
            "POST",
            "conversations/1/reply",
            &[json_type],
            Some(r#"{"files":[{"name":"a","data":""}]}"#),
            422,
            "invalid",
            "1 byte at least",
        ),
        (
            "POST",
            "conversations/1/reply",
            &[json_type],
            Some(r#"{"files":[{"name":"a","media_type":"x","data":"YQ=="}]}"#),
            422,
            "invalid",
            "files[0].media_type is no media type: x",
        ),
        (
            "POST",
            "conversations/1/reply",
            &[json_type],
            Some(r#"{"files":[{"data":"YQ=="}]}"#),
            400,
            "bad-request",
            "missing field `name`",
        ),
        ("POST", "conversations/1/reply", &[json_type], Some(r#"{"text":" \n"}"#), 422, "invalid", "empty"),
        ("POST", "conversations/1/note", &[json_type], Some(&long_note), 422, "invalid", "at most"),
        ("POST", "conversations/1/transfer", &[json_type], Some("{}"), 422, "invalid", "to_agent or to_team"),
        ("POST", "conversations/1/transfer", &[json_type], Some(r#"{"to_agent":"a b"}"#), 422, "invalid", "blanks"),
        ("POST", "conversations/1/snooze", &[json_type], Some(r#"{"until":"soon"}"#), 422, "invalid", "2026-05-04"),
        (
            "POST",
            "conversations/1/snooze",
            &[json_type],
            Some(r#"{"until":"2001-01-01T00:00:00Z"}"#),
            422,
            "invalid",
            "future",
        ),
        ("POST", "conversations/7/claim", &[json_type], Some("{}"), 404, "not-found", "no such conversation"),
        ("POST", "queue/claim", &[("idempotency-key", "")], None, 400, "bad-request", "1 to 255"),
    ] {
        let answer = lin.send(method, path, headers, body);
        let what =
            format!("{method} {path} {}: {answer:?}", body.unwrap_or_default().chars().take(80).collect::<String>());
        assert_eq!((answer.status, &*answer.problem()), (status, kind), "{what}");
        let problem = answer.json();
        assert!(problem["detail"].as_str().unwrap().contains(detail), "{what}");
        let explained = house.nobody().get(problem["type"].as_str().unwrap());
        assert!(explained.status == 200 && explained.bytes.len() > 20, "{what}");
    }
    let answer = lin.send("POST", "queue/claim", &[json_type], Some(r#"{"lease_seconds":"x"}"#));
    assert_eq!(answer.json()["at"], "lease_seconds");
    assert_eq!(lin.get("/problems/none").status, 404);
}

#[test]
fn every_answer_has_a_request_id_and_is_neither_sniffed_nor_kept() {
    let house = House::new();
    let ask = |id: &str| house.client("reader").send("GET", "stats", &[("x-request-id", id)], None);
    let answer = ask("from-the-proxy.1");
    assert_eq!(answer.headers["x-request-id"], "from-the-proxy.1");
    assert_eq!(
        (&*answer.headers["x-content-type-options"], &*answer.headers["cache-control"]),
        ("nosniff", "no-store")
    );
    let (one, two) = (ask("no good\t"), ask("no good\t"));
    assert_eq!(one.headers["x-request-id"].len(), 16);
    assert_ne!(one.headers["x-request-id"], two.headers["x-request-id"]);
    assert!(!house.nobody().get("/nowhere").headers["x-request-id"].is_empty());
}

#[test]
fn tokens_are_made_shown_without_secret_and_out_of_use_at_once() {
    let house = House::new();
    let boss = house.client("boss");
    let made = boss.post("tokens", json!({"name": "王小明", "scope": "agent"}));
    assert_eq!(made.status, 201);
    let made = made.json();
    let secret = made["token"].as_str().unwrap().to_owned();
    let new = Client { token: Some(secret.clone()), ..house.nobody() };
    house.seed(1, 1);
    assert_eq!(new.claim(1)["holder"]["agent"], "王小明");
    let list = boss.get("tokens");
    assert!(!String::from_utf8_lossy(&list.bytes).contains(&secret));
    let list = list.ok();
    let shown = list["items"].as_array().unwrap().iter().find(|token| token["id"] == made["id"]).unwrap();
    assert_eq!(
        (&shown["name"], &shown["scope"], &shown["revoked_at"]),
        (&json!("王小明"), &json!("agent"), &json!(null))
    );

    let id = &made["id"];
    assert_eq!(boss.send("DELETE", &format!("tokens/{id}"), &[], None).status, 204);
    assert_eq!(new.get("queue").status, 401);
    assert_eq!(boss.send("DELETE", &format!("tokens/{id}"), &[], None).status, 404);
    for (body, status) in [
        (json!({"name": "a b", "scope": "agent"}), 422),
        (json!({"name": "a", "scope": "king"}), 422),
        (json!({"name": "a"}), 400),
    ] {
        assert_eq!(boss.post("tokens", body.clone()).status, status, "{body}");
    }
    let own = list["items"].as_array().unwrap().iter().find(|token| token["name"] == "boss").unwrap()["id"].to_string();
    assert_eq!(boss.send("DELETE", &format!("tokens/{own}"), &[], None).problem(), "invalid");
    assert_eq!(boss.get("tokens").status, 200, "the last admin token stays in use");
}

#[test]
fn health_readiness_and_metrics() {
    let house = House::new();
    house.seed(1, 3);
    let nobody = house.nobody();
    assert_eq!(nobody.get("/healthz").status, 200);
    assert_eq!(nobody.get("/readyz").problem(), "unavailable");
    house.state.set_ready(true);
    assert_eq!(nobody.get("/readyz").bytes, b"ready\n");
    let metrics = nobody.get("/metrics");
    assert!(metrics.status == 200 && metrics.headers["content-type"].starts_with("text/plain; version=0.0.4"));
    house.state.set_ready(false);
    assert_eq!((nobody.get("/readyz").status, nobody.get("/healthz").status), (503, 200));
    let stats = house.client("reader").get("stats").ok();
    assert_eq!((&stats["conversations"], &stats["waiting"], &stats["messages"]), (&json!(3), &json!(3), &json!(3)));

    let closed = House::with_config(HttpConfig::default(), true);
    assert_eq!(closed.nobody().get("/metrics").problem(), "unauthenticated");
    assert_eq!(closed.client("reader").get("/metrics").status, 200);
}
