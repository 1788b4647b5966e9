//! What tests of the adapters share: secrets, answers of the platforms' API, and other people's libraries.
mod peer;

use serde_json::{Value, json};
use tributary_sdk::testing::FakeHost;
use tributary_sdk::web::Response;

pub use peer::{Peer, latin};

/// The token of the callback.
pub const TOKEN: &str = "a_token";
/// The EncodingAESKey of the callback.
pub const AES_KEY: &str = "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR";
/// 2026-10-01.
pub const NOW: u64 = 1_790_812_800_000;

/// An answer of the API.
pub fn answer(body: &Value) -> Response {
    Response::body(200, "application/json; encoding=utf-8", body.to_string())
}

/// A host that answers these in order.
pub fn more(host: FakeHost, answers: &[Value]) -> FakeHost {
    answers.iter().fold(host, |host, body| host.http_answer(Ok(answer(body))))
}

/// A host that answers these in order, an access token first.
pub fn answering(host: FakeHost, answers: &[Value]) -> FakeHost {
    more(more(host, &[json!({ "access_token": "T1", "expires_in": 7200 })]), answers)
}

/// The JSON of the calls of one path, in order.
pub fn bodies(host: &FakeHost, path: &str) -> Vec<Value> {
    let sent = host.requests().into_iter().filter(|request| request.url.contains(path));
    sent.map(|request| serde_json::from_slice(&request.body).expect("the adapter sends JSON")).collect()
}
