//! What the node earns: figures with a sparkline, and a chart. Amounts are whole wei; only the height of a bar is a fraction.

use engine::{
    units::Wei,
    view::{node::NodeStatus, payments::PaymentsView},
};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use super::{Panel, Scene, WAITING, redemption};
use crate::{
    draw::{self, Band},
    text, words,
};

/// An amount that was counted here.
#[must_use]
pub fn wei(amount: u128) -> Wei {
    Wei(amount.try_into().unwrap_or_default())
}

/// Heights of bars.
fn heights(amounts: &[Option<u128>]) -> Vec<Option<f64>> {
    amounts
        .iter()
        .map(|amount| amount.map(|amount| amount as f64))
        .collect()
}

/// The figures.
#[derive(Debug, Default)]
pub struct Money {
    /// What is wrong with redeeming is said beside it.
    pub beside_redemption: bool,
}

impl Panel for Money {
    fn render(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        let theme = scene.theme;
        let inside = draw::panel(buffer, area, vec![Span::raw("money")], theme);
        let Some(status) = scene.status else {
            draw::placeholder(buffer, inside, &[WAITING.to_string()], theme);
            return;
        };
        let Some(payments) = &status.payments else {
            let sentence = match (scene.go, status.chain.is_some()) {
                (Some(_), _) => "this go-livepeer node serves no metrics: start it with `-monitor`",
                (None, true) => "this node asks for no payment: start it with `--price`",
                (None, false) => "off-chain: nobody pays, nothing is earned",
            };
            draw::placeholder(buffer, inside, &[sentence.to_string()], theme);
            return;
        };
        let room = usize::from(inside.width);
        let lines = match scene.go {
            Some(_) => of_go(payments, scene, room),
            None => of_own(status, payments, scene, (room, self.beside_redemption)),
        };
        draw::lines(buffer, inside, &lines);
    }
}

fn of_own(
    status: &NodeStatus,
    payments: &PaymentsView,
    scene: &Scene<'_>,
    (room, beside_redemption): (usize, bool),
) -> Vec<Line<'static>> {
    let theme = scene.theme;
    let separator = Span::styled(", ", theme.quiet);
    let figure = |figure: String, words: &'static str| {
        vec![Span::styled(figure, theme.text), Span::styled(words, theme.quiet)]
    };
    let waiting = match payments.winners_pending {
        0 => vec![(
            0,
            vec![Span::styled("no winner waits to be redeemed", theme.quiet)],
        )],
        pending => {
            let mut waiting = vec![
                (0, figure(words::counted(pending, "winner"), " waiting")),
                (1, figure(payments.winners_pending_wei.human(), "")),
            ];
            if let Some(closing) = status.redeem.as_ref().and_then(|redeem| redeem.closing.as_ref()) {
                waiting.push((2, figure(redemption::left(closing, status), " left")));
            }
            waiting
        }
    };
    // What goes wrong comes before what is worth knowing.
    let redeem = status.redeem.as_ref().filter(|_| !beside_redemption);
    let trouble = redeem.and_then(|redeem| redeem.trouble.as_deref());
    let mut paid = vec![
        (0, figure(payments.winners_redeemed_wei.human(), " paid")),
        (1, figure(words::counted(payments.winners_redeemed, "winner"), "")),
    ];
    if payments.winners_lost > 0 {
        let lost = format!("! {} lost", words::counted(payments.winners_lost, "winner"));
        paid.push((0, vec![Span::styled(lost, theme.bad)]));
    }
    let mut price = vec![(0, figure(text::clean(&payments.price), " for a pixel"))];
    if let Some(chain) = &status.chain {
        price.push((1, figure(chain.eth_wei.human(), " for gas")));
    }
    vec![
        earned(payments, scene, room),
        tickets(payments, scene, room),
        draw::fitting(waiting, &separator, room),
        match trouble {
            Some(trouble) => {
                let sentence = format!("! {}", text::clean(trouble));
                Line::styled(text::fit(&sentence, room), theme.bad)
            }
            None => draw::fitting(paid, &separator, room),
        },
        draw::fitting(price, &separator, room),
    ]
}

fn of_go(payments: &PaymentsView, scene: &Scene<'_>, room: usize) -> Vec<Line<'static>> {
    let theme = scene.theme;
    let mut lines = vec![earned(payments, scene, room), tickets(payments, scene, room)];
    let redeemed = Line::from(vec![
        Span::styled(payments.winners_redeemed_wei.human(), theme.text),
        Span::styled(" redeemed since it started", theme.quiet),
    ]);
    lines.push(redeemed);
    if !payments.price.is_empty() {
        lines.push(Line::from(vec![
            Span::styled(text::fit(&text::clean(&payments.price), room / 2), theme.text),
            Span::styled(" wei for a pixel", theme.quiet),
        ]));
    }
    lines
}

/// `0.0412 ETH an hour ▂▃▅`.
fn earned(payments: &PaymentsView, scene: &Scene<'_>, room: usize) -> Line<'static> {
    let theme = scene.theme;
    let rate = match (scene.history.earned_now(), payments.tickets) {
        (Some(rate), _) => wei(rate).human(),
        (None, _) => "–".to_string(),
    };
    let mut line = Line::from(vec![
        Span::styled(rate, draw::bold(theme.text)),
        Span::styled(" an hour  ", theme.quiet),
    ]);
    let free = room.saturating_sub(line.width());
    let past = heights(&scene.history.earned(scene.range, free));
    line.spans
        .extend(draw::sparkline(&past, draw::largest(&past, 1.0), theme));
    line
}

/// `1 204 tickets, worth 0.2 ETH`.
fn tickets(payments: &PaymentsView, scene: &Scene<'_>, room: usize) -> Line<'static> {
    let theme = scene.theme;
    let mut pieces = vec![(
        1,
        vec![Span::styled(
            words::counted(payments.tickets, "ticket"),
            theme.text,
        )],
    )];
    pieces.push((
        0,
        vec![
            Span::styled("worth ", theme.quiet),
            Span::styled(payments.credited_wei.human(), theme.text),
        ],
    ));
    if payments.gateways > 0 {
        let gateways = format!("of {}", words::counted(payments.gateways, "gateway"));
        pieces.push((2, vec![Span::styled(gateways, theme.quiet)]));
    }
    draw::fitting(pieces, &Span::styled(", ", theme.quiet), room)
}

/// What tickets were worth, per hour, over time.
#[derive(Debug, Default)]
pub struct Earnings;

impl Panel for Earnings {
    fn render(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        let theme = scene.theme;
        let inside = draw::panel(buffer, area, vec![Span::raw("earned an hour")], theme);
        let amounts = scene.history.earned(scene.range, draw::columns_in(inside));
        let Some(top) = amounts.iter().flatten().copied().max() else {
            draw::placeholder(buffer, inside, &["nothing measured yet".to_string()], theme);
            return;
        };
        let band = Band {
            values: heights(&amounts),
            fill: "█",
            style: theme.series[0],
        };
        // The label is of the exact amount, not of the bar's height.
        let label = |height: f64| if height > 0.0 { short(top) } else { "0".to_string() };
        draw::chart(
            buffer,
            inside,
            &[band],
            (top as f64).max(1.0),
            label,
            (scene.range.shown(), theme),
        );
    }
}

/// An amount in six cells: `12 µE`, `3.4 mE`, `1.2 E`.
fn short(amount: u128) -> String {
    let (step, unit) = match amount {
        0..1_000_000_000 => return "<1 gwei".to_string(),
        1_000_000_000..1_000_000_000_000 => (1_000_000_000, "nE"),
        1_000_000_000_000..1_000_000_000_000_000 => (1_000_000_000_000, "µE"),
        1_000_000_000_000_000..1_000_000_000_000_000_000 => (1_000_000_000_000_000, "mE"),
        _ => (1_000_000_000_000_000_000, "E"),
    };
    let (whole, tenth) = (amount / step, amount % step / (step / 10));
    match whole {
        0..10 => format!("{whole}.{tenth} {unit}"),
        _ => format!("{whole} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axis_labels_fit_their_room() {
        for (amount, shown) in [
            (5, "<1 gwei"),
            (1_500_000_000, "1.5 nE"),
            (12_000_000_000_000, "12 µE"),
            (3_450_000_000_000_000, "3.4 mE"),
            (2_000_000_000_000_000_000, "2.0 E"),
        ] {
            assert_eq!(short(amount), shown);
        }
        assert_eq!(wei(7).human(), "7 wei");
    }
}
