//! Names that an operator gives to rows of a table.
use tributary_sdk::PrepareError;

/// Check that a name is one that can stand in tags and bells.
///
/// # Errors
/// [`PrepareError`] with the key where it is none.
pub fn check_name(name: &str, key: &str) -> Result<(), PrepareError> {
    let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    let problem = || PrepareError::value(key, "expected lower-case letters, digits and dashes");
    (!name.is_empty() && name.chars().all(plain)).then_some(()).ok_or_else(problem)
}

/// Check that no two rows of a table have the same name.
///
/// # Errors
/// [`PrepareError`] with the table's key and the name.
pub fn check_unique<'a>(names: impl IntoIterator<Item = &'a str>, key: &str) -> Result<(), PrepareError> {
    let mut seen: Vec<&str> = Vec::new();
    for name in names {
        if seen.contains(&name) {
            return Err(PrepareError::value(key, format!("two are called {name}")));
        }
        seen.push(name);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_their_own() {
        assert!(["a", "sign-off", "level2"].iter().all(|name| check_name(name, "k").is_ok()));
        assert!(["", "A", "a b", "a:b", "产品"].iter().all(|name| check_name(name, "k").is_err()));
        assert_eq!(check_unique(["a", "b"], "k"), Ok(()));
        assert!(check_unique(["a", "b", "a"], "k").unwrap_err().to_string().contains("two are called a"));
    }
}
