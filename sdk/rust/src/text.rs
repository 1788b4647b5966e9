//! What people write: one form for what is written in many (letter case, width, script variants, line breaks inside a
//! word), and the script it is in.
use std::collections::BTreeMap;

/// Brings texts and words into the form they are compared in.
pub struct Normaliser {
    variants: BTreeMap<char, char>,
}

impl Normaliser {
    /// `variants` are pairs: a letter, and the letter it counts as. Blanks between them are left out.
    pub fn new(variants: &str) -> Self {
        let letters: Vec<char> = variants.chars().filter(|letter| !letter.is_whitespace()).collect();
        let pairs = letters.as_chunks::<2>().0;
        Self { variants: pairs.iter().map(|[letter, plain]| (*letter, *plain)).collect() }
    }

    /// Half-width, lower-case, simplified; blanks as one space, and none between Chinese letters, where a mail program
    /// may have broken the line in the middle of a word. Invisible characters are left out.
    pub fn apply(&self, text: &str) -> String {
        let mut plain = String::with_capacity(text.len());
        let mut blank = false;
        let mut last = ' ';
        for letter in text.chars() {
            let letter = match letter {
                '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}' => continue,
                '’' | '‘' | '\u{ff07}' => '\'',
                '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(letter) - 0xfee0).unwrap_or(letter),
                other => other,
            };
            if letter.is_whitespace() {
                blank = true;
                continue;
            }
            let letter = if letter.is_ascii() {
                letter.to_ascii_lowercase()
            } else {
                self.variants.get(&letter).copied().unwrap_or(letter)
            };
            if std::mem::take(&mut blank) && !(chinese(last) && chinese(letter)) {
                plain.push(' ');
            }
            plain.push(letter);
            last = letter;
        }
        plain
    }
}

/// Letters that are written without blanks between words.
pub fn chinese(letter: char) -> bool {
    matches!(letter, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Whether a letter belongs to an English word, so that a word beside it does not end there.
pub fn wordy(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '\u{c0}'..='\u{24f}')
}

/// Whether a letter ends a sentence.
pub fn ends_sentence(letter: char) -> bool {
    matches!(letter, '.' | '!' | '?' | ';' | '。' | '…')
}

/// Whether a text is Chinese: at least so many of a hundred letters are, and it is no Japanese or Korean one. None for a
/// text without a letter.
pub fn is_chinese(text: &str, percent: u8) -> Option<bool> {
    let (mut letters, mut han, mut foreign) = (0_usize, 0_usize, 0_usize);
    for letter in text.chars().filter(|letter| letter.is_alphabetic()) {
        letters += 1;
        match letter {
            letter if chinese(letter) => han += 1,
            '\u{3040}'..='\u{30ff}' | '\u{ac00}'..='\u{d7af}' => foreign += 1,
            _ => {}
        }
    }
    // Japanese mixes both scripts; a single borrowed letter in a Chinese text does not make it Japanese.
    (letters > 0).then_some(han * 100 >= letters * usize::from(percent) && foreign * 10 < han)
}

/// What comes from outside, to be shown in a line: without control characters, and of so many letters at most.
pub fn one_line(text: &str, most: usize) -> String {
    let mut letters = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    let mut line: String = letters.by_ref().take(most).collect();
    if letters.next().is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_and_short() {
        assert_eq!(one_line("{tag}\r\nBcc: x", 80), "{tag}  Bcc: x");
        assert_eq!(one_line(&"长".repeat(81), 80).chars().count(), 81);
    }

    #[test]
    fn the_script_says_the_language() {
        for (text, chinese) in [
            ("怎么退货？", Some(true)),
            ("T-shirt 破了", Some(true)),
            ("Which size? 谢谢", Some(false)),
            ("注文した商品", Some(false)),
            ("1 + 1 ???", None),
        ] {
            assert_eq!(is_chinese(text, 20), chinese, "{text}");
        }
    }

    #[test]
    fn many_forms_are_one() {
        let normaliser = Normaliser::new("盜盗 帳账");
        for (written, plain) in [
            ("盜刷", "盗刷"),
            ("Ｈｅｌｐ！", "help!"),
            ("my\r\n card\t", " my card"),
            ("盗\n刷", "盗刷"),
            ("盗\u{200b}刷", "盗刷"),
            ("卡 card 卡", "卡 card 卡"),
            ("wasn’t", "wasn't"),
            ("", ""),
        ] {
            assert_eq!(normaliser.apply(written).trim(), plain.trim(), "{written:?}");
        }
    }
}
