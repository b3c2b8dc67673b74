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
