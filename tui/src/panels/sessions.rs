//! The stream sessions: a table that can be sorted, filtered and walked through.

use engine::view::node::{NodeStatus, StreamSession};
use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Rect},
    style::Style,
    text::{Line, Span},
    widgets::{Cell, HighlightSpacing, Row, StatefulWidget, Table, TableState},
};

use super::{Panel, Scene};
use crate::{draw, keymap::Action, text, words};

/// A session that has sent nothing for so long is idle.
const IDLE_AFTER: std::time::Duration = std::time::Duration::from_secs(10);
/// A filter is never longer.
const LONGEST_FILTER: usize = 64;

/// What the rows are ordered by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// Longest time from request to answer first.
    #[default]
    Slowest,
    /// Latest segment first.
    Newest,
    /// Most failures first.
    Failing,
    /// By stream name.
    Name,
}

impl Order {
    fn next(self) -> Self {
        match self {
            Self::Slowest => Self::Newest,
            Self::Newest => Self::Failing,
            Self::Failing => Self::Name,
            Self::Name => Self::Slowest,
        }
    }

    fn shown(self) -> &'static str {
        match self {
            Self::Slowest => "slowest first",
            Self::Newest => "last active first",
            Self::Failing => "most failures first",
            Self::Name => "by name",
        }
    }
}

/// The table.
#[derive(Debug, Default)]
pub struct Sessions {
    order: Order,
    filter: String,
    typing: bool,
    /// The selected session's id: the selection follows the session, not the row.
    selected: Option<String>,
    /// Where it was, to stay near when the session ends.
    row: usize,
}

impl Sessions {
    /// Whether letters go into the filter.
    #[must_use]
    pub fn is_typing(&self) -> bool {
        self.typing
    }

    /// The selected session.
    #[must_use]
    pub fn selected<'a>(&self, scene: &Scene<'a>) -> Option<&'a StreamSession> {
        let rows = self.rows(scene.status?);
        rows.get(self.position(&rows)).copied()
    }

    /// Letters for the filter. Control characters are left out.
    pub fn type_text(&mut self, letters: &str) {
        let room = LONGEST_FILTER.saturating_sub(self.filter.chars().count());
        self.filter
            .extend(letters.chars().filter(|letter| !letter.is_control()).take(room));
    }

    /// Takes the filter's last letter away.
    pub fn delete_letter(&mut self) {
        self.filter.pop();
    }

    /// Keeps the selection on its session, or near where that was, when rows have come and gone.
    pub fn settle(&mut self, status: &NodeStatus) {
        let rows = self.rows(status);
        let position = self.position(&rows);
        let id = rows.get(position).map(|session| session.id.clone());
        (self.row, self.selected) = (position, id);
    }

    fn select(&mut self, row: usize, scene: &Scene<'_>) {
        let Some(status) = scene.status else { return };
        let rows = self.rows(status);
        let row = row.min(rows.len().saturating_sub(1));
        let id = rows.get(row).map(|session| session.id.clone());
        (self.row, self.selected) = (row, id);
    }

    fn position(&self, rows: &[&StreamSession]) -> usize {
        self.selected
            .as_ref()
            .and_then(|id| rows.iter().position(|session| session.id == *id))
            .unwrap_or_else(|| self.row.min(rows.len().saturating_sub(1)))
    }

    /// What is shown, in order.
    fn rows<'a>(&self, status: &'a NodeStatus) -> Vec<&'a StreamSession> {
        let wanted = self.filter.to_lowercase();
        let mut rows: Vec<_> = status
            .sessions
            .iter()
            .filter(|session| matches(session, &wanted))
            .collect();
        match self.order {
            Order::Slowest => rows.sort_by_key(|session| std::cmp::Reverse(median_total(session))),
            Order::Newest => rows.sort_by_key(|session| std::cmp::Reverse(session.last_active)),
            Order::Failing => rows.sort_by_key(|session| std::cmp::Reverse(session.segments_failed)),
            Order::Name => rows.sort_by(|one, other| one.manifest_id.cmp(&other.manifest_id)),
        }
        rows
    }

    fn heading(&self, shown: usize, scene: &Scene<'_>) -> Vec<Span<'static>> {
        let theme = scene.theme;
        let mut heading = vec![
            Span::raw("sessions"),
            Span::styled(format!(", {}", self.order.shown()), theme.quiet),
        ];
        if self.typing || !self.filter.is_empty() {
            let cursor = if self.typing { "_" } else { "" };
            let all = scene.status.map_or(0, |status| status.sessions.len());
            heading.push(Span::styled(
                format!(" /{}{cursor}", text::clean(&self.filter)),
                theme.accent,
            ));
            heading.push(Span::styled(format!(" {shown} of {all}"), theme.quiet));
        }
        heading
    }
}

/// Whether any word of the row holds what is looked for.
fn matches(session: &StreamSession, wanted: &str) -> bool {
    wanted.is_empty()
        || [&session.id, &session.manifest_id, &session.device]
            .iter()
            .any(|text| text.to_lowercase().contains(wanted))
        || session
            .gateway
            .is_some_and(|gateway| gateway.to_string().to_lowercase().contains(wanted))
}

/// The middle of the last answers' times, in milliseconds.
#[must_use]
pub fn median_total(session: &StreamSession) -> Option<u32> {
    let mut totals: Vec<u32> = session
        .recent
        .iter()
        .filter(|segment| segment.ok)
        .map(|segment| segment.total_ms)
        .collect();
    totals.sort_unstable();
    totals.get(totals.len() / 2).copied()
}

/// Playing time over transcoding time of the last segments, in thousandths.
#[must_use]
pub fn real_time(session: &StreamSession) -> Option<u64> {
    let (mut played, mut worked) = (0u64, 0u64);
    for segment in session.recent.iter().filter(|segment| segment.ok) {
        played += u64::from(segment.duration_ms);
        worked += u64::from(segment.transcode_ms);
    }
    (played * 1_000).checked_div(worked)
}

impl Panel for Sessions {
    fn act(&mut self, action: Action, scene: &Scene<'_>) -> bool {
        match action {
            Action::Down => self.select(self.row.saturating_add(1), scene),
            Action::Up => self.select(self.row.saturating_sub(1), scene),
            Action::First => self.select(0, scene),
            Action::Last => self.select(usize::MAX, scene),
            Action::Sort => {
                self.order = self.order.next();
                self.selected = None;
                self.select(0, scene);
            }
            Action::Filter => self.typing = true,
            Action::Open if self.typing => self.typing = false,
            Action::Close if self.typing || !self.filter.is_empty() => {
                self.typing = false;
                self.filter.clear();
            }
            _ => return false,
        }
        if let Some(status) = scene.status {
            self.settle(status);
        }
        true
    }

    fn render(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        let theme = scene.theme;
        let rows = scene.status.map(|status| self.rows(status)).unwrap_or_default();
        let inside = draw::panel(buffer, area, self.heading(rows.len(), scene), theme);
        let Some(status) = scene.status else {
            draw::placeholder(
                buffer,
                inside,
                &["waiting for the node's first report".to_string()],
                theme,
            );
            return;
        };
        if rows.is_empty() {
            let sentence = match (status.sessions.is_empty(), status.draining) {
                (false, _) => "no session matches; esc clears the filter".to_string(),
                (true, true) => {
                    "drained: no sessions left, none will come; the node can be stopped".to_string()
                }
                (true, false) => "no sessions: no gateway is sending a stream to this node".to_string(),
            };
            draw::placeholder(buffer, inside, &[sentence], theme);
            return;
        }
        let columns = Columns::for_width(usize::from(inside.width), status);
        let table_rows = rows.iter().map(|session| columns.row(session, status, scene));
        let selected = self.position(&rows);
        let mut table = Table::new(table_rows, columns.widths())
            .column_spacing(2)
            .row_highlight_style(theme.selection)
            .highlight_symbol("> ")
            .highlight_spacing(HighlightSpacing::Always);
        if inside.height > 3 {
            table = table.header(Row::new(columns.names()).style(theme.quiet));
        }
        StatefulWidget::render(
            table,
            inside,
            buffer,
            &mut TableState::new().with_selected(selected),
        );
    }
}

/// Which columns there is room for.
#[derive(Debug, Clone, Copy)]
struct Columns {
    picture: usize,
    gateway: bool,
    counts: bool,
    id: bool,
    past: usize,
}

impl Columns {
    fn for_width(width: usize, status: &NodeStatus) -> Self {
        let paid = status.sessions.iter().any(|session| session.gateway.is_some());
        Self {
            picture: match width {
                0..56 => 0,
                56..84 => 17,
                _ => 21,
            },
            counts: width >= 66,
            gateway: paid && width >= 100,
            id: width >= 112,
            past: if width >= 124 { 24 } else { 0 },
        }
    }

    fn names(self) -> Vec<Line<'static>> {
        let mut names = vec![Line::from("stream")];
        if self.id {
            names.push("session".into());
        }
        if self.gateway {
            names.push("gateway".into());
        }
        if self.picture > 0 {
            names.push("picture".into());
        }
        names.push(Line::from("latency").right_aligned());
        if self.past > 0 {
            names.push("last segments".into());
        }
        names.push(Line::from("speed").right_aligned());
        if self.counts {
            names.push(Line::from("done").right_aligned());
            names.push("on".into());
        }
        names.push("state".into());
        names
    }

    fn widths(self) -> Vec<Constraint> {
        let mut widths = vec![Constraint::Fill(1)];
        if self.id {
            widths.push(Constraint::Length(8));
        }
        if self.gateway {
            widths.push(Constraint::Length(11));
        }
        if self.picture > 0 {
            widths.push(Constraint::Length(u16::try_from(self.picture).unwrap_or(0)));
        }
        widths.push(Constraint::Length(7));
        if self.past > 0 {
            widths.push(Constraint::Length(u16::try_from(self.past).unwrap_or(0)));
        }
        widths.push(Constraint::Length(5));
        if self.counts {
            widths.push(Constraint::Length(5));
            widths.push(Constraint::Length(4));
        }
        widths.push(Constraint::Length(10));
        widths
    }

    fn row(self, session: &StreamSession, status: &NodeStatus, scene: &Scene<'_>) -> Row<'static> {
        let theme = scene.theme;
        let plain = |text: String| Cell::from(Span::styled(text, theme.text));
        let quiet = |text: String| Cell::from(Span::styled(text, theme.quiet));
        let right = |text: String| Cell::from(Line::styled(text, theme.text).right_aligned());
        let mut cells = vec![plain(text::clean(&session.manifest_id))];
        if self.id {
            cells.push(quiet(text::clean(&session.id)));
        }
        if self.gateway {
            cells.push(quiet(
                session
                    .gateway
                    .map_or_else(|| "–".to_string(), |gateway| words::address(&gateway)),
            ));
        }
        if self.picture > 0 {
            cells.push(plain(picture(session, self.picture)));
        }
        cells.push(right(
            median_total(session).map_or_else(|| "–".to_string(), words::latency),
        ));
        if self.past > 0 {
            let skipped = session.recent.len().saturating_sub(self.past);
            let past: Vec<Option<f64>> = session.recent[skipped..]
                .iter()
                .map(|segment| segment.ok.then(|| f64::from(segment.total_ms)))
                .collect();
            cells.push(Cell::from(Line::from(draw::sparkline(
                &past,
                draw::largest(&past, 1.0),
                theme,
            ))));
        }
        let speed = real_time(session);
        let slow = speed.is_some_and(|permille| permille < 1_000);
        let style = if slow { theme.bad } else { theme.text };
        cells.push(Cell::from(
            Line::styled(speed.map_or_else(|| "–".to_string(), words::factor), style).right_aligned(),
        ));
        if self.counts {
            cells.push(right(words::count(session.segments_done)));
            cells.push(quiet(text::fit(&text::clean(&session.device), 4)));
        }
        let (words, style) = state(session, status, scene);
        cells.push(Cell::from(Span::styled(words, style)));
        Row::new(cells)
    }
}

/// `1080p→720 480 360`, with the last rungs counted where they do not fit into `room` cells.
#[must_use]
pub fn picture(session: &StreamSession, room: usize) -> String {
    let source = session
        .source
        .as_deref()
        .and_then(|size| size.split_once('x'))
        .map_or_else(
            || "?".to_string(),
            |(_, height)| format!("{}p", text::fit(&text::clean(height), 5)),
        );
    let heights: Vec<String> = session
        .rungs
        .iter()
        .take(8)
        .map(|rung| rung.height.to_string())
        .collect();
    for shown in (1..=heights.len()).rev() {
        let more = match session.rungs.len() - shown {
            0 => String::new(),
            more => format!(" +{more}"),
        };
        let line = format!("{source}→{}{more}", heights[..shown].join(" "));
        if text::width(&line) <= room {
            return line;
        }
    }
    text::fit(&source, room)
}

/// How the session is, in a mark and a word.
#[must_use]
pub fn state(session: &StreamSession, status: &NodeStatus, scene: &Scene<'_>) -> (String, Style) {
    let theme = scene.theme;
    let idle = words::between(session.last_active, status.time);
    let failing = session.recent.last().is_some_and(|segment| !segment.ok);
    if failing {
        ("✗ failing".to_string(), theme.bad)
    } else if session.segments_in_flight == 0 && idle >= IDLE_AFTER {
        (format!("idle {}", words::span(idle)), theme.quiet)
    } else if session.segments_failed > 0 {
        (
            format!("! {} failed", words::count(session.segments_failed)),
            theme.warn,
        )
    } else {
        ("✓ ok".to_string(), theme.good)
    }
}
