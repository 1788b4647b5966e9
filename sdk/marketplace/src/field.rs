//! Reading JSON of a marketplace: what is absent, null or empty is none, and ids stay exact.
use serde_json::Value;

/// A text that is not empty.
pub fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str().map(str::trim).filter(|text| !text.is_empty())
}

/// A text, a number or a truth value, as text.
pub fn word(value: &Value, key: &str) -> Option<String> {
    match value.get(key)? {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// An id: decimal digits, as a text or as a number that fits 64 bits. A larger number would have lost digits already, and
/// is none. So is 0.
pub fn id(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() && text.len() <= 32 => {
            text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.clone()).filter(|text| text != "0")
        }
        Value::Number(number) => number.as_u64().filter(|number| *number != 0).map(|number| number.to_string()),
        _ => None,
    }
}

/// A whole number, as a number or as a text.
pub fn whole(value: &Value, key: &str) -> Option<i64> {
    match value.get(key)? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A list: an array, or a GraphQL connection (`{ "nodes": […] }`). Anything else has no items.
pub fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    let found = value.get(key).map(|found| found.get("nodes").unwrap_or(found));
    found.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A text, cut to so many bytes at a character.
pub fn cut(text: &str, most: usize) -> String {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ids_stay_exact_or_are_none() {
        assert_eq!(id(&json!(9_007_199_254_740_993_u64)).as_deref(), Some("9007199254740993"));
        assert_eq!(id(&json!("4836875908288530057")).as_deref(), Some("4836875908288530057"));
        let none = [json!(1e30), json!(1.5), json!(-1), json!(0), json!("0"), json!("12a"), json!(""), json!(null)];
        assert!(none.iter().all(|value| id(value).is_none()));
    }

    #[test]
    fn a_cut_leaves_whole_characters() {
        assert_eq!(cut("订单", 4), "订");
        assert_eq!(cut("abc", 10), "abc");
    }
}
