//! The `alerts` section of a layer: who is told of what needs attention.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{
    node::alerts::{ChannelKind, RuleChoice, Severity, rule},
    secret::WebhookUrl,
};

/// The `alerts` section of a layer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AlertsLayer {
    /// Gets alerts as JSON. Shown without path and query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookUrl>,
    /// File whose first line is a header that lets them in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_header_file: Option<PathBuf>,
    /// Is run for alerts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<PathBuf>,
    /// Whether they are shown on the desktop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desktop: Option<bool>,
    /// Minutes until what lasts is told again; 0 for never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeat_minutes: Option<u32>,
    /// What is wanted otherwise of single rules, by code.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub rules: BTreeMap<RuleCode, RuleLayer>,
}

/// The code of a rule there is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(into = "String")]
pub struct RuleCode(&'static str);

impl<'de> Deserialize<'de> for RuleCode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::try_from(text).map_err(serde::de::Error::custom)
    }
}

impl RuleCode {
    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        self.0
    }
}

impl TryFrom<String> for RuleCode {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        rule(&text).map(|rule| Self(rule.code)).ok_or_else(|| {
            format!(
                "there is no alert `{}`; `lpctl alerts list` names them",
                text.chars().take(40).collect::<String>().escape_debug()
            )
        })
    }
}

impl From<RuleCode> for String {
    fn from(code: RuleCode) -> Self {
        code.0.to_string()
    }
}

/// What is wanted otherwise of one rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RuleLayer {
    /// Whether nobody is told; false turns one on that is off by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub off: Option<bool>,
    /// Seconds it must hold before anybody is told.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub hold_seconds: Option<u32>,
    /// How grave it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// Where it is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<Vec<ChannelKind>>,
}

impl RuleLayer {
    /// As the engine takes it.
    #[must_use]
    pub fn choice(&self) -> RuleChoice {
        RuleChoice {
            told: self.off.map(|off| !off),
            hold: self
                .hold_seconds
                .map(|seconds| std::time::Duration::from_secs(u64::from(seconds))),
            severity: self.severity,
            channels: self.channels.clone(),
        }
    }
}

impl AlertsLayer {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// This layer, with what it does not say taken from `below`; a rule is one of them, whole.
    #[must_use]
    pub fn over(self, below: Self) -> Self {
        let mut rules = below.rules;
        rules.extend(self.rules);
        Self {
            // The header is for the webhook it stands beside.
            webhook_header_file: match self.webhook {
                Some(_) => self.webhook_header_file,
                None => self.webhook_header_file.or(below.webhook_header_file),
            },
            webhook: self.webhook.or(below.webhook),
            program: self.program.or(below.program),
            desktop: self.desktop.or(below.desktop),
            repeat_minutes: self.repeat_minutes.or(below.repeat_minutes),
            rules,
        }
    }
}

/// The `otel` section of a layer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OtelLayer {
    /// Where traces of segments go, over gRPC. Shown without path and query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<WebhookUrl>,
}

impl OtelLayer {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use crate::config::ConfigFile;

    #[test]
    fn rules_are_changed_by_code_and_unknown_ones_are_refused() {
        let text = "[defaults.alerts]\nwebhook = \"https://a.example/SECRET\"\nwebhook_header_file = \"/h\"\n\
                    [defaults.alerts.rules.low_gas]\nfor = 10\nseverity = \"critical\"\n\
                    [profiles.p.alerts]\nwebhook = \"https://b.example/SECRET\"\n\
                    [profiles.p.alerts.rules.sessions_full]\noff = false\nchannels = [\"desktop\"]\n";
        let file = ConfigFile::parse(text).unwrap();
        let (_, layer) = file.layer(Some("p")).unwrap();
        let alerts = layer.alerts;
        assert_eq!(alerts.webhook.as_ref().unwrap().to_string(), "https://b.example");
        assert_eq!(
            alerts.webhook_header_file, None,
            "another webhook's secret is not sent"
        );
        let codes: Vec<_> = alerts.rules.keys().map(|code| code.as_str()).collect();
        assert_eq!(codes, ["low_gas", "sessions_full"]);
        for wrong in [
            "[defaults.alerts.rules.loud]\noff = true\n",
            "[defaults.alerts.rules.low_gas]\nseverity = \"loud\"\n",
            "[defaults.alerts.rules.low_gas]\nchannels = [\"smoke\"]\n",
            "[defaults.alerts.rules.low_gas]\nfor = -1\n",
        ] {
            assert!(ConfigFile::parse(wrong).is_err(), "{wrong}");
        }
    }
}
