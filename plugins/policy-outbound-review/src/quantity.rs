//! Numbers with a unit: `7天`, `七天`, `3到5个月`, `30 days`, `¥20`, `20%`.
use std::collections::BTreeMap;

use crate::config::Unit;
use crate::text::{Letter, Reader, Span, Text};

/// A number with its unit.
#[derive(Clone, Debug)]
pub struct Quantity {
    pub span: Span,
    pub kind: String,
    /// In the kind's smallest unit.
    value: f64,
}

impl PartialEq for Quantity {
    /// The same amount, however it is written.
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind && (self.value - other.value).abs() < 1e-6 * self.value.abs().max(1.0)
    }
}

/// The units that are known.
pub struct Units {
    /// Behind the number, longest first.
    names: Vec<(Vec<char>, usize)>,
    /// Before the number.
    signs: Vec<(Vec<char>, usize)>,
    kinds: Vec<Kind>,
    /// `seven`, longest first.
    words: Vec<(Vec<char>, f64)>,
}

struct Kind {
    name: String,
    worth: f64,
    most: f64,
}

/// A number and where it stands.
struct Number {
    span: Span,
    value: f64,
}

impl Units {
    pub fn new(units: &[Unit], numbers: &BTreeMap<String, u32>, reader: &Reader) -> Self {
        let plain = |word: &String| -> Vec<char> { reader.read(word).plain.chars().collect() };
        let of = |words: fn(&Unit) -> &Vec<String>| {
            let all = units.iter().enumerate();
            let mut found: Vec<(Vec<char>, usize)> =
                all.flat_map(|(index, unit)| words(unit).iter().map(move |word| (plain(word), index))).collect();
            found.retain(|(word, _)| !word.is_empty());
            found.sort_by_key(|(word, _)| std::cmp::Reverse(word.len()));
            found
        };
        let mut words: Vec<(Vec<char>, f64)> =
            numbers.iter().map(|(word, value)| (plain(word), f64::from(*value))).collect();
        words.retain(|(word, _)| !word.is_empty());
        words.sort_by_key(|(word, _)| std::cmp::Reverse(word.len()));
        let kinds = units.iter().map(|unit| Kind {
            name: unit.kind.clone(),
            worth: unit.worth,
            most: unit.most.unwrap_or(f64::INFINITY),
        });
        let kinds = kinds.collect();
        Self { names: of(|unit| &unit.names), signs: of(|unit| &unit.signs), kinds, words }
    }

    /// Every number with a unit, in order.
    pub fn find(&self, text: &Text<'_>) -> Vec<Quantity> {
        let mut found = Vec::new();
        let mut at = 0;
        // Numbers that wait for the unit of the next one: `3到5天`.
        let mut waiting: Vec<Number> = Vec::new();
        while at < text.letters.len() {
            let Some(number) = self.number(text, at) else {
                at += 1;
                continue;
            };
            at = number.span.to;
            let unit = self.unit(text, number.span);
            let joined = |before: &Number| number.span.from - before.span.to <= 2;
            waiting.retain(joined);
            waiting.push(number);
            let Some((unit, end)) = unit else { continue };
            let kind = &self.kinds[unit];
            for number in waiting.drain(..).filter(|number| number.value <= kind.most) {
                let span = Span { from: number.span.from, to: end };
                found.push(Quantity { span, kind: kind.name.clone(), value: number.value * kind.worth });
            }
            at = end.max(at);
        }
        found
    }

    /// The number that begins at a letter. A number that orders (`第3天`) counts nothing.
    fn number(&self, text: &Text<'_>, at: usize) -> Option<Number> {
        let letters = &text.letters;
        let rest = &letters[at..];
        let first = rest.first()?.plain;
        let before = at.checked_sub(1).map_or(' ', |before| letters[before].plain);
        let (length, value) = if first.is_ascii_digit() {
            let one_word = |(index, _): &(usize, &Letter)| *index == 0 || !text.is_boundary(at + index);
            let letters = rest.iter().enumerate().take_while(one_word).map(|(_, letter)| letter.plain);
            let digits: String = letters.take_while(|it| it.is_ascii_digit() || *it == '.').collect();
            (digits.len(), digits.trim_end_matches('.').parse().ok()?)
        } else if numeral(first).is_some() {
            let numerals = rest.iter().map_while(|letter| numeral(letter.plain));
            chinese_number(numerals)?
        } else if first.is_ascii_alphabetic() && text.is_boundary(at) {
            let (word, value) = self.words.iter().find(|(word, _)| starts(text, at, word))?;
            text.is_boundary(at + word.len()).then_some((word.len(), *value))?
        } else {
            return None;
        };
        (before != '第').then_some(Number { span: Span { from: at, to: at + length }, value })
    }

    /// The unit of a number, and where it ends.
    fn unit(&self, text: &Text<'_>, number: Span) -> Option<(usize, usize)> {
        let behind = self.names.iter().find(|(name, _)| {
            let end = number.to + name.len();
            starts(text, number.to, name) && text.is_boundary(end)
        });
        if let Some((name, unit)) = behind {
            return Some((*unit, number.to + name.len()));
        }
        let before = |sign: &&(Vec<char>, usize)| {
            number.from.checked_sub(sign.0.len()).is_some_and(|from| starts(text, from, &sign.0))
        };
        self.signs.iter().find(before).map(|(_, unit)| (*unit, number.to))
    }
}

fn starts(text: &Text<'_>, at: usize, word: &[char]) -> bool {
    let letters = text.letters.get(at..at + word.len());
    letters.is_some_and(|letters| letters.iter().map(|letter| letter.plain).eq(word.iter().copied()))
}

/// What a Chinese numeral is worth; from ten on it multiplies.
fn numeral(letter: char) -> Option<u32> {
    Some(match letter {
        '零' | '〇' => 0,
        '一' => 1,
        '二' | '两' => 2,
        '三' => 3,
        '四' => 4,
        '五' => 5,
        '六' => 6,
        '七' => 7,
        '八' => 8,
        '九' => 9,
        '十' => 10,
        '百' => 100,
        '千' => 1000,
        '万' => 10000,
        _ => return None,
    })
}

/// A number of Chinese numerals: how many letters, and what it is.
fn chinese_number(numerals: impl Iterator<Item = u32>) -> Option<(usize, f64)> {
    let (mut length, mut sum, mut digit) = (0, 0_u32, None::<u32>);
    for value in numerals.take(9) {
        length += 1;
        if value < 10 {
            digit = Some(value);
        } else if value == 10000 {
            sum = (sum + digit.take().unwrap_or(0)).checked_mul(value)?;
        } else {
            sum = sum.checked_add(digit.take().unwrap_or(1).checked_mul(value)?)?;
        }
    }
    Some((length, f64::from(sum.checked_add(digit.unwrap_or(0))?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units() -> Units {
        let unit = |kind: &str, names: &[&str], signs: &[&str], worth| Unit {
            kind: kind.into(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            signs: signs.iter().map(|sign| (*sign).to_owned()).collect(),
            worth,
            most: None,
        };
        let units = [
            unit("time", &["天", "days", "day"], &[], 24.0),
            unit("time", &["周", "week"], &[], 168.0),
            unit("money", &["元"], &["¥", "$"], 1.0),
            unit("percent", &["%"], &[], 1.0),
        ];
        Units::new(&units, &BTreeMap::from([("seven".to_owned(), 7)]), &Reader::new(""))
    }

    #[test]
    fn numbers_are_read_in_every_form() {
        let units = units();
        for (written, expected) in [
            ("7天", vec![("time", 168.0, "7天")]),
            ("七 天内", vec![("time", 168.0, "七 天")]),
            ("一周", vec![("time", 168.0, "一周")]),
            ("within seven days", vec![("time", 168.0, "seven days")]),
            ("30-day", vec![("time", 720.0, "30-day")]),
            ("3-5天", vec![("time", 72.0, "3-5天"), ("time", 120.0, "5天")]),
            ("3到5天", vec![("time", 72.0, "3到5天"), ("time", 120.0, "5天")]),
            ("十五天、二十元", vec![("time", 360.0, "十五天"), ("money", 20.0, "二十元")]),
            ("一百二十元", vec![("money", 120.0, "一百二十元")]),
            ("¥1,299.50", vec![("money", 1299.5, "1,299.50")]),
            ("２０％", vec![("percent", 20.0, "２０％")]),
            ("第3天", vec![]),
            ("3dayss", vec![]),
            ("订单12", vec![]),
        ] {
            let text = Reader::new("").read(written);
            let found = units.find(&text);
            let found: Vec<(&str, f64, &str)> =
                found.iter().map(|it| (it.kind.as_str(), it.value, text.written(it.span))).collect();
            assert_eq!(found, expected, "{written}");
        }
    }
}
