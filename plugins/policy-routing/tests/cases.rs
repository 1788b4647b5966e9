//! Every case of `fixtures/`.
use tributary_sdk::testing::check_folder;

#[test]
fn every_case_agrees() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
    check_folder::<policy_routing::Routing>(folder).unwrap_or_else(|problems| panic!("{problems}"));
}

#[test]
fn a_table_that_cannot_work_is_refused_with_its_key() {
    use tributary_sdk::testing::prepare;
    for (config, key) in [
        (r#"{ "default-team": "" }"#, "`default-team`"),
        (r#"{ "routes": [{ "team": "" }] }"#, "`routes.0.team`"),
        (r#"{ "routes": [{ "team": "a" }, { "team": "b", "grades": ["grave"] }] }"#, "`routes.1.grades`"),
        (r#"{ "colour": "red" }"#, "colour"),
    ] {
        let config = config.parse().unwrap();
        let error = prepare::<policy_routing::Routing>(config).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(key), "{error}");
    }
}
