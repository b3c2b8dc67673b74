//! `lpctl run --mode transcoder`: works for an orchestrator elsewhere.

use std::path::PathBuf;

use engine::{
    config::SessionsChoice,
    remote::{self, Fatal, OrchestratorAddress, RemoteConfig, RemoteError, RunningTranscoder},
    view::node::NodeMode,
};
use tokio_util::sync::CancellationToken;

use super::{
    Engine, Event, RunArgs, Signals, access, conclude, failure, interrupted_before_ready, kept, secret, tell,
    tell_stopped, until_ended,
};
use crate::{
    alerts::channels as alerting,
    context::Context,
    failure::{Failure, Kind},
    logging::send_traces,
};

const MODE: NodeMode = NodeMode::Transcoder;

/// Where the transcoder was to work, for those who ask why it does not.
struct Place {
    orchestrator: OrchestratorAddress,
    secret_file: PathBuf,
}

/// Runs the transcoder until a signal or a failure ends it.
///
/// # Errors
/// Usage without an orchestrator or a secret, refused for a secret the orchestrator does not know, failed for the rest.
pub async fn run(args: RunArgs, context: &mut Context) -> eyre::Result<()> {
    let mut signals = Signals::new()?;
    let traces = send_traces(context.settings().otel.endpoint.as_ref(), &MODE.to_string())?;
    let (transcoder, place) = tokio::select! {
        started = Box::pin(start(&args, context)) => started?,
        () = signals.next() => return Err(interrupted_before_ready().into()),
    };
    let operator_url = access::url(transcoder.operator_addr(), context.settings());
    tell(
        context,
        &Event::TranscoderReady {
            mode: MODE,
            orchestrator: &place.orchestrator.to_string(),
            operator_url: &operator_url,
            max_sessions: transcoder.view().max_sessions,
        },
    );
    let fatal = transcoder.fatal_cause();
    let (report, interrupted) = until_ended(transcoder, &mut signals, context).await;
    traces.finish().await;
    tell_stopped(context, &report);
    match fatal.get() {
        Some(fatal) => Err(refused(*fatal, &place).into()),
        None => conclude(report, interrupted),
    }
}

async fn start(args: &RunArgs, context: &mut Context) -> eyre::Result<(RunningTranscoder, Place)> {
    let orchestrator = orchestrator(args, context)?;
    let (secret, secret_file) = secret::read(args.orch_secret_file.as_deref(), context).await?;
    let data_dir = args.data_dir(MODE, context);
    let kept = kept::read(&data_dir)?;
    let capacity = match kept::hold(args.max_sessions, &kept, context) {
        SessionsChoice::Most(limit) => limit.get(),
        SessionsChoice::Auto => {
            let message =
                "a transcoder tells its orchestrator how many sessions it takes: `auto` is no number";
            return Err(Failure::new(Kind::Usage, "sessions_needed", message)
                .hint(
                    "give `--max-sessions COUNT`; `lpctl bench transcode` measures what this machine carries",
                )
                .into());
        }
    };
    let engine = Engine::start(args, &data_dir, context).await?;
    let mut config = RemoteConfig {
        capacity,
        operator: args.operator(MODE),
        devices: Some(engine.devices),
        log: Some(crate::logging::control(kept::level(&kept, context))),
        alerts: Some(alerting::settings(&context.settings().alerts)?),
        access: access::settings(context)?,
        told: crate::config::show::told(context.settings()),
        ..RemoteConfig::local(orchestrator.clone(), secret, data_dir)
    };
    if let Some(capabilities) = engine.capabilities {
        config.capabilities = capabilities;
    }
    let started = remote::start(config, engine.transcoder, CancellationToken::new()).await;
    let transcoder = started.map_err(|error| match error {
        RemoteError::Node(error) => failure::of_node(error),
        error @ RemoteError::Client(_) => Failure::new(Kind::Failed, "no_client", error.to_string()),
    })?;
    let place = Place {
        orchestrator,
        secret_file,
    };
    Ok((transcoder, place))
}

fn orchestrator(args: &RunArgs, context: &Context) -> Result<OrchestratorAddress, Failure> {
    let hint = "name it with `--orch-addr HOST:PORT`, or with orch_addr in the config file";
    let text = args.orch_addr.as_ref().or(context.settings().orch_addr.as_ref());
    let text = text.ok_or_else(|| {
        let message = "a transcoder works for an orchestrator, and none is named";
        Failure::new(Kind::Usage, "orch_addr_needed", message).hint(hint)
    })?;
    text.parse().map_err(|error: remote::AddressError| {
        Failure::new(Kind::Usage, "bad_orch_addr", error.to_string()).hint(hint)
    })
}

/// What it means that the orchestrator will never take this transcoder.
fn refused(fatal: Fatal, place: &Place) -> Failure {
    let Place {
        orchestrator,
        secret_file,
    } = place;
    match fatal {
        Fatal::Secret => Failure::new(
            Kind::Refused,
            "invalid_secret",
            format!(
                "{orchestrator} refused the secret in {}: `invalid secret`",
                secret_file.display()
            ),
        )
        .hint("put the first line of the orchestrator's secret file into it; nothing else on the line, no quotes"),
        Fatal::Capacity => Failure::new(
            Kind::Refused,
            "zero_capacity",
            format!("{orchestrator} takes no transcoder without sessions: `zero capacity`"),
        )
        .hint("give `--max-sessions` at least 1"),
    }
}
