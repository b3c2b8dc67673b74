//! What makes `lpctl --profile devnet …` just work: the profile in the config file, and a keystore with an account
//! for every role.

use std::{fs::OpenOptions, io::Write, os::unix::fs::OpenOptionsExt, path::Path};

use engine::{
    devnet::{CHAIN_ID, Contracts, Home, Role},
    secret::{Password, RpcUrl},
    wallet::{KeystoreDir, WalletError, v3::Strength},
};
use toml_edit::{Array, DocumentMut, Item, Table, value};

use super::PROFILE;
use crate::{
    context::Context,
    failure::{Failure, Kind},
    settings,
};

/// Unlocks the keystore of a devnet, whose keys are public knowledge: protects nothing, and says so.
const TEST_PASSWORD: &str = "public-test-keys-need-no-secret";

/// Makes keystore and profile, or brings them up to date.
pub(super) async fn write(home: &Home, rpc_url: &RpcUrl, context: &Context) -> Result<(), Failure> {
    let keystore = KeystoreDir::open(home.keystore_dir());
    let password_file = home.password_file();
    let keys = tokio::task::spawn_blocking(move || write_keys(&keystore, &password_file));
    keys.await
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
    settings::edit(&context.directories().config_file, |document| {
        set_profile(document, home, rpc_url);
    })
}

fn write_keys(keystore: &KeystoreDir, password_file: &Path) -> Result<(), Failure> {
    let failed = |what: String| {
        Failure::new(Kind::Failed, "keystore_failed", what).hint(format!(
            "remove {} and start the devnet again: it makes its keys anew",
            keystore.path().display()
        ))
    };
    let password = Password::new(TEST_PASSWORD.into());
    for role in Role::ALL {
        match keystore.add(&role.signer(), &password, Some(role.name()), Strength::Light) {
            Ok(_) | Err(WalletError::AccountExists { .. }) => {}
            Err(error) => return Err(failed(error.to_string())),
        }
    }
    let created = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(password_file);
    match created.and_then(|mut file| writeln!(file, "{TEST_PASSWORD}")) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(failed(format!("{}: {error}", password_file.display())))
        }
        _ => Ok(()),
    }
}

/// Sets what belongs to the devnet and leaves alone what the user has put beside it: another account, a node's
/// address, comments.
fn set_profile(document: &mut DocumentMut, home: &Home, rpc_url: &RpcUrl) {
    let profiles = document.entry("profiles").or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    });
    let profile = &mut profiles[PROFILE];
    if !profile.is_table_like() {
        let mut table = Table::new();
        table
            .decor_mut()
            .set_prefix("\n# Written by `lpctl devnet up`. Its keys are public knowledge.\n");
        *profile = Item::Table(table);
    }
    let mut set = |key: &str, new: toml_edit::Value| {
        let item = &mut profile[key];
        match item.as_value_mut() {
            // The comment behind a value stays where it is.
            Some(old) => {
                let decor = old.decor().clone();
                *old = new;
                *old.decor_mut() = decor;
            }
            None => *item = value(new),
        }
    };
    set("network", "devnet".into());
    set("chain_id", i64::try_from(CHAIN_ID).unwrap_or_default().into());
    let rpc_urls: Array = [rpc_url.expose().as_str()].into_iter().collect();
    set("rpc_urls", rpc_urls.into());
    set("controller", Contracts::standard().controller.to_string().into());
    set(
        "keystore_dir",
        home.keystore_dir().to_string_lossy().into_owned().into(),
    );
    set(
        "password_file",
        home.password_file().to_string_lossy().into_owned().into(),
    );
    let profile = &mut profiles[PROFILE];
    if profile.get("account").is_none() {
        profile["account"] = value(Role::Orchestrator.name());
    }
}

#[cfg(test)]
mod tests {
    use engine::config::ConfigFile;

    use super::*;

    #[test]
    fn the_profile_is_written_beside_what_the_user_wrote() {
        let home = Home::new("/data/devnet");
        let rpc_url: RpcUrl = "http://127.0.0.1:8545".parse().unwrap();
        let mut document: DocumentMut =
            "# mine\nprofile = \"main\"\n\n[profiles.main] # live\nnetwork = \"arbitrum-one\"\n"
                .parse()
                .unwrap();
        set_profile(&mut document, &home, &rpc_url);
        let text = document.to_string();
        assert!(
            text.starts_with("# mine\nprofile = \"main\"\n\n[profiles.main] # live\n"),
            "{text}"
        );
        let file = ConfigFile::parse(&text).unwrap();
        let (_, layer) = file.layer(Some("devnet")).unwrap();
        assert_eq!(layer.network.as_deref(), Some("devnet"));
        assert_eq!(layer.chain_id, Some(31_337));
        assert_eq!(layer.account.as_deref(), Some("orchestrator"));
        assert_eq!(layer.rpc_urls, Some(vec![rpc_url.clone()]));
        assert_eq!(layer.keystore_dir.unwrap(), Path::new("/data/devnet/keystore"));
        assert_eq!(layer.password_file.unwrap(), Path::new("/data/devnet/password"));
        // Once more changes nothing.
        set_profile(&mut document, &home, &rpc_url);
        assert_eq!(document.to_string(), text);
    }

    #[test]
    fn a_chosen_account_and_a_comment_stay_when_the_port_moves() {
        let home = Home::new("/data/devnet");
        let mut document: DocumentMut =
            "[profiles.devnet]\naccount = \"delegator\"\nrpc_urls = [\"http://127.0.0.1:1\"] # local\n"
                .parse()
                .unwrap();
        set_profile(&mut document, &home, &"http://127.0.0.1:2".parse().unwrap());
        let text = document.to_string();
        assert!(text.contains("account = \"delegator\""), "{text}");
        assert!(
            text.contains("rpc_urls = [\"http://127.0.0.1:2/\"] # local"),
            "{text}"
        );
    }
}
