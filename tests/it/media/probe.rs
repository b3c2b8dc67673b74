//! What devices can do, by trial: on this machine's CPU, and on GPUs that are not there.

use std::{fs, path::Path, process::Command};

use engine::{
    media::{
        ffmpeg::Ffmpeg,
        probe::{Prober, capabilities},
        target::Target,
    },
    process::Launcher,
    view::probe::{ProbeReport, Trial, Verdict},
    wire::capability::Capability,
};
use testbed::StubDriver;

use super::{FFMPEG, FFMPEG_7, every_ffmpeg};

async fn probe(ffmpeg: &Ffmpeg, devices: &[Target]) -> ProbeReport {
    probe_only(ffmpeg, devices, &Trial::ALL).await
}

async fn probe_only(ffmpeg: &Ffmpeg, devices: &[Target], trials: &[Trial]) -> ProbeReport {
    let work = tempfile::tempdir().unwrap();
    let prober = Prober::new(ffmpeg.clone(), Launcher::Direct, work.path().into()).unwrap();
    let report = prober.probe_only(devices, trials).await;
    assert_eq!(fs::read_dir(work.path()).unwrap().count(), 0, "nothing stays");
    assert_eq!(report.ffmpeg, ffmpeg.version());
    report
}

fn verdicts(report: &ProbeReport, device: usize) -> Vec<Verdict> {
    report.devices[device]
        .trials
        .iter()
        .map(|result| result.verdict)
        .collect()
}

/// The verdict on H.264 and what it rests on; nothing else was tried.
fn hopeless(report: &ProbeReport) -> (Verdict, String) {
    let first = report.devices[0].result(Trial::H264).unwrap();
    assert!(
        verdicts(report, 0)[1..]
            .iter()
            .all(|verdict| *verdict == Verdict::NotTried),
        "{report:?}"
    );
    (first.verdict, first.reason.clone().unwrap())
}

#[tokio::test]
async fn a_cpu_can_do_everything() {
    for ffmpeg in every_ffmpeg() {
        let report = probe(ffmpeg, &[Target::Cpu]).await;
        assert_eq!(verdicts(&report, 0), [Verdict::Works; 8], "{report:?}");
        let device = &report.devices[0];
        assert_eq!(device.device, "cpu");
        assert_eq!(device.result(Trial::H264).unwrap().renditions, 4);
        assert!(
            device
                .trials
                .iter()
                .all(|result| result.decoded_on_cpu && result.milliseconds > 0)
        );
        let ids: Vec<_> = capabilities(&report)
            .iter()
            .map(|capability| capability.id())
            .collect();
        assert_eq!(ids[13..], [14, 15, 16, 21, 22, 23, 24, 25, 26]);
    }
}

#[tokio::test]
async fn a_gpu_without_a_driver() {
    let report = probe(&FFMPEG, &[Target::Nvidia(0)]).await;
    assert_eq!(
        hopeless(&report),
        (Verdict::Driver, "Cannot load libcuda.so.1".into())
    );
    assert!(!capabilities(&report).contains(engine::wire::capability::Capability::H264));
}

#[tokio::test]
async fn an_ffmpeg_without_the_encoder() {
    let report = probe(&FFMPEG_7, &[Target::Nvidia(0)]).await;
    assert_eq!(verdicts(&report, 0), [Verdict::Build; 8]);
}

#[tokio::test]
async fn a_gpu_that_is_not_there_beside_one_that_is() {
    let driver = StubDriver::new(1);
    let ffmpeg = Ffmpeg::locate(Some(&driver.ffmpeg())).unwrap();
    let report = probe(&ffmpeg, &[Target::Nvidia(0), Target::Nvidia(1)]).await;
    let mut expected = [Verdict::Works; 8];
    expected[1] = Verdict::Unsupported;
    assert_eq!(verdicts(&report, 0), expected, "{report:?}");
    let on_cpu: Vec<_> = report.devices[0]
        .trials
        .iter()
        .map(|result| result.decoded_on_cpu)
        .collect();
    assert_eq!(on_cpu, [false, false, false, true, true, true, true, true]);
    assert_eq!(report.devices[1].trials[0].verdict, Verdict::NoDevice);
    assert!(
        report.devices[1].trials[0]
            .reason
            .as_ref()
            .unwrap()
            .contains("invalid device ordinal")
    );
    // One device cannot make HEVC, so the node does not say it can.
    let ids: Vec<_> = capabilities(&report)
        .iter()
        .map(|capability| capability.id())
        .collect();
    assert_eq!(ids[13..], [14, 15, 21, 22, 23, 24, 25, 26]);
}

#[tokio::test]
async fn a_limit_of_sessions_is_counted() {
    let driver = StubDriver::new(1);
    let ffmpeg = Ffmpeg::locate(Some(&driver.ffmpeg())).unwrap();
    for (sessions, verdict) in [
        (4, Verdict::Works),
        (3, Verdict::SessionLimit),
        (0, Verdict::SessionLimit),
    ] {
        driver.set_sessions(sessions);
        let report = probe_only(&ffmpeg, &[Target::Nvidia(0)], &[Trial::H264]).await;
        let h264 = report.devices[0].result(Trial::H264).unwrap();
        assert_eq!((h264.verdict, h264.renditions), (verdict, sessions), "{h264:?}");
        let told = h264
            .reason
            .as_deref()
            .unwrap_or_default()
            .starts_with("OpenEncodeSessionEx failed");
        assert_eq!(told, verdict == Verdict::SessionLimit);
        // Small ladders fit.
        assert_eq!(capabilities(&report).contains(Capability::H264), sessions > 0);
    }
}

#[tokio::test]
async fn a_device_that_goes_away_meanwhile() {
    let driver = StubDriver::new(1);
    driver.fail_after(5);
    let ffmpeg = Ffmpeg::locate(Some(&driver.ffmpeg())).unwrap();
    let report = probe_only(&ffmpeg, &[Target::Nvidia(0)], &[Trial::H264]).await;
    let h264 = report.devices[0].result(Trial::H264).unwrap();
    assert_eq!(h264.verdict, Verdict::Failed);
    assert!(
        h264.reason.as_ref().unwrap().contains("invalid device"),
        "{h264:?}"
    );
}

#[tokio::test]
async fn an_ffmpeg_that_crashes() {
    let folder = tempfile::tempdir().unwrap();
    let script =
        "case $* in *-version|*-encoders|*lavfi*) exec ffmpeg \\\"\\$@\\\";; *) kill -SEGV \\$\\$;; esac";
    let program = folder.path().join("ffmpeg");
    let write = format!(
        "printf '#!/bin/sh\\n%s\\n' \"{}\" > {1} && chmod 755 {1}",
        script.replace("$*", "\\$*"),
        program.display()
    );
    assert!(
        Command::new("sh")
            .args(["-c", &write])
            .status()
            .unwrap()
            .success()
    );
    let report = probe(
        &Ffmpeg::locate(Some(Path::new(&program))).unwrap(),
        &[Target::Cpu],
    )
    .await;
    assert_eq!(
        hopeless(&report),
        (Verdict::Crash, "ffmpeg was ended by signal 11".into())
    );
}
