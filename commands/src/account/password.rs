//! Where passwords come from: `--password-file`, a systemd credential, the keyring, the person in front of the terminal.
//!
//! A unit may be given a credential named like the account, for units that sign for several, or the one for all.

use std::{
    fs::File,
    io::Read as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use alloy::signers::local::PrivateKeySigner;
use engine::{
    secret::Password,
    wallet::{Account, unlock},
};
use zeroize::Zeroizing;

use super::{failure, keyring};
use crate::{
    context::Context,
    failure::{Failure, Kind},
    shell::Shell,
};

/// The credential a unit gives us with `LoadCredential=lpctl-password:…`.
const CREDENTIAL: &str = "lpctl-password";

/// No password is longer.
const MAX_PASSWORD_BYTES: u64 = 4096;

/// How long a password file, which may be a pipe, may take to give it: a password manager asks its owner meanwhile.
const PATIENCE: Duration = Duration::from_secs(120);

/// The passwords of one unlocking: the one that was read, then those asked for.
struct Source<'a> {
    read: Option<Password>,
    asks: bool,
    shell: &'a mut Shell,
}

impl unlock::PasswordSource for Source<'_> {
    type Error = eyre::Report;

    fn password(&mut self, account: &Account, attempt: u32) -> eyre::Result<Option<Password>> {
        if let Some(read) = self.read.take() {
            return Ok(Some(read));
        }
        if !self.asks {
            return Ok(None);
        }
        if attempt > 1 {
            self.shell.status("wrong password");
        }
        let question = format!("password of {}:", account.label());
        self.shell.ask_password(&question, false).map(Some)
    }
}

/// Unlocks an account with the password file, the service manager's credential, the keyring, or by asking.
///
/// # Errors
/// A refusal when there is no password or a wrong one.
pub async fn unlock(account: &Account, context: &mut Context) -> eyre::Result<PrivateKeySigner> {
    if account.readable_by_others() {
        let file = account.file.display();
        context
            .shell
            .warn(format_args!("others may read {file}: `chmod 600 {file}`"));
    }
    let read = match password_file(context, account.name.as_deref()) {
        Some(path) => Some(read_password_file(path, &mut context.shell).await?),
        None => None,
    };
    let (read, asks) = match read {
        Some(read) => (Some(read), false),
        // A keyring can hold an older password: whoever is there is asked for the new one.
        None => match keyring::find(account).await {
            Some(kept) => (Some(kept), context.shell.is_interactive()),
            None => (None, true),
        },
    };
    let mut source = Source {
        asks,
        read,
        shell: &mut context.shell,
    };
    unlock::unlock(account, &mut source)
        .await
        .map_err(failure::of_unlock)
}

/// The password for a new key: from the file, or asked for twice.
///
/// # Errors
/// A refusal when there is none to be had.
pub async fn new_password(context: &mut Context) -> eyre::Result<Password> {
    match password_file(context, None) {
        Some(path) => read_password_file(path, &mut context.shell).await,
        None => context.shell.ask_password("password for the new key:", true),
    }
}

/// The password of a file that is not one of our accounts yet.
///
/// # Errors
/// A refusal when there is none to be had.
pub async fn existing_password(question: &str, context: &mut Context) -> eyre::Result<Password> {
    match password_file(context, None) {
        Some(path) => read_password_file(path, &mut context.shell).await,
        None => context.shell.ask_password(question, false),
    }
}

/// An account's password that was tried: from the file, the credential, or asked for.
///
/// # Errors
/// A refusal when there is no password or a wrong one.
pub(super) async fn checked(account: &Account, context: &mut Context) -> eyre::Result<Password> {
    let secret = match password_file(context, account.name.as_deref()) {
        Some(path) => read_password_file(path, &mut context.shell).await?,
        None => {
            let question = format!("password of {}:", account.label());
            context.shell.ask_password(&question, false)?
        }
    };
    unlock::unlock_with(account, secret.clone())
        .await
        .map_err(failure::of)?;
    Ok(secret)
}

/// A changed password: from its own file, or asked for twice.
///
/// # Errors
/// A refusal when there is none to be had.
pub async fn changed_password(
    path: Option<PathBuf>,
    label: &str,
    context: &mut Context,
) -> eyre::Result<Password> {
    match path {
        Some(path) => read_password_file(path, &mut context.shell).await,
        None if !context.shell.is_interactive() => Err(Failure::new(
            Kind::Refused,
            "password_needed",
            format!("new password of {label}: no terminal to ask on"),
        )
        .hint("pass `--new-password-file PATH`")
        .into()),
        None => context
            .shell
            .ask_password(&format!("new password of {label}:"), true),
    }
}

/// The file of the settings; else the credential named like the account, else the one for all.
pub(super) fn password_file(context: &Context, name: Option<&str>) -> Option<PathBuf> {
    context.settings().password_file.clone().or_else(|| {
        let directory = std::env::var_os("CREDENTIALS_DIRECTORY")?;
        let named = name.into_iter().chain([CREDENTIAL]);
        let mut paths = named.map(|name| Path::new(&directory).join(name));
        paths.find(|path| path.is_file())
    })
}

/// The file's first line, without its end. Says so if others can read it.
async fn read_password_file(path: PathBuf, shell: &mut Shell) -> eyre::Result<Password> {
    let shown = path.display().to_string();
    let unusable = |what: String| {
        Failure::new(
            Kind::Config,
            "password_file",
            format!("the password file {shown} cannot be used: {what}"),
        )
        .hint("`--password-file` names a file whose first line is the password")
    };
    // A pipe nobody writes to blocks already on opening: off the async threads, so that Ctrl-C is heard.
    let reading = tokio::task::spawn_blocking(move || first_line(&path));
    let read = tokio::time::timeout(PATIENCE, reading).await;
    let read =
        read.map_err(|_| unusable(format!("nothing came out of it within {} s", PATIENCE.as_secs())))?;
    let (password, exposed) = read?.map_err(unusable)?;
    if exposed {
        shell.warn(format_args!(
            "others may read the password file {shown}: `chmod 600 {shown}`"
        ));
    }
    Ok(password)
}

/// The secret in a file, and whether others may read it; or what is wrong with it. May block.
pub(crate) fn first_line(path: &Path) -> Result<(Password, bool), String> {
    let mut file = File::open(path).map_err(|error| error.to_string())?;
    let metadata = file.metadata().map_err(|error| error.to_string())?;
    // A pipe is fine: `--password-file <(secret-tool …)` is how some keep theirs.
    if metadata.is_dir() {
        return Err("it is a folder".to_string());
    }
    let exposed = metadata.is_file() && metadata.permissions().mode() & 0o077 != 0;
    let mut text = Zeroizing::new(Vec::with_capacity(MAX_PASSWORD_BYTES as usize + 1));
    (&mut file)
        .take(MAX_PASSWORD_BYTES)
        .read_to_end(&mut text)
        .map_err(|error| error.to_string())?;
    let text = std::str::from_utf8(&text).map_err(|_| "it is not text".to_string())?;
    let line = text.split('\n').next().unwrap_or_default();
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return Err("its first line is empty".to_string());
    }
    Ok((Password::new(line.to_string()), exposed))
}
