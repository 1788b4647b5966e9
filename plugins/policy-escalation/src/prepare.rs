//! Checks the configuration.
use std::collections::BTreeMap;

use tributary_policy::{Event, Languages, Span};
use tributary_sdk::{PrepareError, Template};

use crate::config::{Act, Config, Level, Trigger};
use crate::{Call, Escalate, Help, Texts};

/// The policy of a configuration.
///
/// # Errors
/// [`PrepareError`] with the key whose value cannot work.
pub fn prepare(config: Config) -> Result<Escalate, PrepareError> {
    let names = [
        ("level-attribute", &config.level_attribute),
        ("since-attribute", &config.since_attribute),
        ("tag", &config.tag),
        ("default-team", &config.default_team),
        ("follow-up.attribute", &config.follow_up.attribute),
        ("follow-up.set-attribute", &config.follow_up.set_attribute),
        ("follow-up.timer", &config.follow_up.timer),
    ];
    if let Some((key, _)) = names.into_iter().find(|(_, name)| name.is_empty()) {
        return Err(PrepareError::value(key, "expected a name"));
    }
    if !(1..=100).contains(&config.chinese_percent) {
        return Err(PrepareError::value("chinese-percent", "expected 1 to 100"));
    }
    let before = millis(&config.follow_up.before, "follow-up.before")?;
    let levels: Vec<Help> = config.levels.into_iter().enumerate().map(level).collect::<Result<_, _>>()?;
    let known: Vec<u8> = levels.iter().map(|help| help.level).collect();
    let triggers = config.triggers.into_iter().enumerate().map(|(index, row)| trigger(row, index, &known));
    Ok(Escalate {
        triggers: triggers.collect::<Result<_, _>>()?,
        level_attribute: config.level_attribute,
        since_attribute: config.since_attribute,
        tag: config.tag,
        default_team: config.default_team,
        languages: Languages::new(config.chinese_percent, config.default_language),
        follow_up: config.follow_up,
        before,
        levels,
    })
}

fn level((index, row): (usize, Level)) -> Result<Help, PrepareError> {
    let key = |name: &str| format!("levels.{index}.{name}");
    if !(2..=3).contains(&row.level) {
        return Err(PrepareError::value(key("level"), "expected 2 or 3"));
    }
    if row.teams.is_empty() {
        return Err(PrepareError::value(key("teams"), "expected one team at least"));
    }
    Ok(Help { level: row.level, teams: row.teams, progress: texts(&row.progress, &key("progress"))? })
}

fn trigger(row: Trigger, index: usize, levels: &[u8]) -> Result<Call, PrepareError> {
    let at = format!("triggers.{index}");
    let key = |name: &str| format!("{at}.{name}");
    if row.rule.is_empty() {
        return Err(PrepareError::value(key("rule"), "expected the rule that decisions name"));
    }
    if row.words.iter().any(String::is_empty) {
        return Err(PrepareError::value(key("words"), "a word is empty"));
    }
    let on: Vec<Event> = row.on.iter().map(|text| Event::parse(text, &key("on"))).collect::<Result<_, _>>()?;
    if on.is_empty() {
        return Err(PrepareError::value(key("on"), "expected one event at least"));
    }
    let level = row.level.filter(|level| levels.contains(level));
    if (row.act == Act::RaiseTo) != row.level.is_some() || level != row.level {
        return Err(PrepareError::value(key("level"), "expected one of the levels with raise-to, and nothing without"));
    }
    if row.once.as_ref().is_some_and(|tag| tag.is_empty() || row.act != Act::RaiseTo) {
        return Err(PrepareError::value(key("once"), "expected a tag, with raise-to"));
    }
    // What a message or a lasting state calls for would be told again with the next.
    if matches!(row.act, Act::Notify | Act::Wake) {
        let once = |event: &Event| event.is_news() && *event != Event::Message;
        if !on.iter().all(once) {
            return Err(PrepareError::value(
                key("on"),
                "teams are told of what happens once, such as `breached CLOCK`",
            ));
        }
        if row.notify.is_empty() {
            return Err(PrepareError::value(key("notify"), "expected one team at least"));
        }
    }
    Ok(Call {
        when: row.when.prepare(&at)?,
        over: row.over.map_or(Ok(0), |over| millis(&over, &key("over")))?,
        progress: texts(&row.progress, &key("progress"))?,
        rule: row.rule,
        means: row.means,
        on,
        words: row.words.iter().map(|word| word.to_lowercase()).collect(),
        after_answer: row.after_answer,
        repeats: row.repeats,
        act: row.act,
        level: level.unwrap_or_default(),
        once: row.once,
        teams: row.teams,
        notify: row.notify,
    })
}

fn texts(texts: &BTreeMap<String, String>, key: &str) -> Result<Texts, PrepareError> {
    let text = |(language, text): (&String, &String)| {
        Ok((language.clone(), Template::parse(text, &format!("{key}.{language}"), &["tag"])?))
    };
    texts.iter().map(text).collect()
}

fn millis(span: &Span, key: &str) -> Result<u64, PrepareError> {
    Ok(u64::from(span.seconds(86_400, key)?) * 1_000)
}
