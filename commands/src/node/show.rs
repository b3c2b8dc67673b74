//! `lpctl node show`.

use std::fmt::Write as _;

use clap::Args;
use engine::view::{
    node::{NodeMode, NodeStatus, RemoteView},
    payments::PaymentsView,
    reach::{Probe, ProbeRole, ProbeState},
};
use serde::Serialize;

use super::{ago, status};
use crate::{
    context::Context,
    dashboard::feed::NodeApi,
    shell::{Report, Style, escape},
    wording::counted,
};

/// Show what a node is and how it stands
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl node show
  lpctl --node http://127.0.0.1:6935 node show      a transcoder on this machine
  lpctl node show --json | jq .data.draining")]
pub struct ShowArgs {}

/// A node's status.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Shown(pub NodeStatus);

impl Report for Shown {
    fn text(&self, style: &Style) -> String {
        let node = &self.0;
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

/// Shows it.
///
/// # Errors
/// Unreachable when no node answers.
pub async fn run(ShowArgs {}: ShowArgs, node: &NodeApi, context: &mut Context) -> eyre::Result<()> {
    let shown = Shown(status(node).await?);
    Ok(context.shell.report(&shown)?)
}
