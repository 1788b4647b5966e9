//! Looks at every outgoing text before it leaves: wording (K1, K2, K4 to K8), statements (K3), personal data (L4, L5).
//!
//! Which words, what they mean and what follows is configuration; here is only how they are found.
mod claims;
mod config;
mod pattern;
mod personal;
mod quantity;
mod rules;
mod text;

use tributary_sdk::desk::{Fault, Objection, Snapshot, Verdict};
use tributary_sdk::types::{Author, Content};
use tributary_sdk::{Plugin, PrepareError, Review};

pub use config::{Claim, Config, Effect, Personal, Rule, Scripts, Unit};

use claims::Inquiry;
use pattern::{Book, Collector, Found, Patterns};
use personal::{Kind, Number};
use quantity::Units;
use rules::{Excuses, better};
use text::{Reader, Span};

/// The prepared policy.
pub struct OutboundReview {
    reader: Reader,
    book: Book,
    excuses: Excuses,
    rules: Vec<rules::Prepared>,
    claims: Vec<claims::Prepared>,
    articles: u32,
    chinese_percent: usize,
    personal: Personal,
    business: Patterns,
    no_card: Patterns,
    scripts: Scripts,
}

tributary_sdk::export!(OutboundReview: review);

impl Plugin for OutboundReview {
    type Config = Config;

    fn prepare(config: Config) -> Result<Self, PrepareError> {
        let within = |key: &str, value: u8, most: u8| {
            let problem = format!("expected 1 to {most}");
            (1..=most).contains(&value).then_some(()).ok_or_else(|| PrepareError::value(key, problem))
        };
        within("chinese-percent", config.chinese_percent, 100)?;
        within("gap", config.gap, 100)?;
        within("wide-gap", config.wide_gap, 200)?;
        within("articles", config.articles, 20)?;
        let reader = Reader::new(&config.variants);
        let mut collector = Collector::new(&reader, &config.groups, &config.units);
        let excuses = Excuses::prepare(&config.quoting, &config.excuses, &mut collector)?;
        let rules = config.rules.into_iter().enumerate();
        let rules = rules.map(|(index, rule)| rules::Prepared::prepare(index, rule, &mut collector));
        let rules = rules.collect::<Result<_, _>>()?;
        let claims = config.claims.into_iter().enumerate();
        let claims = claims.map(|(index, claim)| claims::Prepared::prepare(index, claim, &mut collector));
        let claims = claims.collect::<Result<_, _>>()?;
        let business = collector.add(&config.personal.business, "personal.business")?;
        let no_card = collector.add(&config.personal.no_card, "personal.no-card")?;
        let units = Units::new(&config.units, &config.numbers, &reader);
        let book = collector
            .build(units, config.gap, config.wide_gap)
            .map_err(|error| PrepareError::value("rules", format!("too many words: {error}")))?;
        Ok(Self {
            book,
            excuses,
            rules,
            claims,
            articles: config.articles.into(),
            chinese_percent: config.chinese_percent.into(),
            personal: config.personal,
            business,
            no_card,
            scripts: config.scripts,
            reader,
        })
    }
}

impl Review for OutboundReview {
    fn review(&self, conversation: &Snapshot, draft: &Content) -> Result<Verdict, Fault> {
        let found = self.book.find(self.reader.read(&draft.text));
        let mut objections = Objections::default();
        self.wording(&found, conversation, &mut objections);
        self.statements(&found, conversation, &mut objections);
        let own = self.numbers(&found, conversation, &mut objections);
        self.scripts(&found, conversation, &mut objections);
        Ok(objections.verdict(|| self.amended(&found, draft, &own)))
    }
}

/// What is held against a text.
#[derive(Default)]
struct Objections {
    blocking: Vec<Objection>,
    warning: Vec<Objection>,
}

impl Objections {
    fn add(&mut self, effect: Effect, rule: &str, why: String, span: Option<(u32, u32)>) {
        let objection = Objection { rule: rule.to_owned(), why, span };
        match effect {
            Effect::Block => self.blocking.push(objection),
            Effect::Warn => self.warning.push(objection),
            Effect::Off => {}
        }
    }

    /// The gravest that applies. A blocked text comes with its warnings, so that it is written anew only once; one that is
    /// amended leaves without them, because the contract has no word for both.
    fn verdict(mut self, amended: impl FnOnce() -> Option<Content>) -> Verdict {
        if !self.blocking.is_empty() {
            self.blocking.append(&mut self.warning);
            return Verdict::Block(self.blocking);
        }
        match amended() {
            Some(content) => Verdict::Amend(content),
            None if self.warning.is_empty() => Verdict::Pass,
            None => Verdict::Warn(self.warning),
        }
    }
}

impl OutboundReview {
    /// `zh` or `en`: what the better wording is written in.
    fn language(&self, found: &Found<'_>) -> &'static str {
        if found.text.chinese_percent() >= self.chinese_percent { "zh" } else { "en" }
    }

    fn wording(&self, found: &Found<'_>, conversation: &Snapshot, objections: &mut Objections) {
        for prepared in &self.rules {
            for span in prepared.offences(found, &self.excuses, conversation) {
                let rule = &prepared.rule;
                let words = span.map(|span| format!("“{}”: ", found.text.written(span))).unwrap_or_default();
                let why = format!("{words}{}.{}", rule.means, better(&rule.instead, self.language(found)));
                objections.add(rule.effect, &rule.id, why, span.map(|span| found.text.bytes(span)));
            }
        }
    }

    fn statements(&self, found: &Found<'_>, conversation: &Snapshot, objections: &mut Objections) {
        let (book, reader, excuses, articles) = (&self.book, &self.reader, &self.excuses, self.articles);
        let inquiry = Inquiry { book, reader, excuses, conversation, articles };
        for doubt in inquiry.doubts(found, &self.claims) {
            let why = format!("“{}”: {}.", found.text.written(doubt.span), doubt.why);
            objections.add(doubt.effect, &doubt.claim.id, why, Some(found.text.bytes(doubt.span)));
        }
    }

    /// Objects to numbers of others; the result is the customer's own.
    fn numbers(&self, found: &Found<'_>, conversation: &Snapshot, objections: &mut Objections) -> Vec<Span> {
        let (own, others): (Vec<Number>, Vec<Number>) = personal::numbers(&found.text)
            .into_iter()
            .filter(|number| !self.is_public(found, conversation, number))
            .partition(|number| personal::is_own(number, conversation));
        for number in others {
            let instead = better(&self.personal.instead, self.language(found));
            let why = format!("{} that is not the customer's own leaves the desk.{instead}", number.kind.name());
            let span = Some(found.text.bytes(number.span));
            objections.add(self.personal.of_others, &self.personal.id, why, span);
        }
        if self.personal.mask_own { own.into_iter().map(|number| number.span).collect() } else { Vec::new() }
    }

    /// Whether a number is the shop's, a business's, or no person's at all.
    fn is_public(&self, found: &Found<'_>, conversation: &Snapshot, number: &Number) -> bool {
        let holds = |text: &String| personal::holds(text, &number.digits);
        match number.kind {
            Kind::Telephone => {
                self.personal.shop_numbers.iter().any(holds) || found.excused(&self.business, number.span)
            }
            Kind::Card => {
                let order = |order: &tributary_sdk::types::Order| holds(&order.id) || order.parcel.iter().any(holds);
                conversation.orders.iter().any(order) || found.excused(&self.no_card, number.span)
            }
            Kind::Identity => false,
        }
    }

    /// The draft with the customer's own numbers masked; none where there are none.
    fn amended(&self, found: &Found<'_>, draft: &Content, own: &[Span]) -> Option<Content> {
        if own.is_empty() {
            return None;
        }
        let mut content = draft.clone();
        for span in own.iter().rev() {
            let (from, to) = found.text.bytes(*span);
            let written = found.text.written(*span);
            let masked = personal::masked(written, self.personal.digits_shown.into());
            // A page that writes the number in another way cannot be masked; the text says the same.
            content.html = content.html.filter(|html| html.contains(written)).map(|it| it.replace(written, &masked));
            content.text.replace_range(from as usize..to as usize, &masked);
        }
        Some(content)
    }

    fn scripts(&self, found: &Found<'_>, conversation: &Snapshot, objections: &mut Objections) {
        let scripts = &self.scripts;
        if let Some((from, to)) = unfilled(found.text.original) {
            let place = &found.text.original[from..to];
            let why = format!("“{place}”: a place of the script that nobody filled.");
            // The host bounds texts far below four billion bytes.
            objections.add(scripts.unfilled, &scripts.id, why, Some((from as u32, to as u32)));
        }
        let text = found.text.original.trim();
        let said = |author: Author| matches!(author, Author::Agent | Author::Bot);
        let mut before = conversation.history.iter().filter(|entry| said(entry.author));
        let long = found.text.letters.len() >= scripts.repeated_from as usize;
        if long && before.any(|entry| entry.text.trim() == text) {
            let why = "the customer got this text before, word for word; say what is new.".to_owned();
            objections.add(scripts.repeated, &scripts.id, why, None);
        }
    }
}

/// The longest name of a place, in bytes.
const LONGEST_PLACE: usize = 48;

/// Where the first `{name}` stands, with its braces.
fn unfilled(text: &str) -> Option<(usize, usize)> {
    text.match_indices('{').find_map(|(from, _)| {
        let length = text[from + 1..].find('}').filter(|length| (1..=LONGEST_PLACE).contains(length))?;
        let name = &text[from + 1..from + 1 + length];
        let to = from + length + 2;
        let plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.' | ' ' | '{');
        name.chars().all(plain).then_some((from, to))
    })
}
