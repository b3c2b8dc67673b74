//! What a transaction will do, what stands in its way, and what it did.

use alloy::primitives::{Address, B256};
use serde::Serialize;

use crate::units::Wei;

/// How a preflight finding bears on sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing; nothing to decide.
    Note,
    /// Costs or risks something; the operator confirms, scripts may need the named flag.
    Warning,
    /// The transaction would fail or harm: it is not sent.
    Refusal,
}

impl Severity {
    /// Its name in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Refusal => "refusal",
        }
    }
}

/// One preflight row that did not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable name for scripts, like `insufficient_lpt`.
    pub code: &'static str,
    /// How it bears on sending.
    pub severity: Severity,
    /// What is wrong, with the figures.
    pub message: String,
    /// What to do about it: often a command.
    pub fix: String,
    /// The flag that turns this refusal into a warning, like `--give-up-reward`, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waived_by: Option<&'static str>,
}

/// One figure a transaction changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Stable name for scripts, like `stake_lpt`.
    pub key: &'static str,
    /// What the figure is, for people.
    pub label: String,
    /// Before, as read at the plan's block.
    pub before: String,
    /// After: predicted in a plan, read back from the chain in a receipt.
    pub after: String,
    /// When or under which condition it counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// One transaction of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedStep {
    /// Short name, like `approve` or `bond`.
    pub name: String,
    /// Contract called.
    pub to: Address,
    /// Gas limit to be signed.
    pub gas_limit: u64,
    /// The most it can cost.
    pub max_cost_wei: Wei,
}

/// A described, unsent transaction or short series of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanSummary {
    /// What it does, in one line: `bond 500 LPT to yourself (0x7099…79C8)`.
    pub title: String,
    /// Network it is for.
    pub network: String,
    /// Who sends it.
    pub from: Address,
    /// The block every figure was read at.
    pub block: u64,
    /// What will change.
    pub changes: Vec<Change>,
    /// Preflight rows that did not hold, worst first.
    pub findings: Vec<Finding>,
    /// What will be sent, in order.
    pub steps: Vec<PlannedStep>,
    /// The most all steps can cost.
    pub max_cost_wei: Wei,
}

/// One mined transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MinedStep {
    /// Short name, like `approve` or `bond`.
    pub name: String,
    /// Its hash.
    pub hash: B256,
    /// The block it is in.
    pub block: u64,
    /// Gas it used.
    pub gas_used: u64,
    /// What that cost.
    pub cost_wei: Wei,
}

/// What a plan did, read back from the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TransactionReport {
    /// What was done, in one line.
    pub title: String,
    /// Network it was sent on.
    pub network: String,
    /// Who sent it.
    pub from: Address,
    /// False for `--dry-run` and for plans that had nothing to send.
    pub sent: bool,
    /// The mined transactions, in order.
    pub transactions: Vec<MinedStep>,
    /// Gas costs together.
    pub cost_wei: Wei,
    /// Figures before and after, both from the chain.
    pub changes: Vec<Change>,
    /// The block the figures after were read at.
    pub block: u64,
    /// The plan itself, for a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanSummary>,
}
