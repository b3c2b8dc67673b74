//! Reads about the money side: a gateway's deposit and what it is good for, an orchestrator's fees.

use alloy::primitives::{Address, U256};

use super::{Chain, ChainError, facts::Snapshot, network::is_arbitrum};
use crate::{
    units::{Lpt, Wei},
    view::funds::{DepositAnswer, FeesAnswer, Sizing, Standing},
};

/// What orchestrators multiply the cost of a redemption with for the face value they want
/// (`go-livepeer pm/recipient.go`).
const WANTED_REDEMPTIONS: u64 = 100;
/// The gas price below which they take tickets that are worth less than their redemption costs now, in gwei.
const USUAL_GAS_PRICE: u64 = 3;
/// The expected value of a ticket they want unless told otherwise: no ticket is worth less.
const TICKET_VALUE: u64 = 8_000_000_000;

/// Gas of redeeming a ticket as nodes reckon it (`go-livepeer cmd/livepeer/starter/starter.go`).
#[must_use]
pub fn redemption_gas(chain_id: u64) -> u64 {
    if is_arbitrum(chain_id) { 1_200_000 } else { 350_000 }
}

impl Chain {
    /// An account's deposit and reserve, and what tickets they allow now. Two HTTP requests.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read.
    pub async fn deposit(&self, account: Address) -> Result<DepositAnswer, ChainError> {
        let snapshot = self.snapshot(account, None).await?;
        let broker = &snapshot.broker;
        let round = snapshot.round.round;
        Ok(DepositAnswer {
            account,
            deposit_wei: broker.deposit,
            reserve_wei: broker.reserve,
            claimed_this_round_wei: broker.claimed,
            withdraw_round: broker.withdraw_round,
            withdrawable: !broker.is_empty() && broker.withdraw_round.is_some_and(|ready| ready <= round),
            rounds_left: broker.withdraw_round.map(|ready| ready.0.saturating_sub(round.0)),
            unlock_rounds: broker.unlock_period,
            eth_wei: snapshot.eth,
            sizing: sizing(&snapshot),
            round: snapshot.round,
            at: snapshot.at,
        })
    }

    /// What tickets earned an account. Two HTTP requests.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read.
    pub async fn fees(&self, account: Address) -> Result<FeesAnswer, ChainError> {
        let snapshot = self.snapshot(account, None).await?;
        let orchestrator = snapshot
            .chosen()
            .filter(|_| snapshot.stake.stake_lpt > Lpt::ZERO)
            .cloned();
        let settles = snapshot.stake.last_claim_round < snapshot.round.round;
        Ok(FeesAnswer {
            account,
            fees_wei: snapshot.stake.fees_wei,
            eth_wei: snapshot.eth,
            before_reward: settles
                && orchestrator
                    .as_ref()
                    .is_some_and(|chosen| chosen.active && !chosen.reward_called),
            orchestrator,
            round: snapshot.round,
            at: snapshot.at,
        })
    }
}

/// What a gateway's funds allow, in the reckoning of orchestrators (`go-livepeer pm/recipient.go`, `pm/sendermonitor.go`)
/// and of gateways (`pm/sender.go`).
fn sizing(snapshot: &Snapshot) -> Sizing {
    let broker = &snapshot.broker;
    let pool_size = u64::try_from(snapshot.pool.members.len()).unwrap_or(u64::MAX);
    let gas = U256::from(redemption_gas(snapshot.at.chain_id));
    let price = snapshot.now.fees.price.0;
    let redemption = gas.saturating_mul(price);
    let value = U256::from(TICKET_VALUE);
    let hundredfold = |amount: U256| amount.saturating_mul(U256::from(WANTED_REDEMPTIONS));
    let wanted = if hundredfold(redemption) < value {
        hundredfold(value)
    } else {
        hundredfold(redemption)
    };
    let usual = gas.saturating_mul(U256::from(USUAL_GAS_PRICE * 1_000_000_000));
    // A face value that equals the expected value is refused by gateways.
    let least = redemption.min(usual).max(value + U256::from(1));
    let whole = broker.reserve.saturating_add(broker.claimed).0;
    let share = whole.checked_div(U256::from(pool_size)).unwrap_or_default();
    let usable = share.min(broker.deposit.0);
    let unlocking = broker
        .withdraw_round
        .is_some_and(|ready| ready.0 <= snapshot.round.last_initialized.0.saturating_add(1));
    let standing = if broker.is_empty() {
        Standing::Empty
    } else if unlocking {
        Standing::Unlocking
    } else if broker.deposit == Wei::ZERO {
        Standing::NoDeposit
    } else if broker.reserve == Wei::ZERO {
        Standing::NoReserve
    } else if usable < least {
        Standing::Refused
    } else if usable < wanted {
        Standing::Small
    } else {
        Standing::Full
    };
    let shared = |amount: U256| Wei(amount.saturating_mul(U256::from(pool_size.max(1))));
    Sizing {
        standing,
        pool_size,
        gas_price_wei: Wei(price),
        redemption_wei: Wei(redemption),
        reserve_allows_wei: Wei(share),
        deposit_allows_wei: broker.deposit,
        usable_face_value_wei: Wei(usable),
        wanted_face_value_wei: Wei(wanted),
        least_face_value_wei: Wei(least),
        reserve_for_wanted_wei: shared(wanted),
        reserve_for_least_wei: shared(least),
        wins_in_deposit: broker
            .deposit
            .0
            .checked_div(wanted)
            .and_then(|wins| u64::try_from(wins).ok())
            .unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{chain::plan::BrokerFacts, units::Round};

    /// Gas at 0.01 gwei on Arbitrum, a hundred orchestrators: the reference's own example.
    fn example(deposit: &str, reserve: &str) -> Snapshot {
        let mut snapshot = Snapshot::sample();
        snapshot.pool.members = (0..100u8)
            .map(|number| (Address::repeat_byte(number), Lpt::whole(1)))
            .collect();
        snapshot.broker = BrokerFacts {
            deposit: deposit.parse().unwrap(),
            reserve: reserve.parse().unwrap(),
            unlock_period: 2,
            ..BrokerFacts::default()
        };
        snapshot
    }

    #[test]
    fn the_example_of_the_reference_comes_out() {
        let sizing = sizing(&example("1eth", "0.12eth"));
        assert_eq!(sizing.redemption_wei, "0.000012eth".parse().unwrap());
        assert_eq!(sizing.wanted_face_value_wei, "0.0012eth".parse().unwrap());
        assert_eq!(sizing.reserve_for_wanted_wei, "0.12eth".parse().unwrap());
        assert_eq!(sizing.reserve_for_least_wei, "0.0012eth".parse().unwrap());
        assert_eq!(sizing.standing, Standing::Full);
        assert_eq!(sizing.wins_in_deposit, 833);
    }

    #[test]
    fn each_standing_has_its_reason() {
        for (deposit, reserve, standing) in [
            ("0eth", "0eth", Standing::Empty),
            ("0eth", "1eth", Standing::NoDeposit),
            ("1eth", "0eth", Standing::NoReserve),
            ("1eth", "0.0011eth", Standing::Refused),
            ("0.00001eth", "1eth", Standing::Refused),
            ("1eth", "0.0012eth", Standing::Small),
            ("0.001eth", "1eth", Standing::Small),
            ("1eth", "0.12eth", Standing::Full),
        ] {
            assert_eq!(
                sizing(&example(deposit, reserve)).standing,
                standing,
                "{deposit} {reserve}"
            );
        }
        // What was claimed this round still counts for the share.
        let mut claimed = example("1eth", "0.06eth");
        claimed.broker.claimed = "0.06eth".parse().unwrap();
        assert_eq!(sizing(&claimed).standing, Standing::Full);
        let mut unlocking = example("1eth", "1eth");
        unlocking.broker.withdraw_round = Some(Round(12));
        assert_eq!(sizing(&unlocking).standing, Standing::Full, "still a round away");
        unlocking.broker.withdraw_round = Some(Round(11));
        assert_eq!(sizing(&unlocking).standing, Standing::Unlocking);
    }
}
