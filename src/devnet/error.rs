//! Why a devnet does not do what it was asked.

use std::{path::Path, time::Duration};

use super::artifacts::ArtifactError;

/// A devnet did not start, or did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum DevnetError {
    /// Something else listens where anvil was to.
    #[error("port {port} on 127.0.0.1 is taken by another program")]
    PortTaken {
        /// The port.
        port: u16,
    },
    /// anvil ended before it answered, or never answered.
    #[error("anvil did not start: {detail}")]
    Start {
        /// Its last words, or how it ended.
        detail: String,
    },
    /// anvil did not take a state it was given.
    #[error("the saved chain cannot be used: {detail}")]
    State {
        /// What is wrong with it.
        detail: String,
    },
    /// The saved chain was made with other parameters or by another anvil.
    #[error("the saved devnet does not fit: {difference}")]
    OtherDevnet {
        /// What differs.
        difference: String,
    },
    /// A request to the chain failed.
    #[error("the devnet's chain did not answer {request}: {detail}")]
    Rpc {
        /// What was asked.
        request: &'static str,
        /// What came instead.
        detail: String,
    },
    /// There is a chain, but not one of ours.
    #[error("the chain at {url} is no devnet of lpctl: {detail}")]
    NotADevnet {
        /// Where it is.
        url: String,
        /// What is different.
        detail: String,
    },
    /// A transaction failed on the chain.
    #[error("{step} was reverted in block {block}")]
    Reverted {
        /// What it was to do.
        step: String,
        /// The block it is in.
        block: u64,
    },
    /// A transaction was not mined.
    #[error("{step} was not mined within {} s", waited.as_secs())]
    NotMined {
        /// What it was to do.
        step: String,
        /// How long was waited.
        waited: Duration,
    },
    /// The parameters make no protocol.
    #[error("{0}")]
    Parameters(String),
    /// A compiled contract cannot be used.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

impl DevnetError {
    /// Names the file in an I/O error.
    pub(super) fn at(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::File {
            path: path.display().to_string(),
            source,
        }
    }

    /// Names the request in a transport error.
    pub(super) fn rpc(request: &'static str) -> impl FnOnce(alloy::transports::TransportError) -> Self {
        move |error| Self::Rpc {
            request,
            detail: match error.as_error_resp() {
                Some(answer) => answer.message.to_string(),
                None => error.to_string(),
            },
        }
    }
}
