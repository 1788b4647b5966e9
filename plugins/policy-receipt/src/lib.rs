//! Acknowledges a customer's first message (D2): in the customer's language, with the conversation's tag, once, and never
//! to a machine.
mod config;

use std::collections::BTreeMap;

use tributary_policy::{Languages, grade};
use tributary_sdk::desk::{Action, Decision, Fault, Grade, Happening, Snapshot};
use tributary_sdk::text::one_line;
use tributary_sdk::types::{Attribute, Author, Content, Inbound};
use tributary_sdk::{Plugin, Policy, PrepareError, Template as Text};

pub use config::{Config, Template};

/// The prepared policy.
pub struct Receipt {
    languages: Languages,
    attribute: String,
    no_subject: BTreeMap<String, String>,
    templates: Vec<Prepared>,
}

struct Prepared {
    language: String,
    grades: Vec<Grade>,
    rule: String,
    text: Text,
}

/// The longest subject that is repeated to the customer, in letters.
const LONGEST_SUBJECT: usize = 80;

tributary_sdk::export!(Receipt: policy);

impl Plugin for Receipt {
    type Config = Config;

    fn prepare(config: Config) -> Result<Self, PrepareError> {
        if !(1..=100).contains(&config.chinese_percent) {
            return Err(PrepareError::value("chinese-percent", "expected 1 to 100"));
        }
        if config.attribute.is_empty() {
            return Err(PrepareError::value("attribute", "expected a name"));
        }
        let templates: Vec<Prepared> =
            config.templates.into_iter().enumerate().map(prepare_template).collect::<Result<_, _>>()?;
        let general = |template: &Prepared| template.language == config.default_language && template.grades.is_empty();
        if !templates.iter().any(general) {
            let problem = format!("expected one for language {} and every grade", config.default_language);
            return Err(PrepareError::value("templates", problem));
        }
        Ok(Self {
            languages: Languages::new(config.chinese_percent, config.default_language),
            attribute: config.attribute,
            no_subject: config.no_subject,
            templates,
        })
    }
}

fn prepare_template((index, template): (usize, Template)) -> Result<Prepared, PrepareError> {
    let grade = |word: &String| grade(word, format!("templates.{index}.grades"));
    Ok(Prepared {
        language: template.language,
        grades: template.grades.iter().map(grade).collect::<Result<_, _>>()?,
        rule: template.rule,
        text: Text::parse(&template.text, &format!("templates.{index}.text"), &["tag", "subject"])?,
    })
}

impl Policy for Receipt {
    fn decide(&self, conversation: &Snapshot, happening: &Happening) -> Result<Vec<Decision>, Fault> {
        let Some(message) = happening.message() else { return Ok(Vec::new()) };
        if message.author != Author::Customer || message.automatic || self.answered(conversation) {
            return Ok(Vec::new());
        }
        let language = self.language(message);
        let grade = conversation.current_grade();
        let Some(template) = self.template(language, grade).or_else(|| self.template(self.languages.default(), grade))
        else {
            return Err(Fault::NotConfigured(format!("no template for language {language}")));
        };
        let subject = message.subject.as_deref().or(conversation.subject.as_deref()).filter(|it| !it.trim().is_empty());
        let subject =
            subject.or_else(|| self.no_subject.get(&template.language).map(String::as_str)).unwrap_or_default();
        let text = template.text.fill(&[&conversation.tag, &one_line(subject, LONGEST_SUBJECT)]);
        let why = format!("the customer's first message is acknowledged, in language {}", template.language);
        let fact = Attribute::new(&self.attribute, &template.language);
        Ok(vec![
            Decision::new(Action::Reply(Content::plain(text)), template.rule.as_str(), why),
            Decision::new(Action::SetAttribute(fact), template.rule.as_str(), "a conversation is acknowledged once"),
        ])
    }
}

impl Receipt {
    /// Whether the customer has heard from the shop: this policy, another one of this run, a machine or a person.
    fn answered(&self, conversation: &Snapshot) -> bool {
        let replies = |decision: &Decision| matches!(decision.action, Action::Reply(_) | Action::AskEvidence(_));
        conversation.attribute(&self.attribute).is_some_and(|value| !value.is_empty())
            || conversation.history.iter().any(|entry| matches!(entry.author, Author::Bot | Author::Agent))
            || conversation.decided.iter().any(replies)
    }

    /// The text decides, the subject where it says nothing.
    fn language(&self, message: &Inbound) -> &str {
        self.languages.of([message.content.text.as_str(), message.subject.as_deref().unwrap_or_default()])
    }

    fn template(&self, language: &str, grade: Option<Grade>) -> Option<&Prepared> {
        self.templates.iter().find(|template| {
            let fits = template.grades.is_empty() || grade.is_some_and(|grade| template.grades.contains(&grade));
            template.language == language && fits
        })
    }
}
