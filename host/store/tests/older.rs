//! A file that an earlier version of the program wrote is brought up to date with everything in it.
use tributary_model::decision::Happening;
use tributary_model::message::{Handle, HandleKind};
use tributary_model::operation::State;
use tributary_model::{ContactId, ConversationId, Timestamp};
use tributary_store::conformance::fixture::{accept, claimed, drain, lease, mail};
use tributary_store::sqlite::{SqliteConfig, SqliteStore};
use tributary_store::{AgentAct, Contacts, Fate, Store};

/// Two contacts, a conversation whose second message was sent before its first, one that waits for the customer, and
/// clocks wherever a clock can stand.
const ROWS: &str = r#"
PRAGMA application_id = 0x54524942;
PRAGMA user_version = 1;
INSERT INTO contact (id, name, handles, at) VALUES
    (1, 'Wang', '[["email","a@x",false],["phone","+861",true]]', 10), (2, NULL, NULL, 20);
INSERT INTO handle (value, kind, contact) VALUES ('a@x', 'email', 1), ('+861', 'phone', 1);
INSERT INTO conversation (id, contact, channel, last_channel, state, rank, due, since, opened, updated, reply_token,
    undecided, last_automatic) VALUES (1, 1, 'mail', 'phone', 'open', 3, 9223372036854775807, 30, 30, 50, 'secret', 0, 0),
    (2, 2, 'mail', 'mail', 'answered', 3, 9223372036854775807, 30, 30, 50, 'other', 0, 0);
INSERT INTO message (id, conversation, channel, author, contact, external_id, digest, automatic, sent_at, at, text) VALUES
    (1, 1, 'mail', 'customer', 1, '<1>', zeroblob(32), 0, 30, 30, 'second'),
    (2, 1, 'phone', 'customer', 1, 'c1', zeroblob(32), 0, 25, 40, 'first'),
    (3, 1, 'mail', 'customer', 1, '<2>', zeroblob(32), 0, 9223372036854775807, 50, 'third'),
    (4, 1, 'mail', 'agent', NULL, NULL, NULL, 0, 60, 60, 'fourth');
INSERT INTO orders (channel, id, at, body) VALUES ('shop', 'A-1', 5,
    '{"id":"A-1","state":"paid","at":5,"buyer":[["email","a@x",false]],"total":["CNY",1],"first_order":false,"lines":[],"parcel":null,"promised_by":null,"attributes":[]}');
INSERT INTO clock (conversation, name, started, target, warn_percent, pauses, due, warn_at, next_at, paused, warned,
    breached, stopped) VALUES
    (1, 'running', 1000, 100, 50, 1, 101000, 51000, 51000, NULL, NULL, NULL, NULL),
    (1, 'moved', 1000, 100, 50, 1, 131000, 81000, 81000, NULL, NULL, NULL, NULL),
    (1, 'warned', 1000, 10, 50, 0, 11000, 6000, 11000, NULL, 6000, NULL, NULL),
    (1, 'breached', 1000, 1, 0, 0, 2000, NULL, NULL, NULL, NULL, 2000, NULL),
    (1, 'stopped', 1000, 100, 0, 0, 101000, NULL, NULL, NULL, NULL, NULL, 3000),
    (2, 'paused', 1000, 100, 50, 1, 101000, 51000, NULL, 41000, NULL, NULL, NULL),
    (2, 'paused-warned', 1000, 100, 50, 1, 101000, 51000, NULL, 61000, 51000, NULL, NULL);
"#;

#[tokio::test]
async fn the_first_schema_is_brought_up_to_date() {
    let dir = tempfile::tempdir().expect("a folder");
    let conn = rusqlite::Connection::open(dir.path().join("store.db")).expect("opens");
    conn.execute_batch(include_str!("../src/sqlite/schema/1.sql")).expect("the first schema");
    conn.execute_batch(ROWS).expect("its rows");
    drop(conn);
    let store = SqliteStore::open(&SqliteConfig::new(dir.path())).expect("opens");

    let it = store.contact(ContactId(1)).await.expect("reads").expect("a contact");
    let number = Handle { kind: HandleKind::Phone, value: "+861".into(), verified: true };
    assert_eq!(it.contact.handles, [claimed(HandleKind::Email, "a@x"), number]);
    let known: Vec<_> = it.handles.iter().map(|known| (known.since, known.channel.is_some())).collect();
    assert_eq!(known, [(Timestamp(10), false); 2]);
    assert_eq!((&it.ids[..], it.joins.len()), (&[ContactId(1)][..], 0));
    assert_eq!(store.contact(ContactId(2)).await.expect("reads").expect("a contact").handles, []);

    let bought: Vec<_> = it.orders.iter().map(|known| (known.channel.as_str(), known.order.id.as_str())).collect();
    assert_eq!(bought, [("shop", "A-1")]);

    let it = store.conversation(ConversationId(1)).await.expect("reads").expect("a conversation");
    let texts: Vec<_> = it.messages.iter().map(|message| message.content.text.as_str()).collect();
    assert_eq!(texts, ["first", "second", "third", "fourth"], "nothing is sent after it came in");
    assert_eq!(it.conversation.last_sent, Timestamp(50));

    // Clocks ring as they would have, each bell once.
    let reopened = AgentAct::Reopen;
    let done = store.act(ConversationId(2), &"ann".into(), reopened, Timestamp(200_000), None).await.expect("reopens");
    done.expect("may");
    let mut rang = Vec::new();
    for at in [51_000, 81_000, 101_000, 131_000, 209_999, 210_000, 239_999, 240_000, 259_999, 260_000] {
        store.ring(Timestamp(at), 100).await.expect("rings");
        for happening in drain(&store, Timestamp(at)).await.expect("what rang") {
            rang.push((at, happening));
        }
    }
    let warning = |name: &str| Happening::ClockWarning(name.into());
    let breach = |name: &str| Happening::ClockBreached(name.into());
    let want = [
        // What is due now does not wait for what was missed.
        (51_000, warning("running")),
        (51_000, breach("warned")),
        (81_000, warning("moved")),
        (101_000, breach("running")),
        (131_000, breach("moved")),
        (210_000, warning("paused")),
        (240_000, breach("paused-warned")),
        (260_000, breach("paused")),
    ];
    assert_eq!(rang, want);

    // What was known is still found, and the rules of now hold for it.
    let mut message = mail("w1", "", "And now?");
    message.from = vec![Handle { kind: HandleKind::Phone, value: "+861".into(), verified: true }];
    message.sent_at = Timestamp(70);
    let accepted = accept(&store, "sms", message, Timestamp(70)).await.expect("accepted");
    assert_eq!((accepted.conversation, accepted.fate), (ConversationId(1), Fate::Joined));
}

/// One operation in each state that there was before some waited for approval.
const OPERATIONS: &str = r#"
PRAGMA user_version = 7;
INSERT INTO operation (id, key, conversation, channel, order_id, body, actor, rule, why, state, node, attempts, next_at,
    result, detail, at) VALUES
    (3, '3-a', 1, 'shop', 'A-1', '{"kind":"exchange","order":"A-1"}', 'agent:ann', NULL, NULL, 'queued', NULL, 0, 70, NULL, NULL, 70),
    (4, '4-a', 1, 'shop', 'A-1', '{"kind":"exchange","order":"A-1"}', 'policy:p', 'G2', 'broken', 'leased', 'node-1', 2, 90, NULL, 'busy', 70),
    (5, '5-a', 1, 'shop', 'A-1', '{"kind":"exchange","order":"A-1"}', 'agent:ann', NULL, NULL, 'done', NULL, 1, 70, 'r-9', NULL, 70),
    (7, '7-a', 1, 'shop', 'A-1', '{"kind":"exchange","order":"A-1"}', 'agent:ann', NULL, NULL, 'failed', NULL, 1, 70, NULL, 'no', 70);
"#;

#[tokio::test]
async fn operations_of_before_there_were_approvals_go_on_as_they_were() {
    let dir = tempfile::tempdir().expect("a folder");
    let conn = rusqlite::Connection::open(dir.path().join("store.db")).expect("opens");
    conn.execute_batch(include_str!("../src/sqlite/schema/1.sql")).expect("the first schema");
    conn.execute_batch(ROWS).expect("its rows");
    for later in [
        include_str!("../src/sqlite/schema/2.sql"),
        include_str!("../src/sqlite/schema/3.sql"),
        include_str!("../src/sqlite/schema/4.sql"),
        include_str!("../src/sqlite/schema/5.sql"),
        include_str!("../src/sqlite/schema/6.sql"),
        include_str!("../src/sqlite/schema/7.sql"),
    ] {
        conn.execute_batch(later).expect("a later schema");
    }
    conn.execute_batch(OPERATIONS).expect("its rows");
    drop(conn);
    let store = SqliteStore::open(&SqliteConfig::new(dir.path())).expect("opens");
    let it = store.conversation(ConversationId(1)).await.expect("reads").expect("a conversation");
    let shown: Vec<_> = it.operations.iter().map(|it| (it.id.0, it.state, it.attempts, it.result.as_deref())).collect();
    let want = [
        (3, State::Queued, 0, None),
        (4, State::Leased, 2, None),
        (5, State::Done, 1, Some("r-9")),
        (7, State::Failed, 1, None),
    ];
    assert_eq!(shown, want);
    assert!(it.operations.iter().all(|it| it.approval.is_none()), "nobody was to be asked");
    let leased = store.lease_operations(lease(Timestamp(90)), 9).await.expect("leases");
    let leased: Vec<_> = leased.iter().map(|it| (it.id.0, it.key.as_str(), it.attempt)).collect();
    assert_eq!(leased, [(3, "3-a", 1), (4, "4-a", 3)]);
}
