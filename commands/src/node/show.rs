//! `lpctl node show`.

use std::fmt::Write as _;

use clap::Args;
use engine::{
    operator::{Found, Number},
    units::Lpt,
    view::{
        go_node::{GoNode, GoOrchestrator, GoSender},
        ingest::GatewayStatus,
        node::{NodeMode, NodeStatus, RemoteView},
        payments::PaymentsView,
        reach::{Probe, ProbeRole, ProbeState},
    },
};
use jiff::Timestamp;
use serde::Serialize;

use super::{
    ago,
    fleet::{Answer, Teller, Verb},
    target::{Node, gateway_line},
};
use crate::{
    failure::Failure,
    shell::{Report, Style, escape},
    wording::counted,
};

/// Show what a node is and how it stands
///
/// With --json `kind` is lpctl, lpctl_gateway or go_livepeer; the other fields are those of that kind.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl node show
  lpctl --node http://127.0.0.1:6935 node show      a transcoder on this machine
  lpctl node show --json | jq .data.draining")]
pub struct ShowArgs {}

/// A node's status; which fields there are depends on the kind.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Shown {
    Lpctl(Box<NodeStatus>),
    LpctlGateway(Box<GatewayStatus>),
    GoLivepeer(Box<GoNode>),
}

impl Report for Shown {
    fn text(&self, style: &Style) -> String {
        match self {
            Self::Lpctl(node) => own_text(node, style),
            Self::LpctlGateway(gateway) => gateway_text(gateway, style),
            Self::GoLivepeer(node) => go_text(node, style),
        }
    }
}

impl Answer for Shown {
    const COLUMNS: &'static [&'static str] = &["kind", "version", "sessions", "price", "state"];

    fn cells(&self, style: &Style) -> Vec<String> {
        match self {
            Self::Lpctl(node) => {
                let urgent = node.notices.iter().any(|notice| notice.urgent);
                let state = match (node.draining, urgent, node.notices.len()) {
                    (true, ..) => "draining".to_string(),
                    (false, true, count) => format!("{} {}", style.bad_mark(), counted(count, "notice")),
                    (false, false, 0) => "fine".to_string(),
                    (false, false, count) => format!("{} {}", style.warn_mark(), counted(count, "notice")),
                };
                vec![
                    format!("lpctl {}", node.mode),
                    escape(&node.version),
                    format!("{} of {}", node.sessions.len(), node.max_sessions),
                    node.payments
                        .as_ref()
                        .map_or("-".to_string(), |payments| escape(&payments.price)),
                    state,
                ]
            }
            Self::LpctlGateway(gateway) => vec![
                "lpctl gateway".to_string(),
                escape(&gateway.version),
                gateway_line(gateway),
                "-".to_string(),
                "answers".to_string(),
            ],
            Self::GoLivepeer(node) => vec![
                format!("go-livepeer {}", node.role),
                escape(&node.version),
                match node.orchestrator {
                    Some(_) => "-".to_string(),
                    None => node.streams.len().to_string(),
                },
                node.prices_wei_per_pixel
                    .get("default")
                    .map_or("-".to_string(), |price| format!("{price} wei")),
                match &node.orchestrator {
                    Some(orchestrator) if orchestrator.active => "active".to_string(),
                    Some(_) => "not active".to_string(),
                    None => "answers".to_string(),
                },
            ],
        }
    }
}

impl Verb for ShowArgs {
    type Answer = Shown;

    async fn ask(&self, node: &Node, _: &Teller) -> Result<Shown, Failure> {
        Ok(match &node.found {
            Found::Own(status) => Shown::Lpctl(status.clone()),
            Found::OwnGateway(status) => Shown::LpctlGateway(status.clone()),
            Found::Go(go) => {
                let view = go.view().await.map_err(|error| node.failed(&error))?;
                Shown::GoLivepeer(Box::new(view))
            }
        })
    }
}

fn own_text(node: &NodeStatus, style: &Style) -> String {
    let many = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    let mut text = String::new();
    let mut line = |label: &str, value: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{label:<13} {value}");
    };
    line(
        "node",
        &format!(
            "{} · lpctl {} · up {}{}",
            style.bold(&node.mode.to_string()),
            escape(&node.version),
            ago(node.time, node.started),
            if node.draining { " · draining" } else { "" }
        ),
    );
    match (&node.remote, node.mode) {
        (Some(remote), _) => line("orchestrator", &orchestrator(node, remote, style)),
        (None, _) => line(
            "gateways at",
            &format!("{} · {}", escape(&node.service_uri), escape(&node.network)),
        ),
    }
    if let Some(region) = &node.reach.region {
        line("region", &escape(region));
    }
    for probe in &node.reach.probes {
        let label = match probe.role {
            ProbeRole::Own => "own address",
            ProbeRole::Node => "also told",
            ProbeRole::Peer => "peer",
        };
        line(label, &probed(probe, style));
    }
    let sessions = format!("{} of {}", node.sessions.len(), node.max_sessions);
    line("sessions", &sessions);
    if node.mode == NodeMode::Orchestrator {
        line("transcoders", &transcoders(node));
    }
    line(
        "work",
        &format!(
            "{} done, {} failed",
            counted(many(node.work.segments_done), "segment"),
            node.work.segments_failed
        ),
    );
    if let Some(payments) = &node.payments {
        for (label, value) in money(payments) {
            line(label, &value);
        }
    }
    if let Some(remote) = node.remote.as_ref().filter(|remote| remote.results_lost > 0) {
        line("not handed in", &counted(many(remote.results_lost), "result"));
    }
    for device in &node.devices {
        line(
            "device",
            &format!("{} {}", escape(&device.id), escape(&device.name)),
        );
    }
    for notice in &node.notices {
        let mark = match notice.urgent {
            true => style.bad_mark(),
            false => style.warn_mark(),
        };
        line("notice", &format!("{mark} {}", escape(&notice.message)));
    }
    text.truncate(text.trim_end().len());
    text
}

fn gateway_text(gateway: &GatewayStatus, style: &Style) -> String {
    let up = ago(Timestamp::now(), gateway.started);
    let rtmp = gateway
        .rtmp_addr
        .map(|address| format!(" and rtmp://{address}"))
        .unwrap_or_default();
    format!(
        "{:<13} {} · lpctl {} · up {up}\n{:<13} http://{}{rtmp}\n{:<13} {}\n{:<13} {} done, {} failed",
        "node",
        style.bold("gateway"),
        escape(&gateway.version),
        "streams at",
        gateway.http_addr,
        "streams",
        gateway_line(gateway),
        "work",
        counted(
            usize::try_from(gateway.totals.segments_done).unwrap_or(usize::MAX),
            "segment"
        ),
        gateway.totals.segments_failed
    )
}

/// What a go-livepeer node tells; what it does not have has no line.
fn go_text(node: &GoNode, style: &Style) -> String {
    let mut lines = vec![(
        "node",
        format!(
            "{} · go-livepeer {} · {} · {}",
            style.bold(&node.role.to_string()),
            escape(&node.version),
            escape(&node.go_version),
            escape(&node.platform)
        ),
    )];
    match (node.chain_id, node.block) {
        (Some(0), _) => lines.push(("chain", "none: off-chain".to_string())),
        (Some(id), block) => {
            let block = block.map(|block| format!(" · block {block}")).unwrap_or_default();
            let round = node
                .round
                .map(|round| format!(" · round {round}"))
                .unwrap_or_default();
            lines.push(("chain", format!("{id}{block}{round}")));
        }
        (None, _) => lines.push(("chain", format!("{} cannot be asked", style.bad_mark()))),
    }
    if let Some(account) = node.account {
        let eth = node
            .balance_wei
            .map(|wei| format!(" · {}", wei.human()))
            .unwrap_or_default();
        let lpt = node
            .balance_lpt_base_units
            .as_ref()
            .map(|lpt| format!(" · {}", tokens(lpt)));
        lines.push(("account", format!("{account}{eth}{}", lpt.unwrap_or_default())));
    }
    if let Some(least) = node.min_gas_price_wei {
        let most = node.max_gas_price_wei.map_or("no limit".to_string(), |most| {
            format!("at most {}", most.human_gwei())
        });
        lines.push(("gas", format!("{most}, at least {}", least.human_gwei())));
    }
    if let Some(orchestrator) = &node.orchestrator {
        lines.extend(registered(orchestrator));
    }
    for (whose, price) in &node.prices_wei_per_pixel {
        let whose = match whose.as_str() {
            "default" => "all without one of their own".to_string(),
            gateway => escape(gateway),
        };
        lines.push(("price", format!("{price} wei a pixel · {whose}")));
    }
    match node.transcodes_itself {
        Some(true) => lines.push(("transcoders", "none: it transcodes itself".to_string())),
        Some(false) => {
            let capacity: u64 = node.transcoders.iter().map(|one| u64::from(one.capacity)).sum();
            let many = counted(node.transcoders.len(), "transcoder");
            lines.push(("transcoders", format!("{many} · {capacity} sessions at most")));
        }
        None => {
            lines.push(("streams", node.streams.len().to_string()));
            lines.push(("sends to", counted(node.orchestrators.len(), "orchestrator")));
        }
    }
    if let Some(broadcast) = &node.broadcast {
        let price = match &broadcast.max_price {
            Some(price) => format!("at most {price} wei a pixel"),
            None => "at any price".to_string(),
        };
        let options = escape(&broadcast.transcoding_options);
        lines.push(("asks for", format!("{options} · {price}")));
    }
    if let Some(sender) = &node.sender {
        lines.push(("deposit", funds(sender)));
    }
    if let Some(level) = node.log_level {
        lines.push(("log level", level.to_string()));
    }
    let lines: Vec<String> = lines
        .iter()
        .map(|(label, value)| format!("{label:<13} {value}"))
        .collect();
    lines.join("\n")
}

/// LPT, or the number as it came.
fn tokens(base_units: &Number) -> String {
    base_units
        .wei()
        .map_or_else(|| base_units.to_string(), |amount| Lpt(amount.0).human())
}

fn ether(amount: &Number) -> String {
    amount.wei().map_or_else(|| amount.to_string(), |wei| wei.human())
}

fn registered(orchestrator: &GoOrchestrator) -> Vec<(&'static str, String)> {
    let active = if orchestrator.active {
        "active"
    } else {
        "not active"
    };
    let stake = orchestrator
        .delegated_stake
        .as_ref()
        .map(|stake| format!(" · {} behind it", tokens(stake)))
        .unwrap_or_default();
    let reward = orchestrator
        .last_reward_round
        .as_ref()
        .map(|round| format!(" · last reward in round {round}"))
        .unwrap_or_default();
    vec![
        (
            "orchestrator",
            format!("{} · {active}{stake}{reward}", escape(&orchestrator.status)),
        ),
        ("gateways at", escape(&orchestrator.service_uri)),
    ]
}

fn funds(sender: &GoSender) -> String {
    let withdraw = match sender.withdraw_round.to_string().as_str() {
        "0" => String::new(),
        round => format!(" · can be withdrawn from round {round}"),
    };
    format!(
        "{}, reserve {}{withdraw}",
        ether(&sender.deposit),
        ether(&sender.reserve.funds_remaining)
    )
}

/// What it asks for and what it got.
fn money(payments: &PaymentsView) -> Vec<(&'static str, String)> {
    let wei = match &payments.price_wei_per_pixel {
        Some(wei) => format!("{} wei a pixel", escape(wei)),
        None => "not to be told now: the price feed is stale".to_string(),
    };
    let own = match payments.gateway_prices.len() {
        0 => String::new(),
        count => format!(" · {} with a price of its own", counted(count, "gateway")),
    };
    let many = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    let mut lines = vec![
        ("price", format!("{} · {wei}{own}", escape(&payments.price))),
        (
            "earned",
            format!(
                "{} for work, {} in {} from {}",
                payments.charged_wei.human(),
                payments.credited_wei.human(),
                counted(many(payments.tickets), "ticket"),
                counted(many(payments.gateways), "gateway")
            ),
        ),
    ];
    if let Some(most) = payments.max_face_value_wei {
        lines.push(("tickets", format!("pay at most {}", most.human())));
    }
    if payments.max_gas_price_wei.is_some() || payments.min_gas_price_wei.0 > alloy::primitives::U256::ZERO {
        let most = payments.max_gas_price_wei.map_or("no limit".to_string(), |most| {
            format!("at most {}", most.human_gwei())
        });
        lines.push((
            "gas",
            format!("{most}, at least {}", payments.min_gas_price_wei.human_gwei()),
        ));
    }
    let winners = payments.winners_pending + payments.winners_redeemed + payments.winners_lost;
    if winners > 0 {
        let lost = match payments.winners_lost {
            0 => String::new(),
            lost => format!(", {lost} lost ({})", payments.winners_lost_wei.human()),
        };
        lines.push((
            "winners",
            format!(
                "{} to be redeemed ({}), {} redeemed for {}{lost}",
                payments.winners_pending,
                payments.winners_pending_wei.human(),
                payments.winners_redeemed,
                payments.winners_redeemed_wei.human()
            ),
        ));
    }
    lines
}

fn orchestrator(node: &NodeStatus, remote: &RemoteView, style: &Style) -> String {
    let place = escape(&remote.orchestrator);
    match remote.registered_since {
        Some(since) => format!(
            "{place} · {} registered for {}, {}",
            style.good_mark(),
            ago(node.time, since),
            counted(
                usize::try_from(remote.registrations).unwrap_or(usize::MAX),
                "registration"
            )
        ),
        None if node.draining => format!("{place} · left"),
        None => format!("{place} · {} not registered", style.bad_mark()),
    }
}

/// An address and what came of asking it; times in tenths of a millisecond.
fn probed(probe: &Probe, style: &Style) -> String {
    let uri = escape(&probe.uri);
    let time = |micros: Option<u64>| {
        let tenths = micros.unwrap_or(0).div_ceil(100);
        format!("{}.{} ms", tenths / 10, tenths % 10)
    };
    match probe.state {
        ProbeState::Waiting => format!("{uri} · not asked yet"),
        ProbeState::Reachable => format!(
            "{} {uri} · round trip {}, connected in {}",
            style.good_mark(),
            time(probe.round_trip_us),
            time(probe.connect_us)
        ),
        ProbeState::Stranger => format!("{} {uri} · somebody else answers", style.bad_mark()),
        ProbeState::Unreachable => format!(
            "{} {uri} · {}",
            style.bad_mark(),
            escape(probe.error.as_deref().unwrap_or("no answer"))
        ),
    }
}

fn transcoders(node: &NodeStatus) -> String {
    let sum = |of: fn(&engine::view::node::RemoteTranscoder) -> u32| -> u64 {
        node.transcoders
            .iter()
            .map(|transcoder| u64::from(of(transcoder)))
            .sum()
    };
    format!(
        "{} · {} of {} sessions",
        node.transcoders.len(),
        sum(|transcoder| transcoder.load),
        sum(|transcoder| transcoder.capacity)
    )
}
