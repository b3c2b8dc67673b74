//! What a command works with: the shell, the settings, and the engine's parts opened on first use.

use std::io::IsTerminal;

use alloy::primitives::TxHash;
use engine::config::ConfigFile;

use crate::{
    cli::{ColorChoice, GlobalArgs},
    failure::{Failure, Kind},
    settings::{Directories, Settings, read_config_file},
    shell::{Shell, ShellOptions, Style},
    wording,
};

/// How much of the config file a command needs to be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigNeed {
    /// Nothing: a broken file must not stand in its way.
    None,
    /// The file, but the named profile need not exist yet.
    MayAddProfile,
    /// The file and the named profile.
    Whole,
}

/// What a command works with.
pub struct Context {
    /// Output and questions.
    pub shell: Shell,
    /// A transaction that may have been sent and whose outcome is not known yet.
    pub(crate) outstanding: Option<TxHash>,
    /// Transactions of this run that were mined.
    pub(crate) mined: Vec<TxHash>,
    settings: Settings,
    directories: Directories,
}

impl Context {
    /// Finds and reads the config file and resolves the settings.
    ///
    /// # Errors
    /// A config or usage failure.
    pub fn new(globals: &GlobalArgs, shell: Shell, need: ConfigNeed) -> Result<Self, Box<(Shell, Failure)>> {
        match Self::resolve(globals, need) {
            Ok((settings, directories)) => Ok(Self {
                shell,
                outstanding: None,
                mined: Vec::new(),
                settings,
                directories,
            }),
            Err(failure) => Err(Box::new((shell, failure))),
        }
    }

    fn resolve(globals: &GlobalArgs, need: ConfigNeed) -> Result<(Settings, Directories), Failure> {
        let mut directories = Directories::find()?;
        if let Some(path) = &globals.config {
            directories.config_file.clone_from(path);
            if need == ConfigNeed::Whole && !path.exists() {
                return Err(Failure::new(
                    Kind::Config,
                    "no_config",
                    format!("{}: there is no such config file", path.display()),
                )
                .hint(
                    "check `--config` and LPCTL_CONFIG; without them the file in your config folder is read",
                ));
            }
        }
        let mut file = match need {
            ConfigNeed::None => ConfigFile::default(),
            ConfigNeed::MayAddProfile | ConfigNeed::Whole => read_config_file(&directories.config_file)?,
        };
        if let Some(name) = globals.profile.as_ref().filter(|_| need != ConfigNeed::Whole) {
            file.profiles.entry(name.clone()).or_default();
        }
        let settings = Settings::resolve(globals, &file)?;
        let directories = settings.place(directories);
        Ok((settings, directories))
    }

    /// What it means to be interrupted now: whatever was sent goes its own way.
    #[must_use]
    pub fn interrupted(&self) -> Failure {
        match self.outstanding {
            None if self.mined.is_empty() => Failure::new(Kind::Interrupted, "interrupted", "interrupted"),
            None => {
                let count = wording::counted(self.mined.len(), "transaction");
                let verb = if self.mined.len() == 1 { "was" } else { "were" };
                let message = format!("interrupted after {count} {verb} mined");
                Failure::new(Kind::Failed, "interrupted_after_mining", message)
                    .hint("`lpctl status` shows what is done; run the command again for the rest")
                    .details(serde_json::json!({ "mined": self.mined }))
            }
            Some(hash) => {
                let message = format!("interrupted while {hash} was on its way");
                Failure::new(Kind::Unknown, "interrupted_after_sending", message)
                    .hint(format!(
                        "it can still be mined, do not send it again; `lpctl tx show {hash}` tells what became of it"
                    ))
                    .details(serde_json::json!({ "hash": hash, "mined": self.mined }))
            }
        }
    }

    /// The resolved settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where files are.
    #[must_use]
    pub fn directories(&self) -> &Directories {
        &self.directories
    }
}

/// How this process may dress its output.
#[must_use]
pub fn shell_options(globals: &GlobalArgs) -> ShellOptions {
    let style = |is_terminal: bool| Style {
        colour: colour(globals.color, is_terminal),
        unicode: speaks_unicode(),
    };
    ShellOptions {
        json: globals.json,
        quiet: globals.quiet,
        yes: globals.yes,
        out_style: style(std::io::stdout().is_terminal()),
        err_style: style(std::io::stderr().is_terminal()),
    }
}

fn colour(choice: ColorChoice, is_terminal: bool) -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            is_terminal && !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
        }
    }
}

/// Whether marks beyond ASCII can be shown: the first locale variable that is set decides, as in the C library.
fn speaks_unicode() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    locale.is_none_or(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8") || !matches!(locale.as_str(), "c" | "posix")
    })
}
