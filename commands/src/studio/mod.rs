//! `lpctl studio`: an account at Livepeer Studio. No chain is asked and no account of the keystore used.

mod asset;
mod playback;
mod session;
mod stream;
mod target;
mod task;
mod webhook;

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand, ValueHint};
use engine::{
    secret::RpcUrl,
    studio::{STUDIO_URL, Studio, StudioId},
    view::studio::{Moment, StudioDone, StudioList, StudioProgress},
    web::WebError,
};
use serde::Serialize;

use crate::{
    api_key,
    context::Context,
    failure::{Failure, Kind},
    shell::{Report, Style, escape, table},
    wording,
};

/// Manage the streams, recordings and files of a Livepeer Studio account
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "the help of a command is the doc comment of its `Args`"
)]
pub enum StudioCommand {
    /// Live streams
    #[command(subcommand)]
    Stream(stream::StreamCommand),
    /// The times somebody sent a stream
    #[command(subcommand)]
    Session(session::SessionCommand),
    /// Files
    #[command(subcommand)]
    Asset(asset::AssetCommand),
    /// Studio's work on files
    #[command(subcommand)]
    Task(task::TaskCommand),
    Playback(playback::PlaybackArgs),
    /// Who is told of what happens
    #[command(subcommand)]
    Webhook(webhook::WebhookCommand),
    /// Other services that streams are sent on to
    #[command(subcommand)]
    Target(target::TargetCommand),
}

// No doc comment: it would become the help of the commands.
#[derive(Debug, Args)]
struct AccountArgs {
    /// File whose first line is the API key
    #[arg(long, value_name = "PATH", env = "LPCTL_STUDIO_KEY_FILE", hide_env = true, value_hint = ValueHint::FilePath)]
    key_file: Option<PathBuf>,
    /// Studio's interface [default: https://livepeer.studio/api]
    // Kept as text here: a parse error of clap would repeat the value, which may hold a key.
    #[arg(long, value_name = "URL", env = "LPCTL_STUDIO_URL", hide_env = true, value_hint = ValueHint::Url)]
    url: Option<String>,
    /// Seconds to wait for each answer
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=300))]
    timeout: u64,
}

// No doc comment: it would become the help of the commands.
#[derive(Debug, Args)]
struct ListArgs {
    /// How many rows to show
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=5000))]
    limit: u16,
    #[command(flatten)]
    account: AccountArgs,
}

// No doc comment: it would become the help of the commands.
#[derive(Debug, Args)]
struct OneArgs {
    /// Its id
    #[arg(value_name = "ID")]
    id: StudioId,
    #[command(flatten)]
    account: AccountArgs,
}

/// Carries out one of them.
///
/// # Errors
/// Unreachable when Studio does not answer.
pub async fn run(command: StudioCommand, context: &mut Context) -> eyre::Result<()> {
    match command {
        StudioCommand::Stream(command) => stream::run(command, context).await,
        StudioCommand::Session(command) => session::run(command, context).await,
        StudioCommand::Asset(command) => asset::run(command, context).await,
        StudioCommand::Task(command) => task::run(command, context).await,
        StudioCommand::Playback(args) => playback::run(args, context).await,
        StudioCommand::Webhook(command) => webhook::run(command, context).await,
        StudioCommand::Target(command) => target::run(command, context).await,
    }
}

impl AccountArgs {
    /// The client, with the key of the file or of the service manager.
    async fn connect(&self, context: &mut Context) -> eyre::Result<Studio> {
        const KEY_HINT: &str = "make a key on Studio's developers page and name a file whose first line it is: `--key-file` or \
                                LPCTL_STUDIO_KEY_FILE";
        let url: RpcUrl = self.url.as_deref().unwrap_or(STUDIO_URL).parse().map_err(|_| {
            let message = "Studio's URL is not one that begins with http:// or https://";
            Failure::new(Kind::Config, "studio_url", message)
                .hint("leave `--url` and LPCTL_STUDIO_URL out for Livepeer's own")
        })?;
        let key = api_key::find(
            self.key_file.clone(),
            "--key-file",
            "studio-key",
            "studio_key",
            context,
        )
        .await?;
        let Some(key) = key else {
            let message = "there is no API key for Livepeer Studio";
            return Err(Failure::new(Kind::Config, "studio_key", message)
                .hint(KEY_HINT)
                .into());
        };
        let studio = Studio::new(&url, &key, Duration::from_secs(self.timeout));
        Ok(studio.map_err(failure)?)
    }
}

impl ListArgs {
    fn limit(&self) -> usize {
        self.limit.into()
    }
}

/// What an error means for the operator.
fn failure(error: WebError) -> Failure {
    let message = format!("Studio: {error}");
    match error {
        WebError::PlainKey | WebError::BadKey => Failure::new(Kind::Config, "studio_key", message)
            .hint("use an https:// URL, and a key file whose first line is the key"),
        WebError::Unauthorized(_) => Failure::new(Kind::Refused, "studio_key_refused", message)
            .hint("name a file with a valid key of this account: `--key-file` or LPCTL_STUDIO_KEY_FILE"),
        WebError::NotFound => Failure::new(Kind::Failed, "studio_unknown", "Studio: there is no such thing")
            .hint("the `list` of the same kind shows what there is; check `--url` if that fails too"),
        WebError::TooMany(wait) => {
            Failure::new(Kind::Unreachable, "studio_busy", message).hint(api_key::try_again(wait))
        }
        WebError::Refused(..) => {
            Failure::new(Kind::Refused, "studio_refused", message).hint("mend what the message names")
        }
        WebError::NotConnected(_) | WebError::Connection(_) | WebError::NoAnswer(_) | WebError::Status(_) => {
            Failure::new(Kind::Unreachable, "studio_unreachable", message)
                .hint("check the connection and `--url`, or try again later; `--timeout` waits longer")
        }
        WebError::TooLarge | WebError::NotJson | WebError::Garbled(_) => {
            Failure::new(Kind::Failed, "studio_bad_answer", message)
                .hint("check that `--url` is the interface of a Livepeer Studio")
        }
    }
}

/// The same where something was to be changed: without an answer nobody knows whether it was.
fn of_change(error: WebError) -> Failure {
    match error {
        WebError::Connection(_)
        | WebError::NoAnswer(_)
        | WebError::Status(_)
        | WebError::TooLarge
        | WebError::NotJson
        | WebError::Garbled(_) => {
            let message = format!("Studio: {error}; what was asked may be done or not");
            Failure::new(Kind::Unknown, "studio_outcome_unknown", message)
                .hint("look with the `list` of the same kind before you do it again")
        }
        error => failure(error),
    }
}

/// Shows a list and says what is not in it.
fn show_list<T>(list: &StudioList<T>, context: &mut Context) -> eyre::Result<()>
where
    StudioList<T>: Report,
{
    if list.unreadable > 0 {
        context.shell.warn(format_args!(
            "{} of Studio's could not be read and {} left out",
            wording::counted(list.unreadable, "row"),
            if list.unreadable == 1 { "is" } else { "are" }
        ));
    }
    Ok(context.shell.report(list)?)
}

/// Says what was done, and is all there is to say.
fn done(id: &StudioId, done: &'static str, context: &mut Context) -> eyre::Result<()> {
    let answer = StudioDone {
        id: id.to_string(),
        done,
    };
    Ok(context.shell.report(&answer)?)
}

impl Report for StudioDone {
    fn text(&self, style: &Style) -> String {
        format!("{} {} {}", style.good_mark(), self.done, self.id)
    }
}

/// A table of rows, or that there are none, and whether there are more.
fn rows_text<T: Serialize>(
    list: &StudioList<T>,
    of: &str,
    header: &[&str],
    row: impl Fn(&T) -> Vec<String>,
) -> String {
    if list.rows.is_empty() {
        return format!("no {of}s");
    }
    let mut rows = table();
    rows.set_header(header);
    for one in &list.rows {
        rows.add_row(row(one));
    }
    let more = match list.has_more {
        true => ", and there are more: `--limit` shows more",
        false => "",
    };
    format!(
        "{}\n{}{more}",
        rows.trim_fmt(),
        wording::counted(list.rows.len(), of)
    )
}

/// Lines of what is known: a name and its value, which is harmless already; what is not known is left out.
fn facts(facts: &[(&str, Option<String>)]) -> String {
    let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let lines = facts
        .iter()
        .filter_map(|(name, value)| Some(format!("{name:<width$}  {}", value.as_deref()?)));
    lines.collect::<Vec<_>>().join("\n")
}

fn text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| escape(text))
}

fn optional(value: Option<&String>) -> Option<String> {
    text(value?)
}

fn moment(moment: Option<Moment>) -> String {
    moment.map_or_else(|| "-".to_string(), |moment| moment.to_string())
}

/// Whole seconds as people say them.
fn seconds(seconds: f64) -> String {
    // A length of video; no number of seconds that matters is lost.
    wording::duration(seconds.max(0.0).round() as u64)
}

/// A word, the part that is done, and why it failed.
fn progress(status: Option<&StudioProgress>) -> String {
    let Some(status) = status else {
        return "-".to_string();
    };
    let part = status.progress.filter(|part| *part < 1.0);
    let part = part.map(|part| format!(" {} %", (part.max(0.0) * 100.0).round()));
    let why = optional(status.error_message.as_ref()).map(|why| format!(": {why}"));
    format!(
        "{}{}{}",
        escape(&status.phase),
        part.unwrap_or_default(),
        why.unwrap_or_default()
    )
}
