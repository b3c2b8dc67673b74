//! Statuses for tests, with every field thought of.

use engine::{
    units::{Lpt, Percent, Round, Wei},
    view::node::{
        Device, EffortView, EngineView, FailureCounts, Latency, NodeChain, NodeStatus, Notice, Rung,
        SegmentTiming, StreamSession, WarmView, WorkTotals,
    },
};
use jiff::{SignedDuration, Timestamp};

/// The moment everything is told from.
pub fn now() -> Timestamp {
    "2026-03-14T12:41:07Z".parse().unwrap()
}

fn ago(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

/// An orchestrator on chain, three streams, one CPU, nothing wrong.
pub fn busy() -> NodeStatus {
    NodeStatus {
        time: now(),
        version: "0.1.0".to_string(),
        started: ago(7_980),
        service_uri: "https://o1.example.org:8935".to_string(),
        address: Some("0x70997970C51812dc3A010C7d01b50e0d17dc79C8".parse().unwrap()),
        network: "arbitrum-one".to_string(),
        draining: false,
        max_sessions: 40,
        sessions: vec![
            session(
                "9f3c21ab",
                "breakfast-show",
                (1920, 1080),
                &[720, 480, 360, 240],
                910,
                "cpu",
            ),
            session("1b77e0d2", "5f0e1a77-live", (1280, 720), &[480, 360], 612, "cpu"),
            session(
                "77aa90c3",
                "harbour cam 🎬",
                (1920, 1080),
                &[720, 360],
                488,
                "cpu",
            ),
        ],
        work: WorkTotals {
            segments_done: 18_204,
            segments_failed: 2,
            renditions: 54_612,
            pixels: 912_400_000_000,
            bytes_in: 41_300_000_000,
            media_ms: 36_408_000,
            latency: Some(Latency {
                p50_ms: 612,
                p90_ms: 930,
                p99_ms: 1_449,
            }),
            real_time_permille: Some(3_120),
            sessions_refused: 0,
        },
        devices: vec![cpu()],
        transcoders: Vec::new(),
        engine: engine(),
        chain: Some(chain()),
        reach: Default::default(),
        notices: Vec::new(),
        mode: Default::default(),
        remote: None,
        api_version: engine::view::node::API_VERSION,
        reward: None,
        redeem: None,
        payments: None,
    }
}

pub fn cpu() -> Device {
    Device {
        id: "cpu".to_string(),
        name: "AMD EPYC 7B13".to_string(),
        load_percent: Some(48),
        memory_used: Some(3_120_000_000),
        memory_total: Some(8_000_000_000),
        sessions: 3,
        processes: 5,
        ..Device::default()
    }
}

pub fn gpu(index: u32) -> Device {
    Device {
        id: format!("gpu{index}"),
        name: "NVIDIA GeForce RTX 4090".to_string(),
        load_percent: Some(31),
        encoder_percent: Some(92 - index * 44),
        decoder_percent: Some(21),
        memory_used: Some(7_130_000_000),
        memory_total: Some(24_000_000_000),
        temperature_celsius: Some(71),
        power_watts: Some(212),
        sessions: 7,
        processes: 9,
        ..Device::default()
    }
}

pub fn session(
    id: &str,
    name: &str,
    size: (u32, u32),
    rungs: &[u32],
    total: u32,
    device: &str,
) -> StreamSession {
    StreamSession {
        id: id.to_string(),
        manifest_id: name.to_string(),
        gateway: Some("0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045".parse().unwrap()),
        started: ago(754),
        last_active: ago(1),
        source: Some(format!("{}x{}", size.0, size.1)),
        rungs: rungs
            .iter()
            .map(|height| Rung {
                name: format!("{height}p"),
                width: height * 16 / 9,
                height: *height,
                fps: if *height == 720 { 0 } else { 30 },
                bitrate: height * 3_500,
            })
            .collect(),
        segments_done: 376,
        segments_failed: 0,
        segments_in_flight: 1,
        pixels: 21_400_000_000,
        recent: (0..16u32)
            .map(|index| SegmentTiming {
                seq: 361 + u64::from(index),
                duration_ms: 2_000,
                upload_ms: total / 12 + index,
                wait_ms: if index % 5 == 4 { total / 6 } else { 0 },
                transcode_ms: total * 9 / 12 + index % 3 * 7,
                total_ms: total + index % 5 * 11,
                ok: true,
            })
            .collect(),
        device: device.to_string(),
        last_error: None,
        renditions: Vec::new(),
    }
}

/// An engine that keeps up.
pub fn engine() -> EngineView {
    EngineView {
        ffmpeg: "7.0.2-static".to_string(),
        running: 2,
        waiting: 0,
        warm: WarmView {
            ready: 3,
            bound: 8,
            hits: 17_840,
            misses: 366,
            wasted: 41,
        },
        speculative_discarded: 5,
        segments_shed: 0,
        failures: FailureCounts {
            input: 2,
            ..FailureCounts::default()
        },
        effort: Some(EffortView {
            preset: "veryfast".to_string(),
            automatic: true,
            cascaded: false,
            refusing: false,
            since: Some(ago(1_120)),
            real_time_permille: Some(2_140),
        }),
        fence: "full".to_string(),
    }
}

/// An engine that does not.
fn behind() -> EngineView {
    EngineView {
        waiting: 4,
        segments_shed: 12,
        failures: FailureCounts {
            input: 3,
            device: 2,
            resource: 1,
            ours: 0,
        },
        effort: Some(EffortView {
            preset: "ultrafast".to_string(),
            cascaded: true,
            refusing: true,
            since: Some(ago(25)),
            real_time_permille: Some(930),
            automatic: true,
        }),
        fence: "partial: no landlock on this kernel".to_string(),
        ..engine()
    }
}

pub fn chain() -> NodeChain {
    NodeChain {
        time: ago(12),
        block: 18_993_201,
        round: Round(3_412),
        round_initialized: true,
        round_locked: false,
        round_length: 5_760,
        round_elapsed: 3_514,
        active: true,
        registered: true,
        rank: Some(41),
        pool_size: 100,
        own_stake_lpt: "1204.5".parse::<Lpt>().unwrap(),
        total_stake_lpt: "20134.7".parse::<Lpt>().unwrap(),
        reward_cut_percent: "10".parse::<Percent>().unwrap(),
        fee_share_percent: "40".parse::<Percent>().unwrap(),
        reward_called: true,
        fees_wei: "0.1832eth".parse::<Wei>().unwrap(),
        eth_wei: "0.021eth".parse::<Wei>().unwrap(),
    }
}

/// Two GPUs, and things the operator should look at.
pub fn troubled() -> NodeStatus {
    let mut status = busy();
    status.devices = vec![gpu(0), gpu(1)];
    for (index, session) in status.sessions.iter_mut().enumerate() {
        session.device = format!("gpu{}", index % 2);
    }
    let failing = &mut status.sessions[2];
    failing.segments_failed = 3;
    failing.last_error = Some("the segment holds no video stream\x1b[31m".to_string());
    failing.recent.last_mut().unwrap().ok = false;
    status.sessions[1].last_active = ago(40);
    status.sessions[1].segments_in_flight = 0;
    if let Some(chain) = &mut status.chain {
        chain.reward_called = false;
        chain.round_locked = true;
    }
    status.work.sessions_refused = 1;
    status.engine = behind();
    status.notices = vec![
        Notice {
            since: ago(5_400),
            code: "reward_not_called".to_string(),
            message: "reward for round 3412 is not called yet: run `lpctl reward call`".to_string(),
            urgent: true,
        },
        Notice {
            since: ago(40),
            code: "session_failing".to_string(),
            message: "session 77aa90c3 fails every segment: its source has no video".to_string(),
            urgent: false,
        },
    ];
    status
}

/// Off-chain, nobody there yet.
pub fn idle() -> NodeStatus {
    NodeStatus {
        address: None,
        network: "offchain".to_string(),
        service_uri: "https://127.0.0.1:8935".to_string(),
        sessions: Vec::new(),
        work: WorkTotals::default(),
        engine: EngineView {
            running: 0,
            warm: WarmView::default(),
            speculative_discarded: 0,
            failures: FailureCounts::default(),
            effort: engine().effort.map(|effort| EffortView {
                real_time_permille: None,
                ..effort
            }),
            ..engine()
        },
        chain: None,
        started: ago(65),
        ..busy()
    }
}

/// Five minutes of a node at work, with a hole in it, up to `last`.
pub fn five_minutes(last: &NodeStatus) -> Vec<NodeStatus> {
    (0..300u32)
        .rev()
        .filter(|second| !(120..150).contains(second))
        .map(|second| {
            let mut status = last.clone();
            status.time = last.time - SignedDuration::from_secs(i64::from(second));
            let wave = |period: u32, height: u32| {
                let place = (300 - second) % period;
                height * place.min(period - place) * 2 / period
            };
            // Three a second, and up to two more on top.
            let extra: u64 = (0..second).map(|past| u64::from((300 - past) % 40 / 20)).sum();
            status.work.segments_done = last
                .work
                .segments_done
                .saturating_sub(u64::from(second) * 3 + extra);
            status.work.latency = Some(Latency {
                p50_ms: 480 + wave(90, 132),
                p90_ms: 700 + wave(90, 230),
                p99_ms: 900 + wave(70, 549),
            });
            status.work.real_time_permille = Some(2_400 + u64::from(wave(110, 720)));
            for device in &mut status.devices {
                device.load_percent = Some(20 + wave(80, 60));
                device.encoder_percent = device.encoder_percent.map(|_| 15 + wave(60, 75));
            }
            if second == 0 { last.clone() } else { status }
        })
        .collect()
}
