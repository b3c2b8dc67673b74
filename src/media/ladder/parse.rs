//! Ladders as people and configuration files write them.

use serde::Deserialize;

use super::{CodecProfile, Container, Gop, Ladder, PRESETS, Profile, VideoCodec, preset};
use crate::media::transcode::MOST_OUTPUTS;

/// Why a text is no ladder.
#[derive(Debug, thiserror::Error)]
pub enum LadderError {
    /// No rung in it.
    #[error("the ladder has no rung")]
    Empty,
    /// More than ten rungs.
    #[error("the ladder has {0} rungs, {MOST_OUTPUTS} are the most a transcoder takes")]
    TooLong(usize),
    /// Neither a preset nor a size with a bit rate.
    #[error(
        "`{0}` is neither a preset nor of the form WIDTHxHEIGHT@BITRATE[@FPS], like 640x360@800k@30; \
         presets are {list}", list = PRESETS.join(", ")
    )]
    Rung(String),
    /// A rung that no encoder makes.
    #[error("rung {name}: {reason}")]
    Impossible {
        /// The rung.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Two rungs of the same name would overwrite each other.
    #[error("two rungs are called {0}")]
    Twice(String),
    /// Starts like JSON and is none, or none of ours.
    #[error("the ladder is no readable JSON")]
    Json(#[from] serde_json::Error),
}

impl Ladder {
    /// Reads a ladder: presets and custom rungs (`WIDTHxHEIGHT@BITRATE[@FPS]`) separated by commas, or a JSON
    /// array of profile objects as go-livepeer's auth webhook gives them (`go-livepeer server/auth.go`).
    ///
    /// # Errors
    /// See [`LadderError`].
    pub fn parse(text: &str) -> Result<Self, LadderError> {
        let text = text.trim();
        if text.starts_with('[') {
            let written: Vec<WrittenProfile> = serde_json::from_str(text)?;
            return Self::new(
                written
                    .into_iter()
                    .map(TryInto::try_into)
                    .collect::<Result<_, _>>()?,
            );
        }
        let rungs = text.split(',').map(str::trim).filter(|rung| !rung.is_empty());
        let read = rungs.map(|rung| {
            preset(rung)
                .or_else(|| custom(rung))
                .ok_or_else(|| LadderError::Rung(rung.escape_debug().collect()))
        });
        Self::new(read.collect::<Result<_, _>>()?)
    }

    /// A ladder of these rungs.
    ///
    /// # Errors
    /// No rung, too many, one without a name or a size, two with the same name.
    pub fn new(profiles: Vec<Profile>) -> Result<Self, LadderError> {
        match profiles.len() {
            0 => return Err(LadderError::Empty),
            1..=MOST_OUTPUTS => {}
            more => return Err(LadderError::TooLong(more)),
        }
        for (index, profile) in profiles.iter().enumerate() {
            let impossible = |reason| LadderError::Impossible {
                name: profile.name.escape_debug().collect(),
                reason,
            };
            if profile.name.is_empty() {
                return Err(impossible("it needs a name"));
            }
            if profile.width == 0 || profile.height == 0 {
                return Err(impossible("it needs a width and a height"));
            }
            if profiles[..index].iter().any(|other| other.name == profile.name) {
                return Err(LadderError::Twice(profile.name.escape_debug().collect()));
            }
        }
        Ok(Self(profiles))
    }
}

/// `640x360@800k`, `1280x720@3m@60`, `426x240@600000@30000/1001`.
fn custom(rung: &str) -> Option<Profile> {
    let mut parts = rung.split('@');
    let (width, height) = parts.next()?.split_once('x')?;
    let (width, height) = (width.parse().ok()?, height.parse().ok()?);
    let bitrate = bit_rate(parts.next()?)?;
    let (fps, fps_den) = match parts.next() {
        None => (0, 0),
        Some(fps) => match fps.split_once('/') {
            Some((fps, den)) => (fps.parse().ok()?, den.parse().ok().filter(|den| *den > 0)?),
            None => (fps.parse().ok()?, 0),
        },
    };
    let name = custom_name(width, height, bitrate);
    parts.next().is_none().then_some(Profile {
        name,
        width,
        height,
        bitrate,
        fps,
        fps_den,
        format: Container::MpegTs,
        codec: VideoCodec::H264,
        codec_profile: CodecProfile::Default,
        gop: Gop::Default,
        quality: 0,
    })
}

/// The name profiles without one get (`go-livepeer server/auth.go`).
fn custom_name(width: u32, height: u32, bitrate: u32) -> String {
    format!("custom_{width}x{height}_{bitrate}")
}

fn bit_rate(text: &str) -> Option<u32> {
    let (digits, unit) = match text.chars().last()?.to_ascii_lowercase() {
        'k' => (&text[..text.len() - 1], 1000),
        'm' => (&text[..text.len() - 1], 1_000_000),
        _ => (text, 1),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let scale = 10_u64.checked_pow(u32::try_from(part.len()).ok()?)?;
    let part = if part.is_empty() {
        0
    } else {
        part.parse::<u64>().ok()?
    };
    let bits = whole
        .parse::<u64>()
        .ok()?
        .checked_mul(unit)?
        .checked_add(part.checked_mul(unit)? / scale)?;
    u32::try_from(bits).ok()
}

/// A profile of the auth webhook, or of a file an operator wrote for it. Keys nobody knows are typing errors.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WrittenProfile {
    #[serde(default)]
    name: String,
    #[serde(default)]
    width: u32,
    #[serde(default)]
    height: u32,
    #[serde(default)]
    bitrate: u32,
    #[serde(default)]
    fps: u32,
    #[serde(default)]
    fps_den: u32,
    #[serde(default)]
    profile: String,
    #[serde(default)]
    gop: String,
    #[serde(default)]
    encoder: String,
    #[serde(default)]
    color_depth: u32,
    #[serde(default)]
    chroma_format: u32,
    #[serde(default)]
    quality: u32,
}

impl TryFrom<WrittenProfile> for Profile {
    type Error = LadderError;

    fn try_from(written: WrittenProfile) -> Result<Self, LadderError> {
        let name = match written.name.as_str() {
            "" => custom_name(written.width, written.height, written.bitrate),
            name => name.to_owned(),
        };
        let impossible = |reason| LadderError::Impossible {
            name: name.escape_debug().collect(),
            reason,
        };
        let codec_profile = match written.profile.to_ascii_lowercase().as_str() {
            "" | "none" => CodecProfile::Default,
            "h264baseline" => CodecProfile::H264Baseline,
            "h264main" => CodecProfile::H264Main,
            "h264high" => CodecProfile::H264High,
            "h264constrainedhigh" => CodecProfile::H264ConstrainedHigh,
            _ => {
                return Err(impossible(
                    "profile is one of h264baseline, h264main, h264high, h264constrainedhigh",
                ));
            }
        };
        let codec = match written.encoder.to_ascii_uppercase().as_str() {
            "" | "H.264" => VideoCodec::H264,
            "HEVC" => VideoCodec::H265,
            "VP8" => VideoCodec::Vp8,
            "VP9" => VideoCodec::Vp9,
            _ => return Err(impossible("encoder is one of H.264, HEVC, VP8, VP9")),
        };
        let gop = match written.gop.as_str() {
            "" | "0" => Gop::Default,
            "intra" => Gop::Intra,
            seconds => milliseconds(seconds)
                .map(Gop::Millis)
                .ok_or_else(|| impossible("gop is a number of seconds, like 2 or 0.5, or intra"))?,
        };
        if written.color_depth != 0 || written.chroma_format != 0 {
            return Err(impossible("renditions have 8 bits and 4:2:0 only"));
        }
        Ok(Self {
            width: written.width,
            height: written.height,
            bitrate: written.bitrate,
            fps: written.fps,
            fps_den: written.fps_den,
            format: Container::MpegTs,
            codec,
            codec_profile,
            gop,
            quality: written.quality,
            name,
        })
    }
}

/// Seconds as people write them; at least a millisecond.
fn milliseconds(seconds: &str) -> Option<u32> {
    let (whole, part) = seconds.split_once('.').unwrap_or((seconds, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) {
        return None;
    }
    let part: u32 = format!("{:0<3}", part.get(..3).unwrap_or(part)).parse().ok()?;
    let millis = whole.parse::<u32>().ok()?.checked_mul(1000)?.checked_add(part)?;
    (millis > 0).then_some(millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Ladder::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn presets_and_custom_rungs_mix() {
        let ladder =
            Ladder::parse("P240p30fps16x9, 640x360@0.8m@30000/1001,1280x720@3000k@60,256x144@400000")
                .unwrap();
        let seen: Vec<_> = ladder
            .profiles()
            .iter()
            .map(|p| (p.name.as_str(), p.bitrate, p.fps, p.fps_den))
            .collect();
        assert_eq!(
            seen,
            [
                ("P240p30fps16x9", 600_000, 30, 0),
                ("custom_640x360_800000", 800_000, 30_000, 1001),
                ("custom_1280x720_3000000", 3_000_000, 60, 0),
                ("custom_256x144_400000", 400_000, 0, 0),
            ]
        );
    }

    #[test]
    fn a_json_ladder_is_the_webhooks() {
        let ladder = Ladder::parse(
            r#"[{"name":"hd","width":1280,"height":720,"bitrate":3000000,"fps":30,"fpsDen":1,"profile":"H264High",
                 "gop":"1.5","encoder":"HEVC","quality":20},{"width":640,"height":360,"gop":"intra"}]"#,
        )
        .unwrap();
        let [hd, other] = ladder.profiles() else {
            panic!("two rungs")
        };
        assert_eq!(
            (hd.codec, hd.codec_profile, hd.gop),
            (VideoCodec::H265, CodecProfile::H264High, Gop::Millis(1500))
        );
        assert_eq!((hd.fps, hd.fps_den, hd.quality), (30, 1, 20));
        assert_eq!((other.name.as_str(), other.gop), ("custom_640x360_0", Gop::Intra));
    }

    #[test]
    fn what_is_no_ladder_is_told_why() {
        assert_eq!(refused(" , "), "the ladder has no rung");
        assert_eq!(refused("[]"), "the ladder has no rung");
        assert!(
            refused("P1080p30fps16x9").starts_with("`P1080p30fps16x9` is neither a preset nor of the form")
        );
        for text in [
            "640x360",
            "640x@1m",
            "x360@1m",
            "640x360@",
            "640x360@1g",
            "640x360@1m@0/0",
            "640x360@1m@30@1",
            "640x360@9999m",
        ] {
            assert!(refused(text).contains("neither a preset"), "{text}");
        }
        assert_eq!(
            refused("640x0@1m"),
            "rung custom_640x0_1000000: it needs a width and a height"
        );
        assert_eq!(
            refused("P144p30fps16x9,P144p30fps16x9"),
            "two rungs are called P144p30fps16x9"
        );
        assert!(refused(&["P144p30fps16x9"; 11].join(",")).starts_with("the ladder has 11 rungs"));
        assert_eq!(refused("[{\"widht\":1}]"), "the ladder is no readable JSON");
        assert_eq!(
            refused("[{\"gop\":\"-1\",\"name\":\"x\"}]"),
            "rung x: gop is a number of seconds, like 2 or 0.5, or intra"
        );
    }

    #[test]
    fn the_default_is_the_networks() {
        let names: Vec<_> = Ladder::default()
            .profiles()
            .iter()
            .map(|profile| profile.name.clone())
            .collect();
        assert_eq!(names, ["P240p30fps16x9", "P360p30fps16x9"]);
    }
}
