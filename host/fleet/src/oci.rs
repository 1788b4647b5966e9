//! Packages from an OCI registry, in the layout that tools for WebAssembly share: a manifest whose configuration is
//! `application/vnd.wasm.config.v0+json` and whose one layer is the component, `application/wasm`. The signature is an
//! annotation of the manifest, [`SIGNATURE`], with the `.minisig` file in base64, because not every tool can write an
//! annotation of several lines: one thing to push, for which a registry needs no feature and tools have an option (`oras
//! push --annotation`).
//!
//! A registry is believed nothing: the component is what the manifest's digest says, it is what the address says where
//! that names a digest, and whose it is the signature says.
use crate::trust::MAX_SIGNATURE;
use data_encoding::{BASE64, HEXLOWER};
use futures_util::StreamExt;
use oci_client::client::{ClientConfig, ClientProtocol, Config, ImageLayer};
use oci_client::errors::{OciDistributionError, OciErrorCode};
use oci_client::manifest::{OCI_IMAGE_MEDIA_TYPE, OciDescriptor, OciImageManifest};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;
use tributary_runtime::Package;

/// The annotation of the manifest that holds the signature.
pub const SIGNATURE: &str = "tributary.minisig";
/// The scheme of an address.
pub const SCHEME: &str = "oci://";

const CONFIG_TYPE: &str = "application/vnd.wasm.config.v0+json";
const LAYER_TYPE: &str = "application/wasm";

/// Why a package was not fetched, or not handed over.
#[derive(Debug, thiserror::Error)]
pub enum OciError {
    /// Not an address of a package.
    #[error("{found:?} is not an address such as oci://registry.example/shop/policy-x:1.2.0 or …@sha256:…: {why}")]
    Address {
        /// What was found.
        found: String,
        /// What is wrong with it.
        why: String,
    },
    /// The registry has nothing there.
    #[error("{0} is not there; look at the name and the tag")]
    Unknown(String),
    /// The registry wants to know who asks.
    #[error("{0} is not open to everybody, and a login is not supported; fetch the file yourself and install that")]
    Login(String),
    /// The registry does not answer.
    #[error("{registry} cannot be reached: {why}; is its name right, and does it run? {scheme} was used")]
    Unreachable {
        /// Its host and port.
        registry: String,
        /// Why.
        why: String,
        /// `https`, or `http` where it is on this machine or the configuration says so.
        scheme: &'static str,
    },
    /// The registry answers too slowly.
    #[error("{registry} did not hand it over within {} s; try again, or fetch the file yourself and install that", .within.as_secs())]
    Slow {
        /// Its host and port.
        registry: String,
        /// How long it had.
        within: Duration,
    },
    /// What is there is no package.
    #[error("what is there is not a component in the layout for WebAssembly: {0}")]
    Layout(String),
    /// The component is larger than one may be.
    #[error("it has more than {0} bytes, which a plugin may not")]
    TooLarge(usize),
    /// The registry handed over something else than it announced.
    #[error(
        "{registry} handed over another file than the address or the manifest names: {why}; do not trust that copy"
    )]
    Changed {
        /// Its host and port.
        registry: String,
        /// Which digest was expected, and which found.
        why: String,
    },
    /// Something else went wrong there.
    #[error("{registry} failed: {why}")]
    Registry {
        /// Its host and port.
        registry: String,
        /// Its words.
        why: String,
    },
}

/// How registries are asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OciConfig {
    /// Registries (`HOST` or `HOST:PORT`) that are asked without TLS. Those on this machine's loopback always are.
    pub plain_http: Vec<String>,
    /// How long a whole fetch may take. Default 2 min.
    pub within: Duration,
    /// How long nothing may come. Default 20 s.
    pub quiet: Duration,
    /// Size in bytes up to which a component is taken. Default [`Package::MAX_SIZE`].
    pub limit: usize,
}

impl Default for OciConfig {
    fn default() -> Self {
        Self {
            plain_http: Vec::new(),
            within: Duration::from_secs(120),
            quiet: Duration::from_secs(20),
            limit: Package::MAX_SIZE,
        }
    }
}

/// A package as a registry handed it over. Nothing of it is verified but that it is what the address names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pulled {
    /// The component.
    pub bytes: Vec<u8>,
    /// The text of its signature.
    pub signature: Option<String>,
    /// `sha256:…` of the manifest: with it the address means this package for ever.
    pub manifest: String,
}

/// Whether a source of a package is an address of a registry.
pub fn is_address(source: &str) -> bool {
    source.starts_with(SCHEME)
}

/// Asks registries. It makes a connection for each fetch and keeps none.
#[derive(Clone, Debug, Default)]
pub struct Oci {
    config: OciConfig,
}

impl Oci {
    /// With these limits.
    pub fn new(config: OciConfig) -> Self {
        Self { config }
    }

    /// Fetches the package at `oci://HOST[:PORT]/NAME:TAG` or `…@sha256:…`.
    ///
    /// # Errors
    /// [`OciError`].
    pub async fn pull(&self, source: &str) -> Result<Pulled, OciError> {
        let (reference, client) = self.open(source)?;
        self.timed(&reference, self.fetch(&client, &reference)).await
    }

    /// Hands a component and its signature over as `oci://HOST[:PORT]/NAME:TAG`; the answer is the same with the digest of
    /// its manifest instead of the tag.
    ///
    /// # Errors
    /// [`OciError`].
    pub async fn push(&self, source: &str, package: &Package, signature: Option<&str>) -> Result<String, OciError> {
        let (reference, client) = self.open(source)?;
        if reference.tag().is_none() || reference.digest().is_some() {
            return Err(OciError::Address {
                found: source.into(),
                why: "a tag is needed to hand something over".into(),
            });
        }
        let layer = ImageLayer::new(package.bytes().to_vec(), LAYER_TYPE.into(), None);
        let described = serde_json::json!({
            "architecture": "wasm",
            "os": "wasip2",
            "layerDigests": [layer.sha256_digest()],
            "component": { "imports": package.imports(), "exports": package.exports() },
        });
        let config = Config::new(described.to_string().into_bytes(), CONFIG_TYPE.into(), None);
        let mut notes = BTreeMap::from([
            ("org.opencontainers.image.title".to_owned(), format!("{}.wasm", package.name())),
            ("org.opencontainers.image.version".to_owned(), package.version().to_owned()),
            ("org.opencontainers.image.licenses".to_owned(), package.manifest().licence.clone()),
            ("org.opencontainers.image.description".to_owned(), package.manifest().description.clone()),
        ]);
        notes.retain(|_, value| !value.is_empty());
        notes.extend(signature.map(|text| (SIGNATURE.to_owned(), BASE64.encode(text.as_bytes()))));
        // The client writes a canonical form of JSON in which control characters stand as they are: no reader takes that.
        let plain = |text: &String| text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let notes = notes.iter().map(|(key, value)| (key.clone(), plain(value))).collect();
        let layers = [layer];
        let mut manifest = OciImageManifest::build(&layers, &config, Some(notes));
        manifest.media_type = Some(OCI_IMAGE_MEDIA_TYPE.to_owned());
        let digest = self.timed(&reference, async {
            let told = |error| self.told(&reference, error);
            let auth = RegistryAuth::Anonymous;
            client.push(&reference, &layers, config, &auth, Some(manifest)).await.map_err(told)?;
            client.fetch_manifest_digest(&reference, &auth).await.map_err(told)
        });
        let digest = digest.await?;
        Ok(format!("{SCHEME}{}/{}@{digest}", reference.registry(), reference.repository()))
    }

    fn open(&self, source: &str) -> Result<(Reference, Client), OciError> {
        let reference = parse(source)?;
        let protocol = if self.is_plain(reference.registry()) { ClientProtocol::Http } else { ClientProtocol::Https };
        // The client takes the process's provider; the daemon has one of its own choice everywhere else, so it is set here.
        // An error says that one is set already.
        drop(tokio_rustls::rustls::crypto::ring::default_provider().install_default());
        let config = ClientConfig {
            protocol,
            platform_resolver: None,
            read_timeout: Some(self.config.quiet),
            connect_timeout: Some(self.config.quiet),
            user_agent: concat!("tributary/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        };
        let client = Client::try_from(config).map_err(|error| self.told(&reference, error))?;
        Ok((reference, client))
    }

    fn is_plain(&self, registry: &str) -> bool {
        let host = registry.rsplit_once(':').map_or(registry, |(host, _)| host);
        let here = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        here || self.config.plain_http.iter().any(|plain| plain == registry)
    }

    async fn timed<T>(
        &self,
        reference: &Reference,
        work: impl Future<Output = Result<T, OciError>>,
    ) -> Result<T, OciError> {
        let within = self.config.within;
        let slow = |_| OciError::Slow { registry: reference.registry().to_owned(), within };
        tokio::time::timeout(within, work).await.map_err(slow)?
    }

    async fn fetch(&self, client: &Client, reference: &Reference) -> Result<Pulled, OciError> {
        let told = |error| self.told(reference, error);
        let (manifest, digest) = client.pull_image_manifest(reference, &RegistryAuth::Anonymous).await.map_err(told)?;
        let layer = component(&manifest)?;
        let limit = self.config.limit;
        if usize::try_from(layer.size).map_or(true, |size| size > limit) {
            return Err(OciError::TooLarge(limit));
        }
        let signature = signature(&manifest)?;
        let mut stream = client.pull_blob_stream(reference, &layer).await.map_err(told)?.stream;
        let mut bytes = Vec::new();
        let quiet = |_| OciError::Slow { registry: reference.registry().to_owned(), within: self.config.quiet };
        while let Some(piece) = tokio::time::timeout(self.config.quiet, stream.next()).await.map_err(quiet)? {
            let piece = piece.map_err(|error| self.told(reference, OciDistributionError::IoError(error)))?;
            // The manifest's size is the registry's word; what comes is counted.
            if bytes.len() + piece.len() > limit {
                return Err(OciError::TooLarge(limit));
            }
            bytes.extend_from_slice(&piece);
        }
        let found = format!("sha256:{}", HEXLOWER.encode(&Sha256::digest(&bytes)));
        if found != layer.digest {
            return Err(self.changed(reference, format!("{} was announced, {found} came", layer.digest)));
        }
        Ok(Pulled { bytes, signature, manifest: digest })
    }

    fn changed(&self, reference: &Reference, why: String) -> OciError {
        OciError::Changed { registry: reference.registry().to_owned(), why }
    }

    /// What an error of the client means for the operator.
    fn told(&self, reference: &Reference, error: OciDistributionError) -> OciError {
        let registry = reference.registry().to_owned();
        let scheme = if self.is_plain(&registry) { "http" } else { "https" };
        let within = self.config.quiet;
        match &error {
            OciDistributionError::RequestError(request) if request.is_timeout() => OciError::Slow { registry, within },
            OciDistributionError::RequestError(request) => {
                OciError::Unreachable { registry, why: deepest(request), scheme }
            }
            OciDistributionError::DigestError(_) => self.changed(reference, error.to_string()),
            // The client's type for a digest that does not fit is its own secret; its words are not.
            OciDistributionError::IoError(inner) if inner.to_string().contains("Invalid digest") => {
                self.changed(reference, inner.to_string())
            }
            OciDistributionError::IoError(inner) => OciError::Unreachable { registry, why: deepest(inner), scheme },
            OciDistributionError::ImageManifestNotFoundError(_) => OciError::Unknown(reference.whole()),
            OciDistributionError::ServerError { code: 404, .. } => OciError::Unknown(reference.whole()),
            OciDistributionError::RegistryError { envelope, .. } => {
                let is = |codes: &[OciErrorCode]| envelope.errors.iter().any(|error| codes.contains(&error.code));
                if is(&[OciErrorCode::ManifestUnknown, OciErrorCode::NameUnknown, OciErrorCode::NotFound]) {
                    OciError::Unknown(reference.whole())
                } else if is(&[OciErrorCode::Unauthorized, OciErrorCode::Denied]) {
                    OciError::Login(reference.whole())
                } else {
                    OciError::Registry { registry, why: error.to_string() }
                }
            }
            OciDistributionError::UnauthorizedError { .. } | OciDistributionError::AuthenticationFailure(_) => {
                OciError::Login(reference.whole())
            }
            OciDistributionError::ImageIndexParsingNoPlatformResolverError
            | OciDistributionError::ManifestParsingError(_)
            | OciDistributionError::VersionedParsingError(_)
            | OciDistributionError::UnsupportedMediaTypeError(_)
            | OciDistributionError::UnsupportedSchemaVersionError(_) => OciError::Layout(error.to_string()),
            _ => OciError::Registry { registry, why: error.to_string() },
        }
    }
}

/// Reads an address. The registry must be written out: a name alone would mean somebody else's registry.
fn parse(source: &str) -> Result<Reference, OciError> {
    let wrong = |why: &str| OciError::Address { found: source.to_owned(), why: why.to_owned() };
    let address = source.strip_prefix(SCHEME).ok_or_else(|| wrong("it does not begin with oci://"))?;
    let (registry, rest) = address.split_once('/').ok_or_else(|| wrong("it names no package"))?;
    if registry != "localhost" && !registry.contains(['.', ':']) {
        return Err(wrong("it names no registry"));
    }
    // A tag may be moved at any time; which one is meant must at least be said.
    if !rest.contains([':', '@']) {
        return Err(wrong("it names neither a tag nor a digest"));
    }
    address.parse().map_err(|error: oci_client::ParseError| wrong(&error.to_string()))
}

/// The layer that is the component. Addresses elsewhere, which a layer may name, are not followed.
fn component(manifest: &OciImageManifest) -> Result<OciDescriptor, OciError> {
    let layers = || manifest.layers.iter().filter(|layer| layer.media_type == LAYER_TYPE);
    match (layers().next(), layers().count()) {
        (Some(layer), 1) if layer.digest.starts_with("sha256:") => Ok(OciDescriptor { urls: None, ..layer.clone() }),
        (Some(_), 1) => Err(OciError::Layout("its component is not named by a SHA-256".into())),
        (_, count) => Err(OciError::Layout(format!("it has {count} layers of type {LAYER_TYPE}, not one"))),
    }
}

/// The text of the signature, where the manifest has one.
fn signature(manifest: &OciImageManifest) -> Result<Option<String>, OciError> {
    let Some(note) = manifest.annotations.as_ref().and_then(|notes| notes.get(SIGNATURE)) else { return Ok(None) };
    let short = Some(note).filter(|note| note.len() <= 2 * MAX_SIGNATURE);
    let bytes = short.and_then(|note| BASE64.decode(note.as_bytes()).ok());
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.map(Some)
        .ok_or_else(|| OciError::Layout(format!("its annotation {SIGNATURE} is not a .minisig file in base64")))
}

/// The words of an error's last cause: the ones before only say that there is one.
fn deepest(error: &dyn Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_registry_a_package_and_which_one() {
        let digest = format!("oci://r.example/a/b@sha256:{}", "a".repeat(64));
        for good in ["oci://r.example/p:1.0.0", "oci://127.0.0.1:5000/shop/p:1", "oci://localhost/p:1", &digest] {
            assert!(parse(good).is_ok(), "{good}: {:?}", parse(good));
        }
        for (bad, why) in [
            ("https://r.example/p:1", "begin with oci"),
            ("oci://r.example", "no package"),
            ("oci://shop/p:1", "no registry"),
            ("oci://r.example/p", "neither a tag nor a digest"),
            ("oci://r.example/P P:1", ""),
            ("oci://r.example/p@sha256:12", ""),
        ] {
            match parse(bad) {
                Err(OciError::Address { why: found, .. }) => assert!(found.contains(why), "{bad}: {found}"),
                other => panic!("{bad}: {other:?}"),
            }
        }
    }

    #[test]
    fn only_this_machine_and_what_the_operator_names_is_asked_without_tls() {
        let oci = Oci::new(OciConfig { plain_http: vec!["inside:5000".into()], ..OciConfig::default() });
        for plain in ["127.0.0.1:5000", "127.9.9.9", "localhost:80", "inside:5000"] {
            assert!(oci.is_plain(plain), "{plain}");
        }
        for safe in ["inside:5001", "inside", "127.0.0.1.example", "localhost.example:80", "10.0.0.1:5000"] {
            assert!(!oci.is_plain(safe), "{safe}");
        }
    }

    #[test]
    fn a_signature_that_is_no_base64_text_is_refused_and_none_is_none() {
        let of = |note: Option<&str>| {
            let notes = note.map(|note| BTreeMap::from([(SIGNATURE.to_owned(), note.to_owned())]));
            signature(&OciImageManifest { annotations: notes, ..OciImageManifest::default() })
        };
        assert_eq!(of(None).unwrap(), None);
        assert_eq!(of(Some("YQpi")).unwrap().as_deref(), Some("a\nb"));
        for bad in ["a\nb", "/w==", &"YQpi".repeat(MAX_SIGNATURE)] {
            assert!(matches!(of(Some(bad)), Err(OciError::Layout(_))));
        }
    }

    #[test]
    fn a_manifest_without_exactly_one_component_is_refused() {
        let layer = |kind: &str, digest: &str| OciDescriptor {
            media_type: kind.into(),
            digest: digest.into(),
            urls: Some(vec!["http://169.254.169.254/".into()]),
            ..OciDescriptor::default()
        };
        let of = |layers: Vec<OciDescriptor>| component(&OciImageManifest { layers, ..OciImageManifest::default() });
        let good = layer(LAYER_TYPE, "sha256:1");
        assert_eq!(
            of(vec![layer("text/plain", "x"), good.clone()]).unwrap().urls,
            None,
            "it is fetched from the registry"
        );
        for bad in [vec![], vec![layer("text/plain", "x")], vec![good.clone(), good], vec![layer(LAYER_TYPE, "md5:1")]]
        {
            assert!(matches!(of(bad), Err(OciError::Layout(_))));
        }
    }
}
