//! A session that is logged in: opens the folder, takes what is new, one mail after another in the order of UIDs, and waits.
//!
//! For each mail: fetched without a mark (`BODY.PEEK[]`), given to the pipeline, and only once that has it on disk the cursor
//! moves; only after that the mail is marked, moved or deleted. A crash anywhere in between repeats a step: a mail that is
//! given twice is known by its content, a mark that is set twice is one mark.
//!
//! News of the server only save time. What is there is always asked of the folder itself.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use tokio::{sync::watch, time::timeout};
use tracing::{debug, info, warn};

use super::{
    answer::Answer,
    config::{After, Config},
    connection::Outcome,
    cursor::{Cursor, Cursors},
    dial::Session,
    envelope::envelope,
    fault::Fault,
    status::{Left, Line, State},
    stopped, text,
};
use crate::smtp::{Mail, MailIntake, Refused, Route};

/// Mails whose sizes are asked, and that are marked, by one command.
const CHUNK: usize = 50;

/// The longest pause while the queue has no room; less than a server's patience.
const LONGEST_HOLD: Duration = Duration::from_secs(30);

/// So often a mail is asked for that the server refuses or garbles.
const TRIES: u32 = 3;

/// So often one is asked for during which connections break: they may break for other reasons.
const TRIES_OF_A_CONNECTION: u32 = 20;

/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// What stays the same from session to session.
pub(super) struct Mailbox {
    pub(super) route: Route,
    pub(super) config: Config,
    pub(super) intake: Arc<dyn MailIntake>,
    pub(super) cursors: Cursors,
    pub(super) line: Line,
    pub(super) stop: watch::Receiver<bool>,
    /// How often mails were asked for that did not come.
    pub(super) tries: HashMap<u32, u32>,
}

impl Mailbox {
    fn stopping(&self) -> bool {
        // A sender that is gone is a stop as well.
        *self.stop.borrow() || self.stop.has_changed().is_err()
    }
}

/// One session with the folder.
pub(super) struct Reader<'a> {
    mailbox: &'a mut Mailbox,
    session: Session,
    cursor: Cursor,
    /// The server offers IDLE and did not refuse it.
    idles: bool,
    /// Something was taken, or the server was waited for: the next failure is a new one.
    worked: bool,
}

/// How a session went.
pub(super) struct Ended {
    /// Whether it did any good before it ended.
    pub(super) worked: bool,
    /// Why it ended; none: the daemon stops.
    pub(super) fault: Option<Fault>,
}

/// Reads until the stop or a fault.
pub(super) async fn run(mailbox: &mut Mailbox, mut session: Session) -> Ended {
    let cursor = match open(mailbox, &mut session).await {
        Ok(cursor) => cursor,
        Err(fault) => return Ended { worked: false, fault: Some(fault) },
    };
    let idles = session.capabilities.has("IDLE");
    let mut reader = Reader { mailbox, session, cursor, idles, worked: false };
    let ended = reader.read().await;
    if ended.is_ok() {
        // What was taken is on disk; a server that does not answer cannot hold up the stop.
        let bye = async {
            reader.settle().await?;
            reader.session.connection.command("LOGOUT", drop).await
        };
        let _ = timeout(GOODBYE, bye).await;
    }
    Ended { worked: reader.worked, fault: ended.err() }
}

/// Opens the folder and finds out where we are in it.
async fn open(mailbox: &Mailbox, session: &mut Session) -> Result<Cursor, Fault> {
    let config = &mailbox.config;
    let (mut validity, mut next) = (None, None);
    let each = |answer| match answer {
        Answer::UidValidity(number) => validity = Some(number),
        Answer::UidNext(number) => next = Some(number),
        _ => {}
    };
    let select = ["SELECT", &text::folder(&config.folder)].join(" ");
    session.connection.must("opening the folder", &select, each).await?;
    let validity = validity.ok_or(Fault::Protocol("a folder without UIDVALIDITY"))?;
    let next = match next {
        Some(next) => next,
        // An old server: the highest UID says it.
        None => search(session, "ALL").await?.last().map_or(1, |last| last.saturating_add(1)),
    };
    let days = config.since_days;
    let cursor = match mailbox.cursors.load().await? {
        Some(cursor) if cursor.validity == validity && cursor.last < next => return Ok(cursor),
        Some(cursor) => {
            warn!(
                channel = %mailbox.route.0, was = cursor.validity, is = validity,
                "the folder's UIDs are others than they were: it is read from its beginning; mails that were taken are known by their content"
            );
            cursor.anew(validity, next)
        }
        None => {
            info!(channel = %mailbox.route.0, days, "the folder is read for the first time, from mails of so many days on");
            Cursor::first(validity, next, days)
        }
    };
    mailbox.cursors.save(&cursor).await?;
    Ok(cursor)
}

/// UIDs in ascending order.
async fn search(session: &mut Session, what: &str) -> Result<Vec<u32>, Fault> {
    let mut found = Vec::new();
    let each = |answer| {
        if let Answer::Found(more) = answer {
            found.extend(more);
        }
    };
    session.connection.must("the search", &format!("UID SEARCH {what}"), each).await?;
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

impl Reader<'_> {
    async fn read(&mut self) -> Result<(), Fault> {
        self.settle().await?;
        loop {
            // Whatever is told from here on came after this search or is found by it.
            self.session.connection.had_news();
            let found = self.look().await?;
            if !found.is_empty() {
                self.mailbox.line.state(State::Reading);
            }
            for chunk in found.chunks(CHUNK) {
                let sizes = self.sizes(chunk).await?;
                for uid in chunk {
                    if self.mailbox.stopping() || !self.one(*uid, sizes.get(uid).copied()).await? {
                        return Ok(());
                    }
                }
                self.settle().await?;
            }
            if found.is_empty() && !self.rest().await? {
                return Ok(());
            }
        }
    }

    /// The UIDs that are not dealt with yet.
    async fn look(&mut self) -> Result<Vec<u32>, Fault> {
        if let Some(old) = self.cursor.old() {
            let found = search(&mut self.session, &old).await?;
            let range = self.cursor.last + 1..self.cursor.before;
            let found: Vec<u32> = found.into_iter().filter(|uid| range.contains(uid)).collect();
            if !found.is_empty() {
                return Ok(found);
            }
            self.cursor.last = self.cursor.before - 1;
            self.mailbox.cursors.save(&self.cursor).await?;
        }
        let last = self.cursor.last;
        // `*` is the last mail whatever its UID: a range up to it is never empty (RFC 3501 6.4.8).
        let found = search(&mut self.session, &format!("UID {}:*", last.saturating_add(1))).await?;
        Ok(found.into_iter().filter(|uid| *uid > last).collect())
    }

    async fn sizes(&mut self, uids: &[u32]) -> Result<BTreeMap<u32, u32>, Fault> {
        let mut sizes = BTreeMap::new();
        let each = |answer| {
            if let Answer::Fetched(of) = answer
                && let (Some(uid), Some(size)) = (of.uid, of.size)
            {
                sizes.insert(uid, size);
            }
        };
        let fetch = format!("UID FETCH {} (UID RFC822.SIZE)", list(uids));
        // A refusal is no reason to leave a mail: what is too big is found out when it is read.
        self.session.connection.command(&fetch, each).await?;
        Ok(sizes)
    }

    /// Deals with one mail. `false`: the stop came before that.
    async fn one(&mut self, uid: u32, size: Option<u32>) -> Result<bool, Fault> {
        let most = self.mailbox.config.max_message_bytes;
        if size.is_some_and(|size| size as usize > most) {
            warn!(channel = %self.mailbox.route.0, uid, size, most, "a mail is too big and stays in its folder");
            return self.leave(uid, Left::TooBig).await;
        }
        let mut pause = Duration::from_secs(1);
        while !self.mailbox.intake.has_room() {
            if !self.hold("the queue has no room", &mut pause).await? {
                return Ok(false);
            }
        }
        let body = match self.fetch(uid).await {
            Ok(body) => body,
            Err(fault) => return self.not_given(uid, fault).await,
        };
        self.mailbox.tries.remove(&uid);
        match body {
            Some(body) => self.give(uid, body).await,
            // Somebody deleted it meanwhile.
            None => self.advance(uid, false).await.map(|()| true),
        }
    }

    /// The mail; none where it is not there any more.
    async fn fetch(&mut self, uid: u32) -> Result<Option<Bytes>, Fault> {
        let mut body = None;
        let each = |answer| {
            if let Answer::Fetched(of) = answer
                && of.uid == Some(uid)
                && of.body.is_some()
            {
                body = of.body;
            }
        };
        let outcome = self.session.connection.command(&format!("UID FETCH {uid} (UID BODY.PEEK[])"), each).await?;
        let words = match (body, outcome) {
            (Some(body), _) => return Ok(Some(body)),
            (None, Outcome::Refused(words)) => words,
            (None, Outcome::Ok) => "nothing was sent".to_owned(),
        };
        let is_there = search(&mut self.session, &format!("UID {uid}")).await?.contains(&uid);
        if is_there { Err(Fault::NotGiven { uid, words }) } else { Ok(None) }
    }

    /// A mail did not come. It is asked for again in the next session, but not for ever: others wait behind it.
    async fn not_given(&mut self, uid: u32, fault: Fault) -> Result<bool, Fault> {
        let most = match fault {
            Fault::NotGiven { .. } | Fault::Frame(_) | Fault::Unreadable(_) => TRIES,
            _ => TRIES_OF_A_CONNECTION,
        };
        let tries = self.mailbox.tries.entry(uid).or_default();
        *tries += 1;
        if *tries >= most {
            warn!(channel = %self.mailbox.route.0, uid, tries, "the server does not give a mail: it stays in its folder");
            self.leave(uid, Left::NotGiven).await?;
            self.mailbox.tries.remove(&uid);
        }
        Err(fault)
    }

    /// Gives a mail to the pipeline and keeps that it was given.
    async fn give(&mut self, uid: u32, data: Bytes) -> Result<bool, Fault> {
        let (intake, route) = (self.mailbox.intake.clone(), self.mailbox.route.clone());
        let ours = |address: &str| intake.route(address).as_ref() == Some(&route);
        let (mail_from, rcpt_to) = envelope(&data, ours, &self.mailbox.config.addresses);
        let helo = self.mailbox.config.host.clone();
        let mail = Mail { mail_from, rcpt_to, data, peer: self.session.peer, tls: self.session.tls, helo };
        let mut pause = Duration::from_secs(1);
        loop {
            let why = match intake.take(&route, mail.clone()).await {
                Ok(taken) => {
                    debug!(channel = %route.0, uid, reference = taken.reference, "taken");
                    self.advance(uid, true).await?;
                    self.mailbox.line.taken();
                    self.worked = true;
                    return Ok(true);
                }
                Err(Refused::TooBig) => {
                    warn!(channel = %route.0, uid, "a mail is too big for its channel and stays in its folder");
                    return self.leave(uid, Left::TooBig).await;
                }
                Err(refused @ Refused::Rejected(_)) => {
                    warn!(channel = %route.0, uid, why = %refused, "the channel does not take a mail: it stays in its folder");
                    return self.leave(uid, Left::Rejected).await;
                }
                Err(Refused::Overloaded) => "the queue has no room",
                Err(Refused::Storage) => "the store fails",
            };
            if !self.hold(why, &mut pause).await? {
                return Ok(false);
            }
        }
    }

    async fn leave(&mut self, uid: u32, why: Left) -> Result<bool, Fault> {
        self.advance(uid, false).await?;
        self.mailbox.line.left(why);
        Ok(true)
    }

    async fn advance(&mut self, uid: u32, taken: bool) -> Result<(), Fault> {
        self.cursor.last = uid;
        if taken && self.mailbox.config.after != After::Leave {
            self.cursor.taken.push(uid);
        }
        Ok(self.mailbox.cursors.save(&self.cursor).await?)
    }

    /// Waits for room and keeps the session alive. `false`: the stop came.
    async fn hold(&mut self, why: &str, pause: &mut Duration) -> Result<bool, Fault> {
        self.mailbox.line.state(State::Held);
        self.mailbox.line.error(why.to_owned());
        tokio::select! {
            () = stopped(&mut self.mailbox.stop) => return Ok(false),
            () = tokio::time::sleep(*pause) => {}
        }
        *pause = (*pause * 2).min(LONGEST_HOLD);
        self.session.connection.must("NOOP", "NOOP", drop).await?;
        self.mailbox.line.state(State::Reading);
        Ok(true)
    }

    /// Marks, moves or deletes what was taken.
    async fn settle(&mut self) -> Result<(), Fault> {
        if self.cursor.taken.is_empty() {
            return Ok(());
        }
        let uids = list(&self.cursor.taken);
        let outcome = match self.mailbox.config.after.clone() {
            After::Leave => Outcome::Ok,
            After::Seen => self.store(&uids, "\\Seen").await?,
            After::Delete => self.delete(&uids).await?,
            After::Move(folder) => self.move_to(&uids, &folder).await?,
        };
        if let Outcome::Refused(words) = outcome {
            // The mails are in the store; what a person sees in the mailbox is not worth stopping for.
            warn!(channel = %self.mailbox.route.0, uids, words, "mails that were taken could not be marked, moved or deleted");
            self.mailbox.line.error(format!("mails could not be marked, moved or deleted: {words}"));
        }
        self.cursor.taken.clear();
        Ok(self.mailbox.cursors.save(&self.cursor).await?)
    }

    async fn store(&mut self, uids: &str, flag: &str) -> Result<Outcome, Fault> {
        self.session.connection.command(&format!("UID STORE {uids} +FLAGS.SILENT ({flag})"), drop).await
    }

    /// Without UIDPLUS (RFC 4315) the mark has to do: EXPUNGE would take along what others marked.
    async fn delete(&mut self, uids: &str) -> Result<Outcome, Fault> {
        match self.store(uids, "\\Deleted").await? {
            Outcome::Ok if self.session.capabilities.has("UIDPLUS") => {
                self.session.connection.command(&format!("UID EXPUNGE {uids}"), drop).await
            }
            outcome => Ok(outcome),
        }
    }

    /// MOVE (RFC 6851), or copy and delete. A folder that is missing is made.
    async fn move_to(&mut self, uids: &str, name: &str) -> Result<Outcome, Fault> {
        let folder = text::folder(name);
        let moves = self.session.capabilities.has("MOVE");
        let command = format!("UID {} {uids} {folder}", if moves { "MOVE" } else { "COPY" });
        let mut outcome = self.session.connection.command(&command, drop).await?;
        if outcome != Outcome::Ok {
            self.session.connection.command(&format!("CREATE {folder}"), drop).await?;
            outcome = self.session.connection.command(&command, drop).await?;
        }
        if moves || outcome != Outcome::Ok { Ok(outcome) } else { self.delete(uids).await }
    }

    /// Waits for news. `false`: the stop came.
    async fn rest(&mut self) -> Result<bool, Fault> {
        let Mailbox { config, stop, line, .. } = &mut *self.mailbox;
        line.state(State::Waiting);
        if self.idles {
            self.idles = self.session.connection.idle(config.idle, stopped(stop)).await?;
        } else {
            tokio::select! {
                () = stopped(stop) => return Ok(false),
                () = tokio::time::sleep(config.every) => {}
            }
            self.session.connection.must("NOOP", "NOOP", drop).await?;
        }
        self.worked = true;
        Ok(!self.mailbox.stopping())
    }
}

/// UIDs as commands have them.
fn list(uids: &[u32]) -> String {
    uids.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}
