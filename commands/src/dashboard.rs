//! `lpctl dashboard`: a node live on the terminal, or one frame of it for scripts and documents.

pub(crate) mod feed;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use clap::{Args, ValueEnum, ValueHint};
use engine::view::node::NodeStatus;
use jiff::tz::TimeZone;
use serde::{Serialize, Serializer};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{mpsc, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tui::{Answer, App, Event, FeedState, Intent, Look, Theme, ThemeName, Wires, picture, terminal};

use crate::{
    context::Context,
    failure::{Failure, Kind},
    shell::{Report, Style},
};
use feed::{FeedError, NodeApi, node_api};

/// How long `--once` waits for a node that is there and says nothing.
const FIRST_STATUS: Duration = Duration::from_secs(10);

/// Watch a node live: sessions, GPUs or CPU, stake and round
///
/// Keys are shown at the bottom, all of them behind `?`; `q` leaves, and the node runs on. The screen keeps the last
/// picture when the node goes away, says so, and goes on when the node is back.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl dashboard                                  the node on this machine
  lpctl dashboard --node http://127.0.0.1:7936     another one
  lpctl dashboard --once                           one frame as text, for scripts
  lpctl dashboard --once --json                    what it is drawn from
  lpctl dashboard --once --watch 20 --width 120 --height 36 --svg node.svg
                                                   a picture with twenty seconds of charts")]
pub struct DashboardArgs {
    /// Print one frame and end
    #[arg(long)]
    pub once: bool,
    /// Width of the frame in cells [default: this terminal's, or 80]
    #[arg(long, value_name = "CELLS", requires = "once", value_parser = clap::value_parser!(u16).range(40..=500))]
    pub width: Option<u16>,
    /// Height of the frame in cells [default: 24]
    #[arg(long, value_name = "CELLS", requires = "once", value_parser = clap::value_parser!(u16).range(10..=300))]
    pub height: Option<u16>,
    /// Watch the node for so long before drawing, so that the charts have a past
    #[arg(long, value_name = "SECONDS", requires = "once", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=3600))]
    pub watch: u64,
    /// Draw the frame into this file too, as SVG
    #[arg(long, value_name = "FILE", requires = "once", value_hint = ValueHint::FilePath)]
    pub svg: Option<PathBuf>,
    /// Colours
    #[arg(long, value_enum, default_value_t, env = "LPCTL_THEME", hide_env = true)]
    pub theme: ThemeChoice,
}

/// Colours of the dashboard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ThemeChoice {
    /// By the terminal: dark unless it says that it is light, none with NO_COLOR.
    #[default]
    Auto,
    /// For dark terminals.
    Dark,
    /// For light terminals.
    Light,
    /// No colours.
    Plain,
}

impl ThemeChoice {
    /// The theme on a terminal dressed like `style`, whose `COLORFGBG` is `ground`.
    fn theme(self, style: Style, ground: Option<&str>) -> Theme {
        let name = match self {
            Self::Dark => ThemeName::Dark,
            Self::Light => ThemeName::Light,
            Self::Plain => ThemeName::Plain,
            Self::Auto if !style.colour => ThemeName::Plain,
            Self::Auto if ground.is_some_and(is_light) => ThemeName::Light,
            Self::Auto => ThemeName::Dark,
        };
        let theme = Theme::named(name);
        if style.unicode { theme } else { theme.ascii() }
    }
}

/// Whether `COLORFGBG` (letters;ground, in the sixteen colours) tells of a light ground.
fn is_light(ground: &str) -> bool {
    matches!(ground.rsplit(';').next(), Some("7" | "15"))
}

/// Runs the command.
///
/// # Errors
/// A usage failure without a terminal, unreachable where `--once` finds no node, the terminal's own failures.
pub async fn run(args: DashboardArgs, context: &mut Context) -> eyre::Result<()> {
    let node = node_api(&context.settings().node_url, context.settings())?;
    let ground = std::env::var("COLORFGBG").ok();
    let look = Look {
        theme: args.theme.theme(context.shell.out_style(), ground.as_deref()),
        zone: TimeZone::system(),
        node_url: node.shown(),
    };
    if args.once {
        return once(&args, &node, look, context).await;
    }
    if context.shell.is_json() {
        let failure = Failure::new(Kind::Usage, "no_live_json", "a live screen cannot be JSON");
        return Err(failure
            .hint("use `lpctl dashboard --once --json`, or read the node's `/api/v1/events`")
            .into());
    }
    let term = std::env::var("TERM").ok();
    terminal::may_open(terminal::Surroundings::of_this_process(term.as_deref())).map_err(|reason| {
        Failure::new(Kind::Usage, "no_terminal", format!("no dashboard: {reason}"))
            .hint("use `lpctl dashboard --once` for one frame, or `lpctl status --json` for figures")
    })?;
    live(node, look).await
}

/// The screen, until the operator leaves or a signal ends it.
async fn live(node: NodeApi, look: Look) -> eyre::Result<()> {
    let stop = CancellationToken::new();
    let (feed_sender, feed) = watch::channel(FeedState::connecting(Instant::now()));
    let (intents, asked) = mpsc::channel(1);
    let (answer, answers) = mpsc::channel(4);
    let mut ended_by_signal = signal(SignalKind::terminate())?;
    let mut hung_up = signal(SignalKind::hangup())?;

    let mut tasks = JoinSet::new();
    tasks.spawn(feed::follow(node.clone(), feed_sender, stop.clone()));
    tasks.spawn(carry_out(node, asked, answer, stop.clone()));
    let wires = Wires {
        feed,
        intents,
        answers,
        stop: stop.clone(),
    };
    let outcome = tokio::select! {
        outcome = tui::run(look, wires) => outcome.map_err(eyre::Report::from),
        _ = ended_by_signal.recv() => Err(interrupted()),
        _ = hung_up.recv() => Err(interrupted()),
    };
    stop.cancel();
    while let Some(task) = tasks.join_next().await {
        // A task that panicked is why the feed ended: go on with its panic.
        if let Err(error) = task
            && error.is_panic()
        {
            std::panic::resume_unwind(error.into_panic());
        }
    }
    outcome
}

fn interrupted() -> eyre::Report {
    Failure::new(Kind::Interrupted, "interrupted", "interrupted; the node runs on").into()
}

/// Does what the operator asked for on the screen, one thing after the other.
async fn carry_out(
    node: NodeApi,
    mut asked: mpsc::Receiver<Intent>,
    answer: mpsc::Sender<Answer>,
    stop: CancellationToken,
) {
    loop {
        let intent = tokio::select! {
            () = stop.cancelled() => return,
            intent = asked.recv() => intent,
        };
        let Some(intent) = intent else { return };
        if intent != Intent::Drain {
            continue;
        }
        let outcome = tokio::select! {
            () = stop.cancelled() => return,
            outcome = node.drain() => outcome,
        };
        let (done, message) = match outcome {
            Ok(status) => (true, drain_started(&status)),
            Err(error) => (false, format!("not known whether the node drains: {error}")),
        };
        if answer.send(Answer { done, message }).await.is_err() {
            return;
        }
    }
}

fn drain_started(status: &NodeStatus) -> String {
    match status.sessions.len() {
        0 => "draining: no new sessions are taken, none is running; the node can be stopped".to_string(),
        1 => "draining: no new sessions are taken, 1 is being finished".to_string(),
        running => format!("draining: no new sessions are taken, {running} are being finished"),
    }
}

/// One frame of the dashboard: the picture for people, what it was drawn from for scripts.
struct Frame {
    status: NodeStatus,
    text: String,
}

impl Serialize for Frame {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.status.serialize(serializer)
    }
}

impl Report for Frame {
    fn text(&self, _style: &Style) -> String {
        self.text.trim_end_matches('\n').to_string()
    }
}

async fn once(args: &DashboardArgs, node: &NodeApi, look: Look, context: &mut Context) -> eyre::Result<()> {
    let mut app = App::new(look, Instant::now());
    let status = if args.watch == 0 {
        let status = node.status().await.map_err(|error| no_answer(node, &error))?;
        take(&mut app, &status);
        status
    } else {
        context
            .shell
            .status(format_args!("watching {} for {} s", node.shown(), args.watch));
        watch_for(Duration::from_secs(args.watch), node, &mut app).await?
    };
    let terminal_width = crossterm::terminal::size().ok().map(|(width, _)| width);
    let default_width = terminal_width
        .filter(|_| context.shell.is_terminal())
        .unwrap_or(80);
    let width = args.width.unwrap_or(default_width).clamp(40, 500);
    let height = args.height.unwrap_or(24);
    let now = Instant::now();
    let text = picture::to_text(&picture::frame(&app, width, height, now));
    if let Some(file) = &args.svg {
        // A picture has colours whatever this terminal shows.
        let theme = match args.theme {
            ThemeChoice::Auto => Theme::dark(),
            chosen => chosen.theme(
                Style {
                    colour: true,
                    unicode: true,
                },
                None,
            ),
        };
        app.change_theme(theme.clone());
        let svg = picture::to_svg(
            &picture::frame(&app, width, height, now),
            "lpctl dashboard",
            &theme,
        );
        tokio::fs::write(file, svg).await.map_err(|error| {
            let message = format!("{}: {error}", file.display());
            Failure::new(Kind::Failed, "not_written", message).hint("name another file with `--svg FILE`")
        })?;
        context
            .shell
            .status(format_args!("drawn into {}", file.display()));
    }
    context.shell.report(&Frame { status, text })?;
    Ok(())
}

/// Follows the node for `length` and returns its last status.
async fn watch_for(length: Duration, node: &NodeApi, app: &mut App) -> eyre::Result<NodeStatus> {
    let end = Instant::now() + length;
    let mut events = Box::pin(node.events())
        .await
        .map_err(|error| no_answer(node, &error))?;
    let mut last = None;
    loop {
        let until = if last.is_some() {
            end
        } else {
            Instant::now() + FIRST_STATUS
        };
        match tokio::time::timeout_at(until.into(), events.next()).await {
            Ok(Ok(status)) => {
                take(app, &status);
                last = Some(status);
            }
            Ok(Err(error)) => return Err(no_answer(node, &error).into()),
            Err(_) => break,
        }
        if Instant::now() >= end {
            break;
        }
    }
    last.ok_or_else(|| no_answer(node, &FeedError::Silent(FIRST_STATUS)).into())
}

fn take(app: &mut App, status: &NodeStatus) {
    let now = Instant::now();
    app.update(Event::Feed(FeedState::live(status.clone(), now)), now);
}

/// What it means that a node gave no status.
pub(crate) fn no_answer(node: &NodeApi, error: &FeedError) -> Failure {
    let message = format!("no status from the node at {}: {error}", node.shown());
    let failure = Failure::new(Kind::Unreachable, "node_unreachable", message);
    match error {
        FeedError::Status(_) | FeedError::NotANode | FeedError::Garbled(_) => {
            failure.hint("is this the operator API of an `lpctl run`? name it with `--node URL`")
        }
        _ => failure.hint("start one with `lpctl run`, or name another with `--node URL`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_theme_follows_the_terminal_unless_it_is_chosen() {
        let coloured = Style {
            colour: true,
            unicode: true,
        };
        let is_plain = |theme: &Theme| theme.bad.fg.is_none();
        assert!(is_plain(&ThemeChoice::Auto.theme(Style::plain(), None)));
        assert!(!is_plain(&ThemeChoice::Auto.theme(coloured, None)));
        assert!(
            !is_plain(&ThemeChoice::Dark.theme(Style::plain(), None)),
            "a chosen theme is kept"
        );
        assert_eq!(
            ThemeChoice::Auto.theme(coloured, Some("0;15")).bad,
            Theme::light().bad
        );
        assert_eq!(
            ThemeChoice::Auto.theme(coloured, Some("15;0")).bad,
            Theme::dark().bad
        );
    }
}
