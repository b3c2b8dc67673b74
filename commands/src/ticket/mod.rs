//! `lpctl ticket`: what was won, and what becomes of it.

mod list;
mod redeem;
mod show;
mod stats;

use std::path::PathBuf;

use alloy::primitives::B256;
use clap::{Args, Subcommand, ValueHint};
use engine::{
    chain::Chain,
    payments::{
        Books,
        books::{BooksError, Winner},
        redeem::{Look, LookError, gas::GasUse, look, schedule::Policy},
    },
};

use crate::{
    connection::connect,
    context::Context,
    failure::{Failure, Kind},
};

/// Winning tickets: what waits, why, and what was paid
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "the help of a command is the doc comment of its `Args`"
)]
pub enum TicketCommand {
    List(list::ListArgs),
    Show(show::ShowArgs),
    Redeem(redeem::RedeemArgs),
    Stats(stats::StatsArgs),
}

/// Carries out one of them.
///
/// # Errors
/// As the command says.
pub async fn run(command: TicketCommand, context: &mut Context) -> eyre::Result<()> {
    match command {
        TicketCommand::List(args) => list::run(args, context).await,
        TicketCommand::Show(args) => show::run(args, context).await,
        TicketCommand::Redeem(args) => Box::pin(redeem::run(args, context)).await,
        TicketCommand::Stats(args) => stats::run(args, context).await,
    }
}

/// Where the tickets are
#[derive(Debug, Args)]
pub struct BooksArgs {
    /// The files of the node or redeemer whose tickets they are [default: `node` in lpctl's data folder]
    #[arg(long, value_name = "PATH", env = "LPCTL_NODE_DIR", hide_env = true, value_hint = ValueHint::DirPath)]
    data_dir: Option<PathBuf>,
}

impl BooksArgs {
    fn path(&self, context: &Context) -> PathBuf {
        let usual = || context.directories().data_dir.join("node");
        Books::path(&self.data_dir.clone().unwrap_or_else(usual))
    }

    /// The books, for reading: beside a running node or without one.
    pub(crate) async fn read(&self, context: &Context) -> Result<Books, Failure> {
        let path = self.path(context);
        opened(tokio::task::spawn_blocking(move || Books::open_read_only(&path)).await)
    }

    /// The books, for writing; they must be there.
    async fn write(&self, context: &Context) -> Result<Books, Failure> {
        let path = self.path(context);
        let open = move || match path.exists() {
            true => Books::open(&path),
            false => Err(BooksError::Missing { path }),
        };
        opened(tokio::task::spawn_blocking(open).await)
    }
}

fn opened(books: Result<Result<Books, BooksError>, tokio::task::JoinError>) -> Result<Books, Failure> {
    match books {
        Ok(Ok(books)) => Ok(books),
        Ok(Err(error @ BooksError::Missing { .. })) => {
            Err(Failure::new(Kind::Config, "no_books", error.to_string()).hint(
                "a node makes its books when it runs on a chain; name its files with `--data-dir` if they are elsewhere",
            ))
        }
        Ok(Err(error)) => Err(books_failure(&error)),
        Err(error) => Err(Failure::new(Kind::Bug, "books", error.to_string())),
    }
}

/// What an error of the books means to the operator.
fn books_failure(error: &BooksError) -> Failure {
    let failure = Failure::new(Kind::Failed, "books", error.to_string());
    match error {
        BooksError::NotPending(hash) => Failure::new(
            Kind::Refused,
            "ticket_not_waiting",
            format!("ticket {hash} is not waiting: somebody else is redeeming it, or has"),
        )
        .hint(format!("`lpctl ticket show {hash}` tells what became of it")),
        BooksError::Unknown(hash) => unknown_ticket(*hash),
        BooksError::Full => failure.hint("make room on the disk; nothing is lost meanwhile"),
        BooksError::Older { .. } => {
            failure.hint("start the node once with this lpctl: it brings them up to date")
        }
        BooksError::Newer { .. } => failure.hint("use the lpctl that wrote them, or a later one"),
        _ => failure,
    }
}

fn unknown_ticket(hash: B256) -> Failure {
    Failure::new(
        Kind::Failed,
        "unknown_ticket",
        format!("no winning ticket {hash} is in the books"),
    )
    .hint("`lpctl ticket list --all` shows those that are; `--data-dir` names other books")
}

/// What the node would do; its own figures differ by what it learnt of gas.
fn policy(chain: &Chain, context: &Context) -> Policy {
    Policy {
        max_gas_price: context.settings().max_gas_price,
        batch: 20,
        gas: GasUse::of_chain(chain.chain_id()),
        round_gas: None,
    }
}

/// What the chain says, if there is one in the settings; a chain that does not answer is a warning, as the books know the
/// most.
async fn seen(books: &Books, winners: &[Winner], context: &mut Context) -> Result<Option<Look>, Failure> {
    if context.settings().network == "offchain" {
        return Ok(None);
    }
    let chain = match connect(context).await {
        Ok(chain) => chain,
        Err(failure) if failure.kind == Kind::Unreachable => {
            context.shell.warn(format_args!(
                "the chain does not answer, so windows and reasons are missing: {}",
                failure.message
            ));
            return Ok(None);
        }
        Err(failure) => return Err(failure),
    };
    let policy = policy(&chain, context);
    match look(&chain, books, winners, &policy).await {
        Ok(look) => Ok(Some(look)),
        Err(LookError::Books(error)) => Err(books_failure(&error)),
        Err(error) => {
            context.shell.warn(format_args!(
                "the chain does not answer, so windows and reasons are missing: {error}"
            ));
            Ok(None)
        }
    }
}
