use bytes::Bytes;

use super::*;

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

fn job(profiles: Vec<Profile>) -> SegmentJob {
    SegmentJob {
        session: "5e55".into(),
        seq: 7,
        source: Bytes::new().into(),
        duration: Duration::from_secs(2),
        profiles,
        perceptual_hash: false,
        clip: None,
        orchestrator: "0xabc".into(),
    }
}

/// One line an option, the program left out.
fn lines(job: &SegmentJob, container: Container, big_probe: bool) -> String {
    let recipe = Recipe {
        program: Path::new("ffmpeg"),
        encoder: |codec| {
            if codec == VideoCodec::H265 {
                "libx265"
            } else {
                "libx264"
            }
        },
        preset: "veryfast",
        container,
        pictures: 60,
        big_probe,
        job,
    };
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
    let job = SegmentJob {
        perceptual_hash: true,
        ..job(vec![profile(), high, hevc])
    };
    insta::assert_snapshot!(lines(&job, Container::MpegTs, false));
}

#[test]
fn the_sources_own_timing() {
    let baseline = Profile {
        fps: 0,
        gop: Gop::Millis(1500),
        codec_profile: CodecProfile::H264Baseline,
        ..profile()
    };
    insta::assert_snapshot!(lines(&job(vec![baseline]), Container::Mp4, true));
}

#[test]
fn a_part_of_a_segment() {
    let clip = |from, to| Clip {
        from: Duration::from_millis(from),
        to: Duration::from_millis(to),
    };
    let filters = |clip| format!("{:?} {:?}", clip_video(clip), clip_audio(clip));
    insta::assert_snapshot!(
        [(0, 0), (500, 1500), (0, 1500), (500, 0)]
            .map(|(from, to)| filters(clip(from, to)))
            .join("\n")
    );
    let job = SegmentJob {
        clip: Some(clip(500, 1500)),
        perceptual_hash: true,
        ..job(vec![profile()])
    };
    let lines = lines(&job, Container::MpegTs, false);
    assert!(
        lines.contains("select='gte(pts\\,0)*lte(pts*TB\\,1.500000-0.500000)',signature=filename=0.bin[v0]")
    );
}

#[test]
fn a_flood_is_cut_where_it_shows() {
    let recipe = |pictures| Recipe {
        program: Path::new("ffmpeg"),
        encoder: |_| "libx264",
        preset: "veryfast",
        container: Container::MpegTs,
        pictures,
        big_probe: false,
        job: Box::leak(Box::new(job(vec![]))),
    };
    assert_eq!(recipe(5).most_frames(&profile()), 126);
    assert_eq!(recipe(100_000).most_frames(&profile()), 9032);
    assert_eq!(
        recipe(100_000).most_frames(&Profile {
            fps: 30_000,
            fps_den: 1001,
            ..profile()
        }),
        9022
    );
    assert_eq!(recipe(5).most_frames(&Profile { fps: 0, ..profile() }), 126);
}

#[test]
fn a_hostile_name_stays_short_and_plain() {
    assert_eq!(
        credit("a\0b\n c"),
        format!("Livepeer Transcoder {} (abc)", env!("CARGO_PKG_VERSION"))
    );
    assert!(credit(&"x".repeat(1000)).len() < 120);
}
