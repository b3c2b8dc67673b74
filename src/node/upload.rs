//! Receiving a segment: bounded in bytes, in time, and in what all uploads together may hold.

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::wire::segment::MAX_SEGMENT_BYTES;

/// The unit room is counted in.
const BLOCK: usize = 64 << 10;
/// No more is set aside on the word of a `Content-Length` alone.
const FIRST_CAPACITY: usize = 4 << 20;

/// Why a segment was not received.
#[derive(Debug, thiserror::Error)]
pub(super) enum UploadError {
    /// Larger than a segment may be.
    #[error("input bigger than max buffer size")]
    TooLarge,
    /// The sender gave up, or sent something that is not HTTP.
    #[error("the upload broke off: {0}")]
    Broken(String),
    /// It took too long.
    #[error("the upload took longer than {0:?}")]
    TooSlow(Duration),
    /// All uploads together hold as much as they may.
    #[error("no memory left for uploads")]
    NoRoom,
    /// The body is no URL of a source.
    #[error("the body is no URL of a source")]
    NotAUrl,
    /// The source cannot be fetched.
    #[error("the source cannot be fetched: {0}")]
    Source(String),
}

/// A segment in memory. Its room is given back when it is dropped.
#[derive(Debug)]
pub(super) struct Upload {
    /// The bytes.
    pub data: Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

/// Memory for segments being received and transcoded.
#[derive(Clone)]
pub(super) struct Room(Arc<Semaphore>);

impl Room {
    /// Room for about so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(
            (bytes / BLOCK).min(Semaphore::MAX_PERMITS),
        )))
    }

    /// Collects bytes into this room, as many as a segment may have; `expected` is what their sender announced.
    pub(super) fn collector(&self, expected: Option<u64>) -> Collector {
        let expected = expected.map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX));
        Collector {
            data: BytesMut::with_capacity(expected.min(FIRST_CAPACITY)),
            room: self.clone(),
            held: None,
            most: usize::try_from(MAX_SEGMENT_BYTES).unwrap_or(usize::MAX),
        }
    }
}

/// Bytes as they come, with the room they take.
pub(super) struct Collector {
    data: BytesMut,
    room: Room,
    held: Option<OwnedSemaphorePermit>,
    most: usize,
}

impl Collector {
    /// Takes the next bytes.
    pub(super) fn add(&mut self, chunk: &[u8]) -> Result<(), UploadError> {
        let length = self.data.len() + chunk.len();
        if length > self.most {
            return Err(UploadError::TooLarge);
        }
        let held = self.held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = length.div_ceil(BLOCK).saturating_sub(held);
        if missing > 0 {
            let blocks = u32::try_from(missing).map_err(|_| UploadError::NoRoom)?;
            let more = Arc::clone(&self.room.0)
                .try_acquire_many_owned(blocks)
                .map_err(|_| UploadError::NoRoom)?;
            match &mut self.held {
                Some(held) => held.merge(more),
                held => *held = Some(more),
            }
        }
        self.data.extend_from_slice(chunk);
        Ok(())
    }

    /// All of them.
    pub(super) fn finish(self) -> Upload {
        Upload {
            data: self.data.freeze(),
            _room: self.held,
        }
    }
}

/// Reads a request's body to its end. The body stays with the caller, who may have to read on after a failure.
pub(super) async fn receive(
    body: &mut Body,
    room: &Room,
    expected: Option<u64>,
    within: Duration,
) -> Result<Upload, UploadError> {
    let reading = async {
        let mut collector = room.collector(expected);
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| UploadError::Broken(error.to_string()))?;
            if let Some(chunk) = frame.data_ref() {
                collector.add(chunk)?;
            }
        }
        Ok(collector.finish())
    };
    timeout(within, reading)
        .await
        .unwrap_or(Err(UploadError::TooSlow(within)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn room_is_held_as_long_as_the_bytes() {
        let room = Room::new(4 * BLOCK);
        let read = |size: usize| {
            let room = room.clone();
            async move {
                let mut body = Body::from(vec![0; size]);
                receive(&mut body, &room, None, Duration::from_secs(5)).await
            }
        };
        let first = read(3 * BLOCK).await.unwrap();
        assert!(matches!(read(2 * BLOCK).await, Err(UploadError::NoRoom)));
        drop(first);
        assert_eq!(read(2 * BLOCK).await.unwrap().data.len(), 2 * BLOCK);
        assert_eq!(room.0.available_permits(), 4);
    }

    #[tokio::test]
    async fn a_body_that_never_ends_is_given_up() {
        let mut body = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
        let read = receive(&mut body, &Room::new(BLOCK), None, Duration::from_millis(10)).await;
        assert!(matches!(read, Err(UploadError::TooSlow(_))));
    }
}
