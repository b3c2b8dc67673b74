//! Segments that are broken or mean harm. Each gets its answer from every ffmpeg, within bounds of time and memory, and
//! the next segment of the session is none the worse.

use std::{
    fs,
    ops::RangeInclusive,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use bytes::Bytes;
use engine::media::job::{SegmentTranscoder as _, TranscodeError};
use testbed::clip::{self, ClipSpec};
use tokio_util::sync::CancellationToken;

use super::{Bench, FFMPEG, benches, drawn, every_ffmpeg, job, packets, times};

const PACKET: usize = 188;

/// What may come of a segment: so many frames in each rendition, or one of these answers.
enum Fate {
    Frames(RangeInclusive<u64>),
    Refused(&'static [&'static str]),
    /// Both are right: how much can be saved differs between versions.
    Any,
}

/// A second of 320x180 with sound.
fn good() -> Bytes {
    at(126_000)
}

fn at(start_pts: u64) -> Bytes {
    clip::segment(ClipSpec {
        seconds: 1,
        start_pts,
        ..ClipSpec::default()
    })
}

fn pid(packet: &[u8]) -> u16 {
    u16::from_be_bytes([packet[1] & 0x1f, packet[2]])
}

/// The streams of the clips: the first is video, the second sound.
const VIDEO: u16 = 0x100;
const AUDIO: u16 = 0x101;

fn draw(name: &str, picture: &str, more: &[&str]) -> Bytes {
    let mut arguments = vec![
        "-f",
        "lavfi",
        "-i",
        picture,
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
    ];
    arguments.extend(["-pix_fmt", "yuv420p"]);
    arguments.extend(more);
    arguments.extend(["-f", if name.ends_with("mp4") { "mp4" } else { "mpegts" }]);
    drawn(name, &arguments)
}

/// Changes packets in place; deterministic noise comes with them.
fn damaged(mut change: impl FnMut(usize, &mut [u8], &mut dyn FnMut() -> u8)) -> Bytes {
    let mut data = good().to_vec();
    let mut seed = 7_u32;
    let mut noise = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 24) as u8
    };
    for (index, packet) in data.chunks_exact_mut(PACKET).enumerate() {
        change(index, packet, &mut noise);
    }
    data.into()
}

/// Where a packet's payload begins.
fn payload(packet: &[u8]) -> usize {
    if packet[3] & 0x20 != 0 {
        5 + usize::from(packet[4])
    } else {
        4
    }
}

fn cases() -> Vec<(&'static str, Bytes, Fate)> {
    let invalid = || Fate::Refused(&["TranscoderInvalidVideo"]);
    let clip = good();
    let kept = |keep: &dyn Fn(usize, &[u8]) -> bool| -> Bytes {
        let packets = clip.chunks_exact(PACKET).enumerate();
        packets
            .filter(|(index, packet)| keep(*index, packet))
            .flat_map(|(_, packet)| packet)
            .copied()
            .collect::<Vec<_>>()
            .into()
    };
    let mut swapped = clip.to_vec();
    for pair in swapped[20 * PACKET..].chunks_exact_mut(2 * PACKET) {
        pair.rotate_left(PACKET);
    }
    let half = clip.len() / PACKET / 2 * PACKET;
    vec![
        (
            "cut off",
            clip.slice(..clip.len() * 2 / 3 + 50),
            Fate::Frames(5..=29),
        ),
        ("packets swapped", swapped.into(), Fate::Any),
        (
            "halves swapped",
            [&clip[half..], &clip[..half]].concat().into(),
            Fate::Any,
        ),
        (
            "every ninth packet lost",
            kept(&|index, _| index < 3 || index % 9 != 0),
            Fate::Any,
        ),
        (
            "tables only",
            kept(&|_, packet| pid(packet) != VIDEO && pid(packet) != AUDIO),
            invalid(),
        ),
        (
            "no picture in the video",
            kept(&|_, packet| pid(packet) != VIDEO),
            invalid(),
        ),
        ("no tables", kept(&|_, packet| pid(packet) == VIDEO), invalid()),
        (
            "noise for sound",
            damaged(|_, packet, noise| {
                if pid(packet) == AUDIO {
                    // The head of a unit stays, so that the noise is taken for sound.
                    let from = payload(packet) + if packet[1] & 0x40 != 0 { 14 } else { 0 };
                    packet.iter_mut().skip(from).for_each(|byte| *byte = noise());
                }
            }),
            Fate::Any,
        ),
        (
            "noise for pictures",
            damaged(|index, packet, noise| {
                if index > 40 && pid(packet) == VIDEO && packet[1] & 0x40 == 0 {
                    let from = payload(packet);
                    packet.iter_mut().skip(from).for_each(|byte| *byte = noise());
                }
            }),
            Fate::Any,
        ),
        (
            "random time stamps",
            damaged(|_, packet, noise| {
                let at = payload(packet);
                // The lowest bits of the stamp: within two seconds of where it was.
                if pid(packet) == VIDEO && packet[1] & 0x40 != 0 && packet[at..].starts_with(&[0, 0, 1, 0xe0])
                {
                    packet[at + 12] = noise();
                    packet[at + 13] = noise() | 1;
                }
            }),
            Fate::Frames(20..=60),
        ),
        (
            "time goes back",
            [at(900_000), at(126_000)].concat().into(),
            Fate::Any,
        ),
        (
            "a thousand frames a second",
            draw("1000fps.ts", "testsrc2=s=320x180:r=1000:d=0.3", &[]),
            Fate::Any,
        ),
        (
            "more than five minutes",
            draw("301s.mp4", "color=s=64x64:r=1:d=302", &[]),
            Fate::Refused(&["TranscoderInvalidDuration"]),
        ),
        (
            "more than five minutes",
            draw("301s.ts", "color=s=64x64:r=1:d=302", &[]),
            Fate::Refused(&["TranscoderInvalidDuration"]),
        ),
        (
            "8K",
            draw("8k.ts", "color=s=7680x4320:r=5:d=0.4", &[]),
            Fate::Frames(2..=15),
        ),
        (
            "a picture larger than 8K after small ones",
            [good(), draw("huge.ts", "color=s=8200x4400:r=1:d=1", &[])]
                .concat()
                .into(),
            Fate::Any,
        ),
        (
            "larger than 8K",
            draw("huge.ts", "color=s=8200x4400:r=1:d=1", &[]),
            invalid(),
        ),
        (
            "MP4 cut off in its index",
            {
                let mp4 = draw("last.mp4", "testsrc2=s=320x180:r=30:d=1", &[]);
                mp4.slice(..mp4.len() - 300)
            },
            Fate::Any,
        ),
        (
            "MP4 cut off in its pictures",
            {
                let mp4 = draw(
                    "first.mp4",
                    "testsrc2=s=320x180:r=30:d=1",
                    &["-movflags", "+faststart"],
                );
                mp4.slice(..mp4.len() * 2 / 3)
            },
            Fate::Any,
        ),
    ]
}

#[tokio::test]
async fn every_segment_gets_its_answer() {
    let canonical = [
        "TranscoderInvalidVideo",
        "TranscoderInvalidDuration",
        "No keyframes in input",
        "Encoded frames runaway",
        "Invalid argument",
    ];
    let cases = cases();
    for bench in benches() {
        for (name, source, fate) in &cases {
            let began = Instant::now();
            let result = bench
                .transcode(job(source.clone(), "P144p30fps16x9,256x144@200k"))
                .await;
            let took = began.elapsed();
            let version = bench.transcoder.ffmpeg().version();
            assert!(
                took < Duration::from_secs(20),
                "{name} took {took:?} with {version}"
            );
            let said = result.as_ref().err().map(ToString::to_string);
            match (fate, &result) {
                (Fate::Frames(range), Ok(made)) => {
                    let frames: Vec<_> = made.renditions.iter().map(|made| made.frames).collect();
                    assert!(
                        frames.iter().all(|frames| range.contains(frames)),
                        "{name}: {frames:?} with {version}"
                    );
                }
                (Fate::Refused(words), Err(_)) => assert!(
                    words.iter().any(|words| said.as_deref() == Some(words)),
                    "{name}: {said:?} with {version}"
                ),
                (Fate::Any, Err(_)) => assert!(
                    canonical.iter().any(|words| said.as_deref() == Some(words)),
                    "{name}: {said:?} with {version}"
                ),
                (Fate::Any, Ok(_)) => {}
                _ => panic!("{name}: {said:?} with {version}"),
            }
            if let Ok(made) = &result {
                for rendition in &made.renditions {
                    // Whatever came in, times go on.
                    let times: Vec<_> = {
                        let mut packets = packets(&rendition.data, "v:0");
                        assert_eq!(packets.len() as u64, rendition.frames, "{name}");
                        packets.sort();
                        packets.iter().map(|packet| packet.pts).collect()
                    };
                    assert!(
                        times.windows(2).all(|pair| pair[0] < pair[1]),
                        "{name}: {times:?} with {version}"
                    );
                }
            }
        }
        let after = bench.transcode(job(good(), "P144p30fps16x9")).await.unwrap();
        assert_eq!(after.renditions[0].frames, 30);
    }
}

/// A file that stops whoever opens it: the answer would be a deadline that has passed.
fn canary(folder: &Path) -> String {
    let canary = folder.join("canary.ts");
    assert!(Command::new("mkfifo").arg(&canary).status().unwrap().success());
    canary.display().to_string()
}

#[tokio::test]
async fn what_points_to_files_opens_none() {
    let folder = tempfile::tempdir().unwrap();
    let canary = canary(folder.path());
    let texts = [
        format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{canary}\n#EXT-X-ENDLIST\n"),
        format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile://{canary}\n#EXT-X-ENDLIST\n"),
        format!(
            "#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=\"{canary}\"\n#EXTINF:2,\nsubfile,,start,0,end,9,,:{canary}\n"
        ),
        format!("ffconcat version 1.0\nfile '{canary}'\n"),
        format!(
            "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\"><Period><AdaptationSet><Representation id=\"0\"><BaseURL>file://{canary}</BaseURL></Representation></AdaptationSet></Period></MPD>"
        ),
        format!("v=0\no=- 0 0 IN IP4 127.0.0.1\ns={canary}\nc=IN IP4 127.0.0.1\nm=video 1 RTP/AVP 96\n"),
        format!("file://{canary}"),
    ];
    for ffmpeg in every_ffmpeg() {
        let bench = Bench::with(|settings| {
            settings.ffmpeg = ffmpeg.clone();
            settings.deadline.least = Duration::from_secs(20);
        });
        for text in &texts {
            let result = bench.transcode(job(text.clone().into(), "P144p30fps16x9")).await;
            assert_eq!(result.unwrap_err(), TranscodeError::INVALID_VIDEO, "{text}");
        }
        // With real packets behind them the bytes pass for a segment, and the segment is all that is read.
        for text in &texts {
            let both = Bytes::from([text.as_bytes(), &good()].concat());
            let made = bench.transcode(job(both, "P144p30fps16x9")).await.unwrap();
            assert_eq!(made.renditions[0].frames, 30, "{text}");
        }
        let result = bench.transcode(job(elsewhere(&canary), "P144p30fps16x9")).await;
        assert!(matches!(result, Err(TranscodeError::Input(_))), "{result:?}");
    }
}

/// An MP4 that says its pictures are in another file (an alias record in `dref`, as QuickTime writes it).
fn elsewhere(path: &str) -> Bytes {
    let mp4 = draw("last.mp4", "testsrc2=s=320x180:r=30:d=1", &[]);
    let mut alias = vec![0; 10];
    alias.extend([4]);
    alias.extend(b"none");
    alias.resize(10 + 28 + 12, 0);
    alias.extend([9]);
    alias.extend(b"canary.ts");
    alias.resize(10 + 28 + 12 + 64 + 16, 0);
    alias.extend([0, 1, 0, 1]);
    alias.resize(alias.len() + 16, 0);
    alias.extend(2_i16.to_be_bytes());
    alias.extend(u16::try_from(path.len()).unwrap().to_be_bytes());
    alias.extend(path.as_bytes());
    if path.len() % 2 == 1 {
        alias.push(0);
    }
    alias.extend((-1_i16).to_be_bytes());
    alias.extend([0, 0]);
    let mut entry = u32::try_from(12 + alias.len()).unwrap().to_be_bytes().to_vec();
    entry.extend(b"alis\0\0\0\0");
    entry.extend(alias);
    replaced(
        &mp4,
        &[b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"],
        &entry,
    )
    .into()
}

/// The file with what is in the box at the end of the path, after its eight first bytes, replaced. The pictures come
/// before the index, so that they stay where they are.
fn replaced(data: &[u8], path: &[&[u8; 4]], body: &[u8]) -> Vec<u8> {
    let Some((first, rest)) = path.split_first() else {
        return [&data[..8], body].concat();
    };
    let mut made = Vec::new();
    let mut at = 0;
    while at < data.len() {
        let size = u32::from_be_bytes(data[at..at + 4].try_into().unwrap()) as usize;
        let part = &data[at..at + size];
        at += size;
        if &part[4..8] == *first {
            let inner = replaced(&part[8..], rest, body);
            made.extend(u32::try_from(inner.len() + 8).unwrap().to_be_bytes());
            made.extend(*first);
            made.extend(inner);
        } else {
            made.extend(part);
        }
    }
    made
}

/// Most memory a process of the bench was seen to use, in bytes, until the work is done.
async fn most_memory<T>(bench: &Bench, work: impl Future<Output = T>) -> (T, u64) {
    let mut most = 0;
    let mut work = std::pin::pin!(work);
    loop {
        let peak = |pid: u32| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
            Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? << 10)
        };
        most = bench
            .processes()
            .into_iter()
            .filter_map(peak)
            .fold(most, u64::max);
        tokio::select! {
            done = &mut work => return (done, most),
            () = tokio::time::sleep(Duration::from_millis(10)) => {}
        }
    }
}

/// A few bytes that are gigabytes when decoded.
#[tokio::test]
async fn bombs_burn_within_bounds() {
    let still = draw("still-4k.ts", "color=s=3840x2160:r=30:d=2", &["-threads", "2"]);
    let decoded = 60 * 3840 * 2160 * 3 / 2;
    assert!(still.len() * 1000 < decoded, "{} bytes", still.len());
    for ffmpeg in every_ffmpeg() {
        let bench = Bench::with(|settings| settings.ffmpeg = ffmpeg.clone());
        let work = bench
            .transcoder
            .transcode(job(still.clone(), "P144p30fps16x9"), CancellationToken::new());
        let (made, memory) = most_memory(&bench, work).await;
        assert_eq!(made.unwrap().renditions[0].frames, 60);
        assert!(memory < 700 << 20, "{memory} bytes");
        bench.assert_nothing_left();

        let impatient = Bench::with(|settings| {
            settings.ffmpeg = ffmpeg.clone();
            settings.deadline.least = Duration::ZERO;
            settings.deadline.most = Duration::from_millis(100);
        });
        let result = impatient.transcode(job(still.clone(), "P144p30fps16x9")).await;
        assert_eq!(result.unwrap_err(), TranscodeError::TimedOut);
    }
}

/// Few pictures far apart: nothing is encoded of what is known to be a flood, and where nothing is known before, the
/// frames of the longest segment are the end of it.
#[tokio::test]
async fn floods_end() {
    let sparse = draw(
        "sparse-149.ts",
        "testsrc2=s=320x180:r=1:d=3",
        &[
            "-vf",
            "settb=1/90000,setpts='N*149*90000'",
            "-fps_mode",
            "passthrough",
            "-enc_time_base",
            "1:90000",
            "-bf",
            "0",
        ],
    );
    for bench in benches() {
        let began = Instant::now();
        let result = bench.transcode(job(sparse.clone(), "P144p30fps16x9")).await;
        assert_eq!(result.unwrap_err(), TranscodeError::RUNAWAY);
        assert!(began.elapsed() < Duration::from_secs(5));
        // At their own times there are three.
        let made = bench
            .transcode(job(sparse.clone(), "256x144@200k"))
            .await
            .unwrap();
        let at: Vec<_> = times(&packets(&made.renditions[0].data, "v:0"));
        assert_eq!(at, times(&packets(&sparse, "v:0")));
        // A rate that is many times the source's.
        let result = bench.transcode(job(good(), "256x144@200k@1000")).await;
        assert_eq!(result.unwrap_err(), TranscodeError::RUNAWAY);
        let result = bench.transcode(job(good(), "256x144@200k@4000000000")).await;
        assert_eq!(result.unwrap_err(), TranscodeError::INVALID_ARGUMENT);
    }
    // The cap by itself: no inspection comes between.
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("in.ts"), &sparse).unwrap();
    let profiles = super::job(sparse, "256x144@200k@30").profiles;
    let recipe = engine::media::recipe::Recipe {
        program: FFMPEG.path(),
        target: engine::media::target::Target::Cpu,
        effort: engine::media::target::Effort {
            preset: "ultrafast",
            cascaded: false,
        },
        encoder_threads: None,
        input: engine::media::inspect::InputFormat::MpegTs,
        source_size: None,
        cpu_decode: false,
        big_probe: false,
        profiles: &profiles,
        clip: None,
        perceptual_hash: false,
        orchestrator: "",
    };
    let mut command = FFMPEG.command(FFMPEG.path());
    command
        .args(recipe.command().get_args())
        .current_dir(folder.path());
    command.stdin(fs::File::open(folder.path().join("in.ts")).unwrap());
    assert!(command.output().unwrap().status.success());
    let made = fs::read(folder.path().join("0.ts")).unwrap();
    assert!(engine::media::count::count(&made).unwrap().frames <= 9032);
}
