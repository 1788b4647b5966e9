//! Chat in the shop's own site, from a visitor's Chromium to the agent's API and back: the script pasted into a page of
//! another origin, the real daemon behind it.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tributary_tests::api::{id, messages_of};
use tributary_tests::browser::{Browser, Site, Tab, texts};
use tributary_tests::events::Events;
use tributary_tests::{Desk, program, until};

const KEY: &str = "a-key-of-the-shop-with-32-bytes-or-more";

/// A picture of one dot, as PNG in base64.
const DOT: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// A shop with a page, a desk behind it, and the chat between them.
struct Shop {
    desk: Desk,
    site: Site,
}

impl Shop {
    /// With these further lines in the chat's configuration, and attributes of the script's tag.
    fn open(config: &str, attributes: &str) -> Self {
        Self::with_page("", config, |script| {
            format!("<h1>Copper kettle</h1><script src=\"{script}\" async {attributes}></script>")
        })
    }

    fn with_page(headers: &str, config: &str, page: impl FnOnce(&str) -> String) -> Self {
        // Nobody but the two who talk says anything here.
        let mut desk = Desk::setup().init().without_policy("policy-receipt").without_policy("policy-escalation");
        let script = format!("http://{}/hooks/chat/widget.js", desk.http);
        let headers = headers.replace("{desk}", &format!("http://{}", desk.http));
        let site =
            Site::serve(&headers, |_| format!("<!doctype html><html lang=en><title>Kettles</title>{}", page(&script)));
        desk.configure(&format!(
            "[[channel]]\nname = \"chat\"\nplugin = \"channel-webchat\"\nverifies = [\"visitor\", \"email\"]\ngrants.secrets = [\"webchat-key\"]\n\
             [channel.config]\norigins = [\"{}\"]\n{config}\n",
            site.origin
        ));
        std::fs::write(desk.dir.join("secrets/webchat-key"), KEY).unwrap();
        desk.serve();
        Self { desk, site }
    }

    /// A tab with the chat opened.
    fn visit<'a>(&self, browser: &'a Browser, visitor: &str) -> Tab<'a> {
        let tab = browser.open(visitor, &self.site.origin);
        tab.click("Chat");
        tab.until("a connection", |chat| chat["status"] == "We are here for you");
        tab
    }

    /// Waits for this many messages of the customer in the only conversation, and gives it.
    fn conversation(&self, messages: usize) -> Value {
        until(&format!("{messages} messages of the visitor"), || {
            let details = self.desk.api.details();
            match &details[..] {
                [detail] if messages_of(detail, "customer").len() == messages => Ok(detail.clone()),
                other => Err(format!("{other:#?}")),
            }
        })
    }

    fn reply(&self, id: i64, text: &str) {
        self.desk.api.answer(id, text);
    }
}

#[test]
fn a_visitor_and_an_agent_talk() {
    let shop = Shop::open("", "data-order=\"A-17\"");
    let browser = Browser::start();
    let tab = shop.visit(&browser, "ann");
    tab.write("Is <b>this</b> kettle waterproof? https://shop.example/kettle");
    let detail = shop.conversation(1);
    let message = messages_of(&detail, "customer")[0];
    assert_eq!(message["text"], "Is <b>this</b> kettle waterproof? https://shop.example/kettle");
    assert_eq!(message["channel"], "chat");
    let attribute = |name: &str| {
        let all = message["attributes"].as_array().unwrap();
        all.iter().find(|it| it["name"] == name).map(|it| it["value"].clone()).unwrap_or_default()
    };
    assert_eq!(attribute("page-order"), "A-17");
    assert_eq!(attribute("page"), json!(format!("{}/", shop.site.origin)));
    assert_eq!(shop.desk.api.queue().len(), 1);

    shop.reply(id(&detail), "Yes, it is. <i>See</i> https://shop.example/kettle#water.");
    let chat = tab.until_texts(&[
        "Is <b>this</b> kettle waterproof? https://shop.example/kettle",
        "Yes, it is. <i>See</i> https://shop.example/kettle#water.",
    ]);
    assert_eq!(chat["messages"][1]["links"], json!(["https://shop.example/kettle#water"]), "without the full stop");
    let said = tab.ask("said", json!({}));
    assert!(said.as_array().unwrap().iter().all(|line| !line.as_str().unwrap().starts_with("error")), "{said}");

    // Each sees that the other writes.
    let path = format!("/api/v1/conversations/{}", id(&detail));
    shop.desk.api.post(&format!("{path}/typing"), json!({}));
    tab.until("the agent to be writing", |chat| chat["typing"] == true);
    let events = Events::follow(&shop.desk.http, &shop.desk.token);
    // The script says it every few seconds at most.
    let typing = until("the agent to see the visitor typing", || {
        tab.ask("type", json!({ "label": "Write a message", "text": "." }));
        events.until(Duration::from_secs(1), |event| event.act == "typing").ok_or_else(|| "nothing yet".to_owned())
    });
    assert_eq!(typing.conversation, Some(id(&detail)));

    // Each sees that the other has read.
    shop.desk.api.post(&format!("{path}/seen"), json!({}));
    tab.until("the mark of the agent", |chat| chat["messages"][0]["fate"] == "Read");
    until("the read mark", || {
        let audit = shop.desk.api.conversation(id(&detail))["audit"].clone();
        let read =
            audit.as_array().unwrap().iter().any(|event| event["act"] == "read" && event["actor"] == "channel:chat");
        if read { Ok(()) } else { Err(audit.to_string()) }
    });
}

/// What is said while the line is broken is there afterwards, once, in order: first without a network, then without a desk.
#[test]
fn a_lost_connection_loses_and_doubles_nothing() {
    let mut shop = Shop::open("", "");
    let browser = Browser::start();
    let tab = shop.visit(&browser, "ann");
    tab.write("One.");
    let conversation = id(&shop.conversation(1));

    tab.offline(true);
    tab.until("the line to be broken", |chat| chat["status"].as_str().unwrap().starts_with("No connection"));
    tab.write("Two, without a network.");
    shop.reply(conversation, "Said while you were away.");
    tab.until("the message to wait", |chat| chat["messages"][1]["fate"] == "Waiting for a connection …");
    tab.offline(false);
    tab.until_texts(&["One.", "Said while you were away.", "Two, without a network."]);
    shop.conversation(2);

    shop.desk.kill();
    tab.write("Three, without a desk.");
    tab.until("the line to be broken", |chat| chat["status"].as_str().unwrap().starts_with("No connection"));
    shop.desk.serve();
    let all = ["One.", "Said while you were away.", "Two, without a network.", "Three, without a desk."];
    tab.until_texts(&all);
    shop.conversation(3);
    shop.reply(conversation, "All here.");
    let chat = tab.until_texts(&[&all[..], &["All here."]].concat());
    assert_eq!(chat["messages"][3]["fate"], "Sent");

    // A page that is loaded anew shows the same.
    tab.ask("reload", json!({}));
    tab.click("Chat");
    tab.until_texts(&[&all[..], &["All here."]].concat());
    assert_eq!(shop.desk.settled().inbound, 3);
}

#[test]
fn two_tabs_show_the_same_and_another_visitor_nothing() {
    let shop = Shop::open("", "");
    let browser = Browser::start();
    let first = shop.visit(&browser, "ann");
    first.write("From the first tab.");
    let conversation = id(&shop.conversation(1));
    let second = shop.visit(&browser, "ann");
    second.until_texts(&["From the first tab."]);
    second.write("From the second tab.");
    first.until_texts(&["From the first tab.", "From the second tab."]);
    shop.conversation(2);

    let stranger = shop.visit(&browser, "bob");
    // Closed, the chat counts what is new.
    second.click("Close");
    first.click("Close");
    shop.reply(conversation, "For both.");
    for tab in [&first, &second] {
        tab.until("the badge", |chat| chat["unread"] == "1");
    }
    first.click("Chat (unread: 1)");
    first.until("the badge to go", |chat| chat["unread"].is_null());
    second.until("the badge to go", |chat| chat["unread"].is_null());
    assert_eq!(texts(&second.chat()), ["From the first tab.", "From the second tab.", "For both."]);
    assert_eq!(texts(&stranger.chat()), [""; 0]);
}

#[test]
fn a_file_of_the_visitor_reaches_the_agent_and_stays_in_the_chat() {
    let shop = Shop::open("max-file-bytes = 1000\n", "");
    let browser = Browser::start();
    let tab = shop.visit(&browser, "ann");
    let file = |name: &str, kind: &str, base64: &str| json!({ "name": name, "mimeType": kind, "base64": base64 });
    tab.ask("attach", json!({ "files": [file("收据 1.png", "image/png", DOT)] }));
    let detail = shop.conversation(1);
    let attachment = &messages_of(&detail, "customer")[0]["attachments"][0];
    assert_eq!((&attachment["name"], &attachment["media_type"]), (&json!("收据 1.png"), &json!("image/png")));

    tab.ask("attach", json!({ "files": [file("page.html", "text/html", "PGI+")] }));
    tab.until("a reason", |chat| chat["problem"] == "Files of this kind cannot be sent.");
    tab.ask("attach", json!({ "files": [file("long.png", "image/png", &"AAAA".repeat(400))] }));
    tab.until("a reason", |chat| chat["problem"] == "This file is too large; the limit is 1.0 kB.");

    // Another tab gets the picture from the desk.
    let other = shop.visit(&browser, "ann");
    other.until("the picture", |chat| chat["messages"][0]["pictures"] == 1);
    let saved = other.ask("save", json!({ "name": "收据 1.png" }));
    assert_eq!(saved, json!({ "name": "收据 1.png", "base64": DOT }));
    assert_eq!(shop.desk.settled().inbound, 1);

    // And the agent's files come to the visitor.
    let id = id(&detail);
    shop.desk.api.claim(id);
    let files = json!([
        { "name": "标签.png", "data": DOT },
        { "name": "how to.txt", "data": data_encoding::BASE64.encode(b"Put it in the box.") },
    ]);
    shop.desk.api.post(&format!("/api/v1/conversations/{id}/reply"), json!({ "text": "Print this.", "files": files }));
    other.until("the label", |chat| chat["messages"][1]["pictures"] == 1);
    assert_eq!(other.ask("save", json!({ "name": "标签.png" })), json!({ "name": "标签.png", "base64": DOT }));
    let text = other.ask("save", json!({ "name": "how to.txt" }));
    assert_eq!(text["base64"], data_encoding::BASE64.encode(b"Put it in the box."));
}

/// Every day but the one in two days is closed, whenever this runs.
#[test]
fn outside_working_hours_the_chat_is_a_message_box() {
    let days = ["thu", "fri", "sat", "sun", "mon", "tue", "wed"];
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let later = days[usize::try_from((now / 86_400 + 2) % 7).unwrap()];
    let opening =
        format!("utc-offset = \"+00:00\"\nopening = [{{ days = [\"{later}\"], from = \"12:00\", to = \"13:00\" }}]\n");
    let shop = Shop::open(&opening, "");
    let browser = Browser::start();
    let tab = browser.open("ann", &shop.site.origin);
    tab.click("Chat");
    tab.until("the box", |chat| chat["box"] == true && chat["status"] == "Leave a message");
    tab.write("My kettle leaks.");
    tab.until("a reason", |chat| chat["problem"] == "Please tell us an email address or a phone number to answer to.");
    tab.fill("Email", "ann at mail");
    tab.ask("press", json!({ "key": "Tab" }));
    tab.click("Send");
    tab.until("a reason", |chat| chat["problem"] == "This is not an email address.");
    tab.fill("Name", "Ann");
    tab.fill("Email", "Ann@Mail.example");
    tab.click("Send");
    tab.until_texts(&["My kettle leaks.", "Thank you, we have your message. We will answer when we are back."]);
    let detail = shop.conversation(1);
    let message = messages_of(&detail, "customer")[0];
    assert_eq!(message["name"], "Ann");
    let marked = message["attributes"].as_array().unwrap().contains(&json!({ "name": "message-box", "value": "true" }));
    assert!(marked, "{message}");
    let contact = shop.desk.api.get(&format!("/api/v1/contacts/{}", detail["contact"]["id"]));
    let claims = contact["claims"].as_array().unwrap();
    assert!(claims.iter().any(|claim| claim["value"] == "Ann@mail.example"), "the way to answer is known: {contact}");
}

/// A token that PyJWT made: good for so many seconds from now.
fn token(claims: &Value, seconds: i64) -> String {
    let script = "import jwt, json, sys, time\n\
                  print(jwt.encode({**json.loads(sys.argv[1]), 'exp': int(time.time()) + int(sys.argv[2])}, sys.argv[3], 'HS256'))";
    let mut python = Command::new(program::python());
    python.args(["-c", script, &claims.to_string(), &seconds.to_string(), KEY]);
    String::from_utf8(program::run_well(&mut python).stdout).unwrap().trim().to_owned()
}

#[test]
fn a_customer_who_is_signed_in_is_the_same_in_every_browser() {
    let claims = json!({ "sub": "customer-42", "name": "李薇", "email": "li@shop.example", "email_verified": true });
    let shop = Shop::open("anonymous = false\nclock-skew-seconds = 0\n", "");
    let browser = Browser::start();
    let [phone, laptop] = ["phone", "laptop"].map(|device| browser.open(device, &shop.site.origin));
    phone.click("Chat");
    phone.until("a reason", |chat| chat["status"] == "Please sign in to chat with us.");

    // The shop's page hands over what its backend signed; the first token has expired, and the page is asked for another.
    let (old, new) = (token(&claims, -10), token(&claims, 600));
    let sign_in = format!("let asked = 0; TributaryChat.signIn(async () => [{old:?}, {new:?}][Math.min(asked++, 1)])");
    for tab in [&phone, &laptop] {
        tab.ask("evaluate", json!({ "script": sign_in }));
    }
    phone.until("a connection", |chat| chat["status"] == "We are here for you");
    phone.write("Where is my order?");
    laptop.click("Chat");
    laptop.until_texts(&["Where is my order?"]);
    let detail = shop.conversation(1);
    assert_eq!(messages_of(&detail, "customer")[0]["name"], "李薇");
    assert!(detail.to_string().contains("li@shop.example"), "{detail}");

    // Who signs out leaves nothing to be seen.
    laptop.ask("evaluate", json!({ "script": "TributaryChat.signOut()" }));
    laptop.until("an empty chat", |chat| chat["messages"] == json!([]));

    // One letter of the signature is another one.
    let mut forged = new.into_bytes();
    let last = forged.len() - 10;
    forged[last] = if forged[last] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).unwrap();
    laptop.ask("evaluate", json!({ "script": format!("TributaryChat.signIn({forged:?})") }));
    laptop.until("a reason", |chat| chat["status"] == "Please sign in again.");
    assert_eq!(shop.desk.settled().inbound, 1);
}

/// A page under a strict policy of its own needs the three lines of the documentation, and nothing of the chat breaks it.
#[test]
fn a_page_with_a_strict_policy_has_the_chat_and_a_page_of_somebody_else_has_not() {
    let policy =
        "content-security-policy: default-src 'none'; script-src {desk}; connect-src {desk}; img-src blob:\r\n";
    let shop = Shop::with_page(policy, "", |script| format!("<body><script src=\"{script}\"></script>"));
    let browser = Browser::start();
    let tab = shop.visit(&browser, "ann");
    tab.write("Do you hear me?");
    shop.conversation(1);
    let panel =
        "getComputedStyle(document.querySelector('tributary-chat').shadowRoot.querySelector('.panel')).borderRadius";
    assert_eq!(tab.ask("evaluate", json!({ "script": panel })), "16px", "the chat's own styles are in force");

    let script = format!("http://{}/hooks/chat/widget.js", shop.desk.http);
    let evil = Site::serve("", |_| format!("<!doctype html><html lang=en><body><script src=\"{script}\"></script>"));
    let tab = browser.open("mallory", &evil.origin);
    tab.click("Chat");
    tab.until("no connection", |chat| chat["status"].as_str().unwrap().starts_with("No connection"));
    tab.write("I am a shop.");
    assert_eq!(shop.desk.settled().inbound, 1);
}
