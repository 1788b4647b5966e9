//! The lines of a text and what each looks like on its own.
use super::words;

/// Longer lines are text whatever they look like.
const LONG: usize = 1_000;

/// What a line looks like on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing to see.
    Blank,
    /// Begins with a quotation mark: `>`, or an author's initials and `>`.
    Quote,
    /// Nothing but strokes and stars.
    Delimiter,
    /// Everything else.
    Text,
}

/// A text by lines.
pub struct Lines<'a> {
    lines: Vec<(&'a str, Kind)>,
    /// For each line the first one at or below it that is not blank.
    filled: Vec<u32>,
}

impl<'a> Lines<'a> {
    /// Lines without their ends, whether CRLF, LF or CR.
    pub fn new(text: &'a str) -> Self {
        // A lone CR is a line end only where no LF is: otherwise it is dirt.
        let lone = !text.contains('\n') && text.contains('\r');
        let end = if lone { '\r' } else { '\n' };
        let mut lines: Vec<(&str, Kind)> = Vec::with_capacity(text.len() / 40 + 1);
        lines.extend(text.split(end).map(|line| line.trim_end_matches('\r')).map(|line| (line, kind(line))));
        let mut filled = vec![lines.len() as u32; lines.len() + 1];
        for at in (0..lines.len()).rev() {
            filled[at] = if lines[at].1 == Kind::Blank { filled[at + 1] } else { at as u32 };
        }
        Self { lines, filled }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// The line; empty behind the last.
    pub fn get(&self, at: usize) -> &'a str {
        self.lines.get(at).map_or("", |(line, _)| line)
    }

    /// Its kind; blank behind the last.
    pub fn kind(&self, at: usize) -> Kind {
        self.lines.get(at).map_or(Kind::Blank, |(_, kind)| *kind)
    }

    /// The first line at or below that is not blank; the number of lines where there is none.
    pub fn first_filled(&self, at: usize) -> usize {
        self.filled.get(at).map_or(self.lines.len(), |at| *at as usize)
    }

    /// Quoted, also by the vertical bars of old clients.
    pub fn is_quote(&self, at: usize) -> bool {
        self.kind(at) == Kind::Quote || self.get(at).starts_with("| ")
    }

    /// Below a run of quoted lines, blank lines between them included.
    pub fn quote_end(&self, at: usize) -> usize {
        let mut end = at;
        loop {
            let next = self.first_filled(end);
            if next >= self.len() || !self.is_bar_or_quote(next) {
                return end;
            }
            end = next + 1;
        }
    }

    fn is_bar_or_quote(&self, at: usize) -> bool {
        self.is_quote(at) || self.get(at).trim() == "|"
    }

    /// The lines that are marked as wanted, or the others, each with its end.
    pub fn joined(&self, marks: &[bool], wanted: bool) -> String {
        let chosen = || self.lines.iter().zip(marks).filter(|(_, mark)| **mark == wanted).map(|((line, _), _)| *line);
        let mut out = String::with_capacity(chosen().map(|line| line.len() + 1).sum());
        for line in chosen() {
            out.push_str(line);
            out.push('\n');
        }
        out
    }

    /// Where the text that begins at `from` ends when quoted lines, signatures and device lines at the end before `end`
    /// are left out. A text of quoted lines alone stays.
    pub fn without_tail(&self, from: usize, end: usize) -> usize {
        let mut end = end;
        let speaks = (from..end).any(|at| self.kind(at) == Kind::Text && !self.is_bar_or_quote(at));
        if let Some(start) = (from..end).find(|at| is_signature_mark(self.get(*at)) && self.is_signature(*at, end)) {
            end = start;
        }
        while end > from {
            let last = end - 1;
            let goes = match self.kind(last) {
                Kind::Blank | Kind::Delimiter => true,
                Kind::Quote => speaks,
                Kind::Text => is_device_line(self.get(last)) || speaks && self.is_bar_or_quote(last),
            };
            if !goes {
                // A stroke with a line or two below it, as footers have.
                match self.footer(from, end) {
                    Some(start) => end = start,
                    None => break,
                }
                continue;
            }
            end = last;
        }
        end
    }

    /// Whether a delimiter line opens a signature: a short rest, and the stroke is one of those used for it.
    pub fn is_signature(&self, at: usize, end: usize) -> bool {
        if is_signature_mark(self.get(at)) {
            return (at + 1..end).filter(|at| self.kind(*at) != Kind::Blank).take(21).count() <= 20;
        }
        is_underline(self.get(at)) && (at + 1..end).filter(|at| self.kind(*at) != Kind::Blank).take(4).count() <= 3
    }

    /// An underline with three short lines below it at most.
    fn footer(&self, from: usize, end: usize) -> Option<usize> {
        let mut filled = 0;
        for at in (from..end).rev().take(8) {
            if is_underline(self.get(at)) {
                return Some(at);
            }
            filled += usize::from(self.kind(at) != Kind::Blank);
            if filled > 3 || self.get(at).len() > 200 {
                return None;
            }
        }
        None
    }
}

/// RFC 3676 section 4.3, and the same without its blank, which clients lose.
fn is_signature_mark(line: &str) -> bool {
    matches!(line, "-- " | "--" | "--\u{a0}")
}

fn is_underline(line: &str) -> bool {
    let line = line.trim();
    line.len() >= 5 && line.bytes().all(|byte| byte == b'_')
}

fn kind(line: &str) -> Kind {
    let Some(first) = line.bytes().find(|byte| !matches!(byte, b' ' | b'\t')) else { return Kind::Blank };
    if first == b'>' {
        return Kind::Quote;
    }
    if first.is_ascii_uppercase() {
        return if has_initials(line) { Kind::Quote } else { Kind::Text };
    }
    if first.is_ascii_alphanumeric() || line.len() > LONG {
        return Kind::Text;
    }
    let line = line.trim();
    if line.is_empty() || line.chars().all(is_invisible) {
        return Kind::Blank;
    }
    if line.starts_with('＞') {
        return Kind::Quote;
    }
    // Some mail trackers leave a syllabics dot, which counts as a letter.
    let stroke =
        |c: char| !c.is_alphanumeric() && !"?!？！.。…:：;；)）(（,，\"'”“".contains(c) && c < '\u{2600}' || c == 'ᐧ';
    if line.chars().all(stroke) && line.chars().any(|c| "-_=~#*+—–─━ᐧ⎯".contains(c)) {
        Kind::Delimiter
    } else {
        Kind::Text
    }
}

fn is_invisible(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{feff}' | '\u{2060}' | '\u{ad}' | '\u{34f}')
}

/// `JS> quoted`: one to three capitals, then the mark.
fn has_initials(line: &str) -> bool {
    let line = line.trim_start();
    let letters = line.bytes().take_while(u8::is_ascii_uppercase).count();
    letters <= 3 && matches!(line.as_bytes().get(letters..), Some([b'>'] | [b'>', b' ' | b'>', ..]))
}

/// What a phone or a client adds below a text.
pub fn is_device_line(line: &str) -> bool {
    if line.len() > 200 {
        return false;
    }
    let line = line.trim_matches(|c: char| c.is_whitespace() || "<>()[]*_。.（）".contains(c)).to_lowercase();
    if line.chars().count() > 110 {
        return false;
    }
    words::SENT_BY.iter().any(|start| line.starts_with(start))
        || words::SENT_BY_ENDS.iter().any(|end| line.ends_with(end) && line.chars().count() <= 40)
        || words::SENT
            .iter()
            .filter_map(|start| line.strip_prefix(start))
            .any(|rest| words::DEVICES.iter().any(|device| rest.contains(device)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        for (line, expected) in [
            ("", Kind::Blank),
            (" \t\u{a0}\u{200b}", Kind::Blank),
            ("> a", Kind::Quote),
            ("  >a", Kind::Quote),
            ("JS> a", Kind::Quote),
            ("＞引用", Kind::Quote),
            ("ABCD> a", Kind::Text),
            ("-- ", Kind::Delimiter),
            ("*****", Kind::Delimiter),
            ("────", Kind::Delimiter),
            ("ᐧ", Kind::Delimiter),
            ("?", Kind::Text),
            (":-)", Kind::Text),
            ("- a", Kind::Text),
            ("。", Kind::Text),
            ("👍", Kind::Text),
            ("您好", Kind::Text),
        ] {
            assert_eq!(kind(line), expected, "{line:?}");
        }
    }

    #[test]
    fn device_lines() {
        for line in [
            "Sent from my iPhone",
            "发自我的iPhone",
            "從我的 iPhone 傳送",
            "Get Outlook for iOS<https://aka.ms/x>",
            "iPhoneから送信",
            "(sent from a phone)",
            "发自我的小米手机",
            "网易邮箱大师",
            "Sent from Mail for Windows 10",
        ] {
            assert!(is_device_line(line), "{line}");
        }
        for line in ["Sent from Hamburg yesterday", "发货了吗", "I wrote this", ""] {
            assert!(!is_device_line(line), "{line}");
        }
    }
}
