//! What cases and benches put into a store.
use super::{Unmet, allowed, found};
use crate::*;
use std::sync::Arc;
use tributary_model::calendar::{Period, Plan};
use tributary_model::decision::{Action, Clock, Decision, Happening};
use tributary_model::identity::Verifies;
use tributary_model::life;
use tributary_model::message::{Arrival, Author, ChannelEvent, Handle, HandleKind, Inbound, ThreadHints};
use tributary_model::order::{Money, Order, OrderState};

/// The channel of most cases.
pub const MAIL: &str = "mail";
/// The node of most cases.
pub const NODE: &str = "node-1";
/// How long leases are in cases, in ms.
pub const LEASE: u64 = 60_000;

/// A mail by a customer, with nothing that threads it.
pub fn mail(external_id: &str, from: &str, text: &str) -> Inbound {
    Inbound {
        external_id: (!external_id.is_empty()).then(|| external_id.to_owned()),
        sent_at: Timestamp(1),
        author: Author::Customer,
        from: vec![Handle { kind: HandleKind::Email, value: from.to_owned(), verified: false }],
        display_name: Some("A customer".into()),
        subject: Some("Where is it?".into()),
        content: Content { text: text.to_owned(), ..Content::default() },
        thread: ThreadHints::default(),
        automatic: false,
        attributes: Vec::new(),
    }
}

/// A handle that its channel proves.
pub fn proved(kind: HandleKind, value: &str) -> Handle {
    Handle { kind, value: value.into(), verified: true }
}

/// A handle that somebody claims.
pub fn claimed(kind: HandleKind, value: &str) -> Handle {
    Handle { kind, value: value.into(), verified: false }
}

/// An order that was shipped then.
pub fn order(id: &str, buyer: &[Handle], at: u64) -> Order {
    Order {
        id: id.into(),
        state: OrderState::Shipped,
        at: Timestamp(at),
        buyer: buyer.to_vec(),
        total: Money { currency: "CNY".into(), minor: 1_999 },
        first_order: false,
        lines: Vec::new(),
        parcel: Some("SF1".into()),
        promised_by: None,
        attributes: Vec::new(),
    }
}

/// An arrival that told these events.
pub fn arrival(channel: &str, events: Vec<ChannelEvent>, at: Timestamp) -> NewArrival {
    let data: Arc<[u8]> = Arc::from(&b"From: somebody\r\n\r\nraw bytes\r\n"[..]);
    NewArrival {
        channel: channel.into(),
        source: Source::Arrival(Arrival::Mail {
            mail_from: "bounce@example.org".into(),
            rcpt_to: vec!["help@shop.example".into()],
            data,
        }),
        events,
        at,
        state: StateEdit::default(),
        feed: Vec::new(),
        scope: StateScope { plugin: "channel-test".into(), channel: channel.into() },
        replays: None,
        verifies: Verifies::all(),
    }
}

/// A lease of [`NODE`] from now on.
pub fn lease(now: Timestamp) -> Lease {
    lease_of(NODE, now)
}

/// A lease of a node from now on.
pub fn lease_of(node: &str, now: Timestamp) -> Lease {
    Lease { node: node.into(), until: now.after(Duration::from_millis(LEASE)), now }
}

/// Accepts one message by a channel.
pub async fn accept(
    store: &dyn Store,
    channel: &str,
    message: Inbound,
    at: Timestamp,
) -> Result<AcceptedMessage, Unmet> {
    let events = vec![ChannelEvent::Message(Box::new(message))];
    let accepted = store.accept(arrival(channel, events, at), None).await?;
    found("the accepted message", accepted.messages.into_iter().next())
}

/// Accepts a new mail; its conversation.
pub async fn open(store: &dyn Store, external_id: &str, at: Timestamp) -> Result<ConversationId, Unmet> {
    let from = format!("{external_id}@example.org");
    Ok(accept(store, MAIL, mail(external_id, &from, "Hello"), at).await?.conversation)
}

/// Everything a policy may be granted.
pub fn every_action() -> Arc<[String]> {
    Action::WORDS.map(String::from).to_vec().into()
}

/// A policy that decided these.
pub fn outcome(policy: &str, actions: Vec<Action>) -> PolicyOutcome {
    let decisions =
        actions.into_iter().map(|action| Decision { action, rule: "C1".into(), why: "because".into() }).collect();
    PolicyOutcome {
        policy: policy.into(),
        version: "1.2.3".into(),
        generation: GenerationId(7),
        granted: every_action(),
        result: Ok(decisions),
        refused: Vec::new(),
        state: Vec::new(),
        asked: Vec::new(),
        may_be_skipped: false,
    }
}

/// A policy that failed.
pub fn failure(policy: &str, may_be_skipped: bool) -> PolicyOutcome {
    let result = Err(Cause { blame: "trap", what: "it trapped".into() });
    PolicyOutcome {
        policy: policy.into(),
        version: "1.2.3".into(),
        generation: GenerationId(7),
        granted: every_action(),
        result,
        refused: Vec::new(),
        state: Vec::new(),
        asked: Vec::new(),
        may_be_skipped,
    }
}

/// What the chain of [`NODE`] made of a claimed happening.
pub fn decided(claimed: &ClaimedHappening, outcomes: Vec<PolicyOutcome>, now: Timestamp) -> Decided {
    Decided { happening: claimed.id, conversation: claimed.conversation, node: NODE.into(), outcomes, now }
}

/// Claims the one happening that waits.
pub async fn claim_one(store: &dyn Store, now: Timestamp) -> Result<ClaimedHappening, Unmet> {
    let mut claimed = store.claim_happenings(lease(now), 10).await?;
    match (claimed.pop(), claimed.pop()) {
        (Some(it), None) => Ok(it),
        (last, next) => Err(Unmet::new(format!("not one happening waits: {last:?} {next:?} {claimed:?}"))),
    }
}

/// Claims the one happening that waits and applies what a policy decided.
pub async fn decide(store: &dyn Store, actions: Vec<Action>, now: Timestamp) -> Result<Applied, Unmet> {
    let claimed = claim_one(store, now).await?;
    Ok(store.apply(decided(&claimed, vec![outcome("triage", actions)], now)).await?)
}

/// Decides everything that waits, with nothing.
pub async fn drain(store: &dyn Store, now: Timestamp) -> Result<Vec<Happening>, Unmet> {
    let mut seen = Vec::new();
    loop {
        let claimed = store.claim_happenings(lease(now), 100).await?;
        if claimed.is_empty() {
            return Ok(seen);
        }
        for it in claimed {
            let (_, happening) = found("the claimed happening", store.snapshot(it.id, NODE, now).await?)?;
            seen.push(happening);
            store.apply(decided(&it, vec![outcome("triage", Vec::new())], now)).await?;
        }
    }
}

/// A clock of so many seconds.
pub fn clock(name: &str, target: u32, warn_at_percent: u8, pauses_for_customer: bool) -> Clock {
    Clock { name: name.into(), target, calendar: None, warn_at_percent, pauses_for_customer }
}

/// A calendar that has the same periods each day, in UTC.
pub fn daily(periods: &[(&str, &str)]) -> Result<Calendar, Unmet> {
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].map(String::from).to_vec();
    let period = |(from, to): &(&str, &str)| Period { days: days.clone(), from: (*from).into(), to: (*to).into() };
    let opening = periods.iter().map(period).collect();
    allowed("the calendar", Calendar::new(Plan { zone: "UTC".into(), opening, ..Plan::default() }))
}

/// A reply by an agent that lets go.
pub fn reply(conversation: ConversationId, agent: &str, text: &str, now: Timestamp) -> NewReply {
    NewReply {
        conversation,
        agent: agent.into(),
        content: Content { text: text.into(), ..Content::default() },
        keep: false,
        close: false,
        now,
        warnings: Vec::new(),
        request: None,
    }
}

/// A page from its start.
pub fn page(limit: usize) -> Page {
    Page { after: None, limit }
}

/// Everything about a conversation.
pub async fn detail(store: &dyn Store, id: ConversationId) -> Result<ConversationDetail, Unmet> {
    found("the conversation", store.conversation(id).await?)
}

/// The acts of a conversation's log, oldest first.
pub async fn acts(store: &dyn Store, id: ConversationId) -> Result<Vec<String>, Unmet> {
    Ok(detail(store, id).await?.events.into_iter().map(|event| event.act).collect())
}

/// The place of the policy of most cases about generations.
pub fn triage() -> Place {
    Place::Policy("policy-triage".into())
}

/// The place of [`MAIL`].
pub fn email() -> Place {
    Place::Channel(MAIL.into())
}

/// The state of the adapter of [`MAIL`].
pub fn scope() -> StateScope {
    StateScope { plugin: "channel-email".into(), channel: MAIL.into() }
}

/// A package of this version for a place.
pub fn package(place: &Place, version: &str) -> NewGeneration {
    NewGeneration {
        place: place.clone(),
        plugin: match place {
            Place::Channel(_) => "channel-email".into(),
            Place::Policy(name) => name.clone(),
        },
        version: version.into(),
        digest: "ab".repeat(32),
        contract: "0.2.0".into(),
        signer: None,
        config: r#"{"tone":"kind"}"#.into(),
        grants: "[]".into(),
        at: Timestamp(4),
    }
}

/// One step of a generation that its life allows.
pub async fn step(
    store: &dyn Store,
    id: GenerationId,
    event: life::Event,
    why: Option<&str>,
) -> Result<life::State, Unmet> {
    let done = store.advance(id, event, why.map(str::to_owned), Timestamp(5)).await?;
    allowed("the step", found("the generation", done)?)
}

/// A generation that could act now.
pub async fn checked(store: &dyn Store, place: &Place, version: &str) -> Result<GenerationId, Unmet> {
    let id = store.add_generation(package(place, version)).await?;
    for event in [life::Event::Verify, life::Event::Compile, life::Event::Check] {
        step(store, id, event, None).await?;
    }
    Ok(id)
}

/// Asks for a generation to act, with this done to the state.
pub async fn switch_with(store: &dyn Store, to: GenerationId, state: StateChange) -> Result<Switched, StoreError> {
    store.switch(Switch { to, why: "asked for".into(), by: "agent:ann".into(), now: Timestamp(10), state }).await
}

/// Asks for a generation to act, for a reason.
pub async fn go_live(store: &dyn Store, to: GenerationId, why: &str) -> Result<Switched, StoreError> {
    let (why, by) = (why.to_owned(), "agent:ann".to_owned());
    store.switch(Switch { to, why, by, now: Timestamp(6), state: StateChange::Keep }).await
}

/// Where a generation stands.
pub async fn state_of(store: &dyn Store, id: GenerationId) -> Result<life::State, Unmet> {
    Ok(found("the generation", store.generation(id).await?)?.state)
}
