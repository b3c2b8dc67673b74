//! `lpctl config`: show, check and change the configuration.

pub(crate) mod set;
pub(crate) mod show;

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::{
    context::Context,
    failure::{Failure, Kind},
    settings::{check_fit, read_config_file},
    shell::{Report, Style},
};

/// Show, check and change the configuration
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "the help of a command is the doc comment of its `Args`"
)]
pub enum ConfigCommand {
    Show(show::ShowArgs),
    Set(set::SetArgs),
    Check(CheckArgs),
    Path(PathArgs),
}

/// Say whether the config file is understood
///
/// A mistake is shown with its line and column, and with the name that may have been meant.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl config check
  lpctl config check --json && systemctl restart lpctl")]
pub struct CheckArgs {}

/// Print where the files are
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl config path
  lpctl config path --json | jq -r .data.keystore_dir")]
pub struct PathArgs {}

#[derive(Serialize)]
struct Checked {
    config_file: String,
    exists: bool,
    profiles: Vec<String>,
}

impl Report for Checked {
    fn text(&self, style: &Style) -> String {
        if !self.exists {
            return format!(
                "{} there is no config file at {}: the built-in settings hold",
                style.good_mark(),
                self.config_file
            );
        }
        let profiles = if self.profiles.is_empty() {
            "no profiles".to_string()
        } else {
            format!("profiles {}", self.profiles.join(", "))
        };
        format!(
            "{} {} is understood: {profiles}",
            style.good_mark(),
            self.config_file
        )
    }
}

#[derive(Serialize)]
struct Paths {
    config_file: String,
    data_dir: String,
    keystore_dir: String,
    state_dir: String,
    cache_dir: String,
}

impl Report for Paths {
    fn text(&self, _: &Style) -> String {
        format!(
            "config    {}\ndata      {}\nkeystore  {}\nstate     {}\ncache     {}",
            self.config_file, self.data_dir, self.keystore_dir, self.state_dir, self.cache_dir
        )
    }
}

/// Carries out one of them.
///
/// # Errors
/// A config failure.
pub async fn run(command: ConfigCommand, context: &mut Context) -> eyre::Result<()> {
    let directories = context.directories().clone();
    match command {
        ConfigCommand::Show(args) => show::run(args, context).await,
        ConfigCommand::Set(args) => set::run(args, context).await,
        ConfigCommand::Check(CheckArgs {}) => {
            let file = read_config_file(&directories.config_file)?;
            check_fit(&file).map_err(|reason| {
                let what = format!("{}: {reason}", directories.config_file.display());
                Failure::new(Kind::Config, "bad_config", what)
                    .hint("the keys and what they take are listed by `lpctl config set --help`")
            })?;
            let checked = Checked {
                config_file: directories.config_file.display().to_string(),
                exists: directories.config_file.exists(),
                profiles: file.profiles.into_keys().collect(),
            };
            Ok(context.shell.report(&checked)?)
        }
        ConfigCommand::Path(PathArgs {}) => {
            let paths = Paths {
                config_file: directories.config_file.display().to_string(),
                data_dir: directories.data_dir.display().to_string(),
                keystore_dir: directories.keystore_dir.display().to_string(),
                state_dir: directories.state_dir.display().to_string(),
                cache_dir: directories.cache_dir.display().to_string(),
            };
            Ok(context.shell.report(&paths)?)
        }
    }
}
