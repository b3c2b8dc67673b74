//! `lpctl doctor`: whether this machine is fit to run a node, line by line.

mod machine;
mod places;
mod program;

use std::{fmt::Write as _, path::PathBuf};

use clap::{Args, ValueHint};
use engine::process::Launcher;
use serde::Serialize;

use crate::{
    context::Context,
    failure::{Failure, Kind},
    run::fence::{FenceChoice, try_out},
    shell::{Report, Style, escape},
    wording,
};

/// Check whether this machine can run a node, and say what to do where it cannot
///
/// One line a part: ffmpeg and a trial transcode, the fence around it, folders, memory, limits, GPU driver and clock.
/// What is marked with ! costs speed or safety; what is marked with ✗ keeps a node from running, and makes the exit
/// code 1. Give it the options and variables `lpctl run` is given.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl doctor
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
}

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
    let mut checks = vec![places::data_dir(&data_dir)];
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
    let fencing = crate::run::fence::decide(args.fence, &support);
    if let (Some(ffmpeg), true) = (ffmpeg, is_usable) {
        let spinner = context.shell.progress(None, "transcoding a picture of its own");
        // What is wrong with the fence is told below.
        let fencing = fencing.unwrap_or_default();
        checks.push(program::self_test(ffmpeg, launcher, fencing, work.path()).await);
        spinner.finish_and_clear();
    }
    work.leave();
    checks.extend(machine::fence(args.fence, &support));
    checks.extend(machine::resources().await);
    conclude(checks, context)
}

fn conclude(checks: Vec<Check>, context: &mut Context) -> eyre::Result<()> {
    let ready = checks.iter().all(|check| check.verdict != Verdict::Bad);
    let findings = Findings { ready, checks };
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
            checks: vec![Check::warning("clock", "unknown", "look")],
        };
        assert!(
            findings
                .text(&Style::plain())
                .ends_with("fit for a node, with 1 warning")
        );
    }
}
