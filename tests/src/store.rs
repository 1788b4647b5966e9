//! What stands in the store, counted by SQL in the file itself, not asked of the daemon.
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Params};

/// Opens a desk's database for reading, beside a running daemon.
pub fn open(dir: &Path) -> Connection {
    open_with(dir, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

/// Opens the database of a desk that is not running, to leave something in it as a crash would have.
pub fn open_to_change(dir: &Path) -> Connection {
    open_with(dir, OpenFlags::SQLITE_OPEN_READ_WRITE)
}

fn open_with(dir: &Path, access: OpenFlags) -> Connection {
    let file = file(&dir.join("data"));
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&file, flags).expect("the database can be opened");
    connection.busy_timeout(Duration::from_secs(10)).expect("a timeout can be set");
    connection
}

/// The database in this folder: the file that begins as one.
fn file(data: &Path) -> PathBuf {
    let files = std::fs::read_dir(data).unwrap_or_else(|error| panic!("{}: {error}", data.display()));
    let mut files = files.flatten().map(|file| file.path());
    files.find(|path| is_database(path)).unwrap_or_else(|| panic!("no database in {}", data.display()))
}

fn is_database(path: &Path) -> bool {
    let mut start = [0; 15];
    path.is_file()
        && std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok()
        && &start == b"SQLite format 3"
}

/// One number.
pub fn number(connection: &Connection, sql: &str, parameters: impl Params) -> usize {
    let number: i64 =
        connection.query_row(sql, parameters, |row| row.get(0)).unwrap_or_else(|error| panic!("{sql}: {error}"));
    number.try_into().expect("a count")
}

/// The texts of one column.
pub fn texts(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let rows = statement.query_map([], |row| row.get::<_, Option<String>>(0)).expect("the query runs");
    rows.map(|text| text.expect("the row can be read").unwrap_or_default()).collect()
}

/// How many rows of what there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rows {
    /// Conversations.
    pub conversations: usize,
    /// Messages that came in.
    pub inbound: usize,
    /// Messages that a machine of the shop wrote.
    pub automatic_out: usize,
    /// Messages that agents wrote.
    pub agents: usize,
    /// Outgoing messages that wait or are on their way.
    pub waiting_out: usize,
    /// Outgoing messages that were taken over.
    pub sent: usize,
    /// Outgoing messages that failed for good.
    pub failed: usize,
    /// Happenings that are not decided yet.
    pub undecided: usize,
    /// Things kept aside that nobody took back.
    pub parked: usize,
    /// Pairs of linked conversations.
    pub links: usize,
}

impl Rows {
    /// The rows of a desk now.
    pub fn count(dir: &Path) -> Self {
        let connection = open(dir);
        let transaction = connection.unchecked_transaction().expect("one view of all tables");
        let count = |sql: &str| number(&transaction, sql, []);
        Self {
            conversations: count("SELECT count(*) FROM conversation"),
            inbound: count("SELECT count(*) FROM message WHERE author = 'customer' OR digest IS NOT NULL"),
            automatic_out: count("SELECT count(*) FROM message WHERE author = 'bot'"),
            agents: count("SELECT count(*) FROM message WHERE author = 'agent' AND digest IS NULL"),
            waiting_out: count("SELECT count(*) FROM outgoing WHERE state IN ('queued', 'leased')"),
            sent: count("SELECT count(*) FROM outgoing WHERE state = 'sent'"),
            failed: count("SELECT count(*) FROM outgoing WHERE state = 'failed'"),
            undecided: count("SELECT count(*) FROM happening WHERE state IN ('pending', 'claimed')"),
            parked: count("SELECT count(*) FROM parked WHERE replayed IS NULL"),
            links: count(
                "SELECT count(*) FROM (SELECT DISTINCT min(conversation, other), max(conversation, other) FROM link)",
            ),
        }
    }

    /// The number under its name in a case's `expect.json`.
    pub fn named(&self, name: &str) -> Option<usize> {
        Some(match name {
            "conversations" => self.conversations,
            "inbound" => self.inbound,
            "automatic_out" => self.automatic_out,
            "agents" => self.agents,
            "waiting_out" => self.waiting_out,
            "sent" => self.sent,
            "failed" => self.failed,
            "parked" => self.parked,
            "links" => self.links,
            _ => return None,
        })
    }
}
