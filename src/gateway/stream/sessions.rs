//! A stream's sessions: asked for when they are needed, renewed before they end, given back when they are not used any
//! more.

use std::{
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;

use super::{Observer, Progress, Shared, give_back};
use crate::gateway::{
    discovery::{Ask, Found, Nobody, ask},
    orchestrator::{Orchestrator, OrchestratorError},
    payment::{Purse, expected_pixels},
    roster::{Assignment, Reach, Roster, Tried},
};

/// Sessions that were replaced lately and may still hold work.
const KEPT: usize = 16;
/// Ids of used sessions that are remembered.
const REMEMBERED: usize = 1000;
/// Sessions that may fail to be renewed before a segment is given up for this time.
const RENEWALS: usize = 3;
/// How soon orchestrators may be asked again for the sake of one segment when there is somebody.
const AGAIN: Duration = Duration::from_secs(1);

impl Shared {
    /// Someone to send a segment to, with a session that lasts.
    pub(super) async fn assign(
        self: &Arc<Self>,
        playing: Duration,
        tried: &mut Tried,
    ) -> Result<Assignment, Arc<Nobody>> {
        let mut refusals = Vec::new();
        while refusals.len() < RENEWALS {
            let assignment = match self.choose(playing, tried).await {
                Ok(assignment) => assignment,
                Err(nobody) if refusals.is_empty() => return Err(nobody),
                Err(_) => break,
            };
            let pixels = expected_pixels(&self.settings.profiles, playing);
            let is_over = |purse: &Purse| purse.is_ending(&assignment.session, pixels);
            if !assignment.session.is_ending(Timestamp::now())
                && !self.core.purse.as_ref().is_some_and(is_over)
            {
                return Ok(assignment);
            }
            let transcoder = assignment.session.transcoder.clone();
            if let Err(error) = self.renew(&assignment).await {
                tracing::debug!(uri = %assignment.uri, %error, "its session could not be renewed");
                self.roster().failed(&assignment);
                tried.note(&transcoder, error.may_pass());
                refusals.push((assignment.uri, error));
                continue;
            }
            let mut roster = self.roster();
            if let Some(session) = roster.session(&transcoder).cloned() {
                return Ok(roster.in_session(assignment, session));
            }
            roster.released(&assignment);
            tried.note(&transcoder, false);
        }
        Err(Arc::new(Nobody {
            refusals,
            no_list: None,
        }))
    }

    /// Someone in good standing; after asking for more, anyone.
    async fn choose(self: &Arc<Self>, playing: Duration, tried: &Tried) -> Result<Assignment, Arc<Nobody>> {
        let choose = |reach| {
            let mut roster = self.roster();
            roster.choose(Instant::now(), playing, tried, reach, &mut rand::rng())
        };
        let good = choose(Reach::Good);
        if let Some(assignment) = good {
            if self.roster().needs_refresh(Instant::now()) {
                self.refresh_aside();
            }
            return Ok(assignment);
        }
        let before = self.roster().refreshed();
        let is_fresh = before.is_some_and(|then| then.elapsed() < AGAIN);
        // Whoever had it already may be gone: only asking tells.
        if is_fresh && let Some(assignment) = choose(Reach::Others) {
            return Ok(assignment);
        }
        let nobody = self.refresh(before).await;
        match choose(Reach::Any) {
            Some(assignment) => Ok(assignment),
            None => Err(nobody.unwrap_or_default()),
        }
    }

    /// Asks orchestrators for sessions without making a segment wait. No two at a time.
    fn refresh_aside(self: &Arc<Self>) {
        let shared = Arc::clone(self);
        if shared.asking.try_lock().is_err() {
            return;
        }
        let before = self.roster().refreshed();
        tokio::spawn(async move {
            let stop = shared.stop.clone();
            tokio::select! {
                () = stop.cancelled() => {}
                _ = shared.refresh(before) => {}
            }
        });
    }

    /// Asks orchestrators for sessions, unless somebody did since `before`. Afterwards: why there is none, if so.
    pub(super) async fn refresh(self: &Arc<Self>, before: Option<Instant>) -> Option<Arc<Nobody>> {
        let mut nobody = self.asking.lock().await;
        if self.roster().refreshed() == before {
            *nobody = self.ask_all().await.map(Arc::new);
        }
        nobody.clone()
    }

    async fn ask_all(self: &Arc<Self>) -> Option<Nobody> {
        let settings = &self.core.settings;
        let candidates = match settings.discovery.candidates().await {
            Ok(candidates) => candidates,
            Err(error) => {
                let mut roster = self.roster();
                roster.merge(Vec::new(), 0, Instant::now());
                return roster.is_empty().then_some(Nobody {
                    refusals: Vec::new(),
                    no_list: Some(error),
                });
            }
        };
        let is_suspended = |transcoder: &str| self.roster().is_suspended(transcoder);
        let wanted = Ask {
            signer: &settings.signer,
            job: &self.job,
            wanted: Roster::wanted(candidates.len()),
            extra_nodes: settings.extra_nodes,
            blocked: &settings.blocked,
            payer: settings.payment.as_ref(),
            is_suspended: &is_suspended,
        };
        let Found { offers, mut refusals } = ask(&candidates, &wanted).await;
        let answered: Vec<_> = offers.iter().map(|offer| offer.uri.clone()).collect();
        let (refused, is_empty, too_dear) = {
            let mut roster = self.roster();
            let refused = roster.merge(offers, candidates.len(), Instant::now());
            (refused, roster.is_empty(), roster.all_too_dear())
        };
        refusals.extend(refused);
        self.core.note_refusals(&answered, &refusals);
        self.give_back_surplus();
        let has_nobody = is_empty || too_dear.is_some();
        refusals.extend(too_dear.into_iter().flatten());
        has_nobody.then_some(Nobody {
            refusals,
            no_list: None,
        })
    }

    /// Replaces the session of an assignment, unless another segment has done so already.
    pub(super) async fn renew(self: &Arc<Self>, assignment: &Assignment) -> Result<(), OrchestratorError> {
        let old = &assignment.session;
        let _turn = self.renewing.lock().await;
        let is_current = self
            .roster()
            .session(&old.transcoder)
            .is_some_and(|session| session.token.session_id == old.token.session_id);
        if !is_current {
            return Ok(());
        }
        // Its address in the list may be a front's, or that of another one by now.
        let uri = old.uri().unwrap_or_else(|| assignment.uri.clone());
        let orchestrator = Orchestrator::new(uri, Arc::clone(&self.core.settings.signer));
        let new = orchestrator.renew(&self.job).await?;
        if let Some(account) = new.account
            && self.core.settings.blocked.contains(&account)
        {
            return Err(OrchestratorError::Blocked(account));
        }
        self.roster().replace(&old.transcoder, new)?;
        self.give_back_surplus();
        Ok(())
    }

    /// Ends sessions that were replaced long ago.
    fn give_back_surplus(self: &Arc<Self>) {
        for retired in self.roster().take_retired(KEPT) {
            let shared = Arc::clone(self);
            tokio::spawn(async move { give_back(&shared.core, retired).await });
        }
    }

    /// Remembers a session, and tells of it if it is new.
    pub(super) fn note_session(&self, id: &str, observer: Observer<'_>) {
        let is_new = {
            let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
            let is_new = !used.iter().any(|known| known == id);
            if is_new && used.len() < REMEMBERED {
                used.push(id.to_string());
            }
            is_new
        };
        if is_new {
            observer(Progress::Session(id));
        }
    }
}
