//! The session log: one JSON line a segment, in a file that does not grow for ever. When it is full it becomes
//! `<file>.1`, in place of an older one, and a new file begins: two files' worth is the most there is.

use std::{
    collections::HashMap,
    ffi::OsString,
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{
    fs::{self, File},
    io::AsyncWriteExt,
    sync::mpsc,
};
use tokio_util::sync::CancellationToken;

use super::stream::lock;
use crate::view::{gateway, ingest::SegmentRecord};

/// Lines that wait to be written; more are lost, and counted.
const WAITING: usize = 4096;

/// Where segments are recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// The file; it is made, or added to.
    pub path: PathBuf,
    /// Its largest size in bytes.
    pub max_bytes: u64,
}

impl LogSettings {
    /// A file of at most 64 MiB.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            max_bytes: 64 << 20,
        }
    }
}

/// What the core told of segments and nobody has asked for yet.
const UNCLAIMED: usize = 4096;

/// What the core tells of each segment, until it is joined with what is known here.
pub(super) struct CoreRecords(Mutex<Told>);

struct Told {
    records: mpsc::Receiver<gateway::SegmentRecord>,
    waiting: HashMap<(String, u64), gateway::SegmentRecord>,
}

impl CoreRecords {
    /// With the end the core writes to.
    pub(super) fn new() -> (Self, mpsc::Sender<gateway::SegmentRecord>) {
        let (sender, records) = mpsc::channel(WAITING);
        let told = Told {
            records,
            waiting: HashMap::new(),
        };
        (Self(Mutex::new(told)), sender)
    }

    /// What was told of a segment whose work is over.
    pub(super) fn claim(&self, manifest: &str, seq: u64) -> Option<gateway::SegmentRecord> {
        let mut told = lock(&self.0);
        while let Ok(record) = told.records.try_recv() {
            // Only segments that were sent twice at the same time leave one behind.
            if told.waiting.len() >= UNCLAIMED {
                told.waiting.clear();
            }
            told.waiting.insert((record.stream.clone(), record.seq), record);
        }
        told.waiting.remove(&(manifest.to_string(), seq))
    }
}

/// Hands lines to the writer. Never waits.
#[derive(Debug, Clone, Default)]
pub(super) struct SegmentLog {
    lines: Option<mpsc::Sender<Vec<u8>>>,
    lost: Arc<AtomicU64>,
}

/// Writes the lines.
#[derive(Debug)]
pub(super) struct LogWriter {
    settings: LogSettings,
    file: File,
    written: u64,
    lines: mpsc::Receiver<Vec<u8>>,
    lost: Arc<AtomicU64>,
    is_failing: bool,
}

impl SegmentLog {
    /// Opens the file.
    pub(super) async fn open(settings: LogSettings) -> io::Result<(Self, LogWriter)> {
        let (file, written) = open(&settings.path).await?;
        let (sender, lines) = mpsc::channel(WAITING);
        let log = Self {
            lines: Some(sender),
            lost: Arc::default(),
        };
        let writer = LogWriter {
            settings,
            file,
            written,
            lines,
            lost: Arc::clone(&log.lost),
            is_failing: false,
        };
        Ok((log, writer))
    }

    /// Records a segment, if there is a log.
    pub(super) fn write(&self, record: &SegmentRecord) {
        let Some(lines) = &self.lines else { return };
        let Ok(mut line) = serde_json::to_vec(record) else {
            return;
        };
        line.push(b'\n');
        if lines.try_send(line).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Lines that are in no file.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

/// Opens or makes the file, for its owner alone: it names streams and customers.
async fn open(path: &Path) -> io::Result<(File, u64)> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true).mode(0o600);
    let file = fs::OpenOptions::from(options).open(path).await?;
    let written = file.metadata().await?.len();
    Ok((file, written))
}

impl LogWriter {
    /// Writes until told to stop, and then what still waits.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        loop {
            let line = tokio::select! {
                biased;
                line = self.lines.recv() => line,
                () = stop.cancelled() => {
                    self.lines.close();
                    self.lines.recv().await
                }
            };
            let Some(line) = line else { break };
            match self.write(&line).await {
                Ok(()) => self.is_failing = false,
                Err(error) => {
                    self.lost.fetch_add(1, Ordering::Relaxed);
                    // A full disk stays full for many segments: once is enough.
                    if !std::mem::replace(&mut self.is_failing, true) {
                        tracing::warn!(path = %self.settings.path.display(), %error, "the session log cannot be written");
                    }
                }
            }
        }
    }

    async fn write(&mut self, line: &[u8]) -> io::Result<()> {
        let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
        if self.written > 0 && self.written.saturating_add(length) > self.settings.max_bytes {
            let mut old = OsString::from(&self.settings.path);
            old.push(".1");
            fs::rename(&self.settings.path, old).await?;
            (self.file, self.written) = open(&self.settings.path).await?;
        }
        self.file.write_all(line).await?;
        self.file.flush().await?;
        self.written += length;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use jiff::Timestamp;

    use super::*;
    use crate::view::{
        gateway::Verification,
        ingest::{Origin, SegmentOutcome},
    };

    fn record(seq: u64) -> SegmentRecord {
        SegmentRecord {
            time: Timestamp::UNIX_EPOCH,
            manifest_id: "m".into(),
            stream_id: None,
            session_id: None,
            key: Some("studio".into()),
            origin: Origin::Push,
            seq,
            duration_ms: 2000,
            source_bytes: 1,
            outcome: SegmentOutcome::Failed,
            renditions: Vec::new(),
            rendition_bytes: 0,
            orchestrator: None,
            attempts: Vec::new(),
            verified: Verification::None,
            latency_ms: 1,
            pixels: 0,
            error: Some("line\nbreak".into()),
        }
    }

    #[tokio::test]
    async fn two_files_of_whole_lines_are_the_most_there_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("segments.jsonl");
        let line = serde_json::to_vec(&record(0)).unwrap().len() as u64 + 1;
        let settings = LogSettings {
            path: path.clone(),
            max_bytes: 3 * line,
        };
        let (log, writer) = SegmentLog::open(settings).await.unwrap();
        for seq in 0..8 {
            log.write(&record(seq));
        }
        let stop = CancellationToken::new();
        stop.cancel();
        writer.run(stop).await;
        let read = |path: &Path| -> Vec<u64> {
            let text = std::fs::read_to_string(path).unwrap();
            let lines = text.lines();
            lines
                .map(|line| serde_json::from_str::<SegmentRecord>(line).unwrap().seq)
                .collect()
        };
        assert_eq!(read(&path), [6, 7]);
        assert_eq!(read(&folder.path().join("segments.jsonl.1")), [3, 4, 5]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        // The writer is gone: what is recorded now is counted.
        log.write(&record(9));
        assert_eq!(log.lost(), 1);
    }
}
