//! Where a session's renditions go if not into the node's memory: the gateway's object store or the node's own
//! (`go-livepeer core/os.go`). Chosen with the session's first segment, it stays.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use jiff::Timestamp;
use tokio::time::timeout;

use super::{
    Node,
    sources::{self, Reachable},
};
use crate::{
    store::{Grant, PutError},
    wire::{client::HTTP_CONNECT_TIMEOUT, net},
};

/// How often a file is tried.
const ATTEMPTS: u32 = 2;

/// Why a rendition is not where the gateway would look for it. The text travels to the gateway.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum OutletError {
    /// The store may not be talked to, or its name leads nowhere.
    #[error("the object store cannot be used: {0}")]
    Unusable(String),
    /// It did not take the file.
    #[error(transparent)]
    Put(#[from] PutError),
}

/// A place outside of the node for one session's renditions.
pub(super) struct Outlet {
    grant: Grant,
    /// Whether it may be on an address that only this machine or its neighbours can reach.
    may_be_private: bool,
    /// Connects to the addresses that were judged, and keeps connections.
    client: Mutex<Option<reqwest::Client>>,
}

impl Outlet {
    /// The gateway's store if it has one, else the node's own; none if neither has: then renditions stay in memory.
    pub(super) fn choose(node: &Node, session: &str, offered: Option<&net::OsInfo>) -> Option<Self> {
        if let Some(grant) = offered.and_then(Grant::read) {
            return Some(Self::new(grant, node.may_fetch_privately()));
        }
        let own = node.object_store()?;
        own.grant(session, Timestamp::now())
            .map(|grant| Self::new(grant, true))
    }

    fn new(grant: Grant, may_be_private: bool) -> Self {
        Self {
            grant,
            may_be_private,
            client: Mutex::default(),
        }
    }

    /// Puts a file there and tells its URL.
    pub(super) async fn put(&self, name: &str, data: &Bytes) -> Result<String, OutletError> {
        let mut attempt = 1;
        loop {
            let put = self.grant.put(&self.client().await?, name, data).await;
            match put {
                Ok(url) => return Ok(url),
                // What was refused will be refused again, and for what was too slow there is no time left.
                Err(error @ PutError::Unreachable(_)) if attempt < ATTEMPTS => {
                    tracing::warn!(host = %self.grant.host(), %error, "trying an object store again");
                    *self.client.lock().unwrap_or_else(PoisonError::into_inner) = None;
                    attempt += 1;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn client(&self) -> Result<reqwest::Client, OutletError> {
        let known = self.client.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(client) = known {
            return Ok(client);
        }
        let host = self.grant.host();
        let looking = timeout(
            HTTP_CONNECT_TIMEOUT,
            sources::reachable(host, self.may_be_private),
        );
        let Reachable { name, addresses } = looking
            .await
            .map_err(|_| OutletError::Unusable("its name is not resolved in time".to_string()))?
            .map_err(|error| OutletError::Unusable(error.to_string()))?;
        // A store has a certificate that can be checked, unlike nodes.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .connect_timeout(HTTP_CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .resolve_to_addrs(&name, &addresses);
        if host.scheme() == "http" {
            builder = builder.tls_certs_only(Vec::<reqwest::Certificate>::new());
        }
        let client = builder
            .build()
            .map_err(|error| OutletError::Unusable(error.without_url().to_string()))?;
        *self.client.lock().unwrap_or_else(PoisonError::into_inner) = Some(client.clone());
        Ok(client)
    }
}

impl fmt::Debug for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.grant, f)
    }
}
