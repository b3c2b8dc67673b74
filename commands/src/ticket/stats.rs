//! `lpctl ticket stats`.

use std::collections::HashMap;

use alloy::primitives::Address;
use clap::Args;
use engine::{
    payments::books::{Filter, Settlement, Winner, WinnerState},
    units::Wei,
    view::ticket::{SenderTickets, TicketStats, TicketSum},
};

use super::{BooksArgs, books_failure};
use crate::{
    context::Context,
    shell::{Report, Style, table},
    wording,
};

/// Tickets counted; far more than a node wins in years.
const MOST: usize = 200_000;

/// Sum up what was won, paid and lost, by gateway
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl ticket stats
  lpctl ticket stats --json | jq '{paid: .data.paid_wei, lost: .data.lost.face_value_wei}'")]
pub struct StatsArgs {
    #[command(flatten)]
    books: BooksArgs,
}

/// Sums up.
///
/// # Errors
/// A config failure where there are no books.
pub async fn run(args: StatsArgs, context: &mut Context) -> eyre::Result<()> {
    let books = args.books.read(context).await?;
    let filter = Filter {
        limit: MOST,
        ..Filter::default()
    };
    let winners = books
        .winners(filter)
        .await
        .map_err(|error| books_failure(&error))?;
    Ok(context.shell.report(&stats(&winners))?)
}

fn count(sum: &mut TicketSum, face_value: Wei) {
    sum.count += 1;
    sum.face_value_wei = sum.face_value_wei.saturating_add(face_value);
}

fn stats(winners: &[Winner]) -> TicketStats {
    let mut stats = TicketStats {
        waiting: TicketSum::default(),
        in_flight: TicketSum::default(),
        redeemed: TicketSum::default(),
        paid_wei: Wei::ZERO,
        cost_wei: Wei::ZERO,
        lost: TicketSum::default(),
        elsewhere: TicketSum::default(),
        senders: Vec::new(),
        has_more: winners.len() >= MOST,
    };
    let mut senders: HashMap<Address, SenderTickets> = HashMap::new();
    for winner in winners {
        let ticket = &winner.ticket.ticket;
        let value = ticket.face_value;
        let of_sender = senders.entry(ticket.sender).or_insert_with(|| SenderTickets {
            sender: ticket.sender,
            winners: TicketSum::default(),
            waiting: TicketSum::default(),
            paid_wei: Wei::ZERO,
            lost: TicketSum::default(),
        });
        count(&mut of_sender.winners, value);
        match &winner.state {
            WinnerState::Pending => {
                count(&mut stats.waiting, value);
                count(&mut of_sender.waiting, value);
            }
            WinnerState::InFlight { .. } => {
                count(&mut stats.in_flight, value);
                count(&mut of_sender.waiting, value);
            }
            WinnerState::Settled { settlement, .. } => match settlement {
                Settlement::Redeemed { paid, cost, .. } => {
                    count(&mut stats.redeemed, value);
                    stats.paid_wei = stats.paid_wei.saturating_add(*paid);
                    stats.cost_wei = stats.cost_wei.saturating_add(*cost);
                    of_sender.paid_wei = of_sender.paid_wei.saturating_add(*paid);
                }
                Settlement::Lost { .. } => {
                    count(&mut stats.lost, value);
                    count(&mut of_sender.lost, value);
                }
                Settlement::UsedElsewhere | Settlement::HandedOver { .. } => {
                    count(&mut stats.elsewhere, value)
                }
            },
        }
    }
    stats.senders = senders.into_values().collect();
    stats
        .senders
        .sort_by_key(|of| (std::cmp::Reverse(of.winners.face_value_wei), of.sender));
    stats
}

impl Report for TicketStats {
    fn text(&self, style: &Style) -> String {
        let sum = |name: &str, sum: &TicketSum| {
            let tickets = usize::try_from(sum.count).unwrap_or(usize::MAX);
            format!(
                "{name:<12}{}, {}",
                wording::counted(tickets, "ticket"),
                sum.face_value_wei.human()
            )
        };
        let mut lines = vec![
            sum("waiting", &self.waiting),
            sum("under way", &self.in_flight),
            sum("redeemed", &self.redeemed),
            format!(
                "{:<12}{} for {} of gas",
                "paid",
                self.paid_wei.human(),
                self.cost_wei.human()
            ),
            sum("elsewhere", &self.elsewhere),
        ];
        let lost = sum("lost", &self.lost);
        lines.push(if self.lost.count > 0 {
            style.bad(&lost)
        } else {
            lost
        });
        if !self.senders.is_empty() {
            let mut table = table();
            table.set_header(["gateway", "winners", "worth", "paid", "waiting", "lost"]);
            for of in &self.senders {
                table.add_row([
                    wording::short(of.sender),
                    of.winners.count.to_string(),
                    of.winners.face_value_wei.human(),
                    of.paid_wei.human(),
                    of.waiting.face_value_wei.human(),
                    of.lost.face_value_wei.human(),
                ]);
            }
            lines.push(format!("\n{table}"));
        }
        if self.has_more {
            lines.push("there are more tickets than were counted".to_string());
        }
        lines.join("\n")
    }
}
