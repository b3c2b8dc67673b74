//! Children that cannot outlive their purpose: how every other program is started, bounded and ended.
//!
//! A child runs in a process group of its own, and the [`Job`] that holds it kills the whole group when it is
//! dropped before the child has ended. That covers errors, cancelled tasks and panics, not `kill -9` of this process; for that the child
//! is started through lpctl itself ([`Launcher::Helper`]): the helper asks the kernel to be killed with its
//! parent, takes limits upon itself, puts up a [`fence`] where one is asked for, and then becomes the program.
//!
//! The kernel delivers that signal when the *thread* that started the child ends, so one thread that lives as
//! long as any child does all the starting ([`Spawner`]).

use std::{
    ffi::{OsStr, OsString},
    fmt,
    io::{self, Write as _},
    os::unix::process::CommandExt as _,
    path::PathBuf,
    pin::pin,
    process::{Command, ExitCode, ExitStatus},
    sync::mpsc,
    thread,
    time::Duration,
};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use rustix::process::{
    Pid, Resource, Rlimit, Signal, getppid, kill_process_group, set_parent_process_death_signal, setrlimit,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::{Child, ChildStderr, ChildStdin, ChildStdout},
    runtime::Handle,
    sync::oneshot,
    time::{sleep, timeout},
};

pub mod fence;
mod log;

pub use fence::{Fence, FencePolicy, FenceSupport, Fencing, Landlock, NotFenced};
pub use log::Log;

/// First argument by which lpctl knows that it is to become another program.
const CHILD: &str = "__child";

/// Exit code of a helper that could not become the program.
pub const HELPER_FAILED: u8 = 125;

/// How long a killed child may take to disappear before it is left to the runtime to collect.
const REAP: Duration = Duration::from_secs(5);

/// How a child is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Launcher {
    /// As it is. The child survives `kill -9` of this process and takes no limits.
    Direct,
    /// Through the lpctl program at this path: the child dies with this process and keeps to its [`Limits`].
    Helper(PathBuf),
}

impl Launcher {
    /// Through the running program, if that is lpctl: also after an upgrade has replaced its file.
    #[must_use]
    pub fn through_this_program() -> Self {
        Self::Helper("/proc/self/exe".into())
    }

    /// The words to put before a program's own command line, for whoever starts it without a [`Spawner`]: from a
    /// thread that lives as long as the child is to.
    #[must_use]
    pub fn words(&self) -> Vec<OsString> {
        match self {
            Self::Direct => Vec::new(),
            Self::Helper(helper) => vec![
                helper.into(),
                CHILD.into(),
                std::process::id().to_string().into(),
                "--".into(),
            ],
        }
    }

    /// The command line that ends in `program`, with its working directory and only its own environment.
    fn prepare(&self, program: &Command, limits: &Limits) -> Command {
        let mut command = match self {
            Self::Direct => Command::new(program.get_program()),
            Self::Helper(helper) => {
                let mut command = Command::new(helper);
                command
                    .arg(CHILD)
                    .arg(std::process::id().to_string())
                    .args(limits.words())
                    .arg("--");
                command.arg(program.get_program());
                command
            }
        };
        command.args(program.get_args());
        if let Some(directory) = program.get_current_dir() {
            command.current_dir(directory);
        }
        command.env_clear();
        for (name, value) in program.get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        command
    }
}

/// What a child may use of this machine. A core file is never written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes in any one file it writes.
    pub file_bytes: Option<u64>,
    /// Seconds of processor time, over all its threads.
    pub cpu_seconds: Option<u64>,
    /// Open files.
    pub open_files: Option<u64>,
    /// Bytes of address space.
    pub address_space: Option<u64>,
    /// How far it steps back behind others that want the processor: added to this process's nice value.
    pub niceness: Option<u8>,
    /// What it is kept from altogether.
    pub fence: Option<Fence>,
}

impl Limits {
    /// Each limit with its name on the helper's command line.
    fn named(&self) -> [(&'static str, Resource, Option<u64>); 4] {
        [
            ("fsize", Resource::Fsize, self.file_bytes),
            ("cpu", Resource::Cpu, self.cpu_seconds),
            ("nofile", Resource::Nofile, self.open_files),
            ("as", Resource::As, self.address_space),
        ]
    }

    /// The words that carry the limits over to the helper, like `cpu=120`.
    fn words(&self) -> impl Iterator<Item = String> + use<> {
        let niceness = ("nice", self.niceness.map(u64::from));
        let named = self.named().map(|(name, _, value)| (name, value));
        let fence = self.fence.map(|fence| format!("fence={}", fence.word()));
        named
            .into_iter()
            .chain([niceness])
            .filter_map(|(name, value)| Some(format!("{name}={}", value?)))
            .chain(fence)
    }

    /// Reads one word back. `None` if it is none of ours.
    fn read(&mut self, word: &str) -> Option<()> {
        let (name, value) = word.split_once('=')?;
        let place = match name {
            "fsize" => &mut self.file_bytes,
            "cpu" => &mut self.cpu_seconds,
            "nofile" => &mut self.open_files,
            "as" => &mut self.address_space,
            "nice" => {
                self.niceness = Some(value.parse().ok()?);
                return Some(());
            }
            "fence" => {
                self.fence = Some(Fence::read(value)?);
                return Some(());
            }
            _ => return None,
        };
        *place = Some(value.parse().ok()?);
        Some(())
    }

    /// Takes the limits upon this process and all it becomes. A limit that already is lower stays.
    fn take(&self) -> io::Result<()> {
        let set = |resource, value| {
            let held = rustix::process::getrlimit(resource).maximum;
            let value = held.map_or(value, |held| held.min(value));
            setrlimit(
                resource,
                Rlimit {
                    current: Some(value),
                    maximum: Some(value),
                },
            )
        };
        set(Resource::Core, 0)?;
        for (_, resource, value) in self.named() {
            if let Some(value) = value {
                set(resource, value)?;
            }
        }
        if let Some(niceness) = self.niceness {
            // Only a courtesy: where it is not granted, the child runs like its parent.
            let _ = rustix::process::nice(niceness.into());
        }
        Ok(())
    }
}

/// Becomes `program`: asks to be killed together with `parent`, takes the limits, puts up the fence, and replaces
/// this process. Returns only if that failed.
///
/// The request survives the replacement (it is dropped only for set-user-id programs).
pub fn become_child(parent: Pid, limits: &Limits, program: &OsStr, args: &[OsString]) -> io::Error {
    if let Err(error) = die_with(parent).and_then(|()| limits.take()) {
        return error;
    }
    match limits.fence {
        Some(fence) => fence.become_program(program, args),
        None => Command::new(program).args(args).exec(),
    }
}

fn die_with(parent: Pid) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // It may have died before the request was made; then nobody would ever send the signal.
    match getppid() == Some(parent) {
        true => Ok(()),
        false => Err(io::Error::other("the process that asked for it is gone")),
    }
}

/// Entry of the hidden command `lpctl __child PARENT [LIMIT=N …] -- PROGRAM ARGS…`, to be tried before anything
/// else a program does. `args` are the process's arguments without its own name. The other form, `lpctl __child
/// PARENT fence-support`, tells what of the fence holds.
///
/// `None` means the arguments are none of ours and the program goes on as usual. Otherwise this process has
/// become the program and never returns here, or could not, and is to end with the code given back after one
/// line on stderr: nobody but the parent reads it.
pub fn child_main(args: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let mut args = args.into_iter();
    if args.next()? != CHILD {
        return None;
    }
    let error = match read_child_args(args) {
        Some((
            parent,
            Errand::Become {
                limits,
                program,
                args,
            },
        )) => {
            format!(
                "cannot start {}: {}",
                program.display(),
                become_child(parent, &limits, &program, &args)
            )
        }
        Some((parent, Errand::TellFence)) => match die_with(parent).and_then(|()| fence::tell()) {
            Ok(()) => return Some(ExitCode::SUCCESS),
            Err(error) => format!("cannot try the fence: {error}"),
        },
        None => format!("{CHILD} is how lpctl starts ffmpeg, not a command"),
    };
    // Nothing is left to tell a failing stderr to.
    let _ = writeln!(io::stderr(), "[fatal] {error}");
    Some(ExitCode::from(HELPER_FAILED))
}

/// What the helper is there for.
#[derive(Debug, PartialEq, Eq)]
enum Errand {
    Become {
        limits: Limits,
        program: OsString,
        args: Vec<OsString>,
    },
    TellFence,
}

fn read_child_args(mut args: impl Iterator<Item = OsString>) -> Option<(Pid, Errand)> {
    let parent = Pid::from_raw(args.next()?.to_str()?.parse().ok()?)?;
    let mut limits = Limits::default();
    loop {
        let word = args.next()?;
        if word == "--" {
            break;
        }
        if word == fence::SUPPORT && limits == Limits::default() {
            return args.next().is_none().then_some((parent, Errand::TellFence));
        }
        limits.read(word.to_str()?)?;
    }
    let errand = Errand::Become {
        limits,
        program: args.next()?,
        args: args.collect(),
    };
    Some((parent, errand))
}

/// The thread that starts all children. Cheap to clone; it ends with the last clone and the last [`Job`].
#[derive(Clone)]
pub struct Spawner {
    requests: mpsc::Sender<Request>,
    launcher: Launcher,
}

struct Request {
    command: Command,
    runtime: Handle,
    answer: oneshot::Sender<io::Result<Child>>,
}

impl Spawner {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system gives no further thread.
    pub fn start(launcher: Launcher) -> io::Result<Self> {
        let (requests, work) = mpsc::channel::<Request>();
        thread::Builder::new().name("spawner".into()).spawn(move || {
            while let Ok(Request {
                command,
                runtime,
                answer,
            }) = work.recv()
            {
                let _entered = runtime.enter();
                let mut command = tokio::process::Command::from(command);
                // The runtime collects what a dropped `Job` has killed. Should the asker be gone by now, the
                // child is dropped here, and this is what ends it.
                command.kill_on_drop(true);
                let _ = answer.send(command.spawn());
            }
        })?;
        Ok(Self { requests, launcher })
    }

    /// Starts a program in a process group of its own. Its environment holds what `command` sets and nothing
    /// else; streams are as `command` has them.
    ///
    /// # Errors
    /// The program, or lpctl as its helper, cannot be started; a fence is asked for without a current directory.
    /// Through the helper a missing program shows only as exit code [`HELPER_FAILED`].
    pub async fn spawn(&self, command: &Command, streams: Streams, limits: &Limits) -> io::Result<Job> {
        if limits.fence.is_some() && command.get_current_dir().is_none() {
            return Err(io::Error::other("a fenced program needs a directory of its own"));
        }
        let mut command = self.launcher.prepare(command, limits);
        command
            .process_group(0)
            .stdin(streams.stdin)
            .stdout(streams.stdout)
            .stderr(streams.stderr);
        let (answer, answered) = oneshot::channel();
        let gone = || io::Error::other("the thread that starts programs has ended");
        self.requests
            .send(Request {
                command,
                runtime: Handle::current(),
                answer,
            })
            .map_err(|_| gone())?;
        let child = answered.await.map_err(|_| gone())??;
        Ok(Job {
            child,
            _spawner: self.clone(),
        })
    }
}

impl fmt::Debug for Spawner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spawner")
            .field("launcher", &self.launcher)
            .finish_non_exhaustive()
    }
}

/// What a child's standard streams are connected to.
#[derive(Debug)]
pub struct Streams {
    /// Standard input.
    pub stdin: std::process::Stdio,
    /// Standard output.
    pub stdout: std::process::Stdio,
    /// Standard error.
    pub stderr: std::process::Stdio,
}

/// A running child. Dropping it kills its whole process group, unless the child has ended and was waited for: what
/// it may have left behind then lives on. ffmpeg starts no programs.
#[derive(Debug)]
pub struct Job {
    child: Child,
    /// The child would be killed with the thread that started it.
    _spawner: Spawner,
}

impl Job {
    /// Process id, which is the group's id too; none once the child was waited for.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// The pipe to its standard input, once, if there is one.
    pub fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// The pipe from its standard output, once, if there is one.
    pub fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// The pipe from its standard error, once, if there is one.
    pub fn take_stderr(&mut self) -> Option<ChildStderr> {
        self.child.stderr.take()
    }

    /// Waits for its end. May be called again, and be cancelled.
    ///
    /// # Errors
    /// The system lost track of the child.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Whether it is over already. Never waits; a child that is over is collected by this.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Kills the group and waits until the child is gone, so that it no longer writes anywhere.
    pub async fn kill(mut self) {
        self.kill_group();
        // A child that does not die of SIGKILL hangs in the kernel; the runtime collects it when it comes back.
        let _ = timeout(REAP, self.child.wait()).await;
    }

    /// ffmpeg ignores SIGTERM while it reads its input, hence SIGKILL. A child that was waited for has no id
    /// any more: its group may be empty and the number a stranger's by now, so nothing is killed.
    pub(crate) fn kill_group(&self) {
        let group = self
            .child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        if let Some(group) = group {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.kill_group();
    }
}

/// Reads a stream to its end and keeps a bounded part of its lines, so that the writer never waits.
pub async fn keep_log(mut stream: impl AsyncRead + Unpin) -> Log {
    let mut log = Log::default();
    let mut buffer = vec![0; 8 * 1024];
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return log.finish(),
            Ok(read) => log.push(&buffer[..read]),
        }
    }
}

/// How often a process's messages are fetched, and how much of them waits in the pipe until then.
const LOOK: Duration = Duration::from_millis(100);
const WAITING: i32 = 256 << 10;

/// Waits for a process's end with `ended` and keeps a bounded part of what it says until then. Nobody reads along, so
/// what it says is fetched now and then: waking up for each line costs more than the rest of the supervision.
pub async fn keep_log_until<T>(stderr: ChildStderr, ended: impl Future<Output = T>) -> (Log, T) {
    let mut log = Log::default();
    let pipe = stderr.into_owned_fd().and_then(|pipe| {
        fcntl(&pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        // The system's own size does as well.
        let _ = fcntl(&pipe, FcntlArg::F_SETPIPE_SZ(WAITING));
        Ok(pipe)
    });
    let Ok(pipe) = pipe else {
        return (log, ended.await);
    };
    let mut buffer = vec![0; 8 * 1024];
    let mut ended = pin!(ended);
    loop {
        let result = tokio::select! {
            biased;
            result = &mut ended => Some(result),
            () = sleep(LOOK) => None,
        };
        // A little more than the pipe holds: what is said meanwhile is for the next time.
        for _ in 0..64 {
            match rustix::io::read(&pipe, &mut buffer) {
                Ok(0) | Err(_) => break,
                Ok(read) => log.push(&buffer[..read]),
            }
        }
        if let Some(result) = result {
            return (log.finish(), result);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> impl Iterator<Item = OsString> {
        text.split_whitespace().map(OsString::from)
    }

    #[test]
    fn limits_survive_the_way_to_the_helper() {
        let limits = Limits {
            file_bytes: Some(300),
            cpu_seconds: None,
            open_files: Some(64),
            address_space: Some(5),
            niceness: Some(3),
            fence: Some(Fence {
                gpu: true,
                whole: false,
            }),
        };
        let mut command = Command::new("/usr/bin/ffmpeg");
        command.args(["-i", "--", "x"]);
        let prepared = Launcher::Helper("/bin/lpctl".into()).prepare(&command, &limits);
        assert_eq!(prepared.get_program(), "/bin/lpctl");
        let args = prepared.get_args().map(OsString::from).skip(1);
        let (parent, errand) = read_child_args(args).unwrap();
        assert_eq!(parent.as_raw_nonzero().get().cast_unsigned(), std::process::id());
        let expected = Errand::Become {
            limits,
            program: "/usr/bin/ffmpeg".into(),
            args: ["-i", "--", "x"].map(OsString::from).into(),
        };
        assert_eq!(errand, expected);
    }

    #[test]
    fn other_arguments_are_left_to_the_program() {
        assert!(child_main(words("run --json")).is_none());
        assert!(child_main(words("")).is_none());
    }

    #[test]
    fn a_malformed_helper_line_starts_nothing() {
        for line in [
            "",
            "x -- true",
            "0 -- true",
            "12",
            "12 --",
            "12 true",
            "12 cpu=x -- true",
            "12 core=1 -- true",
            "12 fence=yes -- true",
            "12 fence-support now",
            "12 cpu=1 fence-support",
        ] {
            assert!(read_child_args(words(line)).is_none(), "{line}");
        }
        assert_eq!(
            child_main(words("__child nonsense")),
            Some(ExitCode::from(HELPER_FAILED))
        );
    }

    #[test]
    fn a_child_whose_parent_is_gone_is_not_started() {
        // Process 1 is not what started this test.
        let error = become_child(Pid::INIT, &Limits::default(), OsStr::new("true"), &[]);
        assert_eq!(error.to_string(), "the process that asked for it is gone");
        set_parent_process_death_signal(None).unwrap();
    }
}
