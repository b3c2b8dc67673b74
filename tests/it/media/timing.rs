//! Renditions: time stamps, frame rates, key frames, clipping.

use std::time::Duration;

use engine::media::job::{Clip, SegmentJob};
use testbed::clip::{self, ClipSpec};

use super::{benches, drawn, job, job_for, packets, profiles, times};

#[tokio::test]
async fn a_rendition_stays_on_the_sources_timeline() {
    for bench in benches() {
        let source = clip::segment(ClipSpec::default());
        let made = bench
            .transcode(job(
                source.clone(),
                "P144p30fps16x9,256x144@200k,256x144@300k@15,256x144@400k@60",
            ))
            .await
            .unwrap();
        let [same, untouched, half, double] = &made.renditions[..] else {
            panic!("four renditions")
        };
        let before = times(&packets(&source, "v:0"));
        assert_eq!(before[0], 126_000);
        assert_eq!(times(&packets(&same.data, "v:0")), before);
        assert_eq!(times(&packets(&untouched.data, "v:0")), before);
        let half_times = times(&packets(&half.data, "v:0"));
        assert_eq!((half.frames, half_times[0]), (30, 126_000));
        assert!(half_times.windows(2).all(|pair| pair[1] - pair[0] == 6000));
        let double_times = times(&packets(&double.data, "v:0"));
        // Whether the last frame is doubled differs between versions of ffmpeg.
        assert!((119..=120).contains(&double.frames), "{}", double.frames);
        assert!(double_times.windows(2).all(|pair| pair[1] - pair[0] == 1500));
    }
}

#[tokio::test]
async fn irregular_frames_keep_their_times() {
    for bench in benches() {
        let source = drawn(
            "jitter.ts",
            &[
                "-f",
                "lavfi",
                "-i",
                "testsrc2=s=320x180:r=30:d=2",
                "-vf",
                "settb=1/90000,setpts='(N+0.3*mod(N,3))*3000'",
                "-fps_mode",
                "passthrough",
                "-enc_time_base",
                "1:90000",
                "-c:v",
                "libx264",
                "-preset",
                "ultrafast",
                "-bf",
                "2",
                "-output_ts_offset",
                "1.4",
                "-muxdelay",
                "0",
                "-f",
                "mpegts",
            ],
        );
        let before = times(&packets(&source, "v:0"));
        assert!(before.windows(2).any(|pair| pair[1] - pair[0] != 3000));
        let made = bench.transcode(job(source, "256x144@200k")).await.unwrap();
        assert_eq!(times(&packets(&made.renditions[0].data, "v:0")), before);
    }
}

#[tokio::test]
async fn time_stamps_pass_the_33_bit_wrap() {
    for bench in benches() {
        let source = clip::segment(ClipSpec {
            start_pts: (1 << 33) - 90_000,
            ..ClipSpec::default()
        });
        let made = bench
            .transcode(job(source.clone(), "P144p30fps16x9,256x144@200k"))
            .await
            .unwrap();
        let before = times(&packets(&source, "v:0"));
        assert!(before[0] > 1 << 32 && before[59] < 1 << 32);
        for rendition in &made.renditions {
            assert_eq!(times(&packets(&rendition.data, "v:0")), before);
        }
    }
}

#[tokio::test]
async fn key_frames_come_at_the_distance_asked_for() {
    for bench in benches() {
        let ladder = profiles(
            r#"[{"name":"frames","width":256,"height":144,"fps":30,"gop":"0.3","bitrate":200000},
            {"name":"time","width":256,"height":144,"gop":"0.5"},
            {"name":"intra","width":256,"height":144,"fps":30,"gop":"intra","profile":"h264baseline"}]"#,
        );
        let made = bench
            .transcode(job_for(clip::segment(ClipSpec::default()), ladder))
            .await
            .unwrap();
        let keys: Vec<Vec<i64>> = made
            .renditions
            .iter()
            .map(|rendition| {
                let packets = packets(&rendition.data, "v:0");
                assert!(packets[0].is_key, "a segment begins with a key frame");
                packets
                    .iter()
                    .filter(|packet| packet.is_key)
                    .map(|packet| packet.pts - 126_000)
                    .collect()
            })
            .collect();
        assert_eq!(keys[0], [0, 27_000, 54_000, 81_000, 108_000, 135_000, 162_000]);
        assert_eq!(keys[1], [0, 45_000, 90_000, 135_000]);
        assert_eq!(keys[2].len(), 60);
    }
}

#[tokio::test]
async fn a_part_of_a_segment_is_kept() {
    for bench in benches() {
        let source = clip::segment(ClipSpec::default());
        let part = |from, to| {
            let clip = Clip {
                from: Duration::from_millis(from),
                to: Duration::from_millis(to),
            };
            SegmentJob {
                clip: Some(clip),
                ..job(source.clone(), "P144p30fps16x9,256x144@200k")
            }
        };
        let steps = |from: i64, count: i64| (0..count).map(|frame| from + frame * 3000).collect::<Vec<_>>();
        // Both ends belong to the part. With a start the part begins at zero, without one times stay.
        // Sound is measured from its own first packet, which comes before the picture.
        let heard = |from: i64, to: i64| {
            let all = times(&packets(&source, "a:0"));
            let relative = all
                .iter()
                .map(|time| time - all[0])
                .filter(|time| (from..=to).contains(time));
            let shift = if from > 0 { -from } else { all[0] };
            relative.map(|time| time + shift).collect::<Vec<_>>()
        };
        for (job, kept, sound) in [
            (part(500, 1500), steps(0, 31), heard(45_000, 135_000)),
            (part(0, 500), steps(126_000, 16), heard(0, 45_000)),
            (part(1500, 0), steps(0, 15), heard(135_000, i64::MAX)),
        ] {
            assert!(sound.len() > 20);
            let clip = job.clip;
            let made = bench.transcode(job).await.unwrap();
            for rendition in &made.renditions {
                let video = packets(&rendition.data, "v:0");
                assert!(video[0].is_key);
                assert_eq!(times(&video), kept, "{clip:?}");
                assert_eq!(times(&packets(&rendition.data, "a:0")), sound, "{clip:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_part_of_a_silent_segment_is_kept() {
    for bench in benches() {
        let source = clip::segment(ClipSpec {
            audio: false,
            ..ClipSpec::default()
        });
        let clip = Clip {
            from: Duration::from_millis(500),
            to: Duration::from_millis(1000),
        };
        let made = bench
            .transcode(SegmentJob {
                clip: Some(clip),
                ..job(source, "P144p30fps16x9")
            })
            .await
            .unwrap();
        assert_eq!(made.renditions[0].frames, 16);
    }
}
