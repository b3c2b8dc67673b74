//! The ffmpegs that wait: one a session, started when its last segment is done or, for a session that sends back to
//! back, while that is being finished; blocked on its standard input with its libraries loaded and its options read.
//!
//! A waiting process goes when its session ends or asks for something else, when it waited too long, when it died, and
//! when memory is short, the oldest first.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{task::JoinHandle, time::sleep};
use tracing::debug;

use super::{
    WarmSettings,
    memory::{self, Memory},
    plan::Pictures,
    process::{Command, Process},
    tally::count,
};
use crate::{media::target::Target, view::node::WarmView};

/// How often waiting processes are looked after.
const LOOK: Duration = Duration::from_secs(1);

/// Device memory that a CUDA context takes.
const CONTEXT: u64 = 300 << 20;

/// Part of a device's free memory that waiting processes may take: a quarter.
const DEVICE_PART: u64 = 4;

/// After so long without a segment a waiting process makes room for another session's where there is none.
const OVERDUE: Duration = Duration::from_secs(12);

/// A segment that comes so soon after the one before it was done would not find an ffmpeg that was started only then:
/// loading one takes about half of this.
const SOON: Duration = Duration::from_millis(200);

/// After a segment that came so soon, for how many more the session is taken to be in a hurry.
const HURRY: u32 = 8;

/// Waiting processes, and what is known of the sessions they wait for.
#[derive(Debug)]
pub(super) struct Pool {
    settings: WarmSettings,
    state: Mutex<State>,
    hits: AtomicU64,
    misses: AtomicU64,
    wasted: AtomicU64,
}

#[derive(Debug)]
struct State {
    sessions: HashMap<String, Session>,
    memory: Memory,
    keeper: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Session {
    /// Segments at work now.
    working: u32,
    /// No more is to be started for it.
    closed: bool,
    /// What its last source's pictures were like.
    pictures: Option<Pictures>,
    ready: Option<Ready>,
    used: Instant,
    /// When the last segment at work was done.
    done: Option<Instant>,
    /// For how many more segments it is taken to send back to back.
    hurry: u32,
}

#[derive(Debug)]
struct Ready {
    process: Process,
    command: Command,
    since: Instant,
}

/// A segment of a session at work.
pub(super) struct Working<'a> {
    pool: &'a Pool,
    session: &'a str,
}

impl Drop for Working<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.state();
        if let Some(session) = state.sessions.get_mut(self.session) {
            session.working = session.working.saturating_sub(1);
            session.used = Instant::now();
            session.done = Some(session.used);
            if session.working == 0 && session.closed {
                state.sessions.remove(self.session);
            }
        }
    }
}

impl Pool {
    pub(super) fn new(settings: WarmSettings) -> Arc<Self> {
        Arc::new(Self {
            settings,
            state: Mutex::new(State {
                sessions: HashMap::new(),
                memory: Memory::default(),
                keeper: None,
            }),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            wasted: AtomicU64::new(0),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A segment of this session begins.
    pub(super) fn enter<'a>(self: &'a Arc<Self>, session: &'a str) -> Working<'a> {
        let mut state = self.state();
        let entry = state
            .sessions
            .entry(session.to_owned())
            .or_insert_with(Session::new);
        entry.came();
        entry.working += 1;
        entry.closed = false;
        entry.used = Instant::now();
        if state.keeper.as_ref().is_none_or(JoinHandle::is_finished) {
            state.keeper = Some(tokio::spawn(keep(Arc::downgrade(self))));
        }
        Working { pool: self, session }
    }

    /// The process that waits for a segment with this command line. One that waits for another is of no use any more.
    pub(super) fn take(&self, session: &str, command: &Command) -> Option<Process> {
        let ready = self
            .state()
            .sessions
            .get_mut(session)
            .and_then(|session| session.ready.take());
        let fitting = ready.and_then(|mut ready| {
            let fits = ready.command == *command && !ready.process.has_ended();
            if !fits {
                self.retire(session, ready);
                return None;
            }
            Some(ready.process)
        });
        count(match fitting {
            Some(_) => &self.hits,
            None => &self.misses,
        });
        fitting
    }

    /// Whether the session's next segment is likely to be there when this one is done.
    pub(super) fn hurries(&self, session: &str) -> bool {
        let state = self.state();
        let session = state.sessions.get(session);
        session.is_some_and(|session| session.hurry > 0 || session.working > 1)
    }

    /// Whether the session's next segment should find a process with this command line, and there is room for it.
    /// `device_memory` is what is free of the memory of the command's device.
    pub(super) fn wants(&self, session: &str, command: &Command, device_memory: Option<u64>) -> bool {
        let mut state = self.state();
        match state.sessions.get(session) {
            Some(session) if !session.closed => {
                if session
                    .ready
                    .as_ref()
                    .is_some_and(|ready| ready.command == *command)
                {
                    return false;
                }
            }
            _ => return false,
        }
        if !command.reads_stdin() || !state.has_device_room(command.target, device_memory) {
            return false;
        }
        let bound = self.bound(&mut state);
        if state.ready() < bound {
            return true;
        }
        let given_up = match bound {
            0 => None,
            _ => state.oldest(OVERDUE),
        };
        drop(state);
        given_up.is_some_and(|(session, ready)| {
            self.retire(&session, ready);
            true
        })
    }

    /// Puts a process there for the session's next segment.
    pub(super) fn put(&self, session: &str, command: Command, process: Process) {
        let ready = Ready {
            process,
            command,
            since: Instant::now(),
        };
        let mut state = self.state();
        let unused = match state.sessions.get_mut(session) {
            Some(session) if !session.closed => session.ready.replace(ready),
            _ => Some(ready),
        };
        drop(state);
        if let Some(unused) = unused {
            self.retire(session, unused);
        }
    }

    /// What the session's pictures were like.
    pub(super) fn remember(&self, session: &str, pictures: Option<Pictures>) {
        if let Some(session) = self.state().sessions.get_mut(session) {
            session.pictures = pictures;
        }
    }

    /// What the session's last pictures were like.
    pub(super) fn pictures(&self, session: &str) -> Option<Pictures> {
        self.state().sessions.get(session)?.pictures
    }

    /// Nothing more comes of this session.
    pub(super) fn close(&self, session: &str) {
        let mut state = self.state();
        let Some(entry) = state.sessions.get_mut(session) else {
            return;
        };
        entry.closed = true;
        let ready = entry.ready.take();
        if entry.working == 0 {
            state.sessions.remove(session);
        }
        drop(state);
        if let Some(ready) = ready {
            self.retire(session, ready);
        }
    }

    /// Gives up all waiting processes if what they hold is needed. A segment that makes ffmpeg ask for more memory than
    /// it may have does not cost other sessions theirs.
    /// What could not even be started lacks what every process takes.
    pub(super) fn give_up(&self, could_not_start: bool) {
        let mut all = Vec::new();
        let mut state = self.state();
        if !could_not_start && !state.memory.is_short() {
            return;
        }
        for (name, session) in &mut state.sessions {
            all.extend(session.ready.take().map(|ready| (name.clone(), ready)));
        }
        drop(state);
        for (session, ready) in all {
            self.retire(&session, ready);
        }
    }

    pub(super) fn view(&self) -> WarmView {
        let mut state = self.state();
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        WarmView {
            ready: u32::try_from(state.ready()).unwrap_or(u32::MAX),
            bound: u32::try_from(self.bound(&mut state)).unwrap_or(u32::MAX),
            hits: of(&self.hits),
            misses: of(&self.misses),
            wasted: of(&self.wasted),
        }
    }

    fn bound(&self, state: &mut State) -> usize {
        let waiting = state.ready();
        let most = self.settings.most.map_or(usize::MAX, |most| most as usize);
        memory::bound(state.memory.free(), waiting).min(most)
    }

    fn retire(&self, session: &str, ready: Ready) {
        count(&self.wasted);
        debug!(session, waited = ?ready.since.elapsed(), "gave up a waiting ffmpeg");
        drop(ready);
    }

    /// Lets go what is dead, waited too long or takes memory that is needed. False when there is nothing to look after.
    fn look_after(&self) -> bool {
        let mut state = self.state();
        let mut gone = Vec::new();
        for (name, session) in &mut state.sessions {
            let done = session
                .ready
                .as_mut()
                .is_some_and(|ready| ready.process.has_ended() || ready.since.elapsed() > self.settings.idle);
            if done {
                gone.extend(session.ready.take().map(|ready| (name.clone(), ready)));
            }
        }
        state.sessions.retain(|_, session| {
            session.working > 0 || session.ready.is_some() || session.used.elapsed() < self.settings.idle
        });
        while state.ready() > self.bound(&mut state) {
            gone.extend(state.oldest(Duration::ZERO));
        }
        let goes_on = !state.sessions.is_empty();
        if !goes_on {
            state.keeper = None;
        }
        drop(state);
        for (session, ready) in gone {
            self.retire(&session, ready);
        }
        goes_on
    }
}

impl Session {
    fn new() -> Self {
        Self {
            working: 0,
            closed: false,
            pictures: None,
            ready: None,
            used: Instant::now(),
            done: None,
            hurry: 0,
        }
    }

    /// A segment came. What comes while another is at work tells nothing of the pause after it.
    fn came(&mut self) {
        let Some(done) = self.done.filter(|_| self.working == 0) else {
            return;
        };
        self.hurry = match done.elapsed() < SOON {
            true => HURRY,
            false => self.hurry.saturating_sub(1),
        };
    }
}

impl State {
    /// How many wait.
    fn ready(&self) -> usize {
        self.sessions
            .values()
            .filter(|session| session.ready.is_some())
            .count()
    }

    /// Takes out the process that has waited longest, if it has waited so long.
    fn oldest(&mut self, at_least: Duration) -> Option<(String, Ready)> {
        let waiting = self
            .sessions
            .iter_mut()
            .filter(|(_, session)| session.ready.is_some());
        let (name, session) =
            waiting.min_by_key(|(_, session)| session.ready.as_ref().map(|ready| ready.since))?;
        let waited = session.ready.as_ref()?.since.elapsed();
        if waited < at_least {
            return None;
        }
        Some((name.clone(), session.ready.take()?))
    }

    fn has_device_room(&self, target: Target, free: Option<u64>) -> bool {
        let (Target::Nvidia(_), Some(free)) = (target, free) else {
            return true;
        };
        let waiting = self
            .sessions
            .values()
            .filter_map(|session| session.ready.as_ref());
        let waiting = waiting.filter(|ready| ready.command.target == target).count() as u64;
        let if_all_went = free.saturating_add(waiting * CONTEXT);
        waiting < if_all_went / DEVICE_PART / CONTEXT
    }
}

/// Looks after the waiting processes for as long as there are sessions.
async fn keep(pool: Weak<Pool>) {
    loop {
        sleep(LOOK).await;
        match pool.upgrade() {
            Some(pool) if pool.look_after() => {}
            _ => return,
        }
    }
}
