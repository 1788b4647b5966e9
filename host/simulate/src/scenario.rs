//! A scenario: what comes in, who is there, how people behave. A TOML file.
use jiff::Zoned;
use serde::Deserialize;
use std::collections::BTreeSet;
use tributary_model::Timestamp;
use tributary_model::agent::Skill;
use tributary_model::message::Attribute;
use tributary_model::order::OrderState;

/// The hours of a shop's day where a scenario does not say other ones: a share for each hour from midnight on, with an early
/// peak before noon and the late one after supper.
const HOURS: [f64; 24] = [
    1.2, 0.6, 0.3, 0.2, 0.2, 0.4, 0.9, 1.8, 3.6, 5.6, 6.6, 6.2, 4.6, 4.8, 5.6, 5.8, 5.6, 5.0, 4.6, 6.0, 8.2, 9.2, 7.6,
    3.8,
];

/// The most conversations of one scenario.
const MOST: f64 = 2_000_000.0;

/// What a day is like.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Scenario {
    /// What it is, in a line.
    pub about: String,
    /// When it begins: a local time with its zone, `2026-05-11T00:00:00+08:00[Asia/Shanghai]`.
    pub start: String,
    /// How many days messages come in; the desk then has [`Scenario::after_hours`] more.
    pub days: u32,
    /// How many hours agents go on when nothing comes in any more. Default 12.
    #[serde(default = "twelve")]
    pub after_hours: u32,
    /// The same seed, the same day.
    #[serde(default)]
    pub seed: u64,
    /// Who is there.
    pub agents: Vec<Agents>,
    /// What comes in.
    pub traffic: Vec<Traffic>,
}

fn twelve() -> u32 {
    12
}

/// Agents who are alike.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Agents {
    /// What they are called: `care` gives `care-1`, `care-2`, …
    pub name: String,
    /// How many.
    pub count: u32,
    /// Their teams; none: all.
    #[serde(default)]
    pub teams: Vec<String>,
    /// Their skills: `refund`, `refund:2`.
    #[serde(default)]
    pub skills: Vec<String>,
    /// Take what only a senior agent may have.
    #[serde(default)]
    pub senior: bool,
    /// How much each has at once.
    pub capacity: u32,
    /// The local hour at which they come, 0 to 24, and that at which they go; past midnight where the second is not later.
    pub from: f64,
    /// See [`Agents::from`].
    pub to: f64,
    /// On these days of the week, Monday is 1. Default: every day.
    #[serde(default)]
    pub weekdays: Vec<i8>,
}

/// Conversations that are alike.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Traffic {
    /// What they are called in the report.
    pub name: String,
    /// The channel they come by.
    pub channel: String,
    /// How many a day.
    pub per_day: f64,
    /// By the hour, from midnight on: shares of `per-day`, of any sum. Default: a shop's day.
    #[serde(default)]
    pub hours: Vec<f64>,
    /// Only from this hour of the scenario on.
    #[serde(default)]
    pub from_hour: f64,
    /// Only until this hour of the scenario.
    pub to_hour: Option<f64>,
    /// What a customer writes first, one of these.
    pub texts: Vec<String>,
    /// What the customer writes after an answer, one of these.
    #[serde(default)]
    pub more: Vec<String>,
    /// How often the customer writes in all, on average. Default 1.
    #[serde(default = "one")]
    pub rounds: f64,
    /// Seconds until the customer writes again, on average. Default 90.
    #[serde(default = "ninety")]
    pub writes_again_after: f64,
    /// Seconds that an agent takes for an answer, on average; half as long again for each other conversation that the agent
    /// has.
    pub handling: f64,
    /// What the agent answers.
    pub answer: String,
    /// Of a hundred customers whom the bot answered, how many want a person all the same. Default 20.
    #[serde(default = "twenty")]
    pub wants_person: f64,
    /// Profile tags of the customers, such as `high-value`.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The state of an order that the customer has.
    pub order: Option<String>,
}

fn one() -> f64 {
    1.0
}

fn ninety() -> f64 {
    90.0
}

fn twenty() -> f64 {
    20.0
}

/// What is wrong with a scenario: a line for each.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct ScenarioError(pub Vec<String>);

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// Every fault of it, each with its key.
    pub fn read(text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self = toml::from_str(text).map_err(|error| ScenarioError(vec![error.to_string()]))?;
        let mut faults = Vec::new();
        scenario.check(&mut faults);
        if faults.is_empty() { Ok(scenario) } else { Err(ScenarioError(faults)) }
    }

    fn check(&self, faults: &mut Vec<String>) {
        let mut fault = |so: bool, key: String, what: String| {
            if !so {
                faults.push(format!("{key}: {what}"));
            }
        };
        fault(
            self.zoned().is_some(),
            "start".into(),
            format!("{:?} is no moment with its zone; 2026-05-11T00:00:00+08:00[Asia/Shanghai] is one", self.start),
        );
        fault((1..=366).contains(&self.days), "days".into(), format!("1 to 366 was expected, not {}", self.days));
        fault(
            self.after_hours <= 720,
            "after-hours".into(),
            format!("0 to 720 was expected, not {}", self.after_hours),
        );
        fault(!self.agents.is_empty(), "agents".into(), "somebody has to be there: [[agents]] was expected".into());
        fault(!self.traffic.is_empty(), "traffic".into(), "something has to come in: [[traffic]] was expected".into());
        let mut names = BTreeSet::new();
        for (at, it) in self.agents.iter().enumerate() {
            let key = |key: &str| format!("agents.{}.{key}", at + 1);
            fault(names.insert(&it.name), key("name"), format!("{:?} is there twice", it.name));
            fault((1..=10_000).contains(&it.count), key("count"), format!("1 to 10000 was expected, not {}", it.count));
            fault((1..=10_000).contains(&it.capacity), key("capacity"), "1 to 10000 was expected".into());
            let hours = 0.0..=24.0;
            fault(hours.contains(&it.from) && hours.contains(&it.to), key("from"), "hours of the day, 0 to 24".into());
            fault(it.weekdays.iter().all(|day| (1..=7).contains(day)), key("weekdays"), "1 for Monday to 7".into());
            for skill in it.skills.iter().filter(|text| Skill::parse(text).is_none()) {
                fault(false, key("skills"), format!("{skill:?} is no skill: NAME or NAME:LEVEL, level 1 to 9"));
            }
        }
        let positive = |number: f64| number.is_finite() && number >= 0.0;
        for (at, it) in self.traffic.iter().enumerate() {
            let key = |key: &str| format!("traffic.{}.{key}", at + 1);
            fault(positive(it.per_day), key("per-day"), format!("a number was expected, not {}", it.per_day));
            let hours = it.hours.is_empty() || it.hours.len() == 24 && it.hours.iter().all(|share| positive(*share));
            fault(hours, key("hours"), format!("24 shares were expected, not {}", it.hours.len()));
            fault(!it.texts.is_empty(), key("texts"), "what a customer writes was expected".into());
            fault(
                it.rounds >= 1.0 && it.rounds <= 50.0,
                key("rounds"),
                format!("1 to 50 was expected, not {}", it.rounds),
            );
            fault(
                it.rounds <= 1.0 || !it.more.is_empty(),
                key("more"),
                "rounds above 1 need what is written then".into(),
            );
            fault(it.handling > 0.0 && it.handling <= 86_400.0, key("handling"), "seconds, up to a day".into());
            fault(positive(it.writes_again_after), key("writes-again-after"), "seconds were expected".into());
            fault((0.0..=100.0).contains(&it.wants_person), key("wants-person"), "0 to 100 was expected".into());
            fault(!it.answer.trim().is_empty(), key("answer"), "what an agent answers was expected".into());
            if let Some(state) = &it.order {
                let known = OrderState::ALL.map(OrderState::as_str).join(", ");
                fault(OrderState::parse(state).is_some(), key("order"), format!("{state:?} is none of {known}"));
            }
        }
        let all: f64 = self.traffic.iter().map(|it| it.per_day * f64::from(self.days)).sum();
        fault(all <= MOST, "traffic".into(), format!("{all:.0} conversations; {MOST:.0} are the most"));
    }

    fn zoned(&self) -> Option<Zoned> {
        self.start.parse().ok()
    }

    /// When it begins.
    pub fn begin(&self) -> Zoned {
        // A scenario that was read has one.
        self.zoned().unwrap_or_default()
    }

    /// When the last message comes in.
    pub fn end(&self) -> Timestamp {
        self.moment(f64::from(self.days) * 24.0)
    }

    /// So many hours after the beginning.
    pub fn moment(&self, hours: f64) -> Timestamp {
        let begin = self.begin().timestamp().as_millisecond();
        Timestamp(u64::try_from(begin).unwrap_or_default().saturating_add((hours * 3_600_000.0) as u64))
    }

    /// The moments at which conversations of a kind begin, in order: so many in each hour as its share says, rounded by
    /// chance, each at any moment of it.
    pub fn arrivals(&self, it: &Traffic, chance: &mut fastrand::Rng) -> Vec<Timestamp> {
        let shares = if it.hours.is_empty() { &HOURS[..] } else { &it.hours[..] };
        let sum: f64 = shares.iter().sum();
        let first = usize::try_from(self.begin().hour()).unwrap_or_default();
        let mut moments = Vec::new();
        for hour in 0..self.days as usize * 24 {
            let begins = hour as f64;
            let from = begins.max(it.from_hour);
            let to = (begins + 1.0).min(it.to_hour.unwrap_or(f64::MAX));
            if from >= to || sum <= 0.0 {
                continue;
            }
            let wanted = it.per_day * shares[(first + hour) % 24] / sum * (to - from);
            let count = wanted.floor() + f64::from(u8::from(chance.f64() < wanted.fract()));
            for _ in 0..count as u64 {
                moments.push(self.moment(from + chance.f64() * (to - from)));
            }
        }
        moments.sort_unstable();
        moments
    }
}

impl Traffic {
    /// The profile tags as a channel tells them.
    pub(crate) fn attributes(&self) -> Vec<Attribute> {
        vec![Attribute { name: "scenario".into(), value: self.name.clone() }]
    }
}

impl Agents {
    /// When they come and go in the days of a scenario, and of one more.
    pub fn shifts(&self, scenario: &Scenario) -> Vec<(Timestamp, Timestamp)> {
        let begin = scenario.begin();
        let length = if self.to > self.from { self.to - self.from } else { self.to + 24.0 - self.from };
        let mut shifts = Vec::new();
        // The night before may reach into the first day.
        for day in -1..=i64::from(scenario.days) {
            let Ok(date) = begin.date().checked_add(jiff::Span::new().days(day)) else { continue };
            let works = self.weekdays.is_empty() || self.weekdays.contains(&date.weekday().to_monday_one_offset());
            let Some(midnight) = works.then(|| date.to_zoned(begin.time_zone().clone()).ok()).flatten() else {
                continue;
            };
            let midnight = u64::try_from(midnight.timestamp().as_millisecond()).unwrap_or_default();
            let from = midnight.saturating_add((self.from * 3_600_000.0) as u64);
            shifts.push((Timestamp(from), Timestamp(from.saturating_add((length * 3_600_000.0) as u64))));
        }
        shifts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = r#"
        about = "one"
        start = "2026-05-11T00:00:00+08:00[Asia/Shanghai]"
        days = 2
        [[agents]]
        name = "care"
        count = 2
        capacity = 1
        from = 22
        to = 6
        weekdays = [1]
        [[traffic]]
        name = "hello"
        channel = "chat"
        per-day = 240
        texts = ["hello"]
        handling = 60
        answer = "Hello."
    "#;

    #[test]
    fn every_fault_of_a_scenario_is_told_with_its_key() {
        for (from, to, key) in [
            ("2026-05-11T00:00:00+08:00[Asia/Shanghai]", "2026-05-11", "start"),
            ("days = 2", "days = 0", "days"),
            ("weekdays = [1]", "weekdays = [0]", "agents.1.weekdays"),
            ("capacity = 1", "capacity = 0", "agents.1.capacity"),
            ("weekdays", "skills = ['a:b']\nweekdays", "agents.1.skills"),
            ("per-day = 240", "per-day = -1", "traffic.1.per-day"),
            ("texts = [\"hello\"]", "texts = []", "traffic.1.texts"),
            ("handling = 60", "handling = 0", "traffic.1.handling"),
            ("handling = 60", "handling = 60\norder = 'eaten'", "traffic.1.order"),
            ("handling = 60", "handling = 60\nrounds = 2", "traffic.1.more"),
            ("handling = 60", "handling = 60\nhours = [1]", "traffic.1.hours"),
            ("handling = 60", "handling = 60\ncolour = 1", "colour"),
        ] {
            let text = LEAST.replace(from, to);
            assert_ne!(text, LEAST, "{key}");
            let fault = Scenario::read(&text).expect_err(key).to_string();
            assert!(fault.contains(key), "{key}: {fault}");
        }
        Scenario::read(LEAST).expect("it is one");
    }

    #[test]
    fn as_many_come_as_are_said_and_when_they_are_said_to() {
        let text = LEAST.replace("per-day = 240", "per-day = 240\nfrom-hour = 6\nto-hour = 30.5");
        let scenario = Scenario::read(&text).expect("a scenario");
        let moments = scenario.arrivals(&scenario.traffic[0], &mut fastrand::Rng::with_seed(3));
        assert!(moments.is_sorted());
        assert!(moments.first() >= Some(&scenario.moment(6.0)) && moments.last() < Some(&scenario.moment(30.5)));
        assert!((230..260).contains(&moments.len()), "{}", moments.len());
    }

    #[test]
    fn a_night_shift_ends_on_the_next_day() {
        let scenario = Scenario::read(LEAST).expect("a scenario");
        let monday = (scenario.moment(22.0), scenario.moment(30.0));
        assert_eq!(scenario.agents[0].shifts(&scenario), [monday]);
    }

    #[test]
    fn the_scenarios_that_come_along_are_ones() {
        for (name, text) in crate::SCENARIOS {
            Scenario::read(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
}
