//! What is to be known of a segment before it is sent.

use alloy::primitives::{B256, keccak256};
use bytes::Bytes;

use crate::media::{count, inspect, size::Size};

/// A segment, looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub hash: B256,
    /// Size of its first picture, if it says so.
    pub size: Option<Size>,
    /// Whether it is sound beside a video track without pictures.
    pub has_no_pictures: bool,
}

/// Looks at a segment. Off the runtime's threads: a large one takes some ten milliseconds.
pub(super) async fn look_at(data: Bytes) -> Look {
    let look = move || {
        let counted = count::count(&data);
        Look {
            hash: keccak256(&data),
            size: counted.and_then(|counted| counted.size),
            has_no_pictures: counted.is_some_and(|counted| counted.frames == 0)
                && inspect::is_sound_alone(&data),
        }
    };
    // The only way for it to fail is a panic, and then it is this task's too.
    match tokio::task::spawn_blocking(look).await {
        Ok(found) => found,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
