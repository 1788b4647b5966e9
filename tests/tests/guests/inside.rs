//! What the runtime makes of each guest: how it ends, who is to blame, how long it takes, and that the next call of
//! another plugin of the same runtime is as good as any.
use std::time::Duration;

use tributary_model::decision::Decision;
use tributary_model::message::{ChannelEvent, Inbound, Rejection};
use tributary_runtime::{Blame, Budget, CallError, Generation};
use tributary_tests::Mail;
use tributary_tests::guests::{BUDGETS, Room, WALL};

fn mail(text: &str) -> Mail {
    Mail::new("odd@mail.example", "a mail", text)
}

/// Calls it until it was contained within twice `budget` once: another process may have had the cores meanwhile. What it
/// is contained by is the same every time.
fn contained(guest: &str, budget: Duration, call: impl Fn(&Room) -> (Option<CallError>, Duration)) -> CallError {
    let room = Room::new();
    let mut fastest = Duration::MAX;
    for _ in 0..5 {
        let (error, took) = call(&room);
        room.goes_on();
        let error = error.unwrap_or_else(|| panic!("{guest} was let through"));
        fastest = fastest.min(took);
        if fastest <= budget * 2 {
            return error;
        }
    }
    panic!("{guest} was contained after {fastest:?}; its budget is {budget:?}");
}

/// An adapter that a mail makes fail.
fn adapter(guest: &str) -> CallError {
    contained(guest, BUDGETS.guest, |room| {
        let (said, took) = room.receive(&room.load(guest).unwrap(), &mail("hello"));
        (said.err(), took)
    })
}

fn breached(error: &CallError) -> Budget {
    assert_eq!(error.blame(), Blame::Budget, "{error}");
    match error {
        CallError::Budget { budget, what } => {
            assert!(what.chars().any(|c| c.is_ascii_digit()), "{what} does not tell the limit");
            *budget
        }
        other => panic!("{other}"),
    }
}

pub fn traps() {
    let error = adapter("traps");
    assert!(matches!(&error, CallError::Trap(words) if words.contains("unreachable")), "{error}");
}

pub fn spins() {
    assert_eq!(breached(&adapter("spins")), Budget::Guest);
}

pub fn allocates() {
    assert_eq!(breached(&adapter("allocates")), Budget::Memory);
}

pub fn recurses() {
    let error = adapter("recurses");
    assert_eq!(error.blame(), Blame::Trap, "{error}");
}

/// What is written beyond the lines of a call is dropped, and counts all the same.
pub fn floods_log() {
    assert_eq!(breached(&adapter("floods_log")), Budget::BytesOut);
}

/// A byte at a time it would be 100 ms before its time is up, and hundreds of megabytes of questions.
pub fn floods_host() {
    assert_eq!(breached(&adapter("floods_host")), Budget::BytesOut);
}

pub fn waits_for_mail() {
    let error = contained("waits_for_mail", WALL, |room| {
        let (said, took) = room.receive(&room.load("waits_for_mail").unwrap(), &mail("hello"));
        assert!(room.asked() > 0, "the relay was never asked");
        (said.err(), took)
    });
    assert_eq!(breached(&error), Budget::Wall);
}

pub fn waits_for_http() {
    let error = contained("waits_for_http", WALL, |room| {
        let guest = room.load_with("waits_for_http", Room::allow_host).unwrap();
        let (said, took) = room.receive(&guest, &mail("hello"));
        assert!(room.asked() > 0, "the host was never asked");
        (said.err(), took)
    });
    assert_eq!(breached(&error), Budget::Wall);
}

/// Neither without a grant nor with one for another host does anything leave.
pub fn exfiltrates() {
    let room = Room::new();
    let nothing = room.load("exfiltrates").unwrap();
    let another = room.load_with("exfiltrates", Room::allow_host).unwrap();
    for guest in [nothing, another] {
        match room.receive(&guest, &mail("secret")).0.unwrap() {
            Err(Rejection::Malformed(why)) => {
                assert!(why.contains("Denied") && why.contains("collector.example"), "{why}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(room.asked(), 0, "a request left");
    room.goes_on();
}

pub fn forges_file() {
    let room = Room::new();
    let guest = room.load("forges_file").unwrap();
    // The SHA-256 of "hello": whoever knows the bytes knows the id.
    let known = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let error = room.receive(&guest, &mail(known)).0.unwrap_err();
    assert_eq!(error.blame(), Blame::Guest, "{error}");
    assert!(error.to_string().contains("does not belong to this call"), "{error}");
    room.goes_on();
}

/// The runtime hands hints on; the daemon does not believe them, see the other module.
pub fn forges_conversation() {
    let room = Room::new();
    let guest = room.load("forges_conversation").unwrap();
    let message = message(&room, &guest, &mail("T1"));
    assert_eq!(message.thread.tag.as_deref(), Some("T1"));
    room.goes_on();
}

fn message(room: &Room, guest: &Generation, mail: &Mail) -> Inbound {
    let reading = room.receive(guest, mail).0.unwrap().unwrap();
    match reading.events.into_iter().next() {
        Some(ChannelEvent::Message(message)) => *message,
        other => panic!("{other:?}"),
    }
}

pub fn breaks_for_one() {
    let room = Room::new();
    let guest = room.load("breaks_for_one").unwrap();
    for _ in 0..3 {
        let error = room.receive(&guest, &Mail::new("odd@mail.example", "poison", "hello")).0.unwrap_err();
        assert_eq!(error.blame(), Blame::Trap, "{error}");
        assert_eq!(message(&room, &guest, &mail("hello")).content.text, "hello");
    }
    room.goes_on();
}

pub fn breaks_for_some() {
    let room = Room::new();
    let guest = room.load("breaks_for_some").unwrap();
    let breaks = |n: &usize| match room.receive(&guest, &mail(&format!("order {n}"))).0 {
        Ok(said) => said.is_err(),
        Err(error) => {
            assert_eq!(error.blame(), Blame::Trap, "{error}");
            true
        }
    };
    let broken = || -> Vec<usize> { (0..1_000).filter(breaks).collect() };
    let first = broken();
    assert!((2..=30).contains(&first.len()), "{} of 1,000", first.len());
    assert_eq!(broken(), first, "it depends on what is written and on nothing else");
    room.goes_on();
}

pub fn leaks() {
    let room = Room::new();
    let told = |guest: &Generation, text: &str| message(&room, guest, &mail(text)).content.text;
    let fresh = room.load("leaks").unwrap();
    for secret in ["first", "second", "third"] {
        assert_eq!(told(&fresh, secret), "the one before me wrote: ", "what a call leaves in memory is gone with it");
    }
    // A plugin that asks for reuse gets what it asked for, but never an instance that fell over.
    let reused = room.load_with("leaks", |settings| settings.reuse = Some(100)).unwrap();
    assert_eq!(told(&reused, "first"), "the one before me wrote: ");
    assert_eq!(told(&reused, "second"), "the one before me wrote: first", "else this test shows nothing");
    room.receive(&reused, &Mail::new("odd@mail.example", "poison", "hello")).0.unwrap_err();
    assert_eq!(told(&reused, "third"), "the one before me wrote: ");
    room.goes_on();
}

fn policy(guest: &str) -> CallError {
    contained(guest, BUDGETS.guest, |room| {
        let (said, took) = room.decide(&room.load_with(guest, |settings| settings.channel = None).unwrap());
        (said.err(), took)
    })
}

pub fn policy_traps() {
    let error = policy("policy_traps");
    assert_eq!(error.blame(), Blame::Trap, "{error}");
}

pub fn policy_spins() {
    assert_eq!(breached(&policy("policy_spins")), Budget::Guest);
}

/// The runtime says which actions were granted; the store refuses the others, see the other module.
pub fn policy_oversteps() {
    let room = Room::new();
    let guest = room.load_with("policy_oversteps", |settings| settings.channel = None).unwrap();
    let decided: Vec<Decision> = room.decide(&guest).0.unwrap().unwrap();
    assert_eq!(decided.len(), 3);
    assert_eq!(*tributary_runtime::Policy::info(&*guest).actions, ["note".to_owned()]);
    room.goes_on();
}

pub fn overflows() {
    let error = adapter("overflows");
    assert!(matches!(&error, CallError::Trap(words) if words.contains("call stack exhausted")), "{error}");
}

pub fn grows_tables() {
    assert_eq!(breached(&adapter("grows_tables")), Budget::Memory);
}

pub fn returns_a_gigabyte() {
    assert_eq!(breached(&adapter("returns_a_gigabyte")), Budget::BytesOut);
}

pub fn lies_about_lengths() {
    let error = adapter("lies_about_lengths");
    assert_eq!(error.blame(), Blame::Guest, "{error}");
}

pub fn lies_about_utf8() {
    let error = adapter("lies_about_utf8");
    assert_eq!(error.blame(), Blame::Guest, "{error}");
}

/// It is not loaded, says why in these words, and says it soon.
fn refused(guest: &str, words: &[&str]) {
    let room = Room::new();
    let started = std::time::Instant::now();
    let why = room.load(guest).map(drop).unwrap_err();
    let took = started.elapsed();
    println!("{guest}: {took:?}: {why}");
    assert!(words.iter().all(|word| why.contains(word)), "{guest}: {why}");
    assert!(took < Duration::from_secs(10), "{guest} was looked at for {took:?}");
    room.goes_on();
}

pub fn asks_for_more() {
    refused("asks_for_more", &["it imports `", "its plugin.toml does not ask for it"]);
}

refused_guests!();
