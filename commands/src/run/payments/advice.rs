//! What an operator should hear before a node asks for money: what makes gateways go away, or tickets worthless.

use std::time::Duration;

use alloy::primitives::{Address, U256};
use engine::{
    chain::{Chain, Watcher, redemption_gas},
    payments::{ChainTime, Price, Prices},
    units::Wei,
};
use tokio::time::timeout;

use super::price::Asked;
use crate::{
    context::Context,
    failure::{Failure, Kind},
};

/// Gateways refuse tickets worth more, unless told otherwise (`go-livepeer cmd/livepeer/starter`).
const MOST_TICKET_EV: u64 = 3_000;
/// How long the orchestrator's standing may take to be read.
const PATIENCE: Duration = Duration::from_secs(10);

/// A ticket that would be worth nothing.
pub fn bad_ticket_ev(message: String) -> Failure {
    Failure::new(Kind::Refused, "bad_ticket_ev", message)
        .hint("leave `--ticket-ev` out for 8gwei, or give an amount like `--ticket-ev 100gwei`")
}

/// Refuses terms under which nobody would be paid, and warns of those under which few would.
pub fn check(asked: &Asked, chain: &Chain, time: &ChainTime, context: &mut Context) -> Result<(), Failure> {
    let ticket_ev = asked.ticket_ev;
    if ticket_ev == Wei::ZERO {
        return Err(bad_ticket_ev(
            "a ticket must be worth something: gateways would send none, and none would be credited"
                .to_string(),
        ));
    }
    if ticket_ev > Wei::gwei(MOST_TICKET_EV) {
        context.shell.warn(format_args!(
            "a ticket is worth {}: gateways refuse more than {} unless their operators allow it; 8gwei is usual",
            ticket_ev.human(),
            Wei::gwei(MOST_TICKET_EV).human()
        ));
    }
    let Some(face_value) = asked.max_face_value else {
        return Ok(());
    };
    if face_value <= ticket_ev {
        return Err(Failure::new(
            Kind::Refused,
            "bad_face_value",
            format!(
                "a ticket that pays at most {} cannot be worth {}: gateways would refuse every one",
                face_value.human(),
                ticket_ev.human()
            ),
        )
        .hint("leave `--max-face-value` out, or make it many times `--ticket-ev`"));
    }
    let cost = Wei(time
        .gas_price
        .0
        .saturating_mul(U256::from(redemption_gas(chain.chain_id()))));
    if face_value < cost {
        context.shell.warn(format_args!(
            "a winning ticket pays at most {}, and redeeming it costs {} now: gateways are offered nothing while gas is that dear; \
             leave `--max-face-value` out, or raise it",
            face_value.human(),
            cost.human()
        ));
    }
    Ok(())
}

/// Says what gateways pay, and warns of a price that many of them take for none.
pub fn tell_price(prices: &Prices, account: Address, context: &mut Context) {
    let tag = prices.settings().usual;
    let Ok((price, _)) = prices.base(Address::ZERO) else {
        return;
    };
    if price.is_free() {
        context.shell.warn(format_args!(
            "the price is 0: {account} works for nothing for every gateway without a price of its own"
        ));
        return;
    }
    context
        .shell
        .status(format_args!("price: {tag}, {price} wei for a pixel"));
    let least = Price::new(1, 1000).unwrap_or_default();
    if price < least {
        context.shell.warn(format_args!(
            "{price} wei for a pixel rounds to 0 where go-livepeer counts in thousandths of a wei: raise the price, or \
             fewer pixels for it"
        ));
    }
}

/// Warns of an account that tickets cannot be redeemed for. Says whether it is an orchestrator, as far as that is known.
pub async fn tell_standing(watcher: &Watcher, context: &mut Context) -> bool {
    let mut own = watcher.own();
    let standing = timeout(PATIENCE, own.wait_for(Option::is_some)).await;
    let standing = standing
        .ok()
        .and_then(Result::ok)
        .and_then(|standing| standing.clone());
    let Some(standing) = standing else { return true };
    if !standing.registered {
        context.shell.warn(format_args!(
            "{} is no orchestrator: no payment is taken, and no ticket that names it can be redeemed; `lpctl stake bond` \
             and `lpctl orch activate` make it one, or choose another with `--account`",
            standing.account
        ));
    } else if !standing.active {
        context.shell.warn(format_args!(
            "{} is not in the active set of this round: payments are refused until it is",
            standing.account
        ));
    }
    standing.registered
}
