//! A status with everything in it, and what is told of it.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{Address, B256};
use jiff::Timestamp;

use super::*;
use crate::{
    metrics::{ALL, Kind, Role},
    node::{
        metrics::{Metrics, reason},
        work::Outcome,
    },
    units::{Lpt, Percent, Round, Wei},
    view::{
        node::{
            EffortView, Latency, NodeChain, NodeMode, Notice, RedeemView, RemoteTranscoder, RewardCall,
            RewardFailure, RewardView, SegmentTiming, WarmView, WorkTotals,
        },
        payments::PaymentsView,
        reach::{Probe, Reach},
    },
};

pub(in crate::node::metrics) fn chain() -> NodeChain {
    NodeChain {
        time: Timestamp::from_second(1_000_000).unwrap(),
        block: 1,
        round: Round(7),
        round_initialized: true,
        round_locked: false,
        round_length: 100,
        round_elapsed: 25,
        active: true,
        registered: true,
        rank: Some(3),
        pool_size: 100,
        own_stake_lpt: Lpt::whole(1),
        total_stake_lpt: Lpt::whole(5),
        reward_cut_percent: Percent::ZERO,
        fee_share_percent: Percent::ZERO,
        reward_called: false,
        fees_wei: Wei::gwei(9),
        eth_wei: Wei::ether(1),
    }
}

fn timing(duration_ms: u32, transcode_ms: u32) -> SegmentTiming {
    SegmentTiming {
        seq: 0,
        duration_ms,
        upload_ms: 1,
        wait_ms: 0,
        transcode_ms,
        total_ms: transcode_ms + 1,
        ok: true,
    }
}

fn session(number: u32) -> StreamSession {
    StreamSession {
        id: format!("{number:08x}"),
        manifest_id: format!("stream {number}"),
        gateway: None,
        started: Timestamp::UNIX_EPOCH,
        last_active: Timestamp::UNIX_EPOCH,
        source: None,
        rungs: Vec::new(),
        segments_done: 1,
        segments_failed: 0,
        segments_in_flight: 1,
        pixels: 1,
        recent: vec![timing(2000, 100 + number); 60],
        device: "gpu0".into(),
        last_error: None,
        renditions: Vec::new(),
    }
}

fn gpu() -> Device {
    Device {
        id: "gpu0".into(),
        name: "a GPU".into(),
        driver: Some("570".into()),
        load_percent: Some(50),
        encoder_percent: Some(60),
        decoder_percent: Some(70),
        encoder_sessions: Some(2),
        memory_used: Some(3),
        memory_total: Some(4),
        temperature_celsius: Some(60),
        temperature_limit_celsius: Some(83),
        power_watts: Some(100),
        power_limit_watts: Some(200),
        xids: BTreeMap::from([(79, 2)]),
        ..Device::default()
    }
}

/// A node that has all there is to tell.
pub(in crate::node::metrics) fn status() -> NodeStatus {
    NodeStatus {
        time: Timestamp::from_second(1_000_030).unwrap(),
        version: "1.2.3".into(),
        started: Timestamp::UNIX_EPOCH,
        service_uri: "https://one.example:8935".into(),
        address: Some(Address::repeat_byte(1)),
        network: "devnet".into(),
        draining: true,
        max_sessions: 300,
        sessions: (0..3).map(session).collect(),
        work: WorkTotals {
            segments_done: 5,
            segments_failed: 1,
            latency: Some(Latency {
                p50_ms: 500,
                p90_ms: 900,
                p99_ms: 990,
            }),
            real_time_permille: Some(2500),
            ..WorkTotals::default()
        },
        devices: vec![gpu()],
        transcoders: vec![RemoteTranscoder {
            address: "10.0.0.1:9".into(),
            version: String::new(),
            since: Timestamp::UNIX_EPOCH,
            capacity: 10,
            load: 4,
            running: 2,
            tasks_done: 0,
            tasks_failed: 0,
            last_error: None,
        }],
        engine: EngineView {
            ffmpeg: "7.1".into(),
            warm: WarmView {
                hits: 3,
                ..WarmView::default()
            },
            effort: Some(EffortView {
                preset: "veryfast".into(),
                automatic: true,
                cascaded: false,
                refusing: false,
                since: None,
                real_time_permille: None,
            }),
            fence: "partial: no landlock".into(),
            ..EngineView::default()
        },
        chain: Some(chain()),
        payments: Some(PaymentsView {
            price_wei_per_pixel: Some("7/2".into()),
            max_gas_price_wei: Some(Wei::gwei(3)),
            winners_pending: 2,
            winners_redeemed: 3,
            winners_lost: 1,
            ..PaymentsView::default()
        }),
        reach: Reach {
            probes: vec![Probe {
                uri: "https://one.example:8935".into(),
                role: ProbeRole::Own,
                state: ProbeState::Stranger,
                checked: None,
                connect_us: None,
                round_trip_us: None,
                error: None,
            }],
            ..Reach::default()
        },
        notices: vec![Notice {
            since: Timestamp::UNIX_EPOCH,
            code: "low_gas".into(),
            message: String::new(),
            urgent: false,
        }],
        mode: NodeMode::Combined,
        remote: None,
        api_version: 0,
        reward: Some(RewardView {
            called: 4,
            last_call: Some(RewardCall {
                round: Round(6),
                transaction: B256::ZERO,
                block: 1,
                amount_lpt: None,
                cost_wei: Wei::gwei(40),
                time: Timestamp::UNIX_EPOCH,
            }),
            last_failure: Some(RewardFailure {
                round: Round(7),
                code: "gas_price".into(),
                message: String::new(),
                time: Timestamp::UNIX_EPOCH,
            }),
            ..RewardView::new(Address::ZERO, Address::ZERO)
        }),
        redeem: Some(RedeemView {
            gas_price_wei: Some(Wei::gwei(1)),
            reasons: BTreeMap::from([("gas_dear".to_string(), 2)]),
            ..RedeemView::default()
        }),
    }
}

fn endpoints() -> Vec<RelayEndpoint> {
    let endpoint = |block| RelayEndpoint {
        endpoint: "https://rpc.example".into(),
        answered: 5,
        failed: 1,
        failure: None,
        latency_ms: Some(20.0),
        block: Some(block),
    };
    vec![endpoint(100), endpoint(90)]
}

/// Everything recorded once.
fn busy(mode: NodeMode) -> Metrics {
    let metrics = Metrics::new(mode, Some(Address::repeat_byte(1)));
    metrics.segment_arrived(std::time::Duration::from_secs(2));
    metrics.segment_received(std::time::Duration::from_millis(120));
    let outcome = Outcome {
        timing: timing(2000, 400),
        renditions: 2,
        pixels: 3_000_000,
        bytes_in: 1,
    };
    metrics.segment_ended(&outcome, &[], None);
    metrics.segment_ended(&outcome, &[], Some(reason::FAILURES[0]));
    metrics.quoted(Address::repeat_byte(2), &[1, 0, 0, 0, 0]);
    metrics.handed_in(std::time::Duration::from_millis(10));
    metrics
}

/// Names of families and their lines.
fn told(text: &str) -> BTreeMap<String, Vec<&str>> {
    let mut families: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let mut now = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            now = rest.split(' ').next().unwrap().to_string();
        } else if !line.starts_with('#') {
            families.entry(now.clone()).or_default().push(line);
        }
    }
    families
}

#[test]
fn a_node_tells_every_metric_the_table_says_it_tells() {
    let metrics = busy(NodeMode::Combined);
    let mut earlier = status();
    let chain = earlier.chain.as_mut().unwrap();
    chain.time = Timestamp::from_second(900_000).unwrap();
    chain.eth_wei = Wei::ether(2);
    metrics.watch(&earlier);
    metrics.watch(&status());
    let text = metrics.text(&status(), &endpoints(), Some(12), Some(10)).unwrap();
    let told: BTreeSet<String> = told(&text).into_keys().collect();
    let wanted: BTreeSet<String> = ALL
        .iter()
        .filter(|metric| metric.told_by.contains(&Role::Node))
        .map(|metric| metric.name.to_string())
        .collect();
    assert_eq!(told, wanted);
}

#[test]
fn a_transcoder_tells_every_metric_the_table_says_it_tells() {
    let mut status = status();
    status.mode = NodeMode::Transcoder;
    status.remote = Some(RemoteView::default());
    status.chain = None;
    status.payments = None;
    status.reward = None;
    status.redeem = None;
    let text = busy(NodeMode::Transcoder).text(&status, &[], None, None).unwrap();
    let told: BTreeSet<String> = told(&text).into_keys().collect();
    let wanted: BTreeSet<String> = ALL
        .iter()
        .filter(|metric| metric.told_by.contains(&Role::Transcoder))
        .map(|metric| metric.name.to_string())
        .collect();
    assert_eq!(told, wanted);
}

#[test]
fn types_and_values_are_those_of_the_status() {
    let text = busy(NodeMode::Combined)
        .text(&status(), &endpoints(), Some(12), Some(10))
        .unwrap();
    for metric in ALL.iter().filter(|metric| metric.told_by.contains(&Role::Node)) {
        if metric.kind != Kind::Histogram && !text.contains(metric.name) {
            continue;
        }
        let line = format!("# TYPE {} {}", metric.name, metric.kind.name());
        assert!(text.lines().any(|told| told == line), "{line}");
    }
    let of = |name: &str| {
        let values = text.lines().filter(|line| line.starts_with(name));
        values.collect::<Vec<_>>().join("\n")
    };
    let ends = |name: &str, value: &str| {
        let found = of(name);
        assert!(found.ends_with(&format!(" {value}")), "{found}");
    };
    ends("livepeer_winning_tickets_recv", "6");
    ends("livepeer_transcoding_price", "3.5");
    ends("livepeer_mil_pixels_processed", "3");
    ends("livepeer_transcoders_load", "4");
    ends("lpctl_round_seconds_left", "900");
    ends("lpctl_chain_read_age_seconds", "30");
    ends("lpctl_gas_balance_gwei", "1000000000");
    ends("lpctl_service_reachable", "0");
    ends("lpctl_ticket_window_seconds", "120");
    ends("lpctl_reward_last_cost_gwei", "40");
    ends("lpctl_fence{level=\"partial\"", "1");
    ends("livepeer_gateway_ticket_face_value", "4.294967296");
    ends("livepeer_transcode_score_sum", "5");
    ends("lpctl_rpc_lag_blocks{endpoint=\"https://rpc.example#2\"", "10");
    let slowest = of("lpctl_session_real_time_ratio{rank=\"1\"").parse_value();
    assert!((slowest - 2000.0 / 102.0).abs() < 1e-9, "{slowest}");
    assert!(!text.contains("stream 1") && !text.contains("00000001"), "{text}");
}

trait ParseValue {
    fn parse_value(&self) -> f64;
}

impl ParseValue for String {
    fn parse_value(&self) -> f64 {
        self.rsplit(' ').next().unwrap().parse().unwrap()
    }
}

#[test]
fn a_scrape_does_not_grow_with_sessions_or_what_gateways_call_their_profiles() {
    let lines = |sessions: u32| {
        let mut status = status();
        status.sessions = (0..sessions).map(session).collect();
        let text = busy(NodeMode::Combined).text(&status, &endpoints(), Some(12), Some(10));
        let text = text.unwrap();
        (text.lines().count(), text.len())
    };
    let (few, many) = (lines(20), lines(200));
    assert_eq!(few.0, many.0, "as many series with 200 sessions as with 20");
    assert!(many.1 < 64 << 10, "{} bytes", many.1);

    let metrics = busy(NodeMode::Combined);
    let outcome = Outcome {
        timing: timing(2000, 400),
        renditions: 2,
        pixels: 1,
        bytes_in: 1,
    };
    for number in 0..10_000u32 {
        let name = format!("gateway's own {number}");
        let ladder = crate::media::ladder::Ladder::parse("P240p30fps16x9").unwrap();
        let profile = crate::media::ladder::Profile {
            name,
            ..ladder.profiles()[0].clone()
        };
        metrics.segment_ended(&outcome, &[profile], None);
        metrics.quoted(Address::left_padding_from(&number.to_be_bytes()), &[1]);
    }
    let text = metrics.text(&status(), &[], None, None).unwrap();
    let families = told(&text);
    assert_eq!(families["livepeer_segment_transcoded_total"].len(), 33);
    assert_eq!(families["livepeer_gateway_ticket_face_value"].len(), 101);
}
