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
    assert!(lines.contains("-round(0.500000/TB))',signature=filename=0.bin[v0]"));
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
    let most = |fps, fps_den| {
        let profiles = [Profile {
            fps,
            fps_den,
            ..profile()
        }];
        let graph = recipe(&profiles).graph();
        let (_, most) = graph.split_once("trim=end_frame=")?;
        most.split(',').next().map(str::to_owned)
    };
    assert_eq!(most(30, 0).as_deref(), Some("9032"));
    assert_eq!(most(30_000, 1001).as_deref(), Some("9022"));
    assert_eq!(most(0, 0), None);
}

#[test]
fn a_hostile_name_stays_short_and_plain() {
    assert_eq!(
        credit("a\0b\n c"),
        format!("Livepeer Transcoder {} (abc)", env!("CARGO_PKG_VERSION"))
    );
    assert!(credit(&"x".repeat(1000)).len() < 120);
}

/// What may be asked of a GPU, each with what is about the source.
#[test]
fn ladders_on_a_gpu() {
    let nvidia = |profiles| Recipe {
        target: Target::Nvidia(2),
        source_size: Some(HD),
        ..recipe(profiles)
    };
    let low = || Profile {
        width: 426,
        height: 240,
        bitrate: 0,
        ..profile()
    };
    let asked = |codec, codec_profile, fps, gop, quality| Profile {
        codec,
        codec_profile,
        fps,
        gop,
        quality,
        ..profile()
    };
    let (h264, hevc) = (VideoCodec::H264, VideoCodec::H265);
    let plain = CodecProfile::Default;
    let profiles = [
        asked(h264, plain, 30, Gop::Default, 0),
        asked(h264, CodecProfile::H264Baseline, 30, Gop::Millis(2000), 0),
        asked(h264, CodecProfile::H264Main, 30, Gop::Intra, 23),
        asked(h264, CodecProfile::H264High, 0, Gop::Millis(1500), 44),
        asked(h264, CodecProfile::H264ConstrainedHigh, 30, Gop::Default, 45),
        asked(hevc, plain, 30, Gop::Millis(500), 63),
    ];
    insta::assert_snapshot!("gpu_every_profile", lines(nvidia(&profiles)));
    let ladder = [profile(), low()];
    insta::assert_snapshot!(
        "gpu_signatures",
        lines(Recipe {
            perceptual_hash: true,
            clip: Some(clip(500, 1500)),
            ..nvidia(&ladder)
        })
    );
    insta::assert_snapshot!(
        "gpu_unknown_size_as_it_arrives",
        lines(Recipe {
            source_size: None,
            input: InputFormat::Mp4Streamed,
            ..nvidia(&ladder)
        })
    );
    insta::assert_snapshot!(
        "gpu_decoded_on_the_cpu",
        lines(Recipe {
            cpu_decode: true,
            ..nvidia(&ladder)
        })
    );
}

#[test]
fn cascades() {
    let rung = |width, height, fps| Profile {
        width,
        height,
        fps,
        ..profile()
    };
    let graph = |profiles: &[Profile], source| {
        let effort = Effort {
            cascaded: true,
            ..EFFORT
        };
        let recipe = Recipe {
            effort,
            source_size: source,
            perceptual_hash: true,
            ..recipe(profiles)
        };
        recipe.graph().replace(';', "\n")
    };
    // In the profiles' order, whatever their sizes; a rate of its own for each.
    let mixed = [rung(426, 240, 30), rung(1280, 720, 0), rung(640, 360, 15)];
    insta::assert_snapshot!("cascade", graph(&mixed, Some(HD)));
    // What is larger than the source is nothing to scale from.
    let small = Size {
        width: 640,
        height: 360,
    };
    insta::assert_snapshot!("cascade_below_an_enlarged_one", graph(&mixed, Some(small)));
    let enlarged = [rung(1280, 720, 30), rung(1920, 1080, 30)];
    assert!(graph(&enlarged, Some(small)).starts_with("[0:v:0]split=2[s0][s1]"));
    assert!(graph(&mixed[..1], Some(HD)).starts_with("[0:v:0]split=1[s0]"));
}
