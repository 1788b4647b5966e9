//! What the daemon makes of each guest beside a channel that behaves: no mail of that channel is lost, doubled or kept
//! aside; every mail of the guest's is kept aside with its cause, or the guest is refused before anything is started; the
//! daemon stays, and its memory comes back.
//!
//! How long the channel beside it takes is a figure of `cargo xtask bench contain`.
use std::collections::BTreeSet;
use std::io::Read;
use std::net::TcpListener;

use serde_json::Value;
use tributary_tests::api::{id, messages_of};
use tributary_tests::desk::{SUPPORT, Setup, resident};
use tributary_tests::guests::{self, BAD, VERSION, plugin_name};
use tributary_tests::load::{Load, message_id};
use tributary_tests::store::{self, Rows};
use tributary_tests::{Client, Desk, Mail, Relay, wait};

/// Good mails while the guest is hit.
const GOOD: usize = 150;
/// Mails for the guest.
const BAD_MAILS: usize = 12;
/// Good mails beforehand, as fast as they go, so that everything that grows with an ordinary rush has grown.
const WARM: usize = 1_000;

/// The blame of an event that was kept aside without asking a plugin that had failed too often.
const BREAKER: &str = "breaker";

/// A relay that takes the connection and says nothing. It lives as long as the test.
fn mute_relay() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

fn good(first: usize, mails: usize) -> Load {
    Load { connections: 4, messages: mails, per_second: Some(150), first }
}

fn rush(desk: &Desk) {
    Load { connections: 32, per_second: None, ..good(0, WARM) }.send(&desk.smtp);
}

/// Mails for the guest, one after the other in one session; each is taken, or refused for good.
fn hit(desk: &Desk, to: &str, mails: &[Mail]) {
    let mut client = Client::open(&desk.smtp);
    for mail in mails {
        let reply = client.send(&mail.from, &[to], &mail.bytes()).unwrap();
        assert_eq!(reply.code, 250, "{reply:?}");
    }
}

fn bad_mails(count: usize) -> Vec<Mail> {
    (0..count).map(|n| Mail::new(&format!("bad-{n}@mail.example"), "a mail", &format!("order {n}"))).collect()
}

/// Every good mail is one message, in a conversation of its own.
fn all_good_ones_are_there(desk: &Desk, mails: usize) {
    let connection = store::open(&desk.dir);
    let mut found = store::texts(
        &connection,
        "SELECT external_id FROM message WHERE channel = 'email' AND external_id LIKE 'load-%'",
    );
    found.sort();
    let mut expected: Vec<String> = (0..mails).map(message_id).collect();
    expected.sort();
    assert_eq!(found.len(), expected.len(), "lost or doubled");
    assert_eq!(found, expected);
}

/// The daemon is the same one, answers, and its memory is within a tenth of what it was.
fn stays(desk: &Desk, pid: u32, before: u64) {
    assert_eq!(desk.pid(), pid);
    assert_eq!(desk.api.try_get("/readyz").unwrap().status, 200);
    wait::until("memory to come back", || {
        let now = resident(desk.pid());
        if now <= before + before / 10 { Ok(()) } else { Err(format!("{} KiB, was {} KiB", now >> 10, before >> 10)) }
    });
}

/// What an operator sees of what was kept aside, the earliest first: all of this plugin, with its version and causes.
fn parked(desk: &Desk, guest: &str) -> Vec<Value> {
    let listed = desk.json(&["parked", "list", "--limit", "200"]);
    let mut items: Vec<Value> = listed["items"].as_array().unwrap().clone();
    items.reverse();
    for item in &items {
        assert_eq!(item["plugin"], plugin_name(guest).as_str(), "{item}");
        // None was asked about what the breaker keeps aside; it names the failure that opened it.
        assert_eq!(item["version"], if item["blame"] == BREAKER { "" } else { VERSION }, "{item}");
        assert!(item["why"].as_str().is_some_and(|why| !why.is_empty()), "{item}");
    }
    items
}

/// The first is there for this blame and these words, and so is every other one whose event the guest was asked about.
fn all_for(items: &[Value], blame: &str, words: &str) {
    assert_eq!(items[0]["blame"], blame, "{}", items[0]);
    for item in items {
        if item["blame"] == BREAKER {
            continue;
        }
        assert_eq!(item["blame"], blame, "{item}");
        assert!(item["why"].as_str().unwrap().contains(words), "{item}");
    }
}

/// Good mails to one side, bad ones to the other, both at once.
fn both(desk: &Desk, to: &str, bad: &[Mail]) -> Rows {
    let pid = desk.pid();
    rush(desk);
    hit(desk, to, &bad_mails(2));
    desk.settled();
    let before = resident(pid);
    std::thread::scope(|scope| {
        scope.spawn(|| good(WARM, GOOD).send(&desk.smtp));
        scope.spawn(|| hit(desk, to, bad));
    });
    let rows = desk.settled();
    all_good_ones_are_there(desk, WARM + GOOD);
    stays(desk, pid, before);
    rows
}

/// An adapter that makes nothing of any mail: each of them is kept aside for this blame, with these words.
fn parks(guest: &str, blame: &str, words: &str) {
    parks_at(Setup::default(), guest, blame, words);
}

fn parks_at(setup: Setup, guest: &str, blame: &str, words: &str) {
    let mut desk = guests::beside_email(setup, guest);
    desk.serve();
    let rows = both(&desk, BAD, &bad_mails(BAD_MAILS));
    let items = parked(&desk, guest);
    assert_eq!(items.len(), BAD_MAILS + 2, "{rows:?}");
    all_for(&items, blame, words);
    assert_eq!(rows.inbound, WARM + GOOD, "nothing of the guest's is a message: {rows:?}");
}

/// A policy that decides nothing for the senders it looks for: each happening is kept aside, the conversation stands.
fn parks_in_the_chain(guest: &str, blame: &str, words: &str) {
    let mut desk = guests::in_the_chain(Setup::default(), guest);
    desk.serve();
    let rows = both(&desk, SUPPORT, &bad_mails(BAD_MAILS));
    let items = parked(&desk, guest);
    all_for(&items, blame, words);
    // A breaker keeps aside what came while it was open, whoever wrote it; the mails themselves are all there.
    let asked = items.iter().filter(|item| item["blame"] != BREAKER).count();
    assert!(asked >= 1 && items.len() >= BAD_MAILS + 2, "{rows:?}");
    assert!(items.iter().all(|item| item["what"] == "happening"), "{items:?}");
    assert_eq!(rows.inbound, WARM + GOOD + BAD_MAILS + 2, "{rows:?}");
}

pub fn traps() {
    parks("traps", "trap", "unreachable");
}

pub fn spins() {
    parks("spins", "budget", "used up its budget of");
}

pub fn allocates() {
    parks("allocates", "budget", "bytes of memory");
}

pub fn recurses() {
    parks("recurses", "trap", "trapped");
}

/// And no more than the lines of a call reach the log.
pub fn floods_log() {
    parks("floods_log", "budget", "bytes handed to the host");
}

pub fn floods_host() {
    parks("floods_host", "budget", "bytes handed to the host");
}

pub fn waits_for_mail() {
    let (_relay, port) = mute_relay();
    parks_at(Setup::default().relay(port), "waits_for_mail", "budget", "1000 ms from start to end");
}

/// It was granted no host: it is told so as often as it asks, until its time is up.
pub fn waits_for_http() {
    parks("waits_for_http", "budget", "");
}

/// A host that listens is not reached; the mail is kept aside for a person.
pub fn exfiltrates() {
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    collector.set_nonblocking(true).unwrap();
    parks("exfiltrates", "sender", "did not get out: HttpError::Denied");
    assert!(collector.accept().map(|(mut stream, _)| stream.read_to_end(&mut Vec::new())).is_err());
}

/// A file of the email channel, by its id: neither read nor attached.
pub fn forges_file() {
    let mut desk = guests::beside_email(Setup::default(), "forges_file");
    desk.serve();
    let mail = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n";
    let body = "--b\r\nContent-Type: text/plain\r\n\r\nmy contract\r\n--b\r\nContent-Type: application/pdf; name=a.pdf\r\n\
                Content-Disposition: attachment; filename=a.pdf\r\n\r\nprivate\r\n--b--\r\n";
    let raw = format!("From: ann@mail.example\r\nMessage-ID: <victim@mail.example>\r\nSubject: s\r\n{mail}\r\n{body}");
    assert_eq!(desk.offer("ann@mail.example", &[SUPPORT], raw.as_bytes()).code, 250);
    desk.settled();
    let victim = &desk.api.details()[0];
    let file = messages_of(victim, "customer")[0]["attachments"][0].clone();
    let blob = file["blob"].as_str().or(file["id"].as_str()).unwrap_or_else(|| panic!("{file}")).to_owned();
    hit(&desk, BAD, &[Mail::new("bad-1@mail.example", "a mail", &blob)]);
    let items = parked(&desk, "forges_file");
    assert_eq!(items.len(), 1);
    all_for(&items, "guest", "does not belong to this call");
    assert_eq!(desk.settled().inbound, 1);
}

/// Neither its tag nor its number nor its key bring a stranger's message into a conversation, and what the shop answers
/// there goes to whom it always went.
pub fn forges_conversation() {
    let relay = Relay::start();
    let mut desk = guests::beside_email(Setup::default().relay(relay.port), "forges_conversation");
    desk.serve();
    desk.deliver(&Mail::new("ann@mail.example", "Where is my order?", "It was for Tuesday."));
    desk.settled();
    let victim = desk.api.details().remove(0);
    let tag = victim["tag"].as_str().unwrap_or_else(|| panic!("{victim}")).to_owned();
    let forged: Vec<Mail> =
        [tag.as_str(), "1"].iter().map(|text| Mail::new("bad-1@mail.example", "a mail", text)).collect();
    hit(&desk, BAD, &forged);
    let rows = desk.settled();
    assert_eq!((rows.inbound, rows.parked), (3, 0), "{rows:?}");
    let victim = desk.api.conversation(id(&victim));
    assert_eq!(messages_of(&victim, "customer").len(), 1, "{victim}");
    desk.api.answer(id(&victim), "It is on its way.");
    let answers = wait::until("the answer to arrive", || {
        let arrived: Vec<_> =
            relay.mails().into_iter().filter(|mail| mail.0.to_string().contains("on its way")).collect();
        if arrived.is_empty() { Err("nothing yet".to_owned()) } else { Ok(arrived) }
    });
    for answer in answers {
        let told = answer.0.to_string();
        assert!(told.contains("ann@mail.example") && !told.contains("bad-1@mail.example"), "{told}");
    }
}

/// Of what it can read nothing is lost: only the one is kept aside, each time it comes.
pub fn breaks_for_one() {
    let mut desk = guests::beside_email(Setup::default(), "breaks_for_one");
    desk.serve();
    let mut mails = bad_mails(BAD_MAILS);
    mails.insert(5, Mail::new("bad-x@mail.example", "poison", "hello"));
    let rows = both(&desk, BAD, &mails);
    let items = parked(&desk, "breaks_for_one");
    assert_eq!(items.len(), 1, "{items:?}");
    all_for(&items, "trap", "unreachable");
    assert_eq!(rows.inbound, WARM + GOOD + BAD_MAILS + 2, "{rows:?}");
    // It is the input: replayed, it fails again and stays.
    assert!(!desk.run(&["parked", "replay", &items[0]["id"].to_string()]).status.success());
    assert_eq!(desk.settled().parked, 1);
}

/// Two rounds of the same texts: the same ones are kept aside, all others are messages.
pub fn breaks_for_some() {
    let mut desk = guests::beside_email(Setup::default(), "breaks_for_some");
    desk.serve();
    let pid = desk.pid();
    let round = || {
        let mails: Vec<Mail> =
            (0..300).map(|n| Mail::new(&format!("bad-{n}@mail.example"), "a mail", &format!("order {n}"))).collect();
        let before = desk.settled();
        hit(&desk, BAD, &mails);
        let after = desk.settled();
        assert_eq!(after.inbound + after.parked, before.inbound + before.parked + mails.len(), "{after:?}");
        after.parked - before.parked
    };
    let first = round();
    assert!((1..=12).contains(&first), "{first} of 300");
    assert_eq!(round(), first);
    all_for(&parked(&desk, "breaks_for_some"), "trap", "unreachable");
    assert_eq!(desk.pid(), pid);
}

/// No message tells what another said.
pub fn leaks() {
    let mut desk = guests::beside_email(Setup::default(), "leaks");
    desk.serve();
    let rows = both(&desk, BAD, &bad_mails(BAD_MAILS));
    assert_eq!((rows.inbound, rows.parked), (WARM + GOOD + BAD_MAILS + 2, 0), "{rows:?}");
    let connection = store::open(&desk.dir);
    let told: BTreeSet<String> =
        store::texts(&connection, "SELECT trim(text) FROM message WHERE channel = 'bad' AND author = 'customer'")
            .into_iter()
            .collect();
    assert_eq!(told, BTreeSet::from(["the one before me wrote:".to_owned()]));
}

pub fn policy_traps() {
    parks_in_the_chain("policy_traps", "trap", "unreachable");
}

pub fn policy_spins() {
    // Several conversations are decided at once: where they share two cores, the time from start to end is up first.
    parks_in_the_chain("policy_spins", "budget", "used up its budget of");
}

/// What it was not granted is refused and shown as refused; what it was granted is done.
pub fn policy_oversteps() {
    let mut desk = guests::in_the_chain(Setup::default(), "policy_oversteps");
    desk.serve();
    desk.deliver(&Mail::new("bad-1@mail.example", "a mail", "hello"));
    let rows = desk.settled();
    assert_eq!(rows.parked, 0, "{rows:?}");
    let conversation = desk.api.details().remove(0);
    let words = conversation.to_string();
    assert!(!words.contains("We owe you a fortune."), "{conversation}");
    assert_ne!(conversation["grade"], "emergency", "{conversation}");
    assert!(words.contains("X3"), "the note was granted: {conversation}");
}

pub fn overflows() {
    parks("overflows", "trap", "call stack exhausted");
    // Asked again each time, and several at once: no call leaves its stack behind in the daemon's memory.
    let asked = Setup::default().with("[plugins.breaker]\nwindow = 1000\nfailures = 1000\n");
    let mut desk = guests::beside_email(asked, "overflows");
    desk.serve();
    let flood = |senders: usize| {
        std::thread::scope(|scope| {
            (0..senders).for_each(|_| drop(scope.spawn(|| hit(&desk, BAD, &bad_mails(30)))));
        });
    };
    rush(&desk);
    flood(1);
    let before = resident(desk.pid());
    flood(16);
    assert_eq!(desk.settled().parked, 17 * 30);
    stays(&desk, desk.pid(), before);
}

pub fn grows_tables() {
    parks("grows_tables", "budget", "bytes of memory");
}

pub fn returns_a_gigabyte() {
    parks("returns_a_gigabyte", "budget", "bytes handed to the host");
}

pub fn lies_about_lengths() {
    parks("lies_about_lengths", "guest", "broke the contract");
}

pub fn lies_about_utf8() {
    parks("lies_about_utf8", "guest", "utf-8");
}

/// `check` names the file and what is wrong with it, nothing is started with it, and the desk without it serves.
fn refused(guest: &str, words: &[&str]) {
    let mut desk = guests::beside_email(Setup::default(), guest);
    for command in ["check", "serve"] {
        let said = desk.run(&[command]);
        let told = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(!said.status.success(), "{command}: {told}");
        assert!(told.contains(&format!("{}.wasm", plugin_name(guest))), "{command} names no file: {told}");
        assert!(words.iter().all(|word| told.contains(word)), "{command}: {told}");
    }
    desk.configure(
        "[[channel]]\nname = \"bad\"\nplugin = \"channel-email\"\nconfig = { from = \"bad@shop.example\" }\n",
    );
    desk.serve();
    desk.deliver(&Mail::new("ann@mail.example", "A question", "Are you open on Sunday?"));
    assert_eq!(desk.settled().inbound, 1);
}

pub fn asks_for_more() {
    refused("asks_for_more", &["it imports `", "its plugin.toml does not ask for it"]);
    // The same where the plugin asks, and the operator does not allow it.
    let desk = guests::beside_email(Setup::default(), "exfiltrates");
    desk.configure("[[channel]]\nname = \"bad\"\n[channel.grants]\nservices = [\"config\", \"log\"]\n");
    let said = desk.run(&["check"]);
    let told = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(!said.status.success() && told.contains("which is not allowed to it"), "{told}");
}

refused_guests!();
