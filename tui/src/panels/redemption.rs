//! What becomes of the winning tickets: what they wait for, when the first is worthless, what came in.

use std::time::Duration;

use engine::view::node::{Closing, NodeStatus, RedeemView};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use super::{Panel, Scene};
use crate::{draw, text, words};

/// The first `/api/v1` that tells how it goes with redeeming.
const TOLD_SINCE: u32 = 2;
/// Less than this much time is worth a warning: two hours of Ethereum's blocks.
const SOON: u64 = 600;

/// The figures.
#[derive(Debug, Default)]
pub struct Redemption;

impl Redemption {
    /// Whether there is something to say of it: not off-chain, and not of go-livepeer's nodes.
    #[must_use]
    pub fn is_told(scene: &Scene<'_>) -> bool {
        scene.go.is_none() && scene.status.is_some_and(|status| status.payments.is_some())
    }
}

impl Panel for Redemption {
    fn render(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        let theme = scene.theme;
        let inside = draw::panel(buffer, area, vec![Span::raw("redemption")], theme);
        let Some(status) = scene.status else { return };
        match &status.redeem {
            Some(view) => {
                let lines = lines(view, status, scene, usize::from(inside.width));
                draw::lines(buffer, inside, &lines);
            }
            None => {
                let sentence = match status.api_version < TOLD_SINCE {
                    true => "this older node does not tell how it redeems",
                    false => "this node redeems none: `lpctl ticket redeem` does",
                };
                draw::placeholder(buffer, inside, &[sentence.to_string()], theme);
            }
        }
    }
}

fn lines(view: &RedeemView, status: &NodeStatus, scene: &Scene<'_>, room: usize) -> Vec<Line<'static>> {
    let theme = scene.theme;
    let gap = Span::styled(", ", theme.quiet);
    let piece = |text: String, style: Style| vec![Span::styled(text, style)];
    let waiting = view.pending.saturating_sub(view.in_flight);
    let mut first = match waiting {
        0 => vec![(0, piece("none waits".to_string(), theme.quiet))],
        _ => vec![
            (0, piece(format!("{} waiting", words::count(waiting)), theme.text)),
            (1, piece(view.value_wei.human(), theme.text)),
        ],
    };
    if view.in_flight > 0 {
        first.push((
            0,
            piece(
                format!("→ {} under way", words::count(view.in_flight)),
                theme.accent,
            ),
        ));
    }
    let mut reasons: Vec<(&String, &u64)> = view.reasons.iter().collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let reasons: Vec<_> = reasons
        .into_iter()
        .enumerate()
        .map(|(position, (code, count))| {
            let reason = format!("{} {}", words::count(*count), reason(code));
            (
                u8::try_from(position).unwrap_or(u8::MAX),
                piece(reason, theme.quiet),
            )
        })
        .collect();
    let came = vec![
        (
            0,
            piece(format!("{} paid", words::count(view.redeemed)), theme.quiet),
        ),
        (1, piece(view.paid_wei.human(), theme.text)),
        (2, piece(format!("cost {}", view.cost_wei.human()), theme.quiet)),
    ];
    let mut lines = vec![draw::fitting(first, &gap, room)];
    if !reasons.is_empty() {
        lines.push(draw::fitting(reasons, &gap, room));
    }
    if let Some(closing) = &view.closing {
        let style = if closing.blocks_left < SOON {
            theme.warn
        } else {
            theme.text
        };
        let first = vec![
            (
                0,
                piece(format!("first gone in {}", left(closing, status)), style),
            ),
            (1, piece(closing.face_value_wei.human(), theme.text)),
        ];
        lines.push(draw::fitting(first, &gap, room));
    }
    lines.push(draw::fitting(came, &gap, room));
    lines.push(match (&view.trouble, view.time) {
        (Some(trouble), _) => {
            let sentence = format!("! {}", text::clean(trouble));
            Line::styled(text::fit(&sentence, room), theme.bad)
        }
        (None, Some(time)) => {
            let ago = words::span(words::between(time, status.time));
            let gas = view
                .gas_price_wei
                .map_or_else(String::new, |price| format!("gas {}, ", price.human_gwei()));
            Line::styled(text::fit(&format!("{gas}read {ago} ago"), room), theme.quiet)
        }
        (None, None) => Line::styled("the chain was not read for it yet", theme.quiet),
    });
    lines
}

/// How long a ticket can still be redeemed, in time where the network's block time is known.
#[must_use]
pub fn left(closing: &Closing, status: &NodeStatus) -> String {
    // Windows count Ethereum's blocks, one every twelve seconds; a local chain's blocks come as they like.
    if status.network == "arbitrum-one" {
        let seconds = closing.blocks_left.saturating_mul(12);
        words::span(Duration::from_secs(seconds))
    } else {
        words::counted(closing.blocks_left, "block")
    }
}

/// A reason's stable name in words; of one that is not known its name.
fn reason(code: &str) -> String {
    let words = match code {
        "parameters_live" => "with parameters in use",
        "round_not_initialized" => "until the round is open",
        "sender_unknown" => "of unread senders",
        "sender_short" => "of short senders",
        "not_registered" => "not registered",
        "gas_above_limit" => "gas above limit",
        "gas_dear" => "until gas is cheaper",
        "not_worth_it" => "not worth the gas",
        "company" => "until more share gas",
        "backing_off" => "to be tried again",
        other => return text::fit(&text::clean(other).replace('_', " "), 24),
    };
    words.to_string()
}
