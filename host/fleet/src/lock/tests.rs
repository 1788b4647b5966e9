//! The lock's rules, over packages that are nothing but their outside.
use super::*;
use crate::entry::TrustConfig;
use crate::trust::Trust;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::path::Path;

/// What a package says of itself.
#[derive(Clone, Debug, Default)]
struct Says {
    version: &'static str,
    services: Vec<&'static str>,
    secrets: Vec<&'static str>,
    egress: Vec<&'static str>,
    actions: Vec<&'static str>,
    /// Makes another file of the same words.
    salt: u8,
}

fn package(says: &Says) -> Package {
    let mut bytes = wat::parse_str(
        r#"(component (instance $none)
            (export "tributary:plugin/lifecycle@0.1.0" (instance $none))
            (export "tributary:plugin/policy@0.1.0" (instance $none)))"#,
    )
    .unwrap();
    let manifest = format!(
        "name = 'policy-x'\nversion = '{}'\nkind = 'policy'\n[asks]\nservices = {:?}\nsecrets = {:?}\negress = {:?}\n\
         actions = {:?}\n",
        says.version, says.services, says.secrets, says.egress, says.actions
    );
    section(&mut bytes, "tributary:plugin", manifest.as_bytes());
    section(&mut bytes, "salt", &[says.salt]);
    Package::read(bytes).unwrap()
}

/// Appends a custom section, whose length fits into two bytes of LEB128.
fn section(bytes: &mut Vec<u8>, name: &str, data: &[u8]) {
    let length = 1 + name.len() + data.len();
    assert!(length < 1 << 14);
    bytes.extend([0, (length & 0x7f) as u8 | 0x80, (length >> 7) as u8, name.len() as u8]);
    bytes.extend(name.bytes().chain(data.iter().copied()));
}

fn at(version: &'static str) -> Says {
    Says { version, services: vec!["log"], ..Says::default() }
}

fn signer(key: u64) -> Signer {
    Signer { key: KeyId(key), name: format!("author-{key}"), comment: String::new() }
}

fn lock(says: &Says, signer: LockedSigner) -> Lock {
    let mut lock = Lock::default();
    lock.set(Locked::new(&package(says), signer));
    lock
}

/// A word for each refusal.
fn words(errors: &[TrustError]) -> Vec<&'static str> {
    let word = |error: &TrustError| match error {
        TrustError::Rebuilt { .. } => "rebuilt",
        TrustError::Downgrade { .. } => "downgrade",
        TrustError::OtherSigner { .. } => "signer",
        TrustError::WiderGrants { .. } => "wider",
        TrustError::Version { .. } => "version",
        TrustError::Unsigned => "unsigned",
        other => panic!("{other:?}"),
    };
    errors.iter().map(word).collect()
}

#[test]
fn what_speaks_against_a_package() {
    let key = |id| LockedSigner::Key { id: KeyId(id), name: "author".into() };
    let none = || LockedSigner::None;
    let built = |version, salt| Says { salt, ..at(version) };
    let wider = Says { egress: vec!["https://api.example"], ..at("1.1.0") };
    /// What it is, whom the lock names, the package with its signer, and what speaks against it.
    type Case = (&'static str, LockedSigner, Says, Option<u64>, &'static [&'static str]);
    let cases: [Case; 22] = [
        ("the same file", key(1), at("1.0.0"), Some(1), &[]),
        ("the same file, its signature lost", key(1), at("1.0.0"), None, &[]),
        ("the bundled file", LockedSigner::Bundled, at("1.0.0"), None, &[]),
        ("newer", key(1), at("1.0.1"), Some(1), &[]),
        ("newer by ten", key(1), at("1.10.0"), Some(1), &[]),
        ("older", key(1), at("0.9.9"), Some(1), &["downgrade"]),
        ("a pre-release is older", key(1), at("1.0.0-rc.1"), Some(1), &["downgrade"]),
        ("build metadata is not age", key(1), at("1.0.0+b"), Some(1), &[]),
        ("the same version, signed, another file", key(1), built("1.0.0", 1), Some(1), &["rebuilt"]),
        ("the same version in development", none(), built("1.0.0", 1), None, &[]),
        ("the bundled one built anew in development", LockedSigner::Bundled, built("1.0.0", 1), None, &[]),
        ("older in development", none(), at("0.9.0"), None, &["downgrade"]),
        ("another signer", key(1), at("1.0.1"), Some(2), &["signer"]),
        ("another signer of the same file", key(1), at("1.0.0"), Some(2), &["signer"]),
        ("no signer any more", key(1), at("1.0.1"), None, &["signer"]),
        ("the bundled one gets a signer", LockedSigner::Bundled, at("1.0.1"), Some(2), &[]),
        ("an unsigned one gets a signer", none(), at("1.0.1"), Some(2), &[]),
        ("it asks for more", key(1), wider.clone(), Some(1), &["wider"]),
        ("it asks for less", key(1), Says { services: vec![], ..at("1.0.1") }, Some(1), &[]),
        (
            "everything at once",
            key(1),
            Says { version: "0.1.0", ..wider.clone() },
            Some(2),
            &["signer", "downgrade", "wider"],
        ),
        ("more and rebuilt", key(1), Says { version: "1.0.0", ..wider }, Some(1), &["rebuilt", "wider"]),
        ("numbers alone are no version", key(1), at("1.0.0-"), Some(1), &["version"]),
    ];
    for (what, locked, says, by, expected) in cases {
        let lock = lock(&at("1.0.0"), locked);
        let found = lock.objections(&package(&says), by.map(signer).as_ref());
        assert_eq!(words(&found), expected, "{what}");
    }
    assert_eq!(words(&Lock::default().objections(&package(&at("1.0.0")), None)), Vec::<&str>::new(), "the first");
}

#[test]
fn each_option_lets_its_own_refusal_pass_and_no_other() {
    let lock = lock(&at("1.0.0"), LockedSigner::Key { id: KeyId(1), name: "author".into() });
    let options = |grants: bool, downgrade: bool, signer: bool| InstallOptions {
        accept_grants: grants,
        allow_downgrade: downgrade,
        accept_signer: signer,
        ..InstallOptions::default()
    };
    let wider = Says { actions: vec!["reply"], ..at("1.1.0") };
    let cases = [
        (wider, Some(1), [true, false, false]),
        (at("0.9.0"), Some(1), [false, true, false]),
        (at("1.1.0"), Some(2), [false, false, true]),
        (at("1.1.0"), None, [false, false, true]),
        // Nothing lets another file of the same version pass.
        (Says { salt: 1, ..at("1.0.0") }, Some(1), [false, false, false]),
    ];
    for (says, by, passes) in cases {
        let (package, by) = (package(&says), by.map(signer));
        let tried = [options(true, false, false), options(false, true, false), options(false, false, true)];
        let found = tried.map(|options| lock.admit(&package, by.as_ref(), &options).is_ok());
        assert_eq!(found, passes, "{says:?}");
        assert!(lock.admit(&package, by.as_ref(), &options(false, false, false)).is_err());
    }
}

#[test]
fn a_wider_grant_is_shown_line_by_line_with_what_to_do() {
    let lock = lock(&at("1.0.0"), LockedSigner::Bundled);
    let says = Says {
        services: vec!["log", "http"],
        secrets: vec!["token"],
        egress: vec!["https://API.example:443"],
        actions: vec!["reply"],
        ..at("1.1.0")
    };
    let error = lock.admit(&package(&says), None, &InstallOptions::default()).unwrap_err().to_string();
    assert_eq!(
        error,
        "it asks for more than policy-x was granted:\n  + service http\n  + secret token\n  + egress https://api.example\n  \
         + action reply\nread what is new, and if it shall have that, use --accept-grants"
    );
    let forged = GrantChange { kind: GrantKind::Secret, what: "a\n  + nothing".into(), new: true };
    assert_eq!(forged.to_string().lines().count(), 1, "a name cannot write a line of its own");
}

#[test]
fn the_lock_vouches_for_its_own_digest_and_a_changed_file_is_called_changed() {
    let trust = Trust::new(&TrustConfig::default()).unwrap();
    let first = package(&at("1.0.0"));
    let lock = Lock::bundled([&first]);
    let admit = |package: &Package| trust.admit(&lock, package, None, &InstallOptions::default());
    assert_eq!(admit(&first).unwrap().signer, LockedSigner::Bundled);
    let changed = package(&Says { salt: 1, ..at("1.0.0") });
    let error = admit(&changed).unwrap_err();
    assert!(matches!(&error, TrustError::Rebuilt { .. }), "{error}");
    assert!(error.to_string().contains("tampered with, or built again without a new version"), "{error}");
    assert_eq!(admit(&package(&at("1.1.0"))), Err(TrustError::Unsigned));
    assert_eq!(words(&trust.objections(&lock, &package(&at("0.1.0")), None)), ["unsigned", "downgrade"]);
    assert!(
        Trust::new(&TrustConfig { development: true, signers: vec![] })
            .unwrap()
            .admit(&Lock::default(), &first, None, &InstallOptions::default())
            .is_ok()
    );
}

const TEXT: &str = r#"form = 1

[plugin.channel-email]
version = "0.1.0"
digest = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
signer = "bundled"
contract = "0.1.0"
[plugin.channel-email.grants]
services = [
    "clock",
    "log",
]

[plugin.policy-x]
version = "1.2.3-rc.1+build"
digest = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
signer = 'the "author"'
key = "E7620F1842B4E81F"
contract = "0.1.0"
"#;

#[test]
fn the_text_is_sorted_and_reads_back() {
    let path = Path::new("tributary.lock");
    let lock = Lock::parse(TEXT, path).unwrap();
    let text = lock.to_text();
    assert!(text.starts_with("# "), "it says what it is");
    let body = &text[text.find("form").unwrap()..];
    assert_eq!(body, TEXT);
    assert_eq!(Lock::parse(&text, path).unwrap(), lock);
    let shuffled = TEXT.replace("    \"clock\",\n    \"log\",", "\"log\", \"clock\"");
    assert_ne!(shuffled, TEXT);
    assert_eq!(Lock::parse(&shuffled, path).unwrap().to_text(), text);
}

#[test]
fn each_fault_of_the_text_is_told_with_its_line() {
    let cases = [
        ("form = 1", "form = ", 1),
        ("version = \"0.1.0\"", "version = \"one\"", 4),
        ("sha256:aaaa", "sha256:AAAA", 5),
        ("sha256:aaaa", "sha512:aaaa", 5),
        ("sha256:aaaa", "aaaa", 5),
        ("key = \"E7620F1842B4E81F\"", "key = \"E762\"", 18),
        ("key = \"E7620F1842B4E81F\"\n", "", 14),
        ("services = [", "service = [", 9),
        ("contract = \"0.1.0\"\n[", "contract = \"0.1.0\"\ncolour = 3\n[", 8),
        ("[plugin.policy-x]", "[plugin.\"../x\"]", 14),
    ];
    for (from, to, line) in cases {
        let text = TEXT.replacen(from, to, 1);
        assert_ne!(text, TEXT, "{from}");
        match Lock::parse(&text, Path::new("tributary.lock")) {
            Err(LockError::Wrong { line: found, why, .. }) => assert_eq!(found, line, "{to}: {why}"),
            other => panic!("{to}: {other:?}"),
        }
    }
    let newer = TEXT.replace("form = 1", "form = 2\nnews = true");
    assert!(matches!(Lock::parse(&newer, Path::new("l")), Err(LockError::Form { found: 2, .. })));
}

#[test]
fn it_is_written_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tributary.lock");
    assert_eq!(Lock::read(&path).unwrap(), Lock::default(), "none is an empty one");
    let lock = Lock::parse(TEXT, &path).unwrap();
    // A crash before the rename leaves this; it changes nothing, and is written over.
    std::fs::write(dir.path().join("tributary.lock.new"), "half").unwrap();
    lock.write(&path).unwrap();
    assert_eq!(Lock::read(&path).unwrap(), lock);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
    assert!(matches!(lock.write(&dir.path().join("gone/tributary.lock")), Err(LockError::Write { .. })));
    std::fs::write(&path, [0xff]).unwrap();
    assert!(matches!(Lock::read(&path), Err(LockError::Read { .. })));
}

const SERVICES: [&str; 4] = ["log", "http", "mail", "blobs"];
const SECRETS: [&str; 2] = ["token", "pass"];
const EGRESS: [&str; 3] = ["https://a.example", "https://A.example:443", "http://b.example"];
const ACTIONS: [&str; 3] = ["reply", "route", "close"];
const VERSIONS: [&str; 4] = ["0.9.0", "1.0.0", "1.0.0-rc.1", "1.1.0"];

fn some(of: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
    proptest::sample::subsequence(of, 0..=of.len()).prop_shuffle()
}

fn says() -> impl Strategy<Value = Says> {
    let version = proptest::sample::select(&VERSIONS[..]);
    (version, some(&SERVICES), some(&SECRETS), some(&EGRESS), some(&ACTIONS), 0..2u8).prop_map(
        |(version, services, secrets, egress, actions, salt)| Says {
            version,
            services,
            secrets,
            egress,
            actions,
            salt,
        },
    )
}

proptest! {
    #[test]
    fn what_is_admitted_never_has_more_than_was_granted_or_accepted(
        before in says(),
        after in says(),
        was in 0..4u64,
        is in proptest::option::of(1..3u64),
        grants: bool,
        downgrade: bool,
        other: bool,
    ) {
        let locked = match was {
            0 => LockedSigner::None,
            1 => LockedSigner::Bundled,
            id => LockedSigner::Key { id: KeyId(id - 1), name: "author".into() },
        };
        let lock = lock(&before, locked);
        let package = package(&after);
        let before = lock.get(package.name()).unwrap();
        let options = InstallOptions {
            accept_grants: grants, allow_downgrade: downgrade, accept_signer: other, ..InstallOptions::default()
        };
        let by = is.map(signer);
        let Ok(admitted) = lock.admit(&package, by.as_ref(), &options) else { return Ok(()) };
        prop_assert_eq!(&admitted.digest, package.digest());
        for kind in GrantKind::ALL {
            let asked: BTreeSet<String> = LockedGrants::asked(package.asks()).of(kind).clone();
            prop_assert_eq!(admitted.grants.of(kind), &asked);
            prop_assert!(grants || admitted.grants.of(kind).is_subset(before.grants.of(kind)));
        }
        let age = |version: &str| Version::parse(version).unwrap();
        prop_assert!(downgrade || age(&admitted.version).cmp_precedence(&age(&before.version)).is_ge());
        if let LockedSigner::Key { id, .. } = &before.signer {
            let same = matches!(&admitted.signer, LockedSigner::Key { id: now, .. } if now == id);
            prop_assert!(other || same, "{:?} after {:?}", admitted.signer, before.signer);
        }
        // The text says the same as the value.
        let mut written = Lock::default();
        written.set(admitted);
        prop_assert_eq!(Lock::parse(&written.to_text(), Path::new("l")).unwrap(), written);
    }
}
