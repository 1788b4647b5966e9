//! The language of patterns: words, alternatives, gaps, quantities. `README.md` describes it.
use std::collections::BTreeMap;

use aho_corasick::automaton::{Automaton, OverlappingState};
use aho_corasick::nfa::contiguous::{Builder, NFA};
use aho_corasick::{BuildError, Input};
use tributary_sdk::PrepareError;

use crate::config::Unit;
use crate::quantity::{Quantity, Units};
use crate::text::{QUESTION, Reader, Span, Text};

/// Which pattern, as [`Collector::add`] numbered it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PatternId(usize);

/// Some patterns.
pub type Patterns = Vec<PatternId>;

/// One part of a pattern.
#[derive(Debug)]
enum Part {
    /// One of several words.
    Word {
        class: usize,
        optional: bool,
    },
    /// A number with a unit of this kind.
    Quantity(String),
    /// The match that an excuse is about.
    Match,
    Gap,
    WideGap,
    Begin,
    End,
}

/// Collects patterns before the automaton is built. A word of two patterns is one.
pub struct Collector<'a> {
    reader: &'a Reader,
    groups: &'a BTreeMap<String, Vec<String>>,
    kinds: Vec<&'a str>,
    words: BTreeMap<(String, bool), usize>,
    literals: Vec<Literal>,
    classes: BTreeMap<Vec<usize>, usize>,
    patterns: Vec<Vec<Part>>,
}

struct Literal {
    plain: String,
    /// `complain~`: the word may go on.
    open: bool,
    classes: Vec<usize>,
}

/// All patterns of all rules, their words in one automaton. Its kind is chosen here and not by the crate, which would link
/// all kinds.
pub struct Book {
    automaton: NFA,
    literals: Vec<Literal>,
    classes: usize,
    patterns: Vec<Vec<Part>>,
    units: Units,
    gap: usize,
    wide_gap: usize,
    /// How far before its match an excuse may begin.
    reach: usize,
}

/// What of a book's words a text holds.
pub struct Found<'a> {
    book: &'a Book,
    pub text: Text<'a>,
    /// Where each class of words was found, in order.
    hits: Vec<Vec<Span>>,
    quantities: Vec<Quantity>,
}

/// A place where a pattern fits, with the quantities it names.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    pub span: Span,
    pub quantities: Vec<Quantity>,
}

impl<'a> Collector<'a> {
    pub fn new(reader: &'a Reader, groups: &'a BTreeMap<String, Vec<String>>, units: &'a [Unit]) -> Self {
        let kinds = units.iter().map(|unit| unit.kind.as_str()).collect();
        Self {
            reader,
            groups,
            kinds,
            words: BTreeMap::new(),
            literals: Vec::new(),
            classes: BTreeMap::new(),
            patterns: Vec::new(),
        }
    }

    /// Add patterns.
    ///
    /// # Errors
    /// [`PrepareError::Value`] with `key` where one cannot be read.
    pub fn add(&mut self, patterns: &[String], key: &str) -> Result<Patterns, PrepareError> {
        patterns.iter().enumerate().map(|(index, pattern)| self.pattern(pattern, &format!("{key}.{index}"))).collect()
    }

    fn pattern(&mut self, pattern: &str, key: &str) -> Result<PatternId, PrepareError> {
        let mut parts = Vec::new();
        let mut rest = pattern.trim();
        while let Some(first) = rest.chars().next() {
            let closed = |close: char| {
                let inner = rest.get(first.len_utf8()..).and_then(|inner| inner.split_once(close));
                inner.ok_or_else(|| PrepareError::value(key, format!("a `{first}` without its `{close}`")))
            };
            match first {
                '(' => {
                    let (inner, after) = closed(')')?;
                    let words: Vec<&str> = inner.split('|').collect();
                    parts.push(self.words(&words, key)?);
                    rest = after;
                }
                '<' => {
                    let (name, after) = closed('>')?;
                    let groups = self.groups;
                    let words = groups
                        .get(name)
                        .ok_or_else(|| PrepareError::value(key, format!("there is no group `{name}`")))?;
                    let words: Vec<&str> = words.iter().map(String::as_str).collect();
                    parts.push(self.words(&words, key)?);
                    rest = after;
                }
                '{' => {
                    let (kind, after) = closed('}')?;
                    if !self.kinds.contains(&kind) {
                        return Err(PrepareError::value(key, format!("there is no unit of the kind `{kind}`")));
                    }
                    parts.push(Part::Quantity(kind.to_owned()));
                    rest = after;
                }
                '*' => {
                    let wide = rest.starts_with("**");
                    parts.push(if wide { Part::WideGap } else { Part::Gap });
                    rest = rest.trim_start_matches('*');
                }
                '^' | '$' | '@' => {
                    parts.push(match first {
                        '^' => Part::Begin,
                        '$' => Part::End,
                        _ => Part::Match,
                    });
                    rest = &rest[1..];
                }
                ')' | '>' | '}' | '|' => {
                    return Err(PrepareError::value(key, format!("a `{first}` without its beginning")));
                }
                _ => {
                    let end = rest.find(['(', '<', '{', '*', '^', '$', '@', ')', '>', '}', '|']).unwrap_or(rest.len());
                    let (word, after) = rest.split_at(end);
                    // Blanks between parts are for the eye.
                    if !word.trim().is_empty() {
                        parts.push(self.words(&[word], key)?);
                    }
                    rest = after;
                }
            }
        }
        let anchored =
            |part: &Part| matches!(part, Part::Word { optional: false, .. } | Part::Quantity(_) | Part::Match);
        if !parts.iter().any(anchored) {
            return Err(PrepareError::value(key, "expected a word, a quantity or `@`"));
        }
        self.patterns.push(parts);
        Ok(PatternId(self.patterns.len() - 1))
    }

    /// One of these words; an empty one: none is needed.
    fn words(&mut self, words: &[&str], key: &str) -> Result<Part, PrepareError> {
        let mut literals = Vec::new();
        let mut optional = false;
        for word in words {
            let (word, open) = match word.trim().strip_suffix('~') {
                Some(stem) => (stem, true),
                None => (word.trim(), false),
            };
            if word.is_empty() {
                optional = true;
                continue;
            }
            let plain = if word == "?" { QUESTION.to_string() } else { self.reader.read(word).plain };
            if plain.is_empty() {
                return Err(PrepareError::value(key, format!("`{word}` has no letter that is looked at")));
            }
            let next = self.literals.len();
            let literal = *self.words.entry((plain.clone(), open)).or_insert(next);
            if literal == next {
                self.literals.push(Literal { plain, open, classes: Vec::new() });
            }
            literals.push(literal);
        }
        if literals.is_empty() {
            return Err(PrepareError::value(key, "expected a word"));
        }
        literals.sort_unstable();
        literals.dedup();
        let next = self.classes.len();
        let class = *self.classes.entry(literals.clone()).or_insert(next);
        if class == next {
            for literal in literals {
                self.literals[literal].classes.push(class);
            }
        }
        Ok(Part::Word { class, optional })
    }

    /// Build the automaton.
    ///
    /// # Errors
    /// Where the words are too many for it.
    pub fn build(self, units: Units, gap: u8, wide_gap: u8) -> Result<Book, BuildError> {
        let plain = self.literals.iter().map(|literal| literal.plain.as_str());
        Ok(Book {
            automaton: Builder::new().prefilter(false).build(plain)?,
            literals: self.literals,
            classes: self.classes.len(),
            patterns: self.patterns,
            units,
            gap: gap.into(),
            wide_gap: wide_gap.into(),
            reach: 2 * usize::from(gap.max(wide_gap)),
        })
    }
}

impl Book {
    /// Find all words and quantities of a text, in one pass each.
    pub fn find<'a>(&'a self, text: Text<'a>) -> Found<'a> {
        let mut hits = vec![Vec::new(); self.classes];
        let input = Input::new(&text.plain);
        let mut state = OverlappingState::start();
        // An unanchored search of a text is what every automaton supports, so there is no error to report.
        while self.automaton.try_find_overlapping(&input, &mut state).is_ok() {
            let Some(found) = state.get_match() else { break };
            let literal = &self.literals[found.pattern().as_usize()];
            let span = text.span(found.start(), found.end());
            if text.is_boundary(span.from) && (literal.open || text.is_boundary(span.to)) {
                for class in &literal.classes {
                    hits[*class].push(span);
                }
            }
        }
        for spans in &mut hits {
            spans.sort_unstable_by_key(|span| (span.from, span.to));
        }
        let quantities = self.units.find(&text);
        Found { book: self, text, hits, quantities }
    }
}

impl Found<'_> {
    /// Every place where one of the patterns fits, the patterns in their order.
    pub fn fits(&self, patterns: &[PatternId]) -> Vec<Fit> {
        patterns.iter().flat_map(|pattern| self.fits_of(*pattern, None)).collect()
    }

    /// Whether one of the patterns fits anywhere before a letter.
    pub fn any_before(&self, patterns: &[PatternId], end: usize) -> bool {
        patterns.iter().any(|pattern| self.fits_of(*pattern, None).iter().any(|fit| fit.span.from < end))
    }

    /// Whether one of the patterns takes a match back.
    pub fn excused(&self, excuses: &[PatternId], span: Span) -> bool {
        excuses.iter().any(|excuse| {
            let about = self.book.patterns[excuse.0].iter().any(|part| matches!(part, Part::Match));
            self.fits_of(*excuse, Some(span)).iter().any(|fit| about || fit.span.overlaps(span))
        })
    }

    fn fits_of(&self, pattern: PatternId, about: Option<Span>) -> Vec<Fit> {
        let parts = &self.book.patterns[pattern.0];
        let missing = |part: &Part| match part {
            Part::Word { class, optional: false } => self.hits[*class].is_empty(),
            Part::Quantity(kind) => !self.quantities.iter().any(|quantity| quantity.kind == *kind),
            _ => false,
        };
        if parts.iter().any(missing) {
            return Vec::new();
        }
        let search = Search { found: self, about };
        let fit = |start: usize| {
            let mut passed = Vec::new();
            let end = search.follow(parts, start, Room::None, &mut passed)?;
            let quantities = passed.into_iter().map(|index| self.quantities[index].clone()).collect();
            Some(Fit { span: Span { from: start, to: end }, quantities })
        };
        search.starts(parts).into_iter().filter_map(fit).collect()
    }
}

/// How far the next word may be.
#[derive(Clone, Copy, PartialEq)]
enum Room {
    None,
    Clause,
    Sentence,
}

/// One pattern on its way through a text.
struct Search<'a> {
    found: &'a Found<'a>,
    about: Option<Span>,
}

impl Search<'_> {
    /// Where the pattern may begin. What an excuse is made of stands near what it excuses.
    fn starts(&self, parts: &[Part]) -> Vec<usize> {
        let near = self.about.map_or(0..=usize::MAX, |span| span.from.saturating_sub(self.found.book.reach)..=span.to);
        let mut starts = Vec::new();
        for part in parts {
            match part {
                Part::Word { class, optional } => {
                    let hits = &self.found.hits[*class];
                    let hits = &hits[hits.partition_point(|span| span.from < *near.start())..];
                    starts.extend(hits.iter().map(|span| span.from).take_while(|from| near.contains(from)));
                    if *optional {
                        continue;
                    }
                }
                Part::Quantity(kind) => starts.extend(self.spans_of(kind).map(|(_, span)| span.from)),
                Part::Match => starts.extend(self.about.map(|span| span.from)),
                Part::Gap | Part::WideGap | Part::Begin => continue,
                Part::End => starts.push(self.found.text.letters.len()),
            }
            break;
        }
        starts.sort_unstable();
        starts.dedup();
        starts
    }

    fn spans_of(&self, kind: &str) -> impl Iterator<Item = (usize, Span)> {
        let quantities = self.found.quantities.iter().enumerate();
        quantities.filter(move |(_, quantity)| quantity.kind == kind).map(|(index, quantity)| (index, quantity.span))
    }

    /// Where the rest of a pattern ends that begins at a letter, or within the room behind it. `passed` are the indexes of
    /// the quantities on the way.
    fn follow(&self, parts: &[Part], at: usize, room: Room, passed: &mut Vec<usize>) -> Option<usize> {
        let Some((part, rest)) = parts.split_first() else { return Some(at) };
        let text = &self.found.text;
        match part {
            Part::Gap => self.follow(rest, at, if room == Room::Sentence { room } else { Room::Clause }, passed),
            Part::WideGap => self.follow(rest, at, Room::Sentence, passed),
            Part::Begin => text.begins_sentence(at).then(|| self.follow(rest, at, room, passed))?,
            Part::End => {
                let end = (at..=at + self.width(room)).find(|end| text.ends_sentence(*end))?;
                let near = room != Room::Clause || end == at || text.one_clause(at, end - 1);
                near.then(|| self.follow(rest, end, Room::None, passed))?
            }
            Part::Word { class, optional } => {
                let hits = &self.found.hits[*class];
                let hits = &hits[hits.partition_point(|span| span.from < at)..];
                let mut near = hits.iter().take_while(|span| self.reaches(at, **span, room));
                let end = near.find_map(|span| self.step(rest, at, *span, room, passed));
                if end.is_none() && *optional { self.follow(rest, at, room, passed) } else { end }
            }
            Part::Quantity(kind) => {
                let mut near = self.spans_of(kind).filter(|(_, span)| self.reaches(at, *span, room));
                near.find_map(|(index, span)| {
                    passed.push(index);
                    let end = self.step(rest, at, span, room, passed);
                    if end.is_none() {
                        passed.pop();
                    }
                    end
                })
            }
            Part::Match => {
                let span = self.about.filter(|span| self.reaches(at, *span, room))?;
                self.step(rest, at, span, room, passed)
            }
        }
    }

    /// Goes on behind a part that was found, if nothing but its room lies before it.
    fn step(&self, rest: &[Part], at: usize, span: Span, room: Room, passed: &mut Vec<usize>) -> Option<usize> {
        let text = &self.found.text;
        let open = match room {
            Room::None => true,
            Room::Clause => text.one_clause(at, span.from),
            Room::Sentence => text.one_sentence(at, span.from),
        };
        open.then(|| self.follow(rest, span.to, Room::None, passed))?
    }

    fn width(&self, room: Room) -> usize {
        match room {
            Room::None => 0,
            Room::Clause => self.found.book.gap,
            Room::Sentence => self.found.book.wide_gap,
        }
    }

    fn reaches(&self, at: usize, span: Span, room: Room) -> bool {
        (at..=at + self.width(room)).contains(&span.from)
    }
}
