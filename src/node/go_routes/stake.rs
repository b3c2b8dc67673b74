//! Stake: bonded, on its way back, and what it earns.

use alloy::primitives::Address;
use serde::Serialize;

use super::{
    Ask,
    answer::{Answer, Big, Refused, Reply, shown},
    number,
    transact::{Failed, done, options, send},
};
use crate::{
    chain::{ChainError, Plan, StakeChange},
    units::{Lpt, Wei},
};

/// Chains on which fees are taken out all at once.
const WITHOUT_AMOUNT: [u64; 2] = [1, 4];

/// An account that something is given to.
pub(super) fn receiver(name: &str, text: &str) -> Result<Address, Refused> {
    number::account(text).ok_or_else(|| {
        Refused::bad(format!(
            "{name} is not a valid eth address, provided {}: nothing was sent",
            shown(text)
        ))
    })
}

/// Sends a plan for a route that tells what was not sent (400) from what failed on the way (500).
async fn sent(ask: &Ask, plan: Result<Plan, ChainError>) -> Reply {
    let sent = match plan {
        Ok(plan) => send(ask.outbox()?, plan).await,
        Err(error) => Err(error.into()),
    };
    match sent {
        Ok(_) => Ok(Answer::Nothing),
        Err(Failed::NotSent(text)) => Err(Refused::bad(text)),
        Err(Failed::Sent(text)) => Err(Refused::failed(text)),
    }
}

pub(super) async fn bond(ask: Ask) -> Reply {
    let amount = Lpt(number::amount(&ask.form.value("amount"))?);
    let to = receiver("toAddr", &ask.form.value("toAddr"))?;
    let outbox = ask.outbox()?;
    let options = options(&ask, outbox);
    let plan = outbox
        .chain()
        .plan_bond(outbox.account(), amount, to, options)
        .await;
    sent(&ask, plan).await
}

async fn change(ask: &Ask, change: StakeChange) -> Result<Result<Plan, ChainError>, Refused> {
    let outbox = ask.outbox()?;
    let options = options(ask, outbox);
    Ok(outbox.chain().plan_stake(outbox.account(), change, options).await)
}

pub(super) async fn rebond(ask: Ask) -> Reply {
    let lock = number::lock(&ask.form.value("unbondingLockId"))?;
    let to = match &*ask.form.value("toAddr") {
        "" => None,
        text => Some(receiver("toAddr", text)?),
    };
    let plan = change(&ask, StakeChange::Rebond { lock, to }).await?;
    sent(&ask, plan).await
}

pub(super) async fn unbond(ask: Ask) -> Reply {
    let amount = Lpt(number::amount(&ask.form.value("amount"))?);
    let amount = Some(amount);
    let plan = change(&ask, StakeChange::Unbond { amount }).await?;
    done(&ask, "", plan).await
}

pub(super) async fn withdraw_stake(ask: Ask) -> Reply {
    let lock = Some(number::lock(&ask.form.value("unbondingLockId"))?);
    let plan = change(&ask, StakeChange::Withdraw { lock }).await?;
    done(&ask, "", plan).await
}

pub(super) async fn claim(ask: Ask) -> Reply {
    let plan = change(&ask, StakeChange::Claim).await?;
    done(&ask, "Error claiming earnings: ", plan).await
}

pub(super) async fn reward(ask: Ask) -> Reply {
    let outbox = ask.outbox()?;
    let options = options(&ask, outbox);
    let plan = outbox.chain().plan_reward(outbox.account(), options).await;
    done(&ask, "Error calling reward: ", plan).await
}

pub(super) async fn withdraw_fees(ask: Ask) -> Reply {
    let outbox = ask.outbox()?;
    let text = ask.form.value("amount");
    let amount = match &*text {
        _ if WITHOUT_AMOUNT.contains(&outbox.chain().chain_id()) => None,
        "" => return Err(Refused::bad("missing form param: amount")),
        text => Some(Wei(number::whole(text).ok_or_else(|| {
            Refused::bad(format!("invalid amount: {}", number::NO_NUMBER))
        })?)),
    };
    let options = options(&ask, outbox);
    let plan = outbox
        .chain()
        .plan_withdraw_fees(outbox.account(), amount, None, options);
    let plan = plan.await;
    done(&ask, "could not execute WithdrawFees: ", plan).await
}

#[derive(Serialize)]
struct Lock {
    #[serde(rename = "ID")]
    id: u64,
    #[serde(rename = "Delegator")]
    delegator: Address,
    #[serde(rename = "Amount")]
    amount: Big,
    #[serde(rename = "WithdrawRound")]
    withdraw_round: Big,
}

pub(super) async fn locks(ask: Ask) -> Reply {
    let delegator = ask.account()?;
    let read = ask.chain()?.lock_words(delegator).await;
    let (locks, round) = read.map_err(|error| Refused::failed(error.to_string()))?;
    let only_ready = ask.form.truth("withdrawable");
    let locks: Vec<Lock> = locks
        .into_iter()
        .filter(|lock| !only_ready || lock.withdraw_round <= round)
        .map(|lock| Lock {
            id: lock.id,
            delegator,
            amount: Big(lock.amount),
            withdraw_round: Big(lock.withdraw_round),
        })
        .collect();
    // Go's list without members is null.
    Answer::json(&(!locks.is_empty()).then_some(locks))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Delegator {
    address: Address,
    bonded_amount: Big,
    fees: Big,
    delegate_address: Address,
    delegated_amount: Big,
    start_round: Big,
    last_claim_round: Big,
    next_unbonding_lock_id: Big,
    pending_stake: Big,
    pending_fees: Big,
    status: &'static str,
}

pub(super) async fn delegator(ask: Ask) -> Reply {
    let address = ask.account()?;
    let words = ask.chain()?.delegator_words(address).await;
    let words = words.map_err(|error| Refused::failed(error.to_string()))?;
    let status = match words.status {
        0 => "Pending",
        1 => "Bonded",
        2 => "Unbonded",
        _ => return Err(Refused::failed("unknown delegator status")),
    };
    Answer::json(&Delegator {
        address,
        bonded_amount: Big(words.bonded),
        fees: Big(words.fees),
        delegate_address: words.delegate,
        delegated_amount: Big(words.delegated),
        start_round: Big(words.start_round),
        last_claim_round: Big(words.last_claim_round),
        next_unbonding_lock_id: Big(words.next_lock),
        pending_stake: Big(words.pending_stake),
        pending_fees: Big(words.pending_fees),
        status,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Earnings {
    total_stake: Big,
    transcoder_reward_cut: Big,
    transcoder_fee_share: Big,
    cumulative_reward_factor: Big,
    cumulative_fee_factor: Big,
}

pub(super) async fn earnings(ask: Ask) -> Reply {
    let round = number::amount(&ask.form.query("round"))?;
    let words = ask.chain()?.earnings_words(ask.account()?, round).await;
    let words = words.map_err(|error| Refused::failed(error.to_string()))?;
    Answer::json(&Earnings {
        total_stake: Big(words.total_stake),
        transcoder_reward_cut: Big(words.reward_cut),
        transcoder_fee_share: Big(words.fee_share),
        cumulative_reward_factor: Big(words.reward_factor),
        cumulative_fee_factor: Big(words.fee_factor),
    })
}
