//! One connection: commands out, answers in, nobody waited for without end.

use std::time::Duration;

use bytes::BytesMut;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::{Instant, timeout},
};

use super::{
    answer::{Answer, Standing, read},
    fault::Fault,
    frame::Frames,
};

/// Beside a mail, an answer has little that is a literal.
const ROOM_FOR_THE_REST: usize = 64 << 10;

/// A stream to a server, with TLS or without.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Ok,
    /// Refused or not understood, with the server's words.
    Refused(String),
}

/// A connection, whatever state the session is in.
pub struct Connection {
    stream: Box<dyn Stream>,
    buffer: BytesMut,
    frames: Frames,
    wait: Duration,
    tag: u32,
    /// The folder said that it has mails, since this was asked last.
    news: bool,
}

impl Connection {
    /// Over this stream; mails of `most` bytes at most; `wait` for an answer that is owed.
    pub fn new(stream: Box<dyn Stream>, most: usize, wait: Duration) -> Self {
        let frames = Frames::new(most.saturating_add(ROOM_FOR_THE_REST));
        Self { stream, buffer: BytesMut::new(), frames, wait, tag: 0, news: false }
    }

    /// The stream, to be wrapped in TLS.
    ///
    /// # Errors
    /// Where something was sent ahead of TLS: it would be taken for something said under its protection.
    pub fn into_stream(self) -> Result<Box<dyn Stream>, Fault> {
        if self.buffer.is_empty() { Ok(self.stream) } else { Err(Fault::Protocol("words before the TLS handshake")) }
    }

    /// The next answer, waited for as long as one that is owed.
    pub async fn answer(&mut self) -> Result<Answer, Fault> {
        timeout(self.wait, self.next()).await.map_err(|_| Fault::Silent(self.wait))?
    }

    /// The next answer, whenever it comes. Nothing is lost when this future is dropped.
    async fn next(&mut self) -> Result<Answer, Fault> {
        loop {
            if let Some(frame) = self.frames.next(&mut self.buffer)? {
                let answer = read(&frame)?;
                self.news |= matches!(answer, Answer::Exists(_));
                return Ok(answer);
            }
            let missing = self.frames.wanted().saturating_sub(self.buffer.len());
            self.buffer.reserve(missing.clamp(8 << 10, 1 << 20));
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(Fault::Closed);
            }
        }
    }

    /// Sends a line under a new tag.
    async fn send(&mut self, command: &str) -> Result<String, Fault> {
        self.tag = self.tag.wrapping_add(1);
        let tag = format!("T{}", self.tag);
        self.line(&format!("{tag} {command}")).await?;
        Ok(tag)
    }

    /// Sends a line as it is. None of them may be logged: they carry passwords.
    pub async fn line(&mut self, line: &str) -> Result<(), Fault> {
        let bytes = format!("{line}\r\n");
        let send = async {
            self.stream.write_all(bytes.as_bytes()).await?;
            self.stream.flush().await
        };
        timeout(self.wait, send).await.map_err(|_| Fault::Silent(self.wait))?.map_err(Fault::from)
    }

    /// Runs a command to its end and gives every answer in between to `each`. While a long answer comes in, the wait begins
    /// anew with every piece of it.
    pub async fn command(&mut self, command: &str, mut each: impl FnMut(Answer)) -> Result<Outcome, Fault> {
        let tag = self.send(command).await?;
        loop {
            match self.owed().await? {
                Answer::Done(of, standing, words) if of == tag => return Ok(outcome(standing, words)),
                Answer::Said(Standing::Bye, words) => return Err(Fault::Bye(words)),
                answer => each(answer),
            }
        }
    }

    /// The next answer; the server may take its time as long as something of it arrives.
    async fn owed(&mut self) -> Result<Answer, Fault> {
        loop {
            let had = self.buffer.len();
            match timeout(self.wait, self.next()).await {
                Ok(answer) => return answer,
                Err(_) if self.buffer.len() > had => {}
                Err(_) => return Err(Fault::Silent(self.wait)),
            }
        }
    }

    /// Runs a command that must go well; its refusal is a fault.
    pub async fn must(&mut self, what: &'static str, command: &str, each: impl FnMut(Answer)) -> Result<(), Fault> {
        match self.command(command, each).await? {
            Outcome::Ok => Ok(()),
            Outcome::Refused(words) => Err(Fault::Refused { what, words }),
        }
    }

    /// AUTHENTICATE with one response, sent with the command where the server takes that (RFC 4959). A challenge after it
    /// is the server's way to say what is wrong (XOAUTH2), which an empty line acknowledges.
    pub async fn authenticate(&mut self, mechanism: &str, response: &str, at_once: bool) -> Result<Outcome, Fault> {
        let command =
            if at_once { format!("AUTHENTICATE {mechanism} {response}") } else { format!("AUTHENTICATE {mechanism}") };
        let tag = self.send(&command).await?;
        let mut owed = (!at_once).then_some(response);
        loop {
            match self.answer().await? {
                Answer::Continue(_) => self.line(owed.take().unwrap_or_default()).await?,
                Answer::Done(of, standing, words) if of == tag => return Ok(outcome(standing, words)),
                Answer::Said(Standing::Bye, words) => return Err(Fault::Bye(words)),
                _ => {}
            }
        }
    }

    /// Whether the folder said that it has mails since the last time this was asked.
    pub fn had_news(&mut self) -> bool {
        std::mem::take(&mut self.news)
    }

    /// IDLE (RFC 2177) until there is news, `most` has passed or `stop` is ready. `false`: the server refused, although it
    /// offers it.
    pub async fn idle(&mut self, most: Duration, stop: impl Future<Output = ()>) -> Result<bool, Fault> {
        let tag = self.send("IDLE").await?;
        loop {
            match self.answer().await? {
                Answer::Continue(_) => break,
                Answer::Done(of, ..) if of == tag => return Ok(false),
                Answer::Said(Standing::Bye, words) => return Err(Fault::Bye(words)),
                _ => {}
            }
        }
        let until = Instant::now() + most;
        tokio::pin!(stop);
        // News that came with the beginning counts as well.
        while !self.news {
            tokio::select! {
                () = &mut stop => break,
                () = tokio::time::sleep_until(until) => break,
                answer = self.next() => match answer? {
                    Answer::Said(Standing::Bye, words) => return Err(Fault::Bye(words)),
                    // The server ended it by itself.
                    Answer::Done(of, ..) if of == tag => return Ok(true),
                    _ => {}
                }
            }
        }
        self.line("DONE").await?;
        loop {
            match self.answer().await? {
                Answer::Done(of, standing, words) if of == tag => match outcome(standing, words) {
                    Outcome::Ok => return Ok(true),
                    Outcome::Refused(words) => return Err(Fault::Refused { what: "IDLE", words }),
                },
                Answer::Said(Standing::Bye, words) => return Err(Fault::Bye(words)),
                _ => {}
            }
        }
    }
}

fn outcome(standing: Standing, words: String) -> Outcome {
    match standing {
        Standing::Ok => Outcome::Ok,
        Standing::No | Standing::Bad | Standing::PreAuth | Standing::Bye => Outcome::Refused(words),
    }
}
