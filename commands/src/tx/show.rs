//! `lpctl tx show`.

use std::fmt::Write as _;

use alloy::primitives::TxHash;
use clap::Args;
use engine::{
    chain::Journal,
    units::Wei,
    view::sent::{SentDetail, SentState},
};

use super::list::state;
use crate::{
    connection::connect,
    context::Context,
    failure::{Failure, Kind},
    shell::{Report, Style, escape},
    wording,
};

/// Show what became of a transaction
///
/// One that lpctl sent, also of a process that was killed, or any other on the chain. No key is needed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl tx show 0x4f1b2d51a93ea1ac0b2d50cfb38bd7f6e3d6c8a86ba5f0f5c1f1f6a1c9e2dd2e
  lpctl tx show 0x4f1b…dd2e --json | jq -r .data.state")]
pub struct ShowArgs {
    /// The transaction's hash
    #[arg(value_name = "HASH")]
    pub hash: TxHash,
}

/// Shows it.
///
/// # Errors
/// A failure when neither journal nor chain knows it, unreachable when the chain does not answer.
pub async fn run(args: ShowArgs, context: &mut Context) -> eyre::Result<()> {
    let chain = connect(context).await?;
    let journal = Journal::new(&context.directories().state_dir);
    let found = chain
        .sent_detail(&journal, args.hash)
        .await
        .map_err(Failure::from)?;
    let answer = found.ok_or_else(|| {
        let network = escape(&chain.network().name);
        Failure::new(
            Kind::Failed,
            "transaction_unknown",
            format!("{} is known neither to the journal nor to {network}", args.hash),
        )
        .hint("`lpctl tx list` shows what was sent from here; check `--network` and the hash")
    })?;
    Ok(context.shell.report(&answer)?)
}

impl Report for SentDetail {
    fn text(&self, style: &Style) -> String {
        let sent = &self.transaction;
        let mut text = format!("{}  {}\n", state(sent, style), sent.hash);
        let mut row = |label: &str, value: String| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{label:<9}{value}");
        };
        let title = wording::sentence(&escape(&sent.title));
        row(
            "what",
            if sent.cancels {
                format!("cancels: {title}")
            } else {
                title
            },
        );
        if let Some(revert) = &self.revert {
            row("reason", escape(revert));
        } else if let Some(error) = &sent.error {
            row("reason", escape(error));
        }
        row("from", sent.from.to_string());
        if let Some(to) = self.to {
            row("to", to.to_string());
        }
        if let Some(value) = self.value_wei.filter(|value| *value > Wei::ZERO) {
            row("value", value.human());
        }
        if let Some(nonce) = sent.nonce {
            let behind = match self.behind {
                Some(0) | None => String::new(),
                Some(behind) => format!(
                    ", waits for {} before it",
                    wording::counted(usize::try_from(behind).unwrap_or(usize::MAX), "transaction")
                ),
            };
            row("nonce", format!("{nonce}{behind}"));
        }
        if let Some(time) = sent.time {
            row("sent", time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string());
        }
        match (sent.cost_wei, self.gas_used) {
            (Some(cost), Some(gas)) => {
                row("cost", format!("{}, {} gas", cost.human(), wording::grouped(gas)))
            }
            (Some(cost), None) => row("cost", cost.human()),
            (None, _) => {
                if let Some(price) = self.gas_price_wei {
                    let now = self.gas_price_now_wei.human_gwei();
                    row(
                        "offers",
                        format!("up to {}, the network asks {now}", price.human_gwei()),
                    );
                }
            }
        }
        for rival in &self.rivals {
            row("rival", format!("{rival} has the same nonce"));
        }
        let _ = write!(text, "{}", wording::read_at(&self.at));
        let hash = sent.hash;
        let next = match sent.state {
            SentState::Waiting => {
                format!("next: wait, `lpctl tx speed-up {hash}`, or `lpctl tx cancel {hash}`")
            }
            SentState::Lost => format!(
                "next: `lpctl tx speed-up {hash}` sends it anew, `lpctl tx cancel {hash}` takes its nonce"
            ),
            _ => return text,
        };
        let _ = write!(text, "\n{next}");
        text
    }
}
