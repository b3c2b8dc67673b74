//! What is told, between one reading and the next.

use std::time::{Duration, Instant};

use axum::body::Bytes;
use jiff::Timestamp;

/// All of it.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Whether the last reading worked.
    pub(super) up: bool,
    pub(super) readings: u64,
    pub(super) failures: u64,
    /// When it was last read how orchestrators stand.
    pub(super) read: Option<(Timestamp, Instant)>,
    /// How long the last reading took.
    pub(super) took: Option<Duration>,
    /// Parts per thousand of the history that were read; none before the first reading.
    pub(super) history: Option<u16>,
    /// What was read, as text: one for all scrapers, however slowly they take it.
    pub(super) facts: Bytes,
}
