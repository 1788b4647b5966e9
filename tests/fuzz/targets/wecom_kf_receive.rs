//! Any bytes as bells of WeCom's customer service. What it takes and what must hold is in `src/arrival.rs`.
#![no_main]
tributary_fuzz::adapter_target!(WECOM);
