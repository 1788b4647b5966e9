//! Which rules fit a text, in one pass over the words that are found in it.
use tributary_sdk::PrepareError;

use crate::config::{Negation, Rule};
use crate::words::{Collector, Hit, Words};
use tributary_sdk::text::Normaliser;

/// As many different words of a rule are remembered; more make it no more fitting.
const MOST_WORDS: usize = 16;

/// All rules, and what each word means to them.
pub struct Rules {
    rules: Vec<Prepared>,
    /// By word.
    uses: Vec<Vec<Use>>,
}

/// A rule without its words.
pub struct Prepared {
    /// The id that decisions name.
    pub id: String,
    /// What it means, to follow the words in a sentence.
    pub means: String,
    /// The class or the feeling that it speaks for.
    pub says: Option<String>,
    /// How much.
    pub weight: f32,
    /// Tags to add.
    pub tags: Vec<String>,
    negatable: bool,
    /// How many lists of words must be found together.
    lists: usize,
}

/// A rule that fits, and the words it fits by.
pub struct Match<'a> {
    /// Its place in the configuration.
    pub index: usize,
    /// The rule.
    pub rule: &'a Prepared,
    /// Different words, in the order they were found.
    pub words: Vec<usize>,
    /// The words stand there, and every one is negated.
    pub negated: bool,
}

/// What a word is to a rule.
struct Use {
    rule: usize,
    part: Part,
}

#[derive(Clone, Copy)]
enum Part {
    /// One of these is enough.
    Alone,
    /// One of this list, with one of every other list.
    Together(usize),
    /// Its presence takes the rule back.
    Unless,
}

/// What was found for a rule so far.
#[derive(Default)]
struct Found {
    words: Vec<usize>,
    /// Words that would have been enough, but for a negation.
    denied: Vec<usize>,
    /// By list: the newest word of it, and its sentence.
    lists: Vec<Option<(usize, usize)>>,
    unless: bool,
}

impl Rules {
    /// Number the words of all rules and build their automaton.
    ///
    /// # Errors
    /// [`PrepareError`] with the rule and the key that cannot work.
    pub fn prepare(
        rules: Vec<Rule>,
        weight: f32,
        negation: &Negation,
        normaliser: &Normaliser,
    ) -> Result<(Self, Words), PrepareError> {
        let mut collector = Collector::default();
        let mut found: Vec<(usize, Use)> = Vec::new();
        let mut prepared = Vec::with_capacity(rules.len());
        for (index, rule) in rules.into_iter().enumerate() {
            if rule.words.is_empty() && rule.together.is_empty() {
                return Err(PrepareError::value(format!("rules.{index}"), "expected `words` or `together`"));
            }
            let mut number = |name: &str, words: &[String], part: Part| -> Result<(), PrepareError> {
                for word in words {
                    let empty = || PrepareError::value(format!("rules.{index}.{name}"), "a word is empty");
                    let word = collector.add(word, rule.negatable, normaliser).ok_or_else(empty)?;
                    found.push((word, Use { rule: index, part }));
                }
                Ok(())
            };
            number("words", &rule.words, Part::Alone)?;
            for (list, words) in rule.together.iter().enumerate() {
                number("together", words, Part::Together(list))?;
            }
            number("unless", &rule.unless, Part::Unless)?;
            prepared.push(Prepared {
                id: rule.id,
                means: rule.means,
                says: rule.says,
                weight: rule.weight.unwrap_or(weight),
                tags: rule.tags,
                negatable: rule.negatable,
                lists: rule.together.len(),
            });
        }
        let words = collector.build(negation, normaliser).map_err(PrepareError::other)?;
        let mut uses: Vec<Vec<Use>> = (0..words.len()).map(|_| Vec::new()).collect();
        found.into_iter().for_each(|(word, part)| uses[word].push(part));
        Ok((Self { rules: prepared, uses }, words))
    }

    /// The rules in the order of the configuration.
    pub fn all(&self) -> &[Prepared] {
        &self.rules
    }

    /// The rules that fit a normalised text or are denied by it, in the order of the configuration.
    pub fn matches(&self, words: &Words, text: &str) -> Vec<Match<'_>> {
        let mut found: Vec<Found> =
            self.rules.iter().map(|rule| Found { lists: vec![None; rule.lists], ..Found::default() }).collect();
        words.find(text, |hit| {
            for Use { rule, part } in &self.uses[hit.word] {
                let denied = hit.negated && self.rules[*rule].negatable;
                found[*rule].note(hit, *part, denied);
            }
        });
        let pairs = self.rules.iter().zip(found).enumerate().filter(|(_, (_, found))| !found.unless);
        let all = pairs.map(|(index, (rule, found))| {
            let negated = found.words.is_empty();
            Match { index, rule, words: if negated { found.denied } else { found.words }, negated }
        });
        all.filter(|found| !found.words.is_empty()).collect()
    }
}

impl Found {
    fn note(&mut self, hit: Hit, part: Part, denied: bool) {
        let words = if denied { &mut self.denied } else { &mut self.words };
        match part {
            Part::Alone => keep(words, hit.word),
            Part::Unless => self.unless |= !denied,
            Part::Together(list) => {
                let before = self.lists[list].replace((hit.word, hit.sentence));
                // Words come in the order of the text, so the newest of each list is the nearest.
                let near = |slot: &Option<(usize, usize)>| slot.is_some_and(|(_, at)| at + 1 >= hit.sentence);
                if self.lists.iter().all(near) {
                    self.lists.iter().flatten().for_each(|(word, _)| keep(words, *word));
                }
                if denied {
                    self.lists[list] = before;
                }
            }
        }
    }
}

fn keep(words: &mut Vec<usize>, word: usize) {
    if words.len() < MOST_WORDS && !words.contains(&word) {
        words.push(word);
    }
}
