//! What a conversation was promised, as the fact that is kept on it: `first-response=180 resolution=86400`, in seconds.

/// The promises, and whether there are new ones.
pub struct Promises {
    list: Vec<(String, u32)>,
    changed: bool,
}

impl Promises {
    /// What the fact says. A word that is no promise is none.
    pub fn read(text: &str) -> Self {
        let promise = |word: &str| {
            let (name, seconds) = word.rsplit_once('=')?;
            Some((name.to_owned(), seconds.parse().ok()?))
        };
        Self { list: text.split(' ').filter_map(promise).collect(), changed: false }
    }

    /// Whether this much time or less was promised under this name.
    pub fn has(&self, name: &str, seconds: u32) -> bool {
        self.list.iter().any(|(promised, limit)| promised == name && *limit <= seconds)
    }

    /// Promise.
    pub fn add(&mut self, name: &str, seconds: u32) {
        self.list.retain(|(promised, _)| promised != name);
        self.list.push((name.to_owned(), seconds));
        self.changed = true;
    }

    /// The fact, where it is to be written.
    pub fn changed(&self) -> Option<String> {
        let words: Vec<String> = self.list.iter().map(|(name, seconds)| format!("{name}={seconds}")).collect();
        self.changed.then(|| words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let mut promises = Promises::read("first-response=7200 torn resolution=x");
        assert!(promises.has("first-response", 7_200) && !promises.has("first-response", 3_600));
        assert_eq!(promises.changed(), None);
        promises.add("first-response", 180);
        promises.add("order-confirmation:a=b", 900);
        let text = promises.changed().unwrap();
        assert_eq!(text, "first-response=180 order-confirmation:a=b=900");
        assert!(Promises::read(&text).has("order-confirmation:a=b", 900));
    }
}
