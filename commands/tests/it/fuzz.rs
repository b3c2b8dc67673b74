//! Segments that went wrong, through the helper and the fence. `cargo xtask fuzz` sends thousands.

use testbed::fuzz::{self, Series};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_mutants_end_in_a_known_way_and_leave_nothing() {
    let series = Series {
        lpctl: env!("CARGO_BIN_EXE_lpctl").into(),
        first: 0,
        count: 60,
        seed: 3,
        alone: false,
        save: None,
    };
    let outcomes = fuzz::run(series, |_, _| {}).await.unwrap();
    assert_eq!(outcomes.broken, Vec::<String>::new(), "{outcomes:?}");
    assert_eq!(outcomes.total(), 60);
    // A series in which everything passes, or nothing does, tests nothing.
    let good = outcomes.counts.get("renditions").map_or(0, |(count, _)| *count);
    assert!((5..55).contains(&good), "{outcomes:?}");
}
