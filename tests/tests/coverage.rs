//! `plugins/COVERAGE.md` says which rows of the service standard have a test, and tells the truth.
//!
//! A case of a policy's `fixtures/` is a test of the row that its name begins with (`d4-once.toml`) and of each rule it expects
//! (`rule = "D4"`). `COVERAGE=write cargo test --release -p tributary-tests --test coverage` writes the page anew.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use tributary_tests::program::root;

/// Every row of the groups whose rules are policies, and what it asks for.
const ROWS: [(&str, &str); 76] = [
    ("C1", "four grades: inquiry, simple complaint, dispute, emergency"),
    ("C2", "three time classes: instant, after-sales, emergency"),
    ("C3", "after-sales requests are typed: return, repair, complaint"),
    ("C4", "five scenarios with a procedure of their own"),
    ("C5", "kinds of dispute: quality, subjective, late, lost, false sign-off, escalated"),
    ("C6", "each grade has a promised first response and a promised resolution"),
    ("C7", "urgency and emotion are noticed"),
    ("C8", "tags by product, region and kind of problem"),
    ("C9", "special scenarios: cross-border, appliances, electronics"),
    ("D1", "an instant inquiry in working hours is connected within 30 s"),
    ("D2", "a complaint is answered and acknowledged within 1 h"),
    ("D3", "an after-sales inquiry is told its direction within 2 h"),
    ("D4", "an emergency reaches three teams within 3 min"),
    ("D5", "an after-sales request is verified within 1 h"),
    ("D6", "a return within policy is reviewed within 24 h"),
    ("D7", "evidence is asked for with 24 h to send it"),
    ("D8", "false sign-off: the carrier is contacted within 2 h"),
    ("D9", "false sign-off: a definite answer within 48 h"),
    ("D10", "level 2: a supervisor begins within 2 h"),
    ("D11", "a plan for compensation within 48 h"),
    ("D12", "an expert team within 24 h where the first result does not satisfy"),
    ("D13", "an escalated complaint is solved within 72 h"),
    ("D14", "untouched for 24 h escalates by itself"),
    ("D15", "an order is confirmed within 15 min"),
    ("D16", "a parcel without news for 24 h leads to contact"),
    ("D17", "an address change or intercept is done within 30 min"),
    ("D18", "a repair has a promised cycle of 7 working days"),
    ("D19", "open items have a follow-up date"),
    ("D20", "a survey 7 days after sign-off"),
    ("D21", "clocks run on working hours or around the clock, by class"),
    ("D22", "a warning before each breach"),
    ("D23", "how long refunds took is measured"),
    ("D24", "a return is finished within 24 h"),
    ("E1", "a team is assigned on arrival"),
    ("E2", "typed work goes to the group with the skill"),
    ("E3", "a customer's own agent comes first"),
    ("E4", "high-value customers reach senior agents first"),
    ("E5", "the bot takes what is simple, people what is not"),
    ("E6", "an emergency goes around the queue to three teams"),
    ("E7", "members of a paid tier are served at any hour"),
    ("E8", "the queue survives too few agents"),
    ("F1", "three levels of response to a complaint"),
    ("F2", "experts look at a case again"),
    ("F3", "what nobody handles escalates by itself"),
    ("F4", "the customer is told how the escalation goes"),
    ("F5", "every matter has an owner and an end"),
    ("F6", "open items carry a date to get in touch again"),
    ("F7", "no case is left behind"),
    ("J1", "the bot answers 70 % of instant inquiries"),
    ("J2", "the bot answers 80 % of repetitive inquiries"),
    ("J3", "the bot is there around the clock"),
    ("J4", "no empty answers: a person gets it, with the context"),
    ("J5", "a knowledge base that is searched and quoted"),
    ("J6", "articles change with products and policies, by date"),
    ("J7", "what found no answer is collected"),
    ("J8", "good practice becomes shared knowledge"),
    ("J9", "self-service"),
    ("J10", "the bot acts on orders"),
    ("K1", "evasive phrases do not leave"),
    ("K2", "empathy instead of mechanical wording"),
    ("K3", "statements about products, campaigns and policy are checked"),
    ("K4", "conclusion first"),
    ("K5", "promotions state their limits"),
    ("K6", "needs are asked for, alternatives offered"),
    ("K7", "a script for each scenario"),
    ("K8", "a neutral stance in disputes"),
    ("K9", "one language of service in every country"),
    ("M1", "after solving, the customer is asked for a rating"),
    ("M2", "a survey at the end and after sign-off"),
    ("M3", "surveys are anonymous"),
    ("M4", "three dimensions: speed, result, attitude"),
    ("M5", "attitude includes professionalism and patience"),
    ("M6", "opinions and needs are recorded and routed"),
    ("M7", "feedback leads to improvement"),
    ("M8", "managers hear feedback regularly"),
    ("M9", "conversations are mined for products and markets"),
];

/// Tests of rows that no case names: the row, the file, and what stands in it.
const ELSEWHERE: [(&str, &str, &str); 14] = [
    ("D24", "plugins/policy-service-clock/fixtures/d6-approved.toml", "return-review"),
    ("E5", "tests/tests/knowledge.rs", "fn the_bot_answers_from_the_articles_and_what_it_cannot_is_listed"),
    ("E6", "plugins/policy-escalation/fixtures/d4-green-channel.toml", "escalate"),
    ("E1", "tests/tests/queue.rs", "fn work_goes_to_whom_it_fits_and_each_place_is_explained"),
    ("E8", "tests/src/bin/bench/day.rs", "fn flood"),
    ("F5", "tests/bench/src/cases.rs", "fn every_matter_has_an_owner_and_a_promised_end"),
    ("K9", "tests/bench/src/cases.rs", "fn the_same_matter_is_treated_the_same_in_both_languages"),
    ("M3", "tests/tests/surveys.rs", "fn a_customer_is_asked_after_the_end_and_the_answer_is_nobodys"),
    ("M7", "tests/tests/surveys.rs", "fn a_customer_is_asked_after_the_end_and_the_answer_is_nobodys"),
    ("M8", "tests/tests/surveys.rs", "fn a_customer_is_asked_after_the_end_and_the_answer_is_nobodys"),
    ("D21", "tests/tests/calendar.rs", "fn a_hundred_thousand_cases_are_reckoned_as_python_reckons_them"),
    ("J5", "tests/tests/knowledge.rs", "fn the_bot_answers_from_the_articles_and_what_it_cannot_is_listed"),
    ("J6", "tests/tests/knowledge.rs", "fn articles_come_in_by_file_and_only_what_holds_is_found"),
    ("J7", "tests/tests/knowledge.rs", "fn the_bot_answers_from_the_articles_and_what_it_cannot_is_listed"),
];

/// The policies whose cases run through their component (`tests/bench/src/cases.rs`).
fn through_the_component() -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join("tests/bench/src/cases.rs")).unwrap();
    let names = text.split('"').filter(|word| word.starts_with("policy-") && !word.contains(' '));
    names.map(str::to_owned).collect()
}

/// The cases of each row: policy and file.
fn cases() -> BTreeMap<String, BTreeSet<(String, String)>> {
    let mut rows: BTreeMap<String, BTreeSet<(String, String)>> = BTreeMap::new();
    let mut folders: Vec<PathBuf> = std::fs::read_dir(root().join("plugins"))
        .unwrap()
        .map(|entry| entry.unwrap().path().join("fixtures"))
        .collect();
    folders.retain(|folder| folder.is_dir() && folder.to_string_lossy().contains("policy-"));
    for folder in folders {
        let policy = folder.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        for file in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            if file.extension().is_none_or(|extension| extension != "toml") {
                continue;
            }
            let name = file.file_stem().unwrap().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&file).unwrap();
            let named = name.split('-').next().unwrap_or_default().to_uppercase();
            let expected = text.split("rule = \"").skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned);
            for row in std::iter::once(named).chain(expected) {
                rows.entry(row).or_default().insert((policy.clone(), name.clone()));
            }
        }
    }
    rows
}

fn page() -> String {
    let (cases, inside) = (cases(), through_the_component());
    let mut page = String::from(
        "# Which rows of the service standard are tested\n\nWritten by `tests/tests/coverage.rs`, which fails where this page \
         is not true. A case is a file of a policy's `fixtures/`; *component* says that its cases run through the real \
         component in the sandbox as well as through its source, *source* through its source alone.\n\n\
         | row | asks for | cases | runs |\n|---|---|---|---|\n",
    );
    let (mut tested, mut open) = (0, Vec::new());
    for (row, what) in ROWS {
        let mut tests = Vec::new();
        let mut runs = BTreeSet::new();
        let mut by_policy: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (policy, name) in cases.get(row).into_iter().flatten() {
            by_policy.entry(policy).or_default().push(name);
            runs.insert(if inside.contains(policy) { "component" } else { "source" });
        }
        for (policy, names) in by_policy {
            let shown = if names.len() > 6 {
                format!("{}, … ({})", names[..6].join(", "), names.len())
            } else {
                names.join(", ")
            };
            tests.push(format!("`{policy}`: {shown}"));
        }
        for (_, file, name) in ELSEWHERE.iter().filter(|(of, ..)| *of == row) {
            let text = std::fs::read_to_string(root().join(file)).unwrap();
            assert!(text.contains(name), "{file} has no {name}");
            tests.push(format!("`{file}`"));
            runs.insert("component");
        }
        if tests.is_empty() {
            open.push(row);
        } else {
            tested += 1;
        }
        let (tests, runs) = (tests.join("; "), runs.into_iter().collect::<Vec<_>>().join(", "));
        let (tests, runs) = if tests.is_empty() { ("–".into(), "open".into()) } else { (tests, runs) };
        let _ = writeln!(page, "| {row} | {what} | {tests} | {runs} |");
    }
    let _ = writeln!(page, "\n{tested} of {} rows are tested; open: {}.", ROWS.len(), open.join(", "));
    page
}

#[test]
fn the_page_of_coverage_is_true() {
    let (path, page) = (root().join("plugins/COVERAGE.md"), page());
    if std::env::var_os("COVERAGE").is_some_and(|word| word == "write") {
        std::fs::write(&path, &page).unwrap();
    }
    let stands = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        stands == page,
        "plugins/COVERAGE.md is not true any more; `COVERAGE=write cargo test --release -p tributary-tests --test coverage` \
         writes it anew"
    );
}
