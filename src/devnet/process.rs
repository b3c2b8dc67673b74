//! The anvil process: started so that it cannot outlive whoever holds it, and ended by handle, never by number.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
    os::{
        fd::OwnedFd,
        unix::{fs::OpenOptionsExt, process::CommandExt},
    },
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::sync::{oneshot, watch};

use super::error::DevnetError;

/// The chain id of every devnet: the one development chains have by custom.
pub const CHAIN_ID: u64 = 31_337;
/// The rules anvil runs by. Later ones make every empty block dearer than the one before.
pub(super) const HARDFORK: &str = "cancun";
/// Blocks whose state can still be asked for. Keeps memory flat and nothing on the disk.
const HISTORY: &str = "1000";
/// How long anvil may take to listen.
const START_LIMIT: Duration = Duration::from_secs(30);
/// How long anvil may take to end after being asked to.
const STOP_LIMIT: Duration = Duration::from_secs(3);
/// Most of anvil's greeting that is read in search of its port.
const GREETING_LIMIT: u64 = 64 << 10;
/// Most of anvil's complaints that is told on.
const COMPLAINT_LIMIT: u64 = 2 << 10;

/// How to start anvil.
#[derive(Debug)]
pub(super) struct AnvilCommand<'a> {
    pub anvil: &'a Path,
    /// Words before anvil's own command line: a program that ties it to its parent's life and becomes it.
    pub launcher: &'a [OsString],
    /// 0 for any free port.
    pub port: u16,
    /// A state to begin with.
    pub state: Option<&'a Path>,
    /// Where its complaints go.
    pub log_file: &'a Path,
}

impl AnvilCommand<'_> {
    fn build(&self, log: File) -> Command {
        let mut words = self.launcher.iter().cloned();
        let mut command = match words.next() {
            Some(first) => {
                let mut command = Command::new(first);
                command.args(words).arg(self.anvil);
                command
            }
            None => Command::new(self.anvil),
        };
        command
            .args(["--host", "127.0.0.1", "--port", &self.port.to_string()])
            .args(["--chain-id", &CHAIN_ID.to_string(), "--hardfork", HARDFORK])
            .args(["--threads", "1", "--no-cors", "--prune-history", HISTORY]);
        if let Some(state) = self.state {
            command.arg("--load-state").arg(state);
        }
        // Nothing of the caller's environment or folder (a `.env` file) reaches anvil, and a Ctrl-C on the
        // terminal reaches its holder alone, who saves the state first.
        command
            .env_clear()
            .current_dir(self.log_file.parent().unwrap_or(Path::new("/")))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .process_group(0);
        command
    }
}

/// A running anvil. Dropping it kills the process and waits for its end.
#[derive(Debug)]
pub(super) struct Anvil {
    pid: u32,
    port: u16,
    handle: Arc<OwnedFd>,
    exit: watch::Receiver<Option<ExitStatus>>,
    keeper: Option<JoinHandle<()>>,
    log_file: PathBuf,
}

/// What the keeper thread tells once anvil runs.
struct Started {
    pid: u32,
    handle: Arc<OwnedFd>,
}

impl Anvil {
    /// Starts anvil and waits until it listens.
    pub async fn start(command: AnvilCommand<'_>) -> Result<Self, DevnetError> {
        let log_file = command.log_file.to_path_buf();
        let log = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&log_file)
            .map_err(DevnetError::at(&log_file))?;
        let prepared = command.build(log);
        let (started_to, started) = oneshot::channel();
        let (port_to, port) = oneshot::channel();
        let (exit_to, exit) = watch::channel(None);
        // The kernel's "die with your parent" means the parent's thread: this one lives as long as anvil does.
        let keeper = thread::Builder::new()
            .name("anvil-keeper".into())
            .spawn(move || keep(prepared, started_to, port_to, &exit_to))
            .map_err(|error| DevnetError::Start {
                detail: error.to_string(),
            })?;
        let started = match started.await {
            Ok(Ok(started)) => started,
            Ok(Err(error)) => {
                return Err(DevnetError::Start {
                    detail: format!("{}: {error}", command.anvil.display()),
                });
            }
            Err(_) => {
                return Err(DevnetError::Start {
                    detail: "its keeper ended".into(),
                });
            }
        };
        let mut anvil = Self {
            pid: started.pid,
            port: 0,
            handle: started.handle,
            exit,
            keeper: Some(keeper),
            log_file,
        };
        match tokio::time::timeout(START_LIMIT, port).await {
            Ok(Ok(port)) => {
                anvil.port = port;
                Ok(anvil)
            }
            Ok(Err(_)) => {
                let status = tokio::time::timeout(STOP_LIMIT, anvil.exited()).await.ok();
                let complaint = anvil.last_words();
                if complaint.contains("Address already in use") {
                    return Err(DevnetError::PortTaken { port: command.port });
                }
                let ended = status.map_or("it closed its output".into(), |status| status.to_string());
                Err(DevnetError::Start {
                    detail: match complaint.is_empty() {
                        true => ended,
                        false => format!("{complaint} ({ended})"),
                    },
                })
            }
            Err(_) => Err(DevnetError::Start {
                detail: format!("it did not listen within {} s", START_LIMIT.as_secs()),
            }),
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Waits until the process has ended, for whatever reason.
    pub async fn exited(&self) -> ExitStatus {
        let mut exit = self.exit.clone();
        loop {
            if let Some(status) = *exit.borrow_and_update() {
                return status;
            }
            if exit.changed().await.is_err() {
                return ExitStatus::default();
            }
        }
    }

    /// Asks the process to end, kills it if it does not, and waits for its end.
    pub async fn stop(mut self) {
        self.signal(Signal::TERM);
        if tokio::time::timeout(STOP_LIMIT, self.exited()).await.is_err() {
            self.signal(Signal::KILL);
            self.exited().await;
        }
        self.join();
    }

    /// The end of what anvil complained about, on one line, safe to show.
    pub fn last_words(&self) -> String {
        read_tail(&self.log_file, COMPLAINT_LIMIT).unwrap_or_default()
    }

    /// Signals by handle: a process that ended is not confused with one that got its number since.
    fn signal(&self, signal: Signal) {
        if let Err(error) = pidfd_send_signal(&self.handle, signal) {
            tracing::debug!(pid = self.pid, %error, "anvil is gone already");
        }
    }

    fn join(&mut self) {
        if let Some(keeper) = self.keeper.take()
            && keeper.join().is_err()
        {
            tracing::error!("the thread that keeps anvil panicked");
        }
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        if self.keeper.is_some() {
            self.signal(Signal::KILL);
            self.join();
        }
    }
}

/// The keeper thread: starts anvil, finds the port in its greeting, then only waits for its end.
fn keep(
    mut command: Command,
    started_to: oneshot::Sender<io::Result<Started>>,
    port_to: oneshot::Sender<u16>,
    exit_to: &watch::Sender<Option<ExitStatus>>,
) {
    let spawned = command.spawn().and_then(|mut child| match handle_of(&child) {
        Ok(handle) => Ok((child, handle)),
        Err(error) => {
            child.kill()?;
            child.wait()?;
            Err(error)
        }
    });
    let (mut child, handle) = match spawned {
        Ok(spawned) => spawned,
        Err(error) => {
            // Nobody listens only if the caller gave up, and then nobody needs to know.
            let _ = started_to.send(Err(error));
            return;
        }
    };
    let abandoned = started_to
        .send(Ok(Started {
            pid: child.id(),
            handle: Arc::new(handle),
        }))
        .is_err();
    if abandoned && let Err(error) = child.kill() {
        tracing::debug!(%error, "anvil is gone already");
    }
    let port = child.stdout.take().and_then(listening_port);
    // Where nobody waits for the port any more, nobody would ever end anvil either.
    if port.is_some_and(|port| port_to.send(port).is_err())
        && let Err(error) = child.kill()
    {
        tracing::debug!(%error, "anvil is gone already");
    }
    // From here on nobody reads anvil's output: its end of the pipe is closed, and anvil does without.
    match child.wait() {
        Ok(status) => exit_to.send_replace(Some(status)),
        Err(error) => {
            tracing::error!(%error, "cannot wait for anvil");
            exit_to.send_replace(Some(ExitStatus::default()))
        }
    };
}

fn handle_of(child: &Child) -> io::Result<OwnedFd> {
    let pid = i32::try_from(child.id())
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| io::Error::other("the process has no usable id"))?;
    Ok(pidfd_open(pid, PidfdFlags::empty())?)
}

/// Reads anvil's greeting up to the line that tells where it listens. The greeting also holds the test keys: it
/// goes nowhere else.
fn listening_port(output: impl Read) -> Option<u16> {
    BufReader::new(output.take(GREETING_LIMIT))
        .lines()
        .map_while(Result::ok)
        .find_map(|line| line.trim().strip_prefix("Listening on 127.0.0.1:")?.parse().ok())
}

/// The last bytes of a file as one printable line.
fn read_tail(path: &Path, limit: u64) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(limit)))?;
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    Ok(lines.join("; ").chars().filter(|c| !c.is_control()).collect())
}

/// Makes the folder a file is to be in.
pub(super) fn make_parent(path: &Path) -> Result<(), DevnetError> {
    match path.parent() {
        Some(parent) => fs::create_dir_all(parent).map_err(DevnetError::at(parent)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_found_in_the_greeting() {
        let greeting = "\n  banner\n\nPrivate Keys\n(0) 0xabc\n\nListening on 127.0.0.1:8545\nmore\n";
        assert_eq!(listening_port(greeting.as_bytes()), Some(8545));
        assert_eq!(listening_port("no such line\n".as_bytes()), None);
        let endless = format!(
            "{}\nListening on 127.0.0.1:1\n",
            "x".repeat(GREETING_LIMIT as usize)
        );
        assert_eq!(listening_port(endless.as_bytes()), None);
    }
}
