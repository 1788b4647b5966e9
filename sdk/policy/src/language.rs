//! In which language a customer is answered.
use tributary_sdk::text::is_chinese;

/// The languages a shop answers in: Chinese (`zh`) to those who write it, another one to everybody else.
pub struct Languages {
    chinese_percent: u8,
    default: String,
}

impl Languages {
    /// A text counts as Chinese from this share of its letters on.
    pub fn new(chinese_percent: u8, default: String) -> Self {
        Self { chinese_percent, default }
    }

    /// The language of everybody who does not write Chinese.
    pub fn default(&self) -> &str {
        &self.default
    }

    /// By script, see [`is_chinese`]. Of several texts the first decides that has letters.
    pub fn of<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> &str {
        let chinese = texts.into_iter().find_map(|text| is_chinese(text, self.chinese_percent)).unwrap_or(false);
        if chinese { "zh" } else { &self.default }
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
