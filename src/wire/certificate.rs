//! The certificate a node shows: gateways take any, whoever looks with a browser or `curl` does not.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use rustls::pki_types::ServerName;
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;
use url::Url;
use x509_parser::{
    extensions::GeneralName,
    parse_x509_certificate,
    prelude::{ASN1Time, X509Certificate},
};

use super::{
    client::{ConnectError, host_and_port},
    tls,
};

/// Names of one certificate that are kept, and characters of each.
const MOST_NAMES: usize = 32;
const LONGEST_NAME: usize = 253;

/// What a certificate says of itself. Who issued it is not looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFacts {
    /// The hosts it is for, as it writes them. Text from outside: escape before showing.
    pub names: Vec<String>,
    /// From when it is valid; none for a time that is none.
    pub not_before: Option<Timestamp>,
    /// Until when it is valid; none for a time that is none.
    pub not_after: Option<Timestamp>,
}

impl CertificateFacts {
    /// Reads a certificate in DER; none if it is none.
    #[must_use]
    pub fn from_der(der: &[u8]) -> Option<Self> {
        let (_, certificate) = parse_x509_certificate(der).ok()?;
        let time = |time: ASN1Time| Timestamp::from_second(time.timestamp()).ok();
        let validity = certificate.validity();
        Some(Self {
            names: names(&certificate),
            not_before: time(validity.not_before),
            not_after: time(validity.not_after),
        })
    }

    /// Whether one of its names is that host, or stands for it with a star.
    #[must_use]
    pub fn is_for(&self, host: &str) -> bool {
        let host = host.trim_matches(['[', ']']);
        self.names.iter().any(|name| {
            let stands_for = |name: &str| {
                let rest = host.split_once('.').map(|(_, rest)| rest);
                rest.is_some_and(|rest| rest.eq_ignore_ascii_case(name))
            };
            name.eq_ignore_ascii_case(host) || name.strip_prefix("*.").is_some_and(stands_for)
        })
    }
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let written = extension
        .value
        .general_names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.chars().take(LONGEST_NAME).collect()),
            GeneralName::IPAddress(bytes) => match <[u8; 4]>::try_from(*bytes) {
                Ok(bytes) => Some(std::net::Ipv4Addr::from(bytes).to_string()),
                Err(_) => <[u8; 16]>::try_from(*bytes)
                    .ok()
                    .map(|bytes| std::net::Ipv6Addr::from(bytes).to_string()),
            },
            _ => None,
        });
    written.take(MOST_NAMES).collect()
}

/// The certificate shown at an `https` address, whatever it is worth; none if there is none that can be read.
///
/// # Errors
/// [`ConnectError`] if nobody answers there with TLS within `limit`.
pub async fn shown_at(uri: &Url, limit: Duration) -> Result<Option<CertificateFacts>, ConnectError> {
    let (host, port) = host_and_port(uri)?;
    let unreachable = |reason: String| ConnectError::Unreachable {
        address: format!("{host}:{port}"),
        reason,
    };
    let bare = host.trim_matches(['[', ']']).to_string();
    let connector = TlsConnector::from(Arc::new(tls::accept_any_client_config(&[
        tls::HTTP2,
        tls::HTTP1,
    ])?));
    let shaking_hands = async {
        let tcp = TcpStream::connect((bare.as_str(), port)).await?;
        let name = ServerName::try_from(bare.clone()).map_err(std::io::Error::other)?;
        connector.connect(name, tcp).await
    };
    let stream = match timeout(limit, shaking_hands).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(unreachable(error.to_string())),
        Err(_) => return Err(unreachable(format!("no answer within {limit:?}"))),
    };
    let shown = stream.get_ref().1.peer_certificates();
    let first = shown.and_then(<[_]>::first);
    Ok(first.and_then(|der| CertificateFacts::from_der(der)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nodes_own_certificate_tells_its_name_and_its_time() {
        let made = tls::self_signed("o1.example.org").unwrap();
        let facts = CertificateFacts::from_der(&made.certificate).unwrap();
        assert_eq!(facts.names, ["o1.example.org"]);
        assert!(facts.is_for("O1.example.org") && !facts.is_for("example.org"));
        let (begins, ends) = (facts.not_before.unwrap(), facts.not_after.unwrap());
        assert_eq!(ends.as_second() - begins.as_second(), 8765 * 3600);
        assert_eq!(CertificateFacts::from_der(b"no certificate"), None);
    }

    #[test]
    fn a_star_stands_for_one_label() {
        let facts = CertificateFacts {
            names: vec!["*.example.org".into(), "192.0.2.1".into()],
            not_before: None,
            not_after: None,
        };
        for (host, is_so) in [
            ("a.example.org", true),
            ("a.b.example.org", false),
            ("example.org", false),
            ("192.0.2.1", true),
        ] {
            assert_eq!(facts.is_for(host), is_so, "{host}");
        }
    }
}
