//! Work done: throughput, outcome, latency, real-time factor; and the charts of it for wide terminals.

use engine::view::node::{Latency, NodeStatus};
use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    text::{Line, Span},
};

use super::{Panel, Scene, WAITING, money};
use crate::{
    draw::{self, Band},
    feed::GoFacts,
    history::Keep,
    words,
};

/// The figures with a sparkline.
#[derive(Debug, Default)]
pub struct Work;

impl Panel for Work {
    fn render(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        let theme = scene.theme;
        let inside = draw::panel(buffer, area, vec![Span::raw("work")], theme);
        let Some(status) = scene.status else {
            draw::placeholder(buffer, inside, &[WAITING.to_string()], theme);
            return;
        };
        let work = &status.work;
        if scene.go.is_some_and(|go| !go.has_metrics) {
            let sentences = [
                "this go-livepeer node serves no metrics".to_string(),
                "start it with `-monitor` to see its work".to_string(),
            ];
            draw::placeholder(buffer, inside, &sentences, theme);
            return;
        }
        if work.segments_done + work.segments_failed == 0 {
            let mut sentences = vec!["no segment yet".to_string()];
            if status.sessions.is_empty() {
                sentences.push("waiting for a gateway".to_string());
            }
            if inside.height > 3 {
                sentences.push(String::new());
            }
            sentences.push(capacity(status, scene.go));
            draw::placeholder(buffer, inside, &sentences, theme);
            return;
        }
        let room = usize::from(inside.width);
        let all = [
            throughput(scene, room),
            outcome(status, scene, room),
            latency(status, scene),
            speed(status, scene, room),
        ];
        let mut shown: Vec<Line<'_>> = all.into_iter().collect();
        if inside.height < 3 {
            // One line has to do: what comes in, and how long it takes.
            shown = vec![throughput(scene, room), latency(status, scene)];
        } else {
            shown.push(totals(status, scene, room));
        }
        draw::lines(buffer, inside, &shown);
    }
}

fn throughput(scene: &Scene<'_>, room: usize) -> Line<'static> {
    let theme = scene.theme;
    let figure = scene
        .history
        .throughput_now()
        .map_or_else(|| "–".to_string(), words::rate);
    let mut line = Line::from(vec![
        Span::styled(format!("{figure:>5}"), draw::bold(theme.text)),
        Span::styled(" segments/s  ", theme.quiet),
    ]);
    let columns = scene
        .history
        .throughput(scene.range, room.saturating_sub(line.width()));
    let top = draw::largest(&columns, 0.1);
    line.spans.extend(draw::sparkline(&columns, top, theme));
    line
}

fn outcome(status: &NodeStatus, scene: &Scene<'_>, room: usize) -> Line<'static> {
    let theme = scene.theme;
    let work = &status.work;
    let mut pieces = Vec::new();
    if let Some(share) = words::share_ok(work.segments_done, work.segments_failed) {
        let style = if work.segments_failed == 0 {
            theme.good
        } else {
            theme.text
        };
        pieces.push((0, vec![Span::styled(share, style)]));
    }
    pieces.push((
        2,
        vec![
            Span::styled(words::count(work.segments_done), theme.text),
            Span::styled(" done", theme.quiet),
        ],
    ));
    let failed = if work.segments_failed > 0 {
        ("! ", theme.bad)
    } else {
        ("", theme.quiet)
    };
    pieces.push((
        1,
        vec![Span::styled(
            format!("{}{} failed", failed.0, words::count(work.segments_failed)),
            failed.1,
        )],
    ));
    draw::fitting(pieces, &Span::raw("  "), room)
}

fn latency(status: &NodeStatus, scene: &Scene<'_>) -> Line<'static> {
    let theme = scene.theme;
    let Some(Latency {
        p50_ms,
        p90_ms,
        p99_ms,
    }) = status.work.latency
    else {
        let why = match scene.go {
            Some(_) => "latency is not told",
            None => "no latency yet",
        };
        return Line::styled(why, theme.quiet);
    };
    let mut line = Line::default();
    for (name, value) in [("p50 ", p50_ms), ("  p90 ", p90_ms), ("  p99 ", p99_ms)] {
        line.push_span(Span::styled(name, theme.quiet));
        line.push_span(Span::styled(words::latency(value), theme.text));
    }
    line
}

fn speed(status: &NodeStatus, scene: &Scene<'_>, room: usize) -> Line<'static> {
    let theme = scene.theme;
    let mut pieces = Vec::new();
    if let Some(permille) = status.work.real_time_permille {
        let mut spans = vec![Span::styled("real time ", theme.quiet)];
        if permille < 1_000 {
            spans.push(Span::styled(format!("! {}", words::factor(permille)), theme.bad));
        } else {
            spans.push(Span::styled(words::factor(permille), theme.text));
        }
        pieces.push((0, spans));
    }
    pieces.push((1, vec![Span::styled(capacity(status, scene.go), theme.quiet)]));
    draw::fitting(pieces, &Span::raw("   "), room)
}

fn totals(status: &NodeStatus, scene: &Scene<'_>, room: usize) -> Line<'static> {
    let theme = scene.theme;
    let work = &status.work;
    if scene.go.is_some() {
        let pixels = format!("{} worked on", words::pixels(work.pixels));
        return Line::styled(pixels, theme.quiet);
    }
    let mut pieces = vec![
        (
            1,
            vec![Span::styled(
                format!("{} in", words::bytes(work.bytes_in)),
                theme.quiet,
            )],
        ),
        (
            0,
            vec![Span::styled(
                format!("{} out", words::pixels(work.pixels)),
                theme.quiet,
            )],
        ),
        (
            2,
            vec![Span::styled(
                words::counted(work.renditions, "rendition"),
                theme.quiet,
            )],
        ),
    ];
    if work.sessions_refused > 0 {
        let refused = format!("! {} refused", words::counted(work.sessions_refused, "session"));
        pieces.insert(0, (0, vec![Span::styled(refused, theme.warn)]));
    }
    draw::fitting(pieces, &Span::raw("  "), room)
}

/// `14 of 40 sessions`.
#[must_use]
pub fn capacity(status: &NodeStatus, go: Option<&GoFacts>) -> String {
    let listed = u64::try_from(status.sessions.len()).unwrap_or(u64::MAX);
    let now = match go {
        None => Some(listed),
        Some(go) => go.sessions,
    };
    let now = now.map_or_else(|| "–".to_string(), |now| now.to_string());
    format!("{now} of {} sessions", status.max_sessions)
}

/// Throughput, latency, speed and earnings over time: the right side of a wide terminal.
#[derive(Debug, Default)]
pub struct Charts;

impl Panel for Charts {
    fn render(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        let is_paid = scene.status.is_some_and(|status| status.payments.is_some());
        let earned_rows = if is_paid && area.height >= 28 {
            area.height / 4
        } else {
            0
        };
        let [throughput, latency, speed, earned] = Layout::vertical([
            Constraint::Fill(1),
            Constraint::Fill(1),
            Constraint::Fill(1),
            Constraint::Length(earned_rows),
        ])
        .areas(area);
        if earned_rows > 0 {
            money::Earnings.render(buffer, earned, scene);
        }
        let theme = scene.theme;
        let inside = draw::panel(buffer, throughput, vec![Span::raw("segments per second")], theme);
        let columns = draw::columns_in(inside);
        let values = scene.history.throughput(scene.range, columns);
        chart_of(
            buffer,
            inside,
            vec![band(values, 0, scene)],
            1.0,
            words::rate,
            scene,
        );

        let title = vec![
            Span::raw("latency "),
            Span::styled("█", theme.series[0]),
            Span::raw(" p50 "),
            Span::styled("▒", theme.series[1]),
            Span::raw(" p90 "),
            Span::styled("░", theme.series[2]),
            Span::raw(" p99"),
        ];
        let inside = draw::panel(buffer, latency, title, theme);
        let percentile = |pick: fn(Latency) -> u32| {
            scene
                .history
                .columns(scene.range, columns, Keep::Highest, |point| {
                    point.latency.map(pick).map(f64::from)
                })
        };
        let bands = vec![
            band(percentile(|latency| latency.p99_ms), 2, scene),
            band(percentile(|latency| latency.p90_ms), 1, scene),
            band(percentile(|latency| latency.p50_ms), 0, scene),
        ];
        chart_of(
            buffer,
            inside,
            bands,
            100.0,
            |value| words::latency(value as u32),
            scene,
        );

        let inside = draw::panel(
            buffer,
            speed,
            vec![Span::raw("real time, above 1× keeps up")],
            theme,
        );
        let values = scene
            .history
            .columns(scene.range, columns, Keep::Lowest, |point| {
                point.real_time_permille.map(|permille| permille as f64)
            });
        chart_of(
            buffer,
            inside,
            vec![band(values, 0, scene)],
            1_000.0,
            |value| words::factor(value as u64),
            scene,
        );
    }
}

fn band(values: Vec<Option<f64>>, series: usize, scene: &Scene<'_>) -> Band {
    Band {
        values,
        fill: ["█", "▒", "░", "·"][series],
        style: scene.theme.series[series],
    }
}

fn chart_of(
    buffer: &mut Buffer,
    area: Rect,
    bands: Vec<Band>,
    least: f64,
    label: impl Fn(f64) -> String,
    scene: &Scene<'_>,
) {
    if bands.iter().all(|band| band.values.iter().all(Option::is_none)) {
        draw::placeholder(buffer, area, &["nothing measured yet".to_string()], scene.theme);
        return;
    }
    let top = bands
        .iter()
        .fold(least, |top, band| draw::largest(&band.values, top));
    draw::chart(
        buffer,
        area,
        &bands,
        top,
        label,
        (scene.range.shown(), scene.theme),
    );
}
