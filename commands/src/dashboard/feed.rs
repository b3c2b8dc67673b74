//! Nodes as the dashboard follows them: lpctl's through their event stream, go-livepeer's by asking again and again, both
//! through losses and restarts.

use std::time::{Duration, Instant};

pub use engine::operator::{ApiError as FeedError, NodeApi};
use engine::{
    operator::{Found, GoApi, NodeUrl, ParseNodeUrlError, find, translated},
    view::node::NodeStatus,
};
use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tui::{FeedState, GoFacts, Link};

use crate::{
    failure::{Failure, Kind},
    settings::Settings,
};

/// A node reports every five seconds; after this much silence the connection is dead.
const SILENCE: Duration = Duration::from_secs(20);
/// Waits between attempts: doubled from the first to the last.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(3));
/// How often a go-livepeer node is asked.
pub(super) const ASKED_EVERY: Duration = Duration::from_secs(3);

impl From<ParseNodeUrlError> for Failure {
    fn from(error: ParseNodeUrlError) -> Self {
        Self::new(Kind::Usage, "bad_node_url", error.to_string()).hint(
            "write it like `--node http://127.0.0.1:7935`, or name one of the config's [nodes]; LPCTL_NODE and `node_url` \
             in the config say the same",
        )
    }
}

/// The API of the node at `url`, like `http://127.0.0.1:7935`. Nothing is sent yet.
///
/// # Errors
/// A usage failure if `url` is no HTTP URL, a config failure for a token or certificate that cannot be used.
pub fn node_api(url: &str, settings: &Settings) -> Result<NodeApi, Failure> {
    let url = settings.reach(url)?;
    let no_client =
        |error: FeedError| Failure::new(Kind::Failed, "no_client", format!("no HTTP client: {error}"));
    NodeApi::new(&url).map_err(no_client)
}

/// Where the state of one of several nodes is kept for the screen.
#[derive(Debug, Clone)]
pub struct Slot {
    feeds: watch::Sender<Vec<FeedState>>,
    node: usize,
}

impl Slot {
    /// The place of that node.
    #[must_use]
    pub fn new(feeds: watch::Sender<Vec<FeedState>>, node: usize) -> Self {
        Self { feeds, node }
    }

    /// Changes what is known of the node.
    pub fn change(&self, change: impl FnOnce(&mut FeedState)) {
        self.feeds.send_modify(|feeds| {
            if let Some(feed) = feeds.get_mut(self.node) {
                change(feed);
            }
        });
    }

    fn take(&self, status: NodeStatus, go: Option<GoFacts>) {
        self.change(|feed| feed.take(status, go, Instant::now()));
    }
}

/// Follows the node until `stop` or until nobody looks any more: each status goes to its slot, each loss too, and the
/// connection is made again with growing pauses.
pub async fn follow(url: NodeUrl, slot: Slot, stop: CancellationToken) {
    let mut pause = BACK_OFF.0;
    loop {
        let lost = tokio::select! {
            () = stop.cancelled() => return,
            () = slot.feeds.closed() => return,
            lost = Box::pin(follow_once(&url, &slot, &mut pause)) => lost,
        };
        let now = Instant::now();
        slot.change(|state| {
            let since = match &state.link {
                Link::Lost { since, .. } => *since,
                _ => now,
            };
            state.link = Link::Lost {
                since,
                reason: lost.to_string(),
                retry_at: Some(now + pause),
            };
        });
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(BACK_OFF.1);
        slot.change(|state| {
            if let Link::Lost { retry_at, .. } = &mut state.link {
                *retry_at = None;
            }
        });
    }
}

/// One connection from beginning to end; says why it ended. Which kind of node answers is found out each time: another
/// one may have been started at the same place.
async fn follow_once(url: &NodeUrl, slot: &Slot, pause: &mut Duration) -> FeedError {
    match find(url).await {
        Ok(Found::Own(_)) => match NodeApi::new(url) {
            Ok(node) => follow_own(&node, slot, pause).await,
            Err(error) => error,
        },
        Ok(Found::Go(node)) => follow_go(&node, url, slot, pause).await,
        Ok(Found::OwnGateway(_)) => {
            FeedError::Refused("it is an `lpctl gateway run`: `lpctl node show` shows it".to_string())
        }
        Err(error) => error,
    }
}

async fn follow_own(node: &NodeApi, slot: &Slot, pause: &mut Duration) -> FeedError {
    let mut events = match node.events().await {
        Ok(events) => events,
        Err(error) => return error,
    };
    loop {
        match tokio::time::timeout(SILENCE, events.next()).await {
            Ok(Ok(status)) => {
                *pause = BACK_OFF.0;
                slot.take(status, None);
            }
            Ok(Err(error)) => return error,
            Err(_) => return FeedError::Silent(SILENCE),
        }
    }
}

async fn follow_go(node: &GoApi, url: &NodeUrl, slot: &Slot, pause: &mut Duration) -> FeedError {
    let since = Timestamp::now();
    loop {
        match go_status(node, url, since).await {
            Ok((status, facts)) => {
                *pause = BACK_OFF.0;
                slot.take(status, Some(facts));
            }
            Err(error) => return error,
        }
        tokio::time::sleep(ASKED_EVERY).await;
    }
}

/// What a go-livepeer node tells now.
///
/// # Errors
/// If its status is not to be had; metrics may be missing.
pub async fn go_status(
    node: &GoApi,
    url: &NodeUrl,
    since: Timestamp,
) -> Result<(NodeStatus, GoFacts), FeedError> {
    let (view, metrics) = futures_util::join!(node.view(), node.metrics());
    let (view, metrics) = (view?, metrics.ok());
    let status = translated(&view, metrics.as_ref(), &url.to_string(), Timestamp::now(), since);
    let facts = GoFacts {
        node: view,
        has_metrics: metrics.is_some(),
        sessions: metrics
            .as_ref()
            .and_then(|metrics| metrics.count("current_sessions_total")),
    };
    Ok((status, facts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_address_is_a_matter_of_usage() {
        for bad in ["", "127.0.0.1:7935", "ftp://x", "unix:/run/x"] {
            let refused: Failure = bad.parse::<NodeUrl>().unwrap_err().into();
            assert_eq!(refused.kind, Kind::Usage, "{bad}");
        }
    }
}
