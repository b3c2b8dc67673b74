//! What runs beside a node as long as it does. If part of it ends by itself, the node ends too.

use std::{
    future::Future,
    sync::{Arc, OnceLock},
    time::Duration,
};

use engine::{chain::Watcher, payments::Books};
use tokio::time::timeout;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::CHECKPOINT;

/// How often is kept how far the chain was looked at.
const KEEP: Duration = Duration::from_secs(30);
/// How long tasks may take to end.
const PATIENCE: Duration = Duration::from_secs(15);

/// Tasks beside a node.
#[derive(Debug, Default)]
pub struct Beside {
    tasks: TaskTracker,
    stop: CancellationToken,
    /// Cancelled when a task ended by itself: the node must end then.
    broken: CancellationToken,
    cause: Arc<OnceLock<String>>,
}

impl Beside {
    /// Ends all of them when it is cancelled.
    pub fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Is cancelled when one ends by itself.
    pub fn broken(&self) -> CancellationToken {
        self.broken.clone()
    }

    /// Why the node had to end, if it was for one of them.
    pub fn cause(&self) -> Option<String> {
        self.cause.get().cloned()
    }

    /// Runs a task that has no reason to end before it is told to.
    pub fn spawn<E: std::fmt::Display>(
        &self,
        name: &'static str,
        task: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        let (stop, broken, cause) = (self.stop.clone(), self.broken.clone(), Arc::clone(&self.cause));
        // A panic must end the node too: the task is looked at from outside.
        let running = tokio::spawn(async move { task.await.map_err(|error| error.to_string()) });
        self.tasks.spawn(async move {
            let ended = running.await;
            if stop.is_cancelled() {
                return;
            }
            let why = match ended {
                Ok(Ok(())) => format!("{name} ended"),
                Ok(Err(error)) => format!("{name}: {error}"),
                Err(error) => format!("{name}: {error}"),
            };
            tracing::error!(cause = why, "the node stops");
            // The first one is the reason.
            let _ = cause.set(why);
            broken.cancel();
        });
    }

    /// Keeps how far the chain was looked at, so that the next start goes on from there.
    pub fn watch(&mut self, watcher: Watcher, books: Books) {
        let stop = self.stop.clone();
        self.spawn("watching the chain", async move {
            let mut kept = None;
            loop {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(KEEP) => {}
                }
                let checkpoint = watcher.checkpoint().map(|checkpoint| checkpoint.to_string());
                if let Some(text) = checkpoint.filter(|text| kept.as_ref() != Some(text)) {
                    match books.keep(CHECKPOINT, &text).await {
                        Ok(()) => kept = Some(text),
                        Err(error) => tracing::warn!(%error, "how far the chain was looked at is not kept"),
                    }
                }
                if stop.is_cancelled() {
                    watcher.ended().await;
                    return Ok::<(), String>(());
                }
            }
        });
    }

    /// Ends them, and waits a while for that.
    pub async fn end(self) {
        self.stop.cancel();
        self.tasks.close();
        if timeout(PATIENCE, self.tasks.wait()).await.is_err() {
            tracing::warn!("what ran beside the node did not end in time");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_ends_by_itself_is_a_reason_to_stop() {
        let beside = Beside::default();
        let stop = beside.stop();
        beside.spawn("waiting", async move {
            stop.cancelled().await;
            Ok::<(), String>(())
        });
        beside.spawn("failing", async { Err::<(), _>("no more") });
        beside.broken().cancelled().await;
        assert_eq!(beside.cause().as_deref(), Some("failing: no more"));
        beside.end().await;
    }

    #[tokio::test]
    async fn a_task_that_was_told_to_end_is_none() {
        let beside = Beside::default();
        let stop = beside.stop();
        beside.spawn("waiting", async move {
            stop.cancelled().await;
            Ok::<(), String>(())
        });
        let (broken, cause) = (beside.broken(), Arc::clone(&beside.cause));
        beside.end().await;
        assert!(!broken.is_cancelled());
        assert_eq!(cause.get(), None);
    }
}
