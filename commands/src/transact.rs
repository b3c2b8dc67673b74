//! The one place where a plan becomes a transaction: show it, refuse it, stop for `--dry-run`, confirm, unlock, send, report.

use std::{fmt::Write as _, time::Duration};

use alloy::{
    primitives::{Address, TxHash},
    signers::local::PrivateKeySigner,
};
use clap::Args;
use engine::{
    chain::{
        Chain, GasPolicy, Journal, Outbox, Plan, PlanOptions, SubmitError, SubmitEvent, SubmitOptions,
        outbox::RecordError,
    },
    units::Lpt,
    view::transaction::{Finding, MinedStep, PlanSummary, Severity, TransactionReport},
    wallet::{Account, keystore::parse_address},
};
use serde_json::json;

use crate::{
    account::{password, select},
    context::Context,
    failure::{Failure, Kind},
    shell::{Report, Style, escape},
    wording,
};

/// Options of every transaction
#[derive(Debug, Clone, Copy, Args)]
pub struct TransactionArgs {
    /// Send even though an earlier transaction of the account is not mined yet
    #[arg(long)]
    pub queue: bool,
    /// How long to wait for each transaction to be mined, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub wait: u64,
}

impl TransactionArgs {
    /// What the operator decided beforehand, with the ceiling of the settings.
    #[must_use]
    pub fn options(&self, context: &Context) -> PlanOptions {
        PlanOptions {
            max_gas_price: context.settings().max_gas_price,
            queue: self.queue,
            ..PlanOptions::default()
        }
    }

    pub(crate) fn patience(&self) -> SubmitOptions {
        SubmitOptions {
            timeout: Duration::from_secs(self.wait),
            ..SubmitOptions::default()
        }
    }
}

/// Who will sign.
pub struct Sender {
    /// The account that acts.
    pub address: Address,
    /// Its keystore file; none for a dry run for an address whose key is elsewhere.
    account: Option<Account>,
    /// Its key, where the address could not be told without it.
    signer: Option<PrivateKeySigner>,
}

/// The account in use. Unlocks it only if its file does not tell its address.
///
/// # Errors
/// A config failure when there is no such account. A dry run needs no key, so any address will do.
pub async fn sender(context: &mut Context) -> eyre::Result<Sender> {
    let account = match select::selected(context) {
        Ok(account) => account,
        Err(unknown) => {
            let named = context
                .settings()
                .account
                .as_deref()
                .filter(|_| context.settings().dry_run);
            return match named.map(parse_address) {
                Some(Ok(Some(address))) => Ok(Sender {
                    address,
                    account: None,
                    signer: None,
                }),
                _ => Err(unknown.into()),
            };
        }
    };
    let (address, signer) = match account.address {
        Some(address) => (address, None),
        None => {
            let signer = password::unlock(&account, context).await?;
            (signer.address(), Some(signer))
        }
    };
    Ok(Sender {
        address,
        account: Some(account),
        signer,
    })
}

/// The key of whoever signs, asked for if it has not been.
///
/// # Errors
/// The password is missing or wrong.
pub(crate) async fn unlock(sender: Sender, context: &mut Context) -> eyre::Result<PrivateKeySigner> {
    match (sender.signer, sender.account) {
        (Some(signer), _) => Ok(signer),
        (None, Some(account)) => password::unlock(&account, context).await,
        (None, None) => {
            Err(Failure::new(Kind::Bug, "no_key", "something without a key was to be sent").into())
        }
    }
}

/// Takes a plan all the way, or says why not.
///
/// # Errors
/// A refusal (nothing was sent), or what is known of what was sent.
pub async fn run(
    chain: &Chain,
    plan: Plan,
    sender: Sender,
    args: TransactionArgs,
    context: &mut Context,
) -> eyre::Result<()> {
    let summary = plan.summary().clone();
    let refusals = plan.refusals();
    if !refusals.is_empty() {
        return Err(refused(&summary, context).into());
    }
    if plan.is_empty() {
        let report = TransactionReport {
            plan: None,
            ..Chain::dry_run(&plan)
        };
        return Ok(context.shell.report(&report)?);
    }
    if context.settings().dry_run {
        return Ok(context.shell.report(&Chain::dry_run(&plan))?);
    }
    if !args.queue {
        refuse_beside_unknown(chain, &plan, context).await?;
    }
    agree(&plan, context)?;
    let signer = unlock(sender, context).await?;
    let report = Box::pin(submit(chain, plan, &signer, args.patience(), context)).await?;
    Ok(context.shell.report(&report)?)
}

/// Shows a plan and asks whether it shall be sent.
///
/// # Errors
/// It was not confirmed.
pub(crate) fn agree(plan: &Plan, context: &mut Context) -> eyre::Result<()> {
    let summary = plan.summary();
    let style = context.shell.style();
    context
        .shell
        .show(format_args!("{}\n", plan_text(summary, &style)));
    for finding in summary
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Warning)
    {
        context.shell.note_warning(&finding.message);
    }
    let question = if summary.steps.len() == 1 {
        "Send it?"
    } else {
        "Send them?"
    };
    context
        .shell
        .confirm(question)
        .map_err(|error| about(error, summary))
}

/// An earlier run may have sent something whose outcome nobody saw, and no endpoint may know of it yet.
async fn refuse_beside_unknown(chain: &Chain, plan: &Plan, context: &Context) -> Result<(), Failure> {
    let journal = Journal::new(&context.directories().state_dir);
    let unknown = chain.unsettled(&journal, plan.from(), plan.mined_nonce()).await;
    let unknown = unknown.map_err(|error| match error {
        RecordError::Journal(error) => unusable_journal(context, "read", &error),
        RecordError::Chain(error) => error.into(),
    })?;
    let Some(first) = unknown.first() else {
        return Ok(());
    };
    let hashes: Vec<TxHash> = unknown.iter().map(|entry| entry.hash).collect();
    let message = format!(
        "not sent: an earlier `{}` ({}) may have been sent and is not mined",
        escape(&first.step),
        first.hash
    );
    Err(Failure::new(Kind::Refused, "unconfirmed_transaction", message)
        .hint(format!(
            "`lpctl tx show {}` tells what became of it; if it is lost, or if this shall be sent as well, pass `--queue`",
            first.hash
        ))
        .details(json!({ "hashes": hashes })))
}

pub(crate) fn unusable_journal(context: &Context, what: &str, error: &std::io::Error) -> Failure {
    let place = context.directories().state_dir.display();
    let message = format!("not sent: the journal in {place} cannot be {what}: {error}");
    Failure::new(Kind::Refused, "journal", message).hint(
        "without it a transaction could be lost sight of; make room or correct the folder's permissions",
    )
}

/// A confirmation that could not be had names what was to be confirmed.
fn about(error: eyre::Report, summary: &PlanSummary) -> eyre::Report {
    match error.downcast::<Failure>() {
        Ok(mut failure) => {
            if failure.code == "confirmation_needed" {
                failure.message = format!("not sent: `{}` was not confirmed", escape(&summary.title));
            }
            failure.into()
        }
        Err(other) => other,
    }
}

async fn submit(
    chain: &Chain,
    plan: Plan,
    signer: &PrivateKeySigner,
    patience: SubmitOptions,
    context: &mut Context,
) -> eyre::Result<TransactionReport> {
    let state_dir = context.directories().state_dir.clone();
    let policy = GasPolicy {
        max_gas_price: context.settings().max_gas_price,
        ..GasPolicy::default()
    };
    let outbox = Outbox::open(chain.clone(), signer.clone(), &state_dir, policy)
        .map_err(|error| unusable_journal(context, "written", &error))?;
    let style = context.shell.style();
    let steps = &plan.summary().steps;
    let width = steps
        .iter()
        .map(|step| step.name.chars().count())
        .max()
        .unwrap_or(0);
    let waiting = context.shell.progress(None, "sending");
    let Context {
        shell,
        outstanding,
        mined,
        ..
    } = context;
    let sent = outbox
        .submit_observed(plan, patience, |event| {
            match event {
                SubmitEvent::Signed { hash, .. } => *outstanding = Some(hash),
                SubmitEvent::Sent { step, hash } => {
                    waiting.set_message(format!("waiting for {step} {} to be mined", short_hash(hash)));
                }
                SubmitEvent::Replaced { step, old, new } => {
                    *outstanding = Some(new);
                    let line = format!(
                        "{} {step} {} is stuck: offered for more as {}",
                        style.warn_mark(),
                        short_hash(old),
                        short_hash(new)
                    );
                    waiting.suspend(|| shell.status(line));
                }
                SubmitEvent::Mined(done) => {
                    *outstanding = None;
                    mined.push(done.hash);
                    waiting.suspend(|| shell.status(mined_line(&done, width, &style)));
                }
            }
            Ok(())
        })
        .await;
    waiting.finish_and_clear();
    sent.map_err(|error| failed(error, outbox.journal().path()).into())
}

/// What stopped a series.
fn root(error: &SubmitError) -> &SubmitError {
    match error {
        SubmitError::Partly { source, .. } => root(source),
        other => other,
    }
}

/// The engine's error with what the operator needs to go on.
fn failed(error: SubmitError, journal: &std::path::Path) -> Failure {
    let explanation = match root(&error) {
        SubmitError::Unconfirmed { .. } => Some(format!(
            "  its hash and signed bytes are kept in {}",
            journal.display()
        )),
        SubmitError::Reverted { .. } => Some("  it cost its gas and changed nothing else".to_string()),
        _ => None,
    };
    let failure = Failure::from(error);
    match explanation {
        Some(lines) => failure.explanation(lines),
        None => failure,
    }
}

/// Everything that stands in the way, at once.
fn refused(summary: &PlanSummary, context: &Context) -> Failure {
    let style = context.shell.style();
    let refusals: Vec<&Finding> = summary
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Refusal)
        .collect();
    let verb = if refusals.len() == 1 { "stands" } else { "stand" };
    let count = wording::counted(refusals.len(), "thing");
    let title = escape(&summary.title);
    let message = format!("not sent: {count} {verb} in the way of this: {title}");
    let code = refusals.first().map_or("refused", |finding| finding.code);
    let mut failure = Failure::new(Kind::Refused, code, message).details(json!({
        "title": summary.title,
        "network": summary.network,
        "from": summary.from,
        "block": summary.block,
        "findings": summary.findings,
    }));
    if context.shell.is_json() {
        let reasons: Vec<&str> = refusals.iter().map(|finding| finding.message.as_str()).collect();
        failure.message = format!("{}: {}", failure.message, reasons.join("; "));
        let fixes: Vec<&str> = refusals
            .iter()
            .map(|finding| finding.fix.as_str())
            .filter(|fix| !fix.is_empty())
            .collect();
        failure.hint(fixes.join("; "))
    } else {
        let findings = findings_text(&summary.findings, Severity::Warning, &style);
        failure.explanation(format!("\n{findings}\n\nNothing was sent."))
    }
}

/// Findings from `least` up, each with its mark and what to do about it.
fn findings_text(findings: &[Finding], least: Severity, style: &Style) -> String {
    let mut lines = Vec::new();
    for finding in findings.iter().filter(|finding| finding.severity >= least) {
        let mark = match finding.severity {
            Severity::Refusal => style.bad_mark(),
            Severity::Warning => style.warn_mark(),
            Severity::Note => style.dim("·"),
        };
        if finding.severity == Severity::Note {
            lines.push(format!(
                "  {mark} {}: {}",
                escape(&finding.message),
                escape(&finding.fix)
            ));
            continue;
        }
        lines.push(format!("  {mark} {}", escape(&finding.message)));
        if !finding.fix.is_empty() {
            lines.push(format!("      {}", escape(&finding.fix)));
        }
    }
    lines.join("\n")
}

/// The plan as people decide on it.
fn plan_text(summary: &PlanSummary, style: &Style) -> String {
    let title = wording::sentence(&escape(&summary.title));
    let mut text = format!("{} on {}\n", style.bold(&title), escape(&summary.network));
    let rows = wording::changes(&summary.changes, "  ");
    // Writing to a String cannot fail.
    if !rows.is_empty() {
        let _ = write!(text, "\n{rows}\n");
    }
    let findings = findings_text(&summary.findings, Severity::Note, style);
    if !findings.is_empty() {
        let _ = write!(text, "\n{findings}\n");
    }
    let names: Vec<&str> = summary.steps.iter().map(|step| step.name.as_str()).collect();
    let _ = write!(
        text,
        "\n  {} ({}), at most {}",
        wording::counted(names.len(), "transaction"),
        names.join(", "),
        summary.max_cost_wei.human()
    );
    text
}

/// `width` is that of the longest name of the plan.
fn mined_line(done: &MinedStep, width: usize, style: &Style) -> String {
    format!(
        "{} {:width$}  {}  block {}  {}",
        style.good_mark(),
        done.name,
        short_hash(done.hash),
        wording::grouped(done.block),
        done.cost_wei.human()
    )
}

/// `0x4f1b2d51…dd2e`
pub(crate) fn short_hash(hash: TxHash) -> String {
    let whole = hash.to_string();
    format!("{}…{}", &whole[..10], &whole[62..])
}

impl Report for TransactionReport {
    fn text(&self, style: &Style) -> String {
        if let Some(plan) = &self.plan {
            return format!(
                "{}\n\nDry run: nothing was signed or sent.",
                plan_text(plan, style)
            );
        }
        let block = wording::grouped(self.block);
        if !self.sent {
            let title = escape(&self.title);
            return format!(
                "{} nothing to send: this is so already at block {block}: {title}",
                style.good_mark()
            );
        }
        let sentence = outcome(self).unwrap_or_else(|| format!("Done: {}", escape(&self.title)));
        format!(
            "{sentence}, read back at block {block}. It cost {}.",
            self.cost_wei.human()
        )
    }
}

/// What is now true, in a sentence without its end.
fn outcome(report: &TransactionReport) -> Option<String> {
    let after = |key: &str| {
        let change = report.changes.iter().find(|change| change.key == key)?;
        Some(wording::figure(key, &change.after))
    };
    let mut parts = Vec::new();
    if let Some(stake) = after("stake_lpt") {
        parts.push(format!("your stake is {stake}"));
    } else if let Some(wallet) = after("wallet_lpt") {
        parts.push(format!("the wallet holds {wallet}"));
    }
    if let (Some(reward_cut), Some(fee_share)) = (after("reward_cut_percent"), after("fee_share_percent")) {
        parts.push(format!(
            "you keep {reward_cut} of rewards, delegators get {fee_share} of fees"
        ));
    }
    if let Some(address) = after("service_uri") {
        parts.push(format!("gateways are told {address}"));
    }
    if let Some(address) = after("ai_service_uri") {
        parts.push(format!("gateways of AI are told {address}"));
    }
    if let Some(called) = after("reward") {
        let total = report
            .changes
            .iter()
            .find(|change| change.key == "total_stake_lpt");
        let minted = total.and_then(|total| {
            let (before, after) = (
                total.before.parse::<Lpt>().ok()?,
                total.after.parse::<Lpt>().ok()?,
            );
            Some(after.saturating_sub(before))
        });
        let minted = minted.map_or_else(String::new, |minted| {
            format!(": {} for you and your delegators", minted.human())
        });
        parts.push(format!("the round's reward is {called}{minted}"));
    }
    if let (Some(deposit), Some(reserve)) = (after("deposit_wei"), after("reserve_wei")) {
        let locked = match after("withdraw_round") {
            Some(round) if round != "none" => format!(", to be withdrawn from round {round} on"),
            _ => String::new(),
        };
        parts.push(format!("the deposit is {deposit}, the reserve {reserve}{locked}"));
    }
    if let Some(fees) = after("fees_wei") {
        parts.push(format!("{fees} of fees are left to withdraw"));
    }
    let whole = |key: &str| {
        let change = report.changes.iter().find(|change| change.key == key)?;
        Some(escape(&change.after))
    };
    if let Some(poll) = whole("poll") {
        parts.push(format!("the poll is {poll}"));
    }
    if let Some(proposal) = whole("proposal") {
        parts.push(format!("the proposal has the number {proposal}"));
    }
    if let Some(vote) = whole("vote") {
        parts.push(format!("your vote is {vote}"));
    }
    if let Some(state) = whole("state") {
        parts.push(format!("the proposal is {state}"));
    }
    if let Some(round) = after("last_initialized_round") {
        parts.push(format!("round {round} is initialised"));
    }
    (!parts.is_empty()).then(|| wording::sentence(&parts.join("; ")))
}
