//! Load on a hook: a WeChat account's calls, each signed as the platform signs, over connections that stay open. Whether
//! what is signed here is what others sign is for the adapter's own tests, which ask other people's programs.
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tributary_wechat::cipher::Cipher;
use tributary_wechat::door::query;
use tributary_wechat::sign::signature;

use crate::load::{Load, Taken, Turns};
use crate::{Desk, Setup};

const APP: &str = "wx0123456789abcdef";
const TOKEN: &str = "a_token";
const AES_KEY: &str = "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR";

/// Ids of messages have as many digits as the platform's.
const FIRST_ID: u64 = 23_000_000_000_000_000;

/// A WeChat account in one of its modes.
pub struct Account {
    mode: &'static str,
    cipher: Option<Cipher>,
}

impl Account {
    /// An account whose messages are signed and come in clear.
    pub fn plain() -> Self {
        Self { mode: "plain", cipher: None }
    }

    /// An account whose messages are signed and encrypted.
    pub fn encrypted() -> Self {
        Self { mode: "encrypted", cipher: Some(Cipher::new(AES_KEY).expect("43 signs")) }
    }

    /// Its mode.
    pub fn mode(&self) -> &'static str {
        self.mode
    }

    /// A desk that has this account as the channel `wechat`, and of the policies those that grade and route; ready. None that
    /// answers, and no promises: of as many customers as there are messages nobody would keep any, and each that is broken is
    /// decided about again.
    pub fn desk(&self, setup: Setup) -> Desk {
        let mut desk = setup.init();
        for policy in ["policy-receipt", "policy-escalation", "policy-service-clock"] {
            desk = desk.without_policy(policy);
        }
        desk.configure(&format!(
            r#"
            [[channel]]
            name = "wechat"
            plugin = "channel-wechat"
            grants.secrets = ["wechat-token", "wechat-aes-key"]
            config.app-id = "{APP}"
            config.mode = "{}"
            "#,
            self.mode
        ));
        for (name, value) in [("wechat-token", TOKEN), ("wechat-aes-key", AES_KEY)] {
            std::fs::write(desk.dir.join("secrets").join(name), value).expect("a secret can be written");
        }
        desk.serve();
        desk
    }

    /// Sends text messages to the hook of the channel `wechat`; panics where one is not answered as taken. In the order of
    /// the answers by connection.
    pub fn send(&self, load: &Load, address: &str) -> Vec<Taken> {
        load.over(|turns| self.calls(address, turns))
    }

    fn calls(&self, address: &str, turns: &Turns) -> Vec<Taken> {
        let mut output = TcpStream::connect(address).expect("the server listens");
        output.set_nodelay(true).expect("TCP");
        output.set_read_timeout(Some(Duration::from_secs(120))).expect("TCP");
        let mut input = BufReader::new(output.try_clone().expect("a second handle"));
        let mut taken = Vec::new();
        while let Some(number) = turns.claim() {
            let wire = self.call(number);
            let due = turns.due(number);
            output.write_all(&wire).expect("the server listens");
            let end_of_data = Instant::now();
            let (status, body) = answer(&mut input).expect("the server answers");
            assert_eq!((status, body.as_slice()), (200, b"success".as_slice()), "message {number}");
            taken.push(Taken { number, due, end_of_data, acknowledged: Instant::now() });
        }
        taken
    }

    /// A text message by a customer of its own, ready for the wire.
    fn call(&self, number: usize) -> Vec<u8> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("later than 1970");
        let (seconds, nonce) = (since.as_secs().to_string(), number.to_string());
        let openid = format!("oLoad{number:023}");
        let message = format!(
            "<xml><ToUserName><![CDATA[gh_7f083739789a]]></ToUserName><FromUserName><![CDATA[{openid}]]></FromUserName>\
             <CreateTime>{seconds}</CreateTime><MsgType><![CDATA[text]]></MsgType>\
             <Content><![CDATA[您好，我的订单 {number} 上周就付款了，现在还没有发货，麻烦帮我查一下什么时候能到？谢谢！]]></Content>\
             <MsgId>{}</MsgId></xml>",
            message_id(number)
        );
        let signed = signature(&[TOKEN, &seconds, &nonce]);
        let mut pairs =
            vec![("signature", signed.as_str()), ("timestamp", &seconds), ("nonce", &nonce), ("openid", &openid)];
        let proof;
        let body = match &self.cipher {
            None => message,
            Some(cipher) => {
                let sealed = cipher.seal(message.as_bytes(), APP, (number as u128).to_be_bytes());
                proof = signature(&[TOKEN, &seconds, &nonce, &sealed]);
                pairs.extend([("encrypt_type", "aes"), ("msg_signature", proof.as_str())]);
                format!(
                    "<xml><ToUserName><![CDATA[gh_7f083739789a]]></ToUserName>\
                     <Encrypt><![CDATA[{sealed}]]></Encrypt></xml>"
                )
            }
        };
        format!(
            "POST /hooks/wechat/?{} HTTP/1.1\r\nUser-Agent: Mozilla/4.0\r\nAccept: */*\r\nHost: desk.shop.example\r\n\
             Pragma: no-cache\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\r\n{body}",
            query(&pairs),
            body.len()
        )
        .into_bytes()
    }
}

/// The platform's id of a message by its number.
pub fn message_id(number: usize) -> String {
    (FIRST_ID + number as u64).to_string()
}

/// Reads one answer: its status and its body, whose length it has to say.
fn answer(input: &mut impl BufRead) -> std::io::Result<(u16, Vec<u8>)> {
    let broken = |line: &str| std::io::Error::other(format!("not an answer: {line:?}"));
    let mut line = String::new();
    input.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(|| broken(&line))?;
    let mut length = None;
    loop {
        line.clear();
        input.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.trim().parse().ok(),
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length.ok_or_else(|| broken("no content-length"))?];
    input.read_exact(&mut body)?;
    Ok((status, body))
}
