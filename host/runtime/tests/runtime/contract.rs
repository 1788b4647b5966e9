//! Plugins of an older version of the contract, through the same door and the same traits as those of the current one.
mod older;

use crate::guest::{POLICY, append_section, component};
use crate::house::{House, World, context, mail, outgoing, snapshot};
use older::Older;
use std::path::Path;
use std::sync::Arc;
use tributary_model::Timestamp;
use tributary_model::decision::{Action, Decision, Grade, Happening};
use tributary_model::message::{
    Arrival, Author, ChannelEvent, Content, Delivery, DeliveryState, Handle, HandleKind, Inbound, Rejection, Request,
    ThreadHints,
};
use tributary_runtime::contract::Contracts;
use tributary_runtime::package::{Standing, compat};
use tributary_runtime::{
    Adapter, Budget, Budgets, CallError, LoadError, Package, PackageError, Policy, RuntimeConfig, Settings,
};
use wit_component::{StringEncoding, embed_component_metadata};

const ADAPTER: &str = r#"
    (export "tributary:plugin/channel@0.0.9#receive" (func $receive))
    (export "tributary:plugin/channel@0.0.9#send" (func $send))"#;
const DECIDES: &str = r#"(export "tributary:plugin/policy@0.0.9#decide" (func $decide))"#;

/// A component of version 0.0.9.
fn old(kind: &str, world: &str, exports: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contract/0.0.9");
    let common = std::fs::read_to_string(folder.join("plugin.wat")).unwrap();
    let mut module = wat::parse_str(format!("(module {common} {exports})")).unwrap();
    let mut resolve = wit_parser::Resolve::default();
    let (package, _) = resolve.push_path(folder.join("plugin.wit")).unwrap();
    let world = resolve.select_world(&[package], Some(world)).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false).unwrap();
    let manifest =
        format!("name = 'old'\nversion = '3.2.1'\nkind = '{kind}'\n[asks]\nservices = ['log', 'clock', 'state']\n");
    append_section(&mut module, "tributary:plugin", manifest.as_bytes());
    component(&module)
}

fn old_adapter() -> Vec<u8> {
    old("channel", "adapter", ADAPTER)
}

fn both() -> Contracts {
    Contracts::with([Arc::new(Older) as _])
}

fn read(bytes: Vec<u8>) -> Arc<Package> {
    Arc::new(Package::read_for(bytes, Package::MAX_SIZE, &both()).unwrap())
}

/// A house that serves both versions.
fn house(world: World) -> House {
    let config = RuntimeConfig { contracts: both(), ..RuntimeConfig::default() };
    House::with(world, Arc::new(tempfile::tempdir().unwrap()), config)
}

fn message(text: &str) -> Inbound {
    Inbound {
        external_id: None,
        sent_at: Timestamp(1_760_000_000_000),
        author: Author::Customer,
        from: vec![Handle { kind: HandleKind::Email, value: "li@mail.example".into(), verified: false }],
        display_name: None,
        subject: None,
        content: Content { text: text.into(), ..Content::default() },
        thread: ThreadHints::default(),
        automatic: false,
        attributes: Vec::new(),
    }
}

#[tokio::test]
async fn an_adapter_of_an_older_version_gives_the_same_values() {
    let package = read(old_adapter());
    assert_eq!((package.contract_version(), package.is_adapter()), ("0.0.9", true));
    assert_eq!(package.services(), ["log", "clock", "state"]);
    let house = house(World::default());
    let generation = house.load(&package, Settings::default()).await;
    assert_eq!(generation.pictured(), Ok(()));

    let arrival =
        Arrival::Mail { mail_from: "li@mail.example".into(), rcpt_to: vec![], data: b"hello".as_slice().into() };
    // The moment has milliseconds that version 0.0.9 cannot tell.
    let mut late = context();
    late.now = Timestamp(late.now.0 + 999);
    let called = generation.receive(late, &arrival).await.unwrap();
    let reading = called.result.unwrap();
    assert_eq!(reading.events, [ChannelEvent::Message(Box::new(message("hello")))]);
    assert!(reading.answer.is_none());
    assert!(called.cost.bytes_out >= "hello".len() + "li@mail.example".len());

    let empty = Arrival::Mail { mail_from: String::new(), rcpt_to: vec![], data: b"".as_slice().into() };
    let called = generation.receive(context(), &empty).await.unwrap();
    assert_eq!(called.result, Err(Rejection::Ignored("it is empty".into())));
    // What it cannot know is answered for it.
    let hook = Arrival::Http(Request {
        method: "POST".into(),
        url: "/".into(),
        headers: Vec::new(),
        body: b"".as_slice().into(),
    });
    let called = generation.receive(context(), &hook).await.unwrap();
    assert!(matches!(called.result, Err(Rejection::Malformed(why)) if why.contains("0.0.9")));

    let mut reply = outgoing();
    reply.content.text = "on its way".into();
    let called = generation.send(context(), &reply).await.unwrap();
    let sent = Delivery {
        outgoing_id: Some(reply.id.to_string()),
        external_id: None,
        state: DeliveryState::Accepted,
        detail: None,
    };
    assert_eq!(called.result, Ok(sent));
    assert_eq!(called.effects.state, [("last".into(), Some(b"on its way".to_vec()), None)]);
}

#[tokio::test]
async fn what_every_version_must_keep_to_holds_for_an_older_one() {
    let package = read(old_adapter());
    let house = house(World::default());
    let generation = house.load(&package, Settings::default()).await;
    // The null return path: a message from nobody, which no version may give.
    match generation.receive(context(), &mail()).await {
        Err(CallError::Contract(what)) => assert!(what.contains("from nobody"), "{what}"),
        other => panic!("{other:?}"),
    }
    let budgets = Budgets { bytes_out: 100, ..Budgets::default() };
    let narrow = house.load(&package, Settings { budgets, ..Settings::default() }).await;
    let data = vec![b'x'; 200];
    let arrival = Arrival::Mail { mail_from: "li@mail.example".into(), rcpt_to: vec![], data: data.into() };
    match narrow.receive(context(), &arrival).await {
        Err(CallError::Budget { budget: Budget::BytesOut, .. }) => {}
        other => panic!("{other:?}"),
    }
    // A service that is not granted does not link, whatever the version calls it.
    let grants = tributary_runtime::Grants { services: Some(vec!["log".into(), "clock".into()]), ..Default::default() };
    match house.runtime.load(Arc::clone(&package), Settings { grants, ..Settings::default() }).await {
        Err(LoadError::NotGranted(error)) => assert!(error.to_string().contains("state"), "{error}"),
        other => panic!("{other:?}"),
    }
    match generation.migrate("1.0.0", &[]).await {
        Err(CallError::Host(what)) => assert!(what.contains("migration"), "{what}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_policy_of_an_older_version_decides_fresh_reused_and_from_the_cache() {
    let package = read(old("policy", "handling-policy", DECIDES));
    let world = || World { state: Some(b"vip".to_vec()), ..World::default() };
    let house = house(world());
    let again = House::with(
        world(),
        Arc::clone(&house.folder),
        RuntimeConfig { contracts: both(), ..RuntimeConfig::default() },
    );
    let happening = Happening::Message(Box::new(message("hello")));
    let decided = |action| Decision { action, rule: "unnamed".into(), why: String::new() };
    for (house, reuse) in [(&house, 0), (&house, 10), (&again, 0)] {
        let config = serde_json::json!({ "limit": 3 });
        let settings = Settings { config, reuse: Some(reuse), ..Settings::default() };
        let generation = house.load(&package, settings).await;
        assert!(generation.decides() && !generation.reviews());
        for _ in 0..2 {
            let called = generation.decide(context(), &snapshot(), &happening).await.unwrap();
            let decisions = called.result.unwrap();
            assert_eq!(decisions[0], Decision { why: "older".into(), ..decided(Action::SetGrade(Grade::Dispute)) });
            assert_eq!(decisions[1], decided(Action::AddTag("vip".into())));
            assert_eq!(decisions[2], decided(Action::Note(r#"{"limit":3}"#.into())));
        }
        let called = generation.decide(context(), &snapshot(), &Happening::AgentClosed).await.unwrap();
        assert_eq!(called.result, Ok(Vec::new()), "it was never asked about this");
    }
}

#[tokio::test]
async fn a_version_is_served_only_where_it_is_listed() {
    let bytes = old_adapter();
    let found = compat(bytes.clone(), &both());
    assert!(found.fits(), "{found}");
    assert!(found.interfaces.iter().all(|seen| seen.standing == Standing::Converted), "{found}");
    let found = compat(bytes.clone(), &Contracts::default());
    assert!(!found.fits() && found.interfaces.iter().all(|seen| seen.standing == Standing::Unknown), "{found}");
    match Package::read(bytes.clone()) {
        Err(error @ PackageError::Contract { .. }) => assert_eq!(
            error.to_string(),
            "it was built for version 0.0.9 of the contract, this host serves 0.1.0: build it again with the SDK of 0.1.0"
        ),
        other => panic!("{other:?}"),
    }
    match House::new().runtime.load(read(bytes), Settings::default()).await {
        Err(LoadError::Contract { found, served }) => {
            assert_eq!((found.as_str(), served.as_slice()), ("0.0.9", ["0.1.0"].as_slice()))
        }
        other => panic!("{other:?}"),
    }
    // A plugin of the current version is served as before beside it.
    let both = house(World::default());
    let generation = both.load(&POLICY.package(), Settings::default()).await;
    crate::house::decide(&generation).await.unwrap();
}

#[test]
fn interfaces_of_two_versions_at_once_are_refused() {
    let mixed = wat::parse_str(
        r#"(component (instance $none)
            (export "tributary:plugin/policy@0.1.0" (instance $none))
            (export "tributary:plugin/setup@0.0.9" (instance $none)))"#,
    )
    .unwrap();
    match Package::read_for(mixed, Package::MAX_SIZE, &both()) {
        Err(PackageError::Versions(versions)) => assert_eq!(versions, ["0.1.0", "0.0.9"]),
        other => panic!("{other:?}"),
    }
}
