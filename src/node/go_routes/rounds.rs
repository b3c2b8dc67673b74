//! The round, and the protocol's parameters.

use alloy::primitives::Address;
use serde::Serialize;

use super::{
    Ask,
    answer::{Answer, Big, Refused, Reply},
    transact::{done, options},
};

pub(super) async fn current(ask: Ask) -> Reply {
    match ask.chain()?.round_words().await {
        Ok((round, _)) => Answer::text(&round),
        Err(error) => Err(Refused::failed(format!("could not query current round: {error}"))),
    }
}

pub(super) async fn initialized(ask: Ask) -> Reply {
    match ask.chain()?.round_words().await {
        Ok((_, initialized)) => Answer::text(&initialized),
        Err(error) => Err(Refused::failed(format!(
            "could not get initialized round: {error}"
        ))),
    }
}

pub(super) async fn initialize(ask: Ask) -> Reply {
    let outbox = ask.outbox()?;
    let options = options(&ask, outbox);
    let plan = outbox
        .chain()
        .plan_initialize_round(outbox.account(), options)
        .await;
    done(&ask, "could not initialize round: ", plan).await
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Parameters {
    num_active_transcoders: Big,
    round_length: Big,
    round_lock_amount: Big,
    unbonding_period: u64,
    // go-livepeer fills none of these: the contracts have them no more.
    verification_rate: u64,
    verification_period: Option<Big>,
    slashing_period: Option<Big>,
    failed_verification_slash_amount: Option<Big>,
    missed_verification_slash_amount: Option<Big>,
    double_claim_segment_slash_amount: Option<Big>,
    finder_fee: Option<Big>,
    inflation: Big,
    inflation_change: Big,
    target_bonding_rate: Big,
    verification_code_hash: &'static str,
    total_bonded: Big,
    total_supply: Big,
    paused: bool,
}

pub(super) async fn parameters(ask: Ask) -> Reply {
    let words = ask.chain()?.parameter_words().await;
    let words = words.map_err(|error| Refused::failed(error.to_string()))?;
    Answer::json(&Parameters {
        num_active_transcoders: Big(words.pool_size),
        round_length: Big(words.round_length),
        round_lock_amount: Big(words.round_lock),
        unbonding_period: words.unbonding_period,
        verification_rate: 0,
        verification_period: None,
        slashing_period: None,
        failed_verification_slash_amount: None,
        missed_verification_slash_amount: None,
        double_claim_segment_slash_amount: None,
        finder_fee: None,
        inflation: Big(words.inflation),
        inflation_change: Big(words.inflation_change),
        target_bonding_rate: Big(words.target_bonding),
        verification_code_hash: "",
        total_bonded: Big(words.total_bonded),
        total_supply: Big(words.supply),
        paused: words.paused,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Addresses {
    bonding_manager: Address,
    controller: Address,
    livepeer_token: Address,
    livepeer_token_faucet: Address,
    minter: Address,
    rounds_manager: Address,
    ticket_broker: Address,
}

pub(super) async fn addresses(ask: Ask) -> Reply {
    let chain = ask.chain()?;
    let faucet = chain.faucet_address().await;
    let faucet = faucet.map_err(|error| Refused::failed(error.to_string()))?;
    let contracts = chain.contracts();
    Answer::json(&Addresses {
        bonding_manager: contracts.bonding_manager,
        controller: contracts.controller,
        livepeer_token: contracts.livepeer_token,
        livepeer_token_faucet: faucet,
        minter: contracts.minter,
        rounds_manager: contracts.rounds_manager,
        ticket_broker: contracts.ticket_broker,
    })
}
