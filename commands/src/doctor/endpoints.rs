//! The chain: its endpoints one by one, the contracts behind them, the clock against the head, and the money for gas.

use alloy::primitives::U256;
use engine::{
    chain::{Chain, redemption_gas},
    units::Wei,
    view::{chain::StatusFacts, rpc::RpcTest},
};
use jiff::Timestamp;

use super::Check;
use crate::{connection, context::Context, failure::Failure, shell::escape, wording};

/// Timed reads of each endpoint.
const READS: u32 = 3;
/// A head older than this is no head of a chain that is alive, in seconds.
const OLD_HEAD: u64 = 300;
/// How far a block's time may be from this clock, in seconds: ahead of it nothing is, but for clocks that differ.
const AHEAD: i64 = 15;
/// Gas of calling reward where it cannot be tried now (measured on Arbitrum, rounded up).
const REWARD_GAS: u64 = 450_000;
/// Rewards the balance shall pay for.
const ENOUGH_REWARDS: u64 = 30;

/// Each endpoint, and the chain behind them if one can be used.
pub(super) async fn check(context: &mut Context) -> (Vec<Check>, Option<Chain>) {
    let endpoints = match connection::endpoints(context) {
        Ok(endpoints) => endpoints,
        Err(failure) => return (vec![("rpc", failure).into()], None),
    };
    let test = endpoints.test(READS).await;
    let mut checks = judge(&test);
    if !test.endpoints.iter().any(|endpoint| endpoint.usable) {
        return (checks, None);
    }
    match connection::connect(context).await {
        Err(failure) => {
            checks.push(("contracts", failure).into());
            (checks, None)
        }
        Ok(chain) => {
            checks.push(Check::good(
                "contracts",
                format!(
                    "{} is chain {}; the Controller {} knows all of them",
                    chain.network().name,
                    chain.chain_id(),
                    wording::short(chain.contracts().controller)
                ),
            ));
            (checks, Some(chain))
        }
    }
}

fn judge(test: &RpcTest) -> Vec<Check> {
    const NAME: &str = "rpc";
    let any = test.endpoints.iter().any(|endpoint| endpoint.usable);
    let public = matches!(test.chain_id, Some(1 | 42_161));
    let one = |endpoint: &engine::view::rpc::RpcEndpoint| {
        let url = &endpoint.endpoint;
        if !endpoint.usable {
            let why = endpoint
                .failure
                .as_deref()
                .map_or("it is of no use".into(), escape);
            let next = "mend it or take it out of `rpc_urls`; `lpctl rpc test` tells more";
            let found = format!("{url}: {why}");
            return match any {
                true => Check::warning(NAME, found, next),
                false => Check::bad(NAME, found, next),
            };
        }
        let speed = endpoint
            .latency_median_ms
            .map_or("no time measured".to_string(), |time| format!("{time} ms"));
        let block = endpoint.block.map_or("no block".to_string(), |block| {
            format!("block {}", wording::grouped(block))
        });
        let found = format!("{url}: {speed}, {block}");
        if endpoint.lagging {
            let behind = endpoint.lag_blocks.unwrap_or_default();
            return Check::warning(
                NAME,
                format!("{found}, {behind} blocks behind the best"),
                "lpctl leaves it alone while it lags; if it stays so, put another one in its place",
            );
        }
        if public && endpoint.head_age_seconds.is_some_and(|age| age > OLD_HEAD) {
            let age = wording::duration(endpoint.head_age_seconds.unwrap_or_default());
            return Check::warning(
                NAME,
                format!("{found}, made {age} ago"),
                "the endpoint stands still, or this machine's clock is wrong: add a second endpoint with `--rpc-url`",
            );
        }
        if endpoint.failed_reads > 0 {
            return Check::warning(
                NAME,
                format!(
                    "{found}, {} of {} reads failed",
                    endpoint.failed_reads, test.reads
                ),
                "add a second endpoint to `rpc_urls`: lpctl falls over by itself",
            );
        }
        Check::good(NAME, found)
    };
    test.endpoints.iter().map(one).collect()
}

/// This clock against the newest block's time. Only a chain that others keep going has a time worth comparing.
pub(super) fn clock(now: Timestamp, head: Timestamp, is_public: bool) -> Check {
    const NAME: &str = "chain_time";
    let next = "set this machine's clock and keep it in step: install chrony, or enable systemd-timesyncd";
    let ahead = head.as_second() - now.as_second();
    if !is_public {
        return Check::good(NAME, "a chain of one's own: its blocks come when they are made");
    }
    if ahead > AHEAD {
        let by = wording::duration(ahead.unsigned_abs());
        return Check::bad(
            NAME,
            format!("this clock is {by} behind the chain's newest block"),
            next,
        );
    }
    if ahead.unsigned_abs() > OLD_HEAD {
        let by = wording::duration(ahead.unsigned_abs());
        return Check::warning(
            NAME,
            format!("the newest block is {by} old by this clock"),
            "the endpoints stand still (`lpctl rpc test`), or this clock is ahead: compare it with another one",
        );
    }
    Check::good(
        NAME,
        format!("{} s from the newest block's time", ahead.unsigned_abs()),
    )
}

/// How many rewards and redemptions the account's ETH pays for at the gas price of now.
pub(super) async fn runway(chain: &Chain, status: &StatusFacts) -> Check {
    let measured = match status.orchestrator.as_ref().is_some_and(|own| own.active) {
        true => chain
            .reward_facts(status.account, status.account, false)
            .await
            .ok(),
        false => None,
    };
    let gas = measured.and_then(|facts| facts.gas).unwrap_or(REWARD_GAS);
    judge_runway(
        status.eth_wei,
        status.gas_price_wei,
        gas,
        redemption_gas(chain.chain_id()),
    )
}

fn judge_runway(balance: Wei, price: Wei, reward_gas: u64, redeem_gas: u64) -> Check {
    const NAME: &str = "gas_runway";
    let times = |gas: u64| {
        let cost = price.0.saturating_mul(U256::from(gas));
        let times = balance.0.checked_div(cost).unwrap_or(U256::MAX);
        u64::try_from(times).unwrap_or(u64::MAX)
    };
    let (rewards, redemptions) = (times(reward_gas), times(redeem_gas));
    let said = |count: u64| match count {
        1_000_000.. => "more than a million".to_string(),
        count => wording::grouped(count),
    };
    let found = format!(
        "{} at {}: pays for {} rewards or {} redemptions",
        balance.human(),
        price.human_gwei(),
        said(rewards),
        said(redemptions)
    );
    let next = "send ETH to the account on this network; `lpctl account show` tells its address";
    match rewards.min(redemptions) {
        0 => Check::bad(NAME, found, next),
        _ if rewards < ENOUGH_REWARDS => Check::warning(NAME, found, next),
        _ => Check::good(NAME, found),
    }
}

/// Reads how the account stands.
pub(super) async fn standing(
    chain: &Chain,
    account: alloy::primitives::Address,
) -> Result<StatusFacts, Box<Check>> {
    let status = chain.status(account).await;
    status.map_err(|error| Box::new(Check::from(("chain", Failure::from(error)))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn a_clock_behind_the_chain_is_wrong_and_one_ahead_is_suspicious() {
        let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
        let verdict = |head| clock(at(0), at(head), true).verdict;
        assert_eq!([-2, 0, 15].map(verdict), [Verdict::Good; 3]);
        assert_eq!(verdict(16), Verdict::Bad);
        assert_eq!(verdict(-301), Verdict::Warning);
        assert_eq!(clock(at(0), at(9999), false).verdict, Verdict::Good);
    }

    #[test]
    fn gas_money_has_three_grades() {
        let verdict = |balance: &str| {
            let price = "0.1gwei".parse().unwrap();
            judge_runway(balance.parse().unwrap(), price, 450_000, 1_200_000)
        };
        // A reward costs 0.000045 ETH, a redemption 0.00012 ETH.
        assert_eq!(verdict("0.00011eth").verdict, Verdict::Bad);
        assert_eq!(verdict("0.0013eth").verdict, Verdict::Warning);
        let good = verdict("0.00135eth");
        assert_eq!(good.verdict, Verdict::Good);
        assert!(
            good.found.ends_with("30 rewards or 11 redemptions"),
            "{}",
            good.found
        );
        let free = judge_runway(Wei(U256::from(1)), Wei::ZERO, 1, 1);
        assert!(free.found.contains("more than a million"), "{}", free.found);
    }

    #[test]
    fn one_endpoint_of_two_may_be_down() {
        let endpoint = |usable: bool, lag: u64| engine::view::rpc::RpcEndpoint {
            endpoint: "https://rpc.example".into(),
            usable,
            lagging: lag > 0,
            chain_id: Some(42_161),
            latency_median_ms: Some(1.5),
            latency_p95_ms: None,
            failed_reads: 0,
            block: Some(7),
            head_age_seconds: Some(1),
            lag_blocks: Some(lag),
            batch: Some(true),
            log_range_blocks: None,
            archive: None,
            failure: (!usable).then(|| "it answers \u{1b}[31m".to_string()),
        };
        let test = |endpoints| RpcTest {
            network: "arbitrum-one".into(),
            chain_id: Some(42_161),
            reads: 3,
            best_block: Some(7),
            endpoints,
        };
        let verdicts = |endpoints| {
            judge(&test(endpoints))
                .iter()
                .map(|check| check.verdict)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            verdicts(vec![endpoint(true, 0), endpoint(false, 0)]),
            [Verdict::Good, Verdict::Warning]
        );
        assert_eq!(verdicts(vec![endpoint(false, 0)]), [Verdict::Bad]);
        assert_eq!(
            verdicts(vec![endpoint(true, 0), endpoint(true, 900)]),
            [Verdict::Good, Verdict::Warning]
        );
        let mut old = endpoint(true, 0);
        old.head_age_seconds = Some(4000);
        assert_eq!(verdicts(vec![old]), [Verdict::Warning]);
        let found = judge(&test(vec![endpoint(false, 0)])).remove(0).found;
        assert!(!found.contains('\u{1b}'), "{found}");
    }
}
