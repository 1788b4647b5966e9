//! Every case of `fixtures/`.
use tributary_sdk::testing::check_folder;

#[test]
fn every_case_agrees() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
    check_folder::<policy_triage::Triage>(folder).unwrap_or_else(|problems| panic!("{problems}"));
}

#[test]
fn a_configuration_that_cannot_work_is_refused_with_its_key() {
    use tributary_sdk::testing::prepare;
    for (config, key) in [
        (
            r#"{ "classes": [{ "name": "a", "means": "m", "grade": "grave", "category": "c" }], "rules": [] }"#,
            "`classes.0.grade`",
        ),
        (r#"{ "classes": [] , "rules": [] }"#, "`classes`"),
        (r#"{ "rules": [{ "id": "C1", "means": "m", "says": "nobody", "words": ["a"] }] }"#, "`rules.0.says`"),
        (r#"{ "emergency-certainty": 1.5 }"#, "`emergency-certainty`"),
        (r#"{ "rules": [{ "id": "C1", "means": "m" }] }"#, "`rules.0`"),
        (r#"{ "rules": [{ "id": "C1", "means": "m", "words": [" *"] }] }"#, "`rules.0.words`"),
        (r#"{ "clocks": [{ "grade": "inquiry", "name": "n", "target": 0 }] }"#, "`clocks.0.target`"),
        (r#"{ "clocks": [{ "grade": "x", "name": "n", "target": 1 }] }"#, "`clocks.0.grade`"),
        (
            r#"{ "clocks": [{ "grade": "inquiry", "name": "n", "target": 1, "warn-at-percent": 100 }] }"#,
            "warn-at-percent",
        ),
        (r#"{ "rules": 3 }"#, "does not fit"),
        ("[]", "expected an object"),
    ] {
        let config = config.parse().unwrap();
        let error = prepare::<policy_triage::Triage>(config).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(key), "{error}");
    }
}
