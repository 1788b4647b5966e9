//! Why a file is not a plugin, and what to do about it.
use super::manifest::ManifestError;
use crate::contract::Distance;

/// Why a file is not a plugin that can be loaded. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// Larger than the host takes.
    #[error(
        "it has {size} bytes, at most {limit} are allowed: build it without debug information and unused dependencies"
    )]
    TooLarge {
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// Not WebAssembly at all.
    #[error("it is not a WebAssembly file: name the component that `cargo xtask plugins` built")]
    NotWasm,
    /// A core module: it was not turned into a component.
    #[error("it is a core module, not a component; build it with `cargo xtask plugins`")]
    CoreModule,
    /// It ends in the middle.
    #[error("it is cut off after {0} bytes: copy it again, and compare its size with the original's")]
    Truncated(usize),
    /// Not valid: the validator's words.
    #[error("it is not a valid component: {0}; build it again, or copy it again if it was valid elsewhere")]
    Invalid(String),
    /// Modules or components lie in each other too deep.
    #[error(
        "its modules and components lie in each other more than {limit} deep, which no toolchain does: do not trust it"
    )]
    Nested {
        /// The limit.
        limit: usize,
    },
    /// It is divided into too many modules and components.
    #[error("it has more than {limit} modules and components, which no toolchain makes: do not trust it")]
    Divided {
        /// The limit.
        limit: usize,
    },
    /// The instances in it make instances themselves, and all of them together are too many.
    #[error(
        "its instances add up to more than {limit} parts, which no toolchain makes and nothing could hold: do not \
         trust it"
    )]
    Expanded {
        /// The limit.
        limit: u64,
    },
    /// One of its own sections is too large to be what it must be.
    #[error("its {what} has {size} bytes, at most {limit} are allowed: shorten it and build again")]
    Section {
        /// `plugin.toml`, `config schema` or `default configuration`.
        what: &'static str,
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// It exports nothing of the contract: what it is instead.
    #[error(
        "it is {0}, not a plugin: a plugin exports `tributary:plugin/lifecycle` and `channel`, `policy` or `review`; \
         write it with the SDK, and build it with `cargo xtask plugins`"
    )]
    OtherWorld(String),
    /// It carries no `plugin.toml`.
    #[error(
        "it carries no plugin.toml (custom section `tributary:plugin`): end it with the SDK's `export!`, which puts it in"
    )]
    NoManifest,
    /// Its `plugin.toml` is wrong.
    #[error("its plugin.toml is wrong: {0}; correct it and build again")]
    Manifest(#[from] ManifestError),
    /// It was built for a version of the contract that is not served.
    #[error("it was built for version {found} of the contract, this host serves {}: {}", served.join(", "), advice(*distance, served))]
    Contract {
        /// The version it names.
        found: String,
        /// The versions this host serves, the current one first.
        served: Vec<&'static str>,
        /// How the one stands to the others.
        distance: Distance,
    },
    /// Its names are of several versions of the contract at once.
    #[error("its interfaces are of versions {} of the contract at once: build it again with one SDK", .0.join(" and "))]
    Versions(Vec<String>),
    /// It imports something that is not in the contract.
    #[error("it imports what the contract does not have: {}; leave out the dependencies that need it", .0.join(", "))]
    Imports(Vec<String>),
    /// It does not export what its kind must.
    #[error("it does not export {}, which a {kind} must: export it, or correct `kind` in its plugin.toml", .missing.join(", "))]
    Exports {
        /// Its kind's word.
        kind: &'static str,
        /// What is missing.
        missing: Vec<String>,
    },
    /// Its configuration's schema or defaults are not what they must be: which, and why.
    #[error("its {what} is wrong: {why}; correct it and build again")]
    Config {
        /// `config schema` or `default configuration`.
        what: &'static str,
        /// Why.
        why: String,
    },
}

/// What to do about a version that is not served.
fn advice(distance: Distance, served: &[&'static str]) -> String {
    let current = served.first().copied().unwrap_or_default();
    match distance {
        Distance::Newer => format!("load it into a newer daemon, or build it again with the SDK of {current}"),
        Distance::Older => format!("build it again with the SDK of {current}"),
        Distance::Unreadable => format!("that is no version; build it again with the SDK of {current}"),
    }
}
