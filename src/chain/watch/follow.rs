//! The loop that follows the chain.
//!
//! Each look takes one request where nothing unusual happened: the head, the block known before, and the logs of the
//! last blocks again. Clock and own facts are read when the round's clock moves or an event says so.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{
    Outage, SenderChange, Shared, WatchSettings,
    event::{ChainEvent, Checkpoint, RawLog},
    lock,
    reading::{Guess, Header, Look, is_too_many},
    window::Window,
};
use crate::{
    chain::{Chain, ChainError},
    units::{Round, Wei},
};

/// Blocks whose logs are read again with each look.
const WINDOW: u64 = 64;
/// Heads remembered, to find out how far back a reorganisation goes.
const HEADS: usize = 1_024;
/// Heads asked about to find that out.
const PROBES: usize = 16;
/// Blocks asked about in one request, where the endpoint allows so many.
const RANGE: u64 = 5_000;
/// Requests such a replay may take.
const MOST_REQUESTS: u32 = 64;
/// Between two looks further apart than this, the chain was not watched.
const ABSENCE: Duration = Duration::from_secs(60);
/// Clock and own facts are read at least this often.
const REFRESH: Duration = Duration::from_secs(60);
/// The longest wait after failures.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// A block the events up to which have been told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tip {
    block: Checkpoint,
    timestamp: u64,
}

impl Tip {
    fn of(header: &Header) -> Self {
        Self {
            block: Checkpoint {
                block: header.number(),
                hash: header.hash,
            },
            timestamp: header.timestamp(),
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum LookError {
    #[error("{0}")]
    Chain(#[from] ChainError),
    #[error("the endpoint is at block {found}, but block {known} is known")]
    Behind { found: u64, known: u64 },
    #[error("block {0} changed while it was read")]
    Moving(u64),
}

pub(super) struct Follower {
    chain: Chain,
    settings: WatchSettings,
    shared: Arc<Shared>,
    window: Window,
    /// The first block whose logs are in the window, or would be.
    window_from: u64,
    /// Heads seen, oldest first.
    heads: VecDeque<Checkpoint>,
    tip: Option<Tip>,
    /// Blocks the endpoints give logs of at once.
    range: u64,
    looked_at: Option<Instant>,
    read_at: Option<Instant>,
    /// Clock and own facts must be read again, whatever the head says.
    is_stale: bool,
    /// Unbonding locks the recipient ever made.
    locks_made: u64,
}

/// How to go on from the block known before.
enum Course {
    /// Nothing is known yet.
    Begin,
    /// The chain has grown, or stayed as it was.
    Forward,
    /// The chain took blocks back from this one on.
    Back(u64),
    /// It is another chain altogether.
    Elsewhere,
}

impl Follower {
    pub(super) fn new(chain: Chain, settings: WatchSettings, shared: Arc<Shared>) -> Self {
        // A checkpoint's time is not kept: any head counts as later.
        let tip = settings.resume.map(|block| Tip { block, timestamp: 0 });
        Self {
            chain,
            shared,
            window: Window::default(),
            window_from: settings
                .resume
                .map_or(0, |checkpoint| checkpoint.block.saturating_add(1)),
            heads: settings.resume.into_iter().collect(),
            settings,
            tip,
            range: RANGE,
            looked_at: None,
            read_at: None,
            is_stale: true,
            locks_made: 0,
        }
    }

    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut failures: u32 = 0;
        loop {
            let looked = tokio::select! {
                () = stop.cancelled() => return,
                looked = self.look() => looked,
            };
            match looked {
                Ok(()) => {
                    failures = 0;
                    *lock(&self.shared.outage) = None;
                }
                Err(error) => {
                    failures = failures.saturating_add(1);
                    self.is_stale = true;
                    self.note_outage(&error);
                }
            }
            let wait = match failures {
                0 | 1 => self.settings.interval,
                more => self
                    .settings
                    .interval
                    .saturating_mul(more.min(8))
                    .min(LONGEST_WAIT.max(self.settings.interval)),
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    fn note_outage(&self, error: &LookError) {
        let reason = error.to_string();
        let mut outage = lock(&self.shared.outage);
        match outage.as_mut() {
            Some(outage) => {
                tracing::debug!(%reason, "the chain still cannot be read");
                outage.reason = reason;
            }
            None => {
                tracing::warn!(%reason, "the chain cannot be read; it is tried again");
                *outage = Some(Outage {
                    since: Timestamp::now(),
                    reason,
                });
            }
        }
    }

    /// One look. What was told before an error stays told; the rest is told with the next one.
    async fn look(&mut self) -> Result<(), LookError> {
        let was_absent = self
            .looked_at
            .is_none_or(|looked_at| looked_at.elapsed() >= ABSENCE);
        if was_absent {
            self.range = RANGE;
        }
        let known = self.tip.map(|tip| tip.block.block);
        // Right after going on from a checkpoint there is no block yet whose logs could be read again.
        let again_from = known
            .filter(|known| !was_absent && self.range > 2 * WINDOW && *known >= self.window_from)
            .map(|known| self.again_from(known));
        let look = match self.chain.look(known, again_from).await {
            Err(error) if again_from.is_some() && too_many(&error) => {
                self.range = WINDOW;
                self.chain.look(known, None).await?
            }
            look => look?,
        };
        let price = self.clamped(look.gas_price);
        match self.course(&look).await? {
            Course::Begin => self.begin(&look.head, price).await?,
            Course::Elsewhere => self.begin_elsewhere(&look.head, price).await?,
            Course::Back(from) => self.go_back(from, &look.head, price).await?,
            Course::Forward => self.go_on(look, again_from, was_absent, price).await?,
        }
        self.looked_at = Some(Instant::now());
        self.shared.senders.is_fresh();
        Ok(())
    }

    /// Trap 40: a price below the least is raised to it. Ignored, an older and higher one would stay for good.
    fn clamped(&self, price: Wei) -> Wei {
        price.max(self.settings.min_gas_price)
    }

    fn again_from(&self, tip: u64) -> u64 {
        tip.saturating_sub(WINDOW - 1).max(self.window_from)
    }

    async fn course(&self, look: &Look) -> Result<Course, LookError> {
        let Some(tip) = self.tip else {
            return Ok(Course::Begin);
        };
        let head = &look.head;
        let is_known = look
            .known
            .as_ref()
            .is_some_and(|known| known.hash == tip.block.hash);
        if is_known && head.number() >= tip.block.block {
            return Ok(Course::Forward);
        }
        // Heads that should still be there, the newest first and then further and further apart.
        let candidates: Vec<Checkpoint> = self
            .heads
            .iter()
            .rev()
            .filter(|known| known.block <= head.number())
            .copied()
            .collect();
        let probes = probes(&candidates);
        let blocks: Vec<u64> = probes.iter().map(|probe| probe.block).collect();
        let found = match blocks.is_empty() {
            true => Vec::new(),
            false => self.chain.headers(&blocks).await?,
        };
        let common = probes
            .iter()
            .zip(&found)
            .position(|(probe, header)| header.as_ref().is_some_and(|header| header.hash == probe.hash));
        // All that is known up to there is still so, and the head is older than the one known: an endpoint that lags
        // behind, which is not to turn the clock back.
        let is_prefix = common == Some(0) || probes.is_empty();
        if head.number() < tip.block.block && is_prefix && head.timestamp() < tip.timestamp {
            return Err(LookError::Behind {
                found: head.number(),
                known: tip.block.block,
            });
        }
        Ok(match common.and_then(|place| probes.get(place)) {
            Some(common) => Course::Back(common.block.saturating_add(1)),
            None => Course::Elsewhere,
        })
    }

    /// Begins at the head: what happened before is not told.
    async fn begin(&mut self, head: &Header, price: Wei) -> Result<(), LookError> {
        let from = head.number().saturating_sub(WINDOW.min(self.range) - 1);
        let logs = self.fetch(from, head).await?;
        self.read(head, price).await?;
        self.window = Window::default();
        self.window.merge(from, head.number(), logs);
        self.window_from = from;
        self.shared.senders.reset(head.number());
        self.commit(Tip::of(head));
        Ok(())
    }

    async fn begin_elsewhere(&mut self, head: &Header, price: Wei) -> Result<(), LookError> {
        tracing::warn!(
            block = head.number(),
            "the chain has nothing in common with what was known of it"
        );
        self.heads.clear();
        self.begin(head, price).await?;
        self.tell(ChainEvent::Gap {
            from_block: 0,
            to_block: head.number(),
        });
        Ok(())
    }

    /// The chain took back everything from `from` on, and has something else there.
    async fn go_back(&mut self, from: u64, head: &Header, price: Wei) -> Result<(), LookError> {
        tracing::info!(
            from_block = from,
            block = head.number(),
            "the chain took blocks back"
        );
        self.read(head, price).await?;
        self.shared.senders.reset(head.number());
        self.window.take_back(from);
        self.heads.retain(|known| known.block < from);
        self.window_from = self.window_from.min(from);
        let Some(common) = self.heads.back().copied() else {
            return self.begin_elsewhere(head, price).await;
        };
        self.tip = Some(Tip {
            block: common,
            // Its time is not kept: any head counts as later.
            timestamp: 0,
        });
        self.tell(ChainEvent::Reorganised { from_block: from });
        self.replay(common.block, head).await
    }

    /// The chain has grown, or stayed as it was.
    async fn go_on(
        &mut self,
        look: Look,
        again_from: Option<u64>,
        was_absent: bool,
        price: Wei,
    ) -> Result<(), LookError> {
        let head = look.head;
        let Some(tip) = self.tip else { return Ok(()) };
        let (from, logs) = match (again_from, look.logs) {
            (Some(from), Some(Ok(logs))) => (from, logs),
            (_, Some(Err(error))) if !too_many(&error) => return Err(error.into()),
            (_, logs) => {
                if logs.is_some() {
                    self.range = WINDOW;
                }
                return self.catch_up(tip, &head, was_absent, price).await;
            }
        };
        let mut window = self.window.clone();
        let mut difference = window.merge(from, head.number(), logs.clone());
        // Logs that went, or that came late to a block known before, while the block's hash stayed: an endpoint that
        // does not always know its own logs. What they did is told again from there.
        let changed = difference.removed.iter().map(RawLog::block).min();
        let late = difference
            .added
            .first()
            .is_some_and(|log| log.block() <= tip.block.block);
        if let Some(changed) = changed {
            window.take_back(changed);
            difference = window.merge(changed.max(from), head.number(), logs);
        }
        let events = self.events_of(&difference.added);
        let recipient = self.settings.recipient;
        let is_due = self.is_stale
            || changed.is_some()
            || late
            || self.read_at.is_none_or(|read_at| read_at.elapsed() > REFRESH)
            || self.is_another_l1_block(&head)
            || events.iter().any(|(_, event)| {
                event.moves_the_clock() || recipient.is_some_and(|account| event.concerns(account))
            });
        if is_due {
            self.read(&head, price).await?;
        } else {
            self.tick(&head, price);
        }
        self.window = window;
        if changed.is_some() || late {
            self.shared.senders.reset(head.number());
        } else {
            let keep_from = head.number().saturating_sub(WINDOW);
            self.shared.senders.advance(&events, head.number(), keep_from);
        }
        self.commit(Tip::of(&head));
        if let Some(from_block) = changed {
            self.tell(ChainEvent::Reorganised { from_block });
        }
        self.tell_all(events);
        Ok(())
    }

    /// The blocks since the last look in as many pieces as the endpoint wants. After an absence the state is read afresh,
    /// and what happened is gone through if that is not too much.
    async fn catch_up(
        &mut self,
        tip: Tip,
        head: &Header,
        was_absent: bool,
        price: Wei,
    ) -> Result<(), LookError> {
        self.read(head, price).await?;
        if was_absent {
            self.shared.senders.reset(head.number());
        }
        self.replay(tip.block.block, head).await
    }

    /// Tells the events after `known` up to the head, range by range.
    async fn replay(&mut self, known: u64, head: &Header) -> Result<(), LookError> {
        let mut from = known.saturating_add(1);
        if head.number().saturating_sub(known) > self.settings.most_replayed {
            return self.skip(from, head).await;
        }
        let mut requests = 0;
        while from <= head.number() {
            let to = from.saturating_add(self.range - 1).min(head.number());
            requests += 1;
            if requests > MOST_REQUESTS {
                return self.skip(from, head).await;
            }
            let (logs, last) = match self.chain.logs(from, to).await {
                Ok((Ok(logs), Some(last))) => (logs, last),
                Ok((Err(error), _)) | Err(error) if too_many(&error) && self.range > 1 => {
                    self.range = (to - from).div_ceil(2).max(1);
                    continue;
                }
                Ok((Err(error), _)) | Err(error) => return Err(error.into()),
                Ok((Ok(_), None)) => return Err(LookError::Moving(to)),
            };
            if to == head.number() && last.hash != head.hash {
                return Err(LookError::Moving(to));
            }
            let difference = self.window.merge(from, to, logs);
            let events = self.events_of(&difference.added);
            // Gateways read at the head already are not given the same events again.
            self.shared
                .senders
                .advance(&events, to, to.saturating_sub(WINDOW));
            self.commit(Tip::of(&last));
            self.tell_all(events);
            from = to.saturating_add(1);
        }
        Ok(())
    }

    /// Too much to go through: goes on at the head.
    async fn skip(&mut self, from: u64, head: &Header) -> Result<(), LookError> {
        let window_from = head.number().saturating_sub(WINDOW.min(self.range) - 1).max(from);
        let logs = self.fetch(window_from, head).await?;
        self.window = Window::default();
        self.window.merge(window_from, head.number(), logs);
        self.window_from = window_from;
        self.shared.senders.reset(head.number());
        self.commit(Tip::of(head));
        tracing::warn!(
            from,
            to = head.number(),
            "too many blocks to go through were missed"
        );
        self.tell(ChainEvent::Gap {
            from_block: from,
            to_block: head.number(),
        });
        Ok(())
    }

    /// The logs of a few blocks up to the head, in as many pieces as the endpoint wants.
    async fn fetch(&mut self, from: u64, head: &Header) -> Result<Vec<RawLog>, LookError> {
        let mut all = Vec::new();
        let mut next = from;
        let mut requests = 0;
        while next <= head.number() {
            let to = next.saturating_add(self.range - 1).min(head.number());
            requests += 1;
            match self.chain.logs(next, to).await {
                Ok((Ok(logs), last)) => {
                    let is_same = last.is_some_and(|last| to != head.number() || last.hash == head.hash);
                    if !is_same {
                        return Err(LookError::Moving(to));
                    }
                    all.extend(logs);
                    next = to.saturating_add(1);
                }
                Ok((Err(error), _)) | Err(error)
                    if too_many(&error) && self.range > 1 && requests < MOST_REQUESTS =>
                {
                    self.range = (to - next).div_ceil(2).max(1);
                }
                Ok((Err(error), _)) | Err(error) => return Err(error.into()),
            }
        }
        Ok(all)
    }

    fn events_of(&self, logs: &[RawLog]) -> Vec<(u64, ChainEvent)> {
        logs.iter()
            .filter_map(|log| Some((log.block(), log.event(&self.chain.contracts)?)))
            .filter(|(_, event)| !event.is_strangers_lock(self.settings.recipient))
            .collect()
    }

    fn is_another_l1_block(&self, head: &Header) -> bool {
        let clock = *self.shared.clock.borrow();
        clock.is_none_or(|clock| clock.l1_block != head.l1_block())
    }

    /// Reads clock and own facts, and publishes them.
    async fn read(&mut self, head: &Header, price: Wei) -> Result<(), LookError> {
        let round = self.shared.clock.borrow().map(|clock| clock.round);
        let guess = Guess {
            round: round.unwrap_or(Round(0)),
            locks: self.locks_made,
        };
        let reading = self
            .chain
            .reading(head, price, self.settings.recipient, Some(guess))
            .await?;
        self.locks_made = reading.locks_made;
        let before = self.shared.clock.send_replace(Some(reading.clock));
        self.shared.own.send_replace(reading.own);
        if before.is_none_or(|before| before.pool_size != reading.clock.pool_size) {
            self.shared.senders.tell(SenderChange::All);
        }
        self.read_at = Some(Instant::now());
        self.is_stale = false;
        Ok(())
    }

    /// Another block of the same round's clock: nothing else can have changed.
    fn tick(&self, head: &Header, price: Wei) {
        self.shared.clock.send_modify(|clock| {
            if let Some(clock) = clock {
                clock.block = head.number();
                clock.gas_price = price;
                clock.read_at = Timestamp::now();
            }
        });
    }

    fn commit(&mut self, tip: Tip) {
        if self.tip.map(|tip| tip.block) != Some(tip.block) {
            self.heads.push_back(tip.block);
        }
        while self.heads.len() > HEADS {
            self.heads.pop_front();
        }
        self.tip = Some(tip);
        self.window
            .forget_before(tip.block.block.saturating_sub(WINDOW - 1));
        *lock(&self.shared.checkpoint) = Some(tip.block);
    }

    fn tell_all(&self, events: Vec<(u64, ChainEvent)>) {
        for (_, event) in events {
            self.tell(event);
        }
    }

    fn tell(&self, event: ChainEvent) {
        // Nobody listens: nothing is lost, the state says the same.
        let _ = self.shared.events.send(event);
    }
}

/// A few of these, nearer to each other at the beginning; the last one always: it is what there is in common if
/// anything is.
fn probes(candidates: &[Checkpoint]) -> Vec<Checkpoint> {
    let places = std::iter::successors(Some(0_usize), |place| Some(place * 2 + 1));
    let mut probes: Vec<Checkpoint> = places
        .map_while(|place| candidates.get(place).copied())
        .take(PROBES - 1)
        .collect();
    if let Some(last) = candidates.last().filter(|last| probes.last() != Some(last)) {
        probes.push(*last);
    }
    probes
}

fn too_many(error: &ChainError) -> bool {
    is_too_many(&error.to_string())
}

#[cfg(test)]
mod tests {
    use alloy::primitives::B256;

    use super::*;

    #[test]
    fn the_oldest_known_block_is_always_asked_about() {
        for count in 0..=HEADS as u64 {
            let candidates: Vec<Checkpoint> = (0..count)
                .rev()
                .map(|block| Checkpoint {
                    block,
                    hash: B256::repeat_byte(1),
                })
                .collect();
            let probes = probes(&candidates);
            assert!(probes.len() <= PROBES && probes.is_sorted_by(|a, b| a.block > b.block));
            assert_eq!(
                (probes.first(), probes.last()),
                (candidates.first(), candidates.last())
            );
        }
    }
}
