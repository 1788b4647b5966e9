//! Customers who write several mails each into one conversation, at a set pace: load in which order can be seen.
use std::collections::HashSet;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::desk::SUPPORT;
use crate::smtp::Client;
use crate::store;
use crate::{Desk, wait};

/// How much traffic.
#[derive(Debug, Clone, Copy)]
pub struct Traffic {
    /// A word in every id, so that two runs on one desk differ.
    pub run: u32,
    /// Customers, each with one conversation.
    pub customers: usize,
    /// Mails of each.
    pub each: usize,
    /// Mails a second in all.
    pub per_second: u32,
    /// Connections at once; a customer's mails go over one of them, one after the other.
    pub connections: usize,
}

/// Which of a customer's mails have to stand in the order they were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// All of them.
    All,
    /// Those that no version failed on. One that it did waits for another version, and those behind it go on.
    NeverFailed,
}

impl Traffic {
    /// Mails in all.
    pub fn mails(&self) -> usize {
        self.customers * self.each
    }

    fn address(&self, customer: usize) -> String {
        format!("customer-{customer}@run{}.example", self.run)
    }

    fn id(&self, customer: usize, turn: usize) -> String {
        format!("{turn}.{customer}@run{}.example", self.run)
    }

    fn mail(&self, customer: usize, turn: usize) -> Vec<u8> {
        let (from, id) = (self.address(customer), self.id(customer, turn));
        let thread = match turn {
            0 => String::new(),
            _ => format!("In-Reply-To: <{0}>\r\nReferences: <{0}>\r\n", self.id(customer, 0)),
        };
        // One in twenty asks for money back: what policies decide about those is another thing.
        let wants = if customer.is_multiple_of(20) { "I want a refund for my order" } else { "Where is my order" };
        format!(
            "From: Customer {customer} <{from}>\r\nTo: {SUPPORT}\r\nSubject: {wants} {customer}?\r\n{thread}\
             Date: Mon, 16 Mar 2026 10:00:00 +0800\r\nMessage-ID: <{id}>\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\r\n{wants} {customer}? This is message {turn} of mine.\r\n"
        )
        .into_bytes()
    }

    /// Sends everything, and panics where a mail is not taken. From the end of DATA to the 250, for each mail.
    pub fn send(&self, address: &str) -> Vec<Duration> {
        self.send_turns(address, 0..self.each)
    }

    /// The same for some of each customer's mails.
    pub fn send_turns(&self, address: &str, turns: Range<usize>) -> Vec<Duration> {
        let start = Instant::now();
        let threads: Vec<_> = (0..self.connections)
            .map(|mine| {
                let (traffic, address, turns) = (*self, address.to_owned(), turns.clone());
                std::thread::spawn(move || traffic.connection(&address, mine, start, turns))
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("every mail is taken")).collect()
    }

    /// Sends turn after turn until it is told to stop, whatever becomes of the server meanwhile: a mail that is not
    /// acknowledged is sent again before the next one of its customer. How many of each customer's mails were taken.
    pub fn send_until(&self, address: &str, stop: &AtomicBool) -> Vec<usize> {
        let mut taken = vec![0; self.customers];
        std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..self.connections).map(|mine| scope.spawn(move || self.persist(address, mine, stop))).collect();
            for (customer, turns) in threads.into_iter().flat_map(|thread| thread.join().expect("a sender goes on")) {
                taken[customer] = turns;
            }
        });
        taken
    }

    fn persist(&self, address: &str, mine: usize, stop: &AtomicBool) -> Vec<(usize, usize)> {
        let mut taken: Vec<(usize, usize)> =
            (mine..self.customers).step_by(self.connections).map(|customer| (customer, 0)).collect();
        let mut session = None::<Client>;
        let pause = Duration::from_secs_f64(self.connections as f64 / f64::from(self.per_second));
        for at in (0..taken.len()).cycle() {
            let (customer, turn) = taken[at];
            if stop.load(Ordering::Relaxed) || taken.iter().all(|(_, turns)| *turns == self.each) {
                break;
            }
            if turn == self.each {
                continue;
            }
            let (from, mail) = (self.address(customer), self.mail(customer, turn));
            wait::until("a mail to be taken", || {
                let client = match &mut session {
                    Some(client) => client,
                    None => session.insert(Client::try_open(address, "EHLO").map_err(|error| error.to_string())?),
                };
                match client.send(&from, &[SUPPORT], &mail) {
                    Ok(reply) if reply.code == 250 => Ok(()),
                    Ok(reply) => Err(format!("{reply:?}")),
                    Err(error) => {
                        session = None;
                        Err(error.to_string())
                    }
                }
            });
            taken[at].1 += 1;
            std::thread::sleep(pause);
        }
        taken
    }

    fn connection(&self, address: &str, mine: usize, start: Instant, turns: Range<usize>) -> Vec<Duration> {
        let mut client = Client::open(address);
        let mut took = Vec::new();
        for turn in turns.clone() {
            for customer in (mine..self.customers).step_by(self.connections) {
                let place = (turn - turns.start) * self.customers + customer;
                let due = start + Duration::from_secs_f64(place as f64 / f64::from(self.per_second));
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                let mail = self.mail(customer, turn);
                let began = Instant::now();
                let reply = client.send(&self.address(customer), &[SUPPORT], &mail).expect("the server listens");
                took.push(began.elapsed());
                assert_eq!(reply.code, 250, "{reply:?}");
            }
        }
        took
    }

    /// Waits until every mail is there and decided about; panics unless each is there once, in one conversation of its
    /// customer, in the order it was written, and nothing is kept aside.
    pub fn must_be_there(&self, desk: &Desk) {
        self.these_must_be_there(desk, &vec![self.each; self.customers], Order::All);
    }

    /// The same where so many of each customer's mails were taken, and these of them stand in order.
    pub fn these_must_be_there(&self, desk: &Desk, taken: &[usize], order: Order) {
        let mails: usize = taken.iter().sum();
        let like = format!("%@run{}.example%", self.run);
        wait::until("every mail to be there and decided about", || {
            let connection = store::open(&desk.dir);
            let there = store::number(&connection, "SELECT count(*) FROM message WHERE external_id LIKE ?", [&like]);
            let rows = store::Rows::count(&desk.dir);
            if there >= mails && rows.undecided == 0 && rows.parked == 0 {
                Ok(())
            } else {
                Err(format!("{there} of {mails} mails, {rows:?}"))
            }
        });
        let connection = store::open(&desk.dir);
        let rows = store::texts(
            &connection,
            "SELECT conversation || ' ' || external_id FROM message WHERE digest IS NOT NULL ORDER BY id",
        );
        let failed: HashSet<String> = match order {
            Order::All => HashSet::new(),
            Order::NeverFailed => store::texts(
                &connection,
                "SELECT external_id FROM message JOIN parked ON parked.ref = message.arrival
                 WHERE parked.what = 'arrival' AND parked.blame <> 'breaker'",
            )
            .into_iter()
            .map(|id| id.trim_matches(['<', '>']).to_owned())
            .collect(),
        };
        let mut seen: Vec<Vec<(i64, usize)>> = vec![Vec::new(); self.customers];
        let ending = format!("@run{}.example", self.run);
        for row in &rows {
            let (conversation, id) = row.split_once(' ').expect("two columns");
            let Some(id) = id.trim_matches(['<', '>']).strip_suffix(&ending) else { continue };
            let (turn, customer) = id.split_once('.').expect("an id of ours");
            let customer: usize = customer.parse().expect("a number");
            seen[customer].push((conversation.parse().expect("a number"), turn.parse().expect("a number")));
        }
        for (customer, messages) in seen.iter().enumerate() {
            let turns: Vec<usize> = messages.iter().map(|(_, turn)| *turn).collect();
            let in_order = |turn: &usize| !failed.contains(&self.id(customer, *turn));
            let (ordered, mut all): (Vec<usize>, _) = (turns.iter().copied().filter(in_order).collect(), turns.clone());
            all.sort_unstable();
            let want: Vec<usize> = (0..taken[customer]).collect();
            assert_eq!(all, want, "the mails of customer {customer}: each once");
            assert!(ordered.is_sorted(), "the mails of customer {customer}: in order: {ordered:?} of {turns:?}");
            let one = messages.windows(2).all(|two| two[0].0 == two[1].0);
            assert!(one, "one conversation: {messages:?}");
        }
    }
}
