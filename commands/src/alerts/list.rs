//! `lpctl alerts list`.

use clap::Args;
use engine::node::alerts::{RULES, Severity};
use serde::Serialize;

use super::channels;
use crate::{
    context::Context,
    shell::{Report, Style, table},
};

/// List what a node tells of, and to whom
///
/// The rules are lpctl's own; the config file changes single ones, in [defaults.alerts.rules.CODE] or a profile's:
/// off = true, for = SECONDS, severity = "warning", channels = ["webhook", "exec", "desktop"]. A rule that is off by
/// itself is turned on by off = false. The same codes are alerts of Prometheus in lpctl's alert file.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl alerts list
  lpctl alerts list --json | jq -r '.data.rules[] | select(.told) | .code'
  lpctl config set alerts.webhook https://hooks.example/TOKEN")]
pub struct ListArgs {}

#[derive(Serialize)]
struct Rules {
    /// The ways there are to tell.
    channels: Vec<String>,
    /// None: what lasts is told once.
    repeat_minutes: Option<u64>,
    rules: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    code: &'static str,
    prometheus: String,
    told: bool,
    severity: Severity,
    for_seconds: u64,
    channels: Vec<String>,
    means: &'static str,
    next: &'static str,
}

/// Lists them.
///
/// # Errors
/// Config for alerts that cannot be told.
pub async fn run(_: ListArgs, context: &mut Context) -> eyre::Result<()> {
    let settings = channels::settings(&context.settings().alerts)?;
    let names = |kinds: &[engine::node::alerts::ChannelKind]| kinds.iter().map(ToString::to_string).collect();
    let rules = RULES.iter().map(|rule| {
        let holds = settings.of(rule);
        Row {
            code: rule.code,
            prometheus: rule.alert_name(),
            told: holds.told,
            severity: holds.severity,
            for_seconds: holds.hold.as_secs(),
            channels: names(&holds.channels),
            means: rule.summary,
            next: rule.next,
        }
    });
    let answer = Rules {
        channels: settings
            .channels
            .iter()
            .map(|channel| channel.kind().to_string())
            .collect(),
        repeat_minutes: settings.repeat.map(|repeat| repeat.as_secs() / 60),
        rules: rules.collect(),
    };
    Ok(context.shell.report(&answer)?)
}

impl Report for Rules {
    fn text(&self, style: &Style) -> String {
        let mut rows = table();
        rows.set_header(["alert", "severity", "for", "told"]);
        for rule in &self.rules {
            rows.add_row([
                rule.code.to_string(),
                rule.severity.to_string(),
                format!("{} s", rule.for_seconds),
                match (rule.told, rule.channels.is_empty()) {
                    (false, _) => "off".to_string(),
                    (true, true) => "in the log".to_string(),
                    (true, false) => rule.channels.join(", "),
                },
            ]);
        }
        let repeat = match self.repeat_minutes {
            Some(minutes) => format!("what lasts is told again every {minutes} min"),
            None => "what lasts is told once".to_string(),
        };
        let whom = match self.channels.is_empty() {
            true => format!(
                "{} nobody is told yet: `lpctl config set alerts.webhook URL`, alerts.program or alerts.desktop",
                style.warn_mark()
            ),
            false => format!(
                "told by {}; {repeat}; `lpctl alerts test` tries it",
                self.channels.join(", ")
            ),
        };
        format!("{}\n{whom}", rows.trim_fmt())
    }
}
