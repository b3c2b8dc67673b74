//! What an orchestrator asks gateways to pay, in a config file.

use std::collections::BTreeMap;

use alloy::primitives::Address;
use serde::{Deserialize, Serialize};

use super::gateway::Amount;
use crate::payments::PriceTag;

/// The `payments` section of a layer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PaymentsLayer {
    /// The usual price, like `1200wei` or `0.02usd`, of `pixels_per_unit` pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<PriceTag>,
    /// Pixels that prices are for where they do not say it themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pixels_per_unit: Option<Pixels>,
    /// Prices of single gateways.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub price_per_gateway: BTreeMap<Address, PriceTag>,
    /// What each ticket shall be worth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket_ev: Option<Amount>,
    /// The most one ticket may pay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_face_value: Option<Amount>,
    /// Whether what redeeming costs is added to prices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_adjust_price: Option<bool>,
    /// Contract that tells what ETH costs in a currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_feed: Option<Address>,
}

impl PaymentsLayer {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn over(self, below: Self) -> Self {
        let mut price_per_gateway = below.price_per_gateway;
        price_per_gateway.extend(self.price_per_gateway);
        Self {
            price: self.price.or(below.price),
            pixels_per_unit: self.pixels_per_unit.or(below.pixels_per_unit),
            price_per_gateway,
            ticket_ev: self.ticket_ev.or(below.ticket_ev),
            max_face_value: self.max_face_value.or(below.max_face_value),
            auto_adjust_price: self.auto_adjust_price.or(below.auto_adjust_price),
            price_feed: self.price_feed.or(below.price_feed),
        }
    }
}

/// A number of pixels that a price is for: at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Pixels(u64);

impl Pixels {
    /// The number.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }
}

impl Default for Pixels {
    fn default() -> Self {
        Self(1)
    }
}

impl TryFrom<i64> for Pixels {
    type Error = String;

    fn try_from(pixels: i64) -> Result<Self, String> {
        match u64::try_from(pixels) {
            Ok(pixels @ 1..) => Ok(Self(pixels)),
            _ => Err(format!(
                "{pixels} is not a number of pixels; a price is for at least one"
            )),
        }
    }
}

impl From<Pixels> for i64 {
    fn from(pixels: Pixels) -> Self {
        Self::try_from(pixels.0).unwrap_or(Self::MAX)
    }
}

impl std::str::FromStr for Pixels {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let pixels = text.parse::<i64>();
        let pixels = pixels.map_err(|_| format!("`{}` is not a number of pixels", text.escape_debug()))?;
        pixels.try_into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Wei;

    #[test]
    fn a_profile_adds_to_the_defaults() {
        let read = |text: &str| toml::from_str::<PaymentsLayer>(text).unwrap();
        let one = Address::repeat_byte(1);
        let above = read(&format!(
            "price = \"7\"\n[price_per_gateway]\n\"{one}\" = \"5wei/2\""
        ));
        let below = read("price = \"9\"\npixels_per_unit = 3\nticket_ev = \"8gwei\"");
        let both = above.over(below.clone());
        assert_eq!(both.price.unwrap().to_string(), "7wei");
        assert_eq!(both.pixels_per_unit.unwrap().get(), 3);
        assert_eq!(both.ticket_ev, Some(Amount(Wei::gwei(8))));
        assert_eq!(both.price_per_gateway[&one].to_string(), "5wei/2");
        let written = toml::to_string(&below).unwrap();
        assert_eq!(read(&written), below);
        for wrong in [
            "pixels_per_unit = 0",
            "price = \"-1\"",
            "ticket_ev = \"8\"",
            "prize = \"1\"",
        ] {
            assert!(toml::from_str::<PaymentsLayer>(wrong).is_err(), "{wrong}");
        }
    }
}
