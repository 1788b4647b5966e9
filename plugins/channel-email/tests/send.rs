//! What `send` builds, read back by an independent parser and by `receive`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use channel_email::Email;
use mail_parser::MessageParser;
use proptest::prelude::*;
use tributary_sdk::host::mail::MailError;
use tributary_sdk::testing::{self, FakeHost};
use tributary_sdk::types::{
    Attachment, Attribute, Author, ChannelEvent, Content, Delivery, DeliveryState, Handle, HandleKind, Inbound,
    SendError,
};
use tributary_sdk::{Arrival, Channel, Envelope, Outgoing};

const TOKEN: &str = "k3v9x2m8q4w7t1zp";

fn email() -> Email {
    testing::prepare(serde_json::json!({"from": "客服 <support@shop.example>"})).unwrap()
}

fn outgoing(text: &str) -> Outgoing {
    let to = vec![
        Handle::claimed(HandleKind::Phone, "+8613800138000"),
        Handle::claimed(HandleKind::Email, "zhang@example.cn"),
    ];
    Outgoing {
        id: "0192f3-7a".into(),
        at: 1_714_702_320_000,
        reply_token: TOKEN.into(),
        subject: Some("订单".into()),
        in_reply_to: Some("b@example.cn".into()),
        references: vec!["a@example.cn".into(), "b@example.cn".into()],
        ..testing::outgoing(to, Content::plain(text))
    }
}

fn sent(host: &FakeHost, message: &Outgoing) -> (Delivery, Vec<u8>, String) {
    let delivery = testing::with(host, || email().send(message.clone())).unwrap();
    let mail = host.mails().pop().unwrap();
    (delivery, mail.data, mail.mail_from)
}

fn read(data: &[u8]) -> Inbound {
    let envelope = Envelope { mail_from: "x@y.z".into(), rcpt_to: vec![], data: data.to_vec() };
    let host = FakeHost::new().now(1_760_000_000_000);
    let reading = testing::with(&host, || email().receive(Arrival::Mail(envelope))).unwrap();
    let Some(ChannelEvent::Message(message)) = reading.events.into_iter().next() else { panic!("a message") };
    message
}

#[test]
fn a_persons_reply() {
    let host = FakeHost::new();
    let (delivery, data, mail_from) = sent(&host, &outgoing("您好，\n已经发货。"));
    let mail = MessageParser::default().parse(&data).unwrap();
    let id = mail.message_id().unwrap();
    assert_eq!(delivery.state, DeliveryState::Accepted);
    assert_eq!(delivery.outgoing_id.as_deref(), Some("0192f3-7a"));
    assert_eq!(delivery.external_id.as_deref(), Some(id));
    assert!(id.starts_with("0192f3-7a.") && id.ends_with("@shop.example"), "{id}");
    assert_eq!(mail.from().unwrap().first().unwrap().name(), Some("客服"));
    assert_eq!(mail.from().unwrap().first().unwrap().address(), Some("support@shop.example"));
    assert_eq!(
        mail.reply_to().unwrap().first().unwrap().address(),
        Some(format!("support+{TOKEN}@shop.example").as_str())
    );
    assert_eq!(mail.to().unwrap().first().unwrap().address(), Some("zhang@example.cn"));
    assert_eq!(mail.subject(), Some("Re: 订单 [#T1042]"));
    assert_eq!(mail.in_reply_to().as_text(), Some("b@example.cn"));
    assert_eq!(mail.references().as_text_list().unwrap(), ["a@example.cn", "b@example.cn"]);
    assert_eq!(mail.date().unwrap().to_timestamp(), 1_714_702_320);
    assert_eq!(mail.body_text(0).unwrap().trim_end(), "您好，\r\n已经发货。");
    assert!(mail.header("Auto-Submitted").is_none());
    assert_eq!(mail_from, format!("support+{TOKEN}@shop.example"));
    assert_eq!(host.mails()[0].rcpt_to, ["zhang@example.cn"]);
    assert!(data.is_ascii() && data.split(|byte| *byte == b'\n').all(|line| line.len() <= 998));
}

#[test]
fn a_machines_reply_says_so() {
    for (author, parent, expected) in
        [(Author::Bot, Some("b@example.cn"), "auto-replied"), (Author::System, None, "auto-generated")]
    {
        let message = Outgoing { author, in_reply_to: parent.map(str::to_owned), ..outgoing("x") };
        let (_, data, mail_from) = sent(&FakeHost::new(), &message);
        let text = String::from_utf8_lossy(&data);
        assert!(text.contains(&format!("\r\nAuto-Submitted: {expected}\r\n")), "{text}");
        assert!(text.contains("\r\nX-Auto-Response-Suppress: All\r\n"));
        assert_eq!(mail_from, "");
    }
}

#[test]
fn a_second_attempt_is_the_same_mail() {
    let message = outgoing("x");
    assert_eq!(sent(&FakeHost::new().now(1), &message), sent(&FakeHost::new().now(2), &message));
    let other = Outgoing { id: "0192f3-7b".into(), ..outgoing("x") };
    assert_ne!(sent(&FakeHost::new(), &message).0.external_id, sent(&FakeHost::new(), &other).0.external_id);
}

#[test]
fn the_answer_to_it_finds_its_way_back() {
    let (delivery, data, _) = sent(&FakeHost::new(), &outgoing("Hello"));
    let mail = MessageParser::default().parse(&data).unwrap();
    let answer = format!(
        "From: zhang@example.cn\r\nTo: {}\r\nSubject: 回复：{}\r\nIn-Reply-To: <{}>\r\n\r\nthanks\r\n",
        mail.reply_to().unwrap().first().unwrap().address().unwrap(),
        mail.subject().unwrap(),
        mail.message_id().unwrap()
    );
    let message = read(answer.as_bytes());
    assert_eq!(message.thread.reply_token.as_deref(), Some(TOKEN));
    assert_eq!(message.thread.tag.as_deref(), Some("T1042"));
    assert_eq!(message.thread.in_reply_to, delivery.external_id);
    assert_eq!(message.subject.as_deref(), Some("订单"));
}

#[test]
fn html_and_files_travel() {
    let host = FakeHost::new().blob(b"png bytes").blob(b"pdf bytes");
    let file = |data: &[u8], name: &str, media_type: &str, content_id: Option<&str>| Attachment {
        blob: FakeHost::blob_id(data),
        name: name.into(),
        media_type: media_type.into(),
        size: data.len() as u64,
        content_id: content_id.map(str::to_owned),
    };
    let mut message = outgoing("see the picture");
    message.content.html = Some("<p>see <img src=\"cid:p1@x\"></p>".into());
    message.content.quoted = Some("> where is it?".into());
    message.content.attachments = vec![
        file(b"png bytes", "a.png", "image/png", Some("p1@x")),
        file(b"pdf bytes", "退款说明与流程以及需要准备的材料清单第二版.pdf", "application/pdf", None),
    ];
    let (_, data, _) = sent(&host, &message);
    let back = read(&data);
    assert_eq!(back.content.text, "see the picture");
    assert_eq!(back.content.quoted.as_deref(), Some("> where is it?"));
    assert!(back.content.html.unwrap().contains("cid:p1@x"));
    let names: Vec<_> = back
        .content
        .attachments
        .iter()
        .map(|file| (file.name.as_str(), file.size, file.content_id.as_deref()))
        .collect();
    assert_eq!(names, [("a.png", 9, Some("p1@x")), ("退款说明与流程以及需要准备的材料清单第二版.pdf", 9, None)]);
}

#[test]
fn failures_are_told_apart() {
    let refuse = |error: MailError| {
        let host = FakeHost::new().mail_answer(Err(error));
        testing::with(&host, || email().send(outgoing("x"))).unwrap_err()
    };
    assert_eq!(refuse(MailError::Temporary("451 later".into())), SendError::temporary("451 later"));
    assert_eq!(refuse(MailError::Permanent("550 no".into())), SendError::permanent("550 no"));
    let fails = |change: fn(&mut Outgoing)| {
        let mut message = outgoing("x");
        change(&mut message);
        testing::with(&FakeHost::new(), || email().send(message)).unwrap_err()
    };
    for change in [
        (|message| message.to.clear()) as fn(&mut Outgoing),
        |message| message.to = vec![Handle::claimed(HandleKind::Email, "a@b\r\nBcc: c@d")],
        |message| {
            message.content.attachments = vec![Attachment {
                blob: "gone".into(),
                name: "x".into(),
                media_type: "a/b".into(),
                size: 1,
                content_id: None,
            }];
        },
    ] {
        assert!(matches!(fails(change), SendError::Permanent(_)));
    }
}

#[test]
fn reply_to_that_the_host_hands_back_is_where_it_goes() {
    let mut message = outgoing("x");
    message.attributes = vec![Attribute::new("reply-to", "orders@relay.example")];
    let host = FakeHost::new();
    sent(&host, &message);
    assert_eq!(host.mails()[0].rcpt_to, ["orders@relay.example"]);
}

#[test]
fn the_thread_is_capped_in_its_middle() {
    let mut message = outgoing("x");
    message.references = (0..100).map(|n| format!("{n}-{}@example.cn", "x".repeat(40))).collect();
    let (_, data, _) = sent(&FakeHost::new(), &message);
    let mail = MessageParser::default().parse(&data).unwrap();
    let ids = mail.references().as_text_list().unwrap();
    assert_eq!(ids.len(), 20);
    assert!(ids[0].starts_with("0-") && ids[18].starts_with("99-") && ids[19] == "b@example.cn");
}

#[test]
fn a_subject_stands_as_it_should() {
    for (subject, parent, expected) in [
        (Some("order"), true, "Re: order [#T1042]"),
        (Some("Re: order [#T1042]"), true, "Re: order [#T1042]"),
        (Some("order"), false, "order [#T1042]"),
        (None, true, "[#T1042]"),
    ] {
        let mut message = outgoing("x");
        message.subject = subject.map(str::to_owned);
        if !parent {
            message.in_reply_to = None;
            message.references.clear();
        }
        let (_, data, _) = sent(&FakeHost::new(), &message);
        assert_eq!(MessageParser::default().parse(&data).unwrap().subject(), Some(expected));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    /// Nothing a writer puts into a text, a subject or a name changes what else the mail says.
    #[test]
    fn nothing_breaks_out(
        text in "[ -~\t\r\n\u{4e00}-\u{4e80}é=.]{0,300}",
        subject in "[ -~\r\n\u{4e00}-\u{4e80}é=?]{0,120}",
        name in "[ -~\r\n\u{4e00}-\u{4e80}\"';]{0,80}",
        html in proptest::option::of("[ -~\r\n\u{4e00}-\u{4e80}]{0,200}"),
    ) {
        let host = FakeHost::new().blob(b"bytes");
        let mut message = outgoing(&text);
        message.subject = Some(subject.clone());
        message.content.html = html.clone();
        message.content.attachments = vec![Attachment {
            blob: FakeHost::blob_id(b"bytes"), name, media_type: "text/x\r\nBcc: c@d".into(), size: 5, content_id: None,
        }];
        let (_, data, _) = sent(&host, &message);
        prop_assert!(data.is_ascii());
        prop_assert!(data.split(|byte| *byte == b'\n').all(|line| line.is_empty() || line.ends_with(b"\r") && line.len() <= 999));
        let mail = MessageParser::default().parse(&data).unwrap();
        prop_assert!(mail.header("Bcc").is_none());
        prop_assert_eq!(mail.headers().iter().filter(|header| header.name.as_str() == "Subject").count(), 1);
        let one = |text: &str| text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        let (found, sent) = (one(mail.subject().unwrap_or_default()), one(&subject));
        prop_assert!(found.contains("[#T1042]"));
        prop_assert!(!subject.is_ascii() || subject.contains(['[', ':']) || found.contains(&sent), "{found:?} {sent:?}");
        let lines = |text: &str| text.replace("\r\n", "\n").replace('\r', "\n").trim_end().to_owned();
        prop_assert_eq!(lines(&mail.body_text(0).unwrap_or_default()), lines(&text));
        if let Some(html) = html.filter(|html| !html.trim().is_empty()) {
            prop_assert_eq!(lines(&mail.body_html(0).unwrap_or_default()), lines(&html));
        }
        prop_assert_eq!(mail.attachment_count(), 1);
        prop_assert_eq!(mail.attachment(0).unwrap().contents(), b"bytes");
    }
}
