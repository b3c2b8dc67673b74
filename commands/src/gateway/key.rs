//! `lpctl gateway key`.

use clap::{Args, Subcommand};
use engine::gateway::ingest::new_key;
use serde::Serialize;

use crate::{
    context::Context,
    failure::{Failure, Kind},
    shell::{Report, Style},
};

/// Keys that let others send streams
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "the help of a command is the doc comment of its `Args`"
)]
pub enum KeyCommand {
    New(NewArgs),
}

/// Make an API key for whoever sends streams to a gateway
///
/// The key is shown once and kept nowhere. What is shown with it goes into the file that `lpctl gateway run --keys`
/// reads: it holds only a hash, so the file betrays no key.
///
/// Pushes carry the key as `Authorization: Bearer KEY`; RTMP publishers as the last part of the address:
/// rtmp://HOST/live/STREAM/KEY.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl gateway key new --name studio
  lpctl gateway key new --name studio --manifest-prefix studio- --max-streams 4
  lpctl gateway key new --name studio --json | jq -r .data.toml >> keys.toml")]
pub struct NewArgs {
    /// Name of the key, for the log
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Only for streams whose names begin with this
    #[arg(long, value_name = "PREFIX")]
    manifest_prefix: Option<String>,
    /// Streams at once
    #[arg(long, value_name = "COUNT")]
    max_streams: Option<u32>,
    /// Encoded pixels a second, on average over ten seconds
    #[arg(long, value_name = "PIXELS")]
    max_pixels_per_second: Option<i64>,
    /// Encoded pixels a day; they come back evenly over the day
    #[arg(long, value_name = "PIXELS")]
    max_pixels_per_day: Option<i64>,
}

#[derive(Serialize)]
struct Made {
    name: String,
    /// Shown this once.
    key: String,
    toml: String,
}

impl Report for Made {
    fn text(&self, style: &Style) -> String {
        format!(
            "{} the key, shown this once:\n\n{}\n\nadd to the file of `lpctl gateway run --keys FILE`, and start it anew:\n\n{}",
            style.good_mark(),
            self.key,
            self.toml.trim_end()
        )
    }
}

/// Carries one of them out.
///
/// # Errors
/// Usage for a name or a number that does not fit into the file.
pub fn run(command: &KeyCommand, context: &mut Context) -> eyre::Result<()> {
    let KeyCommand::New(args) = command;
    let wrong = |message: &str| Failure::new(Kind::Usage, "usage", message.to_string());
    if args.name.is_empty() || args.name.len() > 100 || args.name.chars().any(char::is_control) {
        return Err(wrong("a key's name has 1 to 100 characters on one line")
            .hint("choose another `--name`")
            .into());
    }
    let limits = [
        ("max_streams", args.max_streams.map(i64::from)),
        ("max_pixels_per_second", args.max_pixels_per_second),
        ("max_pixels_per_day", args.max_pixels_per_day),
    ];
    if limits
        .iter()
        .any(|(_, limit)| limit.is_some_and(|limit| limit < 1))
    {
        return Err(wrong("a limit is at least 1")
            .hint("leave the flag out for no limit")
            .into());
    }
    let (key, hash) = new_key();
    let mut table = toml_edit::Table::new();
    table["name"] = toml_edit::value(args.name.clone());
    table["hash"] = toml_edit::value(hash);
    if let Some(prefix) = &args.manifest_prefix {
        table["manifest_prefix"] = toml_edit::value(prefix.clone());
    }
    for (name, limit) in limits {
        if let Some(limit) = limit {
            table[name] = toml_edit::value(limit);
        }
    }
    let mut tables = toml_edit::ArrayOfTables::new();
    tables.push(table);
    let mut document = toml_edit::DocumentMut::new();
    document["key"] = toml_edit::Item::ArrayOfTables(tables);
    Ok(context.shell.report(&Made {
        name: args.name.clone(),
        key: key.to_string(),
        toml: document.to_string(),
    })?)
}
