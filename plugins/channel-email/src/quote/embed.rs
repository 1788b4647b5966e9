//! Finds what introduces history: sentences such as "On … wrote:", blocks of header lines, markers between dashes.
use super::lines::{self, Lines};
use super::words::{self, Field};

/// Longer sentences introduce nothing.
const SENTENCE: usize = 400;

/// What introduces history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// "On … wrote:".
    Sentence,
    /// A block of header lines, a marker between dashes, or both.
    Block,
}

/// One introduction: lines from `start`, up to but without `end`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Embed {
    /// Its first line.
    pub start: usize,
    /// The line below its last.
    pub end: usize,
    /// What it is.
    pub kind: Kind,
}

/// Every introduction outside quoted lines, from the top.
pub fn find(lines: &Lines<'_>, markers: &[String]) -> Vec<Embed> {
    let mut found: Vec<Embed> = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        // Where what is found last ends: nothing begins inside it.
        let floor = found.last().map_or(0, |embed| embed.end);
        let embed = match lines.kind(at) {
            lines::Kind::Blank => None,
            lines::Kind::Quote => closing_of_a_broken_address(lines, at, floor),
            lines::Kind::Delimiter => block_below(lines, at),
            lines::Kind::Text => text_line(lines, at, floor, markers),
        };
        at = embed.as_ref().map_or(at + 1, |embed| embed.end);
        found.extend(embed);
    }
    found
}

/// What begins in this line.
pub fn at(embeds: &[Embed], line: usize) -> Option<&Embed> {
    embeds.binary_search_by_key(&line, |embed| embed.start).ok().and_then(|index| embeds.get(index))
}

fn text_line(lines: &Lines<'_>, at: usize, floor: usize, markers: &[String]) -> Option<Embed> {
    let line = lines.get(at);
    if line.len() > SENTENCE {
        return None;
    }
    if markers.iter().any(|marker| !marker.is_empty() && line.trim_start().starts_with(marker.as_str())) {
        return Some(Embed { start: at, end: at + 1, kind: Kind::Block });
    }
    if is_marker(line) {
        let below = lines.first_filled(at + 1);
        let end = header_block(lines, below, 1).unwrap_or(at + 1);
        return Some(Embed { start: at, end, kind: Kind::Block });
    }
    if let Some(end) = header_block(lines, at, 3) {
        return Some(Embed { start: at, end, kind: Kind::Block });
    }
    sentence(lines, at, floor)
}

/// A stroke that belongs to the block below it.
fn block_below(lines: &Lines<'_>, at: usize) -> Option<Embed> {
    let below = lines.first_filled(at + 1);
    let end = header_block(lines, below, 3)?;
    Some(Embed { start: at, end, kind: Kind::Block })
}

/// `----- Original Message -----` and its kin, in bold or not, or a forward's opening line.
fn is_marker(line: &str) -> bool {
    let line = line.trim_matches(|c: char| c.is_whitespace() || c == '*');
    let first = line.chars().next();
    if first.is_some_and(|c| is_dash(c) || c == '=') {
        let inner = line.trim_matches(|c: char| is_dash(c) || c == '=' || c.is_whitespace());
        let dashes = |text: &str| text.chars().take_while(|c| is_dash(*c) || *c == '=').count();
        let behind = line.chars().rev().take_while(|c| is_dash(*c) || *c == '=').count();
        if dashes(line) < 3 || behind < 3 || inner.is_empty() || inner.chars().count() > 60 {
            return false;
        }
        let inner = inner.to_lowercase();
        return words::MARKERS.iter().any(|word| inner.contains(word));
    }
    if !line.ends_with([':', '：']) || line.len() > 100 {
        return false;
    }
    let line = line.trim_end_matches([':', '：', ' ', '\u{a0}']).to_lowercase();
    words::FORWARDS.contains(&line.as_str())
}

fn is_dash(c: char) -> bool {
    matches!(c, '-' | '–' | '—' | '─' | '_')
}

/// The field a header line names, and its value.
fn header_line(line: &str) -> Option<(Field, &str)> {
    let table = line.trim_start().strip_prefix('|');
    let line = table.unwrap_or(line).trim_start_matches([' ', '\t', '*', '_', '\u{a0}']);
    // The longest key of the list has some thirty bytes; a few decorations come on top.
    let mut end = line.len().min(48);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    let colon = line[..end].find(|c| matches!(c, ':' | '：') || table.is_some() && c == '|')?;
    let mut key = String::with_capacity(colon);
    let decorated = line[..colon].trim_matches(|c: char| c.is_whitespace() || c == '*' || c == '_');
    key.extend(decorated.chars().filter(|c| *c != '\u{3000}').flat_map(char::to_lowercase));
    let field = words::field(&key).or_else(|| {
        // Chinese clients align two-character keys with blanks between the characters.
        key.retain(|c| !c.is_whitespace());
        (!key.is_ascii()).then(|| words::field(&key)).flatten()
    })?;
    let value = line[colon..].trim_start_matches([':', '：', '|', '*', ' ', '\t', '\u{a0}']);
    Some((field, value))
}

/// Where the block of header lines that begins here ends: below its last line. It has an author and a subject or a
/// moment, and at least so many lines; without a subject something in it has to be an address.
fn header_block(lines: &Lines<'_>, start: usize, least: usize) -> Option<usize> {
    header_line(lines.get(start))?;
    let (mut count, mut from, mut date, mut subject, mut address) = (0, false, false, false, false);
    let mut end = start;
    let mut at = start;
    let mut folded = 0;
    while at < lines.len() && at < start + 40 {
        let line = lines.get(at);
        match header_line(line) {
            Some((field, value)) => {
                count += 1;
                folded = 0;
                match field {
                    Field::From => from = true,
                    Field::Date => date = true,
                    Field::Subject => subject = true,
                    Field::To | Field::Other => {}
                }
                address |= value.contains('@');
                end = at + 1;
                at += 1;
            }
            None if lines.kind(at) == lines::Kind::Blank => {
                // One empty line between two header lines, as HTML rendered to text has.
                let next = at + 1;
                if next < lines.len() && header_line(lines.get(next)).is_some() && !(from && subject && date) {
                    at = next;
                } else {
                    break;
                }
            }
            // A long recipient list or subject goes on in the next line; a blank line ends the block.
            None if folded < 3 && continues(lines, at) => {
                folded += 1;
                address |= line.contains('@');
                end = at + 1;
                at += 1;
            }
            None => break,
        }
    }
    let complete = from && (subject || date && address) || subject && date && address;
    (count >= least && (complete || least == 1 && count >= 2)).then_some(end)
}

/// Whether a line that names no field belongs to the field above: another field follows right below.
fn continues(lines: &Lines<'_>, at: usize) -> bool {
    (at + 1..at + 4)
        .take_while(|at| lines.kind(*at) != lines::Kind::Blank)
        .any(|at| header_line(lines.get(at)).is_some())
}

/// A sentence that ends in this line and introduces a quotation.
fn sentence(lines: &Lines<'_>, at: usize, floor: usize) -> Option<Embed> {
    let line = lines.get(at).trim();
    let here = |start: usize| Some(Embed { start, end: at + 1, kind: Kind::Sentence });
    let Some(body) = ending(line) else {
        return (starts_with_digit(line) && is_date_line(lines, at)).then(|| Embed {
            start: at,
            end: at + 1,
            kind: Kind::Sentence,
        });
    };
    let body = body.to_lowercase();
    let verb = words::VERBS.iter().find(|verb| ends_with_word(&body, verb));
    let start = beginning(lines, at, floor, &body, verb.copied());
    let mut whole = String::new();
    for at in start..=at {
        whole.push_str(lines.get(at).trim());
        whole.push(' ');
    }
    if whole.len() > SENTENCE {
        return None;
    }
    let whole = whole.to_lowercase();
    let evidence = whole.contains('@') || names_a_moment(&whole);
    let quoted = lines.is_quote(lines.first_filled(at + 1));
    if verb.is_some() {
        // "As she wrote:" is no introduction unless quoted lines follow.
        return if evidence || quoted { here(start) } else { None };
    }
    if !evidence {
        return None;
    }
    let opened = opens(whole.trim());
    let inner = words::INNER_VERBS.iter().any(|verb| whole.contains(verb));
    let address = whole.contains('@');
    if inner && (opened || address) && (quoted || address || names_a_moment(&whole)) {
        return here(start);
    }
    // A moment, an address, a colon, and quoted lines right below: whatever the language, and wherever its verb stands.
    if quoted && address && has_year(&whole) && has_time(&whole) {
        return here(start);
    }
    // "2024-10-24 15:36 GMT+02:00 Foo Bar <foo@bar.example>:" has no verb.
    let date_first = starts_with_digit(whole.trim()) && names_a_moment(&whole) && address;
    if date_first && line.trim_end_matches([':', '：']).ends_with('>') { here(start) } else { None }
}

/// Whether a single line, free of quotation marks, is such a sentence.
pub fn is_sentence(line: &str) -> bool {
    ending(line).is_some_and(|body| {
        let body = body.to_lowercase();
        words::VERBS.iter().any(|verb| ends_with_word(&body, verb)) && (body.contains('@') || names_a_moment(&body))
    })
}

/// The line without what ends such a sentence; none where nothing of the kind ends it.
fn ending(line: &str) -> Option<&str> {
    if line.len() > SENTENCE {
        return None;
    }
    let bare = line.trim_matches(['*', '_', ' ', '\t']);
    if let Some(body) = bare.strip_suffix([':', '：']) {
        return Some(body.trim_end());
    }
    // Zoho puts the sentence between dashes; Chinese clients leave the colon out at times.
    if let Some(body) = bare.strip_prefix("----").and_then(|body| body.strip_suffix("----")) {
        return Some(body.trim());
    }
    (bare.ends_with("写道") || bare.ends_with("寫道")).then_some(bare)
}

/// A word list's entry at the end, not a word's end: `wrote` but not `awrote`.
fn ends_with_word(body: &str, word: &str) -> bool {
    let Some(before) = body.strip_suffix(word) else { return false };
    let boundary = before.chars().next_back().is_none_or(|c| !c.is_alphabetic());
    boundary || word.chars().next().is_some_and(|c| c >= '\u{1100}')
}

/// The line a sentence that ends in `at` begins in.
fn beginning(lines: &Lines<'_>, at: usize, floor: usize, body: &str, verb: Option<&str>) -> usize {
    let inner = |text: &str| words::INNER_VERBS.iter().any(|verb| text.contains(verb));
    if verb.is_none() && at > floor && lines.kind(at - 1) == lines::Kind::Text && !inner(body) {
        // "Sam <sam@shop.example> schrieb am Fr., 28." goes on with the rest of the date.
        let above = lines.get(at - 1);
        if above.len() <= SENTENCE && inner(&above.to_lowercase()) {
            return at - 1;
        }
    }
    if opens(body) {
        return at;
    }
    let alone = verb.is_some_and(|verb| body.len() <= verb.len() + 2);
    // An address or a verb that lacks its beginning is above.
    let mut broken = alone || !body.contains('<') && body.contains('>') || body.starts_with(['<', '>']);
    let mut blanks = 0;
    for above in (floor.max(at.saturating_sub(6))..at).rev() {
        let line = lines.get(above).trim();
        match lines.kind(above) {
            lines::Kind::Blank if broken && blanks < 2 => blanks += 1,
            lines::Kind::Blank | lines::Kind::Quote => break,
            _ => {
                if line.len() > SENTENCE || line.ends_with(['.', '!', '?', '。', '！', '？']) && !broken {
                    break;
                }
                if opens(&line.to_lowercase()) {
                    return above;
                }
                broken = broken && (line.starts_with('<') || line.to_lowercase().starts_with("mailto:"));
            }
        }
    }
    // No beginning with a date: the author begins it, in this line or, where this one is only an end, in the one above.
    let incomplete = alone || !body.contains('<') && body.contains('>') || !body.contains('@') && verb.is_none();
    let above = at.saturating_sub(1);
    let joins =
        above >= floor && above < at && lines.kind(above) == lines::Kind::Text && lines.get(above).contains(['@', '<']);
    if incomplete && joins { above } else { at }
}

/// `> wrote:` at a line's beginning looks quoted, and is the end of an address that was broken over lines.
fn closing_of_a_broken_address(lines: &Lines<'_>, at: usize, floor: usize) -> Option<Embed> {
    let line = lines.get(at).trim();
    let rest = line.strip_prefix('>')?.trim();
    let body = ending(rest)?.to_lowercase();
    if !body.is_empty() && !words::VERBS.iter().any(|verb| body == **verb) {
        return None;
    }
    let above = (floor..at).rev().take(4).find(|above| lines.kind(*above) != lines::Kind::Blank)?;
    let opening = lines.get(above);
    if lines.is_quote(above) || opening.len() > SENTENCE {
        return None;
    }
    if body.is_empty() {
        // Only the address's own bracket went to the next line.
        let opening = opening.to_lowercase();
        let broken = opening.contains('<') && !opening.contains('>') && opens(&opening);
        return broken.then_some(Embed { start: above, end: at + 1, kind: Kind::Sentence });
    }
    let start = beginning(lines, at, floor, &format!("> {body}"), None);
    Some(Embed { start, end: at + 1, kind: Kind::Sentence })
}

fn starts_with_digit(line: &str) -> bool {
    line.bytes().next().is_some_and(|byte| byte.is_ascii_digit())
}

/// "2013/7/20 Sam <sam@shop.example>" or "2016-03-03 17:21 GMT+01:00 Some One", alone before what they introduce.
fn is_date_line(lines: &Lines<'_>, at: usize) -> bool {
    let line = lines.get(at).trim();
    let year = line.as_bytes().get(..5).is_some_and(|head| {
        head[..4].iter().all(u8::is_ascii_digit)
            && matches!(head[4], b'-' | b'/' | b'.')
            && matches!(head[0], b'1' | b'2')
    });
    if !year || line.len() > 150 || lines.kind(at + 1) == lines::Kind::Text {
        return false;
    }
    let below = lines.first_filled(at + 1);
    if line.ends_with('>') && line.contains('@') {
        return lines.is_quote(below);
    }
    let named = line.split_once(" GMT").is_some_and(|(before, after)| {
        names_a_moment(before) && after.trim_start_matches(|c: char| "+-:".contains(c) || c.is_ascii_digit()).len() > 2
    });
    named && below < lines.len()
}

/// Begins like a sentence that begins with its date.
fn opens(lower: &str) -> bool {
    let lower = lower.trim_start_matches(['-', ' ', '*', '_', '>']);
    let digit = lower.bytes().any(|byte| byte.is_ascii_digit());
    if !digit {
        return false;
    }
    let word = lower.split([' ', ',', '.', ':', '\u{a0}']).next().unwrap_or_default();
    if words::OPENERS.contains(&word) && names_a_date(lower) {
        return true;
    }
    let chinese = lower.strip_prefix(['在', '于', '於']).is_some_and(|rest| starts_with_digit(rest.trim_start()));
    chinese
        || has_year(lower)
            && (starts_with_digit(lower)
                || has_time(lower)
                    && !lower.starts_with(['"', '<'])
                    && word.len() < 14
                    && !lower[..lower.find(|c: char| c.is_ascii_digit()).unwrap_or(0)].contains('@'))
}

/// A date or a time of day.
fn names_a_moment(text: &str) -> bool {
    has_year(text) || has_time(text) && names_a_date(text)
}

/// At least two groups of digits, or a year.
fn names_a_date(text: &str) -> bool {
    let groups = text.split(|c: char| !c.is_ascii_digit()).filter(|group| !group.is_empty() && group.len() <= 4);
    groups.take(2).count() == 2 || has_year(text)
}

/// A year from 1970 to 2099.
fn has_year(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_digit())
        .any(|group| group.len() == 4 && (group.starts_with("20") || group.starts_with("19") && group >= "1970"))
}

/// `10:12`, `10.12`, `10h12`.
fn has_time(text: &str) -> bool {
    text.as_bytes().windows(4).any(|window| {
        matches!(window, [a, b':' | b'.' | b'h', b, c] if a.is_ascii_digit() && b.is_ascii_digit() && c.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_over_several_lines() {
        for text in [
            "On Thu, 31 Mar 2016 at 11:16 Some One\n\n<\nmailto:Some One <some.one@foo.bar>\n> wrote:",
            "Le 4 janv. 2016 19:03, \"Neil\"\n<info@shop.example>\na écrit :",
            "Op 16 aug. 2014 05:13 schreef \"Sam\" <info@shop.example> het\nvolgende geschreven:",
            "Max Mustermann <max@shop.example> schrieb am Fr., 28.\nApr. 2017 um 11:53 Uhr:",
            "2016-10-24 15:36 GMT+02:00 Foo bar <\ninfo@foo.bar>:",
            "20 окт. 2016 г. 19:37 пользователь \"Rafael\" <\nmeta@shop.example> написал:",
            "понедельник, 6 октября 2014 г. пользователь lidel написал:",
            "Some One <info@shop.example> wrote:",
        ] {
            let whole = format!("Above.\n\n{text}\n\nbelow");
            let lines = Lines::new(&whole);
            let count = text.split('\n').count();
            assert_eq!(find(&lines, &[]), [Embed { start: 2, end: 2 + count, kind: Kind::Sentence }], "{text}");
        }
    }
}
