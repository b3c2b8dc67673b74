//! The command lines for GPUs in the real ffmpeg: without a driver, and with one for GPUs that are not there.

use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use bytes::Bytes;
use engine::media::{
    count::count,
    ffmpeg::Ffmpeg,
    inspect::{InputFormat, inspect},
    job::Clip,
    ladder::{CodecProfile, Container, Gop, Profile, VideoCodec, preset},
    recipe::{Recipe, output_file, signature_file},
    size::{Size, rendition_size},
    target::{Effort, Target},
};
use testbed::{
    StubDriver,
    clip::{self, ClipSpec},
};

use super::{FFMPEG, drawn, packets, times};

fn rung(change: impl FnOnce(&mut Profile)) -> Profile {
    let mut rung = preset("P144p30fps16x9").unwrap();
    change(&mut rung);
    rung
}

/// Every way a profile can be asked for that changes an encoder's options, in H.264.
fn profiles() -> Vec<Profile> {
    vec![
        rung(|_| {}),
        rung(|it| it.codec_profile = CodecProfile::H264Baseline),
        rung(|it| (it.codec_profile, it.gop) = (CodecProfile::H264Main, Gop::Intra)),
        rung(|it| (it.codec_profile, it.gop) = (CodecProfile::H264High, Gop::Millis(500))),
        rung(|it| (it.codec_profile, it.quality) = (CodecProfile::H264ConstrainedHigh, 23)),
        rung(|it| (it.fps, it.gop, it.bitrate) = (0, Gop::Millis(500), 0)),
        rung(|it| (it.fps, it.format) = (15, Container::Mp4)),
    ]
}

fn hevc() -> Vec<Profile> {
    vec![rung(|it| {
        (it.codec, it.gop) = (VideoCodec::H265, Gop::Millis(500))
    })]
}

pub(super) fn recipe<'a>(program: &'a Path, profiles: &'a [Profile]) -> Recipe<'a> {
    Recipe {
        program,
        target: Target::Nvidia(1),
        effort: Effort {
            preset: "ultrafast",
            cascaded: false,
        },
        encoder_threads: None,
        input: InputFormat::MpegTs,
        source_size: None,
        cpu_decode: false,
        big_probe: false,
        profiles,
        clip: None,
        perceptual_hash: false,
        orchestrator: "0xabc",
    }
}

/// What ffmpeg said, whether it succeeded, and where its files are.
pub(super) fn run(ffmpeg: &Ffmpeg, recipe: Recipe<'_>, source: &Bytes) -> (String, bool, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = ffmpeg.command(ffmpeg.path());
    command
        .args(recipe.command().get_args())
        .current_dir(folder.path());
    let mut child = command
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let source = source.clone();
    // It may end before it has read everything.
    let feed = std::thread::spawn(move || drop(stdin.write_all(&source)));
    let ended = child.wait_with_output().unwrap();
    feed.join().unwrap();
    (
        String::from_utf8_lossy(&ended.stderr).into_owned(),
        ended.status.success(),
        folder,
    )
}

fn source() -> Bytes {
    clip::segment(ClipSpec {
        seconds: 1,
        ..ClipSpec::default()
    })
}

#[test]
fn without_a_driver_nothing_but_the_driver_is_missing() {
    let (h264, hevc) = (profiles(), hevc());
    let plain = recipe(FFMPEG.path(), &h264);
    let recipes = [
        plain,
        recipe(FFMPEG.path(), &hevc),
        Recipe {
            cpu_decode: true,
            ..plain
        },
        Recipe {
            perceptual_hash: true,
            ..plain
        },
        Recipe {
            big_probe: true,
            ..plain
        },
    ];
    for recipe in recipes {
        let (said, worked, _) = run(&FFMPEG, recipe, &source());
        assert!(!worked);
        let first = said
            .lines()
            .find(|line| line.contains("[error]") || line.contains("[fatal]"));
        assert!(
            first.is_some_and(|line| line.ends_with("Cannot load libcuda.so.1")),
            "{said}"
        );
    }
}

/// Private options are looked up by name in the ffmpeg that has the encoders; the rest every encoder has.
#[test]
fn encoders_and_filters_know_their_options() {
    let generic = BTreeSet::from([
        "-b:v",
        "-minrate",
        "-maxrate",
        "-bufsize",
        "-g",
        "-bf",
        "-force_key_frames",
    ]);
    let about = |topic: &str| {
        let help = Command::new(FFMPEG.path())
            .args(["-hide_banner", "-h", topic])
            .output()
            .unwrap();
        String::from_utf8(help.stdout).unwrap()
    };
    for profiles in [profiles(), hevc()] {
        let command = recipe(FFMPEG.path(), &profiles).command();
        let args: Vec<_> = command.get_args().map(|arg| arg.to_str().unwrap()).collect();
        let mut checked = BTreeSet::new();
        for (at, _) in args
            .iter()
            .enumerate()
            .filter(|(_, arg)| **arg == "-c:v" || **arg == "-codec:v")
        {
            let help = about(&format!("encoder={}", args[at + 1]));
            let options = args[at + 2..].iter().take_while(|arg| **arg != "-c:a").step_by(2);
            for option in options.filter(|option| !generic.contains(**option)) {
                let name = option.trim_end_matches(":v");
                assert!(
                    help.contains(&format!("\n  {name} ")),
                    "{} has no {name}",
                    args[at + 1]
                );
                checked.insert(name.to_owned());
            }
        }
        let expected: &[&str] = match profiles[0].codec {
            VideoCodec::H265 => &["-forced-idr", "-preset", "-tier"],
            _ => &["-cq", "-forced-idr", "-preset", "-profile"],
        };
        assert_eq!(checked, expected.iter().map(|name| (*name).to_owned()).collect());
    }
    let scale = about("filter=scale_cuda");
    for option in ["w", "h", "format", "interp_algo"] {
        assert!(
            scale
                .lines()
                .any(|line| line.split_whitespace().next() == Some(option)),
            "{scale}"
        );
    }
    assert!(scale.contains("lanczos"), "{scale}");
}

#[test]
fn every_profile_comes_out_with_the_size_and_times_asked_for() {
    let driver = StubDriver::new(2);
    let ffmpeg = Ffmpeg::locate(Some(&driver.ffmpeg())).unwrap();
    let mut profiles = profiles();
    profiles.push(rung(|it| (it.width, it.height) = (64, 36)));
    profiles.truncate(8);
    for (width, height) in [(320, 180), (180, 320)] {
        let source_size = Size { width, height };
        let source = clip::segment(ClipSpec {
            width,
            height,
            seconds: 1,
            ..ClipSpec::default()
        });
        let before = times(&packets(&source, "v:0"));
        let plain = recipe(ffmpeg.path(), &profiles);
        // The expression gives what the numbers give; signatures and decoding on the CPU change nothing.
        for recipe in [
            plain,
            Recipe {
                source_size: Some(source_size),
                perceptual_hash: true,
                ..plain
            },
            Recipe {
                source_size: Some(source_size),
                cpu_decode: true,
                ..plain
            },
        ] {
            let (said, worked, folder) = run(&ffmpeg, recipe, &source);
            assert!(worked, "{said}");
            for (index, profile) in profiles.iter().enumerate() {
                let data = fs::read(folder.path().join(output_file(index, profile.format))).unwrap();
                let made = count(&data).unwrap();
                let want = Size {
                    width: profile.width,
                    height: profile.height,
                };
                assert_eq!(made.size, rendition_size(profile.codec, want, source_size));
                assert_eq!(made.frames, if profile.fps == 15 { 15 } else { 30 });
                if profile.format == Container::MpegTs {
                    assert_eq!(times(&packets(&data, "v:0")), before);
                }
                let signature = fs::read(folder.path().join(signature_file(index)));
                assert_eq!(
                    signature.is_ok_and(|file| !file.is_empty()),
                    recipe.perceptual_hash
                );
            }
        }
    }
}

#[test]
fn a_part_is_kept_on_a_gpu_too() {
    let driver = StubDriver::new(2);
    let ffmpeg = Ffmpeg::locate(Some(&driver.ffmpeg())).unwrap();
    let profiles = [rung(|_| {})];
    let clip = Clip {
        from: Duration::from_millis(300),
        to: Duration::from_millis(700),
    };
    let recipe = Recipe {
        clip: Some(clip),
        perceptual_hash: true,
        ..recipe(ffmpeg.path(), &profiles)
    };
    let (said, worked, folder) = run(&ffmpeg, recipe, &source());
    assert!(worked, "{said}");
    let made = fs::read(folder.path().join("0.ts")).unwrap();
    assert_eq!(
        times(&packets(&made, "v:0")),
        (0..13).map(|frame| frame * 3000).collect::<Vec<_>>()
    );
}

/// What NVDEC does not take is told by the bytes, decoded on the CPU and then comes out.
#[test]
fn a_source_for_the_cpus_decoder_is_seen_before() {
    let driver = StubDriver::new(2);
    let ffmpeg = Ffmpeg::locate(Some(&driver.ffmpeg())).unwrap();
    let profiles = [rung(|_| {})];
    let draw = |container: &str, codec: &str, pixels: &str| {
        let name = format!("{codec}-{pixels}.{container}");
        let format = if container == "ts" { "mpegts" } else { "mp4" };
        drawn(
            &name,
            &[
                "-f",
                "lavfi",
                "-i",
                "testsrc2=s=320x180:r=30:d=0.5",
                "-c:v",
                codec,
                "-preset",
                "ultrafast",
                "-pix_fmt",
                pixels,
                "-x265-params",
                "log-level=error",
                "-f",
                format,
            ],
        )
    };
    for (codec, pixels, on_gpu) in [
        ("libx264", "yuv420p", true),
        ("libx264", "yuv422p", false),
        ("libx264", "yuv420p10le", false),
        ("libx264", "yuv444p", false),
        ("libx265", "yuv420p", true),
        ("libx265", "yuv420p10le", true),
        ("libx265", "yuv422p10le", false),
    ] {
        for container in ["ts", "mp4"] {
            let source = draw(container, codec, pixels);
            assert_eq!(
                inspect(&source).unwrap().decodes_on_gpu(),
                on_gpu,
                "{codec} {pixels} {container}"
            );
        }
    }
    let source = draw("ts", "libx264", "yuv422p10le");
    let plain = recipe(ffmpeg.path(), &profiles);
    let (said, worked, _) = run(&ffmpeg, plain, &source);
    assert!(
        !worked && said.contains("Impossible to convert between the formats"),
        "{said}"
    );
    let (said, worked, folder) = run(
        &ffmpeg,
        Recipe {
            cpu_decode: true,
            ..plain
        },
        &source,
    );
    assert!(worked, "{said}");
    assert_eq!(
        count(&fs::read(folder.path().join("0.ts")).unwrap())
            .unwrap()
            .frames,
        15
    );
}
