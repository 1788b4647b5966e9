//! `example.toml` is what an operator pastes: it has to be right.
use channel_wecom_kf::CustomerService;
use serde_json::json;
use tributary_sdk::testing;

#[test]
fn the_example_is_right_and_a_value_that_means_nothing_is_named() {
    let example = testing::check_example::<CustomerService>(include_str!("../../example.toml"), &[]).unwrap();
    let wrong = [
        (json!({ "corp-id": "" }), "`corp-id`"),
        (json!({ "api": "x" }), "`api`"),
        (json!({ "pull-limit": 1001 }), "`pull-limit`"),
        (json!({ "pull-rounds": 0 }), "`pull-rounds`"),
        (json!({ "accounts": [" "] }), "`accounts`"),
    ];
    testing::check_refusals::<CustomerService>(&example, &wrong).unwrap();
}
