//! What go-livepeer's routes tell of a transcoder: it has no chain, no price and no stream of its own.

use std::collections::BTreeMap;

use super::Remote;
use crate::{
    chain::Outbox,
    config::LogLevel,
    node::{
        go_routes::{Front, Role},
        operator::Operated,
        settings::{LogControl, SettingsChange, SettingsError},
    },
    view::node::NodeStatus,
};

impl Front for Remote {
    fn role(&self) -> Role {
        Role::Transcoder
    }

    fn status(&self) -> NodeStatus {
        Operated::status(self)
    }

    fn change(&self, change: &SettingsChange) -> Result<(), SettingsError> {
        Operated::change(self, change)
    }

    fn outbox(&self) -> Option<&Outbox> {
        None
    }

    fn block(&self) -> Option<u64> {
        None
    }

    fn prices(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    fn log_level(&self) -> Option<LogLevel> {
        self.settings.log().and_then(LogControl::level)
    }
}
