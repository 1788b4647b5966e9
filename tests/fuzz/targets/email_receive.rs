//! Any bytes as a mail. What is read keeps the channel's promises, is the same twice, and can be answered without a word
//! of it ending up where the mail's fields are.
#![no_main]
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use tributary_fuzz::Desk;
use tributary_sdk::Rejection;

static USUAL: LazyLock<Desk> = LazyLock::new(|| Desk::new(262_144, 1 << 20, 100));
/// Limits that small mails reach.
static NARROW: LazyLock<Desk> = LazyLock::new(|| Desk::new(1_024, 64, 2));

fuzz_target!(|data: &[u8]| {
    let (first, host) = USUAL.receive("ann@mail.example", data);
    let (second, _) = USUAL.receive("ann@mail.example", data);
    assert_eq!(first, second, "the same mail twice");
    match first {
        Ok(reading) => USUAL.answer(USUAL.check(&reading, &host)),
        Err(Rejection::Malformed(_)) => {}
        Err(other) => panic!("{other:?}"),
    }
    let (narrow, host) = NARROW.receive("", data);
    if let Ok(reading) = narrow {
        NARROW.check(&reading, &host);
    }
});
