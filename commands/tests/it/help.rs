//! The help as it is read: on 80 columns, with examples that are understood and, where nothing is needed for it, run.

use std::ffi::OsString;

use crate::{environment::Environment, operator::Operator};

/// The widest line of the smallest terminal.
const WIDTH: usize = 80;

fn walk(command: &clap::Command, path: &str, visit: &mut impl FnMut(&str, &clap::Command)) {
    visit(path, command);
    for child in command.get_subcommands().filter(|child| !child.is_hide_set()) {
        walk(child, format!("{path} {}", child.get_name()).trim(), visit);
    }
}

/// Words of a command line, quotes taken off.
fn words(line: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let (mut word, mut quote, mut has_word) = (String::new(), None, false);
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                has_word = true;
            }
            (None, ' ') if has_word => {
                words.push(std::mem::take(&mut word));
                has_word = false;
            }
            (None, ' ') => {}
            (_, c) => {
                word.push(c);
                has_word = true;
            }
        }
    }
    if has_word {
        words.push(word);
    }
    words
}

/// The command lines of `lpctl` in one example: around pipes, redirections and what a shell puts about them.
fn commands_in(line: &str) -> Vec<Vec<String>> {
    let line = line
        .replace("source <(", "")
        .replace("bash)", "bash")
        .replace("zsh)", "zsh");
    let mut found = Vec::new();
    let mut current: Vec<String> = Vec::new();
    for word in words(&line).into_iter().chain(["|".to_string()]) {
        match word.as_str() {
            "|" | "&&" | ";" | ">" | ">>" => {
                if current.first().is_some_and(|first| first == "lpctl") {
                    found.push(std::mem::take(&mut current));
                }
                current.clear();
            }
            _ => current.push(word),
        }
    }
    found
}

/// The example lines of a help text, without what explains them.
fn examples(text: &str) -> Vec<String> {
    let lines = text.lines().skip_while(|line| !line.starts_with("Examples:"));
    lines
        .skip(1)
        .take_while(|line| !line.trim().is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("       "))
        .map(|line| line.trim().split("  ").next().unwrap_or_default().to_string())
        .collect()
}

/// Every example of every command: its path and the words after `lpctl`.
fn all_examples() -> Vec<(String, Vec<String>)> {
    let mut all = Vec::new();
    let root = lpctl::cli::help_source();
    walk(&root, "", &mut |path, command| {
        let text = command
            .get_after_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        for line in examples(&text) {
            all.extend(
                commands_in(&line)
                    .into_iter()
                    .map(|words| (path.to_string(), words)),
            );
        }
    });
    all
}

#[test]
fn every_help_fits_80_columns_and_no_example_is_torn() {
    let mut root = lpctl::help::command().term_width(WIDTH);
    root.build();
    let mut wrong: Vec<String> = Vec::new();
    walk(&root, "", &mut |path, command| {
        let mut command = command.clone();
        for (form, text) in [
            ("--help", command.render_long_help().to_string()),
            ("-h", command.render_help().to_string()),
        ] {
            for line in text.lines().filter(|line| line.chars().count() > WIDTH) {
                wrong.push(format!("{path} {form}: {line}"));
            }
            let laid_out = command
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            for line in laid_out.lines().filter(|line| line.starts_with("  ")) {
                if !text.lines().any(|shown| shown == line) {
                    wrong.push(format!("{path} {form} tears: {line}"));
                }
            }
        }
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_command_has_examples_and_each_is_understood() {
    let all = all_examples();
    let mut wrong: Vec<String> = Vec::new();
    walk(&lpctl::cli::help_source(), "", &mut |path, command| {
        let is_leaf = command.get_subcommands().next().is_none();
        if is_leaf && !all.iter().any(|(of, _)| of == path) {
            wrong.push(format!("{path}: no example"));
        }
    });
    for (path, words) in &all {
        // lpctl alone is the menu.
        if words.len() == 1 {
            continue;
        }
        // What is shortened stands for an address or a hash.
        let whole = |long: &str| {
            let words = words
                .iter()
                .map(|word| match word.contains('…') && word.starts_with("0x") {
                    true => long.to_string(),
                    false => word.replace("0x…", long),
                });
            lpctl::menu::parse(words.map(OsString::from).collect())
        };
        let read = whole("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
            .or_else(|_| whole("0x4f1b2d51aa4f0e8d6c7b3a291817161514131211100f0e0d0c0b0a090807dd2e"));
        if let Err(error) = read {
            let said = error.to_string();
            wrong.push(format!(
                "{path}: {words:?}: {}",
                said.lines().next().unwrap_or_default()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn examples_that_need_nothing_run() {
    let environment = Environment::new();
    environment.write_config("[profiles.devnet]\nnetwork = \"devnet\"\n[profiles.default]\n");
    let offline = [
        "config",
        "completions",
        "explain",
        "man",
        "account list",
        "migrate flags",
    ];
    let mut run = 0;
    for (path, words) in all_examples() {
        let is_offline = offline
            .iter()
            .any(|known| path == *known || path.starts_with(&format!("{known} ")));
        // Files of the reader's are not here.
        if !is_offline || words.iter().any(|word| word == "--file") {
            continue;
        }
        let words: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
        let outcome = environment.lpctl(&words);
        assert_eq!(outcome.code, Some(0), "{words:?}: {outcome:?}");
        run += 1;
    }
    assert!(run > 15, "{run} examples were run");
}

#[tokio::test(flavor = "multi_thread")]
async fn examples_that_read_the_chain_run_on_a_devnet() {
    let operator = Operator::new().await;
    let reading = [
        "status",
        "stake show",
        "orch list",
        "round show",
        "protocol show",
        "token balance",
        "fees show",
        "deposit show",
        "reward status",
        "tx list",
    ];
    let mut run = 0;
    for (path, words) in all_examples() {
        // Only the accounts of this keystore can be named.
        let names_another = words.iter().any(|word| word == "treasury" || word == "gateway");
        if !reading.contains(&path.as_str()) || names_another {
            continue;
        }
        let words: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
        let outcome = operator.lpctl(&words);
        assert_eq!(outcome.code, Some(0), "{words:?}: {outcome:?}");
        run += 1;
    }
    assert!(run >= reading.len(), "{run} examples were run");
}

#[test]
fn a_name_is_explained_and_a_typo_understood() {
    let environment = Environment::new();
    let code = environment
        .lpctl(&["explain", "reward_not_called", "--json"])
        .expect_code(0);
    assert_eq!(code.data()["kinds"][0], "code");
    let setting = environment.lpctl(&["explain", "payments.price"]).expect_code(0);
    assert!(
        setting.stdout.contains("lpctl config set payments.price"),
        "{setting:?}"
    );
    let option = environment
        .lpctl(&["explain", "--", "--max-gas-price"])
        .expect_code(0);
    assert!(option.stdout.contains("LPCTL_MAX_GAS_PRICE"), "{option:?}");
    let typo = environment
        .lpctl(&["explain", "reward_not_caled", "--json"])
        .expect_code(2);
    assert_eq!(typo.error()["code"], "unknown_name");
    let hint = typo.error()["hint"].as_str().unwrap().to_string();
    assert!(hint.contains("`reward_not_called`"), "{hint}");
    // What a broken config must not stand in the way of.
    environment.write_config("no toml at all");
    environment.lpctl(&["explain", "bad_config"]).expect_code(0);
}

#[test]
fn a_typo_in_the_config_is_shown_with_its_place_and_what_was_meant() {
    let environment = Environment::new();
    environment.write_config("[defaults]\n  netwrk = \"devnet\"\n");
    let failed = environment
        .lpctl(&["config", "check", "--json"])
        .expect_code(3)
        .error();
    let message = failed["message"].as_str().unwrap();
    assert!(
        message.contains("line 2, column 3") && message.contains("`netwrk`"),
        "{message}"
    );
    assert_eq!(failed["hint"], "did you mean `network`?");
}
