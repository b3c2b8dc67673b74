//! The `reward` section of a layer: how the guardian of rewards works.

use std::{fmt, path::PathBuf, str::FromStr};

use alloy::primitives::Address;
use serde::{Deserialize, Serialize};

use super::GasPrice;
use crate::{
    secret::WebhookUrl,
    units::{Lpt, ParseAmountError},
};

/// The `reward` section of a layer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RewardLayer {
    /// Whose rewards are called, where that is not the account itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orchestrator: Option<Address>,
    /// What gas may cost at the beginning of a round.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patient_gas_price: Option<GasPrice>,
    /// What a reward has to bring.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_reward: Option<LptAmount>,
    /// What one ETH is worth to the operator: a reward has to bring what its gas costs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lpt_per_eth: Option<LptAmount>,
    /// Whether to open rounds that nobody has opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initialize_rounds: Option<bool>,
    /// Seconds others are given to do so, at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initialize_max_delay: Option<u64>,
    /// Parts of a round at which to alert.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alert_at: Option<AlertParts>,
    /// Who gets alerts. Shown without path and query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alert_webhook: Option<WebhookUrl>,
    /// What is run for alerts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alert_program: Option<PathBuf>,
}

impl RewardLayer {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// This layer, with what it does not say taken from `below`.
    #[must_use]
    pub fn over(self, below: Self) -> Self {
        Self {
            orchestrator: self.orchestrator.or(below.orchestrator),
            patient_gas_price: self.patient_gas_price.or(below.patient_gas_price),
            min_reward: self.min_reward.or(below.min_reward),
            lpt_per_eth: self.lpt_per_eth.or(below.lpt_per_eth),
            initialize_rounds: self.initialize_rounds.or(below.initialize_rounds),
            initialize_max_delay: self.initialize_max_delay.or(below.initialize_max_delay),
            alert_at: self.alert_at.or(below.alert_at),
            alert_webhook: self.alert_webhook.or(below.alert_webhook),
            alert_program: self.alert_program.or(below.alert_program),
        }
    }
}

/// An amount of LPT in a config file: text like `0.5` or `0.5 LPT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LptAmount(pub Lpt);

impl TryFrom<String> for LptAmount {
    type Error = ParseAmountError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

impl From<LptAmount> for String {
    fn from(LptAmount(amount): LptAmount) -> Self {
        amount.decimal()
    }
}

/// Parts of a round in percent, rising, like `25,50,75`; `none` for none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AlertParts(pub Vec<u8>);

impl FromStr for AlertParts {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim() == "none" {
            return Ok(Self(Vec::new()));
        }
        let parts = text.split(',').map(|part| {
            let part = part.trim().trim_end_matches('%').trim_end();
            part.parse().ok().filter(|part| (1..=99).contains(part))
        });
        let mut parts: Vec<u8> = parts.collect::<Option<_>>().ok_or_else(|| {
            let shown: String = text.chars().take(40).collect();
            format!(
                "`{}` are no parts of a round; write percentages from 1 to 99, like `25,50,75`, or `none`",
                shown.escape_debug()
            )
        })?;
        parts.sort_unstable();
        parts.dedup();
        Ok(Self(parts))
    }
}

impl TryFrom<String> for AlertParts {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<AlertParts> for String {
    fn from(parts: AlertParts) -> Self {
        parts.to_string()
    }
}

impl fmt::Display for AlertParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        let parts: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&parts.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConfigFile;

    #[test]
    fn parts_are_read_in_any_order_and_written_in_theirs() {
        for (text, read) in [("75,25 %, 50,25", "25,50,75"), ("none", "none"), ("9", "9")] {
            assert_eq!(text.parse::<AlertParts>().unwrap().to_string(), read);
        }
        for bad in ["", "0", "100", "25;50", "half", "-1"] {
            assert!(bad.parse::<AlertParts>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_profile_stands_over_the_defaults_key_by_key() {
        let text = "[defaults.reward]\nmin_reward = \"0.5 LPT\"\nalert_at = \"25\"\n\
                    [profiles.p.reward]\nalert_at = \"50,90\"\npatient_gas_price = \"0.02gwei\"\n";
        let (_, layer) = ConfigFile::parse(text).unwrap().layer(Some("p")).unwrap();
        assert_eq!(layer.reward.min_reward.unwrap().0.decimal(), "0.5");
        assert_eq!(layer.reward.alert_at.unwrap().0, [50, 90]);
        assert!(ConfigFile::parse("[defaults.reward]\nalert_at = \"500\"\n").is_err());
        assert!(ConfigFile::parse("[defaults.reward]\nmin_reward = \"a lot\"\n").is_err());
    }
}
