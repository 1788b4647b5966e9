//! What 抖店 lets a shop do to an order. Most acts answer an application of the buyer (售后单), because a shop cannot open
//! one itself; what the platform has no call for is said in clear words.
//!
//! What came of an act is remembered under `act/KEY`. Where an answer was lost, the case itself says whether it was done:
//! it is looked up before each act, and its `update_time` goes along so that the platform refuses an outdated one.
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tributary_marketplace::field::{cut, id, list, text, whole, word};
use tributary_marketplace::wants::unkept;
use tributary_sdk::host::state;
use tributary_sdk::trade::{Operation, Refund};
use tributary_sdk::types::SendError;

use crate::address;
use crate::client::call;
use crate::config::Config;
use crate::detail::{CURRENCY, fetch, number};
use crate::push::yuan;

/// Bytes of a reason that are passed on at most.
const REASON: usize = 300;

/// An application of the buyer.
struct Case {
    id: String,
    kind: i64,
    status: i64,
    amount: i64,
    updated: Option<i64>,
}

/// Do it, or say what came of it when it was done.
///
/// # Errors
/// [`SendError::Permanent`] with the platform's words where it refuses, otherwise as [`call`].
pub fn perform(config: &Config, operation: &Operation, idempotency_key: &str) -> Result<String, SendError> {
    let digest = Sha256::digest(idempotency_key.as_bytes());
    let place: String = digest.iter().take(8).fold("act/".into(), |place, byte| format!("{place}{byte:02x}"));
    if let Some(done) = state::get(&place).map_err(unkept)? {
        return Ok(String::from_utf8_lossy(&done).into_owned());
    }
    let done = match operation {
        Operation::Refund(wanted) => refund(config, wanted)?,
        Operation::CreateReturn(order) => agree(config, order, 0, config.operate.agree_return)?,
        Operation::Exchange(order) => agree(config, order, 3, config.operate.agree_exchange)?,
        Operation::InterceptParcel(order) => intercept(config, order)?,
        Operation::ChangeAddress((order, to)) => address::change(config, &number(order)?, to)?,
        Operation::Coupon(_) => {
            return Err(SendError::permanent(
                "抖店 has no call that gives one buyer a coupon: send it in the shop's backend (抖店后台)",
            ));
        }
        Operation::ExtendWarranty(_) => {
            return Err(SendError::permanent("抖店 keeps no warranties: write it down in the shop's own system"));
        }
    };
    state::set(&place, done.as_bytes(), Some(config.remember_acts_days.saturating_mul(86_400))).map_err(unkept)?;
    Ok(done)
}

/// The applications of an order, the newest first.
fn cases(config: &Config, order: &str) -> Result<Vec<Case>, SendError> {
    let order = number(order)?;
    let parameters = json!({ "order_id": order, "order_by": ["apply_time desc"], "page": 0, "size": 50 });
    let data = call(config, "/afterSale/List", &parameters)?;
    let read = |item: &Value| {
        let info = item.get("aftersale_info")?;
        Some(Case {
            id: info.get("aftersale_id").and_then(id)?,
            kind: whole(info, "aftersale_type")?,
            status: whole(info, "aftersale_status")?,
            amount: whole(info, "refund_amount").unwrap_or(0),
            updated: whole(info, "update_time"),
        })
    };
    Ok(list(&data, "items").iter().filter_map(read).collect())
}

/// Waiting for the shop's first answer, for the goods, for the shop's word that they are back, done.
const ASKED: i64 = 6;
const UNDER_WAY: [i64; 4] = [7, 8, 11, 13];
const GOODS_BACK: i64 = 11;
const DONE: [i64; 2] = [12, 14];

/// Pay back what the buyer applied for.
fn refund(config: &Config, wanted: &Refund) -> Result<String, SendError> {
    if wanted.amount.currency != CURRENCY {
        return Err(SendError::permanent(format!("抖店 pays back in {CURRENCY}, not in {}", wanted.amount.currency)));
    }
    let cases = cases(config, &wanted.order_id)?;
    let fits = |case: &&Case| matches!(case.kind, 0..=2) && case.amount == wanted.amount.minor;
    if let Some(done) = cases.iter().filter(fits).find(|case| DONE.contains(&case.status)) {
        return Ok(done.id.clone());
    }
    for case in cases.iter().filter(fits) {
        let does = match (case.kind, case.status) {
            (1 | 2, ASKED) => config.operate.agree_refund,
            (0, GOODS_BACK) => config.operate.confirm_goods,
            _ => continue,
        };
        return operate(config, case, does, &wanted.reason, None);
    }
    let open: Vec<_> = cases.iter().filter(|case| !DONE.contains(&case.status)).map(|case| yuan(case.amount)).collect();
    Err(SendError::permanent(if open.is_empty() {
        "抖店 pays back only what the buyer applied for, and there is no application for this order".to_owned()
    } else {
        format!("抖店 pays back exactly what the buyer applied for, once its turn has come: {}", open.join(", "))
    }))
}

/// Agree to a return (0) or an exchange (3) that the buyer applied for.
fn agree(config: &Config, order: &str, kind: i64, does: u32) -> Result<String, SendError> {
    let cases = cases(config, order)?;
    let of_kind = || cases.iter().filter(|case| case.kind == kind);
    if let Some(case) = of_kind().find(|case| case.status == ASKED) {
        let Some(to) = config.return_address_id else {
            return Err(SendError::permanent(
                "`return-address-id` is not set: where should the goods be sent back to?",
            ));
        };
        return operate(config, case, does, "", Some(json!({ "receiver_address_id": to })));
    }
    if let Some(case) = of_kind().find(|case| UNDER_WAY.contains(&case.status) || DONE.contains(&case.status)) {
        return Ok(case.id.clone());
    }
    Err(SendError::permanent("the buyer did not apply for it, and 抖店 lets only buyers do so"))
}

fn operate(
    config: &Config,
    case: &Case,
    does: u32,
    reason: &str,
    logistics: Option<Value>,
) -> Result<String, SendError> {
    let mut item = json!({ "aftersale_id": case.id });
    if !reason.is_empty() {
        item["remark"] = cut(reason, REASON).into();
    }
    if let Some(logistics) = logistics {
        item["logistics"] = logistics;
    }
    if let Some(updated) = case.updated {
        item["update_time"] = updated.into();
    }
    let data = call(config, "/afterSale/operate", &json!({ "type": does, "items": [item] }))?;
    let refused = list(&data, "items").iter().find(|item| whole(item, "status_code").is_some_and(|code| code != 0));
    match refused {
        Some(item) => {
            let said = text(item, "status_msg").unwrap_or("no reason given");
            let code = word(item, "status_code").unwrap_or_default();
            Err(SendError::permanent(format!("抖店: {} ({code})", cut(said, REASON))))
        }
        None => Ok(case.id.clone()),
    }
}

/// Have the carrier stop the order's parcels.
fn intercept(config: &Config, order: &str) -> Result<String, SendError> {
    let detail = fetch(config, order)?.ok_or_else(|| SendError::permanent("there is no such order in this shop"))?;
    let parcel = |one: &Value| {
        let (company, tracking) = (text(one, "company")?, text(one, "tracking_no")?);
        Some(json!({ "company_code": company, "tracking_no": tracking }))
    };
    let parcels: Vec<Value> = list(&detail, "logistics_info").iter().filter_map(parcel).collect();
    if parcels.is_empty() {
        return Err(SendError::permanent("the order has no parcel on its way yet: do not ship it"));
    }
    let cases = cases(config, order)?;
    let case = cases.iter().find(|case| case.status == ASKED && matches!(case.kind, 0 | 1));
    let case = case.ok_or_else(|| {
        SendError::permanent(
            "抖店 stops a parcel only where the buyer applied for a refund, and there is no such application",
        )
    })?;
    // The number goes as one: a text is refused.
    let number: u64 = case.id.parse().map_err(|_| SendError::permanent("the application's number is none"))?;
    let parameters = json!({ "after_sale_id": number, "op_from": 1, "intercept_targets": parcels });
    let data = call(config, "/afterSale/applyLogisticsIntercept", &parameters)?;
    let results = list(&data, "intercept_results");
    let stopped = |one: &&Value| one.get("is_success") == Some(&Value::Bool(true));
    let stopped: Vec<&str> = results.iter().filter(stopped).filter_map(|one| text(one, "tracking_no")).collect();
    if stopped.is_empty() {
        let why = results.iter().find_map(|one| text(one, "unavailable_reason"));
        let why = why.or_else(|| text(&data, "unavailable_reason")).unwrap_or("no reason given");
        return Err(SendError::permanent(format!("the carrier cannot stop it: {}", cut(why, REASON))));
    }
    Ok(stopped.join(","))
}
