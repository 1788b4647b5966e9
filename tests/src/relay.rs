//! Somebody else's mail server: aiosmtpd, told what to answer, read by Python's email package.
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::certificate::Certificate;
use crate::program;

/// A running relay. Dropping it ends it.
pub struct Relay {
    /// Where it listens.
    pub port: u16,
    child: Child,
    orders: Mutex<(ChildStdin, Receiver<()>)>,
    mails: Arc<Mutex<Vec<Arrived>>>,
}

/// A mail that arrived.
#[derive(Debug, Clone)]
pub struct Arrived(pub Value);

impl Relay {
    /// A relay at any free port.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// A relay that offers STARTTLS, and with `user` asks for AUTH as well.
    pub fn start_tls(certificate: &Certificate, user: Option<(&str, &str)>) -> Self {
        let [pem, key] = [&certificate.certificate, &certificate.key].map(|path| path.display().to_string());
        let mut options = vec!["--tls", &pem, &key, "--require-tls"];
        if let Some((name, password)) = user {
            options.extend(["--user", name, password]);
        }
        Self::start_with(&options)
    }

    /// A relay at the port of an earlier one.
    pub fn start_at(port: u16) -> Self {
        Self::start_with(&["--port", &port.to_string()])
    }

    fn start_with(options: &[&str]) -> Self {
        let mut command = Command::new(program::python());
        command.arg(program::peer("relay.py")).args(options).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the relay can be started");
        let mut output = BufReader::new(child.stdout.take().expect("the relay has an output"));
        let mut line = String::new();
        output.read_line(&mut line).expect("the relay says its port");
        let said: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("the relay said {line:?}"));
        let port = said["port"].as_u64().and_then(|port| port.try_into().ok()).expect("the relay has a port");
        let mails = Arc::new(Mutex::new(Vec::new()));
        let (done, obeyed) = channel();
        let kept = Arc::clone(&mails);
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let mut said: Value = serde_json::from_str(&line).expect("the relay speaks JSON");
                match said.get_mut("mail") {
                    Some(mail) => kept.lock().expect("nobody panics in here").push(Arrived(mail.take())),
                    None => drop(done.send(())),
                }
            }
        });
        let orders = Mutex::new((child.stdin.take().expect("the relay has an input"), obeyed));
        Self { port, child, orders, mails }
    }

    /// Give this answer the next `times` times at this stage: `connect`, `mail`, `rcpt`, `data`.
    pub fn answer(&self, stage: &str, answer: &str, times: u32) {
        let mut orders = self.orders.lock().expect("nobody panics in here");
        let order = json!({ "stage": stage, "answer": answer, "times": times });
        writeln!(orders.0, "{order}").expect("the relay takes orders");
        orders.1.recv().expect("the relay obeys");
    }

    /// Everything that arrived, in order.
    pub fn mails(&self) -> Vec<Arrived> {
        self.mails.lock().expect("nobody panics in here").clone()
    }

    /// How many arrived.
    pub fn count(&self) -> usize {
        self.mails.lock().expect("nobody panics in here").len()
    }

    /// What arrived for this recipient.
    pub fn mails_to(&self, address: &str) -> Vec<Arrived> {
        self.mails().into_iter().filter(|mail| mail.recipients().contains(&address)).collect()
    }

    /// Waits until this many mails arrived for a recipient.
    pub fn wait_for(&self, address: &str, count: usize) -> Vec<Arrived> {
        crate::until(&format!("{count} mails to {address} at the relay"), || {
            let mails = self.mails_to(address);
            let subjects: Vec<_> = mails.iter().filter_map(|mail| mail.header("subject")).collect();
            if mails.len() >= count { Ok(mails.clone()) } else { Err(format!("{subjects:?}")) }
        })
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Arrived {
    /// The first header of this name, decoded.
    pub fn header(&self, name: &str) -> Option<&str> {
        let headers = self.0["headers"].as_array()?;
        let found =
            headers.iter().find(|pair| pair[0].as_str().is_some_and(|found| found.eq_ignore_ascii_case(name)))?;
        found[1].as_str()
    }

    /// How many headers of this name there are.
    pub fn headers(&self, name: &str) -> usize {
        let named = |pair: &&Value| pair[0].as_str().is_some_and(|found| found.eq_ignore_ascii_case(name));
        self.0["headers"].as_array().map_or(0, |headers| headers.iter().filter(named).count())
    }

    /// The text, decoded.
    pub fn text(&self) -> &str {
        self.0["text"].as_str().unwrap_or_default()
    }

    /// Its files: name, media type, bytes.
    pub fn files(&self) -> Vec<(String, String, Vec<u8>)> {
        let word = |file: &Value, name: &str| file[name].as_str().unwrap_or_default().to_owned();
        let data = |file: &Value| BASE64.decode(word(file, "data").as_bytes()).expect("the peer writes base64");
        let files = self.0["files"].as_array().into_iter().flatten();
        files.map(|file| (word(file, "name"), word(file, "type"), data(file))).collect()
    }

    /// The envelope's sender.
    pub fn mail_from(&self) -> &str {
        self.0["mail_from"].as_str().unwrap_or_default()
    }

    /// The envelope's recipients.
    pub fn recipients(&self) -> Vec<&str> {
        self.0["rcpt_to"].as_array().map(|list| list.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
    }

    /// Whether a machine wrote it, as RFC 3834 marks it.
    pub fn is_automatic(&self) -> bool {
        self.header("auto-submitted").is_some_and(|value| !value.eq_ignore_ascii_case("no"))
    }
}
