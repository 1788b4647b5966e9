//! The mailbox door: mails are fetched by IMAP (RFC 3501) from a server that has them already, beside the SMTP door where
//! they are brought. Both give to the same [`MailIntake`].
//!
//! - [`config`]: one mailbox of one channel, with defaults.
//! - `dial`: from a name to a session that is logged in; `connection`: commands and answers; `frame` and `answer`: where an
//!   answer ends and what it says, without I/O; `text`: names of folders.
//! - `reader`: the folder: what is new, one mail after another, and what happens to each afterwards.
//! - `cursor`: how far a folder was read, kept in the store and moved only after the mail itself is there.
//! - `envelope`: what delivery wrote into the header, in place of the envelope that is gone.
//! - [`status`]: how each mailbox stands.
//! - [`watch()`]: one session after another, until the stop.
//!
//! The grammar is that of the `imap-proto` crate. The session is ours: the clients there are take a refused or cut off answer
//! to FETCH or SEARCH for an empty one, which would be a mail overlooked, and show commands with passwords to the log.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{sync::watch, time::sleep};
use tracing::{error, info, warn};
use tributary_model::{ChannelName, Timestamp, error::chain};
use tributary_pipeline::now;
use tributary_store::Store;

use crate::smtp::{MailIntake, Route};

mod answer;
pub mod config;
mod connection;
mod cursor;
mod dial;
mod envelope;
mod fault;
mod frame;
mod reader;
pub mod status;
#[cfg(test)]
mod tests;
mod text;

pub use self::{
    config::{After, Config, Login, Secrets, Security},
    status::{Board, MailboxStatus, State},
};
pub use crate::smtp::tls::certificates;

use self::{
    cursor::Cursors,
    reader::{Ended, Mailbox},
    status::Line,
};

/// The first pause after a connection that failed.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The first pause after a login that was refused. A secret that is written anew ends it at once.
const FIRST_PAUSE_OF_A_LOGIN: Duration = Duration::from_secs(300);

/// How often a secret is looked at while a login is refused.
const LOOK: Duration = Duration::from_secs(1);

/// What a mailbox is watched with.
pub struct Parts {
    /// Where mails go.
    pub intake: Arc<dyn MailIntake>,
    /// Where it is kept how far a folder was read.
    pub store: Arc<dyn Store>,
    /// The operator's secrets.
    pub secrets: Secrets,
    /// Where it says how it stands.
    pub board: Board,
}

/// Watches the mailbox of a channel until `stop` becomes `true` or its sender is dropped; the mail that is being taken then
/// is finished. Never fails: a session that ends is followed by the next, after a pause that grows while nothing comes of it.
pub async fn watch(channel: ChannelName, config: Config, parts: Parts, stop: watch::Receiver<bool>) {
    let Parts { intake, store, secrets, board } = parts;
    let line = Line::new(board, &channel.0, format!("{}:{}", config.host, config.port), &config.folder);
    let trust = match dial::trust(&config) {
        Ok(trust) => trust,
        Err(fault) => {
            error!(%channel, error = %chain(&fault), "the mailbox cannot be watched");
            line.state(State::Failed);
            return line.error(chain(&fault));
        }
    };
    let cursors = Cursors::new(store, &channel, &config.user, &config.host, &config.folder);
    let route = Route::new(&channel.0);
    let mut mailbox = Mailbox { route, config, intake, cursors, line, stop, tries: HashMap::new() };
    let mut pauses = Pauses { failed: 0, refused: 0 };
    loop {
        mailbox.line.state(State::Connecting);
        let dialled = tokio::select! {
            () = stopped(&mut mailbox.stop) => break,
            dialled = dial::dial(&mailbox.config, &trust, &secrets) => dialled,
        };
        let ended = match dialled {
            Ok(session) => {
                info!(%channel, server = mailbox.config.host, folder = mailbox.config.folder, "connected with the mailbox");
                Box::pin(reader::run(&mut mailbox, session)).await
            }
            Err(fault) => Ended { worked: false, fault: Some(fault) },
        };
        let Some(fault) = ended.fault else { break };
        if ended.worked {
            pauses = Pauses { failed: 0, refused: 0 };
        }
        let (state, ending) = if fault.is_login() { (State::Refused, "refused") } else { (State::Failed, "failed") };
        let pause = pauses.next(state, &mailbox.config);
        mailbox.line.ended(ending);
        mailbox.line.failed(state, chain(&fault), Timestamp(now().0 + pause.as_millis() as u64));
        warn!(%channel, error = %chain(&fault), next_in = ?pause, "the session with the mailbox ended");
        let name = mailbox.config.login.secret();
        tokio::select! {
            () = stopped(&mut mailbox.stop) => break,
            () = sleep(pause) => {}
            () = changed(&secrets, name), if state == State::Refused => {}
        }
    }
    mailbox.line.ended("stopped");
    mailbox.line.state(State::Stopped);
}

/// How often nothing came of it, one after the other.
struct Pauses {
    failed: u32,
    refused: u32,
}

impl Pauses {
    /// Twice as long each time, up to what the configuration allows, and never the same for all who lost one server.
    fn next(&mut self, state: State, config: &Config) -> Duration {
        let (first, most, before) = match state {
            State::Refused => (FIRST_PAUSE_OF_A_LOGIN, config.refused_most, &mut self.refused),
            _ => (FIRST_PAUSE, config.retry_most, &mut self.failed),
        };
        let whole = first.saturating_mul(1_u32.checked_shl(*before).unwrap_or(u32::MAX)).min(most);
        *before = before.saturating_add(1).min(31);
        let mut random = [0_u8; 1];
        // Without randomness there is no jitter; nothing else depends on it.
        let _ = getrandom::fill(&mut random);
        whole.mul_f64(0.75 + f64::from(random[0]) / 1_024.0)
    }
}

/// Returns once the secret is another one.
async fn changed(secrets: &Secrets, name: &str) {
    let before = secrets(name);
    loop {
        sleep(LOOK).await;
        if secrets(name) != before {
            return;
        }
    }
}

/// Returns once the stop was ordered, or whoever could order it is gone.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}
