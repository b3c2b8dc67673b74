//! A list of candidates that is fetched, kept for a while, and kept longer when it cannot be fetched again.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex as SyncMutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::Mutex;

use super::Candidate;

/// Pause before a list that never came is asked for again.
const PAUSE: Duration = Duration::from_secs(1);
/// Most candidates taken from one list.
const CANDIDATES: usize = 1000;

/// Why there is no list. Shows no more of an address than its host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{origin} gives no list of orchestrators: {reason}")]
pub struct SourceError {
    /// Who was asked.
    pub origin: String,
    /// What happened instead. Text from outside possible.
    pub reason: String,
}

/// What a fetch comes to.
pub(super) type Fetched<'a> = Pin<Box<dyn Future<Output = Result<Vec<Candidate>, String>> + Send + 'a>>;

/// Something that names candidates when asked.
pub(super) trait Fetch: Send + Sync {
    /// Who it is, for messages.
    fn origin(&self) -> String;

    /// Asks it.
    fn fetch(&self) -> Fetched<'_>;
}

/// The last list of a source.
pub(super) struct Cached {
    source: Box<dyn Fetch>,
    lifetime: Duration,
    known: SyncMutex<Arc<[Candidate]>>,
    last: Mutex<Option<Last>>,
}

/// The last time it was asked.
struct Last {
    at: Instant,
    error: Option<SourceError>,
}

impl fmt::Debug for Cached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cached").field(&self.source.origin()).finish()
    }
}

impl Cached {
    pub(super) fn new(source: impl Fetch + 'static, lifetime: Duration) -> Self {
        Self {
            source: Box::new(source),
            lifetime,
            known: SyncMutex::new(Arc::new([])),
            last: Mutex::new(None),
        }
    }

    pub(super) fn known(&self) -> Arc<[Candidate]> {
        Arc::clone(&self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The list, fetched anew if its time is over. Callers wait for one fetch together.
    pub(super) async fn get(&self) -> Result<Arc<[Candidate]>, SourceError> {
        let mut last = self.last.lock().await;
        let known = self.known();
        let lifetime = if known.is_empty() { PAUSE } else { self.lifetime };
        if let Some(last) = &*last
            && last.at.elapsed() < lifetime
        {
            return match (&last.error, known.is_empty()) {
                (Some(error), true) => Err(error.clone()),
                _ => Ok(known),
            };
        }
        let fetched = self.source.fetch().await;
        let error = |reason| SourceError {
            origin: self.source.origin(),
            reason,
        };
        let (answer, error) = match fetched {
            Ok(mut list) => {
                list.truncate(CANDIDATES);
                let list: Arc<[Candidate]> = list.into();
                *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&list);
                (Ok(list), None)
            }
            Err(reason) if known.is_empty() => (Err(error(reason.clone())), Some(error(reason))),
            Err(reason) => {
                let error = error(reason);
                tracing::warn!(%error, "the last one stays in use");
                (Ok(known), Some(error))
            }
        };
        *last = Some(Last {
            at: Instant::now(),
            error,
        });
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    struct Script {
        asked: Arc<AtomicU32>,
        answers: Vec<Result<usize, &'static str>>,
    }

    impl Fetch for Script {
        fn origin(&self) -> String {
            "the script".into()
        }

        fn fetch(&self) -> Fetched<'_> {
            let turn = self.asked.fetch_add(1, Ordering::Relaxed) as usize;
            Box::pin(async move {
                let count = self.answers[turn].map_err(String::from)?;
                Ok((0..count)
                    .map(|port| Candidate {
                        uri: format!("https://o:{}", port + 1).parse().unwrap(),
                        is_trusted: false,
                        account: None,
                        stake: None,
                    })
                    .collect())
            })
        }
    }

    fn cached(answers: Vec<Result<usize, &'static str>>, lifetime: Duration) -> (Cached, Arc<AtomicU32>) {
        let asked = Arc::new(AtomicU32::new(0));
        let script = Script {
            asked: Arc::clone(&asked),
            answers,
        };
        (Cached::new(script, lifetime), asked)
    }

    #[tokio::test]
    async fn a_list_is_kept_for_its_time_and_beyond_a_failure() {
        let (list, asked) = cached(vec![Ok(2), Err("down")], Duration::from_secs(60));
        assert_eq!(list.get().await.unwrap().len(), 2);
        assert_eq!(list.get().await.unwrap().len(), 2);
        assert_eq!(asked.load(Ordering::Relaxed), 1);

        let (list, asked) = cached(vec![Ok(2), Err("down"), Ok(2000)], Duration::ZERO);
        assert_eq!(list.get().await.unwrap().len(), 2);
        assert_eq!(list.get().await.unwrap().len(), 2, "a failure took the list away");
        assert_eq!(list.get().await.unwrap().len(), CANDIDATES);
        assert_eq!(asked.load(Ordering::Relaxed), 3);
    }

    #[tokio::test]
    async fn a_list_that_never_came_is_an_error_and_not_asked_for_all_the_time() {
        let (list, asked) = cached(vec![Err("down")], Duration::ZERO);
        for _ in 0..3 {
            let error = list.get().await.unwrap_err();
            assert_eq!(
                error.to_string(),
                "the script gives no list of orchestrators: down"
            );
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }
}
