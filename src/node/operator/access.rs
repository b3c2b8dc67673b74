//! Who may use the operator's port, and how: what the operator said, checked before the port answers anything.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio_rustls::TlsAcceptor;

use super::token::{TokenBook, TokenError};
use crate::{
    private_file,
    wire::tls::{TlsError, server_config},
};

/// The certificate made for the operator's port: kept, so that clients can know it again.
const CERTIFICATE: &str = "operator-cert.pem";
/// Its key.
const KEY: &str = "operator-key.pem";

/// Who may use the operator's API.
#[derive(Debug, Clone, Default)]
pub struct OperatorSettings {
    /// Names, besides addresses, by which the port may be asked. Who comes by one of them needs a token.
    pub hosts: Vec<String>,
    /// TLS on the port.
    pub tls: OperatorTls,
    /// The file of bearer tokens; none: there are no tokens.
    pub tokens: Option<PathBuf>,
    /// Whether scripts on this machine may change things with GET, as they may with go-livepeer's nodes.
    pub get_writes: bool,
}

/// TLS on the operator's port.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum OperatorTls {
    /// None.
    #[default]
    Plain,
    /// With a certificate made here, once, and kept with the node's files.
    Own,
    /// With the operator's.
    Files {
        /// The certificate and what leads to its issuer, PEM.
        certificate: PathBuf,
        /// Its key, PEM.
        key: PathBuf,
    },
}

/// Why the operator's port cannot be opened as it should be.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The tokens cannot be read.
    #[error(transparent)]
    Tokens(#[from] TokenError),
    /// Others could use it, and there is no token.
    #[error("the operator API would listen on {address}, which others can reach, and there is no token")]
    Exposed {
        /// The address.
        address: SocketAddr,
    },
    /// A certificate or key cannot be read or written.
    #[error("the operator API's certificate cannot be used: {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A certificate or key is none.
    #[error("the operator API's certificate cannot be used: {}: {reason}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is the matter.
        reason: String,
    },
    /// No certificate can be made, or the library refuses it.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// What was made of [`OperatorSettings`] for a bound port.
#[derive(Debug)]
pub(in crate::node) struct Access {
    is_local: bool,
    is_tls: bool,
    hosts: Vec<String>,
    tokens: Option<TokenBook>,
    get_writes: bool,
}

impl Access {
    /// Checks the settings for the bound port; what accepts TLS on it, if anything does.
    pub(in crate::node) fn open(
        settings: OperatorSettings,
        bound: SocketAddr,
        data_dir: &Path,
    ) -> Result<(Self, Option<TlsAcceptor>), AccessError> {
        let is_local = bound.ip().is_loopback();
        let tokens = settings.tokens.map(TokenBook::new);
        if !is_local {
            let has_one = match &tokens {
                Some(tokens) => !tokens.list()?.is_empty(),
                None => false,
            };
            if !has_one {
                return Err(AccessError::Exposed { address: bound });
            }
            if settings.tls == OperatorTls::Plain {
                tracing::warn!(
                    address = %bound,
                    "the operator API speaks plain HTTP to others: tokens can be read on the way; set `operator.tls`"
                );
            }
        }
        let acceptor = match &settings.tls {
            OperatorTls::Plain => None,
            OperatorTls::Own => Some(own(&settings.hosts, bound, data_dir)?),
            OperatorTls::Files { certificate, key } => Some(acceptor(certificate, key)?),
        };
        let access = Self {
            is_local,
            is_tls: acceptor.is_some(),
            hosts: settings.hosts,
            tokens,
            get_writes: settings.get_writes,
        };
        Ok((access, acceptor))
    }

    /// Whether only this machine can reach the port.
    pub(super) fn is_local(&self) -> bool {
        self.is_local
    }

    pub(super) fn is_tls(&self) -> bool {
        self.is_tls
    }

    pub(super) fn hosts(&self) -> &[String] {
        &self.hosts
    }

    pub(super) fn tokens(&self) -> Option<&TokenBook> {
        self.tokens.as_ref()
    }

    pub(super) fn takes_get_writes(&self) -> bool {
        self.get_writes
    }
}

/// The certificate that was made for this port, or a new one.
fn own(hosts: &[String], bound: SocketAddr, data_dir: &Path) -> Result<TlsAcceptor, AccessError> {
    let (certificate, key) = (data_dir.join(CERTIFICATE), data_dir.join(KEY));
    if !certificate.exists() || !key.exists() {
        let made = make(hosts, bound)?;
        for (path, text) in [(&key, made.1), (&certificate, made.0)] {
            private_file::replace(path, text).map_err(|source| AccessError::File {
                path: path.clone(),
                source,
            })?;
        }
        tracing::info!(certificate = %certificate.display(), "made a certificate for the operator API; clients know it by `node_certificate`");
    }
    acceptor(&certificate, &key)
}

/// A certificate and its key as PEM. It names what the port is asked by, and does not end soon: who trusts it trusts
/// this one.
fn make(hosts: &[String], bound: SocketAddr) -> Result<(String, String), TlsError> {
    let failed = |source| TlsError::Certificate {
        host: bound.to_string(),
        source,
    };
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_string).to_vec();
    if !bound.ip().is_unspecified() {
        names.push(bound.ip().to_string());
    }
    names.extend(hosts.iter().cloned());
    names.sort();
    names.dedup();
    let mut params = CertificateParams::new(names).map_err(failed)?;
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "lpctl operator API");
    let now = time::OffsetDateTime::from(std::time::SystemTime::now());
    params.not_before = now - std::time::Duration::from_secs(24 * 3600);
    params.not_after = now + std::time::Duration::from_secs(3650 * 24 * 3600);
    let key = KeyPair::generate().map_err(failed)?;
    let certificate = params.self_signed(&key).map_err(failed)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor, AccessError> {
    let read = |path: &Path| {
        private_file::read(path).map_err(|source| AccessError::File {
            path: path.to_path_buf(),
            source,
        })
    };
    let pem = |path: &Path, reason: String| AccessError::Pem {
        path: path.to_path_buf(),
        reason,
    };
    // What the library says of a text can repeat it, and who mixes files up puts a key here.
    let (text, _) = read(certificate)?;
    let chain = CertificateDer::pem_slice_iter(text.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| pem(certificate, "it is no PEM file".to_string()))?;
    if chain.is_empty() {
        return Err(pem(certificate, "no certificate in it".to_string()));
    }
    let (text, mode) = read(key)?;
    if mode & 0o077 != 0 {
        tracing::warn!(path = %key.display(), "others can read the operator API's key: chmod it to 600");
    }
    let key_der = PrivateKeyDer::from_pem_slice(text.as_bytes())
        .map_err(|_| pem(key, "no private key in it".to_string()))?;
    let config = server_config(chain, key_der).map_err(|error| match error {
        TlsError::Configuration(rustls::Error::InconsistentKeys(_)) => {
            pem(key, format!("it is not the key of {}", certificate.display()))
        }
        TlsError::Configuration(error @ rustls::Error::InvalidCertificate(_)) => {
            pem(certificate, error.to_string())
        }
        TlsError::Configuration(_) => pem(key, "a key of no kind that TLS uses".to_string()),
        error @ TlsError::Certificate { .. } => error.into(),
    })?;
    Ok(TlsAcceptor::from(config))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::node::Scope;

    #[test]
    fn a_port_others_can_reach_needs_a_token() {
        let folder = tempfile::tempdir().unwrap();
        let open: SocketAddr = "192.0.2.7:7935".parse().unwrap();
        let settings = OperatorSettings {
            tokens: Some(folder.path().join("tokens.json")),
            ..OperatorSettings::default()
        };
        for settings in [OperatorSettings::default(), settings.clone()] {
            let refused = Access::open(settings, open, folder.path()).map(drop).unwrap_err();
            assert!(matches!(refused, AccessError::Exposed { .. }), "{refused}");
        }
        TokenBook::new(folder.path().join("tokens.json"))
            .make("me", Scope::Read)
            .unwrap();
        let (access, acceptor) = Access::open(settings, open, folder.path()).unwrap();
        assert!(!access.is_local() && acceptor.is_none());
        let near: SocketAddr = "127.0.0.1:7935".parse().unwrap();
        assert!(Access::open(OperatorSettings::default(), near, folder.path()).is_ok());
    }

    #[test]
    fn the_own_certificate_is_made_once_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let bound: SocketAddr = "127.0.0.1:7935".parse().unwrap();
        let settings = || OperatorSettings {
            tls: OperatorTls::Own,
            hosts: vec!["node.example".into()],
            ..OperatorSettings::default()
        };
        assert!(
            Access::open(settings(), bound, folder.path())
                .unwrap()
                .1
                .is_some()
        );
        let made = std::fs::read(folder.path().join(CERTIFICATE)).unwrap();
        Access::open(settings(), bound, folder.path()).unwrap();
        assert_eq!(std::fs::read(folder.path().join(CERTIFICATE)).unwrap(), made);
        std::fs::write(folder.path().join(CERTIFICATE), "x").unwrap();
        let refused = Access::open(settings(), bound, folder.path())
            .map(drop)
            .unwrap_err();
        assert!(matches!(refused, AccessError::Pem { .. }), "{refused}");
    }
}
