//! Any text as `tributary.toml`: every fault has a place, and a key is read, refused or named as unknown.
//!
//! This runs the reader of keys. What the keys mean is read by a module that needs every crate of the host; it sees only
//! what comes out here.
#![no_main]
use libfuzzer_sys::fuzz_target;
use std::time::Duration;
use toml::de::DeTable;
use tributary_fuzz::daemon::reader::{Faults, Section};

const HOUR: Duration = Duration::from_secs(3_600);

fuzz_target!(|text: &str| {
    let faults = Faults::new("tributary.toml", text);
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        faults.note(error.span().map(|span| span.start), "", error.message());
    }
    // As the daemon does: a file that is no TOML is not read any further.
    if errors.is_empty() {
        file(Section::top(&faults, table.get_ref()));
    }
    let lines = text.bytes().filter(|byte| *byte == b'\n').count() + 1;
    for fault in faults.into_list() {
        assert!(fault.line.is_none_or(|line| (1..=lines).contains(&line)), "{fault}");
        assert!(!fault.what.is_empty() && fault.to_string().starts_with("tributary.toml"), "{fault}");
    }
});

fn file(top: Section<'_, '_>) {
    door(top.section("smtp"));
    door(top.section("lmtp"));
    let plugins = top.section("plugins");
    if let Some(size) = plugins.size("memory", 1 << 20, 1 << 30) {
        assert!((1 << 20..=1 << 30).contains(&size));
    }
    plugins.finish();
    for channel in top.sections("channel") {
        assert!(channel.needed_text("name").is_none_or(|name| !name.trim().is_empty()));
        channel.texts("addresses");
        if let Some(config) = channel.table("config") {
            let written = toml::to_string(&config).expect("a table of TOML is written as TOML");
            let again: toml::Table = written.parse().expect("and read again");
            // A number that is none is not equal to itself.
            assert!(again == config || written.contains("nan"), "{written}");
        }
        channel.section("grants").finish();
        channel.finish();
    }
    top.finish();
}

fn door(section: Section<'_, '_>) {
    section.address("listen");
    section.flag("require-tls");
    section.word("tls", &[("none", 0), ("starttls", 1)]);
    if let Some(number) = section.number("max-recipients", 1, 10_000) {
        assert!((1..=10_000).contains(&number));
    }
    if let Some(time) = section.duration("command-timeout", Duration::from_secs(1), HOUR) {
        assert!((Duration::from_secs(1)..=HOUR).contains(&time));
    }
    section.finish();
}
