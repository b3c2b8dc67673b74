//! Statuses for tests, with every field thought of.

use engine::{
    config::LogLevel,
    units::{Lpt, Percent, Round, Wei},
    view::{
        go_node::{GoNode, GoRole},
        node::{
            Closing, Device, EffortView, EngineView, FailureCounts, Latency, NodeChain, NodeMode, NodeStatus,
            Notice, RedeemView, RemoteTranscoder, RemoteView, RenditionView, RewardAlert, RewardCall,
            RewardFailure, RewardView, RewardWait, Rung, SegmentTiming, StreamSession, WarmView, WorkTotals,
        },
        payments::PaymentsView,
        ticket::{TicketFacts, TicketStatus, TicketWait, TicketWindow},
    },
};
use jiff::{SignedDuration, Timestamp};

use crate::feed::{GoFacts, LogBook, LogLine, TicketBook};

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
        payments: Some(payments()),
        api_version: engine::view::node::API_VERSION,
        reward: Some(reward()),
        redeem: Some(redeem()),
    }
}

/// A guardian that has called this round's reward.
pub fn reward() -> RewardView {
    let account = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8".parse().unwrap();
    let mut view = RewardView::new(account, account);
    view.since = ago(7_970);
    view.round = Some(Round(3_412));
    view.waiting = Some(RewardWait {
        code: "called".to_string(),
        message: "this round's reward is called".to_string(),
    });
    view.called = 1;
    view.last_call = Some(RewardCall {
        round: Round(3_412),
        transaction: format!("0x{}", "5e".repeat(32)).parse().unwrap(),
        block: 18_990_077,
        amount_lpt: Some("12.41".parse().unwrap()),
        cost_wei: Wei::gwei(26_000),
        time: ago(5_400),
    });
    view
}

/// A guardian that cannot call it.
fn late_reward() -> RewardView {
    RewardView {
        waiting: Some(RewardWait {
            code: "gas_price".to_string(),
            message: "gas costs 0.9 gwei, 0.2 gwei may be paid now\x1b[2J".to_string(),
        }),
        called: 0,
        last_call: None,
        last_failure: Some(RewardFailure {
            round: Round(3_412),
            code: "reverted".to_string(),
            message: "the call would revert: current round is not initialized".to_string(),
            time: ago(240),
        }),
        alerts: vec![RewardAlert {
            code: "reward_late".to_string(),
            message: "reward of round 3412 is late".to_string(),
            since: ago(900),
            round: Some(Round(3_412)),
        }],
        ..reward()
    }
}

/// Two tickets wait, one is under way.
pub fn redeem() -> RedeemView {
    RedeemView {
        time: Some(ago(12)),
        l1_block: Some(20_008_620),
        gas_price_wei: Some(Wei::gwei(2)),
        pending: 3,
        in_flight: 1,
        value_wei: "0.024eth".parse().unwrap(),
        reasons: [("gas_dear".to_string(), 1)].into(),
        closing: Some(Closing {
            ticket: format!("0x{}", "02".repeat(32)).parse().unwrap(),
            face_value_wei: "0.012eth".parse().unwrap(),
            closes_block: 20_014_420,
            blocks_left: 2_900,
        }),
        redeemed: 14,
        paid_wei: "0.168eth".parse().unwrap(),
        cost_wei: Wei::gwei(434_000),
        trouble: None,
    }
}

/// What it earns.
pub fn payments() -> PaymentsView {
    PaymentsView {
        price: "1200wei".to_string(),
        price_wei_per_pixel: Some("1200".to_string()),
        ticket_ev_wei: Wei::gwei(1_000),
        accounts: 3,
        gateways: 2,
        tickets: 41_204,
        credited_wei: "0.2104eth".parse().unwrap(),
        charged_wei: "0.2098eth".parse().unwrap(),
        winners_pending: 3,
        winners_pending_wei: "0.036eth".parse().unwrap(),
        winners_redeemed: 14,
        winners_redeemed_wei: "0.168eth".parse().unwrap(),
        ..PaymentsView::default()
    }
}

/// Three tickets that wait, one that was paid, one that is lost.
pub fn tickets() -> TicketBook {
    let ticket = |byte: u8, status: TicketStatus| TicketFacts {
        hash: format!("0x{}", format!("{byte:02x}").repeat(32)).parse().unwrap(),
        sender: "0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045".parse().unwrap(),
        recipient: "0x70997970C51812dc3A010C7d01b50e0d17dc79C8".parse().unwrap(),
        face_value_wei: "0.012eth".parse().unwrap(),
        creation_round: Round(3_411),
        won_at: ago(3_600 * i64::from(byte)),
        status,
        attempts: 0,
        last_failure: None,
        wait: None,
        window: None,
        break_even_gas_price_wei: Wei::gwei(34),
        transaction: None,
        block: None,
        paid_wei: None,
        cost_wei: None,
        settled_at: None,
        note: None,
    };
    let window = |left: u64| TicketWindow {
        opens_block: 20_000_000,
        last_call_block: 20_010_000,
        closes_block: 20_011_520 + left,
        blocks_left: left,
        seconds_left: Some(left * 12),
        closes_at: Some(now() + SignedDuration::from_secs(i64::try_from(left * 12).unwrap())),
    };
    let mut ready = ticket(2, TicketStatus::Waiting);
    ready.window = Some(window(2_900));
    ready.wait = Some(TicketWait {
        code: "ready".to_string(),
        message: "goes with the next transaction".to_string(),
        until_block: None,
    });
    let mut dear = ticket(1, TicketStatus::Waiting);
    dear.window = Some(window(7_400));
    dear.wait = Some(TicketWait {
        code: "gas_dear".to_string(),
        message: "gas costs more than 8 % of it".to_string(),
        until_block: None,
    });
    let mut flying = ticket(3, TicketStatus::InFlight);
    flying.window = Some(window(1_100));
    flying.transaction = Some(format!("0x{}", "4f".repeat(32)).parse().unwrap());
    let mut paid = ticket(9, TicketStatus::Redeemed);
    paid.paid_wei = Some("0.012eth".parse().unwrap());
    paid.cost_wei = Some(Wei::gwei(31_000));
    paid.settled_at = Some(ago(4_000));
    let mut lost = ticket(30, TicketStatus::Lost);
    lost.note = Some("its window closed while the endpoint was away\x1b[2J".to_string());
    TicketBook::new(vec![paid, dear, ready, flying, lost], true)
}

/// A log with every level in it.
pub fn log() -> LogBook {
    let line = |position: i64, level: LogLevel, message: &str, fields: &[(&str, &str)]| LogLine {
        position: position.to_string(),
        time: ago(60 - position),
        level,
        target: "engine::node::segment".to_string(),
        message: message.to_string(),
        fields: fields
            .iter()
            .map(|(name, value)| ((*name).to_string(), (*value).to_string()))
            .collect(),
    };
    let mut lines: Vec<LogLine> = (0..40)
        .map(|position| {
            let seq = position.to_string();
            line(
                position,
                LogLevel::Info,
                "a segment was transcoded",
                &[("session", "9f3c21ab"), ("seq", &seq)],
            )
        })
        .collect();
    lines.push(line(41, LogLevel::Debug, "the warm pool has 3 ready", &[]));
    lines.push(line(
        42,
        LogLevel::Warn,
        "session 77aa90c3 sends no video \x1b[31m\u{202e}red",
        &[("manifest", "harbour cam 🎬")],
    ));
    lines.push(line(
        43,
        LogLevel::Error,
        "gpu1 fell off the bus",
        &[("xid", "79")],
    ));
    LogBook {
        lines,
        missed: 0,
        level: Some(LogLevel::Debug),
    }
}

/// An orchestrator whose transcoders are elsewhere.
pub fn pool() -> NodeStatus {
    let member = |address: &str, load: u32, failed: u64| RemoteTranscoder {
        address: address.to_string(),
        version: "0.1.0".to_string(),
        since: ago(4_000 + i64::from(load)),
        capacity: 10,
        load,
        running: load / 2,
        tasks_done: 4_210,
        tasks_failed: failed,
        last_error: (failed > 0).then(|| "no space left on device\x07".to_string()),
    };
    let mut status = busy();
    status.mode = NodeMode::Orchestrator;
    status.devices.clear();
    status.transcoders = vec![
        member("10.0.0.7:41822", 2, 0),
        member("t-fra2.example.org:53012", 9, 3),
        member("10.0.0.9:40100", 0, 0),
    ];
    status.sessions[0].device = "t-fra2.example.org:53012".to_string();
    status
}

/// A transcoder of an orchestrator elsewhere.
pub fn lent() -> NodeStatus {
    let mut status = idle();
    status.mode = NodeMode::Transcoder;
    status.remote = Some(RemoteView {
        orchestrator: "o1.example.org:8935".to_string(),
        registered_since: Some(ago(900)),
        registrations: 2,
        registrations_failed: 5,
        tasks_running: 3,
        tasks_done: 1_902,
        tasks_failed: 4,
        results_lost: 1,
        last_error: Some("the orchestrator closed the connection".to_string()),
    });
    status
}

/// What a go-livepeer orchestrator tells, with metrics, and its translation.
pub fn go() -> (NodeStatus, GoFacts) {
    let mut status = busy();
    (status.sessions, status.devices, status.chain) = (Vec::new(), Vec::new(), None);
    (status.reward, status.redeem, status.api_version) = (None, None, 0);
    status.engine = EngineView::default();
    status.work = WorkTotals {
        segments_done: status.work.segments_done,
        segments_failed: status.work.segments_failed,
        pixels: status.work.pixels,
        ..WorkTotals::default()
    };
    status.payments = Some(PaymentsView {
        price: "1200".to_string(),
        tickets: 41_204,
        credited_wei: payments().credited_wei,
        winners_redeemed_wei: payments().winners_redeemed_wei,
        ..PaymentsView::default()
    });
    status.transcoders = vec![RemoteTranscoder {
        address: "10.0.0.7:41822".to_string(),
        version: String::new(),
        since: ago(0),
        capacity: 12,
        load: 0,
        running: 0,
        tasks_done: 0,
        tasks_failed: 0,
        last_error: None,
    }];
    let node = GoNode {
        role: GoRole::Orchestrator,
        version: "0.8.10".to_string(),
        go_version: "go1.25".to_string(),
        platform: "linux/amd64".to_string(),
        chain_id: Some(42_161),
        account: status.address,
        balance_wei: Some("0.021eth".parse().unwrap()),
        balance_lpt_base_units: None,
        round: Some(3_412),
        block: Some(18_993_201),
        max_gas_price_wei: Some(Wei::gwei(2)),
        min_gas_price_wei: Some(Wei::ZERO),
        log_level: Some(3),
        prices_wei_per_pixel: [("default".to_string(), "1200".parse().unwrap())].into(),
        transcodes_itself: Some(false),
        transcoders: Vec::new(),
        streams: Default::default(),
        orchestrators: Vec::new(),
        orchestrator: None,
        broadcast: None,
        sender: None,
    };
    let facts = GoFacts {
        node,
        has_metrics: true,
        sessions: Some(14),
    };
    (status, facts)
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
        renditions: rungs
            .iter()
            .map(|height| RenditionView {
                name: format!("{height}p"),
                width: height * 16 / 9,
                height: *height,
                segments: 376,
                pixels: 21_400_000_000 / 4,
                bytes: u64::from(*height) * 320_000,
                last_bytes: u64::from(*height) * 860,
                bitrate: u64::from(*height) * 3_440,
                latency_ms: total - 40 + height / 20,
                real_time_permille: Some(2_000_000 / u64::from(total)),
            })
            .collect(),
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
    status.reward = Some(late_reward());
    if let Some(redeem) = &mut status.redeem {
        redeem.trouble = Some("no endpoint answers\x1b[2J".to_string());
        redeem.reasons = [
            ("gas_dear".to_string(), 1),
            ("sender_short".to_string(), 2),
            ("from_a_newer_node".to_string(), 1),
        ]
        .into();
    }
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
        payments: None,
        reward: None,
        redeem: None,
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
            if let Some(payments) = &mut status.payments {
                let less = Wei::gwei(11_000 * (u64::from(second) + extra));
                payments.credited_wei = payments.credited_wei.saturating_sub(less);
            }
            status.work.latency = Some(Latency {
                p50_ms: 480 + wave(90, 132),
                p90_ms: 700 + wave(90, 230),
                p99_ms: 900 + wave(70, 549),
            });
            status.work.real_time_permille = Some(2_400 + u64::from(wave(110, 720)));
            for device in &mut status.devices {
                device.load_percent = Some(20 + wave(80, 60));
                device.encoder_percent = device.encoder_percent.map(|_| 15 + wave(60, 75));
                device.temperature_celsius = device.temperature_celsius.map(|_| 55 + wave(120, 20));
            }
            if second == 0 { last.clone() } else { status }
        })
        .collect()
}
