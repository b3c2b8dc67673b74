//! From settings to a connected chain, and what a chain's errors mean to the operator.

use engine::chain::{Chain, ChainConfig, ChainError, Class, Network, SubmitError, provider::Endpoints};
use serde_json::json;

use crate::{
    context::Context,
    failure::{Failure, Kind},
};

/// Connects to the network of the settings. An endpoint that failed while another answered is a warning.
///
/// # Errors
/// A config failure for what is missing or contradicts the chain; unreachable when no endpoint answers.
pub async fn connect(context: &mut Context) -> Result<Chain, Failure> {
    let settings = context.settings();
    let mut config = ChainConfig::new(settings.network.clone(), settings.rpc_urls.clone());
    config.controller = settings.controller;
    config.chain_id = settings.chain_id;
    if config.network == "offchain" {
        return Err(no_chain());
    }
    // An endpoint that was typed is more likely mistyped than down.
    let is_devnet = config.network == "devnet" && settings.from_command_line.rpc_urls.is_none();
    let chain = Chain::connect(config).await.map_err(|error| {
        let failure = Failure::from(error);
        if is_devnet && failure.kind == Kind::Unreachable {
            return failure.hint("is the devnet up? `lpctl devnet up --detach` starts it");
        }
        failure
    })?;
    for failing in chain.failing_endpoints() {
        context.shell.warn(format_args!(
            "an endpoint failed, another one answered: {failing}"
        ));
    }
    Ok(chain)
}

/// The endpoints of the settings, none of them asked yet. Needs no contract.
///
/// # Errors
/// A config failure when there is none.
pub fn endpoints(context: &Context) -> Result<Endpoints, Failure> {
    let settings = context.settings();
    if settings.network == "offchain" {
        return Err(no_chain());
    }
    // A network of the operator's own has no Controller here, and needs none.
    let known = Network::resolve(&settings.network, settings.controller, settings.chain_id).ok();
    let name = known
        .as_ref()
        .map_or(settings.network.as_str(), |known| known.name.as_str());
    let chain_id = known
        .as_ref()
        .and_then(|known| known.chain_id)
        .or(settings.chain_id);
    let timeout = ChainConfig::new("", Vec::new()).timeout;
    Endpoints::new(settings.rpc_urls.clone(), name, chain_id, timeout).map_err(Failure::from)
}

fn no_chain() -> Failure {
    Failure::new(
        Kind::Config,
        "offchain",
        "the network is `offchain`: there is no chain to ask",
    )
    .hint("choose one with `--network`, or a profile with `--profile`")
}

/// The exit code of an engine's class.
fn kind(class: Class) -> Kind {
    match class {
        Class::Config => Kind::Config,
        Class::Refused => Kind::Refused,
        Class::Unknown => Kind::Unknown,
        Class::Reverted => Kind::Reverted,
        Class::Unreachable => Kind::Unreachable,
    }
}

impl From<ChainError> for Failure {
    fn from(error: ChainError) -> Self {
        let mut failure = Self::new(kind(error.class()), error.code(), error.to_string()).hint(error.hint());
        if let ChainError::Unreachable(failures) = &error {
            let endpoints: Vec<_> = failures
                .0
                .iter()
                .map(|failure| json!({ "endpoint": failure.endpoint, "reason": failure.kind.to_string() }))
                .collect();
            failure = failure.details(json!({ "endpoints": endpoints }));
            if failures.0.len() > 1 {
                failure.message = format!("none of {} RPC endpoints gave an answer", failures.0.len());
                let lines: Vec<String> = failures.0.iter().map(|failure| format!("  {failure}")).collect();
                failure = failure.explanation(lines.join("\n"));
            }
        }
        failure
    }
}

impl From<SubmitError> for Failure {
    fn from(error: SubmitError) -> Self {
        let kind = match (&error, kind(error.class())) {
            (SubmitError::Partly { .. }, kind @ (Kind::Unknown | Kind::Reverted)) => kind,
            // All others promise that nothing was sent.
            (SubmitError::Partly { .. }, _) => Kind::Failed,
            (_, kind) => kind,
        };
        let mut failure = Self::new(kind, error.code(), error.to_string());
        let hint = error.hint();
        if !hint.is_empty() {
            failure = failure.hint(hint);
        }
        match facts(&error) {
            Some(facts) => failure.details(facts),
            None => failure,
        }
    }
}

/// What a script needs to go on: the transactions there are.
fn facts(error: &SubmitError) -> Option<serde_json::Value> {
    match error {
        SubmitError::Refused(findings) => Some(json!({ "findings": findings })),
        SubmitError::Unconfirmed { step, hash, waited } => {
            Some(json!({ "step": step, "hash": hash, "waited_seconds": waited.as_secs() }))
        }
        SubmitError::Reverted {
            step, hash, block, ..
        } => Some(json!({ "step": step, "hash": hash, "block": block })),
        SubmitError::NonceTaken { step, hash, nonce } => {
            Some(json!({ "step": step, "hash": hash, "nonce": nonce }))
        }
        SubmitError::Replaced {
            step,
            hash,
            by,
            cancelled,
        } => Some(json!({ "step": step, "hash": hash, "by": by, "cancelled": cancelled })),
        SubmitError::AccountBusy { account, pid, waited } => {
            Some(json!({ "account": account, "pid": pid, "waited_seconds": waited.as_secs() }))
        }
        SubmitError::ReadBack { hash, .. } => Some(json!({ "hash": hash })),
        SubmitError::Partly { mined, source } => {
            let mined: Vec<_> = mined
                .iter()
                .map(|(step, hash)| json!({ "step": step, "hash": hash }))
                .collect();
            Some(json!({ "mined": mined, "failed": facts(source) }))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use alloy::primitives::TxHash;

    use super::*;

    #[test]
    fn once_something_was_mined_no_exit_code_promises_the_opposite() {
        let hash = TxHash::repeat_byte(1);
        let unread = || SubmitError::Chain {
            step: "bond".to_string(),
            source: ChainError::Garbage("null".to_string()),
        };
        let unconfirmed = || SubmitError::Unconfirmed {
            step: "bond".to_string(),
            hash,
            waited: Duration::from_secs(1),
        };
        let partly = |source| SubmitError::Partly {
            mined: vec![("approve".to_string(), hash)],
            source: Box::new(source),
        };
        let lagging = SubmitError::ReadBack {
            hash,
            source: ChainError::Garbage("null".to_string()),
        };
        let stale = SubmitError::PlanChanged("it costs more".to_string());
        for (error, kind) in [
            (unread(), Kind::Unreachable),
            (partly(unread()), Kind::Failed),
            (partly(stale), Kind::Failed),
            (partly(unconfirmed()), Kind::Unknown),
            (lagging, Kind::Unknown),
        ] {
            let shown = error.to_string();
            assert_eq!(Failure::from(error).kind, kind, "{shown}");
        }
    }
}
