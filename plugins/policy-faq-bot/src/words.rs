//! Lists of words, and where they stand in a text.
use std::collections::BTreeSet;

use aho_corasick::Input;
use aho_corasick::automaton::{Automaton, OverlappingState};
use aho_corasick::nfa::contiguous::{Builder, NFA};
use tributary_sdk::PrepareError;
use tributary_sdk::text::{Normaliser, chinese, wordy};

/// English words are compared by so many of their first letters, so that their endings do not count.
const STEM: usize = 6;

/// Words in one automaton, so that a text is walked once, however many they are. Its kind is chosen here and not by the
/// crate, which would link all kinds.
struct Finder {
    automaton: NFA,
    words: Vec<Word>,
}

struct Word {
    plain: String,
    bounded_before: bool,
    bounded_after: bool,
}

/// Words of one meaning, the longest first.
pub struct Words(Finder);

/// Words, and what each is replaced by.
pub struct Wordings {
    finder: Finder,
    instead: Vec<String>,
}

/// Several lists of words that are asked of the same text.
pub struct Lists {
    finder: Finder,
    /// Which list each word is of.
    list: Vec<usize>,
    count: usize,
}

/// Collects lists before their words are put into one automaton.
#[derive(Default)]
pub struct Collector {
    words: Vec<Word>,
    list: Vec<usize>,
    count: usize,
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
        Ok(Self(Finder::new(words, key)?))
    }

    /// The longest word that stands in a normalised text.
    pub fn find(&self, text: &str) -> Option<&str> {
        let mut longest = None;
        self.0.each(text, |word, _| longest = Some(longest.map_or(word, |other: usize| other.min(word))));
        longest.map(|word| self.0.words[word].plain.as_str())
    }

    /// A normalised text without any of the words; a blank stands where one was.
    pub fn strip(&self, text: String) -> String {
        self.0.replaced(text, |_| " ")
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
        let (words, instead) = pairs.into_iter().unzip();
        Ok(Self { finder: Finder::new(words, "wordings")?, instead })
    }

    /// A normalised text in the words of articles. What was put in is not replaced again.
    pub fn apply(&self, text: String) -> String {
        self.finder.replaced(text, |word| &self.instead[word])
    }
}

impl Collector {
    /// The number of one more list.
    ///
    /// # Errors
    /// [`PrepareError::Value`] with `key` where a word is empty.
    pub fn add(&mut self, words: &[String], key: &str, normaliser: &Normaliser) -> Result<usize, PrepareError> {
        for word in words {
            self.words.push(Word::prepare(word, key, normaliser)?);
            self.list.push(self.count);
        }
        self.count += 1;
        Ok(self.count - 1)
    }

    /// All of them, to be asked.
    ///
    /// # Errors
    /// [`PrepareError::Value`] with `key` where the words are too many.
    pub fn build(self, key: &str) -> Result<Lists, PrepareError> {
        Ok(Lists { finder: Finder::new(self.words, key)?, list: self.list, count: self.count })
    }
}

impl Lists {
    /// Of each list, whether one of its words stands in a normalised text.
    pub fn stand_in(&self, text: &str) -> Vec<bool> {
        let mut stand = vec![false; self.count];
        self.finder.each(text, |word, _| stand[self.list[word]] = true);
        stand
    }
}

impl Finder {
    fn new(words: Vec<Word>, key: &str) -> Result<Self, PrepareError> {
        let automaton = Builder::new().prefilter(false).build(words.iter().map(|word| &word.plain));
        Ok(Self { automaton: automaton.map_err(|error| PrepareError::value(key, error.to_string()))?, words })
    }

    /// Tells each word that stands in a text as a whole, and where it begins.
    fn each(&self, text: &str, mut tell: impl FnMut(usize, usize)) {
        let input = Input::new(text);
        let mut state = OverlappingState::start();
        // An unanchored search of a text is what every automaton supports, so there is no error to report.
        while self.automaton.try_find_overlapping(&input, &mut state).is_ok() {
            let Some(found) = state.get_match() else { return };
            let word = found.pattern().as_usize();
            if self.words[word].is_whole(&text[..found.start()], &text[found.end()..]) {
                tell(word, found.start());
            }
        }
    }

    /// A text with something else for each of the words, from its beginning on; of those that begin in one place, the first
    /// of the list.
    fn replaced<'a>(&'a self, text: String, instead: impl Fn(usize) -> &'a str) -> String {
        let mut found = Vec::new();
        self.each(&text, |word, at| found.push((at, word)));
        if found.is_empty() {
            return text;
        }
        found.sort_unstable();
        let (mut said, mut at) = (String::with_capacity(text.len()), 0);
        for (start, word) in found {
            if start >= at {
                said.push_str(&text[at..start]);
                said.push_str(instead(word));
                at = start + self.words[word].plain.len();
            }
        }
        said.push_str(&text[at..]);
        said
    }
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

    /// Whether it is not a part of another word, between what stands before it and behind it.
    fn is_whole(&self, before: &str, after: &str) -> bool {
        !(self.bounded_before && before.chars().next_back().is_some_and(wordy)
            || self.bounded_after && after.chars().next().is_some_and(wordy))
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
        assert_eq!(list.strip("请问,请退货 hi this".into()), " , 退货   this");
        assert_eq!(bare(" , 退货 ?  this !"), "退货 this");
        assert_eq!(bare("?!"), "");
    }

    #[test]
    fn wordings_are_replaced_once() {
        let rows = [["邮费", "快递费", "运费"], ["运费", "send back", "return"]];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        let wordings = Wordings::prepare(&rows, &Normaliser::new("")).unwrap();
        assert_eq!(
            wordings.apply("邮费和运费, to send back, to resend backs".into()),
            "运费和return, to return, to resend backs"
        );
        assert!(Wordings::prepare(&[vec!["alone".to_owned()]], &Normaliser::new("")).is_err());
    }

    #[test]
    fn lists_are_asked_at_once_and_a_word_may_be_of_several() {
        let normaliser = Normaliser::new("");
        let mut lists = Collector::default();
        for list in [&["where", "order"][..], &[], &["order", "parcel*"]] {
            let list: Vec<String> = list.iter().map(|word| (*word).to_owned()).collect();
            lists.add(&list, "list", &normaliser).unwrap();
        }
        let lists = lists.build("lists").unwrap();
        for (text, stand) in [
            ("my order", [true, false, true]),
            ("where?", [true, false, false]),
            ("parcels", [false, false, true]),
            ("reorder", [false; 3]),
            ("", [false; 3]),
        ] {
            assert_eq!(lists.stand_in(text), stand, "{text}");
        }
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
