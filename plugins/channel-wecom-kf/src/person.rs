//! Names and UnionIDs of customers, by `kf/customer/batchget`.
//!
//! State: `person/EXTERNAL_USERID` is to be asked about, `known/EXTERNAL_USERID` was.
use serde_json::json;
use tributary_sdk::host::state;
use tributary_sdk::types::{Attribute, ChannelEvent, Handle, HandleKind, Profile};
use tributary_wechat::api::Failure;
use tributary_wechat::fetch::Round;
use tributary_wechat::{StoreError, key};

use crate::message::word;
use crate::{CustomerService, customer};

/// Customers of one call: the platform's limit.
const AT_ONCE: u32 = 100;

impl CustomerService {
    /// Notes a customer that is not known.
    pub(crate) fn ask_later(&self, person: &str) -> Result<(), StoreError> {
        if self.config.profiles && state::get(&key("known", person))?.is_none() {
            state::set(&key("person", person), person.as_bytes(), None)?;
        }
        Ok(())
    }

    /// Asks about those who were noted, in one call.
    pub(crate) fn ask_about_people(&self, round: &mut Round) -> Result<(), Failure> {
        let mut people = Vec::new();
        for key in state::keys("person/", AT_ONCE).map_err(StoreError::from)? {
            let person = state::get(&key).map_err(StoreError::from)?.unwrap_or_default();
            people.push(String::from_utf8_lossy(&person).into_owned());
        }
        if people.is_empty() {
            return Ok(());
        }
        let body = json!({ "external_userid_list": people, "need_enter_session_context": 0 });
        let answer = self.api.post("kf/customer/batchget", &body)?;
        for known in answer["customer_list"].as_array().into_iter().flatten() {
            let Some(person) = word(known, "external_userid") else { continue };
            let union = word(known, "unionid").map(|id| Handle::verified(HandleKind::WechatUnionid, id));
            let display_name = word(known, "nickname").map(str::to_owned);
            if union.is_none() && display_name.is_none() {
                continue;
            }
            let avatar = word(known, "avatar").map(|address| Attribute::new("wecom-avatar", address));
            round.events.push(ChannelEvent::Profile(Profile {
                handles: std::iter::once(customer(person)).chain(union).collect(),
                display_name,
                tags: Vec::new(),
                attributes: avatar.into_iter().collect(),
            }));
        }
        // Those that the platform does not know are not asked about again either.
        for person in &people {
            let again = Some(self.config.profile_again_seconds);
            state::set(&key("known", person), b"1", again).map_err(StoreError::from)?;
            state::delete(&key("person", person)).map_err(StoreError::from)?;
        }
        if people.len() == AT_ONCE as usize {
            round.within(0);
        }
        Ok(())
    }
}
