//! `secrets`: what the operator set and granted, never during `prepare`, so that no picture holds one.
//!
//! A replayed call is told the operator's secret of today, where the plugin is granted it: what it checks with it was
//! signed with it, and no tape holds one. Where there is none, it is told the marker that stands in its place everywhere
//! in a recording, so that what was equal is equal still.
use crate::bindings::tributary::plugin::secrets::{Host, SecretError};
use crate::record::{Bytes, Heard, Service};
use crate::services::Secret;
use crate::state::CallState;
use hmac::{Hmac, Mac};
use sha2::Sha256;

impl CallState {
    fn secret(&mut self, name: &str) -> Result<Secret, SecretError> {
        if self.preparing || !self.shared.granted.secrets.iter().any(|granted| granted == name) {
            return Err(SecretError::Denied(name.to_owned()));
        }
        let secret = self.shared.services.secrets.get(&self.shared.name, name);
        let secret = secret.ok_or_else(|| SecretError::Missing(name.to_owned()))?;
        self.taping.hide(self.shared.masks.with(name, &secret));
        Ok(secret)
    }
}

impl Host for CallState {
    fn get(&mut self, name: String) -> wasmtime::Result<Result<String, SecretError>> {
        self.hand_over(name.len())?;
        let question = self.taping.asked(|to| {
            to.map(1);
            to.key("name");
            to.key(&name);
        });
        let answer = match self.secret(&name) {
            Ok(secret) => Ok(secret.0.to_string()),
            Err(error) => match self.taping.heard(Service::SecretsGet, &question) {
                Heard::Answer(answer) => answer,
                Heard::Real | Heard::Silence => Err(error),
            },
        };
        self.taping.note(Service::SecretsGet, question, &answer);
        Ok(answer)
    }

    fn hmac_sha256(&mut self, name: String, data: Vec<u8>) -> wasmtime::Result<Result<Vec<u8>, SecretError>> {
        self.hand_over(name.len() + data.len())?;
        let question = self.taping.asked(|to| {
            to.map(2);
            to.key("name");
            to.key(&name);
            to.key("data");
            to.sealed(&data);
        });
        let answer = match self.taping.heard(Service::SecretsHmac, &question) {
            Heard::Answer(answer) => answer,
            Heard::Real | Heard::Silence => match self.secret(&name) {
                Ok(secret) => {
                    let mut mac = Hmac::<Sha256>::new_from_slice(secret.0.as_bytes())?;
                    mac.update(&data);
                    Ok(Bytes(mac.finalize().into_bytes().to_vec()))
                }
                Err(error) => Err(error),
            },
        };
        self.taping.note(Service::SecretsHmac, question, &answer);
        if let Ok(Bytes(code)) = &answer {
            self.taping.signed(code);
        }
        Ok(answer.map(|Bytes(code)| code))
    }
}
