//! Text for a terminal: what came from outside made harmless, cut and padded by the columns it takes.
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// One line without anything that steers a terminal: escape sequences, line breaks and marks that turn the direction of
/// writing. A customer's subject shall not repaint the operator's screen.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if c == '\t' || c == '\n' || c == '\r' { ' ' } else { harmless(c) }).collect()
}

/// The lines of a text, each as [`plain`].
pub(crate) fn lines(text: &str) -> impl Iterator<Item = String> + '_ {
    text.lines().map(|line| line.chars().map(|c| if c == '\t' { ' ' } else { harmless(c) }).collect())
}

fn harmless(c: char) -> char {
    let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}');
    if c.is_control() || turns { char::REPLACEMENT_CHARACTER } else { c }
}

/// How many columns it takes: two for a Chinese character.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// At most so many columns, with `…` where something was cut.
pub(super) fn cut(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let (mut kept, mut used) = (String::new(), 1);
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > most {
            break;
        }
        kept.push(c);
    }
    kept.push('…');
    kept
}

/// Filled up with blanks to so many columns.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// A time of the API for people, to the minute.
pub(super) fn moment(text: &str) -> String {
    match text.parse::<jiff::Timestamp>() {
        Ok(at) => format!("{} UTC", at.strftime("%Y-%m-%d %H:%M")),
        Err(_) => plain(text),
    }
}

/// A whole number with commas: `10,000`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time in microseconds: `0.25 ms`, `12 ms`, `1.5 s`.
pub(crate) fn micros(micros: f64) -> String {
    match micros / 1_000.0 {
        ms if ms < 10.0 => format!("{ms:.2} ms"),
        ms if ms < 1_000.0 => format!("{ms:.0} ms"),
        ms => format!("{:.1} s", ms / 1_000.0),
    }
}

/// A size: `640 KiB`, `12.5 MiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{} KiB", bytes / 1_024),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}

/// How far a time is from now: `5 min`, `3 h`, `2 d`. Negative seconds are in the past.
pub(super) fn span(seconds: i64) -> String {
    let seconds = seconds.unsigned_abs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Seconds from now to a time of the API.
pub(super) fn seconds_to(text: &str, now: jiff::Timestamp) -> Option<i64> {
    let at: jiff::Timestamp = text.parse().ok()?;
    Some(at.as_second() - now.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_steers_the_terminal() {
        assert_eq!(plain("a\u{1b}[31mb\r\nc\u{9b}d\u{202e}e"), "a\u{fffd}[31mb  c\u{fffd}d\u{fffd}e");
        assert_eq!(lines("一\u{7}\n二").collect::<Vec<_>>(), ["一\u{fffd}", "二"]);
    }

    #[test]
    fn columns_count_not_characters() {
        for (text, most, expected) in [
            ("退款申请", 8, "退款申请"),
            ("退款申请", 7, "退款申…"),
            ("退款申请", 6, "退款…"),
            ("abc", 2, "a…"),
            ("abc", 3, "abc"),
        ] {
            let cut = cut(text, most);
            assert_eq!(cut, expected);
            assert!(width(&cut) <= most);
        }
        assert_eq!(pad("退款", 6), "退款  ");
    }

    #[test]
    fn numbers_are_short() {
        for (number, expected) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(number), expected);
        }
        for (time, expected) in [(250.0, "0.25 ms"), (12_400.0, "12 ms"), (1_500_000.0, "1.5 s")] {
            assert_eq!(micros(time), expected);
        }
        for (size, expected) in [(12, "12 B"), (655_360, "640 KiB"), (13_107_200, "12.5 MiB")] {
            assert_eq!(bytes(size), expected);
        }
    }

    #[test]
    fn times_are_short() {
        for (seconds, expected) in [(5, "5 s"), (-90, "1 min"), (7_199, "119 min"), (7_200, "2 h"), (200_000, "2 d")] {
            assert_eq!(span(seconds), expected);
        }
        assert_eq!(moment("2026-05-04T09:15:00.000Z"), "2026-05-04 09:15 UTC");
        assert_eq!(moment("soon"), "soon");
    }
}
