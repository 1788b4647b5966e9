//! Every guest that misbehaves on purpose, once: its name, and what it does.
//!
//! Read by the crate of those written in Rust, by `cargo xtask plugins`, which builds each into
//! `target/guests/NAME.wasm`, and by the tests. [`each_guest!`] hands the list to a macro of the reader's, so that a guest
//! without its source, or without its tests, does not compile.

/// Hands every guest to a macro: `adapters` and `policies` are functions of `examples/adapter.rs` and
/// `examples/policy.rs`, `texts` are files of `texts/`, `files` are made of bytes by `cargo xtask plugins`.
#[macro_export]
macro_rules! each_guest {
    ($then:ident) => {
        $then! {
            adapters {
                traps "falls over at every arrival";
                spins "never comes back";
                allocates "asks for memory without end";
                recurses "calls itself without end";
                floods_log "writes log lines without end";
                floods_host "calls the host without end, a byte at a time";
                waits_for_mail "submits a mail to a relay that never answers";
                waits_for_http "asks a host that never answers";
                exfiltrates "sends what it was given to a host of its own";
                forges_file "attaches a file of another conversation";
                forges_conversation "says its message belongs to somebody else's conversation";
                breaks_for_one "falls over at one input and reads the others";
                breaks_for_some "falls over at 1 % of inputs, always the same ones";
                leaks "keeps what it was given and tells it to the next";
            }
            policies {
                policy_traps "falls over at every happening";
                policy_spins "never comes back from a decision";
                policy_oversteps "decides what it was not granted";
            }
            texts {
                overflows "calls itself without end and without a frame of its own";
                grows_tables "grows a table without end";
                returns_a_gigabyte "answers with 1 GiB made of the same 64 KiB";
                lies_about_lengths "answers with a list longer than its memory";
                lies_about_utf8 "answers with a text that is no UTF-8";
            }
            files {
                asks_for_more "imports services that its plugin.toml does not ask for";
                random_bytes "is noise";
                core_module "is a core module, not a component";
                other_world "is a component of another world";
                truncated "ends in the middle";
                deep_bomb "has 20,000 components, each in the one before";
                wide_bomb "has ten instances of ten of ten … of one module, a billion in all";
            }
        }
    };
}
