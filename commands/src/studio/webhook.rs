//! `lpctl studio webhook`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};
use engine::{
    studio::{NewWebhook, StudioId},
    view::studio::{StudioList, StudioWebhook},
};
use url::Url;

use super::{
    AccountArgs, ListArgs, OneArgs, done, facts, failure, moment, of_change, optional, rows_text, show_list,
    text,
};
use crate::{
    api_key,
    context::Context,
    failure::{Failure, Kind},
    shell::{Report, Style, escape},
};

/// Who is told of what happens
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "the help of a command is the doc comment of its `Args`"
)]
pub enum WebhookCommand {
    List(WebhookListArgs),
    Show(WebhookShowArgs),
    Create(WebhookCreateArgs),
    Delete(WebhookDeleteArgs),
}

/// List webhooks and whether their last calls failed
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl studio webhook list --key-file studio.key
  lpctl studio webhook list --json")]
pub struct WebhookListArgs {
    #[command(flatten)]
    list: ListArgs,
}

/// Show one webhook
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl studio webhook show 6b7fdb2e-1c1f-4f6c-9d64-1a2b3c4d5e6f
  lpctl studio webhook show 6b7fdb2e-1c1f-4f6c-9d64-1a2b3c4d5e6f --json")]
pub struct WebhookShowArgs {
    #[command(flatten)]
    one: OneArgs,
}

/// Have an address told of what happens
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl studio webhook create desk --to https://hooks.example/studio --event stream.started
  lpctl studio webhook create desk --to https://hooks.example/studio --event asset.ready --event asset.failed --secret-file hook.secret")]
pub struct WebhookCreateArgs {
    /// Its name
    #[arg(value_name = "NAME")]
    name: String,
    /// Where it goes
    // Kept as text here: a parse error of clap would repeat the value, which may hold a key.
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    to: String,
    /// What it is told of, like `stream.started`, `stream.idle`, `recording.ready`, `asset.ready`; may be repeated
    #[arg(long = "event", value_name = "EVENT", required = true)]
    events: Vec<String>,
    /// Only of this stream
    #[arg(long, value_name = "ID")]
    stream: Option<StudioId>,
    /// File whose first line is the secret that its calls are signed with
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    secret_file: Option<PathBuf>,
    #[command(flatten)]
    account: AccountArgs,
}

/// Delete a webhook
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl studio webhook delete 6b7fdb2e-1c1f-4f6c-9d64-1a2b3c4d5e6f
  lpctl studio webhook delete 6b7fdb2e-1c1f-4f6c-9d64-1a2b3c4d5e6f --yes")]
pub struct WebhookDeleteArgs {
    #[command(flatten)]
    one: OneArgs,
}

pub async fn run(command: WebhookCommand, context: &mut Context) -> eyre::Result<()> {
    match command {
        WebhookCommand::List(WebhookListArgs { list }) => {
            let studio = list.account.connect(context).await?;
            let list = studio
                .list::<StudioWebhook>(list.limit())
                .await
                .map_err(failure)?;
            show_list(&list, context)
        }
        WebhookCommand::Show(WebhookShowArgs { one }) => {
            let studio = one.account.connect(context).await?;
            let webhook: StudioWebhook = studio.one(&one.id).await.map_err(failure)?;
            Ok(context.shell.report(&webhook)?)
        }
        WebhookCommand::Create(args) => create(args, context).await,
        WebhookCommand::Delete(WebhookDeleteArgs { one }) => {
            let studio = one.account.connect(context).await?;
            context
                .shell
                .confirm(&format!("Delete webhook {} for good?", one.id))?;
            studio.delete::<StudioWebhook>(&one.id).await.map_err(of_change)?;
            done(&one.id, "deleted", context)
        }
    }
}

async fn create(args: WebhookCreateArgs, context: &mut Context) -> eyre::Result<()> {
    let url = Url::parse(args.to.trim()).ok();
    let Some(url) = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) else {
        let message = "the webhook's address is not a URL that begins with http:// or https://";
        return Err(Failure::new(Kind::Usage, "bad_url", message)
            .hint("write it like `--to https://hooks.example/studio`")
            .into());
    };
    let secret = match &args.secret_file {
        Some(path) => api_key::find(Some(path.clone()), "--secret-file", "", "studio_key", context).await?,
        None => None,
    };
    let studio = args.account.connect(context).await?;
    let webhook = studio
        .create_webhook(&NewWebhook {
            name: &args.name,
            url: &url,
            events: &args.events,
            stream: args.stream.as_ref(),
            secret: secret.as_ref(),
        })
        .await
        .map_err(of_change)?;
    Ok(context.shell.report(&webhook)?)
}

/// What became of its last call.
fn last(webhook: &StudioWebhook) -> String {
    let Some(status) = &webhook.status else {
        return "never called".to_string();
    };
    let called = status.last_triggered_at.map(|moment| moment.0);
    let failed = status.last_failure.as_ref();
    match (called, failed) {
        (called, Some(failure)) if failure.timestamp.is_some_and(|at| Some(at.0) >= called) => {
            let why = match (failure.status_code, optional(failure.error.as_ref())) {
                (_, Some(why)) => format!(": {why}"),
                (Some(code), None) => format!(": HTTP {code}"),
                (None, None) => String::new(),
            };
            format!("failed {}{why}", moment(failure.timestamp))
        }
        (Some(_), _) => format!("called {}", moment(status.last_triggered_at)),
        (None, _) => "never called".to_string(),
    }
}

fn events(webhook: &StudioWebhook) -> String {
    let events: Vec<String> = webhook.events.iter().map(|event| escape(event)).collect();
    events.join(", ")
}

impl Report for StudioList<StudioWebhook> {
    fn text(&self, _: &Style) -> String {
        rows_text(
            self,
            "webhook",
            &["id", "name", "to", "told of", "last"],
            |webhook| {
                vec![
                    escape(&webhook.id),
                    escape(&webhook.name),
                    escape(&webhook.url.to_string()),
                    events(webhook),
                    last(webhook),
                ]
            },
        )
    }
}

impl Report for StudioWebhook {
    fn text(&self, _: &Style) -> String {
        facts(&[
            ("id", text(&self.id)),
            ("name", text(&self.name)),
            ("to", Some(escape(&self.url.to_string()))),
            ("told of", text(&events(self))),
            ("stream", optional(self.stream_id.as_ref())),
            ("last", Some(last(self))),
            ("made", Some(moment(self.created_at))),
        ])
    }
}
