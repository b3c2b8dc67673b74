//! Segments and requests that are refused, each with the network's own words, and nothing left behind.

use std::time::Duration;

use bytes::Bytes;
use engine::media::{
    inspect::inspect,
    job::{Clip, SegmentJob},
    ladder::preset,
};
use testbed::clip::{self, ClipSpec};

use super::{Bench, benches, drawn, job, job_for, profiles};

/// The answer, the same from every ffmpeg.
async fn refused(job: SegmentJob) -> String {
    let mut answers = Vec::new();
    for bench in benches() {
        answers.push(bench.transcode(job.clone()).await.unwrap_err().to_string());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    answers.remove(0)
}

async fn refused_source(source: impl Into<Bytes>) -> String {
    refused(job(source.into(), "P144p30fps16x9")).await
}

#[tokio::test]
async fn what_is_no_segment() {
    let noise: Vec<u8> = (0_u32..200_000)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    for source in [&b""[..], b"hello", &[0x47; 188], &[0; 4096], &noise] {
        assert_eq!(
            refused_source(Bytes::copy_from_slice(source)).await,
            "TranscoderInvalidVideo"
        );
    }
}

/// A playlist that a format-guessing ffmpeg would follow to a local file.
#[tokio::test]
async fn a_playlist_in_a_segments_clothes() {
    let target = clip::file(ClipSpec::default());
    let target = target.display();
    let hls = format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{target}\n#EXT-X-ENDLIST\n");
    let concat = format!("ffconcat version 1.0\nfile {target}\n");
    for text in [hls, concat] {
        assert_eq!(refused_source(text.clone()).await, "TranscoderInvalidVideo");
        // With real packets behind it the pre-check finds video, and ffmpeg still reads it as a transport stream.
        let mut both = text.into_bytes();
        both.extend(clip::segment(ClipSpec::default()));
        let made = Bench::new()
            .transcode(job(both.into(), "P144p30fps16x9"))
            .await
            .unwrap();
        assert_eq!(made.renditions[0].frames, 60);
    }
}

#[tokio::test]
async fn segments_without_usable_video() {
    let sound = drawn(
        "sound.ts",
        &[
            "-f",
            "lavfi",
            "-i",
            "sine=d=1:r=48000",
            "-c:a",
            "aac",
            "-f",
            "mpegts",
        ],
    );
    assert_eq!(refused_source(sound).await, "TranscoderInvalidVideo");
    let sound = drawn(
        "sound.mp4",
        &[
            "-f",
            "lavfi",
            "-i",
            "sine=d=1:r=48000",
            "-c:a",
            "aac",
            "-f",
            "mp4",
        ],
    );
    assert_eq!(refused_source(sound).await, "TranscoderInvalidVideo");
    let mpeg2 = drawn(
        "mpeg2.ts",
        &[
            "-f",
            "lavfi",
            "-i",
            "testsrc2=s=320x180:r=30:d=1",
            "-c:v",
            "mpeg2video",
            "-f",
            "mpegts",
        ],
    );
    assert_eq!(refused_source(mpeg2).await, "Unsupported input codec");
    let huge = drawn(
        "huge.ts",
        &[
            "-f",
            "lavfi",
            "-i",
            "color=s=8200x4400:r=1:d=1",
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-f",
            "mpegts",
        ],
    );
    assert_eq!(refused_source(huge).await, "TranscoderInvalidVideo");
    let thin = drawn(
        "thin.ts",
        &[
            "-f",
            "lavfi",
            "-i",
            "color=s=16x4000:r=10:d=1",
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-f",
            "mpegts",
        ],
    );
    assert_eq!(refused_source(thin).await, "Invalid argument");
}

/// The tables say video and sound, the head with the only key frame is lost.
#[tokio::test]
async fn a_segment_without_a_key_frame() {
    let clip = clip::segment(ClipSpec {
        seconds: 1,
        ..ClipSpec::default()
    });
    let tables = &clip[..3 * 188];
    let rest = &clip[clip.len() / 188 / 2 * 188..];
    assert_eq!(
        refused_source([tables, rest].concat()).await,
        "No keyframes in input"
    );
}

#[tokio::test]
async fn a_truncated_segment_gives_what_is_there() {
    let clip = clip::segment(ClipSpec::default());
    let half = clip.slice(..clip.len() / 2);
    let made = Bench::new().transcode(job(half, "P144p30fps16x9")).await.unwrap();
    assert!(
        (10..60).contains(&made.renditions[0].frames),
        "{}",
        made.renditions[0].frames
    );
}

fn sparse(name: &str, step: u32) -> Bytes {
    let stamps = format!("settb=1/90000,setpts='N*{step}*90000'");
    drawn(
        name,
        &[
            "-f",
            "lavfi",
            "-i",
            "testsrc2=s=320x180:r=1:d=3",
            "-vf",
            &stamps,
            "-fps_mode",
            "passthrough",
            "-enc_time_base",
            "1:90000",
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-bf",
            "0",
            "-f",
            "mpegts",
        ],
    )
}

#[tokio::test]
async fn frames_far_apart() {
    assert_eq!(
        refused_source(sparse("sparse-160.ts", 160)).await,
        "TranscoderInvalidDuration"
    );
    assert_eq!(
        refused_source(sparse("sparse-20.ts", 20)).await,
        "Encoded frames runaway"
    );
    // With the source's own timing there is nothing to fill in.
    let made = Bench::new()
        .transcode(job(sparse("sparse-20.ts", 20), "256x144@200k"))
        .await
        .unwrap();
    assert_eq!(made.renditions[0].frames, 3);
}

#[tokio::test]
async fn requests_that_no_source_makes_good() {
    let source = Bytes::from_static(b"not looked at");
    let with = |profiles| refused(job_for(source.clone(), profiles));
    let rung = || preset("P144p30fps16x9").unwrap();
    assert_eq!(with(vec![]).await, "Invalid argument");
    assert_eq!(with(vec![rung(); 11]).await, "Too many outputs");
    let mut flat = rung();
    flat.height = 0;
    assert_eq!(with(vec![rung(), flat]).await, "TranscoderInvalidResolution");
    let json = |encoder, profile| {
        profiles(&format!(
            r#"[{{"width":256,"height":144,"encoder":"{encoder}","profile":"{profile}"}}]"#
        ))
    };
    assert_eq!(with(json("VP9", "")).await, "Encoder not found");
    assert_eq!(with(json("HEVC", "h264high")).await, "Invalid argument");
    let clip = Clip {
        from: Duration::from_secs(2),
        to: Duration::from_secs(1),
    };
    let clipped = SegmentJob {
        clip: Some(clip),
        ..job(source, "P144p30fps16x9")
    };
    assert_eq!(refused(clipped).await, "TranscoderInvalidClipConfig");
}

/// Real segments with damage anywhere are judged without a panic, and mostly still taken.
#[test]
fn damaged_segments_are_inspected() {
    use engine::media::{count::count, ladder::Container};
    for container in [Container::MpegTs, Container::Mp4] {
        let clip = clip::segment(ClipSpec {
            container,
            seconds: 1,
            ..ClipSpec::default()
        });
        assert_eq!(inspect(&clip).unwrap().pictures, 30);
        assert_eq!(count(&clip).unwrap().frames, 30);
        let mut seed = 1_u32;
        for _ in 0..300 {
            let mut damaged = clip.to_vec();
            for _ in 0..20 {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let place = seed as usize % damaged.len().min(4000 + damaged.len() * (seed as usize % 2));
                damaged[place] = (seed >> 24) as u8;
            }
            damaged.truncate(damaged.len() - seed as usize % damaged.len() / 2);
            let _ = (inspect(&damaged), count(&damaged));
        }
    }
}
