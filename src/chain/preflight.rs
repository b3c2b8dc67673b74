//! The preflight rows: each a question to one snapshot, answered by a finding or by nothing. All are asked, always.
//!
//! Chain id and contracts are also checked on connecting, and that the signer is the account when a plan is submitted.

mod deposit;
mod fees;
mod gov;
mod orchestrator;
mod redeem;
mod reward;
mod reward_for;
mod settling;
mod stake;
mod token;

use std::{net::IpAddr, time::Duration};

use alloy::primitives::{Address, U256};
use url::{Host, Url};

use super::{
    Revert,
    facts::Snapshot,
    network::is_public,
    plan::{Intent, PlanOptions, short, switches},
    text::plain,
};
use crate::{
    units::{Lpt, Percent, Wei},
    view::transaction::{Finding, Severity},
};

/// Whether a service address answers from here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Nobody tried: not asked for, or a development chain.
    NotTried,
    /// Something accepts connections there.
    Answers,
    /// The name has no address.
    NoAddress,
    /// Nothing accepts connections, as seen from this machine.
    Silent,
}

fn finding(code: &'static str, severity: Severity, message: String, fix: impl Into<String>) -> Finding {
    Finding {
        code,
        severity,
        message,
        fix: fix.into(),
        waived_by: None,
    }
}

fn refusal(code: &'static str, message: String, fix: impl Into<String>) -> Option<Finding> {
    Some(finding(code, Severity::Refusal, message, fix))
}

fn warning(code: &'static str, message: String, fix: impl Into<String>) -> Option<Finding> {
    Some(finding(code, Severity::Warning, message, fix))
}

/// A refusal the operator can turn into a warning with a flag.
fn waivable(
    code: &'static str,
    message: String,
    fix: impl Into<String>,
    flag: &'static str,
    waived: bool,
) -> Option<Finding> {
    let severity = if waived {
        Severity::Warning
    } else {
        Severity::Refusal
    };
    Some(Finding {
        waived_by: (!waived).then_some(flag),
        ..finding(code, severity, message, fix)
    })
}

/// Every row but those about cost, which is known later. `bonding_manager` is the one transactions would go to.
pub(crate) fn rows(
    intent: &Intent,
    snapshot: &Snapshot,
    bonding_manager: Address,
    options: &PlanOptions,
    reach: &Reach,
) -> Vec<Finding> {
    let public = is_public(snapshot.at.chain_id);
    // Not the registries, LPT, polls or the treasury.
    let can_be_paused = !matches!(
        intent,
        Intent::SetServiceUri { .. } | Intent::Publish(_) | Intent::Token(_) | Intent::Governance(_)
    );
    let mut findings = vec![
        can_be_paused.then(|| paused(snapshot)).flatten(),
        moved(snapshot, bonding_manager),
        waiting(snapshot, options),
    ];
    let needs_round = match intent {
        Intent::InitializeRound
        | Intent::SetServiceUri { .. }
        | Intent::Publish(_)
        | Intent::Token(_)
        | Intent::Deposit(_)
        | Intent::Governance(_) => false,
        Intent::Activate(_) | Intent::Update(_) => intent.sends_commission(snapshot),
        Intent::Bond { .. }
        | Intent::Commission { .. }
        | Intent::Reward
        | Intent::RewardFor(_)
        | Intent::WithdrawFees(_)
        | Intent::Stake(_)
        | Intent::Redeem(_) => true,
    };
    if needs_round {
        findings.push(round_not_initialized(snapshot));
    }
    if let Some((amount, to)) = intent.bonds(snapshot) {
        findings.extend([
            nothing_to_bond(snapshot, amount, to),
            short_of_lpt(snapshot, amount),
            needs_approval(snapshot, amount),
            registered_elsewhere(snapshot, to),
            moves_all(snapshot, to),
        ]);
        findings.extend(settling::rows(snapshot, options, "bonding"));
        if to == snapshot.account {
            findings.push(outside_or_near_the_end(snapshot, amount));
        } else {
            findings.extend(bad_delegate(snapshot, to).into_iter().map(Some));
        }
    }
    if let Some((reward_cut, fee_share)) = intent.commission().filter(|_| intent.sends_commission(snapshot)) {
        let activates = matches!(intent, Intent::Activate(_));
        findings.extend([
            locked(snapshot),
            reward_first(snapshot),
            (!activates).then(|| not_registered(snapshot)).flatten(),
            looks_like_fee_cut(fee_share),
            big_change(snapshot, reward_cut, fee_share),
        ]);
    }
    if let Intent::Activate(_) = intent {
        findings.push(nothing_bonded(intent, snapshot));
    }
    if let Some(uri) = intent.service_uri() {
        findings.extend([bad_uri(uri, public, options), unreachable(uri, reach)]);
        match intent {
            Intent::SetServiceUri { .. } => findings.extend([
                unchanged_uri(snapshot, uri),
                orchestrator::other_registry(snapshot, uri, "pass `--registry both` to publish in both"),
            ]),
            Intent::Update(_) => findings.push(orchestrator::other_registry(
                snapshot,
                uri,
                "`lpctl orch set-uri --registry ai` publishes there",
            )),
            _ => {}
        }
    }
    match intent {
        Intent::Reward => findings.extend([
            not_active(snapshot),
            reward_called(snapshot),
            nothing_to_mint(snapshot),
        ]),
        Intent::RewardFor(reward) => findings.extend(reward_for::rows(*reward, snapshot)),
        Intent::InitializeRound => findings.push(already_initialized(snapshot)),
        Intent::Redeem(redemption) => {
            findings.extend(redeem::rows(redemption, snapshot).into_iter().map(Some));
        }
        Intent::Deposit(change) => findings.extend(deposit::rows(*change, snapshot)),
        Intent::Stake(change) => findings.extend(stake::rows(*change, snapshot, options)),
        Intent::Token(change) => findings.extend(token::rows(*change, snapshot)),
        Intent::Publish(publication) => {
            findings.extend([
                bad_uri(&publication.uri, public, options),
                unreachable(&publication.uri, reach),
            ]);
            findings.extend(orchestrator::rows(publication, snapshot));
        }
        Intent::WithdrawFees(withdrawal) => {
            findings.extend(settling::rows(snapshot, options, "withdrawing"));
            findings.extend(fees::rows(*withdrawal, snapshot));
        }
        Intent::Governance(act) => findings.extend(gov::rows(act, snapshot)),
        _ => {}
    }
    findings.into_iter().flatten().collect()
}

/// What a plan's transactions cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    /// At the price of gas now.
    pub(crate) now: Wei,
    /// With the most that may be offered for gas.
    pub(crate) most: Wei,
    /// What is sent along.
    pub(crate) value: Wei,
}

/// The rows about ETH: price of gas, balance, and what it is spent for.
pub(crate) fn cost_rows(
    intent: &Intent,
    snapshot: &Snapshot,
    cost: Cost,
    options: &PlanOptions,
) -> Vec<Finding> {
    let lpt_per_eth = options.lpt_per_eth.filter(|_| matches!(intent, Intent::Reward));
    [
        gas_price(snapshot, options),
        short_of_eth(snapshot, cost.most, cost.value),
        lpt_per_eth.and_then(|price| reward::costs_more(snapshot, cost.now, price)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// LPT sent to a contract that does not give it back.
fn lost_in_a_contract(snapshot: &Snapshot, to: Address) -> Option<Finding> {
    snapshot.particulars.to_protocol.then_some(())?;
    refusal(
        "bad_recipient",
        format!("{to} is a contract of the protocol: what is just sent there is lost"),
        "give the address of an account; `lpctl stake bond` is what bonds LPT",
    )
}

/// A simulation that failed though no row knew why.
pub(crate) fn would_revert(step: &str, reason: &Revert) -> Finding {
    let known = reason.explain();
    finding(
        known.map_or("would_revert", |known| known.code),
        Severity::Refusal,
        format!("`{step}` would revert: {reason}"),
        known.map_or("`lpctl status` shows the account's state", |known| known.fix),
    )
}

/// The protocol is paused.
fn paused(snapshot: &Snapshot) -> Option<Finding> {
    snapshot.paused.then_some(())?;
    refusal(
        "protocol_paused",
        "the protocol is paused by governance".to_string(),
        "wait until it is unpaused",
    )
}

/// The contract transactions would go to is no longer the one the Controller names.
fn moved(snapshot: &Snapshot, known: Address) -> Option<Finding> {
    (snapshot.bonding_manager != known).then_some(())?;
    refusal(
        "contract_moved",
        format!(
            "the BondingManager moved from {known} to {}",
            snapshot.bonding_manager
        ),
        "run the command again: it looks the contracts up anew",
    )
}

/// ETH for the gas and for what is sent along.
fn short_of_eth(snapshot: &Snapshot, max_cost: Wei, value: Wei) -> Option<Finding> {
    let needed = max_cost.saturating_add(value);
    (snapshot.eth < needed).then_some(())?;
    let purpose = if value == Wei::ZERO {
        "for gas".to_string()
    } else {
        format!("for {} and gas", value.human())
    };
    refusal(
        "insufficient_eth",
        format!(
            "{} short {purpose} on {}: {} in the wallet, up to {} needed",
            needed.saturating_sub(snapshot.eth).human(),
            snapshot.at.network,
            snapshot.eth.human(),
            needed.human()
        ),
        format!("send ETH on {} to {}", snapshot.at.network, snapshot.account),
    )
}

/// The gas price against the operator's limit.
fn gas_price(snapshot: &Snapshot, options: &PlanOptions) -> Option<Finding> {
    let limit = options.max_gas_price?;
    let price = snapshot.now.fees.price;
    (price > limit).then_some(())?;
    refusal(
        "gas_price_above_limit",
        format!(
            "the gas price is {}, your limit is {}",
            price.human_gwei(),
            limit.human_gwei()
        ),
        "wait, or raise `--max-gas-price`",
    )
}

/// An earlier transaction of the account is not mined yet.
fn waiting(snapshot: &Snapshot, options: &PlanOptions) -> Option<Finding> {
    let waiting = snapshot.pending_nonce.saturating_sub(snapshot.nonce);
    (waiting > 0).then_some(())?;
    let (noun, verb) = if waiting == 1 {
        ("transaction", "is")
    } else {
        ("transactions", "are")
    };
    waivable(
        "unconfirmed_transaction",
        format!(
            "{waiting} earlier {noun} of {} {verb} not mined yet (nonce {})",
            short(snapshot.account),
            snapshot.nonce
        ),
        "wait for it: sending the same again would do it twice; to send behind it pass `--queue`",
        "--queue",
        options.queue,
    )
}

/// How long it is until a round begins that is so many rounds ahead: ` (about 5 h)`; nothing on a chain without rhythm.
fn rounds_ahead(snapshot: &Snapshot, rounds: u64) -> String {
    let round = &snapshot.round;
    let Some(each) = super::network::seconds_per_block(snapshot.at.chain_id) else {
        return String::new();
    };
    let blocks = round
        .length
        .saturating_mul(rounds.saturating_sub(1))
        .saturating_add(round.blocks_left);
    let minutes = blocks.saturating_mul(each).div_ceil(60);
    if minutes < 120 {
        format!(" (about {minutes} min)")
    } else {
        format!(" (about {} h)", minutes.div_ceil(60))
    }
}

/// Nobody has opened the round.
fn round_not_initialized(snapshot: &Snapshot) -> Option<Finding> {
    (!snapshot.round.initialized).then_some(())?;
    refusal(
        "round_not_initialized",
        format!("round {} is not initialised yet", snapshot.round.round),
        "run `lpctl round init`, or wait until somebody does",
    )
}

/// LPT in the wallet.
fn short_of_lpt(snapshot: &Snapshot, amount: Lpt) -> Option<Finding> {
    (snapshot.wallet < amount).then_some(())?;
    let elsewhere = if is_public(snapshot.at.chain_id) {
        "; LPT on another chain does not count until bridged"
    } else {
        ""
    };
    refusal(
        "insufficient_lpt",
        format!(
            "{} short on {}: {} in the wallet{elsewhere}",
            amount.saturating_sub(snapshot.wallet).human(),
            snapshot.at.network,
            snapshot.wallet.human()
        ),
        format!(
            "send LPT on {} to {}, or bond less",
            snapshot.at.network, snapshot.account
        ),
    )
}

/// The allowance of the BondingManager.
fn needs_approval(snapshot: &Snapshot, amount: Lpt) -> Option<Finding> {
    (snapshot.approved < amount).then_some(())?;
    Some(finding(
        "needs_approval",
        Severity::Note,
        format!("the protocol may take {} so far", snapshot.approved.human()),
        format!("an approval of exactly {} is sent first", amount.human()),
    ))
}

/// Bonding nothing is only meant when stake is moved.
fn nothing_to_bond(snapshot: &Snapshot, amount: Lpt, to: Address) -> Option<Finding> {
    (amount == Lpt::ZERO && !switches(snapshot, to)).then_some(())?;
    refusal(
        "nothing_to_bond",
        "0 LPT is nothing to bond".to_string(),
        "give an amount above zero",
    )
}

/// An orchestrator cannot delegate to another one.
fn registered_elsewhere(snapshot: &Snapshot, to: Address) -> Option<Finding> {
    (snapshot.own.registered && to != snapshot.account).then_some(())?;
    refusal(
        "registered_elsewhere",
        format!(
            "{} is a registered orchestrator and cannot delegate to {}",
            short(snapshot.account),
            short(to)
        ),
        "unbond everything first, or bond to yourself",
    )
}

/// Another delegate takes all of the stake along.
fn moves_all(snapshot: &Snapshot, to: Address) -> Option<Finding> {
    switches(snapshot, to).then_some(())?;
    let from = snapshot.stake.delegate.map(short).unwrap_or_default();
    warning(
        "moves_all_stake",
        format!(
            "this moves all your stake, {}, from {from} to {}, not only the new amount",
            snapshot.stake.stake_lpt.human(),
            short(to)
        ),
        "confirm only if that is what you want",
    )
}

/// A delegate that earns nothing, or keeps it.
fn bad_delegate(snapshot: &Snapshot, to: Address) -> Vec<Finding> {
    let Some(target) = snapshot.orchestrator(to) else {
        return Vec::new();
    };
    let name = short(to);
    let pick = "`lpctl orch list` shows who else there is";
    let mut findings = Vec::new();
    let mut warn = |code, message| findings.extend(warning(code, message, pick));
    if !target.registered {
        warn(
            "delegate_not_registered",
            format!("{name} is no orchestrator: you would earn nothing"),
        );
        return findings;
    }
    if !target.active && target.rank.is_none() {
        warn(
            "delegate_not_active",
            format!("{name} is not active and not in the pool: you may earn nothing"),
        );
    }
    if target.reward_cut_percent == Percent::HUNDRED {
        warn("delegate_keeps_rewards", format!("{name} keeps all rewards"));
    }
    if target.fee_share_percent == Percent::ZERO {
        warn("delegate_keeps_fees", format!("{name} keeps all fees"));
    }
    let missed = snapshot.round.round.0.saturating_sub(target.last_reward_round.0);
    let active_for = target
        .activation_round
        .map_or(0, |since| snapshot.round.round.0.saturating_sub(since.0));
    if target.active && missed > 1 && active_for > 1 {
        warn(
            "delegate_misses_rewards",
            format!("{name} last called reward in round {}", target.last_reward_round),
        );
    }
    findings
}

/// The place in the pool: outside of it, or near its end.
fn outside_or_near_the_end(snapshot: &Snapshot, amount: Lpt) -> Option<Finding> {
    let moved = if switches(snapshot, snapshot.account) {
        amount.saturating_add(snapshot.stake.stake_lpt)
    } else {
        amount
    };
    let stake = snapshot.own.total_stake_lpt.saturating_add(moved);
    let after = snapshot.pool.place(snapshot.account, stake).1;
    let places = snapshot.pool.max_size;
    if after.rank(snapshot.account).is_none() {
        let tail = snapshot.pool.cut_off();
        return warning(
            "outside_the_pool",
            format!(
                "{} is not enough for one of the {places} places: it takes more than {}",
                stake.human(),
                tail.human()
            ),
            format!(
                "{} and a margin on top: others' stake grows with every reward",
                tail.saturating_sub(stake).human()
            ),
        );
    }
    // Near the end: fewer than five of a hundred parts more than the first one who would be pushed out.
    let last = after.members.last().filter(|_| after.is_full())?;
    let near = last.0 == snapshot.account || stake.saturating_sub(last.1).0 < last.1.0 / U256::from(20u64);
    near.then_some(())?;
    warning(
        "near_the_cut_off",
        format!(
            "all {places} places are taken and {} is close to the last one's {}: you could be pushed out soon",
            stake.human(),
            last.1.human()
        ),
        "add a margin",
    )
}

/// An activation without stake.
fn nothing_bonded(intent: &Intent, snapshot: &Snapshot) -> Option<Finding> {
    (intent.bonds(snapshot).is_none() && !snapshot.own.registered).then_some(())?;
    refusal(
        "not_registered",
        format!("{} has no stake of its own", short(snapshot.account)),
        "say how much to bond: `lpctl orch activate --bond AMOUNT`",
    )
}

/// Commission cannot change at the end of a round.
fn locked(snapshot: &Snapshot) -> Option<Finding> {
    let round = &snapshot.round;
    round.locked.then_some(())?;
    let left = match round.seconds_left {
        Some(seconds) => format!("{} blocks, about {} min", round.blocks_left, seconds.div_ceil(60)),
        None => format!("{} blocks", round.blocks_left),
    };
    refusal(
        "round_locked",
        format!(
            "commission changes are closed for the rest of round {} ({left})",
            round.round
        ),
        format!(
            "try again in round {}, after calling reward",
            round.round.0.saturating_add(1)
        ),
    )
}

/// Commission cannot change before an active orchestrator has called reward.
fn reward_first(snapshot: &Snapshot) -> Option<Finding> {
    (snapshot.own.active && !snapshot.own.reward_called).then_some(())?;
    refusal(
        "reward_not_called",
        format!(
            "reward for round {} is not called yet; commission can change after it",
            snapshot.round.round
        ),
        "run `lpctl reward call` first",
    )
}

fn not_registered(snapshot: &Snapshot) -> Option<Finding> {
    (!snapshot.own.registered).then_some(())?;
    refusal(
        "not_registered",
        format!(
            "{} is no orchestrator: it has no stake of its own",
            short(snapshot.account)
        ),
        "bond to yourself first: `lpctl stake bond AMOUNT`, or `lpctl orch activate`",
    )
}

/// What delegators get, mistaken for what is kept.
fn looks_like_fee_cut(fee_share: Percent) -> Option<Finding> {
    (fee_share.ppm() >= 900_000).then_some(())?;
    warning(
        "fee_share_looks_like_fee_cut",
        format!(
            "delegators get {fee_share} of fees, you keep {}",
            fee_share.complement()
        ),
        format!(
            "if you meant to keep {fee_share}, pass `--fee-share {}`",
            fee_share.complement().decimal()
        ),
    )
}

/// A jump of more than 20 points.
fn big_change(snapshot: &Snapshot, reward_cut: Percent, fee_share: Percent) -> Option<Finding> {
    let own = &snapshot.own;
    // A fresh registration starts from zero: every first commission is a jump.
    let fresh = own.reward_cut_percent == Percent::ZERO && own.fee_share_percent == Percent::ZERO;
    let jump = |old: Percent, new: Percent| old.ppm().abs_diff(new.ppm()) > 200_000;
    let jumps = jump(own.reward_cut_percent, reward_cut) || jump(own.fee_share_percent, fee_share);
    (own.registered && !fresh && jumps).then_some(())?;
    warning(
        "big_commission_change",
        format!(
            "you keep {reward_cut} of rewards instead of {}, delegators get {fee_share} of fees instead of {}",
            own.reward_cut_percent, own.fee_share_percent
        ),
        "delegators watch such changes: confirm only if that is what you want",
    )
}

/// What no gateway could use.
fn bad_uri(uri: &str, public: bool, options: &PlanOptions) -> Option<Finding> {
    let shown = plain(uri, 200);
    let bad = |what: &str| {
        refusal(
            "bad_service_uri",
            format!("`{shown}` {what}"),
            "write it like `https://o1.example.org:8935`",
        )
    };
    let Ok(url) = Url::parse(uri) else {
        return bad("is not a URL");
    };
    if url.scheme() != "https" {
        return bad("does not begin with https://");
    }
    let Some(host) = url.host() else {
        return bad("has no host");
    };
    if !has_port(uri) {
        return bad("has no port");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return bad("has a user name in it");
    }
    let address = match host {
        Host::Ipv4(address) => Some(IpAddr::V4(address)),
        Host::Ipv6(address) => Some(IpAddr::V6(address)),
        Host::Domain("localhost") => Some(IpAddr::from([127, 0, 0, 1])),
        Host::Domain(_) => None,
    };
    if address.is_some_and(|address| address.is_unspecified() || address.is_multicast()) {
        return bad("names no host");
    }
    if public && address.is_some_and(is_private) {
        return waivable(
            "private_service_uri",
            format!("`{shown}` is an address no gateway outside your network can reach"),
            "publish a public name or address, or pass `--allow-private`",
            "--allow-private",
            options.allow_private,
        );
    }
    None
}

/// The port must be written: gateways take the text as it is.
fn has_port(uri: &str) -> bool {
    let authority = uri.split_once("://").map_or("", |(_, rest)| {
        rest.split(['/', '?', '#']).next().unwrap_or_default()
    });
    let after_host = authority.rsplit_once(']').map_or(authority, |(_, rest)| rest);
    after_host
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok_and(|port| port > 0))
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let shared = v4.octets()[0] == 100 && (64..128).contains(&v4.octets()[1]);
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || shared
        }
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_private(IpAddr::V4(v4)),
            None => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
        },
    }
}

/// What does not answer now.
fn unreachable(uri: &str, reach: &Reach) -> Option<Finding> {
    let shown = plain(uri, 200);
    match reach {
        Reach::NotTried | Reach::Answers => None,
        Reach::NoAddress => warning(
            "service_uri_unresolved",
            format!("the name in `{shown}` has no address"),
            "check the name, or wait until its DNS entry is known",
        ),
        Reach::Silent => warning(
            "service_uri_silent",
            format!("nothing answers at `{shown}`, as seen from this machine"),
            "start the node and open the port, or go on if the node runs elsewhere",
        ),
    }
}

/// Paying for nothing.
fn unchanged_uri(snapshot: &Snapshot, uri: &str) -> Option<Finding> {
    (snapshot.own.service_uri.as_deref() == Some(uri)).then_some(())?;
    refusal(
        "unchanged_service_uri",
        format!("`{}` is published already", plain(uri, 200)),
        "nothing to do",
    )
}

/// Tries a service address: name and connection, each with a deadline.
pub(crate) async fn probe(uri: &str) -> Reach {
    const PATIENCE: Duration = Duration::from_secs(3);
    let Ok(url) = Url::parse(uri) else {
        return Reach::NotTried;
    };
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        return Reach::NotTried;
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let found = tokio::time::timeout(PATIENCE, tokio::net::lookup_host((host, port))).await;
    let addresses: Vec<_> = match found {
        Ok(Ok(addresses)) => addresses.take(4).collect(),
        Ok(Err(_)) | Err(_) => return Reach::NoAddress,
    };
    for address in addresses {
        if let Ok(Ok(_)) = tokio::time::timeout(PATIENCE, tokio::net::TcpStream::connect(address)).await {
            return Reach::Answers;
        }
    }
    Reach::Silent
}

/// Only active orchestrators are rewarded.
fn not_active(snapshot: &Snapshot) -> Option<Finding> {
    (!snapshot.own.active).then_some(())?;
    let own = &snapshot.own;
    let fix = match (own.rank, own.activation_round) {
        (Some(_), Some(from)) => format!("active from round {from} on, once that is initialised"),
        _ if own.registered => format!(
            "it takes more than {} to join the pool: `lpctl stake bond AMOUNT`",
            snapshot.pool.cut_off().human()
        ),
        _ => "`lpctl orch activate` makes it one".to_string(),
    };
    refusal(
        "not_active",
        format!(
            "{} is not in the active set of round {}",
            short(snapshot.account),
            snapshot.round.round
        ),
        fix,
    )
}

/// Reward is paid once a round.
fn reward_called(snapshot: &Snapshot) -> Option<Finding> {
    snapshot.own.reward_called.then_some(())?;
    refusal(
        "reward_already_called",
        format!("reward for round {} is called already", snapshot.round.round),
        "nothing to do until the next round",
    )
}

/// There is nothing to mint.
fn nothing_to_mint(snapshot: &Snapshot) -> Option<Finding> {
    let mint = &snapshot.mint;
    let none = mint.active_stake == Lpt::ZERO || mint.mintable == Lpt::ZERO;
    // Before the round is initialised these are last round's.
    (none && snapshot.round.initialized).then_some(())?;
    warning(
        "nothing_to_mint",
        format!("round {} mints nothing", snapshot.round.round),
        "calling reward costs gas and brings nothing",
    )
}

fn already_initialized(snapshot: &Snapshot) -> Option<Finding> {
    snapshot.round.initialized.then_some(())?;
    refusal(
        "round_already_initialized",
        format!("round {} is initialised already", snapshot.round.round),
        "nothing to do",
    )
}

#[cfg(test)]
mod tests {
    use crate::{
        chain::Activation,
        units::Round,
        view::chain::{OrchestratorFacts, StakeStatus},
    };

    use super::*;

    const ME: Address = Address::repeat_byte(0x11);
    const OTHER: Address = Address::repeat_byte(0x22);
    const MANAGER: Address = Address::repeat_byte(0xbb);

    fn all(intent: &Intent, snapshot: &Snapshot, options: &PlanOptions) -> Vec<(&'static str, Severity)> {
        rows(intent, snapshot, MANAGER, options, &Reach::NotTried)
            .into_iter()
            .map(|finding| (finding.code, finding.severity))
            .collect()
    }

    fn found(intent: &Intent, change: impl FnOnce(&mut Snapshot)) -> Vec<(&'static str, Severity)> {
        let mut snapshot = Snapshot::sample();
        change(&mut snapshot);
        all(intent, &snapshot, &PlanOptions::default())
    }

    fn bond(lpt: u64, to: Address) -> Intent {
        Intent::Bond {
            amount: Lpt::whole(lpt),
            to,
        }
    }

    fn commission(reward_cut: u32, fee_share: u32) -> Intent {
        let percent = |percent: u32| Percent::from_ppm(percent * 10_000).unwrap();
        Intent::Commission {
            reward_cut: percent(reward_cut),
            fee_share: percent(fee_share),
        }
    }

    fn publish(uri: &str) -> Intent {
        Intent::SetServiceUri { uri: uri.to_string() }
    }

    #[test]
    fn nothing_stands_in_the_way_of_an_operator_who_has_done_everything() {
        for intent in [
            bond(10, ME),
            commission(12, 45),
            publish("https://o2.example.org:8935"),
        ] {
            assert_eq!(found(&intent, |_| {}), [], "{intent:?}");
        }
    }

    #[test]
    fn each_row_that_forbids_forbids() {
        type Case = (Intent, fn(&mut Snapshot), &'static str);
        let cases: [Case; 16] = [
            (bond(1, ME), |s| s.paused = true, "protocol_paused"),
            (bond(1, ME), |s| s.bonding_manager = OTHER, "contract_moved"),
            (bond(1, ME), |s| s.pending_nonce = 9, "unconfirmed_transaction"),
            (
                bond(1, ME),
                |s| s.round.initialized = false,
                "round_not_initialized",
            ),
            (bond(1, ME), |s| s.own.reward_called = false, "reward_not_called"),
            (bond(51, ME), |s| s.approved = Lpt::whole(99), "insufficient_lpt"),
            (bond(0, ME), |_| {}, "nothing_to_bond"),
            (
                Intent::Reward,
                |s| {
                    s.own.active = false;
                    s.own.reward_called = false;
                },
                "not_active",
            ),
            (Intent::Reward, |_| {}, "reward_already_called"),
            (Intent::InitializeRound, |_| {}, "round_already_initialized"),
            (commission(12, 45), |s| s.round.locked = true, "round_locked"),
            (
                commission(12, 45),
                |s| s.own.reward_called = false,
                "reward_not_called",
            ),
            (commission(12, 45), |s| s.own.registered = false, "not_registered"),
            (publish("http://o2.example.org:8935"), |_| {}, "bad_service_uri"),
            (
                publish("https://o1.example.org:8935"),
                |_| {},
                "unchanged_service_uri",
            ),
            (publish("https://10.0.0.1:8935"), |_| {}, "private_service_uri"),
        ];
        for (intent, change, code) in cases {
            let found = found(&intent, change);
            assert!(found.contains(&(code, Severity::Refusal)), "{code}: {found:?}");
            assert_eq!(found.len(), 1, "more than what was changed: {found:?}");
        }
    }

    #[test]
    fn a_registered_orchestrator_stays_with_itself() {
        let codes: Vec<_> = found(&bond(1, OTHER), |_| {})
            .into_iter()
            .map(|(code, _)| code)
            .collect();
        assert!(codes.contains(&"registered_elsewhere"), "{codes:?}");
    }

    #[test]
    fn what_the_operator_waived_is_a_warning() {
        let mut snapshot = Snapshot::sample();
        snapshot.own.reward_called = false;
        snapshot.pending_nonce = 8;
        let waived = PlanOptions {
            give_up_reward: true,
            queue: true,
            ..PlanOptions::default()
        };
        let found = all(&bond(1, ME), &snapshot, &waived);
        assert_eq!(
            found,
            [
                ("unconfirmed_transaction", Severity::Warning),
                ("reward_not_called", Severity::Warning)
            ]
        );
    }

    #[test]
    fn the_reward_given_up_is_the_share_of_ones_stake_in_what_is_shared() {
        let mut snapshot = Snapshot::sample();
        snapshot.own.reward_called = false;
        // 200 of 260 LPT mint 10 * 0.769230769 = 7.69230769; 90 % of that is shared, half of it ours.
        let lost = settling::lost_reward(&snapshot, &snapshot.own.clone());
        assert_eq!(lost.decimal(), "3.4615384605");
        // Whoever settled this round already has nothing to lose, nor has an inactive orchestrator's delegator.
        snapshot.stake.last_claim_round = Round(10);
        assert_eq!(
            settling::rows(&snapshot, &PlanOptions::default(), "bonding")[0],
            None
        );
        snapshot.stake.last_claim_round = Round(9);
        snapshot.own.active = false;
        assert_eq!(
            settling::rows(&snapshot, &PlanOptions::default(), "bonding")[0],
            None
        );
    }

    #[test]
    fn moving_stake_says_that_all_of_it_moves() {
        let found = found(&bond(0, ME), |s| {
            s.own.registered = false;
            s.own.active = false;
            s.own.total_stake_lpt = Lpt::ZERO;
            s.pool.members.remove(0);
            s.stake.delegate = Some(OTHER);
        });
        assert_eq!(found, [("moves_all_stake", Severity::Warning)]);
    }

    #[test]
    fn a_delegate_is_looked_at() {
        type Case = (fn(&mut OrchestratorFacts), &'static [&'static str]);
        let cases: [Case; 6] = [
            (|_| {}, &[]),
            (|o| o.registered = false, &["delegate_not_registered"]),
            (
                |o| {
                    o.active = false;
                    o.rank = None;
                },
                &["delegate_not_active"],
            ),
            (
                |o| o.reward_cut_percent = Percent::HUNDRED,
                &["delegate_keeps_rewards"],
            ),
            (|o| o.fee_share_percent = Percent::ZERO, &["delegate_keeps_fees"]),
            (|o| o.last_reward_round = Round(7), &["delegate_misses_rewards"]),
        ];
        for (change, expected) in cases {
            let mut snapshot = Snapshot::sample();
            let mut target = snapshot.own.clone();
            target.address = OTHER;
            change(&mut target);
            snapshot.target = Some(target);
            let codes: Vec<_> = bad_delegate(&snapshot, OTHER)
                .iter()
                .map(|finding| finding.code)
                .collect();
            assert_eq!(codes, expected);
        }
    }

    #[test]
    fn a_full_pool_names_the_gap_and_the_margin() {
        let newcomer = |lpt: u64| {
            let mut snapshot = Snapshot::sample();
            snapshot.account = Address::repeat_byte(0x33);
            snapshot.own.address = snapshot.account;
            snapshot.own.total_stake_lpt = Lpt::ZERO;
            snapshot.stake.status = StakeStatus::Unbonded;
            snapshot.stake.delegate = None;
            outside_or_near_the_end(&snapshot, Lpt::whole(lpt))
        };
        let outside = newcomer(60).unwrap();
        assert_eq!(
            outside.code, "outside_the_pool",
            "the same stake does not push anybody out"
        );
        assert!(
            outside.message.contains("more than 60 LPT"),
            "{}",
            outside.message
        );
        assert_eq!(newcomer(61).unwrap().code, "near_the_cut_off");
        assert_eq!(newcomer(300), None);
    }

    #[test]
    fn a_fee_share_that_looks_like_a_fee_cut_is_asked_about() {
        let found = found(&commission(10, 95), |_| {});
        assert_eq!(
            found,
            [
                ("fee_share_looks_like_fee_cut", Severity::Warning),
                ("big_commission_change", Severity::Warning)
            ]
        );
    }

    #[test]
    fn the_first_commission_is_no_big_change() {
        let first = Intent::Activate(Activation {
            amount: None,
            reward_cut: Percent::from_ppm(500_000).unwrap(),
            fee_share: Percent::from_ppm(500_000).unwrap(),
            service_uri: "https://o1.example.org:8935".to_string(),
        });
        let found = found(&first, |s| {
            s.own.reward_cut_percent = Percent::ZERO;
            s.own.fee_share_percent = Percent::ZERO;
        });
        assert_eq!(found, []);
    }

    #[test]
    fn activating_what_is_active_already_meets_no_closed_door() {
        let snapshot = Snapshot::sample();
        let again = Intent::Activate(Activation {
            amount: None,
            reward_cut: snapshot.own.reward_cut_percent,
            fee_share: snapshot.own.fee_share_percent,
            service_uri: "https://o1.example.org:8935".to_string(),
        });
        let closed = |s: &mut Snapshot| {
            s.round.locked = true;
            s.round.initialized = false;
            s.own.reward_called = false;
        };
        assert_eq!(found(&again, closed), []);
        let changed = Intent::Activate(Activation {
            amount: None,
            reward_cut: Percent::ZERO,
            fee_share: snapshot.own.fee_share_percent,
            service_uri: "https://o1.example.org:8935".to_string(),
        });
        assert_eq!(found(&changed, closed).len(), 3);
    }

    #[test]
    fn gas_is_counted_against_the_purse_and_the_limit() {
        let mut snapshot = Snapshot::sample();
        snapshot.eth = Wei::gwei(5);
        let options = PlanOptions {
            max_gas_price: Some(Wei(U256::from(9_999_999))),
            ..PlanOptions::default()
        };
        let cost = |most| Cost {
            now: most,
            most,
            value: Wei::ZERO,
        };
        let found = cost_rows(&Intent::InitializeRound, &snapshot, cost(Wei::gwei(7)), &options);
        let codes: Vec<_> = found.iter().map(|finding| finding.code).collect();
        assert_eq!(codes, ["gas_price_above_limit", "insufficient_eth"]);
        assert!(
            found[1].message.starts_with("2 gwei short"),
            "{}",
            found[1].message
        );
        let exact = cost_rows(
            &Intent::InitializeRound,
            &snapshot,
            cost(Wei::gwei(5)),
            &PlanOptions::default(),
        );
        assert_eq!(exact, []);
    }

    #[test]
    fn addresses_gateways_cannot_use_are_told_apart() {
        let judge = |uri: &str, public: bool| {
            bad_uri(uri, public, &PlanOptions::default()).map(|finding| finding.code)
        };
        for good in [
            "https://o1.example.org:8935",
            "https://203.0.113.7:443",
            "https://[2001:db8::1]:8935",
        ] {
            assert_eq!(judge(good, true), None, "{good}");
        }
        for bad in [
            "",
            "o1.example.org:8935",
            "http://o1.example.org:8935",
            "https://o1.example.org",
            "https://[2001:db8::1]",
            "https://0.0.0.0:8935",
            "https://[::]:8935",
            "https://me:pw@o1.example.org:8935",
            "https://:8935",
        ] {
            assert_eq!(judge(bad, true), Some("bad_service_uri"), "{bad}");
        }
        for private in [
            "https://127.0.0.1:8935",
            "https://localhost:8935",
            "https://192.168.1.4:8935",
            "https://100.64.0.1:8935",
            "https://169.254.1.1:8935",
            "https://[::1]:8935",
            "https://[fd00::1]:8935",
            "https://[::ffff:10.0.0.1]:8935",
        ] {
            assert_eq!(judge(private, true), Some("private_service_uri"), "{private}");
            assert_eq!(judge(private, false), None, "{private} on a development chain");
        }
        let allowed = PlanOptions {
            allow_private: true,
            ..PlanOptions::default()
        };
        let finding = bad_uri("https://10.0.0.1:8935", true, &allowed).unwrap();
        assert_eq!((finding.severity, finding.waived_by), (Severity::Warning, None));
    }

    #[tokio::test]
    async fn a_service_address_is_tried() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("https://{}", listener.local_addr().unwrap());
        assert_eq!(probe(&uri).await, Reach::Answers);
        drop(listener);
        assert_eq!(probe(&uri).await, Reach::Silent);
        assert_eq!(probe("https://no-such-host.invalid:8935").await, Reach::NoAddress);
    }

    #[test]
    fn text_from_outside_is_escaped_in_findings() {
        let finding = bad_uri("https://x\u{1b}[2J", true, &PlanOptions::default()).unwrap();
        assert!(!finding.message.contains('\u{1b}'), "{:?}", finding.message);
    }
}
