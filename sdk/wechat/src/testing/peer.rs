//! Other people's libraries, in a process of their own: `tests/peers/wechat_peer.py` and `.cjs`, which say what they do.
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

/// One that waits for orders.
pub struct Peer {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

impl Peer {
    /// wechatpy and WeRoBot.
    pub fn python() -> Self {
        let program = root().join("target/peers/venv/bin/python");
        assert!(program.exists(), "{} is missing: run `cargo xtask test`, which installs it", program.display());
        Self::start(Command::new(program).arg(root().join("tests/peers/wechat_peer.py")))
    }

    /// @wecom/crypto.
    pub fn node() -> Self {
        let modules = root().join("target/peers/node_modules");
        let package = modules.join("@wecom/crypto");
        assert!(package.exists(), "{} is missing: run `cargo xtask test`, which installs it", package.display());
        Self::start(Command::new("node").arg(root().join("tests/peers/wechat_peer.cjs")).env("NODE_PATH", modules))
    }

    fn start(command: &mut Command) -> Self {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = piped.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let orders = child.stdin.take().expect("stdin is piped");
        let answers = BufReader::new(child.stdout.take().expect("stdout is piped"));
        Self { child, orders, answers }
    }

    /// The answer to an order.
    pub fn ask(&mut self, order: &Value) -> Value {
        let mut line = String::new();
        let asked = writeln!(self.orders, "{order}").and_then(|()| self.answers.read_line(&mut line));
        let answer = asked.ok().and_then(|_| serde_json::from_str(&line).ok());
        answer.unwrap_or_else(|| panic!("the peer ended at {order}; what it said is above"))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Bytes as a text of latin-1, one sign for each.
pub fn latin(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}
