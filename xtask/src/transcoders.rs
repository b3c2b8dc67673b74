//! `cargo xtask transcoders`: a real orchestrator, many transcoders that encode nothing, and the gateways that keep them
//! busy, over real sockets. What is measured is what the orchestrator costs.

use std::{
    collections::VecDeque,
    fs,
    io::{BufRead, BufReader, Write as _, stdout},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use alloy::primitives::keccak256;
use bytes::Bytes;
use clap::Args;
use engine::{
    media::ladder::{Profile, preset},
    node::{self, NodeConfig, PoolSettings, TranscoderPool},
    view::node::NodeStatus,
    wire::{
        capability::{CapabilitySet, Job, SourceCodec, job_capabilities, job_message},
        client,
        net::{
            self, orchestrator_client::OrchestratorClient, transcode_result,
            transcoder_client::TranscoderClient,
        },
        segment::{Credentials, to_header},
        signature::Offchain,
    },
};
use eyre::{OptionExt as _, WrapErr as _, bail, ensure};
use prost::Message as _;
use reqwest::Client;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tonic::Streaming;

const SECRET: &str = "of the simulation";
const BOUNDARY: &str = "0123456789abcdef0123";
/// How long a segment plays.
const PLAYING: Duration = Duration::from_secs(2);
/// Rounds of segments of all sessions before anything is measured.
const WARM_UP: u32 = 2;
/// From the begin of one session to that of the next: connections are opened then, which costs more than using them.
const RAMP: Duration = Duration::from_millis(20);
/// Sessions of one gateway.
const PER_GATEWAY: usize = 20;
const PATIENCE: Duration = Duration::from_secs(30);
/// Clock ticks a second in `/proc`, which Linux fixed long ago.
const TICKS: u64 = 100;

/// What has to hold: under one core, under 150 MB, 99 of 100 segments under 15 ms, one session from perfect balance.
const MOST_CORE_PERCENT: u64 = 100;
const MOST_MEMORY_KIB: u64 = 150 << 10;
const MOST_LATENCY: Duration = Duration::from_millis(15);
const MOST_IMBALANCE: u32 = 1;

/// Give an orchestrator many transcoders that encode nothing, fill them with live sessions, and measure it
///
/// The latency is from the first byte a gateway sends to the last of its result: the source up, the task out, the source
/// down, the renditions up. Fails if a segment fails, or the orchestrator takes a core or 150 MB, or 1 % of the segments
/// take 15 ms, or a transcoder has more than one session too many. Meant for a release build.
#[derive(Debug, Args)]
pub struct TranscodersArgs {
    /// Transcoders
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    transcoders: u32,
    /// Sessions each of them takes; there are as many as all of them take
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=100))]
    sessions: u32,
    /// Seconds measured
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..=600))]
    seconds: u32,
    /// Bytes of a source segment, which plays two seconds; its two renditions, of which twelve each are kept for every
    /// session, have half of that together
    #[arg(long, default_value_t = 30_000, value_parser = clap::value_parser!(u32).range(1000..=10_000_000))]
    segment_bytes: u32,
    /// Be the orchestrator, with these files
    #[arg(long, hide = true)]
    node: Option<PathBuf>,
}

pub fn run(args: &TranscodersArgs) -> eyre::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match &args.node {
        Some(files) => runtime.block_on(be_the_node(files)),
        None => runtime.block_on(simulate(args)),
    }
}

async fn be_the_node(files: &Path) -> eyre::Result<()> {
    let pool = TranscoderPool::new(PoolSettings::new(SECRET.parse()?));
    let config = NodeConfig {
        transcoders: Some(pool.clone()),
        auto_sessions: true,
        ..NodeConfig::local(files.to_owned())
    };
    let node = node::start(config, pool, Offchain, CancellationToken::new()).await?;
    writeln!(stdout(), "{} {}", node.service_uri(), node.operator_addr())?;
    // Until the other end goes.
    tokio::task::spawn_blocking(|| std::io::stdin().lock().read_line(&mut String::new())).await??;
    drop(node);
    Ok(())
}

/// The orchestrator's process.
struct Orchestrator {
    process: Child,
    uri: String,
    operator: String,
}

impl Orchestrator {
    fn start(files: &Path) -> eyre::Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["transcoders", "--node"])
            .arg(files)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let out = process.stdout.take().ok_or_eyre("the node has no stdout")?;
        BufReader::new(out).read_line(&mut line)?;
        let (uri, operator) = line
            .trim()
            .split_once(' ')
            .ok_or_eyre("the node does not start")?;
        Ok(Self {
            uri: uri.to_string(),
            operator: format!("http://{operator}/api/v1/status"),
            process,
        })
    }

    /// Processor time so far, in milliseconds.
    fn processor_ms(&self) -> eyre::Result<u64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        // The name may hold spaces; what follows it does not.
        let fields: Vec<&str> = stat
            .rsplit_once(')')
            .ok_or_eyre("stat")?
            .1
            .split_whitespace()
            .collect();
        let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok());
        let (user, system) = ticks(11).zip(ticks(12)).ok_or_eyre("stat")?;
        Ok((user + system) * 1000 / TICKS)
    }

    /// The most memory it ever had, in KiB.
    fn memory_kib(&self) -> eyre::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .ok_or_eyre("VmHWM")?;
        let number = line.split_whitespace().next().ok_or_eyre("VmHWM")?;
        Ok(number.parse()?)
    }

    async fn status(&self) -> eyre::Result<NodeStatus> {
        let http = client::download_client(PATIENCE)?;
        let text = http.get(&self.operator).send().await?.bytes().await?;
        Ok(serde_json::from_slice(&text)?)
    }
}

impl Drop for Orchestrator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What all sessions found.
#[derive(Default)]
struct Findings {
    latencies: Vec<Duration>,
    failures: VecDeque<String>,
}

type Shared = Arc<Mutex<Findings>>;

/// When sessions send, and from when on it counts.
#[derive(Clone, Copy)]
struct Schedule {
    begin: Instant,
    measured: Instant,
    end: Instant,
}

async fn simulate(args: &TranscodersArgs) -> eyre::Result<()> {
    let mut out = stdout();
    let files = tempfile::tempdir()?;
    let node = Orchestrator::start(&files.path().join("node"))?;
    let rendition = vec![0x47; args.segment_bytes as usize / 4];
    let result = Bytes::from(result_body(&rendition));
    for _ in 0..args.transcoders {
        tokio::spawn(transcoder(
            register(&node.uri, args.sessions).await?,
            node.uri.clone(),
            result.clone(),
        ));
    }
    let sessions = args.transcoders as usize * args.sessions as usize;
    let channel = client::connect_grpc(&node.uri.parse()?, PATIENCE).await?;
    let mut tokens = Vec::new();
    for _ in 0..sessions {
        let request = net::OrchestratorRequest::default();
        let info = OrchestratorClient::new(channel.clone())
            .get_orchestrator(request)
            .await?;
        tokens.push(info.into_inner().auth_token.ok_or_eyre("no token")?);
    }
    writeln!(
        out,
        "{} transcoders, {sessions} sessions, a segment of {} bytes every {} s each",
        args.transcoders,
        args.segment_bytes,
        PLAYING.as_secs()
    )?;

    let begin = Instant::now() + Duration::from_millis(100);
    let measured = begin + RAMP * u32::try_from(sessions)? + PLAYING * WARM_UP;
    let schedule = Schedule {
        begin,
        measured,
        end: measured + Duration::from_secs(args.seconds.into()),
    };
    let findings = Shared::default();
    let source = Bytes::from(vec![0x47; args.segment_bytes as usize]);
    let profiles: Arc<[Profile]> = ["P240p30fps16x9", "P144p30fps16x9"]
        .into_iter()
        .map(|name| preset(name).ok_or_eyre("no such preset"))
        .collect::<eyre::Result<_>>()?;
    let mut running = Vec::new();
    let mut clients = None;
    for (index, token) in tokens.into_iter().enumerate() {
        let clients = match &clients {
            Some(clients) if index % PER_GATEWAY != 0 => clients,
            _ => clients.insert((client::segment_client()?, client::download_client(PATIENCE)?)),
        };
        let session = Session {
            uri: node.uri.clone(),
            submit: clients.0.clone(),
            download: clients.1.clone(),
            token,
            source: source.clone(),
            profiles: Arc::clone(&profiles),
        };
        let offset = RAMP * u32::try_from(index)?;
        running.push(tokio::spawn(session.run(offset, schedule, Arc::clone(&findings))));
    }
    sleep_until(schedule.measured).await;
    let before = node.processor_ms()?;
    sleep_until(schedule.end).await;
    let took = node.processor_ms()? - before;
    let status = node.status().await?;
    for session in running {
        session.await?;
    }
    let memory_kib = node.memory_kib()?;
    let findings = std::mem::take(&mut *findings.lock().unwrap_or_else(PoisonError::into_inner));
    report(args, &status, findings, took, memory_kib)
}

fn report(
    args: &TranscodersArgs,
    status: &NodeStatus,
    findings: Findings,
    processor_ms: u64,
    memory_kib: u64,
) -> eyre::Result<()> {
    let mut latencies = findings.latencies;
    latencies.sort_unstable();
    let at = |permille: usize| {
        let rank = (latencies.len() * permille).div_ceil(1000).max(1);
        latencies.get(rank - 1).copied().unwrap_or_default()
    };
    let loads = status.transcoders.iter().map(|transcoder| transcoder.load);
    let (least, most) = (loads.clone().min().unwrap_or(0), loads.clone().max().unwrap_or(0));
    let core_percent = processor_ms / (u64::from(args.seconds) * 10);
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    let mut out = stdout();
    writeln!(
        out,
        "segments     {} measured, {} failed",
        latencies.len(),
        findings.failures.len()
    )?;
    writeln!(out, "processor    {core_percent} % of one core")?;
    writeln!(out, "memory       {} MB at most", memory_kib >> 10)?;
    writeln!(
        out,
        "latency      {:.1} ms half, {:.1} ms p99, {:.1} ms at most",
        ms(at(500)),
        ms(at(990)),
        ms(at(1000))
    )?;
    writeln!(
        out,
        "balance      {} transcoders with {least} to {most} sessions, {} in all",
        status.transcoders.len(),
        loads.sum::<u32>()
    )?;
    if let Some(failure) = findings.failures.front() {
        bail!("segments failed, the first: {failure}");
    }
    ensure!(
        status.transcoders.len() == args.transcoders as usize,
        "transcoders were lost"
    );
    ensure!(most - least <= MOST_IMBALANCE, "the sessions are not balanced");
    ensure!(core_percent < MOST_CORE_PERCENT, "the orchestrator takes a core");
    ensure!(
        memory_kib < MOST_MEMORY_KIB,
        "the orchestrator takes too much memory"
    );
    ensure!(at(990) < MOST_LATENCY, "too many segments come late");
    Ok(())
}

async fn register(uri: &str, capacity: u32) -> eyre::Result<Streaming<net::NotifySegment>> {
    let channel = client::connect_grpc(&uri.parse()?, PATIENCE).await?;
    let request = net::RegisterRequest {
        secret: SECRET.to_string(),
        capacity: capacity.into(),
        capabilities: Some(CapabilitySet::default_set().to_message("0.9.1")),
    };
    let registered = TranscoderClient::new(channel)
        .register_transcoder(request)
        .await?;
    Ok(registered.into_inner())
}

/// A transcoder that fetches its sources and posts the same renditions for all of them.
async fn transcoder(
    mut tasks: Streaming<net::NotifySegment>,
    uri: String,
    result: Bytes,
) -> eyre::Result<()> {
    let (download, post) = (client::download_client(PATIENCE)?, client::segment_client()?);
    while let Some(task) = tasks.message().await? {
        if task.url.is_empty() {
            continue;
        }
        let fetch = download.get(&task.url);
        let post = post
            .post(format!("{uri}/transcodeResults"))
            .header("Authorization", "Livepeer-Transcoder-1.0")
            .header("Credentials", SECRET)
            .header("TaskId", task.task_id.to_string())
            .header("Pixels", "1000")
            .header("Content-Type", format!("multipart/mixed; boundary={BOUNDARY}"))
            .body(result.clone());
        // What fails here is a segment that comes late, which is counted.
        tokio::spawn(async move {
            fetch.send().await?.error_for_status()?.bytes().await?;
            post.send().await?.error_for_status()?.bytes().await
        });
    }
    Ok(())
}

fn result_body(rendition: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for _ in 0..2 {
        let length = rendition.len();
        let head = format!(
            "--{BOUNDARY}\r\nContent-Length: {length}\r\nContent-Type: video/mp2t\r\nPixels: 1000\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(rendition);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

/// A gateway's live stream.
struct Session {
    uri: String,
    submit: Client,
    download: Client,
    token: net::AuthToken,
    source: Bytes,
    profiles: Arc<[Profile]>,
}

impl Session {
    async fn run(self, offset: Duration, schedule: Schedule, findings: Shared) {
        for seq in 0.. {
            let due = schedule.begin + offset + PLAYING * seq;
            if due >= schedule.end {
                return;
            }
            sleep_until(due).await;
            let begun = Instant::now();
            let sent = self.segment(seq.into()).await;
            let took = begun.elapsed();
            let renditions = match sent {
                Ok(renditions) => renditions,
                Err(error) => {
                    let mut findings = findings.lock().unwrap_or_else(PoisonError::into_inner);
                    findings.failures.push_back(format!("{error:#}"));
                    continue;
                }
            };
            if due >= schedule.measured {
                let mut findings = findings.lock().unwrap_or_else(PoisonError::into_inner);
                findings.latencies.push(took);
            }
            for rendition in renditions {
                if let Err(error) = self.fetch(&rendition.url).await {
                    let mut findings = findings.lock().unwrap_or_else(PoisonError::into_inner);
                    findings.failures.push_back(format!("{error:#}"));
                }
            }
        }
    }

    async fn segment(&self, seq: u64) -> eyre::Result<Vec<net::TranscodedSegmentData>> {
        let needs = job_capabilities(&Job {
            source: SourceCodec::H264,
            pixel_format: "",
            profiles: &self.profiles,
            is_pushed: true,
            verifies_by_hash: false,
        })?;
        let credentials = Credentials {
            manifest_id: "simulation",
            seq,
            hash: keccak256(&self.source),
            duration: PLAYING,
            profiles: &self.profiles,
            auth_token: self.token.clone(),
            capabilities: job_message(&needs, ""),
        }
        .build(&Offchain);
        let response = self
            .submit
            .post(format!("{}/segment", self.uri))
            .header("Livepeer-Segment", to_header(&credentials))
            .header("Livepeer-Payment", "")
            .body(self.source.clone())
            .send()
            .await?;
        let status = response.status();
        let body = response.bytes().await?;
        ensure!(
            status.is_success(),
            "{status}: {}",
            String::from_utf8_lossy(&body)
        );
        match net::TranscodeResult::decode(body)?.result {
            Some(transcode_result::Result::Data(data)) => Ok(data.segments),
            Some(transcode_result::Result::Error(error)) => bail!("{error}"),
            None => bail!("no result"),
        }
    }

    async fn fetch(&self, url: &str) -> eyre::Result<()> {
        let response = self.download.get(url).send().await.wrap_err("a rendition")?;
        response.error_for_status()?.bytes().await?;
        Ok(())
    }
}
