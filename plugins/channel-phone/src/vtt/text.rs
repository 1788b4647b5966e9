//! The text of a cue: tags, voices and character references.

/// Text of one voice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Span {
    /// Whose it is, where a tag says so.
    pub voice: Option<String>,
    /// The text, without tags.
    pub text: String,
}

/// The voices of a cue in order. Tags other than `<v>` are left out, their text stays.
pub fn spans(cue: &str) -> Vec<Span> {
    let mut spans = vec![Span::default()];
    // The voices that are open, innermost last.
    let mut open: Vec<Option<String>> = vec![None];
    let mut rest = cue;
    while !rest.is_empty() {
        let end = rest.find('<').unwrap_or(rest.len());
        if let Some(span) = spans.last_mut() {
            span.text.push_str(&unescape(&rest[..end]));
        }
        if end == rest.len() {
            break;
        }
        rest = &rest[end + 1..];
        // A tag that is not closed reaches to the end (W3C: "end-of-file marker").
        let close = rest.find('>');
        let tag = &rest[..close.unwrap_or(rest.len())];
        rest = close.map_or("", |close| &rest[close + 1..]);
        let name = tag.split([' ', '\t', '\n', '\u{c}', '.']).next().unwrap_or_default();
        let voice = match name {
            "v" => {
                let annotation = tag.split_once([' ', '\t', '\n', '\u{c}']).map_or("", |(_, annotation)| annotation);
                let voice = unescape(annotation).split_whitespace().collect::<Vec<_>>().join(" ");
                open.push((!voice.is_empty()).then_some(voice));
                open.last().cloned().flatten()
            }
            "/v" => {
                if open.len() > 1 {
                    open.pop();
                }
                open.last().cloned().flatten()
            }
            _ => continue,
        };
        match spans.last_mut() {
            Some(span) if span.text.is_empty() => span.voice = voice,
            _ => spans.push(Span { voice, text: String::new() }),
        }
    }
    spans.retain(|span| !span.text.trim().is_empty());
    spans
}

/// Resolves the character references that cue texts have: the six of WebVTT, quotes, and numbers.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        // No reference of these is longer.
        let end = rest.bytes().take(12).position(|byte| byte == b';');
        let found = end.and_then(|end| Some((character(&rest[1..end])?, end)));
        match found {
            Some((character, end)) => {
                out.push(character);
                rest = &rest[end + 1..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn character(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        "lrm" => '\u{200e}',
        "rlm" => '\u{200f}',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code).filter(|character| *character != '\0')?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::spans;

    #[test]
    fn voices_and_references() {
        let read = |cue: &str| {
            spans(cue).into_iter().map(|span| (span.voice.unwrap_or_default(), span.text)).collect::<Vec<_>>()
        };
        let one = |voice: &str, text: &str| vec![(voice.to_owned(), text.to_owned())];
        assert_eq!(read("<v Bob>a < b"), one("Bob", "a "));
        assert_eq!(read("1 &lt; 2 &amp; 3 &#33; &#x4f60; &nope; & &amp"), one("", "1 < 2 & 3 ! 你 &nope; & &amp"));
        assert_eq!(read("<c.red>x</c><00:01.000>y<i>z"), one("", "xyz"));
        assert_eq!(read("<v>x</v></v></v>"), one("", "x"));
        assert_eq!(read("<v A>x<v B>y</v>z"), [one("A", "x"), one("B", "y"), one("A", "z")].concat());
        assert_eq!(read("<v.loud\tAnna &amp; Co>x"), one("Anna & Co", "x"));
        assert_eq!(read("<voice>x"), one("", "x"));
        assert!(read("").is_empty() && read("<v Bob").is_empty());
    }
}
