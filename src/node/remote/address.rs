//! Where a transcoder finds its orchestrator, as `-orchAddr` writes it (`go-livepeer cmd/livepeer/starter`).

use std::{fmt, str::FromStr};

use url::Url;

/// The port orchestrators listen on if nothing else is said.
const USUAL_PORT: u16 = 8935;

/// Host and port of an orchestrator; it is always spoken to over TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrchestratorAddress {
    /// Name or IP address, IPv6 in brackets.
    host: String,
    port: u16,
}

/// Why a text is no address of an orchestrator. It never repeats the text: somebody may have put a secret in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing anybody could connect to.
    #[error("the orchestrator's address is not one; write it like `orchestrator.example:8935`")]
    Malformed,
    /// A scheme stands for its own port, which is rarely the one that is meant.
    #[error(
        "the orchestrator's address has a scheme and no port; write it like `https://orchestrator.example:8935`"
    )]
    NoPort,
}

impl OrchestratorAddress {
    /// The address with its scheme, as a base for paths.
    pub(super) fn url(&self) -> Result<Url, AddressError> {
        format!("https://{self}")
            .parse()
            .map_err(|_| AddressError::Malformed)
    }
}

impl fmt::Display for OrchestratorAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl FromStr for OrchestratorAddress {
    type Err = AddressError;

    /// Reads `host:port`, `host` (port 8935), `:port` (this machine) or a URL with its port, of which scheme and path
    /// are dropped.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        let (has_scheme, rest) = match text.split_once("://") {
            Some((_, rest)) => (true, rest),
            None => (false, text),
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(AddressError::Malformed);
        }
        let local;
        let authority = match authority.strip_prefix(':') {
            Some(port) if !has_scheme => {
                local = format!("127.0.0.1:{port}");
                &local
            }
            _ => authority,
        };
        let port = authority
            .rsplit_once(':')
            .filter(|(host, _)| !host.contains('[') || host.ends_with(']'))
            .map(|(_, port)| port);
        let port = match port {
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                port.parse().map_err(|_| AddressError::Malformed)?
            }
            Some(_) => return Err(AddressError::Malformed),
            None if has_scheme => return Err(AddressError::NoPort),
            None => USUAL_PORT,
        };
        // The host is judged by those who know what hosts look like.
        let url: Url = format!("https://{authority}/")
            .parse()
            .map_err(|_| AddressError::Malformed)?;
        let host = url.host_str().filter(|host| !host.is_empty());
        match (host, port) {
            (None, _) | (_, 0) => Err(AddressError::Malformed),
            (Some(host), port) => Ok(Self {
                host: host.to_string(),
                port,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, AddressError> {
        text.parse::<OrchestratorAddress>()
            .map(|address| address.to_string())
    }

    #[test]
    fn only_host_and_port_count() {
        for (text, meant) in [
            ("orchestrator.example", "orchestrator.example:8935"),
            ("orchestrator.example:9000", "orchestrator.example:9000"),
            (":9000", "127.0.0.1:9000"),
            ("10.0.0.1", "10.0.0.1:8935"),
            ("[::1]", "[::1]:8935"),
            ("[::1]:9000", "[::1]:9000"),
            ("https://orchestrator.example:443", "orchestrator.example:443"),
            (
                "https://orchestrator.example:9000/path?x#y",
                "orchestrator.example:9000",
            ),
            ("http://orchestrator.example:9000", "orchestrator.example:9000"),
            (" orchestrator.example:9000/ ", "orchestrator.example:9000"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(meant), "{text}");
        }
    }

    #[test]
    fn a_scheme_wants_its_port_and_nonsense_is_none() {
        assert_eq!(read("https://orchestrator.example"), Err(AddressError::NoPort));
        assert_eq!(read("https://[::1]/x"), Err(AddressError::NoPort));
        for text in [
            "",
            ":",
            ":x",
            "host:",
            "host:99999",
            "host:0",
            "a b",
            "user:SECRET@host:1",
            "::1",
            "https://:9000",
            "[::1",
            "host:1:2",
        ] {
            let error = read(text).unwrap_err();
            assert_eq!(error, AddressError::Malformed, "{text:?}");
            assert!(!error.to_string().contains("SECRET"));
        }
    }
}
