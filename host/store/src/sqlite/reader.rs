//! Connections that read beside the writer.
//!
//! Reads run on the caller's thread, also on an async one: each is a page of at most 200 rows or one conversation, found
//! by an index and mostly in the page cache, and takes tens of microseconds; handing it to another thread and back would
//! take about as long. In WAL mode a reader never waits for the writer. There is no memory map: a file that is cut short
//! behind the program's back is then an error and not a signal.
use super::tx;
use crate::StoreError;
use parking_lot::{Mutex, MutexGuard};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The pool.
pub(super) struct Readers {
    connections: Vec<Mutex<Connection>>,
    turn: AtomicUsize,
}

impl Readers {
    /// Opens so many connections.
    pub(super) fn open(path: &Path, count: usize) -> Result<Self, StoreError> {
        let connection = || -> Result<_, StoreError> {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let conn = Connection::open_with_flags(path, flags)?;
            conn.busy_timeout(Duration::from_secs(5))?;
            conn.pragma_update(None, "cache_size", -2_048)?;
            conn.set_prepared_statement_cache_capacity(64);
            super::keep_plans(&conn)?;
            Ok(Mutex::new(conn))
        };
        let connections = (0..count.max(1)).map(|_| connection()).collect::<Result<_, _>>()?;
        Ok(Self { connections, turn: AtomicUsize::new(0) })
    }

    /// Asks one query, which sees one state of the store by itself.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        look(&self.connection())
    }

    /// Reads from one state of the store, however many queries it takes.
    pub(super) fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let conn = self.connection();
        conn.prepare_cached("BEGIN")?.execute([])?;
        let found = read(&conn);
        conn.prepare_cached("COMMIT")?.execute([])?;
        found
    }

    /// The first that is free, or the next one's turn. Always the first: after a commit each connection begins with an empty
    /// page cache, and one that many reads share is filled once.
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connections.iter().find_map(Mutex::try_lock).unwrap_or_else(|| {
            let turn = self.turn.fetch_add(1, Ordering::Relaxed);
            self.connections[turn % self.connections.len()].lock()
        })
    }
}

/// The value of a counter.
pub(super) fn counter(conn: &Connection, counter: tx::Counter) -> Result<u64, StoreError> {
    let value =
        tx::one(conn, "SELECT value FROM counter WHERE name = ?", [counter.as_str()], |row| row.get::<_, i64>(0))?;
    Ok(u64::try_from(value.unwrap_or(0)).unwrap_or(0))
}
