//! The bundled words against a public collection of customers' sentences, where it lies beside the project.
use std::collections::BTreeMap;
use std::path::Path;

use policy_triage::Triage;
use tributary_sdk::Policy;
use tributary_sdk::desk::{Action, Grade};
use tributary_sdk::testing::{Case, prepare};

/// A case of one sentence.
fn case(text: &str) -> Result<Case, toml::de::Error> {
    toml::from_str(&format!("[message]\ntext = {}", toml::Value::String(text.to_owned())))
}

/// The first column of a line, and the rest after it.
fn utterance(line: &str) -> Option<(&str, &str)> {
    match line.strip_prefix('"') {
        Some(quoted) => quoted.split_once("\","),
        None => line.split_once(','),
    }
}

#[test]
fn payment_anomalies_are_emergencies_and_little_else_is() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/service/bitext-train.csv");
    let Ok(text) = std::fs::read_to_string(&file) else {
        println!("left out: the customers' sentences do not lie beside the project");
        return;
    };
    let triage: Triage = prepare(serde_json::json!({})).unwrap();
    let mut counts: BTreeMap<&str, [usize; 4]> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let Some((utterance, rest)) = utterance(line) else { continue };
        let intent = rest.split(',').next().unwrap_or_default();
        let case = case(utterance).unwrap();
        let decisions = triage.decide(&case.snapshot().unwrap(), &case.happening().unwrap()).unwrap();
        let grade = decisions.iter().find_map(|decision| match decision.action {
            Action::SetGrade(grade) => Some(grade),
            _ => None,
        });
        counts.entry(intent).or_default()[grade.unwrap() as usize] += 1;
    }
    assert!(counts.len() > 20, "the collection is not what this test was written for: {counts:?}");
    for (intent, grades) in &counts {
        let all: usize = grades.iter().sum();
        let percent_from = |grade: Grade| grades[grade as usize..].iter().sum::<usize>() * 100 / all;
        let emergencies = percent_from(Grade::Emergency);
        match *intent {
            "payment_issue" => assert!(emergencies >= 90, "{intent}: {grades:?}"),
            _ => assert!(emergencies <= 1, "{intent}: {grades:?}"),
        }
        if *intent == "complaint" {
            assert!(percent_from(Grade::SimpleComplaint) >= 90, "{intent}: {grades:?}");
        }
    }
}
