//! Questions about the customer's own orders, answered from what the marketplace told of them.
use std::collections::BTreeSet;

use tributary_sdk::desk::Snapshot;
use tributary_sdk::text::Normaliser;
use tributary_sdk::types::{Order, OrderState, Timestamp};
use tributary_sdk::{PrepareError, Template};

use crate::Language;
use crate::config::{self, Answer, Detail, Question};
use crate::words::{Collector, Lists};

/// The table of orders, ready to use.
pub struct Orders {
    utc_offset: i64,
    trust_claimed: bool,
    number_digits: usize,
    questions: Vec<Asked>,
    words: Lists,
    answers: Vec<Said>,
    details: Vec<Fact>,
    others: [Template; 2],
}

/// A question, with the numbers of its lists.
struct Asked {
    name: String,
    words: usize,
    together: Vec<usize>,
    unless: usize,
}

struct Said {
    questions: Vec<String>,
    states: Vec<OrderState>,
    overdue: bool,
    person: Option<String>,
    text: [Template; 2],
}

struct Fact {
    of: String,
    states: Vec<OrderState>,
    text: [Template; 2],
}

/// What is said to a question about an order.
#[derive(Debug, PartialEq, Eq)]
pub struct Told {
    /// Order, question and state: what makes it the same answer again.
    pub key: String,
    /// For the customer.
    pub text: String,
    /// For a sentence.
    pub about: String,
    /// Why a person is called as well.
    pub person: Option<String>,
}

/// Both languages of a text, by [`Language`].
pub fn templates(text: &config::Text, key: &str, places: &[&str]) -> Result<[Template; 2], PrepareError> {
    let parse = |text: &str, language: &str| Template::parse(text, &format!("{key}.{language}"), places);
    Ok([parse(&text.zh, "zh")?, parse(&text.en, "en")?])
}

fn states(words: &[String], key: &str) -> Result<Vec<OrderState>, PrepareError> {
    let state = |word: &String| {
        let unknown = || PrepareError::value(key, format!("no order is in the state `{word}`"));
        OrderState::from_word(word).ok_or_else(unknown)
    };
    words.iter().map(state).collect()
}

impl Orders {
    /// # Errors
    /// [`PrepareError::Value`] with the key that cannot work.
    pub fn prepare(config: &config::Orders, normaliser: &Normaliser) -> Result<Self, PrepareError> {
        let names: BTreeSet<&str> = config.questions.iter().map(|question| question.name.as_str()).collect();
        let unknown = |answer: &Answer| answer.questions.iter().any(|name| !names.contains(name.as_str()));
        if let Some(index) = config.answers.iter().position(unknown) {
            let key = format!("orders.answers.{index}.questions");
            return Err(PrepareError::value(key, "no question is called so"));
        }
        let both = |zh: &str, en: &str, key: &str, places: &[&str]| {
            templates(&config::Text { zh: zh.to_owned(), en: en.to_owned() }, key, places)
        };
        let said = |(index, answer): (usize, &Answer)| {
            let key = format!("orders.answers.{index}");
            Ok(Said {
                states: states(&answer.states, &format!("{key}.states"))?,
                text: both(&answer.zh, &answer.en, &key, &["order", "since"])?,
                questions: answer.questions.clone(),
                overdue: answer.overdue,
                person: answer.person.clone(),
            })
        };
        let fact = |(index, detail): (usize, &Detail)| {
            let key = format!("orders.details.{index}");
            Ok(Fact {
                states: states(&detail.states, &format!("{key}.states"))?,
                text: both(&detail.zh, &detail.en, &key, &["value"])?,
                of: detail.of.clone(),
            })
        };
        let mut words = Collector::default();
        let asked = |(index, question): (usize, &Question)| Asked::prepare(question, index, normaliser, &mut words);
        let questions = config.questions.iter().enumerate().map(asked).collect::<Result<_, _>>()?;
        let offset = config.utc_offset;
        if !(-1_439..=1_439).contains(&offset) {
            return Err(PrepareError::value("orders.utc-offset", "expected minutes, less than a day"));
        }
        Ok(Self {
            utc_offset: i64::from(offset) * 60,
            trust_claimed: config.trust_claimed,
            number_digits: config.number_digits.into(),
            answers: config.answers.iter().enumerate().map(said).collect::<Result<_, PrepareError>>()?,
            details: config.details.iter().enumerate().map(fact).collect::<Result<_, PrepareError>>()?,
            others: templates(&config.others, "orders.others", &["count"])?,
            words: words.build("orders.questions")?,
            questions,
        })
    }

    /// What a normalised text asks about an order; none where it asks nothing of the kind.
    pub fn question(&self, text: &str, bare: &str) -> Option<&str> {
        let only_number = bare.len() >= self.number_digits && bare.chars().all(|letter| letter.is_ascii_digit());
        let first = self.questions.first().filter(|_| only_number);
        let fitting = || {
            let stand = self.words.stand_in(text);
            self.questions.iter().find(|asked| asked.fits(&stand))
        };
        first.or_else(fitting).map(|asked| asked.name.as_str())
    }

    /// What is said to it, or why a person has to.
    pub fn told(
        &self,
        conversation: &Snapshot,
        question: &str,
        text: &str,
        language: Language,
    ) -> Result<Told, String> {
        let is_own = |order: &&Order| order.is_of(&conversation.contact, self.trust_claimed);
        let own: Vec<&Order> = conversation.orders.iter().filter(is_own).collect();
        let named = own.iter().copied().find(|order| is_named(order, text));
        if named.is_none() && self.numbers(text).next().is_some() {
            return Err("it names a number that is none of this customer's orders".to_owned());
        }
        let newest = || own.iter().copied().max_by_key(|order| order.at);
        let Some(order) = named.or_else(newest) else {
            let others = !conversation.orders.is_empty();
            let why = if others { "nothing proves that the order is this customer's" } else { "no order is known" };
            return Err(format!("it asks about an order, and {why}"));
        };
        let overdue = self.is_overdue(order, conversation.now);
        let fits = |said: &&Said| {
            (said.questions.is_empty() || said.questions.iter().any(|name| name == question))
                && (said.states.is_empty() || said.states.contains(&order.state))
                && (!said.overdue || overdue)
        };
        let Some(said) = self.answers.iter().find(fits) else {
            return Err(format!("no answer is written for the question {question} in state {}", order.state.word()));
        };
        let at = language as usize;
        let mut lines = vec![said.text[at].fill(&[&order.id, &self.date(order.at, language)])];
        let details = self.details.iter().filter(|fact| fact.states.is_empty() || fact.states.contains(&order.state));
        let values = details.filter_map(|fact| Some(fact.text[at].fill(&[&self.value(order, &fact.of, language)?])));
        lines.extend(values);
        if named.is_none() && own.len() > 1 {
            lines.push(self.others[at].fill(&[&(own.len() - 1).to_string()]));
        }
        Ok(Told {
            key: format!("order:{}:{question}:{}:{}", order.id, order.state.word(), order.at),
            text: lines.join("\n"),
            about: format!("order {} is {}", order.id, order.state.word()),
            person: said.person.clone(),
        })
    }

    /// Numbers in a text that are long enough to be an order's.
    fn numbers<'a>(&self, text: &'a str) -> impl Iterator<Item = &'a str> {
        let long = self.number_digits;
        text.split(|letter: char| !letter.is_ascii_digit()).filter(move |number| number.len() >= long)
    }

    fn is_overdue(&self, order: &Order, now: Timestamp) -> bool {
        let settled = [OrderState::Delivered, OrderState::RefundRequested, OrderState::Refunded, OrderState::Cancelled];
        order.promised_by.is_some_and(|promised| promised < now) && !settled.contains(&order.state)
    }

    /// A value for the customer.
    fn value(&self, order: &Order, of: &str, language: Language) -> Option<String> {
        let value = match of {
            "parcel" => order.parcel.clone(),
            "promised-by" => order.promised_by.map(|promised| self.date(promised, language)),
            "since" => Some(self.date(order.at, language)),
            "goods" => {
                let titles: Vec<&str> = order.lines.iter().map(|line| line.title.as_str()).collect();
                Some(titles.join(if language == Language::Chinese { "、" } else { ", " }))
            }
            attribute => order.attribute(attribute).map(str::to_owned),
        };
        value.filter(|value| !value.trim().is_empty())
    }

    /// `10月9日 16:53`, `9 Oct 16:53`, on the shop's clock.
    fn date(&self, moment: Timestamp, language: Language) -> String {
        const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let local = i64::try_from(moment / 1_000).unwrap_or_default().saturating_add(self.utc_offset);
        let text =
            tributary_marketplace::time::to_rfc3339(u64::try_from(local).unwrap_or_default().saturating_mul(1_000));
        let number = |from: usize| text.get(from..from + 2).and_then(|it| it.parse::<usize>().ok()).unwrap_or_default();
        let (month, day, time) = (number(5), number(8), text.get(11..16).unwrap_or_default());
        match language {
            Language::Chinese => format!("{month}月{day}日 {time}"),
            Language::English => {
                format!("{day} {} {time}", MONTHS.get(month.saturating_sub(1)).copied().unwrap_or_default())
            }
        }
    }
}

/// Whether a text names an order, by its number or by the name that the shop gave it.
fn is_named(order: &Order, text: &str) -> bool {
    let stands = |name: &str| {
        let name = name.trim_start_matches('#').to_lowercase();
        let mut places = text.match_indices(name.as_str()).filter(|_| !name.is_empty());
        places.any(|(at, _)| {
            let touches = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric());
            !touches(text[..at].chars().next_back()) && !touches(text[at + name.len()..].chars().next())
        })
    };
    stands(&order.id) || order.attribute("order-name").is_some_and(stands)
}

impl Asked {
    fn prepare(
        question: &Question,
        index: usize,
        normaliser: &Normaliser,
        lists: &mut Collector,
    ) -> Result<Self, PrepareError> {
        let key = format!("orders.questions.{index}");
        if question.words.is_empty() && question.together.is_empty() {
            return Err(PrepareError::value(key, "expected `words` or `together`"));
        }
        let mut words = |words: &[String], name: &str| lists.add(words, &format!("{key}.{name}"), normaliser);
        let together = question.together.iter().map(|list| words(list, "together")).collect::<Result<_, _>>()?;
        let (alone, unless) = (words(&question.words, "words")?, words(&question.unless, "unless")?);
        Ok(Self { name: question.name.clone(), words: alone, together, unless })
    }

    /// Whether it is asked, by whether a word of each list stands in the text.
    fn fits(&self, stand: &[bool]) -> bool {
        let together = || !self.together.is_empty() && self.together.iter().all(|list| stand[*list]);
        (stand[self.words] || together()) && !stand[self.unless]
    }
}
