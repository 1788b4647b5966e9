//! Operations on orders: who may ask for which, and that each is asked of its marketplace until it is settled.
use super::fixture::*;
use super::*;
use crate::*;
use tributary_model::conversation::{Refused, State};
use tributary_model::decision::{Action, Happening};
use tributary_model::message::{ChannelEvent, Handle, HandleKind};
use tributary_model::operation::{self, Settlement};
use tributary_model::order::{Money, Operation, Order, OrderState};

cases![
    an_operation_is_one_commit,
    only_the_holder_asks,
    an_order_is_of_the_channel_that_knows_it,
    a_policy_acts_on_the_customer_s_own_orders_only,
    a_policy_is_not_led_by_who_names_an_order,
    a_policy_is_refused_what_it_asked_for_before,
    a_try_is_leased_counted_and_settled_under_one_key,
    a_failure_wakes_and_is_parked_and_replayed_under_the_same_key,
    what_is_settled_stays_settled,
    a_node_that_starts_takes_its_leases_back,
    an_order_that_was_looked_up_is_the_conversation_s,
    a_request_is_answered_in_its_own_transaction,
];

pub(super) const SHOP: &str = "shopify";

/// An order of the customer who writes under this name, as the marketplace tells it.
pub(super) fn order(id: &str, buyer: &str, state: OrderState, at: u64) -> Order {
    let total = Money { currency: "EUR".into(), minor: 2_500 };
    let value = format!("{buyer}@example.org");
    Order {
        id: id.into(),
        state,
        at: Timestamp(at),
        buyer: vec![Handle { kind: HandleKind::Email, value, verified: false }],
        total,
        first_order: false,
        lines: Vec::new(),
        parcel: None,
        promised_by: None,
        attributes: Vec::new(),
    }
}

pub(super) async fn told(store: &dyn Store, channel: &str, order: Order) -> Held {
    let events = vec![ChannelEvent::Order(Box::new(order))];
    store.accept(arrival(channel, events, Timestamp(1)), None).await?;
    Ok(())
}

pub(super) fn refund(order: &str, minor: i64) -> Operation {
    Operation::Refund(order.into(), Money { currency: "EUR".into(), minor }, "broken".into())
}

pub(super) fn asked(id: ConversationId, agent: &str, operation: Operation, now: Timestamp) -> NewOperation {
    NewOperation { conversation: id, agent: agent.into(), operation, now, request: None }
}

/// A conversation of the customer `one`, whose order 1001 its shop told of; nothing waits to be decided.
pub(super) async fn bought(store: &dyn Store) -> Result<ConversationId, Unmet> {
    let id = open(store, "one", Timestamp(1)).await?;
    told(store, SHOP, order("1001", "one", OrderState::Delivered, 1)).await?;
    drain(store, Timestamp(2)).await?;
    Ok(id)
}

/// Such a conversation with a refund that is queued.
async fn refunding(store: &dyn Store) -> Result<(ConversationId, OperationId), Unmet> {
    let id = bought(store).await?;
    let new = asked(id, "ann", refund("1001", 1_250), Timestamp(3));
    Ok((id, allowed("the refund", store.ask_operation(new).await?)?.id))
}

async fn shown(store: &dyn Store, id: ConversationId) -> Result<OperationView, Unmet> {
    found("the operation", detail(store, id).await?.operations.into_iter().next())
}

/// What the policies are asked about next, all of it about operations.
pub(super) async fn ends(store: &dyn Store, now: Timestamp) -> Result<Vec<(String, String)>, Unmet> {
    let mut ends = Vec::new();
    for happening in drain(store, now).await? {
        let Happening::OperationSettled(end) = happening else { return Err(Unmet::new(format!("{happening:?}"))) };
        ends.push((end.name, end.value));
    }
    Ok(ends)
}

async fn an_operation_is_one_commit(store: &dyn Store) -> Held {
    let (id, operation) = refunding(store).await?;
    let it = detail(store, id).await?;
    let view = found("the operation", it.operations.first())?;
    same("what", (view.id, view.operation.clone()), (operation, refund("1001", 1_250)))?;
    same("by whom", (view.by.as_str(), view.channel.as_str()), ("agent:ann", SHOP))?;
    same("state", (view.state, view.attempts, view.next_at), (operation::State::Queued, 0, Some(Timestamp(3))))?;
    same("acts", acts(store, id).await?, ["opened", "order", "asked"].map(String::from).to_vec())?;
    let line = it.events.last().and_then(|event| event.detail.clone());
    same("told", line, Some(format!("operation {operation}: refund 1001 12.50 EUR")))?;
    same(
        "orders",
        it.orders.iter().map(|it| (it.channel.as_str(), it.order.id.as_str())).collect(),
        vec![(SHOP, "1001")],
    )?;
    same("it stands where it stood", it.conversation.state, State::Open)
}

async fn only_the_holder_asks(store: &dyn Store) -> Held {
    let id = bought(store).await?;
    allowed("the claim", store.claim(id, &"ann".into(), Duration::from_secs(60), Timestamp(3)).await?)?;
    let refused = store.ask_operation(asked(id, "bo", refund("1001", 1), Timestamp(4))).await?;
    holds(
        "who holds it is said",
        matches!(refused, Err(NotTaken::Refused(Refused::Held(holder))) if holder.agent.as_str() == "ann"),
    )?;
    let unknown = store.ask_operation(asked(ConversationId(99), "bo", refund("1001", 1), Timestamp(4))).await?;
    same("of none", unknown, Err(NotTaken::Refused(Refused::Unknown)))?;
    let nothing = store.ask_operation(asked(id, "ann", refund("1001", 0), Timestamp(4))).await?;
    holds("of nothing", matches!(nothing, Err(NotTaken::OutOfRange(_))))?;
    same("nothing was written", detail(store, id).await?.operations, Vec::new())?;
    allowed("the holder", store.ask_operation(asked(id, "ann", refund("1001", 1), Timestamp(4))).await?.map(drop))
}

async fn an_order_is_of_the_channel_that_knows_it(store: &dyn Store) -> Held {
    let id = bought(store).await?;
    let channel =
        async |order: &str| Ok::<_, Unmet>(store.order_channel(id, order).await?.map_err(|no| no.to_string()));
    same("the conversation's", channel("1001").await?, Ok(SHOP.into()))?;
    let unknown = channel("7").await?;
    holds(
        "one that nobody told of",
        unknown.as_ref().is_err_and(|why| why.contains("no channel has told of order 7")),
    )?;
    // The same id in another shop: the conversation is about the first one's.
    told(store, "doudian", order("1001", "two", OrderState::Paid, 1)).await?;
    same("of two", channel("1001").await?, Ok(SHOP.into()))?;
    // A stranger's, which a person may name.
    told(store, SHOP, order("2002", "two", OrderState::Paid, 1)).await?;
    same("a stranger's", channel("2002").await?, Ok(SHOP.into()))?;
    told(store, "doudian", order("2002", "three", OrderState::Paid, 1)).await?;
    let several = channel("2002").await?;
    holds("of one of two strangers", several.as_ref().is_err_and(|why| why.contains("doudian and shopify")))?;
    let refused = store.ask_operation(asked(id, "ann", refund("2002", 1), Timestamp(3))).await?;
    holds("nothing is done to it", matches!(refused, Err(NotTaken::Order(OrderRefused::Several(..)))))?;
    let refused = store.order_channel(ConversationId(99), "1001").await?;
    same("of no conversation", refused, Err(NotTaken::Refused(Refused::Unknown)))
}

/// Applies one decision about a new message; how the log tells it.
pub(super) async fn decided(
    store: &dyn Store,
    name: &str,
    operation: Operation,
    now: u64,
) -> Result<(String, String), Unmet> {
    let mut message = mail(&format!("{name}-{now}"), &format!("{name}@example.org"), "Money back");
    message.thread.thread_key = Some(name.to_owned());
    let id = accept(store, MAIL, message, Timestamp(now)).await?.conversation;
    decide(store, vec![Action::Perform(operation)], Timestamp(now)).await?;
    let it = detail(store, id).await?;
    let line = it.events.into_iter().rev().find(|event| event.act == "decided" || event.act == "refused");
    let line = found("the decision", line)?;
    Ok((line.act, line.why.unwrap_or_default()))
}

async fn a_policy_acts_on_the_customer_s_own_orders_only(store: &dyn Store) -> Held {
    // The orders come before there is anything to be about them.
    told(store, SHOP, order("1001", "one", OrderState::Paid, 1)).await?;
    told(store, SHOP, order("2002", "two", OrderState::Paid, 1)).await?;
    let (act, why) = decided(store, "one", refund("2002", 100), 10).await?;
    same("a stranger's", act.as_str(), "refused")?;
    holds("why is said", why == "order 2002 is of another customer")?;
    let (act, why) = decided(store, "one", refund("3003", 100), 11).await?;
    same("an unknown one", act.as_str(), "refused")?;
    holds("why is said", why.contains("no channel has told of order 3003"))?;
    same("nothing waits", store.lease_operations(lease(Timestamp(12)), 9).await?.len(), 0)?;
    same("their own", decided(store, "one", refund("1001", 100), 13).await?, ("decided".into(), "because".into()))?;
    let leased = store.lease_operations(lease(Timestamp(14)), 9).await?;
    let it = found("the operation", leased.first())?;
    same("what", (&it.operation, it.channel.as_str(), it.attempt), (&refund("1001", 100), SHOP, 1))?;
    let view = shown(store, it.conversation).await?;
    let by = (view.by.as_str(), view.rule.as_deref(), view.why.as_deref());
    same("by whom and why", by, ("policy:triage", Some("C1"), Some("because")))
}

async fn a_policy_is_not_led_by_who_names_an_order(store: &dyn Store) -> Held {
    told(store, SHOP, order("2002", "two", OrderState::Paid, 1)).await?;
    told(store, SHOP, Order { buyer: Vec::new(), ..order("3003", "", OrderState::Paid, 1) }).await?;
    // By mail anybody can name an order, and the conversation is about it: that makes nobody its buyer.
    let mut message = mail("m-1", "one@example.org", "It is mine");
    message.thread.order_id = Some("2002".into());
    let by_mail = accept(store, MAIL, message, Timestamp(10)).await?.conversation;
    same("about it", detail(store, by_mail).await?.orders.len(), 1)?;
    decide(store, vec![Action::Perform(refund("2002", 100))], Timestamp(11)).await?;
    same("of a stranger", detail(store, by_mail).await?.operations.len(), 0)?;
    let mut message = mail("m-2", "three@example.org", "This one");
    message.thread.order_id = Some("3003".into());
    let by_mail = accept(store, MAIL, message, Timestamp(12)).await?.conversation;
    decide(store, vec![Action::Perform(refund("3003", 100))], Timestamp(13)).await?;
    same("of somebody hidden", detail(store, by_mail).await?.operations.len(), 0)?;
    // The marketplace knows whose order it names in its own dialogue.
    let mut message = mail("s-1", "four@example.org", "Broken");
    message.thread.order_id = Some("3003".into());
    let there = accept(store, SHOP, message, Timestamp(14)).await?.conversation;
    decide(store, vec![Action::Perform(refund("3003", 100))], Timestamp(15)).await?;
    same("named by the marketplace", detail(store, there).await?.operations.len(), 1)
}

async fn a_policy_is_refused_what_it_asked_for_before(store: &dyn Store) -> Held {
    told(store, SHOP, order("1001", "one", OrderState::Paid, 1)).await?;
    same("first", decided(store, "one", refund("1001", 100), 10).await?.0.as_str(), "decided")?;
    let (act, why) = decided(store, "one", refund("1001", 100), 11).await?;
    same("again", (act.as_str(), why.contains("the same was asked for already: operation 1")), ("refused", true))?;
    same("another", decided(store, "one", refund("1001", 101), 12).await?.0.as_str(), "decided")?;
    same("leased", store.lease_operations(lease(Timestamp(13)), 9).await?.len(), 2)?;
    // A person knows what they do.
    let agent = asked(ConversationId(1), "ann", refund("1001", 100), Timestamp(14));
    allowed("a person", store.ask_operation(agent).await?.map(drop))
}

async fn a_try_is_leased_counted_and_settled_under_one_key(store: &dyn Store) -> Held {
    let (id, operation) = refunding(store).await?;
    let first = store.lease_operations(lease(Timestamp(5)), 9).await?;
    same("leased", first.iter().map(|it| (it.id, it.attempt)).collect(), vec![(operation, 1)])?;
    let key = first[0].key.clone();
    holds("the key has the id and more", key.starts_with(&format!("{operation}-")) && key.len() > 20)?;
    same("by one", store.lease_operations(lease_of("node-2", Timestamp(5)), 9).await?.len(), 0)?;
    let again = Settlement::Again { at: Timestamp(100), why: "busy".into() };
    store.settle_operation(operation, again, Timestamp(6)).await?;
    same("before its time", store.lease_operations(lease(Timestamp(99)), 9).await?.len(), 0)?;
    let second = store.lease_operations(lease(Timestamp(100)), 9).await?;
    same("the second try", second.iter().map(|it| (it.attempt, it.key.clone())).collect(), vec![(2, key.clone())])?;
    // A node that died: its lease runs out, and the try counts.
    let third = store.lease_operations(lease_of("node-2", Timestamp(100 + LEASE)), 9).await?;
    same("the third try", third.iter().map(|it| (it.attempt, it.key.clone())).collect(), vec![(3, key.clone())])?;
    store.settle_operation(operation, Settlement::Done { result: "r-9".into() }, Timestamp(200)).await?;
    let view = shown(store, id).await?;
    same("done", (view.state, view.attempts, view.result.as_deref()), (operation::State::Done, 3, Some("r-9")))?;
    same("its words are gone", view.detail, None)?;
    let want = ["opened", "order", "asked", "retrying", "performed"].map(String::from).to_vec();
    same("acts", acts(store, id).await?, want)?;
    same("the policies", ends(store, Timestamp(201)).await?, vec![(key, "done: refund 1001 12.50 EUR".into())])
}

async fn a_failure_wakes_and_is_parked_and_replayed_under_the_same_key(store: &dyn Store) -> Held {
    let (id, operation) = refunding(store).await?;
    let mut keys = Vec::new();
    for round in 1..=2u32 {
        let now = Timestamp(u64::from(round) * 10);
        let closed = store.act(id, &"ann".into(), AgentAct::Snooze(Timestamp(1_000)), now, None).await?;
        allowed("rests", closed)?;
        let leased = store.lease_operations(lease(now), 9).await?;
        same("leased", leased.iter().map(|it| it.attempt).collect(), vec![1])?;
        keys.extend(leased.into_iter().map(|it| it.key));
        store.settle_operation(operation, Settlement::Failed { why: "too late".into() }, now).await?;
        same("awake", detail(store, id).await?.conversation.state, State::Open)?;
        let view = shown(store, id).await?;
        same("shown", (view.state, view.detail.as_deref()), (operation::State::Failed, Some("too late")))?;
        let parked = store.parked(false, page(9)).await?.items;
        let want = vec![(ParkedWhat::Operation(operation), round)];
        same("parked", parked.iter().map(|it| (it.what, it.tries)).collect(), want)?;
        let told = ends(store, now).await?;
        same("the policies", told, vec![(keys[0].clone(), "failed: refund 1001 12.50 EUR: too late".into())])?;
        holds("taken back", store.unpark(parked[0].id, "ann", now).await?)?;
        same("counts", store.counts(now).await?.parked, 0)?;
        same("once", store.unpark(parked[0].id, "ann", now).await?, false)?;
    }
    same("one key", keys[0] == keys[1], true)
}

async fn what_is_settled_stays_settled(store: &dyn Store) -> Held {
    let (id, operation) = refunding(store).await?;
    store.lease_operations(lease(Timestamp(5)), 9).await?;
    store.settle_operation(operation, Settlement::Done { result: "r-9".into() }, Timestamp(6)).await?;
    let before = store.last_event().await?;
    for late in [
        Settlement::Done { result: "r-10".into() },
        Settlement::Again { at: Timestamp(9), why: "late".into() },
        Settlement::Failed { why: "late".into() },
    ] {
        store.settle_operation(operation, late, Timestamp(7)).await?;
    }
    store.settle_operation(OperationId(999), Settlement::Done { result: "r".into() }, Timestamp(7)).await?;
    same("nothing happened", store.last_event().await?, before)?;
    same("its result", shown(store, id).await?.result.as_deref(), Some("r-9"))?;
    same("told once", ends(store, Timestamp(8)).await?.len(), 1)
}

async fn a_node_that_starts_takes_its_leases_back(store: &dyn Store) -> Held {
    let (_, operation) = refunding(store).await?;
    let first = store.lease_operations(lease(Timestamp(5)), 9).await?;
    same("of another node", store.release_node("node-2").await?, 0)?;
    same("released", store.release_node(NODE).await?, 1)?;
    let second = store.lease_operations(lease(Timestamp(6)), 9).await?;
    same("again", second.iter().map(|it| (it.id, it.attempt)).collect(), vec![(operation, 2)])?;
    same("under the same key", second[0].key.clone(), first[0].key.clone())
}

async fn an_order_that_was_looked_up_is_the_conversation_s(store: &dyn Store) -> Held {
    let id = open(store, "one", Timestamp(1)).await?;
    drain(store, Timestamp(2)).await?;
    let looked_up = order("9009", "two", OrderState::Shipped, 5);
    let mut new = arrival(SHOP, vec![ChannelEvent::Order(Box::new(looked_up.clone()))], Timestamp(6));
    new.source = Source::LookUp(id);
    store.accept(new, None).await?;
    let it = detail(store, id).await?;
    same("its order", it.orders, vec![KnownOrder { channel: SHOP.into(), order: looked_up.clone() }])?;
    same("acts", acts(store, id).await?, ["opened", "order"].map(String::from).to_vec())?;
    same("the policies", drain(store, Timestamp(7)).await?, vec![Happening::Order(Box::new(looked_up))])?;
    same("a poll goes on where it was", store.poll_cursor(&SHOP.into()).await?, None)?;
    same("its channel", store.order_channel(id, "9009").await?, Ok(SHOP.into()))?;
    // Unchanged, for another conversation: no news, and one of its orders nevertheless.
    let other = open(store, "three", Timestamp(8)).await?;
    let it = detail(store, id).await?.orders.remove(0).order;
    let mut new = arrival(SHOP, vec![ChannelEvent::Order(Box::new(it))], Timestamp(9));
    new.source = Source::LookUp(other);
    store.accept(new, None).await?;
    same("its orders", detail(store, other).await?.orders.len(), 1)?;
    same("acts", acts(store, other).await?, ["opened"].map(String::from).to_vec())
}

async fn a_request_is_answered_in_its_own_transaction(store: &dyn Store) -> Held {
    let id = bought(store).await?;
    let key = RequestKey { token: 1, key: "k".into(), digest: [7; 32] };
    same("first", store.begin_request(key.clone(), Timestamp(3)).await?, Begun::First)?;
    let answer = |it: &AskedOperation| KeptAnswer { status: 202, body: it.id.to_string().into() };
    let mut new = asked(id, "ann", refund("1001", 1_250), Timestamp(3));
    new.request = Some(KeyedOperation { key: key.clone(), answer });
    let operation = allowed("the refund", store.ask_operation(new).await?)?.id;
    let again = Begun::Again(KeptAnswer { status: 202, body: operation.to_string().into() });
    same("kept with it", store.begin_request(key, Timestamp(4)).await?, again)
}
