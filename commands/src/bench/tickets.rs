//! `lpctl bench tickets`.

use std::{path::PathBuf, thread::available_parallelism};

use clap::{Args, ValueHint};
use engine::{
    bench::tickets::{TicketBenchError, Tickets, keep_winners},
    view::bench::{SpeedUp, TicketBenchReport, TicketRun},
};

use crate::{
    context::Context,
    failure::{Failure, Kind},
    shell::{Report, Style, table},
    wording::grouped,
};

/// Measure how fast this machine checks tickets and keeps those that won
///
/// Tickets are checked as a node checks them: hash, signer, the number behind the draw, the draw, and whether they were
/// paid with before; in turn with a bare recovery of each signer by libsecp256k1, the one part nobody can do without. So
/// the ratio tells what everything else costs, whatever else the machine does.
///
/// Winners are written to books like the node's, in a folder of their own that is removed again, each synced to disk
/// before its gateway would be answered.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl bench tickets
  lpctl bench tickets --tickets 20000 --turns 11 --json
  lpctl bench tickets --folder /var/lib/lpctl --winners 5000 --clients 64")]
pub struct TicketsArgs {
    /// Tickets to check in each turn, rounded up to payments of 100
    #[arg(long, value_name = "COUNT", default_value_t = 2000)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    tickets: u32,
    /// Turns of each side; the median counts
    #[arg(long, value_name = "COUNT", default_value_t = 7)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1000))]
    turns: u32,
    /// Winners to write; 0 for none
    #[arg(long, value_name = "COUNT", default_value_t = 2000)]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    winners: u32,
    /// Gateways that send winners at the same time
    #[arg(long, value_name = "COUNT", default_value_t = 16)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1024))]
    clients: u32,
    /// Folder on the disk to write to [default: that of the node's data]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    folder: Option<PathBuf>,
}

impl Report for TicketBenchReport {
    fn text(&self, style: &Style) -> String {
        let mut rows = table();
        rows.set_header(["threads", "bare recovery", "whole ticket", "ratio", "tickets/s"]);
        for run in &self.runs {
            rows.add_row([
                run.threads.to_string(),
                format!("{:.1} µs", run.bare.microseconds),
                format!("{:.1} µs", run.whole.microseconds),
                format!("{:.2}", run.ratio),
                whole_number(run.whole.per_second),
            ]);
        }
        let mut text = format!(
            "{} tickets checked in payments of 100, median of {} turns\n\n{}\n",
            grouped(self.tickets as u64),
            self.turns,
            rows.trim_fmt()
        );
        if let Some(up) = &self.speed_up {
            text.push_str(&format!(
                "\n{} threads are {:.2} times as fast as one; the bare recovery {:.2} times\n",
                up.threads, up.whole, up.bare
            ));
        }
        if let Some(winners) = &self.winners {
            text.push_str(&format!(
                "\n{} {} winners a second on disk, of {} gateways at once: half of them within {:.1} ms, 99 in 100 within \
                 {:.1} ms\n",
                style.good_mark(),
                whole_number(winners.per_second),
                winners.clients,
                winners.median_ms,
                winners.p99_ms
            ));
        }
        text.trim_end().to_string()
    }
}

fn whole_number(rate: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate for people, far below 2^53"
    )]
    let whole = rate.round() as u64;
    grouped(whole)
}

/// Measures and reports.
///
/// # Errors
/// Failed where the folder cannot be written.
pub async fn run(args: TicketsArgs, context: &mut Context) -> eyre::Result<()> {
    let cores = available_parallelism().map_or(1, std::num::NonZero::get);
    let bar = context.shell.progress(None, "making the tickets");
    let measured = measure(&args, cores, context, &bar).await;
    bar.finish_and_clear();
    Ok(context.shell.report(&measured?)?)
}

async fn measure(
    args: &TicketsArgs,
    cores: usize,
    context: &Context,
    bar: &indicatif::ProgressBar,
) -> eyre::Result<TicketBenchReport> {
    let failed = |error: TicketBenchError| match error {
        TicketBenchError::Books(_) | TicketBenchError::Made(_) => {
            Failure::new(Kind::Failed, "bench_failed", error.to_string())
                .hint("choose a folder you can write with `--folder`, with some space left")
        }
        TicketBenchError::Refused(_) | TicketBenchError::Signature => {
            Failure::new(Kind::Bug, "bug", error.to_string())
        }
    };
    let tickets = Tickets::make(args.tickets as usize).await.map_err(failed)?;
    let mut runs: Vec<TicketRun> = Vec::new();
    let counts = if cores > 1 { vec![1, cores] } else { vec![1] };
    for threads in counts {
        bar.set_message(format!("checking on {threads} of {cores} cores"));
        runs.push(tickets.run(threads, args.turns as usize).await.map_err(failed)?);
    }
    let winners = match args.winners {
        0 => None,
        winners => {
            bar.set_message("keeping winners");
            let folder = args
                .folder
                .clone()
                .unwrap_or_else(|| context.directories().data_dir.clone());
            std::fs::create_dir_all(&folder)
                .map_err(|error| failed(TicketBenchError::Made(format!("{}: {error}", folder.display()))))?;
            let kept = keep_winners(&folder, winners as usize, args.clients as usize).await;
            Some(kept.map_err(failed)?)
        }
    };
    Ok(TicketBenchReport {
        version: env!("CARGO_PKG_VERSION").to_string(),
        cores,
        tickets: tickets.count(),
        turns: args.turns as usize,
        speed_up: match runs.as_slice() {
            [one, all] => Some(SpeedUp {
                threads: all.threads,
                bare: one.bare.microseconds / all.bare.microseconds,
                whole: one.whole.microseconds / all.whole.microseconds,
            }),
            _ => None,
        },
        runs,
        winners,
    })
}
