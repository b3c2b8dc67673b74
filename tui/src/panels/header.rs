//! The first two lines: who, where, which round, is reward called, how fresh; then the tabs.

use std::time::Duration;

use engine::view::node::{NodeChain, NodeStatus};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use super::{Panel, Scene};
use crate::{draw, feed::Freshness, keymap::Tab, text, words};

/// The header line.
#[derive(Debug, Default)]
pub struct Header;

impl Panel for Header {
    fn render(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        let right = freshness(scene);
        let taken = right.width() + 2;
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
            .saturating_sub(u16::try_from(taken).unwrap_or(0))
            .max(area.x);
        buffer.set_line(x + 1, area.y, &right, area.width);
    }
}

/// How the connection is, in a mark and a word.
fn freshness(scene: &Scene<'_>) -> Line<'static> {
    let theme = scene.theme;
    match scene.freshness {
        Freshness::Connecting { .. } => Line::styled("○ connecting", theme.quiet),
        Freshness::Live => {
            let clock = scene
                .status
                .map_or_else(String::new, |status| words::clock(status.time, scene.zone));
            Line::from(vec![
                Span::styled("● ", theme.good),
                Span::styled(clock, theme.text),
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
    let mut pieces = vec![(0, vec![Span::styled(name(status), theme.title)])];
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
    } else {
        let up = words::span(words::between(status.started, status.time));
        pieces.push((4, vec![Span::styled(format!("up {up}"), theme.quiet)]));
    }
    if status.draining {
        pieces.push((1, vec![Span::styled("! draining", theme.warn)]));
    }
    pieces
}

/// The account, or what this is.
#[must_use]
pub fn name(status: &NodeStatus) -> String {
    status
        .address
        .map_or_else(|| "lpctl node".to_string(), |address| words::address(&address))
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
        let roomy = area.width >= 60;
        let mut line = Line::default();
        for (position, tab) in Tab::ALL.into_iter().enumerate() {
            let count = match (tab, scene.status) {
                (Tab::Sessions, Some(status)) if roomy => format!(" {}", status.sessions.len()),
                (Tab::Devices, Some(status)) if roomy && status.devices.len() > 1 => {
                    format!(" {}", status.devices.len())
                }
                _ => String::new(),
            };
            let digit = position + 1;
            let word = title(tab, scene);
            if tab == self.shown {
                line.push_span(Span::styled("[", theme.accent));
                line.push_span(Span::styled(format!("{digit} {word}{count}"), theme.accent));
                line.push_span(Span::styled("]", theme.accent));
            } else if roomy {
                line.push_span(Span::styled(format!(" {digit} "), theme.quiet));
                line.push_span(Span::styled(word, theme.text));
                line.push_span(Span::styled(format!("{count} "), theme.quiet));
            } else {
                line.push_span(Span::styled(format!(" {digit} "), theme.quiet));
            }
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

/// A tab's word.
fn title(tab: Tab, scene: &Scene<'_>) -> &'static str {
    match tab {
        Tab::Overview => "Overview",
        Tab::Sessions => "Sessions",
        Tab::Devices if scene.status.is_some_and(super::devices::only_cpu) => "CPU",
        Tab::Devices => "GPUs",
        Tab::Chain => "Chain",
    }
}
