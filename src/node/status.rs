//! The node's status for its operator, and the feed that tells of its changes.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    Node, TranscoderPool, Treasury,
    metrics::Measured,
    notices::{Besides, Known},
    operator::{Feed, Operated, Readers},
    settings::{Changing, Limit, PriceChange, SettingsChange, SettingsError},
    supervisor::TaskError,
};
use crate::{
    chain::{Chain, Outbox},
    config::SessionsChoice,
    payments::Books,
    units::Wei,
    view::{
        node::{API_VERSION, ConfigView, NodeChain, NodeStatus, StatusChange},
        payments::PaymentsView,
    },
};

/// The least time between two events, however much happens.
const LEAST_GAP: Duration = Duration::from_millis(250);
/// The most time between two events, however little happens.
const MOST_GAP: Duration = Duration::from_secs(5);

impl Node {
    /// Everything on one screen.
    pub(super) fn status(&self) -> NodeStatus {
        let now = Timestamp::now();
        let sessions = self.sessions.view();
        let work = self.work().totals(self.sessions.refused());
        let chain = self.chain.as_ref().and_then(|chain| chain.borrow().clone());
        let max_sessions = self.sessions.most();
        let is_full = sessions.len() >= usize::try_from(max_sessions).unwrap_or(usize::MAX);
        let mut engine = self.transcoder().view();
        engine.segments_shed += self.work().segments_shed();
        let can_more = self.transcoder().has_capacity();
        let reach = self.reaching.view();
        let mut devices = self.devices.borrow().clone();
        for device in &mut devices {
            let placed = sessions.iter().filter(|session| session.device == device.id);
            device.sessions = u32::try_from(placed.count()).unwrap_or(u32::MAX);
        }
        let payments = self.payments_view();
        let failing = self.rpc.as_ref().map(crate::chain::Chain::failing_endpoints);
        let notices = self.notices().update(
            now,
            &Known {
                besides: Besides {
                    devices: &devices,
                    disk: *self.disk.borrow(),
                    failing_endpoints: &failing.unwrap_or_default(),
                    payments: payments.as_ref(),
                },
                chain: chain.as_ref(),
                work: &work,
                engine: &engine,
                probes: &reach.probes,
                is_full,
                is_at_capacity: !can_more,
                transcoders: self.transcoders().map(TranscoderPool::movements).as_ref(),
                unpaid: self
                    .payments
                    .as_ref()
                    .map(super::payment::Till::troubles)
                    .unwrap_or_default(),
            },
        );
        let status = NodeStatus {
            time: now,
            version: env!("CARGO_PKG_VERSION").to_string(),
            started: self.started,
            service_uri: self.service_uri.clone(),
            address: self.is_on_chain().then(|| self.signer.address()),
            network: self.network.clone(),
            draining: self.sessions.is_draining(),
            max_sessions,
            sessions,
            work,
            devices,
            transcoders: self
                .transcoders()
                .map(TranscoderPool::members)
                .unwrap_or_default(),
            engine,
            chain,
            payments,
            reach,
            notices,
            mode: self.mode,
            remote: None,
            api_version: API_VERSION,
            reward: self.treasury.as_ref().and_then(Treasury::reward_view),
            redeem: self.treasury.as_ref().and_then(Treasury::redeem_view),
        };
        self.metrics.watch(&status);
        status
    }
}

impl Node {
    /// What it earns, and what it may spend on gas.
    fn payments_view(&self) -> Option<PaymentsView> {
        let mut view = self.payments.as_ref().map(super::payment::Till::view)?;
        if let Some(policy) = self.outbox.as_ref().map(Outbox::policy) {
            view.max_gas_price_wei = policy.max_gas_price;
            view.min_gas_price_wei = policy.min_gas_price;
        }
        Some(view)
    }
}

impl Measured for Node {
    fn metrics(&self) -> Result<String, prometheus::Error> {
        let chain = self.outbox.as_ref().map(Outbox::chain);
        let endpoints = chain.map(Chain::endpoints).unwrap_or_default();
        let block_seconds = chain.and_then(Chain::seconds_per_block);
        let window = self.payments.as_ref().and_then(super::payment::Till::window);
        self.metrics
            .text(&self.status(), &endpoints, block_seconds, window)
    }
}

impl Operated for Node {
    fn status(&self) -> NodeStatus {
        Node::status(self)
    }

    fn drain(&self) {
        self.sessions.drain();
        tracing::info!("draining: no new sessions are taken");
    }

    fn change(&self, change: &SettingsChange) -> Result<(), SettingsError> {
        self.settings.change(change, self)?;
        self.changed.send_replace(());
        Ok(())
    }

    fn config(&self) -> ConfigView {
        ConfigView {
            settings: self.told.clone(),
            changed: self.settings.kept(),
        }
    }

    fn books(&self) -> Option<Books> {
        Some(self.cashier()?.books().clone())
    }

    fn treasury(&self) -> Option<Treasury> {
        self.treasury.clone()
    }

    fn end_session(&self, id: &str) -> Result<bool, SettingsError> {
        let ended = self.sessions.end(id);
        if ended {
            tracing::info!(session = id, "a session was ended by the operator");
        }
        Ok(ended)
    }
}

impl Changing for Node {
    fn set_sessions(&self, choice: SessionsChoice) -> Result<(), SettingsError> {
        let is_auto = choice == SessionsChoice::Auto;
        match self.transcoders() {
            Some(pool) if is_auto => pool.set_auto_sessions(true),
            Some(pool) => {
                pool.set_auto_sessions(false);
                self.sessions.set_most(choice.most());
            }
            None => self.sessions.set_most(choice.most()),
        }
        Ok(())
    }

    fn set_price(&self, change: &PriceChange) -> Result<(), SettingsError> {
        let cashier = self.cashier().ok_or(SettingsError::NotHere(
            "this node takes no payments: it is on no chain",
        ))?;
        if change.gateway.is_none() && change.price.is_none() {
            return Err(SettingsError::NotHere(
                "the usual price can be changed, but not taken away",
            ));
        }
        // Changes are made on a thread that may wait.
        let setting = cashier.prices().set(change.gateway, change.price.clone());
        Ok(tokio::runtime::Handle::current().block_on(setting)?)
    }

    fn set_max_face_value(&self, limit: Limit) -> Result<(), SettingsError> {
        let cashier = self.cashier().ok_or(SettingsError::NotHere(
            "this node takes no payments: it is on no chain",
        ))?;
        cashier.recipient().set_max_face_value(limit.0);
        Ok(())
    }

    fn set_gas_limits(&self, max: Option<Limit>, min: Option<Wei>) -> Result<(), SettingsError> {
        let outbox = self.outbox.as_ref().ok_or(SettingsError::NotHere(
            "this node sends no transactions: it is on no chain",
        ))?;
        let now = outbox.policy();
        let max = max.map_or(now.max_gas_price, |Limit(limit)| limit);
        let min = min.unwrap_or(now.min_gas_price);
        if max.is_some_and(|max| max < min) {
            return Err(SettingsError::NotHere(
                "the least offered for gas would be above the most paid for it: nothing could be sent",
            ));
        }
        outbox.set_gas_limits(max, min);
        Ok(())
    }
}

/// Publishes the status as an event: while somebody reads it whenever something changed, and every few seconds anyway.
/// Readers always find the newest event, so that slow ones skip instead of queueing.
pub(super) async fn publish(
    node: Arc<dyn Operated>,
    mut changes: watch::Receiver<()>,
    mut chain: Option<watch::Receiver<Option<NodeChain>>>,
    feed: Feed,
    readers: Readers,
    stop: CancellationToken,
) -> Result<(), TaskError> {
    let mut sessions = Vec::new();
    loop {
        let published = Instant::now();
        changes.mark_unchanged();
        let status = node.status();
        let whole = serde_json::to_string(&status)?;
        let (change, now) = StatusChange::since(&sessions, status);
        sessions = now;
        feed.push(&whole, &serde_json::to_string(&change)?);
        let quiet = tokio::time::sleep(MOST_GAP);
        // With hundreds of sessions an event costs milliseconds that segments would wait.
        let news = async {
            readers.any().await;
            tokio::select! {
                _ = changes.changed() => {}
                () = chain_changed(&mut chain) => {}
            }
        };
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = quiet => {}
            () = news => {}
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(LEAST_GAP.saturating_sub(published.elapsed())) => {}
        }
    }
}

/// Resolves when something new was read from the chain; never without a chain.
async fn chain_changed(chain: &mut Option<watch::Receiver<Option<NodeChain>>>) {
    let is_alive = match chain {
        Some(chain) => chain.changed().await.is_ok(),
        None => false,
    };
    if !is_alive {
        std::future::pending::<()>().await;
    }
}
