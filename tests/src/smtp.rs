//! An SMTP client that says exactly what it is told, right or wrong.
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// One answer: its code and all its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Three digits.
    pub code: u16,
    /// The text, line by line.
    pub lines: Vec<String>,
}

impl Reply {
    /// Whether the server took it.
    pub fn is_ok(&self) -> bool {
        (200..400).contains(&self.code)
    }
}

/// One connection.
pub struct Client {
    input: BufReader<TcpStream>,
    output: TcpStream,
}

impl Client {
    /// Connects and reads the greeting.
    pub fn connect(address: &str) -> io::Result<(Self, Reply)> {
        let output = TcpStream::connect(address)?;
        output.set_nodelay(true)?;
        output.set_read_timeout(Some(Duration::from_secs(120)))?;
        output.set_write_timeout(Some(Duration::from_secs(120)))?;
        let mut client = Self { input: BufReader::new(output.try_clone()?), output };
        let greeting = client.reply()?;
        Ok((client, greeting))
    }

    /// Connects and says EHLO; panics where the server does not want it.
    pub fn open(address: &str) -> Self {
        Self::try_open(address, "EHLO").unwrap_or_else(|error| panic!("no session with {address}: {error}"))
    }

    /// As [`Client::open`], for LMTP.
    pub fn open_lmtp(address: &str) -> Self {
        Self::try_open(address, "LHLO").unwrap_or_else(|error| panic!("no session with {address}: {error}"))
    }

    /// Connects and says hello with this word.
    pub fn try_open(address: &str, word: &str) -> io::Result<Self> {
        let (mut client, greeting) = Self::connect(address)?;
        let hello = if greeting.is_ok() { client.command(&format!("{word} client.example"))? } else { greeting };
        if hello.is_ok() { Ok(client) } else { Err(io::Error::other(format!("{hello:?}"))) }
    }

    /// Sends bytes as they are.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.output.write_all(bytes)
    }

    /// Reads one answer.
    pub fn reply(&mut self) -> io::Result<Reply> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if self.input.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let line = line.trim_end();
            let code = line.get(..3).and_then(|code| code.parse().ok());
            let code = code.ok_or_else(|| io::Error::other(format!("not an answer: {line:?}")))?;
            lines.push(line.get(4..).unwrap_or_default().to_owned());
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(Reply { code, lines });
            }
        }
    }

    /// One command, one answer.
    pub fn command(&mut self, line: &str) -> io::Result<Reply> {
        self.write(format!("{line}\r\n").as_bytes())?;
        self.reply()
    }

    /// A whole mail, command by command, dots stuffed. The first refusal ends it; the session can go on.
    pub fn send(&mut self, from: &str, to: &[&str], mail: &[u8]) -> io::Result<Reply> {
        let reply = self.envelope(from, to)?;
        if !reply.is_ok() {
            return Ok(reply);
        }
        self.write(&stuffed(mail))?;
        self.reply()
    }

    /// Everything up to the 354.
    pub fn envelope(&mut self, from: &str, to: &[&str]) -> io::Result<Reply> {
        let mut commands = vec![format!("MAIL FROM:<{from}>")];
        commands.extend(to.iter().map(|to| format!("RCPT TO:<{to}>")));
        commands.push("DATA".to_owned());
        let mut reply = Reply { code: 0, lines: Vec::new() };
        for command in commands {
            reply = self.command(&command)?;
            if !reply.is_ok() {
                self.command("RSET")?;
                break;
            }
        }
        Ok(reply)
    }

    /// Closes without a word.
    pub fn drop_connection(self) {
        let _ = self.output.shutdown(Shutdown::Both);
    }
}

/// The mail as it stands on the wire: lines end in CRLF as they came, leading dots are doubled, the end is marked.
pub fn stuffed(mail: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(mail.len() + 64);
    for line in mail.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            wire.push(b'.');
        }
        wire.extend_from_slice(line);
    }
    if !wire.is_empty() && !wire.ends_with(b"\r\n") {
        wire.extend_from_slice(b"\r\n");
    }
    wire.extend_from_slice(b".\r\n");
    wire
}

/// Bare LF made CRLF, as a client does with a file.
pub fn crlf(text: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(text.len() + text.len() / 32);
    for (at, byte) in text.iter().enumerate() {
        if *byte == b'\n' && (at == 0 || text[at - 1] != b'\r') {
            wire.push(b'\r');
        }
        wire.push(*byte);
    }
    wire
}
