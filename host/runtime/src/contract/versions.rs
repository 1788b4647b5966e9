//! The versions of the contract that a runtime serves, and how far any other is from them.
use super::{Current, PACKAGE, Served};
use std::fmt;
use std::sync::Arc;

/// The versions of the contract that a runtime serves. The default is the current one alone.
#[derive(Clone)]
pub struct Contracts(Arc<[Arc<dyn Served>]>);

/// How a version that is not served stands to those that are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Distance {
    /// Newer than all that are served.
    Newer,
    /// Older than all, or between two of them.
    Older,
    /// Not written as a version.
    Unreadable,
}

impl Contracts {
    /// The current version and others beside it.
    pub fn with(others: impl IntoIterator<Item = Arc<dyn Served>>) -> Self {
        let current: Arc<dyn Served> = Arc::new(Current);
        Self(std::iter::once(current).chain(others).collect())
    }

    /// Their versions, the current one first.
    pub fn versions(&self) -> Vec<&'static str> {
        self.0.iter().map(|served| served.version()).collect()
    }

    /// Who serves what was built for a version: that version itself, or a later patch of it. Below 0.1, a patch is a
    /// version of its own.
    pub fn find(&self, version: &str) -> Option<&Arc<dyn Served>> {
        let exact = self.0.iter().find(|served| served.version() == version);
        exact.or_else(|| {
            let [major, minor, patch] = numbers(version)?;
            self.0.iter().find(|served| {
                numbers(served.version()).is_some_and(|[served_major, served_minor, served_patch]| {
                    (major, minor) != (0, 0) && (served_major, served_minor) == (major, minor) && served_patch > patch
                })
            })
        })
    }

    /// How a version that nobody serves stands to those that are served.
    pub fn distance(&self, version: &str) -> Distance {
        let Some(found) = numbers(version) else { return Distance::Unreadable };
        let newest = self.0.iter().filter_map(|served| numbers(served.version())).max();
        if newest.is_some_and(|newest| found < newest) { Distance::Older } else { Distance::Newer }
    }
}

impl Default for Contracts {
    fn default() -> Self {
        Self::with([])
    }
}

impl fmt::Debug for Contracts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Contracts").field(&self.versions()).finish()
    }
}

/// Two are equal when they serve the same versions.
impl PartialEq for Contracts {
    fn eq(&self, other: &Self) -> bool {
        self.versions() == other.versions()
    }
}

impl Eq for Contracts {}

/// The interface and the version of a name of the contract.
pub(crate) fn split(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix(PACKAGE)?.strip_prefix('/')?.split_once('@')
}

fn numbers(version: &str) -> Option<[u32; 3]> {
    let parts: Vec<u32> = version.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
    parts.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_patch_is_served_and_nothing_else() {
        let contracts = Contracts::default();
        for (version, distance) in [
            ("0.1.0", None),
            ("0.1.1", Some(Distance::Newer)),
            ("0.2.0", Some(Distance::Newer)),
            ("1.1.0", Some(Distance::Newer)),
            ("0.0.9", Some(Distance::Older)),
            ("0.1", Some(Distance::Unreadable)),
            ("x", Some(Distance::Unreadable)),
        ] {
            assert_eq!(contracts.find(version).is_none(), distance.is_some(), "{version}");
            if let Some(distance) = distance {
                assert_eq!(contracts.distance(version), distance, "{version}");
            }
        }
    }
}
