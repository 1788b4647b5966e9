//! Reads a TOML file key by key and remembers every fault with its line, so that an operator mends all in one go.
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One fault of a configuration file.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Fault {
    /// The file, as the operator named it.
    pub file: String,
    /// The line, counted from 1; none where the fault is that something is absent.
    pub line: Option<usize>,
    /// The key, dotted, with the number of a repeated table: `channel[0].plugin`. Empty for the whole file.
    pub key: String,
    /// What is wrong, and what was expected.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.what)
    }
}

/// The faults of one file.
pub struct Faults<'t> {
    file: String,
    text: &'t str,
    list: RefCell<Vec<Fault>>,
}

impl<'t> Faults<'t> {
    /// No faults yet.
    pub fn new(file: impl Into<String>, text: &'t str) -> Self {
        Self { file: file.into(), text, list: RefCell::default() }
    }

    /// Notes a fault at a place of the text, or of the whole.
    pub fn note(&self, at: Option<usize>, key: impl Into<String>, what: impl Into<String>) {
        let line = at.map(|at| self.text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1);
        let fault = Fault { file: self.file.clone(), line, key: key.into(), what: what.into() };
        self.list.borrow_mut().push(fault);
    }

    /// All of them, in the order of their lines.
    pub fn into_list(self) -> Vec<Fault> {
        let mut list = self.list.into_inner();
        list.sort_by_key(|fault| fault.line.unwrap_or(usize::MAX));
        list
    }
}

/// One table of the file. A key that nobody asked for is a fault, see [`Section::finish`].
pub struct Section<'a, 't> {
    faults: &'a Faults<'t>,
    table: Option<&'a DeTable<'t>>,
    at: Option<usize>,
    path: String,
    known: RefCell<BTreeSet<&'static str>>,
}

impl<'a, 't> Section<'a, 't> {
    /// The top of a file.
    pub fn top(faults: &'a Faults<'t>, table: &'a DeTable<'t>) -> Self {
        Self { faults, table: Some(table), at: None, path: String::new(), known: RefCell::default() }
    }

    /// Whether the file has it at all.
    pub fn present(&self) -> bool {
        self.table.is_some()
    }

    /// Its dotted name.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The dotted name of one of its keys.
    pub fn key(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Notes a fault of one of its keys.
    pub fn fault(&self, key: &str, what: impl Into<String>) {
        let at = self.table.and_then(|table| table.get(key)).map(|value| value.span().start).or(self.at);
        self.faults.note(at, self.key(key), what);
    }

    fn find(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'t>>> {
        self.known.borrow_mut().insert(key);
        self.table?.get(key)
    }

    /// The table under a key; an absent one is empty.
    pub fn section(&self, key: &'static str) -> Section<'a, 't> {
        let found = self.find(key);
        let table = found.and_then(|value| value.get_ref().as_table());
        if let (Some(value), None) = (found, table) {
            self.fault(key, format!("is {}, a table was expected", article(value.get_ref())));
        }
        let at = found.map(|value| value.span().start);
        Section { faults: self.faults, table, at, path: self.key(key), known: RefCell::default() }
    }

    /// The repeated tables under a key: `[[key]]`.
    pub fn sections(&self, key: &'static str) -> Vec<Section<'a, 't>> {
        let Some(value) = self.find(key) else { return Vec::new() };
        let Some(array) = value.get_ref().as_array() else {
            self.fault(key, format!("is {}, repeated tables `[[{key}]]` were expected", article(value.get_ref())));
            return Vec::new();
        };
        let mut sections = Vec::new();
        for (number, entry) in array.iter().enumerate() {
            let path = format!("{}[{number}]", self.key(key));
            let at = Some(entry.span().start);
            match entry.get_ref().as_table() {
                Some(table) => {
                    let table = Some(table);
                    sections.push(Section { faults: self.faults, table, at, path, known: RefCell::default() });
                }
                None => self.faults.note(at, path, format!("is {}, a table was expected", article(entry.get_ref()))),
            }
        }
        sections
    }

    /// The tables under this one, for a table whose keys are names: `[path.NAME]`. Nothing of it is left for
    /// [`Section::finish`].
    pub fn sections_by_name(&self) -> Vec<(String, Section<'a, 't>)> {
        let mut named = Vec::new();
        for (key, value) in self.table.into_iter().flatten() {
            let name = key.get_ref().to_string();
            let (at, path) = (Some(key.span().start), self.key(&name));
            match value.get_ref().as_table() {
                Some(table) => {
                    let section =
                        Section { faults: self.faults, table: Some(table), at, path, known: RefCell::default() };
                    named.push((name, section));
                }
                None => self.fault(&name, format!("is {}, a table was expected", article(value.get_ref()))),
            }
        }
        named
    }

    /// The table under a key as it is, for whoever checks it otherwise.
    pub fn table(&self, key: &'static str) -> Option<toml::Table> {
        let section = self.section(key);
        section.table.map(plain_table)
    }

    /// A value; `read` says what it means, or what was expected instead.
    fn value<T>(&self, key: &'static str, read: impl FnOnce(&DeValue<'t>) -> Result<T, String>) -> Option<T> {
        let value = self.find(key)?;
        match read(value.get_ref()) {
            Ok(value) => Some(value),
            Err(what) => {
                self.fault(key, what);
                None
            }
        }
    }

    /// A text.
    pub fn text(&self, key: &'static str) -> Option<String> {
        self.value(key, |value| {
            value.as_str().map(str::to_owned).ok_or_else(|| format!("is {}, a text was expected", article(value)))
        })
    }

    /// A text that must be there and not be empty.
    pub fn needed_text(&self, key: &'static str) -> Option<String> {
        if self.table.is_some_and(|table| !table.contains_key(key)) {
            self.known.borrow_mut().insert(key);
            self.faults.note(self.at, self.key(key), "is missing");
            return None;
        }
        let text = self.text(key)?;
        if text.trim().is_empty() {
            self.fault(key, "is empty");
            return None;
        }
        Some(text)
    }

    /// One of a few words.
    pub fn word<T: Copy>(&self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let words = words.iter().map(|(word, _)| format!("{word:?}")).collect::<Vec<_>>().join(", ");
            self.fault(key, format!("is {text:?}, one of {words} was expected"));
        }
        found
    }

    /// Yes or no.
    pub fn flag(&self, key: &'static str) -> Option<bool> {
        self.value(key, |value| {
            value.as_bool().ok_or_else(|| format!("is {}, true or false was expected", article(value)))
        })
    }

    /// A whole number within limits.
    pub fn number(&self, key: &'static str, from: u64, to: u64) -> Option<u64> {
        self.value(key, |value| {
            let number = whole(value);
            number
                .filter(|number| (from..=to).contains(number))
                .ok_or_else(|| format!("is {}, a whole number from {from} to {to} was expected", shown(value)))
        })
    }

    /// A number within limits, with or without a fraction.
    pub fn fraction(&self, key: &'static str, from: f64, to: f64) -> Option<f64> {
        self.value(key, |value| {
            let number = match value {
                DeValue::Integer(number) => number.as_str().parse().ok(),
                DeValue::Float(number) => number.as_str().parse().ok(),
                _ => None,
            };
            number
                .filter(|number: &f64| (from..=to).contains(number))
                .ok_or_else(|| format!("is {}, a number from {from} to {to} was expected", shown(value)))
        })
    }

    /// Every key with its text, for a table whose keys are names. Nothing of it is left for [`Section::finish`].
    pub fn texts_by_name(&self) -> Vec<(String, String)> {
        let mut named = Vec::new();
        for (key, value) in self.table.into_iter().flatten() {
            let name = key.get_ref().to_string();
            match value.get_ref().as_str() {
                Some(text) => named.push((name, text.to_owned())),
                None => self.fault(&name, format!("is {}, a text was expected", article(value.get_ref()))),
            }
        }
        named
    }

    /// Every key with its whole number within limits, for a table whose keys are names, as [`Section::texts_by_name`].
    pub fn numbers_by_name(&self, from: u64, to: u64) -> Vec<(String, u64)> {
        let mut named = Vec::new();
        for (key, value) in self.table.into_iter().flatten() {
            let name = key.get_ref().to_string();
            match whole(value.get_ref()).filter(|number| (from..=to).contains(number)) {
                Some(number) => named.push((name, number)),
                None => {
                    let shown = shown(value.get_ref());
                    self.fault(&name, format!("is {shown}, a whole number from {from} to {to} was expected"));
                }
            }
        }
        named
    }

    /// A size: a number of bytes, or a text such as `"25 MiB"`.
    pub fn size(&self, key: &'static str, from: u64, to: u64) -> Option<u64> {
        self.value(key, |value| {
            let bytes = whole(value).or_else(|| value.as_str().and_then(parse_size));
            bytes.filter(|bytes| (from..=to).contains(bytes)).ok_or_else(|| {
                format!("is {}, a size such as \"25 MiB\" was expected ({from} to {to} bytes)", shown(value))
            })
        })
    }

    /// A duration: a number of seconds, or a text such as `"5 min"`.
    pub fn duration(&self, key: &'static str, from: Duration, to: Duration) -> Option<Duration> {
        self.value(key, |value| {
            let time = whole(value).map(Duration::from_secs).or_else(|| value.as_str().and_then(parse_duration));
            time.filter(|time| (from..=to).contains(time)).ok_or_else(|| {
                format!("is {}, a time such as \"30 s\" or \"5 min\" was expected ({from:?} to {to:?})", shown(value))
            })
        })
    }

    /// An address to listen on.
    pub fn address(&self, key: &'static str) -> Option<SocketAddr> {
        self.value(key, |value| {
            value
                .as_str()
                .and_then(|text| text.parse().ok())
                .ok_or_else(|| format!("is {}, an address such as \"127.0.0.1:2525\" was expected", shown(value)))
        })
    }

    /// A list of texts.
    pub fn texts(&self, key: &'static str) -> Option<Vec<String>> {
        self.value(key, |value| {
            value
                .as_array()
                .and_then(|array| array.iter().map(|entry| entry.get_ref().as_str().map(str::to_owned)).collect())
                .ok_or_else(|| format!("is {}, a list of texts was expected", article(value)))
        })
    }

    /// Every key that nobody asked for is a fault: a mistyped key must not be a silent default.
    pub fn finish(self) {
        let known = self.known.borrow();
        for key in self.table.into_iter().flatten().map(|(key, _)| key) {
            let name = key.get_ref().as_ref();
            if known.contains(name) {
                continue;
            }
            let near = known.iter().min_by_key(|word| distance(name, word)).filter(|word| distance(name, word) <= 3);
            let what = match near {
                Some(near) => format!("is not a key here; did you mean `{near}`?"),
                None => {
                    format!("is not a key here; there are {}", known.iter().copied().collect::<Vec<_>>().join(", "))
                }
            };
            self.faults.note(Some(key.span().start), self.key(name), what);
        }
    }
}

fn whole(value: &DeValue<'_>) -> Option<u64> {
    let integer = value.as_integer()?;
    u64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

fn article(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(number) => number.as_str().to_owned(),
        DeValue::Float(number) => number.as_str().to_owned(),
        other => article(other).to_owned(),
    }
}

fn split_unit(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit.trim()))
}

/// Bytes of a text such as `25 MiB`.
fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = split_unit(text)?;
    let factor: u64 = match unit {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// The time of a text such as `5 min` or `7d`.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = split_unit(text)?;
    let seconds: u64 = match unit {
        "ms" => return Some(Duration::from_millis(number)),
        "" | "s" => 1,
        "min" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    Some(Duration::from_secs(number.checked_mul(seconds)?))
}

/// How many letters have to be changed to make one word of the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let kept = corner + usize::from(from != *to);
            corner = row[j + 1];
            row[j + 1] = kept.min(row[j] + 1).min(corner + 1);
        }
    }
    row[b.len()]
}

fn plain_table(table: &DeTable<'_>) -> toml::Table {
    table.iter().map(|(key, value)| (key.get_ref().to_string(), plain(value.get_ref()))).collect()
}

/// The value without its places. A number that does not fit becomes a text, which whoever checks the table refuses.
fn plain(value: &DeValue<'_>) -> toml::Value {
    use toml::Value;
    match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| Value::String(number.as_str().to_owned()), Value::Integer),
        DeValue::Float(number) => {
            number.as_str().parse().map_or_else(|_| Value::String(number.as_str().to_owned()), Value::Float)
        }
        DeValue::Boolean(flag) => Value::Boolean(*flag),
        DeValue::Datetime(date) => Value::Datetime(*date),
        DeValue::Array(array) => Value::Array(array.iter().map(|entry| plain(entry.get_ref())).collect()),
        DeValue::Table(table) => Value::Table(plain_table(table)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_written_as_people_write_them() {
        assert_eq!(parse_size("25 MiB"), Some(25 << 20));
        assert_eq!(parse_size("10MB"), Some(10_000_000));
        assert_eq!(parse_size("many"), None);
        assert_eq!(parse_duration("5 min"), Some(Duration::from_secs(300)));
        assert_eq!(parse_duration("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(parse_duration("5 fortnights"), None);
    }

    #[test]
    fn every_fault_is_told_with_line_and_key() {
        let text = "[smtp]\nlisten = 25\nlisen = \"x\"\nsize = \"big\"\n[[channel]]\nname = 3\n";
        let faults = Faults::new("t.toml", text);
        let table = DeTable::parse(text).expect("valid");
        let top = Section::top(&faults, table.get_ref());
        let smtp = top.section("smtp");
        assert_eq!(smtp.address("listen"), None);
        assert_eq!(smtp.size("size", 0, 1 << 30), None);
        smtp.finish();
        for channel in top.sections("channel") {
            channel.needed_text("name");
            channel.needed_text("plugin");
            channel.finish();
        }
        top.finish();
        let told: Vec<String> = faults.into_list().iter().map(Fault::to_string).collect();
        assert_eq!(
            told,
            [
                "t.toml:2: smtp.listen: is 25, an address such as \"127.0.0.1:2525\" was expected",
                "t.toml:3: smtp.lisen: is not a key here; did you mean `listen`?",
                "t.toml:4: smtp.size: is \"big\", a size such as \"25 MiB\" was expected (0 to 1073741824 bytes)",
                "t.toml:5: channel[0].plugin: is missing",
                "t.toml:6: channel[0].name: is a text was expected, a number",
            ]
            .map(|line| line.replace("is a text was expected, a number", "is a number, a text was expected"))
        );
    }
}
