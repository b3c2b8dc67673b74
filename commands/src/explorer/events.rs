//! `lpctl explorer events`.

use alloy::primitives::Address;
use clap::Args;
use engine::view::explorer::{Earned, IndexedEvents};

use super::{SourceArgs, align_right, as_of, failure, tell_unreadable, time};
use crate::{
    context::Context,
    shell::{Report, Style, table},
};

/// List what an orchestrator earned: rewards and redeemed tickets
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl explorer events 0x…
  lpctl explorer events 0x… --days 7 --limit 1000 --json")]
pub struct EventsArgs {
    /// The orchestrator's address
    #[arg(value_name = "0x…")]
    address: Address,
    /// How many days back
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=3650))]
    days: u16,
    #[command(flatten)]
    source: SourceArgs,
}

/// Lists them.
///
/// # Errors
/// Unreachable when the subgraph does not answer.
pub async fn run(args: EventsArgs, context: &mut Context) -> eyre::Result<()> {
    let explorer = args.source.connect(context).await?;
    let since = jiff::Timestamp::now().as_second() - i64::from(args.days) * 24 * 60 * 60;
    let answer = explorer.events(args.address, since, args.source.limit()).await;
    let answer = answer.map_err(failure)?;
    tell_unreadable(answer.unreadable, context);
    if answer.has_more {
        context.shell.warn(format_args!(
            "there are older ones in these {} days: {}",
            args.days,
            match answer.events.len() {
                1000.. => "ask for fewer `--days`, or read the chain itself with `lpctl ledger export`",
                _ => "`--limit` shows more",
            }
        ));
    }
    Ok(context.shell.report(&answer)?)
}

impl Report for IndexedEvents {
    fn text(&self, _: &Style) -> String {
        let last = as_of(&self.at);
        if self.events.is_empty() {
            return format!("nothing was earned\n{last}");
        }
        let mut rows = table();
        rows.set_header(["when", "what", "amount", "of", "transaction"]);
        for row in &self.events {
            let (what, amount, of) = match &row.earned {
                Earned::Reward { reward_lpt, round } => {
                    ("reward", reward_lpt.human(), format!("round {round}"))
                }
                Earned::Ticket {
                    face_value_wei,
                    sender,
                } => ("ticket", face_value_wei.human(), sender.to_string()),
            };
            rows.add_row([
                time(row.timestamp),
                what.to_string(),
                amount,
                of,
                row.transaction.to_string(),
            ]);
        }
        align_right(&mut rows, &[2]);
        format!("{}\n{last}", rows.trim_fmt())
    }
}
