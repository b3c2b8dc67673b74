//! The node's files: one node's at a time, and the secret that outlives a run.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use zeroize::Zeroizing;

use super::NodeError;
use crate::{private_file, wire::token::AuthTokens};

/// What makes and checks session tokens, as 64 hex digits: with another one all sessions gateways have would end.
const TOKEN_SECRET: &str = "token-secret";

/// A node's directory, taken for this process until it is dropped.
#[derive(Debug)]
pub struct DataDirLock {
    _file: File,
}

impl DataDirLock {
    /// Makes the directory if it is not there, and takes it. Who works with the node's files before the node starts takes
    /// it first, and gives it to the node.
    ///
    /// # Errors
    /// [`NodeError::DataDirTaken`] if another node has it, [`NodeError::DataDir`] if it cannot be written.
    pub fn take(data_dir: &Path) -> Result<Self, NodeError> {
        take(data_dir).map(|file| Self { _file: file })
    }
}

pub(super) fn take(data_dir: &Path) -> Result<File, NodeError> {
    let failed = |source| NodeError::DataDir {
        path: data_dir.to_path_buf(),
        source,
    };
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data_dir)
        .map_err(failed)?;
    let lock = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(false)
        .mode(0o600)
        .open(data_dir.join("node.lock"))
        .map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(NodeError::DataDirTaken {
            path: data_dir.to_path_buf(),
        }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// The tokens of earlier runs: with their secret, which is made at the first start.
///
/// A secret that cannot be read is not replaced: it may be there again when the disk is, and every session gateways
/// have depends on it.
pub(super) fn kept_tokens(data_dir: &Path) -> Result<AuthTokens, NodeError> {
    let path = data_dir.join(TOKEN_SECRET);
    let damaged = |reason: String| NodeError::TokenSecret {
        path: path.clone(),
        reason,
    };
    match private_file::read(&path) {
        Ok((text, mode)) => {
            if mode & 0o077 != 0 {
                tracing::warn!(
                    path = %path.display(),
                    "others can read the secret of the session tokens, and could send work as a gateway: chmod it to 600"
                );
            }
            let mut secret = Zeroizing::new([0; 32]);
            hex::decode_to_slice(text.trim_end(), &mut *secret)
                .map_err(|_| damaged("it does not hold 64 hex digits".to_string()))?;
            Ok(AuthTokens::new(*secret))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let secret = Zeroizing::new(rand::random::<[u8; 32]>());
            let text = Zeroizing::new(format!("{}\n", hex::encode(*secret)));
            private_file::create(&path, text.as_bytes()).map_err(|source| NodeError::DataDir {
                path: path.clone(),
                source,
            })?;
            Ok(AuthTokens::new(*secret))
        }
        Err(error) => Err(damaged(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn tokens_of_an_earlier_run_are_good() {
        let folder = tempfile::tempdir().unwrap();
        let token = kept_tokens(folder.path()).unwrap().make("deadbeef".into(), 1);
        assert!(kept_tokens(folder.path()).unwrap().is_ours(&token));
        let path = folder.path().join(TOKEN_SECRET);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let another = tempfile::tempdir().unwrap();
        assert!(!kept_tokens(another.path()).unwrap().is_ours(&token));
    }

    #[test]
    fn a_damaged_secret_is_told_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(TOKEN_SECRET);
        kept_tokens(folder.path()).unwrap();
        let whole = fs::read(&path).unwrap();
        for damaged in [
            &whole[..40],
            &[],
            &[0xff; 64],
            &[whole.as_slice(), b"00"].concat(),
        ] {
            fs::write(&path, damaged).unwrap();
            let error = kept_tokens(folder.path()).unwrap_err();
            assert!(matches!(error, NodeError::TokenSecret { .. }), "{error:?}");
            assert_eq!(fs::read(&path).unwrap(), damaged);
        }
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(matches!(
            kept_tokens(folder.path()),
            Err(NodeError::TokenSecret { .. })
        ));
    }
}
