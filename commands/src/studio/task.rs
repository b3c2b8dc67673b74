//! `lpctl studio task`.

use clap::{Args, Subcommand};
use engine::view::studio::{StudioList, StudioTask};

use super::{ListArgs, OneArgs, facts, failure, moment, optional, progress, rows_text, show_list, text};
use crate::{
    context::Context,
    shell::{Report, Style, escape},
};

/// Studio's work on files
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "the help of a command is the doc comment of its `Args`"
)]
pub enum TaskCommand {
    List(TaskListArgs),
    Show(TaskShowArgs),
}

/// List imports, exports and other work, and how far it is
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl studio task list --key-file studio.key
  lpctl studio task list --json | jq '.data.rows[] | select(.status.phase == \"failed\")'")]
pub struct TaskListArgs {
    #[command(flatten)]
    list: ListArgs,
}

/// Show how far one piece of work is
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl studio task show 6b7fdb2e-1c1f-4f6c-9d64-1a2b3c4d5e6f
  lpctl studio task show 6b7fdb2e-1c1f-4f6c-9d64-1a2b3c4d5e6f --json | jq -r .data.status.phase")]
pub struct TaskShowArgs {
    #[command(flatten)]
    one: OneArgs,
}

pub async fn run(command: TaskCommand, context: &mut Context) -> eyre::Result<()> {
    match command {
        TaskCommand::List(TaskListArgs { list }) => {
            let studio = list.account.connect(context).await?;
            let list = studio.list::<StudioTask>(list.limit()).await.map_err(failure)?;
            show_list(&list, context)
        }
        TaskCommand::Show(TaskShowArgs { one }) => {
            let studio = one.account.connect(context).await?;
            let task: StudioTask = studio.one(&one.id).await.map_err(failure)?;
            Ok(context.shell.report(&task)?)
        }
    }
}

impl Report for StudioList<StudioTask> {
    fn text(&self, _: &Style) -> String {
        rows_text(self, "task", &["id", "what", "is", "file", "made"], |task| {
            let file = task.output_asset_id.as_ref().or(task.input_asset_id.as_ref());
            vec![
                escape(&task.id),
                escape(&task.kind),
                progress(task.status.as_ref()),
                optional(file).unwrap_or_else(|| "-".to_string()),
                moment(task.created_at),
            ]
        })
    }
}

impl Report for StudioTask {
    fn text(&self, _: &Style) -> String {
        facts(&[
            ("id", text(&self.id)),
            ("what", text(&self.kind)),
            ("is", Some(progress(self.status.as_ref()))),
            ("reads file", optional(self.input_asset_id.as_ref())),
            ("makes file", optional(self.output_asset_id.as_ref())),
            ("made", Some(moment(self.created_at))),
        ])
    }
}
