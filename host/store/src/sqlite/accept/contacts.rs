//! Who wrote: the person that a list of handles names, by the rules of [`identity`].
//!
//! What a channel proves joins contacts, each join with its reason; what is only claimed is noted and suggested. A forged
//! header adds nothing to anybody: otherwise the next answer would go to the forger's address too.
use super::super::codec::{self, At, time};
use super::super::contacts::{handles, join, root, suggest, was_undone};
use super::super::tx::{Line, Tx, many, one};
use crate::StoreError;
use tributary_model::identity::{self, Meeting, Reason, Role, Said, Verifies};
use tributary_model::message::{Handle, HandleKind};
use tributary_model::{ChannelName, ContactId, Timestamp};

/// How many handles of one list count, and how long one may be: a number from a guest is never trusted.
const MOST_HANDLES: usize = 32;
const LONGEST_HANDLE: usize = 2_000;

/// Who wrote.
#[derive(Clone, Copy)]
pub(super) struct Author {
    /// The node whose handle named them: what they send is kept with it.
    pub(super) node: ContactId,
    /// The person.
    pub(super) person: ContactId,
    /// Nothing was known of them before.
    pub(super) new: bool,
    /// The channel proves who they are.
    pub(super) proved: bool,
}

/// By which channel, what it may prove, and when.
pub(super) struct Told<'a> {
    pub(super) channel: &'a ChannelName,
    pub(super) verifies: &'a Verifies,
    pub(super) actor: &'a str,
    pub(super) now: Timestamp,
}

/// Whose a handle is.
struct Owner {
    node: ContactId,
    person: ContactId,
    proved_by: Option<String>,
    channel: String,
}

impl Told<'_> {
    /// The person these handles name, joined as they say, or a new one. Without any handle it is always a new one.
    pub(super) fn author(&self, tx: &mut Tx<'_>, from: &[Handle], name: Option<&str>) -> Result<Author, StoreError> {
        let mut list: Vec<&Handle> = Vec::with_capacity(from.len().min(MOST_HANDLES));
        let usable = |handle: &&Handle| (1..=LONGEST_HANDLE).contains(&handle.value.len());
        for handle in from.iter().filter(usable).take(MOST_HANDLES) {
            if !list.iter().any(|known| known.kind == handle.kind && known.value == handle.value) {
                list.push(handle);
            }
        }
        let mut owners = Vec::with_capacity(list.len());
        let mut said = Vec::with_capacity(list.len());
        for (place, handle) in list.iter().enumerate() {
            let mut owner = owner(tx, handle)?;
            let proved_by = owner.as_ref().and_then(|owner| owner.proved_by.as_deref());
            let proved = self.verifies.proves(handle, self.channel, proved_by);
            let known = |owner: &Owner| identity::leads(handle.kind, self.channel, &owner.channel);
            if place == 0 && !proved && owner.as_ref().is_some_and(|owner| !known(owner)) {
                owner = self.claimant(tx, handle)?.or(owner);
            }
            let (person, leads) = (owner.as_ref().map(|owner| owner.person), owner.as_ref().is_some_and(known));
            said.push(Said { proved, owner: person, leads });
            owners.push(owner);
        }
        let (lead, roles) = identity::read(&said);
        let with = |role: Role| -> Vec<(&Handle, bool)> {
            let of_role = roles.iter().enumerate().filter(|(_, it)| **it == role);
            of_role.map(|(place, _)| (list[place], said[place].proved)).collect()
        };
        let (node, mut person) = match lead.and_then(|place| owners[place].as_ref()) {
            Some(owner) => (owner.node, owner.person),
            None => {
                let node = self.node(tx, &with(Role::Own), name)?;
                (node, node)
            }
        };
        if lead.is_some()
            && let Some(name) = name
        {
            tx.run("UPDATE contact SET name = ? WHERE id = ? AND name IS NULL", (name, node.0))?;
        }
        let beside = with(Role::Beside);
        if let (Some(place), Some((first, _))) = (lead, beside.first()) {
            let other = self.node(tx, &beside, None)?;
            let why = format!("{} came with {}, proved by {}", shown(first), shown(list[place]), self.channel);
            self.meet(tx, (node, other), list[place], &why)?;
        }
        for (place, role) in roles.iter().enumerate() {
            let (handle, Some(owner)) = (list[place], &owners[place]) else { continue };
            if said[place].proved && owner.proved_by.is_none() {
                self.prove(tx, owner.node, handle)?;
            }
            if *role == Role::Meets {
                let by = lead.map_or(handle, |lead| list[lead]);
                let why = format!("{} and {} are one person's, proved by {}", shown(by), shown(handle), self.channel);
                self.meet(tx, (node, owner.node), handle, &why)?;
            }
        }
        for (place, role) in roles.iter().enumerate() {
            if *role == Role::Claimed {
                self.claim(tx, node, list[place], owners[place].as_ref().map(|owner| owner.node))?;
            }
        }
        if roles.iter().any(|role| matches!(role, Role::Beside | Role::Meets)) {
            person = root(tx.conn, node)?.unwrap_or(node);
        }
        let proved = lead.map_or_else(|| said.iter().any(|it| it.proved), |place| said[place].proved);
        Ok(Author { node, person, new: lead.is_none(), proved })
    }

    /// A new node with these handles.
    fn node(&self, tx: &mut Tx<'_>, own: &[(&Handle, bool)], name: Option<&str>) -> Result<ContactId, StoreError> {
        let kept: Vec<_> =
            own.iter().map(|(handle, proved)| Handle { verified: *proved, ..(*handle).clone() }).collect();
        let node = ContactId(tx.insert(
            "INSERT INTO contact (name, handles, at) VALUES (?, ?, ?)",
            (name, codec::handles(&kept), time(self.now)),
        )?);
        for handle in &kept {
            tx.run(
                "INSERT INTO handle (value, kind, contact, channel, since, proved_by) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    &handle.value,
                    handle.kind.as_str(),
                    node.0,
                    self.channel.as_str(),
                    time(self.now),
                    handle.verified.then_some(self.channel.as_str()),
                ),
            )?;
            let claimants = many(
                tx.conn,
                "SELECT contact, channel FROM claim WHERE value = ? AND kind = ? LIMIT 16",
                (&handle.value, handle.kind.as_str()),
                |row| Ok((ContactId(row.get(0)?), row.get::<_, String>(1)?)),
            )?;
            for (claimant, channel) in claimants {
                let why = claimed(&channel, handle);
                suggest(tx, (node, claimant), (Reason::Claimed, &why), handle, &channel, self.now)?;
            }
        }
        Ok(node)
    }

    /// Two nodes of which this channel proves that they are one person's.
    fn meet(
        &self,
        tx: &mut Tx<'_>,
        (node, other): (ContactId, ContactId),
        by: &Handle,
        why: &str,
    ) -> Result<(), StoreError> {
        let (Some(one), Some(two)) = (root(tx.conn, node)?, root(tx.conn, other)?) else { return Ok(()) };
        if one == two {
            return Ok(());
        }
        let undone = was_undone(tx.conn, one, two)?;
        match identity::meet(&handles(tx.conn, one)?, &handles(tx.conn, two)?, undone) {
            Meeting::Join => join(tx, (node, other), Some((by.kind, &by.value)), why, self.actor, self.now).map(drop),
            Meeting::Suggest(reason, but) => {
                let why = format!("{why}; but {but}");
                suggest(tx, (node, other), (reason, &why), by, self.channel.as_str(), self.now)
            }
        }
    }

    /// Notes that the channel proves what was only claimed.
    fn prove(&self, tx: &mut Tx<'_>, node: ContactId, handle: &Handle) -> Result<(), StoreError> {
        tx.run(
            "UPDATE handle SET proved_by = ? WHERE value = ? AND kind = ?",
            (self.channel.as_str(), &handle.value, handle.kind.as_str()),
        )?;
        let text =
            one(tx.conn, "SELECT handles FROM contact WHERE id = ?", [node.0], |row| row.get::<_, Option<String>>(0))?;
        let mut handles = At("contact", node.0).handles(text.flatten().as_deref())?;
        for known in handles.iter_mut().filter(|it| it.kind == handle.kind && it.value == handle.value) {
            known.verified = true;
        }
        tx.run("UPDATE contact SET handles = ? WHERE id = ?", (codec::handles(&handles), node.0))?;
        let detail = shown(handle);
        let line =
            Line { actor: self.actor, act: "proved", detail: Some(&detail), contact: Some(node), ..Line::default() };
        tx.event(None, self.now, line)
    }

    /// Notes what somebody claims, and suggests who it may be.
    fn claim(
        &self,
        tx: &mut Tx<'_>,
        node: ContactId,
        handle: &Handle,
        owner: Option<ContactId>,
    ) -> Result<(), StoreError> {
        let made = tx.run(
            "INSERT INTO claim (value, kind, contact, channel, at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (&handle.value, handle.kind.as_str(), node.0, self.channel.as_str(), time(self.now)),
        )?;
        let Some(owner) = owner.filter(|_| made > 0) else { return Ok(()) };
        let mut why = claimed(self.channel.as_str(), handle);
        if handle.verified {
            why.push_str(", which it says it proved and may not say");
        }
        suggest(tx, (node, owner), (Reason::Claimed, &why), handle, self.channel.as_str(), self.now)
    }

    /// Who named this handle by this channel before, where it is another's.
    fn claimant(&self, tx: &Tx<'_>, handle: &Handle) -> Result<Option<Owner>, StoreError> {
        one(
            tx.conn,
            "SELECT k.id, coalesce(k.root, k.id) FROM claim JOIN contact AS k ON k.id = claim.contact \
             WHERE claim.value = ? AND claim.kind = ? AND claim.channel = ? ORDER BY k.id LIMIT 1",
            (&handle.value, handle.kind.as_str(), self.channel.as_str()),
            |row| {
                Ok(Owner {
                    node: ContactId(row.get(0)?),
                    person: ContactId(row.get(1)?),
                    proved_by: None,
                    channel: self.channel.to_string(),
                })
            },
        )
    }
}

fn shown(handle: &Handle) -> String {
    format!("{} {}", handle.kind.as_str(), handle.value)
}

fn claimed(channel: &str, handle: &Handle) -> String {
    let what = match handle.kind {
        HandleKind::Email => "address",
        HandleKind::Phone => "number",
        _ => "name",
    };
    format!("somebody named the other's {what} {} by {channel}, without proof", shown(handle))
}

fn owner(tx: &Tx<'_>, handle: &Handle) -> Result<Option<Owner>, StoreError> {
    one(
        tx.conn,
        "SELECT h.contact, coalesce(k.root, k.id), h.proved_by, h.channel FROM handle AS h \
         JOIN contact AS k ON k.id = h.contact WHERE h.value = ? AND h.kind = ?",
        (&handle.value, handle.kind.as_str()),
        |row| {
            Ok(Owner {
                node: ContactId(row.get(0)?),
                person: ContactId(row.get(1)?),
                proved_by: row.get(2)?,
                channel: row.get(3)?,
            })
        },
    )
}

/// The person a handle belongs to.
pub(super) fn find(tx: &Tx<'_>, handle: &Handle) -> Result<Option<ContactId>, StoreError> {
    Ok(owner(tx, handle)?.map(|owner| owner.person))
}
