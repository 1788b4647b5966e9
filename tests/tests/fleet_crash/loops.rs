//! Crash loops: parked within a second, told to the operator, worked off in order.
use std::time::Instant;

use tributary_tests::mail::new_message_id;
use tributary_tests::plugins::{blamed, done, installed, live, milliseconds_to_park, parked, show, until_breaker};
use tributary_tests::traffic::Traffic;
use tributary_tests::{Desk, Mail, build, store, wait};

use crate::{beginning_with, setup};

/// A `plugin.toml` of a policy that decides too much to be left out.
fn needed(name: &str, version: &str) -> toml::Table {
    let mut manifest = build::manifest(name, version);
    manifest.remove("may-be-skipped");
    let actions = ["route", "note"].map(toml::Value::from).to_vec();
    manifest["asks"]["actions"] = actions.into();
    manifest
}

/// Waits until `plugin show` and `plugin list` both say these words.
fn told(desk: &Desk, place: &str, words: &[&str]) {
    wait::until("the operator to be told", || {
        let (show, list) = (done(desk, &["show", place]), done(desk, &["list"]));
        let missing: Vec<_> = words.iter().filter(|word| !show.contains(*word) || !list.contains(*word)).collect();
        if missing.is_empty() { Ok(()) } else { Err(format!("{missing:?} is missing:\n{show}\n{list}")) }
    });
}

#[test]
fn an_adapter_that_fails_for_everybody_is_parked_within_a_second_and_worked_off_in_order() {
    let desk = beginning_with("", "channel-email", &build::broken("channel-email", "0.1.1", "traps"));
    let traffic = Traffic { run: 1, customers: 12, each: 10, per_second: 400, connections: 4 };
    let began = Instant::now();
    let sending = {
        let address = desk.smtp.clone();
        std::thread::spawn(move || traffic.send_turns(&address, 0..5))
    };
    until_breaker(&desk, "email", "open");
    let seen = began.elapsed();
    sending.join().unwrap();
    assert_eq!(parked(&desk), 60, "every mail is kept");
    let took = milliseconds_to_park(&desk);
    assert!(took < 1_000, "{took} ms from the first failure to the first mail that was parked unasked");
    told(&desk, "email", &["channel-email 0.1.1", "60", "unreachable"]);
    let list = done(&desk, &["list"]);
    assert!(list.contains("60 parked"), "{list}");

    let sending = {
        let address = desk.smtp.clone();
        std::thread::spawn(move || traffic.send_turns(&address, 5..10))
    };
    installed(&desk, &build::version("channel-email", "0.1.2"), &[]);
    let began = Instant::now();
    wait::until("nothing to be parked", || match parked(&desk) {
        0 => Ok(()),
        parked => Err(format!("{parked} parked")),
    });
    let drained = began.elapsed();
    sending.join().unwrap();
    traffic.must_be_there(&desk);
    until_breaker(&desk, "email", "closed");
    assert_eq!((parked(&desk), live(&desk, "email").as_str()), (0, "0.1.2"));
    println!(
        "parked unasked {took} ms after the first failure (open seen after {seen:?}), 60 worked off in {drained:?}"
    );
}

/// Several mails of several customers, each with its Message-ID, in the order they are to be sent.
fn mails(names: &[&str], each: usize) -> Vec<Mail> {
    let first: Vec<String> = names.iter().map(|_| new_message_id()).collect();
    let mail = |turn: usize, at: usize| {
        let mail = Mail::new(&format!("{}@x.example", names[at]), "Where is my order", &format!("message {turn}"));
        match turn {
            0 => mail.with("Message-ID", &first[at]),
            _ => mail.with("In-Reply-To", &first[at]).with("References", &first[at]),
        }
    };
    (0..each).flat_map(|turn| (0..names.len()).map(move |at| (turn, at))).map(|(turn, at)| mail(turn, at)).collect()
}

/// What the guest `notes` noted, in order.
fn notes(desk: &Desk) -> Vec<String> {
    let sql = "SELECT detail FROM event WHERE act = 'noted' AND actor = 'policy:policy-routing' ORDER BY id";
    store::texts(&store::open(&desk.dir), sql)
}

fn acts(desk: &Desk, actor: &str, act: &str) -> usize {
    store::number(&store::open(&desk.dir), "SELECT count(*) FROM event WHERE actor = ? AND act = ?", [actor, act])
}

#[test]
fn a_policy_that_fails_for_everybody_holds_up_its_own_decisions_and_no_others() {
    let broken = build::instead(needed("policy-routing", "0.1.1"), "policy_traps", "policy_traps");
    let desk = beginning_with("", "policy-routing", &broken);
    let mut sent = mails(&["bad-ann", "bad-bob", "bad-cai"], 4);
    desk.after(&sent);
    until_breaker(&desk, "routing", "open");
    sent.extend(mails(&["dan", "eve"], 3));
    let rows = desk.after(&sent[12..]);
    let connection = store::open(&desk.dir);
    let plugins = store::texts(&connection, "SELECT DISTINCT plugin FROM parked");
    assert_eq!((rows.parked, plugins), (18, vec!["policy-routing".to_owned()]), "parked for that policy alone");
    assert!(milliseconds_to_park(&desk) < 1_000);
    assert!(blamed(&desk, "breaker") >= 6, "customers it would not have failed for wait as well");
    assert_eq!(rows.automatic_out, 5, "the others' decisions were applied: each was acknowledged");
    assert!(acts(&desk, "policy:policy-triage", "decided") >= 5, "and graded");
    let queue = desk.json(&["queue", "list"]);
    assert_eq!(queue["items"].as_array().map(Vec::len), Some(5), "they stand in the queue: {queue}");
    told(&desk, "routing", &["policy-routing", "0.1.1", "18", "unreachable"]);

    installed(&desk, &build::instead(needed("policy-routing", "0.1.2"), "notes", "notes"), &["--accept-grants"]);
    let began = Instant::now();
    let more = mails(&["fay", "gus"], 3);
    desk.after(&more);
    sent.extend(more);
    wait::until("every message to be noted", || match notes(&desk).len() {
        24 if parked(&desk) == 0 => Ok(()),
        noted => Err(format!("{noted} noted, {} parked", parked(&desk))),
    });
    println!("18 happenings worked off in {:?}", began.elapsed());
    let noted = notes(&desk);
    for customer in ["bad-ann", "bad-bob", "bad-cai", "dan", "eve", "fay", "gus"] {
        let mine = sent.iter().filter(|mail| mail.from == format!("{customer}@x.example"));
        let want: Vec<_> =
            mine.map(|mail| format!("saw {}", mail.header("message-id").unwrap().trim_matches(['<', '>']))).collect();
        let got: Vec<_> = noted.iter().filter(|note| want.contains(note)).cloned().collect();
        assert_eq!(got, want, "{customer}: each once, in order");
    }
    until_breaker(&desk, "routing", "closed");
}

#[test]
fn a_policy_that_may_be_skipped_is_passed_over() {
    let broken = build::broken("policy-routing", "0.1.1", "policy_traps");
    let desk = beginning_with("", "policy-routing", &broken);
    let rows = desk.after(&mails(&["bad-ann", "bad-bob"], 10));
    assert_eq!((rows.parked, rows.inbound, rows.automatic_out), (0, 20, 2));
    let open = until_breaker(&desk, "routing", "open");
    assert!(open["breaker"]["last_fault"]["why"].as_str().is_some_and(|why| why.contains("unreachable")), "{open}");
    assert_eq!(acts(&desk, "policy:policy-routing", "skipped"), 20, "each time with a line in the log of events");
}

#[test]
fn what_recovers_by_itself_is_worked_off_without_an_operator() {
    let guest = build::broken("channel-email", "0.1.1", "breaks_for_one");
    let desk = beginning_with("[plugins.breaker]\nfirst-rest = \"300 ms\"\n", "channel-email", &guest);
    for number in 0..10 {
        desk.deliver(&Mail::new(&format!("x{number}@x.example"), "poison", "this one breaks it"));
    }
    until_breaker(&desk, "email", "open");
    let sent = mails(&["ann", "bob", "cai", "dan"], 10);
    sent.iter().for_each(|mail| desk.deliver(mail));
    until_breaker(&desk, "email", "closed");
    let rows = desk.settled();
    assert_eq!((rows.inbound, rows.parked), (40, 10), "what it could read is there, what it fell over stays aside");
    let sql = "SELECT external_id FROM message WHERE digest IS NOT NULL ORDER BY id";
    let there = store::texts(&store::open(&desk.dir), sql);
    for customer in ["ann", "bob", "cai", "dan"] {
        let mine = sent.iter().filter(|mail| mail.from.starts_with(customer));
        let want: Vec<_> = mine.map(|mail| mail.header("message-id").unwrap().trim_matches(['<', '>'])).collect();
        let got: Vec<_> = there.iter().map(|id| id.trim_matches(['<', '>'])).filter(|id| want.contains(id)).collect();
        assert_eq!(got, want, "{customer}: each once, in order");
    }
    installed(&desk, &build::version("channel-email", "0.1.2"), &[]);
    wait::until("the poison to be read by a better build", || match desk.settled() {
        rows if (rows.inbound, rows.parked) == (50, 0) => Ok(()),
        rows => Err(format!("{rows:?}")),
    });
}

#[test]
fn what_fails_its_probes_is_given_up_until_an_operator_acts() {
    let overlay = "[plugins.breaker]\nfirst-rest = \"50 ms\"\nstrikes = 3\n";
    let desk = beginning_with(overlay, "channel-email", &build::broken("channel-email", "0.1.1", "traps"));
    let traffic = Traffic { run: 1, customers: 10, each: 6, per_second: 1_000, connections: 2 };
    traffic.send(&desk.smtp);
    let evicted = until_breaker(&desk, "email", "evicted");
    assert_eq!((&evicted["breaker"]["strikes"], &evicted["parked"]), (&3.into(), &60.into()));
    // Ten calls and three probes. The last one is committed a moment after the gate has shut.
    wait::until("it to be tried thirteen times", || wait::count("trapped", blamed(&desk, "trap"), 13));
    told(&desk, "email", &["evicted", "channel-email", "0.1.1", "60", "unreachable"]);
    let said = done(&desk, &["enable", "email"]);
    assert!(said.contains("60 that are parked"), "{said}");
    wait::until("it to be tried and given up again", || match (blamed(&desk, "trap"), show(&desk, "email")) {
        (23.., there) if there["breaker"]["state"] == "evicted" => Ok(()),
        (trapped, there) => Err(format!("{trapped}: {}", there["breaker"])),
    });
    installed(&desk, &build::version("channel-email", "0.1.2"), &[]);
    traffic.must_be_there(&desk);
    until_breaker(&desk, "email", "closed");
}

#[test]
fn a_channel_out_of_use_keeps_its_mails_and_works_them_off_in_order() {
    let mut desk = setup("").start();
    let traffic = Traffic { run: 1, customers: 10, each: 8, per_second: 400, connections: 4 };
    traffic.send_turns(&desk.smtp, 0..2);
    desk.settled();
    done(&desk, &["disable", "email"]);
    traffic.send_turns(&desk.smtp, 2..4);
    assert_eq!((parked(&desk), blamed(&desk, "breaker")), (20, 20));
    let shown = show(&desk, "email");
    assert_eq!((&shown["breaker"]["state"], &shown["enabled"]), (&"disabled".into(), &false.into()));
    // Neither another build nor a restart puts it into use.
    installed(&desk, &build::version("channel-email", "0.1.3"), &[]);
    traffic.send_turns(&desk.smtp, 4..5);
    assert_eq!((parked(&desk), show(&desk, "email")["breaker"]["state"].as_str()), (30, Some("disabled")));
    desk.stop();
    desk.serve();
    traffic.send_turns(&desk.smtp, 5..6);
    assert_eq!((parked(&desk), show(&desk, "email")["breaker"]["state"].as_str()), (40, Some("disabled")));
    let sending = {
        let address = desk.smtp.clone();
        std::thread::spawn(move || traffic.send_turns(&address, 6..8))
    };
    done(&desk, &["enable", "email"]);
    sending.join().unwrap();
    traffic.must_be_there(&desk);
    until_breaker(&desk, "email", "closed");
}

#[test]
fn a_policy_out_of_use_is_not_asked() {
    let desk =
        beginning_with("", "policy-routing", &build::instead(needed("policy-routing", "0.1.1"), "notes", "notes"));
    desk.after(&mails(&["ann"], 1));
    assert_eq!(notes(&desk).len(), 1);
    done(&desk, &["disable", "routing"]);
    let rows = desk.after(&mails(&["bob", "cai"], 3));
    assert_eq!((notes(&desk).len(), rows.parked, rows.inbound), (1, 0, 7));
    done(&desk, &["enable", "routing"]);
    desk.after(&mails(&["dan"], 1));
    assert_eq!((notes(&desk).len(), parked(&desk)), (2, 0), "what came meanwhile is not asked about later");
}
