//! What can go wrong on the way to the chain and back, classified for exit codes.

use std::{fmt, time::Duration};

use alloy::{
    primitives::{Address, TxHash},
    transports::{RpcError, TransportError},
};

use super::{reverts::Revert, text::plain};
use crate::{secret::RpcUrl, view::transaction::Finding};

/// What an error means for whoever asked; each is one exit code of the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The configuration does not fit the world: exit code 3.
    Config,
    /// Refused before anything was sent: exit code 4.
    Refused,
    /// Sent, outcome unknown: exit code 5.
    Unknown,
    /// Mined and reverted: exit code 6.
    Reverted,
    /// No usable answer from any endpoint: exit code 7.
    Unreachable,
}

/// Reading the chain did not work.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// The list of endpoints is empty.
    #[error("no RPC endpoint is configured")]
    NoEndpoint,
    /// A network lpctl does not know, without a Controller address.
    #[error("the network `{0}` is not known and no Controller address is given")]
    UnknownNetwork(String),
    /// Endpoints answer, but for another chain.
    #[error("{endpoint} is on chain {found}, but {network} is chain {expected}")]
    WrongChain {
        /// The endpoint that said so, as scheme, host and port.
        endpoint: String,
        /// The network asked for.
        network: String,
        /// Its chain id.
        expected: u64,
        /// What the endpoint says.
        found: u64,
    },
    /// The Controller's address has no code.
    #[error("there is no contract at the Controller address {controller} on chain {chain_id}")]
    NoController {
        /// Where it should be.
        controller: Address,
        /// The chain asked.
        chain_id: u64,
    },
    /// The Controller does not know a contract.
    #[error("the Controller {controller} knows no {name}")]
    ContractMissing {
        /// The Controller asked.
        controller: Address,
        /// The name asked for.
        name: &'static str,
    },
    /// No endpoint gave a usable answer.
    #[error("no RPC endpoint gave an answer: {0}")]
    Unreachable(EndpointFailures),
    /// An endpoint answered well-formed JSON-RPC that cannot be.
    #[error("an RPC endpoint gave an answer that makes no sense: {0}")]
    Garbage(String),
    /// An endpoint answered a request with an error of its own.
    #[error("the RPC endpoint refused the request: {message} (code {code})")]
    Refused {
        /// JSON-RPC error code.
        code: i64,
        /// Its message, made safe to show.
        message: String,
    },
    /// A read was reverted by the contract.
    #[error("reading `{call}` was reverted: {reason}")]
    Reverted {
        /// The function called.
        call: &'static str,
        /// Why.
        reason: Revert,
    },
}

impl ChainError {
    /// The exit code's class.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::NoEndpoint
            | Self::UnknownNetwork(_)
            | Self::WrongChain { .. }
            | Self::NoController { .. }
            | Self::ContractMissing { .. } => Class::Config,
            Self::Unreachable(_) | Self::Garbage(_) | Self::Refused { .. } | Self::Reverted { .. } => {
                Class::Unreachable
            }
        }
    }

    /// Stable name for scripts.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoEndpoint => "rpc_missing",
            Self::UnknownNetwork(_) => "network_unknown",
            Self::WrongChain { .. } => "wrong_chain",
            Self::NoController { .. } => "controller_missing",
            Self::ContractMissing { .. } => "contract_missing",
            Self::Unreachable(_) => "rpc_unreachable",
            Self::Garbage(_) => "rpc_garbage",
            Self::Refused { .. } => "rpc_refused",
            Self::Reverted { .. } => "read_reverted",
        }
    }

    /// The next step.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoEndpoint => "pass `--rpc-url`, or set `rpc_urls` in the configuration file",
            Self::UnknownNetwork(_) => "pass `--controller` with the address of the protocol's Controller",
            Self::WrongChain { .. } => "correct `--rpc-url` or `--network`: they must be the same chain",
            Self::NoController { .. } | Self::ContractMissing { .. } => {
                "correct `--controller` or `--rpc-url`: the protocol is not deployed there"
            }
            Self::Unreachable(_) => {
                "check the URL and the network, or add another endpoint with a second `--rpc-url`"
            }
            Self::Garbage(_) | Self::Refused { .. } | Self::Reverted { .. } => {
                "try another endpoint with `--rpc-url`"
            }
        }
    }
}

impl From<TransportError> for ChainError {
    fn from(error: TransportError) -> Self {
        match error {
            RpcError::ErrorResp(payload) => Self::Refused {
                code: payload.code,
                message: plain(&payload.message, 200),
            },
            RpcError::Transport(kind) => match kind.as_custom().and_then(|custom| custom.downcast_ref()) {
                Some(failures) => Self::from_failures(EndpointFailures::clone(failures)),
                None => Self::Garbage(plain(&kind.to_string(), 200)),
            },
            RpcError::NullResp => Self::Garbage("null".to_string()),
            RpcError::DeserError { err, text } => Self::Garbage(format!("{err} in `{}`", plain(&text, 100))),
            other => Self::Garbage(plain(&other.to_string(), 200)),
        }
    }
}

impl ChainError {
    /// A wrong chain is a mistake in the configuration, even if other endpoints are merely silent.
    pub(crate) fn from_failures(failures: EndpointFailures) -> Self {
        let wrong = failures.0.iter().find_map(|failure| match &failure.kind {
            FailureKind::WrongChain {
                network,
                expected,
                found,
            } => Some(Self::WrongChain {
                endpoint: failure.endpoint.to_string(),
                network: network.clone(),
                expected: *expected,
                found: *found,
            }),
            _ => None,
        });
        wrong.unwrap_or(Self::Unreachable(failures))
    }
}

/// One endpoint's failure. Shown without the endpoint's path and query, which may hold a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointFailure {
    /// Who failed.
    pub endpoint: RpcUrl,
    /// How.
    pub kind: FailureKind,
}

/// How an endpoint failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FailureKind {
    /// No connection: nothing has reached it.
    #[error("no connection ({0})")]
    NoConnection(String),
    /// No complete answer in time.
    #[error("no answer within {} s", .0.as_secs_f32())]
    Timeout(Duration),
    /// The connection broke before the answer was complete.
    #[error("the connection broke ({0})")]
    Broken(String),
    /// An HTTP status that is no success.
    #[error("HTTP status {status}{}", if .excerpt.is_empty() { String::new() } else { format!(": {}", .excerpt) })]
    Status {
        /// The status.
        status: u16,
        /// Beginning of the body.
        excerpt: String,
    },
    /// Not an answer of JSON-RPC.
    #[error("not a JSON-RPC answer{}", if .0.is_empty() { ": empty".to_string() } else { format!(": `{}`", .0) })]
    NotJsonRpc(String),
    /// More than any answer of ours can be.
    #[error("an answer of more than {0} bytes")]
    TooLong(usize),
    /// Some requests of a batch got no answer.
    #[error("{missing} of {asked} requests of a batch were not answered{}", if .message.is_empty() { String::new() } else { format!(": {}", .message) })]
    Incomplete {
        /// Answers missing.
        missing: usize,
        /// Requests in the batch.
        asked: usize,
        /// What it said instead.
        message: String,
    },
    /// It asks to be left alone for now, or has not seen the block yet.
    #[error("{0}")]
    Busy(String),
    /// It asks for a rest, and gets it.
    #[error("it asks not to be asked for {} s", .0.as_secs().max(1))]
    Limited(Duration),
    /// Another chain than the network's.
    #[error("it is on chain {found}, but {network} is chain {expected}")]
    WrongChain {
        /// The network asked for.
        network: String,
        /// Its chain id.
        expected: u64,
        /// What the endpoint says.
        found: u64,
    },
}

impl FailureKind {
    /// Whether trying again in a moment may help.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Broken(_) | Self::Busy(_) | Self::Limited(_) => true,
            Self::Status { status, .. } => matches!(status, 429 | 502..=504),
            _ => false,
        }
    }
}

impl fmt::Display for EndpointFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.endpoint, self.kind)
    }
}

/// Every endpoint's failure, in the order they were tried.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct EndpointFailures(pub Vec<EndpointFailure>);

impl fmt::Display for EndpointFailures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, failure) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str("; ")?;
            }
            failure.fmt(f)?;
        }
        Ok(())
    }
}

/// Sending a plan did not work. The variant says what is now true on the chain.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// Preflight rows stand in the way; nothing was sent.
    #[error("not sent: {}", refusals(.0))]
    Refused(Vec<Finding>),
    /// Made anew, the plan holds what was not agreed to; this step was not sent.
    #[error("not sent: the plan has changed since it was made: {0}")]
    PlanChanged(String),
    /// It could not be written down; this step was not sent.
    #[error("not sent: `{step}` could not be written down: {reason}")]
    NotRecorded {
        /// The step's name.
        step: String,
        /// Why.
        reason: String,
    },
    /// The key is another account's; nothing was sent.
    #[error("not sent: the key belongs to {signer}, but the plan is for {from}")]
    WrongSigner {
        /// The plan's account.
        from: Address,
        /// The key's account.
        signer: Address,
    },
    /// The simulation reverted; this step was not sent.
    #[error("not sent: `{step}` would revert: {reason}")]
    WouldRevert {
        /// The step's name.
        step: String,
        /// Why.
        reason: Revert,
    },
    /// The network's price rose above the operator's limit between plan and sending; this step was not sent.
    #[error("not sent: the gas price is {price}, your limit is {limit}")]
    GasPriceAboveLimit {
        /// Price now, in gwei for people.
        price: String,
        /// The limit, in gwei for people.
        limit: String,
    },
    /// Signing failed; this step was not sent.
    #[error("not sent: `{step}` could not be signed: {reason}")]
    Sign {
        /// The step's name.
        step: String,
        /// Why.
        reason: String,
    },
    /// Every endpoint turned the transaction down; it was not sent.
    #[error("not sent: the network turned `{step}` down: {message}")]
    Rejected {
        /// The step's name.
        step: String,
        /// What the first one said.
        message: String,
    },
    /// Another transaction took the nonce; this one can never be mined.
    #[error("`{step}` ({hash}) was not mined: another transaction with nonce {nonce} was")]
    NonceTaken {
        /// The step's name.
        step: String,
        /// Our transaction.
        hash: TxHash,
        /// The contested nonce.
        nonce: u64,
    },
    /// Another transaction was put in its place, by somebody who speeds up or cancels; this one can never be mined.
    #[error("`{step}` ({hash}) was not mined: {by} {} in its place", if *.cancelled { "cancelled it" } else { "was mined" })]
    Replaced {
        /// The step's name.
        step: String,
        /// Our transaction.
        hash: TxHash,
        /// The one that was mined.
        by: TxHash,
        /// Whether that one does nothing but take the nonce.
        cancelled: bool,
    },
    /// Another process is sending from the account and does not come to an end; this step was not sent.
    #[error(
        "not sent: {account} is in use by {} for {} s",
        .pid.map_or_else(|| "another process".to_string(), |pid| format!("process {pid}")),
        .waited.as_secs()
    )]
    AccountBusy {
        /// The account.
        account: Address,
        /// Who holds it.
        pid: Option<u32>,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The same waits to be mined already, and a second one could only fail; this step was not sent.
    #[error("not sent: `{step}` is on its way already as {hash}")]
    OnItsWay {
        /// The step's name.
        step: String,
        /// What waits.
        hash: TxHash,
    },
    /// Sent, or perhaps sent, and no receipt in time. It can still be mined: do not send it again.
    #[error("`{step}` ({hash}) was sent and has not been mined for {} s", .waited.as_secs())]
    Unconfirmed {
        /// The step's name.
        step: String,
        /// The transaction.
        hash: TxHash,
        /// How long the receipt was waited for.
        waited: Duration,
    },
    /// Mined, and it failed: it cost gas and changed nothing else.
    #[error("`{step}` ({hash}) was mined in block {block} and reverted: {reason}")]
    Reverted {
        /// The step's name.
        step: String,
        /// The transaction.
        hash: TxHash,
        /// Its block.
        block: u64,
        /// Why, found by running it again.
        reason: Revert,
    },
    /// The chain could not be read; this step was not sent.
    #[error("`{step}` was not sent: {source}")]
    Chain {
        /// The step's name, or `preflight`.
        step: String,
        /// What went wrong.
        source: ChainError,
    },
    /// Everything was mined, but the result could not be read back.
    #[error("{hash} was mined, but the result could not be read back: {source}")]
    ReadBack {
        /// The last transaction.
        hash: TxHash,
        /// What went wrong.
        source: ChainError,
    },
    /// A later step failed after earlier ones were mined.
    #[error("{} done, then: {source}", done(.mined))]
    Partly {
        /// The mined steps' names and transactions, in order.
        mined: Vec<(String, TxHash)>,
        /// What stopped the rest.
        #[source]
        source: Box<SubmitError>,
    },
}

impl SubmitError {
    /// The exit code's class.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Refused(_)
            | Self::PlanChanged(_)
            | Self::NotRecorded { .. }
            | Self::WrongSigner { .. }
            | Self::WouldRevert { .. }
            | Self::GasPriceAboveLimit { .. }
            | Self::Sign { .. }
            | Self::Rejected { .. }
            | Self::AccountBusy { .. }
            | Self::OnItsWay { .. }
            | Self::Replaced { .. }
            | Self::NonceTaken { .. } => Class::Refused,
            Self::Unconfirmed { .. } | Self::ReadBack { .. } => Class::Unknown,
            Self::Reverted { .. } => Class::Reverted,
            Self::Chain { source, .. } => source.class(),
            Self::Partly { source, .. } => source.class(),
        }
    }

    /// Stable name for scripts.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(findings) => findings.first().map_or("refused", |finding| finding.code),
            Self::PlanChanged(_) => "plan_changed",
            Self::NotRecorded { .. } => "not_recorded",
            Self::WrongSigner { .. } => "wrong_signer",
            Self::WouldRevert { reason, .. } => reason.explain().map_or("would_revert", |known| known.code),
            Self::GasPriceAboveLimit { .. } => "gas_price_above_limit",
            Self::Sign { .. } => "signing_failed",
            Self::Rejected { .. } => "transaction_rejected",
            Self::NonceTaken { .. } => "nonce_taken",
            Self::Replaced { cancelled: true, .. } => "cancelled",
            Self::Replaced { .. } => "replaced",
            Self::AccountBusy { .. } => "account_busy",
            Self::OnItsWay { .. } => "on_its_way",
            Self::Unconfirmed { .. } => "unconfirmed",
            Self::Reverted { .. } => "reverted",
            Self::Chain { source, .. } => source.code(),
            Self::ReadBack { .. } => "read_back_failed",
            Self::Partly { source, .. } => source.code(),
        }
    }

    /// The next step.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Refused(findings) => findings
                .iter()
                .map(|finding| finding.fix.as_str())
                .filter(|fix| !fix.is_empty())
                .collect::<Vec<_>>()
                .join("; "),
            Self::PlanChanged(_) => "run the command again to see the plan as it is now".to_string(),
            Self::NotRecorded { .. } => {
                "without its line a transaction could be lost sight of; make room on the disk, then run the command again"
                    .to_string()
            }
            Self::WrongSigner { from, .. } => format!("choose the key of {from} with `--account`"),
            Self::WouldRevert { reason, .. } | Self::Reverted { reason, .. } => reason
                .explain()
                .map_or("`lpctl status` shows the account's state", |known| known.fix)
                .to_string(),
            Self::GasPriceAboveLimit { .. } => "wait, or raise `--max-gas-price`".to_string(),
            Self::Sign { .. } => "check the account's key".to_string(),
            Self::Rejected { .. } => "see what it says, then run the command again".to_string(),
            Self::NonceTaken { .. } => {
                "the account is used by something else at the same time; see what it did, then run the command again"
                    .to_string()
            }
            Self::Replaced { by, .. } => format!("`lpctl tx show {by}` tells what was mined instead"),
            Self::AccountBusy { pid: Some(pid), .. } => {
                format!("see what process {pid} is doing; the account is free once it has sent, or ended")
            }
            Self::AccountBusy { pid: None, .. } => {
                "the account is free once the other process has sent, or ended; then run the command again"
                    .to_string()
            }
            Self::OnItsWay { hash, .. } => {
                format!("`lpctl tx show {hash}` tells what becomes of it, `lpctl tx speed-up {hash}` hurries it")
            }
            Self::Unconfirmed { hash, .. } => format!(
                "it can still be mined, do not send it again; `lpctl tx show {hash}` tells, `lpctl tx speed-up {hash}` hurries it"
            ),
            Self::Chain { source, .. } => source.hint().to_string(),
            Self::ReadBack { .. } => {
                "it was mined and worked, do not send it again; `lpctl status` shows the result".to_string()
            }
            Self::Partly { source, .. } => source.hint(),
        }
    }
}

fn refusals(findings: &[Finding]) -> String {
    let messages: Vec<&str> = findings.iter().map(|finding| finding.message.as_str()).collect();
    messages.join("; ")
}

fn done(mined: &[(String, TxHash)]) -> String {
    let names: Vec<String> = mined.iter().map(|(name, _)| format!("`{name}`")).collect();
    names.join(", ")
}
