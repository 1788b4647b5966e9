//! Times: RFC 3339, RFC 2822 and what stands for them in the wild, to milliseconds since the Unix epoch and back.
use jiff::Timestamp;
use jiff::civil::DateTime;

/// Milliseconds of a time such as `2022-06-21T17:53:26.000+00:00` or `Tue, 21 Jun 2022 17:53:26 +0000`; without an offset
/// it is UTC. None: no time, or before 1970.
pub fn read(text: &str) -> Option<u64> {
    let text = text.trim();
    let local = || {
        let local: DateTime = text.parse().ok()?;
        local.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    };
    let mail = || jiff::fmt::rfc2822::parse(text).ok().map(|zoned| zoned.timestamp());
    let at = text.parse::<Timestamp>().ok().or_else(local).or_else(mail);
    u64::try_from(at?.as_millisecond()).ok()
}

/// RFC 3339 in UTC: `2022-06-21T17:53:26Z`, with a fraction where there is one.
pub fn show(at: u64) -> String {
    let at = i64::try_from(at).ok().and_then(|at| Timestamp::from_millisecond(at).ok());
    at.map(|at| at.to_string()).unwrap_or_default()
}

/// Milliseconds of a length in seconds; none below zero, for no number, or beyond what any call lasts.
pub fn seconds(length: f64) -> Option<u64> {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
    (length.is_finite() && (0.0..1e9).contains(&length)).then(|| (length * 1000.0).round() as u64)
}

/// `00:03`, or `1:00:03` beyond an hour.
pub fn clock(millis: u64) -> String {
    let seconds = millis / 1000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes:02}:{seconds:02}") }
}
