//! An S3 server on loopback, and the Python it runs in, for what must be computed by somebody else.

use std::{
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
};

/// Ends with the process that started it: its stdin is closed then.
const SERVER: &str = "
import os, sys, threading
def wait():
    sys.stdin.buffer.read()
    os._exit(0)
threading.Thread(target=wait, daemon=True).start()
from moto.server import main
main(['-H', '127.0.0.1', '-p', '0'])
";

/// moto's server (PyPI, pinned), which `make setup` fetches. It takes any signature: those are checked apart.
pub struct ObjectServer {
    child: Child,
    _alive: ChildStdin,
    port: u16,
}

impl ObjectServer {
    /// Starts it; it takes requests when this returns.
    ///
    /// # Panics
    /// It is missing, or does not start.
    #[must_use]
    pub fn start() -> Self {
        let mut child = python()
            .args(["-c", SERVER])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("python3 starts");
        let alive = child.stdin.take().expect("its stdin is ours");
        let mut said = BufReader::new(child.stderr.take().expect("its stderr is ours")).lines();
        let port = said
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                let (_, port) = line.split_once("Running on http://127.0.0.1:")?;
                port.trim().parse().ok()
            })
            .expect("the object server starts");
        // Whoever does not listen would stop it.
        std::thread::spawn(move || said.map_while(Result::ok).for_each(drop));
        Self {
            child,
            _alive: alive,
            port,
        }
    }

    /// Where it listens, like `http://127.0.0.1:5000`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The same as a store's URL with keys of no meaning.
    #[must_use]
    pub fn store_url(&self, bucket_and_prefix: &str) -> String {
        format!(
            "s3+http://ACCESS:SECRET@127.0.0.1:{}/{bucket_and_prefix}",
            self.port
        )
    }
}

impl Drop for ObjectServer {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a script beside the server's libraries, `input` on its stdin, and gives what it prints.
///
/// # Panics
/// It fails.
#[must_use]
pub fn run_python(script: &str, input: &str) -> String {
    let mut child = python()
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 starts");
    let mut stdin = child.stdin.take().expect("its stdin is ours");
    stdin.write_all(input.as_bytes()).expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "the script failed");
    String::from_utf8(output.stdout)
        .expect("it prints text")
        .trim()
        .to_string()
}

fn python() -> Command {
    let libraries: PathBuf = crate::cache_dir().join("object-store");
    assert!(
        libraries.join("moto").is_dir(),
        "the tests need an object store at {}: `make object-store` fetches it",
        libraries.display()
    );
    let mut command = Command::new("python3");
    command
        .env_clear()
        .env("PYTHONPATH", libraries)
        .env("PYTHONUNBUFFERED", "1");
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}
