//! What the classifier sees of a text: runs of one to three Chinese letters, English words, pairs of them and pieces of
//! the longer ones, exclamation and question marks; what words mean, and pairs of that. Training and deciding share this
//! file, so they see the same.
use tributary_sdk::text::{chinese, wordy};

use crate::meanings::Meanings;

/// Longest run of Chinese letters that is one feature.
pub(crate) const LONGEST_RUN: usize = 3;
/// Words from so many bytes on also count by their pieces, which forgives a slip of the pen.
const PIECES_FROM: usize = 5;
/// No word of a language is longer; what is (a link, a number) counts as a whole only.
const LONGEST_WORD: usize = 24;
/// Bytes of a piece.
const PIECE: usize = 4;
/// A meaning is paired with so many of those that follow.
const FOLLOWING: usize = 2;

/// One feature of a text, and where it stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Feature {
    /// What it is, as a number: equal features have equal keys in every text.
    pub key: u32,
    /// Its first byte.
    pub start: usize,
    /// Behind its last byte.
    pub end: usize,
}

/// Tells the features of a normalised text, each as often as it stands there.
pub fn features(text: &str, meanings: &Meanings, mut tell: impl FnMut(Feature)) {
    let mut add = |key: u32, start: usize, end: usize| tell(Feature { key, start, end });
    let mut meant: Vec<(u8, usize, usize)> = Vec::new();
    let mut letters = text.char_indices().peekable();
    let mut before: Option<(usize, usize)> = None;
    while let Some((start, first)) = letters.next() {
        let (same, kind): (fn(char) -> bool, _) = match first {
            _ if chinese(first) => (chinese, Kind::Run),
            _ if wordy(first) => (in_word, Kind::Word),
            '!' | '?' => (|_| false, Kind::Mark),
            ' ' => continue,
            _ => {
                before = None;
                continue;
            }
        };
        let mut end = start + first.len_utf8();
        while let Some((_, letter)) = letters.next_if(|(_, letter)| same(*letter)) {
            end += letter.len_utf8();
        }
        let run = &text[start..end];
        match kind {
            Kind::Run => runs(run, |from, to| {
                let (run, start, end) = (&run[from..to], start + from, start + to);
                add(key(Kind::Run, "", run), start, end);
                meant.extend(meanings.of(run).map(|meaning| (meaning, start, end)));
            }),
            Kind::Mark => add(key(Kind::Mark, "", run), start, end),
            _ => {
                let word = plain(run);
                add(key(Kind::Word, "", word), start, end);
                meant.extend(meanings.of(run).map(|meaning| (meaning, start, end)));
                let (pair, last) = before.map_or((start, ""), |(from, to)| (from, plain(&text[from..to])));
                add(key(Kind::Pair, last, word), pair, end);
                if run.is_ascii() && (PIECES_FROM..=LONGEST_WORD).contains(&run.len()) {
                    add(key(Kind::Beginning, "", &run[..PIECES_FROM]), start, end);
                    for from in 0..=run.len() - PIECE {
                        add(key(Kind::Piece, "", &run[from..from + PIECE]), start, end);
                    }
                }
            }
        }
        before = (kind == Kind::Word).then_some((start, end));
    }
    for (at, (meaning, start, end)) in meant.iter().enumerate() {
        add(key(Kind::Meaning, "", [*meaning]), *start, *end);
        let following = meant[at + 1..].iter().filter(|(other, ..)| other != meaning);
        for (other, _, to) in following.take(FOLLOWING) {
            add(key(Kind::Meanings, [*meaning.min(other)], [*meaning.max(other)]), *start, *end.max(to));
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    Run = b'r',
    Word = b'w',
    Pair = b'p',
    Beginning = b'b',
    Piece = b'c',
    Mark = b'm',
    Meaning = b'n',
    Meanings = b'q',
}

fn in_word(letter: char) -> bool {
    wordy(letter) || letter == '\''
}

/// Numbers are all the same.
fn plain(word: &str) -> &str {
    if word.bytes().all(|byte| byte.is_ascii_digit()) { "0" } else { word }
}

/// Every run of one to [`LONGEST_RUN`] letters, by its bytes.
fn runs(text: &str, mut tell: impl FnMut(usize, usize)) {
    let ends = || text.char_indices().map(|(at, letter)| at + letter.len_utf8());
    for (number, (start, _)) in text.char_indices().enumerate() {
        ends().skip(number).take(LONGEST_RUN).for_each(|end| tell(start, end));
    }
}

/// FNV-1a of 32 bits.
fn key(kind: Kind, before: impl AsRef<[u8]>, text: impl AsRef<[u8]>) -> u32 {
    let parts = [&[kind as u8], before.as_ref(), b" ", text.as_ref()];
    let add = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    parts.into_iter().fold(0x811c_9dc5, |hash, part| part.iter().fold(hash, add))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> Vec<&str> {
        let mut all = Vec::new();
        features(text, &Meanings::default(), |feature| all.push(feature));
        all.sort_by_key(|feature| (feature.start, feature.end));
        let mut words: Vec<&str> = all.iter().map(|feature| &text[feature.start..feature.end]).collect();
        words.dedup();
        words
    }

    #[test]
    fn a_text_falls_into_runs_words_and_pairs() {
        assert_eq!(seen("被盗刷"), ["被", "被盗", "被盗刷", "盗", "盗刷", "刷"]);
        assert_eq!(seen("my card, 卡!"), ["my", "my card", "card", "卡", "!"]);
        assert_eq!(seen(", …"), [""; 0]);
    }

    fn keys(text: &str) -> Vec<u32> {
        let mut keys = Vec::new();
        features(text, &Meanings::default(), |feature| keys.push(feature.key));
        keys
    }

    #[test]
    fn what_words_mean_and_pairs_of_it_are_the_same_in_both_languages() {
        let shared = |one: &str, other: &str| keys(one).iter().filter(|key| keys(other).contains(key)).count();
        assert_eq!(shared("钱不见", "money vanished"), 3);
        assert_eq!(shared("钱不见", "vanishing"), 1);
        assert_eq!(shared("钱不见", "a green meadow"), 0);
    }

    #[test]
    fn numbers_are_equal_and_a_misspelt_word_shares_pieces() {
        assert_eq!(keys("order 12"), keys("order 345"));
        assert_ne!(keys("card"), keys("cart"));
        let (right, wrong) = (keys("payment"), keys("paymentt"));
        assert!(right.iter().filter(|key| wrong.contains(key)).count() >= 4, "{right:?} {wrong:?}");
    }
}
