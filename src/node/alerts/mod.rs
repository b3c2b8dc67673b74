//! Who is told of what needs attention, and when: rules, decided on a clock of their own, handed to webhooks, programs
//! and whatever else the process has.
//!
//! | module | holds |
//! |---|---|
//! | [`rules`](self::RULES) | one row a code: how grave, how long it must hold, what to do |
//! | `desk` | when somebody is told: once, again while it lasts, and when it is over; over restarts too |
//! | `channel` | ways to tell, each with a queue of its own: one that hangs delays no other |

mod channel;
mod desk;
mod rules;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use alloy::primitives::Address;
use jiff::Timestamp;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

pub use channel::{AlertChannel, ChannelKind, TellOnDesktop, Telling};
pub use rules::{RULES, Rule, Severity, rule};

use self::{
    channel::Queue,
    desk::{Desk, Treatment},
};
use super::{operator::Operated, supervisor::TaskError};

/// How often the rules are looked at.
const TICK: Duration = Duration::from_secs(5);
/// A step longer than this was a machine asleep: what held before it did not hold through it.
const LONGEST_STEP: Duration = Duration::from_secs(60);
/// How often what was told is written down, if nothing else happens.
const KEEPING: Duration = Duration::from_secs(300);
/// What stands for a rule where a channel is tried.
const TEST: &str = "test";
/// The file of what was told, in the node's directory.
const FILE: &str = "alerts.json";

/// What the operator wants of one rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuleChoice {
    /// Whether it is told; none: critical and warning ones are.
    pub told: Option<bool>,
    /// How long it must hold.
    pub hold: Option<Duration>,
    /// How grave it is.
    pub severity: Option<Severity>,
    /// Where it is told; none: everywhere.
    pub channels: Option<Vec<ChannelKind>>,
}

/// Who is told of what.
#[derive(Debug, Clone, Default)]
pub struct AlertSettings {
    /// The ways to tell.
    pub channels: Vec<AlertChannel>,
    /// How long until what lasts is told again; none: never.
    pub repeat: Option<Duration>,
    /// What is wanted otherwise than the rules say, by code.
    pub choices: BTreeMap<String, RuleChoice>,
    /// How often the rules are looked at; none: every five seconds.
    pub tick: Option<Duration>,
}

impl AlertSettings {
    /// What holds of a rule.
    #[must_use]
    pub fn of(&self, rule: &Rule) -> RuleInForce {
        let choice = self.choices.get(rule.code).cloned().unwrap_or_default();
        let severity = choice.severity.unwrap_or(rule.severity);
        let kinds = self.channels.iter().map(AlertChannel::kind);
        RuleInForce {
            told: choice.told.unwrap_or(severity != Severity::Info),
            severity,
            hold: choice.hold.unwrap_or(rule.hold()),
            channels: kinds
                .filter(|kind| {
                    choice
                        .channels
                        .as_ref()
                        .is_none_or(|wanted| wanted.contains(kind))
                })
                .collect(),
        }
    }
}

/// A rule as it holds here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleInForce {
    /// Whether anybody is told.
    pub told: bool,
    /// How grave it is.
    pub severity: Severity,
    /// How long it must hold.
    pub hold: Duration,
    /// Where it is told.
    pub channels: Vec<ChannelKind>,
}

/// Where a trouble stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// It has begun, and held long enough.
    Began,
    /// It still holds, and was told before.
    Lasts,
    /// It is over.
    Recovered,
    /// Nothing happened: a channel is tried.
    Test,
}

impl AlertState {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Began => "began",
            Self::Lasts => "lasts",
            Self::Recovered => "recovered",
            Self::Test => "test",
        }
    }
}

/// Something that is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alert {
    /// The rule's code.
    #[serde(rename = "alert")]
    pub code: &'static str,
    /// How grave it is.
    pub severity: Severity,
    /// Where it stands.
    pub state: AlertState,
    /// What is the matter.
    pub message: String,
    /// What to do.
    pub next: &'static str,
    /// Since when it holds.
    pub since: Timestamp,
    /// When this was told.
    pub time: Timestamp,
}

impl Alert {
    /// One that tries a channel.
    #[must_use]
    pub fn test(now: Timestamp) -> Self {
        Self {
            code: TEST,
            severity: Severity::Info,
            state: AlertState::Test,
            message: "this is a test of lpctl's alerts: nothing is the matter".to_string(),
            next: "nothing",
            since: now,
            time: now,
        }
    }
}

/// Whose alerts they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// The address the node is known by.
    pub node: String,
    /// `offchain`, or the network's name.
    pub network: String,
    /// The orchestrator's account; none off-chain.
    pub account: Option<Address>,
}

/// Watches the node until told to stop. What cannot be told or written down is a line in the log, never an end.
pub(super) async fn watch(
    node: Arc<dyn Operated>,
    settings: AlertSettings,
    data_dir: PathBuf,
    stop: CancellationToken,
) -> Result<(), TaskError> {
    let path = data_dir.join(FILE);
    let in_force: BTreeMap<&'static str, RuleInForce> =
        RULES.iter().map(|rule| (rule.code, settings.of(rule))).collect();
    let treatments = RULES.iter().map(|rule| {
        let holds = &in_force[rule.code];
        let treatment = Treatment {
            severity: holds.severity,
            hold: holds.hold,
            is_event: rule.is_event,
            is_told: holds.told,
        };
        (rule.code, treatment)
    });
    let mut desk = Desk::new(treatments.collect(), settings.repeat);
    desk.remember(&path);
    let queues: Vec<Queue> = settings.channels.iter().cloned().map(Queue::start).collect();
    let tick = settings.tick.unwrap_or(TICK);
    let (mut looked, mut kept) = (Instant::now(), Instant::now());
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(tick) => {}
        }
        let passed = looked.elapsed().min(LONGEST_STEP);
        looked = Instant::now();
        let status = node.status();
        let alerts = desk.update(status.time, passed, &status.notices);
        let origin = Origin {
            node: status.service_uri,
            network: status.network,
            account: status.address,
        };
        for alert in &alerts {
            note(alert);
            let wanted = in_force.get(alert.code).map(|rule| rule.channels.as_slice());
            for queue in queues
                .iter()
                .filter(|queue| wanted.is_none_or(|wanted| wanted.contains(&queue.kind())))
            {
                queue.hand_over(alert, &origin);
            }
        }
        if !alerts.is_empty() || kept.elapsed() >= KEEPING {
            kept = Instant::now();
            keep(&desk, &path);
        }
    }
    keep(&desk, &path);
    futures_util::future::join_all(queues.into_iter().map(Queue::finish)).await;
    Ok(())
}

fn keep(desk: &Desk, path: &std::path::Path) {
    if let Err(error) = desk.keep(path) {
        tracing::warn!(path = %path.display(), %error, "what was told cannot be written down: after a restart it is told again");
    }
}

/// The line in the log.
fn note(alert: &Alert) {
    let (code, severity, state) = (alert.code, alert.severity.name(), alert.state.name());
    match (alert.state, alert.severity) {
        (AlertState::Recovered, _) => {
            tracing::info!(
                alert = code,
                severity,
                state,
                was = alert.message,
                "an alert is over"
            );
        }
        (_, Severity::Critical) => tracing::error!(alert = code, severity, state, "{}", alert.message),
        _ => tracing::warn!(alert = code, severity, state, "{}", alert.message),
    }
}
