//! The session against a server that follows a script, line by line, over a stream in memory.

use std::{
    collections::{HashMap, VecDeque},
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream},
    sync::watch,
};
use tributary_model::ChannelName;
use tributary_store::{
    Store,
    sqlite::{SqliteConfig, SqliteStore},
};

use super::{
    After, Board, Config, Login, Secrets, Security, State,
    connection::Connection,
    cursor::{Cursor, Cursors},
    dial::{self, Capabilities, Session},
    fault::Fault,
    reader::{self, Ended, Mailbox},
    status::Line,
};
use crate::smtp::{Mail, MailIntake, Refused, Route, Taken};

/// Takes mails, with these answers first.
#[derive(Default)]
struct Intake {
    mails: Mutex<Vec<Mail>>,
    answers: Mutex<VecDeque<Refused>>,
}

#[async_trait]
impl MailIntake for Intake {
    fn route(&self, recipient: &str) -> Option<Route> {
        recipient.ends_with("@shop.example").then(|| Route::new("email"))
    }

    fn has_room(&self) -> bool {
        true
    }

    async fn take(&self, route: &Route, mail: Mail) -> Result<Taken, Refused> {
        assert_eq!(route, &Route::new("email"));
        if let Some(refused) = self.answers.lock().pop_front() {
            return Err(refused);
        }
        self.mails.lock().push(mail);
        Ok(Taken { reference: String::new() })
    }
}

/// A mailbox and what it is made of.
struct House {
    intake: Arc<Intake>,
    cursors: Cursors,
    board: Board,
    stop: watch::Sender<bool>,
    mailbox: Mailbox,
    _dir: tempfile::TempDir,
}

fn house(change: impl FnOnce(&mut Config)) -> House {
    let dir = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&SqliteConfig::new(dir.path())).unwrap());
    let mut config = Config::new("mail.example", Security::None, "u@shop.example", Login::Password("imap".into()));
    config.timeout = Duration::from_secs(2);
    config.every = Duration::from_millis(20);
    config.addresses = vec!["support@shop.example".into()];
    change(&mut config);
    let channel = ChannelName::from("email".to_owned());
    let cursors = Cursors::new(store, &channel, &config.user, &config.host, &config.folder);
    let (intake, board) = (Arc::new(Intake::default()), Board::default());
    let (stop, stopped) = watch::channel(false);
    let line = Line::new(board.clone(), "email", "mail.example:143".into(), "INBOX");
    let mailbox = Mailbox {
        route: Route::new("email"),
        config,
        intake: intake.clone(),
        cursors: cursors.clone(),
        line,
        stop: stopped,
        tries: HashMap::new(),
    };
    House { intake, cursors, board, stop, mailbox, _dir: dir }
}

impl House {
    /// A session that is logged in with a server that follows the script, until the server or the session ends it.
    async fn session(&mut self, capabilities: &str, script: &str) -> Ended {
        let (ours, theirs) = tokio::io::duplex(64 << 10);
        let config = &self.mailbox.config;
        let connection = Connection::new(Box::new(ours), config.max_message_bytes, config.timeout);
        let capabilities = Capabilities(capabilities.split(' ').map(str::to_owned).collect());
        let session = Session { connection, capabilities, peer: IpAddr::V4(Ipv4Addr::LOCALHOST), tls: false };
        let run = reader::run(&mut self.mailbox, session);
        let (ended, ()) = tokio::join!(run, follow(theirs, script, &self.stop));
        ended
    }

    async fn cursor(&self) -> Cursor {
        self.cursors.load().await.unwrap().expect("there is a cursor")
    }

    fn subjects(&self) -> Vec<String> {
        let mails = self.intake.mails.lock();
        mails.iter().map(|mail| String::from_utf8_lossy(&mail.data).trim().to_owned()).collect()
    }
}

/// `C` lines are expected of the client, `S` lines are sent; `TAG` is the client's last tag. `STOP` orders the stop. At the
/// end the connection is closed.
async fn follow(stream: DuplexStream, script: &str, stop: &watch::Sender<bool>) {
    let mut stream = BufReader::new(stream);
    let mut tag = String::new();
    for step in script.lines().map(str::trim).filter(|step| !step.is_empty()) {
        match step.split_once(':').map_or((step, ""), |(who, line)| (who, line.trim_start())) {
            ("C", expected) => {
                let mut line = String::new();
                stream.read_line(&mut line).await.unwrap();
                let line = line.trim_end();
                let said = match line.split_once(' ') {
                    Some((said, rest)) if said.starts_with('T') => {
                        tag = said.to_owned();
                        rest
                    }
                    _ => line,
                };
                assert_eq!(said, expected, "in {script}");
            }
            ("S", line) => {
                let line = line.replace("TAG", &tag).replace("\\n", "\r\n");
                stream.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
            }
            ("STOP", _) => drop(stop.send_replace(true)),
            other => panic!("{other:?} is no step"),
        }
    }
}

const OPEN: &str = "
    C: SELECT \"INBOX\"
    S: * 2 EXISTS
    S: * OK [UIDVALIDITY 7] fine
    S: * OK [UIDNEXT 1] fine
    S: TAG OK [READ-WRITE] open
";

/// A script of a mail that is found and fetched.
fn mail(uid: u32, from: u32, subject: &str) -> String {
    format!(
        "C: UID SEARCH UID {from}:*
         S: * SEARCH {uid}
         S: TAG OK
         C: UID FETCH {uid} (UID RFC822.SIZE)
         S: * 1 FETCH (UID {uid} RFC822.SIZE 10)
         S: TAG OK
         C: UID FETCH {uid} (UID BODY.PEEK[])
         S: * 1 FETCH (UID {uid} BODY[] {{{}}}\\n{subject})
         S: TAG OK\n",
        subject.len()
    )
}

fn is_cut_off(ended: &Ended) -> bool {
    matches!(ended.fault, Some(Fault::Closed | Fault::Io(_)))
}

#[tokio::test]
async fn a_mail_is_taken_then_kept_then_marked() {
    let mut house = house(|_| ());
    let script = [
        OPEN,
        &mail(4, 1, "Subject: a"),
        "C: UID STORE 4 +FLAGS.SILENT (\\Seen)
         S: TAG OK
         C: UID SEARCH UID 5:*
         S: * SEARCH 4
         S: TAG OK
         C: IDLE
         S: + idling
         S: * OK still here
         S: * 2 EXISTS
         C: DONE
         S: TAG OK\n",
        &mail(5, 5, "Subject: b"),
        "C: UID STORE 5 +FLAGS.SILENT (\\Seen)
         S: TAG OK
         C: UID SEARCH UID 6:*
         S: * SEARCH
         S: TAG OK
         C: IDLE
         S: + idling
         STOP
         C: DONE
         S: TAG OK
         C: LOGOUT
         S: * BYE
         S: TAG OK",
    ];
    let ended = house.session("IMAP4REV1 IDLE", &script.concat()).await;
    assert!(ended.fault.is_none() && ended.worked, "{:?}", ended.fault);
    assert_eq!(house.subjects(), ["Subject: a", "Subject: b"]);
    let cursor = house.cursor().await;
    assert_eq!((cursor.validity, cursor.last, cursor.taken.len()), (7, 5, 0));
    let mails = house.intake.mails.lock();
    assert_eq!(
        (mails[0].mail_from.as_str(), &mails[0].rcpt_to[..]),
        ("unknown", &["support@shop.example".to_owned()][..])
    );
}

#[tokio::test]
async fn a_mark_that_was_not_set_is_set_in_the_next_session() {
    let mut house = house(|_| ());
    let ended = house.session("IMAP4REV1", &[OPEN, &mail(4, 1, "Subject: a")].concat()).await;
    assert!(is_cut_off(&ended), "{:?}", ended.fault);
    assert_eq!(house.cursor().await.taken, [4]);
    let open = OPEN.replace("UIDNEXT 1", "UIDNEXT 5");
    let script = [&open, "C: UID STORE 4 +FLAGS.SILENT (\\Seen)\nS: TAG OK\n"].concat();
    house.session("IMAP4REV1", &script).await;
    assert_eq!((house.cursor().await.last, house.cursor().await.taken.len()), (4, 0));
    assert_eq!(house.subjects().len(), 1);
}

#[tokio::test]
async fn an_answer_that_was_refused_or_cut_off_is_not_an_empty_one() {
    for (rest, expected) in [
        ("C: UID SEARCH UID 1:*\nS: TAG NO later\n", "the search was refused: later"),
        ("C: UID SEARCH UID 1:*\nS: * SEARCH 4 x\n", "the server sent a SEARCH answer that cannot be read"),
        ("C: UID SEARCH UID 1:*\nS: * BYE going down\n", "the server closed the connection: going down"),
        ("C: UID SEARCH UID 1:*\n", "the server closed the connection"),
    ] {
        let mut house = house(|_| ());
        let fault = house.session("IMAP4REV1", &[OPEN, rest].concat()).await.fault.expect("a fault");
        assert_eq!(fault.to_string(), expected);
        assert_eq!(house.cursor().await.last, 0);
    }
}

/// The script up to the place where the mail should come.
fn asked(uid: u32) -> String {
    let whole = mail(uid, 1, "x");
    let end = whole.find("BODY.PEEK[])").unwrap() + "BODY.PEEK[])".len();
    format!("{OPEN}{}\n", &whole[..end])
}

#[tokio::test]
async fn a_mail_that_is_not_given_is_asked_for_again_and_left_in_the_end() {
    let mut house = house(|_| ());
    let still_there = "S: TAG NO broken\nC: UID SEARCH UID 4\nS: * SEARCH 4\nS: TAG OK\n";
    for expected in [0, 0, 4] {
        let fault = house.session("IMAP4REV1", &[&asked(4), still_there].concat()).await.fault.expect("a fault");
        assert!(matches!(fault, Fault::NotGiven { uid: 4, .. }), "{fault}");
        assert_eq!(house.cursor().await.last, expected);
    }
    assert_eq!((house.subjects().len(), house.board.all()[0].left), (0, 1));
}

#[tokio::test]
async fn a_mail_that_somebody_deleted_meanwhile_is_passed_over() {
    let mut house = house(|_| ());
    let gone = "S: * 1 EXPUNGE\nS: TAG OK\nC: UID SEARCH UID 4\nS: * SEARCH\nS: TAG OK\n";
    let next = mail(6, 5, "Subject: next");
    house.session("IMAP4REV1", &[&asked(4), gone, &next].concat()).await;
    assert_eq!(house.subjects(), ["Subject: next"]);
    assert_eq!((house.cursor().await.last, house.board.all()[0].left), (6, 0));
}

#[tokio::test]
async fn what_is_too_big_or_not_taken_stays_and_does_not_block() {
    let mut house = house(|config| config.max_message_bytes = 20);
    let big = "C: UID SEARCH UID 1:*
        S: * SEARCH 4
        S: TAG OK
        C: UID FETCH 4 (UID RFC822.SIZE)
        S: * 1 FETCH (UID 4 RFC822.SIZE 21)
        S: TAG OK\n";
    house.intake.answers.lock().push_back(Refused::Rejected("no".into()));
    let script = [OPEN, big, &mail(5, 5, "Subject: b"), &mail(6, 6, "Subject: c")].concat();
    house.session("IMAP4REV1", &script).await;
    assert_eq!(house.subjects(), ["Subject: c"]);
    let cursor = house.cursor().await;
    assert_eq!((cursor.last, &cursor.taken[..], house.board.all()[0].left), (6, &[6][..], 2));
}

#[tokio::test]
async fn while_there_is_no_room_the_mail_waits_and_the_session_is_kept() {
    let mut house = house(|_| ());
    house.intake.answers.lock().push_back(Refused::Overloaded);
    let script = [OPEN, &mail(4, 1, "Subject: a"), "C: NOOP\nS: TAG OK\nC: UID STORE 4 +FLAGS.SILENT (\\Seen)\n"];
    house.session("IMAP4REV1", &script.concat()).await;
    assert_eq!(house.subjects(), ["Subject: a"]);
    assert_eq!(house.board.all()[0].error.as_ref().unwrap().1, "the queue has no room");
}

#[tokio::test]
async fn other_uids_begin_anew() {
    for (uid_line, expected) in [("UIDVALIDITY 8", 8), ("UIDVALIDITY 7", 7)] {
        let mut house = house(|_| ());
        let cursor = Cursor { last: 900, ..Cursor::first(7, 1_000, 0) };
        house.cursors.save(&cursor).await.unwrap();
        let open = OPEN.replace("UIDVALIDITY 7", uid_line).replace("UIDNEXT 1", "UIDNEXT 41");
        let since = house.mailbox.config.since_days;
        assert_eq!(since, 7);
        let old = Cursor { last: 0, before: 41, ..cursor.anew(expected, 41) }.old().unwrap();
        let script = [&open, "C: UID SEARCH ", &old, "\nS: * SEARCH\nS: TAG OK\nC: UID SEARCH UID 41:*\n"].concat();
        let ended = house.session("IMAP4REV1", &script).await;
        assert!(is_cut_off(&ended), "{:?}", ended.fault);
        assert_eq!((house.cursor().await.validity, house.cursor().await.last), (expected, 40));
    }
}

#[tokio::test]
async fn moving_and_deleting_do_with_what_the_server_offers() {
    for (after, capabilities, script) in [
        ("delete", "UIDPLUS", "C: UID STORE 4 +FLAGS.SILENT (\\Deleted)\nS: TAG OK\nC: UID EXPUNGE 4\nS: TAG OK\n"),
        ("delete", "X", "C: UID STORE 4 +FLAGS.SILENT (\\Deleted)\nS: TAG OK\n"),
        ("move:已处理", "MOVE", "C: UID MOVE 4 \"&XfJZBHQG-\"\nS: TAG OK\n"),
        (
            "move:Done",
            "UIDPLUS",
            "C: UID COPY 4 \"Done\"
             S: TAG NO [TRYCREATE] none
             C: CREATE \"Done\"
             S: TAG OK
             C: UID COPY 4 \"Done\"
             S: TAG OK
             C: UID STORE 4 +FLAGS.SILENT (\\Deleted)
             S: TAG OK
             C: UID EXPUNGE 4
             S: TAG OK\n",
        ),
        ("leave", "X", ""),
        // A refusal does not hold up anything.
        ("seen", "X", "C: UID STORE 4 +FLAGS.SILENT (\\Seen)\nS: TAG NO read only\n"),
    ] {
        let mut house = house(|config| config.after = After::parse(after).unwrap());
        let script = [OPEN, &mail(4, 1, "Subject: a"), script, "C: UID SEARCH UID 5:*\n"].concat();
        let ended = house.session(capabilities, &script).await;
        assert!(is_cut_off(&ended), "{after}: {:?}", ended.fault);
        assert_eq!((house.cursor().await.last, house.cursor().await.taken.len()), (4, 0), "{after}");
    }
}

#[tokio::test]
async fn a_server_that_cannot_tell_is_asked_again_and_again() {
    for (capabilities, refusal) in [("IMAP4REV1", ""), ("IMAP4REV1 IDLE", "C: IDLE\nS: TAG BAD no\n")] {
        let mut house = house(|_| ());
        let nothing = "C: UID SEARCH UID 1:*\nS: * SEARCH\nS: TAG OK\n";
        let noop = "C: NOOP\nS: * 1 EXISTS\nS: TAG OK\n";
        // After the refusal the folder is looked at once more before the pause.
        let refused = if refusal.is_empty() { String::new() } else { [refusal, nothing].concat() };
        let script = [OPEN, nothing, &refused, noop, &mail(1, 1, "Subject: a")].concat();
        house.session(capabilities, &script).await;
        assert_eq!(house.subjects(), ["Subject: a"], "{capabilities}");
    }
}

/// What the client says to log in, and what comes of it.
async fn log_in(config: &Config, secret: &'static str, script: &str) -> Result<Capabilities, Fault> {
    let (ours, theirs) = tokio::io::duplex(4_096);
    let mut connection = Connection::new(Box::new(ours), 1_000, Duration::from_secs(2));
    let secrets: Secrets = Arc::new(move |name| (name == "imap" && !secret.is_empty()).then(|| secret.to_owned()));
    let (stop, _) = watch::channel(false);
    let client = async {
        let known = dial::greeting(&mut connection).await?;
        dial::log_in(&mut connection, config, &secrets, known).await
    };
    tokio::join!(client, follow(theirs, script, &stop)).0
}

#[tokio::test]
async fn the_login_that_the_server_offers_is_taken() {
    let password = Config::new("h", Security::None, "u", Login::Password("imap".into()));
    let bearer = Config { login: Login::Bearer("imap".into()), ..password.clone() };
    let greet = |offers: &str| format!("S: * OK hi\nC: CAPABILITY\nS: * CAPABILITY IMAP4rev1 {offers}\nS: TAG OK\n");
    let good = "S: TAG OK in\nC: CAPABILITY\nS: * CAPABILITY IMAP4rev1 IDLE\nS: TAG OK\n";
    let both = "C: AUTHENTICATE PLAIN AHUAcMOkc3M=\n";
    for (config, secret, script) in [
        (&password, "päss", [&greet("AUTH=PLAIN SASL-IR"), both, good].concat()),
        (&password, "päss", [&greet("AUTH=PLAIN"), "C: AUTHENTICATE PLAIN\nS: +\nC: AHUAcMOkc3M=\n", good].concat()),
        (&password, "p\"w", [&greet(""), "C: LOGIN \"u\" \"p\\\"w\"\n", good].concat()),
        (&bearer, "tok", {
            let line = "C: AUTHENTICATE XOAUTH2 dXNlcj11AWF1dGg9QmVhcmVyIHRvawEB\n";
            [&greet("AUTH=XOAUTH2 SASL-IR"), line, good].concat()
        }),
        (&password, "x", "S: * PREAUTH hi\nC: CAPABILITY\nS: * CAPABILITY IMAP4rev1 IDLE\nS: TAG OK\n".to_owned()),
    ] {
        let capabilities = log_in(config, secret, &script).await.unwrap_or_else(|fault| panic!("{fault}\n{script}"));
        assert!(capabilities.has("IDLE"), "{capabilities:?}");
    }
    let id = concat!("C: ID (\"name\" \"tributary\" \"version\" \"", env!("CARGO_PKG_VERSION"), "\")\nS: TAG BAD\n");
    let named = [&greet("ID"), "C: LOGIN \"u\" \"p\"\n", &good.replace("IDLE", "ID"), id].concat();
    assert!(log_in(&password, "p", &named).await.is_ok(), "a server may refuse to know a name");
    let challenge =
        "C: AUTHENTICATE XOAUTH2 dXNlcj11AWF1dGg9QmVhcmVyIHRvawEB\nS: + eyJzdGF0dXMiOiI0MDEifQ==\nC: \nS: TAG NO no\n";
    for (config, secret, script, expected, is_login) in [
        (
            &password,
            "p",
            [&greet(""), "C: LOGIN \"u\" \"p\"\nS: TAG NO [AUTHENTICATIONFAILED] no\n"].concat(),
            { "the login was refused: [AUTHENTICATIONFAILED] no" },
            true,
        ),
        (
            &password,
            "p",
            [&greet(""), "C: LOGIN \"u\" \"p\"\nS: TAG NO [UNAVAILABLE] later\n"].concat(),
            { "the login was refused: [UNAVAILABLE] later" },
            false,
        ),
        (&password, "p", greet("LOGINDISABLED"), "the server does not offer a login without TLS", false),
        (&password, "密", greet(""), "beyond ASCII", true),
        (&password, "", greet(""), "the secret \"imap\" is not there", true),
        (&bearer, "tok", greet("AUTH=PLAIN"), "the server does not offer AUTHENTICATE XOAUTH2", false),
        (&bearer, "tok", [&greet("AUTH=XOAUTH2 SASL-IR"), challenge].concat(), "the login was refused: no", true),
        (&password, "p", "S: * BYE full\n".to_owned(), "the server closed the connection: full", false),
        (&password, "p", "S: HTTP/1.1 400 Bad Request\n".to_owned(), "cannot be read", false),
    ] {
        let fault = log_in(config, secret, &script).await.expect_err(&script);
        assert!(fault.to_string().contains(expected), "{fault}, not {expected}");
        assert_eq!(fault.is_login(), is_login, "{fault}");
        assert!(!fault.to_string().contains("tok"), "a secret is not shown");
    }
}

#[tokio::test]
async fn a_silent_server_is_not_waited_for_without_end() {
    let mut house = house(|config| config.timeout = Duration::from_millis(50));
    let (ours, _theirs) = tokio::io::duplex(4_096);
    let connection = Connection::new(Box::new(ours), 1_000, house.mailbox.config.timeout);
    let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let session = Session { connection, capabilities: Capabilities::default(), peer, tls: false };
    let ended = reader::run(&mut house.mailbox, session).await;
    assert!(matches!(ended.fault, Some(Fault::Silent(_))));
    assert_eq!(house.board.all()[0].state, State::Connecting);
}
