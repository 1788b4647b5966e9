//! Folders of fixtures: which files there are, what of a result is other than wanted, and files that were damaged.
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::CaseError;

/// The files of a folder that end in one of these, in the order of their names.
///
/// # Errors
/// [`CaseError`] where the folder cannot be read or holds none.
pub fn files(folder: impl AsRef<Path>, endings: &[&str]) -> Result<Vec<PathBuf>, CaseError> {
    let folder = folder.as_ref();
    let wanted = |path: &PathBuf| path.extension().is_some_and(|ending| endings.iter().any(|wanted| ending == *wanted));
    let entries = std::fs::read_dir(folder).map_err(|error| CaseError::one(folder, error))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(wanted).collect();
    files.sort();
    if files.is_empty() {
        return Err(CaseError::one(folder, format!("no files that end in {}", endings.join(" or "))));
    }
    Ok(files)
}

/// What of `found` is other than wanted: of an object the keys that are named (`null` is "there is none"), of a list every
/// item, in order.
pub fn differs(found: &Value, wanted: &Value) -> Option<String> {
    match (found, wanted) {
        (Value::Object(_), Value::Object(keys)) => {
            let mut problems =
                keys.iter().filter_map(|(key, wanted)| Some(format!("{key}: {}", differs(&found[key], wanted)?)));
            problems.next()
        }
        (Value::Array(items), Value::Array(all)) if items.len() == all.len() => {
            items.iter().zip(all).find_map(|(item, wanted)| differs(item, wanted))
        }
        _ => (found != wanted).then(|| format!("got {found}, wanted {wanted}")),
    }
}

/// Bytes with damage. Each is a place (counted on from the end at the beginning again), what befalls it, and a byte: the
/// byte there is replaced, taken out, or gets another before it; the rest is cut off; or up to 60 bytes from there are
/// said again at the end.
pub fn damaged(mut data: Vec<u8>, damage: &[(usize, u8, u8)]) -> Vec<u8> {
    for &(at, what, byte) in damage {
        let at = at.checked_rem(data.len()).unwrap_or(0);
        match what % 5 {
            0 => data[at..].iter_mut().take(1).for_each(|there| *there = byte),
            1 if at < data.len() => drop(data.remove(at)),
            2 => data.insert(at, byte),
            3 => data.truncate(at),
            _ => data.extend_from_within(at..data.len().min(at + 60)),
        }
    }
    data
}
