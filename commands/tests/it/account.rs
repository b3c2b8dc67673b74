//! `lpctl account`: the life of an account, and everything that must not happen to one.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use crate::environment::{Environment, Outcome};

/// The key of the Web3 Secret Storage definition's examples, and its account.
const KEY: &str = "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d";
const ADDRESS: &str = "0x008AeEda4D805471dF9b2A5B0f38A0C3bCBA786b";
/// The same key, encrypted with `testpassword` (from the definition).
const KEYSTORE: &str = r#"{"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"6087dab2f9fdbbfaddc31a909735c1e6"},
    "ciphertext":"5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46","kdf":"pbkdf2","kdfparams":{"c":262144,
    "dklen":32,"prf":"hmac-sha256","salt":"ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"},
    "mac":"517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"},"id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","version":3}"#;

impl Environment {
    /// A private file in the home folder.
    fn secret_file(&self, name: &str, text: &str) -> String {
        let path = self.home().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path.to_str().unwrap().to_string()
    }

    fn keystore_files(&self) -> Vec<PathBuf> {
        fs::read_dir(self.home().join(".local/share/lpctl/keystore"))
            .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
            .unwrap_or_default()
    }
}

/// What varies between runs, replaced.
fn assert_snapshot(name: &str, environment: &Environment, outcome: &Outcome) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.add_filter(&environment.home().display().to_string(), "[home]");
    settings.add_filter(r"UTC--[0-9TZ.:-]+--[0-9a-f]{40}", "[keystore file]");
    settings.add_filter(r"0x[0-9a-fA-F]{40}", "[address]");
    settings.bind(|| {
        insta::assert_snapshot!(
            name,
            format!(
                "exit {}\n--- stdout\n{}--- stderr\n{}",
                outcome.code.unwrap(),
                outcome.stdout,
                outcome.stderr
            )
        );
    });
}

#[test]
fn an_account_is_made_listed_chosen_and_shown() {
    let environment = Environment::new();
    let password = environment.secret_file("password", "correct horse\n");
    let empty = environment.lpctl(&["account", "list"]).expect_code(0);
    assert_snapshot("account_list_empty", &environment, &empty);
    let made = environment
        .lpctl(&[
            "account",
            "new",
            "--name",
            "orchestrator",
            "--password-file",
            &password,
        ])
        .expect_code(0);
    assert_snapshot("account_new", &environment, &made);
    let second = environment
        .lpctl(&[
            "account",
            "new",
            "--name",
            "delegator",
            "--password-file",
            &password,
            "--json",
        ])
        .expect_code(0);
    let second = second.data()["account"].clone();
    assert_eq!(second["name"], "delegator");
    let file = second["file"].as_str().unwrap();
    assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    // Two accounts and none chosen: none is guessed.
    let undecided = environment.lpctl(&["account", "show", "--json"]).expect_code(3);
    assert_eq!(undecided.error()["code"], "no_account");
    environment.lpctl(&["account", "use", "delegator"]).expect_code(0);
    let shown = environment
        .lpctl(&["account", "show", "--json"])
        .expect_code(0)
        .data();
    assert_eq!(
        (&shown["name"], &shown["address"]),
        (&second["name"], &second["address"])
    );
    assert_eq!(shown["in_use"], true);
    let listed = environment.lpctl(&["account", "list"]).expect_code(0);
    assert_snapshot("account_list", &environment, &listed);
    let overruled = environment
        .lpctl(&["account", "show", "--account", "orchestrator", "--json"])
        .expect_code(0);
    assert_eq!(overruled.data()["name"], "orchestrator");
    // Into a profile, where there is one, beside what is there already.
    environment.write_config("[profiles.a] # mine\nnetwork = \"devnet\"\n");
    let chosen = environment
        .lpctl(&["account", "use", "orchestrator", "--profile", "a", "--json"])
        .expect_code(0);
    assert_eq!(chosen.data()["profile"], "a");
    let config = fs::read_to_string(environment.config_file()).unwrap();
    assert_eq!(
        config,
        "[profiles.a] # mine\nnetwork = \"devnet\"\naccount = \"orchestrator\"\n"
    );
    // By address, in either case of letters.
    let address = second["address"].as_str().unwrap();
    for wanted in [address, &address.to_lowercase()] {
        let found = environment
            .lpctl(&["account", "show", wanted, "--json"])
            .expect_code(0);
        assert_eq!(found.data()["name"], "delegator");
    }
}

#[test]
fn an_unknown_account_is_exit_3_and_none_is_made() {
    let environment = Environment::new();
    let failed = environment.lpctl(&["account", "show", ADDRESS]).expect_code(3);
    assert_snapshot("account_unknown_none", &environment, &failed);
    let key = environment.secret_file("key", KEY);
    let password = environment.secret_file("password", "x");
    environment
        .lpctl(&[
            "account",
            "import",
            &key,
            "--name",
            "known",
            "--password-file",
            &password,
        ])
        .expect_code(0);
    for arguments in [
        &["account", "show", "nobody"][..],
        &["account", "use", "nobody"],
        &["account", "show", "--account", "nobody"],
    ] {
        let failed = environment
            .lpctl(&[arguments, &["--json"]].concat())
            .expect_code(3);
        assert_eq!(failed.error()["code"], "unknown_account");
        assert_eq!(failed.error()["hint"], "known accounts: known");
    }
    for (wanted, says) in [
        ("vitalik.eth", "names of ENS are not looked up"),
        ("0x70997970", "these are 8"),
    ] {
        let failed = environment
            .lpctl(&["account", "show", wanted, "--json"])
            .expect_code(3);
        assert!(
            failed.error()["hint"].as_str().unwrap().contains(says),
            "{failed:?}"
        );
    }
    assert_eq!(environment.keystore_files().len(), 2, "the account and its name");
    assert!(
        !environment.config_file().exists(),
        "a refused choice writes nothing"
    );
}

#[test]
fn a_private_key_is_brought_in_from_a_file_or_standard_input_and_never_shown() {
    let environment = Environment::new();
    let password = environment.secret_file("password", "new password");
    let from_stdin = environment
        .command(&[
            "account",
            "import",
            "-",
            "--name",
            "piped",
            "--password-file",
            &password,
            "--json",
        ])
        .stdin(fs::File::open(environment.secret_file("key", &format!("0x{KEY}\n"))).unwrap())
        .output()
        .unwrap();
    let outcome = Outcome::from(from_stdin).expect_code(0);
    assert_eq!(outcome.data()["account"]["address"], ADDRESS);
    assert!(!outcome.stdout.contains(&KEY[..16]) && !outcome.stderr.contains(&KEY[..16]));
    let again = environment
        .lpctl(&[
            "account",
            "import",
            &environment.secret_file("key", KEY),
            "--password-file",
            &password,
            "--json",
        ])
        .expect_code(4);
    assert_eq!(again.error()["code"], "account_exists");
    for (text, code) in [("nonsense", 4), ("", 4), ("{\"version\":3}", 3)] {
        let file = environment.secret_file("bad", text);
        environment
            .lpctl(&["account", "import", &file, "--password-file", &password])
            .expect_code(code);
    }
    environment
        .lpctl(&["account", "import", "nowhere"])
        .expect_code(3);
}

#[test]
fn a_foreign_keystore_file_keeps_its_password() {
    let environment = Environment::new();
    let file = environment.secret_file("theirs.json", KEYSTORE);
    let wrong = environment.secret_file("wrong", "wrong");
    let refused = environment
        .lpctl(&["account", "import", &file, "--password-file", &wrong])
        .expect_code(4);
    assert_snapshot("account_import_wrong_password", &environment, &refused);
    assert!(environment.keystore_files().is_empty(), "nothing half done");
    let right = environment.secret_file("right", "testpassword\nsecond line\n");
    let imported = environment
        .lpctl(&[
            "account",
            "import",
            &file,
            "--name",
            "theirs",
            "--password-file",
            &right,
            "--json",
        ])
        .expect_code(0)
        .data();
    assert_eq!(imported["account"]["address"], ADDRESS);
    // The copy opens with the same password: bring it in elsewhere.
    let elsewhere = Environment::new();
    let copy = imported["account"]["file"].as_str().unwrap();
    let right = elsewhere.secret_file("right", "testpassword");
    elsewhere
        .lpctl(&["account", "import", copy, "--password-file", &right])
        .expect_code(0);
}

#[test]
fn a_taken_or_impossible_name_is_refused_before_a_password_is_wanted() {
    let environment = Environment::new();
    let key = environment.secret_file("key", KEY);
    let password = environment.secret_file("password", "x");
    environment
        .lpctl(&[
            "account",
            "import",
            &key,
            "--name",
            "one",
            "--password-file",
            &password,
        ])
        .expect_code(0);
    let taken = environment
        .lpctl(&["account", "new", "--name", "one", "--json"])
        .expect_code(4);
    assert_eq!(taken.error()["code"], "name_taken");
    let bad = environment
        .lpctl(&["account", "new", "--name", "../one", "--json"])
        .expect_code(2);
    assert_eq!(bad.error()["code"], "bad_name");
}

#[test]
fn passwords_come_from_a_file_or_a_credential_and_without_either_nothing_hangs() {
    let environment = Environment::new();
    let nobody = environment.lpctl(&["account", "new", "--json"]).expect_code(4);
    assert_eq!(nobody.error()["code"], "password_needed");
    for (name, text) in [("empty", "\nsecond"), ("binary", "\u{0}")] {
        let file = environment.secret_file(name, text);
        let code = if name == "empty" { 3 } else { 0 };
        environment
            .lpctl(&["account", "new", "--password-file", &file])
            .expect_code(code);
    }
    let missing = environment
        .lpctl(&["account", "new", "--password-file", "nowhere", "--json"])
        .expect_code(3);
    assert_eq!(missing.error()["code"], "password_file");
    let credentials = environment.home().join("credentials");
    fs::create_dir(&credentials).unwrap();
    fs::write(credentials.join("lpctl-password"), "from systemd").unwrap();
    fs::set_permissions(
        credentials.join("lpctl-password"),
        fs::Permissions::from_mode(0o400),
    )
    .unwrap();
    let mut command = environment.command(&["account", "new", "--name", "unit"]);
    command
        .env("CREDENTIALS_DIRECTORY", &credentials)
        .stdin(std::process::Stdio::null());
    Outcome::from(command.output().unwrap()).expect_code(0);
    // A password others can read is used, and said.
    let open = environment.secret_file("open", "x");
    fs::set_permissions(&open, fs::Permissions::from_mode(0o644)).unwrap();
    let warned = environment
        .lpctl(&["account", "new", "--password-file", &open])
        .expect_code(0);
    assert!(
        warned.stderr.contains("others may read the password file"),
        "{warned:?}"
    );
}

#[test]
fn a_damaged_keystore_is_mentioned_and_stands_in_nobodys_way() {
    let environment = Environment::new();
    let key = environment.secret_file("key", KEY);
    let password = environment.secret_file("password", "x");
    environment
        .lpctl(&[
            "account",
            "import",
            &key,
            "--name",
            "good",
            "--password-file",
            &password,
        ])
        .expect_code(0);
    fs::write(
        environment
            .home()
            .join(".local/share/lpctl/keystore/broken\u{1b}[2J"),
        &KEYSTORE[..100],
    )
    .unwrap();
    let listed = environment.lpctl(&["account", "list", "--json"]).expect_code(0);
    assert_eq!(listed.data()["accounts"].as_array().unwrap().len(), 1);
    let envelope: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
    let warning = envelope["warnings"][0].as_str().unwrap();
    assert!(
        warning.contains("broken") && !warning.contains('\u{1b}'),
        "{warning}"
    );
}

#[test]
fn account_names_complete() {
    let environment = Environment::new();
    let key = environment.secret_file("key", KEY);
    let password = environment.secret_file("password", "x");
    environment
        .lpctl(&[
            "account",
            "import",
            &key,
            "--name",
            "orchestrator",
            "--password-file",
            &password,
        ])
        .expect_code(0);
    let mut command = environment.command(&["--", "lpctl", "account", "use", "orch"]);
    command
        .env("COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", "3")
        .env("_CLAP_IFS", "\n");
    assert_eq!(Outcome::from(command.output().unwrap()).stdout, "orchestrator");
}

#[tokio::test]
async fn ctrl_c_ends_the_wait_for_a_password_that_never_comes() {
    let environment = Environment::new();
    let pipe = environment.home().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let arguments = ["account", "new", "--password-file", pipe.to_str().unwrap()];
    let mut command = tokio::process::Command::from(environment.command(&arguments));
    let null = std::process::Stdio::null;
    let mut child = command
        .stdin(null())
        .stderr(null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let pid = child.id().unwrap();
    // A writer can open it only once somebody is about to read.
    let open = move || fs::OpenOptions::new().write(true).open(&pipe);
    let writer = tokio::task::spawn_blocking(open).await.unwrap().unwrap();
    let caught = async {
        while !catches_interrupts(pid) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let patience = std::time::Duration::from_secs(20);
    tokio::time::timeout(patience, caught).await.unwrap();
    let process = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
    let status = tokio::time::timeout(patience, child.wait()).await;
    assert_eq!(status.expect("it goes on waiting").unwrap().code(), Some(130));
    drop(writer);
}

/// Whether a process has a handler for Ctrl-C, as the kernel says.
fn catches_interrupts(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let caught = status
        .lines()
        .find_map(|line| line.strip_prefix("SigCgt:"))
        .unwrap();
    let interrupt = 1 << 1;
    u64::from_str_radix(caught.trim(), 16).unwrap() & interrupt != 0
}

impl Environment {
    /// The account `one` with the key of the examples and the password `old`; the files of the old and a new password.
    fn with_account(&self) -> (String, String) {
        let (old, new) = (
            self.secret_file("old", "old"),
            self.secret_file("new", "new word\n"),
        );
        let key = self.secret_file("key", KEY);
        let import = [
            "account",
            "import",
            &key,
            "--name",
            "one",
            "--password-file",
            &old,
        ];
        self.lpctl(&import).expect_code(0);
        (old, new)
    }

    /// The one account's file.
    fn account_file(&self) -> PathBuf {
        let files = self.keystore_files();
        let account = |file: &&PathBuf| file.is_file() && !file.ends_with("names.toml");
        files.iter().find(account).unwrap().clone()
    }
}

/// The example of EIP-712.
const MAIL: &str = r#"{"types":{"EIP712Domain":[{"name":"name","type":"string"},{"name":"version","type":"string"},
    {"name":"chainId","type":"uint256"},{"name":"verifyingContract","type":"address"}],
    "Person":[{"name":"name","type":"string"},{"name":"wallet","type":"address"}],
    "Mail":[{"name":"from","type":"Person"},{"name":"to","type":"Person"},{"name":"contents","type":"string"}]},
    "primaryType":"Mail","domain":{"name":"Ether Mail","version":"1","chainId":1,
    "verifyingContract":"0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC"},
    "message":{"from":{"name":"Cow","wallet":"0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826"},
    "to":{"name":"Bob","wallet":"0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB"},"contents":"Hello, Bob!"}}"#;

#[test]
fn a_signed_message_is_what_other_wallets_sign_and_verify() {
    let environment = Environment::new();
    let (old, _) = environment.with_account();
    let text = "I run orchestrator.example.org";
    let signed = environment
        .lpctl(&["account", "sign", text, "--password-file", &old])
        .expect_code(0);
    let signature = signed.stdout.trim();
    assert_eq!(signature.len(), 2 + 130);
    let verified = testbed::cast(&["wallet", "verify", "--address", ADDRESS, text, signature]);
    assert!(verified.contains("succeeded"), "{verified}");
    let theirs = testbed::cast(&["wallet", "sign", "--private-key", KEY, text]);
    assert_eq!(signature, theirs);
    // A file's last line break is none of the message; the others are.
    let file = environment.secret_file("text", &format!("{text}\n"));
    let from_file = environment
        .lpctl(&[
            "account",
            "sign",
            "--file",
            &file,
            "--password-file",
            &old,
            "--json",
        ])
        .expect_code(0)
        .data();
    assert_eq!(from_file["signature"], signature);
    assert_eq!(from_file["account"], ADDRESS);
    let other = environment
        .lpctl(&["account", "sign", &format!("{text}\n"), "--password-file", &old])
        .expect_code(0);
    assert_ne!(other.stdout.trim(), signature);
    let wrong = environment.secret_file("wrong", "wrong");
    let refused = environment
        .lpctl(&["account", "sign", text, "--password-file", &wrong, "--json"])
        .expect_code(4);
    assert_eq!(refused.error()["code"], "wrong_password");
    let missing = environment
        .lpctl(&["account", "sign", "--file", "nowhere", "--json"])
        .expect_code(3);
    assert_eq!(missing.error()["code"], "unreadable");
    let endless = environment.secret_file("endless", &"0".repeat(65 * 1024));
    let endless = environment
        .lpctl(&["account", "import", &endless, "--json"])
        .expect_code(3);
    assert_eq!(endless.error()["code"], "unreadable");
    let large = environment.secret_file("large", &"x".repeat((1 << 20) + 1));
    environment
        .lpctl(&["account", "sign", "--file", &large])
        .expect_code(3);
    environment.lpctl(&["account", "sign"]).expect_code(2);
    environment
        .lpctl(&["account", "sign", "a", "--file", "b"])
        .expect_code(2);
    environment
        .lpctl(&["account", "sign", "a", "--dry-run"])
        .expect_code(2);
}

#[test]
fn typed_data_is_shown_asked_about_and_signed_as_other_wallets_do() {
    let environment = Environment::new();
    let (old, _) = environment.with_account();
    let file = environment.secret_file("mail.json", MAIL);
    let unasked = environment
        .lpctl(&["account", "sign-typed", &file, "--password-file", &old])
        .expect_code(4);
    assert!(
        unasked.stderr.contains("Ether Mail") && unasked.stderr.contains("Hello, Bob!"),
        "{unasked:?}"
    );
    assert!(unasked.stdout.is_empty());
    assert!(unasked.stderr.contains("version   1"), "{unasked:?}");
    // Whoever is asked sees all of it, however quiet it was meant to be.
    let lines: Vec<String> = (0..300).map(|line| format!("\"line {line}\"")).collect();
    let long = MAIL
        .replace(
            r#"{"name":"contents","type":"string"}"#,
            r#"{"name":"contents","type":"string[]"}"#,
        )
        .replace(r#""Hello, Bob!""#, &format!("[{}]", lines.join(",")));
    let long = environment.secret_file("long.json", &long);
    let mut command = environment.command(&["-q", "account", "sign-typed", &long]);
    command.env("TERM", "xterm");
    let mut terminal = rexpect::session::spawn_command(command, Some(20_000)).unwrap();
    terminal.exp_string("Ether Mail").unwrap();
    terminal.exp_string("line 299").unwrap();
    terminal.exp_string("Sign this as").unwrap();
    terminal.send_line("n").unwrap();
    terminal.exp_eof().unwrap();
    let signed = environment
        .lpctl(&["account", "sign-typed", &file, "--password-file", &old, "--yes"])
        .expect_code(0);
    let theirs = testbed::cast(&[
        "wallet",
        "sign",
        "--private-key",
        KEY,
        "--data",
        "--from-file",
        &file,
    ]);
    assert_eq!(signed.stdout.trim(), theirs);
    let hidden = MAIL.replace(r#""contents":"Hello"#, r#""amount":"1","contents":"Hello"#);
    for (text, says) in [(hidden.as_str(), "amount"), ("<html>", "JSON"), ("{}", "types")] {
        let file = environment.secret_file("bad.json", text);
        let refused = environment
            .lpctl(&[
                "account",
                "sign-typed",
                &file,
                "--password-file",
                &old,
                "--yes",
                "--json",
            ])
            .expect_code(4)
            .error();
        assert_eq!(refused["code"], "not_signable");
        assert!(refused["message"].as_str().unwrap().contains(says), "{refused}");
    }
}

#[test]
fn a_changed_password_opens_the_file_in_other_wallets_and_the_old_one_does_not() {
    let environment = Environment::new();
    let (old, new) = environment.with_account();
    let file = environment.account_file();
    let before = fs::read(&file).unwrap();
    let change = |old: &str, new: &str| {
        environment.lpctl(&[
            "account",
            "change-password",
            "one",
            "--password-file",
            old,
            "--new-password-file",
            new,
            "--json",
        ])
    };
    let wrong = change(&new, &old).expect_code(4);
    assert_eq!(wrong.error()["code"], "wrong_password");
    let empty = environment.secret_file("empty", "\n");
    assert_eq!(
        change(&old, &empty).expect_code(3).error()["code"],
        "password_file"
    );
    let unasked = environment
        .lpctl(&["account", "change-password", "--password-file", &old, "--json"])
        .expect_code(4);
    assert_eq!(unasked.error()["code"], "password_needed");
    assert_eq!(fs::read(&file).unwrap(), before, "nothing was touched so far");

    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let changed = change(&old, &new).expect_code(0);
    assert!(
        changed
            .stderr
            .contains(&format!("{old} still has the old password")),
        "{changed:?}"
    );
    let changed = changed.data();
    assert_eq!(changed["account"]["file"], file.to_str().unwrap());
    assert_eq!(changed["account"]["readable_by_others"], false);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(environment.account_file(), file, "no second file");
    let path = file.to_str().unwrap();
    let opened = testbed::cast(&["wallet", "address", "--keystore", path, "--password", "new word"]);
    assert_eq!(opened, ADDRESS);
    // What go-livepeer and geth look for in a file.
    let json: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(json["version"], 3);
    assert_eq!(
        format!("0x{}", json["address"].as_str().unwrap()),
        ADDRESS.to_lowercase()
    );
    assert_eq!(
        (&json["crypto"]["kdf"], &json["crypto"]["kdfparams"]["n"]),
        (&"scrypt".into(), &262_144.into())
    );
    let refused = change(&old, &new).expect_code(4);
    assert_eq!(refused.error()["code"], "wrong_password");

    fs::write(&file, &KEYSTORE[..200]).unwrap();
    for arguments in [&["change-password", path][..], &["sign", "a", "--account", path]] {
        let garbage = environment
            .lpctl(&[&["account"], arguments, &["--password-file", &new, "--json"]].concat())
            .expect_code(3);
        assert_eq!(garbage.error()["code"], "not_a_keystore");
    }
    assert_eq!(fs::read(&file).unwrap(), KEYSTORE.as_bytes()[..200]);
}

#[test]
fn a_removed_account_is_kept_aside_and_can_come_back() {
    let environment = Environment::new();
    let (old, _) = environment.with_account();
    let unasked = environment
        .lpctl(&["account", "remove", "one", "--json"])
        .expect_code(4);
    assert_eq!(unasked.error()["code"], "confirmation_needed");
    let unknown = environment
        .lpctl(&["account", "remove", "two", "-y", "--json"])
        .expect_code(3);
    assert_eq!(unknown.error()["code"], "unknown_account");
    let outside = environment.home().join("copy.json");
    fs::copy(environment.account_file(), &outside).unwrap();
    let outside = environment
        .lpctl(&["account", "remove", outside.to_str().unwrap(), "-y", "--json"])
        .expect_code(4);
    assert_eq!(outside.error()["code"], "not_in_keystore");

    let key = fs::read(environment.account_file()).unwrap();
    let removed = environment
        .lpctl(&["account", "remove", "one", "-y", "--json"])
        .expect_code(0);
    let kept = removed.data()["kept_file"].as_str().unwrap().to_string();
    assert_eq!(fs::read(&kept).unwrap(), key);
    assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
    let folder = PathBuf::from(&kept).parent().unwrap().to_path_buf();
    assert_eq!(fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
    let listed = environment
        .lpctl(&["account", "list", "--json"])
        .expect_code(0)
        .data();
    assert_eq!(listed["accounts"], serde_json::json!([]));
    // Its name is free again, and it comes back with the password it had.
    let import = [
        "account",
        "import",
        &kept,
        "--name",
        "one",
        "--password-file",
        &old,
    ];
    environment.lpctl(&import).expect_code(0);
    let again = environment
        .lpctl(&["account", "remove", ADDRESS, "-y", "--json"])
        .expect_code(0);
    assert_ne!(again.data()["kept_file"], kept, "neither takes the other's place");
    assert!(PathBuf::from(kept).is_file());
}

#[test]
fn whoever_removes_an_account_types_its_name() {
    let environment = Environment::new();
    environment.with_account();
    for (typed, left) in [("two", 1), ("one", 0)] {
        let mut command = environment.command(&["account", "remove", "one"]);
        command.env("TERM", "xterm");
        let mut terminal = rexpect::session::spawn_command(command, Some(20_000)).unwrap();
        terminal.exp_string("Type `one` to remove it:").unwrap();
        terminal.send_line(typed).unwrap();
        let says = if left == 1 {
            "nothing was changed"
        } else {
            "removed one"
        };
        terminal.exp_string(says).unwrap();
        terminal.exp_eof().unwrap();
        let listed = environment
            .lpctl(&["account", "list", "--json"])
            .expect_code(0)
            .data();
        assert_eq!(listed["accounts"].as_array().unwrap().len(), left);
    }
}

#[test]
fn a_unit_may_be_given_a_password_for_each_account() {
    let environment = Environment::new();
    environment.with_account();
    let credentials = environment.home().join("credentials");
    fs::create_dir(&credentials).unwrap();
    fs::write(credentials.join("lpctl-password"), "of another").unwrap();
    let sign = || {
        let mut command = environment.command(&["account", "sign", "hello", "--json"]);
        command
            .env("CREDENTIALS_DIRECTORY", &credentials)
            .stdin(std::process::Stdio::null());
        Outcome::from(command.output().unwrap())
    };
    assert_eq!(sign().expect_code(4).error()["code"], "wrong_password");
    fs::write(credentials.join("one"), "old").unwrap();
    assert_eq!(sign().expect_code(0).data()["account"], ADDRESS);
}

#[test]
fn without_a_keyring_passwords_come_from_elsewhere_and_it_is_said() {
    let environment = Environment::new();
    let (old, _) = environment.with_account();
    for arguments in [&["keyring", "one"][..], &["keyring", "one", "--forget"]] {
        let refused = environment
            .lpctl(&[&["account"], arguments, &["--password-file", &old, "--json"]].concat())
            .expect_code(1)
            .error();
        assert_eq!(refused["code"], "keyring_unavailable");
        assert!(
            refused["hint"].as_str().unwrap().contains("--password-file"),
            "{refused}"
        );
    }
    let asked = environment
        .lpctl(&["account", "sign", "hello", "--json"])
        .expect_code(4);
    assert_eq!(asked.error()["code"], "password_needed");
}

/// GNOME's keyring on a bus of its own; `make setup` installs both.
#[test]
fn a_keyring_keeps_a_password_until_it_is_told_to_forget_it() {
    let environment = Environment::new();
    let (old, new) = environment.with_account();
    let lpctl = env!("CARGO_BIN_EXE_lpctl");
    let script = format!(
        "printf secret | gnome-keyring-daemon --unlock --foreground --components=secrets >/dev/null 2>&1 & daemon=$!
         trap 'kill $daemon' EXIT
         tries=0
         until dbus-send --session --print-reply --dest=org.freedesktop.DBus /              org.freedesktop.DBus.GetNameOwner string:org.freedesktop.secrets >/dev/null 2>&1
         do tries=$((tries+1)); [ $tries -lt 400 ] || exit 99; sleep 0.05; done
         sign() {{ {lpctl} account sign hello; echo \"sign $?\"; }}
         sign
         {lpctl} account keyring one --password-file {new}; echo \"wrong $?\"
         {lpctl} account keyring one --password-file {old} || exit 98
         sign
         {lpctl} account change-password one --new-password-file {new}; echo \"change $?\"
         sign
         {lpctl} account keyring one --forget; echo \"forget $?\"
         sign
         {lpctl} account keyring one --forget; echo \"again $?\""
    );
    let mut command = environment.command(&[]);
    let variables: Vec<_> = command
        .get_envs()
        .map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned)))
        .collect();
    let runtime = environment.home().join("runtime");
    fs::create_dir(&runtime).unwrap();
    command = std::process::Command::new("dbus-run-session");
    command
        .env_clear()
        .env("XDG_RUNTIME_DIR", &runtime)
        .current_dir(environment.home());
    for (name, value) in variables {
        command.env(name, value.unwrap_or_default());
    }
    let command = command
        .args(["--", "sh", "-c", &script])
        .stdin(std::process::Stdio::null());
    let output = command.output().expect("a bus: `make setup` installs one");
    let text = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{text}{said}");
    let outcomes: Vec<&str> = text
        .lines()
        .filter(|line| {
            line.rsplit_once(' ')
                .is_some_and(|(_, code)| code.len() == 1 && code.as_bytes()[0].is_ascii_digit())
        })
        .collect();
    let expected = [
        "sign 4", "wrong 4", "sign 0", "change 0", "sign 0", "forget 0", "sign 4", "again 4",
    ];
    assert_eq!(outcomes, expected, "{text}{said}");
}
