//! The email channel on a host of tests, and what must hold of whatever it reads.
use channel_email::Email;
use tributary_sdk::testing::{self, FakeHost};
use tributary_sdk::types::{Attribute, Author, ChannelEvent, DeliveryState, Inbound};
use tributary_sdk::{Arrival, Channel, Envelope, Outgoing, Reading, Rejection};

const NOW: u64 = 1_760_000_000_000;

/// A prepared email channel with the limits it was given.
pub struct Desk {
    email: Email,
    max_text: usize,
    max_html: usize,
    max_attachments: usize,
}

impl Desk {
    /// A channel with these limits.
    pub fn new(max_text: usize, max_html: usize, max_attachments: usize) -> Self {
        let config = serde_json::json!({
            "from": "Shop <support@shop.example>",
            "max-text-bytes": max_text,
            "max-html-bytes": max_html,
            "max-attachments": max_attachments,
            "quote-markers": ["=== history"],
            "automatic-headers": [{ "name": "X-Shop-Robot" }, { "name": "X-Mailer", "contains": "newsletter" }],
        });
        let email = testing::prepare(config).expect("a valid configuration");
        Self { email, max_text, max_html, max_attachments }
    }

    /// Reads a mail, on a fresh host; the host is left with the files.
    pub fn receive(&self, mail_from: &str, data: &[u8]) -> (Result<Reading, Rejection>, FakeHost) {
        let host = FakeHost::new().now(NOW).blob_limit(1 << 20);
        let rcpt_to = vec!["support@shop.example".into()];
        let envelope = Envelope { mail_from: mail_from.into(), rcpt_to, data: data.to_vec() };
        let reading = testing::with(&host, || self.email.receive(Arrival::Mail(envelope)));
        (reading, host)
    }

    /// Panics where a reading is not what the host may rely on. The result is its message.
    pub fn check<'a>(&self, reading: &'a Reading, host: &FakeHost) -> &'a Inbound {
        let [ChannelEvent::Message(message), more @ ..] = &reading.events[..] else { panic!("no message first") };
        assert!(matches!(more, [] | [ChannelEvent::Delivery(_)]), "a mail is one message and one delivery at most");
        assert!(reading.answer.is_none());

        assert!(!message.from.is_empty() && message.from.iter().all(|handle| !handle.value.is_empty()));
        let id = message.external_id.as_deref().unwrap_or_default();
        assert!(!id.is_empty() && id.len() <= 512, "external-id {id:?}");
        let hints = &message.thread;
        assert!(hints.references.len() <= 51, "{} references", hints.references.len());
        for id in hints.references.iter().chain(&hints.in_reply_to).map(String::as_str).chain([id]) {
            assert!(!id.is_empty() && !id.contains(|c: char| c.is_whitespace() || c.is_control()), "id {id:?}");
        }

        let content = &message.content;
        let text = content.text.len() + content.quoted.as_ref().map_or(0, String::len);
        assert!(text <= self.max_text + 1, "{text} bytes of text");
        assert!(content.html.as_ref().is_none_or(|html| html.len() <= self.max_html));
        assert!(content.attachments.len() <= self.max_attachments + 2, "{} files", content.attachments.len());
        let blobs = host.blobs();
        for file in &content.attachments {
            assert!(!file.name.is_empty() && file.name.len() <= 200 && !file.name.contains(['/', '\\']), "{file:?}");
            assert_eq!(blobs.get(&file.blob).map(|data| data.len() as u64), Some(file.size), "{file:?}");
        }

        let names = content.attachments.iter().flat_map(|file| [&file.name, &file.media_type]);
        let lines = message.subject.iter().chain(&message.display_name).chain(&hints.reply_token).chain(&hints.tag);
        let attributes = message.attributes.iter().flat_map(|attribute| [&attribute.name, &attribute.value]);
        let addresses = message.from.iter().map(|handle| &handle.value);
        for line in names.chain(lines).chain(attributes).chain(addresses) {
            assert!(!line.contains(char::is_control), "a control character in {line:?}");
        }
        assert!(message.subject.as_ref().is_none_or(|subject| subject.len() <= 998));
        assert!(!content.text.contains('\0') && !content.html.as_ref().is_some_and(|html| html.contains('\0')));
        message
    }

    /// Answers a message, and panics where the mail that leaves carries more than the answer.
    pub fn answer(&self, message: &Inbound) {
        let host = FakeHost::new().now(NOW);
        let reply_to = |attribute: &&Attribute| attribute.name == "reply-to";
        let mut content = message.content.clone();
        content.attachments.clear();
        let outgoing = Outgoing {
            id: "0192f3-7a".into(),
            at: message.sent_at,
            conversation: "c-1".into(),
            tag: "T1042".into(),
            reply_token: "k3v9x2m8q4w7t1zp".into(),
            author: if message.automatic { Author::System } else { Author::Agent },
            to: message.from.clone(),
            subject: message.subject.clone(),
            content,
            in_reply_to: message.external_id.clone(),
            references: message.thread.references.clone(),
            attributes: message.attributes.iter().filter(reply_to).cloned().collect(),
        };
        let Ok(delivery) = testing::with(&host, || self.email.send(outgoing.clone())) else { return };
        assert_eq!(delivery.state, DeliveryState::Accepted);
        let mails = host.mails();
        let [mail] = &mails[..] else { panic!("{} mails for one answer", mails.len()) };
        let [recipient] = &mail.rcpt_to[..] else { panic!("{} recipients", mail.rcpt_to.len()) };
        assert!(recipient.contains('@') && !recipient.contains(|c: char| c.is_control() || c == ' '), "{recipient:?}");

        let text = std::str::from_utf8(&mail.data).expect("a mail in UTF-8");
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert!(text.ends_with("\r\n") && !lines.iter().any(|line| line.contains(['\r', '\n', '\0'])), "{text:?}");
        assert!(lines.iter().all(|line| line.len() <= 998), "a line too long for SMTP");
        let fields = lines.iter().take_while(|line| !line.is_empty()).filter(|line| !line.starts_with([' ', '\t']));
        let mut names: Vec<&str> = fields.map(|line| line.split(':').next().unwrap_or(line)).collect();
        for name in &names {
            assert!(FIELDS.contains(name), "a field that nobody wrote: {name:?} in {text:?}");
        }
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all, "a field twice in {text:?}");

        let (read, host) = self.receive("support@shop.example", &mail.data);
        let read = read.expect("our own mail is one");
        let read = self.check(&read, &host);
        assert_eq!(read.external_id, delivery.external_id);
        assert_eq!(read.thread.tag.as_deref(), Some("T1042"), "the tag is lost in {text:?}");
    }
}

/// What a mail of ours has above its text.
const FIELDS: [&str; 13] = [
    "From",
    "Reply-To",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
];
