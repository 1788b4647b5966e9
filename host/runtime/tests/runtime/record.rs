//! Calls of real components recorded, read back and made again: by the same version, by one with a changed rule, by one
//! that does not fall over any more.
mod asked;
mod credentials;

use crate::guest::{ADAPTER, Guest, POLICY};
use crate::house::{House, World, built, context, decide, outgoing, snapshot};
use async_trait::async_trait;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tributary_model::decision::{Action, Decision, Entry, Grade, Happening, Snapshot};
use tributary_model::message::{
    Arrival, Attribute, Author, Content, Handle, HandleKind, Inbound, Outgoing, Rejection, Response, SendError,
    ThreadHints,
};
use tributary_model::{ChannelName, ConversationId, Place, Timestamp};
use tributary_runtime::record::{Counts, Ended, Function, Outcome, Service, Summary, Wanted, replay};
use tributary_runtime::{
    Adapter, CallContext, CallError, Egress, EgressError, Generation, GrantedRequest, Grants, Outside, Package, Policy,
    Recorder, RecorderConfig, Recording, Recordings, RuntimeConfig, Settings,
};

/// A house that records everything it is asked to.
struct Studio {
    house: House,
    recorder: Arc<Recorder>,
    tapes: TempDir,
}

impl Studio {
    fn new() -> Self {
        Self::with(|config| config.per_second = 1_000_000)
    }

    fn with(change: impl FnOnce(&mut RecorderConfig)) -> Self {
        Self::of(World { state: Some(b"kept".to_vec()), ..World::default() }, change)
    }

    fn of(world: World, change: impl FnOnce(&mut RecorderConfig)) -> Self {
        let tapes = tempfile::tempdir().unwrap();
        let mut config = RecorderConfig { queue: 20_000, ..RecorderConfig::new(tapes.path()) };
        change(&mut config);
        let recorder = Recorder::open(config).unwrap();
        let world = World { recorder: Some(Arc::clone(&recorder)), ..world };
        let house = House::with(world, Arc::new(tempfile::tempdir().unwrap()), RuntimeConfig::default());
        Self { house, recorder, tapes }
    }

    fn read(&self, wanted: Wanted) -> Recordings {
        self.recorder.flush();
        Recordings::open(self.tapes.path(), wanted).unwrap()
    }

    fn flashes(&self) -> usize {
        self.house.world.flashes.load(Ordering::Relaxed)
    }

    fn counts(&self) -> Counts {
        self.recorder.flush();
        self.recorder.counts()
    }
}

/// Makes recorded calls again; the conversations whose calls came out differently, sorted.
async fn differing(candidate: &Generation, recordings: impl Iterator<Item = Recording>) -> (Summary, Vec<i64>) {
    let mut touched = Vec::new();
    let summary = replay(candidate, recordings, |replayed| {
        if !matches!(replayed.outcome, Outcome::Same | Outcome::Reworded) {
            touched.push(replayed.conversation.unwrap().0);
        }
    })
    .await;
    touched.sort_unstable();
    (summary, touched)
}

const TEXTS: [&str; 8] = [
    "Where is my parcel? It should have been here on Monday.",
    "I want a refund, the jacket arrived torn.",
    "My account was hacked and somebody ordered with it!",
    "退款什么时候到账？",
    "How long is the warranty of the kettle?",
    "This is fraud. I never received anything and you charged me twice.",
    "The colour is wrong, please exchange it.",
    "Thank you, all is well.",
];

/// A conversation that differs from its neighbours in text, grade, category and team.
fn conversation(number: i64) -> (CallContext, Snapshot, Happening) {
    let at = Timestamp(context().now.0 + number as u64 * 1_000);
    let text = format!("{} ({number})", TEXTS[number as usize % TEXTS.len()]);
    let entry = Entry { at, author: Author::Customer, text: text.clone(), channel: "mail".into(), automatic: false };
    let grades = [None, Some(Grade::Inquiry), Some(Grade::Dispute), Some(Grade::Emergency)];
    let categories = [None, Some("refund"), Some("payment"), Some("logistics"), Some("return")];
    let snapshot = Snapshot {
        now: at,
        id: ConversationId(number),
        grade: grades[number as usize / 3 % grades.len()],
        category: categories[number as usize % categories.len()].map(str::to_owned),
        history: vec![entry],
        attributes: vec![Attribute { name: "order".into(), value: number.to_string() }],
        ..snapshot()
    };
    let message = Inbound {
        external_id: Some(format!("{number}@mail.example")),
        sent_at: at,
        author: Author::Customer,
        from: vec![Handle { kind: HandleKind::Email, value: "li@mail.example".into(), verified: false }],
        display_name: Some("Li Na".into()),
        subject: None,
        content: Content { text, ..Content::default() },
        thread: ThreadHints::default(),
        automatic: false,
        attributes: Vec::new(),
    };
    let context = CallContext { conversation: Some(ConversationId(number)), ..CallContext::at(at) };
    (context, snapshot, Happening::Message(Box::new(message)))
}

async fn decided(generation: &Generation, number: i64) -> Vec<Decision> {
    let (context, snapshot, happening) = conversation(number);
    generation.decide(context, &snapshot, &happening).await.unwrap().result.unwrap()
}

fn changed(package: &Package, text: &str) -> Settings {
    let overrides: toml::Table = toml::from_str(text).unwrap();
    Settings { config: package.effective_config(&overrides).unwrap(), ..Settings::default() }
}

/// 10,000 calls of three policies. The same versions decide the same; with one rule changed, exactly the calls that the
/// rule touches come out differently.
#[tokio::test]
async fn ten_thousand_calls_agree_with_themselves_and_a_changed_rule_is_found_exactly() {
    let (Some(routing), Some(triage)) = (built("policy-routing"), built("policy-triage")) else { return };
    let studio = Studio::new();
    let live = studio.house.load(&routing, Settings::default()).await;
    let live_triage = studio.house.load(&triage, Settings::default()).await;
    let mut risk = Vec::new();
    for number in 0..8_000 {
        let said = decided(&live, number).await;
        let to_risk = |decision: &Decision| matches!(&decision.action, Action::Route(route) if route.team == "risk");
        if said.iter().any(to_risk) {
            risk.push(number);
        }
    }
    let mut hacked = Vec::new();
    for number in 0..2_000 {
        let said = decided(&live_triage, number).await;
        if said.iter().any(|decision| matches!(&decision.action, Action::AddTag(tag) if tag == "time:emergency")) {
            hacked.push(number);
        }
    }
    assert_eq!(studio.counts(), Counts { recorded: 10_000, ..Counts::default() });
    assert!(risk.len() > 200 && hacked.len() > 200, "{} {}", risk.len(), hacked.len());

    let all = |summary: Summary, calls| assert_eq!(summary, Summary { calls, same: calls, ..Summary::default() });
    let of = |name: &str| Wanted { plugin: Some(name.into()), ..Wanted::default() };
    let mut recordings = studio.read(of("policy-routing"));
    all(replay(&live, recordings.by_ref(), |_| {}).await, 8_000);
    assert_eq!(recordings.skipped(), 0);
    all(replay(&live_triage, studio.read(of("policy-triage")), |_| {}).await, 2_000);

    // Emergencies about money go to another team.
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/policy-routing/config.toml"));
    let text = text.unwrap().replace("team = \"risk\"", "team = \"night-watch\"");
    let candidate = studio.house.load(&routing, changed(&routing, &text)).await;
    let (summary, touched) = differing(&candidate, studio.read(of("policy-routing"))).await;
    assert_eq!(touched, risk);
    assert_eq!((summary.different, summary.calls, summary.faults), (risk.len() as u64, 8_000, 0));

    // The tag of an emergency is another one.
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/policy-triage/config.toml"));
    let text = text.unwrap().replace("time = \"emergency\"\n", "time = \"now\"\n");
    let candidate = studio.house.load(&triage, changed(&triage, &text)).await;
    let (_, touched) = differing(&candidate, studio.read(of("policy-triage"))).await;
    assert_eq!(touched, hacked);

    // Nothing that was made again was recorded again.
    assert_eq!(studio.counts().recorded, 10_000);
}

/// Decides to add a tag of six letters where the grade is the `n`th or graver; anything else: nothing.
fn tagger(tag: &'static str, from: u32, otherwise: &'static str) -> Guest {
    let leak = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    Guest {
        items: leak(format!(r#"(data (i32.const 1024) "{tag}R7because")"#)),
        // The snapshot's grade: whether there is one, and which. The result's list has one decision at 2048.
        main: leak(format!(
            "(if (i32.and (i32.load8_u offset=45 (local.get 0))
                          (i32.ge_u (i32.load8_u offset=46 (local.get 0)) (i32.const {from})))
               (then
                 (i32.store (i32.const 4) (i32.const 2048)) (i32.store (i32.const 8) (i32.const 1))
                 (i32.store8 (i32.const 2048) (i32.const 2))
                 (i32.store (i32.const 2056) (i32.const 1024)) (i32.store (i32.const 2060) (i32.const 6))
                 (i32.store (i32.const 2096) (i32.const 1030)) (i32.store (i32.const 2100) (i32.const 2))
                 (i32.store (i32.const 2104) (i32.const 1032)) (i32.store (i32.const 2108) (i32.const 7)))
               (else {otherwise}))"
        )),
        ..POLICY
    }
}

#[tokio::test]
async fn another_component_is_compared_rule_by_rule_and_a_failing_call_is_kept_to_be_made_again() {
    let studio = Studio::new();
    let breaks = "(if (i32.load8_u offset=45 (local.get 0)) (then unreachable))";
    let live = studio.house.load(&tagger("urgent", 2, breaks).package(), Settings::default()).await;
    let (mut tagged, mut failed) = (BTreeSet::new(), BTreeSet::new());
    for number in 0..60 {
        let (context, snapshot, happening) = conversation(number);
        match live.decide(context, &snapshot, &happening).await {
            Ok(called) if called.result.as_ref().unwrap().is_empty() => {}
            Ok(called) => {
                let expected =
                    Decision { action: Action::AddTag("urgent".into()), rule: "R7".into(), why: "because".into() };
                assert_eq!(called.result, Ok(vec![expected]));
                tagged.insert(number);
            }
            Err(CallError::Trap(_)) => drop(failed.insert(number)),
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(tagged.len() > 20 && failed.len() > 10);
    let recordings: Vec<Recording> = studio.read(Wanted::default()).collect();
    assert_eq!(recordings.len(), 60);
    for recording in &recordings {
        let number = recording.conversation.unwrap().0;
        assert_eq!(matches!(recording.ended, Ended::Failed { .. }), failed.contains(&number), "{number}");
        assert_eq!(recording.callee.place, Place::Policy("guest".into()));
        assert_eq!(recording.function, Function::Decide);
        // The failing input is there, whole.
        let happening = recording.input.get("happening").and_then(|happening| happening.get("Message")).unwrap();
        let text = happening.get("content").and_then(|content| content.get("text")).unwrap();
        assert!(text.as_text().unwrap().ends_with(&format!("({number})")));
    }
    let again = || recordings.iter().cloned();

    let (summary, touched) = differing(&live, again()).await;
    assert_eq!((summary.same, touched.len()), (60, 0), "what trapped traps again, and that is the same");

    let mended = studio.house.load(&tagger("urgent", 2, "").package(), Settings::default()).await;
    let (summary, touched) = differing(&mended, again()).await;
    assert_eq!(touched, failed.iter().copied().collect::<Vec<_>>());
    assert_eq!((summary.different, summary.faults), (failed.len() as u64, 0));

    // One rule is another: an emergency only.
    let graver = studio.house.load(&tagger("urgent", 3, breaks).package(), Settings::default()).await;
    let mut lines = Vec::new();
    let summary = replay(&graver, again(), |replayed| match &replayed.outcome {
        Outcome::Fault { before, words, .. } => lines.push(format!("{before} | {words}")),
        Outcome::Same => {}
        other => panic!("{other:?}"),
    })
    .await;
    let disputes = (0..60).filter(|number| conversation(*number).1.grade == Some(Grade::Dispute)).count();
    assert_eq!((summary.faults, summary.different, lines.len()), (disputes as u64, 0, disputes));
    assert!(lines[0].starts_with("add-tag urgent [R7] | trapped: "), "{}", lines[0]);

    let renamed = studio.house.load(&tagger("heated", 2, breaks).package(), Settings::default()).await;
    let mut shown = Vec::new();
    replay(&renamed, again(), |replayed| {
        if let Outcome::Different(difference) = &replayed.outcome {
            shown.push((replayed.conversation.unwrap().0, difference.lines.join("\n")));
        }
    })
    .await;
    assert_eq!(shown.iter().map(|(number, _)| *number).collect::<BTreeSet<_>>(), tagged);
    assert!(shown.iter().all(|(_, lines)| lines == "- add-tag urgent [R7]\n+ add-tag heated [R7]"), "{shown:?}");
}

/// An adapter whose `send` asks for a secret, its state, a file, and submits a mail with the secret in it.
fn talker() -> Guest {
    let items = r#"(import "tributary:plugin/secrets@0.1.0" "get" (func $secret (param i32 i32 i32)))
                   (import "tributary:plugin/secrets@0.1.0" "hmac-sha256" (func $hmac (param i32 i32 i32 i32 i32)))
                   (import "tributary:plugin/state@0.1.0" "get" (func $get (param i32 i32 i32)))
                   (import "tributary:plugin/state@0.1.0" "set" (func $set (param i32 i32 i32 i32 i32 i32 i32)))
                   (import "tributary:plugin/blobs@0.1.0" "put" (func $put (param i32 i32 i32 i32 i32 i32 i32)))
                   (import "tributary:plugin/mail@0.1.0" "submit" (func $submit (param i32 i32 i32 i32 i32 i32 i32)))
                   (data (i32.const 1024) "token") (data (i32.const 1040) "cursor") (data (i32.const 1056) "abc")"#;
    // The answer is `permanent` with the four bytes that the state holds, and the secret behind them.
    let send = "(call $secret (i32.const 1024) (i32.const 5) (i32.const 512))
                (call $hmac (i32.const 1024) (i32.const 5) (i32.const 1056) (i32.const 3) (i32.const 528))
                (call $get (i32.const 1040) (i32.const 6) (i32.const 544))
                (call $set (i32.const 1040) (i32.const 6) (i32.const 1056) (i32.const 3)
                           (i32.const 0) (i32.const 0) (i32.const 576))
                (call $put (i32.const 1056) (i32.const 3) (i32.const 1056) (i32.const 3)
                           (i32.const 1056) (i32.const 3) (i32.const 640))
                (call $submit (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
                              (i32.load (i32.const 516)) (i32.load (i32.const 520)) (i32.const 600))
                (memory.copy (i32.const 3000) (i32.load (i32.const 556)) (i32.const 4))
                (memory.copy (i32.const 3004) (i32.load (i32.const 516)) (i32.const 3))
                (i32.store8 (i32.const 0) (i32.const 1)) (i32.store8 (i32.const 4) (i32.const 2))
                (i32.store (i32.const 8) (i32.const 3000)) (i32.store (i32.const 12) (i32.const 7))";
    Guest { items, send, ..ADAPTER }
}

fn channel(secrets: &[&str]) -> Settings {
    Settings {
        channel: Some(ChannelName::from("mail")),
        grants: Grants { secrets: secrets.iter().map(|name| (*name).to_owned()).collect(), ..Grants::default() },
        ..Settings::default()
    }
}

#[tokio::test]
async fn a_replayed_call_hears_what_was_answered_and_reaches_nobody_and_no_secret_is_recorded() {
    let studio = Studio::new();
    let package = talker().package();
    let live = studio.house.load(&package, channel(&["token"])).await;
    let called = live.send(CallContext { tape: true, ..context() }, &outgoing()).await.unwrap();
    let said = Err(SendError::Permanent("keptkey".into()));
    assert_eq!(called.result, said);
    let world = &studio.house.world;
    assert_eq!((world.mails.lock().len(), world.questions.load(Ordering::Relaxed)), (1, 1));
    let tape = called.tape.unwrap();
    let services: Vec<Service> = tape.lines().map(|(service, ..)| service).collect();
    let expected = [
        Service::SecretsGet,
        Service::SecretsHmac,
        Service::StateGet,
        Service::StateSet,
        Service::BlobsPut,
        Service::MailSubmit,
    ];
    assert_eq!(services, expected);

    // The secret's text, which is `key`, stands nowhere: not on the tape, not in the answer. Field names are no texts.
    let [recording] = &studio.read(Wanted::default()).collect::<Vec<_>>()[..] else { panic!("one call") };
    assert_eq!(recording.tape, *tape);
    let json = recording.to_json(None);
    assert_eq!(json["ended"]["said"]["Err"]["Permanent"], "kept[secret token]");
    assert_eq!(json["tape"][0]["answered"]["Ok"], "[secret token]");
    assert_eq!(json["tape"][2]["answered"]["Ok"], serde_json::json!({ "$text": "kept" }));
    let texts = json.to_string().replace("\"key\":", "").replace("\"thread_key\":", "");
    assert!(!texts.contains("key"), "{texts}");

    // Beside the live call: answered from the tape, and nothing left or was written.
    let other = studio.house.load(&package, channel(&["token"])).await;
    let replayed = CallContext { outside: Outside::Replayed(Arc::clone(&tape)), ..context() };
    assert_eq!(other.send(replayed, &outgoing()).await.unwrap().result, said);
    assert_eq!((world.mails.lock().len(), world.questions.load(Ordering::Relaxed)), (1, 1));

    // A week later, in a house without state, mails or files.
    let later = House::new();
    let candidate = later.load(&package, channel(&["token"])).await;
    let summary = replay(&candidate, std::iter::once(recording.clone()), |_| {}).await;
    assert_eq!(summary, Summary { calls: 1, same: 1, ..Summary::default() });
    assert_eq!((later.world.mails.lock().len(), later.world.questions.load(Ordering::Relaxed)), (0, 0));
    let blobs = later.folder.path().join("blobs/ba");
    assert!(!blobs.exists(), "a replayed call writes no file");

    // Without the secret it hears the marker, as everywhere in the recording.
    let poor = later.load(&package, channel(&[])).await;
    let summary = replay(&poor, std::iter::once(recording.clone()), |_| {}).await;
    assert_eq!(summary.calls, 1);

    // What is not on the tape is answered as unavailable; here the mail has other bytes.
    let empty = CallContext { outside: Outside::Replayed(Arc::default()), ..context() };
    match other.send(empty, &outgoing()).await.unwrap().result {
        Err(SendError::Permanent(text)) => assert_ne!(text, "keptkey"),
        answer => panic!("{answer:?}"),
    }
    assert_eq!((world.mails.lock().len(), world.questions.load(Ordering::Relaxed)), (1, 1));
}

#[tokio::test]
async fn a_mail_is_read_again_as_it_was_read() {
    let Some(package) = built("channel-email") else { return };
    let studio = Studio::new();
    let overrides: toml::Table = toml::from_str("from = 'help@shop.example'").unwrap();
    let settings = Settings { config: package.effective_config(&overrides).unwrap(), ..channel(&[]) };
    let live = studio.house.load(&package, settings.clone()).await;
    for number in 0..40 {
        let data = format!(
            "Message-ID: <{number}@mail.example>\r\nFrom: Li <li@mail.example>\r\nTo: help@shop.example\r\n\
             Subject: Order {number}\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
             --b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{}\r\n\
             --b\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\
             Content-Disposition: attachment; filename=a.pdf\r\n\r\nYWJj\r\n--b--\r\n",
            TEXTS[number % TEXTS.len()]
        );
        let arrival = Arrival::Mail {
            mail_from: "li@mail.example".into(),
            rcpt_to: vec!["help@shop.example".into()],
            data: data.into_bytes().into(),
        };
        assert!(live.receive(context(), &arrival).await.unwrap().result.is_ok());
        let message = Outgoing { subject: Some(format!("Order {number}")), ..outgoing() };
        live.send(context(), &message).await.unwrap().result.unwrap_err();
    }
    let noise = Arrival::Document { name: "a".into(), media_type: "b".into(), data: [0, 255].as_slice().into() };
    assert!(matches!(live.receive(context(), &noise).await.unwrap().result, Err(Rejection::Malformed(_))));
    let later = House::new();
    let same = later.load(&package, settings).await;
    let summary = replay(&same, studio.read(Wanted::default()), |_| {}).await;
    assert_eq!(summary, Summary { calls: 81, same: 81, ..Summary::default() });
    let received = studio.read(Wanted { function: Some(Function::Receive), ..Wanted::default() });
    assert_eq!(received.count(), 41);
    // A policy has no use for them.
    if let Some(routing) = built("policy-routing") {
        let routing = later.load(&routing, Settings::default()).await;
        let summary = replay(&routing, studio.read(Wanted::default()), |_| {}).await;
        assert_eq!(summary, Summary { left_out: 81, ..Summary::default() });
    }
}

#[tokio::test]
async fn a_call_that_ran_out_of_time_leaves_its_tape() {
    let tapes = tempfile::tempdir().unwrap();
    let recorder = Recorder::open(RecorderConfig::new(tapes.path())).unwrap();
    let world = World {
        recorder: Some(Arc::clone(&recorder)),
        relay_takes: Duration::from_secs(60),
        state: Some(b"kept".to_vec()),
        ..World::default()
    };
    let house = House::with(world, Arc::new(tempfile::tempdir().unwrap()), RuntimeConfig::default());
    let mut settings = channel(&["token"]);
    settings.budgets.wall = Duration::from_millis(300);
    let generation = house.load(&talker().package(), settings).await;
    assert!(matches!(generation.send(context(), &outgoing()).await, Err(CallError::Budget { .. })));
    recorder.flush();
    let [recording] = &Recordings::open(tapes.path(), Wanted::default()).unwrap().collect::<Vec<_>>()[..] else {
        panic!("one call")
    };
    assert!(matches!(&recording.ended, Ended::Failed { words, .. } if words.contains("budget")));
    assert_eq!(recording.tape.len(), 5, "everything before the mail");
}

#[tokio::test]
async fn what_does_not_fit_is_counted_and_left_out_and_the_oldest_goes_first() {
    // The size of one call.
    let studio = Studio::with(|config| config.largest = 100);
    let live = studio.house.load(&POLICY.package(), Settings::default()).await;
    decide(&live).await.unwrap();
    assert_eq!(studio.counts(), Counts { too_large: 1, ..Counts::default() });

    // The rate of a place; a call that fails has a share of its own.
    let studio = Studio::with(|config| config.per_second = 2);
    let live = studio.house.load(&tagger("urgent", 4, "unreachable").package(), Settings::default()).await;
    let fine = studio.house.load(&POLICY.package(), Settings::default()).await;
    for _ in 0..2 {
        decide(&fine).await.unwrap();
    }
    assert!(live.decide(context(), &snapshot(), &Happening::AgentClosed).await.is_err());
    decide(&fine).await.unwrap();
    let counts = studio.counts();
    assert!(counts.recorded >= 3 && counts.recorded + counts.sampled_out == 4, "{counts:?}");
    let failed = studio.read(Wanted::default()).filter(|one| matches!(one.ended, Ended::Failed { .. })).count();
    assert_eq!(failed, 1);

    // The size of all.
    let studio = Studio::with(|config| {
        config.per_second = 1_000_000;
        config.budget = 64 << 10;
        config.segment = 8 << 10;
    });
    let live = studio.house.load(&POLICY.package(), Settings::default()).await;
    for number in 0..400 {
        let (context, snapshot, happening) = conversation(number);
        live.decide(context, &snapshot, &happening).await.unwrap().result.unwrap();
    }
    assert_eq!(studio.counts().recorded, 400);
    let kept: Vec<i64> = studio.read(Wanted::default()).map(|one| one.conversation.unwrap().0).collect();
    assert_eq!(kept.last(), Some(&399));
    assert!(kept.len() > 20 && kept.len() < 400 && kept.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{kept:?}");
    let files: Vec<_> = std::fs::read_dir(studio.tapes.path()).unwrap().map(|entry| entry.unwrap()).collect();
    let total: u64 = files.iter().map(|file| file.metadata().unwrap().len()).sum();
    assert!(total <= 64 << 10, "{total}");
    #[cfg(unix)]
    for file in &files {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    // By time: a span in the middle.
    let moment = |number: u64| Timestamp(context().now.0 + number * 1_000);
    let wanted = Wanted { since: moment(390), until: Some(moment(395)), ..Wanted::default() };
    let span: Vec<i64> = studio.read(wanted).map(|one| one.conversation.unwrap().0).collect();
    assert_eq!(span, [390, 391, 392, 393, 394]);
    let elsewhere = Wanted { place: Some(Place::Channel("mail".into())), ..Wanted::default() };
    assert_eq!(studio.read(elsewhere).count(), 0);
}

#[tokio::test]
async fn a_killed_recorder_costs_its_last_call_and_another_goes_on_behind_it() {
    let studio = Studio::new();
    let live = studio.house.load(&POLICY.package(), Settings::default()).await;
    for number in 0..20 {
        let (context, snapshot, happening) = conversation(number);
        live.decide(context, &snapshot, &happening).await.unwrap().result.unwrap();
    }
    let before: Vec<Recording> = studio.read(Wanted::default()).collect();
    assert_eq!(before.len(), 20);
    let file = std::fs::read_dir(studio.tapes.path()).unwrap().next().unwrap().unwrap().path();
    let whole = std::fs::read(&file).unwrap();
    for cut in [whole.len() - 1, whole.len() / 2, 13, 1, 0] {
        std::fs::write(&file, &whole[..cut]).unwrap();
        let mut recordings = Recordings::open(studio.tapes.path(), Wanted::default()).unwrap();
        let left: Vec<Recording> = recordings.by_ref().collect();
        assert!(before.starts_with(&left), "{cut}");
        assert!(left.len() < 20 && recordings.skipped() == u64::from(cut > 0), "{cut}");
    }
    std::fs::write(&file, &whole[..whole.len() - 1]).unwrap();
    let next = Recorder::open(RecorderConfig::new(studio.tapes.path())).unwrap();
    let world = World { recorder: Some(Arc::clone(&next)), ..World::default() };
    let house = House::with(world, Arc::new(tempfile::tempdir().unwrap()), RuntimeConfig::default());
    decide(&*house.load(&POLICY.package(), Settings::default()).await).await.unwrap();
    drop(house);
    next.flush();
    assert_eq!(Recordings::open(studio.tapes.path(), Wanted::default()).unwrap().count(), 20, "19 and the new one");
}

/// The recordings that the SDK's tests make again are what a host records, but for what changes from run to run.
#[tokio::test]
async fn the_fixtures_of_the_sdk_are_what_a_host_records() {
    let Some(package) = built("policy-routing") else { return };
    let studio = Studio::new();
    let live = studio.house.load(&package, Settings::default()).await;
    for number in [5, 6, 9, 17] {
        decided(&live, number).await;
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/policy-routing/fixtures/recorded.jsonl");
    let fixture = std::fs::read_to_string(path).unwrap();
    let stable = |mut json: serde_json::Value| {
        for volatile in ["cost", "digest", "version"] {
            json.as_object_mut().unwrap().remove(volatile).unwrap();
        }
        json
    };
    let recorded: Vec<_> = studio.read(Wanted::default()).map(|one| stable(one.to_json(None))).collect();
    let kept: Vec<_> = fixture.lines().map(|line| stable(serde_json::from_str(line).unwrap())).collect();
    let shown = || recorded.iter().map(|json| json.to_string() + "\n").collect::<String>();
    assert_eq!(recorded, kept, "a host now records:\n{}", shown());
}

/// A host on the network that counts who comes, and gives out a cookie.
#[derive(Default)]
struct Web(AtomicUsize);

#[async_trait]
impl Egress for Web {
    async fn send(&self, _: GrantedRequest) -> Result<Response, EgressError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        let cookie = Attribute { name: "set-cookie".into(), value: "session=4711".into() };
        Ok(Response { status: 204, headers: vec![cookie], body: b"page".to_vec() })
    }
}

#[tokio::test]
async fn a_request_over_http_is_answered_from_its_recording_and_its_credentials_are_not_in_it() {
    // One header: `authorization`, `Bearer x`. The status of the answer is two bytes at 520.
    let items = r#"(import "tributary:plugin/http@0.1.0" "send" (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32)))
                   (data (i32.const 1024) "GEThttps://api.example/x") (data (i32.const 1100) "authorizationBearer x")
                   (data (i32.const 1200) "\4c\04\00\00\0d\00\00\00\59\04\00\00\08\00\00\00")"#;
    let send =
        "(call $send (i32.const 1024) (i32.const 3) (i32.const 1027) (i32.const 21) (i32.const 1200) (i32.const 1)
                            (i32.const 0) (i32.const 0) (i32.const 512))
                (if (i32.or (i32.load8_u (i32.const 512)) (i32.ne (i32.load16_u (i32.const 520)) (i32.const 204)))
                    (then unreachable))";
    let package = Guest { items, send, ..ADAPTER }.package();
    let mut settings = channel(&[]);
    settings.grants.egress = vec!["https://api.example".into()];
    let tapes = tempfile::tempdir().unwrap();
    let recorder = Recorder::open(RecorderConfig::new(tapes.path())).unwrap();
    let web = Arc::new(Web::default());
    let world = World { recorder: Some(Arc::clone(&recorder)), http: Some(Arc::clone(&web) as _), ..World::default() };
    let house = House::with(world, Arc::new(tempfile::tempdir().unwrap()), RuntimeConfig::default());
    let live = house.load(&package, settings.clone()).await;
    assert!(live.send(context(), &outgoing()).await.unwrap().result.is_ok());
    recorder.flush();
    let recorded: Vec<Recording> = Recordings::open(tapes.path(), Wanted::default()).unwrap().collect();
    let json = recorded[0].to_json(None);
    let [line] = json["tape"].as_array().unwrap().as_slice() else { panic!("{json}") };
    assert_eq!(line["asked"]["headers"], serde_json::json!([{ "name": "authorization", "value": "[credential]" }]));
    assert_eq!(line["answered"]["Ok"]["status"], 204);
    assert!(!json.to_string().contains("Bearer") && !json.to_string().contains("4711"), "{json}");
    let summary = replay(&live, recorded.into_iter(), |_| {}).await;
    assert_eq!((summary.same, summary.calls, web.0.load(Ordering::Relaxed)), (1, 1, 1));
    // Another question is not on the tape, and goes nowhere either: the guest falls over it.
    let other = Guest { items: Box::leak(items.replace("GET", "PUT").into_boxed_str()), send, ..ADAPTER }.package();
    let other = house.load(&other, settings).await;
    let recorded = Recordings::open(tapes.path(), Wanted::default()).unwrap();
    let summary = replay(&other, recorded, |_| {}).await;
    assert_eq!((summary.faults, summary.calls, web.0.load(Ordering::Relaxed)), (1, 1, 1));
}
