//! Transitions in any order leave the embedded store whole.
use proptest::prelude::*;
use tributary_store::conformance::interleaving::{Step, interleave};
use tributary_store::conformance::persons::meet;
use tributary_store::sqlite::{SqliteConfig, SqliteStore};

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_transitions_leaves_the_store_whole(
        steps in prop::collection::vec((any::<u8>(), any::<u8>(), any::<u8>()), 1..150),
    ) {
        let dir = tempfile::tempdir().expect("a folder");
        let store = SqliteStore::open(&SqliteConfig::new(dir.path())).expect("opens");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let steps: Vec<_> = steps.into_iter().map(|(what, to, how)| Step(what, to, how)).collect();
        let held = runtime.block_on(interleave(&store, &steps));
        prop_assert!(held.is_ok(), "{held:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_meetings_and_partings_leaves_everybody_whole(
        steps in prop::collection::vec((any::<u8>(), any::<u8>(), any::<u8>()), 1..48),
    ) {
        let dir = tempfile::tempdir().expect("a folder");
        let store = SqliteStore::open(&SqliteConfig::new(dir.path())).expect("opens");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let steps: Vec<_> = steps.into_iter().map(|(what, to, how)| Step(what, to, how)).collect();
        let held = runtime.block_on(meet(&store, &steps));
        prop_assert!(held.is_ok(), "{held:?}");
    }
}
