//! Remote transcoders of an orchestrator; and of a transcoder, how it stands with its orchestrator.

use engine::view::node::{NodeMode, NodeStatus, RemoteTranscoder, RemoteView};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::Cell,
};

use super::{List, Panel, Scene, WAITING, table};
use crate::{draw, listing::Listing, text, words};

/// What the rows are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// The most loaded first.
    Load,
    /// Most failures first.
    Failing,
    /// The newest first.
    Newest,
    /// By address.
    Address,
}

const ORDERS: [Order; 4] = [Order::Load, Order::Failing, Order::Newest, Order::Address];

impl Order {
    fn shown(self) -> &'static str {
        match self {
            Self::Load => "most loaded first",
            Self::Failing => "most failures first",
            Self::Newest => "newest first",
            Self::Address => "by address",
        }
    }
}

/// The table.
#[derive(Debug, Default)]
pub struct Transcoders {
    listing: Listing,
}

impl Transcoders {
    fn order(&self) -> Order {
        self.listing.order(&ORDERS).unwrap_or(Order::Load)
    }

    fn rows<'a>(&self, scene: &Scene<'a>) -> Vec<&'a RemoteTranscoder> {
        let wanted = self.listing.wanted();
        let all = scene.status.map_or(&[][..], |status| &status.transcoders);
        let mut rows: Vec<&RemoteTranscoder> = all
            .iter()
            .filter(|transcoder| {
                wanted.is_empty()
                    || transcoder.address.to_lowercase().contains(&wanted)
                    || transcoder.version.to_lowercase().contains(&wanted)
            })
            .collect();
        match self.order() {
            // Load over capacity, compared without a division.
            Order::Load => rows.sort_by(|one, other| {
                let of =
                    |a: &RemoteTranscoder, b: &RemoteTranscoder| u64::from(a.load) * u64::from(b.capacity);
                of(other, one).cmp(&of(one, other))
            }),
            Order::Failing => rows.sort_by_key(|transcoder| std::cmp::Reverse(transcoder.tasks_failed)),
            Order::Newest => rows.sort_by_key(|transcoder| std::cmp::Reverse(transcoder.since)),
            Order::Address => rows.sort_by(|one, other| one.address.cmp(&other.address)),
        }
        rows
    }

    fn position(&self, rows: &[&RemoteTranscoder]) -> usize {
        let keys: Vec<&str> = rows.iter().map(|row| row.address.as_str()).collect();
        self.listing.position(&keys)
    }
}

impl List for Transcoders {
    fn listing(&self) -> &Listing {
        &self.listing
    }

    fn listing_mut(&mut self) -> &mut Listing {
        &mut self.listing
    }

    fn keys<'a>(&self, scene: &Scene<'a>) -> Vec<&'a str> {
        let rows = self.rows(scene);
        rows.into_iter().map(|row| row.address.as_str()).collect()
    }

    fn detail(&self, scene: &Scene<'_>, room: usize) -> Option<(String, Vec<Line<'static>>)> {
        let rows = self.rows(scene);
        let transcoder = rows.get(self.position(&rows)).copied()?;
        let status = scene.status?;
        let title = format!("transcoder {}", text::fit(&text::clean(&transcoder.address), 40));
        Some((title, facts(transcoder, status, scene, room)))
    }
}

fn facts(
    transcoder: &RemoteTranscoder,
    status: &NodeStatus,
    scene: &Scene<'_>,
    room: usize,
) -> Vec<Line<'static>> {
    let mut lines = Lines::new(scene, room);
    let theme = scene.theme;
    lines.says("address", &transcoder.address, theme.text);
    if scene.go.is_some() {
        lines.says("capacity", &transcoder.capacity.to_string(), theme.text);
        lines.says("load", "not told by go-livepeer's operator API", theme.quiet);
        return lines.done();
    }
    lines.says("version", &transcoder.version, theme.text);
    let since = format!(
        "{}, for {}",
        words::day_and_clock(transcoder.since, scene.zone),
        words::span(words::between(transcoder.since, status.time))
    );
    lines.says("since", &since, theme.text);
    let load = format!(
        "{} of {} sessions, {} running",
        transcoder.load,
        transcoder.capacity,
        words::counted(u64::from(transcoder.running), "task")
    );
    lines.says("load", &load, theme.text);
    let tasks = format!(
        "{} done, {} failed",
        words::count(transcoder.tasks_done),
        words::count(transcoder.tasks_failed)
    );
    lines.says("tasks", &tasks, theme.text);
    if let Some(error) = &transcoder.last_error {
        lines.says("last failure", error, theme.warn);
    }
    let streams: Vec<String> = status
        .sessions
        .iter()
        .filter(|session| session.device == transcoder.address)
        .take(20)
        .map(|session| session.manifest_id.clone())
        .collect();
    if !streams.is_empty() {
        lines.says("streams", &streams.join(", "), theme.text);
    }
    lines.done()
}

/// Labels left, sentences right, wrapped and made safe.
struct Lines<'a> {
    scene: &'a Scene<'a>,
    room: usize,
    lines: Vec<Line<'static>>,
}

impl<'a> Lines<'a> {
    fn new(scene: &'a Scene<'a>, room: usize) -> Self {
        Self {
            scene,
            room,
            lines: Vec::new(),
        }
    }

    fn says(&mut self, name: &'static str, sentence: &str, style: Style) {
        let pieces = text::wrap(&text::clean(sentence), self.room.saturating_sub(14));
        for (row, piece) in pieces.into_iter().enumerate() {
            let label = if row == 0 { name } else { "" };
            self.lines.push(Line::from(vec![
                Span::styled(format!("{label:<14}"), self.scene.theme.quiet),
                Span::styled(piece, style),
            ]));
        }
    }

    fn done(self) -> Vec<Line<'static>> {
        self.lines
    }
}

/// How a transcoder stands with its orchestrator.
fn standing(remote: &RemoteView, status: &NodeStatus, scene: &Scene<'_>, room: usize) -> Vec<Line<'static>> {
    let theme = scene.theme;
    let mut lines = Lines::new(scene, room);
    lines.says("orchestrator", &remote.orchestrator, draw::bold(theme.text));
    match remote.registered_since {
        Some(since) => {
            let sentence = format!(
                "✓ registered since {}, for {}",
                words::day_and_clock(since, scene.zone),
                words::span(words::between(since, status.time))
            );
            lines.says("state", &sentence, theme.good);
        }
        None => lines.says("state", "✗ not registered: trying again", theme.bad),
    }
    let registrations = format!(
        "{} held, {} failed",
        words::count(remote.registrations),
        words::count(remote.registrations_failed)
    );
    lines.says("registrations", &registrations, theme.text);
    let tasks = format!(
        "{} running, {} done, {} failed",
        remote.tasks_running,
        words::count(remote.tasks_done),
        words::count(remote.tasks_failed)
    );
    lines.says("tasks", &tasks, theme.text);
    if remote.results_lost > 0 {
        let lost = format!(
            "! {} not handed in while the orchestrator waited",
            words::count(remote.results_lost)
        );
        lines.says("results", &lost, theme.warn);
    }
    if let Some(error) = &remote.last_error {
        lines.says("last trouble", error, theme.warn);
    }
    lines.done()
}

impl Panel for Transcoders {
    fn render(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        let theme = scene.theme;
        if let Some((status, remote)) = scene
            .status
            .zip(scene.status.and_then(|status| status.remote.as_ref()))
        {
            let inside = draw::panel(buffer, area, vec![Span::raw("orchestrator")], theme);
            let lines = standing(remote, status, scene, usize::from(inside.width));
            draw::lines(buffer, inside, &lines);
            return;
        }
        let rows = self.rows(scene);
        let mut heading = vec![
            Span::raw("transcoders"),
            Span::styled(format!(", {}", self.order().shown()), theme.quiet),
        ];
        let position = self.position(&rows);
        let all = scene.status.map_or(0, |status| status.transcoders.len());
        if let Some((filter, count)) = self.listing.shown_filter(rows.len(), all) {
            heading.push(Span::styled(filter, theme.accent));
            heading.push(Span::styled(count, theme.quiet));
        } else if let Some(place) = table::place_among(position, rows.len(), area.height) {
            heading.push(Span::styled(place, theme.quiet));
        }
        let inside = draw::panel(buffer, area, heading, theme);
        let Some(status) = scene.status else {
            draw::placeholder(buffer, inside, &[WAITING.to_string()], theme);
            return;
        };
        if rows.is_empty() {
            draw::placeholder(buffer, inside, &nothing(status, scene), theme);
            return;
        }
        let wide = inside.width;
        let is_go = scene.go.is_some();
        let mut columns = vec![table::rest("transcoder")];
        if wide >= 100 && !is_go {
            columns.push(table::left("version", 16));
            columns.push(table::right("for", 12));
        }
        columns.push(table::left("load", if wide >= 60 && !is_go { 22 } else { 9 }));
        if !is_go {
            columns.push(table::right("tasks", 5));
            if wide >= 50 {
                columns.push(table::right("done", 7));
            }
            columns.push(table::right("failed", 6));
        }
        table::render(buffer, inside, scene, &columns, (&rows, position), |transcoder| {
            row(transcoder, status, wide, scene)
        });
    }
}

/// Why there is no row.
fn nothing(status: &NodeStatus, scene: &Scene<'_>) -> Vec<String> {
    if !status.transcoders.is_empty() {
        return vec!["no transcoder matches; esc clears the filter".to_string()];
    }
    match (scene.go, status.mode) {
        (Some(_), _) => vec!["no remote transcoder is registered".to_string()],
        (None, NodeMode::Orchestrator) => vec![
            "no transcoder is connected: no work can be done".to_string(),
            "start one with `lpctl run --mode transcoder --orch-addr HOST:PORT`".to_string(),
        ],
        (None, _) => vec![
            "this node transcodes by itself".to_string(),
            "with `--mode orchestrator` it would give the work to transcoders elsewhere".to_string(),
        ],
    }
}

fn row(
    transcoder: &RemoteTranscoder,
    status: &NodeStatus,
    wide: u16,
    scene: &Scene<'_>,
) -> Vec<Cell<'static>> {
    let theme = scene.theme;
    let mut cells = vec![table::cell(text::clean(&transcoder.address), theme.text)];
    if scene.go.is_some() {
        cells.push(table::cell(format!("of {}", transcoder.capacity), theme.text));
        return cells;
    }
    if wide >= 100 {
        let version = text::fit(&text::clean(&transcoder.version), 16);
        cells.push(table::cell(version, theme.quiet));
        let since = words::span(words::between(transcoder.since, status.time));
        cells.push(table::cell_right(since, theme.quiet));
    }
    let mut load = Vec::new();
    if wide >= 60 {
        load.extend(draw::bar(
            u64::from(transcoder.load),
            u64::from(transcoder.capacity),
            10,
            theme,
        ));
        load.push(Span::raw(" "));
    }
    load.push(Span::styled(
        format!("{} of {}", transcoder.load, transcoder.capacity),
        theme.text,
    ));
    cells.push(Cell::from(Line::from(load)));
    cells.push(table::cell_right(transcoder.running.to_string(), theme.text));
    if wide >= 50 {
        cells.push(table::cell_right(words::count(transcoder.tasks_done), theme.text));
    }
    let style = if transcoder.tasks_failed > 0 {
        theme.warn
    } else {
        theme.quiet
    };
    let mark = if transcoder.tasks_failed > 0 { "! " } else { "" };
    cells.push(table::cell_right(
        format!("{mark}{}", words::count(transcoder.tasks_failed)),
        style,
    ));
    cells
}
