//! What clients see live, keys of plugin state, and polled channels.
use super::fixture::*;
use super::*;
use crate::*;
use tributary_model::message::ChannelEvent;

cases![
    a_feed_keeps_its_order_and_says_nothing_twice,
    a_feed_forgets_what_is_old_and_what_is_too_much,
    keys_are_found_by_their_beginning,
    a_poll_moves_its_cursor_with_its_events,
];

fn item(topic: &str, key: &str, data: &str) -> FeedItem {
    FeedItem { topic: topic.into(), key: key.into(), name: "message".into(), data: data.into() }
}

fn scope(channel: &str) -> StateScope {
    StateScope { plugin: "channel-test".into(), channel: channel.into() }
}

async fn texts(store: &dyn Store, channel: &str, topic: &str, after: FeedId) -> Result<Vec<String>, Unmet> {
    Ok(store.feed(&channel.into(), topic, after, 2_000).await?.into_iter().map(|row| row.data).collect())
}

async fn a_feed_keeps_its_order_and_says_nothing_twice(store: &dyn Store) -> Held {
    let chat = scope("chat");
    store
        .keep(
            &chat,
            StateEdit::default(),
            vec![item("v1", "a", "1"), item("v2", "a", "other"), item("v1", "b", "2")],
            Timestamp(1),
        )
        .await?;
    store.keep(&chat, StateEdit::default(), vec![item("v1", "a", "again"), item("v1", "c", "3")], Timestamp(2)).await?;
    store.keep(&scope("web"), StateEdit::default(), vec![item("v1", "a", "elsewhere")], Timestamp(2)).await?;
    same(
        "in order, once each",
        texts(store, "chat", "v1", FeedId(0)).await?,
        ["1", "2", "3"].map(str::to_owned).to_vec(),
    )?;
    let first = store.feed(&"chat".into(), "v1", FeedId(0), 1).await?;
    same("as many as asked for", first.len(), 1)?;
    same("from there on", texts(store, "chat", "v1", first[0].id).await?, ["2", "3"].map(str::to_owned).to_vec())?;
    same("another channel's", texts(store, "web", "v1", FeedId(0)).await?, vec!["elsewhere".to_owned()])?;
    let mut told = arrival(
        MAIL,
        vec![ChannelEvent::Message(Box::new(mail("<1@x.example>", "a@x.example", "text")))],
        Timestamp(3),
    );
    told.feed = vec![item("v9", "m", "with a message")];
    store.accept(told, None).await?;
    same("with an arrival", texts(store, MAIL, "v9", FeedId(0)).await?, vec!["with a message".to_owned()])
}

async fn a_feed_forgets_what_is_old_and_what_is_too_much(store: &dyn Store) -> Held {
    let chat = scope("chat");
    store.keep(&chat, StateEdit::default(), vec![item("old", "a", "old")], Timestamp(1)).await?;
    let many = (0..1_005).map(|n| item("long", &n.to_string(), &n.to_string())).collect();
    let now = Timestamp(31 * 24 * 3_600 * 1_000);
    store.keep(&chat, StateEdit::default(), many, now).await?;
    let kept = texts(store, "chat", "long", FeedId(0)).await?;
    same("the newest thousand", (kept.len(), kept.first().cloned()), (1_000, Some("5".to_owned())))?;
    store.sweep(now).await?;
    same("what is old", texts(store, "chat", "old", FeedId(0)).await?, Vec::new())?;
    same("what is new", texts(store, "chat", "long", FeedId(0)).await?.len(), 1_000)
}

async fn keys_are_found_by_their_beginning(store: &dyn Store) -> Held {
    let chat = scope("chat");
    let write = |key: &str, expires| StateWrite { key: key.into(), value: Some(vec![1]), expires };
    let keys = ["b/2", "a", "b/1", "b/你", "b0", "b"].map(|key| write(key, None));
    store
        .keep(
            &chat,
            keys.into_iter().chain([write("b/0", Some(Timestamp(5)))]).collect::<Vec<_>>().into(),
            Vec::new(),
            Timestamp(1),
        )
        .await?;
    let found = |at, most| store.state_keys(&chat, "b/", most, Timestamp(at));
    same("in order", found(1, 9).await?, ["b/0", "b/1", "b/2", "b/你"].map(str::to_owned).to_vec())?;
    same("without what is over", found(5, 2).await?, ["b/1", "b/2"].map(str::to_owned).to_vec())?;
    same("of another", store.state_keys(&scope("web"), "", 9, Timestamp(1)).await?, Vec::new())
}

async fn a_poll_moves_its_cursor_with_its_events(store: &dyn Store) -> Held {
    let channel = "kf".into();
    same("at first", store.poll_cursor(&channel).await?, None)?;
    let event = |id: &str| ChannelEvent::Message(Box::new(mail(id, "a@x.example", "polled")));
    let polled = |cursor: Option<&str>, events, at| NewArrival {
        source: Source::Poll { cursor: cursor.map(str::to_owned) },
        ..arrival("kf", events, Timestamp(at))
    };
    let accepted = store.accept(polled(Some("c1"), vec![event("<1@kf>"), event("<2@kf>")], 1), None).await?;
    same("its messages", accepted.messages.len(), 2)?;
    same("the cursor", store.poll_cursor(&channel).await?, Some("c1".to_owned()))?;
    // The daemon died before it knew: the same batch comes again.
    let again = store.accept(polled(Some("c1"), vec![event("<1@kf>"), event("<2@kf>")], 2), None).await?;
    holds("nothing comes twice", again.messages.iter().all(|message| message.fate == Fate::Duplicate))?;
    store.accept(polled(None, Vec::new(), 3), None).await?;
    same("from the beginning again", store.poll_cursor(&channel).await?, None)
}
