//! Another delivery address. Where the buyer asked for it in the app, the shop only agrees; otherwise the platform wants
//! the address by its parts with the numbers of its areas, so the text has to name them: as JSON, or one `name: value` on
//! each line.
use serde_json::{Map, Value, json};
use tributary_marketplace::wants::unkept;
use tributary_sdk::host::state;
use tributary_sdk::types::SendError;

use crate::client::call;
use crate::config::Config;
use crate::receive::asked;

/// The levels of an address, each with a name and a number.
const LEVELS: [&str; 4] = ["province", "city", "town", "street"];

/// Deliver to this address instead; the result is the order's number.
pub fn change(config: &Config, order: &str, to: &str) -> Result<String, SendError> {
    let place = asked(order);
    if state::get(&place).map_err(unkept)?.is_some() {
        call(config, "/order/addressConfirm", &json!({ "order_id": order, "is_approved": 0 }))?;
        state::delete(&place).map_err(unkept)?;
        return Ok(order.to_owned());
    }
    let mut parameters = read(to).ok_or_else(|| {
        SendError::permanent(
            "the buyer did not ask for another address in the app; 抖店 then needs it by its parts, one on each line: \
             `receiver:`, `phone:`, `detail:`, and `province:`, `province-id:`, `city:`, `city-id:`, `town:`, `town-id:`, \
             `street:`, `street-id:` with the platform's numbers",
        )
    })?;
    parameters["order_id"] = order.into();
    call(config, "/order/addressModify", &parameters)?;
    Ok(order.to_owned())
}

/// The parameters of an address; none where a part is missing or unknown.
fn read(address: &str) -> Option<Value> {
    let mut parts = Map::new();
    if let Ok(Value::Object(given)) = serde_json::from_str(address) {
        parts = given;
    } else {
        for line in address.lines().filter(|line| !line.trim().is_empty()) {
            let (name, value) = line.split_once([':', '：'])?;
            parts.insert(name.trim().to_lowercase(), value.trim().into());
        }
    }
    let mut take = |name: &str| match parts.remove(name)? {
        Value::String(text) if !text.is_empty() => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let mut places = json!({ "detail": take("detail")? });
    for level in LEVELS {
        places[level] = json!({ "name": take(level)?, "id": take(&format!("{level}-id"))? });
    }
    let parameters = json!({ "post_receiver": take("receiver")?, "post_tel": take("phone")?, "post_addr": places });
    parts.is_empty().then_some(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_by_its_parts() {
        let lines = "receiver: 张三\nphone: 13800000000\ndetail：天河路 1 号\nprovince: 广东省\nprovince-id: 44\n\
            city: 广州市\ncity-id: 440100\ntown: 天河区\ntown-id: 440106\nstreet: 员村街道\nstreet-id: 440106002";
        let read = read(lines).unwrap();
        assert_eq!(read["post_addr"]["town"], json!({ "name": "天河区", "id": "440106" }));
        assert_eq!(read["post_receiver"], "张三");
        for text in ["", "广东省广州市天河区", "{}", "receiver: a\nphone: b"] {
            assert_eq!(super::read(text), None, "{text}");
        }
    }
}
