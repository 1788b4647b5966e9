//! Texts with places to fill.
use tributary_sdk::PrepareError;

/// The longest subject that is repeated to the customer, in letters.
const LONGEST_SUBJECT: usize = 80;

/// A text, cut at its places.
pub struct Text(Vec<Part>);

enum Part {
    Plain(String),
    Tag,
    Subject,
}

impl Text {
    /// Cut a template.
    ///
    /// # Errors
    /// [`PrepareError::Value`] with `key` where it has a place nobody can fill.
    pub fn parse(template: &str, key: &str) -> Result<Self, PrepareError> {
        let mut parts = Vec::new();
        let mut rest = template.trim();
        while let Some((plain, after)) = rest.split_once('{') {
            let (name, after) =
                after.split_once('}').ok_or_else(|| PrepareError::value(key, "a `{` without its `}`"))?;
            parts.push(Part::Plain(plain.to_owned()));
            parts.push(match name {
                "tag" => Part::Tag,
                "subject" => Part::Subject,
                other => {
                    let problem = format!("nobody can fill {{{other}}}; there are {{tag}} and {{subject}}");
                    return Err(PrepareError::value(key, problem));
                }
            });
            rest = after;
        }
        parts.push(Part::Plain(rest.to_owned()));
        Ok(Self(parts))
    }

    /// The text for one conversation.
    pub fn fill(&self, tag: &str, subject: &str) -> String {
        let fill = |part: &Part| match part {
            Part::Plain(plain) => plain.clone(),
            Part::Tag => tag.to_owned(),
            Part::Subject => one_line(subject),
        };
        self.0.iter().map(fill).collect()
    }
}

/// A subject comes from outside: one line, and not a long one.
fn one_line(subject: &str) -> String {
    let mut letters = subject.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    let mut line: String = letters.by_ref().take(LONGEST_SUBJECT).collect();
    if letters.next().is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_once() {
        let text = Text::parse("a {tag} b {subject}", "k").unwrap();
        assert_eq!(text.fill("T1", "{tag}\r\nBcc: x"), "a T1 b {tag}  Bcc: x");
        assert_eq!(Text::parse("{tag}", "k").unwrap().fill("T1", ""), "T1");
        let long = "长".repeat(81);
        assert_eq!(Text::parse("{subject}", "k").unwrap().fill("", &long).chars().count(), 81);
    }

    #[test]
    fn a_place_nobody_can_fill_is_refused() {
        for template in ["{name}", "{tag", "{}", "a {TAG}"] {
            assert!(Text::parse(template, "k").is_err(), "{template}");
        }
    }
}
