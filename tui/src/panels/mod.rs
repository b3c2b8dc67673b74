//! The panels. Each is drawn from `&self` and a [`Scene`]; what a panel keeps is only how it is looked at (selection,
//! filter, order), never a copy of the data.

use engine::view::node::NodeStatus;
use jiff::tz::TimeZone;
use ratatui::{buffer::Buffer, layout::Rect};

use crate::{
    feed::{FeedState, Freshness},
    history::History,
    keymap::Action,
    theme::Theme,
};

pub mod chain;
pub mod devices;
pub mod header;
pub mod notices;
pub mod session_detail;
pub mod sessions;
pub mod transcoding;
pub mod work;

/// Everything a panel may look at while it draws.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// The node's last status; none before the first.
    pub status: Option<&'a NodeStatus>,
    /// The connection to the node.
    pub feed: &'a FeedState,
    /// How much `status` can be trusted now.
    pub freshness: Freshness,
    /// Readings over time.
    pub history: &'a History,
    /// Colours by role.
    pub theme: &'a Theme,
    /// The viewer's time zone.
    pub zone: &'a TimeZone,
    /// Where the node's operator API is, for messages.
    pub node_url: &'a str,
}

/// A part of the screen.
pub trait Panel {
    /// Takes a key's meaning; true if the panel used it up.
    fn act(&mut self, _action: Action, _scene: &Scene<'_>) -> bool {
        false
    }

    /// Draws the panel into `area`.
    fn render(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>);
}
