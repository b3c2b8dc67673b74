//! `lpctl alerts test`.

use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser as _},
};
use engine::node::alerts::{Alert, ChannelKind, Origin};
use jiff::Timestamp;
use serde::Serialize;

use super::channels;
use crate::{
    context::Context,
    failure::{Failure, Kind},
    shell::{Report, Style, escape},
};

/// Send a test alert through the channels of the config, or through one of them
///
/// It is marked as a test: its state is `test`, and its text says so. No node has to run.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl alerts test
  lpctl alerts test --channel webhook")]
pub struct TestArgs {
    /// Only this one: webhook, exec or desktop
    #[arg(long, value_name = "CHANNEL")]
    #[arg(value_parser = PossibleValuesParser::new(ChannelKind::ALL.map(ChannelKind::name)).try_map(|name| name.parse::<ChannelKind>()))]
    channel: Option<ChannelKind>,
}

#[derive(Serialize)]
struct Tested {
    channels: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    channel: ChannelKind,
    told: bool,
    error: Option<String>,
}

/// Sends it.
///
/// # Errors
/// Config without such a channel, failed if one did not take it.
pub async fn run(args: TestArgs, context: &mut Context) -> eyre::Result<()> {
    let settings = channels::settings(&context.settings().alerts)?;
    let mut wanted = settings.channels;
    wanted.retain(|channel| args.channel.is_none_or(|kind| kind == channel.kind()));
    if wanted.is_empty() {
        let message = match args.channel {
            Some(kind) => format!("the config has no {kind} for alerts"),
            None => "the config names nobody who is told of alerts".to_string(),
        };
        return Err(Failure::new(Kind::Config, "no_alert_channel", message)
            .hint("`lpctl config set alerts.webhook URL`, alerts.program PATH, or alerts.desktop true")
            .into());
    }
    let origin = Origin {
        node: context
            .settings()
            .service_addr
            .clone()
            .unwrap_or_else(|| "lpctl alerts test".to_string()),
        network: context.settings().network.clone(),
        account: None,
    };
    let alert = Alert::test(Timestamp::now());
    let mut channels = Vec::new();
    for channel in &wanted {
        let kind = channel.kind();
        context.shell.status(format_args!("telling {kind}"));
        let error = channel.tell(&alert, &origin).await.err();
        channels.push(Row {
            channel: kind,
            told: error.is_none(),
            error,
        });
    }
    let failed: Vec<String> = channels
        .iter()
        .filter_map(|row| Some(format!("{}: {}", row.channel, escape(row.error.as_ref()?))))
        .collect();
    if failed.is_empty() {
        return Ok(context.shell.report(&Tested { channels })?);
    }
    let message = format!("not told: {}", failed.join("; "));
    Err(Failure::new(Kind::Failed, "alert_not_told", message)
        .hint("`lpctl config show` tells what alerts go to; a webhook must answer with success and without redirects, a program must end well within 30 s, a desktop needs a session bus")
        .into())
}

impl Report for Tested {
    fn text(&self, style: &Style) -> String {
        let names: Vec<String> = self.channels.iter().map(|row| row.channel.to_string()).collect();
        format!(
            "{} a test alert was taken by {}",
            style.good_mark(),
            names.join(", ")
        )
    }
}
