//! Texts with places to fill.
use tributary_sdk::PrepareError;

/// The longest value that is put into a text, in letters.
const LONGEST: usize = 80;

/// A text, cut at its places.
pub struct Text(Vec<Part>);

enum Part {
    Plain(String),
    /// Which of the places.
    Place(usize),
}

impl Text {
    /// Cut a template, which may have these places.
    ///
    /// # Errors
    /// [`PrepareError::Value`] with `key` where it has another place.
    pub fn parse(template: &str, places: &[&str], key: &str) -> Result<Self, PrepareError> {
        let mut parts = Vec::new();
        let mut rest = template.trim();
        while let Some((plain, after)) = rest.split_once('{') {
            let (name, after) =
                after.split_once('}').ok_or_else(|| PrepareError::value(key, "a `{` without its `}`"))?;
            let place = places.iter().position(|place| *place == name).ok_or_else(|| {
                let known: Vec<String> = places.iter().map(|place| format!("{{{place}}}")).collect();
                let problem = format!("nobody can fill {{{name}}}; there are: {}", known.join(", "));
                PrepareError::value(key, problem)
            })?;
            parts.push(Part::Plain(plain.to_owned()));
            parts.push(Part::Place(place));
            rest = after;
        }
        parts.push(Part::Plain(rest.to_owned()));
        Ok(Self(parts))
    }

    /// The text with these values, in the order of its places.
    pub fn fill(&self, values: &[&str]) -> String {
        let fill = |part: &Part| match part {
            Part::Plain(plain) => plain.clone(),
            Part::Place(place) => values.get(*place).map(|value| one_line(value)).unwrap_or_default(),
        };
        self.0.iter().map(fill).collect()
    }
}

/// A value may come from outside: one line, and not a long one.
fn one_line(value: &str) -> String {
    let mut letters = value.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    let mut line: String = letters.by_ref().take(LONGEST).collect();
    if letters.next().is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACES: [&str; 2] = ["tag", "subject"];

    #[test]
    fn places_are_filled_once() {
        let text = Text::parse("a {tag} b {subject}", &PLACES, "k").unwrap();
        assert_eq!(text.fill(&["T1", "{tag}\r\nBcc: x"]), "a T1 b {tag}  Bcc: x");
        assert_eq!(Text::parse("{tag}", &PLACES, "k").unwrap().fill(&["T1", ""]), "T1");
        let long = "长".repeat(81);
        assert_eq!(Text::parse("{subject}", &PLACES, "k").unwrap().fill(&["", &long]).chars().count(), 81);
    }

    #[test]
    fn a_place_nobody_can_fill_is_refused() {
        for template in ["{name}", "{tag", "{}", "a {TAG}"] {
            assert!(Text::parse(template, &PLACES, "k").is_err(), "{template}");
        }
    }
}
