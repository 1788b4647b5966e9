//! Transitions in any order, by several nodes and agents, and what must hold whatever the order.
//!
//! A run is a list of [`Step`]s: three numbers each, read modulo what there is at that moment, so that every list is a
//! run and a failing one can be made smaller. The run keeps its own books beside the store and compares after each step.
use super::fixture::*;
use super::*;
use crate::*;
use std::collections::HashMap;
use tributary_model::conversation::{Refused, State};
use tributary_model::decision::{Action, Grade};
use tributary_model::delivery::{self, Settlement};
use tributary_model::message::ChannelEvent;
use tributary_model::queue::Lane;

/// What to do, to what, and how.
#[derive(Clone, Copy, Debug)]
pub struct Step(pub u8, pub u8, pub u8);

const NODES: [&str; 2] = ["node-1", "node-2"];
const AGENTS: [&str; 3] = ["ann", "bo", "cy"];
const HOLD: Duration = Duration::from_secs(60);

/// The run's own books.
struct Books<'a> {
    store: &'a dyn Store,
    now: Timestamp,
    conversations: Vec<ConversationId>,
    accepted: u64,
    /// Happenings under a lease: of which node, until when.
    claimed: HashMap<HappeningId, (ClaimedHappening, &'static str, Timestamp)>,
    /// The newest happening that was decided, by conversation.
    decided: HashMap<ConversationId, HappeningId>,
    leased: Vec<OutgoingId>,
    /// Who should hold a conversation, until when.
    held: HashMap<ConversationId, (AgentName, Timestamp)>,
}

/// Runs the steps on an empty store, then checks the whole of it.
pub async fn interleave(store: &dyn Store, steps: &[Step]) -> Held {
    let mut it = Books {
        store,
        now: Timestamp(1_000),
        conversations: Vec::new(),
        accepted: 0,
        claimed: HashMap::new(),
        decided: HashMap::new(),
        leased: Vec::new(),
        held: HashMap::new(),
    };
    for (n, step) in steps.iter().enumerate() {
        let done = it.step(n, *step).await;
        done.map_err(|Unmet(what)| Unmet(format!("step {n} of {}, {step:?}: {what}", steps.len())))?;
        it.queue_is_in_order().await?;
    }
    it.whole().await
}

fn pick<T: Copy>(from: &[T], n: u8) -> Option<T> {
    (!from.is_empty()).then(|| from[usize::from(n) % from.len()])
}

impl Books<'_> {
    async fn step(&mut self, n: usize, Step(what, to, how): Step) -> Held {
        let store = self.store;
        let agent = AgentName::from(AGENTS[usize::from(how) % AGENTS.len()]);
        let node = NODES[usize::from(how) % NODES.len()];
        match what % 12 {
            0..=2 => self.accept(n, to, how).await,
            3 => self.claim(node, usize::from(to % 3) + 1).await,
            4..=5 => self.apply(to, how).await,
            6 => {
                let Some(id) = pick(&self.conversations, to) else { return Ok(()) };
                let got = store.claim(id, &agent, HOLD, self.now).await?;
                self.took(id, &agent, got)
            }
            7 => match store.claim_next(&agent, None, HOLD, self.now).await?.taken() {
                Some((it, holder)) => {
                    same("whoever is next is open", it.state, State::Open)?;
                    holds("nobody held it", self.holder(it.id).is_none())?;
                    self.took(it.id, &agent, Ok(holder))
                }
                None => self.nothing_waits_for(&agent).await,
            },
            8 => self.act(to, how, &agent).await,
            9 => {
                let Some(id) = pick(&self.conversations, to) else { return Ok(()) };
                let mut it = reply(id, agent.as_str(), "An answer", self.now);
                (it.keep, it.close) = (how & 4 > 0, how & 8 > 0);
                let free = self.holder(id).is_none_or(|holder| *holder == agent);
                same("only who may answers", store.reply(it).await?.is_ok(), free)?;
                self.read_holder(id).await
            }
            10 => {
                let most = usize::from(to % 3) + 1;
                let leased = store.lease_outgoing(lease_of(node, self.now), most).await?;
                self.leased.extend(leased.iter().map(|it| it.message.id));
                let Some(id) = pick(&self.leased, to) else { return Ok(()) };
                let settlement = match how % 3 {
                    0 => Settlement::Accepted { external_id: Some(format!("<out-{id}>")), detail: None },
                    1 => Settlement::Again { at: self.now.after(HOLD), why: "busy".into() },
                    _ => Settlement::Failed { why: "no such user".into() },
                };
                Ok(store.settle(id, settlement, self.now).await?)
            }
            _ => {
                self.now = self.now.after(Duration::from_secs(u64::from(how)));
                store.ring(self.now, usize::from(to)).await?;
                if to % 4 == 0
                    && let Some(row) = store.parked(false, page(1)).await?.items.first()
                {
                    holds("what is aside can be taken back", store.unpark(row.id, "ann", self.now).await?)?;
                }
                Ok(())
            }
        }
    }

    async fn accept(&mut self, n: usize, to: u8, how: u8) -> Held {
        // Every fourth comes again.
        let number = if how % 4 == 3 { n / 2 } else { n };
        let mut message = mail(&format!("<m{number}>"), "a@x", &format!("message {number}"));
        message.automatic = how & 16 > 0;
        if how & 32 > 0 {
            message.thread.tag = pick(&self.conversations, to).map(ConversationId::tag);
        }
        let it = arrival(MAIL, vec![ChannelEvent::Message(Box::new(message))], self.now);
        let node = NODES[usize::from(to) % NODES.len()];
        let claim = (how & 64 > 0).then(|| lease_of(node, self.now));
        let accepted = self.store.accept(it, claim).await?;
        for message in &accepted.messages {
            match message.fate {
                Fate::Opened => {
                    holds("an opened one is new", !self.conversations.contains(&message.conversation))?;
                    self.conversations.push(message.conversation);
                }
                Fate::Joined => holds("it joined a known one", self.conversations.contains(&message.conversation))?,
                Fate::Duplicate => {}
            }
            self.accepted += u64::from(message.fate != Fate::Duplicate);
        }
        self.took_happenings(accepted.claimed, node)
    }

    async fn claim(&mut self, node: &'static str, most: usize) -> Held {
        let claimed = self.store.claim_happenings(lease_of(node, self.now), most).await?;
        holds("no more than asked", claimed.len() <= most)?;
        self.took_happenings(claimed, node)
    }

    /// Nobody else decides this conversation now.
    fn took_happenings(&mut self, claimed: Vec<ClaimedHappening>, node: &'static str) -> Held {
        let now = self.now;
        self.claimed.retain(|_, (_, _, until)| *until > now);
        for it in claimed {
            let twice = self.claimed.values().find(|(other, ..)| other.conversation == it.conversation);
            same("under way in its conversation", twice.map(|(other, ..)| other.id), None)?;
            let until = now.after(Duration::from_millis(LEASE));
            self.claimed.insert(it.id, (it, node, until));
        }
        Ok(())
    }

    async fn apply(&mut self, to: u8, how: u8) -> Held {
        let mut under_way: Vec<_> = self.claimed.keys().copied().collect();
        under_way.sort_unstable();
        let Some((it, node, _)) = pick(&under_way, to).and_then(|id| self.claimed.remove(&id)) else { return Ok(()) };
        let later = self.now.after(Duration::from_secs(u64::from(how)));
        let actions = match how % 8 {
            0..=3 => vec![Action::SetGrade(Grade::ALL[usize::from(how % 4)])],
            4 => vec![Action::Snooze(later.after(HOLD)), Action::SetTimer("t".into(), later)],
            5 => vec![Action::StartClock(clock("c", u32::from(how) + 1, how % 100, how & 64 > 0))],
            6 => vec![Action::Reply(Content { text: "By a machine".into(), ..Content::default() })],
            _ => vec![Action::Close("done".into()), Action::StopClock("c".into())],
        };
        let outcomes =
            if how % 5 == 4 { vec![failure("triage", how & 1 > 0)] } else { vec![outcome("triage", actions)] };
        let mut decided = decided(&it, outcomes, self.now);
        decided.node = node.into();
        match self.store.apply(decided).await? {
            Applied::Gone => return Err(Unmet::new("its lease was good, and it is gone")),
            Applied::Done { .. } => {}
        }
        // A replayed one comes back out of its turn.
        if it.only.is_none() {
            let before = self.decided.insert(it.conversation, it.id);
            holds("a conversation is decided in order", before.is_none_or(|before| before < it.id))?;
        }
        self.read_holder(it.conversation).await
    }

    async fn act(&mut self, to: u8, how: u8, agent: &AgentName) -> Held {
        let Some(id) = pick(&self.conversations, to) else { return Ok(()) };
        let act = match how % 7 {
            0 => AgentAct::Release,
            1 => AgentAct::Transfer { to_agent: Some(AGENTS[0].into()), to_team: None, lease: HOLD },
            2 => AgentAct::Transfer { to_agent: None, to_team: Some("care".into()), lease: HOLD },
            3 => AgentAct::Note("a note".into()),
            4 => AgentAct::Snooze(self.now.after(HOLD)),
            5 => AgentAct::Close("done".into()),
            _ => AgentAct::Reopen,
        };
        let other = self.holder(id).is_some_and(|holder| holder != agent);
        let refused = self.store.act(id, agent, act.clone(), self.now, None).await?.err();
        let by_holder = matches!(refused, Some(Refused::Held(_)));
        same("another's is refused", by_holder, other && !matches!(act, AgentAct::Note(_)))?;
        self.read_holder(id).await
    }

    fn holder(&self, id: ConversationId) -> Option<&AgentName> {
        self.held.get(&id).filter(|(_, until)| *until > self.now).map(|(agent, _)| agent)
    }

    /// Compares a claim's answer with the books.
    fn took(
        &mut self,
        id: ConversationId,
        agent: &AgentName,
        got: Result<tributary_model::queue::Holder, Refused>,
    ) -> Held {
        match got {
            Ok(holder) => {
                let other = self.holder(id).filter(|other| *other != agent);
                same("somebody else holds it", other, None)?;
                same("the holder", &holder.agent, agent)?;
                self.held.insert(id, (holder.agent, holder.until));
                Ok(())
            }
            Err(Refused::Held(holder)) => same("the holder named", Some(&holder.agent), self.holder(id)),
            Err(Refused::Closed) => Ok(()),
            Err(other) => Err(Unmet::new(format!("refused: {other:?}"))),
        }
    }

    /// What a transition does to the holder is the model's rule; the books follow it.
    async fn read_holder(&mut self, id: ConversationId) -> Held {
        match detail(self.store, id).await?.conversation.holder {
            Some(holder) => self.held.insert(id, (holder.agent, holder.until)),
            None => self.held.remove(&id),
        };
        Ok(())
    }

    async fn all(&self) -> Result<Vec<ConversationDetail>, Unmet> {
        let mut all = Vec::new();
        for id in &self.conversations {
            all.push(detail(self.store, *id).await?);
        }
        Ok(all)
    }

    /// Whatever waits is kept for somebody else.
    async fn nothing_waits_for(&self, agent: &AgentName) -> Held {
        let waiting = self.store.queue(QueueFilter::default(), page(200), self.now).await?.items;
        let kept = |it: &Conversation| matches!(it.lane(), Lane::Kept(own) if own != *agent);
        holds("what waits is kept for others", waiting.iter().all(kept))
    }

    async fn queue_is_in_order(&self) -> Held {
        let filter = QueueFilter { team: None, held: true };
        let listed = self.store.queue(filter, page(200), self.now).await?.items;
        let mut conversations = self.store.conversations(ConversationFilter::default(), page(200)).await?.items;
        conversations.retain(Conversation::queued);
        conversations.sort_by_key(Conversation::key);
        let ids = |list: &[Conversation]| list.iter().map(|it| it.id).collect::<Vec<_>>();
        same("the queue is what the model sorts", ids(&listed), ids(&conversations))?;
        let free: Vec<_> = conversations.into_iter().filter(|it| it.held_by(self.now).is_none()).collect();
        let listed = self.store.queue(QueueFilter::default(), page(200), self.now).await?.items;
        same("without those held", ids(&listed), ids(&free))
    }

    /// Counts everything once more.
    async fn whole(&mut self) -> Held {
        let counts = self.store.counts(self.now).await?;
        let all = self.all().await?;
        let rows: Vec<_> = all.iter().map(|it| &it.conversation).collect();
        let count = |of: &dyn Fn(&Conversation) -> bool| rows.iter().filter(|it| of(it)).count() as u64;
        let held = |it: &Conversation| it.held_by(self.now).is_some();
        same("conversations", counts.conversations, rows.len() as u64)?;
        same("waiting", counts.waiting, count(&|it| it.queued() && !held(it)))?;
        same("held", counts.held, count(&held))?;
        let messages: Vec<_> = all.iter().flat_map(|it| &it.messages).collect();
        same("messages", counts.messages, messages.len() as u64)?;
        let inbound = messages.iter().filter(|it| it.delivery.is_none()).count() as u64;
        same("accepted messages, each once", inbound, self.accepted)?;
        let on_the_way = |state| matches!(state, delivery::State::Queued | delivery::State::Leased);
        let outgoing = messages.iter().filter(|it| it.delivery.as_ref().is_some_and(|it| on_the_way(it.state))).count();
        same("outgoing", counts.outgoing, outgoing as u64)?;
        same("parked", counts.parked, self.store.parked(false, page(200)).await?.items.len() as u64)?;
        for it in &all {
            let running = it.clocks.iter().filter(|clock| clock.stopped.is_none() && !clock.running.paused);
            same("due", it.conversation.due, running.map(|clock| clock.running.due).min())?;
        }
        let last = self.now.after(Duration::from_secs(1_000));
        same("undecided", drain(self.store, last).await?.len() as u64, counts.undecided)?;
        same("then none", self.store.counts(last).await?.undecided, 0)
    }
}
