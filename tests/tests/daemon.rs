//! The command and the signals: configuration faults, draining, reloading, one daemon a folder.
use std::fmt::Write as _;
use std::time::Duration;

use tributary_tests::desk::SUPPORT;
use tributary_tests::smtp::stuffed;
use tributary_tests::{Client, Desk, Mail, program, until, wait};

/// EX_USAGE of sysexits(3).
const BAD_CONFIGURATION: Option<i32> = Some(64);

/// Ten faults, each of another kind, with what its line has to name.
const FAULTS: [(&str, &str); 10] = [
    ("[smtp]\nlisten = \"nowhere\"", "smtp.listen"),
    ("max-recipients = 0", "smtp.max-recipients"),
    ("max-message-size = \"big\"", "smtp.max-message-size"),
    ("require-tls = \"yes\"", "smtp.require-tls"),
    ("[http]\nlisten = 8080", "http.listen"),
    ("[relay]\naddress = \"mail.shop.example\"", "relay.address"),
    ("tls = \"perhaps\"", "relay.tls"),
    ("[pipeline]\ndeciding = -1", "pipeline.deciding"),
    ("[surprise]\nkey = 1", "surprise"),
    ("[[channel]]\nname = \"email\"\nplugin = \"../../etc/passwd\"", "channel[0].plugin"),
];

#[test]
fn ten_faults_are_ten_lines_and_nothing_is_opened() {
    let desk = Desk::setup().init();
    let text = FAULTS.iter().fold(String::new(), |mut text, (lines, _)| {
        writeln!(text, "{lines}").unwrap();
        text
    });
    std::fs::write(desk.dir.join("tributary.toml"), text).unwrap();
    let before = listing(&desk);
    for command in ["check", "serve"] {
        let output = desk.run(&[command]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), BAD_CONFIGURATION, "{command}: {said}");
        let lines: Vec<&str> = said.lines().filter(|line| line.contains("tributary.toml")).collect();
        for (_, key) in FAULTS {
            assert_eq!(
                lines.iter().filter(|line| line.contains(&format!(": {key}: "))).count(),
                1,
                "{command}: {key} in\n{said}"
            );
        }
        assert_eq!(lines.len(), FAULTS.len(), "{command}:\n{said}");
        assert!(lines.iter().all(|line| line.contains("tributary.toml:")), "each with its line:\n{said}");
    }
    assert_eq!(listing(&desk), before, "no file was made");
    let output = desk.run(&["check", "--json"]);
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["faults"].as_array().map(Vec::len), Some(FAULTS.len()));
}

/// Every file in a desk's folder.
fn listing(desk: &Desk) -> Vec<String> {
    let output = program::run_well(std::process::Command::new("find").arg(&desk.dir));
    let mut files: Vec<String> = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    files.sort();
    files
}

#[test]
fn what_init_writes_has_no_fault_and_is_not_overwritten() {
    let desk = Desk::setup().init();
    assert_eq!(desk.run(&["check"]).status.code(), Some(0));
    let mut again = std::process::Command::new(program::tributary());
    let again = program::run(again.arg("init").arg(&desk.dir));
    assert!(!again.status.success(), "init never overwrites");
}

#[test]
fn a_plugin_that_is_missing_and_a_key_it_does_not_know_are_faults_too() {
    let desk = Desk::setup().init();
    desk.configure("[[channel]]\nname = \"email\"\nplugin = \"channel-pigeon\"\n[[channel]]\nname = \"other\"\nplugin = \"channel-email\"\naddresses = [\"x@shop.example\"]\n[channel.config]\nfrom = \"x@shop.example\"\ncolour = \"red\"\n");
    let output = desk.run(&["check"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), BAD_CONFIGURATION, "{said}");
    assert!(said.contains("channel-pigeon"), "{said}");
    assert!(said.contains("colour"), "{said}");
}

#[test]
fn term_lets_a_mail_under_way_come_in_and_takes_no_new_one() {
    let mut desk = Desk::setup().with("[pipeline]\ngrace = \"30 s\"\n").start();
    let mail = Mail::new("ann@mail.example", "under way", "The kettle leaks.");
    let mut client = Client::open(&desk.smtp);
    assert_eq!(client.envelope(&mail.from, &[SUPPORT]).unwrap().code, 354);
    let wire = stuffed(&mail.bytes());
    client.write(&wire[..wire.len() / 2]).unwrap();
    desk.signal("TERM");
    wait::until("the door to close", || match Client::connect(&desk.smtp) {
        Ok((_, greeting)) if greeting.is_ok() => Err("it still takes connections".to_owned()),
        _ => Ok(()),
    });
    client.write(&wire[wire.len() / 2..]).unwrap();
    assert_eq!(client.reply().unwrap().code, 250);
    let status = desk.wait_for_exit();
    assert!(status.success(), "{status}");
    desk.serve();
    let rows = desk.settled();
    assert_eq!((rows.inbound, rows.conversations), (1, 1), "{rows:?}");
}

#[test]
fn a_second_term_leaves_at_once() {
    let mut desk = Desk::setup().with("[pipeline]\ngrace = \"300 s\"\n").start();
    let mut client = Client::open(&desk.smtp);
    assert_eq!(client.envelope("ann@mail.example", &[SUPPORT]).unwrap().code, 354);
    desk.signal("TERM");
    wait::until("the drain to begin", || if desk.log().contains("stopping") { Ok(()) } else { Err(desk.log()) });
    desk.signal("TERM");
    // Far below the grace, which is what this is about.
    desk.wait_for_exit();
    drop(client);
    desk.serve();
    assert_eq!(desk.settled().inbound, 0);
}

#[test]
fn hup_takes_a_good_configuration_and_keeps_the_old_one_instead_of_a_bad_one() {
    let desk = Desk::start();
    let other = "help@shop.example";
    let mail = Mail::new("ann@mail.example", "One", "The kettle leaks.");
    assert_eq!(desk.offer(&mail.from, &[other], &mail.bytes()).code, 550);

    desk.configure(&format!("[[channel]]\nname = \"email\"\naddresses = [\"{SUPPORT}\", \"{other}\"]\n"));
    desk.signal("HUP");
    until("the new address to be known", || match desk.offer(&mail.from, &[other], &mail.bytes()) {
        reply if reply.code == 250 => Ok(()),
        reply => Err(format!("{reply:?}")),
    });

    std::fs::write(desk.dir.join("tributary.toml"), "[smtp]\nlisten = 1\n[what]\n").unwrap();
    desk.signal("HUP");
    until("the faults to be told", || {
        let log = desk.log();
        if log.contains("smtp.listen") && log.contains("what") { Ok(()) } else { Err(log) }
    });
    let mail = Mail::new("bob@mail.example", "Two", "The toaster smokes.");
    assert_eq!(desk.offer(&mail.from, &[other], &mail.bytes()).code, 250);
    assert_eq!(desk.settled().inbound, 2);
}

#[test]
fn one_folder_has_one_daemon() {
    let desk = Desk::start();
    let second = desk.run(&["serve"]);
    assert!(!second.status.success());
    desk.deliver(&Mail::new("ann@mail.example", "One", "The kettle leaks."));
    assert_eq!(desk.settled().inbound, 1, "the first one goes on");
}

#[test]
fn a_restart_forgets_nothing() {
    let mut desk = Desk::start();
    for n in 0..5 {
        desk.deliver(&Mail::new(&format!("c{n}@mail.example"), "One", "The kettle leaks."));
    }
    let before = (desk.settled(), desk.api.queue().iter().map(tributary_tests::api::id).collect::<Vec<_>>());
    assert!(desk.stop().success());
    desk.serve();
    let after = (desk.settled(), desk.api.queue().iter().map(tributary_tests::api::id).collect::<Vec<_>>());
    assert_eq!(before, after);
}

/// The description of the API is one, as another program's validator judges it, and a stranger gets nothing.
#[test]
fn the_api_is_described_and_asks_for_a_token() {
    let desk = Desk::start();
    let answer = desk.api.try_get("/api/v1/openapi.json").unwrap();
    assert_eq!(answer.status, 200);
    let file = desk.dir.with_file_name("openapi.json");
    std::fs::write(&file, &answer.text).unwrap();
    let mut validator = std::process::Command::new(program::python());
    program::run_well(validator.args(["-m", "openapi_spec_validator"]).arg(&file));
    for path in
        ["/api/v1/queue", "/api/v1/conversations", "/api/v1/conversations/1", "/api/v1/parked", "/api/v1/events"]
    {
        assert_eq!(desk.api.with_token("trb_wrong").try_get(path).unwrap().status, 401, "{path}");
    }
    let metrics = desk.api.try_get("/metrics").unwrap();
    assert!(metrics.status == 200 && metrics.text.contains("# TYPE"), "{metrics:?}");
}

/// A mail is there for whoever follows the queue, without asking again.
#[test]
fn live_events_tell_of_a_mail() {
    let desk = Desk::start();
    let events = tributary_tests::events::Events::follow(&desk.http, &desk.token);
    desk.deliver(&Mail::new("ann@mail.example", "One", "The kettle leaks."));
    let seen = events.until(Duration::from_secs(30), |event| event.act == "opened" || event.act == "received");
    assert_eq!(seen.and_then(|event| event.conversation), Some(1));
}

/// What a policy leaves behind in an instance that serves many must not show in what it decides next.
#[test]
fn policies_decide_the_same_whether_an_instance_serves_one_call_or_many() {
    const TEXTS: [&str; 4] = [
        "Where is my parcel? I have been waiting for a week.",
        "我的账号被盗了，有人正在用我的钱下单！",
        "I want my money back, this is a scam and I will call a lawyer.",
        "请问这款电饭煲可以定时预约吗？",
    ];
    let decided = |setup: tributary_tests::Setup| -> Vec<String> {
        let desk = setup.start();
        let mails =
            (0..24).map(|n| Mail::new(&format!("c{n}@mail.example"), &format!("Case {n}"), TEXTS[n % TEXTS.len()]));
        desk.after(&mails.collect::<Vec<_>>());
        let details = desk.api.details();
        assert_eq!(details.len(), 24);
        let one = |it: &serde_json::Value| {
            let decided = it["audit"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|event| event["actor"].as_str().unwrap().starts_with("policy:"));
            let decided: Vec<String> =
                decided.map(|it| format!("{} {} {} {}", it["actor"], it["act"], it["rule"], it["why"])).collect();
            assert!(decided.len() > 3, "{it}");
            decided.join("\n")
        };
        details.iter().map(one).collect()
    };
    let many = decided(Desk::setup().with("[plugins]\npolicy-reuse = 1000\n"));
    assert_eq!(many, decided(Desk::setup()));
    assert_ne!(many[0], many[1]);
}
