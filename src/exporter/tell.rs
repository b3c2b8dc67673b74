//! What was read, as values.

use std::{collections::BTreeMap, time::Duration};

use alloy::primitives::Address;

use super::{
    figures::{Earning, Past, window},
    page::Page,
    state::State,
};
use crate::{
    chain::exported::{OrchestratorStanding, Standing},
    metrics::{
        Metric,
        names::{self, exported as told},
        told_apart,
    },
    units::{Lpt, Wei},
    view::rpc::RelayEndpoint,
};

/// The windows of sums: days, and the series of rewards, their gas, fees, and their gas.
type Window = (Option<u64>, [&'static Metric; 4]);

const WINDOWS: [Window; 6] = [
    (
        Some(1),
        [
            &told::DAY_REWARDS,
            &told::DAY_REWARDS_GAS,
            &told::DAY_FEES,
            &told::DAY_TICKETS_GAS,
        ],
    ),
    (
        Some(7),
        [
            &told::WEEK_REWARDS,
            &told::WEEK_REWARDS_GAS,
            &told::WEEK_FEES,
            &told::WEEK_TICKETS_GAS,
        ],
    ),
    (
        Some(30),
        [
            &told::THIRTY_REWARDS,
            &told::THIRTY_REWARDS_GAS,
            &told::THIRTY_FEES,
            &told::THIRTY_TICKETS_GAS,
        ],
    ),
    (
        Some(90),
        [
            &told::NINETY_REWARDS,
            &told::NINETY_REWARDS_GAS,
            &told::NINETY_FEES,
            &told::NINETY_TICKETS_GAS,
        ],
    ),
    (
        Some(365),
        [
            &told::YEAR_REWARDS,
            &told::YEAR_REWARDS_GAS,
            &told::YEAR_FEES,
            &told::YEAR_TICKETS_GAS,
        ],
    ),
    (
        None,
        [
            &told::TOTAL_REWARDS,
            &told::TOTAL_REWARDS_GAS,
            &told::TOTAL_FEES,
            &told::TOTAL_TICKETS_GAS,
        ],
    ),
];

/// The series of one transaction, in this order: amount, gas, price, cost, block, time, round.
const REWARD: [&Metric; 7] = [
    &told::REWARD_AMOUNT,
    &told::REWARD_GAS_USED,
    &told::REWARD_GAS_PRICE,
    &told::REWARD_GAS_COST,
    &told::REWARD_BLOCK,
    &told::REWARD_TIME,
    &told::REWARD_ROUND,
];
const TICKET: [&Metric; 7] = [
    &told::TICKET_AMOUNT,
    &told::TICKET_GAS_USED,
    &told::TICKET_GAS_PRICE,
    &told::TICKET_GAS_COST,
    &told::TICKET_BLOCK,
    &told::TICKET_TIME,
    &told::TICKET_ROUND,
];

/// How orchestrators stand, and what happened to them as far as it is known.
pub(super) fn facts(standing: &Standing, pasts: &BTreeMap<Address, Past>, ids: usize) -> Page {
    let mut page = Page::default();
    page.set(&told::HEAD_BLOCK, &[], standing.at.block);
    for one in &standing.orchestrators {
        let name = lower(one.facts.address);
        stands(&mut page, &name, standing, one);
        if let Some(past) = pasts.get(&one.facts.address) {
            let now = standing.at.time.as_second().unsigned_abs();
            self::past(&mut page, &name, past, now, ids);
        }
    }
    page
}

/// How the reading goes.
pub(super) fn readings(page: &mut Page, state: &State) {
    page.set(&told::UP, &[], u8::from(state.up));
    page.set(&told::READINGS, &[], state.readings);
    page.set(&told::READING_FAILURES, &[], state.failures);
    if let Some(permille) = state.history {
        page.set(
            &told::HISTORY_READ,
            &[],
            format!("{}.{:03}", permille / 1000, permille % 1000),
        );
    }
    if let Some((time, at)) = state.read {
        page.set(&told::LAST_READING, &[], time.as_second());
        page.set(&told::READING_AGE, &[], seconds(at.elapsed()));
    }
    if let Some(took) = state.took {
        page.set(&told::READING_SECONDS, &[], seconds(took));
    }
}

/// How each endpoint does.
pub(super) fn rpc(page: &mut Page, endpoints: &[RelayEndpoint]) {
    let best = endpoints.iter().filter_map(|endpoint| endpoint.block).max();
    for (name, endpoint) in told_apart(endpoints) {
        let labels = [name.as_str()];
        page.set(&names::RPC_UP, &labels, u8::from(endpoint.failure.is_none()));
        page.set(&names::RPC_ANSWERS, &labels, endpoint.answered);
        page.set(&names::RPC_FAILURES, &labels, endpoint.failed);
        if let Some(millis) = endpoint.latency_ms {
            page.set(&names::RPC_LATENCY, &labels, format!("{:.6}", millis / 1e3));
        }
        if let (Some(best), Some(block)) = (best, endpoint.block) {
            page.set(&names::RPC_LAG, &labels, best - block);
        }
    }
}

fn stands(page: &mut Page, name: &str, standing: &Standing, one: &OrchestratorStanding) {
    let (facts, stake) = (&one.facts, &one.stake);
    let mut set = |metric, value: String| page.set(metric, &[name], value);
    set(&told::BONDED, one.bonded.decimal());
    set(&told::TOTAL_STAKE, facts.total_stake_lpt.decimal());
    set(
        &told::STAKE,
        facts.own_stake_lpt.saturating_add(one.beside).decimal(),
    );
    set(&told::LAST_CLAIM_ROUND, stake.last_claim_round.to_string());
    set(&told::START_ROUND, stake.start_round.to_string());
    set(&told::CURRENT_ROUND, standing.round.round.to_string());
    if let Some(round) = facts.activation_round {
        set(&told::ACTIVATION_ROUND, round.to_string());
    }
    set(&told::LAST_REWARD_ROUND, facts.last_reward_round.to_string());
    set(&told::ACTIVE, u8::from(facts.active).to_string());
    set(&told::FEE_CUT, facts.fee_share_percent.complement().fraction());
    set(&told::REWARD_CUT, facts.reward_cut_percent.fraction());
    if let Some(rank) = facts.rank {
        set(&told::RANK, rank.to_string());
    }
    set(&told::WITHDRAWABLE, stake.fees_wei.gwei_decimal());
    set(&told::GAS_BALANCE, one.eth.gwei_decimal());
}

fn past(page: &mut Page, name: &str, past: &Past, now: u64, ids: usize) {
    let labels = [name];
    page.set(&told::HISTORY_BLOCK, &labels, past.block);
    page.set(&told::WITHDRAWN_FEES, &labels, past.withdrawn.eth_decimal());
    if let Some(called) = past.called {
        page.set(&told::CLAIM_RATIO, &labels, called.fraction());
    }
    for (metric, days) in [
        (&told::TOTAL_VOLUME, None),
        (&told::NINETY_VOLUME, Some(90)),
        (&told::THIRTY_VOLUME, Some(30)),
    ] {
        let (paid, _) = window(&past.tickets, now, days);
        page.set(metric, &labels, Wei(paid).eth_decimal());
    }
    for (days, [rewards, rewards_gas, fees, tickets_gas]) in WINDOWS {
        let (minted, cost) = window(&past.rewards, now, days);
        page.set(rewards, &labels, Lpt(minted).decimal());
        page.set(rewards_gas, &labels, cost.gwei_decimal());
        let (paid, cost) = window(&past.tickets, now, days);
        page.set(fees, &labels, Wei(paid).eth_decimal());
        page.set(tickets_gas, &labels, cost.gwei_decimal());
    }
    for earning in past.rewards.iter().rev().take(ids) {
        transaction(page, name, &REWARD, earning, Lpt(earning.amount).decimal());
    }
    for earning in past.tickets.iter().rev().take(ids) {
        transaction(page, name, &TICKET, earning, Wei(earning.amount).eth_decimal());
    }
    page.set(&told::DELEGATOR_COUNT, &labels, past.delegators.len());
    for one in past.delegators.iter().take(ids) {
        let id = lower(one.delegator);
        let labels = [id.as_str(), name];
        page.set(&told::DELEGATOR_BONDED, &labels, one.bonded.decimal());
        page.set(&told::DELEGATOR_START, &labels, one.start_round);
        page.set(&told::DELEGATOR_FEES, &labels, one.fees.eth_decimal());
    }
}

fn transaction(
    page: &mut Page,
    name: &str,
    series: &[&'static Metric; 7],
    earning: &Earning,
    amount: String,
) {
    let id = format!("{:#x}", earning.transaction);
    let labels = [id.as_str(), name];
    let receipt = &earning.receipt;
    let [amounts, used, price, cost, block, time, round] = *series;
    page.set(amounts, &labels, amount);
    page.set(used, &labels, receipt.gas_used);
    page.set(price, &labels, receipt.gas_price().0);
    page.set(cost, &labels, receipt.cost().gwei_decimal());
    page.set(block, &labels, earning.block);
    page.set(time, &labels, receipt.time.saturating_mul(1000));
    if let Some(number) = earning.round {
        page.set(round, &labels, number);
    }
}

/// As livepeer-exporter writes addresses.
fn lower(address: Address) -> String {
    format!("{address:#x}")
}

fn seconds(time: Duration) -> String {
    format!("{}.{:03}", time.as_secs(), time.subsec_millis())
}
