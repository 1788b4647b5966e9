//! Whom we believe that a package is theirs: minisign signatures (Ed25519 over BLAKE2b-512), and what the lock pins.

/// Why a package is not trusted. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// There is no signature.
    #[error("it is not signed; have it signed (`tributary plugin sign`), or set development = true under [plugins]")]
    Unsigned,
}
