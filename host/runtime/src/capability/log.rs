//! `log`: lines of a plugin in the operator's log, under the target `plugin`.
use crate::bindings::tributary::plugin::log::{Host, Level};
use crate::state::CallState;

/// Bytes of one line at most.
const LINE: usize = 4_096;
/// Lines of one call at most.
const LINES: u32 = 100;

impl Host for CallState {
    fn write(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        self.hand_over(message.len())?;
        self.log_lines = self.log_lines.saturating_add(1);
        if self.log_lines > LINES {
            return Ok(());
        }
        let message = &message[..message.floor_char_boundary(LINE)];
        let plugin = self.shared.name.as_str();
        let channel = self.shared.channel.as_str();
        let conversation = self.context.conversation.map(|id| id.0);
        match level {
            Level::Debug => tracing::debug!(target: "plugin", plugin, channel, conversation, "{message}"),
            Level::Info => tracing::info!(target: "plugin", plugin, channel, conversation, "{message}"),
            Level::Warn => tracing::warn!(target: "plugin", plugin, channel, conversation, "{message}"),
            Level::Error => tracing::error!(target: "plugin", plugin, channel, conversation, "{message}"),
        }
        Ok(())
    }
}

/// Says how many lines a call lost, once it ended.
pub(crate) fn dropped(state: &CallState) {
    let dropped = state.log_lines.saturating_sub(LINES);
    if dropped > 0 {
        let plugin = state.shared.name.as_str();
        tracing::warn!(target: "plugin", plugin, dropped, "wrote more than {LINES} lines in one call");
    }
}
