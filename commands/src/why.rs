//! `lpctl why`: why an orchestrator gets no work, the likeliest reason first.

mod market;
mod reasons;

use std::{fmt::Write as _, sync::Arc, time::Duration};

use alloy::{primitives::Address, signers::local::PrivateKeySigner};
use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use engine::{
    gateway::survey::{survey, usual_job},
    view::{
        chain::{OrchestratorFacts, PoolFacts, ReadAt, RoundFacts},
        node::NodeStatus,
    },
    wire::{
        client::parse_node_address,
        signature::{LocalSigner, MessageSigner},
    },
};
use serde::Serialize;

use self::{
    market::{Market, spread},
    reasons::{Facts, Reason, Weight},
};
use crate::{
    account::{password, select},
    complete,
    connection::connect,
    context::Context,
    dashboard::feed::node_api,
    failure::{Failure, Kind},
    shell::{Report, Style, escape},
    wording,
};

/// How long the running node may take to tell its status.
const NODE_PATIENCE: Duration = Duration::from_secs(3);

/// Tell why an orchestrator gets no work, the likeliest reason first, each with what to do
///
/// Looks at its place in the pool and how far it is from falling out of it, asks the address it publishes as a gateway
/// does, and as many other orchestrators for their price and version; asks the node that runs here, if it is its node,
/// for its capacity and what it refused. Nothing is sent to the chain and no work to anybody.
///
/// Orchestrators tell their price only to a gateway with a reserve. Name an account that has one with --as; without
/// it only those who work for nothing tell theirs.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl why
  lpctl why 0x… --ask 50
  lpctl why --as gateway                       asks for prices as an account with a deposit
  lpctl why --json | jq -r '.data.reasons[] | select(.weight != \"fine\") | .code'")]
pub struct WhyArgs {
    /// Orchestrator: a name or an address; without it the account in use
    #[arg(value_name = "NAME|0x…", add = ArgValueCompleter::new(complete::accounts))]
    which: Option<String>,
    /// How many other orchestrators to ask for their price
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u16).range(0..=200))]
    ask: u16,
    /// How long each may take to answer, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=30))]
    limit: u64,
    /// Account with a deposit and a reserve to ask as; its key is needed
    #[arg(long = "as", value_name = "NAME|0x…", add = ArgValueCompleter::new(complete::accounts))]
    asker: Option<String>,
}

/// The whole answer.
#[derive(Debug, Serialize)]
struct Why {
    #[serde(flatten)]
    at: ReadAt,
    round: RoundFacts,
    orchestrator: OrchestratorFacts,
    pool: PoolFacts,
    /// Whether something was found that keeps all work away.
    stopped: bool,
    /// The likeliest reason first.
    reasons: Vec<Reason>,
    /// What others ask.
    market: Market,
}

impl Report for Why {
    fn text(&self, style: &Style) -> String {
        let mut text = String::new();
        let who = wording::short(self.orchestrator.address);
        let first = self.reasons.iter().find(|reason| reason.weight != Weight::Fine);
        // Writing to a String cannot fail.
        let _ = match first {
            Some(reason) if reason.weight == Weight::Stops => {
                writeln!(text, "{who} gets no work: {}", escape(&reason.message))
            }
            Some(reason) => writeln!(
                text,
                "{who} can get work, and less than it could: {}",
                escape(&reason.message)
            ),
            None => writeln!(
                text,
                "nothing found keeps work from {who}: gateways choose among those who fit"
            ),
        };
        text.push('\n');
        for reason in &self.reasons {
            let mark = match reason.weight {
                Weight::Stops => style.bad_mark(),
                Weight::Less => style.warn_mark(),
                Weight::Fine => style.good_mark(),
            };
            let _ = writeln!(text, "{mark} {}", escape(&reason.message));
            if let Some(next) = &reason.next {
                let _ = writeln!(text, "    {}", style.dim(&escape(next)));
            }
        }
        let _ = write!(
            text,
            "\n{} · {}",
            self.market.sentence(),
            wording::read_at(&self.at)
        );
        text
    }
}

/// Looks and tells.
///
/// # Errors
/// A config failure for an unknown account, refused without the asking account's password, unreachable when the chain
/// does not answer.
pub async fn run(args: WhyArgs, context: &mut Context) -> eyre::Result<()> {
    let address = select::address(args.which.as_deref(), context)?;
    let signer = signer(args.asker.as_deref(), context).await?;
    let chain = connect(context).await?;
    let own = chain.orchestrator(address).await.map_err(Failure::from)?;
    let pool = chain.orchestrators().await.map_err(Failure::from)?;
    let paused = chain.round().await.map_err(Failure::from)?.paused;
    let node = node_of(address, args.which.is_none(), context).await;

    let spinner = context.shell.progress(None, "asking orchestrators");
    let limit = Duration::from_secs(args.limit);
    let published = own.orchestrator.service_uri.as_deref();
    let uri = published.and_then(|uri| parse_node_address(uri).ok());
    let others = spread(&pool.orchestrators, address, usize::from(args.ask));
    let mut whom = Vec::new();
    whom.extend(uri.clone().map(|uri| (address, uri)));
    whom.extend(others.iter().cloned());
    let job = usual_job().map_err(|error| Failure::new(Kind::Bug, "bug", error.to_string()))?;
    let probing = async {
        match &uri {
            Some(uri) => Some(engine::node::probe_once(uri, Some(address), limit).await),
            None => None,
        }
    };
    let (probe, mut answers) = tokio::join!(probing, survey(whom, signer, &job, limit));
    spinner.finish_and_clear();
    let mine = uri.is_some().then(|| answers.remove(0));
    let market = Market::of(mine.as_ref(), &answers, args.asker.is_some());

    let facts = Facts {
        address,
        paused,
        is_public: chain.is_public(),
        round: &own.round,
        own: &own.orchestrator,
        pool: &own.pool,
        members: &pool.orchestrators,
        probe: probe.as_ref(),
        mine: mine.as_ref(),
        market: &market,
        node: node.as_ref(),
    };
    let reasons = reasons::of(&facts);
    Ok(context.shell.report(&Why {
        stopped: reasons.iter().any(|reason| reason.weight == Weight::Stops),
        reasons,
        market,
        at: own.at,
        round: own.round,
        orchestrator: own.orchestrator,
        pool: own.pool,
    })?)
}

/// Who asks: an account with a deposit, or one nobody knows, which is refused prices but not answers.
async fn signer(asker: Option<&str>, context: &mut Context) -> eyre::Result<Arc<dyn MessageSigner>> {
    let Some(asker) = asker else {
        return Ok(Arc::new(LocalSigner(PrivateKeySigner::random())));
    };
    let account = select::keystore(context)
        .find(asker)
        .map_err(crate::account::failure::of)?;
    Ok(Arc::new(LocalSigner(password::unlock(&account, context).await?)))
}

/// The node that runs here, if it is this orchestrator's. One that was named and does not answer is a warning.
async fn node_of(address: Address, is_own: bool, context: &mut Context) -> Option<NodeStatus> {
    let settings = context.settings();
    let is_named = settings.from_command_line.node_url.is_some();
    if !is_own && !is_named {
        return None;
    }
    let node = node_api(&settings.node_url, settings).ok()?;
    let said = match tokio::time::timeout(NODE_PATIENCE, node.status()).await {
        Ok(Ok(status)) if status.address == Some(address) => return Some(status),
        Ok(Ok(_)) => format!("the node at {} works for another account", node.shown()),
        Ok(Err(error)) => format!(
            "the node at {} tells nothing: {}",
            node.shown(),
            escape(&error.to_string())
        ),
        Err(_) => format!("the node at {} does not answer in time", node.shown()),
    };
    if is_named {
        context.shell.warn(said);
    } else {
        context
            .shell
            .status(format_args!("{said}; capacity and refusals are left out"));
    }
    None
}
