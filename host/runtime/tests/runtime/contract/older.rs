//! Version 0.0.9 of the contract behind the runtime's door. It differs in whatever can differ: names of interfaces,
//! imports, exports, records, units of time, and what was not there yet.
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;
use tributary_model::Timestamp;
use tributary_model::decision::{Action, Decision, Fault, Grade, Happening, Route, Snapshot, Verdict};
use tributary_model::message::{
    Arrival, Author, ChannelEvent, Content, Delivery, DeliveryState, Handle, HandleKind, Inbound, Outgoing, Reading,
    Rejection, SendError, ThreadHints,
};
use tributary_runtime::contract::{
    CallState, Entries, Exports, Fit, Guest, Interface, Lift, Refused, Role, Roles, Served, Side, absent, lift,
};
use wasmtime::Store;
use wasmtime::component::{HasSelf, Instance, InstancePre, Linker};

#[allow(clippy::all, unsafe_code, missing_docs, reason = "generated code")]
mod bindings {
    wasmtime::component::bindgen!({
        path: "tests/contract/0.0.9",
        inline: "
            package tributary:older;
            world everything {
                import tributary:plugin/log@0.0.9;
                import tributary:plugin/clock@0.0.9;
                import tributary:plugin/store@0.0.9;
                export tributary:plugin/setup@0.0.9;
                export tributary:plugin/channel@0.0.9;
                export tributary:plugin/policy@0.0.9;
            }
        ",
        world: "tributary:older/everything",
        imports: { "tributary:plugin/store@0.0.9.load": async | trappable, default: trappable },
        exports: { default: async },
        include_component_type: false,
    });
}

use bindings::exports::tributary::plugin::{channel, policy, setup};
use bindings::tributary::plugin::{clock, log, store, types};

/// Version 0.0.9.
pub struct Older;

const fn one(name: &'static str, side: Side) -> Interface {
    Interface { name, side, fit: Fit::Converted }
}

static INTERFACES: [Interface; 7] = [
    one("types", Side::Types),
    one("log", Side::Service("log")),
    one("clock", Side::Service("clock")),
    one("store", Side::Service("state")),
    one("setup", Side::Handler(Role::Lifecycle)),
    one("channel", Side::Handler(Role::Channel)),
    one("policy", Side::Handler(Role::Policy)),
];

impl Served for Older {
    fn version(&self) -> &'static str {
        "0.0.9"
    }

    fn interfaces(&self) -> &'static [Interface] {
        &INTERFACES
    }

    fn link(&self, linker: &mut Linker<CallState>, services: &[String]) -> wasmtime::Result<()> {
        type Own = HasSelf<CallState>;
        types::add_to_linker::<_, Own>(linker, |state| state)?;
        for service in services {
            match service.as_str() {
                "log" => log::add_to_linker::<_, Own>(linker, |state| state)?,
                "clock" => clock::add_to_linker::<_, Own>(linker, |state| state)?,
                "state" => store::add_to_linker::<_, Own>(linker, |state| state)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn exports(&self, pre: &InstancePre<CallState>, roles: Roles) -> wasmtime::Result<Arc<dyn Exports>> {
        Ok(Arc::new(Indices {
            setup: setup::GuestIndices::new(pre)?,
            channel: roles.channel.then(|| channel::GuestIndices::new(pre)).transpose()?,
            policy: roles.policy.then(|| policy::GuestIndices::new(pre)).transpose()?,
        }))
    }
}

impl types::Host for CallState {}

impl log::Host for CallState {
    fn print(&mut self, message: String) -> wasmtime::Result<()> {
        self.log_line(tracing::Level::INFO, message)
    }
}

impl clock::Host for CallState {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.moment()?.0 / 1_000)
    }
}

impl store::Host for CallState {
    async fn load(&mut self, key: String) -> wasmtime::Result<Option<Vec<u8>>> {
        Ok(self.kept(key).await??)
    }

    fn save(&mut self, key: String, value: Vec<u8>) -> wasmtime::Result<()> {
        Ok(self.keep(key, Some(value))??)
    }
}

struct Indices {
    setup: setup::GuestIndices,
    channel: Option<channel::GuestIndices>,
    policy: Option<policy::GuestIndices>,
}

impl Exports for Indices {
    fn of(self: Arc<Self>, instance: Instance) -> Box<dyn Guest> {
        Box::new(Found { indices: self, instance })
    }
}

struct Found {
    indices: Arc<Indices>,
    instance: Instance,
}

impl Found {
    fn channel(&self, store: &mut Store<CallState>) -> wasmtime::Result<channel::Guest> {
        self.indices.channel.as_ref().ok_or_else(|| absent("channel"))?.load(store, &self.instance)
    }

    fn policy(&self, store: &mut Store<CallState>) -> wasmtime::Result<policy::Guest> {
        self.indices.policy.as_ref().ok_or_else(|| absent("policy"))?.load(store, &self.instance)
    }
}

#[async_trait]
impl Guest for Found {
    fn check(&mut self, store: &mut Store<CallState>) -> wasmtime::Result<()> {
        self.indices.setup.load(&mut *store, &self.instance)?;
        if self.indices.channel.is_some() {
            self.channel(store)?;
        }
        if self.indices.policy.is_some() {
            self.policy(store)?;
        }
        Ok(())
    }

    async fn prepare(&mut self, store: &mut Store<CallState>) -> wasmtime::Result<Result<(), Refused>> {
        let document = store.data_mut().configuration()?;
        let guest = self.indices.setup.load(&mut *store, &self.instance)?;
        Ok(guest.call_configure(&mut *store, &document).await?.map_err(Refused))
    }

    async fn receive(
        &mut self,
        store: &mut Store<CallState>,
        arrival: &Arrival,
    ) -> wasmtime::Result<Result<Reading, Rejection>> {
        let Arrival::Mail { mail_from, rcpt_to, data } = arrival else {
            return Ok(Err(Rejection::Malformed("an adapter of version 0.0.9 reads mails only".into())));
        };
        let guest = self.channel(store)?;
        let arrival = types::Arrival { sender: mail_from.clone(), recipients: rcpt_to.clone(), data: data.to_vec() };
        let said = guest.call_receive(&mut *store, &arrival).await?;
        lift(store.data_mut(), |lift| match said {
            Ok(events) => Ok(Reading { events: lift.list(events, event), ..Reading::default() }),
            Err(channel::Rejection::Malformed(why)) => Err(Rejection::Malformed(lift.text(why))),
            Err(channel::Rejection::Ignored(why)) => Err(Rejection::Ignored(lift.text(why))),
        })
    }

    async fn send(
        &mut self,
        store: &mut Store<CallState>,
        message: &Outgoing,
    ) -> wasmtime::Result<Result<Delivery, SendError>> {
        let guest = self.channel(store)?;
        let outgoing = channel::Outgoing {
            id: message.id.to_string(),
            at: message.at.0 / 1_000,
            conversation: message.conversation.to_string(),
            to: message.to.first().map(|handle| handle.value.clone()).unwrap_or_default(),
            text: message.content.text.clone(),
        };
        let said = guest.call_send(&mut *store, &outgoing).await?;
        lift(store.data_mut(), |lift| match said {
            Ok(sent) => Ok(delivery(lift, sent)),
            Err(why) => Err(SendError::Permanent(lift.text(why))),
        })
    }

    async fn decide(
        &mut self,
        store: &mut Store<CallState>,
        snapshot: &Snapshot,
        happening: &Happening,
    ) -> wasmtime::Result<Result<Vec<Decision>, Fault>> {
        // It was asked about messages only: about anything else it has nothing to say.
        let Happening::Message(message) = happening else { return Ok(Ok(Vec::new())) };
        let guest = self.policy(store)?;
        let conversation = policy::Snapshot {
            id: snapshot.id.to_string(),
            subject: snapshot.subject.clone(),
            now: snapshot.now.0 / 1_000,
            history: snapshot.history.iter().map(|entry| entry.text.clone()).collect(),
            tags: snapshot.tags.clone(),
        };
        let message = types::Message {
            external_id: message.external_id.clone(),
            sent_at: message.sent_at.0 / 1_000,
            from: message.from.first().map(|handle| handle.value.clone()).unwrap_or_default(),
            subject: message.subject.clone(),
            text: message.content.text.clone(),
            automatic: message.automatic,
        };
        let said = guest.call_decide(&mut *store, &conversation, &message).await?;
        lift(store.data_mut(), |lift| Ok(lift.list(said, decision)))
    }

    async fn review(
        &mut self,
        _: &mut Store<CallState>,
        _: &Snapshot,
        _: &Content,
    ) -> wasmtime::Result<Result<Verdict, Fault>> {
        Err(absent("review"))
    }

    async fn migrate(
        &mut self,
        _: &mut Store<CallState>,
        _: &str,
        _: &[(String, Vec<u8>)],
    ) -> wasmtime::Result<Result<Entries, Refused>> {
        Err(absent("migration"))
    }
}

/// A moment in seconds, which may be as large as a guest likes.
fn moment(seconds: u64) -> Timestamp {
    Lift::moment(u64::try_from(Duration::from_secs(seconds).as_millis()).unwrap_or(u64::MAX))
}

fn event(lift: &mut Lift<'_>, event: types::Event) -> ChannelEvent {
    match event {
        types::Event::Message(message) => {
            let from = Handle { kind: HandleKind::Email, value: lift.text(message.from), verified: false };
            let from = if from.value.is_empty() { Vec::new() } else { vec![from] };
            ChannelEvent::Message(Box::new(Inbound {
                external_id: lift.maybe(message.external_id),
                sent_at: moment(message.sent_at),
                author: Author::Customer,
                from: lift.author(from),
                display_name: None,
                subject: lift.maybe(message.subject),
                content: Content { text: lift.text(message.text), ..Content::default() },
                thread: ThreadHints::default(),
                automatic: message.automatic,
                attributes: Vec::new(),
            }))
        }
        types::Event::Delivery(sent) => ChannelEvent::Delivery(delivery(lift, sent)),
    }
}

fn delivery(lift: &mut Lift<'_>, delivery: types::Delivery) -> Delivery {
    Delivery {
        outgoing_id: Some(lift.text(delivery.outgoing_id)),
        external_id: None,
        state: if delivery.accepted { DeliveryState::Accepted } else { DeliveryState::Failed },
        detail: None,
    }
}

fn decision(lift: &mut Lift<'_>, decision: policy::Decision) -> Decision {
    let action = match decision.action {
        policy::Action::SetGrade(types::Grade::Low) => Action::SetGrade(Grade::Inquiry),
        policy::Action::SetGrade(types::Grade::Normal) => Action::SetGrade(Grade::SimpleComplaint),
        policy::Action::SetGrade(types::Grade::High) => Action::SetGrade(Grade::Dispute),
        policy::Action::AddTag(tag) => Action::AddTag(lift.text(tag)),
        policy::Action::Route(team) => Action::Route(Route {
            team: lift.text(team),
            skills: Vec::new(),
            prefer_agent: None,
            senior: false,
            tier: 0,
        }),
        policy::Action::Note(text) => Action::Note(lift.text(text)),
    };
    // Rules had no names yet.
    Decision { action, rule: "unnamed".into(), why: lift.text(decision.why) }
}
