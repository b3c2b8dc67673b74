//! `lpctl run --mode redeemer`: redeems the winning tickets orchestrators leave with it.

use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

use alloy::primitives::Address;
use clap::{Args, ValueHint};
use engine::{
    chain::{Chain, GasPolicy},
    payments::redeemer::{
        QueueLimits, RedeemerAddress, RedeemerConfig, RedeemerError, RedeemerServerError, RunningRedeemer,
    },
    secret::OrchestratorSecret,
    units::Wei,
};
use serde::Serialize;

use super::{RunArgs, Signals, failure, interrupted_before_ready};
use crate::{
    account::{
        password::{self, first_line},
        select,
    },
    connection,
    context::Context,
    failure::{Failure, Kind},
};

/// Where the redeemer listens unless told otherwise, as go-livepeer's does.
const PORT: u16 = 8935;

/// Who redeems winning tickets
#[derive(Debug, Args)]
#[command(next_help_heading = "Redeemer")]
pub struct RedeemerArgs {
    /// Leave winning tickets with a redeemer elsewhere, which pays the gas
    #[arg(long, value_name = "HOST:PORT", env = "LPCTL_REDEEMER", hide_env = true)]
    pub redeemer: Option<RedeemerAddress>,
    /// File whose first line orchestrators and their redeemer share
    #[arg(long, value_name = "PATH", env = "LPCTL_REDEEMER_SECRET_FILE", hide_env = true, value_hint = ValueHint::FilePath)]
    pub redeemer_secret_file: Option<PathBuf>,
    /// With --mode redeemer: the orchestrator whose tickets are redeemed
    #[arg(long, value_name = "0x…", env = "LPCTL_RECIPIENT", hide_env = true)]
    pub recipient: Option<Address>,
    /// Open a round nobody has opened when tickets wait for it that are worth more than that costs
    #[arg(long)]
    pub open_rounds: bool,
}

impl RedeemerArgs {
    /// The secret shared with the redeemer, if there is one.
    ///
    /// # Errors
    /// Config for a file that cannot be used.
    pub async fn secret(&self, context: &mut Context) -> Result<Option<OrchestratorSecret>, Failure> {
        let Some(path) = self.redeemer_secret_file.clone() else {
            return Ok(None);
        };
        let shown = path.display().to_string();
        let unusable = |what: String| {
            let message = format!("the secret file {shown} cannot be used: {what}");
            Failure::new(Kind::Config, "redeemer_secret_file", message)
                .hint("`--redeemer-secret-file` names a file whose first line is the secret")
        };
        let (line, is_exposed) = tokio::task::spawn_blocking(move || first_line(&path))
            .await
            .map_err(|error| unusable(error.to_string()))?
            .map_err(&unusable)?;
        if is_exposed {
            context.shell.warn(format_args!(
                "others may read the secret file {shown}: `chmod 600 {shown}`"
            ));
        }
        let secret = line.expose().parse::<OrchestratorSecret>();
        secret.map(Some).map_err(|error| unusable(error.to_string()))
    }
}

/// What `--json` tells while the redeemer runs: one object a line.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event<'a> {
    /// The port is open.
    Ready {
        mode: &'static str,
        address: SocketAddr,
        network: &'a str,
        recipient: Address,
        account: Address,
    },
    /// It has ended.
    Stopped {
        pending: usize,
        redeemed: u64,
        paid_wei: Wei,
        cost_wei: Wei,
        cause: Option<&'a str>,
    },
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready {
                address,
                network,
                recipient,
                account,
                ..
            } => write!(
                f,
                "ready ({network}): redeeming tickets of {recipient} at the cost of {account}; orchestrators leave them at {address}"
            ),
            Self::Stopped {
                pending, redeemed, ..
            } => {
                write!(
                    f,
                    "stopped: {redeemed} tickets redeemed, {pending} wait for the next start"
                )
            }
        }
    }
}

/// Runs it until a signal or a failure ends it.
///
/// # Errors
/// Usage without a recipient or with what does nothing here, config without an account, unreachable without a chain.
pub async fn run(args: RunArgs, context: &mut Context) -> eyre::Result<()> {
    args.check_redeemer()?;
    let mut signals = Signals::new()?;
    let (mut running, account, recipient) = tokio::select! {
        started = Box::pin(start(&args, context)) => started?,
        () = signals.next() => return Err(interrupted_before_ready().into()),
    };
    let network = context.settings().network.clone();
    let ready = Event::Ready {
        mode: "redeemer",
        address: running.address(),
        network: &network,
        recipient,
        account,
    };
    tell(context, &ready);
    let cause = tokio::select! {
        cause = running.ended() => Some(cause),
        () = signals.next() => None,
    };
    let state = running.stop().await;
    let stopped = Event::Stopped {
        pending: state.pending,
        redeemed: state.redeemed,
        paid_wei: state.paid,
        cost_wei: state.cost,
        cause,
    };
    tell(context, &stopped);
    match cause {
        Some(cause) => Err(Failure::new(
            Kind::Failed,
            "redeemer_failed",
            format!("the redeemer stopped by itself: {cause}"),
        )
        .hint("the log above says what led to it")
        .into()),
        None => Ok(()),
    }
}

fn tell(context: &mut Context, event: &Event<'_>) {
    if !context.shell.is_json() {
        context.shell.status(event);
    } else if let Err(error) = context.shell.event(event) {
        context.shell.warn(format_args!("an event is lost: {error}"));
    }
}

async fn start(args: &RunArgs, context: &mut Context) -> eyre::Result<(RunningRedeemer, Address, Address)> {
    let recipient = args.redeemer.recipient.ok_or_else(|| {
        Failure::new(
            Kind::Usage,
            "recipient_needed",
            "a redeemer redeems one orchestrator's tickets, and none is named",
        )
        .hint("name it with `--recipient 0x…`; the account in use pays the gas")
    })?;
    let secret = args.redeemer.secret(context).await?;
    let bind = args.bind.unwrap_or(SocketAddr::from(([127, 0, 0, 1], PORT)));
    if !bind.ip().is_loopback() && secret.is_none() {
        context.shell.warn(format_args!(
            "whoever reaches {bind} may leave tickets here; `--redeemer-secret-file` lets in only those who know it"
        ));
    }
    let account = select::selected(context)
        .map_err(|failure| failure.hint("choose the account that pays the gas with `--account`"))?;
    let chain: Chain = connection::connect(context).await?;
    let signer = password::unlock(&account, context).await?;
    let is_devnet = context.settings().network == "devnet";
    let usual = || context.directories().data_dir.join("redeemer");
    let config = RedeemerConfig {
        bind,
        tls: !args.plain,
        recipient,
        secret,
        limits: QueueLimits::default(),
        data_dir: args.data_dir.clone().unwrap_or_else(usual),
        state_dir: context.directories().state_dir.clone(),
        gas: GasPolicy {
            max_gas_price: context.settings().max_gas_price,
            ..GasPolicy::default()
        },
        open_rounds: args.redeemer.open_rounds,
        interval: Duration::from_secs(if is_devnet { 1 } else { 5 }),
    };
    let account = signer.address();
    let started = RunningRedeemer::start(config, chain, signer).await;
    let running = started.map_err(|error| match error {
        RedeemerError::Files(error) => failure::of_node(error),
        RedeemerError::Server(error @ RedeemerServerError::Port { .. }) => {
            Failure::new(Kind::Failed, "port_taken", error.to_string())
                .hint("another process has the port, or the address is not this machine's: `--bind IP:PORT`")
        }
        error => Failure::new(Kind::Failed, "redeemer", error.to_string()),
    })?;
    Ok((running, account, recipient))
}
