//! `lpctl doctor`: whether this machine is fit to run a node, line by line.

mod endpoints;
mod files;
mod machine;
mod outside;
mod places;
mod ports;
mod program;
pub(crate) mod terms;

use std::{
    fmt::Write as _,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use clap::{Args, ValueHint};
use engine::{chain::Chain, process::Launcher, view::chain::StatusFacts};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    account,
    context::Context,
    failure::{Failure, Kind},
    gpu::DriverArgs,
    run::{
        self,
        fence::{FenceChoice, try_out},
        places::addresses,
    },
    shell::{Report, Style, escape},
    wording,
};

/// Check this machine, the config and the account for running a node, and say what to do where something is wrong
///
/// One line a part. The machine: ffmpeg and a trial transcode, the fence around it, GPUs and their encoders, folders,
/// memory, disk, limits, clock, ports. The config: files with keys, price and ticket terms. With a network or a
/// profile also the chain: each endpoint, the contracts, the clock against the newest block, ETH for gas, the
/// registries, and what answers at the published address and with which certificate. What is marked with ! costs
/// speed, safety or work; what is marked with ✗ keeps a node from running, and makes the exit code 1. Give it the
/// options and variables `lpctl run` is given.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl doctor
  lpctl doctor --fix                           take keys from others, make missing folders
  lpctl doctor --service-addr orchestrator.example:8935
  lpctl doctor --fence strict                  a missing part of the fence counts as wrong
  lpctl doctor --ffmpeg /opt/ffmpeg/bin/ffmpeg
  lpctl doctor --json | jq '.data.checks[] | select(.verdict != \"good\")'")]
pub struct DoctorArgs {
    /// The ffmpeg to check, instead of the one on the search path
    #[arg(long, value_name = "PATH", env = "LPCTL_FFMPEG", hide_env = true, value_hint = ValueHint::FilePath)]
    ffmpeg: Option<PathBuf>,
    /// What the node is to do where this kernel cannot fence ffmpeg off
    #[arg(
        long,
        value_enum,
        value_name = "POLICY",
        default_value_t,
        env = "LPCTL_FENCE",
        hide_env = true
    )]
    fence: FenceChoice,
    /// The node's own files [default: `node` in lpctl's data folder]
    #[arg(long, value_name = "PATH", env = "LPCTL_NODE_DIR", hide_env = true, value_hint = ValueHint::DirPath)]
    data_dir: Option<PathBuf>,
    /// Where segments are worked on [default: in memory, if there is room]
    #[arg(long, value_name = "PATH", env = "LPCTL_WORK_DIR", hide_env = true, value_hint = ValueHint::DirPath)]
    work_dir: Option<PathBuf>,
    /// Address gateways are to be told
    #[arg(long, value_name = "HOST:PORT", env = "LPCTL_SERVICE_ADDR", hide_env = true)]
    service_addr: Option<String>,
    /// Address to listen on; without it every address for a public --service-addr, else 127.0.0.1:8935
    #[arg(long, value_name = "IP:PORT", env = "LPCTL_BIND", hide_env = true)]
    bind: Option<SocketAddr>,
    /// Loopback address of the operator's API [default: 127.0.0.1:7935]
    #[arg(long, value_name = "IP:PORT", env = "LPCTL_OPERATOR_ADDR", hide_env = true)]
    operator_addr: Option<SocketAddr>,
    /// The node speaks HTTP without TLS
    #[arg(long)]
    plain: bool,
    /// Leave the chain out of it, whatever the profile says
    #[arg(long)]
    offchain: bool,
    /// Put right what is safe to: take files with keys from others, make missing folders
    #[arg(long)]
    fix: bool,
    #[command(flatten)]
    driver: DriverArgs,
}

/// The operator's port when nothing else is said.
const OPERATOR_PORT: u16 = 7935;

/// How a part of the machine stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Good,
    /// Costs speed or safety.
    Warning,
    /// Keeps a node from running.
    Bad,
}

/// One part of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Check {
    /// Stable name for scripts.
    name: &'static str,
    verdict: Verdict,
    /// What was found.
    found: String,
    /// What to do about it.
    next: Option<String>,
}

impl Check {
    fn good(name: &'static str, found: impl Into<String>) -> Self {
        Self {
            name,
            verdict: Verdict::Good,
            found: found.into(),
            next: None,
        }
    }

    fn warning(name: &'static str, found: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            name,
            verdict: Verdict::Warning,
            found: found.into(),
            next: Some(next.into()),
        }
    }

    fn bad(name: &'static str, found: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Bad,
            ..Self::warning(name, found, next)
        }
    }
}

impl From<(&'static str, Failure)> for Check {
    fn from((name, failure): (&'static str, Failure)) -> Self {
        Self {
            name,
            verdict: Verdict::Bad,
            found: failure.message,
            next: failure.hint,
        }
    }
}

/// The whole answer.
#[derive(Debug, Serialize)]
struct Findings {
    /// Whether a node can run.
    ready: bool,
    /// What was put right.
    fixed: Vec<String>,
    checks: Vec<Check>,
}

impl Findings {
    fn named(&self, verdict: Verdict) -> Vec<&'static str> {
        let these = self.checks.iter().filter(|check| check.verdict == verdict);
        these.map(|check| check.name).collect()
    }
}

impl Report for Findings {
    fn text(&self, style: &Style) -> String {
        let mut text = String::new();
        for fixed in &self.fixed {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "fixed: {}", escape(fixed));
        }
        let width = self
            .checks
            .iter()
            .map(|check| check.name.len())
            .max()
            .unwrap_or_default();
        for check in &self.checks {
            let mark = match check.verdict {
                Verdict::Good => style.good_mark(),
                Verdict::Warning => style.warn_mark(),
                Verdict::Bad => style.bad_mark(),
            };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{mark} {:width$}  {}", check.name, escape(&check.found));
            if let Some(next) = &check.next {
                let _ = writeln!(text, "  {:width$}  {}", "", style.dim(&escape(next)));
            }
        }
        let warnings = self.named(Verdict::Warning).len();
        text.push('\n');
        text.push_str(&match (self.ready, warnings) {
            (false, _) => format!("not fit for a node yet: {}", self.named(Verdict::Bad).join(", ")),
            (true, 0) => "fit for a node".to_string(),
            (true, _) => format!("fit for a node, with {}", wording::counted(warnings, "warning")),
        });
        text
    }
}

/// Looks at everything and reports.
///
/// # Errors
/// Failed if something keeps a node from running; for scripts the whole report is in the details.
pub async fn run(args: DoctorArgs, context: &mut Context) -> eyre::Result<()> {
    let data_dir = match &args.data_dir {
        Some(path) => path.clone(),
        None => context.directories().data_dir.join("node"),
    };
    let work_dir = match &args.work_dir {
        Some(path) => path.clone(),
        None => crate::run::places::work_dir(&data_dir),
    };
    let launcher = Launcher::through_this_program();
    let support = try_out(&launcher).await;
    let fix = args.fix && !context.settings().dry_run;
    let (of_files, fixed) = files::check(&data_dir, fix, context);
    let mut checks = vec![places::data_dir(&data_dir)];
    checks.extend(places::disk(&data_dir));
    let work = places::WorkDir::make(work_dir);
    let is_usable = work.is_usable();
    checks.extend(work.check());

    let located = program::locate(args.ffmpeg.clone()).await;
    let ffmpeg = match located {
        Ok(ffmpeg) => {
            checks.push(program::about(&ffmpeg));
            Some(ffmpeg)
        }
        Err(check) => {
            checks.push(check);
            None
        }
    };
    let (of_machine, gpus) = machine::resources(args.driver.nvml.clone()).await;
    let fencing = crate::run::fence::decide(args.fence, &support);
    if let (Some(ffmpeg), true) = (ffmpeg, is_usable) {
        let spinner = context.shell.progress(None, "transcoding a picture of its own");
        // What is wrong with the fence is told below.
        let fencing = fencing.unwrap_or_default();
        let trial = program::self_test(ffmpeg.clone(), launcher.clone(), fencing.clone(), work.path());
        checks.push(trial.await);
        if gpus > 0 {
            checks.extend(program::encoders(ffmpeg, launcher, fencing, work.path(), gpus).await);
        }
        spinner.finish_and_clear();
    }
    work.leave();
    checks.extend(machine::fence(args.fence, &support));
    checks.extend(of_machine);
    checks.extend(of_files);
    checks.extend(Box::pin(of_network(&args, context)).await?);
    conclude(checks, fixed, context)
}

/// Ports, terms, and all that the chain knows.
async fn of_network(args: &DoctorArgs, context: &mut Context) -> eyre::Result<Vec<Check>> {
    let (bind, uri) = addresses(args.service_addr.as_deref(), args.bind, args.plain)?;
    let (service, runs) = ports::service(bind, args.plain).await;
    let operator = args
        .operator_addr
        .unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, OPERATOR_PORT)));
    let mut checks = vec![service, ports::operator(operator, context.settings()).await];
    let payments = context.settings().payments.clone();
    if !run::chain::wanted(args.offchain, context.settings()) {
        checks.push(Check::good(
            "chain",
            "off-chain: no network or profile is named, so nobody pays",
        ));
        return Ok(checks);
    }
    let spinner = context.shell.progress(None, "asking the chain");
    checks.push(files::account(context));
    let (of_endpoints, chain) = endpoints::check(context).await;
    checks.extend(of_endpoints);
    let Some(chain) = chain else {
        checks.extend(terms::check(&payments, None));
        spinner.finish_and_clear();
        return Ok(checks);
    };
    let round = chain.round().await.map_err(Failure::from)?;
    checks.push(endpoints::clock(
        Timestamp::now(),
        round.at.time,
        chain.is_public(),
    ));
    if round.paused {
        checks.push(Check::warning(
            "protocol",
            "governance paused the protocol: no stake moves, no ticket is redeemed",
            "wait; `lpctl protocol show` tells when it goes on",
        ));
    }
    let account = account::select::selected(context)
        .ok()
        .and_then(|account| account.address);
    let mut redemption = None;
    if let Some(account) = account {
        match endpoints::standing(&chain, account).await {
            Err(check) => checks.push(*check),
            Ok(status) => {
                let gas = engine::chain::redemption_gas(chain.chain_id());
                redemption = Some(terms::redemption(status.gas_price_wei, gas));
                checks.push(endpoints::runway(&chain, &status).await);
                checks.extend(of_orchestrator(&chain, &status, uri.as_deref(), runs).await?);
            }
        }
    }
    checks.extend(terms::check(&payments, redemption));
    spinner.finish_and_clear();
    Ok(checks)
}

/// Registration, both registries, and what answers at the published address.
async fn of_orchestrator(
    chain: &Chain,
    status: &StatusFacts,
    wanted: Option<&str>,
    runs: bool,
) -> eyre::Result<Vec<Check>> {
    let mut checks = vec![outside::registration(status)];
    let own = status
        .orchestrator
        .as_ref()
        .filter(|own| own.address == status.account && own.registered);
    let Some(own) = own else {
        return Ok(checks);
    };
    let published = own.service_uri.as_deref();
    checks.extend(outside::registry("registry", published, wanted, true));
    let for_ai = chain
        .ai_service_uri(status.account)
        .await
        .map_err(Failure::from)?;
    checks.extend(outside::registry(
        "ai_registry",
        for_ai.as_deref(),
        wanted.or(published),
        false,
    ));
    if let Some(uri) = published.or(wanted) {
        checks.extend(outside::reach(uri, Some(status.account), chain.is_public(), runs).await);
    }
    Ok(checks)
}

fn conclude(checks: Vec<Check>, fixed: Vec<String>, context: &mut Context) -> eyre::Result<()> {
    let ready = checks.iter().all(|check| check.verdict != Verdict::Bad);
    let findings = Findings { ready, fixed, checks };
    if ready {
        return Ok(context.shell.report(&findings)?);
    }
    if !context.shell.is_json() {
        context.shell.report(&findings)?;
    }
    let wrong = findings.named(Verdict::Bad);
    let message = format!(
        "{} from running: {}",
        match wrong.len() {
            1 => "1 thing keeps a node".to_string(),
            count => format!("{count} things keep a node"),
        },
        wrong.join(", ")
    );
    let failure = Failure::new(Kind::Failed, "not_ready", message)
        .hint("the line below each says what to do; `next` in the details of `--json`");
    Err(failure.details(serde_json::to_value(&findings)?).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_aligned_and_summed_up() {
        let findings = Findings {
            ready: false,
            fixed: Vec::new(),
            checks: vec![
                Check::good("ffmpeg", "5.1"),
                Check::warning("open_files", "few", "raise it"),
                Check::bad("data_dir", "gone \u{1b}[31m", "make it"),
            ],
        };
        insta::assert_snapshot!(findings.text(&Style::plain()), @r"
        ✓ ffmpeg      5.1
        ! open_files  few
                      raise it
        ✗ data_dir    gone \u{1b}[31m
                      make it

        not fit for a node yet: data_dir
        ");
    }

    #[test]
    fn warnings_do_not_stop_a_node() {
        let findings = Findings {
            ready: true,
            fixed: vec!["made /x".into()],
            checks: vec![Check::warning("clock", "unknown", "look")],
        };
        assert!(
            findings
                .text(&Style::plain())
                .ends_with("fit for a node, with 1 warning")
        );
    }
}
