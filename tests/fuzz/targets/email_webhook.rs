//! Any bytes as calls of mail providers' webhooks: Mailgun, SendGrid, Postmark. What it takes and what must hold is in `src/arrival.rs`.
#![no_main]
tributary_fuzz::adapter_target!(EMAIL);
