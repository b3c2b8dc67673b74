//! One sender at a time for an account: a file that the kernel keeps locked for whoever has it open.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    time::{Duration, Instant},
};

use rustix::fs::{FlockOperation, flock};

/// Between two tries for it.
const AGAIN: Duration = Duration::from_millis(20);

/// Held from reading an account's nonce until the transaction with it is out. A process that dies lets go of it.
#[derive(Debug)]
pub(super) struct AccountLock(File);

/// It could not be had.
#[derive(Debug)]
pub(super) enum LockFailure {
    /// Another process has it.
    Busy {
        /// Which, as the file says.
        pid: Option<u32>,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The file cannot be made or locked.
    File(io::Error),
}

impl AccountLock {
    /// Waits for it, at most `patience`.
    pub(super) async fn take(path: &Path, patience: Duration) -> Result<Self, LockFailure> {
        let begun = Instant::now();
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(LockFailure::File)?;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {
                    // Only said for people: the lock holds without it.
                    let _ = sign(&mut file);
                    return Ok(Self(file));
                }
                Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => {}
                Err(error) => return Err(LockFailure::File(error.into())),
            }
            let waited = begun.elapsed();
            if waited >= patience {
                return Err(LockFailure::Busy {
                    pid: holder(&mut file),
                    waited,
                });
            }
            tokio::time::sleep(AGAIN.min(patience - waited)).await;
        }
    }
}

impl Drop for AccountLock {
    fn drop(&mut self) {
        // Nobody holds it now; closing the file lets go of it.
        let _ = self.0.set_len(0);
    }
}

/// Writes down who has it.
fn sign(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// This process, told apart from later ones with the same id.
pub(super) fn this_process() -> Option<String> {
    mark(std::process::id())
}

/// Whether the process that wrote a mark still runs.
pub(super) fn runs(owner: &str) -> bool {
    let id = owner.split('.').next().and_then(|id| id.parse().ok());
    id.is_some_and(|id| mark(id).as_deref() == Some(owner))
}

/// Id and start of a process, in ticks since the machine's (`proc(5)`, field 22 of `stat`).
fn mark(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is a name that may hold anything, in parentheses.
    let (_, rest) = stat.rsplit_once(')')?;
    let started = rest.split_whitespace().nth(19)?;
    Some(format!("{pid}.{started}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_second_holder_waits_and_is_told_who_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sender.lock");
        let first = AccountLock::take(&path, Duration::ZERO).await.unwrap();
        let patience = Duration::from_millis(60);
        let Err(LockFailure::Busy { pid, waited }) = AccountLock::take(&path, patience).await else {
            panic!("two hold it");
        };
        assert_eq!(pid, Some(std::process::id()));
        assert!(waited >= patience);
        let waiting = tokio::spawn({
            let path = path.clone();
            async move { AccountLock::take(&path, Duration::from_secs(20)).await.is_ok() }
        });
        drop(first);
        assert!(waiting.await.unwrap());
    }

    #[test]
    fn a_process_is_not_taken_for_one_of_the_same_id() {
        let own = this_process().unwrap();
        assert!(runs(&own));
        let (pid, _) = own.split_once('.').unwrap();
        assert!(!runs(&format!("{pid}.1")) && !runs("") && !runs("x.y"));
    }
}
