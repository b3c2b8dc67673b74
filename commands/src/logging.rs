//! The log on stderr: what the engine notes while it works.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::cli::{ColorChoice, GlobalArgs};

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
    let level = match (globals.quiet, globals.verbose) {
        (true, _) => "error",
        (false, 0) => "warn,engine=info,lpctl=info",
        (false, 1) => "info,engine=debug,lpctl=debug",
        (false, _) => "debug,engine=trace,lpctl=trace",
    };
    let filter = std::env::var("LPCTL_LOG")
        .ok()
        .and_then(|text| EnvFilter::try_new(text).ok());
    let filter = filter.unwrap_or_else(|| EnvFilter::new(level));
    let coloured = match globals.color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(coloured);
    // A second start in one process (tests) keeps the first.
    let _ = if globals.json {
        builder.json().try_init().is_ok()
    } else {
        builder.with_target(false).try_init().is_ok()
    };
}
