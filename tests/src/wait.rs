//! Waiting for a condition.
use std::time::{Duration, Instant};

/// How long a condition may take. Generous: the machine may be busy with other tests.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Asks again and again until `look` says `Ok`; panics with the last status it gave after [`PATIENCE`].
pub fn until<T>(what: &str, look: impl FnMut() -> Result<T, String>) -> T {
    until_for(PATIENCE, what, look)
}

/// As [`until`], with a limit of the caller's.
pub fn until_for<T>(limit: Duration, what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + limit;
    let mut pause = Duration::from_millis(2);
    loop {
        match look() {
            Ok(value) => return value,
            Err(status) => {
                assert!(Instant::now() < deadline, "waited {} s for {what}; last seen: {status}", limit.as_secs());
            }
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// `Ok` where the number is the expected one; else a status for [`until`].
pub fn count(what: &str, found: usize, expected: usize) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{found} {what}, not {expected}")) }
}
