//! Commit 1: what comes in is kept once, whatever comes.
use super::fixture::*;
use super::*;
use crate::*;
use tributary_model::conversation::State;
use tributary_model::decision::Happening;
use tributary_model::message::{Attribute, Author, ChannelEvent, Handle, HandleKind};
use tributary_model::order::{Money, Order, OrderState};

cases![
    a_repeated_message_is_one_and_leaves_no_row,
    a_message_without_an_id_is_known_by_what_it_says,
    a_reused_id_with_another_text_is_kept_apart,
    a_copy_to_two_channels_is_linked,
    everything_an_adapter_told_comes_back,
    a_first_happening_is_born_claimed_and_a_second_waits,
    what_a_machine_wrote_wakes_nothing,
    a_mail_without_an_author_is_kept,
    an_order_is_kept_and_wakes_its_buyers_newest_conversation,
    state_is_written_with_the_events,
    the_watch_moves_with_every_event,
];

async fn a_repeated_message_is_one_and_leaves_no_row(store: &dyn Store) -> Held {
    let first = accept(store, MAIL, mail("<1@x>", "a@x", "Hello"), Timestamp(10)).await?;
    same("the first", first.fate.clone(), Fate::Opened)?;
    let before = (store.counts(Timestamp(20)).await?, store.last_event().await?);
    let events = vec![ChannelEvent::Message(Box::new(mail("<1@x>", "a@x", "Hello")))];
    let again = store.accept(arrival(MAIL, events.clone(), Timestamp(20)), Some(lease(Timestamp(20)))).await?;
    same("the fate", again.messages[0].fate.clone(), Fate::Duplicate)?;
    same("its message", again.messages[0].message, first.message)?;
    same("its conversation", again.messages[0].conversation, first.conversation)?;
    same("happenings", (again.claimed.len(), again.waiting), (0, 0))?;
    same("what there is", (store.counts(Timestamp(20)).await?, store.last_event().await?), before)?;
    // The next arrival that is kept has the id after the first: the repetition kept none.
    let first_arrival = again.arrival;
    let next = store
        .accept(arrival(MAIL, vec![ChannelEvent::Message(Box::new(mail("<2@x>", "a@x", "New")))], Timestamp(30)), None)
        .await?;
    same("the next arrival", next.arrival.0, first_arrival.0 + 1)?;
    // Twice in one arrival is once, too.
    let twice = vec![ChannelEvent::Message(Box::new(mail("<3@x>", "a@x", "Twice"))); 2];
    let both = store.accept(arrival(MAIL, twice, Timestamp(40)), None).await?;
    same("both", both.messages.iter().map(|m| m.fate.clone()).collect(), vec![Fate::Opened, Fate::Duplicate])
}

async fn a_message_without_an_id_is_known_by_what_it_says(store: &dyn Store) -> Held {
    let fate = async |text: &str, at| -> Result<Fate, Unmet> {
        Ok(accept(store, MAIL, mail("", "a@x", text), Timestamp(at)).await?.fate)
    };
    same("the first", fate("Hello", 1).await?, Fate::Opened)?;
    same("the same", fate("Hello", 2).await?, Fate::Duplicate)?;
    same("another", fate("Hello!", 3).await?, Fate::Opened)?;
    let elsewhere = accept(store, "shop", mail("", "a@x", "Hello"), Timestamp(4)).await?;
    same("in another channel", elsewhere.fate, Fate::Opened)?;
    same("links of what has no id", detail(store, elsewhere.conversation).await?.links.len(), 0)
}

async fn a_reused_id_with_another_text_is_kept_apart(store: &dyn Store) -> Held {
    let first = accept(store, MAIL, mail("<1@x>", "a@x", "Hello"), Timestamp(1)).await?;
    let mut other = mail("<1@x>", "b@x", "Something else");
    // Not even one that claims to answer itself joins the first.
    other.thread.in_reply_to = Some("<1@x>".into());
    let second = accept(store, MAIL, other, Timestamp(2)).await?;
    same("the second", second.fate, Fate::Opened)?;
    holds("they are two conversations", first.conversation != second.conversation)?;
    let mut third = mail("<1@x>", "a@x", "A third body under the same id");
    third.thread.tag = Some(first.conversation.tag());
    same("by its own hints", accept(store, MAIL, third, Timestamp(3)).await?.conversation, first.conversation)
}

async fn a_copy_to_two_channels_is_linked(store: &dyn Store) -> Held {
    let first = accept(store, MAIL, mail("<1@x>", "a@x", "Hello"), Timestamp(1)).await?;
    let copy = accept(store, "returns", mail("<1@x>", "a@x", "Hello"), Timestamp(2)).await?;
    same("the copy", copy.fate.clone(), Fate::Opened)?;
    let mut linked = Vec::new();
    for (this, other) in [(&first, &copy), (&copy, &first)] {
        let it = detail(store, this.conversation).await?;
        same("links", it.links.iter().map(|link| link.0).collect(), vec![other.conversation])?;
        linked.push(it.events.iter().filter(|event| event.act == "linked").count());
    }
    same("linked events", linked, vec![1, 1])
}

async fn everything_an_adapter_told_comes_back(store: &dyn Store) -> Held {
    let mut message = mail("<1@x>", "a@x", "A text\0with a NUL, 中文 and \u{1F4E6}");
    message.sent_at = Timestamp(u64::MAX >> 1);
    message.content.quoted = Some("> before".into());
    message.content.html = Some("<p>A text</p>".into());
    message.content.attachments.push(tributary_model::message::Attachment {
        blob: "ab".repeat(32),
        name: "../x.png".into(),
        media_type: "image/png".into(),
        size: 7,
        content_id: Some("cid".into()),
    });
    message.thread.references = vec!["<a>".into(), "<b>".into()];
    message.thread.order_id = Some("A-1".into());
    message.thread.thread_key = Some("dialogue".into());
    message.attributes.push(Attribute { name: "list".into(), value: "yes".into() });
    message.from.push(Handle { kind: HandleKind::Phone, value: "+491".into(), verified: true });
    let id = accept(store, MAIL, message.clone(), Timestamp(5)).await?.conversation;
    let claimed = claim_one(store, Timestamp(6)).await?;
    let (snapshot, happening) = found("the snapshot", store.snapshot(claimed.id, NODE, Timestamp(6)).await?)?;
    same("the happening", happening, Happening::Message(Box::new(message.clone())))?;
    same("the contact", snapshot.contact.handles, message.from)?;
    same("the history", snapshot.history.last().map(|entry| entry.text.clone()), Some(message.content.text.clone()))?;
    let shown = detail(store, id).await?.messages;
    same("the message", shown[0].content.clone(), message.content.clone())?;
    let blob = &message.content.attachments[0].blob;
    same("the file", store.attachment(id, blob).await?, Some(message.content.attachments[0].clone()))?;
    same("a file of nobody", store.attachment(id, &"cd".repeat(32)).await?, None)
}

async fn a_first_happening_is_born_claimed_and_a_second_waits(store: &dyn Store) -> Held {
    let now = Timestamp(10);
    let with = |text: &str, thread: Option<String>| {
        let mut message = mail(&format!("<{text}>"), "a@x", text);
        message.thread.tag = thread;
        arrival(MAIL, vec![ChannelEvent::Message(Box::new(message))], now)
    };
    let first = store.accept(with("one", None), Some(lease(now))).await?;
    same("born claimed", (first.claimed.len(), first.waiting), (1, 0))?;
    let tag = Some(first.messages[0].conversation.tag());
    let second = store.accept(with("two", tag), Some(lease(now))).await?;
    same("behind an open one", (second.claimed.len(), second.waiting), (0, 1))?;
    same("joined", second.messages[0].conversation, first.messages[0].conversation)?;
    same("nothing to claim", store.claim_happenings(lease(now), 9).await?, Vec::new())?;
    let applied = store.apply(decided(&first.claimed[0], vec![], now)).await?;
    same("applied", applied, Applied::Done { outgoing: 0, more: true })?;
    same("then the second", store.claim_happenings(lease(now), 9).await?.len(), 1)
}

async fn what_a_machine_wrote_wakes_nothing(store: &dyn Store) -> Held {
    let id = open(store, "one", Timestamp(1)).await?;
    drain(store, Timestamp(2)).await?;
    allowed("closing", store.act(id, &"ann".into(), AgentAct::Close("done".into()), Timestamp(3), None).await?)?;
    for (automatic, state) in [(true, State::Closed), (false, State::Open)] {
        let mut message = mail(&format!("<{automatic}>"), "one@example.org", "About it");
        message.thread.tag = Some(id.tag());
        message.automatic = automatic;
        same("joined", accept(store, MAIL, message, Timestamp(4)).await?.fate, Fate::Joined)?;
        let it = detail(store, id).await?.conversation;
        same("its state", it.state, state)?;
        same("whether the last was a machine", it.last_automatic, automatic)?;
    }
    let mut own = mail("<own>", "one@example.org", "By an agent, from a telephone");
    own.author = Author::Agent;
    own.thread.tag = Some(id.tag());
    allowed("closing", store.act(id, &"ann".into(), AgentAct::Close("done".into()), Timestamp(5), None).await?)?;
    accept(store, MAIL, own, Timestamp(6)).await?;
    same("what the shop wrote wakes nothing", detail(store, id).await?.conversation.state, State::Closed)
}

async fn a_mail_without_an_author_is_kept(store: &dyn Store) -> Held {
    for n in 0..2 {
        let mut message = mail(&format!("<{n}>"), "", "Who am I?");
        message.from.clear();
        message.display_name = None;
        same("its fate", accept(store, MAIL, message, Timestamp(1)).await?.fate, Fate::Opened)?;
    }
    same("messages", store.counts(Timestamp(2)).await?.messages, 2)
}

async fn an_order_is_kept_and_wakes_its_buyers_newest_conversation(store: &dyn Store) -> Held {
    let buyer = Handle { kind: HandleKind::Email, value: "one@example.org".into(), verified: false };
    let order = |state, at| Order {
        id: "A-1".into(),
        state,
        at: Timestamp(at),
        buyer: vec![buyer.clone()],
        total: Money { currency: "EUR".into(), minor: 1_999 },
        first_order: true,
        lines: vec![],
        parcel: Some("P1".into()),
        promised_by: Some(Timestamp(99)),
        attributes: vec![],
    };
    let news = |order: Order, at| arrival("shop", vec![ChannelEvent::Order(Box::new(order))], Timestamp(at));
    let early = store.accept(news(order(OrderState::Paid, 1), 1), None).await?;
    same("before its buyer wrote", early.waiting, 0)?;
    let id = open(store, "one", Timestamp(2)).await?;
    drain(store, Timestamp(3)).await?;
    let late = store.accept(news(order(OrderState::Shipped, 5), 5), None).await?;
    same("then it is a happening", late.waiting, 1)?;
    // An older state that comes late does not replace the newer one.
    store.accept(news(order(OrderState::Placed, 0), 6), None).await?;
    let claimed = claim_one(store, Timestamp(7)).await?;
    let (snapshot, happening) = found("the snapshot", store.snapshot(claimed.id, NODE, Timestamp(7)).await?)?;
    same("its conversation", claimed.conversation, id)?;
    same("the happening", happening, Happening::Order(Box::new(order(OrderState::Shipped, 5))))?;
    same("the order is seen", snapshot.orders, vec![order(OrderState::Shipped, 5)])
}

async fn state_is_written_with_the_events(store: &dyn Store) -> Held {
    let mut it = arrival(MAIL, vec![ChannelEvent::Message(Box::new(mail("<1>", "a@x", "Hello")))], Timestamp(1));
    let write = |value: &[u8], expires| StateWrite { key: "cursor".into(), value: Some(value.to_vec()), expires };
    it.state = vec![write(b"7", None), write(b"8", Some(Timestamp(100)))].into();
    let scope = it.scope.clone();
    store.accept(it, None).await?;
    same("the last write", store.state(&scope, "cursor", Timestamp(99)).await?, Some(b"8".to_vec()))?;
    same("after its time", store.state(&scope, "cursor", Timestamp(100)).await?, None)?;
    let other = StateScope { channel: "shop".into(), ..scope };
    same("in another channel", store.state(&other, "cursor", Timestamp(2)).await?, None)
}

async fn the_watch_moves_with_every_event(store: &dyn Store) -> Held {
    let mut changes = store.changes();
    changes.borrow_and_update();
    open(store, "one", Timestamp(1)).await?;
    holds("the watch moved", changes.has_changed()?)?;
    let newest = *changes.borrow_and_update();
    same("to the newest event", newest, store.last_event().await?)?;
    let events = store.events(EventId(0), 10).await?;
    same("the log", events.iter().map(|e| e.id).max(), Some(newest))?;
    same("after it", store.events(newest, 10).await?, Vec::new())?;
    store.claim_happenings(lease(Timestamp(2)), 1).await?;
    holds("no event, no change", !changes.has_changed()?)
}
