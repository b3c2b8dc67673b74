//! What gateways shall pay: as typed, else as set while the node ran last, else as the config file says.

use std::{collections::BTreeMap, str::FromStr};

use alloy::primitives::{Address, address};
use engine::{
    chain::{Chain, GasPolicy},
    config::{Amount, GasPrice},
    node::{KeptSettings, Limit},
    payments::{PriceSettings, PriceTag},
    units::Wei,
};

use super::PaymentArgs;
use crate::{
    context::Context,
    failure::{Failure, Kind},
};

/// What tickets are worth unless somebody says otherwise (`go-livepeer cmd/livepeer/starter`).
const TICKET_EV: u64 = 8;
/// Tells what ETH costs in dollars on Arbitrum One.
const DOLLARS_ON_ARBITRUM: Address = address!("639Fe6ab55C921f74e7fac1ee960C0B6293ba612");
const ARBITRUM_ONE: u64 = 42_161;

/// A gateway's own price: `0x…=7wei`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayPrice {
    gateway: Address,
    price: PriceTag,
}

impl FromStr for GatewayPrice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shape = || "write it like `0x…=1200`: a gateway's address and its price".to_string();
        let (gateway, price) = text.split_once('=').ok_or_else(shape)?;
        Ok(Self {
            gateway: gateway.trim().parse().map_err(|_| shape())?,
            price: price.parse().map_err(|error| format!("{error}"))?,
        })
    }
}

/// What a node asks gateways for.
#[derive(Debug)]
pub struct Asked {
    /// Prices.
    pub prices: PriceSettings,
    /// What tickets are worth.
    pub ticket_ev: Wei,
    /// The most one may pay.
    pub max_face_value: Option<Wei>,
    /// What gas may cost.
    pub gas: GasPolicy,
    feed: Option<Address>,
}

impl Asked {
    /// The contract that knows a currency's price, if there is one.
    pub fn feed(&self, chain: &Chain) -> Option<Address> {
        self.feed.or(usual_feed(chain))
    }
}

/// The contract that tells what ETH costs in dollars, on a chain where it is known.
pub(crate) fn usual_feed(chain: &Chain) -> Option<Address> {
    (chain.chain_id() == ARBITRUM_ONE).then_some(DOLLARS_ON_ARBITRUM)
}

impl PaymentArgs {
    /// What holds, said where it was set while the node ran.
    ///
    /// # Errors
    /// A config failure where nobody says a price.
    pub fn resolve(&self, kept: &KeptSettings, context: &mut Context) -> Result<Asked, Failure> {
        let file = context.settings().payments.clone();
        let pixels = self
            .pixels_per_unit
            .or(file.pixels_per_unit)
            .unwrap_or_default()
            .get();
        let usual = match (&self.price, &kept.price) {
            (Some(typed), Some(kept)) if typed.clone().per(pixels) != *kept => {
                context.shell.status(format_args!(
                    "price: {}, as given; {kept} was set at run time and holds without `--price`",
                    typed.clone().per(pixels)
                ));
                Some(typed)
            }
            (Some(typed), _) => Some(typed),
            (None, Some(kept)) => {
                context.shell.status(format_args!(
                    "price: {kept}, as set at run time; `lpctl node set-price` changes it"
                ));
                Some(kept)
            }
            (None, None) => file.price.as_ref(),
        };
        let usual = usual.ok_or_else(no_price)?.clone().per(pixels);
        let mut gateways: BTreeMap<Address, PriceTag> = file.price_per_gateway;
        for (gateway, price) in &kept.gateway_prices {
            match price {
                Some(price) => gateways.insert(*gateway, price.clone()),
                None => gateways.remove(gateway),
            };
        }
        let typed = self.price_per_gateway.iter();
        gateways.extend(typed.map(|typed| (typed.gateway, typed.price.clone())));
        let gateways = gateways
            .into_iter()
            .map(|(gateway, price)| (gateway, price.per(pixels)))
            .collect();
        let amount = |Amount(wei): Amount| wei;
        Ok(Asked {
            prices: PriceSettings {
                usual,
                gateways,
                auto_adjust: self.auto_adjust_price.or(file.auto_adjust_price).unwrap_or(true),
            },
            ticket_ev: self
                .ticket_ev
                .or(file.ticket_ev.map(amount))
                .unwrap_or_else(|| Wei::gwei(TICKET_EV)),
            // As in go-livepeer, nothing is no limit.
            max_face_value: limit(
                "--max-face-value",
                self.max_face_value
                    .map(|typed| Some(typed).filter(|limit| *limit > Wei::ZERO)),
                kept.max_face_value,
                file.max_face_value.map(amount).filter(|limit| *limit > Wei::ZERO),
                context,
            ),
            gas: GasPolicy {
                max_gas_price: limit(
                    "--max-gas-price",
                    context
                        .settings()
                        .from_command_line
                        .max_gas_price
                        .map(|GasPrice(wei)| Some(wei)),
                    kept.max_gas_price,
                    context.settings().max_gas_price,
                    context,
                ),
                min_gas_price: kept.min_gas_price.map(amount).unwrap_or_default(),
                ..GasPolicy::default()
            },
            feed: self.price_feed.or(file.price_feed),
        })
    }
}

/// A limit as it was typed, else as it was set while the node ran, else as the config file says. Says so where two differ.
fn limit(
    flag: &str,
    typed: Option<Option<Wei>>,
    kept: Option<Limit>,
    file: Option<Wei>,
    context: &mut Context,
) -> Option<Wei> {
    match (typed, kept) {
        (Some(typed), Some(kept)) if typed != kept.0 => {
            context.shell.status(format_args!(
                "{flag}: as given; {kept} was set at run time and holds without it"
            ));
            typed
        }
        (Some(typed), _) => typed,
        (None, Some(kept)) => {
            context.shell.status(format_args!(
                "{flag}: {kept}, as set at run time with `lpctl node`"
            ));
            kept.0
        }
        (None, None) => file,
    }
}

fn no_price() -> Failure {
    Failure::new(
        Kind::Config,
        "no_price",
        "a node on a chain needs a price to ask for",
    )
    .hint(
        "give it in wei for a pixel, `--price 1200`, or in a currency, `--price 0.02usd --pixels-per-unit 1000000`; \
         `--price 0` works for nothing, `--offchain` leaves the chain out of it",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateways_price_is_read() {
        let one = Address::repeat_byte(1);
        let read: GatewayPrice = format!("{one}=0.02usd/1000000").parse().unwrap();
        assert_eq!(
            (read.gateway, read.price.to_string().as_str()),
            (one, "0.02usd/1000000")
        );
        for wrong in [
            String::new(),
            "7".into(),
            "0x12=7".into(),
            format!("{one}=-7"),
            format!("{one}"),
        ] {
            assert!(wrong.parse::<GatewayPrice>().is_err(), "{wrong}");
        }
    }
}
