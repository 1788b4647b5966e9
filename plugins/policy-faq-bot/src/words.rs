//! Lists of words, and where they stand in a text.
use std::collections::BTreeSet;

use tributary_sdk::PrepareError;
use tributary_sdk::text::{Normaliser, chinese, wordy};

/// English words are compared by so many of their first letters, so that their endings do not count.
const STEM: usize = 6;

/// Words of one meaning, the longest first.
pub struct Words(Vec<Word>);

/// Words, and what each is replaced by.
pub struct Wordings(Vec<(Word, String)>);

struct Word {
    plain: String,
    bounded_before: bool,
    bounded_after: bool,
}

impl Words {
    /// Bring a list into the form that texts are compared in.
    ///
    /// # Errors
    /// [`PrepareError::Value`] with `key` where a word is empty.
    pub fn prepare(words: &[String], key: &str, normaliser: &Normaliser) -> Result<Self, PrepareError> {
        let word = |word: &String| Word::prepare(word, key, normaliser);
        let mut words: Vec<Word> = words.iter().map(word).collect::<Result<_, _>>()?;
        words.sort_by_key(|word| std::cmp::Reverse(word.plain.len()));
        Ok(Self(words))
    }

    /// A word that stands in a normalised text.
    pub fn find(&self, text: &str) -> Option<&str> {
        self.0.iter().find(|word| word.first(text).is_some()).map(|word| word.plain.as_str())
    }

    /// A normalised text without any of the words; a blank stands where one was.
    pub fn strip(&self, text: &str) -> String {
        replaced(text, |at| self.0.iter().find(|word| word.stands_at(text, at)).map(|word| (word.plain.len(), " ")))
    }
}

impl Wordings {
    /// Of each row, every word but the last becomes the last one.
    ///
    /// # Errors
    /// [`PrepareError::Value`] where a row has fewer than two words, or an empty one.
    pub fn prepare(rows: &[Vec<String>], normaliser: &Normaliser) -> Result<Self, PrepareError> {
        let mut pairs = Vec::new();
        for (index, row) in rows.iter().enumerate() {
            let key = format!("wordings.{index}");
            let Some((last, [first, others @ ..])) = row.split_last() else {
                return Err(PrepareError::value(key, "expected two words at least"));
            };
            for word in [first].into_iter().chain(others) {
                pairs.push((Word::prepare(word, &key, normaliser)?, Word::prepare(last, &key, normaliser)?.plain));
            }
        }
        pairs.sort_by_key(|(word, _)| std::cmp::Reverse(word.plain.len()));
        Ok(Self(pairs))
    }

    /// A normalised text in the words of articles. What was put in is not replaced again.
    pub fn apply(&self, text: &str) -> String {
        replaced(text, |at| {
            let (word, instead) = self.0.iter().find(|(word, _)| word.stands_at(text, at))?;
            Some((word.plain.len(), instead))
        })
    }
}

/// A text with something else, where `found` names it, instead of so many bytes from a place.
fn replaced<'a>(text: &str, found: impl Fn(usize) -> Option<(usize, &'a str)>) -> String {
    let mut said = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(letter) = text[at..].chars().next() {
        if let Some((length, instead)) = found(at) {
            said.push_str(instead);
            at += length;
        } else {
            said.push(letter);
            at += letter.len_utf8();
        }
    }
    said
}

impl Word {
    fn prepare(word: &str, key: &str, normaliser: &Normaliser) -> Result<Self, PrepareError> {
        let (stem, open) = word.strip_suffix('*').map_or((word, false), |stem| (stem, true));
        let plain = normaliser.apply(stem).trim().to_owned();
        let (Some(first), Some(last)) = (plain.chars().next(), plain.chars().next_back()) else {
            return Err(PrepareError::value(key, "a word is empty"));
        };
        Ok(Self { bounded_before: wordy(first), bounded_after: wordy(last) && !open, plain })
    }

    /// Whether the word stands at a place of a text as a whole.
    fn stands_at(&self, text: &str, at: usize) -> bool {
        text[at..].strip_prefix(self.plain.as_str()).is_some_and(|after| {
            !(self.bounded_before && text[..at].chars().next_back().is_some_and(wordy)
                || self.bounded_after && after.chars().next().is_some_and(wordy))
        })
    }

    fn first(&self, text: &str) -> Option<usize> {
        text.match_indices(&self.plain).map(|(at, _)| at).find(|at| self.stands_at(text, *at))
    }
}

/// What a normalised text consists of, for comparing: pairs of Chinese letters that stand side by side, and the beginnings
/// of other words.
pub fn units(text: &str) -> BTreeSet<String> {
    let mut units = BTreeSet::new();
    for piece in text.split(|letter: char| !letter.is_alphanumeric()) {
        let letters: Vec<char> = piece.chars().collect();
        for run in letters.chunk_by(|one, other| chinese(*one) == chinese(*other)) {
            match run {
                [first, ..] if !chinese(*first) => drop(units.insert(run.iter().take(STEM).collect())),
                [single] => drop(units.insert(single.to_string())),
                _ => units.extend(run.windows(2).map(|pair| pair.iter().collect())),
            }
        }
    }
    units
}

/// How alike two texts are, in percent of what they consist of.
pub fn likeness(one: &BTreeSet<String>, other: &BTreeSet<String>) -> usize {
    (200 * one.intersection(other).count()).checked_div(one.len() + other.len()).unwrap_or(0)
}

/// A text without what is neither letter nor digit at its ends, and without blanks that stand twice.
pub fn bare(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).collect();
    words.join(" ").trim_matches(|letter: char| !letter.is_alphanumeric()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &[&str]) -> Words {
        let list: Vec<String> = list.iter().map(|word| (*word).to_owned()).collect();
        Words::prepare(&list, "words", &Normaliser::new("轉转")).unwrap()
    }

    #[test]
    fn words_end_where_words_end() {
        let normaliser = Normaliser::new("轉转");
        let list = words(&["hi", "agent*", "转人工"]);
        for (text, found) in [
            ("Hi!", true),
            ("this", false),
            ("AGENTS please", true),
            ("reagent", false),
            ("我要轉人工", true),
            ("", false),
        ] {
            assert_eq!(list.find(&normaliser.apply(text)).is_some(), found, "{text}");
        }
    }

    #[test]
    fn what_is_stripped_leaves_a_blank() {
        let list = words(&["请问", "请", "hi"]);
        assert_eq!(list.strip("请问,请退货 hi this"), " , 退货   this");
        assert_eq!(bare(" , 退货 ?  this !"), "退货 this");
        assert_eq!(bare("?!"), "");
    }

    #[test]
    fn wordings_are_replaced_once() {
        let rows = [["邮费", "快递费", "运费"], ["运费", "send back", "return"]];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        let wordings = Wordings::prepare(&rows, &Normaliser::new("")).unwrap();
        assert_eq!(
            wordings.apply("邮费和运费, to send back, to resend backs"),
            "运费和return, to return, to resend backs"
        );
        assert!(Wordings::prepare(&[vec!["alone".to_owned()]], &Normaliser::new("")).is_err());
    }

    #[test]
    fn likeness_is_by_pairs_and_by_stems() {
        let of = |one: &str, other: &str| likeness(&units(one), &units(other));
        assert_eq!(of("怎么退货", "怎么退货"), 100);
        assert!(of("怎么退货", "怎么退货呢") > 80);
        assert_eq!(of("怎么退货", "发票抬头"), 0);
        assert_eq!(of("returning shoes", "returned shoes"), 100);
        assert_eq!(of("", ""), 0);
    }
}
