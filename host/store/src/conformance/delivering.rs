//! Commits 3 and 4: answers on their way out.
use super::fixture::*;
use super::*;
use crate::*;
use tributary_model::conversation::{Refused, State};
use tributary_model::decision::{Happening, Objection};
use tributary_model::delivery::{self, Settlement};
use tributary_model::message::{Author, ChannelEvent, Delivery, DeliveryState};

cases![
    an_answer_is_one_commit,
    only_the_holder_answers,
    a_try_is_leased_counted_and_settled,
    a_failure_wakes_and_is_parked_and_replayed,
    what_is_settled_stays_settled,
    news_of_a_delivery_is_applied_as_the_table_says,
    news_by_another_channel_is_an_event_only,
    the_answer_goes_out_where_the_customer_wrote_last,
];

fn accepted(external_id: &str) -> Settlement {
    Settlement::Accepted { external_id: Some(external_id.to_owned()), detail: Some("250 ok".into()) }
}

/// A conversation with an answer that is queued.
async fn answered(store: &dyn Store, name: &str) -> Result<(ConversationId, OutgoingId), Unmet> {
    let id = open(store, name, Timestamp(1)).await?;
    drain(store, Timestamp(2)).await?;
    let out = allowed("the answer", store.reply(reply(id, "ann", "Yes", Timestamp(3))).await?)?;
    drain(store, Timestamp(4)).await?;
    Ok((id, out))
}

async fn state(store: &dyn Store, id: ConversationId) -> Result<delivery::State, Unmet> {
    let messages = detail(store, id).await?.messages;
    Ok(found("the delivery", messages.into_iter().find_map(|message| message.delivery))?.state)
}

async fn an_answer_is_one_commit(store: &dyn Store) -> Held {
    let id = open(store, "one", Timestamp(1)).await?;
    drain(store, Timestamp(2)).await?;
    allowed("the claim", store.claim(id, &"ann".into(), Duration::from_secs(60), Timestamp(3)).await?)?;
    let objection = Objection { rule: "L2".into(), why: "a promise".into(), span: None };
    let mut it = reply(id, "ann", "Yes", Timestamp(4));
    it.warnings = vec![("phrases".into(), objection)];
    it.close = true;
    let out = allowed("the answer", store.reply(it).await?)?;
    let now = detail(store, id).await?;
    same("state", now.conversation.state, State::Closed)?;
    same("holder", now.conversation.holder, None)?;
    let last = found("the answer", now.messages.last())?;
    same("author", (last.author, last.name.as_deref(), last.automatic), (Author::Agent, Some("ann"), false))?;
    same("delivery", last.delivery.as_ref().map(|d| (d.id, d.state)), Some((out, delivery::State::Queued)))?;
    let want = ["opened", "claimed", "warned", "replied", "closed"].map(String::from).to_vec();
    same("acts", acts(store, id).await?, want)?;
    let happened = drain(store, Timestamp(5)).await?;
    let content = Content { text: "Yes".into(), ..Content::default() };
    let claimed = Happening::AgentClaimed("ann".into());
    same("happenings", happened, vec![claimed, Happening::AgentReplied(content), Happening::AgentClosed])?;
    allowed("a last word", store.reply(reply(id, "ann", "Bye", Timestamp(6))).await?)?;
    same("its state", detail(store, id).await?.conversation.state, State::Answered)
}

async fn only_the_holder_answers(store: &dyn Store) -> Held {
    let id = open(store, "one", Timestamp(1)).await?;
    let minute = Duration::from_secs(60);
    allowed("the claim", store.claim(id, &"ann".into(), minute, Timestamp(1)).await?)?;
    let refused = store.reply(reply(id, "bo", "Me too", Timestamp(2))).await?;
    holds("who holds it is said", matches!(refused, Err(Refused::Held(holder)) if holder.agent.as_str() == "ann"))?;
    let unknown = store.reply(reply(ConversationId(99), "bo", "Me too", Timestamp(2))).await?;
    same("of none", unknown, Err(Refused::Unknown))?;
    same("nothing was written", store.counts(Timestamp(2)).await?.outgoing, 0)?;
    let mut keep = reply(id, "ann", "A moment", Timestamp(3));
    keep.keep = true;
    allowed("the holder", store.reply(keep).await?)?;
    let it = detail(store, id).await?.conversation;
    same("kept", it.held_by(Timestamp(4)).map(|holder| holder.agent.to_string()), Some("ann".into()))?;
    allowed("when the lease ran out", store.reply(reply(id, "bo", "Me", Timestamp(60_001))).await?.map(drop))
}

async fn a_try_is_leased_counted_and_settled(store: &dyn Store) -> Held {
    let (id, out) = answered(store, "one").await?;
    let first = store.lease_outgoing(lease(Timestamp(5)), 9).await?;
    same("leased", first.iter().map(|it| (it.message.id, it.attempt)).collect(), vec![(out, 1)])?;
    same("by one", store.lease_outgoing(lease_of("node-2", Timestamp(5)), 9).await?.len(), 0)?;
    store.settle(out, Settlement::Again { at: Timestamp(100), why: "busy".into() }, Timestamp(6)).await?;
    same("before its time", store.lease_outgoing(lease(Timestamp(99)), 9).await?.len(), 0)?;
    let second = store.lease_outgoing(lease(Timestamp(100)), 9).await?;
    same("the second try", second.iter().map(|it| it.attempt).collect(), vec![2])?;
    let mut before = first[0].message.clone();
    before.id = out;
    same("each try is the same", second[0].message.clone(), before)?;
    // A node that died: its lease runs out, and the try counts.
    let third = store.lease_outgoing(lease_of("node-2", Timestamp(100 + LEASE)), 9).await?;
    same("the third try", third.iter().map(|it| it.attempt).collect(), vec![3])?;
    same("outgoing", store.counts(Timestamp(1)).await?.outgoing, 1)?;
    store.settle(out, accepted("<a@shop>"), Timestamp(200)).await?;
    same("outgoing", store.counts(Timestamp(1)).await?.outgoing, 0)?;
    let it = detail(store, id).await?;
    let message = found("the answer", it.messages.last())?;
    same("external id", message.external_id.as_deref(), Some("<a@shop>"))?;
    let view = found("the delivery", message.delivery.clone())?;
    same("detail", (view.state, view.attempts, view.detail.as_deref()), (delivery::State::Sent, 3, Some("250 ok")))?;
    same("acts", acts(store, id).await?, ["opened", "replied", "retrying", "sent"].map(String::from).to_vec())
}

async fn a_failure_wakes_and_is_parked_and_replayed(store: &dyn Store) -> Held {
    let (id, out) = answered(store, "one").await?;
    same("rests", detail(store, id).await?.conversation.state, State::Answered)?;
    for round in 1..=2u32 {
        let now = Timestamp(u64::from(round) * 10);
        same("leased", store.lease_outgoing(lease(now), 9).await?.iter().map(|it| it.attempt).collect(), vec![1])?;
        store.settle(out, Settlement::Failed { why: "no such user".into() }, now).await?;
        same("awake", detail(store, id).await?.conversation.state, State::Open)?;
        let parked = store.parked(false, page(9)).await?.items;
        same(
            "parked",
            parked.iter().map(|it| (it.what, it.tries)).collect(),
            vec![(ParkedWhat::Outgoing(out), round)],
        )?;
        same("counts", (store.counts(now).await?.parked, store.counts(now).await?.outgoing), (1, 0))?;
        holds("taken back", store.unpark(parked[0].id, "ann", now).await?)?;
        same("counts", (store.counts(now).await?.parked, store.counts(now).await?.outgoing), (0, 1))?;
    }
    same("nothing aside", store.parked(false, page(9)).await?.items.len(), 0)?;
    same("but shown", store.parked(true, page(9)).await?.items.len(), 1)
}

async fn what_is_settled_stays_settled(store: &dyn Store) -> Held {
    let (id, out) = answered(store, "one").await?;
    store.lease_outgoing(lease(Timestamp(5)), 9).await?;
    store.settle(out, accepted("<a@shop>"), Timestamp(6)).await?;
    let before = (store.last_event().await?, store.counts(Timestamp(7)).await?);
    for late in [
        accepted("<b@shop>"),
        Settlement::Again { at: Timestamp(9), why: "late".into() },
        Settlement::Failed { why: "late".into() },
    ] {
        store.settle(out, late, Timestamp(7)).await?;
    }
    store.settle(OutgoingId(999), accepted("<c@shop>"), Timestamp(7)).await?;
    same("nothing happened", (store.last_event().await?, store.counts(Timestamp(7)).await?), before)?;
    let messages = detail(store, id).await?.messages;
    same("its id", messages.last().and_then(|m| m.external_id.clone()), Some("<a@shop>".to_owned()))
}

async fn news_of_a_delivery_is_applied_as_the_table_says(store: &dyn Store) -> Held {
    use DeliveryState::*;
    let table = [
        (Accepted, delivery::State::Sent, State::Answered, "accepted"),
        (Delivered, delivery::State::Sent, State::Answered, "delivered"),
        (Read, delivery::State::Sent, State::Answered, "read"),
        (Failed, delivery::State::Failed, State::Open, "failed"),
        (Bounced, delivery::State::Failed, State::Open, "bounced"),
    ];
    for (n, (news, delivery, conversation, act)) in table.into_iter().enumerate() {
        let (id, out) = answered(store, &format!("c{n}")).await?;
        store.lease_outgoing(lease(Timestamp(5)), 99).await?;
        let external_id = format!("<a{n}@shop>");
        store.settle(out, accepted(&external_id), Timestamp(6)).await?;
        // Once by the host's id, once by the channel's, which must not be told twice where it is bad news.
        let by = [(Some(out.to_string()), None), (None, Some(external_id))];
        for (outgoing_id, external_id) in by {
            let news = Delivery { outgoing_id, external_id, state: news, detail: Some("words".into()) };
            store.accept(arrival(MAIL, vec![ChannelEvent::Delivery(news)], Timestamp(7)), None).await?;
        }
        same(act, state(store, id).await?, delivery)?;
        same(act, detail(store, id).await?.conversation.state, conversation)?;
        let told = acts(store, id).await?.into_iter().filter(|it| it == act).count();
        same(act, told, if conversation == State::Open { 1 } else { 2 })?;
    }
    same("parked", store.counts(Timestamp(9)).await?.parked, 2)
}

async fn news_by_another_channel_is_an_event_only(store: &dyn Store) -> Held {
    let (id, out) = answered(store, "one").await?;
    store.lease_outgoing(lease(Timestamp(5)), 9).await?;
    store.settle(out, accepted("<a@shop>"), Timestamp(6)).await?;
    let news = |outgoing_id: Option<String>, external_id: Option<&str>| {
        let external_id = external_id.map(str::to_owned);
        ChannelEvent::Delivery(Delivery { outgoing_id, external_id, state: DeliveryState::Bounced, detail: None })
    };
    for (channel, event) in [
        ("other", news(Some(out.to_string()), None)),
        ("other", news(None, Some("<a@shop>"))),
        (MAIL, news(Some("no number".into()), None)),
        (MAIL, news(Some("999".into()), Some("<unknown>"))),
        // A customer's message of that id is not an outgoing one.
        (MAIL, news(None, Some("one"))),
        (MAIL, news(None, None)),
    ] {
        store.accept(arrival(channel, vec![event], Timestamp(7)), None).await?;
    }
    same("its state", state(store, id).await?, delivery::State::Sent)?;
    let log = store.events(EventId(0), 100).await?;
    same("told", log.iter().filter(|event| event.act == "unmatched").count(), 6)
}

async fn the_answer_goes_out_where_the_customer_wrote_last(store: &dyn Store) -> Held {
    let id = open(store, "one", Timestamp(1)).await?;
    let mut message = mail("chat-1", "one@example.org", "Now here");
    message.thread.tag = Some(id.tag());
    same("joined", accept(store, "chat", message, Timestamp(2)).await?.conversation, id)?;
    allowed("the answer", store.reply(reply(id, "ann", "Yes", Timestamp(3))).await?)?;
    let leased = store.lease_outgoing(lease(Timestamp(4)), 9).await?;
    let out = found("the outgoing message", leased.into_iter().next())?;
    same("channel", out.channel.as_str(), "chat")?;
    same("references of that channel", out.message.references, vec!["chat-1".to_owned()])
}
