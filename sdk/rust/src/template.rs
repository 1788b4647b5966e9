//! Texts with places to fill, such as `{tag}`.
use crate::PrepareError;

/// A text, cut at its places.
#[derive(Debug, Clone)]
pub struct Template(Vec<Part>);

#[derive(Debug, Clone)]
enum Part {
    Plain(String),
    /// Which of the places.
    Place(usize),
}

impl Template {
    /// Cut a text that may have these places.
    ///
    /// # Errors
    /// [`PrepareError::Value`] with `key` where it has a place nobody can fill.
    pub fn parse(text: &str, key: &str, places: &[&str]) -> Result<Self, PrepareError> {
        let mut parts = Vec::new();
        let mut rest = text.trim();
        while let Some((plain, after)) = rest.split_once('{') {
            let (name, after) =
                after.split_once('}').ok_or_else(|| PrepareError::value(key, "a `{` without its `}`"))?;
            let place = places.iter().position(|place| *place == name).ok_or_else(|| {
                let known: Vec<String> = places.iter().map(|place| format!("{{{place}}}")).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(" and ") };
                PrepareError::value(key, format!("nobody can fill {{{name}}}; places here: {known}"))
            })?;
            parts.push(Part::Plain(plain.to_owned()));
            parts.push(Part::Place(place));
            rest = after;
        }
        parts.push(Part::Plain(rest.to_owned()));
        Ok(Self(parts))
    }

    /// The text with its places filled, in the order in which [`Template::parse`] was told them. What is filled in is not
    /// searched for places.
    pub fn fill(&self, values: &[&str]) -> String {
        let fill = |part: &Part| match part {
            Part::Plain(plain) => plain.clone(),
            Part::Place(place) => values.get(*place).copied().unwrap_or_default().to_owned(),
        };
        self.0.iter().map(fill).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_once() {
        let places = ["tag", "subject"];
        let text = Template::parse("a {tag} b {subject}", "k", &places).unwrap();
        assert_eq!(text.fill(&["T1", "{tag}"]), "a T1 b {tag}");
        assert_eq!(Template::parse(" {tag}\n", "k", &places).unwrap().fill(&["T1", ""]), "T1");
    }

    #[test]
    fn a_place_nobody_can_fill_is_refused() {
        for text in ["{name}", "{tag", "{}", "a {TAG}"] {
            assert!(Template::parse(text, "k", &["tag"]).is_err(), "{text}");
        }
    }
}
