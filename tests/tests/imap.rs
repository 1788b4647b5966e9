//! Mailboxes that are read by IMAP, on other people's servers: every mail comes in exactly once, and none is marked that is
//! not in the store.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tributary_tests::certificate::Certificate;
use tributary_tests::load::{mail, number_of};
use tributary_tests::mailbox::{Dovecot, Hoodiecrow, Lying, MailClient, PASSWORD};
use tributary_tests::random::Random;
use tributary_tests::{Desk, store, wait};

/// A desk, not started, whose channel reads a mailbox of this user at this port, with these keys besides.
fn desk(port: u16, user: &str, more: &str) -> Desk {
    let overlay = format!(
        "[[channel]]\nname = \"email\"\n[channel.imap]\nhost = \"127.0.0.1\"\nport = {port}\nuser = \"{user}\"\n\
         password-secret = \"imap\"\ntimeout = \"10 s\"\n{more}\n"
    );
    let desk = Desk::setup().with(&overlay).init();
    secret(&desk, PASSWORD);
    desk
}

fn secret(desk: &Desk, secret: &str) {
    std::fs::write(desk.dir.join("secrets/imap"), format!("{secret}\n")).unwrap();
}

/// News has to be told, or it does not come in while the test runs.
const TOLD: &str = "tls = \"none\"\nevery = \"1 h\"";

/// How often each mail stands in the store, by its number.
fn kept(desk: &Desk) -> BTreeMap<usize, usize> {
    let mut kept = BTreeMap::new();
    for id in store::texts(&store::open(&desk.dir), "SELECT external_id FROM message WHERE digest IS NOT NULL") {
        *kept.entry(number_of(&id).expect("a mail of this test")).or_default() += 1;
    }
    kept
}

/// Waits until these are in the store, each once, and nothing else.
fn wait_for(desk: &Desk, numbers: impl IntoIterator<Item = usize>) {
    let wanted: BTreeMap<usize, usize> = numbers.into_iter().map(|number| (number, 1)).collect();
    wait::until_for(Duration::from_secs(240), "every mail to be in the store once", || {
        let kept = kept(desk);
        if kept == wanted { Ok(()) } else { Err(format!("{} of {}: {:?}", kept.len(), wanted.len(), mailbox(desk))) }
    });
}

/// Waits until the mails of a folder that are marked as read are these.
fn wait_for_marks(client: &mut MailClient, folder: &str, wanted: impl Fn(&Lying) -> bool) {
    wait::until("the mails to be marked", || {
        let wrong: Vec<Lying> = client.list(folder).into_iter().filter(|mail| mail.seen != wanted(mail)).collect();
        if wrong.is_empty() { Ok(()) } else { Err(format!("{} marked wrongly: {:?}", wrong.len(), wrong.first())) }
    });
}

fn mailbox(desk: &Desk) -> Value {
    desk.api.get("/api/v1/stats")["mailboxes"][0].clone()
}

fn wait_for_state(desk: &Desk, state: &str) -> Value {
    wait::until(&format!("the mailbox to be {state}"), || {
        let mailbox = mailbox(desk);
        if mailbox["state"] == state { Ok(mailbox) } else { Err(mailbox.to_string()) }
    })
}

fn texts(numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
    numbers.into_iter().map(|number| String::from_utf8(mail(number)).unwrap()).collect()
}

#[test]
fn a_mail_comes_in_while_the_server_is_waited_for_and_after_it_was_away() {
    let mut dovecot = Dovecot::start();
    let mut client = dovecot.client("desk");
    let mut desk = desk(dovecot.port, "desk", TOLD);
    desk.serve();
    let mailbox = wait_for_state(&desk, "waiting");
    assert_eq!((&mailbox["connected"], &mailbox["channel"]), (&true.into(), &"email".into()), "{mailbox}");
    let mut told = Vec::new();
    for number in 0..5 {
        wait_for_state(&desk, "waiting");
        client.append("INBOX", &texts([number]));
        let appended = Instant::now();
        wait_for(&desk, 0..=number);
        told.push(appended.elapsed());
    }
    told.sort();
    println!("from the end of APPEND to the row in the store: {told:?}");
    assert!(told[2] < Duration::from_secs(1), "{told:?}");
    wait_for_marks(&mut client, "INBOX", |_| true);
    drop(client);

    dovecot.stop();
    let mailbox = wait_for_state(&desk, "failed");
    assert!(mailbox["error"].is_string() && mailbox["next_try"].is_string(), "{mailbox}");
    dovecot.run();
    dovecot.client("desk").append("INBOX", &texts([5]));
    wait_for(&desk, 0..6);
    let metrics = desk.api.try_get("/metrics").unwrap().text;
    for line in ["tributary_imap_connected{channel=\"email\"} 1", "outcome=\"stored\"} 6"] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
    assert!(desk.stop().success());
}

#[test]
fn a_backlog_is_taken_in_order_and_what_cannot_be_read_does_not_hold_it_up() {
    let dovecot = Dovecot::start();
    let mut client = dovecot.client("desk");
    client.append("INBOX", &texts(0..500));
    client.append("INBOX", &["no header, no end of one\r\n".to_owned()]);
    client.append("INBOX", &texts(500..1_000));
    let mut desk = desk(dovecot.port, "desk", TOLD);
    desk.serve();
    let started = Instant::now();
    wait_for(&desk, 0..1_000);
    println!("1,000 mails taken within {:.1} s", started.elapsed().as_secs_f64());
    let rows = desk.settled();
    assert_eq!((rows.inbound, rows.parked, rows.conversations), (1_000, 1, 1_000), "{rows:?}");
    wait_for_marks(&mut client, "INBOX", |_| true);
    let order =
        store::texts(&store::open(&desk.dir), "SELECT external_id FROM message WHERE digest IS NOT NULL ORDER BY id");
    assert!(order.iter().map(|id| number_of(id).unwrap()).eq(0..1_000), "in the order of UIDs");
}

#[test]
fn killed_at_random_moments_every_mail_is_there_once_and_none_is_marked_that_is_not() {
    let kills =
        std::env::var("TRIBUTARY_KILLS").ok().map_or(10, |kills| kills.parse().expect("TRIBUTARY_KILLS is a number"));
    let mut random = Random::moments();
    println!("{kills} kills, seed {}", random.seed());
    let dovecot = Dovecot::start();
    let mut client = dovecot.client("desk");
    let mut desk = desk(dovecot.port, "desk", TOLD);
    desk.serve();
    let stop = AtomicBool::new(false);
    let sent = std::thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let (mut client, mut number) = (dovecot.client("desk"), 0);
            while !stop.load(Ordering::Relaxed) {
                client.append("INBOX", &texts(number..number + 3));
                number += 3;
                // A pace that leaves something to be interrupted.
                std::thread::sleep(Duration::from_millis(15));
            }
            number
        });
        for _ in 0..kills {
            // The moment is what is random here; nothing is waited for.
            std::thread::sleep(Duration::from_millis(50 + random.number() % 700));
            desk.kill();
            let marked: BTreeSet<usize> =
                client.list("INBOX").iter().filter(|mail| mail.seen).map(|mail| number_of(&mail.id).unwrap()).collect();
            let kept = kept(&desk);
            let lost: Vec<_> = marked.iter().filter(|number| !kept.contains_key(number)).collect();
            assert!(lost.is_empty(), "marked and not in the store: {lost:?}");
            desk.serve();
        }
        stop.store(true, Ordering::Relaxed);
        sender.join().unwrap()
    });
    wait_for(&desk, 0..sent);
    wait_for_marks(&mut client, "INBOX", |_| true);
    let rows = desk.settled();
    println!("{sent} mails");
    assert_eq!((rows.inbound, rows.conversations, rows.parked), (sent, sent, 0), "{rows:?}");
}

#[test]
fn a_folder_with_other_uids_is_read_again_without_doubling() {
    let mut dovecot = Dovecot::start();
    let mut client = dovecot.client("desk");
    client.create("客户来信");
    client.append("客户来信", &texts(0..20));
    let mut desk = desk(dovecot.port, "desk", &format!("{TOLD}\nfolder = \"客户来信\"\nafter = \"leave\""));
    desk.serve();
    wait_for(&desk, 0..20);
    drop(client);
    dovecot.forget_uids();
    let mut client = dovecot.client("desk");
    client.append("客户来信", &texts(20..23));
    wait_for(&desk, 0..23);
    wait_for_state(&desk, "waiting");
    wait_for(&desk, 0..23);
    assert_eq!(desk.log().matches("UIDs are others than they were").count(), 1, "it is told once");
    assert_eq!(desk.settled().conversations, 23);
    assert!(client.list("客户来信").iter().all(|mail| !mail.seen), "nothing is marked");
    assert_eq!(client.list("INBOX"), []);
}

#[test]
fn a_server_that_neither_tells_nor_moves_is_asked_and_copied_on() {
    let dovecot = Dovecot::start_with("ssl = no\nimap_capability = IMAP4rev1 UIDPLUS\n");
    let mut client = dovecot.client("desk");
    client.append("INBOX", &texts(0..3));
    let mut desk = desk(dovecot.port, "desk", "tls = \"none\"\nevery = 1\nafter = \"move:已处理\"");
    desk.serve();
    wait_for(&desk, 0..3);
    client.append("INBOX", &texts(3..6));
    wait_for(&desk, 0..6);
    wait::until("the mails to be moved", || wait::count("mails", client.list("INBOX").len(), 0));
    assert_eq!(client.list("已处理").len(), 6);
}

#[test]
fn what_was_there_before_is_left_alone_if_it_is_asked_for() {
    let dovecot = Dovecot::start();
    let mut client = dovecot.client("desk");
    client.append("INBOX", &texts(0..5));
    let mut desk = desk(dovecot.port, "desk", &format!("{TOLD}\nsince-days = 0\nafter = \"delete\""));
    desk.serve();
    wait_for_state(&desk, "waiting");
    client.append("INBOX", &texts(5..8));
    wait_for(&desk, 5..8);
    wait::until("the taken ones to be deleted", || wait::count("mails", client.list("INBOX").len(), 5));
    assert!(client.list("INBOX").iter().all(|mail| number_of(&mail.id).unwrap() < 5 && !mail.seen));
}

#[test]
fn a_wrong_password_is_shown_and_a_new_one_tried_at_once() {
    let dovecot = Dovecot::start();
    let mut desk = desk(dovecot.port, "desk", TOLD);
    secret(&desk, "wrong");
    desk.serve();
    let mailbox = wait_for_state(&desk, "refused");
    assert!(mailbox["error"].as_str().unwrap().contains("the login was refused"), "{mailbox}");
    assert_eq!(mailbox["connected"], false);
    let tried = dovecot.log().matches("auth failed").count();
    secret(&desk, PASSWORD);
    wait_for_state(&desk, "waiting");
    println!("refused logins in the server's log: {tried}");
    assert!(!desk.log().contains("wrong\""), "a password is not logged");
    dovecot.client("desk").append("INBOX", &texts([0]));
    wait_for(&desk, 0..1);
}

#[test]
fn what_somebody_else_deletes_meanwhile_holds_up_nothing() {
    let dovecot = Dovecot::start();
    let mut client = dovecot.client("desk");
    client.append("INBOX", &texts(0..400));
    let uids: Vec<u64> = client.list("INBOX").iter().map(|mail| mail.uid).collect();
    let mut desk = desk(dovecot.port, "desk", TOLD);
    desk.serve();
    let mut random = Random::moments();
    println!("seed {}", random.seed());
    for _ in 0..20 {
        let chosen: Vec<u64> = (0..5).map(|_| uids[random.number() as usize % uids.len()]).collect();
        client.expunge("INBOX", &chosen);
    }
    client.append("INBOX", &texts(400..402));
    let left: BTreeSet<usize> = client.list("INBOX").iter().map(|mail| number_of(&mail.id).unwrap()).collect();
    let kept = wait::until_for(Duration::from_secs(120), "what is left to be in the store", || {
        let kept = kept(&desk);
        let missing = left.iter().filter(|number| !kept.contains_key(number)).count();
        wait::count("mails missing", missing, 0).map(|()| kept)
    });
    println!("{} of 402 mails were left, {} are in the store", left.len(), kept.len());
    assert!(kept.values().all(|count| *count == 1), "{kept:?}");
    assert_eq!(mailbox(&desk)["left"], 0);
}

#[test]
fn another_maker_s_server_is_understood_with_idle_and_without() {
    for (extensions, more) in
        [(&["IDLE", "UIDPLUS"][..], TOLD), (&["AUTH-PLAIN", "SASL-IR", "ID"][..], "tls = \"none\"\nevery = 1")]
    {
        let server = Hoodiecrow::start(extensions);
        let mut client = server.client();
        client.append("INBOX", &texts(0..3));
        let mut desk = desk(server.port, "testuser", more);
        secret(&desk, "testpass");
        desk.serve();
        wait_for(&desk, 0..3);
        wait_for_state(&desk, "waiting");
        client.append("INBOX", &texts(3..6));
        wait_for(&desk, 0..6);
        wait_for_marks(&mut client, "INBOX", |_| true);
    }
}

#[test]
fn under_tls_the_certificate_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = Certificate::write(folder.path());
    let dovecot = Dovecot::start_tls(&certificate);
    let trusted = format!("authorities = [\"{}\"]", certificate.certificate.display());
    for (port, tls, trusted) in [
        (dovecot.tls_port, "implicit", &trusted[..]),
        (dovecot.port, "starttls", &trusted),
        (dovecot.port, "starttls", ""),
    ] {
        let mut desk = desk(port, tls, &format!("tls = \"{tls}\"\n{trusted}"));
        desk.serve();
        if trusted.is_empty() {
            let mailbox = wait_for_state(&desk, "failed");
            assert!(mailbox["error"].as_str().unwrap().contains("certificate"), "{mailbox}");
        } else {
            wait_for_state(&desk, "waiting");
        }
    }
}
