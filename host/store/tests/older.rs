//! A file that an earlier version of the program wrote is brought up to date with everything in it.
use tributary_model::message::{Handle, HandleKind};
use tributary_model::{ContactId, ConversationId, Timestamp};
use tributary_store::conformance::fixture::{accept, claimed, mail};
use tributary_store::sqlite::{SqliteConfig, SqliteStore};
use tributary_store::{Contacts, Fate, Store};

/// Two contacts, and a conversation whose second message was sent before its first.
const ROWS: &str = r#"
PRAGMA application_id = 0x54524942;
PRAGMA user_version = 1;
INSERT INTO contact (id, name, handles, at) VALUES
    (1, 'Wang', '[["email","a@x",false],["phone","+861",true]]', 10), (2, NULL, NULL, 20);
INSERT INTO handle (value, kind, contact) VALUES ('a@x', 'email', 1), ('+861', 'phone', 1);
INSERT INTO conversation (id, contact, channel, last_channel, state, rank, due, since, opened, updated, reply_token,
    undecided, last_automatic) VALUES (1, 1, 'mail', 'phone', 'open', 3, 9223372036854775807, 30, 30, 50, 'secret', 0, 0);
INSERT INTO message (id, conversation, channel, author, contact, external_id, digest, automatic, sent_at, at, text) VALUES
    (1, 1, 'mail', 'customer', 1, '<1>', zeroblob(32), 0, 30, 30, 'second'),
    (2, 1, 'phone', 'customer', 1, 'c1', zeroblob(32), 0, 25, 40, 'first'),
    (3, 1, 'mail', 'customer', 1, '<2>', zeroblob(32), 0, 9223372036854775807, 50, 'third'),
    (4, 1, 'mail', 'agent', NULL, NULL, NULL, 0, 60, 60, 'fourth');
INSERT INTO orders (channel, id, at, body) VALUES ('shop', 'A-1', 5,
    '{"id":"A-1","state":"paid","at":5,"buyer":[["email","a@x",false]],"total":["CNY",1],"first_order":false,"lines":[],"parcel":null,"promised_by":null,"attributes":[]}');
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

    // What was known is still found, and the rules of now hold for it.
    let mut message = mail("w1", "", "And now?");
    message.from = vec![Handle { kind: HandleKind::Phone, value: "+861".into(), verified: true }];
    message.sent_at = Timestamp(70);
    let accepted = accept(&store, "sms", message, Timestamp(70)).await.expect("accepted");
    assert_eq!((accepted.conversation, accepted.fate), (ConversationId(1), Fate::Joined));
}
