//! Arbitrary values of the model go into a recording and come back as they were.
use super::*;
use crate::record::pack;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use std::fmt::Debug;
use std::time::Duration;
use tributary_model::conversation::State;
use tributary_model::decision::{
    Action, Clock, Contact, Decision, Entry, Fault, Grade, Happening, Objection, Route, RunningClock, Snapshot, Survey,
    Verdict,
};
use tributary_model::message::{
    Arrival, Attachment, Attribute, Author, ChannelEvent, Content, Delivery, DeliveryState, Handle, HandleKind,
    Inbound, Outgoing, Profile, Reading, Rejection, Request, Response, SendError, Supplement, ThreadHints, Typing,
};
use tributary_model::order::{Money, Operation, Order, OrderLine, OrderState};

fn round<T: Word + PartialEq + Debug>(value: &T) {
    let mut to = Pack::new();
    value.put(&mut to);
    let packed = to.finish().unwrap();
    let read = pack::read(&packed).unwrap();
    assert_eq!(T::take(read.clone()).as_ref(), Ok(value));
    // One value has one form: tapes are compared by it.
    let mut to = Pack::new();
    to.value(&read);
    assert_eq!(to.finish().unwrap(), packed);
}

fn text() -> impl Strategy<Value = String> {
    "\\PC{0,20}"
}

fn moment() -> impl Strategy<Value = Timestamp> {
    any::<u64>().prop_map(Timestamp)
}

fn attribute() -> impl Strategy<Value = Attribute> {
    (text(), text()).prop_map(|(name, value)| Attribute { name, value })
}

fn handle() -> impl Strategy<Value = Handle> {
    (proptest::sample::select(&HandleKind::ALL[..]), text(), any::<bool>()).prop_map(|(kind, value, verified)| Handle {
        kind,
        value,
        verified,
    })
}

fn author() -> impl Strategy<Value = Author> {
    proptest::sample::select(vec![Author::Customer, Author::Agent, Author::Bot, Author::System])
}

fn content() -> impl Strategy<Value = Content> {
    let file = (text(), text(), text(), any::<u64>(), of(text()))
        .prop_map(|(blob, name, media_type, size, content_id)| Attachment { blob, name, media_type, size, content_id });
    (text(), of(text()), of(text()), vec(file, 0..3)).prop_map(|(text, quoted, html, attachments)| Content {
        text,
        quoted,
        html,
        attachments,
    })
}

fn inbound() -> impl Strategy<Value = Inbound> {
    let thread = (of(text()), of(text()), of(text()), vec(text(), 0..3), of(text()), of(text())).prop_map(
        |(reply_token, tag, in_reply_to, references, thread_key, order_id)| ThreadHints {
            reply_token,
            tag,
            in_reply_to,
            references,
            thread_key,
            order_id,
        },
    );
    let head = (of(text()), moment(), author(), vec(handle(), 0..3), of(text()), of(text()));
    (head, content(), thread, any::<bool>(), vec(attribute(), 0..3)).prop_map(
        |((external_id, sent_at, author, from, display_name, subject), content, thread, automatic, attributes)| {
            Inbound {
                external_id,
                sent_at,
                author,
                from,
                display_name,
                subject,
                content,
                thread,
                automatic,
                attributes,
            }
        },
    )
}

fn money() -> impl Strategy<Value = Money> {
    (text(), any::<i64>()).prop_map(|(currency, minor)| Money { currency, minor })
}

fn order() -> impl Strategy<Value = Order> {
    let line = (text(), text(), any::<u32>(), money()).prop_map(|(sku, title, quantity, price)| OrderLine {
        sku,
        title,
        quantity,
        price,
    });
    let head = (text(), proptest::sample::select(&OrderState::ALL[..]), moment(), vec(handle(), 0..2), money());
    let tail = (any::<bool>(), vec(line, 0..3), of(text()), of(moment()), vec(attribute(), 0..2));
    (head, tail).prop_map(|((id, state, at, buyer, total), (first_order, lines, parcel, promised_by, attributes))| {
        Order { id, state, at, buyer, total, first_order, lines, parcel, promised_by, attributes }
    })
}

fn grade() -> impl Strategy<Value = Grade> {
    proptest::sample::select(&Grade::ALL[..])
}

fn clock() -> impl Strategy<Value = Clock> {
    (text(), any::<u32>(), of(text()), any::<u8>(), any::<bool>()).prop_map(
        |(name, target, calendar, warn_at_percent, pauses_for_customer)| Clock {
            name,
            target,
            calendar,
            warn_at_percent,
            pauses_for_customer,
        },
    )
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        (text(), money(), text()).prop_map(|(order, amount, reason)| Operation::Refund(order, amount, reason)),
        text().prop_map(Operation::CreateReturn),
        text().prop_map(Operation::Exchange),
        text().prop_map(Operation::InterceptParcel),
        (text(), text()).prop_map(|(order, address)| Operation::ChangeAddress(order, address)),
        (text(), money()).prop_map(|(order, worth)| Operation::Coupon(order, worth)),
        (text(), any::<u32>()).prop_map(|(order, days)| Operation::ExtendWarranty(order, days)),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    let route = (text(), vec(text(), 0..2), of(text()), any::<bool>(), any::<u8>()).prop_map(
        |(team, skills, agent, senior, tier)| {
            Action::Route(Route { team, skills, prefer_agent: agent.map(AgentName::from), senior, tier })
        },
    );
    let survey =
        (text(), text(), vec(attribute(), 0..3), any::<u32>()).prop_map(|(name, invitation, questions, open_for)| {
            Action::Survey(Survey { name, invitation, questions, open_for })
        });
    let words = prop_oneof![
        text().prop_map(Action::SetCategory),
        text().prop_map(Action::AddTag),
        text().prop_map(Action::RemoveTag),
        text().prop_map(Action::StopClock),
        text().prop_map(Action::CancelTimer),
        text().prop_map(Action::Note),
        text().prop_map(Action::HandToHuman),
        text().prop_map(Action::Close),
        moment().prop_map(Action::Snooze),
    ];
    prop_oneof![
        words,
        grade().prop_map(Action::SetGrade),
        attribute().prop_map(Action::SetAttribute),
        route,
        survey,
        content().prop_map(Action::Draft),
        clock().prop_map(Action::StartClock),
        (text(), moment()).prop_map(|(name, at)| Action::SetTimer(name, at)),
        (any::<u8>(), vec(text(), 0..3), text()).prop_map(|(level, teams, reason)| Action::Escalate {
            level,
            teams,
            reason
        }),
        content().prop_map(Action::Reply),
        (text(), text()).prop_map(|(team, text)| Action::Notify(team, text)),
        (text(), any::<u32>()).prop_map(|(text, seconds)| Action::AskEvidence(text, seconds)),
        operation().prop_map(Action::Perform),
    ]
}

fn decision() -> impl Strategy<Value = Decision> {
    (action(), text(), text()).prop_map(|(action, rule, why)| Decision { action, rule, why })
}

fn snapshot() -> impl Strategy<Value = Snapshot> {
    let contact = (any::<i64>(), vec(handle(), 0..2), vec(text(), 0..2), vec(attribute(), 0..2)).prop_map(
        |(id, handles, tags, attributes)| Contact { id: ContactId(id), handles, display_name: None, tags, attributes },
    );
    let entry =
        (moment(), author(), text(), text(), any::<bool>()).prop_map(|(at, author, text, channel, automatic)| Entry {
            at,
            author,
            text,
            channel: channel.into(),
            automatic,
        });
    let running = (clock(), moment(), moment(), any::<bool>()).prop_map(|(clock, started, due, paused)| RunningClock {
        clock,
        started,
        due,
        paused,
    });
    let head = (moment(), any::<i64>(), text(), of(text()), of(grade()), of(text()), vec(text(), 0..2), of(text()));
    let lists = (vec(entry, 0..4), vec(order(), 0..2), vec(running, 0..2), vec(decision(), 0..3));
    let standing = prop_oneof![Just(State::Open), Just(State::Answered), Just(State::Snoozed), Just(State::Closed)];
    (head, (of(text()), standing), moment(), contact, lists, vec(attribute(), 0..3)).prop_map(
        |(
            (now, id, channel, subject, grade, category, tags, team),
            (assignee, standing),
            opened,
            contact,
            (history, orders, clocks, decided),
            attributes,
        )| Snapshot {
            now,
            id: ConversationId(id),
            channel: channel.into(),
            subject,
            standing,
            grade,
            category,
            tags,
            team,
            assignee: assignee.map(AgentName::from),
            opened,
            contact,
            history,
            orders,
            clocks,
            decided,
            attributes,
        },
    )
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        inbound().prop_map(|message| Happening::Message(Box::new(message))),
        order().prop_map(|order| Happening::Order(Box::new(order))),
        text().prop_map(Happening::ClockWarning),
        text().prop_map(Happening::ClockBreached),
        text().prop_map(Happening::Timer),
        content().prop_map(Happening::AgentReplied),
        Just(Happening::AgentClosed),
        text().prop_map(|agent| Happening::AgentClaimed(agent.into())),
        text().prop_map(Happening::AgentNoted),
        attribute().prop_map(Happening::OperationSettled),
    ]
}

fn arrival() -> impl Strategy<Value = Arrival> {
    let bytes = || vec(any::<u8>(), 0..80).prop_map(Arc::<[u8]>::from);
    prop_oneof![
        (text(), text(), vec(attribute(), 0..3), bytes())
            .prop_map(|(method, url, headers, body)| Arrival::Http(Request { method, url, headers, body })),
        (text(), vec(text(), 0..3), bytes()).prop_map(|(mail_from, rcpt_to, data)| Arrival::Mail {
            mail_from,
            rcpt_to,
            data
        }),
        (text(), text(), bytes()).prop_map(|(name, media_type, data)| Arrival::Document { name, media_type, data }),
    ]
}

fn delivery() -> impl Strategy<Value = Delivery> {
    let states = [
        DeliveryState::Accepted,
        DeliveryState::Delivered,
        DeliveryState::Read,
        DeliveryState::Failed,
        DeliveryState::Bounced,
    ];
    (of(text()), of(text()), proptest::sample::select(states.to_vec()), of(text()))
        .prop_map(|(outgoing_id, external_id, state, detail)| Delivery { outgoing_id, external_id, state, detail })
}

fn reading() -> impl Strategy<Value = Reading> {
    let event = prop_oneof![
        inbound().prop_map(|message| ChannelEvent::Message(Box::new(message))),
        order().prop_map(|order| ChannelEvent::Order(Box::new(order))),
        delivery().prop_map(ChannelEvent::Delivery),
        (vec(handle(), 0..3), of(text()), vec(text(), 0..3), vec(attribute(), 0..3)).prop_map(
            |(handles, display_name, tags, attributes)| {
                ChannelEvent::Profile(Profile { handles, display_name, tags, attributes })
            }
        ),
        (text(), content(), of(text()), vec(attribute(), 0..3)).prop_map(|(external_id, content, text, attributes)| {
            ChannelEvent::Supplement(Supplement { external_id, attachments: content.attachments, text, attributes })
        }),
        (vec(handle(), 0..3), of(text()))
            .prop_map(|(from, thread_key)| ChannelEvent::Typing(Typing { from, thread_key })),
    ];
    let answer = (100u16..600, vec(attribute(), 0..2), vec(any::<u8>(), 0..60))
        .prop_map(|(status, headers, body)| Response { status, headers, body });
    (vec(event, 0..3), of(answer), any::<bool>()).prop_map(|(events, answer, poll_now)| Reading {
        events,
        answer,
        poll_now,
    })
}

fn outgoing() -> impl Strategy<Value = Outgoing> {
    let head = (any::<i64>(), moment(), any::<i64>(), text(), author(), vec(handle(), 0..3));
    (head, of(text()), content(), of(text()), vec(text(), 0..3), vec(attribute(), 0..3)).prop_map(
        |((id, at, conversation, reply_token, author, to), subject, content, in_reply_to, references, attributes)| {
            Outgoing {
                id: OutgoingId(id),
                at,
                conversation: ConversationId(conversation),
                reply_token,
                author,
                to,
                subject,
                content,
                in_reply_to,
                references,
                attributes,
            }
        },
    )
}

fn objections() -> impl Strategy<Value = Vec<Objection>> {
    vec((text(), text(), of(any::<(u32, u32)>())).prop_map(|(rule, why, span)| Objection { rule, why, span }), 0..3)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_policies_see_and_say_comes_back(snapshot in snapshot(), happening in happening(), said in vec(decision(), 0..4)) {
        round(&snapshot);
        round(&happening);
        round(&Ok::<_, Fault>(said));
    }

    #[test]
    fn what_adapters_see_and_say_comes_back(arrival in arrival(), reading in reading(), message in outgoing(), news in delivery()) {
        round(&arrival);
        round(&Ok::<_, Rejection>(reading));
        round(&message);
        round(&Ok::<_, SendError>(news));
    }

    #[test]
    fn verdicts_and_errors_come_back(content in content(), objections in objections(), words in text(), seconds in of(any::<u32>())) {
        let verdicts =
            [Verdict::Pass, Verdict::Amend(content), Verdict::Warn(objections.clone()), Verdict::Block(objections)];
        verdicts.iter().for_each(round);
        [Fault::NotConfigured(words.clone()), Fault::Internal(words.clone())].iter().for_each(round);
        let rejections =
            [Rejection::Unauthenticated(words.clone()), Rejection::Malformed(words.clone()), Rejection::Ignored(words.clone())];
        rejections.iter().for_each(round);
        let after = seconds.map(|seconds| Duration::from_secs(seconds.into()));
        let errors = [
            SendError::WindowClosed(words.clone()),
            SendError::Unauthorised(words.clone()),
            SendError::Permanent(words.clone()),
            SendError::Temporary { why: words, after },
        ];
        errors.iter().for_each(round);
    }
}

#[test]
fn the_name_a_person_shows_travels_as_the_contract_has_it() {
    let contact = Contact {
        id: ContactId(1),
        handles: vec![],
        display_name: Some("Li Na".into()),
        tags: vec![],
        attributes: vec![Attribute { name: "a".into(), value: "b".into() }],
    };
    let mut to = Pack::new();
    contact.put(&mut to);
    let read = Contact::take(pack::read(&to.finish().unwrap()).unwrap()).unwrap();
    assert_eq!(read.attributes[0], Attribute { name: "display-name".into(), value: "Li Na".into() });
    assert_eq!((read.attributes.len(), read.display_name), (2, None));
}
