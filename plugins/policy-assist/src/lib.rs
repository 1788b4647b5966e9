//! Has a language model draft an answer to a customer's message (J10): out of the articles that the knowledge base finds and
//! the customer's orders, without personal data (L1), held against what it was told (K3), and marked as a machine's.
//!
//! What goes wrong on the way is a line in the log and nothing else: the matter is with people as it was.
mod check;
mod config;
mod endpoint;
mod mask;
mod prompt;

use tributary_policy::{Condition, Languages, Texts};
use tributary_sdk::desk::{Action, Decision, Fault, Happening, Snapshot};
use tributary_sdk::host::knowledge::{self, Article};
use tributary_sdk::host::log;
use tributary_sdk::text::one_line;
use tributary_sdk::types::{Author, Content, Inbound, Order};
use tributary_sdk::{Plugin, Policy, PrepareError};

pub use config::{Answer, Asked, Config, Facts, Mode};
use endpoint::{Endpoint, Written};
use mask::Mask;

/// What the model says where the facts do not hold the answer.
const NEEDS_PERSON: &str = "NEEDS_PERSON";

/// The longest question that the knowledge base is searched for, in letters.
const LONGEST_QUESTION: usize = 400;

/// The longest objection that a note repeats, in letters.
const LONGEST_OBJECTION: usize = 200;

/// The prepared policy.
pub struct Assist {
    endpoint: Endpoint,
    mode: Mode,
    when: Condition,
    facts: Facts,
    answer: Answer,
    languages: Languages,
    mark: Texts,
    system: Texts,
}

tributary_sdk::export!(Assist: policy);

impl Plugin for Assist {
    type Config = Config;

    fn prepare(config: Config) -> Result<Self, PrepareError> {
        check(&config)?;
        Ok(Self {
            endpoint: Endpoint::new(&config),
            mode: config.mode,
            when: config.when.when.prepare("when")?,
            facts: config.facts,
            mark: Texts::prepare(&config.mark, &config.answer.default_language, "mark", &[])?,
            system: Texts::prepare(&config.system, &config.answer.default_language, "system", &[])?,
            languages: Languages::new(config.answer.chinese_percent, config.answer.default_language.clone()),
            answer: config.answer,
        })
    }
}

fn check(config: &Config) -> Result<(), PrepareError> {
    let Config { facts, answer, .. } = config;
    let wrong = [
        ("url", !["http://", "https://"].iter().any(|scheme| config.url.starts_with(scheme)), "an http or https URL"),
        ("model", config.model.is_empty(), "the model's name on that server"),
        ("temperature", !(0.0..=2.0).contains(&config.temperature), "0 to 2"),
        ("max-tokens", config.max_tokens == 0, "1 or more"),
        ("facts.articles", !(1..=20).contains(&facts.articles), "1 to 20"),
        ("facts.score-from", !(0.0..=1.0).contains(&facts.score_from), "0 to 1"),
        ("facts.messages", !(1..=50).contains(&facts.messages), "1 to 50"),
        ("answer.longest", answer.longest == 0, "1 or more"),
        ("answer.chinese-percent", !(1..=100).contains(&answer.chinese_percent), "1 to 100"),
        ("answer.tag", answer.tag.is_empty(), "a tag"),
    ];
    match wrong.into_iter().find(|(_, wrong, _)| *wrong) {
        Some((key, _, expected)) => Err(PrepareError::value(key, format!("expected {expected}"))),
        None => Ok(()),
    }
}

impl Policy for Assist {
    fn decide(&self, conversation: &Snapshot, happening: &Happening) -> Result<Vec<Decision>, Fault> {
        let message = happening.message().filter(|message| self.is_asked(message, conversation));
        let Some(message) = message else { return Ok(Vec::new()) };
        let replies = self.replies(conversation);
        let found = knowledge::search(&one_line(&message.content.text, LONGEST_QUESTION), self.facts.articles);
        let articles: Vec<Article> = found.into_iter().filter(|it| it.score >= self.facts.score_from).collect();
        // Whoever writes a number is not its buyer: what leaves unread is the buyer's alone.
        let may_know = |order: &&Order| !replies || order.is_of(&conversation.contact, false);
        let orders: Vec<&Order> = conversation.orders.iter().filter(may_know).collect();
        if articles.is_empty() && orders.is_empty() {
            return Ok(Vec::new());
        }
        let subject = conversation.subject.as_deref().unwrap_or_default();
        let language = self.languages.of([message.content.text.as_str(), subject]);
        let (system, mark) = (self.system.fill(language, &[]), self.mark.fill(language, &[]));
        let prompt = prompt::prompt(&self.facts, &articles, &orders, conversation, &Mask::new(conversation));
        let written = match self.endpoint.ask(&system, &prompt) {
            Ok(written) => written,
            Err(why) => {
                log::warn(&format!("no draft: {why}"));
                return Ok(Vec::new());
            }
        };
        let asking = Asking {
            prompt: &prompt,
            source: source(&articles, &orders),
            mark: &mark,
            replies,
            called: calls(conversation),
        };
        Ok(self.used(&written, &asking))
    }
}

impl Assist {
    /// Whether a customer waits for words, and nobody has them yet.
    fn is_asked(&self, message: &Inbound, conversation: &Snapshot) -> bool {
        let answers = |decision: &Decision| matches!(decision.action, Action::Reply(_) | Action::AskEvidence(_));
        message.author == Author::Customer
            && !message.automatic
            && !message.content.text.trim().is_empty()
            && self.when.fits(conversation)
            && !conversation.decided.iter().any(answers)
    }

    /// Whether the answer may leave unread: nobody has the matter, and no policy wants somebody to.
    fn replies(&self, conversation: &Snapshot) -> bool {
        self.mode == Mode::Reply
            && conversation.assignee.is_none()
            && !conversation.history.iter().any(|entry| entry.author == Author::Agent)
            && !calls(conversation)
    }

    /// What becomes of it.
    fn used(&self, written: &Written, asking: &Asking<'_>) -> Vec<Decision> {
        let (Written { text, model, torn }, source) = (written, &asking.source);
        if torn.is_none() && text.contains(NEEDS_PERSON) {
            let why = format!("{model} finds no answer in {source}");
            let call = Decision::new(Action::HandToHuman(why.clone()), "J4", why);
            return if asking.called { Vec::new() } else { vec![call] };
        }
        let objection = || check::objection(text, asking.prompt, self.answer.longest as usize);
        if let Some(why) = torn.clone().or_else(objection) {
            let why = format!("the draft of {model} is not used: {}", one_line(&why, LONGEST_OBJECTION));
            return vec![Decision::new(Action::Note(why.clone()), "K3", why)];
        }
        let content = Content::plain(format!("{text}\n\n{}", asking.mark));
        let (action, does) = match asking.replies {
            true => (Action::Reply(content), "answers"),
            false => (Action::Draft(content), "drafts an answer"),
        };
        let tag = Action::AddTag(self.answer.tag.clone());
        vec![
            Decision::new(action, "J10", format!("{model} {does} out of {source}")),
            Decision::new(tag, "J10", "what a machine wrote can be found"),
        ]
    }
}

/// What a model was asked, and what its answer is for.
struct Asking<'a> {
    prompt: &'a str,
    source: String,
    mark: &'a str,
    replies: bool,
    called: bool,
}

/// Whether a policy before this one has called a person.
fn calls(conversation: &Snapshot) -> bool {
    let calls = |decision: &Decision| matches!(decision.action, Action::HandToHuman(_) | Action::Escalate(_));
    conversation.decided.iter().any(calls)
}

/// What an answer was made of, for a sentence: `articles returns-7, freight-1 and order 2001`.
fn source(articles: &[Article], orders: &[&Order]) -> String {
    let list = |word: &str, ids: Vec<&str>| match ids[..] {
        [] => None,
        [id] => Some(format!("{word} {id}")),
        _ => Some(format!("{word}s {}", ids.join(", "))),
    };
    let articles = list("article", articles.iter().map(|article| article.id.as_str()).collect());
    let orders = list("order", orders.iter().map(|order| order.id.as_str()).collect());
    articles.into_iter().chain(orders).collect::<Vec<_>>().join(" and ")
}
