//! Answers questions from the knowledge base (J1, J2, J5) and from the customer's own orders (J10), offers a menu to who
//! only greets (J9), and hands to a person what it is not sure of, with all it found (J4).
//!
//! What it has answered rests: out of the queue, until the customer writes, a person is called, or its bell closes it.
//!
//! The bot says what an article or an order says and nothing of its own. What it said is kept in one attribute of the
//! conversation, so that it says nothing twice and knows when it has said enough.
mod answer;
mod config;
mod memory;
mod orders;
mod words;

use std::collections::BTreeSet;

use tributary_sdk::desk::{Action, Decision, Fault, Grade, Happening, Snapshot, Standing, Timer};
use tributary_sdk::host::knowledge::{self, Article};
use tributary_sdk::text::{Normaliser, is_chinese, one_line};
use tributary_sdk::types::{Author, Content, Inbound};
use tributary_sdk::{Plugin, Policy, PrepareError, Template};

use answer::Answers;
pub use config::Config;
use memory::Memory;
use orders::{Orders, templates};
use words::{Wordings, Words, bare, likeness, units};

/// A question that was answered, only by the bot or at first.
const ANSWERED: &str = "bot:answered";
/// A person has it from the bot.
const HANDED_OVER: &str = "bot:handed-over";
/// The knowledge base had no sure answer.
const UNANSWERED: &str = "bot:unanswered";

/// So many bytes of a message are read.
const LONGEST_TEXT: usize = 16 * 1024;
/// So much of a text stands in a note, in letters.
const LONGEST_NOTED: usize = 300;
/// So many articles, orders and answers stand in a note.
const MOST_NOTED: usize = 5;
/// A conversation that rests comes back into the queue so many milliseconds behind the bell that closes it.
const BEHIND_THE_BELL: u64 = 60_000;

/// What the customer writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    Chinese = 0,
    English = 1,
}

/// The prepared policy.
pub struct FaqBot {
    config: Config,
    grades: Vec<Grade>,
    normaliser: Normaliser,
    wordings: Wordings,
    greetings: Words,
    fillers: Words,
    thanks: Words,
    person: Words,
    unhelpful: Words,
    answers: Answers,
    answer: [Template; 2],
    limited_answer: [Template; 2],
    hand_over: [Template; 2],
    menu: [Template; 2],
    orders: Orders,
}

tributary_sdk::export!(FaqBot: policy);

impl Plugin for FaqBot {
    type Config = Config;

    fn prepare(config: Config) -> Result<Self, PrepareError> {
        let percent = |key: &str, value: u8| {
            let problem = || PrepareError::value(key, "expected 1 to 100");
            (1..=100).contains(&value).then_some(()).ok_or_else(problem)
        };
        percent("chinese-percent", config.chinese_percent)?;
        percent("same-percent", config.same_percent)?;
        for (key, value) in [("sure-from", config.sure_from), ("close", config.close)] {
            if !(0.0..=1.0).contains(&value) {
                return Err(PrepareError::value(key, "expected 0 to 1"));
            }
        }
        if !(1..=20).contains(&config.articles) {
            return Err(PrepareError::value("articles", "expected 1 to 20"));
        }
        if config.attribute.is_empty() {
            return Err(PrepareError::value("attribute", "expected a name"));
        }
        let normaliser = Normaliser::new(&config.variants);
        let words = |words: &[String], key: &str| Words::prepare(words, key, &normaliser);
        let grade = |word: &String| {
            let problem = "expected inquiry, simple-complaint, dispute or emergency";
            Grade::from_word(word).ok_or_else(|| PrepareError::value("grades", problem))
        };
        Ok(Self {
            grades: config.grades.iter().map(grade).collect::<Result<_, _>>()?,
            wordings: Wordings::prepare(&config.wordings, &normaliser)?,
            greetings: words(&config.greetings, "greetings")?,
            fillers: words(&config.fillers, "fillers")?,
            thanks: words(&config.thanks, "thanks")?,
            person: words(&config.person, "person")?,
            unhelpful: words(&config.unhelpful, "unhelpful")?,
            answers: Answers::prepare(&config, &normaliser)?,
            answer: templates(&config.answer, "answer", &["answer", "title", "id"])?,
            limited_answer: templates(&config.limited_answer, "limited-answer", &["answer", "limits", "title", "id"])?,
            hand_over: templates(&config.hand_over, "hand-over", &[])?,
            menu: templates(&config.menu, "menu", &["menu"])?,
            orders: Orders::prepare(&config.orders, &normaliser)?,
            normaliser,
            config,
        })
    }
}

impl Policy for FaqBot {
    fn decide(&self, conversation: &Snapshot, happening: &Happening) -> Result<Vec<Decision>, Fault> {
        let memory = Memory::of(conversation, &self.config.attribute);
        Ok(match happening {
            Happening::Message(message) if message.author == Author::Customer && !message.automatic => {
                if memory.knows(message) {
                    return Ok(Vec::new());
                }
                if self.is_silent(conversation, &memory) {
                    return Ok(self.steps_back(memory, replied(conversation)));
                }
                Turn::new(self, conversation, message, memory).decide()
            }
            Happening::AgentClaimed(_) | Happening::AgentReplied(_) | Happening::AgentNoted(_) => {
                self.steps_back(memory, false)
            }
            Happening::AgentClosed => self.closed(conversation, &memory),
            Happening::Timer(name) if *name == self.config.attribute => self.settled(conversation, &memory),
            _ => Vec::new(),
        })
    }
}

impl FaqBot {
    /// A person has the conversation, also where the answer came while the message waited, or another policy answers.
    fn is_silent(&self, conversation: &Snapshot, memory: &Memory) -> bool {
        memory.handed
            || conversation.standing == Standing::Answered
            || conversation.assignee.is_some()
            || memory.agent_wrote(conversation)
            || replied(conversation)
    }

    /// What comes after an agent closed it is a matter of its own.
    fn closed(&self, conversation: &Snapshot, memory: &Memory) -> Vec<Decision> {
        let begun = Memory::begun(conversation.now);
        if *memory == begun {
            return Vec::new();
        }
        vec![begun.keep(&self.config.attribute, "J3", "an agent closed it, so the bot answers what comes next")]
    }

    /// Somebody else takes it up: it rests no more, and the bell closes nothing.
    fn steps_back(&self, mut memory: Memory, open: bool) -> Vec<Decision> {
        if !memory.rests && (memory.open || !open) {
            return Vec::new();
        }
        let rested = std::mem::take(&mut memory.rests);
        memory.open |= open;
        let why = "it is not the bot's alone any more, so the bot does not close it";
        let bell = rested.then(|| Action::CancelTimer(self.config.attribute.clone()));
        let bell = bell.map(|bell| Decision::new(bell, "J1", why));
        [memory.keep(&self.config.attribute, "J1", why)].into_iter().chain(bell).collect()
    }

    /// The bell rang. Where the customer or a person wrote, or a person was called, it does not rest any more.
    fn settled(&self, conversation: &Snapshot, memory: &Memory) -> Vec<Decision> {
        if !memory.rests || conversation.standing != Standing::Snoozed || conversation.assignee.is_some() {
            return Vec::new();
        }
        let how = "answered by the bot, and the customer asked nothing more".to_owned();
        let mut begun = Memory::begun(conversation.now);
        begun.menu = memory.menu;
        vec![
            Decision::new(Action::Close(how), "J1", "the bell rang, and nothing was said behind the bot's answer"),
            begun.keep(&self.config.attribute, "J1", "what comes after it is a matter of its own"),
        ]
    }
}

/// Whether a policy before this one answers the customer in this run.
fn replied(conversation: &Snapshot) -> bool {
    let replies = |decision: &Decision| matches!(decision.action, Action::Reply(_) | Action::AskEvidence(_));
    conversation.decided.iter().any(replies)
}

/// One message of a customer.
struct Turn<'a> {
    bot: &'a FaqBot,
    conversation: &'a Snapshot,
    message: &'a Inbound,
    memory: Memory,
    /// It rested behind the bot's answer until this message came.
    rested: bool,
    language: Language,
    /// What was written, normalised; behind a menu, the question of the line that was chosen.
    text: String,
    /// Without greetings and polite words.
    question: String,
    units: BTreeSet<String>,
    decisions: Vec<Decision>,
}

/// Why a person has to answer.
struct Reason<'a> {
    rule: &'a str,
    why: String,
    found: Vec<Article>,
    unanswered: bool,
}

impl<'a> Turn<'a> {
    fn new(bot: &'a FaqBot, conversation: &'a Snapshot, message: &'a Inbound, mut memory: Memory) -> Self {
        let written = &message.content.text;
        let subject = message.subject.as_deref().unwrap_or_default();
        let chinese = |text: &str| is_chinese(text, bot.config.chinese_percent);
        let shown = memory.menu;
        let rested = std::mem::take(&mut memory.rests);
        let language = match chinese(written).or(shown).or_else(|| chinese(subject)) {
            Some(true) => Language::Chinese,
            _ => Language::English,
        };
        let mut text = bot.normalised(written);
        if bare(&text).is_empty() {
            text = bot.normalised(subject);
        }
        if let Some(choice) = shown.and_then(|_| bot.chosen(&text)) {
            text = bot.normalised(choice.in_language(language));
        }
        let question = bot.question(&text);
        memory.decided(message);
        let units = units(&question);
        Self { bot, conversation, message, memory, rested, language, text, question, units, decisions: Vec::new() }
    }

    fn decide(mut self) -> Vec<Decision> {
        if let Some(reason) = self.needs_a_person() {
            self.hand_over(&reason);
        } else if self.question.is_empty() {
            self.greeted();
        } else if let Some(question) = self.bot.orders.question(&self.text, &self.question) {
            self.order(question);
        } else if let Err(reason) = self.knowledge() {
            self.hand_over(&reason);
        }
        if self.rested && !self.memory.rests {
            let bell = self.bot.config.attribute.clone();
            self.add(Action::CancelTimer(bell), "J1", "a person decides when it is settled");
        }
        self.decisions
    }

    fn add(&mut self, action: Action, rule: &str, why: &str) {
        self.decisions.push(Decision::new(action, rule, why));
    }

    fn tag(&mut self, tag: &str, rule: &str, why: &str) {
        if !self.conversation.has_tag(tag) {
            self.add(Action::AddTag(tag.to_owned()), rule, why);
        }
    }

    /// What no answer of the bot would do for.
    fn needs_a_person(&self) -> Option<Reason<'static>> {
        let reason = |rule: &'static str, why: String| Some(Reason { rule, why, found: Vec::new(), unanswered: false });
        let (config, conversation) = (&self.bot.config, self.conversation);
        if let Some(word) = self.bot.person.find(&self.text) {
            return reason("J4", format!("the customer asks for a person: found “{word}”"));
        }
        if let Some(tag) = config.upset_tags.iter().find(|tag| conversation.has_tag(tag)) {
            return reason("C7", format!("the customer is upset: tag {tag}"));
        }
        if let Some(grade) = conversation.current_grade().filter(|grade| !self.bot.grades.contains(grade)) {
            return reason("J4", format!("grade {} needs a person", grade.word()));
        }
        let needs = |category: &&str| config.person_categories.iter().any(|name| name == category);
        if let Some(category) = conversation.current_category().filter(needs) {
            return reason("J4", format!("category {category} needs a person"));
        }
        if self.memory.row > 0
            && let Some(word) = self.bot.unhelpful.find(&self.text)
        {
            return reason("C7", format!("the bot's answer did not help: found “{word}”"));
        }
        if self.message.content.attachments.iter().any(|file| file.content_id.is_none()) {
            return reason("J4", "a file came along, and the bot reads none".to_owned());
        }
        if self.question.is_empty() {
            return None;
        }
        if self.memory.row >= config.most_answers {
            return reason("J4", format!("the bot has answered {} times in a row", self.memory.row));
        }
        let longest = config.longest_question as usize;
        let long = self.question.chars().count();
        if long > longest {
            return reason("J4", format!("it has {long} letters, and the bot reads questions of up to {longest}"));
        }
        None
    }

    /// Nothing is asked: a menu once (J9); thanks need no answer.
    fn greeted(&mut self) {
        let bot = self.bot;
        if bot.thanks.find(&self.text).is_some() {
            // Whom else the customer thanks, the bot does not know.
            if self.rested {
                self.rest("J1", "the customer thanks for the answer and asks nothing more");
            }
            return;
        }
        let greets = bot.greetings.find(&self.text).is_some() && !bot.config.choices.is_empty();
        if !greets || self.memory.row > 0 || self.memory.has_answered("menu") {
            if self.rested {
                self.keep("J1", "the bot has nothing to say to it, so it does not rest any more");
            }
            return;
        }
        let lines = bot.config.choices.iter().zip(1..).map(|(choice, number)| {
            let label = if self.language == Language::Chinese { &choice.label.zh } else { &choice.label.en };
            format!("{number}. {label}")
        });
        let lines: Vec<String> = lines.collect();
        let text = bot.menu[self.language as usize].fill(&[&lines.join("\n")]);
        self.memory.answered.push("menu".to_owned());
        self.memory.menu = Some(self.language == Language::Chinese);
        self.add(Action::Reply(Content::plain(text)), "J9", "the customer only greets, so the bot says what it can do");
        self.rest("J9", "the menu is shown once");
    }

    /// Keeps what was said, and takes the conversation out of the queue until a little behind the bell that closes it, where
    /// nobody has to see it all the same.
    fn rest(&mut self, rule: &str, why: &str) {
        let quiet = u64::from(self.bot.config.quiet) * 1_000;
        self.memory.rests = quiet > 0 && !self.is_open_otherwise();
        self.keep(rule, why);
        if self.memory.rests {
            let at = self.conversation.now + quiet;
            let bell = Timer { name: self.bot.config.attribute.clone(), at };
            self.add(Action::SetTimer(bell), rule, "closed then, where the customer asks nothing more");
            self.add(Action::Snooze(at + BEHIND_THE_BELL), rule, "answered, so nobody has to look at it meanwhile");
        }
    }

    /// Whether people have to see the conversation whatever the bot answers: it is grave, they work on it, or another policy
    /// calls them or begins something.
    fn is_open_otherwise(&self) -> bool {
        let conversation = self.conversation;
        let begins = |decision: &Decision| {
            let action = &decision.action;
            matches!(action, Action::HandToHuman(_) | Action::Escalate(_) | Action::Perform(_))
        };
        self.memory.open
            || conversation.current_grade().is_some_and(|grade| grade != Grade::Inquiry)
            || self.bot.config.open_tags.iter().any(|tag| conversation.has_tag(tag))
            || conversation.decided.iter().any(begins)
    }

    fn keep(&mut self, rule: &str, why: &str) {
        let kept = self.memory.keep(&self.bot.config.attribute, rule, why);
        self.decisions.push(kept);
    }

    fn order(&mut self, question: &str) {
        let told = match self.bot.orders.told(self.conversation, question, &self.text, self.language) {
            Ok(told) => told,
            Err(why) => return self.hand_over(&Reason { rule: "J4", why, found: Vec::new(), unanswered: false }),
        };
        if self.memory.has_answered(&told.key) {
            let why = format!("the customer asks again, and nothing is new: {}", told.about);
            return self.hand_over(&Reason { rule: "C7", why, found: Vec::new(), unanswered: false });
        }
        let why = format!("asks for {question}; {}", told.about);
        if let Some(person) = told.person {
            self.add(Action::Reply(Content::plain(told.text)), "J2", &why);
            self.memory.answer(&told.key);
            let why = format!("{}: {person}", told.about);
            return self.call_a_person(&Reason { rule: "J4", why, found: Vec::new(), unanswered: false });
        }
        self.answer(told.text, &told.key, "J2", &why);
    }

    /// Answers from the knowledge base, or says why not.
    fn knowledge(&mut self) -> Result<(), Reason<'static>> {
        let bot = self.bot;
        let reason = |rule: &'static str, why: String, found: &[Article], unanswered: bool| Reason {
            rule,
            why,
            found: found.to_vec(),
            unanswered,
        };
        if self.asked_before() {
            let why = "the customer asks the same again after the bot's answer".to_owned();
            return Err(reason("C7", why, &[], false));
        }
        let found = knowledge::search(&self.question, bot.config.articles.into());
        let understood = |article: &&Article| {
            let chinese = is_chinese(&format!("{} {}", article.title, article.text), bot.config.chinese_percent);
            chinese.unwrap_or(false) == (self.language == Language::Chinese)
        };
        let sure: Vec<&Article> =
            found.iter().filter(understood).filter(|article| article.score >= bot.config.sure_from).collect();
        let Some(best) = sure.first().copied() else {
            let why = match found.first() {
                Some(first) if first.score >= bot.config.sure_from => {
                    "no article in the customer's language answers it"
                }
                Some(_) => "no article fits well enough",
                None => "no article was found",
            };
            return Err(reason("J7", why.to_owned(), &found, true));
        };
        if self.memory.has_answered(&best.id) {
            let why = format!("the only sure answer was given before: “{}” ({})", best.title, best.id);
            return Err(reason("C7", why, &found, false));
        }
        let part = |article: &Article| bot.answers.part(article, &self.units, &bot.normaliser);
        let Some(answer) = part(best) else {
            let why = format!("“{}” ({}) holds no fact that fits into an answer", best.title, best.id);
            return Err(reason("J4", why, &found, true));
        };
        let said = |text: &str| units(&bot.normaliser.apply(text));
        let rival = sure.get(1).filter(|other| best.score - other.score < bot.config.close);
        let differs = |other: &Article| {
            let other = part(other).map(|part| said(&part.text)).unwrap_or_default();
            likeness(&said(&answer.text), &other) < bot.config.same_percent.into()
        };
        if let Some(other) = rival.filter(|other| differs(other)) {
            let why = format!("“{}” and “{}” fit equally well and say different things", best.title, other.title);
            return Err(reason("J4", why, &found, false));
        }
        let at = self.language as usize;
        let text = match answer.limits.as_str() {
            "" => bot.answer[at].fill(&[&answer.text, &best.title, &best.id]),
            limits => bot.limited_answer[at].fill(&[&answer.text, limits, &best.title, &best.id]),
        };
        let repetitive = self
            .conversation
            .current_category()
            .is_some_and(|category| bot.config.repetitive_categories.iter().any(|repetitive| repetitive == category));
        let limited = if answer.limits.is_empty() { "" } else { ", with the limits of the promotion (K5)" };
        let why = format!("“{}” ({}) covers {:.2} of the question{limited}", best.title, best.id, best.score);
        let (id, rule) = (best.id.clone(), if repetitive { "J2" } else { "J1" });
        self.answer(text, &id, rule, &why);
        Ok(())
    }

    /// Whether an earlier message that the bot answered behind asked the same.
    fn asked_before(&self) -> bool {
        let bot = self.bot;
        let mut entries = self.memory.history(self.conversation).filter(|entry| entry.author == Author::Customer);
        self.memory.row > 0
            && entries.any(|entry| {
                let earlier = units(&bot.question(&bot.normalised(&entry.text)));
                likeness(&earlier, &self.units) >= bot.config.same_percent.into()
            })
    }

    fn answer(&mut self, text: String, with: &str, rule: &str, why: &str) {
        let config = &self.bot.config;
        self.memory.answer(with);
        self.add(Action::Reply(Content::plain(text)), rule, why);
        self.tag(ANSWERED, rule, "the share that the bot answers is counted");
        self.rest(rule, "nothing is answered twice with the same");
        let started = |name: &&String| {
            let starts = |decision: &Decision| matches!(&decision.action, Action::StartClock(it) if it.name == **name);
            self.conversation.clocks.iter().any(|it| it.clock.name == **name)
                || self.conversation.decided.iter().any(starts)
        };
        for name in config.clocks.iter().filter(started) {
            self.add(Action::StopClock(name.clone()), "D1", "the bot has answered");
        }
    }

    fn hand_over(&mut self, reason: &Reason<'_>) {
        let heard = self.memory.history(self.conversation).any(|entry| entry.author == Author::Bot);
        if heard || self.bot.config.tell_first {
            let text = self.bot.hand_over[self.language as usize].fill(&[]);
            self.add(Action::Reply(Content::plain(text)), reason.rule, "the customer is told that a person takes over");
        }
        self.call_a_person(reason);
    }

    fn call_a_person(&mut self, reason: &Reason<'_>) {
        let rule = reason.rule;
        let note = self.context(reason);
        self.add(Action::Note(note), rule, "whoever takes over shall not have to ask again");
        self.add(Action::HandToHuman(reason.why.clone()), rule, &reason.why);
        self.tag(HANDED_OVER, rule, "the share that the bot hands over is counted");
        if reason.unanswered {
            self.tag(UNANSWERED, "J7", "what the bot could not answer is collected");
        }
        self.memory.handed = true;
        self.keep(rule, "the bot is silent until an agent has closed it");
    }

    /// Everything that the bot knows, for the person who takes over.
    fn context(&self, reason: &Reason<'_>) -> String {
        let mut lines = vec![format!("Question: {}", one_line(self.message.content.text.trim(), LONGEST_NOTED))];
        let found = reason.found.iter().take(MOST_NOTED);
        lines.extend(
            found.map(|it| format!("Found: “{}” ({}), {:.2}", one_line(&it.title, LONGEST_NOTED), it.id, it.score)),
        );
        if reason.unanswered && reason.found.is_empty() {
            lines.push("Found: nothing".to_owned());
        }
        let orders = self.conversation.orders.iter().take(MOST_NOTED);
        lines.extend(orders.map(|order| {
            let parcel = order.parcel.as_ref().map(|parcel| format!(", parcel {parcel}")).unwrap_or_default();
            format!("Order: {}, {}{parcel}", order.id, order.state.word())
        }));
        let bot = self.memory.history(self.conversation).rev().filter(|entry| entry.author == Author::Bot);
        lines.extend(
            bot.take(MOST_NOTED).map(|entry| format!("The bot said: {}", one_line(entry.text.trim(), LONGEST_NOTED))),
        );
        lines.join("\n")
    }
}

impl FaqBot {
    fn normalised(&self, text: &str) -> String {
        self.normaliser.apply(&text[..text.floor_char_boundary(LONGEST_TEXT)])
    }

    /// What a normalised text asks, in the words of articles.
    fn question(&self, text: &str) -> String {
        let text = self.thanks.strip(self.greetings.strip(text.to_owned()));
        bare(&self.fillers.strip(self.wordings.apply(text)))
    }

    /// The line of the menu that a message chooses: by its number, or in its words.
    fn chosen(&self, text: &str) -> Option<&config::Choice> {
        let word = bare(text);
        let digits: String = word.chars().filter(char::is_ascii_digit).collect();
        let by_number = (word.chars().count() <= digits.len() + 1).then(|| digits.parse::<usize>().ok()).flatten();
        let choices = &self.config.choices;
        by_number.and_then(|number| choices.get(number.checked_sub(1)?)).or_else(|| {
            let says = |label: &str| bare(&self.normalised(label)) == word;
            choices.iter().find(|choice| says(&choice.label.zh) || says(&choice.label.en))
        })
    }
}

impl config::Choice {
    fn in_language(&self, language: Language) -> &str {
        if language == Language::Chinese { &self.asks.zh } else { &self.asks.en }
    }
}
