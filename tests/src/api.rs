//! The REST API as a client sees it.
use std::time::Duration;

use serde_json::{Value, json};

/// A client with one token.
#[derive(Clone)]
pub struct Api {
    base: String,
    token: String,
    agent: ureq::Agent,
}

/// Status and JSON of an answer; `null` where the body is none.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: Value,
    /// The body as text.
    pub text: String,
}

impl Api {
    /// For the daemon at this address.
    pub fn new(http: &str, token: &str) -> Self {
        let config =
            ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(60)));
        Self { base: format!("http://{http}"), token: token.to_owned(), agent: config.build().into() }
    }

    /// The same daemon, with another token.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self.clone() }
    }

    /// `GET`, whatever it answers; `Err` where nobody answers.
    pub fn try_get(&self, path: &str) -> Result<Answer, ureq::Error> {
        let request = self.agent.get(format!("{}{path}", self.base)).header("authorization", self.authorization());
        Ok(answer(request.call()?))
    }

    /// `POST` of JSON, whatever it answers; `Err` where nobody answers.
    pub fn try_post(&self, path: &str, body: &Value, key: Option<&str>) -> Result<Answer, ureq::Error> {
        let mut request = self.agent.post(format!("{}{path}", self.base)).header("authorization", self.authorization());
        request = request.header("content-type", "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        Ok(answer(request.send(body.to_string())?))
    }

    fn authorization(&self) -> String {
        format!("Bearer {}", self.token)
    }

    /// `GET` that must be answered with 200.
    pub fn get(&self, path: &str) -> Value {
        let answer = self.try_get(path).unwrap_or_else(|error| panic!("GET {path}: {error}"));
        assert_eq!(answer.status, 200, "GET {path}: {}", answer.text);
        answer.body
    }

    /// `POST` that must be answered with 2xx.
    pub fn post(&self, path: &str, body: Value) -> Value {
        let answer = self.try_post(path, &body, None).unwrap_or_else(|error| panic!("POST {path}: {error}"));
        assert!((200..300).contains(&answer.status), "POST {path}: {} {}", answer.status, answer.text);
        answer.body
    }

    /// Every item of a listing, page by page.
    pub fn all(&self, path: &str) -> Vec<Value> {
        let (mut items, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let join = if path.contains('?') { '&' } else { '?' };
            let page = match &cursor {
                None => format!("{path}{join}limit=200"),
                Some(cursor) => format!("{path}{join}limit=200&cursor={cursor}"),
            };
            let page = self.get(&page);
            items.extend(
                page["items"].as_array().unwrap_or_else(|| panic!("{path} is no listing: {page}")).iter().cloned(),
            );
            match page["next"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return items,
            }
        }
    }

    /// The queue.
    pub fn queue(&self) -> Vec<Value> {
        self.all("/api/v1/queue")
    }

    /// Every conversation.
    pub fn conversations(&self) -> Vec<Value> {
        self.all("/api/v1/conversations")
    }

    /// One conversation, whole.
    pub fn conversation(&self, id: i64) -> Value {
        self.get(&format!("/api/v1/conversations/{id}"))
    }

    /// Every conversation, whole, the oldest first.
    pub fn details(&self) -> Vec<Value> {
        let mut ids: Vec<i64> = self.conversations().iter().map(id).collect();
        ids.sort_unstable();
        ids.into_iter().map(|id| self.conversation(id)).collect()
    }

    /// What is kept aside.
    pub fn parked(&self) -> Vec<Value> {
        self.all("/api/v1/parked")
    }

    /// Take this conversation.
    pub fn claim(&self, id: i64) -> Value {
        self.post("/api/v1/queue/claim", json!({ "conversation": id }))
    }

    /// Take this conversation and answer it.
    pub fn answer(&self, id: i64, text: &str) -> Value {
        self.claim(id);
        self.post(&format!("/api/v1/conversations/{id}/reply"), json!({ "text": text }))
    }
}

fn answer(mut response: ureq::http::Response<ureq::Body>) -> Answer {
    let status = response.status().as_u16();
    let text = response.body_mut().with_config().limit(1 << 30).read_to_string().unwrap_or_default();
    Answer { status, body: serde_json::from_str(&text).unwrap_or(Value::Null), text }
}

/// The `id` of an item.
pub fn id(item: &Value) -> i64 {
    item["id"].as_i64().unwrap_or_else(|| panic!("an item without id: {item}"))
}

/// The messages of a conversation that `author` wrote.
pub fn messages_of<'a>(detail: &'a Value, author: &str) -> Vec<&'a Value> {
    let messages = detail["messages"].as_array().unwrap_or_else(|| panic!("no messages in {detail}"));
    messages.iter().filter(|message| message["author"] == author).collect()
}
