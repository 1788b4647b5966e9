//! `example.toml` is what an operator pastes: it has to be right.
use channel_wechat::WeChat;
use serde_json::json;
use tributary_sdk::testing;

#[test]
fn the_example_is_right_and_a_value_that_means_nothing_is_named() {
    let example = testing::check_example::<WeChat>(include_str!("../../example.toml"), &[]).unwrap();
    let wrong = [
        (json!({ "app-id": "wx 1" }), "`app-id`"),
        (json!({ "api": "api.weixin.qq.com" }), "`api`"),
        (json!({ "max-text-bytes": 3 }), "`max-text-bytes`"),
        (json!({ "media-at-once": 0 }), "`media-at-once`"),
    ];
    testing::check_refusals::<WeChat>(&example, &wrong).unwrap();
}
