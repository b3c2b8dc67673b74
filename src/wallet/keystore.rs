//! A folder of keystore files: what is in it, finding an account, adding one.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use alloy::{primitives::Address, signers::local::PrivateKeySigner};
use jiff::{Timestamp, tz::TimeZone};

use super::{
    WalletError,
    names::{self, Names},
    v3::{self, KeyFile, Strength},
};
use crate::{private_file, secret::Password};

/// More files than anyone's keystore folder has: what is beyond is not looked at.
const MAX_FILES: usize = 10_000;

/// An account found on disk, still locked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its address, from the file's `address` field or geth's file name; none for files of tools that write neither.
    pub address: Option<Address>,
    /// The keystore file.
    pub file: PathBuf,
    /// The name given to it, if any.
    pub name: Option<String>,
    /// The file's permission bits.
    pub mode: u32,
}

impl Account {
    /// How people call it: its name, else its address, else its file's name.
    #[must_use]
    pub fn label(&self) -> String {
        match (&self.name, self.address) {
            (Some(name), _) => name.clone(),
            (None, Some(address)) => address.to_string(),
            (None, None) => file_name(&self.file).to_string(),
        }
    }

    /// Whether other users of the machine may read the file.
    #[must_use]
    pub fn readable_by_others(&self) -> bool {
        self.mode & 0o077 != 0
    }
}

/// A file in the folder that holds no account, and why.
#[derive(Debug)]
pub struct Skipped {
    /// The file.
    pub file: PathBuf,
    /// Why it was passed over.
    pub reason: WalletError,
}

/// What a keystore folder holds.
#[derive(Debug, Default)]
pub struct Listing {
    /// Accounts, sorted by file name.
    pub accounts: Vec<Account>,
    /// Files that look like nothing we know; damaged keystores are among them.
    pub skipped: Vec<Skipped>,
}

/// The folder inside a keystore folder where removed accounts' files are kept. Nothing lists it.
const REMOVED: &str = "removed";

/// A folder of keystore files, geth's, go-livepeer's or ours. It need not exist yet.
#[derive(Debug, Clone)]
pub struct KeystoreDir {
    path: PathBuf,
}

impl KeystoreDir {
    /// The folder at `path`. Nothing is read or made yet.
    #[must_use]
    pub fn open(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All accounts, without unlocking any. A folder that does not exist holds none.
    ///
    /// # Errors
    /// When the folder or its names cannot be read. A single bad file is only passed over.
    pub fn list(&self) -> Result<Listing, WalletError> {
        let unreadable = |source| WalletError::Read {
            path: self.path.clone(),
            source,
        };
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Listing::default()),
            Err(source) => return Err(unreadable(source)),
        };
        let mut files = Vec::new();
        for entry in entries.take(MAX_FILES) {
            let file = entry.map_err(unreadable)?.path();
            let name = file_name(&file);
            // As geth: hidden files, editors' copies and folders are no accounts.
            let ours = name == names::FILE_NAME || name.starts_with('.') || name.ends_with('~');
            if !ours && !file.is_dir() {
                files.push(file);
            }
        }
        files.sort();
        let names = Names::read(&self.path)?;
        let mut listing = Listing::default();
        for file in files {
            match read_account(&file, &names) {
                Ok((account, _)) => listing.accounts.push(account),
                Err(reason) => listing.skipped.push(Skipped { file, reason }),
            }
        }
        Ok(listing)
    }

    /// Finds an account by its name, its `0x` address, its file's name in the folder, or the path of a file anywhere.
    ///
    /// # Errors
    /// When there is none, or several, and as [`Self::list`].
    pub fn find(&self, wanted: &str) -> Result<Account, WalletError> {
        if wanted.contains('/') {
            let names = Names::read(&self.path)?;
            return Ok(read_account(Path::new(wanted), &names)?.0);
        }
        let address = parse_address(wanted)?;
        let listing = self.list()?;
        let named = match address {
            Some(address) => Some(address),
            None => Names::read(&self.path)?.address(wanted),
        };
        let found: Vec<&Account> = match named {
            Some(address) => listing
                .accounts
                .iter()
                .filter(|account| account.address == Some(address))
                .collect(),
            None => listing
                .accounts
                .iter()
                .filter(|account| file_name(&account.file) == wanted)
                .collect(),
        };
        match found.as_slice() {
            [account] => Ok((*account).clone()),
            [] => Err(WalletError::UnknownAccount {
                wanted: wanted.to_string(),
                directory: self.path.clone(),
                known: listing.accounts.iter().map(Account::label).collect(),
            }),
            several => Err(WalletError::SeveralFiles {
                wanted: wanted.to_string(),
                files: several.iter().map(|account| account.file.clone()).collect(),
            }),
        }
    }

    /// Encrypts a key into a new file (mode 0600, in a folder of mode 0700) and gives it a name.
    ///
    /// Takes up to a second and hundreds of megabytes: not for an async thread.
    ///
    /// # Errors
    /// When the account or the name exists, the password is empty, or the folder cannot be written or others may write to it.
    pub fn add(
        &self,
        signer: &PrivateKeySigner,
        password: &Password,
        name: Option<&str>,
        strength: Strength,
    ) -> Result<Account, WalletError> {
        if password.expose().is_empty() {
            return Err(WalletError::EmptyPassword);
        }
        let address = signer.address();
        let _lock = self.prepare()?;
        let mut names = Names::read(&self.path)?;
        let existing = self.list()?.accounts;
        if let Some(account) = existing.iter().find(|account| account.address == Some(address)) {
            return Err(WalletError::AccountExists {
                address,
                path: account.file.clone(),
            });
        }
        if let Some(name) = name {
            names.add(name, address)?;
        }
        let file = self.path.join(new_file_name(address, Timestamp::now()));
        // The key first: a crash before the name is written loses a name, never a key.
        private_file::create(&file, v3::encrypt(signer, password, strength)).map_err(|source| {
            WalletError::Write {
                path: file.clone(),
                source,
            }
        })?;
        if name.is_some() {
            names.write(&self.path)?;
        }
        Ok(Account {
            address: Some(address),
            file,
            name: name.map(str::to_string),
            mode: 0o600,
        })
    }

    /// Encrypts an account's key anew, in its own file (mode 0600), which is replaced in one step. `signer` is the
    /// account's key, from the file as it is now.
    ///
    /// Takes seconds and hundreds of megabytes: not for an async thread.
    ///
    /// # Errors
    /// When the password is empty, the file holds another account by now, or cannot be written; it stays as it is then.
    pub fn change_password(
        &self,
        account: &Account,
        signer: &PrivateKeySigner,
        password: &Password,
        strength: Strength,
    ) -> Result<(), WalletError> {
        if password.expose().is_empty() {
            return Err(WalletError::EmptyPassword);
        }
        let _lock = self.prepare()?;
        // A link keeps pointing where it points.
        let file = fs::canonicalize(&account.file).map_err(|source| WalletError::Read {
            path: account.file.clone(),
            source,
        })?;
        let mismatch = |written| WalletError::AddressMismatch {
            path: file.clone(),
            written,
            actual: signer.address(),
        };
        let (now, _) = read_account(&file, &Names::default())?;
        if let Some(written) = now.address.filter(|written| *written != signer.address()) {
            return Err(mismatch(written));
        }
        let text = v3::encrypt(signer, password, strength);
        // What cannot be opened must not take the place of what can.
        let opened = KeyFile::parse(&text)
            .ok()
            .and_then(|written| written.decrypt(password).ok());
        let failed = |source| WalletError::Write {
            path: file.clone(),
            source,
        };
        if opened.map(|opened| opened.to_bytes()) != Some(signer.to_bytes()) {
            return Err(failed(io::Error::other("the new text does not open")));
        }
        private_file::replace(&file, text).map_err(failed)
    }

    /// Takes an account out of the folder: its file goes into a folder inside, where nothing lists it, and its name is
    /// free again. Gives back where the file is now. No key is ever deleted.
    ///
    /// # Errors
    /// When the file is not in this folder, or the folder cannot be written.
    pub fn remove(&self, account: &Account) -> Result<PathBuf, WalletError> {
        let _lock = self.prepare()?;
        let failed = |source| WalletError::Write {
            path: self.path.clone(),
            source,
        };
        let elsewhere = || WalletError::Elsewhere {
            path: account.file.clone(),
            directory: self.path.clone(),
        };
        let parent = account.file.parent().ok_or_else(elsewhere)?;
        if fs::canonicalize(parent).map_err(failed)? != fs::canonicalize(&self.path).map_err(failed)? {
            return Err(elsewhere());
        }
        let removed = self.path.join(REMOVED);
        private_file::make_directory(&removed).map_err(failed)?;
        let name = file_name(&account.file);
        let mut kept = removed.join(name);
        for copy in 2..100 {
            let flags = rustix::fs::RenameFlags::NOREPLACE;
            match rustix::fs::renameat_with(rustix::fs::CWD, &account.file, rustix::fs::CWD, &kept, flags) {
                Ok(()) => break,
                Err(rustix::io::Errno::EXIST) => kept = removed.join(format!("{name}.{copy}")),
                Err(error) => return Err(failed(error.into())),
            }
        }
        if account.file.exists() {
            return Err(failed(io::ErrorKind::AlreadyExists.into()));
        }
        for folder in [&removed, &self.path] {
            File::open(folder)
                .and_then(|folder| folder.sync_all())
                .map_err(failed)?;
        }
        if let Some(address) = account.address {
            let still = self.list()?.accounts;
            let mut names = Names::read(&self.path)?;
            if !still.iter().any(|other| other.address == Some(address)) && names.forget(address) {
                names.write(&self.path)?;
            }
        }
        Ok(kept)
    }

    /// Makes the folder, refuses one others can write to, and keeps other lpctl processes out until dropped.
    fn prepare(&self) -> Result<File, WalletError> {
        let failed = |source| WalletError::Write {
            path: self.path.clone(),
            source,
        };
        private_file::make_directory(&self.path).map_err(failed)?;
        if let Some(mode) = private_file::writable_by_others(&self.path).map_err(failed)? {
            return Err(WalletError::DirectoryOpen {
                path: self.path.clone(),
                mode,
            });
        }
        let directory = File::open(&self.path).map_err(failed)?;
        rustix::fs::flock(&directory, rustix::fs::FlockOperation::LockExclusive)
            .map_err(|error| failed(error.into()))?;
        Ok(directory)
    }
}

/// Reads one file as a locked account.
pub(super) fn read_account(file: &Path, names: &Names) -> Result<(Account, KeyFile), WalletError> {
    let (text, mode) = private_file::read(file).map_err(|source| WalletError::Read {
        path: file.to_path_buf(),
        source,
    })?;
    let key_file = KeyFile::parse(&text).map_err(|reason| WalletError::NotAKeystore {
        path: file.to_path_buf(),
        reason,
    })?;
    let address = key_file.address().or_else(|| address_in_name(file));
    let account = Account {
        address,
        file: file.to_path_buf(),
        name: address
            .and_then(|address| names.name(address))
            .map(str::to_string),
        mode,
    };
    Ok((account, key_file))
}

/// An address as typed; none for what is not `0x` and 40 digits.
///
/// # Errors
/// When the letters' case is mixed and contradicts the digits (EIP-55).
pub fn parse_address(text: &str) -> Result<Option<Address>, WalletError> {
    let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) else {
        return Ok(None);
    };
    let Ok(address) = digits.parse::<Address>() else {
        return Ok(None);
    };
    let mixed = digits.bytes().any(|byte| byte.is_ascii_uppercase())
        && digits.bytes().any(|byte| byte.is_ascii_lowercase());
    if mixed && address.to_checksum(None)[2..] != *digits {
        return Err(WalletError::BadChecksum(text.to_string()));
    }
    Ok(Some(address))
}

fn file_name(path: &Path) -> &str {
    path.file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default()
}

/// geth's file names end in the address: `UTC--2026-01-02T03-04-05.123456789Z--<40 digits>`.
fn address_in_name(file: &Path) -> Option<Address> {
    let name = file_name(file).strip_prefix("UTC--")?;
    name.rsplit_once("--")?.1.parse().ok()
}

fn new_file_name(address: Address, now: Timestamp) -> String {
    let time = now.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H-%M-%S%.9fZ");
    format!("UTC--{time}--{}", hex::encode(address))
}
