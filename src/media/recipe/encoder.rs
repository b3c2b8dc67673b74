//! The encoders' options: what a profile asks for, in each encoder's words.

use std::time::Duration;

use ffmpeg_sidecar::command::FfmpegCommand;

use super::{
    super::{
        ladder::{CodecProfile, Gop, Profile, VideoCodec},
        target::{Effort, Target},
    },
    decimal,
};

/// Constant-quality values run from 1 to this (`lpms ffmpeg/ffmpeg.go`).
const WORST_QUALITY: u32 = 63;
/// NVENC's scale ends earlier and starts later.
const WORST_CQ: u32 = 51;
/// By how much.
const CQ_SHIFT: u32 = 7;

/// ffmpeg's name of the encoder of a codec on a device; none for codecs nobody on the network makes
/// (`lpms ffmpeg/ffmpeg.go`).
#[must_use]
pub fn encoder_name(target: Target, codec: VideoCodec) -> Option<&'static str> {
    match (target, codec) {
        (Target::Cpu, VideoCodec::H264) => Some("libx264"),
        (Target::Cpu, VideoCodec::H265) => Some("libx265"),
        (Target::Nvidia(_), VideoCodec::H264) => Some("h264_nvenc"),
        (Target::Nvidia(_), VideoCodec::H265) => Some("hevc_nvenc"),
        (_, VideoCodec::Vp8 | VideoCodec::Vp9) => None,
    }
}

/// Adds the options of one output's video encoder.
pub(super) fn options(command: &mut FfmpegCommand, target: Target, effort: Effort, profile: &Profile) {
    if let Some(name) = encoder_name(target, profile.codec) {
        command.codec_video(name);
    }
    command.preset(match target {
        Target::Cpu => effort.preset,
        Target::Nvidia(_) => "medium",
    });
    command.args(["-forced-idr", "1", "-bf", b_frames(target, profile)]);
    if let Some(name) = profile_name(profile.codec_profile) {
        command.args(["-profile:v", name]);
    }
    if profile.codec == VideoCodec::H265 {
        match target {
            Target::Cpu => command.args(["-x265-params", "log-level=error"]),
            Target::Nvidia(_) => command.args(["-tier", "high"]),
        };
    }
    if profile.bitrate > 0 {
        // ffmpeg takes no more than a signed number.
        let rate = profile.bitrate.min(i32::MAX.unsigned_abs()).to_string();
        command.args([
            "-b:v", &rate, "-minrate", &rate, "-maxrate", &rate, "-bufsize", &rate,
        ]);
    }
    quality(command, target, profile.quality);
    key_frames(command, profile);
}

/// H.264 profiles with their rule for B-frames; a GPU makes none where it is not told the frame rate.
fn b_frames(target: Target, profile: &Profile) -> &'static str {
    match (profile.codec_profile, target) {
        (CodecProfile::H264Baseline | CodecProfile::H264ConstrainedHigh, _) => "0",
        (_, Target::Nvidia(_)) if profile.fps == 0 => "0",
        (CodecProfile::Default, Target::Nvidia(_)) => "0",
        (CodecProfile::Default, Target::Cpu) | (CodecProfile::H264Main | CodecProfile::H264High, _) => "3",
    }
}

fn profile_name(profile: CodecProfile) -> Option<&'static str> {
    match profile {
        CodecProfile::Default => None,
        CodecProfile::H264Baseline => Some("baseline"),
        CodecProfile::H264Main => Some("main"),
        CodecProfile::H264ConstrainedHigh | CodecProfile::H264High => Some("high"),
    }
}

/// What is outside an encoder's scale is left out, as on the rest of the network.
fn quality(command: &mut FfmpegCommand, target: Target, quality: u32) {
    match target {
        _ if quality == 0 => {}
        Target::Cpu if quality <= WORST_QUALITY => {
            command.crf(quality);
        }
        Target::Nvidia(_) if quality <= WORST_CQ - CQ_SHIFT => {
            command.args(["-cq", &(quality + CQ_SHIFT).to_string()]);
        }
        Target::Cpu | Target::Nvidia(_) => {}
    }
}

fn key_frames(command: &mut FfmpegCommand, profile: &Profile) {
    match profile.gop {
        Gop::Default => {}
        Gop::Intra => {
            command.args(["-g", "0"]);
        }
        Gop::Millis(length) if profile.fps > 0 => {
            // The denominator has no say, as on the rest of the network.
            let frames = u64::from(length) * u64::from(profile.fps) / 1000;
            command.args(["-g", &frames.min(i32::MAX.unsigned_abs().into()).to_string()]);
        }
        Gop::Millis(length) => {
            // Half a tick guards against rounding.
            let length = decimal(Duration::from_millis(length.into()));
            let rule = format!("expr:if(isnan(prev_forced_t),1,gte(t,prev_forced_t+{length}-0.000005))");
            command.args(["-force_key_frames", &rule]);
        }
    }
}
