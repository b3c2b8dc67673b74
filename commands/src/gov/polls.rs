//! `lpctl gov polls`.

use clap::Args;
use comfy_table::CellAlignment;
use engine::view::gov::{PollList, PollState, PollView};

use crate::{
    connection::connect,
    context::Context,
    shell::{Report, Style, escape, table},
    wording,
};

/// List the polls about the protocol, open ones counted
///
/// A poll asks whether stakers want a change (a LIP). The chain keeps the votes; they are counted here, by stake, as it is
/// now. Read from events, so it needs an endpoint that keeps logs of that time. No key is needed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl gov polls
  lpctl gov polls --rounds 300
  lpctl gov polls --json | jq -r '.data.polls[].poll'")]
pub struct PollsArgs {
    /// Rounds to go back
    #[arg(long, value_name = "COUNT", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=2000))]
    rounds: u64,
}

/// Lists them.
///
/// # Errors
/// Unreachable when the chain does not answer.
pub async fn run(args: PollsArgs, context: &mut Context) -> eyre::Result<()> {
    let chain = connect(context).await?;
    let bar = context.shell.progress(Some(1), "reading blocks");
    let polls = chain
        .polls(args.rounds, &|progress| {
            bar.set_length(progress.all);
            bar.set_position(progress.done);
        })
        .await;
    bar.finish_and_clear();
    Ok(context.shell.report(&polls.map_err(super::failure)?)?)
}

/// How a poll stands, in words.
pub(super) fn standing(poll: &PollView, style: &Style) -> String {
    match poll.state {
        PollState::Open => format!(
            "{} open, {} left",
            style.good_mark(),
            wording::blocks(poll.blocks_left, poll.seconds_left)
        ),
        PollState::Passed => format!("{} passed", style.good_mark()),
        PollState::Rejected => format!("{} rejected", style.bad_mark()),
        PollState::QuorumNotMet => format!("{} too few voted", style.bad_mark()),
        PollState::Ended => "ended".to_string(),
    }
}

impl Report for PollList {
    fn text(&self, style: &Style) -> String {
        if self.polls.is_empty() {
            return format!(
                "no poll in the last {} rounds · {}\nnext: `lpctl gov polls --rounds {}` looks further back",
                self.rounds,
                wording::read_at(&self.at),
                self.rounds.saturating_mul(5).min(2000)
            );
        }
        let mut rows = table();
        rows.set_header(["poll", "about", "state", "voters", "voted", "yes"]);
        for poll in &self.polls {
            let dash = || "-".to_string();
            let tally = poll.tally.as_ref();
            rows.add_row([
                poll.poll.to_string(),
                escape(&poll.proposal),
                standing(poll, style),
                poll.voters.to_string(),
                tally.map_or_else(dash, |tally| tally.participation_percent.to_string()),
                tally.map_or_else(dash, |tally| tally.support_percent.to_string()),
            ]);
        }
        for column in [3, 4, 5] {
            if let Some(column) = rows.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let open = self.polls.iter().find(|poll| poll.state == PollState::Open);
        let next = match open {
            Some(poll) => format!("next: `lpctl gov vote {} yes`, or `no`", poll.poll),
            None => "next: `lpctl gov poll POLL` counts one that has ended".to_string(),
        };
        format!("{}\n{}\n{next}", rows.trim_fmt(), wording::read_at(&self.at))
    }
}
