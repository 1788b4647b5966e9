//! kill -9 at random moments under load: nothing acknowledged is lost, nothing is there twice, and whatever leaves again
//! leaves under the Message-ID it had.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tributary_tests::desk::SUPPORT;
use tributary_tests::load::{mail, number_of};
use tributary_tests::random::Random;
use tributary_tests::{Client, Desk, Relay, store, wait};

/// What senders and agents know for sure.
#[derive(Default)]
struct Told {
    stop: AtomicBool,
    next: AtomicUsize,
    /// Numbers of mails whose 250 was read.
    acknowledged: Mutex<BTreeSet<usize>>,
    /// Conversations whose reply was answered with 201.
    replied: Mutex<BTreeSet<i64>>,
}

#[test]
fn killed_at_random_moments_nothing_is_lost_or_doubled() {
    let kills: usize =
        std::env::var("TRIBUTARY_KILLS").ok().map_or(20, |kills| kills.parse().expect("TRIBUTARY_KILLS is a number"));
    let mut random = Random::moments();
    println!("{kills} kills, seed {}", random.seed());
    let relay = Relay::start();
    let retry = "[pipeline]\nretry-first = \"100 ms\"\nretry-most = \"1 s\"\nretry-tries = 1000\n";
    let mut desk = Desk::setup().relay(relay.port).with(retry).start();
    let told = Told::default();
    let started = Instant::now();
    let (smtp, api) = (desk.smtp.clone(), desk.api.clone());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| send(&smtp, &told));
        }
        scope.spawn(|| answer(&api, &told));
        for _ in 0..kills {
            // The moment is what is random here; nothing is waited for.
            std::thread::sleep(Duration::from_millis(20 + random.number() % 380));
            desk.kill();
            desk.serve();
        }
        told.stop.store(true, Ordering::Relaxed);
    });
    let rows = wait::until_for(Duration::from_secs(300), "everything to be decided and to leave", || {
        let rows = desk.settled();
        if rows.waiting_out == 0 { Ok(rows) } else { Err(format!("{rows:?}")) }
    });
    let acknowledged = told.acknowledged.into_inner().unwrap();
    let replied = told.replied.into_inner().unwrap();
    println!(
        "{} mails acknowledged, {} answers, {} mails at the relay, {:.0} s",
        acknowledged.len(),
        replied.len(),
        relay.count(),
        started.elapsed().as_secs_f64()
    );
    assert!(acknowledged.len() > kills, "there was load: {}", acknowledged.len());
    assert_eq!((rows.parked, rows.failed), (0, 0), "{rows:?}");

    let connection = store::open(&desk.dir);
    let mut kept = BTreeMap::<usize, usize>::new();
    for id in store::texts(&connection, "SELECT external_id FROM message WHERE digest IS NOT NULL") {
        *kept.entry(number_of(&id).expect("a mail of this test")).or_default() += 1;
    }
    let lost: Vec<_> = acknowledged.iter().filter(|number| !kept.contains_key(number)).collect();
    assert!(lost.is_empty(), "acknowledged and not in the store: {lost:?}");
    let twice: Vec<_> = kept.iter().filter(|(_, count)| **count != 1).collect();
    assert!(twice.is_empty(), "in the store more than once: {twice:?}");
    assert_eq!(rows.conversations, kept.len(), "one conversation a mail: {rows:?}");

    assert_eq!(rows.automatic_out, rows.conversations, "each was acknowledged: {rows:?}");
    let answered: BTreeSet<i64> =
        store::texts(&connection, "SELECT conversation FROM (SELECT CAST(conversation AS TEXT) AS conversation FROM message WHERE author = 'agent')")
            .iter()
            .map(|id| id.parse().unwrap())
            .collect();
    let lost: Vec<_> = replied.difference(&answered).collect();
    assert!(lost.is_empty(), "answers that were taken and are not there: {lost:?}");

    let mut sent = BTreeMap::<(String, bool), BTreeSet<String>>::new();
    for mail in relay.mails() {
        let to = mail.recipients().join(",");
        let id = mail.header("message-id").expect("a mail has a Message-ID").to_owned();
        sent.entry((to, mail.is_automatic())).or_default().insert(id);
    }
    let left: usize = sent.values().map(BTreeSet::len).sum();
    assert_eq!(
        left,
        rows.automatic_out + rows.agents,
        "each left at least once, under one Message-ID for each message"
    );
    println!("{left} mails left, {} of them a second time under the same Message-ID", relay.count() - left);
    let not_once = "SELECT conversation || ' ' || author || ' ' || count(*) FROM message WHERE author IN ('bot', 'agent') \
                    GROUP BY conversation, author HAVING count(*) > 1";
    let doubled: Vec<_> = sent.iter().filter(|(_, ids)| ids.len() != 1).collect();
    let twice = store::texts(&connection, not_once);
    assert!(twice.is_empty() && doubled.is_empty(), "answered twice: {twice:?}; at the relay: {doubled:?}");
}

/// A sender as they are: what was not answered with 250 is sent again.
fn send(smtp: &str, told: &Told) {
    let mut session = None::<Client>;
    while !told.stop.load(Ordering::Relaxed) {
        let number = told.next.fetch_add(1, Ordering::Relaxed);
        let from = format!("customer-{number}@load.example");
        while !told.stop.load(Ordering::Relaxed) {
            let client = match &mut session {
                Some(client) => client,
                None => match Client::try_open(smtp, "EHLO") {
                    Ok(client) => session.insert(client),
                    Err(_) => {
                        std::thread::sleep(Duration::from_millis(5));
                        continue;
                    }
                },
            };
            match client.send(&from, &[SUPPORT], &mail(number)) {
                Ok(reply) if reply.code == 250 => {
                    told.acknowledged.lock().unwrap().insert(number);
                    break;
                }
                Ok(reply) => assert!((400..500).contains(&reply.code), "{reply:?}"),
                Err(_) => session = None,
            }
        }
        // A pace that the relay, written in Python, can follow.
        std::thread::sleep(Duration::from_millis(15));
    }
}

/// An agent's program: takes the next, answers it under a key, and asks again until it is told that it is done.
fn answer(api: &tributary_tests::Api, told: &Told) {
    while !told.stop.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(10));
        let Ok(claimed) = api.try_post("/api/v1/queue/claim", &json!({}), None) else { continue };
        let Some(id) = claimed.body["id"].as_i64() else { continue };
        let (path, key) = (format!("/api/v1/conversations/{id}/reply"), format!("answer-{id}"));
        while !told.stop.load(Ordering::Relaxed) {
            match api.try_post(&path, &json!({ "text": format!("The answer to {id}.") }), Some(&key)) {
                Ok(answer) if answer.status == 201 => {
                    told.replied.lock().unwrap().insert(id);
                    break;
                }
                // Done before the kill, and the claim let go with it, or the key still under way.
                Ok(answer) if answer.status == 409 => break,
                Ok(answer) => assert!(answer.status >= 500, "{answer:?}"),
                Err(_) => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }
}
