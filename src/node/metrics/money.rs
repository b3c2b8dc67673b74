//! Chain, rewards and tickets as values.

use crate::{
    metrics::{Sheet, count, flag, fraction, gwei, lpt, names},
    view::{
        node::{NodeChain, NodeStatus, RedeemView, RewardView},
        payments::PaymentsView,
    },
};

/// What is known of money. `block_seconds` is how long a block of the round's clock lasts, where it does.
pub(super) fn tell(sheet: &mut Sheet, status: &NodeStatus, block_seconds: Option<u64>) {
    if let Some(chain) = &status.chain {
        let age = status.time.as_second() - chain.time.as_second();
        sheet.set(&names::CHAIN_READ, &[], count(age.max(0).unsigned_abs()));
        self::chain(sheet, chain, block_seconds);
    }
    if let Some(payments) = &status.payments {
        self::payments(sheet, payments);
    }
    if let Some(redeem) = &status.redeem {
        self::redeem(sheet, redeem);
    }
    if let Some(reward) = &status.reward {
        self::reward(sheet, reward);
    }
}

fn redeem(sheet: &mut Sheet, redeem: &RedeemView) {
    sheet.maybe(&names::SUGGESTED_GAS_PRICE, redeem.gas_price_wei.map(gwei));
    for (reason, tickets) in &redeem.reasons {
        sheet.set(&names::TICKETS_WAITING, &[reason], count(*tickets));
    }
    sheet.set(&names::REDEEM_COST, &[], gwei(redeem.cost_wei));
    sheet.set(&names::REDEEM_TROUBLE, &[], flag(redeem.trouble.is_some()));
}

fn reward(sheet: &mut Sheet, reward: &RewardView) {
    sheet.set(&names::REWARDS_CALLED_TOTAL, &[], count(reward.called));
    let cost = reward.last_call.as_ref().map(|call| gwei(call.cost_wei));
    sheet.maybe(&names::REWARD_COST, cost);
}

/// How long the first of the waiting tickets can still be redeemed.
pub(super) fn window(sheet: &mut Sheet, blocks: Option<u64>, block_seconds: Option<u64>) {
    sheet.maybe(&names::TICKET_WINDOW_BLOCKS, blocks.map(count));
    let seconds = blocks.zip(block_seconds);
    sheet.maybe(
        &names::TICKET_WINDOW,
        seconds.map(|(blocks, each)| count(blocks.saturating_mul(each))),
    );
}

fn chain(sheet: &mut Sheet, chain: &NodeChain, block_seconds: Option<u64>) {
    sheet.set(&names::ROUND, &[], count(chain.round.0));
    sheet.set(&names::ROUND_INITIALIZED, &[], flag(chain.round_initialized));
    let length = chain.round_length.max(1);
    let elapsed = chain.round_elapsed.min(length);
    sheet.set(&names::ROUND_ELAPSED, &[], count(elapsed) / count(length));
    let left = block_seconds.map(|each| count(each.saturating_mul(length - elapsed)));
    sheet.maybe(&names::ROUND_LEFT, left);
    sheet.set(&names::ACTIVE, &[], flag(chain.active));
    sheet.maybe(&names::RANK, chain.rank.map(f64::from));
    sheet.set(&names::POOL_SIZE, &[], f64::from(chain.pool_size));
    sheet.set(&names::STAKE, &["own"], lpt(chain.own_stake_lpt));
    sheet.set(&names::STAKE, &["total"], lpt(chain.total_stake_lpt));
    sheet.set(&names::REWARD_CALLED, &[], flag(chain.reward_called));
    sheet.set(&names::FEES, &[], gwei(chain.fees_wei));
    sheet.set(&names::GAS_BALANCE, &[], gwei(chain.eth_wei));
}

fn payments(sheet: &mut Sheet, payments: &PaymentsView) {
    let winners = payments.winners_pending + payments.winners_redeemed + payments.winners_lost;
    let values = [
        (&names::TICKET_VALUE_RECV, gwei(payments.credited_wei)),
        (&names::TICKETS_RECV, count(payments.tickets)),
        (&names::WINNING_RECV, count(winners)),
        (&names::VALUE_REDEEMED, gwei(payments.winners_redeemed_wei)),
        (&names::CHARGED, gwei(payments.charged_wei)),
        (&names::MIN_GAS_PRICE, gwei(payments.min_gas_price_wei)),
        (&names::TICKETS_PENDING, count(payments.winners_pending)),
        (&names::TICKETS_PENDING_VALUE, gwei(payments.winners_pending_wei)),
        (&names::TICKETS_LOST, count(payments.winners_lost)),
        (&names::TICKETS_LOST_VALUE, gwei(payments.winners_lost_wei)),
    ];
    for (metric, value) in values {
        sheet.set(metric, &[], value);
    }
    sheet.maybe(&names::MAX_GAS_PRICE, payments.max_gas_price_wei.map(gwei));
    let price = payments.price_wei_per_pixel.as_deref();
    sheet.maybe(&names::TRANSCODING_PRICE, price.and_then(fraction));
}
