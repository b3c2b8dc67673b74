//! Reads the chain at its interval, and sooner after a failure.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use alloy::primitives::Address;
use axum::body::Bytes;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{
    ExporterSettings,
    figures::{Past, called, delegators, transactions},
    keep::Keep,
    page::Page,
    progress::{Shown, Way},
    state::State,
    tell,
};
use crate::{
    chain::{
        Chain, LedgerError, Progress,
        exported::{Standing, Trail},
    },
    reward::history::Position,
    units::Round,
};

/// The first pause after a failure, doubled with each further one up to the interval.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// What reads, and what it has read.
pub(super) struct Reader {
    chain: Chain,
    settings: ExporterSettings,
    state: Arc<Mutex<State>>,
    rounds: Trail,
    trails: Vec<(Address, Trail)>,
    standing: Option<Standing>,
    pasts: BTreeMap<Address, Past>,
    way: Way,
    /// Held as long as the files are written.
    _keep: Keep,
}

impl Reader {
    pub(super) fn new(
        chain: Chain,
        settings: ExporterSettings,
        state: Arc<Mutex<State>>,
        shown: Shown,
    ) -> std::io::Result<Self> {
        let keep = Keep::open(&settings.folder)?;
        let folder: PathBuf = keep.folder().to_path_buf();
        let from = settings.from.unwrap_or_else(|| chain.first_block());
        let trails: Vec<_> = settings
            .orchestrators
            .iter()
            .map(|address| (*address, chain.orchestrator_trail(*address, from, &folder)))
            .collect();
        Ok(Self {
            rounds: chain.round_trail(from, &folder),
            way: Way::new(Arc::clone(&state), shown, 1 + trails.len()),
            trails,
            standing: None,
            pasts: BTreeMap::new(),
            chain,
            settings,
            state,
            _keep: keep,
        })
    }

    /// Until stopped.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut failed = 0;
        loop {
            let outcome = tokio::select! {
                () = stop.cancelled() => return,
                outcome = self.read() => outcome,
            };
            let pause = match outcome {
                Ok(()) => {
                    failed = 0;
                    self.settings.interval
                }
                Err(error) => {
                    tracing::warn!(%error, "the chain was not read; what was read before is told on");
                    let doubled = FIRST_PAUSE.saturating_mul(1 << u32::min(failed, 10));
                    failed += 1;
                    doubled.min(self.settings.interval)
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Once: first how everybody stands, which is told at once, then what happened.
    pub(super) async fn read(&mut self) -> Result<(), LedgerError> {
        let begun = Instant::now();
        let outcome = self.read_all().await;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.took = Some(begun.elapsed());
        state.up = outcome.is_ok();
        match outcome {
            Ok(()) => state.readings += 1,
            Err(_) => state.failures += 1,
        }
        outcome
    }

    async fn read_all(&mut self) -> Result<(), LedgerError> {
        let settings = &self.settings;
        let standing = self
            .chain
            .standings(&settings.orchestrators, &settings.secondaries)
            .await?;
        self.standing = Some(standing.clone());
        self.tell(Some((Timestamp::now(), Instant::now())));
        self.way.begin();
        let opened = self
            .chain
            .opened_rounds(&mut self.rounds, standing.at.block, &self.way.of(0))
            .await?;
        for (part, (address, trail)) in (1..).zip(&mut self.trails) {
            let way = self.way.of(part);
            let past = past(&self.chain, *address, trail, &standing, &opened, &way).await?;
            self.pasts.insert(*address, past);
        }
        self.way.end();
        self.tell(None);
        Ok(())
    }

    /// What was read, as values.
    pub(super) fn page(&self) -> Page {
        match &self.standing {
            Some(standing) => tell::facts(standing, &self.pasts, self.settings.ids),
            None => Page::default(),
        }
    }

    /// From now on scrapers are told what was read.
    fn tell(&self, read: Option<(Timestamp, Instant)>) {
        let facts = Bytes::from(self.page().text());
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.facts = facts;
        state.read = read.or(state.read);
    }
}

async fn past(
    chain: &Chain,
    address: Address,
    trail: &mut Trail,
    standing: &Standing,
    opened: &[(Position, Round)],
    progress: Progress<'_>,
) -> Result<Past, LedgerError> {
    let block = standing.at.block;
    let logs = chain.orchestrator_logs(address, trail, block, progress).await?;
    let receipts = trail.receipts(chain, &transactions(&logs)).await?;
    let delegated = chain.delegators_of(address, &delegators(&logs)).await?;
    let own = standing
        .orchestrators
        .iter()
        .find(|one| one.facts.address == address);
    let called = own.and_then(|own| called(&logs, opened, &standing.round, own));
    Ok(Past::of(block, &logs, opened, &receipts, called, delegated))
}
