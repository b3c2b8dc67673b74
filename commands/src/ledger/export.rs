//! `lpctl ledger export`.

use std::{fmt::Write as _, path::PathBuf, str::FromStr};

use clap::{Args, ValueEnum, ValueHint};
use clap_complete::engine::ArgValueCompleter;
use comfy_table::CellAlignment;
use engine::{
    chain::{Chain, LedgerBound, LedgerError, LedgerProgress, LedgerRequest, LedgerStage},
    private_file,
    view::ledger::Ledger,
};
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};

use super::formats;
use crate::{
    account::select,
    complete,
    connection::connect,
    context::Context,
    failure::{Failure, Kind},
    shell::{Report, Style, table},
    wording,
};

/// How far back an export goes when nothing else is said, in days.
const DAYS: i64 = 30;

/// Export rewards, fees, gas and changes of stake of an account, exact to the wei
///
/// Read from the contracts' events and the receipts of the account's transactions. Each line moves one amount in one
/// book: the wallet's ETH and LPT, stake, stake on its way back, fees, a gateway's deposit and reserve. Rewards and
/// fees enter stake and fees when the contracts settle them, which every staking transaction does. The lines of a book
/// add up to the change of its balance; what they do not explain, like ETH that others sent, is told beside them,
/// where an endpoint keeps old balances. No key is needed.
///
/// Logs are asked for in ranges that are halved where an endpoint refuses. What was read is kept: an export that was
/// interrupted goes on where it was when the same command is run again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl ledger export                                    the last 30 days, as CSV
  lpctl ledger export --from 2026-01-01 --to 2026-12-31 --output 2026.csv
  lpctl ledger export 0x… --from 93000000 --to 94000000 --format beancount
  lpctl ledger export --json | jq '.data.books'")]
pub struct ExportArgs {
    /// Account: a name or an address; without it the account in use
    #[arg(value_name = "NAME|0x…", add = ArgValueCompleter::new(complete::accounts))]
    which: Option<String>,
    /// First block, or first day (UTC) or moment, like 2026-01-31 or 2026-01-31T12:00:00Z [default: 30 days ago]
    #[arg(long, value_name = "BLOCK|DATE")]
    from: Option<Bound>,
    /// Last block, or last day (UTC), or the moment before which it ends [default: now]
    #[arg(long, value_name = "BLOCK|DATE")]
    to: Option<Bound>,
    /// What to write; with --json always JSON
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    format: Format,
    /// Write it to this file, which others cannot read, and show a summary
    #[arg(long, short = 'o', value_name = "PATH", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
}

/// What is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line an amount.
    #[default]
    Csv,
    /// One document with entries and totals.
    Json,
    /// Double entries for Beancount.
    Beancount,
}

/// A block, a day or a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    Block(u64),
    Day(Date),
    Moment(Timestamp),
}

impl FromStr for Bound {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text
                .parse()
                .map(Self::Block)
                .map_err(|_| "there is no such block".to_string());
        }
        if let Ok(moment) = text.parse::<Timestamp>() {
            return Ok(Self::Moment(moment));
        }
        // With a time beside it a day would be read without it.
        let day = (text.len() == "2026-01-31".len()).then(|| text.parse::<Date>().ok());
        day.flatten().map(Self::Day).ok_or_else(|| {
            "write a block like 93000000, a day like 2026-01-31 or a moment like 2026-01-31T12:00:00Z"
                .to_string()
        })
    }
}

impl Bound {
    /// As the beginning of a range.
    fn first(self) -> Result<LedgerBound, Failure> {
        Ok(match self {
            Self::Block(block) => LedgerBound::Block(block),
            Self::Day(day) => LedgerBound::Time(midnight(day)?),
            Self::Moment(moment) => LedgerBound::Time(moment),
        })
    }

    /// As its end: the whole of that day, and nothing from that moment on.
    fn last(self) -> Result<LedgerBound, Failure> {
        Ok(match self {
            Self::Day(day) => {
                let next = day.checked_add(1.day()).map_err(|_| bad_day(day))?;
                LedgerBound::Time(midnight(next)?)
            }
            other => other.first()?,
        })
    }
}

fn midnight(day: Date) -> Result<Timestamp, Failure> {
    let begin = day.to_zoned(TimeZone::UTC).map_err(|_| bad_day(day))?;
    Ok(begin.timestamp())
}

fn bad_day(day: Date) -> Failure {
    Failure::new(Kind::Usage, "bad_day", format!("{day} is no day a chain has"))
        .hint("write it like 2026-01-31")
}

/// Reads and writes it.
///
/// # Errors
/// A config failure for an unknown account, unreachable when the chain does not answer, failed for a file that cannot
/// be written.
pub async fn run(args: ExportArgs, context: &mut Context) -> eyre::Result<()> {
    let account = select::address(args.which.as_deref(), context)?;
    let from = match args.from {
        Some(bound) => bound.first()?,
        None => {
            let back = Timestamp::now().checked_sub((DAYS * 24).hours());
            // Cut to the day, so that the same command means the same blocks for a while.
            let day = back
                .unwrap_or(Timestamp::UNIX_EPOCH)
                .to_zoned(TimeZone::UTC)
                .date();
            LedgerBound::Time(midnight(day)?)
        }
    };
    let to = args.to.map(Bound::last).transpose()?;
    let chain = connect(context).await?;
    let name = format!("{}-{account}.jsonl", chain.chain_id());
    let request = LedgerRequest {
        account,
        from,
        to,
        checkpoint: Some(context.directories().cache_dir.join("ledger").join(name)),
    };
    let ledger = read(&chain, &request, context).await?;
    tell(&ledger, context);
    let text = match args.format {
        Format::Csv => formats::csv(&ledger),
        Format::Beancount => formats::beancount(&ledger),
        Format::Json => {
            let document = serde_json::to_string_pretty(&ledger)?;
            format!("{document}\n")
        }
    };
    if let Some(path) = &args.output {
        private_file::replace(path, &text).map_err(|error| {
            Failure::new(
                Kind::Failed,
                "not_written",
                format!("{}: {error}", path.display()),
            )
            .hint("name another file with `--output`")
        })?;
        context.shell.status(format_args!(
            "{} written to {}",
            wording::counted(ledger.entries.len(), "line"),
            path.display()
        ));
        return Ok(context.shell.report(&ledger)?);
    }
    if context.shell.is_json() {
        return Ok(context.shell.report(&ledger)?);
    }
    Ok(context.shell.raw(text.as_bytes())?)
}

/// Reads it, until interrupted: what was read by then is kept.
async fn read(chain: &Chain, request: &LedgerRequest, context: &mut Context) -> eyre::Result<Ledger> {
    let bar = context.shell.progress(Some(1), "reading blocks");
    let shown = bar.clone();
    let progress = move |progress: LedgerProgress| {
        shown.set_message(match progress.stage {
            LedgerStage::Logs => "reading blocks",
            LedgerStage::Transactions => "reading transactions",
        });
        shown.set_length(progress.all);
        shown.set_position(progress.done);
    };
    let outcome = tokio::select! {
        outcome = Box::pin(chain.ledger(request, &progress)) => outcome,
        _ = tokio::signal::ctrl_c() => {
            bar.finish_and_clear();
            let failure = Failure::new(Kind::Interrupted, "interrupted", "interrupted; nothing was written");
            return Err(failure.hint("what was read is kept: run the same command again, and it goes on from there").into());
        }
    };
    bar.finish_and_clear();
    outcome.map_err(|error| of_ledger(error).into())
}

fn of_ledger(error: LedgerError) -> Failure {
    match error {
        LedgerError::Chain(error) => {
            let failure = Failure::from(error);
            let hint = failure.hint.clone().unwrap_or_default();
            failure.hint(format!(
                "{hint}{}what was read is kept: the same command goes on from there",
                if hint.is_empty() { "" } else { "; " }
            ))
        }
        LedgerError::Empty { .. } => Failure::new(Kind::Usage, "empty_range", error.to_string())
            .hint("`--from` must not be after `--to`, nor in the future"),
        LedgerError::TooMany { .. } => Failure::new(Kind::Failed, "too_many_events", error.to_string())
            .hint("export shorter ranges with `--from` and `--to`"),
        LedgerError::Checkpoint { .. } => Failure::new(Kind::Failed, "checkpoint", error.to_string())
            .hint("make the folder writable, or move it with LPCTL_CACHE_DIR"),
    }
}

/// Says what the entries leave open.
fn tell(ledger: &Ledger, context: &mut Context) {
    for book in &ledger.books {
        if let Some(open) = book.unexplained.filter(|open| !open.is_zero()) {
            context.shell.warn(format_args!(
                "{}: {} {} came or went without an event, as when others send it",
                book.book.name(),
                open.decimal(),
                book.unit
            ));
        }
    }
    match ledger.transactions {
        Some(all) if all > ledger.transactions_found => context.shell.warn(format_args!(
            "{} of {all} transactions of the account were not found: their gas is missing",
            all - ledger.transactions_found
        )),
        Some(_) => {}
        None => context.shell.warn(
            "no endpoint keeps the state of these blocks: gas of transactions without an event is missing, and nothing \
             could be held against balances; `lpctl rpc test` tells who keeps it",
        ),
    }
}

impl Report for Ledger {
    fn text(&self, _: &Style) -> String {
        let mut rows = table();
        rows.set_header(["book", "before", "lines", "after", "unexplained"]);
        for book in &self.books {
            let said = |amount: Option<engine::view::ledger::Signed>| {
                amount.map_or_else(|| "-".to_string(), |amount| amount.human(book.unit))
            };
            rows.add_row([
                book.book.name().to_string(),
                said(book.before),
                book.entries.human(book.unit),
                said(book.after),
                said(book.unexplained),
            ]);
        }
        for column in 1..=4 {
            if let Some(column) = rows.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let mut text = format!(
            "ledger of {}\n{}\n",
            wording::short(self.account),
            rows.trim_fmt()
        );
        let verdict = match self.is_whole() {
            Some(true) => "the lines explain every balance to the wei",
            Some(false) => "the lines do not explain everything",
            None => "balances of that time are not known",
        };
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "{} in blocks {} to {} · {verdict}",
            wording::counted(self.entries.len(), "line"),
            wording::grouped(self.from_block),
            wording::grouped(self.to_block)
        );
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_a_range_are_blocks_days_or_moments() {
        assert_eq!("93000000".parse(), Ok(Bound::Block(93_000_000)));
        let day: Bound = "2026-01-31".parse().unwrap();
        let at = |text: &str| LedgerBound::Time(text.parse().unwrap());
        assert_eq!(day.first().unwrap(), at("2026-01-31T00:00:00Z"));
        assert_eq!(day.last().unwrap(), at("2026-02-01T00:00:00Z"));
        let moment: Bound = "2026-01-31T12:30:00Z".parse().unwrap();
        assert_eq!(moment.first().unwrap(), moment.last().unwrap());
        for wrong in [
            "2026-01-31T12:30:00",
            "",
            "-1",
            "yesterday",
            "2026-13-01",
            "99999999999999999999999",
        ] {
            assert!(wrong.parse::<Bound>().is_err(), "{wrong}");
        }
        assert!("9999-12-31".parse::<Bound>().unwrap().last().is_err());
    }
}
