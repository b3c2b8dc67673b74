//! The orchestrator's standing on the chain, read again and again for the node's status.

use std::time::Duration;

use alloy::primitives::Address;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    chain::Chain,
    view::{chain::OrchestratorAnswer, node::NodeChain},
};

/// Reads the account's standing at once and then at every interval, until told to stop. What was read last stays when
/// the chain cannot be reached; its age shows.
pub async fn follow(
    chain: Chain,
    account: Address,
    interval: Duration,
    facts: watch::Sender<Option<NodeChain>>,
    stop: CancellationToken,
) {
    let mut was_read = true;
    loop {
        let read = tokio::select! {
            () = stop.cancelled() => return,
            read = chain.orchestrator(account) => read,
        };
        match read {
            Ok(read) => {
                was_read = true;
                facts.send_replace(Some(standing(&read, Timestamp::now())));
            }
            Err(error) if was_read => {
                was_read = false;
                tracing::warn!(%error, "the chain cannot be read");
            }
            Err(error) => tracing::debug!(%error, "the chain still cannot be read"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(interval) => {}
        }
    }
}

fn standing(read: &OrchestratorAnswer, now: Timestamp) -> NodeChain {
    let (orchestrator, round) = (&read.orchestrator, &read.round);
    NodeChain {
        time: now,
        block: read.at.block,
        round: round.round,
        round_initialized: round.initialized,
        round_locked: round.locked,
        round_length: round.length,
        round_elapsed: round.elapsed,
        active: orchestrator.active,
        registered: orchestrator.registered,
        rank: orchestrator.rank,
        pool_size: read.pool.max_size,
        own_stake_lpt: orchestrator.own_stake_lpt,
        total_stake_lpt: orchestrator.total_stake_lpt,
        reward_cut_percent: orchestrator.reward_cut_percent,
        fee_share_percent: orchestrator.fee_share_percent,
        reward_called: orchestrator.reward_called,
        fees_wei: read.fees_wei,
        eth_wei: read.eth_wei,
    }
}
