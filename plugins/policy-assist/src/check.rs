//! What a model wrote, held against what it was told: a figure, a link or an address that stands nowhere there was made up.
use std::collections::BTreeSet;

use tributary_sdk::text::chinese;

use crate::mask::{MAIL, NUMBER, digit};

/// Why a text may not be used; none where it may.
pub fn objection(text: &str, source: &str, longest: usize) -> Option<String> {
    let letters = text.chars().count();
    if letters == 0 {
        return Some("it is empty".into());
    }
    if letters > longest {
        return Some(format!("it has {letters} letters, {longest} are allowed"));
    }
    if let Some(place) = [MAIL, NUMBER].into_iter().find(|place| text.contains(place)) {
        return Some(format!("it repeats {place}, which stands for personal data"));
    }
    let known = links(source);
    if let Some(link) = links(text).into_iter().find(|link| !known.contains(link)) {
        return Some(format!("the link {link} stands in no article, order or message"));
    }
    let known = figures(source, false);
    let figure = figures(text, true).into_iter().find(|figure| !known.contains(figure))?;
    Some(format!("the figure {figure} stands in no article, order or message"))
}

/// Links, hosts and addresses, in lower case.
fn links(text: &str) -> BTreeSet<String> {
    let outside = |letter: char| {
        letter.is_whitespace() || chinese(letter) || !letter.is_alphanumeric() && !"-._~:/?#@!$&*+=%".contains(letter)
    };
    let words = text.split(outside).map(|word| word.trim_matches(|letter: char| ".,:;!?*_#&".contains(letter)));
    words.filter(|word| is_link(word)).map(str::to_lowercase).collect()
}

fn is_link(word: &str) -> bool {
    let host = word.split(['/', '?', '#', ':']).next().unwrap_or_default();
    let labels: Vec<&str> = host.rsplit('@').next().unwrap_or_default().split('.').collect();
    let domain = labels.len() > 1
        && labels.iter().all(|label| !label.is_empty())
        && labels.last().is_some_and(|top| top.chars().count() > 1 && top.chars().all(char::is_alphabetic));
    word.contains("://") || domain
}

/// Figures, each in one form: `1,299.00` is 1299, `七天` and `seven days` are 7. In an answer a number word counts only
/// before what can be counted by the shop, since `一下` and `one of us` state nothing; numbering of steps does not count.
fn figures(text: &str, answer: bool) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in text.lines() {
        let line = if answer { after_numbering(line) } else { line };
        digits(line, &mut found);
        numerals(line, answer, &mut found);
        words(line, answer, &mut found);
    }
    found
}

/// What follows the `1.` of a step.
fn after_numbering(line: &str) -> &str {
    let line = line.trim_start();
    let rest = line.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let is_step = (1..=2).contains(&(line.len() - rest.len())) && rest.starts_with(['.', ')', '、', '）', '．']);
    let behind = rest.chars().nth(1);
    if is_step && !behind.is_some_and(|letter| letter.is_ascii_digit()) { rest } else { line }
}

fn digits(line: &str, found: &mut BTreeSet<String>) {
    let plain: Vec<char> = line.chars().map(|letter| if chinese(letter) { letter } else { ascii(letter) }).collect();
    let mut number = String::new();
    for (at, letter) in plain.iter().enumerate() {
        let numeric = |at: Option<usize>| at.and_then(|at| plain.get(at)).is_some_and(char::is_ascii_digit);
        match letter {
            '0'..='9' => number.push(*letter),
            '.' if !number.is_empty() && numeric(Some(at + 1)) => number.push('.'),
            // A comma that parts thousands.
            ',' if !number.is_empty() && (1..=3).all(|next| numeric(Some(at + next))) && !numeric(Some(at + 4)) => {}
            _ => keep(&mut number, found),
        }
    }
    keep(&mut number, found);
}

fn ascii(letter: char) -> char {
    digit(letter).and_then(|value| char::from_digit(value, 10)).unwrap_or(letter)
}

/// Without zeros that say nothing.
fn keep(number: &mut String, found: &mut BTreeSet<String>) {
    let number = std::mem::take(number);
    let (whole, part) = number.split_once('.').unwrap_or((&number, ""));
    let part = part.trim_end_matches('0');
    let whole = if whole.len() > 1 { whole.trim_start_matches('0') } else { whole };
    let whole = if whole.is_empty() && !number.is_empty() { "0" } else { whole };
    match part {
        "" if whole.is_empty() => {}
        "" => drop(found.insert(whole.to_owned())),
        part => drop(found.insert(format!("{whole}.{part}"))),
    }
}

/// What a Chinese number counts: days, weeks, months, years, hours, money, pieces, shares.
const COUNTED: [&str; 14] =
    ["天", "日", "周", "月", "年", "小时", "个月", "个工", "个自", "个小", "元", "块", "倍", "折"];

fn numerals(line: &str, answer: bool, found: &mut BTreeSet<String>) {
    let numeral = |letter: char| chinese_digit(letter).is_some() || unit(letter).is_some();
    let mut rest = line;
    while let Some(from) = rest.find(numeral) {
        let run = &rest[from..];
        let end = run.find(|letter| !numeral(letter)).unwrap_or(run.len());
        let behind = run[end..].trim_start();
        let counted = COUNTED.iter().any(|word| behind.starts_with(word));
        // 一 is an article as often as a number.
        let value = value(&run[..end]).filter(|value| !answer || counted && *value > 1);
        found.extend(value.map(|value| value.to_string()));
        rest = &run[end..];
    }
}

fn chinese_digit(letter: char) -> Option<u32> {
    if letter == '两' { Some(2) } else { digit(letter).filter(|_| chinese(letter) || letter == '〇') }
}

fn unit(letter: char) -> Option<u32> {
    [('十', 10), ('百', 100), ('千', 1_000), ('万', 10_000)].into_iter().find(|(it, _)| *it == letter).map(|(_, by)| by)
}

/// 七, 十五, 二十, 一百零五, 三千.
fn value(run: &str) -> Option<u32> {
    let (mut sum, mut last, mut spoken) = (0_u32, None, false);
    for letter in run.chars() {
        spoken |= unit(letter).is_some();
        match (chinese_digit(letter), unit(letter)) {
            (Some(value), _) if last.is_none() || last == Some(0) => last = Some(value),
            // Digits side by side are read one by one.
            (Some(value), _) if !spoken => last = last?.checked_mul(10)?.checked_add(value),
            (None, Some(10_000)) => sum = sum.checked_add(last.take().unwrap_or(0))?.max(1).checked_mul(10_000)?,
            (None, Some(by)) => sum = sum.checked_add(last.take().unwrap_or(1).checked_mul(by)?)?,
            _ => return None,
        }
    }
    sum.checked_add(last.unwrap_or(0))
}

/// English numbers that policies are written with.
const WORDS: [(&str, &str); 17] = [
    ("two", "2"),
    ("three", "3"),
    ("four", "4"),
    ("five", "5"),
    ("six", "6"),
    ("seven", "7"),
    ("eight", "8"),
    ("nine", "9"),
    ("ten", "10"),
    ("twelve", "12"),
    ("fourteen", "14"),
    ("fifteen", "15"),
    ("twenty", "20"),
    ("thirty", "30"),
    ("sixty", "60"),
    ("ninety", "90"),
    ("hundred", "100"),
];
const UNITS: [&str; 12] =
    ["day", "week", "month", "year", "hour", "minute", "business", "working", "calendar", "percent", "times", "dollar"];

fn words(line: &str, answer: bool, found: &mut BTreeSet<String>) {
    let lower = line.to_lowercase();
    let all: Vec<&str> =
        lower.split(|letter: char| !letter.is_ascii_alphabetic()).filter(|it| !it.is_empty()).collect();
    for (at, word) in all.iter().enumerate() {
        let counts = !answer || all.get(at + 1).is_some_and(|next| UNITS.iter().any(|unit| next.starts_with(unit)));
        let number = WORDS.iter().find(|(known, _)| known == word && counts);
        found.extend(number.map(|(_, value)| (*value).to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "[returns-7] 七天无理由退货\n签收后7天内可退，运费12.00元，满1,299元免运费。见 https://shop.example/returns?a=1 。\n\
        # Orders\norder 2001: shipped, 3 days ago; parcel SF1234567890\n# Conversation\ncustomer: 两百块的东西能退吗 up to thirty days";

    #[test]
    fn what_stands_in_the_facts_may_be_said() {
        for text in [
            "可以退。签收后七天内申请，运费12元。",
            "Yes: within 7 days, and thirty days at most. See https://shop.example/returns?a=1.",
            "1. 打开订单 2001\n2、点击退货\n3) 等待一下，我们有一个同事会联系您",
            "满1299元免运费，满 1,299.00 元也免。",
            "您的运单是SF1234567890，3天前发出。",
            "两百元可以退，２００元也可以。",
            "Please ask one of us, e.g. today. We are happy to help.Thanks",
        ] {
            let wanted =
                text.contains("help.Thanks").then_some("the link help.thanks stands in no article, order or message");
            assert_eq!(objection(text, SOURCE, 200).as_deref(), wanted, "{text}");
        }
    }

    #[test]
    fn what_was_made_up_is_named() {
        for (text, why) in [
            ("", "empty"),
            (&*"长".repeat(201), "201 letters"),
            ("45天内可退", "figure 45 "),
            ("四十五天内可退", "figure 45 "),
            ("十五天内可退", "figure 15 "),
            ("within fourteen days", "figure 14 "),
            ("退您 50.5 元", "figure 50.5 "),
            ("赔您1,300元", "figure 1300 "),
            ("１５元", "figure 15 "),
            ("见 https://shop.example/returns", "link https://shop.example/returns "),
            ("go to evil.example/x", "link evil.example/x "),
            ("写信到service@shop.example", "link service@shop.example "),
            ("我会打[number]联系您", "[number]"),
        ] {
            let found = objection(text, SOURCE, 200);
            assert!(found.as_ref().is_some_and(|it| it.contains(why)), "{text}: {found:?}");
        }
    }

    #[test]
    fn chinese_numbers_are_read() {
        for (written, wanted) in [
            ("七", 7),
            ("十", 10),
            ("十五", 15),
            ("二十", 20),
            ("一百零五", 105),
            ("两千", 2_000),
            ("三万", 30_000),
            ("二〇二五", 2_025),
        ] {
            assert_eq!(value(written), Some(wanted), "{written}");
        }
        assert_eq!(value("十二三"), None);
    }
}
