//! The access token of the shop (guide 9/22): made once, renewed before it ends or where the platform says that it has
//! ended, and kept in `state` under `token`.
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tributary_marketplace::field::{text, whole};
use tributary_marketplace::wants::unkept;
use tributary_sdk::host::{clock, secrets, state};
use tributary_sdk::types::SendError;

use crate::client::{Failure, ask};
use crate::config::{App, Config};

/// The secret with the code of the shop's authorisation, for an app that serves many shops.
pub const CODE: &str = "doudian-code";
const PLACE: &str = "token";

#[derive(Serialize, Deserialize)]
struct Token {
    access: String,
    refresh: String,
    /// When it ends, in milliseconds.
    until: u64,
}

/// A token that is good for now.
///
/// # Errors
/// [`SendError`], where none can be had.
pub fn access(config: &Config) -> Result<String, SendError> {
    match kept()? {
        Some(token) if token.until > clock::now() + u64::from(config.token_margin_seconds) * 1_000 => Ok(token.access),
        _ => renew(config),
    }
}

/// A new token: by the one that is kept, or from the beginning where that does not work any more.
///
/// # Errors
/// [`SendError`], where none can be had.
pub fn renew(config: &Config) -> Result<String, SendError> {
    if let Some(token) = kept()? {
        let parameters = json!({ "grant_type": "refresh_token", "refresh_token": token.refresh });
        match ask(config, "/token/refresh", &parameters, None) {
            Ok(data) => return keep(&data),
            Err(Failure::Other(error)) => return Err(error),
            // It has ended, or was taken back: the shop's own app may simply begin anew.
            Err(Failure::Refused(..) | Failure::Token(_)) => {}
        }
    }
    let parameters = match config.app {
        App::Own => json!({ "code": "", "grant_type": "authorization_self", "shop_id": config.shop_id }),
        App::Tool => {
            let code = secrets::get(CODE).map_err(|_| {
                let words =
                    format!("the secret {CODE} is not set: have the shop authorise the app, and put its code there");
                SendError::Unauthorised(words)
            })?;
            json!({ "code": code.trim(), "grant_type": "authorization_code" })
        }
    };
    match ask(config, "/token/create", &parameters, None) {
        Ok(data) => keep(&data),
        Err(Failure::Other(error)) => Err(error),
        Err(Failure::Refused(_, words) | Failure::Token(words)) => Err(SendError::Unauthorised(words)),
    }
}

fn kept() -> Result<Option<Token>, SendError> {
    let kept = state::get(PLACE).map_err(unkept)?;
    Ok(kept.and_then(|kept| serde_json::from_slice(&kept).ok()))
}

fn keep(data: &Value) -> Result<String, SendError> {
    let part = |key: &str| {
        text(data, key).ok_or_else(|| SendError::temporary(format!("抖店's answer to the token has no `{key}`")))
    };
    let seconds = whole(data, "expires_in").and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(0);
    let token = Token {
        access: part("access_token")?.to_owned(),
        refresh: part("refresh_token")?.to_owned(),
        until: clock::now().saturating_add(seconds.saturating_mul(1_000)),
    };
    state::set(PLACE, &serde_json::to_vec(&token).unwrap_or_default(), None).map_err(unkept)?;
    Ok(token.access)
}
