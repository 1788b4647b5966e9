//! Other people's mail servers with mailboxes, and somebody else's client for them: Dovecot and hoodiecrow, IMAPClient.
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::certificate::Certificate;
use crate::{desk, program, wait};

/// The password of every user.
pub const PASSWORD: &str = "secret";

/// A Dovecot of its own: any user, one password, on loopback. Dropping it ends it.
pub struct Dovecot {
    /// Where it listens, without TLS unless it was begun.
    pub port: u16,
    /// Where it listens with TLS; with a certificate only.
    pub tls_port: u16,
    folder: TempDir,
    running: Option<Child>,
}

impl Dovecot {
    /// One that offers all it can.
    pub fn start() -> Self {
        Self::start_with("ssl = no\n")
    }

    /// One with STARTTLS and TLS, which lets nobody in without.
    pub fn start_tls(certificate: &Certificate) -> Self {
        let [pem, key] = [&certificate.certificate, &certificate.key].map(|path| path.display().to_string());
        Self::start_with(&format!("ssl = required\nssl_cert = <{pem}\nssl_key = <{key}\n"))
    }

    /// One with these settings besides.
    pub fn start_with(settings: &str) -> Self {
        // Under the system's folder of temporary files: as root it reads mail as somebody else, who has to get there.
        let folder = tempfile::Builder::new().prefix("dovecot-").tempdir().expect("a folder can be made");
        let dir = folder.path();
        let permit = |path: &std::path::Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a folder can be opened to others");
        };
        permit(dir, 0o711);
        fs::create_dir(dir.join("home")).expect("a new folder is empty");
        permit(&dir.join("home"), 0o777);
        let (port, tls_port) = (desk::free_port(), desk::free_port());
        let is_root = named("-u") == "0";
        // It neither logs in nor reads mail as root; as somebody else it can only be that one.
        let (user, group) = if is_root { ("nobody".into(), "nogroup".into()) } else { (named("-un"), named("-gn")) };
        let own =
            format!("default_internal_user = {user}\ndefault_internal_group = {group}\ndefault_login_user = {user}\n");
        let (own, chroot) = if is_root { (String::new(), "") } else { (own, "chroot =") };
        let text = format!(
            "base_dir = {dir}/run\nstate_dir = {dir}/state\nlog_path = {dir}/log\nlisten = 127.0.0.1\nprotocols = imap\n\
             disable_plaintext_auth = no\nmail_fsync = never\nmail_location = maildir:~/mail\n{own}{settings}\
             passdb {{\n driver = static\n args = password={PASSWORD}\n}}\n\
             userdb {{\n driver = static\n args = uid={user} gid={group} home={dir}/home/%u\n}}\n\
             service imap-login {{\n {chroot}\n inet_listener imap {{\n port = {port}\n }}\n inet_listener imaps {{\n port = {tls_port}\n }}\n}}\n\
             service anvil {{\n {chroot}\n}}\nservice stats {{\n {chroot}\n}}\n",
            dir = dir.display(),
        );
        fs::write(dir.join("dovecot.conf"), text).expect("the configuration can be written");
        let mut dovecot = Self { port, tls_port, folder, running: None };
        dovecot.run();
        dovecot
    }

    /// Starts it again after [`Dovecot::stop`].
    pub fn run(&mut self) {
        let mut command = Command::new(program::debian("dovecot"));
        command.arg("-F").arg("-c").arg(self.folder.path().join("dovecot.conf"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        self.running = Some(command.spawn().expect("dovecot can be started"));
        wait::until("dovecot to listen", || {
            TcpStream::connect(("127.0.0.1", self.port)).map_err(|error| format!("{error}\n{}", self.log()))
        });
    }

    /// Ends it, with every session.
    pub fn stop(&mut self) {
        let Some(mut running) = self.running.take() else { return };
        program::run(Command::new("kill").arg(running.id().to_string()));
        let _ = running.wait();
        // Processes of sessions outlive it for a while and would go on with files that others see changed.
        program::run(Command::new("kill").args(["-s", "KILL", "--", &format!("-{}", running.id())]));
    }

    /// As after a restored backup: the mails stay, their UIDs and every UIDVALIDITY are others.
    pub fn forget_uids(&mut self) {
        self.stop();
        forget(&self.folder.path().join("home"));
        self.run();
    }

    /// A client of a user.
    pub fn client(&self, user: &str) -> MailClient {
        MailClient::open(self.port, user, PASSWORD)
    }

    /// What it logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        self.stop();
        if std::thread::panicking() {
            eprintln!("dovecot's log:\n{}", self.log());
        }
    }
}

/// Removes what Dovecot knows of mails besides the mails.
fn forget(folder: &std::path::Path) {
    for entry in fs::read_dir(folder).expect("a folder can be read").flatten() {
        if entry.path().is_dir() {
            forget(&entry.path());
        } else if entry.file_name().to_string_lossy().starts_with("dovecot") {
            fs::remove_file(entry.path()).expect("a file can be removed");
        }
    }
}

fn named(option: &str) -> String {
    String::from_utf8_lossy(&program::run_well(Command::new("id").arg(option)).stdout).trim().to_owned()
}

/// hoodiecrow: an IMAP server of JavaScript. Dropping it ends it.
pub struct Hoodiecrow {
    /// Where it listens.
    pub port: u16,
    running: Child,
}

impl Hoodiecrow {
    /// One with these extensions, such as `IDLE`.
    pub fn start(extensions: &[&str]) -> Self {
        let mut command = Command::new(program::debian("node"));
        command.arg(program::peer("hoodiecrow.js")).args(extensions).env("NODE_PATH", program::node_modules());
        let mut running = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("node can be started");
        let said = line(&mut BufReader::new(running.stdout.take().expect("it has an output")));
        let port = said["port"].as_u64().and_then(|port| port.try_into().ok()).expect("it has a port");
        Self { port, running }
    }

    /// A client of its only user.
    pub fn client(&self) -> MailClient {
        MailClient::open(self.port, "testuser", "testpass")
    }
}

impl Drop for Hoodiecrow {
    fn drop(&mut self) {
        let _ = self.running.kill();
        let _ = self.running.wait();
    }
}

/// A mail as it lies in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lying {
    /// Its UID.
    pub uid: u64,
    /// Whether it is marked as read.
    pub seen: bool,
    /// Its Message-ID.
    pub id: String,
}

/// IMAPClient in a session of its own. Dropping it ends it.
pub struct MailClient {
    running: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl MailClient {
    fn open(port: u16, user: &str, password: &str) -> Self {
        let mut command = Command::new(program::python());
        command.arg(program::peer("mailbox.py")).args([&port.to_string(), user, password]);
        let mut running = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python can be started");
        let orders = running.stdin.take().expect("it has an input");
        let mut answers = BufReader::new(running.stdout.take().expect("it has an output"));
        line(&mut answers);
        Self { running, orders, answers }
    }

    fn order(&mut self, order: &Value) -> Value {
        writeln!(self.orders, "{order}").expect("the client takes orders");
        line(&mut self.answers)["done"].take()
    }

    /// Puts mails into a folder.
    pub fn append(&mut self, folder: &str, mails: &[String]) {
        self.order(&json!({ "do": "append", "folder": folder, "mails": mails }));
    }

    /// Makes a folder.
    pub fn create(&mut self, folder: &str) {
        self.order(&json!({ "do": "create", "folder": folder }));
    }

    /// Takes mails away for good.
    pub fn expunge(&mut self, folder: &str, uids: &[u64]) {
        self.order(&json!({ "do": "expunge", "folder": folder, "uids": uids }));
    }

    /// What lies in a folder.
    pub fn list(&mut self, folder: &str) -> Vec<Lying> {
        let listed = self.order(&json!({ "do": "list", "folder": folder }));
        let lying = |mail: &Value| Lying {
            uid: mail["uid"].as_u64().expect("a mail has a UID"),
            seen: mail["flags"].as_array().is_some_and(|flags| flags.iter().any(|flag| flag == "\\Seen")),
            id: mail["id"].as_str().unwrap_or_default().to_owned(),
        };
        listed.as_array().expect("a list").iter().map(lying).collect()
    }
}

impl Drop for MailClient {
    fn drop(&mut self) {
        let _ = self.running.kill();
        let _ = self.running.wait();
    }
}

fn line(output: &mut impl BufRead) -> Value {
    let mut line = String::new();
    output.read_line(&mut line).expect("the peer's words can be read");
    serde_json::from_str(&line).unwrap_or_else(|_| panic!("the peer said {line:?}"))
}
