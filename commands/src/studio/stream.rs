//! `lpctl studio stream`.

use clap::{Args, Subcommand};
use engine::{
    media::ladder::{Ladder, Profile},
    studio::StreamChange,
    view::studio::{StudioList, StudioStream},
};

use super::{
    AccountArgs, ListArgs, OneArgs, done, facts, failure, moment, of_change, rows_text, show_list, text,
};
use crate::{
    context::Context,
    failure::{Failure, Kind},
    shell::{Report, Style, escape},
};

/// Live streams
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "the help of a command is the doc comment of its `Args`"
)]
pub enum StreamCommand {
    List(StreamListArgs),
    Show(StreamShowArgs),
    Create(StreamCreateArgs),
    Set(StreamSetArgs),
    Terminate(StreamTerminateArgs),
    Delete(StreamDeleteArgs),
}

/// List live streams, and who sends now
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl studio stream list --key-file studio.key
  lpctl studio stream list --limit 500 --json | jq '.data.rows[].playback_id'")]
pub struct StreamListArgs {
    #[command(flatten)]
    list: ListArgs,
}

/// Show one live stream: its health, rates and renditions
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl studio stream show 6b7fdb2e-1c1f-4f6c-9d64-1a2b3c4d5e6f
  lpctl studio stream show 6b7fdb2e-1c1f-4f6c-9d64-1a2b3c4d5e6f --show-key")]
pub struct StreamShowArgs {
    #[command(flatten)]
    one: OneArgs,
    /// Show the stream key too: whoever has it can send as this stream
    #[arg(long)]
    show_key: bool,
}

/// Make a live stream
///
/// Its key is shown only with --show-key; `lpctl studio stream show` shows it later.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl studio stream create \"morning show\" --record
  lpctl studio stream create test --ladder 1280x720@3000k@30,640x360@800k@30
  lpctl studio stream create test --show-key --json | jq -r .data.stream_key")]
pub struct StreamCreateArgs {
    /// Its name
    #[arg(value_name = "NAME")]
    name: String,
    /// Keep a recording of every session
    #[arg(long)]
    record: bool,
    /// Renditions, like `1280x720@3000k@30,640x360@800k@30` [default: Studio's]
    #[arg(long, value_name = "LADDER")]
    ladder: Option<String>,
    /// Show the stream key: whoever has it can send as this stream
    #[arg(long)]
    show_key: bool,
    #[command(flatten)]
    account: AccountArgs,
}

/// Change a live stream: whether it is recorded, and whether it is taken at all
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl studio stream set 6b7fdb2e-1c1f-4f6c-9d64-1a2b3c4d5e6f --record true
  lpctl studio stream set 6b7fdb2e-1c1f-4f6c-9d64-1a2b3c4d5e6f --suspended true")]
pub struct StreamSetArgs {
    #[command(flatten)]
    one: OneArgs,
    /// Whether sessions from now on are recorded
    #[arg(long, value_name = "BOOL", required_unless_present = "suspended")]
    record: Option<bool>,
    /// Whether the stream is refused
    #[arg(long, value_name = "BOOL")]
    suspended: Option<bool>,
}

/// End what is sent to a stream now
///
/// Its sender is cut off and may begin again; `lpctl studio stream set --suspended true` keeps it out.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl studio stream terminate 6b7fdb2e-1c1f-4f6c-9d64-1a2b3c4d5e6f
  lpctl studio stream terminate 6b7fdb2e-1c1f-4f6c-9d64-1a2b3c4d5e6f --yes")]
pub struct StreamTerminateArgs {
    #[command(flatten)]
    one: OneArgs,
}

/// Delete a stream; its key is worth nothing after that
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl studio stream delete 6b7fdb2e-1c1f-4f6c-9d64-1a2b3c4d5e6f
  lpctl studio stream delete 6b7fdb2e-1c1f-4f6c-9d64-1a2b3c4d5e6f --yes --json")]
pub struct StreamDeleteArgs {
    #[command(flatten)]
    one: OneArgs,
}

pub async fn run(command: StreamCommand, context: &mut Context) -> eyre::Result<()> {
    match command {
        StreamCommand::List(args) => {
            let studio = args.list.account.connect(context).await?;
            let mut list = studio
                .list::<StudioStream>(args.list.limit())
                .await
                .map_err(failure)?;
            for stream in &mut list.rows {
                stream.stream_key = None;
            }
            show_list(&list, context)
        }
        StreamCommand::Show(args) => {
            let studio = args.one.account.connect(context).await?;
            let stream = studio.one(&args.one.id).await.map_err(failure)?;
            show(stream, args.show_key, context)
        }
        StreamCommand::Create(args) => create(args, context).await,
        StreamCommand::Set(args) => {
            let studio = args.one.account.connect(context).await?;
            let change = StreamChange {
                record: args.record,
                suspended: args.suspended,
            };
            let id = &args.one.id;
            studio.change_stream(id, change).await.map_err(of_change)?;
            let stream = studio.one(id).await.map_err(failure)?;
            show(stream, false, context)
        }
        StreamCommand::Terminate(StreamTerminateArgs { one }) => {
            let studio = one.account.connect(context).await?;
            context
                .shell
                .confirm(&format!("Cut off whoever sends stream {} now?", one.id))?;
            studio.terminate_stream(&one.id).await.map_err(of_change)?;
            done(&one.id, "terminated", context)
        }
        StreamCommand::Delete(StreamDeleteArgs { one }) => {
            let studio = one.account.connect(context).await?;
            context
                .shell
                .confirm(&format!("Delete stream {} for good?", one.id))?;
            studio.delete::<StudioStream>(&one.id).await.map_err(of_change)?;
            done(&one.id, "deleted", context)
        }
    }
}

async fn create(args: StreamCreateArgs, context: &mut Context) -> eyre::Result<()> {
    let profiles: Option<Vec<Profile>> = match &args.ladder {
        Some(ladder) => {
            let ladder = Ladder::parse(ladder).map_err(|error| {
                Failure::new(Kind::Usage, "bad_ladder", error.to_string())
                    .hint("write it like `--ladder 1280x720@3000k@30,640x360@800k@30`")
            })?;
            Some(ladder.into())
        }
        None => None,
    };
    let studio = args.account.connect(context).await?;
    let stream = studio
        .create_stream(&args.name, args.record, profiles.as_deref())
        .await
        .map_err(of_change)?;
    show(stream, args.show_key, context)
}

fn show(mut stream: StudioStream, show_key: bool, context: &mut Context) -> eyre::Result<()> {
    if !show_key {
        stream.stream_key = None;
    }
    Ok(context.shell.report(&stream)?)
}

/// What people see of its health.
fn health(stream: &StudioStream) -> String {
    match (stream.suspended, stream.is_active, stream.is_healthy) {
        (true, ..) => "suspended".to_string(),
        (_, false, _) => "idle".to_string(),
        (_, true, Some(false)) => match stream.issues.first() {
            Some(issue) => format!("live, unwell: {}", escape(issue)),
            None => "live, unwell".to_string(),
        },
        (_, true, _) => "live".to_string(),
    }
}

/// Bytes a second as bits a second.
fn rate(bytes: Option<f64>) -> Option<String> {
    let bytes = bytes.filter(|bytes| *bytes > 0.0)?;
    Some(format!("{:.0} kbit/s", bytes * 8.0 / 1000.0))
}

impl Report for StudioList<StudioStream> {
    fn text(&self, _: &Style) -> String {
        rows_text(
            self,
            "stream",
            &["id", "name", "is", "in", "last seen", "playback id"],
            |stream| {
                vec![
                    escape(&stream.id),
                    escape(&stream.name),
                    health(stream),
                    rate(stream.ingest_rate).unwrap_or_else(|| "-".to_string()),
                    moment(stream.last_seen),
                    stream.playback_id.as_deref().map(escape).unwrap_or_default(),
                ]
            },
        )
    }
}

impl Report for StudioStream {
    fn text(&self, _: &Style) -> String {
        let renditions: Vec<String> = self
            .profiles
            .iter()
            .map(|profile| {
                let rate = match profile.fps {
                    0 => String::new(),
                    fps => format!(" {fps} fps"),
                };
                format!(
                    "{} {}x{} {} kbit/s{rate}",
                    escape(&profile.name),
                    profile.width,
                    profile.height,
                    profile.bitrate / 1000
                )
            })
            .collect();
        let issues: Vec<String> = self.issues.iter().map(|issue| escape(issue)).collect();
        facts(&[
            ("id", text(&self.id)),
            ("name", text(&self.name)),
            ("is", Some(health(self))),
            ("issues", text(&issues.join("; "))),
            ("comes in", rate(self.ingest_rate)),
            ("goes out", rate(self.outgoing_rate)),
            (
                "recorded",
                Some(if self.record { "yes" } else { "no" }.to_string()),
            ),
            ("renditions", text(&renditions.join(", "))),
            ("playback id", self.playback_id.as_deref().map(escape)),
            ("made", Some(moment(self.created_at))),
            ("last seen", Some(moment(self.last_seen))),
            (
                "stream key",
                self.stream_key.as_ref().map(|key| escape(key.expose())),
            ),
        ])
    }
}
