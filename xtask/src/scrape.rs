//! `cargo xtask scrape`: how long a node with many sessions takes to answer `GET /metrics`, from the request to the last
//! byte. Its sessions are real ones, each with the segments its window holds; their transcoder makes nothing of them.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use alloy::primitives::keccak256;
use bytes::Bytes;
use clap::Args;
use engine::{
    media::{
        job::{Rendition, SegmentJob, SegmentTranscoder, TranscodeError, Transcoded},
        ladder::Ladder,
        target::Target,
    },
    node::{self, NodeConfig},
    wire::{
        capability::{CapabilitySet, job_message},
        client,
        net::{OrchestratorRequest, orchestrator_client::OrchestratorClient},
        segment::{Credentials, to_header},
        signature::Offchain,
    },
};
use eyre::{bail, ensure};
use tokio_util::sync::CancellationToken;
use url::Url;

/// Measure how long a scrape of a busy node takes, and fail if that is too long
#[derive(Args)]
pub struct ScrapeArgs {
    /// Sessions at once
    #[arg(long, default_value_t = 200)]
    sessions: u32,
    /// Segments of each
    #[arg(long, default_value_t = 60)]
    segments: u64,
    /// Scrapes that are timed
    #[arg(long, default_value_t = 200)]
    scrapes: usize,
    /// Only print, whatever comes out
    #[arg(long)]
    no_limit: bool,
}

/// What 99 of 100 scrapes must stay under.
const LIMIT: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_secs(30);

/// Gives back something for each profile without looking at the segment.
struct Quick;

impl SegmentTranscoder for Quick {
    async fn transcode(&self, job: SegmentJob, _: CancellationToken) -> Result<Transcoded, TranscodeError> {
        job.source.whole().await.map_err(|_| TranscodeError::Stopped)?;
        let rendition = || Rendition {
            data: Bytes::from_static(&[0x47; 188]),
            frames: 30,
            width: 16,
            height: 16,
            perceptual_hash: None,
            reported_pixels: None,
        };
        Ok(Transcoded {
            renditions: job.profiles.iter().map(|_| rendition()).collect(),
            decoded_frames: 30,
            source_width: 16,
            source_height: 16,
            elapsed: Duration::from_millis(20),
            target: Target::Cpu,
            warm: false,
        })
    }
}

/// Fills a node with sessions and scrapes it.
pub fn run(args: &ScrapeArgs) -> eyre::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(Box::pin(measure(args)))
}

async fn measure(args: &ScrapeArgs) -> eyre::Result<()> {
    ensure!(args.sessions > 0 && args.scrapes > 0, "nothing to measure");
    let files = tempfile::tempdir()?;
    let config = NodeConfig {
        max_sessions: args.sessions,
        tls: false,
        ..NodeConfig::local(files.path().join("node"))
    };
    let node = node::start(config, Quick, Offchain, CancellationToken::new()).await?;
    let uri: Url = node.service_uri().parse()?;
    let mut grpc = OrchestratorClient::new(client::connect_grpc(&uri, PATIENCE).await?);
    let http = client::download_client(PATIENCE)?;
    let ladder = Ladder::parse("P360p30fps16x9,P240p30fps16x9")?;
    let body = Bytes::from_static(b"a segment");
    for number in 0..args.sessions {
        let request = OrchestratorRequest {
            capabilities: Some(job_message(&CapabilitySet::default_set(), "")),
            ..OrchestratorRequest::default()
        };
        let offer = grpc.get_orchestrator(request).await?.into_inner();
        let Some(token) = offer.auth_token else {
            bail!("the node gave no token");
        };
        for seq in 0..args.segments {
            let papers = Credentials {
                manifest_id: &format!("stream {number}"),
                seq,
                hash: keccak256(&body),
                duration: Duration::from_secs(2),
                profiles: ladder.profiles(),
                auth_token: token.clone(),
                capabilities: job_message(&CapabilitySet::default_set(), ""),
            };
            let sent = http
                .post(format!("{}/segment", node.service_uri()))
                .header("Livepeer-Segment", to_header(&papers.build(&Offchain)))
                .header("Livepeer-Payment", "")
                .body(body.clone());
            sent.send().await?.error_for_status()?.bytes().await?;
        }
    }
    let url = format!("http://{}/metrics", node.operator_addr());
    let mut times = Vec::with_capacity(args.scrapes);
    let mut size = 0;
    for _ in 0..args.scrapes {
        let begun = Instant::now();
        let text = http.get(&url).send().await?.error_for_status()?.bytes().await?;
        times.push(begun.elapsed());
        size = text.len();
    }
    node.stop().await;
    times.sort_unstable();
    let of = |permille: usize| times[(times.len() * permille / 1000).min(times.len() - 1)];
    writeln!(
        std::io::stdout(),
        "GET /metrics with {} sessions: p50 {:.2?}, p99 {:.2?}, most {:.2?} of {}, {size} bytes (limit for p99: {LIMIT:?})",
        args.sessions,
        of(500),
        of(990),
        of(1000),
        times.len(),
    )?;
    if of(990) > LIMIT && !args.no_limit {
        bail!("a scrape takes too long");
    }
    Ok(())
}
