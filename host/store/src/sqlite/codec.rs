//! Values of the model as columns, and back.
//!
//! Pairs and handles are JSON arrays, larger things JSON objects whose fields may be absent, so that a later version can
//! add one. An empty list is NULL.
use crate::StoreError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tributary_model::Timestamp;
use tributary_model::calendar::{Period, Plan, WorkingDay};
use tributary_model::decision::Happening;
use tributary_model::message::{Arrival, Attachment, Attribute, Handle, HandleKind, Inbound, Request, ThreadHints};
use tributary_model::order::{Money, Order, OrderLine, OrderState};

/// A moment as a column. One beyond the end of a signed column, which only a guest can name, is the end.
pub(super) fn time(at: Timestamp) -> i64 {
    i64::try_from(at.0).unwrap_or(i64::MAX)
}

/// A column as a moment.
pub(super) fn moment(value: i64) -> Timestamp {
    Timestamp(u64::try_from(value).unwrap_or(0))
}

/// A row, to say where something damaged stands.
#[derive(Clone, Copy)]
pub(super) struct At(pub(super) &'static str, pub(super) i64);

impl At {
    pub(super) fn damaged(self, what: impl Into<String>) -> StoreError {
        StoreError::Damaged { table: self.0, id: self.1, what: what.into() }
    }

    /// The value that a word stands for.
    pub(super) fn word<T>(self, word: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, StoreError> {
        parse(word).ok_or_else(|| self.damaged(format!("the word {word:?}")))
    }

    /// A JSON column.
    pub(super) fn json<T: DeserializeOwned>(self, text: &str) -> Result<T, StoreError> {
        serde_json::from_str(text).map_err(|error| self.damaged(error.to_string()))
    }

    /// A JSON list; NULL is empty.
    pub(super) fn list<T: DeserializeOwned>(self, text: Option<&str>) -> Result<Vec<T>, StoreError> {
        text.map_or_else(|| Ok(Vec::new()), |text| self.json(text))
    }

    pub(super) fn attributes(self, text: Option<&str>) -> Result<Vec<Attribute>, StoreError> {
        Ok(self.list::<(String, String)>(text)?.into_iter().map(attribute).collect())
    }

    pub(super) fn handles(self, text: Option<&str>) -> Result<Vec<Handle>, StoreError> {
        self.list(text)?.into_iter().map(|row| self.handle(row)).collect()
    }

    pub(super) fn attachments(self, text: Option<&str>) -> Result<Vec<Attachment>, StoreError> {
        Ok(self.list::<AttachmentRow>(text)?.into_iter().map(Into::into).collect())
    }

    fn handle(self, (kind, value, verified): HandleRow) -> Result<Handle, StoreError> {
        Ok(Handle { kind: self.word(&kind, HandleKind::parse)?, value, verified })
    }

    /// An order from its column.
    pub(super) fn order(self, text: &str) -> Result<Order, StoreError> {
        let row: OrderRow = self.json(text)?;
        let lines = row.lines.into_iter().map(|(sku, title, quantity, currency, minor)| OrderLine {
            sku,
            title,
            quantity,
            price: Money { currency, minor },
        });
        Ok(Order {
            id: row.id,
            state: self.word(&row.state, OrderState::parse)?,
            at: Timestamp(row.at),
            buyer: row.buyer.into_iter().map(|handle| self.handle(handle)).collect::<Result<_, _>>()?,
            total: Money { currency: row.total.0, minor: row.total.1 },
            first_order: row.first_order,
            lines: lines.collect(),
            parcel: row.parcel,
            promised_by: row.promised_by.map(Timestamp),
            attributes: row.attributes.into_iter().map(attribute).collect(),
        })
    }

    /// A calendar's plan from its column.
    pub(super) fn plan(self, text: &str) -> Result<Plan, StoreError> {
        let row: PlanRow = self.json(text)?;
        let opening = row.opening.into_iter().map(|(days, from, to)| Period { days, from, to });
        let working_days = row.working_days.into_iter().map(|(date, like)| WorkingDay { date, like });
        Ok(Plan {
            zone: row.zone,
            opening: opening.collect(),
            holidays: row.holidays,
            working_days: working_days.collect(),
        })
    }

    /// What happened, from the columns of its row; `None` for the kinds that live in a message row.
    pub(super) fn happening(self, kind: &str, payload: Option<&str>) -> Result<Option<Happening>, StoreError> {
        let payload = payload.unwrap_or("null");
        Ok(Some(match kind {
            "order" => Happening::Order(Box::new(self.order(payload)?)),
            "clock-warning" => Happening::ClockWarning(self.json(payload)?),
            "clock-breached" => Happening::ClockBreached(self.json(payload)?),
            "timer" => Happening::Timer(self.json(payload)?),
            "agent-closed" => Happening::AgentClosed,
            "agent-claimed" => Happening::AgentClaimed(self.json::<String>(payload)?.into()),
            "agent-noted" => Happening::AgentNoted(self.json(payload)?),
            "operation-settled" => Happening::OperationSettled(attribute(self.json(payload)?)),
            "message" | "agent-replied" => return Ok(None),
            other => return Err(self.damaged(format!("the kind {other:?}"))),
        }))
    }

    /// An arrival from its kind, what it was besides bytes, and the bytes.
    pub(super) fn arrival(self, kind: &str, meta: &str, raw: Vec<u8>) -> Result<Arrival, StoreError> {
        let meta: MetaRow = self.json(meta)?;
        let data: Arc<[u8]> = raw.into();
        Ok(match kind {
            "http" => Arrival::Http(Request {
                method: meta.method,
                url: meta.url,
                headers: meta.headers.into_iter().map(attribute).collect(),
                body: data,
            }),
            "mail" => Arrival::Mail { mail_from: meta.mail_from, rcpt_to: meta.rcpt_to, data },
            "document" => Arrival::Document { name: meta.name, media_type: meta.media_type, data },
            other => return Err(self.damaged(format!("the kind {other:?}"))),
        })
    }
}

type HandleRow = (String, String, bool);

fn attribute((name, value): (String, String)) -> Attribute {
    Attribute { name, value }
}

#[derive(Serialize, Deserialize)]
struct AttachmentRow {
    blob: String,
    name: String,
    media_type: String,
    size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_id: Option<String>,
}

impl From<AttachmentRow> for Attachment {
    fn from(row: AttachmentRow) -> Self {
        let AttachmentRow { blob, name, media_type, size, content_id } = row;
        Self { blob, name, media_type, size, content_id }
    }
}

impl From<&Attachment> for AttachmentRow {
    fn from(it: &Attachment) -> Self {
        let Attachment { blob, name, media_type, size, content_id } = it.clone();
        Self { blob, name, media_type, size, content_id }
    }
}

#[derive(Serialize, Deserialize)]
struct OrderRow {
    id: String,
    state: String,
    at: u64,
    buyer: Vec<HandleRow>,
    total: (String, i64),
    first_order: bool,
    lines: Vec<(String, String, u32, String, i64)>,
    parcel: Option<String>,
    promised_by: Option<u64>,
    attributes: Vec<(String, String)>,
}

#[derive(Serialize, Deserialize)]
struct PlanRow {
    zone: String,
    opening: Vec<(Vec<String>, String, String)>,
    holidays: Vec<String>,
    working_days: Vec<(String, String)>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct MetaRow {
    #[serde(skip_serializing_if = "String::is_empty")]
    method: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    url: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    headers: Vec<(String, String)>,
    #[serde(skip_serializing_if = "String::is_empty")]
    mail_from: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rcpt_to: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    media_type: String,
}

/// What an inbound message has beside the columns of every message.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct InboundRow {
    from: Vec<HandleRow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_reply_to: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    references: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<String>,
}

impl InboundRow {
    /// The channel's own id of the dialogue.
    pub(super) fn thread_key(self) -> Option<String> {
        self.thread_key
    }

    /// Author, subject and thread hints.
    pub(super) fn parts(self, at: At) -> Result<(Vec<Handle>, Option<String>, ThreadHints), StoreError> {
        let from = self.from.into_iter().map(|row| at.handle(row)).collect::<Result<_, _>>()?;
        let hints = ThreadHints {
            reply_token: self.reply_token,
            tag: self.tag,
            in_reply_to: self.in_reply_to,
            references: self.references,
            thread_key: self.thread_key,
            order_id: self.order_id,
        };
        Ok((from, self.subject, hints))
    }
}

/// JSON of what serialises without fail: maps with text keys only, and no floats.
pub(super) fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn to_list<T: Serialize>(list: &[T]) -> Option<String> {
    (!list.is_empty()).then(|| to_json(&list))
}

pub(super) fn words(list: &[String]) -> Option<String> {
    to_list(list)
}

pub(super) fn attributes(list: &[Attribute]) -> Option<String> {
    to_list(&list.iter().map(|a| (&a.name, &a.value)).collect::<Vec<_>>())
}

pub(super) fn handles(list: &[Handle]) -> Option<String> {
    to_list(&list.iter().map(|h| (h.kind.as_str(), &h.value, h.verified)).collect::<Vec<_>>())
}

pub(super) fn attachments(list: &[Attachment]) -> Option<String> {
    to_list(&list.iter().map(AttachmentRow::from).collect::<Vec<_>>())
}

pub(super) fn inbound(it: &Inbound) -> String {
    to_json(&InboundRow {
        from: it.from.iter().map(handle_row).collect(),
        subject: it.subject.clone(),
        reply_token: it.thread.reply_token.clone(),
        tag: it.thread.tag.clone(),
        in_reply_to: it.thread.in_reply_to.clone(),
        references: it.thread.references.clone(),
        thread_key: it.thread.thread_key.clone(),
        order_id: it.thread.order_id.clone(),
    })
}

pub(super) fn order(it: &Order) -> String {
    let line = |l: &OrderLine| (l.sku.clone(), l.title.clone(), l.quantity, l.price.currency.clone(), l.price.minor);
    to_json(&OrderRow {
        id: it.id.clone(),
        state: it.state.as_str().to_owned(),
        at: it.at.0,
        buyer: it.buyer.iter().map(handle_row).collect(),
        total: (it.total.currency.clone(), it.total.minor),
        first_order: it.first_order,
        lines: it.lines.iter().map(line).collect(),
        parcel: it.parcel.clone(),
        promised_by: it.promised_by.map(|at| at.0),
        attributes: it.attributes.iter().map(|a| (a.name.clone(), a.value.clone())).collect(),
    })
}

pub(super) fn plan(it: &Plan) -> String {
    let opening = it.opening.iter().map(|it| (it.days.clone(), it.from.clone(), it.to.clone()));
    let working_days = it.working_days.iter().map(|it| (it.date.clone(), it.like.clone()));
    to_json(&PlanRow {
        zone: it.zone.clone(),
        opening: opening.collect(),
        holidays: it.holidays.clone(),
        working_days: working_days.collect(),
    })
}

/// What an arrival is besides its bytes.
pub(super) fn meta(arrival: &Arrival) -> String {
    let mut row = MetaRow::default();
    match arrival {
        Arrival::Http(request) => {
            row.method.clone_from(&request.method);
            row.url.clone_from(&request.url);
            row.headers = request.headers.iter().map(|a| (a.name.clone(), a.value.clone())).collect();
        }
        Arrival::Mail { mail_from, rcpt_to, .. } => {
            row.mail_from.clone_from(mail_from);
            row.rcpt_to.clone_from(rcpt_to);
        }
        Arrival::Document { name, media_type, .. } => {
            row.name.clone_from(name);
            row.media_type.clone_from(media_type);
        }
    }
    to_json(&row)
}

fn handle_row(handle: &Handle) -> HandleRow {
    (handle.kind.as_str().to_owned(), handle.value.clone(), handle.verified)
}
