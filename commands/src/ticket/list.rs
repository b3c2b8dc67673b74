//! `lpctl ticket list`.

use alloy::primitives::Address;
use clap::Args;
use engine::{
    payments::{
        books::{Filter, Winner, WinnerState},
        redeem::{gas::GasUse, review},
    },
    units::Wei,
    view::ticket::{TicketFacts, TicketList, TicketStatus, TicketWindow},
};

use super::{BooksArgs, books_failure, seen};
use crate::{
    context::Context,
    shell::{Report, Style, escape, table},
    wording,
};

/// List winning tickets: value, sender, time left, break-even gas price, and why each one waits
///
/// Works beside a running node and without one. A ticket can be redeemed from the moment its parameters have expired, some
/// eight minutes after it was won, to the end of the round after its own.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl ticket list                            what waits, the most urgent first
  lpctl ticket list --all                      what was redeemed or lost as well, the newest first
  lpctl ticket list --sender 0x9965…A4dc
  lpctl ticket list --json | jq '.data.tickets[] | {hash, face_value_wei, wait}'")]
pub struct ListArgs {
    /// Show settled tickets too, the newest first
    #[arg(long)]
    all: bool,
    /// Only the tickets of this gateway
    #[arg(long, value_name = "0x…")]
    sender: Option<Address>,
    /// Show so many at most
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=10_000))]
    limit: u16,
    #[command(flatten)]
    books: BooksArgs,
}

/// Lists them.
///
/// # Errors
/// A config failure where there are no books.
pub async fn run(args: ListArgs, context: &mut Context) -> eyre::Result<()> {
    let books = args.books.read(context).await?;
    let limit = usize::from(args.limit);
    let filter = Filter {
        pending: !args.all,
        sender: args.sender,
        limit: limit + 1,
        ..Filter::default()
    };
    let mut winners = books
        .winners(filter)
        .await
        .map_err(|error| books_failure(&error))?;
    let has_more = winners.len() > limit;
    winners.truncate(limit);
    let look = seen(&books, &winners, context).await?;
    let (round, gas_price) = match &look {
        Some(look) => (Some(look.time.current_round), Some(look.time.gas_price)),
        None => (None, None),
    };
    let mut tickets = match look {
        Some(look) => look.tickets,
        None => winners
            .iter()
            .map(|winner| review::facts(winner, GasUse::ETHEREUM, None))
            .collect(),
    };
    if !args.all {
        tickets.sort_by_key(|ticket| {
            let closes = ticket.window.map_or(u64::MAX, |window| window.closes_block);
            (closes, std::cmp::Reverse(ticket.face_value_wei))
        });
    }
    let is_waiting = |winner: &&Winner| !matches!(winner.state, WinnerState::Settled { .. });
    let waiting_value_wei = winners.iter().filter(is_waiting).fold(Wei::ZERO, |sum, winner| {
        sum.saturating_add(winner.ticket.ticket.face_value)
    });
    let list = TicketList {
        round,
        gas_price_wei: gas_price,
        waiting_value_wei,
        tickets,
        has_more,
    };
    Ok(context.shell.report(&list)?)
}

impl Report for TicketList {
    fn text(&self, style: &Style) -> String {
        let mut lines = Vec::new();
        if self.tickets.is_empty() {
            return "no winning tickets wait; `--all` shows those of before".to_string();
        }
        let mut table = table();
        table.set_header(["ticket", "sender", "value", "left", "break-even", "state"]);
        for ticket in &self.tickets {
            table.add_row([
                short_hash(ticket),
                wording::short(ticket.sender),
                ticket.face_value_wei.human(),
                ticket.window.as_ref().map_or_else(|| "-".to_string(), left),
                ticket.break_even_gas_price_wei.human_gwei(),
                state(ticket, style),
            ]);
        }
        lines.push(table.to_string());
        let mut last = format!("{} not settled", self.waiting_value_wei.human());
        if let (Some(round), Some(price)) = (self.round, self.gas_price_wei) {
            last.push_str(&format!("; round {round}, gas costs {}", price.human_gwei()));
        }
        if self.has_more {
            last.push_str("; there are more: `--limit`");
        }
        lines.push(last);
        lines.join("\n")
    }
}

/// `0x1234abcd…`
fn short_hash(ticket: &TicketFacts) -> String {
    let whole = ticket.hash.to_string();
    format!("{}…", whole.get(..10).unwrap_or(&whole))
}

/// `7 h 52 min`, or blocks where they have no rhythm.
pub(super) fn left(window: &TicketWindow) -> String {
    match window.seconds_left {
        Some(seconds) => wording::duration(seconds),
        None => wording::blocks(window.blocks_left, None),
    }
}

/// What it is and why.
pub(super) fn state(ticket: &TicketFacts, style: &Style) -> String {
    let note = ticket.note.as_deref().map(escape);
    match ticket.status {
        TicketStatus::Waiting => match (&ticket.wait, &ticket.last_failure) {
            (Some(wait), _) if wait.code == "ready" => style.good("ready"),
            (Some(wait), _) => format!("waits: {}", escape(&wait.message)),
            (None, Some(failure)) => format!("waits; last failure: {}", escape(failure)),
            (None, None) => "waits".to_string(),
        },
        TicketStatus::InFlight => "under way".to_string(),
        TicketStatus::Redeemed => {
            let paid = ticket.paid_wei.unwrap_or_default();
            let text = format!("paid {}", paid.human());
            if paid < ticket.face_value_wei {
                style.warning(&text)
            } else {
                style.good(&text)
            }
        }
        TicketStatus::Lost => {
            let why = note.map(|note| format!(": {note}")).unwrap_or_default();
            style.bad(&format!("lost{why}"))
        }
        TicketStatus::UsedElsewhere => "paid by somebody else's transaction".to_string(),
        TicketStatus::HandedOver => format!("with {}", note.unwrap_or_else(|| "a redeemer".to_string())),
    }
}
