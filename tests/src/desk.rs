//! A desk for one test: `tributary init` in a folder of its own, the real daemon on free ports, its API and its store.
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::smtp::{Client, Reply};
use crate::store::Rows;
use crate::{Api, Mail, program, wait};

/// The address that a desk takes mail for.
pub const SUPPORT: &str = "support@shop.example";

/// What a desk is started with.
#[derive(Default)]
pub struct Setup {
    relay: Option<u16>,
    lmtp: bool,
    overlay: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Setup {
    /// Outgoing mail goes to this port. Without one it has nowhere to go.
    pub fn relay(mut self, port: u16) -> Self {
        self.relay = Some(port);
        self
    }

    /// An LMTP door as well.
    pub fn lmtp(mut self) -> Self {
        self.lmtp = true;
        self
    }

    /// TOML laid over what `init` wrote: tables are merged, `[[…]]` are added or merged with the one of the same `name`,
    /// other values replaced.
    pub fn with(mut self, overlay: &str) -> Self {
        self.overlay.push(overlay.to_owned());
        self
    }

    /// An environment variable of the daemon.
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// `init`, the configuration laid over, nothing started.
    pub fn init(self) -> Desk {
        let temporary = tempfile::Builder::new().prefix("desk-").tempdir_in(scratch()).expect("a folder can be made");
        let dir = temporary.path().join("desk");
        let [smtp, http, lmtp] = [(); 3].map(|()| format!("127.0.0.1:{}", free_port()));
        let mut init = Command::new(program::tributary());
        init.arg("init").arg(&dir).args(["--smtp", &smtp, "--http", &http, "--json"]);
        if self.lmtp {
            init.args(["--lmtp", &lmtp]);
        }
        // Port 9 of loopback: nobody listens, so mail waits, and is retried.
        init.args(["--relay", &format!("127.0.0.1:{}", self.relay.unwrap_or(9))]);
        let output = program::run_well(&mut init);
        let said: Value = serde_json::from_slice(&output.stdout).expect("init --json prints JSON");
        let token = said["token"].as_str().expect("init gives a token").to_owned();
        let api = Api::new(&http, &token);
        share_compiled_code(&dir);
        let desk = Desk {
            dir,
            smtp,
            lmtp,
            http,
            token,
            api,
            daemon: None,
            ready_in: Duration::ZERO,
            environment: self.environment,
            temporary,
        };
        // `init` lets the channel take every mail; a desk of the tests has one mailbox.
        desk.configure(&format!("[[channel]]\nname = \"email\"\naddresses = [\"{SUPPORT}\"]\n"));
        for overlay in &self.overlay {
            desk.configure(overlay);
        }
        desk
    }

    /// A desk that is ready.
    pub fn start(self) -> Desk {
        let mut desk = self.init();
        desk.serve();
        desk
    }
}

/// A desk. Dropping it kills its daemon and removes its folder; a failed test leaves the folder and shows the end of its log.
pub struct Desk {
    /// Its folder.
    pub dir: PathBuf,
    /// Where it takes mail by SMTP.
    pub smtp: String,
    /// Where it takes mail by LMTP, if it was set up so.
    pub lmtp: String,
    /// Where its API is.
    pub http: String,
    /// The token that `init` gave.
    pub token: String,
    /// The API with that token.
    pub api: Api,
    /// From the start of the process to its `ready` line, the last time.
    pub ready_in: Duration,
    daemon: Option<Child>,
    environment: Vec<(String, String)>,
    temporary: TempDir,
}

impl Desk {
    /// A desk to be set up.
    pub fn setup() -> Setup {
        Setup::default()
    }

    /// A desk without a relay, ready.
    pub fn start() -> Self {
        Setup::default().start()
    }

    /// Lay TOML over the configuration; see [`Setup::with`].
    pub fn configure(&self, overlay: &str) {
        let path = self.dir.join("tributary.toml");
        let text = std::fs::read_to_string(&path).expect("init wrote a configuration");
        let mut table: toml::Table = text.parse().expect("init wrote TOML");
        let overlay: toml::Table = overlay.parse().unwrap_or_else(|error| panic!("the test's TOML: {error}"));
        lay_over(&mut table, overlay);
        std::fs::write(&path, table.to_string()).expect("the configuration can be written");
    }

    /// Take a policy out of the chain.
    pub fn without_policy(self, name: &str) -> Self {
        let path = self.dir.join("tributary.toml");
        let text = std::fs::read_to_string(&path).expect("init wrote a configuration");
        let mut table: toml::Table = text.parse().expect("init wrote TOML");
        if let Some(policies) = table.get_mut("policy").and_then(toml::Value::as_array_mut) {
            policies.retain(|policy| policy.get("plugin").and_then(toml::Value::as_str) != Some(name));
        }
        std::fs::write(&path, table.to_string()).expect("the configuration can be written");
        self
    }

    /// The log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.temporary.path().join("daemon.log")
    }

    /// Start the daemon and wait until it is ready.
    pub fn serve(&mut self) {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log_path());
        let mut command = self.command(&["serve"]);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log.expect("the log can be written"));
        let started = Instant::now();
        let mut daemon = command.spawn().expect("the daemon can be started");
        let mut output = BufReader::new(daemon.stdout.take().expect("the daemon has an output"));
        let mut line = String::new();
        output.read_line(&mut line).expect("the daemon's words can be read");
        self.ready_in = started.elapsed();
        self.daemon = Some(daemon);
        assert!(
            line.starts_with("ready"),
            "the daemon did not get ready; it said {line:?} and logged:\n{}",
            self.log()
        );
        std::thread::spawn(move || drop(output.read_to_end(&mut Vec::new())));
    }

    /// A command of `tributary` for this desk.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(program::tributary());
        command.args(words).arg("--dir").arg(&self.dir);
        command
    }

    /// Run a command of `tributary` for this desk.
    pub fn run(&self, words: &[&str]) -> Output {
        program::run(&mut self.command(words))
    }

    /// What a command of `tributary` says with `--json`.
    pub fn json(&self, words: &[&str]) -> Value {
        let output = program::run_well(self.command(words).arg("--json"));
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{words:?} --json printed no JSON"))
    }

    /// The process of the daemon.
    pub fn pid(&self) -> u32 {
        self.daemon.as_ref().expect("the daemon runs").id()
    }

    /// Send a signal: `TERM`, `HUP`.
    pub fn signal(&self, name: &str) {
        program::run_well(Command::new("kill").args(["-s", name, &self.pid().to_string()]));
    }

    /// End the daemon at once, as a power cut would.
    pub fn kill(&mut self) {
        let mut daemon = self.daemon.take().expect("the daemon runs");
        daemon.kill().expect("the daemon can be killed");
        daemon.wait().expect("the daemon ends");
    }

    /// Wait until the daemon has left by itself.
    pub fn wait_for_exit(&mut self) -> ExitStatus {
        let mut daemon = self.daemon.take().expect("the daemon runs");
        wait::until("the daemon to leave", || match daemon.try_wait() {
            Ok(Some(status)) => Ok(status),
            Ok(None) => Err("it runs".to_owned()),
            Err(error) => Err(error.to_string()),
        })
    }

    /// Stop as an operator does: TERM, and wait for the drain.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.wait_for_exit()
    }

    /// Send a mail to [`SUPPORT`]; panics unless it is taken.
    pub fn deliver(&self, mail: &Mail) {
        self.deliver_to(&[SUPPORT], mail);
    }

    /// Send a mail to these addresses; panics unless it is taken.
    pub fn deliver_to(&self, to: &[&str], mail: &Mail) {
        let reply = self.offer(&mail.from, to, &mail.bytes());
        assert_eq!(reply.code, 250, "{reply:?}");
    }

    /// Offer bytes in a session of their own: the answer to the mail, or to the command that was refused.
    pub fn offer(&self, from: &str, to: &[&str], mail: &[u8]) -> Reply {
        let mut client = Client::open(&self.smtp);
        client.send(from, to, mail).unwrap_or_else(|error| panic!("the session broke: {error}\n{}", self.log_end()))
    }

    /// Wait until everything that came in was decided about, and count the rows.
    pub fn settled(&self) -> Rows {
        wait::until("every happening to be decided", || {
            let rows = Rows::count(&self.dir);
            if rows.undecided == 0 { Ok(rows) } else { Err(format!("{rows:?}")) }
        })
    }

    /// Send mails, wait until they are decided about, count the rows.
    pub fn after(&self, mails: &[Mail]) -> Rows {
        mails.iter().for_each(|mail| self.deliver(mail));
        self.settled()
    }

    fn log_end(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if let Some(daemon) = &mut self.daemon {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
        if std::thread::panicking() {
            self.temporary.disable_cleanup(true);
            eprintln!("{} is left; the end of the daemon's log:\n{}", self.dir.display(), self.log_end());
        }
    }
}

/// Where the desks' folders are: on the disk that the project is on, so that a sync is one.
pub fn scratch() -> PathBuf {
    let folder = program::root().join("target/desks");
    std::fs::create_dir_all(&folder).expect("target can be written");
    folder
}

/// Compiling the plugins takes seconds, and gives the same for every desk: they share the folder it is kept in. Whether a
/// daemon trusts what lies there is its own affair, and has its own tests.
fn share_compiled_code(dir: &Path) {
    let shared = scratch().join("cache");
    std::fs::create_dir_all(&shared).expect("target can be written");
    std::os::unix::fs::symlink(&shared, dir.join("cache")).expect("a new desk has compiled nothing");
}

/// A port that nobody listens on and that this process did not give out before. It lies below those that the kernel gives to
/// whoever connects: between now and the moment it is listened on, a client could take it.
pub fn free_port() -> u16 {
    const FIRST: u32 = 10_000;
    const COUNT: u32 = 22_000;
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = std::process::id().wrapping_mul(7_919).wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(FIRST + number % COUNT).expect("a port");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

fn lay_over(table: &mut toml::Table, overlay: toml::Table) {
    use toml::Value::{Array, Table};
    for (key, value) in overlay {
        match (table.get_mut(&key), value) {
            (Some(Table(present)), Table(more)) => lay_over(present, more),
            (Some(Array(present)), Array(more)) if more.iter().all(toml::Value::is_table) => {
                for entry in more {
                    let name = entry.get("name").cloned();
                    let same = present.iter_mut().find(|one| name.is_some() && one.get("name") == name.as_ref());
                    match (same, entry) {
                        (Some(Table(one)), Table(entry)) => lay_over(one, entry),
                        (_, entry) => present.push(entry),
                    }
                }
            }
            (_, value) => {
                table.insert(key, value);
            }
        }
    }
}

/// The size of a process in memory, in bytes.
pub fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it has a size");
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kib * 1024
}
