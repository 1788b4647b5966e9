//! Operations that wait for somebody's word, by the rules of [`super::rules`]: which do, who has a say, and that what was
//! said first counts.
use super::fixture::*;
use super::operations::{SHOP, asked, bought, decided, ends, order, refund, told};
use super::*;
use crate::*;
use tributary_model::AgentName;
use tributary_model::agent::{Presence, Profile};
use tributary_model::approval::{NoSay, Verdict};
use tributary_model::conversation::State;
use tributary_model::operation::{self, Settlement};
use tributary_model::order::{Operation, OrderState};

cases![
    what_is_asked_above_the_limit_waits,
    what_is_asked_within_it_or_under_no_rule_does_not,
    another_currency_and_what_has_no_limit_wait_always,
    a_word_is_given_by_whom_the_rule_names_and_never_by_who_asked,
    an_approved_one_is_performed_once_after_a_crash_as_well,
    a_declined_one_ends_and_wakes_and_is_never_asked_for,
    the_first_word_counts_and_the_other_is_told_it,
    a_policy_s_operation_waits_and_is_not_asked_for_again,
    what_waits_is_listed_the_longest_first,
    a_verdict_is_answered_in_its_own_transaction,
];

/// A conversation in which `ann` asked for a refund above the limit.
async fn waiting(store: &dyn Store) -> Result<(ConversationId, OperationId), Unmet> {
    let id = bought(store).await?;
    let new = asked(id, "ann", refund("1001", 2_001), Timestamp(3));
    let taken = allowed("the refund", store.ask_operation(new).await?)?;
    same("it waits for", taken.approver, Some(Approver::Senior))?;
    Ok((id, taken.id))
}

/// `mei` says this.
fn says(id: OperationId, verdict: Verdict, why: Option<&str>, now: u64) -> OperationVerdict {
    OperationVerdict {
        id,
        agent: "mei".into(),
        admin: false,
        verdict,
        why: why.map(str::to_owned),
        now: Timestamp(now),
        request: None,
    }
}

async fn known(store: &dyn Store, name: &str, teams: &[&str], senior: bool) -> Held {
    let profile = Profile {
        name: name.into(),
        teams: teams.iter().map(ToString::to_string).collect(),
        skills: Vec::new(),
        senior,
        capacity: 5,
        presence: Presence::Away,
        since: Timestamp(1),
    };
    Ok(store.set_agent(profile).await?)
}

/// `mei` is senior.
async fn senior(store: &dyn Store) -> Held {
    known(store, "mei", &[], true).await
}

async fn view(store: &dyn Store, id: ConversationId) -> Result<OperationView, Unmet> {
    found("the operation", detail(store, id).await?.operations.pop())
}

async fn leased(store: &dyn Store, now: u64) -> Result<Vec<(OperationId, u32)>, Unmet> {
    let leased = store.lease_operations(lease(Timestamp(now)), 9).await?;
    Ok(leased.into_iter().map(|it| (it.id, it.attempt)).collect())
}

async fn what_is_asked_above_the_limit_waits(store: &dyn Store) -> Held {
    let (id, operation) = waiting(store).await?;
    let it = view(store, id).await?;
    same("state", (it.state, it.next_at, it.attempts), (operation::State::AwaitingApproval, None, 0))?;
    same("its approval", it.approval, Some(Approval { by: Approver::Senior, word: None }))?;
    let events = detail(store, id).await?.events;
    let acts: Vec<_> = events.iter().map(|event| event.act.as_str()).collect();
    same("acts", acts, vec!["opened", "order", "asked", "awaiting-approval"])?;
    let line = found("the event", events.last())?;
    same("for whom is said", line.why.as_deref(), Some("it waits for a senior agent"))?;
    same("what", line.detail.clone(), Some(format!("operation {operation}: refund 1001 20.01 EUR")))?;
    same("counted", store.counts(Timestamp(4)).await?.approvals, 1)?;
    same("nobody asks the marketplace", leased(store, 1_000_000).await?, Vec::new())?;
    same("nothing to give back", store.release_node(NODE).await?, 0)
}

async fn what_is_asked_within_it_or_under_no_rule_does_not(store: &dyn Store) -> Held {
    let id = bought(store).await?;
    for operation in [refund("1001", 2_000), Operation::Exchange("1001".into())] {
        let taken = allowed("it", store.ask_operation(asked(id, "ann", operation, Timestamp(3))).await?)?;
        same("its approver", taken.approver, None)?;
        same("its approval", view(store, id).await?.approval, None)?;
    }
    same("counted", store.counts(Timestamp(4)).await?.approvals, 0)?;
    same("asked of the marketplace", leased(store, 4).await?.len(), 2)?;
    let no = store.decide_operation(says(OperationId(1), Verdict::Declined, Some("no"), 5)).await?;
    same("nobody is asked", no, Err(NotDecided::NeverWaited(OperationId(1))))?;
    let no = store.decide_operation(says(OperationId(99), Verdict::Approved, None, 5)).await?;
    same("of none", no, Err(NotDecided::Unknown(OperationId(99))))
}

async fn another_currency_and_what_has_no_limit_wait_always(store: &dyn Store) -> Held {
    let id = bought(store).await?;
    let money = |minor, currency: &str| Money { currency: currency.into(), minor };
    for (operation, approver) in [
        (Operation::Refund("1001".into(), money(1, "JPY"), "late".into()), Some("senior")),
        (Operation::Coupon("1001".into(), money(5_000, "CNY")), None),
        (Operation::Coupon("1001".into(), money(5_001, "CNY")), Some("supervisor")),
        (Operation::Coupon("1001".into(), money(1, "EUR")), Some("supervisor")),
        (Operation::ChangeAddress("1001".into(), "Lane 4".into()), Some("senior")),
    ] {
        let taken = allowed("it", store.ask_operation(asked(id, "ann", operation.clone(), Timestamp(3))).await?)?;
        same(&operation.detail(), taken.approver.as_ref().map(Approver::as_str), approver)?;
    }
    same("counted", store.counts(Timestamp(4)).await?.approvals, 4)
}

async fn a_word_is_given_by_whom_the_rule_names_and_never_by_who_asked(store: &dyn Store) -> Held {
    let (id, refund) = waiting(store).await?;
    let coupon = Operation::Coupon("1001".into(), Money { currency: "CNY".into(), minor: 5_001 });
    let coupon = allowed("it", store.ask_operation(asked(id, "ann", coupon, Timestamp(3))).await?)?.id;
    let supervisor = Approver::Team("supervisor".into());
    known(store, "ann", &["supervisor"], true).await?;
    known(store, "bo", &["care", "supervisor"], false).await?;
    known(store, "cy", &[], true).await?;
    known(store, "di", &[], false).await?;
    let before = store.last_event().await?;
    let others = |by: &Approver| NotDecided::NoSay(NoSay::Others(by.clone()));
    for (agent, admin, id, no) in [
        ("ann", false, refund, NotDecided::NoSay(NoSay::Own)),
        ("ann", true, coupon, NotDecided::NoSay(NoSay::Own)),
        ("bo", false, refund, others(&Approver::Senior)),
        ("cy", false, coupon, others(&supervisor)),
        ("di", false, coupon, others(&supervisor)),
        ("ed", false, refund, others(&Approver::Senior)),
    ] {
        for verdict in Verdict::ALL {
            let new = OperationVerdict { agent: agent.into(), admin, ..says(id, verdict, None, 4) };
            same(agent, store.decide_operation(new).await?, Err(no.clone()))?;
        }
    }
    same("nothing happened", store.last_event().await?, before)?;
    same("both wait", store.counts(Timestamp(5)).await?.approvals, 2)?;
    let by = |agent: &str, id| OperationVerdict { agent: agent.into(), ..says(id, Verdict::Approved, None, 6) };
    allowed("of the team", store.decide_operation(by("bo", coupon)).await?)?;
    let admin = OperationVerdict { admin: true, ..by("ed", refund) };
    allowed("an admin", store.decide_operation(admin).await?)?;
    same("none waits", store.counts(Timestamp(7)).await?.approvals, 0)
}

async fn an_approved_one_is_performed_once_after_a_crash_as_well(store: &dyn Store) -> Held {
    let (id, operation) = waiting(store).await?;
    senior(store).await?;
    allowed("the word", store.decide_operation(says(operation, Verdict::Approved, Some("a regular"), 10)).await?)?;
    let it = view(store, id).await?;
    let by = AgentName::from("mei");
    let word = Word {
        verdict: Verdict::Approved,
        by: format!("agent:{by}"),
        why: Some("a regular".into()),
        at: Timestamp(10),
    };
    same("state", (it.state, it.next_at), (operation::State::Queued, Some(Timestamp(10))))?;
    same("its approval", it.approval.clone(), Some(Approval { by: Approver::Senior, word: Some(word) }))?;
    let line = found("the event", detail(store, id).await?.events.pop())?;
    let told = (line.actor.as_str(), line.act.as_str(), line.why.as_deref());
    same("who and why", told, ("agent:mei", "approved", Some("a regular")))?;
    // The daemon dies before the lease, and after it.
    same("nothing is leased", store.release_node(NODE).await?, 0)?;
    same("leased", leased(store, 11).await?, vec![(operation, 1)])?;
    same("given back", store.release_node(NODE).await?, 1)?;
    same("leased again", leased(store, 12).await?, vec![(operation, 2)])?;
    same("by one", leased(store, 13).await?, Vec::new())?;
    store.settle_operation(operation, Settlement::Done { result: "r-9".into() }, Timestamp(14)).await?;
    let done = view(store, id).await?;
    same("done", (done.state, done.approval), (operation::State::Done, it.approval))?;
    same("never again", leased(store, 1_000_000).await?, Vec::new())?;
    same("the policies", ends(store, Timestamp(15)).await?.len(), 1)
}

async fn a_declined_one_ends_and_wakes_and_is_never_asked_for(store: &dyn Store) -> Held {
    let (id, operation) = waiting(store).await?;
    senior(store).await?;
    allowed("rests", store.act(id, &"ann".into(), AgentAct::Snooze(Timestamp(1_000)), Timestamp(4), None).await?)?;
    drain(store, Timestamp(4)).await?;
    allowed("the word", store.decide_operation(says(operation, Verdict::Declined, Some("no proof"), 10)).await?)?;
    same("awake", detail(store, id).await?.conversation.state, State::Open)?;
    let it = view(store, id).await?;
    same("state", (it.state, it.next_at), (operation::State::Declined, None))?;
    let word = it.approval.and_then(|approval| approval.word);
    let word = found("the word", word)?;
    same("how", word.to_string(), "declined by agent:mei: no proof".to_owned())?;
    let line = found("the event", detail(store, id).await?.events.pop())?;
    let told = (line.actor.as_str(), line.act.as_str(), line.why.as_deref());
    same("who and why", told, ("agent:mei", "declined", Some("no proof")))?;
    let settled = ends(store, Timestamp(11)).await?;
    let (key, how) = found("the happening", settled.first())?;
    holds("its key", key.starts_with(&format!("{operation}-")))?;
    same("the policies", (how.as_str(), settled.len()), ("declined: refund 1001 20.01 EUR: no proof", 1))?;
    same("nobody asks the marketplace", leased(store, 1_000_000).await?, Vec::new())?;
    let counts = store.counts(Timestamp(12)).await?;
    same("nothing is parked", (counts.parked, counts.approvals), (0, 0))?;
    let before = store.last_event().await?;
    store.settle_operation(operation, Settlement::Done { result: "r".into() }, Timestamp(13)).await?;
    same("it stays so", (view(store, id).await?.state, store.last_event().await?), (it.state, before))
}

async fn the_first_word_counts_and_the_other_is_told_it(store: &dyn Store) -> Held {
    for (first, second) in [(Verdict::Approved, Verdict::Declined), (Verdict::Declined, Verdict::Approved)] {
        let id = open(store, first.as_str(), Timestamp(1)).await?;
        told(store, SHOP, order(first.as_str(), first.as_str(), OrderState::Delivered, 1)).await?;
        drain(store, Timestamp(2)).await?;
        let new = asked(id, "ann", refund(first.as_str(), 2_001), Timestamp(3));
        let operation = allowed("the refund", store.ask_operation(new).await?)?.id;
        senior(store).await?;
        known(store, "jo", &[], true).await?;
        let by = |agent: &str, verdict| OperationVerdict { agent: agent.into(), ..says(operation, verdict, None, 10) };
        // Whoever comes second is told, whatever is said.
        let (one, other) =
            tokio::join!(store.decide_operation(by("mei", first)), store.decide_operation(by("jo", second)));
        let outcomes = [("mei", first, one?), ("jo", second, other?)];
        let winner = found("who won", outcomes.iter().find(|(.., outcome)| outcome.is_ok()))?;
        let word = Word { verdict: winner.1, by: format!("agent:{}", winner.0), why: None, at: Timestamp(10) };
        let lost: Vec<_> = outcomes.iter().filter_map(|(.., outcome)| outcome.clone().err()).collect();
        same("the other is told", lost, vec![NotDecided::Before(operation, word.clone())])?;
        let again = store.decide_operation(by("jo", first)).await?;
        same("later as well", again, Err(NotDecided::Before(operation, word)))?;
        let performed = winner.1 == Verdict::Approved;
        same("performed", leased(store, 11).await?.len(), usize::from(performed))?;
        same(
            "one word",
            acts(store, id).await?.iter().filter(|act| *act == "approved" || *act == "declined").count(),
            1,
        )?;
    }
    Ok(())
}

async fn a_policy_s_operation_waits_and_is_not_asked_for_again(store: &dyn Store) -> Held {
    told(store, SHOP, order("1001", "one", OrderState::Paid, 1)).await?;
    same("taken", decided(store, "one", refund("1001", 2_001), 10).await?.0.as_str(), "decided")?;
    let id = ConversationId(1);
    let it = view(store, id).await?;
    same("by whom", (it.by.as_str(), it.state), ("policy:triage", operation::State::AwaitingApproval))?;
    same("nobody asks the marketplace", leased(store, 1_000_000).await?, Vec::new())?;
    let (act, why) = decided(store, "one", refund("1001", 2_001), 11).await?;
    same("not twice", (act.as_str(), why.contains("the same was asked for already")), ("refused", true))?;
    senior(store).await?;
    allowed("the word", store.decide_operation(says(it.id, Verdict::Declined, Some("no proof"), 12)).await?)?;
    same("the policies", ends(store, Timestamp(13)).await?.len(), 1)?;
    let (act, why) = decided(store, "one", refund("1001", 2_001), 14).await?;
    same("nor after a no", (act.as_str(), why.contains("the same was asked for already")), ("refused", true))?;
    same("another", decided(store, "one", refund("1001", 2_002), 15).await?.0.as_str(), "decided")?;
    let it = view(store, id).await?;
    allowed("the word", store.decide_operation(says(it.id, Verdict::Approved, None, 16)).await?)?;
    same("leased", leased(store, 17).await?, vec![(it.id, 1)])
}

async fn what_waits_is_listed_the_longest_first(store: &dyn Store) -> Held {
    let id = bought(store).await?;
    let mut all = Vec::new();
    for minor in [2_001, 1_000, 2_002, 2_003] {
        let new = asked(id, "ann", refund("1001", minor), Timestamp(3));
        let taken = allowed("the refund", store.ask_operation(new).await?)?;
        all.extend(taken.approver.map(|_| taken.id));
    }
    let first = store.approvals(page(2)).await?;
    same("the first", first.items.iter().map(|it| it.id).collect(), all[..2].to_vec())?;
    let one = found("one", first.items.first())?;
    same("whose", (one.conversation, one.operation.clone()), (id, refund("1001", 2_001)))?;
    let rest = store.approvals(Page { after: first.next, limit: 2 }).await?;
    same("the rest", rest.items.iter().map(|it| it.id).collect(), all[2..].to_vec())?;
    same("no more", rest.next, None)?;
    senior(store).await?;
    allowed("the word", store.decide_operation(says(all[0], Verdict::Approved, None, 4)).await?)?;
    allowed("the word", store.decide_operation(says(all[2], Verdict::Declined, None, 4)).await?)?;
    let left = store.approvals(page(9)).await?.items;
    same("what is left", left.iter().map(|it| it.id).collect(), vec![all[1]])
}

async fn a_verdict_is_answered_in_its_own_transaction(store: &dyn Store) -> Held {
    let (_, operation) = waiting(store).await?;
    senior(store).await?;
    let key = RequestKey { token: 1, key: "k".into(), digest: [7; 32] };
    same("first", store.begin_request(key.clone(), Timestamp(4)).await?, Begun::First)?;
    let answer = KeptAnswer { status: 204, body: Vec::new() };
    let request = Some((key.clone(), answer.clone()));
    let new = OperationVerdict { request, ..says(operation, Verdict::Approved, None, 5) };
    allowed("the word", store.decide_operation(new).await?)?;
    same("kept with it", store.begin_request(key, Timestamp(6)).await?, Begun::Again(answer))
}
