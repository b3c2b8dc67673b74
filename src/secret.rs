//! Values that must never be shown: every way of printing them redacts.

use std::fmt;

use sha2::{Digest, Sha256};
use url::Url;
use zeroize::Zeroizing;

/// Shows a URL as scheme, host and port, whoever prints or serialises it; read from text, which is wiped.
macro_rules! shown_by_origin {
    ($name:ident) => {
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let host = self.0.host_str().unwrap_or_default();
                write!(f, "{}://{host}", self.0.scheme())?;
                match self.0.port() {
                    Some(port) => write!(f, ":{port}"),
                    None => Ok(()),
                }
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text =
                    zeroize::Zeroizing::new(<String as serde::Deserialize>::deserialize(deserializer)?);
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use shown_by_origin;

/// A JSON-RPC endpoint. Its path and query often hold an API key, so it is shown as scheme, host and port only.
#[derive(Clone, PartialEq, Eq)]
pub struct RpcUrl(Url);

/// Why a text is not an endpoint; never repeats the text, which may hold a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseRpcUrlError {
    /// Not a URL at all.
    #[error("the RPC URL is not a URL; write it like `https://host/path`")]
    NotAUrl,
    /// A URL of another kind.
    #[error("the RPC URL must begin with http:// or https://")]
    Scheme,
}

impl RpcUrl {
    /// The whole URL, for the client that connects to it and nobody else.
    #[must_use]
    pub fn expose(&self) -> &Url {
        &self.0
    }
}

impl std::str::FromStr for RpcUrl {
    type Err = ParseRpcUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url: Url = text.trim().parse().map_err(|_| ParseRpcUrlError::NotAUrl)?;
        match (url.scheme(), url.has_host()) {
            ("http" | "https", true) => Ok(Self(url)),
            _ => Err(ParseRpcUrlError::Scheme),
        }
    }
}

shown_by_origin!(RpcUrl);

/// The address of a webhook. Its path and query may hold a token, so it is shown as scheme, host and port only.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookUrl(Url);

/// A text is no address of a webhook; never repeats the text, which may hold a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a webhook's address must be a URL that begins with http:// or https://")]
pub struct ParseWebhookUrlError;

impl WebhookUrl {
    /// The whole URL, for the client that connects to it and nobody else.
    #[must_use]
    pub fn expose(&self) -> &Url {
        &self.0
    }
}

impl std::str::FromStr for WebhookUrl {
    type Err = ParseWebhookUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url: Url = text.trim().parse().map_err(|_| ParseWebhookUrlError)?;
        match (url.scheme(), url.has_host()) {
            ("http" | "https", true) => Ok(Self(url)),
            _ => Err(ParseWebhookUrlError),
        }
    }
}

shown_by_origin!(WebhookUrl);

/// A password or other short secret; wiped from memory when dropped.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes the secret over.
    #[must_use]
    pub fn new(secret: String) -> Self {
        Self(Zeroizing::new(secret))
    }

    /// The secret itself, for the function that needs it and nobody else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// What an orchestrator and its remote transcoders share: whoever has it may take tasks and post their results.
#[derive(Clone)]
pub struct OrchestratorSecret(Zeroizing<String>);

/// Why a text is no orchestrator secret; never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseSecretError {
    /// Nothing, or only spaces.
    #[error("the orchestrator secret is empty")]
    Empty,
    /// It travels as an HTTP header, which takes one line of printable ASCII.
    #[error("the orchestrator secret must be one line of printable ASCII")]
    Unprintable,
}

impl OrchestratorSecret {
    /// The secret itself, for the messages it travels in and nothing else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether that is the secret. How long this takes says nothing about where they differ.
    #[must_use]
    pub fn matches(&self, given: &[u8]) -> bool {
        let (ours, theirs) = (Sha256::digest(self.0.as_bytes()), Sha256::digest(given));
        let differing = ours
            .iter()
            .zip(theirs.iter())
            .fold(0, |all, (a, b)| all | (a ^ b));
        std::hint::black_box(differing) == 0
    }
}

impl std::str::FromStr for OrchestratorSecret {
    type Err = ParseSecretError;

    /// Spaces and line ends around it do not count, as in a file it is read from.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ParseSecretError::Empty);
        }
        match text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            true => Ok(Self(Zeroizing::new(text.to_string()))),
            false => Err(ParseSecretError::Unprintable),
        }
    }
}

impl fmt::Debug for OrchestratorSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OrchestratorSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_never_shows_its_token() {
        let url: WebhookUrl = "https://user:SECRET@auth.example:8443/SECRET?t=SECRET"
            .parse()
            .unwrap();
        for shown in [
            url.to_string(),
            format!("{url:?}"),
            serde_json::to_string(&url).unwrap(),
        ] {
            assert_eq!(shown.trim_matches('"'), "https://auth.example:8443");
        }
        for bad in ["", "hook.example", "ftp://SECRET", "SECRET"] {
            let error = bad.parse::<WebhookUrl>().unwrap_err();
            assert!(!error.to_string().contains("SECRET"));
        }
    }

    #[test]
    fn an_endpoint_never_shows_its_key() {
        let url: RpcUrl = "https://user:pass@arb.example.com:8443/v2/SECRETKEY?token=SECRETKEY"
            .parse()
            .unwrap();
        for shown in [
            url.to_string(),
            format!("{url:?}"),
            serde_json::to_string(&url).unwrap(),
        ] {
            assert_eq!(shown.trim_matches('"'), "https://arb.example.com:8443");
        }
        assert!(
            !"SECRETKEY"
                .parse::<RpcUrl>()
                .unwrap_err()
                .to_string()
                .contains("SECRET")
        );
        assert_eq!(format!("{:?}", Password::new("hunter2".into())), "Password(…)");
    }

    #[test]
    fn an_orchestrator_secret_is_one_line_and_is_not_shown() {
        let secret: OrchestratorSecret = " s3cret word\n".parse().unwrap();
        assert_eq!(secret.expose(), "s3cret word");
        assert_eq!(format!("{secret:?}"), "OrchestratorSecret(…)");
        assert!(secret.matches(b"s3cret word"));
        for wrong in ["", "s3cret", "s3cret word ", "S3cret word"] {
            assert!(!secret.matches(wrong.as_bytes()), "{wrong}");
        }
        let refused = |text: &str| text.parse::<OrchestratorSecret>().unwrap_err();
        assert_eq!(refused(" \n"), ParseSecretError::Empty);
        assert_eq!(refused("two\nlines"), ParseSecretError::Unprintable);
        assert_eq!(refused("geheim\u{fc}"), ParseSecretError::Unprintable);
    }
}
