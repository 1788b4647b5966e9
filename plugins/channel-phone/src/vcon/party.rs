//! A party of a vCon.
use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;
use tributary_sdk::Rejection;
use tributary_sdk::types::{Handle, HandleKind};

use crate::call::Who;
use crate::config::Config;
use crate::json::At;
use crate::people;

/// One party.
pub struct Party {
    /// Which side; settled with the others where neither role nor number says it.
    pub who: Who,
    /// Its name.
    pub name: Option<String>,
    /// Number and address.
    pub handles: Vec<Handle>,
}

impl Party {
    /// Read one.
    pub fn read(at: &At, config: &Config) -> Result<Self, Rejection> {
        at.object()?;
        let mut handles = Vec::new();
        let vouched =
            config.trust_vcon_stir.then(|| at.maybe_text("stir").ok().flatten().and_then(vouched_for)).flatten();
        let tel = at.maybe_text("tel")?;
        let sip = at.maybe_text("sip")?;
        if let Some(number) = tel.or(sip).and_then(|written| people::phone(written, config)) {
            let verified = vouched.is_some_and(|digits| digits == number[1..]);
            handles.push(people::phone_handle(number, verified));
        }
        if let Some(address) = at.maybe_text("mailto")?.and_then(people::email) {
            handles.push(Handle::claimed(HandleKind::Email, address));
        }
        let role = at.maybe_text("role")?.or(at.maybe_text("type")?);
        let who = role.map_or(Who::Unknown, |role| people::side(role, config));
        let name = at.maybe_text("name")?.map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
        Ok(Self { who, name, handles })
    }

    /// What it is called in the transcript.
    pub fn label(&self) -> Option<String> {
        self.name.clone().or_else(|| self.handles.first().map(|handle| handle.value.clone()))
    }

    /// Name and handles, for people.
    pub fn shown(&self) -> Option<String> {
        let handles: Vec<&str> = self.handles.iter().map(|handle| handle.value.as_str()).collect();
        match (&self.name, handles.is_empty()) {
            (Some(name), true) => Some(name.clone()),
            (Some(name), false) => Some(format!("{name} <{}>", handles.join(" "))),
            (None, false) => Some(handles.join(" ")),
            (None, true) => None,
        }
    }
}

/// The digits that a PASSporT (RFC 8225, `shaken` of RFC 8588) attests in full.
fn vouched_for(passport: &str) -> Option<String> {
    let claims = BASE64URL_NOPAD.decode(passport.split('.').nth(1)?.as_bytes()).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    let full = claims.get("attest")?.as_str()? == "A";
    full.then(|| claims.get("orig")?.get("tn")?.as_str().map(|tn| tn.trim_start_matches('+').to_owned())).flatten()
}
