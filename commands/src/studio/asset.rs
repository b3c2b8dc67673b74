//! `lpctl studio asset`.

use clap::{Args, Subcommand, ValueHint};
use engine::view::studio::{StudioAsset, StudioImport, StudioList};
use url::Url;

use super::{
    AccountArgs, ListArgs, OneArgs, done, facts, failure, moment, of_change, optional, progress, rows_text,
    seconds, show_list, text,
};
use crate::{
    context::Context,
    failure::{Failure, Kind},
    shell::{Report, Style, escape},
    wording,
};

/// Files
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "the help of a command is the doc comment of its `Args`"
)]
pub enum AssetCommand {
    List(AssetListArgs),
    Show(AssetShowArgs),
    Import(AssetImportArgs),
    Delete(AssetDeleteArgs),
}

/// List files and how far they are
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl studio asset list --key-file studio.key
  lpctl studio asset list --limit 500 --json")]
pub struct AssetListArgs {
    #[command(flatten)]
    list: ListArgs,
}

/// Show one file: what is in it and where it plays
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl studio asset show 6b7fdb2e-1c1f-4f6c-9d64-1a2b3c4d5e6f
  lpctl studio asset show 6b7fdb2e-1c1f-4f6c-9d64-1a2b3c4d5e6f --json | jq -r .data.download_url")]
pub struct AssetShowArgs {
    #[command(flatten)]
    one: OneArgs,
}

/// Have Studio fetch a file from the web
///
/// The answer comes at once, the file later: `lpctl studio task show` tells how far it is.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl studio asset import https://files.example/talk.mp4
  lpctl studio asset import https://files.example/talk.mp4 --name talk --json | jq -r .data.task.id")]
pub struct AssetImportArgs {
    /// Where the file is
    // Kept as text here: a parse error of clap would repeat the value, which may hold a key.
    #[arg(value_name = "URL", value_hint = ValueHint::Url)]
    from: String,
    /// Its name [default: the last part of the URL's path]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    account: AccountArgs,
}

/// Delete a file
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl studio asset delete 6b7fdb2e-1c1f-4f6c-9d64-1a2b3c4d5e6f
  lpctl studio asset delete 6b7fdb2e-1c1f-4f6c-9d64-1a2b3c4d5e6f --yes")]
pub struct AssetDeleteArgs {
    #[command(flatten)]
    one: OneArgs,
}

pub async fn run(command: AssetCommand, context: &mut Context) -> eyre::Result<()> {
    match command {
        AssetCommand::List(AssetListArgs { list }) => {
            let studio = list.account.connect(context).await?;
            let list = studio.list::<StudioAsset>(list.limit()).await.map_err(failure)?;
            show_list(&list, context)
        }
        AssetCommand::Show(AssetShowArgs { one }) => {
            let studio = one.account.connect(context).await?;
            let asset: StudioAsset = studio.one(&one.id).await.map_err(failure)?;
            Ok(context.shell.report(&asset)?)
        }
        AssetCommand::Import(args) => import(args, context).await,
        AssetCommand::Delete(AssetDeleteArgs { one }) => {
            let studio = one.account.connect(context).await?;
            context
                .shell
                .confirm(&format!("Delete file {} for good?", one.id))?;
            studio.delete::<StudioAsset>(&one.id).await.map_err(of_change)?;
            done(&one.id, "deleted", context)
        }
    }
}

async fn import(args: AssetImportArgs, context: &mut Context) -> eyre::Result<()> {
    let url = Url::parse(args.from.trim()).ok();
    let Some(url) = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) else {
        let message = "what is to be fetched is not a URL that begins with http:// or https://";
        return Err(Failure::new(Kind::Usage, "bad_url", message)
            .hint("Studio fetches from the web only: put the file there first")
            .into());
    };
    let last = url
        .path_segments()
        .and_then(|mut parts| parts.next_back())
        .filter(|part| !part.is_empty());
    let name = args.name.as_deref().or(last).unwrap_or("import");
    let studio = args.account.connect(context).await?;
    let answer = studio.import(&url, name).await.map_err(of_change)?;
    Ok(context.shell.report(&answer)?)
}

/// Bytes as people say them.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        _ => format!("{} MB", wording::grouped(bytes / 1_000_000)),
    }
}

impl Report for StudioList<StudioAsset> {
    fn text(&self, _: &Style) -> String {
        rows_text(
            self,
            "file",
            &["id", "name", "is", "size", "video", "made"],
            |asset| {
                let video = asset.video_spec.as_ref().and_then(|video| video.duration);
                vec![
                    escape(&asset.id),
                    escape(&asset.name),
                    progress(asset.status.as_ref()),
                    asset.size.map_or_else(|| "-".to_string(), size),
                    video.map_or_else(|| "-".to_string(), seconds),
                    moment(asset.created_at),
                ]
            },
        )
    }
}

impl Report for StudioAsset {
    fn text(&self, _: &Style) -> String {
        let video = self.video_spec.as_ref();
        facts(&[
            ("id", text(&self.id)),
            ("name", text(&self.name)),
            ("is", Some(progress(self.status.as_ref()))),
            ("size", self.size.map(size)),
            ("format", video.and_then(|video| optional(video.format.as_ref()))),
            ("video", video.and_then(|video| video.duration).map(seconds)),
            ("playback id", optional(self.playback_id.as_ref())),
            ("plays at", optional(self.playback_url.as_ref())),
            ("whole at", optional(self.download_url.as_ref())),
            ("made", Some(moment(self.created_at))),
        ])
    }
}

impl Report for StudioImport {
    fn text(&self, style: &Style) -> String {
        format!(
            "{} Studio fetches {}\n  file {}\n  `lpctl studio task show {}` tells how far it is",
            style.good_mark(),
            escape(&self.asset.name),
            escape(&self.asset.id),
            escape(&self.task.id)
        )
    }
}
