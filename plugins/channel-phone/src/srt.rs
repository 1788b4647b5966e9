//! SubRip (`.srt`) as recorders write it: numbered blocks, or blocks whose number is missing; commas or points before the
//! milliseconds; a speaker as `Name:` at the beginning, or none. There is no standard.
use crate::call::Turn;
use crate::vtt::{number, spans};

/// One block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Milliseconds.
    pub start: u64,
    /// Milliseconds.
    pub end: u64,
    /// The text with its tags and line breaks.
    pub text: String,
}

/// Reads a file's text. Empty where nothing in it is a block: then it is something else.
pub fn parse(text: &str) -> Vec<Block> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<&str> = text.split('\n').collect();
    let mut blocks: Vec<Block> = Vec::new();
    let mut body: Vec<&str> = Vec::new();
    let mut times = None;
    for line in lines {
        match read_times(line) {
            Some(found) => {
                if let Some((start, end)) = times.replace(found) {
                    // The number of the block that begins here is the last line of what was collected, behind a blank one
                    // or behind the text itself.
                    if body.len() > 1 && body.last().is_some_and(|last| is_number(last)) {
                        body.pop();
                    }
                    blocks.push(Block { start, end, text: join(&body) });
                }
                body.clear();
            }
            None => body.push(line),
        }
    }
    if let Some((start, end)) = times {
        blocks.push(Block { start, end, text: join(&body) });
    }
    blocks
}

/// What was said. `Name: text` names the speaker where the name is one word or two.
pub fn turns(blocks: &[Block]) -> Vec<Turn> {
    let mut turns = Vec::new();
    for block in blocks {
        for span in spans(&block.text) {
            let text = span.text.split_whitespace().collect::<Vec<_>>().join(" ");
            let (name, text) = match span.voice {
                Some(voice) => (Some(voice), text),
                None => speaker(&text),
            };
            if !text.is_empty() {
                let (start_ms, end_ms) = (Some(block.start), Some(block.end));
                turns.push(Turn { name, start_ms, end_ms, text, ..Turn::default() });
            }
        }
    }
    turns
}

/// Takes a speaker such as `Agent 1:` or `[Anna]` from the beginning of a text.
pub fn speaker(text: &str) -> (Option<String>, String) {
    let found = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((name, rest)) => Some((name, rest.strip_prefix(':').unwrap_or(rest))),
        None => text.split_once(": ").or_else(|| text.split_once('：')),
    };
    let name_like = |name: &str| {
        (1..=40).contains(&name.chars().count())
            && name.split_whitespace().count() <= 3
            && name.chars().next().is_some_and(char::is_alphabetic)
            && name.chars().all(|c| c.is_alphanumeric() || " .'-_".contains(c))
    };
    match found {
        Some((name, rest)) if name_like(name) && !rest.trim().is_empty() => {
            (Some(name.trim().into()), rest.trim().into())
        }
        _ => (None, text.into()),
    }
}

fn join(body: &[&str]) -> String {
    body.join("\n").trim().to_owned()
}

fn is_number(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit())
}

/// `00:00:01,000 --> 00:00:02,500`, with what some add behind it (`X1:… Y1:…`).
fn read_times(line: &str) -> Option<(u64, u64)> {
    let (start, end) = line.split_once("-->")?;
    let end = end.split_whitespace().next()?;
    Some((timestamp(start.trim())?, timestamp(end)?))
}

/// Hours may be left out, and so may the milliseconds.
fn timestamp(text: &str) -> Option<u64> {
    let (mut seconds, digits, mut rest) = number(text)?;
    if digits > 6 {
        return None;
    }
    let mut parts = 1;
    while let Some(next) = rest.strip_prefix(':') {
        let (value, digits, after) = number(next)?;
        if digits > 2 || value > 59 || parts == 3 {
            return None;
        }
        seconds = seconds * 60 + value;
        rest = after;
        parts += 1;
    }
    if parts < 2 {
        return None;
    }
    let millis = match rest.strip_prefix([',', '.']) {
        Some(fraction) => {
            let (value, digits, after) = number(fraction)?;
            if digits > 3 || !after.is_empty() {
                return None;
            }
            value * [100, 10, 1][digits - 1]
        }
        None if rest.is_empty() => 0,
        None => return None,
    };
    Some(seconds * 1000 + millis)
}

#[cfg(test)]
mod tests {
    use super::{Block, parse, speaker, turns};

    #[test]
    fn blocks_as_they_come() {
        let file = "\u{feff}1\r\n00:00:01,000 --> 00:00:02,500\r\nHello\r\nthere\r\n\r\n00:00:03.5 --> 00:00:04\r\nno number\r\n3\r\n01:00:00,000 --> 01:00:01,000 X1:1\r\n\r\n\r\n4\r\n00:05,0 --> 00:06,0\r\n42\r\n";
        let block = |start, end, text: &str| Block { start, end, text: text.into() };
        assert_eq!(
            parse(file),
            [
                block(1000, 2500, "Hello\nthere"),
                block(3500, 4000, "no number"),
                block(3_600_000, 3_601_000, ""),
                block(5000, 6000, "42")
            ]
        );
        assert!(parse("just --> words").is_empty() && parse("").is_empty());
    }

    #[test]
    fn speakers() {
        assert_eq!(speaker("Agent 1: hello"), (Some("Agent 1".into()), "hello".into()));
        assert_eq!(speaker("客服：您好"), (Some("客服".into()), "您好".into()));
        assert_eq!(speaker("[Anna] hello"), (Some("Anna".into()), "hello".into()));
        assert_eq!(speaker("12: 30 is fine"), (None, "12: 30 is fine".into()));
        let long = "what I would like to know is this: where is it";
        assert_eq!(speaker(long), (None, long.into()));
        let read = turns(&parse("1\n00:00:01,000 --> 00:00:02,000\n<i>Bob: hi</i>\n"));
        assert_eq!((read[0].name.as_deref(), read[0].text.as_str()), (Some("Bob"), "hi"));
    }
}
