//! From facts to reasons: what keeps work away, what makes it less, what is fine.

use alloy::primitives::{Address, U256};
use engine::{
    gateway::{
        orchestrator::OrchestratorError,
        survey::{Surveyed, TicketFault},
    },
    units::Lpt,
    view::{
        chain::{OrchestratorFacts, PoolFacts, RoundFacts},
        node::{NodeMode, NodeStatus},
        reach::{Probe, ProbeState},
    },
    wire::client::parse_node_address,
};
use serde::Serialize;

use super::market::Market;
use crate::{shell::escape, wording};

/// How a fact bears on work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Weight {
    /// Keeps all of it away.
    Stops,
    /// Makes it less.
    Less,
    /// Does not stand in the way.
    Fine,
}

/// One fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Reason {
    /// Stable name for scripts.
    pub(super) code: &'static str,
    pub(super) weight: Weight,
    pub(super) message: String,
    /// What to do.
    pub(super) next: Option<String>,
}

fn stops(code: &'static str, message: impl Into<String>, next: impl Into<String>) -> Reason {
    Reason {
        code,
        weight: Weight::Stops,
        message: message.into(),
        next: Some(next.into()),
    }
}

fn less(code: &'static str, message: impl Into<String>, next: impl Into<String>) -> Reason {
    Reason {
        weight: Weight::Less,
        ..stops(code, message, next)
    }
}

fn fine(code: &'static str, message: impl Into<String>) -> Reason {
    Reason {
        code,
        weight: Weight::Fine,
        message: message.into(),
        next: None,
    }
}

/// Everything that was looked at.
pub(super) struct Facts<'a> {
    pub(super) address: Address,
    pub(super) paused: bool,
    pub(super) is_public: bool,
    pub(super) round: &'a RoundFacts,
    pub(super) own: &'a OrchestratorFacts,
    pub(super) pool: &'a PoolFacts,
    pub(super) members: &'a [OrchestratorFacts],
    pub(super) probe: Option<&'a Probe>,
    pub(super) mine: Option<&'a Surveyed>,
    pub(super) market: &'a Market,
    /// The node that runs here, if it is this orchestrator's.
    pub(super) node: Option<&'a NodeStatus>,
}

/// The reasons, what keeps all work away first.
pub(super) fn of(facts: &Facts<'_>) -> Vec<Reason> {
    let mut reasons = standing(facts);
    reasons.extend(address(facts));
    reasons.extend(offer(facts));
    reasons.extend(node(facts));
    reasons.extend(price(facts));
    reasons.extend(margin(facts));
    reasons.push(fine(
        "commission",
        format!(
            "{}; gateways do not look at it",
            wording::commission(facts.own.reward_cut_percent, facts.own.fee_share_percent)
        ),
    ));
    // The order above is the order of likelihood within a weight.
    reasons.sort_by_key(|reason| reason.weight);
    reasons
}

/// Whether the chain names it to gateways at all.
fn standing(facts: &Facts<'_>) -> Vec<Reason> {
    let (own, round) = (facts.own, facts.round);
    let mut reasons = Vec::new();
    if facts.paused {
        reasons.push(stops(
            "protocol_paused",
            "governance paused the protocol",
            "wait; `lpctl protocol show` tells when it goes on",
        ));
    }
    if !round.initialized {
        reasons.push(less(
            "round_not_initialized",
            format!(
                "nobody opened round {} yet: tickets cannot be redeemed",
                round.round
            ),
            "`lpctl round init` opens it",
        ));
    }
    if !own.registered {
        reasons.push(stops(
            "not_registered",
            "it is no orchestrator: nothing is bonded to itself",
            "`lpctl orch activate --bond AMOUNT --service-uri URI …`",
        ));
    } else if !own.active {
        reasons.push(match (own.rank, own.activation_round) {
            (Some(_), Some(from)) if from > round.round => stops(
                "not_active_yet",
                format!("it is active from round {from} on, this is round {}", round.round),
                format!("wait {}", wording::blocks(round.blocks_left, round.seconds_left)),
            ),
            _ => stops(
                "not_active",
                format!(
                    "it is outside the active set: {} are behind it, a place takes more than {}",
                    own.total_stake_lpt.human(),
                    facts.pool.cut_off_lpt.human()
                ),
                "`lpctl stake bond AMOUNT`, or win delegators; it counts from the next round on",
            ),
        });
    } else {
        let rank = own.rank.map_or_else(
            || "outside the next round's set".to_string(),
            |rank| format!("rank {rank} of {}", facts.pool.max_size),
        );
        reasons.push(fine("active", format!("active this round, {rank}")));
    }
    reasons
}

/// Whether gateways reach it where it says it is.
fn address(facts: &Facts<'_>) -> Vec<Reason> {
    let Some(published) = facts.own.service_uri.as_deref() else {
        return match facts.own.registered {
            true => vec![stops(
                "no_service_uri",
                "it publishes no address: gateways cannot find it",
                "`lpctl orch set-uri https://HOST:8935`",
            )],
            false => Vec::new(),
        };
    };
    if parse_node_address(published).is_err() {
        return vec![stops(
            "bad_service_uri",
            format!("it publishes {published}, which is no address"),
            "`lpctl orch set-uri https://HOST:8935`",
        )];
    }
    let Some(probe) = facts.probe else {
        return Vec::new();
    };
    let why = probe.error.as_deref().unwrap_or("no answer");
    vec![match probe.state {
        ProbeState::Reachable => {
            let micros = probe.connect_us.unwrap_or_default() + probe.round_trip_us.unwrap_or_default();
            fine(
                "reachable",
                format!("{published} answers in {} ms, asked from here", micros / 1000),
            )
        }
        ProbeState::Stranger => stops(
            "stranger",
            format!("at {published} somebody else answers: {why}"),
            "correct where the name or the router leads, or the account the node runs with",
        ),
        ProbeState::Waiting | ProbeState::Unreachable => stops(
            "unreachable",
            format!("{published} does not answer: {why}"),
            "start the node, open its port in firewall and router; `lpctl doctor` looks closer",
        ),
    }]
}

/// What it says to a gateway that asks for a session.
fn offer(facts: &Facts<'_>) -> Vec<Reason> {
    let (Some(mine), Some(probe)) = (facts.mine, facts.probe) else {
        return Vec::new();
    };
    if probe.state != ProbeState::Reachable {
        return Vec::new();
    }
    let offered = match &mine.answer {
        Ok(offered) => offered,
        Err(error) => return vec![refusal(error)],
    };
    let mut reasons = Vec::new();
    let fault = offered
        .tickets
        .as_ref()
        .and_then(|tickets| Some((tickets, tickets.fault()?)));
    match fault {
        Some((tickets, TicketFault::FaceValueTooLow)) => reasons.push(stops(
            "face_value_too_low",
            format!(
                "a winning ticket of it pays {}, no more than each is worth: gateways refuse that",
                tickets.face_value.human()
            ),
            "raise `payments.max_face_value` or lower `payments.ticket_ev`",
        )),
        Some((_, TicketFault::ValueTooHigh)) => reasons.push(stops(
            "ticket_value_too_high",
            "each of its tickets is worth more than gateways allow",
            "lower `payments.ticket_ev`: 8gwei is usual, 3000gwei the most",
        )),
        None => reasons.push(fine("gives_sessions", "it gives a gateway that asks a session")),
    }
    let (newer, versioned) = facts.market.versions();
    let version = escape(&offered.version);
    if newer * 2 > versioned {
        reasons.push(less(
            "old_version",
            format!("it says version {version}; {newer} of {versioned} others run a newer one, and gateways can ask for a least version"),
            "bring the node up to date",
        ));
    } else {
        reasons.push(fine("version", format!("version {version}")));
    }
    reasons
}

fn refusal(error: &OrchestratorError) -> Reason {
    let said = error.to_string();
    match error {
        OrchestratorError::Refused(text) if text.contains("sender reserve") => fine(
            "asks_for_a_reserve",
            "it answers, and tells price and tickets only to gateways with a reserve",
        ),
        OrchestratorError::Refused(text) if text.contains("OrchestratorCapped") => stops(
            "capped",
            "it refuses new sessions: it has as many as it takes",
            "`lpctl node set-max-sessions`, or more transcoders; `lpctl bench transcode` measures what they carry",
        ),
        OrchestratorError::Incompatible(_) => stops(
            "incompatible",
            format!("it cannot do the usual job: {said}"),
            "`lpctl doctor` and `lpctl gpu test` tell what encodes here",
        ),
        _ => stops(
            "refuses",
            format!("it answers pings, and refuses sessions: {said}"),
            "the node's log at that time says why; `lpctl node show` tells how it stands",
        ),
    }
}

/// What the node itself knows.
fn node(facts: &Facts<'_>) -> Vec<Reason> {
    let Some(node) = facts.node else {
        return Vec::new();
    };
    let mut reasons = Vec::new();
    if node.draining {
        reasons.push(stops(
            "draining",
            "the node drains: it takes no new sessions",
            "start it again when that is over",
        ));
    }
    if node.mode == NodeMode::Orchestrator && node.transcoders.is_empty() {
        reasons.push(stops(
            "no_transcoders",
            "no transcoder is connected to the node: nobody would do the work",
            "start one with `lpctl run --mode transcoder --orch-addr …`",
        ));
    }
    let sessions = u32::try_from(node.sessions.len()).unwrap_or(u32::MAX);
    if sessions >= node.max_sessions {
        reasons.push(stops(
            "full",
            format!("all {} sessions are taken", node.max_sessions),
            "`lpctl node set-max-sessions COUNT`, or more transcoders",
        ));
    } else {
        reasons.push(fine(
            "capacity",
            format!("{sessions} of {} sessions are taken", node.max_sessions),
        ));
    }
    if node.work.sessions_refused > 0 {
        reasons.push(less(
            "sessions_refused",
            format!(
                "the node refused {} since it started, for being full",
                wording::counted(
                    usize::try_from(node.work.sessions_refused).unwrap_or(usize::MAX),
                    "session"
                )
            ),
            "`lpctl node set-max-sessions COUNT`, or more transcoders",
        ));
    }
    let work = &node.work;
    if work.segments_failed > 0 && work.segments_failed * 20 > work.segments_done {
        let last = node
            .sessions
            .iter()
            .find_map(|session| session.last_error.as_deref());
        let last = last
            .map(|error| format!("; the last said: {}", escape(error)))
            .unwrap_or_default();
        reasons.push(less(
            "segments_fail",
            format!(
                "{} of {} segments failed{last}: gateways leave those who fail",
                work.segments_failed,
                work.segments_done + work.segments_failed
            ),
            "`lpctl node sessions` tells which; `lpctl doctor` looks at the machine",
        ));
    }
    // What is told above, or by the chain, is not told twice.
    let known = [
        "not_registered",
        "not_active",
        "round_not_initialized",
        "sessions_full",
        "at_capacity",
        "no_transcoders",
        "unreachable",
        "not_this_node",
        // These cost money, not work.
        "reward_not_called",
        "reward_at_risk",
        "low_gas",
        "gas_critical",
        "pool_tail",
    ];
    for notice in node
        .notices
        .iter()
        .filter(|notice| !known.contains(&notice.code.as_str()))
    {
        reasons.push(less(
            "notice",
            format!("the node says: {}", escape(&notice.message)),
            "`lpctl node show`",
        ));
    }
    reasons
}

/// Price beside the others'.
fn price(facts: &Facts<'_>) -> Vec<Reason> {
    let Some(price) = facts.market.price() else {
        return Vec::new();
    };
    let price = format!("it asks {price} wei for a pixel");
    match facts.market.dearer_than() {
        None => vec![fine("price", format!("{price}; nobody else told a price"))],
        Some((cheaper, priced)) if cheaper * 2 > priced => vec![less(
            "dear",
            format!(
                "{price}, and {cheaper} of {priced} others less; half of them {} or less",
                facts.market.median().unwrap_or("-")
            ),
            "gateways weigh price: lower it with `lpctl node set-price`",
        )],
        Some((cheaper, priced)) => vec![fine(
            "price",
            format!("{price}; {cheaper} of {priced} others ask less"),
        )],
    }
}

/// How far from falling out of the set, and the share of stake gateways weigh.
fn margin(facts: &Facts<'_>) -> Vec<Reason> {
    let own = facts.own;
    if !own.registered {
        return Vec::new();
    }
    let mut reasons = Vec::new();
    let others_last = facts
        .members
        .iter()
        .filter(|member| member.address != facts.address)
        .map(|member| member.total_stake_lpt)
        .min();
    match own.rank {
        None if own.active => reasons.push(less(
            "falls_out",
            format!(
                "it falls out of the active set when this round ends: {} are behind it, a place takes more than {}",
                own.total_stake_lpt.human(),
                facts.pool.cut_off_lpt.human()
            ),
            "`lpctl stake bond AMOUNT` before the round ends",
        )),
        Some(rank) if facts.pool.full && rank + 2 >= facts.pool.max_size => {
            let above = others_last.map_or(Lpt::ZERO, |last| own.total_stake_lpt.saturating_sub(last));
            reasons.push(less(
                "at_the_tail",
                format!("rank {rank} of {}: only {} above the last; who bonds more takes the place", facts.pool.max_size, above.human()),
                "`lpctl stake bond AMOUNT`, or win delegators",
            ));
        }
        _ => {}
    }
    let all = facts.members.iter().fold(Lpt::ZERO, |sum, member| {
        sum.saturating_add(member.total_stake_lpt)
    });
    let share = own
        .total_stake_lpt
        .0
        .saturating_mul(U256::from(10_000))
        .checked_div(all.0)
        .and_then(|share| u64::try_from(share).ok());
    if let Some(share) = share.filter(|_| own.rank.is_some()) {
        let weighed = if facts.is_public {
            "; gateways weigh it beside price"
        } else {
            ""
        };
        reasons.push(fine(
            "stake",
            format!(
                "{} are behind it, {}.{:02} % of the pool's{weighed}",
                own.total_stake_lpt.human(),
                share / 100,
                share % 100
            ),
        ));
    }
    reasons
}
