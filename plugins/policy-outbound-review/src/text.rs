//! A text as patterns see it: letters and digits alone, in one form of many, each with its place in the original.
use std::collections::BTreeMap;

/// Ends of sentences in a read text.
pub const STOP: char = '。';
pub const QUESTION: char = '?';

/// Brings texts into the form they are compared in.
pub struct Reader {
    variants: BTreeMap<char, char>,
}

/// One letter, digit or end of a sentence.
#[derive(Clone, Copy, Debug)]
pub struct Letter {
    /// In lower case, half width, simplified.
    pub plain: char,
    /// Start and end in bytes of the original.
    pub from: u32,
    pub to: u32,
    /// Counted from the text's beginning; commas divide clauses.
    clause: u32,
    sentence: u32,
    /// A word begins here. Every Chinese letter is a word.
    begins_word: bool,
}

/// Letters `from` to `to`, the last not included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub from: usize,
    pub to: usize,
}

/// A text that was read.
pub struct Text<'a> {
    pub original: &'a str,
    pub letters: Vec<Letter>,
    /// The letters as a string, for the search of words.
    pub plain: String,
    /// Which letter a byte of `plain` belongs to.
    letter_of: Vec<u32>,
    /// What stands in quotation marks.
    pub quotations: Vec<Span>,
}

impl Span {
    pub fn overlaps(self, other: Self) -> bool {
        self.from < other.to && other.from < self.to
    }
}

impl Reader {
    /// `variants` are pairs: a letter, and the letter it counts as. Blanks between them are left out.
    pub fn new(variants: &str) -> Self {
        let letters: Vec<char> = variants.chars().filter(|letter| !letter.is_whitespace()).collect();
        let pairs = letters.as_chunks::<2>().0;
        Self { variants: pairs.iter().map(|[letter, plain]| (*letter, *plain)).collect() }
    }

    /// Half width, lower case, simplified.
    fn plain(&self, letter: char) -> char {
        let letter = match letter {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(letter) - 0xfee0).unwrap_or(letter),
            '￥' => '¥',
            other => other,
        };
        if letter.is_ascii() {
            return letter.to_ascii_lowercase();
        }
        let letter = self.variants.get(&letter).copied().unwrap_or(letter);
        letter.to_lowercase().next().unwrap_or(letter)
    }

    /// Read a text. What stands between letters is left out, so that letters that are spaced out stand side by side;
    /// lines that quote (`> …`) are left out as well.
    pub fn read<'a>(&self, original: &'a str) -> Text<'a> {
        let mut text = Text {
            original,
            letters: Vec::with_capacity(original.len() / 2),
            plain: String::with_capacity(original.len()),
            letter_of: Vec::with_capacity(original.len()),
            quotations: Vec::new(),
        };
        let mut place = Place::default();
        let mut chars = original.char_indices().peekable();
        let mut line_begins = true;
        while let Some((at, written)) = chars.next() {
            let letter = self.plain(written);
            if std::mem::replace(&mut line_begins, letter == '\n') && letter == '>' {
                while chars.next_if(|(_, letter)| *letter != '\n').is_some() {}
                continue;
            }
            let next = chars.peek().map_or(' ', |(_, next)| self.plain(*next));
            let before = text.letters.last().map_or(' ', |letter| letter.plain);
            let numeric = before.is_ascii_digit() && next.is_ascii_digit() && !place.apart;
            match letter {
                _ if letter.is_alphanumeric() => text.push(&mut place, letter, at, written),
                '.' if numeric => text.push(&mut place, letter, at, written),
                '%' | '¥' | '$' | '€' | '£' | '+' => text.push(&mut place, letter, at, written),
                ',' | ':' if numeric => {}
                '’' if place.quotation.is_some() && !next.is_alphabetic() => text.close(&mut place),
                '\'' | '’' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' => {}
                // An abbreviation's or a file's point ends nothing.
                '.' if !next.is_whitespace() && next.is_ascii() => {
                    place.apart = true;
                    place.since_mark = 0;
                }
                '.' | '!' | '。' | '…' | ';' => text.stop(&mut place, STOP, at, written),
                '?' => text.stop(&mut place, QUESTION, at, written),
                '\n' if next == '\n' || next == '\r' => text.stop(&mut place, STOP, at, written),
                ',' | '、' | ':' | '(' | ')' | '—' => text.pause(&mut place),
                '\n' if chinese(before) || chinese(next) => text.pause(&mut place),
                '“' | '「' | '『' | '‘' | '《' => text.open(&mut place),
                '”' | '」' | '』' | '》' => text.close(&mut place),
                '"' if place.quotation.is_some() => text.close(&mut place),
                '"' => text.open(&mut place),
                _ => place.apart = true,
            }
        }
        text
    }
}

/// Where a reader stands.
#[derive(Default)]
struct Place {
    clause: u32,
    sentence: u32,
    /// Letters since the last mark of any kind.
    since_mark: u32,
    /// Something stood between the last letter and this one.
    apart: bool,
    /// Where a quotation was opened.
    quotation: Option<usize>,
}

impl Text<'_> {
    fn push(&mut self, place: &mut Place, plain: char, at: usize, written: char) {
        let begins_word = match self.letters.last() {
            Some(before) if !std::mem::take(&mut place.apart) => kind(before.plain) != kind(plain) || chinese(plain),
            _ => true,
        };
        place.apart = false;
        place.since_mark += 1;
        for _ in 0..plain.len_utf8() {
            self.letter_of.push(self.letters.len() as u32);
        }
        self.plain.push(plain);
        // A text of more than four billion bytes does not reach a plugin.
        let (from, to) = (at as u32, (at + written.len_utf8()) as u32);
        let (clause, sentence) = (place.clause, place.sentence);
        self.letters.push(Letter { plain, from, to, clause, sentence, begins_word });
    }

    /// A mark between clauses. After a single letter it is none: letters are spaced out by marks as well.
    fn pause(&mut self, place: &mut Place) {
        place.apart = true;
        if std::mem::take(&mut place.since_mark) > 1 {
            place.clause += 1;
        }
    }

    fn stop(&mut self, place: &mut Place, mark: char, at: usize, written: char) {
        place.apart = true;
        let spaced_out = std::mem::take(&mut place.since_mark) == 1 && mark == STOP;
        let stands = self.letters.last().is_some_and(|last| !ends_sentence(last.plain));
        if stands && !spaced_out {
            self.push(place, mark, at, written);
            place.since_mark = 0;
            place.clause += 1;
            place.sentence += 1;
        }
    }

    fn open(&mut self, place: &mut Place) {
        place.apart = true;
        place.quotation = Some(self.letters.len());
    }

    fn close(&mut self, place: &mut Place) {
        place.apart = true;
        if let Some(from) = place.quotation.take() {
            self.quotations.push(Span { from, to: self.letters.len() });
        }
    }

    /// The letters that bytes of `plain` belong to.
    pub fn span(&self, from: usize, to: usize) -> Span {
        let letter = |byte: usize| self.letter_of.get(byte).map_or(self.letters.len(), |letter| *letter as usize);
        Span { from: letter(from), to: letter(to) }
    }

    /// Whether a word begins or ends at a letter.
    pub fn is_boundary(&self, at: usize) -> bool {
        self.letters.get(at).is_none_or(|letter| letter.begins_word)
    }

    pub fn begins_sentence(&self, at: usize) -> bool {
        at == 0 || self.letters.get(at - 1).is_none_or(|letter| ends_sentence(letter.plain))
    }

    pub fn ends_sentence(&self, at: usize) -> bool {
        self.letters.get(at).is_none_or(|letter| ends_sentence(letter.plain))
    }

    /// Whether nothing but a gap is between a place and a letter behind it.
    pub fn one_clause(&self, end: usize, next: usize) -> bool {
        self.same(end, next, |letter| letter.clause)
    }

    pub fn one_sentence(&self, end: usize, next: usize) -> bool {
        self.same(end, next, |letter| letter.sentence)
    }

    fn same(&self, end: usize, next: usize, of: impl Fn(&Letter) -> u32) -> bool {
        let last = end.checked_sub(1).and_then(|last| self.letters.get(last));
        last.zip(self.letters.get(next)).is_none_or(|(last, next)| of(last) == of(next))
    }

    /// The sentence that a span begins in.
    pub fn sentence(&self, span: Span) -> Span {
        let sentence = self.letters.get(span.from).map_or(0, |letter| letter.sentence);
        let from = self.letters.partition_point(|letter| letter.sentence < sentence);
        let to = self.letters.partition_point(|letter| letter.sentence <= sentence);
        Span { from, to }
    }

    /// Whether the sentence that a span begins in asks.
    pub fn asks(&self, span: Span) -> bool {
        let sentence = self.sentence(span);
        self.letters[sentence.from..sentence.to].last().is_some_and(|letter| letter.plain == QUESTION)
    }

    /// Start and end of a span in bytes of the original.
    pub fn bytes(&self, span: Span) -> (u32, u32) {
        let from = self.letters.get(span.from).map_or(0, |letter| letter.from);
        let to = span.to.checked_sub(1).and_then(|last| self.letters.get(last)).map_or(from, |letter| letter.to);
        (from, to.max(from))
    }

    /// What stands there in the original.
    pub fn written(&self, span: Span) -> &str {
        let (from, to) = self.bytes(span);
        self.original.get(from as usize..to as usize).unwrap_or_default()
    }

    /// How many of a hundred letters are Chinese.
    pub fn chinese_percent(&self) -> usize {
        let letters = self.letters.iter().filter(|letter| letter.plain.is_alphabetic());
        let (all, han) = letters.fold((0, 0), |(all, han), letter| (all + 1, han + usize::from(chinese(letter.plain))));
        (han * 100_usize).checked_div(all).unwrap_or(0)
    }
}

/// Letters that are written without blanks between words.
fn chinese(letter: char) -> bool {
    matches!(letter, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// What belongs to one word side by side.
fn kind(letter: char) -> u8 {
    match letter {
        '0'..='9' | '.' => 0,
        _ if chinese(letter) => 1,
        _ if letter.is_alphabetic() => 2,
        _ => 3,
    }
}

fn ends_sentence(letter: char) -> bool {
    matches!(letter, STOP | QUESTION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_forms_are_one() {
        let reader = Reader::new("這这 個个 問问 題题");
        for (written, plain) in [
            ("這 不 是 我 的 問 題", "这不是我的问题"),
            ("这.不.是.我", "这不是我"),
            ("那，是，你，自，己", "那是你自己"),
            ("这\u{200b}不\n是", "这不是"),
            ("Ｎｏｔ　ＭＹ！ Problem", "notmy。problem"),
            ("n.o.t. m.y. a.pdf", "notmyapdf"),
            ("don’t 1,000.50 v1.2", "dont1000.50v1.2"),
            ("好的。\n> 这不是我的问题\n再见", "好的。再见"),
            ("七天?15%!", "七天?15%。"),
            ("...\n\n", ""),
        ] {
            assert_eq!(reader.read(written).plain, plain, "{written:?}");
        }
    }

    #[test]
    fn a_span_is_where_it_was_written() {
        let reader = Reader::new("");
        for (written, words, expected) in [
            ("好的， 这 不·是 我。", "这不是", "这 不·是"),
            ("Ｎｏ\u{200b}ｔ　ｍｙ", "notmy", "Ｎｏ\u{200b}ｔ　ｍｙ"),
            ("😀不是", "不是", "不是"),
        ] {
            let text = reader.read(written);
            let at = text.plain.find(words).unwrap();
            assert_eq!(text.written(text.span(at, at + words.len())), expected);
        }
    }

    #[test]
    fn marks_divide_and_single_letters_do_not() {
        let text = Reader::new("").read("不是您，是我们。可以吗？那，是");
        let clauses: Vec<u32> = text.letters.iter().map(|letter| letter.clause).collect();
        assert_eq!(clauses, [0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3]);
        assert!(text.asks(Span { from: 7, to: 8 }) && !text.asks(Span { from: 0, to: 1 }));
        assert!(text.begins_sentence(7) && text.ends_sentence(6) && text.ends_sentence(13));
    }
}
