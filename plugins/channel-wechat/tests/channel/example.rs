//! `example.toml` is what an operator pastes: it has to be right.
use channel_wechat::WeChat;
use serde_json::Value;
use tributary_sdk::testing;

const EXAMPLE: &str = include_str!("../../example.toml");
const MANIFEST: &str = include_str!("../../plugin.toml");

#[test]
fn the_example_prepares_and_grants_what_is_asked_for() {
    let example: Value = toml::from_str(EXAMPLE).unwrap();
    let manifest: Value = toml::from_str(MANIFEST).unwrap();
    let channel = &example["channel"][0];
    testing::prepare::<WeChat>(channel["config"].clone()).unwrap();
    assert_eq!(channel["plugin"], manifest["name"]);
    assert_eq!(channel["grants"]["secrets"], manifest["asks"]["secrets"]);
    let asked = manifest["asks"]["egress"].as_array().unwrap().iter();
    let defaults: Value = toml::from_str(include_str!("../../config.toml")).unwrap();
    let origins: Vec<&Value> = asked.map(|key| &defaults[key.as_str().unwrap().trim_matches(['{', '}'])]).collect();
    assert_eq!(channel["grants"]["egress"].as_array().unwrap().iter().collect::<Vec<_>>(), origins);
}

#[test]
fn a_value_that_means_nothing_is_named() {
    let example: Value = toml::from_str(EXAMPLE).unwrap();
    for (key, value) in [
        ("app-id", "wx 1".into()),
        ("api", "api.weixin.qq.com".into()),
        ("max-text-bytes", 3.into()),
        ("media-at-once", 0.into()),
    ] {
        let mut config = example["channel"][0]["config"].clone();
        config[key] = value;
        let error = testing::prepare::<WeChat>(config).err().unwrap().to_string();
        assert!(error.contains(&format!("`{key}`")), "{key}: {error}");
    }
}
