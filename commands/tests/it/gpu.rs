//! `lpctl gpu`: on a machine with GPUs, with none, and beside a node.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use engine::view::{
    gpu::GpuList,
    node::{Device, DeviceState, WorkTotals},
};
use serde_json::{Value, json};
use testbed::{
    StubDriver,
    clip::{ClipSpec, file},
    gpu::{Rig, readings},
};

use crate::{
    environment::{Environment, Outcome},
    proxy::{Answer, Proxy},
    run::Node,
};

/// A home in which no node answers.
fn home() -> Environment {
    let environment = Environment::new();
    environment.write_config("[defaults]\nnode_url = \"http://127.0.0.1:9\"\n");
    environment
}

fn on_rig(rig: &Rig, arguments: &[&str]) -> Outcome {
    let environment = home();
    let mut command = environment.command(arguments);
    command.env("LPCTL_NVML", rig.library()).stdin(Stdio::null());
    command.output().unwrap().into()
}

/// The CPU's line differs from machine to machine.
fn without_cpu(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("cpu "));
    // Columns are as wide as the longest entry, which may be the CPU's name.
    let squeezed = lines.map(|line| {
        line.split("  ")
            .filter(|cell| !cell.is_empty())
            .collect::<Vec<_>>()
    });
    squeezed
        .map(|cells| {
            cells
                .iter()
                .map(|cell| cell.trim())
                .collect::<Vec<_>>()
                .join(" | ")
        })
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn four_gpus_are_listed() {
    let rig = Rig::new(&readings(4));
    let shown = on_rig(&rig, &["gpu", "list"]).expect_code(0);
    insta::assert_snapshot!("gpu_list", without_cpu(&shown.stdout));
    assert!(
        shown
            .stdout
            .lines()
            .any(|line| line.trim_start().starts_with("cpu ")),
        "{shown:?}"
    );
    let list: GpuList =
        serde_json::from_value(on_rig(&rig, &["gpu", "list", "--json"]).expect_code(0).data()).unwrap();
    let ids: Vec<&str> = list.devices.iter().map(|device| device.id.as_str()).collect();
    assert_eq!(ids, ["gpu0", "gpu1", "gpu2", "gpu3", "cpu"]);
    assert_eq!(
        (list.node, list.driver.as_deref(), list.driver_problem),
        (None, Some("570.86.10"), None)
    );
    assert_eq!(list.devices[3].encoder_percent, Some(61));
    assert_eq!(
        list.devices[2].uuid.as_deref(),
        Some("GPU-4f0f21ca-0000-4000-8000-000000000000")
    );
}

#[test]
fn without_a_driver_the_cpu_is_listed_and_the_reason_said() {
    let environment = home();
    let shown = environment
        .lpctl(&["gpu", "list", "--nvml", "/nowhere/libnvidia-ml.so.1"])
        .expect_code(0);
    assert_eq!(
        shown.stdout.lines().last(),
        Some(
            "no NVIDIA driver on this machine: /nowhere/libnvidia-ml.so.1: there is no such file; work runs on the CPU"
        )
    );
    assert!(
        shown
            .stdout
            .lines()
            .any(|line| line.trim_start().starts_with("cpu ")),
        "{shown:?}"
    );
    let data = environment
        .lpctl(&["gpu", "list", "--nvml", "/nowhere/x", "--json"])
        .expect_code(0)
        .data();
    assert_eq!(data["driver_problem"], "/nowhere/x: there is no such file");
    assert_eq!(data["devices"].as_array().unwrap().len(), 1);
    let empty = Rig::new("count 0\n");
    let shown = on_rig(&empty, &["gpu", "list"]).expect_code(0);
    assert!(
        shown
            .stdout
            .ends_with("the NVIDIA driver finds no GPU; work runs on the CPU\n"),
        "{shown:?}"
    );
}

#[test]
fn watching_repeats_as_often_as_asked() {
    let rig = Rig::new(&readings(2));
    let shown = on_rig(
        &rig,
        &["gpu", "watch", "--json", "--interval", "0.1", "--count", "3"],
    )
    .expect_code(0);
    let lines: Vec<GpuList> = shown
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[0].time < lines[1].time && lines[1].time < lines[2].time);
    assert_eq!(lines[2].devices.len(), 3);
    assert!(lines[2].devices[2].load_percent.is_some());
    let shown = on_rig(&rig, &["gpu", "watch", "--interval", "0.1", "--count", "2"]).expect_code(0);
    assert!(
        !shown.stdout.contains('\u{1b}'),
        "no terminal, no escapes: {shown:?}"
    );
    assert_eq!(shown.stdout.matches("gpu1").count(), 2);
    let refused = on_rig(&rig, &["gpu", "watch", "--interval", "0", "--json"]).expect_code(2);
    assert_eq!(refused.error()["code"], "usage");
}

/// On a terminal the second picture is drawn over the first.
#[test]
fn watching_on_a_terminal_draws_in_place() {
    let rig = Rig::new(&readings(1));
    let environment = home();
    let mut command = environment.command(&["gpu", "watch", "--interval", "0.1", "--count", "2"]);
    command.env("LPCTL_NVML", rig.library()).env("TERM", "xterm");
    let mut session = rexpect::session::spawn_command(command, Some(30_000)).unwrap();
    let text = session.exp_eof().unwrap();
    let (first, second) = text.split_once("\u{1b}[J").expect("drawn anew");
    assert!(first.contains("gpu0") && second.contains("gpu0"), "{text:?}");
    assert_eq!(text.matches("A\r\u{1b}[J").count(), 1, "{text:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_asked_first_as_it_knows_more() {
    let devices = vec![
        Device {
            id: "cpu".into(),
            name: "Some CPU".into(),
            ..Device::default()
        },
        Device {
            id: "gpu0".into(),
            name: "Evil\u{1b}[2J".into(),
            uuid: Some("GPU-11111111-2222".into()),
            driver: Some("570.1".into()),
            sessions: 3,
            ..Device::default()
        },
        Device {
            id: "gpu1".into(),
            name: "L4".into(),
            state: DeviceState::Resting,
            state_reason: Some("Xid 79".into()),
            trips: 2,
            xids: [(79, 2)].into(),
            ..Device::default()
        },
    ];
    let now = jiff::Timestamp::now();
    let status = json!({
        "time": now, "version": "0.1.0", "started": now, "service_uri": "https://a.example:8935", "address": null,
        "network": "offchain", "draining": false, "max_sessions": 10, "sessions": [], "work": WorkTotals::default(),
        "devices": devices, "chain": null, "notices": [],
    });
    let proxy = Proxy::start(Answer::Always(200, status.to_string())).await;
    let environment = Environment::new();
    environment.write_config(&format!("[defaults]\nnode_url = \"{}\"\n", proxy.url()));
    let shown = environment.lpctl(&["gpu", "list"]).expect_code(0);
    let text = without_cpu(&shown.stdout).replace(proxy.url().trim_end_matches('/'), "[node]");
    insta::assert_snapshot!("gpu_list_of_a_node", text);
    // A node that was named and does not answer is not replaced by this machine's driver.
    let refused = environment
        .lpctl(&["gpu", "list", "--node", "http://127.0.0.1:9", "--json"])
        .expect_code(7);
    assert_eq!(refused.error()["code"], "node_unreachable");
}

#[test]
fn a_device_is_tested_for_real() {
    let environment = home();
    let tested = environment
        .lpctl(&["gpu", "test", "--device", "cpu", "--nvml", "/nowhere/x", "--json"])
        .expect_code(0)
        .data();
    let device = &tested["devices"][0];
    assert_eq!(
        (&device["device"], &device["usable"]),
        (&Value::from("cpu"), &Value::from(true))
    );
    assert_eq!(device["trials"][0]["verdict"], "works");
    // The library tells of a GPU that ffmpeg cannot use: no CUDA driver stands behind it.
    let rig = Rig::new(&readings(1));
    let failed = on_rig(&rig, &["gpu", "test", "--device", "GPU-4f0f21c8"]).expect_code(1);
    assert!(
        failed.stdout.contains("cannot transcode") && failed.stdout.contains("driver"),
        "{failed:?}"
    );
    assert!(
        failed.stderr.contains("error: gpu0 cannot transcode"),
        "{failed:?}"
    );
    let unknown = on_rig(&rig, &["gpu", "test", "--device", "gpu7", "--json"]).expect_code(3);
    assert_eq!(unknown.error()["code"], "no_such_device");
    assert_eq!(
        unknown.error()["message"],
        "there is no device \"gpu7\", only gpu0, cpu"
    );
}

#[test]
fn device_ids_complete() {
    let rig = Rig::new(&readings(2));
    let environment = home();
    let mut command = environment.command(&["--", "lpctl", "gpu", "test", "--device", "g"]);
    command
        .env("COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", "4")
        .env("_CLAP_COMPLETE_COMP_TYPE", "9")
        .env("_CLAP_COMPLETE_SPACE", "true")
        .env("_CLAP_IFS", "\n")
        .env("LPCTL_NVML", rig.library());
    let outcome = Outcome::from(command.output().unwrap()).expect_code(0);
    let mut offered: Vec<&str> = outcome.stdout.lines().collect();
    offered.sort_unstable();
    assert_eq!(offered, ["gpu0", "gpu1"], "{outcome:?}");
}

/// Two GPUs for the management library, and a driver behind which the real ffmpeg works on them. No fence: this driver
/// reads how many GPUs there are from a file beside it, which no real one does.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_works_on_gpus_and_moves_a_session_when_one_dies() {
    let rig = Rig::new(&readings(2));
    let driver = StubDriver::new(2);
    let environment = home();
    let mut command = environment.command(&[
        "run",
        "--json",
        "--bind",
        "127.0.0.1:0",
        "--operator-addr",
        "127.0.0.1:0",
        "--fallback",
        "never",
        "--fence",
        "off",
    ]);
    command
        .env("LPCTL_NVML", rig.library())
        .env("LD_LIBRARY_PATH", driver.folder());
    let node = Node::spawn(command);
    let clip = file(ClipSpec {
        audio: false,
        ..ClipSpec::default()
    });
    let stream = [
        "gateway",
        "push",
        &clip.display().to_string(),
        "--orch",
        node.service_uri(),
        "--ladder",
        "P144p30fps16x9",
        "--repeat",
        "40",
        "--concurrency",
        "1",
        "--attempts",
        "1",
        "--no-verify",
    ];
    let mut stream = environment
        .command(&stream)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let operator = node.operator_url();
    let list_until = |holds: &dyn Fn(&GpuList) -> bool| -> GpuList {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let listed = environment.lpctl(&["gpu", "list", "--node", &operator, "--json"]);
            let list = serde_json::from_value(listed.expect_code(0).data()).unwrap();
            if holds(&list) {
                return list;
            }
            assert!(Instant::now() < end, "it did not come: {list:#?}");
        }
    };
    let on_gpu = |list: &GpuList| {
        list.sessions
            .first()
            .is_some_and(|session| session.device.starts_with("gpu"))
    };
    let before = list_until(&on_gpu);
    assert_eq!(before.driver.as_deref(), Some("570.86.10"));
    let first = before.sessions[0].device.clone();
    let index = first.trim_start_matches("gpu");
    rig.set(&format!("{index}.xid 79\n{}", readings(2)));
    let the_first = |list: &GpuList| -> Device {
        let device = list.devices.iter().find(|device| device.id == first);
        device.unwrap().clone()
    };
    let after = list_until(&|list| the_first(list).sessions_moved == 1);
    let rested = the_first(&after);
    assert_eq!(
        (rested.state, rested.state_reason.as_deref(), rested.trips),
        (DeviceState::Resting, Some("Xid 79"), 1)
    );
    // Each segment was sent once, and each came back.
    assert_eq!(stream.wait().unwrap().code(), Some(0));
    let work = node.status().await.work;
    assert_eq!((work.segments_done, work.segments_failed), (40, 0));
}

#[test]
fn a_node_is_honest_about_the_gpus_it_is_told_to_use() {
    let environment = home();
    let run = |rig: &Rig, arguments: &[&str]| -> Outcome {
        let mut command = environment.command(
            &[
                &[
                    "run",
                    "--json",
                    "--bind",
                    "127.0.0.1:0",
                    "--operator-addr",
                    "127.0.0.1:0",
                ],
                arguments,
            ]
            .concat(),
        );
        command.env("LPCTL_NVML", rig.library());
        command.output().unwrap().into()
    };
    let rig = Rig::new(&readings(1));
    let missing = run(&rig, &["--gpus", "0,3"]).expect_code(3);
    assert_eq!(missing.error()["code"], "no_such_gpu");
    assert_eq!(
        missing.error()["message"],
        "--gpus names gpu3, which is not there; there are gpu0"
    );
    // The library tells of a GPU, and no CUDA driver stands behind it.
    let broken = run(&rig, &["--fallback", "never"]).expect_code(1);
    assert_eq!(broken.error()["code"], "no_gpu_works");
    assert!(
        broken.stderr.contains("gpu0 is not used, it cannot transcode"),
        "{broken:?}"
    );
    let bad = run(&rig, &["--gpus", "first"]).expect_code(2);
    assert_eq!(bad.error()["code"], "usage");
}
