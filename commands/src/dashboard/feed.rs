//! A node's operator API as the dashboard uses it: the event stream, followed through losses.

use std::time::{Duration, Instant};

use engine::operator::ParseNodeUrlError;
pub use engine::operator::{ApiError as FeedError, NodeApi};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tui::{FeedState, Link};

use crate::{
    failure::{Failure, Kind},
    settings::Settings,
};

/// A node reports every five seconds; after this much silence the connection is dead.
const SILENCE: Duration = Duration::from_secs(20);
/// Waits between attempts: doubled from the first to the last.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(3));

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

/// Follows the node until `stop` or until nobody looks any more: each status goes to `feed`, each loss too, and the
/// connection is made again with growing pauses.
pub async fn follow(node: NodeApi, feed: watch::Sender<FeedState>, stop: CancellationToken) {
    let mut pause = BACK_OFF.0;
    loop {
        let lost = tokio::select! {
            () = stop.cancelled() => return,
            () = feed.closed() => return,
            lost = follow_once(&node, &feed, &mut pause) => lost,
        };
        let now = Instant::now();
        feed.send_modify(|state| {
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
        feed.send_modify(|state| {
            if let Link::Lost { retry_at, .. } = &mut state.link {
                *retry_at = None;
            }
        });
    }
}

/// One connection from beginning to end; says why it ended.
async fn follow_once(node: &NodeApi, feed: &watch::Sender<FeedState>, pause: &mut Duration) -> FeedError {
    let mut events = match node.events().await {
        Ok(events) => events,
        Err(error) => return error,
    };
    loop {
        match tokio::time::timeout(SILENCE, events.next()).await {
            Ok(Ok(status)) => {
                *pause = BACK_OFF.0;
                feed.send_replace(FeedState::live(status, Instant::now()));
            }
            Ok(Err(error)) => return error,
            Err(_) => return FeedError::Silent(SILENCE),
        }
    }
}

#[cfg(test)]
mod tests {
    use engine::operator::NodeUrl;

    use super::*;

    #[test]
    fn what_is_no_address_is_a_matter_of_usage() {
        for bad in ["", "127.0.0.1:7935", "ftp://x", "unix:/run/x"] {
            let refused: Failure = bad.parse::<NodeUrl>().unwrap_err().into();
            assert_eq!(refused.kind, Kind::Usage, "{bad}");
        }
    }
}
