//! Places as operators write them: whole, or so much of the name as names one.
use crate::client::http::{ClientError, escaped};
use crate::client::text::plain;
use serde_json::Value;

/// Whether a place, with its plugin, is meant.
type Test<'a> = &'a dyn Fn(&str, &str) -> bool;

/// The whole name of the place that is meant, among those the daemon has.
pub(super) fn resolve(meant: &str, places: &Value) -> Result<String, ClientError> {
    let all: Vec<(&str, &str)> = places["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|place| Some((place["place"].as_str()?, place["plugin"].as_str()?)))
        .collect();
    let name = |place: &str| place.split_once('/').map_or(place, |(_, name)| name).to_owned();
    // From the most to the least exact: a place that is called so is meant before one whose plugin is.
    let tests: [Test<'_>; 4] =
        [&|place, _| place == meant, &|place, _| name(place) == meant, &|_, plugin| plugin == meant, &|place, _| {
            name(place).strip_prefix("policy-") == Some(meant)
        }];
    for test in tests {
        let found: Vec<&str> =
            all.iter().filter(|(place, plugin)| test(place, plugin)).map(|(place, _)| *place).collect();
        match found[..] {
            [] => {}
            [one] => return Ok(one.to_owned()),
            _ => {
                return Err(ClientError::Refused(format!("{:?} may be {}; write it whole", meant, found.join(" or "))));
            }
        }
    }
    let there: Vec<String> = all.iter().map(|(place, _)| plain(place)).collect();
    let there =
        if there.is_empty() { "the daemon has none".to_owned() } else { format!("there are {}", there.join(", ")) };
    Err(ClientError::Refused(format!("there is no place {meant:?}; {there}")))
}

/// A path of the API below a place.
pub(super) fn path(place: &str, below: &str) -> String {
    let (kind, name) = place.split_once('/').unwrap_or(("channel", place));
    format!("/plugins/{}/{}{below}", escaped(kind), escaped(name))
}

/// The place as an operator may write it.
pub(super) fn short(place: &str) -> &str {
    place.split_once('/').map_or(place, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn so_much_of_a_name_as_names_one_place_is_enough() {
        let places = json!({"items": [
            {"place": "channel/email", "plugin": "channel-email"},
            {"place": "channel/shop", "plugin": "channel-email"},
            {"place": "channel/policy-routing", "plugin": "channel-chat"},
            {"place": "policy/policy-triage", "plugin": "policy-triage"},
            {"place": "policy/policy-routing", "plugin": "policy-routing"},
        ]});
        for (meant, expected) in [
            ("channel/email", Ok("channel/email")),
            ("email", Ok("channel/email")),
            ("policy-triage", Ok("policy/policy-triage")),
            ("triage", Ok("policy/policy-triage")),
            ("channel-chat", Ok("channel/policy-routing")),
            ("channel-email", Err("channel/email or channel/shop")),
            ("policy-routing", Err("write it whole")),
            ("policy/policy-routing", Ok("policy/policy-routing")),
            ("fax", Err("there are channel/email, channel/shop")),
        ] {
            match (resolve(meant, &places), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected),
                (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
                (found, _) => panic!("{meant}: {found:?}"),
            }
        }
        assert!(resolve("x", &json!({"items": []})).unwrap_err().to_string().ends_with("the daemon has none"));
    }

    #[test]
    fn a_place_is_two_parts_of_a_path() {
        assert_eq!(path("channel/a b", "/enable"), "/plugins/channel/a%20b/enable");
        assert_eq!(path("policy/policy-triage", ""), "/plugins/policy/policy-triage");
    }
}
