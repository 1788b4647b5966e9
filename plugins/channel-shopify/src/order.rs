//! An order as Shopify writes it, read into a piece of its picture. The payload of `orders/*` and the answer to
//! `graphql/order.graphql`, which names its fields like the payload, are read alike.
use serde_json::Value;
use tributary_marketplace::field::{id, list, text, whole, word};
use tributary_marketplace::orders::{Kind, Matter, Piece, Snapshot};
use tributary_marketplace::time::rfc3339;
use tributary_sdk::types::{Money, OrderState, Timestamp};

use crate::money;

/// The number at the end of `gid://shopify/Order/820982911946154508`, or the plain id. The former is exact even where
/// somebody's JSON has rounded the latter.
pub fn exact_id(value: &Value) -> Option<String> {
    let global = text(value, "admin_graphql_api_id").and_then(|gid| gid.rsplit('/').next());
    global.and_then(|digits| id(&Value::from(digits))).or_else(|| value.get("id").and_then(id))
}

/// A moment under one of these keys, in milliseconds.
pub fn moment(value: &Value, keys: &[&str]) -> Option<Timestamp> {
    keys.iter().find_map(|key| text(value, key).and_then(rfc3339))
}

/// An amount of a set: in the currency the buyer saw, or in the shop's own.
fn of_set(value: &Value, key: &str, side: &str) -> Option<Money> {
    let amount = value.get(key)?.get(side)?;
    money::parse(&word(amount, "amount")?, text(amount, "currency_code")?)
}

/// The order as a piece; `at` is when it was told. None where there is no id.
///
/// # Errors
/// What cannot be read: the sum, or a price.
pub fn read(order: &Value, at: Timestamp) -> Result<Option<(String, Piece)>, String> {
    let Some(number) = exact_id(order) else { return Ok(None) };
    let mut piece = Piece { at, ..Piece::default() };
    facts(order, &mut piece, at);
    let (total, lines) = sums(order)?;
    let customer = order.get("customer").unwrap_or(&Value::Null);
    let fulfilments = list(order, "fulfillments");
    let parcel = fulfilments.iter().rev().find_map(parcel);
    let mut snapshot = Snapshot {
        version: moment(order, &["updated_at"]).unwrap_or(at),
        told: at,
        buyer: handles(customer),
        buyer_name: name(customer),
        first_order: whole(customer, "orders_count") == Some(1),
        lines,
        parcel,
        promised_by: fulfilments.iter().rev().find_map(|one| moment(one, &["estimated_delivery_at"])),
        address: address(order),
        attributes: attributes(order, &total),
        total: (total.currency, total.minor),
    };
    contact(order, &mut snapshot);
    piece.snapshot = Some(snapshot);
    Ok(Some((number, piece)))
}

/// The sum and the lines, both in the currency the buyer saw where everything is told in it, else in the shop's.
#[allow(clippy::type_complexity, reason = "the lines as a snapshot keeps them")]
fn sums(order: &Value) -> Result<(Money, Vec<(String, String, u32, i64)>), String> {
    let lines = list(order, "line_items");
    let plain = |value: &Value, key: &str| -> Option<Money> {
        money::parse(&word(value, key)?, text(order, "currency").or_else(|| text(value, "currency"))?)
    };
    let shown = of_set(order, "total_price_set", "presentment_money");
    let prices: Option<Vec<Money>> = lines.iter().map(|line| of_set(line, "price_set", "presentment_money")).collect();
    let (total, prices) = match (shown, prices) {
        (Some(total), Some(prices)) if prices.iter().all(|price| price.currency == total.currency) => (total, prices),
        _ => {
            let total = plain(order, "total_price").or_else(|| of_set(order, "total_price_set", "shop_money"));
            let total = total.ok_or("`total_price` is no amount in `currency`")?;
            let price = |line: &Value| plain(line, "price").or_else(|| of_set(line, "price_set", "shop_money"));
            let prices: Option<Vec<Money>> = lines.iter().map(price).collect();
            (total, prices.ok_or("a line's `price` is no amount in `currency`")?)
        }
    };
    let read = |(line, price): (&Value, Money)| {
        let pieces = whole(line, "quantity").unwrap_or(0).clamp(0, i64::from(u32::MAX));
        let title = text(line, "name").or_else(|| text(line, "title")).unwrap_or_default();
        let sku = text(line, "sku").unwrap_or_default();
        (sku.to_owned(), title.to_owned(), u32::try_from(pieces).unwrap_or(0), price.minor)
    };
    Ok((total, lines.iter().zip(prices).map(read).collect()))
}

/// Which states were reached, and when.
fn facts(order: &Value, piece: &mut Piece, at: Timestamp) {
    let created = moment(order, &["created_at", "processed_at"]).unwrap_or(at);
    piece.facts.push((OrderState::Placed, created));
    let paid = text(order, "financial_status").map(str::to_ascii_lowercase);
    if paid.is_some_and(|paid| ["paid", "partially_refunded", "refunded"].contains(&paid.as_str())) {
        piece.facts.push((OrderState::Paid, moment(order, &["processed_at", "created_at"]).unwrap_or(at)));
    }
    for fulfilment in list(order, "fulfillments") {
        fulfilled(fulfilment, piece, at);
    }
    for refund in list(order, "refunds") {
        if refunded(refund, "").is_some() {
            piece.facts.push((OrderState::Refunded, moment(refund, &["processed_at", "created_at"]).unwrap_or(at)));
        }
    }
    for given_back in list(order, "returns") {
        returned(given_back, piece, at);
    }
    if let Some(cancelled) = moment(order, &["cancelled_at"]) {
        piece.facts.push((OrderState::Cancelled, cancelled));
    }
}

/// What a fulfilment says: handed over, and how far its parcel got.
pub fn fulfilled(fulfilment: &Value, piece: &mut Piece, at: Timestamp) {
    let status = text(fulfilment, "status").unwrap_or_default();
    if !status.eq_ignore_ascii_case("success") {
        return;
    }
    piece.facts.push((OrderState::Shipped, moment(fulfilment, &["created_at"]).unwrap_or(at)));
    let moved = moment(fulfilment, &["delivered_at", "updated_at"]).unwrap_or(at);
    if let Some(state) = text(fulfilment, "shipment_status").and_then(carried) {
        piece.facts.push((state, moved));
    }
}

/// Where a parcel is, by the carrier's word (shopify.dev, FulfillmentEventStatus). None for those that say nothing of the
/// way, such as a printed label.
pub fn carried(status: &str) -> Option<OrderState> {
    match status.to_ascii_lowercase().as_str() {
        "in_transit" | "out_for_delivery" | "attempted_delivery" | "carrier_picked_up" => Some(OrderState::InTransit),
        "delivered" | "picked_up" => Some(OrderState::Delivered),
        "delayed" | "failure" | "not_delivered" => Some(OrderState::Stalled),
        _ => None,
    }
}

/// The carrier's number of a fulfilment.
pub fn parcel(fulfilment: &Value) -> Option<String> {
    let tracked = || text(list(fulfilment, "tracking").first()?, "number");
    text(fulfilment, "tracking_number").or_else(tracked).map(str::to_owned)
}

/// The money that a refund gave back: the sum of its transactions that succeeded, in their one currency. None where it
/// gave none.
pub fn refunded(refund: &Value, currency: &str) -> Option<Money> {
    let mut sum: Option<Money> = None;
    for transaction in list(refund, "transactions") {
        let is = |key: &str, wanted: &str| text(transaction, key).is_some_and(|word| word.eq_ignore_ascii_case(wanted));
        if !is("kind", "refund") || !is("status", "success") {
            continue;
        }
        let plain = || {
            let currency = text(transaction, "currency").unwrap_or(currency);
            // Without a currency only whether money went back is known.
            money::parse(&word(transaction, "amount")?, if currency.is_empty() { "XXX" } else { currency })
        };
        let amount = plain().or_else(|| of_set(transaction, "amount_set", "presentment_money"))?;
        sum = Some(match sum {
            Some(sum) if sum.currency == amount.currency => {
                Money { minor: sum.minor.saturating_add(amount.minor), ..sum }
            }
            Some(sum) => sum,
            None => amount,
        });
    }
    sum.filter(|sum| sum.minor > 0)
}

/// What a return says of the order: the buyer waits for money back as long as it is asked for or open.
pub fn returned(given_back: &Value, piece: &mut Piece, at: Timestamp) {
    let Some(number) = exact_id(given_back) else { return };
    let status = text(given_back, "status").unwrap_or_default().to_ascii_lowercase();
    let open = ["requested", "open"].contains(&status.as_str());
    let known = if open { moment(given_back, &["created_at"]) } else { moment(given_back, &["closed_at"]) };
    piece.matters.push(Matter { id: format!("return/{number}"), at: known.unwrap_or(at), open });
}

/// How a customer is known. A signed telling of Shopify's proves Shopify's own id, and a mail address where Shopify says
/// that it is verified.
pub fn handles(customer: &Value) -> Vec<(Kind, String, bool)> {
    let mut known = Vec::new();
    if let Some(number) = exact_id(customer) {
        known.push((Kind::Buyer, format!("shopify/{number}"), true));
    }
    let verified = customer.get("verified_email").and_then(Value::as_bool) == Some(true);
    let nested = |key: &str| text(customer.get(key)?, "value");
    if let Some(address) = text(customer, "email").or_else(|| nested("email_address")).and_then(mailbox) {
        known.push((Kind::Email, address, verified));
    }
    if let Some(number) = text(customer, "phone").or_else(|| nested("phone_number")).and_then(phone) {
        known.push((Kind::Phone, number, false));
    }
    known
}

/// The address and number that were given with the order, where they are others than the customer's own.
fn contact(order: &Value, snapshot: &mut Snapshot) {
    let given = [
        (Kind::Email, text(order, "email").or_else(|| text(order, "contact_email")).and_then(mailbox)),
        (Kind::Phone, text(order, "phone").and_then(phone)),
    ];
    for (kind, value) in given {
        let Some(value) = value else { continue };
        if !snapshot.buyer.iter().any(|(known, of, _)| *known == kind && *of == value) {
            snapshot.buyer.push((kind, value, false));
        }
    }
}

/// A mail address with its domain in lower case; none where it is longer than one can be (RFC 5321, 4.5.3.1).
pub fn mailbox(address: &str) -> Option<String> {
    let (local, domain) = address.rsplit_once('@')?;
    let sound = (1..=64).contains(&local.len()) && (1..=255).contains(&domain.len());
    let plain = sound && !address.contains(char::is_whitespace);
    plain.then(|| format!("{local}@{}", domain.to_ascii_lowercase()))
}

/// An E.164 number; what is not written as one is none, because its country is not known.
pub fn phone(number: &str) -> Option<String> {
    let digits: String = number.chars().filter(|letter| !" -()".contains(*letter)).collect();
    let plain = digits.strip_prefix('+')?.bytes().all(|byte| byte.is_ascii_digit());
    (plain && (8..=16).contains(&digits.len())).then_some(digits)
}

/// The name a customer shows.
pub fn name(customer: &Value) -> Option<String> {
    let parts = [text(customer, "first_name"), text(customer, "last_name")];
    let name = parts.into_iter().flatten().collect::<Vec<_>>().join(" ").replace(char::is_control, " ");
    (!name.is_empty()).then_some(name)
}

/// The delivery address in one text.
fn address(order: &Value) -> String {
    let Some(address) = order.get("shipping_address") else { return String::new() };
    let parts = ["name", "company", "address1", "address2", "zip", "city", "province", "country_code", "phone"];
    parts.iter().filter_map(|part| text(address, part)).collect::<Vec<_>>().join("\n")
}

fn attributes(order: &Value, total: &Money) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut push = |name: &str, value: Option<String>| found.extend(value.map(|value| (name.to_owned(), value)));
    let lower = |key: &str| text(order, key).map(str::to_ascii_lowercase);
    push("order-name", text(order, "name").map(str::to_owned));
    push("financial-status", lower("financial_status"));
    push("fulfillment-status", lower("fulfillment_status"));
    push("cancel-reason", lower("cancel_reason"));
    push("note", text(order, "note").map(str::to_owned));
    let shipping = order.get("shipping_address").unwrap_or(&Value::Null);
    push("shipping-city", text(shipping, "city").map(str::to_owned));
    push("shipping-province", text(shipping, "province").map(str::to_owned));
    push("shipping-country", text(shipping, "country_code").map(str::to_owned));
    let tags = list(order, "tags").iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
    push("tags", text(order, "tags").map(str::to_owned).or((!tags.is_empty()).then_some(tags)));
    push("source", text(order, "source_name").map(str::to_owned));
    push("test", order.get("test").filter(|test| **test == Value::Bool(true)).map(|_| "true".into()));
    let shown = |money: Money| format!("{} {}", money::format(&money), money.currency);
    let shop = of_set(order, "total_price_set", "shop_money").filter(|shop| shop.currency != total.currency);
    push("shop-total", shop.map(shown));
    let current = of_set(order, "current_total_price_set", "presentment_money");
    push("current-total", current.filter(|current| current.minor != total.minor).map(shown));
    let carrier = |one: &Value| {
        text(one, "tracking_company").or_else(|| text(list(one, "tracking").first()?, "company")).map(str::to_owned)
    };
    push("carrier", list(order, "fulfillments").iter().rev().find_map(carrier));
    found
}
