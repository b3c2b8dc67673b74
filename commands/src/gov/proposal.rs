//! `lpctl gov proposal`.

use std::fmt::Write as _;

use alloy::{hex, primitives::U256};
use clap::Args;
use engine::view::gov::{ProposalAnswer, ProposalState};

use super::proposals::title;
use crate::{
    connection::connect,
    context::Context,
    failure::{Failure, Kind},
    shell::{Report, Style, escape},
    wording,
};

/// Lines of a description shown to people; scripts get all.
const MOST_LINES: usize = 60;
/// Bytes of a call's input shown to people.
const MOST_BYTES: usize = 68;

/// Show a proposal about the treasury
///
/// What it does, how the votes stand, what comes next. What it says was written by whoever proposed it; what it does is in its calls. No key is needed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl gov proposal 66153081234
  lpctl gov proposal 66153081234 --json | jq .data.calls")]
pub struct ProposalArgs {
    /// The proposal's number
    #[arg(value_name = "NUMBER", value_parser = super::number)]
    id: U256,
}

/// Shows it.
///
/// # Errors
/// A config failure for a number that is none, unreachable when the chain does not answer.
pub async fn run(args: ProposalArgs, context: &mut Context) -> eyre::Result<()> {
    let chain = connect(context).await?;
    let bar = context.shell.progress(Some(1), "reading blocks");
    let proposal = chain
        .proposal(args.id, &|progress| {
            bar.set_length(progress.all);
            bar.set_position(progress.done);
        })
        .await;
    bar.finish_and_clear();
    let Some(answer) = proposal.map_err(super::failure)? else {
        let message = format!("the treasury's governor knows no proposal {}", args.id);
        return Err(Failure::new(Kind::Config, "unknown_proposal", message)
            .hint("`lpctl gov proposals` lists those there are")
            .into());
    };
    Ok(context.shell.report(&answer)?)
}

impl Report for ProposalAnswer {
    fn text(&self, style: &Style) -> String {
        let proposal = &self.proposal;
        let mut text = format!("{}\n", style.bold(&title(&proposal.description)));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "number   {}", proposal.id);
        let _ = writeln!(text, "state    {}", super::state(proposal.state));
        let _ = writeln!(text, "by       {}", proposal.proposer);
        let _ = writeln!(
            text,
            "votes    in rounds {} to {}, by the stake at the end of round {}; this is round {}",
            proposal.vote_start.0.saturating_add(1),
            proposal.vote_end,
            proposal.vote_start,
            self.round
        );
        let _ = writeln!(text, "for      {}", proposal.for_lpt.human());
        let _ = writeln!(text, "against  {}", proposal.against_lpt.human());
        let _ = writeln!(text, "abstain  {}", proposal.abstain_lpt.human());
        if let Some(quorum) = proposal.quorum_lpt {
            let voted = proposal
                .for_lpt
                .saturating_add(proposal.against_lpt)
                .saturating_add(proposal.abstain_lpt);
            let mark = if voted >= quorum {
                style.good_mark()
            } else {
                style.bad_mark()
            };
            let _ = writeln!(
                text,
                "quorum   {mark} {} of {} voted",
                voted.human(),
                quorum.human()
            );
        }
        if let Some(quota) = proposal.quota_percent {
            let _ = writeln!(text, "takes    {quota} of for and against to be for");
        }
        let _ = writeln!(text, "does");
        for call in &proposal.calls {
            let value = if call.value_wei.0.is_zero() {
                String::new()
            } else {
                format!(", with {}", call.value_wei.human())
            };
            let what = call.meaning.as_deref().map_or_else(
                || {
                    let shown = &call.calldata[..call.calldata.len().min(MOST_BYTES)];
                    let more = if shown.len() < call.calldata.len() {
                        "…"
                    } else {
                        ""
                    };
                    format!("call {} with 0x{}{more}", call.target, hex::encode(shown))
                },
                escape,
            );
            let _ = writeln!(text, "  {what}{value}");
        }
        let _ = writeln!(text, "says");
        let lines = proposal.description.lines().count();
        for line in proposal.description.lines().take(MOST_LINES) {
            let _ = writeln!(text, "  {}", escape(line));
        }
        if lines > MOST_LINES {
            let _ = writeln!(text, "  … {} lines more: `--json` has all", lines - MOST_LINES);
        }
        let _ = write!(text, "{}", wording::read_at(&self.at));
        let next = match proposal.state {
            ProposalState::Active => format!(
                "`lpctl gov vote-proposal {} for`, `against` or `abstain`",
                proposal.id
            ),
            ProposalState::Succeeded => format!("`lpctl gov queue {}`", proposal.id),
            ProposalState::Queued => format!("`lpctl gov execute {}`", proposal.id),
            _ => return text,
        };
        let _ = write!(text, "\nnext: {next}");
        text
    }
}
