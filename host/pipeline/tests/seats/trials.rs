//! Trials: which side acts, what a fault of the newer one costs, and what is compared.
use crate::plugs::*;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tributary_model::{ConversationId, Place};
use tributary_pipeline::{Named, Received, Seat, Side, Trial};
use tributary_runtime::{Adapter, Policy};
use tributary_store::StateScope;

fn tried<P: Named + ?Sized>(seat: &Seat<P>, newer: Arc<P>, share: u8, compare: bool) -> (Seat<P>, Arc<Told>) {
    let told = Arc::new(Told::default());
    (seat.with_trial(Trial { newer, share, compare, watch: told.clone() }), told)
}

fn policy(generation: i64, take: impl Fn(&str) -> Take + Send + Sync + 'static) -> Arc<Plug> {
    Plug::new("triage", generation, take)
}

fn standing(plug: &Arc<Plug>) -> Seat<dyn Policy> {
    policy_seat(plug, &gate(policy_place(plug)))
}

async fn compared(told: &Told, many: usize) {
    until("compared", || async {
        let count = told.compared.lock().unwrap().len();
        (count == many).then_some(()).ok_or(format!("{count} of {many}"))
    })
    .await;
}

#[tokio::test]
async fn what_the_newer_one_faults_on_is_answered_by_the_base_and_nothing_is_parked() {
    for take in [Take::Trap, Take::Own, Take::Malformed, Take::Unauthenticated] {
        let dir = tempfile::tempdir().unwrap();
        let (channel, reading) = tried(&good_channel(), Plug::new("letters", 2, move |_| take), 100, false);
        let fault = if take == Take::Own { Take::Own } else { Take::Trap };
        let (triage, deciding) =
            tried(&standing(&policy(3, |_| Take::Fine)), policy(4, move |_| fault) as Arc<dyn Policy>, 100, false);
        let desk = Desk::open(dir.path(), set(channel, vec![triage])).await;
        for number in 0..5 {
            let received = desk.letter("ann", &number.to_string()).await;
            assert!(matches!(received, Received::Accepted { .. }), "{take:?}: {received:?}");
        }
        desk.decided().await;
        let detail = desk.detail(1).await;
        assert_eq!(detail.messages.len(), 5);
        assert_eq!(detail.conversation.tags, ["even", "by-3"].map(String::from), "{take:?}");
        assert!(desk.parked().await.is_empty(), "{take:?}");
        assert_eq!((reading.faults(), deciding.faults()), (5, 5), "{take:?}");
        let scope = StateScope { plugin: "letters".into(), channel: "letters".into() };
        let at = tributary_pipeline::now();
        assert!(desk.store().state(&scope, "by-1", at).await.unwrap().is_some(), "the base's writes are kept");
        assert!(desk.store().state(&scope, "by-2", at).await.unwrap().is_none(), "of the one that faulted, none");
        desk.close().await;
    }
}

#[tokio::test]
async fn what_both_fail_on_is_parked_once_and_counts_against_nobody_but_the_event() {
    let dir = tempfile::tempdir().unwrap();
    let base = Plug::new("letters", 1, |_| Take::Trap);
    let channel = channel_seat(&base, &gate(letters()));
    let (channel, told) = tried(&channel, Plug::new("letters", 2, |_| Take::Own), 100, false);
    let desk = Desk::open(dir.path(), set(channel, vec![])).await;
    assert!(matches!(desk.letter("ann", "0").await, Received::Parked(_)));
    let parked = desk.parked().await;
    assert_eq!((parked.len(), parked[0].blame.as_str(), parked[0].generation.0), (1, "trap", 2), "{parked:?}");
    assert!(told.seen.lock().unwrap()[0].base_failed);
    assert_eq!(told.faults(), 0);
    desk.close().await;
}

#[test]
fn a_share_is_met_stays_grows_by_addition_and_is_another_one_in_another_place() {
    let at = |place: &str, share| {
        let plug = Plug::new(place, 1, |_| Take::Fine);
        tried(&standing(&plug), policy(2, |_| Take::Fine) as Arc<dyn Policy>, share, false).0
    };
    let picks = |seat: &Seat<dyn Policy>| -> HashSet<i64> {
        (1..=10_000).filter(|id| seat.acting(seat.conversation_key(ConversationId(*id))) == Side::Newer).collect()
    };
    let (few, again, more, other) = (at("triage", 10), at("triage", 10), at("triage", 30), at("routing", 10));
    let (few, again, more, other) = (picks(&few), picks(&again), picks(&more), picks(&other));
    assert!((900..1_100).contains(&few.len()), "{}", few.len());
    assert!((2_800..3_200).contains(&more.len()), "{}", more.len());
    assert_eq!(few, again);
    assert!(few.is_subset(&more));
    let both = few.intersection(&other).count();
    assert!((50..200).contains(&both), "of 10 % and 10 %, about 1 % are in both: {both}");
    assert!(picks(&at("triage", 0)).is_empty());
    assert_eq!(picks(&at("triage", 100)).len(), 10_000);
    // Sequential ids are no pattern: each block of a thousand has its share.
    for block in 0..10 {
        let count = few.iter().filter(|id| (**id - 1) / 1_000 == block).count();
        assert!((60..140).contains(&count), "{block}: {count}");
    }
}

#[tokio::test]
async fn a_shadow_never_acts_and_the_comparison_finds_exactly_what_differs() {
    let dir = tempfile::tempdir().unwrap();
    let odd = |text: &str| if text.ends_with('7') { Take::Odd } else { Take::Fine };
    let (channel, reading) = tried(&good_channel(), Plug::new("letters", 2, odd) as Arc<dyn Adapter>, 0, true);
    let newer = policy(102, odd);
    let (triage, deciding) = tried(&standing(&policy(101, |_| Take::Fine)), newer.clone() as Arc<dyn Policy>, 0, true);
    let desk = Desk::open(dir.path(), set(channel, vec![triage])).await;
    for number in 0..40 {
        desk.letter(&format!("sender-{number}"), &number.to_string()).await;
        // There is room for a bounded number of comparisons; here none shall be left out.
        compared(&reading, number + 1).await;
        compared(&deciding, number + 1).await;
    }
    desk.decided().await;
    for (told, what) in [(&reading, "document"), (&deciding, "happening")] {
        let compared = told.compared.lock().unwrap().clone();
        let differ: HashSet<i64> =
            compared.iter().filter(|it| it.differs.is_some()).map(|it| it.conversation.unwrap().0).collect();
        assert_eq!(differ, HashSet::from([8, 18, 28, 38]), "{compared:?}");
        assert!(compared.iter().all(|it| it.about.starts_with(what)), "{compared:?}");
        let keys: HashSet<u64> = compared.iter().map(|it| it.key).collect();
        let seen = told.seen.lock().unwrap().len();
        assert_eq!((keys.len(), seen, told.faults()), (40, 40, 0));
    }
    let of = |told: &Told| told.compared.lock().unwrap().iter().find_map(|it| it.differs.clone()).unwrap();
    assert_eq!(of(&reading), ("1 message".into(), "1 message; differs in message 1: subject".into()));
    assert_eq!(of(&deciding), ("add-tag even [C1]".into(), "add-tag odd [C1]".into()));
    assert!(newer.answers().is_empty(), "nothing of it could leave");
    for id in 1..=40 {
        let detail = desk.detail(id).await;
        assert_eq!(detail.conversation.tags, ["even".to_owned()]);
        assert_eq!(detail.conversation.subject, None);
    }
    let scope = StateScope { plugin: "letters".into(), channel: "letters".into() };
    let kept = desk.store().state(&scope, "by-2", tributary_pipeline::now()).await.unwrap();
    assert!(kept.is_none(), "what a shadow writes is dropped");
    desk.close().await;
}

#[tokio::test]
async fn a_canary_acts_for_its_conversations_only_and_both_are_compared() {
    let dir = tempfile::tempdir().unwrap();
    let (triage, told) =
        tried(&standing(&policy(101, |_| Take::Fine)), policy(102, |_| Take::Odd) as Arc<dyn Policy>, 50, true);
    let desk = Desk::open(dir.path(), set(good_channel(), vec![triage.clone()])).await;
    let mut newer = 0;
    for number in 0..30 {
        desk.letter(&format!("sender-{number}"), "0").await;
        compared(&told, number + 1).await;
    }
    desk.decided().await;
    for id in 1..=30 {
        let side = triage.acting(triage.conversation_key(ConversationId(id)));
        let want = if side == Side::Newer { "odd" } else { "even" };
        assert_eq!(desk.detail(id).await.conversation.tags, [want.to_owned()], "{id}");
        newer += usize::from(side == Side::Newer);
    }
    assert!((5..25).contains(&newer), "{newer}");
    let compared = told.compared.lock().unwrap().clone();
    // Base first, newer second, whichever acted.
    assert!(compared.iter().all(|it| it.differs == Some(("add-tag even [C1]".into(), "add-tag odd [C1]".into()))));
    desk.close().await;
}

#[tokio::test]
async fn a_rejection_of_a_canary_that_the_base_takes_costs_nothing_and_is_compared() {
    let dir = tempfile::tempdir().unwrap();
    let newer = Plug::new("letters", 2, |_| Take::Unauthenticated);
    let (channel, told) = tried(&good_channel(), newer as Arc<dyn Adapter>, 100, true);
    let desk = Desk::open(dir.path(), set(channel, vec![])).await;
    assert!(matches!(desk.letter("ann", "0").await, Received::Accepted { .. }));
    compared(&told, 1).await;
    let differs = told.compared.lock().unwrap()[0].differs.clone();
    assert_eq!(differs, Some(("1 message".into(), "rejected as unauthenticated".into())));
    assert_eq!(told.faults(), 0);
    desk.close().await;
}

#[tokio::test]
async fn a_send_the_newer_one_faults_on_is_the_base_s_at_the_ordinary_retry() {
    let dir = tempfile::tempdir().unwrap();
    let base = Plug::new("letters", 1, |_| Take::Fine);
    let newer = Plug::new("letters", 2, |text| if text == "answer" { Take::Trap } else { Take::Fine });
    let seat = channel_seat(&base, &gate(letters()));
    let (channel, told) = tried(&seat, newer.clone() as Arc<dyn Adapter>, 100, false);
    let desk = Desk::open(dir.path(), set(channel, vec![])).await;
    desk.letter("ann", "0").await;
    desk.pipeline.reply(reply()).await.unwrap();
    until("sent", || async {
        let detail = desk.detail(1).await;
        let delivery = detail.messages[1].delivery.clone().unwrap();
        (detail.messages[1].external_id.is_some() && delivery.attempts == 2)
            .then_some(())
            .ok_or(format!("{delivery:?}"))
    })
    .await;
    let sends = |plug: &Plug| plug.questions().iter().filter(|text| *text == "answer").count();
    assert_eq!((sends(&newer), sends(&base), told.faults()), (1, 1, 1));
    desk.close().await;
}

#[tokio::test]
async fn a_happening_keeps_the_set_that_it_began_with() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = Plug::plain("first", 1, |_| Take::Fine);
    first.held = Some(tokio::sync::Semaphore::new(0));
    let first = Arc::new(first);
    let (old, new) = (policy(3, |_| Take::Fine), policy(4, |_| Take::Fine));
    let plugins = set(good_channel(), vec![standing(&first), standing(&old)]);
    let swapped = plugins.with_policy(standing(&new));
    let desk = Desk::open(dir.path(), plugins).await;
    desk.letter("ann", "0").await;
    until("asked", || async { (first.questions().len() == 1).then_some(()).ok_or("not yet".into()) }).await;
    let before = Arc::downgrade(&desk.pipeline.swap_plugins(swapped));
    assert!(before.upgrade().is_some(), "a work item holds it");
    first.held.as_ref().unwrap().add_permits(100);
    desk.decided().await;
    assert_eq!((old.answers().len(), new.answers().len()), (1, 0));
    until("let go", || async { before.upgrade().is_none().then_some(()).ok_or("held".into()) }).await;
    desk.letter("ann", "1").await;
    desk.decided().await;
    assert_eq!((old.answers().len(), new.answers().len()), (1, 1));
    assert_eq!(
        desk.pipeline.plugins().seats().map(|seat| seat.place.clone()).collect::<Vec<_>>(),
        [letters(), Place::Policy("first".into()), Place::Policy("triage".into())]
    );
    tokio::time::timeout(Duration::from_secs(10), desk.close()).await.unwrap();
}
