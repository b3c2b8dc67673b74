//! A pushed segment read into memory: bounded in bytes, in time, and in what all pushes together may hold.

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
const FIRST_CAPACITY: usize = 1 << 20;

/// Why there is no segment. The texts travel to whoever pushes.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    /// Larger than a segment may be (`go-livepeer common/util.go` `ReadAtMost`).
    #[error("input bigger than max buffer size")]
    TooLarge,
    /// The sender gave up, or sent something that is not HTTP.
    #[error("the upload broke off: {0}")]
    Broken(String),
    /// It took too long.
    #[error("the upload took longer than {0:?}")]
    TooSlow(Duration),
    /// All segments together hold as much as they may.
    #[error("no memory left for segments")]
    NoRoom,
}

/// Memory for segments on their way.
#[derive(Debug, Clone)]
pub(super) struct Room(Arc<Semaphore>);

/// Part of the room; given back when dropped.
#[derive(Debug, Default)]
pub(super) struct Held(Option<OwnedSemaphorePermit>);

impl Room {
    /// Room for about so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(
            (bytes / BLOCK).min(Semaphore::MAX_PERMITS),
        )))
    }

    /// Makes `held` cover so many bytes.
    pub(super) fn cover(&self, held: &mut Held, bytes: usize) -> Result<(), BodyError> {
        let has = held.0.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = bytes.div_ceil(BLOCK).saturating_sub(has);
        if missing == 0 {
            return Ok(());
        }
        let missing = u32::try_from(missing).map_err(|_| BodyError::NoRoom)?;
        let more = Arc::clone(&self.0)
            .try_acquire_many_owned(missing)
            .map_err(|_| BodyError::NoRoom)?;
        match &mut held.0 {
            Some(held) => held.merge(more),
            none => *none = Some(more),
        }
        Ok(())
    }
}

/// Reads a request's body to its end; `announced` is its `Content-Length`. The body stays with the caller, who may
/// have to read on after a failure.
pub(super) async fn read(
    body: &mut Body,
    announced: Option<u64>,
    room: &Room,
    within: Duration,
) -> Result<(Bytes, Held), BodyError> {
    let most = usize::try_from(MAX_SEGMENT_BYTES).unwrap_or(usize::MAX);
    if announced.is_some_and(|length| length > MAX_SEGMENT_BYTES) {
        return Err(BodyError::TooLarge);
    }
    let announced = announced.and_then(|length| usize::try_from(length).ok());
    let mut data = BytesMut::with_capacity(announced.unwrap_or(0).min(FIRST_CAPACITY));
    let mut held = Held::default();
    let reading = async {
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| BodyError::Broken(error.to_string()))?;
            let chunk = frame.data_ref().map(AsRef::as_ref).unwrap_or_default();
            if data.len() + chunk.len() > most {
                return Err(BodyError::TooLarge);
            }
            room.cover(&mut held, data.len() + chunk.len())?;
            data.extend_from_slice(chunk);
        }
        Ok(())
    };
    timeout(within, reading)
        .await
        .unwrap_or(Err(BodyError::TooSlow(within)))?;
    Ok((data.freeze(), held))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn room_is_held_as_long_as_the_segment() {
        let room = Room::new(4 * BLOCK);
        let read = async |size: usize| read(&mut Body::from(vec![7; size]), None, &room, PATIENCE).await;
        let (data, held) = read(3 * BLOCK).await.unwrap();
        assert_eq!(data.len(), 3 * BLOCK);
        assert!(matches!(read(2 * BLOCK).await, Err(BodyError::NoRoom)));
        drop(held);
        read(2 * BLOCK).await.unwrap();
        assert_eq!(room.0.available_permits(), 4);
    }

    #[tokio::test]
    async fn endless_and_oversized_bodies_are_given_up() {
        let room = Room::new(BLOCK);
        let mut endless = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
        let slow = read(&mut endless, None, &room, Duration::from_millis(10)).await;
        assert!(matches!(slow, Err(BodyError::TooSlow(_))));
        let large = read(&mut Body::empty(), Some(MAX_SEGMENT_BYTES + 1), &room, PATIENCE).await;
        assert!(matches!(large, Err(BodyError::TooLarge)));
    }
}
