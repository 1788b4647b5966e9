//! Every case of `fixtures/`, and what the cases cannot say.
use policy_template::Watch;
use tributary_sdk::testing::{check_folder, prepare};

#[test]
fn every_case_agrees() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
    check_folder::<Watch>(folder).unwrap_or_else(|problems| panic!("{problems}"));
}

#[test]
fn an_empty_word_is_refused() {
    let error = prepare::<Watch>(serde_json::json!({ "words": [" "] })).err().unwrap();
    assert_eq!(error.to_string(), "configuration key `words`: a word is empty");
}
