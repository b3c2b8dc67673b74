//! What an operator can be told of: one row a code. The codes are those of the node's notices, and the names of the
//! alerts that Prometheus is given.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

/// How grave it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Waiting costs money or work.
    Critical,
    /// Look at it today.
    Warning,
    /// Good to know; told only if the config asks for it.
    Info,
}

impl Severity {
    /// All of them, the worst first.
    pub const ALL: [Self; 3] = [Self::Critical, Self::Warning, Self::Info];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Severity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|severity| severity.name() == text);
        known.ok_or_else(|| "a severity is critical, warning or info".to_string())
    }
}

/// Something an operator can be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Stable name, that of the notice.
    pub code: &'static str,
    /// How grave it is.
    pub severity: Severity,
    /// How long it must hold, in seconds, before anybody is told.
    pub hold_seconds: u32,
    /// Whether it is over with being said: it has no end to tell of.
    pub is_event: bool,
    /// What it means.
    pub summary: &'static str,
    /// What to do.
    pub next: &'static str,
}

impl Rule {
    const fn new(
        code: &'static str,
        severity: Severity,
        hold_seconds: u32,
        summary: &'static str,
        next: &'static str,
    ) -> Self {
        Self {
            code,
            severity,
            hold_seconds,
            is_event: false,
            summary,
            next,
        }
    }

    const fn event(
        code: &'static str,
        severity: Severity,
        summary: &'static str,
        next: &'static str,
    ) -> Self {
        Self {
            is_event: true,
            ..Self::new(code, severity, 0, summary, next)
        }
    }

    /// How long it must hold before anybody is told.
    #[must_use]
    pub fn hold(&self) -> Duration {
        Duration::from_secs(u64::from(self.hold_seconds))
    }

    /// The name of the alert in Prometheus, like `LpctlRewardAtRisk`.
    #[must_use]
    pub fn alert_name(&self) -> String {
        let words = self.code.split('_').map(|word| {
            let (first, rest) = word.split_at(1);
            first.to_ascii_uppercase() + rest
        });
        std::iter::once("Lpctl".to_string()).chain(words).collect()
    }
}

/// The rule of a code.
#[must_use]
pub fn rule(code: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.code == code)
}

use Severity::{Critical, Info, Warning};

/// All there are.
pub const RULES: &[Rule] = &[
    Rule::new(
        "reward_at_risk",
        Critical,
        300,
        "half of the round has passed, and its reward is not called: what is not minted in its round is lost",
        "`lpctl reward call`, or `lpctl reward watch` for good",
    ),
    Rule::new(
        "reward_not_called",
        Info,
        0,
        "the round's reward is not called yet",
        "nothing while somebody is on it; `lpctl reward call` does it at once",
    ),
    Rule::new(
        "round_not_initialized",
        Warning,
        900,
        "nobody has opened the round: no reward can be called and no ticket redeemed",
        "`lpctl round init`, for anybody who pays the gas",
    ),
    Rule::new(
        "not_registered",
        Critical,
        300,
        "the account is no orchestrator",
        "`lpctl stake bond AMOUNT` to itself, then `lpctl orch activate`",
    ),
    Rule::new(
        "not_active",
        Critical,
        300,
        "the orchestrator is not in this round's active set: no reward, and gateways on the chain do not find it",
        "`lpctl why` tells what it takes",
    ),
    Rule::new(
        "pool_tail",
        Warning,
        900,
        "the orchestrator is near the end of the pool: a little stake elsewhere pushes it out",
        "bond more, or find delegators",
    ),
    Rule::new(
        "low_gas",
        Warning,
        300,
        "the account has little ETH left for gas",
        "send it ETH; `lpctl account show` tells how much there is",
    ),
    Rule::new(
        "gas_critical",
        Critical,
        60,
        "the account has almost no ETH for gas: the next reward or redemption may not be paid",
        "send it ETH now",
    ),
    Rule::new(
        "chain_stale",
        Critical,
        60,
        "the chain cannot be read: rewards, tickets and prices stand still",
        "`lpctl rpc test` tells which endpoint does not answer; add another one",
    ),
    Rule::new(
        "rpc_unhealthy",
        Warning,
        120,
        "an RPC endpoint fails; others are asked in its place, if there are any",
        "`lpctl rpc test`",
    ),
    Rule::new(
        "failing_segments",
        Critical,
        60,
        "a tenth or more of the last minutes' segments failed: gateways go elsewhere",
        "`lpctl logs --level warn --explain` tells why",
    ),
    Rule::new(
        "slower_than_real_time",
        Critical,
        120,
        "transcoding takes longer than the video plays",
        "fewer sessions, a faster preset, or a GPU: `lpctl bench transcode` measures what fits",
    ),
    Rule::new(
        "shedding",
        Warning,
        30,
        "segments are refused because they would come out too late",
        "`lpctl node set-max-sessions` with a smaller number",
    ),
    Rule::new(
        "sessions_full",
        Info,
        600,
        "all sessions are taken, and new ones are refused",
        "`lpctl node set-max-sessions` with a larger number, if the machine has room",
    ),
    Rule::new(
        "at_capacity",
        Info,
        600,
        "one more session would not stay ahead of real time",
        "nothing, or a larger machine",
    ),
    Rule::new(
        "ticket_window",
        Critical,
        0,
        "the time in which a winning ticket can be redeemed is running out",
        "`lpctl ticket list` tells what it waits for, `lpctl ticket redeem` redeems it",
    ),
    Rule::event(
        "tickets_lost",
        Critical,
        "a winning ticket can never be redeemed",
        "`lpctl ticket list --state lost` tells why",
    ),
    Rule::new(
        "books_not_written",
        Critical,
        0,
        "payments cannot be written down, so none are taken and work stops",
        "room on the disk, and the right to write to the node's folder",
    ),
    Rule::new(
        "price_unknown",
        Critical,
        120,
        "the price feed tells nothing: new sessions are offered nothing",
        "`lpctl node set-price` can set a price in wei",
    ),
    Rule::new(
        "gpu_trouble",
        Critical,
        30,
        "a GPU failed, is gone, or reports errors: its sessions were moved",
        "`lpctl gpu list`, and the driver's messages in the kernel's log",
    ),
    Rule::new(
        "gpu_hot",
        Warning,
        120,
        "a GPU is about to slow itself down because of its temperature",
        "air, dust, fans, or a lower power limit",
    ),
    Rule::new(
        "no_transcoders",
        Critical,
        60,
        "no transcoder is connected, and all work is refused",
        "start one with the orchestrator's address and secret",
    ),
    Rule::event(
        "transcoder_left",
        Warning,
        "a remote transcoder left",
        "its own log tells why; the work goes to the others",
    ),
    Rule::event("transcoder_joined", Info, "a remote transcoder joined", "nothing"),
    Rule::new(
        "not_registered_with_orchestrator",
        Critical,
        60,
        "this transcoder is not connected to its orchestrator, so no work comes",
        "the orchestrator's log, its address and the secret",
    ),
    Rule::new(
        "unreachable",
        Critical,
        120,
        "the address gateways are told does not lead to this node",
        "`lpctl why` tries it from here; firewall, port forwarding and DNS are the usual reasons",
    ),
    Rule::new(
        "not_this_node",
        Critical,
        120,
        "another node answers at the address gateways are told",
        "the address in the registry and in `--service-addr` must be this node's",
    ),
    Rule::new(
        "node_unreachable",
        Warning,
        300,
        "a further address of the orchestrator does not answer",
        "start that node, or take the address out of orchestrator.nodes",
    ),
    Rule::new(
        "disk_low",
        Critical,
        60,
        "the disk with the node's books is almost full",
        "make room: without it no payment is taken",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_code_is_there_once_and_has_a_name_for_prometheus() {
        let codes: HashSet<_> = RULES.iter().map(|rule| rule.code).collect();
        assert_eq!(codes.len(), RULES.len());
        assert_eq!(rule("low_gas").unwrap().alert_name(), "LpctlLowGas");
        assert_eq!(rule("loud"), None);
        for rule in RULES {
            assert!(
                rule.code
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
                "{}",
                rule.code
            );
            assert!(!rule.summary.is_empty() && !rule.next.is_empty());
        }
    }
}
