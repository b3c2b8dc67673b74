//! How to get into an operator API beyond loopback: a token, and a certificate to know the node by.

use std::{fmt, path::Path, sync::Arc};

use rustls::{
    ClientConfig,
    pki_types::{CertificateDer, pem::PemObject},
};
use zeroize::Zeroizing;

use super::ApiError;
use crate::{private_file, wire::tls};

/// A token is no longer than this.
const LONGEST: usize = 512;

/// What a client shows, and what it takes for the node. Never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Access {
    token: Option<Arc<Zeroizing<String>>>,
    certificate: Option<CertificateDer<'static>>,
}

/// Why a token or a certificate cannot be used. Does not repeat what is secret.
#[derive(Debug, thiserror::Error)]
pub enum AccessFileError {
    /// It cannot be read.
    #[error("{path} cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Others can read a token.
    #[error("others can read the tokens in {path}: its mode is {mode:o}")]
    Readable {
        /// The file.
        path: String,
        /// Its permission bits.
        mode: u32,
    },
    /// What is in it is something else.
    #[error("{path} holds {reason}")]
    Content {
        /// The file.
        path: String,
        /// What is the matter.
        reason: &'static str,
    },
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("token", &self.token.as_ref().map(|_| "…"))
            .field("certificate", &self.certificate.is_some())
            .finish()
    }
}

impl Access {
    /// With the token for a node from a file: a line with nothing but a token is for every node, one with a URL before it
    /// for the node there, and comes first. Only its owner may read it.
    ///
    /// # Errors
    /// See [`AccessFileError`].
    pub fn with_token_file(mut self, path: &Path, node: &url::Url) -> Result<Self, AccessFileError> {
        let shown = || path.display().to_string();
        let content = |reason| AccessFileError::Content {
            path: shown(),
            reason,
        };
        let (text, mode) = private_file::read(path).map_err(|source| AccessFileError::Unreadable {
            path: shown(),
            source,
        })?;
        if mode & 0o077 != 0 {
            return Err(AccessFileError::Readable { path: shown(), mode });
        }
        let mut usual = None;
        let mut of_node = None;
        let lines = text.lines().map(str::trim);
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let mut words = line.split_whitespace();
            let (token, slot) = match (words.next(), words.next(), words.next()) {
                (Some(token), None, _) => (token, Some(&mut usual)),
                (Some(place), Some(token), None) => {
                    let place: url::Url = place
                        .parse()
                        .map_err(|_| content("a line without a URL or token"))?;
                    let is_it = place.origin() == node.origin();
                    (token, is_it.then_some(&mut of_node))
                }
                _ => return Err(content("a line with more than a URL and a token")),
            };
            if token.len() > LONGEST || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(content("something that is no token"));
            }
            if let Some(slot) = slot {
                slot.get_or_insert_with(|| Arc::new(Zeroizing::new(token.to_string())));
            }
        }
        self.token = of_node.or(usual);
        Ok(self)
    }

    /// Knowing the node by nothing but this certificate, whatever names, dates and issuer it has: the PEM file that
    /// `lpctl run` made, or a copy of it.
    ///
    /// # Errors
    /// See [`AccessFileError`].
    pub fn with_certificate_file(mut self, path: &Path) -> Result<Self, AccessFileError> {
        let shown = || path.display().to_string();
        let (text, _) = private_file::read(path).map_err(|source| AccessFileError::Unreadable {
            path: shown(),
            source,
        })?;
        let certificate =
            CertificateDer::from_pem_slice(text.as_bytes()).map_err(|_| AccessFileError::Content {
                path: shown(),
                reason: "no certificate",
            })?;
        self.certificate = Some(certificate);
        Ok(self)
    }

    /// The token, if it may be shown to the node there: over TLS, or on this machine.
    pub(super) fn token_for(&self, node: &url::Url) -> Result<Option<&str>, ApiError> {
        let Some(token) = &self.token else { return Ok(None) };
        let is_near = match node.host() {
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            Some(url::Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
            None => false,
        };
        match node.scheme() == "https" || is_near {
            true => Ok(Some(token)),
            false => Err(ApiError::TokenInClear),
        }
    }

    /// TLS that takes nothing but the certificate; none: whatever the system trusts.
    pub(super) fn tls(&self) -> Result<Option<ClientConfig>, ApiError> {
        let Some(certificate) = &self.certificate else {
            return Ok(None);
        };
        tls::pinned_client_config(certificate.clone(), &[tls::HTTP2, tls::HTTP1])
            .map(Some)
            .map_err(|error| ApiError::Connection(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    fn file(text: &str, mode: u32) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        (folder, path)
    }

    fn token(text: &str, node: &str) -> Option<String> {
        let (_folder, path) = file(text, 0o600);
        let node = node.parse().unwrap();
        let access = Access::default().with_token_file(&path, &node).unwrap();
        access.token_for(&node).unwrap().map(str::to_string)
    }

    #[test]
    fn each_node_is_shown_its_own_token_and_no_other() {
        let text = "# mine\nhttps://eu1.example:7935 lpctl_eu\nhttps://us1.example:7935/ lpctl_us\n";
        assert_eq!(
            token(text, "https://eu1.example:7935/").as_deref(),
            Some("lpctl_eu")
        );
        assert_eq!(
            token(text, "https://us1.example:7935/").as_deref(),
            Some("lpctl_us")
        );
        assert_eq!(token(text, "https://evil.example:7935/"), None);
        assert_eq!(
            token("lpctl_all\n", "https://eu1.example/").as_deref(),
            Some("lpctl_all")
        );
    }

    #[test]
    fn no_token_travels_in_the_clear_or_lies_open() {
        let (_folder, path) = file("lpctl_all", 0o600);
        let far: url::Url = "http://10.0.0.7:7935/".parse().unwrap();
        let access = Access::default().with_token_file(&path, &far).unwrap();
        assert!(matches!(access.token_for(&far), Err(ApiError::TokenInClear)));
        assert!(!format!("{access:?}").contains("lpctl_all"));
        let near: url::Url = "http://localhost:7935/".parse().unwrap();
        assert_eq!(access.token_for(&near).unwrap(), Some("lpctl_all"));
        let (_folder, path) = file("lpctl_all", 0o640);
        let refused = Access::default().with_token_file(&path, &near).unwrap_err();
        assert!(matches!(refused, AccessFileError::Readable { mode: 0o640, .. }));
        for wrong in ["a b c", "notaurl token", "t\u{7f}"] {
            let (_folder, path) = file(wrong, 0o600);
            let refused = Access::default().with_token_file(&path, &near).unwrap_err();
            assert!(!refused.to_string().contains(wrong), "{refused}");
        }
    }
}
