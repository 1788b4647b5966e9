//! One delivery of a webhook: who sent it, and what it says it is.
//!
//! Shopify signs the raw body: base64 of HMAC-SHA-256 under the app's client secret
//! (shopify.dev, "Verify webhook deliveries"). Two families of headers carry it: `x-shopify-*`, and `shopify-*` of the
//! newer events, whose signature counts first where both are there. After a secret was rotated Shopify signs with the old
//! one for up to an hour, so a second secret is accepted where the operator granted one.
//!
//! The headers themselves are not signed. What they say decides which reader takes the body and in which order tellings of
//! the same version are taken, and nothing else: the body's own `updated_at` is the version of an order.
use data_encoding::BASE64;
use serde_json::Value;
use tributary_marketplace::time::rfc3339;
use tributary_sdk::Rejection;
use tributary_sdk::host::secrets;
use tributary_sdk::types::Timestamp;
use tributary_sdk::web::Request;

/// The secret that signs deliveries, and the one before it.
pub const SECRETS: [&str; 2] = ["shopify-secret", "shopify-secret-old"];

/// A delivery that Shopify signed.
pub struct Delivery {
    /// What happened, in lower case: `orders/create`.
    pub topic: String,
    /// The id of the delivery; a repeated one has the same.
    pub id: String,
    /// The id of what happened; two subscriptions to one topic are told the same.
    pub event: Option<String>,
    /// When it happened, in milliseconds. Without a header that says so: when it arrived.
    pub at: Timestamp,
    /// What it says.
    pub body: Value,
}

/// The names of the headers of one family; a delivery without one that is required counts as forged, as in Shopify's own
/// library.
struct Family {
    prefix: &'static str,
    needs_event: bool,
}

const FAMILIES: [Family; 2] =
    [Family { prefix: "shopify-", needs_event: true }, Family { prefix: "x-shopify-", needs_event: false }];

impl Delivery {
    /// Verify a call of the hook for this shop and read its JSON.
    ///
    /// # Errors
    /// [`Rejection::Unauthenticated`] where a header is missing or the signature is not Shopify's, or it is for another
    /// shop; [`Rejection::Malformed`] where what Shopify signed is not JSON.
    pub fn verify(request: &Request, shop: &str, now: Timestamp) -> Result<Self, Rejection> {
        let signed = FAMILIES.iter().find_map(|family| Some((family, family.header(request, "hmac-sha256")?)));
        let Some((family, signature)) = signed else { return Err(forged("the signature's header is missing")) };
        if request.body.is_empty() || !is_signed(&request.body, signature) {
            return Err(forged("the signature does not fit the body"));
        }
        let needed = |name: &str| family.header(request, name).ok_or_else(|| forged("a required header is missing"));
        let (topic, domain, id) = (needed("topic")?, needed("shop-domain")?, needed("webhook-id")?);
        needed("api-version")?;
        let event = family.header(request, "event-id");
        if family.needs_event && event.is_none() {
            return Err(forged("a required header is missing"));
        }
        if !domain.eq_ignore_ascii_case(shop) {
            return Err(forged("the delivery is for another shop"));
        }
        let mut topic = topic.to_ascii_lowercase();
        if let Some(action) = family.header(request, "action").filter(|_| !topic.contains('/')) {
            topic = format!("{topic}/{}", action.to_ascii_lowercase());
        }
        let body = serde_json::from_slice(&request.body)
            .map_err(|error| Rejection::Malformed(format!("the body of {topic} is no JSON: {error}")))?;
        let at = family.header(request, "triggered-at").and_then(rfc3339).unwrap_or(now);
        Ok(Self { topic, id: id.to_owned(), event: event.map(str::to_owned), at, body })
    }
}

impl Family {
    fn header<'a>(&self, request: &'a Request, name: &str) -> Option<&'a str> {
        let name = format!("{}{name}", self.prefix);
        request.header(&name).map(str::trim).filter(|value| !value.is_empty())
    }
}

/// Base64 of the HMAC of a body, under a secret of the channel; none where there is no such secret.
pub fn signature(secret: &str, body: &[u8]) -> Option<String> {
    secrets::hmac_sha256(secret, body).ok().map(|digest| BASE64.encode(&digest))
}

fn is_signed(body: &[u8], given: &str) -> bool {
    // Both are tried whatever comes of the first, so that the time says nothing about which one fits.
    let fits = |secret: &&str| signature(secret, body).is_some_and(|right| is_same(right.as_bytes(), given.as_bytes()));
    SECRETS.iter().filter(|secret| fits(secret)).count() > 0
}

/// Compares in a time that depends on the lengths only.
fn is_same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).fold(0, |differs, (one, other)| differs | (one ^ other)) == 0
}

fn forged(why: &str) -> Rejection {
    Rejection::Unauthenticated(why.to_owned())
}
