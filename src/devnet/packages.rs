//! The pinned npm packages a devnet is made of, and the check of what was downloaded against the pin.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Deserialize;
use sha2::{Digest, Sha512};

/// The pins, as committed.
const PINNED: &str = include_str!("../../assets/devnet/packages.toml");

/// One package at one version with one content.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// npm's name, like `@livepeer/sdk`.
    pub name: String,
    /// The exact version.
    pub version: String,
    /// npm's notation of the tarball's hash: `sha512-` and base64.
    pub integrity: String,
}

/// Everything a devnet is made of.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Packages {
    /// The chain.
    pub anvil: Package,
    /// The compiled contracts.
    pub contracts: Package,
}

impl Packages {
    /// The packages this version of lpctl is made for.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the committed list is read by a test")]
    pub fn pinned() -> Self {
        toml::from_str(PINNED).expect("the committed package list is valid")
    }
}

impl Package {
    /// What `npm pack` is asked for.
    #[must_use]
    pub fn specification(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }

    /// The file `npm pack` writes.
    #[must_use]
    pub fn tarball(&self) -> String {
        format!("{}.tgz", self.slug())
    }

    /// Name of the folder its unpacked parts are kept in: another content never shares it.
    #[must_use]
    pub fn folder(&self) -> String {
        let hash: String = self
            .integrity
            .trim_start_matches("sha512-")
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .take(12)
            .collect();
        format!("{}-{hash}", self.slug())
    }

    fn slug(&self) -> String {
        let name = self.name.trim_start_matches('@').replace('/', "-");
        format!("{name}-{}", self.version)
    }

    /// Hashes a downloaded tarball and compares it with the pin; on a mismatch gives back what was found.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn check(&self, tarball: &Path) -> io::Result<Result<(), String>> {
        let mut file = File::open(tarball)?;
        let mut digest = Sha512::new();
        let mut buffer = vec![0; 1 << 16];
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                count => digest.update(&buffer[..count]),
            }
        }
        let found = format!("sha512-{}", BASE64_STANDARD.encode(digest.finalize()));
        Ok(if found == self.integrity {
            Ok(())
        } else {
            Err(found)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_list_is_complete_and_hashed() {
        let packages = Packages::pinned();
        for package in [&packages.anvil, &packages.contracts] {
            let hash = package.integrity.strip_prefix("sha512-").unwrap();
            assert_eq!(BASE64_STANDARD.decode(hash).unwrap().len(), 64);
        }
        assert_eq!(packages.anvil.tarball(), "foundry-rs-anvil-linux-amd64-1.7.1.tgz");
        assert_eq!(
            packages.contracts.folder(),
            "livepeer-sdk-1.0.1-alpha.10-49OVRV6kGO3T"
        );
    }

    #[test]
    fn one_changed_byte_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("package.tgz");
        let package = |integrity: &str| Package {
            name: "@scope/name".into(),
            version: "1.0.0".into(),
            integrity: integrity.into(),
        };
        std::fs::write(&path, b"abc").unwrap();
        let pinned = package(
            "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==",
        );
        assert_eq!(pinned.check(&path).unwrap(), Ok(()));
        std::fs::write(&path, b"abd").unwrap();
        assert!(pinned.check(&path).unwrap().unwrap_err().starts_with("sha512-"));
    }
}
