//! The stream sessions: a table that can be sorted, filtered and walked through.

use engine::view::node::{NodeStatus, StreamSession};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::Cell,
};

use super::{List, Panel, Scene, WAITING, session_detail, table};
use crate::{draw, listing::Listing, text, words};

/// A session that has sent nothing for so long is idle.
const IDLE_AFTER: std::time::Duration = std::time::Duration::from_secs(10);

/// What the rows are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Longest time from request to answer first.
    Slowest,
    /// Latest segment first.
    Newest,
    /// Most failures first.
    Failing,
    /// By stream name.
    Name,
}

const ORDERS: [Order; 4] = [Order::Slowest, Order::Newest, Order::Failing, Order::Name];

impl Order {
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
    listing: Listing,
}

impl Sessions {
    /// The selected session.
    #[must_use]
    pub fn selected<'a>(&self, scene: &Scene<'a>) -> Option<&'a StreamSession> {
        let rows = self.rows(scene.status?);
        rows.get(self.position(&rows)).copied()
    }

    fn position(&self, rows: &[&StreamSession]) -> usize {
        let keys: Vec<&str> = rows.iter().map(|session| session.id.as_str()).collect();
        self.listing.position(&keys)
    }

    fn order(&self) -> Order {
        self.listing.order(&ORDERS).unwrap_or(Order::Slowest)
    }

    /// What is shown, in order.
    fn rows<'a>(&self, status: &'a NodeStatus) -> Vec<&'a StreamSession> {
        let wanted = self.listing.wanted();
        let mut rows: Vec<_> = status
            .sessions
            .iter()
            .filter(|session| matches(session, &wanted))
            .collect();
        match self.order() {
            Order::Slowest => rows.sort_by_cached_key(|session| std::cmp::Reverse(median_total(session))),
            Order::Newest => rows.sort_by_key(|session| std::cmp::Reverse(session.last_active)),
            Order::Failing => rows.sort_by_key(|session| std::cmp::Reverse(session.segments_failed)),
            Order::Name => rows.sort_by(|one, other| one.manifest_id.cmp(&other.manifest_id)),
        }
        rows
    }

    fn heading(&self, rows: &[&StreamSession], height: u16, scene: &Scene<'_>) -> Vec<Span<'static>> {
        let theme = scene.theme;
        let mut heading = vec![
            Span::raw("sessions"),
            Span::styled(format!(", {}", self.order().shown()), theme.quiet),
        ];
        let all = scene.status.map_or(0, |status| status.sessions.len());
        if let Some((filter, count)) = self.listing.shown_filter(rows.len(), all) {
            heading.push(Span::styled(filter, theme.accent));
            heading.push(Span::styled(count, theme.quiet));
        } else if let Some(place) = table::place_among(self.position(rows), rows.len(), height) {
            heading.push(Span::styled(place, theme.quiet));
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

impl List for Sessions {
    fn listing(&self) -> &Listing {
        &self.listing
    }

    fn listing_mut(&mut self) -> &mut Listing {
        &mut self.listing
    }

    fn keys<'a>(&self, scene: &Scene<'a>) -> Vec<&'a str> {
        let rows = scene.status.map(|status| self.rows(status)).unwrap_or_default();
        rows.into_iter().map(|session| session.id.as_str()).collect()
    }

    fn detail(&self, scene: &Scene<'_>, room: usize) -> Option<(String, Vec<Line<'static>>)> {
        let session = self.selected(scene)?;
        let lines = session_detail::lines(session, scene.status?, scene, room);
        Some((format!("session {}", text::clean(&session.id)), lines))
    }
}

impl Panel for Sessions {
    fn render(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        let theme = scene.theme;
        let rows = scene.status.map(|status| self.rows(status)).unwrap_or_default();
        let inside = draw::panel(buffer, area, self.heading(&rows, area.height, scene), theme);
        let Some(status) = scene.status else {
            draw::placeholder(buffer, inside, &[WAITING.to_string()], theme);
            return;
        };
        if rows.is_empty() {
            draw::placeholder(buffer, inside, &[nothing(status, scene)], theme);
            return;
        }
        let columns = Columns::for_width(usize::from(inside.width), status);
        let position = self.position(&rows);
        table::render(
            buffer,
            inside,
            scene,
            &columns.list(),
            (&rows, position),
            |session| columns.row(session, status, scene),
        );
    }
}

/// Why there is no row.
fn nothing(status: &NodeStatus, scene: &Scene<'_>) -> String {
    match (status.sessions.is_empty(), status.draining) {
        (false, _) => "no session matches; esc clears the filter".to_string(),
        (true, _) if scene.go.is_some() => {
            "go-livepeer's operator API counts sessions and does not list them".to_string()
        }
        (true, true) => "drained: no sessions left, none will come; the node can be stopped".to_string(),
        (true, false) => "no sessions: no gateway is sending a stream to this node".to_string(),
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

    fn list(self) -> Vec<table::Column> {
        let narrow = |wide: usize| u16::try_from(wide).unwrap_or(0);
        let mut list = vec![table::rest("stream")];
        if self.id {
            list.push(table::left("session", 8));
        }
        if self.gateway {
            list.push(table::left("gateway", 11));
        }
        if self.picture > 0 {
            list.push(table::left("picture", narrow(self.picture)));
        }
        list.push(table::right("latency", 7));
        if self.past > 0 {
            list.push(table::left("last segments", narrow(self.past)));
        }
        list.push(table::right("speed", 5));
        if self.counts {
            list.push(table::right("done", 5));
            list.push(table::left("on", 4));
        }
        list.push(table::left("state", 10));
        list
    }

    fn row(self, session: &StreamSession, status: &NodeStatus, scene: &Scene<'_>) -> Vec<Cell<'static>> {
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
        cells
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
