//! Starts and stops clocks (D1 to D19, D21, D22, C6), by a table in the configuration.
//!
//! It is the only policy that does. What a clock's warning or breach leads to is another policy's matter. It stands behind
//! the policies whose acts start and stop clocks: it sees what they decided in this run.
mod config;
mod promises;

use tributary_policy::{Condition, Event, said};
use tributary_sdk::desk::{Action, Clock, Decision, Fault, Happening, RunningClock, Snapshot};
use tributary_sdk::types::Attribute;
use tributary_sdk::{Plugin, Policy, PrepareError};

pub use config::{Again, Config, Row};
use promises::Promises;

/// The prepared policy.
pub struct ServiceClock {
    attribute: String,
    rows: Vec<Prepared>,
}

/// A row, checked. The clock is the one it starts.
struct Prepared {
    clock: Clock,
    rule: String,
    means: String,
    when: Condition,
    start: Vec<Event>,
    stop: Vec<Event>,
    each_order: bool,
    again: Again,
}

tributary_sdk::export!(ServiceClock: policy);

impl Plugin for ServiceClock {
    type Config = Config;

    fn prepare(config: Config) -> Result<Self, PrepareError> {
        if config.attribute.is_empty() {
            return Err(PrepareError::value("attribute", "expected a name"));
        }
        let day = config.working_day.seconds(86_400, "working-day")?;
        let day = if config.calendar.is_some() { day } else { 86_400 };
        let calendar = config.calendar.as_deref();
        let warn = config.warn_at_percent;
        let prepare = |(index, row)| prepare_row(row, &format!("clocks.{index}"), calendar, day, warn);
        let rows = config.clocks.into_iter().enumerate().map(prepare).collect::<Result<_, _>>()?;
        Ok(Self { attribute: config.attribute, rows })
    }
}

fn prepare_row(
    row: Row,
    at: &str,
    calendar: Option<&str>,
    working_day: u32,
    warn_at_percent: u8,
) -> Result<Prepared, PrepareError> {
    let key = |name: &str| format!("{at}.{name}");
    let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    if row.name.is_empty() || !row.name.chars().all(plain) {
        return Err(PrepareError::value(key("name"), "expected lower-case letters, digits and dashes"));
    }
    if row.rule.is_empty() {
        return Err(PrepareError::value(key("rule"), "expected the rule that decisions name"));
    }
    let warn_at_percent = row.warn_at_percent.unwrap_or(warn_at_percent);
    if warn_at_percent > 99 {
        return Err(PrepareError::value(key("warn-at-percent"), "expected 0 to 99"));
    }
    let events = |name: &str, texts: &[String]| -> Result<Vec<Event>, PrepareError> {
        texts.iter().map(|text| Event::parse(text, &key(name))).collect()
    };
    let start = events("start", &row.start)?;
    if start.is_empty() {
        return Err(PrepareError::value(key("start"), "expected one event at least"));
    }
    if row.again != Again::Once && start.iter().any(|event| matches!(event, Event::Tag(_) | Event::Assigned)) {
        return Err(PrepareError::value(key("again"), "what starts by a tag or an agent starts once: both last"));
    }
    Ok(Prepared {
        clock: Clock {
            name: row.name,
            target: row.target.seconds(working_day, &key("target"))?,
            calendar: calendar.filter(|_| row.working_hours).map(str::to_owned),
            warn_at_percent,
            pauses_for_customer: row.pauses_for_customer,
        },
        rule: row.rule,
        means: row.means,
        when: row.when.prepare(at)?,
        start,
        stop: events("stop", &row.stop)?,
        each_order: row.each_order,
        again: row.again,
    })
}

impl Policy for ServiceClock {
    fn decide(&self, conversation: &Snapshot, happening: &Happening) -> Result<Vec<Decision>, Fault> {
        let promises = Promises::read(conversation.current_attribute(&self.attribute).unwrap_or_default());
        let mut run = Run { conversation, happening, stopped: Vec::new(), promises, decisions: Vec::new() };
        self.stop(&mut run);
        // What comes late to a closed conversation promises nothing.
        if !matches!(happening, Happening::AgentClosed) {
            self.start(&mut run);
        }
        if let Some(text) = run.promises.changed() {
            let fact = Attribute::new(&self.attribute, text);
            run.decide(Action::SetAttribute(fact), "C6", "what was promised once is not promised again".into());
        }
        Ok(run.decisions)
    }
}

/// One happening on its way through the table.
struct Run<'a> {
    conversation: &'a Snapshot,
    happening: &'a Happening,
    stopped: Vec<&'a str>,
    promises: Promises,
    decisions: Vec<Decision>,
}

impl<'a> Run<'a> {
    fn decide(&mut self, action: Action, rule: &str, why: String) {
        self.decisions.push(Decision::new(action, rule, why));
    }

    fn holds(&self, event: &Event) -> bool {
        event.holds(self.conversation, self.happening)
    }

    fn stop(&mut self, running: &'a RunningClock, rule: &str, why: String) {
        self.stopped.push(&running.clock.name);
        self.decide(Action::StopClock(running.clock.name.clone()), rule, why);
    }

    /// The clock of this name, unless it was stopped a moment ago.
    fn running(&self, name: &str) -> Option<&'a RunningClock> {
        let running = self.conversation.clocks.iter().find(|running| running.clock.name == name);
        running.filter(|_| !self.stopped.contains(&name))
    }

    /// How long the customer was given by the question of this run.
    fn asked(&self) -> Option<u32> {
        self.conversation.decided.iter().rev().find_map(|decision| match &decision.action {
            Action::AskEvidence((_, seconds)) => Some(*seconds),
            _ => None,
        })
    }
}

impl ServiceClock {
    fn stop(&self, run: &mut Run<'_>) {
        for running in &run.conversation.clocks {
            let name = &running.clock.name;
            let (name, order) = name.split_once(':').map_or((name.as_str(), None), |(name, order)| (name, Some(order)));
            // Rows that are for such a conversation first: one of them has started it, as a rule.
            let rows = || self.rows.iter().filter(|row| row.clock.name == name);
            let mut rows = rows().filter(|row| row.when.fits(run.conversation)).chain(rows());
            let found = rows.find_map(|row| row.stopped_by(order, run).map(|why| (row, why)));
            if let Some((row, why)) = found {
                run.stop(running, &row.rule, format!("{why}: no longer waited for that {}", row.means));
            }
        }
    }

    fn start(&self, run: &mut Run<'_>) {
        let mut seen: Vec<&str> = Vec::new();
        for row in &self.rows {
            if seen.contains(&row.clock.name.as_str()) || !row.when.fits(run.conversation) {
                continue;
            }
            let Some(event) = row.start.iter().find(|event| run.holds(event)) else { continue };
            seen.push(&row.clock.name);
            // What is done in the same breath is not promised.
            if row.stop.iter().any(|event| !event.is_news() && run.holds(event)) {
                continue;
            }
            if !row.each_order {
                row.start(row.clock.name.clone(), event, run);
                continue;
            }
            for order in event.orders(run.conversation, run.happening) {
                row.start(format!("{}:{order}", row.clock.name), event, run);
            }
        }
    }
}

impl Prepared {
    /// What stops a clock of this row, of this order where it has one.
    fn stopped_by(&self, order: Option<&str>, run: &Run<'_>) -> Option<String> {
        if matches!(run.happening, Happening::AgentClosed) {
            return Some(Event::AgentClosed.sentence());
        }
        let concerns = |event: &&Event| {
            let orders = event.orders(run.conversation, run.happening);
            order.is_none_or(|order| orders.is_empty() || orders.iter().any(|it| it == order))
        };
        let mut events = self.stop.iter().filter(|event| run.holds(event));
        events.find(concerns).map(Event::sentence)
    }

    fn start(&self, name: String, event: &Event, run: &mut Run<'_>) {
        let asked =
            matches!(event, Event::Decided(action, _) if action == "ask-evidence").then(|| run.asked()).flatten();
        let clock = Clock { name, target: asked.unwrap_or(self.clock.target), ..self.clock.clone() };
        let running = run.running(&clock.name);
        let taken = match self.again {
            Again::WhenStopped => running.is_some(),
            Again::Anew => false,
            // What was promised earlier for an earlier moment stands.
            Again::Once => {
                run.promises.has(&clock.name, clock.target)
                    || running.is_some_and(|it| it.due <= run.conversation.now + u64::from(clock.target) * 1_000)
            }
        };
        if taken {
            return;
        }
        if let Some(running) = running {
            run.stop(running, &self.rule, format!("{}, and it starts from the beginning", event.sentence()));
        }
        if self.again == Again::Once {
            run.promises.add(&clock.name, clock.target);
        }
        let reason = self.when.reason(run.conversation).map(|reason| format!(" ({reason})")).unwrap_or_default();
        let hours = clock.calendar.as_ref().map(|name| format!(" of calendar {name}")).unwrap_or_default();
        let why =
            format!("{}{reason}: promised within {}{hours} that {}", event.sentence(), said(clock.target), self.means);
        run.decide(Action::StartClock(clock), &self.rule, why);
    }
}
