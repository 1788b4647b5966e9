//! One conversation over channels: what continues it, in which order it is read, and where its answers go.
use super::fixture::*;
use super::*;
use crate::*;
use tributary_model::decision::Happening;
use tributary_model::delivery::{self, Settlement};
use tributary_model::message::Handle;
use tributary_model::message::{Attachment, Attribute, Author, ChannelEvent, HandleKind, Supplement, Typing};

cases![
    one_customer_four_channels_one_conversation,
    never_across_contacts_and_never_by_a_machine,
    the_same_order_is_linked_when_the_window_has_passed,
    three_times_and_out_of_order_is_once_and_in_order,
    a_forged_mail_does_not_say_where_answers_go,
    a_closed_window_sends_the_answer_by_the_next_channel,
    without_another_channel_it_fails_and_is_shown,
    an_answer_may_go_out_by_a_channel_of_another_conversation,
    more_of_a_message_is_added_once,
    other_words_are_decided_again,
    nothing_is_kept_of_somebody_who_is_writing,
];

const HOUR: u64 = 3_600_000;
const START: u64 = 1_000 * HOUR;

fn at(hours: u64) -> Timestamp {
    Timestamp(START + hours * HOUR)
}

fn message(name: &str, from: Vec<Handle>, sent: Timestamp) -> tributary_model::message::Inbound {
    let mut message = mail(name, "", name);
    (message.from, message.sent_at) = (from, sent);
    message
}

fn visitor() -> Handle {
    proved(HandleKind::Visitor, "v1")
}

fn address() -> Handle {
    proved(HandleKind::Email, "a@x")
}

/// A chat of a customer whose address the shop's site proved, and a mail that continues it.
async fn chat_and_mail(store: &dyn Store) -> Result<ConversationId, Unmet> {
    let chat = accept(store, "chat", message("chat", vec![visitor(), address()], at(0)), at(0)).await?;
    let from = vec![claimed(HandleKind::Email, "a@x")];
    let mail = accept(store, MAIL, message("<mail>", from, at(1)), at(1)).await?;
    same("the mail", (mail.conversation, mail.fate), (chat.conversation, Fate::Joined))?;
    Ok(chat.conversation)
}

async fn one_customer_four_channels_one_conversation(store: &dyn Store) -> Held {
    let number = || proved(HandleKind::Phone, "+861");
    let order = |mut it: tributary_model::message::Inbound| {
        it.thread.order_id = Some("A-1".into());
        it
    };
    let chat = order(message("chat", vec![visitor(), address(), number()], at(0)));
    let id = accept(store, "chat", chat, at(0)).await?.conversation;
    // Another matter of theirs is open: the order says which is meant.
    let mut other = message("<other>", vec![claimed(HandleKind::Email, "a@x")], at(1));
    other.thread.order_id = Some("B-2".into());
    let other = accept(store, MAIL, other, at(1)).await?;
    same("another order", other.fate, Fate::Opened)?;
    for (channel, from, hours) in [
        (MAIL, claimed(HandleKind::Email, "a@x"), 2),
        ("phone", claimed(HandleKind::Phone, "+861"), 3),
        ("wechat", proved(HandleKind::WechatOpenid, "app/o1"), 4),
    ] {
        let mut from = vec![from];
        if channel == "wechat" {
            from.push(number());
        }
        let it = accept(store, channel, order(message(channel, from, at(hours))), at(hours)).await?;
        same(channel, (it.conversation, it.fate), (id, Fate::Joined))?;
    }
    let it = detail(store, id).await?;
    let channels = |it: &ConversationDetail| it.messages.iter().map(|m| m.channel.to_string()).collect::<Vec<_>>();
    same("in order", channels(&it), ["chat", MAIL, "phone", "wechat"].map(String::from).to_vec())?;
    let why: Vec<_> = it.continuations.iter().map(|it| (it.channel.as_str(), it.proved)).collect();
    same("each says why", why, vec![(MAIL, false), ("phone", false), ("wechat", true)])?;
    let want = "the same customer, about the same order A-1, 2 h 0 min after its last message";
    same("why", it.continuations[0].why.as_str(), want)?;
    same("told", it.events.iter().filter(|event| event.act == "continued").count(), 3)?;
    same("one join", it.joins.len(), 1)?;
    allowed("the answer", store.reply(reply(id, "ann", "Tomorrow", at(5))).await?)?;
    let out = found("the answer", store.lease_outgoing(lease(at(5)), 9).await?.into_iter().next())?;
    same("by the last channel", out.channel.as_str(), "wechat")?;
    same("to whom it knows", out.message.to.iter().map(|to| to.value.as_str()).collect(), vec!["app/o1", "+861"])
}

async fn never_across_contacts_and_never_by_a_machine(store: &dyn Store) -> Held {
    let id = accept(store, "chat", message("chat", vec![visitor(), address()], at(0)), at(0)).await?.conversation;
    let mut same_order = message("<stranger>", vec![claimed(HandleKind::Email, "stranger@x")], at(1));
    same_order.thread.order_id = Some("A-1".into());
    same("a stranger", accept(store, MAIL, same_order, at(1)).await?.fate, Fate::Opened)?;
    let mut machine = message("<machine>", vec![claimed(HandleKind::Email, "a@x")], at(1));
    machine.automatic = true;
    same("a machine", accept(store, MAIL, machine, at(1)).await?.fate, Fate::Opened)?;
    let mut shop = message("<shop>", vec![claimed(HandleKind::Email, "a@x")], at(1));
    shop.author = Author::Agent;
    same("the shop", accept(store, MAIL, shop, at(1)).await?.fate, Fate::Opened)?;
    // What a machine or the shop began is no matter of the customer's.
    let later = accept(store, MAIL, message("<later>", vec![claimed(HandleKind::Email, "a@x")], at(2)), at(2)).await?;
    same("the customer", (later.conversation, later.fate), (id, Fate::Joined))
}

async fn the_same_order_is_linked_when_the_window_has_passed(store: &dyn Store) -> Held {
    let about = |name: &str, from: Vec<Handle>, hours| {
        let mut it = message(name, from, at(hours));
        it.thread.order_id = Some("A-1".into());
        it
    };
    let first = accept(store, "chat", about("chat", vec![visitor(), address()], 0), at(0)).await?.conversation;
    drain(store, at(0)).await?;
    allowed("closing", store.act(first, &"ann".into(), AgentAct::Close("done".into()), at(1), None).await?)?;
    drain(store, at(1)).await?;
    let from = || vec![claimed(HandleKind::Email, "a@x")];
    let again = accept(store, MAIL, about("<inside>", from(), 70), at(70)).await?;
    same("inside, though closed", (again.conversation, again.fate), (first, Fate::Joined))?;
    let late = accept(store, "chat", about("late", vec![visitor()], 143), at(143)).await?;
    same("outside", late.fate, Fate::Opened)?;
    let links = detail(store, late.conversation).await?.links;
    same("linked", links.iter().map(|link| link.0).collect(), vec![first])?;
    same("why", links[0].1.as_str(), "the same customer wrote about the same order A-1")
}

async fn three_times_and_out_of_order_is_once_and_in_order(store: &dyn Store) -> Held {
    let mut ids = Vec::new();
    for round in 0..3 {
        for n in [3u64, 1, 4, 2, 5] {
            let mut it = message(&format!("m{n}"), vec![visitor()], at(n));
            it.thread.thread_key = Some("dialogue".into());
            let channel = if n % 2 == 0 { "im" } else { "chat" };
            it.thread.order_id = Some("A-1".into());
            let it = accept(store, channel, it, at(10 + round)).await?;
            same("new once", it.fate == Fate::Duplicate, round > 0)?;
            ids.push(it.conversation);
        }
    }
    holds("one conversation", ids.iter().all(|id| *id == ids[0]))?;
    let it = detail(store, ids[0]).await?;
    let sent: Vec<_> = it.messages.iter().map(|m| m.content.text.clone()).collect();
    same("in the order of sending", sent, ["m1", "m2", "m3", "m4", "m5"].map(String::from).to_vec())?;
    same("the channel of the newest", it.conversation.last_channel.as_str(), "chat")?;
    same("one of each", store.counts(at(20)).await?.messages, 5)?;
    let snapshot = found("the snapshot", store.conversation_snapshot(ids[0], at(20)).await?)?;
    let seen: Vec<_> = snapshot.history.iter().map(|entry| entry.text.clone()).collect();
    same("policies read the same", seen, ["m1", "m2", "m3", "m4", "m5"].map(String::from).to_vec())?;
    // A sender whose clock is wrong stands where it came in.
    let mut future = message("future", vec![visitor()], Timestamp(u64::MAX >> 1));
    future.thread.thread_key = Some("dialogue".into());
    accept(store, "im", future, at(21)).await?;
    let mut now = message("now", vec![visitor()], at(22));
    now.thread.thread_key = Some("dialogue".into());
    accept(store, "chat", now, at(22)).await?;
    let it = detail(store, ids[0]).await?;
    same("the last", it.messages.last().map(|m| m.content.text.clone()), Some("now".into()))?;
    same("where the customer is", it.conversation.last_channel.as_str(), "chat")
}

async fn a_forged_mail_does_not_say_where_answers_go(store: &dyn Store) -> Held {
    let id = accept(store, "chat", message("chat", vec![visitor(), address()], at(0)), at(0)).await?.conversation;
    for (n, parent) in [None, Some("<forged-0>")].into_iter().enumerate() {
        let mut forged = message(&format!("<forged-{n}>"), vec![claimed(HandleKind::Email, "a@x")], at(1));
        forged.attributes = vec![Attribute { name: "reply-to".into(), value: "thief@x".into() }];
        forged.thread.in_reply_to = parent.map(str::to_owned);
        same("it continues", accept(store, MAIL, forged, at(1)).await?.conversation, id)?;
    }
    allowed("the answer", store.reply(reply(id, "ann", "Your code is 1", at(2))).await?)?;
    let out = found("the answer", store.lease_outgoing(lease(at(2)), 9).await?.into_iter().next())?;
    same("to whom", out.message.to.iter().map(|to| to.value.as_str()).collect(), vec!["a@x"])?;
    same("and nothing else", out.message.attributes, Vec::new())
}

async fn settle(
    store: &dyn Store,
    id: OutgoingId,
    settlement: Settlement,
    now: Timestamp,
) -> Result<Vec<(String, u32)>, Unmet> {
    let leased = store.lease_outgoing(lease(now), 9).await?;
    same("it is due", leased.iter().map(|it| it.message.id).collect(), vec![id])?;
    store.settle(id, settlement, now).await?;
    Ok(leased.into_iter().map(|it| (it.channel.to_string(), it.attempt)).collect())
}

fn closed() -> Settlement {
    Settlement::Closed { why: "reply window closed: 48 h".into() }
}

async fn a_closed_window_sends_the_answer_by_the_next_channel(store: &dyn Store) -> Held {
    let id = chat_and_mail(store).await?;
    let from = vec![proved(HandleKind::WechatOpenid, "app/o1"), address()];
    let wechat = accept(store, "wechat", message("wechat", from, at(2)), at(2)).await?;
    same("the third channel", wechat.conversation, id)?;
    let out = allowed("the answer", store.reply(reply(id, "ann", "Yes", at(60))).await?)?;
    same("first", settle(store, out, closed(), at(60)).await?, vec![("wechat".into(), 1)])?;
    let again = Settlement::Again { at: at(61), why: "busy".into() };
    same("then", settle(store, out, again, at(60)).await?, vec![(MAIL.into(), 1)])?;
    let leased = store.lease_outgoing(lease(at(61)), 9).await?;
    let it = found("the answer", leased.into_iter().next())?;
    let to: Vec<_> = it.message.to.iter().map(|to| to.value.clone()).collect();
    same("by whom it is known there", (it.channel.to_string(), it.attempt, to), (MAIL.into(), 2, vec!["a@x".into()]))?;
    same("in answer to", it.message.in_reply_to.as_deref(), Some("<mail>"))?;
    store.settle(out, closed(), at(61)).await?;
    let done = Settlement::Accepted { external_id: Some("c-9".into()), detail: None };
    same("then the chat", settle(store, out, done, at(61)).await?, vec![("chat".into(), 1)])?;
    let it = detail(store, id).await?;
    let told: Vec<_> = it.events.iter().filter(|event| event.act == "rerouted").collect();
    same("told", told.len(), 2)?;
    let detail = format!("outgoing {out}: from wechat to {MAIL}");
    same("from where to where", told[0].detail.as_deref(), Some(detail.as_str()))?;
    same("why", told[0].why.as_deref(), Some("reply window closed: 48 h"))?;
    let answers: Vec<_> = it.messages.iter().filter(|it| it.delivery.is_some()).collect();
    same("one answer", answers.len(), 1)?;
    same("by that channel", answers[0].channel.as_str(), "chat")?;
    same("sent", answers[0].delivery.as_ref().map(|it| it.state), Some(delivery::State::Sent))?;
    let late = store.settle(out, closed(), at(62)).await;
    holds("too late", late.is_ok())?;
    same("nothing waits", store.counts(at(62)).await?.outgoing, 0)
}

async fn without_another_channel_it_fails_and_is_shown(store: &dyn Store) -> Held {
    let id = accept(store, "wechat", message("w", vec![proved(HandleKind::WechatOpenid, "app/o1")], at(0)), at(0))
        .await?
        .conversation;
    let out = allowed("the answer", store.reply(reply(id, "ann", "Yes", at(60))).await?)?;
    settle(store, out, closed(), at(60)).await?;
    let it = detail(store, id).await?;
    let view = found("the delivery", it.messages.iter().find_map(|it| it.delivery.clone()))?;
    same("failed", (view.state, view.detail.as_deref()), (delivery::State::Failed, Some("reply window closed: 48 h")))?;
    same("awake", it.conversation.state, tributary_model::conversation::State::Open)?;
    let parked = store.parked(false, page(9)).await?.items;
    same("parked", parked.len(), 1)?;
    // Taken back to work it tries its channels anew.
    holds("taken back", store.unpark(parked[0].id, "ann", at(61)).await?)?;
    same("again", settle(store, out, closed(), at(61)).await?, vec![("wechat".into(), 1)])
}

async fn an_answer_may_go_out_by_a_channel_of_another_conversation(store: &dyn Store) -> Held {
    // By the one before, by the other inside the reach of 30 days.
    for (channel, hours) in [("sms", 100), (MAIL, 300)] {
        let it = message(channel, vec![address()], at(hours));
        let other = accept(store, channel, it, at(hours)).await?.conversation;
        let closing = AgentAct::Close("done".into());
        allowed("closing", store.act(other, &"ann".into(), closing, at(hours), None).await?)?;
    }
    let from = vec![proved(HandleKind::WechatOpenid, "app/o1"), address()];
    let it = accept(store, "wechat", message("w", from, at(900)), at(900)).await?;
    same("what is closed is not continued", it.fate, Fate::Opened)?;
    let id = it.conversation;
    let out = allowed("the answer", store.reply(reply(id, "ann", "Yes", at(960))).await?)?;
    same("first", settle(store, out, closed(), at(960)).await?, vec![("wechat".into(), 1)])?;
    same("then", settle(store, out, closed(), at(960)).await?, vec![(MAIL.into(), 1)])?;
    let view = detail(store, id).await?.messages.into_iter().find_map(|it| it.delivery);
    same("one of long ago is none", found("the delivery", view)?.state, delivery::State::Failed)
}

fn file(n: u8) -> Attachment {
    Attachment {
        blob: format!("{n:02x}").repeat(32),
        name: format!("{n}.png"),
        media_type: "image/png".into(),
        size: 1,
        content_id: None,
    }
}

fn more(of: &str, files: &[u8], text: Option<&str>) -> ChannelEvent {
    ChannelEvent::Supplement(Supplement {
        external_id: of.into(),
        attachments: files.iter().map(|n| file(*n)).collect(),
        text: text.map(str::to_owned),
        attributes: vec![Attribute { name: "fetched".into(), value: "yes".into() }],
    })
}

async fn more_of_a_message_is_added_once(store: &dyn Store) -> Held {
    let mut it = message("m", vec![visitor()], at(0));
    it.content.attachments = vec![file(1)];
    let id = accept(store, "chat", it, at(0)).await?.conversation;
    drain(store, at(0)).await?;
    for _ in 0..3 {
        let told = store.accept(arrival("chat", vec![more("m", &[1, 2], None)], at(1)), None).await?;
        same("a file is no happening", told.waiting, 0)?;
    }
    // Neither of an unknown one nor of another channel's.
    store.accept(arrival("chat", vec![more("unknown", &[3], None), more("", &[3], None)], at(1)), None).await?;
    store.accept(arrival("im", vec![more("m", &[3], Some("taken over"))], at(1)), None).await?;
    let it = detail(store, id).await?;
    same("the files", it.messages[0].content.attachments.clone(), vec![file(1), file(2)])?;
    same("what else", it.messages[0].attributes.len(), 1)?;
    same("its text", it.messages[0].content.text.as_str(), "m")?;
    same("told once", it.events.iter().filter(|event| event.act == "supplemented").count(), 1)?;
    same("it can be read", store.attachment(id, &file(2).blob).await?, Some(file(2)))?;
    let mut again = message("m", vec![visitor()], at(0));
    again.content.attachments = vec![file(1)];
    same("told again it is the same", accept(store, "chat", again, at(2)).await?.fate, Fate::Duplicate)
}

async fn other_words_are_decided_again(store: &dyn Store) -> Held {
    let voice = |name: &str| message(name, vec![visitor()], at(0));
    let id = accept(store, "chat", voice("[voice]"), at(0)).await?.conversation;
    let words = || vec![more("[voice]", &[], Some("my parcel is broken"))];
    let early = store.accept(arrival("chat", words(), at(1)), None).await?;
    same("not asked yet: once is enough", early.waiting, 0)?;
    let seen = drain(store, at(2)).await?;
    let text = |it: &Happening| match it {
        Happening::Message(message) => message.content.text.clone(),
        other => format!("{other:?}"),
    };
    same("with the words", seen.iter().map(text).collect(), vec!["my parcel is broken".to_owned()])?;
    let late = vec![more("[voice]", &[], Some("my parcel is here"))];
    same("other words", store.accept(arrival("chat", late.clone(), at(3)), None).await?.waiting, 1)?;
    let seen = drain(store, at(4)).await?;
    same("are decided", seen.iter().map(text).collect(), vec!["my parcel is here".to_owned()])?;
    same("once", store.accept(arrival("chat", late, at(5)), None).await?.waiting, 0)?;
    same("one message", detail(store, id).await?.messages.len(), 1)
}

async fn nothing_is_kept_of_somebody_who_is_writing(store: &dyn Store) -> Held {
    let before = store.last_event().await?;
    let typing = ChannelEvent::Typing(Typing { from: vec![visitor()], thread_key: None });
    let it = store.accept(arrival("chat", vec![typing], at(0)), None).await?;
    same("no row", it.arrival, ArrivalId(0))?;
    same("no event", store.last_event().await?, before)?;
    same("nobody", store.find_contacts("v1", None).await?.len(), 0)
}
