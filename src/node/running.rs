//! The handle on something that runs until it is told to stop: a node, a transcoder, a gateway.

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How something ended, in a form that can be told again.
pub(crate) trait Report: Clone {
    /// It ended without telling how.
    fn lost(cause: String) -> Self;
}

/// Dropped, it ends at once what it stands for.
#[derive(Debug)]
pub(crate) struct Running<R> {
    stop: CancellationToken,
    hard_stop: CancellationToken,
    ending: JoinHandle<R>,
    /// What `ending` gave: it can be asked only once.
    report: Option<R>,
}

impl<R: Report> Running<R> {
    /// Of what ends with `ending`, soon after `stop` is cancelled and at once when `hard_stop` is.
    pub(crate) fn new(stop: CancellationToken, hard_stop: CancellationToken, ending: JoinHandle<R>) -> Self {
        Self {
            stop,
            hard_stop,
            ending,
            report: None,
        }
    }

    /// Cancelling it ends what runs at once, also while it is stopping.
    pub(crate) fn hard_stop(&self) -> CancellationToken {
        self.hard_stop.clone()
    }

    /// Resolves when it has ended, for whatever reason. May be called again, and be cancelled.
    pub(crate) async fn ended(&mut self) -> R {
        if let Some(report) = &self.report {
            return report.clone();
        }
        let ended = (&mut self.ending).await;
        let report = ended.unwrap_or_else(|error| R::lost(error.to_string()));
        self.report.insert(report).clone()
    }

    /// Lets it finish what it has begun.
    pub(crate) async fn stop(mut self) -> R {
        self.stop.cancel();
        self.ended().await
    }
}

impl<R> Drop for Running<R> {
    fn drop(&mut self) {
        self.hard_stop.cancel();
        self.stop.cancel();
    }
}
