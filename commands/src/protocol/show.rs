//! `lpctl protocol show`.

use std::fmt::Write as _;

use clap::Args;
use engine::view::chain::ProtocolAnswer;

use crate::{
    connection::connect,
    context::Context,
    failure::Failure,
    shell::{Report, Style},
    wording,
};

/// Show contracts, rounds, inflation and limits
///
/// As they are on the chain now: governance changes them. No key is needed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl protocol show
  lpctl protocol show --json | jq '.data.contracts[] | select(.name == \"BondingManager\")'")]
pub struct ShowArgs {}

/// Shows them.
///
/// # Errors
/// Unreachable when the chain does not answer.
pub async fn run(_: ShowArgs, context: &mut Context) -> eyre::Result<()> {
    let chain = connect(context).await?;
    let answer = chain.protocol().await.map_err(Failure::from)?;
    Ok(context.shell.report(&answer)?)
}

impl Report for ProtocolAnswer {
    fn text(&self, style: &Style) -> String {
        let state = if self.paused {
            format!("{} paused by governance", style.bad_mark())
        } else {
            format!("{} running", style.good_mark())
        };
        let mut text = format!("{} · {state}\n", style.bold(&self.at.network));
        // Writing to a String cannot fail.
        let mut line = |label: &str, value: String| {
            let _ = writeln!(text, "{label:<16} {value}");
        };
        line(
            "round",
            format!(
                "{}  {}",
                self.round.round,
                wording::round_line(&self.round, style)
            ),
        );
        line(
            "",
            format!(
                "{} blocks, commission closed for the last {}",
                wording::grouped(self.round.length),
                self.round_lock_percent
            ),
        );
        line(
            "pool",
            format!(
                "{} of {} places, the smallest stake is {}",
                self.pool.size,
                self.pool.max_size,
                self.pool.cut_off_lpt.human()
            ),
        );
        line(
            "stake",
            format!(
                "{} active of {} there are",
                self.active_stake_lpt.human(),
                self.supply_lpt.human()
            ),
        );
        line(
            "inflation",
            format!(
                "{} % of the supply a round, changing by {} % towards {} % bonded",
                self.inflation_percent, self.inflation_change_percent, self.target_bonding_percent
            ),
        );
        line(
            "minted",
            format!(
                "{} of {} this round",
                self.minted_lpt.human(),
                self.mintable_lpt.human()
            ),
        );
        if let Some(cut) = &self.treasury_cut_percent {
            let ceiling = self.treasury_ceiling_lpt.map_or_else(String::new, |ceiling| {
                format!(", until it holds {}", ceiling.human())
            });
            line("treasury", format!("gets {cut} % of rewards{ceiling}"));
        }
        line("unbonding", format!("{} rounds", self.unbonding_rounds));
        line(
            "tickets",
            format!(
                "valid for {} rounds; deposits unlock after {}",
                self.ticket_validity_rounds, self.unlock_rounds
            ),
        );
        for contract in &self.contracts {
            line(contract.name, contract.address.to_string());
        }
        text.push_str(&wording::read_at(&self.at));
        text
    }
}
