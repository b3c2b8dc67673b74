//! The whole screen as a state machine: events in, intents out. How it is drawn is in `view`.

use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use ratatui::{
    buffer::Buffer,
    crossterm::event::{KeyCode, KeyEvent, MouseButton, MouseEvent, MouseEventKind},
    layout::Rect,
};

use crate::{
    deed::{Answer, Deeds, Order, Plan},
    feed::FeedState,
    history::Range,
    keymap::{self, Action, Deed, Mode, Tab},
    panels::{List, fleet::Fleet},
    places::{Place, Places},
    theme::Theme,
    watched::Watched,
};

/// Below this the screen only says that it is too small.
pub const LEAST_SIZE: (u16, u16) = (40, 10);
/// How long an answer stays on screen.
pub(crate) const ANSWER_SHOWN: Duration = Duration::from_secs(8);

/// A node that is watched.
#[derive(Debug, Clone)]
pub struct NodeName {
    /// What the operator calls it.
    pub name: String,
    /// Where its operator API is, for messages.
    pub url: String,
}

/// How the dashboard looks and what it calls the nodes.
#[derive(Debug, Clone)]
pub struct Look {
    /// Colours by role.
    pub theme: Theme,
    /// The viewer's time zone.
    pub zone: TimeZone,
    /// The nodes, at least one.
    pub nodes: Vec<NodeName>,
}

/// What happens to the dashboard.
#[derive(Debug)]
pub enum Event {
    /// A key was pressed.
    Key(KeyEvent),
    /// The mouse did something on a screen of that size.
    Mouse(MouseEvent, Rect),
    /// Text was pasted.
    Paste(String),
    /// A node reported, or the connection to it changed. Nodes are counted as in [`Look::nodes`].
    Feed(usize, FeedState),
    /// What an order would do.
    Plan(Plan),
    /// An order was carried out, or could not be.
    Answer(Answer),
}

/// What the operator wants done. The dashboard itself does nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intent {
    /// End the dashboard.
    Quit,
    /// Go to the background.
    Suspend,
    /// Draw every cell anew.
    Redraw,
    /// Take the mouse, or leave it to the terminal.
    Mouse(bool),
    /// Say what an order would do, and what stands in its way. Nothing is done yet.
    Prepare(Order),
    /// Do it: the operator has seen the plan and said yes.
    CarryOut(Order),
}

/// What of a node is looked at, beyond its status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Interest {
    /// Which node.
    pub node: usize,
    /// Its winning tickets.
    pub tickets: bool,
    /// Its log.
    pub log: bool,
}

/// What lies over the panels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Popup {
    Help,
    Detail,
}

/// The dashboard's state.
#[derive(Debug)]
pub struct App {
    pub(crate) look: Look,
    pub(crate) nodes: Vec<Watched>,
    pub(crate) front: usize,
    /// All nodes are shown, one line each.
    pub(crate) is_fleet: bool,
    pub(crate) fleet: Fleet,
    pub(crate) tab: Tab,
    pub(crate) range: Range,
    pub(crate) popup: Option<Popup>,
    pub(crate) deeds: Deeds,
    has_mouse: bool,
}

impl App {
    /// A dashboard that waits for its first report.
    #[must_use]
    pub fn new(look: Look, now: Instant) -> Self {
        let nodes: Vec<Watched> = look.nodes.iter().map(|_| Watched::new(now)).collect();
        Self {
            is_fleet: nodes.len() > 1,
            look,
            nodes,
            front: 0,
            fleet: Fleet::default(),
            tab: Tab::Overview,
            range: Range::default(),
            popup: None,
            deeds: Deeds::default(),
            has_mouse: true,
        }
    }

    /// Changes the colours.
    pub fn change_theme(&mut self, theme: Theme) {
        self.look.theme = theme;
    }

    /// Shows a tab.
    pub fn show(&mut self, tab: Tab) {
        self.tab = tab;
        self.popup = None;
    }

    /// What of which node is looked at.
    #[must_use]
    pub fn interest(&self) -> Interest {
        // A held picture needs nothing new.
        let is_near = !self.is_fleet
            && self
                .nodes
                .get(self.front)
                .is_some_and(|watched| !watched.is_held());
        Interest {
            node: self.front,
            tickets: is_near && self.tab == Tab::Tickets,
            log: is_near && self.tab == Tab::Log,
        }
    }

    /// Takes in what all nodes said, as far as it is new. True if that changes what is shown.
    pub fn take_feeds(&mut self, feeds: &[FeedState], now: Instant) -> bool {
        let mut is_seen = false;
        for (node, feed) in feeds.iter().enumerate() {
            is_seen |= self.take_feed(node, feed.clone());
        }
        if is_seen {
            self.settle(now);
        }
        is_seen
    }

    /// Takes in what one node said. True if that changes what is shown.
    fn take_feed(&mut self, node: usize, feed: FeedState) -> bool {
        let Some(watched) = self.nodes.get_mut(node) else {
            return false;
        };
        let news = watched.take(feed);
        match self.is_fleet {
            true => news.status,
            false if node != self.front || watched.is_held() => false,
            false => match self.tab {
                Tab::Tickets => news.status || news.tickets,
                Tab::Log => news.status || news.log,
                _ => news.status,
            },
        }
    }

    /// Takes an event in. Everything but an intent shows on the next frame only.
    pub fn update(&mut self, event: Event, now: Instant) -> Option<Intent> {
        match event {
            Event::Feed(node, feed) => {
                if self.take_feed(node, feed) {
                    self.settle(now);
                }
                None
            }
            Event::Plan(plan) => {
                self.deeds.take_plan(plan);
                None
            }
            Event::Answer(answer) => {
                self.deeds.take_answer(answer, now);
                None
            }
            Event::Paste(pasted) => {
                self.type_text(&pasted, now);
                None
            }
            Event::Key(key) => self.press(&key, now),
            Event::Mouse(mouse, area) => self.point(mouse, area, now),
        }
    }

    /// What is in front.
    pub(crate) fn mode(&self) -> Mode {
        if let Some(mode) = self.deeds.mode() {
            return mode;
        }
        match self.popup {
            Some(_) => Mode::Popup,
            None if self.is_typing() => Mode::Typing,
            None => Mode::Panels,
        }
    }

    fn is_typing(&self) -> bool {
        match self.is_fleet {
            true => self.fleet.listing().is_typing(),
            false => self
                .nodes
                .get(self.front)
                .is_some_and(|watched| watched.panels.is_typing(self.tab)),
        }
    }

    /// Lets the list in front do something with the scene it is drawn from.
    fn with_list<T>(
        &mut self,
        now: Instant,
        act: impl FnOnce(&mut dyn List, &crate::panels::Scene<'_>) -> T,
    ) -> Option<T> {
        // The list is taken out for the call: a scene borrows everything else.
        let places = Places::default();
        if self.is_fleet {
            let mut fleet = std::mem::take(&mut self.fleet);
            let outcome = act(&mut fleet, &self.scene(now, &places));
            self.fleet = fleet;
            return Some(outcome);
        }
        let mut panels = std::mem::take(&mut self.nodes.get_mut(self.front)?.panels);
        let outcome = panels
            .list(self.tab)
            .map(|list| act(list, &self.scene(now, &places)));
        self.nodes.get_mut(self.front)?.panels = panels;
        outcome
    }

    fn settle(&mut self, now: Instant) {
        self.with_list(now, |list, scene| list.settle(scene));
    }

    fn type_text(&mut self, letters: &str, now: Instant) {
        match self.mode() {
            Mode::Typing => {
                self.with_list(now, |list, scene| {
                    list.listing_mut().type_text(letters);
                    list.settle(scene);
                });
            }
            Mode::Value => self.deeds.type_text(letters),
            Mode::Panels | Mode::Popup | Mode::Question => {}
        }
    }

    fn press(&mut self, key: &KeyEvent, now: Instant) -> Option<Intent> {
        let mode = self.mode();
        if let Some(action) = keymap::resolve(mode, key) {
            return self.act(action, now);
        }
        match key.code {
            KeyCode::Char(letter) => self.type_text(letter.encode_utf8(&mut [0; 4]), now),
            KeyCode::Backspace if mode == Mode::Value => self.deeds.delete_letter(),
            KeyCode::Backspace if mode == Mode::Typing => {
                self.with_list(now, |list, scene| {
                    list.listing_mut().delete_letter();
                    list.settle(scene);
                });
            }
            _ => {}
        }
        None
    }

    fn act(&mut self, action: Action, now: Instant) -> Option<Intent> {
        match action {
            Action::Quit => return Some(Intent::Quit),
            Action::Suspend => return Some(Intent::Suspend),
            Action::Redraw => return Some(Intent::Redraw),
            Action::Mouse => {
                self.has_mouse = !self.has_mouse;
                return Some(Intent::Mouse(self.has_mouse));
            }
            Action::Confirm => return self.deeds.confirm(now).map(Intent::CarryOut),
            Action::Open if self.mode() == Mode::Value => return self.deeds.submit(now).map(Intent::Prepare),
            Action::Close if self.deeds.mode().is_some() => self.deeds.close(),
            Action::Help => self.popup = Some(Popup::Help),
            Action::Close if self.popup.is_some() => self.popup = None,
            Action::Range => self.range = self.range.next(),
            Action::Ask(deed) => return self.ask(deed, now),
            Action::Fleet => self.step_back(),
            Action::Pause if !self.is_fleet => {
                if let Some(watched) = self.nodes.get_mut(self.front) {
                    watched.toggle_hold(now);
                }
                self.settle(now);
            }
            Action::Show(tab) => self.go_to(tab, now),
            Action::NextTab => self.go_to(self.tab.stepped(1), now),
            Action::PreviousTab => self.go_to(self.tab.stepped(Tab::ALL.len() - 1), now),
            other => self.act_in_list(other, now),
        }
        None
    }

    fn go_to(&mut self, tab: Tab, now: Instant) {
        if self.is_fleet {
            self.enter_selected(now);
        }
        self.tab = tab;
        self.settle(now);
    }

    /// From a node to all of them.
    fn step_back(&mut self) {
        if self.nodes.len() > 1 {
            (self.is_fleet, self.popup) = (true, None);
        }
    }

    /// From all nodes to the selected one.
    fn enter_selected(&mut self, now: Instant) {
        let chosen = self.with_list(now, |list, scene| {
            let keys = list.keys(scene);
            keys.get(list.listing().position(&keys))
                .and_then(|key| key.parse().ok())
        });
        if let Some(Some(node)) = chosen {
            (self.front, self.is_fleet) = (node, false);
        }
    }

    fn act_in_list(&mut self, action: Action, now: Instant) {
        let used = self.with_list(now, |list, scene| {
            let used = list.act(action, scene);
            (used, !list.keys(scene).is_empty())
        });
        match (used, action) {
            (Some((false, true)), Action::Open) if self.is_fleet => {
                self.enter_selected(now);
                self.settle(now);
            }
            (Some((false, true)), Action::Open) => self.popup = Some(Popup::Detail),
            (Some((false, _)) | None, Action::Close) if !self.is_fleet => self.step_back(),
            _ => {}
        }
    }

    /// Something is to be done: its value is asked for, or its plan.
    fn ask(&mut self, deed: Deed, now: Instant) -> Option<Intent> {
        if self.is_fleet {
            self.deeds.refuse("open a node with enter first", now);
            return None;
        }
        let session = self.with_list(now, |_, _| ()).and_then(|()| {
            let places = Places::default();
            let scene = self.scene(now, &places);
            let panels = &self.nodes.get(self.front)?.panels;
            panels.sessions.selected(&scene).map(|session| session.id.clone())
        });
        let watched = self.nodes.get(self.front)?;
        let order = self.deeds.ask(deed, self.front, &watched.feed, session, now);
        order.map(Intent::Prepare)
    }

    /// The mouse.
    fn point(&mut self, mouse: MouseEvent, area: Rect, now: Instant) -> Option<Intent> {
        match mouse.kind {
            MouseEventKind::ScrollDown => return self.act_scrolled(Action::Down, now),
            MouseEventKind::ScrollUp => return self.act_scrolled(Action::Up, now),
            MouseEventKind::Down(MouseButton::Left) => {}
            _ => return None,
        }
        let places = Places::default();
        // Drawn once more to see what is where: clicks are rare.
        self.render_noting(&mut Buffer::empty(area), area, now, &places);
        match (places.at(mouse.column, mouse.row), self.mode()) {
            (Some(Place::Key(action)), _) => self.act(action, now),
            (Some(Place::Popup), _) => None,
            (_, Mode::Popup) => {
                self.popup = None;
                None
            }
            (Some(Place::Tab(tab)), Mode::Panels | Mode::Typing) => {
                self.go_to(tab, now);
                None
            }
            (Some(Place::Row(row)), Mode::Panels | Mode::Typing) => {
                if self.with_list(now, |list, scene| list.click(row, scene)) == Some(true) {
                    self.act_in_list(Action::Open, now);
                }
                None
            }
            _ => None,
        }
    }

    fn act_scrolled(&mut self, action: Action, now: Instant) -> Option<Intent> {
        if matches!(self.mode(), Mode::Panels | Mode::Typing | Mode::Popup) {
            self.act_in_list(action, now);
        }
        None
    }

    /// When the picture next changes by itself, because an age on it grows or an answer goes; none while it does not.
    #[must_use]
    pub fn next_change(&self, now: Instant) -> Option<Instant> {
        let ages = match self.is_fleet {
            true => {
                let each = self.nodes.iter();
                each.filter_map(|watched| watched.feed.next_change(now, false))
                    .min()
            }
            false => self
                .nodes
                .get(self.front)
                .and_then(|watched| watched.next_change(now)),
        };
        [ages, self.deeds.next_change(now)].into_iter().flatten().min()
    }
}
