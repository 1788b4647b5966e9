//! Any bytes as messages that 抖店 pushes. What it takes and what must hold is in `src/arrival.rs`.
#![no_main]
tributary_fuzz::adapter_target!(DOUDIAN);
