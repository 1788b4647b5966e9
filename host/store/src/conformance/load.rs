//! The store under load, without any pipeline: what the benches call the store's ceiling.
use super::fixture::*;
use super::*;
use crate::*;
use std::time::Instant;
use tributary_model::decision::{Action, Grade, Route};
use tributary_model::message::ChannelEvent;

/// What a run came to.
#[derive(Clone, Copy, Debug)]
pub struct Ceiling {
    /// Messages accepted and decided, two commits each.
    pub messages: usize,
    /// How many were under way at once; a commit groups what waits, so this bounds the group.
    pub at_once: usize,
    /// How long it took.
    pub took: Duration,
}

impl Ceiling {
    /// Messages per second.
    pub fn per_second(&self) -> f64 {
        self.messages as f64 / self.took.as_secs_f64()
    }
}

/// A mail of 1 KB raw and 1 KB text from a customer of its own: what every message of a run is.
pub fn first_mail(run: &str, n: usize) -> NewArrival {
    let text = format!("{run} {n} {}", "Where is my parcel? ".repeat(50));
    let mut message = mail(&format!("<{run}-{n}@mail.example.org>"), &format!("{run}-{n}@example.org"), &text[..1_000]);
    message.subject = Some(format!("Parcel {n}"));
    let mut it = arrival(MAIL, vec![ChannelEvent::Message(Box::new(message))], Timestamp(n as u64));
    it.source = Source::Arrival(tributary_model::message::Arrival::Mail {
        mail_from: format!("{run}-{n}@example.org"),
        rcpt_to: vec!["help@shop.example".into()],
        data: vec![b'x'; 1_024].into(),
    });
    it
}

/// What a chain decides about it: a grade, a category, a route and two clocks.
pub fn usual_decisions(n: usize) -> Vec<PolicyOutcome> {
    let grade = Grade::ALL[n % Grade::ALL.len()];
    let route = Route { team: "care".into(), ..Route::default() };
    vec![
        outcome("policy-triage", vec![Action::SetGrade(grade), Action::SetCategory("C3-parcel".into())]),
        outcome(
            "policy-routing",
            vec![
                Action::Route(route),
                Action::StartClock(clock("first-response", 3_600, 80, true)),
                Action::StartClock(clock("solution", 86_400, 80, true)),
            ],
        ),
    ]
}

/// Accepts and decides so many mails, so many at once. Needs a runtime with more than one thread to keep the store busy.
pub async fn ceiling(store: Arc<dyn Store>, run: &str, messages: usize, at_once: usize) -> Result<Ceiling, Unmet> {
    let began = Instant::now();
    let mut tasks = Vec::new();
    for task in 0..at_once {
        let (store, run) = (store.clone(), run.to_owned());
        tasks.push(tokio::spawn(async move {
            for n in (task..messages).step_by(at_once) {
                let now = Timestamp(n as u64);
                let accepted = store.accept(first_mail(&run, n), Some(lease(now))).await?;
                let claimed = found("the claimed happening", accepted.claimed.into_iter().next())?;
                let applied = store.apply(decided(&claimed, usual_decisions(n), now)).await?;
                same("applied", applied, Applied::Done { outgoing: 0, more: false })?;
            }
            Ok::<_, Unmet>(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    Ok(Ceiling { messages, at_once, took: began.elapsed() })
}

/// Accepts and decides mails at a steady rate for so many seconds; how long each took from the call to decided, the
/// 50th and the 99th of a hundred. Each mail has its own start time, kept whether or not the one before is done, so a
/// store that stalls shows it.
pub async fn paced(
    store: Arc<dyn Store>,
    run: &str,
    per_second: u32,
    seconds: u32,
) -> Result<(Duration, Duration), Unmet> {
    let began = tokio::time::Instant::now();
    let mut tasks = Vec::new();
    for n in 0..per_second * seconds {
        let start = began + Duration::from_secs(1) * n / per_second;
        tokio::time::sleep_until(start).await;
        let (store, mail) = (store.clone(), first_mail(run, n as usize));
        tasks.push(tokio::spawn(async move {
            let now = Timestamp(1);
            let accepted = store.accept(mail, Some(lease(now))).await?;
            let claimed = found("the claimed happening", accepted.claimed.into_iter().next())?;
            found("the snapshot", store.snapshot(claimed.id, NODE, now).await?)?;
            store.apply(decided(&claimed, usual_decisions(n as usize), now)).await?;
            Ok::<_, Unmet>(start.elapsed())
        }));
    }
    let mut times = Vec::with_capacity(tasks.len());
    for task in tasks {
        times.push(task.await??);
    }
    Ok(percentiles(times))
}

/// How long listing a page of 50 of the queue takes: the 50th and the 99th of a hundred, over so many calls, pages from
/// the front and from deep inside in turn.
pub async fn listing(store: &dyn Store, calls: usize) -> Result<(Duration, Duration), Unmet> {
    let mut after: Option<Cursor> = None;
    let mut times = Vec::with_capacity(calls);
    for n in 0..calls {
        let cursor = if n % 2 == 0 { None } else { after.take() };
        let began = Instant::now();
        let listing = store.queue(QueueFilter::default(), Page { after: cursor, limit: 50 }, Timestamp(1)).await?;
        times.push(began.elapsed());
        after = listing.next;
    }
    Ok(percentiles(times))
}

/// How long claiming the next one and letting it go takes, the same way.
pub async fn claiming(store: &dyn Store, calls: usize) -> Result<(Duration, Duration), Unmet> {
    let ann = AgentName::from("ann");
    let mut times = Vec::with_capacity(calls);
    for _ in 0..calls {
        let began = Instant::now();
        let next = store.claim_next(&ann, None, Duration::from_secs(60), Timestamp(1)).await?;
        times.push(began.elapsed());
        let (it, _) = found("the next one", next.taken())?;
        allowed("release", store.act(it.id, &ann, AgentAct::Release, Timestamp(1), None).await?)?;
    }
    Ok(percentiles(times))
}

fn percentiles(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort_unstable();
    let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
    (at(50), at(99))
}
