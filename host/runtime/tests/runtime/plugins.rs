//! The plugins of this repository, as `cargo xtask plugins` built them.
use crate::house::{House, built, context, snapshot};
use tributary_model::ChannelName;
use tributary_model::decision::{Action, Entry, Grade, Happening};
use tributary_model::message::{Arrival, Author, ChannelEvent, Content, Handle, HandleKind, Inbound, ThreadHints};
use tributary_runtime::{Adapter, Policy, Settings};

fn message(text: &str) -> Happening {
    Happening::Message(Box::new(Inbound {
        external_id: Some("1@mail.example".into()),
        sent_at: context().now,
        author: Author::Customer,
        from: vec![Handle { kind: HandleKind::Email, value: "li@mail.example".into(), verified: false }],
        display_name: None,
        subject: None,
        content: Content { text: text.into(), ..Content::default() },
        thread: ThreadHints::default(),
        automatic: false,
        attributes: Vec::new(),
    }))
}

#[tokio::test]
async fn every_policy_is_pictured_and_decides_the_same_fresh_reused_and_from_the_cache() {
    let house = House::new();
    let text = "I want my money back, this is a fraud and I will call the police";
    let mut conversation = snapshot();
    conversation.history.push(Entry {
        at: context().now,
        author: Author::Customer,
        text: text.into(),
        channel: ChannelName::from("mail"),
        automatic: false,
    });
    for name in ["policy-triage", "policy-routing", "policy-receipt"] {
        let Some(package) = built(name) else { continue };
        let mut answers = Vec::new();
        for (reuse, house) in [(0, &house), (100, &house), (0, &house.restarted())] {
            let generation = house.load(&package, Settings { reuse: Some(reuse), ..Settings::default() }).await;
            assert_eq!(generation.pictured(), Ok(()), "{name}");
            assert!(Policy::info(&*generation).actions.len() <= Action::WORDS.len());
            for _ in 0..3 {
                let called = generation.decide(context(), &conversation, &message(text)).await.unwrap();
                answers.push(called.result.unwrap());
            }
        }
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{name}: {answers:?}");
        if name == "policy-triage" {
            let graded = |decision: &tributary_model::decision::Decision| matches!(decision.action, Action::SetGrade(grade) if grade > Grade::Inquiry);
            assert!(answers[0].iter().any(graded), "{:?}", answers[0]);
        }
    }
}

#[tokio::test]
async fn a_mail_becomes_a_message() {
    let Some(package) = built("channel-email") else { return };
    let house = House::new();
    let overrides: toml::Table = toml::from_str("from = 'help@shop.example'").unwrap();
    let settings = Settings {
        config: package.effective_config(&overrides).unwrap(),
        channel: Some(ChannelName::from("mail")),
        ..Settings::default()
    };
    let generation = house.load(&package, settings).await;
    assert_eq!(generation.pictured(), Ok(()));
    let data = "Message-ID: <1@mail.example>\r\nFrom: Li <li@mail.example>\r\nTo: help@shop.example\r\n\
                Subject: =?UTF-8?B?6YCA5qy+?=\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
                --b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n你好\r\n\
                --b\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\
                Content-Disposition: attachment; filename=a.pdf\r\n\r\nYWJj\r\n--b--\r\n";
    let arrival = Arrival::Mail {
        mail_from: "li@mail.example".into(),
        rcpt_to: vec!["help@shop.example".into()],
        data: data.as_bytes().into(),
    };
    for _ in 0..2 {
        let called = generation.receive(context(), &arrival).await.unwrap();
        let reading = called.result.unwrap();
        let [ChannelEvent::Message(inbound)] = reading.events.as_slice() else { panic!("{reading:?}") };
        assert_eq!(inbound.subject.as_deref(), Some("退款"));
        assert_eq!(inbound.content.text.trim(), "你好");
        let [file] = inbound.content.attachments.as_slice() else { panic!("{inbound:?}") };
        assert_eq!((file.name.as_str(), file.size), ("a.pdf", 3));
        let blobs = tributary_runtime::Blobs::open(&house.folder.path().join("blobs")).unwrap();
        assert_eq!(blobs.get(&file.blob).unwrap(), b"abc");
        assert!(called.cost.bytes_out > 0 && called.cost.memory > 0 && called.cost.guest <= called.cost.wall);
    }
}
