//! The panels. Each is drawn from `&self` and a [`Scene`]; what a panel keeps is only how it is looked at (selection,
//! filter, order), never a copy of the data.

use std::time::{Duration, Instant};

use engine::view::node::NodeStatus;
use jiff::tz::TimeZone;
use ratatui::{buffer::Buffer, layout::Rect, text::Line};

use crate::{
    app::NodeName,
    feed::{FeedState, Freshness, GoFacts},
    history::{History, Range},
    keymap::{Action, Tab},
    listing::Listing,
    places::Places,
    theme::Theme,
    watched::Watched,
};

pub mod chain;
pub mod devices;
pub mod fleet;
pub mod go;
pub mod header;
pub mod log;
pub mod money;
pub mod notices;
pub mod redemption;
pub mod reward;
pub mod session_detail;
pub mod sessions;
pub mod table;
pub mod tickets;
pub mod transcoders;
pub mod transcoding;
pub mod work;

/// Everything a panel may look at while it draws.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// The node's last status; none before the first.
    pub status: Option<&'a NodeStatus>,
    /// What a go-livepeer node told; none of lpctl's.
    pub go: Option<&'a GoFacts>,
    /// The connection to the node, and what was asked for beside its status.
    pub feed: &'a FeedState,
    /// How much `status` can be trusted now.
    pub freshness: Freshness,
    /// For how long the picture has been held by the operator.
    pub held: Option<Duration>,
    /// Readings over time.
    pub history: &'a History,
    /// How much of them charts show.
    pub range: Range,
    /// Colours by role.
    pub theme: &'a Theme,
    /// The viewer's time zone.
    pub zone: &'a TimeZone,
    /// What the node is called, for messages.
    pub node: &'a NodeName,
    /// All nodes, and what they are called.
    pub nodes: (&'a [Watched], &'a [NodeName]),
    /// Notes what is where, for the mouse.
    pub places: &'a Places,
    /// The moment that is drawn.
    pub now: Instant,
}

/// A part of the screen.
pub trait Panel {
    /// Draws the panel into `area`.
    fn render(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>);
}

/// A panel of rows that can be walked through, filtered and sorted.
pub trait List: Panel {
    /// How it is looked at.
    fn listing(&self) -> &Listing;

    /// How it is looked at.
    fn listing_mut(&mut self) -> &mut Listing;

    /// What each shown row is known by, in order.
    fn keys<'a>(&self, scene: &Scene<'a>) -> Vec<&'a str>;

    /// Everything about the selected row: a title, and lines of at most `room` cells.
    fn detail(&self, scene: &Scene<'_>, room: usize) -> Option<(String, Vec<Line<'static>>)>;

    /// Takes a key's meaning; true if the list used it up.
    fn act(&mut self, action: Action, scene: &Scene<'_>) -> bool {
        let keys = self.keys(scene);
        let used = self.listing_mut().act(action, &keys);
        if used {
            self.settle(scene);
        }
        used
    }

    /// Keeps the selection where it belongs when rows have come and gone.
    fn settle(&mut self, scene: &Scene<'_>) {
        let keys = self.keys(scene);
        self.listing_mut().settle(&keys);
    }

    /// Selects a row; true if it was selected already.
    fn click(&mut self, row: usize, scene: &Scene<'_>) -> bool {
        let keys = self.keys(scene);
        let again = self.listing().position(&keys) == row;
        self.listing_mut().select(row, &keys);
        again
    }
}

/// The lists of one node.
#[derive(Debug, Default)]
pub struct Panels {
    /// Stream sessions.
    pub sessions: sessions::Sessions,
    /// Winning tickets.
    pub tickets: tickets::Tickets,
    /// GPUs or the CPU.
    pub devices: devices::Devices,
    /// Remote transcoders.
    pub transcoders: transcoders::Transcoders,
    /// Lines of the log.
    pub log: log::Log,
}

impl Panels {
    /// The list of a tab; none on a tab without one.
    pub fn list(&mut self, tab: Tab) -> Option<&mut dyn List> {
        Some(match tab {
            Tab::Overview | Tab::Sessions => &mut self.sessions,
            Tab::Tickets => &mut self.tickets,
            Tab::Devices => &mut self.devices,
            Tab::Transcoders => &mut self.transcoders,
            Tab::Log => &mut self.log,
            Tab::Chain => return None,
        })
    }

    /// See [`Panels::list`].
    #[must_use]
    pub fn list_of(&self, tab: Tab) -> Option<&dyn List> {
        Some(match tab {
            Tab::Overview | Tab::Sessions => &self.sessions,
            Tab::Tickets => &self.tickets,
            Tab::Devices => &self.devices,
            Tab::Transcoders => &self.transcoders,
            Tab::Log => &self.log,
            Tab::Chain => return None,
        })
    }

    /// Whether letters go into the filter of a tab's list.
    #[must_use]
    pub fn is_typing(&self, tab: Tab) -> bool {
        self.list_of(tab).is_some_and(|list| list.listing().is_typing())
    }
}

/// A placeholder's sentence before the first report.
pub const WAITING: &str = "waiting for the node's first report";
