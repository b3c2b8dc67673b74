//! What is known, between one reading and the next.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use alloy::primitives::Address;
use jiff::Timestamp;

use super::figures::Past;
use crate::chain::exported::Standing;

/// All of it.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Whether the last reading worked.
    pub(super) up: bool,
    pub(super) readings: u64,
    pub(super) failures: u64,
    /// When the standing was last read.
    pub(super) read: Option<(Timestamp, Instant)>,
    /// How long the last reading took.
    pub(super) took: Option<Duration>,
    pub(super) standing: Option<Standing>,
    pub(super) pasts: BTreeMap<Address, Past>,
}
