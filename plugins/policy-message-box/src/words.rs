//! The texts of a language, and a moment in its words.
use tributary_marketplace::time::to_rfc3339;
use tributary_sdk::host::calendar::Moment;
use tributary_sdk::types::Timestamp;
use tributary_sdk::{PrepareError, Template};

use crate::config::Language;

/// The texts of one language, checked.
pub struct Words {
    message: Template,
    ask: Template,
    separator: String,
    note: Template,
    today: Template,
    tomorrow: Template,
    soon: Template,
    later: Template,
    weekdays: [String; 7],
    months: [String; 12],
}

const DAY: i64 = 86_400;

impl Words {
    /// # Errors
    /// [`PrepareError::Value`] with the key of a text that has a place nobody can fill.
    pub fn prepare(language: Language, key: &str) -> Result<Self, PrepareError> {
        let text = |name: &str, text: &str, places: &[&str]| Template::parse(text, &format!("{key}.{name}"), places);
        Ok(Self {
            message: text("message", &language.message, &["tag", "when", "zone"])?,
            ask: text("ask", &language.ask, &["needs"])?,
            note: text("note", &language.note, &["when", "plan"])?,
            today: text("today", &language.today, &["time"])?,
            tomorrow: text("tomorrow", &language.tomorrow, &["time"])?,
            soon: text("soon", &language.soon, &["weekday", "time"])?,
            later: text("later", &language.later, &["month", "day", "time"])?,
            separator: language.separator,
            weekdays: language.weekdays,
            months: language.months,
        })
    }

    /// What the customer is told.
    pub fn message(&self, tag: &str, opening: Moment, now: Timestamp, needs: &[String]) -> String {
        let message = self.message.fill(&[tag, &self.when(opening, now), &zone(opening.utc_offset)]);
        if needs.is_empty() {
            return message;
        }
        format!("{message}\n\n{}", self.ask.fill(&[&needs.join(&self.separator)]))
    }

    /// The note for the agent.
    pub fn note(&self, opening: Moment, now: Timestamp, plan: &str) -> String {
        self.note.fill(&[&self.when(opening, now), plan])
    }

    /// `Monday 09:00`, `周一 09:00`, on the clocks of the calendar's place.
    fn when(&self, opening: Moment, now: Timestamp) -> String {
        let local = |at: Timestamp| i64::try_from(at / 1_000).unwrap_or_default() + i64::from(opening.utc_offset);
        let (today, day) = (local(now).div_euclid(DAY), local(opening.at).div_euclid(DAY));
        let text = to_rfc3339(u64::try_from(local(opening.at)).unwrap_or_default().saturating_mul(1_000));
        let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
        let time = part(11, 16);
        match day - today {
            ..=0 => self.today.fill(&[time]),
            1 => self.tomorrow.fill(&[time]),
            2..=6 => self.soon.fill(&[name(&self.weekdays, (day + 3).rem_euclid(7)), time]),
            _ => {
                let month = part(5, 7).parse().unwrap_or(1);
                self.later.fill(&[name(&self.months, month - 1), part(8, 10).trim_start_matches('0'), time])
            }
        }
    }
}

fn name(names: &[String], index: i64) -> &str {
    usize::try_from(index).ok().and_then(|index| names.get(index)).map_or("", String::as_str)
}

/// `UTC+8`, `UTC-3:30`.
fn zone(offset: i32) -> String {
    let (sign, minutes) = (if offset < 0 { '-' } else { '+' }, offset.unsigned_abs() / 60);
    match (minutes / 60, minutes % 60) {
        (0, 0) => "UTC".into(),
        (hours, 0) => format!("UTC{sign}{hours}"),
        (hours, minutes) => format!("UTC{sign}{hours}:{minutes:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_has_its_sign_and_its_minutes() {
        for (offset, wanted) in [(0, "UTC"), (28_800, "UTC+8"), (-12_600, "UTC-3:30"), (20_700, "UTC+5:45")] {
            assert_eq!(zone(offset), wanted);
        }
    }
}
