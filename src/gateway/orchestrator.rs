//! Asking an orchestrator for a session, judging what it offers, and giving the session back
//! (`go-livepeer server/rpc.go`, `discovery/discovery.go`).

use std::{error::Error as _, fmt, sync::Arc, time::Duration};

use alloy::primitives::Address;
use jiff::Timestamp;
use tokio::time::timeout;
use url::Url;

use super::{payment::PaymentError, price::Price};
use crate::{
    payments::{Parameters, ParametersFault},
    wire::{
        capability::{self, CapabilitySet, Incompatible},
        client::{self, ConnectError, GRPC_CONNECT_TIMEOUT},
        net::{self, orchestrator_client::OrchestratorClient},
        signature::{MessageSigner, orchestrator_request_message},
    },
};

/// How long an orchestrator may take to answer once the connection is there; gateways wait this long for the whole
/// network (`go-livepeer discovery`).
const ANSWER: Duration = Duration::from_secs(6);
/// How long a session that is about to end may take to be replaced (`go-livepeer server/broadcast.go`).
pub(super) const RENEWAL: Duration = Duration::from_millis(2500);
/// Longest address for segments that is taken, in bytes.
const ADDRESS_BYTES: usize = 2048;
/// A token this close to its end is not used any more (`go-livepeer server/broadcast.go`).
const TOKEN_MARGIN: Duration = Duration::from_secs(180);
/// Longest text of an error that is kept, in characters.
const ERROR_TEXT: usize = 500;

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum OrchestratorError {
    /// Nobody is there, or it broke off.
    #[error(transparent)]
    Unreachable(#[from] ConnectError),
    /// The connection was there and then the answer did not come.
    #[error("{uri} {reason}")]
    Silent {
        /// The orchestrator.
        uri: Url,
        /// What happened instead.
        reason: String,
    },
    /// It answered with an error. Text from outside.
    #[error("the orchestrator refused: {0}")]
    Refused(String),
    /// It is there and takes no work: it names no address for segments.
    #[error("the orchestrator takes no work at the moment")]
    NotTaking,
    /// It named an address for segments that is none. Text from outside.
    #[error("the orchestrator wants its segments at `{0}`, which is no address")]
    Address(String),
    /// It gave no token, without which no segment is taken.
    #[error("the orchestrator gave no session token")]
    NoToken,
    /// Its account is neither absent nor 20 bytes.
    #[error("the orchestrator names an account of {0} bytes")]
    Account(usize),
    /// Another account than the one it began with, or none, is to vouch for its results.
    #[error("the orchestrator began as {began} and now names {}", match .named {
        Some(account) => account.to_string(),
        None => "no account".into(),
    })]
    OtherAccount {
        /// The account it began with.
        began: Address,
        /// What it names now.
        named: Option<Address>,
    },
    /// It cannot do this job.
    #[error("the orchestrator cannot do this job: {0}")]
    Incompatible(#[from] Incompatible),
    /// Its price is negative or for no pixels.
    #[error("the orchestrator names a price that is none: {wei} wei for {pixels} pixels")]
    Price {
        /// Wei.
        wei: i64,
        /// For so many pixels.
        pixels: i64,
    },
    /// It asks more than twice what it asked when the session began (`go-livepeer server/broadcast.go`).
    #[error("the orchestrator's price has more than doubled, from {began} to {now} wei per pixel")]
    PriceDoubled {
        /// When the session began.
        began: Price,
        /// Now.
        now: Price,
    },
    /// It asks more than the operator pays.
    #[error("the orchestrator asks {asks} wei per pixel, more than the {most} that are paid")]
    TooDear {
        /// What it asks.
        asks: Price,
        /// What is paid at most.
        most: Price,
    },
    /// What it wants tickets to look like cannot be.
    #[error("the orchestrator wants tickets that are none: {0}")]
    Parameters(#[from] ParametersFault),
    /// It wants tickets this gateway does not make.
    #[error(transparent)]
    Payment(Box<PaymentError>),
    /// It was found on the chain and leaves out what such an orchestrator names.
    #[error("the orchestrator is on the chain and names no {0}")]
    Lacks(&'static str),
    /// The operator does not want it.
    #[error("{0} is on the list of orchestrators not to use")]
    Blocked(Address),
    /// Others were quick enough, and it was not waited for.
    #[error("the orchestrator did not answer in time")]
    Late,
}

impl From<PaymentError> for OrchestratorError {
    fn from(error: PaymentError) -> Self {
        Self::Payment(Box::new(error))
    }
}

impl OrchestratorError {
    /// True if no answer came: the orchestrator may be down.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Silent { .. } | Self::Late)
    }

    /// True if it may soon be different: it was not there, or it had no room, as when it and its transcoders come back.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        self.is_unreachable() || matches!(self, Self::Refused(text) if text.contains("OrchestratorCapped"))
    }
}

/// An orchestrator's promise to take segments.
#[derive(Debug, Clone)]
pub struct Session {
    /// Where segments go.
    pub transcoder: String,
    /// The token, exactly as it was given.
    pub token: net::AuthToken,
    /// The account that signs results; none off-chain.
    pub account: Option<Address>,
    /// The price it names now, if it names one.
    pub price: Option<net::PriceInfo>,
    /// The price it began with.
    pub first_price: Option<Price>,
    /// What it can do.
    pub capabilities: net::Capabilities,
    /// Further addresses it names. Text from outside.
    pub nodes: Vec<String>,
    /// Whether it wants tickets.
    pub wants_tickets: bool,
    /// What they must look like, at the price above.
    pub parameters: Option<Parameters>,
}

impl Session {
    /// Whether the token is about to end.
    #[must_use]
    pub fn is_ending(&self, now: Timestamp) -> bool {
        let margin = i64::try_from(TOKEN_MARGIN.as_secs()).unwrap_or(i64::MAX);
        now.as_second().saturating_add(margin) >= self.token.expiration
    }

    /// Takes over what an answer says about account, price and tickets; the token stays. An account once named stays
    /// too: an answer without one changes nothing, or the orchestrator could choose not to be checked. Price and
    /// parameters belong together: where parameters are wanted and not there, both stay as they were.
    ///
    /// # Errors
    /// [`OrchestratorError::OtherAccount`], [`OrchestratorError::Account`], [`OrchestratorError::Price`],
    /// [`OrchestratorError::Parameters`] or [`OrchestratorError::PriceDoubled`]; nothing is taken over.
    pub fn adopt(&mut self, info: &net::OrchestratorInfo) -> Result<(), OrchestratorError> {
        let named = account(&info.address)?.or(self.account);
        self.keeps_account(named)?;
        let now = price(info)?;
        if let (Some(began), Some(now)) = (self.first_price, now)
            && now.is_more_than_double(began)
        {
            return Err(OrchestratorError::PriceDoubled { began, now });
        }
        let parameters = info
            .ticket_params
            .as_ref()
            .map(Parameters::from_wire)
            .transpose()?;
        self.account = named;
        if parameters.is_some() || !self.wants_tickets {
            self.price.clone_from(&info.price_info);
            self.wants_tickets = parameters.is_some();
            self.parameters = parameters;
        }
        Ok(())
    }

    /// What it asks for a pixel, if it names a price.
    #[must_use]
    pub fn price_per_pixel(&self) -> Option<Price> {
        self.price.as_ref().and_then(Price::from_wire)
    }

    /// Where the session itself is asked about, renewed and ended: where its segments go, wherever it was found.
    #[must_use]
    pub fn uri(&self) -> Option<Url> {
        self.transcoder.parse().ok()
    }

    /// Takes over what the session it replaces began with: an orchestrator's price may double once in a stream, not
    /// with every session.
    ///
    /// # Errors
    /// [`OrchestratorError::PriceDoubled`].
    pub(super) fn follows(&mut self, old: &Self) -> Result<(), OrchestratorError> {
        self.first_price = old.first_price.or(self.first_price);
        match (self.first_price, self.price_per_pixel()) {
            (Some(began), Some(now)) if now.is_more_than_double(began) => {
                Err(OrchestratorError::PriceDoubled { began, now })
            }
            _ => Ok(()),
        }
    }

    /// Whether `named` may vouch for results from now on.
    ///
    /// # Errors
    /// [`OrchestratorError::OtherAccount`] if this session has another account.
    pub fn keeps_account(&self, named: Option<Address>) -> Result<(), OrchestratorError> {
        match self.account {
            Some(began) if named != Some(began) => Err(OrchestratorError::OtherAccount { began, named }),
            _ => Ok(()),
        }
    }
}

/// One orchestrator and who asks it.
#[derive(Clone)]
pub struct Orchestrator {
    uri: Url,
    signer: Arc<dyn MessageSigner>,
}

impl fmt::Debug for Orchestrator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Orchestrator")
            .field("uri", &self.uri.as_str())
            .finish_non_exhaustive()
    }
}

impl Orchestrator {
    /// The orchestrator at an address, asked by an account or nobody.
    #[must_use]
    pub fn new(uri: Url, signer: Arc<dyn MessageSigner>) -> Self {
        Self { uri, signer }
    }

    /// Asks for a session for a job with these capabilities and judges the answer.
    ///
    /// # Errors
    /// See [`OrchestratorError`].
    pub async fn open(&self, job: &net::Capabilities) -> Result<Session, OrchestratorError> {
        let address = self.signer.address();
        let request = net::OrchestratorRequest {
            address: address.to_vec(),
            sig: self.signer.sign(orchestrator_request_message(address).as_bytes()),
            capabilities: Some(job.clone()),
            ignore_capacity_check: false,
        };
        let mut client = self.connect().await?;
        let info = self.within(client.get_orchestrator(request)).await?;
        judge(info, job)
    }

    /// As [`Self::open`], for a stream that is waiting.
    ///
    /// # Errors
    /// See [`OrchestratorError`].
    pub(super) async fn renew(&self, job: &net::Capabilities) -> Result<Session, OrchestratorError> {
        let opened = timeout(RENEWAL, self.open(job)).await;
        opened.unwrap_or_else(|_| {
            Err(self.silent(format!("did not answer within {} s", RENEWAL.as_secs_f32())))
        })
    }

    /// Gives a session back, so that the orchestrator frees what it holds for it.
    ///
    /// # Errors
    /// See [`OrchestratorError`]; nothing depends on it, sessions end by themselves.
    pub async fn end(&self, token: net::AuthToken) -> Result<(), OrchestratorError> {
        let request = net::EndTranscodingSessionRequest {
            auth_token: Some(token),
        };
        let mut client = self.connect().await?;
        self.within(client.end_transcoding_session(request)).await?;
        Ok(())
    }

    /// A connection for one call, as go-livepeer makes them.
    async fn connect(&self) -> Result<OrchestratorClient<tonic::transport::Channel>, OrchestratorError> {
        let channel = client::connect_grpc(&self.uri, GRPC_CONNECT_TIMEOUT).await?;
        Ok(OrchestratorClient::new(channel))
    }

    async fn within<T>(
        &self,
        call: impl Future<Output = Result<tonic::Response<T>, tonic::Status>>,
    ) -> Result<T, OrchestratorError> {
        let silent = |reason| self.silent(reason);
        match timeout(ANSWER, call).await {
            Ok(Ok(answer)) => Ok(answer.into_inner()),
            // Only a status that came over the wire has no source; the others are the transport's.
            Ok(Err(status)) => Err(match status.source() {
                Some(cause) => silent(format!("broke off: {}", client::innermost(cause))),
                None => OrchestratorError::Refused(bounded(status.message())),
            }),
            Err(_) => Err(silent(format!("did not answer within {} s", ANSWER.as_secs()))),
        }
    }

    /// It is there, and what happened instead of an answer.
    pub(super) fn silent(&self, reason: String) -> OrchestratorError {
        OrchestratorError::Silent {
            uri: self.uri.clone(),
            reason,
        }
    }
}

/// At most [`ERROR_TEXT`] characters of a text from outside.
pub(super) fn bounded(text: &str) -> String {
    text.trim().chars().take(ERROR_TEXT).collect()
}

fn judge(info: net::OrchestratorInfo, job: &net::Capabilities) -> Result<Session, OrchestratorError> {
    if info.transcoder.is_empty() {
        return Err(OrchestratorError::NotTaking);
    }
    let is_address = info.transcoder.len() <= ADDRESS_BYTES
        && info
            .transcoder
            .parse::<Url>()
            .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if !is_address {
        return Err(OrchestratorError::Address(bounded(&info.transcoder)));
    }
    let account = account(&info.address)?;
    let first_price = price(&info)?;
    let parameters = info
        .ticket_params
        .as_ref()
        .map(Parameters::from_wire)
        .transpose()?;
    let token = info.auth_token.ok_or(OrchestratorError::NoToken)?;
    let capabilities = info
        .capabilities
        .unwrap_or_else(|| CapabilitySet::legacy_set().to_message(""));
    capability::compatible(Some(job), &capabilities)?;
    Ok(Session {
        transcoder: info.transcoder,
        token,
        account,
        price: info.price_info,
        first_price,
        capabilities,
        nodes: info.nodes,
        wants_tickets: parameters.is_some(),
        parameters,
    })
}

/// The price in an answer; none if there is none.
fn price(info: &net::OrchestratorInfo) -> Result<Option<Price>, OrchestratorError> {
    let Some(named) = &info.price_info else {
        return Ok(None);
    };
    match Price::from_wire(named) {
        Some(price) => Ok(Some(price)),
        None => Err(OrchestratorError::Price {
            wei: named.price_per_unit,
            pixels: named.pixels_per_unit,
        }),
    }
}

/// The account in an answer: none if there are no bytes or only zeros.
fn account(bytes: &[u8]) -> Result<Option<Address>, OrchestratorError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let address = Address::try_from(bytes).map_err(|_| OrchestratorError::Account(bytes.len()))?;
    Ok(Some(address).filter(|address| !address.is_zero()))
}
