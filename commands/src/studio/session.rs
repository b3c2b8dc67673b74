//! `lpctl studio session`.

use clap::{Args, Subcommand};
use engine::{
    studio::StudioId,
    view::studio::{StudioList, StudioSession},
};

use super::{ListArgs, OneArgs, facts, failure, moment, optional, rows_text, seconds, show_list, text};
use crate::{
    context::Context,
    shell::{Report, Style, escape},
};

/// The times somebody sent a stream
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "the help of a command is the doc comment of its `Args`"
)]
pub enum SessionCommand {
    List(SessionListArgs),
    Show(SessionShowArgs),
}

/// List sessions: when, how long, and their recordings
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl studio session list --key-file studio.key
  lpctl studio session list --stream 6b7fdb2e-1c1f-4f6c-9d64-1a2b3c4d5e6f --json")]
pub struct SessionListArgs {
    /// Only those of one stream
    #[arg(long, value_name = "ID")]
    stream: Option<StudioId>,
    #[command(flatten)]
    list: ListArgs,
}

/// Show one session and where its recording is
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl studio session show 6b7fdb2e-1c1f-4f6c-9d64-1a2b3c4d5e6f
  lpctl studio session show 6b7fdb2e-1c1f-4f6c-9d64-1a2b3c4d5e6f --json | jq -r .data.recording_url")]
pub struct SessionShowArgs {
    #[command(flatten)]
    one: OneArgs,
}

pub async fn run(command: SessionCommand, context: &mut Context) -> eyre::Result<()> {
    match command {
        SessionCommand::List(args) => {
            let studio = args.list.account.connect(context).await?;
            let limit = args.list.limit();
            let list = match &args.stream {
                Some(stream) => studio.sessions_of(stream, limit).await,
                None => studio.list(limit).await,
            };
            show_list(&list.map_err(failure)?, context)
        }
        SessionCommand::Show(SessionShowArgs { one }) => {
            let studio = one.account.connect(context).await?;
            let session: StudioSession = studio.one(&one.id).await.map_err(failure)?;
            Ok(context.shell.report(&session)?)
        }
    }
}

impl Report for StudioList<StudioSession> {
    fn text(&self, _: &Style) -> String {
        rows_text(
            self,
            "session",
            &["id", "name", "began", "video", "recording"],
            |session| {
                vec![
                    escape(&session.id),
                    escape(&session.name),
                    moment(session.created_at),
                    session
                        .source_segments_duration
                        .map_or_else(|| "-".to_string(), seconds),
                    optional(session.recording_status.as_ref()).unwrap_or_else(|| "-".to_string()),
                ]
            },
        )
    }
}

impl Report for StudioSession {
    fn text(&self, _: &Style) -> String {
        facts(&[
            ("id", text(&self.id)),
            ("name", text(&self.name)),
            ("stream", optional(self.parent_id.as_ref())),
            ("began", Some(moment(self.created_at))),
            ("last seen", Some(moment(self.last_seen))),
            ("video", self.source_segments_duration.map(seconds)),
            ("transcoded", self.transcoded_segments_duration.map(seconds)),
            ("recording", optional(self.recording_status.as_ref())),
            ("recorded at", optional(self.recording_url.as_ref())),
            ("playback id", optional(self.playback_id.as_ref())),
        ])
    }
}
