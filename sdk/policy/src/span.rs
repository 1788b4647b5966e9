//! Lengths of time, as a person writes them.
use schemars::JsonSchema;
use serde::Deserialize;
use tributary_sdk::PrepareError;

/// Seconds, or a number and a unit: `30 s`, `3 min`, `2 h`, `7 d`, `7 working days`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Span {
    /// Seconds.
    Seconds(u32),
    /// A number and a unit.
    Text(String),
}

impl Span {
    /// How many seconds. A working day has as many as `working_day` says.
    ///
    /// # Errors
    /// [`PrepareError`] with `key` where it is no length of time, or none that a clock can run: 1 second to 30 days.
    pub fn seconds(&self, working_day: u32, key: &str) -> Result<u32, PrepareError> {
        let seconds = match self {
            Self::Seconds(seconds) => Some(*seconds),
            Self::Text(text) => parse(text, working_day),
        };
        let problem = "expected seconds or a text such as \"30 s\", \"3 min\", \"2 h\", \"7 d\", \"7 working days\", from 1 second to 30 days";
        seconds.filter(|it| (1..=2_592_000).contains(it)).ok_or_else(|| PrepareError::value(key, problem))
    }
}

/// So many seconds as a person writes them: `3 min`, `48 h`, `90 s`.
pub fn said(seconds: u32) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "min")];
    // Two days are promised as 48 hours.
    let fits = |(unit, _): &&(u32, &str)| seconds.is_multiple_of(*unit) && (*unit < 86_400 || seconds / unit > 3);
    units.iter().find(fits).map_or_else(|| format!("{seconds} s"), |(unit, word)| format!("{} {word}", seconds / unit))
}

fn parse(text: &str, working_day: u32) -> Option<u32> {
    let text = text.trim();
    let (number, unit) = text.split_at(text.find(|letter: char| !letter.is_ascii_digit())?);
    let seconds = match unit.trim() {
        "s" => 1,
        "min" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "working day" | "working days" => working_day,
        _ => return None,
    };
    number.parse::<u32>().ok()?.checked_mul(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_unit() {
        let seconds = |text: &str| Span::Text(text.into()).seconds(28_800, "k").ok();
        for (text, wanted) in [
            ("30 s", Some(30)),
            ("3min", Some(180)),
            (" 2 h ", Some(7_200)),
            ("7 d", Some(604_800)),
            ("7 working days", Some(201_600)),
            ("30 d", Some(2_592_000)),
            ("31 d", None),
            ("0 s", None),
            ("99999999999 s", None),
            ("99999999 d", None),
            ("2", None),
            ("h", None),
            ("2 weeks", None),
            ("", None),
        ] {
            assert_eq!(seconds(text), wanted, "{text}");
        }
        let spoken = [(30, "30 s"), (180, "3 min"), (3_601, "3601 s"), (172_800, "48 h"), (604_800, "7 d")];
        spoken.iter().for_each(|(seconds, words)| assert_eq!(said(*seconds), *words));
        assert_eq!(Span::Seconds(7).seconds(0, "k"), Ok(7));
        assert!(Span::Seconds(0).seconds(0, "k").is_err());
    }
}
