//! Egress, as a guest meets it: what it may ask for, whom it reaches, and how much of it.
mod outside;
mod tls;

use crate::guest::{ADAPTER, Guest};
use crate::house::{House, World, context, outgoing};
use crate::services::Lines;
use outside::{Net, Server};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tributary_model::ChannelName;
use tributary_model::message::{Attribute, Request, SendError};
use tributary_runtime::egress::{Network, Tcp};
use tributary_runtime::{
    Adapter, Budgets, CallCost, CallError, Egress, EgressConfig, EgressError, Generation, GrantedRequest, Grants,
    HttpEgress, RuntimeConfig, Settings,
};

/// A public address.
const PUBLIC: &[&str] = &["93.184.215.14"];

/// How the guest found its request answered.
#[derive(Debug, PartialEq)]
enum Answer {
    /// Status and body.
    Answered(u16, String),
    Denied(String),
    Unreachable(String),
    Timeout,
    TooLarge,
}

/// A guest that sends one request in `send`, and one in `prepare`, whose answer must not be one.
fn guest(origins: &[&str], request: &Request) -> Guest {
    let leak = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    let escaped = |bytes: &[u8]| bytes.iter().map(|byte| format!("\\{byte:02x}")).collect::<String>();
    let (mut items, mut next) = (String::new(), 20_000);
    let mut place = |bytes: &[u8]| {
        items += &format!("(data (i32.const {next}) \"{}\")", escaped(bytes));
        let at = (next, bytes.len());
        next += bytes.len();
        at
    };
    let (method, url, body) = (place(request.method.as_bytes()), place(request.url.as_bytes()), place(&request.body));
    let mut fields = Vec::new();
    for field in &request.headers {
        for (at, length) in [place(field.name.as_bytes()), place(field.value.as_bytes())] {
            fields.extend((at as u32).to_le_bytes());
            fields.extend((length as u32).to_le_bytes());
        }
    }
    items += &format!(r#"(data (i32.const 16384) "{}") (data (i32.const 3000) "too large")"#, escaped(&fields));
    let import =
        r#"(import "tributary:plugin/http@0.1.0" "send" (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32)))"#;
    let call = format!(
        "(call $send (i32.const {}) (i32.const {}) (i32.const {}) (i32.const {}) (i32.const 16384) (i32.const {})
                     (i32.const {}) (i32.const {}) (i32.const 512))",
        method.0,
        method.1,
        url.0,
        url.1,
        request.headers.len(),
        body.0,
        body.1
    );
    // Answered: `temporary` with the body and the status. Denied: `window-closed`. Unreachable: `unauthorised`. Timeout and
    // too large: `permanent`.
    let tell = "(i32.store8 (i32.const 0) (i32.const 1))
        (if (i32.load8_u (i32.const 512))
            (then
                (i32.store8 (i32.const 4) (i32.load8_u (i32.const 520)))
                (i32.store (i32.const 8) (i32.load (i32.const 528)))
                (i32.store (i32.const 12) (i32.load (i32.const 532)))
                (if (i32.eq (i32.load8_u (i32.const 520)) (i32.const 2))
                    (then (i32.store (i32.const 12) (i32.const 0))))
                (if (i32.eq (i32.load8_u (i32.const 520)) (i32.const 3))
                    (then (i32.store8 (i32.const 4) (i32.const 2))
                          (i32.store (i32.const 8) (i32.const 3000)) (i32.store (i32.const 12) (i32.const 9)))))
            (else
                (i32.store8 (i32.const 4) (i32.const 3))
                (i32.store (i32.const 8) (i32.load (i32.const 532)))
                (i32.store (i32.const 12) (i32.load (i32.const 536)))
                (i32.store8 (i32.const 16) (i32.const 1))
                (i32.store (i32.const 20) (i32.load16_u (i32.const 520)))))";
    let asked: Vec<String> = origins.iter().map(|origin| format!("'{origin}'")).collect();
    Guest {
        items: leak(format!("{import} {items}")),
        prepare: leak(format!("{call} (if (i32.eqz (i32.load8_u (i32.const 512))) (then unreachable))")),
        send: leak(format!("{call} {tell}")),
        asks: leak(format!("services = ['http']\negress = [{}]", asked.join(", "))),
        ..ADAPTER
    }
}

fn request(method: &str, url: &str) -> Request {
    Request { method: method.into(), url: url.into(), headers: Vec::new(), body: [].into() }
}

fn get(url: &str) -> Request {
    request("GET", url)
}

/// A house whose way out is this.
fn house(config: EgressConfig, network: Arc<dyn Network>) -> (House, Arc<HttpEgress>) {
    let egress = Arc::new(HttpEgress::over(config, network).unwrap());
    let world = World { http: Some(Arc::clone(&egress) as _), ..World::default() };
    (House::with(world, Arc::new(tempfile::tempdir().unwrap()), RuntimeConfig::default()), egress)
}

fn quick() -> EgressConfig {
    EgressConfig { response_bytes: 1_024, system_authorities: false, ..EgressConfig::default() }
}

fn settings(origins: &[&str]) -> Settings {
    let egress = origins.iter().map(|origin| (*origin).to_owned()).collect();
    Settings {
        channel: Some(ChannelName::from("mail")),
        grants: Grants { egress, ..Grants::default() },
        ..Settings::default()
    }
}

async fn load(house: &House, origins: &[&str], request: &Request) -> Arc<Generation> {
    house.load(&guest(origins, request).package(), settings(origins)).await
}

async fn told(generation: &Generation) -> (Answer, CallCost) {
    let called = generation.send(context(), &outgoing()).await.unwrap();
    let answer = match called.result {
        Err(SendError::Temporary { why, after: Some(status) }) => Answer::Answered(status.as_secs() as u16, why),
        Err(SendError::WindowClosed(whom)) => Answer::Denied(whom),
        Err(SendError::Unauthorised(why)) => Answer::Unreachable(why),
        Err(SendError::Permanent(text)) if text.is_empty() => Answer::Timeout,
        Err(SendError::Permanent(_)) => Answer::TooLarge,
        other => panic!("{other:?}"),
    };
    (answer, called.cost)
}

/// Loads a guest that was granted these origins and sends one request of it.
async fn ask(house: &House, origins: &[&str], request: &Request) -> Answer {
    told(&*load(house, origins, request).await).await.0
}

fn hello() -> Answer {
    Answer::Answered(200, "hello".into())
}

fn denied(whom: &str) -> Answer {
    Answer::Denied(whom.into())
}

#[tokio::test]
async fn a_granted_host_is_reached_with_what_the_guest_said_and_nothing_of_the_connection() {
    let server = Server::plain().await;
    let net = Net::new(&server, &[("api.example", PUBLIC)]);
    let (house, _) = house(quick(), Arc::clone(&net) as _);
    let field = |name: &str, value: &str| Attribute { name: name.into(), value: value.into() };
    let request = Request {
        headers: vec![field("host", "evil.example"), field("x-key", "k"), field("content-length", "1")],
        body: b"body"[..].into(),
        ..request("POST", "http://API.example:8080/a?b#c")
    };
    let generation = load(&house, &["http://api.example:8080"], &request).await;
    assert_eq!((server.connections(), net.asked.lock().len()), (0, 0), "nothing leaves during prepare");
    let (answer, cost) = told(&generation).await;
    assert_eq!(answer, hello());
    assert_eq!(
        server.requests(),
        ["POST /a?b HTTP/1.1\r\nx-key: k\r\nhost: api.example:8080\r\ncontent-length: 4\r\n\r\nbody"]
    );
    assert_eq!(*net.asked.lock(), ["api.example"]);
    assert_eq!(*net.dialled.lock(), ["93.184.215.14:8080".parse().unwrap()]);
    assert!(
        cost.bytes_out >= "POSThttp://API.example:8080/a?b#c".len() + "hostevil.examplex-keyk".len() + "body".len()
    );
    assert!(cost.host > Duration::ZERO && cost.host <= cost.wall, "{cost:?}");
}

#[tokio::test]
async fn a_name_that_is_not_granted_is_not_even_resolved() {
    let server = Server::plain().await;
    let net = Net::new(&server, &[("api.example", PUBLIC)]);
    let (house, _) = house(quick(), Arc::clone(&net) as _);
    let granted = ["https://api.example", "http://10.0.0.5:8080"];
    for (url, whom) in [
        ("https://secret-data.attacker.example/", "secret-data.attacker.example"),
        ("https://secret-data.api.example/", "secret-data.api.example"),
        ("http://api.example/", "api.example"),
        ("https://api.example:8443/", "api.example:8443"),
        ("https://user:key@api.example/", "api.example"),
        ("http://10.0.0.6:8080/", "10.0.0.6:8080"),
        ("http://2130706433/", "2130706433"),
        ("http://0x7f.1/", "0x7f.1"),
        ("http://[::ffff:10.0.0.5]:8080/", "[::ffff:10.0.0.5]:8080"),
        ("gopher://api.example/", "api.example"),
    ] {
        assert_eq!(ask(&house, &granted, &get(url)).await, denied(whom), "{url}");
    }
    assert!(matches!(
        ask(&house, &granted, &request("GET / HTTP/1.1\r\nx: y", "https://api.example/")).await,
        Answer::Unreachable(_)
    ));
    // Asked for and not allowed; allowed and not asked for.
    for (asked, allowed) in [(&["http://api.example"][..], &[][..]), (&[], &["http://api.example"])] {
        let package = guest(asked, &get("http://api.example/")).package();
        let generation = house.load(&package, settings(allowed)).await;
        assert_eq!(told(&generation).await.0, denied("api.example"));
    }
    assert_eq!((net.asked.lock().len(), net.dialled.lock().len(), server.connections()), (0, 0, 0));
}

#[tokio::test]
async fn a_name_that_points_inside_reaches_nobody() {
    let server = Server::plain().await;
    for (addresses, whom) in [
        (&["127.0.0.1"][..], "127.0.0.1"),
        (&["10.1.2.3"], "10.1.2.3"),
        (&["169.254.169.254"], "169.254.169.254"),
        (&["100.100.100.200"], "100.100.100.200"),
        (&["100.64.0.1"], "100.64.0.1"),
        (&["0.0.0.0"], "0.0.0.0"),
        (&["224.0.0.1"], "224.0.0.1"),
        (&["255.255.255.255"], "255.255.255.255"),
        (&["::1"], "::1"),
        (&["fd00:ec2::254"], "fd00:ec2::254"),
        (&["fe80::1"], "fe80::1"),
        (&["::ffff:127.0.0.1"], "::ffff:127.0.0.1"),
        (&["::7f00:1"], "::127.0.0.1"),
        (&["64:ff9b::a00:1"], "64:ff9b::a00:1"),
        (&["2002:7f00:1::"], "2002:7f00:1::"),
        (&["93.184.215.14", "192.168.0.1"], "192.168.0.1"),
    ] {
        let net = Net::new(&server, &[("api.example", addresses)]);
        let (house, _) = house(quick(), Arc::clone(&net) as _);
        let answer = ask(&house, &["http://api.example"], &get("http://api.example/")).await;
        let whom: std::net::IpAddr = whom.parse().unwrap();
        assert_eq!(answer, denied(&whom.to_string()), "{addresses:?}");
        assert_eq!(net.dialled.lock().len(), 0, "{addresses:?}");
    }
    let net = Net::new(&server, &[("none.example", &[])]);
    let (house, _) = house(quick(), net);
    for name in ["none.example", "unknown.example"] {
        let origin = format!("http://{name}");
        assert!(matches!(ask(&house, &[&origin], &get(&origin)).await, Answer::Unreachable(_)), "{name}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_name_that_changes_its_mind_is_looked_at_each_time_it_is_connected_to() {
    let server = Server::plain().await;
    let net = Net::new(&server, &[("api.example", PUBLIC), ("api.example", &["127.0.0.1"])]);
    let (house, _) = house(quick(), Arc::clone(&net) as _);
    let generation = load(&house, &["http://api.example"], &get("http://api.example/close")).await;
    // The address that was looked at is the one that is connected to: there is no second answer to go by.
    assert_eq!(told(&generation).await.0, Answer::Answered(200, "last".into()));
    assert_eq!((net.asked.lock().len(), net.dialled.lock().len()), (1, 1));
    // The connection was closed; the next one asks again, and what is answered now is refused.
    assert_eq!(told(&generation).await.0, denied("127.0.0.1"));
    assert_eq!(*net.dialled.lock(), ["93.184.215.14:80".parse().unwrap()]);
}

#[tokio::test]
async fn an_address_is_reached_where_the_operator_spelled_it_but_never_the_metadata() {
    let server = Server::plain().await;
    let (house, _) = house(quick(), Arc::new(Tcp));
    let origin = format!("http://{}", server.address);
    assert_eq!(ask(&house, &[&origin], &get(&origin)).await, hello());
    // Another spelling of it, and a name for it, are not what was written.
    for url in
        [format!("http://127.1:{}", server.address.port()), format!("http://localhost:{}", server.address.port())]
    {
        assert!(matches!(ask(&house, &[&origin], &get(&url)).await, Answer::Denied(_)), "{url}");
    }
    // This machine's own resolver says that the name points inside.
    let local = format!("http://localhost:{}", server.address.port());
    assert!(matches!(ask(&house, &[&local], &get(&local)).await, Answer::Denied(_)));
    for never in ["169.254.169.254", "100.100.100.200", "0.0.0.0", "255.255.255.255", "[fd00:ec2::254]", "[fe80::1]"] {
        let origin = format!("http://{never}");
        assert_eq!(ask(&house, &[&origin], &get(&origin)).await, denied(never.trim_matches(['[', ']'])));
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_followed_by_nobody() {
    let server = Server::plain().await;
    let net = Net::new(&server, &[("api.example", PUBLIC), ("evil.example", PUBLIC)]);
    let (house, _) = house(quick(), Arc::clone(&net) as _);
    let granted = ["http://api.example"];
    let answer = ask(&house, &granted, &get("http://api.example/redirect")).await;
    assert_eq!(answer, Answer::Answered(302, "see!".into()));
    assert_eq!(ask(&house, &granted, &get("http://evil.example/")).await, denied("evil.example"));
    assert_eq!((server.requests().len(), net.asked.lock().clone()), (1, vec!["api.example".to_owned()]));
}

#[tokio::test]
async fn answers_have_limits() {
    let server = Server::plain().await;
    let net = Net::new(&server, &[("api.example", PUBLIC)]);
    let (house, _) = house(EgressConfig { timeout: Duration::from_millis(300), ..quick() }, net);
    let origin = ["http://api.example"];
    for path in ["long", "chunks", "head"] {
        let answer = ask(&house, &origin, &get(&format!("http://api.example/{path}"))).await;
        assert_eq!(answer, Answer::TooLarge, "{path}");
    }
    for path in ["never", "drip"] {
        let start = Instant::now();
        let generation = load(&house, &origin, &get(&format!("http://api.example/{path}"))).await;
        let (answer, cost) = told(&generation).await;
        assert_eq!(answer, Answer::Timeout, "{path}");
        assert!(start.elapsed() >= Duration::from_millis(300));
        assert!(cost.host >= Duration::from_millis(290) && cost.guest < Duration::from_millis(100), "{path}: {cost:?}");
    }
    for path in ["half", "nonsense"] {
        let answer = ask(&house, &origin, &get(&format!("http://api.example/{path}"))).await;
        assert!(matches!(answer, Answer::Unreachable(_)), "{path}: {answer:?}");
    }
    // None of those connections is used again, or left open.
    server.until_open(0).await;
}

#[tokio::test]
async fn nobody_listens_is_said_at_once() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (house, _) = house(quick(), Arc::new(Tcp));
    let origin = format!("http://{address}");
    assert!(matches!(ask(&house, &[&origin], &get(&origin)).await, Answer::Unreachable(_)));
}

#[tokio::test]
async fn a_request_ends_before_its_call_does() {
    let server = Server::plain().await;
    let net = Net::new(&server, &[("api.example", PUBLIC)]);
    let (house, _) = house(quick(), net);
    let origin = ["http://api.example"];
    let package = guest(&origin, &get("http://api.example/never")).package();
    let budgets = Budgets { wall: Duration::from_millis(500), ..Budgets::default() };
    let generation = house.load(&package, Settings { budgets, ..settings(&origin) }).await;
    // The guest is told, and has time left to say so.
    let (answer, cost) = told(&generation).await;
    assert_eq!(answer, Answer::Timeout);
    assert!(cost.wall < budgets.wall, "{cost:?}");
}

#[tokio::test]
async fn bytes_that_are_sent_count() {
    let server = Server::plain().await;
    let net = Net::new(&server, &[("api.example", PUBLIC)]);
    let (house, _) = house(quick(), net);
    let origin = ["http://api.example"];
    let request = Request { body: vec![b'x'; 3_000].into(), ..request("PUT", "http://api.example/") };
    let package = guest(&origin, &request).package();
    for (bytes_out, fits) in [(3_100, true), (2_900, false)] {
        let budgets = Budgets { bytes_out, ..Budgets::default() };
        match house.runtime.load(Arc::clone(&package), Settings { budgets, ..settings(&origin) }).await {
            Ok(generation) => {
                let sent = generation.send(context(), &outgoing()).await;
                assert_eq!(sent.is_ok(), fits, "{sent:?}");
                if let Err(error) = sent {
                    assert!(matches!(error, CallError::Budget { .. }), "{error:?}");
                }
            }
            // `prepare` sends as well.
            Err(error) => assert!(!fits, "{error:?}"),
        }
    }
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn connections_are_counted_for_each_plugin_and_waiting_is_the_hosts_time() {
    let server = Server::plain().await;
    let net = Net::new(&server, &[("api.example", PUBLIC)]);
    let (house, _) = house(EgressConfig { connections: 2, timeout: Duration::from_millis(600), ..quick() }, net);
    let origin = ["http://api.example"];
    let stuck = load(&house, &origin, &get("http://api.example/never")).await;
    let stuck = [0, 1].map(|_| {
        let stuck = Arc::clone(&stuck);
        tokio::spawn(async move { told(&stuck).await })
    });
    server.until_asked(2).await;
    // The same plugin waits for its turn; the host never hears of it.
    let third = load(&house, &origin, &get("http://api.example/third")).await;
    let waiting = tokio::spawn(async move { told(&third).await });
    // The same plugin in another channel has turns of its own.
    let other = guest(&origin, &get("http://api.example/other")).package();
    let settings = Settings { channel: Some(ChannelName::from("other")), ..settings(&origin) };
    let other = house.load(&other, settings).await;
    assert_eq!(told(&other).await.0, hello());
    assert_eq!(server.connections(), 3);
    for stuck in stuck {
        assert_eq!(stuck.await.unwrap().0, Answer::Timeout);
    }
    let (answer, cost) = waiting.await.unwrap();
    assert_eq!(answer, hello(), "its turn came when the others had given up");
    assert!(cost.host >= Duration::from_millis(100) && cost.guest < Duration::from_millis(100), "{cost:?}");
}

#[tokio::test]
async fn a_connection_is_used_again_until_it_has_rested_for_too_long() {
    let server = Server::plain().await;
    let net = Net::new(&server, &[("api.example", PUBLIC)]);
    let (house, egress) = house(EgressConfig { idle: Duration::from_millis(400), ..quick() }, Arc::clone(&net) as _);
    let origin = ["http://api.example"];
    let generation = load(&house, &origin, &get("http://api.example/")).await;
    for _ in 0..5 {
        assert_eq!(told(&generation).await.0, hello());
    }
    assert_eq!((server.connections(), net.asked.lock().len(), egress.close_idle()), (1, 1, 1));
    let rested = Instant::now();
    while egress.close_idle() > 0 {
        assert!(rested.elapsed() < Duration::from_secs(10), "the connection rests still");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    server.until_open(0).await;
    assert_eq!(told(&generation).await.0, hello());
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_connection_that_is_gone_is_replaced_and_no_other_plugin_gets_one() {
    let server = Server::plain().await;
    let net = Net::new(&server, &[("api.example", PUBLIC)]);
    let (house, egress) = house(quick(), net);
    let origin = ["http://api.example"];
    let vanish = load(&house, &origin, &get("http://api.example/vanish")).await;
    for round in 1..=5 {
        assert_eq!(told(&vanish).await.0, Answer::Answered(200, "last".into()), "{round}");
        assert_eq!(server.connections(), round);
        if round % 2 == 0 {
            server.until_open(0).await;
        }
    }
    let package = guest(&origin, &get("http://api.example/")).package();
    for channel in ["one", "two"] {
        let generation = house.load(&package, Settings { channel: Some(channel.into()), ..settings(&origin) }).await;
        assert_eq!(told(&generation).await.0, hello());
    }
    assert_eq!(server.connections(), 7);
    assert!(egress.close_idle() >= 2);
}

#[tokio::test]
async fn an_answer_comes_without_what_belongs_to_its_connection() {
    let server = Server::plain().await;
    let net = Net::new(&server, &[("api.example", PUBLIC)]);
    let egress = HttpEgress::over(quick(), net).unwrap();
    let granted = ["http://api.example".parse().unwrap()];
    let request = get("http://api.example/hops");
    let request = GrantedRequest::new(&"p".into(), &"c".into(), &granted, &request, Duration::from_secs(5)).unwrap();
    let answer = egress.send(request).await.unwrap();
    let fields: Vec<_> = answer.headers.iter().map(|field| (field.name.as_str(), field.value.as_str())).collect();
    assert_eq!(fields, [("set-cookie", "a"), ("set-cookie", "b"), ("x-latin", "\u{fffd}")]);
    assert_eq!(answer.body, b"abcde");
}

#[tokio::test]
async fn what_was_said_stands_in_no_log() {
    let server = Server::plain().await;
    let net = Net::new(&server, &[("api.example", PUBLIC)]);
    let egress = HttpEgress::over(quick(), net).unwrap();
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let granted = ["http://api.example".parse().unwrap()];
    let request = |path: &str| Request {
        headers: vec![Attribute { name: "authorization".into(), value: "secret-field".into() }],
        body: b"secret-body"[..].into(),
        ..request("PUT", &format!("http://api.example/{path}?secret-path"))
    };
    {
        let _log = tracing::subscriber::set_default(subscriber);
        for path in ["x", "half"] {
            let request = request(path);
            let within = Duration::from_secs(5);
            let request = GrantedRequest::new(&"p".into(), &"c".into(), &granted, &request, within).unwrap();
            let answer = egress.send(request).await;
            assert!(matches!(answer, Ok(_) | Err(EgressError::Unreachable(_))), "{answer:?}");
        }
    }
    let text = lines.text();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ours: Vec<_> = lines.iter().filter(|line| line["target"].as_str().unwrap().starts_with("tributary")).collect();
    assert_eq!(ours.len(), 2, "{text}");
    assert_eq!(
        (&ours[0]["fields"]["origin"], &ours[0]["fields"]["status"]),
        (&"http://api.example".into(), &200.into())
    );
    assert!(!text.contains("secret") && !text.contains("hello"), "{text}");
}
