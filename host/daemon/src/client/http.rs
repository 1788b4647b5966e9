//! Requests to the daemon, and what can go wrong with them: each error says what to do.
use serde_json::Value;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use ureq::http::Response;
use ureq::{Agent, Body};

/// An answer longer than this is not read.
const MOST: u64 = 1 << 30;

/// How long an install may take: fetching and compiling.
const INSTALL: Duration = Duration::from_secs(600);

/// What is installed.
pub(super) enum Package {
    /// The component, and base64 of its signature's text.
    Bytes(Vec<u8>, Option<String>),
    /// `oci://…`
    Source(String),
}

/// A part of a path, or a value of a query, as a URL carries it (RFC 3986 2.1).
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

/// Why a command did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The folder has no configuration.
    #[error("{0} has no tributary.toml; name the daemon's folder with --dir, or its address with --url")]
    NoFolder(PathBuf),
    /// The folder's configuration cannot be read for the address.
    #[error("{file}: {what}; `tributary check --dir DIR` says more")]
    BadFolder {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// There is no token.
    #[error("no token: {0}; give one with --token or TRIBUTARY_TOKEN")]
    NoToken(String),
    /// The address is none.
    #[error("{0:?} is no address of a daemon; it looks like http://127.0.0.1:8080")]
    BadUrl(String),
    /// Nobody answers.
    #[error("no daemon answers at {url} ({why}); {hint}")]
    Unreachable {
        /// Where.
        url: String,
        /// The system's words.
        why: String,
        /// What to do.
        hint: String,
    },
    /// It takes no requests now.
    #[error("the daemon cannot do it now: {0}; try again in a moment")]
    Busy(String),
    /// The token is none, or may not do this.
    #[error("{0}")]
    Denied(String),
    /// The request was refused.
    #[error("{0}")]
    Refused(String),
    /// Something else answers there, or a daemon of another version.
    #[error("{url} does not answer as a Tributary daemon does ({what})")]
    Stranger {
        /// Where.
        url: String,
        /// What came.
        what: String,
    },
}

impl ClientError {
    /// The exit status, as `sysexits.h` numbers them.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Unreachable { .. } | Self::Busy(_) => 69,
            Self::Denied(_) | Self::NoToken(_) => 77,
            Self::NoFolder(_) | Self::BadFolder { .. } | Self::BadUrl(_) | Self::Refused(_) | Self::Stranger { .. } => {
                1
            }
        }
    }
}

/// What a hook answered.
pub(super) struct Hooked {
    /// The status.
    pub(super) status: u16,
    /// How long it took.
    pub(super) milliseconds: u64,
    /// The conversation that its message belongs to.
    pub(super) conversation: Option<String>,
    /// The body.
    pub(super) body: String,
}

/// A client with one token.
pub(super) struct Api {
    base: String,
    token: String,
    /// How the daemon is started, for the error that says so.
    hint: String,
    agent: Agent,
}

impl Api {
    /// A folder goes before an address, because an address may come from the environment; neither is the current folder.
    pub(super) fn new(dir: Option<&Path>, url: Option<&str>, token: Option<&str>) -> Result<Self, ClientError> {
        let here = Path::new(".");
        let (base, hint, file) = match (dir, url) {
            (None, Some(url)) => (base(url)?, "is the address right, and does the daemon run?".to_owned(), None),
            (dir, _) => {
                let dir = dir.unwrap_or(here);
                let hint = format!("start it with `tributary serve --dir {}`", dir.display());
                (format!("http://{}", listen(dir)?), hint, Some(dir.join("token")))
            }
        };
        let token = match (token, file) {
            (Some(token), _) => token.trim().to_owned(),
            (None, Some(file)) => std::fs::read_to_string(&file)
                .map(|text| text.trim().to_owned())
                .map_err(|error| ClientError::NoToken(format!("{}: {error}", file.display())))?,
            (None, None) => return Err(ClientError::NoToken("--url names no folder that has one".into())),
        };
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .timeout_connect(Some(Duration::from_secs(5)))
            .timeout_global(Some(Duration::from_secs(60)))
            .build()
            .into();
        Ok(Self { base, token, hint, agent })
    }

    /// `GET` of a path below `/api/v1`.
    pub(super) fn get(&self, path: &str) -> Result<Value, ClientError> {
        self.json(self.agent.get(self.url(path)).header("authorization", self.authorization()).call())
    }

    /// `GET` of bytes.
    pub(super) fn bytes(&self, path: &str) -> Result<Vec<u8>, ClientError> {
        let response = self.agent.get(self.url(path)).header("authorization", self.authorization()).call();
        self.body(response).map(|(bytes, _)| bytes)
    }

    /// `POST`; `null` where nothing came back.
    pub(super) fn post(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        let request = self.agent.post(self.url(path)).header("authorization", self.authorization());
        self.json(request.header("content-type", "application/json").send(body.to_string()))
    }

    /// `POST` of bytes.
    pub(super) fn post_bytes(&self, path: &str, media_type: &str, bytes: Vec<u8>) -> Result<Value, ClientError> {
        let request = self.agent.post(self.url(path)).header("authorization", self.authorization());
        self.json(request.header("content-type", media_type).send(bytes))
    }

    /// Makes a sample's call as its platform would, without a token: to the daemon, or to another address before it.
    pub(super) fn hook(
        &self,
        to: Option<&str>,
        sample: &Value,
        body: Vec<u8>,
        known_as: &str,
    ) -> Result<Hooked, ClientError> {
        let base = to.map_or(self.base.as_str(), |to| to.trim_end_matches('/'));
        let url = format!("{base}{}", sample["url"].as_str().unwrap_or_default());
        let mut request = ureq::http::Request::builder().method(sample["method"].as_str().unwrap_or("POST")).uri(&url);
        for field in sample["headers"].as_array().into_iter().flatten() {
            if let (Some(name), Some(value)) = (field["name"].as_str(), field["value"].as_str())
                && !matches!(name, "host" | "content-length")
            {
                request = request.header(name, value);
            }
        }
        let request = request.header("tributary-sample", known_as).body(body);
        let request =
            request.map_err(|error| ClientError::Refused(format!("the sample is no HTTP request: {error}")))?;
        let began = std::time::Instant::now();
        let unreachable = |error: ureq::Error| {
            let hint = "is the address right, and does it lead to the daemon?".to_owned();
            ClientError::Unreachable { url: base.to_owned(), why: error.to_string(), hint }
        };
        let mut response = self.agent.run(request).map_err(unreachable)?;
        let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let conversation = response.headers().get("tributary-conversation").and_then(|value| value.to_str().ok());
        let conversation = conversation.map(str::to_owned);
        let status = response.status().as_u16();
        let body = response.body_mut().read_to_vec().unwrap_or_default();
        Ok(Hooked { status, milliseconds, conversation, body: String::from_utf8_lossy(&body).into_owned() })
    }

    /// `POST` under an idempotency key, where one is given: sent again, nothing is done twice.
    pub(super) fn post_once(&self, path: &str, body: &Value, key: Option<&str>) -> Result<Value, ClientError> {
        let mut request = self.agent.post(self.url(path)).header("authorization", self.authorization());
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        self.json(request.header("content-type", "application/json").send(body.to_string()))
    }

    /// `POST` of a plugin's package, or of where it is: that takes as long as compiling it does.
    pub(super) fn install(&self, path: &str, what: Package) -> Result<Value, ClientError> {
        let request = self.agent.post(self.url(path)).header("authorization", self.authorization());
        let request = request.config().timeout_global(Some(INSTALL)).build();
        self.json(match what {
            Package::Source(source) => {
                let body = serde_json::json!({ "source": source }).to_string();
                request.header("content-type", "application/json").send(body)
            }
            Package::Bytes(bytes, None) => request.header("content-type", "application/wasm").send(bytes),
            Package::Bytes(bytes, Some(signature)) => {
                let request = request.header("content-type", "application/wasm");
                request.header("tributary-signature", signature).send(bytes)
            }
        })
    }

    /// `DELETE`.
    pub(super) fn delete(&self, path: &str) -> Result<Value, ClientError> {
        self.json(self.agent.delete(self.url(path)).header("authorization", self.authorization()).call())
    }

    /// The items of a list, page by page, up to `limit`; in the shape of one page.
    pub(super) fn list(&self, path: &str, limit: usize) -> Result<Value, ClientError> {
        let mut items = Vec::new();
        let mut next = Value::Null;
        while items.len() < limit {
            let join = if path.contains('?') { '&' } else { '?' };
            let mut page = format!("{path}{join}limit={}", (limit - items.len()).min(200));
            if let Some(cursor) = next.as_str() {
                page.push_str("&cursor=");
                page.push_str(cursor);
            }
            let mut page = self.get(&page)?;
            next = page["next"].take();
            match page["items"].take() {
                Value::Array(more) => items.extend(more),
                other => return Err(self.stranger(format!("a list of {other}"))),
            }
            if next.is_null() {
                break;
            }
        }
        Ok(serde_json::json!({ "items": items, "next": next }))
    }

    fn url(&self, path: &str) -> String {
        format!("{}/api/v1{path}", self.base)
    }

    fn authorization(&self) -> String {
        format!("Bearer {}", self.token)
    }

    fn stranger(&self, what: String) -> ClientError {
        ClientError::Stranger { url: self.base.clone(), what }
    }

    fn json(&self, response: Result<Response<Body>, ureq::Error>) -> Result<Value, ClientError> {
        let (bytes, status) = self.body(response)?;
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&bytes).map_err(|_| self.stranger(format!("status {status}, and no JSON")))
    }

    fn body(&self, response: Result<Response<Body>, ureq::Error>) -> Result<(Vec<u8>, u16), ClientError> {
        let unreachable =
            |why: String| ClientError::Unreachable { url: self.base.clone(), why, hint: self.hint.clone() };
        let mut response = response.map_err(|error| unreachable(error.to_string()))?;
        let status = response.status().as_u16();
        let mut bytes = Vec::new();
        let read = response.body_mut().as_reader().take(MOST).read_to_end(&mut bytes);
        read.map_err(|error| unreachable(error.to_string()))?;
        if (200..300).contains(&status) {
            return Ok((bytes, status));
        }
        let problem: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let Some(said) = say(&problem) else { return Err(self.stranger(format!("status {status}"))) };
        Err(match status {
            401 | 403 => ClientError::Denied(said),
            503 => ClientError::Busy(said),
            _ => ClientError::Refused(said),
        })
    }
}

/// A problem in its own words, with what it carries besides.
fn say(problem: &Value) -> Option<String> {
    // Line by line: what a plugin asks for beyond its grants stands one below the other.
    let lines: Vec<String> = super::text::lines(problem["detail"].as_str().or(problem["title"].as_str())?).collect();
    let mut said = lines.join("\n");
    if let Some(until) = problem["holder"]["until"].as_str() {
        said.push_str(&format!(" until {}", super::text::moment(until)));
    }
    if let Some(at) = problem["at"].as_str() {
        said.push_str(&format!(" (at {at})"));
    }
    for objection in problem["objections"].as_array().into_iter().flatten() {
        let part = |name: &str| super::text::plain(objection[name].as_str().unwrap_or_default());
        said.push_str(&format!("\n  {} {}: {}", part("policy"), part("rule"), part("why")));
    }
    Some(said)
}

fn base(url: &str) -> Result<String, ClientError> {
    let bad = || ClientError::BadUrl(url.to_owned());
    // Without TLS here: a remote daemon is reached through a tunnel or on its own machine.
    let host = match url.trim().split_once("://") {
        Some(("http", host)) => host,
        Some(_) => return Err(bad()),
        None => url.trim(),
    };
    let host = host.trim_end_matches('/');
    let host = host.strip_suffix("/api/v1").unwrap_or(host);
    if host.is_empty() || host.contains(['/', ' ', '@']) {
        return Err(bad());
    }
    Ok(format!("http://{host}"))
}

/// Where the daemon of a folder can be reached.
fn listen(dir: &Path) -> Result<SocketAddr, ClientError> {
    let file = dir.join("tributary.toml");
    let text = std::fs::read_to_string(&file).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => ClientError::NoFolder(dir.to_owned()),
        _ => ClientError::BadFolder { file: file.clone(), what: error.to_string() },
    })?;
    let bad = |what: &str| ClientError::BadFolder { file: file.clone(), what: what.to_owned() };
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| bad(error.message()))?;
    let address = table.get("http").and_then(|http| http.get("listen")).and_then(toml::Value::as_str);
    let address = address.ok_or_else(|| bad("it has no listen in [http]"))?;
    let address: SocketAddr = address.parse().map_err(|_| bad("http.listen is no address with a port"))?;
    Ok(reachable(address))
}

/// A daemon that listens on every address is reached over loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_as_people_write_them() {
        for (given, expected) in [
            ("http://127.0.0.1:8080", Some("http://127.0.0.1:8080")),
            ("127.0.0.1:8080/", Some("http://127.0.0.1:8080")),
            ("http://desk:80/api/v1/", Some("http://desk:80")),
            ("https://desk", None),
            ("http://", None),
            ("http://a/b", None),
        ] {
            assert_eq!(base(given).ok().as_deref(), expected, "{given}");
        }
    }

    #[test]
    fn a_part_of_a_path_stays_one_part() {
        for (text, expected) in [("email", "email"), ("a b/c?d", "a%20b%2Fc%3Fd"), ("退", "%E9%80%80")] {
            assert_eq!(escaped(text), expected);
        }
    }

    #[test]
    fn a_folder_says_where_its_daemon_listens_and_who_one_is() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(Api::new(Some(dir.path()), None, None), Err(ClientError::NoFolder(_))));
        let file = dir.path().join("tributary.toml");
        std::fs::write(&file, "[http]\nlisten = \"0.0.0.0:8081\"\n").unwrap();
        assert!(matches!(Api::new(Some(dir.path()), None, None), Err(ClientError::NoToken(_))));
        std::fs::write(dir.path().join("token"), "trb_x\n").unwrap();
        let api = Api::new(Some(dir.path()), Some("http://elsewhere:1"), None).unwrap();
        assert_eq!((api.base.as_str(), api.token.as_str()), ("http://127.0.0.1:8081", "trb_x"));
        let api = Api::new(Some(dir.path()), None, Some("trb_y")).unwrap();
        assert_eq!(api.token, "trb_y");
        for bad in ["", "[http]\nlisten = 1\n", "[http]\nlisten = \"8080\"\n", "[http\n"] {
            std::fs::write(&file, bad).unwrap();
            assert!(matches!(Api::new(Some(dir.path()), None, None), Err(ClientError::BadFolder { .. })), "{bad:?}");
        }
    }

    #[test]
    fn nobody_there_is_69_and_says_how_to_start() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let api = Api::new(None, Some(&free.to_string()), Some("trb_x")).unwrap();
        let error = api.get("/queue").unwrap_err();
        assert_eq!(error.exit_code(), 69, "{error}");
    }

    #[test]
    fn a_problem_is_said_with_its_holder_and_its_objections() {
        let held = serde_json::json!({"detail": "lin holds this conversation", "holder": {"agent": "lin", "until": "2026-05-04T09:15:00.000Z"}});
        assert_eq!(say(&held).unwrap(), "lin holds this conversation until 2026-05-04 09:15 UTC");
        let blocked = serde_json::json!({"detail": "the text breaks G2", "objections": [{"policy": "p", "rule": "G2", "why": "no\u{1b}[2J"}]});
        assert_eq!(say(&blocked).unwrap(), "the text breaks G2\n  p G2: no\u{fffd}[2J");
        assert_eq!(say(&Value::Null), None);
    }
}
