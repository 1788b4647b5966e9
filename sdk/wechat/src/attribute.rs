//! What a platform says beside what a message has a place for, as attributes.
use tributary_sdk::types::Attribute;

/// Attributes of one message at most; the raw message is kept by the host.
pub const MOST: usize = 64;
/// Bytes of one attribute's value.
const VALUE: usize = 2_048;

/// A field of a platform: `attribute("wechat", "MediaId", "x")` is `wechat-media-id`. None where the field has no name
/// that an attribute can have, or no value.
pub fn attribute(platform: &str, path: &str, value: &str) -> Option<Attribute> {
    let name = name(path);
    let value = &value[..value.floor_char_boundary(VALUE)];
    (!name.is_empty() && !value.is_empty()).then(|| Attribute::new(format!("{platform}-{name}"), value))
}

/// The name of a path as an attribute: `SendPicsInfo/Count` is `send-pics-info-count`, `Location_X` is `location-x`, and
/// `MsgID` is `msg-id`.
fn name(path: &str) -> String {
    let mut name = String::with_capacity(path.len() + 4);
    let mut before_lower = false;
    for sign in path.chars() {
        if sign.is_ascii_alphanumeric() {
            if sign.is_ascii_uppercase() && before_lower {
                name.push('-');
            }
            before_lower = !sign.is_ascii_uppercase();
            name.push(sign.to_ascii_lowercase());
        } else if !name.ends_with('-') && !name.is_empty() {
            name.push('-');
            before_lower = false;
        }
    }
    name.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_attributes() {
        for (path, name) in [
            ("MsgID", "msg-id"),
            ("Location_X", "location-x"),
            ("SendPicsInfo/Count", "send-pics-info-count"),
            ("extra_info_json", "extra-info-json"),
            ("PicMd5Sum", "pic-md5-sum"),
            ("_", ""),
            ("a/ü/B", "a-b"),
        ] {
            assert_eq!(super::name(path), name);
        }
    }

    #[test]
    fn values_are_cut_between_signs() {
        let long = attribute("wecom", "a", &"你".repeat(1_000)).unwrap();
        assert_eq!((long.name.as_str(), long.value.len()), ("wecom-a", 2_046));
        assert_eq!(attribute("wecom", "你", "x"), None);
        assert_eq!(attribute("wecom", "a", ""), None);
    }
}
