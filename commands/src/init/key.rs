//! The account: one that is there, one that is made, one that is brought in. Keys that are new wait in memory until all of
//! it is confirmed.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use alloy::{primitives::Address, signers::local::PrivateKeySigner};
use engine::{
    secret::Password,
    wallet::{Account, KeystoreDir, v3::Strength},
};

use super::{InitArgs, Role, steps::Answers};
use crate::{
    account::{failure, import, new::check_name_in, password},
    context::Context,
    failure::Failure,
};

/// The account that was chosen.
pub enum Choice {
    /// Its key file is there.
    There {
        /// What the config calls it.
        value: String,
        address: Option<Address>,
    },
    /// Its key is written with the config.
    Waiting(Box<Waiting>),
}

/// A key that is not written yet.
pub struct Waiting {
    signer: PrivateKeySigner,
    secret: Password,
    name: String,
    imported: bool,
}

impl Choice {
    /// What the config calls it.
    pub fn value(&self) -> &str {
        match self {
            Self::There { value, .. } => value,
            Self::Waiting(waiting) => &waiting.name,
        }
    }

    pub fn address(&self) -> Option<Address> {
        match self {
            Self::There { address, .. } => *address,
            Self::Waiting(waiting) => Some(waiting.signer.address()),
        }
    }

    /// How it comes about, in a word.
    pub fn origin(&self) -> &'static str {
        match self {
            Self::There { .. } => "there",
            Self::Waiting(waiting) if waiting.imported => "imported",
            Self::Waiting(_) => "made",
        }
    }

    /// Writes the key, if it is new.
    pub async fn store(self, folder: &Path) -> Result<(), Failure> {
        let Self::Waiting(waiting) = self else {
            return Ok(());
        };
        let keystore = KeystoreDir::open(folder);
        let adding = tokio::task::spawn_blocking(move || {
            keystore.add(
                &waiting.signer,
                &waiting.secret,
                Some(&waiting.name),
                Strength::Standard,
            )
        });
        let added = adding
            .await
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        added.map(|_| ()).map_err(failure::of)
    }
}

/// The folder keys are in, or go to.
pub fn folder(answers: &Answers, context: &Context) -> PathBuf {
    answers
        .keystore_dir
        .clone()
        .or_else(|| answers.before.keystore_dir.clone())
        .unwrap_or_else(|| match &answers.before.data_dir {
            Some(data_dir) => data_dir.join("keystore"),
            None => context.directories().keystore_dir.clone(),
        })
}

enum Offer {
    There(Box<Account>, Option<PathBuf>, bool),
    Make,
    Import,
}

impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::There(account, folder, is_current) => {
                let kept = if *is_current { " (as now)" } else { "" };
                let label = account.label();
                match folder {
                    None => write!(f, "{label}{kept}"),
                    Some(folder) => write!(f, "{label} of go-livepeer, in {}", folder.display()),
                }
            }
            Self::Make => f.write_str("make a new key"),
            Self::Import => f.write_str("bring in a keystore file or a private key"),
        }
    }
}

/// Takes the account from the flags, or asks.
pub async fn choose(
    args: &InitArgs,
    answers: &mut Answers,
    asks: bool,
    again: bool,
    context: &mut Context,
) -> eyre::Result<bool> {
    let folder = folder(answers, context);
    let name = || {
        let role = answers.role.unwrap_or(Role::Delegator);
        args.name.clone().unwrap_or_else(|| role.name().to_string())
    };
    if !again && args.new_account {
        let name = name();
        answers.account = Some(make(name, &folder, context).await?);
        return Ok(true);
    }
    if let Some(file) = args.import.as_ref().filter(|_| !again) {
        let name = name();
        answers.account = Some(bring_in(file, name, &folder, context).await?);
        return Ok(true);
    }
    let typed = context.settings().from_command_line.account.clone();
    if let Some(text) = typed.filter(|_| !again) {
        answers.account = Some(find(&text, &folder)?);
        return Ok(true);
    }
    let current = answers
        .account
        .as_ref()
        .map(|account| account.value().to_string())
        .or_else(|| answers.before.account.clone());
    if !asks {
        if let Some(current) = current {
            answers.account = Some(find(&current, &folder)?);
        }
        return Ok(answers.account.is_some());
    }
    ask(current.as_deref(), &folder, name(), answers, context).await?;
    Ok(true)
}

async fn ask(
    current: Option<&str>,
    folder: &Path,
    usual_name: String,
    answers: &mut Answers,
    context: &mut Context,
) -> eyre::Result<()> {
    let mut offers: Vec<Offer> = Vec::new();
    let is_current = |account: &Account| {
        current.is_some_and(|current| {
            account.name.as_deref() == Some(current)
                || account
                    .address
                    .is_some_and(|address| address.to_string() == current)
                || Path::new(current) == account.file
        })
    };
    if let Ok(listing) = KeystoreDir::open(folder).list() {
        offers.extend(listing.accounts.into_iter().map(|account| {
            let is_current = is_current(&account);
            Offer::There(Box::new(account), None, is_current)
        }));
    }
    for folder in go_livepeers_folders() {
        if let Ok(listing) = KeystoreDir::open(&folder).list() {
            let accounts = listing.accounts.into_iter();
            offers
                .extend(accounts.map(|account| Offer::There(Box::new(account), Some(folder.clone()), false)));
        }
    }
    offers.extend([Offer::Make, Offer::Import]);
    let start = offers
        .iter()
        .position(|offer| matches!(offer, Offer::There(_, _, true)))
        .unwrap_or(0);
    let help = "Enter chooses, typing filters; later: --account, --new-account or --import";
    loop {
        let options: Vec<&Offer> = offers.iter().collect();
        let chosen = context.shell.choose("Account?", options, start, help)?;
        let taken = match chosen {
            Offer::There(account, elsewhere, _) => {
                if let Some(elsewhere) = elsewhere {
                    answers.keystore_dir = Some(elsewhere.clone());
                }
                Ok(there(account))
            }
            Offer::Make => {
                let name = ask_name(&usual_name, folder, context)?;
                make(name, folder, context).await
            }
            Offer::Import => {
                let help = "a keystore file (JSON), or a file with 64 hexadecimal digits; later: --import";
                let file = context.shell.ask_text("File with the key:", None, help)?;
                let file = PathBuf::from(file.unwrap_or_default());
                let name = ask_name(&usual_name, folder, context)?;
                bring_in(&file, name, folder, context).await
            }
        };
        match taken {
            Ok(choice) => {
                answers.account = Some(choice);
                return Ok(());
            }
            Err(report) => {
                let failure = Failure::judge(&report);
                if failure.kind == crate::failure::Kind::Interrupted {
                    return Err(report);
                }
                context.shell.fail(&failure);
            }
        }
    }
}

fn ask_name(usual: &str, folder: &Path, context: &mut Context) -> eyre::Result<String> {
    loop {
        let help = "what you call it by; empty takes the name shown; later: --name";
        let shown = format!("the name {usual}");
        let answer = context.shell.ask_text("Name of the key:", Some(&shown), help)?;
        let name = answer.unwrap_or_else(|| usual.to_string());
        match check_name_in(Some(&name), &KeystoreDir::open(folder)) {
            Ok(()) => return Ok(name),
            Err(failure) => context.shell.fail(&failure),
        }
    }
}

async fn make(name: String, folder: &Path, context: &mut Context) -> eyre::Result<Choice> {
    check_name_in(Some(&name), &KeystoreDir::open(folder))?;
    let secret = password::new_password(context).await?;
    Ok(Choice::Waiting(Box::new(Waiting {
        signer: PrivateKeySigner::random(),
        secret,
        name,
        imported: false,
    })))
}

async fn bring_in(file: &Path, name: String, folder: &Path, context: &mut Context) -> eyre::Result<Choice> {
    check_name_in(Some(&name), &KeystoreDir::open(folder))?;
    let (signer, secret) = import::read_key(file, context).await?;
    Ok(Choice::Waiting(Box::new(Waiting {
        signer,
        secret,
        name,
        imported: true,
    })))
}

fn find(text: &str, folder: &Path) -> Result<Choice, Failure> {
    let account = KeystoreDir::open(folder).find(text).map_err(failure::of)?;
    let mut choice = there(&account);
    if let Choice::There { value, .. } = &mut choice
        && text.contains('/')
    {
        *value = account.file.display().to_string();
    }
    Ok(choice)
}

fn there(account: &Account) -> Choice {
    let address = account.address.map(|address| address.to_string());
    Choice::There {
        value: account
            .name
            .clone()
            .or(address)
            .unwrap_or_else(|| account.file.display().to_string()),
        address: account.address,
    }
}

/// Keystore folders of go-livepeer in this home: `~/.lpData/NETWORK/keystore`.
fn go_livepeers_folders() -> Vec<PathBuf> {
    let Some(home) = std::env::home_dir() else {
        return Vec::new();
    };
    let Ok(networks) = std::fs::read_dir(home.join(".lpData")) else {
        return Vec::new();
    };
    let folders = networks.flatten().map(|entry| entry.path().join("keystore"));
    let mut folders: Vec<PathBuf> = folders.filter(|folder| folder.is_dir()).take(8).collect();
    folders.sort();
    folders
}
