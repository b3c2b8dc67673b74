//! Another transaction for a nonce: show, refuse, ask, unlock, send, and say which of the two was mined.

use std::time::Duration;

use alloy::primitives::{Address, TxHash};
use clap::Args;
use engine::{
    chain::{
        Chain, GasPolicy, Journal, Mined, Outbox, SubmitOptions,
        outbox::{Replacement, ReplacementKind, ReplacementOutcome},
    },
    units::Wei,
    view::sent::{ReplacementReport, SentState},
};

use crate::{
    connection::connect,
    context::Context,
    failure::{Failure, Kind},
    shell::{Report, Style, escape},
    transact, wording,
};

/// How long to wait
#[derive(Debug, Clone, Copy, Args)]
pub struct WaitArgs {
    /// How long to wait until one of the two is mined, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub wait: u64,
}

/// Replaces a transaction.
pub async fn run(
    kind: ReplacementKind,
    hash: Option<TxHash>,
    price: Option<Wei>,
    wait: WaitArgs,
    context: &mut Context,
) -> eyre::Result<()> {
    let sender = transact::sender(context).await?;
    let chain = connect(context).await?;
    let state_dir = context.directories().state_dir.clone();
    let journal = Journal::new(&state_dir);
    let hash = match hash {
        Some(hash) => hash,
        None => next_to_be_mined(&chain, &journal, sender.address).await?,
    };
    let policy = GasPolicy {
        max_gas_price: context.settings().max_gas_price,
        // The operator decides when it is replaced again.
        replacements: 0,
        ..GasPolicy::default()
    };
    let planned = chain
        .plan_replacement(&journal, sender.address, hash, kind, policy, price)
        .await
        .map_err(Failure::from)?;
    let report = report(&chain, &planned);
    if context.settings().dry_run {
        return Ok(context.shell.report(&report)?);
    }
    let style = context.shell.style();
    context
        .shell
        .show(format_args!("{}\n", plan_text(&report, &style)));
    if planned.behind > 0 {
        let count = wording::counted(
            usize::try_from(planned.behind).unwrap_or(usize::MAX),
            "transaction",
        );
        context.shell.warn(format_args!(
            "it waits for {count} before it, whatever it offers: `lpctl tx list --open` shows them"
        ));
    }
    context.shell.confirm("Send it?")?;
    let signer = transact::unlock(sender, context).await?;
    let outbox = Outbox::open(chain.clone(), signer, &state_dir, policy)
        .map_err(|error| transact::unusable_journal(context, "written", &error))?;
    let sent = Box::pin(outbox.replace(planned)).await.map_err(Failure::from)?;
    context.outstanding = Some(sent.hash());
    let waiting = context
        .shell
        .progress(None, "waiting for one of the two to be mined");
    let options = SubmitOptions {
        timeout: Duration::from_secs(wait.wait),
        ..SubmitOptions::default()
    };
    let outcome = Box::pin(sent.replaced(kind, options)).await;
    waiting.finish_and_clear();
    let outcome = outcome.map_err(Failure::from)?;
    context.outstanding = None;
    let report = told(report, outcome)?;
    Ok(context.shell.report(&report)?)
}

/// The transaction of the account that all others wait for.
async fn next_to_be_mined(chain: &Chain, journal: &Journal, account: Address) -> Result<TxHash, Failure> {
    let list = chain
        .sent_list(journal, account, 1000, true)
        .await
        .map_err(Failure::from)?;
    let waiting = list
        .transactions
        .iter()
        .filter(|sent| matches!(sent.state, SentState::Waiting | SentState::Lost));
    let next = waiting.min_by_key(|sent| sent.nonce);
    next.map(|sent| sent.hash).ok_or_else(|| {
        Failure::new(
            Kind::Refused,
            "nothing_waits",
            format!("not sent: nothing that {account} sent from here waits"),
        )
        .hint("`lpctl tx list` shows what became of it; name a transaction of another program by its hash")
    })
}

fn report(chain: &Chain, planned: &Replacement) -> ReplacementReport {
    ReplacementReport {
        network: chain.network().name.clone(),
        account: planned.account,
        action: match planned.kind {
            ReplacementKind::SpeedUp => "speed_up",
            ReplacementKind::Cancel => "cancel",
        },
        outcome: "planned",
        title: planned.title.clone(),
        nonce: planned.nonce,
        original: planned.of,
        gas_price_wei: planned.price,
        new_gas_price_wei: planned.new_price,
        max_cost_wei: planned.most_wei,
        mined: None,
        block: None,
        cost_wei: None,
    }
}

/// The report with what was mined, or a failure that says why that is not what was wanted.
fn told(report: ReplacementReport, outcome: ReplacementOutcome) -> Result<ReplacementReport, Failure> {
    let with = |mined: &Mined, outcome| ReplacementReport {
        outcome,
        mined: Some(mined.hash),
        block: Some(mined.block),
        cost_wei: Some(mined.cost_wei),
        ..report.clone()
    };
    let facts = |mined: &Mined| serde_json::json!({ "hash": mined.hash, "block": mined.block });
    match outcome {
        ReplacementOutcome::Done(mined) if report.action == "cancel" => Ok(with(&mined, "cancelled")),
        ReplacementOutcome::Done(mined) if mined.hash == report.original => {
            Ok(with(&mined, "original_mined"))
        }
        ReplacementOutcome::Done(mined) => Ok(with(&mined, "replaced")),
        ReplacementOutcome::CallMined(mined) => Err(Failure::new(
            Kind::Failed,
            "too_late",
            format!("too late: {} was mined in block {}", mined.hash, mined.block),
        )
        .details(facts(&mined))
        .hint(format!("`lpctl tx show {}` tells what it did", mined.hash))),
        ReplacementOutcome::Cancelled(mined) => Err(Failure::new(
            Kind::Failed,
            "cancelled",
            format!(
                "it was cancelled meanwhile, by {} in block {}",
                mined.hash, mined.block
            ),
        )
        .details(facts(&mined))
        .hint("run the command that sent it again if it shall be done after all")),
        ReplacementOutcome::Reverted { hash, block } => Err(Failure::new(
            Kind::Reverted,
            "reverted",
            format!("{hash} was mined in block {block} and reverted"),
        )
        .details(serde_json::json!({ "hash": hash, "block": block }))
        .hint(format!("`lpctl tx show {hash}` tells why"))),
    }
}

fn plan_text(report: &ReplacementReport, style: &Style) -> String {
    let title = escape(&report.title);
    let headline = if report.action == "cancel" {
        format!("Cancel: {title}")
    } else {
        format!("Speed up: {title}")
    };
    format!(
        "{} on {}\n\n  transaction  {} (nonce {})\n  gas price    up to {}  →  up to {}\n  at most      {}",
        style.bold(&headline),
        escape(&report.network),
        transact::short_hash(report.original),
        report.nonce,
        report.gas_price_wei.human_gwei(),
        report.new_gas_price_wei.human_gwei(),
        report.max_cost_wei.human()
    )
}

impl Report for ReplacementReport {
    fn text(&self, style: &Style) -> String {
        let (Some(mined), Some(block), Some(cost)) = (self.mined, self.block, self.cost_wei) else {
            return format!(
                "{}\n\nDry run: nothing was signed or sent.",
                plan_text(self, style)
            );
        };
        let what = match self.outcome {
            "cancelled" => format!(
                "cancelled: {} can never be mined",
                transact::short_hash(self.original)
            ),
            "original_mined" => "mined already, at its first price".to_string(),
            _ => "mined at the higher price".to_string(),
        };
        format!(
            "{} {what}\n{mined}  block {}  {}",
            style.good_mark(),
            wording::grouped(block),
            cost.human()
        )
    }
}
