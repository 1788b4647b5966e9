//! Times as marketplaces write them: RFC 3339, or seconds since the Unix epoch.
use tributary_sdk::types::Timestamp;

/// Milliseconds since the Unix epoch of an RFC 3339 time, such as `2021-12-31T19:00:00-05:00` or
/// `2024-03-26T20:31:05.123456789Z`. None where it is no such time, or lies before 1970 or after 9999.
pub fn rfc3339(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let number = |from: usize, length: usize| -> Option<i64> {
        let digits = bytes.get(from..from + length)?;
        digits.iter().try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0')))
    };
    let is = |at: usize, wanted: &[u8]| bytes.get(at).is_some_and(|byte| wanted.contains(byte));
    if !(is(4, b"-") && is(7, b"-") && is(10, b"Tt ") && is(13, b":") && is(16, b":")) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 2)?, number(8, 2)?);
    let (hour, minute, second) = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
    let valid = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second <= 60;
    let (mut at, mut millis) = (19, 0);
    if is(at, b".") {
        let digits = bytes[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        millis = (0..3)
            .try_fold(0, |sum, place| Some(sum * 10 + if place < digits { number(at + 1 + place, 1)? } else { 0 }))?;
        at += 1 + digits;
    }
    let offset = match bytes.get(at)? {
        b'Z' | b'z' if bytes.len() == at + 1 => 0,
        sign @ (b'+' | b'-') if bytes.len() == at + 6 && is(at + 3, b":") => {
            let minutes = number(at + 1, 2)? * 60 + number(at + 4, 2)?;
            if *sign == b'+' { minutes } else { -minutes }
        }
        _ => return None,
    };
    // Days since 1970-01-01 in the proleptic Gregorian calendar, counted in eras of 400 years from 1 March.
    let (shifted, position) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * position + 2) / 5 + day - 1 - 719_468;
    let seconds = days * 86_400 + hour * 3_600 + (minute - offset) * 60 + second;
    valid.then(|| seconds * 1_000 + millis).and_then(|time| Timestamp::try_from(time).ok())
}

/// An RFC 3339 time in UTC, to the second.
pub fn to_rfc3339(time: Timestamp) -> String {
    let (days, second) = (i64::try_from(time / 86_400_000).unwrap_or(0), time / 1_000 % 86_400);
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let position = (5 * of_year + 2) / 153;
    let day = of_year - (153 * position + 2) / 5 + 1;
    let month = if position < 10 { position + 3 } else { position - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_times() {
        let known = [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2021-12-31T19:00:00-05:00", Some(1_640_995_200_000)),
            ("2022-09-02T10:27:50+08:00", Some(1_662_085_670_000)),
            ("2024-02-29T23:59:59.9Z", Some(1_709_251_199_900)),
            ("2024-03-26T20:31:05.123456789Z", Some(1_711_485_065_123)),
            ("2000-03-01T00:00:00Z", Some(951_868_800_000)),
            ("1969-12-31T23:59:59Z", None),
            ("2021-13-01T00:00:00Z", None),
            ("2021-12-31", None),
            ("2021-12-31T19:00:00", None),
            ("2021-12-31T19:00:00+08", None),
            ("2021-12-31T19:00:00Zx", None),
            ("", None),
        ];
        for (text, wanted) in known {
            assert_eq!(rfc3339(text), wanted, "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for day in 0..40_000_u64 {
            let time = day * 86_400_000 + (day * 7_919 % 86_400) * 1_000;
            assert_eq!(rfc3339(&to_rfc3339(time)), Some(time), "{time}");
        }
    }
}
