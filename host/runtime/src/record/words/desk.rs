//! What policies see, are asked about and answer, in the words of the contract.
use super::{Fields, Unlike, Word, record, variant};
use crate::record::pack::Pack;
use crate::record::value::Value;
use tributary_model::conversation::State;
use tributary_model::decision::{
    Action, Clock, Contact, Decision, Entry, Fault, Grade, Happening, Objection, Route, RunningClock, Snapshot, Survey,
    Verdict,
};
use tributary_model::message::Attribute;

variant!(Grade { Inquiry(), SimpleComplaint(), Dispute(), Emergency() });
record!(Route { team, skills, prefer_agent, senior, tier });
record!(Survey { name, invitation, questions, open_for });
variant!(State { Open(), Answered(), Snoozed(), Closed() });
record!(Clock { name, target, calendar, warn_at_percent, pauses_for_customer });
record!(RunningClock { clock, started, due, paused });
variant!(Action {
    SetGrade(grade),
    SetCategory(word),
    AddTag(tag),
    RemoveTag(tag),
    SetAttribute(fact),
    Route(route),
    StartClock(clock),
    StopClock(name),
    SetTimer[name at],
    CancelTimer(name),
    Escalate { level teams reason },
    Reply(content),
    Note(text),
    Notify(team text),
    AskEvidence(text seconds),
    Perform(operation),
    Survey(survey),
    Draft(content),
    HandToHuman(why),
    Snooze(until),
    Close(how),
});
record!(Decision { action, rule, why });
record!(Entry { at, author, text, channel, automatic });
variant!(Happening {
    Message(message),
    Order(order),
    ClockWarning(name),
    ClockBreached(name),
    Timer(name),
    AgentReplied(content),
    AgentClosed(),
    AgentClaimed(agent),
    AgentNoted(text),
    OperationSettled(how),
});
variant!(Fault { NotConfigured(what), Internal(what) });
record!(Objection { rule, why, span });
variant!(Verdict { Pass(), Amend(content), Warn(objections), Block(objections) });

/// The contract has no field for the name a person shows: it travels as an attribute, and stays one.
impl Word for Contact {
    fn put(&self, to: &mut Pack<'_>) {
        to.map(4);
        to.key("id");
        self.id.put(to);
        to.key("handles");
        self.handles.put(to);
        to.key("tags");
        self.tags.put(to);
        to.key("attributes");
        to.list(self.attributes.len() + usize::from(self.display_name.is_some()));
        if let Some(name) = &self.display_name {
            Attribute { name: "display-name".into(), value: name.clone() }.put(to);
        }
        self.attributes.iter().for_each(|attribute| attribute.put(to));
    }

    fn take(from: Value) -> Result<Self, Unlike> {
        let mut fields = Fields::of(from, "Contact")?;
        Ok(Self {
            id: fields.take("id")?,
            handles: fields.take("handles")?,
            display_name: None,
            tags: fields.take("tags")?,
            attributes: fields.take("attributes")?,
        })
    }
}

impl Word for Snapshot {
    fn put(&self, to: &mut Pack<'_>) {
        to.map(18);
        to.key("now");
        self.now.put(to);
        to.key("id");
        self.id.put(to);
        to.key("tag");
        to.text(&self.id.tag());
        to.key("channel");
        self.channel.put(to);
        to.key("subject");
        self.subject.put(to);
        to.key("standing");
        self.standing.put(to);
        to.key("grade");
        self.grade.put(to);
        to.key("category");
        self.category.put(to);
        to.key("tags");
        self.tags.put(to);
        to.key("team");
        self.team.put(to);
        to.key("assignee");
        self.assignee.put(to);
        to.key("opened");
        self.opened.put(to);
        to.key("contact");
        self.contact.put(to);
        to.key("history");
        self.history.put(to);
        to.key("orders");
        self.orders.put(to);
        to.key("clocks");
        self.clocks.put(to);
        to.key("decided");
        self.decided.put(to);
        to.key("attributes");
        self.attributes.put(to);
    }

    fn take(from: Value) -> Result<Self, Unlike> {
        let mut fields = Fields::of(from, "Snapshot")?;
        Ok(Self {
            now: fields.take("now")?,
            id: fields.take("id")?,
            channel: fields.take("channel")?,
            subject: fields.take("subject")?,
            standing: fields.take("standing")?,
            grade: fields.take("grade")?,
            category: fields.take("category")?,
            tags: fields.take("tags")?,
            team: fields.take("team")?,
            assignee: fields.take("assignee")?,
            opened: fields.take("opened")?,
            contact: fields.take("contact")?,
            history: fields.take("history")?,
            orders: fields.take("orders")?,
            clocks: fields.take("clocks")?,
            decided: fields.take("decided")?,
            attributes: fields.take("attributes")?,
        })
    }
}
