//! Completion of values: names that are on this machine. Never asks the network.
//!
//! Completion runs before arguments are parsed, so it looks at the variables and the default places only.

use std::{ffi::OsStr, path::PathBuf};

use clap_complete::CompletionCandidate;
use engine::{config::OperatorLayer, node::TokenBook};

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

/// Tokens for the operator API of nodes on this machine.
#[must_use]
pub fn tokens(current: &OsStr) -> Vec<CompletionCandidate> {
    let Ok(directories) = Directories::find() else {
        return Vec::new();
    };
    let file = crate::run::operator::token_file(&OperatorLayer::default(), &directories.data_dir);
    let tokens = TokenBook::new(file).list().unwrap_or_default().into_iter();
    starting_with(
        current,
        tokens.map(|token| (token.name, Some(token.scope.as_str().to_string()))),
    )
}

/// Nodes of the config's inventory.
#[must_use]
pub fn nodes(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some((_, file)) = config_file() else {
        return Vec::new();
    };
    starting_with(
        current,
        file.nodes
            .into_iter()
            .map(|(name, url)| (name.to_string(), Some(url.to_string()))),
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
pub fn accounts(current: &OsStr) -> Vec<CompletionCandidate> {
    let profile = std::env::var("LPCTL_PROFILE").ok();
    let mut folders = Vec::new();
    if let Some((_, file)) = config_file() {
        match file.layer(profile.as_deref()) {
            Ok((_, layer)) => folders.extend(layer.keystore_dir),
            Err(_) => folders.extend(file.defaults.keystore_dir),
        }
        // The profile on the command line is not known here: offer the accounts of all of them.
        folders.extend(file.profiles.into_values().filter_map(|layer| layer.keystore_dir));
    }
    if let Ok(directories) = Directories::find() {
        folders.push(directories.data_dir.join("keystore"));
    }
    folders.sort();
    folders.dedup();
    let known = folders.iter().flat_map(|folder| account_names(folder));
    starting_with(current, known)
}

/// GPUs of this machine and the CPU.
#[must_use]
pub fn devices(current: &OsStr) -> Vec<CompletionCandidate> {
    let library = std::env::var_os("LPCTL_NVML").map(PathBuf::from);
    let mut reader = engine::gpu::DeviceReader::new(library.as_deref());
    let devices = reader.gpus().into_iter().chain([reader.cpu()]);
    starting_with(current, devices.map(|device| (device.id, Some(device.name))))
}

/// Names (with their address) and addresses of one keystore folder.
fn account_names(folder: &std::path::Path) -> Vec<(String, Option<String>)> {
    let Ok(listing) = engine::wallet::KeystoreDir::open(folder).list() else {
        return Vec::new();
    };
    let mut values = Vec::new();
    for account in listing.accounts {
        let address = account.address.map(|address| address.to_checksum(None));
        if let Some(name) = account.name {
            values.push((name, address.clone()));
        }
        values.extend(address.map(|address| (address, None)));
    }
    values
}
