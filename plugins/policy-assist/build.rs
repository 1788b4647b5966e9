//! Puts the configuration's schema where `export!` embeds it.
#[path = "src/config.rs"]
#[allow(dead_code, reason = "only its shape counts here")]
mod config;

fn main() {
    tributary_sdk_build::schema::<config::Config>()
}
