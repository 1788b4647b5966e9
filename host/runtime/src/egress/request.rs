//! One request that its plugin's grant covers: what is left of a guest's request once nothing of it can do harm.
use super::origin::Origin;
use crate::services::EgressError;
use bytes::Bytes;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::uri::{PathAndQuery, Uri};
use hyper::{Method, http};
use std::time::Duration;
use tributary_model::message::Request;
use tributary_model::{ChannelName, PluginName};

/// Fields of a request at most.
const FIELDS: usize = 100;
/// Bytes of all names and values of a request's fields at most, and of its URL.
const FIELD_BYTES: usize = 32 << 10;
/// Bytes of a host that is told back at most.
const TOLD: usize = 256;

/// Fields that belong to the connection, which is the host's (RFC 9110 7.6.1), or that say where the request ends (9112 6).
const OURS: [HeaderName; 9] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::TE,
    header::TRAILER,
    header::UPGRADE,
    header::EXPECT,
    header::PROXY_AUTHORIZATION,
];

/// A field of a connection that has no constant, or any field that the `Connection` field names.
pub(super) fn is_hop_by_hop(name: &HeaderName, connection: &[String]) -> bool {
    matches!(name.as_str(), "keep-alive" | "proxy-connection" | "http2-settings" | "proxy-authenticate")
        || [header::CONNECTION, header::TE, header::TRAILER, header::TRANSFER_ENCODING, header::UPGRADE].contains(name)
        || connection.iter().any(|named| named == name.as_str())
}

/// The names in `Connection` fields.
pub(super) fn named<'a>(values: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
    let texts = values.filter_map(|value| std::str::from_utf8(value).ok());
    texts.flat_map(|text| text.split(',')).map(|name| name.trim().to_ascii_lowercase()).collect()
}

/// One request that may leave. There is no other way to make one than [`GrantedRequest::new`], so whoever implements
/// [`crate::Egress`] gets nothing that the grant does not cover.
#[derive(Clone, Debug)]
pub struct GrantedRequest {
    pub(super) plugin: PluginName,
    pub(super) channel: ChannelName,
    pub(super) origin: Origin,
    pub(super) method: Method,
    pub(super) target: Uri,
    pub(super) fields: HeaderMap,
    pub(super) body: Bytes,
    pub(super) within: Duration,
}

impl GrantedRequest {
    /// Checks a guest's request against the origins that its plugin was granted.
    ///
    /// The fragment of the URL is dropped (RFC 9110 7.1), and so are fields that belong to the connection: `host`,
    /// `content-length`, `transfer-encoding`, `connection` and what it names, and their like. `within` is the most that
    /// the whole exchange may take.
    ///
    /// # Errors
    /// [`EgressError::Denied`] where the URL's origin is not granted, or is none in its usual form: nothing was resolved.
    /// [`EgressError::Unreachable`] where method, URL or fields are malformed (RFC 9110 5.5, 9112 3), or there is too
    /// much of them.
    pub fn new(
        plugin: &PluginName,
        channel: &ChannelName,
        granted: &[Origin],
        request: &Request,
        within: Duration,
    ) -> Result<Self, EgressError> {
        let (origin, rest) = Origin::of_url(&request.url).map_err(|_| EgressError::Denied(host_of(&request.url)))?;
        if !granted.contains(&origin) {
            return Err(EgressError::Denied(origin.authority()));
        }
        let malformed = |what: &str| EgressError::Unreachable(format!("the request is malformed: {what}"));
        let method = Method::from_bytes(request.method.as_bytes())
            .ok()
            .filter(|method| method.as_str().bytes().all(|byte| !byte.is_ascii_lowercase()))
            .filter(|method| ![Method::CONNECT, Method::TRACE].contains(method))
            .ok_or_else(|| malformed("its method"))?;
        let rest = rest.split('#').next().unwrap_or_default();
        let path = if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") };
        if request.url.len() > FIELD_BYTES || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(malformed("its URL"));
        }
        let path: PathAndQuery = path.parse().map_err(|_| malformed("its URL"))?;
        let fields = fields(request, &malformed)?;
        Ok(Self {
            plugin: plugin.clone(),
            channel: channel.clone(),
            origin,
            method,
            target: Uri::from(path),
            fields,
            body: Bytes::copy_from_slice(&request.body),
            within,
        })
    }

    /// Whose request it is.
    pub fn plugin(&self) -> &PluginName {
        &self.plugin
    }

    /// The channel of the plugin; the empty name for a policy.
    pub fn channel(&self) -> &ChannelName {
        &self.channel
    }

    /// Where it goes.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Its method.
    pub fn method(&self) -> &str {
        self.method.as_str()
    }

    /// Path and query.
    pub fn path(&self) -> &str {
        self.target.path_and_query().map_or("/", PathAndQuery::as_str)
    }

    /// Its body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The most that the exchange may take.
    pub fn within(&self) -> Duration {
        self.within
    }

    /// The request as it is written to a connection: origin form, with the fields that are the host's to set.
    pub(super) fn to_http(&self) -> http::Request<http_body_util::Full<Bytes>> {
        let mut request = http::Request::new(http_body_util::Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.target.clone();
        *request.headers_mut() = self.fields.clone();
        if let Ok(authority) = HeaderValue::from_str(&self.origin.authority()) {
            request.headers_mut().insert(header::HOST, authority);
        }
        if self.body.is_empty() && [Method::POST, Method::PUT, Method::PATCH].contains(&self.method) {
            // RFC 9110 8.6: some servers insist on the length of a body that is not there.
            request.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        request
    }
}

fn fields(request: &Request, malformed: &dyn Fn(&str) -> EgressError) -> Result<HeaderMap, EgressError> {
    let bytes: usize = request.headers.iter().map(|field| field.name.len() + field.value.len()).sum();
    if request.headers.len() > FIELDS || bytes > FIELD_BYTES {
        return Err(malformed("its fields are too many or too long"));
    }
    let of_connection = request.headers.iter().filter(|field| field.name.eq_ignore_ascii_case("connection"));
    let named = named(of_connection.map(|field| field.value.as_bytes()));
    let mut fields = HeaderMap::with_capacity(request.headers.len());
    for field in &request.headers {
        let name: HeaderName = field.name.parse().map_err(|_| malformed("a field's name"))?;
        // A `HeaderValue` has no CR, LF or NUL in it: a field cannot begin another one.
        let value = HeaderValue::from_bytes(field.value.as_bytes()).map_err(|_| malformed("a field's value"))?;
        if !OURS.contains(&name) && !is_hop_by_hop(&name, &named) {
            fields.append(name, value);
        }
    }
    Ok(fields)
}

/// The host of a URL as it is written, for people: without a user, and cut.
fn host_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    host[..host.floor_char_boundary(TOLD)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tributary_model::message::Attribute;

    fn request(method: &str, url: &str, fields: &[(&str, &str)]) -> Request {
        let headers =
            fields.iter().map(|(name, value)| Attribute { name: (*name).into(), value: (*value).into() }).collect();
        Request { method: method.into(), url: url.into(), headers, body: [].into() }
    }

    fn check(request: &Request) -> Result<GrantedRequest, EgressError> {
        let granted = ["https://api.example", "http://10.0.0.5:8080"].map(|origin| origin.parse().unwrap());
        GrantedRequest::new(&"guest".into(), &"mail".into(), &granted, request, Duration::from_secs(1))
    }

    #[test]
    fn only_granted_origins_pass_however_they_are_written() {
        for (url, path) in [
            ("https://api.example", "/"),
            ("https://api.example/a/b?c=d#secret", "/a/b?c=d"),
            ("https://api.example?c", "/?c"),
            ("https://api.example#x", "/"),
            ("HTTPS://API.EXAMPLE.:443//x/../y", "//x/../y"),
            ("http://10.0.0.5:8080/", "/"),
        ] {
            let request = check(&request("GET", url, &[])).unwrap_or_else(|error| panic!("{url}: {error:?}"));
            assert_eq!(request.path(), path, "{url}");
        }
        for (url, told) in [
            ("http://api.example/", "api.example"),
            ("https://api.example:8443/", "api.example:8443"),
            ("https://secret-data.attacker.example/", "secret-data.attacker.example"),
            ("https://x.api.example/", "x.api.example"),
            ("https://api.example.evil.example/", "api.example.evil.example"),
            ("https://user:key@api.example/", "api.example"),
            ("https://api.example@evil.example/", "evil.example"),
            ("https://api.example\\.evil.example/", "api.example\\.evil.example"),
            ("http://10.0.0.5/", "10.0.0.5"),
            ("http://167772165:8080/", "167772165:8080"),
            ("http://0xa.5:8080/", "0xa.5:8080"),
            ("http://[::ffff:10.0.0.5]:8080/", "[::ffff:10.0.0.5]:8080"),
            ("file:///etc/passwd", ""),
            ("", ""),
        ] {
            match check(&request("GET", url, &[])) {
                Err(EgressError::Denied(host)) => assert_eq!(host, told, "{url}"),
                other => panic!("{url}: {other:?}"),
            }
        }
    }

    #[test]
    fn nothing_is_smuggled_in() {
        let url = "https://api.example/";
        let bad = [
            request("get", url, &[]),
            request("GET / HTTP/1.1\r\nx: y", url, &[]),
            request("CONNECT", url, &[]),
            request("TRACE", url, &[]),
            request("", url, &[]),
            request("GET", "https://api.example/a b", &[]),
            request("GET", "https://api.example/a\r\nx: y", &[]),
            request("GET", "https://api.example/ü", &[]),
            request("GET", &format!("{url}{}", "a".repeat(FIELD_BYTES)), &[]),
            request("GET", url, &[("x", "a\r\ny: b")]),
            request("GET", url, &[("x", "a\0")]),
            request("GET", url, &[("x: y", "a")]),
            request("GET", url, &[("x\n", "a")]),
            request("GET", url, &[("", "a")]),
            request("GET", url, &[("x", &"a".repeat(FIELD_BYTES))]),
            request("GET", url, &[("x", "y"); FIELDS + 1]),
        ];
        for request in bad {
            assert!(matches!(check(&request), Err(EgressError::Unreachable(_))), "{request:?}");
        }
    }

    #[test]
    fn what_belongs_to_the_connection_is_the_hosts() {
        let fields = [
            ("Host", "evil.example"),
            ("content-length", "7"),
            ("transfer-encoding", "chunked"),
            ("connection", "close, X-Named"),
            ("x-named", "1"),
            ("keep-alive", "1"),
            ("proxy-authorization", "1"),
            ("upgrade", "h2c"),
            ("te", "trailers"),
            ("expect", "100-continue"),
            ("authorization", "Bearer x"),
            ("accept", "a"),
            ("accept", "b"),
        ];
        let sent = check(&request("POST", "https://api.example/", &fields)).unwrap().to_http();
        let kept: Vec<_> =
            sent.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        let expected = [
            ("authorization", "Bearer x"),
            ("accept", "a"),
            ("accept", "b"),
            ("host", "api.example"),
            ("content-length", "0"),
        ];
        assert_eq!(kept, expected);
    }
}
