//! The picture of an order that a marketplace tells in pieces, each perhaps twice, late or after its successor.
//!
//! A [`Picture`] takes [`Piece`]s in any order and comes out the same: it keeps the newest whole telling (by the
//! marketplace's own version of it), for each state the last moment at which it was reached, and for each return, dispute
//! or after-sale case its newest status. Where the order stands is then the newest of these facts. What a piece adds is
//! told on only where the picture as others see it has changed, so a repeated or overtaken piece tells nothing.
//!
//! The picture is kept in `state` under `order/ID`; what is written in a call that receives is on disk together with the
//! events of that call, or not at all.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tributary_sdk::host::state::{self, StateError};
use tributary_sdk::types::{Attribute, Handle, HandleKind, Money, Order, OrderLine, OrderState, Timestamp};

use crate::field::cut;

/// Bytes of a kept picture at most; the host keeps 64 KiB.
const LARGEST: usize = 60 * 1024;
/// Lines of an order that are kept at most.
const LINES: usize = 200;
/// Bytes of a text of an order that are kept at most.
const TEXT: usize = 1_000;
/// Entries of each list of a picture at most, so that nothing told can fill the picture.
const ENTRIES: usize = 64;
/// ISO 4217's code for "no currency": the sum is not known yet.
const NO_CURRENCY: &str = "XXX";

/// The order as a whole, as it was at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The marketplace's own time of this telling, in milliseconds: the larger is the newer.
    pub version: u64,
    /// When it was told, in milliseconds; decides between tellings of the same version.
    pub told: u64,
    /// Who ordered: kind, value, proven.
    pub buyer: Vec<(Kind, String, bool)>,
    /// The name that the buyer shows.
    pub buyer_name: Option<String>,
    /// What the buyer pays: currency and amount in the minor unit.
    pub total: (String, i64),
    /// The buyer's first order with this shop.
    pub first_order: bool,
    /// Article, title, pieces, and the price of one in the total's currency.
    pub lines: Vec<(String, String, u32, i64)>,
    /// The carrier's number.
    pub parcel: Option<String>,
    /// When delivery was promised for, in milliseconds.
    pub promised_by: Option<u64>,
    /// Where it is to be delivered, as a text that differs where the address does.
    pub address: String,
    /// What else is known.
    pub attributes: Vec<(String, String)>,
}

/// What kind of name a buyer is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An address of mail.
    Email,
    /// A number of a phone.
    Phone,
    /// The marketplace's id of the buyer.
    Buyer,
}

/// A return, a dispute or another case that opens and closes beside the order's own way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matter {
    /// Its id, with what it is before it: `return/123`.
    pub id: String,
    /// When this status was reached, in milliseconds.
    pub at: u64,
    /// Whether the buyer waits for money back as long as it is in this status.
    pub open: bool,
}

/// What one arrival told of an order.
#[derive(Debug, Clone, Default)]
pub struct Piece {
    /// The whole order.
    pub snapshot: Option<Snapshot>,
    /// States that were reached, and when, in milliseconds.
    pub facts: Vec<(OrderState, Timestamp)>,
    /// Cases beside the order.
    pub matters: Vec<Matter>,
    /// Attributes with the time from which they hold; an empty value is no attribute.
    pub notes: Vec<(&'static str, String)>,
    /// The carrier's number.
    pub parcel: Option<String>,
    /// When delivery is promised for.
    pub promised_by: Option<Timestamp>,
    /// When this was so, in milliseconds: of two pieces the later one's parcel, promise and notes hold.
    pub at: Timestamp,
}

/// Everything that is known of one order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    id: String,
    snapshot: Option<Snapshot>,
    facts: BTreeMap<String, u64>,
    matters: BTreeMap<String, (u64, bool, u64)>,
    addresses: Vec<(u64, String)>,
    notes: BTreeMap<String, (u64, String)>,
    parcel: Option<(u64, String)>,
    promised_by: Option<(u64, u64)>,
    /// The digest of the order as it was told last.
    told: String,
}

impl Picture {
    /// What is kept of an order; a picture without anything where nothing is.
    ///
    /// # Errors
    /// The host's, where the store does not answer.
    pub fn load(id: &str) -> Result<Self, StateError> {
        let kept = state::get(&format!("order/{id}"))?;
        let known = kept.and_then(|kept| serde_json::from_slice(&kept).ok());
        Ok(known.unwrap_or_else(|| Self { id: id.to_owned(), ..Self::default() }))
    }

    /// Keep it for so many days.
    ///
    /// # Errors
    /// The host's, where the store does not answer.
    pub fn save(&self, days: u32) -> Result<(), StateError> {
        let mut kept = self.clone();
        let bytes = loop {
            let bytes = serde_json::to_vec(&kept).unwrap_or_default();
            // Lines are what makes an order large: the last ones are told on, and not kept.
            let lines = kept.snapshot.as_mut().filter(|_| bytes.len() > LARGEST).map(|snapshot| &mut snapshot.lines);
            match lines {
                Some(lines) if !lines.is_empty() => lines.truncate(lines.len() / 2),
                _ => break bytes,
            }
        };
        state::set(&format!("order/{}", self.id), &bytes, Some(days.saturating_mul(86_400)))
    }

    /// Whether the whole order is known, and not only parts of it.
    pub fn is_whole(&self) -> bool {
        self.snapshot.is_some()
    }

    /// Who ordered, best first; empty where that is not known.
    pub fn buyer(&self) -> Vec<Handle> {
        let buyer = self.snapshot.iter().flat_map(|snapshot| &snapshot.buyer);
        let kind = |kind: &Kind| match kind {
            Kind::Email => HandleKind::Email,
            Kind::Phone => HandleKind::Phone,
            Kind::Buyer => HandleKind::MarketplaceBuyer,
        };
        buyer
            .map(|(of, value, verified)| Handle { kind: kind(of), value: value.clone(), verified: *verified })
            .collect()
    }

    /// The name that the buyer shows.
    pub fn buyer_name(&self) -> Option<String> {
        self.snapshot.as_ref().and_then(|snapshot| snapshot.buyer_name.clone())
    }

    /// Take a piece in. The same pieces give the same picture in whatever order they come.
    pub fn add(&mut self, piece: Piece) {
        for (state, at) in piece.facts {
            let reached = self.facts.entry(state.word().to_owned()).or_insert(at);
            *reached = at.max(*reached);
        }
        for matter in piece.matters {
            if self.matters.len() >= ENTRIES && !self.matters.contains_key(&matter.id) {
                continue;
            }
            let known = self.matters.entry(cut(&matter.id, TEXT)).or_insert((0, false, u64::MAX));
            if (matter.at, !matter.open) >= (known.0, !known.1) {
                (known.0, known.1) = (matter.at, matter.open);
            }
            if matter.open {
                known.2 = known.2.min(matter.at);
            }
        }
        for (name, value) in piece.notes {
            newest(self.notes.entry(name.to_owned()).or_default(), (piece.at, cut(&value, TEXT)));
        }
        if let Some(parcel) = piece.parcel {
            newest(self.parcel.get_or_insert_default(), (piece.at, cut(&parcel, TEXT)));
        }
        if let Some(promised_by) = piece.promised_by {
            newest(self.promised_by.get_or_insert_default(), (piece.at, promised_by));
        }
        if let Some(mut snapshot) = piece.snapshot {
            snapshot.trim();
            self.remember_address(&snapshot);
            let rank = |known: &Snapshot| (known.version, known.told, serde_json::to_string(known).unwrap_or_default());
            if self.snapshot.as_ref().is_none_or(|known| rank(known) < rank(&snapshot)) {
                self.snapshot = Some(snapshot);
            }
        }
    }

    /// Addresses with the versions that told them, oldest first. Where there are too many, one that both its neighbours
    /// agree with says nothing.
    fn remember_address(&mut self, snapshot: &Snapshot) {
        if snapshot.address.is_empty() {
            return;
        }
        let digest = Sha256::digest(snapshot.address.as_bytes());
        let digest = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        self.addresses.push((snapshot.version, digest));
        self.addresses.sort();
        self.addresses.dedup();
        if self.addresses.len() > ENTRIES {
            let quiet =
                self.addresses.windows(3).position(|three| three[0].1 == three[1].1 && three[1].1 == three[2].1);
            self.addresses.remove(quiet.map_or(0, |place| place + 1));
        }
    }

    /// Where the order stands, and since when.
    fn stand(&self) -> (OrderState, Timestamp) {
        let facts = OrderState::ALL.into_iter().filter_map(|state| Some((state, *self.facts.get(state.word())?)));
        let changes = self.addresses.windows(2).filter(|two| two[0].1 != two[1].1);
        let moved = changes.map(|two| (OrderState::AddressChanged, two[1].0));
        let waiting = self.matters.values().filter(|(_, open, _)| *open);
        let asked = waiting.map(|(at, _, since)| (OrderState::RefundRequested, (*since).min(*at)));
        // Of two states that were reached in the same moment the later one holds.
        let rank = |state: OrderState| OrderState::ALL.iter().position(|known| *known == state);
        let newest = facts.chain(moved).chain(asked).max_by_key(|(state, at)| (*at, rank(*state)));
        // Where a case was closed and nothing else happened, the order stands where it stood, from that moment on.
        let closed = self.matters.values().filter(|(_, open, since)| !open && *since != u64::MAX).map(|(at, _, _)| *at);
        let (state, at) = newest.unwrap_or((OrderState::Placed, 0));
        (state, closed.chain([at]).max().unwrap_or(at))
    }

    /// The order as the contract has it. Where only parts are known: no buyer, no lines, a total of `XXX 0`, and the
    /// attribute `partial`.
    pub fn order(&self) -> Order {
        let (state, at) = self.stand();
        let unknown = Snapshot { total: (NO_CURRENCY.into(), 0), ..Snapshot::default() };
        let snapshot = self.snapshot.as_ref().unwrap_or(&unknown);
        let money = |minor: i64| Money { currency: snapshot.total.0.clone(), minor };
        let line = |(sku, title, quantity, price): &(String, String, u32, i64)| OrderLine {
            sku: sku.clone(),
            title: title.clone(),
            quantity: *quantity,
            price: money(*price),
        };
        let notes = self.notes.iter().filter(|(_, (_, value))| !value.is_empty());
        let stated = snapshot.attributes.iter().filter(|(name, _)| !self.notes.contains_key(name));
        let mut attributes: Vec<Attribute> = stated.map(|(name, value)| Attribute::new(name, value)).collect();
        attributes.extend(notes.map(|(name, (_, value))| Attribute::new(name, value)));
        if self.snapshot.is_none() {
            attributes.push(Attribute::new("partial", "true"));
        }
        let parcel = self.parcel.as_ref().map(|(_, parcel)| parcel.clone());
        Order {
            id: self.id.clone(),
            state,
            at,
            buyer: self.buyer(),
            total: money(snapshot.total.1),
            first_order: snapshot.first_order,
            lines: snapshot.lines.iter().map(line).collect(),
            parcel: parcel.or_else(|| snapshot.parcel.clone()),
            promised_by: self.promised_by.map(|(_, promised)| promised).or(snapshot.promised_by),
            attributes,
        }
    }

    /// The order, where it differs from what was told last; it counts as told from now on. None as long as nothing says
    /// where it stands.
    pub fn news(&mut self) -> Option<Order> {
        let stands = !self.facts.is_empty() || self.matters.values().any(|(_, open, _)| *open);
        if self.snapshot.is_none() && !stands {
            return None;
        }
        let order = self.order();
        // The generated types have no other form that says everything.
        let digest: String =
            Sha256::digest(format!("{order:?}").as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        (self.told != digest).then(|| {
            self.told = digest;
            order
        })
    }
}

impl Snapshot {
    /// Cut to what is kept.
    fn trim(&mut self) {
        let left_out = self.lines.len().saturating_sub(LINES);
        if left_out > 0 {
            self.lines.truncate(LINES);
            self.attributes.push(("lines-left-out".into(), left_out.to_string()));
        }
        for (sku, title, _, _) in &mut self.lines {
            (*sku, *title) = (cut(sku, TEXT), cut(title, TEXT));
        }
        self.attributes.truncate(ENTRIES);
        for (_, value) in &mut self.attributes {
            *value = cut(value, TEXT);
        }
        self.attributes.retain(|(_, value)| !value.is_empty());
        self.buyer.truncate(8);
    }
}

/// Of two values with their times the later one, and of the same time the larger one.
fn newest<T: Ord>(known: &mut (u64, T), told: (u64, T)) {
    if *known < told {
        *known = told;
    }
}
