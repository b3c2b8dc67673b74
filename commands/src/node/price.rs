//! `lpctl node set-price`: a change that outlasts the node's next start.

use alloy::primitives::Address;
use clap::Args;
use engine::{
    config::Pixels,
    node::{PriceChange, SettingsChange},
    payments::PriceTag,
};
use serde::Serialize;

use super::failed;
use crate::{
    context::Context,
    dashboard::feed::{FeedError, NodeApi},
    shell::{Report, Style, escape},
};

/// Change what gateways pay, all of them or one
///
/// Sessions that run keep the price they began with. The change is kept: it holds at the next start too, unless --price or
/// --price-per-gateway is given there.
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

#[derive(Serialize)]
struct PriceSet {
    gateway: Option<Address>,
    price: String,
    /// Wei for a pixel, as a fraction; of the usual price.
    price_wei_per_pixel: Option<String>,
}

impl Report for PriceSet {
    fn text(&self, style: &Style) -> String {
        let whose = match self.gateway {
            Some(gateway) => format!("the price of {gateway}"),
            None => "the price".to_string(),
        };
        let wei = match (&self.price_wei_per_pixel, self.gateway) {
            (Some(wei), None) => format!(" ({} wei a pixel)", escape(wei)),
            _ => String::new(),
        };
        format!(
            "{} {whose} is {}{wei}. It is kept for the next start; running sessions keep theirs",
            style.good_mark(),
            escape(&self.price)
        )
    }
}

/// Changes it.
///
/// # Errors
/// Unreachable when no node answers, refused by a node that takes no payments or cannot tell the price.
pub async fn run(args: SetPriceArgs, node: &NodeApi, context: &mut Context) -> eyre::Result<()> {
    let pixels = args.pixels_per_unit.unwrap_or_default().get();
    let price = args.price.map(|price| price.per(pixels));
    let change = SettingsChange {
        price: Some(PriceChange {
            gateway: args.gateway,
            price: price.clone(),
        }),
        ..SettingsChange::default()
    };
    let status = node.change(&change).await.map_err(|error| {
        let failure = failed(node, &error);
        match error {
            FeedError::Refused(_) => failure.hint(
                "a currency needs a feed that knows it: start the node with `--price-feed`, or give the price in wei or eth",
            ),
            _ => failure,
        }
    })?;
    let payments = status.payments.unwrap_or_default();
    Ok(context.shell.report(&PriceSet {
        gateway: args.gateway,
        price: price.map_or(payments.price, |price| price.to_string()),
        price_wei_per_pixel: payments.price_wei_per_pixel,
    })?)
}
