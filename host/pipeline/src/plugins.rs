//! The set of plugins in use: channels by name and address, policies in the order of the chain.
use std::collections::HashMap;
use std::sync::Arc;
use tributary_model::{ChannelName, PluginName};
use tributary_runtime::{Adapter, Policy};

/// One configured place messages come from and go to.
pub struct Channel {
    /// Its name.
    pub name: ChannelName,
    /// The adapter, bound to this channel's configuration and grants.
    pub adapter: Arc<dyn Adapter>,
    /// Whose mail it takes.
    pub addresses: Vec<AddressPattern>,
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

/// The set of plugins in use.
#[derive(Default)]
pub struct Plugins {
    channels: HashMap<ChannelName, Arc<Channel>>,
    by_address: HashMap<AddressPattern, ChannelName>,
    policies: Vec<Arc<dyn Policy>>,
}

impl Plugins {
    /// A set. Of two channels with one address, the first has it.
    pub fn new(channels: Vec<Channel>, policies: Vec<Arc<dyn Policy>>) -> Self {
        let mut set = Self { policies, ..Self::default() };
        for channel in channels {
            for address in &channel.addresses {
                set.by_address.entry(address.clone()).or_insert_with(|| channel.name.clone());
            }
            set.channels.insert(channel.name.clone(), Arc::new(channel));
        }
        set
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
    pub fn deciding(&self) -> impl Iterator<Item = &Arc<dyn Policy>> {
        self.policies.iter().filter(|policy| policy.decides())
    }

    /// The policies that review outgoing text, in the order of the chain.
    pub fn reviewing(&self) -> impl Iterator<Item = &Arc<dyn Policy>> {
        self.policies.iter().filter(|policy| policy.reviews())
    }

    /// The policy of that name.
    pub fn policy(&self, name: &PluginName) -> Option<&Arc<dyn Policy>> {
        self.policies.iter().find(|policy| policy.info().name == *name)
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
