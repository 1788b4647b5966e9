//! Who is who: the rules of the identity graph, pure.
//!
//! A contact is a node that owns handles, and a handle is owned by one node. Joins are edges between nodes, each with its
//! reason; a person is what edges connect, under the id of its oldest node. So undoing a join takes one edge out, and
//! everything that came by a node is that node's again.
//!
//! What a channel proves may join; what an author merely claims never does: it is a suggestion for a person to decide.
use crate::message::{Handle, HandleKind};
use crate::{ChannelName, ContactId};
use std::collections::HashMap;

/// Which kinds of handle a channel may prove. What it says to be verified beyond that counts as claimed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Verifies {
    /// Its platform's own: every kind but `email` and `phone`, which are the same person's everywhere, and none that
    /// another channel proved before. A channel that was taken over cannot pose as another channel's customers.
    #[default]
    Own,
    /// These kinds, whoever proved them before: the operator says so.
    Only(Vec<HandleKind>),
}

impl Verifies {
    /// Every kind.
    pub fn all() -> Self {
        Self::Only(HandleKind::ALL.to_vec())
    }

    /// Whether the channel proves this handle, which `proved_by` proved first. An empty name is nobody in particular.
    pub fn proves(&self, handle: &Handle, channel: &ChannelName, proved_by: Option<&str>) -> bool {
        handle.verified
            && match self {
                Self::Only(kinds) => kinds.contains(&handle.kind),
                Self::Own => {
                    !matches!(handle.kind, HandleKind::Email | HandleKind::Phone)
                        && proved_by.is_none_or(|by| by.is_empty() || by == channel.as_str())
                }
            }
    }
}

/// Inside which scope a person has one handle of this kind at most: one openid of an official account, one buyer's id of
/// a marketplace. `None`: a person may have several, such as addresses, numbers and browsers.
pub fn exclusive(handle: &Handle) -> Option<(HandleKind, &str)> {
    match handle.kind {
        HandleKind::Email | HandleKind::Phone | HandleKind::Visitor => None,
        HandleKind::WechatUnionid => Some((handle.kind, "")),
        HandleKind::WechatOpenid | HandleKind::MarketplaceBuyer | HandleKind::Other => {
            Some((handle.kind, handle.value.split_once('/').map_or("", |(scope, _)| scope)))
        }
    }
}

/// Two proved handles that one person does not have both, if there are such.
pub fn conflict<'a>(one: &'a [Handle], other: &'a [Handle]) -> Option<(&'a Handle, &'a Handle)> {
    let proved = |handles: &'a [Handle]| handles.iter().filter(|handle| handle.verified);
    proved(one).find_map(|a| {
        let scope = exclusive(a)?;
        proved(other).find(|b| exclusive(b) == Some(scope) && a.value != b.value).map(|b| (a, b))
    })
}

words! {
    /// Why two contacts may be one person, and yet were not joined.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
    pub enum Reason {
        /// One claims a handle of the other's.
        Claimed = "claimed",
        /// A proved handle says so, and two others that one person does not have both say no.
        Conflict = "conflict",
        /// They were joined, and a person undid it.
        Undone = "undone",
    }
}

words! {
    /// Where a suggestion stands.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
    pub enum Advice {
        /// A person shall decide.
        Open = "open",
        /// The two were joined.
        Accepted = "accepted",
        /// They are two; never suggested again for this reason.
        Dismissed = "dismissed",
    }
}

/// What a proved handle of both comes to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Meeting {
    /// They are one.
    Join,
    /// A person shall decide: why, in one sentence.
    Suggest(Reason, String),
}

/// Whether two persons with these handles are joined by themselves, where a channel proved a handle of both. `undone`: a
/// person took them apart before.
pub fn meet(one: &[Handle], other: &[Handle], undone: bool) -> Meeting {
    if undone {
        return Meeting::Suggest(Reason::Undone, "they were joined before, and the join was undone".into());
    }
    match conflict(one, other) {
        Some((a, b)) => {
            let kind = a.kind.as_str();
            Meeting::Suggest(
                Reason::Conflict,
                format!("one is {kind} {} and the other {kind} {}: one person has one of them", a.value, b.value),
            )
        }
        None => Meeting::Join,
    }
}

/// One handle of a list that a channel told of one person.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Said {
    /// The channel proves it, and may.
    pub proved: bool,
    /// The person whose it is.
    pub owner: Option<ContactId>,
    /// As a mere claim it still tells who writes, see [`leads`].
    pub leads: bool,
}

/// Whether a claimed handle tells who writes: an address and a number do, because answers go there and nowhere else, and
/// whatever else the same channel told of before. Another channel's names do not.
pub fn leads(kind: HandleKind, channel: &ChannelName, known_by: &str) -> bool {
    matches!(kind, HandleKind::Email | HandleKind::Phone) || known_by == channel.as_str()
}

/// What a handle of such a list comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// It was nobody's and is one of a new person's.
    Own,
    /// It was nobody's, is proved, and came with a known person's: a node of its own, joined to that person.
    Beside,
    /// It is the person's already.
    Theirs,
    /// It is proved and another person's: the two meet.
    Meets,
    /// It is only claimed: noted, and a suggestion where it is another person's.
    Claimed,
}

/// Who a list of handles names, best first: the place of the handle whose owner it is, or `None` for somebody new; and
/// what each handle comes to.
///
/// Where anything is proved, only what is proved tells who it is. Where nothing is, the first does, which is the name that
/// the channel knows its author by, such as a mail's From: answers go to that address, whoever wrote.
pub fn read(said: &[Said]) -> (Option<usize>, Vec<Role>) {
    let lead = if said.iter().any(|it| it.proved) {
        said.iter().position(|it| it.proved && it.owner.is_some())
    } else {
        said.first().filter(|it| it.leads).and_then(|it| it.owner).map(|_| 0)
    };
    let person = lead.and_then(|place| said[place].owner);
    let role = |(place, it): (usize, &Said)| match (it.owner, it.proved) {
        (Some(owner), _) if Some(owner) == person => Role::Theirs,
        (Some(_), true) => Role::Meets,
        (None, true) if lead.is_some() => Role::Beside,
        (None, true) => Role::Own,
        (None, false) if place == 0 && lead.is_none() => Role::Own,
        (_, false) => Role::Claimed,
    };
    (lead, said.iter().enumerate().map(role).collect())
}

/// The persons that joins make of nodes: each node with the oldest of those it is connected with. A join with a node that
/// is not among them counts for nothing.
pub fn persons(nodes: &[ContactId], joins: &[(ContactId, ContactId)]) -> HashMap<ContactId, ContactId> {
    let mut person: HashMap<_, _> = nodes.iter().map(|node| (*node, *node)).collect();
    for (one, other) in joins {
        let (Some(one), Some(other)) = (person.get(one).copied(), person.get(other).copied()) else { continue };
        let (older, newer) = (one.min(other), one.max(other));
        person.values_mut().filter(|root| **root == newer).for_each(|root| *root = older);
    }
    person
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn handle(kind: HandleKind, value: &str, verified: bool) -> Handle {
        Handle { kind, value: value.into(), verified }
    }

    #[test]
    fn a_channel_proves_its_own_and_what_the_operator_says() {
        use HandleKind::*;
        let chat = ChannelName::from("chat");
        for (verifies, kind, proved_by, want) in [
            (Verifies::Own, Visitor, None, true),
            (Verifies::Own, Visitor, Some("chat"), true),
            (Verifies::Own, Visitor, Some(""), true),
            (Verifies::Own, WechatOpenid, Some("wechat"), false),
            (Verifies::Own, Email, None, false),
            (Verifies::Own, Phone, Some("chat"), false),
            (Verifies::Only(vec![Email]), Email, Some("shop"), true),
            (Verifies::Only(vec![Email]), Visitor, None, false),
            (Verifies::all(), WechatUnionid, Some("wechat"), true),
        ] {
            let proves = verifies.proves(&handle(kind, "x", true), &chat, proved_by);
            assert_eq!(proves, want, "{verifies:?} {kind:?} {proved_by:?}");
            assert!(!verifies.proves(&handle(kind, "x", false), &chat, proved_by), "a claim stays one");
        }
    }

    #[test]
    fn what_one_person_has_once_keeps_two_apart() {
        use HandleKind::*;
        for (kind, one, other, apart) in [
            (WechatUnionid, "u1", "u2", true),
            (WechatOpenid, "app/o1", "app/o2", true),
            (WechatOpenid, "app/o1", "other/o2", false),
            (MarketplaceBuyer, "shopify/1", "shopify/2", true),
            (MarketplaceBuyer, "shopify/1", "doudian/2", false),
            (Other, "telegram/1", "telegram/2", true),
            (Visitor, "v1", "v2", false),
            (Email, "a@x", "b@x", false),
            (Phone, "+1", "+2", false),
        ] {
            let found = conflict(&[handle(kind, one, true)], &[handle(kind, other, true)]).is_some();
            assert_eq!(found, apart, "{kind:?} {one} {other}");
            assert!(
                conflict(&[handle(kind, one, false)], &[handle(kind, other, true)]).is_none(),
                "claims forbid nothing"
            );
            assert!(conflict(&[handle(kind, one, true)], &[handle(kind, one, true)]).is_none());
        }
        assert!(matches!(meet(&[], &[], true), Meeting::Suggest(Reason::Undone, _)));
        assert_eq!(meet(&[], &[], false), Meeting::Join);
    }

    #[test]
    fn who_is_named_by_what() {
        use Role::*;
        let said = |proved, owner: Option<i64>| Said { proved, owner: owner.map(ContactId), leads: true };
        let strange = Said { leads: false, ..said(false, Some(1)) };
        for (what, list, lead, roles) in [
            ("a first mail", vec![said(false, None)], None, vec![Own]),
            ("a second mail", vec![said(false, Some(1))], Some(0), vec![Theirs]),
            (
                "a visitor who types a stranger's address",
                vec![said(true, None), said(false, Some(1))],
                None,
                vec![Own, Claimed],
            ),
            ("the same, the address first", vec![said(false, Some(1)), said(true, None)], None, vec![Claimed, Own]),
            ("a visitor who logs in", vec![said(true, Some(1)), said(true, None)], Some(0), vec![Theirs, Beside]),
            ("two known ones meet", vec![said(true, Some(1)), said(true, Some(2))], Some(0), vec![Theirs, Meets]),
            (
                "an address that nobody has yet",
                vec![said(true, Some(1)), said(false, None)],
                Some(0),
                vec![Theirs, Claimed],
            ),
            ("a channel that poses as another's customer", vec![strange], None, vec![Claimed]),
            ("nobody", vec![], None, vec![]),
        ] {
            assert_eq!(read(&list), (lead, roles), "{what}");
        }
    }

    fn graph() -> impl Strategy<Value = (Vec<ContactId>, Vec<(ContactId, ContactId)>)> {
        let edges = prop::collection::vec((1i64..=12, 1i64..=12), 0..20);
        edges.prop_map(|edges| {
            let nodes = (1..=12).map(ContactId).collect();
            (nodes, edges.into_iter().map(|(a, b)| (ContactId(a), ContactId(b))).collect())
        })
    }

    proptest! {
        /// A claim alone never decides who somebody is where anything is proved, and never joins.
        #[test]
        fn claims_join_nobody(
            list in prop::collection::vec((any::<bool>(), prop::option::of(1i64..4), any::<bool>()), 0..6),
        ) {
            let said = |(proved, owner, leads): &(bool, Option<i64>, bool)| {
                Said { proved: *proved, owner: owner.map(ContactId), leads: *leads }
            };
            let said: Vec<_> = list.iter().map(said).collect();
            let (lead, roles) = read(&said);
            prop_assert_eq!(roles.len(), said.len());
            if let Some(lead) = lead {
                prop_assert!(said[lead].proved || said.iter().all(|it| !it.proved) && lead == 0);
                prop_assert_eq!(roles[lead], Role::Theirs);
            }
            for (place, (it, role)) in said.iter().zip(&roles).enumerate() {
                match role {
                    Role::Meets | Role::Beside => prop_assert!(it.proved && lead.is_some()),
                    Role::Own => prop_assert!(it.owner.is_none() && lead.is_none() && (it.proved || place == 0)),
                    Role::Claimed => prop_assert!(!it.proved),
                    Role::Theirs => prop_assert!(it.owner.is_some()),
                }
            }
        }

        /// Persons are what joins connect, under the oldest; the order of joins is nothing; one join taken out leaves the
        /// others, and put back gives the same.
        #[test]
        fn taking_a_join_out_and_back_changes_nothing((nodes, joins) in graph(), which in any::<prop::sample::Index>()) {
            let before = persons(&nodes, &joins);
            for (one, other) in &joins {
                prop_assert_eq!(before[one], before[other]);
            }
            for node in &nodes {
                prop_assert!(before[node] <= *node);
                prop_assert_eq!(before[&before[node]], before[node]);
            }
            if joins.is_empty() {
                return Ok(());
            }
            let mut rest = joins.clone();
            let taken = rest.remove(which.index(joins.len()));
            let without = persons(&nodes, &rest);
            let count = |of: &HashMap<ContactId, ContactId>| of.iter().filter(|(node, root)| node == root).count();
            prop_assert!(count(&without) == count(&before) || count(&without) == count(&before) + 1);
            rest.push(taken);
            prop_assert_eq!(persons(&nodes, &rest), before);
        }
    }
}
