//! Long texts in parts.

/// The bytes of `text`, from its beginning, that fit into `limit` bytes: all of it, or up to the best place for a cut. At
/// least one sign, whatever the limit.
///
/// A cut is behind a line end or a mark where there is one in the last half, and never inside of a sign, nor before what
/// belongs to the sign before it (variation selectors, skin tones, joiners, accents).
pub fn head(text: &str, limit: usize) -> &str {
    if text.len() <= limit {
        return text;
    }
    let first = text.chars().next().map_or(0, char::len_utf8);
    let most = text.floor_char_boundary(limit).max(first);
    let best = |wanted: fn(char) -> bool| {
        text[..most].char_indices().rev().find(|(_, sign)| wanted(*sign)).map(|(at, sign)| at + sign.len_utf8())
    };
    let places = [best(|sign| sign == '\n'), best(|sign| "。！？；.!?;".contains(sign)), best(char::is_whitespace)];
    let place = places.into_iter().flatten().find(|place| *place * 2 > most && !joined(text, *place));
    let cut = place.unwrap_or_else(|| {
        let whole = (1..=most).rev().find(|at| text.is_char_boundary(*at) && !joined(text, *at));
        whole.filter(|at| *at * 2 >= most).unwrap_or(most)
    });
    &text[..cut]
}

/// Whether what follows belongs to the sign before.
fn joined(text: &str, at: usize) -> bool {
    let follows = text[at..].chars().next().is_some_and(|sign| {
        matches!(sign, '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{300}'..='\u{36f}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{20e3}')
    });
    follows || text[..at].ends_with('\u{200d}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(mut text: &str, limit: usize) -> Vec<&str> {
        let mut parts = Vec::new();
        while !text.is_empty() {
            let part = head(text, limit);
            parts.push(part);
            text = &text[part.len()..];
        }
        parts
    }

    #[test]
    fn cuts_are_where_a_reader_pauses() {
        assert_eq!(parts("one two three", 9), ["one two ", "three"]);
        assert_eq!(parts("您好。请问订单到了吗？谢谢", 24), ["您好。请问订单到", "了吗？谢谢"]);
        assert_eq!(parts("第一行很长\n第二行也长", 20), ["第一行很长\n", "第二行也长"]);
        assert_eq!(parts("ab👨\u{200d}👩\u{200d}👧", 9).concat(), "ab👨\u{200d}👩\u{200d}👧");
        assert_eq!(parts("1234👍\u{1f3fd}", 9), ["1234", "👍\u{1f3fd}"]);
        assert_eq!(parts("你", 1), ["你"]);
    }

    proptest! {
        #[test]
        fn parts_are_the_text_and_fit(text in "\\PC{0,300}", limit in 4usize..80) {
            let parts = parts(&text, limit);
            prop_assert_eq!(parts.concat(), text.as_str());
            prop_assert!(parts.iter().all(|part| part.len() <= limit && !part.is_empty()));
        }
    }
}
