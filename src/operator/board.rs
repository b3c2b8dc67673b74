//! What nodes tell a dashboard beyond their status: lpctl's their winning tickets and their plans for what costs money,
//! go-livepeer's their metrics, and a status made of these and its routes.
//!
//! Metrics are Prometheus' text (`go-livepeer monitor/census.go`). Amounts in them are decimal numbers of gwei, read exactly,
//! never through a float. What the node does not tell is left at nothing; who shows the status says so.

use std::collections::HashMap;

use alloy::primitives::{Address, B256, U256};
use jiff::Timestamp;
use reqwest::{StatusCode, header::CONTENT_TYPE};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    ApiError, NodeApi,
    http::{ANSWER, Answer},
};
use crate::{
    units::{Round, Wei},
    view::{
        go_node::{GoNode, GoRole},
        node::{EngineView, NodeMode, NodeStatus, RemoteTranscoder, WorkTotals},
        payments::PaymentsView,
        ticket::{TicketFacts, TicketStatus, TicketWait, TicketWindow},
    },
};

/// An order may wait for its transaction to be mined.
const MINED: std::time::Duration = std::time::Duration::from_secs(300);

/// Series of one scrape that are read; a node has some hundreds.
const MOST_SERIES: usize = 50_000;
/// A longer line is none.
const LONGEST_LINE: usize = 8 << 10;
/// What all metrics of go-livepeer begin with.
const PREFIX: &str = "livepeer_";
/// What costs money and a node does itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoneyDeed {
    /// Call the round's reward.
    Reward,
    /// Redeem the tickets that can be redeemed.
    Redeem,
}

/// A node's plan of a [`MoneyDeed`], or what became of it. Texts are from outside: escape before drawing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct MoneyAnswer {
    /// False if nothing was sent.
    pub sent: bool,
    /// What it does, in one line.
    pub title: String,
    /// Network it is for.
    pub network: String,
    /// What will change, or has changed.
    pub changes: Vec<FigureChange>,
    /// Preflight rows that did not hold, worst first.
    pub findings: Vec<PreflightFinding>,
    /// What would be sent, in order.
    pub steps: Vec<PlanStep>,
    /// The most all of that can cost.
    pub max_cost_wei: Option<Wei>,
    /// What that cost.
    pub cost_wei: Wei,
}

/// One figure of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct FigureChange {
    /// Stable name, like `stake_lpt`.
    pub key: String,
    /// What the figure is, for people.
    pub label: String,
    /// Before.
    pub before: String,
    /// After.
    pub after: String,
    /// When or under which condition it counts.
    pub note: Option<String>,
}

/// One preflight row that did not hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct PreflightFinding {
    /// `note`, `warning` or `refusal`: with a refusal nothing is sent.
    pub severity: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub fix: String,
}

/// One transaction of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct PlanStep {
    /// Short name, like `reward`.
    pub name: String,
}

impl NodeApi {
    /// The newest winning tickets, `limit` at most, and whether there are more.
    ///
    /// # Errors
    /// As [`NodeApi::status`]; [`ApiError::NotANode`] of a node that is too old to tell them, [`ApiError::Refused`] of one
    /// that takes no payments.
    pub async fn newest_tickets(&self, limit: usize) -> Result<(Vec<TicketFacts>, bool), ApiError> {
        #[derive(Deserialize)]
        struct Page {
            tickets: Vec<WireTicket>,
            #[serde(default)]
            has_more: bool,
        }
        let path = format!("api/v1/tickets?state=all&limit={limit}");
        let page: Page = meant(&self.http().get(&path, ANSWER).await?)?;
        Ok((
            page.tickets.into_iter().map(TicketFacts::from).collect(),
            page.has_more,
        ))
    }

    /// What a deed would send and what stands in its way. Nothing is sent.
    ///
    /// # Errors
    /// As [`NodeApi::newest_tickets`].
    pub async fn plan(&self, deed: MoneyDeed) -> Result<MoneyAnswer, ApiError> {
        self.money(deed, true, None).await
    }

    /// Has the node do it. Asked twice with the same `key`, it does it once.
    ///
    /// # Errors
    /// As [`NodeApi::plan`]; [`ApiError::Refused`] says what stood in the way. If no answer came it may be done or not.
    pub async fn fulfil(&self, deed: MoneyDeed, key: &str) -> Result<MoneyAnswer, ApiError> {
        self.money(deed, false, Some(key)).await
    }

    async fn money(
        &self,
        deed: MoneyDeed,
        dry_run: bool,
        key: Option<&str>,
    ) -> Result<MoneyAnswer, ApiError> {
        let (path, body): (_, Value) = match deed {
            MoneyDeed::Reward => ("api/v1/reward", json!({ "dry_run": dry_run })),
            MoneyDeed::Redeem => ("api/v1/redeem", json!({ "all": true, "dry_run": dry_run })),
        };
        let mut request = self
            .http()
            .posting(path)?
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_string());
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        meant(&Answer::read(request, MINED).await?)
    }
}

/// What was asked for, or the node's own words for why not.
fn meant<T: DeserializeOwned>(answer: &Answer) -> Result<T, ApiError> {
    match answer.status {
        StatusCode::OK if answer.is_json() => answer.json(),
        StatusCode::OK | StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Err(ApiError::NotANode),
        _ => Err(answer.refusal()),
    }
}

/// A ticket as the API writes it: what a newer node adds is left out, what an older one leaves out is nothing.
#[derive(Deserialize)]
struct WireTicket {
    hash: B256,
    sender: Address,
    recipient: Address,
    face_value_wei: Wei,
    creation_round: Round,
    won_at: Timestamp,
    status: String,
    #[serde(default)]
    attempts: u32,
    last_failure: Option<String>,
    wait: Option<WireWait>,
    window: Option<WireWindow>,
    #[serde(default)]
    break_even_gas_price_wei: Wei,
    transaction: Option<B256>,
    block: Option<u64>,
    paid_wei: Option<Wei>,
    cost_wei: Option<Wei>,
    settled_at: Option<Timestamp>,
    note: Option<String>,
}

#[derive(Deserialize)]
struct WireWait {
    code: String,
    message: String,
    until_block: Option<u64>,
}

#[derive(Deserialize)]
struct WireWindow {
    opens_block: u64,
    last_call_block: u64,
    closes_block: u64,
    blocks_left: u64,
    seconds_left: Option<u64>,
    closes_at: Option<Timestamp>,
}

impl From<WireTicket> for TicketFacts {
    fn from(ticket: WireTicket) -> Self {
        Self {
            hash: ticket.hash,
            sender: ticket.sender,
            recipient: ticket.recipient,
            face_value_wei: ticket.face_value_wei,
            creation_round: ticket.creation_round,
            won_at: ticket.won_at,
            status: match ticket.status.as_str() {
                "in_flight" => TicketStatus::InFlight,
                "redeemed" => TicketStatus::Redeemed,
                "lost" => TicketStatus::Lost,
                "used_elsewhere" => TicketStatus::UsedElsewhere,
                "handed_over" => TicketStatus::HandedOver,
                _ => TicketStatus::Waiting,
            },
            attempts: ticket.attempts,
            last_failure: ticket.last_failure,
            wait: ticket.wait.map(|wait| TicketWait {
                code: wait.code,
                message: wait.message,
                until_block: wait.until_block,
            }),
            window: ticket.window.map(|window| TicketWindow {
                opens_block: window.opens_block,
                last_call_block: window.last_call_block,
                closes_block: window.closes_block,
                blocks_left: window.blocks_left,
                seconds_left: window.seconds_left,
                closes_at: window.closes_at,
            }),
            break_even_gas_price_wei: ticket.break_even_gas_price_wei,
            transaction: ticket.transaction,
            block: ticket.block,
            paid_wei: ticket.paid_wei,
            cost_wei: ticket.cost_wei,
            settled_at: ticket.settled_at,
            note: ticket.note,
        }
    }
}

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
