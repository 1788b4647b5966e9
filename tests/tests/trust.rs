//! Whom a desk believes that a package is theirs: signatures with Debian's `minisign` on the other side, and packages from
//! Debian's `docker-registry`.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tributary_fleet::TrustConfig;
use tributary_fleet::oci::{Oci, OciConfig, OciError, Pulled};
use tributary_fleet::trust::{Signer, Trust, TrustError, public_key};
use tributary_runtime::Package;
use tributary_tests::Registry;
use tributary_tests::program::{debian, root, run, run_well, tributary};

/// A package as `cargo xtask plugins` built it, in a folder of the test.
fn component(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(format!("{name}.wasm"));
    std::fs::copy(root().join("target/plugins").join(format!("{name}.wasm")), &path).unwrap();
    path
}

fn beside(file: &Path) -> PathBuf {
    file.with_extension("wasm.minisig")
}

/// A pair of keys made by Debian's program: secret, public.
fn keys_of_minisign(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
    let (secret, public) = (folder.join(format!("{name}.key")), folder.join(format!("{name}.pub")));
    run_well(Command::new(debian("minisign")).args(["-G", "-W", "-p"]).arg(&public).arg("-s").arg(&secret));
    (secret, public)
}

/// A pair of keys made by ours.
fn keys_of_ours(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
    let out = folder.join(name);
    run_well(Command::new(tributary()).args(["plugin", "keygen", "--no-password", "--out"]).arg(&out));
    (out.with_extension("key"), out.with_extension("pub"))
}

fn sign_with_minisign(file: &Path, secret: &Path, more: &[&str]) {
    let mut command = Command::new(debian("minisign"));
    run_well(command.args(["-S", "-W", "-s"]).arg(secret).arg("-m").arg(file).args(more));
}

fn sign_with_ours(file: &Path, secret: &Path) {
    run_well(Command::new(tributary()).args(["plugin", "sign"]).arg(file).arg("--key").arg(secret));
}

fn trust(development: bool, keys: &[(&str, &Path)]) -> Trust {
    let signers = keys.iter().map(|(name, path)| {
        let text = std::fs::read_to_string(path).unwrap();
        ((*name).to_owned(), public_key(&text).to_owned())
    });
    Trust::new(&TrustConfig { development, signers: signers.collect() }).unwrap()
}

fn verify(trust: &Trust, file: &Path) -> Result<Option<Signer>, TrustError> {
    let signature = std::fs::read_to_string(beside(file)).ok();
    trust.verify(&std::fs::read(file).unwrap(), signature.as_deref())
}

#[test]
fn both_programs_sign_what_the_other_verifies_with_either_ones_keys() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let file = component(folder, "policy-routing");
    for (whose, (secret, public)) in [("minisign", keys_of_minisign(folder, "a")), ("ours", keys_of_ours(folder, "b"))]
    {
        let trust = trust(false, &[("shop", &public)]);
        sign_with_minisign(&file, &secret, &["-t", "from the other side"]);
        let signer = verify(&trust, &file).unwrap().unwrap();
        assert_eq!((signer.name.as_str(), signer.comment.as_str()), ("shop", "from the other side"), "{whose}'s key");
        sign_with_ours(&file, &secret);
        let signer = verify(&trust, &file).unwrap().unwrap();
        assert!(signer.comment.contains("file:policy-routing.wasm\tversion:"), "{whose}'s key: {}", signer.comment);
        let mut check = Command::new(debian("minisign"));
        let output = run_well(check.args(["-V", "-H", "-p"]).arg(&public).arg("-m").arg(&file));
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains(&signer.comment), "{whose}'s key: {said}");
        // The id of the key is written as the other program writes it.
        let text = std::fs::read_to_string(&public).unwrap();
        assert!(text.contains(&signer.key.to_string()) || whose == "ours", "{text}");
    }
}

#[test]
fn what_does_not_fit_is_refused_and_says_what_to_do() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let file = component(folder, "policy-routing");
    let (secret, public) = keys_of_minisign(folder, "shop");
    let (strange, _) = keys_of_minisign(folder, "stranger");
    sign_with_minisign(&file, &secret, &["-t", "version 1"]);
    let (bytes, good) = (std::fs::read(&file).unwrap(), std::fs::read_to_string(beside(&file)).unwrap());
    sign_with_minisign(&file, &strange, &[]);
    let foreign = std::fs::read_to_string(beside(&file)).unwrap();
    sign_with_minisign(&file, &secret, &["-l"]);
    let legacy = std::fs::read_to_string(beside(&file)).unwrap();
    let mut changed = bytes.clone();
    let last = changed.len() - 1;
    changed[last] ^= 1;
    let comment = good.replace("version 1", "version 2");
    assert_ne!(comment, good);
    let cut = &good[..good.len() / 2];
    /// What it is, the file, its signature, the refusal's kind and a word of what to do.
    type Case<'a> = (&'a str, &'a [u8], Option<&'a str>, &'a str, &'a str);
    let cases: [Case; 8] = [
        ("a changed file", &changed, Some(&good), "Tampered", "fetch both again"),
        ("a file that was cut off", &bytes[..last], Some(&good), "Tampered", "fetch both again"),
        ("a changed trusted comment", &bytes, Some(&comment), "Tampered", "fetch both again"),
        ("a key nobody trusts", &bytes, Some(&foreign), "UnknownSigner", "[plugins.signers]"),
        ("the old form", &bytes, Some(&legacy), "Legacy", "sign it again without `-l`"),
        ("half a signature", &bytes, Some(cut), "Unreadable", "again"),
        ("no text of a signature", &bytes, Some("hello"), "Unreadable", "again"),
        ("an empty signature", &bytes, Some(""), "Unreadable", "again"),
    ];
    for development in [false, true] {
        let trust = trust(development, &[("shop", &public)]);
        assert!(trust.verify(&bytes, Some(&good)).unwrap().is_some());
        for (what, bytes, signature, kind, advice) in cases {
            let error = trust.verify(bytes, signature).expect_err(what);
            assert!(format!("{error:?}").starts_with(kind), "{what}: {error:?}");
            assert!(error.to_string().contains(advice), "{what}: {error}");
        }
    }
    // Each bit of the signature's own lines counts.
    let trust_shop = trust(false, &[("shop", &public)]);
    for line in [1, 3] {
        for at in (0..good.lines().nth(line).unwrap().len() - 2).step_by(7) {
            let mut lines: Vec<String> = good.lines().map(str::to_owned).collect();
            let old = lines[line].as_bytes()[at];
            let new = if old == b'A' { "B" } else { "A" };
            lines[line].replace_range(at..=at, new);
            let refused = trust_shop.verify(&bytes, Some(&lines.join("\n")));
            assert!(refused.is_err(), "line {line}, character {at}");
        }
    }
    assert_eq!(trust_shop.verify(&bytes, None), Err(TrustError::Unsigned));
    assert_eq!(trust(true, &[]).verify(&bytes, None), Ok(None), "in development nothing need be signed");
    let wrong = TrustConfig { development: false, signers: vec![("shop".into(), "RWshort".into())] };
    assert!(matches!(Trust::new(&wrong), Err(TrustError::Key { name }) if name == "shop"));
}

#[test]
fn a_key_is_never_overwritten_and_nobody_else_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let temporary = tempfile::tempdir().unwrap();
    let (secret, public) = keys_of_ours(temporary.path(), "shop");
    let before = std::fs::read(&secret).unwrap();
    assert_eq!(std::fs::metadata(&secret).unwrap().permissions().mode() & 0o777, 0o600);
    let again = run(Command::new(tributary())
        .args(["plugin", "keygen", "--no-password", "--out"])
        .arg(temporary.path().join("shop")));
    assert!(!again.status.success());
    assert_eq!(std::fs::read(&secret).unwrap(), before);
    // The public key alone does not sign.
    let file = component(temporary.path(), "policy-routing");
    let output = run(Command::new(tributary()).args(["plugin", "sign"]).arg(&file).arg("--key").arg(&public));
    assert!(String::from_utf8_lossy(&output.stderr).contains("not a secret key"), "{output:?}");
    assert!(!beside(&file).exists());
}

fn inspect(file: &Path, more: &[&str]) -> (Option<i32>, Value) {
    let output = run(Command::new(tributary()).args(["plugin", "inspect", "--json"]).arg(file).args(more));
    let value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("not JSON: {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), value)
}

#[test]
fn inspect_says_what_a_desk_would_say_before_anything_is_run() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let desk = folder.join("desk");
    run_well(Command::new(tributary()).arg("init").arg(&desk));
    let dir = desk.display().to_string();
    let file = component(folder, "channel-email");
    let package = Package::read(std::fs::read(&file).unwrap()).unwrap();
    let (code, seen) = inspect(&file, &["--dir", &dir]);
    assert_eq!((code, &seen["refused"]), (Some(0), &serde_json::json!([])), "the bundled one is in the lock: {seen}");
    assert_eq!(seen["digest"], package.digest());
    assert_eq!(seen["signature"]["state"], "none");
    let asks = seen["asks"].as_array().unwrap();
    assert!(!asks.is_empty() && asks.iter().all(|ask| ask["granted"] == true), "{seen}");

    // Signed by somebody the desk does not know; then by somebody it does.
    let (secret, public) = keys_of_ours(folder, "shop");
    sign_with_ours(&file, &secret);
    let (code, seen) = inspect(&file, &["--dir", &dir]);
    assert_eq!((code, seen["signature"]["state"].as_str()), (Some(65), Some("wrong")), "{seen}");
    assert!(seen["refused"][0].as_str().unwrap().contains("not among the signers"), "{seen}");
    let (code, seen) = inspect(&file, &[]);
    assert_eq!((code, seen["signature"]["state"].as_str()), (Some(0), Some("unchecked")), "{seen}");
    let key = public_key(&std::fs::read_to_string(&public).unwrap()).to_owned();
    let config = desk.join("tributary.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{text}\n[plugins.signers]\nshop = \"{key}\"\n")).unwrap();
    let (code, seen) = inspect(&file, &["--dir", &dir]);
    assert_eq!((code, seen["signature"]["state"].as_str()), (Some(0), Some("good")), "{seen}");

    // The lock grants less than it asks for: each new line is marked.
    let lock = desk.join("tributary.lock");
    let text = std::fs::read_to_string(&lock).unwrap();
    let at = text.find("[plugin.channel-email.grants]").unwrap();
    let narrowed = format!("{}{}", &text[..at], text[at..].replacen("    \"blobs\",\n", "", 1));
    assert_ne!(narrowed, text);
    std::fs::write(&lock, narrowed).unwrap();
    let (code, seen) = inspect(&file, &["--dir", &dir]);
    assert_eq!(code, Some(65));
    let new: Vec<&Value> = seen["asks"].as_array().unwrap().iter().filter(|ask| ask["granted"] == false).collect();
    assert_eq!(new.len(), 1, "{seen}");
    assert!(seen["refused"][0].as_str().unwrap().contains("+ service blobs"), "{seen}");
    let output = run(Command::new(tributary()).args(["plugin", "inspect"]).arg(&file).args(["--dir", &dir]));
    let people = String::from_utf8_lossy(&output.stdout).into_owned();
    for word in ["channel-email", package.digest(), "Asks for", "would refuse it", "+ service blobs", "--accept-grants"]
    {
        assert!(people.contains(word), "{word} in\n{people}");
    }
}

#[test]
fn what_is_no_plugin_is_told_by_inspect_and_compat() {
    let temporary = tempfile::tempdir().unwrap();
    for guest in ["core-module", "other-world", "truncated", "random-bytes"] {
        let file = root().join("target/guests").join(format!("{guest}.wasm"));
        let (code, seen) = inspect(&file, &[]);
        assert_eq!((code, &seen["plugin"]), (Some(65), &Value::Bool(false)), "{guest}: {seen}");
        let output = run(Command::new(tributary()).args(["plugin", "compat", "--json"]).arg(&file));
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((output.status.code(), &said["fits"]), (Some(65), &Value::Bool(false)), "{guest}: {said}");
        assert!(!said["needs"].as_array().unwrap().is_empty(), "{guest}: {said}");
    }
    let file = component(temporary.path(), "policy-triage");
    let output = run_well(Command::new(tributary()).args(["plugin", "compat"]).arg(&file));
    assert!(String::from_utf8_lossy(&output.stdout).contains("runs here"), "{output:?}");
}

fn pull(config: OciConfig, source: &str) -> Result<Pulled, OciError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(Oci::new(config).pull(source))
}

/// Pushes with our command; the answer is the address with the digest.
fn push(file: &Path, to: &str) -> String {
    let output = run_well(Command::new(tributary()).args(["plugin", "push"]).arg(file).arg(to));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.split_whitespace().next().unwrap().to_owned()
}

#[test]
fn a_package_comes_back_from_a_registry_by_tag_and_by_digest_with_its_signature() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let registry = Registry::start();
    let file = component(folder, "policy-routing");
    let (secret, public) = keys_of_minisign(folder, "shop");
    sign_with_minisign(&file, &secret, &[]);
    let fixed = push(&file, &registry.address("shop/policy-routing:1"));
    let bytes = std::fs::read(&file).unwrap();
    let digest = Package::read(bytes.clone()).unwrap().digest().to_owned();
    for address in [registry.address("shop/policy-routing:1"), fixed.clone()] {
        let pulled = pull(OciConfig::default(), &address).unwrap();
        assert!(pulled.bytes == bytes, "{address}: {} bytes", pulled.bytes.len());
        let signer = trust(false, &[("shop", &public)]).verify(&pulled.bytes, pulled.signature.as_deref());
        assert!(signer.unwrap().is_some(), "{address}");
        assert!(fixed.ends_with(&pulled.manifest), "{fixed}: {}", pulled.manifest);
    }
    // The layout that other tools expect.
    let manifest = ureq::get(format!("http://{}/v2/shop/policy-routing/manifests/1", registry.host))
        .header("Accept", "application/vnd.oci.image.manifest.v1+json")
        .call()
        .unwrap()
        .body_mut()
        .read_to_string()
        .unwrap();
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!(manifest["config"]["mediaType"], "application/vnd.wasm.config.v0+json");
    assert_eq!(manifest["layers"].as_array().unwrap().len(), 1);
    assert_eq!(manifest["layers"][0]["mediaType"], "application/wasm");
    assert_eq!(manifest["layers"][0]["digest"], format!("sha256:{digest}"));

    for unknown in ["shop/policy-routing:2", "shop/nothing:1"] {
        let error = pull(OciConfig::default(), &registry.address(unknown)).unwrap_err();
        assert!(matches!(error, OciError::Unknown(_)), "{unknown}: {error:?}");
    }
    let small = OciConfig { limit: bytes.len() - 1, ..OciConfig::default() };
    assert!(matches!(pull(small, &fixed), Err(OciError::TooLarge(_))));

    // One bit on the registry's own disk, then another length.
    let blob = registry.blob(&digest);
    let mut changed = bytes.clone();
    changed[100] ^= 1;
    for changed in [&changed[..], &bytes[..bytes.len() - 1]] {
        std::fs::write(&blob, changed).unwrap();
        let error = pull(OciConfig::default(), &fixed).unwrap_err();
        assert!(matches!(error, OciError::Changed { .. }), "{error:?}");
        assert!(error.to_string().contains("do not trust that copy"), "{error}");
    }
    let manifest = fixed.rsplit_once(':').unwrap().1;
    let path = registry.blob(manifest);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen(&digest[..8], "00000000", 1)).unwrap();
    assert!(pull(OciConfig::default(), &fixed).is_err(), "a manifest that was changed");

    let host = registry.stop();
    let error = pull(OciConfig::default(), &format!("oci://{host}/shop/policy-routing:1")).unwrap_err();
    assert!(matches!(&error, OciError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("refused"), "{error}");
}

#[test]
fn a_registry_that_says_nothing_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("oci://{}/shop/x:1", listener.local_addr().unwrap());
    let quiet = OciConfig { quiet: Duration::from_millis(200), ..OciConfig::default() };
    let error = pull(quiet, &address).unwrap_err();
    assert!(matches!(error, OciError::Slow { .. }), "{error:?}");
    let within = OciConfig { within: Duration::from_millis(200), ..OciConfig::default() };
    let error = pull(within, &address).unwrap_err();
    assert!(matches!(error, OciError::Slow { .. }), "{error:?}");
}
