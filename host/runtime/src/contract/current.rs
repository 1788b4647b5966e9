//! The current version, `wit/`'s: the generated bindings behind the three traits.
use super::{Entries, Exports, Fit, Guest, Interface, Refused, Role, Roles, Served, Side, absent};
use crate::bindings::exports::tributary::plugin::{
    channel, commerce, lifecycle, migration, policy, poller, presence, review, sampler,
};
use crate::capability;
use crate::convert::lift::lift;
use crate::convert::lower;
use crate::state::CallState;
use async_trait::async_trait;
use bumpalo::Bump;
use std::sync::Arc;
use tributary_model::decision::{Decision, Fault, Happening, Snapshot, Verdict};
use tributary_model::message::{
    Arrival, Batch, Content, Delivery, Handle, Outgoing, Reading, Rejection, Sample, SendError, Sign,
};
use tributary_model::order::{Operation, Order};
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre, Linker};

/// The contract of this release.
#[derive(Clone, Copy, Debug, Default)]
pub struct Current;

const fn one(name: &'static str, side: Side) -> Interface {
    Interface { name, side, fit: Fit::Same }
}

const fn service(name: &'static str) -> Interface {
    one(name, Side::Service(name))
}

static INTERFACES: [Interface; 24] = [
    one("types", Side::Types),
    one("web", Side::Types),
    one("trade", Side::Types),
    one("desk", Side::Types),
    service("log"),
    service("config"),
    service("clock"),
    service("secrets"),
    service("state"),
    service("blobs"),
    service("http"),
    service("mail"),
    service("feed"),
    service("knowledge"),
    service("calendar"),
    one("lifecycle", Side::Handler(Role::Lifecycle)),
    one("channel", Side::Handler(Role::Channel)),
    one("poller", Side::Handler(Role::Poller)),
    one("presence", Side::Handler(Role::Presence)),
    one("sampler", Side::Handler(Role::Sampler)),
    one("commerce", Side::Handler(Role::Commerce)),
    one("policy", Side::Handler(Role::Policy)),
    one("review", Side::Handler(Role::Review)),
    one("migration", Side::Handler(Role::Migration)),
];

impl Served for Current {
    fn version(&self) -> &'static str {
        "0.1.0"
    }

    fn interfaces(&self) -> &'static [Interface] {
        &INTERFACES
    }

    fn link(&self, linker: &mut Linker<CallState>, services: &[String]) -> wasmtime::Result<()> {
        capability::link(linker, services)
    }

    fn exports(&self, pre: &InstancePre<CallState>, roles: Roles) -> wasmtime::Result<Arc<dyn Exports>> {
        Ok(Arc::new(Indices {
            lifecycle: lifecycle::GuestIndices::new(pre)?,
            channel: roles.channel.then(|| channel::GuestIndices::new(pre)).transpose()?,
            poller: roles.poller.then(|| poller::GuestIndices::new(pre)).transpose()?,
            presence: roles.presence.then(|| presence::GuestIndices::new(pre)).transpose()?,
            sampler: roles.sampler.then(|| sampler::GuestIndices::new(pre)).transpose()?,
            commerce: roles.commerce.then(|| commerce::GuestIndices::new(pre)).transpose()?,
            policy: roles.policy.then(|| policy::GuestIndices::new(pre)).transpose()?,
            review: roles.review.then(|| review::GuestIndices::new(pre)).transpose()?,
            migration: roles.migration.then(|| migration::GuestIndices::new(pre)).transpose()?,
        }))
    }
}

/// Where a component's exports are.
struct Indices {
    lifecycle: lifecycle::GuestIndices,
    channel: Option<channel::GuestIndices>,
    poller: Option<poller::GuestIndices>,
    presence: Option<presence::GuestIndices>,
    sampler: Option<sampler::GuestIndices>,
    commerce: Option<commerce::GuestIndices>,
    policy: Option<policy::GuestIndices>,
    review: Option<review::GuestIndices>,
    migration: Option<migration::GuestIndices>,
}

impl Exports for Indices {
    fn of(self: Arc<Self>, instance: Instance) -> Box<dyn Guest> {
        Box::new(Found { indices: self, instance, channel: None, policy: None, review: None })
    }
}

/// The exports of one instance that were needed so far: an instance may serve many calls.
struct Found {
    indices: Arc<Indices>,
    instance: Instance,
    channel: Option<channel::Guest>,
    policy: Option<policy::Guest>,
    review: Option<review::Guest>,
}

impl Found {
    fn channel(&mut self, store: &mut Store<CallState>) -> wasmtime::Result<&channel::Guest> {
        if self.channel.is_none() {
            let indices = self.indices.channel.as_ref().ok_or_else(|| absent("channel"))?;
            self.channel = Some(indices.load(store, &self.instance)?);
        }
        self.channel.as_ref().ok_or_else(|| absent("channel"))
    }

    fn policy(&mut self, store: &mut Store<CallState>) -> wasmtime::Result<&policy::Guest> {
        if self.policy.is_none() {
            let indices = self.indices.policy.as_ref().ok_or_else(|| absent("policy"))?;
            self.policy = Some(indices.load(store, &self.instance)?);
        }
        self.policy.as_ref().ok_or_else(|| absent("policy"))
    }

    fn review(&mut self, store: &mut Store<CallState>) -> wasmtime::Result<&review::Guest> {
        if self.review.is_none() {
            let indices = self.indices.review.as_ref().ok_or_else(|| absent("review"))?;
            self.review = Some(indices.load(store, &self.instance)?);
        }
        self.review.as_ref().ok_or_else(|| absent("review"))
    }

    fn poller(&self, store: &mut Store<CallState>) -> wasmtime::Result<poller::Guest> {
        self.indices.poller.as_ref().ok_or_else(|| absent("poller"))?.load(store, &self.instance)
    }

    fn presence(&self, store: &mut Store<CallState>) -> wasmtime::Result<presence::Guest> {
        self.indices.presence.as_ref().ok_or_else(|| absent("presence"))?.load(store, &self.instance)
    }

    fn sampler(&self, store: &mut Store<CallState>) -> wasmtime::Result<sampler::Guest> {
        self.indices.sampler.as_ref().ok_or_else(|| absent("sampler"))?.load(store, &self.instance)
    }

    fn commerce(&self, store: &mut Store<CallState>) -> wasmtime::Result<commerce::Guest> {
        self.indices.commerce.as_ref().ok_or_else(|| absent("commerce"))?.load(store, &self.instance)
    }

    fn migration(&self, store: &mut Store<CallState>) -> wasmtime::Result<migration::Guest> {
        self.indices.migration.as_ref().ok_or_else(|| absent("migration"))?.load(store, &self.instance)
    }
}

#[async_trait]
impl Guest for Found {
    fn check(&mut self, store: &mut Store<CallState>) -> wasmtime::Result<()> {
        self.indices.lifecycle.load(&mut *store, &self.instance)?;
        if self.indices.channel.is_some() {
            self.channel(store)?;
        }
        if self.indices.poller.is_some() {
            self.poller(store)?;
        }
        if self.indices.presence.is_some() {
            self.presence(store)?;
        }
        if self.indices.sampler.is_some() {
            self.sampler(store)?;
        }
        if self.indices.commerce.is_some() {
            self.commerce(store)?;
        }
        if self.indices.policy.is_some() {
            self.policy(store)?;
        }
        if self.indices.review.is_some() {
            self.review(store)?;
        }
        if self.indices.migration.is_some() {
            self.migration(store)?;
        }
        Ok(())
    }

    async fn prepare(&mut self, store: &mut Store<CallState>) -> wasmtime::Result<Result<(), Refused>> {
        let guest = self.indices.lifecycle.load(&mut *store, &self.instance)?;
        Ok(guest.call_prepare(&mut *store).await?.map_err(Refused))
    }

    async fn receive(
        &mut self,
        store: &mut Store<CallState>,
        arrival: &Arrival,
    ) -> wasmtime::Result<Result<Reading, Rejection>> {
        let guest = self.channel(store)?;
        let arena = Bump::new();
        let said = guest.call_receive(&mut *store, lower::arrival(&arena, arrival)).await?;
        lift(store.data_mut(), |lift| match said {
            Ok(reading) => Ok(lift.reading(reading)),
            Err(rejection) => Err(lift.rejection(rejection)),
        })
    }

    async fn send(
        &mut self,
        store: &mut Store<CallState>,
        message: &Outgoing,
    ) -> wasmtime::Result<Result<Delivery, SendError>> {
        let guest = self.channel(store)?;
        store.data_mut().add_files(&message.content.attachments);
        let arena = Bump::new();
        let said = guest.call_send(&mut *store, lower::outgoing(&arena, message)).await?;
        lift(store.data_mut(), |lift| match said {
            Ok(delivery) => Ok(lift.delivery(delivery)),
            Err(error) => Err(lift.send_error(error)),
        })
    }

    async fn poll(
        &mut self,
        store: &mut Store<CallState>,
        cursor: Option<&str>,
    ) -> wasmtime::Result<Result<Batch, SendError>> {
        let guest = self.poller(store)?;
        let said = guest.call_poll(&mut *store, cursor).await?;
        lift(store.data_mut(), |lift| match said {
            Ok(batch) => Ok(lift.batch(batch)),
            Err(error) => Err(lift.send_error(error)),
        })
    }

    async fn show(
        &mut self,
        store: &mut Store<CallState>,
        to: &[Handle],
        sign: &Sign,
    ) -> wasmtime::Result<Result<(), SendError>> {
        let guest = self.presence(store)?;
        let arena = Bump::new();
        let said = guest.call_show(&mut *store, lower::handles(&arena, to), lower::sign(sign)).await?;
        lift(store.data_mut(), |lift| said.map_err(|error| lift.send_error(error)))
    }

    async fn samples(
        &mut self,
        store: &mut Store<CallState>,
        text: &str,
    ) -> wasmtime::Result<Result<Vec<Sample>, Refused>> {
        let guest = self.sampler(store)?;
        let said = guest.call_samples(&mut *store, text).await?;
        lift(store.data_mut(), |lift| match said {
            Ok(samples) => Ok(lift.samples(samples)),
            Err(why) => Err(Refused(lift.text(why))),
        })
    }

    async fn look_up(
        &mut self,
        store: &mut Store<CallState>,
        order: &str,
    ) -> wasmtime::Result<Result<Option<Order>, SendError>> {
        let guest = self.commerce(store)?;
        let said = guest.call_look_up(&mut *store, order).await?;
        lift(store.data_mut(), |lift| match said {
            Ok(order) => Ok(order.map(|order| lift.order(order))),
            Err(error) => Err(lift.send_error(error)),
        })
    }

    async fn perform(
        &mut self,
        store: &mut Store<CallState>,
        operation: &Operation,
        key: &str,
    ) -> wasmtime::Result<Result<String, SendError>> {
        let guest = self.commerce(store)?;
        let said = guest.call_perform(&mut *store, lower::operation(operation), key).await?;
        lift(store.data_mut(), |lift| match said {
            Ok(id) => Ok(lift.text(id)),
            Err(error) => Err(lift.send_error(error)),
        })
    }

    async fn decide(
        &mut self,
        store: &mut Store<CallState>,
        snapshot: &Snapshot,
        happening: &Happening,
    ) -> wasmtime::Result<Result<Vec<Decision>, Fault>> {
        let guest = self.policy(store)?;
        store.data_mut().add_files_of(happening);
        let arena = Bump::new();
        let (snapshot, happening) = (lower::snapshot(&arena, snapshot), lower::happening(&arena, happening));
        let said = guest.call_decide(&mut *store, snapshot, happening).await?;
        lift(store.data_mut(), |lift| match said {
            Ok(decisions) => Ok(lift.decisions(decisions)),
            Err(fault) => Err(lift.fault(fault)),
        })
    }

    async fn review(
        &mut self,
        store: &mut Store<CallState>,
        snapshot: &Snapshot,
        draft: &Content,
    ) -> wasmtime::Result<Result<Verdict, Fault>> {
        let guest = self.review(store)?;
        store.data_mut().add_files(&draft.attachments);
        let arena = Bump::new();
        let (snapshot, content) = (lower::snapshot(&arena, snapshot), lower::content(&arena, draft));
        let said = guest.call_review(&mut *store, snapshot, content).await?;
        lift(store.data_mut(), |lift| match said {
            Ok(verdict) => Ok(lift.verdict(verdict, &draft.text)),
            Err(fault) => Err(lift.fault(fault)),
        })
    }

    async fn migrate(
        &mut self,
        store: &mut Store<CallState>,
        from: &str,
        entries: &[(String, Vec<u8>)],
    ) -> wasmtime::Result<Result<Entries, Refused>> {
        let guest = self.migration(store)?;
        let entries: Vec<(&str, &[u8])> = entries.iter().map(|(key, value)| (key.as_str(), value.as_slice())).collect();
        let said = guest.call_migrate(&mut *store, from, &entries).await?;
        lift(store.data_mut(), |lift| match said {
            Ok(entries) => Ok(lift.entries(entries)),
            Err(why) => Err(Refused(lift.text(why))),
        })
    }
}
