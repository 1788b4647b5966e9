//! Puts a plugin's configuration schema where the SDK embeds it.
