//! API keys of services that are not the operator's own: from a file or from the service manager, never from an argument.

use std::path::PathBuf;

use engine::{private_file, secret::Password};

use crate::{
    context::Context,
    failure::{Failure, Kind},
};

/// The first line of the file that `option` names, or of systemd's credential of that name; none where neither is there.
/// Says so if others can read it.
///
/// # Errors
/// A config failure `code` for a file that cannot be used.
pub async fn find(
    file: Option<PathBuf>,
    option: &str,
    credential: &str,
    code: &'static str,
    context: &mut Context,
) -> eyre::Result<Option<Password>> {
    let credential = || {
        let folder = std::env::var_os("CREDENTIALS_DIRECTORY")?;
        let path = PathBuf::from(folder).join(credential);
        path.is_file().then_some(path)
    };
    let Some(path) = file.or_else(credential) else {
        return Ok(None);
    };
    let shown = path.display().to_string();
    let read = tokio::task::spawn_blocking(move || private_file::read(&path)).await?;
    let (text, mode) = read.map_err(|error| {
        let message = format!("the key file {shown} cannot be used: {error}");
        Failure::new(Kind::Config, code, message).hint(format!(
            "`{option}` names a file whose first line is the key, and nothing else"
        ))
    })?;
    if mode & 0o077 != 0 {
        context
            .shell
            .warn(format_args!("others may read {shown}: `chmod 600 {shown}`"));
    }
    let first = text.lines().next().unwrap_or_default().trim();
    Ok(Some(Password::new(first.to_string())))
}

/// What to do where a service takes no more requests, with the seconds it asks to wait.
#[must_use]
pub fn try_again(wait: Option<u64>) -> String {
    let when = wait.map_or_else(|| "later".to_string(), |seconds| format!("in {seconds} s"));
    format!("try again {when}")
}
