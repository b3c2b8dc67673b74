//! What the exporter tells: livepeer-exporter's series, as far as the chain knows them, and how the reading goes.

use super::{EXPORTER, Metric, Origin, counter, gauge};

impl Metric {
    /// A series of livepeer-exporter.
    const fn theirs(self, meant: &'static str, corrected: &'static str) -> Self {
        Self {
            origin: Origin::LivepeerExporter { meant, corrected },
            told_by: EXPORTER,
            ..self
        }
    }
}

macro_rules! table {
    ($($id:ident = $metric:expr;)+) => {
        $(pub(crate) static $id: Metric = $metric;)+

        pub(super) const HERE: &[&Metric] = &[$(&$id),+];
    };
}

table! {
    BONDED = gauge("livepeer_orch_bonded_amount", "LPT", "The orchestrator's own bond as the contract keeps it, without the rewards since it was settled last").labels(&["orchestrator"])
        .theirs("the subgraph's bonded amount of the delegator", "")
        .ask("livepeer_orch_bonded_amount");
    TOTAL_STAKE = gauge("livepeer_orch_total_stake", "LPT", "Own and delegated stake").labels(&["orchestrator"])
        .theirs("the subgraph's total stake", "")
        .ask("livepeer_orch_total_stake");
    STAKE = gauge("livepeer_orch_stake", "LPT", "The operator's true stake with all rewards so far: the orchestrator's own, and that of the accounts named with `--secondary`").labels(&["orchestrator"])
        .theirs("own bond and that of one secondary account", "true stake in place of what was settled last; several accounts")
        .ask("livepeer_orch_stake / livepeer_orch_total_stake");
    LAST_CLAIM_ROUND = gauge("livepeer_orch_last_reward_claim_round", "round", "The round up to which the orchestrator's own earnings are settled").labels(&["orchestrator"])
        .theirs("the delegator's last claim round", "")
        .ask("livepeer_orch_last_reward_claim_round");
    START_ROUND = gauge("livepeer_orch_start_round", "round", "The round from which the orchestrator's own bond counts").labels(&["orchestrator"])
        .theirs("the delegator's start round", "")
        .ask("livepeer_orch_start_round");
    CURRENT_ROUND = gauge("livepeer_orch_current_round", "round", "The current round").labels(&["orchestrator"])
        .theirs("the protocol's current round", "")
        .ask("livepeer_orch_current_round");
    ACTIVATION_ROUND = gauge("livepeer_orch_activation_round", "round", "The round from which the orchestrator is, or was, active; absent if it never was").labels(&["orchestrator"])
        .theirs("the transcoder's activation round", "absent in place of 0 if it never was active")
        .ask("livepeer_orch_activation_round");
    LAST_REWARD_ROUND = gauge("livepeer_orch_last_reward_round", "round", "The last round its reward was called in").labels(&["orchestrator"])
        .theirs("the transcoder's last reward round", "")
        .ask("livepeer_orch_current_round - livepeer_orch_last_reward_round");
    ACTIVE = gauge("livepeer_orch_active", "0 or 1", "Whether the orchestrator is in this round's active set").labels(&["orchestrator"])
        .theirs("the subgraph's active flag", "")
        .ask("livepeer_orch_active == 0");
    FEE_CUT = gauge("livepeer_orch_fee_cut", "0 to 1", "Part of ticket income the orchestrator keeps").labels(&["orchestrator"])
        .theirs("the whole less the fee share", "")
        .ask("livepeer_orch_fee_cut");
    REWARD_CUT = gauge("livepeer_orch_reward_cut", "0 to 1", "Part of newly minted LPT the orchestrator keeps").labels(&["orchestrator"])
        .theirs("the reward cut as a fraction", "")
        .ask("livepeer_orch_reward_cut");
    WITHDRAWN_FEES = gauge("livepeer_orch_withdrawn_fees", "ETH", "Fees withdrawn from the orchestrator's account since the history's first block").labels(&["orchestrator"])
        .theirs("the delegator's withdrawn fees", "read from events")
        .ask("livepeer_orch_withdrawn_fees");
    TOTAL_VOLUME = gauge("livepeer_orch_total_volume_eth", "ETH", "What winning tickets paid since the history's first block").labels(&["orchestrator"])
        .theirs("face value of redeemed tickets", "what was paid, which is less where the sender's funds were short")
        .ask("livepeer_orch_total_volume_eth");
    NINETY_VOLUME = gauge("livepeer_orch_ninety_day_volume_eth", "ETH", "What winning tickets paid in the last 90 days").labels(&["orchestrator"])
        .theirs("face value of tickets by the subgraph's days", "what was paid, to the second")
        .ask("livepeer_orch_ninety_day_volume_eth / 90");
    THIRTY_VOLUME = gauge("livepeer_orch_thirty_day_volume_eth", "ETH", "What winning tickets paid in the last 30 days").labels(&["orchestrator"])
        .theirs("face value of tickets by the subgraph's days", "what was paid, to the second")
        .ask("livepeer_orch_thirty_day_volume_eth / 30");
    CLAIM_RATIO = gauge("livepeer_orch_thirty_day_reward_claim_ratio", "0 to 1", "Share of the last 30 finished rounds in the active set whose reward was called; absent if there is none").labels(&["orchestrator"])
        .theirs("counts pools that merely exist, over 31 rounds, from the first 100 pools", "called rewards by their events, over the rounds that could be rewarded")
        .ask("livepeer_orch_thirty_day_reward_claim_ratio < 1");
    DELEGATOR_BONDED = gauge("livepeer_orch_delegator_bonded_amount", "LPT", "A delegator's bond as the contract keeps it; the largest ones").labels(&["id", "orchestrator"])
        .theirs("bonded amount of each of the first 100 delegators", "the largest `--ids`; gone when the stake is")
        .ask("topk(10, livepeer_orch_delegator_bonded_amount)");
    DELEGATOR_START = gauge("livepeer_orch_delegator_start_round", "round", "The round from which a delegator's bond counts; the largest ones").labels(&["id", "orchestrator"])
        .theirs("start round of each of the first 100 delegators", "the largest `--ids`; gone when the stake is")
        .ask("livepeer_orch_delegator_start_round");
    DELEGATOR_FEES = gauge("livepeer_orch_delegator_collected_fees", "ETH", "A delegator's settled fees that were not withdrawn; the largest ones by stake").labels(&["id", "orchestrator"])
        .theirs("the subgraph's fees of each of the first 100 delegators", "what the contract keeps; the largest `--ids`")
        .ask("livepeer_orch_delegator_collected_fees");
    DELEGATOR_COUNT = gauge("livepeer_orch_delegator_count", "delegators", "Accounts with stake behind the orchestrator, itself included").labels(&["orchestrator"])
        .theirs("at most 100", "all of them")
        .ask("livepeer_orch_delegator_count");
    REWARD_AMOUNT = gauge("livepeer_orch_reward_amount", "LPT", "What it minted: one reward call by its hash, the newest ones").labels(&["id", "orchestrator"])
        .theirs("each one there ever was", "the newest `--ids`")
        .ask("livepeer_orch_reward_amount");
    REWARD_GAS_USED = gauge("livepeer_orch_reward_gas_used", "gas", "Gas it took: one reward call by its hash, the newest ones").labels(&["id", "orchestrator"])
        .theirs("the gas limit", "the receipt's gas; the newest `--ids`")
        .ask("livepeer_orch_reward_gas_used");
    REWARD_GAS_PRICE = gauge("livepeer_orch_reward_gas_price", "wei", "What a unit of its gas cost: one reward call by its hash, the newest ones").labels(&["id", "orchestrator"])
        .theirs("the price", "the price that was paid; the newest `--ids`")
        .ask("livepeer_orch_reward_gas_price");
    REWARD_GAS_COST = gauge("livepeer_orch_reward_gas_cost", "gwei", "What its gas cost: one reward call by its hash, the newest ones").labels(&["id", "orchestrator"])
        .theirs("limit times price", "what was paid; the newest `--ids`")
        .ask("livepeer_orch_reward_gas_cost");
    REWARD_BLOCK = gauge("livepeer_orch_reward_block_number", "block", "The block it is in: one reward call by its hash, the newest ones").labels(&["id", "orchestrator"])
        .theirs("the block", "the newest `--ids`")
        .ask("livepeer_orch_reward_block_number");
    REWARD_TIME = gauge("livepeer_orch_reward_block_time", "milliseconds", "The time of its block since 1970: one reward call by its hash, the newest ones").labels(&["id", "orchestrator"])
        .theirs("the time", "the newest `--ids`")
        .ask("livepeer_orch_reward_block_time");
    REWARD_ROUND = gauge("livepeer_orch_reward_round", "round", "The round it is in: one reward call by its hash, the newest ones").labels(&["id", "orchestrator"])
        .theirs("the round", "the newest `--ids`")
        .ask("livepeer_orch_reward_round");
    TICKET_AMOUNT = gauge("livepeer_orch_winning_ticket_amount", "ETH", "What its tickets paid: one transaction that redeemed winning tickets by its hash, the newest ones").labels(&["id", "orchestrator"])
        .theirs("each one there ever was; of two tickets in one transaction only one", "the newest `--ids`; all tickets of a transaction together, what was paid")
        .ask("livepeer_orch_winning_ticket_amount");
    TICKET_GAS_USED = gauge("livepeer_orch_winning_ticket_gas_used", "gas", "Gas it took: one transaction that redeemed winning tickets by its hash, the newest ones").labels(&["id", "orchestrator"])
        .theirs("the gas limit", "the receipt's gas; the newest `--ids`")
        .ask("livepeer_orch_winning_ticket_gas_used");
    TICKET_GAS_PRICE = gauge("livepeer_orch_winning_ticket_gas_price", "wei", "What a unit of its gas cost: one transaction that redeemed winning tickets by its hash, the newest ones").labels(&["id", "orchestrator"])
        .theirs("the price", "the price that was paid; the newest `--ids`")
        .ask("livepeer_orch_winning_ticket_gas_price");
    TICKET_GAS_COST = gauge("livepeer_orch_winning_ticket_gas_cost", "gwei", "What its gas cost: one transaction that redeemed winning tickets by its hash, the newest ones").labels(&["id", "orchestrator"])
        .theirs("limit times price", "what was paid; the newest `--ids`")
        .ask("livepeer_orch_winning_ticket_gas_cost");
    TICKET_BLOCK = gauge("livepeer_orch_winning_ticket_block_number", "block", "The block it is in: one transaction that redeemed winning tickets by its hash, the newest ones").labels(&["id", "orchestrator"])
        .theirs("the block", "the newest `--ids`")
        .ask("livepeer_orch_winning_ticket_block_number");
    TICKET_TIME = gauge("livepeer_orch_winning_ticket_block_time", "milliseconds", "The time of its block since 1970: one transaction that redeemed winning tickets by its hash, the newest ones").labels(&["id", "orchestrator"])
        .theirs("the time", "the newest `--ids`")
        .ask("livepeer_orch_winning_ticket_block_time");
    TICKET_ROUND = gauge("livepeer_orch_winning_ticket_round", "round", "The round it is in: one transaction that redeemed winning tickets by its hash, the newest ones").labels(&["id", "orchestrator"])
        .theirs("the round", "the newest `--ids`")
        .ask("livepeer_orch_winning_ticket_round");
    DAY_REWARDS = gauge("livepeer_orch_day_rewards", "LPT", "LPT minted by reward calls in the last 24 hours, the delegators' part included").labels(&["orchestrator"])
        .theirs("sum of the rewards", "")
        .ask("livepeer_orch_day_rewards");
    DAY_REWARDS_GAS = gauge("livepeer_orch_rewards_day_gas_cost", "gwei", "What gas of reward calls cost in the last 24 hours, whoever called").labels(&["orchestrator"])
        .theirs("by gas limits", "by receipts")
        .ask("livepeer_orch_rewards_day_gas_cost");
    WEEK_REWARDS = gauge("livepeer_orch_week_rewards", "LPT", "LPT minted by reward calls in the last 7 days, the delegators' part included").labels(&["orchestrator"])
        .theirs("sum of the rewards", "")
        .ask("livepeer_orch_week_rewards");
    WEEK_REWARDS_GAS = gauge("livepeer_orch_rewards_week_gas_cost", "gwei", "What gas of reward calls cost in the last 7 days, whoever called").labels(&["orchestrator"])
        .theirs("by gas limits", "by receipts")
        .ask("livepeer_orch_rewards_week_gas_cost");
    THIRTY_REWARDS = gauge("livepeer_orch_thirty_day_rewards", "LPT", "LPT minted by reward calls in the last 30 days, the delegators' part included").labels(&["orchestrator"])
        .theirs("sum of the rewards", "")
        .ask("livepeer_orch_thirty_day_rewards");
    THIRTY_REWARDS_GAS = gauge("livepeer_orch_rewards_thirty_day_gas_cost", "gwei", "What gas of reward calls cost in the last 30 days, whoever called").labels(&["orchestrator"])
        .theirs("by gas limits", "by receipts")
        .ask("livepeer_orch_rewards_thirty_day_gas_cost");
    NINETY_REWARDS = gauge("livepeer_orch_ninety_day_rewards", "LPT", "LPT minted by reward calls in the last 90 days, the delegators' part included").labels(&["orchestrator"])
        .theirs("sum of the rewards", "")
        .ask("livepeer_orch_ninety_day_rewards");
    NINETY_REWARDS_GAS = gauge("livepeer_orch_rewards_ninety_day_gas_cost", "gwei", "What gas of reward calls cost in the last 90 days, whoever called").labels(&["orchestrator"])
        .theirs("by gas limits", "by receipts")
        .ask("livepeer_orch_rewards_ninety_day_gas_cost");
    YEAR_REWARDS = gauge("livepeer_orch_year_rewards", "LPT", "LPT minted by reward calls in the last 365 days, the delegators' part included").labels(&["orchestrator"])
        .theirs("sum of the rewards", "")
        .ask("livepeer_orch_year_rewards");
    YEAR_REWARDS_GAS = gauge("livepeer_orch_rewards_year_gas_cost", "gwei", "What gas of reward calls cost in the last 365 days, whoever called").labels(&["orchestrator"])
        .theirs("by gas limits", "by receipts")
        .ask("livepeer_orch_rewards_year_gas_cost");
    TOTAL_REWARDS = gauge("livepeer_orch_total_rewards", "LPT", "LPT minted by reward calls in all of the history, the delegators' part included").labels(&["orchestrator"])
        .theirs("sum of the rewards", "")
        .ask("livepeer_orch_total_rewards");
    TOTAL_REWARDS_GAS = gauge("livepeer_orch_rewards_total_gas_cost", "gwei", "What gas of reward calls cost in all of the history, whoever called").labels(&["orchestrator"])
        .theirs("by gas limits", "by receipts")
        .ask("livepeer_orch_rewards_total_gas_cost");
    DAY_FEES = gauge("livepeer_orch_day_fees", "ETH", "What winning tickets paid in the last 24 hours").labels(&["orchestrator"])
        .theirs("sum of face values", "what was paid")
        .ask("livepeer_orch_day_fees");
    DAY_TICKETS_GAS = gauge("livepeer_orch_tickets_day_gas_cost", "gwei", "What gas of redemptions cost in the last 24 hours, whoever redeemed").labels(&["orchestrator"])
        .theirs("by gas limits", "by receipts")
        .ask("livepeer_orch_tickets_day_gas_cost");
    WEEK_FEES = gauge("livepeer_orch_week_fees", "ETH", "What winning tickets paid in the last 7 days").labels(&["orchestrator"])
        .theirs("sum of face values", "what was paid")
        .ask("livepeer_orch_week_fees");
    WEEK_TICKETS_GAS = gauge("livepeer_orch_tickets_week_gas_cost", "gwei", "What gas of redemptions cost in the last 7 days, whoever redeemed").labels(&["orchestrator"])
        .theirs("by gas limits", "by receipts")
        .ask("livepeer_orch_tickets_week_gas_cost");
    THIRTY_FEES = gauge("livepeer_orch_thirty_day_fees", "ETH", "What winning tickets paid in the last 30 days").labels(&["orchestrator"])
        .theirs("sum of face values", "what was paid")
        .ask("livepeer_orch_thirty_day_fees");
    THIRTY_TICKETS_GAS = gauge("livepeer_orch_tickets_thirty_day_gas_cost", "gwei", "What gas of redemptions cost in the last 30 days, whoever redeemed").labels(&["orchestrator"])
        .theirs("by gas limits", "by receipts")
        .ask("livepeer_orch_tickets_thirty_day_gas_cost");
    NINETY_FEES = gauge("livepeer_orch_ninety_day_fees", "ETH", "What winning tickets paid in the last 90 days").labels(&["orchestrator"])
        .theirs("sum of face values", "what was paid")
        .ask("livepeer_orch_ninety_day_fees");
    NINETY_TICKETS_GAS = gauge("livepeer_orch_tickets_ninety_day_gas_cost", "gwei", "What gas of redemptions cost in the last 90 days, whoever redeemed").labels(&["orchestrator"])
        .theirs("by gas limits", "by receipts")
        .ask("livepeer_orch_tickets_ninety_day_gas_cost");
    YEAR_FEES = gauge("livepeer_orch_year_fees", "ETH", "What winning tickets paid in the last 365 days").labels(&["orchestrator"])
        .theirs("sum of face values", "what was paid")
        .ask("livepeer_orch_year_fees");
    YEAR_TICKETS_GAS = gauge("livepeer_orch_tickets_year_gas_cost", "gwei", "What gas of redemptions cost in the last 365 days, whoever redeemed").labels(&["orchestrator"])
        .theirs("by gas limits", "by receipts")
        .ask("livepeer_orch_tickets_year_gas_cost");
    TOTAL_FEES = gauge("livepeer_orch_total_fees", "ETH", "What winning tickets paid in all of the history").labels(&["orchestrator"])
        .theirs("sum of face values", "what was paid")
        .ask("livepeer_orch_total_fees");
    TOTAL_TICKETS_GAS = gauge("livepeer_orch_tickets_total_gas_cost", "gwei", "What gas of redemptions cost in all of the history, whoever redeemed").labels(&["orchestrator"])
        .theirs("by gas limits", "by receipts")
        .ask("livepeer_orch_tickets_total_gas_cost");

    UP = gauge("lpctl_exporter_up", "0 or 1", "Whether the last reading of the chain worked; what was read before is told on")
        .by(EXPORTER).ask("lpctl_exporter_up == 0");
    LAST_READING = gauge("lpctl_exporter_last_reading_timestamp_seconds", "seconds since 1970", "When the chain was last read; absent before the first time")
        .by(EXPORTER).ask("time() - lpctl_exporter_last_reading_timestamp_seconds > 600");
    READING_AGE = gauge("lpctl_exporter_reading_age_seconds", "seconds", "Age of what is told; absent before the first reading")
        .by(EXPORTER).ask("lpctl_exporter_reading_age_seconds > 600");
    READING_SECONDS = gauge("lpctl_exporter_reading_seconds", "seconds", "How long the last reading took, worked or not; absent before the first")
        .by(EXPORTER).ask("lpctl_exporter_reading_seconds > 30");
    READINGS = counter("lpctl_exporter_readings_total", "readings", "Readings that worked")
        .by(EXPORTER).ask("rate(lpctl_exporter_readings_total[10m])");
    READING_FAILURES = counter("lpctl_exporter_reading_failures_total", "readings", "Readings that failed")
        .by(EXPORTER).ask("increase(lpctl_exporter_reading_failures_total[1h])");
    HEAD_BLOCK = gauge("lpctl_exporter_head_block", "block", "The block that was read last; absent before the first reading")
        .by(EXPORTER).ask("changes(lpctl_exporter_head_block[10m]) == 0");
    HISTORY_BLOCK = gauge("lpctl_exporter_history_block", "block", "The block up to which an orchestrator's history is told; absent until it was read").labels(&["orchestrator"])
        .by(EXPORTER).ask("lpctl_exporter_head_block - on () group_right () lpctl_exporter_history_block");
    HISTORY_READ = gauge("lpctl_exporter_history_read_ratio", "0 to 1", "How much of the history was read, in the reading under way or in the last one; absent before the first")
        .by(EXPORTER).ask("lpctl_exporter_history_read_ratio < 1");
    RANK = gauge("lpctl_exporter_orchestrator_rank", "place", "Place in the pool by stake, from 1; absent outside of it").labels(&["orchestrator"])
        .by(EXPORTER).ask("lpctl_exporter_orchestrator_rank");
    WITHDRAWABLE = gauge("lpctl_exporter_fees_gwei", "gwei", "Fees that can be withdrawn").labels(&["orchestrator"])
        .by(EXPORTER).ask("lpctl_exporter_fees_gwei / 1e9");
    GAS_BALANCE = gauge("lpctl_exporter_gas_balance_gwei", "gwei", "ETH in the orchestrator's account, for gas").labels(&["orchestrator"])
        .by(EXPORTER).ask("lpctl_exporter_gas_balance_gwei / 1e9 < 0.01");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_series_of_livepeer_exporter_that_the_chain_knows_are_here() {
        // 69 less success and score by region, price, test streams and fiat prices.
        let theirs = HERE
            .iter()
            .filter(|metric| matches!(metric.origin, Origin::LivepeerExporter { .. }));
        assert_eq!(theirs.count(), 69 - 4 - 5 - 2);
    }
}
