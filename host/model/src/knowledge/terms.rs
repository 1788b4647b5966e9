//! A text as what it can be found by.
use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization as _;

/// Words of English that say nothing about what is asked for.
const ENGLISH: [&str; 96] = [
    "a", "about", "after", "again", "all", "already", "am", "an", "and", "any", "anyone", "are", "as", "at", "be",
    "been", "but", "by", "can", "could", "dear", "did", "do", "does", "doing", "for", "from", "get", "go", "got",
    "guys", "had", "has", "have", "hello", "help", "hey", "hi", "how", "i", "if", "in", "into", "is", "it", "its",
    "just", "know", "let", "like", "may", "me", "might", "must", "my", "need", "now", "of", "on", "or", "our",
    "please", "pls", "s", "shall", "should", "so", "some", "t", "tell", "thank", "thanks", "that", "the", "their",
    "them", "there", "they", "this", "to", "us", "was", "we", "were", "what", "when", "where", "which", "who", "why",
    "will", "with", "would", "you", "your", "possible",
];

/// Words of Chinese that say nothing about what is asked for; longer ones first.
const CHINESE: [&str; 72] = [
    "为什么",
    "能不能",
    "有没有",
    "是不是",
    "可不可以",
    "会不会",
    "要不要",
    "怎么样",
    "怎么办",
    "怎么",
    "怎样",
    "如何",
    "什么",
    "请问",
    "可以",
    "能否",
    "是否",
    "一下",
    "我们",
    "你们",
    "您好",
    "你好",
    "这个",
    "那个",
    "这种",
    "这样",
    "哪里",
    "哪个",
    "哪些",
    "哪儿",
    "应该",
    "想要",
    "知道",
    "告诉",
    "麻烦",
    "谢谢",
    "的话",
    "还是",
    "或者",
    "但是",
    "如果",
    "因为",
    "所以",
    "已经",
    "现在",
    "一个",
    "需要",
    "觉得",
    "帮我",
    "亲亲",
    "的",
    "了",
    "吗",
    "呢",
    "吧",
    "啊",
    "呀",
    "哦",
    "嘛",
    "我",
    "你",
    "您",
    "们",
    "么",
    "请",
    "很",
    "就",
    "都",
    "也",
    "是",
    "在",
    "有",
];

/// The terms of a text, in order, with repetitions: of a run of letters whose script has no blanks each letter and each pair
/// of neighbours, of other words their English stems. Width, letter case and the form of letters make no
/// difference (Unicode's NFKC); words that say nothing are left out.
pub fn terms(text: &str) -> Vec<String> {
    let folded: Vec<char> = text.nfkc().flat_map(char::to_lowercase).collect();
    let stemmer = Stemmer::create(Algorithm::English);
    let mut terms = Vec::new();
    let mut rest = &folded[..];
    while let Some(first) = rest.first() {
        let same: fn(char) -> bool = match first {
            c if is_unspaced(*c) => is_unspaced,
            c if is_letter(*c) => is_letter,
            _ => |c| !is_unspaced(c) && !is_letter(c),
        };
        let (run, behind) = rest.split_at(rest.iter().position(|c| !same(*c)).unwrap_or(rest.len()));
        rest = behind;
        if is_unspaced(*first) {
            pairs(run, &mut terms);
        } else if is_letter(*first) {
            let word: String = run.iter().collect();
            if !ENGLISH.contains(&&*word) {
                terms.push(stemmer.stem(&word).into_owned());
            }
        }
    }
    terms
}

/// A letter of a script that is written without blanks: Chinese, and the syllables of Japanese.
fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

fn is_letter(c: char) -> bool {
    c.is_alphanumeric() && !is_unspaced(c)
}

/// The pairs of a run, between the words that say nothing.
fn pairs(run: &[char], terms: &mut Vec<String>) {
    let mut piece = run;
    let mut from = 0;
    while from < piece.len() {
        let here = &piece[from..];
        let empty = CHINESE.iter().map(|word| word.chars()).find(|word| {
            let mut letters = here.iter();
            word.clone().all(|c| letters.next() == Some(&c))
        });
        match empty {
            Some(word) => {
                pairs_of(&piece[..from], terms);
                piece = &here[word.count()..];
                from = 0;
            }
            None => from += 1,
        }
    }
    pairs_of(piece, terms);
}

fn pairs_of(piece: &[char], terms: &mut Vec<String>) {
    terms.extend(piece.iter().map(char::to_string));
    terms.extend(piece.windows(2).map(|pair| pair.iter().collect::<String>()));
}
