//! A real Chromium, driven by somebody else's library (Playwright) in a process of its own: `peers/webchat_browser.cjs`.
use std::cell::RefCell;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::{program, wait};

/// A browser. Dropping it ends it.
pub struct Browser {
    process: Child,
    lines: RefCell<(ChildStdin, BufReader<ChildStdout>)>,
}

impl Browser {
    /// Start one.
    pub fn start() -> Self {
        let modules = program::root().join("target/peers/node_modules");
        let mut command = Command::new(program::debian("node"));
        command.arg(program::peer("webchat_browser.cjs")).env("NODE_PATH", modules);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("node can be started");
        let lines =
            (process.stdin.take().expect("an input"), BufReader::new(process.stdout.take().expect("an output")));
        let browser = Self { process, lines: RefCell::new(lines) };
        browser.ask(json!({ "do": "start", "executable": program::debian("chromium") }));
        browser
    }

    /// A new tab. Tabs of one visitor share a profile.
    pub fn open(&self, visitor: &str, url: &str) -> Tab<'_> {
        self.open_with(visitor, url, json!({}))
    }

    /// As [`Browser::open`], with the size of the window and whether its user likes it dark: `width`, `height`, `scheme`.
    pub fn open_with(&self, visitor: &str, url: &str, mut options: Value) -> Tab<'_> {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let name = format!("tab {}", COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        let tab = Tab { browser: self, name };
        options["visitor"] = visitor.into();
        options["url"] = url.into();
        tab.ask("open", options);
        tab
    }

    fn try_ask(&self, command: &Value) -> Result<Value, String> {
        let (input, output) = &mut *self.lines.borrow_mut();
        writeln!(input, "{command}").map_err(|error| error.to_string())?;
        let mut line = String::new();
        output.read_line(&mut line).map_err(|error| error.to_string())?;
        let answer: Value = serde_json::from_str(&line)
            .map_err(|_| "it ended; `cargo xtask test` installs what it needs".to_owned())?;
        match answer["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(answer["ok"].clone()),
        }
    }

    fn ask(&self, command: Value) -> Value {
        self.try_ask(&command).unwrap_or_else(|error| panic!("the browser, asked {command}: {error}"))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if self.try_ask(&json!({ "do": "end" })).is_err() {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}

/// A tab with a page of the shop.
pub struct Tab<'a> {
    browser: &'a Browser,
    name: String,
}

impl Tab<'_> {
    /// A command of `peers/webchat_browser.cjs`.
    pub fn ask(&self, what: &str, mut options: Value) -> Value {
        options["do"] = what.into();
        options["tab"] = self.name.as_str().into();
        self.browser.ask(options)
    }

    /// Click on the button of this name.
    pub fn click(&self, name: &str) {
        self.ask("click", json!({ "name": name }));
    }

    /// Write into the field of this label.
    pub fn fill(&self, label: &str, text: &str) {
        self.ask("fill", json!({ "label": label, "text": text }));
    }

    /// Write a message and send it.
    pub fn write(&self, text: &str) {
        self.fill("Write a message", text);
        self.ask("press", json!({ "key": "Enter" }));
    }

    /// What stands in the chat.
    pub fn chat(&self) -> Value {
        self.ask("read", json!({}))
    }

    /// Waits until the chat is like this; the chat as it was then.
    pub fn until(&self, what: &str, like: impl Fn(&Value) -> bool) -> Value {
        wait::until(what, || {
            let chat = self.chat();
            if like(&chat) {
                Ok(chat)
            } else {
                Err(format!("{chat:#}\nthe page said: {}", self.ask("said", json!({}))))
            }
        })
    }

    /// Waits until exactly these texts stand in the chat, in this order.
    pub fn until_texts(&self, texts: &[&str]) -> Value {
        self.until(&format!("{texts:?}"), |chat| self::texts(chat) == texts)
    }

    /// Take the network away, or give it back.
    pub fn offline(&self, offline: bool) {
        self.ask("offline", json!({ "offline": offline }));
    }
}

/// The texts of the messages in a chat, in order; of a file its name.
pub fn texts(chat: &Value) -> Vec<String> {
    let messages = chat["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |message: &Value| message["text"].as_str().or_else(|| message["files"][0].as_str()).map(str::to_owned);
    messages.iter().filter_map(text).collect()
}

/// A site of the shop: the same page under every path.
pub struct Site {
    /// Its origin.
    pub origin: String,
}

impl Site {
    /// Serve a page at a free port of this machine, with these further lines in its header.
    pub fn serve(headers: &str, page: impl FnOnce(&str) -> String) -> Self {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port is free");
        let origin = format!("http://{}", listener.local_addr().expect("a listener has an address"));
        let page = page(&origin);
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{page}",
            page.len()
        );
        // A browser opens connections ahead of what it asks on them: one that is silent must not hold up the others.
        let answer: std::sync::Arc<str> = answer.into();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let answer = answer.clone();
                std::thread::spawn(move || drop(reply(stream, &answer)));
            }
        });
        Self { origin }
    }
}

fn reply(mut stream: TcpStream, answer: &str) -> std::io::Result<()> {
    // A request of a page fits one read; what follows is of no interest.
    let _ = stream.read(&mut [0; 8192])?;
    stream.write_all(answer.as_bytes())
}
