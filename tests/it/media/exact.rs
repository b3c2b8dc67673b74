//! What a profile asks for is what the file holds, from every ffmpeg: encoder settings by the encoder's own note in the
//! stream, pictures by decoding them.

use std::{process::Command, time::Duration};

use bytes::Bytes;
use engine::media::{
    ffmpeg::Ffmpeg,
    job::{Clip, SegmentJob},
    ladder::{CodecProfile, Container, Gop, Profile, VideoCodec, preset},
    pace::Pacer,
    recipe::{Recipe, output_file, signature_file},
    size::Size,
    target::{Effort, Target},
    transcode::FfmpegSettings,
};
use serde_json::Value;
use testbed::clip::{self, ClipSpec};

use super::{
    Bench, FFMPEG, decoded, drawn, every_ffmpeg, job, job_for,
    nvidia::{recipe, run},
    on_disk, packets, times,
};

/// Encoders at a preset that uses what the profiles are about.
fn careful(ffmpeg: &Ffmpeg) -> Bench {
    Bench::with(|settings| {
        settings.ffmpeg = ffmpeg.clone();
        effort(settings, "veryfast");
    })
}

fn effort(settings: &mut FfmpegSettings, preset: &'static str) {
    settings.pacer = Pacer::fixed(preset);
}

fn rung(name: &str, change: impl FnOnce(&mut Profile)) -> Profile {
    let mut rung = preset("P144p30fps16x9").unwrap();
    rung.name = name.into();
    change(&mut rung);
    rung
}

fn second() -> Bytes {
    clip::segment(ClipSpec {
        seconds: 1,
        ..ClipSpec::default()
    })
}

/// What ffprobe tells of a file.
fn told(data: &[u8], entries: &str) -> Value {
    let mut ffprobe = Command::new(FFMPEG.ffprobe().unwrap());
    ffprobe.args([
        "-loglevel",
        "error",
        "-select_streams",
        "v:0",
        "-show_entries",
        entries,
        "-of",
        "json",
    ]);
    let said = ffprobe.arg(on_disk(data).path()).output().unwrap();
    serde_json::from_slice(&said.stdout).unwrap()
}

/// The settings x264 writes into its stream: ` name=value` a setting.
fn settings(data: &[u8]) -> impl Fn(&str) -> String {
    let at = data.windows(9).position(|window| window == b"options: ").unwrap();
    // In a transport stream packets cut the text: their headers are no part of it.
    let text: String = data[at..]
        .iter()
        .take(1200)
        .map(|&byte| {
            if byte.is_ascii_graphic() {
                byte as char
            } else {
                ' '
            }
        })
        .collect();
    move |name| {
        let at = text
            .find(&format!(" {name}="))
            .unwrap_or_else(|| panic!("no {name} in {text}"));
        text[at + name.len() + 2..].split(' ').next().unwrap().to_owned()
    }
}

/// MP4, so that x264's note is in one piece.
fn whole(change: impl FnOnce(&mut Profile)) -> Profile {
    rung("mp4", |it| {
        it.format = Container::Mp4;
        change(it);
    })
}

#[tokio::test]
async fn profiles_and_their_b_frames() {
    let of = |codec_profile| move |it: &mut Profile| it.codec_profile = codec_profile;
    let ladder = [
        CodecProfile::Default,
        CodecProfile::H264Baseline,
        CodecProfile::H264Main,
        CodecProfile::H264High,
        CodecProfile::H264ConstrainedHigh,
    ];
    for ffmpeg in every_ffmpeg() {
        let profiles = ladder.map(|profile| whole(of(profile))).into();
        let made = careful(ffmpeg)
            .transcode(job_for(second(), profiles))
            .await
            .unwrap();
        let found: Vec<_> = made
            .renditions
            .iter()
            .map(|made| {
                let stream = told(&made.data, "stream=profile,has_b_frames")["streams"][0].clone();
                (
                    stream["profile"].as_str().unwrap().to_owned(),
                    stream["has_b_frames"].as_u64().unwrap() > 0,
                    settings(&made.data)("bframes"),
                )
            })
            .collect();
        let expected = [
            ("High", true, "3"),
            ("Constrained Baseline", false, "0"),
            ("Main", true, "3"),
            ("High", true, "3"),
            ("High", false, "0"),
        ];
        assert_eq!(
            found,
            expected.map(|(name, b, count)| (name.to_owned(), b, count.to_owned()))
        );
    }
}

#[tokio::test]
async fn rates_and_qualities_reach_the_encoder() {
    let ladder = || {
        vec![
            whole(|it| it.bitrate = 250_000),
            whole(|it| it.bitrate = 0),
            whole(|it| (it.bitrate, it.quality) = (0, 30)),
            whole(|it| (it.bitrate, it.quality) = (250_000, 30)),
            whole(|it| it.quality = 64),
            whole(|it| it.bitrate = u32::MAX),
        ]
    };
    for bench in super::benches() {
        let made = bench.transcode(job_for(second(), ladder())).await.unwrap();
        let note: Vec<_> = made.renditions.iter().map(|made| settings(&made.data)).collect();
        let rate = |index: usize| ["rc", "vbv_maxrate", "vbv_bufsize"].map(|name| note[index](name));
        assert_eq!(rate(0), ["cbr", "250", "250"]);
        assert_eq!(note[0]("bitrate"), "250");
        assert_eq!((note[1]("rc"), note[1]("crf")), ("crf".into(), "23.0".into()));
        assert_eq!((note[2]("rc"), note[2]("crf")), ("crf".into(), "30.0".into()));
        assert_eq!(rate(3), ["crf", "250", "250"]);
        assert_eq!(note[3]("crf"), "30.0");
        assert_eq!(
            rate(4),
            ["cbr", "400", "400"],
            "a quality outside the scale has no say"
        );
        // x264 takes no more.
        assert_eq!(rate(5)[1..], ["2000000", "2000000"]);
    }
}

#[tokio::test]
async fn key_frames_of_every_kind() {
    let gop = |fps, gop, codec| rung("gop", |it| (it.fps, it.gop, it.codec) = (fps, gop, codec));
    let (h264, hevc) = (VideoCodec::H264, VideoCodec::H265);
    // Frames between key frames, of sixty at thirty a second.
    let ladder = [
        (gop(30, Gop::Millis(500), h264), 15),
        (gop(0, Gop::Millis(500), h264), 15),
        (gop(30, Gop::Intra, h264), 1),
        (gop(0, Gop::Intra, h264), 1),
        (gop(30, Gop::Default, h264), 60),
        (gop(30, Gop::Millis(500), hevc), 15),
        (gop(0, Gop::Millis(500), hevc), 15),
        (gop(30, Gop::Intra, hevc), 1),
    ];
    for bench in super::benches() {
        let profiles = ladder.iter().map(|(profile, _)| profile.clone()).collect();
        let made = bench
            .transcode(job_for(clip::segment(ClipSpec::default()), profiles))
            .await
            .unwrap();
        for ((profile, distance), made) in ladder.iter().zip(&made.renditions) {
            let mut packets = packets(&made.data, "v:0");
            packets.sort();
            let keys: Vec<_> = (0..packets.len()).filter(|at| packets[*at].is_key).collect();
            let expected: Vec<_> = (0..60).step_by(*distance).collect();
            assert_eq!(keys, expected, "{profile:?}");
        }
    }
}

/// A frame rate with a denominator counts key frames by its numerator alone.
#[tokio::test]
async fn fractional_rates() {
    let ntsc = whole(|it| (it.fps, it.fps_den, it.gop) = (30_000, 1001, Gop::Millis(2000)));
    let half = rung("half", |it| (it.fps, it.fps_den) = (25, 2));
    for bench in super::benches() {
        let made = bench
            .transcode(job_for(
                clip::segment(ClipSpec::default()),
                vec![ntsc.clone(), half.clone()],
            ))
            .await
            .unwrap();
        assert_eq!(settings(&made.renditions[0].data)("keyint"), "60000");
        let rate = told(&made.renditions[0].data, "stream=avg_frame_rate");
        assert_eq!(rate["streams"][0]["avg_frame_rate"], "30000/1001");
        let half = times(&packets(&made.renditions[1].data, "v:0"));
        assert!(half.windows(2).all(|pair| pair[1] - pair[0] == 7200), "{half:?}");
        assert_eq!(half.len(), 25);
    }
}

#[tokio::test]
async fn sizes_at_the_edges() {
    let odd = drawn(
        "odd.ts",
        &[
            "-f",
            "lavfi",
            "-i",
            "testsrc=s=321x181:r=10:d=1",
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-pix_fmt",
            "yuv444p",
            "-f",
            "mpegts",
        ],
    );
    let panorama = drawn(
        "panorama.ts",
        &[
            "-f",
            "lavfi",
            "-i",
            "testsrc=s=1600x64:r=10:d=1",
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-pix_fmt",
            "yuv420p",
            "-f",
            "mpegts",
        ],
    );
    let asked = |codec, width, height| {
        rung("size", |it| {
            (it.codec, it.width, it.height) = (codec, width, height)
        })
    };
    let (h264, hevc) = (VideoCodec::H264, VideoCodec::H265);
    let ladder = vec![
        asked(h264, 256, 144),
        asked(h264, 16, 16),
        asked(hevc, 16, 16),
        asked(h264, 301, 151),
    ];
    // The longer side is the one asked for unless that leaves the other below the encoder's least.
    let expected = [
        (odd, [(256, 144), (146, 82), (132, 74), (300, 170)]),
        (panorama, [(1250, 50), (1250, 50), (1000, 40), (1250, 50)]),
    ];
    for bench in super::benches() {
        for (source, sizes) in &expected {
            let made = bench
                .transcode(job_for(source.clone(), ladder.clone()))
                .await
                .unwrap();
            for (made, (width, height)) in made.renditions.iter().zip(sizes) {
                let size = Size {
                    width: *width,
                    height: *height,
                };
                assert_eq!((made.width, made.height, made.frames), (*width, *height, 30));
                let found = decoded(&made.data);
                assert_eq!((found.size, found.frames), (size, 30));
            }
        }
    }
}

/// From the first moment to ten hours and over the wrap: with B-frames the first decoding times lie before the start.
#[tokio::test]
async fn time_stamps_stay_wherever_they_are() {
    for start_pts in [0, 36_000 * 90_000, (1 << 33) - 3000 * 15] {
        let spec = ClipSpec {
            start_pts,
            seconds: 1,
            ..ClipSpec::default()
        };
        let source = clip::segment(spec);
        let (video, audio) = (times(&packets(&source, "v:0")), packets(&source, "a:0"));
        assert_eq!(video[0].rem_euclid(1 << 33), start_pts.cast_signed());
        for bench in super::benches() {
            let made = bench
                .transcode(job(source.clone(), "P144p30fps16x9,256x144@200k"))
                .await
                .unwrap();
            for rendition in &made.renditions {
                assert_eq!(times(&packets(&rendition.data, "v:0")), video, "{start_pts}");
                assert_eq!(
                    times(&packets(&rendition.data, "a:0")),
                    times(&audio),
                    "{start_pts}"
                );
                let hashes = |packets: &[super::Packet]| {
                    packets
                        .iter()
                        .map(|packet| packet.hash.clone())
                        .collect::<Vec<_>>()
                };
                assert_eq!(hashes(&packets(&rendition.data, "a:0")), hashes(&audio));
            }
        }
    }
}

/// The segments of a stream fit together: no frame is missing or doubled at the joints, for picture and sound.
#[tokio::test]
async fn renditions_of_a_stream_fit_together() {
    let stream = ClipSpec {
        seconds: 4,
        ..ClipSpec::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let mut cut = Command::new(FFMPEG.path());
    cut.args(["-loglevel", "error", "-copyts", "-i"])
        .arg(clip::file(stream))
        .args(["-c", "copy", "-muxdelay", "0"]);
    cut.args([
        "-f",
        "segment",
        "-segment_time",
        "1",
        "-segment_format",
        "mpegts",
        "%d.ts",
    ])
    .current_dir(folder.path());
    assert!(cut.status().unwrap().success());
    let whole = clip::segment(stream);
    for bench in super::benches() {
        let (mut video, mut audio) = (Vec::new(), Vec::new());
        for index in 0..4 {
            let segment = std::fs::read(folder.path().join(format!("{index}.ts"))).unwrap();
            let made = bench
                .transcode(job(segment.into(), "P144p30fps16x9"))
                .await
                .unwrap();
            video.extend(times(&packets(&made.renditions[0].data, "v:0")));
            audio.extend(
                packets(&made.renditions[0].data, "a:0")
                    .into_iter()
                    .map(|packet| packet.hash),
            );
        }
        assert_eq!(video, times(&packets(&whole, "v:0")));
        let before: Vec<_> = packets(&whole, "a:0")
            .into_iter()
            .map(|packet| packet.hash)
            .collect();
        assert_eq!(audio, before);
    }
}

/// Ends that fall between frames, or on fractions that are none in binary.
#[tokio::test]
async fn parts_are_kept_to_the_frame() {
    let source = second();
    for (from, to, frames) in [
        (300, 700, [13, 13]),
        (100, 900, [25, 25]),
        (250, 0, [22, 22]),
        (0, 333, [11, 10]),
        (1, 999, [30, 29]),
    ] {
        let clip = Clip {
            from: Duration::from_millis(from),
            to: Duration::from_millis(to),
        };
        let job = SegmentJob {
            clip: Some(clip),
            ..job(source.clone(), "P144p30fps16x9,256x144@200k")
        };
        for bench in super::benches() {
            let made = bench.transcode(job.clone()).await.unwrap();
            for (rendition, frames) in made.renditions.iter().zip(frames) {
                let times = times(&packets(&rendition.data, "v:0"));
                assert_eq!(times.len(), frames, "{from} to {to}: {times:?}");
                assert!(
                    times.windows(2).all(|pair| pair[1] - pair[0] == 3000),
                    "{from} to {to}: {times:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_signature_is_the_same_every_time() {
    let job = SegmentJob {
        perceptual_hash: true,
        ..job(second(), "P144p30fps16x9,256x144@200k")
    };
    let mut signatures = Vec::new();
    for bench in super::benches() {
        for _ in 0..2 {
            let made = bench.transcode(job.clone()).await.unwrap();
            signatures.push(
                made.renditions
                    .into_iter()
                    .map(|made| made.perceptual_hash.unwrap())
                    .collect::<Vec<_>>(),
            );
        }
    }
    assert_eq!(signatures[0], signatures[1]);
    assert_eq!(signatures[2], signatures[3]);
    // Pictures are the same, so what is told of them is: no matter which version told it.
    assert_eq!(signatures[0][1].len(), signatures[2][1].len());
}

/// What is in an MP4 is what decoders show: the last frame too, for every kind of timing.
#[tokio::test]
async fn every_frame_of_an_mp4_is_shown() {
    for (from, to) in [(0, 0), (300, 0), (0, 700), (300, 700)] {
        let clip = Clip {
            from: Duration::from_millis(from),
            to: Duration::from_millis(to),
        };
        let ladder = vec![
            whole(|it| it.fps = 0),
            whole(|it| it.fps = 30),
            whole(|it| it.fps = 15),
        ];
        let job = SegmentJob {
            clip: Some(clip),
            ..job_for(second(), ladder)
        };
        for bench in super::benches() {
            let made = bench.transcode(job.clone()).await.unwrap();
            for rendition in &made.renditions {
                assert_eq!(
                    decoded(&rendition.data).frames,
                    rendition.frames,
                    "{from} to {to}"
                );
            }
        }
    }
}

/// Scaled from one another, renditions differ in nothing but their pixels, and stand where they were asked for.
#[test]
fn a_cascade_makes_the_same_renditions() {
    let source = second();
    let ladder = [
        rung("small", |it| (it.width, it.height) = (160, 90)),
        rung("large", |it| (it.width, it.height, it.fps) = (320, 180, 0)),
        rung("middle", |it| (it.width, it.height, it.fps) = (256, 144, 15)),
        rung("enlarged", |it| {
            (it.width, it.height, it.format) = (426, 240, Container::Mp4)
        }),
    ];
    for ffmpeg in every_ffmpeg() {
        let plain = Recipe {
            target: Target::Cpu,
            source_size: Some(Size {
                width: 320,
                height: 180,
            }),
            perceptual_hash: true,
            ..recipe(ffmpeg.path(), &ladder)
        };
        let cascade = Effort {
            cascaded: true,
            ..plain.effort
        };
        let made = [
            plain,
            Recipe {
                effort: cascade,
                ..plain
            },
        ]
        .map(|recipe| {
            let (said, worked, folder) = run(ffmpeg, recipe, &source);
            assert!(worked, "{said}");
            let read = |index, profile: &Profile| {
                let data = std::fs::read(folder.path().join(output_file(index, profile.format))).unwrap();
                let signature = std::fs::metadata(folder.path().join(signature_file(index)))
                    .unwrap()
                    .len();
                (decoded(&data).size, times(&packets(&data, "v:0")), signature)
            };
            ladder
                .iter()
                .enumerate()
                .map(|(index, profile)| read(index, profile))
                .collect::<Vec<_>>()
        });
        assert_eq!(made[0], made[1]);
        let sizes: Vec<_> = made[0]
            .iter()
            .map(|(size, ..)| (size.width, size.height))
            .collect();
        assert_eq!(sizes, [(160, 90), (320, 180), (256, 144), (426, 240)]);
    }
}

/// A picture size that changes on the way: renditions keep theirs.
#[tokio::test]
async fn the_size_changes_in_the_middle() {
    let part = |width, height, start_pts| {
        clip::segment(ClipSpec {
            width,
            height,
            seconds: 1,
            start_pts,
            ..ClipSpec::default()
        })
    };
    let source = Bytes::from([part(320, 180, 126_000), part(640, 360, 216_000)].concat());
    for bench in super::benches() {
        let made = bench
            .transcode(job(source.clone(), "P144p30fps16x9,256x144@200k"))
            .await
            .unwrap();
        for rendition in &made.renditions {
            assert_eq!((rendition.width, rendition.height), (256, 144));
            assert!((59..=60).contains(&rendition.frames), "{}", rendition.frames);
            assert_eq!(decoded(&rendition.data).frames, rendition.frames);
        }
    }
}
