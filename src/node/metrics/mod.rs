//! What a node tells Prometheus: some of it is written down when it happens, the rest is read from the node's status when
//! somebody asks.
//!
//! | module | holds |
//! |---|---|
//! | `reason` | why segments and payments came to nothing, as stable names |
//! | `watched` | what shows only over time: rewards that were missed, how fast gas money goes |
//! | `scrape` | a status as values |
//! | `money` | the same of rewards and tickets |

mod money;
mod reason;
mod scrape;
mod watched;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use alloy::primitives::{Address, U256};
use axum::{Router, routing::get};
use prometheus::{Counter, CounterVec, GaugeVec, Histogram, HistogramVec};

pub(super) use self::reason::{of_payment, of_transcode, of_upload};
use self::watched::Watched;
use super::work::Outcome;
use crate::{
    media::ladder::Profile,
    metrics::{self, Bounded, Recorder, Sheet, count, gwei, names},
    units::Wei,
    view::{
        node::{NodeMode, NodeStatus},
        rpc::RelayEndpoint,
    },
};

/// Sets of profiles that are told apart; gateways choose them.
const PROFILES: usize = 32;
/// Gateways that are told apart.
const SENDERS: usize = 100;

/// What is recorded while the node runs.
pub(super) struct Metrics {
    base: Vec<(&'static str, String)>,
    recorder: Recorder,
    profiles: Bounded,
    senders: Bounded,
    arrived: Counter,
    source_duration: Histogram,
    received: Counter,
    receive_time: Histogram,
    transcoded: CounterVec,
    transcode_time: HistogramVec,
    score: HistogramVec,
    pixels: Counter,
    failures: CounterVec,
    /// What only an orchestrator sees.
    orchestrator: Option<OfOrchestrator>,
    /// What only a transcoder does.
    handed_in: Option<(Counter, Histogram)>,
    watched: Mutex<Watched>,
}

struct OfOrchestrator {
    refused: CounterVec,
    payment_errors: CounterVec,
    face_value: GaugeVec,
}

impl Metrics {
    /// Nothing has happened yet on a node of this kind and account.
    pub(super) fn new(mode: NodeMode, account: Option<Address>) -> Self {
        let kind = match mode {
            NodeMode::Combined | NodeMode::Orchestrator => "orch",
            NodeMode::Transcoder => "trcr",
        };
        let base = vec![
            ("node_id", metrics::node_id(account)),
            ("node_type", kind.to_string()),
        ];
        let recorder = Recorder::new(base.clone());
        let none: &[&str] = &[];
        let failures = recorder.counter(&names::FAILURES);
        for reason in reason::FAILURES {
            failures.with_label_values(&[*reason]);
        }
        let orchestrator = (mode != NodeMode::Transcoder).then(|| OfOrchestrator::new(&recorder));
        let handed_in = (mode == NodeMode::Transcoder).then(|| {
            (
                recorder.counter(&names::UPLOADED).with_label_values(&[""]),
                recorder.histogram(&names::UPLOAD_TIME).with_label_values(&[""]),
            )
        });
        Self {
            arrived: recorder
                .counter(&names::EMERGED_UNPROCESSED)
                .with_label_values(none),
            source_duration: recorder
                .histogram(&names::SOURCE_DURATION)
                .with_label_values(none),
            received: recorder.counter(&names::DOWNLOADED).with_label_values(none),
            receive_time: recorder.histogram(&names::DOWNLOAD_TIME).with_label_values(none),
            transcoded: recorder.counter(&names::TRANSCODED),
            transcode_time: recorder.histogram(&names::TRANSCODE_TIME),
            score: recorder.histogram(&names::TRANSCODE_SCORE),
            pixels: recorder.counter(&names::MIL_PIXELS).with_label_values(none),
            failures,
            orchestrator,
            handed_in,
            watched: Mutex::default(),
            profiles: Bounded::new(PROFILES),
            senders: Bounded::new(SENDERS),
            recorder,
            base,
        }
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A segment was announced by somebody who may send it.
    pub(super) fn segment_arrived(&self, playing: Duration) {
        self.arrived.inc();
        self.source_duration.observe(playing.as_secs_f64());
    }

    /// All of it is here.
    pub(super) fn segment_received(&self, took: Duration) {
        self.received.inc();
        self.receive_time.observe(took.as_secs_f64());
    }

    /// It was turned away before any work on it counted.
    pub(super) fn segment_refused(&self, reason: &'static str) {
        if let Some(own) = &self.orchestrator {
            own.refused.with_label_values(&[reason]).inc();
        }
    }

    /// It was worked on; with a reason there is nothing to show for it.
    pub(super) fn segment_ended(
        &self,
        outcome: &Outcome,
        profiles: &[Profile],
        reason: Option<&'static str>,
    ) {
        if let Some(reason) = reason {
            self.failures.with_label_values(&[reason]).inc();
            return;
        }
        let mut wanted: Vec<&str> = profiles.iter().map(|profile| profile.name.as_str()).collect();
        wanted.sort_unstable();
        let profiles = self.profiles.keep(&wanted.join(","));
        // An orchestrator trusts itself (`go-livepeer server/segment_rpc.go`).
        let labels = [profiles.as_str(), "trusted", "verified"];
        let took = f64::from(outcome.timing.transcode_ms) / 1e3;
        let playing = f64::from(outcome.timing.duration_ms) / 1e3;
        self.transcoded.with_label_values(&labels).inc();
        self.transcode_time.with_label_values(&labels).observe(took);
        self.score
            .with_label_values(&labels)
            .observe(playing / took.max(1e-3));
        self.pixels.inc_by(count(outcome.pixels) / 1e6);
    }

    /// A payment was not taken, or did not suffice.
    pub(super) fn payment_refused(&self, code: &'static str) {
        if let Some(own) = &self.orchestrator {
            own.payment_errors.with_label_values(&[code]).inc();
        }
    }

    /// A gateway was told what its tickets must look like.
    pub(super) fn quoted(&self, sender: Address, face_value: &[u8]) {
        if let (Some(own), Some(value)) = (&self.orchestrator, U256::try_from_be_slice(face_value)) {
            let sender = self.senders.keep(&sender.to_checksum(None));
            own.face_value
                .with_label_values(&[sender.as_str()])
                .set(gwei(Wei(value)));
        }
    }

    /// A transcoder's result is with its orchestrator.
    pub(super) fn handed_in(&self, took: Duration) {
        if let Some((results, time)) = &self.handed_in {
            results.inc();
            time.observe(took.as_secs_f64());
        }
    }

    /// Looks at a status for what shows only over time. It is put together every few seconds, asked for or not.
    pub(super) fn watch(&self, status: &NodeStatus) {
        self.watched().see(status);
    }

    /// All of it as Prometheus reads it. `block_seconds` is how long a block of the round's clock lasts, where it does;
    /// `window` is how many of them are left to the first of the waiting tickets.
    pub(super) fn text(
        &self,
        status: &NodeStatus,
        endpoints: &[RelayEndpoint],
        block_seconds: Option<u64>,
        window: Option<u64>,
    ) -> Result<String, prometheus::Error> {
        let mut sheet = Sheet::new(self.base.clone());
        scrape::tell(&mut sheet, status);
        scrape::tell_rpc(&mut sheet, endpoints);
        money::tell(&mut sheet, status, block_seconds);
        money::window(&mut sheet, window, block_seconds);
        self.watched().tell(&mut sheet, status);
        metrics::process(&mut sheet);
        sheet.text(&self.recorder)
    }
}

impl OfOrchestrator {
    fn new(recorder: &Recorder) -> Self {
        let own = Self {
            refused: recorder.counter(&names::REFUSED),
            payment_errors: recorder.counter(&names::PAYMENT_RECV_ERRORS),
            face_value: recorder.gauge(&names::TICKET_FACE_VALUE),
        };
        for reason in reason::REFUSALS {
            own.refused.with_label_values(&[*reason]);
        }
        for code in reason::PAYMENTS {
            own.payment_errors.with_label_values(&[*code]);
        }
        own
    }
}

/// Whatever tells metrics.
pub(super) trait Measured: Send + Sync + 'static {
    /// All of it as Prometheus reads it.
    fn metrics(&self) -> Result<String, prometheus::Error>;
}

/// `GET /metrics`.
pub(super) fn routes(node: Arc<dyn Measured>) -> Router {
    Router::new().route(
        "/metrics",
        get(move || std::future::ready(metrics::answer(node.metrics()))),
    )
}
