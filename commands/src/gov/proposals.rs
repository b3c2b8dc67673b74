//! `lpctl gov proposals`.

use clap::Args;
use comfy_table::CellAlignment;
use engine::view::gov::{ProposalList, ProposalState};

use crate::{
    connection::connect,
    context::Context,
    shell::{Report, Style, escape, table},
    wording,
};

/// Characters of a title in the list.
const TITLE: usize = 60;

/// List the proposals about the treasury
///
/// Read from events, so it needs an endpoint that keeps logs of that time. No key is needed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl gov proposals
  lpctl gov proposals --rounds 400
  lpctl gov proposals --json | jq -r '.data.proposals[].id'")]
pub struct ProposalsArgs {
    /// Rounds to go back
    #[arg(long, value_name = "COUNT", default_value_t = 90, value_parser = clap::value_parser!(u64).range(1..=2000))]
    rounds: u64,
}

/// Lists them.
///
/// # Errors
/// A config failure on a protocol without a treasury, unreachable when the chain does not answer.
pub async fn run(args: ProposalsArgs, context: &mut Context) -> eyre::Result<()> {
    let chain = connect(context).await?;
    let bar = context.shell.progress(Some(1), "reading blocks");
    let proposals = chain
        .proposals(args.rounds, &|progress| {
            bar.set_length(progress.all);
            bar.set_position(progress.done);
        })
        .await;
    bar.finish_and_clear();
    Ok(context.shell.report(&proposals.map_err(super::failure)?)?)
}

/// The first line of a description that says anything, without the marks of a heading.
pub(super) fn title(description: &str) -> String {
    let line = description
        .lines()
        .map(|line| line.trim_start_matches('#').trim());
    let line = line
        .into_iter()
        .find(|line| !line.is_empty())
        .unwrap_or("without a title");
    let short: String = line.chars().take(TITLE).collect();
    let more = if line.chars().count() > TITLE { "…" } else { "" };
    format!("{}{more}", escape(&short))
}

impl Report for ProposalList {
    fn text(&self, style: &Style) -> String {
        if self.proposals.is_empty() {
            return format!(
                "no proposal in the last {} rounds · {}\nnext: `lpctl gov proposals --rounds {}` looks further back",
                self.rounds,
                wording::read_at(&self.at),
                self.rounds.saturating_mul(4).min(2000)
            );
        }
        let mut rows = table();
        rows.set_header(["about", "state", "votes in rounds", "for", "against", "abstain"]);
        for proposal in &self.proposals {
            rows.add_row([
                title(&proposal.description),
                super::state(proposal.state).to_string(),
                format!(
                    "{} to {}",
                    proposal.vote_start.0.saturating_add(1),
                    proposal.vote_end
                ),
                proposal.for_lpt.human(),
                proposal.against_lpt.human(),
                proposal.abstain_lpt.human(),
            ]);
        }
        for column in [3, 4, 5] {
            if let Some(column) = rows.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let numbers: Vec<String> = self
            .proposals
            .iter()
            .map(|proposal| format!("{}  {}", proposal.id, title(&proposal.description)))
            .collect();
        let open = self
            .proposals
            .iter()
            .find(|proposal| proposal.state == ProposalState::Active);
        let next = match open {
            Some(proposal) => format!("next: `lpctl gov vote-proposal {} for`", proposal.id),
            None => "next: `lpctl gov proposal NUMBER` shows one".to_string(),
        };
        format!(
            "{}\n\n{}\n{}\n\nround {} · {}\n{next}",
            rows.trim_fmt(),
            style.bold("numbers"),
            numbers.join("\n"),
            self.round,
            wording::read_at(&self.at)
        )
    }
}
