//! What platforms and a shop's backend send, made by other people's libraries: `tests/peers/platforms.py`.
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::{Desk, program};

/// The libraries, in a process of their own.
pub struct Platforms {
    child: Child,
    line: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
}

impl Platforms {
    /// Starts them.
    pub fn start() -> Self {
        let mut command = Command::new(program::python());
        command.arg(program::peer("platforms.py")).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the libraries can be started");
        let orders = child.stdin.take().expect("they take orders");
        let answers = BufReader::new(child.stdout.take().expect("they answer"));
        Self { child, line: Mutex::new((orders, answers)) }
    }

    fn ask(&self, order: &Value) -> Value {
        let mut line = self.line.lock().expect("nobody panics in here");
        writeln!(line.0, "{order}").expect("they take orders");
        let mut answer = String::new();
        line.1.read_line(&mut answer).expect("they answer");
        serde_json::from_str(&answer).unwrap_or_else(|_| panic!("no answer to {order}; what was said is above"))
    }

    /// A visitor's token, as a shop's backend makes it.
    pub fn visitor(&self, key: &str, claims: &Value) -> String {
        let made = self.ask(&json!({ "do": "visitor", "key": key, "claims": claims }));
        made["token"].as_str().expect("a token").to_owned()
    }

    /// Sends a message of an official account to a desk's channel; the answer's status and body.
    pub fn wechat(&self, desk: &Desk, channel: &str, token: &str, xml: &str) -> (u16, String) {
        let openid = xml.split("<FromUserName>").nth(1).and_then(|rest| rest.split('<').next()).unwrap_or_default();
        let made = self.ask(&json!({ "do": "wechat", "token": token, "openid": openid }));
        let url = made["url"].as_str().expect("a URL");
        hook(desk, &format!("{channel}{url}"), &[("content-type", "text/xml")], xml.as_bytes())
    }
}

impl Drop for Platforms {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Calls a hook of a desk; the answer's status and body.
pub fn hook(desk: &Desk, path: &str, fields: &[(&str, &str)], body: &[u8]) -> (u16, String) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut request = agent.post(format!("http://{}/hooks/{path}", desk.http));
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let mut answer = request.send(body).expect("the daemon answers");
    (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap_or_default())
}
