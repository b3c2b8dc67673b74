//! Completion of values: names that are on this machine. Never asks the network.
//!
//! Completion runs before arguments are parsed, so it looks at the variables and the default places only.

use std::{ffi::OsStr, path::PathBuf};

use clap_complete::CompletionCandidate;

use crate::settings::{Directories, read_config_file};

fn config_file() -> Option<(PathBuf, engine::config::ConfigFile)> {
    let named = std::env::var_os("LPCTL_CONFIG").map(PathBuf::from);
    let path = match named {
        Some(path) => path,
        None => Directories::find().ok()?.config_file,
    };
    let file = read_config_file(&path).ok()?;
    Some((path, file))
}

fn starting_with(
    current: &OsStr,
    values: impl IntoIterator<Item = (String, Option<String>)>,
) -> Vec<CompletionCandidate> {
    let typed = current.to_string_lossy();
    values
        .into_iter()
        .filter(|(value, _)| value.starts_with(typed.as_ref()))
        .map(|(value, help)| CompletionCandidate::new(value).help(help.map(Into::into)))
        .collect()
}

/// Profiles of the config file.
#[must_use]
pub fn profiles(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some((_, file)) = config_file() else {
        return Vec::new();
    };
    starting_with(
        current,
        file.profiles
            .into_iter()
            .map(|(name, layer)| (name, layer.network)),
    )
}

/// Networks lpctl knows, and those the config names.
#[must_use]
pub fn networks(current: &OsStr) -> Vec<CompletionCandidate> {
    let mut names: Vec<String> = ["arbitrum-one", "devnet", "offchain"].map(String::from).to_vec();
    if let Some((_, file)) = config_file() {
        let layers = file.profiles.into_values().chain([file.defaults]);
        names.extend(layers.filter_map(|layer| layer.network));
    }
    names.sort();
    names.dedup();
    starting_with(current, names.into_iter().map(|name| (name, None)))
}

/// Account names and addresses of the keystore in use.
#[must_use]
pub fn accounts(_: &OsStr) -> Vec<CompletionCandidate> {
    Vec::new()
}
