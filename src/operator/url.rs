//! Where a node's operator API is.

use std::str::FromStr;

use url::Url;

use super::Access;
use crate::secret::shown_by_origin;

/// The address of an operator API, like `http://127.0.0.1:7935`. It may hold a password, so it is shown as scheme, host and
/// port only.
#[derive(Clone, PartialEq, Eq)]
pub struct NodeUrl(Url, Access);

/// Why a text is no address of a node; does not repeat the text, which may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseNodeUrlError {
    /// Not a URL at all.
    #[error("the node's URL is not one: {0}")]
    NotAUrl(url::ParseError),
    /// A URL of another kind.
    #[error("the node's URL must start with http:// or https://")]
    Scheme,
}

impl NodeUrl {
    /// The whole URL, with a slash at the end of its path, for the client that connects to it and nobody else.
    #[must_use]
    pub fn expose(&self) -> &Url {
        &self.0
    }

    /// The same node, with how to get in.
    #[must_use]
    pub fn with_access(self, access: Access) -> Self {
        Self(self.0, access)
    }

    /// How to get in.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.1
    }
}

impl FromStr for NodeUrl {
    type Err = ParseNodeUrlError;

    fn from_str(text: &str) -> Result<Self, ParseNodeUrlError> {
        let mut url = Url::parse(text.trim()).map_err(ParseNodeUrlError::NotAUrl)?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(ParseNodeUrlError::Scheme);
        }
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(Self(url, Access::default()))
    }
}

shown_by_origin!(NodeUrl);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_show_no_more_of_a_url_than_they_must() {
        let url: NodeUrl = "http://name:secret@127.0.0.1:7935/behind/proxy?key=1"
            .parse()
            .unwrap();
        assert_eq!(url.to_string(), "http://127.0.0.1:7935");
        assert_eq!(format!("{url:?}"), "http://127.0.0.1:7935");
        assert!(url.expose().path().ends_with("proxy/"));
        for bad in ["", "127.0.0.1:7935", "ftp://x", "unix:/run/x", "secret"] {
            let error = bad.parse::<NodeUrl>().unwrap_err();
            assert!(!error.to_string().contains("secret"), "{bad}");
        }
    }
}
