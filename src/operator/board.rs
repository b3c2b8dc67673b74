//! What go-livepeer's nodes tell a dashboard: their metrics, and a status made of these and their routes.
//!
//! Metrics are Prometheus' text (`go-livepeer monitor/census.go`). Amounts in them are decimal numbers of gwei, read exactly,
//! never through a float. What the node does not tell is left at nothing; who shows the status says so.

use std::collections::HashMap;

use alloy::primitives::U256;
use jiff::Timestamp;

use crate::{
    units::Wei,
    view::{
        go_node::{GoNode, GoRole},
        node::{EngineView, NodeMode, NodeStatus, RemoteTranscoder, WorkTotals},
        payments::PaymentsView,
    },
};

/// Series of one scrape that are read; a node has some hundreds.
const MOST_SERIES: usize = 50_000;
/// A longer line is none.
const LONGEST_LINE: usize = 8 << 10;
/// What all metrics of go-livepeer begin with.
const PREFIX: &str = "livepeer_";
/// Digits of an amount that are read.
const MOST_DIGITS: usize = 60;
/// Wei of a gwei, as a power of ten.
const GWEI: i32 = 9;

/// One scrape, each metric summed over its labels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GoMetrics(HashMap<String, Sum>);

/// The sum in billionths: exact for counts, and for amounts of gwei in wei.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum(U256);

impl GoMetrics {
    /// Reads Prometheus' text. Lines that are none are left out.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut sums: HashMap<String, Sum> = HashMap::new();
        for line in text.lines().take(MOST_SERIES) {
            if line.len() > LONGEST_LINE || line.starts_with('#') {
                continue;
            }
            let Some((name, value)) = series(line) else {
                continue;
            };
            let name = name.strip_prefix(PREFIX).unwrap_or(name);
            let Some(value) = billionths(value) else { continue };
            let sum = sums.entry(name.to_string()).or_default();
            sum.0 = sum.0.saturating_add(value);
        }
        Self(sums)
    }

    /// A metric without go-livepeer's prefix, as a whole number; none if the node has none.
    #[must_use]
    pub fn count(&self, name: &str) -> Option<u64> {
        let billion = U256::from(1_000_000_000u64);
        u64::try_from(self.0.get(name)?.0 / billion).ok()
    }

    /// A metric in gwei, as wei.
    #[must_use]
    pub fn gwei(&self, name: &str) -> Option<Wei> {
        Some(Wei(self.0.get(name)?.0))
    }

    /// A metric in thousandths.
    fn thousandths(&self, name: &str) -> Option<u64> {
        u64::try_from(self.0.get(name)?.0 / U256::from(1_000_000u64)).ok()
    }
}

/// Name and value of `name{labels} value [time]`. Braces and spaces may be in the labels' values.
fn series(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = match line.find('{') {
        Some(open) => {
            let labels = &line[open + 1..];
            (&line[..open], &labels[end_of_labels(labels)? + 1..])
        }
        None => line.split_once(' ')?,
    };
    let value = rest.split_ascii_whitespace().next()?;
    (!name.is_empty()).then_some((name, value))
}

/// Where the closing brace is: outside of quotes.
fn end_of_labels(labels: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (place, byte) in labels.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'}' if !quoted => return Some(place),
            _ => {}
        }
    }
    None
}

/// A decimal number like `12`, `1.5` or `1.234e+06` in billionths, cut off below; none for negative ones, NaN and infinity.
fn billionths(text: &str) -> Option<U256> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let is_number =
        !digits.is_empty() && digits.len() <= MOST_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number {
        return None;
    }
    let number = U256::from_str_radix(&digits, 10).ok()?;
    let fraction = i32::try_from(fraction.len()).ok()?;
    let shift = exponent.checked_sub(fraction)?.checked_add(GWEI)?;
    let power = |places: i32| {
        let places = u32::try_from(places).ok().filter(|places| *places <= 76)?;
        U256::from(10u64).checked_pow(U256::from(places))
    };
    match shift {
        0.. => number.checked_mul(power(shift)?),
        _ => Some(number / power(shift.checked_neg()?)?),
    }
}

/// A go-livepeer node in the shape of lpctl's status, as far as it tells. `since` is when it was first seen, for a node
/// whose metrics do not tell when it started.
#[must_use]
pub fn translated(
    node: &GoNode,
    metrics: Option<&GoMetrics>,
    url: &str,
    now: Timestamp,
    since: Timestamp,
) -> NodeStatus {
    let count = |name: &str| metrics.and_then(|metrics| metrics.count(name));
    let started = count("process_start_time_seconds")
        .and_then(|seconds| i64::try_from(seconds).ok())
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .unwrap_or(since);
    let is_orchestrator = node.role == GoRole::Orchestrator;
    let network = match node.chain_id {
        Some(0) | None => "offchain".to_string(),
        Some(42_161) => "arbitrum-one".to_string(),
        Some(other) => format!("chain {other}"),
    };
    let service_uri = node
        .orchestrator
        .as_ref()
        .map_or_else(|| url.to_string(), |registered| registered.service_uri.clone());
    NodeStatus {
        time: now,
        version: node.version.clone(),
        started,
        service_uri,
        address: node.account,
        network,
        draining: false,
        max_sessions: count("max_sessions_total")
            .and_then(|most| u32::try_from(most).ok())
            .unwrap_or_default(),
        sessions: Vec::new(),
        work: WorkTotals {
            segments_done: count("segment_transcoded_total").unwrap_or_default(),
            segments_failed: count("segment_transcode_failed_total").unwrap_or_default(),
            pixels: metrics
                .and_then(|metrics| metrics.thousandths("mil_pixels_processed"))
                .unwrap_or_default()
                .saturating_mul(1_000),
            ..WorkTotals::default()
        },
        devices: Vec::new(),
        transcoders: node
            .transcoders
            .iter()
            .map(|transcoder| RemoteTranscoder {
                address: transcoder.address.clone(),
                version: String::new(),
                since: now,
                capacity: transcoder.capacity,
                load: 0,
                running: 0,
                tasks_done: 0,
                tasks_failed: 0,
                last_error: None,
            })
            .collect(),
        engine: EngineView::default(),
        chain: None,
        payments: metrics
            .filter(|_| is_orchestrator && node.chain_id != Some(0))
            .map(|metrics| payments(node, metrics)),
        reach: Default::default(),
        notices: Vec::new(),
        api_version: 0,
        reward: None,
        redeem: None,
        mode: match node.transcodes_itself {
            Some(false) => NodeMode::Orchestrator,
            _ => NodeMode::Combined,
        },
        remote: None,
    }
}

fn payments(node: &GoNode, metrics: &GoMetrics) -> PaymentsView {
    let price = node.prices_wei_per_pixel.get("default").map(ToString::to_string);
    PaymentsView {
        price: price.clone().unwrap_or_default(),
        price_wei_per_pixel: price,
        tickets: metrics.count("tickets_recv").unwrap_or_default(),
        credited_wei: metrics.gwei("ticket_value_recv").unwrap_or_default(),
        winners_redeemed_wei: metrics.gwei("value_redeemed").unwrap_or_default(),
        ..PaymentsView::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRAPE: &str = "\
# HELP livepeer_ticket_value_recv TicketValueRecv
# TYPE livepeer_ticket_value_recv counter
livepeer_ticket_value_recv{manifest_id=\"a } b\",sender=\"0x1\"} 1.2345678901e+06
livepeer_ticket_value_recv{manifest_id=\"c\\\"}\",sender=\"0x2\"} 0.5
livepeer_segment_transcoded_total{profiles=\"P240p\"} 41 1700000000000
livepeer_segment_transcoded_total{profiles=\"P360p\"} 1
livepeer_mil_pixels_processed 12.75
process_start_time_seconds 1.7e+09
livepeer_success_rate NaN
livepeer_odd{ 3
livepeer_negative -4
";

    #[test]
    fn metrics_are_summed_over_their_labels_and_amounts_are_exact() {
        let metrics = GoMetrics::parse(SCRAPE);
        assert_eq!(metrics.count("segment_transcoded_total"), Some(42));
        let wei = metrics.gwei("ticket_value_recv").unwrap();
        assert_eq!(wei.0, U256::from(1_234_568_390_100_000u64));
        assert_eq!(metrics.thousandths("mil_pixels_processed"), Some(12_750));
        assert_eq!(metrics.count("process_start_time_seconds"), Some(1_700_000_000));
        for none in ["success_rate", "odd", "negative", "never"] {
            assert_eq!(metrics.count(none), None, "{none}");
        }
    }

    #[test]
    fn rubbish_is_no_metric() {
        for rubbish in [
            "",
            "x",
            "{} 1",
            "a{b=\"",
            "a 1e999999999",
            "a e5",
            "a 1.2.3",
            "a 0x10",
        ] {
            let metrics = GoMetrics::parse(rubbish);
            assert!(metrics.0.values().all(|sum| sum.0.is_zero()), "{rubbish}");
        }
        let tiny = GoMetrics::parse("a 1e-300");
        assert_eq!(
            tiny.count("a"),
            None,
            "an exponent beyond all amounts is not read"
        );
    }
}
