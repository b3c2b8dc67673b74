//! The dashboard: panels that are given views and hand back intents.
//!
//! Whoever runs it feeds it with [`FeedState`]s through a watch channel and carries out the [`Intent`]s it hands back
//! ([`run`]). It knows no network and no node. Every frame is a pure function of what it was fed, so that the same code
//! draws on a terminal, into tests and into documents ([`render_once`], [`picture`]).

pub mod app;
mod deed;
mod draw;
mod event_loop;
mod feed;
mod history;
pub mod keymap;
mod listing;
mod panels;
pub mod picture;
mod places;
pub mod terminal;
mod text;
mod theme;
mod view;
mod watched;
mod words;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod screens;

pub use app::{App, Event, Intent, Interest, Look, NodeName};
pub use deed::{Answer, Errand, Order, Plan, Weight};
pub use event_loop::{DashboardError, Reply, Wires, run};
pub use feed::{
    FeedState, Freshness, GoFacts, Link, LogBook, LogLine, Part, Reading, STALE_AFTER, TicketBook,
};
pub use keymap::Tab;
pub use picture::render_once;
pub use theme::{Theme, ThemeName};
