//! Who is who: what joins contacts, what is only suggested, and taking a join back.
use super::fixture::*;
use super::*;
use crate::*;
use tributary_model::identity::{Advice, Reason, Verifies};
use tributary_model::message::Handle;
use tributary_model::message::{Attribute, ChannelEvent, HandleKind, Profile};

cases![
    what_is_proved_joins_and_explains_itself,
    what_is_claimed_joins_nobody,
    a_name_that_is_claimed_before_its_owner_comes_is_suggested_then,
    two_ids_that_one_person_does_not_have_both_are_suggested,
    a_channel_proves_only_what_it_may,
    a_channel_that_poses_as_anothers_customer_gets_nothing,
    a_join_taken_back_leaves_what_was_before,
    what_both_wrote_stays_with_who_opened_it,
    joins_are_edges_between_who_was_joined,
    a_suggestion_is_decided_once,
    a_profile_is_kept_and_changes,
    an_order_is_its_buyers,
];

const ANN: &str = "agent:ann";

async fn told(store: &dyn Store, channel: &str, name: &str, from: &[Handle], at: u64) -> Result<ConversationId, Unmet> {
    let mut message = mail(name, "", name);
    message.from = from.to_vec();
    message.sent_at = Timestamp(at);
    Ok(accept(store, channel, message, Timestamp(at)).await?.conversation)
}

async fn who(store: &dyn Store, id: ConversationId) -> Result<ContactId, Unmet> {
    Ok(detail(store, id).await?.contact.id)
}

async fn contact(store: &dyn Store, id: ContactId) -> Result<ContactDetail, Unmet> {
    found("the contact", store.contact(id).await?)
}

async fn suggestions(store: &dyn Store) -> Result<Vec<(Reason, ContactId, ContactId)>, Unmet> {
    let items = store.suggestions(page(50)).await?.items;
    Ok(items.into_iter().map(|it| (it.reason, it.one, it.other)).collect())
}

async fn what_is_proved_joins_and_explains_itself(store: &dyn Store) -> Held {
    let (chat, address) = (proved(HandleKind::Visitor, "v1"), proved(HandleKind::Email, "a@x"));
    let openid = proved(HandleKind::WechatOpenid, "app/o1");
    let first = told(store, MAIL, "mail", &[claimed(HandleKind::Email, "a@x")], 1).await?;
    let one = who(store, first).await?;
    let second = told(store, "chat", "chat", std::slice::from_ref(&chat), 2).await?;
    let two = who(store, second).await?;
    holds("nothing says that they are one", one != two)?;
    // The visitor logs in: the shop's own signature proves the address.
    told(store, "chat", "logged in", &[chat.clone(), address.clone()], 3).await?;
    same("the older one's id", who(store, second).await?, one)?;
    let it = contact(store, two).await?;
    same("either id finds them", (it.contact.id, it.ids.clone()), (one, vec![one, two]))?;
    let join = found("the join", it.joins.first().cloned())?;
    same("by", join.by.as_str(), "channel:chat")?;
    same("by which handle", join.by_handle, Some((HandleKind::Email, "a@x".into())))?;
    same("why", join.why.as_str(), "visitor v1 and email a@x are one person's, proved by chat")?;
    same("the log", it.events.iter().map(|event| event.act.as_str()).collect(), vec!["proved", "joined", "joined"])?;
    // A new name that comes with a known one is a node of its own.
    let third = told(store, "wechat", "wechat", &[openid, proved(HandleKind::Phone, "+861")], 4).await?;
    let three = who(store, third).await?;
    told(store, "chat", "with number", &[chat, proved(HandleKind::Phone, "+861")], 5).await?;
    let it = contact(store, three).await?;
    same("all of them", (it.contact.id, it.ids), (one, vec![one, two, three]))?;
    let handles: Vec<_> = it.handles.iter().map(|known| known.handle.value.as_str()).collect();
    same("their handles", handles, vec!["a@x", "v1", "app/o1", "+861"])?;
    let address = found("the address", it.handles.first())?;
    let by = |name: &Option<tributary_model::ChannelName>| name.as_ref().map(ToString::to_string);
    let known = (by(&address.channel), address.since, by(&address.proved_by));
    same("how it is known", known, (Some(MAIL.into()), Timestamp(1), Some("chat".into())))?;
    same("nobody is suggested", suggestions(store).await?, Vec::new())
}

async fn what_is_claimed_joins_nobody(store: &dyn Store) -> Held {
    let victim = told(store, MAIL, "mail", &[claimed(HandleKind::Email, "victim@x")], 1).await?;
    let visitor = proved(HandleKind::Visitor, "v1");
    let claim = claimed(HandleKind::Email, "victim@x");
    let mut chats = Vec::new();
    for (n, from) in [[visitor.clone(), claim.clone()], [claim, visitor.clone()]].iter().enumerate() {
        chats.push(told(store, "chat", &format!("chat {n}"), from, 2).await?);
    }
    let (one, two) = (who(store, victim).await?, who(store, chats[0]).await?);
    holds("the visitor is somebody else", one != two)?;
    same("whatever comes first", who(store, chats[1]).await?, two)?;
    same("once", suggestions(store).await?, vec![(Reason::Claimed, one, two)])?;
    let it = contact(store, two).await?;
    same("shown as claimed", it.claims.iter().map(|c| c.handle.value.as_str()).collect(), vec!["victim@x"])?;
    same("and not theirs", it.contact.handles, vec![visitor])?;
    same("on both", contact(store, one).await?.suggestions.len(), 1)?;
    // A mail's From finds who has the address, as ever.
    let again = told(store, MAIL, "again", &[claimed(HandleKind::Email, "victim@x")], 3).await?;
    same("a second mail", who(store, again).await?, one)?;
    // A number that is proved beside an address that is not.
    let number = [claimed(HandleKind::Email, "victim@x"), proved(HandleKind::Phone, "+491")];
    let forged = told(store, MAIL, "forged", &number, 4).await?;
    holds("what is proved says who it is", who(store, forged).await? != one)?;
    same("nothing was added", contact(store, one).await?.handles.len(), 1)
}

async fn a_name_that_is_claimed_before_its_owner_comes_is_suggested_then(store: &dyn Store) -> Held {
    let from = [proved(HandleKind::Visitor, "v1"), claimed(HandleKind::Email, "a@x")];
    let chat = told(store, "chat", "chat", &from, 1).await?;
    same("nobody yet", suggestions(store).await?, Vec::new())?;
    let mail = told(store, MAIL, "mail", &[claimed(HandleKind::Email, "a@x")], 2).await?;
    let (one, two) = (who(store, chat).await?, who(store, mail).await?);
    holds("who claimed it does not get its mail", one != two)?;
    same("suggested", suggestions(store).await?, vec![(Reason::Claimed, one, two)])
}

async fn two_ids_that_one_person_does_not_have_both_are_suggested(store: &dyn Store) -> Held {
    let buyer = |n: u8| proved(HandleKind::MarketplaceBuyer, &format!("shopify/{n}"));
    let address = proved(HandleKind::Email, "shared@x");
    let one = told(store, "shop", "one", &[buyer(1), address.clone()], 1).await?;
    let two = told(store, "shop", "two", &[buyer(2)], 2).await?;
    told(store, "shop", "three", &[buyer(2), address.clone()], 3).await?;
    let (one, two) = (who(store, one).await?, who(store, two).await?);
    holds("they are two", one != two)?;
    same("suggested", suggestions(store).await?, vec![(Reason::Conflict, one, two)])?;
    let why = store.suggestions(page(1)).await?.items.remove(0).why;
    holds("it says what conflicts", why.contains("shopify/1") && why.contains("shopify/2"))?;
    // A new one beside a known address is no exception.
    let three = told(store, "shop", "four", &[address, buyer(3)], 4).await?;
    same("by the address", who(store, three).await?, one)?;
    same("two suggestions", suggestions(store).await?.len(), 2)?;
    // Two addresses are one person's without any doubt.
    let other = proved(HandleKind::Email, "second@x");
    let four = told(store, "shop", "five", &[buyer(2), other], 5).await?;
    same("two addresses", contact(store, who(store, four).await?).await?.handles.len(), 2)
}

async fn a_channel_proves_only_what_it_may(store: &dyn Store) -> Held {
    let victim = told(store, MAIL, "mail", &[claimed(HandleKind::Email, "a@x")], 1).await?;
    let by = async |name: &str, from: &[Handle], verifies| -> Result<ConversationId, Unmet> {
        let mut message = mail(name, "", name);
        message.from = from.to_vec();
        let mut it = arrival("chat", vec![ChannelEvent::Message(Box::new(message))], Timestamp(2));
        it.verifies = verifies;
        Ok(found("the message", store.accept(it, None).await?.messages.into_iter().next())?.conversation)
    };
    let from = [proved(HandleKind::Visitor, "v1"), proved(HandleKind::Email, "a@x")];
    let chat = by("first", &from, Verifies::Own).await?;
    let (one, two) = (who(store, victim).await?, who(store, chat).await?);
    holds("an address is not the chat's to prove", one != two)?;
    same("suggested", suggestions(store).await?, vec![(Reason::Claimed, one, two)])?;
    by("second", &from, Verifies::Only(vec![HandleKind::Visitor, HandleKind::Email])).await?;
    same("the operator allows it", who(store, chat).await?, one)?;
    same("no suggestion is left", suggestions(store).await?, Vec::new())
}

async fn a_channel_that_poses_as_anothers_customer_gets_nothing(store: &dyn Store) -> Held {
    let openid = proved(HandleKind::WechatOpenid, "app/o1");
    let real = told(store, "wechat", "real", std::slice::from_ref(&openid), 1).await?;
    let one = who(store, real).await?;
    let mut posed = Vec::new();
    for (n, from) in [vec![openid.clone()], vec![openid.clone()], vec![proved(HandleKind::Visitor, "v1"), openid]]
        .into_iter()
        .enumerate()
    {
        let mut message = mail(&format!("posed {n}"), "", &format!("posed {n}"));
        message.from = from;
        let mut it = arrival("chat", vec![ChannelEvent::Message(Box::new(message))], Timestamp(2));
        it.verifies = Verifies::Own;
        let accepted = found("the message", store.accept(it, None).await?.messages.into_iter().next())?;
        posed.push(who(store, accepted.conversation).await?);
    }
    holds("it is somebody else", posed.iter().all(|it| *it != one))?;
    same("the same one again", posed[0], posed[1])?;
    same("whom nothing is known of", contact(store, posed[0]).await?.handles, Vec::new())?;
    same("both are suggested", suggestions(store).await?.len(), 2)
}

async fn a_join_taken_back_leaves_what_was_before(store: &dyn Store) -> Held {
    let chat = told(store, "chat", "chat", &[proved(HandleKind::Visitor, "v1")], 1).await?;
    let mail = told(store, MAIL, "mail", &[claimed(HandleKind::Email, "a@x")], 2).await?;
    let before = (contact(store, who(store, chat).await?).await?, contact(store, who(store, mail).await?).await?);
    let both = [proved(HandleKind::Visitor, "v1"), proved(HandleKind::Email, "a@x")];
    let new = NewJoin {
        one: before.1.contact.id,
        other: before.0.contact.id,
        why: "they say so".into(),
        by: ANN.into(),
        now: Timestamp(3),
    };
    let join = allowed("the join", store.join_contacts(new.clone()).await?)?;
    same("again", store.join_contacts(new).await?, Err(JoinRefused::One))?;
    let one = contact(store, before.1.contact.id).await?;
    same("conversations", one.conversations.iter().map(|it| it.id).collect(), vec![mail, chat])?;
    same("linked", detail(store, mail).await?.links.iter().map(|link| link.0).collect(), vec![chat])?;
    same("found", store.find_contacts("a@x", None).await?.iter().map(|it| it.id).collect(), vec![before.0.contact.id])?;
    let filter = ConversationFilter { handle: Some("v1".into()), ..ConversationFilter::default() };
    let listed = store.conversations(filter, page(9)).await?.items;
    same("listed by either handle", listed.iter().map(|it| it.id).collect(), vec![mail, chat])?;
    allowed("taking it back", store.undo_join(join, ANN, Timestamp(4)).await?)?;
    for (was, id) in [(&before.0, before.0.contact.id), (&before.1, before.1.contact.id)] {
        let now = contact(store, id).await?;
        same("the contact", &now.contact, &was.contact)?;
        same("its handles", &now.handles, &was.handles)?;
        same("its conversations", &now.conversations, &was.conversations)?;
        same("the join is kept, undone", now.joins.iter().map(|it| it.undone.is_some()).collect(), vec![true])?;
        let acts: Vec<_> = now.events.iter().map(|event| (event.act.as_str(), event.actor.as_str())).collect();
        same("and so is the log", acts, vec![("joined", ANN), ("parted", ANN)])?;
    }
    same("links", detail(store, mail).await?.links, Vec::new())?;
    same("twice", store.undo_join(join, ANN, Timestamp(5)).await?, Err(JoinRefused::Undone))?;
    same("of none", store.undo_join(JoinId(99), ANN, Timestamp(5)).await?, Err(JoinRefused::NoJoin))?;
    // What a person took apart is not joined by a channel again.
    told(store, "chat", "proof", &both, 6).await?;
    holds("they are two", who(store, chat).await? != who(store, mail).await?)?;
    same("suggested", suggestions(store).await?.iter().map(|it| it.0).collect(), vec![Reason::Undone])
}

async fn what_both_wrote_stays_with_who_opened_it(store: &dyn Store) -> Held {
    let visitor = proved(HandleKind::Visitor, "v1");
    let address = claimed(HandleKind::Email, "a@x");
    let id = told(store, "chat", "chat", std::slice::from_ref(&visitor), 1).await?;
    let mut message = mail("other", "a@x", "other");
    message.thread.thread_key = Some("k".into());
    message.automatic = true;
    let other = accept(store, "im", message, Timestamp(2)).await?.conversation;
    let (one, two) = (who(store, id).await?, who(store, other).await?);
    let new = NewJoin { one, other: two, why: "they say so".into(), by: ANN.into(), now: Timestamp(3) };
    let join = allowed("the join", store.join_contacts(new).await?)?;
    let mut message = mail("continued", "a@x", "continued");
    (message.sent_at, message.thread.thread_key) = (Timestamp(4), Some("k2".into()));
    let it = accept(store, "im", message, Timestamp(4)).await?;
    same("the only open matter", (it.conversation, it.fate), (id, Fate::Joined))?;
    same("the channel used last", detail(store, id).await?.conversation.last_channel.as_str(), "im")?;
    allowed("taking it back", store.undo_join(join, ANN, Timestamp(5)).await?)?;
    let now = detail(store, id).await?;
    same("with who opened it", now.contact.id, one)?;
    same("all messages in it", now.messages.len(), 2)?;
    same("answered where they wrote last", now.conversation.last_channel.as_str(), "chat")?;
    holds("told", now.events.iter().any(|event| event.act == "parted"))?;
    allowed("an answer", store.reply(reply(id, "ann", "Yes", Timestamp(6))).await?)?;
    let leased = store.lease_outgoing(lease(Timestamp(6)), 9).await?;
    same("goes to them alone", leased[0].message.to.clone(), vec![visitor])?;
    let mut message = mail("later", "a@x", "later");
    (message.from, message.thread.thread_key) = (vec![address], Some("k2".into()));
    let later = accept(store, "im", message, Timestamp(7)).await?.conversation;
    holds("the other one's dialogue leads there no more", later != id)?;
    same("it is the other one's", who(store, later).await?, two)
}

async fn joins_are_edges_between_who_was_joined(store: &dyn Store) -> Held {
    let mut ids = Vec::new();
    for n in 1..=4 {
        let visitor = proved(HandleKind::Visitor, &format!("v{n}"));
        let id = told(store, "chat", &format!("c{n}"), &[visitor], n).await?;
        ids.push(who(store, id).await?);
    }
    let mut joins = Vec::new();
    for (one, other) in [(0, 1), (1, 2), (2, 3)] {
        let new = NewJoin { one: ids[one], other: ids[other], why: "so".into(), by: ANN.into(), now: Timestamp(9) };
        joins.push(allowed("the join", store.join_contacts(new).await?)?);
    }
    same("all one", contact(store, ids[3]).await?.ids, ids.clone())?;
    allowed("the middle", store.undo_join(joins[1], ANN, Timestamp(10)).await?)?;
    same("two", contact(store, ids[1]).await?.ids, ids[..2].to_vec())?;
    same("and two", contact(store, ids[3]).await?.ids, ids[2..].to_vec())?;
    same("the last", contact(store, ids[3]).await?.contact.id, ids[2])?;
    let unknown = NewJoin { one: ids[0], other: ContactId(99), why: "so".into(), by: ANN.into(), now: Timestamp(9) };
    same("with nobody", store.join_contacts(unknown).await?, Err(JoinRefused::NoContact(ContactId(99))))?;
    same("nobody", store.contact(ContactId(99)).await?.is_none(), true)
}

async fn a_suggestion_is_decided_once(store: &dyn Store) -> Held {
    let mut pairs = Vec::new();
    for n in 1..=2 {
        let address = format!("a{n}@x");
        let mail = told(store, MAIL, &format!("m{n}"), &[claimed(HandleKind::Email, &address)], 1).await?;
        let from = [proved(HandleKind::Visitor, &format!("v{n}")), claimed(HandleKind::Email, &address)];
        let chat = told(store, "chat", &format!("c{n}"), &from, 2).await?;
        pairs.push((mail, chat, from));
    }
    let first = store.suggestions(page(1)).await?;
    let rest = store.suggestions(Page { after: first.next.clone(), limit: 9 }).await?;
    same("in pages", (first.items.len(), rest.items.len(), rest.next.is_none()), (1, 1, true))?;
    let (no, yes) = (first.items[0].id, rest.items[0].id);
    let joined = allowed("yes", store.accept_suggestion(yes, ANN, Timestamp(3)).await?)?;
    same("no", store.dismiss_suggestion(no, ANN, Timestamp(3)).await?, Ok(()))?;
    let joins = contact(store, who(store, pairs[0].0).await?).await?.joins;
    same("it is a join", joins.iter().map(|it| it.id).collect(), vec![joined])?;
    same("they are one", who(store, pairs[0].0).await?, who(store, pairs[0].1).await?)?;
    for (id, state) in [(yes, Advice::Accepted), (no, Advice::Dismissed)] {
        let again = store.accept_suggestion(id, ANN, Timestamp(4)).await?;
        same("again", again, Err(JoinRefused::Decided(state)))?;
    }
    let unknown = store.accept_suggestion(SuggestionId(99), ANN, Timestamp(4)).await?;
    same("of none", unknown, Err(JoinRefused::NoSuggestion))?;
    told(store, "chat", "again", &pairs[1].2, 5).await?;
    same("never suggested again", suggestions(store).await?, Vec::new())
}

async fn a_profile_is_kept_and_changes(store: &dyn Store) -> Held {
    let attribute = |name: &str, value: &str| Attribute { name: name.into(), value: value.into() };
    let openid = proved(HandleKind::WechatOpenid, "app/o1");
    let profile = |tags: &[&str], attributes: Vec<Attribute>| {
        ChannelEvent::Profile(Profile {
            handles: vec![openid.clone(), proved(HandleKind::WechatUnionid, "u1")],
            display_name: Some("小王".into()),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            attributes,
        })
    };
    let first = profile(&["high-value"], vec![attribute("city", "Xi'an"), attribute("level", "1")]);
    let one = store.accept(arrival("wechat", vec![first.clone()], Timestamp(1)), None).await?;
    holds("it has a row", one.arrival != ArrivalId(0))?;
    let again = store.accept(arrival("wechat", vec![first], Timestamp(2)), None).await?;
    same("told again it has none", again.arrival, ArrivalId(0))?;
    let second = profile(&["new", "high-value"], vec![attribute("level", "2")]);
    store.accept(arrival("wechat", vec![second], Timestamp(3)), None).await?;
    let id = told(store, "wechat", "hello", &[openid], 4).await?;
    let it = detail(store, id).await?.contact;
    same("name", it.display_name.as_deref(), Some("小王"))?;
    same("tags", it.tags, vec!["high-value".into(), "new".into()])?;
    same("attributes", it.attributes, vec![attribute("city", "Xi'an"), attribute("level", "2")])?;
    same("handles", it.handles.len(), 2)
}

async fn an_order_is_its_buyers(store: &dyn Store) -> Held {
    let buyer = proved(HandleKind::MarketplaceBuyer, "shopify/1");
    let news = |order, at| arrival("shop", vec![ChannelEvent::Order(Box::new(order))], Timestamp(at));
    let shipped = order("A-1", &[buyer.clone(), proved(HandleKind::Email, "a@x")], 5);
    store.accept(news(shipped.clone(), 5), None).await?;
    let again = store.accept(news(shipped.clone(), 6), None).await?;
    same("told again it has no row", again.arrival, ArrivalId(0))?;
    let late = tributary_model::order::Order { parcel: None, ..order("A-1", &[], 4) };
    store.accept(news(late, 7), None).await?;
    let mut message = mail("question", "a@x", "Where is it?");
    message.thread.order_id = Some("A-1".into());
    let id = accept(store, MAIL, message, Timestamp(8)).await?.conversation;
    let it = detail(store, id).await?;
    same("the conversation shows it", it.orders.iter().map(|it| it.order.clone()).collect(), vec![shipped.clone()])?;
    same("of which marketplace", it.orders[0].channel.as_str(), "shop")?;
    let one = contact(store, it.contact.id).await?;
    same("one screen", one.orders, vec![KnownOrder { channel: "shop".into(), order: shipped }])?;
    drain(store, Timestamp(9)).await?;
    // A customer may name an order before the marketplace does.
    let mut early = mail("early", "b@x", "And this?");
    early.thread.order_id = Some("B-1".into());
    let early = accept(store, MAIL, early, Timestamp(10)).await?.conversation;
    drain(store, Timestamp(11)).await?;
    let told = store.accept(news(order("B-1", &[], 12), 12), None).await?;
    same("its news goes where it is a matter", told.waiting, 1)?;
    same("and is shown there", detail(store, early).await?.orders.len(), 1)?;
    let stale = store.accept(news(order("B-1", &[], 3), 13), None).await?;
    same("what was overtaken is no happening", stale.waiting, 0)
}
