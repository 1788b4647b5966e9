//! New text of replies that somebody else collected and trimmed by hand (`../shared/data`, see the README there).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use channel_email::quote;

/// Where the data is; none where this checkout stands alone.
fn data() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/mail/reply-trimmer");
    folder.is_dir().then_some(folder)
}

fn comparable(text: &str) -> String {
    text.trim().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[test]
fn new_text_agrees() {
    let Some(data) = data() else {
        println!("left out: trimmed replies, because there is no ../shared/data");
        return;
    };
    let mut names: Vec<_> =
        std::fs::read_dir(data.join("emails")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    let mut differ = Vec::new();
    for name in &names {
        let mail = std::fs::read_to_string(data.join("emails").join(name)).unwrap();
        let expected = std::fs::read_to_string(data.join("trimmed").join(name)).unwrap();
        let split = quote::split(&mail, &[]);
        if comparable(&split.text) != comparable(&expected) {
            differ.push(format!("== {}\n{}\n-- instead of\n{}", name.display(), split.text, expected.trim_end()));
        }
    }
    println!("{} of {} agree\n{}", names.len() - differ.len(), names.len(), differ.join("\n"));
    assert!(
        names.len() - differ.len() >= 58,
        "{} of {} agree\n{}",
        names.len() - differ.len(),
        names.len(),
        differ.join("\n")
    );
}
