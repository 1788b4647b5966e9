//! Any text in two: every line is in one of the halves, once, in its order.
#![no_main]
use channel_email::quote::split;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    check(text, &[]);
    // The input's first word as a marker of the operator's.
    if let Some(word) = text.split_whitespace().next() {
        check(text, &[word.to_owned()]);
    }
});

fn check(text: &str, markers: &[String]) {
    let halves = split(text, markers);
    let (new, old) = (&halves.text, halves.quoted.as_deref().unwrap_or_default());
    assert!(halves.quoted.as_ref().is_none_or(|old| !old.is_empty()));

    let end = if text.contains('\n') { '\n' } else { '\r' };
    let mut all = filled(text, end);
    let mut found = [filled(new, '\n'), filled(old, '\n')].concat();
    for half in [new, old] {
        let mut rest = all.iter();
        for line in filled(half, '\n') {
            assert!(rest.any(|present| *present == line), "{line:?} is in another order, or from nowhere");
        }
    }
    all.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, all, "lines lost or made up, of {text:?}");
}

/// Lines with something in them. White space around a line is no loss.
fn filled(text: &str, end: char) -> Vec<&str> {
    text.split(end).map(str::trim).filter(|line| !line.is_empty()).collect()
}
