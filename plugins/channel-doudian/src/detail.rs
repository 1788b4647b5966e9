//! The whole order, as `/order/orderDetail` (api 15/1343) tells it.
use serde_json::{Value, json};
use tributary_marketplace::field::{id, list, text, whole, word};
use tributary_marketplace::orders::{Kind, Picture, Piece, Snapshot};
use tributary_marketplace::wants::unkept;
use tributary_sdk::host::clock;
use tributary_sdk::types::{OrderState, SendError};

use crate::client::{Failure, call};
use crate::config::Config;
use crate::push::{area, moment, yuan};

/// Every amount is in fen.
pub const CURRENCY: &str = "CNY";

/// The number of an order, without the letter that some lists put behind it.
///
/// # Errors
/// [`SendError::Permanent`] where it is no number.
pub fn number(order: &str) -> Result<String, SendError> {
    let digits = order.trim().trim_end_matches('A');
    id(&Value::from(digits)).ok_or_else(|| SendError::permanent("an order of 抖店 has a number of 19 digits"))
}

/// The order's detail; none where there is no such order in this shop.
///
/// # Errors
/// As [`call`].
pub fn fetch(config: &Config, order: &str) -> Result<Option<Value>, SendError> {
    let order = number(order)?;
    match call(config, "/order/orderDetail", &json!({ "shop_order_id": order })) {
        Ok(data) => Ok(data.get("shop_order_detail").filter(|detail| detail.is_object()).cloned()),
        // 订单不存在, 查询订单不存在, 订单不是该店铺下的订单
        Err(Failure::Refused(code, _))
            if ["parameter-invalid:20001", "parameter-invalid:20014", "business-failed:20015"]
                .iter()
                .any(|none| code.ends_with(none)) =>
        {
            Ok(None)
        }
        Err(failure) => Err(failure.into()),
    }
}

/// The picture of an order with its detail in it.
///
/// # Errors
/// As [`fetch`].
pub fn look_up(config: &Config, order: &str) -> Result<Option<Picture>, SendError> {
    let Some(detail) = fetch(config, order)? else { return Ok(None) };
    let mut picture = Picture::load(&number(order)?).map_err(unkept)?;
    picture.add(read(&detail, clock::now()));
    Ok(Some(picture))
}

/// The detail as a piece of the picture; `now` is when it was asked for.
pub fn read(detail: &Value, now: u64) -> Piece {
    let updated = moment(detail, &["update_time"]).unwrap_or(now);
    let mut piece = Piece { at: updated, ..Piece::default() };
    let mut fact =
        |state: OrderState, keys: &[&str]| piece.facts.push((state, moment(detail, keys).unwrap_or(updated)));
    fact(OrderState::Placed, &["create_time"]);
    if moment(detail, &["pay_time"]).is_some() {
        fact(OrderState::Paid, &["pay_time"]);
    }
    // 101 partly shipped, 3 shipped, 4 cancelled, 5 completed; 21, 22 and 39: paid back before or after shipping, or after
    // it was received.
    match whole(detail, "order_status") {
        Some(3 | 101) => fact(OrderState::Shipped, &["ship_time"]),
        Some(4) => fact(OrderState::Cancelled, &["finish_time"]),
        Some(5) => {
            fact(OrderState::Shipped, &["ship_time", "pay_time"]);
            fact(OrderState::Delivered, &["finish_time"]);
        }
        _ => {}
    }
    if matches!(whole(detail, "main_status"), Some(21 | 22 | 39)) {
        fact(OrderState::Refunded, &["finish_time"]);
    }
    let parcel = list(detail, "logistics_info").iter().rev().find_map(|one| text(one, "tracking_no"));
    let lines = list(detail, "sku_order_list").iter().map(line).collect();
    let buyer = text(detail, "doudian_open_id").map(|buyer| (Kind::Buyer, format!("doudian/{buyer}"), true));
    let address = detail.get("post_addr").unwrap_or(&Value::Null);
    let parts = [area(address), text(address, "encrypt_detail").map(str::to_owned)];
    piece.snapshot = Some(Snapshot {
        version: updated,
        told: now,
        buyer: buyer.into_iter().collect(),
        buyer_name: text(detail, "mask_post_receiver").map(str::to_owned),
        total: (CURRENCY.into(), whole(detail, "pay_amount").or_else(|| whole(detail, "order_amount")).unwrap_or(0)),
        first_order: false,
        lines,
        parcel: parcel.map(str::to_owned),
        promised_by: None,
        address: parts.into_iter().flatten().collect::<Vec<_>>().join("\n"),
        attributes: attributes(detail),
    });
    piece
}

fn line(item: &Value) -> (String, String, u32, i64) {
    let pieces = whole(item, "item_num").unwrap_or(1).clamp(0, i64::from(u32::MAX));
    let sku = text(item, "code").or_else(|| text(item, "out_sku_id")).map(str::to_owned);
    let sku = sku.or_else(|| word(item, "sku_id")).unwrap_or_default();
    let price = whole(item, "origin_amount").or_else(|| whole(item, "goods_price")).unwrap_or(0);
    (sku, text(item, "product_name").unwrap_or_default().to_owned(), u32::try_from(pieces).unwrap_or(1), price)
}

fn attributes(detail: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut push = |name: &str, value: Option<String>| found.extend(value.map(|value| (name.to_owned(), value)));
    let copied = |key: &str| text(detail, key).map(str::to_owned);
    push("order-status", copied("order_status_desc").or_else(|| word(detail, "order_status")));
    push("main-status", copied("main_status_desc"));
    push("cancel-reason", copied("cancel_reason"));
    push("note", copied("buyer_words"));
    push("seller-memo", copied("seller_words"));
    let order_amount = whole(detail, "order_amount");
    push("order-amount", order_amount.filter(|amount| whole(detail, "pay_amount") != Some(*amount)).map(yuan));
    push("ship-by", moment(detail, &["exp_ship_time"]).map(tributary_marketplace::time::to_rfc3339));
    push(
        "carrier",
        list(detail, "logistics_info").iter().rev().find_map(|one| text(one, "company")).map(str::to_owned),
    );
    let address = detail.get("post_addr").unwrap_or(&Value::Null);
    push("shipping-area", area(address));
    push("address-encrypted", text(address, "encrypt_detail").map(str::to_owned));
    push("receiver-encrypted", copied("encrypt_post_receiver"));
    push("phone-encrypted", copied("encrypt_post_tel"));
    push("phone-masked", copied("mask_post_tel"));
    found
}
