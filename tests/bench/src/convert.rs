//! Between the model's words and the SDK's, by value: the same work that the host's door does for a component, without
//! the sandbox between.
use tributary_model::conversation::State;
use tributary_model::decision as d;
use tributary_model::message as m;
use tributary_model::order as o;
use tributary_model::{AgentName, Timestamp};
use tributary_sdk::{self as sdk, desk, trade, types, web};

fn attribute(a: &m::Attribute) -> types::Attribute {
    types::Attribute { name: a.name.clone(), value: a.value.clone() }
}

fn from_attribute(a: types::Attribute) -> m::Attribute {
    m::Attribute { name: a.name, value: a.value }
}

fn handle(h: &m::Handle) -> types::Handle {
    let kind = match h.kind {
        m::HandleKind::Email => types::HandleKind::Email,
        m::HandleKind::Phone => types::HandleKind::Phone,
        m::HandleKind::WechatOpenid => types::HandleKind::WechatOpenid,
        m::HandleKind::WechatUnionid => types::HandleKind::WechatUnionid,
        m::HandleKind::MarketplaceBuyer => types::HandleKind::MarketplaceBuyer,
        m::HandleKind::Visitor => types::HandleKind::Visitor,
        m::HandleKind::Other => types::HandleKind::Other,
    };
    types::Handle { kind, value: h.value.clone(), verified: h.verified }
}

fn from_handle(h: types::Handle) -> m::Handle {
    let kind = match h.kind {
        types::HandleKind::Email => m::HandleKind::Email,
        types::HandleKind::Phone => m::HandleKind::Phone,
        types::HandleKind::WechatOpenid => m::HandleKind::WechatOpenid,
        types::HandleKind::WechatUnionid => m::HandleKind::WechatUnionid,
        types::HandleKind::MarketplaceBuyer => m::HandleKind::MarketplaceBuyer,
        types::HandleKind::Visitor => m::HandleKind::Visitor,
        types::HandleKind::Other => m::HandleKind::Other,
    };
    m::Handle { kind, value: h.value, verified: h.verified }
}

fn author(a: m::Author) -> types::Author {
    match a {
        m::Author::Customer => types::Author::Customer,
        m::Author::Agent => types::Author::Agent,
        m::Author::Bot => types::Author::Bot,
        m::Author::System => types::Author::System,
    }
}

fn from_author(a: types::Author) -> m::Author {
    match a {
        types::Author::Customer => m::Author::Customer,
        types::Author::Agent => m::Author::Agent,
        types::Author::Bot => m::Author::Bot,
        types::Author::System => m::Author::System,
    }
}

fn attachment(a: &m::Attachment) -> types::Attachment {
    types::Attachment {
        blob: a.blob.clone(),
        name: a.name.clone(),
        media_type: a.media_type.clone(),
        size: a.size,
        content_id: a.content_id.clone(),
    }
}

fn from_attachment(a: types::Attachment) -> m::Attachment {
    m::Attachment { blob: a.blob, name: a.name, media_type: a.media_type, size: a.size, content_id: a.content_id }
}

/// What is sent, for a policy.
pub fn content(c: &m::Content) -> types::Content {
    types::Content {
        text: c.text.clone(),
        quoted: c.quoted.clone(),
        html: c.html.clone(),
        attachments: c.attachments.iter().map(attachment).collect(),
    }
}

/// What is sent, from a policy.
pub fn from_content(c: types::Content) -> m::Content {
    m::Content {
        text: c.text,
        quoted: c.quoted,
        html: c.html,
        attachments: c.attachments.into_iter().map(from_attachment).collect(),
    }
}

/// An arrival for an adapter.
pub fn arrival(a: &m::Arrival) -> sdk::Arrival {
    match a {
        m::Arrival::Http(r) => sdk::Arrival::Http(web::Request {
            method: r.method.clone(),
            url: r.url.clone(),
            headers: r.headers.iter().map(attribute).collect(),
            body: r.body.to_vec(),
        }),
        m::Arrival::Mail { mail_from, rcpt_to, data } => sdk::Arrival::Mail(sdk::Envelope {
            mail_from: mail_from.clone(),
            rcpt_to: rcpt_to.clone(),
            data: data.to_vec(),
        }),
        m::Arrival::Document { name, media_type, data } => sdk::Arrival::Document(sdk::Document {
            name: name.clone(),
            media_type: media_type.clone(),
            data: data.to_vec(),
        }),
    }
}

/// What an adapter read. Whatever else there is does not come by mail, and is left out.
pub fn reading(r: sdk::Reading) -> m::Reading {
    let events = r.events.into_iter().filter_map(|event| match event {
        types::ChannelEvent::Message(i) => Some(m::ChannelEvent::Message(Box::new(from_inbound(i)))),
        types::ChannelEvent::Delivery(d) => Some(m::ChannelEvent::Delivery(from_delivery(d))),
        _ => None,
    });
    m::Reading { events: events.collect(), answer: None, poll_now: false }
}

/// What a request is answered.
#[cfg(test)]
pub fn response(r: web::Response) -> m::Response {
    m::Response { status: r.status, headers: r.headers.into_iter().map(from_attribute).collect(), body: r.body }
}

/// Why an adapter read nothing.
pub fn rejection(r: sdk::Rejection) -> m::Rejection {
    match r {
        sdk::Rejection::Unauthenticated(why) => m::Rejection::Unauthenticated(why),
        sdk::Rejection::Malformed(why) => m::Rejection::Malformed(why),
        sdk::Rejection::Ignored(why) => m::Rejection::Ignored(why),
    }
}

fn from_delivery(d: types::Delivery) -> m::Delivery {
    let state = match d.state {
        types::DeliveryState::Accepted => m::DeliveryState::Accepted,
        types::DeliveryState::Delivered => m::DeliveryState::Delivered,
        types::DeliveryState::Read => m::DeliveryState::Read,
        types::DeliveryState::Failed => m::DeliveryState::Failed,
        types::DeliveryState::Bounced => m::DeliveryState::Bounced,
    };
    m::Delivery { outgoing_id: d.outgoing_id, external_id: d.external_id, state, detail: d.detail }
}

fn from_inbound(i: types::Inbound) -> m::Inbound {
    m::Inbound {
        external_id: i.external_id,
        sent_at: Timestamp(i.sent_at),
        author: from_author(i.author),
        from: i.from.into_iter().map(from_handle).collect(),
        display_name: i.display_name,
        subject: i.subject,
        content: from_content(i.content),
        thread: m::ThreadHints {
            reply_token: i.thread.reply_token,
            tag: i.thread.tag,
            in_reply_to: i.thread.in_reply_to,
            references: i.thread.references,
            thread_key: i.thread.thread_key,
            order_id: i.thread.order_id,
        },
        automatic: i.automatic,
        attributes: i.attributes.into_iter().map(from_attribute).collect(),
    }
}

fn inbound(i: &m::Inbound) -> types::Inbound {
    types::Inbound {
        external_id: i.external_id.clone(),
        sent_at: i.sent_at.0,
        author: author(i.author),
        from: i.from.iter().map(handle).collect(),
        display_name: i.display_name.clone(),
        subject: i.subject.clone(),
        content: content(&i.content),
        thread: types::ThreadHints {
            reply_token: i.thread.reply_token.clone(),
            tag: i.thread.tag.clone(),
            in_reply_to: i.thread.in_reply_to.clone(),
            references: i.thread.references.clone(),
            thread_key: i.thread.thread_key.clone(),
            order_id: i.thread.order_id.clone(),
        },
        automatic: i.automatic,
        attributes: i.attributes.iter().map(attribute).collect(),
    }
}

fn grade(g: d::Grade) -> desk::Grade {
    match g {
        d::Grade::Inquiry => desk::Grade::Inquiry,
        d::Grade::SimpleComplaint => desk::Grade::SimpleComplaint,
        d::Grade::Dispute => desk::Grade::Dispute,
        d::Grade::Emergency => desk::Grade::Emergency,
    }
}

fn from_grade(g: desk::Grade) -> d::Grade {
    match g {
        desk::Grade::Inquiry => d::Grade::Inquiry,
        desk::Grade::SimpleComplaint => d::Grade::SimpleComplaint,
        desk::Grade::Dispute => d::Grade::Dispute,
        desk::Grade::Emergency => d::Grade::Emergency,
    }
}

fn standing(it: State) -> desk::Standing {
    match it {
        State::Open => desk::Standing::Open,
        State::Answered => desk::Standing::Answered,
        State::Snoozed => desk::Standing::Snoozed,
        State::Closed => desk::Standing::Closed,
    }
}

#[cfg(test)]
fn from_standing(it: desk::Standing) -> State {
    match it {
        desk::Standing::Open => State::Open,
        desk::Standing::Answered => State::Answered,
        desk::Standing::Snoozed => State::Snoozed,
        desk::Standing::Closed => State::Closed,
    }
}

fn clock(c: &d::Clock) -> desk::Clock {
    desk::Clock {
        name: c.name.clone(),
        target: c.target,
        calendar: c.calendar.clone(),
        warn_at_percent: c.warn_at_percent,
        pauses_for_customer: c.pauses_for_customer,
    }
}

/// A conversation for a policy. Whatever else there is does not come by mail, and is left out.
pub fn snapshot(s: &d::Snapshot) -> desk::Snapshot {
    desk::Snapshot {
        now: s.now.0,
        id: s.id.to_string(),
        tag: s.id.tag(),
        channel: s.channel.to_string(),
        subject: s.subject.clone(),
        standing: standing(s.standing),
        grade: s.grade.map(grade),
        category: s.category.clone(),
        tags: s.tags.clone(),
        team: s.team.clone(),
        assignee: s.assignee.as_ref().map(ToString::to_string),
        opened: s.opened.0,
        contact: desk::Contact {
            id: s.contact.id.to_string(),
            handles: s.contact.handles.iter().map(handle).collect(),
            tags: s.contact.tags.clone(),
            attributes: s.contact.attributes.iter().map(attribute).collect(),
        },
        history: s
            .history
            .iter()
            .map(|e| desk::Entry {
                at: e.at.0,
                author: author(e.author),
                text: e.text.clone(),
                channel: e.channel.to_string(),
                automatic: e.automatic,
            })
            .collect(),
        orders: Vec::new(),
        clocks: s
            .clocks
            .iter()
            .map(|c| desk::RunningClock {
                clock: clock(&c.clock),
                started: c.started.0,
                due: c.due.0,
                paused: c.paused,
            })
            .collect(),
        decided: s.decided.iter().map(to_decision).collect(),
        attributes: s.attributes.iter().map(attribute).collect(),
    }
}

/// What a policy is asked about.
pub fn happening(h: &d::Happening) -> desk::Happening {
    match h {
        d::Happening::Message(i) => desk::Happening::Message(inbound(i)),
        d::Happening::ClockWarning(name) => desk::Happening::ClockWarning(name.clone()),
        d::Happening::ClockBreached(name) => desk::Happening::ClockBreached(name.clone()),
        d::Happening::Timer(name) => desk::Happening::Timer(name.clone()),
        d::Happening::AgentReplied(c) => desk::Happening::AgentReplied(content(c)),
        d::Happening::AgentClaimed(agent) => desk::Happening::AgentClaimed(agent.to_string()),
        d::Happening::AgentNoted(text) => desk::Happening::AgentNoted(text.clone()),
        d::Happening::OperationSettled(a) => desk::Happening::OperationSettled(attribute(a)),
        d::Happening::AgentClosed | d::Happening::Order(_) => desk::Happening::AgentClosed,
    }
}

/// Why a policy could not decide.
pub fn fault(f: desk::Fault) -> d::Fault {
    match f {
        desk::Fault::NotConfigured(what) => d::Fault::NotConfigured(what),
        desk::Fault::Internal(what) => d::Fault::Internal(what),
    }
}

/// What a policy before this one decided, as this one sees it.
fn to_decision(it: &d::Decision) -> desk::Decision {
    let action = match &it.action {
        d::Action::SetGrade(g) => desk::Action::SetGrade(grade(*g)),
        d::Action::SetCategory(word) => desk::Action::SetCategory(word.clone()),
        d::Action::AddTag(tag) => desk::Action::AddTag(tag.clone()),
        d::Action::SetAttribute(a) => desk::Action::SetAttribute(attribute(a)),
        d::Action::StartClock(c) => desk::Action::StartClock(clock(c)),
        d::Action::Reply(c) => desk::Action::Reply(content(c)),
        d::Action::Route(r) => desk::Action::Route(desk::Route {
            team: r.team.clone(),
            skills: r.skills.clone(),
            prefer_agent: r.prefer_agent.as_ref().map(ToString::to_string),
            senior: r.senior,
            tier: r.tier,
        }),
        d::Action::RemoveTag(tag) => desk::Action::RemoveTag(tag.clone()),
        d::Action::StopClock(name) => desk::Action::StopClock(name.clone()),
        d::Action::SetTimer(name, at) => desk::Action::SetTimer(desk::Timer { name: name.clone(), at: at.0 }),
        d::Action::CancelTimer(name) => desk::Action::CancelTimer(name.clone()),
        d::Action::Escalate { level, teams, reason } => {
            desk::Action::Escalate(desk::Escalation { level: *level, teams: teams.clone(), reason: reason.clone() })
        }
        d::Action::Note(text) => desk::Action::Note(text.clone()),
        d::Action::Notify(team, text) => desk::Action::Notify((team.clone(), text.clone())),
        d::Action::AskEvidence(text, seconds) => desk::Action::AskEvidence((text.clone(), *seconds)),
        d::Action::Survey(it) => desk::Action::Survey(desk::Survey {
            name: it.name.clone(),
            invitation: it.invitation.clone(),
            questions: it.questions.iter().map(attribute).collect(),
            open_for: it.open_for,
        }),
        d::Action::Draft(c) => desk::Action::Draft(content(c)),
        d::Action::HandToHuman(why) => desk::Action::HandToHuman(why.clone()),
        d::Action::Snooze(until) => desk::Action::Snooze(until.0),
        d::Action::Close(how) => desk::Action::Close(how.clone()),
        d::Action::Perform(operation) => desk::Action::Perform(to_operation(operation)),
    };
    desk::Decision { action, rule: it.rule.clone(), why: it.why.clone() }
}

fn to_operation(it: &o::Operation) -> trade::Operation {
    let money = |m: &o::Money| types::Money { currency: m.currency.clone(), minor: m.minor };
    match it {
        o::Operation::Refund(order, amount, reason) => trade::Operation::Refund(trade::Refund {
            order_id: order.clone(),
            amount: money(amount),
            reason: reason.clone(),
        }),
        o::Operation::CreateReturn(order) => trade::Operation::CreateReturn(order.clone()),
        o::Operation::Exchange(order) => trade::Operation::Exchange(order.clone()),
        o::Operation::InterceptParcel(order) => trade::Operation::InterceptParcel(order.clone()),
        o::Operation::ChangeAddress(order, to) => trade::Operation::ChangeAddress((order.clone(), to.clone())),
        o::Operation::Coupon(order, worth) => trade::Operation::Coupon((order.clone(), money(worth))),
        o::Operation::ExtendWarranty(order, days) => trade::Operation::ExtendWarranty((order.clone(), *days)),
    }
}

/// A decision of a policy.
pub fn decision(it: desk::Decision) -> d::Decision {
    let action = match it.action {
        desk::Action::SetGrade(g) => d::Action::SetGrade(from_grade(g)),
        desk::Action::SetCategory(word) => d::Action::SetCategory(word),
        desk::Action::AddTag(tag) => d::Action::AddTag(tag),
        desk::Action::RemoveTag(tag) => d::Action::RemoveTag(tag),
        desk::Action::SetAttribute(a) => d::Action::SetAttribute(from_attribute(a)),
        desk::Action::Route(r) => d::Action::Route(d::Route {
            team: r.team,
            skills: r.skills,
            prefer_agent: r.prefer_agent.map(AgentName::from),
            senior: r.senior,
            tier: r.tier,
        }),
        desk::Action::StartClock(c) => d::Action::StartClock(from_clock(c)),
        desk::Action::StopClock(name) => d::Action::StopClock(name),
        desk::Action::SetTimer(t) => d::Action::SetTimer(t.name, Timestamp(t.at)),
        desk::Action::CancelTimer(name) => d::Action::CancelTimer(name),
        desk::Action::Escalate(e) => d::Action::Escalate { level: e.level, teams: e.teams, reason: e.reason },
        desk::Action::Reply(c) => d::Action::Reply(from_content(c)),
        desk::Action::Note(text) => d::Action::Note(text),
        desk::Action::Notify((team, text)) => d::Action::Notify(team, text),
        desk::Action::AskEvidence((text, seconds)) => d::Action::AskEvidence(text, seconds),
        desk::Action::Perform(operation) => d::Action::Perform(from_operation(operation)),
        desk::Action::Survey(it) => d::Action::Survey(d::Survey {
            name: it.name,
            invitation: it.invitation,
            questions: it.questions.into_iter().map(from_attribute).collect(),
            open_for: it.open_for,
        }),
        desk::Action::Draft(c) => d::Action::Draft(from_content(c)),
        desk::Action::HandToHuman(why) => d::Action::HandToHuman(why),
        desk::Action::Snooze(until) => d::Action::Snooze(Timestamp(until)),
        desk::Action::Close(how) => d::Action::Close(how),
    };
    d::Decision { action, rule: it.rule, why: it.why }
}

fn from_operation(it: trade::Operation) -> o::Operation {
    match it {
        trade::Operation::Refund(r) => o::Operation::Refund(r.order_id, money(r.amount), r.reason),
        trade::Operation::CreateReturn(order) => o::Operation::CreateReturn(order),
        trade::Operation::Exchange(order) => o::Operation::Exchange(order),
        trade::Operation::InterceptParcel(order) => o::Operation::InterceptParcel(order),
        trade::Operation::ChangeAddress((order, to)) => o::Operation::ChangeAddress(order, to),
        trade::Operation::Coupon((order, worth)) => o::Operation::Coupon(order, money(worth)),
        trade::Operation::ExtendWarranty((order, days)) => o::Operation::ExtendWarranty(order, days),
    }
}

fn money(m: types::Money) -> o::Money {
    o::Money { currency: m.currency, minor: m.minor }
}

fn from_clock(c: desk::Clock) -> d::Clock {
    d::Clock {
        name: c.name,
        target: c.target,
        calendar: c.calendar,
        warn_at_percent: c.warn_at_percent,
        pauses_for_customer: c.pauses_for_customer,
    }
}

/// An order, whatever marketplace it is of.
#[cfg(test)]
fn from_order(it: types::Order) -> o::Order {
    o::Order {
        id: it.id,
        state: o::OrderState::parse(it.state.word()).unwrap_or(o::OrderState::Placed),
        at: Timestamp(it.at),
        buyer: it.buyer.into_iter().map(from_handle).collect(),
        total: money(it.total),
        first_order: it.first_order,
        lines: it
            .lines
            .into_iter()
            .map(|line| o::OrderLine {
                sku: line.sku,
                title: line.title,
                quantity: line.quantity,
                price: money(line.price),
            })
            .collect(),
        parcel: it.parcel,
        promised_by: it.promised_by.map(Timestamp),
        attributes: it.attributes.into_iter().map(from_attribute).collect(),
    }
}

/// A case's conversation as the host has it: its ids are numbers.
#[cfg(test)]
pub fn from_snapshot(s: desk::Snapshot) -> d::Snapshot {
    d::Snapshot {
        now: Timestamp(s.now),
        id: tributary_model::ConversationId::from_tag(&s.tag).unwrap_or(tributary_model::ConversationId(1)),
        channel: s.channel.into(),
        subject: s.subject,
        standing: from_standing(s.standing),
        grade: s.grade.map(from_grade),
        category: s.category,
        tags: s.tags,
        team: s.team,
        assignee: s.assignee.map(AgentName::from),
        opened: Timestamp(s.opened),
        contact: d::Contact {
            id: tributary_model::ContactId(1),
            handles: s.contact.handles.into_iter().map(from_handle).collect(),
            display_name: None,
            tags: s.contact.tags,
            attributes: s.contact.attributes.into_iter().map(from_attribute).collect(),
        },
        history: s
            .history
            .into_iter()
            .map(|e| d::Entry {
                at: Timestamp(e.at),
                author: from_author(e.author),
                text: e.text,
                channel: e.channel.into(),
                automatic: e.automatic,
            })
            .collect(),
        orders: s.orders.into_iter().map(from_order).collect(),
        clocks: s
            .clocks
            .into_iter()
            .map(|c| d::RunningClock {
                clock: from_clock(c.clock),
                started: Timestamp(c.started),
                due: Timestamp(c.due),
                paused: c.paused,
            })
            .collect(),
        decided: s.decided.into_iter().map(decision).collect(),
        attributes: s.attributes.into_iter().map(from_attribute).collect(),
    }
}

/// What a case is about.
#[cfg(test)]
pub fn from_happening(h: desk::Happening) -> d::Happening {
    match h {
        desk::Happening::Message(i) => d::Happening::Message(Box::new(from_inbound(i))),
        desk::Happening::Order(it) => d::Happening::Order(Box::new(from_order(it))),
        desk::Happening::ClockWarning(name) => d::Happening::ClockWarning(name),
        desk::Happening::ClockBreached(name) => d::Happening::ClockBreached(name),
        desk::Happening::Timer(name) => d::Happening::Timer(name),
        desk::Happening::AgentReplied(c) => d::Happening::AgentReplied(from_content(c)),
        desk::Happening::AgentClosed => d::Happening::AgentClosed,
        desk::Happening::AgentClaimed(agent) => d::Happening::AgentClaimed(agent.into()),
        desk::Happening::AgentNoted(text) => d::Happening::AgentNoted(text),
        desk::Happening::OperationSettled(a) => d::Happening::OperationSettled(from_attribute(a)),
    }
}

/// What a review says.
#[cfg(test)]
pub fn verdict(it: desk::Verdict) -> d::Verdict {
    let objections = |all: Vec<desk::Objection>| {
        all.into_iter().map(|it| d::Objection { rule: it.rule, why: it.why, span: it.span }).collect()
    };
    match it {
        desk::Verdict::Pass => d::Verdict::Pass,
        desk::Verdict::Amend(content) => d::Verdict::Amend(from_content(content)),
        desk::Verdict::Warn(all) => d::Verdict::Warn(objections(all)),
        desk::Verdict::Block(all) => d::Verdict::Block(objections(all)),
    }
}
