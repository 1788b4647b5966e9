//! One recorded call: how it is packed when it ends, what it is when it is read, and its form as JSON.
use super::mask::{self, Rewriting};
use super::pack::{self, Pack};
use super::tape::{Line, Notes, Service, Tape};
use super::value::Value;
use super::words::{Fields, Unlike, Word, case, withhold};
use crate::blobs::Blobs;
use crate::call::{Blame, CallContext, CallCost, CallError};
use crate::export::{Decide, Export, LookUp, Migrate, Perform, Poll, Receive, Review, Samples, SendOut, Show};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tributary_model::decision::{Happening, Snapshot};
use tributary_model::message::{Arrival, Attachment, Content, Handle, Outgoing, Sign};
use tributary_model::order::Operation;
use tributary_model::{ConversationId, GenerationId, Place, PluginName, Timestamp};

/// The exported functions that are recorded.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Function {
    /// `channel.receive`
    Receive,
    /// `channel.send`
    Send,
    /// `policy.decide`
    Decide,
    /// `review.review`
    Review,
    /// `poller.poll`
    Poll,
    /// `presence.show`
    Show,
    /// `commerce.look-up`
    LookUp,
    /// `commerce.perform`
    Perform,
}

impl Function {
    /// Every one.
    pub const ALL: [Self; 8] =
        [Self::Receive, Self::Send, Self::Decide, Self::Review, Self::Poll, Self::Show, Self::LookUp, Self::Perform];

    /// Interface and function, as the contract writes them.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Receive => "channel.receive",
            Self::Send => "channel.send",
            Self::Decide => "policy.decide",
            Self::Review => "review.review",
            Self::Poll => "poller.poll",
            Self::Show => "presence.show",
            Self::LookUp => "commerce.look-up",
            Self::Perform => "commerce.perform",
        }
    }

    /// The one of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|function| function.as_str() == name)
    }
}

/// Who was called: what all calls of one generation have in common.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Callee {
    /// The channel, or the position in the chain.
    pub place: Place,
    /// The plugin.
    pub plugin: PluginName,
    /// Its version.
    pub version: String,
    /// Its row in the store; 0 outside one.
    pub generation: GenerationId,
    /// The version of the contract it was built for.
    pub contract: String,
    /// SHA-256 of its file in lower-case hex.
    pub digest: String,
    /// Its whole configuration: a JSON object.
    pub config: String,
}

/// How a call ended.
#[derive(Clone, PartialEq, Debug)]
pub enum Ended {
    /// With an answer: a result as the contract has it.
    Said(Value),
    /// Without one.
    Failed {
        /// Who is to blame.
        blame: Blame,
        /// Why, for people.
        words: String,
    },
}

/// One call at the contract's boundary.
#[derive(Clone, PartialEq, Debug)]
pub struct Recording {
    /// Who was called.
    pub callee: Arc<Callee>,
    /// Which function.
    pub function: Function,
    /// The moment that `clock.now` answered.
    pub at: Timestamp,
    /// The conversation, where the call was about one.
    pub conversation: Option<ConversationId>,
    /// Files that the call could read besides those of its arguments.
    pub files: Vec<Attachment>,
    /// The arguments, by their names in the contract.
    pub input: Value,
    /// What came of it.
    pub ended: Ended,
    /// What the host answered.
    pub tape: Tape,
    /// What it cost.
    pub cost: CallCost,
}

/// A frame that is whole, and holds no call that this version can read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unreadable {
    /// Not even a value.
    #[error(transparent)]
    Garbled(#[from] pack::Garbled),
    /// A value of another shape.
    #[error(transparent)]
    Unlike(#[from] Unlike),
}

/// A call whose arguments and answer can be packed. No function: it is not recorded.
pub(crate) trait Spoken: Export + Copy {
    const FUNCTION: Option<Function>;
    fn put_input(&self, to: &mut Pack<'_>);
    fn put_said(said: &Self::Said, to: &mut Pack<'_>);
}

macro_rules! spoken {
    ($($call:ident = $function:ident { $($place:tt $([$($owned:tt)*])? $name:literal),* })*) => {$(
        impl Spoken for $call<'_> {
            const FUNCTION: Option<Function> = Some(Function::$function);
            fn put_input(&self, to: &mut Pack<'_>) {
                to.map([$($name),*].len());
                $( to.key($name); self.$place$($($owned)*)?.put(to); )*
            }
            fn put_said(said: &Self::Said, to: &mut Pack<'_>) {
                said.put(to);
            }
        }
    )*};
}

spoken! {
    Receive = Receive { 0 "arrival" }
    SendOut = Send { 0 "message" }
    Decide = Decide { 0 "conversation", 1 "happening" }
    Review = Review { 0 "conversation", 1 "draft" }
    Poll = Poll { 0 [.map(str::to_owned)] "cursor" }
    Show = Show { 0 [.to_vec()] "to", 1 "sign" }
    LookUp = LookUp { 0 [.to_owned()] "order_id" }
    Perform = Perform { 0 "operation", 1 [.to_owned()] "idempotency_key" }
}

macro_rules! unspoken {
    ($($call:ident)*) => {$(
        impl Spoken for $call<'_> {
            const FUNCTION: Option<Function> = None;
            fn put_input(&self, _: &mut Pack<'_>) {}
            fn put_said(_: &Self::Said, _: &mut Pack<'_>) {}
        }
    )*};
}

// Both are made because an operator wants something now, once, and neither brings or takes what is a customer's.
unspoken! { Samples Migrate }

/// Arguments, read again.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Input {
    Receive(Arrival),
    Send(Box<Outgoing>),
    Decide(Box<Snapshot>, Happening),
    Review(Box<Snapshot>, Content),
    Poll(Option<String>),
    Show(Vec<Handle>, Sign),
    LookUp(String),
    Perform(Operation, String),
}

impl Input {
    pub fn take(function: Function, input: Value) -> Result<Self, Unlike> {
        let mut fields = Fields::of(input, function.as_str())?;
        Ok(match function {
            Function::Receive => Self::Receive(fields.take("arrival")?),
            Function::Send => Self::Send(fields.take("message")?),
            Function::Decide => Self::Decide(fields.take("conversation")?, fields.take("happening")?),
            Function::Review => Self::Review(fields.take("conversation")?, fields.take("draft")?),
            Function::Poll => Self::Poll(fields.take("cursor")?),
            Function::Show => Self::Show(fields.take("to")?, fields.take("sign")?),
            Function::LookUp => Self::LookUp(fields.take("order_id")?),
            Function::Perform => Self::Perform(fields.take("operation")?, fields.take("idempotency_key")?),
        })
    }
}

impl Input {
    /// Whether it came with a credential that is not in the recording.
    pub fn withholds(&self) -> bool {
        matches!(self, Self::Receive(Arrival::Http(request)) if withhold(&request.headers))
    }
}

/// What a context tells of a call, kept beside the call that takes the context.
pub(crate) struct Circumstances {
    pub now: Timestamp,
    pub conversation: Option<ConversationId>,
    pub files: Vec<Attachment>,
}

impl Circumstances {
    pub fn of(context: &CallContext) -> Self {
        let CallContext { now, conversation, attachments, .. } = context;
        Self { now: *now, conversation: *conversation, files: attachments.clone() }
    }
}

/// How large a call may be, packed, and how large it is likely to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub limit: usize,
    pub likely: usize,
}

/// A call that ended, packed; none where that takes more than it may.
pub(crate) fn pack_call<E: Spoken>(
    room: Room,
    around: &Circumstances,
    call: &E,
    ended: Result<&E::Said, &CallError>,
    (notes, secrets): (&Notes, &Rewriting),
    cost: &CallCost,
) -> Option<Vec<u8>> {
    let (tape, signatures) = notes.so_far();
    let mut to = Pack::hiding(secrets).within(room.limit).knowing(&signatures).reserving(room.likely);
    to.map(8);
    to.key("function");
    to.key(E::FUNCTION?.as_str());
    to.key("at");
    around.now.put(&mut to);
    to.key("conversation");
    around.conversation.put(&mut to);
    to.key("files");
    around.files.put(&mut to);
    to.key("input");
    call.put_input(&mut to);
    to.key("ended");
    to.map(1);
    match ended {
        Ok(said) => {
            to.key("Said");
            E::put_said(said, &mut to);
        }
        Err(error) => {
            to.key("Failed");
            to.map(2);
            to.key("blame");
            to.key(error.blame().as_str());
            to.key("words");
            to.text(&error.to_string());
        }
    }
    to.key("tape");
    to.list(tape.lines.len());
    for line in &tape.lines {
        to.list(3);
        to.key(line.service.as_str());
        to.packed(&line.asked);
        to.packed(&line.answered);
    }
    to.key("cost");
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let numbers = [micros(cost.guest), micros(cost.wall), micros(cost.host), cost.memory as u64, cost.bytes_out as u64];
    to.list(numbers.len());
    numbers.into_iter().for_each(|number| to.uint(number));
    let mut packed = to.finish()?;
    mask::disguise(&mut packed, &signatures);
    Some(packed)
}

/// A value as its own bytes again: one value has one form.
fn packed(value: &Value) -> Vec<u8> {
    let mut to = Pack::new();
    to.value(value);
    to.finish().unwrap_or_default()
}

impl Recording {
    pub(crate) fn read(callee: &Arc<Callee>, bytes: &[u8]) -> Result<Self, Unreadable> {
        let mut fields = Fields::of(pack::read(bytes)?, "recording")?;
        let function = Function::parse(&fields.take::<String>("function")?).ok_or(Unlike("function"))?;
        let ended = match case(fields.value("ended"), "ended")? {
            (case, said) if case == "Said" => Ended::Said(said),
            (case, failed) if case == "Failed" => {
                let mut failed = Fields::of(failed, "failure")?;
                let blame = failed.take::<String>("blame")?;
                let blame = BLAMES.into_iter().find(|one| one.as_str() == blame).ok_or(Unlike("blame"))?;
                Ended::Failed { blame, words: failed.take("words")? }
            }
            _ => return Err(Unlike("ended").into()),
        };
        let Value::List(lines) = fields.value("tape") else { return Err(Unlike("tape").into()) };
        let lines = lines.into_iter().map(line).collect::<Result<_, _>>()?;
        let cost: Vec<u64> = fields.take("cost")?;
        let [guest, wall, host, memory, bytes_out] = cost[..] else { return Err(Unlike("cost").into()) };
        Ok(Self {
            callee: Arc::clone(callee),
            function,
            at: fields.take("at")?,
            conversation: fields.take("conversation")?,
            files: fields.take("files")?,
            input: fields.value("input"),
            ended,
            tape: Tape { lines },
            cost: CallCost {
                guest: Duration::from_micros(guest),
                wall: Duration::from_micros(wall),
                host: Duration::from_micros(host),
                memory: usize::try_from(memory).unwrap_or(usize::MAX),
                bytes_out: usize::try_from(bytes_out).unwrap_or(usize::MAX),
            },
        })
    }

    /// As JSON: what `tributary_sdk::testing` reads as a fixture, and a person can. With the folder of files, those that
    /// the call read are in it.
    pub fn to_json(&self, blobs: Option<&Blobs>) -> Json {
        let Callee { place, plugin, version, generation, contract, digest, config } = &*self.callee;
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let tape: Vec<Json> = self
            .tape
            .lines()
            .map(|(service, asked, answered)| {
                json!({ "service": service.as_str(), "asked": asked.to_json(), "answered": answered.to_json() })
            })
            .collect();
        let mut files: BTreeMap<String, Value> = BTreeMap::new();
        for (service, asked, _) in self.tape.lines() {
            if service == Service::BlobsGet
                && let Some(blob) = asked.get("blob").and_then(Value::as_text)
                && let Some(bytes) = blobs.and_then(|blobs| blobs.get(blob).ok())
            {
                files.insert(blob.to_owned(), Value::Bytes(bytes));
            }
        }
        let files: Map<String, Json> = files.into_iter().map(|(id, bytes)| (id, bytes.to_json())).collect();
        let ended = match &self.ended {
            Ended::Said(said) => json!({ "said": said.to_json() }),
            Ended::Failed { blame, words } => json!({ "failed": { "blame": blame.as_str(), "words": words } }),
        };
        json!({
            "recording": 1,
            "place": place.to_string(),
            "plugin": plugin.as_str(),
            "version": version,
            "generation": generation.0,
            "contract": contract,
            "digest": digest,
            "config": serde_json::from_str(config).unwrap_or(Json::Null),
            "function": self.function.as_str(),
            "at": self.at.0,
            "conversation": self.conversation.map(|id| id.to_string()),
            "input": self.input.to_json(),
            "ended": ended,
            "tape": tape,
            "files": files,
            "cost": {
                "guest-us": micros(self.cost.guest),
                "wall-us": micros(self.cost.wall),
                "host-us": micros(self.cost.host),
                "memory": self.cost.memory,
                "bytes-out": self.cost.bytes_out,
            },
        })
    }

    /// Puts the operator's secrets where their markers stand in the arguments.
    pub(crate) fn put_back(&mut self, secrets: &Rewriting) {
        self.input.rewrite(secrets);
    }
}

const BLAMES: [Blame; 4] = [Blame::Guest, Blame::Trap, Blame::Budget, Blame::Host];

fn line(line: Value) -> Result<Line, Unlike> {
    let Value::List(parts) = line else { return Err(Unlike("tape")) };
    let [service, asked, answered] = <[Value; 3]>::try_from(parts).map_err(|_| Unlike("tape"))?;
    let service = service.as_text().and_then(Service::parse).ok_or(Unlike("service"))?;
    Ok(Line { service, asked: packed(&asked), answered: packed(&answered) })
}

impl Callee {
    /// The frame that stands before the first call of this generation in a segment.
    pub(crate) fn pack(&self) -> Vec<u8> {
        let mut to = Pack::new();
        to.map(7);
        for (key, value) in [
            ("place", self.place.to_string().as_str()),
            ("plugin", self.plugin.as_str()),
            ("version", &self.version),
            ("contract", &self.contract),
            ("digest", &self.digest),
            ("config", &self.config),
        ] {
            to.key(key);
            to.text(value);
        }
        to.key("generation");
        to.int(self.generation.0);
        to.finish().unwrap_or_default()
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Unreadable> {
        let mut fields = Fields::of(pack::read(bytes)?, "callee")?;
        let place: String = fields.take("place")?;
        Ok(Self {
            place: Place::parse(&place).ok_or(Unlike("place"))?,
            plugin: PluginName::from(fields.take::<String>("plugin")?),
            version: fields.take("version")?,
            generation: GenerationId(fields.take("generation")?),
            contract: fields.take("contract")?,
            digest: fields.take("digest")?,
            config: fields.take("config")?,
        })
    }
}
