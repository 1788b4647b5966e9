//! Any bytes as Shopify's deliveries. What it takes and what must hold is in `src/arrival.rs`.
#![no_main]
tributary_fuzz::adapter_target!(SHOPIFY);
