//! `lpctl explain`: what a code, a setting, an option or a metric means, and what to do about it.

mod codes;
mod near;
mod options;

use std::fmt::Write as _;

use clap::Args;
use clap_complete::{CompletionCandidate, engine::ArgValueCompleter};
use engine::metrics::{self, Metric, Origin};
use serde::Serialize;

pub use self::{
    codes::CODES,
    near::{listed, nearest},
};
use crate::{
    context::Context,
    failure::{Failure, Kind},
    shell::{Report, Style},
};

/// Explain an error code, a setting of the config file, an option or a metric
///
/// Codes are what `--json` gives as `error.code` and as the code of a finding or a notice. They never change, so that
/// scripts can rely on them. Works without a config, a chain and a network.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl explain reward_not_called
  lpctl explain payments.price         a setting of the config file
  lpctl explain --json wrong_chain
  lpctl explain max-gas-price          an option
  lpctl explain livepeer_success_rate  a metric of a node's or gateway's /metrics
  lpctl explain                        all names there are")]
pub struct ExplainArgs {
    /// Name of a code, a setting, an option or a metric; without it all names are listed
    #[arg(value_name = "CODE|OPTION|METRIC", add = ArgValueCompleter::new(names_from))]
    pub name: Option<String>,
}

/// All there is to say about a name.
#[derive(Serialize)]
struct Explained {
    name: String,
    /// `code`, `setting`, `option` or `metric`; a name can be several.
    kinds: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static codes::Code>,
    #[serde(skip_serializing_if = "Option::is_none")]
    setting: Option<options::Setting>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    options: Vec<options::Flag>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metric: Option<&'static Metric>,
}

/// Every name that is explained.
#[derive(Serialize)]
struct Names {
    codes: Vec<&'static str>,
    settings: Vec<String>,
    options: Vec<String>,
    metrics: Vec<&'static str>,
}

/// All names, for completion.
fn names_from(current: &std::ffi::OsStr) -> Vec<CompletionCandidate> {
    let typed = current.to_string_lossy();
    let codes = CODES
        .iter()
        .map(|code| (code.name.to_string(), Some(code.means.to_string())));
    let settings = options::settings()
        .into_iter()
        .map(|setting| (setting.key, Some(setting.means)));
    let metrics = metrics::ALL
        .iter()
        .map(|metric| (metric.name.to_string(), Some(metric.help.to_string())));
    codes
        .chain(settings)
        .chain(metrics)
        .filter(|(name, _)| name.starts_with(typed.as_ref()))
        .map(|(name, help)| CompletionCandidate::new(name).help(help.map(Into::into)))
        .collect()
}

/// Explains it.
///
/// # Errors
/// A usage failure for a name that is not known, with the nearest one.
pub async fn run(args: ExplainArgs, context: &mut Context) -> eyre::Result<()> {
    let Some(name) = args.name else {
        let names = Names {
            codes: CODES.iter().map(|code| code.name).collect(),
            settings: options::settings()
                .into_iter()
                .map(|setting| setting.key)
                .collect(),
            options: options::flag_names(),
            metrics: metrics::ALL.iter().map(|metric| metric.name).collect(),
        };
        return Ok(context.shell.report(&names)?);
    };
    let wanted = name.trim().trim_start_matches('-').to_string();
    let code = CODES.iter().find(|code| code.name == wanted);
    let setting = options::settings()
        .into_iter()
        .find(|setting| setting.key == wanted || setting.key.rsplit('.').next() == Some(wanted.as_str()));
    let flags = options::flags(&wanted);
    let metric = metric(&wanted);
    let kinds = [
        ("code", code.is_some()),
        ("setting", setting.is_some()),
        ("option", !flags.is_empty()),
        ("metric", metric.is_some()),
    ];
    let kinds: Vec<&str> = kinds
        .iter()
        .filter(|(_, is)| *is)
        .map(|(kind, _)| *kind)
        .collect();
    if kinds.is_empty() {
        let settings = options::settings();
        let flags = options::flag_names();
        let known = CODES
            .iter()
            .map(|code| code.name)
            .chain(settings.iter().map(|setting| setting.key.as_str()))
            .chain(flags.iter().map(String::as_str))
            .chain(metrics::ALL.iter().map(|metric| metric.name));
        let near = nearest(&wanted, known);
        let shown: String = wanted.chars().take(60).collect();
        let failure = Failure::new(
            Kind::Usage,
            "unknown_name",
            format!("`{}` is no code, setting, option or metric", shown.escape_debug()),
        );
        return Err(match near.as_slice() {
            [] => failure.hint("`lpctl explain` lists all names"),
            near => failure.hint(format!("did you mean {}?", near::listed(near))),
        }
        .into());
    }
    Ok(context.shell.report(&Explained {
        name: wanted,
        kinds,
        code,
        setting,
        options: flags,
        metric,
    })?)
}

/// The metric of this name, or of that of one of a histogram's series.
fn metric(name: &str) -> Option<&'static Metric> {
    let of_histogram = ["_bucket", "_sum", "_count"]
        .iter()
        .filter_map(|ending| name.strip_suffix(ending))
        .find_map(metrics::find)
        .filter(|metric| metric.kind == metrics::Kind::Histogram);
    metrics::find(name).or(of_histogram)
}

/// All there is to say about a metric, as lines.
fn described(metric: &Metric, style: &Style) -> String {
    let mut text = format!(
        "{} is a metric\n  {}\n  {} of {}",
        style.bold(metric.name),
        metric.help,
        metric.kind.name(),
        metric.unit
    );
    let roles: Vec<&str> = metric.told_by.iter().map(|role| role.name()).collect();
    // Writing to a String cannot fail.
    let _ = write!(text, "\n  told by: {}", roles.join(", "));
    if !metric.labels.is_empty() {
        let _ = write!(text, "\n  labels: {}", metric.labels.join(", "));
    }
    if !metric.bounds.is_empty() {
        let bounds: Vec<String> = metric.bounds.iter().map(ToString::to_string).collect();
        let _ = write!(text, "\n  buckets up to: {}", bounds.join(", "));
    }
    let elsewhere = match metric.origin {
        Origin::GoLivepeer { meant, corrected } => Some(("go-livepeer", meant, corrected)),
        Origin::LivepeerExporter { meant, corrected } => Some(("livepeer-exporter", meant, corrected)),
        Origin::Lpctl | Origin::Process => None,
    };
    if let Some((program, meant, corrected)) = elsewhere {
        let _ = write!(text, "\n  in {program}: {meant}");
        if !corrected.is_empty() {
            let _ = write!(text, "\n  here: {corrected}");
        }
    }
    let _ = write!(text, "\n  ask Prometheus: {}", metric.example);
    text
}

impl Report for Explained {
    fn text(&self, style: &Style) -> String {
        let mut blocks = Vec::new();
        if let Some(code) = self.code {
            let mut text = format!("{} is a code\n  {}", style.bold(code.name), code.means);
            // Writing to a String cannot fail.
            let _ = write!(text, "\n  what to do: {}", code.next);
            blocks.push(text);
        }
        if let Some(setting) = &self.setting {
            blocks.push(format!(
                "{} is a setting of the config file\n  {}\n  set it with `lpctl config set {} VALUE`",
                style.bold(&setting.key),
                setting.means,
                setting.key
            ));
        }
        for flag in &self.options {
            let value = flag
                .value
                .as_ref()
                .map_or_else(String::new, |value| format!(" {value}"));
            let shown = format!("--{}{value}", self.name);
            let mut text = format!("{} is an option\n  {}", style.bold(&shown), flag.means);
            let _ = match flag.everywhere {
                true => write!(text, "\n  of every command; its variable is {}", flag.variable()),
                false => write!(text, "\n  of {}", near::listed(&flag.commands)),
            };
            blocks.push(text);
        }
        if let Some(metric) = self.metric {
            blocks.push(described(metric, style));
        }
        blocks.join("\n\n")
    }
}

impl Report for Names {
    fn text(&self, style: &Style) -> String {
        let list = |title: &str, names: &[&str]| {
            let lines = names.iter().map(|name| format!("  {name}"));
            format!("{}\n{}", style.bold(title), lines.collect::<Vec<_>>().join("\n"))
        };
        let settings: Vec<&str> = self.settings.iter().map(String::as_str).collect();
        let options: Vec<&str> = self.options.iter().map(String::as_str).collect();
        [
            list("codes", &self.codes),
            list("settings", &settings),
            list("options", &options),
            list("metrics", &self.metrics),
        ]
        .join("\n\n")
    }
}
