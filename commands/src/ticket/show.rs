//! `lpctl ticket show`.

use std::fmt::Write as _;

use alloy::primitives::B256;
use clap::Args;
use engine::{
    payments::redeem::{gas::GasUse, review},
    view::ticket::TicketDetails,
};

use super::{
    BooksArgs, books_failure,
    list::{left, state},
    seen, unknown_ticket,
};
use crate::{
    context::Context,
    shell::{Report, Style},
    wording,
};

/// Show one winning ticket: its window, its state and everything its sender signed
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl ticket show 0x9db78965ee63eb62879826a36a9d8335fb48075f8c0bc1149c4b662da71c8217
  lpctl ticket show 0x9db7… --json | jq .data.transaction")]
pub struct ShowArgs {
    /// The ticket's hash, as `lpctl ticket list --json` gives it
    #[arg(value_name = "HASH")]
    hash: B256,
    #[command(flatten)]
    books: BooksArgs,
}

/// Shows it.
///
/// # Errors
/// Failed for a ticket that is not in the books.
pub async fn run(args: ShowArgs, context: &mut Context) -> eyre::Result<()> {
    let books = args.books.read(context).await?;
    let found = books
        .winner(args.hash)
        .await
        .map_err(|error| books_failure(&error))?;
    let winner = found.ok_or_else(|| unknown_ticket(args.hash))?;
    let winners = [winner];
    let look = seen(&books, &winners, context).await?;
    let [winner] = winners;
    let facts = look
        .and_then(|look| look.tickets.into_iter().next())
        .unwrap_or_else(|| review::facts(&winner, GasUse::ETHEREUM, None));
    Ok(context.shell.report(&review::details(&winner, facts))?)
}

impl Report for TicketDetails {
    fn text(&self, style: &Style) -> String {
        let facts = &self.facts;
        let mut text = format!("ticket {}\n", facts.hash);
        // Writing to a String cannot fail.
        let mut row = |name: &str, value: String| {
            let _ = writeln!(text, "{name:<12}{value}");
        };
        row("state", state(facts, style));
        row("value", facts.face_value_wei.human());
        if let Some(paid) = facts.paid_wei {
            row("paid", paid.human());
        }
        if let Some(cost) = facts.cost_wei {
            row("gas", cost.human());
        }
        row(
            "break-even",
            format!(
                "at a gas price of {}",
                facts.break_even_gas_price_wei.human_gwei()
            ),
        );
        row("sender", facts.sender.to_string());
        row("recipient", facts.recipient.to_string());
        row(
            "made in",
            format!("round {}, won {}", facts.creation_round, facts.won_at),
        );
        if let Some(window) = &facts.window {
            let until = window
                .closes_at
                .map(|at| format!(", until {at}"))
                .unwrap_or_default();
            row("window", format!("{} left{until}", left(window)));
            row(
                "blocks",
                format!(
                    "from {} to {}, last call at {}",
                    wording::grouped(window.opens_block),
                    wording::grouped(window.closes_block),
                    wording::grouped(window.last_call_block)
                ),
            );
        }
        if let Some(transaction) = facts.transaction {
            let block = facts
                .block
                .map(|block| format!(" in block {}", wording::grouped(block)));
            row(
                "transaction",
                format!("{transaction}{}", block.unwrap_or_default()),
            );
        }
        if facts.attempts > 0 {
            row("put off", format!("{} times", facts.attempts));
        }
        row("nonce", self.sender_nonce.to_string());
        text.truncate(text.trim_end().len());
        text
    }
}
