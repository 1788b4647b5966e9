//! WebVTT, read by the algorithm of the W3C ("WebVTT: The Web Video Text Tracks Format", section 6): what is wrong in one
//! place costs that cue and no other. Two things are as in browsers' parsers rather than as in the text: times without
//! hours whose minutes are above 59, and lines behind times that nobody can read.
//!
//! A parser of our own: the crates there are (`subtp`, `rsubs-lib`) follow the grammar for authors, not the algorithm for
//! readers, and give up on, or misread, between a tenth and a quarter of the files that a browser's parser is tested with.
mod text;

pub use text::{Span, spans};

use crate::call::Turn;

/// One cue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cue {
    /// The line above the times; empty where there is none.
    pub id: String,
    /// Milliseconds.
    pub start: u64,
    /// Milliseconds.
    pub end: u64,
    /// The words behind the times, such as `align:start`.
    pub settings: String,
    /// The cue text with its tags and line breaks.
    pub text: String,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Vtt {
    /// The lines between the signature and the first blank one: `Language: en`.
    pub header: Vec<String>,
    /// Its cues, in the order of the file.
    pub cues: Vec<Cue>,
}

impl Vtt {
    /// Read a file's text. None where it does not begin with the signature.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let text = text.replace('\0', "\u{fffd}").replace("\r\n", "\n").replace('\r', "\n");
        let rest = text.strip_prefix("WEBVTT")?;
        if !(rest.is_empty() || rest.starts_with([' ', '\t', '\n'])) {
            return None;
        }
        let lines: Vec<&str> = text.split('\n').collect();
        let mut file = Self::default();
        let mut at = 1;
        // The header: up to a blank line, or a cue that somebody forgot to set apart.
        while at < lines.len() && !lines[at].is_empty() && !lines[at].contains("-->") {
            file.header.push(lines[at].to_owned());
            at += 1;
        }
        while at < lines.len() {
            if lines[at].is_empty() {
                at += 1;
            } else {
                at = file.block(&lines, at);
            }
        }
        Some(file)
    }

    /// Reads the block that begins at a line; the result is the line to go on with.
    fn block(&mut self, lines: &[&str], start: usize) -> usize {
        let mut at = start;
        let mut cue: Option<Cue> = None;
        let mut body: Vec<&str> = Vec::new();
        while at < lines.len() && !lines[at].is_empty() {
            let line = lines[at];
            if line.contains("-->") {
                // The next cue, without a blank line before it; times stand on the first line or on the second.
                if cue.is_some() || body.len() > 1 {
                    break;
                }
                cue = times(line).map(|(start, end, settings)| Cue {
                    id: body.first().map(|id| (*id).to_owned()).unwrap_or_default(),
                    start,
                    end,
                    settings,
                    text: String::new(),
                });
                if cue.is_none() {
                    // What follows belongs to times that nobody can read.
                    return at + lines[at..].iter().take_while(|line| !line.is_empty()).count();
                }
                body.clear();
            } else {
                body.push(line);
            }
            at += 1;
        }
        if let Some(cue) = cue {
            self.cues.push(Cue { text: body.join("\n"), ..cue });
        }
        at
    }

    /// The value of a line of the header: `Language: en`.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.header.iter().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.trim().eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    /// What was said: a turn for each voice of each cue.
    pub fn turns(&self) -> Vec<Turn> {
        let mut turns = Vec::new();
        for cue in &self.cues {
            let spans = spans(&cue.text).into_iter().map(|span| Turn {
                name: span.voice,
                start_ms: Some(cue.start),
                end_ms: Some(cue.end),
                text: span.text.split_whitespace().collect::<Vec<_>>().join(" "),
                ..Turn::default()
            });
            turns.extend(spans.filter(|turn| !turn.text.is_empty()));
        }
        turns
    }
}

/// The times and settings of a line such as `00:11.000 --> 00:13.000 align:start`.
fn times(line: &str) -> Option<(u64, u64, String)> {
    let line = line.trim_start_matches(blank);
    let (start, rest) = timestamp(line)?;
    let rest = rest.trim_start_matches(blank).strip_prefix("-->")?;
    let (end, settings) = timestamp(rest.trim_start_matches(blank))?;
    Some((start, end, settings.trim_matches(blank).to_owned()))
}

fn blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\u{c}')
}

/// A timestamp at the beginning of a text, in milliseconds, and what follows it. Hours may be left out; of two numbers, a
/// first one above 59 is hours, as browsers' parsers take it.
fn timestamp(text: &str) -> Option<(u64, &str)> {
    let (first, _, rest) = number(text)?;
    let (second, two, rest) = number(rest.strip_prefix(':')?)?;
    if two != 2 {
        return None;
    }
    let (hours, minutes, seconds, rest) = match rest.strip_prefix(':') {
        Some(rest) => {
            let (third, two, rest) = number(rest)?;
            if two != 2 {
                return None;
            }
            (first, second, third, rest)
        }
        None if first > 59 => (first, second, 0, rest),
        None => (0, first, second, rest),
    };
    let (millis, three, rest) = number(rest.strip_prefix('.')?)?;
    if three != 3 || minutes > 59 || seconds > 59 {
        return None;
    }
    let seconds = hours.checked_mul(3600)?.checked_add(minutes * 60 + seconds)?;
    Some((seconds.checked_mul(1000)?.checked_add(millis)?, rest))
}

/// A number, how many digits it has, and what follows it.
pub(crate) fn number(text: &str) -> Option<(u64, usize, &str)> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let value = text[..digits].parse().ok()?;
    Some((value, digits, &text[digits..]))
}

#[cfg(test)]
mod tests {
    use super::{Vtt, timestamp};

    #[test]
    fn timestamps() {
        for (text, expected) in [
            ("00:11.000", Some(11_000)),
            ("01:00:11.500", Some(3_611_500)),
            ("123:00:00.001", Some(442_800_001)),
            ("00:60.000", None),
            ("0:11.000", Some(11_000)),
            ("120:10.000", Some(432_600_000)),
            ("00:11,000", None),
            ("00:11.00", None),
            ("99999999999999999999:00:00.000", None),
            ("18446744073709551:00:00.000", None),
        ] {
            assert_eq!(timestamp(text).map(|(at, _)| at), expected, "{text}");
        }
    }

    #[test]
    fn what_stands_beside_cues_is_no_cue() {
        let file = Vtt::parse(
            "\u{feff}WEBVTT - a call\r\nLanguage: de\r\n\r\nNOTE\r\nnot said\r\n\r\nSTYLE\r\n::cue { color: red }\r\n\r\nREGION\r\nid:a\r\n\r\n1\r\n00:01.000 --> 00:02.000 align:start\r\n<v Anna>Guten &amp; Tag\r\n<b>Herr</b> K.\r\n\r\n00:02.000 --> 00:03.000\r\n<v.loud Bob Lee>Hi</v> <v Anna>Ja\r\n",
        )
        .unwrap();
        assert_eq!(file.field("language"), Some("de"));
        let turns: Vec<_> =
            file.turns().into_iter().map(|turn| (turn.name.unwrap(), turn.start_ms.unwrap(), turn.text)).collect();
        let turn = |name: &str, at, text: &str| (name.to_owned(), at, text.to_owned());
        assert_eq!(
            turns,
            [turn("Anna", 1000, "Guten & Tag Herr K."), turn("Bob Lee", 2000, "Hi"), turn("Anna", 2000, "Ja")]
        );
        assert_eq!((file.cues[0].id.as_str(), file.cues[0].settings.as_str()), ("1", "align:start"));
        assert!(Vtt::parse("WEBVTTX\n").is_none() && Vtt::parse("\nWEBVTT\n").is_none());
    }
}
