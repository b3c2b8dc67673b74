//! All nodes, one line each: is it there, what does it do, does it earn, does it need somebody.

use std::time::Instant;

use engine::view::node::NodeStatus;
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::Cell,
};

use super::{List, Panel, Scene, money, table};
use crate::{app::NodeName, draw, feed::Freshness, listing::Listing, text, watched::Watched, words};

/// What the rows are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// What needs somebody first: lost, then urgent notices, then notices.
    Worst,
    /// By name.
    Name,
    /// The busiest first.
    Busiest,
}

const ORDERS: [Order; 3] = [Order::Worst, Order::Name, Order::Busiest];

/// The nodes' numbers as text: what rows are known by.
const KEYS: usize = 512;
static NUMBERS: std::sync::LazyLock<Vec<String>> =
    std::sync::LazyLock::new(|| (0..KEYS).map(|number| number.to_string()).collect());

/// The table.
#[derive(Debug, Default)]
pub struct Fleet {
    listing: Listing,
}

/// A node with its number.
struct Member<'a> {
    number: usize,
    watched: &'a Watched,
    name: &'a NodeName,
}

impl Member<'_> {
    fn status(&self) -> Option<&NodeStatus> {
        let reading = self.watched.feed.reading.as_ref()?;
        Some(&reading.status)
    }

    fn freshness(&self, now: Instant) -> Freshness {
        self.watched.feed.freshness(now)
    }

    /// Smaller is worse.
    fn health(&self, now: Instant) -> u8 {
        let Some(status) = self.status() else { return 0 };
        let freshness = self.freshness(now);
        match () {
            () if freshness.is_old() => 0,
            () if status.notices.iter().any(|notice| notice.urgent) => 1,
            () if !status.notices.is_empty() => 2,
            () => 3,
        }
    }
}

impl Fleet {
    fn order(&self) -> Order {
        self.listing.order(&ORDERS).unwrap_or(Order::Worst)
    }

    fn rows<'a>(&self, scene: &Scene<'a>) -> Vec<Member<'a>> {
        let wanted = self.listing.wanted();
        let (watched, names) = scene.nodes;
        let mut rows: Vec<Member<'a>> = watched
            .iter()
            .zip(names)
            .take(KEYS)
            .enumerate()
            .map(|(number, (watched, name))| Member {
                number,
                watched,
                name,
            })
            .filter(|member| {
                wanted.is_empty()
                    || member.name.name.to_lowercase().contains(&wanted)
                    || member.name.url.to_lowercase().contains(&wanted)
            })
            .collect();
        match self.order() {
            Order::Worst => rows.sort_by_key(|member| member.health(scene.now)),
            Order::Name => rows.sort_by(|one, other| one.name.name.cmp(&other.name.name)),
            Order::Busiest => rows
                .sort_by_key(|member| std::cmp::Reverse(member.status().map(|status| status.sessions.len()))),
        }
        rows
    }

    fn position(&self, rows: &[Member<'_>]) -> usize {
        let keys: Vec<&str> = rows.iter().filter_map(key).collect();
        self.listing.position(&keys)
    }

    /// The first line: how many, how many of them well.
    pub fn header(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        let theme = scene.theme;
        let rows = scene.nodes.0;
        let lost = rows
            .iter()
            .filter(|watched| watched.feed.freshness(scene.now).is_old())
            .count();
        let earned: u128 = rows
            .iter()
            .filter_map(|watched| watched.shown().1.earned_now())
            .fold(0, u128::saturating_add);
        let sessions: usize = rows
            .iter()
            .filter_map(|watched| watched.feed.reading.as_ref())
            .map(|reading| reading.status.sessions.len())
            .sum();
        let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let mut pieces = vec![
            (0, vec![Span::styled("lpctl dashboard", theme.title)]),
            (
                1,
                vec![Span::styled(
                    words::counted(number(rows.len()), "node"),
                    theme.text,
                )],
            ),
        ];
        if lost > 0 {
            pieces.push((0, vec![Span::styled(format!("✗ {lost} lost"), theme.bad)]));
        }
        let sessions = words::counted(number(sessions), "session");
        pieces.push((2, vec![Span::styled(sessions, theme.text)]));
        if earned > 0 {
            let earned = format!("{} an hour", money::wei(earned).human());
            pieces.push((3, vec![Span::styled(earned, theme.text)]));
        }
        let room = usize::from(area.width).saturating_sub(2);
        let line = draw::fitting(pieces, &Span::styled(" · ", theme.border), room);
        buffer.set_line(area.x + 1, area.y, &line, area.width.saturating_sub(1));
    }
}

fn key(member: &Member<'_>) -> Option<&'static str> {
    NUMBERS.get(member.number).map(String::as_str)
}

impl List for Fleet {
    fn listing(&self) -> &Listing {
        &self.listing
    }

    fn listing_mut(&mut self) -> &mut Listing {
        &mut self.listing
    }

    fn keys<'a>(&self, scene: &Scene<'a>) -> Vec<&'a str> {
        self.rows(scene).iter().filter_map(key).collect()
    }

    fn detail(&self, _: &Scene<'_>, _: usize) -> Option<(String, Vec<Line<'static>>)> {
        // Enter shows the node itself.
        None
    }
}

impl Panel for Fleet {
    fn render(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        let theme = scene.theme;
        let rows = self.rows(scene);
        let position = self.position(&rows);
        let order = match self.order() {
            Order::Worst => ", what needs you first",
            Order::Name => ", by name",
            Order::Busiest => ", busiest first",
        };
        let mut heading = vec![Span::raw("nodes"), Span::styled(order, theme.quiet)];
        if let Some((filter, count)) = self.listing.shown_filter(rows.len(), scene.nodes.0.len()) {
            heading.push(Span::styled(filter, theme.accent));
            heading.push(Span::styled(count, theme.quiet));
        } else if let Some(place) = table::place_among(position, rows.len(), area.height) {
            heading.push(Span::styled(place, theme.quiet));
        }
        let inside = draw::panel(buffer, area, heading, theme);
        if rows.is_empty() {
            let sentence = "no node matches; esc clears the filter".to_string();
            draw::placeholder(buffer, inside, &[sentence], theme);
            return;
        }
        let wide = inside.width;
        let mut columns = vec![table::left("node", if wide >= 70 { 16 } else { 10 })];
        columns.push(table::left("state", 10));
        columns.push(table::right("sessions", 9));
        if wide >= 56 {
            columns.push(table::right("seg/s", 6));
        }
        if wide >= 140 {
            columns.push(table::left("last minutes", 20));
        }
        if wide >= 110 {
            columns.push(table::right("ok", 9));
            columns.push(table::right("p90", 7));
            columns.push(table::right("speed", 6));
            columns.push(table::right("earned an hour", 14));
        }
        if wide >= 66 {
            columns.push(table::rest("needs you"));
        }
        table::render(buffer, inside, scene, &columns, (&rows, position), |member| {
            row(member, wide, scene)
        });
        // What is old is grey, row by row.
        let room = usize::from(inside.height.saturating_sub(u16::from(inside.height > 3)));
        let window = crate::listing::window(position, rows.len(), room);
        let top = inside.y + u16::from(inside.height > 3);
        for (member, y) in rows[window].iter().zip(top..inside.bottom()) {
            if member.freshness(scene.now).is_old() && member.status().is_some() {
                let after = inside.x + if wide >= 70 { 32 } else { 26 };
                let figures = Rect {
                    x: after,
                    y,
                    width: inside.right().saturating_sub(after),
                    height: 1,
                };
                theme.make_stale(buffer, figures);
            }
        }
    }
}

/// Whether it is there.
fn state(member: &Member<'_>, scene: &Scene<'_>) -> (String, Style) {
    let theme = scene.theme;
    match member.freshness(scene.now) {
        Freshness::Connecting { .. } => ("○ asking".to_string(), theme.quiet),
        Freshness::Stale { age } => (format!("○ {}", words::span(age)), theme.warn),
        Freshness::Lost { age } => (format!("✗ {}", words::span(age)), theme.bad),
        Freshness::Live => match member.status() {
            Some(status) if status.draining => ("! draining".to_string(), theme.warn),
            _ => ("● live".to_string(), theme.good),
        },
    }
}

fn row(member: &Member<'_>, wide: u16, scene: &Scene<'_>) -> Vec<Cell<'static>> {
    let theme = scene.theme;
    let (words_of_state, style) = state(member, scene);
    let name = if wide >= 70 { 16 } else { 10 };
    let mut cells = vec![
        table::cell(
            text::fit(&text::clean(&member.name.name), name),
            draw::bold(theme.text),
        ),
        table::cell(words_of_state, style),
    ];
    let status = member.status();
    let or_dash = |figure: Option<String>| figure.unwrap_or_else(|| "–".to_string());
    let figure = |figure: Option<String>| table::cell_right(or_dash(figure), theme.text);
    let history = member.watched.shown().1;
    let sessions = status.map(|status| {
        let go = member
            .watched
            .feed
            .reading
            .as_ref()
            .and_then(|reading| reading.go.as_deref());
        let whole = super::work::capacity(status, go);
        whole.trim_end_matches(" sessions").to_string()
    });
    cells.push(figure(sessions));
    if wide >= 56 {
        cells.push(figure(history.throughput_now().map(words::rate)));
    }
    if wide >= 140 {
        let past = history.throughput(scene.range, 20);
        let line = draw::sparkline(&past, draw::largest(&past, 0.1), theme);
        cells.push(Cell::from(Line::from(line)));
    }
    if wide >= 110 {
        let work = status.map(|status| &status.work);
        cells.push(figure(work.and_then(|work| {
            words::share_ok(work.segments_done, work.segments_failed)
        })));
        cells.push(figure(
            work.and_then(|work| work.latency)
                .map(|latency| words::latency(latency.p90_ms)),
        ));
        cells.push(figure(
            work.and_then(|work| work.real_time_permille).map(words::factor),
        ));
        cells.push(figure(history.earned_now().map(|wei| money::wei(wei).human())));
    }
    if wide >= 66 {
        cells.push(needs(member, scene));
    }
    cells
}

/// Why it is lost, or its first notice.
fn needs(member: &Member<'_>, scene: &Scene<'_>) -> Cell<'static> {
    let theme = scene.theme;
    if let crate::feed::Link::Lost { reason, .. } = &member.watched.feed.link {
        return table::cell(text::clean(reason), theme.bad);
    }
    let notices = member.status().map_or(&[][..], |status| &status.notices);
    match notices.first() {
        None => table::cell("", theme.text),
        Some(notice) => {
            let more = match notices.len() {
                1 => String::new(),
                all => format!(" (+{})", all - 1),
            };
            let style = if notice.urgent { theme.bad } else { theme.warn };
            table::cell(format!("! {}{more}", text::clean(&notice.message)), style)
        }
    }
}
