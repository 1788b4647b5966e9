//! The services, as a guest sees them: what each answers in a call, and that hardly any answers during `prepare`.
use crate::guest::{ADAPTER, Guest, POLICY};
use crate::house::{House, World, context, decide, mail, outgoing, written};
use parking_lot::Mutex;
use std::sync::Arc;
use tributary_model::message::{Attachment, Content, Outgoing, SendError};
use tributary_model::{ChannelName, GenerationId};
use tributary_runtime::{Adapter, CallError, Generation, Grants, RuntimeConfig, Settings};

/// Answers `send` with `permanent`, and bytes 3000 to 3008 as its text: whatever `main` and `prepare` left there.
const TELL: &str = "(i32.store8 (i32.const 0) (i32.const 1)) (i32.store8 (i32.const 4) (i32.const 2))
                    (i32.store (i32.const 8) (i32.const 3000)) (i32.store (i32.const 12) (i32.const 8))";

/// Eight digits or blanks: two for `prepare`, the others for the call.
async fn told(generation: &Generation, message: &Outgoing) -> String {
    match generation.send(context(), message).await.unwrap().result {
        Err(SendError::Permanent(text)) => text.replace('\0', " "),
        other => panic!("{other:?}"),
    }
}

fn adapter(items: &str, prepare: &str, send: &str) -> Guest {
    // Test guests live as long as the test.
    let leak = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    Guest {
        items: leak(items.to_owned()),
        prepare: leak(prepare.to_owned()),
        send: leak(format!("{send} {TELL}")),
        ..ADAPTER
    }
}

fn settings(secrets: &[&str]) -> Settings {
    Settings {
        channel: Some(ChannelName::from("mail")),
        grants: Grants { secrets: secrets.iter().map(|name| (*name).to_owned()).collect(), ..Grants::default() },
        ..Settings::default()
    }
}

/// Stores the discriminants of the result at 512 and of its payload as two digits at 3000 + `at`. The payload begins at
/// 520 where its error carries a `u64`, and at 516 otherwise.
fn note(at: usize, payload: usize) -> String {
    let digit = |from: usize, to: usize| {
        format!(
            "(i32.store8 (i32.const {to})
                (i32.add (i32.const 48) (i32.and (i32.const 3) (i32.load8_u (i32.const {from})))))"
        )
    };
    digit(512, 3000 + at) + &digit(payload, 3000 + at + 1)
}

#[tokio::test]
async fn a_secret_is_granted_or_denied_and_never_told_to_a_picture() {
    let items = r#"(import "tributary:plugin/secrets@0.1.0" "get" (func $get (param i32 i32 i32)))
                   (data (i32.const 1024) "token") (data (i32.const 1040) "other") (data (i32.const 1056) "third")"#;
    let get = |at: usize| format!("(call $get (i32.const {at}) (i32.const 5) (i32.const 512))");
    let send = [get(1024), note(2, 516), get(1040), note(4, 516), get(1056), note(6, 516)].concat();
    let guest = adapter(items, &(get(1024) + &note(0, 516)), &send).package();
    let house = House::new();
    // 00: a secret. 10: denied. 11: missing.
    let generation = house.load(&guest, settings(&["token", "other", "third"])).await;
    let answers = told(&generation, &outgoing()).await;
    assert_eq!(answers, "10001110", "denied in prepare; a secret; missing; never asked for");
    let generation = house.load(&guest, settings(&[])).await;
    assert_eq!(told(&generation, &outgoing()).await, "10101010");
}

#[tokio::test]
async fn hmac_keeps_the_key() {
    let items = r#"(import "tributary:plugin/secrets@0.1.0" "hmac-sha256" (func $hmac (param i32 i32 i32 i32 i32)))
                   (data (i32.const 1024) "token")
                   (data (i32.const 1040) "The quick brown fox jumps over the lazy dog")"#;
    // The first eight bytes of the well-known result f7bc83f430538424….
    let send = "(call $hmac (i32.const 1024) (i32.const 5) (i32.const 1040) (i32.const 43) (i32.const 512))
                (if (i64.ne (i64.load (i32.load (i32.const 516))) (i64.const 0x24845330f483bcf7)) (then unreachable))";
    let house = House::new();
    let generation = house.load(&adapter(items, "", send).package(), settings(&["token"])).await;
    told(&generation, &outgoing()).await;
}

#[tokio::test]
async fn files_belong_to_their_call() {
    let items = r#"(import "tributary:plugin/blobs@0.1.0" "put" (func $put (param i32 i32 i32 i32 i32 i32 i32)))
                   (import "tributary:plugin/blobs@0.1.0" "get" (func $get (param i32 i32 i32)))
                   (data (i32.const 1024) "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
                   (data (i32.const 1100) "abc")"#;
    let get = "(call $get (i32.const 1024) (i32.const 64) (i32.const 512))";
    let put = "(call $put (i32.const 1100) (i32.const 1) (i32.const 1100) (i32.const 1) (i32.const 1100) (i32.const 3)
                          (i32.const 512))";
    // Asked for before it was put, and after.
    let send = [get.to_owned(), note(2, 520), put.to_owned(), get.to_owned(), note(4, 520)].concat();
    let guest = adapter(items, &(put.to_owned() + &note(0, 520)), &send).package();
    let house = House::new();
    let generation = house.load(&guest, settings(&[])).await;
    // Unavailable during `prepare`; unknown before it was put, and known after.
    assert_eq!(&told(&generation, &outgoing()).await[..5], "12110");
    // The next call put nothing yet, though the file is there.
    assert_eq!(&told(&generation, &outgoing()).await[2..4], "11");
    // What a message carries belongs to its call.
    let file = Attachment {
        blob: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".into(),
        name: "a".into(),
        media_type: "text/plain".into(),
        size: 3,
        content_id: None,
    };
    let content = Content { attachments: vec![file], ..Content::default() };
    assert_eq!(&told(&generation, &Outgoing { content, ..outgoing() }).await[2..3], "0");
}

#[tokio::test]
async fn mail_leaves_with_its_envelope_but_not_during_prepare() {
    let items = r#"(import "tributary:plugin/mail@0.1.0" "submit" (func $submit (param i32 i32 i32 i32 i32 i32 i32)))
                   (data (i32.const 1024) "a@b.examplebody")
                   (data (i32.const 1100) "\00\04\00\00\0b\00\00\00")"#;
    let submit = "(call $submit (i32.const 0) (i32.const 0) (i32.const 1100) (i32.const 1) (i32.const 1035)
                                (i32.const 4) (i32.const 512))";
    let guest = adapter(items, &(submit.to_owned() + &note(0, 516)), &(submit.to_owned() + &note(2, 516))).package();
    let house = House::new();
    let generation = house.load(&guest, settings(&[])).await;
    let told_ = told(&generation, &outgoing()).await;
    assert_eq!((&told_[..2], &told_[2..3]), ("10", "0"), "{told_}");
    let expected = (String::new(), vec!["a@b.example".to_owned()], b"body".to_vec());
    assert_eq!(*house.world.mails.lock(), [expected]);
}

#[tokio::test]
async fn where_nothing_leaves_no_host_is_reached() {
    let items = r#"(import "tributary:plugin/http@0.1.0" "send" (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32)))
                   (data (i32.const 1024) "GEThttps://api.example/x")"#;
    let send = "(call $send (i32.const 1024) (i32.const 3) (i32.const 1027) (i32.const 21) (i32.const 0) (i32.const 0)
                            (i32.const 0) (i32.const 0) (i32.const 512))";
    let guest = adapter(items, "", &(send.to_owned() + &note(2, 520))).package();
    let mut settings = settings(&[]);
    settings.grants.egress = vec!["https://api.example".into()];
    let generation = House::new().load(&guest, settings).await;
    assert_eq!(&told(&generation, &outgoing()).await[2..4], "11");
}

#[tokio::test]
async fn state_is_read_back_within_a_call_and_given_to_be_kept() {
    let items = r#"(import "tributary:plugin/state@0.1.0" "set" (func $set (param i32 i32 i32 i32 i32 i32 i32)))
                   (import "tributary:plugin/state@0.1.0" "get" (func $get (param i32 i32 i32)))
                   (import "tributary:plugin/state@0.1.0" "delete" (func $delete (param i32 i32 i32)))
                   (import "tributary:plugin/clock@0.1.0" "now" (func $now (result i64)))
                   (data (i32.const 1024) "keyvalue")"#;
    let get = "(call $get (i32.const 1024) (i32.const 3) (i32.const 512))";
    let set = |length: usize, seconds: &str| {
        format!(
            "(call $set (i32.const 1024) (i32.const 3) (i32.const 1027) (i32.const {length}) {seconds} (i32.const 512))"
        )
    };
    // None at first; then what was written; then none again, after it was deleted.
    let main = [
        get.to_owned(),
        "(if (i32.load8_u (i32.const 520)) (then unreachable))".into(),
        set(5, "(i32.const 1) (i32.const 60)"),
        get.to_owned(),
        "(if (i32.ne (i32.load8_u (i32.load (i32.const 524))) (i32.const 118)) (then unreachable))".into(),
        "(call $delete (i32.const 1024) (i32.const 3) (i32.const 512))".into(),
        get.to_owned(),
        "(if (i32.load8_u (i32.const 520)) (then unreachable))".into(),
        set(5, "(i32.const 0) (i32.const 0)"),
        set(65_537, "(i32.const 0) (i32.const 0)"),
        "(if (i32.eqz (i32.load8_u (i32.const 512))) (then unreachable))".into(),
        "(if (i64.ne (call $now) (i64.const 1760000000000)) (then unreachable))".into(),
    ]
    .concat();
    let prepare = [
        set(5, "(i32.const 0) (i32.const 0)"),
        "(if (i32.eqz (i32.load8_u (i32.const 512))) (then unreachable))".into(),
        "(if (i64.ne (call $now) (i64.const 0)) (then unreachable))".into(),
    ]
    .concat();
    let leak = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    let guest = Guest { items, prepare: leak(prepare), main: leak(main), ..POLICY }.package();
    let house = House::new();
    let generation = house.load(&guest, Settings::default()).await;
    let effects = decide(&generation).await.unwrap().effects;
    let value = Some(b"value".to_vec());
    let minute = context().now.after(std::time::Duration::from_secs(60));
    let key = || "key".to_owned();
    assert_eq!(effects.state, [(key(), value.clone(), Some(minute)), (key(), None, None), (key(), value, None)]);
    assert_eq!(written(&effects), Some(&b"value"[..]));
    assert_eq!(house.world.questions.load(std::sync::atomic::Ordering::Relaxed), 1);
}

#[tokio::test]
async fn an_answer_against_the_contract_is_the_guests_fault() {
    let house = House::new();
    // Discriminants that no case has, and lists beyond the end of memory.
    for main in [
        "(i32.store8 (i32.const 0) (i32.const 7))",
        "(i32.store (i32.const 4) (i32.const 70000)) (i32.store (i32.const 8) (i32.const 90000))",
    ] {
        let generation = house.load(&Guest { main, ..POLICY }.package(), Settings::default()).await;
        match decide(&generation).await.unwrap_err() {
            CallError::Contract(_) => {}
            other => panic!("{main}: {other:?}"),
        }
    }
    // A reading with an answer of status 7: `some` at 12, the status at 16.
    let main = "(i32.store8 (i32.const 12) (i32.const 1)) (i32.store16 (i32.const 16) (i32.const 7))";
    let generation = house.load(&Guest { main, ..ADAPTER }.package(), settings(&[])).await;
    match generation.receive(context(), &mail()).await.unwrap_err() {
        CallError::Contract(what) => assert!(what.contains("status of 7"), "{what}"),
        other => panic!("{other:?}"),
    }
}

/// Keeps the log of one thread.
#[derive(Clone, Default)]
pub struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    /// What was written so far.
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().clone()).unwrap()
    }
}

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn log_lines_carry_their_plugin_and_are_cut_and_counted() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
    let guest = Guest {
        items: r#"(import "tributary:plugin/log@0.1.0" "write" (func $log (param i32 i32 i32)))
                  (data (i32.const 2048) "\e4\bd\a0")"#,
        main: "(call $log (i32.const 2) (i32.const 4096) (i32.const 5000))
               (loop $on
                 (call $log (i32.const 1) (i32.const 2048) (i32.const 3))
                 (global.set $lines (i32.add (global.get $lines) (i32.const 1)))
                 (br_if $on (i32.lt_u (global.get $lines) (i32.const 120))))",
        ..POLICY
    };
    let items = format!("{} (global $lines (mut i32) (i32.const 0))", guest.items);
    let guest = Guest { items: Box::leak(items.into_boxed_str()), ..guest }.package();
    let house = House::with(World::default(), Arc::new(tempfile::tempdir().unwrap()), RuntimeConfig::default());
    let settings = Settings { generation: GenerationId(31), ..Settings::default() };
    let generation = house.load(&guest, settings).await;
    {
        let _log = tracing::subscriber::set_default(subscriber);
        decide(&generation).await.unwrap();
    }
    let text = lines.text();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 101, "100 lines, and one about those that were dropped");
    let first = &lines[0];
    assert_eq!((&first["target"], &first["level"]), (&"plugin".into(), &"WARN".into()));
    assert_eq!((&first["fields"]["plugin"], &first["fields"]["conversation"]), (&"guest".into(), &7.into()));
    assert_eq!((&first["fields"]["version"], &first["fields"]["generation"]), (&"0.1.0".into(), &31.into()));
    assert_eq!(first["fields"]["message"].as_str().unwrap().len(), 4096);
    assert_eq!(lines[1]["fields"]["message"], "你");
    assert_eq!((&lines[100]["fields"]["dropped"], &lines[100]["fields"]["generation"]), (&21.into(), &31.into()));
}
