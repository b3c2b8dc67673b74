//! `lpctl node set-price` and `set-capability-price`.

use alloy::primitives::Address;
use clap::Args;
use engine::{
    config::Pixels,
    node::{PriceChange, SettingsChange},
    operator::{ApiError, Found, GoApi, GoCall},
    payments::PriceTag,
    view::go_node::GoRole,
};
use serde::Serialize;

use super::{
    fleet::{Answer, Teller, Verb},
    lasting,
    target::{GATEWAY_IS_FIXED, Node},
};
use crate::{
    failure::Failure,
    shell::{Report, Style, escape},
};

/// Change what gateways pay, all of them or one
///
/// Sessions that run keep the price they began with. The change is kept by lpctl's nodes: it holds at the next start too,
/// unless --price or --price-per-gateway is given there.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl node set-price 1200                                     wei for a pixel
  lpctl node set-price 0.02usd --pixels-per-unit 1000000
  lpctl node set-price 900 --gateway 0x7e5f4552091a69125d5dfcb7b8c2659029395bdf
  lpctl node set-price --gateway 0x7e5f4552091a69125d5dfcb7b8c2659029395bdf --usual")]
pub struct SetPriceArgs {
    /// The price: wei, or with a currency behind it, and behind a slash the pixels it is for
    #[arg(required_unless_present = "usual")]
    price: Option<PriceTag>,
    /// Pixels the price is for [default: 1]
    #[arg(long, value_name = "COUNT", requires = "price")]
    pixels_per_unit: Option<Pixels>,
    /// The one gateway that pays it
    #[arg(long, value_name = "0x…")]
    gateway: Option<Address>,
    /// Have the gateway pay what all pay
    #[arg(long, conflicts_with = "price", requires = "gateway")]
    usual: bool,
}

/// Change the most a go-livepeer gateway pays for an AI pipeline and model
///
/// Its API does not tell such prices, so what holds cannot be read back.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl --node http://127.0.0.1:5935 node set-capability-price text-to-image 4768371
  lpctl --node http://127.0.0.1:5935 node set-capability-price llm 0.1usd/1000000 --model org/name")]
pub struct SetCapabilityPriceArgs {
    /// The pipeline, like text-to-image
    #[arg(value_name = "PIPELINE")]
    pipeline: String,
    /// The most: wei, or with a currency behind it, and behind a slash the units it is for
    price: PriceTag,
    /// The model
    #[arg(long, value_name = "MODEL", default_value = "default")]
    model: String,
}

#[derive(Serialize)]
pub(super) struct PriceSet {
    gateway: Option<Address>,
    price: String,
    /// Wei for a pixel, as a fraction; of lpctl's nodes that of the usual price, of go-livepeer's what was read back.
    price_wei_per_pixel: Option<String>,
    kept: bool,
}

impl PriceSet {
    fn whose(&self) -> String {
        match self.gateway {
            Some(gateway) => format!("the price of {gateway}"),
            None => "the price".to_string(),
        }
    }
}

impl Report for PriceSet {
    fn text(&self, style: &Style) -> String {
        let wei = match (&self.price_wei_per_pixel, self.gateway) {
            (Some(wei), None) => format!(" ({} wei a pixel)", escape(wei)),
            _ => String::new(),
        };
        format!(
            "{} {} is {}{wei}. {}; running sessions keep theirs",
            style.good_mark(),
            self.whose(),
            escape(&self.price),
            lasting(self.kept)
        )
    }
}

impl Answer for PriceSet {
    const COLUMNS: &'static [&'static str] = &["gateway", "price", "wei a pixel"];

    fn cells(&self, _: &Style) -> Vec<String> {
        vec![
            self.gateway
                .map_or("all".to_string(), |gateway| gateway.to_string()),
            escape(&self.price),
            self.price_wei_per_pixel
                .as_deref()
                .map_or("-".to_string(), escape),
        ]
    }
}

impl Verb for SetPriceArgs {
    type Answer = PriceSet;

    fn question(&self) -> Option<String> {
        Some(match self.tag() {
            Some(price) => format!("set the price to {price}"),
            None => "have the gateway pay what all pay".to_string(),
        })
    }

    async fn ask(&self, node: &Node, _: &Teller) -> Result<PriceSet, Failure> {
        match &node.found {
            Found::Own(_) => self.ask_own(node).await,
            Found::OwnGateway(_) => Err(node.not_offered(
                "it pays prices and names none",
                "`lpctl config set gateway.max_price PRICE` limits what it pays, from its next start",
            )),
            Found::Go(go) => self.ask_go(node, go).await,
        }
    }
}

impl SetPriceArgs {
    fn tag(&self) -> Option<PriceTag> {
        let pixels = self.pixels_per_unit.unwrap_or_default().get();
        self.price.clone().map(|price| price.per(pixels))
    }

    async fn ask_own(&self, node: &Node) -> Result<PriceSet, Failure> {
        let price = self.tag();
        let change = SettingsChange {
            price: Some(PriceChange {
                gateway: self.gateway,
                price: price.clone(),
            }),
            ..SettingsChange::default()
        };
        let status = node.api()?.change(&change).await.map_err(|error| {
            let failure = node.failed(&error);
            match error {
                ApiError::Refused(_) => failure.hint(
                    "a currency needs a feed that knows it: start the node with `--price-feed`, or give the price in wei or eth",
                ),
                _ => failure,
            }
        })?;
        let payments = status.payments.unwrap_or_default();
        Ok(PriceSet {
            gateway: self.gateway,
            price: price.map_or(payments.price, |price| price.to_string()),
            price_wei_per_pixel: payments.price_wei_per_pixel,
            kept: true,
        })
    }

    async fn ask_go(&self, node: &Node, go: &GoApi) -> Result<PriceSet, Failure> {
        node.need_orchestrator(go, "only orchestrators name prices")
            .await?;
        let Some(price) = self.tag() else {
            return Err(node.not_offered(
                "it cannot take a gateway's own price away",
                "set it to the usual price, which `lpctl node show` tells, or start the node again",
            ));
        };
        node.go_change(go, &GoCall::price(self.gateway, &price)).await?;
        let status = go.status().await.map_err(|error| node.failed(&error))?;
        let key = self
            .gateway
            .map_or("default".to_string(), |gateway| format!("{gateway:#x}"));
        let now = status.broadcaster_prices.get(&key).map(ToString::to_string);
        // What a currency comes to is the node's to say.
        let wanted = price.wei_per_pixel().map(|wei| wei.to_string());
        if wanted.is_some() && now != wanted {
            return Err(node.not_taken("its price", now.as_deref().unwrap_or("not named")));
        }
        Ok(PriceSet {
            gateway: self.gateway,
            price: price.to_string(),
            price_wei_per_pixel: now,
            kept: false,
        })
    }
}

#[derive(Serialize)]
pub(super) struct CapabilityPriceSet {
    pipeline: String,
    model: String,
    max_price: String,
    kept: bool,
}

impl Report for CapabilityPriceSet {
    fn text(&self, style: &Style) -> String {
        format!(
            "{} the most paid for {} with model {} is {}. {}",
            style.good_mark(),
            escape(&self.pipeline),
            escape(&self.model),
            escape(&self.max_price),
            lasting(self.kept)
        )
    }
}

impl Answer for CapabilityPriceSet {
    const COLUMNS: &'static [&'static str] = &["pipeline", "model", "most paid"];

    fn cells(&self, _: &Style) -> Vec<String> {
        [&self.pipeline, &self.model, &self.max_price]
            .map(|text| escape(text))
            .to_vec()
    }
}

impl Verb for SetCapabilityPriceArgs {
    type Answer = CapabilityPriceSet;

    fn question(&self) -> Option<String> {
        Some(format!(
            "set the most paid for {} to {}",
            escape(&self.pipeline),
            self.price
        ))
    }

    async fn ask(&self, node: &Node, _: &Teller) -> Result<CapabilityPriceSet, Failure> {
        match &node.found {
            Found::Own(_) => Err(node.not_offered(
                "lpctl's orchestrators transcode, and have no AI pipelines",
                "name a go-livepeer gateway with `--node`",
            )),
            Found::OwnGateway(_) => Err(node.not_offered(
                GATEWAY_IS_FIXED,
                "lpctl's gateways have no AI pipelines; name a go-livepeer gateway with `--node`",
            )),
            Found::Go(go) => {
                if node.role(go).await? != GoRole::GatewayOrWorker {
                    return Err(node.not_offered(
                        "only gateways pay for pipelines",
                        "name a go-livepeer gateway with `--node`",
                    ));
                }
                if self.price.is_free() {
                    return Err(node.not_offered(
                        "it takes no price of 0 for a pipeline",
                        "give it the most that may be paid",
                    ));
                }
                let call = GoCall::max_capability_price(&self.pipeline, &self.model, &self.price);
                node.go_change(go, &call).await?;
                Ok(CapabilityPriceSet {
                    pipeline: self.pipeline.clone(),
                    model: self.model.clone(),
                    max_price: self.price.to_string(),
                    kept: false,
                })
            }
        }
    }
}
