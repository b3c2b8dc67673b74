//! How a transcoder stands, for its operator.

use jiff::Timestamp;

use super::Remote;
use crate::{
    config::SessionsChoice,
    node::{
        metrics::Measured,
        notices::{Besides, Known},
        operator::Operated,
        settings::{Changing, Limit, PriceChange, SettingsChange, SettingsError},
    },
    units::Wei,
    view::{
        node::{API_VERSION, ConfigView, NodeMode, NodeStatus, Notice, RemoteView},
        reach::Reach,
    },
};

impl Remote {
    /// Everything on one screen.
    pub(super) fn status(&self) -> NodeStatus {
        let now = Timestamp::now();
        let sessions = self.sessions.view();
        let work = self.work().totals(0);
        let engine = self.transcoder.view();
        let max_sessions = *self.capacity.borrow();
        let mut devices = self.devices.borrow().clone();
        for device in &mut devices {
            let placed = sessions.iter().filter(|session| session.device == device.id);
            device.sessions = u32::try_from(placed.count()).unwrap_or(u32::MAX);
        }
        let mut notices = self.notices().update(
            now,
            &Known {
                besides: Besides {
                    devices: &devices,
                    ..Besides::default()
                },
                chain: None,
                work: &work,
                engine: &engine,
                is_full: sessions.len() >= usize::try_from(max_sessions).unwrap_or(usize::MAX),
                is_at_capacity: false,
                probes: &[],
                unpaid: Vec::new(),
                transcoders: None,
            },
        );
        let is_draining = self.draining.is_cancelled();
        let remote = self.remote_view(work.segments_done, work.segments_failed);
        if let (None, false) = (remote.registered_since, is_draining) {
            notices.insert(0, self.not_registered(now, &remote));
        }
        NodeStatus {
            time: now,
            version: env!("CARGO_PKG_VERSION").to_string(),
            started: self.started,
            service_uri: format!("https://{}", self.orchestrator),
            address: None,
            network: "offchain".to_string(),
            draining: is_draining,
            max_sessions,
            sessions,
            work,
            devices,
            transcoders: Vec::new(),
            reach: Reach::default(),
            engine,
            chain: None,
            payments: None,
            notices,
            mode: NodeMode::Transcoder,
            remote: Some(remote),
            api_version: API_VERSION,
            reward: None,
            redeem: None,
        }
    }

    fn remote_view(&self, tasks_done: u64, tasks_failed: u64) -> RemoteView {
        let link = self.link();
        RemoteView {
            orchestrator: self.orchestrator.to_string(),
            registered_since: link.registered_since,
            registrations: link.registrations,
            registrations_failed: link.registrations_failed,
            tasks_running: u32::try_from(self.running.len()).unwrap_or(u32::MAX),
            tasks_done,
            tasks_failed,
            results_lost: link.results_lost,
            last_error: link.last_error.clone(),
        }
    }

    fn not_registered(&self, now: Timestamp, remote: &RemoteView) -> Notice {
        let why = match &remote.last_error {
            Some(error) => format!(": {error}"),
            None => String::new(),
        };
        Notice {
            since: self.link().lost_since.unwrap_or(now),
            code: "not_registered_with_orchestrator".to_string(),
            message: format!(
                "not registered with {}, so no tasks come{why}",
                remote.orchestrator
            ),
            urgent: true,
        }
    }
}

impl Measured for Remote {
    fn metrics(&self) -> Result<String, prometheus::Error> {
        self.metrics.text(&self.status(), &[], None, None)
    }
}

impl Operated for Remote {
    fn status(&self) -> NodeStatus {
        Remote::status(self)
    }

    fn drain(&self) {
        if !self.draining.is_cancelled() {
            tracing::info!("draining: the orchestrator gives no more tasks, running ones are finished");
        }
        self.draining.cancel();
        self.tell();
    }

    fn config(&self) -> ConfigView {
        ConfigView {
            settings: self.told.clone(),
            changed: self.settings.kept(),
        }
    }

    fn change(&self, change: &SettingsChange) -> Result<(), SettingsError> {
        self.settings.change(change, self)
    }

    fn end_session(&self, _: &str) -> Result<bool, SettingsError> {
        Err(SettingsError::NotHere(
            "a transcoder's sessions are its orchestrator's: end them there",
        ))
    }
}

impl Changing for Remote {
    fn set_sessions(&self, choice: SessionsChoice) -> Result<(), SettingsError> {
        match choice {
            SessionsChoice::Auto => Err(SettingsError::NotHere(
                "a transcoder tells its orchestrator a number of sessions: `auto` is none",
            )),
            SessionsChoice::Most(limit) => {
                self.capacity.send_if_modified(|capacity| {
                    let is_new = *capacity != limit.get();
                    *capacity = limit.get();
                    is_new
                });
                self.tell();
                Ok(())
            }
        }
    }

    fn set_price(&self, _: &PriceChange) -> Result<(), SettingsError> {
        Err(SettingsError::NotHere(
            "a transcoder names no price: its orchestrator does",
        ))
    }

    fn set_max_face_value(&self, _: Limit) -> Result<(), SettingsError> {
        Err(SettingsError::NotHere(
            "a transcoder takes no tickets: its orchestrator does",
        ))
    }

    fn set_gas_limits(&self, _: Option<Limit>, _: Option<Wei>) -> Result<(), SettingsError> {
        Err(SettingsError::NotHere(
            "a transcoder sends no transactions: its orchestrator does",
        ))
    }
}
