//! What every command asks that settles an account's earnings on the way.

use alloy::primitives::Address;
use clap::Args;
use engine::{chain::PlanOptions, payments::books::Filter, units::Wei};

use crate::{context::Context, ticket::BooksArgs, transact::TransactionArgs};

/// What settling may give up
#[derive(Debug, Args)]
pub struct SettlingArgs {
    /// Go on although this round's reward on your stake is lost by it
    #[arg(long)]
    pub give_up_reward: bool,
    /// Whose tickets are looked at first.
    #[command(flatten)]
    pub books: BooksArgs,
}

impl SettlingArgs {
    /// What the operator decided beforehand, and the tickets that wait.
    pub async fn options(
        &self,
        account: Address,
        transaction: &TransactionArgs,
        context: &mut Context,
    ) -> PlanOptions {
        PlanOptions {
            give_up_reward: self.give_up_reward,
            waiting_tickets: waiting(&self.books, account, context).await,
            ..transaction.options(context)
        }
    }
}

/// The account's winning tickets in the node's books that are not redeemed yet; none where there are no books here.
async fn waiting(books: &BooksArgs, account: Address, context: &mut Context) -> Option<(usize, Wei)> {
    let books = match books.read(context).await {
        Ok(books) => books,
        Err(failure) if failure.code == "no_books" => return None,
        Err(failure) => {
            context.shell.warn(format_args!(
                "whether tickets wait cannot be told: {}",
                failure.message
            ));
            return None;
        }
    };
    let filter = Filter {
        pending: true,
        ..Filter::default()
    };
    let winners = books.winners(filter).await.ok()?;
    let own = winners.iter().map(|winner| &winner.ticket.ticket);
    let own = own.filter(|ticket| ticket.recipient == account);
    Some(own.fold((0, Wei::ZERO), |(count, sum), ticket| {
        (count + 1, sum.saturating_add(ticket.face_value))
    }))
}
