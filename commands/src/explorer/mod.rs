//! `lpctl explorer`: the protocol's history from a subgraph. No chain is asked and no account used.

mod delegators;
mod events;
mod orchestrator;
mod orchestrators;
mod rounds;

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand, ValueHint};
use engine::{
    explorer::{Explorer, ExplorerError},
    secret::RpcUrl,
    view::explorer::IndexedAt,
    web::WebError,
};

use crate::{
    api_key,
    context::Context,
    failure::{Failure, Kind},
    wording,
};

/// Look at the protocol's history in its subgraph
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "the help of a command is the doc comment of its `Args`"
)]
pub enum ExplorerCommand {
    Orchestrators(orchestrators::OrchestratorsArgs),
    Orchestrator(orchestrator::OrchestratorArgs),
    Delegators(delegators::DelegatorsArgs),
    Rounds(rounds::RoundsArgs),
    Events(events::EventsArgs),
}

// No doc comment: it would become the help of the commands.
#[derive(Debug, Args)]
struct SourceArgs {
    /// The subgraph's GraphQL endpoint
    // Kept as text here: a parse error of clap would repeat the value, which may hold a key.
    #[arg(long, value_name = "URL", env = "LPCTL_EXPLORER_URL", hide_env = true, value_hint = ValueHint::Url)]
    url: Option<String>,
    /// File whose first line is the API key
    #[arg(long, value_name = "PATH", env = "LPCTL_EXPLORER_KEY_FILE", hide_env = true, value_hint = ValueHint::FilePath)]
    key_file: Option<PathBuf>,
    /// Seconds to wait for each answer
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=300))]
    timeout: u64,
    /// How many rows to show
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
}

/// Carries out one of them.
///
/// # Errors
/// Unreachable when the subgraph does not answer.
pub async fn run(command: ExplorerCommand, context: &mut Context) -> eyre::Result<()> {
    match command {
        ExplorerCommand::Orchestrators(args) => orchestrators::run(args, context).await,
        ExplorerCommand::Orchestrator(args) => orchestrator::run(args, context).await,
        ExplorerCommand::Delegators(args) => delegators::run(args, context).await,
        ExplorerCommand::Rounds(args) => rounds::run(args, context).await,
        ExplorerCommand::Events(args) => events::run(args, context).await,
    }
}

impl SourceArgs {
    fn limit(&self) -> usize {
        self.limit.into()
    }

    /// The client, with the key of the file or of the service manager.
    async fn connect(&self, context: &mut Context) -> eyre::Result<Explorer> {
        const URL_HINT: &str = "`--url` or LPCTL_EXPLORER_URL is the endpoint of a Livepeer subgraph, like \
https://gateway.thegraph.com/api/subgraphs/id/ID; its key belongs in a file: `--key-file`";
        let Some(url) = &self.url else {
            let message = "no subgraph is named";
            return Err(Failure::new(Kind::Config, "explorer_url", message)
                .hint(URL_HINT)
                .into());
        };
        let url: RpcUrl = url.parse().map_err(|_| {
            let message = "the subgraph's URL is not one that begins with http:// or https://";
            Failure::new(Kind::Config, "explorer_url", message).hint(URL_HINT)
        })?;
        let key = api_key::find(
            self.key_file.clone(),
            "--key-file",
            "explorer-key",
            "explorer_key",
            context,
        )
        .await?;
        let explorer = Explorer::new(&url, key.as_ref(), Duration::from_secs(self.timeout));
        Ok(explorer.map_err(failure)?)
    }
}

/// What an error means for the operator.
fn failure(error: ExplorerError) -> Failure {
    let message = format!("subgraph: {error}");
    match error {
        ExplorerError::Web(WebError::PlainKey | WebError::BadKey) => {
            Failure::new(Kind::Config, "explorer_key", message)
                .hint("use an https:// URL, and a key file whose first line is the key")
        }
        ExplorerError::Web(WebError::Unauthorized(_)) => {
            Failure::new(Kind::Refused, "explorer_key_refused", message)
                .hint("name a file with a valid key: `--key-file` or LPCTL_EXPLORER_KEY_FILE")
        }
        ExplorerError::Web(WebError::NotFound) => Failure::new(Kind::Config, "explorer_url", message)
            .hint("check `--url`: the gateway wants the id of the subgraph in it"),
        ExplorerError::Web(WebError::TooMany(wait)) => {
            Failure::new(Kind::Unreachable, "explorer_busy", message).hint(api_key::try_again(wait))
        }
        ExplorerError::Web(
            WebError::NotConnected(_) | WebError::Connection(_) | WebError::NoAnswer(_) | WebError::Status(_),
        ) => Failure::new(Kind::Unreachable, "explorer_unreachable", message)
            .hint("check `--url`, or try again later; `--timeout` waits longer"),
        ExplorerError::Web(
            WebError::TooLarge | WebError::NotJson | WebError::Garbled(_) | WebError::Refused(..),
        )
        | ExplorerError::Refused(_)
        | ExplorerError::NoData
        | ExplorerError::TooManyRows => Failure::new(Kind::Failed, "explorer_bad_answer", message)
            .hint("check that `--url` is the GraphQL endpoint of a Livepeer subgraph"),
    }
}

/// An address that nobody registered as an orchestrator.
fn unknown(address: alloy::primitives::Address) -> Failure {
    let message = format!("the subgraph knows no orchestrator {address}");
    Failure::new(Kind::Failed, "explorer_unknown", message)
        .hint("`lpctl explorer orchestrators --all` lists those there ever were")
}

/// Says how much is missing in a list.
fn tell_unreadable(unreadable: usize, context: &mut Context) {
    if unreadable > 0 {
        context.shell.warn(format_args!(
            "{} of the subgraph could not be read and {} left out",
            wording::counted(unreadable, "row"),
            if unreadable == 1 { "is" } else { "are" }
        ));
    }
}

/// How old the answer is.
fn as_of(at: &IndexedAt) -> String {
    match at.timestamp {
        Some(timestamp) => format!("indexed to block {}, {}", at.block, time(timestamp)),
        None => format!("indexed to block {}", at.block),
    }
}

/// A moment in UTC.
fn time(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |time| time.to_string())
}

/// Lines up numbers.
fn align_right(table: &mut comfy_table::Table, columns: &[usize]) {
    for column in columns {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(comfy_table::CellAlignment::Right);
        }
    }
}
