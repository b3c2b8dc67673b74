//! The whole screen as a state machine: events in, intents out, drawn from `&self`.

use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use ratatui::{
    buffer::Buffer,
    crossterm::event::{KeyCode, KeyEvent},
    layout::{Constraint, Layout, Rect},
    text::{Line, Span},
};

use crate::{
    draw,
    feed::{FeedState, Freshness, Link},
    history::History,
    keymap::{self, Action, Mode, Tab},
    panels::{
        Panel, Scene,
        chain::{ChainDetail, ChainSummary},
        devices::{DeviceLines, Devices},
        header::{Header, Tabs},
        notices::Notices,
        session_detail::SessionDetail,
        sessions::Sessions,
        work::{Charts, Work},
    },
    text,
    theme::Theme,
    words,
};

/// Below this the screen only says that it is too small.
pub const LEAST_SIZE: (u16, u16) = (40, 10);
/// How long an answer stays on screen.
const ANSWER_SHOWN: Duration = Duration::from_secs(8);

/// How the dashboard looks and what it calls the node.
#[derive(Debug, Clone)]
pub struct Look {
    /// Colours by role.
    pub theme: Theme,
    /// The viewer's time zone.
    pub zone: TimeZone,
    /// Where the node's operator API is, for messages.
    pub node_url: String,
}

/// What happens to the dashboard.
#[derive(Debug)]
pub enum Event {
    /// A key was pressed.
    Key(KeyEvent),
    /// Text was pasted.
    Paste(String),
    /// The node reported, or the connection changed.
    Feed(FeedState),
    /// An intent was carried out, or could not be.
    Answer(Answer),
}

/// What the operator wants done. The dashboard itself does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// End the dashboard.
    Quit,
    /// Go to the background.
    Suspend,
    /// Draw every cell anew.
    Redraw,
    /// Ask the node to take no new sessions. Confirmed by the operator.
    Drain,
}

/// What became of an intent, in a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Whether it was done.
    pub done: bool,
    /// The sentence. May hold text from outside.
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Popup {
    Help,
    Session,
    ConfirmDrain,
}

/// The dashboard's state.
#[derive(Debug)]
pub struct App {
    look: Look,
    feed: FeedState,
    history: History,
    tab: Tab,
    popup: Option<Popup>,
    sessions: Sessions,
    devices: Devices,
    answer: Option<(Instant, Answer)>,
}

impl App {
    /// A dashboard that waits for its first report.
    #[must_use]
    pub fn new(look: Look, now: Instant) -> Self {
        Self {
            look,
            feed: FeedState::connecting(now),
            history: History::default(),
            tab: Tab::Overview,
            popup: None,
            sessions: Sessions::default(),
            devices: Devices::default(),
            answer: None,
        }
    }

    /// Changes the colours.
    pub fn change_theme(&mut self, theme: Theme) {
        self.look.theme = theme;
    }

    /// Takes an event in. Everything but an intent shows on the next frame only.
    pub fn update(&mut self, event: Event, now: Instant) -> Option<Intent> {
        match event {
            Event::Feed(feed) => {
                self.take_feed(feed);
                None
            }
            Event::Answer(answer) => {
                self.answer = Some((now, answer));
                None
            }
            Event::Paste(pasted) => {
                if self.mode() == Mode::Typing {
                    self.sessions.type_text(&pasted);
                    self.settle();
                }
                None
            }
            Event::Key(key) => self.press(&key, now),
        }
    }

    fn take_feed(&mut self, feed: FeedState) {
        let is_new = match (&feed.reading, &self.feed.reading) {
            (Some(new), Some(old)) => new.received != old.received,
            (Some(_), None) => true,
            (None, _) => false,
        };
        self.feed = feed;
        if let (true, Some(reading)) = (is_new, &self.feed.reading) {
            self.history.record(&reading.status);
        }
        self.settle();
    }

    fn settle(&mut self) {
        if let Some(reading) = &self.feed.reading {
            self.sessions.settle(&reading.status);
        }
    }

    /// What is in front.
    fn mode(&self) -> Mode {
        match self.popup {
            Some(Popup::ConfirmDrain) => Mode::Question,
            Some(Popup::Help | Popup::Session) => Mode::Popup,
            None if self.sessions.is_typing() => Mode::Typing,
            None => Mode::Panels,
        }
    }

    fn press(&mut self, key: &KeyEvent, now: Instant) -> Option<Intent> {
        let mode = self.mode();
        let Some(action) = keymap::resolve(mode, key) else {
            if mode == Mode::Typing {
                match key.code {
                    KeyCode::Char(letter) => self.sessions.type_text(letter.encode_utf8(&mut [0; 4])),
                    KeyCode::Backspace => self.sessions.delete_letter(),
                    _ => return None,
                }
                self.settle();
            }
            return None;
        };
        match action {
            Action::Quit => return Some(Intent::Quit),
            Action::Suspend => return Some(Intent::Suspend),
            Action::Redraw => return Some(Intent::Redraw),
            Action::Confirm => {
                self.popup = None;
                return Some(Intent::Drain);
            }
            Action::Help => self.popup = Some(Popup::Help),
            Action::Close if self.popup.is_some() => self.popup = None,
            Action::Show(tab) => self.tab = tab,
            Action::NextTab => self.tab = self.tab.stepped(1),
            Action::PreviousTab => self.tab = self.tab.stepped(Tab::ALL.len() - 1),
            Action::Drain => self.ask_to_drain(now),
            other => self.act_in_panels(other, now),
        }
        None
    }

    fn act_in_panels(&mut self, action: Action, now: Instant) {
        // The panels are taken out for the call: a scene borrows everything else.
        let (mut sessions, mut devices) = (
            std::mem::take(&mut self.sessions),
            std::mem::take(&mut self.devices),
        );
        let scene = self.scene(now);
        let used = match (self.tab, action) {
            (_, Action::Filter | Action::Sort | Action::Open | Action::Close)
            | (Tab::Overview | Tab::Sessions, _) => sessions.act(action, &scene),
            (Tab::Devices, _) => devices.act(action, &scene),
            (Tab::Chain, _) => false,
        };
        let has_selection = sessions.selected(&scene).is_some();
        (self.sessions, self.devices) = (sessions, devices);
        if matches!(action, Action::Filter | Action::Sort) && matches!(self.tab, Tab::Devices | Tab::Chain) {
            self.tab = Tab::Sessions;
        }
        if !used && action == Action::Open && has_selection {
            self.popup = Some(Popup::Session);
        }
    }

    fn ask_to_drain(&mut self, now: Instant) {
        let refusal = match (&self.feed.link, &self.feed.reading) {
            (Link::Live, Some(reading)) if reading.status.draining => "the node is draining already",
            (Link::Live, Some(_)) => {
                self.popup = Some(Popup::ConfirmDrain);
                return;
            }
            _ => "not connected to the node: nothing was asked of it",
        };
        let message = refusal.to_string();
        self.answer = Some((now, Answer { done: false, message }));
    }

    /// When the picture next changes by itself, because an age on it grows or an answer goes; none while it does not.
    #[must_use]
    pub fn next_change(&self, now: Instant) -> Option<Instant> {
        let answer_goes = self
            .answer
            .as_ref()
            .map(|(shown, _)| *shown + ANSWER_SHOWN)
            .filter(|goes| *goes > now);
        [self.feed.next_change(now), answer_goes]
            .into_iter()
            .flatten()
            .min()
    }

    fn scene(&self, now: Instant) -> Scene<'_> {
        Scene {
            status: self.feed.reading.as_ref().map(|reading| &*reading.status),
            feed: &self.feed,
            freshness: self.feed.freshness(now),
            history: &self.history,
            theme: &self.look.theme,
            zone: &self.look.zone,
            node_url: &self.look.node_url,
        }
    }

    /// Draws everything into `area`.
    pub fn render(&self, buffer: &mut Buffer, area: Rect, now: Instant) {
        let scene = self.scene(now);
        let theme = scene.theme;
        if area.width < LEAST_SIZE.0 || area.height < LEAST_SIZE.1 {
            let (width, height) = LEAST_SIZE;
            let sentence = format!(
                "{}×{} is too small, make it {width}×{height}",
                area.width, area.height
            );
            draw::placeholder(buffer, area, &[sentence, "q quits".to_string()], theme);
            theme.finish(buffer);
            return;
        }
        let banner = banner(&scene, now);
        let [header, tabs, trouble, body, help] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(1),
            Constraint::Length(u16::from(banner.is_some())),
            Constraint::Fill(1),
            Constraint::Length(1),
        ])
        .areas(area);
        self.body(buffer, body, &scene);
        if scene.freshness.is_old() {
            theme.make_stale(buffer, body);
        }
        Header.render(buffer, header, &scene);
        Tabs { shown: self.tab }.render(buffer, tabs, &scene);
        if let Some(banner) = banner {
            let fitted = text::fit(&banner, usize::from(area.width).saturating_sub(2));
            let style = if matches!(scene.freshness, Freshness::Lost { .. }) {
                theme.bad
            } else {
                theme.warn
            };
            buffer.set_string(trouble.x + 1, trouble.y, fitted, style);
        }
        self.popups(buffer, body, &scene);
        self.help_bar(buffer, help, &scene, now);
        theme.finish(buffer);
    }

    fn body(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        if scene.status.is_none() {
            draw::placeholder(buffer, area, &first_words(scene), scene.theme);
            return;
        }
        match self.tab {
            Tab::Overview => self.overview(buffer, area, scene),
            Tab::Sessions if area.width >= 150 => {
                let [table, detail] =
                    Layout::horizontal([Constraint::Fill(1), Constraint::Length(72)]).areas(area);
                self.sessions.render(buffer, table, scene);
                self.selected_session(buffer, detail, scene);
            }
            Tab::Sessions => self.sessions.render(buffer, area, scene),
            Tab::Devices => self.devices.render(buffer, area, scene),
            Tab::Chain => ChainDetail.render(buffer, area, scene),
        }
    }

    fn selected_session(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        let inside = draw::panel(buffer, area, vec![Span::raw("selected session")], scene.theme);
        let session = self.sessions.selected(scene);
        SessionDetail { session }.render(buffer, inside, scene);
    }

    fn overview(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        if area.height < 16 || area.width < 60 {
            self.small_overview(buffer, area, scene);
            return;
        }
        let (main, charts) = if area.width >= 130 && area.height >= 24 {
            let [main, charts] =
                Layout::horizontal([Constraint::Fill(1), Constraint::Length(64)]).areas(area);
            (main, Some(charts))
        } else {
            (area, None)
        };
        let notices = Notices.height(main.width, scene);
        let device_rows = DeviceLines.height(scene).min(area.height / 3);
        let [top, devices, sessions, needs] = Layout::vertical([
            Constraint::Length(7),
            Constraint::Length(device_rows),
            Constraint::Min(4),
            Constraint::Length(notices),
        ])
        .areas(main);
        let [work, chain] = Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).areas(top);
        Work.render(buffer, work, scene);
        ChainSummary.render(buffer, chain, scene);
        DeviceLines.render(buffer, devices, scene);
        let rows = u16::try_from(scene.status.map_or(0, |status| status.sessions.len())).unwrap_or(u16::MAX);
        let table_rows = rows.max(3).saturating_add(3);
        if charts.is_some() && sessions.height >= table_rows.saturating_add(16) && rows > 0 {
            let [table, detail] =
                Layout::vertical([Constraint::Length(table_rows), Constraint::Fill(1)]).areas(sessions);
            self.sessions.render(buffer, table, scene);
            self.selected_session(buffer, detail, scene);
        } else {
            self.sessions.render(buffer, sessions, scene);
        }
        if notices > 0 {
            Notices.render(buffer, needs, scene);
        }
        if let Some(charts) = charts {
            Charts.render(buffer, charts, scene);
        }
    }

    /// What matters most where there is little room: what needs the operator, the work, the sessions.
    fn small_overview(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        let notice = Notices.first(area.width.saturating_sub(2), scene);
        let [needs, work, sessions] = Layout::vertical([
            Constraint::Length(u16::from(notice.is_some())),
            Constraint::Length(3),
            Constraint::Fill(1),
        ])
        .areas(area);
        if let Some(notice) = notice {
            buffer.set_line(needs.x + 1, needs.y, &notice, needs.width.saturating_sub(2));
        }
        Work.render(buffer, work, scene);
        self.sessions.render(buffer, sessions, scene);
    }

    fn popups(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        let theme = scene.theme;
        match self.popup {
            None => {}
            Some(Popup::Session) => {
                let session = self.sessions.selected(scene);
                let title = session.map_or_else(
                    || "session".to_string(),
                    |session| format!("session {}", text::clean(&session.id)),
                );
                let size = (
                    area.width.saturating_sub(4).min(110),
                    area.height.saturating_sub(1).min(30),
                );
                let inside = draw::popup(buffer, area, size, &title, theme);
                SessionDetail { session }.render(buffer, inside, scene);
                if scene.freshness.is_old() {
                    theme.make_stale(buffer, inside);
                }
            }
            Some(Popup::Help) => {
                let lines = help_lines(scene);
                let wide = lines.iter().map(Line::width).max().unwrap_or(0);
                let size = (
                    u16::try_from(wide + 4).unwrap_or(u16::MAX),
                    u16::try_from(lines.len() + 2).unwrap_or(u16::MAX),
                );
                let inside = draw::popup(buffer, area, size, "keys", theme);
                draw::lines(buffer, inside, &lines);
            }
            Some(Popup::ConfirmDrain) => {
                let running = scene.status.map_or(0, |status| status.sessions.len());
                let running = words::counted(u64::try_from(running).unwrap_or(u64::MAX), "session");
                let sentences = [
                    "The node will take no new sessions.".to_string(),
                    format!("{running} running now will be finished."),
                    String::new(),
                    "y  drain the node      n  leave it".to_string(),
                ];
                let inside = draw::popup(buffer, area, (46, 6), "drain this node?", theme);
                let lines: Vec<Line<'_>> = sentences
                    .iter()
                    .map(|sentence| Line::styled(sentence.as_str(), theme.text))
                    .collect();
                draw::lines(buffer, inside, &lines);
            }
        }
    }

    /// The last line: an answer while it is new, else the keys that work now.
    fn help_bar(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>, now: Instant) {
        let theme = scene.theme;
        let room = usize::from(area.width).saturating_sub(2);
        if let Some((_, answer)) = self
            .answer
            .as_ref()
            .filter(|(shown, _)| now < *shown + ANSWER_SHOWN)
        {
            let (mark, style) = if answer.done {
                ("✓", theme.good)
            } else {
                ("!", theme.warn)
            };
            let shown = text::fit(&format!("{mark} {}", text::clean(&answer.message)), room);
            buffer.set_string(area.x + 1, area.y, shown, style);
            return;
        }
        let mode = self.mode();
        let bindings = keymap::BINDINGS
            .iter()
            .filter(|binding| binding.mode == mode && !binding.short.is_empty());
        let pieces = bindings
            .enumerate()
            .map(|(position, binding)| {
                // Where there is little room, the way out stays.
                let importance = match binding.action {
                    Action::Quit | Action::Close => 0,
                    Action::Help => 1,
                    _ => position + 2,
                };
                let key = Span::styled(binding.shown, theme.accent);
                (
                    u8::try_from(importance).unwrap_or(u8::MAX),
                    vec![key, Span::styled(format!(" {}", binding.short), theme.quiet)],
                )
            })
            .collect();
        let line = draw::fitting(pieces, &Span::raw("  "), room);
        buffer.set_line(area.x + 1, area.y, &line, area.width.saturating_sub(1));
    }
}

/// The table of keys, as lines.
fn help_lines(scene: &Scene<'_>) -> Vec<Line<'static>> {
    let theme = scene.theme;
    keymap::BINDINGS
        .iter()
        .filter(|binding| binding.mode == Mode::Panels)
        .map(|binding| {
            Line::from(vec![
                Span::styled(format!("{:<10}", binding.shown), theme.accent),
                Span::styled(binding.long, theme.text),
            ])
        })
        .collect()
}

/// What stands where the panels will be, before the first report.
fn first_words(scene: &Scene<'_>) -> Vec<String> {
    match &scene.feed.link {
        Link::Lost { .. } => vec![
            format!("no node answers at {}", text::clean(scene.node_url)),
            String::new(),
            "start one with `lpctl run`, or name another with `--node URL`".to_string(),
            "this screen keeps trying".to_string(),
        ],
        Link::Connecting { .. } | Link::Live => {
            vec![format!("connecting to {}", text::clean(scene.node_url))]
        }
    }
}

/// One line about a connection that is not well.
fn banner(scene: &Scene<'_>, now: Instant) -> Option<String> {
    match (&scene.feed.link, scene.freshness) {
        (Link::Lost { reason, retry_at, .. }, _) => {
            let next = match retry_at.map(|at| at.saturating_duration_since(now)) {
                Some(wait) if wait >= Duration::from_secs(1) => {
                    format!("trying again in {}", words::span(wait))
                }
                _ => "trying again".to_string(),
            };
            let reason = text::clean(reason);
            Some(match scene.status {
                Some(_) => format!("✗ node lost: {reason} · {next} · last picture kept"),
                None => format!("✗ no answer: {reason} · {next}"),
            })
        }
        (_, Freshness::Stale { age }) => Some(format!(
            "! the node is connected and has said nothing for {}",
            words::span(age)
        )),
        _ => None,
    }
}
