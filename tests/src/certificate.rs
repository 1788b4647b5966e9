//! A certificate for loopback, made for one test.
use std::path::{Path, PathBuf};

/// Two PEM files. The certificate is its own authority.
pub struct Certificate {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl Certificate {
    /// For `localhost` and 127.0.0.1, written into this folder.
    pub fn write(folder: &Path) -> Self {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate can be made");
        let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
        std::fs::write(&certificate, made.cert.pem()).expect("the certificate can be written");
        std::fs::write(&key, made.signing_key.serialize_pem()).expect("the key can be written");
        Self { certificate, key }
    }
}
