//! `lpctl studio playback`.

use clap::Args;
use engine::view::studio::StudioPlayback;

use super::{OneArgs, failure};
use crate::{
    context::Context,
    shell::{Report, Style, escape, table},
};

/// Show where a stream, recording or file plays
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl studio playback 6b7fjb2e1c1f4f6c
  lpctl studio playback 6b7fjb2e1c1f4f6c --json | jq -r '.data.meta.source[0].url'")]
pub struct PlaybackArgs {
    #[command(flatten)]
    one: OneArgs,
}

/// Shows it.
///
/// # Errors
/// Unreachable when Studio does not answer.
pub async fn run(args: PlaybackArgs, context: &mut Context) -> eyre::Result<()> {
    let studio = args.one.account.connect(context).await?;
    let answer = studio.playback(&args.one.id).await.map_err(failure)?;
    Ok(context.shell.report(&answer)?)
}

impl Report for StudioPlayback {
    fn text(&self, _: &Style) -> String {
        let kind = escape(&self.kind);
        let live = match self.meta.live {
            Some(1) => ", live now",
            _ => "",
        };
        if self.meta.source.is_empty() {
            return format!("{kind}{live}: nothing to play yet");
        }
        let mut rows = table();
        rows.set_header(["as", "type", "where"]);
        for source in &self.meta.source {
            rows.add_row([escape(&source.hrn), escape(&source.kind), escape(&source.url)]);
        }
        format!("{}\n{kind}{live}", rows.trim_fmt())
    }
}
