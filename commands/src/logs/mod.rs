//! `lpctl logs`: the log of a node of either kind, read, followed, filtered and explained.
//!
//! | module | holds |
//! |---|---|
//! | `line` | a line of lpctl's or go-livepeer's log as facts, whatever it looks like |
//! | `node` | lines of a node, those it has and those that come |
//! | `source` | bytes from a file, a pipe or a node, bounded, also when the file is rotated |
//! | `known` | lines that are known, why they come, and what to do |

mod known;
mod line;
mod node;
mod source;

use std::{collections::HashSet, fmt, path::PathBuf, time::Duration};

use clap::{
    Args, ValueHint,
    builder::{PossibleValuesParser, TypedValueParser as _},
};
use engine::{config::LogLevel, node::LogQuery};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde::Serialize;

use self::{known::Known, line::Line, source::Source};
use crate::{
    context::Context,
    failure::{Failure, Kind},
    shell::{Style, escape},
};

/// How often a file is asked for more.
const INTERVAL: Duration = Duration::from_millis(500);

/// Read and follow a node's log, lpctl's or go-livepeer's
///
/// Without --file it is the log of the node at --node, the lines it has in memory; go-livepeer's nodes keep none, so
/// pipe theirs in. From a file or a pipe lpctl reads its own lines, human and JSON, those of go-livepeer, and either of
/// them with what journald or Docker put before or around them. What it cannot read is shown as it is.
///
/// A segment has the same id in the logs of gateway, orchestrator and transcoder, SESSION/SEQ, so --segment finds its
/// way through all three.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl logs -f --level warn --explain
  lpctl logs --segment 3f2a91bc/17 --json
  journalctl -u livepeer -o cat --since -1h | lpctl logs --file - --explain
  lpctl logs --file /var/log/livepeer.log -f --manifest news --since 30m")]
pub struct LogsArgs {
    /// Go on with what comes
    #[arg(long, short = 'f')]
    follow: bool,
    /// Read this file in place of a node's log; - reads standard input
    #[arg(long, value_name = "PATH|-", value_hint = ValueHint::FilePath)]
    file: Option<PathBuf>,
    /// Only lines at least this grave
    #[arg(long, value_name = "LEVEL")]
    #[arg(value_parser = PossibleValuesParser::new(LogLevel::ALL.map(LogLevel::name)).try_map(|name| name.parse::<LogLevel>()))]
    level: Option<LogLevel>,
    /// Only lines about this session
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Only lines about this segment
    #[arg(long, value_name = "SESSION/SEQ")]
    segment: Option<String>,
    /// Only lines about this stream
    #[arg(long, value_name = "NAME")]
    manifest: Option<String>,
    /// Only lines that say this
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// Only lines since then: like 30s, 10m, 2h, 3d, or 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<Since>,
    /// So many of the last lines; all of a file where nothing is said
    #[arg(long, short = 'n', value_name = "COUNT")]
    lines: Option<usize>,
    /// Say why known lines come, and what to do, where each comes first
    #[arg(long)]
    explain: bool,
}

/// A moment, or how long ago.
#[derive(Debug, Clone, Copy)]
enum Since {
    Moment(Timestamp),
    Ago(SignedDuration),
}

fn since(text: &str) -> Result<Since, String> {
    let hint =
        || "write how long ago, like 30s, 10m, 2h or 3d, or a moment like 2026-01-31T12:00:00Z".to_string();
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(Since::Moment(moment));
    }
    let unit = text.chars().last().ok_or_else(hint)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(hint()),
    };
    let number: i64 = text[..text.len() - 1].parse().map_err(|_| hint())?;
    let seconds = number
        .checked_mul(seconds)
        .filter(|all| (0..=1_000_000_000).contains(all));
    seconds
        .map(|seconds| Since::Ago(SignedDuration::from_secs(seconds)))
        .ok_or_else(hint)
}

impl Since {
    fn moment(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Moment(moment) => moment,
            Self::Ago(ago) => now.checked_sub(ago).unwrap_or(Timestamp::MIN),
        }
    }
}

/// What is shown of a line.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    line: &'a Line,
    #[serde(skip_serializing_if = "Option::is_none")]
    known: Option<&'a Known>,
    /// Whether people are told why.
    #[serde(skip)]
    explained: bool,
    #[serde(skip)]
    style: Style,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, style, .. } = self;
        if let Some(time) = line.time {
            let time = time.to_zoned(TimeZone::system());
            write!(f, "{} ", style.dim(&time.strftime("%m-%d %H:%M:%S").to_string()))?;
        }
        if let Some(level) = line.level {
            let name = format!("{level:<5}");
            let name = match level {
                LogLevel::Error => style.bad(&name),
                LogLevel::Warn => style.warning(&name),
                LogLevel::Info => style.good(&name),
                LogLevel::Debug | LogLevel::Trace => style.dim(&name),
            };
            write!(f, "{name} ")?;
        }
        match (&line.segment, &line.session) {
            (Some(id), _) | (None, Some(id)) => write!(f, "{} ", style.bold(&escape(id)))?,
            (None, None) => {}
        }
        if let Some(manifest) = &line.manifest {
            write!(f, "{} ", escape(manifest))?;
        }
        write!(f, "{}", escape(&line.message))?;
        for (name, value) in line.fields.iter().filter(|(name, _)| *name != "seq") {
            write!(
                f,
                " {}",
                style.dim(&format!("{}={}", escape(name), escape(value)))
            )?;
        }
        if let (Some(known), true) = (self.known, self.explained) {
            write!(f, "\n      why   {}\n      next  {}", known.why, known.next)?;
        }
        Ok(())
    }
}

/// What was left out, or is about to come: said on stderr, an event with `--json`.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Gap {
    Missed { lines: u64 },
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missed { lines } => write!(f, "… {lines} lines were gone before they could be read"),
        }
    }
}

/// Shows lines, with what is known of them.
struct Reader<'a> {
    context: &'a mut Context,
    query: LogQuery,
    since: Option<Timestamp>,
    explain: bool,
    explained: HashSet<&'static str>,
}

impl Reader<'_> {
    fn wants(&self, line: &Line) -> bool {
        line.fits(&self.query)
            && self
                .since
                .is_none_or(|since| line.time.is_none_or(|time| time >= since))
    }

    fn show(&mut self, line: &Line) -> eyre::Result<()> {
        let known = match self.explain {
            true => known::of(line),
            false => None,
        };
        let explained = known
            .as_ref()
            .is_some_and(|known| self.explained.insert(known.id));
        let style = self.context.shell.out_style();
        Ok(self.context.shell.event(&Shown {
            line,
            known: known.as_ref(),
            explained,
            style,
        })?)
    }
}

/// Shows the log.
///
/// # Errors
/// Unreachable when no node answers, failed for a file that cannot be read.
pub async fn run(args: LogsArgs, context: &mut Context) -> eyre::Result<()> {
    let query = LogQuery {
        level: args.level,
        session: args.session,
        segment: args.segment,
        manifest: args.manifest,
        text: args.text,
        ..LogQuery::default()
    };
    let since = args.since.map(|since| since.moment(Timestamp::now()));
    let url = context.settings().node_url.clone();
    let mut reader = Reader {
        context,
        query,
        since,
        explain: args.explain,
        explained: HashSet::new(),
    };
    match args.file {
        Some(path) => of_file(&mut reader, path, args.lines, args.follow).await,
        None => node::show(&mut reader, &url, args.lines, args.follow).await,
    }
}

async fn of_file(
    reader: &mut Reader<'_>,
    path: PathBuf,
    lines: Option<usize>,
    follow: bool,
) -> eyre::Result<()> {
    let is_pipe = path.as_os_str() == "-";
    let failed = |error: std::io::Error| {
        let message = match is_pipe {
            true => format!("standard input: {error}"),
            false => format!("{}: {error}", path.display()),
        };
        Failure::new(Kind::Failed, "log_unreadable", message)
            .hint("name a file that is there and may be read")
    };
    let mut source = match is_pipe {
        true => Source::pipe(),
        false => Source::file(&path).map_err(failed)?,
    };
    let now = Timestamp::now();
    let mut last = std::collections::VecDeque::new();
    // A pipe has no end to count from while it is open.
    let most = lines.filter(|_| !(is_pipe && follow));
    loop {
        let Some(text) = source.next().await.map_err(failed)? else {
            for line in last.drain(..) {
                reader.show(&line)?;
            }
            if !follow || is_pipe {
                return Ok(());
            }
            break;
        };
        let line = line::read(&text, now);
        if !reader.wants(&line) {
            continue;
        }
        match most {
            None => reader.show(&line)?,
            Some(most) => {
                last.push_back(line);
                if last.len() > most {
                    last.pop_front();
                }
            }
        }
    }
    loop {
        match source.next().await.map_err(failed)? {
            Some(text) => {
                let line = line::read(&text, Timestamp::now());
                if reader.wants(&line) {
                    reader.show(&line)?;
                }
            }
            None => {
                tokio::time::sleep(INTERVAL).await;
                source.look_again(&path).map_err(failed)?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_moment_or_how_long_ago() {
        let now: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
        let at = |text: &str| since(text).map(|since| since.moment(now).to_string());
        assert_eq!(at("90s").unwrap(), "2026-01-01T23:58:30Z");
        assert_eq!(at("1d").unwrap(), "2026-01-01T00:00:00Z");
        assert_eq!(at("2025-12-31T12:00:00Z").unwrap(), "2025-12-31T12:00:00Z");
        for wrong in ["", "s", "5", "-3m", "5w", "99999999999999999h", "é", "1é"] {
            assert!(at(wrong).is_err(), "{wrong}");
        }
    }
}
