//! The day itself: events in the order of their moments, and between two of them everything that the desk does by itself.
use crate::channel::channel;
use crate::ledger::Ledger;
use crate::report::{ClassRow, ClockRow, Percentiles, Report, TeamRow, share};
use crate::scenario::{Scenario, Traffic};
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tributary_model::agent::{Presence, Profile, Skill};
use tributary_model::conversation::Conversation;
use tributary_model::delivery::Settlement;
use tributary_model::identity::Verifies;
use tributary_model::message::{
    Arrival, Author, ChannelEvent, Content, Handle, HandleKind, Inbound, Profile as Known, ThreadHints,
};
use tributary_model::order::{Money, Order, OrderLine, OrderState};
use tributary_model::{ChannelName, ConversationId, EventId, Place, Timestamp};
use tributary_pipeline::{BreakerLimits, Config, Feeds, Gate, Pipeline, Plugins, ReplyError, Seat};
use tributary_runtime::Policy;
use tributary_store::{
    Lease, NewArrival, NewReply, Next, Page, QueueFilter, Source, StateEdit, StateScope, Store, StoreError,
};

/// Moments are rounded up to this: what happens in one is decided together.
const GRAIN: u64 = 200;

/// How long an agent of the scenario has a conversation without renewing it.
const LEASE: Duration = Duration::from_secs(8 * 3_600);

/// How many bells, happenings or messages one transaction takes.
const BATCH: usize = 256;

/// How much longer an answer takes for each other conversation that the agent has.
const SLOWER: f64 = 0.5;

/// Of so many claims one is also tried for somebody who is away.
const AWAY_TRIED: usize = 50;

/// Broken rules that are told one by one.
const TOLD: usize = 20;

/// Why a day could not be simulated.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// An answer was not taken.
    #[error("an agent's answer was not taken")]
    Reply(#[from] ReplyError),
    /// A policy failed: the day would not be the desk's.
    #[error("{0} happenings were kept aside because a policy failed: {1}")]
    Parked(u64, String),
}

/// The desk that has the day.
pub struct Desk {
    /// The chain of policies, in order.
    pub policies: Vec<Arc<dyn Policy>>,
    /// Its store, empty but for articles.
    pub store: Arc<dyn Store>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// An agent comes, before anything else of the moment.
    Comes(usize),
    /// A customer writes.
    Writes(usize),
    /// An agent has an answer.
    Answers(usize, usize),
    /// An agent goes.
    Goes(usize),
}

struct Customer {
    class: usize,
    conversation: Option<ConversationId>,
    /// How often the customer still writes.
    rounds: u32,
    written: u32,
    /// Wants a person, whatever the bot says.
    wants_person: bool,
    chinese: bool,
    /// The agent who answered last.
    agent: Option<usize>,
}

struct Agent {
    group: usize,
    profile: Profile,
    here: bool,
    since: Timestamp,
    /// Customers whose conversations the agent holds.
    holds: HashSet<usize>,
    busy_since: Option<Timestamp>,
    busy: Duration,
    there: Duration,
    answers: u64,
    /// Since when the agent has had room: whoever waits longest is asked first.
    free_since: Timestamp,
}

struct Day<'a> {
    scenario: &'a Scenario,
    store: Arc<dyn Store>,
    pipeline: Arc<Pipeline>,
    chance: fastrand::Rng,
    agenda: BinaryHeap<Reverse<(Timestamp, u64, Event)>>,
    sequence: u64,
    customers: Vec<Customer>,
    by_conversation: HashMap<i64, usize>,
    agents: Vec<Agent>,
    ledger: Ledger,
    seen: EventId,
    messages: u64,
    /// How many waited when it was made, and how long it took.
    claims: Vec<(u64, Duration)>,
    longest: (u64, Timestamp),
    /// Agents for whom something may be kept.
    called: HashSet<usize>,
    broken: BTreeSet<String>,
}

/// Has a day. `progress` is told the share of it that is over.
///
/// # Errors
/// The store fails, a policy fails, or a review of the desk stops an answer of the scenario.
pub async fn run(scenario: &Scenario, desk: Desk, mut progress: impl FnMut(f64)) -> Result<Report, SimulateError> {
    let began = Instant::now();
    let names: BTreeSet<&str> = scenario.traffic.iter().map(|it| it.channel.as_str()).collect();
    let channels = names.into_iter().map(|name| channel(&ChannelName::from(name))).collect();
    let seats = desk.policies.into_iter().map(|policy| {
        let place = Place::Policy(policy.info().name.clone());
        Seat { gate: Gate::new(place.clone(), BreakerLimits::default()), place, base: policy, trial: None }
    });
    let plugins = Plugins::new(channels, seats.collect());
    let pipeline = Pipeline::new(desk.store.clone(), plugins, Arc::<Feeds>::default(), Config::default());
    let mut day = Day {
        scenario,
        store: desk.store,
        pipeline,
        chance: fastrand::Rng::with_seed(scenario.seed),
        agenda: BinaryHeap::new(),
        sequence: 0,
        customers: Vec::new(),
        by_conversation: HashMap::new(),
        agents: Vec::new(),
        ledger: Ledger::default(),
        seen: EventId(0),
        messages: 0,
        claims: Vec::new(),
        longest: (0, scenario.moment(0.0)),
        called: HashSet::new(),
        broken: BTreeSet::new(),
    };
    day.people().await?;
    let end = scenario.end().after(Duration::from_secs(u64::from(scenario.after_hours) * 3_600));
    let (from, span) = (scenario.moment(0.0), end.since(scenario.moment(0.0)).as_secs_f64());
    let mut bell = None;
    let mut told = 0;
    loop {
        let next = day.agenda.peek().map(|Reverse((at, ..))| *at).into_iter().chain(bell).min();
        let Some(at) = next.filter(|at| *at <= end) else { break };
        while let Some(event) = day.due(at) {
            day.happens(event, at).await?;
        }
        let (settled, served) = (day.settle(at).await?, day.serve(at).await?);
        let later = at.after(Duration::from_millis(GRAIN));
        bell = served.unwrap_or(settled).map(|next| round(next).max(later));
        let done = (at.since(from).as_secs_f64() / span * 100.0) as u32;
        if done > told {
            told = done;
            progress(f64::from(done) / 100.0);
        }
    }
    let counts = day.store.counts(end).await?;
    if counts.parked > 0 {
        let page = Page { after: None, limit: 1 };
        let why = day.store.parked(false, page).await?.items.into_iter().next().map(|it| it.why).unwrap_or_default();
        return Err(SimulateError::Parked(counts.parked, why));
    }
    Ok(day.report(end, began.elapsed()))
}

/// The next moment of the grain.
fn round(at: Timestamp) -> Timestamp {
    Timestamp(at.0.div_ceil(GRAIN) * GRAIN)
}

impl Day<'_> {
    fn put(&mut self, at: Timestamp, event: Event) {
        self.sequence += 1;
        self.agenda.push(Reverse((round(at), self.sequence, event)));
    }

    /// The first event, where it is due by then.
    fn due(&mut self, at: Timestamp) -> Option<Event> {
        self.agenda.peek().filter(|Reverse((first, ..))| *first <= at)?;
        self.agenda.pop().map(|Reverse((_, _, event))| event)
    }

    /// A duration around a mean: half of it at least, the rest as chance has it.
    fn around(&mut self, mean: f64) -> Duration {
        let tail = -(1.0 - self.chance.f64()).max(1e-9).ln();
        Duration::from_secs_f64(mean * (0.5 + 0.5 * tail))
    }

    /// Everybody who comes in the day, on either side.
    async fn people(&mut self) -> Result<(), SimulateError> {
        let scenario = self.scenario;
        for (class, traffic) in scenario.traffic.iter().enumerate() {
            for at in scenario.arrivals(traffic, &mut self.chance) {
                let more = (traffic.rounds - 1.0).max(0.0);
                // A geometric number: each round has the same chance to be followed by another.
                let mut rounds = 1;
                while rounds < 50 && self.chance.f64() < more / (1.0 + more) {
                    rounds += 1;
                }
                let wants_person = self.chance.f64() * 100.0 < traffic.wants_person;
                let customer = Customer {
                    class,
                    conversation: None,
                    rounds,
                    written: 0,
                    wants_person,
                    chinese: false,
                    agent: None,
                };
                self.customers.push(customer);
                self.put(at, Event::Writes(self.customers.len() - 1));
            }
        }
        let begin = scenario.moment(0.0);
        for (group, agents) in scenario.agents.iter().enumerate() {
            for number in 1..=agents.count {
                let profile = Profile {
                    name: format!("{}-{number}", agents.name).into(),
                    teams: agents.teams.clone(),
                    skills: agents.skills.iter().filter_map(|text| Skill::parse(text)).collect(),
                    senior: agents.senior,
                    capacity: agents.capacity,
                    presence: Presence::Away,
                    since: begin,
                };
                self.store.set_agent(profile.clone()).await?;
                let agent = self.agents.len();
                for (from, to) in agents.shifts(scenario) {
                    if to > begin {
                        self.put(from.max(begin), Event::Comes(agent));
                        self.put(to, Event::Goes(agent));
                    }
                }
                self.agents.push(Agent {
                    group,
                    profile,
                    here: false,
                    since: begin,
                    holds: HashSet::new(),
                    busy_since: None,
                    busy: Duration::ZERO,
                    there: Duration::ZERO,
                    answers: 0,
                    free_since: begin,
                });
            }
        }
        Ok(())
    }

    async fn happens(&mut self, event: Event, at: Timestamp) -> Result<(), SimulateError> {
        match event {
            Event::Comes(agent) => self.presence(agent, Presence::Available, at).await,
            Event::Goes(agent) => self.presence(agent, Presence::Away, at).await,
            Event::Writes(customer) => self.writes(customer, at).await,
            Event::Answers(agent, customer) => self.answers(agent, customer, at).await,
        }
    }

    async fn presence(&mut self, agent: usize, presence: Presence, at: Timestamp) -> Result<(), SimulateError> {
        let it = &mut self.agents[agent];
        let here = presence == Presence::Available;
        if it.here == here {
            return Ok(());
        }
        if it.here {
            it.there += at.since(it.since);
        }
        (it.here, it.since, it.free_since) = (here, at, at);
        let name = it.profile.name.clone();
        self.store.set_presence(&name, presence, at).await?;
        Ok(())
    }

    /// A customer writes: once more, or first.
    async fn writes(&mut self, customer: usize, at: Timestamp) -> Result<(), SimulateError> {
        let scenario = self.scenario;
        let (class, written, conversation) = {
            let it = &self.customers[customer];
            (it.class, it.written, it.conversation)
        };
        let traffic = &scenario.traffic[class];
        let texts = if written == 0 { &traffic.texts } else { &traffic.more };
        let asks_for_person = written > 0 && self.customers[customer].wants_person;
        let text = match (asks_for_person, self.customers[customer].chinese) {
            (true, true) => "转人工客服".to_owned(),
            (true, false) => "I want to talk to a person, please.".to_owned(),
            (false, _) if texts.is_empty() => return Ok(()),
            (false, _) => texts[self.chance.usize(0..texts.len())].clone(),
        };
        let it = &mut self.customers[customer];
        it.chinese |= text.chars().any(|sign| ('\u{4e00}'..='\u{9fff}').contains(&sign));
        self.called.extend(it.agent);
        it.written += 1;
        it.rounds = it.rounds.saturating_sub(1);
        self.messages += 1;
        let handle = Handle { kind: HandleKind::Visitor, value: format!("simulated/{customer}"), verified: true };
        let mut events = Vec::new();
        if written == 0 {
            events.extend(known(traffic, &handle));
            events.extend(ordered(traffic, &handle, customer, at));
        }
        events.push(ChannelEvent::Message(Box::new(Inbound {
            external_id: Some(format!("{customer}-{written}")),
            sent_at: at,
            author: Author::Customer,
            from: vec![handle],
            display_name: None,
            subject: None,
            content: Content { text, ..Content::default() },
            thread: ThreadHints { thread_key: Some(customer.to_string()), ..ThreadHints::default() },
            automatic: false,
            attributes: traffic.attributes(),
        })));
        let channel = ChannelName::from(traffic.channel.as_str());
        let accepted = self
            .store
            .accept(
                NewArrival {
                    scope: StateScope { plugin: "simulated".into(), channel: channel.clone() },
                    channel,
                    source: Source::Arrival(Arrival::Document {
                        name: String::new(),
                        media_type: "text/plain".into(),
                        data: [].into(),
                    }),
                    events,
                    at,
                    state: StateEdit::default(),
                    feed: Vec::new(),
                    replays: None,
                    verifies: Verifies::all(),
                },
                None,
            )
            .await?;
        if let Some(message) = accepted.messages.first() {
            // What was settled may have been closed meanwhile: then it is a matter of its own.
            if conversation != Some(message.conversation) {
                self.customers[customer].conversation = Some(message.conversation);
                self.by_conversation.insert(message.conversation.0, customer);
            }
        }
        Ok(())
    }

    async fn answers(&mut self, agent: usize, customer: usize, at: Timestamp) -> Result<(), SimulateError> {
        let it = &mut self.agents[agent];
        it.holds.remove(&customer);
        it.answers += 1;
        it.free_since = at;
        if it.holds.is_empty()
            && let Some(since) = it.busy_since.take()
        {
            it.busy += at.since(since);
        }
        let name = it.profile.name.clone();
        let Some(conversation) = self.customers[customer].conversation else { return Ok(()) };
        self.customers[customer].wants_person = false;
        self.customers[customer].agent = Some(agent);
        let more = self.customers[customer].rounds > 0;
        let traffic = &self.scenario.traffic[self.customers[customer].class];
        let reply = NewReply {
            conversation,
            agent: name,
            content: Content { text: traffic.answer.clone(), ..Content::default() },
            keep: false,
            close: !more,
            now: at,
            warnings: Vec::new(),
            request: None,
        };
        self.pipeline.reply(reply).await?;
        if more {
            let later = self.around(traffic.writes_again_after);
            self.put(at.after(later), Event::Writes(customer));
        }
        Ok(())
    }

    /// Everything that the desk does by itself at a moment. When its next bell is due.
    async fn settle(&mut self, at: Timestamp) -> Result<Option<Timestamp>, SimulateError> {
        loop {
            let rung = self.store.ring(at, BATCH).await?;
            let decided = self.pipeline.decide_waiting(at).await?;
            self.deliver(at).await?;
            self.read(at).await?;
            if decided == 0 && rung.rang == 0 {
                return Ok(rung.next);
            }
        }
    }

    /// What waits to leave has arrived.
    async fn deliver(&self, at: Timestamp) -> Result<(), SimulateError> {
        loop {
            let lease = Lease { node: "simulated".into(), until: at.after(LEASE), now: at };
            let leased = self.store.lease_outgoing(lease, BATCH).await?;
            if leased.is_empty() {
                return Ok(());
            }
            for it in leased {
                let settled = Settlement::Accepted { external_id: None, detail: None };
                self.store.settle(it.message.id, settled, at).await?;
            }
        }
    }

    /// What the log says since the last look; customers whom the bot answered go on.
    async fn read(&mut self, at: Timestamp) -> Result<(), SimulateError> {
        loop {
            let events = self.store.events(self.seen, 1_000).await?;
            let Some(last) = events.last() else { return Ok(()) };
            self.seen = last.id;
            for event in &events {
                let answered = self.ledger.note(event).and_then(|id| self.by_conversation.get(&id.0).copied());
                if let Some(customer) = answered {
                    self.answered_by_bot(customer, at);
                }
            }
        }
    }

    fn answered_by_bot(&mut self, customer: usize, at: Timestamp) {
        let held = self.agents.iter().any(|agent| agent.holds.contains(&customer));
        let it = &self.customers[customer];
        if held || !(it.wants_person || it.rounds > 0) {
            return;
        }
        let mean = self.scenario.traffic[it.class].writes_again_after;
        let later = self.around(mean);
        self.put(at.after(later), Event::Writes(customer));
    }

    /// Whoever has room gets what is next, who waits longest first. Those who are alike are not asked for again where one of
    /// them got nothing, but for what may be kept for one of them alone. When the next bell is due, where anything waited.
    async fn serve(&mut self, at: Timestamp) -> Result<Option<Option<Timestamp>>, SimulateError> {
        let waiting = self.store.counts(at).await?.waiting;
        if waiting > self.longest.0 {
            self.longest = (waiting, at);
        }
        if waiting == 0 {
            return Ok(None);
        }
        let mut order: Vec<usize> = (0..self.agents.len()).filter(|agent| self.agents[*agent].here).collect();
        order.sort_by_key(|agent| (self.agents[*agent].free_since, *agent));
        let mut nothing_for = HashSet::new();
        for agent in order {
            loop {
                let it = &self.agents[agent];
                let (group, full) = (it.group, it.holds.len() >= it.profile.capacity as usize);
                if full || nothing_for.contains(&group) && !self.called.remove(&agent) {
                    break;
                }
                if !self.claims(agent, waiting, at).await? {
                    nothing_for.insert(group);
                    break;
                }
            }
        }
        self.settle(at).await.map(Some)
    }

    /// Whether an agent got something.
    async fn claims(&mut self, agent: usize, waiting: u64, at: Timestamp) -> Result<bool, SimulateError> {
        if self.claims.len().is_multiple_of(AWAY_TRIED) {
            self.nobody_away_gets_any(at).await?;
        }
        let first = self.store.queue(QueueFilter::default(), Page { after: None, limit: 1 }, at).await?;
        let first = first.items.into_iter().next();
        let name = self.agents[agent].profile.name.clone();
        let began = Instant::now();
        let next = self.store.claim_next(&name, None, LEASE, at).await?;
        self.claims.push((waiting, began.elapsed()));
        let Next::Taken(it, _) = next else { return Ok(false) };
        self.check(agent, &it, first.as_ref(), at);
        let Some(customer) = self.by_conversation.get(&it.id.0).copied() else { return Ok(true) };
        let one = &mut self.agents[agent];
        let slower = 1.0 + SLOWER * one.holds.len() as f64;
        one.holds.insert(customer);
        one.busy_since.get_or_insert(at);
        let handling = self.around(self.scenario.traffic[self.customers[customer].class].handling * slower);
        self.put(at.after(handling), Event::Answers(agent, customer));
        Ok(true)
    }

    /// What must hold of every claim, by the day's own books.
    fn check(&mut self, agent: usize, it: &Conversation, first: Option<&Conversation>, at: Timestamp) {
        let mut broken = Vec::new();
        let one = &self.agents[agent];
        let name = &one.profile.name;
        if let Some(customer) = self.by_conversation.get(&it.id.0)
            && let Some(other) = self.agents.iter().find(|other| other.holds.contains(customer))
        {
            broken.push(format!("{} was given to {name} while {} held it", it.id.tag(), other.profile.name));
        }
        let load = u32::try_from(one.holds.len()).unwrap_or(u32::MAX);
        if load >= one.profile.capacity {
            broken.push(format!("{} was given to {name}, who was full", it.id.tag()));
        }
        if !one.here {
            broken.push(format!("{} was given to {name}, who was away", it.id.tag()));
        }
        let profile = Profile { presence: Presence::Available, ..one.profile.clone() };
        if let Some(first) = first
            && first.key().rank < it.key().rank
            && profile.unfit(load, first, &tributary_model::queue::Rules::default(), at).is_none()
        {
            broken.push(format!("{} was given to {name} before the emergency {}", it.id.tag(), first.id.tag()));
        }
        self.broken.extend(broken);
    }

    async fn nobody_away_gets_any(&mut self, at: Timestamp) -> Result<(), SimulateError> {
        let Some(away) = self.agents.iter().find(|agent| !agent.here) else { return Ok(()) };
        let name = away.profile.name.clone();
        if let Next::Taken(it, _) = self.store.claim_next(&name, None, LEASE, at).await? {
            self.broken.insert(format!("{} was given to {name}, who was away", it.id.tag()));
        }
        Ok(())
    }

    fn report(mut self, end: Timestamp, took: Duration) -> Report {
        for agent in &mut self.agents {
            if agent.here {
                agent.there += end.since(agent.since);
            }
            if let Some(since) = agent.busy_since.take() {
                agent.busy += end.since(since);
            }
        }
        let of_class = |class: Option<usize>| {
            let name = class.map_or("all", |class| self.scenario.traffic[class].name.as_str());
            let ids = self.by_conversation.iter();
            let ids = ids.filter(|(_, customer)| class.is_none_or(|it| self.customers[**customer].class == it));
            self.class(name, &ids.map(|(id, _)| *id).collect::<Vec<_>>())
        };
        let clocks = self.ledger.clocks.iter().map(|(name, it)| ClockRow {
            name: name.clone(),
            started: it.started,
            warned: it.warned,
            breached: it.breached,
            kept: 100.0 - share(it.breached, it.started),
        });
        let teams = self.scenario.agents.iter().enumerate().map(|(group, it)| {
            let them = || self.agents.iter().filter(move |agent| agent.group == group);
            let hours: f64 = them().map(|agent| agent.there.as_secs_f64()).sum::<f64>() / 3_600.0;
            let busy: f64 = them().map(|agent| agent.busy.as_secs_f64()).sum::<f64>() / 3_600.0;
            TeamRow {
                name: it.name.clone(),
                agents: it.count,
                hours,
                answers: them().map(|agent| agent.answers).sum(),
                busy: if hours > 0.0 { busy / hours * 100.0 } else { 0.0 },
            }
        });
        let mut refused: Vec<_> = self.ledger.refused.iter().map(|(why, times)| (why.clone(), *times)).collect();
        refused.sort_by_key(|(_, times)| Reverse(*times));
        let hour = self.longest.1.since(self.scenario.moment(0.0)).as_secs_f64() / 3_600.0;
        let most = self.claims.iter().map(|(waiting, _)| *waiting).max().unwrap_or_default();
        let claims = |beside: u64| {
            let took = self.claims.iter().filter(|(waiting, _)| *waiting >= beside).map(|(_, took)| *took);
            Percentiles::seconds(took.collect()).times(1_000.0)
        };
        Report {
            about: self.scenario.about.clone(),
            days: self.scenario.days,
            conversations: self.by_conversation.len() as u64,
            messages: self.messages,
            answers: self.agents.iter().map(|agent| agent.answers).sum(),
            all: of_class(None),
            classes: (0..self.scenario.traffic.len()).map(|class| of_class(Some(class))).collect(),
            clocks: clocks.collect(),
            teams: teams.collect(),
            longest_queue: (self.longest.0, hour),
            left_open: self.ledger.entries.values().filter(|entry| entry.closed.is_none()).count() as u64,
            refused,
            claims: self.claims.len() as u64,
            claim_ms: claims(0),
            waiting_at_claim: most,
            full_claim_ms: claims(most * 9 / 10),
            broken: self.broken.iter().take(TOLD).cloned().collect(),
            took: took.as_secs_f64(),
        }
    }

    fn class(&self, name: &str, ids: &[i64]) -> ClassRow {
        let entries: Vec<_> = ids.iter().filter_map(|id| self.ledger.entries.get(id)).collect();
        let whole = entries.len() as u64;
        let count = |so: &dyn Fn(&crate::ledger::Entry) -> bool| {
            share(entries.iter().filter(|entry| so(entry)).count() as u64, whole)
        };
        let soon = Duration::from_secs(30);
        let connected = |it: &crate::ledger::Entry| {
            let at = it.claimed.into_iter().chain(it.bot).min();
            at.is_some_and(|at| at.since(it.opened) <= soon)
        };
        let waits = entries.iter().filter_map(|it| Some(it.answered?.since(it.opened))).collect();
        ClassRow {
            name: name.to_owned(),
            conversations: whole,
            connected_in_30_s: count(&connected),
            settled_by_bot: count(&|it| it.bot.is_some() && it.claimed.is_none() && it.closed.is_some()),
            first_answer: Percentiles::seconds(waits),
            closed: count(&|it| it.closed.is_some()),
            escalated: count(&|it| it.escalated),
            reopened: count(&|it| it.reopened),
        }
    }
}

/// What the channel knows of a customer.
fn known(traffic: &Traffic, handle: &Handle) -> Option<ChannelEvent> {
    (!traffic.tags.is_empty()).then(|| {
        ChannelEvent::Profile(Known {
            handles: vec![handle.clone()],
            display_name: None,
            tags: traffic.tags.clone(),
            attributes: Vec::new(),
        })
    })
}

/// The order that a customer of this kind has.
fn ordered(traffic: &Traffic, handle: &Handle, customer: usize, at: Timestamp) -> Option<ChannelEvent> {
    let state = traffic.order.as_deref().and_then(OrderState::parse)?;
    let price = || Money { currency: "CNY".into(), minor: 19_900 };
    let line = OrderLine { sku: "KT-204".into(), title: "KT-204".into(), quantity: 1, price: price() };
    Some(ChannelEvent::Order(Box::new(Order {
        id: format!("9{customer:08}"),
        state,
        at: Timestamp(at.0.saturating_sub(3 * 24 * 3_600_000)),
        buyer: vec![handle.clone()],
        total: price(),
        first_order: false,
        lines: vec![line],
        parcel: Some(format!("SF{customer:010}")),
        promised_by: Some(at.after(Duration::from_secs(24 * 3_600))),
        attributes: Vec::new(),
    })))
}
