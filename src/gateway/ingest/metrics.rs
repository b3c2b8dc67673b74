//! What a gateway tells Prometheus: each segment once its outcome is known, the rest when somebody asks.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use prometheus::{Counter, CounterVec, Histogram, HistogramVec};

use super::Shared;
use crate::{
    metrics::{self, Bounded, Recorder, Sheet, count, names},
    view::{
        gateway::{AttemptRecord, Verification},
        ingest::{Origin, SegmentOutcome, SegmentRecord},
    },
};

/// Segments of a stream that its share of successes is taken over (`go-livepeer monitor/census.go`).
const WINDOW: usize = 30;
/// Streams that are followed one by one, at most.
const STREAMS: usize = 10_000;
/// Sets of profiles that are told apart.
const PROFILES: usize = 32;
/// Orchestrators that are told apart.
const ORCHESTRATORS: usize = 100;
/// Why a segment has no renditions.
pub(super) const CODES: [&str; 5] = [
    "NoOrchestrators",
    "MaxAttempts",
    "NonRetryable",
    "Busy",
    "SessionEnded",
];

/// What is recorded while a gateway runs.
pub(super) struct Metrics {
    base: Vec<(&'static str, String)>,
    recorder: Recorder,
    profiles: Bounded,
    orchestrators: Bounded,
    created: Counter,
    started: Counter,
    ended: Counter,
    arrived: Counter,
    emerged: Counter,
    appeared: Counter,
    source_duration: Histogram,
    uploaded: CounterVec,
    upload_failed: CounterVec,
    upload_time: HistogramVec,
    downloaded: Counter,
    download_time: Histogram,
    transcoded: CounterVec,
    transcode_time: HistogramVec,
    score: HistogramVec,
    finished: CounterVec,
    all_appeared: CounterVec,
    overall: HistogramVec,
    failed: CounterVec,
    pixels: Counter,
    ratio: Histogram,
    /// Above 3, above 2, above 1, above a half, slower.
    classes: [Counter; 5],
    retried: CounterVec,
    swaps: Counter,
    streams: Mutex<HashMap<String, Lately>>,
}

/// What became of a stream's last segments.
#[derive(Debug, Default)]
struct Lately {
    outcomes: VecDeque<bool>,
    orchestrator: Option<String>,
}

impl Metrics {
    /// Nothing has happened yet.
    pub(super) fn new() -> Self {
        let base = vec![
            ("node_id", metrics::node_id(None)),
            ("node_type", "bctr".to_string()),
        ];
        let recorder = Recorder::new(base.clone());
        let counter = |metric| recorder.counter(metric).with_label_values::<&str>(&[]);
        let histogram = |metric| recorder.histogram(metric).with_label_values::<&str>(&[]);
        let failed = recorder.counter(&names::TRANSCODE_FAILED);
        for code in CODES {
            failed.with_label_values(&[code]);
        }
        Self {
            created: counter(&names::STREAM_CREATED),
            started: counter(&names::STREAM_STARTED),
            ended: counter(&names::STREAM_ENDED),
            arrived: counter(&names::EMERGED_UNPROCESSED),
            emerged: counter(&names::EMERGED),
            appeared: recorder
                .counter(&names::APPEARED)
                .with_label_values(&["source", "regular"]),
            source_duration: histogram(&names::SOURCE_DURATION),
            uploaded: recorder.counter(&names::UPLOADED),
            upload_failed: recorder.counter(&names::UPLOAD_FAILED),
            upload_time: recorder.histogram(&names::UPLOAD_TIME),
            downloaded: counter(&names::DOWNLOADED),
            download_time: histogram(&names::DOWNLOAD_TIME),
            transcoded: recorder.counter(&names::TRANSCODED),
            transcode_time: recorder.histogram(&names::TRANSCODE_TIME),
            score: recorder.histogram(&names::TRANSCODE_SCORE),
            finished: recorder.counter(&names::TRANSCODED_UNPROCESSED),
            all_appeared: recorder.counter(&names::ALL_APPEARED),
            overall: recorder.histogram(&names::OVERALL_LATENCY),
            failed,
            pixels: counter(&names::MIL_PIXELS),
            ratio: histogram(&names::REALTIME_RATIO),
            classes: [
                &names::REALTIME_3X,
                &names::REALTIME_2X,
                &names::REALTIME_1X,
                &names::REALTIME_HALF,
                &names::REALTIME_SLOW,
            ]
            .map(counter),
            retried: recorder.counter(&names::RETRIED),
            swaps: counter(&names::SWAPS),
            streams: Mutex::default(),
            profiles: Bounded::new(PROFILES),
            orchestrators: Bounded::new(ORCHESTRATORS),
            recorder,
            base,
        }
    }

    fn streams(&self) -> MutexGuard<'_, HashMap<String, Lately>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A stream was admitted and has its first segment.
    pub(super) fn stream_began(&self) {
        self.created.inc();
        self.started.inc();
    }

    /// A stream is over.
    pub(super) fn stream_ended(&self, manifest: &str) {
        self.ended.inc();
        self.streams().remove(manifest);
    }

    /// A segment is here, however it goes on.
    pub(super) fn segment_arrived(&self, playing: Duration) {
        self.arrived.inc();
        self.source_duration.observe(playing.as_secs_f64());
    }

    /// It is being worked on.
    pub(super) fn segment_taken(&self) {
        self.appeared.inc();
    }

    /// Its outcome is known; `code` says why it has no renditions.
    pub(super) fn segment_ended(&self, record: &SegmentRecord, code: Option<&'static str>) {
        self.emerged.inc();
        self.attempts(&record.attempts);
        let is_done = record.outcome != SegmentOutcome::Failed;
        self.follow(record, is_done);
        if let Some(code) = code {
            self.failed.with_label_values(&[code]).inc();
        }
        if !is_done || record.outcome == SegmentOutcome::Kept {
            return;
        }
        let mut wanted: Vec<&str> = record.renditions.iter().map(String::as_str).collect();
        wanted.sort_unstable();
        let profiles = self.profiles.keep(&wanted.join(","));
        let uri = record.orchestrator.as_deref().unwrap_or_default();
        let uri = self.orchestrators.keep(uri);
        let labels = [profiles.as_str(), uri.as_str()];
        let latency = millis(record.latency_ms);
        self.finished.with_label_values(&labels).inc();
        self.all_appeared.with_label_values(&labels).inc();
        self.overall.with_label_values(&labels).observe(latency);
        self.pixels.inc_by(count(record.pixels) / 1e6);
        let playing = millis(record.duration_ms);
        if let Some(made) = record
            .attempts
            .iter()
            .rev()
            .find(|attempt| attempt.failure.is_none())
        {
            let verified = match record.verified {
                Verification::None | Verification::Wrong => "unverified",
                Verification::Signed | Verification::Decoded => "verified",
            };
            let labels = [profiles.as_str(), "untrusted", verified];
            self.transcoded.with_label_values(&labels).inc();
            if let Some(took) = made.transcode_ms.map(millis) {
                self.transcode_time.with_label_values(&labels).observe(took);
                let score = playing / took.max(1e-3);
                self.score.with_label_values(&labels).observe(score);
            }
        }
        if record.origin == Origin::Push {
            let ratio = playing / latency.max(1e-3);
            self.ratio.observe(ratio);
            let above = [3.0, 2.0, 1.0, 0.5];
            let class = above
                .iter()
                .position(|least| ratio > *least)
                .unwrap_or(above.len());
            self.classes[class].inc();
        }
    }

    fn attempts(&self, attempts: &[AttemptRecord]) {
        for (index, attempt) in attempts.iter().enumerate() {
            let uri = self
                .orchestrators
                .keep(attempt.orchestrator.as_deref().unwrap_or_default());
            match (attempt.upload_ms, &attempt.failure) {
                (Some(took), _) => {
                    self.uploaded.with_label_values(&[uri.as_str()]).inc();
                    self.upload_time
                        .with_label_values(&[uri.as_str()])
                        .observe(millis(took));
                }
                (None, Some(failure)) if attempt.orchestrator.is_some() => {
                    let labels = [upload_code(failure), uri.as_str()];
                    self.upload_failed.with_label_values(&labels).inc();
                }
                (None, _) => {}
            }
            if let Some(took) = attempt.download_ms {
                self.downloaded.inc();
                self.download_time.observe(millis(took));
            }
            match index {
                0 => {}
                1..10 => self.retried.with_label_values(&[&(index + 1).to_string()]).inc(),
                _ => self.retried.with_label_values(&[">10"]).inc(),
            }
        }
    }

    /// Keeps what became of the stream's last segments, and who made them.
    fn follow(&self, record: &SegmentRecord, is_done: bool) {
        let mut streams = self.streams();
        if streams.len() >= STREAMS && !streams.contains_key(&record.manifest_id) {
            return;
        }
        let lately = streams.entry(record.manifest_id.clone()).or_default();
        if lately.outcomes.len() >= WINDOW {
            lately.outcomes.pop_front();
        }
        lately.outcomes.push_back(is_done);
        let asked = record
            .attempts
            .iter()
            .filter_map(|attempt| attempt.orchestrator.as_ref());
        for orchestrator in asked {
            let is_other = lately
                .orchestrator
                .replace(orchestrator.clone())
                .is_some_and(|before| before != *orchestrator);
            if is_other {
                self.swaps.inc();
            }
        }
    }

    /// Mean of the streams' shares of successes; none before the first segment.
    #[expect(clippy::cast_precision_loss, reason = "30 segments and some thousand streams")]
    fn success_rate(&self) -> Option<f64> {
        let streams = self.streams();
        let shares = streams.values().filter(|lately| !lately.outcomes.is_empty());
        let (mut sum, mut number) = (0.0, 0.0);
        for lately in shares {
            let done = lately.outcomes.iter().filter(|is_done| **is_done).count();
            sum += done as f64 / lately.outcomes.len() as f64;
            number += 1.0;
        }
        (number > 0.0).then(|| sum / number)
    }
}

impl Shared {
    /// All of it as Prometheus reads it.
    pub(super) fn metrics_text(&self) -> Result<String, prometheus::Error> {
        let metrics = &self.metrics;
        let status = self.status();
        let mut sheet = Sheet::new(metrics.base.clone());
        let system = std::env::consts::OS;
        sheet.set(&names::VERSIONS, &["rustc", system, "", &status.version], 1.0);
        sheet.set(&names::BUILD, &[&status.version, "", "gateway"], 1.0);
        let started = status.started.as_second();
        sheet.set(&names::STARTED, &[], count(started.unsigned_abs()));
        sheet.set(&names::MAX_SESSIONS, &[], f64::from(status.max_streams));
        sheet.set(&names::CURRENT_SESSIONS, &[], count(status.streams.len() as u64));
        let in_flight: usize = status.streams.iter().map(|stream| stream.in_flight).sum();
        sheet.set(&names::IN_FLIGHT, &[], count(in_flight as u64));
        sheet.set(&names::SEGMENTS, &["done"], count(status.totals.segments_done));
        sheet.set(
            &names::SEGMENTS,
            &["failed"],
            count(status.totals.segments_failed),
        );
        sheet.set(&names::BYTES_IN, &[], count(status.totals.source_bytes));
        sheet.set(&names::GATEWAY_LOG_LOST, &[], count(status.log_lines_lost));
        sheet.maybe(&names::SUCCESS_RATE, metrics.success_rate());
        let known = self.gateway.orchestrators();
        let states = known.iter().map(|one| match (one.suspended, &one.refusal) {
            (true, _) => "suspended",
            (false, Some(_)) => "refusing",
            (false, None) => "ready",
        });
        let states: Vec<&str> = states.collect();
        for state in ["ready", "suspended", "refusing"] {
            let those = states.iter().filter(|one| **one == state).count();
            sheet.set(&names::GATEWAY_ORCHESTRATORS, &[state], count(those as u64));
        }
        if let Some(payments) = self.gateway.payments() {
            let total = &payments.total;
            sheet.set(&names::TICKETS_SENT, &[], count(total.tickets));
            sheet.maybe(&names::TICKET_VALUE_SENT, fraction(&total.sent_wei));
            sheet.maybe(&names::GATEWAY_FEES, fraction(&total.fees_wei));
        }
        metrics::process(&mut sheet);
        sheet.text(&metrics.recorder)
    }
}

/// An exact fraction of wei, in gwei.
fn fraction(text: &str) -> Option<f64> {
    metrics::fraction(text).map(|wei| wei / 1e9)
}

fn millis(millis: u64) -> f64 {
    count(millis) / 1e3
}

/// go-livepeer's code for an upload that failed, as far as the text tells.
fn upload_code(failure: &str) -> &'static str {
    let told = [
        ("OrchestratorCapped", "OrchestratorCapped"),
        ("OrchestratorBusy", "OrchestratorBusy"),
        ("insufficient", "InsufficientBalance"),
        ("timed out", "Timeout"),
        ("timeout", "Timeout"),
        ("closed", "SessionEnded"),
    ];
    told.iter()
        .find(|(part, _)| failure.contains(part))
        .map_or("Unknown", |(_, code)| code)
}
