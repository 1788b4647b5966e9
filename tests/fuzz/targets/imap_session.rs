//! Any bytes as what a mail server says, from its greeting on. However it lies, the session ends, takes no mail that is
//! too big, says whole commands, and does the same twice.
//!
//! Input: a byte of choices, then the server's words, in which the byte 0x01 stands for the tag of our last command.
#![no_main]
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use tributary_fuzz::House;

static HOUSE: LazyLock<House> = LazyLock::new(House::new);

fuzz_target!(|data: &[u8]| {
    let [choices, words @ ..] = data else { return };
    let went = HOUSE.session(*choices, words);
    went.check(words);
    assert_eq!(went, HOUSE.session(*choices, words), "the same words twice");
});
