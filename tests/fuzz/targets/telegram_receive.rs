//! Any bytes as updates of Telegram's Bot API. What it takes and what must hold is in `src/arrival.rs`.
#![no_main]
tributary_fuzz::adapter_target!(TELEGRAM);
