//! Tests of the engine's `wallet`: real files in a folder of their own.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
};

use alloy::{primitives::address, signers::local::PrivateKeySigner};
use engine::{
    secret::Password,
    wallet::{
        Account, KeystoreDir, WalletError,
        keystore::parse_address,
        private_key, unlock,
        v3::{self, DecryptError, FormatError, KeyFile, Strength},
    },
};
use proptest::prelude::*;
use tempfile::TempDir;

/// The test vectors of the Web3 Secret Storage definition: one key, encrypted both ways.
const VECTOR_KEY: &str = "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d";
const VECTOR_PBKDF2: &str = r#"{"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"6087dab2f9fdbbfaddc31a909735c1e6"},
    "ciphertext":"5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46","kdf":"pbkdf2","kdfparams":{"c":262144,
    "dklen":32,"prf":"hmac-sha256","salt":"ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"},
    "mac":"517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"},"id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","version":3}"#;
const VECTOR_SCRYPT: &str = r#"{"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"83dbcc02d8ccb40e466191a123791e0e"},
    "ciphertext":"d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c","kdf":"scrypt","kdfparams":{"dklen":32,
    "n":262144,"r":1,"p":8,"salt":"ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19"},
    "mac":"2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097"},"id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","version":3}"#;

fn password(text: &str) -> Password {
    Password::new(text.to_string())
}

/// A folder, and a keystore folder inside it that does not exist yet.
fn keystore() -> (TempDir, KeystoreDir) {
    let home = tempfile::tempdir().unwrap();
    let keystore = KeystoreDir::open(home.path().join("keys"));
    (home, keystore)
}

fn add(keystore: &KeystoreDir, name: Option<&str>) -> (PrivateKeySigner, Account) {
    let signer = PrivateKeySigner::random();
    let account = keystore
        .add(&signer, &password("open sesame"), name, Strength::Light)
        .unwrap();
    (signer, account)
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_definitions_vectors_open() {
    for vector in [VECTOR_PBKDF2, VECTOR_SCRYPT] {
        let file = KeyFile::parse(vector).unwrap();
        assert_eq!(file.address(), None);
        let signer = file.decrypt(&password("testpassword")).unwrap();
        assert_eq!(hex(signer.to_bytes().as_slice()), VECTOR_KEY);
        assert_eq!(
            signer.address(),
            address!("0x008AeEda4D805471dF9b2A5B0f38A0C3bCBA786b")
        );
    }
}

fn hex(bytes: &[u8]) -> String {
    alloy::hex::encode(bytes)
}

#[test]
fn the_standard_strength_is_geths_and_other_readers_open_it() {
    let signer = PrivateKeySigner::random();
    let text = v3::encrypt(&signer, &password("pässwörd"), Strength::Standard);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["crypto"]["kdfparams"]["n"], 262_144);
    assert_eq!(json["crypto"]["kdfparams"]["r"], 8);
    assert_eq!(json["crypto"]["kdfparams"]["p"], 1);
    assert_eq!(json["address"], hex(signer.address().as_slice()));
    assert_eq!(json["version"], 3);
    // alloy's reader is another implementation of the format.
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("key");
    fs::write(&path, text).unwrap();
    let read = PrivateKeySigner::decrypt_keystore(&path, "pässwörd").unwrap();
    assert_eq!(read.address(), signer.address());
}

#[tokio::test]
async fn what_is_added_is_listed_found_and_unlocked() {
    let (_home, keystore) = keystore();
    assert!(keystore.list().unwrap().accounts.is_empty());
    let (signer, account) = add(&keystore, Some("orchestrator"));
    add(&keystore, None);
    let listing = keystore.list().unwrap();
    assert_eq!(listing.accounts.len(), 2);
    assert!(
        listing.skipped.is_empty(),
        "names.toml is not taken for a damaged keystore"
    );
    assert!(listing.accounts.is_sorted_by_key(|account| &account.file));
    let address = signer.address();
    let file_name = account.file.file_name().unwrap().to_str().unwrap();
    assert!(
        file_name.starts_with("UTC--") && file_name.ends_with(&hex(address.as_slice())),
        "{file_name}"
    );
    for wanted in [
        "orchestrator",
        &address.to_string(),
        &address.to_string().to_lowercase(),
        file_name,
        account.file.to_str().unwrap(),
    ] {
        assert_eq!(keystore.find(wanted).unwrap(), account, "{wanted}");
    }
    let unlocked = unlock::unlock_with(&account, password("open sesame"))
        .await
        .unwrap();
    assert_eq!(unlocked.address(), address);
    assert!(matches!(
        unlock::unlock_with(&account, password("open says me")).await,
        Err(WalletError::WrongPassword { .. })
    ));
}

#[test]
fn files_are_private_and_the_folder_too() {
    let (_home, keystore) = keystore();
    let (_, account) = add(&keystore, Some("one"));
    assert_eq!(mode(keystore.path()), 0o700);
    assert_eq!(mode(&account.file), 0o600);
    assert_eq!(mode(&keystore.path().join("names.toml")), 0o600);
    let left: Vec<_> = fs::read_dir(keystore.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left.len(), 2, "no temporary file stays: {left:?}");
    assert!(!keystore.list().unwrap().accounts[0].readable_by_others());
    fs::set_permissions(&account.file, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(keystore.list().unwrap().accounts[0].readable_by_others());
}

#[test]
fn a_folder_others_can_write_to_gets_no_key() {
    let (_home, keystore) = keystore();
    fs::create_dir(keystore.path()).unwrap();
    fs::set_permissions(keystore.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let refused = keystore.add(&PrivateKeySigner::random(), &password("x"), None, Strength::Light);
    assert!(matches!(
        refused,
        Err(WalletError::DirectoryOpen { mode: 0o777, .. })
    ));
    assert_eq!(fs::read_dir(keystore.path()).unwrap().count(), 0);
}

#[test]
fn a_name_has_one_account_and_an_account_one_file() {
    let (_home, keystore) = keystore();
    let (signer, first) = add(&keystore, Some("orchestrator"));
    let taken = keystore.add(
        &PrivateKeySigner::random(),
        &password("x"),
        Some("orchestrator"),
        Strength::Light,
    );
    assert!(matches!(taken, Err(WalletError::NameTaken { address, .. }) if address == signer.address()));
    let again = keystore.add(&signer, &password("x"), Some("other"), Strength::Light);
    assert!(matches!(again, Err(WalletError::AccountExists { path, .. }) if path == first.file));
    assert_eq!(
        keystore.list().unwrap().accounts,
        [first],
        "a refusal writes nothing"
    );
    for bad in ["", "0xabc", "a b", "../up", "ü", &"x".repeat(65)] {
        let refused = keystore.add(
            &PrivateKeySigner::random(),
            &password("x"),
            Some(bad),
            Strength::Light,
        );
        assert!(matches!(refused, Err(WalletError::BadName(_))), "{bad:?}");
    }
    let empty = keystore.add(&PrivateKeySigner::random(), &password(""), None, Strength::Light);
    assert!(matches!(empty, Err(WalletError::EmptyPassword)));
}

#[test]
fn an_unknown_account_is_named_with_the_known_ones_and_never_made() {
    let (_home, keystore) = keystore();
    add(&keystore, Some("orchestrator"));
    for wanted in ["delegator", "0x008aeeda4d805471df9b2a5b0f38a0c3bcba786b"] {
        match keystore.find(wanted) {
            Err(WalletError::UnknownAccount { known, .. }) => assert_eq!(known, ["orchestrator"]),
            other => panic!("{wanted}: {other:?}"),
        }
    }
    assert!(matches!(
        keystore.find("./nowhere"),
        Err(WalletError::Read { .. })
    ));
    assert_eq!(keystore.list().unwrap().accounts.len(), 1);
}

#[test]
fn one_account_in_two_files_must_be_chosen_by_file() {
    let (_home, keystore) = keystore();
    let (signer, account) = add(&keystore, None);
    let copy = keystore.path().join("copy");
    fs::copy(&account.file, &copy).unwrap();
    match keystore.find(&signer.address().to_string()) {
        Err(WalletError::SeveralFiles { files, .. }) => assert_eq!(files.len(), 2),
        other => panic!("{other:?}"),
    }
    assert_eq!(keystore.find("copy").unwrap().file, copy);
}

#[test]
fn geths_files_are_read_as_they_are() {
    let (_home, keystore) = keystore();
    fs::create_dir(keystore.path()).unwrap();
    // Without the address field the file's name tells the account.
    let named = "UTC--2017-08-11T22-47-38.421742142Z--008aeeda4d805471df9b2a5b0f38a0c3bcba786b";
    fs::write(keystore.path().join(named), VECTOR_PBKDF2).unwrap();
    fs::write(keystore.path().join("bare"), VECTOR_PBKDF2).unwrap();
    let address = address!("0x008AeEda4D805471dF9b2A5B0f38A0C3bCBA786b");
    assert_eq!(
        keystore.find(&address.to_string()).unwrap().file,
        keystore.path().join(named)
    );
    let bare = keystore.find("bare").unwrap();
    assert_eq!((bare.address, bare.label().as_str()), (None, "bare"));
    let signer = unlock::unlock_blocking(&bare, &password("testpassword")).unwrap();
    assert_eq!(signer.address(), address);
}

#[test]
fn a_file_that_lies_about_its_account_is_not_unlocked() {
    let other = "00000398232e2064f896018496b4b44b3d62751f";
    let claims = VECTOR_PBKDF2.replacen('{', &format!("{{\"address\":\"{other}\","), 1);
    let file = KeyFile::parse(&claims).unwrap();
    assert!(matches!(
        file.decrypt(&password("testpassword")),
        Err(DecryptError::AddressMismatch { .. })
    ));
    let (_home, keystore) = keystore();
    fs::create_dir(keystore.path()).unwrap();
    fs::write(
        keystore
            .path()
            .join(format!("UTC--2020-01-01T00-00-00.0Z--{other}")),
        VECTOR_PBKDF2,
    )
    .unwrap();
    let account = keystore.find(&format!("0x{other}")).unwrap();
    assert!(matches!(
        unlock::unlock_blocking(&account, &password("testpassword")),
        Err(WalletError::AddressMismatch { .. })
    ));
}

#[test]
fn damaged_and_foreign_files_are_passed_over_with_a_reason() {
    let (home, keystore) = keystore();
    let (_, good) = add(&keystore, None);
    let put = |name: &str, text: &[u8]| fs::write(keystore.path().join(name), text).unwrap();
    put("cut", &VECTOR_SCRYPT.as_bytes()[..300]);
    put("empty", b"");
    put("binary", &[0xff; 100]);
    put("huge", &vec![b' '; 100_000]);
    put("key.txt", VECTOR_KEY.as_bytes());
    put(".hidden", b"");
    put("backup~", b"");
    fs::create_dir(keystore.path().join("folder")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, keystore.path().join("pipe"), 0o600.into()).unwrap();
    symlink(home.path().join("nowhere"), keystore.path().join("dangling")).unwrap();
    let listing = keystore.list().unwrap();
    assert_eq!(listing.accounts, [good]);
    let skipped: Vec<_> = listing
        .skipped
        .iter()
        .map(|skipped| skipped.file.file_name().unwrap().to_str().unwrap())
        .collect();
    assert_eq!(
        skipped,
        ["binary", "cut", "dangling", "empty", "huge", "key.txt", "pipe"]
    );
    for skipped in &listing.skipped {
        assert!(
            !skipped.reason.to_string().contains(&VECTOR_KEY[..8]),
            "{}",
            skipped.reason
        );
    }
}

#[test]
fn a_link_where_a_new_file_would_go_is_not_followed() {
    let (home, keystore) = keystore();
    add(&keystore, Some("one"));
    let target = home.path().join("target");
    fs::write(&target, "untouched").unwrap();
    let names = keystore.path().join("names.toml");
    let kept = fs::read_to_string(&names).unwrap();
    fs::remove_file(&names).unwrap();
    fs::write(home.path().join("kept"), kept).unwrap();
    symlink(home.path().join("kept"), &names).unwrap();
    add(&keystore, Some("two"));
    assert!(!names.is_symlink(), "replaced by a file, not written through");
    assert!(
        !fs::read_to_string(home.path().join("kept"))
            .unwrap()
            .contains("two")
    );
    assert_eq!(keystore.find("one").unwrap().name.as_deref(), Some("one"));
}

#[test]
fn broken_names_are_an_error_and_are_not_overwritten() {
    let (_home, keystore) = keystore();
    add(&keystore, Some("one"));
    let names = keystore.path().join("names.toml");
    for broken in [
        "[names]\none = 7",
        "[names]\n\"../x\" = \"0x008aeeda4d805471df9b2a5b0f38a0c3bcba786b\"",
        "[names]\na = \"0x008aeeda4d805471df9b2a5b0f38a0c3bcba786b\"\na = \"0x00000398232e2064f896018496b4b44b3d62751f\"",
    ] {
        fs::write(&names, broken).unwrap();
        assert!(
            matches!(keystore.list(), Err(WalletError::BadNames { .. })),
            "{broken}"
        );
        let refused = keystore.add(&PrivateKeySigner::random(), &password("x"), None, Strength::Light);
        assert!(matches!(refused, Err(WalletError::BadNames { .. })));
        assert_eq!(fs::read_to_string(&names).unwrap(), broken);
    }
}

#[test]
fn files_that_ask_for_too_much_or_too_little_are_refused() {
    let change = |from: &str, to: &str| {
        assert!(VECTOR_SCRYPT.contains(from), "{from}");
        KeyFile::parse(&VECTOR_SCRYPT.replace(from, to)).unwrap_err()
    };
    assert_eq!(
        change("\"n\":262144", "\"n\":4294967296"),
        FormatError::TooMuchWork
    );
    assert_eq!(change("\"p\":8", "\"p\":4294967295"), FormatError::TooMuchWork);
    assert_eq!(
        change("\"n\":262144", "\"n\":262143"),
        FormatError::Field("kdfparams")
    );
    assert_eq!(change("\"r\":1,", ""), FormatError::Field("kdfparams"));
    assert_eq!(
        change("\"dklen\":32", "\"dklen\":16"),
        FormatError::Field("dklen")
    );
    assert_eq!(change("83dbcc02", "83db"), FormatError::Field("iv"));
    assert_eq!(change("2103ac29", "2103ac2"), FormatError::Field("mac"));
    assert_eq!(change("d172bf74", ""), FormatError::Field("ciphertext"));
    assert_eq!(change("\"version\":3", "\"version\":1"), FormatError::Version(1));
    assert_eq!(change("aes-128-ctr", "aes-256-gcm"), FormatError::Field("cipher"));
    assert_eq!(
        change("\"kdf\":\"scrypt\"", "\"kdf\":\"argon2\""),
        FormatError::Field("kdf")
    );
    let rounds = VECTOR_PBKDF2.replace("\"c\":262144", "\"c\":4000000000");
    assert_eq!(KeyFile::parse(&rounds).unwrap_err(), FormatError::TooMuchWork);
}

#[test]
fn only_private_keys_are_private_keys() {
    for text in [
        VECTOR_KEY.to_string(),
        format!("0x{VECTOR_KEY}\n"),
        format!("  {VECTOR_KEY}\r\n"),
    ] {
        let signer = private_key::parse(&text).unwrap();
        assert_eq!(
            signer.address(),
            address!("0x008AeEda4D805471dF9b2A5B0f38A0C3bCBA786b")
        );
    }
    let order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    for bad in [
        "",
        "0x",
        &VECTOR_KEY[1..],
        &"0".repeat(64),
        order,
        "not a key at all",
    ] {
        let error = private_key::parse(bad).unwrap_err();
        assert!(matches!(error, WalletError::NotAPrivateKey), "{bad:?}");
    }
}

#[test]
fn a_mistyped_address_is_noticed_by_its_checksum() {
    let right = "0x008AeEda4D805471dF9b2A5B0f38A0C3bCBA786b";
    assert!(parse_address(right).unwrap().is_some());
    assert!(parse_address(&right.to_lowercase()).unwrap().is_some());
    let wrong = right.replace("AeE", "aEE");
    assert!(matches!(parse_address(&wrong), Err(WalletError::BadChecksum(_))));
    assert_eq!(parse_address("orchestrator").unwrap(), None);
    assert_eq!(parse_address("0x1234").unwrap(), None);
}

/// A source that hands out what it was given, in order.
struct Passwords(Vec<&'static str>, u32);

impl unlock::PasswordSource for Passwords {
    type Error = std::convert::Infallible;

    fn password(&mut self, _: &Account, attempt: u32) -> Result<Option<Password>, Self::Error> {
        self.1 = attempt;
        Ok(self.0.get(attempt as usize - 1).map(|text| password(text)))
    }
}

#[tokio::test]
async fn a_person_may_mistype_twice_and_a_file_once() {
    let (_home, keystore) = keystore();
    let (_, account) = add(&keystore, None);
    let mut person = Passwords(vec!["a", "b", "open sesame"], 0);
    unlock::unlock(&account, &mut person).await.unwrap();
    assert_eq!(person.1, 3);
    let mut stubborn = Passwords(vec!["a"; 9], 0);
    unlock::unlock(&account, &mut stubborn).await.unwrap_err();
    assert_eq!(stubborn.1, 3, "guessing ends");
    let mut file = Passwords(vec!["a"], 0);
    unlock::unlock(&account, &mut file).await.unwrap_err();
}

#[test]
fn many_at_once_add_under_one_name_and_one_wins() {
    let (_home, keystore) = keystore();
    let won: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let signer = PrivateKeySigner::random();
                    keystore
                        .add(&signer, &password("x"), Some("one"), Strength::Light)
                        .is_ok()
                })
            })
            .collect();
        threads
            .into_iter()
            .filter_map(|thread| thread.join().ok())
            .filter(|won| *won)
            .count()
    });
    assert_eq!((won, keystore.list().unwrap().accounts.len()), (1, 1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn what_was_encrypted_is_read_again(key: [u8; 32], secret in ".{1,40}") {
        prop_assume!(PrivateKeySigner::from_slice(&key).is_ok());
        let signer = PrivateKeySigner::from_slice(&key).unwrap();
        let file = KeyFile::parse(&v3::encrypt(&signer, &password(&secret), Strength::Light)).unwrap();
        prop_assert_eq!(file.decrypt(&password(&secret)).unwrap().to_bytes(), signer.to_bytes());
        prop_assert_eq!(file.decrypt(&password(&format!("{secret}x"))).unwrap_err(), DecryptError::WrongPassword);
    }

    #[test]
    fn no_text_makes_reading_panic(text in ".{0,200}") {
        prop_assert!(KeyFile::parse(&text).is_err());
    }
}
