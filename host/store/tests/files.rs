//! What concerns the embedded store's files: reopening, locks, versions, damage, and a process that is killed.
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tributary_model::Timestamp;
use tributary_store::conformance::{fixture, load};
use tributary_store::sqlite::{SqliteConfig, SqliteStore};
use tributary_store::*;

fn open_now(dir: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(&SqliteConfig::new(dir))
}

/// Opens a store that this test closed before. A process that another test starts has the lock's descriptor as well,
/// from its fork until it has become another program.
fn open(dir: &Path) -> Result<SqliteStore, StoreError> {
    let patience = Instant::now() + Duration::from_secs(10);
    loop {
        match open_now(dir) {
            Err(StoreError::Locked(_)) if Instant::now() < patience => std::thread::yield_now(),
            other => return other,
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text += &format!(": {cause}");
        source = cause.source();
    }
    text
}

fn failure(dir: &Path) -> String {
    chain(&open(dir).err().expect("it does not open"))
}

#[tokio::test]
async fn what_was_answered_is_there_after_reopening() {
    let dir = tempfile::tempdir().expect("a folder");
    for n in 1..=3u64 {
        let store = open(dir.path()).expect("opens");
        fixture::open(&store, &format!("c{n}"), Timestamp(n)).await.expect("accepted");
        let counts = store.counts(Timestamp(9)).await.expect("counts");
        assert_eq!((counts.conversations, counts.undecided), (n, n));
        assert_eq!(*store.changes().borrow(), store.last_event().await.expect("events"));
    }
}

#[tokio::test]
async fn a_request_under_way_when_the_process_ended_may_come_again() {
    let dir = tempfile::tempdir().expect("a folder");
    let key = RequestKey { token: 1, key: "k".into(), digest: [1; 32] };
    for _ in 0..2 {
        let store = open(dir.path()).expect("opens");
        assert_eq!(store.begin_request(key.clone(), Timestamp(1)).await.expect("begins"), Begun::First);
        assert_eq!(store.begin_request(key.clone(), Timestamp(1)).await.expect("begins"), Begun::UnderWay);
    }
}

#[test]
fn a_second_daemon_is_refused_until_the_first_ends() {
    let dir = tempfile::tempdir().expect("a folder");
    let first = open(dir.path()).expect("opens");
    assert!(matches!(open_now(dir.path()), Err(StoreError::Locked(_))));
    drop(first);
    open(dir.path()).expect("opens again");
}

#[test]
fn a_file_of_a_newer_version_is_left_alone() {
    let dir = tempfile::tempdir().expect("a folder");
    drop(open(dir.path()).expect("opens"));
    let file = dir.path().join("store.db");
    rusqlite::Connection::open(&file)
        .and_then(|conn| conn.pragma_update(None, "user_version", 999))
        .expect("the version is set");
    assert!(matches!(open(dir.path()), Err(StoreError::Newer { found: 999, known }) if known < 999));
}

#[test]
fn damaged_and_foreign_files_are_named() {
    type Spoil = fn(&Path);
    let table: [(&str, Spoil); 4] = [
        ("the file is damaged or no database", |file| std::fs::write(file, [7; 10_000]).expect("written")),
        ("the file belongs to another program", |file| {
            let conn = rusqlite::Connection::open(file).expect("opens");
            conn.execute_batch("CREATE TABLE theirs (a)").expect("a table");
        }),
        ("the file is damaged or no database", |file| {
            drop(open(file.parent().expect("a folder")).expect("opens"));
            let mut bytes = std::fs::read(file).expect("read");
            // Page 1 behind the header is the table of tables.
            bytes[100..4_096].fill(0x55);
            std::fs::write(file, bytes).expect("written");
        }),
        ("cannot use", |file| std::fs::create_dir_all(file).expect("a folder in its place")),
    ];
    for (want, spoil) in table {
        let dir = tempfile::tempdir().expect("a folder");
        spoil(&dir.path().join("store.db"));
        let told = failure(dir.path());
        assert!(told.contains(want) && told.contains("store.db"), "{told}");
    }
}

#[tokio::test]
async fn a_damaged_row_is_named() {
    let dir = tempfile::tempdir().expect("a folder");
    let id = fixture::open(&open(dir.path()).expect("opens"), "c1", Timestamp(1)).await.expect("accepted");
    rusqlite::Connection::open(dir.path().join("store.db"))
        .and_then(|conn| conn.execute("UPDATE conversation SET tags = '[1'", []))
        .expect("spoilt");
    let store = open(dir.path()).expect("opens");
    let told = store.conversation(id).await.err().map(|error| error.to_string()).expect("it cannot be read");
    assert!(told.starts_with("row conversation 1 is damaged"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_job_does_not_hurt_its_group() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = Arc::new(open(dir.path()).expect("opens"));
    let mut tasks = Vec::new();
    for n in 0..400usize {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            // The same digest twice is refused by the database, after the job has begun to write.
            let digest = if n % 10 == 0 { [0; 32] } else { [u8::try_from(n % 256).expect("a byte"); 32] };
            let token = NewToken { name: n.to_string(), digest, scope: Scope::Read };
            let made = store.create_token(token, Timestamp(1)).await.is_ok();
            let opened = fixture::open(&*store, &format!("c{n}"), Timestamp(1)).await.is_ok();
            (made, opened)
        }));
    }
    let mut made = 0;
    for task in tasks {
        let (token, opened) = task.await.expect("ran");
        made += usize::from(token);
        assert!(opened);
    }
    let counts = store.counts(Timestamp(2)).await.expect("counts");
    assert_eq!((counts.conversations, counts.messages, counts.undecided), (400, 400, 400));
    assert_eq!(store.tokens().await.expect("tokens").len(), made);
    assert!((200..400).contains(&made), "{made}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_arrivals_and_loses_none_it_took() {
    let dir = tempfile::tempdir().expect("a folder");
    let config = SqliteConfig { queue: 4, ..SqliteConfig::new(dir.path()) };
    let store = Arc::new(SqliteStore::open(&config).expect("opens"));
    let mut tasks = Vec::new();
    for n in 0..500 {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            match store.accept(load::first_mail("run", n), None).await {
                Ok(_) => Ok(true),
                Err(StoreError::Overloaded) => Ok(false),
                Err(other) => Err(other),
            }
        }));
    }
    let (mut taken, mut refused) = (0, 0);
    for task in tasks {
        *if task.await.expect("ran").expect("taken or refused") { &mut taken } else { &mut refused } += 1;
    }
    assert!(refused > 0, "the queue was never full");
    assert_eq!(store.counts(Timestamp(1)).await.expect("counts").messages, taken);
}

/// The variable that makes the test below the child that is killed.
const CHILD: &str = "TRIBUTARY_STORE_CHILD";

/// Accepts and decides until it is killed, and prints each number once its message is on disk.
#[test]
fn child_that_is_killed() {
    let Some(dir) = std::env::var_os(CHILD) else { return };
    let dir = std::path::PathBuf::from(dir);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let store = Arc::new(open(&dir).expect("opens"));
        store.release_node(fixture::NODE).await.expect("released");
        let round = store.last_event().await.expect("events").0;
        let tasks: Vec<_> = (0..32usize)
            .map(|task| {
                let store = store.clone();
                tokio::spawn(async move {
                    for n in (task..).step_by(32) {
                        let (run, now) = (format!("r{round}"), Timestamp(1));
                        let mail = load::first_mail(&run, n);
                        let accepted = store.accept(mail, Some(fixture::lease(now))).await.expect("accepted");
                        // One write, so that a line is never half of one.
                        let line = format!("accepted <{run}-{n}@mail.example.org>\n");
                        std::io::stdout().write_all(line.as_bytes()).expect("told");
                        let decided = fixture::decided(&accepted.claimed[0], load::usual_decisions(n), now);
                        store.apply(decided).await.expect("applied");
                        let line = format!("decided {}\n", accepted.claimed[0].conversation);
                        std::io::stdout().write_all(line.as_bytes()).expect("told");
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("ran");
        }
    });
}

#[tokio::test]
async fn a_killed_process_keeps_each_acknowledged_message_once() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut accepted: Vec<String> = Vec::new();
    let mut decided: Vec<i64> = Vec::new();
    for round in 0..20usize {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["child_that_is_killed", "--exact", "--nocapture", "--test-threads=1"])
            .env(CHILD, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the child starts");
        let out = BufReader::new(child.stdout.take().expect("its output"));
        let enough = 20 + round * 37;
        let mut seen = 0;
        for line in out.lines() {
            let Ok(line) = line else { break };
            // The test runner's own words may stand before the first.
            if let Some((_, id)) = line.split_once("accepted ") {
                accepted.push(id.to_owned());
                seen += 1;
            } else if let Some((_, id)) = line.split_once("decided ") {
                decided.extend(id.parse::<i64>());
            }
            // Goes on reading to the end: what was told before the kill counts as well.
            if seen == enough {
                child.kill().expect("killed");
            }
        }
        child.wait().expect("ended");
        assert!(seen >= enough, "the child ended by itself after {seen} in round {round}");
    }
    let store = open(dir.path()).expect("opens");
    let mut found: HashMap<String, usize> = HashMap::new();
    let mut page = fixture::page(200);
    let mut conversations = 0;
    loop {
        let listing = store.conversations(ConversationFilter::default(), page.clone()).await.expect("listed");
        for it in listing.items {
            conversations += 1;
            let detail = fixture::detail(&store, it.id).await.expect("read");
            for message in &detail.messages {
                *found.entry(message.external_id.clone().expect("an id")).or_default() += 1;
            }
            let done = detail.events.iter().filter(|event| event.act == "decided").count();
            assert!(if it.undecided { done == 0 } else { done == 5 }, "{} decisions of {}", done, it.id);
            assert!(!it.undecided || !decided.contains(&it.id.0), "{} was told decided", it.id);
        }
        page.after = listing.next;
        if page.after.is_none() {
            break;
        }
    }
    for id in &accepted {
        assert_eq!(found.get(id), Some(&1), "{id}");
    }
    assert!(found.values().all(|count| *count == 1));
    let counts = store.counts(Timestamp(1)).await.expect("counts");
    assert_eq!((counts.conversations, counts.messages), (conversations, found.len() as u64));
    store.release_node(fixture::NODE).await.expect("released");
    assert_eq!(fixture::drain(&store, Timestamp(2)).await.expect("drained").len() as u64, counts.undecided);
}
