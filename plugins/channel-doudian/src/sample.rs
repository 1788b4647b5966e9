//! A call of the hook as the platform would make it, signed with the app's own secret.
use serde_json::json;
use tributary_sdk::Sample;
use tributary_sdk::host::clock;
use tributary_sdk::types::Attribute;
use tributary_sdk::web::Request;

use crate::config::{Config, Tag};
use crate::sign::{Method, SECRET, message};

/// An order that was placed, with the text as the seller's memo: buyers write nothing that the platform passes on.
///
/// # Errors
/// Which secret or tag is missing.
pub fn samples(config: &Config, text: &str) -> Result<Vec<Sample>, String> {
    let now = clock::now();
    let tag = |wanted: Tag| {
        let found = config.tags.iter().find(|(_, tag)| **tag == wanted).map(|(number, _)| number.clone());
        found.ok_or_else(|| format!("no number of `tags` means {wanted:?}"))
    };
    let (order, seconds) = (now.max(1), now / 1_000);
    let shop: u64 = config.shop_id.parse().unwrap_or(0);
    let created = json!({ "p_id": order, "s_ids": [order], "shop_id": shop, "order_status": 1, "order_type": 0,
        "create_time": seconds, "biz": 2 });
    let memo = json!({ "p_id": order, "shop_id": shop, "remark": text, "star": "0", "update_time": seconds });
    let body = json!([
        { "tag": tag(Tag::Created)?, "msg_id": format!("sample-1-{now}"), "data": created.to_string() },
        { "tag": tag(Tag::Memo)?, "msg_id": format!("sample-2-{now}"), "data": memo.to_string() },
    ]);
    let body = body.to_string().into_bytes();
    let signature = message(Method::Md5, &config.app_key, &body)
        .map_err(|_| format!("the secret {SECRET} is not set, or not granted"))?;
    let headers = vec![
        Attribute::new("content-type", "application/json"),
        Attribute::new("app-id", &config.app_key),
        Attribute::new("event-sign", signature),
    ];
    Ok(vec![Sample::Http(Request { method: "POST".into(), url: "/".into(), headers, body })])
}
