//! The log of this process: on stderr, and its last lines in a ring for the operator API. Traces go their own way, see
//! `traces`.

mod lines;
mod traces;

use std::{
    io::IsTerminal,
    sync::{Arc, OnceLock},
};

use engine::{
    config::LogLevel,
    node::{LogControl, LogRing},
};
use tracing_subscriber::{
    EnvFilter, Layer, Registry, layer::SubscriberExt as _, reload, util::SubscriberInitExt as _,
};

pub use self::traces::send_traces;
use crate::cli::{ColorChoice, GlobalArgs};

/// Changes the filter of the log that was started.
type Reload = Box<dyn Fn(EnvFilter) -> Result<(), String> + Send + Sync>;

/// The log of this process, once it was started.
struct Log {
    reload: Reload,
    ring: LogRing,
    /// What is logged from the start; none if a filter of the operator's own decides.
    level: Option<LogLevel>,
    traces: Arc<traces::Slot>,
}

static LOG: OnceLock<Log> = OnceLock::new();
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
    let named = named_filter();
    let _ = WAS_CHOSEN.set(globals.quiet || globals.verbose > 0 || named.is_some());
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
    let is_named = named.is_some();
    let (filter, handle) = reload::Layer::new(named.unwrap_or_else(|| filter(level)));
    let ring = LogRing::new();
    let slot = Arc::<traces::Slot>::default();
    let below = tracing_subscriber::registry().with(traces::layer(Arc::clone(&slot)));
    let text = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .with_ansi(coloured);
    let kept = lines::Lines::new(ring.clone());
    // A second start in one process (tests) keeps the first.
    let started = match globals.json {
        true => below
            .with(text.json().and_then(kept).with_filter(filter))
            .try_init(),
        false => below
            .with(text.with_target(false).and_then(kept).with_filter(filter))
            .try_init(),
    };
    if started.is_ok() {
        let _ = LOG.set(Log {
            reload: Box::new(move |filter| handle.reload(filter).map_err(|error| error.to_string())),
            ring,
            level: (!is_named).then_some(level),
            traces: slot,
        });
    }
}

/// What lies below everything else.
type Ground = Registry;

/// Lines keep to what they are about, whatever is logged: spans of segments are there at every level, and their stages
/// are for traces alone.
fn with_segments(filter: EnvFilter) -> EnvFilter {
    match format!("{}=error", engine::way::TARGET).parse() {
        Ok(directive) => filter.add_directive(directive),
        Err(_) => filter,
    }
}

/// The filter of `LPCTL_LOG`, if it is one.
fn named_filter() -> Option<EnvFilter> {
    let text = std::env::var("LPCTL_LOG").ok()?;
    EnvFilter::try_new(text).ok().map(with_segments)
}

/// Whether the command line or a variable says how much is logged.
pub fn was_chosen() -> bool {
    WAS_CHOSEN.get().copied().unwrap_or_default()
}

/// What a level means: our own parts at that level, the libraries below them a step less.
fn filter(level: LogLevel) -> EnvFilter {
    with_segments(EnvFilter::new(match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "warn,engine=info,lpctl=info",
        LogLevel::Debug => "info,engine=debug,lpctl=debug",
        LogLevel::Trace => "debug,engine=trace,lpctl=trace",
    }))
}

/// Changes how much is logged from now on.
///
/// # Errors
/// When the log was not started by [`start`].
pub fn set_level(level: LogLevel) -> Result<(), String> {
    let log = LOG
        .get()
        .ok_or_else(|| "the log was set up elsewhere".to_string())?;
    (log.reload)(filter(level))
}

/// What a node changes its log with, and where its last lines are; `kept` is what was set already.
pub fn control(kept: Option<LogLevel>) -> LogControl {
    let control = LogControl::new(set_level);
    let Some(log) = LOG.get() else { return control };
    let control = control.with_ring(log.ring.clone());
    match kept.or(log.level) {
        Some(level) => control.with_level(level),
        None => control,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_level_is_a_filter_that_keeps_segments_and_hides_their_stages() {
        for level in LogLevel::ALL {
            let text = filter(level).to_string();
            assert!(text.contains("engine::way=error"), "{text}");
        }
    }
}
