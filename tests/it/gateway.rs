//! Tests of the engine's `gateway`: real files cut by real ffmpeg, a real node, and orchestrators that misbehave.

mod cut;
mod discovery;
mod hostile;
mod ingest;
mod paying;
mod real_node;
mod scripted;
pub mod stream;

use std::path::{Path, PathBuf};

use engine::{
    gateway::{
        Discovery, PushConfig, PushError, PushEvent, orchestrator::OrchestratorError, push, tools::Tools,
    },
    media::{
        ffmpeg::Ffmpeg,
        ladder::{CodecProfile, Container, Gop, Profile, VideoCodec},
    },
    process::Launcher,
    view::push::PushReport,
};
use testbed::clip::{self, ClipSpec};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use url::Url;

pub fn ffmpeg() -> Ffmpeg {
    Ffmpeg::locate(None).expect("ffmpeg is installed: apt-get install ffmpeg")
}

fn tools() -> Tools {
    Tools::new(ffmpeg(), Launcher::Direct).unwrap()
}

/// A clip with a key frame every second.
fn clip(seconds: u32) -> PathBuf {
    clip::file(ClipSpec {
        seconds,
        ..ClipSpec::default()
    })
}

fn rung(name: &str, width: u32, height: u32) -> Profile {
    Profile {
        name: name.into(),
        width,
        height,
        bitrate: 300_000,
        fps: 0,
        fps_den: 0,
        format: Container::MpegTs,
        codec: VideoCodec::H264,
        codec_profile: CodecProfile::Default,
        gop: Gop::Default,
        quality: 0,
    }
}

fn config(input: &Path, orchestrator: &str, ladder: Vec<Profile>) -> PushConfig {
    let url: Url = orchestrator.parse().unwrap();
    PushConfig::new(input.to_owned(), Discovery::list([url]), ladder, ffmpeg())
}

/// Why the only orchestrator gave no session.
fn refusal(error: &PushError) -> &OrchestratorError {
    match error {
        PushError::Nobody(nobody) if nobody.refusals.len() == 1 => &nobody.refusals[0].1,
        other => panic!("{other}"),
    }
}

/// Pushes and collects what was told on the way.
async fn pushed(config: PushConfig) -> (Result<PushReport, PushError>, Vec<PushEvent>) {
    let (progress, mut events) = mpsc::channel(10_000);
    let report = push(config, progress, CancellationToken::new()).await;
    let mut told = Vec::new();
    while let Ok(event) = events.try_recv() {
        told.push(event);
    }
    (report, told)
}
