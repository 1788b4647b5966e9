//! What customers get: the acknowledgement and the agent's answer, as somebody else's server and mail reader see them.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]
use serde_json::json;
use tributary_tests::api::{id, messages_of};
use tributary_tests::desk::SUPPORT;
use tributary_tests::{Desk, Mail, Relay, program, until, wait};

const ANN: &str = "ann@mail.example";

/// A desk with a relay, and one mail of Ann in it, acknowledged.
fn with_one_mail() -> (Desk, Relay, Mail, i64) {
    let relay = Relay::start();
    let desk = Desk::setup().relay(relay.port).start();
    let mail = Mail::new(ANN, "Broken kettle", "The kettle I bought leaks.");
    desk.deliver(&mail);
    relay.wait_for(ANN, 1);
    let id = id(&desk.api.queue()[0]);
    (desk, relay, mail, id)
}

#[test]
fn the_acknowledgement_goes_out_once_and_says_that_a_machine_wrote_it() {
    let (desk, relay, mail, _) = with_one_mail();
    let first = relay.mails_to(ANN).remove(0);
    assert_eq!(first.header("auto-submitted"), Some("auto-replied"), "RFC 3834 5: {first:?}");
    assert_eq!(first.header("in-reply-to"), mail.header("message-id"));
    assert!(first.header("subject").is_some_and(|subject| subject.contains("[#T1]")), "{first:?}");

    desk.deliver(
        &Mail::new(ANN, "Re: [#T1] Broken kettle", "Are you there?")
            .with("In-Reply-To", first.header("message-id").unwrap()),
    );
    let rows = desk.settled();
    assert_eq!((rows.conversations, rows.inbound, rows.automatic_out), (1, 2, 1), "once per conversation: {rows:?}");
    assert_eq!(rows.waiting_out, 0);
    assert_eq!(relay.count(), 1);
}

#[test]
fn the_answer_of_an_agent_is_a_correctly_threaded_mail() {
    let (desk, relay, mail, id) = with_one_mail();
    desk.api.answer(id, "您好，新的今天寄出。\nA new one leaves today.");
    let arrived = relay.wait_for(ANN, 2).remove(1);
    let acknowledgement = relay.mails_to(ANN).remove(0);
    let customers_id = mail.header("message-id").unwrap();

    assert_eq!(arrived.text().replace("\r\n", "\n").trim(), "您好，新的今天寄出。\nA new one leaves today.");
    assert_eq!(arrived.header("in-reply-to"), Some(customers_id), "RFC 5322 3.6.4");
    assert!(arrived.header("references").unwrap_or_default().contains(customers_id), "{arrived:?}");
    assert!(arrived.header("subject").unwrap_or_default().contains("Broken kettle"));
    assert!(arrived.header("subject").unwrap_or_default().contains("[#T1]"));
    let reply_to = arrived.header("reply-to").unwrap_or_default();
    assert!(reply_to.contains("support+") && reply_to.contains("@shop.example"), "{reply_to:?}");
    assert!(!arrived.is_automatic(), "a person wrote it");
    assert_ne!(arrived.header("message-id"), acknowledgement.header("message-id"));
    assert_eq!(arrived.0["defects"], json!([]), "another program's reader finds nothing to complain about");
    for header in
        ["From", "To", "Date", "Message-ID", "Subject", "In-Reply-To", "References", "Reply-To", "MIME-Version"]
    {
        assert_eq!(arrived.headers(header), 1, "RFC 5322 3.6: {header} once");
    }
    assert_eq!(arrived.recipients(), [ANN]);

    let detail = desk.api.conversation(id);
    assert_eq!(messages_of(&detail, "agent").len(), 1, "{detail}");
    assert_eq!(messages_of(&detail, "customer")[0]["text"].as_str().map(str::trim), Some("The kettle I bought leaks."));
}

#[test]
fn files_of_an_answer_arrive_as_they_were() {
    let (desk, relay, _, id) = with_one_mail();
    let label: Vec<u8> = (0..100_000_u32).flat_map(|n| n.to_le_bytes()).collect();
    std::fs::write(desk.dir.join("退货标签.pdf"), &label).unwrap();
    let bytes = std::fs::read(desk.dir.join("tributary.toml")).unwrap();
    let id = id.to_string();
    let path = |name: &str| desk.dir.join(name).to_str().unwrap().to_owned();
    let (one, other) = (path("退货标签.pdf"), path("tributary.toml"));
    program::run_well(&mut desk.command(&["queue", "claim", &id]));
    program::run_well(&mut desk.command(&["queue", "reply", &id, "--file", &one, "--file", &other]));
    let arrived = relay.wait_for(ANN, 2).remove(1);
    assert_eq!(arrived.0["defects"], json!([]));
    assert_eq!(
        arrived.files(),
        [
            ("退货标签.pdf".to_owned(), "application/pdf".to_owned(), label.clone()),
            ("tributary.toml".to_owned(), "text/x-toml".to_owned(), bytes),
        ]
    );
    let detail = desk.api.conversation(id.parse().unwrap());
    let sent = &messages_of(&detail, "agent")[0]["attachments"];
    assert_eq!((&sent[0]["name"], &sent[0]["size"]), (&json!("退货标签.pdf"), &json!(label.len())), "{sent}");
}

#[test]
fn the_first_response_clock_runs_until_an_agent_answers() {
    let (desk, _relay, _, id) = with_one_mail();
    let clock = |desk: &Desk| {
        let clocks = desk.api.conversation(id)["clocks"].as_array().cloned().unwrap_or_default();
        clocks.into_iter().find(|clock| clock["name"] == "first-response").unwrap_or_default()
    };
    let running = clock(&desk);
    assert_eq!((&running["name"], &running["stopped_at"]), (&json!("first-response"), &json!(null)), "{running}");
    desk.api.answer(id, "A new one leaves today.");
    until("the clock to stop", || match clock(&desk) {
        stopped if stopped["stopped_at"].is_string() => Ok(()),
        other => Err(other.to_string()),
    });
}

#[test]
fn every_decision_says_its_rule_and_why() {
    let (desk, _relay, _, id) = with_one_mail();
    let detail = desk.api.conversation(id);
    let decisions = detail["decisions"].as_array().expect("decisions are listed");
    assert!(decisions.len() >= 3, "graded, routed, acknowledged: {detail}");
    for decision in decisions {
        for key in ["rule", "why", "policy", "action"] {
            assert!(decision[key].as_str().is_some_and(|text| !text.is_empty()), "{key} in {decision}");
        }
    }
}

#[test]
fn the_most_urgent_stands_first() {
    let desk = Desk::start();
    let rows = desk.after(&[
        Mail::new("a@mail.example", "A question", "Do you have blue ones?"),
        Mail::new("b@mail.example", "投诉", "我要投诉，东西坏了，没人理我。")
            .with("MIME-Version", "1.0")
            .with("Content-Type", "text/plain; charset=utf-8"),
        Mail::new("c@mail.example", "URGENT", "The charger caught fire and my son was burned. We are in hospital."),
    ]);
    assert_eq!(rows.conversations, 3);
    let order: Vec<i64> = desk.api.queue().iter().map(id).collect();
    assert_eq!(order, [3, 2, 1], "emergency, complaint, inquiry: {:#?}", desk.api.queue());
}

#[test]
fn one_agent_holds_a_conversation_and_the_other_is_told_who_and_until_when() {
    let (desk, _relay, _, id) = with_one_mail();
    let other = desk.json(&["token", "create", "li"]);
    let other = desk.api.with_token(other["token"].as_str().expect("a token is made"));
    desk.api.claim(id);
    let refused = other.try_post("/api/v1/queue/claim", &json!({ "conversation": id }), None).unwrap();
    assert_eq!(refused.status, 409, "{}", refused.text);
    assert!(refused.text.contains("until"), "{}", refused.text);
    let refused =
        other.try_post(&format!("/api/v1/conversations/{id}/reply"), &json!({ "text": "me too" }), None).unwrap();
    assert_eq!(refused.status, 409, "{}", refused.text);
    desk.api.post(&format!("/api/v1/conversations/{id}/release"), json!({}));
    other.answer(id, "Now it is mine.");
    assert_eq!(desk.settled().agents, 1);
}

#[test]
fn a_request_that_comes_again_under_its_key_is_done_once() {
    let (desk, relay, _, id) = with_one_mail();
    desk.api.claim(id);
    let path = format!("/api/v1/conversations/{id}/reply");
    let answers: Vec<_> =
        (0..3).map(|_| desk.api.try_post(&path, &json!({ "text": "Once." }), Some("key-1")).unwrap()).collect();
    assert!(
        answers.iter().all(|answer| answer.status == answers[0].status && answer.body == answers[0].body),
        "{answers:?}"
    );
    let misuse = desk.api.try_post(&path, &json!({ "text": "Another." }), Some("key-1")).unwrap();
    assert_eq!(misuse.status, 422, "{}", misuse.text);
    relay.wait_for(ANN, 2);
    assert_eq!(desk.settled().agents, 1);
}

#[test]
fn the_command_line_works_the_queue() {
    let (desk, relay, _, id) = with_one_mail();
    let number = id.to_string();
    assert_eq!(desk.json(&["queue", "list"])["items"].as_array().map(Vec::len), Some(1));
    program::run_well(&mut desk.command(&["queue", "claim", &number]));
    program::run_well(&mut desk.command(&["queue", "reply", &number, "By the command line."]));
    let arrived = relay.wait_for(ANN, 2).remove(1);
    assert_eq!(arrived.text().trim(), "By the command line.");
    let shown = program::run_well(&mut desk.command(&["queue", "show", &number]));
    let shown = String::from_utf8(shown.stdout).unwrap();
    for part in ["The kettle I bought leaks.", "By the command line."] {
        assert!(shown.contains(part), "{part:?} in {shown}");
    }
    assert!(!shown.contains('\u{1b}'), "colours only on a terminal");
    program::run_well(&mut desk.command(&["queue", "close", &number]));
    assert_eq!(desk.json(&["queue", "list"])["items"].as_array().map(Vec::len), Some(0));
}

/// The relay refuses for now, once with every stage's 4xx; the mail leaves later, under the same Message-ID.
#[test]
fn a_relay_that_is_down_or_busy_is_tried_again() {
    let (desk, relay, port) = {
        let relay = Relay::start();
        let desk = Desk::setup().relay(relay.port).with(FAST).start();
        let port = relay.port;
        (desk, relay, port)
    };
    for (stage, answer) in [
        ("connect", "421 4.3.2 busy"),
        ("mail", "451 4.3.0 later"),
        ("rcpt", "450 4.2.0 later"),
        ("data", "452 4.3.1 full"),
    ] {
        relay.answer(stage, answer, 1);
    }
    desk.deliver(&Mail::new(ANN, "One", "The kettle leaks."));
    relay.wait_for(ANN, 1);

    drop(relay);
    desk.deliver(&Mail::new("bob@mail.example", "Two", "The toaster smokes."));
    wait::until("a try while the relay is down", || {
        let detail = desk.api.conversation(2);
        let tries = detail["messages"][1]["delivery"]["attempts"].as_u64().unwrap_or(0);
        if tries > 0 { Ok(()) } else { Err(detail.to_string()) }
    });
    let relay = Relay::start_at(port);
    relay.wait_for("bob@mail.example", 1);
    let rows = until("both to be marked as sent", || {
        let rows = desk.settled();
        if rows.sent == 2 { Ok(rows) } else { Err(format!("{rows:?}")) }
    });
    assert_eq!((rows.failed, rows.parked), (0, 0), "{rows:?}");
}

/// Retries in milliseconds, four of them.
const FAST: &str = "[pipeline]\nretry-first = \"50 ms\"\nretry-most = \"200 ms\"\nretry-tries = 40\n";

#[test]
fn a_failure_for_good_is_shown_on_the_conversation_and_can_be_replayed() {
    let relay = Relay::start();
    let desk = Desk::setup().relay(relay.port).with(FAST).start();
    relay.answer("rcpt", "550 5.1.1 no such user", 1);
    desk.deliver(&Mail::new(ANN, "One", "The kettle leaks."));
    let rows = until("the failure", || {
        let rows = desk.settled();
        if rows.failed == 1 { Ok(rows) } else { Err(format!("{rows:?}")) }
    });
    assert_eq!(rows.parked, 1, "{rows:?}");
    let detail = desk.api.conversation(1);
    let delivery = &detail["messages"][1]["delivery"];
    assert_eq!(delivery["state"], "failed", "{detail}");
    assert!(delivery.to_string().contains("no such user"), "the server's words are shown: {delivery}");

    let parked = id(&desk.api.parked()[0]);
    desk.api.post(&format!("/api/v1/parked/{parked}/replay"), json!({}));
    relay.wait_for(ANN, 1);
    wait::until("nothing to be parked", || wait::count("parked", desk.api.parked().len(), 0));
}

#[test]
fn a_relay_that_never_takes_it_fails_after_the_last_try() {
    let relay = Relay::start();
    let few = "[pipeline]\nretry-first = \"20 ms\"\nretry-most = \"40 ms\"\nretry-tries = 3\n";
    let desk = Desk::setup().relay(relay.port).with(few).start();
    relay.answer("data", "451 4.3.0 later", 3);
    desk.deliver(&Mail::new(ANN, "One", "The kettle leaks."));
    let detail = until("the failure", || {
        let detail = desk.api.conversation(1);
        if detail["messages"][1]["delivery"]["state"] == "failed" { Ok(detail) } else { Err(detail.to_string()) }
    });
    assert_eq!(detail["messages"][1]["delivery"]["attempts"], 3, "{detail}");
    assert_eq!(relay.count(), 0);
}

/// A bounce of the agent's answer belongs to the conversation, and no machine answers it.
#[test]
fn a_bounce_of_an_answer_lands_in_its_conversation() {
    let (desk, relay, _, id) = with_one_mail();
    desk.api.answer(id, "A new one leaves today.");
    let sent = relay.wait_for(ANN, 2).remove(1);
    let bounce = Mail::new("MAILER-DAEMON@mx.example", "Undelivered Mail Returned to Sender", "550 5.1.1 no such user")
        .with("Auto-Submitted", "auto-replied")
        .with("In-Reply-To", sent.header("message-id").unwrap());
    assert_eq!(desk.offer("", &[SUPPORT], &bounce.bytes()).code, 250);
    let rows = desk.settled();
    assert_eq!((rows.conversations, rows.inbound, rows.automatic_out), (1, 2, 1), "{rows:?}");
}
