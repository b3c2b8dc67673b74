//! One session: who, what, and where the time of its last segments went.

use engine::view::node::{NodeStatus, SegmentTiming, StreamSession};
use ratatui::text::{Line, Span};

use super::{Scene, sessions};
use crate::{draw, text, words};

/// The parts of a segment's time, in the order they happen, with the fill of their bar.
const PARTS: [(&str, &str); 4] = [("upload", "▒"), ("wait", "░"), ("transcode", "▆"), ("rest", "·")];

/// Renditions that are listed.
const MOST_RENDITIONS: usize = 8;

/// Everything about a session, in lines of at most `room` cells.
#[must_use]
pub fn lines(
    session: &StreamSession,
    status: &NodeStatus,
    scene: &Scene<'_>,
    room: usize,
) -> Vec<Line<'static>> {
    let mut lines = facts(session, status, scene, room);
    lines.push(Line::default());
    if !session.renditions.is_empty() {
        lines.extend(renditions(session, room, scene));
        lines.push(Line::default());
    }
    if session.recent.is_empty() {
        lines.push(Line::styled(
            "no segment has been answered yet",
            scene.theme.quiet,
        ));
        return lines;
    }
    lines.push(legend(scene));
    lines.push(Line::styled(
        format!("{:>6}{}", "", titles(room)),
        scene.theme.quiet,
    ));
    let slowest = session
        .recent
        .iter()
        .map(|segment| segment.total_ms)
        .max()
        .unwrap_or(1);
    lines.extend(
        session
            .recent
            .iter()
            .rev()
            .map(|segment| timing(segment, slowest, room, scene)),
    );
    lines
}

fn facts(session: &StreamSession, status: &NodeStatus, scene: &Scene<'_>, room: usize) -> Vec<Line<'static>> {
    let theme = scene.theme;
    let fact = |name: &'static str, sentence: String| {
        Line::from(vec![
            Span::styled(format!("{name:<9}"), theme.quiet),
            Span::styled(text::fit(&sentence, room.saturating_sub(9)), theme.text),
        ])
    };
    let (state, style) = sessions::state(session, status, scene);
    let mut lines = vec![Line::from(vec![
        Span::styled(format!("{:<9}", "stream"), theme.quiet),
        Span::styled(
            text::fit(&text::clean(&session.manifest_id), room.saturating_sub(30)),
            draw::bold(theme.text),
        ),
        Span::styled(
            format!("  on {}  ", text::fit(&text::clean(&session.device), 8)),
            theme.quiet,
        ),
        Span::styled(state, style),
    ])];
    let gateway = session
        .gateway
        .map_or_else(|| "off-chain, unpaid".to_string(), |gateway| gateway.to_string());
    lines.push(fact("gateway", gateway));
    lines.push(fact(
        "source",
        session
            .source
            .as_deref()
            .map_or_else(|| "not known yet".to_string(), text::clean),
    ));
    let rungs: Vec<String> = session
        .rungs
        .iter()
        .map(|rung| {
            let rate = if rung.fps == 0 {
                String::new()
            } else {
                format!(" {} fps", rung.fps)
            };
            format!(
                "{}x{}{rate} {}",
                rung.width,
                rung.height,
                words::bitrate(rung.bitrate)
            )
        })
        .collect();
    // Once there are renditions, they say what was asked for too.
    let asked = if session.renditions.is_empty() {
        &rungs[..]
    } else {
        &[]
    };
    for (index, sentence) in text::wrap_list(asked, ", ", room.saturating_sub(9))
        .into_iter()
        .take(3)
        .enumerate()
    {
        lines.push(fact(if index == 0 { "rungs" } else { "" }, sentence));
    }
    lines.push(fact(
        "segments",
        format!(
            "{} done, {} failed, {} in flight · {} encoded",
            words::count(session.segments_done),
            words::count(session.segments_failed),
            session.segments_in_flight,
            words::pixels(session.pixels),
        ),
    ));
    lines.push(fact(
        "since",
        format!(
            "{} ({}), last segment {} ago",
            words::clock(session.started, scene.zone),
            words::span(words::between(session.started, status.time)),
            words::span(words::between(session.last_active, status.time)),
        ),
    ));
    if let Some(error) = &session.last_error {
        for (index, sentence) in text::wrap(&text::clean(error), room.saturating_sub(9))
            .into_iter()
            .take(2)
            .enumerate()
        {
            lines.push(Line::from(vec![
                Span::styled(
                    format!("{:<9}", if index == 0 { "error" } else { "" }),
                    theme.quiet,
                ),
                Span::styled(sentence, theme.warn),
            ]));
        }
    }
    lines
}

/// What is made of each rung: the last one's size, when it was there, how fast it came, how much it was.
fn renditions(session: &StreamSession, room: usize, scene: &Scene<'_>) -> Vec<Line<'static>> {
    let theme = scene.theme;
    let is_wide = room >= 66;
    let mut titles = format!(
        "{:<15}{:>10}{:>9}{:>8}",
        "rendition", "picture", "latency", "speed"
    );
    if is_wide {
        titles.push_str(&format!("{:>12}{:>11}{:>6}", "bitrate", "asked for", "made"));
    }
    let unknown = || "?".to_string();
    let rows = session.renditions.iter().enumerate().map(|(index, made)| {
        let picture = match (made.width, made.height) {
            (0, _) | (_, 0) => unknown(),
            (width, height) => format!("{width}x{height}"),
        };
        let mut line = Line::from(vec![
            Span::styled(
                format!("{:<15}", text::fit(&text::clean(&made.name), 14)),
                theme.text,
            ),
            Span::styled(format!("{picture:>10}"), theme.quiet),
            Span::styled(
                format!("{:>9}", words::latency(made.latency_ms)),
                draw::bold(theme.text),
            ),
            match made.real_time_permille {
                Some(speed @ 0..1_000) => Span::styled(format!("{:>8}", words::factor(speed)), theme.warn),
                Some(speed) => Span::styled(format!("{:>8}", words::factor(speed)), theme.text),
                None => Span::styled(format!("{:>8}", unknown()), theme.quiet),
            },
        ]);
        if is_wide {
            let asked = session.rungs.get(index);
            let asked = asked.map_or_else(unknown, |rung| words::bitrate(rung.bitrate));
            let came = u32::try_from(made.bitrate).unwrap_or(u32::MAX);
            line.push_span(Span::styled(
                format!("{:>12}{asked:>11}", words::bitrate(came)),
                theme.quiet,
            ));
            // Fewer than others were made of it: it is left out at times.
            let most = session.renditions.iter().map(|other| other.segments).max();
            let style = if Some(made.segments) < most {
                theme.warn
            } else {
                theme.quiet
            };
            line.push_span(Span::styled(
                format!("{:>6}", text::fit(&words::count(made.segments), 6)),
                style,
            ));
        }
        line
    });
    let rows: Vec<Line<'static>> = rows.take(MOST_RENDITIONS).collect();
    std::iter::once(Line::styled(titles, theme.quiet))
        .chain(rows)
        .collect()
}

fn legend(scene: &Scene<'_>) -> Line<'static> {
    let theme = scene.theme;
    let mut line = Line::styled("where the time went:", theme.title);
    for (index, (name, fill)) in PARTS.iter().enumerate() {
        line.push_span(Span::raw("  "));
        line.push_span(Span::styled(fill.repeat(2), theme.series[series(index)]));
        line.push_span(Span::styled(format!(" {name}"), theme.quiet));
    }
    line
}

/// Transcoding is the main thing and has the main colour.
fn series(part: usize) -> usize {
    [1, 2, 0, 3][part]
}

/// The columns of figures there is room for.
fn titles(room: usize) -> String {
    if room >= 66 {
        format!(
            "{:>9}{:>9}{:>9}{:>10}{:>9}",
            "plays", "upload", "wait", "transcode", "total"
        )
    } else {
        format!("{:>9}", "total")
    }
}

fn timing(segment: &SegmentTiming, slowest: u32, room: usize, scene: &Scene<'_>) -> Line<'static> {
    let theme = scene.theme;
    let mut line = Line::from(Span::styled(
        format!("{:>6}", text::fit(&segment.seq.to_string(), 6)),
        theme.quiet,
    ));
    if room >= 66 {
        for (value, wide) in [
            (segment.duration_ms, 9),
            (segment.upload_ms, 9),
            (segment.wait_ms, 9),
            (segment.transcode_ms, 10),
        ] {
            line.push_span(Span::styled(
                format!("{:>wide$}", words::latency(value)),
                theme.text,
            ));
        }
    }
    line.push_span(Span::styled(
        format!("{:>9}", words::latency(segment.total_ms)),
        draw::bold(theme.text),
    ));
    line.push_span(Span::raw("  "));
    let cells = room.saturating_sub(line.width() + 2);
    line.spans.extend(stacked(segment, slowest, cells, scene));
    line.push_span(if segment.ok {
        Span::styled(" ✓", theme.good)
    } else {
        Span::styled(" ✗", theme.bad)
    });
    line
}

/// One bar whose fills show the parts; blank up to the slowest segment.
fn stacked(segment: &SegmentTiming, slowest: u32, cells: usize, scene: &Scene<'_>) -> Vec<Span<'static>> {
    let known = u64::from(segment.upload_ms) + u64::from(segment.wait_ms) + u64::from(segment.transcode_ms);
    let whole = u64::from(slowest.max(1)).max(known);
    let rest = u64::from(segment.total_ms).saturating_sub(known);
    let parts = [
        u64::from(segment.upload_ms),
        u64::from(segment.wait_ms),
        u64::from(segment.transcode_ms),
        rest,
    ];
    let mut spans = Vec::new();
    let (mut sum, mut drawn) = (0u64, 0usize);
    for (index, part) in parts.into_iter().enumerate() {
        sum += part;
        // Rounding the running sum, so that the parts together are as long as the whole.
        let end = usize::try_from((sum * cells as u64 + whole / 2) / whole)
            .unwrap_or(cells)
            .min(cells);
        spans.push(Span::styled(
            PARTS[index].1.repeat(end - drawn),
            scene.theme.series[series(index)],
        ));
        drawn = end;
    }
    spans.push(Span::raw(" ".repeat(cells - drawn)));
    spans
}
