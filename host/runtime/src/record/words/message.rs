//! Arrivals, messages, orders and deliveries in the words of the contract.
use super::{Fields, Unlike, Word, put_fields, put_shown_fields, record, variant};
use crate::record::pack::Pack;
use crate::record::value::Value;
use std::time::Duration;
use tributary_model::message::{
    Arrival, Attachment, Attribute, Author, Batch, ChannelEvent, Content, Delivery, DeliveryState, Handle, HandleKind,
    Inbound, Outgoing, Profile, Reading, Rejection, Request, Response, SendError, Sign, Supplement, ThreadHints,
    Typing,
};
use tributary_model::order::{Money, Operation, Order, OrderLine, OrderState};

record!(Attribute { name, value });
variant!(HandleKind {
    Email(),
    Phone(),
    WechatOpenid(),
    WechatUnionid(),
    MarketplaceBuyer(),
    Visitor(),
    Other()
});
record!(Handle { kind, value, verified });
variant!(Author { Customer(), Agent(), Bot(), System() });
record!(Attachment { blob, name, media_type, size, content_id });
record!(Content { text, quoted, html, attachments });
record!(ThreadHints { reply_token, tag, in_reply_to, references, thread_key, order_id });
record!(Inbound { external_id, sent_at, author, from, display_name, subject, content, thread, automatic, attributes });
variant!(DeliveryState { Accepted(), Delivered(), Read(), Failed(), Bounced() });
record!(Delivery { outgoing_id, external_id, state, detail });
record!(Profile { handles, display_name, tags, attributes });
record!(Supplement { external_id, attachments, text, attributes });
record!(Typing { from, thread_key });
variant!(ChannelEvent {
    Message(message),
    Order(order),
    Delivery(delivery),
    Profile(profile),
    Supplement(supplement),
    Typing(typing),
});
variant!(Arrival {
    Http(request),
    Mail { mail_from rcpt_to data },
    Document { name media_type data },
});
record!(Reading { events, answer, poll_now });
variant!(Sign { Typing(), Read(up_to) });
variant!(Rejection { Unauthenticated(why), Malformed(why), Ignored(why) });

record!(Money { currency, minor });
variant!(OrderState {
    Placed(),
    Paid(),
    Shipped(),
    InTransit(),
    Stalled(),
    Delivered(),
    RefundRequested(),
    Refunded(),
    Cancelled(),
    AddressChanged()
});
record!(OrderLine { sku, title, quantity, price });
record!(Order { id, state, at, buyer, total, first_order, lines, parcel, promised_by, attributes });
variant!(Operation {
    Refund[order_id amount reason],
    CreateReturn(order),
    Exchange(order),
    InterceptParcel(order),
    ChangeAddress(order address),
    Coupon(order worth),
    ExtendWarranty(order days),
});

impl Word for Request {
    fn put(&self, to: &mut Pack<'_>) {
        to.map(4);
        to.key("method");
        self.method.put(to);
        to.key("url");
        self.url.put(to);
        to.key("headers");
        put_shown_fields(&self.headers, to);
        to.key("body");
        self.body.put(to);
    }

    fn take(from: Value) -> Result<Self, Unlike> {
        let mut fields = Fields::of(from, "Request")?;
        Ok(Self {
            method: fields.take("method")?,
            url: fields.take("url")?,
            headers: fields.take("headers")?,
            body: fields.take("body")?,
        })
    }
}

impl Word for Response {
    fn put(&self, to: &mut Pack<'_>) {
        to.map(3);
        to.key("status");
        self.status.put(to);
        to.key("headers");
        put_fields(&self.headers, to);
        to.key("body");
        to.bytes(&self.body);
    }

    fn take(from: Value) -> Result<Self, Unlike> {
        let mut fields = Fields::of(from, "Response")?;
        let Value::Bytes(body) = fields.value("body") else { return Err(Unlike("list<u8>")) };
        Ok(Self { status: fields.take("status")?, headers: fields.take("headers")?, body })
    }
}

impl Word for Batch {
    fn put(&self, to: &mut Pack<'_>) {
        to.map(3);
        to.key("events");
        self.events.put(to);
        to.key("cursor");
        self.cursor.put(to);
        to.key("again_in");
        self.again_in.as_secs().put(to);
    }

    fn take(from: Value) -> Result<Self, Unlike> {
        let mut fields = Fields::of(from, "Batch")?;
        Ok(Self {
            events: fields.take("events")?,
            cursor: fields.take("cursor")?,
            again_in: Duration::from_secs(fields.take("again_in")?),
        })
    }
}

impl Word for Outgoing {
    fn put(&self, to: &mut Pack<'_>) {
        to.map(12);
        to.key("id");
        self.id.put(to);
        to.key("at");
        self.at.put(to);
        to.key("conversation");
        self.conversation.put(to);
        to.key("tag");
        to.text(&self.conversation.tag());
        to.key("reply_token");
        self.reply_token.put(to);
        to.key("author");
        self.author.put(to);
        to.key("to");
        self.to.put(to);
        to.key("subject");
        self.subject.put(to);
        to.key("content");
        self.content.put(to);
        to.key("in_reply_to");
        self.in_reply_to.put(to);
        to.key("references");
        self.references.put(to);
        to.key("attributes");
        self.attributes.put(to);
    }

    fn take(from: Value) -> Result<Self, Unlike> {
        let mut fields = Fields::of(from, "Outgoing")?;
        Ok(Self {
            id: fields.take("id")?,
            at: fields.take("at")?,
            conversation: fields.take("conversation")?,
            reply_token: fields.take("reply_token")?,
            author: fields.take("author")?,
            to: fields.take("to")?,
            subject: fields.take("subject")?,
            content: fields.take("content")?,
            in_reply_to: fields.take("in_reply_to")?,
            references: fields.take("references")?,
            attributes: fields.take("attributes")?,
        })
    }
}

impl Word for SendError {
    fn put(&self, to: &mut Pack<'_>) {
        to.map(1);
        let (case, why) = match self {
            Self::WindowClosed(why) => ("WindowClosed", why),
            Self::Unauthorised(why) => ("Unauthorised", why),
            Self::Permanent(why) => ("Permanent", why),
            Self::Temporary { why, after } => {
                to.key("Temporary");
                to.list(2);
                why.put(to);
                return after.map(|after| after.as_secs()).put(to);
            }
        };
        to.key(case);
        why.put(to);
    }

    fn take(from: Value) -> Result<Self, Unlike> {
        let (case, payload) = super::case(from, "SendError")?;
        Ok(match case.as_str() {
            "WindowClosed" => Self::WindowClosed(Word::take(payload)?),
            "Unauthorised" => Self::Unauthorised(Word::take(payload)?),
            "Permanent" => Self::Permanent(Word::take(payload)?),
            "Temporary" => {
                let (why, after): (String, Option<u64>) = Word::take(payload)?;
                Self::Temporary { why, after: after.map(Duration::from_secs) }
            }
            _ => return Err(Unlike("SendError")),
        })
    }
}
