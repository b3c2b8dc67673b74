//! The dashboard: panels that are given views and hand back intents.
//!
//! Whoever runs it feeds it with [`FeedState`]s through a watch channel and carries out the [`Intent`]s it hands back
//! ([`run`]). It knows no network and no node. Every frame is a pure function of what it was fed, so that the same code
//! draws on a terminal, into tests and into documents ([`render_once`], [`picture`]).

pub mod app;
mod draw;
mod event_loop;
mod feed;
mod history;
pub mod keymap;
mod panels;
pub mod picture;
pub mod terminal;
mod text;
mod theme;
mod words;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod screens;

pub use app::{Answer, App, Event, Intent, Look};
pub use event_loop::{DashboardError, Wires, run};
pub use feed::{FeedState, Freshness, Link, Reading, STALE_AFTER};
pub use picture::render_once;
pub use theme::{Theme, ThemeName};
