//! Finding ffmpeg, and what is said where there is none that works.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
};

use super::{Bench, FFMPEG};
use engine::media::{
    ffmpeg::{Ffmpeg, FfmpegError},
    ladder::VideoCodec,
};

/// A script that answers like an ffmpeg. Written by another process: a file this one had open for writing
/// could not be run while any child of another test still holds it.
pub(super) fn pretender(folder: &Path, script: &str) -> PathBuf {
    let path = folder.join("ffmpeg");
    let write = format!(
        "printf '#!/bin/sh\\n%s\\n' '{script}' > {0} && chmod 755 {0}",
        path.display()
    );
    assert!(
        Command::new("sh")
            .args(["-c", &write])
            .status()
            .unwrap()
            .success()
    );
    path
}

#[test]
fn the_installed_ffmpeg_is_found_with_what_it_can_do() {
    let ffmpeg = Ffmpeg::locate(None).unwrap();
    assert!(ffmpeg.path().is_absolute() && ffmpeg.ffprobe().unwrap().is_absolute());
    assert_eq!(ffmpeg.encoder(VideoCodec::H264), Some("libx264"));
    assert_eq!(ffmpeg.encoder(VideoCodec::Vp9), None);
    assert!(
        ffmpeg
            .version()
            .starts_with(|first: char| first.is_ascii_alphanumeric())
    );
    assert_eq!(
        Ffmpeg::locate(Some(ffmpeg.path())).unwrap().version(),
        ffmpeg.version()
    );
}

#[test]
fn a_missing_ffmpeg() {
    let nowhere = Ffmpeg::locate_in(None, OsStr::new("/nowhere:/nowhere/else")).unwrap_err();
    assert_eq!(nowhere.to_string(), "ffmpeg was not found on the search path");
    let text = tempfile::NamedTempFile::new().unwrap();
    for path in [Path::new("/nowhere/ffmpeg"), Path::new("/etc"), text.path()] {
        let error = Ffmpeg::locate(Some(path)).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("ffmpeg was not found at {}", path.display())
        );
    }
}

#[test]
fn an_ffmpeg_too_old() {
    let folder = tempfile::tempdir().unwrap();
    let old = pretender(
        folder.path(),
        "echo ffmpeg version 4.4.2-0ubuntu0.22.04.1 Copyright",
    );
    let error = Ffmpeg::locate(Some(&old)).unwrap_err();
    assert!(matches!(&error, FfmpegError::TooOld { found, .. } if found == "4.4.2-0ubuntu0.22.04.1"));
    assert!(
        error
            .to_string()
            .ends_with("is too old, 5.1 is the oldest that works"),
        "{error}"
    );
    // The same by the search path.
    let found = Ffmpeg::locate_in(None, folder.path().as_os_str()).unwrap_err();
    assert_eq!(found.to_string(), error.to_string());
}

#[test]
fn an_ffmpeg_without_the_encoder() {
    let folder = tempfile::tempdir().unwrap();
    let script =
        "case $2 in -version) echo ffmpeg version 7.1;; *) echo \" ------\"; echo \" A....D aac AAC\";; esac";
    let bare = pretender(folder.path(), script);
    let error = Ffmpeg::locate(Some(&bare)).unwrap_err();
    assert!(
        matches!(&error, FfmpegError::LacksEncoder { encoder: "libx264", found, .. } if found == "7.1"),
        "{error}"
    );
}

#[tokio::test]
async fn an_ffmpeg_that_answers_and_then_crashes() {
    Bench::new().transcoder.self_test().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let script = format!(
        "case $* in *-version|*-encoders) exec {0} \"$@\";; *lavfi*) exec {0} \"$@\";; *) kill -SEGV $$;; esac",
        FFMPEG.path().display()
    );
    let crashing = Ffmpeg::locate(Some(&pretender(folder.path(), &script))).unwrap();
    let bench = Bench::with(|settings| settings.ffmpeg = crashing);
    let error = bench.transcoder.self_test().await.unwrap_err();
    bench.assert_nothing_left();
    let expected = "fails to transcode a picture of its own: ffmpeg was ended by signal 11";
    assert!(error.to_string().ends_with(expected), "{error}");
}

#[test]
fn a_program_that_is_no_ffmpeg() {
    let folder = tempfile::tempdir().unwrap();
    let crash = pretender(folder.path(), "kill -SEGV $$");
    let error = Ffmpeg::locate(Some(&crash)).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("`ffmpeg -version` ended with signal: 11"),
        "{error}"
    );
    let error = Ffmpeg::locate(Some(Path::new("/bin/true"))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "/bin/true is no working ffmpeg: it does not tell its version"
    );
}
