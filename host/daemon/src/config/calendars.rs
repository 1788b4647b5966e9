//! `[calendar.NAME]`: when somebody is there, for the clocks that policies start.
use super::reader::Section;
use tributary_model::calendar::{Calendar, Period, Plan, WorkingDay};

/// Every calendar of the file, by name.
pub(super) fn calendars(section: &Section<'_, '_>) -> Vec<(String, Calendar)> {
    section.sections_by_name().into_iter().filter_map(|(name, section)| Some((name, calendar(section)?))).collect()
}

fn calendar(section: Section<'_, '_>) -> Option<Calendar> {
    let plan = Plan {
        zone: section.needed_text("zone").unwrap_or_default(),
        opening: section.sections("opening").into_iter().map(period).collect(),
        holidays: section.texts("holidays").unwrap_or_default(),
        working_days: section.sections("working-days").into_iter().map(working_day).collect(),
    };
    let calendar = Calendar::new(plan);
    for fault in calendar.as_ref().err().into_iter().flatten() {
        // A zone that is missing has been said.
        if fault.key != "zone" || section.text("zone").is_some_and(|zone| !zone.is_empty()) {
            section.fault(&fault.key, fault.what.clone());
        }
    }
    section.finish();
    calendar.ok()
}

fn period(section: Section<'_, '_>) -> Period {
    let text = |key| section.needed_text(key).unwrap_or_default();
    let period = Period { days: section.texts("days").unwrap_or_default(), from: text("from"), to: text("to") };
    section.finish();
    period
}

fn working_day(section: Section<'_, '_>) -> WorkingDay {
    let text = |key| section.needed_text(key).unwrap_or_default();
    let day = WorkingDay { date: text("date"), like: text("like") };
    section.finish();
    day
}
