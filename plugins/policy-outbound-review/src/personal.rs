//! Numbers that belong to a person: telephone, identity card (GB 11643), bank card (Luhn).
use tributary_sdk::desk::Snapshot;
use tributary_sdk::types::Author;

use crate::text::{Span, Text};

/// What a number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Telephone,
    Identity,
    Card,
}

/// A number of a person.
#[derive(Debug)]
pub struct Number {
    pub kind: Kind,
    pub span: Span,
    /// Its digits, of an identity card with its `x`.
    pub digits: String,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Telephone => "a telephone number",
            Self::Identity => "an identity number",
            Self::Card => "a bank card's number",
        }
    }
}

/// The most groups that digits of one number are written in.
const MOST_GROUPS: usize = 6;

/// Every number of a person, in order. Digits may be written in groups.
pub fn numbers(text: &Text<'_>) -> Vec<Number> {
    let mut found = Vec::new();
    let mut groups: Vec<Span> = Vec::new();
    for (at, letter) in text.letters.iter().enumerate() {
        if !letter.plain.is_ascii_digit() {
            scan(text, &groups, &mut found);
            groups.clear();
        } else if let Some(last) = groups.last_mut().filter(|_| !text.is_boundary(at)) {
            last.to = at + 1;
        } else {
            groups.push(Span { from: at, to: at + 1 });
        }
    }
    scan(text, &groups, &mut found);
    found
}

/// Reads digits that stand side by side, as few groups in a row as there are numbers.
fn scan(text: &Text<'_>, groups: &[Span], found: &mut Vec<Number>) {
    let mut first = 0;
    while first < groups.len() {
        let most = groups.len().min(first + MOST_GROUPS);
        let joined = (first..most).rev().find_map(|last| {
            let span = Span { from: groups[first].from, to: groups[last].to };
            number(text, span).map(|number| (last, number))
        });
        first = match joined {
            Some((last, number)) => {
                found.push(number);
                last + 1
            }
            None => first + 1,
        };
    }
}

fn number(text: &Text<'_>, mut span: Span) -> Option<Number> {
    if !(8..=19).contains(&(span.to - span.from)) {
        return None;
    }
    let mut digits: String = text.letters[span.from..span.to].iter().map(|letter| letter.plain).collect();
    if digits.len() == 17 && text.letters.get(span.to).is_some_and(|letter| letter.plain == 'x') {
        digits.push('x');
        span.to += 1;
    }
    let international = span.from.checked_sub(1).is_some_and(|before| text.letters[before].plain == '+');
    let kind = if telephone(&digits) || international && digits.len() <= 15 {
        Kind::Telephone
    } else if identity(&digits) {
        Kind::Identity
    } else if card(&digits) {
        Kind::Card
    } else {
        return None;
    };
    Some(Number { kind, span, digits })
}

/// A Chinese mobile number, with its country or without.
fn telephone(digits: &str) -> bool {
    let national = digits.strip_prefix("0086").or(digits.strip_prefix("86")).unwrap_or(digits);
    let bytes = national.as_bytes();
    bytes.len() == 11 && bytes[0] == b'1' && (b'3'..=b'9').contains(&bytes[1])
}

/// GB 11643: a birthday within, and the check character of ISO 7064 (MOD 11-2).
fn identity(digits: &str) -> bool {
    if digits.len() != 18 {
        return false;
    }
    let value =
        |range: std::ops::Range<usize>| digits.get(range).and_then(|part| part.parse::<u32>().ok()).unwrap_or(0);
    if !(1900..2100).contains(&value(6..10)) || !(1..=12).contains(&value(10..12)) || !(1..=31).contains(&value(12..14))
    {
        return false;
    }
    let sum = digits.chars().fold(0, |sum, digit| (sum * 2 + digit.to_digit(10).unwrap_or(10)) % 11);
    // The check character counts once and all others by powers of two, which is what doubling on the way does.
    sum == 1
}

/// The lengths and first digits that issuers use, and Luhn's check digit.
fn card(digits: &str) -> bool {
    let known = match (digits.len(), &digits[..2]) {
        (16..=19, "62") => true,
        (16, first) => matches!(first.as_bytes()[0], b'4' | b'5') || matches!(first, "22" | "35" | "60" | "65"),
        (15, first) => matches!(first, "34" | "37"),
        _ => false,
    };
    let sum: u32 = digits.chars().rev().enumerate().fold(0, |sum, (place, digit)| {
        let digit = digit.to_digit(10).unwrap_or(0);
        let doubled = if place % 2 == 1 { digit * 2 } else { digit };
        sum + doubled / 10 + doubled % 10
    });
    known && !digits.contains('x') && sum.is_multiple_of(10)
}

/// Whether a number is the customer's own: known of the contact, or written by the customer in this conversation.
pub fn is_own(number: &Number, conversation: &Snapshot) -> bool {
    let contact = &conversation.contact;
    let handles = contact.handles.iter().chain(conversation.orders.iter().flat_map(|order| &order.buyer));
    let attributes = contact.attributes.iter().chain(conversation.orders.iter().flat_map(|order| &order.attributes));
    let written = conversation.history.iter().filter(|entry| entry.author == Author::Customer);
    handles.map(|handle| &handle.value).chain(attributes.map(|it| &it.value)).any(|it| holds(it, &number.digits))
        || written.map(|entry| &entry.text).any(|it| holds(it, &number.digits))
}

/// Whether a text holds these digits, however they are grouped.
pub fn holds(text: &str, digits: &str) -> bool {
    let bare = |text: &str| -> String {
        text.chars().filter(|it| it.is_ascii_digit() || matches!(it, 'x' | 'X')).collect::<String>().to_lowercase()
    };
    let national = digits.strip_prefix("86").filter(|rest| telephone(rest)).unwrap_or(digits);
    bare(text).contains(national)
}

/// The number with its last digits only.
pub fn masked(written: &str, shown: usize) -> String {
    let all = written.chars().filter(|letter| letter.is_alphanumeric()).count();
    let mut passed = 0;
    let mask = |letter: char| {
        passed += usize::from(letter.is_alphanumeric());
        if letter.is_alphanumeric() && passed + shown <= all { '*' } else { letter }
    };
    written.chars().map(mask).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Reader;

    #[test]
    fn numbers_of_people_are_found_and_others_are_not() {
        for (written, expected) in [
            ("电话13800138000。", vec![(Kind::Telephone, "13800138000")]),
            ("１３８ 0013-8000", vec![(Kind::Telephone, "１３８ 0013-8000")]),
            ("+86 138 0013 8000", vec![(Kind::Telephone, "86 138 0013 8000")]),
            ("2 13800138000", vec![(Kind::Telephone, "13800138000")]),
            ("+1 206 555 0100", vec![(Kind::Telephone, "1 206 555 0100")]),
            ("110105194912310029", vec![]),
            ("11010519491231002X", vec![(Kind::Identity, "11010519491231002X")]),
            ("6222 0212 3456 7890 128", vec![(Kind::Card, "6222 0212 3456 7890 128")]),
            ("6222 0212 3456 7890 129", vec![]),
            ("4111 1111 1111 1111", vec![(Kind::Card, "4111 1111 1111 1111")]),
            ("4111111111111112", vec![]),
            ("0571-88880000 400-800-1234", vec![]),
            ("12345678901 138001380001", vec![]),
        ] {
            let text = Reader::new("").read(written);
            let found: Vec<(Kind, &str)> = numbers(&text).iter().map(|it| (it.kind, text.written(it.span))).collect();
            assert_eq!(found, expected, "{written}");
        }
    }

    #[test]
    fn the_last_digits_stay() {
        assert_eq!(masked("138 0013-8000", 4), "*** ****-8000");
        assert_eq!(masked("11010519491231002X", 4), "**************002X");
        assert_eq!(masked("12", 4), "12");
    }
}
