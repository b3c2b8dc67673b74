//! Many mutants through the real transcoder, and what must hold afterwards.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use engine::{
    media::{
        arrival::{Source, arrival},
        ffmpeg::Ffmpeg,
        job::{SegmentJob, SegmentTranscoder as _, TranscodeError, Transcoded},
        ladder::{Ladder, Profile},
        pace::Pacer,
        transcode::{Deadline, FfmpegSettings, FfmpegTranscoder},
    },
    process::{FencePolicy, Fencing, Launcher, fence},
};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::mutant::{Mutant, Original, mutant, originals};

/// Sessions at work together.
const LANES: u64 = 2;
/// Mutants of a session before it gets a sound segment and ends.
const EACH: u64 = 10;
/// How long a segment may take by the transcoder's own rule.
const DEADLINE: Deadline = Deadline {
    least: Duration::from_secs(20),
    most: Duration::from_secs(30),
    arrival: Duration::from_secs(20),
};
/// Two runs, with some time to end them.
const LONGEST: Duration = Duration::from_secs(90);
/// How long what is left may take to go.
const QUIET: Duration = Duration::from_secs(20);
/// Ladders, in turn: the source's own timing, frame rates, both and HEVC's other container.
const LADDERS: [&str; 4] = [
    "256x144@200k",
    "256x144@200k@30",
    "256x144@200k,192x108@100k@10,P144p30fps16x9",
    r#"[{"name":"a","width":160,"height":90,"fps":60,"gop":"0.5"},{"name":"b","width":256,"height":144,"gop":"intra"}]"#,
];

/// How a series is run.
#[derive(Debug, Clone)]
pub struct Series {
    /// The `lpctl` that starts ffmpeg.
    pub lpctl: PathBuf,
    /// Number of the first mutant.
    pub first: u64,
    /// How many.
    pub count: u64,
    /// Decides all of them.
    pub seed: u64,
    /// Whether nothing else of this process starts programs or opens files: then those are counted too.
    pub alone: bool,
    /// Where mutants that break a rule are kept.
    pub save: Option<PathBuf>,
}

/// What came of a series.
#[derive(Debug, Default)]
pub struct Outcomes {
    /// How many ended in each way, and the number of the first; renditions are one of them.
    pub counts: BTreeMap<String, (u64, u64)>,
    /// The slowest mutant and its time.
    pub slowest: Option<(u64, Duration, String)>,
    /// Rules broken, in words. Empty is what is wanted.
    pub broken: Vec<String>,
    /// What the fence around ffmpeg was.
    pub fence: String,
    /// Open files and threads of this process after the first sessions and at the end.
    pub held: [(usize, usize); 2],
}

struct Rig {
    series: Series,
    originals: Vec<Original>,
    ladders: Vec<Vec<Profile>>,
    transcoder: FfmpegTranscoder,
    work: tempfile::TempDir,
}

/// Runs a series: mutants come whole, in parts, or break off, to sessions whose next ffmpeg waits. `tell` is told how
/// many are done now and then.
///
/// # Errors
/// The transcoder cannot be set up.
pub async fn run(
    series: Series,
    mut tell: impl FnMut(u64, &Outcomes),
) -> Result<Outcomes, Box<dyn std::error::Error>> {
    let launcher = Launcher::Helper(series.lpctl.clone());
    let support = fence::support(&launcher)?;
    let fencing = Fencing::decide(FencePolicy::Auto, &support)?;
    let mut outcomes = Outcomes {
        fence: fencing.to_string(),
        ..Outcomes::default()
    };
    let work = tempfile::Builder::new().prefix("lpctl-fuzz-").tempdir()?;
    let ffmpeg = Ffmpeg::locate(None)?;
    let settings = FfmpegSettings {
        pacer: Pacer::fixed("ultrafast"),
        fencing,
        deadline: DEADLINE,
        ..FfmpegSettings::new(ffmpeg, launcher, work.path().into())
    };
    let ladders = LADDERS.iter().map(|ladder| Ladder::parse(ladder).map(Into::into));
    let rig = Arc::new(Rig {
        transcoder: FfmpegTranscoder::new(settings)?,
        ladders: ladders.collect::<Result<_, _>>()?,
        originals: originals(),
        work,
        series,
    });
    let end = rig.series.first + rig.series.count;
    let mut next = rig.series.first;
    while next < end {
        let lanes: Vec<_> = (0..LANES)
            .map(|_| {
                let from = next;
                next = (next + EACH).min(end);
                let (rig, to) = (Arc::clone(&rig), next);
                tokio::spawn(async move { rig.session(from, to).await })
            })
            .collect();
        for lane in lanes {
            outcomes.take(lane.await?);
        }
        if let Err(left) = rig.quiet().await {
            outcomes.broken.push(format!("before mutant {next}: {left}"));
        }
        let now = (entries("/proc/self/fd"), entries("/proc/self/task"));
        if outcomes.held[0] == (0, 0) {
            outcomes.held[0] = now;
        }
        outcomes.held[1] = now;
        tell(next - rig.series.first, &outcomes);
    }
    let [(before, _), (after, _)] = outcomes.held;
    // The runtime opens some of its own on first use.
    if rig.series.alone && after > before + 4 {
        outcomes
            .broken
            .push(format!("{before} open files became {after}"));
    }
    Ok(outcomes)
}

/// What happened in one session.
#[derive(Default)]
struct Session {
    ends: Vec<(u64, String, Duration, String)>,
    broken: Vec<String>,
}

impl Outcomes {
    fn take(&mut self, session: Session) {
        self.broken.extend(session.broken);
        for (number, end, took, story) in session.ends {
            self.counts.entry(end).or_insert((0, number)).0 += 1;
            if self
                .slowest
                .as_ref()
                .is_none_or(|(_, slowest, _)| took > *slowest)
            {
                self.slowest = Some((number, took, story));
            }
        }
    }

    /// Mutants that ended at all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.values().map(|(count, _)| count).sum()
    }
}

impl Rig {
    async fn session(&self, from: u64, to: u64) -> Session {
        let mut session = Session::default();
        let id = format!("{from:08x}");
        let ladder = usize::try_from(from / EACH).unwrap_or(0) % self.ladders.len();
        for number in from..to {
            let Mutant { story, data } = mutant(&self.originals, self.series.seed, number);
            let started = Instant::now();
            let ended = timeout(
                LONGEST,
                self.feed(&id, number, data.clone(), &self.ladders[ladder]),
            )
            .await;
            let took = started.elapsed();
            let (end, broken) = match &ended {
                Err(_) => ("no end".to_string(), Some("it did not end".to_string())),
                Ok(result) => judge(result, number.is_multiple_of(BREAKS_OFF)),
            };
            if let Some(broken) = broken {
                session
                    .broken
                    .push(format!("mutant {number} ({story}): {broken}"));
                self.keep(number, &data, &mut session.broken);
            }
            session.ends.push((number, end, took, story));
        }
        // The session is none the worse for it.
        let original = &self.originals[usize::try_from(from / EACH).unwrap_or(0) % self.originals.len()];
        let sound = self.send(&id, to, Source::from(original.data.clone()), &self.ladders[0]);
        let frames = sound
            .await
            .map(|made| made.renditions.first().map(|rendition| rendition.frames));
        if frames != Ok(Some(original.frames)) {
            let name = original.name;
            session
                .broken
                .push(format!("{name} after mutants {from} to {to}: {frames:?}"));
        }
        self.transcoder.close(&id);
        session
    }

    /// A third comes whole, the rest in parts; some break off.
    async fn feed(
        &self,
        id: &str,
        number: u64,
        data: Bytes,
        ladder: &[Profile],
    ) -> Result<Transcoded, TranscodeError> {
        if number.is_multiple_of(3) && !number.is_multiple_of(BREAKS_OFF) {
            return self.send(id, number, data.into(), ladder).await;
        }
        let (mut incoming, source) = arrival(data.len());
        let parts = async {
            for part in data.chunks(data.len().div_ceil(4).max(1)) {
                incoming.push(part);
                sleep(Duration::from_millis(5)).await;
            }
            if number.is_multiple_of(BREAKS_OFF) {
                drop(incoming);
            } else {
                let _ = incoming.finish();
            }
        };
        let (made, ()) = tokio::join!(self.send(id, number, source, ladder), parts);
        made
    }

    async fn send(
        &self,
        id: &str,
        number: u64,
        source: Source,
        ladder: &[Profile],
    ) -> Result<Transcoded, TranscodeError> {
        let job = SegmentJob {
            session: id.to_owned(),
            seq: number,
            source,
            duration: Duration::from_secs(1),
            profiles: ladder.to_vec(),
            perceptual_hash: number.is_multiple_of(7),
            clip: None,
            orchestrator: "offchain".into(),
        };
        self.transcoder.transcode(job, CancellationToken::new()).await
    }

    /// Waits until nothing is left of the sessions.
    async fn quiet(&self) -> Result<(), String> {
        let started = Instant::now();
        loop {
            let files = entries(self.work.path());
            let mut running = self.processes();
            if self.series.alone {
                running.extend(children());
            }
            if files == 0 && running.is_empty() {
                return Ok(());
            }
            if started.elapsed() > QUIET {
                return Err(format!(
                    "{files} job directories and the processes {running:?} are left"
                ));
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Processes whose working directory is in ours.
    fn processes(&self) -> Vec<u32> {
        let all = fs::read_dir("/proc").into_iter().flatten().flatten();
        all.filter(|entry| {
            fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(self.work.path()))
        })
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
    }

    fn keep(&self, number: u64, data: &[u8], broken: &mut Vec<String>) {
        let Some(folder) = &self.series.save else {
            return;
        };
        let file = folder.join(format!("{}-{number}", self.series.seed));
        if let Err(error) = fs::create_dir_all(folder).and_then(|()| fs::write(&file, data)) {
            broken.push(format!("{} cannot be kept: {error}", file.display()));
        }
    }
}

/// Every mutant of so many breaks off before its end.
const BREAKS_OFF: u64 = 23;

/// How it ended in a few words, and the rule it broke if it did.
fn judge(result: &Result<Transcoded, TranscodeError>, breaks_off: bool) -> (String, Option<String>) {
    match result {
        Ok(made) if breaks_off => {
            let end = format!("{} renditions of half a segment", made.renditions.len());
            ("renditions".into(), Some(end))
        }
        Ok(made) => {
            let is_empty = made.renditions.is_empty() || made.renditions.iter().any(|it| it.frames == 0);
            (
                "renditions".into(),
                is_empty.then(|| "a rendition without frames".into()),
            )
        }
        Err(TranscodeError::Stopped) if breaks_off => ("broken off".into(), None),
        Err(error @ (TranscodeError::Stopped | TranscodeError::Busy)) => {
            (error.to_string(), Some(format!("told {error}")))
        }
        Err(TranscodeError::Failed { reason, .. }) => {
            // The program's own crashes are its own; what starts it must not fail.
            let ours = ["cannot start", "job directory", "lost ffmpeg", "cannot keep"];
            let is_ours = ours.iter().any(|words| reason.contains(words));
            // Numbers in ffmpeg's texts differ from run to run; which signal it was matters.
            let keeps_digits = reason.contains("signal");
            let masked = |c: char| {
                if c.is_ascii_digit() && !keeps_digits {
                    '0'
                } else {
                    c
                }
            };
            let plain: String = reason.chars().map(masked).take(60).collect();
            (
                format!("TranscoderFailed: {plain}"),
                is_ours.then(|| reason.clone()),
            )
        }
        Err(error @ (TranscodeError::Input(_) | TranscodeError::TimedOut | TranscodeError::Remote(_))) => {
            (error.to_string(), None)
        }
    }
}

fn entries(folder: impl AsRef<Path>) -> usize {
    fs::read_dir(folder).map_or(0, Iterator::count)
}

/// Children of this process, those waiting to be collected too.
#[must_use]
pub fn children() -> Vec<u32> {
    children_of(std::process::id())
        .into_iter()
        .map(|(child, _)| child)
        .collect()
}

/// Children of a process, each with its state letter.
#[must_use]
pub fn children_of(parent: u32) -> Vec<(u32, char)> {
    let read = |id: u32| -> io::Result<Option<char>> {
        let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
        let mut fields = stat.rsplit_once(") ").map_or("", |(_, rest)| rest).split(' ');
        let (state, ppid) = (
            fields.next().and_then(|state| state.chars().next()),
            fields.next(),
        );
        let is_child = ppid.and_then(|ppid| ppid.parse().ok()) == Some(parent);
        Ok(state.filter(|_| is_child))
    };
    let Ok(all) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    all.flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|id| Some((id, read(id).ok()??)))
        .collect()
}
