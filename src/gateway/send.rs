//! The life of one segment: sent, answered, fetched, checked, kept. Sessions are shared by all segments in flight.

use std::{
    sync::{Arc, Mutex as SyncMutex, PoisonError},
    time::{Duration, Instant},
};

use alloy::primitives::{B256, keccak256};
use bytes::Bytes;
use futures_util::future::join_all;
use jiff::Timestamp;
use reqwest::Client;
use tempfile::TempDir;
use tokio::{
    sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::{
    cut::Segment,
    download::download,
    orchestrator::{Orchestrator, OrchestratorError, Session},
    output::Output,
    push::PushEvent,
    submit::{Answer, Remedy, Submission, SubmitError, submit},
    tools::Tools,
    verify::{Promise, Verified, is_signed, verify},
};
use crate::{
    media::{count, ladder::Profile, size::Size},
    view::push::{PushStage, SegmentFailure},
    wire::{capability::CapabilitySet, net, segment::Credentials, signature::MessageSigner},
};

/// Pause before the second attempt; doubled for each further one.
const PAUSE: Duration = Duration::from_millis(250);
/// How long nothing may be heard of an orchestrator before the rest of the file is kept back …
const SILENCE: Duration = Duration::from_secs(15);
/// … and how many segments in a row must have failed for it.
const SILENT_SEGMENTS: u32 = 3;

/// Everything the segments of one push share.
pub(super) struct Sender {
    pub tools: Tools,
    pub orchestrator: Orchestrator,
    pub signer: Arc<dyn MessageSigner>,
    pub job: CapabilitySet,
    pub manifest_id: String,
    pub profiles: Vec<Profile>,
    pub source_size: Size,
    pub upload: Client,
    pub fetch: Client,
    pub attempts: u32,
    pub verifies: bool,
    pub output: Option<Output>,
    pub checks: TempDir,
    pub checking: Arc<Semaphore>,
    pub progress: mpsc::Sender<PushEvent>,
    pub sessions: Mutex<Sessions>,
    pub contact: SyncMutex<Contact>,
    pub stop: CancellationToken,
    pub lost: CancellationToken,
}

/// The session in use and those before it, which still hold work in flight.
pub(super) struct Sessions {
    pub current: Session,
    pub earlier: Vec<net::AuthToken>,
}

/// When the orchestrator was last heard of.
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
            pixels_reported: 0,
            signature_checked: false,
            renditions: vec![Received::default(); profiles],
            failures: Vec::new(),
        }
    }

    fn fail(&mut self, stage: PushStage, rendition: Option<&Profile>, message: impl ToString) {
        self.failures.push(SegmentFailure {
            seq: self.seq,
            rendition: rendition.map(|profile| profile.name.clone()),
            stage,
            message: message.to_string(),
            attempts: self.attempts,
        });
    }
}

impl Sender {
    /// Carries one segment through. `slot` is its place among the segments being sent; it is given up as soon as the
    /// segment's renditions are here and there is room among those being checked.
    pub async fn carry(&self, segment: Segment, slot: OwnedSemaphorePermit) -> Outcome {
        let (seq, duration) = (segment.seq, segment.duration);
        let mut outcome = Outcome::new(seq, duration, self.profiles.len());
        let stopped = tokio::select! {
            () = self.run(segment, slot, &mut outcome) => false,
            () = self.stop.cancelled() => true,
        };
        if stopped {
            outcome.fail(PushStage::Submit, None, "stopped before it was done");
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

    /// Progress is for looking at: if nobody keeps up, it is dropped.
    pub fn tell(&self, event: PushEvent) {
        let _ = self.progress.try_send(event);
    }

    async fn run(&self, segment: Segment, slot: OwnedSemaphorePermit, outcome: &mut Outcome) {
        let (hash, size) = look_at(segment.data.clone(), self.source_size).await;
        let answer = match self.submit(&segment, hash, outcome).await {
            Ok(answer) => answer,
            Err(message) => return outcome.fail(PushStage::Submit, None, message),
        };
        let (answer, session) = answer;
        outcome.latency = Some(answer.latency);
        if let Err(error) = self.adopt(&session, &answer).await {
            return outcome.fail(PushStage::Answer, None, error);
        }
        let pixels = answer
            .segments
            .iter()
            .map(|rendition| u64::try_from(rendition.pixels).unwrap_or(0));
        outcome.pixels_reported = pixels.fold(0, u64::saturating_add);
        if answer.segments.len() != self.profiles.len() {
            let message = format!(
                "{} renditions came for {} profiles",
                answer.segments.len(),
                self.profiles.len()
            );
            return outcome.fail(PushStage::Answer, None, message);
        }
        let renditions = self.fetch_all(&session, &answer, outcome).await;
        outcome.arrived = Some(Instant::now());
        let Ok(checking) = Arc::clone(&self.checking).acquire_owned().await else {
            return;
        };
        drop(slot);
        self.check(&session, &answer, &renditions, size, outcome).await;
        drop(checking);
    }

    /// Sends the segment until it is answered, or trying again makes no sense.
    async fn submit(
        &self,
        segment: &Segment,
        hash: B256,
        outcome: &mut Outcome,
    ) -> Result<(Answer, Session), String> {
        let mut pause = PAUSE;
        loop {
            let session = match self.session().await {
                Ok(session) => session,
                Err(error) => return Err(self.unheard(error.is_unreachable(), &error)),
            };
            outcome.attempts += 1;
            outcome.departed.get_or_insert_with(Instant::now);
            outcome.bytes_sent += segment.data.len() as u64;
            self.tell(PushEvent::Sent {
                seq: segment.seq,
                attempt: outcome.attempts,
            });
            let error = match self.submit_once(segment, hash, &session).await {
                Ok(answer) => {
                    self.heard();
                    self.tell(PushEvent::Answered {
                        seq: segment.seq,
                        latency: answer.latency,
                    });
                    return Ok((answer, session));
                }
                Err(error) => error,
            };
            if !error.is_unreachable() {
                self.heard();
            }
            let remedy = error.remedy();
            let is_last = outcome.attempts >= self.attempts || self.lost.is_cancelled();
            if remedy == Remedy::GiveUp || is_last {
                return Err(self.unheard(error.is_unreachable(), &error));
            }
            self.tell(PushEvent::Retried {
                seq: segment.seq,
                reason: error.to_string(),
            });
            sleep(pause).await;
            pause *= 2;
            if remedy == Remedy::NewSession
                && let Err(error) = self.renew(&session).await
            {
                return Err(self.unheard(error.is_unreachable(), &error));
            }
        }
    }

    async fn submit_once(
        &self,
        segment: &Segment,
        hash: B256,
        session: &Session,
    ) -> Result<Answer, SubmitError> {
        let credentials = Credentials {
            manifest_id: &self.manifest_id,
            seq: segment.seq,
            hash,
            duration: segment.duration,
            profiles: &self.profiles,
            auth_token: session.token.clone(),
            capabilities: crate::wire::capability::job_message(&self.job, ""),
        }
        .build(&*self.signer);
        let sender = self.signer.address();
        // The orchestrator checks the segment's signature against the payment's sender. The price must be there, or
        // a go-livepeer orchestrator's handler crashes.
        let payment = (!sender.is_zero()).then(|| net::Payment {
            sender: sender.to_vec(),
            expected_price: Some(session.price.clone().unwrap_or(net::PriceInfo {
                pixels_per_unit: 1,
                ..net::PriceInfo::default()
            })),
            ..net::Payment::default()
        });
        let submission = Submission {
            transcoder: &session.transcoder,
            credentials: &credentials,
            payment: payment.as_ref(),
            data: segment.data.clone(),
            duration: segment.duration,
        };
        submit(&self.upload, submission).await
    }

    /// The session in use; a new one if its token is about to end.
    async fn session(&self) -> Result<Session, OrchestratorError> {
        let mut sessions = self.sessions.lock().await;
        if sessions.current.is_ending(Timestamp::now()) {
            self.replace(&mut sessions).await?;
        }
        Ok(sessions.current.clone())
    }

    /// Replaces `old`, unless another segment has done so already.
    async fn renew(&self, old: &Session) -> Result<(), OrchestratorError> {
        let mut sessions = self.sessions.lock().await;
        if sessions.current.token.session_id == old.token.session_id {
            self.replace(&mut sessions).await?;
        }
        Ok(())
    }

    async fn replace(&self, sessions: &mut Sessions) -> Result<(), OrchestratorError> {
        let new = self.orchestrator.open(&self.job).await?;
        self.heard();
        self.tell(PushEvent::Session {
            id: new.token.session_id.clone(),
        });
        if let Err(error) = sessions.current.keeps_account(new.account) {
            // Not used, but to be given back with the others.
            sessions.earlier.push(new.token);
            return Err(error);
        }
        let old = std::mem::replace(&mut sessions.current, new);
        sessions.earlier.push(old.token);
        Ok(())
    }

    /// Takes over what an answer says of the orchestrator, if its session is still the one in use.
    async fn adopt(&self, session: &Session, answer: &Answer) -> Result<(), OrchestratorError> {
        let Some(info) = &answer.info else { return Ok(()) };
        let mut sessions = self.sessions.lock().await;
        match sessions.current.token.session_id == session.token.session_id {
            true => sessions.current.adopt(info),
            false => session.clone().adopt(info),
        }
    }

    fn heard(&self) {
        let mut contact = self.contact.lock().unwrap_or_else(PoisonError::into_inner);
        contact.last = Instant::now();
        contact.silent_segments = 0;
    }

    /// Notes a segment's last failure; after enough silence the push keeps the rest back.
    fn unheard(&self, is_unreachable: bool, error: &dyn std::error::Error) -> String {
        if is_unreachable {
            let mut contact = self.contact.lock().unwrap_or_else(PoisonError::into_inner);
            contact.silent_segments += 1;
            if contact.silent_segments >= SILENT_SEGMENTS && contact.last.elapsed() >= SILENCE {
                self.lost.cancel();
            }
        }
        error.to_string()
    }

    /// Fetches all renditions at once; each is asked for a second time if that may help.
    async fn fetch_all(
        &self,
        session: &Session,
        answer: &Answer,
        outcome: &mut Outcome,
    ) -> Vec<Option<Bytes>> {
        let fetch = async |address: &str| {
            let first = download(&self.fetch, &session.transcoder, address).await;
            match first {
                Err(error) if error.is_passing() => download(&self.fetch, &session.transcoder, address).await,
                done => done,
            }
        };
        let fetched = join_all(answer.segments.iter().map(|rendition| fetch(&rendition.url))).await;
        let mut renditions = Vec::new();
        for (index, fetched) in fetched.into_iter().enumerate() {
            match fetched {
                Ok(data) => {
                    outcome.renditions[index].bytes = Some(data.len() as u64);
                    renditions.push(Some(data));
                }
                Err(error) => {
                    outcome.fail(PushStage::Download, self.profiles.get(index), error);
                    renditions.push(None);
                }
            }
        }
        renditions
    }

    async fn check(
        &self,
        session: &Session,
        answer: &Answer,
        renditions: &[Option<Bytes>],
        source: Size,
        outcome: &mut Outcome,
    ) {
        let all: Option<Vec<Bytes>> = renditions.iter().cloned().collect();
        if let (true, Some(account), Some(all)) = (self.verifies, session.account, all) {
            let signature = answer.signature.clone();
            let checked = tokio::task::spawn_blocking(move || is_signed(account, &all, &signature)).await;
            match checked {
                Ok(true) => outcome.signature_checked = true,
                _ => outcome.fail(
                    PushStage::Answer,
                    None,
                    format!("the result is not signed by {account}"),
                ),
            }
        }
        for (index, profile) in self.profiles.iter().enumerate() {
            let Some(data) = renditions.get(index).and_then(Option::as_ref) else {
                continue;
            };
            if self.verifies {
                let promise = Promise {
                    profile,
                    source,
                    pixels: answer.segments.get(index).map_or(0, |rendition| rendition.pixels),
                };
                let file = self.checks.path().join(format!("{}-{index}", outcome.seq));
                match verify(&self.tools, &file, data, &promise).await {
                    Ok(verified) => outcome.renditions[index].verified = Some(verified),
                    Err(error) => outcome.fail(PushStage::Verify, Some(profile), error),
                }
            }
            if let Some(output) = &self.output {
                match output.write(profile, outcome.seq, data).await {
                    Ok(()) => outcome.renditions[index].is_kept = true,
                    Err(error) => outcome.fail(PushStage::Write, Some(profile), error),
                }
            }
        }
    }
}

/// Hash and picture size of a segment. Off the runtime's threads: a large segment takes some ten milliseconds.
async fn look_at(data: Bytes, otherwise: Size) -> (B256, Size) {
    let look = move || {
        let size = count::count(&data).and_then(|counted| counted.size);
        (keccak256(&data), size.unwrap_or(otherwise))
    };
    // The only way for it to fail is a panic, and then it is this task's too.
    match tokio::task::spawn_blocking(look).await {
        Ok(found) => found,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
