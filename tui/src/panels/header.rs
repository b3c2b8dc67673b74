//! The first two lines: who, where, which round, is reward called, how fresh; then the tabs.

use std::time::Duration;

use engine::view::node::{NodeChain, NodeStatus};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use super::{Panel, Scene};
use crate::{draw, feed::Freshness, keymap::Tab, places::Place, text, words};

/// Cells a clock and a young age take.
const RIGHT: usize = 16;

/// The header line.
#[derive(Debug, Default)]
pub struct Header;

impl Panel for Header {
    fn render(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        let right = freshness(scene);
        // Ages come and go with the seconds: what is left of them stays where it is.
        let taken = right.width().max(RIGHT.min(usize::from(area.width) / 4)) + 2;
        let room = usize::from(area.width).saturating_sub(taken + 1);
        let gap = Span::styled(" · ", scene.theme.border);
        let mut shown = pieces(scene, true, room);
        let spans: usize = shown.iter().flat_map(|(_, spans)| spans).map(Span::width).sum();
        if spans + gap.width() * shown.len().saturating_sub(1) > room {
            // The round's bar must drive nothing else out.
            shown = pieces(scene, false, room);
        }
        let line = draw::fitting(shown, &gap, room);
        buffer.set_line(
            area.x + 1,
            area.y,
            &line,
            u16::try_from(room).unwrap_or(area.width),
        );
        let x = area
            .right()
            .saturating_sub(u16::try_from(right.width() + 2).unwrap_or(0))
            .max(area.x);
        buffer.set_line(x + 1, area.y, &right, area.width);
    }
}

/// How the connection is, in a mark and a word.
fn freshness(scene: &Scene<'_>) -> Line<'static> {
    let theme = scene.theme;
    if let Some(held) = scene.held {
        return Line::styled(format!("‖ paused {}", words::span(held)), theme.warn);
    }
    match scene.freshness {
        Freshness::Connecting { .. } => Line::styled("○ connecting", theme.quiet),
        Freshness::Live => {
            let clock = scene
                .status
                .map_or_else(String::new, |status| words::clock(status.time, scene.zone));
            let age = scene
                .feed
                .reading
                .as_ref()
                .map(|reading| scene.now.saturating_duration_since(reading.received))
                .filter(|age| *age >= Duration::from_secs(1))
                .map_or_else(String::new, |age| format!(" · {}", words::span(age)));
            Line::from(vec![
                Span::styled("● ", theme.good),
                Span::styled(clock, theme.text),
                Span::styled(age, theme.quiet),
            ])
        }
        Freshness::Stale { age } => Line::styled(format!("○ {} old", words::span(age)), theme.warn),
        Freshness::Lost { age } if scene.status.is_some() => {
            Line::styled(format!("✗ lost, {} old", words::span(age)), theme.bad)
        }
        Freshness::Lost { .. } => Line::styled("✗ no connection", theme.bad),
    }
}

fn pieces(scene: &Scene<'_>, with_bar: bool, room: usize) -> Vec<(u8, Vec<Span<'static>>)> {
    let theme = scene.theme;
    let Some(status) = scene.status else {
        return vec![(0, vec![Span::styled("lpctl dashboard", theme.title)])];
    };
    let mut pieces = vec![(0, vec![Span::styled(name(status, scene), theme.title)])];
    pieces.push((2, vec![Span::styled(network(status), theme.text)]));
    if let Some(chain) = &status.chain {
        let done = percent(chain.round_elapsed, chain.round_length);
        pieces.push((
            1,
            vec![
                Span::styled("round ", theme.quiet),
                Span::styled(chain.round.to_string(), theme.text),
                Span::styled(format!(" {done} %"), theme.quiet),
            ],
        ));
        if with_bar && let Some((_, round)) = pieces.last_mut() {
            let cells = if room > 100 { 20 } else { 8 };
            let elapsed = chain.round_elapsed.min(chain.round_length);
            round.push(Span::raw(" "));
            round.extend(draw::bar(elapsed, chain.round_length, cells, theme));
        }
        if room > 100 {
            pieces.push((6, vec![Span::styled(left(status, chain), theme.quiet)]));
        }
        pieces.push((3, reward(chain, scene)));
    } else if let Some(go) = scene.go {
        if let Some(round) = go.node.round {
            let round = vec![
                Span::styled("round ", theme.quiet),
                Span::styled(round.to_string(), theme.text),
            ];
            pieces.push((1, round));
        }
        let what = format!("go-livepeer {}", text::fit(&text::clean(&go.node.version), 20));
        pieces.push((3, vec![Span::styled(what, theme.quiet)]));
    } else {
        let up = words::span(words::between(status.started, status.time));
        pieces.push((4, vec![Span::styled(format!("up {up}"), theme.quiet)]));
    }
    if status.draining {
        pieces.push((1, vec![Span::styled("! draining", theme.warn)]));
    }
    pieces
}

/// What the operator calls the node where there are several, else its account, or what this is.
#[must_use]
pub fn name(status: &NodeStatus, scene: &Scene<'_>) -> String {
    if scene.nodes.1.len() > 1 {
        return text::fit(&text::clean(&scene.node.name), 24);
    }
    match (status.address, scene.go) {
        (Some(address), _) => words::address(&address),
        (None, Some(go)) => format!("go-livepeer {}", go.node.role),
        (None, None) => "lpctl node".to_string(),
    }
}

fn network(status: &NodeStatus) -> String {
    if status.network == "offchain" {
        "off-chain".to_string()
    } else {
        text::clean(&status.network)
    }
}

/// What is left of the round, in time where the network's block time is known.
#[must_use]
pub fn left(status: &NodeStatus, chain: &NodeChain) -> String {
    let blocks = chain.round_length.saturating_sub(chain.round_elapsed);
    // Rounds count Ethereum's blocks, one every twelve seconds; a local chain's blocks come as they like.
    if status.network == "arbitrum-one" {
        format!(
            "about {} left",
            words::span(Duration::from_secs(blocks.saturating_mul(12)))
        )
    } else {
        format!("{} left", words::counted(blocks, "block"))
    }
}

/// A part of a whole in percent, rounded down, at most 100.
#[must_use]
pub fn percent(part: u64, whole: u64) -> u64 {
    part.min(whole)
        .saturating_mul(100)
        .checked_div(whole)
        .unwrap_or(0)
}

fn reward(chain: &NodeChain, scene: &Scene<'_>) -> Vec<Span<'static>> {
    let theme = scene.theme;
    let (mark, style) = match (chain.reward_called, chain.active) {
        (true, _) => ("✓", theme.good),
        (false, true) => ("! not called", theme.warn),
        (false, false) => ("none: not active", theme.quiet),
    };
    vec![Span::styled("reward ", theme.quiet), Span::styled(mark, style)]
}

/// The tab line.
#[derive(Debug)]
pub struct Tabs {
    /// Which tab is shown.
    pub shown: Tab,
}

impl Panel for Tabs {
    fn render(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        let theme = scene.theme;
        // Words and counts where all of them fit, else words where they fit, else digits and the word of the shown one.
        let full: Vec<(String, String)> = Tab::ALL
            .into_iter()
            .map(|tab| (title(tab, scene).to_string(), count(tab, scene)))
            .collect();
        let width = |with_count: bool| -> usize {
            full.iter()
                .map(|(word, count)| word.len() + 4 + if with_count { count.len() } else { 0 })
                .sum()
        };
        let room = usize::from(area.width);
        let (words_fit, counts_fit) = (width(false) <= room, width(true) <= room);
        let mut line = Line::default();
        for (position, (tab, (word, count))) in Tab::ALL.into_iter().zip(full).enumerate() {
            let digit = position + 1;
            let count = if counts_fit { count } else { String::new() };
            let before = line.width();
            if tab == self.shown {
                line.push_span(Span::styled(format!("[{digit} {word}{count}]"), theme.accent));
            } else if words_fit {
                line.push_span(Span::styled(format!(" {digit} "), theme.quiet));
                line.push_span(Span::styled(word, theme.text));
                line.push_span(Span::styled(format!("{count} "), theme.quiet));
            } else {
                line.push_span(Span::styled(format!(" {digit} "), theme.quiet));
            }
            let start = area.x.saturating_add(u16::try_from(before).unwrap_or(u16::MAX));
            let wide = u16::try_from(line.width() - before).unwrap_or(u16::MAX);
            scene
                .places
                .put(Rect::new(start, area.y, wide, 1), Place::Tab(tab));
        }
        buffer.set_line(area.x, area.y, &line, area.width);
        let Some(status) = scene.status else { return };
        let place = text::fit(&text::clean(&status.service_uri), 48);
        let wide = u16::try_from(text::width(&place)).unwrap_or(u16::MAX);
        let free = area
            .width
            .saturating_sub(u16::try_from(line.width()).unwrap_or(u16::MAX));
        if free > wide.saturating_add(2) {
            buffer.set_string(area.right() - wide - 1, area.y, &place, theme.quiet);
        }
    }
}

/// How many there are, where that says something.
fn count(tab: Tab, scene: &Scene<'_>) -> String {
    let Some(status) = scene.status else {
        return String::new();
    };
    let number = match tab {
        Tab::Sessions => match scene.go {
            None => Some(status.sessions.len()),
            Some(go) => go.sessions.and_then(|sessions| usize::try_from(sessions).ok()),
        },
        Tab::Tickets => status
            .payments
            .as_ref()
            .filter(|_| scene.go.is_none())
            .and_then(|payments| usize::try_from(payments.winners_pending).ok())
            .filter(|pending| *pending > 0),
        Tab::Devices => Some(status.devices.len()).filter(|devices| *devices > 1),
        Tab::Transcoders => Some(status.transcoders.len()).filter(|transcoders| *transcoders > 0),
        Tab::Overview | Tab::Chain | Tab::Log => None,
    };
    number.map_or_else(String::new, |number| format!(" {number}"))
}

/// A tab's word.
fn title(tab: Tab, scene: &Scene<'_>) -> &'static str {
    match tab {
        Tab::Overview => "Overview",
        Tab::Sessions => "Sessions",
        Tab::Tickets => "Tickets",
        Tab::Transcoders => "Transcoders",
        Tab::Log => "Log",
        Tab::Devices if scene.go.is_none() && scene.status.is_some_and(super::devices::only_cpu) => "CPU",
        Tab::Devices => "GPUs",
        Tab::Chain => "Chain",
    }
}
