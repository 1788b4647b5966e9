//! Which conversation a message joins.
use super::fixture::*;
use super::*;
use crate::*;
use tributary_model::delivery::Settlement;
use tributary_model::message::{Attribute, ThreadHints};

cases![
    each_hint_alone_is_enough,
    the_first_answer_counts,
    a_tag_counts_only_for_those_who_belong,
    an_answer_to_an_answer
];

/// A conversation with two messages of the customer's, `<one>` and `<two>`, and an answer `<answer>`.
async fn conversation(store: &dyn Store) -> Result<(ConversationId, String), Unmet> {
    let mut first = mail("<one>", "a@x", "First");
    first.thread.thread_key = Some("dialogue-1".into());
    let id = accept(store, MAIL, first, Timestamp(1)).await?.conversation;
    let mut second = mail("<two>", "a@x", "Second");
    second.thread.in_reply_to = Some("<one>".into());
    same("the second", accept(store, MAIL, second, Timestamp(2)).await?.conversation, id)?;
    allowed("the answer", store.reply(reply(id, "ann", "Yes", Timestamp(3))).await?)?;
    let leased = store.lease_outgoing(lease(Timestamp(3)), 10).await?;
    let out = found("the outgoing message", leased.into_iter().next())?;
    let accepted = Settlement::Accepted { external_id: Some("<answer>".into()), detail: None };
    store.settle(out.message.id, accepted, Timestamp(4)).await?;
    Ok((id, out.message.reply_token))
}

async fn each_hint_alone_is_enough(store: &dyn Store) -> Held {
    let (id, token) = conversation(store).await?;
    let refs = |list: &[&str]| list.iter().map(|r| (*r).to_owned()).collect::<Vec<_>>();
    let none = ThreadHints::default;
    let table = [
        ("in-reply-to", ThreadHints { in_reply_to: Some("<two>".into()), ..none() }),
        ("in-reply-to of our answer", ThreadHints { in_reply_to: Some("<answer>".into()), ..none() }),
        ("references, parent last", ThreadHints { references: refs(&["<unknown>", "<one>"]), ..none() }),
        ("references, parent first", ThreadHints { references: refs(&["<one>", "<unknown>"]), ..none() }),
        ("references, of our answer", ThreadHints { references: refs(&["<answer>"]), ..none() }),
        ("tag", ThreadHints { tag: Some(id.tag()), ..none() }),
        ("tag in lower case", ThreadHints { tag: Some(id.tag().to_lowercase()), ..none() }),
        ("reply token", ThreadHints { reply_token: Some(token.clone()), ..none() }),
        ("the channel's dialogue", ThreadHints { thread_key: Some("dialogue-1".into()), ..none() }),
    ];
    for (n, (what, thread)) in table.into_iter().enumerate() {
        let mut message = mail(&format!("<later-{n}>"), "a@x", what);
        message.thread = thread;
        let it = accept(store, MAIL, message, Timestamp(10)).await?;
        same(what, (it.conversation, it.fate), (id, Fate::Joined))?;
    }
    let table = [
        ("nothing", none()),
        ("an unknown parent", ThreadHints { in_reply_to: Some("<unknown>".into()), ..none() }),
        ("an empty parent", ThreadHints { in_reply_to: Some(String::new()), ..none() }),
        ("a token that is none", ThreadHints { reply_token: Some("a".repeat(26)), ..none() }),
        ("a tag of no conversation", ThreadHints { tag: Some("T999999".into()), ..none() }),
    ];
    for (n, (what, thread)) in table.into_iter().enumerate() {
        let mut message = mail(&format!("<apart-{n}>"), "a@x", what);
        message.thread = thread;
        same(what, accept(store, MAIL, message, Timestamp(11)).await?.fate, Fate::Opened)?;
    }
    let mut elsewhere = mail("<other>", "a@x", "Another channel's dialogue of the same name");
    elsewhere.thread.thread_key = Some("dialogue-1".into());
    same("a key counts in its channel", accept(store, "chat", elsewhere, Timestamp(12)).await?.fate, Fate::Opened)
}

async fn the_first_answer_counts(store: &dyn Store) -> Held {
    let (id, token) = conversation(store).await?;
    let other = open(store, "other", Timestamp(5)).await?;
    let mut message = mail("<later>", "other@example.org", "Torn");
    message.thread.reply_token = Some(token);
    message.thread.in_reply_to = Some("other".into());
    message.thread.tag = Some(other.tag());
    same("the token", accept(store, MAIL, message.clone(), Timestamp(6)).await?.conversation, id)?;
    message.thread.reply_token = None;
    message.external_id = Some("<later-2>".into());
    same("the parent", accept(store, MAIL, message, Timestamp(7)).await?.conversation, other)
}

async fn a_tag_counts_only_for_those_who_belong(store: &dyn Store) -> Held {
    let (id, token) = conversation(store).await?;
    let tagged = |external_id: &str| {
        let mut message = mail(external_id, "stranger@x", "Let me in");
        message.thread.tag = Some(id.tag());
        message
    };
    same("a stranger", accept(store, MAIL, tagged("<s1>"), Timestamp(5)).await?.fate, Fate::Opened)?;
    let mut invited = tagged("<s2>");
    invited.thread.reply_token = Some(token);
    invited.attributes = vec![Attribute { name: "reply-to".into(), value: "stranger@home".into() }];
    same("with the secret", accept(store, MAIL, invited, Timestamp(6)).await?.conversation, id)?;
    same("who wrote in it before", accept(store, MAIL, tagged("<s3>"), Timestamp(7)).await?.conversation, id)?;
    // Whoever wrote last, the answer goes to the customer.
    allowed("the answer", store.reply(reply(id, "ann", "Yes", Timestamp(8))).await?)?;
    let leased = store.lease_outgoing(lease(Timestamp(8)), 10).await?;
    let to: Vec<_> = leased.iter().flat_map(|it| &it.message.to).map(|handle| handle.value.as_str()).collect();
    same("to whom", to, vec!["a@x"])?;
    same("and to nobody else", leased.iter().map(|it| it.message.attributes.len()).collect(), vec![0])
}

async fn an_answer_to_an_answer(store: &dyn Store) -> Held {
    let (id, token) = conversation(store).await?;
    let mut third = mail("<three>", "a@x", "Third");
    third.sent_at = Timestamp(5);
    third.thread.in_reply_to = Some("<answer>".into());
    let told = vec![Attribute { name: "reply-to".into(), value: "a@home".into() }];
    third.attributes = told.clone();
    accept(store, MAIL, third, Timestamp(5)).await?;
    allowed("the answer", store.reply(reply(id, "ann", "Yes again", Timestamp(6))).await?)?;
    let leased = store.lease_outgoing(lease(Timestamp(6)), 10).await?;
    let out = found("the outgoing message", leased.into_iter().next())?.message;
    same("in reply to", out.in_reply_to.as_deref(), Some("<three>"))?;
    same("references", out.references, ["<one>", "<two>", "<answer>", "<three>"].map(String::from).to_vec())?;
    same("subject", out.subject.as_deref(), Some("Where is it?"))?;
    same("what the channel told", out.attributes, told)?;
    same("token", out.reply_token, token)
}
