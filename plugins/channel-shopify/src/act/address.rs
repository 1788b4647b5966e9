//! Another delivery address. The contract hands over a text; Shopify wants fields, so the text has to name them: as JSON,
//! or one `name: value` on each line.
use serde_json::{Map, Value, json};
use tributary_sdk::types::SendError;

use super::made;
use crate::client::{call, payload};
use crate::config::Config;

const UPDATE: &str = include_str!("../graphql/order_update.graphql");

/// What a field may be called (without case, dashes, underscores and blanks), and Shopify's name of it.
const FIELDS: [(&str, &str); 15] = [
    ("firstname", "firstName"),
    ("lastname", "lastName"),
    ("name", "lastName"),
    ("company", "company"),
    ("address1", "address1"),
    ("street", "address1"),
    ("address2", "address2"),
    ("city", "city"),
    ("province", "provinceCode"),
    ("provincecode", "provinceCode"),
    ("zip", "zip"),
    ("postcode", "zip"),
    ("country", "countryCode"),
    ("countrycode", "countryCode"),
    ("phone", "phone"),
];

/// Deliver to this address instead.
pub fn change(config: &Config, gid: &str, address: &str) -> Result<String, SendError> {
    let fields = read(address).ok_or_else(|| {
        SendError::permanent(
            "Shopify needs an address by its parts, one on each line: `name:`, `address1:`, `city:`, `zip:`, \
             `province:` (code), `country:` (two letters); `address1`, `city` and `country` at least",
        )
    })?;
    let data = call(config, UPDATE, &json!({ "input": { "id": gid, "shippingAddress": fields } }))?;
    made(&payload(&data, "orderUpdate")?, "order")
}

/// The fields of an address; none where one is unknown or too few are there.
fn read(address: &str) -> Option<Value> {
    let mut fields = Map::new();
    let mut put = |name: &str, value: &str| -> Option<()> {
        let plain: String = name.chars().filter(|letter| !"-_ ".contains(*letter)).collect();
        let plain = plain.to_lowercase();
        let (_, field) = FIELDS.iter().find(|(known, _)| *known == plain)?;
        let value = value.trim();
        match value.rsplit_once(' ').filter(|_| plain == "name") {
            Some((first, last)) => {
                fields.insert("firstName".into(), first.trim().into());
                fields.insert("lastName".into(), last.into());
            }
            None if !value.is_empty() => drop(fields.insert((*field).into(), value.into())),
            None => {}
        }
        Some(())
    };
    if let Ok(Value::Object(given)) = serde_json::from_str(address) {
        for (name, value) in &given {
            put(name, value.as_str()?)?;
        }
    } else {
        for line in address.lines().filter(|line| !line.trim().is_empty()) {
            let (name, value) = line.split_once([':', '：'])?;
            put(name, value)?;
        }
    }
    if let Some(Value::String(code)) = fields.get_mut("countryCode") {
        *code = code.to_ascii_uppercase();
    }
    let country = fields.get("countryCode").and_then(Value::as_str).is_some_and(|code| code.len() == 2);
    let enough = country && fields.contains_key("address1") && fields.contains_key("city");
    enough.then_some(Value::Object(fields))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_by_its_parts() {
        let lines = "name: Jane van Doe\naddress1: 123 Elm St.\nCity: Ottawa\nZIP: K2H 7A8\nprovince: ON\ncountry: ca";
        let wanted = json!({"firstName": "Jane van", "lastName": "Doe", "address1": "123 Elm St.", "city": "Ottawa",
            "zip": "K2H 7A8", "provinceCode": "ON", "countryCode": "CA"});
        assert_eq!(read(lines), Some(wanted));
        let object = r#"{"lastName":"Doe","address1":"1 A","city":"B","countryCode":"US"}"#;
        assert_eq!(read(object), serde_json::from_str(object).ok());
        for text in ["123 Elm St., Ottawa", "", "{}", "address1: a\ncity: b\ncountry: Canada", "planet: Mars"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
