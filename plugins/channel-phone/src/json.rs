//! Reading JSON documents whose parts may be of any type: each fault says where it is and what was expected.
use serde_json::{Map, Value};
use tributary_sdk::Rejection;

/// A place in a document.
#[derive(Clone)]
pub struct At<'a> {
    /// What stands there.
    pub value: &'a Value,
    /// `dialog[2].start`.
    pub path: String,
}

impl<'a> At<'a> {
    /// The document itself; `name` begins every path.
    pub fn top(value: &'a Value) -> Self {
        Self { value, path: String::new() }
    }

    /// The fault at this place.
    pub fn fault(&self, expected: &str) -> Rejection {
        let place = if self.path.is_empty() { "the document" } else { &self.path };
        Rejection::Malformed(format!("{place}: expected {expected}"))
    }

    /// The object here.
    pub fn object(&self) -> Result<&'a Map<String, Value>, Rejection> {
        self.value.as_object().ok_or_else(|| self.fault("an object"))
    }

    /// A member; none where it is absent or null.
    pub fn get(&self, key: &str) -> Option<Self> {
        let value = self.value.get(key).filter(|value| !value.is_null())?;
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        Some(Self { value, path })
    }

    /// The first member of these names.
    pub fn any(&self, keys: &[&str]) -> Option<Self> {
        keys.iter().find_map(|key| self.get(key))
    }

    /// The items of a list; none where it is absent.
    pub fn list(&self, key: &str) -> Result<Vec<Self>, Rejection> {
        let Some(list) = self.get(key) else { return Ok(Vec::new()) };
        let items = list.value.as_array().ok_or_else(|| list.fault("a list"))?;
        let item = |(index, value)| Self { value, path: format!("{}[{index}]", list.path) };
        Ok(items.iter().enumerate().map(item).collect())
    }

    /// A text here.
    pub fn text(&self) -> Result<&'a str, Rejection> {
        self.value.as_str().ok_or_else(|| self.fault("a text"))
    }

    /// A member that is a text; none where it is absent.
    pub fn maybe_text(&self, key: &str) -> Result<Option<&'a str>, Rejection> {
        self.get(key).map(|found| found.text()).transpose()
    }

    /// A member that is a time (RFC 3339); none where it is absent.
    pub fn maybe_time(&self, key: &str) -> Result<Option<u64>, Rejection> {
        let Some(found) = self.get(key) else { return Ok(None) };
        let time = crate::time::read(found.text()?);
        time.map(Some).ok_or_else(|| found.fault("a time such as 2026-11-29T10:15:00Z"))
    }
}
