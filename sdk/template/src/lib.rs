//! A plugin to copy: notes which watched words a customer used.
mod config;

use tributary_sdk::prelude::*;

pub use config::Config;

/// What calls need, made once when the plugin is loaded.
pub struct Watch {
    tag: String,
    words: Vec<String>,
}

tributary_sdk::export!(Watch: policy);

impl Plugin for Watch {
    type Config = Config;

    fn prepare(config: Config) -> Result<Self, PrepareError> {
        if config.words.iter().any(|word| word.trim().is_empty()) {
            return Err(PrepareError::value("words", "a word is empty"));
        }
        let words = config.words.iter().map(|word| word.to_lowercase()).collect();
        Ok(Self { tag: config.tag, words })
    }
}

impl Policy for Watch {
    fn decide(&self, conversation: &Snapshot, happening: &Happening) -> Result<Vec<Decision>, Fault> {
        let Some(message) = happening.message() else { return Ok(Vec::new()) };
        let text = message.content.text.to_lowercase();
        let found: Vec<&str> = self.words.iter().filter(|word| text.contains(*word)).map(String::as_str).collect();
        if found.is_empty() || conversation.has_tag(&self.tag) {
            return Ok(Vec::new());
        }
        // How many, never what somebody wrote: a log line carries no message.
        host::log::debug(&format!("{} watched words", found.len()));
        let why = format!("the customer wrote {}", found.join(", "));
        Ok(vec![
            Decision::new(Action::AddTag(self.tag.clone()), "M9", why.clone()),
            Decision::new(Action::Note(why), "M9", "somebody who reads this later should know"),
        ])
    }
}
