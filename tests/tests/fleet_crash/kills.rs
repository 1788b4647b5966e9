//! kill -9 in the middle of what an operator does to plugins, while mail flows.
use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tributary_tests::plugins::{done, install, installed, live, parked, show, text};
use tributary_tests::random::Random;
use tributary_tests::traffic::{Order, Traffic};
use tributary_tests::{Desk, build, store, wait};

use crate::{beginning_with, setup};

/// Stops the senders, also where the test fails: they would wait for a daemon for ever.
struct Stops<'a>(&'a AtomicBool);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// How often the daemon is killed.
fn kills() -> usize {
    std::env::var("TRIBUTARY_KILLS").ok().map_or(12, |kills| kills.parse().expect("TRIBUTARY_KILLS is a number"))
}

/// What the store says acts: version and digest by place.
fn lives(desk: &Desk) -> BTreeMap<String, (String, String)> {
    let sql = "SELECT place || ' ' || version || ' ' || digest FROM generation WHERE state = 'live' ORDER BY id";
    let rows = store::texts(&store::open(&desk.dir), sql);
    let mut lives = BTreeMap::new();
    for row in &rows {
        let [place, version, digest] = row.split(' ').collect::<Vec<_>>()[..] else { panic!("three words: {row}") };
        let twice = lives.insert(place.to_owned(), (version.to_owned(), digest.to_owned()));
        assert!(twice.is_none(), "two live generations in one place: {rows:?}");
    }
    lives
}

/// One live generation in each place, and store, lock and daemon are of one mind about which.
fn of_one_mind(desk: &Desk, places: usize) -> Result<(), String> {
    let lives = lives(desk);
    if lives.len() != places {
        return Err(format!("in the store: {lives:?}"));
    }
    let lock = std::fs::read_to_string(desk.dir.join("tributary.lock")).map_err(|error| error.to_string())?;
    let list = desk.json(&["plugin", "list"]);
    for place in list["items"].as_array().unwrap() {
        let name = place["place"].as_str().unwrap();
        let (version, digest) = &lives[name];
        if place["live"]["version"] != **version || place["live"]["digest"] != **digest {
            return Err(format!("{name}: {version} in the store, {} in the daemon", place["live"]));
        }
        if !lock.contains(digest) {
            return Err(format!("{name}: {version} {digest} in the store, in the lock:\n{lock}"));
        }
    }
    Ok(())
}

/// Begins something and kills the daemon a moment later; what was begun may have failed or not.
fn killed_during(desk: &mut Desk, words: &[&str], moment: Duration) {
    let mut command = desk.command(words);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // The moment is what is random here; nothing is waited for.
    std::thread::sleep(moment);
    desk.kill();
    child.wait().unwrap();
    // Before the next start mends anything: never two.
    lives(desk);
    desk.serve();
}

#[test]
fn killed_in_the_middle_of_an_operators_act_one_generation_acts_in_each_place() {
    let (kills, mut random) = (kills(), Random::moments());
    println!("{kills} kills, seed {}", random.seed());
    let overlay = "[plugins.trial]\nguard = 30\nenough = 30\n";
    let mut desk = setup(overlay).start();
    // Each is compiled once, so that a kill hits what comes after that as well.
    let mut files = Vec::new();
    for number in 2..5 {
        for plugin in ["channel-email", "policy-triage"] {
            let bytes = build::version(plugin, &format!("0.{number}.0"));
            installed(&desk, &bytes, &[]);
            files.push(build::beside(&desk, &format!("{plugin}-{number}"), &bytes).display().to_string());
        }
    }
    let broken = build::broken("channel-email", "0.9.0", "traps");
    installed(&desk, &broken, &["--accept-grants", "--canary", "1"]);
    done(&desk, &["rollback", "email"]);
    files.push(build::beside(&desk, "broken", &broken).display().to_string());
    let routing = desk.dir.join("config/policy-routing.toml");
    let teams = std::fs::read_to_string(&routing).unwrap();
    let traffic = Traffic { run: 1, customers: 40, each: 10_000, per_second: 250, connections: 4 };
    let (stop, smtp, began) = (AtomicBool::new(false), desk.smtp.clone(), Instant::now());
    let mut met = BTreeMap::<&str, usize>::new();
    let taken = std::thread::scope(|scope| {
        let sending = scope.spawn(|| traffic.send_until(&smtp, &stop));
        let stops = Stops(&stop);
        for kill in 0..kills {
            let file = files[random.number() as usize % files.len()].as_str();
            let moment = Duration::from_millis(random.number() % 120);
            let options = ["--accept-grants", "--allow-downgrade"];
            let act = ["install", "canary", "promote", "rollback", "reload", "guard"][kill % 6];
            *met.entry(act).or_default() += 1;
            match act {
                "install" => killed_during(&mut desk, &[&["plugin", "install", file], &options[..]].concat(), moment),
                "canary" => {
                    let words = [&["plugin", "install", file, "--canary", "50"], &options[..]].concat();
                    killed_during(&mut desk, &words, moment);
                }
                "promote" => {
                    install(&desk, &files[0], &["--canary", "50", "--accept-grants", "--allow-downgrade"]);
                    killed_during(&mut desk, &["plugin", "promote", "email"], moment / 4);
                }
                "rollback" => killed_during(&mut desk, &["plugin", "rollback", "email"], moment / 4),
                "reload" => {
                    let team = format!("team = \"team-{kill}\"");
                    std::fs::write(&routing, teams.replacen("team = \"after-sales\"", &team, 1)).unwrap();
                    desk.signal("HUP");
                    std::thread::sleep(moment);
                    desk.kill();
                    lives(&desk);
                    desk.serve();
                }
                // A broken one is taken back by itself: killed while it acts, while it is judged, or afterwards.
                _ => {
                    let broken = files[files.len() - 1].as_str();
                    let words = [&["plugin", "install", broken], &options[..]].concat();
                    killed_during(&mut desk, &words, moment * 3);
                }
            }
            wait::until("store, lock and daemon to be of one mind", || of_one_mind(&desk, 6));
        }
        // What was broken may have been left acting alone, since nothing stands by after a restart.
        installed(&desk, &build::version("channel-email", "0.9.1"), &["--accept-grants"]);
        drop(stops);
        sending.join().unwrap()
    });
    let mails: usize = taken.iter().sum();
    println!("{mails} mails acknowledged, {met:?}, {:.1} s", began.elapsed().as_secs_f64());
    assert!(mails > kills, "there was load: {mails}");
    traffic.these_must_be_there(&desk, &taken, Order::NeverFailed);
    of_one_mind(&desk, 6).unwrap();
}

/// The guest that counts in one of its forms, as the adapter of the channel.
fn counts(version: &str, form: &str) -> Vec<u8> {
    build::instead(build::manifest("channel-email", version), "remembers", form)
}

/// What it kept: key and value.
fn state(desk: &Desk) -> Vec<String> {
    let sql = "SELECT key || '=' || CAST(value AS TEXT) FROM plugin_state WHERE plugin = 'channel-email' ORDER BY key";
    store::texts(&store::open(&desk.dir), sql)
}

#[test]
fn state_is_carried_over_taken_back_and_left_alone_where_that_fails() {
    let desk = beginning_with("", "channel-email", &counts("1.0.0", "form-1"));
    let traffic = Traffic { run: 1, customers: 5, each: 6, per_second: 500, connections: 1 };
    traffic.send_turns(&desk.smtp, 0..2);
    assert_eq!(state(&desk), ["count=10"]);
    // One that cannot carry it over changes nothing.
    let output = install(&desk, build::beside(&desk, "refuses", &counts("2.0.0", "form-2-refuses")), &[]);
    assert!(!output.status.success() && text(&output).contains("not to be carried over"), "{}", text(&output));
    assert_eq!((live(&desk, "email").as_str(), state(&desk)), ("1.0.0", vec!["count=10".to_owned()]));
    traffic.send_turns(&desk.smtp, 2..3);
    assert_eq!(state(&desk), ["count=15"]);

    installed(&desk, &counts("2.0.1", "form-2"), &[]);
    assert_eq!(state(&desk), ["seen/count={\"count\":15}"]);
    traffic.send_turns(&desk.smtp, 3..4);
    assert_eq!(state(&desk), ["seen/count={\"count\":20}"]);
    done(&desk, &["rollback", "email"]);
    assert_eq!((live(&desk, "email").as_str(), state(&desk)), ("1.0.0", vec!["count=15".to_owned()]));
    traffic.send_turns(&desk.smtp, 4..6);
    traffic.must_be_there(&desk);
    assert_eq!(state(&desk), ["count=25"]);
}

/// The state's form is that of the live version, whatever happens in the middle of carrying it over.
#[test]
fn killed_while_state_is_carried_over_state_and_version_belong_together() {
    let (kills, mut random) = (kills() / 2 + 1, Random::moments());
    println!("{kills} kills, seed {}", random.seed());
    let mut desk = beginning_with("", "channel-email", &counts("1.0.0", "form-1"));
    let second = build::beside(&desk, "second", &counts("2.0.0", "form-2")).display().to_string();
    let traffic = Traffic { run: 1, customers: 20, each: 10_000, per_second: 100, connections: 2 };
    let (stop, smtp) = (AtomicBool::new(false), desk.smtp.clone());
    let taken = std::thread::scope(|scope| {
        let sending = scope.spawn(|| traffic.send_until(&smtp, &stop));
        let stops = Stops(&stop);
        for _ in 0..kills {
            let words = match live(&desk, "email").as_str() {
                "1.0.0" => vec!["plugin", "install", second.as_str(), "--accept-grants"],
                _ => vec!["plugin", "rollback", "email"],
            };
            let most = if words[1] == "install" { 80 } else { 30 };
            killed_during(&mut desk, &words, Duration::from_millis(random.number() % most));
            wait::until("store, lock and daemon to be of one mind", || of_one_mind(&desk, 6));
            let (version, state) = (live(&desk, "email"), state(&desk));
            let form = if version == "1.0.0" { "count=" } else { "seen/count=" };
            assert!(state.len() == 1 && state[0].starts_with(form), "{version}: {state:?}, {}", show(&desk, "email"));
        }
        drop(stops);
        sending.join().unwrap()
    });
    println!(
        "{} mails, {} parked at the end, live {}",
        taken.iter().sum::<usize>(),
        parked(&desk),
        live(&desk, "email")
    );
    traffic.these_must_be_there(&desk, &taken, Order::All);
}

/// Calls of the version before are under way while the state changes its form: none of them reads or writes the form that is
/// not its own.
#[test]
fn state_changes_its_form_while_mails_come_in() {
    let desk = beginning_with("", "channel-email", &counts("1.0.0", "form-1"));
    let second = build::beside(&desk, "second", &counts("2.0.0", "form-2"));
    let traffic = Traffic { run: 1, customers: 60, each: 10_000, per_second: 1_500, connections: 12 };
    let (stop, smtp) = (AtomicBool::new(false), desk.smtp.clone());
    let taken = std::thread::scope(|scope| {
        let sending = scope.spawn(|| traffic.send_until(&smtp, &stop));
        let stops = Stops(&stop);
        for _ in 0..20 {
            let output = install(&desk, &second, &["--accept-grants"]);
            assert!(output.status.success(), "{}", text(&output));
            done(&desk, &["rollback", "email"]);
        }
        drop(stops);
        sending.join().unwrap()
    });
    println!("20 times there and back, {} mails", taken.iter().sum::<usize>());
    traffic.these_must_be_there(&desk, &taken, Order::All);
    let state = state(&desk);
    assert!(state.len() == 1 && state[0].starts_with("count="), "{state:?}");
}
