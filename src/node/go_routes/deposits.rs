//! What stands behind a gateway's tickets.

use serde::Serialize;

use super::{
    Ask,
    answer::{Answer, Big, Refused, Reply},
    number,
    transact::{done, options},
};
use crate::{chain::DepositChange, units::Wei};

/// Sends a change, and says that it is done.
async fn change(ask: Ask, name: &str, change: DepositChange) -> Reply {
    let outbox = ask.outbox()?;
    let options = options(&ask, outbox);
    let plan = outbox
        .chain()
        .plan_deposit(outbox.account(), change, options)
        .await;
    done(&ask, &format!("could not execute {name}: "), plan).await?;
    Answer::text(&format!("{name} success"))
}

fn wei(ask: &Ask, name: &str) -> Result<Wei, Refused> {
    let amount = number::whole(&ask.form.value(name));
    let amount = amount.ok_or_else(|| Refused::bad(format!("invalid {name}: {}", number::NO_NUMBER)))?;
    Ok(Wei(amount))
}

pub(super) async fn fund_both(ask: Ask) -> Reply {
    let fund = DepositChange::Fund {
        deposit: wei(&ask, "depositAmount")?,
        reserve: wei(&ask, "reserveAmount")?,
    };
    change(ask, "fundDepositAndReserve", fund).await
}

pub(super) async fn fund(ask: Ask) -> Reply {
    let fund = DepositChange::Fund {
        deposit: wei(&ask, "amount")?,
        reserve: Wei::ZERO,
    };
    change(ask, "fundDeposit", fund).await
}

pub(super) async fn unlock(ask: Ask) -> Reply {
    change(ask, "unlock", DepositChange::Unlock).await
}

pub(super) async fn cancel_unlock(ask: Ask) -> Reply {
    change(ask, "cancelUnlock", DepositChange::CancelUnlock).await
}

pub(super) async fn withdraw(ask: Ask) -> Reply {
    change(ask, "withdraw", DepositChange::Withdraw).await
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Sender {
    deposit: Big,
    withdraw_round: Big,
    reserve: Reserve,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Reserve {
    funds_remaining: Big,
    claimed_in_current_round: Big,
}

pub(super) async fn sender(ask: Ask) -> Reply {
    let words = ask.chain()?.sender_words(ask.account()?).await;
    let words = words.map_err(|error| Refused::failed(format!("could not query sender info: {error}")))?;
    Answer::json(&Sender {
        deposit: Big(words.deposit),
        withdraw_round: Big(words.withdraw_round),
        reserve: Reserve {
            funds_remaining: Big(words.reserve),
            claimed_in_current_round: Big(words.claimed),
        },
    })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Parameters {
    unlock_period: Big,
}

pub(super) async fn parameters(ask: Ask) -> Reply {
    let period = ask.chain()?.unlock_period().await;
    let period = period
        .map_err(|error| Refused::failed(format!("could not query TicketBroker unlockPeriod: {error}")))?;
    Answer::json(&Parameters {
        unlock_period: Big(period),
    })
}
