//! What a wallet error means to the operator.

use engine::wallet::{WalletError, unlock::UnlockError};

use crate::failure::{Failure, Kind};

/// Class, code and next step of a wallet error.
pub(crate) fn of(error: WalletError) -> Failure {
    let message = error.to_string();
    let failure = |kind, code| Failure::new(kind, code, message.clone());
    match error {
        WalletError::Read { .. } => failure(Kind::Config, "keystore_unreadable")
            .hint("`lpctl config path` tells where accounts are looked for"),
        WalletError::Write { .. } => failure(Kind::Failed, "keystore_not_written")
            .hint("check the folder and the space left; nothing was changed"),
        WalletError::NotAKeystore { .. } => failure(Kind::Config, "not_a_keystore")
            .hint("`lpctl account list` shows the files that are; a raw private key is brought in with `lpctl account import`"),
        WalletError::WrongPassword { .. } => failure(Kind::Refused, "wrong_password")
            .hint("nothing was sent; check `--password-file`, or leave it out to be asked"),
        WalletError::AddressMismatch { .. } => failure(Kind::Refused, "address_mismatch")
            .hint("do not use this file: it was damaged or exchanged"),
        WalletError::UnknownAccount { wanted, known, .. } => failure(Kind::Config, "unknown_account").hint(meant(&wanted, &known)),
        WalletError::SeveralFiles { files, .. } => {
            let files: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
            failure(Kind::Config, "several_files").hint(format!("name the file: {}", files.join(", ")))
        }
        WalletError::BadChecksum(_) => failure(Kind::Usage, "bad_address")
            .hint("copy it again; an address all in lower case is not checked"),
        WalletError::AccountExists { .. } => failure(Kind::Refused, "account_exists")
            .hint("nothing was changed; `lpctl account show` tells about it"),
        WalletError::NameTaken { .. } => failure(Kind::Refused, "name_taken").hint("nothing was changed; choose another name"),
        WalletError::BadName(_) => failure(Kind::Usage, "bad_name"),
        WalletError::BadNames { .. } => failure(Kind::Config, "bad_names").hint("correct or remove that file; the keys are not touched"),
        WalletError::DirectoryOpen { path, .. } => failure(Kind::Refused, "keystore_open_to_others")
            .hint(format!("make it yours alone: `chmod 700 {}`", path.display())),
        WalletError::Elsewhere { .. } => failure(Kind::Refused, "not_in_keystore")
            .hint("only accounts of the keystore folder are removed; that file is yours to move"),
        WalletError::NotAPrivateKey => failure(Kind::Refused, "not_a_private_key"),
        WalletError::EmptyPassword => failure(Kind::Refused, "empty_password").hint("choose one: it is all that protects the key"),
        WalletError::Interrupted => failure(Kind::Interrupted, "interrupted"),
    }
}

/// As [`of`]; what the password source said is passed on as it is.
pub(super) fn of_unlock(error: UnlockError<eyre::Report>) -> eyre::Report {
    match error {
        UnlockError::Source(report) => report,
        UnlockError::Wallet(error) => of(error).into(),
    }
}

/// The next step for one who meant an account by something that is neither a name nor an address.
fn meant(wanted: &str, known: &[String]) -> String {
    if let Some(digits) = wanted
        .strip_prefix("0x")
        .filter(|digits| digits.chars().count() != 40)
    {
        return format!(
            "an address is 0x and 40 digits from 0 to f; these are {}",
            digits.chars().count()
        );
    }
    if wanted.ends_with(".eth") {
        return "names of ENS are not looked up: give the address it stands for".to_string();
    }
    known_accounts(known)
}

/// The next step for one who named an account that is not there.
pub(super) fn known_accounts(known: &[String]) -> String {
    if known.is_empty() {
        "there are no accounts yet: `lpctl account new` makes one, `lpctl account import` brings one in"
            .to_string()
    } else {
        let shown: Vec<&str> = known.iter().take(8).map(String::as_str).collect();
        let more = if known.len() > shown.len() { ", …" } else { "" };
        format!("known accounts: {}{more}", shown.join(", "))
    }
}
