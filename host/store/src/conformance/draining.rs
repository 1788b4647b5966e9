//! What waits for a plugin, and the order in which it comes back.
use super::fixture::*;
use super::*;
use crate::*;
use tributary_model::decision::Action;
use tributary_model::message::ChannelEvent;

cases![
    who_failed_is_named_down_to_the_generation,
    what_may_be_tried_waits_oldest_first,
    each_place_counts_what_waits_for_it,
    a_newer_happening_waits_behind_those_that_come_back,
    two_policies_of_one_happening_come_back_in_its_place,
    one_that_is_being_decided_comes_back_when_that_ends,
    one_whose_lease_ends_comes_back_for_all_that_asked,
    what_came_back_goes_aside_again_with_what_is_before_it,
    a_policy_that_was_asked_too_early_is_asked_again,
    many_are_taken_back_once,
    arrivals_are_taken_back_by_being_accepted,
    a_drained_arrival_came_when_it_came,
    a_drained_arrival_does_not_turn_time_back,
    draining_keeps_each_conversations_order,
];

/// The generation that may try now, in most cases.
const NOW: GenerationId = GenerationId(9);

/// A policy that was not asked.
fn unasked(policy: &str) -> PolicyOutcome {
    let what = "the breaker of its plugin is open".into();
    PolicyOutcome { generation: NOW, result: Err(Cause { blame: "breaker", what }), ..failure(policy, false) }
}

/// A policy that failed as a generation.
fn failed_as(policy: &str, generation: i64) -> PolicyOutcome {
    PolicyOutcome { generation: GenerationId(generation), ..failure(policy, false) }
}

fn parked_mail(n: u64, generation: i64, blame: &'static str) -> NewParked {
    let NewArrival { channel, source, at, .. } = arrival(MAIL, Vec::new(), Timestamp(n));
    let Source::Arrival(arrival) = source else { unreachable!("the fixture's arrivals are mails") };
    NewParked {
        channel,
        plugin: "channel-email".into(),
        version: format!("0.{generation}.0"),
        generation: GenerationId(generation),
        arrival,
        cause: Cause { blame, what: "it was".into() },
        at,
        replays: None,
    }
}

/// One more message of a conversation.
async fn more(store: &dyn Store, id: ConversationId, n: u64) -> Held {
    let from = detail(store, id).await?.contact.handles.remove(0).value;
    let mut message = mail(&format!("<more-{id}-{n}>"), &from, &n.to_string());
    message.thread.tag = Some(id.tag());
    let accepted = accept(store, MAIL, message, Timestamp(n)).await?;
    same("it joined", accepted.conversation, id)
}

/// Parks what waits next for these policies.
async fn park_next(store: &dyn Store, outcomes: Vec<PolicyOutcome>) -> Result<ClaimedHappening, Unmet> {
    let claimed = claim_one(store, Timestamp(2)).await?;
    store.apply(decided(&claimed, outcomes, Timestamp(3))).await?;
    Ok(claimed)
}

/// What waits for a policy, as happenings.
async fn waiting(store: &dyn Store, policy: &str) -> Result<Vec<ParkedId>, StoreError> {
    store.parked_for(&Place::Policy(policy.into()), NOW, 99).await
}

async fn who_failed_is_named_down_to_the_generation(store: &dyn Store) -> Held {
    let id = store.park(parked_mail(1, 3, "trap")).await?;
    open(store, "one", Timestamp(1)).await?;
    park_next(store, vec![failed_as("triage", 4)]).await?;
    let named = |it: &Parked| (it.plugin.to_string(), it.version.clone(), it.generation.0);
    let rows = store.parked(false, page(9)).await?.items;
    let want = [("triage".to_owned(), "1.2.3".to_owned(), 4), ("channel-email".into(), "0.3.0".into(), 3)];
    same("named", rows.iter().map(named).collect::<Vec<_>>(), want.to_vec())?;
    let again = NewParked { replays: Some(id), ..parked_mail(2, 5, "guest") };
    same("the same row", store.park(again).await?, id)?;
    let (row, _) = found("the row", store.parked_one(id).await?)?;
    same("who failed last", named(&row), ("channel-email".into(), "0.5.0".into(), 5))?;
    same("tries", (row.tries, row.blame.as_str()), (2, "guest"))?;
    holds("taken back", store.unpark(rows[0].id, "ann", Timestamp(4)).await?)?;
    let claimed = claim_one(store, Timestamp(5)).await?;
    store.apply(decided(&claimed, vec![failed_as("triage", 6)], Timestamp(6))).await?;
    let (row, _) = found("the row", store.parked_one(rows[0].id).await?)?;
    same("who failed last", (row.generation.0, row.tries), (6, 2))
}

async fn what_may_be_tried_waits_oldest_first(store: &dyn Store) -> Held {
    let mut ids = Vec::new();
    for (n, (generation, blame)) in [(9, "breaker"), (9, "trap"), (8, "trap"), (8, "breaker")].into_iter().enumerate() {
        ids.push(store.park(parked_mail(n as u64 + 1, generation, blame)).await?);
    }
    let mut other = parked_mail(9, 8, "trap");
    other.channel = "other".into();
    store.park(other).await?;
    let of = |generation| async move { store.parked_for(&email(), GenerationId(generation), 99).await };
    same("its own failure is not tried again", of(9).await?, vec![ids[0], ids[2], ids[3]])?;
    same("for another", of(8).await?, vec![ids[0], ids[1], ids[3]])?;
    same("at most", store.parked_for(&email(), NOW, 2).await?, vec![ids[0], ids[2]])?;
    holds("taken back", store.unpark(ids[0], "ann", Timestamp(9)).await?)?;
    same("what came back waits no more", of(9).await?, vec![ids[2], ids[3]])?;

    // Two conversations; the second row of parked is of the older happening.
    let one = open(store, "one", Timestamp(1)).await?;
    more(store, one, 2).await?;
    for n in 0..2 {
        let claimed = claim_one(store, Timestamp(3)).await?;
        store.apply(decided(&claimed, vec![failed_as("triage", 8), unasked("routing")], Timestamp(4 + n))).await?;
    }
    let ids = waiting(store, "triage").await?;
    let mut happenings = Vec::new();
    for id in &ids {
        happenings.push(found("the row", store.parked_one(*id).await?)?.0.what);
    }
    same("oldest first", happenings, [1, 2].map(|id| ParkedWhat::Happening(HappeningId(id))).to_vec())?;
    same("its own failures", store.parked_for(&Place::Policy("triage".into()), GenerationId(8), 9).await?.len(), 0)?;
    same("never tried", store.parked_for(&Place::Policy("routing".into()), NOW, 9).await?.len(), 2)?;
    // One that fails again keeps its place, though its row changed last.
    same("taken back", store.unpark_many(&ids[..1], "host", Timestamp(8)).await?, 1)?;
    park_next(store, vec![failed_as("triage", 10)]).await?;
    same("as before", waiting(store, "triage").await?, ids)
}

async fn each_place_counts_what_waits_for_it(store: &dyn Store) -> Held {
    same("nothing", store.parked_by_place().await?, Vec::new())?;
    for n in 0..3 {
        store.park(parked_mail(n, 8, "trap")).await?;
    }
    for name in ["one", "two"] {
        open(store, name, Timestamp(1)).await?;
        park_next(store, vec![unasked("triage"), failed_as("routing", 9)]).await?;
    }
    let routing = store.parked_for(&Place::Policy("routing".into()), GenerationId(1), 1).await?;
    same("taken back", store.unpark_many(&routing, "host", Timestamp(8)).await?, 1)?;
    let want = vec![(email(), 3), (Place::Policy("routing".into()), 1), (Place::Policy("triage".into()), 2)];
    same("counts", store.parked_by_place().await?, want)
}

async fn a_newer_happening_waits_behind_those_that_come_back(store: &dyn Store) -> Held {
    let id = open(store, "one", Timestamp(1)).await?;
    let mut order = Vec::new();
    for n in 0..3 {
        order.push(park_next(store, vec![unasked("triage")]).await?.id);
        more(store, id, 10 + n).await?;
    }
    // The fourth was never parked, and waits already.
    let ids = waiting(store, "triage").await?;
    // In which order they are named does not matter.
    let named: Vec<_> = ids.iter().rev().copied().collect();
    same("taken back", store.unpark_many(&named, "host", Timestamp(20)).await?, 3)?;
    let mut fresh = claim_one(store, Timestamp(21)).await?;
    for want in order {
        same("in its place", (fresh.id, fresh.only.is_some()), (want, true))?;
        same("one at a time", store.claim_happenings(lease_of("node-2", Timestamp(21)), 9).await?, Vec::new())?;
        store.apply(decided(&fresh, vec![outcome("triage", vec![])], Timestamp(22))).await?;
        fresh = claim_one(store, Timestamp(23)).await?;
    }
    same("then the new one, for the whole chain", fresh.only, None)
}

async fn two_policies_of_one_happening_come_back_in_its_place(store: &dyn Store) -> Held {
    let id = open(store, "one", Timestamp(1)).await?;
    let first = park_next(store, vec![unasked("triage"), unasked("routing")]).await?;
    more(store, id, 10).await?;
    for policy in ["routing", "triage"] {
        same("taken back", store.unpark_many(&waiting(store, policy).await?, "host", Timestamp(11)).await?, 1)?;
    }
    same("undecided", store.counts(Timestamp(11)).await?.undecided, 2)?;
    let it = claim_one(store, Timestamp(12)).await?;
    same("once, for both", (it.id, it.only.clone()), (first.id, Some(vec!["routing".into(), "triage".into()])))?;
    // One of them fails again: it alone is aside, in its own row.
    let applied = store.apply(decided(&it, vec![outcome("triage", vec![]), failed_as("routing", 9)], Timestamp(13)));
    same("the newer one waits", applied.await?, Applied::Done { outgoing: 0, more: true })?;
    let rows = store.parked(false, page(9)).await?.items;
    same("aside", rows.iter().map(|it| (it.plugin.as_str(), it.tries)).collect::<Vec<_>>(), vec![("routing", 2)])?;
    holds("not decided", detail(store, id).await?.conversation.undecided)
}

async fn one_that_is_being_decided_comes_back_when_that_ends(store: &dyn Store) -> Held {
    let id = open(store, "one", Timestamp(1)).await?;
    let first = park_next(store, vec![unasked("triage"), unasked("routing")]).await?;
    more(store, id, 10).await?;
    store.unpark_many(&waiting(store, "triage").await?, "host", Timestamp(11)).await?;
    let under_way = claim_one(store, Timestamp(12)).await?;
    same("of one", under_way.only.clone(), Some(vec!["triage".into()]))?;
    store.unpark_many(&waiting(store, "routing").await?, "host", Timestamp(13)).await?;
    same("meanwhile", store.claim_happenings(lease_of("node-2", Timestamp(13)), 9).await?, Vec::new())?;
    let applied = store.apply(decided(&under_way, vec![outcome("triage", vec![])], Timestamp(14))).await?;
    same("more", applied, Applied::Done { outgoing: 0, more: true })?;
    holds("not decided", detail(store, id).await?.conversation.undecided)?;
    let other = claim_one(store, Timestamp(15)).await?;
    same("then the other", (other.id, other.only.clone()), (first.id, Some(vec!["routing".into()])))?;
    store.apply(decided(&other, vec![outcome("routing", vec![])], Timestamp(16))).await?;
    same("then the new one", claim_one(store, Timestamp(17)).await?.only, None)?;
    same("undecided", store.counts(Timestamp(17)).await?.undecided, 1)
}

async fn one_whose_lease_ends_comes_back_for_all_that_asked(store: &dyn Store) -> Held {
    open(store, "one", Timestamp(1)).await?;
    park_next(store, vec![unasked("triage"), unasked("routing")]).await?;
    store.unpark_many(&waiting(store, "triage").await?, "host", Timestamp(11)).await?;
    let under_way = claim_one(store, Timestamp(12)).await?;
    store.unpark_many(&waiting(store, "routing").await?, "host", Timestamp(13)).await?;
    same("given back", store.release_node(NODE).await?, 1)?;
    let it = claim_one(store, Timestamp(14)).await?;
    same("both", (it.id, it.only.clone()), (under_way.id, Some(vec!["triage".into(), "routing".into()])))?;
    let outcomes = vec![outcome("triage", vec![]), outcome("routing", vec![])];
    same(
        "done",
        store.apply(decided(&it, outcomes, Timestamp(15))).await?,
        Applied::Done { outgoing: 0, more: false },
    )?;
    same("nothing waits", store.counts(Timestamp(16)).await?.undecided, 0)
}

async fn what_came_back_goes_aside_again_with_what_is_before_it(store: &dyn Store) -> Held {
    let id = open(store, "one", Timestamp(1)).await?;
    for n in 0..3 {
        let both = vec![unasked("triage"), unasked("routing")];
        park_next(store, if n == 1 { both } else { both[..1].to_vec() }).await?;
        more(store, id, 10 + n).await?;
    }
    for policy in ["routing", "triage"] {
        store.unpark_many(&waiting(store, policy).await?, "host", Timestamp(20)).await?;
    }
    same("undecided", store.counts(Timestamp(20)).await?.undecided, 4)?;
    // The breaker opens again before the first is asked: the policy must not see the others first.
    park_next(store, vec![unasked("triage")]).await?;
    same("aside again", waiting(store, "triage").await?.len(), 3)?;
    let counts = store.counts(Timestamp(21)).await?;
    same("counts", (counts.parked, counts.undecided), (3, 2))?;
    let other = claim_one(store, Timestamp(22)).await?;
    same("the other policy goes on", (other.id, other.only.clone()), (HappeningId(2), Some(vec!["routing".into()])))?;
    store.apply(decided(&other, vec![outcome("routing", vec![])], Timestamp(23))).await?;
    same("and what was never parked", claim_one(store, Timestamp(24)).await?.only, None)
}

async fn a_policy_that_was_asked_too_early_is_asked_again(store: &dyn Store) -> Held {
    let id = open(store, "one", Timestamp(1)).await?;
    let first = park_next(store, vec![unasked("triage")]).await?;
    more(store, id, 10).await?;
    let second = claim_one(store, Timestamp(11)).await?;
    // The first comes back while the second is being decided.
    store.unpark_many(&waiting(store, "triage").await?, "host", Timestamp(12)).await?;
    let tag = |name: &str| vec![Action::AddTag(name.into())];
    let outcomes = vec![outcome("triage", tag("too-early")), outcome("routing", tag("routed"))];
    let applied = store.apply(decided(&second, outcomes, Timestamp(13))).await?;
    same("more", applied, Applied::Done { outgoing: 0, more: true })?;
    same("what counts", detail(store, id).await?.conversation.tags, vec!["routed".to_owned()])?;
    holds("it is told", acts(store, id).await?.contains(&"postponed".to_owned()))?;
    same("undecided", store.counts(Timestamp(13)).await?.undecided, 2)?;
    for want in [first.id, second.id] {
        let it = claim_one(store, Timestamp(14)).await?;
        same("in order, for it alone", (it.id, it.only.clone()), (want, Some(vec!["triage".into()])))?;
        store.apply(decided(&it, vec![outcome("triage", tag("seen"))], Timestamp(15))).await?;
    }
    same("then all is decided", store.counts(Timestamp(16)).await?.undecided, 0)
}

async fn many_are_taken_back_once(store: &dyn Store) -> Held {
    for name in ["one", "two", "three"] {
        open(store, name, Timestamp(1)).await?;
        park_next(store, vec![unasked("triage")]).await?;
    }
    let mut ids = waiting(store, "triage").await?;
    ids.extend([ids[0], ParkedId(99)]);
    let before = store.last_event().await?;
    same("taken back", store.unpark_many(&ids, "host", Timestamp(5)).await?, 3)?;
    let told: Vec<_> = store.events(before, 9).await?.into_iter().map(|it| (it.actor, it.act)).collect();
    same("told", told, vec![("host".to_owned(), "replayed".to_owned()); 3])?;
    same("twice", store.unpark_many(&ids, "host", Timestamp(6)).await?, 0)?;
    same("none", store.unpark_many(&[], "host", Timestamp(6)).await?, 0)?;
    let counts = store.counts(Timestamp(7)).await?;
    same("counts", (counts.parked, counts.undecided), (0, 3))
}

async fn arrivals_are_taken_back_by_being_accepted(store: &dyn Store) -> Held {
    let id = store.park(parked_mail(1, 8, "trap")).await?;
    same("left alone", store.unpark_many(&[id], "host", Timestamp(5)).await?, 0)?;
    same("it still waits", store.parked_for(&email(), NOW, 9).await?, vec![id])
}

async fn a_drained_arrival_came_when_it_came(store: &dyn Store) -> Held {
    let id = store.park(parked_mail(100, 8, "trap")).await?;
    open(store, "later", Timestamp(200)).await?;
    let message = mail("<1>", "a@x", "Hello");
    let mut again = arrival(MAIL, vec![ChannelEvent::Message(Box::new(message))], Timestamp(900));
    again.replays = Some(id);
    let accepted = store.accept(again, None).await?;
    let it = detail(store, accepted.messages[0].conversation).await?;
    same("the message", it.messages[0].at, Timestamp(100))?;
    let row = it.conversation;
    same("its customer waits since", (row.opened, row.waiting_since), (Timestamp(100), Timestamp(100)))?;
    same("the log goes on", it.events[0].at, Timestamp(900))?;
    let queue = store.queue(QueueFilter::default(), page(9), Timestamp(901)).await?.items;
    same("first in the queue", queue.first().map(|it| it.id), Some(row.id))
}

async fn a_drained_arrival_does_not_turn_time_back(store: &dyn Store) -> Held {
    let id = open(store, "one", Timestamp(10)).await?;
    let start = Action::StartClock(clock("first-response", 60, 50, true));
    decide(store, vec![start], Timestamp(20)).await?;
    let aside = store.park(parked_mail(100, 8, "trap")).await?;
    let answered = store.reply(reply(id, "ann", "We have it", Timestamp(500))).await?;
    allowed("the answer", answered)?;
    let mut message = mail("<2>", "one@example.org", "And?");
    message.thread.tag = Some(id.tag());
    let mut again = arrival(MAIL, vec![ChannelEvent::Message(Box::new(message))], Timestamp(900));
    again.replays = Some(aside);
    store.accept(again, None).await?;
    let it = detail(store, id).await?;
    let drained = found("the message", it.messages.iter().find(|it| it.external_id.as_deref() == Some("<2>")))?;
    same("it came before the answer", drained.at, Timestamp(100))?;
    same(
        "and wakes it after",
        (it.conversation.updated, it.conversation.waiting_since),
        (Timestamp(500), Timestamp(500)),
    )?;
    same("its clock lost nothing", it.conversation.due, Some(Timestamp(60_020)))
}

/// Where the breaker of a policy stands: what it is not asked about is parked; what was parked is drained.
#[derive(Clone, Copy, PartialEq)]
enum Gate {
    Open,
    Draining,
    Closed,
}

/// A day of two policies whose breakers open and are drained, in a random order of steps.
struct Day<'a> {
    store: &'a dyn Store,
    /// xorshift64.
    random: u64,
    now: Timestamp,
    gates: [(&'static str, Gate); 2],
    claimed: Vec<ClaimedHappening>,
    conversations: Vec<ConversationId>,
    messages: u64,
}

async fn draining_keeps_each_conversations_order(store: &dyn Store) -> Held {
    let gates = [("triage", Gate::Open), ("routing", Gate::Open)];
    let (conversations, claimed) = (Vec::new(), Vec::new());
    let (random, now) = (0x2545_f491_4f6c_dd1d, Timestamp(1));
    let mut day = Day { store, random, now, gates, claimed, conversations, messages: 0 };
    for n in 0..3 {
        day.conversations.push(open(store, &format!("c{n}"), day.now).await?);
    }
    for _ in 0..500 {
        day.step().await?;
    }
    day.end().await
}

impl Day<'_> {
    fn pick(&mut self, of: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random % of.max(1) as u64) as usize
    }

    async fn step(&mut self) -> Held {
        self.now = self.now.after(Duration::from_millis(1));
        match self.pick(20) {
            0..=4 => {
                let which = self.pick(self.conversations.len());
                let id = self.conversations[which];
                self.messages += 1;
                more(self.store, id, 1_000 + self.messages).await
            }
            5..=8 => self.claim().await,
            9..=13 => self.decide().await,
            14..=17 => {
                let which = self.pick(2);
                self.drain(which).await
            }
            18 => {
                let which = self.pick(2);
                self.gates[which].1 = if self.pick(2) == 0 { Gate::Open } else { Gate::Draining };
                Ok(())
            }
            _ => {
                self.claimed.clear();
                Ok(self.store.release_node(NODE).await.map(drop)?)
            }
        }
    }

    async fn claim(&mut self) -> Held {
        let most = 1 + self.pick(2);
        self.claimed.extend(self.store.claim_happenings(lease(self.now), most).await?);
        Ok(())
    }

    /// One happening: whom the breaker holds back is not asked, unless it is about what was drained.
    async fn decide(&mut self) -> Held {
        if self.claimed.is_empty() {
            return Ok(());
        }
        let which = self.pick(self.claimed.len());
        let it = self.claimed.swap_remove(which);
        let mut outcomes = Vec::new();
        for (policy, gate) in self.gates {
            let drained = match &it.only {
                Some(only) if only.contains(&policy.into()) => true,
                Some(_) => continue,
                None => false,
            };
            if gate == Gate::Closed || gate == Gate::Draining && drained {
                outcomes.push(outcome(policy, vec![Action::Note(format!("{policy} {}", it.id))]));
            } else {
                outcomes.push(unasked(policy));
            }
        }
        let applied = self.store.apply(decided(&it, outcomes, self.now)).await?;
        holds("its lease was good", applied != Applied::Gone)
    }

    async fn drain(&mut self, which: usize) -> Held {
        let (policy, gate) = self.gates[which];
        if gate != Gate::Draining {
            return Ok(());
        }
        let most = 1 + self.pick(3);
        let ids = self.store.parked_for(&Place::Policy(policy.into()), NOW, most).await?;
        same("taken back", self.store.unpark_many(&ids, "host", self.now).await?, ids.len() as u64)?;
        if ids.is_empty() {
            self.gates[which].1 = Gate::Closed;
        }
        Ok(())
    }

    /// Everything is drained; then every policy was asked about every happening once, in order.
    async fn end(&mut self) -> Held {
        for (_, gate) in &mut self.gates {
            *gate = Gate::Draining;
        }
        while self.store.counts(self.now).await?.undecided > 0 || self.store.counts(self.now).await?.parked > 0 {
            self.claim().await?;
            self.decide().await?;
            self.drain(0).await?;
            self.drain(1).await?;
        }
        let mut count = 0;
        for id in &self.conversations {
            let events = detail(self.store, *id).await?.events;
            let notes: Vec<_> =
                events.iter().filter(|it| it.act == "noted").filter_map(|it| it.detail.clone()).collect();
            for (policy, _) in self.gates {
                let of = notes.iter().filter_map(|note| note.strip_prefix(policy)?.trim().parse::<i64>().ok());
                let seen: Vec<_> = of.collect();
                let mut sorted = seen.clone();
                sorted.sort_unstable();
                sorted.dedup();
                count += seen.len() as u64;
                same(&format!("what {policy} decided of {id}"), seen, sorted)?;
            }
        }
        same("every one by both", count, 2 * (self.messages + self.conversations.len() as u64))?;
        let parked = self.store.parked(true, page(200)).await?.items.len();
        holds("some were parked", parked > 20)
    }
}
