//! The frame: parsing, help, settings, completion and manual.

use crate::environment::{Environment, Outcome};

#[test]
fn the_command_tree_is_sound() {
    lpctl::help::command().debug_assert();
}

#[test]
fn every_command_explains_itself_and_every_option_too() {
    fn walk(command: &clap::Command, path: &str, bare: &mut Vec<String>) {
        let path = format!("{path} {}", command.get_name());
        if command.get_about().is_none() {
            bare.push(path.clone());
        }
        for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
            if argument.get_help().is_none() {
                bare.push(format!("{path} {}", argument.get_id()));
            }
        }
        for child in command.get_subcommands().filter(|child| !child.is_hide_set()) {
            walk(child, &path, bare);
        }
    }
    let mut command = lpctl::help::command();
    command.build();
    let mut bare = Vec::new();
    walk(&command, "", &mut bare);
    assert!(bare.is_empty(), "without a word of help: {bare:?}");
}

#[test]
fn what_is_not_understood_is_exit_2_in_text_and_json() {
    let environment = Environment::new();
    let text = environment.lpctl(&["stak"]).expect_code(2);
    assert!(
        text.stdout.is_empty() && text.stderr.contains("unrecognized subcommand"),
        "{text:?}"
    );
    let json = environment.lpctl(&["--json", "stak"]).expect_code(2);
    assert_eq!(json.error()["code"], "usage");
    let json = environment.lpctl(&["--json", "stake"]).expect_code(2);
    assert!(
        json.error()["message"]
            .as_str()
            .unwrap()
            .contains("a command is missing"),
        "{json:?}"
    );
    let json = environment.lpctl(&["--json", "set-fees"]).expect_code(2);
    assert!(
        json.error()["message"].as_str().unwrap().contains("--reward-cut"),
        "{json:?}"
    );
}

#[test]
fn a_dry_run_that_cannot_be_is_refused() {
    let environment = Environment::new();
    let refused = environment
        .lpctl(&["config", "set", "account", "x", "--dry-run", "--json"])
        .expect_code(2);
    assert_eq!(refused.error()["code"], "no_dry_run");
    assert!(!environment.config_file().exists());
}

#[test]
fn a_config_file_named_and_missing_is_exit_3() {
    let environment = Environment::new();
    let failed = environment
        .lpctl(&["--config", "nowhere.toml", "config", "show", "--json"])
        .expect_code(3);
    assert_eq!(failed.error()["code"], "no_config");
}

#[test]
fn the_version_is_an_answer() {
    let shown = Environment::new().lpctl(&["--version"]).expect_code(0);
    assert_eq!(shown.stdout, format!("lpctl {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_flag_stands_over_a_variable_over_the_profile_over_the_defaults() {
    let environment = Environment::new();
    environment.write_config(
        "profile = \"a\"\n[defaults]\naccount = \"defaults\"\n[profiles.a]\naccount = \"profile\"\n[profiles.b]\n",
    );
    let account = |arguments: &[&str], variable: Option<&str>| {
        let mut command = environment.command(arguments);
        if let Some(value) = variable {
            command.env("LPCTL_ACCOUNT", value);
        }
        let output = command.output().unwrap();
        let settings = Outcome::from(output).data()["settings"]
            .as_array()
            .unwrap()
            .clone();
        settings
            .into_iter()
            .find(|setting| setting["key"] == "account")
            .unwrap()["value"]
            .as_str()
            .map(String::from)
    };
    let show = ["config", "show", "--json"];
    assert_eq!(
        account(&[&show[..], &["--account", "flag"]].concat(), Some("variable")).as_deref(),
        Some("flag")
    );
    assert_eq!(account(&show, Some("variable")).as_deref(), Some("variable"));
    assert_eq!(account(&show, None).as_deref(), Some("profile"));
    assert_eq!(
        account(&[&show[..], &["--profile", "b"]].concat(), None).as_deref(),
        Some("defaults")
    );
}

#[test]
fn a_config_that_is_not_understood_is_exit_3_and_names_the_line() {
    let environment = Environment::new();
    environment.write_config("[defaults]\nnetwrk = \"devnet\"\n");
    let failed = environment.lpctl(&["config", "check"]).expect_code(3);
    assert!(
        failed.stderr.contains("line 2") && failed.stderr.contains("netwrk"),
        "{failed:?}"
    );
    let failed = environment
        .lpctl(&["config", "show", "--json", "--profile", "nowhere"])
        .expect_code(3);
    assert_eq!(failed.error()["code"], "bad_config");
    environment.write_config("[profiles.a]\n");
    let failed = environment
        .lpctl(&["config", "show", "--json", "--profile", "nowhere"])
        .expect_code(3);
    assert_eq!(failed.error()["code"], "unknown_profile");
    environment
        .lpctl(&["completions", "bash", "--profile", "nowhere"])
        .expect_code(0);
}

#[test]
fn a_setting_can_be_changed_and_is_read_back() {
    let environment = Environment::new();
    environment
        .lpctl(&[
            "config",
            "set",
            "rpc_urls",
            "https://one.example/SECRET",
            "--profile",
            "new",
        ])
        .expect_code(0);
    environment
        .lpctl(&["config", "set", "profile", "new"])
        .expect_code(0);
    let shown = environment.lpctl(&["config", "show"]).expect_code(0);
    assert!(
        shown.stdout.contains("https://one.example") && !shown.stdout.contains("SECRET"),
        "{shown:?}"
    );
    let refused = environment
        .lpctl(&["config", "set", "rpc_urls", "SECRET"])
        .expect_code(3);
    assert!(!refused.stderr.contains("SECRET"), "{refused:?}");
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(environment.config_file())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600, "the file can hold keys");
}

#[test]
fn how_hard_the_cpu_tries_is_a_section_of_the_config() {
    let environment = Environment::new();
    let value = |key: &str| {
        let shown = environment.lpctl(&["config", "show", "--json"]).expect_code(0);
        let settings = shown.data()["settings"].as_array().unwrap().clone();
        let row = settings.into_iter().find(|setting| setting["key"] == key);
        let row = row.unwrap_or_else(|| panic!("no {key}"));
        (
            row["value"].as_str().unwrap().to_string(),
            row["source"].as_str().unwrap().to_string(),
        )
    };
    let is = |value: &str, source: &str| (value.to_string(), source.to_string());
    assert_eq!(value("transcode.cpu.preset"), is("auto", "built_in"));
    for (key, set) in [
        ("slowest", "fast"),
        ("headroom_percent", "30"),
        ("preset", "veryfast"),
    ] {
        environment
            .lpctl(&["config", "set", &format!("transcode.cpu.{key}"), set])
            .expect_code(0);
    }
    assert_eq!(value("transcode.cpu.preset"), is("veryfast", "config_file"));
    assert_eq!(value("transcode.cpu.slowest"), is("fast", "config_file"));
    assert_eq!(value("transcode.cpu.fastest"), is("ultrafast", "built_in"));
    assert_eq!(value("transcode.cpu.headroom_percent"), is("30", "config_file"));
    let text = std::fs::read_to_string(environment.config_file()).unwrap();
    assert!(text.contains("[defaults.transcode.cpu]"), "{text}");
    environment.lpctl(&["config", "check"]).expect_code(0);
    // What could not be followed is not written, and found where somebody wrote it by hand.
    for (key, wrong) in [
        ("fastest", "medium"),
        ("preset", "warp"),
        ("headroom_percent", "91"),
    ] {
        let refused = environment
            .lpctl(&["config", "set", &format!("transcode.cpu.{key}"), wrong, "--json"])
            .expect_code(3);
        assert_eq!(refused.error()["code"], "config_not_written", "{key}");
    }
    assert_eq!(std::fs::read_to_string(environment.config_file()).unwrap(), text);
    environment.write_config("[defaults.transcode.cpu]\nslowest = \"superfast\"\nfastest = \"fast\"\n");
    for command in [
        &["config", "check", "--json"][..],
        &["run", "--offchain", "--json"],
    ] {
        let failed = environment.lpctl(command).expect_code(3);
        assert_eq!(failed.error()["code"], "bad_config", "{command:?}");
        let message = failed.error()["message"].as_str().unwrap().to_string();
        assert!(message.contains("superfast, is faster than"), "{message}");
    }
}

#[test]
fn completion_offers_commands_and_values() {
    let environment = Environment::new();
    environment.write_config("[profiles.mainnet]\n[profiles.devnet]\n");
    let complete = |words: &[&str], index: &str| {
        let mut arguments = vec!["--", "lpctl"];
        arguments.extend(words);
        let mut command = environment.command(&arguments);
        command
            .env("COMPLETE", "bash")
            .env("_CLAP_COMPLETE_INDEX", index)
            .env("_CLAP_IFS", "\n");
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    assert_eq!(complete(&["conf"], "1"), "config");
    assert_eq!(complete(&["--profile", "ma"], "2"), "mainnet");
    assert_eq!(complete(&["--network", "arb"], "2"), "arbitrum-one");
}

#[test]
fn the_manual_has_a_page_for_every_command() {
    let environment = Environment::new();
    let page = environment.lpctl(&["man", "config", "set"]).expect_code(0);
    assert!(
        page.stdout.contains(".TH") && page.stdout.contains("rpc_urls"),
        "{page:?}"
    );
    environment.lpctl(&["man", "nothing"]).expect_code(2);
}

#[test]
fn nobody_reading_the_answer_is_no_failure() {
    let environment = Environment::new();
    let mut child = environment
        .command(&["man"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), output.stderr.as_slice()),
        (Some(0), &b""[..])
    );
}

#[test]
fn a_devnet_that_is_down_says_how_to_start_it() {
    let environment = Environment::new();
    environment.write_config(
        "profile = \"devnet\"\n[profiles.devnet]\nnetwork = \"devnet\"\nchain_id = 31337\n\
         rpc_urls = [\"http://127.0.0.1:9\"]\ncontroller = \"0x5FbDB2315678afecb367f032d93F642f64180aa3\"\n",
    );
    let failed = environment.lpctl(&["protocol", "show", "--json"]).expect_code(7);
    assert!(
        failed.error()["hint"]
            .as_str()
            .unwrap()
            .contains("lpctl devnet up"),
        "{failed:?}"
    );
}
