//! What was changed while the node ran last time, and what of it holds now.

use std::path::Path;

use engine::{config::SessionsChoice, node::KeptSettings};

use crate::{
    context::Context,
    failure::{Failure, Kind},
    logging,
};

/// What was changed while a node with these files ran.
///
/// # Errors
/// Config for a file of kept settings that cannot be read.
pub fn read(data_dir: &Path) -> Result<KeptSettings, Failure> {
    let file = KeptSettings::path(data_dir).display().to_string();
    KeptSettings::read(data_dir).map_err(|error| {
        Failure::new(Kind::Config, "kept_settings", error.to_string()).hint(format!(
            "what was changed at run time is in {file}: mend it, or remove it"
        ))
    })
}

/// Sets the log level and tells how many sessions there may be: the command line says it, else what was changed at run
/// time, else the config file. Says which it was, if anything was changed.
pub fn hold(typed: Option<SessionsChoice>, kept: &KeptSettings, context: &mut Context) -> SessionsChoice {
    match (
        logging::was_chosen(),
        kept.log_level,
        context.settings().log_level,
    ) {
        (true, Some(level), _) => context.shell.status(format_args!(
            "log level as given; {level} was set at run time and holds without `-v`, `-q` and LPCTL_LOG"
        )),
        (false, Some(level), _) => {
            set_level(level, context);
            context.shell.status(format_args!(
                "log level {level}, as set at run time; `lpctl node log-level` changes it"
            ));
        }
        (false, None, Some(level)) => set_level(level, context),
        (true, None, _) | (false, None, None) => {}
    }
    let usual = context.settings().max_sessions;
    match (typed, kept.max_sessions) {
        (Some(typed), Some(kept)) if typed != kept => {
            context.shell.status(format_args!(
                "sessions: {typed}, as given; {kept} was set at run time and holds without `--max-sessions`"
            ));
            typed
        }
        (Some(typed), _) => typed,
        (None, Some(kept)) if kept != usual => {
            context.shell.status(format_args!(
                "sessions: {kept}, as set at run time, in place of {usual}; `lpctl node set-max-sessions` changes it"
            ));
            kept
        }
        (None, Some(kept)) => kept,
        (None, None) => usual,
    }
}

/// The log level that holds because it was set at run time or in the config; none: the command line's does.
pub fn level(kept: &KeptSettings, context: &Context) -> Option<engine::config::LogLevel> {
    match logging::was_chosen() {
        true => None,
        false => kept.log_level.or(context.settings().log_level),
    }
}

fn set_level(level: engine::config::LogLevel, context: &mut Context) {
    if let Err(error) = logging::set_level(level) {
        context
            .shell
            .warn(format_args!("the log level stays as it was: {error}"));
    }
}
