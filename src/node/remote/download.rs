//! Fetching a task's segment as transcoders fetch it: HTTP/1.1, four seconds for all of it, any certificate, no
//! redirects (`go-livepeer core/os.go`). Texts of failures travel to the gateway.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use hyper::ext::ReasonPhrase;
use reqwest::{Client, Response, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

use crate::wire::{
    client::{self, ConnectError, innermost},
    segment::MAX_SEGMENT_BYTES,
};

/// How long a download may take, from the connection to its last byte.
const LIMIT: Duration = Duration::from_secs(4);
/// The unit room is counted in.
const BLOCK: usize = 64 << 10;
/// No more is set aside on the word of a `Content-Length` alone.
const FIRST_CAPACITY: u64 = 4 << 20;
/// Longest text kept of what a server says, in characters.
const TEXT: usize = 200;

/// Why a segment is not here. `Display` is the text for the orchestrator.
#[derive(Debug, thiserror::Error)]
pub(super) enum DownloadError {
    #[error("the task's url is no address of a segment")]
    Address,
    /// Any status but 200: its line, like `404 Not Found`.
    #[error("{0}")]
    Status(String),
    #[error("the segment was not here within {} s", LIMIT.as_secs())]
    TimedOut,
    #[error("input bigger than max buffer size")]
    TooLarge,
    #[error("the download broke: {0}")]
    Broken(String),
    #[error("TranscoderBusy")]
    NoRoom,
}

/// Fetches segments into bounded memory.
pub(super) struct Downloader {
    client: Client,
    room: Arc<Semaphore>,
}

/// A segment in memory; its room is given back when this is dropped.
#[derive(Debug)]
pub(super) struct Download {
    pub data: Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

impl Downloader {
    /// All segments together take about so many bytes.
    pub(super) fn new(bytes: usize) -> Result<Self, ConnectError> {
        Ok(Self {
            client: client::download_client(LIMIT)?,
            room: Arc::new(Semaphore::new((bytes / BLOCK).min(Semaphore::MAX_PERMITS))),
        })
    }

    /// Fetches one segment.
    pub(super) async fn fetch(&self, url: &str) -> Result<Download, DownloadError> {
        let url = url
            .parse::<Url>()
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or(DownloadError::Address)?;
        let broken = |error: reqwest::Error| match error.is_timeout() {
            true => DownloadError::TimedOut,
            false => DownloadError::Broken(shortened(&innermost(&error))),
        };
        let mut response = self.client.get(url).send().await.map_err(broken)?;
        if response.status() != StatusCode::OK {
            return Err(DownloadError::Status(status_line(&response)));
        }
        let announced = response.content_length().unwrap_or(0);
        if announced > MAX_SEGMENT_BYTES {
            return Err(DownloadError::TooLarge);
        }
        let capacity = usize::try_from(announced.min(FIRST_CAPACITY)).unwrap_or_default();
        let mut data = BytesMut::with_capacity(capacity);
        let mut held = None;
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            let length = data.len() + chunk.len();
            if length as u64 > MAX_SEGMENT_BYTES {
                return Err(DownloadError::TooLarge);
            }
            self.hold(&mut held, length)?;
            data.extend_from_slice(&chunk);
        }
        Ok(Download {
            data: data.freeze(),
            _room: held,
        })
    }

    /// Takes room for so many bytes in all.
    fn hold(&self, held: &mut Option<OwnedSemaphorePermit>, bytes: usize) -> Result<(), DownloadError> {
        let blocks = held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = bytes.div_ceil(BLOCK).saturating_sub(blocks);
        if missing == 0 {
            return Ok(());
        }
        let missing = u32::try_from(missing).map_err(|_| DownloadError::NoRoom)?;
        let more = Arc::clone(&self.room)
            .try_acquire_many_owned(missing)
            .map_err(|_| DownloadError::NoRoom)?;
        match held {
            Some(held) => held.merge(more),
            None => *held = Some(more),
        }
        Ok(())
    }
}

/// What a server wrote after the protocol's version: `404 Not Found`, also in words of its own.
fn status_line(response: &Response) -> String {
    let status = response.status();
    match response.extensions().get::<ReasonPhrase>() {
        Some(reason) => shortened(&format!(
            "{} {}",
            status.as_str(),
            String::from_utf8_lossy(reason.as_bytes())
        )),
        None => status.to_string(),
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(TEXT).collect()
}
