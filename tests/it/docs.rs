//! What the documents promise is there.

use std::{collections::BTreeSet, fs, path::Path};

use crate::wire::vectors::rust_sources;

/// The names of functions that are run as tests.
fn tests_in(source: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut is_test = false;
    for line in source.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if let Some((_, rest)) = line.split_once("fn ").filter(|_| !line.starts_with("//")) {
            if is_test {
                names.extend(rest.split_once('(').map(|(name, _)| name.to_string()));
            }
            is_test = false;
        }
    }
    names
}

#[test]
fn every_trap_has_its_row_and_every_test_named_there_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut source = String::new();
    for folder in ["src", "tests", "commands/src", "commands/tests"] {
        rust_sources(&root.join(folder), &mut source);
    }
    let tests = tests_in(&source);
    let text = fs::read_to_string(root.join("docs/payments.md")).unwrap();
    let rows: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    let traps: Vec<(u32, &str)> = rows
        .iter()
        .filter_map(|cells| Some((cells.get(1)?.parse().ok()?, *cells.get(4)?)))
        .collect();
    let numbers: Vec<u32> = traps.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (1..=51).collect::<Vec<_>>());
    let unheld: Vec<u32> = rows
        .iter()
        .filter(|cells| cells.get(4).is_some_and(|cell| cell.is_empty()) && !cells[3].contains("not built"))
        .filter_map(|cells| cells[1].parse().ok())
        .collect();
    assert!(unheld.is_empty(), "no test holds {unheld:?}");
    let named = traps.iter().flat_map(|(_, cell)| cell.split(','));
    let missing: Vec<&str> = named
        .map(|name| name.trim().trim_matches('`'))
        .filter(|name| !name.is_empty() && !tests.contains(*name))
        .collect();
    assert!(missing.is_empty(), "no tests of these names: {missing:?}");
}
