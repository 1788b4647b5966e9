//! `calendar`: the shop's working time, as the operator wrote it.
use crate::bindings::tributary::plugin::calendar::{CalendarError, Host, Moment};
use crate::record::{Heard, Service};
use crate::state::CallState;
use std::time::Duration;
use tributary_model::Timestamp;
use tributary_model::calendar::Calendar;
use tributary_model::queue::NEVER;

type Answer = Result<Moment, CalendarError>;

impl Host for CallState {
    fn opening(&mut self, calendar: String, at: u64) -> wasmtime::Result<Answer> {
        self.working_time(Service::CalendarOpening, &calendar, at, None, |calendar, at| calendar.next_open(at))
    }

    fn after(&mut self, calendar: String, at: u64, seconds: u32) -> wasmtime::Result<Answer> {
        let time = Duration::from_secs(seconds.into());
        self.working_time(Service::CalendarAfter, &calendar, at, Some(seconds), |calendar, at| {
            Some(calendar.due(at, time)).filter(|due| *due != NEVER)
        })
    }
}

impl CallState {
    fn working_time(
        &mut self,
        service: Service,
        calendar: &str,
        at: u64,
        seconds: Option<u32>,
        find: impl FnOnce(&Calendar, Timestamp) -> Option<Timestamp>,
    ) -> wasmtime::Result<Answer> {
        self.hand_over(calendar.len())?;
        let question = self.taping.asked(|to| {
            to.map(2 + usize::from(seconds.is_some()));
            to.key("calendar");
            to.text(calendar);
            to.key("at");
            to.uint(at);
            if let Some(seconds) = seconds {
                to.key("time");
                to.uint(seconds.into());
            }
        });
        let answer = match self.taping.heard(service, &question) {
            Heard::Answer(answer) => answer,
            Heard::Real if !self.preparing => self.reckoned(calendar, Timestamp(at), find),
            Heard::Real | Heard::Silence => Err(CalendarError::Never),
        };
        self.taping.note(service, question, &answer);
        Ok(answer)
    }

    fn reckoned(
        &self,
        name: &str,
        at: Timestamp,
        find: impl FnOnce(&Calendar, Timestamp) -> Option<Timestamp>,
    ) -> Answer {
        let calendars = self.shared.services.calendars.all();
        let Some((_, calendar)) = calendars.iter().find(|(one, _)| one == name) else {
            let names: Vec<_> = calendars.iter().map(|(name, _)| name.as_str()).collect();
            return Err(CalendarError::Unknown(if names.is_empty() { "none".into() } else { names.join(", ") }));
        };
        let at = find(calendar, at).ok_or(CalendarError::Never)?;
        Ok(Moment { at: at.0, utc_offset: calendar.utc_offset(at) })
    }
}
