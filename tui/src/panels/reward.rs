//! This round's reward: called or not, until when it can be, and what the node does about it.

use engine::view::node::{NodeChain, NodeStatus, RewardView, RewardWait};
use ratatui::{
    style::Style,
    text::{Line, Span},
};

use super::{Scene, header};
use crate::{text, words};

/// The first `/api/v1` that tells how it goes with calling reward.
const TOLD_SINCE: u32 = 2;

/// Sentences with their colours, the most important first; each fits `room`.
#[must_use]
pub fn story(status: &NodeStatus, chain: &NodeChain, scene: &Scene<'_>, room: usize) -> Vec<(String, Style)> {
    let theme = scene.theme;
    let mut said = vec![state(status, chain, scene)];
    if !chain.reward_called && chain.active {
        let left = header::left(status, chain);
        let deadline = format!("it is lost when the round ends: {left}");
        said.push((deadline, theme.text));
    }
    match &status.reward {
        Some(view) => said.extend(guardian(view, status, chain, scene)),
        None if status.api_version < TOLD_SINCE => {
            let unknown = "this older node does not tell whether it calls reward";
            said.push((unknown.to_string(), theme.quiet));
        }
        None if chain.reward_called => {}
        None => {
            let nobody = "this node calls none: `lpctl reward watch` does";
            said.push((nobody.to_string(), theme.quiet));
        }
    }
    let fitted = said
        .into_iter()
        .map(|(sentence, style)| (text::fit(&sentence, room), style));
    fitted.collect()
}

fn state(status: &NodeStatus, chain: &NodeChain, scene: &Scene<'_>) -> (String, Style) {
    let theme = scene.theme;
    let called_here = status
        .reward
        .as_ref()
        .and_then(|view| view.last_call.as_ref())
        .filter(|call| call.round == chain.round);
    match (chain.reward_called, called_here, chain.active) {
        (_, Some(call), _) => {
            let amount = call
                .amount_lpt
                .map_or_else(String::new, |amount| format!(": {}", amount.human()));
            let sentence = format!(
                "✓ called{amount} for {} of gas, block {}",
                call.cost_wei.human(),
                words::count(call.block)
            );
            (sentence, theme.good)
        }
        (true, None, _) => ("✓ called this round".to_string(), theme.good),
        (false, None, true) => (
            "! not called yet this round: `lpctl reward call`".to_string(),
            theme.warn,
        ),
        (false, None, false) => ("none this round: not in the active set".to_string(), theme.quiet),
    }
}

/// What the node's guardian does and what went wrong.
fn guardian(
    view: &RewardView,
    status: &NodeStatus,
    chain: &NodeChain,
    scene: &Scene<'_>,
) -> Vec<(String, Style)> {
    let theme = scene.theme;
    let ago = |time| words::span(words::between(time, status.time));
    let mut said = Vec::new();
    for alert in &view.alerts {
        let sentence = format!("! {} (for {})", text::clean(&alert.message), ago(alert.since));
        said.push((sentence, theme.warn));
    }
    if let Some(failure) = &view.last_failure
        && failure.round == chain.round
        && !chain.reward_called
    {
        let sentence = format!(
            "! a try failed {} ago: {}",
            ago(failure.time),
            text::clean(&failure.message)
        );
        said.push((sentence, theme.bad));
    }
    let doing = match (&view.waiting, view.running) {
        (_, false) => ("! the node has stopped calling it".to_string(), theme.bad),
        (Some(wait), true) if !is_settled(wait) => (
            format!("the node waits: {}", text::clean(&wait.message)),
            theme.text,
        ),
        _ => {
            let called = match view.called {
                0 => "none yet".to_string(),
                called => format!("{} so far", words::count(called)),
            };
            let sentence = format!("the node calls it: {called} in {}", ago(view.since));
            (sentence, theme.quiet)
        }
    };
    said.push(doing);
    said
}

/// Whether it waits for the next round only, which is said already.
fn is_settled(wait: &RewardWait) -> bool {
    matches!(wait.code.as_str(), "called" | "not_active")
}

/// Whether something keeps the node from calling it.
fn is_held_up(view: &RewardView, chain: &NodeChain) -> bool {
    let failed = view.last_failure.as_ref();
    !view.running
        || !view.alerts.is_empty()
        || view.waiting.as_ref().is_some_and(|wait| !is_settled(wait))
        || failed.is_some_and(|failure| failure.round == chain.round)
}

/// It in one line: what is wrong, else how it stands.
#[must_use]
pub fn summary(status: &NodeStatus, chain: &NodeChain, scene: &Scene<'_>, room: usize) -> Line<'static> {
    let wrong = status
        .reward
        .as_ref()
        .filter(|view| !chain.reward_called && is_held_up(view, chain))
        .map(|view| guardian(view, status, chain, scene))
        .and_then(|said| said.into_iter().next());
    let (sentence, style) = match (wrong, chain.reward_called, chain.active) {
        (Some(wrong), ..) if chain.active => wrong,
        (_, true, _) => ("reward ✓ called".to_string(), scene.theme.good),
        (_, false, true) => (
            format!("reward ! not called, {}", header::left(status, chain)),
            scene.theme.warn,
        ),
        (_, false, false) => ("no reward this round: not active".to_string(), scene.theme.quiet),
    };
    Line::styled(text::fit(&sentence, room), style)
}

/// The sentences beside a label.
#[must_use]
pub fn labelled(
    label: &'static str,
    status: &NodeStatus,
    chain: &NodeChain,
    scene: &Scene<'_>,
    room: usize,
) -> Vec<Line<'static>> {
    let said = story(status, chain, scene, room.saturating_sub(13));
    let lines = said.into_iter().enumerate().map(|(row, (sentence, style))| {
        let name = if row == 0 { label } else { "" };
        Line::from(vec![
            Span::styled(format!("{name:<13}"), scene.theme.quiet),
            Span::styled(sentence, style),
        ])
    });
    lines.collect()
}
