//! The log on stderr: what the engine notes while it works.

use std::{io::IsTerminal, sync::OnceLock};

use engine::{config::LogLevel, node::LogControl};
use tracing_subscriber::EnvFilter;

use crate::cli::{ColorChoice, GlobalArgs};

/// Changes the filter of the log that was started.
type Reload = Box<dyn Fn(EnvFilter) -> Result<(), String> + Send + Sync>;

/// The log of this process, once it was started.
static LOG: OnceLock<Reload> = OnceLock::new();
/// Whether flags or variables said how much is logged.
static WAS_CHOSEN: OnceLock<bool> = OnceLock::new();

/// Stderr, but nothing across the dashboard's screen.
fn writer() -> Box<dyn std::io::Write> {
    if tui::terminal::is_taken() && std::io::stderr().is_terminal() {
        Box::new(std::io::sink())
    } else {
        Box::new(std::io::stderr())
    }
}

/// Starts the log. `LPCTL_LOG` takes a tracing filter; else `-v` says more and `-q` only errors.
pub fn start(globals: &GlobalArgs) {
    let _ = WAS_CHOSEN.set(globals.quiet || globals.verbose > 0 || named_filter().is_some());
    let level = match (globals.quiet, globals.verbose) {
        (true, _) => LogLevel::Error,
        (false, 0) => LogLevel::Info,
        (false, 1) => LogLevel::Debug,
        (false, _) => LogLevel::Trace,
    };
    let coloured = match globals.color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(named_filter().unwrap_or_else(|| filter(level)))
        .with_writer(writer)
        .with_ansi(coloured);
    // A second start in one process (tests) keeps the first.
    let reload: Option<Reload> = if globals.json {
        let builder = builder.json().with_filter_reloading();
        let handle = builder.reload_handle();
        let is_first = builder.try_init().is_ok();
        is_first.then(|| -> Reload { Box::new(move |filter| handle.reload(filter).map_err(said)) })
    } else {
        let builder = builder.with_target(false).with_filter_reloading();
        let handle = builder.reload_handle();
        let is_first = builder.try_init().is_ok();
        is_first.then(|| -> Reload { Box::new(move |filter| handle.reload(filter).map_err(said)) })
    };
    if let Some(reload) = reload {
        let _ = LOG.set(reload);
    }
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// The filter of `LPCTL_LOG`, if it is one.
fn named_filter() -> Option<EnvFilter> {
    let text = std::env::var("LPCTL_LOG").ok()?;
    EnvFilter::try_new(text).ok()
}

/// Whether the command line or a variable says how much is logged.
pub fn was_chosen() -> bool {
    WAS_CHOSEN.get().copied().unwrap_or_default()
}

/// What a level means: our own parts at that level, the libraries below them a step less.
fn filter(level: LogLevel) -> EnvFilter {
    EnvFilter::new(match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "warn,engine=info,lpctl=info",
        LogLevel::Debug => "info,engine=debug,lpctl=debug",
        LogLevel::Trace => "debug,engine=trace,lpctl=trace",
    })
}

/// Changes how much is logged from now on.
///
/// # Errors
/// When the log was not started by [`start`].
pub fn set_level(level: LogLevel) -> Result<(), String> {
    let reload = LOG
        .get()
        .ok_or_else(|| "the log was set up elsewhere".to_string())?;
    reload(filter(level))
}

/// What a node changes its log with.
pub fn control() -> LogControl {
    LogControl::new(set_level)
}
