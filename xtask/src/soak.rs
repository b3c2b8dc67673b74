//! `cargo xtask soak`: a real node under thousands of segments, watched for anything that grows.

use std::{
    fs,
    io::{BufRead, BufReader, Write as _, stdout},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use clap::Args;
use eyre::{OptionExt as _, WrapErr as _, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use testbed::fuzz::children_of;

/// Playing time of a segment, in seconds.
const SEGMENT_SECONDS: u32 = 10;
/// Frames a second. Long segments with few frames cost little and give the node time: it refuses what would be late.
const FPS: u32 = 2;
/// Segments of the clip, which is sent again and again.
const SEGMENTS: u32 = 20;
/// How often the node is looked at.
const INTERVAL: Duration = Duration::from_secs(1);
/// How often that is told.
const TOLD: Duration = Duration::from_secs(15);
/// Longest run, and how long the node has to end.
const LONGEST: Duration = Duration::from_secs(3600);
const PATIENCE: Duration = Duration::from_secs(60);
/// Growth of memory from the run's first quarter to its last that is none: what allocators keep.
const MEMORY_KIB: u64 = 8 << 10;
/// The same of open files and of threads.
const FILES: u64 = 12;
const THREADS: u64 = 8;

/// Send thousands of segments over many sessions through a real node and watch what it holds
///
/// Fails if its memory, open files, threads or work directory grow, if a segment fails, if a process stays uncollected,
/// or if anything is left once it has ended. Uses the `lpctl` beside this program.
#[derive(Debug, Args)]
pub struct SoakArgs {
    /// Segments, over all sessions
    #[arg(long, default_value_t = 2000)]
    segments: u32,
    /// Sessions at once
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
    sessions: u32,
}

/// What the node holds at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) seconds: u64,
    pub(crate) memory_kib: u64,
    /// The most it ever was.
    pub(crate) peak_kib: u64,
    files: u64,
    threads: u64,
    children: u64,
    zombies: u64,
    entries: u64,
    pub(crate) processor_ms: u64,
    done: u64,
}

pub fn run(args: &SoakArgs) -> eyre::Result<()> {
    let lpctl = std::env::current_exe()?.with_file_name("lpctl");
    ensure!(
        lpctl.exists(),
        "{} is not built; run `cargo build --workspace`",
        lpctl.display()
    );
    let home = tempfile::tempdir()?;
    let clip = draw(home.path())?;
    let work = home.path().join("work");
    let mut node = Node::start(&lpctl, home.path(), &work, args.sessions)?;
    let repeats = args.segments.div_ceil(args.sessions).div_ceil(SEGMENTS);
    let mut pushes = Pushes {
        senders: Vec::new(),
        lpctl,
        home: home.path().to_owned(),
        clip,
        repeats,
    };
    let mut out = stdout();
    let each = repeats * SEGMENTS;
    writeln!(
        out,
        "{} sessions of {each} segments each\n\n{}",
        args.sessions,
        heading()
    )?;
    let started = Instant::now();
    let mut samples: Vec<Sample> = Vec::new();
    let mut told = Duration::ZERO;
    let mut all_at_work = None;
    loop {
        // A node takes its sessions one by one: each must be measured before there is room for the next.
        let wanted = usize::try_from(args.sessions)?;
        if pushes.senders.len() < wanted && node.served()? + pushes.ended()? >= pushes.senders.len() {
            pushes.start(&node.service_uri)?;
        } else if pushes.ended()? == wanted {
            break;
        }
        ensure!(
            started.elapsed() < LONGEST,
            "still not done after {} s",
            LONGEST.as_secs()
        );
        std::thread::park_timeout(INTERVAL);
        let sample = node.look(&work, started)?;
        if samples.is_empty() || started.elapsed() >= told + TOLD {
            told = started.elapsed();
            writeln!(out, "{}", line(&sample))?;
        }
        if pushes.senders.len() == wanted && all_at_work.is_none() {
            all_at_work = Some(samples.len());
        }
        samples.push(sample);
    }
    let failed = pushes.failures(home.path())?;
    let last = node.look(&work, started)?;
    writeln!(out, "{}", line(&last))?;
    let left = node.end(&work)?;
    let wanted = u64::from(args.sessions * each);
    let at_work = samples.iter().skip(all_at_work.unwrap_or(0));
    let at_work: Vec<Sample> = at_work
        .filter(|sample| sample.done * 10 <= wanted * 9)
        .copied()
        .collect();
    let mut broken = judge(&at_work);
    broken.extend(failed);
    if last.done < wanted {
        broken.push(format!(
            "{} of {wanted} segments are done by the node's own count",
            last.done
        ));
    }
    broken.extend(left);
    for broken in &broken {
        writeln!(out, "✗ {broken}")?;
    }
    if !broken.is_empty() {
        bail!("{} rules were broken", broken.len());
    }
    let seconds = started.elapsed().as_secs();
    writeln!(
        out,
        "✓ {wanted} segments in {seconds} s, nothing grew, nothing was left behind"
    )?;
    Ok(())
}

/// A small picture that costs next to nothing to encode: what is tested is what is around it.
fn draw(home: &Path) -> eyre::Result<String> {
    let clip = home.join("clip.mp4");
    let seconds = SEGMENTS * SEGMENT_SECONDS;
    let status = Command::new("ffmpeg")
        .args([
            "-hide_banner",
            "-nostdin",
            "-loglevel",
            "error",
            "-f",
            "lavfi",
            "-i",
        ])
        .arg(format!("testsrc2=size=160x90:rate={FPS}:duration={seconds}"))
        .args(["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"])
        .args(["-g", &(FPS * SEGMENT_SECONDS).to_string(), "-sc_threshold", "0"])
        .arg(&clip)
        .status()
        .wrap_err("ffmpeg is missing")?;
    ensure!(status.success(), "ffmpeg cannot draw the clip");
    Ok(clip.to_str().ok_or_eyre("an odd folder")?.to_string())
}

fn command(lpctl: &Path, home: &Path) -> Command {
    let mut command = Command::new(lpctl);
    command.env_clear().env("HOME", home).env("LC_ALL", "C.UTF-8");
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.current_dir(home).stdin(Stdio::null());
    command
}

/// A running node, killed when it is dropped.
pub(crate) struct Node {
    child: Child,
    pub(crate) service_uri: String,
    operator_url: String,
}

impl Node {
    pub(crate) fn start(lpctl: &Path, home: &Path, work: &Path, sessions: u32) -> eyre::Result<Self> {
        let log = fs::File::create(home.join("node.log"))?;
        let mut child = command(lpctl, home)
            .args(["run", "--json", "--preset", "ultrafast", "--bind", "127.0.0.1:0"])
            .args([
                "--operator-addr",
                "127.0.0.1:0",
                "--max-sessions",
                &sessions.to_string(),
            ])
            .arg("--work-dir")
            .arg(work)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()?;
        let mut told = String::new();
        BufReader::new(child.stdout.take().ok_or_eyre("no pipe")?).read_line(&mut told)?;
        let ready: Value = serde_json::from_str(&told).wrap_err_with(|| {
            let log = fs::read_to_string(home.join("node.log")).unwrap_or_default();
            format!("the node did not start: {told}{log}")
        })?;
        let text = |name: &str| {
            ready[name]
                .as_str()
                .map(String::from)
                .ok_or_eyre("an odd ready line")
        };
        Ok(Self {
            service_uri: text("service_uri")?,
            operator_url: text("operator_url")?,
            child,
        })
    }

    pub(crate) fn look(&mut self, work: &Path, started: Instant) -> eyre::Result<Sample> {
        if let Some(status) = self.child.try_wait()? {
            bail!("the node ended with {status}");
        }
        let place = format!("/proc/{}", self.child.id());
        let status = fs::read_to_string(format!("{place}/status"))?;
        let field = |name: &str| {
            let value = status.lines().find_map(|line| line.strip_prefix(name));
            value
                .and_then(|value| value.split_whitespace().next()?.parse().ok())
                .unwrap_or(0)
        };
        let stat = fs::read_to_string(format!("{place}/stat"))?;
        let mut fields = stat
            .rsplit_once(") ")
            .map_or("", |(_, rest)| rest)
            .split(' ')
            .skip(11);
        let mut ticks = || {
            fields
                .next()
                .and_then(|ticks| ticks.parse::<u64>().ok())
                .unwrap_or(0)
        };
        let children = children_of(self.child.id());
        Ok(Sample {
            seconds: started.elapsed().as_secs(),
            memory_kib: field("VmRSS:"),
            peak_kib: field("VmHWM:"),
            files: entries(Path::new(&format!("{place}/fd"))),
            threads: field("Threads:"),
            children: children.len() as u64,
            zombies: children.iter().filter(|(_, state)| *state == 'Z').count() as u64,
            entries: entries(work),
            // A hundred ticks a second, as everywhere on Linux.
            processor_ms: (ticks() + ticks()) * 10,
            done: ask(&self.operator_url)
                .and_then(|status| status["work"]["segments_done"].as_u64())
                .unwrap_or(0),
        })
    }

    /// Sessions of which segments have come out, ended ones not counted.
    fn served(&self) -> eyre::Result<usize> {
        let status = ask(&self.operator_url).ok_or_eyre("the node does not tell how it is")?;
        let sessions = status["sessions"]
            .as_array()
            .ok_or_eyre("an odd answer of the node")?;
        let done = |session: &&Value| session["segments_done"].as_u64().unwrap_or(0) >= 2;
        Ok(sessions.iter().filter(done).count())
    }

    /// Asks it to end; what is left then, in words.
    pub(crate) fn end(mut self, work: &Path) -> eyre::Result<Vec<String>> {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(id.ok_or_eyre("an odd process id")?, Signal::TERM)?;
        let asked = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            ensure!(asked.elapsed() < PATIENCE, "the node did not end on SIGTERM");
            std::thread::park_timeout(Duration::from_millis(50));
        };
        let mut left = Vec::new();
        if !status.success() {
            left.push(format!("the node ended with {status}"));
        }
        let files = entries(work);
        if files > 0 {
            left.push(format!("{files} job directories are left"));
        }
        let processes = fs::read_dir("/proc")?.flatten();
        let inside = processes
            .filter(|entry| fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(work)))
            .count();
        if inside > 0 {
            left.push(format!("{inside} processes are left"));
        }
        Ok(left)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It has ended already, as a rule.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the node says of itself.
fn ask(operator_url: &str) -> Option<Value> {
    use std::io::Read as _;
    let address = operator_url.strip_prefix("http://")?.trim_end_matches('/');
    let mut stream = std::net::TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let request = format!("GET /api/v1/status HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.take(4 << 20).read_to_string(&mut answer).ok()?;
    serde_json::from_str(answer.get(answer.find('{')?..=answer.rfind('}')?)?).ok()
}

fn entries(folder: &Path) -> u64 {
    fs::read_dir(folder).map_or(0, |list| list.count() as u64)
}

/// The senders, killed when they are dropped.
struct Pushes {
    senders: Vec<Child>,
    lpctl: PathBuf,
    home: PathBuf,
    clip: String,
    repeats: u32,
}

impl Pushes {
    /// One more.
    fn start(&mut self, service_uri: &str) -> eyre::Result<()> {
        let number = self.senders.len();
        let mut push = command(&self.lpctl, &self.home);
        push.args(["gateway", "push", &self.clip, "--orch", service_uri]);
        push.args([
            "--json",
            "--no-verify",
            "--segment-seconds",
            &SEGMENT_SECONDS.to_string(),
        ]);
        push.args([
            "--concurrency",
            "1",
            "--ladder",
            "160x90@100k",
            "--repeat",
            &self.repeats.to_string(),
        ]);
        let said = fs::File::create(self.home.join(format!("push-{number}.json")))?;
        self.senders
            .push(push.stdout(said).stderr(Stdio::null()).spawn()?);
        Ok(())
    }

    fn ended(&mut self) -> eyre::Result<usize> {
        let mut ended = 0;
        for push in &mut self.senders {
            ended += usize::from(push.try_wait()?.is_some());
        }
        Ok(ended)
    }

    fn failures(&mut self, home: &Path) -> eyre::Result<Vec<String>> {
        let mut failures = Vec::new();
        for (number, push) in self.senders.iter_mut().enumerate() {
            let status = push.wait()?;
            if !status.success() {
                let said = fs::read_to_string(home.join(format!("push-{number}.json")))?;
                let said: Value = serde_json::from_str(&said).unwrap_or_default();
                let (error, first) = (&said["error"], &said["error"]["details"]["failures"][0]);
                let message = error["message"].as_str().unwrap_or("no reason given");
                failures.push(format!(
                    "sender {number} ended with {status}: {message}; first {first}"
                ));
            }
        }
        Ok(failures)
    }
}

impl Drop for Pushes {
    fn drop(&mut self) {
        for push in &mut self.senders {
            // Those that have ended cannot be killed, and need not be.
            let _ = push.kill();
            let _ = push.wait();
        }
    }
}

fn heading() -> String {
    "  second  segments  memory MiB  files  threads  children  zombies  job dirs  processor s".into()
}

fn line(sample: &Sample) -> String {
    format!(
        "{:>8}{:>10}{:>9}.{:01}{:>8}{:>9}{:>10}{:>9}{:>10}{:>11}.{:01}",
        sample.seconds,
        sample.done,
        sample.memory_kib / 1024,
        sample.memory_kib % 1024 * 10 / 1024,
        sample.files,
        sample.threads,
        sample.children,
        sample.zombies,
        sample.entries,
        sample.processor_ms / 1000,
        sample.processor_ms % 1000 / 100,
    )
}

/// Compares the first quarter of the time in which every session is at work with its last.
fn judge(samples: &[Sample]) -> Vec<String> {
    let quarter = samples.len() / 4;
    if quarter < 3 {
        let looks = samples.len();
        return vec![format!(
            "{looks} looks at it are too few to see growth; send more segments"
        )];
    }
    let (early, late) = (&samples[..quarter], &samples[samples.len() - quarter..]);
    let median = |part: &[Sample], of: fn(&Sample) -> u64| {
        let mut values: Vec<u64> = part.iter().map(of).collect();
        values.sort_unstable();
        values[values.len() / 2]
    };
    let mut broken = Vec::new();
    let mut check = |what: &str, of: fn(&Sample) -> u64, allowed: u64| {
        let (before, after) = (median(early, of), median(late, of));
        if after > before + allowed {
            broken.push(format!("{what}: {before} became {after}"));
        }
    };
    check("memory in KiB", |sample| sample.memory_kib, MEMORY_KIB);
    check("open files", |sample| sample.files, FILES);
    check("threads", |sample| sample.threads, THREADS);
    check("children", |sample| sample.children, THREADS);
    check("job directories", |sample| sample.entries, THREADS);
    // One may be about to be collected when it is looked at, but not always.
    check("processes not collected", |sample| sample.zombies, 0);
    if median(late, |sample| sample.zombies) > 0 {
        broken.push("processes are never collected".into());
    }
    broken
}
