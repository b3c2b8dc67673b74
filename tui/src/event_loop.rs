//! Terminal events, the node's feed and answers in one loop. A frame is drawn when something has changed, at most
//! thirty a second; where nothing changes, nothing runs.

use std::{
    io,
    time::{Duration, Instant},
};

use futures_util::StreamExt;
use ratatui::crossterm::{
    event::{Event as TerminalEvent, EventStream, KeyEventKind},
    execute,
    terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate},
};
use rustix::process::Signal;
use tokio::{
    signal::unix,
    sync::{mpsc, watch},
};
use tokio_util::sync::CancellationToken;

use crate::{
    app::{Answer, App, Event, Intent, Look},
    feed::FeedState,
    terminal::Screen,
};

/// No two frames are closer together.
const FRAME: Duration = Duration::from_millis(33);

/// The dashboard's connections to the rest of the program.
#[derive(Debug)]
pub struct Wires {
    /// What the node says, newest only.
    pub feed: watch::Receiver<FeedState>,
    /// What the operator wants done; [`Intent::Drain`] for now.
    pub intents: mpsc::Sender<Intent>,
    /// What became of it.
    pub answers: mpsc::Receiver<Answer>,
    /// Ends the dashboard from outside.
    pub stop: CancellationToken,
}

/// Why the dashboard ended without being asked to.
#[derive(Debug, thiserror::Error)]
pub enum DashboardError {
    /// The terminal failed.
    #[error("the terminal failed: {0}")]
    Terminal(#[from] io::Error),
    /// Whoever feeds the dashboard has stopped.
    #[error("the dashboard's feed ended")]
    FeedEnded,
}

/// Runs the dashboard on this process's terminal until the operator quits or `stop` is cancelled. The terminal is
/// given back however it ends.
///
/// # Errors
/// If the terminal fails, or the feed ends.
pub async fn run(look: Look, mut wires: Wires) -> Result<(), DashboardError> {
    let mut screen = Screen::take()?;
    let mut events = EventStream::new();
    let mut continued = unix::signal(unix::SignalKind::from_raw(Signal::CONT.as_raw()))?;
    let mut app = App::new(look, Instant::now());
    let first = wires.feed.borrow_and_update().clone();
    app.update(Event::Feed(first), Instant::now());
    let mut is_dirty = true;
    let mut next_frame = Instant::now();
    loop {
        let now = Instant::now();
        if is_dirty && now >= next_frame {
            draw(&mut screen, &app, now)?;
            is_dirty = false;
            next_frame = now + FRAME;
        }
        let wake = if is_dirty {
            Some(next_frame)
        } else {
            app.next_change(now)
        };
        let event = tokio::select! {
            biased;
            () = wires.stop.cancelled() => return Ok(()),
            event = events.next() => match event {
                Some(event) => from_terminal(event?),
                // The terminal is gone.
                None => return Ok(()),
            },
            changed = wires.feed.changed() => {
                changed.map_err(|_| DashboardError::FeedEnded)?;
                Some(Event::Feed(wires.feed.borrow_and_update().clone()))
            }
            Some(answer) = wires.answers.recv() => Some(Event::Answer(answer)),
            _ = continued.recv() => {
                screen.resume()?;
                None
            }
            () = sleep_until(wake) => None,
        };
        is_dirty = true;
        let Some(event) = event else { continue };
        match app.update(event, Instant::now()) {
            None => {}
            Some(Intent::Quit) => return Ok(()),
            Some(Intent::Redraw) => screen.wipe()?,
            Some(Intent::Suspend) => {
                screen.suspend().await?;
                // The continuation has been dealt with.
                let _ = tokio::time::timeout(Duration::ZERO, continued.recv()).await;
            }
            Some(intent @ Intent::Drain) => {
                let Err(_) = wires.intents.try_send(intent) else {
                    continue;
                };
                let message = "the last request has not been answered yet".to_string();
                app.update(Event::Answer(Answer { done: false, message }), Instant::now());
            }
        }
    }
}

fn from_terminal(event: TerminalEvent) -> Option<Event> {
    match event {
        TerminalEvent::Key(key) if key.kind != KeyEventKind::Release => Some(Event::Key(key)),
        TerminalEvent::Paste(pasted) => Some(Event::Paste(pasted)),
        // A new size is found out when drawing.
        _ => None,
    }
}

/// Draws one frame as one piece on terminals that can.
fn draw(screen: &mut Screen, app: &App, now: Instant) -> io::Result<()> {
    execute!(io::stdout(), BeginSynchronizedUpdate)?;
    let terminal = screen.terminal();
    terminal.draw(|frame| {
        let area = frame.area();
        app.render(frame.buffer_mut(), area, now);
    })?;
    execute!(io::stdout(), EndSynchronizedUpdate)
}

async fn sleep_until(wake: Option<Instant>) {
    match wake {
        Some(wake) => tokio::time::sleep_until(wake.into()).await,
        None => std::future::pending().await,
    }
}
