//! What a go-livepeer node tells of itself: its account, its registration, its prices. What its API does not tell is not
//! made up.

use engine::{units::Lpt, view::go_node::GoNode};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use super::{Panel, Scene};
use crate::{draw, text, words};

/// Everything on its own tab.
#[derive(Debug, Default)]
pub struct Facts;

impl Panel for Facts {
    fn render(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        let inside = draw::panel(
            buffer,
            area,
            vec![Span::raw("what go-livepeer tells")],
            scene.theme,
        );
        let Some(go) = scene.go else { return };
        let facts = facts(&go.node, scene);
        let room = usize::from(inside.width);
        let lines: Vec<Line<'_>> = facts
            .iter()
            .flat_map(|fact| labelled(fact, scene, room))
            .collect();
        draw::lines(buffer, inside, &lines);
    }
}

/// The short form on the overview.
#[must_use]
pub fn summary(scene: &Scene<'_>, room: usize) -> Vec<Line<'static>> {
    let Some(go) = scene.go else { return Vec::new() };
    let wanted = ["role", "account", "standing", "reward", "balance", "gas"];
    facts(&go.node, scene)
        .iter()
        .filter(|fact| wanted.contains(&fact.name))
        .take(5)
        .map(|fact| {
            Line::from(vec![
                Span::styled(format!("{:<10}", fact.name), scene.theme.quiet),
                Span::styled(
                    text::fit(&text::clean(&fact.says), room.saturating_sub(10)),
                    fact.style,
                ),
            ])
        })
        .collect()
}

struct Fact {
    name: &'static str,
    says: String,
    style: Style,
}

fn labelled(fact: &Fact, scene: &Scene<'_>, room: usize) -> Vec<Line<'static>> {
    let pieces = text::wrap(&text::clean(&fact.says), room.saturating_sub(14));
    pieces
        .into_iter()
        .enumerate()
        .map(|(row, piece)| {
            let label = if row == 0 { fact.name } else { "" };
            Line::from(vec![
                Span::styled(format!("{label:<14}"), scene.theme.quiet),
                Span::styled(piece, fact.style),
            ])
        })
        .collect()
}

fn facts(node: &GoNode, scene: &Scene<'_>) -> Vec<Fact> {
    let theme = scene.theme;
    let mut facts = Vec::new();
    let mut says = |name: &'static str, says: String, style: Style| facts.push(Fact { name, says, style });
    says("role", node.role.to_string(), draw::bold(theme.text));
    says(
        "version",
        format!("{} ({}, {})", node.version, node.go_version, node.platform),
        theme.text,
    );
    match (node.chain_id, node.account) {
        (Some(0), _) => says("account", "off-chain: none".to_string(), theme.quiet),
        (chain, Some(account)) => {
            let chain = chain.map_or_else(String::new, |chain| format!(" on chain {chain}"));
            says("account", format!("{account}{chain}"), theme.text);
        }
        _ => {}
    }
    if let Some(registered) = &node.orchestrator {
        let (mark, style) = match registered.active {
            true => ("✓ active", theme.good),
            false => ("! not active", theme.warn),
        };
        says("standing", format!("{mark}, {}", registered.status), style);
        let last = registered.last_reward_round.as_ref().map(ToString::to_string);
        if let (Some(last), Some(round)) = (last, node.round) {
            let (sentence, style) = match last == round.to_string() {
                true => ("✓ called this round".to_string(), theme.good),
                false => (format!("! last called in round {last}"), theme.warn),
            };
            says("reward", sentence, style);
        }
        if let Some(stake) = registered.delegated_stake.as_ref().and_then(|stake| stake.wei()) {
            says("stake", format!("{} in all", Lpt(stake.0).human()), theme.text);
        }
        let percent = |ppm: &Option<engine::operator::Number>| {
            let ppm: u64 = ppm.as_ref()?.to_string().parse().ok()?;
            Some(format!("{}.{:02} %", ppm / 10_000, ppm % 10_000 / 100))
        };
        if let (Some(kept), Some(shared)) = (percent(&registered.reward_cut), percent(&registered.fee_share))
        {
            says(
                "commission",
                format!("keeps {kept} of rewards, delegators get {shared} of fees"),
                theme.text,
            );
        }
        says("service", registered.service_uri.clone(), theme.text);
    }
    if let Some(balance) = node.balance_wei {
        let lpt = node
            .balance_lpt_base_units
            .as_ref()
            .and_then(|units| units.wei())
            .map_or_else(String::new, |units| format!(" and {}", Lpt(units.0).human()));
        says("balance", format!("{}{lpt}", balance.human()), theme.text);
    }
    if let Some(round) = node.round {
        let block = node
            .block
            .map_or_else(String::new, |block| format!(", block {}", words::count(block)));
        says("round", format!("{round}{block}"), theme.text);
    }
    let gas: Vec<String> = [
        node.min_gas_price_wei
            .map(|least| format!("at least {}", least.human_gwei())),
        node.max_gas_price_wei
            .map(|most| format!("at most {}", most.human_gwei())),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !gas.is_empty() {
        says("gas", gas.join(", "), theme.text);
    }
    let prices: Vec<String> = node
        .prices_wei_per_pixel
        .iter()
        .take(12)
        .map(|(who, price)| format!("{who}: {price} wei a pixel"))
        .collect();
    if !prices.is_empty() {
        says("prices", prices.join(", "), theme.text);
    }
    if let Some(sender) = &node.sender {
        let deposit = sender.deposit.wei().map(|wei| wei.human());
        let reserve = sender.reserve.funds_remaining.wei().map(|wei| wei.human());
        if let (Some(deposit), Some(reserve)) = (deposit, reserve) {
            says("deposit", format!("{deposit}, reserve {reserve}"), theme.text);
        }
    }
    if let Some(broadcast) = &node.broadcast {
        let most = broadcast.max_price.as_ref().map_or_else(
            || "any price".to_string(),
            |price| format!("at most {price} wei a pixel"),
        );
        says("pays", most, theme.text);
        says("renditions", broadcast.transcoding_options.clone(), theme.text);
    }
    if !node.streams.is_empty() {
        let streams: Vec<String> = node
            .streams
            .iter()
            .take(12)
            .map(|(name, bytes)| format!("{name} ({} in)", words::bytes(bytes.source_bytes)))
            .collect();
        says("streams", streams.join(", "), theme.text);
    }
    if !node.orchestrators.is_empty() {
        let known = node.orchestrators.iter().take(8).map(|known| known.url.clone());
        says("orchestrators", known.collect::<Vec<_>>().join(", "), theme.text);
    }
    if let Some(level) = node.log_level {
        says("logs", format!("level {level} of 0 to 6"), theme.quiet);
    }
    facts
}
