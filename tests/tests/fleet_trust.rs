//! Whom a running desk believes: signed packages come in by command, by folder and from a registry; what is not trusted is
//! refused with what to do, and changes nothing; what a plugin may touch is what its own place was granted.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

use serde_json::Value;
use tributary_fleet::trust::public_key;
use tributary_runtime::package::Package;
use tributary_tests::plugins::{install, live, show, text};
use tributary_tests::program::{run_well, tributary};
use tributary_tests::{Desk, Mail, Registry, build, store, wait};

/// The plugin that most of these tests replace: it sends conversations to teams.
const PLUGIN: &str = "policy-routing";

/// Who signs: a pair of keys, in a folder of its own.
struct Signer {
    secret: PathBuf,
    public: String,
    _folder: tempfile::TempDir,
}

impl Signer {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("signer");
        run_well(Command::new(tributary()).args(["plugin", "keygen", "--no-password", "--out"]).arg(&out));
        let text = std::fs::read_to_string(out.with_extension("pub")).unwrap();
        Self { secret: out.with_extension("key"), public: public_key(&text).to_owned(), _folder: folder }
    }

    /// Writes the signature beside a file.
    fn sign(&self, file: &Path) {
        run_well(Command::new(tributary()).args(["plugin", "sign"]).arg(file).arg("--key").arg(&self.secret));
    }
}

/// A desk where plugins need a signature, before it is started.
fn desk(signers: &[(&str, &Signer)], overlay: &str) -> Desk {
    let signers: String = signers.iter().map(|(name, signer)| format!("{name} = \"{}\"\n", signer.public)).collect();
    Desk::setup().with(&format!("[plugins.signers]\n{signers}[log]\nfilter = \"info\"\n")).with(overlay).init()
}

fn started(mut desk: Desk) -> Desk {
    desk.serve();
    desk
}

/// Changes what stands in the configuration of one place: a `[[policy]]` by its plugin, a `[[channel]]` by its name.
fn grant(desk: &Desk, list: &str, key: &str, name: &str, grants: &str) {
    let path = desk.dir.join("tributary.toml");
    let mut table: toml::Table = std::fs::read_to_string(&path).unwrap().parse().unwrap();
    let entries = table[list].as_array_mut().unwrap();
    let entry = entries.iter_mut().find(|entry| entry[key].as_str() == Some(name)).unwrap();
    entry.as_table_mut().unwrap().insert("grants".into(), grants.parse::<toml::Table>().unwrap().into());
    std::fs::write(&path, table.to_string()).unwrap();
}

/// A build of [`PLUGIN`] beside a desk, with other words in its `plugin.toml`.
fn variant(desk: &Desk, file: &str, version: &str, change: impl FnOnce(&mut toml::Table)) -> PathBuf {
    let mut manifest = build::manifest(PLUGIN, version);
    change(&mut manifest);
    build::beside(desk, file, &build::labelled(&build::plugin(PLUGIN), &manifest, None))
}

/// A mail goes through the whole house, and nothing is kept aside.
fn traffic_goes_on(desk: &Desk, what: &str) {
    let before = desk.settled();
    let after = desk.after(&[Mail::new("ann@x.example", "A question", "Where is my order 4711?")]);
    assert_eq!((after.inbound, after.parked), (before.inbound + 1, before.parked), "{what}");
}

/// What `tributary.lock` says of [`PLUGIN`] is this file, by this signer.
fn locked(desk: &Desk, file: &Path, signer: &str) {
    let package = Package::read(std::fs::read(file).unwrap()).unwrap();
    let text = std::fs::read_to_string(desk.dir.join("tributary.lock")).unwrap();
    let lock: toml::Table = text.parse().unwrap();
    let entry = &lock["plugin"][PLUGIN];
    let strings = |key: &str| entry["grants"].get(key).cloned().map(|list| list.try_into::<Vec<String>>().unwrap());
    assert_eq!(entry["version"].as_str(), Some(package.version()), "{text}");
    assert_eq!(entry["digest"].as_str(), Some(format!("sha256:{}", package.digest()).as_str()), "{text}");
    assert_eq!(entry["signer"].as_str(), Some(signer), "{text}");
    assert_eq!(entry["contract"].as_str(), Some(package.contract_version()), "{text}");
    for (kind, asked) in [("services", &package.asks().services), ("actions", &package.asks().actions)] {
        let mut asked = asked.clone();
        asked.sort();
        assert_eq!(strings(kind), Some(asked), "{text}");
    }
}

fn acts(desk: &Desk, version: &str) {
    wait::until("the version to act", || match live(desk, "routing") {
        live if live == version => Ok(()),
        live => Err(format!("{live}: {}", show(desk, "routing")["refused"])),
    });
}

#[test]
fn a_signed_version_acts_by_command_by_folder_and_from_a_registry() {
    let shop = Signer::new();
    let desk = started(desk(&[("shop", &shop)], ""));
    let build = |version: &str| {
        let file = build::beside(&desk, &format!("routing-{version}"), &build::version(PLUGIN, version));
        shop.sign(&file);
        file
    };

    let file = build("0.2.0");
    let output = install(&desk, &file, &[]);
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains("signed by shop"), "{}", text(&output));
    assert_eq!(live(&desk, "routing"), "0.2.0");
    locked(&desk, &file, "shop");
    traffic_goes_on(&desk, "by command");

    let file = build("0.3.0");
    let there = desk.dir.join("plugins").join(format!("{PLUGIN}.wasm"));
    for (from, to) in [("wasm.minisig", "wasm.minisig"), ("wasm", "wasm")] {
        std::fs::rename(file.with_extension(from), there.with_extension(to)).unwrap();
    }
    acts(&desk, "0.3.0");
    wait::until("the lock to be written", || {
        let text = std::fs::read_to_string(desk.dir.join("tributary.lock")).unwrap();
        if text.contains("0.3.0") { Ok(()) } else { Err(text) }
    });
    locked(&desk, &there, "shop");
    traffic_goes_on(&desk, "by folder");

    let registry = Registry::start();
    let file = build("0.4.0");
    let address = registry.address("shop/policy-routing:0.4.0");
    run_well(Command::new(tributary()).args(["plugin", "push"]).arg(&file).arg(&address));
    let output = install(&desk, &address, &[]);
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(live(&desk, "routing"), "0.4.0");
    locked(&desk, &file, "shop");
    traffic_goes_on(&desk, "from a registry");

    // What the registry has without a signature is not taken from there either.
    let file = build::beside(&desk, "unsigned", &build::version(PLUGIN, "0.5.0"));
    let address = registry.address("shop/policy-routing:0.5.0");
    run_well(Command::new(tributary()).args(["plugin", "push"]).arg(&file).arg(&address));
    let output = install(&desk, &address, &[]);
    assert!(!output.status.success() && text(&output).contains("it is not signed"), "{}", text(&output));
    assert_eq!(live(&desk, "routing"), "0.4.0");

    let show = text(&desk.run(&["plugin", "show", "routing"]));
    assert!(show.contains("0.4.0") && show.contains("shop"), "{show}");
}

#[test]
fn what_is_not_to_be_trusted_is_refused_and_changes_nothing() {
    let (shop, partner, stranger) = (Signer::new(), Signer::new(), Signer::new());
    let desk = started(desk(&[("shop", &shop), ("partner", &partner)], ""));
    let same = |_: &mut toml::Table| {};
    let good = variant(&desk, "good", "0.2.0", same);
    shop.sign(&good);
    assert!(install(&desk, &good, &[]).status.success());

    let unsigned = variant(&desk, "unsigned", "0.3.0", same);
    let strange = variant(&desk, "strange", "0.3.0", same);
    stranger.sign(&strange);
    let tampered = variant(&desk, "tampered", "0.3.0", same);
    shop.sign(&tampered);
    // One bit of a letter of its description: still a component, still a plugin.
    let mut bytes = std::fs::read(&tampered).unwrap();
    let words = b"Sends a conversation";
    let at = bytes.windows(words.len()).position(|window| window == words).unwrap();
    bytes[at] ^= 0x20;
    std::fs::write(&tampered, &bytes).unwrap();
    let other = variant(&desk, "other", "0.3.0", same);
    partner.sign(&other);
    let wider = variant(&desk, "wider", "0.3.0", |manifest| {
        let asks = manifest["asks"].as_table_mut().unwrap();
        asks.insert("egress".into(), toml::Value::from(vec!["https://API.example:443"]));
        asks["actions"].as_array_mut().unwrap().push("close".into());
    });
    shop.sign(&wider);
    let older = variant(&desk, "older", "0.1.5", same);
    shop.sign(&older);
    let rebuilt = variant(&desk, "rebuilt", "0.2.0", |manifest| {
        manifest.insert("description".into(), "Built again".into());
    });
    shop.sign(&rebuilt);

    let cases: [(&Path, &[&str]); 7] = [
        (&unsigned, &["it is not signed", "`tributary plugin sign` makes one"]),
        (&strange, &["is not among the signers", "add the public key under [plugins.signers]"]),
        (&tampered, &["does not fit the file", "do not use it, fetch both again"]),
        (&other, &["is locked to signer shop", "signed by partner", "use --accept-signer"]),
        (&wider, &["+ egress https://api.example\n", "+ action close\n", "use --accept-grants"]),
        (&older, &["is locked at 0.2.0", "`tributary plugin rollback`", "--allow-downgrade"]),
        (&rebuilt, &["is locked with digest sha256:", "have it built with a new version"]),
    ];
    let state = |desk: &Desk| {
        let there = desk.dir.join("plugins").join(format!("{PLUGIN}.wasm"));
        let connection = store::open(&desk.dir);
        let rows = store::texts(&connection, "SELECT id || (state = 'live') FROM generation ORDER BY id");
        let lock = std::fs::read_to_string(desk.dir.join("tributary.lock")).unwrap();
        (show(desk, "routing")["live"]["digest"].clone(), lock, std::fs::read(there).unwrap(), rows)
    };
    let before = state(&desk);
    for (file, words) in cases {
        let output = install(&desk, file, &[]);
        assert!(!output.status.success(), "{}: {}", file.display(), text(&output));
        for word in words {
            assert!(text(&output).contains(word), "{word:?} is not in\n{}", text(&output));
        }
        assert!(state(&desk) == before, "{} changed something: {}", file.display(), show(&desk, "routing"));
        traffic_goes_on(&desk, words[0]);
    }
    // Words of trust go no further than what they are about: none of them lets in what nobody signed or somebody changed.
    for file in [&unsigned, &strange, &tampered, &rebuilt] {
        let all = ["--accept-grants", "--allow-downgrade", "--accept-signer"];
        let output = install(&desk, file, &all);
        assert!(!output.status.success(), "{}: {}", file.display(), text(&output));
        assert!(state(&desk) == before, "{}", file.display());
    }

    // What the operator accepts by name comes in, and is what the lock says from then on.
    for (file, word, signer) in [
        (&wider, "--accept-grants", "shop"),
        (&older, "--allow-downgrade", "shop"),
        (&other, "--accept-signer", "partner"),
    ] {
        let output = install(&desk, file, &[word]);
        assert!(output.status.success(), "{word}: {}", text(&output));
        locked(&desk, file, signer);
        traffic_goes_on(&desk, word);
    }
}

/// The folder has no flags: what is refused there is shown with the place, until something better lies there.
#[test]
fn what_lies_in_the_folder_needs_the_same_trust() {
    let (shop, stranger) = (Signer::new(), Signer::new());
    let desk = started(desk(&[("shop", &shop)], ""));
    let there = desk.dir.join("plugins").join(format!("{PLUGIN}.wasm"));
    let drop = |version: &str, signer: Option<&Signer>| {
        let file = build::beside(&desk, &format!("routing-{version}"), &build::version(PLUGIN, version));
        if let Some(signer) = signer {
            signer.sign(&file);
            std::fs::rename(file.with_extension("wasm.minisig"), there.with_extension("wasm.minisig")).unwrap();
        }
        std::fs::rename(&file, &there).unwrap();
    };
    let lock = std::fs::read_to_string(desk.dir.join("tributary.lock")).unwrap();
    for (version, signer, words) in
        [("0.2.0", None, "it is not signed"), ("0.3.0", Some(&stranger), "not among the signers")]
    {
        drop(version, signer);
        wait::until("the refusal to be shown", || {
            let refused = show(&desk, "routing")["refused"].to_string();
            if refused.contains(words) { Ok(()) } else { Err(refused) }
        });
        assert_eq!(live(&desk, "routing"), "0.1.0");
        let people = text(&desk.run(&["plugin", "show", "routing"]));
        assert!(people.contains(words), "{people}");
        assert_eq!(std::fs::read_to_string(desk.dir.join("tributary.lock")).unwrap(), lock);
        traffic_goes_on(&desk, words);
    }
    drop("0.4.0", Some(&shop));
    acts(&desk, "0.4.0");
    assert_eq!(show(&desk, "routing")["refused"], Value::Null, "what acts now is newer than what was refused");
}

#[test]
fn a_kept_package_that_was_changed_on_the_disk_is_named_and_never_run() {
    let shop = Signer::new();
    let mut desk = started(desk(&[("shop", &shop)], ""));
    let file = build::beside(&desk, "newer", &build::version(PLUGIN, "0.2.0"));
    shop.sign(&file);
    assert!(install(&desk, &file, &[]).status.success());
    desk.stop();
    let digest = Package::read(std::fs::read(&file).unwrap()).unwrap().digest().to_owned();
    let kept = desk.dir.join("data/packages").join(format!("{digest}.wasm"));
    let change = |path: &Path| {
        let mut bytes = std::fs::read(path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        std::fs::write(path, bytes).unwrap();
    };

    // The folder has the same digest: that one acts, and the kept one is whole again.
    change(&kept);
    desk.serve();
    assert_eq!(live(&desk, "routing"), "0.2.0");
    assert!(desk.log().contains(&format!("packages/{digest}.wasm was changed on the disk")), "{}", desk.log());
    assert!(std::fs::read(&kept).unwrap() == std::fs::read(&file).unwrap());
    traffic_goes_on(&desk, "after the repair");
    desk.stop();

    // Nothing has it any more: the daemon says which file, and what to do.
    let there = desk.dir.join("plugins").join(format!("{PLUGIN}.wasm"));
    change(&kept);
    change(&there);
    let output = desk.run(&["serve"]);
    let said = text(&output);
    assert!(!output.status.success(), "{said}");
    for words in
        [&format!("packages/{digest}.wasm was changed on the disk")[..], "0.2.0", "plugins/policy-routing.wasm"]
    {
        assert!(said.contains(words), "{words:?} is not in\n{said}");
    }
    // As it says: the file is put back.
    std::fs::copy(&file, &there).unwrap();
    desk.serve();
    assert_eq!(live(&desk, "routing"), "0.2.0");
    traffic_goes_on(&desk, "after the file was put back");
}

#[test]
fn an_action_that_was_not_granted_is_refused_and_the_conversation_is_unharmed() {
    let desk = desk(&[], "");
    grant(&desk, "policy", "plugin", "policy-triage", "actions = [\"set-category\"]");
    let desk = started(desk);
    let rows = desk.after(&[Mail::new("ann@x.example", "Refund", "I want my money back, this is a scandal!")]);
    assert_eq!((rows.inbound, rows.parked), (1, 0));
    let conversation = desk.api.details().remove(0);
    assert_eq!(conversation["grade"], Value::Null, "{conversation}");
    assert_ne!(conversation["category"], Value::Null, "what was granted was done: {conversation}");
    let connection = store::open(&desk.dir);
    let told = "SELECT actor || ' ' || act || ' ' || coalesce(why, '') FROM event ORDER BY id";
    let events = store::texts(&connection, told).join("\n");
    let refused =
        events.lines().filter(|line| line.contains(" refused ") && line.contains("not granted to this policy"));
    assert!(refused.filter(|line| line.contains("policy-triage")).count() >= 1, "{events}");
    // The next in the chain decides as if it had not been said.
    assert!(events.contains("policy-receipt"), "{events}");
    traffic_goes_on(&desk, "after the refusal");
}

#[test]
fn a_service_that_a_component_needs_and_was_not_granted_keeps_it_out() {
    let shop = Signer::new();
    let desk = started(desk(&[("shop", &shop)], ""));
    let before = show(&desk, "email")["live"]["generation"].clone();
    // By a reload: the old grants stay, and the log says which service is missing where.
    grant(
        &desk,
        "channel",
        "name",
        "email",
        "services = [\"log\", \"config\", \"clock\", \"secrets\", \"state\", \"blobs\"]",
    );
    desk.signal("HUP");
    let log = wait::until("the reload to be refused", || {
        let log = desk.log();
        if log.contains("the configuration was not taken") { Ok(log) } else { Err(log) }
    });
    assert!(log.contains("it needs `mail`, which is not allowed to it"), "{log}");
    assert_eq!(show(&desk, "email")["live"]["generation"], before);
    traffic_goes_on(&desk, "after the reload");
    let output = desk.run(&["check"]);
    assert!(!output.status.success(), "{}", text(&output));
    assert!(text(&output).contains("it needs `mail`, which is not allowed to it"), "{}", text(&output));

    // By an install: what the plugin asks for was accepted, and the configuration still says no.
    grant(
        &desk,
        "channel",
        "name",
        "email",
        "services = [\"log\", \"config\", \"clock\", \"secrets\", \"state\", \"blobs\", \"mail\"]",
    );
    desk.signal("HUP");
    wait::until("the reload to be taken", || {
        let log = desk.log();
        if log.contains("the configuration was read again") { Ok(()) } else { Err(log) }
    });
    let file = build::beside(&desk, "greedy", &build::broken("channel-email", "0.2.0", "exfiltrates"));
    shop.sign(&file);
    let output = install(&desk, &file, &["--accept-grants"]);
    assert!(!output.status.success(), "{}", text(&output));
    for words in ["does not load in channel/email; what acted there goes on", "which is not allowed to it"] {
        assert!(text(&output).contains(words), "{words:?} is not in\n{}", text(&output));
    }
    assert_eq!(live(&desk, "email"), "0.1.0");
    traffic_goes_on(&desk, "after the install");
}

/// A host that plugins may ask: it answers everybody, and counts.
struct Host {
    origin: String,
    asked: Arc<AtomicUsize>,
    bodies: mpsc::Receiver<String>,
}

impl Host {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let (sender, bodies) = mpsc::channel();
        let count = asked.clone();
        // Ends with the process of the test.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.unwrap());
                count.fetch_add(1, Ordering::SeqCst);
                let (mut length, mut line) = (0, String::new());
                while stream.read_line(&mut line).unwrap() > 2 {
                    if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    line.clear();
                }
                let mut body = vec![0; length];
                stream.read_exact(&mut body).unwrap();
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                stream.get_mut().write_all(answer).unwrap();
                if sender.send(String::from_utf8(body).unwrap()).is_err() {
                    return;
                }
            }
        });
        Self { origin, asked, bodies }
    }

    /// How many connections there were.
    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// The guest that sends every mail away, with the place where it sends them to replaced by one of the same length.
fn sends_to(origin: &str) -> Vec<u8> {
    const WRITTEN: &[u8] = b"https://collector.example/";
    let mut bytes = std::fs::read(tributary_tests::guests::file("exfiltrates")).unwrap();
    let url = format!("{:x<1$}", format!("{origin}/"), WRITTEN.len());
    assert_eq!(url.len(), WRITTEN.len());
    let found: Vec<usize> = (0..bytes.len() - WRITTEN.len()).filter(|at| bytes[*at..].starts_with(WRITTEN)).collect();
    assert!(!found.is_empty(), "the guest names no other host");
    for at in found {
        bytes[at..at + WRITTEN.len()].copy_from_slice(url.as_bytes());
    }
    bytes
}

#[test]
fn one_plugin_in_two_channels_reaches_what_each_of_them_was_granted() {
    let shop = Signer::new();
    let (host, other) = (Host::start(), Host::start());
    let channel = |name: &str| {
        format!("[[channel]]\nname = \"{name}\"\nplugin = \"channel-reach\"\naddresses = [\"{name}@shop.example\"]\n")
    };
    let desk = desk(&[("shop", &shop)], &format!("{}{}", channel("one"), channel("two")));
    let mut manifest = build::manifest("channel-email", "1.0.0");
    manifest.insert("name".into(), "channel-reach".into());
    let services = ["log", "config", "clock", "state", "blobs", "http", "mail"];
    let mut asks = toml::Table::new();
    asks.insert("services".into(), toml::Value::from(services.to_vec()));
    asks.insert("egress".into(), toml::Value::from(vec![host.origin.clone(), other.origin.clone()]));
    manifest.insert("asks".into(), asks.into());
    let config = ("{\"type\": \"object\"}", "guest = \"exfiltrates\"\n");
    let bytes = build::labelled(&sends_to(&host.origin), &manifest, Some(config));
    let file = desk.dir.join("plugins/channel-reach.wasm");
    std::fs::write(&file, bytes).unwrap();
    shop.sign(&file);

    let (to_host, to_other) = (format!("egress = [\"{}\"]", host.origin), format!("egress = [\"{}\"]", other.origin));
    grant(&desk, "channel", "name", "one", &to_host);
    grant(&desk, "channel", "name", "two", &to_other);
    let desk = started(desk);
    let sent = |channel: &str, text: &str| {
        desk.deliver_to(&[&format!("{channel}@shop.example")], &Mail::new("ann@x.example", "Hello", text));
        desk.settled()
    };
    let kept_aside = || desk.json(&["parked", "list"])["items"][0]["why"].to_string();

    let rows = sent("one", "to the host");
    assert_eq!((rows.inbound, rows.parked, host.asked()), (1, 0, 1));
    assert!(host.bodies.recv().unwrap().contains("to the host"));
    let rows = sent("two", "nowhere");
    assert_eq!((rows.inbound, rows.parked, host.asked(), other.asked()), (1, 1, 1, 0), "{}", kept_aside());
    assert!(kept_aside().contains("did not get out: HttpError::Denied"), "{}", kept_aside());

    // The grants change places; each is a new generation of its channel, of the same package.
    grant(&desk, "channel", "name", "one", &to_other);
    grant(&desk, "channel", "name", "two", &to_host);
    desk.signal("HUP");
    wait::until("the configuration to be read again", || {
        let log = desk.log();
        if log.contains("the configuration was read again") { Ok(()) } else { Err(log) }
    });
    // What the second kept aside goes out now; nobody has to say so.
    wait::until("the kept aside one to come in", || match desk.settled() {
        rows if rows.parked == 0 => Ok(()),
        rows => Err(format!("{rows:?}")),
    });
    assert!(host.bodies.recv().unwrap().contains("nowhere"));
    let rows = sent("two", "to the host, too");
    assert_eq!((rows.inbound, host.asked()), (3, 3), "{}", kept_aside());
    assert!(host.bodies.recv().unwrap().contains("to the host, too"));
    // What was taken back is taken back at once: the generation before, which had it, does not stand by.
    let rows = sent("one", "nowhere either");
    assert_eq!((rows.inbound, rows.parked, host.asked(), other.asked()), (3, 1, 3, 0), "{}", kept_aside());
    // Nor does a rollback give it back.
    let output = desk.run(&["plugin", "rollback", "one"]);
    let rows = sent("one", "nowhere at all");
    assert_eq!((rows.inbound, host.asked(), other.asked()), (3, 3, 0), "{}", text(&output));
    let digests: Vec<Value> = ["one", "two"].map(|place| show(&desk, place)["live"]["digest"].clone()).into();
    assert_eq!(digests[0], digests[1]);
}

/// A plugin that builds is not refused for its origins, and one that would be refused does not build.
#[test]
fn the_sdk_and_the_host_agree_on_what_an_origin_is() {
    let long = [format!("{}.example", "a".repeat(63)), format!("{}.example", "a".repeat(64)), "a.".repeat(126) + "b"];
    let hosts = [
        "api.example",
        "API.Example.",
        "a..b",
        ".",
        "",
        "*.example",
        "a_b-c",
        "b\u{fc}cher.example",
        "xn--bcher-kva.example",
        "user@a",
        "a b",
        "a\u{1b}b",
        "a/b",
        "a?b",
        "a#b",
        "10.0.0.5",
        "10.0.0.5.",
        "010.0.0.5",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x",
        "0x7f.example",
        "1.2.3.4.5",
        "256.0.0.1",
        "[::1]",
        "[::1",
        "::1",
        "[::1]x",
        "[2001:DB8::1]",
        "[::ffff:127.0.0.1]",
        "[127.0.0.1]",
        "[fe80::1%25eth0]",
        "[]",
    ];
    let hosts: Vec<&str> = hosts.into_iter().chain(long.iter().map(String::as_str)).collect();
    let (mut origins, mut others) = (0, 0);
    for scheme in ["https://", "http://", "HTTPS://", "ftp://", "https:/", "", " https://"] {
        for host in &hosts {
            for port in ["", ":", ":443", ":0080", ":0", ":65535", ":65536", ":+80", ":8a", ":80:80", ":80/", "/"] {
                let text = format!("{scheme}{host}{port}");
                let host_says = text.parse::<tributary_runtime::Origin>().is_ok();
                assert_eq!(tributary_sdk_build::origin::is_origin(&text), host_says, "{text:?}");
                if host_says { origins += 1 } else { others += 1 }
            }
        }
    }
    assert!(origins > 100 && others > 1_000, "{origins} {others}");
}
