//! Work on lpctl itself: derived files and the demo.
//!
//! `cargo xtask gen` writes the derived files, `cargo xtask gen --check` fails if one differs from what the commands say.
//! `cargo xtask fuzz`, `cargo xtask soak` and `cargo xtask live` are the long tests of the transcoder and the node around it,
//! `cargo xtask transcoders` that of the orchestrator with many remote ones, `cargo xtask paid` that of the money. `cargo xtask offers` measures how long gateways
//! wait for an offer, `cargo xtask scrape` how long Prometheus does.

mod demo;
mod fuzz;
mod live;
mod offers;
mod paid;
mod scrape;
mod soak;
mod transcoders;

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use eyre::{WrapErr, bail};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Work on lpctl itself")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write the files derived from code: completions/, man/, docs/metrics.md and assets/openapi.json
    Gen {
        /// Only say which differ, and fail if any does
        #[arg(long)]
        check: bool,
    },
    Demo(demo::DemoArgs),
    Fuzz(fuzz::FuzzArgs),
    Live(live::LiveArgs),
    Soak(soak::SoakArgs),
    Transcoders(transcoders::TranscodersArgs),
    Offers(offers::OffersArgs),
    Paid(paid::PaidArgs),
    Scrape(scrape::ScrapeArgs),
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(report) => {
            // Nobody reads stderr: the exit code still says it.
            let _ = writeln!(std::io::stderr(), "error: {report:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> eyre::Result<()> {
    match cli.command {
        Command::Gen { check } => generate(check),
        Command::Demo(args) => demo::run(&args),
        Command::Fuzz(args) => fuzz::run(&args),
        Command::Live(args) => live::run(&args),
        Command::Soak(args) => soak::run(&args),
        Command::Transcoders(args) => transcoders::run(&args),
        Command::Offers(args) => offers::run(&args),
        Command::Paid(args) => paid::run(&args),
        Command::Scrape(args) => scrape::run(&args),
    }
}

/// The folder of the workspace.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Every derived file with its content, by path below the workspace.
fn derived() -> eyre::Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for shell in lpctl::completions::CompletionShell::ALL {
        files.insert(Path::new("completions").join(shell.file_name()), shell.script()?);
    }
    for (name, page) in lpctl::man::pages()? {
        files.insert(Path::new("man").join(name), page);
    }
    files.insert(
        PathBuf::from("assets/openapi.json"),
        engine::node::document().into_bytes(),
    );
    let metrics = engine::metrics::document().into_bytes();
    files.insert(Path::new("docs").join("metrics.md"), metrics);
    Ok(files)
}

fn generate(check: bool) -> eyre::Result<()> {
    let root = root();
    let wanted = derived()?;
    let mut stale = Vec::new();
    for folder in ["completions", "man"] {
        for entry in fs::read_dir(root.join(folder)).wrap_err(folder)? {
            let path = Path::new(folder).join(entry?.file_name());
            if !wanted.contains_key(&path) {
                stale.push(path);
            }
        }
    }
    let mut differing = Vec::new();
    for (path, content) in &wanted {
        if fs::read(root.join(path)).ok().as_ref() != Some(content) {
            differing.push(path.clone());
        }
    }
    if check {
        if differing.is_empty() && stale.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = differing
            .iter()
            .chain(&stale)
            .map(|path| path.display().to_string())
            .collect();
        bail!(
            "{} differ from the code; run `cargo xtask gen` and commit: {}",
            names.len(),
            names.join(", ")
        );
    }
    for path in &differing {
        fs::write(root.join(path), &wanted[path]).wrap_err_with(|| path.display().to_string())?;
    }
    for path in &stale {
        fs::remove_file(root.join(path)).wrap_err_with(|| path.display().to_string())?;
    }
    writeln!(
        std::io::stdout(),
        "{} written, {} removed, {} as they were",
        differing.len(),
        stale.len(),
        wanted.len() - differing.len()
    )?;
    Ok(())
}
