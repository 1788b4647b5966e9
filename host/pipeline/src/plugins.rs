//! The set of plugins in use: channels by name and address, policies in the order of the chain.
use crate::gate::{BreakerLimits, Gate};
use crate::seat::{Named, Seat, Side};
use std::collections::HashMap;
use std::sync::Arc;
use tributary_model::{ChannelName, Place, PluginName};
use tributary_runtime::{Adapter, PluginInfo, Policy};

/// One configured place messages come from and go to.
#[derive(Clone)]
pub struct Channel {
    /// Its name.
    pub name: ChannelName,
    /// The adapter, bound to this channel's configuration and grants, and what is tried beside it.
    pub seat: Seat<dyn Adapter>,
    /// Whose mail it takes.
    pub addresses: Vec<AddressPattern>,
}

impl Channel {
    /// A channel without a trial, behind a gate of its own with the default limits.
    pub fn standing(name: ChannelName, adapter: Arc<dyn Adapter>, addresses: Vec<AddressPattern>) -> Self {
        let place = Place::Channel(name.clone());
        let gate = Gate::new(place.clone(), BreakerLimits::default());
        Self { name, seat: Seat::standing(place, adapter, gate), addresses }
    }
}

impl Seat<dyn Policy> {
    /// A policy without a trial, behind a gate of its own with the default limits.
    pub fn alone(policy: Arc<dyn Policy>) -> Self {
        let place = Place::Policy(policy.info().name.clone());
        let gate = Gate::new(place.clone(), BreakerLimits::default());
        Self::standing(place, policy, gate)
    }
}

/// Whose mail a channel takes: `support@shop.example`, `*@shop.example` for a whole domain, or `*` for whatever comes. A
/// plus-part of the recipient (RFC 5233) does not count.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AddressPattern(String);

impl AddressPattern {
    /// Reads a pattern. `None`: it is neither of the three.
    pub fn parse(text: &str) -> Option<Self> {
        if text.trim() == "*" {
            return Some(Self("*".into()));
        }
        let (local, domain) = text.trim().rsplit_once('@')?;
        let plain = !local.is_empty() && !domain.is_empty() && !domain.contains('*') && !local.contains('+');
        (plain && (local == "*" || !local.contains('*'))).then(|| Self(format!("{local}@{domain}").to_lowercase()))
    }

    /// The pattern as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The set of plugins in use. Immutable: another one takes its place by one pointer. Cheap to clone.
#[derive(Clone, Default)]
pub struct Plugins {
    channels: HashMap<ChannelName, Arc<Channel>>,
    by_address: Arc<HashMap<AddressPattern, ChannelName>>,
    policies: Vec<Seat<dyn Policy>>,
}

/// A seat of either kind, as far as both are alike.
pub struct SeatView<'a> {
    /// The place.
    pub place: &'a Place,
    /// What acts, where no trial says otherwise.
    pub base: &'a PluginInfo,
    /// What is tried, for how many of a hundred conversations it acts, and whether both sides are compared.
    pub trial: Option<(&'a PluginInfo, u8, bool)>,
    /// Whether events get through.
    pub gate: &'a Arc<Gate>,
    /// The generation that everything kept aside is tried with.
    pub generation: tributary_model::GenerationId,
}

impl<'a> SeatView<'a> {
    fn of<P: Named + ?Sized>(seat: &'a Seat<P>) -> Self {
        Self {
            place: &seat.place,
            base: seat.base.named(),
            trial: seat.trial.as_ref().map(|it| (seat.side(Side::Newer).named(), it.share, it.compare)),
            gate: &seat.gate,
            generation: seat.generation(),
        }
    }
}

impl Plugins {
    /// A set. Of two channels with one address, the first has it.
    pub fn new(channels: Vec<Channel>, policies: Vec<Seat<dyn Policy>>) -> Self {
        let (mut by_address, mut by_name) = (HashMap::new(), HashMap::new());
        for channel in channels {
            for address in &channel.addresses {
                by_address.entry(address.clone()).or_insert_with(|| channel.name.clone());
            }
            by_name.insert(channel.name.clone(), Arc::new(channel));
        }
        Self { channels: by_name, by_address: Arc::new(by_address), policies }
    }

    /// The same set with another seat in the place of a channel. A place that it does not have stays absent.
    pub fn with_channel(&self, seat: Seat<dyn Adapter>) -> Self {
        let mut set = self.clone();
        if let Some(channel) = set.channels.get_mut(&ChannelName::from(seat.place.name())) {
            let (name, addresses) = (channel.name.clone(), channel.addresses.clone());
            *channel = Arc::new(Channel { name, seat, addresses });
        }
        set
    }

    /// The same set with another seat in the place of a policy. A place that it does not have stays absent.
    pub fn with_policy(&self, seat: Seat<dyn Policy>) -> Self {
        let mut set = self.clone();
        if let Some(policy) = set.policies.iter_mut().find(|policy| policy.place == seat.place) {
            *policy = seat;
        }
        set
    }

    /// Every seat: the channels, then the policies in the order of the chain.
    pub fn seats(&self) -> impl Iterator<Item = SeatView<'_>> {
        let channels = self.channels.values().map(|channel| SeatView::of(&channel.seat));
        channels.chain(self.policies.iter().map(SeatView::of))
    }

    /// The seat of a place.
    pub fn seat(&self, place: &Place) -> Option<SeatView<'_>> {
        match place {
            Place::Channel(name) => self.channel(name).map(|channel| SeatView::of(&channel.seat)),
            Place::Policy(_) => self.policies.iter().find(|policy| policy.place == *place).map(SeatView::of),
        }
    }

    /// Every channel, in no order.
    pub fn channels(&self) -> impl Iterator<Item = &Arc<Channel>> {
        self.channels.values()
    }

    /// The channel of that name.
    pub fn channel(&self, name: &ChannelName) -> Option<&Arc<Channel>> {
        self.channels.get(name)
    }

    /// The channel that takes mail for an RFC 5321 address: an exact pattern first, then the domain's, then the one that
    /// takes whatever comes.
    pub fn route(&self, recipient: &str) -> Option<&ChannelName> {
        let (local, domain) = recipient.rsplit_once('@')?;
        let local = local.split_once('+').map_or(local, |(before, _)| before);
        let exact = AddressPattern(format!("{local}@{domain}").to_lowercase());
        self.by_address
            .get(&exact)
            .or_else(|| self.by_address.get(&AddressPattern(format!("*@{domain}").to_lowercase())))
            .or_else(|| self.by_address.get(&AddressPattern("*".into())))
    }

    /// The policies that decide, in the order of the chain.
    pub fn deciding(&self) -> impl Iterator<Item = &Seat<dyn Policy>> {
        self.policies.iter().filter(|policy| policy.base.decides())
    }

    /// The policies that review outgoing text, in the order of the chain.
    pub fn reviewing(&self) -> impl Iterator<Item = &Seat<dyn Policy>> {
        self.policies.iter().filter(|policy| policy.base.reviews())
    }

    /// The policy of that name.
    pub fn policy(&self, name: &PluginName) -> Option<&Seat<dyn Policy>> {
        self.policies.iter().find(|policy| policy.base.info().name == *name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_an_address_or_a_whole_domain() {
        for (text, want) in [
            ("Support@Shop.Example", Some("support@shop.example")),
            (" *@shop.example ", Some("*@shop.example")),
            ("*", Some("*")),
            ("support", None),
            ("@shop.example", None),
            ("support@", None),
            ("sup*@shop.example", None),
            ("a+b@shop.example", None),
        ] {
            assert_eq!(AddressPattern::parse(text).as_ref().map(AddressPattern::as_str), want, "{text}");
        }
    }
}
