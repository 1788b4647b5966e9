//! Puts the configuration's schema and defaults where `export!` embeds them.
#[path = "src/config.rs"]
#[allow(dead_code, reason = "only its shape counts here")]
mod config;

fn main() {
    tributary_sdk_build::schema::<config::Config>();
}
