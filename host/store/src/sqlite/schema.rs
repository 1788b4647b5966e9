//! The schema and its migrations: `PRAGMA user_version` counts those that a file has had.
//!
//! A migration is a SQL text that is never changed once it shipped; a change is a new text behind it. Each runs in its
//! own transaction together with the new version number, so a crash between two leaves a file of the first's version.
use crate::StoreError;
use rusqlite::{Connection, ErrorCode};
use std::path::Path;

/// Every migration, in order; the first makes an empty file a store.
const MIGRATIONS: &[&str] = &[
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
    include_str!("schema/5.sql"),
    include_str!("schema/6.sql"),
    include_str!("schema/7.sql"),
    include_str!("schema/8.sql"),
    include_str!("schema/9.sql"),
];

/// `TRIB`: what SQLite keeps in the file's header to tell whose file it is.
const APPLICATION: i64 = 0x5452_4942;

/// The schema version this program writes.
pub(super) const VERSION: i64 = MIGRATIONS.len() as i64;

fn unusable(path: &Path, source: std::io::Error) -> StoreError {
    StoreError::Unusable { path: path.display().to_string(), source }
}

/// An error of the first statements on a file, which is mostly one of the file itself.
pub(super) fn opening(path: &Path, error: rusqlite::Error) -> StoreError {
    use std::io::{Error, ErrorKind};
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            unusable(path, Error::new(ErrorKind::InvalidData, "the file is damaged or no database"))
        }
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            unusable(path, Error::other(error))
        }
        _ => error.into(),
    }
}

/// Brings the file to this program's schema. The first statements that touch the file run here, so this is also where a
/// file is found to be damaged, foreign or newer.
pub(super) fn migrate(conn: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let unusable = |why: &str| unusable(path, std::io::Error::new(std::io::ErrorKind::InvalidData, why.to_owned()));
    let damaged = |error| opening(path, error);
    let number = |conn: &Connection, pragma: &str| conn.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let found = number(conn, "user_version").map_err(damaged)?;
    let application = number(conn, "application_id").map_err(damaged)?;
    let tables: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(damaged)?;
    if application != APPLICATION && (tables > 0 || found > 0) {
        return Err(unusable("the file belongs to another program"));
    }
    if found > VERSION {
        return Err(StoreError::Newer { found, known: VERSION });
    }
    let done = usize::try_from(found).map_err(|_| unusable("the file's schema version is negative"))?;
    for (before, sql) in MIGRATIONS.iter().enumerate().skip(done) {
        let transaction = conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(damaged)?;
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", before as i64 + 1)?;
        transaction.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tributary_model::{agent, clock, conversation, decision, delivery, identity, intake, life, operation};

    #[test]
    fn the_checks_list_the_states_of_the_model() {
        let list = |words: Vec<&str>| {
            format!("IN ({})", words.iter().map(|w| format!("'{w}'")).collect::<Vec<_>>().join(", "))
        };
        let sql = MIGRATIONS.concat();
        for words in [
            agent::Presence::ALL.map(agent::Presence::as_str).to_vec(),
            clock::State::ALL.map(clock::State::as_str).to_vec(),
            conversation::State::ALL.map(conversation::State::as_str).to_vec(),
            decision::Grade::ALL.map(decision::Grade::as_str).to_vec(),
            delivery::State::ALL.map(delivery::State::as_str).to_vec(),
            intake::State::ALL.map(intake::State::as_str).to_vec(),
            life::State::ALL.map(life::State::as_str).to_vec(),
            identity::Reason::ALL.map(identity::Reason::as_str).to_vec(),
            identity::Advice::ALL.map(identity::Advice::as_str).to_vec(),
            operation::State::ALL.map(operation::State::as_str).to_vec(),
        ] {
            assert!(sql.contains(&list(words.clone())), "{words:?}");
        }
    }

    #[test]
    fn a_second_run_changes_nothing() {
        let mut conn = Connection::open_in_memory().expect("memory");
        for _ in 0..2 {
            migrate(&mut conn, Path::new("memory")).expect("migrates");
        }
        let version: i64 = conn.pragma_query_value(None, "user_version", |row| row.get(0)).expect("version");
        assert_eq!(version, VERSION);
    }
}
