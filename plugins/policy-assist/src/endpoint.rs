//! A server that speaks OpenAI's chat completions: one question, one answer.
use serde::Deserialize;
use serde_json::json;
use tributary_sdk::host::http::{self, HttpError};
use tributary_sdk::host::secrets;
use tributary_sdk::text::one_line;
use tributary_sdk::types::Attribute;
use tributary_sdk::web::{Request, Response};

use crate::config::Config;

/// The longest word of a server that is shown to people, in letters.
const LONGEST_WORD: usize = 80;

/// Where answers come from.
pub struct Endpoint {
    url: String,
    model: String,
    temperature: f64,
    max_tokens: u32,
}

/// What a model wrote, and its name as the server says it.
#[derive(Debug, PartialEq, Eq)]
pub struct Written {
    pub text: String,
    pub model: String,
    /// Why it is no whole answer.
    pub torn: Option<String>,
}

impl Endpoint {
    pub fn new(config: &Config) -> Self {
        Self {
            url: format!("{}/chat/completions", config.url.trim_end_matches('/')),
            model: config.model.clone(),
            temperature: config.temperature,
            max_tokens: config.max_tokens,
        }
    }

    /// Ask.
    ///
    /// # Errors
    /// In words for the operator's log, nothing personal in them: what a server says of an error may repeat the question.
    pub fn ask(&self, system: &str, prompt: &str) -> Result<Written, String> {
        let body = json!({
            "model": self.model,
            "messages": [{ "role": "system", "content": system }, { "role": "user", "content": prompt }],
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "stream": false
        });
        let mut headers = vec![Attribute::new("content-type", "application/json")];
        // A server of one's own needs no key.
        if let Ok(key) = secrets::get("api-key") {
            headers.push(Attribute::new("authorization", format!("Bearer {}", key.trim())));
        }
        let request =
            Request { method: "POST".into(), url: self.url.clone(), headers, body: body.to_string().into_bytes() };
        let response = http::send(&request).map_err(|error| match error {
            HttpError::Denied(_) => "the grants do not allow the origin of `url`".to_owned(),
            HttpError::Unreachable(_) => "the server of `url` cannot be reached".to_owned(),
            HttpError::Timeout => "the server of `url` gives no answer in time".to_owned(),
            HttpError::TooLarge(most) => format!("the server's answer has more than {most} bytes"),
        })?;
        self.read(&response)
    }

    fn read(&self, response: &Response) -> Result<Written, String> {
        if !(200..300).contains(&response.status) {
            let words =
                serde_json::from_slice::<Refused>(&response.body).map(|it| it.error.words()).unwrap_or_default();
            return Err(format!("the server answers {}{words}", response.status));
        }
        let unknown =
            || "the server's answer is not of the form of chat completions: choices[0].message.content".to_owned();
        let answer: Answer = serde_json::from_slice(&response.body).map_err(|_| unknown())?;
        let choice = answer.choices.into_iter().next().ok_or_else(unknown)?;
        let refused = choice.message.refusal.is_some_and(|words| !words.is_empty());
        let torn = match choice.finish_reason.as_deref() {
            _ if refused => Some("the model refuses".to_owned()),
            Some("length") => Some("it was cut off at `max-tokens`".to_owned()),
            Some("content_filter") => Some("the server's filter took it".to_owned()),
            _ => None,
        };
        let content = choice.message.content.unwrap_or_default();
        let (text, thinks) = match without_thoughts(content.trim()) {
            Some(text) => (text.to_owned(), false),
            None => (String::new(), true),
        };
        let torn = torn.or_else(|| thinks.then(|| "it ends before its thoughts do".to_owned()));
        let model = answer.model.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| self.model.clone());
        Ok(Written { text, model: one_line(&model, LONGEST_WORD), torn })
    }
}

/// Servers that do not part them put what a model thought in front of what it says. None: the thoughts do not end.
fn without_thoughts(text: &str) -> Option<&str> {
    match text.strip_prefix("<think>") {
        Some(thoughts) => thoughts.split_once("</think>").map(|(_, said)| said.trim()),
        // Some models leave the beginning out.
        None => Some(text.split_once("</think>").map_or(text, |(_, said)| said.trim())),
    }
}

#[derive(Deserialize)]
struct Answer {
    model: Option<String>,
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    content: Option<String>,
    refusal: Option<String>,
}

#[derive(Deserialize)]
struct Refused {
    error: Problem,
}

/// What a server says of an error; its sentence is left out.
#[derive(Deserialize)]
struct Problem {
    #[serde(rename = "type")]
    kind: Option<serde_json::Value>,
    code: Option<serde_json::Value>,
}

impl Problem {
    fn words(&self) -> String {
        let word = |value: &serde_json::Value| match value {
            serde_json::Value::String(word) => Some(word.clone()),
            serde_json::Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let words: Vec<String> = [&self.kind, &self.code].into_iter().flatten().filter_map(word).collect();
        if words.is_empty() { String::new() } else { format!(" ({})", one_line(&words.join(", "), LONGEST_WORD)) }
    }
}
