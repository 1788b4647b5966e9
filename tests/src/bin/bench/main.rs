//! `cargo xtask bench [NAME …]`: measures the daemon as it ships, from outside, with the load of a process of its own.
mod clocks;
mod contain;
mod day;
mod figure;
mod hook;
mod latency;
mod mail;
mod memory;
mod swap;

/// What can be measured, by name, and what each says of itself.
const BENCHES: [(&str, &str, fn()); 8] = [
    ("mail", "mails of 1 KB over SMTP, 50 connections, each on disk before its 250, decided and queued", mail::run),
    (
        "hook",
        "signed WeChat messages over 200 connections, each on disk before its answer; then 1,000 a second",
        hook::run,
    ),
    ("latency", "from the end of DATA to visible in the queue, at 1,000 mails a second", latency::run),
    ("memory", "memory, queue listing and start with 100,000 conversations", memory::run),
    ("day", "200 agents and 100,000 conversations in simulation; the scenarios that come along", day::run),
    (
        "clocks",
        "1,000,000 clocks, a day without the daemon, ten minutes with 20 kills: every bell once, and when",
        clocks::run,
    ),
    ("contain", "each guest that misbehaves on purpose, and a channel that does not beside it", contain::run),
    ("swap", "10,000 mails at 500 a second with 50 swaps of a plugin, half of them to a broken build", swap::run),
];

fn main() {
    let names: Vec<String> = std::env::args().skip(1).collect();
    for name in &names {
        let known = BENCHES.iter().any(|(known, ..)| known == name);
        assert!(known, "there is no bench {name}; there are {}", BENCHES.map(|(name, ..)| name).join(", "));
    }
    for (name, what, run) in BENCHES {
        if names.is_empty() || names.iter().any(|wanted| wanted == name) {
            println!("\n{name}: {what}");
            run();
        }
    }
}
