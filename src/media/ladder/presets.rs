//! Profiles known by name on the whole network (`lpms ffmpeg/videoprofile.go`).

use super::{CodecProfile, Container, Gop, Profile, VideoCodec};

/// Names of the presets that can be asked for, largest first.
pub const PRESETS: [&str; 13] = [
    "P720p60fps16x9",
    "P720p30fps16x9",
    "P720p25fps16x9",
    "P720p30fps4x3",
    "P576p30fps16x9",
    "P576p25fps16x9",
    "P360p30fps16x9",
    "P360p25fps16x9",
    "P360p30fps4x3",
    "P240p30fps16x9",
    "P240p25fps16x9",
    "P240p30fps4x3",
    "P144p30fps16x9",
];

/// The preset of this name.
#[must_use]
pub fn preset(name: &str) -> Option<Profile> {
    let (width, height, kilobits, fps) = match name {
        "P720p60fps16x9" => (1280, 720, 6000, 60),
        "P720p30fps16x9" => (1280, 720, 4000, 30),
        "P720p25fps16x9" => (1280, 720, 3500, 25),
        "P720p30fps4x3" => (960, 720, 3500, 30),
        "P576p30fps16x9" => (1024, 576, 1500, 30),
        "P576p25fps16x9" => (1024, 576, 1500, 25),
        "P360p30fps16x9" => (640, 360, 1200, 30),
        "P360p25fps16x9" => (640, 360, 1000, 25),
        "P360p30fps4x3" => (480, 360, 1000, 30),
        "P240p30fps16x9" => (426, 240, 600, 30),
        "P240p25fps16x9" => (426, 240, 600, 25),
        "P240p30fps4x3" => (320, 240, 600, 30),
        "P144p30fps16x9" => (256, 144, 400, 30),
        _ => return None,
    };
    Some(Profile {
        name: name.into(),
        width,
        height,
        bitrate: kilobits * 1000,
        fps,
        fps_den: 0,
        format: Container::MpegTs,
        codec: VideoCodec::H264,
        codec_profile: CodecProfile::Default,
        gop: Gop::Default,
        quality: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_its_profile_and_says_what_it_is() {
        for name in PRESETS {
            let profile = preset(name).unwrap();
            assert_eq!(profile.name, name);
            assert!(
                name.starts_with(&format!("P{}p{}fps", profile.height, profile.fps)),
                "{name}"
            );
            let shape = if profile.width * 3 == profile.height * 4 {
                "4x3"
            } else {
                "16x9"
            };
            assert!(name.ends_with(shape), "{name}");
        }
        assert_eq!(preset("P144p25fps16x9"), None);
    }
}
