//! What the engine's devnet errors mean to the operator.

use engine::devnet::{DevnetError, HomeError, PartsError};

use crate::failure::{Failure, Kind};

/// Class, code and next step of what went wrong with a devnet.
pub(super) fn of(error: DevnetError) -> Failure {
    let (kind, code, hint) = match &error {
        DevnetError::PortTaken { .. } => (
            Kind::Failed,
            "port_taken",
            "choose another with `--port N`, or any free one with `--port 0`",
        ),
        DevnetError::Start { .. } => (
            Kind::Failed,
            "anvil_failed",
            "anvil needs glibc 2.35 or newer (Debian 12, Ubuntu 22.04); name one of your own with `--anvil PATH`",
        ),
        DevnetError::State { .. } => (Kind::Failed, "bad_state", "start anew with `--fresh`"),
        DevnetError::OtherDevnet { .. } => (
            Kind::Refused,
            "other_devnet",
            "nothing was changed; start anew with `--fresh`, or leave out what differs",
        ),
        DevnetError::Rpc { .. } => (
            Kind::Unreachable,
            "devnet_unreachable",
            "`lpctl devnet status` tells whether it still runs",
        ),
        DevnetError::NotADevnet { .. } => (
            Kind::Failed,
            "not_a_devnet",
            "start one with `lpctl devnet up --detach`",
        ),
        DevnetError::Reverted { .. } => (
            Kind::Reverted,
            "reverted",
            "start anew with `lpctl devnet up --fresh` if the chain is in a state it should not be in",
        ),
        DevnetError::NotMined { .. } => (
            Kind::Unknown,
            "not_mined",
            "`lpctl devnet status` tells whether the chain still moves",
        ),
        DevnetError::Parameters(_) => (
            Kind::Usage,
            "bad_parameters",
            "`lpctl devnet up --help` gives the usual values",
        ),
        DevnetError::Artifact(_) => (
            Kind::Failed,
            "bad_parts",
            "remove the folder `devnet` in the cache (`lpctl config path`), then run `lpctl devnet setup`",
        ),
        DevnetError::File { .. } => (
            Kind::Failed,
            "file_failed",
            "check the folder's permissions and the space left",
        ),
    };
    Failure::new(kind, code, error.to_string()).hint(hint)
}

/// The same for the folder of the devnet and its holder.
pub(super) fn of_home(error: HomeError) -> Failure {
    let failure = |kind, code| Failure::new(kind, code, error.to_string());
    match &error {
        HomeError::Held { .. } => failure(Kind::Refused, "devnet_running")
            .hint("`lpctl devnet status` shows it; `lpctl devnet down` ends it"),
        HomeError::Stuck { pid, .. } => failure(Kind::Failed, "devnet_stuck").hint(format!(
            "end it yourself: `kill -9 {pid}`; its anvil ends with it"
        )),
        HomeError::Signal { .. } => {
            failure(Kind::Failed, "devnet_not_yours").hint("ask its owner to end it, or do it as that user")
        }
        HomeError::File(_) => match error {
            HomeError::File(error) => of(error),
            _ => failure(Kind::Failed, "file_failed"),
        },
    }
}

/// The same for the parts.
pub(super) fn of_parts(error: PartsError) -> Failure {
    let (kind, code, hint) = match &error {
        PartsError::Platform { .. } => (
            Kind::Failed,
            "no_anvil_for_this_machine",
            "build or install anvil 1.7 yourself and name it with `--anvil PATH`",
        ),
        PartsError::Npm { .. } => (
            Kind::Failed,
            "npm_missing",
            "install Node.js with npm (Debian: `apt install npm`); it is needed once, to download the parts",
        ),
        PartsError::Offline { .. } => (
            Kind::Unreachable,
            "npm_offline",
            "check the network and `npm config get registry`, then run `lpctl devnet setup`",
        ),
        PartsError::Download { .. } | PartsError::Slow { .. } => (
            Kind::Failed,
            "npm_failed",
            "run `lpctl devnet setup` again; `npm doctor` looks for what is wrong with npm",
        ),
        PartsError::Integrity { .. } => (
            Kind::Refused,
            "integrity_mismatch",
            "do not use it: your registry delivers something else than the package lpctl was made with",
        ),
        PartsError::Incomplete { .. } => (
            Kind::Failed,
            "bad_parts",
            "remove the folder `devnet` in the cache (`lpctl config path`), then run `lpctl devnet setup`",
        ),
        PartsError::Busy { .. } => (
            Kind::Failed,
            "setup_busy",
            "wait for the other `lpctl`, or end it",
        ),
        PartsError::OwnAnvil { .. } => (
            Kind::Config,
            "bad_anvil",
            "check `--anvil` and LPCTL_ANVIL, or leave both out to use lpctl's own",
        ),
        PartsError::File { .. } => (
            Kind::Failed,
            "file_failed",
            "check the cache folder's permissions and the space left (`lpctl config path`)",
        ),
    };
    Failure::new(kind, code, error.to_string()).hint(hint)
}

/// Stable codes a detached devnet may end with: its failure comes back as text and becomes one of ours again.
const CODES: &[&str] = &[
    "port_taken",
    "anvil_failed",
    "bad_state",
    "other_devnet",
    "devnet_unreachable",
    "not_a_devnet",
    "reverted",
    "not_mined",
    "bad_parameters",
    "bad_parts",
    "file_failed",
    "devnet_running",
    "devnet_ended",
    "interrupted",
    "config_not_written",
    "keystore_failed",
];

/// What the envelope of a detached devnet says went wrong.
pub(super) fn of_envelope(envelope: &serde_json::Value, exit_code: Option<i32>) -> Option<Failure> {
    let error = envelope.get("error")?;
    let code = error.get("code")?.as_str()?;
    let code = CODES
        .iter()
        .copied()
        .find(|known| *known == code)
        .unwrap_or("devnet_failed");
    let kinds = [
        Kind::Usage,
        Kind::Config,
        Kind::Refused,
        Kind::Unknown,
        Kind::Reverted,
        Kind::Unreachable,
        Kind::Bug,
        Kind::Interrupted,
    ];
    let kind = kinds
        .into_iter()
        .find(|kind| Some(*kind as i32) == exit_code)
        .unwrap_or(Kind::Failed);
    let failure = Failure::new(kind, code, error.get("message")?.as_str()?);
    Some(match error.get("hint").and_then(|hint| hint.as_str()) {
        Some(hint) => failure.hint(hint),
        None => failure,
    })
}
