//! A segment's bytes, whole or still coming in. Whoever receives them writes, a transcoder reads along; nothing is the
//! segment until the receiver has said that it is complete and right.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use tokio::sync::watch;

/// Most bytes handed over at once.
const CHUNK: usize = 64 << 10;

/// The receiver gave up, or what it received was not what it was promised: all work on it is void.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the segment did not arrive whole")]
pub struct Broken;

/// The writing end. Dropped before [`Incoming::finish`], the segment is void.
#[derive(Debug)]
pub struct Incoming {
    shared: Arc<Shared>,
}

/// The reading end; cheap to clone.
#[derive(Debug, Clone)]
pub struct Source {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Told of every change; what the change was is in `state`.
    changed: watch::Sender<()>,
}

#[derive(Debug)]
enum State {
    Arriving(BytesMut),
    Complete(Bytes),
    Broken,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Both ends of a segment of which nothing has arrived. `expected` bytes are set aside.
#[must_use]
pub fn arrival(expected: usize) -> (Incoming, Source) {
    let shared = Arc::new(Shared {
        state: Mutex::new(State::Arriving(BytesMut::with_capacity(expected))),
        changed: watch::Sender::new(()),
    });
    let source = Source {
        shared: Arc::clone(&shared),
    };
    (Incoming { shared }, source)
}

impl Incoming {
    /// Takes the next bytes.
    pub fn push(&mut self, chunk: &[u8]) {
        if let State::Arriving(data) = &mut *self.shared.state() {
            data.extend_from_slice(chunk);
        }
        self.shared.changed.send_replace(());
    }

    /// Bytes so far.
    #[must_use]
    pub fn len(&self) -> usize {
        match &*self.shared.state() {
            State::Arriving(data) => data.len(),
            State::Complete(data) => data.len(),
            State::Broken => 0,
        }
    }

    /// Whether nothing has come yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All bytes are here and they are the ones that were promised. Readers see the end only now.
    #[must_use]
    pub fn finish(self) -> Bytes {
        let mut state = self.shared.state();
        let data = match &mut *state {
            State::Arriving(data) => std::mem::take(data).freeze(),
            State::Complete(data) => data.clone(),
            State::Broken => Bytes::new(),
        };
        *state = State::Complete(data.clone());
        data
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        if let State::Arriving(_) = &*state {
            *state = State::Broken;
        }
        drop(state);
        self.shared.changed.send_replace(());
    }
}

impl From<Bytes> for Source {
    fn from(whole: Bytes) -> Self {
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(State::Complete(whole)),
                changed: watch::Sender::new(()),
            }),
        }
    }
}

impl Source {
    /// The next bytes from `offset` on, at most 64 KiB, as soon as there are any. None at the end, which is known only
    /// when the whole segment has arrived and is right. May be cancelled.
    ///
    /// # Errors
    /// [`Broken`].
    pub async fn read(&self, offset: usize) -> Result<Option<Bytes>, Broken> {
        let mut changed = self.shared.changed.subscribe();
        loop {
            {
                let state = self.shared.state();
                match &*state {
                    State::Arriving(data) if data.len() > offset => {
                        let end = data.len().min(offset + CHUNK);
                        return Ok(data.get(offset..end).map(Bytes::copy_from_slice));
                    }
                    State::Arriving(_) => {}
                    State::Complete(data) if data.len() > offset => {
                        return Ok(Some(data.slice(offset..data.len().min(offset + CHUNK))));
                    }
                    State::Complete(_) => return Ok(None),
                    State::Broken => return Err(Broken),
                }
            }
            // The sender lives as long as this end does.
            let _ = changed.changed().await;
        }
    }

    /// The whole segment, once it has arrived and is right. May be cancelled.
    ///
    /// # Errors
    /// [`Broken`].
    pub async fn whole(&self) -> Result<Bytes, Broken> {
        let mut changed = self.shared.changed.subscribe();
        loop {
            match &*self.shared.state() {
                State::Arriving(_) => {}
                State::Complete(data) => return Ok(data.clone()),
                State::Broken => return Err(Broken),
            }
            let _ = changed.changed().await;
        }
    }

    /// Whether it is void.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        matches!(&*self.shared.state(), State::Broken)
    }

    /// The whole segment if it is here already.
    #[must_use]
    pub fn complete(&self) -> Option<Bytes> {
        match &*self.shared.state() {
            State::Complete(data) => Some(data.clone()),
            State::Arriving(_) | State::Broken => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::poll;

    use super::*;

    #[tokio::test]
    async fn a_reader_follows_and_sees_the_end_only_when_it_is_right() {
        let (mut incoming, source) = arrival(0);
        let mut first = Box::pin(source.read(0));
        assert!(poll!(first.as_mut()).is_pending());
        incoming.push(b"ab");
        assert_eq!(first.await, Ok(Some(Bytes::from_static(b"ab"))));
        let mut end = Box::pin(source.read(2));
        assert!(poll!(end.as_mut()).is_pending());
        assert_eq!(source.complete(), None);
        assert_eq!(incoming.finish(), "ab");
        assert_eq!(end.await, Ok(None));
        assert_eq!(source.whole().await, Ok(Bytes::from_static(b"ab")));
        assert_eq!(source.read(1).await, Ok(Some(Bytes::from_static(b"b"))));
    }

    #[tokio::test]
    async fn what_is_not_finished_is_void() {
        let (mut incoming, source) = arrival(10);
        incoming.push(b"ab");
        let mut whole = Box::pin(source.whole());
        assert!(poll!(whole.as_mut()).is_pending());
        drop(incoming);
        assert_eq!(whole.await, Err(Broken));
        assert_eq!(source.read(0).await, Err(Broken));
        assert!(source.is_broken() && source.complete().is_none());
    }

    #[tokio::test]
    async fn large_segments_come_in_parts() {
        let source = Source::from(Bytes::from(vec![7; CHUNK + 1]));
        assert_eq!(source.read(0).await.unwrap().unwrap().len(), CHUNK);
        assert_eq!(source.read(CHUNK).await.unwrap().unwrap().len(), 1);
        assert_eq!(source.read(CHUNK + 1).await, Ok(None));
    }
}
