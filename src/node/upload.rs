//! Receiving a segment: bounded in bytes, in time, and in what all uploads together may hold. It can be worked on while
//! it arrives; it is the segment only once its hash is right.

use std::{sync::Arc, time::Duration};

use alloy::primitives::{B256, Keccak256};
use axum::body::Body;
use http_body_util::BodyExt;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::{
    media::arrival::{Incoming, Source, arrival},
    wire::segment::MAX_SEGMENT_BYTES,
};

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
    /// These are not the bytes that were announced.
    #[error("the bytes have another hash")]
    WrongHash,
}

/// A segment in memory. Its room is given back when this is dropped.
#[derive(Debug)]
pub(super) struct Upload {
    /// How many bytes it has.
    pub length: u64,
    _room: Share,
}

/// Memory for segments being received and transcoded.
#[derive(Debug, Clone)]
pub(super) struct Room(Arc<Semaphore>);

impl Room {
    /// Room for about so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(
            (bytes / BLOCK).min(Semaphore::MAX_PERMITS),
        )))
    }

    /// A share of it that holds nothing yet.
    pub(super) fn share(&self) -> Share {
        Share {
            room: self.clone(),
            held: None,
        }
    }

    /// Collects bytes into this room, as many as a segment may have; `expected` is what their sender announced. The
    /// other end reads along.
    pub(super) fn collector(&self, expected: Option<u64>) -> (Collector, Source) {
        let expected = expected.map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX));
        let (incoming, source) = arrival(expected.min(FIRST_CAPACITY));
        let collector = Collector {
            incoming,
            hash: Keccak256::new(),
            length: 0,
            share: self.share(),
            most: usize::try_from(MAX_SEGMENT_BYTES).unwrap_or(usize::MAX),
        };
        (collector, source)
    }
}

/// Part of a room, which grows with what is kept in it and is given back when dropped.
#[derive(Debug)]
pub(super) struct Share {
    room: Room,
    held: Option<OwnedSemaphorePermit>,
}

impl Share {
    /// Holds at least so many bytes from now on.
    pub(super) fn hold(&mut self, bytes: usize) -> Result<(), UploadError> {
        let held = self.held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = bytes.div_ceil(BLOCK).saturating_sub(held);
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
        Ok(())
    }
}

/// Bytes as they come, with the room they take. Dropped before it is finished, all work on them is void.
pub(super) struct Collector {
    incoming: Incoming,
    hash: Keccak256,
    length: usize,
    share: Share,
    most: usize,
}

impl Collector {
    /// Takes the next bytes.
    pub(super) fn add(&mut self, chunk: &[u8]) -> Result<(), UploadError> {
        let length = self.length + chunk.len();
        if length > self.most {
            return Err(UploadError::TooLarge);
        }
        self.share.hold(length)?;
        self.length = length;
        self.hash.update(chunk);
        self.incoming.push(chunk);
        Ok(())
    }

    /// All of them are here. Whoever reads along sees the end if they are the right ones, and that all was void if not.
    pub(super) fn finish(self, hash: B256) -> Result<Upload, UploadError> {
        if self.hash.finalize() != hash {
            return Err(UploadError::WrongHash);
        }
        let length = self.incoming.finish().len() as u64;
        Ok(Upload {
            length,
            _room: self.share,
        })
    }
}

/// Reads a request's body to its end. The body stays with the caller, who may have to read on after a failure.
pub(super) async fn receive(
    body: &mut Body,
    collector: &mut Collector,
    within: Duration,
) -> Result<(), UploadError> {
    let reading = async {
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| UploadError::Broken(error.to_string()))?;
            if let Some(chunk) = frame.data_ref() {
                collector.add(chunk)?;
            }
        }
        Ok(())
    };
    timeout(within, reading)
        .await
        .unwrap_or(Err(UploadError::TooSlow(within)))
}

/// Reads a request's body that is a short text, at most so many bytes.
pub(super) async fn receive_text(
    body: &mut Body,
    most: usize,
    within: Duration,
) -> Result<Vec<u8>, UploadError> {
    let reading = async {
        let mut text = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| UploadError::Broken(error.to_string()))?;
            let chunk = frame.data_ref().map(AsRef::as_ref).unwrap_or_default();
            if text.len() + chunk.len() > most {
                return Err(UploadError::NotAUrl);
            }
            text.extend_from_slice(chunk);
        }
        Ok(text)
    };
    timeout(within, reading)
        .await
        .unwrap_or(Err(UploadError::TooSlow(within)))
}

#[cfg(test)]
mod tests {
    use alloy::primitives::keccak256;
    use bytes::Bytes;

    use super::*;
    use crate::media::arrival::Broken;

    #[tokio::test]
    async fn room_is_held_as_long_as_the_bytes() {
        let room = Room::new(4 * BLOCK);
        let read = |size: usize| {
            let room = room.clone();
            async move {
                let data = vec![0; size];
                let hash = keccak256(&data);
                let (mut collector, _) = room.collector(None);
                receive(&mut Body::from(data), &mut collector, Duration::from_secs(5)).await?;
                collector.finish(hash)
            }
        };
        let first = read(3 * BLOCK).await.unwrap();
        assert!(matches!(read(2 * BLOCK).await, Err(UploadError::NoRoom)));
        drop(first);
        assert_eq!(read(2 * BLOCK).await.unwrap().length, 2 * BLOCK as u64);
        assert_eq!(room.0.available_permits(), 4);
    }

    #[tokio::test]
    async fn a_body_that_never_ends_is_given_up() {
        let mut body = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
        let (mut collector, _) = Room::new(BLOCK).collector(None);
        let read = receive(&mut body, &mut collector, Duration::from_millis(10)).await;
        assert!(matches!(read, Err(UploadError::TooSlow(_))));
    }

    #[tokio::test]
    async fn who_reads_along_sees_the_end_only_of_the_right_bytes() {
        let room = Room::new(2 * BLOCK);
        let (mut collector, source) = room.collector(Some(u64::MAX));
        collector.add(b"seg").unwrap();
        assert_eq!(source.read(0).await, Ok(Some(Bytes::from_static(b"seg"))));
        collector.add(b"ment").unwrap();
        let upload = collector.finish(keccak256(b"segment")).unwrap();
        assert_eq!((upload.length, source.complete()), (7, Some("segment".into())));

        let (mut collector, source) = room.collector(None);
        collector.add(b"segment").unwrap();
        let wrong = collector.finish(keccak256(b"another")).unwrap_err();
        assert!(matches!(wrong, UploadError::WrongHash));
        assert_eq!(source.whole().await, Err(Broken));
    }

    #[tokio::test]
    async fn a_text_is_short() {
        let read = |size: usize| async move {
            receive_text(&mut Body::from(vec![b'x'; size]), 10, Duration::from_secs(5)).await
        };
        assert_eq!(read(10).await.unwrap().len(), 10);
        assert!(matches!(read(11).await, Err(UploadError::NotAUrl)));
    }
}
