//! Any bytes as a segment of recorded calls: what is whole is read, what is not is skipped, and reading comes to an end.
#![no_main]
use libfuzzer_sys::fuzz_target;
use std::path::PathBuf;
use std::sync::LazyLock;
use tributary_runtime::record::{Recordings, Wanted};

/// A folder of this process, with one segment in it.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| tempfile::tempdir().expect("a folder can be made").keep());

fuzz_target!(|data: &[u8]| {
    std::fs::write(FOLDER.join("00000001-1.rec"), data).expect("the folder can be written");
    let mut recordings = Recordings::open(&FOLDER, Wanted::default()).expect("the folder can be read");
    // A frame has 17 bytes at least.
    let calls = recordings.by_ref().inspect(|recording| drop(recording.to_json(None))).count();
    assert!(calls * 17 <= data.len());
    assert!(recordings.skipped() <= data.len() as u64);
});
