//! Any bytes as calls of a WeChat official account. What it takes and what must hold is in `src/arrival.rs`.
#![no_main]
tributary_fuzz::adapter_target!(WECHAT);
