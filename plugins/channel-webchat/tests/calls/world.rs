//! A chat with a host around it, and calls as a browser makes them.
use channel_webchat::Webchat;
use serde_json::{Value, json};
use tributary_sdk::testing::{self, FakeHost};
use tributary_sdk::types::{Attribute, ChannelEvent};
use tributary_sdk::web::{Request, Response};
use tributary_sdk::{Arrival, Channel};

/// Friday, 27 November 2026, 10:00 in China.
pub const NOW: u64 = 1_795_744_800_000;

/// What the shop and the adapter sign with.
pub const KEY: &str = "a-key-of-the-shop-with-32-bytes-or-more";

/// The shop's page.
pub const ORIGIN: &str = "https://shop.example";

/// What a browser keeps of itself.
pub const SEED: &str = "5f2c0d8e9b7a4c31b6d0e2f4a8c9017fe3d1b5a79c8064f21e0d3c5b7a9f8e6d";

/// A chat and its host.
pub struct World {
    /// What was stored, shown and logged.
    pub host: FakeHost,
    /// The adapter.
    pub chat: Webchat,
}

impl World {
    /// With this configuration over the defaults.
    pub fn new(mut config: Value) -> Self {
        let keys = config.as_object_mut().unwrap();
        keys.entry("origins").or_insert_with(|| json!([ORIGIN]));
        let host = FakeHost::new().now(NOW).secret("webchat-key", KEY);
        Self { chat: testing::prepare(config).unwrap(), host }
    }

    /// The events and the answer of a call.
    pub fn call(&self, request: Request) -> (Vec<ChannelEvent>, Response) {
        let reading = testing::with(&self.host, || self.chat.receive(Arrival::Http(request))).unwrap();
        (reading.events, reading.answer.unwrap())
    }

    /// The answer of a call that tells nothing.
    pub fn quiet(&self, request: Request) -> Response {
        let (events, answer) = self.call(request);
        assert!(events.is_empty(), "{events:?}");
        answer
    }

    /// A token as a browser gets it that the shop knows nothing of, and the visitor's id.
    pub fn anonymous(&self) -> (String, String) {
        let answer = body(&self.quiet(post("/session", None, &json!({ "seed": SEED }))));
        (answer["token"].as_str().unwrap().to_owned(), answer["visitor"].as_str().unwrap().to_owned())
    }

    /// A token of the shop with these claims.
    pub fn signed(&self, claims: &Value) -> String {
        self.signed_under(&json!({ "alg": "HS256", "typ": "JWT" }), claims)
    }

    /// As [`World::signed`], with a header that may say something else.
    pub fn signed_under(&self, header: &Value, claims: &Value) -> String {
        use data_encoding::BASE64URL_NOPAD as base64;
        let [header, claims] = [header, claims].map(|part| base64.encode(part.to_string().as_bytes()));
        let signed = format!("{header}.{claims}");
        let mac = testing::with(&self.host, || {
            tributary_sdk::host::secrets::hmac_sha256("webchat-key", signed.as_bytes()).unwrap()
        });
        format!("{signed}.{}", base64.encode(&mac))
    }

    /// Nothing of a refused call is kept anywhere.
    pub fn nothing_is_stored(&self) {
        assert_eq!(self.host.feed(), []);
        assert!(self.host.blobs().is_empty());
    }
}

/// A call with JSON from the shop's page.
pub fn post(path: &str, token: Option<&str>, json: &Value) -> Request {
    let mut request = call("POST", path, token);
    request.headers.push(Attribute::new("content-type", "application/json"));
    request.body = json.to_string().into_bytes();
    request
}

/// A call without a body from the shop's page.
pub fn call(method: &str, path: &str, token: Option<&str>) -> Request {
    let mut headers = vec![Attribute::new("origin", ORIGIN)];
    headers.extend(token.map(|token| Attribute::new("authorization", format!("Bearer {token}"))));
    Request { method: method.into(), url: path.into(), headers, body: Vec::new() }
}

/// The same call with another value of a header, or without it.
pub fn with(mut request: Request, name: &str, value: Option<&str>) -> Request {
    request.headers.retain(|header| header.name != name);
    request.headers.extend(value.map(|value| Attribute::new(name, value)));
    request
}

/// The JSON of an answer.
pub fn body(answer: &Response) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_default()
}
