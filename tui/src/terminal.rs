//! The terminal: whether a dashboard may open on it, and a guard that always gives it back.

use std::{
    io::{self, BufWriter, IsTerminal, Stdout, Write},
    panic,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ratatui::{
    Frame, Terminal,
    backend::CrosstermBackend,
    crossterm::{
        cursor::{Hide, Show},
        event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture},
        execute, queue,
        terminal::{
            self, BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
        },
    },
    layout::Size,
};
use rustix::process::{Signal, kill_current_process_group};
use tokio::signal::unix;

/// What has to be known of a terminal before a dashboard opens on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Surroundings<'a> {
    /// Keys come from a terminal.
    pub input_is_terminal: bool,
    /// The screen is a terminal.
    pub output_is_terminal: bool,
    /// The variable `TERM`.
    pub term: Option<&'a str>,
}

impl<'a> Surroundings<'a> {
    /// Of this process.
    #[must_use]
    pub fn of_this_process(term: Option<&'a str>) -> Self {
        Self {
            input_is_terminal: io::stdin().is_terminal(),
            output_is_terminal: io::stdout().is_terminal(),
            term,
        }
    }
}

/// Why no dashboard can open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoScreen {
    /// Output goes to a file or a pipe.
    #[error("the output is not a terminal")]
    Output,
    /// There is no keyboard.
    #[error("the input is not a terminal, so no key could be pressed")]
    Input,
    /// The terminal cannot move its cursor.
    #[error("this terminal (`TERM=dumb`) cannot draw a screen")]
    Dumb,
}

/// Whether a dashboard may open, and if not, why.
///
/// # Errors
/// The first reason against it.
pub fn may_open(surroundings: Surroundings<'_>) -> Result<(), NoScreen> {
    if !surroundings.output_is_terminal {
        Err(NoScreen::Output)
    } else if !surroundings.input_is_terminal {
        Err(NoScreen::Input)
    } else if surroundings.term == Some("dumb") {
        Err(NoScreen::Dumb)
    } else {
        Ok(())
    }
}

/// Whether this process has taken the screen. The panic hook, the guard's end and a suspension may all come to give it
/// back; only the first does.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Whether the mouse is the dashboard's: else the terminal selects text with it.
static HAS_MOUSE: AtomicBool = AtomicBool::new(true);

/// Whether a dashboard has the screen, so that nobody else may write on it.
#[must_use]
pub fn is_taken() -> bool {
    TAKEN.load(Ordering::SeqCst)
}

type Hook = dyn Fn(&panic::PanicHookInfo<'_>) + Send + Sync + 'static;

/// Holds the screen: raw mode, alternate screen, hidden cursor. Gives it back when dropped, and before a panic's
/// message is printed.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
    previous_hook: Arc<Hook>,
}

impl Screen {
    /// Takes the screen.
    ///
    /// # Errors
    /// If the terminal refuses; it is then as it was.
    pub fn take() -> io::Result<Self> {
        let previous_hook: Arc<Hook> = Arc::from(panic::take_hook());
        let then = Arc::clone(&previous_hook);
        panic::set_hook(Box::new(move |info| {
            let _ = give_back();
            then(info);
        }));
        // Frames of a few kilobytes go out in one write.
        let backend = CrosstermBackend::new(BufWriter::with_capacity(64 * 1024, io::stdout()));
        let screen = Self {
            terminal: Terminal::new(backend)?,
            previous_hook,
        };
        enter()?;
        Ok(screen)
    }

    /// Draws one frame, as one piece on terminals that can.
    ///
    /// # Errors
    /// If the terminal cannot be written.
    pub fn draw(&mut self, render: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        self.terminal.draw(render)?;
        execute!(self.terminal.backend_mut(), EndSynchronizedUpdate)
    }

    /// How large the screen is.
    ///
    /// # Errors
    /// If the terminal does not tell.
    pub fn size(&self) -> io::Result<Size> {
        self.terminal.size()
    }

    /// Gives the screen back and stops the process group as the shell's own Ctrl-Z would; returns when continued.
    ///
    /// # Errors
    /// If the terminal cannot be switched, or the signal cannot be sent.
    pub async fn suspend(&mut self) -> io::Result<()> {
        let mut continued = unix::signal(unix::SignalKind::from_raw(Signal::CONT.as_raw()))?;
        give_back()?;
        kill_current_process_group(Signal::TSTP)?;
        // The signal may reach another thread first, so this one could run on for a moment: it waits for the
        // continuation. A process nobody could continue is not stopped by the kernel; then the wait ends by itself.
        tokio::select! {
            _ = continued.recv() => {}
            () = tokio::time::sleep(Duration::from_millis(500)) => {}
        }
        self.resume()
    }

    /// Takes the screen again after the process was continued.
    ///
    /// # Errors
    /// If the terminal cannot be switched.
    pub fn resume(&mut self) -> io::Result<()> {
        // Stopped from outside, the shell has changed the terminal behind our back: switch everything anew.
        give_back()?;
        enter()?;
        self.wipe()
    }

    /// Takes the mouse, or leaves it to the terminal.
    ///
    /// # Errors
    /// If the terminal cannot be written.
    pub fn take_mouse(&mut self, takes: bool) -> io::Result<()> {
        HAS_MOUSE.store(takes, Ordering::SeqCst);
        let mut out = io::stdout();
        match takes {
            true => queue!(out, EnableMouseCapture)?,
            false => queue!(out, DisableMouseCapture)?,
        }
        out.flush()
    }

    /// Clears the screen, so that the next frame draws every cell.
    ///
    /// # Errors
    /// If the terminal cannot be written.
    pub fn wipe(&mut self) -> io::Result<()> {
        // `Terminal::clear` asks the terminal for its cursor and waits for an answer that the key reader takes away.
        let size = self.terminal.size()?;
        self.terminal.resize(size.into())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = give_back();
        if !std::thread::panicking() {
            let previous = Arc::clone(&self.previous_hook);
            panic::set_hook(Box::new(move |info| previous(info)));
        }
    }
}

fn enter() -> io::Result<()> {
    terminal::enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    let mut out = io::stdout();
    queue!(out, EnterAlternateScreen, EnableBracketedPaste, Hide)?;
    if HAS_MOUSE.load(Ordering::SeqCst) {
        queue!(out, EnableMouseCapture)?;
    }
    out.flush()
}

/// Leaves the terminal as it was found. Only the first call after [`enter`] does anything.
fn give_back() -> io::Result<()> {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return Ok(());
    }
    let mut out = io::stdout();
    let left = queue!(
        out,
        DisableMouseCapture,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        Show
    )
    .and_then(|()| out.flush());
    terminal::disable_raw_mode().and(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dashboard_opens_only_where_it_can_be_seen_and_used() {
        let good = Surroundings {
            input_is_terminal: true,
            output_is_terminal: true,
            term: Some("xterm-256color"),
        };
        assert_eq!(may_open(good), Ok(()));
        assert_eq!(may_open(Surroundings { term: None, ..good }), Ok(()));
        assert_eq!(
            may_open(Surroundings {
                output_is_terminal: false,
                input_is_terminal: false,
                ..good
            }),
            Err(NoScreen::Output)
        );
        assert_eq!(
            may_open(Surroundings {
                input_is_terminal: false,
                ..good
            }),
            Err(NoScreen::Input)
        );
        assert_eq!(
            may_open(Surroundings {
                term: Some("dumb"),
                ..good
            }),
            Err(NoScreen::Dumb)
        );
    }
}
