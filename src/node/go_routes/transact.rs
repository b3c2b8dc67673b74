//! Transactions: planned, checked, sent by the node's one sender, and told in go-livepeer's words.

use std::time::Duration;

use alloy::primitives::TxHash;

use super::{
    Ask,
    answer::{Answer, Refused, Reply},
};
use crate::{
    chain::{ChainError, Outbox, Plan, PlanOptions, SubmitError, SubmitOptions},
    view::transaction::{Finding, Severity},
};

/// How long a transaction is waited for, as go-livepeer does (`-transactionTimeout`, twice).
const PATIENCE: Duration = Duration::from_secs(600);

/// What was asked for was not done, or not wholly.
#[derive(Debug)]
pub(super) enum Failed {
    /// Nothing was sent.
    NotSent(String),
    /// Something was sent.
    Sent(String),
}

impl Failed {
    pub(super) fn text(self) -> String {
        match self {
            Self::NotSent(text) | Self::Sent(text) => text,
        }
    }
}

impl From<ChainError> for Failed {
    fn from(error: ChainError) -> Self {
        Self::NotSent(error.to_string())
    }
}

/// How a plan is made: behind what waits already, as go-livepeer sends, at no more for gas than the node may pay. What
/// costs the operator something beside the gas takes the operator's word, as the commands' flags do.
pub(super) fn options(ask: &Ask, outbox: &Outbox) -> PlanOptions {
    let form = &ask.form;
    let payments = ask.go.front().status().payments;
    let waiting = payments.and_then(|payments| {
        let count = usize::try_from(payments.winners_pending).ok()?;
        (count > 0).then_some((count, payments.winners_pending_wei))
    });
    PlanOptions {
        waiting_tickets: waiting,
        lpt_per_eth: None,
        max_gas_price: outbox.policy().max_gas_price,
        queue: true,
        give_up_reward: form.truth("giveUpReward"),
        allow_private: form.truth("allowPrivate"),
        resign: form.truth("resign"),
    }
}

/// Refuses a plan that something stands in the way of.
pub(super) fn check(plan: &Plan) -> Result<(), Failed> {
    match plan.refusals() {
        refusals if refusals.is_empty() => Ok(()),
        refusals => Err(Failed::NotSent(refused(&refusals))),
    }
}

/// Sends a plan and waits until it is mined. None: there was nothing to send.
pub(super) async fn send(outbox: &Outbox, plan: Plan) -> Result<Option<TxHash>, Failed> {
    check(&plan)?;
    let title = plan.summary().title.clone();
    for warning in &plan.summary().findings {
        if warning.severity == Severity::Warning {
            tracing::warn!(plan = title, "{}", warning.message);
        }
    }
    let options = SubmitOptions {
        timeout: PATIENCE,
        ..SubmitOptions::default()
    };
    match Box::pin(outbox.submit(plan, options)).await {
        Ok(report) => {
            tracing::info!(plan = title, cost = %report.cost_wei, "sent for the operator");
            Ok(report.transactions.last().map(|mined| mined.hash))
        }
        // It is done: only how things stand now could not be read.
        Err(SubmitError::ReadBack { hash, source }) => {
            tracing::warn!(plan = title, %hash, error = %source, "mined, and not read back");
            Ok(Some(hash))
        }
        Err(error) => {
            tracing::warn!(plan = title, %error, "not sent, or in vain");
            let text = told(&error);
            Err(match is_sent(&error) {
                true => Failed::Sent(text),
                false => Failed::NotSent(text),
            })
        }
    }
}

/// Sends a plan for a route that ends without a word; `about` begins what is said of a failure.
pub(super) async fn done(ask: &Ask, about: &str, plan: Result<Plan, ChainError>) -> Reply {
    let sent = match plan {
        Ok(plan) => send(ask.outbox()?, plan).await,
        Err(error) => Err(error.into()),
    };
    match sent {
        Ok(_) => Ok(Answer::Nothing),
        Err(failed) => Err(Refused::failed(format!("{about}{}", failed.text()))),
    }
}

fn is_sent(error: &SubmitError) -> bool {
    matches!(
        error,
        SubmitError::Unconfirmed { .. }
            | SubmitError::Reverted { .. }
            | SubmitError::NonceTaken { .. }
            | SubmitError::Replaced { .. }
            | SubmitError::Partly { .. }
            | SubmitError::ReadBack { .. }
    )
}

/// An error with the words that scripts look for (`go-livepeer eth/client.go`, `eth/transactionManager.go`).
fn told(error: &SubmitError) -> String {
    let gwei = |text: &str| text.strip_suffix(" gwei").unwrap_or(text).to_string();
    match error {
        SubmitError::Refused(findings) => refused(findings),
        SubmitError::Unconfirmed { hash, .. } => {
            format!("timed out waiting for transaction receipt txHash={hash}: it can still be mined")
        }
        SubmitError::Reverted { hash, reason, .. } => format!("transaction failed txHash={hash}: {reason}"),
        SubmitError::GasPriceAboveLimit { price, limit } => format!(
            "current gas price exceeds maximum gas price max={} GWei current={} GWei",
            gwei(limit),
            gwei(price)
        ),
        SubmitError::Partly { mined, source } => {
            let done: Vec<String> = mined
                .iter()
                .map(|(name, hash)| format!("{name} {hash}"))
                .collect();
            format!("{} (done before that: {})", told(source), done.join(", "))
        }
        other => other.to_string(),
    }
}

/// What stands in the way, and what to do about it.
fn refused(findings: &[Finding]) -> String {
    let all: Vec<String> = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Refusal)
        .map(|finding| {
            let known = match finding.code {
                "round_already_initialized" => "ErrRoundInitialized: ",
                "round_locked" => "current round locked: ",
                "gas_price_above_limit" => "current gas price exceeds maximum gas price: ",
                "insufficient_eth" => "insufficient funds for gas * price + value: ",
                _ => "",
            };
            let fix = match finding.waived_by {
                Some(flag) => format!(" (to do it all the same: {}=true)", parameter(flag)),
                None if finding.fix.is_empty() => String::new(),
                None => format!(" ({})", finding.fix),
            };
            format!("{known}{}{fix}", finding.message)
        })
        .collect();
    format!("not sent: {}", all.join("; "))
}

/// A command's flag as a parameter: `--give-up-reward` is `giveUpReward`.
fn parameter(flag: &str) -> String {
    let mut words = flag.trim_start_matches('-').split('-');
    let first = words.next().unwrap_or_default().to_string();
    words.fold(first, |name, word| {
        let mut letters = word.chars();
        let initial = letters.next().map(|letter| letter.to_ascii_uppercase());
        name + &initial.into_iter().chain(letters).collect::<String>()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_the_words_scripts_look_for() {
        let finding = |code, waived_by| Finding {
            code,
            severity: Severity::Refusal,
            message: "no".to_string(),
            fix: "do this".to_string(),
            waived_by,
        };
        let said = refused(&[
            finding("round_already_initialized", None),
            finding("reward_not_called", Some("--give-up-reward")),
        ]);
        assert_eq!(
            said,
            "not sent: ErrRoundInitialized: no (do this); no (to do it all the same: giveUpReward=true)"
        );
        let above = SubmitError::GasPriceAboveLimit {
            price: "2 gwei".to_string(),
            limit: "1 gwei".to_string(),
        };
        assert_eq!(
            told(&above),
            "current gas price exceeds maximum gas price max=1 GWei current=2 GWei"
        );
        let lost = SubmitError::Unconfirmed {
            step: "bond".to_string(),
            hash: TxHash::repeat_byte(1),
            waited: PATIENCE,
        };
        assert!(told(&lost).starts_with("timed out waiting for transaction receipt txHash=0x0101"));
        assert!(is_sent(&lost) && !is_sent(&above));
    }
}
