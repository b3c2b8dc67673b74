//! Lines of either node that are known: why they come, and what to do.

use engine::node::alerts::rule;
use serde::Serialize;

use super::line::{Line, Origin};

/// What is known of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Known {
    /// What it is recognised by.
    pub id: &'static str,
    /// Why it comes.
    pub why: &'static str,
    /// What to do.
    pub next: &'static str,
}

const fn line(id: &'static str, why: &'static str, next: &'static str) -> Known {
    Known { id, why, next }
}

/// What is known of a line; the first that fits.
pub fn of(line: &Line) -> Option<Known> {
    if let Some(rule) = line.fields.get("alert").and_then(|code| rule(code)) {
        return Some(Known {
            id: rule.code,
            why: rule.summary,
            next: rule.next,
        });
    }
    let says =
        |text: &str| line.message.contains(text) || line.fields.values().any(|value| value.contains(text));
    let tables: &[&[Known]] = match line.origin {
        // An error says more than the line it is in.
        Origin::Lpctl => &[EITHER, OWN],
        Origin::GoLivepeer => &[EITHER, GO],
        Origin::Unknown => &[EITHER, GO, OWN],
    };
    tables
        .iter()
        .flat_map(|table| table.iter())
        .find(|known| says(known.id))
        .copied()
}

/// What both nodes write in their lines, since it travels between them (`go-livepeer core/orchestrator.go`,
/// `pm/recipient.go`).
const EITHER: &[Known] = &[
    line(
        "OrchestratorBusy",
        "the orchestrator had no free place for the segment",
        "on an orchestrator: fewer sessions, or more transcoders; a gateway tries another one by itself",
    ),
    line(
        "OrchestratorCapped",
        "the orchestrator has as many sessions as it takes",
        "raise its most sessions if the machine has room: `lpctl node set-max-sessions`",
    ),
    line(
        "TicketParams expired",
        "the gateway paid with ticket parameters from too many blocks ago",
        "one is nothing, it asks anew; if they keep coming, one of both nodes reads a chain that lags: `lpctl rpc test`",
    ),
    line(
        "insufficient sender reserve",
        "the gateway's reserve does not cover what its tickets may win",
        "the gateway adds to it with `lpctl deposit fund`; an orchestrator is right to refuse",
    ),
    line(
        "no transcoders available",
        "no transcoder is connected to the orchestrator, or all are full",
        "start one, or raise its sessions; `lpctl node transcoders` lists those that are there",
    ),
    line(
        "Remote transcoder took too long",
        "a transcoder did not answer in time",
        "look at its load and at the way between it and the orchestrator; it was sent away and may come back",
    ),
    line(
        "invalid secret",
        "the transcoder's secret is not the orchestrator's",
        "put the same first line into both secret files",
    ),
];

/// go-livepeer's lines.
const GO: &[Known] = &[
    line(
        "Error trying to call reward",
        "the round's reward was not called; go-livepeer tries once a round and not again",
        "`lpctl reward call` now, or `lpctl reward watch` for good",
    ),
    line(
        "insufficient sender funds for redeem tx cost",
        "the gateway's deposit and reserve would not pay for redeeming its ticket",
        "nothing now: it may be redeemed when gas is cheap or the gateway adds funds; `lpctl ticket list` tells how long it can be",
    ),
    line(
        "insufficient ticket face value for redeem tx cost",
        "the ticket is worth less than the gas for redeeming it",
        "wait for cheaper gas; larger tickets are asked for with a larger `-ticketEV`",
    ),
    line(
        "is set to unlock soon",
        "the gateway is about to take its deposit out",
        "redeem its tickets before: `lpctl ticket redeem`",
    ),
    line(
        "Error redeeming",
        "a winning ticket was not redeemed this time",
        "the reason is beside it; it is tried again while its two rounds last",
    ),
    line(
        "Insufficient credit balance for stream",
        "the gateway has not paid enough for the segment",
        "nothing on the orchestrator's side; a gateway that keeps doing so is no customer",
    ),
    line(
        "Sig check failed",
        "the segment's signature is not that of who pays for it",
        "the gateway's account and its signer must be the same",
    ),
    line(
        "Capability check failed",
        "the segment asks for something this node does not do",
        "compare codecs and versions of both nodes",
    ),
    line(
        "Mismatched hash for body",
        "the segment's bytes are not those that were announced",
        "a proxy between both nodes changes or cuts bodies, or the gateway is faulty",
    ),
    line(
        "Service address",
        "the address in the registry is not the one this node was told",
        "`lpctl orch set-service-uri` or `-serviceAddr`: both must be the same",
    ),
    line(
        "Could not register transcoder",
        "the orchestrator did not take this transcoder",
        "address, secret, and whether it listens for transcoders at all",
    ),
    line(
        "Did not connect transcoder",
        "the orchestrator does not answer at that address",
        "`-orchAddr` must be its host and port, without https://; look at firewalls",
    ),
    line(
        "zero capacity",
        "the transcoder offered no sessions",
        "`-maxSessions` must be at least 1",
    ),
    line(
        "Transcoder was busy with a previous segment",
        "segments of one stream came faster than they were transcoded",
        "fewer sessions, or faster hardware: it does not keep up with real time",
    ),
    line(
        "unrecoverable transcoding failure",
        "the GPU's transcoder is broken until the process starts anew; go-livepeer ends itself",
        "restart it, and look for Xid errors in the kernel's log; `lpctl run` sets only that GPU aside",
    ),
    line(
        "blockwatch.Watcher error encountered",
        "the chain could not be read this time",
        "once is nothing; else another endpoint, or `lpctl rpc serve` in front of several",
    ),
    line(
        "error getting gas price",
        "the RPC endpoint does not tell the price of gas",
        "`lpctl rpc test`; another endpoint, or `lpctl rpc serve` in front of several",
    ),
    line(
        "Failed to fetch updated price from PriceFeed",
        "the price feed's contract could not be read: the last price holds",
        "`lpctl rpc test`; a price in wei needs no feed",
    ),
    line(
        "No sessions available",
        "the gateway found no orchestrator for the stream",
        "its price limit, its orchestrators, and its deposit: `lpctl deposit show`",
    ),
    line(
        "hit max transcode attempts",
        "several orchestrators failed at one segment",
        "the lines before it tell each failure; if all fail alike, the source is at fault",
    ),
    line(
        "Need to specify an Ethereum node JSON-RPC URL",
        "`-ethUrl` is missing",
        "name an Arbitrum endpoint; `lpctl rpc test` tries it",
    ),
    line(
        "Missing -orchSecret",
        "a transcoder needs the orchestrator's secret",
        "`-orchSecret` with a file's path",
    ),
    line(
        "Could not parse payment",
        "what came as payment is none",
        "the gateway is of another version or kind",
    ),
    line(
        "Could not verify segment creds",
        "the segment's papers do not hold; the reason is beside it",
        "an expired session is normal after a pause; else compare clocks and versions",
    ),
];

/// lpctl's lines.
const OWN: &[Known] = &[
    line(
        "transcoding runs at",
        "transcoding takes longer than the video plays",
        "fewer sessions, or a faster preset: `lpctl bench transcode` measures what fits",
    ),
    line(
        "a segment was not received",
        "the segment broke off, was too slow, or is not the one that was announced",
        "the error says which; often the way from the gateway",
    ),
    line(
        "no place: ",
        "the session's queue is full, the node is full, or the segment would come out too late",
        "fewer sessions: `lpctl node set-max-sessions`",
    ),
    line(
        "a segment failed",
        "the segment was answered with an error, which is beside it",
        "`lpctl explain` knows stable errors; errors of one stream alone are its source's",
    ),
    line(
        "refused a segment",
        "its papers or its payment do not hold, or the node is full",
        "the refusal is beside it; the gateway is told the same",
    ),
    line(
        "a task asks for what this transcoder does not do",
        "the orchestrator sent work that this transcoder never offered",
        "compare versions of both",
    ),
    line(
        "a transcoder with another secret was refused",
        "somebody registered with a secret that is not this orchestrator's",
        "put the same first line into both secret files, or look who it is",
    ),
    line(
        "handed a segment to a transcoder again",
        "the first transcoder was lost or failed, and another one does its work",
        "look at the first one's log if it happens often",
    ),
    line(
        "a transcoder left",
        "its connection ended; the reason is beside it",
        "its own log tells why; the work goes to the others",
    ),
    line(
        "a result was not handed in",
        "the orchestrator was gone, or did not want it any more",
        "look at the way to the orchestrator",
    ),
    line(
        "refused a task: there are as many as may be",
        "the orchestrator sends more than this transcoder offered",
        "fewer sessions for it, or wait: the orchestrator is told",
    ),
    line(
        "an attempt at a segment failed",
        "one orchestrator did not do it; another one is tried",
        "an address that comes up often can be left out of the gateway's list",
    ),
    line(
        "a segment has no renditions",
        "all attempts at it failed",
        "the lines of its attempts, just before, tell why",
    ),
    line(
        "the books cannot be looked at",
        "the file with the node's books cannot be read now",
        "room on the disk, and whether somebody else holds the file",
    ),
    line(
        "an alert did not get through",
        "a webhook, a program or the desktop did not take it",
        "`lpctl alerts test` tries it again and says why",
    ),
    line(
        "a payment cannot be taken",
        "the node's books cannot be written",
        "room on the disk, and the right to write to the node's folder",
    ),
    line(
        "stopping the node",
        "one of the node's tasks ended unasked, so all of it ends",
        "the cause is beside it",
    ),
];

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, fs, path::Path};

    use engine::node::alerts::RULES;
    use jiff::Timestamp;

    use super::*;
    use crate::logs::line::read;

    fn sources(folder: &Path, all: &mut String) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => sources(&path, all),
                false => all.push_str(&fs::read_to_string(path).unwrap_or_default()),
            }
        }
    }

    #[test]
    fn our_own_lines_are_written_somewhere() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut all = String::new();
        sources(&root.join("src"), &mut all);
        for known in OWN {
            assert!(all.contains(known.id), "nothing writes `{}`", known.id);
        }
    }

    #[test]
    fn each_line_is_known_once_and_says_what_to_do() {
        let ids: Vec<_> = EITHER.iter().chain(GO).chain(OWN).map(|known| known.id).collect();
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
        for known in EITHER.iter().chain(GO).chain(OWN) {
            assert!(!known.why.is_empty() && !known.next.is_empty(), "{}", known.id);
            assert!(
                !known.why.ends_with('.') && !known.next.ends_with('.'),
                "{}",
                known.id
            );
        }
    }

    #[test]
    fn lines_are_known_by_message_error_or_alert() {
        let known = |text: &str| of(&read(text, Timestamp::now())).map(|known| known.id);
        let go = "E0102 03:04:05.678901 1 rewardservice.go:60] Error trying to call reward for round 3 err=\"timeout\"";
        assert_eq!(known(go), Some("Error trying to call reward"));
        let by_error = "E0102 03:04:05.678901 1 queue.go:149] Error redeeming err=\"insufficient sender funds for redeem tx cost\"";
        assert_eq!(
            known(by_error),
            Some("insufficient sender funds for redeem tx cost")
        );
        assert_eq!(
            known("2026-01-02T03:04:05Z  WARN refused a segment refusal=x"),
            Some("refused a segment")
        );
        let code = RULES[0].code;
        assert_eq!(
            known(&format!("2026-01-02T03:04:05Z ERROR whatever alert=\"{code}\"")),
            Some(code)
        );
        assert_eq!(known("hello"), None);
    }
}
