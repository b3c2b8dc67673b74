//! `lpctl ticket redeem`.

use alloy::primitives::{Address, B256};
use clap::Args;
use engine::{
    chain::{Chain, GasPolicy, Outbox, PlanOptions, WatchSettings, Watcher},
    payments::{
        Books,
        books::{BooksError, Filter, Winner, WinnerState},
        redeem::{
            LookError, RedeemFailure, RedeemParts, RedeemSettings, gas::GasUse, look, redeem_now, review,
        },
    },
    units::Wei,
    view::ticket::{TicketFacts, TicketStatus, TicketsRedeemed},
};
use tokio_util::sync::CancellationToken;

use super::{BooksArgs, books_failure, list::state, policy, unknown_ticket};
use crate::{
    connection::connect,
    context::Context,
    failure::{Failure, Kind},
    shell::{Report, Style, table},
    transact::{self, TransactionArgs},
    wording,
};

/// Tickets of one run of the command, which are one transaction.
const MOST: usize = 20;

/// Redeem winning tickets now, without waiting for cheaper gas or for others to share it with
///
/// A running node redeems by itself; this works beside it, and no ticket is redeemed twice. A ticket is never redeemed
/// before its parameters have expired. The account in use pays the gas; the tickets' recipient is paid.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl ticket redeem --all                    what can be redeemed now, twenty at most
  lpctl ticket redeem 0x9db78965ee63eb62879826a36a9d8335fb48075f8c0bc1149c4b662da71c8217
  lpctl ticket redeem --all --dry-run          what it would bring and cost")]
pub struct RedeemArgs {
    /// The tickets' hashes, as `lpctl ticket list --json` gives them
    #[arg(value_name = "HASH", required_unless_present = "all", conflicts_with = "all", num_args = 1..=20)]
    hashes: Vec<B256>,
    /// Whatever can be redeemed now
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    books: BooksArgs,
    #[command(flatten)]
    transaction: TransactionArgs,
}

/// Redeems them.
///
/// # Errors
/// A refusal with what stands in the way; what is known of a transaction that was sent.
pub async fn run(args: RedeemArgs, context: &mut Context) -> eyre::Result<()> {
    let sender = transact::sender(context).await?;
    let chain = connect(context).await?;
    let books = match context.settings().dry_run {
        true => args.books.read(context).await?,
        false => args.books.write(context).await?,
    };
    let chosen = choose(&args, &books, &chain, context).await?;
    let recipient = one_recipient(&chosen)?;
    let tickets = chosen.iter().map(|winner| winner.ticket.clone()).collect();
    let options = PlanOptions {
        // A node with the same account may be sending; the outbox gives out the nonces.
        queue: true,
        ..args.transaction.options(context)
    };
    let plan = chain
        .plan_redeem(sender.address, tickets, options)
        .await
        .map_err(Failure::from)?;
    if !plan.refusals().is_empty() || context.settings().dry_run {
        return transact::run(&chain, plan, sender, args.transaction, context).await;
    }
    transact::agree(&plan, context)?;
    let signer = transact::unlock(sender, context).await?;
    let policy = GasPolicy {
        max_gas_price: context.settings().max_gas_price,
        ..GasPolicy::default()
    };
    let state_dir = &context.directories().state_dir;
    let outbox = Outbox::open(chain.clone(), signer, state_dir, policy)
        .map_err(|error| transact::unusable_journal(context, "written", &error))?;
    let stop = CancellationToken::new();
    let _ends = stop.clone().drop_guard();
    let watching = WatchSettings {
        recipient: Some(recipient),
        ..WatchSettings::default()
    };
    let watcher = Watcher::start(chain.clone(), watching, stop);
    let time = watcher.ready().await;
    let parts = RedeemParts {
        books: books.clone(),
        clock: watcher.clock(),
        senders: watcher.senders(),
        outbox,
        chain: chain.clone(),
    };
    let settings = RedeemSettings {
        gas: GasUse::of_chain(chain.chain_id()),
        timeout: args.transaction.patience().timeout,
        batch: MOST,
        ..RedeemSettings::new(recipient)
    };
    let hashes: Vec<B256> = chosen.iter().map(|winner| winner.hash).collect();
    let waiting = context.shell.progress(None, "redeeming");
    let sent = Box::pin(redeem_now(parts, settings, time, &hashes)).await;
    waiting.finish_and_clear();
    sent.map_err(failed)?;
    let answer = answer(&books, &hashes).await?;
    context.shell.report(&answer)?;
    match answer
        .tickets
        .iter()
        .any(|ticket| ticket.status == TicketStatus::Redeemed)
    {
        true => Ok(()),
        false => Err(
            Failure::new(Kind::Failed, "nothing_redeemed", "no ticket was redeemed")
                .hint("the answer says why of each; the node tries again by itself")
                .into(),
        ),
    }
}

/// The tickets that were named, or those nothing but patience stands in the way of.
async fn choose(
    args: &RedeemArgs,
    books: &Books,
    chain: &Chain,
    context: &Context,
) -> Result<Vec<Winner>, Failure> {
    if !args.all {
        let mut chosen: Vec<Winner> = Vec::new();
        for hash in &args.hashes {
            let found = books.winner(*hash).await.map_err(|error| books_failure(&error))?;
            let winner = found.ok_or_else(|| unknown_ticket(*hash))?;
            if matches!(winner.state, WinnerState::InFlight { .. }) {
                return Err(books_failure(&BooksError::NotPending(*hash)));
            }
            if !chosen.iter().any(|other| other.hash == winner.hash) {
                chosen.push(winner);
            }
        }
        return Ok(chosen);
    }
    let filter = Filter {
        pending: true,
        limit: 1_000,
        ..Filter::default()
    };
    let winners = books
        .winners(filter)
        .await
        .map_err(|error| books_failure(&error))?;
    let seen = look(chain, books, &winners, &policy(chain, context)).await;
    let seen = seen.map_err(|error| match error {
        LookError::Chain(error) => error.into(),
        LookError::Books(error) => books_failure(&error),
        LookError::Late(..) => Failure::new(Kind::Unreachable, "chain_unreadable", error.to_string()),
    })?;
    let can_go = |ticket: &TicketFacts| {
        let wait = ticket.wait.as_ref().map(|wait| wait.code.as_str());
        matches!(wait, Some("ready" | "gas_dear" | "company" | "backing_off"))
    };
    let mut chosen: Vec<Winner> = winners
        .into_iter()
        .zip(&seen.tickets)
        .filter(|(_, ticket)| can_go(ticket))
        .map(|(winner, _)| winner)
        .collect();
    chosen.sort_by_key(|winner| std::cmp::Reverse(winner.ticket.ticket.face_value));
    if let Some(first) = chosen.first() {
        let recipient = first.ticket.ticket.recipient;
        chosen.retain(|winner| winner.ticket.ticket.recipient == recipient);
    }
    chosen.truncate(MOST);
    Ok(chosen)
}

fn one_recipient(chosen: &[Winner]) -> Result<Address, Failure> {
    let recipient = chosen
        .first()
        .map_or(Address::ZERO, |winner| winner.ticket.ticket.recipient);
    match chosen
        .iter()
        .all(|winner| winner.ticket.ticket.recipient == recipient)
    {
        true => Ok(recipient),
        false => Err(Failure::new(
            Kind::Usage,
            "several_recipients",
            "these tickets have different recipients",
        )
        .hint("redeem each recipient's tickets by themselves")),
    }
}

/// What an error means to the operator.
fn failed(error: RedeemFailure) -> Failure {
    match error {
        RedeemFailure::Chain(error) => error.into(),
        RedeemFailure::Submit(error) => error.into(),
        RedeemFailure::Books(error) => books_failure(&error),
        error @ RedeemFailure::Record(_) => Failure::new(Kind::Unknown, "outcome_unknown", error.to_string())
            .hint("`lpctl ticket list` and `lpctl tx list` tell what became of it"),
    }
}

async fn answer(books: &Books, hashes: &[B256]) -> Result<TicketsRedeemed, Failure> {
    let mut answer = TicketsRedeemed {
        paid_wei: Wei::ZERO,
        cost_wei: Wei::ZERO,
        tickets: Vec::new(),
    };
    for hash in hashes {
        let found = books.winner(*hash).await.map_err(|error| books_failure(&error))?;
        let winner = found.ok_or_else(|| unknown_ticket(*hash))?;
        let facts = review::facts(&winner, GasUse::ETHEREUM, None);
        answer.paid_wei = answer.paid_wei.saturating_add(facts.paid_wei.unwrap_or_default());
        answer.cost_wei = answer.cost_wei.saturating_add(facts.cost_wei.unwrap_or_default());
        answer.tickets.push(facts);
    }
    Ok(answer)
}

impl Report for TicketsRedeemed {
    fn text(&self, style: &Style) -> String {
        let mut table = table();
        table.set_header(["ticket", "sender", "value", "state"]);
        for ticket in &self.tickets {
            let hash = ticket.hash.to_string();
            table.add_row([
                format!("{}…", hash.get(..10).unwrap_or(&hash)),
                wording::short(ticket.sender),
                ticket.face_value_wei.human(),
                state(ticket, style),
            ]);
        }
        format!(
            "{table}\n{} paid for {} of gas",
            self.paid_wei.human(),
            self.cost_wei.human()
        )
    }
}
