//! The life of one segment of a file: sent, answered, fetched and checked by its stream, then kept.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_util::sync::CancellationToken;

use super::{
    cut::Segment,
    output::Output,
    push::PushEvent,
    stream::{AttemptError, Progress, SegmentDone, SourceSegment, Stream, StreamError},
    verify::Verified,
};
use crate::{
    media::ladder::Profile,
    view::push::{PushStage, SegmentFailure},
};

/// How long nothing may be heard of any orchestrator before the rest of the file is kept back …
const SILENCE: Duration = Duration::from_secs(15);
/// … and how many segments in a row must have failed for it.
const SILENT_SEGMENTS: u32 = 3;

/// Everything the segments of one push share.
pub(super) struct Sender {
    pub stream: Stream,
    pub profiles: Vec<Profile>,
    pub output: Option<Output>,
    pub progress: mpsc::Sender<PushEvent>,
    pub contact: Mutex<Contact>,
    pub stop: CancellationToken,
    pub lost: CancellationToken,
}

/// When an orchestrator was last heard of.
pub(super) struct Contact {
    pub last: Instant,
    pub silent_segments: u32,
}

/// What became of one segment.
#[derive(Debug)]
pub(super) struct Outcome {
    pub seq: u64,
    pub duration: Duration,
    pub bytes_sent: u64,
    pub attempts: u32,
    pub departed: Option<Instant>,
    pub arrived: Option<Instant>,
    pub latency: Option<Duration>,
    pub orchestrator: Option<String>,
    pub pixels_reported: u64,
    pub signature_checked: bool,
    pub renditions: Vec<Received>,
    pub failures: Vec<SegmentFailure>,
}

/// One rendition as far as it came.
#[derive(Debug, Clone, Default)]
pub(super) struct Received {
    pub bytes: Option<u64>,
    pub verified: Option<Verified>,
    pub is_kept: bool,
}

impl Outcome {
    fn new(seq: u64, duration: Duration, profiles: usize) -> Self {
        Self {
            seq,
            duration,
            bytes_sent: 0,
            attempts: 0,
            departed: None,
            arrived: None,
            latency: None,
            orchestrator: None,
            pixels_reported: 0,
            signature_checked: false,
            renditions: vec![Received::default(); profiles],
            failures: Vec::new(),
        }
    }

    fn fail(&mut self, stage: PushStage, rendition: Option<&str>, message: impl ToString) {
        self.failures.push(SegmentFailure {
            seq: self.seq,
            rendition: rendition.map(ToString::to_string),
            stage,
            message: message.to_string(),
            attempts: self.attempts,
            unreachable: false,
        });
    }

    /// What the segment's last attempt came to.
    fn fail_for(&mut self, error: &AttemptError) {
        self.fail(error.stage(), error.rendition(), error);
        if let Some(failure) = self.failures.last_mut() {
            failure.unreachable = error.is_unreachable();
        }
    }
}

impl Sender {
    /// Carries one segment through. `slot` is its place among the segments being sent; it is given up as soon as the
    /// segment's renditions are here and there is room among those being checked.
    pub async fn carry(&self, segment: Segment, slot: OwnedSemaphorePermit) -> Outcome {
        let (seq, duration) = (segment.seq, segment.duration);
        let outcome = Mutex::new(Outcome::new(seq, duration, self.profiles.len()));
        let sent = tokio::select! {
            sent = self.send(segment, slot, &outcome) => Some(sent),
            () = self.stop.cancelled() => None,
        };
        let mut outcome = outcome.into_inner().unwrap_or_else(PoisonError::into_inner);
        match sent {
            None => outcome.fail(PushStage::Submit, None, "stopped before it was done"),
            Some(Ok(done)) => self.keep(done, &mut outcome).await,
            Some(Err(error)) => self.note(&error, &mut outcome),
        }
        self.tell(match outcome.failures.first() {
            None => PushEvent::Done { seq },
            Some(failure) => PushEvent::Failed {
                seq,
                reason: failure.message.clone(),
            },
        });
        outcome
    }

    /// Tells what happens, if anybody keeps up with it.
    pub fn tell(&self, event: PushEvent) {
        let _ = self.progress.try_send(event);
    }

    async fn send(
        &self,
        segment: Segment,
        slot: OwnedSemaphorePermit,
        outcome: &Mutex<Outcome>,
    ) -> Result<SegmentDone, StreamError> {
        let seq = segment.seq;
        let slot = Mutex::new(Some(slot));
        let observer = |progress: Progress<'_>| {
            let mut outcome = locked(outcome);
            match progress {
                Progress::Session(id) => self.tell(PushEvent::Session { id: id.to_string() }),
                Progress::Attempt { since } => {
                    outcome.attempts += 1;
                    outcome.departed.get_or_insert_with(Instant::now);
                    if let Some(error) = since {
                        self.tell(PushEvent::Retried {
                            seq,
                            reason: error.to_string(),
                        });
                    }
                    self.tell(PushEvent::Sent {
                        seq,
                        attempt: outcome.attempts,
                    });
                }
                Progress::Bytes(bytes) => outcome.bytes_sent += bytes,
                Progress::Heard => self.heard(),
                Progress::Answered { latency } => {
                    outcome.latency = Some(latency);
                    self.tell(PushEvent::Answered { seq, latency });
                }
                Progress::Arrived => {
                    outcome.arrived = Some(Instant::now());
                    drop(locked(&slot).take());
                }
            }
        };
        let segment = SourceSegment {
            seq,
            data: segment.data,
            duration: segment.duration,
            clip: None,
            force_reinit: false,
        };
        self.stream.transcode_observed(segment, &observer).await
    }

    /// Takes down what came back, and writes it.
    async fn keep(&self, done: SegmentDone, outcome: &mut Outcome) {
        outcome.orchestrator = done.orchestrator;
        outcome.pixels_reported = done.pixels;
        outcome.signature_checked = done.checked.is_signed;
        for fault in &done.checked.faults {
            let profile = Some(fault.profile.as_str()).filter(|name| !name.is_empty());
            outcome.fail(PushStage::Verify, profile, fault);
        }
        for (index, (profile, data)) in done.renditions.iter().enumerate() {
            let received = &mut outcome.renditions[index];
            received.bytes = Some(data.len() as u64);
            received.verified = done.checked.renditions.get(index).copied().flatten();
            let Some(output) = &self.output else { continue };
            match output.write(profile, outcome.seq, data).await {
                Ok(()) => outcome.renditions[index].is_kept = true,
                Err(error) => outcome.fail(PushStage::Write, Some(&profile.name), error),
            }
        }
    }

    /// Takes down why nothing came back; after enough silence the push keeps the rest back.
    fn note(&self, error: &StreamError, outcome: &mut Outcome) {
        match error {
            StreamError::NoSessions(nobody) => outcome.fail_for(&AttemptError::Nobody(Arc::clone(nobody))),
            StreamError::Exhausted { last } => outcome.fail_for(last),
            StreamError::Final(text) => outcome.fail(PushStage::Submit, None, text),
            StreamError::Stopped => outcome.fail(PushStage::Submit, None, "stopped before it was done"),
        }
        if outcome.failures.last().is_some_and(|failure| failure.unreachable) {
            let mut contact = locked(&self.contact);
            contact.silent_segments += 1;
            if contact.silent_segments >= SILENT_SEGMENTS && contact.last.elapsed() >= SILENCE {
                self.lost.cancel();
            }
        }
    }

    fn heard(&self) {
        let mut contact = locked(&self.contact);
        contact.last = Instant::now();
        contact.silent_segments = 0;
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
