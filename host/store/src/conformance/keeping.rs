//! Plugin state, tokens, idempotency keys, upkeep.
use super::fixture::*;
use super::*;
use crate::*;
use tributary_model::message::ChannelEvent;

cases![
    state_is_kept_overwritten_and_deleted,
    a_call_writes_only_if_what_it_read_still_stands,
    a_token_is_found_by_its_digest_until_it_is_revoked,
    a_request_is_answered_once,
    what_is_done_is_answered_even_if_nobody_was_told,
    a_sweep_deletes_what_has_ended,
    it_answers,
];

const DAY: u64 = 24 * 3_600 * 1_000;

async fn state_is_kept_overwritten_and_deleted(store: &dyn Store) -> Held {
    let scope = StateScope { plugin: "p".into(), channel: "".into() };
    let write = |key: &str, value: Option<&[u8]>| StateWrite {
        key: key.into(),
        value: value.map(<[u8]>::to_vec),
        expires: None,
    };
    store.keep(&scope, vec![write("a", Some(b"1")), write("b", Some(b""))].into(), Vec::new(), Timestamp(1)).await?;
    same("a", store.state(&scope, "a", Timestamp(1)).await?, Some(b"1".to_vec()))?;
    same("b", store.state(&scope, "b", Timestamp(1)).await?, Some(Vec::new()))?;
    store
        .keep(&scope, vec![write("a", None), write("b", Some(b"2")), write("c", None)].into(), Vec::new(), Timestamp(2))
        .await?;
    same("a", store.state(&scope, "a", Timestamp(2)).await?, None)?;
    same("b", store.state(&scope, "b", Timestamp(2)).await?, Some(b"2".to_vec()))
}

async fn a_call_writes_only_if_what_it_read_still_stands(store: &dyn Store) -> Held {
    let scope = StateScope { plugin: "channel-test".into(), channel: "mail".into() };
    let write = |key: &str, value: &[u8], expires| StateWrite { key: key.into(), value: Some(value.to_vec()), expires };
    let edit = |read: &[(&str, Option<&[u8]>)], at, writes| StateEdit {
        read: read.iter().map(|(key, value)| ((*key).to_owned(), value.map(<[u8]>::to_vec))).collect(),
        at: Timestamp(at),
        writes,
    };
    let keep = async |edit| store.keep(&scope, edit, Vec::new(), Timestamp(9)).await;
    let moved = |kept: Result<(), StoreError>, key: &str| match kept {
        Err(StoreError::StateMoved(at)) => same("what moved", at.as_str(), key),
        other => same("a state that moved", format!("{other:?}"), String::new()),
    };
    keep(edit(&[("a", None)], 1, vec![write("a", b"1", Some(Timestamp(5)))])).await?;
    moved(keep(edit(&[("b", None), ("a", None)], 2, vec![write("b", b"2", None)])).await, "a")?;
    moved(keep(edit(&[("a", Some(b"2"))], 2, vec![write("b", b"2", None)])).await, "a")?;
    same("nothing was written", store.state(&scope, "b", Timestamp(2)).await?, None)?;
    keep(edit(&[("a", Some(b"2"))], 2, Vec::new())).await?;
    keep(edit(&[("a", None)], 5, vec![write("b", b"at its end", None)])).await?;
    keep(edit(&[("a", Some(b"1"))], 4, vec![write("b", b"before its end", None)])).await?;
    let mut one = arrival("mail", vec![ChannelEvent::Message(Box::new(mail("<1>", "a@x", "Hello")))], Timestamp(1));
    one.state = edit(&[("b", Some(b"at its end"))], 4, vec![write("b", b"3", None)]);
    let was = store.counts(Timestamp(9)).await?;
    moved(store.accept(one.clone(), None).await.map(drop), "b")?;
    same("nothing was accepted", store.counts(Timestamp(9)).await?, was)?;
    one.state.read = vec![("b".into(), Some(b"before its end".to_vec()))];
    store.accept(one, None).await?;
    same("written with it", store.state(&scope, "b", Timestamp(9)).await?, Some(b"3".to_vec()))
}

async fn a_token_is_found_by_its_digest_until_it_is_revoked(store: &dyn Store) -> Held {
    let new = |n: u8, scope| NewToken { name: format!("agent-{n}"), digest: [n; 32], scope };
    for (n, scope) in [(1, Scope::Read), (2, Scope::Agent), (3, Scope::Admin)] {
        let id = store.create_token(new(n, scope), Timestamp(u64::from(n))).await?;
        let token = found("the token", store.token(&[n; 32]).await?)?;
        same("it", (token.id, token.name, token.scope, token.revoked), (id, format!("agent-{n}"), scope, None))?;
    }
    holds("the same secret twice is an error", store.create_token(new(1, Scope::Read), Timestamp(4)).await.is_err())?;
    same("another", store.token(&[9; 32]).await?, None)?;
    let id = store.tokens().await?[1].id;
    same("revoked", store.revoke_token(id, Timestamp(5)).await?, true)?;
    same("once", store.revoke_token(id, Timestamp(6)).await?, false)?;
    same("of none", store.revoke_token(99, Timestamp(6)).await?, false)?;
    same("then it is not found", store.token(&[2; 32]).await?, None)?;
    let revoked: Vec<_> = store.tokens().await?.into_iter().map(|token| token.revoked).collect();
    same("but listed", revoked, vec![None, Some(Timestamp(5)), None])
}

async fn a_request_is_answered_once(store: &dyn Store) -> Held {
    let key = |token, key: &str, digest| RequestKey { token, key: key.into(), digest: [digest; 32] };
    let answer = KeptAnswer { status: 201, body: b"{}".to_vec() };
    let begin = async |it: RequestKey, at: u64| store.begin_request(it, Timestamp(at)).await;
    same("first", begin(key(1, "k", 1), 1).await?, Begun::First)?;
    same("meanwhile", begin(key(1, "k", 1), 2).await?, Begun::UnderWay)?;
    same("another request", begin(key(1, "k", 2), 2).await?, Begun::Misused)?;
    same("another token", begin(key(2, "k", 2), 2).await?, Begun::First)?;
    store.end_request(key(1, "k", 1), Some(answer.clone())).await?;
    same("again", begin(key(1, "k", 1), 3).await?, Begun::Again(answer))?;
    same("misused", begin(key(1, "k", 2), 3).await?, Begun::Misused)?;
    store.end_request(key(2, "k", 2), None).await?;
    same("given up", begin(key(2, "k", 3), 4).await?, Begun::First)?;
    same("a day later", begin(key(1, "k", 2), 1 + DAY).await?, Begun::First)
}

async fn what_is_done_is_answered_even_if_nobody_was_told(store: &dyn Store) -> Held {
    let key = |key: &str| RequestKey { token: 1, key: key.into(), digest: [1; 32] };
    let id = open(store, "one", Timestamp(1)).await?;
    let told = |status, body: &str| Begun::Again(KeptAnswer { status, body: body.as_bytes().to_vec() });
    let answer = |outgoing: OutgoingId, _: &[_]| KeptAnswer { status: 201, body: outgoing.to_string().into() };
    store.begin_request(key("reply"), Timestamp(2)).await?;
    let mut yes = reply(id, "ann", "Yes", Timestamp(2));
    yes.request = Some(KeyedReply { key: key("reply"), answer });
    let outgoing = allowed("the answer", store.reply(yes).await?)?;
    same("the same answer", store.begin_request(key("reply"), Timestamp(3)).await?, told(201, &outgoing.to_string()))?;
    store.begin_request(key("note"), Timestamp(4)).await?;
    let kept = KeptAnswer { status: 204, body: Vec::new() };
    let note = AgentAct::Note("called".into());
    allowed("note", store.act(id, &"ann".into(), note, Timestamp(4), Some((key("note"), kept.clone()))).await?)?;
    same("the same note", store.begin_request(key("note"), Timestamp(5)).await?, told(204, ""))?;
    // What was refused is not done: its client may come again.
    store.begin_request(key("other"), Timestamp(6)).await?;
    allowed("claim", store.claim(id, &"bo".into(), Duration::from_secs(9), Timestamp(6)).await?)?;
    let close = AgentAct::Close("done".into());
    let refused = store.act(id, &"ann".into(), close, Timestamp(7), Some((key("other"), kept))).await?;
    same("refused", refused.is_err(), true)?;
    same("still under way", store.begin_request(key("other"), Timestamp(8)).await?, Begun::UnderWay)
}

async fn a_sweep_deletes_what_has_ended(store: &dyn Store) -> Held {
    let scope = StateScope { plugin: "p".into(), channel: "".into() };
    let write = |key: &str, expires| StateWrite { key: key.into(), value: Some(vec![1]), expires };
    store
        .keep(&scope, vec![write("a", Some(Timestamp(10))), write("b", None)].into(), Vec::new(), Timestamp(1))
        .await?;
    store.begin_request(RequestKey { token: 1, key: "k".into(), digest: [1; 32] }, Timestamp(1)).await?;
    same("too early", store.sweep(Timestamp(9)).await?, 0)?;
    same("state and key", store.sweep(Timestamp(1 + DAY)).await?, 2)?;
    same("twice", store.sweep(Timestamp(1 + DAY)).await?, 0)?;
    same("what has no end stays", store.state(&scope, "b", Timestamp(2 + DAY)).await?, Some(vec![1]))
}

async fn it_answers(store: &dyn Store) -> Held {
    store.ping().await?;
    store.ping().await?;
    same("an empty log", store.last_event().await?, EventId(0))?;
    same("a conversation of nobody", store.conversation(ConversationId(1)).await?.is_some(), false)?;
    same("nothing to claim", store.claim_happenings(lease(Timestamp(1)), 9).await?.len(), 0)?;
    same("nothing to send", store.lease_outgoing(lease(Timestamp(1)), 9).await?.len(), 0)?;
    same("nothing rings", store.ring(Timestamp(1), 9).await?, Rung { rang: 0, next: None })
}
