//! Terminal events, the nodes' feeds and answers in one loop. A frame is drawn when what is seen has changed: at once after a
//! key, at most thirty a second after news; where nothing changes, nothing runs but the second hand of an age.

use std::{
    io,
    time::{Duration, Instant},
};

use futures_util::StreamExt;
use ratatui::{
    crossterm::event::{Event as TerminalEvent, EventStream, KeyEventKind, MouseButton, MouseEventKind},
    layout::Rect,
};
use rustix::process::Signal;
use tokio::{
    signal::unix,
    sync::{mpsc, watch},
};
use tokio_util::sync::CancellationToken;

use crate::{
    app::{App, Event, Intent, Interest, Look},
    deed::{Answer, Plan},
    feed::FeedState,
    keymap::Tab,
    terminal::Screen,
};

/// No two frames of news are closer together.
const FRAME: Duration = Duration::from_millis(33);
/// No two frames at all are closer together: a key shows within this and what drawing takes.
const KEY_FRAME: Duration = Duration::from_millis(8);

/// What whoever carries out intents says.
#[derive(Debug)]
pub enum Reply {
    /// What an order would do.
    Plan(Plan),
    /// What became of one, or why it has no plan.
    Answer(Answer),
}

/// The dashboard's connections to the rest of the program.
#[derive(Debug)]
pub struct Wires {
    /// What the nodes say, newest only; as many as [`Look::nodes`].
    pub feeds: watch::Receiver<Vec<FeedState>>,
    /// What of which node is looked at.
    pub interest: watch::Sender<Interest>,
    /// What the operator wants done: [`Intent::Prepare`] and [`Intent::CarryOut`].
    pub intents: mpsc::Sender<Intent>,
    /// What is said to it.
    pub replies: mpsc::Receiver<Reply>,
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

/// Runs the dashboard, beginning with `tab`, on this process's terminal until the operator quits or `stop` is cancelled. The terminal is
/// given back however it ends.
///
/// # Errors
/// If the terminal fails, or the feed ends.
pub async fn run(look: Look, tab: Tab, mut wires: Wires) -> Result<(), DashboardError> {
    let mut screen = Screen::take()?;
    let mut events = EventStream::new();
    let mut continued = unix::signal(unix::SignalKind::from_raw(Signal::CONT.as_raw()))?;
    let mut app = App::new(look, Instant::now());
    app.show(tab);
    app.take_feeds(&wires.feeds.borrow_and_update().clone(), Instant::now());
    let mut is_dirty = true;
    let mut was_pressed = false;
    let mut last_frame: Option<Instant> = None;
    loop {
        wires.interest.send_if_modified(|interest| {
            let changed = *interest != app.interest();
            *interest = app.interest();
            changed
        });
        let now = Instant::now();
        let apart = if was_pressed { KEY_FRAME } else { FRAME };
        let mut next_frame = last_frame.map_or(now, |last| last + apart);
        if is_dirty && now >= next_frame {
            screen.draw(|frame| {
                let area = frame.area();
                app.render(frame.buffer_mut(), area, now);
            })?;
            (is_dirty, was_pressed) = (false, false);
            last_frame = Some(now);
            next_frame = now + FRAME;
        }
        let wake = if is_dirty {
            Some(next_frame)
        } else {
            app.next_change(now)
        };
        let woken = tokio::select! {
            biased;
            () = wires.stop.cancelled() => return Ok(()),
            event = events.next() => match event {
                Some(event) => {
                    let woken = from_terminal(event?, &mut screen)?;
                    was_pressed |= matches!(woken, Woken::By(_));
                    woken
                }
                // The terminal is gone.
                None => return Ok(()),
            },
            changed = wires.feeds.changed() => {
                changed.map_err(|_| DashboardError::FeedEnded)?;
                let feeds = wires.feeds.borrow_and_update().clone();
                match app.take_feeds(&feeds, Instant::now()) {
                    true => Woken::ToDraw,
                    false => Woken::ForNothing,
                }
            }
            Some(reply) = wires.replies.recv() => Woken::By(match reply {
                Reply::Plan(plan) => Event::Plan(plan),
                Reply::Answer(answer) => Event::Answer(answer),
            }),
            _ = continued.recv() => {
                screen.resume()?;
                Woken::ToDraw
            }
            () = sleep_until(wake) => Woken::ToDraw,
        };
        is_dirty |= !matches!(woken, Woken::ForNothing);
        let Woken::By(event) = woken else { continue };
        match app.update(event, Instant::now()) {
            None => {}
            Some(Intent::Quit) => return Ok(()),
            Some(Intent::Redraw) => screen.wipe()?,
            Some(Intent::Suspend) => {
                screen.suspend().await?;
                // The continuation has been dealt with.
                let _ = tokio::time::timeout(Duration::ZERO, continued.recv()).await;
            }
            Some(Intent::Mouse(takes)) => screen.take_mouse(takes)?,
            Some(intent @ (Intent::Prepare(_) | Intent::CarryOut(_))) => {
                let Err(_) = wires.intents.try_send(intent) else {
                    continue;
                };
                let message = "the last request has not been answered yet".to_string();
                app.update(Event::Answer(Answer { done: false, message }), Instant::now());
            }
        }
    }
}

/// Why the loop runs once more.
#[derive(Debug)]
enum Woken {
    /// Something happened to the dashboard.
    By(Event),
    /// What is seen has changed.
    ToDraw,
    /// It has not.
    ForNothing,
}

fn from_terminal(event: TerminalEvent, screen: &mut Screen) -> io::Result<Woken> {
    Ok(match event {
        TerminalEvent::Key(key) if key.kind != KeyEventKind::Release => Woken::By(Event::Key(key)),
        TerminalEvent::Paste(pasted) => Woken::By(Event::Paste(pasted)),
        // Terminals tell each cell the mouse passes over.
        TerminalEvent::Mouse(mouse)
            if matches!(
                mouse.kind,
                MouseEventKind::Down(MouseButton::Left)
                    | MouseEventKind::ScrollDown
                    | MouseEventKind::ScrollUp
            ) =>
        {
            let size = screen.size()?;
            Woken::By(Event::Mouse(mouse, Rect::new(0, 0, size.width, size.height)))
        }
        // The new size is found out when drawing.
        TerminalEvent::Resize(..) => Woken::ToDraw,
        _ => Woken::ForNothing,
    })
}

async fn sleep_until(wake: Option<Instant>) {
    match wake {
        Some(wake) => tokio::time::sleep_until(wake.into()).await,
        None => std::future::pending().await,
    }
}
