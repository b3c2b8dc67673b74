//! Stake, commission, fees and the round, in sentences.

use engine::view::node::{NodeChain, NodeStatus};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use super::{Panel, Scene, WAITING, go, header, reward};
use crate::{draw, text, words};

/// The short form on the overview.
#[derive(Debug, Default)]
pub struct ChainSummary;

impl Panel for ChainSummary {
    fn render(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        let theme = scene.theme;
        let is_off_chain = scene.status.is_some_and(|status| status.chain.is_none());
        let title = if is_off_chain { "node" } else { "stake & round" };
        let inside = draw::panel(buffer, area, vec![Span::raw(title)], theme);
        let Some(status) = scene.status else {
            draw::placeholder(buffer, inside, &[WAITING.to_string()], theme);
            return;
        };
        let lines = match &status.chain {
            None if scene.go.is_some() => go::summary(scene, usize::from(inside.width)),
            Some(chain) => summary(status, chain, scene, usize::from(inside.width)),
            None => node(status, scene),
        };
        draw::lines(buffer, inside, &lines);
    }
}

fn summary(status: &NodeStatus, chain: &NodeChain, scene: &Scene<'_>, room: usize) -> Vec<Line<'static>> {
    let theme = scene.theme;
    if !chain.registered {
        return vec![
            Line::styled("! not registered as an orchestrator", theme.warn),
            Line::styled("  next: `lpctl orch activate`", theme.quiet),
            figures(&[(chain.own_stake_lpt.human(), " staked")], scene).into(),
            figures(&[(chain.eth_wei.human(), " for gas")], scene).into(),
        ];
    }
    let own = (1, figures(&[(chain.own_stake_lpt.human(), " yours")], scene));
    let all = (0, figures(&[(chain.total_stake_lpt.human(), " staked")], scene));
    let fees = (0, figures(&[(chain.fees_wei.human(), " of fees")], scene));
    let gas = (1, figures(&[(chain.eth_wei.human(), " gas")], scene));
    let gap = Span::styled(", ", theme.quiet);
    let commission = vec![
        Span::styled("reward cut ", theme.quiet),
        Span::styled(chain.reward_cut_percent.to_string(), theme.text),
        Span::styled(", fee share ", theme.quiet),
        Span::styled(chain.fee_share_percent.to_string(), theme.text),
    ];
    vec![
        draw::fitting(vec![all, own], &gap, room),
        standing(chain, scene),
        reward::summary(status, chain, scene, room),
        commission.into(),
        draw::fitting(vec![fees, gas], &gap, room),
    ]
}

fn node(status: &NodeStatus, scene: &Scene<'_>) -> Vec<Line<'static>> {
    let theme = scene.theme;
    let up = words::span(words::between(status.started, status.time));
    vec![
        Line::styled("off-chain: no stake, no payment", theme.text),
        Line::styled(format!("lpctl {}", text::clean(&status.version)), theme.quiet),
        Line::styled(
            format!("up {up}, since {}", words::clock(status.started, scene.zone)),
            theme.quiet,
        ),
        Line::styled(
            if status.draining {
                "! draining: no new sessions"
            } else {
                "taking sessions"
            },
            if status.draining { theme.warn } else { theme.quiet },
        ),
        Line::styled(text::clean(&status.service_uri), theme.quiet),
    ]
}

/// Figures, each followed by quieter words.
fn figures(parts: &[(String, &'static str)], scene: &Scene<'_>) -> Vec<Span<'static>> {
    let mut spans = Vec::new();
    for (figure, words) in parts {
        spans.push(Span::styled(figure.clone(), scene.theme.text));
        spans.push(Span::styled(*words, scene.theme.quiet));
    }
    spans
}

fn standing(chain: &NodeChain, scene: &Scene<'_>) -> Line<'static> {
    let theme = scene.theme;
    let state = match (chain.active, chain.rank) {
        (true, _) => Span::styled("✓ active", theme.good),
        (false, Some(_)) => Span::styled("! not active until next round", theme.warn),
        (false, None) => Span::styled("✗ not in the pool", theme.bad),
    };
    let mut line = Line::from(state);
    if let Some(rank) = chain.rank {
        line.push_span(Span::styled(
            format!(", rank {rank} of {}", chain.pool_size),
            theme.text,
        ));
    }
    line
}

/// The whole story, on its own tab.
#[derive(Debug, Default)]
pub struct ChainDetail;

impl Panel for ChainDetail {
    fn render(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        let theme = scene.theme;
        let inside = draw::panel(buffer, area, vec![Span::raw("stake & round")], theme);
        let Some(status) = scene.status else {
            draw::placeholder(buffer, inside, &[WAITING.to_string()], theme);
            return;
        };
        let Some(chain) = &status.chain else {
            let sentences = [
                "this node runs off-chain: it has no stake, no round and asks for no payment".to_string(),
                "`lpctl status` shows the chain without a node".to_string(),
            ];
            draw::placeholder(buffer, inside, &sentences, theme);
            return;
        };
        draw::lines(buffer, inside, &story(status, chain, scene, inside));
    }
}

/// Labels left, sentences right; blank lines between where there is room for them.
fn story(status: &NodeStatus, chain: &NodeChain, scene: &Scene<'_>, size: Rect) -> Vec<Line<'static>> {
    let room = usize::from(size.width);
    let sections = [
        round(status, chain, scene, room),
        reward::labelled("reward", status, chain, scene, room),
        stake(chain, scene),
        read(status, chain, scene),
    ];
    let all: usize = sections.iter().map(Vec::len).sum();
    let is_roomy = all + sections.len() - 1 <= usize::from(size.height);
    let mut lines = Vec::new();
    for section in sections {
        if is_roomy && !lines.is_empty() {
            lines.push(Line::default());
        }
        lines.extend(section);
    }
    lines
}

fn label(name: &'static str, scene: &Scene<'_>) -> Span<'static> {
    Span::styled(format!("{name:<13}"), scene.theme.quiet)
}

fn round(status: &NodeStatus, chain: &NodeChain, scene: &Scene<'_>, room: usize) -> Vec<Line<'static>> {
    let theme = scene.theme;
    let done = header::percent(chain.round_elapsed, chain.round_length);
    let elapsed = chain.round_elapsed.min(chain.round_length);
    let mut round = vec![
        label("round", scene),
        Span::styled(format!("{}  ", chain.round), draw::bold(theme.text)),
        Span::styled(format!("{done} % "), theme.text),
    ];
    let cells = room.saturating_sub(54).clamp(4, 60);
    round.extend(draw::bar(elapsed, chain.round_length, cells, theme));
    round.push(Span::styled(
        format!(" {}", header::left(status, chain)),
        theme.text,
    ));
    let block = format!(
        "block {} of {} in this round",
        words::count(elapsed),
        words::count(chain.round_length)
    );
    vec![
        Line::from(round),
        Line::from(vec![label("", scene), Span::styled(block, theme.quiet)]),
        Line::from(vec![label("", scene), initialised(chain, scene)]),
    ]
}

fn stake(chain: &NodeChain, scene: &Scene<'_>) -> Vec<Line<'static>> {
    let theme = scene.theme;
    let says = |name: &'static str, sentence: String| {
        Line::from(vec![label(name, scene), Span::styled(sentence, theme.text)])
    };
    let kept = format!(
        "you keep {} of rewards, delegators get {} of fees",
        chain.reward_cut_percent, chain.fee_share_percent
    );
    let changes = if chain.round_locked {
        "changes are closed until the next round"
    } else {
        "changes are open: `lpctl set-fees`"
    };
    let delegated = chain.total_stake_lpt.saturating_sub(chain.own_stake_lpt);
    let parts = format!(
        "{} yours + {} delegated",
        chain.own_stake_lpt.human(),
        delegated.human()
    );
    let mut standing = standing(chain, scene);
    standing.spans.insert(0, label("", scene));
    vec![
        says("commission", kept),
        Line::from(vec![label("", scene), Span::styled(changes, theme.quiet)]),
        says("stake", parts),
        says("", format!("{} in all", chain.total_stake_lpt.human())),
        standing,
        says("fees", format!("{} to withdraw", chain.fees_wei.human())),
        says("gas", format!("{} in the account", chain.eth_wei.human())),
    ]
}

fn read(status: &NodeStatus, chain: &NodeChain, scene: &Scene<'_>) -> Vec<Line<'static>> {
    let age = words::span(words::between(chain.time, status.time));
    let read = format!(
        "at block {}, {age} ago ({})",
        words::count(chain.block),
        words::clock(chain.time, scene.zone)
    );
    let quiet = |name, sentence| {
        Line::from(vec![
            label(name, scene),
            Span::styled(sentence, scene.theme.quiet),
        ])
    };
    let account = status
        .address
        .map(|address| quiet("account", address.to_string()));
    std::iter::once(quiet("read", read)).chain(account).collect()
}

fn initialised(chain: &NodeChain, scene: &Scene<'_>) -> Span<'static> {
    if chain.round_initialized {
        Span::styled("✓ initialised", scene.theme.good)
    } else {
        Span::styled("! not initialised: `lpctl round init`", scene.theme.warn)
    }
}
