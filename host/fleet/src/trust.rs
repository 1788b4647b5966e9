//! Whom we believe that a package is theirs: minisign signatures (Ed25519 over BLAKE2b-512), and what the lock pins.
//!
//! Only signatures over the hash are taken, which is what minisign makes unless it is told otherwise. Its old form signs
//! the file itself, and which of the two a signature is stands outside of what is signed: taking both would let a
//! signature of one be passed off as one of the other.
use crate::entry::TrustConfig;
use crate::lock::{GrantChange, Lock, Locked, LockedSigner};
use crate::view::InstallOptions;
use data_encoding::BASE64;
use minisign_verify::{PublicKey, Signature};
use std::fmt;
use std::str::FromStr;
use tributary_model::PluginName;
use tributary_runtime::Package;

/// Bytes of a `.minisig` file up to which it is read; minisign's own have about 300.
pub const MAX_SIGNATURE: usize = 16 << 10;

/// The id of a minisign key. Its text is 16 hex digits, as the `minisign` command prints it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct KeyId(pub u64);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016X}", self.0)
    }
}

/// Not the id of a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the id of a key is 16 hex digits")]
pub struct NotAKeyId;

impl FromStr for KeyId {
    type Err = NotAKeyId;

    fn from_str(text: &str) -> Result<Self, NotAKeyId> {
        let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        digits.then(|| u64::from_str_radix(text, 16).ok()).flatten().map(Self).ok_or(NotAKeyId)
    }
}

/// Who signed a package: a key that the operator trusts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signer {
    /// The id of the key.
    pub key: KeyId,
    /// The operator's name for it.
    pub name: String,
    /// The signature's trusted comment: the signer's words about the file, signed as well.
    pub comment: String,
}

impl fmt::Display for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (key {})", self.name, self.key)
    }
}

/// Why a package is not trusted. Each message says what to do.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TrustError {
    /// A key of the configuration is none.
    #[error(
        "the key of signer `{name}` is not a minisign public key; take the second line of the .pub file, 56 characters \
         that begin with RW"
    )]
    Key {
        /// The operator's name for it.
        name: String,
    },
    /// There is no signature.
    #[error(
        "it is not signed; put its signature beside it as NAME.wasm.minisig (`tributary plugin sign` makes one), or set \
         development = true under [plugins]"
    )]
    Unsigned,
    /// There is a signature that cannot be read.
    #[error(
        "its signature cannot be read: {why}; fetch or make the .minisig file again (`tributary plugin sign`, or \
         `minisign -S`)"
    )]
    Unreadable {
        /// Why.
        why: String,
    },
    /// The signature has minisign's old form.
    #[error(
        "its signature by key {key} has minisign's old form, which is not taken; sign it again without `-l` (minisign \
         0.10 or later, or `tributary plugin sign`)"
    )]
    Legacy {
        /// The id of the key that it names.
        key: KeyId,
    },
    /// It is signed by a key that nobody trusts.
    #[error(
        "it is signed by key {key}, which is not among the signers; if you trust whose key that is, add the public key \
         under [plugins.signers]"
    )]
    UnknownSigner {
        /// The id of the key that the signature names.
        key: KeyId,
    },
    /// It names a trusted key, and does not fit.
    #[error(
        "its signature names the key {key} of {name}, but does not fit the file: one of the two was changed after it was \
         signed; do not use it, fetch both again from where they come from"
    )]
    Tampered {
        /// The id of the key that the signature names.
        key: KeyId,
        /// The operator's name for that key.
        name: String,
    },
    /// The lock has the same version with another digest.
    #[error(
        "{plugin} {version} is locked with digest sha256:{locked}, and this file has sha256:{found}: it was tampered with, \
         or built again without a new version; fetch it again from where it comes from, or have it built with a new version"
    )]
    Rebuilt {
        /// The plugin.
        plugin: PluginName,
        /// The version of both.
        version: String,
        /// The digest the lock names.
        locked: String,
        /// The digest of the file.
        found: String,
    },
    /// It is older than what the lock names.
    #[error(
        "it is version {found}, and {plugin} is locked at {locked}; to go back to a version that acted here use `tributary \
         plugin rollback`, to install an older one all the same use --allow-downgrade"
    )]
    Downgrade {
        /// The plugin.
        plugin: PluginName,
        /// The version the lock names.
        locked: String,
        /// The version of the file.
        found: String,
    },
    /// A version that cannot be compared.
    #[error("its version {found} is not a semantic version such as 1.2.3; have it built with one")]
    Version {
        /// The version of the file.
        found: String,
    },
    /// Another signer than the lock names.
    #[error(
        "{plugin} is locked to signer {locked}, and this file is {found}; if its author's key has changed, and you know that \
         from them, use --accept-signer"
    )]
    OtherSigner {
        /// The plugin.
        plugin: PluginName,
        /// The signer the lock names.
        locked: String,
        /// `signed by …`, or `not signed`.
        found: String,
    },
    /// It asks for more than the lock grants.
    #[error("it asks for more than {plugin} was granted:\n{}\nread what is new, and if it shall have that, use --accept-grants", lines(.new))]
    WiderGrants {
        /// The plugin.
        plugin: PluginName,
        /// What is new.
        new: Vec<GrantChange>,
    },
}

fn lines(changes: &[GrantChange]) -> String {
    changes.iter().map(|change| format!("  {change}")).collect::<Vec<_>>().join("\n")
}

#[derive(Clone, Debug)]
struct TrustedKey {
    id: KeyId,
    name: String,
    key: PublicKey,
}

/// The keys that the operator trusts.
#[derive(Clone, Debug)]
pub struct Trust {
    development: bool,
    keys: Vec<TrustedKey>,
}

impl Trust {
    /// From the configuration, whose signers are (the operator's name, public key in base64).
    ///
    /// # Errors
    /// [`TrustError::Key`] for the first key that is none.
    pub fn new(config: &TrustConfig) -> Result<Self, TrustError> {
        let keys = config.signers.iter().map(|(name, key)| {
            let wrong = || TrustError::Key { name: name.clone() };
            let id = key_id(key).ok_or_else(wrong)?;
            let key = PublicKey::from_base64(key).map_err(|_| wrong())?;
            Ok(TrustedKey { id, name: name.clone(), key })
        });
        Ok(Self { development: config.development, keys: keys.collect::<Result<_, TrustError>>()? })
    }

    /// Whether packages need no signature.
    pub fn is_development(&self) -> bool {
        self.development
    }

    /// Checks the signature of a file, given as the text of its `.minisig`. None in development where there is no
    /// signature; one that is there must be right, in development too.
    ///
    /// # Errors
    /// [`TrustError::Unsigned`], `Unreadable`, `Legacy`, `UnknownSigner` or `Tampered`.
    pub fn verify(&self, bytes: &[u8], signature: Option<&str>) -> Result<Option<Signer>, TrustError> {
        let Some(text) = signature else {
            return if self.development { Ok(None) } else { Err(TrustError::Unsigned) };
        };
        let (signature, key) = decode(text)?;
        let mut named = self.keys.iter().filter(|trusted| trusted.id == key).peekable();
        let Some(name) = named.peek().map(|trusted| trusted.name.clone()) else {
            return Err(TrustError::UnknownSigner { key });
        };
        // Two keys may bear one id: it is random, and nobody but their makers chooses it.
        let Some(by) = named.find(|trusted| trusted.key.verify(bytes, &signature, false).is_ok()) else {
            return Err(TrustError::Tampered { key, name });
        };
        Ok(Some(Signer { key, name: by.name.clone(), comment: signature.trusted_comment().to_owned() }))
    }

    /// Whether a package may be taken, by its signature and by the lock: what the lock shall say of it, then. A package
    /// whose digest the lock names needs no signature: the lock is the operator's own word. A signature that is there is
    /// checked all the same.
    ///
    /// # Errors
    /// The first reason against it that `options` do not accept.
    pub fn admit(
        &self,
        lock: &Lock,
        package: &Package,
        signature: Option<&str>,
        options: &InstallOptions,
    ) -> Result<Locked, TrustError> {
        let signer = self.signer(lock, package, signature)?;
        lock.admit(package, signer.as_ref(), options)
    }

    /// Every reason against taking a package, whatever options would accept; empty: it can be taken.
    pub fn objections(&self, lock: &Lock, package: &Package, signature: Option<&str>) -> Vec<TrustError> {
        match self.signer(lock, package, signature) {
            Ok(signer) => lock.objections(package, signer.as_ref()),
            Err(error) => {
                // Without a signer to go by, the lock still has its word on version and grants.
                let mut all = vec![error];
                all.extend(lock.objections(package, None).into_iter().filter(|more| {
                    matches!(
                        more,
                        TrustError::Downgrade { .. } | TrustError::WiderGrants { .. } | TrustError::Version { .. }
                    )
                }));
                all
            }
        }
    }

    fn signer(&self, lock: &Lock, package: &Package, signature: Option<&str>) -> Result<Option<Signer>, TrustError> {
        let locked = lock.get(package.name());
        match self.verify(package.bytes(), signature) {
            Err(TrustError::Unsigned) => match locked {
                Some(locked) if locked.digest == package.digest() => Ok(None),
                // The locked file was changed: that is what the operator has to hear, not that it has no signature.
                Some(locked) if locked.version == package.version() => Err(locked.rebuilt(package)),
                _ => Err(TrustError::Unsigned),
            },
            answer => answer,
        }
    }
}

/// The id of a public key in base64. None: it is no key.
pub fn key_id(public: &str) -> Option<KeyId> {
    let bytes = BASE64.decode(public.as_bytes()).ok().filter(|bytes| bytes.len() == 42)?;
    bytes.get(2..10)?.try_into().ok().map(|id| KeyId(u64::from_le_bytes(id)))
}

/// The key in the text of a `.pub` file: its second line; a line alone is taken for the key.
pub fn public_key(text: &str) -> &str {
    let mut lines =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("untrusted comment:"));
    lines.next().unwrap_or_default()
}

/// Whose key a signature names, and its trusted comment. Whether it fits anything is not looked at.
///
/// # Errors
/// [`TrustError::Unreadable`] or `Legacy`.
pub fn named(signature: &str) -> Result<(KeyId, String), TrustError> {
    let (signature, key) = decode(signature)?;
    Ok((key, signature.trusted_comment().to_owned()))
}

fn decode(text: &str) -> Result<(Signature, KeyId), TrustError> {
    let unreadable = |why: &str| TrustError::Unreadable { why: why.to_owned() };
    if text.len() > MAX_SIGNATURE {
        return Err(unreadable("it is too long to be one"));
    }
    let signature = Signature::decode(text).map_err(|_| unreadable("it is not what minisign writes"))?;
    match label(text) {
        Some((true, key)) => Ok((signature, key)),
        Some((false, key)) => Err(TrustError::Legacy { key }),
        None => Err(unreadable("it is not what minisign writes")),
    }
}

/// Whether a signature is over the hash, and whose key it names.
fn label(signature: &str) -> Option<(bool, KeyId)> {
    let bytes = BASE64.decode(signature.lines().nth(1)?.as_bytes()).ok()?;
    let id = bytes.get(2..10)?.try_into().ok().map(u64::from_le_bytes)?;
    Some((bytes.get(..2)? == b"ED", KeyId(id)))
}

/// How the lock names a signer.
impl From<Option<&Signer>> for LockedSigner {
    fn from(signer: Option<&Signer>) -> Self {
        signer.map_or(Self::None, |signer| Self::Key { id: signer.key, name: signer.name.clone() })
    }
}
