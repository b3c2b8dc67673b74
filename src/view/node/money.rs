//! What a node earns and does about it: rewards, tickets, and the answers to orders that send transactions.

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    units::{Lpt, Round, Wei},
    view::{
        payments::PaymentsView,
        reward::{GuardianEvent, Waiting},
        ticket::TicketFacts,
        transaction::{Change, PlanSummary, TransactionReport},
    },
};

/// Why the guardian of rewards does nothing at the moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RewardWait {
    /// Stable name, like `called` or `gas_price`.
    pub code: String,
    /// A sentence. Text from outside possible: escape before drawing.
    pub message: String,
}

/// A reward the node called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RewardCall {
    /// The round.
    pub round: Round,
    /// The transaction.
    #[schema(value_type = String)]
    pub transaction: B256,
    /// Its block.
    pub block: u64,
    /// What it minted, if that could be read.
    pub amount_lpt: Option<Lpt>,
    /// What it cost.
    pub cost_wei: Wei,
    /// When.
    pub time: Timestamp,
}

/// A try that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RewardFailure {
    /// The round.
    pub round: Round,
    /// Stable name of the error.
    pub code: String,
    /// The error. Text from outside possible: escape before drawing.
    pub message: String,
    /// When.
    pub time: Timestamp,
}

/// An alert that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RewardAlert {
    /// Stable name, like `reward_late`.
    pub code: String,
    /// It in one line.
    pub message: String,
    /// Since when.
    pub since: Timestamp,
    /// The round it is about.
    pub round: Option<Round>,
}

/// How it goes with calling reward. Counts are since the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RewardView {
    /// Whose rewards.
    #[schema(value_type = String)]
    pub orchestrator: Address,
    /// The account that calls them.
    #[schema(value_type = String)]
    pub account: Address,
    /// Since when it watches.
    pub since: Timestamp,
    /// False once it has ended.
    pub running: bool,
    /// The last round it told of.
    pub round: Option<Round>,
    /// Why it does nothing at the moment; none while it does something, or before its first look.
    pub waiting: Option<RewardWait>,
    /// Rewards it called.
    pub called: u64,
    /// The last of them.
    pub last_call: Option<RewardCall>,
    /// The last try that failed.
    pub last_failure: Option<RewardFailure>,
    /// Alerts that hold now.
    pub alerts: Vec<RewardAlert>,
}

impl RewardView {
    /// A guardian that has not looked yet.
    #[must_use]
    pub fn new(orchestrator: Address, account: Address) -> Self {
        Self {
            orchestrator,
            account,
            since: Timestamp::now(),
            running: true,
            round: None,
            waiting: None,
            called: 0,
            last_call: None,
            last_failure: None,
            alerts: Vec::new(),
        }
    }

    /// Takes in what the guardian tells.
    pub fn take(&mut self, event: &GuardianEvent) {
        match event {
            GuardianEvent::Started { time, .. } => self.since = *time,
            GuardianEvent::Waiting { round, waiting, .. } => {
                self.round = round.or(self.round);
                self.waiting = Some(RewardWait {
                    code: code_of(waiting),
                    message: waiting.to_string(),
                });
            }
            GuardianEvent::RewardCalled {
                round,
                transaction,
                block,
                amount_lpt,
                cost_wei,
                time,
            } => {
                self.round = Some(*round);
                self.waiting = None;
                self.called += 1;
                self.last_call = Some(RewardCall {
                    round: *round,
                    transaction: *transaction,
                    block: *block,
                    amount_lpt: *amount_lpt,
                    cost_wei: *cost_wei,
                    time: *time,
                });
            }
            GuardianEvent::CalledElsewhere { round, .. } | GuardianEvent::RoundInitialized { round, .. } => {
                self.round = Some(*round);
            }
            GuardianEvent::TryFailed {
                round,
                code,
                message,
                time,
                ..
            } => {
                self.round = Some(*round);
                self.last_failure = Some(RewardFailure {
                    round: *round,
                    code: code.clone(),
                    message: message.clone(),
                    time: *time,
                });
            }
            GuardianEvent::Alert(alert) => {
                let code = alert.alert.as_str();
                self.alerts.retain(|held| held.code != code);
                if !alert.recovered {
                    self.alerts.push(RewardAlert {
                        code: code.to_string(),
                        message: alert.message.clone(),
                        since: alert.time,
                        round: alert.round,
                    });
                }
            }
            GuardianEvent::AlertNotDelivered { .. } => {}
            GuardianEvent::Stopped { .. } => self.running = false,
        }
    }
}

fn code_of(waiting: &Waiting) -> String {
    match waiting {
        Waiting::Called => "called",
        Waiting::NotActive => "not_active",
        Waiting::Paused => "paused",
        Waiting::RoundNotInitialized => "round_not_initialized",
        Waiting::GasPrice { .. } => "gas_price",
        Waiting::NotWorth { .. } => "not_worth",
        Waiting::OtherTransaction => "other_transaction",
        Waiting::Turn => "turn",
        Waiting::BackOff { .. } => "back_off",
        Waiting::Obstacle { code, .. } => code,
        Waiting::Unreachable { .. } => "unreachable",
    }
    .to_string()
}

/// The ticket that is worthless the soonest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Closing {
    /// Its hash.
    #[schema(value_type = String)]
    pub ticket: B256,
    /// What it pays, if the sender can.
    pub face_value_wei: Wei,
    /// Block of Ethereum from which it is worthless.
    pub closes_block: u64,
    /// Blocks left until then, when this was looked at.
    pub blocks_left: u64,
}

/// How it goes with redeeming tickets, as of the last look. Counts of what is over are since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct RedeemView {
    /// When the chain was read for it; none before the first look.
    pub time: Option<Timestamp>,
    /// Ethereum's block then.
    pub l1_block: Option<u64>,
    /// What gas cost then.
    pub gas_price_wei: Option<Wei>,
    /// Tickets not yet redeemed, those under way included.
    pub pending: u64,
    /// Tickets under way.
    pub in_flight: u64,
    /// What those not under way are worth together.
    pub value_wei: Wei,
    /// Why tickets wait: how many for each stable name, like `gas_dear`.
    pub reasons: BTreeMap<String, u64>,
    /// The ticket that is worthless the soonest; none if none waits.
    pub closing: Option<Closing>,
    /// Tickets paid.
    pub redeemed: u64,
    /// What they paid.
    pub paid_wei: Wei,
    /// What that cost.
    pub cost_wei: Wei,
    /// What failed at the last look, if anything did. Text from outside possible: escape before drawing.
    pub trouble: Option<String>,
}

/// The answer of `GET /api/v1/money`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MoneyView {
    /// Prices and books; none where nobody pays.
    pub payments: Option<PaymentsView>,
    /// How it goes with redeeming tickets; none: this node redeems none.
    pub redeem: Option<RedeemView>,
    /// ETH fees that can be withdrawn; none off-chain.
    pub fees_wei: Option<Wei>,
    /// ETH in the account, for gas; none off-chain.
    pub eth_wei: Option<Wei>,
}

/// Which winning tickets are asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TicketChoice {
    /// All of them, the newest first.
    #[default]
    All,
    /// To be redeemed, or under way, the oldest first.
    Pending,
    /// Redeemed, the newest first.
    Redeemed,
    /// Lost, the newest first.
    Lost,
}

impl TicketChoice {
    /// Its name in a query.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Pending => "pending",
            Self::Redeemed => "redeemed",
            Self::Lost => "lost",
        }
    }
}

/// Winning tickets in figures, of all runs with these books.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TicketTotals {
    /// Not settled.
    pub pending: u64,
    /// Their face values.
    pub pending_wei: Wei,
    /// Redeemed.
    pub redeemed: u64,
    /// What they paid.
    pub redeemed_wei: Wei,
    /// Gone without payment.
    pub lost: u64,
    /// Their face values.
    pub lost_wei: Wei,
}

/// The answer of `GET /api/v1/tickets`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TicketPage {
    /// Round the chain is in; none before it was read.
    pub round: Option<Round>,
    /// All winning tickets, whichever were asked for.
    pub totals: TicketTotals,
    /// The page.
    pub tickets: Vec<TicketFacts>,
    /// Whether there are more behind it.
    pub has_more: bool,
}

/// The body of `POST /api/v1/reward`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RewardOrder {
    /// Only tell what would be sent and what stands in its way.
    pub dry_run: bool,
}

/// The body of `POST /api/v1/redeem`: `tickets`, or `all`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RedeemOrder {
    /// Hashes of tickets, 20 at most.
    #[schema(value_type = Vec<String>)]
    pub tickets: Vec<B256>,
    /// Whatever can be redeemed now, 20 at most, the most valuable first.
    pub all: bool,
    /// Only tell what would be sent and what stands in its way.
    pub dry_run: bool,
}

/// One preflight row that did not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ActionFinding {
    /// Stable name, like `reward_already_called`.
    pub code: String,
    /// `note`, `warning` or `refusal`: with a refusal nothing is sent.
    pub severity: String,
    /// What is wrong, with the figures.
    pub message: String,
    /// What to do about it.
    pub fix: String,
}

/// One figure that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ActionChange {
    /// Stable name, like `stake_lpt`.
    pub key: String,
    /// What the figure is, for people.
    pub label: String,
    /// Before.
    pub before: String,
    /// After: predicted in a plan, read back from the chain otherwise.
    pub after: String,
    /// When or under which condition it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// One transaction of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ActionStep {
    /// Short name, like `reward`.
    pub name: String,
    /// Contract called.
    #[schema(value_type = String)]
    pub to: Address,
    /// Gas limit to be signed.
    pub gas_limit: u64,
    /// The most it can cost.
    pub max_cost_wei: Wei,
}

/// One mined transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ActionTransaction {
    /// Short name, like `reward`.
    pub name: String,
    /// Its hash.
    #[schema(value_type = String)]
    pub hash: B256,
    /// The block it is in.
    pub block: u64,
    /// Gas it used.
    pub gas_used: u64,
    /// What that cost.
    pub cost_wei: Wei,
}

/// The answer to an order that sends transactions: the plan as the command shows it, or what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ActionAnswer {
    /// Whether only a plan was asked for.
    pub dry_run: bool,
    /// False if nothing was sent.
    pub sent: bool,
    /// What it does, in one line.
    pub title: String,
    /// Network it is for.
    pub network: String,
    /// Who sends it.
    #[schema(value_type = String)]
    pub from: Address,
    /// The block the figures were read at.
    pub block: u64,
    /// What will change, or has changed.
    pub changes: Vec<ActionChange>,
    /// Preflight rows that did not hold, worst first; of a plan.
    pub findings: Vec<ActionFinding>,
    /// What would be sent, in order; of a plan.
    pub steps: Vec<ActionStep>,
    /// The most all of that can cost; of a plan.
    pub max_cost_wei: Option<Wei>,
    /// What was mined, in order.
    pub transactions: Vec<ActionTransaction>,
    /// What that cost.
    pub cost_wei: Wei,
    /// The tickets it was about, as they are now.
    pub tickets: Vec<TicketFacts>,
}

impl From<&PlanSummary> for ActionAnswer {
    /// A plan that is not sent.
    fn from(plan: &PlanSummary) -> Self {
        let findings = plan.findings.iter().map(|finding| ActionFinding {
            code: finding.code.to_string(),
            severity: finding.severity.as_str().to_string(),
            message: finding.message.clone(),
            fix: finding.fix.clone(),
        });
        let steps = plan.steps.iter().map(|step| ActionStep {
            name: step.name.clone(),
            to: step.to,
            gas_limit: step.gas_limit,
            max_cost_wei: step.max_cost_wei,
        });
        Self {
            dry_run: true,
            sent: false,
            title: plan.title.clone(),
            network: plan.network.clone(),
            from: plan.from,
            block: plan.block,
            changes: changes_of(&plan.changes),
            findings: findings.collect(),
            steps: steps.collect(),
            max_cost_wei: Some(plan.max_cost_wei),
            transactions: Vec::new(),
            cost_wei: Wei::ZERO,
            tickets: Vec::new(),
        }
    }
}

impl From<&TransactionReport> for ActionAnswer {
    /// What was sent.
    fn from(report: &TransactionReport) -> Self {
        let transactions = report.transactions.iter().map(|mined| ActionTransaction {
            name: mined.name.clone(),
            hash: mined.hash,
            block: mined.block,
            gas_used: mined.gas_used,
            cost_wei: mined.cost_wei,
        });
        Self {
            dry_run: false,
            sent: report.sent,
            title: report.title.clone(),
            network: report.network.clone(),
            from: report.from,
            block: report.block,
            changes: changes_of(&report.changes),
            findings: Vec::new(),
            steps: Vec::new(),
            max_cost_wei: None,
            transactions: transactions.collect(),
            cost_wei: report.cost_wei,
            tickets: Vec::new(),
        }
    }
}

fn changes_of(changes: &[Change]) -> Vec<ActionChange> {
    let told = changes.iter().map(|change| ActionChange {
        key: change.key.to_string(),
        label: change.label.clone(),
        before: change.before.clone(),
        after: change.after.clone(),
        note: change.note.clone(),
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::reward::{Alert, AlertKind};

    fn alert(recovered: bool) -> GuardianEvent {
        GuardianEvent::Alert(Alert {
            alert: AlertKind::RewardLate,
            recovered,
            network: "devnet".into(),
            orchestrator: Address::ZERO,
            account: Address::ZERO,
            round: Some(Round(7)),
            round_percent: Some(80),
            blocks_left: Some(10),
            seconds_left: None,
            message: "late".into(),
            time: Timestamp::UNIX_EPOCH,
        })
    }

    #[test]
    fn the_guardians_events_add_up_to_how_it_stands() {
        let mut view = RewardView::new(Address::ZERO, Address::ZERO);
        let time = Timestamp::UNIX_EPOCH;
        view.take(&GuardianEvent::Waiting {
            round: Some(Round(7)),
            waiting: Waiting::Turn,
            time,
        });
        assert_eq!(view.waiting.as_ref().map(|wait| wait.code.as_str()), Some("turn"));
        view.take(&alert(false));
        view.take(&alert(false));
        assert_eq!(view.alerts.len(), 1, "an alert that is told again is one");
        view.take(&GuardianEvent::RewardCalled {
            round: Round(7),
            transaction: B256::ZERO,
            block: 9,
            amount_lpt: None,
            cost_wei: Wei::ZERO,
            time,
        });
        view.take(&alert(true));
        assert_eq!(
            (view.called, view.round, view.alerts.len()),
            (1, Some(Round(7)), 0)
        );
        assert_eq!(view.waiting, None);
        view.take(&GuardianEvent::Stopped { rewards: 1, time });
        assert!(!view.running);
    }
}
