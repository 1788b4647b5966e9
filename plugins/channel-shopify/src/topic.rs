//! What each topic tells.
//!
//! | topic | becomes |
//! |---|---|
//! | `orders/*` with a whole order | a piece of the order's picture |
//! | `orders/edited`, `orders/delete`, `…_changed` | a part of it |
//! | `fulfillments/*`, `fulfillment_events/create`, `refunds/create`, `returns/*`, `disputes/*` | a part of it |
//! | `returns/request` with a note of the customer | and a message of the customer |
//! | `customers/create`, `update`, `enable`, `disable`, `delete`, `purchasing_summary` | a profile |
//! | `customers/data_request`, `customers/redact`, `shop/redact` | a message for people: a legal request |
//! | everything else | nothing |
use serde_json::Value;
use tributary_marketplace::field::{cut, id, list, text, word};
use tributary_marketplace::orders::{Kind, Matter, Piece};
use tributary_marketplace::wants::Words;
use tributary_sdk::Rejection;
use tributary_sdk::types::{
    Attribute, Author, ChannelEvent, Content, Handle, HandleKind, Inbound, OrderState, Profile, ThreadHints,
};

use crate::hook::Delivery;
use crate::order::{self, carried, exact_id, fulfilled, moment, parcel, refunded, returned};

/// What a delivery told.
#[derive(Default)]
pub struct Told {
    /// A piece of an order's picture.
    pub order: Option<(String, Piece)>,
    /// Events of their own.
    pub events: Vec<ChannelEvent>,
    /// What the buyer of the order wrote.
    pub words: Option<Words>,
}

/// Read a delivery; none where its topic is of no concern here.
///
/// # Errors
/// [`Rejection::Malformed`] where a topic that is of concern does not say what it has to.
pub fn read(delivery: &Delivery) -> Result<Option<Told>, Rejection> {
    let body = &delivery.body;
    let (family, action) = delivery.topic.split_once('/').unwrap_or((&delivery.topic, ""));
    let mut told = Told::default();
    match (family, action) {
        ("orders" | "order", _) => told.order = orders(delivery, action)?,
        ("fulfillments", "create" | "update") => {
            told.order = Some(part(delivery, |piece| {
                fulfilled(body, piece, delivery.at);
                piece.parcel = parcel(body);
                piece.promised_by = moment(body, &["estimated_delivery_at"]);
                piece.notes.extend(text(body, "tracking_company").map(|name| ("carrier", name.to_owned())));
                piece.notes.extend(text(body, "tracking_url").map(|url| ("tracking-url", url.to_owned())));
            })?)
        }
        ("fulfillment_events", "create") => told.order = Some(part(delivery, |piece| carrier(delivery, piece))?),
        ("refunds", "create") => told.order = Some(part(delivery, |piece| refund(delivery, piece))?),
        ("returns", _) => returns(delivery, action, &mut told)?,
        ("disputes", "create" | "update") => told.order = Some(part(delivery, |piece| dispute(delivery, piece))?),
        ("customers", "create" | "update" | "enable" | "disable" | "delete" | "purchasing_summary") => {
            told.events.push(ChannelEvent::Profile(customer(delivery, action)?));
        }
        ("customers", "data_request" | "redact") | ("shop", "redact") => {
            told.events.push(ChannelEvent::Message(legal(delivery, family, action)));
        }
        _ => return Ok(None),
    }
    let says = told.order.is_some() || told.words.is_some() || !told.events.is_empty();
    Ok(says.then_some(told))
}

fn malformed(delivery: &Delivery, what: &str) -> Rejection {
    Rejection::Malformed(format!("{}: {what}", delivery.topic))
}

/// The order that a part belongs to.
fn order_of(body: &Value) -> Option<String> {
    body.get("order_id").and_then(id).or_else(|| body.get("order").and_then(exact_id))
}

/// A part of the order that the body names.
fn part(delivery: &Delivery, fill: impl FnOnce(&mut Piece)) -> Result<(String, Piece), Rejection> {
    let number = order_of(&delivery.body).ok_or_else(|| malformed(delivery, "no `order_id`"))?;
    let mut piece = Piece { at: delivery.at, ..Piece::default() };
    fill(&mut piece);
    Ok((number, piece))
}

fn orders(delivery: &Delivery, action: &str) -> Result<Option<(String, Piece)>, Rejection> {
    let body = &delivery.body;
    match action {
        // Lines were put in or taken out: the whole order has to be read again.
        "edited" => {
            let edit = body.get("order_edit").ok_or_else(|| malformed(delivery, "no `order_edit`"))?;
            let number = order_of(edit).ok_or_else(|| malformed(delivery, "no `order_edit.order_id`"))?;
            let at = moment(edit, &["committed_at", "created_at"]).unwrap_or(delivery.at);
            let notes = vec![("edited-at", tributary_marketplace::time::to_rfc3339(at))];
            Ok(Some((number, Piece { at: delivery.at, notes, ..Piece::default() })))
        }
        "delete" => {
            let number = exact_id(body).ok_or_else(|| malformed(delivery, "no `id`"))?;
            let (facts, notes) = (vec![(OrderState::Cancelled, delivery.at)], vec![("deleted", "true".to_owned())]);
            Ok(Some((number, Piece { at: delivery.at, facts, notes, ..Piece::default() })))
        }
        "risk_assessment_changed" | "shopify_protect_eligibility_changed" => {
            let (key, name) =
                if action.starts_with("risk") { ("risk_level", "risk-level") } else { ("status", "shopify-protect") };
            // Some versions of these payloads do not say which order they are about.
            let number = order_of(body).or_else(|| exact_id(body));
            let notes = text(body, key).map(|value| (name, value.to_owned())).into_iter().collect();
            Ok(number.map(|number| (number, Piece { at: delivery.at, notes, ..Piece::default() })))
        }
        _ => {
            let read = order::read(body, delivery.at).map_err(|problem| malformed(delivery, &problem))?;
            let (number, mut piece) = read.ok_or_else(|| malformed(delivery, "no `id`"))?;
            if action == "paid" {
                // The payload says when the order was placed, not when the money came.
                let paid = piece.snapshot.as_ref().map_or(delivery.at, |snapshot| snapshot.version);
                piece.facts.push((OrderState::Paid, paid));
            }
            Ok(Some((number, piece)))
        }
    }
}

fn carrier(delivery: &Delivery, piece: &mut Piece) {
    let body = &delivery.body;
    let at = moment(body, &["happened_at", "created_at"]).unwrap_or(delivery.at);
    piece.at = at;
    if let Some(status) = text(body, "status") {
        piece.facts.extend(carried(status).map(|state| (state, at)));
        piece.notes.push(("logistics-status", status.to_ascii_lowercase()));
    }
    piece.notes.extend(text(body, "message").map(|words| ("logistics-message", words.to_owned())));
    let place = [text(body, "city"), text(body, "country")].into_iter().flatten().collect::<Vec<_>>().join(", ");
    piece.notes.push(("logistics-place", place));
    piece.promised_by = moment(body, &["estimated_delivery_at"]);
}

fn refund(delivery: &Delivery, piece: &mut Piece) {
    let body = &delivery.body;
    let at = moment(body, &["processed_at", "created_at"]).unwrap_or(delivery.at);
    // A refund without money only takes pieces out of the order.
    let Some(sum) = refunded(body, "") else { return };
    piece.at = at;
    piece.facts.push((OrderState::Refunded, at));
    if sum.currency != "XXX" {
        piece.notes.push(("refund-amount", format!("{} {}", crate::money::format(&sum), sum.currency)));
    }
    piece.notes.extend(text(body, "note").map(|note| ("refund-note", note.to_owned())));
}

fn returns(delivery: &Delivery, action: &str, told: &mut Told) -> Result<(), Rejection> {
    let body = &delivery.body;
    let Some(number) = exact_id(body) else {
        // `returns/process` says nothing in some versions of its payload.
        return if action == "process" { Ok(()) } else { Err(malformed(delivery, "no `id`")) };
    };
    let Some(order) = order_of(body) else {
        // `returns/update` tells what changed in a return, and not whose it is.
        return if ["update", "process"].contains(&action) { Ok(()) } else { Err(malformed(delivery, "no `order`")) };
    };
    let mut piece = Piece { at: delivery.at, ..Piece::default() };
    if text(body, "status").is_some() {
        returned(body, &mut piece, delivery.at);
    }
    piece.notes.extend(text(body, "status").map(|status| ("return-status", status.to_ascii_lowercase())));
    let decline = body.get("decline").unwrap_or(&Value::Null);
    piece.notes.extend(text(decline, "reason").map(|reason| ("return-decline", reason.to_ascii_lowercase())));
    let lines = list(body, "return_line_items");
    let reasons: Vec<_> = lines.iter().filter_map(|line| text(line, "return_reason")).collect();
    piece.notes.extend(reasons.first().map(|reason| ("return-reason", reason.to_ascii_lowercase())));
    let notes: Vec<_> = lines.iter().filter_map(|line| text(line, "customer_note")).collect();
    if action == "request" && !notes.is_empty() {
        let (external_id, text) = (format!("return/{number}"), notes.join("\n"));
        told.words = Some(Words { external_id, text, at: delivery.at });
    }
    told.order = Some((order, piece));
    Ok(())
}

/// The buyer's bank asks for the money back, or asks why it was taken.
fn dispute(delivery: &Delivery, piece: &mut Piece) {
    let body = &delivery.body;
    let number = exact_id(body).unwrap_or_default();
    let status = text(body, "status").unwrap_or_default().to_ascii_lowercase();
    let ended = moment(body, &["finalized_on", "finalized_at"]).unwrap_or(delivery.at);
    let open = ["needs_response", "under_review"].contains(&status.as_str());
    let at = if open { moment(body, &["initiated_at"]).unwrap_or(delivery.at) } else { ended };
    piece.matters.push(Matter { id: format!("dispute/{number}"), at, open });
    if ["lost", "charge_refunded", "accepted"].contains(&status.as_str()) {
        piece.facts.push((OrderState::Refunded, ended));
    }
    piece.notes.push(("dispute-status", status));
    for (key, name) in
        [("type", "dispute-type"), ("reason", "dispute-reason"), ("evidence_due_by", "dispute-evidence-due")]
    {
        piece.notes.extend(text(body, key).map(|value| (name, value.to_owned())));
    }
    let amount = word(body, "amount").zip(text(body, "currency")).map(|(amount, of)| format!("{amount} {of}"));
    piece.notes.extend(amount.map(|amount| ("dispute-amount", amount)));
}

fn customer(delivery: &Delivery, action: &str) -> Result<Profile, Rejection> {
    let body = &delivery.body;
    let mut attributes = Vec::new();
    let mut push = |name: &str, value: Option<String>| {
        attributes.extend(value.map(|value| Attribute::new(name, cut(&value, 1_000))));
    };
    if action == "purchasing_summary" {
        let number = text(body, "customerId").and_then(|gid| gid.rsplit('/').next()).map(Value::from);
        let number = number.as_ref().and_then(id).ok_or_else(|| malformed(delivery, "no `customerId`"))?;
        push("orders-count", word(body, "numberOfOrders"));
        let spent = body.get("amountSpent").unwrap_or(&Value::Null);
        let amount = word(spent, "amount").zip(text(spent, "currencyCode"));
        push("amount-spent", amount.map(|(amount, currency)| format!("{amount} {currency}")));
        let handles = vec![Handle::verified(HandleKind::MarketplaceBuyer, format!("shopify/{number}"))];
        return Ok(Profile { handles, display_name: None, tags: Vec::new(), attributes });
    }
    if exact_id(body).is_none() {
        return Err(malformed(delivery, "no `id`"));
    }
    push("shopify-state", text(body, "state").map(str::to_owned));
    push("note", text(body, "note").map(str::to_owned));
    push("orders-count", word(body, "orders_count"));
    let address = body.get("default_address").unwrap_or(&Value::Null);
    push("city", text(address, "city").map(str::to_owned));
    push("country", text(address, "country_code").map(str::to_owned));
    push("deleted", (action == "delete").then(|| "true".to_owned()));
    let tags = text(body, "tags").unwrap_or_default().split(',').map(str::trim).filter(|tag| !tag.is_empty());
    Ok(Profile {
        handles: known(body),
        display_name: order::name(body),
        tags: tags.map(str::to_owned).collect(),
        attributes,
    })
}

fn known(customer: &Value) -> Vec<Handle> {
    let kind = |kind| match kind {
        Kind::Email => HandleKind::Email,
        Kind::Phone => HandleKind::Phone,
        Kind::Buyer => HandleKind::MarketplaceBuyer,
    };
    let handles = order::handles(customer).into_iter();
    handles.map(|(of, value, verified)| Handle { kind: kind(of), value, verified }).collect()
}

/// A request that the law lets a customer make, or the end of the app's installation: people have to act.
fn legal(delivery: &Delivery, family: &str, action: &str) -> Inbound {
    let body = &delivery.body;
    let customer = body.get("customer").unwrap_or(&Value::Null);
    let mut from = known(customer);
    if from.is_empty() {
        let shop = cut(text(body, "shop_domain").unwrap_or("unknown"), 255);
        from.push(Handle::claimed(HandleKind::Other, format!("shopify-shop/{shop}")));
    }
    let request = match (family, action) {
        ("customers", "data_request") => "data-request",
        ("customers", _) => "redact",
        _ => "shop-redact",
    };
    let what = match request {
        "data-request" => "A customer asks which data the shop holds about them. Send it to the shop's owner.",
        "redact" => "Erase what is kept about a customer, unless the law requires it to be kept.",
        _ => "The app was taken out of the shop. Erase what is kept about the shop's customers.",
    };
    let ids = |key: &str| list(body, key).iter().filter_map(id).collect::<Vec<_>>().join(", ");
    let orders = [ids("orders_requested"), ids("orders_to_redact")].concat();
    let number = body.get("data_request").and_then(exact_id);
    let name = number.or_else(|| delivery.event.clone()).unwrap_or_else(|| delivery.id.clone());
    let mut attributes = vec![Attribute::new("legal-request", request)];
    if !orders.is_empty() {
        attributes.push(Attribute::new("orders", &orders));
    }
    let about = exact_id(customer).map(|number| format!("\nCustomer: {number}")).unwrap_or_default();
    let about = if orders.is_empty() { about } else { format!("{about}\nOrders: {orders}") };
    Inbound {
        external_id: Some(cut(&format!("{request}/{name}"), 250)),
        sent_at: delivery.at,
        author: Author::System,
        from,
        display_name: None,
        subject: Some(format!("Legal request passed on by Shopify: {request}")),
        content: Content::plain(format!("{what}{about}")),
        thread: ThreadHints::default(),
        automatic: true,
        attributes,
    }
}
