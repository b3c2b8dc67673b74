//! What devices can really do: a clip that ffmpeg draws is transcoded on each of them, with the command lines that
//! transcode segments. What was not seen to work is not advertised.

use std::{
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::{io::AsyncWriteExt as _, time::timeout};
use tracing::{debug, warn};

use self::judge::{Judged, judge};
use super::{
    count::count,
    ffmpeg::{Ffmpeg, limits},
    inspect::{InputFormat, Inspection, PixelFormat, inspect},
    ladder::{CodecProfile, Container, Gop, Profile, VideoCodec},
    recipe::{Recipe, output_file},
    target::{Effort, Target},
    transcode::directory::job_dir,
};
use crate::{
    process::{Fencing, Launcher, Log, Spawner, Streams, keep_log},
    view::probe::{DeviceProbe, ProbeReport, Trial, TrialResult, Verdict},
    wire::capability::{Capability, CapabilitySet},
};

mod judge;

/// Frames of the clip, all of which must come out.
const FRAMES: u64 = 10;

/// Renditions made at once where encoding is tried, as a ladder has them (`go-livepeer core/transcoder.go`).
const RENDITIONS: u32 = 4;

/// How long one run may take. The first use of a GPU after start-up takes seconds.
const DEADLINE: Duration = Duration::from_secs(30);

/// Name of the drawn clip.
const DRAWN: &str = "drawn.ts";

/// Tries devices. Cheap to make, and nothing of it stays.
#[derive(Debug)]
pub struct Prober {
    ffmpeg: Ffmpeg,
    spawner: Spawner,
    fencing: Fencing,
    work_dir: PathBuf,
}

/// A clip to try with, or why there is none.
type Clip = Result<(Bytes, Inspection), String>;

impl Prober {
    /// `work_dir` must be there; each run has a directory of its own in it.
    ///
    /// # Errors
    /// The system gives no thread for starting programs.
    pub fn new(ffmpeg: Ffmpeg, launcher: Launcher, work_dir: PathBuf) -> io::Result<Self> {
        Ok(Self {
            ffmpeg,
            spawner: Spawner::start(launcher)?,
            fencing: Fencing::default(),
            work_dir,
        })
    }

    /// Runs ffmpeg behind this fence, as the node does: what the fence breaks is to show.
    #[must_use]
    pub fn fenced(self, fencing: Fencing) -> Self {
        Self { fencing, ..self }
    }

    /// Tries everything on each device, one run after the other: some three seconds for a CPU. May be cancelled;
    /// nothing is left running then.
    pub async fn probe(&self, devices: &[Target]) -> ProbeReport {
        self.probe_only(devices, &Trial::ALL).await
    }

    /// [`Prober::probe`] with some of the trials.
    pub async fn probe_only(&self, devices: &[Target], trials: &[Trial]) -> ProbeReport {
        let mut results = vec![Vec::new(); devices.len()];
        for &trial in trials {
            let clip = self.draw(trial).await;
            for (&device, results) in devices.iter().zip(&mut results) {
                let result = self.try_on(device, trial, &clip, results).await;
                debug!(%device, ?result, "tried");
                results.push(result);
            }
        }
        let devices = devices.iter().zip(results);
        ProbeReport {
            ffmpeg: self.ffmpeg.version().to_owned(),
            devices: devices
                .map(|(device, trials)| DeviceProbe {
                    device: device.to_string(),
                    trials,
                })
                .collect(),
        }
    }

    async fn try_on(&self, device: Target, trial: Trial, clip: &Clip, before: &[TrialResult]) -> TrialResult {
        let not_tried = |reason: &str| TrialResult {
            trial,
            verdict: Verdict::NotTried,
            renditions: 0,
            decoded_on_cpu: false,
            milliseconds: 0,
            reason: Some(reason.into()),
        };
        // Without driver or device there is nothing more to learn.
        let is_hopeless = |verdict| matches!(verdict, Verdict::Driver | Verdict::NoDevice | Verdict::Crash);
        if before.first().is_some_and(|first| is_hopeless(first.verdict)) {
            return not_tried("the first trial showed that it cannot work");
        }
        let codec = codec_of(trial);
        if self.ffmpeg.encoder_on(device, codec).is_none() {
            return TrialResult {
                verdict: Verdict::Build,
                ..not_tried("this ffmpeg was built without the encoder")
            };
        }
        let (source, inspection) = match clip {
            Ok(clip) => clip,
            Err(reason) => return not_tried(reason),
        };
        let most = match trial {
            Trial::H264 | Trial::HevcEncode => RENDITIONS,
            _ => 1,
        };
        let mut result = not_tried("");
        let mut sessions_ran_out = None;
        for renditions in (1..=most).rev() {
            let started = Instant::now();
            let judged = self
                .transcode(device, codec, renditions, source, inspection)
                .await;
            result = TrialResult {
                trial,
                verdict: judged.verdict,
                renditions: if judged.verdict == Verdict::Works {
                    renditions
                } else {
                    0
                },
                decoded_on_cpu: device == Target::Cpu || !inspection.decodes_on_gpu(),
                milliseconds: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
                reason: judged.reason,
            };
            match result.verdict {
                // How many there are is worth knowing.
                Verdict::SessionLimit => sessions_ran_out = result.reason.clone(),
                _ => break,
            }
        }
        match (result.verdict, sessions_ran_out) {
            (Verdict::Works, Some(reason)) => TrialResult {
                verdict: Verdict::SessionLimit,
                reason: Some(reason),
                ..result
            },
            _ => result,
        }
    }

    /// One run of a recipe. All frames must be in all files.
    async fn transcode(
        &self,
        device: Target,
        codec: VideoCodec,
        renditions: u32,
        source: &Bytes,
        inspection: &Inspection,
    ) -> Judged {
        let directory = match job_dir(&self.work_dir) {
            Ok(directory) => directory,
            Err(error) => return Judged::failed(format!("no job directory: {error}")),
        };
        let profiles = vec![rendition(codec); renditions as usize];
        let recipe = Recipe {
            program: self.ffmpeg.path(),
            target: device,
            effort: Effort {
                preset: "ultrafast",
                cascaded: false,
            },
            input: InputFormat::MpegTs,
            source_size: inspection.size,
            cpu_decode: !inspection.decodes_on_gpu(),
            encoder_threads: None,
            big_probe: false,
            profiles: &profiles,
            clip: None,
            perceptual_hash: false,
            orchestrator: "",
        };
        let mut command = self.ffmpeg.command(self.ffmpeg.path());
        command.args(recipe.command().get_args());
        match self
            .run(device, command, directory.path(), Some(source.clone()))
            .await
        {
            Ok((status, log)) if status.success() => {
                for index in 0..profiles.len() {
                    let made = std::fs::read(directory.path().join(output_file(index, Container::MpegTs)));
                    let frames = made
                        .ok()
                        .and_then(|made| count(&made))
                        .map_or(0, |made| made.frames);
                    if frames != FRAMES {
                        warn!(%device, last = log.lines().next_back(), "a trial lost frames");
                        return Judged::failed(format!("{frames} of {FRAMES} frames came out"));
                    }
                }
                Judged::works()
            }
            Ok((status, log)) => judge(status, &log),
            Err(judged) => judged,
        }
    }

    /// A clip of the kind a trial is about.
    async fn draw(&self, trial: Trial) -> Clip {
        let (codec, name, pixels) = source_of(trial);
        let encoder = self
            .ffmpeg
            .encoder(codec)
            .ok_or("this ffmpeg cannot draw the clip: no encoder for it")?;
        let directory = job_dir(&self.work_dir).map_err(|error| format!("no job directory: {error}"))?;
        let mut command = self.ffmpeg.command(self.ffmpeg.path());
        command.args([
            "-hide_banner",
            "-nostdin",
            "-nostats",
            "-loglevel",
            "level+warning",
        ]);
        command.args([
            "-f",
            "lavfi",
            "-i",
            "testsrc2=size=320x180:rate=10",
            "-frames:v",
            "10",
        ]);
        command.args(["-pix_fmt", name, "-c:v", encoder, "-preset", "ultrafast"]);
        if codec == VideoCodec::H265 {
            command.args(["-x265-params", "log-level=error"]);
        }
        command.args(["-f", "mpegts", DRAWN]);
        let (status, log) = self
            .run(Target::Cpu, command, directory.path(), None)
            .await
            .map_err(|judged| judged.reason.unwrap_or_default())?;
        if !status.success() {
            return Err(judge(status, &log).reason.unwrap_or_default());
        }
        let drawn = std::fs::read(directory.path().join(DRAWN)).map_err(|error| error.to_string())?;
        let inspection = inspect(&drawn).map_err(|error| error.to_string())?;
        // Where an encoder lacks a format, ffmpeg draws another one.
        match inspection.pixels == Some(pixels) {
            true => Ok((drawn.into(), inspection)),
            false => Err(format!("this ffmpeg cannot draw a clip in {name}")),
        }
    }

    /// Runs ffmpeg to its end, or to the deadline.
    async fn run(
        &self,
        device: Target,
        mut command: std::process::Command,
        directory: &Path,
        source: Option<Bytes>,
    ) -> Result<(ExitStatus, Log), Judged> {
        command.current_dir(directory);
        let streams = Streams {
            stdin: source.as_ref().map_or_else(Stdio::null, |_| Stdio::piped()),
            stdout: Stdio::null(),
            stderr: Stdio::piped(),
        };
        let limits = self.fencing.around(limits(DEADLINE), device != Target::Cpu);
        let spawned = self.spawner.spawn(&command, streams, &limits).await;
        let mut process = spawned.map_err(|error| Judged::failed(format!("cannot start ffmpeg: {error}")))?;
        let (stdin, stderr) = (process.take_stdin(), process.take_stderr());
        let feed = async {
            if let (Some(mut stdin), Some(source)) = (stdin, source) {
                // Whether it was read to the end shows in what comes out.
                let _ = stdin.write_all(&source).await;
                let _ = stdin.shutdown().await;
            }
        };
        let log = async {
            match stderr {
                Some(stderr) => keep_log(stderr).await,
                None => Log::default(),
            }
        };
        let ended = timeout(DEADLINE, async { tokio::join!(feed, log, process.wait()) }).await;
        process.kill().await;
        let ((), log, status) = ended.map_err(|_| Judged::timed_out(DEADLINE))?;
        let status = status.map_err(|error| Judged::failed(format!("lost ffmpeg: {error}")))?;
        Ok((status, log))
    }
}

/// What a node with these devices may advertise: what is its own doing, and of the rest what worked on every device
/// that works at all. H.264 is missing if none does (`go-livepeer core/capabilities.go`).
#[must_use]
pub fn capabilities(report: &ProbeReport) -> CapabilitySet {
    let mut set = CapabilitySet::default_set();
    let working: Vec<_> = report
        .devices
        .iter()
        .filter(|device| device.can(Trial::H264))
        .collect();
    for trial in Trial::ALL {
        if !working.is_empty() && working.iter().all(|device| device.can(trial)) {
            set.insert(capability(trial));
        } else {
            set.remove(capability(trial));
        }
    }
    set
}

/// The capability a trial stands for.
fn capability(trial: Trial) -> Capability {
    match trial {
        Trial::H264 => Capability::H264,
        Trial::HevcEncode => Capability::HevcEncode,
        Trial::HevcDecode => Capability::HevcDecode,
        Trial::H264Decode444 => Capability::H264Decode444,
        Trial::H264Decode422 => Capability::H264Decode422,
        Trial::H264Decode444TenBit => Capability::H264Decode444TenBit,
        Trial::H264Decode422TenBit => Capability::H264Decode422TenBit,
        Trial::H264Decode420TenBit => Capability::H264Decode420TenBit,
    }
}

/// What a trial encodes to.
fn codec_of(trial: Trial) -> VideoCodec {
    match trial {
        Trial::HevcEncode => VideoCodec::H265,
        _ => VideoCodec::H264,
    }
}

/// What a trial starts from: the codec, ffmpeg's name of the pixel format, and what a stream says of it.
fn source_of(trial: Trial) -> (VideoCodec, &'static str, PixelFormat) {
    let h264 = |name, chroma, bits| (VideoCodec::H264, name, PixelFormat { chroma, bits });
    match trial {
        Trial::H264 | Trial::HevcEncode => h264("yuv420p", 1, 8),
        Trial::HevcDecode => (VideoCodec::H265, "yuv420p", PixelFormat { chroma: 1, bits: 8 }),
        Trial::H264Decode444 => h264("yuv444p", 3, 8),
        Trial::H264Decode422 => h264("yuv422p", 2, 8),
        Trial::H264Decode444TenBit => h264("yuv444p10le", 3, 10),
        Trial::H264Decode422TenBit => h264("yuv422p10le", 2, 10),
        Trial::H264Decode420TenBit => h264("yuv420p10le", 1, 10),
    }
}

/// The smallest size all encoders take (`go-livepeer core/capabilities.go`).
fn rendition(codec: VideoCodec) -> Profile {
    Profile {
        name: "trial".into(),
        width: 146,
        height: 146,
        bitrate: 1_000_000,
        fps: 0,
        fps_den: 0,
        format: Container::MpegTs,
        codec,
        codec_profile: CodecProfile::Default,
        gop: Gop::Default,
        quality: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(name: &str, works: impl Fn(Trial) -> bool) -> DeviceProbe {
        let trials = Trial::ALL.map(|trial| TrialResult {
            trial,
            verdict: if works(trial) {
                Verdict::Works
            } else {
                Verdict::Unsupported
            },
            renditions: 1,
            decoded_on_cpu: false,
            milliseconds: 1,
            reason: None,
        });
        DeviceProbe {
            device: name.into(),
            trials: trials.into(),
        }
    }

    fn ids(devices: Vec<DeviceProbe>) -> Vec<u32> {
        let ffmpeg = String::new();
        let base: Vec<_> = (1..=12).chain([14, 26]).collect();
        let all: Vec<_> = capabilities(&ProbeReport { ffmpeg, devices })
            .iter()
            .map(Capability::id)
            .collect();
        assert!(base.iter().all(|id| all.contains(id)), "{all:?}");
        all.into_iter().filter(|id| !base.contains(id)).collect()
    }

    #[test]
    fn what_every_working_device_can_do_is_advertised() {
        let all = || device("cpu", |_| true);
        let no_hevc = || device("gpu0", |trial| trial != Trial::HevcEncode);
        let dead = || device("gpu1", |_| false);
        assert_eq!(ids(vec![all()]), [0, 15, 16, 21, 22, 23, 24, 25]);
        assert_eq!(ids(vec![all(), no_hevc()]), [0, 15, 21, 22, 23, 24, 25]);
        assert_eq!(ids(vec![no_hevc(), dead()]), [0, 15, 21, 22, 23, 24, 25]);
        assert!(ids(vec![dead()]).is_empty());
        assert!(ids(vec![]).is_empty());
    }
}
