//! Clips drawn by ffmpeg's own test sources, each drawn once and kept between runs.

#![expect(
    clippy::unwrap_used,
    reason = "a clip that cannot be drawn fails the test that asked for it"
)]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use bytes::Bytes;
use engine::media::ladder::Container;

/// Changes when clips are drawn differently, so that old ones are not used.
const DRAWING: u32 = 1;

/// What a clip shows: a moving test picture and, with sound, a tone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClipSpec {
    /// Width in pixels, even.
    pub width: u32,
    /// Height in pixels, even.
    pub height: u32,
    /// Frames per second.
    pub fps: u32,
    /// Playing time in seconds.
    pub seconds: u32,
    /// Whether there is a stereo AAC track of 48 kHz.
    pub audio: bool,
    /// Container.
    pub container: Container,
    /// Time stamp of the first frame in 90 kHz ticks.
    pub start_pts: u64,
}

/// Two seconds of 320x180 at 30 frames a second with sound, a transport stream that starts at 1.4 s.
impl Default for ClipSpec {
    fn default() -> Self {
        Self {
            width: 320,
            height: 180,
            fps: 30,
            seconds: 2,
            audio: true,
            container: Container::MpegTs,
            start_pts: 126_000,
        }
    }
}

/// A clip as one segment: H.264 with B-frames, a key frame every second, the first frame one.
///
/// # Panics
/// If ffmpeg is missing: the tests need it (`apt-get install ffmpeg`).
#[must_use]
pub fn segment(spec: ClipSpec) -> Bytes {
    fs::read(file(spec)).unwrap().into()
}

/// The same as a file. It is shared between tests: not to be written.
///
/// # Panics
/// As [`segment`].
#[must_use]
pub fn file(spec: ClipSpec) -> PathBuf {
    let ClipSpec {
        width,
        height,
        fps,
        seconds,
        audio,
        container,
        start_pts,
    } = spec;
    let (format, ending) = match container {
        Container::MpegTs => ("mpegts", "ts"),
        Container::Mp4 => ("mp4", "mp4"),
    };
    let sound = if audio { "tone" } else { "mute" };
    let name = format!("{width}x{height}-{fps}fps-{seconds}s-{sound}-{start_pts}.{ending}");
    let picture = format!("testsrc2=size={width}x{height}:rate={fps}:duration={seconds}");
    let tone = format!("sine=frequency=440:sample_rate=48000:duration={seconds}");
    let offset = format!(
        "{}.{:06}",
        start_pts / 90_000,
        start_pts % 90_000 * 1_000_000 / 90_000
    );
    drawn(&name, |command| {
        command.args(["-f", "lavfi", "-i", &picture]);
        if audio {
            command.args([
                "-f", "lavfi", "-i", &tone, "-c:a", "aac", "-ac", "2", "-b:a", "64k",
            ]);
        }
        command.args([
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-pix_fmt",
            "yuv420p",
            "-bf",
            "2",
        ]);
        command.args(["-g", &fps.to_string(), "-output_ts_offset", &offset]);
        command.args([
            "-muxdelay",
            "0",
            "-muxpreload",
            "0",
            "-avoid_negative_ts",
            "disabled",
            "-f",
            format,
        ]);
    })
}

/// Any clip: a file of this name, drawn by ffmpeg with these arguments unless it is there already.
///
/// # Panics
/// If ffmpeg is missing or fails.
#[must_use]
pub fn drawn(name: &str, arguments: impl FnOnce(&mut Command)) -> PathBuf {
    let folder = env::temp_dir().join(format!("lpctl-clips-{DRAWING}"));
    fs::create_dir_all(&folder).unwrap();
    let clip = folder.join(name);
    if clip.exists() {
        return clip;
    }
    // Drawn beside and renamed: another test may be drawing the same one.
    let draft = tempfile::Builder::new()
        .tempfile_in(&folder)
        .unwrap()
        .into_temp_path();
    let mut command = Command::new("ffmpeg");
    command
        .args(["-hide_banner", "-nostdin", "-loglevel", "error", "-y"])
        .stdin(Stdio::null());
    arguments(&mut command);
    let drawing = command.arg(&draft as &Path).output();
    let drawing = drawing.unwrap_or_else(|error| panic!("the tests need ffmpeg, install it: {error}"));
    assert!(
        drawing.status.success(),
        "ffmpeg cannot draw {name}: {}",
        String::from_utf8_lossy(&drawing.stderr)
    );
    draft.persist(&clip).unwrap();
    clip
}
