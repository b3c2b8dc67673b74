//! Finding orchestrators: where their addresses come from, and which of them give a session
//! (`go-livepeer discovery/discovery.go`, `discovery/wh_discovery.go`, `discovery/db_discovery.go`).

use std::{fmt, sync::Arc};

use alloy::primitives::Address;
use url::Url;

use crate::{units::Lpt, wire::client::ConnectError};

mod ask;
mod registry;
mod source;
mod webhook;

pub(super) use ask::{Ask, Found, ask};
pub use ask::{Nobody, Offer};
pub use registry::{Registered, Registry, RegistryFuture};
pub use source::SourceError;

use source::Cached;

/// An orchestrator that may be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its address.
    pub uri: Url,
    /// Whether its operator is known: it was named by hand, or with a score of 1.
    pub is_trusted: bool,
    /// Its account, if it was found on the chain.
    pub account: Option<Address>,
    /// Stake behind it, if it was found on the chain.
    pub stake: Option<Lpt>,
}

/// Where orchestrators come from. Cheap to clone; clones share what was fetched.
#[derive(Clone)]
pub struct Discovery(Arc<Origin>);

enum Origin {
    List(Arc<[Candidate]>),
    Webhook(Cached),
    Registry(Cached),
}

impl fmt::Debug for Discovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Origin::List(list) => f
                .debug_list()
                .entries(list.iter().map(|one| one.uri.as_str()))
                .finish(),
            Origin::Webhook(cached) | Origin::Registry(cached) => cached.fmt(f),
        }
    }
}

impl Discovery {
    /// Addresses given by hand, in any order. `parse_node_address` reads them as people write them.
    #[must_use]
    pub fn list(uris: impl IntoIterator<Item = Url>) -> Self {
        let mut list: Vec<Candidate> = Vec::new();
        for uri in uris {
            if list.iter().all(|known| known.uri != uri) {
                list.push(Candidate {
                    uri,
                    is_trusted: true,
                    account: None,
                    stake: None,
                });
            }
        }
        Self(Arc::new(Origin::List(list.into())))
    }

    /// A webhook that answers with addresses and scores, asked at most once a minute. Its certificate is checked.
    ///
    /// # Errors
    /// [`ConnectError::Client`] if no client for it can be made.
    pub fn webhook(url: Url) -> Result<Self, ConnectError> {
        let cached = Cached::new(webhook::Webhook::new(url)?, webhook::LIFETIME);
        Ok(Self(Arc::new(Origin::Webhook(cached))))
    }

    /// The orchestrators active on the chain.
    #[must_use]
    pub fn registry(registry: Arc<dyn Registry>) -> Self {
        let cached = Cached::new(registry::Source(registry), registry::LIFETIME);
        Self(Arc::new(Origin::Registry(cached)))
    }

    /// Who may be asked now. A list that cannot be fetched anew stays as it was.
    ///
    /// # Errors
    /// [`SourceError`] if there never was one.
    pub async fn candidates(&self) -> Result<Arc<[Candidate]>, SourceError> {
        match &*self.0 {
            Origin::List(list) => Ok(Arc::clone(list)),
            Origin::Webhook(cached) | Origin::Registry(cached) => cached.get().await,
        }
    }

    /// Who may be asked, as far as it is known without asking.
    #[must_use]
    pub(super) fn known(&self) -> Arc<[Candidate]> {
        match &*self.0 {
            Origin::List(list) => Arc::clone(list),
            Origin::Webhook(cached) | Origin::Registry(cached) => cached.known(),
        }
    }

    /// Whether the chain says who there is.
    pub(super) fn is_on_chain(&self) -> bool {
        matches!(&*self.0, Origin::Registry(_))
    }
}
