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
        // What a replayed call says was said when it was made.
        if self.log_lines > LINES || self.taping.replayed() {
            return Ok(());
        }
        let message = &message[..message.floor_char_boundary(LINE)];
        let (plugin, version) = (self.shared.name.as_str(), self.shared.version.as_str());
        let generation = self.shared.generation.0;
        let channel = self.shared.channel.as_str();
        let conversation = self.context.conversation.map(|id| id.0);
        // The level is part of what a place in the code is, so there is one place for each.
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(target: "plugin", plugin, version, generation, channel, conversation, "{message}")
            };
        }
        match level {
            Level::Debug => line!(debug),
            Level::Info => line!(info),
            Level::Warn => line!(warn),
            Level::Error => line!(error),
        }
        Ok(())
    }
}

/// Says how many lines a call lost, once it ended.
pub(crate) fn dropped(state: &CallState) {
    let dropped = state.log_lines.saturating_sub(LINES);
    if dropped > 0 && !state.taping.replayed() {
        let (plugin, version) = (state.shared.name.as_str(), state.shared.version.as_str());
        let generation = state.shared.generation.0;
        tracing::warn!(target: "plugin", plugin, version, generation, dropped, "wrote more than {LINES} lines in one call");
    }
}
