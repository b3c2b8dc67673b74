//! Streams: the same small segment again and again, pushed to the gateway as fast as it answers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use engine::wire::client::verifying_client;
use eyre::{OptionExt as _, bail};
use testbed::clip::{ClipSpec, segment};
use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;

use super::stage::Program;

/// How long one segment may take, with all that the gateway tries.
const SEGMENT: Duration = Duration::from_secs(60);
/// After a segment that failed: the node may be starting again.
const PAUSE: Duration = Duration::from_millis(300);

/// What was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) done: u32,
    pub(super) failed: u32,
}

#[derive(Default)]
struct Counts {
    done: AtomicU32,
    failed: AtomicU32,
    /// Given out: done, failed or under way.
    wanted: u32,
}

/// The streams under way.
pub(super) struct Sender {
    counts: Arc<Counts>,
    streams: JoinSet<eyre::Result<()>>,
    stop: CancellationToken,
}

impl Sender {
    pub(super) fn start(gateway: &Program, streams: u32, wanted: u32) -> eyre::Result<Self> {
        let url = gateway.ready["http_url"]
            .as_str()
            .ok_or_eyre("no address of the gateway")?;
        let counts = Arc::new(Counts {
            wanted,
            ..Counts::default()
        });
        let stop = CancellationToken::new();
        let data = segment(ClipSpec {
            width: 160,
            height: 90,
            fps: 10,
            seconds: 1,
            audio: false,
            ..ClipSpec::default()
        });
        let client = verifying_client(&url.parse()?, SEGMENT, reqwest::redirect::Policy::none())?;
        let mut running = JoinSet::new();
        for stream in 0..streams {
            let (client, data, counts) = (client.clone(), data.clone(), Arc::clone(&counts));
            let (url, stop) = (format!("{url}/live/paid-{stream}"), stop.clone());
            running.spawn(async move { send(&client, &url, &data, &counts, &stop).await });
        }
        Ok(Self {
            counts,
            streams: running,
            stop,
        })
    }

    pub(super) fn done(&self) -> u32 {
        self.counts.done.load(Ordering::SeqCst)
    }

    /// Waits until so many are done.
    pub(super) async fn until(&self, count: u32, most: Duration) -> eyre::Result<()> {
        let (mut last, mut since) = (self.done(), Instant::now());
        while self.done() < count {
            sleep(Duration::from_millis(20)).await;
            if self.done() > last {
                (last, since) = (self.done(), Instant::now());
            } else if since.elapsed() > most {
                self.stop.cancel();
                bail!("no segment was done for {} s, {last} are", most.as_secs());
            }
        }
        Ok(())
    }

    /// Waits until all are done and nothing is under way.
    pub(super) async fn finish(mut self, most: Duration) -> eyre::Result<Tally> {
        self.until(self.counts.wanted, most).await?;
        self.stop.cancel();
        while let Some(ended) = self.streams.join_next().await {
            ended??;
        }
        Ok(Tally {
            done: self.done(),
            failed: self.counts.failed.load(Ordering::SeqCst),
        })
    }
}

async fn send(
    client: &reqwest::Client,
    url: &str,
    data: &Bytes,
    counts: &Counts,
    stop: &CancellationToken,
) -> eyre::Result<()> {
    for seq in 0_u64.. {
        if stop.is_cancelled() || counts.done.load(Ordering::SeqCst) >= counts.wanted {
            break;
        }
        let sent = client
            .put(format!("{url}/{seq}.ts"))
            .header("Accept", "multipart/mixed")
            .header("Content-Duration", "1000")
            .body(data.clone())
            .send()
            .await;
        let is_done = match sent {
            Ok(answer) => {
                let is_good = answer.status() == reqwest::StatusCode::OK;
                is_good && answer.bytes().await.is_ok_and(|body| body.len() > 500)
            }
            Err(_) => false,
        };
        if is_done {
            counts.done.fetch_add(1, Ordering::SeqCst);
        } else {
            counts.failed.fetch_add(1, Ordering::SeqCst);
            sleep(PAUSE).await;
        }
    }
    Ok(())
}
