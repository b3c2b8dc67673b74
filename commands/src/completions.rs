//! `lpctl completions`: the script that completes commands, flags and values.

use clap::{Args, ValueEnum};
use clap_complete::env::{Bash, Elvish, EnvCompleter, Fish, Powershell, Zsh};

use crate::context::Context;

/// Print the script that completes lpctl's commands and values in your shell
///
/// Values are completed too: account names, profiles, networks. They are read from this machine, never from the chain.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  source <(lpctl completions bash)                      in ~/.bashrc
  source <(lpctl completions zsh)                       in ~/.zshrc
  lpctl completions fish | source                       in ~/.config/fish/config.fish
  lpctl completions nushell | save -f lpctl.nu          then `source lpctl.nu` in config.nu")]
pub struct CompletionsArgs {
    /// Shell to write for
    #[arg(value_enum)]
    pub shell: CompletionShell,
}

/// Shells that are written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CompletionShell {
    /// Bourne again shell.
    Bash,
    /// Z shell.
    Zsh,
    /// Friendly interactive shell.
    Fish,
    /// Elvish.
    Elvish,
    /// PowerShell.
    #[value(name = "powershell")]
    PowerShell,
    /// Nushell.
    Nushell,
}

impl CompletionShell {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Bash,
        Self::Zsh,
        Self::Fish,
        Self::Elvish,
        Self::PowerShell,
        Self::Nushell,
    ];

    /// The file name shells look for.
    #[must_use]
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Bash => "lpctl.bash",
            Self::Zsh => "_lpctl",
            Self::Fish => "lpctl.fish",
            Self::Elvish => "lpctl.elv",
            Self::PowerShell => "lpctl.ps1",
            Self::Nushell => "lpctl.nu",
        }
    }

    /// The script. All but Nushell's ask lpctl itself for what fits, so values are completed as well.
    ///
    /// # Errors
    /// When the script cannot be written; writing to memory does not fail.
    pub fn script(self) -> std::io::Result<Vec<u8>> {
        let mut script = Vec::new();
        let completer: &dyn EnvCompleter = match self {
            Self::Bash => &Bash,
            Self::Zsh => &Zsh,
            Self::Fish => &Fish,
            Self::Elvish => &Elvish,
            Self::PowerShell => &Powershell,
            Self::Nushell => {
                let mut command = crate::help::command();
                clap_complete::generate(clap_complete_nushell::Nushell, &mut command, "lpctl", &mut script);
                return Ok(script);
            }
        };
        completer.write_registration("COMPLETE", "lpctl", "lpctl", "lpctl", &mut script)?;
        Ok(script)
    }
}

/// Prints the script.
///
/// # Errors
/// When stdout cannot be written.
pub async fn run(args: CompletionsArgs, context: &mut Context) -> eyre::Result<()> {
    context.shell.raw(&args.shell.script()?)?;
    Ok(())
}
