//! The compiled contracts: which ones, where the package has them, and their creation code, linked.

use std::path::{Path, PathBuf};

use alloy::primitives::{Address, Bytes, hex};
use serde::Deserialize;

/// A compiled contract in the package.
#[derive(Debug, Clone, Copy)]
pub(super) struct Artifact {
    /// The contract's name.
    pub name: &'static str,
    /// Its folder below `abis/contracts`, ending in a slash where there is one.
    folder: &'static str,
}

impl Artifact {
    /// Where the package's tarball has it. Of the package's two trees `abis/contracts` is the one with the
    /// BondingManager whose stake accounting was corrected.
    pub fn path_in_package(&self) -> String {
        format!(
            "package/abis/contracts/{}{name}.sol/{name}.json",
            self.folder,
            name = self.name
        )
    }
}

macro_rules! artifacts {
    ($($constant:ident = $folder:literal $name:literal;)*) => {
        $(pub(super) const $constant: Artifact = Artifact { name: $name, folder: $folder };)*
        /// Everything that is deployed.
        pub(super) const ARTIFACTS: &[Artifact] = &[$($constant),*];
    };
}

artifacts! {
    CONTROLLER = "" "Controller";
    MANAGER_PROXY = "" "ManagerProxy";
    SERVICE_REGISTRY = "" "ServiceRegistry";
    BONDING_MANAGER = "bonding/" "BondingManager";
    GOVERNOR = "governance/" "Governor";
    SORTED_LIST = "libraries/" "SortedDoublyLL";
    TICKET_BROKER = "pm/" "TicketBroker";
    POLL_CREATOR = "polling/" "PollCreator";
    ROUNDS_MANAGER = "rounds/" "RoundsManager";
    MERKLE_SNAPSHOT = "snapshots/" "MerkleSnapshot";
    TOKEN = "token/" "LivepeerToken";
    FAUCET = "token/" "LivepeerTokenFaucet";
    MINTER = "token/" "Minter";
}

/// Why a compiled contract cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// It is not there or not readable.
    #[error("{path}: {source}")]
    Read {
        /// Which file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// It is not what the compiler writes.
    #[error("{path} is no compiled contract: {detail}")]
    Format {
        /// Which file.
        path: String,
        /// What is wrong.
        detail: String,
    },
}

/// A folder of unpacked contracts.
#[derive(Debug)]
pub(super) struct Artifacts(PathBuf);

/// The part of the compiler's output that is used.
#[derive(Deserialize)]
struct Compiled {
    bytecode: String,
}

impl Artifacts {
    /// The contracts in `folder`.
    pub fn new(folder: &Path) -> Self {
        Self(folder.to_path_buf())
    }

    /// Creation code of a contract, with every library placeholder replaced by `library`.
    pub fn creation_code(
        &self,
        artifact: Artifact,
        library: Option<Address>,
    ) -> Result<Bytes, ArtifactError> {
        let path = self.0.join(format!("{}.json", artifact.name));
        let text = std::fs::read_to_string(&path).map_err(|source| ArtifactError::Read {
            path: path.display().to_string(),
            source,
        })?;
        let format = |detail: String| ArtifactError::Format {
            path: path.display().to_string(),
            detail,
        };
        let compiled: Compiled = serde_json::from_str(&text).map_err(|error| format(error.to_string()))?;
        link(&compiled.bytecode, library)
            .map(Bytes::from)
            .map_err(|error| format(error.to_string()))
    }
}

/// Replaces the compiler's placeholders (`__$`, 34 hex digits of the library's name hash, `$__`) and decodes.
/// A placeholder without a library to put in its place is an error of the hex decoding.
fn link(bytecode: &str, library: Option<Address>) -> Result<Vec<u8>, hex::FromHexError> {
    const PLACEHOLDER: usize = 40;
    let Some(library) = library else {
        return hex::decode(bytecode);
    };
    let digits = hex::encode(library);
    let mut linked = String::with_capacity(bytecode.len());
    let mut rest = bytecode;
    while let Some(start) = rest.find("__$") {
        linked.push_str(&rest[..start]);
        linked.push_str(&digits);
        rest = rest.get(start + PLACEHOLDER..).unwrap_or_default();
    }
    linked.push_str(rest);
    hex::decode(linked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_become_the_library() {
        let placeholder = format!("__${}$__", "a1".repeat(17));
        let code = format!("0x60{placeholder}61{placeholder}62");
        let library = Address::repeat_byte(0xbb);
        let linked = link(&code, Some(library)).unwrap();
        let expected = [
            &[0x60][..],
            library.as_slice(),
            &[0x61],
            library.as_slice(),
            &[0x62],
        ]
        .concat();
        assert_eq!(linked, expected);
        assert!(link(&code, None).is_err());
    }

    #[test]
    fn the_package_holds_contracts_by_folder_and_name() {
        assert_eq!(
            BONDING_MANAGER.path_in_package(),
            "package/abis/contracts/bonding/BondingManager.sol/BondingManager.json"
        );
        assert_eq!(
            CONTROLLER.path_in_package(),
            "package/abis/contracts/Controller.sol/Controller.json"
        );
    }
}
