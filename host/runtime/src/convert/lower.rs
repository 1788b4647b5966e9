//! From the model to the contract, borrowed: texts stay where they are, lists are laid out in an arena that lives as long
//! as the call.
use crate::bindings::exports::tributary::plugin::{channel as w_channel, presence as w_presence};
use crate::bindings::tributary::plugin::{desk as w_desk, trade as w_trade, types as w, web as w_web};
use bumpalo::Bump;
use tributary_model::Timestamp;
use tributary_model::decision::{Action, Clock, Contact, Decision, Entry, Happening, Route, RunningClock, Snapshot};
use tributary_model::message::{Arrival, Attachment, Attribute, Content, Handle, Inbound, Outgoing, Sign};
use tributary_model::order::{Money, Operation, Order};

fn list<'a, T, U>(arena: &'a Bump, items: &'a [T], one: impl FnMut(&'a T) -> U) -> &'a [U] {
    arena.alloc_slice_fill_iter(items.iter().map(one))
}

fn texts<'a>(arena: &'a Bump, items: &'a [String]) -> &'a [&'a str] {
    list(arena, items, String::as_str)
}

fn attribute(attribute: &Attribute) -> w::AttributeParam<'_> {
    w::AttributeParam { name: &attribute.name, value: &attribute.value }
}

fn attributes<'a>(arena: &'a Bump, items: &'a [Attribute]) -> &'a [w::AttributeParam<'a>] {
    list(arena, items, attribute)
}

pub(crate) fn handles<'a>(arena: &'a Bump, items: &'a [Handle]) -> &'a [w::HandleParam<'a>] {
    list(arena, items, |handle| w::HandleParam {
        kind: handle.kind.into(),
        value: &handle.value,
        verified: handle.verified,
    })
}

fn attachment(file: &Attachment) -> w::AttachmentParam<'_> {
    w::AttachmentParam {
        blob: &file.blob,
        name: &file.name,
        media_type: &file.media_type,
        size: file.size,
        content_id: file.content_id.as_deref(),
    }
}

pub(crate) fn content<'a>(arena: &'a Bump, content: &'a Content) -> w::ContentParam<'a> {
    w::ContentParam {
        text: &content.text,
        quoted: content.quoted.as_deref(),
        html: content.html.as_deref(),
        attachments: list(arena, &content.attachments, attachment),
    }
}

fn money(money: &Money) -> w::MoneyParam<'_> {
    w::MoneyParam { currency: &money.currency, minor: money.minor }
}

fn order<'a>(arena: &'a Bump, order: &'a Order) -> w::OrderParam<'a> {
    w::OrderParam {
        id: &order.id,
        state: order.state.into(),
        at: order.at.0,
        buyer: handles(arena, &order.buyer),
        total: money(&order.total),
        first_order: order.first_order,
        lines: list(arena, &order.lines, |line| w::OrderLineParam {
            sku: &line.sku,
            title: &line.title,
            quantity: line.quantity,
            price: money(&line.price),
        }),
        parcel: order.parcel.as_deref(),
        promised_by: order.promised_by.map(|Timestamp(at)| at),
        attributes: attributes(arena, &order.attributes),
    }
}

fn inbound<'a>(arena: &'a Bump, message: &'a Inbound) -> w::InboundParam<'a> {
    let thread = &message.thread;
    w::InboundParam {
        external_id: message.external_id.as_deref(),
        sent_at: message.sent_at.0,
        author: message.author.into(),
        from: handles(arena, &message.from),
        display_name: message.display_name.as_deref(),
        subject: message.subject.as_deref(),
        content: content(arena, &message.content),
        thread: w::ThreadHintsParam {
            reply_token: thread.reply_token.as_deref(),
            tag: thread.tag.as_deref(),
            in_reply_to: thread.in_reply_to.as_deref(),
            references: texts(arena, &thread.references),
            thread_key: thread.thread_key.as_deref(),
            order_id: thread.order_id.as_deref(),
        },
        automatic: message.automatic,
        attributes: attributes(arena, &message.attributes),
    }
}

/// What came in.
pub(crate) fn arrival<'a>(arena: &'a Bump, arrival: &'a Arrival) -> w_channel::Arrival<'a> {
    match arrival {
        Arrival::Http(request) => w_channel::Arrival::Http(w_web::RequestParam {
            method: &request.method,
            url: &request.url,
            headers: attributes(arena, &request.headers),
            body: &request.body,
        }),
        Arrival::Mail { mail_from, rcpt_to, data } => {
            w_channel::Arrival::Mail(w_channel::Envelope { mail_from, rcpt_to: texts(arena, rcpt_to), data })
        }
        Arrival::Document { name, media_type, data } => {
            w_channel::Arrival::Document(w_channel::Document { name, media_type, data })
        }
    }
}

/// What goes out.
pub(crate) fn outgoing<'a>(arena: &'a Bump, message: &'a Outgoing) -> w_channel::Outgoing<'a> {
    w_channel::Outgoing {
        id: arena.alloc_str(&message.id.to_string()),
        at: message.at.0,
        conversation: arena.alloc_str(&message.conversation.to_string()),
        tag: arena.alloc_str(&message.conversation.tag()),
        reply_token: &message.reply_token,
        author: message.author.into(),
        to: handles(arena, &message.to),
        subject: message.subject.as_deref(),
        content: content(arena, &message.content),
        in_reply_to: message.in_reply_to.as_deref(),
        references: texts(arena, &message.references),
        attributes: attributes(arena, &message.attributes),
    }
}

/// What the shop is doing.
pub(crate) fn sign(sign: &Sign) -> w_presence::Sign<'_> {
    match sign {
        Sign::Typing => w_presence::Sign::Typing,
        Sign::Read(id) => w_presence::Sign::Read(id),
    }
}

fn clock(clock: &Clock) -> w_desk::ClockParam<'_> {
    w_desk::ClockParam {
        name: &clock.name,
        target: clock.target,
        calendar: clock.calendar.as_deref(),
        warn_at_percent: clock.warn_at_percent,
        pauses_for_customer: clock.pauses_for_customer,
    }
}

/// An act on an order.
pub(crate) fn operation(operation: &Operation) -> w_trade::OperationParam<'_> {
    use w_trade::OperationParam as To;
    match operation {
        Operation::Refund(order_id, amount, reason) => {
            To::Refund(w_trade::RefundParam { order_id, amount: money(amount), reason })
        }
        Operation::CreateReturn(order) => To::CreateReturn(order),
        Operation::Exchange(order) => To::Exchange(order),
        Operation::InterceptParcel(order) => To::InterceptParcel(order),
        Operation::ChangeAddress(order, address) => To::ChangeAddress((order, address)),
        Operation::Coupon(order, worth) => To::Coupon((order, money(worth))),
        Operation::ExtendWarranty(order, days) => To::ExtendWarranty((order, *days)),
    }
}

fn route<'a>(arena: &'a Bump, route: &'a Route) -> w_desk::RouteParam<'a> {
    w_desk::RouteParam {
        team: &route.team,
        skills: texts(arena, &route.skills),
        prefer_agent: route.prefer_agent.as_ref().map(|agent| agent.as_str()),
        senior: route.senior,
        tier: route.tier,
    }
}

fn action<'a>(arena: &'a Bump, action: &'a Action) -> w_desk::ActionParam<'a> {
    use w_desk::ActionParam as To;
    match action {
        Action::SetGrade(grade) => To::SetGrade((*grade).into()),
        Action::SetCategory(word) => To::SetCategory(word),
        Action::AddTag(tag) => To::AddTag(tag),
        Action::RemoveTag(tag) => To::RemoveTag(tag),
        Action::SetAttribute(fact) => To::SetAttribute(attribute(fact)),
        Action::Route(to) => To::Route(route(arena, to)),
        Action::StartClock(start) => To::StartClock(clock(start)),
        Action::StopClock(name) => To::StopClock(name),
        Action::SetTimer(name, at) => To::SetTimer(w_desk::TimerParam { name, at: at.0 }),
        Action::CancelTimer(name) => To::CancelTimer(name),
        Action::Escalate { level, teams, reason } => {
            To::Escalate(w_desk::EscalationParam { level: *level, teams: texts(arena, teams), reason })
        }
        Action::Reply(reply) => To::Reply(content(arena, reply)),
        Action::Note(text) => To::Note(text),
        Action::Notify(team, text) => To::Notify((team, text)),
        Action::AskEvidence(text, seconds) => To::AskEvidence((text, *seconds)),
        Action::Perform(what) => To::Perform(operation(what)),
        Action::Survey(survey) => To::Survey(w_desk::SurveyParam {
            name: &survey.name,
            invitation: &survey.invitation,
            questions: attributes(arena, &survey.questions),
            open_for: survey.open_for,
        }),
        Action::Draft(draft) => To::Draft(content(arena, draft)),
        Action::HandToHuman(why) => To::HandToHuman(why),
        Action::Snooze(until) => To::Snooze(until.0),
        Action::Close(how) => To::Close(how),
    }
}

fn contact<'a>(arena: &'a Bump, contact: &'a Contact) -> w_desk::Contact<'a> {
    // The contract has no field for the name a person shows; it travels as an attribute.
    let shown = contact.display_name.as_deref().map(|value| w::AttributeParam { name: "display-name", value });
    let known = contact.attributes.iter().map(attribute);
    let attributes = match shown {
        None => attributes(arena, &contact.attributes),
        Some(shown) => {
            let all: Vec<_> = std::iter::once(shown).chain(known).collect();
            arena.alloc_slice_fill_iter(all)
        }
    };
    w_desk::Contact {
        id: arena.alloc_str(&contact.id.to_string()),
        handles: handles(arena, &contact.handles),
        tags: texts(arena, &contact.tags),
        attributes,
    }
}

fn entry(entry: &Entry) -> w_desk::Entry<'_> {
    w_desk::Entry {
        at: entry.at.0,
        author: entry.author.into(),
        text: &entry.text,
        channel: entry.channel.as_str(),
        automatic: entry.automatic,
    }
}

fn running(running: &RunningClock) -> w_desk::RunningClock<'_> {
    w_desk::RunningClock {
        clock: clock(&running.clock),
        started: running.started.0,
        due: running.due.0,
        paused: running.paused,
    }
}

fn decision<'a>(arena: &'a Bump, decision: &'a Decision) -> w_desk::DecisionParam<'a> {
    w_desk::DecisionParam { action: action(arena, &decision.action), rule: &decision.rule, why: &decision.why }
}

/// A conversation at one moment.
pub(crate) fn snapshot<'a>(arena: &'a Bump, snapshot: &'a Snapshot) -> w_desk::Snapshot<'a> {
    w_desk::Snapshot {
        now: snapshot.now.0,
        id: arena.alloc_str(&snapshot.id.to_string()),
        tag: arena.alloc_str(&snapshot.id.tag()),
        channel: snapshot.channel.as_str(),
        subject: snapshot.subject.as_deref(),
        standing: snapshot.standing.into(),
        grade: snapshot.grade.map(Into::into),
        category: snapshot.category.as_deref(),
        tags: texts(arena, &snapshot.tags),
        team: snapshot.team.as_deref(),
        assignee: snapshot.assignee.as_ref().map(|agent| agent.as_str()),
        opened: snapshot.opened.0,
        contact: contact(arena, &snapshot.contact),
        history: list(arena, &snapshot.history, entry),
        orders: list(arena, &snapshot.orders, |one| order(arena, one)),
        clocks: list(arena, &snapshot.clocks, running),
        decided: list(arena, &snapshot.decided, |one| decision(arena, one)),
        attributes: attributes(arena, &snapshot.attributes),
    }
}

/// What a policy is asked about.
pub(crate) fn happening<'a>(arena: &'a Bump, happening: &'a Happening) -> w_desk::Happening<'a> {
    use w_desk::Happening as To;
    match happening {
        Happening::Message(message) => To::Message(inbound(arena, message)),
        Happening::Order(one) => To::Order(order(arena, one)),
        Happening::ClockWarning(name) => To::ClockWarning(name),
        Happening::ClockBreached(name) => To::ClockBreached(name),
        Happening::Timer(name) => To::Timer(name),
        Happening::AgentReplied(reply) => To::AgentReplied(content(arena, reply)),
        Happening::AgentClosed => To::AgentClosed,
        Happening::AgentClaimed(agent) => To::AgentClaimed(agent.as_str()),
        Happening::AgentNoted(text) => To::AgentNoted(text),
        Happening::OperationSettled(how) => To::OperationSettled(attribute(how)),
    }
}
