//! `lpctl round show`.

use std::fmt::Write as _;

use clap::Args;
use engine::view::chain::RoundAnswer;

use crate::{
    connection::connect,
    context::Context,
    failure::Failure,
    shell::{Report, Style},
    wording,
};

/// Show the current round and when things open and close
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl round show
  lpctl round show --json | jq .data.blocks_left")]
pub struct ShowArgs {}

/// Shows it.
///
/// # Errors
/// Unreachable when the chain does not answer.
pub async fn run(_: ShowArgs, context: &mut Context) -> eyre::Result<()> {
    let chain = connect(context).await?;
    let answer = chain.round().await.map_err(Failure::from)?;
    Ok(context.shell.report(&answer)?)
}

impl Report for RoundAnswer {
    fn text(&self, style: &Style) -> String {
        let round = &self.round;
        let mut text = format!(
            "{}   {}\n",
            style.bold(&format!("round {}", round.round)),
            wording::round_line(round, style)
        );
        // Writing to a String cannot fail.
        if self.paused {
            let _ = writeln!(text, "{} the protocol is paused by governance", style.bad_mark());
        }
        let _ = writeln!(
            text,
            "blocks   {} of {}, from block {}",
            wording::grouped(round.elapsed),
            wording::grouped(round.length),
            wording::grouped(round.start_block)
        );
        if !round.initialized {
            let _ = writeln!(text, "last     round {} was initialised", round.last_initialized);
        }
        let _ = write!(text, "{}", wording::read_at(&self.at));
        if !round.initialized {
            let _ = write!(text, "\nnext: `lpctl round init`, or wait until somebody does");
        }
        text
    }
}
