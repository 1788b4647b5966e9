//! Messages with shared handles over channels, joins, and taking them back, in any order, and what must hold whatever the
//! order. A run is a list of [`Step`]s, see [`super::interleaving`]; the run keeps its own books beside the store.
use super::fixture::*;
use super::interleaving::Step;
use super::*;
use crate::*;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use tributary_model::identity::persons;
use tributary_model::message::{Author, Handle, HandleKind, Inbound};

const CHANNELS: [&str; 4] = ["chat", MAIL, "wechat", "shop"];
const MOST: usize = 200;

struct Books<'a> {
    store: &'a dyn Store,
    now: u64,
    /// What was told, to be told again.
    told: Vec<(&'static str, Inbound)>,
    /// Messages by channel and text, each its own.
    messages: HashSet<String>,
    conversations: BTreeSet<ConversationId>,
}

/// What is known of one node.
#[derive(Clone, Debug, PartialEq)]
struct Node {
    person: ContactId,
    handles: BTreeSet<(HandleKind, String)>,
    conversations: BTreeSet<ConversationId>,
}

/// Runs the steps on an empty store; the whole is checked after every eighth and at the end.
pub async fn meet(store: &dyn Store, steps: &[Step]) -> Held {
    let mut it =
        Books { store, now: 1_000, told: Vec::new(), messages: HashSet::new(), conversations: BTreeSet::new() };
    for (n, step) in steps.iter().enumerate() {
        let done = async {
            it.step(n, *step).await?;
            if n % 8 == 7 || n + 1 == steps.len() { it.whole().await } else { Ok(()) }
        };
        done.await.map_err(|Unmet(what)| Unmet(format!("step {n} of {}, {step:?}: {what}", steps.len())))?;
    }
    Ok(())
}

fn handle(n: u8) -> Handle {
    let (kind, scope) = match n % 5 {
        0 => (HandleKind::Visitor, "v"),
        1 => (HandleKind::Email, "a"),
        2 => (HandleKind::WechatOpenid, "app/"),
        3 => (HandleKind::MarketplaceBuyer, "shopify/"),
        _ => (HandleKind::Phone, "+"),
    };
    Handle { kind, value: format!("{scope}{}", n / 5 % 3), verified: n & 128 > 0 }
}

impl Books<'_> {
    async fn step(&mut self, n: usize, Step(what, to, how): Step) -> Held {
        let store = self.store;
        self.now += u64::from(how) * 60_000;
        let now = Timestamp(self.now);
        match what % 8 {
            0..=4 => {
                let old = (!self.told.is_empty()).then(|| self.told[usize::from(to) % self.told.len()].clone());
                let (channel, message) = match old.filter(|_| how % 5 == 4) {
                    Some(again) => again,
                    None => {
                        let mut message = mail(&format!("message {n}"), "", &format!("message {n}"));
                        message.sent_at = Timestamp(self.now.saturating_sub(u64::from(to) * 1_000));
                        message.from = vec![handle(to), handle(how), handle(to.wrapping_mul(how))];
                        message.from.truncate(usize::from(what % 3) + 1);
                        message.thread.order_id = (how % 7 == 0).then(|| format!("A-{}", to % 2));
                        message.thread.thread_key = (how % 3 == 0).then(|| format!("k{}", to % 4));
                        (CHANNELS[usize::from(how) % CHANNELS.len()], message)
                    }
                };
                self.told.push((channel, message.clone()));
                let new = self.messages.insert(format!("{channel} {}", message.content.text));
                let it = accept(store, channel, message, now).await?;
                same("new is what was not told before", it.fate != Fate::Duplicate, new)?;
                self.conversations.insert(it.conversation);
            }
            5 => {
                let before = self.nodes().await?;
                let ids: Vec<_> = before.keys().copied().collect();
                if ids.is_empty() {
                    return Ok(());
                }
                let pick = |n: u8| ids[usize::from(n) % ids.len()];
                let (one, other) = (pick(to), pick(how));
                let new = NewJoin { one, other, why: "they say so".into(), by: "agent:ann".into(), now };
                let joined = store.join_contacts(new).await?;
                let apart = before[&one].person != before[&other].person;
                same("two are joined", joined.is_ok(), apart)?;
                if let (Ok(join), true) = (joined, to % 2 == 0) {
                    let links = self.links().await?;
                    allowed("taking it back", store.undo_join(join, "agent:ann", now).await?)?;
                    same("a join taken back at once leaves what was", self.nodes().await?, before)?;
                    holds("and no link of it", self.links().await?.is_subset(&links))?;
                }
            }
            6 => {
                let joins = self.joins().await?;
                if let Some(join) = (!joins.is_empty()).then(|| &joins[usize::from(to) % joins.len()]) {
                    let undone = store.undo_join(join.id, "agent:ann", now).await?;
                    same("a join is taken back once", undone.is_ok(), join.undone.is_none())?;
                }
            }
            _ => {
                let items = store.suggestions(page(MOST)).await?.items;
                if let Some(it) = (!items.is_empty()).then(|| &items[usize::from(to) % items.len()]) {
                    match how % 2 {
                        0 => allowed("yes", store.accept_suggestion(it.id, "agent:ann", now).await?).map(drop)?,
                        _ => allowed("no", store.dismiss_suggestion(it.id, "agent:ann", now).await?)?,
                    }
                }
            }
        }
        Ok(())
    }

    /// Every node: of which person, with which handles and conversations of its own.
    async fn nodes(&self) -> Result<BTreeMap<ContactId, Node>, Unmet> {
        let mut nodes = BTreeMap::new();
        for id in (1..).map(ContactId) {
            let Some(it) = self.store.contact(id).await? else { return Ok(nodes) };
            let own = it.handles.iter().filter(|known| known.contact == id);
            let handles = own.map(|known| (known.handle.kind, known.handle.value.clone())).collect();
            let conversations = it.conversations.iter().map(|it| it.id).collect();
            nodes.insert(id, Node { person: it.contact.id, handles, conversations });
        }
        Ok(nodes)
    }

    async fn joins(&self) -> Result<Vec<Join>, Unmet> {
        let mut joins = BTreeMap::new();
        for id in self.nodes().await?.into_keys() {
            let it = found("the contact", self.store.contact(id).await?)?;
            joins.extend(it.joins.into_iter().map(|join| (join.id, join)));
        }
        Ok(joins.into_values().collect())
    }

    async fn links(&self) -> Result<BTreeSet<(ConversationId, ConversationId)>, Unmet> {
        let mut links = BTreeSet::new();
        for id in &self.conversations {
            links.extend(detail(self.store, *id).await?.links.into_iter().map(|(other, _)| (*id, other)));
        }
        Ok(links)
    }

    async fn whole(&self) -> Held {
        let nodes = self.nodes().await?;
        let joins = self.joins().await?;
        let ids: Vec<_> = nodes.keys().copied().collect();
        let edges: Vec<_> = joins.iter().filter(|it| it.undone.is_none()).map(|it| (it.one, it.other)).collect();
        let want: HashMap<_, _> = nodes.iter().map(|(id, node)| (*id, node.person)).collect();
        same("persons are what joins connect", persons(&ids, &edges), want)?;
        let mut owned = HashMap::new();
        for (id, node) in &nodes {
            for handle in &node.handles {
                same("a handle is one's alone", owned.insert(handle.clone(), *id), None)?;
                let found = self.store.find_contacts(&handle.1, Some(handle.0)).await?;
                same("and finds the person", found.iter().map(|it| it.id).collect(), vec![node.person])?;
            }
        }
        let mut messages = HashSet::new();
        for id in &self.conversations {
            let it = detail(self.store, *id).await?;
            let person = found("the conversation's contact", nodes.get(&it.contact.id))?;
            same("which is a person", person.person, it.contact.id)?;
            same("and the row's", it.conversation.contact, it.contact.id)?;
            holds("who has the conversation", person.conversations.contains(id))?;
            let times: Vec<_> = it.messages.iter().map(|message| message.sent_at.min(message.at)).collect();
            holds("messages stand in order", times.is_sorted())?;
            for message in it.messages.iter().filter(|message| message.author == Author::Customer) {
                let text = format!("{} {}", message.channel, message.content.text);
                holds("no message is there twice", messages.insert(text))?;
            }
        }
        same("no message is lost", &messages, &self.messages)
    }
}
