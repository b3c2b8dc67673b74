//! The transcode engine: how hard it tries, what waits for segments, what it is kept from, what went wrong. A line on the
//! overview, a panel below the devices.

use engine::view::node::{EffortView, EngineView, NodeStatus};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use super::{Panel, Scene, header::percent};
use crate::{draw, text, words};

/// Pieces of a line, the most important ones with the smallest number.
type Pieces = Vec<(u8, Vec<Span<'static>>)>;

/// Rows of the panel, frame included.
pub const HEIGHT: u16 = 5;

/// The engine, unless the node does not tell of it.
#[must_use]
pub fn told(status: &NodeStatus) -> Option<&EngineView> {
    let engine = &status.engine;
    let is_told = !engine.ffmpeg.is_empty() || engine.effort.is_some();
    is_told.then_some(engine)
}

/// The engine in one line.
#[must_use]
pub fn line(engine: &EngineView, scene: &Scene<'_>, room: usize) -> Line<'static> {
    let theme = scene.theme;
    let mut pieces = vec![(0, vec![Span::styled("engine", draw::bold(theme.text))])];
    if let Some(effort) = &engine.effort {
        let mut spans = vec![Span::styled(preset(effort), theme.text)];
        if effort.automatic {
            spans.push(Span::styled(" by load", theme.quiet));
        }
        pieces.push((0, spans));
        if effort.refusing {
            pieces.push((1, vec![Span::styled("! no room for more", theme.warn)]));
        }
    }
    if engine.segments_shed > 0 {
        pieces.push((1, vec![Span::styled(shed(engine), theme.warn)]));
    }
    pieces.push((3, warm(engine, scene, true)));
    let failures = all_failures(engine);
    if failures > 0 {
        let failed = words::counted(failures, "failed run");
        pieces.push((4, vec![Span::styled(failed, theme.text)]));
    }
    pieces.extend(fence(engine, scene).map(|spans| (2, spans)));
    draw::fitting(pieces, &Span::raw("  "), room)
}

/// The panel.
#[derive(Debug, Default)]
pub struct Engine;

impl Panel for Engine {
    fn render(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        let theme = scene.theme;
        let Some(engine) = scene.status.and_then(told) else {
            return;
        };
        let mut heading = vec![Span::raw("engine")];
        if !engine.ffmpeg.is_empty() {
            let version = text::fit(&text::clean(&engine.ffmpeg), usize::from(area.width) / 2);
            heading.push(Span::styled(" · ", theme.border));
            heading.push(Span::styled(format!("ffmpeg {version}"), theme.quiet));
        }
        let inside = draw::panel(buffer, area, heading, theme);
        let room = usize::from(inside.width);
        let separator = Span::styled(" · ", theme.border);
        let lines = [
            effort(engine, scene),
            queue(engine, scene),
            trouble(engine, scene),
        ]
        .map(|pieces| draw::fitting(pieces, &separator, room));
        draw::lines(buffer, inside, &lines);
    }
}

/// `veryfast`, `ultrafast, cascaded`.
fn preset(effort: &EffortView) -> String {
    let preset = text::clean(&effort.preset);
    match effort.cascaded {
        true => format!("{preset}, cascaded"),
        false => preset,
    }
}

fn effort(engine: &EngineView, scene: &Scene<'_>) -> Pieces {
    let theme = scene.theme;
    let Some(effort) = &engine.effort else {
        return vec![(0, vec![Span::styled("the CPU does not encode", theme.quiet)])];
    };
    let mut pieces = vec![(
        0,
        vec![
            Span::styled("preset ", theme.quiet),
            Span::styled(preset(effort), theme.text),
        ],
    )];
    if effort.automatic {
        let since = effort
            .since
            .map(|since| format!(" since {}", words::clock(since, scene.zone)))
            .unwrap_or_default();
        pieces.push((2, vec![Span::styled(format!("by load{since}"), theme.quiet)]));
    } else {
        pieces.push((2, vec![Span::styled("fixed", theme.quiet)]));
    }
    if let Some(permille) = effort.real_time_permille {
        let style = if permille < 1_000 { theme.bad } else { theme.text };
        let mark = if permille < 1_000 { "! " } else { "" };
        pieces.push((
            1,
            vec![
                Span::styled("slowest session ", theme.quiet),
                Span::styled(format!("{mark}{}", words::factor(permille)), style),
            ],
        ));
    }
    if effort.refusing {
        pieces.push((0, vec![Span::styled("! no room for more", theme.warn)]));
    }
    pieces
}

/// `3 warm, 98 % hits`.
fn warm(engine: &EngineView, scene: &Scene<'_>, is_short: bool) -> Vec<Span<'static>> {
    let theme = scene.theme;
    let warm = engine.warm;
    let mut spans = vec![Span::styled(format!("{} warm", warm.ready), theme.text)];
    if !is_short {
        spans.push(Span::styled(format!(" of {}", warm.bound), theme.quiet));
    }
    let asked = warm.hits + warm.misses;
    if asked > 0 {
        let hits = format!(", {} % hits", percent(warm.hits, asked));
        spans.push(Span::styled(hits, theme.quiet));
    }
    spans
}

fn queue(engine: &EngineView, scene: &Scene<'_>) -> Pieces {
    let theme = scene.theme;
    let quiet = |text: String| vec![Span::styled(text, theme.quiet)];
    let mut pieces = vec![
        (
            0,
            vec![Span::styled(format!("{} running", engine.running), theme.text)],
        ),
        (0, warm(engine, scene, false)),
    ];
    if engine.waiting > 0 {
        pieces.insert(
            1,
            (
                1,
                vec![Span::styled(format!("{} waiting", engine.waiting), theme.warn)],
            ),
        );
    }
    pieces.push((3, quiet(format!("{} wasted", words::count(engine.warm.wasted)))));
    let void = words::count(engine.speculative_discarded);
    pieces.push((4, quiet(format!("{void} begun in vain"))));
    pieces
}

fn trouble(engine: &EngineView, scene: &Scene<'_>) -> Pieces {
    let theme = scene.theme;
    let mut pieces = Vec::new();
    pieces.extend(fence(engine, scene).map(|spans| (0, spans)));
    let failures = engine.failures;
    if all_failures(engine) == 0 {
        pieces.push((1, vec![Span::styled("no failed run", theme.quiet)]));
    } else {
        let classes = [
            (failures.input, "input", theme.text),
            (failures.device, "device", theme.warn),
            (failures.resource, "resource", theme.warn),
            (failures.ours, "ours", theme.warn),
        ];
        let mut spans = vec![Span::styled("failed runs:", theme.quiet)];
        for (count, class, style) in classes.into_iter().filter(|(count, ..)| *count > 0) {
            spans.push(Span::styled(format!(" {} {class}", words::count(count)), style));
        }
        pieces.push((1, spans));
    }
    let style = if engine.segments_shed > 0 {
        theme.warn
    } else {
        theme.quiet
    };
    pieces.push((2, vec![Span::styled(shed(engine), style)]));
    pieces
}

fn all_failures(engine: &EngineView) -> u64 {
    let failures = engine.failures;
    failures.input + failures.device + failures.resource + failures.ours
}

/// `! 12 shed`.
fn shed(engine: &EngineView) -> String {
    let mark = if engine.segments_shed > 0 { "! " } else { "" };
    format!("{mark}{} shed", words::count(engine.segments_shed))
}

/// `fence full`, `! fence none`; the reason is in the log and in `lpctl doctor`.
fn fence(engine: &EngineView, scene: &Scene<'_>) -> Option<Vec<Span<'static>>> {
    let theme = scene.theme;
    let word = text::clean(engine.fence.split(':').next()?.trim());
    match word.as_str() {
        "" => None,
        "full" => Some(vec![Span::styled("fence full", theme.quiet)]),
        _ => Some(vec![Span::styled(format!("! fence {word}"), theme.warn)]),
    }
}
