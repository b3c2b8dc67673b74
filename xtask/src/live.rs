//! `cargo xtask live`: what the node itself takes of the machine while streams run at playing pace.

use std::{
    fs,
    io::{Write as _, stdout},
    path::Path,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use alloy::primitives::keccak256;
use clap::Args;
use engine::{
    gateway::{
        download::download,
        orchestrator::{Orchestrator, OrchestratorError, Session},
        submit::{Submission, SubmitError, submit},
    },
    media::ladder::{Ladder, Profile},
    wire::{
        capability::{Job, SourceCodec, job_capabilities, job_message},
        client::{download_client, segment_client},
        net,
        segment::Credentials,
        signature::Offchain,
    },
};
use eyre::{OptionExt as _, WrapErr as _, bail, ensure};
use tokio::{
    task::JoinSet,
    time::{sleep, sleep_until},
};

use crate::soak::{Node, Sample};

/// Playing time of a segment.
const SEGMENT: Duration = Duration::from_secs(2);
/// Segments of the clip, which is sent again and again.
const SEGMENTS: usize = 5;
/// How long one download may take, as with any gateway.
const DOWNLOAD: Duration = Duration::from_secs(4);
/// How often the node is asked whether there is room for one more session.
const AGAIN: Duration = Duration::from_millis(500);
/// How often, for one session.
const TRIES: u32 = 60;
/// Time after all sessions run that is not measured.
const SETTLING: Duration = Duration::from_secs(10);

/// Run live sessions of 720p30 through a real node and measure the node without its ffmpegs
///
/// Fails if it takes more memory or processor time than it may, or if a segment fails or comes back late. The
/// one rendition is small, so that the sources are decoded in real time where a 720p ladder is not.
#[derive(Debug, Args)]
pub struct LiveArgs {
    /// Sessions at once
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=100))]
    sessions: u32,
    /// Seconds measured
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(10..=3600))]
    seconds: u64,
    /// Most memory the node may have taken, in MiB
    #[arg(long, default_value_t = 60)]
    memory: u64,
    /// Most processor time it may take, in percent of one core
    #[arg(long, default_value_t = 3)]
    processor: u64,
}

/// What a session's segments came to.
#[derive(Debug, Default)]
struct Tally {
    done: u32,
    late: u32,
    slowest: Duration,
    failures: Vec<String>,
}

/// What all sessions send.
struct Stream {
    service_uri: String,
    pieces: Vec<bytes::Bytes>,
    profiles: Vec<Profile>,
    until: Instant,
}

pub fn run(args: &LiveArgs) -> eyre::Result<()> {
    let lpctl = std::env::current_exe()?.with_file_name("lpctl");
    ensure!(
        lpctl.exists(),
        "{} is not built; run `cargo build --workspace`",
        lpctl.display()
    );
    let home = tempfile::tempdir()?;
    let work = home.path().join("work");
    let pieces = draw(home.path())?;
    let bytes: usize = pieces.iter().map(bytes::Bytes::len).sum();
    let mut node = Node::start(&lpctl, home.path(), &work, args.sessions)?;
    let mut out = stdout();
    writeln!(
        out,
        "{} sessions of 720p30 at {} kbit/s, a segment each {} s",
        args.sessions,
        bytes as u64 * 8 / 1000 / (SEGMENTS as u64 * SEGMENT.as_secs()),
        SEGMENT.as_secs()
    )?;
    let opening = AGAIN * 4 * args.sessions;
    let measured = Duration::from_secs(args.seconds);
    let stream = Arc::new(Stream {
        service_uri: node.service_uri.clone(),
        pieces,
        profiles: Ladder::parse("256x144@200k@30")?.into(),
        until: Instant::now() + opening + SETTLING + measured + SEGMENT,
    });
    let (first, last, tallies) = tokio::runtime::Runtime::new()?.block_on(async {
        let mut sessions = JoinSet::new();
        for number in 0..args.sessions {
            let stream = Arc::clone(&stream);
            sessions.spawn(async move { stream.send(number).await });
            sleep(AGAIN * 4).await;
        }
        sleep(SETTLING).await;
        let started = Instant::now();
        let first = node.look(&work, started)?;
        sleep(measured).await;
        let last = node.look(&work, started)?;
        eyre::Ok((first, last, sessions.join_all().await))
    })?;
    let left = node.end(&work)?;
    report(args, &first, &last, &tallies, left)
}

fn report(
    args: &LiveArgs,
    first: &Sample,
    last: &Sample,
    tallies: &[Tally],
    mut broken: Vec<String>,
) -> eyre::Result<()> {
    let mut out = stdout();
    let done: u32 = tallies.iter().map(|tally| tally.done).sum();
    let late: u32 = tallies.iter().map(|tally| tally.late).sum();
    let slowest = tallies
        .iter()
        .map(|tally| tally.slowest)
        .max()
        .unwrap_or_default();
    // Thousandths of a core.
    let processor = (last.processor_ms - first.processor_ms) / (last.seconds - first.seconds).max(1);
    writeln!(
        out,
        "node alone: {}.{} % of one core over {} s, {} MiB at the end, {} MiB at most",
        processor / 10,
        processor % 10,
        last.seconds - first.seconds,
        last.memory_kib >> 10,
        last.peak_kib >> 10
    )?;
    writeln!(
        out,
        "{done} segments, {late} slower than they play, slowest {} ms",
        slowest.as_millis()
    )?;
    if processor > args.processor * 10 {
        broken.push(format!("more than {} % of one core", args.processor));
    }
    if last.peak_kib > args.memory << 10 {
        broken.push(format!("more than {} MiB", args.memory));
    }
    if late > 0 {
        broken.push(format!("{late} segments came back late"));
    }
    broken.extend(tallies.iter().flat_map(|tally| tally.failures.clone()));
    for broken in &broken {
        writeln!(out, "✗ {broken}")?;
    }
    ensure!(broken.is_empty(), "{} rules were broken", broken.len());
    writeln!(
        out,
        "✓ all sessions were live, and the node stayed within its bounds"
    )?;
    Ok(())
}

impl Stream {
    /// One session at playing pace.
    async fn send(&self, number: u32) -> Tally {
        let mut tally = Tally::default();
        if let Err(error) = self.send_all(number, &mut tally).await {
            tally.failures.push(format!("session {number}: {error:#}"));
        }
        tally
    }

    async fn send_all(&self, number: u32, tally: &mut Tally) -> eyre::Result<()> {
        let job = job_message(
            &job_capabilities(&Job {
                source: SourceCodec::H264,
                pixel_format: "",
                profiles: &self.profiles,
                is_pushed: true,
                verifies_by_hash: false,
            })?,
            "",
        );
        let orchestrator = Orchestrator::new(self.service_uri.parse()?, Arc::new(Offchain));
        let (upload, fetch) = (segment_client()?, download_client(DOWNLOAD)?);
        let mut session = open(&orchestrator, &job).await?;
        let mut due = tokio::time::Instant::now();
        let mut seq = 0;
        let mut tries = 0;
        while Instant::now() < self.until {
            sleep_until(due).await;
            let piece = self.pieces[usize::try_from(seq)? % self.pieces.len()].clone();
            let credentials = Credentials {
                manifest_id: &format!("live-{number}"),
                seq,
                hash: keccak256(&piece),
                duration: SEGMENT,
                profiles: &self.profiles,
                auth_token: session.token.clone(),
                capabilities: job.clone(),
            }
            .build(&Offchain);
            let submission = Submission {
                transcoder: &session.transcoder,
                credentials: &credentials,
                payment: None,
                data: piece,
                duration: SEGMENT,
                timeout_multiplier: 1,
            };
            let departure = Instant::now();
            let answer = match submit(&upload, submission).await {
                Ok(answer) => answer,
                // There was room when the session was opened, and another one took it.
                Err(SubmitError::Refused { .. }) if seq == 0 && tries < TRIES => {
                    tries += 1;
                    sleep(AGAIN).await;
                    session = open(&orchestrator, &job).await?;
                    due = tokio::time::Instant::now();
                    continue;
                }
                Err(error) => return Err(error).wrap_err_with(|| format!("segment {seq}")),
            };
            for rendition in &answer.segments {
                let made = download(&fetch, &session.transcoder, &rendition.url).await?;
                if made.is_empty() {
                    bail!("an empty rendition of segment {seq}");
                }
            }
            let took = departure.elapsed();
            tally.done += 1;
            tally.late += u32::from(took > SEGMENT);
            tally.slowest = tally.slowest.max(took);
            due += SEGMENT;
            seq += 1;
        }
        orchestrator.end(session.token).await?;
        Ok(())
    }
}

/// A session, as soon as there is room: a node takes them one by one, and measures each before the next.
async fn open(orchestrator: &Orchestrator, job: &net::Capabilities) -> eyre::Result<Session> {
    for _ in 0..TRIES {
        match orchestrator.open(job).await {
            Ok(session) => return Ok(session),
            Err(OrchestratorError::Refused(_)) => sleep(AGAIN).await,
            Err(error) => return Err(error.into()),
        }
    }
    bail!(
        "the node had no room for one more session in {} s",
        (AGAIN * TRIES).as_secs()
    )
}

/// A clip as a camera gives it, cut into segments.
fn draw(home: &Path) -> eyre::Result<Vec<bytes::Bytes>> {
    let seconds = SEGMENTS as u64 * SEGMENT.as_secs();
    let status = Command::new("ffmpeg")
        .args([
            "-hide_banner",
            "-nostdin",
            "-loglevel",
            "error",
            "-f",
            "lavfi",
            "-i",
        ])
        .arg(format!(
            "testsrc2=size=1280x720:rate=30:duration={seconds},noise=alls=12:allf=t"
        ))
        .args([
            "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-b:v", "2500k",
        ])
        // What services ask of 720p30, and decoded with little work: what is measured is the node, not the decoder.
        .args(["-tune", "fastdecode", "-bf", "0", "-refs", "1"])
        .args([
            "-maxrate",
            "2500k",
            "-bufsize",
            "2500k",
            "-g",
            "60",
            "-sc_threshold",
            "0",
        ])
        .args(["-f", "segment", "-segment_time", &SEGMENT.as_secs().to_string()])
        .args(["-segment_format", "mpegts"])
        .arg(home.join("piece-%d.ts"))
        .status()
        .wrap_err("ffmpeg is missing")?;
    ensure!(status.success(), "ffmpeg cannot draw the clip");
    let pieces: Vec<_> = (0..SEGMENTS)
        .map(|piece| fs::read(home.join(format!("piece-{piece}.ts"))).map(bytes::Bytes::from))
        .collect::<Result<_, _>>()?;
    pieces.first().ok_or_eyre("no segments")?;
    Ok(pieces)
}
