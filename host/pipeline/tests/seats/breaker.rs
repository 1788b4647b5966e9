//! The breaker: what it keeps aside, how it comes back, and that nothing is lost, repeated or out of order on the way.
use crate::plugs::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tributary_pipeline::{BreakerLimits, Gate, GateState, Received, Seat};
use tributary_runtime::Policy;
use tributary_store::ParkedWhat;

fn standing(plug: &Arc<Plug>) -> Seat<dyn Policy> {
    policy_seat(plug, &gate(policy_place(plug)))
}

/// Fails while the flag is up.
fn while_up(flag: &Arc<AtomicBool>) -> impl Fn(&str) -> Take + Send + Sync + 'static + use<> {
    let flag = flag.clone();
    move |_| if flag.load(Ordering::SeqCst) { Take::Trap } else { Take::Fine }
}

const SENDERS: usize = 6;
const LONG: Duration = Duration::from_secs(60);

/// Letters of six senders, each counting up, in parallel, until the flag comes down; returns how many each sent.
async fn traffic(desk: &Desk, on: &Arc<AtomicBool>, sent: &Arc<Vec<AtomicUsize>>) {
    let mut senders = Vec::new();
    for sender in 0..SENDERS {
        let (pipeline, on, sent) = (desk.pipeline.clone(), on.clone(), sent.clone());
        senders.push(tokio::spawn(async move {
            while on.load(Ordering::SeqCst) {
                let number = sent[sender].load(Ordering::SeqCst);
                let received = letter(&pipeline, &format!("sender-{sender}"), &number.to_string()).await;
                assert!(matches!(received, Received::Accepted { .. } | Received::Parked(_)), "{received:?}");
                sent[sender].store(number + 1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }));
    }
    for sender in senders {
        sender.await.unwrap();
    }
}

fn counters() -> Arc<Vec<AtomicUsize>> {
    Arc::new((0..SENDERS).map(|_| AtomicUsize::new(0)).collect())
}

/// Waits until so many letters were sent in all.
async fn sent_in_all(sent: &[AtomicUsize], many: usize) {
    until("sent", || async {
        let count: usize = sent.iter().map(|it| it.load(Ordering::SeqCst)).sum();
        (count >= many).then_some(()).ok_or(format!("{count} of {many}"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adapter_that_breaks_is_left_alone_and_what_came_meanwhile_comes_in_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let broken = Arc::new(AtomicBool::new(false));
    let plug = Plug::new("letters", 1, while_up(&broken));
    let gate = gate(letters());
    let desk = Desk::open(dir.path(), set(channel_seat(&plug, &gate), vec![])).await;
    let (on, sent) = (Arc::new(AtomicBool::new(true)), counters());
    let story = async {
        sent_in_all(&sent, 60).await;
        broken.store(true, Ordering::SeqCst);
        until_gate(&gate, GateState::Open).await;
        let so_far = sent.iter().map(|it| it.load(Ordering::SeqCst)).sum::<usize>();
        sent_in_all(&sent, so_far + 200).await;
        let view = gate.view();
        assert!(view.last_fault.is_some_and(|(_, what)| what.contains("unreachable")));
        // New ones keep coming while it drains.
        broken.store(false, Ordering::SeqCst);
        until_gate(&gate, GateState::Closed).await;
        let so_far = sent.iter().map(|it| it.load(Ordering::SeqCst)).sum::<usize>();
        sent_in_all(&sent, so_far + 60).await;
        on.store(false, Ordering::SeqCst);
    };
    tokio::join!(traffic(&desk, &on, &sent), story);
    until_gate(&gate, GateState::Closed).await;
    let parked = desk.parked().await;
    assert!(parked.iter().all(|it| it.blame == "trap" && it.generation.0 == 1), "only what it failed on: {parked:?}");
    let mut kept = 0;
    for id in 1..=SENDERS as i64 {
        let texts = desk.texts(id).await;
        kept += texts.len();
        in_order("the store", &texts.into_iter().map(|text| (id, text)).collect::<Vec<_>>());
    }
    let sent: usize = sent.iter().map(|it| it.load(Ordering::SeqCst)).sum();
    assert_eq!(kept + parked.len(), sent, "nothing is lost, nothing is there twice");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_breaks_is_left_alone_and_asked_in_the_order_of_each_conversation_later() {
    let dir = tempfile::tempdir().unwrap();
    let broken = Arc::new(AtomicBool::new(false));
    let (plug, other) = (Plug::new("triage", 1, while_up(&broken)), Plug::new("other", 2, |_| Take::Fine));
    let triage = gate(policy_place(&plug));
    let plugins = set(good_channel(), vec![policy_seat(&plug, &triage), standing(&other)]);
    let desk = Desk::open(dir.path(), plugins).await;
    let (on, sent) = (Arc::new(AtomicBool::new(true)), counters());
    let story = async {
        sent_in_all(&sent, 60).await;
        for _ in 0..2 {
            broken.store(true, Ordering::SeqCst);
            until_gate(&triage, GateState::Open).await;
            let so_far = sent.iter().map(|it| it.load(Ordering::SeqCst)).sum::<usize>();
            sent_in_all(&sent, so_far + 100).await;
            broken.store(false, Ordering::SeqCst);
            until_gate(&triage, GateState::Closed).await;
        }
        let so_far = sent.iter().map(|it| it.load(Ordering::SeqCst)).sum::<usize>();
        sent_in_all(&sent, so_far + 60).await;
        on.store(false, Ordering::SeqCst);
    };
    tokio::join!(traffic(&desk, &on, &sent), story);
    let sent: usize = sent.iter().map(|it| it.load(Ordering::SeqCst)).sum();
    until("asked about all", || async {
        let counts = desk.store().counts(tributary_model::Timestamp(0)).await.unwrap();
        let parked = desk.parked().await;
        let waits = parked.iter().filter(|it| it.blame == "breaker").count();
        let (gate, done) = (triage.view().state, plug.answers().len() + parked.len());
        let all = counts.undecided == 0 && waits == 0 && gate == GateState::Closed && done == sent;
        all.then_some(()).ok_or(format!("{counts:?}, {waits} wait, {gate:?}, {done} of {sent}"))
    })
    .await;
    in_order("the policy that broke", &plug.answers());
    in_order("the other", &other.answers());
    assert_eq!(other.answers().len(), sent, "the other was asked about each once");
    let parked = desk.parked().await;
    assert!(parked.iter().all(|it| it.blame == "trap"), "{parked:?}");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_loop_is_parked_at_once_and_a_fixed_generation_handles_all_of_it_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let plug = Plug::new("letters", 1, |_| Take::Trap);
    let limits = BreakerLimits { strikes: 2, ..LIMITS };
    let gate = Gate::new(letters(), limits);
    let triage = Plug::new("triage", 2, |_| Take::Fine);
    let desk = Desk::open(dir.path(), set(channel_seat(&plug, &gate), vec![standing(&triage)])).await;
    for number in 0..40 {
        for sender in 0..SENDERS {
            let received = desk.letter(&format!("sender-{sender}"), &number.to_string()).await;
            assert!(matches!(received, Received::Parked(_)), "{received:?}");
        }
    }
    until_gate(&gate, GateState::Evicted).await;
    let asked = plug.questions().len();
    assert!(asked <= 10, "two to open it and two probes, and what was under way: {asked}");
    let parked = desk.parked().await;
    assert_eq!(parked.len(), 40 * SENDERS);
    let waits = parked.iter().find(|it| it.blame == "breaker").expect("some were not asked about");
    assert!(waits.why.contains("letters") && waits.why.contains("unreachable"), "{waits:?}");
    assert!(parked.iter().any(|it| it.blame == "trap" && it.version == "1.0"), "{parked:?}");
    // An operator may try again; it is still broken.
    gate.reset();
    until_gate(&gate, GateState::Evicted).await;
    // Another generation comes, with a gate that begins by draining.
    let fixed = Plug::new("letters", 2, |_| Take::Fine);
    let fresh = Gate::draining(letters(), limits);
    let next = desk.pipeline.plugins().with_channel(channel_seat(&fixed, &fresh));
    desk.pipeline.swap_plugins(next);
    until_gate(&fresh, GateState::Closed).await;
    assert!(desk.parked().await.is_empty());
    desk.decided().await;
    for id in 1..=SENDERS as i64 {
        let want: Vec<String> = (0..40).map(|number: usize| number.to_string()).collect();
        assert_eq!(desk.texts(id).await, want);
    }
    in_order("the policy", &triage.answers());
    desk.close().await;
}

#[tokio::test]
async fn what_fails_again_stays_aside_and_is_not_asked_about_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let poison = |text: &str| match text {
        "3" => Take::Trap,
        "5" => Take::Unauthenticated,
        _ => Take::Fine,
    };
    let (plug, triage) = (Plug::new("letters", 1, poison), Plug::new("triage", 2, |_| Take::Fine));
    let (gate, deciding) = (gate(letters()), gate(policy_place(&triage)));
    let plugins = set(channel_seat(&plug, &gate), vec![policy_seat(&triage, &deciding)]);
    let desk = Desk::open(dir.path(), plugins).await;
    gate.disable("agent:ann");
    for number in 0..8 {
        assert!(matches!(desk.letter("bo", &number.to_string()).await, Received::Parked(_)));
    }
    let parked = desk.parked().await;
    assert!(parked.iter().all(|it| it.blame == "breaker" && it.why.contains("agent:ann")), "{parked:?}");
    assert!(plug.questions().is_empty(), "nobody was asked");
    let view = gate.view();
    assert_eq!((view.state, view.disabled_by.as_deref()), (GateState::Disabled, Some("agent:ann")));
    gate.enable();
    until_gate(&gate, GateState::Closed).await;
    assert_eq!(desk.texts(1).await, ["0", "1", "2", "4", "6", "7"].map(String::from));
    let parked = desk.parked().await;
    let mut blames: Vec<&str> = parked.iter().map(|it| it.blame.as_str()).collect();
    blames.sort_unstable();
    assert_eq!(blames, ["sender", "trap"], "{parked:?}");
    // Again, from the beginning: they are of this generation now.
    gate.reset();
    until_gate(&gate, GateState::Closed).await;
    let asked = plug.questions();
    assert_eq!(asked.len(), 8, "each was asked about once: {asked:?}");
    // A policy out of use is not asked at all, and nothing waits for it.
    desk.decided().await;
    let before = triage.questions().len();
    deciding.disable("agent:ann");
    desk.letter("bo", "9").await;
    desk.decided().await;
    assert_eq!((triage.questions().len(), desk.parked().await.len()), (before, 2));
    desk.close().await;
}

#[tokio::test]
async fn an_open_policy_that_may_be_skipped_is_passed_over_and_nothing_is_parked() {
    let dir = tempfile::tempdir().unwrap();
    let tagging = Plug::plain("tagging", 1, |_| Take::Trap).skippable();
    let gate = Gate::new(policy_place(&tagging), BreakerLimits { first_rest: LONG, most_rest: LONG, ..LIMITS });
    let last = Plug::new("last", 2, |_| Take::Fine);
    let plugins = set(good_channel(), vec![policy_seat(&tagging, &gate), standing(&last)]);
    let desk = Desk::open(dir.path(), plugins).await;
    for number in 0..10 {
        desk.letter("ann", &number.to_string()).await;
        desk.decided().await;
    }
    assert_eq!(gate.view().state, GateState::Open);
    assert_eq!((tagging.questions().len(), last.answers().len()), (2, 10));
    assert!(desk.parked().await.is_empty());
    let detail = desk.detail(1).await;
    let skipped: Vec<_> = detail.events.iter().filter(|event| event.act == "skipped").collect();
    assert_eq!(skipped.len(), 10);
    assert!(skipped[9].why.as_deref().is_some_and(|why| why.contains("rests")), "{:?}", skipped[9]);
    desk.close().await;
}

#[tokio::test]
async fn an_open_reviewer_blocks_and_an_open_channel_sends_later() {
    let dir = tempfile::tempdir().unwrap();
    let broken = Arc::new(AtomicBool::new(true));
    let polite = Plug::plain("polite", 1, while_up(&broken)).reviewing();
    let plug = Plug::new("letters", 2, |_| Take::Fine);
    let channel = gate(letters());
    let reviewing =
        Gate::new(policy_place(&polite), BreakerLimits { first_rest: Duration::from_millis(200), ..LIMITS });
    let plugins = set(channel_seat(&plug, &channel), vec![policy_seat(&polite, &reviewing)]);
    let desk = Desk::open(dir.path(), plugins).await;
    desk.letter("ann", "0").await;
    for _ in 0..4 {
        let refused = desk.pipeline.reply(reply()).await;
        assert!(matches!(refused, Err(tributary_pipeline::ReplyError::Blocked(_))), "{refused:?}");
    }
    assert_eq!(polite.questions().len(), 2, "an open one is not asked");
    // Nothing of it is kept aside, so that the next text is the probe.
    broken.store(false, Ordering::SeqCst);
    until_gate(&reviewing, GateState::HalfOpen).await;
    channel.disable("agent:ann");
    desk.pipeline.reply(reply()).await.expect("the probe passes");
    until_gate(&reviewing, GateState::Closed).await;
    until("tried", || async {
        let detail = desk.detail(1).await;
        let delivery = detail.messages[1].delivery.clone().unwrap();
        let why = delivery.detail.clone().unwrap_or_default();
        why.contains("taken out of use").then_some(()).ok_or(format!("{delivery:?}"))
    })
    .await;
    channel.enable();
    until("sent", || async {
        let detail = desk.detail(1).await;
        detail.messages[1].external_id.is_some().then_some(()).ok_or(format!("{:?}", detail.messages[1].delivery))
    })
    .await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_in_the_middle_of_giving_back_is_taken_up_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let (plug, triage) = (Plug::new("letters", 1, |_| Take::Fine), Plug::new("triage", 2, |_| Take::Fine));
    let plugins = |gate: &Arc<Gate>| set(channel_seat(&plug, gate), vec![standing(&triage)]);
    let first = gate(letters());
    let desk = Desk::open(dir.path(), plugins(&first)).await;
    first.disable("agent:ann");
    const MANY: usize = 150;
    for number in 0..MANY {
        desk.letter(&format!("sender-{}", number % 2), &number.to_string()).await;
    }
    first.enable();
    until("under way", || async { (plug.questions().len() > 20).then_some(()).ok_or("not yet".into()) }).await;
    // No grace: everything is cut off where it stands.
    desk.driver.shut_down(Duration::ZERO).await;
    drop(desk);
    let left = plug.questions().len();
    assert!(left < MANY, "it was in the middle: {left}");
    let second = gate(letters());
    let desk = until("the folder free", || async {
        match tributary_store::sqlite::SqliteStore::open(&tributary_store::sqlite::SqliteConfig::new(dir.path())) {
            Ok(store) => {
                drop(store);
                Ok(Desk::open(dir.path(), plugins(&second)).await)
            }
            Err(error) => Err(error.to_string()),
        }
    })
    .await;
    until_gate(&second, GateState::Closed).await;
    desk.decided().await;
    assert!(desk.parked().await.is_empty());
    for sender in 0..2 {
        let want: Vec<String> = (sender..MANY).step_by(2).map(|number| number.to_string()).collect();
        assert_eq!(desk.texts(sender as i64 + 1).await, want);
    }
    in_order("the policy", &triage.answers());
    desk.close().await;
}

#[tokio::test]
async fn two_policies_that_come_back_at_once_each_hear_everything_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let broken = Arc::new(AtomicBool::new(true));
    let (one, two) = (Plug::new("one", 1, while_up(&broken)), Plug::new("two", 2, while_up(&broken)));
    let desk = Desk::open(dir.path(), set(good_channel(), vec![standing(&one), standing(&two)])).await;
    for number in 0..30 {
        desk.letter(&format!("sender-{}", number % 3), &number.to_string()).await;
    }
    desk.decided().await;
    broken.store(false, Ordering::SeqCst);
    for number in 30..60 {
        desk.letter(&format!("sender-{}", number % 3), &number.to_string()).await;
    }
    for plug in [&one, &two] {
        until("heard", || async {
            let parked = desk.parked().await;
            let mine: Vec<_> = parked.iter().filter(|it| it.plugin == Policy::info(&**plug).name).collect();
            let (heard, failed) = (plug.answers().len(), mine.iter().filter(|it| it.blame == "trap").count());
            assert!(mine.iter().all(|it| matches!(it.what, ParkedWhat::Happening(_))));
            (heard + failed == 60 && failed == mine.len()).then_some(()).ok_or(format!("{heard} heard, {mine:?}"))
        })
        .await;
        in_order("a policy", &plug.answers());
    }
    desk.close().await;
}
