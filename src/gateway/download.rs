//! One rendition fetched, as go-livepeer fetches it: HTTP/1.1, four seconds, any certificate.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::{Client, StatusCode};
use url::Url;

use super::orchestrator::bounded;
use crate::wire::{client::innermost, segment::MAX_SEGMENT_BYTES};

/// How long a download may take, from the connection to its last byte.
pub const DOWNLOAD_LIMIT: Duration = Duration::from_secs(4);

/// Why a rendition is not here.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The orchestrator named an address that is none. Text from outside.
    #[error("`{0}` is no address to download from")]
    Address(String),
    /// The server answered with something else.
    #[error("the server answered {0}")]
    Status(StatusCode),
    /// It did not arrive in time.
    #[error("not here within {} s", DOWNLOAD_LIMIT.as_secs())]
    TimedOut,
    /// It is larger than any rendition may be.
    #[error("it is larger than {MAX_SEGMENT_BYTES} bytes")]
    TooLarge,
    /// The connection failed or broke.
    #[error("the download broke: {0}")]
    Broken(String),
}

impl DownloadError {
    /// Whether asking again may help: the file may still be there.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::TimedOut | Self::Broken(_) => true,
            Self::Status(status) => status.is_server_error(),
            Self::Address(_) | Self::TooLarge => false,
        }
    }
}

/// Fetches one file. An address without a host is taken to be on the orchestrator itself.
///
/// # Errors
/// See [`DownloadError`].
pub async fn download(client: &Client, transcoder: &str, address: &str) -> Result<Bytes, DownloadError> {
    let url = resolve(transcoder, address)?;
    let broken = |error: reqwest::Error| match error.is_timeout() {
        true => DownloadError::TimedOut,
        false => DownloadError::Broken(innermost(&error)),
    };
    let mut response = client.get(url).send().await.map_err(broken)?;
    if response.status() != StatusCode::OK {
        return Err(DownloadError::Status(response.status()));
    }
    if response
        .content_length()
        .is_some_and(|length| length > MAX_SEGMENT_BYTES)
    {
        return Err(DownloadError::TooLarge);
    }
    let mut bytes = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if (bytes.len() + chunk.len()) as u64 > MAX_SEGMENT_BYTES {
            return Err(DownloadError::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

fn resolve(transcoder: &str, address: &str) -> Result<Url, DownloadError> {
    let wrong = || DownloadError::Address(bounded(address));
    let url = match Url::parse(address) {
        Ok(url) => url,
        Err(url::ParseError::RelativeUrlWithoutBase) => {
            let base = Url::parse(transcoder).map_err(|_| wrong())?;
            base.join(address).map_err(|_| wrong())?
        }
        Err(_) => return Err(wrong()),
    };
    match (url.scheme(), url.has_host()) {
        ("http" | "https", true) => Ok(url),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_whole_or_on_the_orchestrator() {
        let resolve = |address| resolve("https://o:8935", address).map(String::from).ok();
        assert_eq!(resolve("https://s3/a.ts").as_deref(), Some("https://s3/a.ts"));
        assert_eq!(
            resolve("/stream/1/a.ts").as_deref(),
            Some("https://o:8935/stream/1/a.ts")
        );
        for bad in ["file:///etc/passwd", "ftp://x/y", "data:,x", "http://"] {
            assert_eq!(resolve(bad), None, "{bad}");
        }
    }
}
