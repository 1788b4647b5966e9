//! The test host answers as the contract says, and a case that does not agree is told.
use std::sync::OnceLock;

use tributary_sdk::host::{blobs, clock, config, http, log, mail, secrets, state};
use tributary_sdk::prelude::*;
use tributary_sdk::testing::{FakeHost, check_folder, prepare, with};
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

impl Exported for Noter {
    const MANIFEST: &'static str = "";
    const CONFIG_SCHEMA: &'static str = "{}";
    const CONFIG_DEFAULT: &'static str = "times = 2";
    const CONFIG_DEFAULT_JSON: &'static str = r#"{ "times": 2 }"#;

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
