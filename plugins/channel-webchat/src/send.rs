//! What the shop says and does, put before the visitor.
use crate::door::seen_key;
use crate::{Webchat, message, token};
use serde_json::{Value, json};
use std::fmt::Display;
use tributary_sdk::host::feed::{self, FeedError};
use tributary_sdk::host::state;
use tributary_sdk::types::{Author, Delivery, Handle, HandleKind, SendError};
use tributary_sdk::{Outgoing, Sign};

impl Webchat {
    /// Puts a message into its visitor's topic. The same message again is there already.
    pub(crate) fn put_before_visitor(&self, message: &Outgoing) -> Result<Delivery, SendError> {
        let asked = message.attributes.iter().find(|attribute| attribute.name == "visitor");
        let visitor = asked
            .map(|attribute| attribute.value.as_str())
            .or_else(|| visitors(&message.to).next())
            .ok_or_else(|| SendError::permanent("none of its handles is a visitor"))?;
        let content = &message.content;
        if content.text.trim().is_empty() && content.attachments.is_empty() {
            return Err(SendError::permanent("it has neither text nor files"));
        }
        let hours = self.config.reply_window_hours;
        if hours > 0 && state::get(&seen_key(visitor)).map_err(later)?.is_none() {
            return Err(SendError::WindowClosed(format!("the visitor was not here for {hours} hours")));
        }
        for file in &content.attachments {
            message::show_file_to(visitor, file).map_err(later)?;
        }
        let mark =
            token::mark("out", &[visitor, &message.id]).map_err(|error| SendError::Unauthorised(error.to_string()))?;
        let author = match message.author {
            Author::Agent | Author::Customer => "agent",
            Author::Bot => "bot",
            Author::System => "system",
        };
        let files: Vec<Value> = content.attachments.iter().map(message::file_item).collect();
        let id = format!("{}.{mark}", message.id);
        let item = json!({ "id": id, "from": author, "text": content.text, "at": message.at, "files": files });
        feed::publish(visitor, &format!("out/{}", message.id), "message", &item.to_string()).map_err(not_shown)?;
        Ok(Delivery::accepted(None))
    }
}

/// Shows a visitor what the shop is doing.
///
/// # Errors
/// Where the host's feed does not take it, or no visitor is meant.
pub fn show(to: &[Handle], sign: &Sign) -> Result<(), SendError> {
    match sign {
        Sign::Typing => visitors(to).try_for_each(|visitor| feed::flash(visitor, "typing", "{}").map_err(not_shown)),
        Sign::Read(external_id) => {
            let (visitor, id) = external_id
                .rsplit_once('/')
                .ok_or_else(|| SendError::permanent("expected the id of a visitor's message, `VISITOR/ID`"))?;
            let item = json!({ "id": id }).to_string();
            feed::publish(visitor, &format!("read/{id}"), "read", &item).map_err(not_shown)
        }
    }
}

fn visitors(handles: &[Handle]) -> impl Iterator<Item = &str> {
    handles.iter().filter(|handle| handle.kind == HandleKind::Visitor).map(|handle| handle.value.as_str())
}

fn later(error: impl Display) -> SendError {
    SendError::temporary(error.to_string())
}

fn not_shown(error: FeedError) -> SendError {
    match error {
        FeedError::TooLarge(limit) => {
            SendError::permanent(format!("it is longer than the {limit} bytes of a chat message"))
        }
        unavailable @ FeedError::Unavailable(_) => later(unavailable),
    }
}
