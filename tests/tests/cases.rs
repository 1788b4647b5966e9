//! Every folder of `tests/cases`, each on a desk of its own with a real mail server behind it.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Mutex;

use tributary_tests::case;

#[test]
fn every_case_of_the_folder() {
    let cases = Mutex::new(case::all());
    let failed = Mutex::new(Vec::<String>::new());
    let next = || cases.lock().unwrap().pop();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(folder) = next() {
                    let name = name(&folder);
                    println!("case {name}");
                    if catch_unwind(AssertUnwindSafe(|| case::run(&folder))).is_err() {
                        println!("case {name}: FAILED, see above");
                        failed.lock().unwrap().push(name);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{} cases failed: {}", failed.len(), failed.join(", "));
}

fn name(folder: &std::path::Path) -> String {
    let folder: PathBuf = folder.to_owned();
    folder.file_name().expect("a case has a name").to_string_lossy().into_owned()
}
