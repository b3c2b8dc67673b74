//! Chains on disk: a folder holds one dumped chain and a record that tells what it is of. The record names the
//! file and its hash and is replaced in one step, so that an interrupted save leaves the one before.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use alloy::primitives::hex;
use flate2::read::GzDecoder;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    error::DevnetError,
    parameters::Parameters,
    parts::Parts,
    process::{CHAIN_ID, HARDFORK},
};
use crate::private_file;

/// Changed whenever a newer lpctl deploys something else from the same parts and parameters.
const DEPLOYMENT: u32 = 1;
/// The record's name.
const RECORD: &str = "state.toml";
/// No dumped chain is larger than this.
const STATE_LIMIT: u64 = 512 << 20;

/// Everything a dumped chain depends on: it may be loaded only where all of it is the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    deployment: u32,
    anvil: String,
    contracts: String,
    hardfork: String,
    chain_id: u64,
    /// The protocol's parameters.
    pub parameters: Parameters,
}

impl Origin {
    /// The chain these parts make with these parameters.
    #[must_use]
    pub fn new(parts: &Parts, parameters: &Parameters) -> Self {
        Self {
            deployment: DEPLOYMENT,
            anvil: parts.anvil_identity.clone(),
            contracts: parts.contracts_identity.clone(),
            hardfork: HARDFORK.into(),
            chain_id: CHAIN_ID,
            parameters: parameters.clone(),
        }
    }

    /// A name for the folder of a deployed chain: another origin never shares it.
    pub(super) fn folder(&self) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        hex::encode(&Sha256::digest(text.as_bytes())[..12])
    }

    /// What is different from `other`, for people; none if a chain of the one can be loaded as the other.
    pub(super) fn difference(&self, other: &Self) -> Option<String> {
        if self == other {
            return None;
        }
        let (ours, theirs) = (&self.parameters, &other.parameters);
        Some(if ours.round_length != theirs.round_length {
            format!(
                "its rounds have {} blocks, and {} were asked for",
                ours.round_length, theirs.round_length
            )
        } else if ours != theirs {
            "its protocol has other parameters".into()
        } else if self.anvil != other.anvil {
            "another anvil made it, and anvils do not read each other's".into()
        } else {
            "another version of lpctl made it".into()
        })
    }
}

/// The record beside a dumped chain.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    file: String,
    sha256: String,
    origin: Origin,
}

/// A dumped chain that is as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedState {
    /// The dump, as anvil loads it.
    pub file: PathBuf,
    /// What it is of.
    pub origin: Origin,
}

/// Why a folder's chain cannot be loaded.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {detail}")]
pub struct DamagedState {
    path: String,
    detail: String,
}

impl SavedState {
    /// The chain a folder holds, if it holds one.
    ///
    /// # Errors
    /// The record or the dump is not what was written.
    pub fn load(folder: &Path) -> Result<Option<Self>, DamagedState> {
        let record_path = folder.join(RECORD);
        let damaged = |path: &Path, detail: String| DamagedState {
            path: path.display().to_string(),
            detail,
        };
        let text = match fs::read_to_string(&record_path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(damaged(&record_path, error.to_string())),
        };
        let record: Record =
            toml::from_str(&text).map_err(|error| damaged(&record_path, error.message().to_string()))?;
        if record.file.contains(['/', '\0']) {
            return Err(damaged(&record_path, "it names a file elsewhere".into()));
        }
        let file = folder.join(&record.file);
        let bytes = fs::read(&file).map_err(|error| damaged(&file, error.to_string()))?;
        if hex::encode(Sha256::digest(&bytes)) != record.sha256 {
            return Err(damaged(&file, "its content is not what was saved".into()));
        }
        Ok(Some(Self {
            file,
            origin: record.origin,
        }))
    }

    /// Puts a dump into a folder, in place of the one before.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(super) fn store(folder: &Path, origin: &Origin, dump: &[u8]) -> Result<(), DevnetError> {
        fs::create_dir_all(folder).map_err(DevnetError::at(folder))?;
        let sha256 = hex::encode(Sha256::digest(dump));
        let file = format!("{}.json", &sha256[..16]);
        let record = Record {
            file: file.clone(),
            sha256,
            origin: origin.clone(),
        };
        let text = toml::to_string(&record).map_err(|error| DevnetError::State {
            detail: error.to_string(),
        })?;
        write_whole(&folder.join(&file), dump)?;
        write_whole(&folder.join(RECORD), text.as_bytes())?;
        // The chain before is no longer named by the record.
        for entry in fs::read_dir(folder).map_err(DevnetError::at(folder))?.flatten() {
            let name = entry.file_name();
            if name != *file
                && entry
                    .path()
                    .extension()
                    .is_some_and(|extension| extension == "json")
                && let Err(error) = fs::remove_file(entry.path())
            {
                tracing::warn!(path = %entry.path().display(), %error, "an old chain stays on the disk");
            }
        }
        Ok(())
    }

    /// Forgets the chain of a folder.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn remove(folder: &Path) -> Result<(), DevnetError> {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(DevnetError::at(folder)(error)),
            _ => Ok(()),
        }
    }

    /// Puts a damaged chain aside, for whoever wants to look at it; one such folder is kept.
    pub(super) fn set_aside(folder: &Path) -> Result<(), DevnetError> {
        let aside = folder.with_extension("damaged");
        Self::remove(&aside)?;
        fs::rename(folder, &aside).map_err(DevnetError::at(folder))
    }
}

/// Writes a private file beside its place, syncs it and moves it there.
pub(super) fn write_whole(path: &Path, content: &[u8]) -> Result<(), DevnetError> {
    private_file::replace(path, content).map_err(DevnetError::at(path))
}

/// anvil hands its dump out compressed and takes it back plain.
pub(super) fn unpack_dump(dump: &[u8]) -> Result<Vec<u8>, DevnetError> {
    let failed = |detail: String| DevnetError::State { detail };
    let mut plain = Vec::new();
    GzDecoder::new(dump)
        .take(STATE_LIMIT + 1)
        .read_to_end(&mut plain)
        .map_err(|error| failed(format!("anvil's dump is no gzip: {error}")))?;
    match plain.len() as u64 > STATE_LIMIT {
        true => Err(failed("the chain has grown too large to be saved".into())),
        false => Ok(plain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(round_length: u64) -> Origin {
        let parts = Parts {
            anvil: "anvil".into(),
            anvil_identity: "one".into(),
            contracts: "contracts".into(),
            contracts_identity: "set".into(),
        };
        Origin::new(&parts, &Parameters::with_round_length(round_length))
    }

    #[test]
    fn a_saved_chain_is_found_again_and_replaces_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("state");
        assert_eq!(SavedState::load(&folder).unwrap(), None);
        SavedState::store(&folder, &origin(50), b"{\"first\":1}").unwrap();
        SavedState::store(&folder, &origin(50), b"{\"second\":2}").unwrap();
        let saved = SavedState::load(&folder).unwrap().unwrap();
        assert_eq!(fs::read(&saved.file).unwrap(), b"{\"second\":2}");
        assert_eq!(saved.origin, origin(50));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
    }

    #[test]
    fn a_changed_chain_is_noticed_and_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("state");
        SavedState::store(&folder, &origin(50), b"{\"block\":1}").unwrap();
        let saved = SavedState::load(&folder).unwrap().unwrap();
        fs::write(&saved.file, b"{\"block\":2}").unwrap();
        let damage = SavedState::load(&folder).unwrap_err().to_string();
        assert!(damage.contains("not what was saved"), "{damage}");
        SavedState::set_aside(&folder).unwrap();
        assert_eq!(SavedState::load(&folder).unwrap(), None);
        assert!(folder.with_extension("damaged").is_dir());
    }

    #[test]
    fn a_record_cannot_point_out_of_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        SavedState::store(folder.path(), &origin(50), b"{}").unwrap();
        let record = folder.path().join(RECORD);
        let text = fs::read_to_string(&record).unwrap();
        let file = text.lines().next().unwrap().to_string();
        fs::write(&record, text.replace(&file, "file = \"../state.json\"")).unwrap();
        let damage = SavedState::load(folder.path()).unwrap_err().to_string();
        assert!(damage.contains("elsewhere"), "{damage}");
    }

    #[test]
    fn what_differs_is_named() {
        assert_eq!(origin(50).difference(&origin(50)), None);
        let told = origin(50).difference(&origin(20)).unwrap();
        assert_eq!(told, "its rounds have 50 blocks, and 20 were asked for");
        assert_ne!(origin(50).folder(), origin(20).folder());
    }
}
