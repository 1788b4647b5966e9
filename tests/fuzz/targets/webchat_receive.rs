//! Any bytes as calls of the web chat's script. What it takes and what must hold is in `src/arrival.rs`.
#![no_main]
tributary_fuzz::adapter_target!(WEBCHAT);
