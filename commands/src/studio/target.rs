//! `lpctl studio target`.

use clap::{Args, Subcommand};
use engine::view::studio::{StudioList, StudioTarget};

use super::{ListArgs, OneArgs, done, failure, moment, of_change, rows_text, show_list};
use crate::{
    context::Context,
    shell::{Report, Style, escape},
};

/// Other services that streams are sent on to
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "the help of a command is the doc comment of its `Args`"
)]
pub enum TargetCommand {
    List(TargetListArgs),
    Delete(TargetDeleteArgs),
}

/// List the services that streams are sent on to
///
/// Their addresses hold the keys there, so only the hosts are shown.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl studio target list --key-file studio.key
  lpctl studio target list --json")]
pub struct TargetListArgs {
    #[command(flatten)]
    list: ListArgs,
}

/// Delete one of them: no stream is sent there any more
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl studio target delete 6b7fdb2e-1c1f-4f6c-9d64-1a2b3c4d5e6f
  lpctl studio target delete 6b7fdb2e-1c1f-4f6c-9d64-1a2b3c4d5e6f --yes")]
pub struct TargetDeleteArgs {
    #[command(flatten)]
    one: OneArgs,
}

pub async fn run(command: TargetCommand, context: &mut Context) -> eyre::Result<()> {
    match command {
        TargetCommand::List(TargetListArgs { list }) => {
            let studio = list.account.connect(context).await?;
            let list = studio.list::<StudioTarget>(list.limit()).await.map_err(failure)?;
            show_list(&list, context)
        }
        TargetCommand::Delete(TargetDeleteArgs { one }) => {
            let studio = one.account.connect(context).await?;
            context
                .shell
                .confirm(&format!("Delete target {} for good?", one.id))?;
            studio.delete::<StudioTarget>(&one.id).await.map_err(of_change)?;
            done(&one.id, "deleted", context)
        }
    }
}

impl Report for StudioList<StudioTarget> {
    fn text(&self, _: &Style) -> String {
        rows_text(self, "target", &["id", "name", "to", "used", "made"], |target| {
            let to = target.url.as_ref().map(ToString::to_string);
            vec![
                escape(&target.id),
                escape(&target.name),
                escape(&to.unwrap_or_default()),
                if target.disabled { "no" } else { "yes" }.to_string(),
                moment(target.created_at),
            ]
        })
    }
}
