//! In which language a customer is answered.

/// The languages a shop answers in: Chinese (`zh`) to those who write it, another one to everybody else.
pub struct Languages {
    chinese_percent: usize,
    default: String,
}

impl Languages {
    /// A text counts as Chinese from this share of its letters on.
    pub fn new(chinese_percent: u8, default: String) -> Self {
        Self { chinese_percent: chinese_percent.into(), default }
    }

    /// The language of everybody who does not write Chinese.
    pub fn default(&self) -> &str {
        &self.default
    }

    /// By script: Chinese letters and no Japanese or Korean ones. Of several texts the first decides that has letters.
    pub fn of<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> &str {
        let chinese = texts.into_iter().find_map(|text| self.chinese(text)).unwrap_or(false);
        if chinese { "zh" } else { &self.default }
    }

    /// Whether a text is Chinese; none for a text without a letter.
    fn chinese(&self, text: &str) -> Option<bool> {
        let (mut letters, mut han, mut foreign) = (0_usize, 0_usize, 0_usize);
        for letter in text.chars().filter(|letter| letter.is_alphabetic()) {
            letters += 1;
            match letter {
                '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}' => han += 1,
                '\u{3040}'..='\u{30ff}' | '\u{ac00}'..='\u{d7af}' => foreign += 1,
                _ => {}
            }
        }
        // Japanese mixes both scripts; a single borrowed letter in a Chinese text does not make it Japanese.
        (letters > 0).then_some(han * 100 >= letters * self.chinese_percent && foreign * 10 < han)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_text_with_letters_decides() {
        let languages = Languages::new(20, "en".into());
        for (texts, wanted) in [
            (["衣服破损", "Hello"], "zh"),
            (["123 !", "衣服破损"], "zh"),
            (["Hello", "衣服破损"], "en"),
            (["これは日本語です", ""], "en"),
            (["", ""], "en"),
        ] {
            assert_eq!(languages.of(texts), wanted, "{texts:?}");
        }
    }
}
