//! `lpctl reward watch`: the guardian on its own.

use clap::Args;
use engine::{
    chain::{GasPolicy, Outbox},
    reward::Guardian,
    view::reward::GuardianEvent,
};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio_util::sync::CancellationToken;

use super::guardian::{self, GuardianArgs};
use crate::{
    account::{password, select},
    connection::connect,
    context::Context,
    failure::{Failure, Kind},
    run::Signals,
    transact::unusable_journal,
};

/// Call each round's reward, in time and once
///
/// Looks at the chain again and again and calls reward whenever it is not called: also right after the start, after an
/// outage, and until the last block of the round. Any number of hosts may watch the same orchestrator, each with a pause
/// of its own before it calls: whoever is first calls, the others see it. `lpctl run` does the same for its account.
///
/// With --max-gas-price gas may cost a quarter of that at the beginning of a round and all of it after three quarters.
/// The log says what is done and what is waited for; with --json each event is an object on a line of its own.
///
/// Ctrl-C and SIGTERM end it between transactions with exit code 0: one that is under way is waited for. A second one
/// ends it at once.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl reward watch --max-gas-price 1gwei
  lpctl reward watch --alert-webhook https://hooks.example.org/lpctl --alert-at 30,60,90
  lpctl reward watch --lpt-per-eth 600                       leave what does not pay for its gas
  lpctl --account caller reward watch --reward-orchestrator 0x…    the stake's key stays cold
  lpctl reward watch --json | jq -c 'select(.event == \"reward_called\")'")]
pub struct WatchArgs {
    #[command(flatten)]
    guardian: GuardianArgs,
}

/// Watches until a signal ends it.
///
/// # Errors
/// A config failure without an account, a refusal for one that may not call, unreachable without a chain.
pub async fn run(args: WatchArgs, context: &mut Context) -> eyre::Result<()> {
    let mut signals = Signals::new()?;
    let starting = start(&args, context);
    let starting = tokio::select! {
        started = Box::pin(starting) => started?,
        () = signals.next() => {
            return Err(Failure::new(Kind::Interrupted, "interrupted", "interrupted before it watched").into());
        }
    };
    let (mut guardian, stop) = starting;
    let mut events = guardian.events();
    let mut is_stopping = false;
    let mut ended = std::pin::pin!(guardian.ended());
    let is_whole = loop {
        tokio::select! {
            biased;
            event = events.recv() => tell(event, context),
            is_whole = &mut ended => break is_whole,
            () = signals.next() => {
                if is_stopping {
                    let message = "ended at once, as asked by the second signal";
                    return Err(Failure::new(Kind::Interrupted, "interrupted", message)
                        .hint("a transaction under way can still be mined: `lpctl tx list` shows it")
                        .into());
                }
                is_stopping = true;
                stop.cancel();
            }
        }
    };
    tell_rest(&mut events, context);
    match is_whole {
        true => Ok(()),
        false => Err(Failure::new(
            Kind::Bug,
            "guardian_broke",
            "the guardian broke; the log says where",
        )
        .into()),
    }
}

async fn start(args: &WatchArgs, context: &mut Context) -> eyre::Result<(Guardian, CancellationToken)> {
    let account = select::selected(context)?;
    let chain = connect(context).await?;
    let signer = password::unlock(&account, context).await?;
    let address = signer.address();
    let orchestrator = args.guardian.orchestrator(address, context);
    guardian::check_role(&chain, orchestrator, address).await?;
    let settings = args.guardian.settings(orchestrator, chain.is_public(), context)?;
    let policy = GasPolicy {
        max_gas_price: context.settings().max_gas_price,
        ..GasPolicy::default()
    };
    let state_dir = context.directories().state_dir.clone();
    let outbox = Outbox::open(chain.clone(), signer, &state_dir, policy)
        .map_err(|error| unusable_journal(context, "written", &error))?;
    let stop = CancellationToken::new();
    Ok((Guardian::start(chain, outbox, settings, None, stop.clone()), stop))
}

/// What is not said as JSON is in the log.
fn tell(event: Result<GuardianEvent, RecvError>, context: &mut Context) {
    let told = match event {
        Ok(event) if context.shell.is_json() => context.shell.event(&event),
        Err(RecvError::Lagged(lost)) => {
            context
                .shell
                .warn(format_args!("{lost} events are lost: nobody read them in time"));
            return;
        }
        _ => return,
    };
    if let Err(error) = told {
        context.shell.warn(format_args!("an event is lost: {error}"));
    }
}

fn tell_rest(events: &mut Receiver<GuardianEvent>, context: &mut Context) {
    while let Ok(event) = events.try_recv() {
        tell(Ok(event), context);
    }
}
