//! `lpctl gov poll`.

use std::fmt::Write as _;

use alloy::primitives::Address;
use clap::Args;
use engine::view::gov::{PollAnswer, PollState};

use super::polls::standing;
use crate::{
    connection::connect,
    context::Context,
    failure::{Failure, Kind},
    shell::{Report, Style, escape, table},
    wording,
};

/// Voters shown to people; scripts get all.
const MOST_VOTERS: usize = 30;

/// Show a poll, counted, with who voted what
///
/// An orchestrator's vote weighs its whole stake, without that of delegators who voted themselves. One that has ended is
/// counted by the stake at its last block, which takes an endpoint that keeps old state. No key is needed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl gov poll 0xf8e3b34ae8ea5c5f0dc5d1bd3f0bcdc5a5e15a2e
  lpctl gov poll 0xf8e3b34ae8ea5c5f0dc5d1bd3f0bcdc5a5e15a2e --json")]
pub struct PollArgs {
    /// The poll's contract
    #[arg(value_name = "POLL", value_parser = super::contract)]
    poll: Address,
}

/// Shows it.
///
/// # Errors
/// A config failure for what is no poll, unreachable when the chain does not answer.
pub async fn run(args: PollArgs, context: &mut Context) -> eyre::Result<()> {
    let chain = connect(context).await?;
    let bar = context.shell.progress(Some(1), "reading blocks");
    let poll = chain
        .poll(args.poll, &|progress| {
            bar.set_length(progress.all);
            bar.set_position(progress.done);
        })
        .await;
    bar.finish_and_clear();
    let Some(answer) = poll.map_err(super::failure)? else {
        let message = format!("{} is not a poll of this protocol", args.poll);
        return Err(Failure::new(Kind::Config, "not_a_poll", message)
            .hint("`lpctl gov polls` lists those there are")
            .into());
    };
    Ok(context.shell.report(&answer)?)
}

impl Report for PollAnswer {
    fn text(&self, style: &Style) -> String {
        let poll = &self.poll;
        let mut text = format!(
            "{}  {}\n",
            style.bold(&poll.poll.to_string()),
            standing(poll, style)
        );
        // Writing to a String cannot fail.
        let _ = writeln!(text, "about    ipfs://{}", escape(&poll.proposal));
        let _ = writeln!(
            text,
            "ends     with block {} of the round's clock",
            wording::grouped(poll.end_block)
        );
        let _ = writeln!(
            text,
            "takes    {} of all stake to vote, and more than {} of that to say yes",
            poll.quorum_percent, poll.quota_percent
        );
        match (&poll.tally, &poll.uncounted) {
            (Some(tally), _) => {
                let _ = writeln!(
                    text,
                    "yes      {} ({})",
                    tally.yes_lpt.human(),
                    tally.support_percent
                );
                let _ = writeln!(text, "no       {}", tally.no_lpt.human());
                let _ = writeln!(
                    text,
                    "voted    {} of {} ({} {})",
                    tally.participation_percent,
                    tally.total_stake_lpt.human(),
                    poll.voters,
                    if poll.voters == 1 { "voter" } else { "voters" }
                );
            }
            (None, Some(why)) => {
                let _ = writeln!(text, "count    {} {}", style.warn_mark(), escape(why));
            }
            (None, None) => {}
        }
        if !poll.votes.is_empty() {
            let mut rows = table();
            rows.set_header(["voter", "vote", "weight"]);
            for vote in poll.votes.iter().take(MOST_VOTERS) {
                rows.add_row([
                    vote.voter.to_string(),
                    vote.choice.to_string(),
                    vote.weight_lpt.human(),
                ]);
            }
            let _ = writeln!(text, "{}", rows.trim_fmt());
            if let Some(more) = poll.votes.len().checked_sub(MOST_VOTERS).filter(|more| *more > 0) {
                let _ = writeln!(text, "{more} more: `--json` has all");
            }
        }
        let _ = write!(text, "{}", wording::read_at(&self.at));
        if poll.state == PollState::Open {
            let _ = write!(text, "\nnext: `lpctl gov vote {} yes`, or `no`", poll.poll);
        }
        text
    }
}
