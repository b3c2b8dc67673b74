//! What the documents promise is there.

use std::{collections::BTreeSet, fs, path::Path};

fn tests_in(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            tests_in(&path, names);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let after_fn = text.split("fn ").skip(1);
            names.extend(after_fn.filter_map(|rest| Some(rest.split_once('(')?.0.to_string())));
        }
    }
}

#[test]
fn every_trap_has_its_row_and_every_test_named_there_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests = BTreeSet::new();
    for folder in ["src", "tests", "commands/src", "commands/tests"] {
        tests_in(&root.join(folder), &mut tests);
    }
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
    let named = traps.iter().flat_map(|(_, cell)| cell.split(','));
    let missing: Vec<&str> = named
        .map(|name| name.trim().trim_matches('`'))
        .filter(|name| !name.is_empty() && !tests.contains(*name))
        .collect();
    assert!(missing.is_empty(), "no tests of these names: {missing:?}");
}
