//! The script that a shop pastes into its pages, and a page that shows it.
use crate::config::Config;
use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};
use tributary_sdk::types::Attribute;
use tributary_sdk::web::{Request, Response};

/// The parts of the script, in the order they stand in. Each is plain JavaScript that lives in one function with the others.
const PARTS: [&str; 4] = [
    include_str!("widget/client.js"),
    include_str!("widget/parts.js"),
    include_str!("widget/window.js"),
    include_str!("widget/start.js"),
];

/// The demo page. Its own policy allows what the documentation asks of a shop's page, and nothing else.
const DEMO: &str = include_str!("widget/demo.html");

/// The script with the operator's words in it, made once.
pub struct Script {
    text: String,
    tag: String,
}

impl Script {
    /// Puts the script together.
    pub fn new(config: &Config) -> Self {
        let settings = serde_json::json!({
            "anonymous": config.anonymous,
            "maxText": config.max_text_bytes,
            "maxFile": config.max_file_bytes,
            "fileTypes": config.file_types,
            "colour": config.colour,
            "title": config.title,
            "greeting": config.greeting,
            "boxText": config.box_text,
        });
        let texts: serde_json::Value = serde_json::from_str(include_str!("widget/texts.json")).unwrap_or_default();
        let style = serde_json::Value::from(lean(include_str!("widget/style.css")));
        let mut text =
            String::from("// Chat in the shop's own site. See the shop's documentation of `channel-webchat`.\n");
        text += "(() => {\n\"use strict\";\n";
        text += &format!("const SETTINGS = {settings};\nconst TEXTS = {texts};\nconst STYLE = {style};\n");
        PARTS.iter().for_each(|part| text += &lean(part));
        text += "})();\n";
        let digest = Sha256::digest(text.as_bytes());
        let tag = format!("\"{}\"", BASE64URL_NOPAD.encode(&digest[..12]));
        Self { text, tag }
    }

    /// `GET /widget.js`: any page may ask for it. Browsers ask again after an hour, and are told whether it changed.
    pub fn answer(&self, request: &Request) -> Response {
        let known = request.header("if-none-match").unwrap_or_default();
        let same = known.split(',').any(|tag| tag.trim().trim_start_matches("W/") == self.tag);
        let mut answer = if same {
            Response::status(304)
        } else {
            Response::body(200, "text/javascript; charset=utf-8", self.text.as_bytes())
        };
        for (name, value) in [
            ("etag", self.tag.as_str()),
            ("cache-control", "public, max-age=3600"),
            ("access-control-allow-origin", "*"),
            ("cross-origin-resource-policy", "cross-origin"),
            ("x-content-type-options", "nosniff"),
        ] {
            answer.headers.push(Attribute::new(name, value));
        }
        answer
    }
}

/// A source without indentation and without the lines that are comments: a third less to load.
fn lean(source: &str) -> String {
    let comment = |line: &str| line.starts_with("//") || (line.starts_with("/*") && line.ends_with("*/"));
    let lines = source.lines().map(str::trim).filter(|line| !line.is_empty() && !comment(line));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// `GET /demo`.
pub fn demo() -> Response {
    let mut answer = Response::body(200, "text/html; charset=utf-8", DEMO);
    let policy = "default-src 'none'; script-src 'self'; connect-src 'self'; img-src blob:; style-src 'unsafe-inline'";
    answer.headers.push(Attribute::new("content-security-policy", policy));
    answer.headers.push(Attribute::new("cache-control", "no-store"));
    answer
}
