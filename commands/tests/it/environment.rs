//! A hermetic place to run `lpctl` in: own home, no variables from outside but PATH, fixed locale and width.

use std::{fs, path::Path, process::Command};

use serde_json::Value;

/// A home of its own.
pub struct Environment {
    home: tempfile::TempDir,
}

/// What a run left behind.
#[derive(Debug)]
pub struct Outcome {
    /// Exit code; none if a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Environment {
    pub fn new() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
        }
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The config file `lpctl` reads here.
    pub fn config_file(&self) -> std::path::PathBuf {
        self.home().join(".config/lpctl/config.toml")
    }

    pub fn write_config(&self, text: &str) {
        fs::create_dir_all(self.home().join(".config/lpctl")).unwrap();
        fs::write(self.config_file(), text).unwrap();
    }

    /// A command in this environment, not started yet.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lpctl"));
        command.args(arguments).current_dir(self.home()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
            .env("HOME", self.home())
            .env("LC_ALL", "C.UTF-8")
            .env("COLUMNS", "100")
            .env("TZ", "UTC");
        command
    }

    /// Runs it with no terminal and no input.
    pub fn lpctl(&self, arguments: &[&str]) -> Outcome {
        self.command(arguments)
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap()
            .into()
    }
}

impl From<std::process::Output> for Outcome {
    fn from(output: std::process::Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Outcome {
    /// Asserts the exit code, showing everything otherwise.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "stdout:\n{}\nstderr:\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// The `data` of a success envelope.
    #[track_caller]
    pub fn data(&self) -> Value {
        let envelope: Value =
            serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        assert_eq!(envelope["schema"], 1, "{self:?}");
        assert!(envelope["warnings"].is_array(), "{self:?}");
        envelope["data"].clone()
    }

    /// The `error` of a failure envelope.
    #[track_caller]
    pub fn error(&self) -> Value {
        let envelope: Value =
            serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        assert_eq!(envelope["schema"], 1, "{self:?}");
        assert!(envelope["error"]["code"].is_string(), "{self:?}");
        envelope["error"].clone()
    }
}
