//! An adapter that behaves: it reads mails, and counts them in the host's `state`. Its count has had two forms; a version
//! carries the first one over to the second. It refuses to work with state in the form that is not its own, so that a test
//! sees a version and a state that do not belong together.
//!
//! `guest` in its configuration says which of its versions it is: `form-1`, `form-2`, or `form-2-refuses`, which does not
//! carry anything over.
use tributary_guests::config::Config;
use tributary_guests::{one, read};
use tributary_sdk::prelude::*;

/// Form 1: the number as text.
const FIRST: &str = "count";

/// Form 2: the number in JSON, under another name.
const SECOND: &str = "seen/count";

/// One of its versions.
pub struct Remembers {
    second: bool,
    refuses: bool,
}

tributary_sdk::export!(Remembers: channel + migration);

impl Plugin for Remembers {
    type Config = Config;

    fn prepare(config: Config) -> Result<Self, PrepareError> {
        let (second, refuses) = match config.guest.as_str() {
            "form-1" => (false, false),
            "form-2" => (true, false),
            "form-2-refuses" => (true, true),
            _ => return Err(PrepareError::value("guest", "expected form-1, form-2 or form-2-refuses")),
        };
        Ok(Self { second, refuses })
    }
}

fn number(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?;
    text.trim_start_matches("{\"count\":").trim_end_matches('}').parse().ok()
}

fn in_second_form(count: u64) -> Vec<u8> {
    format!("{{\"count\":{count}}}").into_bytes()
}

fn failed(what: &str) -> Rejection {
    Rejection::Malformed(what.to_owned())
}

impl Remembers {
    fn count(&self) -> Result<(), Rejection> {
        let (mine, other) = if self.second { (SECOND, FIRST) } else { (FIRST, SECOND) };
        let get = |key| host::state::get(key).map_err(|_| failed("the state cannot be read"));
        if get(other)?.is_some() {
            return Err(failed("the state is in the form of another version"));
        }
        let before = match get(mine)? {
            Some(value) => number(&value).ok_or_else(|| failed("the state is in no form"))?,
            None => 0,
        };
        let value = if self.second { in_second_form(before + 1) } else { (before + 1).to_string().into_bytes() };
        host::state::set(mine, &value, None).map_err(|_| failed("the state cannot be written"))
    }
}

impl Channel for Remembers {
    fn receive(&self, arrival: Arrival) -> Result<Reading, Rejection> {
        let Arrival::Mail(mail) = arrival else { return Err(Rejection::Ignored("mails only".into())) };
        self.count()?;
        let mut message = read(&mail).message();
        let text = String::from_utf8_lossy(&mail.data);
        let answers = text.lines().find_map(|line| line.strip_prefix("In-Reply-To: <"));
        message.thread.in_reply_to = answers.map(|id| id.trim_end().trim_end_matches('>').to_owned());
        one(message)
    }

    fn send(&self, _: Outgoing) -> Result<Delivery, SendError> {
        Ok(Delivery::accepted(None))
    }
}

impl Migrate for Remembers {
    fn migrate(&self, from: &str, entries: Vec<(String, Vec<u8>)>) -> Result<Vec<(String, Vec<u8>)>, MigrateError> {
        if self.refuses {
            return Err(MigrateError::new(format!("what version {from} counted is not to be carried over")));
        }
        if !self.second {
            return Ok(entries);
        }
        let carry = |(key, value): (String, Vec<u8>)| match number(&value) {
            Some(count) => Ok((SECOND.to_owned(), in_second_form(count))),
            None => Err(MigrateError::new(format!("{key} is no number"))),
        };
        entries.into_iter().map(carry).collect()
    }
}
