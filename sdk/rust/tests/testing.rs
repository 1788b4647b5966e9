//! The test host answers as the contract says, and a case that does not agree is told.
use std::sync::OnceLock;

use serde_json::json;
use tributary_sdk::host::{blobs, clock, config, http, log, mail, secrets, state};
use tributary_sdk::prelude::*;
use tributary_sdk::testing::{self, FakeHost, check_example, check_folder, check_refusals, prepare, with};
use tributary_sdk::{Exported, load};

/// Answers every message with a note of its configuration.
struct Noter(Settings);

#[derive(serde::Deserialize)]
struct Settings {
    word: String,
    times: u32,
}

impl Plugin for Noter {
    type Config = Settings;

    fn prepare(config: Settings) -> Result<Self, PrepareError> {
        if config.times == 0 { Err(PrepareError::value("times", "expected 1 or more")) } else { Ok(Self(config)) }
    }
}

impl Policy for Noter {
    fn decide(&self, _: &Snapshot, _: &Happening) -> Result<Vec<Decision>, Fault> {
        let note = self.0.word.repeat(self.0.times as usize);
        Ok(vec![Decision::new(Action::Note(note), "X1", "because")])
    }
}

/// Every arrival is another message.
impl Channel for Noter {
    fn receive(&self, _: Arrival) -> Result<Reading, Rejection> {
        let count = state::get("count").ok().flatten().map_or(0, |count| count[0]) + 1;
        state::set("count", &[count], None).map_err(|_| Rejection::Ignored(String::new()))?;
        Err(Rejection::Malformed(count.to_string()))
    }
}

impl Exported for Noter {
    const MANIFEST: &'static str = r#"name = "noter"
        [asks]
        secrets = ["token", "old-token"]
        egress = ["{api}", "https://files.example"]"#;
    const CONFIG_SCHEMA: &'static str = "{}";
    const CONFIG_DEFAULT: &'static str = "times = 2\napi = 'https://api.example'";
    const CONFIG_DEFAULT_JSON: &'static str = r#"{ "times": 2, "api": "https://api.example" }"#;

    fn cell() -> &'static OnceLock<Self> {
        static CELL: OnceLock<Noter> = OnceLock::new();
        &CELL
    }
}

#[test]
fn what_the_operator_writes_goes_over_the_defaults() {
    let noter: Noter = prepare(serde_json::json!({ "word": "a" })).unwrap();
    assert_eq!((noter.0.word.as_str(), noter.0.times), ("a", 2));
    for (config, fault) in [
        ("{}", "missing field `word`"),
        (r#"{ "word": "a", "times": 0 }"#, "configuration key `times`: expected 1 or more"),
        ("[]", "expected an object"),
        ("{", "does not fit"),
    ] {
        let error = load::<Noter>(config).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(fault), "{config}: {error}");
    }
}

#[test]
fn a_case_that_does_not_agree_is_told_with_its_file() {
    let cases = [
        ("[[expect]]\naction = 'note'\nvalue = 'aa'\nrule = 'X1'\nwhy = ['because']", ""),
        ("[[expect]]\naction = 'note'\nvalue = 'a'", "got note \"aa\" [X1] because"),
        ("[[expect]]\naction = 'note'\nrule = 'X2'", "got note"),
        ("[[expect]]\naction = 'note'\nwhy = ['else']", "got note"),
        ("[[expect]]\naction = 'add-tag'", "got note"),
        ("", "got note"),
        ("colour = 'red'", "colour"),
        ("[conversation]\ngrade = 'grave'", "no grade is called grave"),
    ];
    for (expected, fault) in cases {
        let folder = tempfile::tempdir().unwrap();
        let head = if expected.starts_with("colour") { "" } else { "[config]\nword = 'a'\n[message]\ntext = ''\n" };
        std::fs::write(folder.path().join("one.toml"), format!("{head}{expected}")).unwrap();
        match check_folder::<Noter>(folder.path()) {
            Ok(count) => assert_eq!((count, fault), (1, ""), "{expected}"),
            Err(error) => {
                let error = error.to_string();
                assert!(
                    !fault.is_empty() && error.contains(fault) && error.contains("one.toml"),
                    "{expected}: {error}"
                );
            }
        }
    }
    assert!(check_folder::<Noter>(tempfile::tempdir().unwrap().path()).is_err(), "a folder without cases agrees");
}

#[test]
fn the_test_host_answers_as_the_contract_says() {
    let fake = FakeHost::new()
        .config(&serde_json::json!({ "a": 1 }))
        .now(1_000)
        .secret("key", "Jefe")
        .missing_secret("unset")
        .blob_limit(3)
        .mail_answer(Err(mail::MailError::Temporary("451 later".into())))
        .http_answer(Ok(Response::status(204)));
    with(&fake, || {
        log::warn("careful");
        assert_eq!((config::get().as_str(), clock::now()), (r#"{"a":1}"#, 1_000));
        assert_eq!(secrets::get("unset"), Err(secrets::SecretError::Missing("unset".into())));
        assert_eq!(secrets::get("other"), Err(secrets::SecretError::Denied("other".into())));
        // RFC 4231, test case 2.
        let digest = secrets::hmac_sha256("key", b"what do ya want for nothing?").unwrap();
        assert_eq!(digest[..4], [0x5b, 0xdc, 0xc1, 0x46]);

        state::set("k", b"v", Some(1)).unwrap();
        assert_eq!(state::get("k").unwrap().as_deref(), Some(&b"v"[..]));
        assert!(matches!(state::set("k", &vec![0; 65 * 1024], None), Err(state::StateError::TooLarge(65_536))));

        let file = blobs::put("a.txt", "text/plain", b"abc").unwrap();
        assert_eq!((file.blob.as_str(), file.size), (FakeHost::blob_id(b"abc").as_str(), 3));
        assert_eq!(blobs::get(&file.blob).unwrap(), b"abc");
        assert_eq!(blobs::put("a", "b", b"abcd"), Err(blobs::BlobError::TooLarge(3)));
        assert_eq!(blobs::get("nothing"), Err(blobs::BlobError::Unknown("nothing".into())));

        let to = ["a@example.org".to_owned()];
        assert!(mail::submit("", &to, b"x").is_err());
        assert!(mail::submit("", &to, b"y").is_ok());
        let request =
            Request { method: "GET".into(), url: "https://api.example/".into(), headers: vec![], body: vec![] };
        assert_eq!(http::send(&request).unwrap().status, 204);
        assert!(matches!(http::send(&request), Err(http::HttpError::Denied(_))));
    });
    assert_eq!(fake.mails().len(), 1, "only what the relay took");
    assert_eq!(fake.requests().len(), 2);
    assert_eq!(fake.logs(), [(log::Level::Warn, "careful".to_owned())]);
    let later = fake.now(2_000);
    with(&later, || assert_eq!(state::get("k").unwrap(), None, "it expired"));
}

#[test]
fn services_are_back_after_a_nested_call_and_after_a_panic() {
    let (outer, inner) = (FakeHost::new().now(1), FakeHost::new().now(2));
    with(&outer, || {
        assert_eq!(with(&inner, clock::now), 2);
        assert_eq!(clock::now(), 1);
        let _ = std::panic::catch_unwind(|| with(&FakeHost::new().now(3), || panic!("on purpose")));
        assert_eq!(clock::now(), 1);
    });
    assert_eq!(clock::now(), 0, "without a host");
}

#[test]
fn an_example_that_is_not_right_is_told_with_its_keys() {
    let example = |plugin: &str, secrets: &str, api: &str, config: &str| {
        format!(
            "[[channel]]\nplugin = '{plugin}'\n[channel.grants]\nsecrets = {secrets}\n\
             egress = ['{api}', 'https://files.example']\n[channel.config]\n{config}"
        )
    };
    let right = example("noter", "['token']", "https://api.example", "word = 'a'");
    assert_eq!(check_example::<Noter>(&right, &["old-token"]).unwrap(), json!({ "word": "a" }));
    let other = example("noter", "['token']", "https://other.example", "word = 'a'\napi = 'https://other.example'");
    assert!(check_example::<Noter>(&other, &["old-token"]).is_ok());
    for (wrong, fault) in [
        (example("other", "['token']", "https://api.example", "word = 'a'"), "`plugin` is \"other\""),
        (example("noter", "['token', 'more']", "https://api.example", "word = 'a'"), "`grants.secrets` is"),
        (example("noter", "['token']", "https://other.example", "word = 'a'"), "`grants.egress` is"),
        (example("noter", "['token']", "https://api.example", ""), "missing field `word`"),
        (right.replace("[channel.grants]", ""), "`grants.secrets` is []"),
        ("[[channel]".into(), "example.toml: "),
    ] {
        let error = check_example::<Noter>(&wrong, &["old-token"]).unwrap_err().to_string();
        assert!(error.contains(fault), "{error}");
    }
    assert!(check_example::<Noter>(&right, &[]).is_err(), "a secret that is asked for is left out");
}

#[test]
fn a_value_that_is_not_refused_is_told() {
    let right = json!({ "word": "a" });
    let none = (json!({ "times": 0 }), "`times`");
    check_refusals::<Noter>(&right, std::slice::from_ref(&none)).unwrap();
    for wrong in [(json!({ "times": 1 }), "`times`"), (json!({ "times": 0 }), "`word`")] {
        let error = check_refusals::<Noter>(&right, &[none.clone(), wrong]).unwrap_err().to_string();
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    assert!(check_refusals::<Noter>(&json!({}), &[none]).is_err(), "it does not prepare anyhow");
}

#[test]
#[should_panic(expected = "the same arrival gives the same events")]
fn an_arrival_that_is_read_in_two_ways_fails_its_test() {
    let noter: Noter = prepare(json!({ "word": "a" })).unwrap();
    let _ = testing::receive(
        &FakeHost::new(),
        &noter,
        &Arrival::Http(Request { method: "GET".into(), url: "/".into(), headers: vec![], body: vec![] }),
    );
}

#[test]
fn fixtures_are_compared_by_what_they_name() {
    let found = json!({ "a": 1, "b": [{ "c": "x", "d": null }], "e": 2 });
    for same in [json!({}), json!({ "a": 1, "f": null }), json!({ "b": [{ "c": "x", "d": null }] })] {
        assert_eq!(testing::differs(&found, &same), None, "{same}");
    }
    for (other, place) in [
        (json!({ "a": 2 }), "a: got 1, wanted 2"),
        (json!({ "b": [{ "c": "y" }] }), "b: c: got"),
        (json!({ "b": [] }), "b: got"),
        (json!({ "f": 1 }), "f: got null"),
        (json!([]), "got {"),
    ] {
        let told = testing::differs(&found, &other).unwrap_or_default();
        assert!(told.starts_with(place), "{told}");
    }
}

#[test]
fn damage_is_done_at_its_place() {
    let damaged = |damage: &[(usize, u8, u8)]| testing::damaged(b"abc".to_vec(), damage);
    assert_eq!(damaged(&[(1, 0, b'x')]), b"axc");
    assert_eq!(damaged(&[(4, 1, 0)]), b"ac");
    assert_eq!(damaged(&[(1, 2, b'x')]), b"axbc");
    assert_eq!(damaged(&[(1, 3, 0)]), b"a");
    assert_eq!(damaged(&[(1, 9, 0)]), b"abcbc");
    assert_eq!(damaged(&[(0, 3, 0), (7, 0, 1), (7, 1, 1), (7, 4, 1), (7, 2, b'x')]), b"x");
}

#[test]
fn an_event_is_told_in_the_contract_s_words() {
    let order = Order {
        id: "7".into(),
        state: OrderState::InTransit,
        at: 1,
        buyer: vec![
            Handle::verified(HandleKind::MarketplaceBuyer, "shop/5"),
            Handle::claimed(HandleKind::WechatOpenid, "a/b"),
        ],
        total: Money { currency: "EUR".into(), minor: 250 },
        first_order: false,
        lines: vec![],
        parcel: None,
        promised_by: None,
        attributes: vec![Attribute::new("a", "b")],
    };
    let told = testing::told(&ChannelEvent::Order(order));
    let wanted = json!({
        "event": "order", "id": "7", "state": "in-transit", "at": 1, "total": "EUR 250", "parcel": null, "lines": [],
        "buyer": ["marketplace-buyer:shop/5 verified", "wechat-openid:a/b"], "attributes": { "a": "b" },
    });
    assert_eq!(testing::differs(&told, &wanted), None);
}
