//! `lpctl orch show`.

use std::fmt::Write as _;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use engine::view::chain::OrchestratorAnswer;

use crate::{
    account::select,
    complete,
    connection::connect,
    context::Context,
    failure::Failure,
    shell::{Report, Style, escape},
    wording,
};

/// Show one orchestrator
///
/// Its standing, stake, commission, published address and whether it called reward. No key is needed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl orch show
  lpctl orch show 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 --json")]
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
    let answer = chain.orchestrator(address).await.map_err(Failure::from)?;
    Ok(context.shell.report(&answer)?)
}

impl Report for OrchestratorAnswer {
    fn text(&self, style: &Style) -> String {
        let orchestrator = &self.orchestrator;
        let standing = wording::standing(orchestrator, self.pool.max_size);
        let mut text = format!(
            "{}  {}\n",
            style.bold(&orchestrator.address.to_string()),
            standing
        );
        // Writing to a String cannot fail.
        let delegated = orchestrator
            .total_stake_lpt
            .saturating_sub(orchestrator.own_stake_lpt);
        let _ = writeln!(
            text,
            "stake       {} its own + {} delegated",
            orchestrator.own_stake_lpt.human(),
            delegated.human()
        );
        if orchestrator.registered {
            let _ = writeln!(text, "commission  {}", wording::their_commission(orchestrator));
            let reward = if orchestrator.reward_called {
                format!("{} called this round", style.good_mark())
            } else if orchestrator.active {
                format!(
                    "{} not called in round {} yet",
                    style.warn_mark(),
                    self.round.round
                )
            } else {
                "not active this round".to_string()
            };
            let _ = writeln!(text, "reward      {reward}");
        }
        let address = orchestrator
            .service_uri
            .as_deref()
            .map_or_else(|| "none published".to_string(), escape);
        let _ = writeln!(text, "address     {address}");
        if let Some(round) = orchestrator.deactivation_round {
            let _ = writeln!(text, "leaves      in round {round}");
        }
        let _ = writeln!(text, "fees        {} to withdraw", self.fees_wei.human());
        let _ = writeln!(text, "gas         {}", self.eth_wei.human());
        let _ = write!(text, "{}", wording::read_at(&self.at));
        text
    }
}
