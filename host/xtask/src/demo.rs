//! `cargo xtask demo`: the whole way of a mail, before the reader's eyes, with a real client and a real server; then a plugin
//! that is replaced while the daemon serves.
mod desk;
mod upgrade;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::step::Steps;
use crate::{build, peers, plugins};
use desk::{Desk, wait_for};

/// The customers' mails, in the order they are sent, and what is worth knowing of each.
const MAILS: [(&str, &str); 5] = [
    ("1-complaint.eml", "a complaint in Chinese, raw GB2312 bytes"),
    ("2-emergency.eml", "somebody was hurt"),
    ("3-order.eml", "a question about an order, HTML and text"),
    ("4-out-of-office.eml", "a machine's answer, which no machine may answer"),
    ("5-return.eml", "a question about a return, in Chinese"),
];

/// Who writes [`MAILS`]' complaint.
const COMPLAINANT: &str = "wang.xiaoming@mail.example";

/// What the agent answers.
const ANSWER: &str = "您好，非常抱歉。新的电饭煲我们今天就寄出，坏的那台不用寄回。";

/// Set up, build, show. Goes on serving until Ctrl-C unless it is to run `once`.
pub fn run(root: &Path, once: bool) -> Result<()> {
    let mut steps = Steps::new(4);
    let python = steps.run("peers: a mail client and a mail server", || {
        // Python's own client does as well where Debian's packages cannot be had.
        if let Err(error) = peers::programs(&[peers::SWAKS]) {
            eprintln!("      without swaks: {error:#}");
        }
        peers::python(root)
    })?;
    steps.run("plugins", || plugins::build(root))?;
    let tributary = steps.run("daemon (from nothing about 15 minutes on two cores)", || build::daemon(root))?;
    let mut desk = steps.run("a fresh desk in target/demo, and a relay that keeps what arrives", || {
        Desk::start(root, &tributary, &python)
    })?;
    println!();
    send(&desk)?;
    show_queue(&desk)?;
    answer(&desk)?;
    upgrade::show(&desk, root)?;
    go_on(&mut desk, once)
}

fn heading(text: &str) {
    println!("\n── {text} {}", "─".repeat(96_usize.saturating_sub(text.chars().count())));
}

/// Send the mails and wait until the desk has decided about each.
fn send(desk: &Desk) -> Result<()> {
    heading(&format!("five mails come in at {}, sent by {}", desk.smtp, desk.client()));
    for (file, what) in MAILS {
        let sender = desk.send(file, &[])?;
        println!("   {sender:<32} {what}");
    }
    wait_for("five conversations in the queue", || {
        let count = desk.json(&["queue", "list"])?["items"].as_array().map_or(0, Vec::len);
        Ok((count >= MAILS.len(), format!("{count} in the queue")))
    })
}

fn show_queue(desk: &Desk) -> Result<()> {
    heading("the queue: most urgent first");
    desk.show(&["queue", "list"])
}

/// The complaint: read it, claim it, answer it, see the answer arrive, let the customer answer again.
fn answer(desk: &Desk) -> Result<()> {
    let queue = desk.json(&["queue", "list"])?;
    let empty = Vec::new();
    let ids = queue["items"].as_array().unwrap_or(&empty).iter().filter_map(|item| item["id"].as_i64());
    let mut complaint = None;
    for id in ids {
        let detail = desk.json(&["queue", "show", &id.to_string()])?;
        if detail.to_string().contains(COMPLAINANT) {
            complaint = Some(id.to_string());
        }
    }
    let id = complaint.context("the complaint is not in the queue")?;
    heading("the complaint: what was written, what was decided, by which rule and why");
    desk.show(&["queue", "show", &id])?;

    heading("an agent takes it and answers");
    desk.show(&["queue", "claim", &id])?;
    desk.show(&["queue", "reply", &id, ANSWER])?;

    let arrived =
        desk.arrived("the agent's answer at the relay", |mail| mail.to == COMPLAINANT && !mail.has("auto-submitted"))?;
    heading("the answer as it arrived at the relay: its headers, and its text decoded");
    print!("{}", arrived.shown());

    let hints = [("@REPLY-TO@", "reply-to"), ("@SUBJECT@", "subject"), ("@MESSAGE-ID@", "message-id")]
        .map(|(mark, header)| (mark, arrived.header(header).unwrap_or_default()));
    heading("the customer answers that mail");
    desk.send("6-reply.eml", &hints)?;
    wait_for("the customer's answer in the same conversation", || {
        let detail = desk.json(&["queue", "show", &id])?;
        let count = customer_messages(&detail);
        Ok((count >= 2, format!("{count} messages of the customer")))
    })?;
    println!("   It joined the conversation and put it back into the queue:\n");
    desk.show(&["queue", "list"])
}

fn customer_messages(detail: &Value) -> usize {
    let messages = detail["messages"].as_array().map_or(&[][..], Vec::as_slice);
    messages.iter().filter(|message| message["author"] == "customer").count()
}

/// Say how to go on; serve until the daemon is stopped, or stop it.
fn go_on(desk: &mut Desk, once: bool) -> Result<()> {
    if once {
        heading("done");
        desk.stop(Duration::from_secs(30))?;
        println!("   The desk was stopped and stays in target/demo. `cargo xtask demo` keeps it running.");
        return Ok(());
    }
    heading("it goes on serving until Ctrl-C");
    println!("{}", desk.how_to_go_on());
    desk.serve()
}
