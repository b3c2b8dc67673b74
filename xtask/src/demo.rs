//! `cargo xtask demo`: the product on this machine, every step checked. Uses the `lpctl` beside this program.
//!
//! Home and config are a temporary folder's, so nothing of the user's is touched; only the cache of downloaded parts
//! is shared.

use std::{
    fmt, fs,
    io::{BufRead, BufReader, IsTerminal, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use clap::Args;
use eyre::{OptionExt, WrapErr, bail, ensure};
use serde_json::Value;

/// How long the generated clip plays, in seconds.
const CLIP_SECONDS: u32 = 12;
/// The ladder it is pushed through.
const LADDER: &str = "P720p30fps16x9,P360p30fps16x9,P240p30fps16x9";
/// What a winning ticket pays: enough to be worth its redemption on a chain where gas costs a gwei or two.
const FACE_VALUE: &str = "0.002eth";
/// What a ticket is worth on average: nine of ten win, so that a short stream has winners.
const TICKET_VALUE: &str = "0.0018eth";
/// Longest wait for anything that has to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// Show the product on this machine: devnet, orchestrator, node, stream, dashboard; fail if any of it does not hold
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Draw the dashboard's frame into this file too: it is the README's picture
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// A home of its own with the `lpctl` to try.
struct Stage {
    lpctl: PathBuf,
    /// Where the dashboard's frame is drawn into.
    svg: Option<PathBuf>,
    home: tempfile::TempDir,
    cache: PathBuf,
}

impl Stage {
    fn set_up() -> eyre::Result<Self> {
        let lpctl = std::env::current_exe()?.with_file_name("lpctl");
        ensure!(
            lpctl.exists(),
            "{} is not built; run `cargo build --workspace`",
            lpctl.display()
        );
        let mut paths = Command::new(&lpctl);
        let paths = run_json(paths.args(["config", "path", "--json"]))?;
        let cache = paths["cache_dir"].as_str().ok_or_eyre("no cache folder")?.into();
        Ok(Self {
            lpctl,
            svg: None,
            home: tempfile::tempdir()?,
            cache,
        })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.lpctl);
        command
            .args(arguments)
            .env("HOME", self.home.path())
            .env("LPCTL_CACHE_DIR", &self.cache);
        for variable in [
            "XDG_CONFIG_HOME",
            "XDG_DATA_HOME",
            "XDG_STATE_HOME",
            "LPCTL_CONFIG",
            "LPCTL_PROFILE",
            "LPCTL_DATA_DIR",
        ] {
            command.env_remove(variable);
        }
        command
    }

    /// Runs `lpctl` as an operator would, showing command and output.
    fn show(&self, arguments: &[&str]) -> eyre::Result<()> {
        say(&format!("\n$ lpctl {}", arguments.join(" ")))?;
        let status = self.command(arguments).stdin(Stdio::null()).status()?;
        ensure!(
            status.success(),
            "`lpctl {}` ended with {status}",
            arguments.join(" ")
        );
        Ok(())
    }

    /// Runs `lpctl … --json` and returns its data.
    fn ask(&self, arguments: &[&str]) -> eyre::Result<Value> {
        run_json(self.command(arguments).arg("--json"))
            .wrap_err_with(|| format!("lpctl {}", arguments.join(" ")))
    }
}

fn run_json(command: &mut Command) -> eyre::Result<Value> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    let answer: Value = serde_json::from_slice(&output.stdout)
        .wrap_err_with(|| format!("not an envelope: {}", String::from_utf8_lossy(&output.stdout)))?;
    ensure!(
        output.status.success(),
        "{}: {}",
        output.status,
        answer["error"]["message"]
    );
    Ok(answer["data"].clone())
}

fn say(line: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{line}")
}

/// A child that is ended, and waited for, whatever happens.
struct Running(Child);

impl Running {
    /// Asks it to end as a service manager would and returns its status.
    fn end(mut self) -> eyre::Result<std::process::ExitStatus> {
        signal(&self.0, rustix::process::Signal::TERM)?;
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if let Some(status) = self.0.try_wait()? {
                return Ok(status);
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
        bail!("process {} did not end on SIGTERM", self.0.id())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            // Ending it is all that is left to do; it may be gone already.
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

fn signal(child: &Child, signal: rustix::process::Signal) -> eyre::Result<()> {
    let pid = i32::try_from(child.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw)
        .ok_or_eyre("no process id")?;
    Ok(rustix::process::kill_process(pid, signal)?)
}

/// Everything, in order. Whatever fails, the node and the devnet are taken down.
pub fn run(args: &DemoArgs) -> eyre::Result<()> {
    let started = Instant::now();
    let mut stage = Stage::set_up()?;
    stage.svg = args.svg.as_deref().map(std::path::absolute).transpose()?;
    let outcome = play(&stage);
    say("\n── taking everything down")?;
    let down = stage.show(&["devnet", "down"]);
    outcome?;
    down?;
    let left = stage.ask(&["devnet", "status"]);
    if let Ok(status) = left {
        ensure!(
            status["running"] == Value::Bool(false),
            "the devnet is still up: {status}"
        );
    }
    say(&format!(
        "\n✓ all of it held, in {} s",
        started.elapsed().as_secs()
    ))?;
    Ok(())
}

fn play(stage: &Stage) -> eyre::Result<()> {
    say("── a Livepeer protocol on this machine")?;
    stage.show(&["devnet", "up", "--detach", "--port", "0"])?;

    say("\n── an orchestrator on it")?;
    let port = free_port()?;
    let service_uri = format!("https://127.0.0.1:{port}");
    let devnet = |arguments: &[&str]| stage.show(&[&["--profile", "devnet"][..], arguments].concat());
    devnet(&["stake", "bond", "1000", "--yes"])?;
    devnet(&["set-fees", "--reward-cut", "10", "--fee-share", "40", "--yes"])?;
    devnet(&[
        "orch",
        "activate",
        "--service-uri",
        &service_uri,
        "--reward-cut",
        "10",
        "--fee-share",
        "40",
        "--yes",
    ])?;
    devnet(&["devnet", "mine", "--rounds", "1"])?;
    devnet(&["reward", "call", "--yes"])?;
    let status = stage.ask(&["--profile", "devnet", "orch", "show"])?;
    ensure!(
        status["active"] == Value::Bool(true),
        "the orchestrator is not active: {status}"
    );

    say("\n── a gateway with funds behind its tickets")?;
    devnet(&[
        "--account",
        "gateway",
        "deposit",
        "fund",
        "--deposit",
        "0.1eth",
        "--reserve",
        "0.05eth",
        "--yes",
    ])?;
    devnet(&["deposit", "show", "gateway"])?;

    say("\n── its node")?;
    let (node, operator_url) = start_node(stage, port)?;

    say("\n── a stream through it, paid with tickets")?;
    let before = Purse::read(stage)?;
    let clip = draw_clip(stage.home.path())?;
    push_while_watching(stage, &clip, &service_uri, &operator_url)?;

    say("\n── what won is redeemed")?;
    redeem(stage)?;
    let redeemed = Purse::read(stage)?;
    say(&format!("before  {before}\nafter   {redeemed}"))?;
    ensure!(
        redeemed.deposit < before.deposit && redeemed.fees > before.fees,
        "no ticket was paid: {before}, then {redeemed}"
    );
    let (paid, earned) = (before.deposit - redeemed.deposit, redeemed.fees - before.fees);
    ensure!(
        paid >= earned && earned > paid / 2,
        "{} left the deposit, the orchestrator earned {}",
        eth(paid),
        eth(earned)
    );
    say(&format!(
        "✓ {} left the gateway's deposit, {} of it is the orchestrator's to withdraw",
        eth(paid),
        eth(earned)
    ))?;

    say("\n── and taken out")?;
    devnet(&["fees", "show"])?;
    devnet(&["fees", "withdraw", "--yes"])?;
    let taken = Purse::read(stage)?;
    say(&format!("now     {taken}"))?;
    ensure!(taken.fees == 0, "fees are left: {taken}");
    ensure!(
        taken.wallet > redeemed.wallet,
        "the fees did not arrive: {redeemed}, then {taken}"
    );

    say("\n── where that leaves the operator")?;
    devnet(&["--node", &operator_url, "status"])?;

    let ended = node.end()?;
    ensure!(ended.success(), "the node ended with {ended}");
    say("the node finished what it had and ended")?;
    Ok(())
}

/// What of the stream's money is where, in wei.
struct Purse {
    deposit: u128,
    fees: u128,
    wallet: u128,
}

impl Purse {
    fn read(stage: &Stage) -> eyre::Result<Self> {
        let deposit = stage.ask(&["--profile", "devnet", "deposit", "show", "gateway"])?;
        let fees = stage.ask(&["--profile", "devnet", "fees", "show"])?;
        Ok(Self {
            deposit: wei(&deposit, "deposit_wei")?,
            fees: wei(&fees, "fees_wei")?,
            wallet: wei(&fees, "eth_wei")?,
        })
    }
}

impl fmt::Display for Purse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "gateway's deposit {} · orchestrator's fees {}, wallet {}",
            eth(self.deposit),
            eth(self.fees),
            eth(self.wallet)
        )
    }
}

fn wei(answer: &Value, key: &str) -> eyre::Result<u128> {
    let text = answer[key]
        .as_str()
        .ok_or_eyre("an amount that is no text")
        .wrap_err_with(|| key.to_string())?;
    text.parse().wrap_err_with(|| format!("{key}: {text}"))
}

/// An amount of wei as ETH, exactly.
fn eth(wei: u128) -> String {
    const ETHER: u128 = 1_000_000_000_000_000_000;
    let text = format!("{}.{:018}", wei / ETHER, wei % ETHER);
    format!("{} ETH", text.trim_end_matches('0').trim_end_matches('.'))
}

/// Arguments as they are for the devnet.
fn devnet<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [&["--profile", "devnet"][..], arguments].concat()
}

/// Goes on to the next round, in which the tickets' parameters have expired, and waits until the node has redeemed every
/// winner and called the round's reward.
fn redeem(stage: &Stage) -> eyre::Result<()> {
    stage.show(&devnet(&["ticket", "list"]))?;
    let won = stage.ask(&devnet(&["ticket", "list"]))?;
    let count = won["tickets"].as_array().map_or(0, Vec::len);
    ensure!(count > 0, "no ticket won: {won}");
    stage.show(&devnet(&["devnet", "mine", "--rounds", "1"]))?;
    let started = Instant::now();
    loop {
        let all = stage.ask(&devnet(&["ticket", "list", "--all"]))?;
        let tickets = all["tickets"].as_array().cloned().unwrap_or_default();
        let redeemed = tickets.iter().all(|ticket| ticket["status"] == "redeemed");
        let reward = stage.ask(&devnet(&["reward", "status"]))?;
        if redeemed && reward["orchestrator"]["reward_called"] == Value::Bool(true) {
            break;
        }
        ensure!(
            started.elapsed() < PATIENCE,
            "not every winner was redeemed, or no reward called: {all} {reward}"
        );
        std::thread::park_timeout(Duration::from_millis(200));
    }
    stage.show(&devnet(&["ticket", "list", "--all"]))?;
    say(&format!(
        "✓ the node redeemed {count} and called the round's reward, by itself, in {} s",
        started.elapsed().as_secs()
    ))?;
    Ok(())
}

/// A port nobody listens on now.
fn free_port() -> eyre::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn start_node(stage: &Stage, port: u16) -> eyre::Result<(Running, String)> {
    let service = format!("127.0.0.1:{port}");
    let arguments = [
        "--profile",
        "devnet",
        "run",
        "--service-addr",
        &service,
        "--operator-addr",
        "127.0.0.1:0",
        "--price",
        "1200",
        "--ticket-ev",
        TICKET_VALUE,
        "--max-face-value",
        FACE_VALUE,
    ];
    say(&format!("$ lpctl {}", arguments.join(" ")))?;
    let log = fs::File::create(stage.home.path().join("node.log"))?;
    let mut command = stage.command(&arguments);
    let mut child = Running(
        command
            .arg("--json")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()?,
    );
    let stdout = child.0.stdout.take().ok_or_eyre("no stdout")?;
    let (sender, receiver) = std::sync::mpsc::channel();
    // The reader lives as long as the node, so that the node never writes into a closed pipe.
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            // Nobody waits any more once the node is ready.
            let _ = sender.send(line);
        }
    });
    let line = receiver.recv_timeout(PATIENCE).map_err(|_| {
        eyre::eyre!(
            "the node did not get ready: {}",
            fs::read_to_string(stage.home.path().join("node.log")).unwrap_or_default()
        )
    })?;
    let ready: Value = serde_json::from_str(&line).wrap_err_with(|| line.clone())?;
    let operator_url = ready["operator_url"]
        .as_str()
        .ok_or_eyre("no operator address in the ready line")?
        .to_string();
    say(&format!("ready: {line}"))?;
    Ok((child, operator_url))
}

/// A 720p clip with sound, drawn by ffmpeg's own test sources, at the rate a streamer would send it.
fn draw_clip(folder: &Path) -> eyre::Result<PathBuf> {
    let path = folder.join("clip.mp4");
    say(&format!("drawing {CLIP_SECONDS} s of 720p30 with sound"))?;
    let status = Command::new("ffmpeg")
        .args([
            "-v",
            "error",
            "-y",
            "-f",
            "lavfi",
            "-i",
            "testsrc2=size=1280x720:rate=30",
            "-f",
            "lavfi",
        ])
        .args([
            "-i",
            "sine=frequency=440:sample_rate=48000",
            "-t",
            &CLIP_SECONDS.to_string(),
        ])
        .args([
            "-c:v", "libx264", "-preset", "veryfast", "-b:v", "3M", "-maxrate", "3M", "-bufsize", "6M", "-g",
            "60", "-pix_fmt", "yuv420p", "-c:a", "aac",
        ])
        .arg(&path)
        .stdin(Stdio::null())
        .status()?;
    ensure!(status.success(), "drawing the clip failed: {status}");
    Ok(path)
}

fn push_while_watching(
    stage: &Stage,
    clip: &Path,
    service_uri: &str,
    operator_url: &str,
) -> eyre::Result<()> {
    let out = stage.home.path().join("renditions");
    let (clip, out_text) = (clip.display().to_string(), out.display().to_string());
    let arguments = [
        "--profile",
        "devnet",
        "--account",
        "gateway",
        "gateway",
        "push",
        &clip,
        "--orch",
        service_uri,
        "--ladder",
        LADDER,
        "--out",
        &out_text,
        "--max-ticket-ev",
        FACE_VALUE,
        "--max-total-ev",
        "0.1eth",
    ];
    say(&format!(
        "$ lpctl --profile devnet --account gateway gateway push clip.mp4 --orch {service_uri} --ladder {LADDER} --out renditions --max-ticket-ev {FACE_VALUE} --max-total-ev 0.1eth"
    ))?;
    let answer = stage.home.path().join("push.out");
    let said = stage.home.path().join("push.err");
    let mut command = stage.command(&arguments);
    command
        .stdin(Stdio::null())
        .stdout(fs::File::create(&answer)?)
        .stderr(fs::File::create(&said)?);
    let mut push = Running(command.spawn()?);
    watch(stage, operator_url, &mut push)?;
    let status = push.0.wait()?;
    say(&format!(
        "\n$ # what the push said at its end\n{}",
        fs::read_to_string(&answer)?
    ))?;
    ensure!(
        status.success(),
        "the push ended with {status}: {}",
        fs::read_to_string(&said)?
    );
    check_renditions(&out)
}

/// The dashboard while the push runs: live on a terminal, one frame otherwise.
fn watch(stage: &Stage, operator_url: &str, push: &mut Running) -> eyre::Result<()> {
    let started = Instant::now();
    loop {
        let status = stage.ask(&["--node", operator_url, "dashboard", "--once"])?;
        if status["work"]["segments_done"].as_u64() >= Some(1) {
            break;
        }
        if push.0.try_wait()?.is_some() {
            // It ended before it was seen: its answer says why.
            return Ok(());
        }
        ensure!(started.elapsed() < PATIENCE, "no session showed up at the node");
        std::thread::park_timeout(Duration::from_millis(200));
    }
    if let Some(svg) = &stage.svg {
        let frame = [
            "--once", "--watch", "4", "--width", "120", "--height", "24", "--svg",
        ];
        let file = svg.to_str().ok_or_eyre("the picture's name is no text")?;
        return stage.show(&[&["--node", operator_url, "dashboard"][..], &frame, &[file]].concat());
    }
    if std::io::stdout().is_terminal() && std::io::stdin().is_terminal() {
        say("the dashboard opens; `q` goes on")?;
        let status = stage.command(&["--node", operator_url, "dashboard"]).status()?;
        ensure!(status.success(), "the dashboard ended with {status}");
        Ok(())
    } else {
        stage.show(&[
            "--node",
            operator_url,
            "dashboard",
            "--once",
            "--watch",
            "4",
            "--width",
            "100",
            "--height",
            "30",
        ])
    }
}

/// Decodes every rendition once more, with nothing of lpctl in the way: no frame is missing.
fn check_renditions(out: &Path) -> eyre::Result<()> {
    for profile in LADDER.split(',') {
        let mut frames = 0u64;
        for entry in
            fs::read_dir(out.join(profile)).wrap_err_with(|| format!("no renditions of {profile}"))?
        {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "ts") {
                frames += count_frames(&path)?;
            }
        }
        ensure!(
            frames == u64::from(CLIP_SECONDS) * 30,
            "{profile} has {frames} frames, not {}",
            CLIP_SECONDS * 30
        );
        say(&format!("✓ {profile}: {frames} frames decode"))?;
    }
    Ok(())
}

fn count_frames(path: &Path) -> eyre::Result<u64> {
    let output = Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-count_frames",
            "-select_streams",
            "v:0",
            "-show_entries",
            "stream=nb_read_frames",
            "-of",
            "csv=p=0",
        ])
        .arg(path)
        .stdin(Stdio::null())
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let first = text.lines().next().unwrap_or_default().trim_end_matches(',');
    first
        .parse()
        .wrap_err_with(|| format!("{}: {text}", path.display()))
}
