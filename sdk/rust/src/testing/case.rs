//! Cases as data: a folder of TOML files, each a conversation, a happening and the decisions that are expected.
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::FakeHost;
use super::calendar::FakeCalendar;
use super::fixtures::{differs, files};
use super::render::render;
use crate::desk::{
    Action, Clock, Contact, Decision, Entry, Escalation, Grade, Happening, Route, RunningClock, Snapshot, Standing,
};
use crate::host::http::HttpError;
use crate::host::knowledge::Article;
use crate::trade::Operation;
use crate::types::{
    Attribute, Author, Content, Handle, HandleKind, Inbound, Money, Order, OrderLine, OrderState, ThreadHints,
};
use crate::web::Response;
use crate::{Exported, Policy};

/// One case, read from a file:
///
/// ```toml
/// about = "a stolen card is an emergency"
/// only = ["set-grade"]                  # compare these actions only; absent: all
/// [config]                              # what the operator wrote; absent: nothing
/// [conversation]                        # every key may be left out
/// grade = "inquiry"
/// clocks = ["acceptance", { name = "resolution", target = 86400, ago = 600 }]  # of an hour from now; of a day, ten minutes old
/// decided = [{ action = "perform", value = "exchange 2001" }]  # and `rule`
/// [[conversation.orders]]
/// id = "2001"
/// skus = ["KT-204"]                     # and state, at, parcel, promised-by, buyers (mail addresses), attributes
/// [[articles]]                          # what every search of the knowledge base finds, best first
/// title = "Returns"                     # and id, text, score
/// [calendars.shop]                      # a calendar of the shop: from Monday on, so many days a week, hours of the day
/// days = 5                              # and utc-offset in seconds
/// from = 9
/// to = 18
/// [state]                               # what the policy kept
/// "last-agent/contact" = "ann"
/// [secrets]                             # granted and set
/// api-key = "s3cret"
/// [[http]]                              # what its requests are answered, in order; or error = "denied", "unreachable", "timeout"
/// status = 200                          # a body is a text, or a table that is sent as JSON
/// body = { ok = true }
/// [message]                             # or [happening]
/// text = "My card was charged twice by somebody else"
/// [[expect]]                            # in order, none missing, none more
/// action = "set-grade"
/// value = "emergency"                   # of a table, the keys that are given must agree
/// rule = "C1"
/// why = ["charged"]                     # words the sentence must contain
/// ```
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Case {
    /// What the case shows, in one sentence.
    #[serde(default)]
    about: String,
    #[serde(default)]
    only: Vec<String>,
    #[serde(default)]
    config: Map<String, Value>,
    #[serde(default)]
    conversation: Conversation,
    #[serde(default)]
    articles: Vec<CaseArticle>,
    #[serde(default)]
    calendars: BTreeMap<String, FakeCalendar>,
    #[serde(default)]
    state: BTreeMap<String, String>,
    #[serde(default)]
    secrets: BTreeMap<String, String>,
    #[serde(default)]
    http: Vec<CaseAnswer>,
    message: Option<Message>,
    happening: Option<Other>,
    #[serde(default)]
    expect: Vec<Expected>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Conversation {
    now: Option<u64>,
    id: Option<String>,
    tag: Option<String>,
    channel: Option<String>,
    subject: Option<String>,
    standing: Option<String>,
    grade: Option<String>,
    category: Option<String>,
    tags: Vec<String>,
    team: Option<String>,
    assignee: Option<String>,
    attributes: BTreeMap<String, String>,
    contact_tags: Vec<String>,
    contact_attributes: BTreeMap<String, String>,
    /// The channel proves the customer's address.
    verified: bool,
    history: Vec<Message>,
    clocks: Vec<CaseClock>,
    orders: Vec<CaseOrder>,
    decided: Vec<Decided>,
}

/// A clock that runs: of an hour, from now on; or as it is said.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum CaseClock {
    Name(String),
    Said {
        name: String,
        target: u32,
        #[serde(default)]
        ago: u64,
    },
}

/// An order, paid where it does not say its state, one piece of each article.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct CaseOrder {
    id: String,
    skus: Vec<String>,
    state: Option<String>,
    at: Option<u64>,
    parcel: Option<String>,
    promised_by: Option<u64>,
    buyers: Vec<String>,
    attributes: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct CaseArticle {
    id: String,
    title: String,
    text: String,
    score: f32,
}

/// What a request is answered.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", untagged)]
enum CaseAnswer {
    Failed { error: String },
    Answered { status: u16, body: Value },
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Message {
    text: String,
    subject: Option<String>,
    author: Option<String>,
    automatic: bool,
    /// So many seconds before the moment of a case that does not say one.
    ago: u64,
    attributes: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
enum Other {
    Order(CaseOrder),
    ClockWarning(String),
    ClockBreached(String),
    Timer(String),
    AgentReplied(String),
    AgentClosed,
    AgentClaimed(String),
    AgentNoted(String),
    OperationSettled(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Decided {
    action: String,
    value: String,
    rule: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    action: String,
    value: Option<Value>,
    rule: Option<String>,
    #[serde(default)]
    why: Vec<String>,
}

/// What is wrong with cases, recordings, an example or a configuration: a line for each.
#[derive(Debug)]
pub struct CaseError(pub(super) Vec<String>);

impl fmt::Display for CaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for CaseError {}

impl CaseError {
    pub(super) fn one(path: &Path, problem: impl fmt::Display) -> Self {
        Self(vec![format!("{}: {problem}", path.display())])
    }
}

/// Run every `*.toml` of a folder against a policy. The result is how many there were.
///
/// # Errors
/// [`CaseError`] with every case that cannot be read or does not agree, and where the folder holds none.
pub fn check_folder<P: Exported + Policy>(folder: impl AsRef<Path>) -> Result<usize, CaseError> {
    let files = files(folder, &["toml"])?;
    let problems: Vec<String> = files
        .iter()
        .filter_map(|path| {
            Case::read(path).and_then(|case| case.check::<P>().map_err(|p| CaseError::one(path, p))).err()
        })
        .flat_map(|error| error.0)
        .collect();
    if problems.is_empty() { Ok(files.len()) } else { Err(CaseError(problems)) }
}

impl Case {
    /// Read a case.
    ///
    /// # Errors
    /// [`CaseError`] with the file and what is wrong with it.
    pub fn read(path: &Path) -> Result<Self, CaseError> {
        let text = std::fs::read_to_string(path).map_err(|error| CaseError::one(path, error))?;
        toml::from_str(&text).map_err(|error| CaseError::one(path, error))
    }

    /// What the operator wrote in this case.
    pub fn config(&self) -> Value {
        Value::Object(self.config.clone())
    }

    /// The conversation at the moment of the case.
    ///
    /// # Errors
    /// With the word that is not one of the contract's.
    pub fn snapshot(&self) -> Result<Snapshot, CaseError> {
        self.conversation.snapshot(self.message.as_ref()).map_err(|problem| CaseError(vec![problem]))
    }

    /// What happened.
    ///
    /// # Errors
    /// Where the case has neither `[message]` nor `[happening]`, or both.
    pub fn happening(&self) -> Result<Happening, CaseError> {
        let happening = match (&self.message, &self.happening) {
            (Some(message), None) => message.inbound().map(Happening::Message),
            (None, Some(other)) => other.happening(),
            _ => Err("give either [message] or [happening]".into()),
        };
        happening.map_err(|problem| CaseError(vec![problem]))
    }

    /// What every search of the knowledge base finds.
    pub fn articles(&self) -> Vec<Article> {
        let article = |it: CaseArticle| Article { id: it.id, title: it.title, text: it.text, score: it.score };
        self.articles.iter().cloned().map(article).collect()
    }

    /// The calendars of the shop.
    pub fn calendars(&self) -> &BTreeMap<String, FakeCalendar> {
        &self.calendars
    }

    /// The host of the case, with everything that it says.
    ///
    /// # Errors
    /// With the word that is no failure of a request.
    pub fn host(&self) -> Result<FakeHost, CaseError> {
        let host = FakeHost::new().config(&self.config());
        let host = self.articles().into_iter().fold(host, FakeHost::article);
        let host = self.calendars.iter().fold(host, |host, (name, it)| host.calendar(name, it.clone()));
        let host = self.state.iter().fold(host, |host, (key, value)| host.state(key, value.as_bytes()));
        let host = self.secrets.iter().fold(host, |host, (name, value)| host.secret(name, value));
        let answers = self.http.iter().map(CaseAnswer::answer).collect::<Result<Vec<_>, _>>();
        let answers = answers.map_err(|problem| CaseError(vec![problem]))?;
        Ok(answers.into_iter().fold(host, FakeHost::http_answer))
    }

    /// Prepare the policy and ask it.
    ///
    /// Nothing for a happening that its `plugin.toml` does not ask to be told of.
    ///
    /// # Errors
    /// Where the case or its configuration cannot work, or the policy says that it cannot decide.
    pub fn decide<P: Exported + Policy>(&self) -> Result<Vec<Decision>, CaseError> {
        let host = self.host()?;
        let problem = |problem: String| CaseError(vec![problem]);
        let plugin: P =
            super::with(&host, || super::prepare(self.config())).map_err(|error| problem(error.to_string()))?;
        let (snapshot, happening) = (self.snapshot()?, self.happening()?);
        if !hears(P::MANIFEST, &happening, &snapshot.decided) {
            return Ok(Vec::new());
        }
        super::with(&host, || plugin.decide(&snapshot, &happening)).map_err(|fault| problem(format!("{fault:?}")))
    }

    /// Prepare the policy, ask it, compare.
    fn check<P: Exported + Policy>(&self) -> Result<(), String> {
        let compared = self.compare(&self.decide::<P>().map_err(|error| error.to_string())?);
        let (snapshot, happening) = (self.snapshot(), self.happening());
        compared.map_err(|problem| match (snapshot, happening) {
            (Ok(snapshot), Ok(happening)) if !hears(P::MANIFEST, &happening, &snapshot.decided) => {
                format!("{problem}\n  not asked: `happenings` in plugin.toml does not name `{}`", happening.word())
            }
            _ => problem,
        })
    }

    fn compare(&self, decisions: &[Decision]) -> Result<(), String> {
        let rendered: Vec<(String, Value, &Decision)> = decisions
            .iter()
            .map(|decision| {
                let (action, value) = render(&decision.action);
                (action.to_owned(), value, decision)
            })
            .filter(|(action, ..)| self.only.is_empty() || self.only.contains(action))
            .collect();
        let agrees = rendered.len() == self.expect.len()
            && rendered.iter().zip(&self.expect).all(|((action, value, decision), expected)| {
                *action == expected.action
                    && expected.value.as_ref().is_none_or(|expected| differs(value, expected).is_none())
                    && expected.rule.as_ref().is_none_or(|rule| *rule == decision.rule)
                    && expected.why.iter().all(|word| decision.why.contains(word))
            });
        if agrees {
            return Ok(());
        }
        let got: Vec<String> = rendered
            .iter()
            .map(|(action, value, decision)| format!("  got {action} {value} [{}] {}", decision.rule, decision.why))
            .collect();
        let wanted: Vec<String> = self.expect.iter().map(|expected| format!("  expected {expected:?}")).collect();
        Err(format!("{}\n{}\n{}", self.about, wanted.join("\n"), got.join("\n")))
    }
}

/// Whether the host asks a policy of this `plugin.toml` about a happening, behind what was decided before.
fn hears(manifest: &str, happening: &Happening, decided: &[Decision]) -> bool {
    let manifest: toml::Table = manifest.parse().unwrap_or_default();
    let Some(words) = manifest.get("happenings").and_then(toml::Value::as_array).filter(|it| !it.is_empty()) else {
        return true;
    };
    let named = |word: &str| words.iter().any(|it| it.as_str() == Some(word));
    let closes = |decision: &Decision| matches!(decision.action, Action::Close(_));
    named(happening.word()) || named("agent-closed") && decided.iter().any(closes)
}

fn attributes(map: &BTreeMap<String, String>) -> Vec<Attribute> {
    map.iter().map(|(name, value)| Attribute::new(name, value)).collect()
}

fn grade(word: &str) -> Result<Grade, String> {
    Grade::from_word(word).ok_or_else(|| format!("no grade is called {word}"))
}

fn standing(word: &str) -> Result<Standing, String> {
    Standing::from_word(word).ok_or_else(|| format!("no conversation stands {word}"))
}

fn order_state(word: &str) -> Result<OrderState, String> {
    OrderState::from_word(word).ok_or_else(|| format!("no order is in the state {word}"))
}

fn customer() -> Handle {
    Handle::claimed(HandleKind::Email, "customer@example.org")
}

impl CaseAnswer {
    fn answer(&self) -> Result<Result<Response, HttpError>, String> {
        Ok(match self {
            Self::Answered { status, body: Value::String(text) } => {
                Ok(Response::body(*status, "text/plain", text.as_str()))
            }
            Self::Answered { status, body } => Ok(Response::body(*status, "application/json", body.to_string())),
            Self::Failed { error } => Err(match error.as_str() {
                "denied" => HttpError::Denied("the host of the case".into()),
                "unreachable" => HttpError::Unreachable("the host of the case".into()),
                "timeout" => HttpError::Timeout,
                other => return Err(format!("no request fails as {other}")),
            }),
        })
    }
}

/// The moment of a case that does not say one.
const NOW: u64 = 1_760_000_000_000;

impl Other {
    fn happening(&self) -> Result<Happening, String> {
        Ok(match self {
            Self::Order(order) => Happening::Order(order.order()?),
            Self::ClockWarning(name) => Happening::ClockWarning(name.clone()),
            Self::ClockBreached(name) => Happening::ClockBreached(name.clone()),
            Self::Timer(name) => Happening::Timer(name.clone()),
            Self::AgentReplied(text) => Happening::AgentReplied(Content::plain(text)),
            Self::AgentClosed => Happening::AgentClosed,
            Self::AgentClaimed(agent) => Happening::AgentClaimed(agent.clone()),
            Self::AgentNoted(text) => Happening::AgentNoted(text.clone()),
            Self::OperationSettled(how) => Happening::OperationSettled(Attribute::new("case", how)),
        })
    }
}

impl Message {
    fn author(&self) -> Result<Author, String> {
        Ok(match self.author.as_deref() {
            None | Some("customer") => Author::Customer,
            Some("agent") => Author::Agent,
            Some("bot") => Author::Bot,
            Some("system") => Author::System,
            Some(other) => return Err(format!("no author is called {other}")),
        })
    }

    fn inbound(&self) -> Result<Inbound, String> {
        Ok(Inbound {
            external_id: Some("case@example.org".into()),
            sent_at: NOW,
            author: self.author()?,
            from: vec![customer()],
            display_name: None,
            subject: self.subject.clone(),
            content: Content::plain(&self.text),
            thread: ThreadHints::default(),
            automatic: self.automatic,
            attributes: attributes(&self.attributes),
        })
    }

    fn entry(&self) -> Result<Entry, String> {
        Ok(Entry {
            at: NOW.saturating_sub(self.ago * 1_000),
            author: self.author()?,
            text: self.text.clone(),
            channel: "email".into(),
            automatic: self.automatic,
        })
    }
}

impl Conversation {
    fn snapshot(&self, message: Option<&Message>) -> Result<Snapshot, String> {
        let now = self.now.unwrap_or(NOW);
        let channel = self.channel.clone().unwrap_or_else(|| "email".into());
        // As the host does: the message that is being decided is the last of the history.
        let history = self.history.iter().chain(message).map(Message::entry).collect::<Result<_, _>>()?;
        Ok(Snapshot {
            now,
            id: self.id.clone().unwrap_or_else(|| "case".into()),
            tag: self.tag.clone().unwrap_or_else(|| "T1042".into()),
            channel,
            subject: self.subject.clone().or_else(|| message.and_then(|message| message.subject.clone())),
            standing: self.standing.as_deref().map_or(Ok(Standing::Open), standing)?,
            grade: self.grade.as_deref().map(grade).transpose()?,
            category: self.category.clone(),
            tags: self.tags.clone(),
            team: self.team.clone(),
            assignee: self.assignee.clone(),
            opened: now,
            contact: Contact {
                id: "contact".into(),
                handles: vec![Handle { verified: self.verified, ..customer() }],
                tags: self.contact_tags.clone(),
                attributes: attributes(&self.contact_attributes),
            },
            history,
            orders: self.orders.iter().map(CaseOrder::order).collect::<Result<_, _>>()?,
            clocks: self.clocks.iter().map(|clock| clock.running(now)).collect(),
            decided: self.decided.iter().map(Decided::decision).collect::<Result<_, _>>()?,
            attributes: attributes(&self.attributes),
        })
    }
}

impl CaseOrder {
    fn order(&self) -> Result<Order, String> {
        let price = || Money { currency: "CNY".into(), minor: 100 };
        let line = |sku: &String| OrderLine { sku: sku.clone(), title: sku.clone(), quantity: 1, price: price() };
        Ok(Order {
            id: self.id.clone(),
            state: self.state.as_deref().map_or(Ok(OrderState::Paid), order_state)?,
            at: self.at.unwrap_or(NOW),
            buyer: self.buyers.iter().map(|address| Handle::claimed(HandleKind::Email, address)).collect(),
            total: price(),
            first_order: false,
            lines: self.skus.iter().map(line).collect(),
            parcel: self.parcel.clone(),
            promised_by: self.promised_by,
            attributes: attributes(&self.attributes),
        })
    }
}

impl CaseClock {
    fn running(&self, now: u64) -> RunningClock {
        let (name, target, ago) = match self {
            Self::Name(name) => (name, 3_600, 0),
            Self::Said { name, target, ago } => (name, *target, *ago),
        };
        let clock =
            Clock { name: name.clone(), target, calendar: None, warn_at_percent: 80, pauses_for_customer: false };
        let started = now.saturating_sub(ago * 1_000);
        RunningClock { clock, started, due: started + u64::from(target) * 1_000, paused: false }
    }
}

impl Decided {
    /// The decisions that later policies look at; others have no meaning here.
    fn decision(&self) -> Result<Decision, String> {
        let value = self.value.clone();
        let action = match self.action.as_str() {
            "set-grade" => Action::SetGrade(grade(&value)?),
            "set-category" => Action::SetCategory(value),
            "add-tag" => Action::AddTag(value),
            "remove-tag" => Action::RemoveTag(value),
            "set-attribute" => {
                let (name, value) = value.split_once('=').ok_or("`set-attribute` has the value NAME=VALUE")?;
                Action::SetAttribute(Attribute::new(name, value))
            }
            "stop-clock" => Action::StopClock(value),
            "reply" => Action::Reply(Content::plain(value)),
            "hand-to-human" => Action::HandToHuman(value),
            "escalate" => {
                let level = value.parse().map_err(|_| "`escalate` has a level as its value")?;
                Action::Escalate(Escalation { level, teams: Vec::new(), reason: String::new() })
            }
            "close" => Action::Close(value),
            "ask-evidence" => {
                let seconds = value.parse().map_err(|_| "`ask-evidence` has seconds as its value")?;
                Action::AskEvidence(("Please send a photo.".into(), seconds))
            }
            "route" => {
                Action::Route(Route { team: value, skills: Vec::new(), prefer_agent: None, senior: false, tier: 0 })
            }
            "perform" => Action::Perform(operation(&value)?),
            other => return Err(format!("`decided` does not know the action {other}")),
        };
        let rule = self.rule.as_deref().unwrap_or("earlier");
        Ok(Decision::new(action, rule, "an earlier policy decided so"))
    }
}

/// `intercept-parcel 2001`: those that have nothing but an order.
fn operation(text: &str) -> Result<Operation, String> {
    match text.split_once(' ') {
        Some(("create-return", order)) => Ok(Operation::CreateReturn(order.into())),
        Some(("exchange", order)) => Ok(Operation::Exchange(order.into())),
        Some(("intercept-parcel", order)) => Ok(Operation::InterceptParcel(order.into())),
        _ => Err(format!(
            "`perform` has create-return, exchange or intercept-parcel and an order as its value, not {text}"
        )),
    }
}
