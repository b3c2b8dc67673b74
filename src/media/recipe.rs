//! Command lines for ffmpeg that give what the network expects of a transcoder (`lpms ffmpeg/ffmpeg.go`): one
//! decode, one output a profile. Nothing runs here.
//!
//! A command line depends on what is asked for and on what makes it, not on a segment's bytes: the ffmpeg for the
//! next segment of a session can be started before there is one. Output `n` is `n.ts` or `n.mp4` in the working
//! directory, its MPEG-7 signature `n.bin`. The source comes in through standard input, unless it is an MP4 whose
//! index is at its end: that one is the file `source.mp4`.
//!
//! | module | holds |
//! |---|---|
//! | `graph` | the filters from the decoder to the encoders |
//! | `encoder` | the encoders' options |

use std::{path::Path, time::Duration};

use ffmpeg_sidecar::command::FfmpegCommand;

use super::{
    inspect::InputFormat,
    job::Clip,
    ladder::{Container, Profile},
    size::Size,
    target::{Effort, Target},
};

mod encoder;
mod graph;

pub use encoder::encoder_name;

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
const PROBE: &str = "300000";
/// How much playing time it looks at, in microseconds: of a segment of few bits the bytes alone are most of it.
const PROBE_MICROS: &str = "500000";
/// Both for the second try, where sound starts late.
const BIG_PROBE: &str = "300000000";

/// Gives frames a duration where a filter took it away: without one for the last frame an MP4 ends before that frame,
/// and whoever decodes it counts one frame less than was encoded.
const DURATIONS: &str =
    "setts=pts=PTS:dts=DTS:duration='if(gt(DURATION\\,0)\\,DURATION\\,if(N\\,max(DTS-PREV_INDTS\\,1)\\,1))'";

/// The name of the CUDA device within a command line.
const DEVICE: &str = "gpu";

/// All a command line depends on.
#[derive(Debug, Clone, Copy)]
pub struct Recipe<'a> {
    /// The ffmpeg program.
    pub program: &'a Path,
    /// What decodes, scales and encodes.
    pub target: Target,
    /// How hard the CPU tries. GPUs have one way of working.
    pub effort: Effort,
    /// What the source is and how it is given.
    pub input: InputFormat,
    /// Size of the source's pictures, if it is known. On a CPU only cascaded scaling looks at it: everything else
    /// works for any source.
    pub source_size: Option<Size>,
    /// Decode on the CPU though the target is a GPU: for pictures its decoder does not take.
    pub cpu_decode: bool,
    /// Threads of each encoder; none leaves it to the encoder. With one, libx264 repeats itself byte for byte.
    pub encoder_threads: Option<u32>,
    /// Look far into the source before starting.
    pub big_probe: bool,
    /// One rendition each, in this order.
    pub profiles: &'a [Profile],
    /// Part of the segment to keep.
    pub clip: Option<Clip>,
    /// Whether to compute an MPEG-7 signature of each rendition.
    pub perceptual_hash: bool,
    /// Account named in the renditions' metadata.
    pub orchestrator: &'a str,
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
    /// The whole command line. It expects the working directory to be the job's own. Two recipes with equal command
    /// lines are served by the same process.
    #[must_use]
    pub fn command(&self) -> FfmpegCommand {
        let mut command = FfmpegCommand::new_with_path(self.program);
        command
            .hide_banner()
            .args(["-nostats", "-loglevel", "level+verbose"])
            .overwrite();
        if let Target::Nvidia(index) = self.target {
            // Named once and used by decoder, filters and encoders. It is opened while options are read, before
            // there is any input.
            command.args(["-init_hw_device", &format!("cuda={DEVICE}:{index}")]);
            command.args(["-filter_hw_device", DEVICE]);
        }
        self.input(&mut command);
        command.filter_complex(self.graph());
        for (index, profile) in self.profiles.iter().enumerate() {
            self.output(&mut command, index, profile);
        }
        command
    }

    /// Whether the decoder hands out pictures that are in the GPU's memory.
    fn decodes_on_gpu(&self) -> bool {
        matches!(self.target, Target::Nvidia(_)) && !self.cpu_decode
    }

    fn input(&self, command: &mut FfmpegCommand) {
        // Never let ffmpeg find out the format: a playlist would make it open other files.
        command.args(["-protocol_whitelist", "file,pipe", "-codec_whitelist", DECODERS]);
        command.args(["-max_pixels", &MAX_PIXELS.to_string(), "-noautorotate", "-copyts"]);
        let (bytes, micros) = match self.big_probe {
            true => (BIG_PROBE, BIG_PROBE),
            false => (PROBE, PROBE_MICROS),
        };
        command.args(["-probesize", bytes, "-analyzeduration", micros]);
        if self.decodes_on_gpu() {
            command.args(["-hwaccel", "cuda", "-hwaccel_device", DEVICE]);
            command.args(["-hwaccel_output_format", "cuda"]);
        }
        match self.input {
            InputFormat::MpegTs => command.format("mpegts").input("pipe:0"),
            InputFormat::Mp4Streamed => command.format("mov").input("pipe:0"),
            InputFormat::Mp4File => command.arg("-nostdin").format("mov").input(SOURCE),
        };
    }

    fn output(&self, command: &mut FfmpegCommand, index: usize, profile: &Profile) {
        command.map(format!("[v{index}]")).map("0:a:0?");
        encoder::options(command, self.target, self.effort, profile);
        if let Some(threads) = self.encoder_threads {
            command.args(["-threads", &threads.to_string()]);
        }
        command.args(["-c:a", "copy"]);
        if let Some(filter) = self.clip.and_then(clip_audio) {
            command.args(["-bsf:a", &filter]);
        }
        command.fps_mode("passthrough");
        if profile.fps == 0 {
            // Without it time stamps snap to the nominal frame rate. The number is what all versions take.
            command.args(["-enc_time_base", "1:90000"]);
        }
        command.args(["-muxdelay", "0", "-muxpreload", "0"]);
        command.args(["-avoid_negative_ts", "disabled"]);
        command.args(["-map_metadata", "-1", "-map_chapters", "-1"]);
        let credit = credit(self.orchestrator);
        command.args(["-metadata", &format!("service_provider={credit}")]);
        command.args(["-metadata", &format!("comment=Processed by {credit}")]);
        match profile.format {
            Container::MpegTs => command.format("mpegts"),
            Container::Mp4 => {
                command.args(["-bsf:v", DURATIONS]);
                // The movie's own time scale keeps the start exact below a millisecond.
                command.args(["-movflags", "+faststart", "-movie_timescale", "90000"]);
                command.format("mp4")
            }
        };
        command.output(output_file(index, profile.format));
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

/// Keeps a part of the sound, which is copied: packets are dropped, not touched.
fn clip_audio(clip: Clip) -> Option<String> {
    let (from, to) = (decimal(clip.from), decimal(clip.to));
    let length = decimal(clip.to.saturating_sub(clip.from));
    let shift = format!("setts=ts=TS-STARTDTS-{from}/TB");
    match (clip.from.is_zero(), clip.to.is_zero()) {
        (true, true) => None,
        (true, false) => Some(format!("noise=amount=0:drop='gt(pts-startpts\\,round({to}/tb))'")),
        (false, true) => Some(format!("{shift},noise=amount=0:drop='lt(pts\\,0)'")),
        (false, false) => Some(format!(
            "{shift},noise=amount=0:drop='lt(pts\\,0)+gt(pts\\,round({length}/tb))'"
        )),
    }
}

/// Seconds for an expression, exact to the microsecond.
fn decimal(time: Duration) -> String {
    format!("{}.{:06}", time.as_secs(), time.subsec_micros())
}

#[cfg(test)]
mod tests;
