//! One attempt at a segment: sent, answered, fetched and checked.

use std::{path::Path, sync::Arc, time::Instant};

use alloy::primitives::Address;
use bytes::Bytes;
use futures_util::future::join_all;
use tracing::Instrument as _;

use super::{Observer, Progress, SegmentDone, Shared, SourceSegment, VerificationPolicy, look::Look};
use crate::{
    gateway::{
        discovery::Nobody,
        download::{DownloadError, download},
        orchestrator::{OrchestratorError, Session},
        payment::{PaymentError, expected_pixels, reported_pixels},
        roster::{Assignment, latency_score},
        submit::{Answer, Remedy, Submission, SubmitError, submit},
        tools::Tools,
        verify::{Promise, Severity, Verified, is_signed, verify},
    },
    media::ladder::Profile,
    view::{gateway::AttemptRecord, push::PushStage},
    way,
    wire::{net, segment::Credentials},
};

/// Why an attempt failed. Text from outside possible.
#[derive(Debug, thiserror::Error)]
pub enum AttemptError {
    /// There was nobody to send it to.
    #[error(transparent)]
    Nobody(Arc<Nobody>),
    /// It was not answered with renditions.
    #[error(transparent)]
    Submit(SubmitError),
    /// The session was refused, and there is no other.
    #[error(transparent)]
    Session(OrchestratorError),
    /// It did not leave, for it could not be paid for.
    #[error(transparent)]
    Payment(Box<PaymentError>),
    /// What the orchestrator says of itself in its answer cannot be.
    #[error(transparent)]
    Answer(OrchestratorError),
    /// Not one rendition for each profile.
    #[error("{found} renditions came for {expected} profiles")]
    Count {
        /// How many came.
        found: usize,
        /// How many profiles there are.
        expected: usize,
    },
    /// A rendition is not to be had.
    #[error("{error}")]
    Download {
        /// The profile.
        profile: String,
        /// Why.
        error: DownloadError,
    },
    /// The perceptual hash of a rendition is not to be had.
    #[error("its perceptual hash is not there: {reason}")]
    Hash {
        /// The profile.
        profile: String,
        /// What happened instead.
        reason: String,
    },
    /// Somebody else vouches for the renditions, or nobody.
    #[error("the result is not signed by {0}")]
    Signature(Address),
    /// A rendition is not as promised.
    #[error("{0}")]
    Wrong(Fault),
}

impl AttemptError {
    /// Where it went wrong.
    #[must_use]
    pub fn stage(&self) -> PushStage {
        match self {
            Self::Nobody(_) | Self::Submit(_) | Self::Session(_) | Self::Payment(_) => PushStage::Submit,
            Self::Answer(_) | Self::Count { .. } | Self::Signature(_) => PushStage::Answer,
            Self::Download { .. } | Self::Hash { .. } => PushStage::Download,
            Self::Wrong(_) => PushStage::Verify,
        }
    }

    /// The profile, if it concerns one rendition.
    #[must_use]
    pub fn rendition(&self) -> Option<&str> {
        match self {
            Self::Download { profile, .. }
            | Self::Hash { profile, .. }
            | Self::Wrong(Fault { profile, .. }) => Some(profile),
            _ => None,
        }
    }

    /// True if no word came from an orchestrator.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Nobody(nobody) => nobody.is_unreachable(),
            Self::Submit(error) => error.is_unreachable(),
            Self::Session(error) => error.is_unreachable(),
            _ => false,
        }
    }

    /// True if it would fail everywhere.
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Self::Submit(error) if error.remedy() == Remedy::GiveUp)
    }

    /// True if it would be the same with everybody else, through the gateway's own fault.
    #[must_use]
    pub fn is_own_fault(&self) -> bool {
        matches!(self, Self::Payment(error) if error.is_own_fault())
    }

    pub(super) fn is_nobody(&self) -> bool {
        matches!(self, Self::Nobody(_))
    }

    /// Whether the same orchestrator may do better another time.
    pub(super) fn may_be_tried_again(&self) -> bool {
        match self {
            Self::Submit(error) => !matches!(error.remedy(), Remedy::GiveUp | Remedy::Elsewhere),
            Self::Download { .. }
            | Self::Count { .. }
            | Self::Hash { .. }
            | Self::Signature(_)
            | Self::Wrong(_) => true,
            Self::Session(error) => error.may_pass(),
            Self::Payment(error) => error.wants_refresh(),
            Self::Nobody(_) | Self::Answer(_) => false,
        }
    }
}

/// What is wrong with a rendition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Its profile.
    pub profile: String,
    /// What was found.
    pub message: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

/// What was found out about a result.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// Whether the orchestrator's account vouches for it.
    pub is_signed: bool,
    /// What each rendition is, where it was decoded and is right; in the order of the profiles.
    pub renditions: Vec<Option<Verified>>,
    /// What is wrong, or could not be found out. A result with faults is the best that could be had.
    pub faults: Vec<Fault>,
}

/// A result, and how bad it is; nothing is wrong without a severity.
#[derive(Debug)]
pub(super) struct Best {
    done: SegmentDone,
    pub(super) severity: Option<Severity>,
}

impl Best {
    /// The renditions, before they are handed over.
    pub(super) fn renditions(&self) -> &[(Profile, Bytes)] {
        &self.done.renditions
    }

    pub(super) fn done(mut self, attempts: u32) -> SegmentDone {
        self.done.attempts = attempts;
        self.done
    }

    /// Why it is not taken, as long as there may be a better one.
    pub(super) fn error(&self) -> AttemptError {
        let first = self.done.checked.faults.first().cloned();
        AttemptError::Wrong(first.unwrap_or(Fault {
            profile: String::new(),
            message: String::new(),
        }))
    }
}

/// Gives a segment's place back, however the attempt ends.
struct Landing<'a> {
    shared: &'a Arc<Shared>,
    assignment: &'a Assignment,
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        self.shared.roster().released(self.assignment);
    }
}

impl Shared {
    /// Sends a segment to someone once.
    pub(super) async fn attempt(
        self: &Arc<Self>,
        assignment: &Assignment,
        segment: &SourceSegment,
        look: &Look,
        observer: Observer<'_>,
    ) -> (Result<Best, AttemptError>, AttemptRecord) {
        let _landing = Landing {
            shared: self,
            assignment,
        };
        let mut record = AttemptRecord {
            orchestrator: Some(assignment.session.transcoder.clone()),
            session: Some(assignment.session.token.session_id.clone()),
            ..AttemptRecord::default()
        };
        let span = way::segment(
            &assignment.session.token.session_id,
            segment.seq,
            &self.settings.manifest_id,
        );
        let making = self.make(assignment, segment, look, observer, &mut record);
        let making = making.instrument(span.in_scope(way::sending));
        let made = Box::pin(making).instrument(span.clone()).await;
        span.in_scope(|| match &made {
            Ok(made) => tracing::info!(
                uri = %assignment.uri,
                latency_ms = millis(made.done.latency),
                "a segment came back with its renditions"
            ),
            Err(error) => tracing::warn!(uri = %assignment.uri, %error, "an attempt at a segment failed"),
        });
        let wants_session = match &made {
            Err(AttemptError::Submit(error)) => error.remedy() == Remedy::NewSession,
            Err(AttemptError::Payment(error)) => error.wants_refresh(),
            _ => false,
        };
        let made = match made {
            Err(error) if wants_session => {
                // The orchestrator is there; only the session is not.
                match self.renew(assignment).await {
                    Ok(()) => Err(error),
                    Err(error) => {
                        self.roster().failed(assignment);
                        Err(AttemptError::Session(error))
                    }
                }
            }
            Err(error) => {
                // Neither the segment's fault nor the gateway's is the orchestrator's.
                if !error.is_final() && !error.is_own_fault() {
                    self.roster().failed(assignment);
                }
                Err(error)
            }
            Ok(made) => {
                if made.severity.is_some() {
                    self.roster().failed(assignment);
                }
                Ok(made)
            }
        };
        record.failure = match &made {
            Ok(made) if made.severity.is_some() => Some(made.error().to_string()),
            Ok(_) => None,
            Err(error) => Some(error.to_string()),
        };
        (made, record)
    }

    async fn make(
        &self,
        assignment: &Assignment,
        segment: &SourceSegment,
        look: &Look,
        observer: Observer<'_>,
        record: &mut AttemptRecord,
    ) -> Result<Best, AttemptError> {
        let session = &assignment.session;
        let mut paid = match &self.core.purse {
            Some(purse) => {
                let pixels = expected_pixels(&self.settings.profiles, segment.duration);
                purse
                    .pay(session, pixels)
                    .await
                    .map_err(|error| AttemptError::Payment(Box::new(error)))?
            }
            None => None,
        };
        let payment = paid.as_mut().map(|paid| {
            paid.depart();
            paid.message.clone()
        });
        let payment = payment.or_else(|| self.unpaid(session));
        let sent = self.send(session, segment, look, payment.as_ref()).await;
        record.payment = paid.map(|paid| paid.settle(&sent));
        if !matches!(&sent, Err(error) if error.is_unsent()) {
            observer(Progress::Bytes(segment.data.len() as u64));
        }
        if !matches!(&sent, Err(error) if error.is_unreachable()) {
            observer(Progress::Heard);
        }
        let answer = sent.map_err(AttemptError::Submit)?;
        observer(Progress::Answered {
            latency: answer.latency,
        });
        record.upload_ms = Some(millis(answer.upload));
        record.transcode_ms = Some(millis(answer.latency));
        let is_too_dear = match answer
            .info
            .as_ref()
            .map(|info| self.roster().adopt(assignment, info))
        {
            None | Some(Ok(())) => false,
            // What it asks from now on takes nothing from what is done.
            Some(Err(error @ OrchestratorError::PriceDoubled { .. })) => {
                tracing::warn!(uri = %assignment.uri, %error, "it gets no more segments for now");
                true
            }
            Some(Err(error)) => return Err(AttemptError::Answer(error)),
        };
        let expected = self.settings.profiles.len();
        if answer.segments.len() != expected {
            return Err(AttemptError::Count {
                found: answer.segments.len(),
                expected,
            });
        }
        let start = Instant::now();
        let renditions = self.fetch_all(session, &answer).await?;
        if self.settings.verification_frequency > 0 {
            self.fetch_hash(session, &answer).await?;
        }
        record.download_ms = Some(millis(start.elapsed()));
        // From here on the orchestrator is free again.
        match is_too_dear {
            true => self.roster().failed(assignment),
            false => self
                .roster()
                .done(assignment, latency_score(answer.latency, segment.duration)),
        }
        let checked = self.check(session, &answer, &renditions, look, observer).await?;
        let (checked, severity) = checked;
        Ok(Best {
            severity,
            done: SegmentDone {
                renditions: self.settings.profiles.iter().cloned().zip(renditions).collect(),
                attempts: 0,
                orchestrator: Some(session.transcoder.clone()),
                latency: answer.latency,
                pixels: reported_pixels(&answer),
                checked,
            },
        })
    }

    /// The segment with its papers, on its way and back.
    async fn send(
        &self,
        session: &Session,
        segment: &SourceSegment,
        look: &Look,
        payment: Option<&net::Payment>,
    ) -> Result<Answer, SubmitError> {
        let signer = &*self.core.settings.signer;
        let papers = Credentials {
            manifest_id: &self.settings.manifest_id,
            seq: segment.seq,
            hash: look.hash,
            duration: segment.duration,
            profiles: &self.settings.profiles,
            auth_token: session.token.clone(),
            capabilities: self.job.clone(),
        };
        let clip = segment.clip.map(|clip| net::SegParameters {
            from: millis(clip.from),
            to: millis(clip.to),
        });
        let papers = net::SegData {
            // A pushed stream's segments have them, even if nothing is cut away; an RTMP stream's never.
            segment_parameters: self.settings.pushed.then(|| clip.unwrap_or_default()),
            force_session_reinit: segment.force_reinit,
            calc_perceptual_hash: self.settings.verification_frequency > 0,
            ..papers.build(signer)
        };
        let submission = Submission {
            transcoder: &session.transcoder,
            credentials: &papers,
            payment,
            data: segment.data.clone(),
            duration: segment.duration,
            timeout_multiplier: self.settings.timeout_multiplier,
        };
        submit(&self.core.upload, submission).await
    }

    /// What a segment travels with where no tickets are wanted, or none can be made: who sends it. The orchestrator
    /// checks the segment's signature against the payment's sender, and the price must be there, or a go-livepeer
    /// orchestrator's handler crashes.
    fn unpaid(&self, session: &Session) -> Option<net::Payment> {
        let sender = self.core.settings.signer.address();
        (!sender.is_zero()).then(|| net::Payment {
            sender: sender.to_vec(),
            expected_price: Some(session.price.clone().unwrap_or(net::PriceInfo {
                pixels_per_unit: 1,
                ..net::PriceInfo::default()
            })),
            ..net::Payment::default()
        })
    }

    /// Fetches all renditions at once; each is asked for a second time if that may help.
    async fn fetch_all(&self, session: &Session, answer: &Answer) -> Result<Vec<Bytes>, AttemptError> {
        let fetch = async |address: &str| {
            let first = download(&self.core.fetch, &session.transcoder, address).await;
            match first {
                Err(error) if error.is_passing() => {
                    download(&self.core.fetch, &session.transcoder, address).await
                }
                done => done,
            }
        };
        let fetched = join_all(answer.segments.iter().map(|rendition| fetch(&rendition.url))).await;
        let named = fetched.into_iter().zip(&self.settings.profiles);
        named
            .map(|(fetched, profile)| {
                fetched.map_err(|error| AttemptError::Download {
                    profile: profile.name.clone(),
                    error,
                })
            })
            .collect()
    }

    /// Fetches the perceptual hash of one rendition, whichever: what was asked for must be there.
    async fn fetch_hash(&self, session: &Session, answer: &Answer) -> Result<(), AttemptError> {
        let index = rand::random_range(0..answer.segments.len().max(1));
        let (Some(made), Some(profile)) = (answer.segments.get(index), self.settings.profiles.get(index))
        else {
            return Ok(());
        };
        let missing = |reason: String| AttemptError::Hash {
            profile: profile.name.clone(),
            reason,
        };
        if made.perceptual_hash_url.is_empty() {
            return Err(missing("the orchestrator made none".into()));
        }
        match download(&self.core.fetch, &session.transcoder, &made.perceptual_hash_url).await {
            Ok(hash) if hash.is_empty() => Err(missing("it is empty".into())),
            Ok(_) => Ok(()),
            Err(error) => Err(missing(error.to_string())),
        }
    }

    /// Checks a result as far as the policy goes.
    async fn check(
        &self,
        session: &Session,
        answer: &Answer,
        renditions: &[Bytes],
        look: &Look,
        observer: Observer<'_>,
    ) -> Result<(Checked, Option<Severity>), AttemptError> {
        let mut checked = Checked::default();
        let policy = &self.core.settings.verification;
        if matches!(policy, VerificationPolicy::Off) {
            observer(Progress::Arrived);
            return Ok((checked, None));
        }
        // Decoding takes longer than sending may; results wait here for their turn, not in memory without bound.
        let _turn = match policy {
            VerificationPolicy::Full(_) => self.core.checking.acquire().await.ok(),
            VerificationPolicy::Off | VerificationPolicy::Signatures => None,
        };
        observer(Progress::Arrived);
        if let Some(account) = session.account {
            let (renditions, signature) = (renditions.to_vec(), answer.signature.clone());
            let is_signed = move || is_signed(account, &renditions, &signature);
            checked.is_signed = tokio::task::spawn_blocking(is_signed).await.unwrap_or(false);
            if !checked.is_signed {
                return Err(AttemptError::Signature(account));
            }
        }
        let (VerificationPolicy::Full(tools), Some(folder)) = (policy, &self.core.checks) else {
            return Ok((checked, None));
        };
        let severity = self
            .decode_all(tools, folder.path(), answer, renditions, look, &mut checked)
            .await;
        Ok((checked, severity))
    }

    /// Decodes every rendition and compares it with what was reported. The worst of what is wrong with them counts.
    async fn decode_all(
        &self,
        tools: &Tools,
        folder: &Path,
        answer: &Answer,
        renditions: &[Bytes],
        look: &Look,
        checked: &mut Checked,
    ) -> Option<Severity> {
        let fault = |profile: &str, message: String| Fault {
            profile: profile.to_string(),
            message,
        };
        // Gone with this attempt, even if it is given up.
        let folder = match tempfile::tempdir_in(folder) {
            Ok(folder) => folder,
            Err(error) => {
                let message = format!("the renditions cannot be kept for checking: {error}");
                checked.faults.push(fault("", message));
                return None;
            }
        };
        let mut worst = None;
        for (index, (data, profile)) in renditions.iter().zip(&self.settings.profiles).enumerate() {
            let promise = Promise {
                profile,
                source: look.size.or(self.settings.source.size),
                pixels: answer.segments.get(index).map_or(0, |rendition| rendition.pixels),
            };
            let file = folder.path().join(index.to_string());
            let verified = match verify(tools, &file, data, &promise).await {
                Ok(verified) => Some(verified),
                Err(error) => {
                    checked.faults.push(fault(&profile.name, error.to_string()));
                    worst = worst.max(error.severity());
                    None
                }
            };
            checked.renditions.push(verified);
        }
        worst
    }
}

pub(super) fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
