//! `lpctl` alone on a terminal: a menu over the same commands, each with the command line it stands for.
//!
//! | module | holds |
//! |---|---|
//! | `entries` | the table of choices |
//! | `asking` | the values a choice needs |
//! | `state` | how things stand, read in one go |

mod asking;
pub mod entries;
mod state;

use std::{ffi::OsString, fmt, io::IsTerminal, process::ExitCode};

use clap::{Args, FromArgMatches};

use self::{entries::Entry, state::State};
use crate::{
    cli::{Cli, GlobalArgs},
    context::{ConfigNeed, Context, shell_options},
    failure::{Failure, Kind},
    shell::Shell,
};

/// Choose what to do from a menu
///
/// The same as lpctl alone on a terminal. Typing filters the choices, each shows the command line it stands for, and
/// what is chosen runs as if that line had been typed. What a command needs is asked for; an empty answer keeps what
/// is so now. Ctrl-C and Esc leave, exit code 130; nothing is sent by leaving.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl                          the same
  lpctl menu
  lpctl --profile devnet menu    over another profile")]
pub struct MenuArgs {}

/// The menu in place of a command line that names no command, where somebody can choose.
#[must_use]
pub fn in_place_of(error: &clap::Error) -> Option<Cli> {
    use clap::error::ErrorKind::{DisplayHelpOnMissingArgumentOrSubcommand, MissingSubcommand};
    let is_wanted = matches!(
        error.kind(),
        DisplayHelpOnMissingArgumentOrSubcommand | MissingSubcommand
    );
    let is_terminal =
        std::io::stdin().is_terminal() && std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
    if !is_wanted || !is_terminal {
        return None;
    }
    let words = std::env::args_os().chain([OsString::from("menu")]);
    let cli = parse(words.collect()).ok()?;
    (!cli.globals.json).then_some(cli)
}

/// A command line as clap reads it.
///
/// # Errors
/// What clap says is wrong with it.
pub fn parse(words: Vec<OsString>) -> Result<Cli, clap::Error> {
    let mut command = crate::help::command();
    let matches = command.try_get_matches_from_mut(words)?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// A choice as it is shown.
struct Choice<'a> {
    entry: Option<&'a Entry>,
    /// How things stand with it.
    state: Option<String>,
    width: usize,
}

impl fmt::Display for Choice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(entry) = self.entry else {
            return f.write_str("quit");
        };
        let state = self
            .state
            .as_ref()
            .map_or_else(String::new, |state| format!(" ({state})"));
        let text = format!("{}: {}{state}", entry.group, entry.sentence);
        let line = format!("{text:<46}  {}", entry.shown());
        f.write_str(&clipped(&line, self.width))
    }
}

/// No longer than the screen is wide: a choice is one line.
fn clipped(text: &str, width: usize) -> String {
    match text.chars().count() > width {
        true => text.chars().take(width.saturating_sub(1)).chain(['…']).collect(),
        false => text.to_string(),
    }
}

/// Shows the menu until somebody leaves it.
pub fn run(globals: &GlobalArgs) -> ExitCode {
    loop {
        let code = match once(globals) {
            Ok(Some(code)) => code,
            Ok(None) => return ExitCode::SUCCESS,
            Err(report) => {
                let failure = Failure::judge(&report);
                Shell::new(shell_options(globals)).fail(&failure);
                return ExitCode::from(failure.kind as u8);
            }
        };
        if code == ExitCode::from(Kind::Interrupted as u8) {
            return code;
        }
    }
}

/// One choice, carried out; none to leave.
fn once(globals: &GlobalArgs) -> eyre::Result<Option<ExitCode>> {
    let shell = Shell::new(shell_options(globals));
    if !shell.is_interactive() {
        return Err(
            Failure::new(Kind::Usage, "no_terminal", "a menu needs a terminal")
                .hint("name a command; `lpctl --help` lists them")
                .into(),
        );
    }
    let mut context = Context::new(globals, shell, ConfigNeed::Whole).map_err(|refused| refused.1)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let state = runtime.block_on(state::read(&mut context));
    runtime.shutdown_timeout(std::time::Duration::from_millis(100));
    let text = state.text(&context.shell.style());
    context.shell.status(format_args!("\n{text}"));
    let entries = entries::ALL;
    let width = crossterm::terminal::size().map_or(80, |(columns, _)| usize::from(columns).max(40)) - 3;
    let choices = entries
        .iter()
        .map(Some)
        .chain([None])
        .map(|entry| Choice {
            entry,
            state: entry.and_then(|entry| state.of(entry)),
            width,
        })
        .collect();
    let start = state.first_choice(entries);
    let help = "type to filter, Enter chooses, Esc leaves";
    let Some(entry) = context.shell.choose("What now?", choices, start, help)?.entry else {
        return Ok(None);
    };
    let typed = typed_options();
    let words = asking::fill(entry, &state, &typed, &mut context)?;
    let line: Vec<String> = words.iter().map(|word| crate::init::quoted(word)).collect();
    let style = context.shell.style();
    context.shell.status(format_args!(
        "\n{}",
        style.bold(&format!("$ lpctl {}", line.join(" ")))
    ));
    let cli = parse(command_line(&typed, &words))?;
    drop(context);
    let shell = Shell::new(shell_options(&cli.globals));
    Ok(Some(crate::execute(cli, shell)))
}

/// What was typed beside the menu: options of every command, which hold for each choice.
fn typed_options() -> Vec<OsString> {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    words.into_iter().filter(|word| word != "menu").collect()
}

fn command_line(typed: &[OsString], words: &[String]) -> Vec<OsString> {
    let program = OsString::from("lpctl");
    let words = words.iter().map(OsString::from);
    std::iter::once(program)
        .chain(typed.iter().cloned())
        .chain(words)
        .collect()
}

impl State {
    /// How things stand with a choice.
    fn of(&self, entry: &Entry) -> Option<String> {
        let facts = self.facts.as_ref()?;
        entry
            .state
            .map(|state| state(facts))
            .filter(|text| !text.is_empty())
    }
}
