//! Tests of the engine's `devnet`.

use alloy::providers::Provider;
use engine::units::Round;

#[tokio::test]
async fn a_devnet_begins_in_an_open_round() {
    let devnet = testbed::devnet().await;
    let state = devnet.chain().state().await.unwrap();
    assert!(state.round_initialized);
    assert_eq!(state.round_length, 20);
    assert_eq!(state.round, Round(1));
    assert_eq!(devnet.provider().get_chain_id().await.unwrap(), 31_337);
}
