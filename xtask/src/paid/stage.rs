//! The processes: homes of their own, onboarded over the command line as an operator would.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use engine::{
    devnet::{Contracts, Role},
    secret::Password,
    wallet::{KeystoreDir, v3::Strength},
};
use eyre::{OptionExt as _, WrapErr as _, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// How long a program may take to be ready, and to end.
const PATIENCE: Duration = Duration::from_secs(60);
/// Tickets are worth a thousandth of an ETH, and every fourth wins.
const TICKET_EV: &str = "1000000000000000wei";
const FACE_VALUE: &str = "4000000000000000wei";

/// Where each program lives, and how it is started.
pub(super) struct Homes {
    lpctl: PathBuf,
    root: PathBuf,
    /// Where gateways reach the node, also after it was killed.
    service: String,
    operator: String,
}

const NODE: &str = "node";
const GATEWAY: &str = "gateway";
const TRANSCODER: &str = "transcoder";

impl Homes {
    pub(super) fn set_up(root: &Path) -> eyre::Result<Self> {
        let lpctl = std::env::current_exe()?.with_file_name("lpctl");
        ensure!(
            lpctl.exists(),
            "{} is not built; run `cargo build --workspace`",
            lpctl.display()
        );
        let port = || -> eyre::Result<u16> { Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port()) };
        let homes = Self {
            lpctl,
            root: root.to_owned(),
            service: format!("127.0.0.1:{}", port()?),
            operator: format!("127.0.0.1:{}", port()?),
        };
        for (name, role) in [(NODE, Role::Orchestrator), (GATEWAY, Role::Gateway)] {
            let home = homes.home(name);
            fs::create_dir_all(home.join(".config/lpctl"))?;
            private(&home.join("password"), "open sesame\n")?;
            let keystore = KeystoreDir::open(home.join(".local/share/lpctl/keystore"));
            let password = Password::new("open sesame".to_string());
            keystore.add(&role.signer(), &password, Some(name), Strength::Light)?;
        }
        fs::create_dir_all(homes.home(TRANSCODER))?;
        private(&homes.root.join("orch-secret"), "shared by both\n")?;
        Ok(homes)
    }

    fn home(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Tells both accounts' homes where the chain is.
    pub(super) fn connect(&self, rpc_url: &str) -> eyre::Result<()> {
        let controller = Contracts::standard().controller;
        for name in [NODE, GATEWAY] {
            let home = self.home(name);
            let config = format!(
                "profile = \"devnet\"\n[profiles.devnet]\nnetwork = \"devnet\"\nrpc_urls = [\"{rpc_url}\"]\n\
                 controller = \"{controller}\"\naccount = \"{name}\"\npassword_file = \"{}\"\n",
                home.join("password").display()
            );
            fs::write(home.join(".config/lpctl/config.toml"), config)?;
        }
        Ok(())
    }

    fn command(&self, name: &str, arguments: &[&str]) -> Command {
        let home = self.home(name);
        let mut command = Command::new(&self.lpctl);
        command
            .args(arguments)
            .env_clear()
            .env("HOME", &home)
            .env("LC_ALL", "C.UTF-8")
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .current_dir(&home)
            .stdin(Stdio::null());
        command
    }

    /// A command that has to work.
    fn lpctl(&self, name: &str, arguments: &[&str]) -> eyre::Result<()> {
        let output = self.command(name, arguments).output()?;
        ensure!(
            output.status.success(),
            "`lpctl {}`: {}: {}{}",
            arguments.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }

    /// An orchestrator that keeps all fees, so that they are whole, and a gateway with money.
    pub(super) fn onboard(&self) -> eyre::Result<()> {
        let uri = format!("https://{}", self.service);
        let activate = [
            "orch",
            "activate",
            "--bond",
            "1000",
            "--reward-cut",
            "10",
            "--fee-share",
            "0",
            "--service-uri",
            &uri,
            "--yes",
        ];
        self.lpctl(NODE, &activate)?;
        self.lpctl(
            GATEWAY,
            &[
                "deposit",
                "fund",
                "--deposit",
                "20eth",
                "--reserve",
                "20eth",
                "--yes",
            ],
        )
    }

    pub(super) fn transcoder(&self) -> eyre::Result<Program> {
        let secret = self.root.join("orch-secret").display().to_string();
        let arguments = [
            "run",
            "--json",
            "--mode",
            "transcoder",
            "--orch-addr",
            &self.service,
            "--orch-secret-file",
            &secret,
            "--max-sessions",
            "10",
            "--preset",
            "ultrafast",
            "--operator-addr",
            "127.0.0.1:0",
        ];
        Program::start(TRANSCODER, self.command(TRANSCODER, &arguments), &self.root)
    }

    pub(super) fn node(&self) -> eyre::Result<Node> {
        let secret = self.root.join("orch-secret").display().to_string();
        let arguments = [
            "run",
            "--json",
            "--mode",
            "orchestrator",
            "--orch-secret-file",
            &secret,
            "--service-addr",
            &self.service,
            "--bind",
            &self.service,
            "--operator-addr",
            &self.operator,
            "--max-sessions",
            "auto",
            "--price",
            "10000000000",
            // Fees that move with gas could not be told apart from fees that are wrong.
            "--auto-adjust-price",
            "false",
            "--ticket-ev",
            TICKET_EV,
            "--max-face-value",
            FACE_VALUE,
        ];
        Program::start(NODE, self.command(NODE, &arguments), &self.root)
    }

    pub(super) fn gateway(&self) -> eyre::Result<Program> {
        let orchestrator = format!("https://{}", self.service);
        let log = self.segment_log().display().to_string();
        let arguments = [
            "gateway",
            "run",
            "--json",
            "--orch",
            &orchestrator,
            "--http-addr",
            "127.0.0.1:0",
            "--cli-addr",
            "127.0.0.1:0",
            "--ladder",
            "128x72@100k@10",
            "--log",
            &log,
            "--max-ticket-ev",
            "2000000000000000wei",
            "--max-total-ev",
            "40000000000000000wei",
        ];
        Program::start(GATEWAY, self.command(GATEWAY, &arguments), &self.root)
    }

    /// The gateway's line for each segment.
    pub(super) fn segment_log(&self) -> PathBuf {
        self.root.join("segments.jsonl")
    }

    /// The node's books.
    pub(super) fn books(&self) -> PathBuf {
        self.home(NODE).join(".local/share/lpctl/node/lpctl.sqlite3")
    }

    /// The ends of all logs.
    pub(super) fn last_words(&self) -> String {
        let end = |name: &str| {
            let log = fs::read_to_string(self.root.join(format!("{name}.log"))).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            let last = lines[lines.len().saturating_sub(8)..].join("\n");
            format!("{name}:\n{last}")
        };
        [NODE, GATEWAY, TRANSCODER].map(end).join("\n")
    }
}

/// A file of the owner's alone.
fn private(path: &Path, text: &str) -> eyre::Result<()> {
    fs::write(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(())
}

/// A running lpctl; killed when it is dropped.
pub(super) struct Program {
    name: &'static str,
    child: Child,
    /// The line that says that it is ready.
    pub(super) ready: Value,
}

/// The orchestrator.
pub(super) type Node = Program;

impl Program {
    fn start(name: &'static str, mut command: Command, root: &Path) -> eyre::Result<Self> {
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(root.join(format!("{name}.log")))?;
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn()?;
        let stdout = child.stdout.take().ok_or_eyre("no stdout")?;
        let (lines, first) = mpsc::channel();
        // The reader lives as long as the program, which so never writes into a closed pipe.
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = lines.send(line);
            }
        });
        let mut program = Self {
            name,
            child,
            ready: Value::Null,
        };
        let line = first.recv_timeout(PATIENCE).map_err(|_| {
            let said = fs::read_to_string(root.join(format!("{name}.log"))).unwrap_or_default();
            eyre::eyre!("the {name} did not get ready: {said}")
        })?;
        program.ready = serde_json::from_str(&line).wrap_err_with(|| line.clone())?;
        ensure!(
            program.ready["event"] == "ready",
            "the {name} did not get ready: {line}"
        );
        Ok(program)
    }

    /// Kills it as a power cut would.
    pub(super) fn kill(&mut self) -> eyre::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to end as a service manager would; it has to do so without complaint.
    pub(super) fn end(mut self) -> eyre::Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.ok_or_eyre("no process id")?, Signal::TERM)?;
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "the {} ended with {status}", self.name);
                return Ok(());
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
        bail!("the {} did not end on SIGTERM", self.name)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
