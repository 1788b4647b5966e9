//! Messages that 抖店 pushes: who sent them, and what each tells of an order.
//!
//! A call of the hook is a POST with the headers `app-id` and `event-sign` and a JSON array; each element is
//! `{"tag": "101", "msg_id": "…", "data": "{…}"}`, the data a JSON text. Numbers of orders and cases have 19 digits and
//! stay exact. Names, phone numbers and the house of an address come encrypted; they are handed on as they are, in
//! attributes whose name ends with `-encrypted`.
use serde_json::Value;
use tributary_marketplace::field::{id, text, whole, word};
use tributary_marketplace::orders::{Matter, Piece};
use tributary_marketplace::time::rfc3339;
use tributary_sdk::Rejection;
use tributary_sdk::types::{OrderState, Timestamp};
use tributary_sdk::web::Request;

use crate::config::{Config, Tag};
use crate::sign;

/// The tag of the platform's own test of the hook.
const TEST: &str = "0";

/// One message.
pub struct Message {
    /// What it tells; none where that is of no concern.
    pub tag: Option<Tag>,
    /// Its number as the platform gives it; the test of the hook has none.
    pub id: Option<String>,
    /// What it says.
    pub data: Value,
}

/// Verify a call of the hook and take it apart.
///
/// # Errors
/// [`Rejection::Unauthenticated`] for what the platform did not sign, [`Rejection::Malformed`] for what it did and is no
/// array of messages.
pub fn verify(config: &Config, request: &Request) -> Result<Vec<Message>, Rejection> {
    let forged = |why: &str| Rejection::Unauthenticated(why.to_owned());
    let header = |name: &str| request.header(name).map(str::trim).filter(|value| !value.is_empty());
    if header("app-id").ok_or_else(|| forged("the header app-id is missing"))? != config.app_key {
        return Err(forged("the messages are for another app"));
    }
    let given = header("event-sign").ok_or_else(|| forged("the header event-sign is missing"))?;
    let signed = sign::is_signed(&config.app_key, &request.body, given);
    if request.body.is_empty() || !signed.map_err(|_| forged("the secret doudian-secret is not set"))? {
        return Err(forged("the signature does not fit the body"));
    }
    let parsed: Value = serde_json::from_slice(&request.body)
        .map_err(|error| Rejection::Malformed(format!("the body is no JSON: {error}")))?;
    let Value::Array(items) = parsed else {
        return Err(Rejection::Malformed("the body is no array of messages".into()));
    };
    items.iter().enumerate().map(|(place, item)| read(config, place, item)).collect()
}

fn read(config: &Config, place: usize, item: &Value) -> Result<Message, Rejection> {
    let malformed = |what: &str| Rejection::Malformed(format!("message {place}: {what}"));
    let tag = word(item, "tag").ok_or_else(|| malformed("no `tag`"))?;
    if tag == TEST {
        return Ok(Message { tag: None, id: None, data: Value::Null });
    }
    let Some(meaning) = config.tags.get(&tag) else { return Ok(Message { tag: None, id: None, data: Value::Null }) };
    let number = word(item, "msg_id").or_else(|| word(item, "msgId")).ok_or_else(|| malformed("no `msg_id`"))?;
    let data = match item.get("data") {
        Some(Value::String(data)) => serde_json::from_str(data).map_err(|_| malformed("`data` is no JSON"))?,
        Some(data) => data.clone(),
        None => Value::Null,
    };
    if !data.is_object() {
        return Err(malformed("`data` is no object"));
    }
    Ok(Message { tag: Some(*meaning), id: Some(number), data })
}

/// A moment: seconds since the Unix epoch, or RFC 3339; in milliseconds.
pub fn moment(value: &Value, keys: &[&str]) -> Option<Timestamp> {
    keys.iter().find_map(|key| match whole(value, key) {
        Some(seconds) => u64::try_from(seconds).ok().filter(|seconds| *seconds > 0)?.checked_mul(1_000),
        None => text(value, key).and_then(rfc3339),
    })
}

/// Fen as people read them.
pub fn yuan(fen: i64) -> String {
    let (sign, fen) = (if fen < 0 { "-" } else { "" }, fen.unsigned_abs());
    format!("{sign}{}.{:02} CNY", fen / 100, fen % 100)
}

/// What a message tells of which order.
///
/// # Errors
/// [`Rejection::Malformed`] where it names no order.
pub fn piece(tag: Tag, data: &Value, now: Timestamp) -> Result<(String, Piece), Rejection> {
    let order = data.get("p_id").and_then(id).or_else(|| data.get("s_id").and_then(id));
    let order =
        order.ok_or_else(|| Rejection::Malformed("a message without `p_id`, the number of its order".into()))?;
    let mut piece = Piece { at: moment(data, own_time(tag)).unwrap_or(now), ..Piece::default() };
    let at = piece.at;
    let state = match tag {
        Tag::Created => Some(OrderState::Placed),
        Tag::Paid => Some(OrderState::Paid),
        Tag::Shipped | Tag::PartlyShipped => Some(OrderState::Shipped),
        Tag::Completed => Some(OrderState::Delivered),
        Tag::Cancelled => Some(OrderState::Cancelled),
        Tag::AddressChanged => Some(OrderState::AddressChanged),
        Tag::RefundDone => Some(OrderState::Refunded),
        _ => None,
    };
    piece.facts.extend(state.map(|state| (state, at)));
    if let Some(logistics) = data.get("logistics_msg") {
        piece.parcel = text(logistics, "logistics_code").map(str::to_owned);
        note(&mut piece, "carrier", text(logistics, "express_company_id").map(str::to_owned));
    }
    note(&mut piece, "partly-shipped", (tag == Tag::PartlyShipped).then(|| "true".into()));
    note(&mut piece, "cancel-reason", text(data, "cancel_reason").map(str::to_owned));
    note(&mut piece, "seller-memo", text(data, "remark").map(str::to_owned));
    if tag == Tag::DeliveryTime {
        piece.promised_by = moment(data, &["exp_delivery_time"]);
    }
    if matches!(tag, Tag::AddressChanged | Tag::AddressAsked) {
        address(data, tag, &mut piece);
    }
    if data.get("aftersale_id").is_some() {
        after_sale(tag, data, &mut piece)?;
    }
    Ok((order, piece))
}

/// Under which key a message says when what it tells happened.
fn own_time(tag: Tag) -> &'static [&'static str] {
    match tag {
        Tag::Created | Tag::Pending => &["create_time", "update_time"],
        Tag::Paid => &["pay_time", "update_time"],
        Tag::Completed => &["complete_time", "update_time"],
        Tag::Cancelled => &["cancel_time", "update_time"],
        Tag::AddressAsked => &["apply_time", "update_time"],
        Tag::AmountChanged => &["modify_time", "update_time"],
        Tag::RefundAsked => &["modify_time", "apply_time", "update_time"],
        Tag::RefundAgreed | Tag::ReturnAgreed => &["agree_time", "update_time"],
        Tag::GoodsSentBack => &["return_time", "update_time"],
        Tag::RefundRefused | Tag::ReturnRefused => &["refuse_time", "update_time"],
        Tag::RefundDone => &["success_time", "update_time"],
        Tag::RefundClosed => &["close_time", "update_time"],
        _ => &["update_time"],
    }
}

fn note(piece: &mut Piece, name: &'static str, value: Option<String>) {
    piece.notes.extend(value.map(|value| (name, value)));
}

/// The receiver of another address, as asked for or as changed.
fn address(data: &Value, tag: Tag, piece: &mut Piece) {
    note(piece, "address-change", Some(if tag == Tag::AddressAsked { "asked" } else { "done" }.into()));
    let Some(receiver) = data.get("receiver_msg") else { return };
    note(piece, "receiver-encrypted", text(receiver, "encrypt_name").map(str::to_owned));
    note(piece, "phone-encrypted", text(receiver, "encrypt_tel").map(str::to_owned));
    let parsed = text(receiver, "addr").and_then(|address| serde_json::from_str::<Value>(address).ok());
    let Some(parsed) = parsed.as_ref().or_else(|| receiver.get("addr")).filter(|parsed| parsed.is_object()) else {
        return;
    };
    note(piece, "shipping-area", area(parsed));
    note(piece, "address-encrypted", text(parsed, "encrypt_detail").map(str::to_owned));
}

/// Province, city, district and street of an address.
pub fn area(address: &Value) -> Option<String> {
    let levels = ["province", "city", "town", "street"];
    let names: Vec<_> = levels.iter().filter_map(|level| text(address.get(*level)?, "name")).collect();
    (!names.is_empty()).then(|| names.join(" "))
}

fn after_sale(tag: Tag, data: &Value, piece: &mut Piece) -> Result<(), Rejection> {
    let case = data.get("aftersale_id").and_then(id);
    let case = case.ok_or_else(|| Rejection::Malformed("a message whose `aftersale_id` is no number".into()))?;
    let over = [Tag::RefundRefused, Tag::ReturnRefused, Tag::RefundDone, Tag::RefundClosed].contains(&tag);
    piece.matters.push(Matter { id: format!("aftersale/{case}"), at: piece.at, open: !over });
    note(piece, "aftersale-id", Some(case));
    note(piece, "aftersale-status", word(data, "aftersale_status"));
    let kind = whole(data, "aftersale_type").map(kind);
    note(piece, "aftersale-type", kind.map(str::to_owned));
    note(piece, "refund-amount", whole(data, "refund_amount").map(yuan));
    note(piece, "reason-code", word(data, "reason_code"));
    note(piece, "arbitration-status", word(data, "arbitrate_status"));
    Ok(())
}

/// What kind of case it is (aftersale_type).
pub fn kind(number: i64) -> &'static str {
    match number {
        0 => "return",
        1 => "refund-after-shipping",
        2 => "refund-before-shipping",
        3 => "exchange",
        6 => "price-protection",
        7 => "another-piece",
        8 => "repair",
        _ => "other",
    }
}
