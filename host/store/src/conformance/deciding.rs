//! Commit 2: what policies decided.
use super::fixture::*;
use super::*;
use crate::*;
use tributary_model::conversation::State;
use tributary_model::decision::{Action, Decision, Grade, HISTORY_LIMIT, HISTORY_TEXT_LIMIT, Happening, Route};
use tributary_model::message::{Attribute, Author};

cases![
    decisions_change_the_row_and_are_told,
    what_is_not_granted_is_refused_and_told,
    a_machine_does_not_answer_a_machine,
    a_machines_answer_does_not_leave_the_queue,
    only_the_node_that_holds_the_lease_applies,
    a_lease_that_ran_out_is_claimed_again,
    one_conversation_is_decided_in_order,
    different_conversations_are_claimed_together,
    a_replayed_happening_waits_for_the_one_under_way,
    a_failed_policy_is_parked_and_a_skippable_one_noted,
    what_a_policy_keeps_is_kept_with_its_decisions,
    a_snapshot_ends_with_what_is_decided_and_cuts_the_rest,
    a_node_that_starts_gives_back_what_it_held,
];

async fn decisions_change_the_row_and_are_told(store: &dyn Store) -> Held {
    let id = open(store, "one", Timestamp(1)).await?;
    holds("it waits for a decision", detail(store, id).await?.conversation.undecided)?;
    let attribute = Attribute { name: "order".into(), value: "A-1".into() };
    let route = Route {
        team: "care".into(),
        skills: vec!["zh".into()],
        prefer_agent: Some("ann".into()),
        senior: true,
        tier: 3,
    };
    let actions = vec![
        Action::SetGrade(Grade::Dispute),
        Action::SetCategory("C3".into()),
        Action::AddTag("refund".into()),
        Action::SetAttribute(attribute.clone()),
        Action::Route(route.clone()),
        Action::StartClock(clock("first-response", 60, 50, false)),
        Action::Note("look".into()),
    ];
    same("applied", decide(store, actions, Timestamp(10)).await?, Applied::Done { outgoing: 0, more: false })?;
    let it = detail(store, id).await?;
    let row = &it.conversation;
    same("grade", row.grade, Some(Grade::Dispute))?;
    same("category", row.category.as_deref(), Some("C3"))?;
    same("tags", row.tags.clone(), vec!["refund".to_owned()])?;
    same("attributes", row.attributes.clone(), vec![attribute])?;
    same("route", row.route.clone(), Some(route))?;
    same("due", row.due, Some(Timestamp(60_010)))?;
    holds("it is decided", !row.undecided)?;
    let decided: Vec<_> = it.events.iter().filter(|event| event.act == "decided").collect();
    same("decided", decided.len(), 7)?;
    same("actor", decided[0].actor.as_str(), "policy:triage")?;
    same("rule", decided[0].rule.as_deref(), Some("C1"))?;
    same("why", decided[0].why.as_deref(), Some("because"))?;
    same("detail", decided[0].detail.as_deref(), Some("set-grade dispute"))?;
    let noted = it.events.iter().find(|event| event.act == "noted");
    same("note", noted.and_then(|event| event.detail.as_deref()), Some("look"))?;
    let snapshot = found("the snapshot", store.conversation_snapshot(id, Timestamp(11)).await?)?;
    same("team", snapshot.team.as_deref(), Some("care"))?;
    same("clocks", snapshot.clocks.len(), 1)
}

async fn what_is_not_granted_is_refused_and_told(store: &dyn Store) -> Held {
    let id = open(store, "one", Timestamp(1)).await?;
    let claimed = claim_one(store, Timestamp(2)).await?;
    let mut outcome = outcome("greedy", vec![Action::Close("mine".into()), Action::AddTag("seen".into())]);
    outcome.granted = vec!["add-tag".to_owned()].into();
    let blocked = Decision { action: Action::Note("rude".into()), rule: "C9".into(), why: "angry".into() };
    outcome.refused = vec![(blocked, "a review blocked it".into())];
    store.apply(decided(&claimed, vec![outcome], Timestamp(3))).await?;
    let it = detail(store, id).await?;
    same("state", it.conversation.state, State::Open)?;
    same("tags", it.conversation.tags, vec!["seen".to_owned()])?;
    let refused: Vec<_> = it.events.iter().filter(|event| event.act == "refused").collect();
    let told: Vec<_> = refused.iter().map(|event| (event.detail.as_deref(), event.why.as_deref())).collect();
    let want = [("note rude", "a review blocked it"), ("close mine", "not granted to this policy")];
    same("told", told, want.map(|(what, why)| (Some(what), Some(why))).to_vec())
}

async fn a_machine_does_not_answer_a_machine(store: &dyn Store) -> Held {
    let mut notice = mail("<1>", "a@x", "Out of office");
    notice.automatic = true;
    let id = accept(store, MAIL, notice, Timestamp(1)).await?.conversation;
    let content = Content { text: "Thank you".into(), ..Content::default() };
    let applied = decide(store, vec![Action::Reply(content)], Timestamp(2)).await?;
    same("applied", applied, Applied::Done { outgoing: 0, more: false })?;
    same("outgoing", store.lease_outgoing(lease(Timestamp(3)), 9).await?.len(), 0)?;
    same("acts", acts(store, id).await?, ["opened", "refused"].map(String::from).to_vec())
}

async fn a_machines_answer_does_not_leave_the_queue(store: &dyn Store) -> Held {
    let id = open(store, "one", Timestamp(1)).await?;
    let content = Content { text: "We have it".into(), ..Content::default() };
    let empty = Content { text: " \n".into(), ..Content::default() };
    let applied = decide(store, vec![Action::Reply(content.clone()), Action::Reply(empty)], Timestamp(2)).await?;
    same("applied", applied, Applied::Done { outgoing: 1, more: false })?;
    let it = detail(store, id).await?;
    same("state", it.conversation.state, State::Open)?;
    let answer = found("the answer", it.messages.last())?;
    same("author", (answer.author, answer.automatic), (Author::Bot, true))?;
    same("name", answer.name.as_deref(), Some("triage"))?;
    let out = store.lease_outgoing(lease(Timestamp(3)), 9).await?;
    same("outgoing", out.iter().map(|it| it.message.content.clone()).collect(), vec![content])?;
    same("by a machine", out[0].message.author, Author::Bot)?;
    same("in reply to", out[0].message.in_reply_to.as_deref(), Some("one"))
}

async fn only_the_node_that_holds_the_lease_applies(store: &dyn Store) -> Held {
    open(store, "one", Timestamp(1)).await?;
    let claimed = claim_one(store, Timestamp(2)).await?;
    let tag = |node: &str| {
        let mut it = decided(&claimed, vec![outcome("triage", vec![Action::AddTag(node.into())])], Timestamp(3));
        it.node = node.into();
        it
    };
    same("another node's snapshot", store.snapshot(claimed.id, "node-2", Timestamp(3)).await?.is_some(), false)?;
    same("another node", store.apply(tag("node-2")).await?, Applied::Gone)?;
    holds("its own is done", matches!(store.apply(tag(NODE)).await?, Applied::Done { .. }))?;
    same("twice", store.apply(tag(NODE)).await?, Applied::Gone)?;
    let tags = detail(store, claimed.conversation).await?.conversation.tags;
    same("tags", tags, vec![NODE.to_owned()])?;
    same("the snapshot is gone", store.snapshot(claimed.id, NODE, Timestamp(4)).await?.is_some(), false)
}

async fn a_lease_that_ran_out_is_claimed_again(store: &dyn Store) -> Held {
    open(store, "one", Timestamp(1)).await?;
    let first = claim_one(store, Timestamp(2)).await?;
    let almost = Timestamp(2 + LEASE - 1);
    same("while it holds", store.claim_happenings(lease_of("node-2", almost), 9).await?.len(), 0)?;
    let over = Timestamp(2 + LEASE);
    let second = store.claim_happenings(lease_of("node-2", over), 9).await?;
    same("when it ran out", second.iter().map(|it| it.id).collect(), vec![first.id])?;
    same("too late", store.apply(decided(&first, vec![], over)).await?, Applied::Gone)
}

async fn one_conversation_is_decided_in_order(store: &dyn Store) -> Held {
    let id = open(store, "one", Timestamp(1)).await?;
    for n in 2..5 {
        let mut message = mail(&format!("<{n}>"), "one@example.org", &n.to_string());
        message.thread.tag = Some(id.tag());
        accept(store, MAIL, message, Timestamp(n)).await?;
    }
    let mut texts = Vec::new();
    for n in 0..4u64 {
        let now = Timestamp(10 + n);
        let claimed = claim_one(store, now).await?;
        let (_, happening) = found("the snapshot", store.snapshot(claimed.id, NODE, now).await?)?;
        let Happening::Message(message) = happening else { return Err(Unmet::new("no message")) };
        texts.push(message.content.text);
        let applied = store.apply(decided(&claimed, vec![], now)).await?;
        same("more", applied, Applied::Done { outgoing: 0, more: n < 3 })?;
    }
    same("the order", texts, ["Hello", "2", "3", "4"].map(String::from).to_vec())
}

async fn a_replayed_happening_waits_for_the_one_under_way(store: &dyn Store) -> Held {
    let id = open(store, "one", Timestamp(1)).await?;
    let first = claim_one(store, Timestamp(2)).await?;
    store.apply(decided(&first, vec![failure("triage", false)], Timestamp(3))).await?;
    let mut message = mail("<2>", "one@example.org", "More");
    message.thread.tag = Some(id.tag());
    accept(store, MAIL, message, Timestamp(4)).await?;
    let second = claim_one(store, Timestamp(5)).await?;
    let row = found("the parked row", store.parked(false, page(1)).await?.items.pop())?;
    holds("taken back", store.unpark(row.id, "ann", Timestamp(6)).await?)?;
    same("meanwhile", store.claim_happenings(lease_of("node-2", Timestamp(7)), 9).await?, Vec::new())?;
    let applied = store.apply(decided(&second, vec![], Timestamp(8))).await?;
    same("the second", applied, Applied::Done { outgoing: 0, more: true })?;
    same("then the first", claim_one(store, Timestamp(9)).await?.id, first.id)
}

async fn different_conversations_are_claimed_together(store: &dyn Store) -> Held {
    for n in 0..5 {
        open(store, &format!("c{n}"), Timestamp(n)).await?;
    }
    let first = store.claim_happenings(lease(Timestamp(10)), 3).await?;
    let rest = store.claim_happenings(lease(Timestamp(10)), 30).await?;
    let all: Vec<_> = first.iter().chain(&rest).map(|it| it.conversation.0).collect();
    same("oldest first, each once", all, vec![1, 2, 3, 4, 5])
}

async fn a_failed_policy_is_parked_and_a_skippable_one_noted(store: &dyn Store) -> Held {
    let id = open(store, "one", Timestamp(1)).await?;
    let claimed = claim_one(store, Timestamp(2)).await?;
    let outcomes = vec![
        failure("receipt", true),
        failure("triage", false),
        outcome("routing", vec![Action::AddTag("routed".into())]),
    ];
    let applied = store.apply(decided(&claimed, outcomes, Timestamp(3))).await?;
    same("applied", applied, Applied::Done { outgoing: 0, more: false })?;
    let it = detail(store, id).await?;
    same("the others' decisions stand", it.conversation.tags.clone(), vec!["routed".to_owned()])?;
    holds("it is not decided yet", it.conversation.undecided)?;
    same("acts", acts(store, id).await?, ["opened", "skipped", "parked", "decided"].map(String::from).to_vec())?;
    let parked = store.parked(false, page(9)).await?.items;
    same("parked", parked.iter().map(|it| it.plugin.as_str()).collect(), vec!["triage"])?;
    same("what", parked[0].what, ParkedWhat::Happening(claimed.id))?;
    same("blame", (parked[0].blame.as_str(), parked[0].why.as_str()), ("trap", "it trapped"))?;
    same("counts", store.counts(Timestamp(4)).await?.parked, 1)?;
    holds("taken back", store.unpark(parked[0].id, "ann", Timestamp(5)).await?)?;
    let again = claim_one(store, Timestamp(6)).await?;
    same("for it alone", again.only.clone(), Some(vec!["triage".into()]))?;
    store.apply(decided(&again, vec![outcome("triage", vec![])], Timestamp(7))).await?;
    holds("decided now", !detail(store, id).await?.conversation.undecided)?;
    same("a second replay", store.unpark(parked[0].id, "ann", Timestamp(8)).await?, false)
}

async fn what_a_policy_keeps_is_kept_with_its_decisions(store: &dyn Store) -> Held {
    open(store, "one", Timestamp(1)).await?;
    let claimed = claim_one(store, Timestamp(2)).await?;
    let write = |key: &str| vec![StateWrite { key: key.into(), value: Some(b"kept".to_vec()), expires: None }];
    let outcomes = vec![
        PolicyOutcome { state: write("a"), ..outcome("decides", vec![Action::Note("seen".into())]) },
        PolicyOutcome { state: write("b"), ..failure("fails", false) },
    ];
    let stale = Decided { node: "another".into(), ..decided(&claimed, outcomes.clone(), Timestamp(3)) };
    let scope = |plugin: &str| StateScope { plugin: plugin.into(), channel: "".into() };
    same("without the lease", store.apply(stale).await?, Applied::Gone)?;
    same("nothing", store.state(&scope("decides"), "a", Timestamp(4)).await?, None)?;
    store.apply(decided(&claimed, outcomes, Timestamp(3))).await?;
    same("kept", store.state(&scope("decides"), "a", Timestamp(4)).await?, Some(b"kept".to_vec()))?;
    same("of one that failed, nothing", store.state(&scope("fails"), "b", Timestamp(4)).await?, None)
}

async fn a_snapshot_ends_with_what_is_decided_and_cuts_the_rest(store: &dyn Store) -> Held {
    let long = "é".repeat(HISTORY_TEXT_LIMIT + 10);
    let id = accept(store, MAIL, mail("<0>", "a@x", &long), Timestamp(1)).await?.conversation;
    for n in 1..=HISTORY_LIMIT + 5 {
        let mut message = mail(&format!("<{n}>"), "a@x", &format!("{n} {long}"));
        message.thread.tag = Some(id.tag());
        accept(store, MAIL, message, Timestamp(2)).await?;
    }
    let first = claim_one(store, Timestamp(3)).await?;
    let (snapshot, _) = found("the snapshot", store.snapshot(first.id, NODE, Timestamp(3)).await?)?;
    let lengths: Vec<_> = snapshot.history.iter().map(|entry| entry.text.chars().count()).collect();
    same("the first alone, not cut", lengths, vec![HISTORY_TEXT_LIMIT + 10])?;
    let whole = found("the snapshot", store.conversation_snapshot(id, Timestamp(3)).await?)?;
    same("at most", whole.history.len(), HISTORY_LIMIT)?;
    holds("the newest", whole.history.last().is_some_and(|it| it.text.starts_with("55 ")))?;
    holds("cut", whole.history.iter().all(|it| it.text.chars().count() == HISTORY_TEXT_LIMIT))
}

async fn a_node_that_starts_gives_back_what_it_held(store: &dyn Store) -> Held {
    open(store, "one", Timestamp(1)).await?;
    open(store, "two", Timestamp(2)).await?;
    let held = store.claim_happenings(lease(Timestamp(3)), 1).await?;
    let other = store.claim_happenings(lease_of("node-2", Timestamp(3)), 1).await?;
    same("given back", store.release_node(NODE).await?, 1)?;
    let again = store.claim_happenings(lease(Timestamp(4)), 9).await?;
    same("claimed again", again.iter().map(|it| it.id).collect(), vec![held[0].id])?;
    let kept = store.snapshot(other[0].id, "node-2", Timestamp(5)).await?;
    holds("the other node's stays", kept.is_some())
}
