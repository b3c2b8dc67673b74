//! Where gateways look for the node: what the registries say, and what answers there.

use std::{net::IpAddr, time::Duration};

use alloy::primitives::Address;
use engine::{
    view::{
        chain::StatusFacts,
        reach::{Probe, ProbeState},
    },
    wire::{
        certificate::{self, CertificateFacts},
        client::parse_node_address,
    },
};
use jiff::Timestamp;
use url::{Host, Url};

use super::Check;
use crate::shell::escape;

/// How long an answer may take, connection included.
const PATIENCE: Duration = Duration::from_secs(8);
/// A certificate that ends so soon is worth a word, in seconds.
const SOON: i64 = 14 * 86_400;

/// Whether the account is an orchestrator that gets work.
pub(super) fn registration(status: &StatusFacts) -> Check {
    const NAME: &str = "registration";
    let own = status
        .orchestrator
        .as_ref()
        .filter(|own| own.address == status.account);
    match own {
        None => Check::warning(
            NAME,
            "the account is no orchestrator: gateways of the network do not find it",
            "`lpctl orch activate --bond AMOUNT --service-uri URI …` makes it one",
        ),
        Some(own) if !own.registered => Check::warning(
            NAME,
            "the account has nothing bonded to itself: it is no orchestrator",
            "`lpctl stake bond AMOUNT` bonds to it",
        ),
        Some(own) if !own.active => Check::warning(
            NAME,
            "the account is not in the active set of this round: gateways do not find it",
            "`lpctl why` tells what it takes",
        ),
        Some(own) => Check::good(
            NAME,
            match own.rank {
                Some(rank) => format!("active, rank {rank} of {}", status.pool.max_size),
                None => "active this round, and not in the next one's set".to_string(),
            },
        ),
    }
}

/// What a registry says beside what the node is to tell. None of both: nothing to compare.
pub(super) fn registry(
    name: &'static str,
    published: Option<&str>,
    wanted: Option<&str>,
    needs_one: bool,
) -> Option<Check> {
    let which = match name {
        "ai_registry" => "the registry for AI work",
        _ => "the registry",
    };
    let same = |one: &str, other: &str| {
        let parsed = |text: &str| parse_node_address(text).ok();
        parsed(one).is_some() && parsed(one) == parsed(other)
    };
    match (published, wanted) {
        (None, _) if !needs_one => None,
        (None, wanted) => Some(Check::warning(
            name,
            format!("{which} has no address for the account: gateways cannot find it"),
            format!("`lpctl orch set-uri {}`", wanted.unwrap_or("https://HOST:8935")),
        )),
        (Some(published), Some(wanted)) if !same(published, wanted) => Some(Check::warning(
            name,
            format!(
                "{which} says {}, the node is to tell gateways {wanted}",
                escape(published)
            ),
            format!("`lpctl orch set-uri {wanted}`, or correct `--service-addr`"),
        )),
        (Some(published), _) => Some(Check::good(name, format!("{which} says {}", escape(published)))),
    }
}

/// What answers at the address gateways are told. `runs` is whether a node answers on this machine's own port.
pub(super) async fn reach(uri: &str, account: Option<Address>, is_public: bool, runs: bool) -> Vec<Check> {
    const NAME: &str = "service_uri";
    let Ok(url) = parse_node_address(uri) else {
        return vec![Check::bad(
            NAME,
            format!("{} is no address gateways could use", escape(uri)),
            "`lpctl orch set-uri https://HOST:8935`",
        )];
    };
    if is_public {
        let addresses = addresses(&url).await;
        let private: Vec<String> = addresses
            .iter()
            .filter(|ip| !is_global(ip))
            .map(ToString::to_string)
            .collect();
        if addresses.is_empty() || !private.is_empty() {
            let (found, next) = match private.as_slice() {
                [] => (
                    format!("{} has no address: its name does not resolve", escape(uri)),
                    "enter the name with whoever keeps the domain, or set another URI with `lpctl orch set-uri`",
                ),
                private => (
                    format!(
                        "{} leads to {}, which only this network can reach",
                        escape(uri),
                        private.join(", ")
                    ),
                    "publish a public address or a name for one with `lpctl orch set-uri`",
                ),
            };
            return vec![Check::bad(NAME, found, next)];
        }
    }
    let probe = engine::node::probe_once(&url, account, PATIENCE).await;
    let mut checks = vec![judge(&probe, runs)];
    if probe.state != ProbeState::Unreachable && url.scheme() == "https" {
        let host = url.host_str().unwrap_or_default();
        if let Ok(shown) = certificate::shown_at(&url, PATIENCE).await {
            checks.push(judge_certificate(shown.as_ref(), host, Timestamp::now()));
        }
    }
    checks
}

fn judge(probe: &Probe, runs: bool) -> Check {
    const NAME: &str = "service_uri";
    let uri = escape(&probe.uri);
    let why = probe.error.as_deref().map_or("no answer".to_string(), escape);
    match probe.state {
        ProbeState::Reachable => {
            let took = probe
                .connect_us
                .unwrap_or_default()
                .saturating_add(probe.round_trip_us.unwrap_or_default());
            Check::good(
                NAME,
                format!(
                    "{uri} answers for the account in {} ms, asked from here",
                    took / 1000
                ),
            )
        }
        ProbeState::Stranger => Check::bad(
            NAME,
            format!("{uri}: somebody else answers there ({why})"),
            "correct where the name or the router leads, or the account the node runs with",
        ),
        _ if runs => Check::bad(
            NAME,
            format!("{uri} does not answer, though a node runs here: {why}"),
            "open the port in firewall and router; a router that does not lead its own traffic back in looks the same from here: `curl -k URI/healthz` from elsewhere tells",
        ),
        _ => Check::warning(
            NAME,
            format!("{uri} does not answer: {why}"),
            "no node is seen to run here; start it with `lpctl run`, then look again",
        ),
    }
}

fn judge_certificate(shown: Option<&CertificateFacts>, host: &str, now: Timestamp) -> Check {
    const NAME: &str = "certificate";
    let next =
        "the node makes a new certificate at every start: start it again, with the right `--service-addr`";
    let Some(facts) = shown else {
        return Check::warning(
            NAME,
            "what is shown there is no certificate that can be read",
            next,
        );
    };
    let until = facts
        .not_after
        .map_or("an unknown time".to_string(), |time| format!("{time:.0}"));
    if facts.not_after.is_none_or(|end| end <= now) || facts.not_before.is_some_and(|begin| begin > now) {
        return Check::warning(
            NAME,
            format!("not valid now (until {until}); gateways take it all the same, others do not"),
            next,
        );
    }
    if !facts.is_for(host) {
        let names = facts
            .names
            .iter()
            .map(|name| escape(name))
            .collect::<Vec<_>>()
            .join(", ");
        return Check::warning(
            NAME,
            format!(
                "for {names}, not for {}; gateways take it all the same, others do not",
                escape(host)
            ),
            next,
        );
    }
    if facts
        .not_after
        .is_some_and(|end| end.as_second() - now.as_second() < SOON)
    {
        return Check::warning(NAME, format!("ends soon: {until}"), next);
    }
    Check::good(NAME, format!("for {}, valid until {until}", escape(host)))
}

/// What a URI's host stands for.
async fn addresses(url: &Url) -> Vec<IpAddr> {
    match url.host() {
        Some(Host::Ipv4(ip)) => vec![ip.into()],
        Some(Host::Ipv6(ip)) => vec![ip.into()],
        Some(Host::Domain(name)) => {
            let port = url.port_or_known_default().unwrap_or(8935);
            let looking_up = tokio::net::lookup_host((name, port));
            match tokio::time::timeout(PATIENCE, looking_up).await {
                Ok(Ok(found)) => found.take(16).map(|address| address.ip()).collect(),
                _ => Vec::new(),
            }
        }
        None => Vec::new(),
    }
}

/// Whether strangers could reach it at all.
fn is_global(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            let shared = first == 100 && (64..128).contains(&second);
            !(ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_unspecified() || shared)
        }
        IpAddr::V6(ip) => {
            let first = ip.segments()[0];
            let is_local = first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfe80;
            !(ip.is_loopback() || ip.is_unspecified() || is_local)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn registries_are_compared_as_addresses_not_as_text() {
        let verdict = |published: Option<&str>, wanted: Option<&str>| {
            registry("registry", published, wanted, true).map(|check| check.verdict)
        };
        assert_eq!(verdict(None, None), Some(Verdict::Warning));
        assert_eq!(
            verdict(Some("https://a.example:8935"), Some("https://a.example:8935/")),
            Some(Verdict::Good)
        );
        assert_eq!(
            verdict(Some("https://a.example:8935"), Some("https://b.example:8935")),
            Some(Verdict::Warning)
        );
        assert_eq!(
            verdict(Some("nonsense\u{1b}"), Some("https://b.example:8935")),
            Some(Verdict::Warning)
        );
        assert_eq!(verdict(Some("https://a.example:8935"), None), Some(Verdict::Good));
        assert_eq!(
            registry("ai_registry", None, Some("https://a.example:8935"), false),
            None
        );
    }

    #[test]
    fn only_addresses_strangers_can_reach_are_global() {
        for (ip, is_so) in [
            ("203.0.113.7", true),
            ("10.1.2.3", false),
            ("192.168.1.1", false),
            ("100.64.0.1", false),
            ("127.0.0.1", false),
            ("0.0.0.0", false),
            ("2001:db8::1", true),
            ("fd00::1", false),
            ("fe80::1", false),
            ("::1", false),
        ] {
            assert_eq!(is_global(&ip.parse().unwrap()), is_so, "{ip}");
        }
    }

    #[test]
    fn a_certificate_is_judged_by_time_and_name() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let at = |days: i64| Timestamp::from_second(1_800_000_000 + days * 86_400).ok();
        let facts = |from, until| CertificateFacts {
            names: vec!["o1.example.org".into()],
            not_before: at(from),
            not_after: at(until),
        };
        let verdict = |facts: &CertificateFacts, host| judge_certificate(Some(facts), host, now).verdict;
        assert_eq!(verdict(&facts(-1, 300), "o1.example.org"), Verdict::Good);
        assert_eq!(verdict(&facts(-1, 300), "o2.example.org"), Verdict::Warning);
        assert_eq!(verdict(&facts(-9, -1), "o1.example.org"), Verdict::Warning);
        assert_eq!(verdict(&facts(1, 300), "o1.example.org"), Verdict::Warning);
        assert_eq!(verdict(&facts(-1, 3), "o1.example.org"), Verdict::Warning);
        assert_eq!(judge_certificate(None, "x", now).verdict, Verdict::Warning);
    }
}
