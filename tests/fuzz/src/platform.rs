//! The platforms behind the channels, as a fuzz target plays them: what an adapter is set up with, and how the platform
//! signs. Configuration and grants are those of the plugin's `example.toml`.
use crate::arrival::add_header;
use channel_doudian::sign::Method;
use channel_phone::signature::{Algorithm, twilio_signature};
use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use serde_json::Value;
use tributary_sdk::host::secrets::hmac_sha256;
use tributary_sdk::testing::{self, FakeHost};
use tributary_sdk::web::Request;
use tributary_sdk::{Arrival, Channel, Exported, Reading, Rejection};
use tributary_wechat::cipher::Cipher;
use tributary_wechat::door::{Query, query};
use tributary_wechat::sign::signature;

/// The time of all calls, in milliseconds.
pub const NOW: u64 = 1_760_000_000_000;

/// A prepared adapter's `receive`.
pub type Receive = Box<dyn Fn(Arrival) -> Result<Reading, Rejection> + Send + Sync>;

/// One platform.
pub struct Platform {
    /// The adapter is the plugin `channel-NAME`.
    pub name: &'static str,
    example: &'static str,
    /// What an operator may set otherwise, as TOML: each is an adapter of its own.
    variants: &'static [&'static str],
    /// What the operator has set.
    pub secrets: &'static [(&'static str, &'static str)],
    /// The first line of an arrival without one.
    pub line: &'static str,
    /// Headers of a call, where it does not have them already.
    pub headers: &'static [(&'static str, &'static str)],
    /// Signs a call as the platform does. Runs with the services of a host that has the secrets.
    pub sign: fn(&mut Request),
    prepare: fn(Value) -> Receive,
}

/// All of them: the component of the first byte's number.
pub const PLATFORMS: [&Platform; 8] = [&DOUDIAN, &EMAIL, &PHONE, &SHOPIFY, &TELEGRAM, &WEBCHAT, &WECHAT, &WECOM];

/// 抖店.
pub const DOUDIAN: Platform = Platform {
    name: "doudian",
    example: include_str!("../../../plugins/channel-doudian/example.toml"),
    variants: &["", "complete = false"],
    secrets: &[("doudian-secret", "s3cret")],
    line: "POST /",
    headers: &[("app-id", DOUDIAN_APP)],
    sign: |request| {
        let signed = channel_doudian::sign::message(Method::HmacSha256, DOUDIAN_APP, &request.body);
        add_header(request, "event-sign", signed.expect("the secret is set"));
    },
    prepare: native::<channel_doudian::Doudian>,
};
const DOUDIAN_APP: &str = "7000000000000000000";

/// The webhooks of mail providers. What they carry is a mail, which `email_receive` goes into.
pub const EMAIL: Platform = Platform {
    name: "email",
    example: include_str!("../../../plugins/channel-email/example.toml"),
    variants: &[""],
    secrets: &[("mailgun-signing-key", "key"), ("sendgrid-basic-auth", "u:p"), ("inbound-secret", "a-secret-path")],
    line: "POST /mailgun",
    headers: &[("content-type", "application/x-www-form-urlencoded")],
    sign: |request| {
        if request.url.starts_with("/mailgun") {
            mailgun(request);
        } else if request.url.starts_with("/postmark") {
            request.url = request.url.replacen("/postmark", "/postmark/a-secret-path", 1);
        } else {
            add_header(request, "authorization", format!("Basic {}", BASE64.encode(b"u:p")));
        }
    },
    prepare: native::<channel_email::Email>,
};

/// Recorders of calls, and Twilio.
pub const PHONE: Platform = Platform {
    name: "phone",
    example: include_str!("../../../plugins/channel-phone/example.toml"),
    variants: &[""],
    secrets: &[("twilio-auth-token", "token"), ("document-token", "t0ken")],
    line: "FILE call",
    headers: &[("content-type", "application/x-www-form-urlencoded")],
    sign: |request| {
        if !request.url.starts_with("/twilio/") {
            return add_header(request, "authorization", "Bearer t0ken");
        }
        let kind = request.header("content-type").unwrap_or_default();
        let form: Vec<(String, String)> = if kind.starts_with("application/x-www-form-urlencoded") {
            form_urlencoded::parse(&request.body).into_owned().collect()
        } else {
            let digest = FakeHost::blob_id(&request.body);
            extend(&mut request.url, &format!("bodySHA256={digest}"));
            Vec::new()
        };
        let url = format!("https://desk.shop.example/hooks/phone{}", request.url);
        let signed = twilio_signature("token", &url, &form, Algorithm::Sha1).expect("a key of any length is one");
        add_header(request, "x-twilio-signature", signed);
    },
    prepare: native::<channel_phone::Phone>,
};

/// Shopify.
pub const SHOPIFY: Platform = Platform {
    name: "shopify",
    example: include_str!("../../../plugins/channel-shopify/example.toml"),
    variants: &["", "complete = false"],
    secrets: &[("shopify-secret", "s3cret")],
    line: "POST /",
    headers: &[
        ("x-shopify-topic", "orders/create"),
        ("x-shopify-shop-domain", "my-shop.myshopify.com"),
        ("x-shopify-api-version", "2026-07"),
        ("x-shopify-webhook-id", "w-1"),
    ],
    sign: |request| {
        let signed = hmac_sha256("shopify-secret", &request.body).expect("the secret is set");
        add_header(request, "x-shopify-hmac-sha256", BASE64.encode(&signed));
    },
    prepare: native::<channel_shopify::Shopify>,
};

/// Telegram.
pub const TELEGRAM: Platform = Platform {
    name: "telegram",
    example: include_str!("../../../plugins/channel-telegram/example.toml"),
    variants: &[""],
    secrets: &[("telegram-webhook-secret", "s3cret")],
    line: "POST /",
    headers: &[],
    sign: |request| add_header(request, "x-telegram-bot-api-secret-token", "s3cret"),
    prepare: native::<channel_telegram::Telegram>,
};

/// The script of the web chat. The claims of a visitor's token stand as JSON where the token has its place.
pub const WEBCHAT: Platform = Platform {
    name: "webchat",
    example: include_str!("../../../plugins/channel-webchat/example.toml"),
    variants: &["", "opening = []\nwithout-origin = true\nsummer-time = \"eu\""],
    secrets: &[("webchat-key", "a key of thirty-two bytes or more")],
    line: "POST /messages",
    headers: &[("origin", "https://shop.example"), ("content-type", "application/json")],
    sign: |request| {
        let given = request.headers.iter_mut().find(|header| header.name == "authorization");
        let claims = given.as_ref().map_or(r#"{"sub":"customer-42","exp":9e9}"#, |header| &header.value);
        let signed =
            format!("{}.{}", BASE64URL_NOPAD.encode(br#"{"alg":"HS256"}"#), BASE64URL_NOPAD.encode(claims.as_bytes()));
        let proof = hmac_sha256("webchat-key", signed.as_bytes()).expect("the secret is set");
        let token = format!("Bearer {signed}.{}", BASE64URL_NOPAD.encode(&proof));
        match given {
            Some(header) => header.value = token,
            None => add_header(request, "authorization", token),
        }
    },
    prepare: native::<channel_webchat::Webchat>,
};

/// WeChat's official accounts.
pub const WECHAT: Platform = Platform {
    name: "wechat",
    example: include_str!("../../../plugins/channel-wechat/example.toml"),
    variants: &["", "mode = \"compatible\"\nmax-body-bytes = 1024"],
    secrets: &[("wechat-token", TOKEN), ("wechat-aes-key", AES_KEY)],
    line: "POST /",
    headers: &[],
    sign: |request| seal(request, "wx0123456789abcdef"),
    prepare: native::<channel_wechat::WeChat>,
};

/// WeCom's customer service.
pub const WECOM: Platform = Platform {
    name: "wecom-kf",
    example: include_str!("../../../plugins/channel-wecom-kf/example.toml"),
    variants: &[""],
    secrets: &[("wecom-token", TOKEN), ("wecom-aes-key", AES_KEY)],
    line: "POST /",
    headers: &[],
    sign: |request| seal(request, "ww0123456789abcdef"),
    prepare: native::<channel_wecom_kf::CustomerService>,
};
const TOKEN: &str = "token";
const AES_KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";

impl Platform {
    /// What the operator wrote in each variant.
    pub fn configs(&self) -> impl Iterator<Item = toml::Table> {
        self.variants.iter().map(|variant| {
            let mut config = self.section("config");
            config.extend(variant.parse::<toml::Table>().expect("TOML"));
            config
        })
    }

    /// The adapter of each variant, linked.
    pub fn natives(&self) -> Vec<Receive> {
        let json = |config| serde_json::to_value::<toml::Table>(config).expect("TOML has a form in JSON");
        self.configs().map(|config| (self.prepare)(json(config))).collect()
    }

    /// A section of the example.
    pub fn section(&self, name: &str) -> toml::Table {
        let example: toml::Value = toml::from_str(self.example).expect("an example is TOML");
        example["channel"][0][name].as_table().expect("a section").clone()
    }

    /// A host with the platform's secrets.
    pub fn host(&self) -> FakeHost {
        let host = FakeHost::new().now(NOW).blob_limit(1 << 20);
        self.secrets.iter().fold(host, |host, (name, value)| host.secret(name, value))
    }
}

fn native<P: Exported + Channel>(config: Value) -> Receive {
    let plugin: P = testing::prepare(config).expect("an example is valid");
    Box::new(move |arrival| plugin.receive(arrival))
}

/// Puts more behind a URL's query.
fn extend(url: &mut String, query: &str) {
    url.push(if url.contains('?') { '&' } else { '?' });
    url.push_str(query);
}

/// Signs and, unless the URL says `plain`, encrypts: the body of a POST, or the `echostr` of a GET.
fn seal(request: &mut Request, receiver: &str) {
    let given = Query::of(&request.url);
    let or = |name: &str, usual: &str| Some(given.get(name)).filter(|it| !it.is_empty()).unwrap_or(usual).to_owned();
    let (timestamp, nonce) = (or("timestamp", &(NOW / 1000).to_string()), or("nonce", "n"));
    let proof = signature(&[TOKEN, &timestamp, &nonce]);
    let mut pairs = vec![("signature", proof), ("timestamp", timestamp.clone()), ("nonce", nonce.clone())];
    if !request.url.contains("plain") {
        let sealed = Cipher::new(AES_KEY).expect("a key").seal(&request.body, receiver, [7; 16]);
        let proof = signature(&[TOKEN, &timestamp, &nonce, &sealed]);
        pairs.extend([("msg_signature", proof), ("encrypt_type", "aes".into()), ("echostr", sealed.clone())]);
        request.body = format!("<xml><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>").into_bytes();
    }
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
    extend(&mut request.url, &query(&pairs));
}

/// Mailgun's proof is three fields of the form; the first of a name counts.
fn mailgun(request: &mut Request) {
    let (timestamp, token) = ((NOW / 1000).to_string(), "t0");
    let proof =
        hmac_sha256("mailgun-signing-key", format!("{timestamp}{token}").as_bytes()).expect("the secret is set");
    let fields = [("timestamp", timestamp.as_str()), ("token", token), ("signature", &HEXLOWER.encode(&proof))];
    let boundary = request.header("content-type").and_then(|kind| kind.split_once("boundary="));
    let mut proven: String = match boundary {
        None => fields.iter().map(|(name, value)| format!("{name}={value}&")).collect(),
        Some((_, boundary)) => {
            let head = "Content-Disposition: form-data; name=";
            fields.iter().map(|(name, value)| format!("--{boundary}\r\n{head}{name}\r\n\r\n{value}\r\n")).collect()
        }
    };
    let body = std::mem::take(&mut request.body);
    request.body = std::mem::take(&mut proven).into_bytes();
    request.body.extend(body);
}
