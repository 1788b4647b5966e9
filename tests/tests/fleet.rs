//! Plugins of a running daemon: installed, broken, tried, rolled back, while mail flows.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
use serde_json::Value;
use tributary_tests::plugins::{install, installed, live, show, text};
use tributary_tests::traffic::Traffic;
use tributary_tests::{Desk, Mail, build, store, wait};

/// A desk whose plugins need no signature, and that writes nothing to the outside.
fn desk(overlay: &str) -> Desk {
    Desk::setup().with("[plugins]\ndevelopment = true\n[log]\nfilter = \"info\"\n").with(overlay).start()
}

/// What the daemon's log says of lives.
fn told(desk: &Desk) -> String {
    let log = desk.log();
    log.lines().filter(|line| !line.contains("kept aside")).collect::<Vec<_>>().join("\n")
}

/// Ten builds while mails come in, half of them broken, each in another way: no mail is lost, doubled, late in its
/// conversation or kept aside.
#[test]
fn adapters_are_swapped_under_load_and_half_of_them_are_broken() {
    let desk = desk("[plugins.trial]\nguard = 20\n");
    let traffic = Traffic { run: 1, customers: 300, each: 30, per_second: 300, connections: 20 };
    let sending = {
        let address = desk.smtp.clone();
        std::thread::spawn(move || traffic.send(&address))
    };
    let mut good = "0.1.0".to_owned();
    for (number, guest) in ["traps", "lies_about_utf8", "truncated", "spins", "forges_file"].iter().enumerate() {
        let version = format!("0.{}.0", number + 2);
        let file = build::beside(&desk, &version, &build::version("channel-email", &version));
        let output = install(&desk, &file, &[]);
        assert!(output.status.success(), "{}", text(&output));
        good = version;
        wait::until("the good build to stand on its own", || match &show(&desk, "email")["trial"] {
            Value::Null => Ok(()),
            trial => Err(trial.to_string()),
        });
        let version = format!("0.{}.1", number + 2);
        let bytes = match *guest {
            "truncated" => {
                let whole = build::version("channel-email", &version);
                whole[..whole.len() / 2].to_vec()
            }
            guest => build::broken("channel-email", &version, guest),
        };
        let output = install(&desk, build::beside(&desk, &version, &bytes), &["--accept-grants"]);
        assert_eq!(output.status.success(), *guest != "truncated", "{}", text(&output));
        wait::until("the broken build to be taken back", || match live(&desk, "email") {
            live if live == good => Ok(()),
            live => Err(format!("{live}\n{}", told(&desk))),
        });
    }
    sending.join().unwrap();
    traffic.must_be_there(&desk);
    assert_eq!(live(&desk, "email"), good);
    let connection = store::open(&desk.dir);
    let count = |sql| store::number(&connection, sql, []);
    assert_eq!(count("SELECT count(*) FROM parked"), 0, "nothing was kept aside, not even for a moment");
    assert_eq!(count("SELECT count(*) FROM generation WHERE place = 'channel/email' AND state = 'live'"), 1);
    let show = text(&desk.run(&["plugin", "show", "email"]));
    assert!(show.contains("0.6.1") && show.contains("file"), "the last broken one is named with its reason:\n{show}");
}

/// What lies in the watched folder is taken by itself, a half-written file is not, and going back is not undone by the file
/// that still lies there.
#[test]
fn a_file_in_the_folder_is_taken_once_it_is_whole() {
    let mut desk = desk("");
    let path = desk.dir.join("plugins/channel-email.wasm");
    let newer = build::version("channel-email", "0.1.7");
    std::fs::write(&path, &newer[..newer.len() / 3]).unwrap();
    wait::until("the half-written file to be refused", || {
        let refused = &show(&desk, "email")["refused"]["why"];
        refused.as_str().filter(|why| why.contains("cut off")).map(|_| ()).ok_or(refused.to_string())
    });
    assert_eq!(live(&desk, "email"), "0.1.0");
    std::fs::write(&path, &newer).unwrap();
    wait::until("the whole file to act", || match live(&desk, "email") {
        live if live == "0.1.7" => Ok(()),
        live => Err(live),
    });
    desk.after(&[Mail::new("ann@x.example", "One", "the first")]);
    let output = desk.run(&["plugin", "rollback", "email"]);
    assert!(output.status.success() && live(&desk, "email") == "0.1.0", "{}", text(&output));
    // The file is still there: neither a look nor a restart nor a reload takes it for a wish.
    desk.signal("HUP");
    desk.stop();
    desk.serve();
    assert_eq!(live(&desk, "email"), "0.1.0");
    let rows = desk.after(&[Mail::new("ann@x.example", "Two", "the second")]);
    assert_eq!((rows.inbound, rows.parked), (2, 0));
}

/// A broken build that the daemon was killed with is still watched afterwards: what stood by stands by again.
#[test]
fn what_stood_by_stands_by_again_after_a_kill() {
    let mut desk = desk("");
    let broken = build::broken("channel-email", "0.1.1", "traps");
    let output = install(&desk, build::beside(&desk, "broken", &broken), &["--accept-grants"]);
    assert!(output.status.success() && live(&desk, "email") == "0.1.1", "{}", text(&output));
    desk.kill();
    desk.serve();
    assert_eq!(show(&desk, "email")["trial"]["mode"], "guard", "{}", show(&desk, "email"));
    let rows = desk.after(&[Mail::new("ann@x.example", "One", "the first")]);
    assert_eq!((rows.inbound, rows.parked), (1, 0));
    wait::until("the broken build to be taken back", || match live(&desk, "email") {
        live if live == "0.1.0" => Ok(()),
        live => Err(live),
    });
    let connection = store::open(&desk.dir);
    assert_eq!(store::number(&connection, "SELECT count(*) FROM parked", []), 0);
}

/// What was only on its way out when the daemon was killed does not come back as what acts: a trial had taken its place.
#[test]
fn what_drains_beside_a_trial_does_not_act_after_a_kill() {
    let mut desk = desk("");
    // The version that broke, the one that was put in its place, and the one that is tried beside that.
    let broken = build::broken("channel-email", "0.1.1", "traps");
    installed(&desk, &broken, &["--accept-grants"]);
    installed(&desk, &build::version("channel-email", "0.1.2"), &["--accept-grants"]);
    installed(&desk, &build::version("channel-email", "0.1.3"), &["--accept-grants", "--canary", "50"]);
    desk.kill();
    // Killed before it was noticed that nothing held the broken one any more.
    let connection = store::open_to_change(&desk.dir);
    let sql = "UPDATE generation SET state = 'draining' WHERE place = 'channel/email' AND version = '0.1.1'";
    assert_eq!(connection.execute(sql, []).unwrap(), 1);
    drop(connection);
    desk.serve();
    let shown = show(&desk, "email");
    assert_eq!((&shown["live"]["version"], &shown["trial"]["mode"]), (&"0.1.2".into(), &"canary".into()), "{shown}");
    let state_of = |version| {
        let sql = format!("SELECT state FROM generation WHERE place = 'channel/email' AND version = '{version}'");
        store::texts(&store::open(&desk.dir), &sql)
    };
    assert_eq!(["0.1.1", "0.1.2", "0.1.3"].map(state_of), [["retired"], ["live"], ["canary"]]);
    let mails = (0..20).map(|mail| Mail::new(&format!("ann{mail}@x.example"), "One", "a question"));
    let rows = desk.after(&mails.collect::<Vec<_>>());
    assert_eq!((rows.inbound, rows.parked), (20, 0));
}

/// A canary that decides otherwise for one in twenty falls by itself, before it has had 200 conversations; one that decides
/// the same is promoted by itself. Here the change is one of configuration: a generation like any other.
#[test]
fn a_canary_is_judged_by_what_it_decides() {
    let desk = desk("[plugins]\nrollout = \"canary\"\ncanary-share = 50\n[plugins.trial]\ndifferences = 1\n");
    let config = desk.dir.join("config/policy-routing.toml");
    let text_of = std::fs::read_to_string(&config).unwrap();
    let changed = text_of.replace(
        "categories = [\"return\", \"refund\"]\nteam = \"after-sales\"",
        "categories = [\"return\", \"refund\"]\nteam = \"money\"",
    );
    assert_ne!(changed, text_of);
    std::fs::write(&config, &changed).unwrap();
    desk.signal("HUP");
    wait::until("the trial to begin", || match &show(&desk, "routing")["trial"]["mode"] {
        Value::String(mode) if mode == "canary" => Ok(()),
        other => Err(other.to_string()),
    });
    let traffic = Traffic { run: 2, customers: 400, each: 1, per_second: 400, connections: 10 };
    traffic.send(&desk.smtp);
    traffic.must_be_there(&desk);
    let after = wait::until("the canary to be rolled back", || {
        let show = show(&desk, "routing");
        if show["trial"].is_null() && !show["refused"].is_null() { Ok(show) } else { Err(show["trial"].to_string()) }
    });
    let why = after["refused"]["why"].as_str().unwrap();
    assert!(why.contains("conversations decided differently"), "{why}");
    let seen: u32 = why.split("among ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap().parse().unwrap();
    assert!(seen < 200, "{why}");
    assert_eq!(after["live"]["generation"], 3, "the one of the beginning goes on");
    let diff = text(&desk.run(&["plugin", "diff", "routing"]));
    assert!(diff.contains("after-sales") && diff.contains("money"), "{diff}");

    // The same rules in another version: promoted once it has seen enough.
    std::fs::write(&config, &text_of).unwrap();
    desk.signal("HUP");
    wait::until("the old configuration to be read again", || {
        let log = desk.log();
        if log.matches("was read again").count() == 2 { Ok(()) } else { Err(log) }
    });
    let file = build::beside(&desk, "routing", &build::version("policy-routing", "0.3.0"));
    let output = install(&desk, &file, &["--canary", "50"]);
    assert!(output.status.success(), "{}", text(&output));
    let traffic = Traffic { run: 3, customers: 400, each: 1, per_second: 400, connections: 10 };
    traffic.send(&desk.smtp);
    traffic.must_be_there(&desk);
    wait::until("the canary to be promoted", || match live(&desk, "routing") {
        live if live == "0.3.0" => Ok(()),
        live => Err(format!("{live}: {}", show(&desk, "routing")["trial"])),
    });
}
