//! `lpctl status`: one screen about an account, the round, and the node beside it.

use std::{fmt::Write as _, time::Duration};

use alloy::primitives::U256;
use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use engine::{
    units::{Lpt, Wei},
    view::{
        chain::{OrchestratorFacts, StakeStatus, StatusFacts},
        node::{Device, NodeStatus},
    },
};
use serde::Serialize;

use crate::{
    account::select,
    complete,
    connection::connect,
    context::Context,
    dashboard::feed::node_api,
    failure::Failure,
    shell::{Report, Style, escape},
    wording,
};

/// Show how things stand, on one screen
///
/// The account's stake, commission, reward and fees, the round, gas, and the node if one answers at --node. The last line
/// says what to do next. No key is needed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl status
  lpctl status orchestrator --json | jq .data.round.blocks_left")]
pub struct StatusArgs {
    /// Account: a name or an address; without it the one in use
    #[arg(value_name = "NAME|0x…", add = ArgValueCompleter::new(complete::accounts))]
    pub which: Option<String>,
}

/// The screen.
#[derive(Serialize)]
struct Screen {
    #[serde(flatten)]
    facts: StatusFacts,
    node: Option<NodeStatus>,
}

/// How long a node beside us may take to answer: it is on this machine, or it is not asked for.
const NODE_PATIENCE: Duration = Duration::from_millis(700);

/// Shows it.
///
/// # Errors
/// A config failure for an unknown account, unreachable when the chain does not answer.
pub async fn run(args: StatusArgs, context: &mut Context) -> eyre::Result<()> {
    let address = select::address(args.which.as_deref(), context)?;
    let node = node_api(&context.settings().node_url, context.settings());
    let node = tokio::spawn(tokio::time::timeout(NODE_PATIENCE, async move {
        node.ok()?.status().await.ok()
    }));
    let chain = connect(context).await?;
    let facts = chain.status(address).await.map_err(Failure::from)?;
    let node = node.await.ok().and_then(Result::ok).flatten();
    // Most machines run no node, so silence is right, unless one was asked for by name.
    if let (None, Some(named)) = (&node, &context.settings().from_command_line.node_url) {
        let named = crate::shell::escape(named);
        context
            .shell
            .warn(format_args!("no node of lpctl answers at {named}"));
    }
    Ok(context.shell.report(&Screen { facts, node })?)
}

impl Report for Screen {
    fn text(&self, style: &Style) -> String {
        let facts = &self.facts;
        let mut text = format!("{}\n", headline(facts, style));
        let mut line = |label: &str, value: &str| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{label:<12} {value}");
        };
        if facts.paused {
            line("protocol", &format!("{} paused by governance", style.bad_mark()));
        }
        line(
            &format!("round {}", facts.round.round),
            &wording::round_line(&facts.round, style),
        );
        let own = own_orchestrator(facts);
        if let Some(own) = own {
            line("reward", &wording::reward_line(own, style));
        }
        line("stake", &stake_line(facts));
        if let Some(own) = own.filter(|own| own.registered) {
            line(
                "commission",
                &wording::commission(own.reward_cut_percent, own.fee_share_percent),
            );
        } else if let Some(delegate) = &facts.orchestrator {
            line(
                "with",
                &format!(
                    "{}: {}",
                    wording::short(delegate.address),
                    wording::their_commission(delegate)
                ),
            );
        }
        line("fees", &format!("{} to withdraw", facts.stake.fees_wei.human()));
        line("wallet", &facts.wallet_lpt.human());
        line("gas", &gas_line(facts));
        if let Some(node) = &self.node {
            line("node", &node_line(node));
            for (position, device) in node.devices.iter().enumerate() {
                line(if position == 0 { "gpu" } else { "" }, &device_line(device));
            }
        }
        text.push('\n');
        text.push_str(&format!("{:<12} {}", "next", next(facts)));
        text
    }
}

/// The orchestrator the account itself is, if it is one.
pub(crate) fn own_orchestrator(facts: &StatusFacts) -> Option<&OrchestratorFacts> {
    facts
        .orchestrator
        .as_ref()
        .filter(|orchestrator| orchestrator.address == facts.account)
}

/// Who it is, and how it stands.
pub(crate) fn headline(facts: &StatusFacts, style: &Style) -> String {
    let (role, standing) = match own_orchestrator(facts) {
        Some(own) if own.registered => ("orchestrator", wording::standing(own, facts.pool.max_size)),
        _ if facts.stake.status == StakeStatus::Unbonded => ("account", "nothing bonded".to_string()),
        _ if facts.stake.status == StakeStatus::Pending => (
            "delegator",
            format!("counts from round {}", facts.stake.start_round),
        ),
        _ => ("delegator", "bonded".to_string()),
    };
    format!(
        "{role} {} · {standing} · {}",
        style.bold(&wording::short(facts.account)),
        escape(&facts.at.network)
    )
}

/// What is staked, and what that is worth in the pool.
pub(crate) fn stake_line(facts: &StatusFacts) -> String {
    let own = facts.stake.stake_lpt;
    let Some(orchestrator) = own_orchestrator(facts).filter(|own| own.registered) else {
        return own.human();
    };
    let delegated = orchestrator.total_stake_lpt.saturating_sub(own);
    let margin = match (facts.pool.full, orchestrator.rank) {
        (true, Some(_)) => {
            let above = orchestrator
                .total_stake_lpt
                .saturating_sub(facts.pool.cut_off_lpt);
            format!(" · {} above the cut-off", above.human())
        }
        (true, None) => {
            let below = facts
                .pool
                .cut_off_lpt
                .saturating_sub(orchestrator.total_stake_lpt);
            format!(" · {} below the cut-off", below.human())
        }
        (false, _) => format!(" · {} of {} places taken", facts.pool.size, facts.pool.max_size),
    };
    format!("{} yours + {} delegated{margin}", own.human(), delegated.human())
}

/// What calling reward takes, roughly: the measure for how long the gas lasts.
const REWARD_GAS: u64 = 400_000;

/// What there is for gas.
pub(crate) fn gas_line(facts: &StatusFacts) -> String {
    let price = facts.gas_price_wei;
    let call = price.0.saturating_mul(U256::from(REWARD_GAS));
    let calls = facts
        .eth_wei
        .0
        .checked_div(call)
        .map(|calls| u64::try_from(calls).unwrap_or(u64::MAX));
    let enough = match calls {
        None => String::new(),
        Some(calls) if calls > 10_000 => ", more than 10 000 calls".to_string(),
        Some(calls) => format!(
            ", about {}",
            wording::counted(usize::try_from(calls).unwrap_or(usize::MAX), "call")
        ),
    };
    format!("{}{enough} at {}", facts.eth_wei.human(), price.human_gwei())
}

fn node_line(node: &NodeStatus) -> String {
    let draining = if node.draining { " · draining" } else { "" };
    format!(
        "{} · {} of {} sessions · {} done, {} failed{draining}",
        escape(&node.service_uri),
        node.sessions.len(),
        node.max_sessions,
        wording::counted(
            usize::try_from(node.work.segments_done).unwrap_or(usize::MAX),
            "segment"
        ),
        node.work.segments_failed
    )
}

fn device_line(device: &Device) -> String {
    let mut parts = vec![format!("{} {}", escape(&device.id), escape(&device.name))];
    let percent = |what: &str, value: Option<u32>| value.map(|value| format!("{what} {value} %"));
    parts.extend(percent("load", device.load_percent));
    parts.extend(percent("encoder", device.encoder_percent));
    parts.extend(percent("decoder", device.decoder_percent));
    if let (Some(used), Some(total)) = (device.memory_used, device.memory_total) {
        // Tenths of a gigabyte, without floats.
        let tenths = |bytes: u64| format!("{}.{}", bytes / 1_000_000_000, bytes / 100_000_000 % 10);
        parts.push(format!("memory {} of {} GB", tenths(used), tenths(total)));
    }
    parts.extend(device.temperature_celsius.map(|degrees| format!("{degrees} °C")));
    parts.join("  ")
}

/// The one thing to do now, or nothing.
pub(crate) fn next(facts: &StatusFacts) -> String {
    let own = own_orchestrator(facts);
    let due = own.is_some_and(|own| own.active && !own.reward_called);
    let next = if facts.paused {
        "wait until the protocol is unpaused"
    } else if facts.eth_wei == Wei::ZERO {
        "send ETH for gas to the account"
    } else if !facts.round.initialized {
        "`lpctl round init`, or wait until somebody does"
    } else if due {
        "`lpctl reward call`"
    } else if facts.stake.stake_lpt == Lpt::ZERO && facts.wallet_lpt > Lpt::ZERO {
        "`lpctl stake bond AMOUNT`"
    } else if own.is_some_and(|own| own.registered && own.service_uri.is_none()) {
        "`lpctl orch set-uri URI`: gateways are told no address yet"
    } else if own.is_some_and(|own| own.registered && own.rank.is_none()) {
        "`lpctl stake bond AMOUNT`: your stake has no place in the pool"
    } else {
        "nothing to do"
    };
    next.to_string()
}
