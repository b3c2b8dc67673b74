//! `cargo xtask fuzz`: thousands of damaged segments through the real transcoder, its helper and its fence.

use std::{
    io::{IsTerminal as _, Write as _, stderr, stdout},
    path::PathBuf,
    time::Instant,
};

use clap::Args;
use eyre::{bail, ensure, eyre};
use testbed::fuzz::{self, Outcomes, Series};

/// Broken rules that are listed.
const LISTED: usize = 40;
/// Progress is told every so many mutants where stderr is no terminal.
const TOLD: u64 = 500;

/// Send damaged segments through the real transcoder: bits flipped, parts cut, spliced, doubled, swapped, headers changed
///
/// Each must end by its deadline with renditions or an error of the network's, must cost the next segment nothing and
/// leave no process, file or open descriptor. Uses the `lpctl` beside this program. The same seed is the same series.
#[derive(Debug, Args)]
pub struct FuzzArgs {
    /// How many
    #[arg(long, default_value_t = 5000)]
    count: u64,
    /// Which series
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of the first mutant: with `--count 1` one of the series alone
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Folder for mutants that break a rule
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,
}

pub fn run(args: &FuzzArgs) -> eyre::Result<()> {
    let lpctl = std::env::current_exe()?.with_file_name("lpctl");
    ensure!(
        lpctl.exists(),
        "{} is not built; run `cargo build --workspace`",
        lpctl.display()
    );
    let series = Series {
        lpctl,
        first: args.first,
        count: args.count,
        seed: args.seed,
        alone: true,
        save: args.save.clone(),
    };
    let started = Instant::now();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let running = fuzz::run(series, |done, outcomes| progress(done, args.count, outcomes));
    let outcomes = runtime.block_on(running).map_err(|error| eyre!("{error}"))?;
    let mut out = stdout();
    writeln!(
        out,
        "{} mutants of seed {} in {} s; fence: {}",
        outcomes.total(),
        args.seed,
        started.elapsed().as_secs(),
        outcomes.fence
    )?;
    for (end, (count, first)) in &outcomes.counts {
        writeln!(out, "{count:>7}  {end} (first: {first})")?;
    }
    if let Some((number, took, story)) = &outcomes.slowest {
        writeln!(out, "slowest: mutant {number}, {} ms ({story})", took.as_millis())?;
    }
    let [(files_before, threads_before), (files, threads)] = outcomes.held;
    writeln!(
        out,
        "open files {files_before} after the first sessions, {files} at the end; threads {threads_before}, {threads}"
    )?;
    for broken in outcomes.broken.iter().take(LISTED) {
        writeln!(out, "✗ {broken}")?;
    }
    if !outcomes.broken.is_empty() {
        bail!("{} rules were broken", outcomes.broken.len());
    }
    ensure!(
        outcomes.total() == args.count,
        "only {} mutants were sent",
        outcomes.total()
    );
    writeln!(
        out,
        "✓ nothing hung, nothing was left behind, every next segment worked"
    )?;
    Ok(())
}

/// Nobody reads it: no reason to stop.
fn progress(done: u64, count: u64, outcomes: &Outcomes) {
    let broken = outcomes.broken.len();
    if stderr().is_terminal() {
        let _ = write!(stderr(), "\r{done} of {count}, {broken} rules broken");
        if done == count {
            let _ = writeln!(stderr());
        }
    } else if done / TOLD > done.saturating_sub(20) / TOLD {
        let _ = writeln!(stderr(), "{done} of {count}, {broken} rules broken");
    }
}
