//! `lpctl node set-max-face-value`, `set-max-gas-price` and `set-min-gas-price`: limits on amounts of ETH.

use clap::Args;
use engine::{
    config::Amount,
    node::{Limit, SettingsChange},
    operator::{ApiError, Found, GoApi, GoCall},
    units::Wei,
    view::node::NodeStatus,
};
use serde::Serialize;

use super::{
    fleet::{Answer, Teller, Verb},
    lasting,
    target::Node,
};
use crate::{
    failure::Failure,
    shell::{Report, Style},
};

/// Why a gateway has none of them.
const PAYS_AS_STARTED: &str = "what it may pay is set when it starts";
const START_AGAIN: &str =
    "`lpctl config set gateway.max_price PRICE` and its neighbours, then start the gateway again";

/// Change the most a winning ticket pays
///
/// Gateways learn of it with the next ticket parameters; tickets that won stay worth what they are. The change is kept by
/// lpctl's nodes: it holds at the next start too, unless --max-face-value is given.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl node set-max-face-value 0.05eth
  lpctl node set-max-face-value none        what gas makes sensible")]
pub struct SetMaxFaceValueArgs {
    /// The most, with its unit, or none
    #[arg(value_name = "AMOUNT|none")]
    limit: Limit,
}

/// Change the most a node pays for gas
///
/// Above it nothing is sent, and nothing that waits is offered anew: tickets wait, rewards may be missed. The change is kept
/// by lpctl's nodes: it holds at the next start too, unless --max-gas-price is given.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl node set-max-gas-price 0.2gwei
  lpctl node set-max-gas-price none         no limit")]
pub struct SetMaxGasPriceArgs {
    /// The most for a unit of gas, or none
    #[arg(value_name = "AMOUNT|none")]
    limit: Limit,
}

/// Change the least a node offers for gas
///
/// It is offered where the network asks for less. The change is kept by lpctl's nodes: it holds at the next start too.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl node set-min-gas-price 0.01gwei
  lpctl node set-min-gas-price 0wei         what the network asks for")]
pub struct SetMinGasPriceArgs {
    /// The least for a unit of gas
    #[arg(value_name = "AMOUNT")]
    price: Wei,
}

/// An amount, or that there is none.
fn limited(limit: Option<Wei>, human: fn(Wei) -> String) -> String {
    limit.map_or("no limit".to_string(), human)
}

#[derive(Serialize)]
pub(super) struct FaceValueSet {
    max_face_value_wei: Option<Wei>,
    kept: bool,
}

impl Report for FaceValueSet {
    fn text(&self, style: &Style) -> String {
        format!(
            "{} most a winning ticket pays: {}. {}",
            style.good_mark(),
            limited(self.max_face_value_wei, Wei::human),
            lasting(self.kept)
        )
    }
}

impl Answer for FaceValueSet {
    const COLUMNS: &'static [&'static str] = &["most a ticket pays"];

    fn cells(&self, _: &Style) -> Vec<String> {
        vec![limited(self.max_face_value_wei, Wei::human)]
    }
}

impl Verb for SetMaxFaceValueArgs {
    type Answer = FaceValueSet;

    fn question(&self) -> Option<String> {
        Some(format!(
            "set the most a winning ticket pays to {}",
            limited(self.limit.0, Wei::human)
        ))
    }

    async fn ask(&self, node: &Node, _: &Teller) -> Result<FaceValueSet, Failure> {
        match &node.found {
            Found::Own(_) => {
                let status = own_change(
                    node,
                    SettingsChange {
                        max_face_value: Some(self.limit),
                        ..SettingsChange::default()
                    },
                )
                .await?;
                Ok(FaceValueSet {
                    max_face_value_wei: status.payments.and_then(|payments| payments.max_face_value_wei),
                    kept: true,
                })
            }
            Found::OwnGateway(_) => Err(node.not_offered(PAYS_AS_STARTED, START_AGAIN)),
            Found::Go(go) => {
                node.need_orchestrator(go, "only orchestrators have tickets to limit")
                    .await?;
                // Off-chain it would break off.
                if go.chain_id().await.map_err(|error| node.failed(&error))? == 0 {
                    return Err(node.failed(&ApiError::NoEthClient));
                }
                node.go_change(go, &GoCall::max_face_value(self.limit.0)).await?;
                Ok(FaceValueSet {
                    max_face_value_wei: self.limit.0,
                    kept: false,
                })
            }
        }
    }
}

#[derive(Serialize)]
pub(super) struct GasLimits {
    max_gas_price_wei: Option<Wei>,
    min_gas_price_wei: Wei,
    kept: bool,
}

impl GasLimits {
    fn of(status: NodeStatus) -> Self {
        let payments = status.payments.unwrap_or_default();
        Self {
            max_gas_price_wei: payments.max_gas_price_wei,
            min_gas_price_wei: payments.min_gas_price_wei,
            kept: true,
        }
    }

    async fn of_go(node: &Node, go: &GoApi) -> Result<Self, Failure> {
        Ok(Self {
            max_gas_price_wei: go.max_gas_price().await.map_err(|error| node.failed(&error))?,
            min_gas_price_wei: go.min_gas_price().await.map_err(|error| node.failed(&error))?,
            kept: false,
        })
    }

    fn crossed(node: &Node) -> Failure {
        node.not_offered(
            "the least offered for gas would be above the most paid for it, and nothing could be sent",
            "change the other limit first: `lpctl node show` tells both",
        )
    }
}

impl Report for GasLimits {
    fn text(&self, style: &Style) -> String {
        format!(
            "{} gas: at most {}, at least {}. {}",
            style.good_mark(),
            limited(self.max_gas_price_wei, Wei::human_gwei),
            self.min_gas_price_wei.human_gwei(),
            lasting(self.kept)
        )
    }
}

impl Answer for GasLimits {
    const COLUMNS: &'static [&'static str] = &["gas at most", "at least"];

    fn cells(&self, _: &Style) -> Vec<String> {
        vec![
            limited(self.max_gas_price_wei, Wei::human_gwei),
            self.min_gas_price_wei.human_gwei(),
        ]
    }
}

impl Verb for SetMaxGasPriceArgs {
    type Answer = GasLimits;

    fn question(&self) -> Option<String> {
        Some(format!(
            "set the most paid for gas to {}",
            limited(self.limit.0, Wei::human_gwei)
        ))
    }

    async fn ask(&self, node: &Node, _: &Teller) -> Result<GasLimits, Failure> {
        match &node.found {
            Found::Own(_) => {
                let change = SettingsChange {
                    max_gas_price: Some(self.limit),
                    ..SettingsChange::default()
                };
                own_change(node, change).await.map(GasLimits::of)
            }
            Found::OwnGateway(_) => Err(node.not_offered(PAYS_AS_STARTED, START_AGAIN)),
            Found::Go(go) => {
                let before = GasLimits::of_go(node, go).await?;
                if self.limit.0.is_some_and(|limit| limit < before.min_gas_price_wei) {
                    return Err(GasLimits::crossed(node));
                }
                // It would break off between two halves of the change.
                let has_metrics = go.has_metrics().await.map_err(|error| node.failed(&error))?;
                if self.limit.0.is_none() && has_metrics {
                    return Err(node.not_offered(
                        "with metrics on it breaks when the limit is taken away",
                        "give it a limit that is never reached, like `1000gwei`",
                    ));
                }
                node.go_change(go, &GoCall::max_gas_price(self.limit.0)).await?;
                let now = GasLimits::of_go(node, go).await?;
                match now.max_gas_price_wei == self.limit.0 {
                    true => Ok(now),
                    false => {
                        let is = limited(now.max_gas_price_wei, Wei::human_gwei);
                        Err(node.not_taken("the most it pays for gas", &is))
                    }
                }
            }
        }
    }
}

impl Verb for SetMinGasPriceArgs {
    type Answer = GasLimits;

    fn question(&self) -> Option<String> {
        Some(format!(
            "set the least offered for gas to {}",
            self.price.human_gwei()
        ))
    }

    async fn ask(&self, node: &Node, _: &Teller) -> Result<GasLimits, Failure> {
        match &node.found {
            Found::Own(_) => {
                let change = SettingsChange {
                    min_gas_price: Some(Amount(self.price)),
                    ..SettingsChange::default()
                };
                own_change(node, change).await.map(GasLimits::of)
            }
            Found::OwnGateway(_) => Err(node.not_offered(PAYS_AS_STARTED, START_AGAIN)),
            Found::Go(go) => {
                let before = GasLimits::of_go(node, go).await?;
                if before.max_gas_price_wei.is_some_and(|limit| limit < self.price) {
                    return Err(GasLimits::crossed(node));
                }
                node.go_change(go, &GoCall::min_gas_price(self.price)).await?;
                let now = GasLimits::of_go(node, go).await?;
                match now.min_gas_price_wei == self.price {
                    true => Ok(now),
                    false => {
                        let is = now.min_gas_price_wei.human_gwei();
                        Err(node.not_taken("the least it offers for gas", &is))
                    }
                }
            }
        }
    }
}

async fn own_change(node: &Node, change: SettingsChange) -> Result<NodeStatus, Failure> {
    node.api()?
        .change(&change)
        .await
        .map_err(|error| node.failed(&error))
}
