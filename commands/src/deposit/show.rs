//! `lpctl deposit show`.

use std::fmt::Write as _;

use alloy::primitives::U256;
use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use engine::{
    units::Wei,
    view::funds::{DepositAnswer, Sizing, Standing},
};

use crate::{
    account::select,
    complete,
    connection::connect,
    context::Context,
    failure::Failure,
    shell::{Report, Style},
    wording,
};

/// Show a gateway's deposit and reserve, and what tickets they allow
///
/// The largest ticket orchestrators take with the pool and the gas price as they are now, and what it takes for larger ones.
/// No key is needed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl deposit show
  lpctl deposit show gateway --json | jq -r .data.sizing.standing")]
pub struct ShowArgs {
    /// Account: a name or an address; without it the one in use
    #[arg(value_name = "NAME|0x…", add = ArgValueCompleter::new(complete::accounts))]
    pub which: Option<String>,
}

/// Shows it.
///
/// # Errors
/// A config failure for an unknown account, unreachable when the chain does not answer.
pub async fn run(args: ShowArgs, context: &mut Context) -> eyre::Result<()> {
    let address = select::address(args.which.as_deref(), context)?;
    let chain = connect(context).await?;
    let answer = chain.deposit(address).await.map_err(Failure::from)?;
    Ok(context.shell.report(&answer)?)
}

impl Report for DepositAnswer {
    fn text(&self, style: &Style) -> String {
        let mut text = format!(
            "{} deposit, {} reserve  {}\n",
            style.bold(&self.deposit_wei.human()),
            self.reserve_wei.human(),
            self.account
        );
        let mut row = |label: &str, value: String| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{label:<9}{value}");
        };
        row(
            "status",
            format!("{} {}", mark(self.sizing.standing, style), status(self)),
        );
        if self.claimed_this_round_wei > Wei::ZERO {
            let claimed = self.claimed_this_round_wei.human();
            row("claimed", format!("{claimed} of the reserve in this round"));
        }
        if self.sizing.standing != Standing::Empty {
            row("tickets", tickets(&self.sizing));
        }
        row("wanted", wanted(&self.sizing));
        row("wallet", self.eth_wei.human());
        let _ = write!(text, "{}", wording::read_at(&self.at));
        if let Some(next) = next(self) {
            let _ = write!(text, "\nnext: {next}");
        }
        text
    }
}

fn mark(standing: Standing, style: &Style) -> String {
    match standing {
        Standing::Full => style.good_mark(),
        Standing::Small => style.warn_mark(),
        _ => style.bad_mark(),
    }
}

fn status(answer: &DepositAnswer) -> String {
    let sizing = &answer.sizing;
    let words = match sizing.standing {
        Standing::Empty => "nothing stands behind this gateway's tickets".to_string(),
        Standing::NoDeposit => "the deposit is used up: the gateway sends no tickets".to_string(),
        Standing::NoReserve => "there is no reserve: orchestrators refuse its tickets".to_string(),
        Standing::Unlocking => "being unlocked: orchestrators refuse its tickets".to_string(),
        Standing::Refused if sizing.pool_size == 0 => {
            "no orchestrator is in the pool: nobody could take a ticket".to_string()
        }
        Standing::Refused => format!(
            "too small: orchestrators refuse tickets below {}",
            sizing.least_face_value_wei.human()
        ),
        Standing::Small => {
            "tickets are smaller than orchestrators want them: each pays more overhead".to_string()
        }
        Standing::Full => "tickets can be as large as orchestrators want them".to_string(),
    };
    let unlocking = match (answer.withdraw_round, answer.withdrawable) {
        (Some(_), true) => "; it can be withdrawn now".to_string(),
        (Some(round), false) => format!("; it can be withdrawn from round {round} on"),
        (None, _) => String::new(),
    };
    format!("{words}{unlocking}")
}

fn tickets(sizing: &Sizing) -> String {
    let share = match sizing.pool_size {
        1 => "the only orchestrator in the pool can claim it".to_string(),
        size => format!("{size} orchestrators share it"),
    };
    format!(
        "up to {}: the reserve allows {} ({share}), the deposit {}",
        sizing.usable_face_value_wei.human(),
        sizing.reserve_allows_wei.human(),
        sizing.deposit_allows_wei.human()
    )
}

fn wanted(sizing: &Sizing) -> String {
    format!(
        "tickets of {} at a gas price of {}: a reserve of {}",
        sizing.wanted_face_value_wei.human(),
        sizing.gas_price_wei.human_gwei(),
        sizing.reserve_for_wanted_wei.human()
    )
}

/// The next amount with two digits that are not zero: the price of gas it rests on moves anyway.
fn round_up(amount: Wei) -> Wei {
    let digits = amount.0.to_string().len();
    let step = U256::from(10u64).pow(U256::from(digits.saturating_sub(2)));
    Wei(amount.0.div_ceil(step).saturating_mul(step))
}

/// What to pay in, as a command.
fn next(answer: &DepositAnswer) -> Option<String> {
    let sizing = &answer.sizing;
    if answer.withdrawable {
        return Some("`lpctl deposit withdraw`, or `lpctl deposit cancel-unlock` to go on".to_string());
    }
    if answer.withdraw_round.is_some() {
        return Some("wait, or `lpctl deposit cancel-unlock` to go on".to_string());
    }
    if sizing.standing == Standing::Full {
        return None;
    }
    let reserve = sizing.reserve_for_wanted_wei.saturating_sub(answer.reserve_wei);
    let deposit = sizing.wanted_face_value_wei.saturating_sub(answer.deposit_wei);
    let part = |name: &str, amount: Wei| {
        (amount > Wei::ZERO).then(|| format!(" --{name} {}eth", round_up(amount).eth_decimal()))
    };
    let parts = [part("deposit", deposit), part("reserve", reserve)];
    let parts: String = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| format!("`lpctl deposit fund{parts}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_to_pay_in_are_short_and_enough() {
        for (amount, rounded) in [
            ("0.017165418359999999eth", "0.018"),
            ("1.5eth", "1.5"),
            ("0.991eth", "1"),
            ("7wei", "0.000000000000000007"),
        ] {
            assert_eq!(round_up(amount.parse().unwrap()).eth_decimal(), rounded);
        }
    }
}
