//! `lpctl tx list`.

use std::fmt::Write as _;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use engine::{
    chain::Journal,
    view::sent::{SentList, SentState, SentTransaction},
};

use crate::{
    account::select,
    complete,
    connection::connect,
    context::Context,
    failure::Failure,
    shell::{Report, Style, escape, table},
    wording,
};

/// List the transactions an account sent from here
///
/// Newest first, with what became of each: the journal knows what was sent, also by a process that was killed, and the
/// chain whether it was mined. No key is needed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl tx list
  lpctl tx list --open                     only what can still be mined
  lpctl tx list --json | jq -r '.data.transactions[] | select(.state == \"waiting\") | .hash'")]
pub struct ListArgs {
    /// Account: a name or an address; without it the one in use
    #[arg(value_name = "NAME|0x…", add = ArgValueCompleter::new(complete::accounts))]
    pub which: Option<String>,
    /// Only those that can still be mined
    #[arg(long)]
    pub open: bool,
    /// How many at most
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub limit: u32,
}

/// Lists them.
///
/// # Errors
/// A config failure for an unknown account, unreachable when the chain does not answer.
pub async fn run(args: ListArgs, context: &mut Context) -> eyre::Result<()> {
    let address = select::address(args.which.as_deref(), context)?;
    let chain = connect(context).await?;
    let journal = Journal::new(&context.directories().state_dir);
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let answer = chain
        .sent_list(&journal, address, limit, args.open)
        .await
        .map_err(Failure::from)?;
    Ok(context.shell.report(&answer)?)
}

impl Report for SentList {
    fn text(&self, style: &Style) -> String {
        if self.transactions.is_empty() {
            return format!(
                "nothing of {} on {} waits or was sent from here",
                wording::short(self.account),
                escape(&self.network)
            );
        }
        let mut rows = table();
        rows.set_header(["sent (UTC)", "nonce", "what", "transaction", "state"]);
        for sent in &self.transactions {
            rows.add_row([
                sent.time
                    .map_or_else(String::new, |time| time.strftime("%Y-%m-%d %H:%M:%S").to_string()),
                sent.nonce.map_or_else(String::new, |nonce| nonce.to_string()),
                what(sent),
                sent.hash.to_string(),
                state(sent, style),
            ]);
        }
        let mut text = rows.trim_fmt();
        // Writing to a String cannot fail.
        if self.older > 0 {
            let _ = write!(text, "\n{} older: `--limit` shows more", self.older);
        }
        let waits = |sent: &&SentTransaction| matches!(sent.state, SentState::Waiting | SentState::Lost);
        if let Some(waiting) = self.transactions.iter().rfind(waits) {
            let _ = write!(text, "\nnext: `lpctl tx show {}`", waiting.hash);
        }
        text
    }
}

fn what(sent: &SentTransaction) -> String {
    if sent.cancels {
        format!("cancel: {}", escape(&sent.title))
    } else if sent.title == sent.step {
        escape(&sent.title)
    } else {
        format!("{} ({})", escape(&sent.title), escape(&sent.step))
    }
}

/// The state in words, with where and for how much.
pub fn state(sent: &SentTransaction, style: &Style) -> String {
    let block = sent.block.map_or_else(String::new, |block| {
        format!(" in block {}", wording::grouped(block))
    });
    match sent.state {
        SentState::Waiting => format!("{} waiting", style.warn_mark()),
        SentState::Lost => format!("{} lost: no endpoint has it", style.warn_mark()),
        SentState::Mined => format!("{} mined{block}", style.good_mark()),
        SentState::Reverted => format!("{} reverted{block}", style.bad_mark()),
        SentState::Replaced => "replaced: its nonce is used".to_string(),
        SentState::NotSent => "not sent".to_string(),
        SentState::OtherChain => "of a chain that is gone".to_string(),
    }
}
