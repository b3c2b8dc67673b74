//! Every metric there is. `docs/metrics.md`, `lpctl explain`, the dashboards and the alert rules are held against this
//! table, and so is what nodes and gateways tell.

pub(crate) mod exported;

use serde::Serialize;

/// How a metric behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Only grows, until the process ends: ask for its `rate` or `increase`.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by size: `_bucket`, `_sum` and `_count`.
    Histogram,
}

impl Kind {
    /// As Prometheus writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Who tells a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// `lpctl run`, alone or with transcoders elsewhere.
    Node,
    /// `lpctl run --mode transcoder`.
    Transcoder,
    /// `lpctl gateway run`.
    Gateway,
    /// `lpctl exporter`.
    Exporter,
}

impl Role {
    /// In a sentence.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Transcoder => "transcoder",
            Self::Gateway => "gateway",
            Self::Exporter => "exporter",
        }
    }
}

/// Where a metric comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// go-livepeer has it, under the same name.
    GoLivepeer {
        /// What go-livepeer means by it.
        meant: &'static str,
        /// What is put right here; empty where nothing was wrong.
        corrected: &'static str,
    },
    /// livepeer-exporter has it, under the same name.
    LivepeerExporter {
        /// What livepeer-exporter means by it.
        meant: &'static str,
        /// What is put right here; empty where nothing was wrong.
        corrected: &'static str,
    },
    /// Only lpctl has it.
    Lpctl,
    /// Prometheus' clients of all languages have it.
    Process,
}

/// One metric.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Metric {
    /// Its whole name.
    pub name: &'static str,
    /// How it behaves.
    pub kind: Kind,
    /// What its value counts, like `seconds` or `gwei`.
    pub unit: &'static str,
    /// Labels beside `node_id` and `node_type`, which all of nodes and gateways have.
    pub labels: &'static [&'static str],
    /// Upper bounds of a histogram's buckets.
    pub bounds: &'static [f64],
    /// What it says.
    pub help: &'static str,
    /// Who has it.
    pub origin: Origin,
    /// Who tells it.
    pub told_by: &'static [Role],
    /// A question to Prometheus that uses it.
    pub example: &'static str,
}

impl Metric {
    const fn new(name: &'static str, kind: Kind, unit: &'static str, help: &'static str) -> Self {
        Self {
            name,
            kind,
            unit,
            labels: &[],
            bounds: &[],
            help,
            origin: Origin::Lpctl,
            told_by: NODE,
            example: "",
        }
    }

    const fn labels(self, labels: &'static [&'static str]) -> Self {
        Self { labels, ..self }
    }

    const fn bounds(self, bounds: &'static [f64]) -> Self {
        Self { bounds, ..self }
    }

    const fn by(self, told_by: &'static [Role]) -> Self {
        Self { told_by, ..self }
    }

    const fn ask(self, example: &'static str) -> Self {
        Self { example, ..self }
    }

    const fn go(self, meant: &'static str) -> Self {
        self.corrected(meant, "")
    }

    const fn corrected(self, meant: &'static str, corrected: &'static str) -> Self {
        Self {
            origin: Origin::GoLivepeer { meant, corrected },
            ..self
        }
    }

    const fn of_process(self) -> Self {
        Self {
            origin: Origin::Process,
            ..self
        }
    }
}

const NODE: &[Role] = &[Role::Node];
const TRANSCODER: &[Role] = &[Role::Transcoder];
const GATEWAY: &[Role] = &[Role::Gateway];
const WORKERS: &[Role] = &[Role::Node, Role::Transcoder];
const CHAIN_READERS: &[Role] = &[Role::Node, Role::Exporter];
const EXPORTER: &[Role] = &[Role::Exporter];
const EVERYBODY: &[Role] = &[Role::Node, Role::Transcoder, Role::Gateway];

/// The metric of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Metric> {
    ALL.iter().copied().find(|metric| metric.name == name)
}

const fn counter(name: &'static str, unit: &'static str, help: &'static str) -> Metric {
    Metric::new(name, Kind::Counter, unit, help)
}

const fn gauge(name: &'static str, unit: &'static str, help: &'static str) -> Metric {
    Metric::new(name, Kind::Gauge, unit, help)
}

const fn histogram(name: &'static str, unit: &'static str, help: &'static str) -> Metric {
    Metric::new(name, Kind::Histogram, unit, help)
}

const TRANSCODE_TIMES: &[f64] = &[
    0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 10.0,
];
const SCORES: &[f64] = &[
    0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 10.0, 15.0, 20.0, 40.0,
];
const OVERALL: &[f64] = &[0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 10.0];
/// What go-livepeer's list comes to, which has mistyped decimals.
const TRANSFERS: &[f64] = &[0.1, 0.15, 0.2, 0.5, 10.0];
const DURATIONS: &[f64] = &[0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 10.0, 15.0, 20.0];
const RATIOS: &[f64] = &[0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 50.0, 100.0];

const STREAM_LABELS: &str =
    "no `manifest_id` and no `client_ip`: their values are the sender's, without bound";

macro_rules! table {
    ($($id:ident = $metric:expr;)+) => {
        $(pub(crate) static $id: Metric = $metric;)+

        const HERE: &[&Metric] = &[$(&$id),+];
    };
}

/// All of them: go-livepeer's, lpctl's, the process', the exporter's.
pub static ALL: &[&Metric] = &JOINED;

static JOINED: [&Metric; HERE.len() + exported::HERE.len()] = {
    let mut all = [HERE[0]; HERE.len() + exported::HERE.len()];
    let mut place = 0;
    while place < all.len() {
        all[place] = match place < HERE.len() {
            true => HERE[place],
            false => exported::HERE[place - HERE.len()],
        };
        place += 1;
    }
    all
};

table! {
    VERSIONS = gauge("livepeer_versions", "1", "Versions of this program, always 1")
        .labels(&["compiler", "goos", "goversion", "livepeerversion"]).by(EVERYBODY)
        .corrected("compiler, system, Go's version and go-livepeer's, without `node_id`", "with `node_id`; `compiler` is rustc and `goversion` is empty: there is no Go here")
        .ask("count by (livepeerversion) (livepeer_versions)");
    MAX_SESSIONS = gauge("livepeer_max_sessions_total", "sessions", "Sessions taken at most; streams for a gateway").by(EVERYBODY)
        .go("a gauge in spite of its name; set at start and on change")
        .ask("livepeer_current_sessions_total / livepeer_max_sessions_total");
    CURRENT_SESSIONS = gauge("livepeer_current_sessions_total", "sessions", "Sessions running now; streams for a gateway").by(EVERYBODY)
        .go("a gauge in spite of its name")
        .ask("sum(livepeer_current_sessions_total)");
    EMERGED_UNPROCESSED = counter("livepeer_segment_source_emerged_unprocessed_total", "segments", "Source segments announced").by(EVERYBODY)
        .corrected("counted on arrival", STREAM_LABELS)
        .ask("rate(livepeer_segment_source_emerged_unprocessed_total[5m])");
    SOURCE_DURATION = histogram("livepeer_source_segment_duration_seconds", "seconds", "How long source segments play").bounds(DURATIONS).by(EVERYBODY)
        .corrected("playing time of source segments", STREAM_LABELS)
        .ask("rate(livepeer_source_segment_duration_seconds_sum[5m]) / rate(livepeer_source_segment_duration_seconds_count[5m])");
    DOWNLOADED = counter("livepeer_segment_transcoded_downloaded_total", "segments", "Segments received whole: sources of a node and a transcoder, results of a gateway").by(EVERYBODY)
        .corrected("in spite of its name also sources that an orchestrator received", STREAM_LABELS)
        .ask("rate(livepeer_segment_transcoded_downloaded_total[5m])");
    DOWNLOAD_TIME = histogram("livepeer_download_time_seconds", "seconds", "Time to receive a segment; all renditions of one for a gateway").bounds(TRANSFERS).by(EVERYBODY)
        .corrected("time to receive a source or a rendition; its bounds are what mistyped decimals left", STREAM_LABELS)
        .ask("histogram_quantile(0.9, sum by (le) (rate(livepeer_download_time_seconds_bucket[5m])))");
    TRANSCODED = counter("livepeer_segment_transcoded_total", "segments", "Segments transcoded").labels(&["profiles", "trusted", "verified"]).by(EVERYBODY)
        .corrected("counted per transcoding", "`profiles` takes 32 values, then `other`: they are the sender's")
        .ask("sum by (profiles) (rate(livepeer_segment_transcoded_total[5m]))");
    TRANSCODE_TIME = histogram("livepeer_transcode_time_seconds", "seconds", "Time to transcode a segment, from when all of it was here").labels(&["profiles", "trusted", "verified"]).bounds(TRANSCODE_TIMES).by(EVERYBODY)
        .corrected("time in the transcoder", "what is done while a segment still arrives takes no time; `profiles` is bounded")
        .ask("histogram_quantile(0.99, sum by (le) (rate(livepeer_transcode_time_seconds_bucket[5m])))");
    TRANSCODE_SCORE = histogram("livepeer_transcode_score", "ratio", "Playing time of a segment divided by its transcoding time: below 1 it is slower than real time").labels(&["profiles", "trusted", "verified"]).bounds(SCORES).by(EVERYBODY)
        .corrected("segment duration divided by transcode time", "`profiles` is bounded")
        .ask("sum(rate(livepeer_transcode_score_bucket{le=\"1\"}[5m])) / sum(rate(livepeer_transcode_score_count[5m]))");
    MIL_PIXELS = counter("livepeer_mil_pixels_processed", "million pixels", "Pixels encoded and reported").by(EVERYBODY)
        .corrected("per segment; what work is paid by", STREAM_LABELS)
        .ask("sum(rate(livepeer_mil_pixels_processed[5m]))");
    UPLOADED = counter("livepeer_segment_source_uploaded_total", "segments", "Sources sent by a gateway; results handed in by a transcoder").labels(&["orchestrator_uri"]).by(&[Role::Transcoder, Role::Gateway])
        .corrected("the URI is empty for a transcoder", "`orchestrator_uri` takes 100 values, then `other`; no `manifest_id`")
        .ask("sum by (orchestrator_uri) (rate(livepeer_segment_source_uploaded_total[5m]))");
    UPLOAD_TIME = histogram("livepeer_upload_time_seconds", "seconds", "Time to send a source, or to hand a result in").labels(&["orchestrator_uri"]).bounds(TRANSFERS).by(&[Role::Transcoder, Role::Gateway])
        .corrected("time to send; its bounds are what mistyped decimals left", "`orchestrator_uri` is bounded")
        .ask("histogram_quantile(0.9, sum by (le) (rate(livepeer_upload_time_seconds_bucket[5m])))");

    TRANSCODERS_NUMBER = gauge("livepeer_transcoders_number", "transcoders", "Remote transcoders connected now")
        .corrected("remote transcoders connected", "read at each scrape")
        .ask("livepeer_transcoders_number == 0");
    TRANSCODERS_CAPACITY = gauge("livepeer_transcoders_capacity", "sessions", "Sessions remote transcoders take, all together")
        .corrected("capacity of all remote transcoders", "read at each scrape")
        .ask("livepeer_transcoders_capacity - livepeer_transcoders_load");
    TRANSCODERS_LOAD = gauge("livepeer_transcoders_load", "sessions", "Sessions remote transcoders have, all together")
        .corrected("load of all remote transcoders", "go-livepeer refreshes it only when a transcoder comes or goes, so it is almost always stale; here it is read at each scrape")
        .ask("livepeer_transcoders_load / livepeer_transcoders_capacity");

    TICKET_VALUE_RECV = counter("livepeer_ticket_value_recv", "gwei", "Expected value of the tickets taken, of all runs with these books")
        .corrected("expected value of tickets", "taken from the books, so that it goes on where it was after a restart; no `sender`, no `manifest_id`")
        .ask("sum(increase(livepeer_ticket_value_recv[1h])) / 1e9");
    TICKETS_RECV = counter("livepeer_tickets_recv", "tickets", "Tickets taken, of all runs with these books")
        .corrected("tickets", "taken from the books; no `sender`, no `manifest_id`")
        .ask("rate(livepeer_tickets_recv[5m])");
    WINNING_RECV = counter("livepeer_winning_tickets_recv", "tickets", "Winning tickets taken, of all runs with these books")
        .corrected("winning tickets", "taken from the books; no `sender`, no `manifest_id`")
        .ask("increase(livepeer_winning_tickets_recv[1d])");
    VALUE_REDEEMED = counter("livepeer_value_redeemed", "gwei", "What redeemed tickets paid, of all runs with these books")
        .corrected("face value of redeemed tickets", "go-livepeer counts the whole face value even if the reserve paid less; here it is what was paid; no `sender`")
        .ask("increase(livepeer_value_redeemed[1d]) / 1e9");
    PAYMENT_RECV_ERRORS = counter("livepeer_payment_recv_errors", "payments", "Payments that were not taken, or did not suffice").labels(&["error_code"])
        .corrected("by `InvalidPrice`, `InvalidRecipientRand`, `InvalidTicketFaceValue`, `InvalidTicketWinProb`, `PaymentError`", "`InvalidTicketFaceValue` and `InvalidTicketWinProb` never come: both are part of what the recipient's random number fixes; further codes say what go-livepeer calls `PaymentError`; no `sender`, no `manifest_id`")
        .ask("sum by (error_code) (increase(livepeer_payment_recv_errors[1h]))");
    TICKET_FACE_VALUE = gauge("livepeer_gateway_ticket_face_value", "gwei", "Face value last quoted to a gateway").labels(&["sender"])
        .corrected("recorded by the orchestrator when it quotes ticket parameters", "`sender` takes 100 values, then `other`")
        .ask("max by (sender) (livepeer_gateway_ticket_face_value)");
    TRANSCODING_PRICE = gauge("livepeer_transcoding_price", "wei per pixel", "The usual price")
        .corrected("written twice, without sender and for each sender", "once, without sender: the usual price")
        .ask("livepeer_transcoding_price");
    MIN_GAS_PRICE = gauge("livepeer_min_gas_price", "gwei", "The least offered for gas")
        .go("set at start and on change")
        .ask("livepeer_min_gas_price");
    MAX_GAS_PRICE = gauge("livepeer_max_gas_price", "gwei", "The most paid for gas; absent without a limit")
        .go("only where there is a limit")
        .ask("livepeer_suggested_gas_price / livepeer_max_gas_price");
    SUGGESTED_GAS_PRICE = gauge("livepeer_suggested_gas_price", "gwei", "What gas cost when tickets were last looked at")
        .corrected("each poll", "go-livepeer skips it while it is below the minimum; here it is always told")
        .ask("livepeer_suggested_gas_price");
    REWARD_CALL_ERRORS = counter("livepeer_reward_call_errors", "tries", "Tries to call reward that failed")
        .corrected("the error's text is lost", "the status tells the last failure with its code")
        .ask("increase(livepeer_reward_call_errors[1d])");

    STREAM_CREATED = counter("livepeer_stream_created_total", "streams", "Streams admitted").by(GATEWAY)
        .go("stream objects made").ask("rate(livepeer_stream_created_total[5m])");
    STREAM_STARTED = counter("livepeer_stream_started_total", "streams", "Streams begun with a first segment").by(GATEWAY)
        .go("publishing began").ask("rate(livepeer_stream_started_total[5m])");
    STREAM_ENDED = counter("livepeer_stream_ended_total", "streams", "Streams ended").by(GATEWAY)
        .go("streams removed").ask("rate(livepeer_stream_ended_total[5m])");
    APPEARED = counter("livepeer_segment_source_appeared_total", "segments", "Source segments taken up").labels(&["profile", "seg_type"]).by(GATEWAY)
        .corrected("source segments in the playlist", "`profile` is always `source` and `seg_type` `regular`")
        .ask("rate(livepeer_segment_source_appeared_total[5m])");
    EMERGED = counter("livepeer_segment_source_emerged_total", "segments", "Source segments whose outcome is known").by(GATEWAY)
        .corrected("counted once the outcome is known, or after 8.5 s", "counted once the outcome is known, however long that takes; no `manifest_id`")
        .ask("rate(livepeer_segment_source_emerged_total[5m])");
    UPLOAD_FAILED = counter("livepeer_segment_source_upload_failed_total", "attempts", "Attempts that ended before the orchestrator took the segment").labels(&["error_code", "orchestrator_uri"]).by(GATEWAY)
        .corrected("by codes, or the orchestrator's raw HTTP status", "only `Unknown`, `Timeout`, `OrchestratorBusy`, `OrchestratorCapped`, `InsufficientBalance` and `SessionEnded`; bounded `orchestrator_uri`, no `manifest_id`")
        .ask("sum by (error_code) (increase(livepeer_segment_source_upload_failed_total[5m]))");
    TRANSCODE_FAILED = counter("livepeer_segment_transcode_failed_total", "segments", "Segments without renditions, for good").labels(&["error_code"]).by(GATEWAY)
        .corrected("by 16 codes", "`NoOrchestrators`, `MaxAttempts`, `NonRetryable`, `SessionEnded` and, for a stream with too many segments on their way, `Busy`; no `manifest_id`")
        .ask("sum by (error_code) (increase(livepeer_segment_transcode_failed_total[5m]))");
    TRANSCODED_UNPROCESSED = counter("livepeer_segment_transcoded_unprocessed_total", "segments", "Segments finished without failure").labels(&["profiles", "orchestrator_uri"]).by(GATEWAY)
        .corrected("a session's end counts as success", "only segments with their renditions; no `orchestrator_address`, `orchestrator_version` and `manifest_id`")
        .ask("sum(rate(livepeer_segment_transcoded_unprocessed_total[5m])) / sum(rate(livepeer_segment_source_emerged_total[5m]))");
    ALL_APPEARED = counter("livepeer_segment_transcoded_all_appeared_total", "segments", "Segments all of whose renditions can be played").labels(&["profiles", "orchestrator_uri"]).by(GATEWAY)
        .corrected("all renditions published", "no `orchestrator_address`, `orchestrator_version` and `manifest_id`")
        .ask("sum(rate(livepeer_segment_transcoded_all_appeared_total[5m]))");
    OVERALL_LATENCY = histogram("livepeer_transcode_overall_latency_seconds", "seconds", "From a segment's arrival to all of its renditions").labels(&["profiles", "orchestrator_uri"]).bounds(OVERALL).by(GATEWAY)
        .corrected("arrival to renditions", "no `orchestrator_address` and `orchestrator_version`")
        .ask("histogram_quantile(0.95, sum by (le) (rate(livepeer_transcode_overall_latency_seconds_bucket[5m])))");
    SUCCESS_RATE = gauge("livepeer_success_rate", "0 to 1", "Mean over open streams of the share of their last 30 segments that have renditions; absent before the first").by(GATEWAY)
        .corrected("refreshed each 15 s and on events", "worked out at each scrape")
        .ask("livepeer_success_rate < 0.9");
    REALTIME_RATIO = histogram("livepeer_http_client_segment_transcoded_realtime_ratio", "ratio", "Playing time of a pushed segment divided by its round trip").bounds(RATIOS).by(GATEWAY)
        .corrected("segment duration divided by round trip", STREAM_LABELS)
        .ask("histogram_quantile(0.1, sum by (le) (rate(livepeer_http_client_segment_transcoded_realtime_ratio_bucket[5m])))");
    REALTIME_3X = counter("livepeer_http_client_segment_transcoded_realtime_3x", "segments", "Pushed segments back at more than three times real time").by(GATEWAY)
        .corrected("ratio above 3", STREAM_LABELS).ask("rate(livepeer_http_client_segment_transcoded_realtime_3x[5m])");
    REALTIME_2X = counter("livepeer_http_client_segment_transcoded_realtime_2x", "segments", "Pushed segments back at two to three times real time").by(GATEWAY)
        .corrected("ratio above 2 and up to 3", STREAM_LABELS).ask("rate(livepeer_http_client_segment_transcoded_realtime_2x[5m])");
    REALTIME_1X = counter("livepeer_http_client_segment_transcoded_realtime_1x", "segments", "Pushed segments back at one to two times real time").by(GATEWAY)
        .corrected("ratio above 1 and up to 2", STREAM_LABELS).ask("rate(livepeer_http_client_segment_transcoded_realtime_1x[5m])");
    REALTIME_HALF = counter("livepeer_http_client_segment_transcoded_realtime_half", "segments", "Pushed segments back at half to full real time").by(GATEWAY)
        .corrected("ratio above 0.5 and up to 1", STREAM_LABELS).ask("rate(livepeer_http_client_segment_transcoded_realtime_half[5m])");
    REALTIME_SLOW = counter("livepeer_http_client_segment_transcoded_realtime_slow", "segments", "Pushed segments back at half of real time or slower").by(GATEWAY)
        .corrected("ratio of 0.5 or less", STREAM_LABELS).ask("rate(livepeer_http_client_segment_transcoded_realtime_slow[5m])");
    RETRIED = counter("livepeer_transcode_retried", "attempts", "Further attempts at a segment").labels(&["try"]).by(GATEWAY)
        .corrected("`2` to `10`, then `>10`", "no `manifest_id`").ask("sum by (try) (increase(livepeer_transcode_retried[1h]))");
    SWAPS = counter("livepeer_orchestrator_swaps", "changes", "Changes of a stream's orchestrator").by(GATEWAY)
        .corrected("changes of a stream's orchestrator", "no `manifest_id`").ask("increase(livepeer_orchestrator_swaps[1h])");
    TICKET_VALUE_SENT = counter("livepeer_ticket_value_sent", "gwei", "Expected value of tickets sent").by(GATEWAY)
        .corrected("expected value of tickets sent", "no `manifest_id`").ask("increase(livepeer_ticket_value_sent[1h]) / 1e9");
    TICKETS_SENT = counter("livepeer_tickets_sent", "tickets", "Tickets sent").by(GATEWAY)
        .corrected("tickets sent", "no `manifest_id`").ask("rate(livepeer_tickets_sent[5m])");

    BUILD = gauge("lpctl_build_info", "1", "lpctl's version and that of ffmpeg, always 1").labels(&["version", "ffmpeg", "mode"]).by(EVERYBODY)
        .ask("count by (version) (lpctl_build_info)");
    STARTED = gauge("lpctl_start_time_seconds", "seconds since 1970", "When it started").by(EVERYBODY)
        .ask("time() - lpctl_start_time_seconds");
    SEGMENTS = counter("lpctl_segments_total", "segments", "Segments answered: with renditions, or with an error").labels(&["outcome"]).by(EVERYBODY)
        .ask("sum(rate(lpctl_segments_total{outcome=\"failed\"}[5m])) / sum(rate(lpctl_segments_total[5m]))");
    FAILURES = counter("lpctl_segment_failures_total", "segments", "Segments answered with an error, by what was at fault").labels(&["reason"]).by(WORKERS)
        .ask("sum by (reason) (increase(lpctl_segment_failures_total[1h]))");
    REFUSED = counter("lpctl_segments_refused_total", "segments", "Segments turned away before any work on them counted, by why").labels(&["reason"])
        .ask("sum by (reason) (increase(lpctl_segments_refused_total[1h]))");
    SHED = counter("lpctl_segments_shed_total", "segments", "Segments refused because they would have come out too late").by(WORKERS)
        .ask("increase(lpctl_segments_shed_total[5m]) > 0");
    SESSIONS_REFUSED = counter("lpctl_sessions_refused_total", "sessions", "Sessions refused because the node was full")
        .ask("increase(lpctl_sessions_refused_total[1h])");
    BYTES_IN = counter("lpctl_source_bytes_total", "bytes", "Source bytes received").by(EVERYBODY)
        .ask("rate(lpctl_source_bytes_total[5m]) * 8");
    MEDIA = counter("lpctl_media_seconds_total", "seconds", "Playing time transcoded").by(WORKERS)
        .ask("rate(lpctl_media_seconds_total[5m])");
    IN_FLIGHT = gauge("lpctl_segments_in_flight", "segments", "Segments announced and not answered").by(EVERYBODY)
        .ask("lpctl_segments_in_flight");
    LATENCY = gauge("lpctl_segment_latency_seconds", "seconds", "From request to answer, over the last 512 segments").labels(&["percentile"]).by(WORKERS)
        .ask("lpctl_segment_latency_seconds{percentile=\"99\"}");
    REAL_TIME = gauge("lpctl_real_time_ratio", "ratio", "Playing time divided by transcoding time over the last 512 segments; absent before the first").by(WORKERS)
        .ask("lpctl_real_time_ratio < 1");
    SESSION_REAL_TIME = gauge("lpctl_session_real_time_ratio", "ratio", "The same for each of the 20 slowest sessions, over its last 60 segments; rank 1 is the slowest, `lpctl node sessions` tells which that is").labels(&["rank"]).by(WORKERS)
        .ask("lpctl_session_real_time_ratio{rank=\"1\"} < 1.2");
    DRAINING = gauge("lpctl_draining", "0 or 1", "Whether it takes no new sessions and finishes what it has").by(WORKERS)
        .ask("lpctl_draining == 1");
    NOTICE = gauge("lpctl_notice", "1", "A notice that holds now, always 1; `lpctl explain CODE` tells what to do").labels(&["code", "urgent"]).by(WORKERS)
        .ask("lpctl_notice{urgent=\"true\"}");
    FENCE = gauge("lpctl_fence", "0 or 1", "What ffmpeg is kept from: 1 for the level that holds").labels(&["level"]).by(WORKERS)
        .ask("lpctl_fence{level=\"full\"} == 0");
    FFMPEG_RUNNING = gauge("lpctl_ffmpeg_running", "processes", "ffmpeg processes at work; tasks handed out where others transcode").by(WORKERS)
        .ask("lpctl_ffmpeg_running");
    WAITING = gauge("lpctl_segments_waiting", "segments", "Segments waiting for their turn").by(WORKERS)
        .ask("lpctl_segments_waiting");
    WARM_READY = gauge("lpctl_warm_ready", "processes", "ffmpeg processes that wait for a segment").by(WORKERS)
        .ask("lpctl_warm_ready");
    WARM_BOUND = gauge("lpctl_warm_bound", "processes", "The most that may wait, by the memory that is free").by(WORKERS)
        .ask("lpctl_warm_ready / lpctl_warm_bound");
    WARM_STARTS = counter("lpctl_warm_starts_total", "segments", "Segments that found a waiting ffmpeg (hit) or started one (miss), and processes started for nothing (wasted)").labels(&["outcome"]).by(WORKERS)
        .ask("rate(lpctl_warm_starts_total{outcome=\"hit\"}[5m])");
    DISCARDED = counter("lpctl_speculative_discarded_total", "segments", "Work begun on segments that then did not arrive whole or right").by(WORKERS)
        .ask("increase(lpctl_speculative_discarded_total[1h])");
    RUN_FAILURES = counter("lpctl_ffmpeg_failures_total", "runs", "Failed runs of ffmpeg, by what was at fault").labels(&["class"]).by(WORKERS)
        .ask("sum by (class) (increase(lpctl_ffmpeg_failures_total[1h]))");
    EFFORT = gauge("lpctl_cpu_effort_info", "1", "Encoder preset in use on the CPU, always 1").labels(&["preset"]).by(WORKERS)
        .ask("lpctl_cpu_effort_info");
    EFFORT_REFUSING = gauge("lpctl_cpu_refusing", "0 or 1", "Whether the CPU takes no more sessions to keep up").by(WORKERS)
        .ask("lpctl_cpu_refusing == 1");

    DEVICE_INFO = gauge("lpctl_device_info", "1", "A device and its driver, always 1").labels(&["device", "name", "driver"]).by(WORKERS)
        .ask("lpctl_device_info");
    DEVICE_STATE = gauge("lpctl_device_state", "0 or 1", "1 for the state a device is in: ready, trial, resting, lost, unused").labels(&["device", "state"]).by(WORKERS)
        .ask("lpctl_device_state{state=~\"resting|lost\"} == 1");
    DEVICE_SESSIONS = gauge("lpctl_device_sessions", "sessions", "Stream sessions placed on a device").labels(&["device"]).by(WORKERS)
        .ask("lpctl_device_sessions");
    DEVICE_PROCESSES = gauge("lpctl_device_processes", "processes", "ffmpeg processes on a device").labels(&["device"]).by(WORKERS)
        .ask("lpctl_device_processes");
    DEVICE_MOVED = counter("lpctl_device_sessions_moved_total", "sessions", "Sessions a device lost to others").labels(&["device"]).by(WORKERS)
        .ask("increase(lpctl_device_sessions_moved_total[1h])");
    DEVICE_LOAD = gauge("lpctl_device_load_ratio", "0 to 1", "Load of a device, by part: compute, encoder, decoder").labels(&["device", "part"]).by(WORKERS)
        .ask("lpctl_device_load_ratio{part=\"encoder\"} > 0.95");
    DEVICE_ENCODERS = gauge("lpctl_device_encoder_sessions", "sessions", "Encoder sessions open on a device, of all programs").labels(&["device"]).by(WORKERS)
        .ask("lpctl_device_encoder_sessions");
    DEVICE_MEMORY = gauge("lpctl_device_memory_used_bytes", "bytes", "Memory of a device in use").labels(&["device"]).by(WORKERS)
        .ask("lpctl_device_memory_used_bytes / lpctl_device_memory_total_bytes");
    DEVICE_MEMORY_TOTAL = gauge("lpctl_device_memory_total_bytes", "bytes", "Memory of a device").labels(&["device"]).by(WORKERS)
        .ask("lpctl_device_memory_total_bytes");
    DEVICE_TEMPERATURE = gauge("lpctl_device_temperature_celsius", "degrees Celsius", "Temperature of a device").labels(&["device"]).by(WORKERS)
        .ask("lpctl_device_temperature_celsius > lpctl_device_temperature_limit_celsius - 3");
    DEVICE_TEMPERATURE_LIMIT = gauge("lpctl_device_temperature_limit_celsius", "degrees Celsius", "From here on a device slows itself down").labels(&["device"]).by(WORKERS)
        .ask("lpctl_device_temperature_limit_celsius");
    DEVICE_POWER = gauge("lpctl_device_power_watts", "watts", "What a device takes").labels(&["device"]).by(WORKERS)
        .ask("sum(lpctl_device_power_watts)");
    DEVICE_POWER_LIMIT = gauge("lpctl_device_power_limit_watts", "watts", "The most a device may take").labels(&["device"]).by(WORKERS)
        .ask("lpctl_device_power_watts / lpctl_device_power_limit_watts");
    DEVICE_XIDS = counter("lpctl_device_xid_errors_total", "errors", "Xid errors of a GPU since the readings began").labels(&["device"]).by(WORKERS)
        .ask("increase(lpctl_device_xid_errors_total[10m]) > 0");

    ROUND = gauge("lpctl_round", "round", "The current round").ask("lpctl_round");
    ROUND_INITIALIZED = gauge("lpctl_round_initialized", "0 or 1", "Whether the round was initialised")
        .ask("lpctl_round_initialized == 0");
    ROUND_ELAPSED = gauge("lpctl_round_elapsed_ratio", "0 to 1", "How much of the round has passed")
        .ask("lpctl_round_elapsed_ratio > 0.5 and on (node_id) lpctl_reward_called == 0");
    ROUND_LEFT = gauge("lpctl_round_seconds_left", "seconds", "Time to the round's end; absent on chains without a rhythm of blocks")
        .ask("lpctl_round_seconds_left < 3600");
    ACTIVE = gauge("lpctl_orchestrator_active", "0 or 1", "Whether the orchestrator is in this round's active set")
        .ask("lpctl_orchestrator_active == 0");
    RANK = gauge("lpctl_orchestrator_rank", "place", "Place in the pool by stake, from 1; absent outside of it")
        .ask("lpctl_pool_size - lpctl_orchestrator_rank");
    POOL_SIZE = gauge("lpctl_pool_size", "places", "How many the pool takes").ask("lpctl_pool_size");
    STAKE = gauge("lpctl_stake_lpt", "LPT", "Stake: the operator's own, and with delegators").labels(&["whose"])
        .ask("lpctl_stake_lpt{whose=\"total\"}");
    REWARD_CALLED = gauge("lpctl_reward_called", "0 or 1", "Whether this round's reward was called")
        .ask("lpctl_reward_called == 0 and on (node_id) lpctl_orchestrator_active == 1");
    REWARDS_MISSED = counter("lpctl_rewards_missed_total", "rounds", "Rounds that ended without a reward while the node ran and the orchestrator was active")
        .ask("increase(lpctl_rewards_missed_total[1d]) > 0");
    CHAIN_READ = gauge("lpctl_chain_read_age_seconds", "seconds", "Age of what was last read of the chain")
        .ask("lpctl_chain_read_age_seconds > 180");
    FEES = gauge("lpctl_fees_gwei", "gwei", "Fees that can be withdrawn").ask("lpctl_fees_gwei / 1e9");
    GAS_BALANCE = gauge("lpctl_gas_balance_gwei", "gwei", "ETH in the account, for gas").ask("lpctl_gas_balance_gwei / 1e9");
    GAS_RUNWAY = gauge("lpctl_gas_runway_seconds", "seconds", "How long the account's ETH lasts at the rate at which it went down since the start; absent before the first hour and while nothing is spent")
        .ask("lpctl_gas_runway_seconds / 86400");

    TICKETS_PENDING = gauge("lpctl_tickets_pending", "tickets", "Winning tickets not redeemed yet").ask("lpctl_tickets_pending");
    TICKETS_PENDING_VALUE = gauge("lpctl_tickets_pending_gwei", "gwei", "Their face values").ask("lpctl_tickets_pending_gwei / 1e9");
    TICKETS_LOST = counter("lpctl_tickets_lost_total", "tickets", "Winning tickets that can never be redeemed, of all runs with these books")
        .ask("increase(lpctl_tickets_lost_total[1d]) > 0");
    TICKETS_LOST_VALUE = counter("lpctl_tickets_lost_gwei_total", "gwei", "Their face values").ask("increase(lpctl_tickets_lost_gwei_total[1d]) / 1e9");
    CHARGED = counter("lpctl_charged_gwei_total", "gwei", "What work cost gateways, of all runs with these books")
        .ask("rate(lpctl_charged_gwei_total[1h]) * 3600 / 1e9");
    TICKETS_WAITING = gauge("lpctl_tickets_waiting", "tickets", "Winning tickets that wait, by why; `lpctl explain REASON` tells more").labels(&["reason"])
        .ask("sum by (reason) (lpctl_tickets_waiting)");
    TICKET_WINDOW = gauge("lpctl_ticket_window_seconds", "seconds", "Time until the first of the waiting tickets is worthless; absent without one, and on chains without a rhythm of blocks")
        .ask("lpctl_ticket_window_seconds < 3600");
    TICKET_WINDOW_BLOCKS = gauge("lpctl_ticket_window_blocks", "blocks of Ethereum", "The same in blocks")
        .ask("lpctl_ticket_window_blocks");
    REDEEM_COST = counter("lpctl_redeem_cost_gwei_total", "gwei", "What redeeming cost since the start")
        .ask("increase(lpctl_redeem_cost_gwei_total[1d])");
    REDEEM_TROUBLE = gauge("lpctl_redeem_trouble", "0 or 1", "Whether the last look at what can be redeemed failed")
        .ask("lpctl_redeem_trouble == 1");
    REWARDS_CALLED_TOTAL = counter("lpctl_rewards_called_total", "rewards", "Rewards this node called since its start")
        .ask("increase(lpctl_rewards_called_total[7d])");
    REWARD_COST = gauge("lpctl_reward_last_cost_gwei", "gwei", "What the last reward call cost; absent before the first")
        .ask("lpctl_gas_balance_gwei / lpctl_reward_last_cost_gwei");

    RPC_UP = gauge("lpctl_rpc_up", "0 or 1", "Whether an endpoint's last request worked").labels(&["endpoint"]).by(CHAIN_READERS)
        .ask("lpctl_rpc_up == 0");
    RPC_LATENCY = gauge("lpctl_rpc_latency_seconds", "seconds", "An endpoint's usual time of an answer; absent before the first").labels(&["endpoint"]).by(CHAIN_READERS)
        .ask("lpctl_rpc_latency_seconds > 1");
    RPC_ANSWERS = counter("lpctl_rpc_answers_total", "answers", "Answers of an endpoint that were used").labels(&["endpoint"]).by(CHAIN_READERS)
        .ask("sum by (endpoint) (rate(lpctl_rpc_answers_total[5m]))");
    RPC_FAILURES = counter("lpctl_rpc_failures_total", "requests", "Requests to an endpoint that failed").labels(&["endpoint"]).by(CHAIN_READERS)
        .ask("sum by (endpoint) (increase(lpctl_rpc_failures_total[15m]))");
    RPC_LAG = gauge("lpctl_rpc_lag_blocks", "blocks", "Blocks an endpoint is behind the best one; absent if nothing was heard of its head lately").labels(&["endpoint"]).by(CHAIN_READERS)
        .ask("lpctl_rpc_lag_blocks > 40");

    TRANSCODER_TASKS = gauge("lpctl_transcoder_tasks", "tasks", "Tasks remote transcoders work on, all together").ask("lpctl_transcoder_tasks");
    REACHABLE = gauge("lpctl_service_reachable", "0 or 1", "Whether the addresses gateways are told could be reached when they were last tried").labels(&["role"])
        .ask("lpctl_service_reachable == 0");
    REMOTE_REGISTERED = gauge("lpctl_orchestrator_registered", "0 or 1", "Whether the transcoder is registered with its orchestrator").by(TRANSCODER)
        .ask("lpctl_orchestrator_registered == 0");
    REMOTE_REGISTRATIONS = counter("lpctl_orchestrator_registrations_total", "registrations", "Registrations that held (done), and attempts that failed").labels(&["outcome"]).by(TRANSCODER)
        .ask("increase(lpctl_orchestrator_registrations_total{outcome=\"failed\"}[1h])");
    REMOTE_LOST = counter("lpctl_results_lost_total", "results", "Results that could not be handed in while the orchestrator waited").by(TRANSCODER)
        .ask("increase(lpctl_results_lost_total[1h])");

    GATEWAY_ORCHESTRATORS = gauge("lpctl_gateway_orchestrators", "orchestrators", "Orchestrators known: ready, suspended by some stream, or refusing").labels(&["state"]).by(GATEWAY)
        .ask("lpctl_gateway_orchestrators{state=\"ready\"} == 0");
    GATEWAY_LOG_LOST = counter("lpctl_gateway_log_lines_lost_total", "lines", "Lines the session log has lost").by(GATEWAY)
        .ask("increase(lpctl_gateway_log_lines_lost_total[1h]) > 0");
    GATEWAY_FEES = counter("lpctl_gateway_fees_gwei_total", "gwei", "What work was worth by the pixels reported").by(GATEWAY)
        .ask("rate(lpctl_gateway_fees_gwei_total[1h]) * 3600 / 1e9");

    PROCESS_CPU = counter("process_cpu_seconds_total", "seconds", "Processor time of lpctl itself, without ffmpeg").by(EVERYBODY).of_process()
        .ask("rate(process_cpu_seconds_total[5m])");
    PROCESS_MEMORY = gauge("process_resident_memory_bytes", "bytes", "Memory of lpctl itself, without ffmpeg").by(EVERYBODY).of_process()
        .ask("process_resident_memory_bytes");
    PROCESS_FILES = gauge("process_open_fds", "files", "Open files and sockets").by(EVERYBODY).of_process()
        .ask("process_open_fds / process_max_fds");
    PROCESS_MOST_FILES = gauge("process_max_fds", "files", "The most files and sockets there may be; absent without a limit").by(EVERYBODY).of_process()
        .ask("process_max_fds");
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_metric_is_named_once_and_well() {
        let names: BTreeSet<&str> = ALL.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), ALL.len());
        for metric in ALL {
            let name = metric.name;
            assert!(
                name.bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'),
                "{name}"
            );
            let prefix = match metric.origin {
                Origin::GoLivepeer { .. } => "livepeer_",
                Origin::LivepeerExporter { .. } => "livepeer_orch_",
                Origin::Lpctl => "lpctl_",
                Origin::Process => "process_",
            };
            assert!(name.starts_with(prefix), "{name}");
            assert!(metric.example.contains(name), "{name}: {}", metric.example);
            assert!(
                !metric.help.is_empty() && !metric.unit.is_empty() && !metric.told_by.is_empty(),
                "{name}"
            );
            if metric.origin == Origin::Lpctl {
                assert_eq!(metric.kind == Kind::Counter, name.ends_with("_total"), "{name}");
            }
            assert_eq!(
                metric.kind == Kind::Histogram,
                !metric.bounds.is_empty(),
                "{name}"
            );
            assert!(metric.bounds.is_sorted(), "{name}");
        }
    }
}
