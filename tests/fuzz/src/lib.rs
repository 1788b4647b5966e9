//! What the fuzz targets share.
//!
//! Plugins, the runtime and the fleet are linked as crates. The mail doors and the reader of the configuration are taken in
//! by their files: they are modules of larger crates, and no part of what those show. [`arrival`] hands inputs to the
//! channels' adapters, which [`platform`] sets up and signs for.
pub mod arrival;
pub mod component;
mod email;
mod imap;
pub mod platform;

pub use email::Desk;
pub use imap::House;

/// The mailbox door names it so.
use gateway::smtp;

/// The fuzz target of a platform's adapter.
#[macro_export]
macro_rules! adapter_target {
    ($platform:ident) => {
        use std::sync::LazyLock;
        use tributary_fuzz::platform::{Receive, $platform};

        static VARIANTS: LazyLock<Vec<Receive>> = LazyLock::new(|| $platform.natives());

        libfuzzer_sys::fuzz_target!(|data: &[u8]| tributary_fuzz::arrival::try_all(&$platform, &VARIANTS, data));
    };
}

/// The mail doors of `host/gateway`.
#[allow(dead_code, unused_imports, reason = "a target uses a part of it")]
#[path = "../../../host/gateway/src"]
pub mod gateway {
    pub mod smtp;
}

/// The reading of the configuration file of `host/daemon`.
#[allow(dead_code, reason = "a target uses a part of it")]
#[path = "../../../host/daemon/src/config"]
pub mod daemon {
    pub mod reader;
}

/// The parts of an input, which stand between lines of `%%`. Missing ones are empty.
pub fn parts<const N: usize>(data: &[u8]) -> [&[u8]; N] {
    const MARK: &[u8] = b"\n%%\n";
    let mut rest = data;
    let mut parts = [&data[..0]; N];
    for (index, part) in parts.iter_mut().enumerate() {
        let end = memchr::memmem::find(rest, MARK).filter(|_| index + 1 < N);
        *part = &rest[..end.unwrap_or(rest.len())];
        rest = end.map_or(&[], |end| &rest[end + MARK.len()..]);
    }
    parts
}
