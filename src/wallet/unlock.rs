//! From a locked account and a password to a signer, off the async threads.

use alloy::signers::local::PrivateKeySigner;

use super::{Account, WalletError, keystore::read_account, names::Names, v3::DecryptError};
use crate::secret::Password;

/// Where passwords come from: a file, a credential of the service manager, a person. Implemented outside the engine.
pub trait PasswordSource {
    /// Why no password could be had.
    type Error;

    /// A password for the account; `attempt` counts from 1. None: there is no other to try.
    ///
    /// # Errors
    /// When the source fails or the person gives up.
    fn password(&mut self, account: &Account, attempt: u32) -> Result<Option<Password>, Self::Error>;
}

/// Why an account stayed locked.
#[derive(Debug, thiserror::Error)]
pub enum UnlockError<E> {
    /// The source had no password.
    #[error(transparent)]
    Source(E),
    /// The file or the password is wrong.
    #[error(transparent)]
    Wallet(#[from] WalletError),
}

/// How often a source is asked: a person mistypes, a file does not.
const MAX_ATTEMPTS: u32 = 3;

/// Unlocks an account, asking the source again after a wrong password for as long as it has another.
///
/// # Errors
/// When the source fails, no password of it fits, or the file is none.
pub async fn unlock<S: PasswordSource>(
    account: &Account,
    source: &mut S,
) -> Result<PrivateKeySigner, UnlockError<S::Error>> {
    let mut attempt = 1;
    loop {
        let wrong = || WalletError::WrongPassword {
            path: account.file.clone(),
        };
        let Some(password) = source.password(account, attempt).map_err(UnlockError::Source)? else {
            return Err(wrong().into());
        };
        match unlock_with(account, password).await {
            Err(WalletError::WrongPassword { .. }) if attempt < MAX_ATTEMPTS => attempt += 1,
            done => return Ok(done?),
        }
    }
}

/// Unlocks an account with one password, on the pool for blocking work: it takes up to a second.
///
/// # Errors
/// On a wrong password, and when the file is no keystore or holds another account's key.
pub async fn unlock_with(account: &Account, password: Password) -> Result<PrivateKeySigner, WalletError> {
    let account = account.clone();
    tokio::task::spawn_blocking(move || unlock_blocking(&account, &password))
        .await
        .unwrap_or(Err(WalletError::Interrupted))
}

/// As [`unlock_with`], on the calling thread.
///
/// # Errors
/// As [`unlock_with`].
pub fn unlock_blocking(account: &Account, password: &Password) -> Result<PrivateKeySigner, WalletError> {
    let path = || account.file.clone();
    let (_, key_file) = read_account(&account.file, &Names::default())?;
    let signer = key_file.decrypt(password).map_err(|error| match error {
        DecryptError::WrongPassword => WalletError::WrongPassword { path: path() },
        DecryptError::NoKey => WalletError::NotAPrivateKey,
        DecryptError::AddressMismatch { written, actual } => WalletError::AddressMismatch {
            path: path(),
            written,
            actual,
        },
    })?;
    match account.address {
        // The file may have been exchanged since it was listed, and geth's file names speak too.
        Some(written) if written != signer.address() => Err(WalletError::AddressMismatch {
            path: path(),
            written,
            actual: signer.address(),
        }),
        _ => Ok(signer),
    }
}
