//! What a gateway tells of its orchestrators, and of each segment when it is over.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{PoisonError, Weak},
    time::Duration,
};

use jiff::Timestamp;
use url::Url;

use super::{Checked, Core, SegmentDone, Shared, StreamError, attempt::millis};
use crate::{
    gateway::{orchestrator::OrchestratorError, roster::Standing},
    view::gateway::{AttemptRecord, OrchestratorView, SegmentOutcome, SegmentRecord, Verification},
};

/// Most refusals that are remembered.
const REMEMBERED: usize = 1000;

/// Why orchestrators gave no offer when they were asked last, by address.
pub(super) type Refusals = HashMap<Url, String>;

impl Core {
    /// Takes down who answered and who did not.
    pub(super) fn note_refusals(&self, answered: &[Url], refused: &[(Url, OrchestratorError)]) {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        for uri in answered {
            refusals.remove(uri);
        }
        for (uri, error) in refused {
            if refusals.len() < REMEMBERED || refusals.contains_key(uri) {
                refusals.insert(uri.clone(), error.to_string());
            }
        }
    }
}

/// All that are known: those that could be asked, and those a stream has a session with.
pub(super) fn orchestrators(core: &Core) -> Vec<OrchestratorView> {
    let mut views = BTreeMap::new();
    let refusals = core
        .refusals
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    for candidate in core.settings.discovery.known().iter() {
        let url = shown(&candidate.uri);
        views.insert(
            url.clone(),
            OrchestratorView {
                url,
                score: candidate.is_trusted.into(),
                account: candidate.account,
                stake_lpt: candidate.stake,
                refusal: refusals.get(&candidate.uri).cloned(),
                ..OrchestratorView::default()
            },
        );
    }
    let streams = core
        .streams
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    for stream in streams.iter().filter_map(Weak::upgrade) {
        for standing in stream.roster().standings() {
            let url = shown(&standing.offer.uri);
            let view = views.entry(url.clone()).or_insert_with(|| OrchestratorView {
                url,
                score: standing.offer.is_trusted.into(),
                ..OrchestratorView::default()
            });
            add(view, &standing);
        }
    }
    views.into_values().collect()
}

/// One stream's view of an orchestrator, on top of the others'.
fn add(view: &mut OrchestratorView, standing: &Standing) {
    let session = &standing.offer.session;
    view.latency_ms = Some(millis(standing.offer.latency));
    view.latency_score_permille = view.latency_score_permille.max(standing.score);
    view.suspended |= standing.is_suspended;
    view.sessions += 1;
    view.in_flight += standing.in_flight;
    view.account = session.account.or(view.account);
    view.price_wei_per_pixel = session.price_per_pixel().map(|price| price.to_string());
    view.stake_lpt = standing.offer.stake.or(view.stake_lpt);
}

fn shown(uri: &Url) -> String {
    uri.as_str().trim_end_matches('/').to_string()
}

impl Shared {
    /// Tells whoever keeps records what became of a segment.
    pub(super) fn record(
        &self,
        (seq, duration, bytes): (u64, Duration, u64),
        total: Duration,
        attempts: Vec<AttemptRecord>,
        ended: &Result<SegmentDone, StreamError>,
    ) {
        let Some(records) = &self.core.settings.records else {
            return;
        };
        let (outcome, error) = match ended {
            Ok(done) if done.orchestrator.is_none() => (SegmentOutcome::NoVideo, None),
            Ok(done) => {
                let fault = done.checked.faults.first();
                (SegmentOutcome::Done, fault.map(ToString::to_string))
            }
            Err(error) => (SegmentOutcome::Failed, Some(error.to_string())),
        };
        let done = ended.as_ref().ok();
        let record = SegmentRecord {
            time: Timestamp::now(),
            stream: self.settings.manifest_id.clone(),
            seq,
            duration_ms: millis(duration),
            bytes,
            outcome,
            orchestrator: done.and_then(|done| done.orchestrator.clone()),
            attempts,
            total_ms: millis(total),
            pixels: done.map_or(0, |done| done.pixels),
            verified: done.map_or(Verification::None, |done| done.checked.verification()),
            error,
        };
        if records.try_send(record).is_err() {
            tracing::debug!(seq, "a segment's record was dropped: nobody keeps up");
        }
    }
}

impl Checked {
    /// How far it was checked.
    #[must_use]
    pub fn verification(&self) -> Verification {
        let is_decoded = !self.renditions.is_empty() && self.renditions.iter().all(Option::is_some);
        match (self.faults.is_empty(), is_decoded, self.is_signed) {
            (false, ..) => Verification::Wrong,
            (true, true, _) => Verification::Decoded,
            (true, false, true) => Verification::Signed,
            (true, false, false) => Verification::None,
        }
    }
}
