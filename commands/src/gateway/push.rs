//! `lpctl gateway push`.

use std::{path::PathBuf, sync::Arc, time::Duration};

use clap::{Args, ValueHint};
use engine::{
    gateway::{Discovery, PushConfig, PushEvent, push},
    media::{ffmpeg::Ffmpeg, ladder::Ladder},
    process::Launcher,
    view::push::PushReport,
    wire::{
        client::parse_node_address,
        signature::{LocalSigner, MessageSigner, Offchain},
    },
};
use indicatif::ProgressBar;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{
    failure,
    payer::{PaymentArgs, payer},
    run::settings,
};
use crate::{
    account::{password, select},
    context::Context,
    failure::{Failure, Kind},
    run,
    shell::escape,
};

/// Progress events that may wait to be shown.
const EVENTS: usize = 256;

/// Send a file through orchestrators and check what comes back
///
/// The file, anything ffmpeg can read, is cut into segments at its key frames and sent as a gateway sends a stream. Of
/// several orchestrators the quick ones get the segments, and one that fails is replaced by another. Each rendition is
/// downloaded, decoded and compared with what the orchestrator reported: number, size, pixels, first frame,
/// signature. Video that cannot be cut is encoded again first.
///
/// On a chain, that of the profile or --network, orchestrators are paid with tickets from the account's deposit and
/// reserve, which `lpctl deposit fund` makes; the report tells what was paid.
///
/// Exit code 0 only if every rendition of every segment came back right, 1 if any did not, 7 if no orchestrator could be
/// reached.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl gateway push clip.mp4 --orch https://127.0.0.1:8935
  lpctl gateway push clip.mp4 --orch o1.example.org --orch o2.example.org
  lpctl gateway push clip.mp4 --orch-webhook https://example.org/orchestrators.json
  lpctl gateway push clip.mp4 --orch o1.example.org --ladder P720p30fps16x9,640x360@800k@30
  lpctl gateway push clip.mp4 --orch o1.example.org --out renditions && ffplay renditions/master.m3u8
  lpctl gateway push clip.mp4 --orch o1.example.org --repeat 100 --no-verify --json | jq .data.latency")]
pub struct PushArgs {
    /// Video to send
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    input: PathBuf,
    /// Orchestrator to send it to, repeatable; https and port 8935 unless told otherwise
    #[arg(long = "orch", visible_alias = "orchestrator", value_name = "URL", value_parser = parse_node_address, value_hint = ValueHint::Url)]
    #[arg(env = "LPCTL_ORCH", hide_env = true, value_delimiter = ',')]
    #[arg(required_unless_present = "orchestrator_webhook")]
    orchestrators: Vec<Url>,
    /// Webhook that names the orchestrators, instead of `--orch`
    #[arg(long = "orch-webhook", id = "orchestrator_webhook", value_name = "URL", value_hint = ValueHint::Url)]
    #[arg(env = "LPCTL_ORCH_WEBHOOK", hide_env = true, hide_env_values = true)]
    orchestrator_webhook: Option<String>,
    /// Renditions to ask for: presets, WIDTHxHEIGHT@BITRATE[@FPS], or JSON
    #[arg(
        long,
        value_name = "LADDER",
        default_value = "P240p30fps16x9,P360p30fps16x9",
        value_parser = Ladder::parse
    )]
    ladder: Ladder,
    /// Folder for the renditions and their playlists; without it they are dropped once checked
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    out: Option<PathBuf>,
    /// Shortest segment, in seconds; it ends at the next key frame
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = parse_seconds)]
    segment_seconds: Duration,
    /// Segments on their way at the same time
    #[arg(long, value_name = "COUNT", default_value_t = 2)]
    #[arg(value_parser = clap::value_parser!(u8).range(1..=32))]
    concurrency: u8,
    /// How often a segment is sent at most, where sending it again may help
    #[arg(long, value_name = "COUNT", default_value_t = 3)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10))]
    attempts: u32,
    /// Send the file so many times, one after the other in one stream
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    repeat: u32,
    /// Download the renditions without decoding and comparing them
    #[arg(long)]
    no_verify: bool,
    /// Sign and pay nothing, whatever the profile says: off-chain orchestrators do not ask for it
    #[arg(long)]
    offchain: bool,
    #[command(flatten)]
    payment: PaymentArgs,
    /// The ffmpeg to use, instead of the one on the search path
    #[arg(long, value_name = "PATH", env = "LPCTL_FFMPEG", hide_env = true, value_hint = ValueHint::FilePath)]
    ffmpeg: Option<PathBuf>,
}

/// Half a second to a minute, in seconds with at most three digits after the point.
pub(crate) fn parse_seconds(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a number of seconds from 0.5 to 60");
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || whole.len() > 2 || fraction.len() > 3 {
        return Err(wrong());
    }
    let millis: u64 = format!("{whole}{fraction:0<3}").parse().map_err(|_| wrong())?;
    match millis {
        500..=60_000 => Ok(Duration::from_millis(millis)),
        _ => Err(wrong()),
    }
}

/// Sends the file and reports.
///
/// # Errors
/// A failure of the class that fits; with `--json` the whole report is in the details of one about renditions.
pub async fn run(args: PushArgs, context: &mut Context) -> eyre::Result<()> {
    // The chain is followed for as long as there is something to pay.
    let following = CancellationToken::new();
    let _end_of_following = following.clone().drop_guard();
    let config = config(&args, context, &following).await?;
    let (progress, events) = mpsc::channel(EVENTS);
    let stop = CancellationToken::new();
    let bar = context.shell.progress(Some(1), "asking for a session");
    let work = async {
        let pushing = push(config, progress, stop.clone());
        let (outcome, ()) = tokio::join!(pushing, show(events, &bar));
        outcome
    };
    let mut work = Box::pin(work);
    let outcome = tokio::select! {
        outcome = &mut work => outcome,
        _ = tokio::signal::ctrl_c() => {
            stop.cancel();
            tokio::select! {
                outcome = &mut work => outcome,
                _ = tokio::signal::ctrl_c() => return Err(interrupted("interrupted at once; what was done is not reported").into()),
            }
        }
    };
    drop(work);
    bar.finish_and_clear();
    let report = outcome.map_err(failure::of_push)?;
    conclude(&report, context)
}

async fn config(
    args: &PushArgs,
    context: &mut Context,
    following: &CancellationToken,
) -> eyre::Result<PushConfig> {
    let path = args.ffmpeg.clone();
    let located = tokio::task::spawn_blocking(move || Ffmpeg::locate(path.as_deref())).await?;
    let ffmpeg = located.map_err(run::failure::of_ffmpeg)?;
    // Started through lpctl itself, ffmpeg dies with it even on kill -9.
    let launcher = Launcher::through_this_program();
    let signer = signer(args, context).await?;
    let payment = payer(&args.payment, args.offchain, &signer, context, following).await?;
    Ok(PushConfig {
        payment,
        max_price: args.payment.max_price(&context.settings().gateway),
        output: args.out.clone(),
        segment_length: args.segment_seconds,
        in_flight: args.concurrency.into(),
        attempts: args.attempts,
        verifies: !args.no_verify,
        times: args.repeat,
        launcher,
        signer,
        ..PushConfig::new(
            args.input.clone(),
            discovery(args)?,
            args.ladder.profiles().to_vec(),
            ffmpeg,
        )
    })
}

/// A list on the command line counts, whatever webhook the environment names.
fn discovery(args: &PushArgs) -> eyre::Result<Discovery> {
    let webhook = settings::webhook(args.orchestrator_webhook.as_deref(), "--orch-webhook")?;
    match (webhook, args.orchestrators.as_slice()) {
        (Some(webhook), []) => Ok(Discovery::webhook(webhook.expose().clone()).map_err(failure::of_client)?),
        (_, listed) => Ok(Discovery::list(listed.iter().cloned())),
    }
}

/// Orchestrators on a chain want to know who sends; others do not ask.
async fn signer(args: &PushArgs, context: &mut Context) -> eyre::Result<Arc<dyn MessageSigner>> {
    let names_account = context.settings().from_command_line.account.is_some();
    if args.offchain || !(names_account || run::chain::wanted(false, context.settings())) {
        return Ok(Arc::new(Offchain));
    }
    let account = select::selected(context).map_err(|failure| {
        failure.hint("choose the account that signs with `--account`, or pass `--offchain`")
    })?;
    Ok(Arc::new(LocalSigner(password::unlock(&account, context).await?)))
}

/// Shows what happens until there is no more to happen.
async fn show(mut events: mpsc::Receiver<PushEvent>, bar: &ProgressBar) {
    let (mut played, mut whole) = (0, None);
    let (mut done, mut failed) = (0_u64, 0_u64);
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    // Seconds of video: how many segments there will be is not known.
    while let Some(event) = events.recv().await {
        match event {
            PushEvent::Started {
                duration,
                encoded_because,
            } => {
                whole = duration.map(millis);
                bar.set_length(whole.unwrap_or(0).div_ceil(1000));
                if let Some(reason) = encoded_because {
                    bar.println(format!("the video is encoded again: {reason}"));
                }
            }
            PushEvent::Cut { duration, .. } => {
                played += millis(duration);
                let known = whole.unwrap_or(0).max(played);
                bar.set_length(known.div_ceil(1000));
                bar.set_position(played / 1000);
            }
            PushEvent::Retried { seq, reason } => {
                bar.println(format!("segment {seq} is sent again: {}", escape(&reason)));
            }
            PushEvent::Failed { seq, reason } => {
                failed += 1;
                bar.println(format!("segment {seq} failed: {}", escape(&reason)));
            }
            PushEvent::Done { .. } => done += 1,
            PushEvent::Session { .. } | PushEvent::Sent { .. } | PushEvent::Answered { .. } => {}
        }
        bar.set_message(match failed {
            0 => format!("{done} segments done, seconds sent"),
            _ => format!("{done} segments done, {failed} failed, seconds sent"),
        });
    }
}

/// One answer: the report, or for scripts a failure that holds it.
fn conclude(report: &PushReport, context: &mut Context) -> eyre::Result<()> {
    if report.renditions.silent > 0 {
        context.shell.warn(format_args!(
            "{} renditions have no sound, and the file has",
            report.renditions.silent
        ));
    }
    if report.is_complete() {
        return Ok(context.shell.report(report)?);
    }
    if !context.shell.is_json() {
        // The failure below counts, whether or not anybody reads this.
        let _ = context.shell.report(report);
    }
    let failure = match report.interrupted {
        true => interrupted("interrupted before all of the file was sent"),
        false => failure::of_report(report),
    };
    Err(failure.details(serde_json::to_value(report)?).into())
}

fn interrupted(message: &str) -> Failure {
    Failure::new(Kind::Interrupted, "interrupted", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_read_exactly_and_within_reason() {
        assert_eq!(parse_seconds("2"), Ok(Duration::from_secs(2)));
        assert_eq!(parse_seconds("0.5"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_seconds("1.025"), Ok(Duration::from_millis(1025)));
        for bad in [
            "", "0", "0.4", "61", "-1", "1e1", "1.", ".5", "2s", "1.0001", "100",
        ] {
            assert!(parse_seconds(bad).is_err(), "{bad}");
        }
    }
}
