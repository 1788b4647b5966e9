//! The UnionID of a person: noted by `receive`, asked for by `poll`.
//!
//! State: `person/OPENID` is to be asked about, `known/OPENID` was.
use tributary_sdk::host::state;
use tributary_sdk::types::{Attribute, ChannelEvent, Handle, HandleKind, Profile};
use tributary_wechat::api::Failure;
use tributary_wechat::code::Platform;
use tributary_wechat::fetch::Round;
use tributary_wechat::{StoreError, key};

use crate::WeChat;

/// People of one poll.
const AT_ONCE: u32 = 20;
/// When to go on after a failure, in seconds.
const LATER: u32 = 60;

impl WeChat {
    /// Notes a person that is not known; false where there is nothing to ask.
    pub(crate) fn ask_later(&self, openid: &str) -> Result<bool, StoreError> {
        if !self.config.unionid || state::get(&key("known", openid))?.is_some() {
            return Ok(false);
        }
        state::set(&key("person", openid), openid.as_bytes(), None)?;
        Ok(true)
    }

    /// Asks about those who were noted.
    pub(crate) fn ask_about_people(&self, round: &mut Round) -> Result<(), Failure> {
        let keys = state::keys("person/", AT_ONCE).map_err(StoreError::from)?;
        if keys.len() == AT_ONCE as usize {
            round.within(0);
        }
        for person in keys {
            let openid = state::get(&person).map_err(StoreError::from)?.unwrap_or_default();
            let openid = String::from_utf8_lossy(&openid).into_owned();
            match self.api.get("user/info", &[("openid", &openid), ("lang", "zh_CN")]) {
                Ok(info) => round.events.extend(self.profile(&openid, &info).map(ChannelEvent::Profile)),
                Err(failure) if failure.is_general(Platform::Official) => {
                    if round.events.is_empty() {
                        return Err(failure);
                    }
                    round.again_in = Some(LATER);
                    return Ok(());
                }
                // The platform has nothing to say of this person.
                Err(_) => {}
            }
            let again = Some(self.config.unionid_again_seconds);
            state::set(&key("known", &openid), b"1", again).map_err(StoreError::from)?;
            state::delete(&person).map_err(StoreError::from)?;
        }
        Ok(())
    }

    /// What the platform says of a person, where it says anything.
    fn profile(&self, openid: &str, info: &serde_json::Value) -> Option<Profile> {
        let word = |name: &str| info[name].as_str().filter(|value| !value.is_empty());
        let union = word("unionid").map(|id| Handle::verified(HandleKind::WechatUnionid, id));
        let named = [("remark", "wechat-remark"), ("subscribe_scene", "wechat-subscribe-scene")];
        let attributes: Vec<Attribute> =
            named.iter().filter_map(|(name, ours)| Some(Attribute::new(*ours, word(name)?))).collect();
        let display_name = word("nickname").map(str::to_owned);
        if union.is_none() && display_name.is_none() && attributes.is_empty() {
            return None;
        }
        let handles = std::iter::once(self.person(openid)).chain(union).collect();
        Some(Profile { handles, display_name, tags: Vec::new(), attributes })
    }
}
