//! The doors: SMTP, LMTP, REST, events.
