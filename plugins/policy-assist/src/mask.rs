//! What a person is known by does not leave the desk (L1): mail addresses, and numbers that are long enough to be a
//! telephone's, a card's or a person's, however they are written.
use tributary_sdk::desk::Snapshot;
use tributary_sdk::text::chinese;
use tributary_sdk::types::Handle;

/// What stands in the place of a mail address or another name that a person is known by.
pub const MAIL: &str = "[mail]";
/// What stands in the place of a number.
pub const NUMBER: &str = "[number]";

/// A number with fewer digits is nobody's.
const FEWEST_DIGITS: usize = 7;
/// Shorter names of a contact may be ordinary words.
const SHORTEST_NAME: usize = 6;

/// Masks texts of one conversation.
pub struct Mask {
    /// Numbers of orders and parcels: they are what is talked about. In lower case.
    kept: Vec<String>,
    /// Names that the contact and the buyers are known by. In lower case.
    names: Vec<String>,
}

impl Mask {
    pub fn new(conversation: &Snapshot) -> Self {
        let orders = &conversation.orders;
        let handles = conversation.contact.handles.iter().chain(orders.iter().flat_map(|order| &order.buyer));
        let names: Vec<String> = handles.flat_map(names).collect();
        let kept = orders.iter().flat_map(|order| std::iter::once(&order.id).chain(&order.parcel));
        let kept = kept.map(|number| number.trim_start_matches('#').to_ascii_lowercase());
        let kept = kept.filter(|it| !it.is_empty() && !is_mobile(it) && !names.contains(it)).collect();
        Self { kept, names }
    }

    /// The text without personal data.
    pub fn apply(&self, text: &str) -> String {
        self.numbers(&self.known(&mails(text)))
    }

    /// Takes out what the contact is known by.
    fn known(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, name| {
            // ASCII case alone is folded, so that places in one text are places in the other.
            let lower = text.to_ascii_lowercase();
            let mut masked = String::with_capacity(text.len());
            let mut at = 0;
            for (found, _) in lower.match_indices(name.as_str()) {
                masked.push_str(&text[at..found]);
                masked.push_str(MAIL);
                at = found + name.len();
            }
            masked + &text[at..]
        })
    }

    fn numbers(&self, text: &str) -> String {
        let letters: Vec<char> = text.chars().collect();
        let mut masked = String::with_capacity(text.len());
        let mut at = 0;
        for run in runs(&self.groups(&letters)) {
            masked.extend(&letters[at..run.0]);
            masked.push_str(NUMBER);
            at = run.1;
        }
        masked.extend(&letters[at..]);
        masked
    }

    /// Words with digits, those that may be said left out: what is between two words says whether they are one number.
    fn groups(&self, letters: &[char]) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        let mut at = 0;
        while at < letters.len() {
            if !wordy(letters[at]) {
                at += 1;
                continue;
            }
            let kept = self.kept_at(&letters[at..]);
            let end = (at..letters.len()).find(|at| !wordy(letters[*at]) && !silent(letters[*at]));
            let end = kept.map_or(end.unwrap_or(letters.len()), |length| at + length);
            let digits: Vec<u32> = letters[at..end].iter().filter_map(|letter| digit(*letter)).collect();
            let known = kept.is_some();
            let before = groups.last().map_or(0, |group| group.to);
            let between: String = letters[before..at].iter().filter(|letter| !silent(**letter)).collect();
            groups.push(Group { from: at, to: end, digits, between, known });
            at = end;
        }
        groups
    }
}

impl Mask {
    /// The length of the number that may be said with which these letters begin.
    fn kept_at(&self, letters: &[char]) -> Option<usize> {
        let length = |kept: &String| {
            let mut count = 0;
            let same = kept.chars().all(|wanted| {
                count += 1;
                letters.get(count - 1).is_some_and(|letter| letter.to_ascii_lowercase() == wanted)
            });
            (same && !letters.get(count).is_some_and(|next| wordy(*next))).then_some(count)
        };
        self.kept.iter().filter_map(length).max()
    }
}

/// A word, and what stands before it.
struct Group {
    from: usize,
    to: usize,
    digits: Vec<u32>,
    between: String,
    known: bool,
}

impl Group {
    /// Whether it may be a part of the number that the words before it belong to.
    fn continues(&self) -> bool {
        let joins = |letter: char| letter.is_whitespace() || "-–—‐‑.·/()（）+_~".contains(letter);
        self.may_be_masked() && self.between.chars().count() <= 3 && self.between.chars().all(joins)
    }

    fn may_be_masked(&self) -> bool {
        !self.known && !self.digits.is_empty()
    }
}

/// From where to where numbers stand.
fn runs(groups: &[Group]) -> Vec<(usize, usize)> {
    let mut runs = Vec::new();
    let mut first = 0;
    while first < groups.len() {
        if !groups[first].may_be_masked() {
            first += 1;
            continue;
        }
        if is_date(&groups[first..]) {
            first += 3;
            continue;
        }
        let rest = groups[first + 1..].iter().take_while(|group| group.continues()).count();
        let run = &groups[first..=first + rest];
        if run.iter().map(|group| group.digits.len()).sum::<usize>() >= FEWEST_DIGITS {
            runs.push((run[0].from, run[rest].to));
        }
        first += rest + 1;
    }
    runs
}

/// `2025-10-09`, and no more digits tied to it.
fn is_date(groups: &[Group]) -> bool {
    let [year, month, day, rest @ ..] = groups else { return false };
    let value = |group: &Group| group.digits.iter().fold(0, |sum, digit| sum * 10 + digit);
    let plain = |group: &Group, most: usize| {
        !group.known && group.digits.len() <= most && group.to - group.from == group.digits.len()
    };
    let tied = |group: &Group| matches!(group.between.as_str(), "-" | "/" | ".");
    plain(year, 4)
        && (1990..2100).contains(&value(year))
        && plain(month, 2)
        && plain(day, 2)
        && (1..=12).contains(&value(month))
        && (1..=31).contains(&value(day))
        && tied(month)
        && month.between == day.between
        && !rest.first().is_some_and(|next| next.continues() && !next.between.trim().is_empty())
}

/// The value of a digit, in any of the ways in which customers write one.
pub fn digit(letter: char) -> Option<u32> {
    match letter {
        '０'..='９' => Some(u32::from(letter) - u32::from('０')),
        '〇' | '零' => Some(0),
        '幺' | '壹' => Some(1),
        _ => letter.to_digit(10).or_else(|| {
            "一二三四五六七八九".chars().zip(1..).find(|(numeral, _)| *numeral == letter).map(|(_, value)| value)
        }),
    }
}

/// A letter of a word that may be a number: ASCII, or a digit of another form.
fn wordy(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || digit(letter).is_some()
}

/// What is not seen between two digits.
fn silent(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{fe0f}' | '\u{20e3}')
}

fn is_mobile(number: &str) -> bool {
    let national = number.strip_prefix("86").unwrap_or(number);
    let bytes = national.as_bytes();
    bytes.len() == 11 && bytes[0] == b'1' && (b'3'..=b'9').contains(&bytes[1]) && bytes.iter().all(u8::is_ascii_digit)
}

/// A handle's name, and what follows the place that it is a name at: `telegram/zhang_wei`.
fn names(handle: &Handle) -> impl Iterator<Item = String> {
    let whole = handle.value.to_ascii_lowercase();
    let bare = whole.split_once('/').map(|(_, name)| name.to_owned());
    std::iter::once(whole).chain(bare).filter(|name| name.chars().count() >= SHORTEST_NAME)
}

/// Takes mail addresses out.
fn mails(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut masked = String::with_capacity(text.len());
    let mut at = 0;
    for sign in (0..letters.len()).filter(|at| matches!(letters[*at], '@' | '＠')) {
        let Some((from, to)) = mail(&letters, sign).filter(|(from, _)| *from >= at) else { continue };
        masked.extend(&letters[at..from]);
        masked.push_str(MAIL);
        at = to;
    }
    masked.extend(&letters[at..]);
    masked
}

/// From where to where the address of this sign stands, where it is one.
fn mail(letters: &[char], sign: usize) -> Option<(usize, usize)> {
    let latin = |letter: char| letter.is_alphanumeric() && !chinese(letter);
    let local = |letter: char| latin(letter) || "!#$%&'*+/=?^_`{|}~.-".contains(letter);
    let count = |found: Option<usize>, all: usize| found.unwrap_or(all);
    let before = || letters[..sign].iter().rev();
    let mut length = count(before().position(|letter| !local(*letter)), sign);
    if length == 0 {
        // A mailbox may have a Chinese name; where it begins nobody can tell.
        length = count(before().position(|letter| !letter.is_alphanumeric()), sign);
    }
    let behind = &letters[sign + 1..];
    let foreign = behind.first().is_some_and(|letter| chinese(*letter));
    let plain = |letter: &char| match letter {
        '.' | '-' | '．' => true,
        letter if foreign => letter.is_alphanumeric(),
        letter => latin(*letter),
    };
    let mut end = count(behind.iter().position(|letter| !plain(letter)), behind.len());
    while end > 0 && !behind[end - 1].is_alphanumeric() {
        end -= 1;
    }
    let dotted = behind[..end].iter().any(|letter| matches!(letter, '.' | '．'));
    (length > 0 && dotted).then_some((sign - length, sign + 1 + end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask() -> Mask {
        let names = ["telegram/zhang_wei", "zhang_wei", "customer@example.org"].map(str::to_owned).to_vec();
        Mask { kept: ["20010002000", "sf1234567890", "123-7654321-1234567"].map(str::to_owned).to_vec(), names }
    }

    #[test]
    fn what_a_person_is_known_by_is_taken_out() {
        for (written, left) in [
            ("电话13800138000。", "电话[number]。"),
            ("１３８ 0013-8000 打给我", "[number] 打给我"),
            ("call +1 (206) 555-0100, please", "call +[number], please"),
            ("tel 0571-88880000/0571-88880001", "tel [number]"),
            ("一三八零零一三八零零零", "[number]"),
            ("1️⃣3️⃣8️⃣0️⃣0️⃣1️⃣3️⃣8️⃣0️⃣0️⃣0️⃣", "[number]"),
            ("138\n0013\n8000", "[number]"),
            ("身份证11010519491231002X", "身份证[number]"),
            ("6222 0212 3456 7890 128", "[number]"),
            ("passport E12345678", "passport [number]"),
            ("发到zhang.wei@mail.example谢谢", "发到[mail]谢谢"),
            ("Jürgen.Ö@post.example.", "[mail]."),
            ("联系 张伟@邮箱.example", "联系 [mail]"),
            ("my Telegram is Zhang_Wei", "my Telegram is [mail]"),
            ("2025-10-09 13800138000", "2025-10-09 [number]"),
            ("2025-10-09-1380", "[number]"),
            ("order 123-7654321-12345678", "order [number]"),
        ] {
            assert_eq!(mask().apply(written), left, "{written}");
        }
    }

    #[test]
    fn what_is_talked_about_stays() {
        for written in [
            "订单20010002000，运单SF1234567890",
            "order 123-7654321-1234567 and sf1234567890",
            "ordered on 2025-10-09 10:30, 2025/10/9",
            "2025年10月09日",
            "3 for 299.00, 2 for 199",
            "我要退货，七天了",
            "@客服 在吗",
            "size 42.5 @ 50 %",
            "model KT-204 / KT-205",
        ] {
            assert_eq!(mask().apply(written), written);
        }
    }

    #[test]
    fn a_parcel_whose_number_is_a_telephone_s_is_masked() {
        assert!(is_mobile("13800138000") && is_mobile("8613800138000"));
        assert!(!is_mobile("20010002000") && !is_mobile("138001380001") && !is_mobile("1380013800x"));
    }
}
