//! `cargo xtask offers`: how long a gateway waits for `GetOrchestrator`, at a steady rate, with connections kept and with a
//! new TLS connection each. The node has an account, so every request's signature is checked.

use std::{io::Write, sync::Arc, time::Duration};

use clap::Args;
use engine::{
    media::job::{SegmentJob, SegmentTranscoder, TranscodeError, Transcoded},
    node::{self, NodeConfig},
    wire::{
        capability::{CapabilitySet, job_message},
        client,
        net::{OrchestratorRequest, orchestrator_client::OrchestratorClient},
        signature::{LocalSigner, MessageSigner, orchestrator_request_message},
    },
};
use eyre::{WrapErr, bail, ensure};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use url::Url;

/// Measure how long gateways wait for GetOrchestrator, and fail if that is too long
#[derive(Args)]
pub struct OffersArgs {
    /// Requests a second
    #[arg(long, default_value_t = 200)]
    rate: u32,
    /// How long each of the two measurements takes
    #[arg(long, default_value_t = 20)]
    seconds: u32,
    /// Connections that are kept in the first of them
    #[arg(long, default_value_t = 8)]
    connections: usize,
    /// Only print, whatever comes out
    #[arg(long)]
    no_limit: bool,
}

/// What 99 of 100 requests must stay under, with connections kept.
const KEPT_LIMIT: Duration = Duration::from_millis(5);
/// The same with a new connection each.
const NEW_LIMIT: Duration = Duration::from_millis(60);
/// Gateways give up a connection that takes longer.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);

/// Nobody sends it segments.
struct Idle;

impl SegmentTranscoder for Idle {
    async fn transcode(&self, _: SegmentJob, _: CancellationToken) -> Result<Transcoded, TranscodeError> {
        Err(TranscodeError::Stopped)
    }
}

/// Runs both measurements.
pub fn run(args: &OffersArgs) -> eyre::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(Box::pin(measure(args)))
}

async fn measure(args: &OffersArgs) -> eyre::Result<()> {
    ensure!(
        args.rate > 0 && args.seconds > 0 && args.connections > 0,
        "nothing to measure"
    );
    let files = tempfile::tempdir()?;
    let account = LocalSigner(alloy::signers::local::PrivateKeySigner::random());
    let node = node::start(
        NodeConfig::local(files.path().join("node")),
        Idle,
        account,
        CancellationToken::new(),
    )
    .await?;
    let uri: Url = node.service_uri().parse()?;
    let gateway = LocalSigner(alloy::signers::local::PrivateKeySigner::random());
    let request = OrchestratorRequest {
        address: gateway.address().to_vec(),
        sig: gateway.sign(orchestrator_request_message(gateway.address()).as_bytes()),
        capabilities: Some(job_message(&CapabilitySet::default_set(), "")),
        ..OrchestratorRequest::default()
    };

    let mut kept = Vec::new();
    for _ in 0..args.connections {
        kept.push(OrchestratorClient::new(
            client::connect_grpc(&uri, CONNECT_LIMIT).await?,
        ));
    }
    let with_kept = at_rate(args, |index| {
        let (mut client, request) = (kept[index % kept.len()].clone(), request.clone());
        async move {
            client.get_orchestrator(request).await?;
            Ok(())
        }
    })
    .await
    .wrap_err("connections kept")?;
    let with_new = at_rate(args, |_| {
        let (uri, request) = (uri.clone(), request.clone());
        async move {
            let channel = client::connect_grpc(&uri, CONNECT_LIMIT).await?;
            OrchestratorClient::new(channel).get_orchestrator(request).await?;
            Ok(())
        }
    })
    .await
    .wrap_err("a new connection each")?;
    drop(kept);
    node.stop().await;

    let mut out = std::io::stdout();
    writeln!(
        out,
        "GetOrchestrator at {} requests a second for {} s",
        args.rate, args.seconds
    )?;
    let mut is_slow = false;
    for (name, times, limit) in [
        ("connections kept", with_kept, KEPT_LIMIT),
        ("a new TLS connection each", with_new, NEW_LIMIT),
    ] {
        let of = |permille: usize| times[(times.len() * permille / 1000).min(times.len() - 1)];
        writeln!(
            out,
            "  {name}: p50 {:.2?}, p90 {:.2?}, p99 {:.2?}, most {:.2?} of {} (limit for p99: {limit:?})",
            of(500),
            of(900),
            of(990),
            of(1000),
            times.len(),
        )?;
        is_slow |= of(990) > limit;
    }
    if is_slow && !args.no_limit {
        bail!("gateways wait too long");
    }
    Ok(())
}

/// Begins requests at the rate, whether or not earlier ones have ended; the time of each, in order. What a request waits
/// for its turn counts: it is what a gateway would wait.
async fn at_rate<F>(args: &OffersArgs, request: impl Fn(usize) -> F) -> eyre::Result<Vec<Duration>>
where
    F: Future<Output = eyre::Result<()>> + Send + 'static,
{
    let count = usize::try_from(args.rate)? * usize::try_from(args.seconds)?;
    let gap = Duration::from_secs(1) / args.rate;
    let mut running = JoinSet::new();
    let begin = tokio::time::Instant::now();
    let times = Arc::new(std::sync::Mutex::new(Vec::with_capacity(count)));
    for index in 0..count {
        let due = begin + gap * u32::try_from(index)?;
        tokio::time::sleep_until(due).await;
        let (asking, times) = (request(index), Arc::clone(&times));
        running.spawn(async move {
            let asked = asking.await;
            let mut times = times.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            times.push(due.into_std().elapsed());
            asked
        });
        while let Some(ended) = running.try_join_next() {
            ended??;
        }
    }
    while let Some(ended) = running.join_next().await {
        ended??;
    }
    let mut times = std::mem::take(&mut *times.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    times.sort();
    Ok(times)
}
