//! The routes of a go-livepeer node (`go-livepeer server/webserver.go`, `server/handlers.go`).
//!
//! What a route answers is known from its name, not from its content type: text, JSON, or raw bytes. Errors are text.
//! Writes go as POST with form values, though the node would take them from a link.

use std::time::Duration;

use alloy::primitives::Address;
use reqwest::{StatusCode, header::CONTENT_TYPE};
use serde::Deserialize;

use super::{
    ApiError, GoMetrics, NodeUrl, Number,
    http::{ANSWER, Answer, Http, garbled, head},
};
use crate::{
    config::SessionsChoice,
    payments::{PriceTag, price::Currency},
    units::Wei,
    view::go_node::{BroadcastConfig, GoNode, GoOrchestrator, GoRole, GoSender, GoStatus},
};

/// For routes that ask the chain, or wait for a lock over all streams.
const SLOW: Duration = Duration::from_secs(30);
/// What it says where there is no account on a chain.
const NO_CLIENT: &str = "missing ETH client";

/// The operator API of a go-livepeer node.
#[derive(Debug, Clone)]
pub struct GoApi(Http);

/// A change, with the route it goes to and its form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoCall {
    route: &'static str,
    form: Vec<(&'static str, String)>,
}

impl GoCall {
    /// What a gateway pays, or all without a price of their own.
    #[must_use]
    pub fn price(gateway: Option<Address>, price: &PriceTag) -> Self {
        let whose = gateway.map_or("default".to_string(), |gateway| gateway.to_checksum(None));
        Self {
            route: "setPriceForBroadcaster",
            form: [
                price_form("pricePerUnit", price),
                vec![("broadcasterEthAddr", whose)],
            ]
            .concat(),
        }
    }

    /// Sessions at once. A node without remote transcoders breaks at `auto`.
    #[must_use]
    pub fn max_sessions(choice: SessionsChoice) -> Self {
        Self::one("setMaxSessions", "maxSessions", choice.to_string())
    }

    /// The most a winning ticket pays; nothing is no limit. An orchestrator off-chain breaks at it.
    #[must_use]
    pub fn max_face_value(limit: Option<Wei>) -> Self {
        Self::one(
            "setMaxFaceValue",
            "maxfacevalue",
            limit.unwrap_or_default().0.to_string(),
        )
    }

    /// The most to be paid for gas; nothing is no limit, at which a node with metrics breaks.
    #[must_use]
    pub fn max_gas_price(limit: Option<Wei>) -> Self {
        Self::one(
            "setMaxGasPrice",
            "amount",
            limit.unwrap_or_default().0.to_string(),
        )
    }

    /// The least to be offered for gas.
    #[must_use]
    pub fn min_gas_price(price: Wei) -> Self {
        Self::one("setMinGasPrice", "minGasPrice", price.0.to_string())
    }

    /// Calls the round's reward. The node checks neither whether it was called nor whether it is active
    /// (`go-livepeer server/handlers.go`): ask [`GoApi::view`] first.
    #[must_use]
    pub fn reward() -> Self {
        Self {
            route: "reward",
            form: Vec::new(),
        }
    }

    /// How much is logged, 0 to 6.
    #[must_use]
    pub fn log_level(level: u8) -> Self {
        Self::one("setLogLevel", "loglevel", level.to_string())
    }

    /// How a gateway sends: the most it pays, none within it for any price, and the names of its renditions. The node
    /// drops names it does not know without a word.
    #[must_use]
    pub fn broadcast(max_price: Option<Option<&PriceTag>>, presets: Option<&[String]>) -> Self {
        let mut form = match max_price {
            None => Vec::new(),
            Some(Some(price)) => price_form("maxPricePerUnit", price),
            Some(None) => vec![
                ("maxPricePerUnit", "0".to_string()),
                ("pixelsPerUnit", "1".to_string()),
                ("currency", "wei".to_string()),
            ],
        };
        form.extend(presets.map(|presets| ("transcodingOptions", presets.join(","))));
        Self {
            route: "setBroadcastConfig",
            form,
        }
    }

    /// The most a gateway pays for an AI pipeline and model.
    #[must_use]
    pub fn max_capability_price(pipeline: &str, model: &str, price: &PriceTag) -> Self {
        let which = vec![("pipeline", pipeline.to_string()), ("modelID", model.to_string())];
        Self {
            route: "setMaxPriceForCapability",
            form: [price_form("maxPricePerUnit", price), which].concat(),
        }
    }

    fn encoded(&self) -> String {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(&self.form);
        form.finish()
    }

    fn one(route: &'static str, name: &'static str, value: String) -> Self {
        Self {
            route,
            form: vec![(name, value)],
        }
    }
}

/// A price as three values: the number, what it is counted in, and the pixels it is for.
fn price_form(name: &'static str, price: &PriceTag) -> Vec<(&'static str, String)> {
    let currency = match price.currency() {
        Currency::Other(name) => name.clone(),
        known => known.to_string(),
    };
    vec![
        (name, price.amount().to_string()),
        ("pixelsPerUnit", price.pixels().to_string()),
        ("currency", currency),
    ]
}

impl GoApi {
    /// The API of the node at `url`. Nothing is sent yet.
    ///
    /// # Errors
    /// If this machine has no HTTP client to offer.
    pub fn new(url: &NodeUrl) -> Result<Self, ApiError> {
        Http::new(url).map(Self)
    }

    pub(super) fn over(http: Http) -> Self {
        Self(http)
    }

    /// The body of a route that was answered with 200.
    async fn read(&self, route: &str) -> Result<Answer, ApiError> {
        accepted(self.0.get(route, SLOW).await?)
    }

    async fn text(&self, route: &str) -> Result<String, ApiError> {
        Ok(self.read(route).await?.text())
    }

    async fn number(&self, route: &str) -> Result<Number, ApiError> {
        let text = self.text(route).await?;
        text.parse().map_err(|error| unreadable(route, &error))
    }

    async fn wei(&self, route: &str) -> Result<Wei, ApiError> {
        let number = self.number(route).await?;
        number.wei().ok_or_else(|| unreadable(route, &"not an amount"))
    }

    async fn json<T: serde::de::DeserializeOwned>(&self, route: &str) -> Result<T, ApiError> {
        let answer = self.read(route).await?;
        serde_json::from_slice(&answer.body).map_err(|error| unreadable(route, &error))
    }

    async fn truth(&self, route: &str) -> Result<bool, ApiError> {
        match self.text(route).await?.as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(unreadable(route, &"neither true nor false")),
        }
    }

    /// What `/status` tells.
    ///
    /// # Errors
    /// As any request; [`ApiError::Garbled`] for what no go-livepeer node says.
    pub async fn status(&self) -> Result<GoStatus, ApiError> {
        let status: GoStatus = self.json("status").await?;
        match status.golang_runtime_version.is_empty() {
            true => Err(unreadable("status", &"no version of Go in it")),
            false => Ok(status),
        }
    }

    /// What kind of node it is.
    ///
    /// # Errors
    /// As any request.
    pub async fn role(&self) -> Result<GoRole, ApiError> {
        let (orchestrator, redeemer) =
            futures_util::try_join!(self.truth("IsOrchestrator"), self.truth("IsRedeemer"))?;
        Ok(match (orchestrator, redeemer) {
            (true, _) => GoRole::Orchestrator,
            (false, true) => GoRole::Redeemer,
            (false, false) => GoRole::GatewayOrWorker,
        })
    }

    /// The chain it is on, 0 for none.
    ///
    /// # Errors
    /// As any request.
    pub async fn chain_id(&self) -> Result<u64, ApiError> {
        let text = self.text("EthChainID").await?;
        text.parse()
            .map_err(|_| unreadable("EthChainID", &"not a number"))
    }

    /// The most it pays for gas; none for no limit, which it says with no words at all.
    ///
    /// # Errors
    /// As any request, [`ApiError::NoEthClient`] off-chain.
    pub async fn max_gas_price(&self) -> Result<Option<Wei>, ApiError> {
        let text = self.text("maxGasPrice").await?;
        if text.is_empty() {
            return Ok(None);
        }
        let number: Number = text.parse().map_err(|error| unreadable("maxGasPrice", &error))?;
        let wei = number.wei();
        wei.map(Some)
            .ok_or_else(|| unreadable("maxGasPrice", &"not an amount"))
    }

    /// The least it offers for gas.
    ///
    /// # Errors
    /// As any request, [`ApiError::NoEthClient`] off-chain.
    pub async fn min_gas_price(&self) -> Result<Wei, ApiError> {
        self.wei("minGasPrice").await
    }

    /// How much it logs.
    ///
    /// # Errors
    /// As any request.
    pub async fn log_level(&self) -> Result<u8, ApiError> {
        let text = self.text("getLogLevel").await?;
        text.parse()
            .map_err(|_| unreadable("getLogLevel", &"not a number"))
    }

    /// How a gateway sends.
    ///
    /// # Errors
    /// As any request.
    pub async fn broadcast(&self) -> Result<BroadcastConfig, ApiError> {
        self.json("getBroadcastConfig").await
    }

    /// The renditions a gateway knows by name, in order.
    ///
    /// # Errors
    /// As any request.
    pub async fn presets(&self) -> Result<Vec<String>, ApiError> {
        // The node names them in a different order each time.
        let mut names: Vec<String> = self.json("getAvailableTranscodingOptions").await?;
        names.sort();
        Ok(names)
    }

    /// The last block it has seen: raw bytes, the highest first. None before it has seen one, when the node breaks off.
    ///
    /// # Errors
    /// As any request.
    pub async fn block(&self) -> Result<Option<u64>, ApiError> {
        let answer = match self.read("currentBlock").await {
            Err(ApiError::Connection(_)) => return Ok(None),
            answer => answer?,
        };
        let mut bytes = [0; 8];
        let length = answer.body.len();
        match bytes.len().checked_sub(length) {
            Some(zeros) if length > 0 => {
                bytes[zeros..].copy_from_slice(&answer.body);
                Ok(Some(u64::from_be_bytes(bytes)))
            }
            _ => Err(unreadable("currentBlock", &"not the bytes of a block number")),
        }
    }

    /// Whether it serves metrics, which makes some of its routes break.
    ///
    /// # Errors
    /// As any request.
    pub async fn has_metrics(&self) -> Result<bool, ApiError> {
        // The head is enough: the rest may be long.
        let head = head(self.0.asking("metrics")?, ANSWER).await?;
        Ok(head.status() == StatusCode::OK)
    }

    /// What its metrics tell, if it serves any.
    ///
    /// # Errors
    /// As any request; [`ApiError::Status`] from a node without `-monitor`.
    pub async fn metrics(&self) -> Result<GoMetrics, ApiError> {
        let answer = self.read("metrics").await?;
        Ok(GoMetrics::parse(&String::from_utf8_lossy(&answer.body)))
    }

    /// Makes a change. What the node says to it is returned; nothing where it says nothing.
    ///
    /// # Errors
    /// [`ApiError::Refused`] with the node's words; [`ApiError::Connection`] also when the node broke at it: the change may
    /// be made or not.
    pub async fn change(&self, call: &GoCall) -> Result<String, ApiError> {
        let form = call.encoded();
        let request = self.0.posting(call.route)?;
        let request = request
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form);
        Ok(accepted(Answer::read(request, SLOW).await?)?.text())
    }

    /// Everything it tells, asked at once. What it has not, or cannot tell, is left out.
    ///
    /// # Errors
    /// If `/status` is not to be had.
    pub async fn view(&self) -> Result<GoNode, ApiError> {
        #[derive(Deserialize)]
        struct Registered {
            #[serde(rename = "Transcoder")]
            transcoder: GoOrchestrator,
        }
        let (status, role) = futures_util::try_join!(self.status(), self.role())?;
        let is_orchestrator = role == GoRole::Orchestrator;
        let orchestrator = async {
            match is_orchestrator {
                true => self.json::<Registered>("orchestratorInfo").await.ok(),
                false => None,
            }
        };
        let gateway = async {
            match role {
                GoRole::GatewayOrWorker => {
                    let both = futures_util::join!(self.broadcast(), self.json::<GoSender>("senderInfo"));
                    (both.0.ok(), both.1.ok())
                }
                GoRole::Orchestrator | GoRole::Redeemer => (None, None),
            }
        };
        let account = async { self.text("ethAddr").await.ok()?.parse().ok() };
        let round = async { self.text("currentRound").await.ok()?.parse().ok() };
        let (
            chain_id,
            account,
            eth,
            lpt,
            round,
            block,
            most,
            least,
            level,
            orchestrator,
            (broadcast, sender),
        ) = futures_util::join!(
            self.chain_id(),
            account,
            self.wei("ethBalance"),
            self.number("tokenBalance"),
            round,
            self.block(),
            self.max_gas_price(),
            self.min_gas_price(),
            self.log_level(),
            orchestrator,
            gateway
        );
        let is_off_chain = matches!(chain_id, Ok(0));
        Ok(GoNode {
            role,
            version: status.version,
            go_version: status.golang_runtime_version,
            platform: format!("{}/{}", status.os, status.arch),
            chain_id: chain_id.ok(),
            account: account.filter(|_| !is_off_chain),
            balance_wei: eth.ok(),
            balance_lpt_base_units: lpt.ok(),
            round,
            block: block.ok().flatten(),
            max_gas_price_wei: most.ok().flatten(),
            min_gas_price_wei: least.ok(),
            log_level: level.ok(),
            prices_wei_per_pixel: status.broadcaster_prices,
            transcodes_itself: is_orchestrator.then_some(status.local_transcoding),
            transcoders: status.registered_transcoders,
            streams: status.stream_info,
            orchestrators: status.orchestrator_pool_infos,
            orchestrator: orchestrator.map(|registered| registered.transcoder),
            broadcast,
            sender,
        })
    }
}

/// The answer, if it is one; else what its text means.
fn accepted(answer: Answer) -> Result<Answer, ApiError> {
    match answer.status {
        StatusCode::OK => Ok(answer),
        StatusCode::BAD_REQUEST | StatusCode::INTERNAL_SERVER_ERROR => match answer.text() {
            text if text == NO_CLIENT => Err(ApiError::NoEthClient),
            text if text.is_empty() => Err(ApiError::Status(answer.status)),
            text => Err(ApiError::Refused(text)),
        },
        status => Err(ApiError::Status(status)),
    }
}

fn unreadable(route: &str, error: &dyn std::fmt::Display) -> ApiError {
    garbled(&format_args!("`/{route}`: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_go_out_as_the_node_reads_them() {
        let gateway = Address::repeat_byte(0xab);
        let call = GoCall::price(Some(gateway), &"0.02usd/1000000".parse().unwrap());
        assert_eq!(call.route, "setPriceForBroadcaster");
        assert_eq!(
            call.form,
            [
                ("pricePerUnit", "0.02".to_string()),
                ("pixelsPerUnit", "1000000".to_string()),
                ("currency", "USD".to_string()),
                ("broadcasterEthAddr", gateway.to_checksum(None)),
            ]
        );
        let call = GoCall::price(None, &"1200".parse().unwrap());
        assert!(call.form.contains(&("broadcasterEthAddr", "default".to_string())));
        assert!(call.form.contains(&("currency", "wei".to_string())));
        let call = GoCall::broadcast(
            Some(None),
            Some(&["P240p30fps16x9".into(), "P360p30fps16x9".into()]),
        );
        assert_eq!(call.form[0], ("maxPricePerUnit", "0".to_string()));
        assert_eq!(
            call.form[3],
            ("transcodingOptions", "P240p30fps16x9,P360p30fps16x9".to_string())
        );
        assert_eq!(GoCall::max_gas_price(None).form, [("amount", "0".to_string())]);
    }
}
