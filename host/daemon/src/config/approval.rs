//! `[approval]`: which operations on orders need somebody else's word, and whose.
use super::reader::Section;
use tributary_model::approval::{Approver, Rule, Rules};
use tributary_model::order::{Money, Operation};

/// Every rule, each under the word of its operation.
pub(super) fn approval(section: &Section<'_, '_>) -> Rules {
    let mut rules = Vec::new();
    for (word, one) in section.sections_by_name() {
        if !Operation::WORDS.contains(&word.as_str()) {
            section.fault(&word, format!("is no operation, one of {} was expected", Operation::WORDS.join(", ")));
            continue;
        }
        let rule = Rule { above: above(&word, &one), by: by(&one) };
        one.finish();
        rules.push((word, rule));
    }
    Rules { rules }
}

fn above(word: &str, section: &Section<'_, '_>) -> Option<Money> {
    let text = section.text("above")?;
    if !Operation::WITH_AMOUNT.contains(&word) {
        section.fault("above", format!("{word} has no amount; without it each {word} needs approval"));
        return None;
    }
    let amount = text.parse();
    if let Err(error) = &amount {
        section.fault("above", format!("is {text:?}: {error}"));
    }
    amount.ok()
}

fn by(section: &Section<'_, '_>) -> Approver {
    match section.text("by") {
        None => Approver::Senior,
        Some(text) => {
            if text.trim().is_empty() {
                section.fault("by", "is empty, \"senior\" or a team's name was expected");
            }
            Approver::of(&text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::reader::Fault;
    use crate::config::{Config, FILE};

    fn read(text: &str) -> Result<Rules, Vec<String>> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), text).unwrap();
        let config = Config::read(dir.path());
        let told = |fault: &Fault| format!("{}: {}", fault.key, fault.what);
        config.map(|config| config.rules.approval).map_err(|faults| faults.iter().map(told).collect())
    }

    #[test]
    fn without_a_word_nothing_needs_approval_and_each_rule_is_read() {
        assert_eq!(read(""), Ok(Rules::default()));
        let text = r#"
            [approval]
            refund = { above = "200.00 CNY", by = "supervisor" }
            coupon = { above = "50 CNY" }
            [approval.change-address]
        "#;
        let rule = |above: Option<i64>, by: &str| {
            let above = above.map(|minor| Money { currency: "CNY".into(), minor });
            Rule { above, by: Approver::of(by) }
        };
        let mut rules = read(text).unwrap_or_else(|faults| panic!("{faults:?}")).rules;
        rules.sort_by(|(one, _), (other, _)| one.cmp(other));
        let want = [
            ("change-address", rule(None, "senior")),
            ("coupon", rule(Some(5_000), "senior")),
            ("refund", rule(Some(20_000), "supervisor")),
        ];
        assert_eq!(rules, want.map(|(word, rule)| (word.to_owned(), rule)));
    }

    #[test]
    fn every_fault_is_told_with_what_was_expected() {
        for (line, told) in [
            ("refnd = {}", "approval.refnd: is no operation, one of refund, create-return, "),
            ("refund = \"always\"", "approval.refund: is a text, a table was expected"),
            ("refund = { above = \"200\" }", "approval.refund.above: is \"200\": an amount is a number with a point"),
            ("refund = { above = \"200.005 CNY\" }", "approval.refund.above: is \"200.005 CNY\": CNY has 2 decimals"),
            ("refund = { above = 200 }", "approval.refund.above: is a number, a text was expected"),
            ("exchange = { above = \"1 CNY\" }", "approval.exchange.above: exchange has no amount"),
            ("refund = { by = \" \" }", "approval.refund.by: is empty, \"senior\" or a team's name"),
            ("refund = { over = \"1 CNY\" }", "approval.refund.over: is not a key here"),
        ] {
            let faults = read(&format!("[approval]\n{line}\n")).expect_err(line);
            assert!(faults.len() == 1 && faults[0].starts_with(told), "{line}: {faults:?}");
        }
    }
}
