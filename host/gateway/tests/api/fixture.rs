//! A desk with its API on loopback, and a client for it.
use async_trait::async_trait;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tributary_fleet::{Fleet, FleetConfig, PlaceEntry, Rollout, TrialLimits, TrustConfig};
use tributary_gateway::api::{ApiState, auth};
use tributary_gateway::desk::{
    ChannelView, Desk, ReceiveError, Received, RefreshError, ReplayError, Replayed, Replied, ReplyError, Sampled,
    ShowError,
};
use tributary_gateway::http::{Drained, HttpConfig, serve};
use tributary_model::decision::Objection;
use tributary_model::message::{Arrival, Attachment, Attribute, ChannelEvent, Request, Response, Sample};
use tributary_model::order::Order;
use tributary_model::{ChannelName, ConversationId, ParkedId, Place, Timestamp};
use tributary_pipeline::{BreakerLimits, Feeds, Refused, Roles};
use tributary_runtime::{Blobs, Budgets, Grants, RuntimeConfig, Services};
use tributary_store::conformance::fixture::{arrival, mail};
use tributary_store::sqlite::{SqliteConfig, SqliteStore};
use tributary_store::{
    AskedOperation, DeskRules, NewOperation, NewReply, NewToken, NotDecided, NotTaken, OperationVerdict, OrderRefused,
    Scope, Store, StoreError, conformance,
};

/// The digest of the file that the fixture's desk holds.
pub const BLOB: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/// Plays the pipeline. A text with `promise` is blocked by a review, one with `hmm` is warned about.
pub struct TestDesk {
    store: Arc<dyn Store>,
    fleet: Arc<Fleet>,
    feeds: Arc<Feeds>,
    /// A reply waits for a permit, so that a test can hold one up.
    pub gate: Semaphore,
    /// Replies that have come as far as the gate.
    pub replies: AtomicUsize,
}

#[async_trait]
impl Desk for TestDesk {
    async fn reply(&self, mut reply: NewReply) -> Result<Replied, ReplyError> {
        self.replies.fetch_add(1, Ordering::SeqCst);
        let _gate = self.gate.acquire().await.expect("nobody closes the gate");
        let objection = |why: &str| {
            vec![("policy-phrases".into(), Objection { rule: "G2".into(), why: why.into(), span: Some((0, 7)) })]
        };
        if reply.content.text.contains("promise") {
            return Err(ReplyError::Blocked(objection("promises")));
        }
        if reply.content.text.contains("hmm") {
            reply.warnings = objection("sounds unsure");
        }
        assert!(!reply.content.text.contains("panic"), "a fault of the house");
        let warnings = reply.warnings.clone();
        let outgoing = self.store.reply(reply).await?.map_err(ReplyError::Refused)?;
        Ok(Replied { outgoing, warnings })
    }

    async fn replay(&self, id: ParkedId, by: &str) -> Result<Replayed, ReplayError> {
        let (parked, arrival) = self.store.parked_one(id).await?.ok_or(ReplayError::Unknown)?;
        if parked.replayed.is_some() {
            return Err(ReplayError::Done);
        }
        if arrival.is_some_and(|arrival| arrival.arrival.bytes().starts_with(b"broken")) {
            return Err(ReplayError::Failed("it trapped again".into()));
        }
        self.store.unpark(id, by, tributary_pipeline::now()).await?;
        Ok(Replayed::Accepted { conversations: vec![ConversationId(1)] })
    }

    async fn perform(&self, new: NewOperation) -> Result<Result<AskedOperation, NotTaken>, StoreError> {
        self.store.ask_operation(new).await
    }

    async fn decide_operation(&self, verdict: OperationVerdict) -> Result<Result<(), NotDecided>, StoreError> {
        self.store.decide_operation(verdict).await
    }

    /// The order's id says what the marketplace answers.
    async fn refresh_order(
        &self,
        _: ConversationId,
        order: &str,
        channel: Option<ChannelName>,
    ) -> Result<(ChannelName, Order), RefreshError> {
        let channel = channel.unwrap_or_else(|| "shopify".into());
        match order {
            "known" => Ok((channel, crate::orders::order(order))),
            "down" => Err(RefreshError::Failed("503 from the shop".into())),
            "unclear" => Err(RefreshError::Unclear("name one of doudian, shopify".into())),
            "two" => Err(RefreshError::NotTaken(NotTaken::Order(OrderRefused::Unknown(order.into())))),
            _ => Err(RefreshError::Absent(order.into(), channel)),
        }
    }

    fn has_channel(&self, channel: &ChannelName) -> bool {
        channel.as_str() == "chat"
    }

    fn channels(&self) -> Vec<ChannelView> {
        let roles = Roles { channel: true, presence: true, ..Roles::default() };
        vec![ChannelView { name: "chat".into(), plugin: ("channel-chat".into(), "1.0.0".into()), roles, poll: None }]
    }

    /// The first part of the path says what is to become of it.
    async fn receive(&self, _: &ChannelName, arrival: Arrival, sample: bool) -> Result<Received, ReceiveError> {
        let Arrival::Http(request) = arrival else { return Ok(Received::Ignored("no call".into())) };
        let accepted = |answer| Received::Accepted { conversations: vec![ConversationId(1042)], answer };
        let field = |name: &str, value: &str| Attribute { name: name.into(), value: value.into() };
        let ok = |headers, body: &[u8]| accepted(Some(Response { status: 200, headers, body: body.to_vec() }));
        Ok(match request.url.split(['?', '/']).nth(1).unwrap_or_default() {
            "echo" => {
                let fields: Vec<String> =
                    request.headers.iter().map(|it| format!("{}={}", it.name, it.value)).collect();
                let told = format!("{} {} {sample} {}\n", request.method, request.url, fields.join("|"));
                let all = [told.as_bytes(), &request.body].concat();
                ok(vec![field("x-own", "yes"), field("connection", "close"), field("bad name", "x")], &all)
            }
            "hold" => ok(vec![field("grip-hold", "stream"), field("grip-channel", "v1"), field("x-own", "yes")], b""),
            "file" => ok(vec![field("blob-body", BLOB), field("content-type", "image/png")], b"dropped"),
            "gone" => ok(vec![field("blob-body", "none")], b""),
            "silent" => accepted(None),
            "parked" => Received::Parked(ParkedId(7)),
            "ignored" => Received::Ignored("a beat".into()),
            "forged" => Received::Unauthenticated("the signature does not hold".into()),
            "busy" => return Err(ReceiveError::Overloaded),
            other => panic!("{other}"),
        })
    }

    fn parked_answer(&self, _: &ChannelName) -> Option<Response> {
        let kind = Attribute { name: "content-type".into(), value: "text/plain".into() };
        Some(Response { status: 200, headers: vec![kind], body: b"success".to_vec() })
    }

    async fn samples(&self, channel: &ChannelName, text: &str) -> Option<Sampled> {
        (channel.as_str() == "chat").then(|| match text {
            "no secret" => Err(Refused("the secret chat-key is missing".into())),
            text => Ok(vec![Sample::Http(Request {
                method: "POST".into(),
                url: "/echo?signature=1".into(),
                headers: vec![Attribute { name: "x-signature".into(), value: "1".into() }],
                body: text.as_bytes().into(),
            })]),
        })
    }

    async fn show(&self, id: ConversationId, _: bool) -> Result<(), ShowError> {
        match id.0 {
            1 => Ok(()),
            2 => Err(ShowError::Absent("mail shows nothing of the kind".into())),
            _ => Err(ShowError::Unknown),
        }
    }

    fn feeds(&self) -> &Arc<Feeds> {
        &self.feeds
    }

    fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    fn fleet(&self) -> &Arc<Fleet> {
        &self.fleet
    }

    async fn keep_blob(&self, bytes: Vec<u8>) -> Result<String, std::io::Error> {
        Ok(format!("{:064x}", bytes.len()))
    }

    async fn blob(&self, id: &str) -> Result<Option<Vec<u8>>, std::io::Error> {
        Ok((id == BLOB).then(|| b"<script>alert(1)</script>".to_vec()))
    }
}

/// A running daemon's HTTP side.
pub struct House {
    pub runtime: Runtime,
    pub desk: Arc<TestDesk>,
    pub state: ApiState,
    pub address: SocketAddr,
    tokens: HashMap<&'static str, String>,
    stop: watch::Sender<bool>,
    serving: Option<JoinHandle<Drained>>,
    _dir: tempfile::TempDir,
}

impl House {
    /// With the tokens `reader`, `lin`, `mei` and `boss`, and one that was revoked, `gone`.
    pub fn new() -> Self {
        Self::with_config(HttpConfig::default(), false)
    }

    pub fn with_config(config: HttpConfig, metrics_need_token: bool) -> Self {
        Self::build(config, metrics_need_token, &[], DeskRules::default())
    }

    /// With the rules of the store's suite, by which some operations need approval.
    pub fn with_approvals() -> Self {
        Self::build(HttpConfig::default(), false, &[], conformance::rules())
    }

    /// With policies from `target/plugins`, which need no signature here.
    pub fn with_policies(policies: &[&str]) -> Self {
        Self::build(HttpConfig::default(), false, policies, DeskRules::default())
    }

    fn build(config: HttpConfig, metrics_need_token: bool, policies: &[&str], rules: DeskRules) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> =
            Arc::new(SqliteStore::open(&SqliteConfig { rules, ..SqliteConfig::new(dir.path()) }).unwrap());
        let fleet = runtime.block_on(fleet(dir.path(), store.clone(), policies));
        let (gate, replies) = (Semaphore::new(1_000), AtomicUsize::new(0));
        let desk = Arc::new(TestDesk { store: store.clone(), fleet, feeds: Arc::default(), gate, replies });
        let (stop, stopped) = watch::channel(false);
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        let state = ApiState::new(desk.clone(), recorder.handle(), stopped, metrics_need_token, 1 << 20);
        let mut tokens = HashMap::new();
        let (address, serving) = runtime.block_on(async {
            for (name, scope) in [
                ("reader", Scope::Read),
                ("lin", Scope::Agent),
                ("mei", Scope::Agent),
                ("boss", Scope::Admin),
                ("gone", Scope::Admin),
            ] {
                let (token, digest) = auth::new_token().unwrap();
                let id = store.create_token(NewToken { name: name.into(), digest, scope }, Timestamp(1)).await.unwrap();
                if name == "gone" {
                    assert!(store.revoke_token(id, Timestamp(2)).await.unwrap());
                }
                tokens.insert(name, token);
            }
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            (address, tokio::spawn(serve(listener, state.clone(), config)))
        });
        Self { runtime, desk, state, address, tokens, stop, serving: Some(serving), _dir: dir }
    }

    /// So many conversations, one mail each.
    pub fn seed(&self, from: usize, count: usize) {
        for n in from..from + count {
            self.accept(&format!("m{n}"), n as u64);
        }
    }

    /// One mail with a file; its conversation.
    pub fn accept(&self, external_id: &str, at: u64) -> i64 {
        let mut message =
            mail(external_id, &format!("{external_id}@example.org"), "Where is my parcel? 我的包裹在哪里");
        message.content.html = Some("<b>Where</b>".into());
        message.content.attachments = vec![Attachment {
            blob: BLOB.into(),
            name: "../发票\".html".into(),
            media_type: "text/html".into(),
            size: 25,
            content_id: None,
        }];
        let events = vec![ChannelEvent::Message(Box::new(message))];
        let accepted = self.runtime.block_on(self.desk.store.accept(arrival("mail", events, Timestamp(at)), None));
        accepted.unwrap().messages[0].conversation.0
    }

    /// A client with the token of this name; an unknown name is a token that never was.
    pub fn client(&self, name: &str) -> Client {
        let token = self.tokens.get(name).map_or_else(|| format!("trb_{name}"), Clone::clone);
        Client::new(self.address, Some(token))
    }

    /// A client without a token.
    pub fn nobody(&self) -> Client {
        Client::new(self.address, None)
    }

    /// Tells the daemon to stop.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Stops it; what that left.
    pub fn stopped(&mut self) -> Drained {
        self.stop();
        self.runtime.block_on(self.serving.take().unwrap()).unwrap()
    }
}

/// The component of a plugin, as `cargo xtask plugins` built it.
pub fn component(plugin: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/plugins").join(format!("{plugin}.wasm"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}; run `cargo xtask plugins`", path.display()))
}

/// A fleet with these policies, each in its place.
async fn fleet(dir: &Path, store: Arc<dyn Store>, policies: &[&str]) -> Arc<Fleet> {
    let folder = dir.join("plugins");
    std::fs::create_dir_all(&folder).unwrap();
    let entry = |plugin: &&str| {
        std::fs::write(folder.join(format!("{plugin}.wasm")), component(plugin)).unwrap();
        PlaceEntry {
            place: Place::Policy((*plugin).into()),
            plugin: (*plugin).into(),
            config: toml::Table::new(),
            origin: "tributary.toml".into(),
            grants: Grants::default(),
            addresses: Vec::new(),
            verifies: Default::default(),
            rollout: None,
        }
    };
    let entries = policies.iter().map(entry).collect();
    let services = Services::nothing(Blobs::open(&dir.join("blobs")).unwrap());
    let config = FleetConfig {
        plugins: folder,
        packages: dir.join("packages"),
        lock: dir.join("tributary.lock"),
        watch: false,
        trust: TrustConfig { development: true, signers: Vec::new() },
        oci: Default::default(),
        rollout: Rollout::AtOnce,
        trial: TrialLimits::default(),
        breaker: BreakerLimits::default(),
        budgets: Budgets::default(),
        policy_reuse: 0,
        keep: 2,
    };
    let runtime = tributary_runtime::Runtime::new(RuntimeConfig::default(), services).unwrap();
    let opened = Fleet::open(config, entries, runtime, store).await;
    opened.map(|(fleet, _)| fleet).unwrap_or_else(|faults| panic!("{faults:?}"))
}

/// Waits for a condition; what was seen last, if it never comes.
pub fn until<T: std::fmt::Debug>(what: &str, mut look: impl FnMut() -> (bool, T)) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let (so, seen) = look();
        if so {
            return seen;
        }
        assert!(Instant::now() < deadline, "never {what}; last seen: {seen:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// An HTTP client with one token.
#[derive(Clone)]
pub struct Client {
    pub base: String,
    pub token: Option<String>,
    pub agent: ureq::Agent,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HashMap<String, String>,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The last part of a problem's type; the shape is checked on the way.
    pub fn problem(&self) -> String {
        assert_eq!(self.headers.get("content-type").map(String::as_str), Some("application/problem+json"), "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "{problem}");
        for member in ["title", "detail"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{problem}");
        }
        problem["type"].as_str().and_then(|path| path.strip_prefix("/problems/")).unwrap().to_owned()
    }

    pub fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{} {}", self.status, String::from_utf8_lossy(&self.bytes));
        if self.bytes.is_empty() { Value::Null } else { self.json() }
    }
}

impl Client {
    fn new(address: SocketAddr, token: Option<String>) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false).proxy(None);
        let agent = config.timeout_global(Some(Duration::from_secs(30))).build().into();
        Self { base: format!("http://{address}"), token, agent }
    }

    /// Any request. Paths without a leading `/` are below `/api/v1/`. The body is not read where it is an endless stream.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&str>) -> Answer {
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/api/v1/{path}") };
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let sent = match body {
            Some(body) => self.agent.run(request.body(body.to_owned()).unwrap()),
            None => self.agent.run(request.body(()).unwrap()),
        };
        let mut response = sent.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let headers = response.headers().iter();
        let headers: HashMap<_, _> =
            headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        let endless = headers.get("content-type").is_some_and(|value| value.starts_with("text/event-stream"));
        let bytes = if endless { Vec::new() } else { response.body_mut().read_to_vec().unwrap() };
        Answer { status: response.status().as_u16(), headers, bytes }
    }

    /// A POST whose body is no text.
    pub fn post_bytes(&self, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        let url = format!("{}/api/v1/{path}", self.base);
        let token = format!("Bearer {}", self.token.as_deref().unwrap_or_default());
        let mut request = self.agent.post(url).header("authorization", token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = request.send(body).unwrap_or_else(|error| panic!("POST {path}: {error}"));
        let named = |(name, value): (&ureq::http::HeaderName, &ureq::http::HeaderValue)| {
            (name.to_string(), value.to_str().unwrap().to_owned())
        };
        let headers = response.headers().iter().map(named).collect();
        let bytes = response.body_mut().read_to_vec().unwrap();
        Answer { status: response.status().as_u16(), headers, bytes }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], None)
    }

    pub fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, &[("content-type", "application/json")], Some(&body.to_string()))
    }

    pub fn post_once(&self, path: &str, body: Value, key: &str) -> Answer {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        self.send("POST", path, &headers, Some(&body.to_string()))
    }

    /// Takes a conversation.
    pub fn claim(&self, id: i64) -> Value {
        self.post(&format!("conversations/{id}/claim"), json!({})).ok()
    }

    /// How often something happened to a conversation.
    pub fn count(&self, id: i64, act: &str) -> usize {
        let detail = self.get(&format!("conversations/{id}")).ok();
        detail["audit"].as_array().unwrap().iter().filter(|event| event["act"] == act).count()
    }
}
