//! The `operator` section of a layer: who may use a node's operator API beyond this machine, and how.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The `operator` section of a layer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OperatorLayer {
    /// Names by which the API may be asked, besides addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hosts: Option<Vec<HostName>>,
    /// Whether it speaks TLS, with a certificate made here unless there are files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<bool>,
    /// The certificate and what leads to its issuer, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_file: Option<PathBuf>,
    /// Its key, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
    /// File of bearer tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// Whether scripts on this machine may change things with GET.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub get_writes: Option<bool>,
}

impl OperatorLayer {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn over(self, below: Self) -> Self {
        Self {
            hosts: self.hosts.or(below.hosts),
            tls: self.tls.or(below.tls),
            certificate_file: self.certificate_file.or(below.certificate_file),
            key_file: self.key_file.or(below.key_file),
            token_file: self.token_file.or(below.token_file),
            get_writes: self.get_writes.or(below.get_writes),
        }
    }
}

/// A name of a host, without a port: letters, digits, `-` and `.`, and no address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostName(String);

impl HostName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for HostName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
        let is_name = (1..=253).contains(&text.len())
            && text.bytes().all(fits)
            && text.parse::<std::net::IpAddr>().is_err();
        match is_name {
            true => Ok(Self(text)),
            false => Err(format!(
                "`{}` is no name of a host; write it like `node.example.org`, without a port",
                text.chars().take(60).collect::<String>().escape_debug()
            )),
        }
    }
}

impl From<HostName> for String {
    fn from(name: HostName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names() {
        let read = |text: &str| HostName::try_from(text.to_string());
        assert!(read("node.example.org").is_ok() && read("node-1").is_ok());
        for wrong in ["", "node:7935", "10.0.0.1", "https://node", "*.example", "a b"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
