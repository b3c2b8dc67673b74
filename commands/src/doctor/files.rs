//! Files others must not read, folders a node needs, and putting both right.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use engine::private_file;

use super::Check;
use crate::{account::select, context::Context, wording};

/// A place that is nobody else's business.
struct Private {
    name: &'static str,
    what: String,
    path: PathBuf,
    /// Nothing works without it once it is named.
    is_needed: bool,
}

/// The files and folders with keys and secrets, and the node's own. What was put right comes second.
pub(super) fn check(data_dir: &Path, fix: bool, context: &Context) -> (Vec<Check>, Vec<String>) {
    let mut mended = Vec::new();
    let mut checks = Vec::new();
    if fix {
        let keystore = context.directories().keystore_dir.clone();
        for folder in [data_dir, &keystore] {
            if !folder.exists() {
                match private_file::make_directory(folder) {
                    Ok(()) => mended.push(format!("made {}", folder.display())),
                    Err(error) => checks.push(Check::bad(
                        "folder",
                        format!("{} cannot be made: {error}", folder.display()),
                        "make it for this user, or name another place",
                    )),
                }
            }
        }
    }
    let places = places(data_dir, context);
    let mut fine = 0;
    for place in &places {
        match look(place, fix) {
            Ok(Found::Fine) => fine += 1,
            Ok(Found::Absent) => {}
            Ok(Found::Mended(what)) => {
                fine += 1;
                mended.push(what);
            }
            Err(check) => checks.push(*check),
        }
    }
    if checks.is_empty() {
        let found = match fine {
            0 => "no keys or secrets here yet".to_string(),
            1 => "1 file or folder with keys or secrets, for nobody else to read".to_string(),
            fine => format!("{fine} files and folders with keys or secrets, for nobody else to read"),
        };
        checks.push(Check::good("private_files", found));
    }
    (checks, mended)
}

/// What there is to look at.
fn places(data_dir: &Path, context: &Context) -> Vec<Private> {
    let (directories, settings) = (context.directories(), context.settings());
    let mut places = Vec::new();
    let mut add = |name, what: &str, path: &Path, is_needed| {
        places.push(Private {
            name,
            what: what.to_string(),
            path: path.to_path_buf(),
            is_needed,
        });
    };
    add(
        "config_file",
        "the config file, whose RPC URLs hold keys",
        &directories.config_file,
        false,
    );
    add("keystore", "the folder of keys", &directories.keystore_dir, false);
    if let Some(path) = &settings.password_file {
        add("password_file", "the password file", path, true);
    }
    if let Some(path) = &settings.orch_secret_file {
        add("secret_file", "the secret shared with transcoders", path, true);
    }
    if let Some(path) = &settings.orchestrator.object_store_file {
        add("secret_file", "the object store's keys", path, true);
    }
    for name in ["token-secret", "key.pem"] {
        add("secret_file", "a secret of the node", &data_dir.join(name), false);
    }
    if let Ok(listing) = select::keystore(context).list() {
        for account in listing.accounts {
            let what = format!("the key of {}", account.label());
            add("key_file", &what, &account.file, true);
        }
    }
    places
}

enum Found {
    Fine,
    Absent,
    Mended(String),
}

fn look(place: &Private, fix: bool) -> Result<Found, Box<Check>> {
    let shown = place.path.display();
    let metadata = match fs::metadata(&place.path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound && !place.is_needed => {
            return Ok(Found::Absent);
        }
        Err(error) => {
            let found = format!("{}: {shown}: {error}", place.what);
            let next = "put it there readable for this user, or name another one";
            return Err(Box::new(Check::bad(place.name, found, next)));
        }
    };
    let mode = metadata.permissions().mode() & 0o777;
    // A pipe or the like is made anew each time by whoever keeps the secret.
    let wanted = if metadata.is_dir() { 0o700 } else { 0o600 };
    if mode & 0o077 == 0 || !(metadata.is_dir() || metadata.is_file()) {
        return Ok(Found::Fine);
    }
    if fix {
        match fs::set_permissions(&place.path, Permissions::from_mode(mode & wanted)) {
            Ok(()) => {
                return Ok(Found::Mended(format!(
                    "took {shown} from others: mode {mode:03o}, now {:03o}",
                    mode & wanted
                )));
            }
            Err(error) => {
                let found = format!(
                    "others can get at {}: {shown} has mode {mode:03o}, which cannot be changed: {error}",
                    place.what
                );
                let next = format!("as its owner: `chmod {wanted:o} {shown}`");
                return Err(Box::new(Check::warning(place.name, found, next)));
            }
        }
    }
    let found = format!("others can get at {}: {shown} has mode {mode:03o}", place.what);
    let next = format!("`lpctl doctor --fix`, or `chmod {wanted:o} {shown}`");
    Err(Box::new(Check::warning(place.name, found, next)))
}

/// The account a node would sign with.
pub(super) fn account(context: &Context) -> Check {
    const NAME: &str = "account";
    match select::selected(context) {
        Err(failure) => (NAME, failure).into(),
        Ok(account) => match account.address {
            Some(address) if account.name.is_some() => {
                Check::good(NAME, format!("{} ({})", account.label(), wording::short(address)))
            }
            Some(address) => Check::good(NAME, address.to_string()),
            None => Check::warning(
                NAME,
                format!("{} does not say whose key it holds", account.file.display()),
                "bring the file in with `lpctl account import`, which writes it down",
            ),
        },
    }
}
