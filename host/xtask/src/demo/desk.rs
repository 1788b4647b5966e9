//! The demo's desk: a folder, the daemon that serves it, the relay its mails go to, the client that writes to it.
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::system;

/// How long anything in the demo may take before it is called broken.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running desk. Dropping it ends daemon and relay.
pub struct Desk {
    /// Where it takes mail.
    pub smtp: String,
    http: String,
    token: String,
    folder: PathBuf,
    outbox: PathBuf,
    mails: PathBuf,
    tributary: PathBuf,
    python: PathBuf,
    peers: PathBuf,
    daemon: Child,
    relay: Child,
}

impl Desk {
    /// A fresh folder, a relay, the daemon, ready.
    pub fn start(root: &Path, tributary: &Path, python: &Path) -> Result<Self> {
        let demo = root.join("target/demo");
        if demo.exists() {
            std::fs::remove_dir_all(&demo).with_context(|| format!("cannot empty {}", demo.display()))?;
        }
        let (folder, outbox) = (demo.join("desk"), demo.join("outbox"));
        std::fs::create_dir_all(&outbox).with_context(|| format!("cannot create {}", outbox.display()))?;
        let peers = root.join("tests/peers");
        let (mut relay, relay_port) = relay(python, &peers, &outbox)?;
        let addresses = [port(2525)?, port(8025)?].map(|port| format!("127.0.0.1:{port}"));
        let started = init(tributary, &folder, &addresses, relay_port)
            .and_then(|token| Ok((token, serve(tributary, &folder, &demo.join("daemon.log"))?)));
        let (token, daemon) = started.inspect_err(|_| drop(relay.kill()))?;
        let [smtp, http] = addresses;
        let (tributary, python, mails) = (tributary.to_owned(), python.to_owned(), root.join("tests/demo"));
        let desk = Self { smtp, http, token, folder, outbox, mails, tributary, python, peers, daemon, relay };
        Ok(desk)
    }

    /// The name of the mail client.
    pub fn client(&self) -> &'static str {
        if system::find("swaks").is_some() { "swaks" } else { "Python's smtplib" }
    }

    /// Send a mail of `tests/demo` by the real client, its marks filled in. The answer is the sender's address.
    pub fn send(&self, file: &str, marks: &[(&str, String)]) -> Result<String> {
        let path = self.mails.join(file);
        let mut mail = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let date = system::output(Command::new("date").args(["--rfc-email"])).context("there is no `date`")?;
        let run = std::process::id().to_string();
        let own = [("@DATE@", date), ("@RUN@", run)];
        for (mark, value) in own.iter().chain(marks) {
            mail = fill(&mail, mark.as_bytes(), value.as_bytes());
        }
        let filled = self.outbox.with_file_name(file);
        std::fs::write(&filled, &mail).with_context(|| format!("cannot write {}", filled.display()))?;
        let [from, to] = ["from", "to"].map(|name| address(&header(&mail, name).unwrap_or_default()).to_owned());
        let mut client = match system::find("swaks") {
            Some(swaks) => {
                let mut client = Command::new(swaks);
                client.args(["--hide-all", "--helo", "client.example", "--data"]).arg(format!("@{}", filled.display()));
                client
            }
            None => {
                let mut client = Command::new(&self.python);
                client.arg(self.peers.join("send.py")).arg("--data").arg(&filled);
                client
            }
        };
        client.args(["--server", &self.smtp, "--from", &from, "--to", &to]);
        let output = client.stdin(Stdio::null()).output().context("cannot run the mail client")?;
        ensure!(output.status.success(), "{file} was not taken: {}", String::from_utf8_lossy(&output.stderr));
        Ok(from)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.tributary);
        command.args(words).arg("--dir").arg(&self.folder).stdin(Stdio::null());
        command
    }

    /// What a command of `tributary` says with `--json`.
    pub fn json(&self, words: &[&str]) -> Result<Value> {
        let output = self.command(words).arg("--json").output().context("cannot run tributary")?;
        let name = words.join(" ");
        ensure!(output.status.success(), "tributary {name}: {}", String::from_utf8_lossy(&output.stderr).trim());
        serde_json::from_slice(&output.stdout).with_context(|| format!("tributary {name} --json printed no JSON"))
    }

    /// Run a command of `tributary` as a person would, and show both.
    pub fn show(&self, words: &[&str]) -> Result<()> {
        let quoted = words.iter().map(|word| {
            if word.contains(' ') || !word.is_ascii() { format!("\"{word}\"") } else { (*word).to_owned() }
        });
        println!("$ tributary {}", quoted.collect::<Vec<_>>().join(" "));
        let status = self.command(words).status().context("cannot run tributary")?;
        ensure!(status.success(), "tributary {} ended with {status}", words.join(" "));
        println!();
        Ok(())
    }

    /// Run a command that needs no desk, and show both.
    pub fn show_alone(&self, words: &[&str]) -> Result<()> {
        println!("$ tributary {}", words.join(" "));
        let status = Command::new(&self.tributary).args(words).stdin(Stdio::null()).status();
        let status = status.context("cannot run tributary")?;
        ensure!(status.success(), "tributary {} ended with {status}", words.join(" "));
        println!();
        Ok(())
    }

    /// Run a command that is to be refused, and show both.
    pub fn show_refusal(&self, words: &[&str]) -> Result<()> {
        println!("$ tributary {}", words.join(" "));
        let output = self.command(words).output().context("cannot run tributary")?;
        ensure!(!output.status.success(), "tributary {} was not refused", words.join(" "));
        println!("{}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    /// A path beside the desk's folder.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.with_file_name(name)
    }

    /// Add to the configuration, and have the daemon read it again. Once in a demo.
    pub fn configure(&self, text: &str) -> Result<()> {
        let path = self.folder.join("tributary.toml");
        let mut file = std::fs::OpenOptions::new().append(true).open(&path).context("there is no tributary.toml")?;
        std::io::Write::write_all(&mut file, text.as_bytes()).context("tributary.toml cannot be written")?;
        let pid = self.daemon.id().to_string();
        system::output(Command::new("kill").args(["-s", "HUP", &pid])).context("the daemon cannot be told")?;
        wait_for("the daemon to have read its configuration again", || {
            let log = std::fs::read_to_string(self.beside("daemon.log")).unwrap_or_default();
            Ok((log.contains("was read again"), log.lines().last().unwrap_or_default().to_owned()))
        })
    }

    /// The first mail at the relay that is like this.
    pub fn arrived(&self, what: &str, like: impl Fn(&Arrived) -> bool) -> Result<Arrived> {
        let mut found = None;
        wait_for(what, || {
            let mut files: Vec<PathBuf> = std::fs::read_dir(&self.outbox)?.flatten().map(|file| file.path()).collect();
            files.retain(|file| file.extension().is_some_and(|kind| kind == "eml"));
            files.sort();
            for file in &files {
                let mail = Arrived::read(file)?;
                if like(&mail) {
                    found = Some(mail);
                    break;
                }
            }
            Ok((found.is_some(), format!("{} mails at the relay", files.len())))
        })?;
        found.context("the relay lost a mail")
    }

    /// Addresses, token, commands to try.
    pub fn how_to_go_on(&self) -> String {
        let (tributary, folder) = (self.tributary.display(), self.folder.display());
        let dir = format!("--dir {folder}");
        format!(
            "   mail goes to      {smtp} (SMTP), to support@shop.example\n   \
                answers arrive in {outbox}\n   \
                API               http://{http}/api/v1   (description: /api/v1/openapi.json)\n   \
                token             {token}\n   \
                configuration     {folder}/tributary.toml\n   \
                log               {log}\n\n   \
                In another terminal:\n     \
                swaks --server {smtp} --from me@mail.example --to support@shop.example --body 'Where is my order?'\n     \
                {tributary} queue list {dir}\n     \
                {tributary} queue claim {dir}\n     \
                {tributary} queue reply ID 'Hello, …' {dir}\n     \
                curl -H 'Authorization: Bearer {token}' http://{http}/api/v1/queue",
            smtp = self.smtp,
            http = self.http,
            token = self.token,
            outbox = self.outbox.display(),
            log = self.outbox.with_file_name("daemon.log").display(),
        )
    }

    /// Serve until the daemon ends, by Ctrl-C or by itself.
    pub fn serve(&mut self) -> Result<()> {
        let status = self.daemon.wait().context("cannot wait for the daemon")?;
        ensure!(status.success(), "the daemon ended with {status}");
        Ok(())
    }

    /// Stop the daemon as an operator does, and wait until it has drained.
    pub fn stop(&mut self, grace: Duration) -> Result<()> {
        system::run(Command::new("kill").args(["-TERM", &self.daemon.id().to_string()]))?;
        let deadline = Instant::now() + grace;
        while self.daemon.try_wait().context("cannot wait for the daemon")?.is_none() {
            ensure!(Instant::now() < deadline, "the daemon did not leave within {} s of TERM", grace.as_secs());
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        for child in [&mut self.daemon, &mut self.relay] {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// This port if it is free, else any.
fn port(wanted: u16) -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", wanted)).or_else(|_| TcpListener::bind(("127.0.0.1", 0)));
    Ok(listener.context("no port of this machine can be opened")?.local_addr()?.port())
}

/// The relay and its port.
fn relay(python: &Path, peers: &Path, outbox: &Path) -> Result<(Child, u64)> {
    let mut command = Command::new(python);
    command.arg(peers.join("relay.py")).arg("--folder").arg(outbox);
    let mut relay = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("cannot start the relay")?;
    let mut output = BufReader::new(relay.stdout.take().context("the relay has no output")?);
    let mut line = String::new();
    output.read_line(&mut line).context("the relay says nothing")?;
    let said: Value = serde_json::from_str(&line).context("the relay did not say its port")?;
    let port = said["port"].as_u64().context("the relay did not say its port")?;
    // It goes on telling what arrives; unread, that would stop it.
    std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
    Ok((relay, port))
}

/// `tributary init`. The answer is the token.
fn init(tributary: &Path, folder: &Path, [smtp, http]: &[String; 2], relay: u64) -> Result<String> {
    let mut command = Command::new(tributary);
    command.arg("init").arg(folder).args(["--smtp", smtp, "--http", http, "--relay", &format!("127.0.0.1:{relay}")]);
    let output = command.arg("--json").stdin(Stdio::null()).output().context("cannot run tributary init")?;
    ensure!(output.status.success(), "tributary init: {}", String::from_utf8_lossy(&output.stderr).trim());
    let said: Value = serde_json::from_slice(&output.stdout).context("tributary init printed no JSON")?;
    Ok(said["token"].as_str().context("tributary init gave no token")?.to_owned())
}

/// `tributary serve`, ready.
fn serve(tributary: &Path, folder: &Path, log: &Path) -> Result<Child> {
    let file = std::fs::File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let mut command = Command::new(tributary);
    command.args(["serve", "--dir"]).arg(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(file);
    let mut daemon = command.spawn().context("cannot run tributary serve")?;
    let mut output = BufReader::new(daemon.stdout.take().context("the daemon has no output")?);
    let mut line = String::new();
    output.read_line(&mut line).context("cannot read what the daemon says")?;
    if !line.starts_with("ready") {
        drop(daemon.kill());
        let said = std::fs::read_to_string(log).unwrap_or_default();
        bail!("the daemon did not get ready:\n{said}");
    }
    std::thread::spawn(move || drop(output.read_to_end(&mut Vec::new())));
    Ok(daemon)
}

/// A mail at the relay.
pub struct Arrived {
    /// The address in `To`.
    pub to: String,
    /// What is written in it, decoded by the relay's own mail reader.
    pub text: String,
    raw: Vec<u8>,
}

impl Arrived {
    fn read(file: &Path) -> Result<Self> {
        let raw = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let to = address(&header(&raw, "to").unwrap_or_default()).to_owned();
        // The relay wrote it before the mail, so it is there.
        let text = std::fs::read_to_string(file.with_extension("txt")).unwrap_or_default();
        Ok(Self { to, text, raw })
    }

    /// The value of a header, as it stands there.
    pub fn header(&self, name: &str) -> Option<String> {
        header(&self.raw, name)
    }

    /// Whether it has this header.
    pub fn has(&self, name: &str) -> bool {
        self.header(name).is_some()
    }

    /// Its headers as they stand on the wire, then its text, indented.
    pub fn shown(&self) -> String {
        let raw = String::from_utf8_lossy(&self.raw);
        let headers = raw.lines().take_while(|line| !line.is_empty());
        headers.chain([""]).chain(self.text.lines()).map(|line| format!("   {line}\n")).collect()
    }
}

/// The value of the first header of this name, unfolded.
fn header(mail: &[u8], name: &str) -> Option<String> {
    let mut lines = mail.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let mut value = lines.by_ref().take_while(|line| !line.is_empty()).find_map(|line| {
        let (found, value) = std::str::from_utf8(line).ok()?.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })?;
    for line in lines.take_while(|line| line.starts_with(b" ") || line.starts_with(b"\t")) {
        value.push(' ');
        value.push_str(String::from_utf8_lossy(line).trim());
    }
    Some(value)
}

/// The address in `Name <address>`.
fn address(value: &str) -> &str {
    value.rsplit_once('<').map_or(value, |(_, rest)| rest.trim_end_matches('>')).trim()
}

/// Every `mark` in `text` replaced.
fn fill(text: &[u8], mark: &[u8], value: &[u8]) -> Vec<u8> {
    let mut filled = Vec::with_capacity(text.len() + value.len());
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(mark) {
            filled.extend_from_slice(value);
            rest = after;
        } else {
            filled.push(rest[0]);
            rest = &rest[1..];
        }
    }
    filled
}

/// Wait until `look` says yes; else fail with what it saw last.
pub fn wait_for(what: &str, mut look: impl FnMut() -> Result<(bool, String)>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (done, seen) = look()?;
        if done {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "waited {} s for {what}; last seen: {seen}", PATIENCE.as_secs());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_filled_and_headers_found() {
        let mail = fill(b"From: A <a@b.example>\r\nSubject: @S@ @S@\r\n\r\nTo: body\r\n", b"@S@", b"x");
        assert_eq!(header(&mail, "subject").as_deref(), Some("x x"));
        assert_eq!(header(b"Subject: one\r\n two\r\nTo: x\r\n", "subject").as_deref(), Some("one two"));
        assert_eq!(header(&mail, "to"), None);
        assert_eq!(address(&header(&mail, "from").unwrap()), "a@b.example");
    }
}
