//! Calls of the Admin GraphQL API, and what their failures mean.
//!
//! `POST {api}/admin/api/{version}/graphql.json` with the header `x-shopify-access-token` (shopify.dev, "GraphQL Admin
//! API"). An answer of 200 may still carry `errors`; of these `THROTTLED` says what it costs and how fast the bucket fills.
use serde_json::{Value, json};
use tributary_marketplace::field::{cut, list, text};
use tributary_sdk::host::http::{self, HttpError};
use tributary_sdk::host::secrets;
use tributary_sdk::types::{Attribute, SendError};
use tributary_sdk::web::{Request, Response};

use crate::config::Config;

/// The secret with the access token of the shop's app.
pub const TOKEN: &str = "shopify-token";
/// Bytes of somebody else's words that are passed on at most.
const WORDS: usize = 500;

/// Ask the API; the result is `data`.
///
/// # Errors
/// [`SendError`], by what the answer says.
pub fn call(config: &Config, document: &str, variables: &Value) -> Result<Value, SendError> {
    let token = secrets::get(TOKEN)
        .map_err(|_| SendError::Unauthorised(format!("the secret {TOKEN} is not set, or not granted")))?;
    let request = Request {
        method: "POST".into(),
        url: format!("{}/admin/api/{}/graphql.json", config.api.trim_end_matches('/'), config.api_version),
        headers: vec![
            Attribute::new("content-type", "application/json"),
            Attribute::new("x-shopify-access-token", token.trim()),
        ],
        body: json!({ "query": document, "variables": variables }).to_string().into_bytes(),
    };
    let response = http::send(&request).map_err(unanswered)?;
    read(&response)
}

fn unanswered(error: HttpError) -> SendError {
    match error {
        HttpError::Denied(host) => {
            SendError::permanent(format!("the channel may not reach {host}: grant it as egress"))
        }
        HttpError::TooLarge(limit) => SendError::permanent(format!("Shopify's answer is larger than {limit} bytes")),
        HttpError::Timeout => SendError::temporary("Shopify did not answer in time"),
        HttpError::Unreachable(_) => SendError::temporary("Shopify cannot be reached"),
    }
}

fn read(response: &Response) -> Result<Value, SendError> {
    let status = response.status;
    match status {
        200 => {}
        401 | 403 => {
            return Err(SendError::Unauthorised(format!("Shopify answers {status}: the token is not accepted")));
        }
        429 => {
            let wait = response.header("retry-after").and_then(|wait| wait.trim().parse::<f64>().ok());
            // Shopify writes `2.0`.
            let seconds = wait.filter(|wait| (0.0..86_400.0).contains(wait)).map_or(2, |wait| wait.ceil() as u32);
            return Err(SendError::temporary_after("Shopify is asked too often", seconds.max(1)));
        }
        402 | 408 | 423 | 430 | 500.. => return Err(SendError::temporary(format!("Shopify answers {status}"))),
        404 => {
            let words = "Shopify answers 404: is `api` the shop's address, and `api-version` one it serves?";
            return Err(SendError::permanent(words));
        }
        _ => return Err(SendError::permanent(format!("Shopify answers {status}"))),
    }
    let Ok(mut answer) = serde_json::from_slice::<Value>(&response.body) else {
        return Err(SendError::temporary("Shopify's answer is no JSON"));
    };
    if let Some(error) = answer.get("errors").filter(|errors| !errors.is_null()) {
        return Err(refused(error, &answer));
    }
    match answer.get_mut("data").map(Value::take) {
        Some(data) if data.is_object() => Ok(data),
        _ => Err(SendError::temporary("Shopify's answer has no `data`")),
    }
}

/// Top-level errors: a list, or a text.
fn refused(errors: &Value, answer: &Value) -> SendError {
    let listed = errors.as_array().map_or(&[][..], Vec::as_slice);
    let codes: Vec<&str> = listed.iter().filter_map(|error| text(error.get("extensions")?, "code")).collect();
    let said: Vec<&str> = listed.iter().filter_map(|error| text(error, "message")).collect();
    let said = if said.is_empty() { errors.as_str().unwrap_or("no reason given").to_owned() } else { said.join("; ") };
    let words = format!("Shopify: {}", cut(&said, WORDS));
    let has = |code: &str| codes.contains(&code);
    if has("THROTTLED") {
        let cost = answer.pointer("/extensions/cost").unwrap_or(&Value::Null);
        let number = |pointer: &str| cost.pointer(pointer).and_then(Value::as_f64).filter(|number| number.is_finite());
        let wanted = number("/requestedQueryCost").unwrap_or(0.0);
        let there = number("/throttleStatus/currentlyAvailable").unwrap_or(0.0);
        let rate = number("/throttleStatus/restoreRate").filter(|rate| *rate > 0.0).unwrap_or(50.0);
        let seconds = ((wanted - there) / rate).ceil().clamp(1.0, 3_600.0) as u32;
        return SendError::temporary_after(words, seconds);
    }
    if has("ACCESS_DENIED") || has("SHOP_INACTIVE") {
        return SendError::Unauthorised(words);
    }
    if has("INTERNAL_SERVER_ERROR") || has("TIMEOUT") {
        return SendError::temporary(words);
    }
    SendError::permanent(words)
}

/// The payload of a mutation.
///
/// # Errors
/// [`SendError::Permanent`] with Shopify's words where it has `userErrors`.
pub fn payload(data: &Value, mutation: &str) -> Result<Value, SendError> {
    let Some(payload) = data.get(mutation).filter(|payload| payload.is_object()) else {
        return Err(SendError::temporary(format!("Shopify's answer has no `{mutation}`")));
    };
    let errors = list(payload, "userErrors");
    if errors.is_empty() {
        return Ok(payload.clone());
    }
    let words = errors.iter().map(|error| {
        let path = list(error, "field").iter().filter_map(Value::as_str).collect::<Vec<_>>().join(".");
        let said = text(error, "message").unwrap_or("no reason given");
        if path.is_empty() { said.to_owned() } else { format!("{path}: {said}") }
    });
    Err(SendError::permanent(format!("Shopify: {}", cut(&words.collect::<Vec<_>>().join("; "), WORDS))))
}
