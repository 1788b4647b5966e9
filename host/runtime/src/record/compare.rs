//! Whether two answers to the same call come to the same, and in what they differ, for people.
//!
//! Decisions are the same where actions and rules are, in order; verdicts where rules and spans are; errors where their
//! case is. Sentences that are written for people are no difference of their own. What
//! channels read, find and do is compared whole.
use super::recording::{Ended, Function};
use super::value::Value;

/// Lines of one difference at most, and characters of one value in it.
const LINES: usize = 12;
const TEXT: usize = 72;

/// How two answers stand to each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Likeness {
    Same,
    /// The same but for sentences that are written for people.
    Reworded,
    Different,
}

/// Compares two answers to a call of this function.
pub(super) fn compare(function: Function, before: &Value, after: &Value) -> Likeness {
    if before == after {
        Likeness::Same
    } else if plain(function, before) == plain(function, after) {
        Likeness::Reworded
    } else {
        Likeness::Different
    }
}

/// An answer without its sentences for people.
fn plain(function: Function, said: &Value) -> Value {
    let (said, payload) = match said.as_case() {
        Some((case, payload)) if case == "Ok" || case == "Err" => (case, payload),
        _ => return said.clone(),
    };
    let payload = match (said, function) {
        ("Err", _) => without_words(payload),
        (_, Function::Decide) => without_why(payload),
        (_, Function::Review) => match payload {
            Value::Map(case) => {
                Value::Map(case.iter().map(|(name, payload)| (name.clone(), without_why(payload))).collect())
            }
            pass => pass.clone(),
        },
        _ => payload.clone(),
    };
    Value::Map(vec![(said.to_owned(), payload)])
}

/// A list of records without their field `why`.
fn without_why(list: &Value) -> Value {
    let bare = |record: &Value| match record {
        Value::Map(fields) => Value::Map(fields.iter().filter(|(name, _)| name != "why").cloned().collect()),
        other => other.clone(),
    };
    match list {
        Value::List(records) => Value::List(records.iter().map(bare).collect()),
        other => other.clone(),
    }
}

/// The case of an error and what is no sentence in it.
fn without_words(error: &Value) -> Value {
    match error.as_case() {
        Some((case, Value::Text(_))) => Value::Text(case.to_owned()),
        Some((case, Value::List(parts))) => {
            let rest = parts.iter().filter(|part| !matches!(part, Value::Text(_))).cloned().collect();
            Value::Map(vec![(case.to_owned(), Value::List(rest))])
        }
        _ => error.clone(),
    }
}

/// In what they differ: a line with `-` for what is no more, one with `+` for what is new.
pub(super) fn lines(function: Function, before: &Ended, after: &Ended) -> Vec<String> {
    let mut lines = Vec::new();
    match (before, after) {
        (Ended::Said(before), Ended::Said(after)) => match (items(function, before), items(function, after)) {
            (Some(before), Some(after)) => lists(&before, &after, &mut lines),
            _ => walk(&mut String::new(), before, after, &mut lines),
        },
        _ => lines.extend([format!("- {}", ended(function, before)), format!("+ {}", ended(function, after))]),
    }
    if lines.len() > LINES {
        let more = lines.len() - LINES;
        lines.truncate(LINES);
        lines.push(format!("  and {more} more"));
    }
    lines
}

/// An answer on one line.
pub(super) fn ended(function: Function, ended: &Ended) -> String {
    match ended {
        Ended::Failed { blame, words } => format!("failed ({}): {words}", blame.as_str()),
        Ended::Said(said) => match items(function, said) {
            Some(items) if items.is_empty() => "nothing".into(),
            Some(items) => items.join("; "),
            None => match said.as_case() {
                Some(("Err", error)) => format!("error: {}", short(error)),
                Some((_, said)) => short(said),
                None => short(said),
            },
        },
    }
}

/// Decisions, one text each.
fn items(function: Function, said: &Value) -> Option<Vec<String>> {
    match (function, said.as_case()) {
        (Function::Decide, Some(("Ok", Value::List(decisions)))) => Some(decisions.iter().map(decision).collect()),
        _ => None,
    }
}

fn decision(decision: &Value) -> String {
    let rule = decision.get("rule").and_then(Value::as_text).unwrap_or_default();
    match decision.get("action").and_then(Value::as_case) {
        Some((action, Value::Nothing)) => format!("{} [{rule}]", kebab(action)),
        Some((action, payload)) => format!("{} {} [{rule}]", kebab(action), short(payload)),
        None => short(decision),
    }
}

/// What is in one list and not in the other; what is in both in another order.
fn lists(before: &[String], after: &[String], lines: &mut Vec<String>) {
    let mut left: Vec<&String> = after.iter().collect();
    let mut gone = Vec::new();
    for item in before {
        match left.iter().position(|one| *one == item) {
            Some(at) => drop(left.remove(at)),
            None => gone.push(item),
        }
    }
    if gone.is_empty() && left.is_empty() {
        lines.push("  the same in another order, or with other values".into());
    }
    lines.extend(gone.into_iter().map(|item| format!("- {item}")));
    lines.extend(left.into_iter().map(|item| format!("+ {item}")));
}

/// Where two values differ, by the names on the way there.
fn walk(path: &mut String, before: &Value, after: &Value, lines: &mut Vec<String>) {
    if before == after {
        return;
    }
    let length = path.len();
    let step = |path: &mut String, name: &str, before: &Value, after: &Value, lines: &mut Vec<String>| {
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(name);
        walk(path, before, after, lines);
        path.truncate(length);
    };
    match (before, after) {
        (Value::Map(old), Value::Map(new))
            if old.len() == new.len() && old.iter().zip(new).all(|((old, _), (new, _))| old == new) =>
        {
            for ((name, old), (_, new)) in old.iter().zip(new) {
                step(path, name, old, new, lines);
            }
        }
        (Value::List(old), Value::List(new)) if old.len() == new.len() => {
            for (at, (old, new)) in old.iter().zip(new).enumerate() {
                step(path, &at.to_string(), old, new, lines);
            }
        }
        _ => lines.extend([format!("- {path}: {}", short(before)), format!("+ {path}: {}", short(after))]),
    }
}

/// A value on one line, cut.
fn short(value: &Value) -> String {
    let text = match value {
        Value::Text(text) => text.clone(),
        Value::Nothing => "none".into(),
        Value::Bytes(bytes) => format!("{} bytes", bytes.len()),
        Value::Map(fields) => {
            let field = |(name, value): &(String, Value)| match value {
                Value::Nothing => None,
                Value::List(items) if items.is_empty() => None,
                value => Some(format!("{name}={}", short(value))),
            };
            fields.iter().filter_map(field).collect::<Vec<_>>().join(" ")
        }
        Value::List(items) => items.iter().map(short).collect::<Vec<_>>().join(", "),
        other => other.to_json().to_string(),
    };
    // What a customer wrote is shown on one line, and steers no terminal.
    let mut cut: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(TEXT).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}

/// `SetGrade` as the contract writes it: `set-grade`.
fn kebab(name: &str) -> String {
    let mut kebab = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.push(c.to_ascii_lowercase());
    }
    kebab
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, Value)]) -> Value {
        Value::Map(pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
    }

    fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    fn decisions(list: &[(&str, &str, &str)]) -> Value {
        let decision = |(grade, rule, why): &(&str, &str, &str)| {
            map(&[("action", map(&[("SetGrade", text(grade))])), ("rule", text(rule)), ("why", text(why))])
        };
        map(&[("Ok", Value::List(list.iter().map(decision).collect()))])
    }

    #[test]
    fn an_action_or_a_rule_is_a_difference_and_a_sentence_is_none() {
        let before = decisions(&[("Dispute", "C1", "a word")]);
        for (after, likeness) in [
            (decisions(&[("Dispute", "C1", "a word")]), Likeness::Same),
            (decisions(&[("Dispute", "C1", "another")]), Likeness::Reworded),
            (decisions(&[("Inquiry", "C1", "a word")]), Likeness::Different),
            (decisions(&[("Dispute", "C2", "a word")]), Likeness::Different),
            (decisions(&[]), Likeness::Different),
            (map(&[("Err", map(&[("Internal", text("x"))]))]), Likeness::Different),
        ] {
            assert_eq!(compare(Function::Decide, &before, &after), likeness, "{after:?}");
        }
        let error = |case: &str, words: &str| map(&[("Err", map(&[(case, text(words))]))]);
        let later = |words: &str, after: u64| {
            map(&[("Err", map(&[("Temporary", Value::List(vec![text(words), Value::Uint(after)]))]))])
        };
        for (function, before, after, likeness) in [
            (Function::Decide, error("Internal", "a"), error("Internal", "b"), Likeness::Reworded),
            (Function::Decide, error("Internal", "a"), error("NotConfigured", "a"), Likeness::Different),
            (Function::Send, later("a", 5), later("b", 5), Likeness::Reworded),
            (Function::Send, later("a", 5), later("a", 6), Likeness::Different),
            (Function::Receive, map(&[("Ok", text("why"))]), map(&[("Ok", text("else"))]), Likeness::Different),
        ] {
            assert_eq!(compare(function, &before, &after), likeness, "{before:?} {after:?}");
        }
        let warned = |why: &str, rule: &str| {
            let objection = map(&[("rule", text(rule)), ("why", text(why)), ("span", Value::Nothing)]);
            map(&[("Ok", map(&[("Warn", Value::List(vec![objection]))]))])
        };
        assert_eq!(compare(Function::Review, &warned("a", "R"), &warned("b", "R")), Likeness::Reworded);
        assert_eq!(compare(Function::Review, &warned("a", "R"), &warned("a", "S")), Likeness::Different);
    }

    #[test]
    fn a_difference_is_said_in_a_few_lines() {
        let said = |value| Ended::Said(value);
        let before = said(decisions(&[("Dispute", "C1", "a"), ("Inquiry", "C0", "b")]));
        let after = said(decisions(&[("Inquiry", "C0", "b"), ("SimpleComplaint", "C2", "c")]));
        let expected = ["- set-grade Dispute [C1]", "+ set-grade SimpleComplaint [C2]"];
        assert_eq!(lines(Function::Decide, &before, &after), expected);
        let reading = |subject: &str| {
            let message = map(&[("subject", text(subject)), ("automatic", Value::Bool(false))]);
            said(map(&[("Ok", map(&[("events", Value::List(vec![map(&[("Message", message)])]))]))]))
        };
        let expected = ["- Ok.events.0.Message.subject: a b", "+ Ok.events.0.Message.subject: c"];
        assert_eq!(lines(Function::Receive, &reading("a\u{1b}b"), &reading("c")), expected);
        let failed = Ended::Failed { blame: crate::call::Blame::Trap, words: "trapped: unreachable".into() };
        let expected = ["- failed (trap): trapped: unreachable", "+ nothing"];
        assert_eq!(lines(Function::Decide, &failed, &said(decisions(&[]))), expected);
    }
}
