//! Cutting: segments that together are the file, never more of them on disk than a few.

use std::{path::PathBuf, process::Command, time::Duration};

use engine::{
    gateway::{
        cut::{CutError, CutPlan, Cutter, Segment},
        source::{Source, SourceError, Uncuttable, examine},
    },
    media::ladder::Container,
};
use testbed::clip::{ClipSpec, drawn, file};

use super::{clip, tools};

const TWO: Duration = Duration::from_secs(2);

async fn cut(input: PathBuf, length: Duration, times: u32) -> (Source, Vec<Segment>) {
    let tools = tools();
    let source = examine(&tools, &input, length).await.unwrap();
    let plan = CutPlan {
        input,
        segment_length: length,
        times,
    };
    let mut cutter = Cutter::start(&tools, &source, &plan).await.unwrap();
    let mut segments = Vec::new();
    while let Some(segment) = cutter.next().await.unwrap() {
        segments.push(segment);
    }
    cutter.stop().await;
    (source, segments)
}

/// `pts,flags` of each video packet, in 90 kHz ticks, as ffprobe lists them.
fn packets(data: &[u8]) -> Vec<(i64, bool)> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), data).unwrap();
    let args = [
        "-v",
        "error",
        "-f",
        "mpegts",
        "-select_streams",
        "v:0",
        "-show_entries",
        "packet=pts,flags",
    ];
    let listed = Command::new("ffprobe")
        .args(args)
        .args(["-of", "csv=p=0"])
        .arg(file.path())
        .output()
        .unwrap();
    assert!(listed.status.success());
    let text = String::from_utf8(listed.stdout).unwrap();
    let lines = text.lines().filter_map(|line| line.split_once(','));
    lines
        .map(|(pts, flags)| (pts.parse().unwrap(), flags.starts_with('K')))
        .collect()
}

fn sorted_stamps(data: &[u8]) -> Vec<i64> {
    let mut stamps: Vec<_> = packets(data).into_iter().map(|(pts, _)| pts).collect();
    stamps.sort_unstable();
    stamps
}

#[tokio::test]
async fn segments_of_a_stream_hold_its_pictures_at_their_times() {
    let input = clip(7);
    let (source, segments) = cut(input.clone(), TWO, 1).await;
    assert_eq!(source.uncuttable, None);
    let seqs: Vec<_> = segments.iter().map(|segment| segment.seq).collect();
    assert_eq!(seqs, [0, 1, 2, 3]);
    let millis: Vec<_> = segments
        .iter()
        .map(|segment| segment.duration.as_millis())
        .collect();
    assert_eq!(millis, [2000, 2000, 2000, 1000]);
    for segment in &segments {
        assert!(
            packets(&segment.data)[0].1,
            "segment {} does not start with a key frame",
            segment.seq
        );
    }
    let together: Vec<i64> = segments
        .iter()
        .flat_map(|segment| sorted_stamps(&segment.data))
        .collect();
    assert_eq!(together, sorted_stamps(&std::fs::read(input).unwrap()));
}

#[tokio::test]
async fn a_file_that_starts_at_zero_is_moved_as_a_whole() {
    let input = file(ClipSpec {
        seconds: 4,
        container: Container::Mp4,
        start_pts: 0,
        ..ClipSpec::default()
    });
    let (_, segments) = cut(input, TWO, 1).await;
    let stamps: Vec<i64> = segments
        .iter()
        .flat_map(|segment| sorted_stamps(&segment.data))
        .collect();
    assert_eq!(stamps.len(), 120);
    assert!(
        stamps.windows(2).all(|pair| pair[1] - pair[0] == 3000),
        "{stamps:?}"
    );
    assert!((90_000..99_000).contains(&stamps[0]), "starts at {}", stamps[0]);
}

#[tokio::test]
async fn a_file_sent_twice_goes_on_where_it_ended() {
    let (_, segments) = cut(clip(4), TWO, 2).await;
    assert_eq!(segments.len(), 4);
    let stamps: Vec<i64> = segments
        .iter()
        .flat_map(|segment| sorted_stamps(&segment.data))
        .collect();
    assert_eq!(stamps.len(), 240);
    assert!(
        stamps.windows(2).all(|pair| pair[1] - pair[0] == 3000),
        "{stamps:?}"
    );
    let seqs: Vec<_> = segments.iter().map(|segment| segment.seq).collect();
    assert_eq!(seqs, [0, 1, 2, 3]);
}

#[tokio::test]
async fn rare_key_frames_and_other_codecs_are_encoded_again() {
    let rare = drawn("gateway-rare-keys.mp4", |command| {
        command.args(["-f", "lavfi", "-i", "testsrc2=size=160x120:rate=25:duration=11"]);
        command.args([
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-g",
            "250",
            "-f",
            "mp4",
        ]);
    });
    let (source, segments) = cut(rare, TWO, 1).await;
    assert!(
        matches!(source.uncuttable, Some(Uncuttable::Sparse(_))),
        "{:?}",
        source.uncuttable
    );
    let millis: Vec<_> = segments
        .iter()
        .map(|segment| segment.duration.as_millis())
        .collect();
    assert_eq!(millis, [2000, 2000, 2000, 2000, 2000, 1000]);
    assert_eq!(
        segments
            .iter()
            .map(|segment| packets(&segment.data).len())
            .sum::<usize>(),
        275
    );
    assert!(segments.iter().all(|segment| packets(&segment.data)[0].1));

    // An odd size and sound that is not AAC.
    let other = drawn("gateway-mjpeg.avi", |command| {
        command.args(["-f", "lavfi", "-i", "testsrc=size=161x121:rate=10:duration=3"]);
        command.args(["-f", "lavfi", "-i", "sine=duration=3"]);
        command.args(["-c:v", "mjpeg", "-c:a", "pcm_s16le", "-f", "avi"]);
    });
    let (source, segments) = cut(other, TWO, 1).await;
    assert_eq!(source.uncuttable, Some(Uncuttable::Codec("mjpeg".into())));
    assert_eq!(segments.len(), 2);
    let made = engine::media::count::count(&segments[0].data).unwrap();
    assert_eq!(
        (made.frames, made.size.map(|size| (size.width, size.height))),
        (20, Some((160, 120)))
    );
}

/// Pictures shown before the key frame they follow need the segment before.
#[tokio::test]
async fn open_groups_are_encoded_again() {
    let open = drawn("gateway-open-gop.mp4", |command| {
        command.args(["-f", "lavfi", "-i", "testsrc2=size=160x120:rate=25:duration=6"]);
        command.args(["-c:v", "libx264", "-preset", "fast", "-g", "25", "-bf", "3"]);
        command.args(["-x264-params", "open-gop=1:scenecut=0", "-f", "mp4"]);
    });
    let source = examine(&tools(), &open, TWO).await.unwrap();
    assert_eq!(source.uncuttable, Some(Uncuttable::OpenGroups));
}

#[tokio::test]
async fn hevc_is_cut_as_it_is() {
    let hevc = drawn("gateway-hevc.mp4", |command| {
        command.args(["-f", "lavfi", "-i", "testsrc2=size=160x120:rate=25:duration=4"]);
        command.args(["-c:v", "libx265", "-preset", "ultrafast"]);
        command.args([
            "-x265-params",
            "keyint=25:open-gop=0:log-level=error",
            "-f",
            "mp4",
        ]);
    });
    let (source, segments) = cut(hevc, TWO, 1).await;
    assert_eq!((source.codec.as_str(), source.uncuttable), ("hevc", None));
    assert_eq!(segments.len(), 2);
}

#[tokio::test]
async fn what_is_no_video_is_refused_by_name() {
    let tools = tools();
    let folder = tempfile::tempdir().unwrap();
    let missing = examine(&tools, &folder.path().join("nothing.mp4"), TWO)
        .await
        .unwrap_err();
    assert!(matches!(missing, SourceError::Open { .. }), "{missing}");
    let directory = examine(&tools, folder.path(), TWO).await.unwrap_err();
    assert!(matches!(directory, SourceError::Open { .. }), "{directory}");

    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "no media at all\n".repeat(100)).unwrap();
    let unreadable = examine(&tools, &text, TWO).await.unwrap_err();
    assert!(
        matches!(unreadable, SourceError::Unreadable { .. }),
        "{unreadable}"
    );

    let sound = drawn("gateway-sound.m4a", |command| {
        command.args(["-f", "lavfi", "-i", "sine=duration=2", "-c:a", "aac", "-f", "mp4"]);
    });
    let silent = examine(&tools, &sound, TWO).await.unwrap_err();
    assert!(matches!(silent, SourceError::NoVideo { .. }), "{silent}");

    // A record with its cover: one still picture is no video.
    let cover = drawn("gateway-cover.m4a", |command| {
        command.args([
            "-f",
            "lavfi",
            "-i",
            "sine=duration=2",
            "-f",
            "lavfi",
            "-i",
            "color=red:size=64x64:rate=25:duration=0.04",
        ]);
        command.args([
            "-map",
            "0",
            "-map",
            "1",
            "-frames:v",
            "1",
            "-c:v",
            "png",
            "-c:a",
            "aac",
        ]);
        command.args(["-disposition:v:0", "attached_pic", "-f", "mp4"]);
    });
    let picture = examine(&tools, &cover, TWO).await.unwrap_err();
    assert!(matches!(picture, SourceError::NoVideo { .. }), "{picture}");
}

/// A playlist must not make ffmpeg open what it names.
#[tokio::test]
async fn a_file_cannot_send_ffmpeg_to_the_network() {
    let folder = tempfile::tempdir().unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let list = folder.path().join("list.m3u8");
    let text = format!(
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nhttp://{}/a.ts\n#EXT-X-ENDLIST\n",
        listener.local_addr().unwrap()
    );
    std::fs::write(&list, text).unwrap();
    tokio::select! {
        examined = async { examine(&tools(), &list, TWO).await } => assert!(examined.is_err()),
        _ = listener.accept() => panic!("ffprobe followed the playlist to the network"),
    }
}

/// Two hundred segments that ffmpeg could write in a moment.
#[tokio::test]
async fn ffmpeg_waits_for_a_slow_reader() {
    let tools = tools();
    let long = drawn("gateway-long.ts", |command| {
        command.args(["-f", "lavfi", "-i", "color=gray:size=160x90:rate=5:duration=200"]);
        command.args([
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-g",
            "5",
            "-f",
            "mpegts",
        ]);
    });
    let length = Duration::from_secs(1);
    let source = examine(&tools, &long, length).await.unwrap();
    let plan = CutPlan {
        input: long,
        segment_length: length,
        times: 1,
    };
    let mut cutter = Cutter::start(&tools, &source, &plan).await.unwrap();
    let on_disk = |cutter: &Cutter| std::fs::read_dir(cutter.folder()).unwrap().count();
    let (mut count, mut most) = (0, 0);
    while cutter.next().await.unwrap().is_some() {
        count += 1;
        if count < 20 {
            // Time enough for ffmpeg to write them all, if it did not wait.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        most = most.max(on_disk(&cutter));
    }
    assert_eq!(count, 200);
    assert!((2..=12).contains(&most), "{most} segments lay on disk");
    let folder = cutter.folder().to_owned();
    cutter.stop().await;
    assert!(!folder.exists());
}

#[tokio::test]
async fn ffmpeg_giving_up_half_way_is_an_error() {
    let tools = tools();
    let input = clip(4);
    let source = examine(&tools, &input, TWO).await.unwrap();
    let plan = CutPlan {
        input: input.with_file_name("gone.ts"),
        segment_length: TWO,
        times: 1,
    };
    let mut cutter = Cutter::start(&tools, &source, &plan).await.unwrap();
    let error = cutter.next().await.unwrap_err();
    assert!(
        matches!(&error, CutError::Failed(reason) if reason.contains("No such file")),
        "{error}"
    );
}
