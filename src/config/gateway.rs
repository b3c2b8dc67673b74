//! The `gateway` section of a layer: how `lpctl gateway run` works.

use std::{fmt, net::SocketAddr, num::NonZeroU64, path::PathBuf, str::FromStr};

use serde::{Deserialize, Serialize};

use super::SessionLimit;
use crate::{gateway::price::Price, secret::WebhookUrl, units::Wei};

/// The `gateway` section of a layer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GatewayLayer {
    /// Where segments are pushed to and streams play from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_addr: Option<SocketAddr>,
    /// Where RTMP comes in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtmp_addr: Option<SocketAddr>,
    /// Loopback address of the operator's API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cli_addr: Option<SocketAddr>,
    /// Whether anybody may send streams, also from elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_ingest: Option<bool>,
    /// Orchestrators to send to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orchestrators: Option<Vec<String>>,
    /// Where to ask for orchestrators. Shown without path and query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orch_webhook: Option<WebhookUrl>,
    /// Renditions to ask for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ladder: Option<String>,
    /// Streams at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_sessions: Option<SessionLimit>,
    /// Who decides which streams are taken. Shown without path and query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_webhook: Option<WebhookUrl>,
    /// File of API keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys_file: Option<PathBuf>,
    /// File with a line for each segment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_file: Option<PathBuf>,
    /// How far results are checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify: Option<VerifyChoice>,
    /// Most to pay for a pixel, in wei.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_price: Option<Price>,
    /// Most one ticket may be worth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_ticket_ev: Option<Amount>,
    /// Most all tickets of one segment may be worth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_total_ev: Option<Amount>,
    /// How many winning tickets the deposit must cover.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deposit_multiplier: Option<NonZeroU64>,
}

/// An amount of ETH with its unit, like `3000gwei`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount(pub Wei);

impl Serialize for Amount {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}wei", self.0.0))
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

impl GatewayLayer {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// This layer, with what it does not say taken from `below`.
    #[must_use]
    pub fn over(self, below: Self) -> Self {
        Self {
            http_addr: self.http_addr.or(below.http_addr),
            rtmp_addr: self.rtmp_addr.or(below.rtmp_addr),
            cli_addr: self.cli_addr.or(below.cli_addr),
            http_ingest: self.http_ingest.or(below.http_ingest),
            orchestrators: self.orchestrators.or(below.orchestrators),
            orch_webhook: self.orch_webhook.or(below.orch_webhook),
            ladder: self.ladder.or(below.ladder),
            max_sessions: self.max_sessions.or(below.max_sessions),
            auth_webhook: self.auth_webhook.or(below.auth_webhook),
            keys_file: self.keys_file.or(below.keys_file),
            log_file: self.log_file.or(below.log_file),
            verify: self.verify.or(below.verify),
            max_price: self.max_price.or(below.max_price),
            max_ticket_ev: self.max_ticket_ev.or(below.max_ticket_ev),
            max_total_ev: self.max_total_ev.or(below.max_total_ev),
            deposit_multiplier: self.deposit_multiplier.or(below.deposit_multiplier),
        }
    }
}

/// How far results are checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VerifyChoice {
    /// Not at all.
    Off,
    /// The orchestrator's signature, where it names an account.
    #[default]
    Signatures,
    /// The signature, and every rendition decoded and compared with what was reported.
    Full,
}

impl VerifyChoice {
    /// The words for them.
    pub const NAMES: [&str; 3] = ["off", "signatures", "full"];

    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Signatures => "signatures",
            Self::Full => "full",
        }
    }
}

impl fmt::Display for VerifyChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for VerifyChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Off, Self::Signatures, Self::Full];
        all.into_iter()
            .find(|choice| choice.name() == text)
            .ok_or_else(|| format!("`{}` is none of {}", text.escape_debug(), Self::NAMES.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::super::ConfigFile;
    use super::*;

    #[test]
    fn a_profiles_gateway_stands_over_the_defaults() {
        let file = ConfigFile::parse(
            "[defaults.gateway]\nhttp_addr = \"127.0.0.1:9935\"\nverify = \"full\"\n\
             auth_webhook = \"https://auth.example/SECRET\"\n\
             [profiles.a.gateway]\nverify = \"off\"\norchestrators = [\"o.example\"]\n",
        )
        .unwrap();
        let (_, layer) = file.layer(Some("a")).unwrap();
        assert_eq!(layer.gateway.verify, Some(VerifyChoice::Off));
        assert_eq!(layer.gateway.http_addr, "127.0.0.1:9935".parse().ok());
        assert_eq!(layer.gateway.orchestrators, Some(vec!["o.example".to_string()]));
        assert!(!toml::to_string(&file).unwrap().contains("SECRET"));
        assert!(
            !toml::to_string(&ConfigFile::default())
                .unwrap()
                .contains("gateway")
        );
        let error = ConfigFile::parse("[defaults.gateway]\nauth_webhook = \"ftp://SECRET\"\n").unwrap_err();
        assert!(!error.to_string().contains("SECRET"), "{error}");
    }

    #[test]
    fn the_words_for_checking_are_read_back() {
        for name in VerifyChoice::NAMES {
            assert_eq!(name.parse::<VerifyChoice>().unwrap().to_string(), name);
        }
        assert!("all".parse::<VerifyChoice>().is_err());
    }
}
