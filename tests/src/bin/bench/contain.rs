//! What it takes to contain each guest that misbehaves on purpose, and what a channel beside it feels of that.
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tributary_tests::desk::{SUPPORT, Setup, resident};
use tributary_tests::events::Events;
use tributary_tests::guests::{self, BAD, Room};
use tributary_tests::load::{Load, Sink, Taken, number_of, percentile};
use tributary_tests::{Client, Desk, Mail, store};

/// Runs without the guest, and as many with it, in turn: what else the machine does meets both.
const ROUNDS: usize = 9;
/// Mails of the channel that behaves, in each run.
const MAILS: usize = 600;
/// Mails beforehand have numbers from here on.
const WARM: usize = 1_000_000;
/// Those mails a second.
const PACE: u32 = 400;
/// Mails a second for the guest: one that spins for 200 ms would fill ten cores.
const HITS: Duration = Duration::from_millis(20);

/// One line a guest.
pub fn run() {
    println!(
        "  {:<22} {:>12} {:>11} {:>11} {:>7} {:>6} {:>11} {:>11}   what the guest does",
        "guest", "contained in", "p99 quiet", "p99 beside", "ratio", "hits", "RSS before", "RSS after"
    );
    let sink = Sink::start();
    let setup = || Setup::default().relay(sink.port);
    let line = |guest: &str, took: &str, felt: &str, what: &str| println!("  {guest:<22} {took:>12} {felt:<63} {what}");
    line("none", "", &beside(guests::beside_another(setup()), BAD).words(), "is a channel as good as the other");
    for (guest, what) in guests::ALL {
        if guests::REFUSED.contains(guest) {
            line(guest, &ms(contained(|| refused(guest))), "refused", what);
            continue;
        }
        let policy = guests::POLICIES.contains(guest);
        let took = ms(contained(|| called(guest, policy)));
        let (desk, to) = if policy {
            (guests::in_the_chain(setup(), guest), SUPPORT)
        } else {
            (guests::beside_email(setup(), guest), BAD)
        };
        line(guest, &took, &beside(desk, to).words(), what);
    }
    println!(
        "  aims: contained within twice the budget (100 ms in the guest, 300 ms in all); ratio at most 1.5; RSS within 10 %"
    );
}

/// The median of five tries.
fn contained(one: impl Fn() -> Duration) -> Duration {
    let mut times: Vec<Duration> = (0..5).map(|_| one()).collect();
    percentile(&mut times, 0.5)
}

/// From the file's bytes to the refusal.
fn refused(guest: &str) -> Duration {
    let room = Room::new();
    let started = Instant::now();
    assert!(room.load(guest).is_err(), "{guest} was loaded");
    started.elapsed()
}

/// One call, from start to end.
fn called(guest: &str, policy: bool) -> Duration {
    let room = Room::new();
    let loaded = room.load_with(guest, |settings| {
        Room::allow_host(settings);
        if policy {
            settings.channel = None;
        }
    });
    let loaded = loaded.unwrap_or_else(|why| panic!("{guest}: {why}"));
    if policy {
        room.decide(&loaded).1
    } else {
        room.receive(&loaded, &Mail::new("bad@mail.example", "poison", "T1")).1
    }
}

/// What the channel beside a guest felt (the middle one of the runs' p99), and how often the guest was hit meanwhile.
struct Beside {
    quiet: Duration,
    loud: Duration,
    hits: usize,
    before: u64,
    after: u64,
}

impl Beside {
    /// As they stand in a line.
    fn words(&self) -> String {
        format!(
            "{:>11} {:>11} {:>7.2} {:>6} {:>7} MiB {:>7} MiB  ",
            ms(self.quiet),
            ms(self.loud),
            self.loud.as_secs_f64() / self.quiet.as_secs_f64(),
            self.hits,
            self.before >> 20,
            self.after >> 20,
        )
    }
}

/// A desk whose guest is reached by mails to an address, and a channel that behaves.
fn beside(mut desk: Desk, to: &str) -> Beside {
    desk.serve();
    let load = |first| Load { connections: 8, messages: MAILS, per_second: Some(PACE), first };
    // Everything that grows with the first mails grows before: ten times as many as a run has.
    Load { messages: 10 * MAILS, per_second: None, ..load(WARM) }.send(&desk.smtp);
    hit(&desk, to, 20, || false);
    desk.settled();
    let before = resident(desk.pid());
    let (mut quiet, mut loud, mut hits) = (Vec::new(), Vec::new(), 0);
    for round in 0..ROUNDS {
        quiet.push(felt(&desk, load((2 * round + 1) * MAILS)));
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let hitting = scope.spawn(|| hit(&desk, to, usize::MAX, || done.load(Ordering::Relaxed)));
            loud.push(felt(&desk, load((2 * round + 2) * MAILS)));
            done.store(true, Ordering::Relaxed);
            hits += hitting.join().expect("the guest can be hit");
        });
        desk.settled();
    }
    let after = resident(desk.pid());
    Beside { quiet: percentile(&mut quiet, 0.5), loud: percentile(&mut loud, 0.5), hits, before, after }
}

/// Mails for the guest, at its pace, until there were so many or it is enough. The answer is how many there were.
fn hit(desk: &Desk, to: &str, most: usize, enough: impl Fn() -> bool) -> usize {
    let mut client = Client::open(&desk.smtp);
    let mut hits = 0;
    while hits < most && !enough() {
        let due = Instant::now() + HITS;
        let subject = if hits % 10 == 0 { "poison" } else { "a mail" };
        let mail = Mail::new(&format!("bad-{hits}@mail.example"), subject, &format!("order {hits}"));
        let reply = client.send(&mail.from, &[to], &mail.bytes()).expect("the daemon answers");
        assert_eq!(reply.code, 250, "{reply:?}");
        hits += 1;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    hits
}

/// The time from the end of DATA until a follower sees what was decided about a mail, of 99 of 100 mails of the channel
/// that behaves: intake, its adapter, the chain of policies and three commits are in it.
fn felt(desk: &Desk, load: Load) -> Duration {
    let events = Events::follow(&desk.http, &desk.token);
    let taken: HashMap<usize, Taken> = load.send(&desk.smtp).into_iter().map(|mail| (mail.number, mail)).collect();
    desk.settled();
    let connection = store::open(&desk.dir);
    let sql = "SELECT conversation || ' ' || external_id FROM message WHERE external_id LIKE 'load-%'";
    let mut waiting: HashMap<i64, Instant> = store::texts(&connection, sql)
        .iter()
        .filter_map(|pair| pair.split_once(' '))
        .filter_map(|(conversation, id)| Some((conversation.parse().ok()?, taken.get(&number_of(id)?)?.end_of_data)))
        .collect();
    let mut times = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let Some(event) = events.until(Duration::from_secs(10), |_| true) else { break };
        if event.act == "decided"
            && let Some(end) = event.conversation.and_then(|id| waiting.remove(&id))
        {
            times.push(event.at.saturating_duration_since(end));
        }
    }
    assert_eq!(times.len(), load.messages, "every mail is decided about");
    percentile(&mut times, 0.99)
}

fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}
