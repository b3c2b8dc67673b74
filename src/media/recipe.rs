//! Command lines for ffmpeg that give what the network expects of a transcoder (`lpms ffmpeg/ffmpeg.go`): one
//! decode, one output a profile. Nothing runs here.
//!
//! Output `n` is `n.ts` or `n.mp4` in the working directory, its MPEG-7 signature `n.bin`, an MP4 source
//! `source.mp4`; a transport stream comes in through standard input.

use std::{fmt::Write as _, path::Path, time::Duration};

use ffmpeg_sidecar::command::FfmpegCommand;

use super::{
    inspect::LONGEST,
    job::{Clip, SegmentJob},
    ladder::{CodecProfile, Container, Gop, Profile, VideoCodec},
    size::{Size, scale_filter},
};

/// File the source is read from if it cannot be streamed.
pub const SOURCE: &str = "source.mp4";

/// Encoded frames for one decoded beyond which a job has run away (`lpms ffmpeg/transcoder.c`).
pub const RUNAWAY: u64 = 25;

/// Pixels of the largest picture taken: 8192x4320.
pub(crate) const MAX_PIXELS: u32 = 35_389_440;

/// Video decoders a stranger's segment may reach, and what tells sound apart. Sound is copied, so anything else
/// passes undecoded.
const DECODERS: &str = "h264,hevc,aac,aac_latm,mp3,mp3float,mp2,mp2float,ac3,eac3,opus,libopus";

/// How many bytes ffmpeg looks at before it starts. Short segments would otherwise be read to their end first.
const PROBE: u32 = 300_000;
/// For the second try, where sound starts late.
const BIG_PROBE: u32 = 300_000_000;

/// All a command line depends on.
#[derive(Debug)]
pub struct Recipe<'a> {
    /// The ffmpeg program.
    pub program: &'a Path,
    /// The encoder for each codec asked for.
    pub encoder: fn(VideoCodec) -> &'static str,
    /// Encoder preset, like `veryfast`.
    pub preset: &'a str,
    /// Container of the source.
    pub container: Container,
    /// Most pictures the source can hold.
    pub pictures: u64,
    /// Look far into the source before starting.
    pub big_probe: bool,
    /// What is asked for.
    pub job: &'a SegmentJob,
}

/// Name of rendition `index` in the working directory.
#[must_use]
pub fn output_file(index: usize, container: Container) -> String {
    match container {
        Container::MpegTs => format!("{index}.ts"),
        Container::Mp4 => format!("{index}.mp4"),
    }
}

/// Name of its MPEG-7 signature.
#[must_use]
pub fn signature_file(index: usize) -> String {
    format!("{index}.bin")
}

impl Recipe<'_> {
    /// The whole command line. It expects the working directory to be the job's own.
    #[must_use]
    pub fn command(&self) -> FfmpegCommand {
        let mut command = FfmpegCommand::new_with_path(self.program);
        command
            .hide_banner()
            .args(["-nostats", "-loglevel", "level+verbose"])
            .overwrite();
        self.input(&mut command);
        command.filter_complex(self.graph());
        for (index, profile) in self.job.profiles.iter().enumerate() {
            self.output(&mut command, index, profile);
        }
        command
    }

    fn input(&self, command: &mut FfmpegCommand) {
        // Never let ffmpeg find out the format: a playlist would make it open other files.
        command.args(["-protocol_whitelist", "file,pipe", "-codec_whitelist", DECODERS]);
        command.args(["-max_pixels", &MAX_PIXELS.to_string(), "-noautorotate", "-copyts"]);
        if self.big_probe {
            let probe = BIG_PROBE.to_string();
            command.args(["-probesize", &probe, "-analyzeduration", &probe]);
        }
        match self.container {
            Container::MpegTs => {
                if !self.big_probe {
                    command.args(["-probesize", &PROBE.to_string()]);
                }
                command.format("mpegts").input("pipe:0");
            }
            Container::Mp4 => {
                command.arg("-nostdin").format("mov").input(SOURCE);
            }
        }
    }

    fn graph(&self) -> String {
        let profiles = &self.job.profiles;
        let mut graph = format!("[0:v:0]split={}", profiles.len());
        for index in 0..profiles.len() {
            let _ = write!(graph, "[s{index}]");
        }
        for (index, profile) in profiles.iter().enumerate() {
            let _ = write!(graph, ";[s{index}]{}[v{index}]", self.chain(index, profile));
        }
        graph
    }

    fn chain(&self, index: usize, profile: &Profile) -> String {
        let mut filters = Vec::new();
        if profile.fps == 0 {
            // Time stamps that are missing or go back are made to go on.
            filters.push("setpts='if(isnan(PREV_OUTPTS),PTS,max(PTS,PREV_OUTPTS+1))'".into());
        }
        filters.push(scale_filter(
            profile.codec,
            Size {
                width: profile.width,
                height: profile.height,
            },
        ));
        if profile.fps > 0 {
            filters.push(format!("fps={}/{}", profile.fps, profile.fps_den.max(1)));
        }
        filters.push("format=yuv420p".into());
        if let Some(clip) = self.job.clip {
            filters.extend(clip_video(clip));
        }
        if self.job.perceptual_hash {
            filters.push(format!("signature=filename={}", signature_file(index)));
        }
        filters.join(",")
    }

    fn output(&self, command: &mut FfmpegCommand, index: usize, profile: &Profile) {
        command.map(format!("[v{index}]")).map("0:a:0?");
        self.encoder(command, profile);
        command.args(["-c:a", "copy"]);
        if let Some(filter) = self.job.clip.and_then(clip_audio) {
            command.args(["-bsf:a", &filter]);
        }
        command.fps_mode("passthrough");
        if profile.fps == 0 {
            // Without it time stamps snap to the nominal frame rate. The number is what all versions take.
            command.args(["-enc_time_base", "1:90000"]);
        }
        command.args([
            "-muxdelay",
            "0",
            "-muxpreload",
            "0",
            "-avoid_negative_ts",
            "disabled",
        ]);
        command.args(["-map_metadata", "-1", "-map_chapters", "-1"]);
        command.args(["-frames:v", &self.most_frames(profile).to_string()]);
        let credit = credit(&self.job.orchestrator);
        command.args(["-metadata", &format!("service_provider={credit}")]);
        command.args(["-metadata", &format!("comment=Processed by {credit}")]);
        match profile.format {
            Container::MpegTs => command.format("mpegts"),
            // The movie's own time scale keeps the start exact below a millisecond.
            Container::Mp4 => command
                .args(["-movflags", "+faststart", "-movie_timescale", "90000"])
                .format("mp4"),
        };
        command.output(output_file(index, profile.format));
    }

    fn encoder(&self, command: &mut FfmpegCommand, profile: &Profile) {
        command
            .codec_video((self.encoder)(profile.codec))
            .preset(self.preset);
        command.args(["-forced-idr", "1"]);
        let (name, b_frames) = match profile.codec_profile {
            CodecProfile::Default => (None, "3"),
            CodecProfile::H264Baseline => (Some("baseline"), "0"),
            CodecProfile::H264ConstrainedHigh => (Some("high"), "0"),
            CodecProfile::H264Main => (Some("main"), "3"),
            CodecProfile::H264High => (Some("high"), "3"),
        };
        command.args(["-bf", b_frames]);
        if let Some(name) = name {
            command.args(["-profile:v", name]);
        }
        if profile.codec == VideoCodec::H265 {
            command.args(["-x265-params", "log-level=error"]);
        }
        if profile.bitrate > 0 {
            let rate = profile.bitrate.to_string();
            command.args([
                "-b:v", &rate, "-minrate", &rate, "-maxrate", &rate, "-bufsize", &rate,
            ]);
        }
        if (1..=63).contains(&profile.quality) {
            command.crf(profile.quality);
        }
        match profile.gop {
            Gop::Default => {}
            Gop::Intra => {
                command.args(["-g", "0"]);
            }
            Gop::Millis(length) if profile.fps > 0 => {
                // The denominator has no say, as on the rest of the network.
                let frames = u64::from(length) * u64::from(profile.fps) / 1000;
                command.args(["-g", &frames.to_string()]);
            }
            Gop::Millis(length) => {
                // Half a tick guards against rounding.
                let length = decimal(Duration::from_millis(length.into()));
                let rule = format!("expr:if(isnan(prev_forced_t),1,gte(t,prev_forced_t+{length}-0.000005))");
                command.args(["-force_key_frames", &rule]);
            }
        }
    }

    /// Ends a flood of frames just where it is known to be one, and whatever else by the longest segment's frames.
    fn most_frames(&self, profile: &Profile) -> u64 {
        let flood = self.pictures.saturating_mul(RUNAWAY).saturating_add(1);
        if profile.fps == 0 {
            return flood;
        }
        let most = (LONGEST + 1) * u64::from(profile.fps) / u64::from(profile.fps_den.max(1)) + 2;
        flood.min(most)
    }
}

/// Who made it, for the metadata. The account's name comes from outside: it is kept short and plain.
fn credit(orchestrator: &str) -> String {
    let name: String = orchestrator
        .chars()
        .filter(|c| c.is_ascii_graphic())
        .take(64)
        .collect();
    format!("Livepeer Transcoder {} ({name})", env!("CARGO_PKG_VERSION"))
}

/// Video filters that keep a part. With a start the kept part begins at zero, without one times stay.
fn clip_video(clip: Clip) -> Vec<String> {
    let (from, to) = (decimal(clip.from), decimal(clip.to));
    match (clip.from.is_zero(), clip.to.is_zero()) {
        (true, true) => Vec::new(),
        (true, false) => vec![format!("select='lte(t-start_t\\,{to})'")],
        (false, true) => vec![
            format!("setpts='PTS-STARTPTS-{from}/TB'"),
            "select='gte(pts\\,0)'".into(),
        ],
        (false, false) => vec![
            format!("setpts='PTS-STARTPTS-{from}/TB'"),
            format!("select='gte(pts\\,0)*lte(pts*TB\\,{to}-{from})'"),
        ],
    }
}

/// The same for sound, which is copied: packets are dropped, not touched.
fn clip_audio(clip: Clip) -> Option<String> {
    let (from, to) = (decimal(clip.from), decimal(clip.to));
    match (clip.from.is_zero(), clip.to.is_zero()) {
        (true, true) => None,
        (true, false) => Some(format!("noise=amount=0:drop='gt((pts-startpts)*tb\\,{to})'")),
        (false, true) => Some(format!(
            "setts=ts=TS-STARTDTS-{from}/TB,noise=amount=0:drop='lt(pts\\,0)'"
        )),
        (false, false) => Some(format!(
            "setts=ts=TS-STARTDTS-{from}/TB,noise=amount=0:drop='lt(pts\\,0)+gt(pts*tb\\,{to}-{from})'"
        )),
    }
}

/// Seconds for an expression, exact to the microsecond.
fn decimal(time: Duration) -> String {
    format!("{}.{:06}", time.as_secs(), time.subsec_micros())
}

#[cfg(test)]
mod tests;
