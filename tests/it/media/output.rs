//! Renditions: sizes, frames, pixels, containers, sound, metadata.

use std::process::Command;

use engine::media::{
    count,
    ladder::{Container, VideoCodec},
    size::{Size, rendition_size, size_expressions},
};
use testbed::clip::{self, ClipSpec};

use super::{FFMPEG, benches, decoded, drawn, every_ffmpeg, job, job_for, on_disk, packets, profiles};

#[tokio::test]
async fn reported_pixels_are_those_in_the_file() {
    for bench in benches() {
        let ladder = "P240p30fps16x9,P144p30fps16x9,64x36@100k,320x240@300k@15";
        let made = bench
            .transcode(job(clip::segment(ClipSpec::default()), ladder))
            .await
            .unwrap();
        let sizes: Vec<_> = made
            .renditions
            .iter()
            .map(|r| (r.width, r.height, r.frames))
            .collect();
        assert_eq!(
            sizes,
            [(426, 240, 60), (256, 144, 60), (146, 82, 60), (320, 180, 30)]
        );
        assert_eq!(
            (made.decoded_frames, made.source_width, made.source_height),
            (60, 320, 180)
        );
        for rendition in &made.renditions {
            let found = decoded(&rendition.data);
            let size = Size {
                width: rendition.width,
                height: rendition.height,
            };
            assert_eq!((found.size, found.frames), (size, rendition.frames));
            assert_eq!(
                rendition.pixels(),
                count::count(&rendition.data).unwrap().pixels().unwrap()
            );
        }
    }
}

#[tokio::test]
async fn a_portrait_source_stays_upright() {
    for bench in benches() {
        let source = clip::segment(ClipSpec {
            width: 180,
            height: 320,
            audio: false,
            seconds: 1,
            ..ClipSpec::default()
        });
        let made = bench
            .transcode(job(source, "P240p30fps16x9,100x50@100k"))
            .await
            .unwrap();
        let sizes: Vec<_> = made.renditions.iter().map(|r| (r.width, r.height)).collect();
        assert_eq!(sizes, [(240, 426), (146, 260)]);
        for rendition in &made.renditions {
            let found = decoded(&rendition.data);
            let size = Size {
                width: rendition.width,
                height: rendition.height,
            };
            assert_eq!((found.size, found.audio_codec), (size, None));
        }
    }
}

/// The formula in integers against the expression that ffmpeg computes in floating point.
#[test]
fn computed_sizes_are_ffmpegs() {
    let sources = [
        (1920, 1080),
        (1080, 1920),
        (99, 101),
        (101, 99),
        (500, 500),
        (640, 33),
        (33, 640),
        (853, 481),
        (1001, 342),
    ];
    let wanted = [(1280, 720), (64, 36), (255, 101), (145, 3000), (426, 240)];
    let codecs = [VideoCodec::H264, VideoCodec::H265];
    for (ffmpeg, codec) in every_ffmpeg()
        .into_iter()
        .flat_map(|ffmpeg| codecs.map(|codec| (ffmpeg, codec)))
    {
        for source in sources {
            // One ffmpeg a source: its outputs are one frame each, told by the frame's checksum line.
            let mut ffmpeg = ffmpeg.command(ffmpeg.path());
            let picture = format!("testsrc=size={}x{}:rate=1", source.0, source.1);
            ffmpeg.args(["-loglevel", "error", "-f", "lavfi", "-i", &picture]);
            let size = |(width, height)| Size { width, height };
            for want in wanted {
                let (width, height) = size_expressions(codec, size(want));
                let filter = format!("scale=w={width}:h={height}");
                ffmpeg.args(["-vf", &filter, "-frames:v", "1", "-f", "framehash", "pipe:1"]);
            }
            let said = String::from_utf8(ffmpeg.output().unwrap().stdout).unwrap();
            let mut made: Vec<_> = said
                .lines()
                .filter_map(|line| line.strip_prefix("#dimensions 0: "))
                .collect();
            let computed = wanted.map(|want| rendition_size(codec, size(want), size(source)).unwrap());
            let mut computed = computed.map(|size| format!("{}x{}", size.width, size.height));
            made.sort_unstable();
            computed.sort_unstable();
            assert_eq!(made, computed, "{codec:?} {source:?}");
        }
    }
}

#[tokio::test]
async fn sound_is_copied_bit_by_bit() {
    for bench in benches() {
        let source = clip::segment(ClipSpec::default());
        let made = bench
            .transcode(job(source.clone(), "P144p30fps16x9"))
            .await
            .unwrap();
        let (before, after) = (packets(&source, "a:0"), packets(&made.renditions[0].data, "a:0"));
        assert!(before.len() > 90);
        assert_eq!(before, after);
    }
}

/// The pre-check does not see it, a short look ahead does not either.
#[tokio::test]
async fn sound_that_starts_late_is_found() {
    for bench in benches() {
        let source = drawn(
            "late-sound.ts",
            &[
                "-f",
                "lavfi",
                "-i",
                "testsrc2=s=320x180:r=30:d=2,noise=alls=40:allf=t",
                "-itsoffset",
                "1.5",
                "-f",
                "lavfi",
                "-i",
                "sine=d=0.5:r=48000",
                "-c:v",
                "libx264",
                "-preset",
                "ultrafast",
                "-qp",
                "14",
                "-c:a",
                "aac",
                "-muxdelay",
                "0",
                "-f",
                "mpegts",
            ],
        );
        let made = bench
            .transcode(job(source.clone(), "P144p30fps16x9"))
            .await
            .unwrap();
        assert_eq!(made.renditions[0].frames, 60);
        assert_eq!(packets(&source, "a:0"), packets(&made.renditions[0].data, "a:0"));
    }
}

#[tokio::test]
async fn mp4_goes_in_and_comes_out() {
    for bench in benches() {
        let source = clip::segment(ClipSpec {
            container: Container::Mp4,
            start_pts: 0,
            ..ClipSpec::default()
        });
        let mut ladder = profiles(
            r#"[{"width":256,"height":144,"bitrate":200000,"name":"a"},{"width":256,"height":144,"name":"b"}]"#,
        );
        ladder[0].format = Container::Mp4;
        let made = bench.transcode(job_for(source, ladder)).await.unwrap();
        let [mp4, ts] = made.renditions.as_slice() else {
            panic!("two renditions")
        };
        assert_eq!((mp4.frames, ts.frames, made.decoded_frames), (60, 60, 60));
        assert_eq!(&mp4.data[4..8], b"ftyp");
        let place = |name: &[u8]| mp4.data.windows(4).position(|window| window == name).unwrap();
        assert!(
            place(b"moov") < place(b"mdat"),
            "players start before they have it all"
        );
        for (rendition, name) in [(mp4, "mov,mp4,m4a,3gp,3g2,mj2"), (ts, "mpegts")] {
            let found = decoded(&rendition.data);
            assert_eq!((found.container.as_str(), found.frames), (name, 60));
            assert_eq!(found.audio_codec.as_deref(), Some("aac"));
        }
    }
}

#[tokio::test]
async fn hevc_comes_out_and_goes_in() {
    for bench in benches() {
        let ladder =
            profiles(r#"[{"name":"hevc","width":256,"height":144,"bitrate":200000,"encoder":"HEVC"}]"#);
        let source = clip::segment(ClipSpec {
            seconds: 1,
            ..ClipSpec::default()
        });
        let made = bench.transcode(job_for(source, ladder)).await.unwrap();
        let hevc = &made.renditions[0];
        assert_eq!((hevc.width, hevc.height, hevc.frames), (256, 144, 30));
        assert_eq!(decoded(&hevc.data).video_codec, "hevc");
        let again = bench
            .transcode(job(hevc.data.clone(), "P144p30fps16x9"))
            .await
            .unwrap();
        assert_eq!(
            (
                again.renditions[0].frames,
                again.source_width,
                again.source_height
            ),
            (30, 256, 144)
        );
    }
}

#[tokio::test]
async fn ten_bit_sources_become_eight() {
    for bench in benches() {
        let source = drawn(
            "ten-bit.ts",
            &[
                "-f",
                "lavfi",
                "-i",
                "testsrc2=s=320x180:r=30:d=1",
                "-c:v",
                "libx264",
                "-preset",
                "ultrafast",
                "-pix_fmt",
                "yuv422p10le",
                "-f",
                "mpegts",
            ],
        );
        let made = bench.transcode(job(source, "P144p30fps16x9")).await.unwrap();
        let mut ffprobe = Command::new(FFMPEG.ffprobe().unwrap());
        ffprobe.args([
            "-loglevel",
            "error",
            "-show_entries",
            "stream=pix_fmt",
            "-of",
            "csv=p=0",
        ]);
        let said = ffprobe
            .arg(on_disk(&made.renditions[0].data).path())
            .output()
            .unwrap();
        assert!(String::from_utf8(said.stdout).unwrap().starts_with("yuv420p\n"));
    }
}

#[tokio::test]
async fn renditions_name_who_made_them() {
    for bench in benches() {
        let mut ladder =
            profiles(r#"[{"name":"ts","width":256,"height":144},{"name":"mp4","width":256,"height":144}]"#);
        ladder[1].format = Container::Mp4;
        let source = clip::segment(ClipSpec {
            seconds: 1,
            ..ClipSpec::default()
        });
        let made = bench.transcode(job_for(source, ladder)).await.unwrap();
        let tag = |index: usize, entries: &str| {
            let mut ffprobe = Command::new(FFMPEG.ffprobe().unwrap());
            ffprobe.args(["-loglevel", "error", "-show_entries", entries, "-of", "csv=p=0"]);
            let said = ffprobe
                .arg(on_disk(&made.renditions[index].data).path())
                .output()
                .unwrap();
            String::from_utf8(said.stdout).unwrap()
        };
        let credit = format!(
            "Livepeer Transcoder {} (0x00000000000000000000000000000000000000aa)",
            env!("CARGO_PKG_VERSION")
        );
        assert!(tag(0, "program_tags=service_provider").contains(&credit));
        assert!(tag(1, "format_tags=comment").contains(&format!("Processed by {credit}")));
    }
}

#[tokio::test]
async fn a_signature_is_made_for_every_rendition() {
    for bench in benches() {
        let mut job = job(
            clip::segment(ClipSpec::default()),
            "P240p30fps16x9,P144p30fps16x9",
        );
        job.perceptual_hash = true;
        let made = bench.transcode(job).await.unwrap();
        for rendition in &made.renditions {
            assert_eq!(rendition.frames, 60);
            // The size the network's own signature of a segment of sixty frames has.
            assert_eq!(rendition.perceptual_hash.as_ref().unwrap().len(), 5538);
        }
    }
}
