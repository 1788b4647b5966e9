//! Calls the next level of help (F1 to F4, F6, D4, D10, D12 to D14, D19, D22, E6): line one, supervisor, expert team.
//!
//! A level is only raised, and each once. It stands as a fact and as a tag on the conversation; the policy that keeps the
//! clocks starts those of the level by the tag, so it comes after this one. The customer is told of each level once.
mod config;
mod follow_up;
mod prepare;

use std::collections::BTreeMap;

use tributary_policy::{Condition, Event, Languages};
use tributary_sdk::desk::{Action, Decision, Entry, Escalation, Fault, Happening, Snapshot};
use tributary_sdk::types::{Attribute, Author, Content};
use tributary_sdk::{Plugin, Policy, PrepareError, Template};

pub use config::{Act, Config, FollowUp, Level, Trigger};

/// The level of a conversation that nobody was called to.
const FIRST_LINE: u8 = 1;

/// In a list of teams: the one that has the conversation.
const ITS_TEAM: &str = "its-team";

/// Texts for the customer, by language.
type Texts = BTreeMap<String, Template>;

/// The prepared policy.
pub struct Escalate {
    level_attribute: String,
    since_attribute: String,
    tag: String,
    default_team: String,
    languages: Languages,
    follow_up: FollowUp,
    /// So many milliseconds before its date an item is looked at.
    before: u64,
    levels: Vec<Help>,
    triggers: Vec<Call>,
}

/// A level, checked.
struct Help {
    level: u8,
    teams: Vec<String>,
    progress: Texts,
}

/// A trigger, checked.
struct Call {
    rule: String,
    means: String,
    when: Condition,
    on: Vec<Event>,
    /// In lower case.
    words: Vec<String>,
    after_answer: bool,
    repeats: usize,
    /// Milliseconds.
    over: u64,
    act: Act,
    level: u8,
    once: Option<String>,
    teams: Vec<String>,
    notify: Vec<String>,
    progress: Texts,
}

tributary_sdk::export!(Escalate: policy);

impl Plugin for Escalate {
    type Config = Config;

    fn prepare(config: Config) -> Result<Self, PrepareError> {
        prepare::prepare(config)
    }
}

impl Policy for Escalate {
    fn decide(&self, conversation: &Snapshot, happening: &Happening) -> Result<Vec<Decision>, Fault> {
        let mut decisions = self.follow_up(conversation, happening);
        let standing = self.standing(conversation);
        let mut fitting = self.triggers.iter().filter(|call| call.fits(conversation, happening, standing));
        let acts = fitting.find_map(|call| self.act(call, conversation, happening, standing.level));
        decisions.extend(acts.unwrap_or_default());
        Ok(decisions)
    }
}

/// On which level a conversation stands, and since when.
#[derive(Clone, Copy)]
struct Standing {
    level: u8,
    since: u64,
}

impl Call {
    fn fits(&self, conversation: &Snapshot, happening: &Happening, standing: Standing) -> bool {
        self.when.fits(conversation)
            && !self.once.as_ref().is_some_and(|tag| conversation.has_tag(tag))
            && self.on.iter().any(|event| event.holds(conversation, happening))
            && (self.words.is_empty() || self.found(happening).is_some())
            && (!self.after_answer || answered(conversation, standing.since))
            && (self.repeats == 0 || self.repeated(conversation, standing.since))
    }

    /// The word of the customer's message that it looks for.
    fn found(&self, happening: &Happening) -> Option<&str> {
        let text = happening.message()?.content.text.to_lowercase();
        self.words.iter().find(|word| text.contains(word.as_str())).map(String::as_str)
    }

    /// Whether the customer asked again, often and long enough.
    fn repeated(&self, conversation: &Snapshot, since: u64) -> bool {
        let open =
            conversation.history.iter().rev().take_while(|entry| entry.author != Author::Agent && entry.at > since);
        let asked: Vec<&Entry> =
            open.filter(|entry| entry.author == Author::Customer && !entry.automatic).take(self.repeats).collect();
        let oldest = asked.last().map_or(0, |entry| conversation.now.saturating_sub(entry.at));
        asked.len() == self.repeats && oldest >= self.over
    }
}

/// Whether an agent answered after this moment.
fn answered(conversation: &Snapshot, since: u64) -> bool {
    conversation.history.iter().any(|entry| entry.author == Author::Agent && entry.at > since)
}

impl Escalate {
    fn standing(&self, conversation: &Snapshot) -> Standing {
        let number = |name: &str| conversation.current_attribute(name).and_then(|value| value.parse().ok());
        let level = number(&self.level_attribute).and_then(|level: u64| u8::try_from(level).ok());
        Standing { level: level.unwrap_or(FIRST_LINE), since: number(&self.since_attribute).unwrap_or(0) }
    }

    /// What a trigger leads to; none where it changes nothing.
    fn act(&self, call: &Call, conversation: &Snapshot, happening: &Happening, present: u8) -> Option<Vec<Decision>> {
        let event = call.on.iter().find(|event| event.holds(conversation, happening))?;
        let found = call.found(happening).map(|word| format!(" “{word}”")).unwrap_or_default();
        let by = call.when.reason(conversation).map(|reason| format!(" ({reason})")).unwrap_or_default();
        let why = format!("{}{found}{by}: {}", event.sentence(), call.means);
        let told = |teams: Vec<String>| {
            let text = format!("{}: {why}", conversation.tag);
            let notify = move |team| {
                let action = Action::Notify((team, text.clone()));
                Decision::new(action, &call.rule, format!("its team has to know: {}", call.means))
            };
            teams.into_iter().map(notify)
        };
        let level = match call.act {
            Act::Notify => return Some(told(self.teams(&call.notify, conversation)).collect()),
            Act::Wake => {
                let woken = Decision::new(Action::HandToHuman(why.clone()), &call.rule, why.as_str());
                return Some(told(self.teams(&call.notify, conversation)).chain([woken]).collect());
            }
            Act::RaiseByOne => self.levels.iter().map(|help| help.level).filter(|level| *level > present).min()?,
            // Whoever is called for a reason of its own is called where the level stands as well.
            Act::RaiseTo => Some(call.level.max(present)).filter(|level| *level > present || call.once.is_some())?,
        };
        let help = self.levels.iter().find(|help| help.level == level)?;
        let mut teams = self.teams(if call.teams.is_empty() { &help.teams } else { &call.teams }, conversation);
        // The first one has it from now on: where it is called already, it keeps it.
        teams.sort_by_key(|team| conversation.current_team() != Some(team.as_str()));
        let mut also = self.teams(&call.notify, conversation);
        also.retain(|team| !teams.contains(team));
        let everybody = teams.iter().cloned().chain(also).collect();
        let escalation = Escalation { level, teams, reason: why.clone() };
        let mut decisions = vec![Decision::new(Action::Escalate(escalation), &call.rule, why.as_str())];
        decisions.extend(told(everybody));
        decisions.extend(self.noted(level, call, conversation));
        let texts = if call.progress.is_empty() { &help.progress } else { &call.progress };
        decisions.extend(self.progress(level, texts, conversation));
        Some(decisions)
    }

    /// Teams by their names.
    fn teams(&self, names: &[String], conversation: &Snapshot) -> Vec<String> {
        let its_team = conversation.current_team().unwrap_or(&self.default_team);
        let mut teams: Vec<String> = Vec::new();
        for name in names.iter().map(|name| if name == ITS_TEAM { its_team } else { name }) {
            if !teams.iter().any(|team| team == name) {
                teams.push(name.to_owned());
            }
        }
        teams
    }

    /// The level as facts and as the only tag of its group, and that a trigger with a tag of its own has acted.
    fn noted(&self, level: u8, call: &Call, conversation: &Snapshot) -> Vec<Decision> {
        let fact = |name: &String, value: String| Action::SetAttribute(Attribute::new(name, value));
        let below = (FIRST_LINE..level).map(|below| format!("{}:{below}", self.tag));
        let gone = below.filter(|tag| conversation.has_tag(tag)).map(Action::RemoveTag);
        let tags = [format!("{}:{level}", self.tag)].into_iter().chain(call.once.clone());
        let new = tags.filter(|tag| !conversation.has_tag(tag)).map(Action::AddTag);
        let facts =
            [fact(&self.level_attribute, level.to_string()), fact(&self.since_attribute, conversation.now.to_string())];
        let why = format!("it stands on level {level} now, and is not raised to it again");
        gone.chain(new).chain(facts).map(|action| Decision::new(action, &call.rule, why.as_str())).collect()
    }

    /// Tells the customer (F4), unless a machine wrote last or a policy before this one has told the customer something.
    fn progress(&self, level: u8, texts: &Texts, conversation: &Snapshot) -> Option<Decision> {
        let replies = |decision: &Decision| matches!(decision.action, Action::Reply(_) | Action::AskEvidence(_));
        let last = conversation.history.iter().rev().find(|entry| entry.author == Author::Customer)?;
        if last.automatic || conversation.decided.iter().any(replies) {
            return None;
        }
        let language = self.languages.of([last.text.as_str(), conversation.subject.as_deref().unwrap_or_default()]);
        let text = texts.get(language).or_else(|| texts.get(self.languages.default()))?;
        let reply = Action::Reply(Content::plain(text.fill(&[&conversation.tag])));
        Some(Decision::new(
            reply,
            "F4",
            format!("the customer is told that level {level} has it, in language {language}"),
        ))
    }
}
