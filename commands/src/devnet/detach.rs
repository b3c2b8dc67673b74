//! `lpctl devnet up --detach`: the same command in the background, and waiting until it is ready.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use engine::devnet::{Home, Presence, Running};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::process::{Child, Command};

use super::{
    failure, home, status,
    up::{Stop, UpArgs},
};
use crate::{
    context::Context,
    failure::{Failure, Kind},
    shell::escape,
};

/// How long a devnet whose parts are here may take to be ready.
const READY_LIMIT: Duration = Duration::from_secs(120);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// Starts it in the background and returns when it is ready.
pub(super) async fn run(args: UpArgs, stop: &mut Stop, context: &mut Context) -> eyre::Result<()> {
    let home = home(context);
    if let Presence::Up { pid, running } = home.presence().map_err(failure::of_home)? {
        check_same(&args, pid, &running)?;
        context
            .shell
            .status("the devnet runs already; nothing was started");
        let answer = status::status(&home, Presence::Up { pid, running }).await?;
        return Ok(context.shell.report(&answer)?);
    }
    // Downloading is shown here and done before anything is in the background.
    super::parts(args.anvil.clone(), context).await?;
    fs::create_dir_all(home.path())?;
    let answer_file = home.path().join("up.json");
    let mut child = spawn(&args, &home, &answer_file, context)?;
    let waited = tokio::select! {
        waited = tokio::time::timeout(READY_LIMIT, ready(&mut child, &home)) => waited,
        () = stop.asked() => {
            end(&mut child).await;
            return Err(Failure::new(Kind::Interrupted, "interrupted", "interrupted; no devnet was started").into());
        }
    };
    let Ok(outcome) = waited else {
        end(&mut child).await;
        let message = format!("the devnet was not ready within {} s", READY_LIMIT.as_secs());
        return Err(Failure::new(Kind::Failed, "devnet_slow", message)
            .hint(format!("what it said is in {}", home.log().display()))
            .into());
    };
    match outcome? {
        Ok(presence) => {
            for warning in warnings(&answer_file) {
                context.shell.warn(escape(&warning));
            }
            let answer = status::status(&home, presence).await?;
            Ok(context.shell.report(&answer)?)
        }
        Err(ended) => Err(why(ended, &answer_file, &home).into()),
    }
}

/// A running devnet answers a second `up` only if it is what was asked for.
fn check_same(args: &UpArgs, pid: u32, running: &Running) -> Result<(), Failure> {
    let port = running.rpc_url.expose().port_or_known_default();
    let differs = if args.fresh {
        Some("and `--fresh` would end it".to_string())
    } else if args
        .round_length
        .is_some_and(|length| length != running.round_length)
    {
        Some(format!("with rounds of {} blocks", running.round_length))
    } else if args.block_time != running.block_time {
        Some(match running.block_time {
            Some(seconds) => format!("with a block every {seconds} s"),
            None => "with a block for every transaction".to_string(),
        })
    } else if args.keep_rounds != running.keep_rounds {
        Some(match running.keep_rounds {
            true => "that opens its rounds".to_string(),
            false => "that does not open its rounds".to_string(),
        })
    } else if args.port != 0 && Some(args.port) != port {
        Some(format!("at {}", running.rpc_url))
    } else {
        None
    };
    match differs {
        None => Ok(()),
        Some(differs) => Err(Failure::new(
            Kind::Refused,
            "devnet_running",
            format!("a devnet runs already (process {pid}), {differs}"),
        )
        .hint("nothing was changed; `lpctl devnet down` ends it")),
    }
}

/// The same command without `--detach`, with nothing to read, saying what it says into files.
fn spawn(args: &UpArgs, home: &Home, answer_file: &Path, context: &Context) -> eyre::Result<Child> {
    let mut words: Vec<OsString> = vec![
        "--json".into(),
        "--config".into(),
        context.directories().config_file.clone().into(),
        "devnet".into(),
        "up".into(),
        "--background".into(),
        "--port".into(),
        args.port.to_string().into(),
    ];
    let numbers = [
        ("--round-length", args.round_length),
        ("--block-time", args.block_time),
    ];
    for (flag, number) in numbers {
        if let Some(number) = number {
            words.extend([flag.into(), number.to_string().into()]);
        }
    }
    let switches = [("--fresh", args.fresh), ("--keep-rounds", args.keep_rounds)];
    for (flag, _) in switches.into_iter().filter(|(_, is_set)| *is_set) {
        words.push(flag.into());
    }
    if let Some(anvil) = &args.anvil {
        words.extend(["--anvil".into(), anvil.into()]);
    }
    Ok(Command::new(std::env::current_exe()?)
        .args(words)
        .env("LPCTL_DATA_DIR", &context.directories().data_dir)
        .env("LPCTL_CACHE_DIR", &context.directories().cache_dir)
        .env_remove("LPCTL_PROFILE")
        .env_remove("LPCTL_QUIET")
        .stdin(Stdio::null())
        .stdout(private_file(answer_file)?)
        .stderr(private_file(&home.log())?)
        .spawn()?)
}

fn private_file(path: &Path) -> std::io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
}

/// Waits until the child is the devnet that answers, or has ended.
async fn ready(child: &mut Child, home: &Home) -> eyre::Result<Result<Presence, ExitStatus>> {
    let wanted = child.id();
    loop {
        if let Some(ended) = child.try_wait()? {
            return Ok(Err(ended));
        }
        let presence = home.presence().map_err(failure::of_home)?;
        if let Presence::Up { pid, .. } = presence
            && Some(pid) == wanted
        {
            return Ok(Ok(presence));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Ends a child that is not wanted any more, and its anvil with it.
async fn end(child: &mut Child) {
    let pid = child
        .id()
        .and_then(|pid| i32::try_from(pid).ok())
        .and_then(Pid::from_raw);
    // Not waited for yet, so the number is still its own.
    if let Some(pid) = pid
        && let Err(error) = kill_process(pid, Signal::TERM)
    {
        tracing::debug!(%error, "the devnet is gone already");
    }
    let ended = tokio::time::timeout(Duration::from_secs(10), child.wait()).await;
    if ended.is_err()
        && let Err(error) = child.kill().await
    {
        tracing::warn!(%error, "the devnet cannot be ended");
    }
}

/// What the child answered.
fn envelope(answer_file: &Path) -> Option<Value> {
    serde_json::from_slice(&fs::read(answer_file).ok()?).ok()
}

/// What the child warned of.
fn warnings(answer_file: &Path) -> Vec<String> {
    let envelope = envelope(answer_file);
    let listed = envelope
        .as_ref()
        .and_then(|envelope| envelope["warnings"].as_array());
    let texts = listed.into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_string).collect()
}

/// Why the child ended: in its own words where it had any.
fn why(ended: ExitStatus, answer_file: &Path, home: &Home) -> Failure {
    envelope(answer_file)
        .and_then(|envelope| failure::of_envelope(&envelope, ended.code()))
        .unwrap_or_else(|| {
            Failure::new(
                Kind::Failed,
                "devnet_failed",
                format!("the devnet ended at once: {ended}"),
            )
            .hint(format!("what it said is in {}", home.log().display()))
        })
}
