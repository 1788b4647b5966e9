//! Every case of `fixtures/`, and every call that a host recorded there.
use tributary_sdk::testing::{check_folder, check_recordings};

#[test]
fn every_case_agrees() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
    check_folder::<policy_routing::Routing>(folder).unwrap_or_else(|problems| panic!("{problems}"));
}

#[test]
fn every_recorded_call_is_answered_as_it_was() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
    let checked = check_recordings::<policy_routing::Routing>(folder).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(checked, 4);
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
