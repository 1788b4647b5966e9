//! `secrets`: what the operator set and granted, never during `prepare`, so that no picture holds one.
use crate::bindings::tributary::plugin::secrets::{Host, SecretError};
use crate::services::Secret;
use crate::state::CallState;
use hmac::{Hmac, Mac};
use sha2::Sha256;

impl CallState {
    fn secret(&self, name: String) -> Result<Secret, SecretError> {
        if self.preparing || !self.shared.granted.secrets.contains(&name) {
            return Err(SecretError::Denied(name));
        }
        self.shared.services.secrets.get(&self.shared.name, &name).ok_or(SecretError::Missing(name))
    }
}

impl Host for CallState {
    fn get(&mut self, name: String) -> wasmtime::Result<Result<String, SecretError>> {
        self.hand_over(name.len())?;
        Ok(self.secret(name).map(|secret| secret.0.to_string()))
    }

    fn hmac_sha256(&mut self, name: String, data: Vec<u8>) -> wasmtime::Result<Result<Vec<u8>, SecretError>> {
        self.hand_over(name.len() + data.len())?;
        let secret = match self.secret(name) {
            Ok(secret) => secret,
            Err(error) => return Ok(Err(error)),
        };
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.0.as_bytes())?;
        mac.update(&data);
        Ok(Ok(mac.finalize().into_bytes().to_vec()))
    }
}
