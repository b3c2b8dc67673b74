//! `lpctl dashboard`: nodes live on the terminal, or one frame of one for scripts and documents.

mod actions;
pub(crate) mod feed;
mod parts;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use clap::{Args, ValueEnum, ValueHint};
use engine::{
    operator::{Found, NodeUrl, find},
    view::node::NodeStatus,
};
use jiff::{Timestamp, tz::TimeZone};
use serde::{Serialize, Serializer};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{mpsc, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tui::{
    App, Event, FeedState, GoFacts, Interest, Look, NodeName, Tab, Theme, ThemeName, Wires, picture, terminal,
};

use crate::{
    context::Context,
    failure::{Failure, Kind},
    node::target,
    shell::{Report, Style},
};
use feed::{FeedError, NodeApi, Slot};

/// How long `--once` waits for a node that is there and says nothing.
const FIRST_STATUS: Duration = Duration::from_secs(10);

/// Watch nodes live: sessions, tickets, GPUs or CPU, transcoders, stake and round, log
///
/// Keys are shown at the bottom, all of them behind `?`; `q` leaves, and the node runs on. The screen keeps the last
/// picture when the node goes away, says so, and goes on when the node is back. Of several nodes each has a line, and
/// enter shows one of them. Of go-livepeer's nodes is shown what their operator API and metrics tell.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl dashboard                                  the node on this machine
  lpctl dashboard --node http://127.0.0.1:7936     another one
  lpctl dashboard --all                            all of the config's [nodes], one line each
  lpctl dashboard --node eu1 --node us1            two of them
  lpctl dashboard --once --tab chain               one frame as text, for scripts
  lpctl dashboard --once --json                    what it is drawn from
  lpctl dashboard --once --watch 20 --width 120 --height 36 --svg node.svg
                                                   a picture with twenty seconds of charts")]
pub struct DashboardArgs {
    /// All nodes of the config's [nodes]
    #[arg(long)]
    pub all: bool,
    /// The tab to begin with
    #[arg(long, value_enum, default_value_t)]
    pub tab: TabChoice,
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

/// A tab of the dashboard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum TabChoice {
    /// Everything in short.
    #[default]
    Overview,
    /// Stream sessions.
    Sessions,
    /// Winning tickets and earnings.
    Tickets,
    /// GPUs or the CPU.
    Gpus,
    /// Remote transcoders, or the orchestrator of a transcoder.
    Transcoders,
    /// Stake and round.
    Chain,
    /// What the node logs.
    Log,
}

impl From<TabChoice> for Tab {
    fn from(choice: TabChoice) -> Self {
        match choice {
            TabChoice::Overview => Self::Overview,
            TabChoice::Sessions => Self::Sessions,
            TabChoice::Tickets => Self::Tickets,
            TabChoice::Gpus => Self::Devices,
            TabChoice::Transcoders => Self::Transcoders,
            TabChoice::Chain => Self::Chain,
            TabChoice::Log => Self::Log,
        }
    }
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
    /// The terminal's own sixteen colours.
    Sixteen,
    /// No colours.
    Plain,
}

/// What a terminal says of its colours.
#[derive(Debug, Clone, Copy, Default)]
struct Colours<'a> {
    /// `COLORFGBG`: letters;ground, in the sixteen colours.
    ground: Option<&'a str>,
    /// `TERM`.
    term: Option<&'a str>,
    /// `COLORTERM`.
    more: Option<&'a str>,
}

impl Colours<'_> {
    /// Whether it knows sixteen colours only: the console of the kernel, and what says so in its name.
    fn are_sixteen(self) -> bool {
        let term = self.term.unwrap_or_default();
        let many =
            self.more.is_some_and(|more| !more.is_empty()) || term.contains("256") || term.contains("direct");
        let old = ["linux", "vt", "ansi", "cygwin", "rxvt"];
        !many && (old.iter().any(|name| term.starts_with(name)) || term.ends_with("-16color"))
    }
}

impl ThemeChoice {
    /// The theme on a terminal dressed like `style`.
    fn theme(self, style: Style, colours: Colours<'_>) -> Theme {
        let name = match self {
            Self::Dark => ThemeName::Dark,
            Self::Light => ThemeName::Light,
            Self::Plain => ThemeName::Plain,
            Self::Sixteen => ThemeName::Sixteen,
            Self::Auto if !style.colour => ThemeName::Plain,
            Self::Auto if colours.are_sixteen() => ThemeName::Sixteen,
            Self::Auto if colours.ground.is_some_and(is_light) => ThemeName::Light,
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
    let targets = match target::chosen(args.all, context.settings())? {
        target::Targets::One(one) => vec![one],
        target::Targets::Fleet(several) => several,
    };
    let variable = |name: &str| std::env::var(name).ok();
    let (ground, term, more) = (variable("COLORFGBG"), variable("TERM"), variable("COLORTERM"));
    let colours = Colours {
        ground: ground.as_deref(),
        term: term.as_deref(),
        more: more.as_deref(),
    };
    let look = Look {
        theme: args.theme.theme(context.shell.out_style(), colours),
        zone: TimeZone::system(),
        nodes: targets
            .iter()
            .map(|target| NodeName {
                name: target.name.clone(),
                url: target.url.to_string(),
            })
            .collect(),
    };
    let nodes: Vec<NodeUrl> = targets.into_iter().map(|target| target.url).collect();
    if args.once {
        return match <[NodeUrl; 1]>::try_from(nodes) {
            Ok([node]) => once(&args, &node, look, context).await,
            Err(_) => {
                let message = "one frame is of one node";
                Err(Failure::new(Kind::Usage, "one_node", message)
                    .hint("name it with `--node`, or use `lpctl node --all show` for all of them")
                    .into())
            }
        };
    }
    if context.shell.is_json() {
        let failure = Failure::new(Kind::Usage, "no_live_json", "a live screen cannot be JSON");
        return Err(failure
            .hint("use `lpctl dashboard --once --json`, or read the node's `/api/v1/events`")
            .into());
    }
    terminal::may_open(terminal::Surroundings::of_this_process(term.as_deref())).map_err(|reason| {
        Failure::new(Kind::Usage, "no_terminal", format!("no dashboard: {reason}"))
            .hint("use `lpctl dashboard --once` for one frame, or `lpctl status --json` for figures")
    })?;
    live(nodes, look, args.tab.into()).await
}

/// The screen, until the operator leaves or a signal ends it.
async fn live(nodes: Vec<NodeUrl>, look: Look, tab: Tab) -> eyre::Result<()> {
    let stop = CancellationToken::new();
    let now = Instant::now();
    let (feeds, shown) = watch::channel(nodes.iter().map(|_| FeedState::connecting(now)).collect());
    let (interest, looked_at) = watch::channel(Interest::default());
    let (intents, asked) = mpsc::channel(1);
    let (say, replies) = mpsc::channel(4);
    let mut ended_by_signal = signal(SignalKind::terminate())?;
    let mut hung_up = signal(SignalKind::hangup())?;

    let mut tasks = JoinSet::new();
    for (number, url) in nodes.iter().enumerate() {
        let slot = Slot::new(feeds.clone(), number);
        tasks.spawn(feed::follow(url.clone(), slot, stop.clone()));
    }
    tasks.spawn(parts::follow(nodes.clone(), feeds, looked_at, stop.clone()));
    tasks.spawn(actions::carry_out(nodes, asked, say, stop.clone()));
    let wires = Wires {
        feeds: shown,
        interest,
        intents,
        replies,
        stop: stop.clone(),
    };
    let outcome = tokio::select! {
        outcome = tui::run(look, tab, wires) => outcome.map_err(eyre::Report::from),
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

async fn once(args: &DashboardArgs, url: &NodeUrl, look: Look, context: &mut Context) -> eyre::Result<()> {
    let mut app = App::new(look, Instant::now());
    app.show(args.tab.into());
    if args.watch > 0 {
        context
            .shell
            .status(format_args!("watching {url} for {} s", args.watch));
    }
    let length = Duration::from_secs(args.watch);
    let status = match find(url).await {
        Ok(Found::Go(go)) => Box::pin(watch_go(length, &go, url, &mut app)).await?,
        Ok(Found::Own(status)) => {
            let node = NodeApi::new(url).map_err(|error| no_answer(url, &error))?;
            let status = match args.watch {
                0 => *status,
                _ => Box::pin(watch_for(length, &node, url, &mut app)).await?,
            };
            let mut state = FeedState::connecting(Instant::now());
            state.take(status.clone(), None, Instant::now());
            parts::ask(&node, app.interest(), &mut state).await;
            app.update(Event::Feed(0, state), Instant::now());
            status
        }
        Ok(Found::OwnGateway(_)) => {
            let message = format!("the node at {url} is an `lpctl gateway run`");
            return Err(Failure::new(Kind::Refused, "not_offered", message)
                .hint("`lpctl node show` shows it")
                .into());
        }
        Err(error) => return Err(no_answer(url, &error).into()),
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
                Colours::default(),
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
async fn watch_for(
    length: Duration,
    node: &NodeApi,
    url: &NodeUrl,
    app: &mut App,
) -> eyre::Result<NodeStatus> {
    let end = Instant::now() + length;
    let mut events = Box::pin(node.events())
        .await
        .map_err(|error| no_answer(url, &error))?;
    let mut last = None;
    loop {
        let until = if last.is_some() {
            end
        } else {
            Instant::now() + FIRST_STATUS
        };
        match tokio::time::timeout_at(until.into(), events.next()).await {
            Ok(Ok(status)) => {
                take(app, status.clone(), None);
                last = Some(status);
            }
            Ok(Err(error)) => return Err(no_answer(url, &error).into()),
            Err(_) => break,
        }
        if Instant::now() >= end {
            break;
        }
    }
    last.ok_or_else(|| no_answer(url, &FeedError::Silent(FIRST_STATUS)).into())
}

/// Asks a go-livepeer node for `length` and returns its last status.
async fn watch_go(
    length: Duration,
    node: &engine::operator::GoApi,
    url: &NodeUrl,
    app: &mut App,
) -> eyre::Result<NodeStatus> {
    let (end, since) = (Instant::now() + length, Timestamp::now());
    loop {
        let answer = feed::go_status(node, url, since).await;
        let (status, facts) = answer.map_err(|error| no_answer(url, &error))?;
        take(app, status.clone(), Some(facts));
        if Instant::now() + feed::ASKED_EVERY > end {
            return Ok(status);
        }
        tokio::time::sleep(feed::ASKED_EVERY).await;
    }
}

fn take(app: &mut App, status: NodeStatus, go: Option<GoFacts>) {
    let now = Instant::now();
    let mut state = FeedState::connecting(now);
    state.take(status, go, now);
    app.update(Event::Feed(0, state), now);
}

/// What it means that a node gave no status.
pub(crate) fn no_answer(url: &NodeUrl, error: &FeedError) -> Failure {
    let message = format!("no status from the node at {url}: {error}");
    let failure = Failure::new(Kind::Unreachable, "node_unreachable", message);
    match error {
        FeedError::Status(_) | FeedError::NotANode | FeedError::Stranger | FeedError::Garbled(_) => {
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
        assert!(is_plain(
            &ThemeChoice::Auto.theme(Style::plain(), Colours::default())
        ));
        assert!(!is_plain(&ThemeChoice::Auto.theme(coloured, Colours::default())));
        assert!(
            !is_plain(&ThemeChoice::Dark.theme(Style::plain(), Colours::default())),
            "a chosen theme is kept"
        );
        let on = |ground| {
            let ground = Some(ground);
            let colours = Colours {
                ground,
                ..Colours::default()
            };
            ThemeChoice::Auto.theme(coloured, colours).bad
        };
        assert_eq!(on("0;15"), Theme::light().bad);
        assert_eq!(on("15;0"), Theme::dark().bad);
        let named = |term, more| {
            let colours = Colours {
                term: Some(term),
                more,
                ..Colours::default()
            };
            ThemeChoice::Auto.theme(coloured, colours).bad
        };
        assert_eq!(named("linux", None), Theme::sixteen().bad);
        assert_eq!(named("xterm-16color", None), Theme::sixteen().bad);
        assert_eq!(named("linux", Some("truecolor")), Theme::dark().bad);
        assert_eq!(named("xterm-256color", None), Theme::dark().bad);
        assert_eq!(named("rxvt-unicode-256color", None), Theme::dark().bad);
    }
}
