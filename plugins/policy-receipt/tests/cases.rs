//! Every case of `fixtures/`.
use tributary_sdk::testing::check_folder;

#[test]
fn every_case_agrees() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
    check_folder::<policy_receipt::Receipt>(folder).unwrap_or_else(|problems| panic!("{problems}"));
}

#[test]
fn a_configuration_that_cannot_work_is_refused_with_its_key() {
    use tributary_sdk::testing::prepare;
    for (config, key) in [
        (r#"{ "chinese-percent": 0 }"#, "`chinese-percent`"),
        (r#"{ "attribute": "" }"#, "`attribute`"),
        (r#"{ "templates": [] }"#, "`templates`"),
        (r#"{ "default-language": "fr" }"#, "language fr"),
        (r#"{ "templates": [{ "language": "en", "rule": "D2", "text": "{name}" }] }"#, "`templates.0.text`"),
        (
            r#"{ "templates": [{ "language": "en", "rule": "D2", "text": "", "grades": ["x"] }] }"#,
            "`templates.0.grades`",
        ),
    ] {
        let config = config.parse().unwrap();
        let error = prepare::<policy_receipt::Receipt>(config).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(key), "{error}");
    }
}
