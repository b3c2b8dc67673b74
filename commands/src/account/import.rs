//! `lpctl account import`.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use alloy::signers::local::PrivateKeySigner;
use clap::{Args, ValueHint};
use engine::wallet::{
    WalletError, private_key,
    v3::{DecryptError, KeyFile},
};
use zeroize::Zeroizing;

use super::{failure, new::check_name, password};
use crate::{
    context::Context,
    failure::{Failure, Kind},
};

/// Larger than any keystore file.
const MAX_BYTES: u64 = 64 * 1024;

/// Bring in a key from a keystore file or a private key
///
/// A keystore file of geth, go-livepeer, Foundry or another tool is opened with its password, which it keeps. A private
/// key is 64 hexadecimal digits in a file or on standard input, never on the command line; it gets a new password.
/// What was read stays where it is.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl account import ~/.lpData/arbitrum-one-mainnet/keystore/UTC--2024-… --name orchestrator
  pass show livepeer/key | lpctl account import - --password-file /run/keys/new")]
pub struct ImportArgs {
    /// Keystore file, or file with a private key; `-` reads standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// Name to call it by
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}

/// Brings the key in.
///
/// # Errors
/// A refusal for a wrong password, a taken name or an account that is here already.
pub async fn run(args: ImportArgs, context: &mut Context) -> eyre::Result<()> {
    check_name(args.name.as_deref(), context)?;
    let (signer, secret) = read_key(&args.file, context).await?;
    super::add(signer, secret, args.name, true, context).await
}

/// The key of a keystore file with the password that opens it, or a bare one with a new password.
///
/// # Errors
/// A refusal for a wrong password, a config failure for a file that holds no key.
pub(crate) async fn read_key(
    file: &Path,
    context: &mut Context,
) -> eyre::Result<(PrivateKeySigner, engine::secret::Password)> {
    let path = file.to_path_buf();
    // Pipes and standard input can keep us waiting: off the async threads, so that Ctrl-C is heard.
    let text = tokio::task::spawn_blocking(move || read(&path)).await??;
    if text.trim_start().starts_with('{') {
        return open(file, &text, context).await;
    }
    let signer = private_key::parse(&text).map_err(|error| {
        failure::of(error)
            .hint("the file must hold a keystore (JSON) or a private key (64 hexadecimal digits)")
    })?;
    Ok((signer, password::new_password(context).await?))
}

async fn open(
    path: &Path,
    text: &str,
    context: &mut Context,
) -> eyre::Result<(PrivateKeySigner, engine::secret::Password)> {
    let key_file = KeyFile::parse(text).map_err(|reason| {
        failure::of(WalletError::NotAKeystore {
            path: path.to_path_buf(),
            reason,
        })
    })?;
    let secret = password::existing_password("password of the keystore file:", context).await?;
    let opened = tokio::task::spawn_blocking(move || {
        let signer = key_file.decrypt(&secret)?;
        Ok::<_, DecryptError>((signer, secret))
    });
    let path = path.to_path_buf();
    let opened = opened.await?.map_err(|error| match error {
        DecryptError::WrongPassword => WalletError::WrongPassword { path },
        DecryptError::NoKey => WalletError::NotAPrivateKey,
        DecryptError::AddressMismatch { written, actual } => WalletError::AddressMismatch {
            path,
            written,
            actual,
        },
    });
    Ok(opened.map_err(failure::of)?)
}

fn read(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let unreadable = |error: io::Error| {
        Failure::new(
            Kind::Config,
            "unreadable",
            format!("cannot read {}: {error}", path.display()),
        )
        .hint("name a keystore file or a file with a private key; `-` reads standard input")
    };
    let mut text = Zeroizing::new(String::with_capacity(4096));
    let limit = MAX_BYTES + 1;
    let read = if path == Path::new("-") {
        io::stdin().lock().take(limit).read_to_string(&mut text)
    } else {
        File::open(path).and_then(|file| file.take(limit).read_to_string(&mut text))
    };
    if read.map_err(unreadable)? as u64 > MAX_BYTES {
        return Err(unreadable(io::Error::other("it is too large to be a key")));
    }
    Ok(text)
}
