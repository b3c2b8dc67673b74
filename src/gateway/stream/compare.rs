//! Fast verification: now and then a segment is made by a trusted orchestrator and by two strangers, and a stranger whose
//! pictures are the same is believed until its turn comes again (`go-livepeer server/broadcast.go`).

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use futures_util::future::join_all;
use jiff::Timestamp;

use super::{
    Observer, Progress, SegmentDone, Shared, SourceSegment, VerificationPolicy, attempt::Best, look::Look,
};
use crate::{
    gateway::{
        likeness::are_alike,
        roster::{Assignment, Reach, Tried},
        tools::{ToolError, Tools},
    },
    media::ladder::Profile,
    view::gateway::AttemptRecord,
};

/// Strangers that are compared at a time.
const STRANGERS: usize = 2;
/// What is told of one whose pictures are others.
const OTHER_PICTURES: &str = "its pictures are not those a trusted orchestrator makes";

impl Shared {
    /// Has a segment made three times, if it is its turn and there are orchestrators of both kinds. None if it is to
    /// be made as usual.
    pub(super) async fn compare(
        self: &Arc<Self>,
        segment: &SourceSegment,
        look: &Look,
        observer: Observer<'_>,
        log: &mut Vec<AttemptRecord>,
    ) -> Option<SegmentDone> {
        let VerificationPolicy::Full(tools) = &self.core.settings.verification else {
            return None;
        };
        let frequency = self.settings.verification_frequency;
        if frequency == 0 || (self.roster().has_favourite() && rand::random_range(0..frequency) != 0) {
            return None;
        }
        if self.roster().refreshed().is_none() {
            self.refresh(None).await;
        }
        let chosen = self.choose_both(segment)?;
        for assignment in &chosen {
            self.note_session(&assignment.session.token.session_id, observer);
            observer(Progress::Attempt { since: None });
        }
        let attempts = chosen
            .iter()
            .map(|assignment| self.attempt(assignment, segment, look, observer));
        let first = log.len();
        let mut made = Vec::new();
        for (result, record) in join_all(attempts).await {
            log.push(record);
            made.push(result.ok().filter(|made| made.severity.is_none()));
        }
        let count = u32::try_from(chosen.len()).unwrap_or(u32::MAX);
        let mut made = made.into_iter();
        let Some(reference) = made.next().flatten() else {
            // Nothing to compare with: better an unknown result than none.
            return made.flatten().next().map(|made| made.done(count));
        };
        for (place, (assignment, theirs)) in chosen.iter().skip(1).zip(made).enumerate() {
            let Some(theirs) = theirs else { continue };
            match self.have_same_pictures(tools, &reference, &theirs).await {
                Ok(true) => {
                    self.roster().favour(&assignment.session.transcoder);
                    return Some(theirs.done(count));
                }
                Ok(false) => {
                    self.roster().failed(assignment);
                    if let Some(record) = log.get_mut(first + 1 + place) {
                        record.failure = Some(OTHER_PICTURES.to_string());
                    }
                }
                Err(error) => tracing::warn!(%error, "two renditions could not be compared"),
            }
        }
        Some(reference.done(count))
    }

    /// One of the trusted, then strangers; none if there are not both.
    fn choose_both(self: &Arc<Self>, segment: &SourceSegment) -> Option<Vec<Assignment>> {
        let mut roster = self.roster();
        let mut tried = Tried::default();
        tried.limit_to(true);
        let mut chosen: Vec<Assignment> = Vec::new();
        while chosen.len() <= STRANGERS {
            let now = Instant::now();
            let next = roster.choose(now, segment.duration, &tried, Reach::Good, &mut rand::rng());
            let Some(assignment) = next else { break };
            tried.note(&assignment.session.transcoder, false);
            tried.limit_to(false);
            chosen.push(assignment);
        }
        let (ending, lasting): (Vec<_>, Vec<_>) = chosen
            .into_iter()
            .partition(|assignment| assignment.session.is_ending(Timestamp::now()));
        if ending.is_empty() && lasting.len() > 1 {
            return Some(lasting);
        }
        for assignment in ending.iter().chain(&lasting) {
            roster.released(assignment);
        }
        drop(roster);
        // This segment is made as usual, which may never come to these; the next comparison finds them renewed.
        for assignment in ending {
            let shared = Arc::clone(self);
            tokio::spawn(async move {
                if let Err(error) = shared.renew(&assignment).await {
                    tracing::debug!(uri = %assignment.uri, %error, "its session could not be renewed");
                    shared.roster().failed(&assignment);
                }
            });
        }
        None
    }

    /// Compares one rendition, whichever.
    async fn have_same_pictures(&self, tools: &Tools, one: &Best, other: &Best) -> Result<bool, ToolError> {
        let _turn = self.core.checking.acquire().await;
        let failed = |source| ToolError::Run {
            program: "ffmpeg",
            source,
        };
        let index = rand::random_range(0..one.renditions().len().max(1));
        let (Some((profile, one)), Some((_, other))) =
            (one.renditions().get(index), other.renditions().get(index))
        else {
            return Ok(true);
        };
        let (profile, one, other): (&Profile, &Bytes, &Bytes) = (profile, one, other);
        let folder = match &self.core.checks {
            Some(folder) => tempfile::tempdir_in(folder.path()),
            None => tempfile::tempdir(),
        };
        let folder = folder.map_err(failed)?;
        let (reference, theirs) = (folder.path().join("trusted"), folder.path().join("stranger"));
        tokio::fs::write(&reference, one).await.map_err(failed)?;
        tokio::fs::write(&theirs, other).await.map_err(failed)?;
        are_alike(tools, folder.path(), &reference, &theirs, profile.format).await
    }
}
