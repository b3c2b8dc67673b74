//! Named tasks that stand and fall together: whatever ends unasked stops the rest, and the first cause is kept.

use std::{
    future::Future,
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument, info_span};

/// Why a task of the node failed.
pub(crate) type TaskError = Box<dyn std::error::Error + Send + Sync>;

/// Runs the node's tasks. Cloning gives another handle on the same tasks.
#[derive(Clone, Default)]
pub(crate) struct Supervisor {
    tasks: TaskTracker,
    stop: CancellationToken,
    cause: Arc<OnceLock<String>>,
}

impl Supervisor {
    /// Starts a task under a name. It gets a token that tells it to stop; ending before that stops every other task.
    pub(crate) fn spawn<F>(&self, name: &'static str, task: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = Result<(), TaskError>> + Send + 'static,
    {
        let running = self
            .tasks
            .spawn(task(self.stop.child_token()).instrument(info_span!("task", name)));
        let this = self.clone();
        self.tasks.spawn(async move {
            let end = match running.await {
                Ok(Ok(())) => "ended unasked".to_string(),
                Ok(Err(error)) => format!("failed: {error}"),
                Err(panic) => panic.to_string(),
            };
            if !this.stop.is_cancelled() {
                let cause = format!("{name} {end}");
                tracing::error!(%cause, "stopping the node");
                // Only the first cause counts; later ones are its consequences.
                let _ = this.cause.set(cause);
                this.stop.cancel();
            }
        });
    }

    /// Resolves once a task ended unasked, or [`Self::shut_down`] was called.
    pub(crate) async fn stopping(&self) {
        self.stop.cancelled().await;
    }

    /// Resolves with a reason to stop: somebody's wish, or a task that ended unasked.
    pub(crate) async fn reason(&self, stop: &CancellationToken, hard_stop: &CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = hard_stop.cancelled() => {}
            () = self.stopping() => {}
        }
    }

    /// [`Self::shut_down`], with a second instead of the grace once `hard_stop` is cancelled.
    pub(crate) async fn shut_down_until(&self, grace: Duration, hard_stop: &CancellationToken) -> bool {
        tokio::select! {
            closed = self.shut_down(grace) => closed,
            () = hard_stop.cancelled() => self.shut_down(Duration::from_secs(1)).await,
        }
    }

    /// What went wrong first, if anything did.
    pub(crate) fn cause(&self) -> Option<String> {
        self.cause.get().cloned()
    }

    /// Tells every task to stop and waits; false if something did not stop within the grace.
    pub(crate) async fn shut_down(&self, grace: Duration) -> bool {
        self.stop.cancel();
        self.tasks.close();
        tokio::time::timeout(grace, self.tasks.wait()).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_cause_stops_the_rest() {
        let supervisor = Supervisor::default();
        supervisor.spawn("patient", |stop| async move {
            stop.cancelled().await;
            Err("a consequence".into())
        });
        supervisor.spawn("hasty", |_| async { Err("out of luck".into()) });
        supervisor.stopping().await;
        assert!(supervisor.shut_down(Duration::from_secs(5)).await);
        assert_eq!(supervisor.cause().as_deref(), Some("hasty failed: out of luck"));
    }

    #[tokio::test]
    async fn a_panic_is_a_cause_and_a_stuck_task_is_told() {
        let supervisor = Supervisor::default();
        supervisor.spawn("deaf", |_| std::future::pending());
        supervisor.spawn("shaky", |_| async { panic!("on purpose") });
        supervisor.stopping().await;
        assert!(supervisor.cause().unwrap().starts_with("shaky "));
        assert!(!supervisor.shut_down(Duration::from_millis(20)).await);
    }

    #[tokio::test]
    async fn stopping_when_asked_is_no_failure() {
        let supervisor = Supervisor::default();
        supervisor.spawn("obedient", |stop| async move {
            stop.cancelled().await;
            Ok(())
        });
        assert!(supervisor.shut_down(Duration::from_secs(5)).await);
        assert_eq!(supervisor.cause(), None);
    }
}
