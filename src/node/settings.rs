//! What an operator changes while a node runs, and the file that keeps it for the next start.

use std::{
    fmt, fs,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

use crate::{
    config::{LogLevel, SessionsChoice},
    private_file,
};

/// The file's name in the node's directory.
const FILE: &str = "settings.json";
/// A larger file is not one of ours.
const MAX_BYTES: u64 = 64 << 10;

/// What was changed at run time, as far as anything was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeptSettings {
    /// Sessions at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_sessions: Option<SessionsChoice>,
    /// How much is logged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_level: Option<LogLevel>,
}

/// A change: what it does not name stays. The body of `POST /api/v1/settings`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SettingsChange {
    /// Sessions at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_sessions: Option<SessionsChoice>,
    /// How much is logged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_level: Option<LogLevel>,
}

/// Why a change was not made, or does not last.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// This node has no such setting. Says why.
    #[error("{0}")]
    NotHere(&'static str),
    /// The log did not take it.
    #[error("the log level was not changed: {0}")]
    Log(String),
    /// It was made, and is forgotten when the node ends.
    #[error("the change holds now, but not after a restart: {} cannot be written: {source}", path.display())]
    NotKept {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What was kept cannot be read.
    #[error("{} cannot be read: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl KeptSettings {
    /// Where a node keeps them.
    #[must_use]
    pub fn path(data_dir: &Path) -> PathBuf {
        data_dir.join(FILE)
    }

    /// Reads what a node with these files kept; nothing if it kept nothing.
    ///
    /// # Errors
    /// [`SettingsError::Unreadable`].
    pub fn read(data_dir: &Path) -> Result<Self, SettingsError> {
        let path = Self::path(data_dir);
        let unreadable = |reason: String| SettingsError::Unreadable {
            path: path.clone(),
            reason,
        };
        let file = match fs::File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(unreadable(error.to_string())),
        };
        let mut text = Vec::new();
        file.take(MAX_BYTES)
            .read_to_end(&mut text)
            .map_err(|error| unreadable(error.to_string()))?;
        serde_json::from_slice(&text).map_err(|error| unreadable(error.to_string()))
    }

    fn write(self, data_dir: &Path) -> Result<(), SettingsError> {
        let path = Self::path(data_dir);
        let text = serde_json::to_vec_pretty(&self).map_err(io::Error::from);
        text.and_then(|text| private_file::replace(&path, &text))
            .map_err(|source| SettingsError::NotKept { path, source })
    }
}

type SetLevel = dyn Fn(LogLevel) -> Result<(), String> + Send + Sync;

/// Changes what the process logs; made by whoever started the log.
#[derive(Clone)]
pub struct LogControl(Arc<SetLevel>);

impl LogControl {
    /// From the function that changes it.
    pub fn new(set: impl Fn(LogLevel) -> Result<(), String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(set))
    }
}

impl fmt::Debug for LogControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogControl(…)")
    }
}

/// Makes changes, and keeps them.
#[derive(Debug)]
pub(super) struct RunTimeSettings {
    data_dir: PathBuf,
    log: Option<LogControl>,
    /// One change at a time: the file is read, changed and written.
    changing: Mutex<()>,
}

impl RunTimeSettings {
    pub(super) fn new(data_dir: PathBuf, log: Option<LogControl>) -> Self {
        Self {
            data_dir,
            log,
            changing: Mutex::new(()),
        }
    }

    /// Makes a change and keeps it; `set_sessions` does what the node must do for its part.
    pub(super) fn change(
        &self,
        change: &SettingsChange,
        set_sessions: impl FnOnce(SessionsChoice) -> Result<(), SettingsError>,
    ) -> Result<(), SettingsError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        // A file that cannot be read is replaced by what is known to hold.
        let mut kept = KeptSettings::read(&self.data_dir).unwrap_or_default();
        if let Some(level) = change.log_level {
            let log = self.log.as_ref().ok_or(SettingsError::NotHere(
                "the log level cannot be changed here: the log was not set up by lpctl",
            ))?;
            (log.0)(level).map_err(SettingsError::Log)?;
            tracing::info!(%level, "the log level was changed");
            kept.log_level = Some(level);
        }
        if let Some(choice) = change.max_sessions {
            set_sessions(choice)?;
            tracing::info!(%choice, "the most sessions at once were changed");
            kept.max_sessions = Some(choice);
        }
        kept.write(&self.data_dir)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions(most: i64) -> SessionsChoice {
        SessionsChoice::Most(most.try_into().unwrap())
    }

    #[test]
    fn changes_are_kept_beside_one_another() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(
            KeptSettings::read(folder.path()).unwrap(),
            KeptSettings::default()
        );
        let told = Arc::new(Mutex::new(None));
        let (log, heard) = (Arc::clone(&told), told);
        let log = LogControl::new(move |level| {
            *log.lock().unwrap() = Some(level);
            Ok(())
        });
        let settings = RunTimeSettings::new(folder.path().to_path_buf(), Some(log));
        let level = SettingsChange {
            log_level: Some(LogLevel::Debug),
            ..SettingsChange::default()
        };
        settings.change(&level, |_| panic!("sessions stay")).unwrap();
        assert_eq!(*heard.lock().unwrap(), Some(LogLevel::Debug));
        let most = SettingsChange {
            max_sessions: Some(sessions(3)),
            ..SettingsChange::default()
        };
        settings.change(&most, |_| Ok(())).unwrap();
        let kept = KeptSettings::read(folder.path()).unwrap();
        assert_eq!(kept.log_level, Some(LogLevel::Debug));
        assert_eq!(kept.max_sessions, Some(sessions(3)));
    }

    #[test]
    fn what_is_not_done_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let settings = RunTimeSettings::new(folder.path().to_path_buf(), None);
        let change = SettingsChange {
            max_sessions: Some(SessionsChoice::Auto),
            ..SettingsChange::default()
        };
        let refused = settings.change(&change, |_| Err(SettingsError::NotHere("no")));
        assert!(refused.is_err());
        let level = SettingsChange {
            log_level: Some(LogLevel::Info),
            ..SettingsChange::default()
        };
        assert!(settings.change(&level, |_| Ok(())).is_err());
        assert_eq!(
            KeptSettings::read(folder.path()).unwrap(),
            KeptSettings::default()
        );
        fs::write(KeptSettings::path(folder.path()), "{").unwrap();
        assert!(matches!(
            KeptSettings::read(folder.path()),
            Err(SettingsError::Unreadable { .. })
        ));
    }
}
