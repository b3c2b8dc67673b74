//! `lpctl stake locks`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use comfy_table::CellAlignment;
use engine::view::chain::LocksAnswer;

use crate::{
    account::select,
    complete,
    connection::connect,
    context::Context,
    failure::Failure,
    shell::{Report, Style, table},
    wording,
};

/// List stake on its way back, and when each part can be withdrawn
///
/// No key is needed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl stake locks
  lpctl stake locks --json | jq -r '.data.locks[] | select(.withdrawable) | .id'")]
pub struct LocksArgs {
    /// Account: a name or an address; without it the one in use
    #[arg(value_name = "NAME|0x…", add = ArgValueCompleter::new(complete::accounts))]
    pub which: Option<String>,
}

/// Lists them.
///
/// # Errors
/// A config failure for an unknown account, unreachable when the chain does not answer.
pub async fn run(args: LocksArgs, context: &mut Context) -> eyre::Result<()> {
    let address = select::address(args.which.as_deref(), context)?;
    let chain = connect(context).await?;
    let answer = chain.locks(address).await.map_err(Failure::from)?;
    Ok(context.shell.report(&answer)?)
}

impl Report for LocksAnswer {
    fn text(&self, style: &Style) -> String {
        let at = wording::read_at(&self.at);
        if self.locks.is_empty() {
            return format!("no stake of {} is on its way back\n{at}", self.account);
        }
        let mut rows = table();
        rows.set_header(["lock", "amount", "from round", ""]);
        for due in &self.locks {
            let lock = &due.lock;
            let when = if lock.withdrawable {
                format!("{} can be withdrawn", style.good_mark())
            } else {
                let rounds = usize::try_from(lock.rounds_left).unwrap_or(usize::MAX);
                let time = due.seconds_left.map_or_else(String::new, |seconds| {
                    format!(", about {}", wording::duration(seconds))
                });
                format!("after {}{time}", wording::counted(rounds, "round"))
            };
            rows.add_row([
                lock.id.to_string(),
                lock.amount_lpt.human(),
                lock.withdraw_round.to_string(),
                when,
            ]);
        }
        for column in [0, 1, 2] {
            if let Some(column) = rows.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        format!(
            "{}\n{} in all, {} of it ready · round {} · {at}",
            rows.trim_fmt(),
            self.total_lpt.human(),
            self.ready_lpt.human(),
            self.round
        )
    }
}
