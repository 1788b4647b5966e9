//! What `bindgen!` makes of the contract: the only one on the host's side. One world with everything in it, because a
//! component is looked at interface by interface: what it exports is found out when it is read, not by its world's name.
//!
//! Arguments of exports borrow from the host's own values, so a conversation is copied once, into the guest.
#![allow(missing_docs, clippy::all, reason = "generated code; the documentation is in wit/")]
#![allow(unsafe_code, reason = "wasmtime's generated lifting and lowering")]

wasmtime::component::bindgen!({
    path: "../../wit",
    inline: "
        package tributary:host;
        world everything {
            import tributary:plugin/log@0.1.0;
            import tributary:plugin/config@0.1.0;
            import tributary:plugin/clock@0.1.0;
            import tributary:plugin/secrets@0.1.0;
            import tributary:plugin/state@0.1.0;
            import tributary:plugin/blobs@0.1.0;
            import tributary:plugin/http@0.1.0;
            import tributary:plugin/mail@0.1.0;
            import tributary:plugin/feed@0.1.0;
            import tributary:plugin/knowledge@0.1.0;
            import tributary:plugin/calendar@0.1.0;
            export tributary:plugin/lifecycle@0.1.0;
            export tributary:plugin/channel@0.1.0;
            export tributary:plugin/poller@0.1.0;
            export tributary:plugin/presence@0.1.0;
            export tributary:plugin/sampler@0.1.0;
            export tributary:plugin/commerce@0.1.0;
            export tributary:plugin/policy@0.1.0;
            export tributary:plugin/review@0.1.0;
            export tributary:plugin/migration@0.1.0;
        }
    ",
    world: "tributary:host/everything",
    ownership: Borrowing { duplicate_if_necessary: true },
    imports: {
        "tributary:plugin/state@0.1.0.get": async | trappable,
        "tributary:plugin/state@0.1.0.keys": async | trappable,
        "tributary:plugin/blobs@0.1.0": async | trappable,
        "tributary:plugin/http@0.1.0": async | trappable,
        "tributary:plugin/mail@0.1.0": async | trappable,
        "tributary:plugin/knowledge@0.1.0": async | trappable,
        default: trappable,
    },
    exports: { default: async },
    include_component_type: false,
});
