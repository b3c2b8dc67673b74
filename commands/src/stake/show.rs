//! `lpctl stake show`.

use std::fmt::Write as _;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use engine::{
    units::{Lpt, Wei},
    view::chain::{StakeAnswer, StakeStatus},
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

/// Show an account's stake
///
/// What it is now with all rewards, whom it is delegated to, fees to withdraw and stake on its way back. No key is needed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl stake show
  lpctl stake show 0x70997970C51812dc3A010C7d01b50e0d17dc79C8
  lpctl stake show --json | jq -r .data.stake.stake_lpt")]
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
    let answer = chain.stake(address).await.map_err(Failure::from)?;
    Ok(context.shell.report(&answer)?)
}

impl Report for StakeAnswer {
    fn text(&self, style: &Style) -> String {
        let stake = &self.stake;
        let mut text = format!("{}  {}\n", style.bold(&stake.stake_lpt.human()), self.account);
        // Writing to a String cannot fail.
        let _ = match (stake.status, stake.delegate) {
            (StakeStatus::Unbonded, _) | (_, None) => writeln!(text, "status   nothing bonded"),
            (StakeStatus::Pending, Some(_)) => {
                writeln!(text, "status   counts from round {}", stake.start_round)
            }
            (StakeStatus::Bonded, Some(_)) => writeln!(text, "status   bonded and counting"),
        };
        if let Some(delegate) = stake.delegate.filter(|_| stake.status != StakeStatus::Unbonded) {
            let _ = if delegate == self.account {
                writeln!(
                    text,
                    "with     yourself; {} with all delegators",
                    stake.delegated_lpt.human()
                )
            } else {
                writeln!(text, "with     {delegate}")
            };
        }
        if let Some(orchestrator) = &self.orchestrator {
            let own = orchestrator.address == self.account;
            let sentence = if own {
                wording::commission(orchestrator.reward_cut_percent, orchestrator.fee_share_percent)
            } else {
                wording::their_commission(orchestrator)
            };
            let _ = writeln!(text, "         {sentence}");
        }
        let _ = writeln!(text, "fees     {} to withdraw", stake.fees_wei.human());
        let _ = writeln!(
            text,
            "wallet   {}, {}",
            self.wallet_lpt.human(),
            self.eth_wei.human()
        );
        for lock in &self.locks {
            let when = if lock.withdrawable {
                "can be withdrawn".to_string()
            } else {
                format!(
                    "in round {}, after {}",
                    lock.withdraw_round,
                    wording::counted(usize::try_from(lock.rounds_left).unwrap_or(usize::MAX), "round")
                )
            };
            let _ = writeln!(text, "lock {:<3} {} · {when}", lock.id, lock.amount_lpt.human());
        }
        let next = if stake.stake_lpt == Lpt::ZERO && self.wallet_lpt > Lpt::ZERO {
            "next: `lpctl stake bond AMOUNT`"
        } else if self.eth_wei == Wei::ZERO {
            "next: send ETH for gas to it"
        } else {
            ""
        };
        let _ = write!(text, "{}", wording::read_at(&self.at));
        if !next.is_empty() {
            let _ = write!(text, "\n{next}");
        }
        text
    }
}
