use super::{
    super::ladder::{CodecProfile, Gop, VideoCodec},
    graph::clip_video,
    *,
};

const EFFORT: Effort = Effort {
    preset: "veryfast",
    cascaded: false,
};

const HD: Size = Size {
    width: 1920,
    height: 1080,
};

fn profile() -> Profile {
    Profile {
        name: "P360p30fps16x9".into(),
        width: 640,
        height: 360,
        bitrate: 1_200_000,
        fps: 30,
        fps_den: 0,
        format: Container::MpegTs,
        codec: VideoCodec::H264,
        codec_profile: CodecProfile::Default,
        gop: Gop::Default,
        quality: 0,
    }
}

fn recipe(profiles: &[Profile]) -> Recipe<'_> {
    Recipe {
        program: Path::new("ffmpeg"),
        target: Target::Cpu,
        effort: EFFORT,
        input: InputFormat::MpegTs,
        source_size: None,
        cpu_decode: false,
        encoder_threads: None,
        big_probe: false,
        profiles,
        clip: None,
        perceptual_hash: false,
        orchestrator: "0xabc",
    }
}

fn clip(from: u64, to: u64) -> Clip {
    Clip {
        from: Duration::from_millis(from),
        to: Duration::from_millis(to),
    }
}

/// One line an option, the program left out.
fn lines(recipe: Recipe<'_>) -> String {
    let mut text = String::new();
    for arg in recipe.command().get_args() {
        let arg = arg.to_str().unwrap();
        let is_option = arg.starts_with('-') && !arg[1..].starts_with(|c: char| c.is_ascii_digit());
        let is_file = arg.ends_with(".ts") || arg.ends_with(".mp4") && !text.ends_with("-i");
        text += if is_option || is_file { "\n" } else { " " };
        text += arg;
    }
    text.replace(env!("CARGO_PKG_VERSION"), "VERSION")
}

#[test]
fn a_ladder_with_a_frame_rate() {
    let high = Profile {
        name: "mp4".into(),
        format: Container::Mp4,
        codec_profile: CodecProfile::H264High,
        gop: Gop::Millis(2000),
        quality: 23,
        ..profile()
    };
    let hevc = Profile {
        codec: VideoCodec::H265,
        gop: Gop::Intra,
        bitrate: 0,
        ..profile()
    };
    insta::assert_snapshot!(lines(Recipe {
        perceptual_hash: true,
        ..recipe(&[profile(), high, hevc])
    }));
}

#[test]
fn the_sources_own_timing() {
    let baseline = Profile {
        fps: 0,
        gop: Gop::Millis(1500),
        codec_profile: CodecProfile::H264Baseline,
        ..profile()
    };
    insta::assert_snapshot!(lines(Recipe {
        input: InputFormat::Mp4File,
        big_probe: true,
        ..recipe(&[baseline])
    }));
}

#[test]
fn a_part_of_a_segment() {
    let filters = |clip| format!("{:?} {:?}", clip_video(clip), clip_audio(clip));
    insta::assert_snapshot!(
        [(0, 0), (500, 1500), (0, 1500), (500, 0)]
            .map(|(from, to)| filters(clip(from, to)))
            .join("\n")
    );
    let lines = lines(Recipe {
        clip: Some(clip(500, 1500)),
        perceptual_hash: true,
        ..recipe(&[profile()])
    });
    assert!(
        lines.contains("select='gte(pts\\,0)*lte(pts*TB\\,1.500000-0.500000)',signature=filename=0.bin[v0]")
    );
}

#[test]
fn the_sources_size_changes_nothing_on_a_cpu_but_a_cascade() {
    let ladder = [
        profile(),
        Profile {
            width: 426,
            height: 240,
            ..profile()
        },
    ];
    let known = Recipe {
        source_size: Some(HD),
        ..recipe(&ladder)
    };
    assert_eq!(lines(known), lines(recipe(&ladder)));
    let effort = Effort {
        cascaded: true,
        ..EFFORT
    };
    assert_eq!(
        lines(Recipe {
            effort,
            ..recipe(&ladder)
        }),
        lines(recipe(&ladder))
    );
    assert_ne!(lines(Recipe { effort, ..known }), lines(known));
}

#[test]
fn a_flood_is_cut_after_the_longest_segment() {
    assert_eq!(most_frames(&profile()), Some(9032));
    let rate = |fps, fps_den| {
        most_frames(&Profile {
            fps,
            fps_den,
            ..profile()
        })
    };
    assert_eq!(rate(30_000, 1001), Some(9022));
    assert_eq!(rate(u32::MAX, 1), Some(301 * u64::from(u32::MAX) + 2));
    assert_eq!(rate(0, 0), None);
}

#[test]
fn a_hostile_name_stays_short_and_plain() {
    assert_eq!(
        credit("a\0b\n c"),
        format!("Livepeer Transcoder {} (abc)", env!("CARGO_PKG_VERSION"))
    );
    assert!(credit(&"x".repeat(1000)).len() < 120);
}
