//! A text in the languages of a shop.
use std::collections::BTreeMap;

use tributary_sdk::{PrepareError, Template};

/// A text in some languages, the default one always among them.
pub struct Texts {
    default: Template,
    others: BTreeMap<String, Template>,
}

impl Texts {
    /// Check the texts, each of which may have these places.
    ///
    /// # Errors
    /// [`PrepareError`] with `key` where the default language has none, and with `key.LANGUAGE` where one has a place that
    /// nobody can fill.
    pub fn prepare(
        texts: &BTreeMap<String, String>,
        default: &str,
        key: &str,
        places: &[&str],
    ) -> Result<Self, PrepareError> {
        let parse = |(language, text): (&String, &String)| {
            let text = Template::parse(text, &format!("{key}.{language}"), places)?;
            Ok::<_, PrepareError>((language.clone(), text))
        };
        let mut others: BTreeMap<String, Template> =
            texts.iter().filter(|(_, text)| !text.trim().is_empty()).map(parse).collect::<Result<_, _>>()?;
        let missing = || PrepareError::value(key, format!("expected a text in language {default} at least"));
        Ok(Self { default: others.remove(default).ok_or_else(missing)?, others })
    }

    /// The text in a language, or in the default one, with its places filled in order.
    pub fn fill(&self, language: &str, values: &[&str]) -> String {
        self.others.get(language).unwrap_or(&self.default).fill(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_no_text_gets_the_default_one() {
        let texts = |texts: &[(&str, &str)]| {
            let texts = texts.iter().map(|(language, text)| ((*language).into(), (*text).into())).collect();
            Texts::prepare(&texts, "en", "k", &["tag"])
        };
        let both = texts(&[("en", "Case {tag}"), ("zh", "编号 {tag}"), ("fr", " ")]).unwrap();
        for (language, wanted) in [("en", "Case T1"), ("zh", "编号 T1"), ("fr", "Case T1"), ("ja", "Case T1")] {
            assert_eq!(both.fill(language, &["T1"]), wanted);
        }
        let refused = |given: &[(&str, &str)]| texts(given).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(refused(&[("zh", "编号")]).contains("`k`: expected a text in language en"));
        assert!(refused(&[("en", "")]).contains("language en"));
        assert!(refused(&[("en", "Case"), ("zh", "{name}")]).contains("`k.zh`"));
    }
}
