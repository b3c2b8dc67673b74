//! `lpctl bench transcode`.

use std::{fs, path::PathBuf, sync::Arc, thread::available_parallelism, time::Duration};

use clap::{
    Args, ValueHint,
    builder::{PossibleValuesParser, TypedValueParser as _},
};
use engine::{
    bench::{
        self, Measured, Plan, Progress, Run,
        bare::Bare,
        capacity::{Counts, capacity},
        clip::{self, Drawing, Piece},
        figures::{median, milliseconds, ratio},
        load::Pace,
    },
    config::PresetChoice,
    gateway::tools::Tools,
    media::{
        ffmpeg::Ffmpeg,
        ladder::Profile,
        target::Effort,
        transcode::{FfmpegSettings, FfmpegTranscoder},
    },
    process::Launcher,
    view::{
        bench::{BareFfmpeg, BenchInput, BenchPace, BenchReport, BenchRun, BenchSettings},
        node::Rung,
    },
};
use indicatif::ProgressBar;
use tokio::sync::mpsc;

use super::{csv, failure, values};
use crate::{
    config::set::{place, put},
    context::Context,
    failure::{Failure, Kind},
    gateway::push::parse_seconds,
    run::{
        self,
        fence::{self, FenceChoice},
        places,
    },
    settings,
};

/// Different segments that are kept of a clip.
const PIECES: usize = 16;
/// Segments of a session in one turn, where several sessions are measured against a bare ffmpeg.
const TURN: u32 = 4;
/// Rest between the turns of both sides.
const GAP: Duration = Duration::from_millis(250);
/// What is said of the bare runs.
const BARE_RUNS: &str =
    "a cold process a segment, the engine's arguments and niceness, input from a file, no fence";

/// Measure how fast this machine transcodes and how many live sessions it carries
///
/// Segments go through the engine a node uses, with no network before it. INPUT is a video, cut as `lpctl gateway push`
/// cuts it, or a media playlist (.m3u8) with its segments beside it; without it a clip with film grain is drawn. Real
/// video differs: for the number of sessions measure with a recording of what you will serve.
///
/// Flat out, each session sends its next segment when the last one is done. With --live segments come at playing pace,
/// spread over --arrive, and latency counts from the last byte to the last rendition. A number of sessions is carried
/// if no segment fails and nine in ten are done before the next one of their stream begins, with a fifth of the time
/// after their last byte to spare. `--sessions auto` raises the number until that fails and finds the largest.
///
/// With --against the same segments go through a bare ffmpeg in turn with the engine, so that whatever else the machine
/// does hits both; the ratios are of medians. One segment of each session comes before what is measured.
///
/// Exit code 0 when there are figures, also bad ones; 1 if no segment was transcoded or --compare finds a difference.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl bench transcode                                          one, two and four sessions, flat out
  lpctl bench transcode match.mp4 --sessions auto --write-config
  lpctl bench transcode --draw 1920x1080@60 --ladder P720p60fps16x9,P360p30fps16x9 --live
  lpctl bench transcode hls/index.m3u8 --ladder ladder.json --csv segments.csv
  lpctl bench transcode --sessions 1 --against ffmpeg --compare --encoder-threads 1 --json
  lpctl bench transcode --sessions 1 --against ffmpeg --live --arrive 1.5s")]
pub struct TranscodeArgs {
    /// Video or playlist to transcode; without it a clip is drawn
    #[arg(value_name = "INPUT", value_hint = ValueHint::FilePath)]
    input: Option<PathBuf>,
    /// Size and frame rate of the drawn clip
    #[arg(
        long,
        value_name = "WIDTHxHEIGHT@FPS",
        default_value = "1280x720@30",
        conflicts_with = "input"
    )]
    draw: Drawing,
    /// Shortest segment, in seconds; it ends at the next key frame. Playlists have their own
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = parse_seconds)]
    segment_seconds: Duration,
    /// Renditions to make: presets, WIDTHxHEIGHT@BITRATE[@FPS], JSON, or a .json file
    #[arg(
        long,
        value_name = "LADDER",
        default_value = "P240p30fps16x9,P360p30fps16x9,P720p30fps16x9"
    )]
    ladder: String,
    /// Sessions at once: numbers to try one after the other, or `auto` to find how many are carried live
    #[arg(long, value_name = "COUNTS", default_value = "1,2,4", value_parser = values::counts)]
    sessions: Counts,
    /// Segments measured in each session
    #[arg(long, value_name = "COUNT", default_value_t = 8)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
    segments: u32,
    /// Let segments come at playing pace instead of one after the other; `--sessions auto` does
    #[arg(long)]
    live: bool,
    /// From a live segment's first byte to its last
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = values::duration)]
    arrive: Duration,
    /// Rest before each turn, in which the next ffmpeg can start [default: 250ms with --against, else none]
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    gap: Option<Duration>,
    /// Segments of each session in one turn [default: with --gap or --against 1, for several sessions 4; else all]
    #[arg(long, value_name = "COUNT")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
    turn: Option<u32>,
    /// How thoroughly to encode; with auto the engine chooses as it does in a node, and may refuse segments
    #[arg(
        long,
        value_name = "PRESET",
        default_value = "veryfast",
        env = "LPCTL_PRESET",
        hide_env = true
    )]
    #[arg(value_parser = PossibleValuesParser::new(PresetChoice::names()).try_map(|name| name.parse::<PresetChoice>()))]
    preset: PresetChoice,
    /// Threads of each encoder; with one, encoders repeat themselves byte for byte
    #[arg(long, value_name = "COUNT")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=64))]
    encoder_threads: Option<u32>,
    /// Measure a bare ffmpeg in turn: `ffmpeg` for the one on the search path, or a path
    #[arg(long, value_name = "FFMPEG", value_hint = ValueHint::FilePath)]
    against: Option<PathBuf>,
    /// Compare frames, time stamps and sizes of the renditions of both; with --encoder-threads 1 also the bytes
    #[arg(long, requires = "against")]
    compare: bool,
    /// Write every segment as a line of a CSV file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    csv: Option<PathBuf>,
    /// Store the number of live sessions as max_sessions in the config file, in the profile in use or the defaults
    #[arg(long)]
    write_config: bool,
    /// What to do where this kernel cannot fence ffmpeg off from files, sockets and programs
    #[arg(
        long,
        value_enum,
        value_name = "POLICY",
        default_value_t,
        env = "LPCTL_FENCE",
        hide_env = true
    )]
    fence: FenceChoice,
    /// The ffmpeg to use, instead of the one on the search path
    #[arg(long, value_name = "PATH", env = "LPCTL_FFMPEG", hide_env = true, value_hint = ValueHint::FilePath)]
    ffmpeg: Option<PathBuf>,
    /// Where segments are worked on [default: in memory, if there is room]
    #[arg(long, value_name = "PATH", env = "LPCTL_WORK_DIR", hide_env = true, value_hint = ValueHint::DirPath)]
    work_dir: Option<PathBuf>,
}

/// Measures and reports.
///
/// # Errors
/// A failure of the class that fits; with `--json` what was measured is in its details.
pub async fn run(args: TranscodeArgs, context: &mut Context) -> eyre::Result<()> {
    let profiles: Vec<Profile> = values::ladder(&args.ladder)?.into();
    let pace = pace(&args)?;
    if let Some(path) = &args.csv {
        // Minutes of measuring must not be lost to a folder that is not there.
        fs::write(path, "").map_err(|error| csv_failure(path, &error))?;
    }
    let ffmpeg = located(args.ffmpeg.clone()).await?;
    let launcher = Launcher::through_this_program();
    let tools = Tools::new(ffmpeg.clone(), launcher.clone()).map_err(|error| failure::of_tool(&error))?;
    let bar = context.shell.progress(None, "preparing the segments");
    let pieces = pieces(&args, &tools)
        .await
        .map_err(|error| failure::of_clip(&error))?;
    check_arrival(&pieces, pace)?;
    bar.set_message("checking ffmpeg");
    let work_dir = match &args.work_dir {
        Some(path) => path.clone(),
        None => places::work_dir(&context.directories().cache_dir),
    };
    let against = against(&args, &work_dir).await?;
    let fencing = fence::choose(args.fence, &launcher, &mut context.shell).await?;
    let settings = FfmpegSettings {
        pacer: run::pacer(Some(args.preset), context.settings().cpu)?,
        fencing,
        encoder_threads: args.encoder_threads,
        ..FfmpegSettings::new(ffmpeg.clone(), launcher, work_dir)
    };
    let transcoder = FfmpegTranscoder::new(settings).map_err(run::failure::of_transcoder)?;
    transcoder
        .self_test()
        .await
        .map_err(run::failure::of_transcoder)?;
    bar.finish_and_clear();
    let gap = args
        .gap
        .unwrap_or(if against.is_some() { GAP } else { Duration::ZERO });
    let turn = turn(&args, against.is_some());
    let plan = Plan {
        pieces,
        profiles,
        counts: args.sessions.clone(),
        segments: args.segments,
        pace,
        gap,
        turn,
        against,
        compares: args.compare,
    };
    let measured = measure(&plan, transcoder, context).await;
    conclude(&args, &plan, &measured, &ffmpeg, &tools, context).await
}

fn pace(args: &TranscodeArgs) -> Result<Pace, Failure> {
    if args.live || args.sessions == Counts::Auto {
        return Ok(Pace::Live { arrive: args.arrive });
    }
    if args.write_config {
        return Err(Failure::new(
            Kind::Usage,
            "not_live",
            "only live segments tell how many sessions a node may take",
        )
        .hint("add `--sessions auto`, or `--live` with the numbers to try"));
    }
    Ok(Pace::FlatOut)
}

/// Turns alternate as finely as possible where one session's latency is compared; several sessions need some segments
/// each to be at work together.
fn turn(args: &TranscodeArgs, has_against: bool) -> u32 {
    let most = match &args.sessions {
        Counts::These(counts) => counts.iter().copied().max().unwrap_or(1),
        Counts::Auto => u32::MAX,
    };
    let usual = match (has_against || args.gap.is_some(), most) {
        (false, _) => args.segments,
        (true, 1) => 1,
        (true, _) => TURN,
    };
    args.turn.unwrap_or(usual).min(args.segments)
}

/// A segment that took longer to arrive than it plays would never be in time.
fn check_arrival(pieces: &[Piece], pace: Pace) -> Result<(), Failure> {
    let shortest = pieces
        .iter()
        .map(|piece| piece.duration)
        .min()
        .unwrap_or_default();
    match pace {
        Pace::Live { arrive } if arrive >= shortest => Err(Failure::new(
            Kind::Usage,
            "slow_arrival",
            format!(
                "segments that play {:.3} s cannot take {:.3} s to arrive and be live",
                shortest.as_secs_f64(),
                arrive.as_secs_f64()
            ),
        )
        .hint("give a shorter `--arrive`, or longer segments with `--segment-seconds`")),
        _ => Ok(()),
    }
}

async fn located(path: Option<PathBuf>) -> eyre::Result<Ffmpeg> {
    let located = tokio::task::spawn_blocking(move || Ffmpeg::locate(path.as_deref())).await?;
    Ok(located.map_err(run::failure::of_ffmpeg)?)
}

async fn pieces(args: &TranscodeArgs, tools: &Tools) -> Result<Vec<Piece>, clip::ClipError> {
    let most = usize::try_from(args.segments + bench::WARM_UP).map_or(PIECES, |most| most.min(PIECES));
    match &args.input {
        Some(path) => clip::load(tools, path, args.segment_seconds, most).await,
        None => clip::draw(tools, args.draw, args.segment_seconds, most).await,
    }
}

async fn against(args: &TranscodeArgs, work_dir: &std::path::Path) -> eyre::Result<Option<Bare>> {
    let Some(path) = &args.against else {
        return Ok(None);
    };
    let Some(preset) = args.preset.0 else {
        let message = "a bare ffmpeg has one preset, and auto is not one";
        return Err(Failure::new(Kind::Usage, "moving_preset", message)
            .hint("name the `--preset` that both are to use")
            .into());
    };
    let path = Some(path.clone()).filter(|path| path.as_os_str() != "ffmpeg");
    let ffmpeg = located(path).await?;
    let effort = Effort {
        preset,
        cascaded: false,
    };
    let bare = Bare::new(ffmpeg, work_dir.to_owned(), effort, args.encoder_threads);
    let bare = bare.map_err(|error| {
        Failure::new(
            Kind::Failed,
            "work_dir",
            format!("cannot work in {}: {error}", work_dir.display()),
        )
        .hint("make it writable, or choose another folder with `--work-dir`")
    })?;
    Ok(Some(bare))
}

async fn measure(plan: &Plan, transcoder: FfmpegTranscoder, context: &Context) -> Measured {
    let (progress, events) = mpsc::unbounded_channel();
    let bar = context.shell.progress(Some(1), "measuring");
    let measuring = bench::run(plan, Arc::new(transcoder), progress);
    let (measured, ()) = tokio::join!(measuring, show(events, &bar));
    bar.finish_and_clear();
    measured
}

/// Shows what happens until there is no more to happen.
async fn show(mut events: mpsc::UnboundedReceiver<Progress>, bar: &ProgressBar) {
    while let Some(event) = events.recv().await {
        match event {
            Progress::Began { sessions, segments } => {
                bar.set_length(segments);
                bar.set_position(0);
                let noun = if sessions == 1 { "session" } else { "sessions" };
                bar.set_message(format!("{sessions} {noun}, segments"));
            }
            Progress::Segment => bar.inc(1),
        }
    }
}

async fn conclude(
    args: &TranscodeArgs,
    plan: &Plan,
    measured: &Measured,
    ffmpeg: &Ffmpeg,
    tools: &Tools,
    context: &mut Context,
) -> eyre::Result<()> {
    if let Some(path) = &args.csv {
        fs::write(path, csv::text(&measured.runs)).map_err(|error| csv_failure(path, &error))?;
    }
    let mut report = report(args, plan, &measured.runs, ffmpeg);
    if report.runs.iter().all(|run| run.engine.latency_ms.is_none()) {
        return fail(failure::nothing_transcoded(&report), &report, context);
    }
    if let Some(reason) = bare_failure(&report) {
        return fail(failure::bare_failed(&reason), &report, context);
    }
    if args.compare {
        let compared = measured.pairs.compare(tools).await;
        let comparison = compared.map_err(|error| failure::of_compare(&error))?;
        let bytes = args.encoder_threads == Some(1);
        report.comparison = Some(comparison.clone());
        if !comparison.holds(bytes) {
            return fail(failure::renditions_differ(&comparison, bytes), &report, context);
        }
    }
    if args.write_config {
        let sessions = report.capacity.map_or(0, |capacity| capacity.sessions);
        if sessions == 0 {
            let message = "not one session is carried in real time, so nothing is stored";
            let failure = Failure::new(Kind::Failed, "nothing_to_store", message);
            let hint = "try a faster `--preset` or a smaller `--ladder`";
            return fail(failure.hint(hint), &report, context);
        }
        report.stored_in = Some(store(sessions, context)?);
    }
    Ok(context.shell.report(&report)?)
}

/// The figures are shown in any case; for scripts they are in the failure.
fn fail(failure: Failure, report: &BenchReport, context: &mut Context) -> eyre::Result<()> {
    if !context.shell.is_json() {
        // The failure below counts, whether or not anybody reads this.
        let _ = context.shell.report(report);
    }
    Err(failure.details(serde_json::to_value(report)?).into())
}

/// Why a bare side has no figures, if one has none.
fn bare_failure(report: &BenchReport) -> Option<String> {
    let mut bare = report.runs.iter().filter_map(|run| run.bare.as_ref());
    let failed = bare.find(|bare| bare.latency_ms.is_none())?;
    Some(
        failed
            .failures
            .keys()
            .next()
            .cloned()
            .unwrap_or_else(|| "no reason given".into()),
    )
}

/// Where the number went, in words.
fn store(sessions: u32, context: &Context) -> Result<String, Failure> {
    let profile = context.settings().profile.clone();
    settings::edit(&context.directories().config_file, |document| {
        let value = toml_edit::value(i64::from(sessions));
        put(document, profile.as_deref(), "max_sessions", value);
    })?;
    Ok(format!(
        "max_sessions of {} is {sessions}",
        place(profile.as_deref())
    ))
}

fn report(args: &TranscodeArgs, plan: &Plan, runs: &[Run], ffmpeg: &Ffmpeg) -> BenchReport {
    BenchReport {
        version: env!("CARGO_PKG_VERSION").to_string(),
        cores: available_parallelism().map_or(1, std::num::NonZero::get),
        ffmpeg: ffmpeg.version().to_string(),
        input: input(args, &plan.pieces),
        settings: BenchSettings {
            ladder: plan.profiles.iter().map(rung).collect(),
            preset: <&str>::from(args.preset).to_string(),
            encoder_threads: args.encoder_threads,
            segments: plan.segments,
            pace: match plan.pace {
                Pace::FlatOut => BenchPace::FlatOut,
                Pace::Live { arrive } => BenchPace::Live {
                    arrive_ms: milliseconds(arrive),
                },
            },
            gap_ms: milliseconds(plan.gap),
            turn: plan.turn,
            against: plan.against.as_ref().map(|bare| BareFfmpeg {
                version: bare.ffmpeg().version().to_string(),
                runs: BARE_RUNS.to_string(),
            }),
        },
        runs: runs.iter().map(figures).collect(),
        capacity: capacity(runs, plan.pace),
        comparison: None,
        stored_in: None,
    }
}

fn figures(run: &Run) -> BenchRun {
    BenchRun {
        sessions: run.sessions,
        engine: run.engine.figures(true),
        bare: run.bare.as_ref().map(|bare| bare.figures(false)),
        ratio: run.bare.as_ref().map(|bare| ratio(&run.engine, bare)),
        keeps_real_time: run.keeps_real_time,
    }
}

fn input(args: &TranscodeArgs, pieces: &[Piece]) -> BenchInput {
    let mut lengths: Vec<Duration> = pieces.iter().map(|piece| piece.duration).collect();
    lengths.sort_unstable();
    let size = pieces.iter().find_map(|piece| piece.size);
    BenchInput {
        name: match &args.input {
            Some(path) => path.display().to_string(),
            None => format!("drawn clip {}", args.draw),
        },
        segments: pieces.len(),
        segment_ms: milliseconds(median(&lengths).unwrap_or_default()),
        bytes: pieces.iter().map(|piece| piece.data.len() as u64).sum(),
        size: size.map(|size| format!("{}x{}", size.width, size.height)),
        frames: pieces.iter().map(|piece| piece.frames).sum(),
    }
}

fn rung(profile: &Profile) -> Rung {
    Rung {
        name: profile.name.clone(),
        width: profile.width,
        height: profile.height,
        fps: profile.fps,
        bitrate: profile.bitrate,
    }
}

fn csv_failure(path: &std::path::Path, error: &std::io::Error) -> Failure {
    Failure::new(
        Kind::Failed,
        "csv_not_written",
        format!("{}: {error}", path.display()),
    )
    .hint("name a file you can write with `--csv`")
}
