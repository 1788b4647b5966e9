//! `kf/sync_msg`: what is new, for each customer service account from its own cursor on.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tributary_sdk::host::{self, log, state};
use tributary_wechat::api::Failure;
use tributary_wechat::code::{BELL, Platform};
use tributary_wechat::fetch::Round;
use tributary_wechat::{StoreError, key};

use crate::CustomerService;

/// Accounts of one company at most.
const ACCOUNTS: u32 = 200;
/// When to go on after a failure, in seconds.
const LATER: u32 = 60;

/// Where one account was read to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    /// The platform's cursor.
    #[serde(default, rename = "at")]
    cursor: String,
    /// While history is read for the first time: what was sent before this second is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<u64>,
}

impl CustomerService {
    /// Pulls from every account. The result is the next cursor, and whether anything was read.
    pub(crate) fn pull(&self, cursor: Option<&str>, round: &mut Round) -> Result<(String, bool), Failure> {
        let mut places: BTreeMap<String, Place> =
            cursor.and_then(|cursor| serde_json::from_str(cursor).ok()).unwrap_or_default();
        let mut calls = self.config.pull_rounds;
        let mut read = false;
        'accounts: for account in self.accounts()? {
            let first = Place {
                cursor: String::new(),
                since: Some((host::clock::now() / 1000).saturating_sub(u64::from(self.config.history_seconds))),
            };
            let place = places.entry(account.clone()).or_insert(first);
            loop {
                if calls == 0 {
                    round.within(0);
                    break;
                }
                calls -= 1;
                let answer = match self.sync(&account, &place.cursor) {
                    Ok(answer) => answer,
                    Err(failure) => {
                        let away = failure.is_general(Platform::Service) || matches!(failure, Failure::NoAnswer(_));
                        if away && !read {
                            return Err(failure);
                        }
                        log::warn("a customer service account could not be asked for its messages");
                        round.within(LATER);
                        // What was read so far is kept; and one account's own fault holds up no other.
                        if away { break 'accounts } else { break }
                    }
                };
                read = true;
                for item in answer["msg_list"].as_array().into_iter().flatten() {
                    let sent = item["send_time"].as_u64().unwrap_or_default();
                    if place.since.is_none_or(|since| sent >= since) {
                        self.item(&account, item, round)?;
                    }
                }
                let next = answer["next_cursor"].as_str().unwrap_or_default();
                let more = answer["has_more"].as_i64() == Some(1) && next != place.cursor;
                if !next.is_empty() {
                    next.clone_into(&mut place.cursor);
                }
                if !more {
                    place.since = None;
                    break;
                }
            }
        }
        let cursor = serde_json::to_string(&places).map_err(|error| Failure::Host(error.to_string()))?;
        Ok((cursor, read))
    }

    /// The accounts that the operator named, or those that bells have named.
    fn accounts(&self) -> Result<Vec<String>, StoreError> {
        if !self.config.accounts.is_empty() {
            return Ok(self.config.accounts.clone());
        }
        let mut accounts = Vec::new();
        for key in state::keys("account/", ACCOUNTS)? {
            accounts.extend(state::get(&key)?.and_then(|account| String::from_utf8(account).ok()));
        }
        Ok(accounts)
    }

    /// One call; with the last bell's token, and without it where the platform does not accept that any more.
    fn sync(&self, account: &str, cursor: &str) -> Result<Value, Failure> {
        let bell = key("bell", account);
        let token = state::get(&bell).map_err(StoreError::from)?;
        let token = token.and_then(|token| String::from_utf8(token).ok()).unwrap_or_default();
        let mut body = json!({ "open_kfid": account, "limit": self.config.pull_limit, "voice_format": 0 });
        if !cursor.is_empty() {
            body["cursor"] = json!(cursor);
        }
        if token.is_empty() {
            return self.api.post("kf/sync_msg", &body);
        }
        body["token"] = json!(token);
        match self.api.post("kf/sync_msg", &body) {
            Err(Failure::Refused(BELL, _)) => {
                state::delete(&bell).map_err(StoreError::from)?;
                if let Some(body) = body.as_object_mut() {
                    body.remove("token");
                }
                self.api.post("kf/sync_msg", &body)
            }
            answer => answer,
        }
    }
}
