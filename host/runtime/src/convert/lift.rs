//! From the contract to the model. Texts are moved, not copied; every byte is counted; what the contract does not allow
//! ends the call.
use crate::bindings::exports::tributary::plugin::{channel as w_channel, poller as w_poller, sampler as w_sampler};
use crate::bindings::tributary::plugin::{desk as w_desk, trade as w_trade, types as w, web as w_web};
use crate::capability::state::{KEY, VALUE};
use crate::contract::Entries;
use crate::state::{CallState, Stop};
use std::collections::HashSet;
use std::time::Duration;
use tributary_model::AgentName;
use tributary_model::Timestamp;
use tributary_model::decision::{Action, Clock, Decision, Fault, Objection, Route, Survey, Verdict};
use tributary_model::message::{
    Attachment, Attribute, Batch, ChannelEvent, Content, Delivery, Handle, Inbound, Profile, Reading, Rejection,
    Request, Response, Sample, SendError, Supplement, ThreadHints, Typing,
};
use tributary_model::order::{Money, Operation, Order, OrderLine};
use tributary_model::queue::NEVER;

/// One result on its way in. Every version of the contract lifts through these functions: they count what the guest hands
/// over and hold what it says against the rules that all versions share.
pub struct Lift<'a> {
    state: &'a mut CallState,
    bytes: usize,
    broken: Option<String>,
}

/// Lifts one result: counts it, checks it, and ends the call where it is too large or against the contract.
pub fn lift<T>(state: &mut CallState, one: impl FnOnce(&mut Lift<'_>) -> T) -> wasmtime::Result<T> {
    let mut lift = Lift { state, bytes: 0, broken: None };
    let lifted = one(&mut lift);
    let Lift { state, bytes, broken } = lift;
    state.hand_over(bytes)?;
    match broken {
        Some(what) => Err(Stop::Contract(what).into()),
        None => Ok(lifted),
    }
}

impl Lift<'_> {
    /// A text.
    pub fn text(&mut self, text: String) -> String {
        self.bytes += text.len();
        text
    }

    /// A text that may be absent.
    pub fn maybe(&mut self, text: Option<String>) -> Option<String> {
        text.map(|text| self.text(text))
    }

    /// A list of texts.
    pub fn texts(&mut self, texts: Vec<String>) -> Vec<String> {
        // A list costs the host more than its texts are long.
        self.bytes += texts.len() * size_of::<String>();
        texts.into_iter().map(|text| self.text(text)).collect()
    }

    /// Bytes.
    pub fn bytes(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        self.bytes += bytes.len();
        bytes
    }

    /// A list of anything.
    pub fn list<T, U>(&mut self, items: Vec<T>, mut one: impl FnMut(&mut Self, T) -> U) -> Vec<U> {
        self.bytes += items.len() * size_of::<U>();
        items.into_iter().map(|item| one(self, item)).collect()
    }

    /// The guest gave something that the contract does not allow: ends the call with these words. The first are kept.
    pub fn broken(&mut self, what: String) {
        self.broken.get_or_insert(what);
    }

    /// A moment from outside, in milliseconds since 1970; the store's numbers end at [`NEVER`].
    pub fn moment(at: u64) -> Timestamp {
        Timestamp(at).min(NEVER)
    }

    /// The size of a file. A plugin can refer to files of its own call only: an id is all one needs to read a file.
    pub fn file(&mut self, blob: &str) -> u64 {
        self.state.file(blob).unwrap_or_else(|| {
            self.broken("it refers to a file that does not belong to this call".into());
            0
        })
    }

    /// The ways to recognise the author of a message: never none.
    pub fn author(&mut self, handles: Vec<Handle>) -> Vec<Handle> {
        if handles.is_empty() {
            self.broken("a message from nobody: `from` is empty".into());
        }
        handles
    }

    /// Entries of the plugin's state, under the limits of `state.set`.
    pub fn entries(&mut self, entries: Entries) -> Entries {
        let mut keys = HashSet::with_capacity(entries.len());
        for (key, value) in &entries {
            if key.len() > KEY || value.len() > VALUE {
                self.broken(format!("an entry of {} bytes under a key of {}", value.len(), key.len()));
            }
            if !keys.insert(key.as_str()) {
                self.broken("two entries under the same key".into());
            }
        }
        drop(keys);
        self.list(entries, |lift, (key, value)| (lift.text(key), lift.bytes(value)))
    }

    fn attribute(&mut self, attribute: w::AttributeResult) -> Attribute {
        Attribute { name: self.text(attribute.name), value: self.text(attribute.value) }
    }

    fn attributes(&mut self, items: Vec<w::AttributeResult>) -> Vec<Attribute> {
        self.list(items, Self::attribute)
    }

    fn handles(&mut self, items: Vec<w::HandleResult>) -> Vec<Handle> {
        self.list(items, |lift, handle| Handle {
            kind: handle.kind.into(),
            value: lift.text(handle.value),
            verified: handle.verified,
        })
    }

    fn attachment(&mut self, file: w::AttachmentResult) -> Attachment {
        Attachment {
            size: self.file(&file.blob),
            blob: self.text(file.blob),
            name: self.text(file.name),
            media_type: self.text(file.media_type),
            content_id: self.maybe(file.content_id),
        }
    }

    fn content(&mut self, content: w::ContentResult) -> Content {
        Content {
            text: self.text(content.text),
            quoted: self.maybe(content.quoted),
            html: self.maybe(content.html),
            attachments: self.list(content.attachments, Self::attachment),
        }
    }

    fn inbound(&mut self, message: w::InboundResult) -> Inbound {
        let from = self.handles(message.from);
        let from = self.author(from);
        let thread = message.thread;
        Inbound {
            external_id: self.maybe(message.external_id),
            sent_at: Self::moment(message.sent_at),
            author: message.author.into(),
            from,
            display_name: self.maybe(message.display_name),
            subject: self.maybe(message.subject),
            content: self.content(message.content),
            thread: ThreadHints {
                reply_token: self.maybe(thread.reply_token),
                tag: self.maybe(thread.tag),
                in_reply_to: self.maybe(thread.in_reply_to),
                references: self.texts(thread.references),
                thread_key: self.maybe(thread.thread_key),
                order_id: self.maybe(thread.order_id),
            },
            automatic: message.automatic,
            attributes: self.attributes(message.attributes),
        }
    }

    fn money(&mut self, money: w::MoneyResult) -> Money {
        Money { currency: self.text(money.currency), minor: money.minor }
    }

    pub(crate) fn order(&mut self, order: w::OrderResult) -> Order {
        Order {
            id: self.text(order.id),
            state: order.state.into(),
            at: Self::moment(order.at),
            buyer: self.handles(order.buyer),
            total: self.money(order.total),
            first_order: order.first_order,
            lines: self.list(order.lines, |lift, line| OrderLine {
                sku: lift.text(line.sku),
                title: lift.text(line.title),
                quantity: line.quantity,
                price: lift.money(line.price),
            }),
            parcel: self.maybe(order.parcel),
            promised_by: order.promised_by.map(Self::moment),
            attributes: self.attributes(order.attributes),
        }
    }

    fn response(&mut self, response: w_web::Response) -> Response {
        if !(100..=599).contains(&response.status) {
            self.broken(format!("an HTTP status of {}", response.status));
        }
        self.bytes += response.body.len();
        Response { status: response.status, headers: self.attributes(response.headers), body: response.body }
    }

    fn event(&mut self, event: w::ChannelEvent) -> ChannelEvent {
        match event {
            w::ChannelEvent::Message(message) => ChannelEvent::Message(Box::new(self.inbound(message))),
            w::ChannelEvent::Order(order) => ChannelEvent::Order(Box::new(self.order(order))),
            w::ChannelEvent::Delivery(delivery) => ChannelEvent::Delivery(self.delivery(delivery)),
            w::ChannelEvent::Profile(profile) => {
                let handles = self.handles(profile.handles);
                ChannelEvent::Profile(Profile {
                    handles: self.author(handles),
                    display_name: self.maybe(profile.display_name),
                    tags: self.texts(profile.tags),
                    attributes: self.attributes(profile.attributes),
                })
            }
            w::ChannelEvent::Supplement(supplement) => ChannelEvent::Supplement(Supplement {
                external_id: self.text(supplement.external_id),
                attachments: self.list(supplement.attachments, Self::attachment),
                text: self.maybe(supplement.text),
                attributes: self.attributes(supplement.attributes),
            }),
            w::ChannelEvent::Typing(typing) => {
                let from = self.handles(typing.from);
                ChannelEvent::Typing(Typing { from: self.author(from), thread_key: self.maybe(typing.thread_key) })
            }
        }
    }

    pub(crate) fn reading(&mut self, reading: w_channel::Reading) -> Reading {
        Reading {
            events: self.list(reading.events, Self::event),
            answer: reading.answer.map(|answer| self.response(answer)),
            poll_now: reading.poll_now,
        }
    }

    pub(crate) fn batch(&mut self, batch: w_poller::Batch) -> Batch {
        Batch {
            events: self.list(batch.events, Self::event),
            cursor: self.maybe(batch.cursor),
            again_in: Duration::from_secs(batch.again_in.into()),
        }
    }

    pub(crate) fn samples(&mut self, samples: Vec<w_sampler::Sample>) -> Vec<Sample> {
        self.list(samples, |lift, sample| match sample {
            w_sampler::Sample::Http(request) => Sample::Http(Request {
                method: lift.text(request.method),
                url: lift.text(request.url),
                headers: lift.attributes(request.headers),
                body: lift.bytes(request.body).into(),
            }),
            w_sampler::Sample::Mail((mail_from, data)) => {
                Sample::Mail { mail_from: lift.text(mail_from), data: lift.bytes(data).into() }
            }
            w_sampler::Sample::Document((name, media_type, data)) => Sample::Document {
                name: lift.text(name),
                media_type: lift.text(media_type),
                data: lift.bytes(data).into(),
            },
        })
    }

    pub(crate) fn rejection(&mut self, rejection: w_channel::Rejection) -> Rejection {
        match rejection {
            w_channel::Rejection::Unauthenticated(why) => Rejection::Unauthenticated(self.text(why)),
            w_channel::Rejection::Malformed(why) => Rejection::Malformed(self.text(why)),
            w_channel::Rejection::Ignored(why) => Rejection::Ignored(self.text(why)),
        }
    }

    pub(crate) fn delivery(&mut self, delivery: w::Delivery) -> Delivery {
        Delivery {
            outgoing_id: self.maybe(delivery.outgoing_id),
            external_id: self.maybe(delivery.external_id),
            state: delivery.state.into(),
            detail: self.maybe(delivery.detail),
        }
    }

    pub(crate) fn send_error(&mut self, error: w::SendError) -> SendError {
        match error {
            w::SendError::WindowClosed(why) => SendError::WindowClosed(self.text(why)),
            w::SendError::Unauthorised(why) => SendError::Unauthorised(self.text(why)),
            w::SendError::Permanent(why) => SendError::Permanent(self.text(why)),
            w::SendError::Temporary((why, after)) => SendError::Temporary {
                why: self.text(why),
                after: after.map(|seconds| Duration::from_secs(seconds.into())),
            },
        }
    }

    fn operation(&mut self, operation: w_trade::OperationResult) -> Operation {
        use w_trade::OperationResult as From;
        match operation {
            From::Refund(refund) => {
                Operation::Refund(self.text(refund.order_id), self.money(refund.amount), self.text(refund.reason))
            }
            From::CreateReturn(order) => Operation::CreateReturn(self.text(order)),
            From::Exchange(order) => Operation::Exchange(self.text(order)),
            From::InterceptParcel(order) => Operation::InterceptParcel(self.text(order)),
            From::ChangeAddress((order, address)) => Operation::ChangeAddress(self.text(order), self.text(address)),
            From::Coupon((order, worth)) => Operation::Coupon(self.text(order), self.money(worth)),
            From::ExtendWarranty((order, days)) => Operation::ExtendWarranty(self.text(order), days),
        }
    }

    fn action(&mut self, action: w_desk::ActionResult) -> Action {
        use w_desk::ActionResult as From;
        match action {
            From::SetGrade(grade) => Action::SetGrade(grade.into()),
            From::SetCategory(word) => Action::SetCategory(self.text(word)),
            From::AddTag(tag) => Action::AddTag(self.text(tag)),
            From::RemoveTag(tag) => Action::RemoveTag(self.text(tag)),
            From::SetAttribute(fact) => Action::SetAttribute(self.attribute(fact)),
            From::Route(route) => Action::Route(Route {
                team: self.text(route.team),
                skills: self.texts(route.skills),
                prefer_agent: self.maybe(route.prefer_agent).map(AgentName::from),
                senior: route.senior,
                tier: route.tier,
            }),
            From::StartClock(clock) => Action::StartClock(Clock {
                name: self.text(clock.name),
                target: clock.target,
                calendar: self.maybe(clock.calendar),
                warn_at_percent: clock.warn_at_percent,
                pauses_for_customer: clock.pauses_for_customer,
            }),
            From::StopClock(name) => Action::StopClock(self.text(name)),
            From::SetTimer(timer) => Action::SetTimer(self.text(timer.name), Self::moment(timer.at)),
            From::CancelTimer(name) => Action::CancelTimer(self.text(name)),
            From::Escalate(call) => {
                Action::Escalate { level: call.level, teams: self.texts(call.teams), reason: self.text(call.reason) }
            }
            From::Reply(reply) => Action::Reply(self.content(reply)),
            From::Note(text) => Action::Note(self.text(text)),
            From::Notify((team, text)) => Action::Notify(self.text(team), self.text(text)),
            From::AskEvidence((text, seconds)) => Action::AskEvidence(self.text(text), seconds),
            From::Perform(operation) => Action::Perform(self.operation(operation)),
            From::Survey(survey) => Action::Survey(Survey {
                name: self.text(survey.name),
                invitation: self.text(survey.invitation),
                questions: self.attributes(survey.questions),
                open_for: survey.open_for,
            }),
            From::Draft(draft) => Action::Draft(self.content(draft)),
            From::HandToHuman(why) => Action::HandToHuman(self.text(why)),
            From::Snooze(until) => Action::Snooze(Self::moment(until)),
            From::Close(how) => Action::Close(self.text(how)),
        }
    }

    pub(crate) fn decisions(&mut self, decisions: Vec<w_desk::DecisionResult>) -> Vec<Decision> {
        self.list(decisions, |lift, decision| Decision {
            action: lift.action(decision.action),
            rule: lift.text(decision.rule),
            why: lift.text(decision.why),
        })
    }

    pub(crate) fn fault(&mut self, fault: w_desk::Fault) -> Fault {
        match fault {
            w_desk::Fault::NotConfigured(what) => Fault::NotConfigured(self.text(what)),
            w_desk::Fault::Internal(what) => Fault::Internal(self.text(what)),
        }
    }

    /// `draft` is the text that was looked at: a span that is not within it means the whole text.
    pub(crate) fn verdict(&mut self, verdict: w_desk::Verdict, draft: &str) -> Verdict {
        match verdict {
            w_desk::Verdict::Pass => Verdict::Pass,
            w_desk::Verdict::Amend(content) => Verdict::Amend(self.content(content)),
            w_desk::Verdict::Warn(objections) => Verdict::Warn(self.objections(objections, draft)),
            w_desk::Verdict::Block(objections) => Verdict::Block(self.objections(objections, draft)),
        }
    }

    fn objections(&mut self, objections: Vec<w_desk::Objection>, draft: &str) -> Vec<Objection> {
        self.list(objections, |lift, objection| Objection {
            rule: lift.text(objection.rule),
            why: lift.text(objection.why),
            span: objection.span.filter(|&(start, end)| draft.get(start as usize..end as usize).is_some()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blobs::Blobs;
    use crate::budget::Meter;
    use crate::call::{Budgets, CallContext};
    use crate::grant::Granted;
    use crate::services::Services;
    use crate::state::Shared;
    use std::sync::Arc;

    fn state(bytes_out: usize) -> CallState {
        let folder = tempfile::tempdir().unwrap();
        let budgets = Budgets { bytes_out, ..Budgets::default() };
        let shared = Shared {
            name: "guest".into(),
            version: "0.1.0".into(),
            generation: tributary_model::GenerationId(0),
            channel: "".into(),
            config: String::new(),
            granted: Granted { services: vec![], secrets: vec![], egress: vec![], actions: Arc::new([]) },
            services: Services::nothing(Blobs::open(folder.path()).unwrap()),
            budgets,
            ticker: Default::default(),
            masks: Default::default(),
        };
        let context = CallContext::at(Timestamp(1));
        let mut state = CallState::new(Arc::new(shared), context, Meter::new(), budgets);
        state.files.push(("mine".into(), 3));
        state
    }

    fn content(text: &str, blob: Option<&str>) -> w::ContentResult {
        let file = |blob: &str| w::AttachmentResult {
            blob: blob.into(),
            name: "a".into(),
            media_type: "text/plain".into(),
            size: u64::MAX,
            content_id: None,
        };
        w::ContentResult {
            text: text.into(),
            quoted: None,
            html: None,
            attachments: blob.map(file).into_iter().collect(),
        }
    }

    #[test]
    fn a_file_of_another_call_ends_the_call_and_the_size_of_ones_own_is_the_hosts() {
        let mut state = state(1000);
        let mine = lift(&mut state, |lift| lift.content(content("", Some("mine")))).unwrap();
        assert_eq!(mine.attachments[0].size, 3);
        let error = lift(&mut state, |lift| lift.content(content("", Some("theirs")))).unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(Stop::Contract(what)) if what.contains("belong")), "{error}");
    }

    #[test]
    fn a_text_beyond_the_budget_ends_the_call() {
        let mut state = state(10);
        lift(&mut state, |lift| lift.content(content("0123456789", None))).unwrap();
        let error = lift(&mut state, |lift| lift.content(content("x", None))).unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(Stop::Budget)), "{error}");
        assert_eq!(state.breach, Some(crate::call::Budget::BytesOut));
    }

    #[test]
    fn a_message_has_an_author_and_a_moment_that_the_store_can_keep() {
        let message = |from: Vec<w::HandleResult>| w::InboundResult {
            external_id: None,
            sent_at: u64::MAX,
            author: w::Author::Customer,
            from,
            display_name: None,
            subject: None,
            content: content("", None),
            thread: w::ThreadHintsResult {
                reply_token: None,
                tag: None,
                in_reply_to: None,
                references: vec![],
                thread_key: None,
                order_id: None,
            },
            automatic: false,
            attributes: vec![],
        };
        let handle = w::HandleResult { kind: w::HandleKind::Email, value: "a@b.example".into(), verified: false };
        let lifted = lift(&mut state(1000), |lift| lift.inbound(message(vec![handle]))).unwrap();
        assert_eq!(lifted.sent_at, NEVER);
        assert!(lift(&mut state(1000), |lift| lift.inbound(message(vec![]))).is_err());
    }

    #[test]
    fn a_span_lies_within_the_draft_or_means_all_of_it() {
        let draft = "ab你c";
        let cases = [((0, 2), true), ((2, 5), true), ((0, 6), true), ((3, 5), false), ((2, 1), false), ((0, 7), false)];
        for (span, kept) in cases {
            let objection = w_desk::Objection { rule: "K1".into(), why: "why".into(), span: Some(span) };
            let verdict = w_desk::Verdict::Block(vec![objection]);
            let lifted = lift(&mut state(1000), |lift| lift.verdict(verdict, draft)).unwrap();
            let Verdict::Block(objections) = lifted else { panic!("{lifted:?}") };
            assert_eq!(objections[0].span, kept.then_some(span), "{span:?}");
        }
    }
}
