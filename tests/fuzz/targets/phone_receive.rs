//! Any bytes as calls in a file (vCon, WebVTT, SRT, Contact Lens, Whisper), and as callbacks of Twilio. What it takes and what must hold is in `src/arrival.rs`.
#![no_main]
tributary_fuzz::adapter_target!(PHONE);
