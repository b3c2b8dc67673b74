//! Where passwords come from: `--password-file`, a systemd credential, the person in front of the terminal.

use std::{
    fs::File,
    io::Read as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use alloy::signers::local::PrivateKeySigner;
use engine::{
    secret::Password,
    wallet::{Account, unlock},
};
use zeroize::Zeroizing;

use super::failure;
use crate::{
    context::Context,
    failure::{Failure, Kind},
    shell::Shell,
};

/// The credential a unit gives us with `LoadCredential=lpctl-password:…`.
const CREDENTIAL: &str = "lpctl-password";

/// No password is longer.
const MAX_PASSWORD_BYTES: u64 = 4096;

/// Asks for, or reads, the passwords of one unlocking.
struct Source<'a> {
    file: Option<PathBuf>,
    shell: &'a mut Shell,
}

impl unlock::PasswordSource for Source<'_> {
    type Error = eyre::Report;

    fn password(&mut self, account: &Account, attempt: u32) -> eyre::Result<Option<Password>> {
        match &self.file {
            Some(path) if attempt == 1 => read_password_file(path, self.shell).map(Some),
            Some(_) => Ok(None),
            None => {
                if attempt > 1 {
                    self.shell.status("wrong password");
                }
                let question = format!("password of {}:", account.label());
                self.shell.ask_password(&question, false).map(Some)
            }
        }
    }
}

/// Unlocks an account with the password file, the service manager's credential, or by asking.
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
    let file = password_file(context);
    let mut source = Source {
        file,
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
pub fn new_password(context: &mut Context) -> eyre::Result<Password> {
    match password_file(context) {
        Some(path) => read_password_file(&path, &mut context.shell),
        None => context.shell.ask_password("password for the new key:", true),
    }
}

/// The password of a file that is not one of our accounts yet.
///
/// # Errors
/// A refusal when there is none to be had.
pub fn existing_password(question: &str, context: &mut Context) -> eyre::Result<Password> {
    match password_file(context) {
        Some(path) => read_password_file(&path, &mut context.shell),
        None => context.shell.ask_password(question, false),
    }
}

fn password_file(context: &Context) -> Option<PathBuf> {
    context.settings().password_file.clone().or_else(|| {
        let directory = std::env::var_os("CREDENTIALS_DIRECTORY")?;
        let path = Path::new(&directory).join(CREDENTIAL);
        path.is_file().then_some(path)
    })
}

/// The file's first line, without its end. Says so if others can read it.
fn read_password_file(path: &Path, shell: &mut Shell) -> eyre::Result<Password> {
    let unusable = |what: String| {
        Failure::new(
            Kind::Config,
            "password_file",
            format!("the password file {} cannot be used: {what}", path.display()),
        )
        .hint("`--password-file` names a file whose first line is the password")
    };
    let mut file = File::open(path).map_err(|error| unusable(error.to_string()))?;
    let metadata = file.metadata().map_err(|error| unusable(error.to_string()))?;
    // A pipe is fine: `--password-file <(secret-tool …)` is how some keep theirs.
    if metadata.is_dir() {
        return Err(unusable("it is a folder".to_string()).into());
    }
    if metadata.is_file() && metadata.permissions().mode() & 0o077 != 0 {
        shell.warn(format_args!(
            "others may read the password file {0}: `chmod 600 {0}`",
            path.display()
        ));
    }
    let mut text = Zeroizing::new(Vec::with_capacity(MAX_PASSWORD_BYTES as usize + 1));
    (&mut file)
        .take(MAX_PASSWORD_BYTES)
        .read_to_end(&mut text)
        .map_err(|error| unusable(error.to_string()))?;
    let text = std::str::from_utf8(&text).map_err(|_| unusable("it is not text".to_string()))?;
    let line = text.split('\n').next().unwrap_or_default();
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return Err(unusable("its first line is empty".to_string()).into());
    }
    Ok(Password::new(line.to_string()))
}
