//! Checks the configuration.
use std::collections::BTreeMap;

use tributary_policy::{Languages, Span, Texts, check_name, check_unique, grade};
use tributary_sdk::PrepareError;

use crate::config::{Config, Feedback, Question};
use crate::feedback::{Kind, Notes};
use crate::{Asks, Survey};

/// The policy of a configuration.
///
/// # Errors
/// [`PrepareError`] with the key whose value cannot work.
pub fn prepare(config: Config) -> Result<Survey, PrepareError> {
    let names = [
        ("attribute", &config.attribute),
        ("timer", &config.timer),
        ("feedback-attribute", &config.feedback_attribute),
        ("feedback-tag", &config.feedback_tag),
    ];
    if let Some((key, _)) = names.into_iter().find(|(_, name)| name.is_empty()) {
        return Err(PrepareError::value(key, "expected a name"));
    }
    if config.attribute == config.feedback_attribute {
        return Err(PrepareError::value("feedback-attribute", "expected another name than `attribute`"));
    }
    if config.rest_days > 365 {
        return Err(PrepareError::value("rest-days", "expected 0 to 365"));
    }
    if !(1..=100).contains(&config.chinese_percent) {
        return Err(PrepareError::value("chinese-percent", "expected 1 to 100"));
    }
    if config.questions.is_empty() {
        return Err(PrepareError::value("questions", "expected one at least"));
    }
    let language = config.default_language;
    let left_out = config.left_out_grades.iter().map(|word| grade(word, "left-out-grades".into()));
    let questions = config.questions.into_iter().enumerate().map(|(index, row)| question(row, index, &language));
    let questions: Vec<Asks> = questions.collect::<Result<_, _>>()?;
    check_unique(questions.iter().map(|asks| asks.name.as_str()), "questions")?;
    let kinds: Vec<Kind> = config.feedback.into_iter().enumerate().map(kind).collect::<Result<_, _>>()?;
    check_unique(kinds.iter().map(|kind| kind.name.as_str()), "feedback")?;
    let closing = invitation(&config.closing.invitation, "closing.invitation", &["link", "tag"], &language)?;
    let places = ["link", "tag", "order"];
    let sign_off = invitation(&config.sign_off.invitation, "sign-off.invitation", &places, &language)?;
    Ok(Survey {
        left_out_grades: left_out.collect::<Result<_, _>>()?,
        left_out_tags: config.left_out_tags,
        left_out_contacts: config.left_out_contacts,
        open_for: config.open_for.seconds(86_400, "open-for")?,
        rest: config.rest_days * 86_400,
        after_closing: millis(&config.closing.after, "closing.after")?,
        after_sign_off: millis(&config.sign_off.after, "sign-off.after")?,
        again_after: millis(&config.sign_off.again_after, "sign-off.again-after")?,
        retries: config.sign_off.retries,
        closing,
        sign_off,
        questions,
        notes: Notes { attribute: config.feedback_attribute, tag: config.feedback_tag, kinds },
        attribute: config.attribute,
        timer: config.timer,
        languages: Languages::new(config.chinese_percent, language),
    })
}

/// The texts of an invitation, each with the address of the form.
fn invitation(
    texts: &BTreeMap<String, String>,
    key: &str,
    places: &[&str],
    language: &str,
) -> Result<Texts, PrepareError> {
    if let Some((language, _)) = texts.iter().find(|(_, text)| !text.contains("{link}")) {
        return Err(PrepareError::value(format!("{key}.{language}"), "expected {link}, the address of the form"));
    }
    Texts::prepare(texts, language, key, places)
}

fn question(row: Question, index: usize, language: &str) -> Result<Asks, PrepareError> {
    check_name(&row.name, &format!("questions.{index}.name"))?;
    let words = Texts::prepare(&row.words, language, &format!("questions.{index}.words"), &[])?;
    Ok(Asks { name: row.name, words })
}

fn kind((index, row): (usize, Feedback)) -> Result<Kind, PrepareError> {
    let key = |name: &str| format!("feedback.{index}.{name}");
    check_name(&row.name, &key("name"))?;
    if row.rule.is_empty() {
        return Err(PrepareError::value(key("rule"), "expected the rule that decisions name"));
    }
    if row.team.is_empty() {
        return Err(PrepareError::value(key("team"), "expected the name of a team"));
    }
    if row.words.is_empty() || !row.words.iter().all(|word| word.len() > 1 && word.starts_with('#')) {
        return Err(PrepareError::value(key("words"), "expected words that begin with #"));
    }
    Ok(row.into())
}

fn millis(span: &Span, key: &str) -> Result<u64, PrepareError> {
    Ok(u64::from(span.seconds(86_400, key)?) * 1_000)
}
